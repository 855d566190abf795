//! The time: the one place that reads the clock.

#[cfg(feature = "file")]
mod moment;

#[cfg(feature = "file")]
pub(crate) use self::moment::Moment;

use crate::error::Error;

/// Where the time comes from.
#[derive(Clone, Copy, Default)]
pub(crate) enum Clock {
    /// The system's, where there is one.
    #[default]
    System,
    Fixed(u64),
    Function(fn() -> u64),
}

impl Clock {
    /// Unix seconds.
    pub(crate) fn now(self) -> Result<u64, Error> {
        match self {
            Self::Fixed(now) => Ok(now),
            Self::Function(now) => Ok(now()),
            #[cfg(feature = "std")]
            Self::System => std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map(|since| since.as_secs())
                .map_err(|_| Error::invalid("the system clock stands before 1970: set it")),
            #[cfg(not(feature = "std"))]
            Self::System => Err(Error::invalid(
                "without the feature `std` there is no clock: give one by Access::clock or Access::at",
            )),
        }
    }
}

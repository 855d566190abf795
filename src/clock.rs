//! The time: the one place that reads the clock.

#[cfg(feature = "file")]
mod moment;

#[cfg(feature = "file")]
pub(crate) use self::moment::Moment;

use crate::error::Error;

/// How far the clocks of those who tell ledgers may differ, in seconds.
pub(crate) const CLOCKS_DIFFER: u64 = 86_400;

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
            Self::System => system(),
        }
    }
}

#[cfg(all(feature = "std", not(all(target_family = "wasm", target_os = "unknown"))))]
fn system() -> Result<u64, Error> {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map(|since| since.as_secs())
        .map_err(|_| before_1970())
}

/// The clock of the page, or of Node. The one of `std` is not there, and panics.
#[cfg(all(feature = "wasm", target_family = "wasm", target_os = "unknown"))]
fn system() -> Result<u64, Error> {
    let since = core::time::Duration::try_from_secs_f64(js_sys::Date::now() / 1_000.0);
    since.map(|since| since.as_secs()).map_err(|_| before_1970())
}

#[cfg(all(not(feature = "wasm"), target_family = "wasm", target_os = "unknown"))]
fn system() -> Result<u64, Error> {
    Err(Error::invalid(
        "this target has no clock: turn on the feature `wasm` for that of the page, or give one by \
         Access::clock or Access::at",
    ))
}

#[cfg(all(not(feature = "std"), not(all(target_family = "wasm", target_os = "unknown"))))]
fn system() -> Result<u64, Error> {
    Err(Error::invalid(
        "without the feature `std` there is no clock: give one by Access::clock or Access::at",
    ))
}

#[cfg(any(
    all(feature = "std", not(all(target_family = "wasm", target_os = "unknown"))),
    all(feature = "wasm", target_family = "wasm", target_os = "unknown"),
))]
fn before_1970() -> Error {
    Error::invalid("the system clock stands before 1970: set it")
}

//! A time as documents spell it.

use alloc::string::ToString as _;
use core::fmt;

use jiff::Timestamp;

use super::Clock;
use crate::error::Error;

/// `[RF-2]` A time in whole seconds, spelled `2026-11-22T00:33:40Z` (RFC 3339, UTC).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(Timestamp);

impl Moment {
    pub(crate) fn now() -> Result<Self, Error> {
        Self::of(Clock::System.now()?)
            .ok_or_else(|| Error::invalid("the system clock stands after the year 9999: set it"))
    }

    pub(crate) fn of(seconds: u64) -> Option<Self> {
        Timestamp::from_second(i64::try_from(seconds).ok()?).ok().map(Self)
    }

    /// One spelling for each moment.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let moment = Self(text.parse().ok()?);
        let whole = moment.0.subsec_nanosecond() == 0 && moment.0.as_second() >= 0;
        (whole && moment.to_string() == text).then_some(moment)
    }

    pub(crate) fn seconds(self) -> u64 {
        u64::try_from(self.0.as_second()).unwrap_or_default()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_one_spelling() {
        for good in ["1970-01-01T00:00:00Z", "2026-11-22T00:33:40Z", "9999-12-30T22:00:00Z"] {
            let moment = Moment::parse(good).unwrap();
            assert_eq!(moment.to_string(), good);
            assert!(Moment::of(moment.seconds()) == Some(moment));
        }
        for bad in [
            "",
            "2026-11-22",
            "2026-11-22T00:33:40",
            "2026-11-22t00:33:40z",
            "2026-11-22T00:33:40.5Z",
            "2026-11-22T00:33:40.0Z",
            "2026-11-22T00:33:40+00:00",
            "2026-11-22T01:33:40+01:00",
            "2026-11-22 00:33:40Z",
            "2026-11-31T00:33:40Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert!(Moment::parse(bad).is_none(), "{bad}");
        }
    }
}

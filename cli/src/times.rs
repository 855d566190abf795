//! Times and days, as people write them.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const DAY: u64 = 86_400;

/// Now, in Unix seconds.
pub(crate) fn now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}

/// `2026-11-22 00:21:24 UTC`; the number itself where the calendar ends before it.
pub(crate) fn instant(seconds: u64) -> String {
    match timestamp(seconds) {
        Some(at) => at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        None => format!("{seconds} seconds after 1970"),
    }
}

/// `2026-11-22`, in UTC.
pub(crate) fn day(seconds: u64) -> String {
    match timestamp(seconds) {
        Some(at) => at.strftime("%Y-%m-%d").to_string(),
        None => format!("{seconds} seconds after 1970"),
    }
}

fn timestamp(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

/// `3 days`: how long ago that was.
pub(crate) fn age(now: u64, then: u64) -> String {
    match now.saturating_sub(then) / DAY {
        0 => "today".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// So many days after a moment.
pub(crate) fn days_after(seconds: u64, days: u32) -> u64 {
    seconds.saturating_add(u64::from(days).saturating_mul(DAY))
}

/// The last second of a day in UTC, `YYYY-MM-DD`, as an argument.
pub(crate) fn end_of_day(text: &str) -> Result<u64, String> {
    let refused = || "a date is written YYYY-MM-DD and lies after 1970".to_owned();
    let date = Date::from_str(text).map_err(|_| refused())?;
    // What jiff reads beside the plain form is not taken.
    if date.to_string() != text {
        return Err(refused());
    }
    let end = date.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).map_err(|_| refused())?;
    u64::try_from(end.timestamp().as_second()).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_taken_in_one_form_only() {
        assert_eq!(end_of_day("1970-01-01"), Ok(86_399));
        assert_eq!(end_of_day("2026-11-22").map(day), Ok("2026-11-22".to_owned()));
        for bad in [
            "",
            "today",
            "2026-13-01",
            "2026-02-30",
            "22.11.2026",
            "2026-1-1",
            "1969-12-31",
            "20261122",
            "2026-11-22T00:00:00",
        ] {
            assert!(end_of_day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_no_calendar_has_are_told_as_numbers() {
        assert_eq!(instant(0), "1970-01-01 00:00:00 UTC");
        assert!(instant(u64::MAX).starts_with("18446744073709551615 "));
        assert!(day(i64::MAX.unsigned_abs()).ends_with("1970"));
    }
}

//! Dates (tag 1004, RFC 8943) and instants (tag 1001, RFC 9581) of the calendar crates.

use super::{Decoder, Encoder, NotNull, SealValue};
use crate::error::Error;
use crate::field::Sealed;

const DATE: u64 = 1004;
const INSTANT: u64 = 1001;
const SECONDS: u64 = 1;
const NANOSECONDS: i64 = -9;
const A_DATE: &str = "a date";
const AN_INSTANT: &str = "an instant";

/// `[PT-5]` A day of the years 0000 to 9999.
fn encode_date(to: &mut Encoder<'_>, year: i64, month: u8, day: u8) -> Result<(), Error> {
    if !(0..=9999).contains(&year) {
        return Err(Error::invalid("a date lies in the years 0 to 9999"));
    }
    to.tag(DATE)?;
    let mut text = *b"0000-00-00";
    let [y1, y2, y3, y4, _, m1, m2, _, d1, d2] = &mut text;
    write_digits([y4, y3, y2, y1], year);
    write_digits([m2, m1], month.into());
    write_digits([d2, d1], day.into());
    // safe: the text is digits and hyphens.
    to.text(core::str::from_utf8(&text).unwrap_or_default())
}

/// Writes a number of as many digits as there are places, the last digit first.
fn write_digits<const N: usize>(places: [&mut u8; N], mut number: i64) {
    for place in places {
        *place = u8::try_from(number.rem_euclid(10)).map_or(b'0', |digit| b'0'.wrapping_add(digit));
        number = number.div_euclid(10);
    }
}

/// Year, month, day of a text that is known to be a date.
fn decode_date(from: &mut Decoder<'_>) -> Result<(i16, u8, u8), Error> {
    from.tag(DATE, A_DATE)?;
    let text = from.text()?;
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let number = |part: Option<&str>| part.and_then(|digits| digits.parse::<u8>().ok());
    match (year.and_then(|digits| digits.parse().ok()), number(month), number(day)) {
        (Some(year), Some(month), Some(day)) => Ok((year, month, day)),
        _ => Err(Error::type_mismatch(A_DATE)),
    }
}

/// `[PT-6]` Seconds rounded down, and nanoseconds.
fn encode_instant(to: &mut Encoder<'_>, seconds: i64, nanoseconds: u32) -> Result<(), Error> {
    to.tag(INSTANT)?;
    to.map(2)?;
    to.unsigned(SECONDS)?;
    to.signed(seconds)?;
    to.signed(NANOSECONDS)?;
    to.unsigned(nanoseconds.into())
}

fn decode_instant(from: &mut Decoder<'_>) -> Result<(i64, u32), Error> {
    from.tag(INSTANT, AN_INSTANT)?;
    let mismatch = || Error::type_mismatch(AN_INSTANT);
    if from.map()? != 2 || from.unsigned()? != SECONDS {
        return Err(mismatch());
    }
    let seconds = from.signed()?;
    if from.signed()? != NANOSECONDS {
        return Err(mismatch());
    }
    Ok((seconds, from.unsigned()?.try_into().map_err(|_| mismatch())?))
}

#[cfg(any(feature = "jiff", feature = "time"))]
const NANOS: i128 = 1_000_000_000;

/// Seconds rounded down and the nanoseconds above them.
#[cfg(any(feature = "jiff", feature = "time"))]
fn split_nanoseconds(total: i128) -> Result<(i64, u32), Error> {
    let out_of_range = || Error::invalid("the instant is out of range");
    let seconds = i64::try_from(total.div_euclid(NANOS)).map_err(|_| out_of_range())?;
    let nanoseconds = u32::try_from(total.rem_euclid(NANOS)).map_err(|_| out_of_range())?;
    Ok((seconds, nanoseconds))
}

#[cfg(any(feature = "jiff", feature = "time"))]
fn join_nanoseconds((seconds, nanoseconds): (i64, u32)) -> i128 {
    i128::from(seconds).saturating_mul(NANOS).saturating_add(nanoseconds.into())
}

value!(
    #[cfg(feature = "jiff")]
    jiff::civil::Date as Date:
    |date, to| {
        let part = |n: i8| u8::try_from(n).map_err(|_| Error::invalid("the date is out of range"));
        encode_date(to, date.year().into(), part(date.month())?, part(date.day())?)
    },
    |from| {
        let (year, month, day) = decode_date(from)?;
        let part = |n: u8| i8::try_from(n).map_err(|_| Error::type_mismatch(A_DATE));
        Self::new(year, part(month)?, part(day)?).map_err(|_| Error::type_mismatch(A_DATE))
    }
);

value!(
    #[cfg(feature = "jiff")]
    jiff::Timestamp as Instant:
    |instant, to| {
        let (seconds, nanoseconds) = split_nanoseconds(instant.as_nanosecond())?;
        encode_instant(to, seconds, nanoseconds)
    },
    |from| Self::from_nanosecond(join_nanoseconds(decode_instant(from)?))
        .map_err(|_| Error::type_mismatch(AN_INSTANT))
);

value!(
    #[cfg(feature = "chrono")]
    chrono::NaiveDate as Date:
    |date, to| {
        use chrono::Datelike as _;
        let part = |n: u32| u8::try_from(n).map_err(|_| Error::invalid("the date is out of range"));
        encode_date(to, date.year().into(), part(date.month())?, part(date.day())?)
    },
    |from| {
        let (year, month, day) = decode_date(from)?;
        Self::from_ymd_opt(year.into(), month.into(), day.into()).ok_or_else(|| Error::type_mismatch(A_DATE))
    }
);

value!(
    #[cfg(feature = "chrono")]
    chrono::DateTime<chrono::Utc> as Instant:
    |instant, to| {
        // A leap second, which chrono writes as nanoseconds past a whole second, has no place here.
        if instant.timestamp_subsec_nanos() > 999_999_999 {
            return Err(Error::invalid("a leap second cannot be sealed as an instant"));
        }
        encode_instant(to, instant.timestamp(), instant.timestamp_subsec_nanos())
    },
    |from| {
        let (seconds, nanoseconds) = decode_instant(from)?;
        Self::from_timestamp(seconds, nanoseconds).ok_or_else(|| Error::type_mismatch(AN_INSTANT))
    }
);

value!(
    #[cfg(feature = "time")]
    time::Date as Date:
    |date, to| encode_date(to, date.year().into(), date.month().into(), date.day()),
    |from| {
        let (year, month, day) = decode_date(from)?;
        time::Month::try_from(month)
            .and_then(|month| Self::from_calendar_date(year.into(), month, day))
            .map_err(|_| Error::type_mismatch(A_DATE))
    }
);

// An instant: the offset is not kept, and what opens is in UTC.
value!(
    #[cfg(feature = "time")]
    time::OffsetDateTime as Instant:
    |instant, to| {
        let (seconds, nanoseconds) = split_nanoseconds(instant.unix_timestamp_nanos())?;
        encode_instant(to, seconds, nanoseconds)
    },
    |from| Self::from_unix_timestamp_nanos(join_nanoseconds(decode_instant(from)?))
        .map_err(|_| Error::type_mismatch(AN_INSTANT))
);

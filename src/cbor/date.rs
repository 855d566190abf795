//! Days of the calendar: `YYYY-MM-DD`, in the years 0000 to 9999 of the proleptic Gregorian calendar.

/// Days since 1970-01-01, of a day there is.
pub(crate) const fn days(date: &[u8; 10]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else {
        return None;
    };
    let (Some(year), Some(month), Some(day)) =
        (number([y1, y2, y3, y4]), number([0x30, 0x30, m1, m2]), number([0x30, 0x30, d1, d2]))
    else {
        return None;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    if day < 1 || day > last {
        return None;
    }
    // A year that begins in March ends with the day that leap years add.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 153 days are five months from March on; 719,468 days lie between 0000-03-01 and 1970-01-01.
    Some(year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468)
}

const fn number(digits: [u8; 4]) -> Option<i64> {
    let (mut number, mut rest) = (0, digits.as_slice());
    while let [digit, tail @ ..] = rest {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + widen(*digit - b'0');
        rest = tail;
    }
    Some(number)
}

#[allow(clippy::as_conversions, reason = "widening; `From` is not const")]
const fn widen(digit: u8) -> i64 {
    digit as i64
}

#[cfg(test)]
mod tests {
    use super::days;

    #[test]
    fn days_follow_each_other_from_1970_on() {
        for (date, day) in [
            (b"1970-01-01", 0),
            (b"1969-12-31", -1),
            (b"1972-02-29", 789),
            (b"2000-03-01", 11_017),
            (b"0000-01-01", -719_528),
            (b"9999-12-31", 2_932_896),
        ] {
            assert_eq!(days(date), Some(day));
        }
        let mut last = days(b"1895-12-31").unwrap();
        for year in 1896..2105 {
            for month in 1..=12 {
                for day in 1..=31 {
                    let text = std::format!("{year:04}-{month:02}-{day:02}");
                    if let Some(at) = days(text.as_bytes().try_into().unwrap()) {
                        assert_eq!(at, last + 1, "{text}");
                        last = at;
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_day_has_no_number() {
        for no_day in [
            b"1900-02-29",
            b"2001-02-29",
            b"2000-00-10",
            b"2000-13-01",
            b"2000-04-31",
            b"2000-01-00",
            b"2000/01/01",
            b"20000-1-01",
            b"+200-01-01",
        ] {
            assert_eq!(days(no_day), None);
        }
    }
}

//! The values that a range index takes, and the nodes of the tree above them.

use alloc::vec::Vec;

use crate::cbor::{Item, ValueKind, days};
use crate::error::Error;

/// The values that a range index takes, from the least to the greatest, and how finely it tells them
/// apart.
///
/// ```
/// use fieldseal::index::Domain;
///
/// const BIRTH: Domain = Domain::dates("1900-01-01", "2099-12-31");
/// const CENTS: Domain = Domain::decimals("0.00", "99999.99").step(100);
/// const POINTS: Domain = Domain::integers(-1000, 1000);
/// assert_eq!((BIRTH.buckets(), CENTS.buckets(), POINTS.buckets()), (73_049, 100_000, 2_001));
/// ```
///
/// Values outside are refused when they are sealed: they could not be found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Domain {
    unit: Unit,
    // As text: readers of JSON round integers beyond 2^53.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    least: i128,
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    greatest: i128,
    step: u64,
}

#[cfg(feature = "serde")]
fn as_text<S: serde::Serializer>(number: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// What the numbers of a domain count.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
enum Unit {
    One,
    /// Days since 1970-01-01.
    Day,
    /// Of so many decimal places.
    Decimal(u8),
}

/// A number of buckets above this would need more than 48 terms a value.
const MOST_BUCKETS: u128 = 1 << 48;

#[allow(clippy::panic, reason = "these stop compilation of a bad constant")]
impl Domain {
    /// The integers from `least` to `greatest`, both among them.
    ///
    /// # Panics
    /// When `least` is above `greatest`, and over 2^48 buckets. In a constant that is a compile error.
    pub const fn integers(least: i128, greatest: i128) -> Self {
        Self { unit: Unit::One, least, greatest, step: 1 }.checked()
    }

    /// The days from `least` to `greatest`, both among them: `YYYY-MM-DD`.
    ///
    /// # Panics
    /// As [`integers`](Self::integers), and on what is no day.
    pub const fn dates(least: &str, greatest: &str) -> Self {
        let (least, greatest) = (day(least), day(greatest));
        Self { unit: Unit::Day, least, greatest, step: 1 }.checked()
    }

    /// The decimals from `least` to `greatest`, both among them, which are written with the same number of
    /// decimal places. Values with more are refused.
    ///
    /// # Panics
    /// As [`integers`](Self::integers), and on what is no such number of at most 18 digits.
    pub const fn decimals(least: &str, greatest: &str) -> Self {
        let ((least, places), (greatest, same)) = (decimal(least), decimal(greatest));
        assert!(places == same, "write both ends with the same number of decimal places");
        Self { unit: Unit::Decimal(places), least, greatest, step: 1 }.checked()
    }

    /// Tells apart steps of so many integers, days or last decimal places only: fewer terms, and values
    /// nearby that have the same.
    ///
    /// # Panics
    /// On 0, and when set twice.
    pub const fn step(mut self, step: u64) -> Self {
        assert!(step > 0, "a step is at least 1");
        assert!(self.step == 1, "the step of this domain is set twice");
        self.step = step;
        self.checked()
    }

    /// How many values it tells apart; `u64::MAX` for more than that, which no index takes.
    pub const fn buckets(&self) -> u64 {
        #[allow(clippy::as_conversions, reason = "widening, and checked")]
        match self.count() {
            count if count > u64::MAX as u128 => u64::MAX,
            count => count as u64,
        }
    }

    #[allow(clippy::as_conversions, reason = "widening; `From` is not const")]
    const fn count(&self) -> u128 {
        self.greatest.abs_diff(self.least) / self.step as u128 + 1
    }

    #[allow(clippy::panic, reason = "stops compilation of a bad constant")]
    const fn checked(self) -> Self {
        match self.lint_ends() {
            Ok(()) => self,
            Err(why) => panic!("{}", why),
        }
    }

    const fn lint_ends(&self) -> Result<(), &'static str> {
        if self.least > self.greatest {
            return Err("the least value of a domain is above its greatest");
        }
        // A step may still follow that makes them fewer, so this is asked again where levels are counted.
        if self.greatest.abs_diff(self.least) >= 1 << 100 {
            return Err("the domain is too large");
        }
        Ok(())
    }

    /// A domain that is read from a schema. `places` is `None` for integers, and `Some(None)` for days.
    #[cfg(feature = "schema")]
    pub(crate) fn read(
        places: Option<Option<u8>>,
        least: i128,
        greatest: i128,
        step: u64,
    ) -> Result<Self, &'static str> {
        const GREATEST_DAY: i128 = 2_932_896;
        const LEAST_DAY: i128 = -719_528;
        const LARGEST_DECIMAL: i128 = 999_999_999_999_999_999;
        let (unit, ends) = match places {
            None => (Unit::One, i128::MIN..=i128::MAX),
            Some(None) => (Unit::Day, LEAST_DAY..=GREATEST_DAY),
            Some(Some(places)) if places <= 17 => {
                (Unit::Decimal(places), -LARGEST_DECIMAL..=LARGEST_DECIMAL)
            }
            Some(Some(_)) => return Err("a decimal has at most 17 decimal places"),
        };
        if !(ends.contains(&least) && ends.contains(&greatest)) {
            return Err("an end is not a value of its unit");
        }
        if step == 0 {
            return Err("a step is at least 1");
        }
        let domain = Self { unit, least, greatest, step };
        domain.lint_ends()?;
        if domain.count() > MOST_BUCKETS {
            return Err("the domain has more than 2^48 buckets: make its step larger");
        }
        Ok(domain)
    }

    /// The levels above which every value has the same term or the other: the root says nothing.
    pub(crate) const fn levels(&self) -> u8 {
        let count = self.count();
        assert!(
            count <= MOST_BUCKETS,
            "the domain has more than 2^48 buckets: make its step larger"
        );
        #[allow(clippy::as_conversions, reason = "at most 48")]
        let levels = count.next_power_of_two().trailing_zeros() as u8;
        if levels == 0 { 1 } else { levels }
    }

    /// What stands against it as a domain of such values.
    pub(super) const fn lint(&self, kind: ValueKind) -> Result<(), &'static str> {
        match (self.unit, kind) {
            (_, ValueKind::Unknown)
            | (Unit::One, ValueKind::Integer)
            | (Unit::Day, ValueKind::Date)
            | (Unit::Decimal(_), ValueKind::Decimal | ValueKind::Integer) => Ok(()),
            (_, ValueKind::Integer) => Err("a range index of integers needs Domain::integers"),
            (_, ValueKind::Date) => Err("a range index of dates needs Domain::dates"),
            (_, ValueKind::Decimal) => Err("a range index of decimals needs Domain::decimals"),
            _ => Err("a range index needs an integer, date or decimal field"),
        }
    }

    /// A value as a number of this domain, inside or not.
    pub(super) fn number(&self, item: &Item<'_>) -> Result<i128, Error> {
        match (self.unit, *item) {
            (Unit::One, Item::Integer(number)) => Ok(number),
            (Unit::Day, Item::Date(text)) => text
                .as_bytes()
                .try_into()
                .ok()
                .and_then(days)
                .map(i128::from)
                .ok_or_else(|| Error::invalid("a date lies in the years 0 to 9999")),
            (Unit::Decimal(places), Item::Integer(number)) => scaled(number, 0, places),
            (Unit::Decimal(places), Item::Decimal { mantissa, exponent }) => {
                scaled(mantissa, exponent, places)
            }
            (Unit::One, _) => Err(Error::declaration(
                "the index is declared by Domain::integers, and takes integers",
            )),
            (Unit::Day, _) => Err(Error::declaration(
                "the index is declared by Domain::dates, and takes values of a date type",
            )),
            (Unit::Decimal(_), _) => Err(Error::declaration(
                "the index is declared by Domain::decimals, and takes decimals",
            )),
        }
    }

    /// `[IX-9]` The bucket of a value.
    pub(super) fn bucket(&self, number: i128) -> Result<u64, Error> {
        self.bucket_inside(number).ok_or_else(|| {
            Error::invalid("the value is outside of the domain that the range index declares, and could not be found")
        })
    }

    fn bucket_inside(&self, number: i128) -> Option<u64> {
        if !(self.least..=self.greatest).contains(&number) {
            return None;
        }
        let above = number.checked_sub(self.least)?.checked_div(self.step.into())?;
        u64::try_from(above).ok()
    }

    /// The buckets from one value to another, as far as they are in the domain.
    pub(super) fn buckets_between(&self, least: i128, greatest: i128) -> Option<(u64, u64)> {
        let (least, greatest) = (least.max(self.least), greatest.min(self.greatest));
        if least > greatest {
            return None;
        }
        Some((self.bucket_inside(least)?, self.bucket_inside(greatest)?))
    }
}

/// `[IX-10]` The fewest nodes of the lowest `levels` levels that cover these buckets and no others;
/// `None` for more than `most`.
pub(super) fn cover(
    (mut least, mut greatest): (u64, u64),
    levels: u8,
    most: usize,
) -> Option<Vec<(u8, u64)>> {
    let mut nodes = Vec::new();
    for level in 0..levels {
        let is_top = level.saturating_add(1) == levels;
        if is_top {
            let count = usize::try_from(greatest.saturating_sub(least)).ok()?;
            if count >= most.saturating_sub(nodes.len()) {
                return None;
            }
            nodes.extend((least..=greatest).map(|node| (level, node)));
            break;
        }
        // A right child without its sibling, at the left end, and a left one at the right end.
        if least & 1 == 1 {
            nodes.push((level, least));
            least = least.saturating_add(1);
        }
        if greatest & 1 == 0 {
            nodes.push((level, greatest));
            let Some(before) = greatest.checked_sub(1) else { break };
            greatest = before;
        }
        if least > greatest {
            break;
        }
        (least, greatest) = (least >> 1, greatest >> 1);
    }
    Some(nodes)
}

/// `[IX-9]` `mantissa × 10^exponent` counted in units of so many decimal places. What is too large to count
/// is outside of every domain.
fn scaled(mantissa: i128, exponent: i64, places: u8) -> Result<i128, Error> {
    let mut shift = exponent.saturating_add(places.into());
    let mut number = mantissa;
    while shift < 0 {
        if number.checked_rem(10) != Some(0) {
            return Err(Error::invalid(
                "the value has more decimal places than the range index declares",
            ));
        }
        (number, shift) = (number.checked_div(10).unwrap_or_default(), shift.saturating_add(1));
    }
    let factor = u32::try_from(shift).map_or(i128::MAX, |shift| 10_i128.saturating_pow(shift));
    Ok(number.saturating_mul(factor))
}

#[allow(
    clippy::panic,
    clippy::as_conversions,
    reason = "stops compilation of a bad constant; widening"
)]
const fn day(text: &str) -> i128 {
    match text.as_bytes().first_chunk::<10>() {
        Some(date) if text.len() == 10 => match days(date) {
            Some(day) => day as i128,
            None => panic!("no such day: write it as in 1990-12-31"),
        },
        _ => panic!("a day is written as in 1990-12-31"),
    }
}

/// The digits of a number, and how many of them are decimal places.
#[allow(
    clippy::panic,
    clippy::as_conversions,
    reason = "stops compilation of a bad constant; widening"
)]
const fn decimal(text: &str) -> (i128, u8) {
    let (negative, mut rest) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut number, mut digits, mut places, mut point) = (0_i128, 0, 0, false);
    while let [byte, tail @ ..] = rest {
        match *byte {
            digit @ b'0'..=b'9' => {
                number = number * 10 + (digit - b'0') as i128;
                digits += 1;
                places += point as u8;
            }
            b'.' if !point && digits > 0 => point = true,
            _ => panic!("a decimal is written as in -1234.50"),
        }
        rest = tail;
    }
    assert!(
        digits > 0 && digits <= 18 && point == (places > 0),
        "a decimal is written as in -1234.50, with at most 18 digits"
    );
    (if negative { -number } else { number }, places)
}

//! The strict CBOR of sealed values: what may be written, and that nothing else is read back.

mod date;
mod item;
mod kind;

use alloc::vec::Vec;
use core::convert::Infallible;

use minicbor::encode::Write;

pub(crate) use self::date::days;
pub(crate) use self::item::{Item, array_of};
pub use self::kind::{Limit, ValueKind};

use crate::error::Error;

/// FORMAT.md, "Values": nesting is at most 64 levels, the outermost item being level 0.
pub(crate) const DEEPEST: u8 = 64;

/// Where an item is written: counted first, so that the output is allocated once, then for real.
pub(crate) enum Out<'a> {
    Count(&'a mut usize),
    Bytes(&'a mut Vec<u8>),
}

impl Write for Out<'_> {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        match self {
            Self::Count(len) => **len = len.saturating_add(bytes.len()),
            Self::Bytes(out) => out.extend_from_slice(bytes),
        }
        Ok(())
    }
}

/// Writes a byte string.
pub(crate) fn write_bytes(bytes: &[u8], out: Out<'_>) -> Result<(), Error> {
    minicbor::Encoder::new(out).bytes(bytes).map(drop).map_err(unwritable)
}

/// What an encoder that writes to memory says: nothing it is given here can fail.
pub(crate) fn unwritable(_: minicbor::encode::Error<Infallible>) -> Error {
    Error::invalid("the value cannot be encoded")
}

/// Reads a whole item that is a byte string.
pub(crate) fn read_bytes(item: &[u8]) -> Result<&[u8], Error> {
    match top_level_content(item) {
        Some((false, bytes)) => Ok(bytes),
        _ => Err(Error::type_mismatch("a byte string")),
    }
}

#[derive(Clone, Copy)]
struct Head {
    major: u8,
    /// The argument: a number, a length, a count, a tag, or a float's bits.
    argument: u64,
    /// The additional information (RFC 8949, 3): tells floats from simple values.
    info: u8,
}

/// Reads one head in its shortest form.
fn head(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (major, info) = (first >> 5, first & 31);
    let (argument, rest) = match info {
        0..=23 => (u64::from(info), rest),
        24 => rest
            .split_first_chunk::<1>()
            .map(|(n, rest)| (u64::from(u8::from_be_bytes(*n)), rest))?,
        25 => rest
            .split_first_chunk::<2>()
            .map(|(n, rest)| (u64::from(u16::from_be_bytes(*n)), rest))?,
        26 => rest
            .split_first_chunk::<4>()
            .map(|(n, rest)| (u64::from(u32::from_be_bytes(*n)), rest))?,
        27 => rest.split_first_chunk::<8>().map(|(n, rest)| (u64::from_be_bytes(*n), rest))?,
        // Reserved, and indefinite lengths.
        _ => return None,
    };
    let shortest = match info {
        24 => argument > 23,
        25 => argument > u64::from(u8::MAX),
        26 => argument > u64::from(u16::MAX),
        27 => argument > u64::from(u32::MAX),
        _ => true,
    };
    // The width of a float is its type, not a spelling.
    (shortest || major == 7).then_some((Head { major, argument, info }, rest))
}

/// What follows after a tag of this number: `[PT-3]`, the only forms a tag may have.
fn tagged(tag: u64, bytes: &[u8], level: u8) -> Option<&[u8]> {
    let fits = |below: u8| level.checked_add(below).is_some_and(|deepest| deepest <= DEEPEST);
    match tag {
        // UUID: exactly 16 bytes.
        37 if fits(1) => match head(bytes)? {
            (Head { major: 2, argument: 16, .. }, rest) => rest.get(16..),
            _ => None,
        },
        // `[PT-5]` Date: text of 10 characters, a day there is.
        1004 if fits(1) => match head(bytes)? {
            (Head { major: 3, argument: 10, .. }, rest) => {
                let (text, rest) = rest.split_first_chunk()?;
                days(text).map(|_| rest)
            }
            _ => None,
        },
        // `[PT-6]` Instant: {1: seconds, −9: nanoseconds}.
        1001 if fits(2) => {
            let rest = match head(bytes.strip_prefix(&[0xA2, 0x01])?)? {
                (Head { major: 0 | 1, argument, .. }, rest) if i64::try_from(argument).is_ok() => {
                    rest
                }
                _ => return None,
            };
            let rest = rest.strip_prefix(&[0x28])?;
            match head(rest)? {
                (Head { major: 0, argument: 0..=999_999_999, .. }, rest) => Some(rest),
                _ => None,
            }
        }
        // `[PT-7]` Decimal: [exponent, mantissa].
        4 if fits(2) => {
            let rest = bytes.strip_prefix(&[0x82])?;
            let rest = match head(rest)? {
                (
                    Head { major: 0, argument: 0, .. } | Head { major: 1, argument: 0..=27, .. },
                    rest,
                ) => rest,
                _ => return None,
            };
            match head(rest)? {
                (Head { major: 6, argument: sign @ (2 | 3), .. }, rest) if fits(3) => {
                    bignum(sign, rest)
                }
                _ => integer(rest),
            }
        }
        _ => None,
    }
}

/// `[PT-8]` The bytes of a mantissa that is no plain integer, which does not begin with a zero.
fn bignum(sign: u64, bytes: &[u8]) -> Option<&[u8]> {
    let (Head { major: 2, argument, .. }, rest) = head(bytes)? else {
        return None;
    };
    let (number, rest) = rest.split_at_checked(usize::try_from(argument).ok()?)?;
    let beyond_plain = match (sign, number) {
        (2, [1..=0xFF, ..]) => (9..=12).contains(&number.len()),
        // −1 − n with n from 2^63 (below, a plain integer holds it) to 2^96 − 2.
        (3, [0x80..=0xFF, ..]) if number.len() == 8 => true,
        (3, [1..=0xFF, ..]) => (9..=12).contains(&number.len()) && *number != [0xFF; 12],
        _ => false,
    };
    beyond_plain.then_some(rest)
}

/// An integer from −2^63 to 2^64−1.
fn integer(bytes: &[u8]) -> Option<&[u8]> {
    match head(bytes)? {
        (Head { major: 0, .. }, rest) => Some(rest),
        (Head { major: 1, argument, .. }, rest) => i64::try_from(argument).ok().map(|_| rest),
        _ => None,
    }
}

/// Walks one item and gives what follows it.
fn item(bytes: &[u8], level: u8) -> Option<&[u8]> {
    if level > DEEPEST {
        return None;
    }
    let (Head { major, argument, info }, rest) = head(bytes)?;
    match major {
        0 | 1 => integer(bytes),
        2 => rest.get(usize::try_from(argument).ok()?..),
        3 => {
            let (text, rest) = rest.split_at_checked(usize::try_from(argument).ok()?)?;
            core::str::from_utf8(text).ok().map(|_| rest)
        }
        4 | 5 => {
            // A count beyond the bytes at hand ends the loop at the first item that is missing.
            let items = if major == 5 { argument.checked_mul(2)? } else { argument };
            let mut rest = rest;
            for _ in 0..items {
                rest = item(rest, level.saturating_add(1))?;
            }
            Some(rest)
        }
        6 => tagged(argument, rest, level),
        // false, true, null; f32 and f64.
        _ => matches!(info, 20..=22 | 26 | 27).then_some(rest),
    }
}

/// The length of the one item at the start of `bytes`, if it is in the only form there is for it.
pub(crate) fn item_len(bytes: &[u8]) -> Result<usize, Error> {
    item(bytes, 0)
        .map(|rest| bytes.len().saturating_sub(rest.len()))
        .ok_or_else(|| Error::malformed("the sealed value is not in canonical form"))
}

/// The one item of a padded plaintext: what follows it is zeros and nothing else.
pub(crate) fn unpad(padded: &[u8]) -> Result<&[u8], Error> {
    let (item, padding) = padded
        .split_at_checked(item_len(padded)?)
        .ok_or_else(|| Error::malformed("the sealed value is not in canonical form"))?;
    if padding.iter().fold(0, |seen, byte| seen | byte) != 0 {
        return Err(Error::malformed("the padding of the sealed value is not zero"));
    }
    Ok(item)
}

/// The length of `item` bytes padded: the least multiple not below it. A multiple of 1 is none.
pub(crate) fn padded_len(item: usize, multiple: u16) -> Result<usize, Error> {
    item.checked_next_multiple_of(usize::from(multiple.max(1)))
        .ok_or_else(|| Error::invalid("the value is too long"))
}

/// The content of a whole top-level text or bytes item: what sealed bytes could hide in.
pub(crate) fn top_level_content(item: &[u8]) -> Option<(bool, &[u8])> {
    match head(item)? {
        (Head { major: 2, .. }, content) => Some((false, content)),
        (Head { major: 3, .. }, content) => Some((true, content)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn canonical_items_are_read_whole() {
        for text in [
            "00",
            "17",
            "1818",
            "190100",
            "1a00010000",
            "1b0000000100000000",
            "1bffffffffffffffff",
            "20",
            "3b7fffffffffffffff",
            "40",
            "43010203",
            "60",
            "63e282ac",
            "80",
            "83010203",
            "a1616101",
            "f4",
            "f5",
            "f6",
            "fa00000000",
            "fb7ff8000000000001",
            "d82550 00112233445566778899aabbccddeeff",
            "d903ec 6a 323032362d31312d3231",
            "d903e9 a2 01 1a00010000 28 00",
            "c4 82 21 186e",
            "c4 82 21 c2 49 010000000000000000",
            "c4 82 00 3b7fffffffffffffff",
            "c4 82 00 c3 48 8000000000000000",
            "c4 82 00 c3 4c fffffffffffffffffffffffe",
            "d903ec 6a 323032342d30322d3239",
        ] {
            let bytes = hex(text);
            assert_eq!(item_len(&bytes).ok(), Some(bytes.len()), "{text}");
            for cut in 0..bytes.len() {
                assert!(item_len(&bytes[..cut]).is_err(), "{text} cut to {cut}");
            }
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "1800",
            "1817",
            "190001",
            "1a00000001",
            "1b0000000000000001",
            "3b8000000000000000",
            "5f4101ff",
            "7f6161ff",
            "9f01ff",
            "bf616101ff",
            "61ff",
            "f90000",
            "f7",
            "f0",
            "f818",
            "ff",
            "c001",
            "d8254101",
            "d825 51 0011223344556677889900112233445566",
            "c249010000000000000000",
            "d903e9 a2 28 00 01 00",
            "d903e9 a2 01 00 28 1a3b9aca00",
            "d903ec 61 61",
            "c4 82 21 c2 48 0100000000000000",
            "c4 82 21 c2 49 000000000000000001",
            "c4 83 21 00 00",
            "c4 82 01 00",
            "c4 82 381c 00",
            "c4 82 00 c3 48 7fffffffffffffff",
            "c4 82 00 c3 4c ffffffffffffffffffffffff",
            "d903ec 6a 323032362d30322d3239",
            "d903ec 6a 323032362d31332d3031",
            "d903ec 6a 323032362d30312d3030",
            "9bffffffffffffffff",
            "5bffffffffffffffff",
        ] {
            assert!(item_len(&hex(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_ends_at_64_levels() {
        let mut deep = alloc::vec![0x81; 64];
        deep.push(0x00);
        assert!(item_len(&deep).is_ok());
        deep.insert(0, 0x81);
        assert!(item_len(&deep).is_err());
    }

    #[test]
    fn padding_is_zeros_and_nothing_else() {
        assert_eq!(unpad(&[0x01, 0, 0]).unwrap(), [0x01]);
        assert!(unpad(&[0x01, 0, 1]).is_err());
        assert!(unpad(&[]).is_err());
    }
}

//! An item that stands for one plain value, looked at without its type: for terms, masks and exports.

use alloc::vec::Vec;

use minicbor::data::{IanaTag, Tag, Type};
use minicbor::{Decoder, Encoder};
use zeroize::Zeroizing;

#[cfg(feature = "schema")]
use super::ValueKind;
use super::{Out, item_len, unwritable};
use crate::error::Error;

const DECIMAL: u64 = 4;
const UUID: u64 = 37;
const INSTANT: u64 = 1001;
const DATE: u64 = 1004;

/// What one item says.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Item<'a> {
    Absent,
    Bool(bool),
    Integer(i128),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// As `YYYY-MM-DD`.
    Date(&'a str),
    /// Seconds since 1970, rounded down, and nanoseconds.
    Instant(i64, u32),
    /// `mantissa × 10^exponent`; the exponent is 0 or negative.
    Decimal {
        mantissa: i128,
        exponent: i64,
    },
    Uuid([u8; 16]),
    Float,
    /// An array, a map, or what else has parts.
    Other,
}

impl<'a> Item<'a> {
    /// Reads a whole item that was checked, or that a type has just written.
    ///
    /// # Errors
    /// `InvalidInput` for what is not one whole item of the format.
    pub(crate) fn of(item: &'a [u8]) -> Result<Self, Error> {
        let refused = || Error::invalid("the value is no item of the format");
        if !item_len(item).is_ok_and(|len| len == item.len()) {
            return Err(refused());
        }
        read(&mut Decoder::new(item)).ok_or_else(refused)
    }

    /// The kind of the value; `None` for absence.
    #[cfg(feature = "schema")]
    pub(crate) const fn kind(&self) -> Option<ValueKind> {
        Some(match self {
            Self::Absent => return None,
            Self::Bool(_) => ValueKind::Bool,
            Self::Integer(_) => ValueKind::Integer,
            Self::Text(_) => ValueKind::Text,
            Self::Bytes(_) => ValueKind::Bytes,
            Self::Date(_) => ValueKind::Date,
            Self::Instant(..) => ValueKind::Instant,
            Self::Decimal { .. } => ValueKind::Decimal,
            Self::Uuid(_) => ValueKind::Uuid,
            Self::Float => ValueKind::Float,
            Self::Other => ValueKind::Parts,
        })
    }

    /// The one spelling of the value: RFC 8949, 4.2.1, where a decimal has no zeros at its end. `None`
    /// for absence, floats, and what has parts.
    pub(crate) fn deterministic(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut len = 0;
        self.write(Out::Count(&mut len))?.ok()?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(len));
        self.write(Out::Bytes(&mut bytes))?.ok()?;
        Some(bytes)
    }

    fn write(&self, out: Out<'_>) -> Option<Result<(), Error>> {
        let mut to = Encoder::new(out);
        let written = match *self {
            Self::Absent | Self::Float | Self::Other => return None,
            Self::Bool(value) => to.bool(value).map(drop),
            Self::Integer(value) => to.int(value.try_into().ok()?).map(drop),
            Self::Text(text) => to.str(text).map(drop),
            Self::Bytes(bytes) => to.bytes(bytes).map(drop),
            Self::Date(text) => to.tag(Tag::new(DATE)).and_then(|to| to.str(text)).map(drop),
            Self::Uuid(bytes) => to.tag(Tag::new(UUID)).and_then(|to| to.bytes(&bytes)).map(drop),
            Self::Instant(seconds, nanoseconds) => to
                .tag(Tag::new(INSTANT))
                .and_then(|to| to.map(2)?.u8(1)?.i64(seconds)?.i8(-9)?.u32(nanoseconds))
                .map(drop),
            Self::Decimal { mut mantissa, mut exponent } => {
                while exponent < 0 && mantissa.checked_rem(10) == Some(0) {
                    (mantissa, exponent) = (mantissa.checked_div(10)?, exponent.checked_add(1)?);
                }
                to.tag(Tag::new(DECIMAL))
                    .and_then(|to| to.array(2)?.i64(exponent))
                    .and_then(|to| mantissa_to(mantissa, to))
            }
        };
        Some(written.map_err(unwritable))
    }
}

/// The array of these items.
pub(crate) fn array_of(items: &[Zeroizing<Vec<u8>>]) -> Zeroizing<Vec<u8>> {
    const LONGEST_HEAD: usize = 9;
    let len = items.iter().fold(LONGEST_HEAD, |len, item| len.saturating_add(item.len()));
    let mut array = Zeroizing::new(Vec::with_capacity(len));
    let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
    // safe: writing to memory does not fail.
    let _ = Encoder::new(Out::Bytes(&mut array)).array(count);
    items.iter().for_each(|item| array.extend_from_slice(item));
    array
}

/// `[PT-8]` A plain integer, or the bytes of a number that is none.
fn mantissa_to<W: minicbor::encode::Write>(
    mantissa: i128,
    to: &mut Encoder<W>,
) -> Result<(), minicbor::encode::Error<W::Error>> {
    if let Ok(plain) = u64::try_from(mantissa) {
        return to.u64(plain).map(drop);
    }
    if let Ok(plain) = i64::try_from(mantissa) {
        return to.i64(plain).map(drop);
    }
    let (tag, magnitude) =
        if mantissa < 0 { (IanaTag::NegBignum, !mantissa) } else { (IanaTag::PosBignum, mantissa) };
    let bytes = magnitude.to_be_bytes();
    let leading = bytes.iter().take_while(|byte| **byte == 0).count();
    to.tag(tag)?.bytes(bytes.get(leading..).unwrap_or_default()).map(drop)
}

fn read<'a>(from: &mut Decoder<'a>) -> Option<Item<'a>> {
    Some(match from.datatype().ok()? {
        Type::Null => Item::Absent,
        Type::Bool => Item::Bool(from.bool().ok()?),
        Type::String => Item::Text(from.str().ok()?),
        Type::Bytes => Item::Bytes(from.bytes().ok()?),
        Type::F16 | Type::F32 | Type::F64 => Item::Float,
        Type::Tag => tagged(from)?,
        Type::Array | Type::Map => Item::Other,
        _ => Item::Integer(from.int().ok()?.into()),
    })
}

fn tagged<'a>(from: &mut Decoder<'a>) -> Option<Item<'a>> {
    Some(match from.tag().ok()?.as_u64() {
        DATE => Item::Date(from.str().ok()?),
        UUID => Item::Uuid(from.bytes().ok()?.try_into().ok()?),
        INSTANT => {
            from.map().ok()?;
            from.u8().ok()?;
            let seconds = from.i64().ok()?;
            from.i8().ok()?;
            Item::Instant(seconds, from.u32().ok()?)
        }
        DECIMAL => {
            from.array().ok()?;
            let exponent = from.i64().ok()?;
            let mantissa = match from.datatype().ok()? {
                Type::Tag => bignum(from)?,
                _ => from.int().ok()?.into(),
            };
            Item::Decimal { mantissa, exponent }
        }
        _ => Item::Other,
    })
}

fn bignum(from: &mut Decoder<'_>) -> Option<i128> {
    let negative = from.tag().ok()? == Tag::from(IanaTag::NegBignum);
    let magnitude = from
        .bytes()
        .ok()?
        .iter()
        .try_fold(0_i128, |n, byte| n.checked_mul(256)?.checked_add(i128::from(*byte)))?;
    Some(if negative { !magnitude } else { magnitude })
}

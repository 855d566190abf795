//! A value whose type is known at run time only.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use minicbor::data::Type;

use super::decimal;
use super::{Column, Decoder, Encoder, SealValue};
use crate::cbor::{DEEPEST, Item, Limit, ValueKind};
use crate::error::Error;
use crate::field::Sealed;
use crate::secret::Sensitive;

/// A value whose type is known at run time only, as a [`DynamicField`](crate::field::DynamicField) seals and opens it.
///
/// Its bytes are those of the Rust type of the same kind. `Debug` shows the kind and nothing of the value. Texts and
/// byte strings are wiped on drop.
///
/// ```
/// use fieldseal::field::Value;
///
/// let value = Value::from("ada@example.com");
/// assert_eq!(value.as_text(), Some("ada@example.com"));
/// assert_eq!(format!("{value:?}"), "Value(Text)");
/// ```
#[derive(PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Absence: NULL in the column, unless the field hides that.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer from −2^63 to 2^64−1.
    Integer(i128),
    /// A 32-bit float.
    Float32(f32),
    /// A 64-bit float.
    Float(f64),
    /// Text.
    Text(Sensitive<String>),
    /// A byte string.
    Bytes(Sensitive<Vec<u8>>),
    /// A day, as `YYYY-MM-DD`.
    Date(Sensitive<String>),
    /// An instant.
    Instant {
        /// Seconds since 1970, rounded down.
        seconds: i64,
        /// The nanoseconds above them.
        nanoseconds: u32,
    },
    /// The decimal `mantissa × 10^−scale`.
    Decimal {
        /// The digits, up to 96 bits.
        mantissa: i128,
        /// The decimal places, 0 to 28.
        scale: u32,
    },
    /// A UUID.
    Uuid([u8; 16]),
    /// A list.
    List(Vec<Value>),
    /// A structure: pairs of a key and a value, in their order.
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// The kind of the value; `None` for absence.
    pub const fn kind(&self) -> Option<ValueKind> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(_) => ValueKind::Bool,
            Self::Integer(_) => ValueKind::Integer,
            Self::Float32(_) | Self::Float(_) => ValueKind::Float,
            Self::Text(_) => ValueKind::Text,
            Self::Bytes(_) => ValueKind::Bytes,
            Self::Date(_) => ValueKind::Date,
            Self::Instant { .. } => ValueKind::Instant,
            Self::Decimal { .. } => ValueKind::Decimal,
            Self::Uuid(_) => ValueKind::Uuid,
            Self::List(_) | Self::Map(_) => ValueKind::Parts,
        })
    }

    /// The text, if the value is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.expose()),
            _ => None,
        }
    }

    /// The bytes, if the value is a byte string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes.expose()),
            _ => None,
        }
    }

    /// The integer, if the value is one.
    pub const fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns `true` for absence.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether a field of such a type takes the value.
    pub(crate) fn fits(&self, kind: ValueKind, limit: Option<Limit>) -> bool {
        let of_kind = self.kind().is_none_or(|own| kind.may_be(own));
        of_kind
            && match (limit, self) {
                (Some(Limit::Integers(least, greatest)), Self::Integer(number)) => {
                    (i128::from(least)..=i128::from(greatest)).contains(number)
                }
                (Some(Limit::Length(len)), Self::Bytes(bytes)) => {
                    u32::try_from(bytes.expose().len()) == Ok(len)
                }
                (Some(Limit::Float32), value) => !matches!(value, Self::Float(_)),
                _ => true,
            }
    }

    fn encode_at(&self, to: &mut Encoder<'_>, level: u8) -> Result<(), Error> {
        if level > DEEPEST {
            return Err(Error::invalid("the value is nested too deep: at most 64 levels"));
        }
        let below = level.saturating_add(1);
        let plain = |item: Item<'_>, to: &mut Encoder<'_>| {
            let item = item.deterministic();
            to.item(&item.ok_or_else(|| Error::invalid("the value has no item of the format"))?)
        };
        match self {
            Self::Null => to.null(),
            Self::Bool(value) => to.bool(*value),
            Self::Integer(number) => match (u64::try_from(*number), i64::try_from(*number)) {
                (Ok(number), _) => to.unsigned(number),
                (_, Ok(number)) => to.signed(number),
                _ => Err(Error::invalid("an integer is from -2^63 to 2^64-1")),
            },
            Self::Float32(value) => to.f32(*value),
            Self::Float(value) => to.f64(*value),
            Self::Text(text) => to.text(text.expose()),
            Self::Bytes(bytes) => to.bytes(bytes.expose()),
            Self::Date(text) => plain(Item::Date(text.expose()), to),
            Self::Instant { seconds, nanoseconds } => {
                plain(Item::Instant(*seconds, *nanoseconds), to)
            }
            Self::Decimal { mantissa, scale } => decimal::write(to, *mantissa, *scale),
            Self::Uuid(bytes) => plain(Item::Uuid(*bytes), to),
            Self::List(items) => {
                to.array(items.len())?;
                items.iter().try_for_each(|item| item.encode_at(to, below))
            }
            Self::Map(pairs) => {
                to.map(pairs.len())?;
                pairs.iter().try_for_each(|(key, value)| {
                    key.encode_at(to, below)?;
                    value.encode_at(to, below)
                })
            }
        }
    }
}

impl SealValue for Value {
    type Column = Option<Sealed<Self>>;

    const OPTIONAL: bool = true;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
        self.encode_at(to, 0)
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
        let mismatch = || Error::type_mismatch("a value of the format");
        Ok(match from.datatype().ok_or_else(mismatch)? {
            Type::Null => {
                from.null()?;
                Self::Null
            }
            Type::Bool => Self::Bool(from.bool()?),
            Type::F32 => Self::Float32(from.f32()?),
            Type::F64 => Self::Float(from.f64()?),
            Type::String => Self::Text(Sensitive::new(from.text()?.into())),
            Type::Bytes => Self::Bytes(Sensitive::new(from.bytes()?.into())),
            // The item is known to be whole, so its counts are those of what follows.
            Type::Array => {
                let items = 0..from.array()?;
                Self::List(items.map(|_| Self::decode(from)).collect::<Result<_, _>>()?)
            }
            Type::Map => {
                let pairs = 0..from.map()?;
                let pair = |_| Ok((Self::decode(from)?, Self::decode(from)?));
                Self::Map(pairs.map(pair).collect::<Result<_, Error>>()?)
            }
            Type::Tag => match Item::of(from.item()?)? {
                Item::Date(text) => Self::Date(Sensitive::new(text.into())),
                Item::Instant(seconds, nanoseconds) => Self::Instant { seconds, nanoseconds },
                Item::Uuid(bytes) => Self::Uuid(bytes),
                Item::Decimal { mantissa, exponent } => {
                    let scale = exponent.checked_neg().and_then(|scale| u32::try_from(scale).ok());
                    Self::Decimal { mantissa, scale: scale.ok_or_else(mismatch)? }
                }
                _ => return Err(mismatch()),
            },
            _ => Self::Integer(from.integer()?),
        })
    }

    fn is_absent(&self) -> bool {
        self.is_null()
    }

    fn absent() -> Option<Self> {
        Some(Self::Null)
    }
}

/// A column of values of any type: NULL is absence.
impl Column<Value> for Option<Sealed<Value>> {
    fn of(bytes: Option<Vec<u8>>) -> Option<Self> {
        Some(bytes.map(Sealed::from_bytes))
    }

    fn bytes(&self) -> Option<&[u8]> {
        self.as_ref().map(Sealed::as_bytes)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Some(kind) => write!(f, "Value({kind:?})"),
            None => f.write_str("Value(Null)"),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Sensitive::new(text.into()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Sensitive::new(text))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Sensitive::new(bytes))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

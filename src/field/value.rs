//! What can be sealed, and the one CBOR item it becomes.

/// A type that is never null, with how it is written and read.
macro_rules! value {
    ($(#[$when:meta])* $type:ty as $kind:ident $(within ($limit:expr))?: |$value:ident, $to:ident| $encode:expr, |$from:ident| $decode:expr $(,)?) => {
        $(#[$when])*
        impl SealValue for $type {
            type Column = Sealed<Self>;

            const KIND: crate::cbor::ValueKind = crate::cbor::ValueKind::$kind;
            $(const LIMIT: Option<crate::cbor::Limit> = Some($limit);)?

            fn encode(&self, $to: &mut Encoder<'_>) -> Result<(), Error> {
                let $value = self;
                $encode
            }

            fn decode($from: &mut Decoder<'_>) -> Result<Self, Error> {
                $decode
            }
        }

        $(#[$when])*
        impl NotNull for $type {}
    };
}

#[cfg(any(feature = "jiff", feature = "chrono", feature = "time"))]
mod calendar;
#[cfg(any(feature = "schema", feature = "rust_decimal"))]
mod decimal;
#[cfg(feature = "schema")]
mod dynamic;
#[cfg(feature = "serde_json")]
mod json;
mod plain;
#[cfg(feature = "serde")]
mod structured;
#[cfg(feature = "uuid")]
mod uuid;

use alloc::vec::Vec;
use core::fmt;

use minicbor::data::Type;
use zeroize::Zeroizing;

#[cfg(feature = "schema")]
pub use self::dynamic::Value;
#[cfg(feature = "serde")]
pub use self::structured::Structured;

use super::Column;
use crate::cbor::{Limit, Out, ValueKind, unwritable};
use crate::error::Error;

/// A value that can be sealed.
///
/// | type | item |
/// |---|---|
/// | `String`, `Box<str>` | text |
/// | `Vec<u8>`, `[u8; N]` | byte string |
/// | `bool`, `f32`, `f64`, integers to 64 bits | itself; an integer opens in every width it fits |
/// | `Vec<T>` | array |
/// | `Option<T>` | NULL in the column, or `T`; inside a value null, or `T` |
/// | `Zeroizing<T>` | as `T`, and wiped on drop |
/// | [`Sensitive<T>`](crate::Sensitive) | as `T`, wiped on drop, and not printed |
/// | `uuid::Uuid`, dates and instants of `jiff`, `chrono` and `time`, `rust_decimal::Decimal` | features of those names |
/// | `Structured<T>` for any serde type `T` | feature `serde` |
/// | `serde_json::Value` | feature `serde_json`; a JSON null is a value and no absence |
///
/// A newtype is its inner value by `#[derive(SealValue)]`:
///
/// ```
/// # #[cfg(feature = "derive")] {
/// #[derive(fieldseal::SealValue)]
/// struct Email(String);
/// # }
/// ```
///
/// An `Option` of an `Option` does not compile, as the two absences could not be told apart:
///
/// ```compile_fail
/// const NICK: fieldseal::Field<Option<Option<String>>> =
///     fieldseal::Field::new("customer", "nick", fieldseal::Class::PERSONAL);
/// let _ = NICK.seal(todo!(), todo!());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sealed",
    label = "not a value that can be sealed",
    note = "derive `fieldseal::SealValue` for a newtype; seal what serde knows as `Structured<{Self}>` (feature `serde`)"
)]
pub trait SealValue: Sized {
    /// How a value of this type sits in a row: [`Sealed<Self>`](crate::Sealed), or
    /// `Option<Sealed<T>>` for an `Option<T>`.
    type Column: Column<Self>;

    /// What its items are, so that an index or a mask that it cannot have is a compile error.
    const KIND: ValueKind = ValueKind::Unknown;

    /// What the type takes of that kind.
    #[doc(hidden)]
    const LIMIT: Option<Limit> = None;

    /// Whether a value can be absent.
    #[doc(hidden)]
    const OPTIONAL: bool = false;

    /// Writes the value as exactly one item, the same each time.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a value that has no item.
    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error>;

    /// Reads the value from exactly one item.
    ///
    /// # Errors
    /// [`TypeMismatch`](crate::ErrorKind::TypeMismatch) for an item that is no value of this type.
    fn decode(from: &mut Decoder<'_>) -> Result<Self, Error>;

    #[doc(hidden)]
    fn is_absent(&self) -> bool {
        false
    }

    #[doc(hidden)]
    fn absent() -> Option<Self> {
        None
    }

    #[doc(hidden)]
    const SEQUENCE: ValueKind = ValueKind::Parts;

    /// A sequence of such values: an array, but for bytes.
    #[doc(hidden)]
    fn encode_slice(items: &[Self], to: &mut Encoder<'_>) -> Result<(), Error> {
        to.array(items.len())?;
        items.iter().try_for_each(|item| item.encode(to))
    }

    #[doc(hidden)]
    fn decode_vec(from: &mut Decoder<'_>) -> Result<Vec<Self>, Error> {
        // `[PT-10]` A declared count is no reason to allocate.
        const MOST_PREALLOCATED: usize = 1024;
        let count = from.array()?;
        let mut items = Vec::with_capacity(count.min(MOST_PREALLOCATED));
        for _ in 0..count {
            items.push(Self::decode(from)?);
        }
        Ok(items)
    }
}

/// A value that is never the bare null, so that it can stand in an `Option`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value that is always there",
    label = "can be absent, or cannot be sealed",
    note = "in an `Option` or a newtype an absent value could not be told from none: write the `Option` once, outermost"
)]
pub trait NotNull: SealValue {}

/// A value that can be absent: an `Option`, and nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a value that is always there",
    label = "an erased `{Self}` cannot be opened as `None`",
    note = "`on_erased = none` is for fields whose type is an `Option`, which has a place for what is gone"
)]
pub trait Optional: SealValue + closed::Closed {}

impl<T: NotNull> Optional for Option<T> {}

mod closed {
    #[allow(unnameable_types, reason = "so that no other crate implements Optional")]
    pub trait Closed {}
    impl<T> Closed for Option<T> {}
}

/// Writes the items of a value. See [`SealValue`].
pub struct Encoder<'a>(minicbor::Encoder<Out<'a>>);

macro_rules! encode {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty)?) as $call:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// None at present.
        pub fn $name(&mut self, $($arg: $type)?) -> Result<(), Error> {
            self.0.$call($($arg)?).map(drop).map_err(unwritable)
        }
    )*};
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(out: Out<'a>) -> Self {
        Self(minicbor::Encoder::new(out))
    }

    encode! {
        /// Writes text.
        text(value: &str) as str;
        /// Writes a byte string.
        bytes(value: &[u8]) as bytes;
        /// Writes a boolean.
        bool(value: bool) as bool;
        /// Writes an integer from 0 on.
        unsigned(value: u64) as u64;
        /// Writes an integer.
        signed(value: i64) as i64;
        /// Writes a 32-bit float, its bits kept.
        f32(value: f32) as f32;
        /// Writes a 64-bit float, its bits kept.
        f64(value: f64) as f64;
        /// Writes null.
        null() as null;
    }

    /// Begins an array: as many items follow.
    ///
    /// # Errors
    /// None at present.
    pub fn array(&mut self, len: usize) -> Result<(), Error> {
        self.0.array(count(len)?).map(drop).map_err(unwritable)
    }

    /// Begins a map: as many pairs of items follow.
    ///
    /// # Errors
    /// None at present.
    pub fn map(&mut self, len: usize) -> Result<(), Error> {
        self.0.map(count(len)?).map(drop).map_err(unwritable)
    }

    #[cfg(any(
        feature = "schema",
        feature = "uuid",
        feature = "rust_decimal",
        feature = "jiff",
        feature = "chrono",
        feature = "time"
    ))]
    pub(crate) fn tag(&mut self, tag: u64) -> Result<(), Error> {
        self.0.tag(minicbor::data::Tag::new(tag)).map(drop).map_err(unwritable)
    }

    /// Whether what is written is only counted.
    #[cfg(feature = "serde")]
    pub(crate) fn is_counting(&self) -> bool {
        matches!(self.0.writer(), Out::Count(_))
    }

    /// Counts an item of this length.
    #[cfg(feature = "serde")]
    pub(crate) fn counted(&mut self, len: usize) -> Result<(), Error> {
        if let Out::Count(total) = self.0.writer_mut() {
            **total = total.saturating_add(len);
        }
        Ok(())
    }

    /// Writes an item that is encoded already.
    #[cfg(feature = "serde")]
    pub(crate) fn item(&mut self, item: &[u8]) -> Result<(), Error> {
        use minicbor::encode::Write as _;
        self.0.writer_mut().write_all(item).map_err(|never| match never {})
    }
}

/// The item that is written, in an allocation of its length, so that nothing of it is left elsewhere.
pub(crate) fn encoded(
    write: impl Fn(&mut Encoder<'_>) -> Result<(), Error>,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut len = 0;
    write(&mut Encoder::new(Out::Count(&mut len)))?;
    let mut item = Zeroizing::new(Vec::with_capacity(len));
    write(&mut Encoder::new(Out::Bytes(&mut item)))?;
    Ok(item)
}

fn count(len: usize) -> Result<u64, Error> {
    u64::try_from(len).map_err(|_| Error::invalid("the value is too long"))
}

/// Reads the items of a value, which are known to be canonical. See [`SealValue`].
pub struct Decoder<'a> {
    inner: minicbor::Decoder<'a>,
}

macro_rules! decode {
    ($($(#[$doc:meta])* $name:ident -> $type:ty, $call:ident, $expected:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// [`TypeMismatch`](crate::ErrorKind::TypeMismatch) when another item follows.
        pub fn $name(&mut self) -> Result<$type, Error> {
            self.inner.$call().map_err(|_| Error::type_mismatch($expected))
        }
    )*};
}

impl<'a> Decoder<'a> {
    /// `item` is known to be whole and canonical.
    pub(crate) fn new(item: &'a [u8]) -> Self {
        Self { inner: minicbor::Decoder::new(item) }
    }

    decode! {
        /// Reads text.
        text -> &'a str, str, "text";
        /// Reads a byte string.
        bytes -> &'a [u8], bytes, "a byte string";
        /// Reads a boolean.
        bool -> bool, bool, "a boolean";
        /// Reads an integer of any stored width that fits.
        unsigned -> u64, u64, "an integer in range";
        /// Reads an integer of any stored width that fits.
        signed -> i64, i64, "an integer in range";
        /// Reads null.
        null -> (), null, "null";
    }

    /// Reads a 32-bit float.
    ///
    /// # Errors
    /// [`TypeMismatch`](crate::ErrorKind::TypeMismatch) when another item follows.
    pub fn f32(&mut self) -> Result<f32, Error> {
        match self.datatype() {
            Some(Type::F32) => self.inner.f32().map_err(|_| Error::type_mismatch("a 32-bit float")),
            _ => Err(Error::type_mismatch("a 32-bit float")),
        }
    }

    /// Reads a 64-bit float, or widens a 32-bit one.
    ///
    /// # Errors
    /// [`TypeMismatch`](crate::ErrorKind::TypeMismatch) when another item follows.
    pub fn f64(&mut self) -> Result<f64, Error> {
        match self.datatype() {
            Some(Type::F32) => {
                self.inner.f32().map(f64::from).map_err(|_| Error::type_mismatch("a float"))
            }
            Some(Type::F64) => self.inner.f64().map_err(|_| Error::type_mismatch("a float")),
            _ => Err(Error::type_mismatch("a float")),
        }
    }

    /// Begins an array and gives how many items follow.
    ///
    /// # Errors
    /// [`TypeMismatch`](crate::ErrorKind::TypeMismatch) when another item follows.
    pub fn array(&mut self) -> Result<usize, Error> {
        let count = self.inner.array().ok().flatten();
        count.and_then(|n| usize::try_from(n).ok()).ok_or_else(|| Error::type_mismatch("an array"))
    }

    /// Begins a map and gives how many pairs follow.
    ///
    /// # Errors
    /// [`TypeMismatch`](crate::ErrorKind::TypeMismatch) when another item follows.
    pub fn map(&mut self) -> Result<usize, Error> {
        let count = self.inner.map().ok().flatten();
        count.and_then(|n| usize::try_from(n).ok()).ok_or_else(|| Error::type_mismatch("a map"))
    }

    /// Whether null follows.
    pub fn is_null(&self) -> bool {
        self.datatype() == Some(Type::Null)
    }

    #[cfg(any(
        feature = "uuid",
        feature = "rust_decimal",
        feature = "jiff",
        feature = "chrono",
        feature = "time"
    ))]
    pub(crate) fn tag(&mut self, tag: u64, expected: &'static str) -> Result<(), Error> {
        match self.inner.tag() {
            Ok(found) if found.as_u64() == tag => Ok(()),
            _ => Err(Error::type_mismatch(expected)),
        }
    }

    /// Reads one of two tags, if a tag follows: whether it is the second.
    #[cfg(feature = "rust_decimal")]
    pub(crate) fn either_tag(&mut self, first: u64, second: u64) -> Result<Option<bool>, Error> {
        if self.datatype() != Some(Type::Tag) {
            return Ok(None);
        }
        match self.inner.tag() {
            Ok(tag) if tag.as_u64() == first => Ok(Some(false)),
            Ok(tag) if tag.as_u64() == second => Ok(Some(true)),
            _ => Err(Error::type_mismatch("an integer")),
        }
    }

    /// Reads an integer of either sign.
    #[cfg(any(feature = "schema", feature = "rust_decimal"))]
    pub(crate) fn integer(&mut self) -> Result<i128, Error> {
        self.inner.int().map(i128::from).map_err(|_| Error::type_mismatch("an integer"))
    }

    /// The item that follows, as bytes, and steps over it.
    #[cfg(feature = "serde")]
    pub(crate) fn item(&mut self) -> Result<&'a [u8], Error> {
        let start = self.inner.position();
        let mismatch = || Error::type_mismatch("a structured value");
        let rest = self.inner.input().get(start..).ok_or_else(mismatch)?;
        let len = crate::cbor::item_len(rest)?;
        self.inner.set_position(start.saturating_add(len));
        rest.get(..len).ok_or_else(mismatch)
    }

    pub(super) fn datatype(&self) -> Option<Type> {
        self.inner.datatype().ok()
    }

    /// Everything was read.
    pub(crate) fn finish(self) -> Result<(), Error> {
        if self.inner.position() == self.inner.input().len() {
            Ok(())
        } else {
            Err(Error::type_mismatch("one whole value"))
        }
    }
}

impl fmt::Debug for Encoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encoder")
    }
}

impl fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoder")
    }
}

//! Whose and which: names, tenants, subject and row ids, as they enter keys and associated data.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::encoding::Put;
use crate::error::Error;

/// Whether `name` is a name: 1 to 64 bytes of `[a-z0-9_.-]` that start with a letter.
pub(crate) const fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.len() > 64 || !matches!(bytes, [b'a'..=b'z', ..]) {
        return false;
    }
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        if !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-') {
            return false;
        }
        rest = tail;
    }
    true
}

/// Whether a class of this name can be declared: `mask.` ‖ class must be a name too, and `mask.…` and
/// `standalone` are reserved.
pub(crate) const fn is_declarable(class: &str) -> bool {
    is_name(class)
        && class.len() <= 59
        && !starts_with(class, MASK_PREFIX)
        && !equal(class, "standalone")
}

/// What the name of a mask class begins with: the name of a class that can be declared follows.
pub(crate) const MASK_PREFIX: &str = "mask.";

/// Whether the name is that of a mask class, or would be if its class could be declared.
pub(crate) const fn is_mask_name(class: &str) -> bool {
    starts_with(class, MASK_PREFIX)
}

const fn starts_with(name: &str, prefix: &str) -> bool {
    let (mut name, mut prefix) = (name.as_bytes(), prefix.as_bytes());
    while let [first, rest @ ..] = prefix {
        match name {
            [byte, tail @ ..] if *byte == *first => name = tail,
            _ => return false,
        }
        prefix = rest;
    }
    true
}

/// Equality that constants can use.
pub(crate) const fn equal(a: &str, b: &str) -> bool {
    a.len() == b.len() && starts_with(a, b)
}

/// What a name is.
pub(crate) const NO_NAME: &str =
    "a name is 1 to 64 bytes of a-z 0-9 _ . - and starts with a letter";

/// [`is_name`], for declarations in constants, where a bad name must not compile.
///
/// # Panics
/// When the name is none.
#[allow(clippy::panic, reason = "stops compilation of a bad constant")]
pub(crate) const fn assert_name(name: &'static str) -> &'static str {
    if !is_name(name) {
        // safe: only declarations written in code reach this, not input.
        panic!("{}", NO_NAME);
    }
    name
}

/// A tenant as the caller asserts it: 0 to 64 bytes of UTF-8, not normalized.
pub(crate) fn check_tenant(tenant: &str) -> Result<&str, Error> {
    if tenant.len() > 64 {
        return Err(Error::invalid("a tenant is at most 64 bytes: use a shorter stable id"));
    }
    Ok(tenant)
}

const TYPE_UNSIGNED: u8 = 0x01;
const TYPE_TEXT: u8 = 0x02;
const TYPE_UUID: u8 = 0x03;
const TYPE_BYTES: u8 = 0x04;
const TYPE_NEGATIVE: u8 = 0x05;
const TYPE_COMPOSITE: u8 = 0x06;

const MAX_ID: usize = 255;
const INLINE: usize = 22;

/// A typed id in its encoded form, so that `42` and `"42"` never meet by accident.
///
/// | made from | bytes |
/// |---|---|
/// | every integer from 0 to 2^64−1 | `01` ‖ u64 |
/// | text, not empty, as given | `02` ‖ UTF-8 |
/// | a UUID (feature `uuid`) | `03` ‖ 16 bytes |
/// | bytes, not empty | `04` ‖ bytes |
/// | negative integers to −2^63 | `05` ‖ i64 |
/// | a tuple of two or more ids | `06` ‖ s8(id)… |
///
/// At most 255 bytes. See FORMAT.md, "Ids".
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Repr);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Inline(u8, [u8; INLINE]),
    Heap(Box<[u8]>),
}

impl Id {
    /// The row id of a record of which a subject has one row, and the subject of a standalone
    /// envelope: no bytes.
    pub(crate) const EMPTY: Self = Self(Repr::Inline(0, [0; INLINE]));

    fn typed(kind: u8, body: &[u8]) -> Result<Self, Error> {
        if body.is_empty() {
            return Err(Error::invalid("an id must not be empty"));
        }
        let len = body.len().saturating_add(1);
        if len > MAX_ID {
            return Err(Error::invalid(
                "an id is at most 255 bytes with its type byte: use a shorter stable id",
            ));
        }
        let mut inline = [0; INLINE];
        Ok(Self(match (inline.get_mut(..len), u8::try_from(len)) {
            (Some(place), Ok(short)) => {
                place.iter_mut().zip([kind].iter().chain(body)).for_each(|(to, from)| *to = *from);
                Repr::Inline(short, inline)
            }
            _ => {
                let mut bytes = Vec::with_capacity(len);
                bytes.put_u8(kind);
                bytes.put(body);
                Repr::Heap(bytes.into_boxed_slice())
            }
        }))
    }

    fn composite(parts: &[&dyn ToId]) -> Result<Self, Error> {
        let mut body = Vec::new();
        for part in parts {
            let part = part.to_id()?;
            if part.as_bytes().first() == Some(&TYPE_COMPOSITE) {
                return Err(Error::invalid("a part of a composite id cannot be composite itself"));
            }
            body.put_s8(part.as_bytes());
        }
        Self::typed(TYPE_COMPOSITE, &body)
    }

    /// An id of the 16 bytes of a UUID in network order.
    pub fn from_uuid_bytes(bytes: [u8; 16]) -> Self {
        // safe: 17 bytes are neither empty nor too long, so the fallback is never taken.
        Self::typed(TYPE_UUID, &bytes).unwrap_or(Self::EMPTY)
    }

    /// The id of these bytes, as [`as_bytes`](Self::as_bytes) gives them: how a store keeps it.
    ///
    /// # Errors
    /// `[ID-5]` [`InvalidInput`](crate::ErrorKind::InvalidInput) for whatever no [`ToId`] would make.
    pub fn from_encoded(bytes: &[u8]) -> Result<Self, Error> {
        let wrong = || Error::invalid("these bytes are not an encoded id");
        let (kind, body) = bytes.split_first().ok_or_else(wrong)?;
        let whole = match *kind {
            TYPE_UNSIGNED => body.len() == 8,
            TYPE_NEGATIVE => body.len() == 8 && body.first().is_some_and(|byte| *byte >= 0x80),
            TYPE_TEXT => core::str::from_utf8(body).is_ok(),
            TYPE_UUID => body.len() == 16,
            TYPE_BYTES => true,
            TYPE_COMPOSITE => is_composite(body),
            _ => false,
        };
        if whole { Self::typed(*kind, body).map_err(|_| wrong()) } else { Err(wrong()) }
    }

    /// The integer that it was made from, if that is an `i64`: what a column of integers holds.
    pub fn as_i64(&self) -> Option<i64> {
        let (kind, body) = self.as_bytes().split_first()?;
        let number = i64::from_be_bytes(body.try_into().ok()?);
        // As u64 the rest are beyond it.
        let is_own = (*kind == TYPE_UNSIGNED && number >= 0) || *kind == TYPE_NEGATIVE;
        is_own.then_some(number)
    }

    /// The text that it was made from.
    pub fn as_text(&self) -> Option<&str> {
        let body = self.as_bytes().strip_prefix(&[TYPE_TEXT])?;
        core::str::from_utf8(body).ok()
    }

    /// The 16 bytes of the UUID that it was made from, in network order.
    pub fn as_uuid_bytes(&self) -> Option<[u8; 16]> {
        self.as_bytes().strip_prefix(&[TYPE_UUID])?.try_into().ok()
    }

    /// The encoded id, its type byte first.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Heap(bytes) => bytes,
        }
    }
}

/// `[ID-4]` Two or more whole ids, none of them composite.
fn is_composite(mut body: &[u8]) -> bool {
    let mut parts = 0_usize;
    while let Some((len, rest)) = body.split_first() {
        let Some((part, rest)) = rest.split_at_checked(usize::from(*len)) else { return false };
        if part.first() == Some(&TYPE_COMPOSITE) || Id::from_encoded(part).is_err() {
            return false;
        }
        parts = parts.saturating_add(1);
        body = rest;
    }
    parts >= 2
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn one(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match bytes {
                [] => f.write_str("-"),
                [TYPE_UNSIGNED, n @ ..] if n.len() == 8 => {
                    write!(f, "{}", n.iter().fold(0_u64, |n, b| (n << 8) | u64::from(*b)))
                }
                [TYPE_NEGATIVE, n @ ..] if n.len() == 8 => {
                    write!(f, "{}", n.iter().fold(0_i64, |n, b| (n << 8) | i64::from(*b)))
                }
                [TYPE_TEXT, text @ ..] => write!(f, "{:?}", String::from_utf8_lossy(text)),
                [TYPE_COMPOSITE, parts @ ..] => {
                    f.write_str("(")?;
                    let mut rest = parts;
                    while let Some((len, tail)) = rest.split_first() {
                        let (part, tail) =
                            tail.split_at_checked(usize::from(*len)).unwrap_or((tail, &[]));
                        one(part, f)?;
                        f.write_str(if tail.is_empty() { "" } else { ", " })?;
                        rest = tail;
                    }
                    f.write_str(")")
                }
                [_, bytes @ ..] => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            }
        }
        one(self.as_bytes(), f)
    }
}

/// What can be a subject's or a row's id.
///
/// # Errors
/// Empty text or bytes, integers outside i64 and u64, composites of composites, and ids longer than
/// 255 bytes are [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
///
/// ```
/// use fieldseal::ToId;
///
/// assert_eq!(42_u32.to_id()?, 42_i64.to_id()?);
/// assert_ne!(42.to_id()?, "42".to_id()?);
/// assert!("".to_id().is_err());
/// assert_eq!(("acme", 7).to_id()?.as_bytes(), b"\x06\x05\x02acme\x09\x01\0\0\0\0\0\0\0\x07");
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub trait ToId {
    /// The id.
    ///
    /// # Errors
    /// See the trait.
    fn to_id(&self) -> Result<Id, Error>;
}

impl ToId for Id {
    fn to_id(&self) -> Result<Id, Error> {
        Ok(self.clone())
    }
}

impl<T: ToId + ?Sized> ToId for &T {
    fn to_id(&self) -> Result<Id, Error> {
        (**self).to_id()
    }
}

impl ToId for str {
    fn to_id(&self) -> Result<Id, Error> {
        Id::typed(TYPE_TEXT, self.as_bytes())
    }
}

impl ToId for String {
    fn to_id(&self) -> Result<Id, Error> {
        self.as_str().to_id()
    }
}

impl ToId for [u8] {
    fn to_id(&self) -> Result<Id, Error> {
        Id::typed(TYPE_BYTES, self)
    }
}

impl<const N: usize> ToId for [u8; N] {
    fn to_id(&self) -> Result<Id, Error> {
        self.as_slice().to_id()
    }
}

impl ToId for Vec<u8> {
    fn to_id(&self) -> Result<Id, Error> {
        self.as_slice().to_id()
    }
}

#[cfg(feature = "uuid")]
impl ToId for uuid::Uuid {
    fn to_id(&self) -> Result<Id, Error> {
        Ok(Id::from_uuid_bytes(*self.as_bytes()))
    }
}

impl ToId for i128 {
    fn to_id(&self) -> Result<Id, Error> {
        if let Ok(unsigned) = u64::try_from(*self) {
            Id::typed(TYPE_UNSIGNED, &unsigned.to_be_bytes())
        } else if let Ok(negative) = i64::try_from(*self) {
            Id::typed(TYPE_NEGATIVE, &negative.to_be_bytes())
        } else {
            Err(out_of_range())
        }
    }
}

#[cold]
fn out_of_range() -> Error {
    Error::invalid("an integer id lies in -2^63 to 2^64-1")
}

macro_rules! integer_ids {
    ($($int:ty),*) => {$(
        impl ToId for $int {
            fn to_id(&self) -> Result<Id, Error> {
                i128::try_from(*self).map_err(|_| out_of_range())?.to_id()
            }
        }
    )*};
}
integer_ids!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, isize);

macro_rules! composite_ids {
    ($($($part:ident $index:tt),*;)*) => {$(
        impl<$($part: ToId),*> ToId for ($($part,)*) {
            fn to_id(&self) -> Result<Id, Error> {
                Id::composite(&[$(&self.$index),*])
            }
        }
    )*};
}
composite_ids! {
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
}

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Id);

        impl $name {
            /// The typed id.
            ///
            /// # Errors
            /// As [`ToId`] says.
            pub fn new(id: impl ToId) -> Result<Self, Error> {
                id.to_id().map(Self)
            }

            /// The integer that it was made from, if that is an `i64`.
            pub fn as_i64(&self) -> Option<i64> {
                self.0.as_i64()
            }

            /// The text that it was made from.
            pub fn as_text(&self) -> Option<&str> {
                self.0.as_text()
            }

            /// The 16 bytes of the UUID that it was made from, in network order.
            pub fn as_uuid_bytes(&self) -> Option<[u8; 16]> {
                self.0.as_uuid_bytes()
            }

            /// The encoded id, its type byte first; empty only for the
            /// empty id of the format.
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl ToId for $name {
            fn to_id(&self) -> Result<Id, Error> {
                // `[ID-6]` The empty id stands for itself where the format has it, and nowhere else.
                if self.0 == Id::EMPTY {
                    return Err(Error::invalid("an id must not be empty"));
                }
                Ok(self.0.clone())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
    )*};
}
id_types! {
    /// The person (or account) a record is about, as the caller asserts it.
    SubjectId,
    /// Which row of its record, where a subject can have many.
    RowId
}

impl SubjectId {
    /// The subject of a standalone envelope.
    pub(crate) const NONE: Self = Self(Id::EMPTY);

    /// What a row holds in the place of a subject. Bytes that are no id are nobody's: nothing opens under
    /// them, and a pass reports them and goes on.
    #[cfg(any(feature = "rusqlite", feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
    pub(crate) fn as_stored(bytes: &[u8]) -> Self {
        Self(Id::from_encoded(bytes).unwrap_or_else(|_| Id(Repr::Heap(bytes.into()))))
    }

    /// [`as_stored`](Self::as_stored) of what a column of text holds: SQLite keeps text that is not UTF-8.
    #[cfg(any(feature = "rusqlite", feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
    pub(crate) fn as_stored_text(text: &[u8]) -> Self {
        let mut bytes = alloc::vec![TYPE_TEXT];
        bytes.put(text);
        Self::as_stored(&bytes)
    }

    /// What the column of text holds.
    #[cfg(any(feature = "rusqlite", feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
    pub(crate) fn stored_text(&self) -> Option<&[u8]> {
        self.as_bytes().strip_prefix(&[TYPE_TEXT])
    }

    /// Whether these are the bytes of an id.
    #[cfg(feature = "std")]
    pub(crate) fn is_id(&self) -> bool {
        Id::from_encoded(self.as_bytes()).is_ok()
    }
}

impl RowId {
    /// The row of a record of which a subject has one.
    pub const SINGLE: Self = Self(Id::EMPTY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_format_says() {
        let longest = "a".repeat(64);
        for name in ["a", "a0_.-", longest.as_str()] {
            assert!(is_name(name), "{name}");
        }
        let too_long = "a".repeat(65);
        for name in ["", "A", "0a", "-a", "_a", ".a", "aB", "a b", "ä", "a\0", too_long.as_str()] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn ids_print_what_they_were_made_from() {
        let print = |id: &dyn ToId| alloc::format!("{:?}", id.to_id().unwrap());
        assert_eq!(print(&42), "42");
        assert_eq!(print(&-42), "-42");
        assert_eq!(print(&"ada"), "\"ada\"");
        assert_eq!(print(&b"\x01\xFF"), "01ff");
        assert_eq!(print(&("acme", 7)), "(\"acme\", 7)");
    }

    #[test]
    fn ids_give_back_what_they_were_made_from_and_nothing_else() {
        for number in [0, 1, 42, -1, i64::MIN, i64::MAX] {
            let id = number.to_id().unwrap();
            assert_eq!((id.as_i64(), id.as_text(), id.as_uuid_bytes()), (Some(number), None, None));
        }
        let text = "ada-1234".to_id().unwrap();
        assert_eq!((text.as_i64(), text.as_text()), (None, Some("ada-1234")));
        assert_eq!(text.as_uuid_bytes(), None);
        let uuid = Id::from_uuid_bytes([7; 16]);
        assert_eq!((uuid.as_text(), uuid.as_uuid_bytes()), (None, Some([7; 16])));
        let others: [&dyn ToId; 4] = [&u64::MAX, &b"12345678", &[7_u8; 16], &(1, 2)];
        for other in others {
            let id = other.to_id().unwrap();
            assert_eq!((id.as_i64(), id.as_text(), id.as_uuid_bytes()), (None, None, None));
        }
        assert_eq!((Id::EMPTY.as_i64(), Id::EMPTY.as_text()), (None, None));
    }

    #[test]
    fn ids_that_would_be_ambiguous_are_refused() {
        let nested = (1, 2).to_id().unwrap();
        let too_long = "a".repeat(255);
        let refused: [&dyn ToId; 6] =
            [&"", &[0_u8; 0], &u128::MAX, &i128::MIN, &(nested, 3), &too_long];
        for id in refused {
            assert!(id.to_id().is_err());
        }
        assert!("a".repeat(254).to_id().is_ok());
    }
}

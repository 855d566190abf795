//! How a sealed value sits in a row.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

use crate::encoding::{from_text, to_text};
use crate::envelope::FieldInfo;
use crate::envelope::sealed::Parts;
use crate::error::Error;

/// A sealed value of type `T`: what a column holds in its place.
///
/// `Debug` shows its length. The bytes are believed only when the field opens them.
pub struct Sealed<T> {
    bytes: Box<[u8]>,
    marker: PhantomData<fn() -> T>,
}

impl<T> Sealed<T> {
    /// Takes stored bytes. What they are is checked when they are opened.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into().into_boxed_slice(), marker: PhantomData }
    }

    /// Decodes the text form, `fs1.…`.
    ///
    /// # Errors
    /// [`NotSealed`](crate::ErrorKind::NotSealed) for other text,
    /// [`Malformed`](crate::ErrorKind::Malformed) or [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn from_text(text: &str) -> Result<Self, Error> {
        from_text(text, "a sealed field").map(Self::from_bytes)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes to store.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_vec()
    }

    /// The text form to store in a text column: `fs1.` and base64url.
    pub fn to_text(&self) -> String {
        to_text(&self.bytes)
    }

    /// What the sealed value says of itself, unverified and without a key.
    ///
    /// # Errors
    /// [`NotSealed`](crate::ErrorKind::NotSealed), [`Unsupported`](crate::ErrorKind::Unsupported),
    /// [`Malformed`](crate::ErrorKind::Malformed).
    pub fn inspect(&self) -> Result<FieldInfo, Error> {
        FieldInfo::read(&self.bytes)
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self { bytes: self.bytes.clone(), marker: PhantomData }
    }
}

impl<T> PartialEq for Sealed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<T> Eq for Sealed<T> {}

impl<T> Hash for Sealed<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.bytes.len())
    }
}

/// A column of sealed values of type `V`: [`Sealed<V>`], or `Option<Sealed<T>>` where `V` is an
/// `Option<T>` whose absence is NULL.
///
/// This trait is implemented for those two only.
pub trait Column<V>: Sized + Clone + Eq + Hash + fmt::Debug + Send + Sync + sealed::Closed {
    /// The column of these bytes; `None` is NULL, which not every column has.
    #[doc(hidden)]
    fn of(bytes: Option<Vec<u8>>) -> Option<Self>;

    /// The bytes; `None` for NULL.
    #[doc(hidden)]
    fn bytes(&self) -> Option<&[u8]>;

    /// The tag of the key, if these are the bytes of a sealed field.
    #[doc(hidden)]
    fn key_tag(&self) -> Option<[u8; 4]> {
        Some(Parts::parse(self.bytes()?).ok()?.tag)
    }
}

mod sealed {
    #[allow(unnameable_types, reason = "so that no other crate implements Column")]
    pub trait Closed {}
    impl<T> Closed for super::Sealed<T> {}
    impl<T> Closed for Option<super::Sealed<T>> {}
}

impl<V> Column<V> for Sealed<V> {
    fn of(bytes: Option<Vec<u8>>) -> Option<Self> {
        bytes.map(Self::from_bytes)
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(&self.bytes)
    }
}

impl<V> Column<Option<V>> for Option<Sealed<V>> {
    fn of(bytes: Option<Vec<u8>>) -> Option<Self> {
        Some(bytes.map(Sealed::from_bytes))
    }

    fn bytes(&self) -> Option<&[u8]> {
        self.as_ref().map(Sealed::as_bytes)
    }
}

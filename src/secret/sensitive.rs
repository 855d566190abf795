//! A value that was opened, in a struct of the application: not printed, wiped.

use alloc::string::String;
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A value that is personal, as the application holds it: printed as `[redacted]`, wiped on drop, and
/// reached by [`expose`](Self::expose) only.
///
/// It can be sealed wherever `T` can, as the same bytes, so that a column may become sensitive, or stop
/// being so, without a migration:
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use fieldseal::{Class, KeyRing, Record, SealedRecord as _, Sensitive};
///
/// const CONTACT: Class = Class::new("contact").readers(&["app"]);
///
/// #[derive(Record, Debug)]
/// #[record(name = "customer", single_row)]
/// struct Customer {
///     #[record(subject)]
///     id: i64,
///     #[record(seal(class = CONTACT))]
///     email: Sensitive<String>,
///     #[record(seal(class = CONTACT))]
///     phone: Option<Sensitive<String>>,
/// }
///
/// let ring = KeyRing::generate()?;
/// let ada = Customer { id: 42, email: "ada@example.com".into(), phone: None };
/// let opened = ada.seal_new(&ring)?.open(&ring, 42)?;
/// assert_eq!(opened.email.expose(), "ada@example.com");
/// assert_eq!(format!("{opened:?}"), "Customer { id: 42, email: [redacted], phone: None }");
/// # }
/// # Ok::<(), fieldseal::Error>(())
/// ```
///
/// Inside an `Option`, not around one: whether there is a value shows.
///
/// What is wiped is the place where the value lies at last. Text and bytes keep theirs on the heap, and a
/// moved `Sensitive<String>` leaves nothing behind; a number or an array that was moved may have left a copy
/// on the stack, and a string that outgrew its buffer one on the heap. A type of another crate that cannot
/// be wiped, as a date, goes into a newtype that implements `Zeroize`.
///
/// # serde
/// With the feature `serde` it is read as `T` is, by errors that do not show what was read. It is written
/// only where that is asked for, field by field, since a struct that is logged or answered as JSON
/// should not take it along:
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use fieldseal::Sensitive;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Letter {
///     #[serde(serialize_with = "Sensitive::serialize_exposed")]
///     to: Sensitive<String>,
/// }
///
/// let letter: Letter = serde_json::from_str(r#"{"to":"Ada Lovelace"}"#)?;
/// assert_eq!(serde_json::to_string(&letter)?, r#"{"to":"Ada Lovelace"}"#);
/// # }
/// # Ok::<(), serde_json::Error>(())
/// ```
pub struct Sensitive<T: Zeroize>(T);

impl<T: Zeroize> Sensitive<T> {
    /// Takes the value in.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Every use of this is a place to review.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, to be changed in place.
    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }

    /// The value, which the caller wipes; its default stays behind in its place.
    pub fn into_inner(mut self) -> T
    where
        T: Default,
    {
        core::mem::take(&mut self.0)
    }

    /// What `of` makes of the value, as sensitive as the value.
    pub fn map<U: Zeroize>(&self, of: impl FnOnce(&T) -> U) -> Sensitive<U> {
        Sensitive(of(&self.0))
    }
}

impl<T: Zeroize> Drop for Sensitive<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> ZeroizeOnDrop for Sensitive<T> {}

impl<T: Zeroize> Zeroize for Sensitive<T> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl From<&str> for Sensitive<String> {
    fn from(value: &str) -> Self {
        Self(value.into())
    }
}

impl<T: Zeroize + Clone> Clone for Sensitive<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize + PartialEq> PartialEq for Sensitive<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Zeroize + Eq> Eq for Sensitive<T> {}

impl<T: Zeroize + Default> Default for Sensitive<T> {
    fn default() -> Self {
        Self(T::default())
    }
}

impl<T: Zeroize> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T: Zeroize> fmt::Display for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Nothing of it depends on the value, not even its length.
const REDACTED: &str = "[redacted]";

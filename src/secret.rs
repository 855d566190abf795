//! Secret bytes and opened values, which are wiped when dropped and never printed.
//!
//! [`Plaintext`] holds bytes that were opened, [`Secret`] holds the bytes of a key, and [`Sensitive`] wraps an
//! opened value of any type so that it prints as `[redacted]`.
//!
//! ```
//! use fieldseal::Sensitive;
//!
//! let email = Sensitive::new(String::from("ada@example.com"));
//! assert_eq!(format!("{email:?}"), "[redacted]");
//! assert_eq!(email.expose(), "ada@example.com");
//! ```

mod sensitive;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use self::sensitive::Sensitive;

/// `N` secret bytes on the heap, so that moving the owner leaves no copy behind.
///
/// There is no `Clone`, no `PartialEq` and no way to print it. The bytes are wiped on drop.
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Takes a copy of `bytes`. The caller wipes its own.
    pub fn from_bytes(bytes: &[u8; N]) -> Self {
        Self::filled(|secret| secret.copy_from_slice(bytes))
    }

    /// Makes the secret where it will stay, so that no copy is left on the stack.
    pub(crate) fn filled(fill: impl FnOnce(&mut [u8; N])) -> Self {
        let mut bytes = Box::new([0; N]);
        fill(&mut bytes);
        Self(bytes)
    }

    /// [`filled`](Self::filled), by something that can fail.
    pub(crate) fn try_filled<E>(
        fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut secret = Self(Box::new([0; N]));
        fill(&mut secret.0)?;
        Ok(secret)
    }

    /// The bytes themselves. Every use of this is a place to review.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// A second owner of the same bytes; by name, so that no copy is made by accident.
    pub(crate) fn duplicate(&self) -> Self {
        Self::from_bytes(self.expose())
    }

    /// Whether the two hold the same bytes, in time that does not depend on them.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Secret<64> {
    /// The two keys that one derivation gives.
    pub(crate) fn halves(&self) -> (&[u8; 32], &[u8; 32]) {
        const EMPTY: &[u8; 32] = &[0; 32];
        // safe: 64 bytes have a first and a last half, so the fallback is never taken.
        match (self.0.first_chunk(), self.0.last_chunk()) {
            (Some(first), Some(last)) => (first, last),
            _ => (EMPTY, EMPTY),
        }
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({N} bytes)")
    }
}

/// Opened bytes: wiped on drop, and `Debug` shows their length only. [`expose`](Self::expose) gives access to them.
///
/// There is no `Clone`, no `PartialEq` and no `Deref`, by which a copy would escape or be printed:
///
/// ```compile_fail,E0599
/// let opened = fieldseal::KeyRing::generate()?.open(b"note", b"sealed")?;
/// let copy = opened.clone();
/// # Ok::<(), fieldseal::Error>(())
/// ```
///
/// ```compile_fail,E0614
/// let opened = fieldseal::KeyRing::generate()?.open(b"note", b"sealed")?;
/// println!("{:?}", *opened);
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    pub(crate) fn copy_of(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The bytes. What is copied from them is not wiped.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, which the caller wipes.
    pub fn into_bytes(mut self) -> Vec<u8> {
        core::mem::take(&mut *self.0)
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plaintext({} bytes)", self.0.len())
    }
}

/// Whether two public or authentication values are equal, in constant time.
pub(crate) fn ct_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_that_it_wipes_has_a_drop() {
        const fn wipes<T: ZeroizeOnDrop>() -> bool {
            core::mem::needs_drop::<T>()
        }
        const { assert!(wipes::<Secret<32>>() && wipes::<Secret<64>>()) };
        const { assert!(core::mem::needs_drop::<Plaintext>()) };
    }

    #[test]
    fn secrets_are_equal_by_their_bytes_and_print_none() {
        let (a, b) = (Secret::from_bytes(&[7; 32]), Secret::from_bytes(&[8; 32]));
        assert!(a.ct_eq(&a.duplicate()) && !a.ct_eq(&b));
        assert_eq!(alloc::format!("{a:?}"), "Secret(32 bytes)");
    }
}

//! Terms, as they are stored.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::encoding::{from_hex_pairs, to_hex};
use crate::error::Error;
use crate::kdf::MacKey;
use crate::keyring::KeyId;

/// What a sealed value is found by: the id of an index key, and a MAC of the normalized value that only
/// holders of the key can make. At most 20 bytes, which it has unless the index cuts it.
///
/// Equal terms of an index stand for equal values; of a truncated index, for values of one group. A
/// term is no secret, and tells whoever reads the table which rows are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(Box<[u8]>);

/// `[IX-1]`
const KEY_ID: usize = 4;

impl Term {
    /// Takes stored bytes, unchecked.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into().into_boxed_slice())
    }

    /// Decodes the text form.
    ///
    /// # Errors
    /// [`Malformed`](crate::ErrorKind::Malformed) for what is not the lower-case hexadecimal of some bytes.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        from_hex_pairs(text)
            .map(Self::from_bytes)
            .ok_or_else(|| Error::malformed("no term is spelled so"))
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text form, for text columns: lower-case hexadecimal, which has the order of the bytes.
    pub fn to_text(&self) -> String {
        to_hex(&self.0)
    }

    /// The index key that it was made with; `None` for bytes that are no term.
    pub fn key_id(&self) -> Option<KeyId> {
        let id = self.0.first_chunk::<KEY_ID>()?;
        KeyId::new(u32::from_be_bytes(*id))
    }

    /// `[IX-1]`: `u32 key id ‖ cut(HMAC(k, u8 kind ‖ u8 level ‖ item))`.
    pub(super) fn make(id: KeyId, key: &MacKey, bits: u16, of: &Input) -> Self {
        let mac = key.tag(&[&[of.kind, of.level], &of.item]);
        let whole = usize::from(bits.div_ceil(8));
        let mut bytes = Vec::with_capacity(KEY_ID.saturating_add(whole));
        bytes.extend_from_slice(&id.get().to_be_bytes());
        bytes.extend(mac.iter().take(whole));
        // The leading bits are kept, and the rest of the last byte is zero.
        if let (Some(last), kept @ 1..8) = (bytes.last_mut(), bits % 8) {
            *last &= !(u8::MAX >> kept);
        }
        Self(bytes.into_boxed_slice())
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key_id() {
            Some(id) => write!(f, "Term({} bytes, by {id})", self.0.len()),
            None => write!(f, "Term({} bytes)", self.0.len()),
        }
    }
}

/// What one term is made of.
pub(crate) struct Input {
    pub(super) kind: u8,
    pub(super) level: u8,
    pub(super) item: Zeroizing<Vec<u8>>,
}

/// The terms of a value in an index that has several a value: each once, in the order of their bytes,
/// which says nothing.
///
/// Those of a row that was read without them are [unread](Terms::unread), and are refused where they
/// would be written: an unread list is not an empty one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Terms(Option<Vec<Term>>);

impl Terms {
    /// Terms, as they were stored.
    pub fn from_terms(mut terms: Vec<Term>) -> Self {
        terms.sort_unstable();
        terms.dedup();
        Self(Some(terms))
    }

    /// Those of a row that was read without them.
    pub const fn unread() -> Self {
        Self(None)
    }

    /// The terms; `None` where they were not read.
    pub fn as_slice(&self) -> Option<&[Term]> {
        self.0.as_deref()
    }
}

impl From<Vec<Term>> for Terms {
    fn from(terms: Vec<Term>) -> Self {
        Self::from_terms(terms)
    }
}

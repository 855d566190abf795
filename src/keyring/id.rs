//! The id of a ring key.

use core::fmt;
use core::num::NonZeroU32;

use crate::error::Error;

/// The id of a ring key: a random number that is not 0, unique in its ring.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyId(NonZeroU32);

impl KeyId {
    /// The id of this number; `None` for 0, which is no id.
    pub const fn new(id: u32) -> Option<Self> {
        match NonZeroU32::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl Error {
    /// The ring key concerned, where the error is about one.
    pub fn key_id(&self) -> Option<KeyId> {
        self.key_number().and_then(KeyId::new)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.get())
    }
}

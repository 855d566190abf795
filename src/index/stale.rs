//! Which terms are out of date.

use crate::keyring::KeyId;

/// The terms of an index that are not under the ring's primary key: made before its key was rotated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stale {
    pub(crate) current: KeyId,
}

impl Stale {
    /// The key that terms are made with now.
    pub fn current(&self) -> KeyId {
        self.current
    }

    /// The least bytes of a current term: those below are stale.
    pub fn least(&self) -> [u8; 4] {
        self.current.get().to_be_bytes()
    }

    /// The least bytes above every current term, which are stale too; `None` where there can be none.
    pub fn above(&self) -> Option<[u8; 4]> {
        self.current.get().checked_add(1).map(u32::to_be_bytes)
    }
}

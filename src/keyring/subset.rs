//! A service's ring: its roles, and the writer halves of the others.

use alloc::format;
use core::fmt;

use super::{Holds, KeyRing, KeyState, KeyUse, RingKey};
use crate::error::{Error, ErrorKind};

/// A ring for one service, and what it kept of the ring it was made from.
///
/// It prints as a list of what the service can do, a line a key.
#[derive(Debug)]
pub struct Subset {
    ring: KeyRing,
}

impl KeyRing {
    /// The ring of a service that has these roles: their keys in full, the envelope keys, the writer
    /// halves of other key-pair roles, and of everything else the name only.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) naming a role of which this ring holds no key that opens.
    pub fn subset(&self, roles: &[&str]) -> Result<Subset, Error> {
        for role in roles {
            if !self.named(KeyUse::Wrap, role).any(|key| key.is_ours(true)) {
                return Err(Error::new(
                    ErrorKind::MissingKey,
                    format!("this ring holds no key that opens as role `{role}`"),
                ));
            }
        }
        let mut ring = Self::empty();
        for key in self.keys() {
            ring.insert(key.reduced(kept(key, roles)))?;
        }
        Ok(Subset { ring })
    }
}

fn kept(key: &RingKey, roles: &[&str]) -> Holds {
    match key.key_use() {
        KeyUse::Envelope => Holds::Secret,
        KeyUse::Wrap if roles.contains(&key.name()) => key.holds(),
        // Only a primary key wraps, so of the others a writer needs nothing.
        KeyUse::Wrap if key.state() == KeyState::Primary && key.half().is_some() => {
            Holds::WriterHalf
        }
        KeyUse::Wrap => Holds::NameOnly,
    }
}

impl Subset {
    /// The service's ring.
    pub fn into_ring(self) -> KeyRing {
        self.ring
    }

    /// What was kept: of each key, its use, name and state, and how much of it is
    /// [held](RingKey::holds).
    pub fn kept(&self) -> impl Iterator<Item = &RingKey> {
        self.ring.keys()
    }
}

impl fmt::Display for Subset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, key) in self.kept().enumerate() {
            write!(f, "{}{key}", if position == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

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
    /// Who holds the writer halves of all readers of a class can make values that they accept. A
    /// service that writes for some of them only gets a [`subset_for`](Self::subset_for).
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) naming a role of which this ring holds no key that opens.
    pub fn subset(&self, roles: &[&str]) -> Result<Subset, Error> {
        self.subset_where(roles, |_| true)
    }

    /// [`subset`](Self::subset), with the writer halves of these roles and no others.
    ///
    /// # Errors
    /// As [`subset`](Self::subset); [`MissingKey`](ErrorKind::MissingKey) also naming a writer of which
    /// this ring holds no primary key pair or writer half.
    pub fn subset_for(&self, roles: &[&str], writers: &[&str]) -> Result<Subset, Error> {
        for role in writers {
            if self.primary(KeyUse::Wrap, role).is_none_or(|key| key.half().is_none()) {
                return Err(Error::new(
                    ErrorKind::MissingKey,
                    format!(
                        "this ring holds no writer half of role `{role}`: is it a key-pair role?"
                    ),
                ));
            }
        }
        self.subset_where(roles, |role| writers.contains(&role))
    }

    fn subset_where(&self, roles: &[&str], writes: impl Fn(&str) -> bool) -> Result<Subset, Error> {
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
            ring.insert(key.reduced(kept(key, roles, &writes)))?;
        }
        Ok(Subset { ring })
    }
}

fn kept(key: &RingKey, roles: &[&str], writes: &impl Fn(&str) -> bool) -> Holds {
    match key.key_use() {
        KeyUse::Envelope => Holds::Secret,
        KeyUse::Wrap if roles.contains(&key.name()) => key.holds(),
        // Only a primary key wraps, so of the others a writer needs nothing.
        KeyUse::Wrap
            if key.state() == KeyState::Primary && key.half().is_some() && writes(key.name()) =>
        {
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

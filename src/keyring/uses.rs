//! What a ring key is for.

use core::fmt;
use core::str::FromStr;

use crate::error::Error;

/// What a ring key is for. One key never serves two uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum KeyUse {
    /// Wraps data keys for the role that the key is named after.
    Wrap,
    /// Authenticates key envelopes; named `envelope`, held by every service that reads or writes them.
    Envelope,
    /// Makes the terms by which sealed fields are found; named `index`. Of it a service gets keys
    /// [derived](super::Scope) for one index each.
    Index,
    /// Makes pseudonyms; named `pseudonym`. Of it a service gets keys [derived](super::Scope) for one purpose
    /// each.
    Pseudonym,
    /// Signs what is said of erasures, withdrawals and grants; named `sign`. A ring that does not sign
    /// gets its [public half](super::KeyMaterial::Public). Such keys need the feature `file`.
    Sign,
}

impl KeyUse {
    const ALL: [Self; 5] = [Self::Wrap, Self::Envelope, Self::Index, Self::Pseudonym, Self::Sign];

    /// The use as a ring file spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wrap => "wrap",
            Self::Envelope => "envelope",
            Self::Index => "index",
            Self::Pseudonym => "pseudonym",
            Self::Sign => "sign",
        }
    }

    /// `[RK-2]` The one name of the keys of this use; wrap keys are named as their roles.
    pub const fn fixed_name(self) -> Option<&'static str> {
        match self {
            Self::Wrap => None,
            _ => Some(self.as_str()),
        }
    }
}

impl fmt::Display for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyUse {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|key_use| key_use.as_str() == text).ok_or_else(|| {
            Error::invalid("a key's use is wrap, envelope, index, pseudonym or sign")
        })
    }
}

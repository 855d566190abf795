//! What a derived key is for: one index, or the pseudonyms of one purpose.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::KeyUse;
use crate::context::{check_tenant, is_name};
use crate::encoding::Put;
use crate::error::Error;
use crate::kdf::expand;
use crate::secret::Secret;

/// What a key that was derived from an index or a pseudonym key serves, and nothing else.
///
/// A service that only searches gets the key of its index, never the master (FORMAT.md, RK-4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Scope {
    /// One index of a record, for one tenant.
    #[non_exhaustive]
    Index {
        /// The tenant: empty where there is only one.
        tenant: Arc<str>,
        /// The record.
        record: Arc<str>,
        /// The index.
        index: Arc<str>,
    },
    /// The pseudonyms of one purpose, for one tenant.
    #[non_exhaustive]
    Pseudonym {
        /// The tenant: empty where there is only one.
        tenant: Arc<str>,
        /// The purpose.
        purpose: Arc<str>,
    },
}

impl Scope {
    /// The index `index` of `record`, of this tenant.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a tenant over 64 bytes, and for what is no
    /// name.
    pub fn index(tenant: &str, record: &str, index: &str) -> Result<Self, Error> {
        Ok(Self::Index {
            tenant: check_tenant(tenant)?.into(),
            record: checked(record)?.into(),
            index: checked(index)?.into(),
        })
    }

    /// The pseudonyms for `purpose`, of this tenant.
    ///
    /// # Errors
    /// As [`index`](Self::index).
    pub fn pseudonym(tenant: &str, purpose: &str) -> Result<Self, Error> {
        Ok(Self::Pseudonym {
            tenant: check_tenant(tenant)?.into(),
            purpose: checked(purpose)?.into(),
        })
    }

    /// The use of the key that it is derived from.
    pub fn key_use(&self) -> KeyUse {
        match self {
            Self::Index { .. } => KeyUse::Index,
            Self::Pseudonym { .. } => KeyUse::Pseudonym,
        }
    }

    /// `[RK-7]` The key for this alone: `Expand(master, label ‖ s8(tenant) ‖ …, 32)`.
    pub(super) fn derive(&self, master: &Secret<32>) -> Secret<32> {
        let mut info = Vec::new();
        match self {
            Self::Index { tenant, record, index } => {
                info.put(b"fieldseal/v1 index");
                info.put_s8(tenant.as_bytes());
                info.put_s8(record.as_bytes());
                info.put_s8(index.as_bytes());
            }
            Self::Pseudonym { tenant, purpose } => {
                info.put(b"fieldseal/v1 pseudonym");
                info.put_s8(tenant.as_bytes());
                info.put_s8(purpose.as_bytes());
            }
        }
        expand(master, &info)
    }
}

fn checked(name: &str) -> Result<&str, Error> {
    if is_name(name) {
        Ok(name)
    } else {
        Err(Error::invalid(
            "a record, an index and a purpose are named by 1 to 64 bytes of a-z 0-9 _ . - that start with a letter",
        ))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenant = match self {
            Self::Index { tenant, record, index } => {
                write!(f, "{record}.{index}")?;
                tenant
            }
            Self::Pseudonym { tenant, purpose } => {
                write!(f, "{purpose}")?;
                tenant
            }
        };
        if tenant.is_empty() { Ok(()) } else { write!(f, " of tenant {tenant:?}") }
    }
}

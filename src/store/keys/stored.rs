//! What a store returns: an envelope and whose it is, and what is queued to be resealed.

use alloc::string::String;
use alloc::vec::Vec;

#[allow(unused_imports, reason = "in the documentation")]
use super::KeyStore;
use crate::context::SubjectId;
use crate::envelope::KeyEnvelope;
use crate::keyring::Census;

/// One envelope of a [scan](KeyStore::scan), and the place to go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredEnvelope {
    /// Whose data it is.
    pub tenant: String,
    /// The subject.
    pub subject: SubjectId,
    /// The envelope.
    pub envelope: KeyEnvelope,
}

/// An envelope to be [stored](KeyStore::save_page), with the classes to be queued for resealing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedEnvelope {
    /// Whose data it is.
    pub tenant: String,
    /// The subject.
    pub subject: SubjectId,
    /// The envelope, of the version after the one that is stored.
    pub envelope: KeyEnvelope,
    /// The classes to be resealed, each with the generation to reseal it under.
    pub reseal: Vec<(String, u16)>,
}

/// A table of key envelopes in a database, distinguished from others of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "stores of other databases make them")]
pub struct StoredTable {
    /// The same for one table, however it is reached.
    pub identity: String,
    /// The name to be shown, with its schema.
    pub shown: String,
    /// `true` for the table that the statements of the store reach.
    pub is_used: bool,
}

impl StoredTable {
    /// Takes the table into a census: as counted, or as one that was not.
    pub(super) fn note(&self, census: &mut Census) {
        if self.is_used {
            census.count_table(&self.identity);
        } else {
            census.note_table(&self.identity, &self.shown);
        }
    }
}

/// Values to be resealed: all that a subject has of a class, under this generation or a later one. One
/// entry of a [queue](KeyStore::reseal_queue).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResealEntry {
    /// Whose data it is.
    pub tenant: String,
    /// The subject.
    pub subject: SubjectId,
    /// The class.
    pub class: String,
    /// The generation that followed.
    pub generation: u16,
}

/// How a column of an application's own table holds a subject's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectColumn {
    /// Integers.
    Integer,
    /// Text.
    Text,
    /// The 16 bytes of a UUID.
    Uuid,
}

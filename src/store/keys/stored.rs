//! What a store returns: an envelope and whose it is, and what is queued to be resealed.

use alloc::string::String;

#[allow(unused_imports, reason = "in the documentation")]
use super::KeyStore;
use crate::context::SubjectId;
use crate::envelope::KeyEnvelope;

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

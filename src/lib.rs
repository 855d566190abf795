#![doc = "x"]
#![forbid(unsafe_code)]
#![no_std]
#![cfg_attr(fieldseal_docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod access;
mod aead;
mod cbor;
mod class;
mod context;
mod encoding;
mod envelope;
mod error;
mod field;
#[cfg(any(feature = "rusqlite", feature = "serde"))]
mod integrations;
mod kdf;
mod keyring;
mod random;
mod record;
mod secret;
mod wrap;

pub use access::{Access, Action, AuditRefused, AuditSink, Event};
pub use class::Class;
pub use context::{Id, RowId, SubjectId, ToId};
pub use envelope::{
    DataKeys, EntryInfo, EntryState, EnvelopeEdit, EnvelopeInfo, History, KeyEnvelope,
    RecipientInfo, Rewrapped,
};
pub use error::{Error, ErrorKind};
#[cfg(feature = "serde")]
pub use field::Structured;
pub use field::{
    Column, Decoder, Encoder, Field, FieldInRow, ManyRows, NotNull, SealValue, Sealed, SingleRow,
    Update,
};
pub use keyring::{Holds, KeyId, KeyRing, KeyState, KeyUse, RingKey, Subset};
pub use record::{Catalog, FieldSchema, InlineKeys, KeysPlace, Record, Rows, Schema, SealedRecord};
pub use secret::Secret;

/// What derived code names; no part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::record::{Opener, Sealer};
    pub use alloc::vec::Vec;
    #[cfg(feature = "rusqlite")]
    pub use rusqlite;
}

#![doc = "x"]
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
mod kdf;
mod keyring;
mod random;
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
pub use keyring::{Holds, KeyId, KeyRing, KeyState, KeyUse, RingKey, Subset};
pub use secret::Secret;

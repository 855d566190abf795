// Its examples use ring files.
#![cfg_attr(any(not(doctest), feature = "file"), doc = include_str!("../README.md"))]
#![forbid(unsafe_code)]
#![no_std]
#![cfg_attr(fieldseal_docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod access;
mod aead;
mod anonymous;
mod cbor;
mod class;
mod clock;
mod context;
mod encoding;
mod envelope;
mod error;
mod field;
mod index;
#[cfg(any(
    feature = "pkcs11",
    feature = "rusqlite",
    feature = "serde",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite"
))]
mod integrations;
#[cfg(feature = "std")]
mod jobs;
mod kdf;
mod keyring;
#[cfg(feature = "file")]
mod ledger;
mod pseudonym;
mod random;
mod record;
mod secret;
#[cfg(feature = "file")]
mod sign;
#[cfg(feature = "std")]
mod store;
mod wrap;

pub use access::{
    Access, Action, AuditRefused, AuditSink, Event, LedgerAct, LedgerChange, LedgerSink,
};
pub use aead::{Backend, backend};
pub use anonymous::{AnonymousExport, AnonymousRows, Generalise};
pub use cbor::ValueKind;
pub use class::{Class, MaskName, ToClasses};
pub use context::{Id, RowId, SubjectId, ToId};
pub use envelope::{
    DataKeys, EntryInfo, EntryState, EnvelopeEdit, EnvelopeInfo, ErasedGeneration, Erasure,
    FieldInfo, History, KeyEnvelope, RecipientInfo, Rewrapped, RewrappedStandalone, SealedInfo,
    StandaloneInfo,
};
pub use error::{Error, ErrorKind, Fault};
#[cfg(feature = "serde")]
pub use field::Structured;
pub use field::{
    Accompanied, Alone, Column, ColumnValue, Companion, Decoder, Encoder, Field, FieldInRow,
    Findable, InCompound, Index, IndexedField, ManyRows, ManyTerms, Mask, MaskInRow, Masked,
    Masking, NotNull, OneTerm, Optional, Query, SealValue, Sealed, SingleRow, Update,
};
pub use index::{Domain, Leakage, MeasuredLeakage, Normalizer, Stale, Term, Terms};
#[cfg(feature = "pkcs11")]
pub use integrations::{Pkcs11, Pkcs11Key, Pkcs11Pin, Pkcs11Reply, Pkcs11Request, Pkcs11Session};
#[cfg(feature = "std")]
pub use jobs::{Sweep, SweepPlan};
#[cfg(feature = "file")]
pub use keyring::{
    Argon2Cost, Credential, Fingerprint, Floor, KeyLine, LockedRing, Passphrase, PendingSlot,
    RingDocument, RingId, Share, Slot, SlotId, SlotKey, SlotKind, Unlock, VerifyingKey,
};
pub use keyring::{
    Census, Description, GenerationCount, GenerationState, Holds, KeyCount, KeyId, KeyRing,
    KeyState, KeyUse, Need, PlaceCount, Reach, RingKey, Scope, Subset,
};
#[cfg(feature = "file")]
pub use ledger::{
    Consent, Ledger, LedgerEntry, LedgerHead, Receipt, ReceiptColumn, ReceiptKey, Replay,
    SubjectToken,
};
pub use pseudonym::{Pseudonym, PseudonymUuid, Pseudonyms};
pub use record::{
    Catalog, Compound, FieldSchema, InlineKeys, KeysPlace, Record, Reindexed, Resealed, Rows,
    Schema, SealedRecord,
};
pub use secret::{Plaintext, Secret, Sensitive};
#[cfg(feature = "sqlx-sqlite")]
pub use store::SqlxTermsTable;
#[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite"))]
pub use store::TableTerms;
#[cfg(feature = "std")]
pub use store::{
    AsyncKeyStore, KeyStore, MemoryKeyStore, Pass, Reseal, SqlCondition, SqlDialect,
    StoredEnvelope, SubjectColumn,
};
#[cfg(feature = "file")]
pub use store::{LedgerFile, RingFile, SharedRing};
#[cfg(feature = "rusqlite")]
pub use store::{SqliteKeyStore, SqliteTermsTable};
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub use store::{SqlxDatabase, SqlxKeyStore};

/// Makes a struct a record.
///
/// ```
/// use fieldseal::{Class, KeyRing, Record, SealedRecord as _};
///
/// const CONTACT: Class = Class::new("contact").readers(&["app"]);
///
/// #[derive(Record)]
/// #[record(name = "customer", single_row)]
/// struct Customer {
///     #[record(subject)]
///     id: i64,
///     #[record(seal(class = CONTACT))]
///     email: String,
///     #[record(seal)]
///     birth_name: Option<String>,
///     plan: String,
/// }
///
/// let ring = KeyRing::generate()?;
/// let ada = Customer { id: 42, email: "ada@example.com".into(), birth_name: None, plan: "free".into() };
/// let row: SealedCustomer = ada.seal_new(&ring)?;
/// assert_eq!(row.open(&ring, 42)?.email, "ada@example.com");
///
/// let keys = row.unwrap_keys(&ring, 42)?;
/// assert_eq!(customer::EMAIL.open(&keys, &row.email)?, "ada@example.com");
/// assert_eq!(customer::COLUMNS, ["id", "email", "birth_name", "plan", "keys"]);
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[cfg(feature = "derive")]
pub use fieldseal_derive::Record;
/// Makes a newtype a value that can be sealed.
///
/// ```
/// use fieldseal::{Class, DataKeys, Field, KeyRing, SealValue};
///
/// #[derive(SealValue, Debug, PartialEq)]
/// struct Email(String);
///
/// const EMAIL: Field<Email> = Field::new("customer", "email", Class::PERSONAL);
///
/// let keys = DataKeys::create(&KeyRing::generate()?, 42, EMAIL)?;
/// let sealed = EMAIL.seal(&keys, &Email("ada@example.com".into()))?;
/// assert_eq!(EMAIL.open(&keys, &sealed)?, Email("ada@example.com".into()));
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[cfg(feature = "derive")]
pub use fieldseal_derive::SealValue;

/// What derived code names; no part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::field::Encoding;
    pub use crate::record::{Opener, Resealer, Sealer};
    pub use alloc::string::String;
    pub use alloc::vec::Vec;

    use crate::error::Error;
    use crate::field::{Encoder, NotNull};

    /// Encodes the inner value of a newtype, which cannot be absent.
    ///
    /// # Errors
    /// Those of the value.
    pub fn encode_inner<T: NotNull>(inner: &T, to: &mut Encoder<'_>) -> Result<(), Error> {
        inner.encode(to)
    }

    #[cfg(feature = "rusqlite")]
    pub use rusqlite;
}

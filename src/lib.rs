//! Field-level encryption of customer records, with one key per person and class of data.
//!
//! fieldseal encrypts individual fields of your records inside the application, before they reach the
//! database. The database, its backups, its replicas and its logs hold only ciphertext for them. Each
//! class of data is encrypted under its own key for each person, and that key is wrapped once for every
//! role that may read the class. Erasing a person, or withdrawing a consent, destroys wrapped keys.
//!
//! ```
//! # #[cfg(feature = "derive")]
//! # fn main() -> Result<(), fieldseal::Error> {
//! use fieldseal::{Class, KeyRing, Record, SealedRecord};
//!
//! const CONTACT: Class = Class::new("contact").readers(&["app", "support"]);
//! const FINANCIAL: Class = Class::new("financial").readers(&["billing"]);
//!
//! #[derive(Record)]
//! #[record(name = "customer", single_row)]
//! struct Customer {
//!     #[record(subject)]
//!     id: i64,
//!     #[record(seal(class = CONTACT))]
//!     email: String,
//!     #[record(seal(class = FINANCIAL))]
//!     card: Option<String>,
//!     plan: String, // stays in the clear
//! }
//!
//! let mut ring = KeyRing::generate()?; // role `app`
//! ring.add_role("support")?;
//! ring.add_role("billing")?;
//!
//! let ada = Customer {
//!     id: 42,
//!     email: "ada@example.com".into(),
//!     card: Some("4242 4242 4242 4242".into()),
//!     plan: "plus".into(),
//! };
//! let row: SealedCustomer = ada.seal_new(&ring)?; // new data keys; their envelope is in `row.keys`
//!
//! let opened: Customer = row.open(&ring, 42)?; // the caller says whose row it asked for
//! assert_eq!(opened.email, "ada@example.com");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "derive"))]
//! # fn main() {}
//! ```
//!
//! # Where to find what
//!
//! | task | page |
//! |---|---|
//! | first steps, and a page for each task | [`guide`] |
//! | declare records and fields | [`record`], [`field`], [`class`] |
//! | keep keys: roles, rotation, ring files, passphrases, HSMs | [`keyring`] |
//! | store key envelopes in PostgreSQL or SQLite | [`store`] |
//! | search sealed values | [`index`] |
//! | grant and withdraw consent, renew, erase | [`envelope`], [`store`] |
//! | prove what was erased, and repeat it after a restore | [`ledger`] (feature `file`) |
//! | record who opened what | [`audit`] |
//! | masks, pseudonyms and exports for analysts | [`field`], [`pseudonym`], [`export`] |
//! | which error means what, and its HTTP status | [`error`] |
//!
//! The names that most programs need are here at the root. Each of the others is in the module of its task.

#![forbid(unsafe_code)]
#![no_std]
#![cfg_attr(fieldseal_docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod access;
mod aead;
pub mod audit;
mod cbor;
pub mod class;
mod clock;
mod context;
mod encoding;
pub mod envelope;
pub mod error;
pub mod export;
pub mod field;
#[cfg(any(doc, all(doctest, feature = "derive", feature = "file")))]
pub mod guide;
pub mod index;
mod integrations;
#[cfg(feature = "std")]
pub mod jobs;
mod kdf;
pub mod keyring;
#[cfg(feature = "file")]
pub mod ledger;
pub mod pseudonym;
mod random;
pub mod record;
pub mod secret;
#[cfg(feature = "file")]
mod sign;
#[cfg(feature = "std")]
pub mod store;
mod wrap;

#[doc(inline)]
pub use access::Access;
pub use aead::{Backend, backend};
#[doc(inline)]
pub use class::Class;
pub use context::{Id, RowId, SubjectId, ToId};
#[doc(inline)]
pub use envelope::{DataKeys, KeyEnvelope};
#[doc(inline)]
pub use error::{Error, ErrorKind};
#[doc(inline)]
pub use field::{Field, Index, Mask, SealValue, Sealed};
#[cfg(feature = "pkcs11")]
pub use integrations::pkcs11;
#[doc(inline)]
pub use keyring::KeyRing;
#[doc(inline)]
pub use record::{Catalog, Record, SealedRecord};
#[doc(inline)]
pub use secret::{Plaintext, Sensitive};
#[cfg(feature = "std")]
#[doc(inline)]
pub use store::{AsyncKeyStore, KeyStore, MemoryKeyStore};
#[cfg(feature = "file")]
#[doc(inline)]
pub use store::{RingFile, SharedRing};

// The examples of the README are run, and use ring files.
#[cfg(all(doctest, feature = "file"))]
#[doc = include_str!("../README.md")]
struct Readme;

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

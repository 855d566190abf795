//! Stores: where key envelopes, rings and ledgers are kept. All I/O of the crate is here.
//!
//! A [`KeyStore`] keeps the key envelopes of an application, in SQLite through `rusqlite`
//! (feature `rusqlite`) or in memory. An [`AsyncKeyStore`] does the same in PostgreSQL or SQLite through `sqlx`
//! (features `sqlx-postgres`, `sqlx-sqlite`). Envelopes are in a table that `migrate` creates, or in a column of your
//! own table. Every call can run inside your transaction.
//!
//! ```
//! use fieldseal::{Class, DataKeys, KeyRing, KeyStore, MemoryKeyStore};
//!
//! let (ring, store) = (KeyRing::generate()?, MemoryKeyStore::new());
//! let keys = DataKeys::create(&ring, 42, Class::PERSONAL)?;
//! store.save(&(), &keys)?; // in one transaction with the rows that are sealed under these keys
//!
//! let keys = store.load(&(), "", 42)?.expect("it is stored").unwrap(&ring, 42)?;
//! # let _ = keys;
//! # Ok::<(), fieldseal::Error>(())
//! ```
//!
//! [`RingFile`] and [`SharedRing`] (feature `file`) keep a key ring in a file and reload it when it changes.
//! [`SqlCondition`] writes the SQL of a search over a blind index.

mod answer;
#[cfg(feature = "file")]
mod disk;
mod jobs;
#[cfg(feature = "file")]
mod key_file;
mod keys;
#[cfg(feature = "file")]
mod ledger_file;
mod machine;
#[cfg(feature = "file")]
mod ring_file;
mod search;
#[cfg(feature = "file")]
mod shared;
#[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite"))]
mod terms;

#[cfg(feature = "rusqlite")]
pub use self::keys::SqliteKeyStore;
pub use self::keys::{
    AsyncKeyStore, ChangedEnvelope, KeyStore, MemoryKeyStore, PassReport, ResealEntry,
    StoredEnvelope, StoredTable, SubjectColumn,
};
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub use self::keys::{SqlxDatabase, SqlxKeyStore};
#[cfg(feature = "file")]
pub use self::ledger_file::LedgerFile;
#[cfg(feature = "file")]
pub use self::ring_file::RingFile;
pub use self::search::{SqlCondition, SqlDialect};
#[cfg(feature = "file")]
pub use self::shared::SharedRing;
#[cfg(feature = "rusqlite")]
pub use self::terms::SqliteTermsTable;
#[cfg(feature = "sqlx-sqlite")]
pub use self::terms::SqlxTermsTable;
#[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite"))]
pub use self::terms::TableTerms;

//! Where things are kept: key envelopes, ring files, and the ring of a running server. The only I/O.

mod answer;
#[cfg(feature = "file")]
mod disk;
mod jobs;
#[cfg(feature = "file")]
mod key_file;
mod keys;
#[cfg(feature = "file")]
mod ledger_file;
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
    AsyncKeyStore, KeyStore, MemoryKeyStore, Pass, Reseal, StoredEnvelope, SubjectColumn,
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

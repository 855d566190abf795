//! The table of terms, through rusqlite.

use alloc::vec::Vec;

use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::{FORGET, REMOVE, RowKey, SCHEMA, TableTerms, stored};
use crate::context::ToId;
use crate::error::Error;
use crate::index::Term;
use crate::store::answer;
use crate::store::keys::both;

/// The table of terms of a SQLite database: `fieldseal_terms`. A `rusqlite::Transaction` is a
/// connection too: write the terms in the transaction of their row, or a query misses it.
///
/// One table serves all records and tenants of a database. It keeps a row by the key that the
/// application's table has for it, an integer, a text or a UUID, which two rows of a record must not
/// share, not even those of two tenants.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqliteTermsTable(());

impl SqliteTermsTable {
    /// The table as [`migrate`](Self::migrate) makes it, for those who keep their migrations
    /// themselves.
    pub const SCHEMA: &str = SCHEMA;

    /// The table `fieldseal_terms`, which [`migrate`](Self::migrate) makes.
    pub const fn new() -> Self {
        Self(())
    }

    /// Makes the table, if it is not there.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the database refuses, and [`Retry`](crate::ErrorKind::Retry)
    /// where the transaction has to be run again.
    pub fn migrate(&self, on: &Connection) -> Result<(), Error> {
        on.execute_batch(SCHEMA).map_err(failed)
    }

    /// Puts the row's terms of these indexes in the place of those that it had: all of a sealed row's,
    /// those that a field's update gave, or an index and the terms by it. All or nothing, also outside of a
    /// transaction.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for terms that were not read from the database, and for
    /// a key that the table does not hold; [`Io`](crate::ErrorKind::Io) when the database refuses, and [`Retry`](crate::ErrorKind::Retry)
    /// where the transaction has to be run again.
    pub fn write(
        &self,
        on: &Connection,
        row: impl ToId,
        of: &impl TableTerms,
    ) -> Result<(), Error> {
        let (row, (record, indexes)) = (Value::from(RowKey::new(row)?), stored(of)?);
        both(on, || {
            let write = |(index, terms): &(&str, Vec<Term>)| {
                on.prepare_cached(FORGET)?.execute(params![record, row, index])?;
                let mut insert =
                    on.prepare_cached("INSERT INTO fieldseal_terms VALUES (?1, ?2, ?3, ?4)")?;
                terms.iter().try_for_each(|term| {
                    insert.execute(params![record, index, term, row]).map(drop)
                })
            };
            indexes.iter().try_for_each(write).map_err(failed)
        })
    }

    /// Removes all terms of a row of this record, when the row goes.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a key that the table does not hold;
    /// [`Io`](crate::ErrorKind::Io) when the database refuses, and [`Retry`](crate::ErrorKind::Retry)
    /// where the transaction has to be run again.
    pub fn remove(&self, on: &Connection, record: &str, row: impl ToId) -> Result<(), Error> {
        let row = Value::from(RowKey::new(row)?);
        on.prepare_cached(REMOVE)
            .and_then(|mut statement| statement.execute(params![record, row]))
            .map(drop)
            .map_err(failed)
    }
}

impl From<RowKey> for Value {
    fn from(key: RowKey) -> Self {
        match key {
            RowKey::Integer(number) => Self::Integer(number),
            RowKey::Text(text) => Self::Text(text),
            RowKey::Uuid(bytes) => Self::Blob(bytes.to_vec()),
        }
    }
}

#[cold]
fn failed(error: rusqlite::Error) -> Error {
    answer::rusqlite("the database of the terms", error)
}

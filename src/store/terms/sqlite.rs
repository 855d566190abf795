//! The table of terms, through rusqlite.

use alloc::vec::Vec;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    ALL_KEPT, DROP, FROM, KEEP, KEEP_NONE, KEPT, LOCK, NUMBER, NUMBER_OF, RowKey, SCHEMA,
    TableTerms, following, packed, stored, unpacked,
};
use crate::context::ToId;
use crate::error::Error;
use crate::index::Term;
use crate::store::answer;
use crate::store::keys::both;

/// The table of terms of a SQLite database, `fieldseal_terms`, with `fieldseal_rows` and
/// `fieldseal_indexes` beside it. A `rusqlite::Transaction` is a
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

    /// The tables of terms, which [`migrate`](Self::migrate) makes.
    pub const fn new() -> Self {
        Self(())
    }

    /// Makes the tables that are not there.
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
    /// [`Declaration`](crate::ErrorKind::Declaration) for terms that were not read from the database, and for
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
            let write = |(index, terms): &(_, Vec<Term>)| {
                on.prepare_cached(NUMBER)?.execute(params![record, index])?;
                let number: i64 = on
                    .prepare_cached(NUMBER_OF)?
                    .query_row(params![record, index], |row| row.get(0))?;
                let kept: Option<Vec<u8>> = on
                    .prepare_cached(KEPT)?
                    .query_row(params![row, number], |row| row.get(0))
                    .optional()?;
                drop_terms(on, number, &row, &unpacked(&kept.unwrap_or_default(), terms))?;
                let mut insert = on.prepare_cached(
                    "INSERT INTO fieldseal_terms VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                )?;
                for term in terms {
                    insert.execute(params![number, term, row])?;
                }
                on.prepare_cached(KEEP)?.execute(params![row, number, packed(terms)]).map(drop)
            };
            indexes.iter().try_for_each(write).map_err(failed)
        })
    }

    /// Removes all terms of a row of this record, when the row goes.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) for a key that the table does not hold;
    /// [`Io`](crate::ErrorKind::Io) when the database refuses, and [`Retry`](crate::ErrorKind::Retry)
    /// where the transaction has to be run again.
    pub fn remove(&self, on: &Connection, record: &str, row: impl ToId) -> Result<(), Error> {
        let row = Value::from(RowKey::new(row)?);
        both(on, || {
            let remove = || {
                on.execute(LOCK, [])?;
                let mut statement = on.prepare_cached(ALL_KEPT)?;
                let kept = statement
                    .query_map(params![row, record], |kept| Ok((kept.get(0)?, kept.get(1)?)))?
                    .collect::<rusqlite::Result<Vec<(i64, Vec<u8>)>>>()?;
                for (number, terms) in kept {
                    drop_terms(on, number, &row, &unpacked(&terms, &[]))?;
                }
                on.prepare_cached(KEEP_NONE)?.execute(params![row, record]).map(drop)
            };
            remove().map_err(failed)
        })
    }
}

/// Removes the terms of a row that begin so.
fn drop_terms(on: &Connection, index: i64, row: &Value, starts: &[&[u8]]) -> rusqlite::Result<()> {
    let (mut find, mut delete) = (on.prepare_cached(FROM)?, on.prepare_cached(DROP)?);
    for start in starts {
        let mut from = Some(start.to_vec());
        while let Some(term) = from {
            let found: Option<Vec<u8>> = find.query_row(params![index, term], |row| row.get(0))?;
            let Some(found) = found.filter(|found| found.starts_with(start)) else { break };
            from = following(start, &found);
            // A whole term is this one, or is not there.
            let dropped = if from.is_some() { &found } else { &term };
            delete.execute(params![index, dropped, row])?;
        }
    }
    Ok(())
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

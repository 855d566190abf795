//! The table of terms, through sqlx.

use alloc::string::String;
use core::fmt::Write as _;

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Connection as _, Sqlite, SqliteConnection};

use super::{FORGET, REMOVE, RowKey, SCHEMA, TableTerms, stored};
use crate::context::ToId;
use crate::error::Error;
use crate::index::Term;
use crate::store::answer;

/// The table of terms of a SQLite database, through sqlx: `fieldseal_terms`. Write the terms in the
/// transaction of their row, or a query misses it. PostgreSQL needs none: there the terms are an array in
/// the row.
///
/// One table serves all records and tenants of a database. It keeps a row by the key that the
/// application's table has for it, an integer, a text or a UUID, which two rows of a record must not
/// share, not even those of two tenants.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqlxTermsTable(());

impl SqlxTermsTable {
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
    pub async fn migrate(&self, on: &mut SqliteConnection) -> Result<(), Error> {
        sqlx::raw_sql(SCHEMA).execute(on).await.map(drop).map_err(failed)
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
        on: &mut SqliteConnection,
        row: impl ToId,
        of: &impl TableTerms,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let (row, stored) = (RowKey::new(row), stored(of));
        async move {
            let (row, (record, indexes)) = (row?, stored?);
            // Dropped without a commit, it is undone. Inside the caller's it is a savepoint.
            let mut both = on.begin().await.map_err(failed)?;
            for (index, terms) in indexes {
                let forget = row
                    .bind(sqlx::query(FORGET).bind(String::from(record)))
                    .bind(String::from(index));
                forget.execute(&mut *both).await.map_err(failed)?;
                for some in terms.chunks(AT_ONCE) {
                    insert(record, index, &row, some).execute(&mut *both).await.map_err(failed)?;
                }
            }
            both.commit().await.map_err(failed)
        }
    }

    /// Removes all terms of a row of this record, when the row goes.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a key that the table does not hold;
    /// [`Io`](crate::ErrorKind::Io) when the database refuses, and [`Retry`](crate::ErrorKind::Retry)
    /// where the transaction has to be run again.
    pub fn remove(
        &self,
        on: &mut SqliteConnection,
        record: &str,
        row: impl ToId,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let (row, record) = (RowKey::new(row), String::from(record));
        async move {
            let remove = row?.bind(sqlx::query(REMOVE).bind(record));
            remove.execute(on).await.map(drop).map_err(failed)
        }
    }
}

/// How many terms one statement inserts. Each is a way to the database's own thread and back.
const AT_ONCE: usize = 64;

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

fn insert(record: &str, index: &str, row: &RowKey, terms: &[Term]) -> Statement<'static> {
    let mut sql = String::from("INSERT INTO fieldseal_terms VALUES ");
    for position in 0..terms.len() {
        let (comma, number) = (if position > 0 { ", " } else { "" }, position.saturating_add(4));
        let _ = write!(sql, "{comma}(?1, ?3, ?{number}, ?2)");
    }
    let statement = row
        .bind(sqlx::query(AssertSqlSafe(sql)).bind(String::from(record)))
        .bind(String::from(index));
    terms.iter().fold(statement, |statement, term| statement.bind(term.clone()))
}

impl RowKey {
    fn bind<'q>(&self, to: Statement<'q>) -> Statement<'q> {
        match self {
            Self::Integer(number) => to.bind(*number),
            Self::Text(text) => to.bind(text.clone()),
            Self::Uuid(bytes) => to.bind(bytes.to_vec()),
        }
    }
}

#[cold]
#[allow(clippy::needless_pass_by_value, reason = "where it is mapped it is owned")]
fn failed(error: sqlx::Error) -> Error {
    answer::sqlx("the database of the terms", error)
}

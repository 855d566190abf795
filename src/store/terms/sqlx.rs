//! The table of terms, through sqlx.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Connection as _, Row as _, Sqlite, SqliteConnection};

use super::{
    ALL_KEPT, DROP, FROM, KEEP, KEEP_NONE, KEPT, LOCK, NUMBER, NUMBER_OF, RowKey, SCHEMA,
    TableTerms, following, packed, stored, unpacked,
};
use crate::context::ToId;
use crate::error::Error;
use crate::index::Term;
use crate::store::answer;

/// The table of terms of a SQLite database, through sqlx: `fieldseal_terms`, with `fieldseal_rows` and
/// `fieldseal_indexes` beside it. Write the terms in the
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

    /// The tables of terms, which [`migrate`](Self::migrate) makes.
    pub const fn new() -> Self {
        Self(())
    }

    /// Makes the tables that are not there.
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
    /// [`Declaration`](crate::ErrorKind::Declaration) for terms that were not read from the database, and for
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
                let of_index =
                    |sql| sqlx::query(sql).bind(String::from(record)).bind(String::from(index));
                of_index(NUMBER).execute(&mut *both).await.map_err(failed)?;
                let number = of_index(NUMBER_OF).fetch_one(&mut *both).await;
                let number: i64 = number.and_then(|found| found.try_get(0)).map_err(failed)?;
                let kept = row.bind(sqlx::query(KEPT)).bind(number);
                let kept = kept.fetch_optional(&mut *both).await.map_err(failed)?;
                let kept: Option<Vec<u8>> =
                    kept.map(|kept| kept.try_get(0)).transpose().map_err(failed)?;
                let kept = kept.unwrap_or_default();
                drop_terms(&mut both, number, &row, &unpacked(&kept, &terms)).await?;
                for some in terms.chunks(AT_ONCE) {
                    insert(number, &row, some).execute(&mut *both).await.map_err(failed)?;
                }
                let keep = row.bind(sqlx::query(KEEP)).bind(number).bind(packed(&terms));
                keep.execute(&mut *both).await.map_err(failed)?;
            }
            both.commit().await.map_err(failed)
        }
    }

    /// Removes all terms of a row of this record, when the row goes.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) for a key that the table does not hold;
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
            let row = row?;
            let mut both = on.begin().await.map_err(failed)?;
            sqlx::query(LOCK).execute(&mut *both).await.map_err(failed)?;
            let kept = row.bind(sqlx::query(ALL_KEPT)).bind(record.clone());
            for kept in kept.fetch_all(&mut *both).await.map_err(failed)? {
                let number: i64 = kept.try_get(0).map_err(failed)?;
                let terms: Vec<u8> = kept.try_get(1).map_err(failed)?;
                drop_terms(&mut both, number, &row, &unpacked(&terms, &[])).await?;
            }
            let none = row.bind(sqlx::query(KEEP_NONE)).bind(record);
            none.execute(&mut *both).await.map_err(failed)?;
            both.commit().await.map_err(failed)
        }
    }
}

/// How many terms one statement inserts. Each is a way to the database's own thread and back.
const AT_ONCE: usize = 64;

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

fn insert(index: i64, row: &RowKey, terms: &[Term]) -> Statement<'static> {
    let mut sql = String::from("INSERT INTO fieldseal_terms VALUES ");
    for position in 0..terms.len() {
        let (comma, number) = (if position > 0 { ", " } else { "" }, position.saturating_add(3));
        let _ = write!(sql, "{comma}(?1, ?{number}, ?2)");
    }
    sql.push_str(" ON CONFLICT DO NOTHING");
    let statement = row.bind(sqlx::query(AssertSqlSafe(sql)).bind(index));
    terms.iter().fold(statement, |statement, term| statement.bind(term.clone()))
}

/// Removes the terms of a row that begin so.
async fn drop_terms(
    on: &mut SqliteConnection,
    index: i64,
    row: &RowKey,
    starts: &[&[u8]],
) -> Result<(), Error> {
    for start in starts {
        let mut from = Some(start.to_vec());
        while let Some(term) = from {
            let find = sqlx::query(FROM).bind(index).bind(term.clone());
            let found = find.fetch_one(&mut *on).await.and_then(|row| row.try_get(0));
            let found: Option<Vec<u8>> = found.map_err(failed)?;
            let Some(found) = found.filter(|found| found.starts_with(start)) else { break };
            from = following(start, &found);
            // A whole term is this one, or is not there.
            let dropped = if from.is_some() { found } else { term };
            let delete = row.bind(sqlx::query(DROP).bind(index).bind(dropped));
            delete.execute(&mut *on).await.map_err(failed)?;
        }
    }
    Ok(())
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

//! Columns of standalone envelopes, whose values are replaced one by one.

use std::fmt;

use fieldseal::{AsyncKeyStore as _, Error, ErrorKind, KeyEnvelope};
use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, ColumnIndex, Connection as _, Decode, Row as _, TypeInfo as _, ValueRef as _,
};

use super::{Connection, Database, Place, on_store, quoted, refused};
use crate::args::stores::Column;
use crate::exit::{Exit, Failure};

/// Where a value is: the row, and on PostgreSQL the table too, as a table may have parts. Another row may be there
/// once this one was written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Sqlite(i64),
    Postgres(String),
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(rowid) => write!(f, "rowid {rowid}"),
            Self::Postgres(place) => {
                write!(f, "ctid {}", place.trim_start_matches(|c: char| c.is_ascii_digit()))
            }
        }
    }
}

/// Which row a place of [`Row::Postgres`] names.
const OF_PLACE: &str =
    "ctid = ('(' || split_part($1, '(', 2))::tid AND tableoid = split_part($1, '(', 1)::oid";

/// A stored value: its bytes, and whether the column holds text.
struct Stored {
    bytes: Vec<u8>,
    is_text: bool,
}

impl Stored {
    /// The value of this column of a row.
    fn of<DB: sqlx::Database>(row: &DB::Row, at: usize) -> Result<Self, sqlx::Error>
    where
        usize: ColumnIndex<DB::Row>,
        for<'r> Vec<u8>: Decode<'r, DB>,
    {
        let value = row.try_get_raw(at)?;
        let (is_text, is_padded) = match value.type_info().name() {
            "BYTEA" | "BLOB" => (false, false),
            name => (true, name == "CHAR"),
        };
        let bytes = <Vec<u8> as Decode<'_, DB>>::decode(value).map_err(sqlx::Error::Decode)?;
        // A column of CHAR(n) pads its texts.
        let bytes = if is_padded { bytes.trim_ascii_end().to_vec() } else { bytes };
        Ok(Self { bytes, is_text })
    }

    /// The text form that is stored, be it in a column of bytes.
    fn text(&self) -> Option<&str> {
        let is_text = self.is_text || self.bytes.starts_with(b"fs1.");
        str::from_utf8(&self.bytes).ok().filter(|_| is_text)
    }

    /// The sealed bytes, whether they are stored as such or as text.
    fn sealed(&self) -> Result<Vec<u8>, Error> {
        match self.text() {
            Some(text) => Ok(KeyEnvelope::from_text(text)?.as_bytes().to_vec()),
            None => Ok(self.bytes.clone()),
        }
    }

    /// Sealed bytes in the form that is stored here.
    fn in_form(&self, sealed: Vec<u8>) -> Self {
        let bytes = match self.text() {
            Some(_) => KeyEnvelope::from_bytes(sealed).to_text().into_bytes(),
            None => sealed,
        };
        Self { bytes, is_text: self.is_text }
    }
}

/// What became of a value.
pub(crate) enum Replaced {
    Done,
    /// It is what it should be already.
    Kept,
    /// Another was stored since it was read.
    Changed,
    Failed(Error),
}

impl Database {
    /// Whether every value of a column is seen, as [`check_sees_all`](AsyncKeyStore::check_sees_all) answers.
    pub(crate) async fn check_sees_column(&mut self, column: &Column) -> Result<(), Error> {
        let place = Place::of_column(column);
        match on_store!(self.connection, place, |store, on| store.check_sees_all(on).await) {
            // Copies of one standalone envelope are several rows.
            Err(error) if error.kind() == ErrorKind::Declaration => Ok(()),
            seen => seen,
        }
    }

    /// How many values a column holds, and the rows of those that are wanted, by their sealed bytes. What is
    /// no text form is wanted as it is.
    pub(crate) async fn rows_of(
        &mut self,
        of: &Column,
        mut is_wanted: impl FnMut(&[u8]) -> bool,
    ) -> Result<(u64, Vec<Row>), Failure> {
        let (table, column) = (quoted(&of.table), quoted(&of.column));
        let (mut seen, mut rows) = (0_u64, Vec::new());
        macro_rules! rows {
            ($db:ty, $on:expr, $place:expr, $kind:path) => {{
                let sql = AssertSqlSafe(format!(
                    "SELECT {}, {table}.{column} FROM {table} WHERE {table}.{column} IS NOT NULL",
                    $place
                ));
                let mut all = sqlx::query(sql).persistent(false).fetch($on);
                loop {
                    let row = match all.try_next().await {
                        Ok(Some(row)) => row,
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(error),
                    };
                    seen = seen.saturating_add(1);
                    let read = row.try_get(0).and_then(|place| {
                        Stored::of::<$db>(&row, 1).map(|stored| ($kind(place), stored))
                    });
                    match read {
                        Ok((place, stored)) => {
                            if is_wanted(&stored.sealed().unwrap_or(stored.bytes)) {
                                rows.push(place);
                            }
                        }
                        Err(error) => break Err(error),
                    }
                }
            }};
        }
        let read = match &mut self.connection {
            Connection::Sqlite(on) => rows!(sqlx::Sqlite, &mut **on, "_rowid_", Row::Sqlite),
            // In a transaction, as a pooler may stand between.
            Connection::Postgres(on) => match on.begin().await {
                Ok(mut on) => {
                    rows!(sqlx::Postgres, &mut *on, "tableoid::text || ctid::text", Row::Postgres)
                }
                Err(error) => Err(error),
            },
        };
        read.map_err(|error| match &error {
            sqlx::Error::Database(told) if told.message().contains("_rowid_") => Failure::new(
                Exit::Usage,
                format!("{}: the rows of {table} have no rowid", self.name),
                "wrap the values of this column anew in a program, by KeyRing::rewrap_standalone",
            ),
            _ => refused(&self.name, &error),
        })?;
        Ok((seen, rows))
    }

    /// Replaces the values of these rows in one transaction, each only while what was read is stored. What is
    /// replaced by `None` is kept.
    pub(crate) async fn replace(
        &mut self,
        of: &Column,
        rows: &[Row],
        mut by: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, Error>,
    ) -> Result<Vec<Replaced>, Failure> {
        let (table, column) = (quoted(&of.table), quoted(&of.column));
        macro_rules! replace {
            ($db:ty, $began:expr, $place:expr, $kind:path) => {{
                // Names that are quoted.
                let select = || {
                    AssertSqlSafe(format!(
                        "SELECT {table}.{column} FROM {table} WHERE {} AND {table}.{column} IS NOT NULL",
                        $place
                    ))
                };
                let update = || {
                    AssertSqlSafe(format!(
                        "UPDATE {table} SET {column} = $2 WHERE {} AND {column} = $3",
                        $place
                    ))
                };
                let mut on = $began.await?;
                let mut done = Vec::with_capacity(rows.len());
                for row in rows {
                    let $kind(place) = row else { continue };
                    let asked = sqlx::query(select()).persistent(false).bind(place.clone());
                    let Some(found) = asked.fetch_optional(&mut *on).await? else {
                        done.push(Replaced::Changed);
                        continue;
                    };
                    let stored = Stored::of::<$db>(&found, 0)?;
                    let new = match stored.sealed().and_then(|sealed| by(&sealed)) {
                        Ok(Some(new)) => new,
                        Ok(None) => {
                            done.push(Replaced::Kept);
                            continue;
                        }
                        Err(error) => {
                            done.push(Replaced::Failed(error));
                            continue;
                        }
                    };
                    let mut updating = sqlx::query(update()).persistent(false).bind(place.clone());
                    for value in [stored.in_form(new), stored] {
                        updating = match String::from_utf8(value.bytes) {
                            Ok(text) if value.is_text => updating.bind(text),
                            Ok(text) => updating.bind(text.into_bytes()),
                            Err(bytes) => updating.bind(bytes.into_bytes()),
                        };
                    }
                    let changed = updating.execute(&mut *on).await?.rows_affected();
                    done.push(if changed == 1 { Replaced::Done } else { Replaced::Changed });
                }
                on.commit().await?;
                Ok(done)
            }};
        }
        let done: Result<_, sqlx::Error> = match &mut self.connection {
            Connection::Sqlite(on) => {
                async {
                    replace!(
                        sqlx::Sqlite,
                        on.begin_with("BEGIN IMMEDIATE"),
                        "_rowid_ = $1",
                        Row::Sqlite
                    )
                }
                .await
            }
            // In a transaction, as a pooler may stand between.
            Connection::Postgres(on) => {
                async { replace!(sqlx::Postgres, on.begin(), OF_PLACE, Row::Postgres) }.await
            }
        };
        done.map_err(|error| refused(&self.name, &error))
    }
}

//! The two databases, as far as they differ.

use alloc::borrow::ToOwned as _;
#[cfg(feature = "sqlx-postgres")]
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use sqlx::error::BoxDynError;
use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, Database, Row as _, Type, TypeInfo as _,
    ValueRef as _,
};

use super::super::place::{self, ColumnId, envelope_of, other_type, tenant_not_utf8};
use super::super::sight;
use super::super::{StoredTable, SubjectColumn};
use crate::encoding::column::{is_cut, unpadded};
use crate::envelope::KeyEnvelope;
use crate::error::Error;
use crate::index::Term;
use crate::store::answer;
use crate::store::search::SqlDialect;

/// The databases that a [`SqlxKeyStore`](crate::store::SqlxKeyStore) is made for: `sqlx::Sqlite` and
/// `sqlx::Postgres`, each behind its feature.
pub trait SqlxDatabase: Dialect {}

/// One value, bound or read.
#[allow(unnameable_types, reason = "of the sealed trait")]
pub enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
    Uuid([u8; 16]),
}

/// How statements reach the server.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(unnameable_types, reason = "of the sealed trait")]
pub enum Statements {
    /// Prepared once for each connection.
    Prepared,
    /// Prepared for one call, in a transaction: between those a pooler may change the server's connection, where
    /// the name of a prepared statement is unknown, or another's.
    Unnamed,
}

/// What is read.
#[derive(Clone, Copy)]
#[allow(unnameable_types, reason = "of the sealed trait")]
pub enum Kind {
    Integer,
    Text,
    /// Text, or bytes where it is not UTF-8.
    TextId,
    Bytes,
    Uuid,
    Envelope,
}

#[allow(unnameable_types, reason = "seals the trait")]
pub trait Dialect: Database {
    const SCHEMA: &'static str;
    const QUEUE_SCHEMA: &'static str;
    /// Behind a question whose rows others must not change before the transaction ends.
    const LOCKED: &'static str;

    /// Before tables are made: lets one do it at a time.
    const LOCK_SCHEMA: &'static str;
    /// Whether one statement can change two tables.
    const IN_ONE: bool;

    /// Statements, one behind the other.
    fn run(
        on: &mut Self::Connection,
        sql: String,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// How many rows it was about.
    fn execute(
        on: &mut Self::Connection,
        statements: Statements,
        sql: String,
        values: Vec<Cell>,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    fn fetch(
        on: &mut Self::Connection,
        statements: Statements,
        sql: String,
        values: Vec<Cell>,
        columns: &'static [Kind],
    ) -> impl Future<Output = Result<Vec<Vec<Cell>>, sqlx::Error>> + Send;

    /// What the placeholders of its conditions stand for.
    const CONDITIONS: SqlDialect;

    /// Adds the terms of one group, as the placeholders stand for them.
    fn add_terms(to: &mut Self::Arguments, terms: &[Term]) -> Result<(), BoxDynError>;

    /// Whether the connection is in a transaction, however it was begun: sqlx knows of its own alone.
    fn has_begun(
        on: &mut Self::Connection,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// Whether what the connection sees may be rolled back.
    fn may_undo(
        on: &mut Self::Connection,
        statements: Statements,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// Whether the connection sees the whole table of this name and column.
    fn check_sight(
        on: &mut Self::Connection,
        statements: Statements,
        names: (&str, &str),
    ) -> impl Future<Output = Result<Result<(), Error>, sqlx::Error>> + Send;

    /// The tables of this name and column.
    fn tables(
        on: &mut Self::Connection,
        statements: Statements,
        names: (&str, &str),
    ) -> impl Future<Output = Result<Vec<StoredTable>, sqlx::Error>> + Send;

    /// The condition that a row names a subject.
    fn names_subject(column: &str, of: SubjectColumn) -> String;

    /// The column of a subject, as it is read.
    fn selected(column: &str, of: SubjectColumn) -> String;

    /// The column of a subject, as it is ordered and gone on behind: so that no two ids are equal there, and
    /// the order is that of the comparison.
    fn ordered(column: &str, of: SubjectColumn) -> String;

    /// A subject as an error names it, of what it is ordered by.
    fn shown(ordered: &str) -> String;
}

/// Statements are made of constants and of names that are quoted; values are bound.
macro_rules! calls {
    ($bind:ident, $read:ident) => {
        async fn run(on: &mut Self::Connection, sql: String) -> Result<(), sqlx::Error> {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(on).await.map(drop)
        }

        async fn execute(
            on: &mut Self::Connection,
            statements: Statements,
            sql: String,
            values: Vec<Cell>,
        ) -> Result<u64, sqlx::Error> {
            let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), $bind);
            if statements == Statements::Prepared {
                return query.execute(on).await.map(|done| done.rows_affected());
            }
            let query = query.persistent(false);
            // Else the commit would be of the caller's transaction.
            if Self::has_begun(on).await? {
                return query.execute(on).await.map(|done| done.rows_affected());
            }
            let mut alone = on.begin().await?;
            let done = query.execute(&mut *alone).await?;
            alone.commit().await.map(|()| done.rows_affected())
        }

        async fn fetch(
            on: &mut Self::Connection,
            statements: Statements,
            sql: String,
            values: Vec<Cell>,
            columns: &'static [Kind],
        ) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
            let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), $bind);
            let rows = if statements == Statements::Prepared {
                query.fetch_all(on).await?
            } else if Self::has_begun(on).await? {
                query.persistent(false).fetch_all(on).await?
            } else {
                let mut alone = on.begin().await?;
                let rows = query.persistent(false).fetch_all(&mut *alone).await?;
                alone.commit().await?;
                rows
            };
            rows.iter()
                .map(|row| {
                    let columns = columns.iter().enumerate();
                    columns.map(|(position, kind)| $read(row, position, *kind)).collect()
                })
                .collect()
        }
    };
}

macro_rules! read {
    ($db:ty, $row:ident, $position:ident, $kind:ident, $uuid:expr) => {{
        let raw = $row.try_get_raw($position)?;
        let stored = raw.type_info();
        if matches!($kind, Kind::Envelope) && is_cut(stored.name()) {
            // Also where nothing is stored yet: before an envelope is written there, and cut.
            Err(sqlx::Error::Decode(CUTS.into()))
        } else if raw.is_null() {
            Ok(Cell::Null)
        } else {
            match $kind {
                Kind::Integer => $row.try_get($position).map(Cell::Integer),
                Kind::Text => $row.try_get($position).map(Cell::Text),
                Kind::TextId => $row
                    .try_get($position)
                    .map(Cell::Text)
                    .or_else(|_| $row.try_get($position).map(Cell::Bytes)),
                Kind::Bytes => $row.try_get($position).map(Cell::Bytes),
                Kind::Uuid => $uuid,
                Kind::Envelope if <str as Type<$db>>::compatible(&stored) => $row
                    .try_get($position)
                    .map(|text| Cell::Text(unpadded(stored.name(), text).to_owned()))
                    // No UTF-8 is no envelope either.
                    .or_else(|_| $row.try_get($position).map(Cell::Bytes)),
                // SQLite has columns that hold anything.
                Kind::Envelope => Ok(Cell::Bytes($row.try_get($position).unwrap_or_default())),
            }
        }
    }};
}

const CUTS: &str =
    "the column of the envelopes is of type NAME, which cuts texts off: make it BYTEA or TEXT";

#[cfg(feature = "sqlx-sqlite")]
mod sqlite {
    use sqlx::query::Query;
    use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};

    use super::*;

    impl SqlxDatabase for Sqlite {}

    impl Dialect for Sqlite {
        const SCHEMA: &'static str = place::SQLITE_SCHEMA;

        const QUEUE_SCHEMA: &'static str = place::SQLITE_QUEUE_SCHEMA;

        // A transaction that has read writes only if nobody else has written since.
        const LOCKED: &'static str = "";

        // The database has one writer.
        const LOCK_SCHEMA: &'static str = "";

        const IN_ONE: bool = false;

        const CONDITIONS: SqlDialect = SqlDialect::Sqlite;

        fn add_terms(to: &mut SqliteArguments, terms: &[Term]) -> Result<(), BoxDynError> {
            terms.iter().try_for_each(|term| to.add(term))
        }

        calls!(bind, read);

        fn selected(column: &str, _: SubjectColumn) -> String {
            column.to_owned()
        }

        fn ordered(column: &str, of: SubjectColumn) -> String {
            place::ordered_in_sqlite(column, of)
        }

        fn shown(ordered: &str) -> String {
            ["quote(", ordered, ")"].concat()
        }

        fn names_subject(column: &str, of: SubjectColumn) -> String {
            sight::names_subject_in_sqlite(column, of)
        }

        async fn check_sight(
            on: &mut Self::Connection,
            _: Statements,
            names: (&str, &str),
        ) -> Result<Result<(), Error>, sqlx::Error> {
            let checked = sight::check_in_sqlite(names.0, &of_name(on, names.0).await?);
            if checked.is_err() || !Self::has_begun(on).await? {
                return Ok(checked);
            }
            let sql = sight::lock_in_sqlite(names);
            let sql = sql.map_err(|error| sqlx::Error::Decode(error.into()))?;
            let locked = sqlx::raw_sql(AssertSqlSafe(sql)).execute(on).await;
            Ok(locked.map(drop).map_err(|error| sight::not_locked(names.0, failed(error))))
        }

        async fn has_begun(on: &mut Self::Connection) -> Result<bool, sqlx::Error> {
            if on.is_in_transaction() {
                return Ok(true);
            }
            // It reads nothing yet, so all that can be wrong is that there is one.
            match on.begin().await {
                Ok(none) => none.rollback().await.map(|()| false),
                Err(sqlx::Error::Database(_)) => Ok(true),
                Err(error) => Err(error),
            }
        }

        async fn may_undo(on: &mut Self::Connection, _: Statements) -> Result<bool, sqlx::Error> {
            Self::has_begun(on).await
        }

        async fn tables(
            on: &mut Self::Connection,
            _: Statements,
            (table, _): (&str, &str),
        ) -> Result<Vec<StoredTable>, sqlx::Error> {
            Ok(sight::named_in_sqlite(table, of_name(on, table).await?))
        }
    }

    async fn of_name(
        on: &mut sqlx::SqliteConnection,
        table: &str,
    ) -> Result<Vec<sight::InSqlite>, sqlx::Error> {
        let databases = sqlx::query_as(sight::SQLITE_DATABASES).fetch_all(&mut *on).await?;
        let sql = sight::tables_in_sqlite(&databases)
            .map_err(|error| sqlx::Error::Decode(error.into()))?;
        sqlx::query_as(AssertSqlSafe(sql)).bind(table.to_owned()).fetch_all(on).await
    }

    fn bind(
        query: Query<'_, Sqlite, SqliteArguments>,
        value: Cell,
    ) -> Query<'_, Sqlite, SqliteArguments> {
        match value {
            Cell::Null => query.bind(None::<i64>),
            Cell::Integer(number) => query.bind(number),
            Cell::Text(text) => query.bind(text),
            Cell::Bytes(bytes) => query.bind(bytes),
            Cell::Uuid(bytes) => query.bind(bytes.to_vec()),
        }
    }

    fn read(row: &SqliteRow, position: usize, kind: Kind) -> Result<Cell, sqlx::Error> {
        read!(Sqlite, row, position, kind, uuid(row.try_get(position)?))
    }
}

#[cfg(feature = "sqlx-postgres")]
mod postgres {
    use sqlx::encode::IsNull;
    use sqlx::postgres::types::Oid;
    use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo, PgValueRef, Postgres};
    use sqlx::query::Query;
    use sqlx::{Decode, Encode};

    use super::*;

    impl SqlxDatabase for Postgres {}

    impl Dialect for Postgres {
        const SCHEMA: &'static str = "CREATE TABLE IF NOT EXISTS fieldseal_keys (
    tenant TEXT COLLATE \"C\" NOT NULL,
    subject BYTEA NOT NULL,
    version BIGINT NOT NULL,
    envelope BYTEA NOT NULL,
    PRIMARY KEY (tenant, subject)
);";

        const QUEUE_SCHEMA: &'static str = "CREATE TABLE IF NOT EXISTS fieldseal_reseal (
    tenant TEXT COLLATE \"C\" NOT NULL,
    subject BYTEA NOT NULL,
    class TEXT COLLATE \"C\" NOT NULL,
    generation INTEGER NOT NULL CHECK (generation BETWEEN 1 AND 65535),
    PRIMARY KEY (tenant, subject, class)
);";

        const LOCKED: &'static str = " FOR SHARE";

        // Two that look for a table at once would both make it, and one would fail. The number is ours.
        // Sent together, the statements are one transaction.
        const LOCK_SCHEMA: &'static str = "SELECT pg_advisory_xact_lock(7379817241033695);\n";

        const IN_ONE: bool = true;

        const CONDITIONS: SqlDialect = SqlDialect::Postgres;

        fn add_terms(to: &mut PgArguments, terms: &[Term]) -> Result<(), BoxDynError> {
            to.add(terms)
        }

        calls!(bind, read);

        fn selected(column: &str, of: SubjectColumn) -> String {
            match of {
                SubjectColumn::Integer => format!("CAST({column} AS BIGINT)"),
                SubjectColumn::Text => format!("CAST({column} AS TEXT)"),
                SubjectColumn::Uuid => column.to_owned(),
            }
        }

        // A `citext` is ordered by its own rules, and compared with a text by those of texts.
        fn ordered(column: &str, of: SubjectColumn) -> String {
            Self::selected(column, of)
        }

        fn shown(ordered: &str) -> String {
            ["CAST(", ordered, " AS TEXT)"].concat()
        }

        fn names_subject(column: &str, of: SubjectColumn) -> String {
            sight::names_subject_in_postgres(column, of)
        }

        async fn check_sight(
            on: &mut Self::Connection,
            statements: Statements,
            (table, keys): (&str, &str),
        ) -> Result<Result<(), Error>, sqlx::Error> {
            use Kind::{Integer, Text};
            let values = alloc::vec![quoted(table).as_str().into(), keys.into()];
            let columns = &[Text, Integer, Integer, Text, Text, Integer];
            let rows =
                Self::fetch(on, statements, sight::POSTGRES_SIGHT.to_owned(), values, columns)
                    .await?;
            // A table that is not there shows when it is read.
            let Some(row) = rows.into_iter().next() else { return Ok(Ok(())) };
            let mut row = row.into_iter();
            let is_zero = |cell| Cell::number(cell).is_ok_and(|number| number == 0);
            let (kind, filtered, replica) = (row.next(), row.next(), row.next());
            let (part_of, hides, keeps) = (row.next(), row.next(), row.next());
            let found = sight::InPostgres {
                kind: Cell::text(kind).unwrap_or_default(),
                is_filtered: !is_zero(filtered),
                is_replica: !is_zero(replica),
                part_of: Cell::text(part_of).unwrap_or_default(),
                hides: Cell::text(hides).unwrap_or_default(),
                // By default a statement alone has such a snapshot too, of its own.
                keeps_snapshot: !is_zero(keeps) && Self::has_begun(on).await?,
            };
            Ok(sight::check_in_postgres(table, &found))
        }

        async fn has_begun(on: &mut Self::Connection) -> Result<bool, sqlx::Error> {
            if on.is_in_transaction() {
                return Ok(true);
            }
            sqlx::raw_sql(sight::POSTGRES_HAS_BEGUN).fetch_one(on).await?.try_get(0)
        }

        async fn may_undo(
            on: &mut Self::Connection,
            statements: Statements,
        ) -> Result<bool, sqlx::Error> {
            let sql = sight::POSTGRES_HAS_CHANGED.to_owned();
            let rows = Self::fetch(on, statements, sql, alloc::vec![], &[Kind::Integer]).await?;
            Ok(Cell::number(rows.into_iter().flatten().next()).is_ok_and(|number| number == 1))
        }

        async fn tables(
            on: &mut Self::Connection,
            statements: Statements,
            (table, keys): (&str, &str),
        ) -> Result<Vec<StoredTable>, sqlx::Error> {
            let values = alloc::vec![quoted(table).as_str().into(), table.into(), keys.into()];
            let columns = &[Kind::Text, Kind::Text, Kind::Integer];
            let rows =
                Self::fetch(on, statements, sight::POSTGRES_TABLES.to_owned(), values, columns)
                    .await?;
            let named = rows.into_iter().map(|row| {
                let mut row = row.into_iter();
                StoredTable {
                    identity: Cell::text(row.next()).unwrap_or_default(),
                    shown: Cell::text(row.next()).unwrap_or_default(),
                    is_used: Cell::number(row.next()).is_ok_and(|number| number == 1),
                }
            });
            Ok(named.collect())
        }
    }

    /// A name as `to_regclass` takes it.
    fn quoted(name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// UUIDs, without the feature of sqlx. Their type has the same number in every PostgreSQL.
    struct Uuid([u8; 16]);

    impl Type<Postgres> for Uuid {
        fn type_info() -> PgTypeInfo {
            const UUID: Oid = Oid(2950);
            PgTypeInfo::with_oid(UUID)
        }
    }

    impl Encode<'_, Postgres> for Uuid {
        fn encode_by_ref(&self, to: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
            to.extend_from_slice(&self.0);
            Ok(IsNull::No)
        }
    }

    impl Decode<'_, Postgres> for Uuid {
        fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
            Ok(Self(value.as_bytes()?.try_into()?))
        }
    }

    fn bind(
        query: Query<'_, Postgres, PgArguments>,
        value: Cell,
    ) -> Query<'_, Postgres, PgArguments> {
        match value {
            Cell::Null => query.bind(None::<i64>),
            Cell::Integer(number) => query.bind(number),
            Cell::Text(text) => query.bind(text),
            Cell::Bytes(bytes) => query.bind(bytes),
            Cell::Uuid(bytes) => query.bind(Uuid(bytes)),
        }
    }

    fn read(row: &PgRow, position: usize, kind: Kind) -> Result<Cell, sqlx::Error> {
        read!(
            Postgres,
            row,
            position,
            kind,
            row.try_get(position).map(|Uuid(bytes)| Cell::Uuid(bytes))
        )
    }
}

#[cfg(feature = "sqlx-sqlite")]
fn uuid(bytes: Vec<u8>) -> Result<Cell, sqlx::Error> {
    bytes
        .try_into()
        .map(Cell::Uuid)
        .map_err(|_| sqlx::Error::Decode("the column of the subject holds no UUID".into()))
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&[u8]> for Cell {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<ColumnId> for Cell {
    fn from(id: ColumnId) -> Self {
        match id {
            ColumnId::Integer(number) => Self::Integer(number),
            ColumnId::Text(text) => Self::Text(text),
            ColumnId::Torn(text) => Self::Bytes(text),
            ColumnId::Uuid(bytes) => Self::Uuid(bytes),
        }
    }
}

impl Cell {
    pub(super) fn text(cell: Option<Self>) -> Result<String, Error> {
        if let Some(Self::Text(text)) = cell { Ok(text) } else { Err(other_type()) }
    }

    pub(super) fn tenant(cell: Option<Self>) -> Result<String, Error> {
        match cell {
            Some(Self::Bytes(tenant)) => Err(tenant_not_utf8(&tenant)),
            cell => Self::text(cell),
        }
    }

    pub(super) fn bytes(cell: Option<Self>) -> Result<Vec<u8>, Error> {
        if let Some(Self::Bytes(bytes)) = cell { Ok(bytes) } else { Err(other_type()) }
    }

    /// What is no envelope shows when it is used.
    pub(super) fn to_envelope(&self) -> KeyEnvelope {
        match self {
            Self::Text(text) => envelope_of(text),
            Self::Bytes(bytes) => KeyEnvelope::from_bytes(bytes.as_slice()),
            _ => KeyEnvelope::from_bytes([]),
        }
    }

    pub(super) fn number(cell: Option<Self>) -> Result<i64, Error> {
        if let Some(Self::Integer(number)) = cell { Ok(number) } else { Err(other_type()) }
    }

    pub(super) fn generation(cell: Option<Self>) -> Result<u16, Error> {
        Self::number(cell)?
            .try_into()
            .map_err(|_| Error::malformed("the queue holds no such generation"))
    }

    pub(super) fn column_id(cell: Option<Self>) -> Result<ColumnId, Error> {
        match cell {
            Some(Self::Integer(number)) => Ok(ColumnId::Integer(number)),
            Some(Self::Text(text)) => Ok(ColumnId::Text(text)),
            Some(Self::Bytes(text)) => Ok(ColumnId::Torn(text)),
            Some(Self::Uuid(bytes)) => Ok(ColumnId::Uuid(bytes)),
            _ => Err(other_type()),
        }
    }
}

/// What the database answers.
#[cold]
#[allow(clippy::needless_pass_by_value, reason = "where it is mapped it is owned")]
pub(super) fn failed(error: sqlx::Error) -> Error {
    answer::sqlx(place::WHAT, &error)
}

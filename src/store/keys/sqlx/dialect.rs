//! The two databases, as far as they differ.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::String;
use alloc::vec::Vec;

use sqlx::error::BoxDynError;
use sqlx::query::Query;
use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, Database, Row as _, Type, TypeInfo as _,
    ValueRef as _,
};

use super::super::place;
#[cfg(feature = "sqlx-postgres")]
use super::super::sight;
use super::super::sql::{Cell, Kind, Statement};
use crate::encoding::column::{is_cut, unpadded};
use crate::error::Error;
use crate::index::Term;
use crate::store::answer;
use crate::store::search::SqlDialect;

/// The databases that a [`SqlxKeyStore`](crate::store::SqlxKeyStore) is made for: `sqlx::Sqlite` and
/// `sqlx::Postgres`, each behind its feature.
pub trait SqlxDatabase: Dialect {}

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

#[allow(unnameable_types, reason = "seals the trait")]
pub trait Dialect: Database {
    const SCHEMA: &'static str;
    const QUEUE_SCHEMA: &'static str;
    /// Before tables are made: lets one do it at a time.
    const LOCK_SCHEMA: &'static str;

    /// Statements, one behind the other.
    fn run(
        on: &mut Self::Connection,
        sql: String,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// How many rows it was about.
    fn execute(
        on: &mut Self::Connection,
        statements: Statements,
        statement: Statement,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    fn fetch(
        on: &mut Self::Connection,
        statements: Statements,
        statement: Statement,
    ) -> impl Future<Output = Result<Vec<Vec<Cell>>, sqlx::Error>> + Send;

    /// What the placeholders of its conditions stand for.
    const CONDITIONS: SqlDialect;

    /// Adds the terms of one group, as the placeholders stand for them.
    fn add_terms(to: &mut Self::Arguments, terms: &[Term]) -> Result<(), BoxDynError>;

    /// Whether the connection is in a transaction, however it was begun: sqlx knows of its own alone.
    fn has_begun(
        on: &mut Self::Connection,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;
}

/// A constant is not copied for each call.
fn query<'q, DB: Database>(sql: Cow<'static, str>) -> Query<'q, DB, DB::Arguments> {
    match sql {
        Cow::Borrowed(sql) => sqlx::query(sql),
        Cow::Owned(sql) => sqlx::query(AssertSqlSafe(sql)),
    }
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
            Statement { sql, binds, .. }: Statement,
        ) -> Result<u64, sqlx::Error> {
            let query = query(sql);
            let query = binds.into_iter().fold(query, $bind);
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
            Statement { sql, binds, row: columns }: Statement,
        ) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
            let query = query(sql);
            let query = binds.into_iter().fold(query, $bind);
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
    use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};

    use super::*;

    impl SqlxDatabase for Sqlite {}

    impl Dialect for Sqlite {
        const SCHEMA: &'static str = place::SQLITE_SCHEMA;

        const QUEUE_SCHEMA: &'static str = place::SQLITE_QUEUE_SCHEMA;

        // The database has one writer.
        const LOCK_SCHEMA: &'static str = "";

        const CONDITIONS: SqlDialect = SqlDialect::Sqlite;

        fn add_terms(to: &mut SqliteArguments, terms: &[Term]) -> Result<(), BoxDynError> {
            terms.iter().try_for_each(|term| to.add(term))
        }

        calls!(bind, read);

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
            // There are no arrays in SQLite, and no statement for it has one.
            Cell::Integers(_) | Cell::Texts(_) | Cell::ByteStrings(_) | Cell::Uuids(_) => {
                query.bind(None::<i64>)
            }
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
    use sqlx::postgres::{
        PgArgumentBuffer, PgArguments, PgHasArrayType, PgRow, PgTypeInfo, PgValueRef, Postgres,
    };
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

        // Two that look for a table at once would both make it, and one would fail. The number is ours.
        // Sent together, the statements are one transaction.
        const LOCK_SCHEMA: &'static str = "SELECT pg_advisory_xact_lock(7379817241033695);\n";

        const CONDITIONS: SqlDialect = SqlDialect::Postgres;

        fn add_terms(to: &mut PgArguments, terms: &[Term]) -> Result<(), BoxDynError> {
            to.add(terms)
        }

        calls!(bind, read);

        async fn has_begun(on: &mut Self::Connection) -> Result<bool, sqlx::Error> {
            if on.is_in_transaction() {
                return Ok(true);
            }
            sqlx::raw_sql(sight::POSTGRES_HAS_BEGUN).fetch_one(on).await?.try_get(0)
        }
    }

    /// UUIDs, without the feature of sqlx. Their type has the same number in every PostgreSQL.
    struct Uuid([u8; 16]);

    impl Type<Postgres> for Uuid {
        fn type_info() -> PgTypeInfo {
            const UUID: Oid = Oid(2950);
            PgTypeInfo::with_oid(UUID)
        }
    }

    impl PgHasArrayType for Uuid {
        fn array_type_info() -> PgTypeInfo {
            const UUIDS: Oid = Oid(2951);
            PgTypeInfo::with_oid(UUIDS)
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
            Cell::Integers(numbers) => query.bind(numbers),
            Cell::Texts(texts) => query.bind(texts),
            Cell::ByteStrings(strings) => query.bind(strings),
            Cell::Uuids(all) => query.bind(all.into_iter().map(Uuid).collect::<Vec<_>>()),
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

/// What the database answers.
#[cold]
#[allow(clippy::needless_pass_by_value, reason = "where it is mapped it is owned")]
pub(super) fn failed(error: sqlx::Error) -> Error {
    answer::sqlx(place::WHAT, error)
}

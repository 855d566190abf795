//! The rows of the application, in either database.

use std::path::PathBuf;

use fieldseal::store::SqlxDatabase;
use fieldseal::{Error, Sealed};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _, SqliteConnection,
};

use crate::common::postgres::Schema;

/// Why a transaction did not come to its end.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Others were in its way.
    Again,
    Refused(Error),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<sqlx::Error> for Broken {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        match code.as_deref() {
            // Serialization, deadlock; busy, and busy by a snapshot.
            Some("40001" | "40P01" | "5" | "517") => Self::Again,
            _ => panic!("{error}"),
        }
    }
}

pub(crate) trait Rows: Sync + Send {
    type Db: SqlxDatabase<Connection = Self::Connection>;
    type Connection: Send;

    /// A connection of its own; the first makes the table.
    async fn connect(&self) -> Self::Connection;
    async fn begin(on: &mut Self::Connection) -> Result<(), Broken>;
    async fn commit(on: &mut Self::Connection) -> Result<(), Broken>;
    async fn rollback(on: &mut Self::Connection);
    async fn insert(
        on: &mut Self::Connection,
        id: i64,
        fields: &[Sealed<String>; 2],
    ) -> Result<(), Broken>;
    async fn update(
        on: &mut Self::Connection,
        id: i64,
        column: &'static str,
        field: &Sealed<String>,
    ) -> Result<(), Broken>;
    /// Email and phone, which nobody else writes until the transaction ends.
    async fn select_locked(on: &mut Self::Connection, id: i64) -> Result<[Vec<u8>; 2], Broken>;
}

pub(crate) struct Sqlite(pub(crate) PathBuf);
pub(crate) struct Postgres(pub(crate) Schema);

macro_rules! rows {
    ($rows:ident, $db:ty, $connection:ty, $begin:literal, $lock:literal, $connect:expr) => {
        impl Rows for $rows {
            type Db = $db;
            type Connection = $connection;

            async fn connect(&self) -> $connection {
                $connect(self).await
            }

            async fn begin(on: &mut $connection) -> Result<(), Broken> {
                sqlx::raw_sql($begin).execute(on).await?;
                Ok(())
            }

            async fn commit(on: &mut $connection) -> Result<(), Broken> {
                let committed = sqlx::raw_sql("COMMIT").execute(&mut *on).await;
                if committed.is_err() {
                    Self::rollback(on).await;
                }
                committed?;
                Ok(())
            }

            async fn rollback(on: &mut $connection) {
                let _ = sqlx::raw_sql("ROLLBACK").execute(on).await;
            }

            async fn insert(
                on: &mut $connection,
                id: i64,
                fields: &[Sealed<String>; 2],
            ) -> Result<(), Broken> {
                let insert = sqlx::query("INSERT INTO customers VALUES ($1, $2, $3)");
                insert.bind(id).bind(&fields[0]).bind(&fields[1]).execute(on).await?;
                Ok(())
            }

            async fn update(
                on: &mut $connection,
                id: i64,
                column: &'static str,
                field: &Sealed<String>,
            ) -> Result<(), Broken> {
                let sql = format!("UPDATE customers SET {column} = $2 WHERE id = $1");
                sqlx::query(AssertSqlSafe(sql)).bind(id).bind(field).execute(on).await?;
                Ok(())
            }

            async fn select_locked(on: &mut $connection, id: i64) -> Result<[Vec<u8>; 2], Broken> {
                let row =
                    sqlx::query(concat!("SELECT email, phone FROM customers WHERE id = $1", $lock))
                        .bind(id)
                        .fetch_one(on)
                        .await?;
                Ok([row.get(0), row.get(1)])
            }
        }
    };
}

rows!(Sqlite, sqlx::Sqlite, SqliteConnection, "BEGIN IMMEDIATE", "", async |rows: &Sqlite| {
    let options = SqliteConnectOptions::new()
        .filename(&rows.0)
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Off)
        .busy_timeout(std::time::Duration::from_secs(60));
    let mut on = options.connect().await.unwrap();
    let table =
        "CREATE TABLE IF NOT EXISTS customers (id INTEGER PRIMARY KEY, email BLOB, phone BLOB)";
    sqlx::raw_sql(table).execute(&mut on).await.unwrap();
    on
});

rows!(Postgres, sqlx::Postgres, PgConnection, "BEGIN", " FOR UPDATE", async |rows: &Postgres| {
    let mut on = PgConnection::connect(rows.0.url()).await.unwrap();
    let table =
        "CREATE TABLE IF NOT EXISTS customers (id BIGINT PRIMARY KEY, email BYTEA, phone BYTEA)";
    sqlx::raw_sql(table).execute(&mut on).await.unwrap();
    on
});

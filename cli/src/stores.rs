//! The databases that commands work on, opened, and the places of key envelopes in them.

mod commit;
mod heard;
mod standalone;
mod url;

pub(crate) use self::heard::counted;

use std::time::Duration;

use fieldseal::error::Fault;
use fieldseal::store::{SqlxDatabase, SqlxKeyStore, SubjectColumn};
use fieldseal::{Error, ErrorKind};
use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Column as _, Connection as _, Row as _, TypeInfo as _};

pub(crate) use self::commit::{Committed, OfOne, commit};
pub(crate) use self::standalone::Replaced;
use self::url::{Address, Options, is_in_wal_mode};
use crate::args::stores::{
    Column, DatabaseSaid, InlineColumn, InlineSaid, StandaloneSaid, Store, Stores, UrlFrom,
};
use crate::exit::{Exit, Failure};
use crate::session::Session;

/// How long another's lock is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a command does to a database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Reads,
    Changes,
    /// And makes it, where it is a file.
    Makes,
}

/// An open database.
pub(crate) struct Database {
    /// As people know it. No secret.
    pub(crate) name: String,
    pub(crate) connection: Connection,
    /// The key envelopes.
    pub(crate) places: Vec<Place>,
    /// The standalone envelopes.
    pub(crate) standalone: Vec<Standalone>,
}

/// A column of standalone envelopes, whose they are, and its name as people know it.
pub(crate) struct Standalone {
    pub(crate) name: String,
    pub(crate) column: Column,
    pub(crate) tenant: String,
}

pub(crate) enum Connection {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

/// Where envelopes are in a database.
pub(crate) struct Place {
    /// As people read it: `customers.keys`.
    pub(crate) name: String,
    pub(crate) what: What,
}

pub(crate) enum What {
    /// The table `fieldseal_keys`.
    Own,
    Inline {
        column: InlineColumn,
        tenant: String,
    },
}

/// Calls a key store of whichever database it is.
macro_rules! on_store {
    ($database:expr, $place:expr, |$store:ident, $on:ident| $call:expr) => {
        match &mut $database {
            $crate::stores::Connection::Sqlite(connection) => {
                let $store = $place.key_store::<sqlx::Sqlite>()?;
                let $on = &mut **connection;
                $call
            }
            $crate::stores::Connection::Postgres(connection) => {
                // Whether there is a pooler between is not seen from here.
                let $store = $place.key_store::<sqlx::Postgres>()?.transaction_pooling();
                let $on = &mut **connection;
                $call
            }
        }
    };
}
pub(crate) use on_store;

/// Runs what waits for databases.
pub(crate) fn wait<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::stream("the runtime", &error))?.block_on(work)
}

/// Opens all databases that were said. Those of several are told apart by the names of their places.
pub(crate) async fn open_all(
    said: &Stores,
    purpose: Purpose,
    session: &Session<'_>,
) -> Result<Vec<Database>, Failure> {
    let mut databases = Vec::new();
    for one in &said.databases {
        databases.push(Database::open(one, purpose, session).await?);
    }
    if databases.len() > 1 {
        for database in &mut databases {
            let names = database.places.iter_mut().map(|place| &mut place.name);
            let standalone = database.standalone.iter_mut().map(|column| &mut column.name);
            for name in names.chain(standalone) {
                *name = format!("{}: {name}", database.name);
            }
        }
    }
    Ok(databases)
}

impl Database {
    async fn open(
        said: &DatabaseSaid,
        purpose: Purpose,
        session: &Session<'_>,
    ) -> Result<Self, Failure> {
        let mut database = Self::connect(&said.from, purpose, session).await?;
        let inline = said.inline.iter().map(|InlineSaid { column, tenant }| {
            Place::inline(column, tenant.as_deref().unwrap_or_default())
        });
        let mut places: Vec<_> = inline.collect();
        let name = |of: &Column| format!("{}.{}", of.table, of.column);
        for InlineSaid { column, .. } in &said.inline {
            database.check_columns(&column.table, &[&column.subject, &column.keys]).await?;
        }
        for StandaloneSaid { column, .. } in &said.standalone {
            database.check_columns(&column.table, &[&column.column]).await?;
        }
        let standalone =
            said.standalone.iter().map(|StandaloneSaid { column, tenant }| Standalone {
                name: name(column),
                column: column.clone(),
                tenant: tenant.clone().unwrap_or_default(),
            });
        let standalone: Vec<_> = standalone.collect();
        if database.has_own_table().await? {
            places.push(Place::own());
        }
        if places.is_empty() && standalone.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "nothing says where key envelopes are in {}: it has no table fieldseal_keys",
                    database.name
                ),
                "name their column: --inline TABLE,SUBJECT:TYPE,KEYS; or make the table: fieldseal store migrate",
            ));
        }
        (database.places, database.standalone) = (places, standalone);
        Ok(database)
    }

    /// Opens the one database and place of a command about one subject.
    pub(crate) async fn open_one(
        said: &Store,
        tenant: &str,
        session: &Session<'_>,
    ) -> Result<(Self, Place), Failure> {
        let mut database = Self::connect(&said.url.from(), Purpose::Changes, session).await?;
        let place = match &said.inline {
            Some(column) => {
                database.check_columns(&column.table, &[&column.subject, &column.keys]).await?;
                Place::inline(column, tenant)
            }
            None if database.has_own_table().await? => Place::own(),
            None => {
                return Err(Failure::new(
                    Exit::Usage,
                    format!("{} has no table fieldseal_keys", database.name),
                    "name the column of the envelopes: --inline TABLE,SUBJECT:TYPE,KEYS; or make the table: \
                     fieldseal store migrate",
                ));
            }
        };
        Ok((database, place))
    }

    pub(crate) async fn connect(
        from: &UrlFrom,
        purpose: Purpose,
        session: &Session<'_>,
    ) -> Result<Self, Failure> {
        let Address { name, options } = Address::of(from, session)?;
        let connection = match options {
            Options::Sqlite(options, is_read_only) => {
                let path = options.get_filename();
                if purpose != Purpose::Makes && !path.exists() {
                    return Err(Failure::new(
                        Exit::File,
                        format!("there is no database at {name}"),
                        "give the path of one that is there; to make one: fieldseal store migrate --create",
                    ));
                }
                let options = options
                    .read_only(is_read_only || purpose == Purpose::Reads)
                    .create_if_missing(purpose == Purpose::Makes)
                    .busy_timeout(PATIENCE);
                let connected = SqliteConnection::connect_with(&options).await;
                let mut on = connected.map_err(|error| refused(&name, &error))?;
                let looked =
                    sqlx::query("SELECT count(*) FROM sqlite_master").execute(&mut on).await;
                looked.map_err(|error| match error {
                    sqlx::Error::Database(_)
                        if purpose == Purpose::Reads && is_in_wal_mode(options.get_filename()) =>
                    {
                        refused(&name, &error).or_next(
                            "it is in WAL mode, in which SQLite writes beside it to read: let this user write its \
                             folder, or copy it with its -wal file to a folder that can be written",
                        )
                    }
                    error => refused(&name, &error),
                })?;
                Connection::Sqlite(Box::new(on))
            }
            Options::Postgres(options) => {
                let connected = PgConnection::connect_with(&options).await;
                Connection::Postgres(Box::new(connected.map_err(|error| refused(&name, &error))?))
            }
        };
        Ok(Self { name, connection, places: Vec::new(), standalone: Vec::new() })
    }

    async fn has_own_table(&mut self) -> Result<bool, Failure> {
        let found = match &mut self.connection {
            Connection::Sqlite(on) => {
                let asked = "SELECT count(*) FROM sqlite_master
                             WHERE type IN ('table', 'view') AND name = 'fieldseal_keys' COLLATE NOCASE";
                sqlx::query_scalar::<_, i64>(asked)
                    .fetch_one(&mut **on)
                    .await
                    .map(|count| count > 0)
            }
            Connection::Postgres(on) => {
                let asked = "SELECT to_regclass('fieldseal_keys') IS NOT NULL";
                let asked = sqlx::raw_sql(asked).fetch_one(&mut **on).await;
                asked.and_then(|row| row.try_get(0))
            }
        };
        found.map_err(|error| refused(&self.name, &error))
    }

    /// Fails where the columns are not there. SQLite takes a name that it does not know for a text, unless
    /// its table is said with it.
    async fn check_columns(&mut self, table: &str, columns: &[&str]) -> Result<(), Failure> {
        let table = quoted(table);
        let columns: Vec<_> =
            columns.iter().map(|column| format!("{table}.{}", quoted(column))).collect();
        let sql = AssertSqlSafe(format!("SELECT {} FROM {table} LIMIT 0", columns.join(", ")));
        let found = match &mut self.connection {
            Connection::Sqlite(on) => sqlx::query(sql).execute(&mut **on).await.map(drop),
            Connection::Postgres(on) => sqlx::raw_sql(sql).execute(&mut **on).await.map(drop),
        };
        found.map_err(|error| refused(&self.name, &error))
    }

    /// Every value of a column, as bytes, one after the other.
    pub(crate) async fn each_value(
        &mut self,
        of: &Column,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Failure> {
        let (table, column) = (quoted(&of.table), quoted(&of.column));
        // Names that are quoted.
        let sql =
            || AssertSqlSafe(format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL"));
        macro_rules! each {
            ($on:expr) => {{
                let mut rows = sqlx::query(sql()).persistent(false).fetch($on);
                loop {
                    let row = match rows.try_next().await {
                        Ok(Some(row)) => row,
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(error),
                    };
                    // Whether it is BYTEA or TEXT: the text form is told by its first bytes.
                    match row.try_get_unchecked::<Vec<u8>, _>(0) {
                        // A column of CHAR(n) pads its texts.
                        Ok(bytes) if row.column(0).type_info().name() == "CHAR" => {
                            take(bytes.trim_ascii_end());
                        }
                        Ok(bytes) => take(&bytes),
                        Err(error) => break Err(error),
                    }
                }
            }};
        }
        let told = match &mut self.connection {
            Connection::Sqlite(on) => each!(&mut **on),
            // In a transaction, as a pooler may stand between.
            Connection::Postgres(on) => match on.begin().await {
                Ok(mut transaction) => each!(&mut *transaction),
                Err(error) => Err(error),
            },
        };
        told.map_err(|error| refused(&self.name, &error))
    }
}

impl Place {
    pub(crate) fn own() -> Self {
        Self { name: "fieldseal_keys.envelope".to_owned(), what: What::Own }
    }

    /// Where the envelope of one subject is.
    fn of_one(said: &Store, tenant: &str) -> Self {
        said.inline.as_ref().map_or_else(Self::own, |column| Self::inline(column, tenant))
    }

    fn inline(column: &InlineColumn, tenant: &str) -> Self {
        Self {
            name: format!("{}.{}", column.table, column.keys),
            what: What::Inline { column: column.clone(), tenant: tenant.to_owned() },
        }
    }

    /// A column of standalone envelopes, for what is asked about its table.
    pub(crate) fn of_column(column: &Column) -> Self {
        let Column { table, column } = column;
        let column = InlineColumn {
            table: table.clone(),
            subject: column.clone(),
            of: SubjectColumn::Uuid,
            keys: column.clone(),
        };
        Self::inline(&column, "")
    }

    /// The key store of this place.
    pub(crate) fn key_store<DB: SqlxDatabase>(&self) -> Result<SqlxKeyStore<DB>, Error> {
        match &self.what {
            What::Own => Ok(SqlxKeyStore::new()),
            What::Inline { column: InlineColumn { table, subject, of, keys }, tenant } => {
                SqlxKeyStore::inline(table, (subject, *of), keys)?.tenant(tenant)
            }
        }
    }
}

/// A name of SQL, quoted.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What a database answered to the program itself.
pub(crate) fn refused(name: &str, error: &sqlx::Error) -> Failure {
    let code = error.as_database_error().and_then(|told| told.code());
    let fault = Fault::of(error);
    let next = match (error, code.as_deref()) {
        _ if error.to_string().contains("certificate") || matches!(error, sqlx::Error::Tls(_)) => {
            "where the server's certificate is of a CA of its own, name that by ?sslrootcert=PATH in the URL; what \
             else is meant, by ?sslmode=…"
        }
        // The codes of PostgreSQL for who logs in, and where to.
        (_, Some("28000" | "28P01")) => {
            "see that the URL names the role that is meant, that it may log in, and that its password is right \
             (--store-file, PGPASSWORD or ~/.pgpass)"
        }
        (_, Some("3D000")) => {
            "see that the URL names a database that is on this server: postgres://USER@HOST/DATABASE"
        }
        _ => fault.and_then(next_of).unwrap_or(NEXT),
    };
    let text = match error {
        sqlx::Error::Database(told) => told.message().to_owned(),
        _ => error.to_string(),
    };
    Failure::new(exit_of(fault), format!("{name}: {text}"), next)
}

/// The next step for each fault of a database.
const fn next_of(fault: Fault) -> Option<&'static str> {
    Some(match fault {
        Fault::Busy => {
            "another connection holds a lock: run the command again when its transaction has ended"
        }
        Fault::Raced => "another transaction came between: run the command again",
        Fault::Full => {
            "make room where the database is, or raise its largest size; then run the command again"
        }
        Fault::ReadOnly => {
            "give the URL of a database that takes writes: the primary of a standby, or a file and a folder that \
             this user may write to"
        }
        Fault::Denied => "allow it to the database's user (GRANT), or name another user in the URL",
        Fault::Missing => {
            "name the table and its columns as the database does; schemas are searched as its search_path says"
        }
        Fault::Lost => {
            "see that the server is there, and reached from here; then look what is stored before this is run again"
        }
        Fault::TimedOut => {
            "the server's own time limit ended it: run it when less is going on, or raise statement_timeout for \
             this user"
        }
        Fault::Damaged => NO_DATABASE,
        _ => return None,
    })
}

const fn exit_of(fault: Option<Fault>) -> Exit {
    match fault {
        Some(Fault::Busy | Fault::Raced) => Exit::Conflict,
        _ => Exit::File,
    }
}

const NO_DATABASE: &str = "give the path of a SQLite database, or restore it from a backup; a file that is none is never written over";

/// What PostgreSQL says without the line of its own source that says it.
fn without_line(text: &str) -> &str {
    match text.rsplit_once(" at line ") {
        Some((text, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => text,
        _ => text,
    }
}

const NEXT: &str = "see that the tables and columns are named as the database names them, and what its user may do";

/// What a key store answered.
pub(crate) fn answered(name: &str, error: Error) -> Failure {
    let said = error.without_remedy().to_string();
    let (text, fault) = (without_line(&said), error.fault());
    match error.kind() {
        ErrorKind::Io
            if text.contains("fieldseal_reseal") || text.contains("fieldseal_keys")
                || text.contains("fieldseal_terms") =>
        {
            let next = match fault {
                Some(Fault::Missing) | None => "make the tables: fieldseal store migrate",
                Some(fault) => next_of(fault).unwrap_or(NEXT),
            };
            Failure::new(Exit::File, format!("{name}: {text}"), next)
        }
        ErrorKind::Io | ErrorKind::Retry => Failure::new(
            exit_of(fault),
            format!("{name}: {text}"),
            fault.and_then(next_of).unwrap_or(NEXT),
        ),
        ErrorKind::Incomplete => Failure::new(
            Exit::Usage,
            format!("{name}: {text}"),
            "take a role that sees every row of the table, on the primary server, and run this again",
        ),
        ErrorKind::MissingClass | ErrorKind::UnknownSubject => Failure::new(
            Exit::Usage,
            said,
            "see what the subject has: fieldseal inspect takes the envelope; and how its id is typed: --as",
        ),
        ErrorKind::Erased => Failure::new(
            Exit::Usage,
            said,
            "what is erased stays so; fieldseal inspect tells what an envelope still has",
        ),
        ErrorKind::Tampered => Failure::from(error).or_next(
            "give the --tenant and the ring that the envelope was made under; one that was altered is taken from a \
             backup, and the ledger replayed before anybody reads it",
        ),
        ErrorKind::WrongKey | ErrorKind::NotPermitted | ErrorKind::MissingKey => {
            Failure::from(error).or_next("take a ring that holds what is needed: fieldseal ring show")
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_line;

    #[test]
    fn lines_of_the_server_are_left_out() {
        assert_eq!(
            without_line("role \"ada\" does not exist at line 339"),
            "role \"ada\" does not exist"
        );
        for whole in ["no JSON at line 1 column 2", "at line", "stands at line x", ""] {
            assert_eq!(without_line(whole), whole);
        }
    }
}

//! What databases answer, as errors: one table of their codes for every driver.

#[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
use alloc::format;

#[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
use crate::error::ErrorKind;
use crate::error::{Error, Fault};

impl Fault {
    /// What an error of a file, of rusqlite or of sqlx says is wrong, or an error that comes from one: for the
    /// statements that an application runs itself. `None` where it does not say so.
    ///
    /// ```
    /// use fieldseal::error::Fault;
    /// use std::io::{Error, ErrorKind};
    ///
    /// let error = Error::from(ErrorKind::StorageFull);
    /// assert_eq!(Fault::of(&error), Some(Fault::Full));
    /// ```
    pub fn of(error: &(dyn core::error::Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(known) = error.downcast_ref::<Error>() {
                return known.fault();
            }
            #[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
            if let Some(known) = error.downcast_ref() {
                return of_sqlx(known);
            }
            #[cfg(feature = "rusqlite")]
            if let Some(known) = error.downcast_ref() {
                return of_rusqlite(known);
            }
            if let Some(known) = error.downcast_ref() {
                return Self::of_io(known);
            }
            next = error.source();
        }
        None
    }
}

/// An error of SQLite, by its extended result code.
#[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite"))]
fn of_sqlite(code: i32, text: &str) -> Option<Fault> {
    // SQLITE_BUSY_SNAPSHOT: another has written since this transaction read.
    if code == 517 {
        return Some(Fault::Raced);
    }
    Some(match code & 0xff {
        // SQLITE_BUSY, SQLITE_LOCKED.
        5 | 6 => Fault::Busy,
        // SQLITE_PERM, SQLITE_AUTH.
        3 | 23 => Fault::Denied,
        // SQLITE_READONLY.
        8 => Fault::ReadOnly,
        // SQLITE_CORRUPT, SQLITE_NOTADB.
        11 | 26 => Fault::Damaged,
        // SQLITE_FULL. SQLITE_IOERR_WRITE is what a limit on the size of files becomes.
        13 => Fault::Full,
        10 if code == 778 => Fault::Full,
        // SQLITE_CANTOPEN.
        14 => Fault::Missing,
        // SQLITE_ERROR has no code of its own for these.
        1 if ["no such table", "no such column", "has no column named"]
            .iter()
            .any(|known| text.contains(known)) =>
        {
            Fault::Missing
        }
        _ => return None,
    })
}

/// An error of PostgreSQL, by its SQLSTATE.
#[cfg(feature = "sqlx-postgres")]
fn of_postgres(code: &str) -> Option<Fault> {
    Some(match code {
        // serialization_failure, deadlock_detected, and in_failed_sql_transaction, which every statement
        // answers with after these.
        "40001" | "40P01" | "25P02" => Fault::Raced,
        // lock_not_available: lock_timeout, or NOWAIT. too_many_connections.
        "55P03" | "53300" => Fault::Busy,
        // disk_full, and other limits of the system.
        "53100" => Fault::Full,
        // read_only_sql_transaction: a standby too.
        "25006" => Fault::ReadOnly,
        // insufficient_privilege, and who may not log in.
        "42501" | "28000" | "28P01" => Fault::Denied,
        // undefined_table, undefined_column, invalid_schema_name, invalid_catalog_name.
        "42P01" | "42703" | "3F000" | "3D000" => Fault::Missing,
        // query_canceled: statement_timeout. transaction_timeout.
        "57014" | "25P04" => Fault::TimedOut,
        // Ended by the server: idle_in_transaction_session_timeout, idle_session_timeout, admin_shutdown,
        // crash_shutdown, cannot_connect_now.
        "25P03" | "57P05" | "57P01" | "57P02" | "57P03" => Fault::Lost,
        "XX001" | "XX002" => Fault::Damaged,
        _ if code.starts_with("08") => Fault::Lost,
        _ => return None,
    })
}

/// `what` is the place as its owner knows it, such as "the key store's database".
#[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
#[cold]
fn error(
    what: &str,
    fault: Option<Fault>,
    text: &str,
    answer: impl core::error::Error + Send + Sync + 'static,
) -> Error {
    let kind = match fault {
        Some(Fault::Busy | Fault::Raced) => ErrorKind::Retry,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("{what} answers: {text}")).because_of(fault, answer)
}

#[cfg(feature = "rusqlite")]
fn of_rusqlite(answer: &rusqlite::Error) -> Option<Fault> {
    of_sqlite(answer.sqlite_error()?.extended_code, &format!("{answer}"))
}

/// What rusqlite answers.
#[cfg(feature = "rusqlite")]
#[cold]
pub(super) fn rusqlite(what: &str, answer: rusqlite::Error) -> Error {
    match answer {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => {
            Error::malformed(format!("{what} holds a value of another type: {answer}"))
                .because_of(None, answer)
        }
        _ => error(what, of_rusqlite(&answer), &format!("{answer}"), answer),
    }
}

#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
fn of_sqlx(answer: &sqlx::Error) -> Option<Fault> {
    match answer {
        sqlx::Error::Database(told) => of_database(told.as_ref()),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::PoolClosed => Some(Fault::Lost),
        sqlx::Error::PoolTimedOut => Some(Fault::Busy),
        _ => None,
    }
}

/// What sqlx answers.
#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
#[cold]
pub(super) fn sqlx(what: &str, answer: sqlx::Error) -> Error {
    match &answer {
        sqlx::Error::Database(told) => {
            let text = alloc::string::String::from(told.message());
            error(what, of_sqlx(&answer), &text, answer)
        }
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
            Error::malformed(format!("{what} holds a value of another type: {answer}"))
                .because_of(None, answer)
        }
        _ => error(what, of_sqlx(&answer), &format!("{answer}"), answer),
    }
}

/// The codes of SQLite are numbers below those of PostgreSQL, which have five characters.
#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
fn of_database(told: &dyn sqlx::error::DatabaseError) -> Option<Fault> {
    let code = told.code()?;
    #[cfg(feature = "sqlx-postgres")]
    if code.len() == 5 {
        return of_postgres(&code);
    }
    #[cfg(feature = "sqlx-sqlite")]
    if let Ok(code) = code.parse() {
        return of_sqlite(code, told.message());
    }
    None
}

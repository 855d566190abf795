//! What databases answer, as errors: one table of their codes for every driver.

use alloc::format;

use crate::error::{Error, ErrorKind, Fault};

/// What a code means for who called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// The transaction was not run beside others: it only has to be run again.
    Again,
    Fault(Fault),
    Other,
}

/// An error of SQLite, by its extended result code.
#[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite"))]
fn of_sqlite(code: i32, text: &str) -> Meaning {
    // SQLITE_BUSY_SNAPSHOT: another has written since this transaction read.
    if code == 517 {
        return Meaning::Again;
    }
    Meaning::Fault(match code & 0xff {
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
        _ => return Meaning::Other,
    })
}

/// An error of PostgreSQL, by its SQLSTATE.
#[cfg(feature = "sqlx-postgres")]
fn of_postgres(code: &str) -> Meaning {
    Meaning::Fault(match code {
        // serialization_failure, deadlock_detected, and in_failed_sql_transaction, which every statement
        // answers with after these.
        "40001" | "40P01" | "25P02" => return Meaning::Again,
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
        _ => return Meaning::Other,
    })
}

/// `what` is the place as its owner knows it, such as "the key store's database".
#[cold]
fn error(what: &str, meaning: Meaning, text: &str) -> Error {
    match meaning {
        Meaning::Again => Error::new(
            ErrorKind::Retry,
            format!(
                "{what} could not run this transaction beside others ({text}): roll back and run it again from its first \
                 statement"
            ),
        ),
        Meaning::Fault(fault) => {
            let kind = if fault == Fault::Busy { ErrorKind::Retry } else { ErrorKind::Io };
            Error::new(kind, format!("{what} answers: {text}: {}", fault.remedy()))
                .because_of(Some(fault))
        }
        Meaning::Other => Error::new(ErrorKind::Io, format!("{what} answers: {text}")),
    }
}

/// What rusqlite answers.
#[cfg(feature = "rusqlite")]
#[cold]
pub(super) fn rusqlite(what: &str, answer: &rusqlite::Error) -> Error {
    let text = format!("{answer}");
    if let Some(told) = answer.sqlite_error() {
        return error(what, of_sqlite(told.extended_code, &text), &text);
    }
    match answer {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => {
            Error::malformed(format!("{what} holds a value of another type: {text}"))
        }
        _ => error(what, Meaning::Other, &text),
    }
}

/// What sqlx answers.
#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
#[cold]
pub(super) fn sqlx(what: &str, answer: &sqlx::Error) -> Error {
    let meaning = match answer {
        sqlx::Error::Database(told) => {
            return error(what, of_database(told.as_ref()), told.message());
        }
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
            return Error::malformed(format!("{what} holds a value of another type: {answer}"));
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::PoolClosed => Meaning::Fault(Fault::Lost),
        sqlx::Error::PoolTimedOut => Meaning::Fault(Fault::Busy),
        _ => Meaning::Other,
    };
    error(what, meaning, &format!("{answer}"))
}

/// The codes of SQLite are numbers below those of PostgreSQL, which have five characters.
#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
fn of_database(told: &dyn sqlx::error::DatabaseError) -> Meaning {
    let code = told.code();
    let code = code.as_deref().unwrap_or_default();
    #[cfg(feature = "sqlx-postgres")]
    if code.len() == 5 {
        return of_postgres(code);
    }
    #[cfg(feature = "sqlx-sqlite")]
    if let Ok(code) = code.parse() {
        return of_sqlite(code, told.message());
    }
    Meaning::Other
}

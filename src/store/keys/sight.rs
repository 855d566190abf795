//! What a connection sees of a table of key envelopes: the whole of it, or a part.
//!
//! A pass over a store concludes: nothing needs this key, all of it was swept. A database can leave rows out
//! without an error: by row-level security, through a view, in a partition, under another table of the same
//! name, or on a replica that lags.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::StoredTable;
use super::SubjectColumn;
use super::place::{Column, Place};
use crate::encoding::to_hex;
use crate::error::Fault;
use crate::error::{Error, ErrorKind};
use crate::store::search::quoted;

#[cold]
pub(super) fn part(table: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::Incomplete,
        format!(
            "nothing can be concluded from table `{table}`, of which this connection may see only a part: {why}"
        ),
    )
}

/// A table or view of SQLite that bears the name: its schema, its type, and the file of the schema.
pub(super) type InSqlite = (String, String, String);

/// The databases of a connection, with their files, in the order in which a bare name is looked up.
pub(super) const SQLITE_DATABASES: &str =
    "SELECT name, COALESCE(file, '') FROM pragma_database_list ORDER BY seq <> 1, seq";

/// The tables and views of the name ?1 in these. (`pragma_table_list` would say it, since SQLite 3.37.)
pub(super) fn tables_in_sqlite(databases: &[(String, String)]) -> Result<String, Error> {
    let mut sql = String::new();
    for (position, (name, file)) in databases.iter().enumerate() {
        let (quoted_name, as_text) = (quoted(name, '"')?, quoted(name, '\'')?);
        let master = if name == "temp" {
            "sqlite_temp_master".to_string()
        } else {
            format!("{quoted_name}.sqlite_master")
        };
        // A path may hold what no name may, so it is text by its hex digits.
        let file = to_hex(file.as_bytes());
        let joined = if position == 0 { "" } else { " UNION ALL " };
        sql.push_str(&format!(
            "{joined}SELECT {as_text}, type, CAST(X'{file}' AS TEXT) FROM {master}
             WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE"
        ));
    }
    Ok(sql)
}

pub(super) fn check_in_sqlite(name: &str, found: &[InSqlite]) -> Result<(), Error> {
    let Some((schema, kind, _)) = found.first() else { return Ok(()) };
    if kind != "table" {
        return Err(part(name, &format!("it is a {kind}; name the table that holds the rows")));
    }
    if schema == "temp" && found.len() > 1 {
        return Err(part(name, "a temporary table hides the one of the same name: drop it"));
    }
    Ok(())
}

pub(super) fn named_in_sqlite(name: &str, found: Vec<InSqlite>) -> Vec<StoredTable> {
    let tables = found.into_iter().filter(|(_, kind, _)| kind == "table").enumerate();
    tables
        .map(|(position, (schema, _, file))| StoredTable {
            // A database in memory has no file, and is one connection's.
            identity: if file.is_empty() {
                format!("{schema}.{name}")
            } else {
                format!("{file}|{name}")
            },
            shown: format!("{schema}.{name}"),
            is_used: position == 0,
        })
        .collect()
}

/// Of the table that the bare name reaches: its kind, whether policies filter it, whether the server is a
/// replica, what it is a part of, which tables it hides, and whether a transaction keeps its snapshot.
/// `row_security_active` takes roles that bypass policies, and owners, into account.
pub(super) const POSTGRES_SIGHT: &str = "SELECT
    CAST(c.relkind AS TEXT),
    CAST(CASE WHEN row_security_active(c.oid) THEN 1 ELSE 0 END AS BIGINT),
    CAST(CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END AS BIGINT),
    COALESCE((SELECT string_agg(CAST(CAST(i.inhparent AS regclass) AS TEXT), ', ')
              FROM pg_inherits i WHERE i.inhrelid = c.oid), ''),
    COALESCE((SELECT string_agg(format('%I.%I', n.nspname, o.relname), ', ')
              FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
              WHERE o.relname = c.relname AND o.oid <> c.oid AND o.relkind IN ('r', 'p', 'f', 'v', 'm')
                AND n.nspname = ANY (current_schemas(true))
                AND EXISTS (SELECT 1 FROM pg_attribute a
                            WHERE a.attrelid = o.oid AND a.attname = $2 AND NOT a.attisdropped)), ''),
    CAST(CASE WHEN current_setting('transaction_isolation') IN ('repeatable read', 'serializable')
         THEN 1 ELSE 0 END AS BIGINT)
    FROM pg_class c WHERE c.oid = to_regclass($1)";

/// A row of [`POSTGRES_SIGHT`].
pub(super) struct InPostgres {
    pub(super) kind: String,
    pub(super) is_filtered: bool,
    pub(super) is_replica: bool,
    pub(super) part_of: String,
    pub(super) hides: String,
    /// Inside of a transaction, which may have imported an older snapshot than its own.
    pub(super) keeps_snapshot: bool,
}

#[cfg(feature = "sqlx-postgres")]
/// Whether the statement is inside of a transaction that was begun before it. Sent by the simple protocol, a
/// statement outside of one begins its own, at the same moment; a round trip later, the moment is another.
pub(super) const POSTGRES_HAS_BEGUN: &str =
    "SELECT transaction_timestamp() <> statement_timestamp()";

/// Whether the transaction has changed anything.
pub(super) const POSTGRES_HAS_CHANGED: &str =
    "SELECT CAST(CASE WHEN txid_current_if_assigned() IS NULL THEN 0 ELSE 1 END AS BIGINT)";

/// What the transaction has changed can be counted, and then be rolled back.
#[cold]
pub(super) fn uncommitted(table: &str) -> Error {
    part(table, "it is in a transaction that may be rolled back: count outside of one")
}

/// A statement that changes nothing, and takes the lock of a writer: a transaction that has it sees the last
/// that was stored, and one that began to read before that is refused it.
pub(super) fn lock_in_sqlite((table, column): (&str, &str)) -> Result<String, Error> {
    let (table, column) = (quoted(table, '"')?, quoted(column, '"')?);
    Ok(format!("UPDATE {table} SET {column} = {column} WHERE 0"))
}

/// What it means that the lock is refused.
#[cold]
pub(super) fn not_locked(table: &str, refused: Error) -> Error {
    match refused.fault() {
        Some(Fault::Raced | Fault::ReadOnly) => part(
            table,
            "its transaction, or a statement that was not read to its end, does not see what was stored since it began to read: end it, or begin with BEGIN IMMEDIATE",
        ),
        _ => refused,
    }
}

pub(super) fn check_in_postgres(name: &str, found: &InPostgres) -> Result<(), Error> {
    let InPostgres { kind, is_filtered, is_replica, part_of, hides, keeps_snapshot } = found;
    let why = if *is_filtered {
        "row-level security is active for this role: connect as a role with BYPASSRLS, or as an owner whom the policies spare"
            .to_string()
    } else if !matches!(kind.as_str(), "r" | "p") {
        "it is a view or a foreign table: name the table that holds the rows".to_string()
    } else if *is_replica {
        "the server is a replica, which may lag: connect to the primary".to_string()
    } else if !part_of.is_empty() {
        format!("it is a partition or a child of {part_of}: name that")
    } else if !hides.is_empty() {
        format!(
            "it hides {hides} on the search path: give the connection a search path of one schema"
        )
    } else if *keeps_snapshot {
        "it is in a transaction of REPEATABLE READ or SERIALIZABLE, which does not see what was stored since it began: begin one of READ COMMITTED, or none"
            .to_string()
    } else {
        return Ok(());
    };
    Err(part(name, &why))
}

/// Every table of the name in the database, and whether the bare name reaches it. Other sessions' temporary
/// tables are theirs, and what inherits from the table that is reached is read with it.
pub(super) const POSTGRES_TABLES: &str = "SELECT
    CAST(pg_postmaster_start_time() AS TEXT) || '|' || current_database() || '|' || o.oid,
    format('%I.%I', n.nspname, o.relname),
    CAST(CASE WHEN o.oid = to_regclass($1) THEN 1 ELSE 0 END AS BIGINT)
    FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
    WHERE o.relname = $2 AND o.relkind IN ('r', 'p', 'f')
      AND (o.oid = to_regclass($1) OR n.nspname NOT LIKE 'pg\\_%')
      AND NOT EXISTS (SELECT 1 FROM pg_inherits i
                      WHERE i.inhrelid = o.oid AND i.inhparent = to_regclass($1))
      AND EXISTS (SELECT 1 FROM pg_attribute a
                  WHERE a.attrelid = o.oid AND a.attname = $3 AND NOT a.attisdropped)";

/// The names of the queue's table and of a column of its own, as [`Place::names`] of envelopes.
pub(super) const QUEUE: (&str, &str) = ("fieldseal_reseal", "generation");

impl Place {
    /// The names of the table and of the envelope's column, not quoted.
    pub(super) fn names(&self) -> (&str, &str) {
        match self {
            Self::Own => ("fieldseal_keys", "envelope"),
            Self::Inline(column) => (&column.names.0, &column.names.1),
        }
    }
}

/// The rows of a column of envelopes that name a subject; the others are counted, and not scanned.
pub(super) fn names_subject_in_sqlite(column: &str, of: SubjectColumn) -> String {
    match of {
        SubjectColumn::Integer => format!("(typeof({column}) = 'integer')"),
        SubjectColumn::Text => format!(
            "(typeof({column}) = 'text' AND length(CAST({column} AS BLOB)) BETWEEN 1 AND 254)"
        ),
        SubjectColumn::Uuid => format!("(typeof({column}) = 'blob' AND length({column}) = 16)"),
    }
}

/// [`names_subject_in_sqlite`] for PostgreSQL, whose columns hold one type each.
pub(super) fn names_subject_in_postgres(column: &str, of: SubjectColumn) -> String {
    match of {
        SubjectColumn::Integer | SubjectColumn::Uuid => format!("({column} IS NOT NULL)"),
        SubjectColumn::Text => {
            format!("COALESCE(octet_length(CAST({column} AS TEXT)) BETWEEN 1 AND 254, FALSE)")
        }
    }
}

/// Counts the rows that hold an envelope and name no subject.
pub(super) fn unnamed_sql(column: &Column, names_subject: &str) -> String {
    let Column { table, keys, .. } = column;
    format!(
        "SELECT CAST(count(*) AS BIGINT) FROM {table} WHERE {keys} IS NOT NULL AND NOT {names_subject}"
    )
}

/// Finds a subject of whom several rows hold an envelope: a scan goes on after a subject, and would miss the
/// others.
pub(super) fn several_sql(
    column: &Column,
    names_subject: &str,
    order: &str,
    shown: &str,
) -> String {
    let Column { table, keys, .. } = column;
    format!(
        "SELECT {shown} FROM {table} WHERE {keys} IS NOT NULL AND {names_subject}
         GROUP BY {order} HAVING count(*) > 1 LIMIT 1"
    )
}

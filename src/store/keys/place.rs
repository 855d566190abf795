//! Where a database keeps key envelopes: in a table of their own, or in a column of the application's.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::SubjectColumn;
use crate::context::{Id, SubjectId, ToId as _, check_tenant};
use crate::encoding::to_hex;
use crate::envelope::KeyEnvelope;
use crate::error::{Error, ErrorKind};
use crate::store::search::quoted;

/// The table of envelopes in SQLite, by whichever crate.
///
/// Not a STRICT table: one of those makes the application's whole file unreadable to SQLite before 3.37.
/// The checks demand the same types.
#[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite"))]
pub(super) const SQLITE_SCHEMA: &str = "CREATE TABLE IF NOT EXISTS fieldseal_keys (
    tenant TEXT NOT NULL CHECK (typeof(tenant) = 'text'),
    subject BLOB NOT NULL CHECK (typeof(subject) = 'blob'),
    version INTEGER NOT NULL CHECK (typeof(version) = 'integer'),
    envelope BLOB NOT NULL CHECK (typeof(envelope) = 'blob'),
    PRIMARY KEY (tenant, subject)
) WITHOUT ROWID;";

/// The table of what is to be resealed.
#[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite"))]
pub(super) const SQLITE_QUEUE_SCHEMA: &str = "CREATE TABLE IF NOT EXISTS fieldseal_reseal (
    tenant TEXT NOT NULL CHECK (typeof(tenant) = 'text'),
    subject BLOB NOT NULL CHECK (typeof(subject) = 'blob'),
    class TEXT NOT NULL CHECK (typeof(class) = 'text'),
    generation INTEGER NOT NULL CHECK (typeof(generation) = 'integer' AND generation BETWEEN 1 AND 65535),
    PRIMARY KEY (tenant, subject, class)
) WITHOUT ROWID;";

#[derive(Clone, Debug)]
pub(super) enum Place {
    /// `fieldseal_keys`.
    Own,
    Inline(Column),
}

/// A column of the application's table, by names that are quoted. Those of columns bear that of their
/// table: SQLite takes a quoted name that no column has for a string, but not so.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) table: String,
    pub(super) subject: String,
    pub(super) of: SubjectColumn,
    pub(super) keys: String,
    /// Whether the envelopes are stored in the text form.
    pub(super) text: bool,
    /// The name of `keys` alone, where it is set.
    pub(super) set: String,
    pub(super) tenant: String,
    /// The names of the table and of the envelope's column, not quoted.
    pub(super) names: (String, String),
}

impl Place {
    pub(super) fn inline(
        table: &str,
        (subject, of): (&str, SubjectColumn),
        keys: &str,
    ) -> Result<Self, Error> {
        let (plain_table, plain_keys) = (table.to_owned(), keys.to_owned());
        let (table, set) = (quoted(table, '"')?, quoted(keys, '"')?);
        Ok(Self::Inline(Column {
            subject: format!("{table}.{}", quoted(subject, '"')?),
            of,
            text: false,
            keys: format!("{table}.{set}"),
            table,
            set,
            tenant: String::new(),
            names: (plain_table, plain_keys),
        }))
    }

    pub(super) fn set_tenant(&mut self, of: &str) -> Result<(), Error> {
        match self {
            Self::Own => {
                Err(Error::declaration("the table of envelopes holds every tenant's: name none"))
            }
            Self::Inline(column) => {
                check_tenant(of)?.clone_into(&mut column.tenant);
                Ok(())
            }
        }
    }

    pub(super) fn set_text(&mut self) -> Result<(), Error> {
        match self {
            Self::Own => Err(Error::declaration("the table of envelopes holds bytes")),
            Self::Inline(column) => {
                column.text = true;
                Ok(())
            }
        }
    }

    /// The tenant whose envelopes these are; `None` for everyone's.
    pub(super) fn tenant(&self) -> Option<&str> {
        match self {
            Self::Own => None,
            Self::Inline(column) => Some(&column.tenant),
        }
    }
}

/// A subject's id as a column holds it.
pub(super) enum ColumnId {
    Integer(i64),
    Text(String),
    /// Text of SQLite that is not UTF-8, and so not an id.
    Torn(Vec<u8>),
    Uuid([u8; 16]),
}

impl SubjectColumn {
    pub(super) fn value(self, subject: &SubjectId) -> Result<ColumnId, Error> {
        match self {
            Self::Integer => subject.as_i64().map(ColumnId::Integer),
            // PostgreSQL has no zero byte in text.
            Self::Text => subject
                .as_text()
                .filter(|text| !text.contains('\0'))
                .map(|text| ColumnId::Text(text.to_owned())),
            Self::Uuid => subject.as_uuid_bytes().map(ColumnId::Uuid),
        }
        .ok_or_else(|| Error::invalid("the column of the subject does not hold such ids"))
    }
}

impl SubjectColumn {
    /// What the column of a row holds that a scan met: of text also what no subject of this store has.
    pub(super) fn met(self, subject: &SubjectId) -> Result<ColumnId, Error> {
        match (self, subject.stored_text()) {
            (Self::Text, Some(text)) => Ok(ColumnId::from_text(text)),
            _ => self.value(subject),
        }
    }
}

impl ColumnId {
    pub(super) fn from_text(text: &[u8]) -> Self {
        match core::str::from_utf8(text) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Torn(text.to_vec()),
        }
    }

    pub(super) fn subject(self) -> Result<SubjectId, Error> {
        SubjectId::new(match self {
            Self::Torn(text) => return Ok(SubjectId::as_stored_text(&text)),
            Self::Integer(number) => number.to_id()?,
            Self::Text(text) => text.as_str().to_id()?,
            Self::Uuid(bytes) => Id::from_uuid_bytes(bytes),
        })
    }
}

/// The column of a subject in the order of its bytes, whatever its collation takes for equal.
pub(super) fn ordered_in_sqlite(column: &str, of: SubjectColumn) -> String {
    match of {
        SubjectColumn::Text => format!("{column} COLLATE BINARY"),
        SubjectColumn::Integer | SubjectColumn::Uuid => column.to_owned(),
    }
}

/// A version as databases hold it.
pub(super) fn stored_version(version: u64) -> Result<i64, Error> {
    i64::try_from(version)
        .map_err(|_| Error::new(ErrorKind::Exhausted, "databases hold versions up to 2^63-1"))
}

/// What a column of text holds, as an envelope. What is none is taken as it is, and shows when it is
/// used: it must not keep the others from being read.
pub(super) fn envelope_of(text: &str) -> KeyEnvelope {
    KeyEnvelope::from_text(text).unwrap_or_else(|_| KeyEnvelope::from_bytes(text))
}

/// Another tenant's envelope for a column that holds one tenant's.
#[cold]
pub(super) fn other_tenant() -> Error {
    Error::declaration("this column holds the envelopes of another tenant")
}

#[cold]
pub(super) fn other_type() -> Error {
    Error::malformed("the column of the subject holds another type than was said")
}

/// `[ED-1]` There is one envelope a subject.
#[cold]
pub(super) fn several_rows_of(shown: &[u8]) -> Error {
    let shown = String::from_utf8_lossy(shown).replace(char::is_control, "\u{FFFD}");
    Error::declaration(format!(
        "several rows of the table are of the subject {shown}: an envelope is kept in one place, so the column of the subject must be unique"
    ))
}

/// `[ED-1]` There is one envelope a subject.
#[cold]
pub(super) fn several_rows() -> Error {
    Error::declaration(
        "several rows of the table are this subject's: an envelope is kept in one place, so the column of the subject must be unique",
    )
}

/// Compares what is stored after a save with what was saved. A database can accept a change and keep the
/// former value all the same, as a trigger or a rule of its table says; a receipt would then be believed while
/// the person stays readable. `later` is for a save outside of any transaction, where another's change may
/// have followed: only a holder of the ring makes a later version, and it makes it from this one.
pub(super) fn check_kept(
    stored: Option<&KeyEnvelope>,
    saved: &KeyEnvelope,
    later: bool,
) -> Result<(), Error> {
    let version = saved.version()?;
    let is_kept = stored.is_some_and(|stored| {
        stored == saved || (later && stored.version().is_ok_and(|other| other > version))
    });
    if is_kept { Ok(()) } else { Err(not_kept(version)) }
}

/// SQLite keeps any bytes as text. A scan cannot go on behind such a row.
#[cold]
pub(super) fn tenant_not_utf8(tenant: &[u8]) -> Error {
    let hex = to_hex(tenant.get(..128).unwrap_or(tenant));
    Error::malformed(format!(
        "table `fieldseal_keys` has rows of the tenant CAST(X'{hex}' AS TEXT), which is not UTF-8: look how they came there, and remove them"
    ))
}

#[cold]
fn not_kept(version: u64) -> Error {
    Error::new(
        ErrorKind::Io,
        format!(
            "the database accepted version {version} of the key envelope but does not hold it: a trigger or a rule of the table undoes the change; remove it, then make the change again"
        ),
    )
}

/// What compares as equal is not the same id, as where a collation ignores case.
#[cold]
pub(super) fn other_subject() -> Error {
    Error::declaration(
        "the column of the subject takes another's id for this one: give it a collation that tells all ids apart",
    )
}

/// What the texts of errors call it.
pub(super) const WHAT: &str = "the key store's database";

//! Key envelopes in SQLite, through rusqlite: in a table of their own, or in a column of the
//! application's.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{KeyStore, StoredEnvelope, SubjectColumn, conflict};
use crate::context::{Id, SubjectId, ToId, check_tenant};
use crate::envelope::KeyEnvelope;
use crate::error::{Error, ErrorKind};

/// Key envelopes in SQLite. A `rusqlite::Transaction` is a connection too, so every call can be made
/// inside the caller's own.
///
/// ```
/// use fieldseal::{Class, DataKeys, KeyRing, KeyStore, SqliteKeyStore};
///
/// let ring = KeyRing::generate()?;
/// let mut db = rusqlite::Connection::open_in_memory().unwrap();
/// let store = SqliteKeyStore::new();
/// store.migrate(&db)?;
///
/// let transaction = db.transaction().unwrap();
/// let keys = DataKeys::create(&ring, 42, &[Class::PERSONAL])?;
/// store.save(&transaction, "", 42, keys.envelope())?; // and the rows that it belongs to
/// transaction.commit().unwrap();
/// assert!(store.load(&db, "", 42)?.is_some());
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteKeyStore(Place);

#[derive(Clone, Debug)]
enum Place {
    /// `fieldseal_keys`.
    Own,
    /// A column of the application's table.
    Inline { table: String, subject: String, of: SubjectColumn, keys: String, tenant: String },
}

impl SqliteKeyStore {
    /// The table `fieldseal_keys`, which [`migrate`](Self::migrate) makes.
    pub fn new() -> Self {
        Self(Place::Own)
    }

    /// A column of the application's own table, of rows that are there already: the table, the column
    /// of the subject and what it holds, and the column of the envelope. All of it is one tenant's,
    /// the empty one unless said by [`tenant`](Self::tenant).
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for an empty name, and one with a zero byte.
    pub fn inline(
        table: &str,
        (subject, of): (&str, SubjectColumn),
        keys: &str,
    ) -> Result<Self, Error> {
        Ok(Self(Place::Inline {
            table: quoted(table)?,
            subject: quoted(subject)?,
            of,
            keys: quoted(keys)?,
            tenant: String::new(),
        }))
    }

    /// Whose the rows of an [inline](Self::inline) column are.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a tenant over 64 bytes, and for a table of
    /// envelopes, which holds many.
    pub fn tenant(mut self, of: &str) -> Result<Self, Error> {
        match &mut self.0 {
            Place::Own => {
                Err(Error::invalid("the table of envelopes holds every tenant's: name none"))
            }
            Place::Inline { tenant, .. } => {
                *tenant = check_tenant(of)?.to_owned();
                Ok(self)
            }
        }
    }

    /// Makes the table, if it is not there. There is nothing to make for an inline column.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io) when the database refuses.
    pub fn migrate(&self, on: &Connection) -> Result<(), Error> {
        match self.0 {
            Place::Own => on.execute_batch(Self::SCHEMA).map_err(|error| failed(&error)),
            Place::Inline { .. } => Ok(()),
        }
    }

    /// What [`migrate`](Self::migrate) runs, for those who keep their migrations themselves.
    pub const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS fieldseal_keys (
    tenant TEXT NOT NULL,
    subject BLOB NOT NULL,
    version INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    PRIMARY KEY (tenant, subject)
) STRICT, WITHOUT ROWID;";
}

impl Default for SqliteKeyStore {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyStore for SqliteKeyStore {
    type Connection = Connection;

    fn load(
        &self,
        on: &Connection,
        tenant: &str,
        subject: impl ToId,
    ) -> Result<Option<KeyEnvelope>, Error> {
        let subject = SubjectId::new(subject)?;
        check_tenant(tenant)?;
        let found = match &self.0 {
            Place::Own => on
                .prepare_cached(
                    "SELECT envelope FROM fieldseal_keys WHERE tenant = ? AND subject = ?",
                )
                .and_then(|mut statement| {
                    statement
                        .query_row(params![tenant, subject.as_bytes()], |row| row.get(0))
                        .optional()
                }),
            Place::Inline { table, subject: column, of, keys, tenant: own } => {
                if tenant != own {
                    return Ok(None);
                }
                let rows = on
                    .prepare_cached(&format!(
                        "SELECT {keys} FROM {table} WHERE {column} = ? LIMIT 2"
                    ))
                    .and_then(|mut statement| {
                        let rows = statement.query_map([of.value(&subject)?], |row| row.get(0))?;
                        rows.collect::<Result<Vec<Option<KeyEnvelope>>, _>>()
                    });
                match rows.map_err(|error| failed(&error))?.as_mut_slice() {
                    [] => Ok(None),
                    [one] => Ok(one.take()),
                    _ => return Err(several_rows()),
                }
            }
        };
        found.map_err(|error| failed(&error))
    }

    fn save(
        &self,
        on: &Connection,
        tenant: &str,
        subject: impl ToId,
        envelope: &KeyEnvelope,
    ) -> Result<(), Error> {
        let subject = SubjectId::new(subject)?;
        check_tenant(tenant)?;
        let version = envelope.version()?;
        let rows = match &self.0 {
            Place::Own => {
                let stored = i64::try_from(version).map_err(|_| {
                    Error::new(ErrorKind::Exhausted, "SQLite holds versions up to 2^63-1")
                })?;
                let bytes = envelope.as_bytes();
                if version == 1 {
                    on.prepare_cached(
                        "INSERT INTO fieldseal_keys (tenant, subject, version, envelope)
                         VALUES (?, ?, 1, ?) ON CONFLICT DO NOTHING",
                    )
                    .and_then(|mut statement| {
                        statement.execute(params![tenant, subject.as_bytes(), bytes])
                    })
                } else {
                    on.prepare_cached(
                        "UPDATE fieldseal_keys SET version = ?3, envelope = ?4
                         WHERE tenant = ?1 AND subject = ?2 AND version = ?3 - 1",
                    )
                    .and_then(|mut statement| {
                        statement.execute(params![tenant, subject.as_bytes(), stored, bytes])
                    })
                }
            }
            Place::Inline { table, subject: column, of, keys, tenant: own } => {
                if tenant != own {
                    return Err(Error::invalid(
                        "this column holds the envelopes of another tenant",
                    ));
                }
                // What is there now decides, and must still be there when it is replaced. That it is
                // in one row was seen.
                let stored = self.load(on, tenant, &subject)?;
                let before = stored.as_ref().map(KeyEnvelope::version).transpose()?;
                if before.unwrap_or_default().checked_add(1) != Some(version) {
                    return Err(conflict(version));
                }
                on.prepare_cached(&format!(
                    "UPDATE {table} SET {keys} = ?1 WHERE {column} = ?2 AND {keys} IS ?3"
                ))
                .and_then(|mut statement| {
                    statement.execute(params![envelope, of.value(&subject)?, stored])
                })
            }
        };
        match rows.map_err(|error| failed(&error))? {
            0 => Err(conflict(version)),
            1 => Ok(()),
            _ => Err(several_rows()),
        }
    }

    fn scan(
        &self,
        on: &Connection,
        after: Option<&StoredEnvelope>,
        limit: usize,
    ) -> Result<Vec<StoredEnvelope>, Error> {
        let limit = Value::from(i64::try_from(limit).unwrap_or(i64::MAX));
        let (sql, values) = match (&self.0, after) {
            (Place::Own, _) => {
                // Before the first: no subject is empty.
                let tenant = after.map_or("", |last| &last.tenant);
                let subject = after.map_or(&[][..], |last| last.subject.as_bytes());
                (
                    "SELECT tenant, subject, envelope FROM fieldseal_keys
                     WHERE (tenant, subject) > (?2, ?3) ORDER BY tenant, subject LIMIT ?1"
                        .to_owned(),
                    alloc::vec![limit, tenant.to_owned().into(), subject.to_vec().into()],
                )
            }
            (Place::Inline { table, subject, of, keys, .. }, after) => {
                let behind =
                    if after.is_some() { format!("AND {subject} > ?2") } else { String::new() };
                let last = after.map(|last| of.value(&last.subject)).transpose();
                let last = last.map_err(|error| failed(&error))?;
                (
                    format!(
                        "SELECT NULL, {subject}, {keys} FROM {table}
                         WHERE {keys} IS NOT NULL {behind} ORDER BY {subject} LIMIT ?1"
                    ),
                    [limit].into_iter().chain(last).collect(),
                )
            }
        };
        let rows = on.prepare_cached(&sql).and_then(|mut statement| {
            let rows =
                statement.query_map(rusqlite::params_from_iter(values), |row| self.stored(row))?;
            rows.collect::<Result<Vec<_>, _>>()
        });
        rows.map_err(|error| failed(&error))?.into_iter().collect()
    }
}

impl SqliteKeyStore {
    /// One row of a scan. What the database says wrong is an error of its own.
    fn stored(&self, row: &Row<'_>) -> rusqlite::Result<Result<StoredEnvelope, Error>> {
        let envelope = row.get(2)?;
        let (tenant, id) = match &self.0 {
            Place::Own => {
                let subject: Vec<u8> = row.get(1)?;
                (row.get(0)?, Id::from_encoded(&subject))
            }
            Place::Inline { of, tenant, .. } => (tenant.clone(), of.id(row.get_ref(1)?)),
        };
        Ok(id.and_then(SubjectId::new).map(|subject| StoredEnvelope { tenant, subject, envelope }))
    }
}

impl SubjectColumn {
    /// The subject as the column holds it.
    fn value(self, subject: &SubjectId) -> rusqlite::Result<Value> {
        let wrong = || {
            let error = Error::invalid("the column of the subject does not hold such ids");
            rusqlite::Error::ToSqlConversionFailure(alloc::boxed::Box::new(error))
        };
        let (kind, body) = subject.as_bytes().split_first().ok_or_else(wrong)?;
        let number = || body.try_into().map(i64::from_be_bytes).ok();
        match (self, kind) {
            (Self::Integer, 0x01) => number().filter(|number| *number >= 0).map(Value::Integer),
            (Self::Integer, 0x05) => number().map(Value::Integer),
            (Self::Text, 0x02) => {
                core::str::from_utf8(body).ok().map(|text| Value::from(text.to_string()))
            }
            (Self::Uuid, 0x03) => Some(Value::Blob(body.to_vec())),
            _ => None,
        }
        .ok_or_else(wrong)
    }

    fn id(self, value: ValueRef<'_>) -> Result<Id, Error> {
        match (self, value) {
            (Self::Integer, ValueRef::Integer(number)) => number.to_id(),
            (Self::Text, ValueRef::Text(text)) => core::str::from_utf8(text)
                .map_err(|_| Error::malformed("the column of the subject holds no UTF-8"))?
                .to_id(),
            (Self::Uuid, ValueRef::Blob(bytes)) => bytes
                .try_into()
                .map(Id::from_uuid_bytes)
                .map_err(|_| Error::malformed("the column of the subject holds no UUID")),
            _ => {
                Err(Error::malformed("the column of the subject holds another type than was said"))
            }
        }
    }
}

/// A name of SQL, quoted.
fn quoted(name: &str) -> Result<String, Error> {
    if name.is_empty() || name.contains('\0') {
        return Err(Error::invalid("the name of a table or column is not empty"));
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// `[ED-1]` There is one envelope a subject.
#[cold]
fn several_rows() -> Error {
    Error::invalid(
        "several rows of the table are this subject's: an envelope is kept in one place, so the column of the subject must be unique",
    )
}

#[cold]
fn failed(error: &rusqlite::Error) -> Error {
    Error::new(ErrorKind::Io, format!("the key store's database answers: {error}"))
}

//! Key envelopes in SQLite, through rusqlite: in a table of their own, or in a column of the
//! application's.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::place::{
    self, Column, ColumnId, Place, check_kept, envelope_of, ordered_in_sqlite, other_subject,
    other_tenant, other_type, several_rows, several_rows_of, stored_version, tenant_not_utf8,
};
use super::sight::{self, names_subject_in_sqlite};
use super::{
    KeyStore, ResealEntry, StoredEnvelope, StoredTable, SubjectColumn, check_class, not_stored,
    replaced_meanwhile,
};
use crate::context::{SubjectId, ToId, check_tenant};
use crate::envelope::KeyEnvelope;
use crate::error::Error;
use crate::store::answer;

/// Key envelopes in SQLite. A `rusqlite::Transaction` is a connection too, so every call can be made
/// inside the caller's own.
///
/// ```
/// use fieldseal::store::SqliteKeyStore;
/// use fieldseal::{Class, DataKeys, KeyRing, KeyStore};
///
/// let ring = KeyRing::generate()?;
/// let mut db = rusqlite::Connection::open_in_memory().unwrap();
/// let store = SqliteKeyStore::new();
/// store.migrate(&db)?;
///
/// let transaction = db.transaction().unwrap();
/// let keys = DataKeys::create(&ring, 42, Class::PERSONAL)?;
/// store.save(&transaction, &keys)?; // and the rows that it belongs to
/// transaction.commit().unwrap();
/// assert!(store.load(&db, "", 42)?.is_some());
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteKeyStore(Place);

impl SqliteKeyStore {
    /// The table `fieldseal_keys`, which [`migrate`](Self::migrate) makes.
    pub fn new() -> Self {
        Self(Place::Own)
    }

    /// A column of the application's own table, of rows that are there already: the table, the column
    /// of the subject and what it holds, and the column of the envelope, which holds bytes unless said by
    /// [`text`](Self::text). All of it is one tenant's, the empty one unless said by
    /// [`tenant`](Self::tenant).
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an empty name, and one with a zero byte.
    pub fn inline(table: &str, subject: (&str, SubjectColumn), keys: &str) -> Result<Self, Error> {
        Place::inline(table, subject, keys).map(Self)
    }

    /// Whose the rows of an [inline](Self::inline) column are.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a tenant over 64 bytes, and for a table of
    /// envelopes, which holds many.
    pub fn tenant(mut self, of: &str) -> Result<Self, Error> {
        self.0.set_tenant(of).map(|()| self)
    }

    /// The [inline](Self::inline) column holds the text form, `fs1.…`, in place of bytes.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a table of envelopes, which holds bytes.
    pub fn text(mut self) -> Result<Self, Error> {
        self.0.set_text().map(|()| self)
    }

    /// Makes the tables that are not there: for envelopes, unless they stand in an inline column, and
    /// for the queue of what is to be resealed.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the database refuses.
    pub fn migrate(&self, on: &Connection) -> Result<(), Error> {
        if matches!(self.0, Place::Own) {
            on.execute_batch(Self::SCHEMA).map_err(|error| failed(&error))?;
        }
        on.execute_batch(Self::QUEUE_SCHEMA).map_err(|error| failed(&error))
    }

    /// The table of envelopes as [`migrate`](Self::migrate) makes it, for those who keep their
    /// migrations themselves.
    pub const SCHEMA: &str = place::SQLITE_SCHEMA;

    /// The table of what is to be resealed, which inline columns need too.
    pub const QUEUE_SCHEMA: &str = place::SQLITE_QUEUE_SCHEMA;
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
        let column = match &self.0 {
            Place::Own => {
                let sql = "SELECT envelope FROM fieldseal_keys WHERE tenant = ? AND subject = ?";
                let found = on.prepare_cached(sql).and_then(|mut statement| {
                    statement
                        .query_row(params![tenant, subject.as_bytes()], |row| row.get(0))
                        .optional()
                });
                return found.map_err(|error| failed(&error));
            }
            Place::Inline(column) if tenant != column.tenant => return Ok(None),
            Place::Inline(column) => column,
        };
        Ok(cell(on, column, &subject)?.as_ref().map(|cell| envelope(cell.into())))
    }

    fn has_place(&self, on: &Connection, tenant: &str, subject: &SubjectId) -> Result<bool, Error> {
        let Place::Inline(Column { table, subject: id, of, tenant: own, .. }) = &self.0 else {
            return Ok(true);
        };
        if tenant != own {
            return Err(other_tenant());
        }
        let value = Value::from(of.value(subject)?);
        on.prepare_cached(&format!("SELECT 1 FROM {table} WHERE {id} = ?"))
            .and_then(|mut statement| statement.exists([value]))
            .map_err(|error| failed(&error))
    }

    fn save_unchecked_and_queue(
        &self,
        on: &Connection,
        tenant: &str,
        subject: impl ToId,
        envelope: &KeyEnvelope,
        reseal: &[(String, u16)],
    ) -> Result<(), Error> {
        let subject = SubjectId::new(subject)?;
        check_tenant(tenant)?;
        // The queue first: so the lock is taken before anything is read.
        both(on, || {
            for (class, generation) in reseal {
                self.queue_reseal(on, tenant, &subject, class, *generation)?;
            }
            self.store(on, tenant, &subject, envelope)?;
            check_kept(self.load(on, tenant, &subject)?.as_ref(), envelope, false)
        })
    }

    fn replace_damaged(
        &self,
        on: &Connection,
        tenant: &str,
        subject: &SubjectId,
        damaged: &KeyEnvelope,
        mark: &KeyEnvelope,
    ) -> Result<(), Error> {
        check_tenant(tenant)?;
        both(on, || {
            let rows = match &self.0 {
                Place::Own => on.execute(
                    "UPDATE fieldseal_keys SET version = ?, envelope = ?
                     WHERE tenant = ? AND subject = ? AND CAST(envelope AS BLOB) = ?",
                    params![
                        stored_version(mark.version()?)?,
                        mark.as_bytes(),
                        tenant,
                        subject.as_bytes(),
                        damaged.as_bytes()
                    ],
                ),
                Place::Inline(Column { tenant: own, .. }) if tenant != own => {
                    return Err(other_tenant());
                }
                Place::Inline(column) => {
                    let stored = cell(on, column, subject)?;
                    let is_it = |cell: &Value| envelope(cell.into()) == *damaged;
                    let Some(stored) = stored.filter(is_it) else {
                        return Err(replaced_meanwhile());
                    };
                    self.put(on, column, subject, mark, Some(stored))?
                }
            };
            match rows.map_err(|error| failed(&error))? {
                0 => Err(replaced_meanwhile()),
                1 => check_kept(self.load(on, tenant, subject)?.as_ref(), mark, false),
                _ => Err(several_rows()),
            }
        })
    }

    fn check_sees_all(&self, on: &Connection) -> Result<(), Error> {
        check_table(on, self.0.names())?;
        let Place::Inline(column) = &self.0 else { return Ok(()) };
        let Column { subject, of, .. } = column;
        let named = names_subject_in_sqlite(subject, *of);
        let order = ordered_in_sqlite(subject, *of);
        let sql = sight::several_sql(column, &named, &order, &format!("quote({order})"));
        let several =
            on.query_row(&sql, [], |row| Ok(several_rows_of(row.get_ref(0)?.as_bytes()?)));
        several.optional().map_err(|error| failed(&error))?.map_or(Ok(()), Err)
    }

    fn check_is_committed(&self, on: &Connection) -> Result<(), Error> {
        if on.is_autocommit() { Ok(()) } else { Err(sight::uncommitted(self.0.names().0)) }
    }

    fn tables(&self, on: &Connection) -> Result<Vec<StoredTable>, Error> {
        let (table, _) = self.0.names();
        Ok(sight::named_in_sqlite(table, of_name(on, table)?))
    }

    fn count_unnamed(&self, on: &Connection) -> Result<u64, Error> {
        let sql = match &self.0 {
            // Before the first of a scan.
            Place::Own => {
                "SELECT count(*) FROM fieldseal_keys WHERE tenant = '' AND length(subject) = 0"
                    .to_owned()
            }
            Place::Inline(column) => {
                sight::unnamed_sql(column, &names_subject_in_sqlite(&column.subject, column.of))
            }
        };
        let count: i64 =
            on.query_row(&sql, [], |row| row.get(0)).map_err(|error| failed(&error))?;
        Ok(u64::try_from(count).unwrap_or_default())
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
            (Place::Inline(Column { table, subject, of, keys, .. }), after) => {
                let order = ordered_in_sqlite(subject, *of);
                let named = names_subject_in_sqlite(subject, *of);
                let behind = match (after, of) {
                    (None, _) => String::new(),
                    // It is bytes where it is not UTF-8.
                    (Some(_), SubjectColumn::Text) => format!("AND {order} > CAST(?2 AS TEXT)"),
                    (Some(_), _) => format!("AND {order} > ?2"),
                };
                let last = after.map(|last| of.met(&last.subject)).transpose()?.map(Value::from);
                (
                    format!(
                        "SELECT NULL, {subject}, {keys} FROM {table}
                         WHERE {keys} IS NOT NULL AND {named} {behind} ORDER BY {order} LIMIT ?1"
                    ),
                    [limit].into_iter().chain(last).collect(),
                )
            }
        };
        let rows = on.prepare_cached(&sql).and_then(|mut statement| {
            let rows = statement.query_map(params_from_iter(values), |row| self.stored(row))?;
            rows.collect::<Result<Vec<_>, _>>()
        });
        let page = rows.map_err(|error| failed(&error))?.into_iter();
        let page = page.collect::<Result<Vec<StoredEnvelope>, _>>()?;
        // Bytes are text in the encoding of the database, and what was read is in UTF-8.
        if page.iter().any(|one| one.subject.stored_text().is_some() && !one.subject.is_id()) {
            let encoding = on.query_row("PRAGMA encoding", [], |row| row.get::<_, String>(0));
            if encoding.map_err(|error| failed(&error))? != "UTF-8" {
                return Err(Error::malformed("the column of the subject holds no UTF-8"));
            }
        }
        Ok(page)
    }

    fn queue_reseal(
        &self,
        on: &Connection,
        tenant: &str,
        subject: impl ToId,
        class: &str,
        generation: u16,
    ) -> Result<(), Error> {
        let subject = SubjectId::new(subject)?;
        check_class(class)?;
        let tenant = check_tenant(tenant)?;
        if self.0.tenant().is_some_and(|own| own != tenant) {
            return Err(other_tenant());
        }
        on.prepare_cached(
            "INSERT INTO fieldseal_reseal (tenant, subject, class, generation) VALUES (?, ?, ?, ?)
             ON CONFLICT (tenant, subject, class) DO UPDATE SET generation = excluded.generation
             WHERE excluded.generation > fieldseal_reseal.generation",
        )
        .and_then(|mut statement| {
            statement.execute(params![tenant, subject.as_bytes(), class, generation])
        })
        .map(drop)
        .map_err(|error| failed(&error))
    }

    fn reseal_queue(
        &self,
        on: &Connection,
        after: Option<&ResealEntry>,
        limit: usize,
    ) -> Result<Vec<ResealEntry>, Error> {
        check_table(on, sight::QUEUE)?;
        let (tenant, subject, class) = after
            .map_or(("", &[][..], ""), |last| (&last.tenant, last.subject.as_bytes(), &last.class));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = on
            .prepare_cached(
                "SELECT tenant, subject, class, generation FROM fieldseal_reseal
                 WHERE (tenant, subject, class) > (?1, ?2, ?3) AND (?4 IS NULL OR tenant = ?4)
                 ORDER BY tenant, subject, class LIMIT ?5",
            )
            .and_then(|mut statement| {
                let of = self.0.tenant();
                let rows =
                    statement.query_map(params![tenant, subject, class, of, limit], |row| {
                        let (tenant, subject): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
                        let (class, generation) = (row.get(2)?, row.get(3)?);
                        let subject = SubjectId::as_stored(&subject);
                        Ok(ResealEntry { tenant, subject, class, generation })
                    })?;
                rows.collect::<Result<Vec<_>, _>>()
            });
        rows.map_err(|error| failed(&error))
    }

    fn resealed(&self, on: &Connection, done: &ResealEntry) -> Result<(), Error> {
        on.prepare_cached(
            "DELETE FROM fieldseal_reseal
             WHERE tenant = ? AND subject = ? AND class = ? AND generation = ?",
        )
        .and_then(|mut statement| {
            let ResealEntry { tenant, subject, class, generation } = done;
            statement.execute(params![tenant, subject.as_bytes(), class, generation])
        })
        .map(drop)
        .map_err(|error| failed(&error))
    }
}

impl SqliteKeyStore {
    fn store(
        &self,
        on: &Connection,
        tenant: &str,
        subject: &SubjectId,
        envelope_to_store: &KeyEnvelope,
    ) -> Result<(), Error> {
        let version = envelope_to_store.version()?;
        let rows = match &self.0 {
            Place::Own => {
                let (stored, bytes) = (stored_version(version)?, envelope_to_store.as_bytes());
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
            Place::Inline(Column { tenant: own, .. }) if tenant != own => {
                return Err(other_tenant());
            }
            Place::Inline(column) => {
                // What is there now decides, and must still be there when it is replaced. That it is
                // in one row was seen.
                let stored = cell(on, column, subject)?;
                let before = stored.as_ref().map(|cell| envelope(cell.into()).version());
                if before.transpose()?.unwrap_or_default().checked_add(1) != Some(version) {
                    return Err(self.not_stored(on, tenant, subject, version)?);
                }
                self.put(on, column, subject, envelope_to_store, stored)?
            }
        };
        match rows.map_err(|error| failed(&error))? {
            0 => Err(self.not_stored(on, tenant, subject, version)?),
            1 => Ok(()),
            _ => Err(several_rows()),
        }
    }

    /// Puts an envelope in the place of what a column holds. How many rows were changed.
    fn put(
        &self,
        on: &Connection,
        column: &Column,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
        stored: Option<Value>,
    ) -> Result<rusqlite::Result<usize>, Error> {
        // What is there as text stays text, also for one who did not know it.
        let new = if column.text || matches!(stored, Some(Value::Text(_))) {
            Value::Text(envelope.to_text())
        } else {
            Value::Blob(envelope.as_bytes().to_vec())
        };
        let Column { table, subject: id, of, keys, set, .. } = column;
        let value = Value::from(of.value(subject)?);
        Ok(on
            .prepare_cached(&format!(
                "UPDATE {table} SET {set} = ?1 WHERE {id} = ?2 AND {keys} IS ?3"
            ))
            .and_then(|mut statement| statement.execute(params![new, value, stored])))
    }

    fn not_stored(
        &self,
        on: &Connection,
        tenant: &str,
        subject: &SubjectId,
        version: u64,
    ) -> Result<Error, Error> {
        let stored = self.load(on, tenant, subject)?;
        let has_place = stored.is_some() || self.has_place(on, tenant, subject)?;
        Ok(not_stored(version, stored.as_ref(), has_place))
    }

    /// One row of a scan. What the database says wrong is an error of its own.
    fn stored(&self, row: &Row<'_>) -> rusqlite::Result<Result<StoredEnvelope, Error>> {
        let envelope = envelope(row.get_ref(2)?);
        let (tenant, subject) = match &self.0 {
            Place::Own => {
                let subject: Vec<u8> = row.get(1)?;
                let tenant = row.get_ref(0)?.as_bytes()?;
                let Ok(tenant) = core::str::from_utf8(tenant) else {
                    return Ok(Err(tenant_not_utf8(tenant)));
                };
                let tenant = tenant.to_owned();
                (tenant, Ok(SubjectId::as_stored(&subject)))
            }
            Place::Inline(Column { of, tenant, .. }) => {
                (tenant.clone(), column_id(*of, row.get_ref(1)?).and_then(ColumnId::subject))
            }
        };
        Ok(subject.map(|subject| StoredEnvelope { tenant, subject, envelope }))
    }
}

/// Runs several statements, and undoes them all when one fails, inside the caller's transaction or out
/// of any.
pub(in crate::store) fn both(
    on: &Connection,
    run: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let batch = |sql| on.execute_batch(sql).map_err(|error| failed(&error));
    // Out of any it is a transaction: to release the outermost savepoint is to commit, and where a reader
    // keeps that from being done, it keeps the savepoint from being released after a rollback too.
    let (begin, commit, undo) = if on.is_autocommit() {
        ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
    } else {
        (
            "SAVEPOINT fieldseal_save",
            "RELEASE fieldseal_save",
            "ROLLBACK TO fieldseal_save; RELEASE fieldseal_save",
        )
    };
    batch(begin)?;
    let result = run().and_then(|()| batch(commit));
    if result.is_err() {
        // Where this fails, the database has undone the whole transaction itself.
        let _ = batch(undo);
    }
    result
}

/// Whether all of the table of this name and column is seen, and the last that was stored.
fn check_table(on: &Connection, names: (&str, &str)) -> Result<(), Error> {
    sight::check_in_sqlite(names.0, &of_name(on, names.0)?)?;
    // A statement that is not at its end reads as a transaction does.
    if on.is_autocommit() && !on.is_busy() {
        return Ok(());
    }
    let locked = on.execute(&sight::lock_in_sqlite(names)?, []);
    locked.map(drop).map_err(|error| sight::not_locked(names.0, failed(&error)))
}

fn of_name(on: &Connection, table: &str) -> Result<Vec<sight::InSqlite>, Error> {
    let databases = on.prepare(sight::SQLITE_DATABASES).and_then(|mut statement| {
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<Vec<_>, _>>()
    });
    let sql = sight::tables_in_sqlite(&databases.map_err(|error| failed(&error))?)?;
    let found = on.prepare(&sql).and_then(|mut statement| {
        let rows =
            statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect()
    });
    found.map_err(|error| failed(&error))
}

impl From<ColumnId> for Value {
    fn from(id: ColumnId) -> Self {
        match id {
            ColumnId::Integer(number) => Self::Integer(number),
            ColumnId::Text(text) => Self::Text(text),
            ColumnId::Torn(text) => Self::Blob(text),
            ColumnId::Uuid(bytes) => Self::Blob(bytes.to_vec()),
        }
    }
}

/// What stands in the one row of a subject, if there is a row and it is not NULL.
fn cell(on: &Connection, column: &Column, subject: &SubjectId) -> Result<Option<Value>, Error> {
    let Column { table, subject: id, keys, of, .. } = column;
    let value = Value::from(of.value(subject)?);
    let rows = on
        .prepare_cached(&format!("SELECT {id}, {keys} FROM {table} WHERE {id} = ? LIMIT 2"))
        .and_then(|mut statement| {
            let rows = statement.query_map([value], |row| {
                let id = column_id(*of, row.get_ref(0)?).and_then(ColumnId::subject);
                Ok((id, row.get(1)?))
            })?;
            rows.collect::<Result<Vec<(_, Option<Value>)>, _>>()
        });
    let mut rows = rows.map_err(|error| failed(&error))?.into_iter();
    match (rows.next(), rows.next()) {
        (None, _) => Ok(None),
        (Some((id, cell)), None) => {
            if id? == *subject {
                Ok(cell)
            } else {
                Err(other_subject())
            }
        }
        _ => Err(several_rows()),
    }
}

/// SQLite has columns that hold anything. What is no envelope shows when it is used.
fn envelope(value: ValueRef<'_>) -> KeyEnvelope {
    match value {
        ValueRef::Blob(bytes) => KeyEnvelope::from_bytes(bytes),
        ValueRef::Text(text) => match core::str::from_utf8(text) {
            Ok(text) => envelope_of(text),
            Err(_) => KeyEnvelope::from_bytes(text),
        },
        _ => KeyEnvelope::from_bytes([]),
    }
}

#[cold]
fn failed(error: &rusqlite::Error) -> Error {
    answer::rusqlite(place::WHAT, error)
}

fn column_id(of: SubjectColumn, value: ValueRef<'_>) -> Result<ColumnId, Error> {
    match (of, value) {
        (SubjectColumn::Integer, ValueRef::Integer(number)) => Ok(ColumnId::Integer(number)),
        (SubjectColumn::Text, ValueRef::Text(text)) => Ok(ColumnId::from_text(text)),
        (SubjectColumn::Uuid, ValueRef::Blob(bytes)) => bytes
            .try_into()
            .map(ColumnId::Uuid)
            .map_err(|_| Error::malformed("the column of the subject holds no UUID")),
        _ => Err(other_type()),
    }
}

//! The driver of rusqlite: binds values, reads rows, and runs statements on a connection that waits.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::pin;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Row, ToSql};

use super::place::{self, Place, other_type};
use super::sql::driver::{SqlAnswer, SqlQuestion};
use super::sql::{AskSql, Cell, Kind, SqlStore, Statement};
use super::{ChangedEnvelope, KeyStore, ResealEntry, StoredEnvelope, StoredTable, SubjectColumn};
use crate::context::{SubjectId, ToId};
use crate::envelope::KeyEnvelope;
use crate::error::Error;
use crate::store::answer;
use crate::store::machine::Step;
use crate::store::search::SqlDialect;

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
pub struct SqliteKeyStore(SqlStore);

impl SqliteKeyStore {
    /// The table `fieldseal_keys`, which [`migrate`](Self::migrate) makes.
    pub fn new() -> Self {
        Self(SqlStore::new(SqlDialect::Sqlite, true))
    }

    /// A column of the application's own table, of rows that are there already: the table, the column
    /// of the subject and what it holds, and the column of the envelope, which holds bytes unless said by
    /// [`text`](Self::text). All of it is one tenant's, the empty one unless said by
    /// [`tenant`](Self::tenant).
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) for an empty name, and one with a zero byte.
    pub fn inline(table: &str, subject: (&str, SubjectColumn), keys: &str) -> Result<Self, Error> {
        let place = Place::inline(table, subject, keys)?;
        Ok(Self(SqlStore { place, ..SqlStore::new(SqlDialect::Sqlite, true) }))
    }

    /// Whose the rows of an [inline](Self::inline) column are.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a tenant over 64 bytes;
    /// [`Declaration`](crate::ErrorKind::Declaration) for a table of envelopes, which holds many.
    pub fn tenant(mut self, of: &str) -> Result<Self, Error> {
        self.0.place.set_tenant(of).map(|()| self)
    }

    /// The [inline](Self::inline) column holds the text form, `fs1.…`, in place of bytes.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) for a table of envelopes, which holds bytes.
    pub fn text(mut self) -> Result<Self, Error> {
        self.0.place.set_text().map(|()| self)
    }

    /// Makes the tables that are not there: for envelopes, unless they stand in an inline column, and
    /// for the queue of what is to be resealed.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the database refuses.
    pub fn migrate(&self, on: &Connection) -> Result<(), Error> {
        if matches!(self.0.place, Place::Own) {
            on.execute_batch(Self::SCHEMA).map_err(failed)?;
        }
        on.execute_batch(Self::QUEUE_SCHEMA).map_err(failed)
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

/// Each call is an algorithm over SQL, and this loop.
macro_rules! run {
    ($on:ident, |$ask:ident| $algorithm:expr) => {{
        let $ask = AskSql::new();
        drive($on, &$ask, $algorithm)
    }};
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
        run!(on, |ask| self.0.load(&ask, tenant, &subject, false))
    }

    fn has_place(&self, on: &Connection, tenant: &str, subject: &SubjectId) -> Result<bool, Error> {
        run!(on, |ask| self.0.has_place(&ask, tenant, subject))
    }

    fn load_many(
        &self,
        on: &Connection,
        tenant: &str,
        subjects: &[SubjectId],
    ) -> Result<Vec<Option<KeyEnvelope>>, Error> {
        run!(on, |ask| self.0.load_many(&ask, tenant, subjects))
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
        run!(on, |ask| self.0.save(&ask, tenant, &subject, envelope, reseal))
    }

    fn save_page(&self, on: &Connection, page: &[ChangedEnvelope]) -> Result<Vec<bool>, Error> {
        run!(on, |ask| self.0.save_page(&ask, page))
    }

    fn replace_damaged(
        &self,
        on: &Connection,
        tenant: &str,
        subject: &SubjectId,
        damaged: &KeyEnvelope,
        mark: &KeyEnvelope,
    ) -> Result<(), Error> {
        run!(on, |ask| self.0.replace_damaged(&ask, tenant, subject, damaged, mark))
    }

    fn check_sees_all(&self, on: &Connection) -> Result<(), Error> {
        run!(on, |ask| self.0.check_sees_all(&ask))
    }

    fn check_is_committed(&self, on: &Connection) -> Result<(), Error> {
        run!(on, |ask| self.0.check_is_committed(&ask))
    }

    fn tables(&self, on: &Connection) -> Result<Vec<StoredTable>, Error> {
        run!(on, |ask| self.0.tables(&ask))
    }

    fn count_unnamed(&self, on: &Connection) -> Result<u64, Error> {
        run!(on, |ask| self.0.count_unnamed(&ask))
    }

    fn scan(
        &self,
        on: &Connection,
        after: Option<&StoredEnvelope>,
        limit: usize,
    ) -> Result<Vec<StoredEnvelope>, Error> {
        run!(on, |ask| self.0.scan(&ask, after, limit))
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
        run!(on, |ask| self.0.queue(&ask, tenant, &subject, class, generation))
    }

    fn reseal_queue(
        &self,
        on: &Connection,
        after: Option<&ResealEntry>,
        limit: usize,
    ) -> Result<Vec<ResealEntry>, Error> {
        run!(on, |ask| self.0.reseal_queue(&ask, after, limit))
    }

    fn resealed(&self, on: &Connection, done: &ResealEntry) -> Result<(), Error> {
        run!(on, |ask| self.0.resealed(&ask, done))
    }
}

/// Answers what an algorithm asks.
fn drive<T>(
    on: &Connection,
    ask: &AskSql,
    algorithm: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut algorithm = pin!(algorithm);
    let mut begun: Option<Begun<'_>> = None;
    loop {
        let question = match ask.next(algorithm.as_mut())? {
            Step::Done(done) => return Ok(done),
            Step::Ask(question) => question,
        };
        ask.answer(match question {
            SqlQuestion::Fetch(statement) => SqlAnswer::Rows(fetch(on, &statement)),
            SqlQuestion::Execute(statement) => SqlAnswer::Count(execute(on, &statement)),
            SqlQuestion::Begin => {
                SqlAnswer::Done(Begun::new(on).map(|transaction| begun = Some(transaction)))
            }
            SqlQuestion::Commit => SqlAnswer::Done(begun.take().map_or(Ok(()), Begun::commit)),
            SqlQuestion::Rollback => {
                begun = None;
                SqlAnswer::Done(Ok(()))
            }
            SqlQuestion::IsInTransaction | SqlQuestion::HasBegun => {
                SqlAnswer::Is(Ok(!on.is_autocommit()))
            }
            // A statement that is not at its end reads as a transaction does.
            SqlQuestion::KeepsSnapshot => SqlAnswer::Is(Ok(!on.is_autocommit() || on.is_busy())),
        });
    }
}

/// Runs several statements, and undoes them all when one fails, inside the caller's transaction or out
/// of any.
pub(in crate::store) fn both(
    on: &Connection,
    run: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let begun = Begun::new(on)?;
    run()?;
    begun.commit()
}

/// A transaction, or a savepoint inside of one. It is undone unless it is committed.
struct Begun<'c> {
    on: &'c Connection,
    commit: &'static str,
    undo: Option<&'static str>,
}

impl<'c> Begun<'c> {
    fn new(on: &'c Connection) -> Result<Self, Error> {
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
        on.execute_batch(begin).map_err(failed)?;
        Ok(Self { on, commit, undo: Some(undo) })
    }

    fn commit(mut self) -> Result<(), Error> {
        self.on.execute_batch(self.commit).map_err(failed)?;
        self.undo = None;
        Ok(())
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(undo) = self.undo {
            // Where this fails, the database has undone the whole transaction itself.
            let _ = self.on.execute_batch(undo);
        }
    }
}

fn execute(on: &Connection, statement: &Statement) -> Result<u64, Error> {
    let binds = rusqlite::params_from_iter(&statement.binds);
    let rows = on.prepare_cached(&statement.sql).and_then(|mut prepared| prepared.execute(binds));
    rows.map(|rows| rows.try_into().unwrap_or(u64::MAX)).map_err(failed)
}

fn fetch(on: &Connection, statement: &Statement) -> Result<Vec<Vec<Cell>>, Error> {
    let binds = rusqlite::params_from_iter(&statement.binds);
    let rows = on.prepare_cached(&statement.sql).and_then(|mut prepared| {
        let rows = prepared.query_map(binds, |row| read(row, statement.row))?;
        rows.collect::<rusqlite::Result<Result<Vec<_>, Error>>>()
    });
    rows.map_err(failed)?
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Integer(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Bytes(bytes) => bytes.as_slice().into(),
            Self::Uuid(bytes) => bytes.as_slice().into(),
            Self::Integers(_) | Self::Texts(_) | Self::ByteStrings(_) | Self::Uuids(_) => {
                return Err(rusqlite::Error::ToSqlConversionFailure("SQLite has no arrays".into()));
            }
        })
    }
}

/// One row. What is stored wrong is an error of its own, and not one of the database.
fn read(row: &Row<'_>, kinds: &[Kind]) -> rusqlite::Result<Result<Vec<Cell>, Error>> {
    let mut cells = Vec::with_capacity(kinds.len());
    for (position, kind) in kinds.iter().enumerate() {
        match cell(*kind, row.get_ref(position)?) {
            Ok(cell) => cells.push(cell),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(cells))
}

fn cell(kind: Kind, value: ValueRef<'_>) -> Result<Cell, Error> {
    let text = |text: &[u8]| match core::str::from_utf8(text) {
        Ok(text) => Cell::Text(text.to_owned()),
        Err(_) => Cell::Bytes(text.to_vec()),
    };
    match (kind, value) {
        (_, ValueRef::Null) => Ok(Cell::Null),
        (Kind::Integer, ValueRef::Integer(number)) => Ok(Cell::Integer(number)),
        (Kind::Text, ValueRef::Text(bytes)) => match text(bytes) {
            Cell::Text(text) => Ok(Cell::Text(text)),
            _ => Err(Error::malformed("the key store's database holds a text that is not UTF-8")),
        },
        (Kind::TextId | Kind::Envelope, ValueRef::Text(bytes)) => Ok(text(bytes)),
        (Kind::Bytes | Kind::Envelope, ValueRef::Blob(bytes)) => Ok(Cell::Bytes(bytes.to_vec())),
        (Kind::Uuid, ValueRef::Blob(bytes)) => bytes
            .try_into()
            .map(Cell::Uuid)
            .map_err(|_| Error::malformed("the column of the subject holds no UUID")),
        // SQLite has columns that hold anything. What is not an envelope shows when it is used.
        (Kind::Envelope, ValueRef::Integer(number)) => Ok(Cell::Integer(number)),
        (Kind::Envelope, ValueRef::Real(_)) => Ok(Cell::Bytes(Vec::new())),
        _ => Err(other_type()),
    }
}

#[cold]
fn failed(error: rusqlite::Error) -> Error {
    answer::rusqlite(place::WHAT, error)
}

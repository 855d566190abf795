//! Key envelopes in SQLite and PostgreSQL, through sqlx: in a table of their own, or in a column of
//! the application's.

mod dialect;
mod queue;
mod reading;
mod sight;

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use sqlx::Connection as _;

pub use self::dialect::SqlxDatabase;
use self::dialect::{Cell, Kind, Statements, failed};
use super::place::{
    Column, Place, check_kept, other_tenant, other_type, several_rows, stored_version,
};
use super::sight::QUEUE;
use super::{
    AsyncKeyStore, ResealEntry, StoredEnvelope, StoredTable, SubjectColumn, check_class,
    replaced_meanwhile,
};
use crate::context::{SubjectId, ToId, check_tenant};
use crate::envelope::KeyEnvelope;
use crate::error::Error;

/// How many subjects one question asks for.
const MOST_ASKED: usize = 256;

/// Key envelopes in a database of sqlx: `SqlxKeyStore<sqlx::Sqlite>` or `SqlxKeyStore<sqlx::Postgres>`.
///
/// ```
/// use fieldseal::store::SqlxKeyStore;
/// use fieldseal::{AsyncKeyStore, Class, DataKeys, KeyRing};
/// # #[cfg(feature = "sqlx-sqlite")]
/// # async fn sign_up(pool: sqlx::SqlitePool, ring: &KeyRing) -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqlxKeyStore::<sqlx::Sqlite>::new();
/// let mut transaction = pool.begin().await?;
/// let keys = DataKeys::create(ring, 42, Class::PERSONAL)?;
/// store.save(&mut transaction, &keys).await?; // and the rows that it belongs to
/// transaction.commit().await?;
///
/// let mut connection = pool.acquire().await?;
/// assert!(store.load(&mut connection, "", 42).await?.is_some());
/// # Ok(())
/// # }
/// ```
pub struct SqlxKeyStore<DB> {
    place: Place,
    statements: Statements,
    database: PhantomData<fn() -> DB>,
}

impl<DB: SqlxDatabase> SqlxKeyStore<DB> {
    /// The table `fieldseal_keys`, which [`migrate`](Self::migrate) makes.
    pub fn new() -> Self {
        Self { place: Place::Own, statements: Statements::Prepared, database: PhantomData }
    }

    /// A column of the application's own table, of rows that are there already: the table, the column
    /// of the subject and what it holds, and the column of the envelope, which holds bytes unless said by
    /// [`text`](Self::text). All of it is one tenant's, the empty one unless said by
    /// [`tenant`](Self::tenant).
    ///
    /// A table is named without its schema, and found by the connection's search path.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an empty name, and one with a zero byte.
    pub fn inline(table: &str, subject: (&str, SubjectColumn), keys: &str) -> Result<Self, Error> {
        Ok(Self { place: Place::inline(table, subject, keys)?, ..Self::new() })
    }

    /// Whose the rows of an [inline](Self::inline) column are.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a tenant over 64 bytes, and for a table of
    /// envelopes, which holds many.
    pub fn tenant(mut self, of: &str) -> Result<Self, Error> {
        self.place.set_tenant(of).map(|()| self)
    }

    /// The [inline](Self::inline) column holds the text form, `fs1.…`, in place of bytes.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a table of envelopes, which holds bytes.
    pub fn text(mut self) -> Result<Self, Error> {
        self.place.set_text().map(|()| self)
    }

    /// For connections through a pooler that gives each transaction another connection to the server, such as
    /// PgBouncer with `pool_mode = transaction`: statements are not prepared for later calls, and each is
    /// inside a transaction, of its own where the caller has begun none. A caller's transaction that sqlx did not
    /// begin, by a `BEGIN` of its own, is found by asking the server, and stays the caller's to commit.
    ///
    /// **Without it, calls fail** behind such a pooler ("prepared statement does not exist"), or run what another
    /// client has prepared under the same name. sqlx does the same with the queries of the application: make
    /// them `.persistent(false)`, and only inside a transaction, since sqlx prepares and runs a query in two
    /// steps. A server of PgBouncer 1.21 and later with `max_prepared_statements` keeps track of prepared
    /// statements itself, and needs none of this.
    ///
    /// It takes three round trips more for a statement outside of a transaction that sqlx has begun.
    ///
    /// ```
    /// use fieldseal::store::SqlxKeyStore;
    /// use fieldseal::AsyncKeyStore;
    /// # #[cfg(feature = "sqlx-postgres")]
    /// # async fn load(ring: &fieldseal::KeyRing) -> Result<(), Box<dyn std::error::Error>> {
    /// use sqlx::postgres::{PgConnectOptions, PgPool};
    ///
    /// // PgBouncer refuses a connection that asks for extra_float_digits, as sqlx's do.
    /// let options = PgConnectOptions::new().port(6432).extra_float_digits(None);
    /// let pool = PgPool::connect_lazy_with(options);
    /// let store = SqlxKeyStore::<sqlx::Postgres>::new().transaction_pooling();
    ///
    /// let mut transaction = pool.begin().await?;
    /// let keys = store.load(&mut transaction, "", 42).await?;
    /// let plan: Option<String> = sqlx::query_scalar("SELECT plan FROM customer WHERE id = $1")
    ///     .bind(42)
    ///     .persistent(false)
    ///     .fetch_optional(&mut *transaction)
    ///     .await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn transaction_pooling(mut self) -> Self {
        self.statements = Statements::Unnamed;
        self
    }

    /// Makes the tables that are not there: for envelopes, unless they stand in an inline column, and
    /// for the queue of what is to be resealed. Several processes may do it at once.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the database refuses.
    pub async fn migrate(&self, on: &mut DB::Connection) -> Result<(), Error> {
        let mut sql = DB::LOCK_SCHEMA.to_owned();
        if matches!(self.place, Place::Own) {
            sql.push_str(DB::SCHEMA);
        }
        sql.push_str(DB::QUEUE_SCHEMA);
        DB::run(on, sql).await.map_err(failed)
    }

    /// The table of envelopes as [`migrate`](Self::migrate) makes it, for those who keep their
    /// migrations themselves.
    pub const SCHEMA: &str = DB::SCHEMA;

    /// The table of what is to be resealed, which inline columns need too.
    pub const QUEUE_SCHEMA: &str = DB::QUEUE_SCHEMA;
}

impl<DB: SqlxDatabase> Default for SqlxKeyStore<DB> {
    fn default() -> Self {
        Self::new()
    }
}

impl<DB> Clone for SqlxKeyStore<DB> {
    fn clone(&self) -> Self {
        Self { place: self.place.clone(), ..*self }
    }
}

impl<DB> fmt::Debug for SqlxKeyStore<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqlxKeyStore").field(&self.place).finish()
    }
}

impl<DB: SqlxDatabase> AsyncKeyStore for SqlxKeyStore<DB> {
    type Connection = DB::Connection;

    fn load(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: impl ToId,
    ) -> impl Future<Output = Result<Option<KeyEnvelope>, Error>> + Send {
        let subject = SubjectId::new(subject);
        async move {
            let cell = self.load_one(on, tenant, &subject?, false).await?;
            Ok(cell.as_ref().map(Cell::to_envelope))
        }
    }

    fn load_locked(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: impl ToId,
    ) -> impl Future<Output = Result<Option<KeyEnvelope>, Error>> + Send {
        let subject = SubjectId::new(subject);
        async move {
            let cell = self.load_one(on, tenant, &subject?, true).await?;
            Ok(cell.as_ref().map(Cell::to_envelope))
        }
    }

    async fn has_place(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: &SubjectId,
    ) -> Result<bool, Error> {
        let Place::Inline(Column { table, subject: id, of, tenant: own, .. }) = &self.place else {
            return Ok(true);
        };
        if tenant != own {
            return Err(other_tenant());
        }
        let sql = format!("SELECT CAST(1 AS BIGINT) FROM {table} WHERE {id} = $1 LIMIT 1");
        let values = alloc::vec![of.value(subject)?.into()];
        let rows =
            DB::fetch(on, self.statements, sql, values, &[Kind::Integer]).await.map_err(failed)?;
        Ok(!rows.is_empty())
    }

    async fn load_many(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subjects: &[SubjectId],
    ) -> Result<Vec<Option<KeyEnvelope>>, Error> {
        check_stored_tenant(tenant)?;
        if self.place.tenant().is_some_and(|own| own != tenant) {
            return Ok(subjects.iter().map(|_| None).collect());
        }
        if let Place::Inline(column) = &self.place {
            for (n, subject) in subjects.iter().enumerate() {
                column.of.value(subject).map_err(|error| error.in_row(n))?;
            }
        }
        let mut found = BTreeMap::new();
        for some in subjects.chunks(MOST_ASKED) {
            self.load_some(on, tenant, some, false, &mut found).await?;
        }
        Ok(subjects.iter().map(|subject| found.get(subject).map(Cell::to_envelope)).collect())
    }

    fn save_unchecked_and_queue(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: impl ToId,
        envelope: &KeyEnvelope,
        reseal: &[(String, u16)],
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let subject = SubjectId::new(subject);
        async move {
            let subject = subject?;
            check_stored_tenant(tenant)?;
            reseal.iter().try_for_each(|(class, _)| check_class(class))?;
            if reseal.is_empty() {
                self.store(on, tenant, &subject, envelope).await?;
                return self.check_kept(on, tenant, &subject, envelope).await;
            }
            if DB::IN_ONE {
                self.store_and_queue(on, tenant, &subject, envelope, reseal).await?;
                return self.check_kept(on, tenant, &subject, envelope).await;
            }
            // Dropped without a commit, it is undone. Inside the caller's it is a savepoint.
            let mut both = on.begin().await.map_err(failed)?;
            // The queue first: so the lock is taken before anything is read.
            for (class, generation) in reseal {
                self.queue(&mut both, tenant, &subject, class, *generation).await?;
            }
            let stored = match self.store(&mut both, tenant, &subject, envelope).await {
                Ok(()) => self.check_kept(&mut both, tenant, &subject, envelope).await,
                Err(error) => Err(error),
            };
            match stored {
                Ok(()) => both.commit().await.map_err(failed),
                Err(error) => both.rollback().await.map_err(failed).and(Err(error)),
            }
        }
    }

    async fn scan(
        &self,
        on: &mut DB::Connection,
        after: Option<&StoredEnvelope>,
        limit: usize,
    ) -> Result<Vec<StoredEnvelope>, Error> {
        let limit = Cell::Integer(i64::try_from(limit).unwrap_or(i64::MAX));
        let (sql, values) = match &self.place {
            Place::Own => {
                // Before the first: no subject is empty.
                let tenant = after.map_or("", |last| &last.tenant);
                let subject = after.map_or(&[][..], |last| last.subject.as_bytes());
                let sql = "SELECT subject, envelope, tenant FROM fieldseal_keys
                           WHERE (tenant, subject) > ($2, $3) ORDER BY tenant, subject LIMIT $1";
                (sql.to_owned(), alloc::vec![limit, tenant.into(), subject.into()])
            }
            Place::Inline(Column { table, subject, of, keys, .. }) => {
                let order = DB::ordered(subject, *of);
                let behind = match (after, of) {
                    (None, _) => String::new(),
                    // It is bytes where it is not UTF-8.
                    (Some(_), SubjectColumn::Text) => format!("AND {order} > CAST($2 AS TEXT)"),
                    (Some(_), _) => format!("AND {order} > $2"),
                };
                let last = after.map(|last| of.met(&last.subject)).transpose()?;
                let (id, named) = (DB::selected(subject, *of), DB::names_subject(subject, *of));
                (
                    format!(
                        "SELECT {id}, {keys} FROM {table}
                         WHERE {keys} IS NOT NULL AND {named} {behind} ORDER BY {order} LIMIT $1"
                    ),
                    [limit].into_iter().chain(last.map(Cell::from)).collect(),
                )
            }
        };
        let rows =
            DB::fetch(on, self.statements, sql, values, self.columns()).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let mut row = row.into_iter();
                let (subject, envelope) = (row.next(), row.next());
                let tenant = match self.place.tenant() {
                    Some(tenant) => tenant.to_owned(),
                    None => Cell::tenant(row.next())?,
                };
                let subject = self.subject(subject)?;
                let envelope = envelope.as_ref().map(Cell::to_envelope).ok_or_else(other_type)?;
                Ok(StoredEnvelope { tenant, subject, envelope })
            })
            .collect()
    }

    async fn replace_damaged(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: &SubjectId,
        damaged: &KeyEnvelope,
        mark: &KeyEnvelope,
    ) -> Result<(), Error> {
        check_stored_tenant(tenant)?;
        let before = self.load_one(on, tenant, subject, false).await?;
        let is_it = |cell: &Cell| cell.to_envelope() == *damaged;
        let Some(before) = before.filter(is_it) else { return Err(replaced_meanwhile()) };
        let (sql, values) = match &self.place {
            Place::Own => (
                "UPDATE fieldseal_keys SET version = $3, envelope = $4
                 WHERE tenant = $1 AND subject = $2 AND envelope = $5"
                    .to_owned(),
                alloc::vec![
                    tenant.into(),
                    subject.as_bytes().into(),
                    Cell::Integer(stored_version(mark.version()?)?),
                    mark.as_bytes().into(),
                    before,
                ],
            ),
            Place::Inline(Column { tenant: own, .. }) if tenant != own => {
                return Err(other_tenant());
            }
            Place::Inline(column) => put(column, subject, mark, Some(before))?,
        };
        match DB::execute(on, self.statements, sql, values).await.map_err(failed)? {
            0 => Err(replaced_meanwhile()),
            1 => self.check_kept(on, tenant, subject, mark).await,
            _ => Err(several_rows()),
        }
    }

    async fn check_sees_all(&self, on: &mut DB::Connection) -> Result<(), Error> {
        self.check_sight(on).await
    }

    async fn check_is_committed(&self, on: &mut DB::Connection) -> Result<(), Error> {
        self.check_undo(on).await
    }

    async fn tables(&self, on: &mut DB::Connection) -> Result<Vec<StoredTable>, Error> {
        DB::tables(on, self.statements, self.place.names()).await.map_err(failed)
    }

    async fn count_unnamed(&self, on: &mut DB::Connection) -> Result<u64, Error> {
        self.unnamed(on).await
    }

    fn queue_reseal(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: impl ToId,
        class: &str,
        generation: u16,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let subject = SubjectId::new(subject);
        async move { self.queue(on, tenant, &subject?, class, generation).await }
    }

    async fn reseal_queue(
        &self,
        on: &mut DB::Connection,
        after: Option<&ResealEntry>,
        limit: usize,
    ) -> Result<Vec<ResealEntry>, Error> {
        DB::check_sight(on, self.statements, QUEUE).await.map_err(failed)??;
        let (tenant, subject, class) = after
            .map_or(("", &[][..], ""), |last| (&last.tenant, last.subject.as_bytes(), &last.class));
        let limit = Cell::Integer(i64::try_from(limit).unwrap_or(i64::MAX));
        let mut values = alloc::vec![limit, tenant.into(), subject.into(), class.into()];
        let of = if let Some(tenant) = self.place.tenant() {
            values.push(tenant.into());
            "AND tenant = $5"
        } else {
            ""
        };
        let sql = format!(
            "SELECT tenant, subject, class, CAST(generation AS BIGINT) FROM fieldseal_reseal
             WHERE (tenant, subject, class) > ($2, $3, $4) {of}
             ORDER BY tenant, subject, class LIMIT $1"
        );
        let columns = &[Kind::Text, Kind::Bytes, Kind::Text, Kind::Integer];
        let rows = DB::fetch(on, self.statements, sql, values, columns).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let mut row = row.into_iter();
                let tenant = Cell::text(row.next())?;
                Ok(ResealEntry {
                    subject: SubjectId::as_stored(&Cell::bytes(row.next())?),
                    tenant,
                    class: Cell::text(row.next())?,
                    generation: Cell::generation(row.next())?,
                })
            })
            .collect()
    }

    async fn resealed(&self, on: &mut DB::Connection, done: &ResealEntry) -> Result<(), Error> {
        let ResealEntry { tenant, subject, class, generation } = done;
        let sql = "DELETE FROM fieldseal_reseal
                   WHERE tenant = $1 AND subject = $2 AND class = $3 AND generation = $4";
        let generation = Cell::Integer(i64::from(*generation));
        let values = alloc::vec![
            tenant.as_str().into(),
            subject.as_bytes().into(),
            class.as_str().into(),
            generation
        ];
        DB::execute(on, self.statements, sql.to_owned(), values).await.map(drop).map_err(failed)
    }
}

impl<DB: SqlxDatabase> SqlxKeyStore<DB> {
    /// What a row begins with, wherever it is from: the subject and the envelope.
    fn columns(&self) -> &'static [Kind] {
        match &self.place {
            Place::Own => &[Kind::Bytes, Kind::Envelope, Kind::TextId],
            Place::Inline(Column { of: SubjectColumn::Integer, .. }) => {
                &[Kind::Integer, Kind::Envelope]
            }
            Place::Inline(Column { of: SubjectColumn::Text, .. }) => {
                &[Kind::TextId, Kind::Envelope]
            }
            Place::Inline(Column { of: SubjectColumn::Uuid, .. }) => &[Kind::Uuid, Kind::Envelope],
        }
    }

    fn subject(&self, cell: Option<Cell>) -> Result<SubjectId, Error> {
        match &self.place {
            Place::Own => Ok(SubjectId::as_stored(&Cell::bytes(cell)?)),
            Place::Inline(_) => Cell::column_id(cell)?.subject(),
        }
    }

    async fn store(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
    ) -> Result<(), Error> {
        let (sql, values) = self.storing(on, tenant, subject, envelope).await?;
        let rows = DB::execute(on, self.statements, sql, values).await.map_err(failed)?;
        self.one_row(rows, on, tenant, subject, envelope).await
    }

    /// Reads back what was stored. A call that is given up here has happened.
    async fn check_kept(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
    ) -> Result<(), Error> {
        let stored = self.load_one(on, tenant, subject, false).await?;
        // Inside of a transaction nobody else changes the row that was written.
        let later = !on.is_in_transaction();
        check_kept(stored.as_ref().map(Cell::to_envelope).as_ref(), envelope, later)
    }

    /// The statement that stores an envelope, in one row or in none.
    async fn storing(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
    ) -> Result<(String, Vec<Cell>), Error> {
        check_stored_tenant(tenant)?;
        let version = envelope.version()?;
        let stored = Cell::Integer(stored_version(version)?);
        Ok(match &self.place {
            Place::Own => {
                let sql = if version == 1 {
                    "INSERT INTO fieldseal_keys (tenant, subject, version, envelope)
                     VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
                } else {
                    "UPDATE fieldseal_keys SET version = $3, envelope = $4
                     WHERE tenant = $1 AND subject = $2 AND version = $3 - 1"
                };
                let values = alloc::vec![
                    tenant.into(),
                    subject.as_bytes().into(),
                    stored,
                    envelope.as_bytes().into()
                ];
                (sql.to_owned(), values)
            }
            Place::Inline(Column { tenant: own, .. }) if tenant != own => {
                return Err(other_tenant());
            }
            Place::Inline(column) => {
                // What is there now decides, and must still be there when it is replaced. That it is
                // in one row was seen.
                let before = self.load_one(on, tenant, subject, false).await?;
                let last = before.as_ref().map(|cell| cell.to_envelope().version()).transpose()?;
                if last.unwrap_or_default().checked_add(1) != Some(version) {
                    return Err(self.not_stored(on, tenant, subject, version).await?);
                }
                put(column, subject, envelope, before)?
            }
        })
    }
}

/// The statement that puts an envelope in the place of what a column holds.
fn put(
    Column { table, subject: column, of, keys, set, text, .. }: &Column,
    subject: &SubjectId,
    envelope: &KeyEnvelope,
    before: Option<Cell>,
) -> Result<(String, Vec<Cell>), Error> {
    // What is there as text stays text, also for one who did not know it.
    let new = if *text || matches!(before, Some(Cell::Text(_))) {
        Cell::Text(envelope.to_text())
    } else {
        envelope.as_bytes().into()
    };
    let mut values = alloc::vec![new, of.value(subject)?.into()];
    let compared = match before {
        Some(before) => {
            values.push(before);
            "= $3"
        }
        None => "IS NULL",
    };
    let sql = format!("UPDATE {table} SET {set} = $1 WHERE {column} = $2 AND {keys} {compared}");
    Ok((sql, values))
}

/// PostgreSQL has no zero byte in text.
fn check_stored_tenant(tenant: &str) -> Result<(), Error> {
    if check_tenant(tenant)?.contains('\0') {
        return Err(Error::invalid("a tenant with a zero byte cannot be stored"));
    }
    Ok(())
}

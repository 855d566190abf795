//! The driver of sqlx: binds values, reads rows, and runs statements on a connection that does not wait, of SQLite or
//! PostgreSQL.

mod dialect;

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::{Pin, pin};

use sqlx::Connection as _;

pub use self::dialect::SqlxDatabase;
use self::dialect::{Statements, failed};
use super::place::Place;
use super::sql::driver::{SqlAnswer, SqlQuestion};
use super::sql::{AskSql, SqlStore};
use super::{
    AsyncKeyStore, ChangedEnvelope, ResealEntry, StoredEnvelope, StoredTable, SubjectColumn,
};
use crate::context::{SubjectId, ToId};
use crate::envelope::KeyEnvelope;
use crate::error::Error;
use crate::store::machine::{Step, unanswered};

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
    sql: SqlStore,
    statements: Statements,
    database: PhantomData<fn() -> DB>,
}

impl<DB: SqlxDatabase> SqlxKeyStore<DB> {
    /// The table `fieldseal_keys`, which [`migrate`](Self::migrate) makes.
    pub fn new() -> Self {
        Self {
            sql: SqlStore::new(DB::CONDITIONS, false),
            statements: Statements::Prepared,
            database: PhantomData,
        }
    }

    /// A column of the application's own table, of rows that are there already: the table, the column
    /// of the subject and what it holds, and the column of the envelope, which holds bytes unless said by
    /// [`text`](Self::text). All of it is one tenant's, the empty one unless said by
    /// [`tenant`](Self::tenant).
    ///
    /// A table is named without its schema, and found by the connection's search path.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) for an empty name, and one with a zero byte.
    pub fn inline(table: &str, subject: (&str, SubjectColumn), keys: &str) -> Result<Self, Error> {
        let mut store = Self::new();
        store.sql.place = Place::inline(table, subject, keys)?;
        Ok(store)
    }

    /// Whose the rows of an [inline](Self::inline) column are.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a tenant over 64 bytes;
    /// [`Declaration`](crate::ErrorKind::Declaration) for a table of envelopes, which holds many.
    pub fn tenant(mut self, of: &str) -> Result<Self, Error> {
        self.sql.place.set_tenant(of).map(|()| self)
    }

    /// The [inline](Self::inline) column holds the text form, `fs1.…`, in place of bytes.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) for a table of envelopes, which holds bytes.
    pub fn text(mut self) -> Result<Self, Error> {
        self.sql.place.set_text().map(|()| self)
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
        if matches!(self.sql.place, Place::Own) {
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
        Self { sql: self.sql.clone(), ..*self }
    }
}

impl<DB> fmt::Debug for SqlxKeyStore<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqlxKeyStore").field(&self.sql.place).finish()
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
            let (ask, subject) = (AskSql::new(), subject?);
            self.drive(on, &ask, self.sql.load(&ask, tenant, &subject, false)).await
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
            let (ask, subject) = (AskSql::new(), subject?);
            self.drive(on, &ask, self.sql.load(&ask, tenant, &subject, true)).await
        }
    }

    async fn has_place(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: &SubjectId,
    ) -> Result<bool, Error> {
        let ask = AskSql::new();
        self.drive(on, &ask, self.sql.has_place(&ask, tenant, subject)).await
    }

    async fn load_many(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subjects: &[SubjectId],
    ) -> Result<Vec<Option<KeyEnvelope>>, Error> {
        let ask = AskSql::new();
        self.drive(on, &ask, self.sql.load_many(&ask, tenant, subjects)).await
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
            let (ask, subject) = (AskSql::new(), subject?);
            self.drive(on, &ask, self.sql.save(&ask, tenant, &subject, envelope, reseal)).await
        }
    }

    async fn save_page(
        &self,
        on: &mut DB::Connection,
        page: &[ChangedEnvelope],
    ) -> Result<Vec<bool>, Error> {
        let ask = AskSql::new();
        self.drive(on, &ask, self.sql.save_page(&ask, page)).await
    }

    async fn replace_damaged(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: &SubjectId,
        damaged: &KeyEnvelope,
        mark: &KeyEnvelope,
    ) -> Result<(), Error> {
        let ask = AskSql::new();
        self.drive(on, &ask, self.sql.replace_damaged(&ask, tenant, subject, damaged, mark)).await
    }

    async fn check_sees_all(&self, on: &mut DB::Connection) -> Result<(), Error> {
        let ask = AskSql::new();
        self.drive(on, &ask, self.sql.check_sees_all(&ask)).await
    }

    async fn check_is_committed(&self, on: &mut DB::Connection) -> Result<(), Error> {
        let ask = AskSql::new();
        self.drive(on, &ask, self.sql.check_is_committed(&ask)).await
    }

    async fn tables(&self, on: &mut DB::Connection) -> Result<Vec<StoredTable>, Error> {
        let ask = AskSql::new();
        self.drive(on, &ask, self.sql.tables(&ask)).await
    }

    async fn count_unnamed(&self, on: &mut DB::Connection) -> Result<u64, Error> {
        let ask = AskSql::new();
        self.drive(on, &ask, self.sql.count_unnamed(&ask)).await
    }

    async fn scan(
        &self,
        on: &mut DB::Connection,
        after: Option<&StoredEnvelope>,
        limit: usize,
    ) -> Result<Vec<StoredEnvelope>, Error> {
        let ask = AskSql::new();
        self.drive(on, &ask, self.sql.scan(&ask, after, limit)).await
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
        async move {
            let (ask, subject) = (AskSql::new(), subject?);
            self.drive(on, &ask, self.sql.queue(&ask, tenant, &subject, class, generation)).await
        }
    }

    async fn reseal_queue(
        &self,
        on: &mut DB::Connection,
        after: Option<&ResealEntry>,
        limit: usize,
    ) -> Result<Vec<ResealEntry>, Error> {
        let ask = AskSql::new();
        self.drive(on, &ask, self.sql.reseal_queue(&ask, after, limit)).await
    }

    async fn resealed(&self, on: &mut DB::Connection, done: &ResealEntry) -> Result<(), Error> {
        let ask = AskSql::new();
        self.drive(on, &ask, self.sql.resealed(&ask, done)).await
    }
}

impl<DB: SqlxDatabase> SqlxKeyStore<DB> {
    /// Answers what an algorithm asks.
    async fn drive<T>(
        &self,
        on: &mut DB::Connection,
        ask: &AskSql,
        algorithm: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut algorithm = pin!(algorithm);
        loop {
            let question = match ask.next(algorithm.as_mut())? {
                Step::Done(done) => return Ok(done),
                Step::Ask(question) => question,
            };
            match question {
                SqlQuestion::Begin => {
                    if let Some(done) = self.drive_within(on, ask, algorithm.as_mut()).await? {
                        return Ok(done);
                    }
                }
                question => ask.answer(self.answer(on, question).await),
            }
        }
    }

    /// Answers inside of a transaction, and to its end. Dropped without a commit, it is undone. Inside the caller's it
    /// is a savepoint.
    async fn drive_within<T>(
        &self,
        on: &mut DB::Connection,
        ask: &AskSql,
        mut algorithm: Pin<&mut impl Future<Output = Result<T, Error>>>,
    ) -> Result<Option<T>, Error> {
        let mut transaction = match on.begin().await {
            Ok(transaction) => transaction,
            Err(error) => {
                ask.answer(SqlAnswer::Done(Err(failed(error))));
                return Ok(None);
            }
        };
        ask.answer(SqlAnswer::Done(Ok(())));
        loop {
            let question = match ask.next(algorithm.as_mut())? {
                Step::Done(done) => return Ok(Some(done)),
                Step::Ask(question) => question,
            };
            let ended = match question {
                SqlQuestion::Commit => transaction.commit().await,
                SqlQuestion::Rollback => transaction.rollback().await,
                question => {
                    ask.answer(self.answer(&mut transaction, question).await);
                    continue;
                }
            };
            ask.answer(SqlAnswer::Done(ended.map_err(failed)));
            return Ok(None);
        }
    }

    async fn answer(&self, on: &mut DB::Connection, question: SqlQuestion) -> SqlAnswer {
        match question {
            SqlQuestion::Fetch(statement) => {
                SqlAnswer::Rows(DB::fetch(on, self.statements, statement).await.map_err(failed))
            }
            SqlQuestion::Execute(statement) => {
                SqlAnswer::Count(DB::execute(on, self.statements, statement).await.map_err(failed))
            }
            SqlQuestion::IsInTransaction => SqlAnswer::Is(Ok(on.is_in_transaction())),
            SqlQuestion::HasBegun | SqlQuestion::KeepsSnapshot => {
                SqlAnswer::Is(DB::has_begun(on).await.map_err(failed))
            }
            SqlQuestion::Begin | SqlQuestion::Commit | SqlQuestion::Rollback => {
                SqlAnswer::Done(Err(unanswered()))
            }
        }
    }
}

//! Asynchronous stores under the contract: each call is waited for.

use std::cell::RefCell;

use fieldseal::keyring::Census;
use fieldseal::store::{PassReport, ResealEntry, SqlxDatabase, SqlxKeyStore, SubjectColumn};
use fieldseal::{Access, AsyncKeyStore, DataKeys, ErrorKind, KeyEnvelope, SubjectId};
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::runtime::{Builder, Runtime};

use crate::common::*;
use crate::contract::*;

pub(crate) struct Waiting<S: AsyncKeyStore<Connection = C>, C> {
    pub(crate) store: S,
    pub(crate) on: RefCell<C>,
    id: fn(u64) -> SubjectId,
    tenants: bool,
    pub(crate) runtime: Runtime,
}

type MakeId = fn(u64) -> SubjectId;

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[cfg(feature = "sqlx-sqlite")]
pub(crate) fn on_every_sqlite(contract: impl Fn(&dyn Contract)) {
    use sqlx::{Sqlite, SqliteConnection};

    let connect =
        |runtime: &Runtime| runtime.block_on(SqliteConnection::connect("sqlite::memory:")).unwrap();
    let rt = runtime();
    contract(&own::<Sqlite>(connect(&rt), rt));
    let columns: [(_, _, MakeId, _); 4] = [
        ("INTEGER", SubjectColumn::Integer, number, "BLOB"),
        ("INTEGER", SubjectColumn::Integer, number, "TEXT"),
        ("TEXT", SubjectColumn::Text, text, "BLOB"),
        ("BLOB", SubjectColumn::Uuid, uuid, "BLOB"),
    ];
    for (sql, of, id, keys) in columns {
        let rt = runtime();
        let mut on = connect(&rt);
        rt.block_on(async {
            sqlx::raw_sql(AssertSqlSafe(format!(
                "CREATE TABLE \"customers \"\"1\"\"\" (\"the id\" {sql} PRIMARY KEY, keys {keys}, name TEXT)"
            )))
            .execute(&mut on)
            .await
            .unwrap();
            for number in 0..40_i64 {
                let insert = sqlx::query("INSERT INTO \"customers \"\"1\"\"\" VALUES ($1, NULL, 'x')");
                let insert = match of {
                    SubjectColumn::Integer => insert.bind(number),
                    SubjectColumn::Text => insert.bind(format!("customer {number:04}")),
                    _ => {
                        let id = id(u64::try_from(number).unwrap());
                        insert.bind(id.as_bytes()[1..].to_vec())
                    }
                };
                insert.execute(&mut on).await.unwrap();
            }
        });
        contract(&inline::<Sqlite>(on, of, id, keys, rt));
    }
}

#[cfg(feature = "sqlx-postgres")]
pub(crate) fn on_every_postgres(contract: impl Fn(&dyn Contract)) {
    use sqlx::{PgConnection, Postgres};

    let Some(schema) = postgres::Schema::new() else { return };
    let rt = runtime();
    let on = rt.block_on(PgConnection::connect(schema.url())).unwrap();
    contract(&own::<Postgres>(on, rt));
    let (n, text_of_n) = ("n", "'customer ' || lpad(n::text, 4, '0')");
    let uuid_of_n = "(lpad(to_hex(n), 16, '0') || repeat('11', 8))::uuid";
    let columns: [(_, _, _, MakeId, _); 6] = [
        ("BIGINT", n, SubjectColumn::Integer, number, "BYTEA"),
        ("BIGINT", n, SubjectColumn::Integer, number, "TEXT"),
        ("INTEGER", n, SubjectColumn::Integer, number, "BYTEA"),
        ("TEXT", text_of_n, SubjectColumn::Text, text, "BYTEA"),
        ("VARCHAR(20) COLLATE \"C\"", text_of_n, SubjectColumn::Text, text, "BYTEA"),
        ("UUID", uuid_of_n, SubjectColumn::Uuid, uuid, "BYTEA"),
    ];
    for (sql, rows, of, id, keys) in columns {
        let Some(schema) = postgres::Schema::new() else { return };
        let rt = runtime();
        let mut on = rt.block_on(PgConnection::connect(schema.url())).unwrap();
        let table = format!(
            "CREATE TABLE \"customers \"\"1\"\"\" (\"the id\" {sql} PRIMARY KEY, keys {keys}, name TEXT);
             INSERT INTO \"customers \"\"1\"\"\" SELECT {rows}, NULL, 'x' FROM generate_series(0, 39) n"
        );
        rt.block_on(sqlx::raw_sql(AssertSqlSafe(table)).execute(&mut on)).unwrap();
        contract(&inline::<Postgres>(on, of, id, keys, rt));
    }
}

fn own<DB: SqlxDatabase>(
    mut on: DB::Connection,
    runtime: Runtime,
) -> Waiting<SqlxKeyStore<DB>, DB::Connection> {
    let store = SqlxKeyStore::<DB>::new();
    runtime.block_on(store.migrate(&mut on)).unwrap();
    runtime.block_on(store.migrate(&mut on)).unwrap();
    Waiting { store, on: on.into(), id: number, tenants: true, runtime }
}

fn inline<DB: SqlxDatabase>(
    mut on: DB::Connection,
    of: SubjectColumn,
    id: fn(u64) -> SubjectId,
    keys: &str,
    runtime: Runtime,
) -> Waiting<SqlxKeyStore<DB>, DB::Connection> {
    let store = SqlxKeyStore::<DB>::inline("customers \"1\"", ("the id", of), "keys").unwrap();
    let store = if keys == "TEXT" { store.text().unwrap() } else { store };
    runtime.block_on(store.migrate(&mut on)).unwrap();
    Waiting { store, on: on.into(), id, tenants: false, runtime }
}

impl<S: AsyncKeyStore<Connection = C>, C> Waiting<S, C> {
    fn wait<T>(
        &self,
        call: impl Future<Output = Result<T, fieldseal::Error>>,
    ) -> Result<T, ErrorKind> {
        self.runtime.block_on(call).map_err(|error| error.kind())
    }
}

impl<S: AsyncKeyStore<Connection = C>, C> Contract for Waiting<S, C> {
    fn id(&self, number: u64) -> SubjectId {
        (self.id)(number)
    }

    fn tenants(&self) -> &[&'static str] {
        if self.tenants { &["", "acme"] } else { &[""] }
    }

    fn load(&self, tenant: &str, subject: &SubjectId) -> Option<KeyEnvelope> {
        self.wait(self.store.load(&mut self.on.borrow_mut(), tenant, subject)).unwrap()
    }

    fn load_many(&self, tenant: &str, subjects: &[SubjectId]) -> Vec<Option<KeyEnvelope>> {
        self.wait(self.store.load_many(&mut self.on.borrow_mut(), tenant, subjects)).unwrap()
    }

    fn save(
        &self,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
    ) -> Result<(), ErrorKind> {
        self.wait(self.store.save_unchecked(&mut self.on.borrow_mut(), tenant, subject, envelope))
    }

    fn save_keys(&self, keys: &DataKeys) -> Result<(), ErrorKind> {
        self.wait(self.store.save(&mut self.on.borrow_mut(), keys))
    }

    fn pages(&self, limit: usize) -> Vec<Vec<(String, SubjectId, KeyEnvelope)>> {
        let (mut pages, mut last) = (Vec::new(), None);
        loop {
            let page = self
                .wait(self.store.scan(&mut self.on.borrow_mut(), last.as_ref(), limit))
                .unwrap();
            if page.is_empty() {
                return pages;
            }
            last = page.last().cloned();
            pages.push(
                page.into_iter().map(|one| (one.tenant, one.subject, one.envelope)).collect(),
            );
        }
    }

    fn save_unchecked_and_queue(
        &self,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
        reseal: &[(String, u16)],
    ) -> Result<(), ErrorKind> {
        let mut on = self.on.borrow_mut();
        self.wait(self.store.save_unchecked_and_queue(&mut on, tenant, subject, envelope, reseal))
    }

    fn queue(
        &self,
        tenant: &str,
        subject: &SubjectId,
        class: &str,
        generation: u16,
    ) -> Result<(), ErrorKind> {
        let mut on = self.on.borrow_mut();
        self.wait(self.store.queue_reseal(&mut on, tenant, subject, class, generation))
    }

    fn queued(&self, limit: usize) -> Vec<ResealEntry> {
        let mut all: Vec<ResealEntry> = Vec::new();
        loop {
            let mut on = self.on.borrow_mut();
            let page = self.wait(self.store.reseal_queue(&mut on, all.last(), limit)).unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    fn resealed(&self, done: &ResealEntry) {
        self.wait(self.store.resealed(&mut self.on.borrow_mut(), done)).unwrap();
    }

    fn change(
        &self,
        tenant: &str,
        subject: &SubjectId,
        change: Change<'_>,
    ) -> Result<KeyEnvelope, ErrorKind> {
        let ring = admin();
        let access = at(&ring).tenant(tenant);
        let mut on = self.on.borrow_mut();
        self.wait(self.store.change(&mut on, access, subject, |edit| change(edit)))
    }

    fn change_all(
        &self,
        access: Access<'_>,
        change: ChangeOne<'_>,
    ) -> Result<PassReport, ErrorKind> {
        let mut on = self.on.borrow_mut();
        self.wait(self.store.change_all(&mut on, access, |one, edit| change(one, edit)))
    }

    fn census(&self) -> Result<Census, ErrorKind> {
        let mut census = Census::new();
        let mut on = self.on.borrow_mut();
        self.wait(self.store.census(&mut on, "customers.keys", &mut census)).map(|()| census)
    }

    fn erase(&self, tenant: &str, subject: &SubjectId) -> Result<KeyEnvelope, ErrorKind> {
        let ring = admin();
        let access = at(&ring).tenant(tenant);
        self.wait(self.store.erase(&mut self.on.borrow_mut(), access, subject))
            .map(|erasure| erasure.envelope().clone())
    }

    fn erase_absent(&self, tenant: &str, subject: &SubjectId) -> Result<KeyEnvelope, ErrorKind> {
        let ring = admin();
        let access = at(&ring).tenant(tenant);
        self.wait(self.store.erase_absent(&mut self.on.borrow_mut(), access, subject))
            .map(|erasure| erasure.envelope().clone())
    }
}

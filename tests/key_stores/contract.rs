//! What every key store does, and the stores that do it.

use fieldseal::envelope::EnvelopeEdit;
use fieldseal::keyring::Census;
use fieldseal::store::{PassReport, ResealEntry, SqliteKeyStore, StoredEnvelope, SubjectColumn};
use fieldseal::{
    Access, DataKeys, Error, ErrorKind, KeyEnvelope, KeyRing, KeyStore, MemoryKeyStore, SubjectId,
};
use rusqlite::Connection;

use crate::common::*;

pub(crate) fn at(ring: &KeyRing) -> Access<'_> {
    Access::new(ring).at(NOW)
}

pub(crate) fn fresh(tenant: &str, subject: &SubjectId) -> KeyEnvelope {
    let ring = admin();
    let access = at(&ring).tenant(tenant);
    DataKeys::create(access, subject, [CONTACT]).unwrap().envelope().clone()
}

pub(crate) fn renewed(tenant: &str, subject: &SubjectId, envelope: &KeyEnvelope) -> KeyEnvelope {
    let ring = admin();
    let mut edit = envelope.edit(at(&ring).tenant(tenant), subject).unwrap();
    edit.renew(CONTACT).unwrap();
    edit.finish().unwrap()
}

/// Runs the contract on every store. `id` makes the subjects that the store can hold.
pub(crate) fn on_every_store(contract: impl Fn(&dyn Contract)) {
    contract(&Of { store: MemoryKeyStore::new(), on: (), id: number, tenants: true });
    let db = Connection::open_in_memory().unwrap();
    let store = SqliteKeyStore::new();
    store.migrate(&db).unwrap();
    store.migrate(&db).unwrap();
    contract(&Of { store, on: db, id: number, tenants: true });
    contract(&inline("INTEGER", SubjectColumn::Integer, number));
    let texts = inline("INTEGER", SubjectColumn::Integer, number);
    contract(&Of { store: texts.store.text().unwrap(), ..texts });
    contract(&inline("TEXT", SubjectColumn::Text, text));
    contract(&inline("BLOB", SubjectColumn::Uuid, uuid));
    #[cfg(feature = "sqlx-sqlite")]
    crate::waiting::on_every_sqlite(&contract);
    #[cfg(feature = "sqlx-postgres")]
    crate::waiting::on_every_postgres(&contract);
}

/// A table of customers with 40 rows, and the key envelopes in it.
pub(crate) fn inline(
    sql: &str,
    of: SubjectColumn,
    id: fn(u64) -> SubjectId,
) -> Of<SqliteKeyStore, Connection> {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(&format!(
        "CREATE TABLE \"customers \"\"1\"\"\" (\"the id\" {sql} PRIMARY KEY, keys BLOB, name TEXT)"
    ))
    .unwrap();
    for number in 0..40 {
        let value: rusqlite::types::Value = match of {
            SubjectColumn::Integer => i64::try_from(number).unwrap().into(),
            SubjectColumn::Text => format!("customer {number:04}").into(),
            _ => id(number).as_bytes()[1..].to_vec().into(),
        };
        db.execute(
            "INSERT INTO \"customers \"\"1\"\"\" (\"the id\", name) VALUES (?, 'x')",
            [value],
        )
        .unwrap();
    }
    let store = SqliteKeyStore::inline("customers \"1\"", ("the id", of), "keys").unwrap();
    store.migrate(&db).unwrap();
    Of { store, on: db, id, tenants: false }
}

pub(crate) fn number(number: u64) -> SubjectId {
    SubjectId::new(number).unwrap()
}

pub(crate) fn text(number: u64) -> SubjectId {
    SubjectId::new(format!("customer {number:04}").as_str()).unwrap()
}

pub(crate) fn uuid(number: u64) -> SubjectId {
    let mut bytes = [0x11; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    SubjectId::new(fieldseal::Id::from_uuid_bytes(bytes)).unwrap()
}

pub(crate) struct Of<S: KeyStore, C> {
    pub(crate) store: S,
    pub(crate) on: C,
    id: fn(u64) -> SubjectId,
    tenants: bool,
}

pub(crate) type Change<'a> = &'a mut (dyn FnMut(&mut EnvelopeEdit<'_>) -> Result<(), Error> + Send);
pub(crate) type ChangeOne<'a> =
    &'a mut (dyn FnMut(&StoredEnvelope, &mut EnvelopeEdit<'_>) -> Result<(), Error> + Send);

/// A store with what it works on, whatever that is.
pub(crate) trait Contract {
    fn id(&self, number: u64) -> SubjectId;
    fn tenants(&self) -> &[&'static str];
    fn load(&self, tenant: &str, subject: &SubjectId) -> Option<KeyEnvelope>;
    fn load_many(&self, tenant: &str, subjects: &[SubjectId]) -> Vec<Option<KeyEnvelope>>;
    fn save(
        &self,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
    ) -> Result<(), ErrorKind>;
    fn save_keys(&self, keys: &DataKeys) -> Result<(), ErrorKind>;
    fn pages(&self, limit: usize) -> Vec<Vec<(String, SubjectId, KeyEnvelope)>>;
    fn save_unchecked_and_queue(
        &self,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
        reseal: &[(String, u16)],
    ) -> Result<(), ErrorKind>;
    fn queue(
        &self,
        tenant: &str,
        subject: &SubjectId,
        class: &str,
        generation: u16,
    ) -> Result<(), ErrorKind>;
    /// The queue, read in pages of this size.
    fn queued(&self, limit: usize) -> Vec<ResealEntry>;
    fn resealed(&self, done: &ResealEntry);
    fn change(
        &self,
        tenant: &str,
        subject: &SubjectId,
        change: Change<'_>,
    ) -> Result<KeyEnvelope, ErrorKind>;
    fn change_all(
        &self,
        access: Access<'_>,
        change: ChangeOne<'_>,
    ) -> Result<PassReport, ErrorKind>;
    fn census(&self) -> Result<Census, ErrorKind>;
    fn erase(&self, tenant: &str, subject: &SubjectId) -> Result<KeyEnvelope, ErrorKind>;
    fn erase_absent(&self, tenant: &str, subject: &SubjectId) -> Result<KeyEnvelope, ErrorKind>;
}

impl<S: KeyStore<Connection = C>, C> Contract for Of<S, C> {
    fn id(&self, number: u64) -> SubjectId {
        (self.id)(number)
    }

    fn tenants(&self) -> &[&'static str] {
        if self.tenants { &["", "acme"] } else { &[""] }
    }

    fn load(&self, tenant: &str, subject: &SubjectId) -> Option<KeyEnvelope> {
        self.store.load(&self.on, tenant, subject).unwrap()
    }

    fn load_many(&self, tenant: &str, subjects: &[SubjectId]) -> Vec<Option<KeyEnvelope>> {
        self.store.load_many(&self.on, tenant, subjects).unwrap()
    }

    fn save(
        &self,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
    ) -> Result<(), ErrorKind> {
        self.store.save_unchecked(&self.on, tenant, subject, envelope).map_err(|error| error.kind())
    }

    fn save_keys(&self, keys: &DataKeys) -> Result<(), ErrorKind> {
        self.store.save(&self.on, keys).map_err(|error| error.kind())
    }

    fn pages(&self, limit: usize) -> Vec<Vec<(String, SubjectId, KeyEnvelope)>> {
        let (mut pages, mut last) = (Vec::new(), None);
        loop {
            let page = self.store.scan(&self.on, last.as_ref(), limit).unwrap();
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
        self.store
            .save_unchecked_and_queue(&self.on, tenant, subject, envelope, reseal)
            .map_err(|error| error.kind())
    }

    fn queue(
        &self,
        tenant: &str,
        subject: &SubjectId,
        class: &str,
        generation: u16,
    ) -> Result<(), ErrorKind> {
        self.store
            .queue_reseal(&self.on, tenant, subject, class, generation)
            .map_err(|error| error.kind())
    }

    fn queued(&self, limit: usize) -> Vec<ResealEntry> {
        let mut all: Vec<ResealEntry> = Vec::new();
        loop {
            let page = self.store.reseal_queue(&self.on, all.last(), limit).unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    fn resealed(&self, done: &ResealEntry) {
        self.store.resealed(&self.on, done).unwrap();
    }

    fn change(
        &self,
        tenant: &str,
        subject: &SubjectId,
        change: Change<'_>,
    ) -> Result<KeyEnvelope, ErrorKind> {
        let ring = admin();
        let access = at(&ring).tenant(tenant);
        self.store
            .change(&self.on, access, subject, |edit| change(edit))
            .map_err(|error| error.kind())
    }

    fn change_all(
        &self,
        access: Access<'_>,
        change: ChangeOne<'_>,
    ) -> Result<PassReport, ErrorKind> {
        self.store
            .change_all(&self.on, access, |one, edit| change(one, edit))
            .map_err(|error| error.kind())
    }

    fn census(&self) -> Result<Census, ErrorKind> {
        let mut census = Census::new();
        self.store
            .census(&self.on, "customers.keys", &mut census)
            .map(|()| census)
            .map_err(|error| error.kind())
    }

    fn erase(&self, tenant: &str, subject: &SubjectId) -> Result<KeyEnvelope, ErrorKind> {
        let ring = admin();
        self.store
            .erase(&self.on, at(&ring).tenant(tenant), subject)
            .map(|erasure| erasure.envelope().clone())
            .map_err(|error| error.kind())
    }

    fn erase_absent(&self, tenant: &str, subject: &SubjectId) -> Result<KeyEnvelope, ErrorKind> {
        let ring = admin();
        self.store
            .erase_absent(&self.on, at(&ring).tenant(tenant), subject)
            .map(|erasure| erasure.envelope().clone())
            .map_err(|error| error.kind())
    }
}

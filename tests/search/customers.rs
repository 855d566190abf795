//! Customers, sealed with their terms, and the tables that hold them: for tests and the bench.
#![allow(dead_code, reason = "each user of this takes what it needs")]

use std::sync::OnceLock;
use std::thread;

use fieldseal::field::{Companion, IndexedField, ManyTerms};
use fieldseal::index::{Domain, Term, Terms};
use fieldseal::keyring::KeyUse;
use fieldseal::{Class, DataKeys, Field, Index, KeyEnvelope, KeyRing, Sealed};
use jiff::civil::{Date, date};

pub const PERSONAL: Class = Class::new("personal");

pub const EMAIL_INDEX: Index<String> = Index::exact("customer", "email").cardinality(1_000_000);
pub const SURNAME_PREFIX: Index<String, ManyTerms> =
    Index::prefix("customer", "surname.prefix", 4).cardinality(50_000);
pub const BIRTH_RANGE: Index<Date, ManyTerms> =
    Index::range("customer", "birth.range", Domain::dates("1900-01-01", "2099-12-31")).levels(12);

pub const EMAIL: IndexedField<String> = Field::new("customer", "email", PERSONAL)
    .with("email", &[Companion::index(&EMAIL_INDEX, "email_index")]);
pub const SURNAME: IndexedField<String> = Field::new("customer", "surname", PERSONAL)
    .with("surname", &[Companion::index(&SURNAME_PREFIX, "surname_prefix")]);
pub const BIRTH: IndexedField<Date> = Field::new("customer", "birth", PERSONAL)
    .with("birth", &[Companion::index(&BIRTH_RANGE, "birth_range")]);

/// What is sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct Customer {
    pub id: i64,
    pub email: String,
    pub surname: String,
    pub birth: Date,
}

/// What is stored.
pub struct Row {
    pub id: i64,
    pub email: Sealed<String>,
    pub email_index: Term,
    pub surname: Sealed<String>,
    pub surname_prefix: Terms,
    pub birth: Sealed<Date>,
    pub birth_range: Terms,
    pub keys: KeyEnvelope,
}

/// The same customer every time: a thousand surnames of a few syllables, births of 80 years.
pub fn customer(id: i64) -> Customer {
    const SYLLABLES: [&str; 10] =
        ["ba", "den", "fi", "gor", "ham", "ler", "mi", "nos", "stein", "tov"];
    let mut chance = id.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let mut below = |end: u64| {
        let found = chance % end;
        chance /= end;
        found
    };
    let surname =
        (0..3).map(|_| SYLLABLES[usize::try_from(below(10)).unwrap()]).collect::<String>();
    let days = i64::try_from(below(29_219)).unwrap();
    let birth = date(1930, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
    Customer { id, email: format!("{surname}.{id}@example.com"), surname, birth }
}

pub fn seal(customer: &Customer, ring: &KeyRing) -> Row {
    let keys = DataKeys::create(ring, customer.id, [PERSONAL]).unwrap();
    let email = EMAIL.update(&keys, &customer.email).unwrap();
    let surname = SURNAME.update(&keys, &customer.surname).unwrap();
    let birth = BIRTH.update(&keys, &customer.birth).unwrap();
    Row {
        id: customer.id,
        email_index: email.term(&EMAIL_INDEX).unwrap().clone(),
        surname_prefix: surname.terms(&SURNAME_PREFIX).unwrap().clone(),
        birth_range: birth.terms(&BIRTH_RANGE).unwrap().clone(),
        email: email.value,
        surname: surname.value,
        birth: birth.value,
        keys: keys.envelope().clone(),
    }
}

pub fn seal_many(ids: std::ops::Range<i64>, ring: &KeyRing) -> Vec<Row> {
    let threads = i64::try_from(thread::available_parallelism().map_or(1, usize::from)).unwrap();
    let part = (ids.end - ids.start) / threads + 1;
    let part = |number: i64| {
        let start = ids.start + number * part;
        start..(start + part).min(ids.end)
    };
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|number| {
                scope.spawn(move || part(number).map(|id| seal(&customer(id), ring)).collect())
            })
            .collect();
        parts.into_iter().flat_map(|part| -> Vec<Row> { part.join().unwrap() }).collect()
    })
}

pub const MANY: i64 = 100_000;

/// How many of them are there as they were before the index key was rotated, too.
pub const OLD: i64 = 50;

pub struct Many {
    pub ring: KeyRing,
    pub rows: Vec<Row>,
    pub old: Vec<Row>,
}

/// A hundred thousand, sealed once for all tests of a binary.
pub fn many() -> &'static Many {
    static ROWS: OnceLock<Many> = OnceLock::new();
    ROWS.get_or_init(|| {
        let mut ring = KeyRing::generate().unwrap();
        ring.add_index_key().unwrap();
        let old = seal_many(0..OLD, &ring);
        ring.rotate(KeyUse::Index, "index").unwrap();
        let rows = seal_many(0..MANY, &ring);
        Many { ring, rows, old }
    })
}

#[cfg(feature = "rusqlite")]
pub mod sqlite {
    use fieldseal::store::SqliteTermsTable;
    use rusqlite::{Connection, params};

    use super::*;

    pub const TABLE: &str = "CREATE TABLE customer (
        id INTEGER PRIMARY KEY, email BLOB NOT NULL, email_index BLOB NOT NULL,
        surname BLOB NOT NULL, birth BLOB NOT NULL, keys BLOB NOT NULL)";

    pub const INDEX: &str = "CREATE INDEX customer_email_index ON customer (email_index)";

    pub fn create(db: &Connection) {
        db.execute_batch(TABLE).unwrap();
        SqliteTermsTable::new().migrate(db).unwrap();
    }

    pub fn insert(db: &Connection, row: &Row) {
        let values = params![row.id, row.email, row.email_index, row.surname, row.birth, row.keys];
        db.prepare_cached("INSERT INTO customer VALUES (?, ?, ?, ?, ?, ?)")
            .unwrap()
            .execute(values)
            .unwrap();
        let terms = SqliteTermsTable::new();
        terms.write(db, row.id, &(&SURNAME_PREFIX, &row.surname_prefix)).unwrap();
        terms.write(db, row.id, &(&BIRTH_RANGE, &row.birth_range)).unwrap();
    }

    pub fn fill(db: &mut Connection, rows: &[Row]) {
        create(db);
        let transaction = db.transaction().unwrap();
        rows.iter().for_each(|row| insert(&transaction, row));
        transaction.commit().unwrap();
        db.execute_batch(&format!("{INDEX}; ANALYZE;")).unwrap();
    }
}

#[cfg(feature = "sqlx-postgres")]
pub mod postgres {
    use sqlx::{PgConnection, Postgres, QueryBuilder};

    use super::*;

    pub const TABLE: &str = "CREATE TABLE customer (
        id BIGINT PRIMARY KEY, email BYTEA NOT NULL, email_index BYTEA NOT NULL,
        surname BYTEA NOT NULL, surname_prefix BYTEA[] NOT NULL,
        birth BYTEA NOT NULL, birth_range BYTEA[] NOT NULL, keys BYTEA NOT NULL)";

    pub const INDEXES: &str = "CREATE INDEX ON customer (email_index);
        CREATE INDEX ON customer USING gin (surname_prefix);
        CREATE INDEX ON customer USING gin (birth_range);
        CREATE INDEX ON customer ((surname_prefix[1]));
        CREATE INDEX ON customer ((birth_range[1]));";

    pub async fn insert(db: &mut PgConnection, rows: &[Row]) {
        let mut insert = QueryBuilder::<Postgres>::new("INSERT INTO customer ");
        insert.push_values(rows, |mut values, row| {
            values
                .push_bind(row.id)
                .push_bind(&row.email)
                .push_bind(&row.email_index)
                .push_bind(&row.surname)
                .push_bind(&row.surname_prefix)
                .push_bind(&row.birth)
                .push_bind(&row.birth_range)
                .push_bind(&row.keys);
        });
        insert.build().execute(db).await.unwrap();
    }

    pub async fn fill(db: &mut PgConnection, rows: &[Row]) {
        sqlx::raw_sql(TABLE).execute(&mut *db).await.unwrap();
        for some in rows.chunks(1_000) {
            insert(db, some).await;
        }
        sqlx::raw_sql(INDEXES).execute(&mut *db).await.unwrap();
        sqlx::raw_sql("VACUUM ANALYZE customer").execute(&mut *db).await.unwrap();
    }
}

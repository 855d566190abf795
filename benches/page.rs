//! A page of 100 rows of 100 subjects, beside what it is made of: 100 envelopes unwrapped, and their
//! fields opened one by one under data keys at hand. The aim is a ratio of at most 1.5 to the sum.
//! `cargo bench --features rusqlite --bench page` adds the page out of SQLite, rows and envelopes.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fieldseal::{
    Class, DataKeys, KeyRing, KeyStore, MemoryKeyStore, Record, SealedRecord, SubjectId,
};

const CONTACT: Class = Class::new("contact").readers(&["app", "support"]);
const FINANCIAL: Class = Class::new("financial").readers(&["billing"]).retain_days(3 * 365);

/// The envelope is in the row.
#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    name: String,
    #[record(seal(class = CONTACT))]
    email: String,
    #[record(seal(class = CONTACT))]
    phone: String,
    #[record(seal(class = FINANCIAL))]
    card: Option<String>,
}

/// The envelope is in a key store.
#[derive(Record)]
#[record(name = "account", single_row, keys = "external")]
struct Account {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    name: String,
    #[record(seal(class = CONTACT))]
    email: String,
    #[record(seal(class = CONTACT))]
    phone: String,
    #[record(seal(class = FINANCIAL))]
    card: Option<String>,
}

fn texts(id: i64) -> [String; 4] {
    [
        format!("Customer {id}"),
        format!("customer.{id}@example.com"),
        format!("+49 30 {id:08}"),
        format!("4111 1111 1111 {id:04}"),
    ]
}

fn page(c: &mut Criterion) {
    let mut ring = KeyRing::generate().unwrap();
    for role in ["support", "billing"] {
        ring.add_role(role).unwrap();
    }
    let inline: Vec<_> = (0..100)
        .map(|id| {
            let [name, email, phone, card] = texts(id);
            Customer { id, name, email, phone, card: Some(card) }.seal_new(&ring).unwrap()
        })
        .collect();
    let store = MemoryKeyStore::new();
    let external: Vec<_> = (0..100)
        .map(|id| {
            let [name, email, phone, card] = texts(id);
            let keys = DataKeys::create(&ring, id, Account::SCHEMA).unwrap();
            store.save(&(), &keys).unwrap();
            Account { id, name, email, phone, card: Some(card) }.seal_with(&keys).unwrap()
        })
        .collect();
    let keys: Vec<_> = inline.iter().map(|row| row.unwrap_keys(&ring, row.id).unwrap()).collect();

    let mut group = c.benchmark_group("page_of_100");
    group.bench_function("unwraps", |b| {
        b.iter(|| {
            for row in &inline {
                black_box(row.unwrap_keys(&ring, row.id).unwrap());
            }
        });
    });
    group.bench_function("opens", |b| {
        b.iter(|| {
            for (row, keys) in inline.iter().zip(&keys) {
                black_box(customer::NAME.open(keys, &row.name).unwrap());
                black_box(customer::EMAIL.open(keys, &row.email).unwrap());
                black_box(customer::PHONE.open(keys, &row.phone).unwrap());
                black_box(customer::CARD.open(keys, &row.card).unwrap());
            }
        });
    });
    group.bench_function("open_all", |b| {
        b.iter(|| {
            let asked = inline.iter().map(|row| (row, row.id));
            black_box(SealedCustomer::open_all(asked, &ring).unwrap())
        });
    });
    let subjects: Vec<_> = (0..100_i64).map(|id| SubjectId::new(id).unwrap()).collect();
    group.bench_function("from_a_key_store", |b| {
        b.iter(|| {
            let envelopes = store.load_many(&(), "", &subjects).unwrap();
            for ((row, envelope), subject) in external.iter().zip(envelopes).zip(&subjects) {
                let keys = envelope.unwrap().unwrap(&ring, subject).unwrap();
                black_box(row.open_with(&keys).unwrap());
            }
        });
    });
    #[cfg(feature = "rusqlite")]
    from_sqlite(&mut group, &ring, &subjects);
    group.finish();
}

#[cfg(feature = "rusqlite")]
fn from_sqlite(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    ring: &KeyRing,
    subjects: &[SubjectId],
) {
    use fieldseal::store::SqliteKeyStore;

    let (db, store) = (rusqlite::Connection::open_in_memory().unwrap(), SqliteKeyStore::new());
    store.migrate(&db).unwrap();
    for subject in subjects {
        let keys = DataKeys::create(ring, subject, Account::SCHEMA).unwrap();
        store.save(&db, &keys).unwrap();
    }
    group.bench_function("envelopes_of_sqlite", |b| {
        b.iter(|| black_box(store.load_many(&db, "", subjects).unwrap()));
    });
}

criterion_group!(benches, page);
criterion_main!(benches);

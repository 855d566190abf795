//! What terms cost: beside the MACs that they are, in the same run.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fieldseal::field::{Companion, IndexedField, ManyTerms};
use fieldseal::index::Domain;
use fieldseal::{Class, DataKeys, Field, Index, KeyRing};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const EXACT: Index<String> = Index::exact("customer", "email").cardinality(1_000_000);
const RANGE: Index<i64, ManyTerms> =
    Index::range("customer", "points", Domain::integers(0, 65_535));
const PLAIN: Field<String> = Field::new("customer", "email", Class::PERSONAL);
const FOUND: IndexedField<String> = Field::new("customer", "email", Class::PERSONAL)
    .with("email", &[Companion::index(&EXACT, "email_index")]);
const POINTS: IndexedField<i64> = Field::new("customer", "points", Class::PERSONAL)
    .with("points", &[Companion::in_table(&RANGE)]);

/// The key of an index, and so many MACs under it.
fn floor(master: &[u8; 32], terms: u8) -> [u8; 32] {
    let mut key = [0; 32];
    let derived = Hkdf::<Sha256>::from_prk(master).unwrap();
    derived.expand(b"fieldseal/v1 index\x00\x08customer\x05email", &mut key).unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let mut last = [0; 32];
    for level in 0..terms {
        let mut mac = mac.clone();
        mac.update(&[0, level]);
        mac.update(b"\x6fada@example.com");
        last = mac.finalize().into_bytes().into();
    }
    last
}

fn terms(criterion: &mut Criterion) {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_index_key().unwrap();
    let keys = DataKeys::create(&ring, 42, PLAIN).unwrap();
    let email = String::from("ada@example.com");

    let mut group = criterion.benchmark_group("one_term");
    group.bench_function("floor", |b| b.iter(|| floor(black_box(&[7; 32]), 1)));
    group.bench_function("query", |b| b.iter(|| EXACT.query(&ring, black_box(&email)).unwrap()));
    group.bench_function("update_without", |b| {
        b.iter(|| PLAIN.update(&keys, black_box(&email)).unwrap());
    });
    group.bench_function("update_with", |b| {
        b.iter(|| FOUND.update(&keys, black_box(&email)).unwrap());
    });
    group.finish();

    let mut group = criterion.benchmark_group("sixteen_terms");
    group.bench_function("floor", |b| b.iter(|| floor(black_box(&[7; 32]), 16)));
    group.bench_function("update_with", |b| {
        b.iter(|| POINTS.update(&keys, black_box(&12_345)).unwrap());
    });
    group.bench_function("query_a_tenth", |b| {
        b.iter(|| RANGE.between(&ring, black_box(10_001)..=16_553).unwrap());
    });
    group.finish();
}

criterion_group!(benches, terms);
criterion_main!(benches);

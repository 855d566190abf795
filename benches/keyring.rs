//! Large rings: loading one, and looking things up in it. Lookups stand beside the same in a small
//! ring, and loading beside its floor (the JSON read into nothing), in the same run: the ratio is what
//! counts, as single times move with the machine.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench"
)]

use std::collections::HashMap;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fieldseal::keyring::{
    Credential, KeyId, KeyState, KeyUse, LockedRing, RingDocument, RingKey, SlotKey,
};
use fieldseal::{Class, DataKeys, KeyEnvelope, KeyRing};
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

/// Of the ring whose names and number of keys stand in the project's promise.
const TENANTS: u32 = 1_000;
const KEYS: u32 = 10;

fn bytes(label: &str, number: u32) -> [u8; 32] {
    Sha256::digest(format!("{label} {number}")).into()
}

/// The first four bytes of a hash: as spread as ids that are drawn.
fn id(number: u32) -> KeyId {
    KeyId::new(u32::from_be_bytes(*bytes("id", number).first_chunk().unwrap())).unwrap()
}

fn name(tenant: u32) -> String {
    format!("t{tenant:04}.app")
}

/// One role a tenant, each with a primary key and nine older ones, and the envelope key.
fn ring(tenants: u32, is_pair: impl Fn(u32) -> bool) -> KeyRing {
    let mut ring = KeyRing::empty();
    let envelope = RingKey::symmetric(
        id(0),
        KeyUse::Envelope,
        "envelope",
        KeyState::Primary,
        &bytes("secret", 0),
    );
    ring.insert(envelope.unwrap()).unwrap();
    for number in 1..=tenants * KEYS {
        let (tenant, older) = ((number - 1) / KEYS + 1, (number - 1) % KEYS);
        let state = if older == 0 { KeyState::Primary } else { KeyState::OpenOnly };
        let secret = bytes("secret", number);
        let key = if is_pair(number) {
            RingKey::key_pair(id(number), &name(tenant), state, &secret, &bytes("writer", number))
        } else {
            RingKey::symmetric(id(number), KeyUse::Wrap, &name(tenant), state, &secret)
        };
        let key = key.unwrap().with_created_at(1_700_000_000 + u64::from(number) * 7_919);
        ring.insert(key.with_rotate_after_days(365)).unwrap();
    }
    ring
}

fn credential() -> Credential {
    SlotKey::from_bytes(&[7; 32]).into()
}

fn document(ring: KeyRing) -> String {
    let mut document = RingDocument::new(ring).unwrap();
    document.add_slot("bench", &credential()).unwrap();
    document.to_json().unwrap()
}

fn load(c: &mut Criterion) {
    let credential = credential();
    let mut group = c.benchmark_group("ring-10000");
    group.sample_size(50);
    for (sort, every) in [("symmetric", 0), ("tenth-pairs", 10), ("pairs", 1)] {
        let json = document(ring(TENANTS, |number| every != 0 && number % every == 0));
        println!("ring-10000/{sort}: {} bytes", json.len());
        group.throughput(Throughput::Bytes(json.len().try_into().unwrap()));
        group.bench_function(BenchmarkId::new("load", sort), |b| {
            b.iter(|| LockedRing::from_json(json.as_bytes()).unwrap().unlock(&credential).unwrap());
        });
        group.bench_function(BenchmarkId::new("from_json", sort), |b| {
            b.iter(|| LockedRing::from_json(json.as_bytes()).unwrap());
        });
        let locked = LockedRing::from_json(json.as_bytes()).unwrap();
        group.bench_function(BenchmarkId::new("unlock", sort), |b| {
            b.iter(|| locked.unlock(&credential).unwrap());
        });
        let mut opened = locked.unlock(&credential).unwrap();
        assert_eq!(opened.ring().keys().count(), 10_001);
        group.bench_function(BenchmarkId::new("store", sort), |b| {
            b.iter(|| opened.to_json().unwrap());
        });
        group.bench_function(BenchmarkId::new("floor: JSON", sort), |b| {
            b.iter(|| serde_json::from_slice::<IgnoredAny>(json.as_bytes()).unwrap());
        });
    }
    group.finish();
}

/// Subject 42's envelope for each tenant's role, as ring `made_by` wraps it.
fn envelopes(made_by: &KeyRing, classes: &[Class]) -> Vec<KeyEnvelope> {
    let made = classes.iter().map(|class| DataKeys::create(made_by, 42, [*class]).unwrap());
    made.map(|keys| KeyEnvelope::from_bytes(keys.envelope().as_bytes())).collect()
}

/// Ten tenants' classes: of the small ring there is the first one only.
fn classes(tenants: u32) -> Vec<Class<'static>> {
    const CLASSES: [Class; 10] = [
        Class::new("contact").readers(&["t0001.app"]),
        Class::new("contact").readers(&["t0112.app"]),
        Class::new("contact").readers(&["t0223.app"]),
        Class::new("contact").readers(&["t0334.app"]),
        Class::new("contact").readers(&["t0445.app"]),
        Class::new("contact").readers(&["t0556.app"]),
        Class::new("contact").readers(&["t0667.app"]),
        Class::new("contact").readers(&["t0778.app"]),
        Class::new("contact").readers(&["t0889.app"]),
        Class::new("contact").readers(&["t1000.app"]),
    ];
    CLASSES[..if tenants == 1 { 1 } else { 10 }].into()
}

fn unwrapping(c: &mut Criterion) {
    let mut group = c.benchmark_group("envelope");
    for (sort, every) in [("symmetric", 0), ("pairs", 1)] {
        for tenants in [1, TENANTS] {
            let (keys, ring) = (tenants * KEYS, ring(tenants, |_| every == 1));
            let classes = classes(tenants);
            let envelopes = envelopes(&ring, &classes);
            let mut next = envelopes.iter().cycle();
            group.bench_function(BenchmarkId::new(format!("unwrap, {sort}"), keys), |b| {
                b.iter(|| next.next().unwrap().unwrap(&ring, 42).unwrap());
            });
            let mut next = classes.iter().cycle();
            group.bench_function(BenchmarkId::new(format!("create, {sort}"), keys), |b| {
                b.iter(|| DataKeys::create(&ring, 42, [*next.next().unwrap()]).unwrap());
            });
        }
    }
    group.finish();
}

/// All keys in turn, as tenants come. The floor is a hash map, which does not slow but for the
/// processor's caches.
fn lookups(c: &mut Criterion) {
    let mut group = c.benchmark_group("lookup");
    for tenants in [1, TENANTS] {
        let keys = tenants * KEYS;
        // As a server has it, read from a document: its keys do not stand in the order of the tenants.
        let json = document(ring(tenants, |_| false));
        let ring = LockedRing::from_json(json.as_bytes()).unwrap().unlock(&credential()).unwrap();
        let ring = ring.into_ring();
        let ids: Vec<KeyId> = (1..=keys).map(id).collect();
        let names: Vec<String> = (1..=tenants).map(name).collect();

        let mut next = ids.iter().cycle();
        group.bench_function(BenchmarkId::new("key", keys), |b| {
            b.iter(|| ring.key(*next.next().unwrap()).unwrap().state());
        });
        let floor: HashMap<KeyId, Box<[u8; 96]>> =
            ids.iter().map(|id| (*id, Box::new([1; 96]))).collect();
        let mut next = ids.iter().cycle();
        group.bench_function(BenchmarkId::new("key, floor", keys), |b| {
            b.iter(|| floor[next.next().unwrap()][48]);
        });

        let mut next = names.iter().cycle();
        group.bench_function(BenchmarkId::new("primary", keys), |b| {
            b.iter(|| ring.primary(KeyUse::Wrap, next.next().unwrap()).unwrap().state());
        });
        let floor: HashMap<&str, Box<[u8; 96]>> =
            names.iter().map(|name| (&**name, Box::new([1; 96]))).collect();
        let mut next = names.iter().cycle();
        group.bench_function(BenchmarkId::new("primary, floor", keys), |b| {
            b.iter(|| floor[&**next.next().unwrap()][48]);
        });
    }
    group.finish();
}

criterion_group!(benches, load, unwrapping, lookups);
criterion_main!(benches);

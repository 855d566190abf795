//! The index key is rotated while writers write: at every moment, whoever asks finds every row that is
//! committed. Threads, and a model beside the database, in SQLite and in PostgreSQL.
#![cfg(all(feature = "jiff", any(feature = "rusqlite", feature = "sqlx-postgres")))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unnameable_types,
    unreachable_pub,
    reason = "a test stops at the first surprise, and shares modules"
)]

#[path = "search/customers.rs"]
mod customers;
#[cfg(feature = "sqlx-postgres")]
#[path = "search_rotation/in_postgres.rs"]
mod in_postgres;
#[cfg(feature = "rusqlite")]
#[path = "search_rotation/in_sqlite.rs"]
mod in_sqlite;
#[cfg(feature = "sqlx-postgres")]
#[path = "common/postgres.rs"]
mod schema;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, Weak};
use std::thread;
use std::time::Duration;

use customers::*;
use fieldseal::field::{Query, Update};
use fieldseal::index::Stale;
use fieldseal::keyring::{KeyId, KeyState, KeyUse, RingKey};
use fieldseal::{KeyEnvelope, KeyRing, Sealed};

/// What this needs of a database. Each call is one request: a statement, or a transaction.
pub trait Database: Sync {
    type Connection;

    fn connect(&self) -> Self::Connection;
    fn insert(&self, on: &mut Self::Connection, row: &Row);
    fn read(&self, on: &mut Self::Connection, id: i64) -> Stored;
    /// Value and terms, in one transaction.
    fn update(&self, on: &mut Self::Connection, id: i64, to: &Written);
    /// The terms alone, if the values are still these.
    fn reindex(&self, on: &mut Self::Connection, id: i64, read: &Stored, to: &Written) -> bool;
    fn by_email(&self, on: &mut Self::Connection, query: &Query<String>) -> Vec<i64>;
    fn by_surname(&self, on: &mut Self::Connection, query: &Query<String>) -> Vec<i64>;
    /// Rows of which any term is out of date.
    fn stale(&self, on: &mut Self::Connection, stale: &Stale) -> Vec<i64>;
}

pub struct Stored {
    pub email: Sealed<String>,
    pub surname: Sealed<String>,
    pub keys: KeyEnvelope,
}

pub struct Written {
    pub email: Update<'static, String>,
    pub surname: Update<'static, String>,
}

const ROWS: i64 = 40;
const WRITERS: i64 = 2;
const READERS: i64 = 2;
const ROTATIONS: usize = 3;

/// One process of the application: it has the ring that it was given last.
struct Service(RwLock<Arc<KeyRing>>);

impl Service {
    /// For one request.
    fn ring(&self) -> Arc<KeyRing> {
        self.0.read().unwrap().clone()
    }
}

/// What is committed of one row. The number is odd while a change is under way.
struct Slot {
    changes: AtomicU64,
    value: Mutex<Customer>,
}

fn copy(ring: &KeyRing) -> KeyRing {
    let mut copy = KeyRing::empty();
    for key in ring.keys() {
        let (id, name, state) = (key.id(), key.name(), key.state());
        let Some(secret) = key.expose_secret() else { continue };
        let key = RingKey::symmetric(id, key.key_use(), name, state, secret.expose());
        copy.insert(key.unwrap()).unwrap();
    }
    copy
}

/// What a writer makes of a row: new values, under the envelope that is there.
fn written(ring: &KeyRing, stored: &Stored, of: &Customer) -> Written {
    let keys = stored.keys.unwrap(ring, of.id).unwrap();
    Written {
        email: EMAIL.update(&keys, &of.email).unwrap(),
        surname: SURNAME.update(&keys, &of.surname).unwrap(),
    }
}

/// The same values again, for the sake of their terms.
fn reindexed(ring: &KeyRing, id: i64, stored: &Stored) -> Written {
    let keys = stored.keys.unwrap(ring, id).unwrap();
    let email = EMAIL.open(&keys, &stored.email).unwrap();
    let surname = SURNAME.open(&keys, &stored.surname).unwrap();
    Written {
        email: EMAIL.update(&keys, &email).unwrap(),
        surname: SURNAME.update(&keys, &surname).unwrap(),
    }
}

/// Everyone gets the ring, one after the other, and the requests that began with another end.
fn give(ring: &KeyRing, services: &[Service]) {
    let mut former: Vec<Weak<KeyRing>> = Vec::new();
    for service in services {
        let ring = Arc::new(copy(ring));
        let mut place = service.0.write().unwrap();
        former.push(Arc::downgrade(&*place));
        *place = ring;
        drop(place);
        // Some have it and others have not: long enough for many requests.
        thread::sleep(Duration::from_millis(40));
    }
    while former.iter().any(|ring| ring.strong_count() > 0) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Some requests take long, and end under a ring that is no longer the latest.
fn dawdle(request: i64) {
    if request % 16 == 0 {
        thread::sleep(Duration::from_millis(100));
    }
}

fn index_key(ring: &KeyRing) -> KeyId {
    ring.primary(KeyUse::Index, "index").unwrap().id()
}

/// Stops everyone when it goes, in a panic too.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn nothing_is_lost<D: Database>(database: &D) {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_index_key().unwrap();
    let mut on = database.connect();
    let slots: Vec<_> = (0..ROWS)
        .map(|id| {
            database.insert(&mut on, &seal(&customer(id), &ring));
            Slot { changes: AtomicU64::new(0), value: Mutex::new(customer(id)) }
        })
        .collect();
    let services: Vec<_> =
        (0..WRITERS + READERS).map(|_| Service(RwLock::new(Arc::new(copy(&ring))))).collect();
    let (stop, slots, services) = (&AtomicBool::new(false), &slots[..], &services[..]);
    let (writes, checks) = (&AtomicU64::new(0), &AtomicU64::new(0));
    let slot = |id: i64| &slots[usize::try_from(id).unwrap()];
    let service = |number: i64| &services[usize::try_from(number).unwrap()];
    let running = || !stop.load(Ordering::SeqCst);

    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                let (_stop, mut on) = (Stop(stop), database.connect());
                for change in 1.. {
                    if !running() {
                        break;
                    }
                    // Each has rows of its own, so that the model knows the order of the changes.
                    let id = (change % (ROWS / WRITERS)) * WRITERS + writer;
                    let new = Customer { id, ..customer(id + change * ROWS) };
                    let ring = service(writer).ring();
                    slot(id).changes.fetch_add(1, Ordering::SeqCst);
                    let stored = database.read(&mut on, id);
                    dawdle(change);
                    database.update(&mut on, id, &written(&ring, &stored, &new));
                    *slot(id).value.lock().unwrap() = new;
                    slot(id).changes.fetch_add(1, Ordering::SeqCst);
                    writes.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for reader in 0..READERS {
            scope.spawn(move || {
                let (_stop, mut on) = (Stop(stop), database.connect());
                for question in 0_i64.. {
                    if !running() {
                        break;
                    }
                    let id = (question * 7 + reader) % ROWS;
                    let before = slot(id).changes.load(Ordering::SeqCst);
                    let committed = slot(id).value.lock().unwrap().clone();
                    let ring = service(WRITERS + reader).ring();
                    let email = EMAIL_INDEX.query(&*ring, committed.email.as_str()).unwrap();
                    dawdle(question);
                    let by_email = database.by_email(&mut on, &email);
                    let begin = &committed.surname[..3];
                    let surname = SURNAME_PREFIX.query(&*ring, begin).unwrap();
                    let by_surname = database.by_surname(&mut on, &surname);
                    let after = slot(id).changes.load(Ordering::SeqCst);
                    if before % 2 == 0 && before == after {
                        assert!(by_email.contains(&id), "row {id} is lost to its e-mail address");
                        assert!(by_surname.contains(&id), "row {id} is lost to its surname");
                        checks.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }

        let _stop = Stop(stop);
        for _ in 0..ROTATIONS {
            let (old, began) = (index_key(&ring), checks.load(Ordering::SeqCst));
            let new = ring.introduce(KeyUse::Index, "index").unwrap();
            give(&ring, services);
            ring.set_state(new, KeyState::Primary).unwrap();
            give(&ring, services);
            // Nobody writes under the old one any more, so that this ends.
            loop {
                let stale = database.stale(&mut on, &EMAIL_INDEX.stale(&ring).unwrap());
                if stale.is_empty() {
                    break;
                }
                // In batches, as a job would: rows are changed between reading and writing.
                let read = |id| {
                    let stored = database.read(&mut on, id);
                    let terms = reindexed(&ring, id, &stored);
                    (id, stored, terms)
                };
                for (id, stored, terms) in stale.into_iter().map(read).collect::<Vec<_>>() {
                    // What was changed meanwhile, was so under the new key.
                    let _ = database.reindex(&mut on, id, &stored, &terms);
                }
                assert!(running(), "another thread has failed");
            }
            ring.force_destroy(old).unwrap();
            give(&ring, services);
            assert!(running(), "another thread has failed");
            assert!(checks.load(Ordering::SeqCst) > began + 10, "too little was asked meanwhile");
        }
    });

    // At rest, every row is found by what it is, and by nothing else.
    assert!(writes.load(Ordering::SeqCst) > 50 && checks.load(Ordering::SeqCst) > 50);
    for slot in slots {
        let value = slot.value.lock().unwrap();
        let query = EMAIL_INDEX.query(&ring, value.email.as_str()).unwrap();
        assert_eq!(database.by_email(&mut on, &query), [value.id]);
        let first = customer(value.id);
        if first.email != value.email {
            let query = EMAIL_INDEX.query(&ring, first.email.as_str()).unwrap();
            assert_eq!(database.by_email(&mut on, &query), [0; 0]);
        }
    }
}

/// Why a key is introduced first: whoever has an older ring does not ask under the new key.
fn a_key_that_is_primary_at_once_hides_rows<D: Database>(database: &D) {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_index_key().unwrap();
    let (mut on, late) = (database.connect(), copy(&ring));
    ring.rotate(KeyUse::Index, "index").unwrap();
    database.insert(&mut on, &seal(&customer(1), &ring));
    let ask = |ring: &KeyRing| EMAIL_INDEX.query(ring, customer(1).email.as_str()).unwrap();
    assert_eq!(database.by_email(&mut on, &ask(&ring)), [1]);
    assert_eq!(database.by_email(&mut on, &ask(&late)), [0; 0]);
}

/// Why the old key is kept until nothing is stale.
fn a_key_that_goes_too_early_takes_rows_with_it<D: Database>(database: &D) {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_index_key().unwrap();
    let (mut on, old) = (database.connect(), index_key(&ring));
    database.insert(&mut on, &seal(&customer(1), &ring));
    let new = ring.introduce(KeyUse::Index, "index").unwrap();
    ring.set_state(new, KeyState::Primary).unwrap();
    let ask = |ring: &KeyRing| EMAIL_INDEX.query(ring, customer(1).email.as_str()).unwrap();
    assert_eq!(database.by_email(&mut on, &ask(&ring)), [1]);
    assert_eq!(database.stale(&mut on, &EMAIL_INDEX.stale(&ring).unwrap()), [1]);
    ring.set_state(old, KeyState::Disabled).unwrap();
    assert_eq!(database.by_email(&mut on, &ask(&ring)), [0; 0]);
    // It is still there to be found by what it is: stale.
    let stored = database.read(&mut on, 1);
    let terms = reindexed(&ring, 1, &stored);
    assert!(database.reindex(&mut on, 1, &stored, &terms));
    assert_eq!(database.by_email(&mut on, &ask(&ring)), [1]);
    assert_eq!(database.stale(&mut on, &EMAIL_INDEX.stale(&ring).unwrap()), [0; 0]);
}

/// Terms of a value that was changed meanwhile must not be written beside the new one.
fn terms_of_a_value_that_has_changed_are_not_written<D: Database>(database: &D) {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_index_key().unwrap();
    let mut on = database.connect();
    database.insert(&mut on, &seal(&customer(1), &ring));
    let stored = database.read(&mut on, 1);
    let terms = reindexed(&ring, 1, &stored);
    let new = Customer { id: 1, ..customer(2) };
    database.update(&mut on, 1, &written(&ring, &stored, &new));
    assert!(!database.reindex(&mut on, 1, &stored, &terms));
    let ask = |email: &str| EMAIL_INDEX.query(&ring, email).unwrap();
    assert_eq!(database.by_email(&mut on, &ask(&new.email)), [1]);
    assert_eq!(database.by_email(&mut on, &ask(&customer(1).email)), [0; 0]);
    let begin = |surname: &str| SURNAME_PREFIX.query(&ring, &surname[..4]).unwrap();
    assert_eq!(database.by_surname(&mut on, &begin(&new.surname)), [1]);
    assert_eq!(database.by_surname(&mut on, &begin(&customer(1).surname)), [0; 0]);
}

const TWICE: &str = "ada@example.com";
/// In either database.
const ACCOUNTS: &str = "CREATE TABLE account (email_index BYTEA NOT NULL UNIQUE)";

/// The rings of two services in the middle of a rotation: both hold both keys, and write under another.
fn halfway() -> [KeyRing; 2] {
    let key = |number, state| {
        let secret = [u8::try_from(number).unwrap(); 32];
        let id = KeyId::new(number).unwrap();
        RingKey::symmetric(id, KeyUse::Index, "index", state, &secret).unwrap()
    };
    let ring = |first, second| {
        let mut ring = KeyRing::empty();
        ring.insert(key(1, first)).unwrap();
        ring.insert(key(2, second)).unwrap();
        ring
    };
    let (primary, open_only) = (KeyState::Primary, KeyState::OpenOnly);
    [ring(primary, open_only), ring(open_only, primary)]
}

/// Two services, of which one has rotated, take the same addresses at once. The call says whether it was taken.
fn each_is_there_once(taken: &(dyn Fn(&KeyRing, &str) -> bool + Sync)) {
    const ADDRESSES: usize = 12;
    let rings = halfway();
    let refused: usize = thread::scope(|scope| {
        let services: Vec<_> = rings
            .iter()
            .map(|ring| {
                scope.spawn(move || {
                    (0..ADDRESSES)
                        .filter(|n| taken(ring, &format!("customer-{n}@example.com")))
                        .count()
                })
            })
            .collect();
        services.into_iter().map(|service| service.join().unwrap()).sum()
    });
    assert_eq!(refused, ADDRESSES, "each address once, and refused once");
}

//! Key stores: one contract for all of them, and what each does besides.
#![cfg(feature = "rusqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

#[path = "key_stores/answers.rs"]
mod answers;
mod common;
#[path = "key_stores/contract.rs"]
mod contract;
#[path = "key_stores/damaged.rs"]
mod damaged;
#[path = "key_stores/kept.rs"]
mod kept;
#[path = "key_stores/pages.rs"]
mod pages;
#[cfg(feature = "sqlx-postgres")]
#[path = "key_stores/pooled.rs"]
mod pooled;
#[path = "key_stores/queue.rs"]
mod queue;
#[path = "key_stores/sight.rs"]
mod sight;
#[path = "key_stores/snapshots.rs"]
mod snapshots;
#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
#[path = "key_stores/sqlx.rs"]
mod through_sqlx;
#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
#[path = "key_stores/waiting.rs"]
mod waiting;
#[path = "key_stores/whole.rs"]
mod whole;

use common::*;
use contract::*;
use fieldseal::store::{SqliteKeyStore, SubjectColumn};
use fieldseal::{ErrorKind, KeyEnvelope, KeyStore, ToId};
use rusqlite::Connection;

fn renew(store: &dyn Contract, id: &fieldseal::SubjectId) -> Result<KeyEnvelope, ErrorKind> {
    store.change("", id, &mut |edit| edit.renew(CONTACT))
}

#[test]
fn what_is_stored_is_loaded_and_nothing_else() {
    on_every_store(|store| {
        for tenant in store.tenants() {
            let envelope = fresh(tenant, &store.id(7));
            assert_eq!(store.load(tenant, &store.id(7)), None);
            store.save(tenant, &store.id(7), &envelope).unwrap();
            assert_eq!(store.load(tenant, &store.id(7)), Some(envelope.clone()));
            assert_eq!(store.load(tenant, &store.id(8)), None);
            assert_eq!(store.load("another", &store.id(7)), None);
            let many = store.load_many(tenant, &[store.id(8), store.id(7), store.id(9)]);
            assert_eq!(many, [None, Some(envelope), None]);
        }
    });
}

#[test]
fn keys_are_stored_under_their_own_tenant_and_subject() {
    on_every_store(|store| {
        let ring = admin();
        for tenant in store.tenants() {
            let id = store.id(7);
            let access = at(&ring).tenant(tenant);
            let keys = fieldseal::DataKeys::create(access, &id, [CONTACT]).unwrap();
            store.save_keys(&keys).unwrap();
            assert_eq!(store.load(tenant, &id).as_ref(), Some(keys.envelope()));
            assert_eq!(store.save_keys(&keys), Err(ErrorKind::Conflict), "as any envelope");
        }
        assert_eq!(store.pages(9).concat().len(), store.tenants().len());
    });
}

/// `[ED-1]`, `[ED-2]`
#[test]
fn only_the_next_version_is_stored() {
    on_every_store(|store| {
        let id = store.id(7);
        let first = fresh("", &id);
        let second = renewed("", &id, &first);
        let third = renewed("", &id, &second);
        for too_late in [&second, &third] {
            let refused = store.save("", &id, too_late);
            assert_eq!(refused, Err(ErrorKind::UnknownSubject), "none is stored");
        }
        store.save("", &id, &first).unwrap();
        for refused in [&first, &fresh("", &id), &third] {
            assert_eq!(store.save("", &id, refused), Err(ErrorKind::Conflict));
            assert_eq!(store.load("", &id).as_ref(), Some(&first));
        }
        store.save("", &id, &second).unwrap();
        let loser = renewed("", &id, &first);
        assert_eq!(store.save("", &id, &loser), Err(ErrorKind::Conflict), "the loser of a race");
        store.save("", &id, &third).unwrap();
        assert_eq!(store.load("", &id), Some(third));
        let broken = KeyEnvelope::from_bytes(*b"no envelope");
        assert_eq!(store.save("", &id, &broken), Err(ErrorKind::NotSealed));
    });
}

#[test]
fn a_scan_gives_each_envelope_once_in_pages() {
    on_every_store(|store| {
        let mut all = Vec::new();
        for tenant in store.tenants() {
            for number in (0..40).filter(|number| number % 3 != 1) {
                let id = store.id(number);
                let envelope = fresh(tenant, &id);
                store.save(tenant, &id, &envelope).unwrap();
                all.push((tenant.to_string(), id, envelope));
            }
        }
        for limit in [1, 7, 13, 1_000] {
            let pages = store.pages(limit);
            assert!(pages.iter().rev().skip(1).all(|page| page.len() == limit));
            assert_eq!(pages.concat(), all, "in pages of {limit}");
        }
    });
}

#[test]
fn erasing_leaves_a_mark_that_keeps_the_subject_from_being_begun() {
    on_every_store(|store| {
        let (held, never) = (store.id(7), store.id(8));
        store.save("", &held, &fresh("", &held)).unwrap();
        for (id, version) in [(&held, 2), (&never, 1)] {
            let mark = if id == &never { store.erase_absent("", id) } else { store.erase("", id) };
            let mark = mark.unwrap();
            assert_eq!(store.load("", id).as_ref(), Some(&mark));
            assert_eq!((info(&mark).version, info(&mark).subject_erased_at), (version, Some(NOW)));
            assert_eq!(store.erase("", id), Ok(mark.clone()), "once");
            assert_eq!(store.erase_absent("", id), Ok(mark), "once");
            assert_eq!(store.save("", id, &fresh("", id)), Err(ErrorKind::Erased));
            assert_eq!(renew(store, id).unwrap_err(), ErrorKind::Erased);
        }
        let two = store.pages(9).concat();
        assert_eq!(two.len(), 2, "the marks are scanned");
    });
}

/// A receipt of an erasure that erased nobody would be believed.
#[test]
fn an_erasure_of_nobody_is_refused_and_leaves_no_mark() {
    on_every_store(|store| {
        let held = store.id(7);
        let envelope = fresh("", &held);
        store.save("", &held, &envelope).unwrap();
        for (tenant, id) in [("", store.id(8)), ("another", held.clone())] {
            assert_eq!(store.erase(tenant, &id), Err(ErrorKind::UnknownSubject));
            assert_eq!(store.load(tenant, &id), None);
        }
        assert_eq!(store.load("", &held), Some(envelope));
        assert_eq!(store.pages(9).concat().len(), 1);
    });
}

#[test]
fn erasing_who_may_be_absent_erases_who_is_there() {
    on_every_store(|store| {
        let held = store.id(7);
        store.save("", &held, &fresh("", &held)).unwrap();
        let mark = store.erase_absent("", &held).unwrap();
        assert_eq!((info(&mark).version, info(&mark).subject_erased_at), (2, Some(NOW)));
        assert_eq!(store.load("", &held), Some(mark));
    });
}

#[test]
fn a_change_needs_an_envelope() {
    on_every_store(|store| {
        assert_eq!(renew(store, &store.id(7)).unwrap_err(), ErrorKind::UnknownSubject);
        store.save("", &store.id(7), &fresh("", &store.id(7))).unwrap();
        let changed = renew(store, &store.id(7)).unwrap();
        assert_eq!(store.load("", &store.id(7)), Some(changed));
    });
}

/// Many threads change one subject in a database file: each change that was reported is there.
#[test]
fn changes_that_race_are_all_there() {
    const THREADS: u16 = 4;
    const CHANGES: u16 = 12;
    let folder = std::env::temp_dir().join(format!("fieldseal-stores-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("race.db");
    let _ = std::fs::remove_file(&path);
    let open = || {
        let db = Connection::open(&path).unwrap();
        db.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
        db
    };
    let store = SqliteKeyStore::new();
    let db = open();
    store.migrate(&db).unwrap();
    store.save_unchecked(&db, "", 42, &fresh("", &number(42))).unwrap();
    let done: u16 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let (db, ring) = (open(), admin());
                    let changes = (0..CHANGES).filter(|_| {
                        match store.change(&db, at(&ring), 42, |edit| edit.renew(CONTACT)) {
                            Ok(_) => true,
                            Err(error) => {
                                assert_eq!(error.kind(), ErrorKind::Conflict);
                                false
                            }
                        }
                    });
                    u16::try_from(changes.count()).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let stored = info(&store.load(&db, "", 42).unwrap().unwrap());
    assert_eq!(
        (stored.version, stored.entries.len()),
        (1 + u64::from(done), 1 + usize::from(done))
    );
    assert!(done > CHANGES);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What could not be committed is undone, and leaves no transaction open that would swallow what is stored
/// after it.
#[test]
fn a_change_that_a_reader_holds_up_leaves_no_transaction_behind() {
    let folder = std::env::temp_dir().join(format!("fieldseal-held-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("held.db");
    let _ = std::fs::remove_file(&path);
    let open = || Connection::open(&path).unwrap();
    let (store, ring, db, other) = (SqliteKeyStore::new(), admin(), open(), open());
    db.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).unwrap();
    db.busy_timeout(std::time::Duration::from_millis(100)).unwrap();
    store.migrate(&db).unwrap();
    let first = fresh("", &number(42));
    store.save_unchecked(&db, "", 42, &first).unwrap();

    let mut read = other.prepare("SELECT subject FROM fieldseal_keys").unwrap();
    let mut rows = read.query([]).unwrap();
    assert!(rows.next().unwrap().is_some());
    let error = store.change(&db, at(&ring), 42, |edit| edit.renew(CONTACT)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retry, "{error}");
    assert!(db.is_autocommit(), "no transaction is left open");
    assert_eq!(store.load(&db, "", 42).unwrap(), Some(first), "it is undone");
    assert_eq!(store.reseal_queue(&db, None, 9).unwrap(), []);
    drop(rows);
    drop(read);

    let mark = store.erase(&db, at(&ring), 42).unwrap().envelope().clone();
    drop(db);
    assert_eq!(store.load(&other, "", 42).unwrap(), Some(mark), "it is in the file");
    drop(other);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_envelope_goes_with_the_callers_transaction() {
    let mut db = Connection::open_in_memory().unwrap();
    let store = SqliteKeyStore::new();
    store.migrate(&db).unwrap();
    let envelope = fresh("", &number(42));
    let transaction = db.transaction().unwrap();
    store.save_unchecked(&transaction, "", 42, &envelope).unwrap();
    transaction.rollback().unwrap();
    assert_eq!(store.load(&db, "", 42).unwrap(), None);
    let transaction = db.transaction().unwrap();
    store.save_unchecked(&transaction, "", 42, &envelope).unwrap();
    transaction.commit().unwrap();
    assert_eq!(store.load(&db, "", 42).unwrap(), Some(envelope));
}

/// In the mode where readers and writers pass each other, a transaction that has read cannot write what
/// would undo another's change: it is told to begin again, by that kind.
#[test]
fn a_transaction_that_came_too_late_is_to_begin_again() {
    let folder = std::env::temp_dir().join(format!("fieldseal-late-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let open = || Connection::open(folder.join("late.db")).unwrap();
    let (store, ring, early, mut late) = (SqliteKeyStore::new(), admin(), open(), open());
    early.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    store.migrate(&early).unwrap();
    store.save_unchecked(&early, "", 42, &fresh("", &number(42))).unwrap();
    for change in [
        |edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| edit.renew(CONTACT),
        |edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| edit.rewrap([CONTACT]).map(drop),
    ] {
        let transaction = late.transaction().unwrap();
        store.load(&transaction, "", 42).unwrap();
        store.change(&early, at(&ring), 42, change).unwrap();
        let error = store.change(&transaction, at(&ring), 42, change).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Retry, "{error}");
        transaction.rollback().unwrap();
    }
    assert_eq!(info(&store.load(&late, "", 42).unwrap().unwrap()).version, 3);
    drop((early, late));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What was read is compared as it stands there, whatever its form.
#[test]
fn an_inline_column_may_change_its_form() {
    let of = inline("INTEGER", SubjectColumn::Integer, number);
    let texts = of.store.clone().text().unwrap();
    let first = fresh("", &number(7));
    texts.save_unchecked(&of.on, "", 7, &first).unwrap();
    let second = renewed("", &number(7), &first);
    of.store.save_unchecked(&of.on, "", 7, &second).unwrap();
    texts.save_unchecked(&of.on, "", 7, &renewed("", &number(7), &second)).unwrap();
    let form: String = of
        .on
        .query_row("SELECT keys FROM \"customers \"\"1\"\"\" WHERE \"the id\" = 7", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert!(form.starts_with("fs1."));
}

#[test]
fn an_inline_column_holds_one_tenants_subjects_of_its_own_type() {
    let of = inline("INTEGER", SubjectColumn::Integer, number);
    let store = of.store.tenant("acme").unwrap();
    let envelope = fresh("acme", &number(7));
    assert_eq!(kind(store.save_unchecked(&of.on, "", 7, &envelope)), ErrorKind::Declaration);
    store.save_unchecked(&of.on, "acme", 7, &envelope).unwrap();
    assert_eq!(store.scan(&of.on, None, 9).unwrap()[0].tenant, "acme");
    assert_eq!(
        kind(store.save_unchecked(&of.on, "acme", "7", &envelope)),
        ErrorKind::InvalidInput,
        "no such ids"
    );
    let no_row = store.save_unchecked(&of.on, "acme", 4_000, &envelope);
    assert_eq!(kind(no_row), ErrorKind::UnknownSubject);
    assert_eq!(kind(SqliteKeyStore::new().tenant("acme")), ErrorKind::Declaration);
    assert_eq!(kind(SqliteKeyStore::new().text()), ErrorKind::Declaration);
    assert_eq!(
        kind(SqliteKeyStore::inline("", ("id", SubjectColumn::Text), "keys")),
        ErrorKind::Declaration
    );
}

/// `[ED-1]` Two rows of one subject would each hold an envelope.
#[test]
fn a_subject_with_several_rows_is_refused() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE orders (customer INTEGER, keys BLOB); INSERT INTO orders VALUES (7, NULL), (7, NULL);").unwrap();
    let store =
        SqliteKeyStore::inline("orders", ("customer", SubjectColumn::Integer), "keys").unwrap();
    assert_eq!(
        kind(store.save_unchecked(&db, "", 7, &fresh("", &number(7)))),
        ErrorKind::Declaration
    );
    let written: i64 =
        db.query_row("SELECT count(keys) FROM orders", [], |row| row.get(0)).unwrap();
    assert_eq!(written, 0, "and neither is written");
}

#[test]
fn encoded_ids_are_read_back_and_nothing_else_is() {
    let ids: [&dyn ToId; 7] = [&0, &u64::MAX, &-1, &i64::MIN, &"ada", &b"\x00", &("acme", 7, "x")];
    for id in ids {
        let id = id.to_id().unwrap();
        assert_eq!(fieldseal::Id::from_encoded(id.as_bytes()).unwrap(), id);
    }
    for bad in [
        &b""[..],
        b"\x00",
        b"\x01",
        b"\x01\0\0\0\0\0\0\0",
        b"\x01\0\0\0\0\0\0\0\0\0",
        b"\x02",
        b"\x02\xFF",
        b"\x03abc",
        b"\x04",
        b"\x05\0\0\0\0\0\0\0\0",
        b"\x06",
        b"\x06\x02\x02a",
        b"\x06\x02\x02a\x02\x02",
        b"\x06\x02\x02a\x05\x06\x01\x02\x02b",
        b"\x07a",
    ] {
        let error = fieldseal::Id::from_encoded(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "ID-5: {bad:?}");
    }
}

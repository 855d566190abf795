//! People whose key envelope is damaged are erased all the same.

use fieldseal::store::{SqliteKeyStore, SubjectColumn};
use fieldseal::{ErrorKind, KeyEnvelope, KeyRing, KeyStore, MemoryKeyStore};
use rusqlite::{Connection, params};

use crate::common::*;
use crate::contract::*;

/// Each byte altered, each length cut, and what is nothing.
fn damages(whole: &KeyEnvelope) -> Vec<Vec<u8>> {
    let bytes = whole.as_bytes();
    let altered = (0..bytes.len()).map(|at| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    });
    let cut = [0, 1, 39, 40, bytes.len() - 1].map(|len| bytes[..len].to_vec());
    altered.chain(cut).collect()
}

#[test]
fn an_erasure_goes_through_whatever_byte_of_the_envelope_is_damaged() {
    let db = Connection::open_in_memory().unwrap();
    let store = SqliteKeyStore::new();
    store.migrate(&db).unwrap();
    let (ring, whole) = (admin(), fresh("", &number(7)));
    store.save_unchecked(&db, "", 7, &whole).unwrap();
    for damaged in damages(&whole) {
        let update = "UPDATE fieldseal_keys SET envelope = ?, version = 1";
        db.execute(update, params![damaged]).unwrap();
        let erased = store.erase_damaged(&db, at(&ring), 7);
        let erasure = erased.unwrap_or_else(|error| panic!("{damaged:?}: {error}"));
        let stored = store.load(&db, "", 7).unwrap().unwrap();
        assert_eq!(&stored, erasure.envelope());
        assert!(stored.inspect().unwrap().subject_erased_at.is_some());
        // The mark is as any other: it is found, and can be erased again.
        let _ = store.erase(&db, at(&ring), 7).unwrap();
    }
    assert_eq!(
        store.erase_damaged(&db, at(&ring), 8).unwrap_err().kind(),
        ErrorKind::UnknownSubject
    );
}

#[test]
fn an_envelope_that_verifies_or_is_another_rings_is_not_replaced() {
    let (store, ring) = (MemoryKeyStore::new(), admin());
    let whole = fresh("", &number(7));
    store.save_unchecked(&(), "", 7, &whole).unwrap();
    let other = KeyRing::generate().unwrap();
    let refused = store.erase_damaged(&(), at(&other), 7).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::WrongKey);
    assert_eq!(store.load(&(), "", 7).unwrap(), Some(whole));
    let erasure = store.erase_damaged(&(), at(&ring), 7).unwrap();
    assert_eq!(erasure.envelope().version().unwrap(), 2, "it was erased as any other");

    // One of a later version, as far as its first byte tells.
    store.save_unchecked(&(), "", 8, &fresh("", &number(8))).unwrap();
    let later = KeyEnvelope::from_bytes([&[0xF8], &fresh("", &number(8)).as_bytes()[1..]].concat());
    let stored = store.load(&(), "", 8).unwrap().unwrap();
    store.replace_damaged(&(), "", &number(8), &stored, &later).unwrap();
    let refused = store.erase_damaged(&(), at(&ring), 8).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert_eq!(store.load(&(), "", 8).unwrap(), Some(later));
}

#[test]
fn what_was_stored_meanwhile_is_not_replaced() {
    let (store, ring) = (MemoryKeyStore::new(), admin());
    let whole = fresh("", &number(7));
    store.save_unchecked(&(), "", 7, &whole).unwrap();
    let other = KeyEnvelope::from_bytes([0xF6; 50]);
    let mark = store.erase_absent(&(), at(&ring), 8).unwrap();
    let refused = store.replace_damaged(&(), "", &number(7), &other, mark.envelope()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(store.load(&(), "", 7).unwrap(), Some(whole));
}

#[test]
fn a_damaged_column_takes_the_mark_in_its_own_form() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, keys); INSERT INTO people (id) VALUES (7)",
    )
    .unwrap();
    let store = SqliteKeyStore::inline("people", ("id", SubjectColumn::Integer), "keys").unwrap();
    for text in ["fs1.9g", "nothing", ""] {
        db.execute("UPDATE people SET keys = ?", params![text]).unwrap();
        let _ = store.erase_damaged(&db, at(&admin()), 7).unwrap();
        let kept: String = db.query_row("SELECT keys FROM people", [], |row| row.get(0)).unwrap();
        assert!(kept.starts_with("fs1."), "{kept}");
    }
}

#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
mod through_sqlx {
    use fieldseal::AsyncKeyStore;
    use fieldseal::store::{SqlxDatabase, SqlxKeyStore};
    use sqlx::Connection as _;

    use super::*;

    #[allow(dead_code, reason = "by features")]
    async fn check<DB: SqlxDatabase>(
        on: &mut DB::Connection,
        damage: impl AsyncFn(&mut DB::Connection, Vec<u8>),
    ) {
        let store = SqlxKeyStore::<DB>::new();
        store.migrate(on).await.unwrap();
        let (ring, whole) = (admin(), fresh("", &number(7)));
        store.save_unchecked(on, "", 7, &whole).await.unwrap();
        for damaged in damages(&whole).into_iter().step_by(7) {
            damage(on, damaged.clone()).await;
            let plain = store.erase(on, at(&ring), 7).await;
            assert!(plain.is_err(), "it does not verify");
            let erasure = store.erase_damaged(on, at(&ring), 7).await.unwrap();
            assert_eq!(store.load(on, "", 7).await.unwrap().as_ref(), Some(erasure.envelope()));
            let _ = store.erase(on, at(&ring), 7).await.unwrap();
        }
    }

    #[cfg(feature = "sqlx-sqlite")]
    #[test]
    fn an_erasure_goes_through_over_a_damaged_envelope_through_sqlx() {
        crate::waiting::runtime().block_on(async {
            let mut on = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
            let damage = async |on: &mut sqlx::SqliteConnection, bytes: Vec<u8>| {
                let update = sqlx::query("UPDATE fieldseal_keys SET envelope = $1, version = 1");
                update.bind(bytes).execute(on).await.unwrap();
            };
            check::<sqlx::Sqlite>(&mut on, damage).await;
        });
    }

    #[cfg(feature = "sqlx-postgres")]
    #[test]
    fn an_erasure_goes_through_over_a_damaged_envelope_on_postgres() {
        let Some(schema) = postgres::Schema::new() else { return };
        crate::waiting::runtime().block_on(async {
            let mut on = sqlx::PgConnection::connect(schema.url()).await.unwrap();
            let damage = async |on: &mut sqlx::PgConnection, bytes: Vec<u8>| {
                let update = sqlx::query("UPDATE fieldseal_keys SET envelope = $1, version = 1");
                update.bind(bytes).execute(on).await.unwrap();
            };
            check::<sqlx::Postgres>(&mut on, damage).await;
        });
    }
}

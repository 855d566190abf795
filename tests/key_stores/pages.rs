//! Pages of a pass, each of which is saved at once: what another stores meanwhile, and what a database refuses.

#![allow(clippy::print_stdout, reason = "what is measured has to be seen")]

use std::collections::BTreeSet;

use fieldseal::store::{PassReport, SqliteKeyStore};
use fieldseal::{ErrorKind, KeyStore, SubjectId};
use rusqlite::Connection;

use crate::common::*;
use crate::contract::*;

const ALL: std::ops::Range<u64> = 1..20;
/// Whose envelope another stores while the page is changed.
const RACED: u64 = 7;

fn filled(store: &SqliteKeyStore, on: &Connection) {
    for number in ALL {
        store.save_unchecked(on, "", number, &fresh("", &crate::number(number))).unwrap();
    }
}

fn versions(store: &SqliteKeyStore, on: &Connection) -> Vec<u64> {
    ALL.map(|number| info(&store.load(on, "", number).unwrap().unwrap()).version).collect()
}

/// Two connections to a file, and a store of a table of its own or in a column.
fn stores(folder: &ring::Folder) -> Vec<(SqliteKeyStore, Connection, Connection)> {
    ["own", "inline"]
        .into_iter()
        .map(|name| {
            let path = folder.join(name);
            let (one, other) = (Connection::open(&path).unwrap(), Connection::open(&path).unwrap());
            let column = ("id", fieldseal::store::SubjectColumn::Integer);
            let store = match name {
                "own" => SqliteKeyStore::new(),
                _ => SqliteKeyStore::inline("customer", column, "keys").unwrap(),
            };
            store.migrate(&one).unwrap();
            one.execute_batch("CREATE TABLE customer (id INTEGER PRIMARY KEY, keys BLOB)").unwrap();
            for number in ALL {
                one.execute("INSERT INTO customer VALUES (?, NULL)", [number.to_string()]).unwrap();
            }
            filled(&store, &one);
            (store, one, other)
        })
        .collect()
}

#[track_caller]
fn is_all(pass: &PassReport) {
    assert_eq!((pass.seen, pass.changed, pass.failed.len()), (19, 19, 0), "{pass:?}");
}

#[test]
fn an_envelope_that_another_stored_meanwhile_does_not_keep_its_page_from_being_saved() {
    let folder = ring::Folder::new();
    for (store, on, other) in stores(&folder) {
        let (ring, mut calls) = (admin(), 0);
        let pass = store.change_all(&on, at(&ring), |one, edit| {
            calls += 1;
            if calls == 15 {
                let raced = number(RACED);
                let first = store.load(&other, "", &raced).unwrap().unwrap();
                store.save_unchecked(&other, "", RACED, &renewed("", &raced, &first)).unwrap();
            }
            assert!(one.subject != number(RACED) || info(&one.envelope).version < 3);
            edit.renew(CONTACT)
        });
        is_all(&pass.unwrap());
        assert_eq!(calls, 20, "the one is changed again, and no other");
        let expected: Vec<u64> = ALL.map(|number| if number == RACED { 3 } else { 2 }).collect();
        assert_eq!(versions(&store, &on), expected);
        let queued = store.reseal_queue(&on, None, 99).unwrap();
        let queued: BTreeSet<SubjectId> = queued.into_iter().map(|one| one.subject).collect();
        assert_eq!(queued, ALL.map(number).collect(), "and what they queue");
    }
}

/// A row that the database refuses ends the pass, and what is before it in the page is stored.
#[test]
fn a_row_that_is_refused_undoes_nothing_of_the_rows_before_it() {
    let folder = ring::Folder::new();
    for (store, on, _other) in stores(&folder) {
        // The one has no such table.
        SqliteKeyStore::new().migrate(&on).unwrap();
        on.execute_batch(
            "CREATE TRIGGER no_keys BEFORE UPDATE ON fieldseal_keys
             WHEN new.subject = X'010000000000000007' BEGIN SELECT RAISE(ABORT, 'no more'); END;
             CREATE TRIGGER no_customer BEFORE UPDATE ON customer
             WHEN new.id = 7 BEGIN SELECT RAISE(ABORT, 'no more'); END;",
        )
        .unwrap();
        let pass = store.change_all(&on, at(&admin()), |_, edit| edit.renew(CONTACT));
        assert_eq!(pass.unwrap_err().kind(), ErrorKind::Io);
        let expected: Vec<u64> = ALL.map(|number| if number < RACED { 2 } else { 1 }).collect();
        assert_eq!(versions(&store, &on), expected);
        assert!(on.is_autocommit(), "no transaction is left open");
    }
}

/// The caller's transaction has the page, and undoes it.
#[test]
fn a_page_inside_of_a_transaction_is_the_transactions() {
    let folder = ring::Folder::new();
    for (store, mut on, _other) in stores(&folder) {
        let transaction = on.transaction().unwrap();
        is_all(
            &store.change_all(&transaction, at(&admin()), |_, edit| edit.renew(CONTACT)).unwrap(),
        );
        assert_eq!(versions(&store, &transaction), vec![2; 19]);
        transaction.rollback().unwrap();
        assert_eq!(versions(&store, &on), vec![1; 19]);
        assert_eq!(store.reseal_queue(&on, None, 9).unwrap(), []);
    }
}

#[cfg(feature = "sqlx-postgres")]
mod on_postgres {
    use fieldseal::AsyncKeyStore as _;
    use fieldseal::store::{SqlxKeyStore, SubjectColumn};
    use sqlx::{Connection as _, PgConnection, Postgres};

    use super::*;
    use crate::waiting::runtime;

    type Store = SqlxKeyStore<Postgres>;

    async fn begun(schema: &postgres::Schema) -> (PgConnection, [Store; 3]) {
        let mut on = PgConnection::connect(schema.url()).await.unwrap();
        let column = ("id", SubjectColumn::Integer);
        let stores = [
            Store::new(),
            Store::inline("customer", column, "keys").unwrap(),
            Store::inline("customer", column, "spelled").unwrap().text().unwrap(),
        ];
        stores[0].migrate(&mut on).await.unwrap();
        sqlx::raw_sql(
            "CREATE TABLE customer (id INTEGER PRIMARY KEY, keys BYTEA, spelled VARCHAR(9000));
             INSERT INTO customer SELECT n, NULL, NULL FROM generate_series(1, 100000) n",
        )
        .execute(&mut on)
        .await
        .unwrap();
        (on, stores)
    }

    async fn versions(store: &Store, on: &mut PgConnection) -> Vec<u64> {
        let subjects: Vec<SubjectId> = ALL.map(number).collect();
        let all = store.load_many(on, "", &subjects).await.unwrap();
        all.iter().map(|one| info(one.as_ref().unwrap()).version).collect()
    }

    async fn save_raced(url: &str, store: &Store) {
        let (mut other, raced) = (PgConnection::connect(url).await.unwrap(), number(RACED));
        let first = store.load(&mut other, "", &raced).await.unwrap().unwrap();
        let next = renewed("", &raced, &first);
        store.save_unchecked(&mut other, "", &raced, &next).await.unwrap();
    }

    #[test]
    fn an_envelope_that_another_stored_meanwhile_does_not_keep_its_page_from_being_saved() {
        let Some(schema) = postgres::Schema::new() else { return };
        runtime().block_on(async {
            let (mut on, stores) = begun(&schema).await;
            for store in stores {
                for number in ALL {
                    let envelope = fresh("", &crate::number(number));
                    store.save_unchecked(&mut on, "", number, &envelope).await.unwrap();
                }
                let (ring, mut calls) = (admin(), 0);
                let pass = store.change_all(&mut on, at(&ring), |_, edit| {
                    calls += 1;
                    if calls == 15 {
                        std::thread::scope(|scope| {
                            let save = || runtime().block_on(save_raced(schema.url(), &store));
                            scope.spawn(save).join().unwrap();
                        });
                    }
                    edit.renew(CONTACT)
                });
                is_all(&pass.await.unwrap());
                assert_eq!(calls, 20);
                let expected: Vec<u64> =
                    ALL.map(|number| if number == RACED { 3 } else { 2 }).collect();
                assert_eq!(versions(&store, &mut on).await, expected);
                let queued = store.reseal_queue(&mut on, None, 99).await.unwrap();
                assert_eq!(queued.len(), 19);
                for one in queued {
                    store.resealed(&mut on, &one).await.unwrap();
                }
            }
        });
    }

    /// A trigger that keeps the former envelope of one.
    #[test]
    fn an_envelope_that_a_trigger_keeps_as_it_was_is_not_called_changed_with_its_page() {
        let Some(schema) = postgres::Schema::new() else { return };
        runtime().block_on(async {
            let (mut on, [store, ..]) = begun(&schema).await;
            for number in ALL {
                let envelope = fresh("", &crate::number(number));
                store.save_unchecked(&mut on, "", number, &envelope).await.unwrap();
            }
            sqlx::raw_sql(
                "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN new.envelope = old.envelope; new.version = old.version; RETURN new; END $$;
                 CREATE TRIGGER keep BEFORE UPDATE ON fieldseal_keys FOR EACH ROW
                 WHEN (old.subject = '\\x010000000000000007') EXECUTE FUNCTION keep()",
            )
            .execute(&mut on)
            .await
            .unwrap();
            let pass = store.change_all(&mut on, at(&admin()), |_, edit| edit.renew(CONTACT)).await;
            let error = pass.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io, "{error}");
            assert!(error.to_string().contains("does not hold it"), "{error}");
            let expected: Vec<u64> = ALL.map(|n| if n == RACED { 1 } else { 2 }).collect();
            assert_eq!(versions(&store, &mut on).await, expected);
        });
    }

    /// Beside the same changes one by one, which is what a pass did before.
    #[test]
    #[allow(clippy::print_stderr, reason = "the figures are the evidence")]
    fn a_pass_over_many_does_not_wait_for_a_commit_each() {
        const MANY: u64 = 5_000;
        let Some(schema) = postgres::Schema::new() else { return };
        if std::env::var_os("FIELDSEAL_ASSURE").is_none() {
            return;
        }
        runtime().block_on(async {
            let (mut on, stores) = begun(&schema).await;
            for store in stores {
                for number in 1..=MANY {
                    let envelope = fresh("", &crate::number(number));
                    store.save_unchecked(&mut on, "", number, &envelope).await.unwrap();
                }
                let ring = admin();
                let start = std::time::Instant::now();
                for number in 1..=MANY / 10 {
                    let rewrap =
                        |edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| edit.ensure([NOTES]);
                    store.change(&mut on, at(&ring), number, rewrap).await.unwrap();
                }
                let alone = start.elapsed() * 10;
                let start = std::time::Instant::now();
                let pass =
                    store.change_all(&mut on, at(&ring), |_, edit| edit.renew(CONTACT)).await;
                assert_eq!(pass.unwrap().changed, MANY);
                let together = start.elapsed();
                assert!(together < alone);
                eprintln!("{MANY} envelopes: {alone:?} one by one, {together:?} in a pass");
                for one in store.reseal_queue(&mut on, None, 9_999).await.unwrap() {
                    store.resealed(&mut on, &one).await.unwrap();
                }
            }
        });
    }
}

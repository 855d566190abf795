//! Passes on a connection that sees what was stored once, or what may never be: they conclude nothing.

use fieldseal::envelope::EnvelopeEdit;
use fieldseal::jobs::Sweep;
use fieldseal::keyring::{Census, KeyUse};
use fieldseal::store::SqliteKeyStore;
use fieldseal::{Error, ErrorKind, KeyStore};
use rusqlite::Connection;

use crate::common::*;
use crate::contract::*;

/// A file in WAL mode, whose readers keep their snapshot while others write.
fn two_connections(folder: &ring::Folder) -> (SqliteKeyStore, Connection, Connection) {
    let path = folder.join("shop.db");
    let (one, other) = (Connection::open(&path).unwrap(), Connection::open(&path).unwrap());
    one.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    let store = SqliteKeyStore::new();
    store.migrate(&one).unwrap();
    store.save_unchecked(&one, "", 1, &fresh("", &number(1))).unwrap();
    (store, one, other)
}

fn rewrap(edit: &mut EnvelopeEdit<'_>) -> Result<(), Error> {
    edit.rewrap([CONTACT, NOTES]).map(drop)
}

#[track_caller]
fn is_incomplete<T: std::fmt::Debug>(result: Result<T, Error>, why: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incomplete, "{error}");
    assert!(error.to_string().contains(why), "{error}");
}

/// A ring whose key `app` was rotated, and the id of the old one.
fn rotated() -> (fieldseal::KeyRing, fieldseal::keyring::KeyId) {
    let mut ring = admin();
    let old = ring.primary(KeyUse::Wrap, "app").unwrap().id();
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    (ring, old)
}

#[track_caller]
fn concludes_nothing(store: &SqliteKeyStore, db: &Connection) {
    const OLD: &str = "does not see what was stored since";
    let (ring, _) = rotated();
    is_incomplete(store.change_all(db, at(&ring), |_, edit| rewrap(edit)), OLD);
    is_incomplete(Sweep::at_most_percent(100).plan(store, db, at(&ring)), OLD);
    is_incomplete(store.check_sees_all(db), OLD);
    is_incomplete(store.reseal_queue(db, None, 9), OLD);
}

#[test]
fn an_old_read_transaction_of_sqlite_concludes_nothing() {
    let folder = ring::Folder::new();
    let (store, db, other) = two_connections(&folder);
    db.execute_batch("BEGIN; SELECT count(*) FROM fieldseal_keys").unwrap();
    store.save_unchecked(&other, "", 2, &fresh("", &number(2))).unwrap();
    store.queue_reseal(&other, "", 2, "contact", 2).unwrap();
    concludes_nothing(&store, &db);
    assert!(store.load(&db, "", 1).unwrap().is_some(), "what is asked by subject goes on");
    db.execute_batch("COMMIT").unwrap();

    // A statement that was not read to its end holds the snapshot too.
    let mut statement = db.prepare("SELECT subject FROM fieldseal_keys").unwrap();
    let mut rows = statement.query([]).unwrap();
    rows.next().unwrap().unwrap();
    store.save_unchecked(&other, "", 3, &fresh("", &number(3))).unwrap();
    concludes_nothing(&store, &db);
    let (mut ring, old) = rotated();
    let mut census = Census::new_at(NOW);
    is_incomplete(store.census(&db, "shop", &mut census), "does not see what was stored since");
    assert_eq!(
        kind(ring.retire(old, &census)),
        ErrorKind::FailedPrecondition,
        "it is still needed"
    );
    drop(rows);
    drop(statement);

    assert_eq!(store.reseal_queue(&db, None, 9).unwrap().len(), 1);
    let pass = store.change_all(&db, at(&ring), |_, edit| rewrap(edit)).unwrap();
    assert_eq!((pass.seen, pass.changed), (3, 3));
}

#[test]
fn a_transaction_that_sees_the_last_passes_over_all_of_it() {
    let folder = ring::Folder::new();
    let (store, db, other) = two_connections(&folder);
    let (ring, _) = rotated();
    for (subject, begin) in
        [(2, "BEGIN"), (3, "BEGIN IMMEDIATE"), (4, "BEGIN; SELECT count(*) FROM fieldseal_keys")]
    {
        store.save_unchecked(&other, "", subject, &fresh("", &number(subject))).unwrap();
        db.execute_batch(begin).unwrap();
        let pass = store.change_all(&db, at(&ring), |_, edit| rewrap(edit)).unwrap();
        assert_eq!(pass.changed, pass.seen, "{begin}");
        db.execute_batch("ROLLBACK").unwrap();
    }
    // Nobody waits for a connection that may only read.
    let path = folder.join("shop.db");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = Connection::open_with_flags(path, flags).unwrap();
    let mut census = Census::new_at(NOW);
    store.census(&db, "shop", &mut census).unwrap();
    assert_eq!(census.envelopes(), 4);
    db.execute_batch("BEGIN; SELECT count(*) FROM fieldseal_keys").unwrap();
    is_incomplete(store.check_sees_all(&db), "does not see what was stored since");
}

/// Else the rollback would bring back envelopes that nothing opens.
#[test]
fn a_census_of_what_may_be_rolled_back_retires_no_key() {
    let folder = ring::Folder::new();
    let (store, db, _) = two_connections(&folder);
    let (mut ring, old) = rotated();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    let pass = store.change_all(&db, at(&ring), |_, edit| rewrap(edit)).unwrap();
    assert_eq!(pass.changed, 1);
    let mut census = Census::new_at(NOW);
    is_incomplete(store.census(&db, "shop", &mut census), "may be rolled back");
    assert_eq!(census.count(old), 0);
    assert_eq!(kind(ring.retire(old, &census)), ErrorKind::Incomplete);
    db.execute_batch("ROLLBACK").unwrap();
    let mut census = Census::new_at(NOW);
    store.census(&db, "shop", &mut census).unwrap();
    assert_eq!(census.count(old), 1);
}

#[cfg(feature = "sqlx-sqlite")]
#[test]
fn an_old_read_transaction_concludes_nothing_through_sqlx() {
    use fieldseal::AsyncKeyStore as _;
    use fieldseal::store::SqlxKeyStore;
    use sqlx::{Connection as _, Sqlite, SqliteConnection};

    async fn concludes_nothing(store: &SqlxKeyStore<Sqlite>, on: &mut SqliteConnection) {
        let (ring, _) = rotated();
        let old = "does not see what was stored since";
        let passed = store.change_all(on, at(&ring), |_, edit| rewrap(edit)).await;
        is_incomplete(passed, old);
        is_incomplete(store.reseal_queue(on, None, 9).await, old);
        let mut census = Census::new_at(NOW);
        is_incomplete(store.census(on, "shop", &mut census).await, "may be rolled back");
        assert_eq!(census.missed().len(), 1);
    }

    let folder = ring::Folder::new();
    let (other_store, _db, other) = two_connections(&folder);
    crate::waiting::runtime().block_on(async {
        let url = format!("sqlite:{}", folder.join("shop.db").display());
        let mut on = SqliteConnection::connect(&url).await.unwrap();
        let store = SqlxKeyStore::<Sqlite>::new();
        let read = "SELECT count(*) FROM fieldseal_keys";
        let store_one = |subject: u64| {
            let envelope = fresh("", &number(subject));
            other_store.save_unchecked(&other, "", subject, &envelope).unwrap();
        };

        let mut begun = on.begin().await.unwrap();
        sqlx::raw_sql(read).execute(&mut *begun).await.unwrap();
        store_one(2);
        concludes_nothing(&store, &mut begun).await;
        begun.rollback().await.unwrap();

        // Of this one sqlx knows nothing.
        sqlx::raw_sql("BEGIN").execute(&mut on).await.unwrap();
        sqlx::raw_sql(read).execute(&mut on).await.unwrap();
        store_one(3);
        concludes_nothing(&store, &mut on).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut on).await.unwrap();

        let mut census = Census::new_at(NOW);
        store.census(&mut on, "shop", &mut census).await.unwrap();
        assert_eq!((census.envelopes(), census.missed().len()), (3, 0));
    });
}

#[cfg(feature = "sqlx-postgres")]
mod on_postgres {
    use fieldseal::AsyncKeyStore as _;
    use fieldseal::store::SqlxKeyStore;
    use sqlx::{Connection as _, PgConnection, Postgres};

    use super::*;
    use crate::waiting::runtime;

    const OLD: &str = "REPEATABLE READ or SERIALIZABLE";

    async fn run(on: &mut PgConnection, sql: &'static str) {
        sqlx::raw_sql(sql).execute(on).await.unwrap();
    }

    async fn begun(schema: &postgres::Schema) -> (SqlxKeyStore<Postgres>, [PgConnection; 2]) {
        let mut on = PgConnection::connect(schema.url()).await.unwrap();
        let other = PgConnection::connect(schema.url()).await.unwrap();
        let store = SqlxKeyStore::<Postgres>::new();
        store.migrate(&mut on).await.unwrap();
        store.save_unchecked(&mut on, "", 1, &fresh("", &number(1))).await.unwrap();
        (store, [on, other])
    }

    async fn concludes_nothing(store: &SqlxKeyStore<Postgres>, on: &mut PgConnection) {
        let (mut ring, old) = rotated();
        is_incomplete(store.change_all(on, at(&ring), |_, edit| rewrap(edit)).await, OLD);
        is_incomplete(Sweep::at_most_percent(100).plan_async(store, on, at(&ring)).await, OLD);
        is_incomplete(store.reseal_queue(on, None, 9).await, OLD);
        let mut census = Census::new_at(NOW);
        is_incomplete(store.census(on, "shop", &mut census).await, OLD);
        assert!(!census.missed().is_empty());
        assert!(ring.retire(old, &census).is_err());
    }

    #[test]
    fn a_transaction_that_keeps_its_snapshot_concludes_nothing() {
        let Some(schema) = postgres::Schema::alone() else { return };
        runtime().block_on(async {
            let (store, [mut on, mut other]) = begun(&schema).await;
            for (subject, begin) in [
                (2_u64, "BEGIN ISOLATION LEVEL REPEATABLE READ"),
                (3, "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"),
            ] {
                // By sqlx, and where it knows nothing of it.
                let mut begun = on.begin_with(begin).await.unwrap();
                concludes_nothing(&store, &mut begun).await;
                begun.rollback().await.unwrap();
                run(&mut on, begin).await;
                run(&mut on, "SELECT 1 FROM fieldseal_keys").await;
                let envelope = fresh("", &number(subject));
                store.save_unchecked(&mut other, "", subject, &envelope).await.unwrap();
                concludes_nothing(&store, &mut on).await;
                run(&mut on, "ROLLBACK").await;
            }
            // Statements that are alone have a snapshot each, whatever they default to.
            run(&mut on, "SET default_transaction_isolation = 'serializable'").await;
            for store in [store.clone(), store.transaction_pooling()] {
                let mut census = Census::new_at(NOW);
                store.census(&mut on, "shop", &mut census).await.unwrap();
                assert_eq!((census.envelopes(), census.missed().len()), (3, 0));
                let (ring, _) = rotated();
                let pass = store.change_all(&mut on, at(&ring), |_, edit| rewrap(edit)).await;
                assert_eq!(pass.unwrap().changed, 3);
            }
        });
    }

    #[test]
    fn a_census_of_what_may_be_rolled_back_retires_no_key_on_postgres() {
        let Some(schema) = postgres::Schema::alone() else { return };
        runtime().block_on(async {
            let (store, [mut on, _]) = begun(&schema).await;
            let (mut ring, old) = rotated();
            let mut begun = on.begin().await.unwrap();
            let mut census = Census::new_at(NOW);
            store.census(&mut begun, "shop", &mut census).await.unwrap();
            assert_eq!(census.count(old), 1, "as long as nothing is changed");
            let pass = store.change_all(&mut begun, at(&ring), |_, edit| rewrap(edit)).await;
            assert_eq!(pass.unwrap().changed, 1);
            let mut census = Census::new_at(NOW);
            is_incomplete(store.census(&mut begun, "shop", &mut census).await, "rolled back");
            assert_eq!(census.count(old), 0);
            assert_eq!(kind(ring.retire(old, &census)), ErrorKind::Incomplete);
        });
    }
}

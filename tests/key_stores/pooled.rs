//! Behind PgBouncer, where each transaction may have another connection to the server.

use fieldseal::AsyncKeyStore as _;
use fieldseal::store::SqlxKeyStore;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Postgres};

#[path = "../common/bouncer.rs"]
mod bouncer;

use self::bouncer::Bouncer;
use crate::common::*;
use crate::contract::*;
use crate::waiting::runtime;

const CLIENTS: i64 = 6;
const ROUNDS: i64 = 6;

/// What one client does to a subject of its own, outside of a transaction and inside of one. How many of
/// its calls failed.
async fn life(
    store: &SqlxKeyStore<Postgres>,
    on: &mut PgConnection,
    subject: i64,
) -> Result<(), fieldseal::Error> {
    let ring = admin();
    let keys = fieldseal::DataKeys::create(at(&ring), subject, [CONTACT])?;
    store.save_unchecked(on, "", subject, keys.envelope()).await?;
    let renewed = store.change(on, at(&ring), subject, |edit| edit.renew(CONTACT)).await?;
    assert_eq!(store.load(on, "", subject).await?, Some(renewed));
    let mut transaction = on.begin().await.unwrap();
    store.change(&mut transaction, at(&ring), subject, |edit| edit.renew(CONTACT)).await?;
    assert!(store.load(&mut transaction, "", subject).await?.is_some());
    transaction.commit().await.unwrap();
    let loaded = store.load(on, "", subject).await?.unwrap();
    assert_eq!(info(&loaded).version, 3);
    Ok(())
}

#[test]
fn every_call_succeeds_behind_pgbouncer_in_transaction_mode() {
    let Some(bouncer) = Bouncer::start(2) else { return };
    let store = SqlxKeyStore::<Postgres>::new().transaction_pooling();
    runtime().block_on(async {
        let mut on = bouncer.connect().await;
        store.migrate(&mut on).await.unwrap();
        // Each connected before any goes on, and by turns.
        let clients = (0..CLIENTS).map(|client| {
            let (store, bouncer) = (&store, &bouncer);
            async move {
                let mut on = bouncer.connect().await;
                for round in 0..ROUNDS {
                    life(store, &mut on, client * 1_000 + round).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        all(clients.collect()).await;
        let mut census = fieldseal::keyring::Census::default();
        store.census(&mut on, "keys", &mut census).await.unwrap();
        assert_eq!(store.scan(&mut on, None, 999).await.unwrap().len(), 36);
    });
}

/// Why it has to be said: two clients, of which each takes the first name of a prepared statement.
#[test]
fn prepared_statements_fail_behind_pgbouncer_in_transaction_mode() {
    let Some(bouncer) = Bouncer::start(1) else { return };
    let store = SqlxKeyStore::<Postgres>::new();
    runtime().block_on(async {
        let (mut one, mut other) = (bouncer.connect().await, bouncer.connect().await);
        store.migrate(&mut one).await.unwrap();
        let first = life(&store, &mut one, 1).await;
        let second = life(&store, &mut other, 2).await;
        assert!(first.is_err() || second.is_err());
    });
}

/// A caller's `BEGIN` that sqlx did not send: its transaction is neither committed nor left.
#[test]
fn a_transaction_that_sqlx_did_not_begin_stays_the_callers() {
    async fn test(mut on: PgConnection) {
        let store = SqlxKeyStore::<Postgres>::new().transaction_pooling();
        store.migrate(&mut on).await.unwrap();
        let ring = admin();
        let run = async |on: &mut PgConnection, sql: &'static str| {
            sqlx::raw_sql(sql).execute(on).await.map(drop)
        };
        let first = fresh("", &number(1));
        store.save_unchecked(&mut on, "", 1, &first).await.unwrap();

        run(&mut on, "CREATE TABLE rows (id INT)").await.unwrap();
        run(&mut on, "BEGIN; INSERT INTO rows VALUES (1)").await.unwrap();
        store.save_unchecked(&mut on, "", 2, &fresh("", &number(2))).await.unwrap();
        store.change(&mut on, at(&ring), 1, |edit| edit.renew(CONTACT)).await.unwrap();
        assert_eq!(store.reseal_queue(&mut on, None, 9).await.unwrap().len(), 1);
        let pass = store.change_all(&mut on, at(&ring), |_, edit| edit.renew(CONTACT)).await;
        assert_eq!(pass.unwrap().changed, 2);
        let _erasure = store.erase(&mut on, at(&ring), 2).await.unwrap();
        let queued = store.reseal_queue(&mut on, None, 9).await.unwrap();
        store.finish_reseal(&mut on, at(&ring), &queued[0]).await.unwrap();
        run(&mut on, "ROLLBACK").await.unwrap();
        assert_eq!(store.load(&mut on, "", 1).await.unwrap(), Some(first.clone()));
        assert_eq!(store.load(&mut on, "", 2).await.unwrap(), None);
        assert_eq!(store.reseal_queue(&mut on, None, 9).await.unwrap(), []);
        run(&mut on, "DO $$ BEGIN ASSERT NOT EXISTS (SELECT 1 FROM rows); END $$").await.unwrap();

        // Committed, it is there as a whole.
        run(&mut on, "BEGIN; INSERT INTO rows VALUES (2)").await.unwrap();
        let renewed = store.change(&mut on, at(&ring), 1, |edit| edit.renew(CONTACT)).await;
        run(&mut on, "COMMIT").await.unwrap();
        assert_eq!(store.load(&mut on, "", 1).await.unwrap(), Some(renewed.unwrap()));

        // One that has failed is to be begun again.
        run(&mut on, "BEGIN").await.unwrap();
        run(&mut on, "SELECT 1 / 0").await.unwrap_err();
        let error = store.load(&mut on, "", 1).await.unwrap_err();
        assert_eq!(error.kind(), fieldseal::ErrorKind::Retry, "{error}");
        run(&mut on, "ROLLBACK").await.unwrap();
        assert!(store.load(&mut on, "", 1).await.unwrap().is_some());
    }
    runtime().block_on(async {
        if let Some(schema) = postgres::Schema::new() {
            test(PgConnection::connect(schema.url()).await.unwrap()).await;
        }
        if let Some(bouncer) = Bouncer::start(3) {
            test(bouncer.connect().await).await;
        }
    });
}

/// Runs these by turns until all are done.
async fn all<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut open: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        open.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if open.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

//! What databases answer, as kinds and faults: what the caller has to do is to be seen without reading texts.

use fieldseal::error::Fault;
use fieldseal::store::{SqliteKeyStore, SqliteTermsTable};
use fieldseal::{Error, ErrorKind, KeyStore as _};
use rusqlite::Connection;

use crate::common::*;
use crate::contract::*;

type Answer = (ErrorKind, Option<Fault>);

fn answer<T>(result: Result<T, Error>) -> Answer {
    let error = result.map(drop).unwrap_err();
    let text = error.to_string();
    let prefix = format!("{}: ", error.kind());
    assert_eq!(text.matches(&prefix).count(), 1, "a doubled prefix: {text}");
    let problem = error.without_remedy().to_string();
    assert!(text.starts_with(&problem));
    assert_eq!(
        text.len() > problem.len(),
        error.fault().is_some(),
        "one remedy for a fault: {text}"
    );
    (error.kind(), error.fault())
}

const BUSY: Answer = (ErrorKind::Retry, Some(Fault::Busy));

/// A file of two connections, which wait for nothing.
fn two(name: &str, journal: &str) -> (std::path::PathBuf, Connection, Connection) {
    let folder = std::env::temp_dir().join(format!("fieldseal-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let open = || {
        let on = Connection::open(folder.join("a.db")).unwrap();
        on.busy_timeout(std::time::Duration::ZERO).unwrap();
        on.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).unwrap();
        on
    };
    let one = open();
    SqliteKeyStore::new().migrate(&one).unwrap();
    SqliteTermsTable::new().migrate(&one).unwrap();
    let other = open();
    (folder, one, other)
}

#[test]
fn a_locked_sqlite_is_to_be_tried_again_in_both_journal_modes() {
    for journal in ["DELETE", "WAL"] {
        let (folder, one, other) = two(&format!("busy-{journal}"), journal);
        let (store, envelope) = (SqliteKeyStore::new(), fresh("", &number(42)));
        one.execute_batch("BEGIN EXCLUSIVE").unwrap();
        assert_eq!(answer(store.save_unchecked(&other, "", 42, &envelope)), BUSY, "{journal}");
        if journal == "DELETE" {
            assert_eq!(answer(store.load(&other, "", 42)), BUSY);
        }
        let removed = SqliteTermsTable::new().remove(&other, "customer", 1);
        assert_eq!(answer(removed), BUSY, "{journal}");
        one.execute_batch("ROLLBACK").unwrap();
        store.save_unchecked(&other, "", 42, &envelope).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn what_is_wrong_with_a_sqlite_is_a_fault_of_the_error() {
    let (folder, on, _) = two("faults", "DELETE");
    let (store, envelope) = (SqliteKeyStore::new(), fresh("", &number(42)));
    let fault = |of| (ErrorKind::Io, Some(of));

    on.execute_batch("PRAGMA query_only = 1").unwrap();
    assert_eq!(answer(store.save_unchecked(&on, "", 42, &envelope)), fault(Fault::ReadOnly));
    on.execute_batch("PRAGMA query_only = 0").unwrap();

    on.query_row("PRAGMA max_page_count = 1", [], |_| Ok(())).unwrap();
    let full =
        (0..400).find_map(|id| store.save_unchecked(&on, "", id, &fresh("", &number(id))).err());
    assert_eq!(answer(Err::<(), _>(full.unwrap())), fault(Fault::Full));

    on.execute_batch("DROP TABLE fieldseal_keys").unwrap();
    assert_eq!(answer(store.load(&on, "", 42)), fault(Fault::Missing));

    std::fs::write(folder.join("no.db"), [7; 4096]).unwrap();
    let garbage = Connection::open(folder.join("no.db")).unwrap();
    assert_eq!(answer(store.load(&garbage, "", 42)), fault(Fault::Damaged));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[cfg(feature = "sqlx-sqlite")]
#[test]
fn a_locked_sqlite_is_to_be_tried_again_through_sqlx() {
    use fieldseal::AsyncKeyStore as _;
    use fieldseal::store::SqlxKeyStore;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
    use sqlx::{Connection as _, Sqlite};

    for journal in ["DELETE", "WAL"] {
        let (folder, one, _) = two(&format!("sqlx-busy-{journal}"), journal);
        crate::waiting::runtime().block_on(async {
            let options = SqliteConnectOptions::new().filename(folder.join("a.db"));
            let options = options.busy_timeout(std::time::Duration::ZERO);
            let mut other = SqliteConnection::connect_with(&options).await.unwrap();
            let store = SqlxKeyStore::<Sqlite>::new();
            let envelope = fresh("", &number(42));
            one.execute_batch("BEGIN EXCLUSIVE").unwrap();
            assert_eq!(answer(store.save_unchecked(&mut other, "", 42, &envelope).await), BUSY);
            let table = fieldseal::store::SqlxTermsTable::new();
            assert_eq!(answer(table.remove(&mut other, "customer", 1).await), BUSY);
            one.execute_batch("ROLLBACK").unwrap();

            // What has read before another wrote is begun again.
            if journal == "WAL" {
                let mut late = other.begin().await.unwrap();
                store.load(&mut late, "", 42).await.unwrap();
                SqliteKeyStore::new().save_unchecked(&one, "", 42, &envelope).unwrap();
                let saved = store.save_unchecked(&mut late, "", 43, &fresh("", &number(43))).await;
                assert_eq!(answer(saved), (ErrorKind::Retry, Some(Fault::Raced)));
                let removed = table.remove(&mut late, "customer", 1).await;
                assert_eq!(answer(removed), (ErrorKind::Retry, Some(Fault::Raced)));
            }
        });
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[cfg(feature = "sqlx-postgres")]
mod by_postgres {
    use fieldseal::AsyncKeyStore as _;
    use fieldseal::store::SqlxKeyStore;
    use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres};

    use super::*;
    use crate::common::postgres;
    use crate::waiting::runtime;

    async fn run(on: &mut PgConnection, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(on).await.unwrap();
    }

    async fn begun(schema: &postgres::Schema) -> (SqlxKeyStore<Postgres>, [PgConnection; 2]) {
        let store = SqlxKeyStore::new();
        let mut one = PgConnection::connect(schema.url()).await.unwrap();
        let other = PgConnection::connect(schema.url()).await.unwrap();
        store.migrate(&mut one).await.unwrap();
        for id in [1, 2] {
            store.save_unchecked(&mut one, "", id, &fresh("", &number(id))).await.unwrap();
        }
        (store, [one, other])
    }

    #[test]
    fn a_deadlock_is_to_be_tried_again() {
        let Some(schema) = postgres::Schema::new() else { return };
        runtime().block_on(async {
            let (store, [mut one, mut other]) = begun(&schema).await;
            let ring = admin();
            run(&mut one, "SET deadlock_timeout = '20ms'; BEGIN").await;
            run(&mut other, "SET deadlock_timeout = '10s'; BEGIN").await;
            let renew = |edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| edit.renew(CONTACT);
            store.change(&mut one, at(&ring), 1, renew).await.unwrap();
            store.change(&mut other, at(&ring), 2, renew).await.unwrap();
            let (first, second) = tokio::join!(
                store.change(&mut one, at(&ring), 2, renew),
                store.change(&mut other, at(&ring), 1, renew),
            );
            let lost = if first.is_err() { first } else { second };
            assert_eq!(answer(lost), (ErrorKind::Retry, Some(Fault::Raced)));
        });
    }

    #[test]
    fn what_is_wrong_with_a_postgres_is_a_fault_of_the_error() {
        let Some(schema) = postgres::Schema::new() else { return };
        runtime().block_on(async {
            let (store, [mut one, mut other]) = begun(&schema).await;
            let envelope = fresh("", &number(3));
            let fault = |of| (ErrorKind::Io, Some(of));

            run(&mut one, "BEGIN; LOCK TABLE fieldseal_keys").await;
            run(&mut other, "SET lock_timeout = '20ms'").await;
            assert_eq!(answer(store.load(&mut other, "", 1).await), BUSY);
            run(&mut other, "SET lock_timeout = 0; SET statement_timeout = '20ms'").await;
            assert_eq!(answer(store.load(&mut other, "", 1).await), fault(Fault::TimedOut));
            run(&mut one, "ROLLBACK").await;

            run(&mut other, "SET statement_timeout = 0; SET default_transaction_read_only = on")
                .await;
            assert_eq!(
                answer(store.save_unchecked(&mut other, "", 3, &envelope).await),
                fault(Fault::ReadOnly)
            );
            run(&mut other, "SET default_transaction_read_only = off").await;

            // A transaction of which a statement failed takes no other.
            run(&mut other, "BEGIN").await;
            sqlx::raw_sql("SELECT 1 / 0").execute(&mut other).await.unwrap_err();
            assert_eq!(
                answer(store.load(&mut other, "", 1).await),
                (ErrorKind::Retry, Some(Fault::Raced))
            );
            run(&mut other, "ROLLBACK").await;

            run(&mut other, "SET search_path = pg_catalog").await;
            assert_eq!(answer(store.load(&mut other, "", 1).await), fault(Fault::Missing));

            let pid: i32 =
                sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut other).await.unwrap();
            run(&mut one, &format!("SELECT pg_terminate_backend({pid})")).await;
            assert_eq!(answer(store.load(&mut other, "", 1).await), fault(Fault::Lost));
        });
    }

    #[test]
    fn a_role_without_the_privilege_is_denied_by_postgres() {
        let Some(schema) = postgres::Schema::new() else { return };
        runtime().block_on(async {
            let (store, [mut one, mut other]) = begun(&schema).await;
            let role = format!("reader_{}", std::process::id());
            let name: String =
                sqlx::query_scalar("SELECT current_schema()").fetch_one(&mut one).await.unwrap();
            // The transaction is rolled back, and the role with it.
            run(
                &mut other,
                &format!("BEGIN; CREATE ROLE {role}; GRANT USAGE ON SCHEMA {name} TO {role}"),
            )
            .await;
            let denied = (ErrorKind::Io, Some(Fault::Denied));
            run(&mut other, &format!("SAVEPOINT a; SET ROLE {role}")).await;
            assert_eq!(answer(store.load(&mut other, "", 1).await), denied);
            run(&mut other, "ROLLBACK TO a").await;

            // What may be read may still not be written.
            let grant = format!("GRANT SELECT ON fieldseal_keys TO {role}; SET ROLE {role}");
            run(&mut other, &grant).await;
            assert!(store.load(&mut other, "", 1).await.unwrap().is_some());
            let saved = store.save_unchecked(&mut other, "", 3, &fresh("", &number(3))).await;
            assert_eq!(answer(saved), denied);
            run(&mut other, "ROLLBACK").await;
            assert!(store.load(&mut one, "", 3).await.unwrap().is_none(), "nothing is stored");
        });
    }

    #[test]
    fn a_server_that_stops_during_a_call_is_lost_and_the_text_says_to_read_back() {
        let Some(server) = postgres::Server::start() else { return };
        runtime().block_on(async {
            let store = SqlxKeyStore::<Postgres>::new();
            let mut one = PgConnection::connect(server.url()).await.unwrap();
            let mut other = PgConnection::connect(server.url()).await.unwrap();
            let mut watch = PgConnection::connect(server.url()).await.unwrap();
            store.migrate(&mut one).await.unwrap();
            store.save_unchecked(&mut one, "", 1, &fresh("", &number(1))).await.unwrap();
            run(&mut one, "BEGIN; LOCK TABLE fieldseal_keys").await;

            let ring = admin();
            let stop = async {
                let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
                while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut watch).await.unwrap() == 0
                {
                    tokio::task::yield_now().await;
                }
                drop(server);
            };
            let (erased, ()) = tokio::join!(store.erase(&mut other, at(&ring), 1), stop);
            let error = erased.map(drop).unwrap_err();
            assert!(error.to_string().contains("read it back"), "{error}");
            assert_eq!(
                (error.kind(), error.fault()),
                (ErrorKind::Io, Some(Fault::Lost)),
                "{error}"
            );
            assert_eq!(answer(store.load(&mut other, "", 1).await).0, ErrorKind::Io);
        });
    }

    /// Nobody else wrote: there is nothing to read again.
    #[test]
    fn an_inline_row_that_is_missing_is_an_unknown_subject() {
        let Some(schema) = postgres::Schema::new() else { return };
        runtime().block_on(async {
            let mut on = PgConnection::connect(schema.url()).await.unwrap();
            run(&mut on, "CREATE TABLE customers (id BIGINT PRIMARY KEY, keys BYTEA)").await;
            let column = ("id", fieldseal::store::SubjectColumn::Integer);
            let store = SqlxKeyStore::<Postgres>::inline("customers", column, "keys").unwrap();
            let saved = store.save_unchecked(&mut on, "", 7, &fresh("", &number(7))).await;
            assert_eq!(answer(saved), (ErrorKind::UnknownSubject, None));
        });
    }
}

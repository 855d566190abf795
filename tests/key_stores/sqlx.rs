//! What databases do besides the contract, through sqlx: transactions, races, what they cannot hold.

use fieldseal::jobs::Sweep;
use fieldseal::store::{SqlxDatabase, SqlxKeyStore, SubjectColumn};
use fieldseal::{Access, AsyncKeyStore, ErrorKind, KeyEnvelope, SubjectId, ToId};
use sqlx::Connection;
use std::task::Poll;

use crate::common::*;
use crate::contract::*;
use crate::waiting::runtime;

const TASKS: u16 = 4;
const CHANGES: u16 = 12;

/// What an axum handler must be able to hold across its awaits.
fn in_a_handler<F: Future + Send>(call: F) -> F {
    call
}

/// Runs this in a new database of each kind. What it is given opens a connection.
fn with_each(sqlite: impl AsyncFn(&str), postgres: impl AsyncFn(&str)) {
    let runtime = runtime();
    if cfg!(feature = "sqlx-sqlite") {
        let folder = std::env::temp_dir().join(format!(
            "fieldseal-sqlx-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        std::fs::create_dir_all(&folder).unwrap();
        let url = format!("sqlite://{}/test.db?mode=rwc", folder.display());
        runtime.block_on(sqlite(&url));
        std::fs::remove_dir_all(&folder).unwrap();
    }
    #[cfg(feature = "sqlx-postgres")]
    if let Some(schema) = postgres::Schema::new() {
        runtime.block_on(postgres(schema.url()));
    }
    let _ = postgres;
}

macro_rules! on_each {
    ($test:ident) => {
        with_each(
            async |url| {
                #[cfg(feature = "sqlx-sqlite")]
                $test::<sqlx::Sqlite>(url).await;
                let _ = url;
            },
            async |url| {
                #[cfg(feature = "sqlx-postgres")]
                $test::<sqlx::Postgres>(url).await;
                let _ = url;
            },
        )
    };
}

async fn connect<DB: SqlxDatabase>(url: &str) -> DB::Connection {
    DB::Connection::connect(url).await.unwrap()
}

async fn migrated<DB: SqlxDatabase>(url: &str) -> (SqlxKeyStore<DB>, DB::Connection) {
    let (store, mut on) = (SqlxKeyStore::<DB>::new(), connect::<DB>(url).await);
    store.migrate(&mut on).await.unwrap();
    (store, on)
}

#[test]
fn an_envelope_goes_with_the_callers_own_transaction() {
    async fn test<DB: SqlxDatabase>(url: &str) {
        let (store, mut on) = migrated::<DB>(url).await;
        let (first, ring) = (fresh("", &number(42)), admin());
        let mut transaction = on.begin().await.unwrap();
        in_a_handler(store.save_unchecked(&mut transaction, "", 42, &first)).await.unwrap();
        in_a_handler(async {
            let no_tenant = String::new();
            let renew = |edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| edit.renew(CONTACT);
            store.change(&mut transaction, at(&ring).tenant(&no_tenant), 42, renew).await?;
            store.change(&mut transaction, &ring, 42, |edit| edit.renew(CONTACT)).await?;
            let pass = store.change_all(&mut transaction, at(&ring), |_, edit| edit.renew(CONTACT));
            assert_eq!(pass.await?.changed, 1);
            let _class = store.erase_class(&mut transaction, at(&ring), 42, "contact").await?;
            store.erase(&mut transaction, at(&ring), 42).await.map(drop)
        })
        .await
        .unwrap();
        transaction.rollback().await.unwrap();
        assert_eq!(in_a_handler(store.load(&mut on, "", 42)).await.unwrap(), None);
        assert_eq!(store.reseal_queue(&mut on, None, 9).await.unwrap(), []);

        let mut transaction = on.begin().await.unwrap();
        store.save_unchecked(&mut transaction, "", 42, &first).await.unwrap();
        let second =
            store.change(&mut transaction, at(&ring), 42, |edit| edit.renew(CONTACT)).await;
        // What loses inside the transaction takes nothing else with it.
        let late = [("contact".to_owned(), 9)];
        let lost = store.save_unchecked_and_queue(&mut transaction, "", 42, &first, &late).await;
        assert_eq!(kind(lost), ErrorKind::Conflict);
        transaction.commit().await.unwrap();
        assert_eq!(store.load(&mut on, "", 42).await.unwrap(), Some(second.unwrap()));
        let queue = in_a_handler(store.reseal_queue(&mut on, None, 9)).await.unwrap();
        assert_eq!((queue.len(), queue[0].generation), (1, 2));
    }
    on_each!(test);
}

/// A request that is given up drops its future wherever it stands.
#[test]
fn a_call_that_is_given_up_has_happened_or_not() {
    async fn test<DB: SqlxDatabase>(url: &str) {
        let (store, mut on) = migrated::<DB>(url).await;
        let (mut done, mut undone) = (0, 0);
        for polls in 0..60 {
            let (first, id) = (fresh("", &number(polls)), number(polls));
            let second = renewed("", &id, &first);
            let reseal = [("contact".to_owned(), 2)];
            store.save_unchecked(&mut on, "", &id, &first).await.unwrap();
            {
                let call = store.save_unchecked_and_queue(&mut on, "", &id, &second, &reseal);
                let (mut call, mut left) = (std::pin::pin!(call), polls);
                let given_up = std::future::poll_fn(|context| {
                    if left == 0 {
                        return Poll::Ready(None);
                    }
                    left -= 1;
                    call.as_mut().poll(context).map(Some)
                });
                given_up.await.transpose().unwrap();
            }
            let stored = store
                .load(&mut on, "", &id)
                .await
                .unwrap()
                .unwrap_or_else(|| panic!("{polls} {}", std::any::type_name::<DB>()));
            let queue = store.reseal_queue(&mut on, None, 999).await.unwrap();
            let queued = queue.iter().any(|entry| entry.subject == id);
            assert_eq!(queued, stored == second, "after {polls} polls");
            if queued { done += 1 } else { undone += 1 }
        }
        assert!(done > 0 && undone > 0);
    }
    on_each!(test);
}

/// Many tasks change one subject, each on a connection of its own: each change that was reported is
/// there.
#[test]
fn changes_of_many_connections_are_all_there() {
    async fn test<DB: SqlxDatabase>(url: &str) {
        let (store, mut on) = migrated::<DB>(url).await;
        store.save_unchecked(&mut on, "", 42, &fresh("", &number(42))).await.unwrap();
        let mut tasks = Vec::new();
        for _ in 0..TASKS {
            let (store, url) = (store.clone(), url.to_owned());
            tasks.push(std::thread::spawn(move || {
                runtime().block_on(async {
                    let mut on = connect::<DB>(&url).await;
                    let (ring, mut done) = (admin(), 0_u16);
                    for _ in 0..CHANGES {
                        let change =
                            store.change(&mut on, at(&ring), 42, |edit| edit.renew(CONTACT));
                        match change.await {
                            Ok(_) => done += 1,
                            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                        }
                    }
                    done
                })
            }));
        }
        let done: u16 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
        let stored = info(&store.load(&mut on, "", 42).await.unwrap().unwrap());
        assert_eq!(
            (stored.version, stored.entries.len()),
            (1 + u64::from(done), 1 + usize::from(done))
        );
        assert!(done > CHANGES);
        let queue = store.reseal_queue(&mut on, None, 9).await.unwrap();
        assert_eq!((queue.len(), queue[0].generation), (1, 1 + done));
    }
    on_each!(test);
}

/// The first envelope of a subject is made once, however many make it.
#[test]
fn of_many_that_begin_a_subject_one_does() {
    async fn test<DB: SqlxDatabase>(url: &str) {
        let (store, mut on) = migrated::<DB>(url).await;
        let mut tasks = Vec::new();
        for _ in 0..TASKS {
            let (store, url) = (store.clone(), url.to_owned());
            tasks.push(std::thread::spawn(move || {
                runtime().block_on(async {
                    let mut on = connect::<DB>(&url).await;
                    let envelope = fresh("", &number(42));
                    let mut transaction = on.begin().await.unwrap();
                    let saved = store.save_unchecked(&mut transaction, "", 42, &envelope).await;
                    transaction.commit().await.unwrap();
                    saved.map(|()| envelope).map_err(|error| error.kind())
                })
            }));
        }
        let all: Vec<_> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
        let made: Vec<_> = all.iter().filter_map(|one| one.as_ref().ok()).collect();
        assert_eq!(made.len(), 1);
        assert_eq!(store.load(&mut on, "", 42).await.unwrap().as_ref(), Some(made[0]));
        assert!(
            all.iter().flat_map(|one| one.as_ref().err()).all(|kind| *kind == ErrorKind::Conflict)
        );
    }
    on_each!(test);
}

#[test]
fn many_processes_may_migrate_at_once() {
    async fn test<DB: SqlxDatabase>(url: &str) {
        let mut tasks = Vec::new();
        for _ in 0..2 * TASKS {
            let url = url.to_owned();
            tasks.push(std::thread::spawn(move || {
                runtime().block_on(async { drop(migrated::<DB>(&url).await) });
            }));
        }
        tasks.into_iter().for_each(|task| task.join().unwrap());
    }
    on_each!(test);
}

#[test]
fn a_page_of_many_is_loaded_in_its_order() {
    async fn test<DB: SqlxDatabase>(url: &str) {
        let (store, mut on) = migrated::<DB>(url).await;
        let (mut all, mut transaction) = (Vec::new(), on.begin().await.unwrap());
        for subject in 0..600_u64 {
            let envelope = fresh("", &number(subject));
            if subject % 3 != 0 {
                store.save_unchecked(&mut transaction, "", subject, &envelope).await.unwrap();
            }
            all.push((number(subject), (subject % 3 != 0).then_some(envelope)));
        }
        transaction.commit().await.unwrap();
        all.reverse();
        all.push(all[7].clone());
        let (subjects, expected): (Vec<SubjectId>, Vec<_>) = all.into_iter().unzip();
        assert_eq!(store.load_many(&mut on, "", &subjects).await.unwrap(), expected);
        assert_eq!(store.load_many(&mut on, "", &[]).await.unwrap(), []);
        let others = store.load_many(&mut on, "acme", &subjects).await.unwrap();
        assert!(others.iter().all(Option::is_none) && others.len() == subjects.len());
    }
    on_each!(test);
}

/// No locale has a say in which tenant comes first.
#[test]
fn tenants_are_ordered_by_their_bytes() {
    async fn test<DB: SqlxDatabase>(url: &str) {
        let (store, mut on) = migrated::<DB>(url).await;
        let tenants = ["", "B", "a", "a b", "a-b", "ab", "ß", "ä", "日本", "🦀"];
        for tenant in tenants.iter().rev() {
            store.save_unchecked(&mut on, tenant, 7, &fresh(tenant, &number(7))).await.unwrap();
            store.queue_reseal(&mut on, tenant, 7, "contact", 2).await.unwrap();
        }
        let (mut seen, mut last) = (Vec::new(), None);
        while let Some(one) = store.scan(&mut on, last.as_ref(), 1).await.unwrap().pop() {
            seen.push(one.tenant.clone());
            last = Some(one);
        }
        assert_eq!(seen, tenants);
        let queue = store.reseal_queue(&mut on, None, 99).await.unwrap();
        assert_eq!(queue.iter().map(|one| one.tenant.as_str()).collect::<Vec<_>>(), tenants);
    }
    on_each!(test);
}

#[test]
fn ids_of_every_type_are_stored_in_a_table_of_their_own() {
    async fn test<DB: SqlxDatabase>(url: &str) {
        let (store, mut on) = migrated::<DB>(url).await;
        let ids: [&dyn ToId; 7] =
            [&0, &u64::MAX, &-1, &i64::MIN, &"ada", &b"\x00", &("acme", 7, "x")];
        for id in ids {
            let subject = SubjectId::new(id.to_id().unwrap()).unwrap();
            let envelope = fresh("", &subject);
            store.save_unchecked(&mut on, "", &subject, &envelope).await.unwrap();
            assert_eq!(store.load(&mut on, "", &subject).await.unwrap(), Some(envelope));
        }
        assert_eq!(store.scan(&mut on, None, 99).await.unwrap().len(), ids.len());
    }
    on_each!(test);
}

#[test]
fn what_a_database_cannot_hold_is_refused() {
    async fn test<DB: SqlxDatabase>(url: &str) {
        let (store, mut on) = migrated::<DB>(url).await;
        let envelope = fresh("", &number(7));
        for tenant in ["a\0b", &"t".repeat(65)] {
            let refused = [
                store.load(&mut on, tenant, 7).await.err(),
                store.load_many(&mut on, tenant, &[number(7)]).await.err(),
                store.save_unchecked(&mut on, tenant, 7, &envelope).await.err(),
                store.queue_reseal(&mut on, tenant, 7, "contact", 2).await.err(),
            ];
            for error in refused {
                assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::InvalidInput));
            }
        }
        assert_eq!(kind(store.clone().tenant("acme")), ErrorKind::Declaration);
        assert_eq!(kind(store.clone().text()), ErrorKind::Declaration);
        for (table, column, keys) in [("", "id", "keys"), ("t", "\0", "keys"), ("t", "id", "")] {
            let named = SqlxKeyStore::<DB>::inline(table, (column, SubjectColumn::Text), keys);
            assert_eq!(kind(named), ErrorKind::Declaration);
        }
        let nowhere =
            SqlxKeyStore::<DB>::inline("nowhere", ("id", SubjectColumn::Integer), "keys").unwrap();
        assert_eq!(kind(nowhere.load(&mut on, "", 7).await), ErrorKind::Io);
        assert_eq!(kind(nowhere.load(&mut on, "", "7").await), ErrorKind::InvalidInput);
        let many = [number(7), SubjectId::new("7").unwrap(), number(8)];
        let refused = nowhere.load_many(&mut on, "", &many).await.unwrap_err();
        assert_eq!((refused.kind(), refused.row()), (ErrorKind::InvalidInput, Some(1)));
        let other = nowhere.tenant("acme").unwrap();
        assert_eq!(other.load(&mut on, "", 7).await.unwrap(), None, "another tenant's");
        assert_eq!(
            kind(other.save_unchecked(&mut on, "", 7, &envelope).await),
            ErrorKind::Declaration
        );
    }
    on_each!(test);
}

#[test]
fn a_sweep_of_an_asynchronous_store_erases_what_has_expired() {
    async fn test<DB: SqlxDatabase>(url: &str) {
        async fn made(ring: &fieldseal::KeyRing, subject: u64, at: u64) -> KeyEnvelope {
            let access = Access::new(ring).at(at);
            fieldseal::DataKeys::create(access, subject, [FINANCIAL]).unwrap().envelope().clone()
        }
        let ((store, mut on), ring) = (migrated::<DB>(url).await, admin());
        store.save_unchecked(&mut on, "", 1, &made(&ring, 1, NOW - 400 * DAY).await).await.unwrap();
        store.save_unchecked(&mut on, "", 2, &made(&ring, 2, NOW).await).await.unwrap();
        let sweep = Sweep::at_most_percent(10);
        let refused =
            in_a_handler(async { sweep.run_async(&store, &mut on, at(&ring)).await }).await;
        assert_eq!(kind(refused), ErrorKind::Unconfirmed);
        let swept = Sweep::at_most_percent(60).run_async(&store, &mut on, at(&ring)).await;
        assert_eq!(swept.unwrap().changed, 1);
        let left = |envelope: Option<KeyEnvelope>| info(&envelope.unwrap()).version;
        assert_eq!(left(store.load(&mut on, "", 1).await.unwrap()), 2);
        assert_eq!(left(store.load(&mut on, "", 2).await.unwrap()), 1);
    }
    on_each!(test);
}

/// As through rusqlite: what could not be committed is undone, and swallows nothing that comes after it.
#[cfg(feature = "sqlx-sqlite")]
#[test]
fn a_change_that_a_reader_holds_up_leaves_no_transaction_behind_in_sqlx() {
    async fn held_up(url: &str) {
        let ((store, mut on), ring) = (migrated::<sqlx::Sqlite>(url).await, admin());
        sqlx::raw_sql("PRAGMA busy_timeout = 100").execute(&mut on).await.unwrap();
        let first = fresh("", &number(42));
        store.save_unchecked(&mut on, "", 42, &first).await.unwrap();

        let path = url.trim_start_matches("sqlite://").split('?').next().unwrap();
        let other = rusqlite::Connection::open(path).unwrap();
        let mut read = other.prepare("SELECT subject FROM fieldseal_keys").unwrap();
        let mut rows = read.query([]).unwrap();
        assert!(rows.next().unwrap().is_some());
        let renewed = store.change(&mut on, at(&ring), 42, |edit| edit.renew(CONTACT)).await;
        assert_eq!(kind(renewed), ErrorKind::Retry);
        drop(rows);
        assert_eq!(store.load(&mut on, "", 42).await.unwrap(), Some(first), "it is undone");
        assert_eq!(store.reseal_queue(&mut on, None, 9).await.unwrap(), []);

        let mark = store.erase(&mut on, at(&ring), 42).await.unwrap().envelope().to_text();
        let now =
            fieldseal::KeyStore::load(&fieldseal::store::SqliteKeyStore::new(), &other, "", 42);
        assert_eq!(now.unwrap().unwrap().to_text(), mark, "it is in the file");
    }
    with_each(held_up, async |_| ());
}

/// A transaction that sees no other's changes cannot make its change to them: it is told to begin
/// again, by that kind and no other.
#[cfg(feature = "sqlx-postgres")]
#[test]
fn a_transaction_that_came_too_late_is_to_begin_again() {
    use sqlx::{PgConnection, Postgres};

    async fn late(
        store: &SqlxKeyStore<Postgres>,
        url: &str,
        isolation: &'static str,
    ) -> Result<KeyEnvelope, fieldseal::Error> {
        let (mut early, mut late) =
            (connect::<Postgres>(url).await, connect::<Postgres>(url).await);
        let ring = admin();
        let mut transaction = late.begin_with(isolation).await.unwrap();
        store.load(&mut transaction, "", 42).await.unwrap();
        store.change(&mut early, at(&ring), 42, |edit| edit.renew(CONTACT)).await.unwrap();
        let changed =
            store.change(&mut transaction, at(&ring), 42, |edit| edit.renew(CONTACT)).await;
        if changed.is_ok() {
            transaction.commit().await.unwrap();
        }
        PgConnection::close(early).await.unwrap();
        changed
    }
    let Some(schema) = postgres::Schema::new() else { return };
    runtime().block_on(async {
        let (store, mut on) = migrated::<Postgres>(schema.url()).await;
        store.save_unchecked(&mut on, "", 42, &fresh("", &number(42))).await.unwrap();
        let read_committed = late(&store, schema.url(), "BEGIN").await.unwrap();
        assert_eq!(info(&read_committed).version, 3, "it sees the other's");
        for isolation in
            ["BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN ISOLATION LEVEL SERIALIZABLE"]
        {
            let error = late(&store, schema.url(), isolation).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Retry, "{error}");
        }
        let stored = store.load(&mut on, "", 42).await.unwrap().unwrap();
        assert_eq!(info(&stored).version, 5);
    });
}

/// `[ED-1]` Two rows of one subject would each hold an envelope.
#[cfg(feature = "sqlx-postgres")]
#[test]
fn a_subject_with_several_rows_is_refused_by_postgres_too() {
    use sqlx::{Postgres, Row as _};

    let Some(schema) = postgres::Schema::new() else { return };
    runtime().block_on(async {
        let mut on = connect::<Postgres>(schema.url()).await;
        let table = "CREATE TABLE orders (customer BIGINT, keys BYTEA);
                     INSERT INTO orders VALUES (7, NULL), (7, NULL)";
        sqlx::raw_sql(table).execute(&mut on).await.unwrap();
        let store = SqlxKeyStore::<Postgres>::inline(
            "orders",
            ("customer", SubjectColumn::Integer),
            "keys",
        )
        .unwrap();
        let saved = store.save_unchecked(&mut on, "", 7, &fresh("", &number(7))).await;
        assert_eq!(kind(saved), ErrorKind::Declaration);
        let sql = "UPDATE orders SET keys = '\\x00'";
        sqlx::raw_sql(sql).execute(&mut on).await.unwrap();
        let error = store.check_sees_all(&mut on).await.unwrap_err();
        assert!(error.to_string().contains("of the subject 7:"), "{error}");
        sqlx::raw_sql("UPDATE orders SET keys = NULL").execute(&mut on).await.unwrap();
        let rows = sqlx::query("SELECT count(keys) FROM orders").fetch_one(&mut on).await.unwrap();
        assert_eq!(rows.get::<i64, _>(0), 0, "and neither is written");
    });
}

/// What is there as text stays text, whether or not it was said; the blanks of `CHAR(n)` are the column's.
#[cfg(feature = "sqlx-postgres")]
#[test]
fn envelopes_in_text_columns_of_every_type_are_changed_in_place() {
    use sqlx::{Postgres, Row as _};

    let Some(schema) = postgres::Schema::new() else { return };
    runtime().block_on(async {
        let mut on = connect::<Postgres>(schema.url()).await;
        for (name, column) in [("a", "TEXT"), ("b", "VARCHAR(4000)"), ("c", "CHAR(4000)")] {
            let table = format!(
                "CREATE TABLE {name} (id BIGINT UNIQUE, keys {column});
                         INSERT INTO {name} VALUES (7, NULL)"
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(table)).execute(&mut on).await.unwrap();
            let subject = ("id", SubjectColumn::Integer);
            let unsaid = SqlxKeyStore::<Postgres>::inline(name, subject, "keys").unwrap();
            let store = unsaid.clone().text().unwrap();
            store.migrate(&mut on).await.unwrap();
            let first = fresh("", &number(7));
            store.save_unchecked(&mut on, "", 7, &first).await.unwrap();
            assert_eq!(store.load(&mut on, "", 7).await.unwrap().as_ref(), Some(&first));
            let ring = admin();
            for store in [&store, &unsaid] {
                let renew = store.change(&mut on, at(&ring), 7, |edit| edit.renew(CONTACT));
                let renewed = renew.await.unwrap();
                assert_eq!(store.load(&mut on, "", 7).await.unwrap().as_ref(), Some(&renewed));
                assert_eq!(store.scan(&mut on, None, 9).await.unwrap()[0].envelope, renewed);
            }
            let sql = sqlx::AssertSqlSafe(format!("SELECT keys FROM {name}"));
            let row = sqlx::query(sql).fetch_one(&mut on).await.unwrap();
            assert!(row.get::<String, _>(0).starts_with("fs1."), "{column}");
        }
    });
}

#[cfg(feature = "sqlx-postgres")]
#[test]
fn no_envelope_is_written_into_a_column_that_cuts_texts() {
    use sqlx::{Postgres, Row as _};

    let Some(schema) = postgres::Schema::new() else { return };
    runtime().block_on(async {
        let mut on = connect::<Postgres>(schema.url()).await;
        let table = "CREATE TABLE customer (id BIGINT UNIQUE, keys NAME);
                     INSERT INTO customer VALUES (7, NULL)";
        sqlx::raw_sql(table).execute(&mut on).await.unwrap();
        let subject = ("id", SubjectColumn::Integer);
        let store = SqlxKeyStore::<Postgres>::inline("customer", subject, "keys").unwrap();
        let store = store.text().unwrap();
        let refused =
            store.save_unchecked(&mut on, "", 7, &fresh("", &number(7))).await.unwrap_err();
        assert!(refused.to_string().contains("BYTEA or TEXT"), "{refused}");
        let row =
            sqlx::query("SELECT keys IS NULL FROM customer").fetch_one(&mut on).await.unwrap();
        assert!(row.get::<bool, _>(0), "nothing is written");
    });
}

//! Passes over a store of which the connection sees a part: they conclude nothing.

use fieldseal::jobs::Sweep;
use fieldseal::keyring::{Census, KeyUse};
use fieldseal::store::{SqliteKeyStore, SubjectColumn};
use fieldseal::{ErrorKind, KeyStore};
use rusqlite::Connection;

use crate::common::*;
use crate::contract::*;

fn own() -> (SqliteKeyStore, Connection) {
    let db = Connection::open_in_memory().unwrap();
    let store = SqliteKeyStore::new();
    store.migrate(&db).unwrap();
    for subject in [1, 2] {
        store.save_unchecked(&db, "", subject, &fresh("", &number(subject))).unwrap();
    }
    (store, db)
}

fn inline(db: &Connection) -> SqliteKeyStore {
    let of = ("id", SubjectColumn::Integer);
    let store = SqliteKeyStore::inline("customers", of, "keys").unwrap();
    store.migrate(db).unwrap();
    store
}

/// No pass concludes, nothing is changed, and no key is retired by the census.
#[track_caller]
fn concludes_nothing(store: &SqliteKeyStore, db: &Connection, why: &str) {
    let mut ring = admin();
    let before = db.total_changes();
    let passed = store.change_all(db, at(&ring), |_, edit| edit.renew(CONTACT));
    let error = passed.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incomplete, "{error}");
    assert!(error.to_string().contains(why), "{error}");
    let planned = Sweep::at_most_percent(100).plan(store, db, at(&ring));
    assert_eq!(planned.unwrap_err().kind(), ErrorKind::Incomplete);
    assert_eq!(db.total_changes(), before);
    let mut census = Census::new_at(NOW);
    assert_eq!(store.census(db, "here", &mut census).unwrap_err().kind(), ErrorKind::Incomplete);
    assert!(census.missed().iter().any(|missed| missed.contains(why)), "{:?}", census.missed());
    let old = ring.primary(KeyUse::Wrap, "app").unwrap().id();
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    let mut other = Census::new_at(NOW);
    other.add_part("a part");
    assert_eq!(ring.retire(old, &other).unwrap_err().kind(), ErrorKind::Incomplete);
}

#[test]
fn a_view_in_the_place_of_a_table_is_not_taken_for_all() {
    let (_, db) = own();
    db.execute_batch(
        "CREATE TABLE everybody (id INTEGER PRIMARY KEY, keys BLOB, tenant TEXT);
         CREATE VIEW customers AS SELECT id, keys FROM everybody WHERE tenant = 'acme';",
    )
    .unwrap();
    concludes_nothing(&inline(&db), &db, "it is a view");
}

#[test]
fn a_temporary_table_that_hides_the_stored_one_is_not_taken_for_all() {
    let (store, db) = own();
    db.execute_batch("CREATE TEMP TABLE fieldseal_keys AS SELECT * FROM main.fieldseal_keys WHERE subject = X'010000000000000001'")
        .unwrap();
    concludes_nothing(&store, &db, "temporary table hides");
}

#[test]
fn a_queue_of_which_a_part_is_seen_is_not_called_empty() {
    for hide in [
        "CREATE TEMP TABLE fieldseal_reseal AS SELECT * FROM main.fieldseal_reseal WHERE 0",
        "ALTER TABLE fieldseal_reseal RENAME TO everything;
         CREATE VIEW fieldseal_reseal AS SELECT * FROM everything WHERE tenant = 'acme'",
    ] {
        let (store, db) = own();
        store.queue_reseal(&db, "globex", 1, "contact", 2).unwrap();
        assert_eq!(store.reseal_queue(&db, None, 9).unwrap().len(), 1);
        db.execute_batch(hide).unwrap();
        let error = store.reseal_queue(&db, None, 9).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Incomplete, "{error}");
        assert!(error.to_string().contains("`fieldseal_reseal`"), "{error}");
    }
}

#[test]
fn an_attached_database_with_the_same_table_keeps_a_key_from_being_retired() {
    let folder = ring::Folder::new();
    let path = folder.join("archive.db");
    let (store, db) = own();
    let archive = Connection::open(&path).unwrap();
    store.migrate(&archive).unwrap();
    store.save_unchecked(&archive, "", 3, &fresh("", &number(3))).unwrap();
    db.execute("ATTACH ?1 AS archive", [path.to_str().unwrap()]).unwrap();

    let mut ring = admin();
    let old = ring.primary(KeyUse::Wrap, "app").unwrap().id();
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    let rewrap = |on: &Connection, ring: &fieldseal::KeyRing| {
        let pass =
            store.change_all(on, at(ring), |_, edit| edit.rewrap([CONTACT, NOTES]).map(drop));
        assert!(pass.unwrap().failed.is_empty());
    };
    rewrap(&db, &ring);
    let mut census = Census::new_at(NOW);
    store.census(&db, "shop", &mut census).unwrap();
    assert_eq!(census.count(old), 0);
    let error = ring.retire(old, &census).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    assert!(error.to_string().contains("archive.fieldseal_keys"), "{error}");

    // Counted too, by a connection of its own.
    store.census(&archive, "archive", &mut census).unwrap();
    assert_eq!((census.missed().len(), census.count(old)), (0, 1));
    rewrap(&archive, &ring);
    let mut census = Census::new_at(NOW);
    store.census(&db, "shop", &mut census).unwrap();
    store.census(&archive, "archive", &mut census).unwrap();
    ring.retire(old, &census).unwrap();
}

#[test]
fn rows_that_name_no_subject_are_reported_and_end_no_pass() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE customers (id ANY, keys BLOB)").unwrap();
    let store = inline(&db);
    for (id, envelope) in [
        ("1", fresh("", &number(1))),
        ("NULL", fresh("", &number(8))),
        ("'x'", fresh("", &number(9))),
        ("2", fresh("", &number(2))),
    ] {
        db.execute(&format!("INSERT INTO customers VALUES ({id}, ?1)"), [envelope.as_bytes()])
            .unwrap();
    }
    let pass = store.change_all(&db, at(&admin()), |_, edit| edit.renew(CONTACT)).unwrap();
    assert_eq!((pass.seen, pass.changed, pass.unnamed, pass.failed.len()), (2, 2, 2, 0));
    let mut census = Census::new_at(NOW);
    assert_eq!(store.census(&db, "here", &mut census).unwrap_err().kind(), ErrorKind::Malformed);
    assert_eq!((census.envelopes(), census.unreadable()), (2, 2), "so no key is retired");

    // In the table of envelopes.
    let (store, db) = own();
    db.execute("INSERT INTO fieldseal_keys VALUES ('', X'FFEE', 1, X'00')", []).unwrap();
    db.execute("INSERT INTO fieldseal_keys VALUES ('', X'', 1, X'00')", []).unwrap();
    let pass = store.change_all(&db, at(&admin()), |_, edit| edit.renew(CONTACT)).unwrap();
    assert_eq!((pass.seen, pass.changed, pass.unnamed, pass.failed.len()), (3, 2, 1, 1));
    assert!(pass.failed[0].2.to_string().contains("ffee"), "{:?}", pass.failed);
}

/// SQLite keeps text that is not UTF-8, as another program left it there.
mod torn {
    use fieldseal::store::{PassReport, StoredEnvelope};
    use fieldseal::{Error, SubjectId};

    use super::*;

    /// In the order of their bytes. The second has a zero byte, which no store takes.
    const ALL: [&[u8]; 6] = [b"a", b"a\0b", b"a\xFF", b"\xC3", b"\xC3\xA4", b"\xFF\x41"];

    const OF: (&str, SubjectColumn) = ("id", SubjectColumn::Text);

    fn torn(db: &Connection) -> SqliteKeyStore {
        db.execute_batch("CREATE TABLE customers (id TEXT PRIMARY KEY, keys BLOB)").unwrap();
        for id in ALL {
            let subject = SubjectId::new(&*String::from_utf8_lossy(id)).unwrap();
            let insert = "INSERT INTO customers VALUES (CAST(?1 AS TEXT), ?2)";
            db.execute(insert, (id, fresh("", &subject).as_bytes())).unwrap();
        }
        let store = SqliteKeyStore::inline("customers", OF, "keys").unwrap();
        store.migrate(db).unwrap();
        store
    }

    #[track_caller]
    fn is_all(met: &[StoredEnvelope]) {
        let ids: Vec<&[u8]> = met.iter().map(|one| &one.subject.as_bytes()[1..]).collect();
        assert_eq!(ids, ALL);
    }

    #[track_caller]
    fn is_reported(pass: Result<PassReport, Error>) {
        let pass = pass.unwrap();
        assert_eq!((pass.seen, pass.changed, pass.unnamed, pass.failed.len()), (6, 2, 0, 4));
        let text = pass.failed[1].2.to_string();
        assert!(text.contains("CAST(X'61ff' AS TEXT)"), "{text}");
    }

    #[track_caller]
    fn is_not_whole(counted: Result<(), Error>, census: &Census) {
        assert_eq!(kind(counted), ErrorKind::Malformed);
        assert_eq!((census.envelopes(), census.unreadable()), (3, 3), "so no key is retired");
    }

    #[test]
    fn text_ids_that_are_not_utf_8_are_named_and_end_no_pass() {
        let db = Connection::open_in_memory().unwrap();
        let (store, ring) = (torn(&db), admin());
        for limit in [1, 2, 9] {
            let mut met = store.scan(&db, None, limit).unwrap();
            while let page @ [_, ..] = &*store.scan(&db, met.last(), limit).unwrap() {
                met.extend_from_slice(page);
                assert!(met.len() <= ALL.len(), "one row twice");
            }
            is_all(&met);
        }
        is_reported(store.change_all(&db, at(&ring), |_, edit| edit.renew(CONTACT)));
        let plan = Sweep::at_most_percent(100).plan(&store, &db, at(&ring)).unwrap();
        assert_eq!(plan.failed, 3);
        let mut census = Census::new_at(NOW);
        is_not_whole(store.census(&db, "here", &mut census), &census);
    }

    /// What is read from it is not what it holds, so no scan goes on after it.
    #[test]
    fn half_a_character_in_a_database_of_utf_16_ends_a_pass() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("PRAGMA encoding = 'UTF-16le'").unwrap();
        db.execute_batch("CREATE TABLE customers (id TEXT PRIMARY KEY, keys BLOB)").unwrap();
        let store = SqliteKeyStore::inline("customers", OF, "keys").unwrap();
        for id in [&b"a\0"[..], b"a\0\x3D\xD8", b"b\0"] {
            let insert = "INSERT INTO customers VALUES (CAST(?1 AS TEXT), X'00')";
            db.execute(insert, [id]).unwrap();
        }
        let first = store.scan(&db, None, 1).unwrap();
        assert_eq!(first[0].subject.as_text(), Some("a"));
        assert_eq!(kind(store.scan(&db, first.last(), 1)), ErrorKind::Malformed);
    }

    #[cfg(feature = "sqlx-sqlite")]
    #[test]
    fn text_ids_that_are_not_utf_8_end_no_pass_through_sqlx() {
        use fieldseal::AsyncKeyStore as _;
        use fieldseal::store::SqlxKeyStore;
        use sqlx::{Connection as _, Sqlite, SqliteConnection};

        let folder = ring::Folder::new();
        let path = folder.join("shop.db");
        torn(&Connection::open(&path).unwrap());
        let store = SqlxKeyStore::<Sqlite>::inline("customers", OF, "keys").unwrap();
        let ring = admin();
        crate::waiting::runtime().block_on(async {
            let url = format!("sqlite:{}", path.display());
            let mut on = SqliteConnection::connect(&url).await.unwrap();
            for limit in [1, 2, 9] {
                let mut met = store.scan(&mut on, None, limit).await.unwrap();
                while let page @ [_, ..] = &*store.scan(&mut on, met.last(), limit).await.unwrap() {
                    met.extend_from_slice(page);
                    assert!(met.len() <= ALL.len(), "one row twice");
                }
                is_all(&met);
            }
            let pass = store.change_all(&mut on, at(&ring), |_, edit| edit.renew(CONTACT)).await;
            is_reported(pass);
            let mut census = Census::new_at(NOW);
            is_not_whole(store.census(&mut on, "here", &mut census).await, &census);

            // Nor does an envelope of such text.
            let sql = "UPDATE customers SET keys = CAST(X'667331FF' AS TEXT) WHERE id = 'a'";
            sqlx::raw_sql(sql).execute(&mut on).await.unwrap();
            let pass = store.change_all(&mut on, at(&ring), |_, edit| edit.renew(CONTACT)).await;
            let pass = pass.unwrap();
            assert_eq!((pass.seen, pass.changed, pass.failed.len()), (6, 1, 5));
            assert_eq!(pass.failed[0].1.as_text(), Some("a"));
            assert!(store.load(&mut on, "", "a").await.unwrap().unwrap().inspect().is_err());
        });
    }
}

#[test]
fn several_rows_of_one_subject_are_not_passed_over() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE customers (id INTEGER, keys BLOB)").unwrap();
    let store = inline(&db);
    for _ in 0..2 {
        db.execute("INSERT INTO customers VALUES (1, ?1)", [fresh("", &number(1)).as_bytes()])
            .unwrap();
    }
    let mut census = Census::new_at(NOW);
    let error = store.census(&db, "here", &mut census).unwrap_err();
    assert!(
        error.to_string().contains("several rows of the table are of the subject 1:"),
        "{error}"
    );
    let pass = store.change_all(&db, at(&admin()), |_, edit| edit.renew(CONTACT));
    assert_eq!(pass.unwrap_err().kind(), ErrorKind::Declaration);
}

/// What stops a pass is named, so that somebody can remove it.
#[test]
fn a_row_that_no_pass_gets_past_is_named() {
    let (store, db) = own();
    let insert = "INSERT INTO fieldseal_keys VALUES (CAST(X'61FF' AS TEXT), X'0261', 1, X'00')";
    db.execute(insert, []).unwrap();
    let pass = store.change_all(&db, at(&admin()), |_, edit| edit.renew(CONTACT));
    let error = pass.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.to_string().contains("CAST(X'61ff' AS TEXT)"), "{error}");
    for generation in ["0", "65536", "-1"] {
        let insert =
            format!("INSERT INTO fieldseal_reseal VALUES ('', X'0261', 'contact', {generation})");
        assert!(db.execute(&insert, []).is_err(), "no such generation is queued: {generation}");
    }

    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE customers (id BLOB, keys BLOB)").unwrap();
    let store = SqliteKeyStore::inline("customers", ("id", SubjectColumn::Uuid), "keys").unwrap();
    for _ in 0..2 {
        db.execute("INSERT INTO customers VALUES (?1, X'00')", [[0xAB_u8; 16]]).unwrap();
    }
    let error = store.check_sees_all(&db).unwrap_err();
    assert!(error.to_string().contains("subject X'ABABABAB"), "{error}");
}

#[test]
fn a_pass_that_ends_early_says_how_far_it_came() {
    let (store, db) = own();
    db.execute_batch(
        "CREATE TRIGGER no_more BEFORE UPDATE ON fieldseal_keys
         WHEN new.subject = X'010000000000000002' BEGIN SELECT RAISE(ABORT, 'no more'); END;",
    )
    .unwrap();
    let pass = store.change_all(&db, at(&admin()), |_, edit| edit.renew(CONTACT));
    let error = pass.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(
        error.to_string().contains("it had seen 1 envelopes, of which 1 are changed"),
        "{error}"
    );
}

/// The short name cannot put one subject's envelope in the place of another's.
#[test]
fn an_envelope_is_saved_under_its_own_subject_and_tenant() {
    let (store, db) = own();
    let ring = admin();
    let envelope = fresh("acme", &number(7));
    for slip in [
        store.save_envelope(&db, at(&ring).tenant("acme"), 8, &envelope),
        store.save_envelope(&db, at(&ring), 7, &envelope),
        store.save_envelope(&db, at(&ring).tenant("acme"), "7", &envelope),
    ] {
        assert_eq!(kind(slip), ErrorKind::Tampered);
    }
    store.save_envelope(&db, at(&ring).tenant("acme"), 7, &envelope).unwrap();
    assert_eq!(store.load(&db, "acme", 7).unwrap(), Some(envelope));
}

#[cfg(feature = "sqlx-postgres")]
mod on_postgres {
    use fieldseal::AsyncKeyStore as _;
    use fieldseal::store::SqlxKeyStore;
    use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres};

    use super::*;
    use crate::waiting::runtime;

    async fn run(on: &mut PgConnection, sql: String) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(on).await.unwrap();
    }

    /// Two tenants' envelopes, and a connection of a role that may do everything with the table.
    async fn two_tenants(schema: &postgres::Schema) -> (SqlxKeyStore<Postgres>, PgConnection) {
        let mut on = PgConnection::connect(schema.url()).await.unwrap();
        let store = SqlxKeyStore::<Postgres>::new();
        store.migrate(&mut on).await.unwrap();
        for tenant in ["acme", "globex"] {
            let envelope = fresh(tenant, &number(1));
            store.save_unchecked(&mut on, tenant, 1, &envelope).await.unwrap();
        }
        (store, on)
    }

    async fn one<T>(on: &mut PgConnection, sql: &'static str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        sqlx::query_scalar(sql).fetch_one(on).await.unwrap()
    }

    async fn concludes_nothing(store: &SqlxKeyStore<Postgres>, on: &mut PgConnection, why: &str) {
        let ring = admin();
        let pass = store.change_all(on, at(&ring), |_, edit| edit.renew(CONTACT)).await;
        let error = pass.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Incomplete, "{error}");
        assert!(error.to_string().contains(why), "{error}");
        let sweep = Sweep::at_most_percent(100).confirmed();
        let planned = sweep.plan_async(store, on, at(&ring)).await;
        assert_eq!(planned.unwrap_err().kind(), ErrorKind::Incomplete);
        let swept = sweep.run_async(store, on, at(&ring)).await;
        assert_eq!(swept.unwrap_err().kind(), ErrorKind::Incomplete);
        let mut census = Census::new_at(NOW);
        let counted = store.census(on, "here", &mut census).await;
        assert_eq!(counted.unwrap_err().kind(), ErrorKind::Incomplete);
        assert!(census.missed().iter().any(|missed| missed.contains(why)), "{census}");
    }

    #[test]
    fn a_role_that_sees_one_tenant_of_two_concludes_nothing() {
        let Some(schema) = postgres::Schema::new() else { return };
        runtime().block_on(async {
            let (store, mut on) = two_tenants(&schema).await;
            let name: String = one(&mut on, "SELECT current_schema()::text").await;
            run(
                &mut on,
                format!(
                    "CREATE ROLE {name}_clerk;
                     GRANT USAGE ON SCHEMA {name} TO {name}_clerk;
                     GRANT ALL ON ALL TABLES IN SCHEMA {name} TO {name}_clerk;
                     ALTER TABLE fieldseal_keys ENABLE ROW LEVEL SECURITY;
                     CREATE POLICY one ON fieldseal_keys USING (tenant = 'acme');
                     SET ROLE {name}_clerk"
                ),
            )
            .await;
            let seen: i64 = one(&mut on, "SELECT count(*) FROM fieldseal_keys").await;
            assert_eq!(seen, 1, "the policy filters without a word");
            concludes_nothing(&store, &mut on, "row-level security").await;
            // What is asked by subject goes on.
            assert!(store.load(&mut on, "acme", 1).await.unwrap().is_some());
            let setting: String = one(&mut on, "SHOW row_security").await;
            assert_eq!(setting, "on", "the session is as it was");

            // Whom the policies spare sees all.
            run(&mut on, "RESET ROLE".to_owned()).await;
            let ring = admin();
            let pass = store.change_all(&mut on, at(&ring), |_, edit| edit.renew(CONTACT)).await;
            assert_eq!(pass.unwrap().changed, 2);
            // An owner whom they do not spare does not.
            run(
                &mut on,
                format!(
                    "ALTER TABLE fieldseal_keys FORCE ROW LEVEL SECURITY;
                     ALTER TABLE fieldseal_keys OWNER TO {name}_clerk;
                     SET ROLE {name}_clerk"
                ),
            )
            .await;
            concludes_nothing(&store, &mut on, "row-level security").await;
            run(&mut on, format!("RESET ROLE; DROP OWNED BY {name}_clerk; DROP ROLE {name}_clerk"))
                .await;
        });
    }

    #[test]
    fn a_queue_that_row_level_security_filters_is_not_called_empty() {
        let Some(schema) = postgres::Schema::new() else { return };
        runtime().block_on(async {
            let (store, mut on) = two_tenants(&schema).await;
            let change = |edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| edit.renew(CONTACT);
            let ring = admin();
            store.change(&mut on, at(&ring).tenant("globex"), 1, change).await.unwrap();
            let name: String = one(&mut on, "SELECT current_schema()::text").await;
            run(
                &mut on,
                format!(
                    "CREATE ROLE {name}_worker;
                     GRANT USAGE ON SCHEMA {name} TO {name}_worker;
                     GRANT ALL ON ALL TABLES IN SCHEMA {name} TO {name}_worker;
                     ALTER TABLE fieldseal_reseal ENABLE ROW LEVEL SECURITY;
                     CREATE POLICY one ON fieldseal_reseal USING (tenant = 'acme');
                     SET ROLE {name}_worker"
                ),
            )
            .await;
            let seen: i64 = one(&mut on, "SELECT count(*) FROM fieldseal_reseal").await;
            assert_eq!(seen, 0, "the policy filters without a word");
            let of = ("id", SubjectColumn::Integer);
            let of_a_tenant = SqlxKeyStore::inline("customers", of, "keys").unwrap();
            for store in [&store, &of_a_tenant.tenant("globex").unwrap()] {
                let error = store.reseal_queue(&mut on, None, 9).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Incomplete, "{error}");
                assert!(error.to_string().contains("row-level security"), "{error}");
            }
            run(&mut on, "RESET ROLE".to_owned()).await;
            assert_eq!(store.reseal_queue(&mut on, None, 9).await.unwrap().len(), 1);
            run(&mut on, format!("DROP OWNED BY {name}_worker; DROP ROLE {name}_worker")).await;
        });
    }

    #[test]
    fn views_partitions_and_hidden_tables_are_not_taken_for_all() {
        let Some(schema) = postgres::Schema::new() else { return };
        runtime().block_on(async {
            let (store, mut on) = two_tenants(&schema).await;
            run(&mut on, "CREATE TEMP TABLE fieldseal_keys AS SELECT * FROM fieldseal_keys WHERE tenant = 'acme'".into())
                .await;
            concludes_nothing(&store, &mut on, "it hides").await;
            run(
                &mut on,
                "DROP TABLE pg_temp.fieldseal_keys;
                 ALTER TABLE fieldseal_keys RENAME TO everybody;
                 CREATE VIEW fieldseal_keys AS SELECT * FROM everybody WHERE tenant = 'acme'"
                    .into(),
            )
            .await;
            concludes_nothing(&store, &mut on, "it is a view").await;
            run(
                &mut on,
                "DROP VIEW fieldseal_keys;
                 CREATE TABLE parts (LIKE everybody INCLUDING DEFAULTS) PARTITION BY LIST (tenant);
                 CREATE TABLE fieldseal_keys PARTITION OF parts FOR VALUES IN ('acme');
                 INSERT INTO parts SELECT * FROM everybody WHERE tenant = 'acme'"
                    .into(),
            )
            .await;
            concludes_nothing(&store, &mut on, "it is a partition or a child of parts").await;
        });
    }

    #[test]
    fn a_table_of_the_same_name_in_another_schema_keeps_a_key_from_being_retired() {
        let (Some(schema), Some(other)) = (postgres::Schema::new(), postgres::Schema::new()) else {
            return;
        };
        runtime().block_on(async {
            let of = ("id", SubjectColumn::Integer);
            // Named as in no other test, which run beside this one.
            let store = SqlxKeyStore::<Postgres>::inline("customers_of_two", of, "keys").unwrap();
            let mut both = Vec::new();
            for (subject, schema) in [(1_u64, &schema), (2, &other)] {
                let mut on = PgConnection::connect(schema.url()).await.unwrap();
                store.migrate(&mut on).await.unwrap();
                run(
                    &mut on,
                    format!(
                        "CREATE TABLE customers_of_two (id BIGINT PRIMARY KEY, keys BYTEA);
                         INSERT INTO customers_of_two VALUES ({subject}, NULL)"
                    ),
                )
                .await;
                let envelope = fresh("", &number(subject));
                store.save_unchecked(&mut on, "", subject, &envelope).await.unwrap();
                both.push(on);
            }
            let mut ring = admin();
            let old = ring.primary(KeyUse::Wrap, "app").unwrap().id();
            ring.rotate(KeyUse::Wrap, "app").unwrap();
            for on in &mut both {
                let rewrap = |_: &_, edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| {
                    edit.rewrap([CONTACT, NOTES]).map(drop)
                };
                let _pass = store.change_all(on, at(&ring), rewrap).await.unwrap();
            }
            let mut census = Census::new_at(NOW);
            store.census(&mut both[0], "one", &mut census).await.unwrap();
            let error = ring.retire(old, &census).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Incomplete);
            assert!(error.to_string().contains(".customers_of_two"), "{error}");
            store.census(&mut both[1], "other", &mut census).await.unwrap();
            ring.retire(old, &census).unwrap();
        });
    }

    #[test]
    fn rows_without_a_subject_are_counted_where_nulls_come_last() {
        let Some(schema) = postgres::Schema::new() else { return };
        runtime().block_on(async {
            let mut on = PgConnection::connect(schema.url()).await.unwrap();
            let of = ("mail", SubjectColumn::Text);
            let store = SqlxKeyStore::<Postgres>::inline("people", of, "keys").unwrap();
            run(&mut on, "CREATE TABLE people (mail TEXT, keys BYTEA)".into()).await;
            for (mail, of) in [(Some("a"), "a"), (None, "x"), (Some(""), "y")] {
                let sql = "INSERT INTO people VALUES ($1, $2)";
                let envelope = fresh("", &text_id(of));
                let query = sqlx::query(sql).bind(mail).bind(envelope.as_bytes());
                query.execute(&mut on).await.unwrap();
            }
            assert_eq!(store.count_unnamed(&mut on).await.unwrap(), 2);
            let mut census = Census::new_at(NOW);
            let counted = store.census(&mut on, "here", &mut census).await;
            assert_eq!(counted.unwrap_err().kind(), ErrorKind::Malformed);
            assert_eq!((census.envelopes(), census.unreadable()), (1, 2));
        });
    }

    fn text_id(text: &str) -> fieldseal::SubjectId {
        fieldseal::SubjectId::new(text).unwrap()
    }
}

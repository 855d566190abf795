//! Saves that a database accepts and does not keep.

use fieldseal::store::{SqliteKeyStore, SubjectColumn};
use fieldseal::{Access, DataKeys, ErrorKind, KeyStore};
use rusqlite::Connection;

use crate::common::*;
use crate::contract::*;

const PUTS_BACK: &str = "CREATE TRIGGER puts_back AFTER UPDATE ON fieldseal_keys BEGIN
    UPDATE fieldseal_keys SET version = old.version, envelope = old.envelope
    WHERE tenant = old.tenant AND subject = old.subject;
END;";
const REMOVES: &str = "CREATE TRIGGER removes AFTER INSERT ON fieldseal_keys BEGIN
    DELETE FROM fieldseal_keys WHERE tenant = new.tenant AND subject = new.subject;
END;";
/// The former envelope under a higher number, which nobody has authenticated.
const RAISES: &str = "CREATE TRIGGER raises AFTER UPDATE ON fieldseal_keys WHEN new.version < 255 BEGIN
    UPDATE fieldseal_keys SET version = 255,
        envelope = CAST(substr(old.envelope, 1, 1) || x'00000000000000FF' || substr(old.envelope, 10) AS BLOB)
    WHERE tenant = old.tenant AND subject = old.subject;
END;";

fn own() -> (SqliteKeyStore, Connection) {
    let db = Connection::open_in_memory().unwrap();
    let store = SqliteKeyStore::new();
    store.migrate(&db).unwrap();
    (store, db)
}

#[test]
fn an_erasure_that_a_trigger_undoes_is_refused_and_gives_no_receipt() {
    let (store, db) = own();
    let ring = admin();
    let before = fresh("", &number(7));
    store.save_unchecked(&db, "", 7, &before).unwrap();
    db.execute_batch(PUTS_BACK).unwrap();
    let error = store.erase(&db, at(&ring), 7).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("trigger"), "{error}");
    let error = store.erase_class(&db, at(&ring), 7, "contact").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    let renew = store.change(&db, at(&ring), 7, |edit| edit.renew(CONTACT));
    assert_eq!(renew.unwrap_err().kind(), ErrorKind::Io, "with a queue");
    assert!(db.is_autocommit(), "no transaction is left behind");
    assert_eq!(store.load(&db, "", 7).unwrap(), Some(before));
    assert_eq!(store.reseal_queue(&db, None, 9).unwrap(), [], "what was not renewed is not queued");
}

#[test]
fn an_erasure_under_which_a_trigger_raises_the_version_gives_no_receipt() {
    let (store, db) = own();
    store.save_unchecked(&db, "", 7, &fresh("", &number(7))).unwrap();
    db.execute_batch(RAISES).unwrap();
    let error = store.erase(&db, at(&admin()), 7).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("trigger"), "{error}");
}

#[test]
fn keys_that_a_trigger_removes_are_not_called_stored() {
    let (store, db) = own();
    db.execute_batch(REMOVES).unwrap();
    let keys = DataKeys::create(Access::new(&admin()).at(NOW), 7, [CONTACT]).unwrap();
    assert_eq!(store.save(&db, &keys).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn a_pass_does_not_count_what_a_trigger_undoes() {
    let (store, db) = own();
    store.save_unchecked(&db, "", 7, &fresh("", &number(7))).unwrap();
    db.execute_batch(PUTS_BACK).unwrap();
    let pass = store.change_all(&db, at(&admin()), |_, edit| edit.renew(CONTACT));
    assert_eq!(pass.unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn a_column_that_a_trigger_puts_back_is_told_too() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, keys BLOB);
         INSERT INTO people (id) VALUES (7);",
    )
    .unwrap();
    let store = SqliteKeyStore::inline("people", ("id", SubjectColumn::Integer), "keys").unwrap();
    store.migrate(&db).unwrap();
    store.save_unchecked(&db, "", 7, &fresh("", &number(7))).unwrap();
    db.execute_batch(
        "CREATE TRIGGER puts_back AFTER UPDATE ON people BEGIN
             UPDATE people SET keys = old.keys WHERE id = old.id;
         END;",
    )
    .unwrap();
    assert_eq!(store.erase(&db, at(&admin()), 7).unwrap_err().kind(), ErrorKind::Io);
}

#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
mod through_sqlx {
    use fieldseal::AsyncKeyStore;
    use fieldseal::store::{SqlxDatabase, SqlxKeyStore};
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

    use super::*;

    #[allow(dead_code, reason = "by features")]
    async fn check<DB: SqlxDatabase>(
        on: &mut DB::Connection,
        run: impl AsyncFn(&mut DB::Connection, String),
        undoing: &str,
    ) {
        let store = SqlxKeyStore::<DB>::new();
        store.migrate(on).await.unwrap();
        let (ring, before) = (admin(), fresh("", &number(7)));
        store.save_unchecked(on, "", 7, &before).await.unwrap();
        run(on, undoing.to_owned()).await;
        let erased = store.erase(on, at(&ring), 7).await;
        assert_eq!(erased.unwrap_err().kind(), ErrorKind::Io, "{undoing}");
        let renewed = store.change(on, at(&ring), 7, |edit| edit.renew(CONTACT)).await;
        assert_eq!(renewed.unwrap_err().kind(), ErrorKind::Io, "{undoing}");
        assert_eq!(store.load(on, "", 7).await.unwrap(), Some(before));
    }

    #[cfg(feature = "sqlx-sqlite")]
    #[test]
    fn an_erasure_that_a_trigger_undoes_is_refused_through_sqlx() {
        crate::waiting::runtime().block_on(async {
            let mut on = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
            let run = async |on: &mut sqlx::SqliteConnection, sql| {
                on.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
            };
            check::<sqlx::Sqlite>(&mut on, run, PUTS_BACK).await;
        });
    }

    #[cfg(feature = "sqlx-sqlite")]
    #[test]
    fn an_erasure_under_which_a_trigger_raises_the_version_gives_no_receipt_through_sqlx() {
        crate::waiting::runtime().block_on(async {
            for in_transaction in [false, true] {
                let mut on = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
                let store = SqlxKeyStore::<sqlx::Sqlite>::new();
                store.migrate(&mut on).await.unwrap();
                store.save_unchecked(&mut on, "", 7, &fresh("", &number(7))).await.unwrap();
                on.execute(sqlx::raw_sql(RAISES)).await.unwrap();
                let erased = if in_transaction {
                    store.erase(&mut *on.begin().await.unwrap(), at(&admin()), 7).await
                } else {
                    store.erase(&mut on, at(&admin()), 7).await
                };
                // Outside of a transaction it looks again, and what it meets is not authentic.
                let kind = if in_transaction { ErrorKind::Io } else { ErrorKind::Tampered };
                assert_eq!(erased.unwrap_err().kind(), kind);
            }
        });
    }

    /// Before the row is written, after the statement, and at the end of the transaction.
    #[cfg(feature = "sqlx-postgres")]
    #[test]
    fn an_erasure_that_a_trigger_undoes_is_refused_by_postgres_too() {
        let after = "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF new.version > old.version THEN
                    UPDATE fieldseal_keys SET version = old.version, envelope = old.envelope
                    WHERE tenant = old.tenant AND subject = old.subject;
                END IF;
                RETURN NULL;
            END $$; ";
        let before = "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RETURN old; END $$; CREATE TRIGGER undo BEFORE UPDATE";
        let triggers = [
            format!("{before} ON fieldseal_keys FOR EACH ROW EXECUTE FUNCTION undo()"),
            format!(
                "{after} CREATE TRIGGER undo AFTER UPDATE ON fieldseal_keys FOR EACH ROW EXECUTE FUNCTION undo()"
            ),
            format!(
                "{after} CREATE CONSTRAINT TRIGGER undo AFTER UPDATE ON fieldseal_keys
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION undo()"
            ),
        ];
        for trigger in triggers {
            let Some(schema) = postgres::Schema::new() else { return };
            crate::waiting::runtime().block_on(async {
                let mut on = sqlx::PgConnection::connect(schema.url()).await.unwrap();
                let run = async |on: &mut sqlx::PgConnection, sql| {
                    on.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
                };
                check::<sqlx::Postgres>(&mut on, run, &trigger).await;
            });
        }
    }
}

//! The table of terms through sqlx.

use super::*;
use fieldseal::store::SqlxTermsTable;
use sqlx::{AssertSqlSafe, Connection as _, Sqlite, SqliteConnection};

fn in_sqlite(test: impl AsyncFnOnce(&mut SqliteConnection, SqlxTermsTable)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut on, terms) =
            (SqliteConnection::connect("sqlite::memory:").await.unwrap(), SqlxTermsTable::new());
        terms.migrate(&mut on).await.unwrap();
        terms.migrate(&mut on).await.unwrap();
        let table = "CREATE TABLE ticket (id INTEGER PRIMARY KEY, note_index BLOB);
                     INSERT INTO ticket (id) VALUES (1), (2)";
        sqlx::raw_sql(table).execute(&mut on).await.unwrap();
        test(&mut on, terms).await;
    });
}

async fn of_words(on: &mut SqliteConnection, ring: &KeyRing, words: &str) -> Vec<i64> {
    let found = NOTE_WORDS.query(ring, words).unwrap().in_table("ticket.id").unwrap().after(1);
    let mut terms = sqlx::sqlite::SqliteArguments::default();
    sqlx::Arguments::add(&mut terms, 99_i64).unwrap();
    found.add_to::<Sqlite>(&mut terms).unwrap();
    let sql = format!("SELECT id FROM ticket WHERE id < ?1 AND {} ORDER BY id", found.sql());
    sqlx::query_scalar_with(AssertSqlSafe(sql), terms).fetch_all(on).await.unwrap()
}

/// What an axum handler must be able to hold across its awaits.
fn in_a_handler<F: Future + Send>(call: F) -> F {
    call
}

#[test]
fn rows_are_found_replaced_and_removed() {
    in_sqlite(async |on, terms| {
        let ring = ring();
        in_a_handler(terms.write(on, 1, &update(&ring, "late parcel"))).await.unwrap();
        terms.write(on, 2, &update(&ring, "late")).await.unwrap();
        assert_eq!(of_words(on, &ring, "late").await, [1, 2]);
        assert_eq!(of_words(on, &ring, "late parcel").await, [1]);
        terms.write(on, 1, &(&NOTE_WORDS, &words(&ring, "wet"))).await.unwrap();
        assert_eq!(of_words(on, &ring, "late").await, [2]);
        in_a_handler(terms.remove(on, "ticket", 2)).await.unwrap();
        assert_eq!(of_words(on, &ring, "late").await, [0; 0]);
        assert_eq!(of_words(on, &ring, "wet").await, [1]);
    });
}

/// More than one statement takes.
#[test]
fn a_long_text_is_found_by_its_every_word() {
    in_sqlite(async |on, terms| {
        let (ring, long) = (ring(), (0..200).map(|n| format!("w{n} ")).collect::<String>());
        terms.write(on, 1, &update(&ring, &long)).await.unwrap();
        for n in [0, 63, 64, 127, 128, 199] {
            assert_eq!(of_words(on, &ring, &format!("w{n}")).await, [1]);
        }
    });
}

#[test]
fn terms_go_with_the_callers_transaction_and_unread_ones_are_refused() {
    in_sqlite(async |on, terms| {
        let ring = ring();
        terms.write(on, 1, &update(&ring, "late")).await.unwrap();
        let mut transaction = on.begin().await.unwrap();
        terms.write(&mut transaction, 1, &update(&ring, "wet")).await.unwrap();
        transaction.rollback().await.unwrap();
        let refused = terms.write(on, 1, &(&NOTE_WORDS, &Terms::unread())).await;
        assert_eq!(kind(refused), ErrorKind::Declaration);
        assert_eq!(
            kind(terms.write(on, (1, 2), &update(&ring, "wet")).await),
            ErrorKind::Declaration
        );
        assert_eq!(of_words(on, &ring, "late").await, [1]);
    });
}

/// Both crates keep the same table.
#[test]
fn what_one_crate_wrote_the_other_finds() {
    in_sqlite(async |on, terms| {
        assert_eq!(SqlxTermsTable::SCHEMA, SqliteTermsTable::SCHEMA);
        let (ring, uuid) = (ring(), fieldseal::Id::from_uuid_bytes([7; 16]));
        let (db, own) = database();
        let made = words(&ring, "late parcel");
        let columns = "SELECT i.record, i.\"index\", hex(term), typeof(\"row\"), hex(\"row\") FROM fieldseal_terms t JOIN fieldseal_indexes i ON i.id = t.\"index\" ORDER BY 1, 2, 3, 4, 5";
        for row in [1.to_id().unwrap(), "1".to_id().unwrap(), uuid] {
            terms.write(on, &row, &(&NOTE_WORDS, &made)).await.unwrap();
            own.write(&db, &row, &(&NOTE_WORDS, &made)).unwrap();
        }
        type Stored = (String, String, String, String, String);
        let one: Vec<Stored> = sqlx::query_as(columns).fetch_all(on).await.unwrap();
        let mut statement = db.prepare(columns).unwrap();
        let other = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        });
        assert_eq!(one, other.unwrap().collect::<Result<Vec<Stored>, _>>().unwrap());
        assert_eq!(one.len(), 6);
    });
}

#[test]
fn a_condition_for_the_other_database_is_refused() {
    let found = NOTE_EXACT.query(&ring(), "late").unwrap();
    let found = found.in_column(SqlDialect::Postgres, "note_index").unwrap();
    let mut terms = sqlx::sqlite::SqliteArguments::default();
    assert_eq!(kind(found.add_to::<Sqlite>(&mut terms)), ErrorKind::Declaration);
}

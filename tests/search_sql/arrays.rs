//! Terms in columns of PostgreSQL, one or an array of them.

use super::*;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres, Row as _};

fn in_postgres(test: impl AsyncFnOnce(&mut PgConnection)) {
    let Some(schema) = schema::Schema::new() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut on = PgConnection::connect(schema.url()).await.unwrap();
        let table = "CREATE TABLE ticket (id BIGINT PRIMARY KEY, note BYTEA, note_index BYTEA,
                     note_words BYTEA[])";
        sqlx::raw_sql(table).execute(&mut on).await.unwrap();
        test(&mut on).await;
    });
}

async fn write(on: &mut PgConnection, ring: &KeyRing, id: i64, note: &str) {
    let made = update(ring, note);
    sqlx::query("INSERT INTO ticket VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(&made.value)
        .bind(made.term(&NOTE_EXACT))
        .bind(made.terms(&NOTE_WORDS))
        .execute(on)
        .await
        .unwrap();
}

async fn ids(on: &mut PgConnection, condition: &str, found: Option<&SqlCondition>) -> Vec<i64> {
    let mut terms = sqlx::postgres::PgArguments::default();
    if let Some(found) = found {
        found.add_to::<Postgres>(&mut terms).unwrap();
    }
    let sql = format!("SELECT id FROM ticket WHERE {condition} ORDER BY id");
    sqlx::query_scalar_with(AssertSqlSafe(sql), terms).fetch_all(on).await.unwrap()
}

#[test]
fn a_row_is_found_that_has_all_of_the_words() {
    in_postgres(async |on| {
        let ring = ring();
        for (id, note) in [(1, "the parcel came late"), (2, "the parcel was wet"), (3, "late")] {
            write(on, &ring, id, note).await;
        }
        for (words, expected) in
            [("parcel", &[1, 2][..]), ("late parcel", &[1]), ("parcel again", &[]), ("par", &[])]
        {
            let found = NOTE_WORDS.query(&ring, words).unwrap();
            let found = found.in_array("ticket.note_words").unwrap();
            assert_eq!(ids(on, &found.sql(), Some(&found)).await, expected, "{words}");
        }
        let found = NOTE_EXACT.query(&ring, "late").unwrap();
        let found = found.in_column(SqlDialect::Postgres, "note_index").unwrap();
        assert_eq!(ids(on, &found.sql(), Some(&found)).await, [3]);
    });
}

#[test]
fn stale_and_missing_terms_are_told_apart() {
    in_postgres(async |on| {
        let mut ring = ring();
        write(on, &ring, 1, "late").await;
        write(on, &ring, 2, "...").await;
        sqlx::query("INSERT INTO ticket VALUES (3, 'f5', NULL, NULL), (4, NULL, NULL, NULL)")
            .execute(&mut *on)
            .await
            .unwrap();
        let stale = NOTE_WORDS.stale(&ring).unwrap();
        assert_eq!(ids(on, &stale.in_array("note_words").unwrap(), None).await, [0; 0]);
        let missing = stale.missing_in_column(SqlDialect::Postgres, "note_words", "note").unwrap();
        assert_eq!(ids(on, &missing, None).await, [3]);
        ring.rotate(KeyUse::Index, "index").unwrap();
        write(on, &ring, 5, "late").await;
        let stale = NOTE_WORDS.stale(&ring).unwrap();
        assert_eq!(ids(on, &stale.in_array("note_words").unwrap(), None).await, [1]);
        let in_column = stale.in_column(SqlDialect::Postgres, "note_index").unwrap();
        assert_eq!(ids(on, &in_column, None).await, [1, 2]);
    });
}

#[test]
fn a_name_is_never_sql() {
    in_postgres(async |on| {
        for name in ["note_index\") OR (1=1", "note_index = '' OR id", "note_indx", "*"] {
            let found = NOTE_EXACT.query(&ring(), "late").unwrap();
            let found = found.in_column(SqlDialect::Postgres, name).unwrap();
            let mut terms = sqlx::postgres::PgArguments::default();
            found.add_to::<Postgres>(&mut terms).unwrap();
            let sql = AssertSqlSafe(format!("SELECT id FROM ticket WHERE {}", found.sql()));
            let asked = sqlx::query_with(sql, terms).fetch_all(&mut *on).await;
            let error = asked.err().unwrap();
            let code = error.as_database_error().unwrap().code().unwrap().into_owned();
            assert_eq!(code, "42703", "undefined_column: {error}");
        }
    });
}

#[test]
fn an_array_is_read_back_and_null_is_not_an_empty_one() {
    in_postgres(async |on| {
        let ring = ring();
        let made = words(&ring, "late again");
        assert_eq!(made.as_slice().unwrap().len(), 2);
        for terms in [made, Terms::from_terms(Vec::new())] {
            let row = sqlx::query("SELECT $1 AS terms").bind(&terms).fetch_one(&mut *on).await;
            assert_eq!(row.unwrap().get::<Terms, _>("terms"), terms);
        }
        let null = sqlx::query("SELECT NULL::bytea[] AS terms").fetch_one(&mut *on).await.unwrap();
        assert_eq!(null.get::<Terms, _>("terms"), Terms::unread());
        for other in ["1", "''::bytea", "'{1}'::bigint[]", "ARRAY[NULL]::bytea[]"] {
            let sql = AssertSqlSafe(format!("SELECT {other} AS terms"));
            let row = sqlx::query(sql).fetch_one(&mut *on).await.unwrap();
            assert!(row.try_get::<Terms, _>("terms").is_err(), "{other}");
        }
    });
}

/// NULL in their place would hide the row from every query.
#[test]
fn unread_terms_are_not_written() {
    in_postgres(async |on| {
        write(on, &ring(), 1, "late").await;
        let set = sqlx::query("UPDATE ticket SET note_words = $1").bind(Terms::unread());
        let error = set.execute(&mut *on).await.unwrap_err().to_string();
        assert!(error.contains("have not been read"), "{error}");
        assert_eq!(ids(on, "cardinality(note_words) = 1", None).await, [1]);
    });
}

#[test]
fn a_condition_for_the_other_database_is_refused() {
    let found = NOTE_EXACT.query(&ring(), "late").unwrap();
    let found = found.in_column(SqlDialect::Sqlite, "note_index").unwrap();
    let mut terms = sqlx::postgres::PgArguments::default();
    assert_eq!(kind(found.add_to::<Postgres>(&mut terms)), ErrorKind::Declaration);
}

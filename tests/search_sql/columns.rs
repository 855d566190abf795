//! Columns of terms: what is written is read back, as bytes or as text, and what is none is refused.

use super::*;
use rusqlite::types::Value;

fn read(db: &Connection, value: impl Into<Value>) -> rusqlite::Result<Term> {
    db.query_row("SELECT ?", [value.into()], |row| row.get(0))
}

#[test]
fn terms_are_bytes_and_are_read_from_text_too() {
    let db = Connection::open_in_memory().unwrap();
    let term = update(&ring(), "late").term(&NOTE_EXACT).unwrap().clone();
    let kept: Value = db.query_row("SELECT ?", [&term], |row| row.get(0)).unwrap();
    assert_eq!(kept, Value::Blob(term.as_bytes().to_vec()));
    assert_eq!(read(&db, kept).unwrap(), term);
    assert_eq!(read(&db, term.to_text()).unwrap(), term);
    let absent: Option<Term> = db.query_row("SELECT NULL", [], |row| row.get(0)).unwrap();
    assert_eq!(absent, None);
}

#[test]
fn other_values_are_refused_without_being_shown() {
    let db = Connection::open_in_memory().unwrap();
    for value in [
        Value::Null,
        Value::Integer(4_242),
        Value::Real(4_242.0),
        Value::Text("secret!".into()),
        Value::Text("c2VjcmV0==".into()),
    ] {
        let error = read(&db, value).unwrap_err().to_string();
        assert!(
            !error.contains("secret") && !error.contains("c2V") && !error.contains("4242"),
            "{error}"
        );
    }
}

#[cfg(feature = "sqlx-sqlite")]
#[test]
fn sqlx_reads_the_same() {
    use sqlx::{Connection as _, Row as _, SqliteConnection};

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut on = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let term = update(&ring(), "late").term(&NOTE_EXACT).unwrap().clone();
        let sql =
            "SELECT ?1 AS bytes, ?2 AS text, NULL AS absent, 4242 AS number, 'secret!' AS other";
        let row =
            sqlx::query(sql).bind(&term).bind(term.to_text()).fetch_one(&mut on).await.unwrap();
        assert_eq!(row.get::<Term, _>("bytes"), term);
        assert_eq!(row.get::<Term, _>("text"), term);
        assert_eq!(row.get::<Option<Term>, _>("absent"), None);
        for column in ["absent", "number", "other"] {
            let error = row.try_get::<Term, _>(column).unwrap_err().to_string();
            assert!(!error.contains("secret") && !error.contains("4242"), "{error}");
        }
    });
}

//! Names of columns are the application's, and must not become anything else.

use super::*;

/// Whether SQLite takes the statement, and what it finds.
fn asked(db: &Connection, column: &str) -> rusqlite::Result<i64> {
    let found = NOTE_EXACT.query(&ring(), "late").unwrap();
    let found = found.in_column(SqlDialect::Sqlite, column).unwrap();
    let sql = format!("SELECT count(*) FROM ticket WHERE {}", found.sql());
    db.query_row(&sql, params_from_iter(found.terms()), |row| row.get(0))
}

#[test]
fn a_name_is_never_sql() {
    let (db, _) = database();
    db.execute("INSERT INTO ticket (id) VALUES (1)", []).unwrap();
    for name in [
        "note_index`) OR 1=1 --",
        "note_index\") OR 1=1 --",
        "1=1) OR (`id",
        "' OR ''='",
        "id IN (1) OR id",
        "note_index]; DROP TABLE ticket; --",
        "*",
    ] {
        let error = asked(&db, name).unwrap_err().to_string();
        assert!(error.contains("no such column"), "{name}: {error}");
    }
    assert_eq!(asked(&db, "note_index").unwrap(), 0);
}

/// SQLite takes a name in double quotes that no column has for a string.
#[test]
fn a_misspelled_column_is_an_error_and_not_a_search_that_finds_nothing() {
    let (db, _) = database();
    for name in ["note_indx", "ticket.note_indx", "tickets.note_index"] {
        assert!(asked(&db, name).unwrap_err().to_string().contains("no such column"), "{name}");
        let stale = NOTE_EXACT.stale(&ring()).unwrap();
        for condition in [
            stale.in_column(SqlDialect::Sqlite, name).unwrap(),
            stale.in_table(&NOTE_WORDS, name).unwrap(),
            stale.missing_in_table(&NOTE_WORDS, name, "note").unwrap(),
            stale.missing_in_table(&NOTE_WORDS, "id", name).unwrap(),
            stale.missing_in_column(SqlDialect::Sqlite, name, "note").unwrap(),
        ] {
            let error = db.prepare(&format!("SELECT id FROM ticket WHERE {condition}"));
            assert!(error.unwrap_err().to_string().contains("no such column"), "{condition}");
        }
    }
}

#[test]
fn names_with_quotes_and_spaces_and_of_keywords_are_found() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE \"ticket\" (\"a `b\"\" c\" BLOB, \"select\" BLOB)").unwrap();
    for name in ["a `b\" c", "select", "ticket.select", "main.ticket.select"] {
        assert_eq!(asked(&db, name).unwrap(), 0);
    }
}

#[test]
fn names_that_are_none_are_refused() {
    let ring = ring();
    let (exact, words) =
        (NOTE_EXACT.query(&ring, "late").unwrap(), NOTE_WORDS.query(&ring, "late").unwrap());
    let stale = NOTE_EXACT.stale(&ring).unwrap();
    for name in ["", ".", "ticket.", ".note", "a.b.c.d", "no\0te"] {
        for dialect in [SqlDialect::Sqlite, SqlDialect::Postgres] {
            assert_eq!(kind(exact.in_column(dialect, name)), ErrorKind::Declaration);
            assert_eq!(kind(stale.in_column(dialect, name)), ErrorKind::Declaration);
            assert_eq!(kind(stale.missing_in_column(dialect, name, "a")), ErrorKind::Declaration);
            assert_eq!(kind(stale.missing_in_column(dialect, "a", name)), ErrorKind::Declaration);
        }
        assert_eq!(kind(words.in_table(name)), ErrorKind::Declaration);
        assert_eq!(kind(words.in_array(name)), ErrorKind::Declaration);
        assert_eq!(kind(stale.in_array(name)), ErrorKind::Declaration);
        assert_eq!(kind(stale.in_table(&NOTE_WORDS, name)), ErrorKind::Declaration);
        assert_eq!(kind(stale.missing_in_table(&NOTE_WORDS, name, "a")), ErrorKind::Declaration);
        assert_eq!(kind(stale.missing_in_table(&NOTE_WORDS, "a", name)), ErrorKind::Declaration);
    }
}

/// Of a table whose key is called as the columns of the table of terms are.
#[test]
fn a_key_is_that_of_the_applications_table_whatever_it_is_called() {
    let (db, terms) = database();
    let ring = ring();
    for key in ["row", "term", "record", "index"] {
        db.execute_batch(&format!(
            "CREATE TABLE of_{key} (\"{key}\" INTEGER PRIMARY KEY, note BLOB);
             INSERT INTO of_{key} VALUES (1, X'f5'), (2, X'f5')"
        ))
        .unwrap();
        terms.write(&db, 1, &(&NOTE_WORDS, &words(&ring, "late"))).unwrap();
        let rows = |condition: &str, found: Option<&SqlCondition>| -> Vec<i64> {
            let sql = format!("SELECT \"{key}\" FROM of_{key} WHERE {condition}");
            let mut statement = db.prepare(&sql).unwrap();
            let terms = found.into_iter().flat_map(SqlCondition::terms);
            let rows = statement.query_map(params_from_iter(terms), |row| row.get(0)).unwrap();
            rows.map(Result::unwrap).collect()
        };
        let found = NOTE_WORDS.query(&ring, "late").unwrap().in_table(key).unwrap();
        assert_eq!(rows(&found.sql(), Some(&found)), [1]);
        let stale = NOTE_WORDS.stale(&ring).unwrap();
        assert_eq!(rows(&stale.in_table(&NOTE_WORDS, key).unwrap(), None), [0; 0]);
        assert_eq!(rows(&stale.missing_in_table(&NOTE_WORDS, key, "note").unwrap(), None), [2]);
    }
}

#[test]
fn placeholders_begin_behind_those_of_the_statement() {
    let mut ring = ring();
    ring.rotate(KeyUse::Index, "index").unwrap();
    let exact = NOTE_EXACT.query(&ring, "late").unwrap();
    let words = NOTE_WORDS.query(&ring, "late parcel").unwrap();

    let sqlite = exact.in_column(SqlDialect::Sqlite, "t.c").unwrap();
    assert_eq!(sqlite.sql(), "(`t`.`c` IN (?1, ?2))");
    assert_eq!(sqlite.terms().count(), 2);
    assert_eq!(sqlite.after(3).sql(), "(`t`.`c` IN (?4, ?5))");
    let table = words.in_table("id").unwrap().after(1);
    assert_eq!(table.terms().count(), 4);
    let sql = table.sql();
    assert!(sql.contains("term IN (?2, ?3)") && sql.contains("term IN (?4, ?5)"), "{sql}");

    let postgres = exact.in_column(SqlDialect::Postgres, "t.c").unwrap();
    assert_eq!(postgres.sql(), "(\"t\".\"c\" = ANY ($1))");
    assert_eq!(postgres.arrays().map(<[_]>::len).collect::<Vec<_>>(), [2]);
    let array = words.in_array("c").unwrap().after(2);
    assert_eq!(array.sql(), "(\"c\" && $3 AND \"c\" && $4)");
    assert_eq!(array.arrays().map(<[_]>::len).collect::<Vec<_>>(), [2, 2]);
}

/// No row has them in one column, so that every row would be missed.
#[test]
fn several_words_are_not_asked_of_a_column_of_one_term() {
    for dialect in [SqlDialect::Sqlite, SqlDialect::Postgres] {
        let asked = |words| NOTE_WORDS.query(&ring(), words).unwrap().in_column(dialect, "term");
        assert_eq!(kind(asked("late delivery")), ErrorKind::Declaration);
        asked("late").unwrap();
    }
}

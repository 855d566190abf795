//! The SQL of searching by terms, and the table that holds them: what is found, what is not, what is
//! refused.
#![cfg(feature = "rusqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unnameable_types,
    unreachable_pub,
    reason = "a test stops at the first surprise, and shares modules"
)]

use fieldseal::field::{Companion, IndexedField, ManyTerms};
use fieldseal::index::{Domain, Term, Terms};
use fieldseal::keyring::KeyUse;
use fieldseal::store::{SqlCondition, SqlDialect, SqliteTermsTable};
use fieldseal::{Class, DataKeys, ErrorKind, Field, Index, KeyRing, RowId, ToId};
use rusqlite::{Connection, params, params_from_iter};

#[cfg(feature = "sqlx-postgres")]
#[path = "search_sql/arrays.rs"]
mod arrays;
#[path = "search_sql/columns.rs"]
mod columns;
#[cfg(feature = "derive")]
#[path = "search_sql/derived.rs"]
mod derived;
#[path = "search_sql/names.rs"]
mod names;
#[cfg(feature = "sqlx-postgres")]
#[path = "common/postgres.rs"]
mod schema;
#[cfg(feature = "sqlx-sqlite")]
#[path = "search_sql/through_sqlx.rs"]
mod through_sqlx;

const NOTE_WORDS: Index<String, ManyTerms> =
    Index::words("ticket", "note.words").cardinality(90_000);
const NOTE_BEGINS: Index<String, ManyTerms> =
    Index::prefix("ticket", "note.prefix", 3).cardinality(90_000);
const NOTE_EXACT: Index<String> = Index::exact("ticket", "note").cardinality(90_000);
const POINTS: Index<i64, ManyTerms> = Index::range("ticket", "points", Domain::integers(0, 99_999));

/// All of its terms are in the table.
const NOTE: IndexedField<String> = Field::new("ticket", "note", Class::PERSONAL).with(
    "note",
    &[
        Companion::in_table(&NOTE_WORDS),
        Companion::in_table(&NOTE_BEGINS),
        Companion::index(&NOTE_EXACT, "note_index"),
    ],
);
const SCORE: IndexedField<i64> =
    Field::new("ticket", "points", Class::PERSONAL).with("points", &[Companion::in_table(&POINTS)]);

fn ring() -> KeyRing {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_index_key().unwrap();
    ring
}

fn update(ring: &KeyRing, note: &str) -> fieldseal::field::Update<'static, String> {
    let keys = DataKeys::create(ring, 42, [Class::PERSONAL]).unwrap();
    NOTE.update(&keys, &note.to_owned()).unwrap()
}

fn words(ring: &KeyRing, note: &str) -> Terms {
    let keys = DataKeys::create(ring, 42, [Class::PERSONAL]).unwrap();
    NOTE.update(&keys, &note.to_owned()).unwrap().terms(&NOTE_WORDS).unwrap().clone()
}

fn database() -> (Connection, SqliteTermsTable) {
    let (db, terms) = (Connection::open_in_memory().unwrap(), SqliteTermsTable::new());
    terms.migrate(&db).unwrap();
    terms.migrate(&db).unwrap();
    db.execute_batch("CREATE TABLE ticket (id INTEGER PRIMARY KEY, note BLOB, note_index BLOB)")
        .unwrap();
    (db, terms)
}

/// A ticket with its note in all indexes.
fn write(db: &Connection, ring: &KeyRing, id: i64, note: &str) {
    let made = update(ring, note);
    db.execute(
        "REPLACE INTO ticket VALUES (?, ?, ?)",
        params![id, made.value, made.term(&NOTE_EXACT)],
    )
    .unwrap();
    SqliteTermsTable::new().write(db, id, &made).unwrap();
}

fn ids(db: &Connection, condition: &str, found: Option<&SqlCondition>) -> Vec<i64> {
    let sql = format!("SELECT id FROM ticket WHERE {condition} ORDER BY id");
    let mut statement = db.prepare(&sql).unwrap();
    let terms = found.into_iter().flat_map(SqlCondition::terms);
    statement
        .query_map(params_from_iter(terms), |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

fn of_words(db: &Connection, ring: &KeyRing, words: &str) -> Vec<i64> {
    let found = NOTE_WORDS.query(ring, words).unwrap().in_table("ticket.id").unwrap();
    ids(db, &found.sql(), Some(&found))
}

fn count(db: &Connection) -> i64 {
    db.query_row("SELECT count(*) FROM fieldseal_terms", [], |row| row.get(0)).unwrap()
}

fn kind<T>(result: Result<T, fieldseal::Error>) -> ErrorKind {
    result.err().expect("it should have been refused").kind()
}

#[test]
fn a_row_is_found_that_has_all_of_the_words() {
    let (db, _) = database();
    let ring = ring();
    write(&db, &ring, 1, "the parcel came late");
    write(&db, &ring, 2, "the parcel was wet");
    write(&db, &ring, 3, "late again");
    assert_eq!(of_words(&db, &ring, "parcel"), [1, 2]);
    assert_eq!(of_words(&db, &ring, "late parcel"), [1]);
    assert_eq!(of_words(&db, &ring, "parcel again"), [0; 0]);
    assert_eq!(of_words(&db, &ring, "par"), [0; 0], "words are whole");

    let begins = NOTE_BEGINS.query(&ring, "the").unwrap().in_table("id").unwrap();
    assert_eq!(ids(&db, &begins.sql(), Some(&begins)), [1, 2]);
    let exact = NOTE_EXACT.query(&ring, "late again").unwrap();
    let exact = exact.in_column(SqlDialect::Sqlite, "note_index").unwrap();
    assert_eq!(ids(&db, &exact.sql(), Some(&exact)), [3]);
}

#[test]
fn a_question_outside_of_the_domain_finds_nothing() {
    let (db, terms) = database();
    let ring = ring();
    db.execute("INSERT INTO ticket (id) VALUES (1)", []).unwrap();
    let keys = DataKeys::create(&ring, 42, [Class::PERSONAL]).unwrap();
    terms.write(&db, 1, &SCORE.update(&keys, &700).unwrap()).unwrap();
    for (range, expected) in [
        (0..=99_999, &[1][..]),
        (700..=700, &[1]),
        (701..=99_999, &[]),
        (100_000..=200_000, &[]),
        (i64::MIN..=-1, &[]),
    ] {
        let found = POINTS.between(&ring, range).unwrap().in_table("id").unwrap();
        assert_eq!(ids(&db, &found.sql(), Some(&found)), expected);
    }
}

#[test]
fn terms_of_another_ring_find_nothing() {
    let (db, _) = database();
    write(&db, &ring(), 1, "late");
    assert_eq!(of_words(&db, &ring(), "late"), [0; 0]);
}

#[test]
fn a_row_is_no_longer_found_by_what_it_was() {
    let (db, terms) = database();
    let ring = ring();
    write(&db, &ring, 1, "late");
    write(&db, &ring, 2, "late");
    write(&db, &ring, 1, "wet");
    assert_eq!(of_words(&db, &ring, "late"), [2]);
    assert_eq!(of_words(&db, &ring, "wet"), [1]);
    // One index is replaced, the others of the row stay.
    terms.write(&db, 1, &(&NOTE_WORDS, &words(&ring, "torn"))).unwrap();
    assert_eq!(of_words(&db, &ring, "torn"), [1]);
    let begins = NOTE_BEGINS.query(&ring, "we").unwrap().in_table("id").unwrap();
    assert_eq!(ids(&db, &begins.sql(), Some(&begins)), [1]);
}

#[test]
fn terms_go_with_the_callers_transaction() {
    let (mut db, terms) = database();
    let ring = ring();
    write(&db, &ring, 1, "late");
    let before = count(&db);
    let transaction = db.transaction().unwrap();
    write(&transaction, &ring, 1, "wet");
    terms.remove(&transaction, "ticket", 1).unwrap();
    write(&transaction, &ring, 2, "torn");
    drop(transaction);
    assert_eq!(count(&db), before);
    assert_eq!(of_words(&db, &ring, "late"), [1]);
}

#[test]
fn unread_terms_are_refused_and_nothing_is_lost() {
    let (db, terms) = database();
    let ring = ring();
    write(&db, &ring, 1, "late");
    let refused = terms.write(&db, 1, &(&NOTE_WORDS, &Terms::unread())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Declaration);
    assert_eq!((refused.record(), refused.field()), (Some("ticket"), Some("note.words")));
    assert_eq!(of_words(&db, &ring, "late"), [1]);
}

#[test]
fn a_term_takes_at_most_half_of_what_it_took_with_the_names_of_its_index() {
    let db = Connection::open_in_memory().unwrap();
    let terms = SqliteTermsTable::new();
    terms.migrate(&db).unwrap();
    let ring = ring();
    for row in 0..500 {
        let note = format!("ticket number {row} of a customer who was too late {}", row * 7);
        terms.write(&db, row, &update(&ring, &note)).unwrap();
    }
    // The table that there was, with the same terms in the same order.
    db.execute_batch(
        "ATTACH ':memory:' AS former;
         CREATE TABLE former.terms (record TEXT NOT NULL, \"index\" TEXT NOT NULL, term BLOB NOT NULL, \"row\" NOT NULL,
             PRIMARY KEY (record, \"index\", term, \"row\")) WITHOUT ROWID;
         CREATE INDEX former.terms_row ON terms (record, \"row\", \"index\");
         INSERT INTO former.terms SELECT i.record, i.\"index\", term, \"row\"
             FROM fieldseal_terms t JOIN fieldseal_indexes i ON i.id = t.\"index\" ORDER BY \"row\";",
    )
    .unwrap();
    let size = |schema: &str| -> u32 {
        db.query_row(&format!("PRAGMA {schema}.page_count"), [], |row| row.get(0)).unwrap()
    };
    let (now, former) = (size("main"), size("former"));
    assert!(now * 2 <= former, "{now} pages, and {former} before, for {} terms", count(&db));
}

#[test]
fn a_write_that_fails_half_way_leaves_all_as_it_was() {
    let (db, terms) = database();
    let ring = ring();
    write(&db, &ring, 1, "late again");
    db.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON fieldseal_terms
         WHEN (SELECT count(*) FROM fieldseal_terms) >= 5 BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .unwrap();
    let (before, made) = (count(&db), update(&ring, "many more words than there were before"));
    assert_eq!(kind(terms.write(&db, 1, &made)), ErrorKind::Io);
    assert_eq!(count(&db), before);
    assert_eq!(of_words(&db, &ring, "late"), [1]);
    // And inside of a transaction, which goes on.
    db.execute_batch("BEGIN").unwrap();
    assert_eq!(kind(terms.write(&db, 1, &made)), ErrorKind::Io);
    db.execute_batch("COMMIT").unwrap();
    assert_eq!(of_words(&db, &ring, "late"), [1]);
}

#[test]
fn a_removed_row_leaves_no_terms_behind() {
    let (db, terms) = database();
    let ring = ring();
    write(&db, &ring, 1, "late");
    let one = count(&db);
    write(&db, &ring, 2, "late");
    terms.remove(&db, "order", 2).unwrap();
    assert_eq!(count(&db), 2 * one, "another record's");
    terms.remove(&db, "ticket", 2).unwrap();
    assert_eq!(count(&db), one);
    assert_eq!(of_words(&db, &ring, "late"), [1]);
}

#[test]
fn keys_of_rows_meet_the_column_they_are_the_key_of() {
    let (db, terms) = database();
    let (ring, uuid) = (ring(), fieldseal::Id::from_uuid_bytes([7; 16]));
    db.execute_batch(
        "CREATE TABLE texts (id TEXT PRIMARY KEY); INSERT INTO texts VALUES ('a'), ('b');
         CREATE TABLE uuids (id BLOB PRIMARY KEY);",
    )
    .unwrap();
    db.execute("INSERT INTO uuids VALUES (?)", [[7_u8; 16]]).unwrap();
    db.execute("INSERT INTO ticket (id) VALUES (1)", []).unwrap();
    let found = NOTE_WORDS.query(&ring, "late").unwrap().in_table("id").unwrap();
    let rows = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table} WHERE {}", found.sql());
        db.query_row(&sql, params_from_iter(found.terms()), |row| row.get(0)).unwrap()
    };
    let made = words(&ring, "late");
    terms.write(&db, "a", &(&NOTE_WORDS, &made)).unwrap();
    assert_eq!((rows("ticket"), rows("texts"), rows("uuids")), (0, 1, 0));
    terms.write(&db, 1, &(&NOTE_WORDS, &made)).unwrap();
    terms.write(&db, &uuid, &(&NOTE_WORDS, &made)).unwrap();
    assert_eq!((rows("ticket"), rows("texts"), rows("uuids")), (1, 1, 1));
    terms.remove(&db, "ticket", "a").unwrap();
    assert_eq!((rows("ticket"), rows("texts"), rows("uuids")), (1, 0, 1));

    fn refused(db: &Connection, terms: SqliteTermsTable, row: impl ToId, made: &Terms) {
        let row = row.to_id().unwrap();
        assert_eq!(kind(terms.write(db, &row, &(&NOTE_WORDS, made))), ErrorKind::Declaration);
        assert_eq!(kind(terms.remove(db, "ticket", &row)), ErrorKind::Declaration);
    }
    refused(&db, terms, u64::MAX, &made);
    refused(&db, terms, (1, 2), &made);
    refused(&db, terms, [1_u8, 2], &made);
    assert_eq!(
        kind(terms.write(&db, RowId::SINGLE, &(&NOTE_WORDS, &made))),
        ErrorKind::InvalidInput
    );
    assert_eq!(kind(terms.write(&db, "", &(&NOTE_WORDS, &made))), ErrorKind::InvalidInput);
}

#[test]
fn a_value_without_terms_is_told_from_one_that_was_never_indexed() {
    let (db, _) = database();
    let mut ring = ring();
    write(&db, &ring, 1, "late");
    write(&db, &ring, 2, "...");
    db.execute("INSERT INTO ticket VALUES (3, X'f5', NULL), (4, NULL, NULL)", []).unwrap();
    let stale = NOTE_WORDS.stale(&ring).unwrap();
    let missing = stale.missing_in_table(&NOTE_WORDS, "ticket.id", "note").unwrap();
    assert_eq!(ids(&db, &missing, None), [3]);
    let missing = stale.missing_in_column(SqlDialect::Sqlite, "note_index", "note").unwrap();
    assert_eq!(ids(&db, &missing, None), [3]);

    // Nor is it out of date when the key is: it would be made anew for ever.
    ring.rotate(KeyUse::Index, "index").unwrap();
    let stale = NOTE_WORDS.stale(&ring).unwrap();
    assert_eq!(ids(&db, &stale.in_table(&NOTE_WORDS, "ticket.id").unwrap(), None), [1]);
    assert_eq!(ids(&db, &stale.in_column(SqlDialect::Sqlite, "note_index").unwrap(), None), [1, 2]);
}

/// The condition is of bytes: key ids at both ends of their range, and terms of any length.
#[test]
fn stale_is_what_is_not_under_the_primary_key() {
    let (db, _) = database();
    for id in [1_u32, 0x0100_0000, 0x7fff_ffff, 0xfffe_ffff, u32::MAX] {
        let mut ring = KeyRing::generate().unwrap();
        let (key, state) =
            (fieldseal::keyring::KeyId::new(id).unwrap(), fieldseal::keyring::KeyState::Primary);
        let key =
            fieldseal::keyring::RingKey::symmetric(key, KeyUse::Index, "index", state, &[1; 32]);
        ring.insert(key.unwrap()).unwrap();
        let stale = NOTE_EXACT.stale(&ring).unwrap();
        db.execute("DELETE FROM ticket", []).unwrap();
        let mut expected = Vec::new();
        for other in
            [1, 2, 0x00ff_ffff, 0x0100_0000, 0x7fff_ffff, 0xfffe_ffff, 0xffff_0000, u32::MAX]
        {
            for end in [&[0_u8; 16][..], &[0xff; 16], &[0xff; 32]] {
                let term = Term::from_bytes([&u32::to_be_bytes(other), end].concat());
                db.execute("INSERT INTO ticket (note_index) VALUES (?)", [term]).unwrap();
                if other != id {
                    expected.push(db.last_insert_rowid());
                }
            }
        }
        let condition = stale.in_column(SqlDialect::Sqlite, "note_index").unwrap();
        assert_eq!(ids(&db, &condition, None), expected, "{id:x}");
    }
}

#[test]
fn both_keys_are_asked_for_until_the_old_one_is_retired() {
    let (db, _) = database();
    let mut ring = ring();
    write(&db, &ring, 1, "late");
    let old = ring.primary(KeyUse::Index, "index").unwrap().id();
    ring.rotate(KeyUse::Index, "index").unwrap();
    write(&db, &ring, 2, "late");
    assert_eq!(of_words(&db, &ring, "late"), [1, 2]);
    assert_eq!(of_words(&db, &ring, "late late"), [1, 2]);
    ring.set_state(old, fieldseal::keyring::KeyState::Disabled).unwrap();
    assert_eq!(of_words(&db, &ring, "late"), [2], "what was not reindexed is lost");
}

//! Records that are derived, kept in SQLite with all of their terms: written, found, opened, reindexed.

use fieldseal::keyring::{Capabilities, KeyState};
use fieldseal::{KeyEnvelope, Record, SealedRecord as _};

use super::*;

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "member", single_row, rusqlite, sealed(derive(Clone)))]
struct Member {
    #[record(subject)]
    id: i64,
    #[record(seal, index(exact, cardinality = 1_000_000))]
    email: String,
    #[record(seal, index(prefix(max = 3), cardinality = 20_000, bits = 8, table))]
    surname: Option<String>,
    #[record(
        seal,
        index(range(Domain::integers(0, 99_999)), table),
        index(exact, cardinality = 100_000, id = "points.exact", column = "points_index")
    )]
    points: i64,
}

fn members() -> Vec<Member> {
    let names = ["King", "Kingston", "Noel", "Byron", "Lamb", "Milbanke", "Lovelace", "Gordon"];
    (0..200)
        .map(|id| {
            let position = usize::try_from(id).unwrap();
            let surname = names.get(position % 9).map(|name| format!("{name}{}", position / 9));
            Member { id, email: format!("{id}@example.com"), surname, points: id * 500 }
        })
        .collect()
}

fn member_table() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    SqliteTermsTable::new().migrate(&db).unwrap();
    db.execute_batch(
        "CREATE TABLE member (id INTEGER PRIMARY KEY, email BLOB, email_index BLOB, surname BLOB,
         points BLOB, points_index BLOB, keys BLOB)",
    )
    .unwrap();
    db
}

fn store(db: &Connection, row: &SealedMember) {
    let columns = params![
        row.id,
        row.email,
        row.email_index,
        row.surname,
        row.points,
        row.points_index,
        row.keys
    ];
    db.execute("REPLACE INTO member VALUES (?, ?, ?, ?, ?, ?, ?)", columns).unwrap();
    SqliteTermsTable::new().write(db, row.id, row).unwrap();
}

fn rows(db: &Connection, condition: &str, found: Option<&SqlCondition>) -> Vec<SealedMember> {
    let mut statement =
        db.prepare(&format!("SELECT * FROM member WHERE {condition} ORDER BY id")).unwrap();
    let terms = found.into_iter().flat_map(SqlCondition::terms);
    let rows = statement.query_map(params_from_iter(terms), SealedMember::from_row).unwrap();
    rows.map(Result::unwrap).collect()
}

fn pairs(rows: &[SealedMember]) -> impl Iterator<Item = (&SealedMember, i64)> {
    rows.iter().map(|row| (row, row.id))
}

#[test]
fn what_a_truncated_index_finds_too_much_is_taken_out() {
    let (db, ring) = (member_table(), ring());
    members().iter().for_each(|member| store(&db, &member.seal_new(&ring).unwrap()));
    let mut too_many = 0;
    for begin in ["K", "Kin", "Kings", "Noel", "L", "X"] {
        let query = member::SURNAME_PREFIX.query(&ring, begin).unwrap();
        let found = query.in_table("member.id").unwrap();
        let found = rows(&db, &found.sql(), Some(&found));
        let opened = SealedMember::open_matching(pairs(&found), &ring, |opened| {
            query.matches(&opened.surname)
        });
        let opened = opened.unwrap();
        let begins = |member: &Member| {
            member.surname.as_ref().is_some_and(|surname| surname.starts_with(begin))
        };
        assert_eq!(opened, members().into_iter().filter(begins).collect::<Vec<_>>(), "{begin}");
        too_many += found.len() - opened.len();
    }
    assert!(too_many > 0, "`Kings` is asked for by its first three characters");
}

#[test]
fn a_range_is_found_and_nothing_beside_it() {
    let (db, ring) = (member_table(), ring());
    members().iter().for_each(|member| store(&db, &member.seal_new(&ring).unwrap()));
    for range in [0..=99_999, 500..=500, 501..=999, 12_345..=67_890, 99_500..=99_999] {
        let found = member::POINTS_RANGE.between(&ring, range.clone()).unwrap();
        let found = found.in_table("id").unwrap();
        let ids: Vec<i64> =
            rows(&db, &found.sql(), Some(&found)).iter().map(|row| row.id).collect();
        let expected = members().into_iter().filter(|member| range.contains(&member.points));
        assert_eq!(ids, expected.map(|member| member.id).collect::<Vec<_>>());
    }
}

/// Terms that stand in the table are not in the row: what was read without them is not written back.
#[test]
fn a_row_that_was_read_is_not_written_with_terms_it_has_not() {
    let (db, ring) = (member_table(), ring());
    store(&db, &members()[1].seal_new(&ring).unwrap());
    let read = rows(&db, "id = 1", None).remove(0);
    assert_eq!(read.surname_prefix, Terms::unread());
    let before = count(&db);
    let refused = SqliteTermsTable::new().write(&db, 1, &read).unwrap_err();
    assert_eq!((refused.kind(), refused.field()), (ErrorKind::Declaration, Some("surname.prefix")));
    assert_eq!(count(&db), before);
    // Once it is reindexed it has them.
    let again = read.reindex(&ring, 1).unwrap().row;
    SqliteTermsTable::new().write(&db, 1, &again).unwrap();
    assert_eq!(count(&db), before);
}

#[test]
fn a_rotated_key_is_followed_row_by_row_and_the_old_one_goes() {
    let (db, mut ring) = (member_table(), ring());
    members().iter().for_each(|member| store(&db, &member.seal_new(&ring).unwrap()));
    let old = ring.primary(KeyUse::Index, "index").unwrap().id();
    let new = ring.introduce(KeyUse::Index, "index").unwrap();
    ring.set_state(new, KeyState::Primary).unwrap();
    let stale = member::EMAIL_INDEX.stale(&ring).unwrap();
    let stale = [
        stale.in_column(SqlDialect::Sqlite, "email_index").unwrap(),
        stale.in_column(SqlDialect::Sqlite, "points_index").unwrap(),
        stale.in_table(&member::SURNAME_PREFIX, "id").unwrap(),
        stale.in_table(&member::POINTS_RANGE, "id").unwrap(),
    ];
    // Every ninth member has no surname, and nothing that could be out of date.
    let none = members().iter().filter(|member| member.surname.is_none()).count();
    let counts = stale.each_ref().map(|stale| rows(&db, stale, None).len());
    assert_eq!(counts, [200, 200, 200 - none, 200]);

    for row in rows(&db, &stale.join(" OR "), None) {
        let again = row.reindex(&ring, row.id).unwrap();
        assert_eq!(again.columns().collect::<Vec<_>>(), ["email_index", "points_index"]);
        assert_eq!(again.row.email.as_bytes(), row.email.as_bytes(), "byte for byte");
        store(&db, &again.row);
    }
    assert!(rows(&db, &stale.join(" OR "), None).is_empty());
    ring.force_destroy(old).unwrap();
    for member in members() {
        let query = member::EMAIL_INDEX.query(&ring, member.email.as_str()).unwrap();
        let found = query.in_column(SqlDialect::Sqlite, "email_index").unwrap();
        let found = rows(&db, &found.sql(), Some(&found));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].open(&ring, member.id).unwrap(), member);
    }
}

/// Whom nobody opens any more, nobody finds: once the row is reindexed, by no term at all.
#[test]
fn an_erased_member_is_not_among_what_matches_and_loses_its_terms() {
    let (db, ring) = (member_table(), ring());
    for member in &members()[..20] {
        store(&db, &member.seal_new(&ring).unwrap());
    }
    let keys: KeyEnvelope =
        db.query_row("SELECT keys FROM member WHERE id = 0", [], |row| row.get(0)).unwrap();
    let mut edit = keys.edit(&ring, 0).unwrap();
    edit.erase_subject().unwrap();
    db.execute("UPDATE member SET keys = ? WHERE id = 0", [edit.finish().unwrap()]).unwrap();

    let query = member::SURNAME_PREFIX.query(&ring, "Kin").unwrap();
    let condition = query.in_table("id").unwrap();
    let found = rows(&db, &condition.sql(), Some(&condition));
    assert!(found.iter().any(|row| row.id == 0), "its terms are there");
    let opened =
        SealedMember::open_matching(pairs(&found), &ring, |opened| query.matches(&opened.surname));
    let ids: Vec<_> = opened.unwrap().iter().map(|member| member.id).collect();
    assert_eq!(ids, [1, 9, 10, 18, 19]);

    let erased = found.iter().find(|row| row.id == 0).unwrap();
    store(&db, &erased.reindex(&ring, 0).unwrap().row);
    let found = rows(&db, &condition.sql(), Some(&condition));
    assert!(found.iter().all(|row| row.id != 0));
    let terms: i64 = db
        .query_row(
            "SELECT count(*) FROM fieldseal_terms WHERE \"row\" = 0 AND term <> X''",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(terms, 0);
}

/// Of what it finds it opens nothing, and by an index that it was not given it finds nothing.
#[test]
fn a_service_that_only_searches_finds_rows_and_opens_none() {
    let (db, ring) = (member_table(), ring());
    members()[..20].iter().for_each(|member| store(&db, &member.seal_new(&ring).unwrap()));
    let reach =
        Capabilities::new().index("", "member", "email").index("", "member", "points.range");
    let search = ring.subset_with(&reach).unwrap().into_ring();

    let found = member::EMAIL_INDEX.query(&search, "7@example.com").unwrap();
    let found = found.in_column(SqlDialect::Sqlite, "email_index").unwrap();
    let found = rows(&db, &found.sql(), Some(&found));
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [7]);
    let ranged = member::POINTS_RANGE.between(&search, 500..=1_499).unwrap();
    let ranged = ranged.in_table("id").unwrap();
    let ranged = rows(&db, &ranged.sql(), Some(&ranged));
    assert_eq!(ranged.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 2]);

    assert!(found[0].open(&search, 7).is_err());
    assert!(found[0].unwrap_keys(&search, 7).is_err());
    assert!(found[0].reindex(&search, 7).is_err());
    assert!(members()[7].seal_new(&search).is_err());
    let other = member::SURNAME_PREFIX.query(&search, "K");
    assert_eq!(kind(other), ErrorKind::MissingKey);
    assert_eq!(kind(member::POINTS_INDEX.query(&search, &500)), ErrorKind::MissingKey);
}

//! Columns of standalone envelopes are wrapped anew, so that a rotation can be finished.

use fieldseal::{Access, KeyEnvelope};
use sqlx::SqliteConnection;

use crate::common::stores::{OWN, Shop, counted, wait};
use crate::common::{Place, Ran};

const COLUMNS: [&str; 4] = ["--standalone", "notes,bytes", "--standalone", "notes,words"];

/// A shop with a table of notes, rows 1 to 3.
fn with_notes() -> (Place, Shop) {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(1);
    shop.run("CREATE TABLE notes (id INTEGER PRIMARY KEY, bytes BLOB, words TEXT)");
    for id in 1..=3_i64 {
        let note = shop.ring.seal(b"note", &id.to_be_bytes()).unwrap();
        let words = KeyEnvelope::from_bytes(note.clone()).to_text();
        wait(async {
            let insert = sqlx::query("INSERT INTO notes VALUES ($1, $2, $3)");
            let on = &mut shop.connect().await;
            insert.bind(id).bind(note).bind(words).execute(on).await.unwrap();
        });
    }
    (place, shop)
}

fn rewrap(place: &Place, more: &[&str]) -> Ran {
    place.run(&[&["rewrap", "--classes", "classes.json"], &OWN[..], more].concat())
}

/// That some of it is not done: with a warning that says this, and what to do.
#[track_caller]
fn partly(ran: &Ran, warning: &str, next: &str) {
    assert_eq!(ran.code, 11, "{ran:?}");
    assert!(ran.err.contains(warning) && ran.err.contains(next), "{}", ran.err);
}

async fn note(on: &mut SqliteConnection, id: i64) -> (Vec<u8>, String) {
    let select = sqlx::query_as("SELECT bytes, words FROM notes WHERE id = $1");
    select.bind(id).fetch_one(on).await.unwrap()
}

#[test]
fn rotation_ends_by_the_command_line_where_envelopes_are_standalone() {
    let (place, shop) = with_notes();
    let (app, envelope) = (place.primary("wrap", "app"), place.primary("envelope", "envelope"));
    place.ok(&["ring", "rotate", "app"]);
    place.ok(&["ring", "rotate", "envelope"]);
    let retire = |key: &str| place.run(&[&["retire", key, "--yes"], &OWN[..], &COLUMNS].concat());

    assert_eq!(rewrap(&place, &[]).code, 0);
    retire(&app).failed(10, "notes.words", "--standalone");
    let done = rewrap(&place, &COLUMNS);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        done.out.contains("notes.bytes: 3 of 3 standalone envelopes were wrapped anew"),
        "{done:?}"
    );
    assert!(
        done.out.contains("notes.words: 3 of 3 standalone envelopes were wrapped anew"),
        "{done:?}"
    );
    let before = wait(async { note(&mut shop.connect().await, 1).await });
    let again = rewrap(&place, &COLUMNS);
    assert!(again.out.contains("notes.bytes: 0 of 3"), "{again:?}");
    let after = wait(async { note(&mut shop.connect().await, 1).await });
    assert_eq!(before, after, "what is done is not done twice");

    let census = place.json(&[&["census"], &OWN[..], &COLUMNS].concat());
    assert_eq!((counted(&census, &app), counted(&census, &envelope)), (0, 0));
    assert_eq!(retire(&app).code, 0);
    assert_eq!(retire(&envelope).code, 0);
    let ring = place.ring();
    for id in 1..=3 {
        let (bytes, words) = wait(async { note(&mut shop.connect().await, id).await });
        assert_eq!(ring.open(b"note", &bytes).unwrap().expose(), id.to_be_bytes());
        let words = KeyEnvelope::from_text(&words).unwrap();
        assert_eq!(ring.open(b"note", words.as_bytes()).unwrap().expose(), id.to_be_bytes());
    }
}

#[test]
fn values_of_other_readers_or_another_tenant_stay_and_are_told() {
    let (place, shop) = with_notes();
    let acme = Access::new(&shop.ring).tenant("acme");
    let marketing = acme.seal_for(&["marketing"], b"note", b"theirs").unwrap();
    wait(async {
        let update = sqlx::query("UPDATE notes SET bytes = $1 WHERE id = 2");
        update.bind(&marketing).execute(&mut shop.connect().await).await.unwrap();
    });
    place.ok(&["ring", "rotate", "marketing"]);
    place.ok(&["ring", "rotate", "app"]);
    let bytes = &COLUMNS[..2];
    let ran = rewrap(&place, bytes);
    partly(&ran, "1 value still names a former key", "--readers");
    assert!(ran.out.contains("notes.bytes: 2 of 3"), "{ran:?}");
    let as_acme = |readers: &str| {
        rewrap(&place, &[bytes, &["--tenant", "acme", "--readers", readers]].concat())
    };
    partly(&as_acme("app"), "1 value still names a former key", "--tenant");
    let ran = as_acme("marketing");
    assert_eq!(ran.code, 0, "{ran:?}");
    let (bytes, _) = wait(async { note(&mut shop.connect().await, 2).await });
    let ring = place.ring();
    let acme = Access::new(&ring).tenant("acme");
    assert_eq!(acme.open_for(&["marketing"], b"note", &bytes).unwrap().expose(), b"theirs");
}

#[test]
fn value_that_is_no_envelope_is_named_and_the_others_are_done() {
    let (place, shop) = with_notes();
    shop.run("UPDATE notes SET bytes = x'00', words = 'fs1.' WHERE id = 2");
    place.ok(&["ring", "rotate", "app"]);
    let ran = rewrap(&place, &COLUMNS);
    partly(&ran, "rowid 2", "run this again");
    assert!(ran.out.contains("notes.bytes: 2 of 3"), "{ran:?}");
    assert!(ran.out.contains("notes.words: 2 of 3"), "{ran:?}");
    let json: serde_json::Value =
        serde_json::from_str(&rewrap(&place, &[&["--json"], &COLUMNS[..]].concat()).out).unwrap();
    assert_eq!(json["places"][1]["failed"][0]["row"], "rowid 2", "{json}");
    assert_eq!(json["places"][1]["left"], 1, "{json}");
}

#[test]
fn value_that_a_trigger_puts_back_is_not_called_done() {
    let (place, shop) = with_notes();
    shop.run(
        "CREATE TRIGGER back AFTER UPDATE OF bytes ON notes WHEN new.bytes <> old.bytes
         BEGIN UPDATE notes SET bytes = old.bytes WHERE id = old.id; END",
    );
    place.ok(&["ring", "rotate", "app"]);
    partly(&rewrap(&place, &COLUMNS[..2]), "3 values still name a former key", "run this again");
}

#[test]
fn table_whose_rows_have_no_place_says_what_does() {
    let (place, shop) = with_notes();
    shop.run(
        "CREATE TABLE bare (id TEXT PRIMARY KEY, bytes BLOB) WITHOUT ROWID;
         INSERT INTO bare SELECT id, bytes FROM notes;
         CREATE VIEW seen AS SELECT bytes FROM notes",
    );
    place.ok(&["ring", "rotate", "app"]);
    rewrap(&place, &["--standalone", "bare,bytes"]).failed(
        2,
        "no rowid",
        "KeyRing::rewrap_standalone",
    );
    assert_eq!(rewrap(&place, &["--standalone", "seen,bytes"]).code, 2);
}

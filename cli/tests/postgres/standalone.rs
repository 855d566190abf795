//! Columns of standalone envelopes on PostgreSQL.

use fieldseal::KeyEnvelope;
use sqlx::PgConnection;

use crate::Shop;
use crate::common::stores::{counted, wait};

const REWRAP: [&str; 7] = [
    "rewrap",
    "--classes",
    "classes.json",
    "--standalone",
    "notes,bytes",
    "--standalone",
    "notes,words",
];

/// A table of notes, rows 1 to 3, with this type of texts.
fn make_notes(shop: &Shop, sql: &'static str) {
    shop.sql(sql);
    for id in 1..=3_i64 {
        let note = shop.place.ring().seal(b"note", &id.to_be_bytes()).unwrap();
        let words = KeyEnvelope::from_bytes(note.clone()).to_text();
        wait(async {
            let insert = sqlx::query("INSERT INTO notes VALUES ($1, $2, $3)");
            let on = &mut shop.connect().await;
            insert.bind(id).bind(note).bind(words).execute(on).await.unwrap();
        });
    }
}

async fn notes(on: &mut PgConnection) -> Vec<(i64, Vec<u8>, String)> {
    let select = "SELECT id, bytes, words FROM notes ORDER BY id";
    sqlx::query_as(select).fetch_all(on).await.unwrap()
}

#[test]
fn rotation_ends_by_the_command_line_where_envelopes_are_standalone() {
    for sql in [
        "CREATE TABLE notes (id BIGINT, bytes BYTEA, words TEXT)",
        "CREATE TABLE notes (id BIGINT, bytes BYTEA, words CHAR(600))",
        "CREATE TABLE notes (id BIGINT, bytes BYTEA, words VARCHAR) PARTITION BY RANGE (id);
         CREATE TABLE notes_1 PARTITION OF notes FOR VALUES FROM (0) TO (2);
         CREATE TABLE notes_2 PARTITION OF notes FOR VALUES FROM (2) TO (9)",
    ] {
        let Some(shop) = Shop::new() else { return };
        make_notes(&shop, sql);
        shop.sign_up(1);
        let former = [("wrap", "app"), ("envelope", "envelope")]
            .map(|(key_use, name)| shop.place.primary(key_use, name));
        shop.place.ok(&["ring", "rotate", "app"]);
        shop.place.ok(&["ring", "rotate", "envelope"]);
        let done = shop.ok(&REWRAP);
        for column in ["bytes", "words"] {
            let all = format!("notes.{column}: 3 of 3 standalone envelopes were wrapped anew");
            assert!(done.contains(&all), "{sql}: {done}");
        }
        let census =
            shop.json(&["census", "--standalone", "notes,bytes", "--standalone", "notes,words"]);
        for key in &former {
            assert_eq!(counted(&census, key), 0, "{census}");
            let columns = ["--standalone", "notes,bytes", "--standalone", "notes,words"];
            shop.ok(&[&["retire", key, "--yes"], &columns[..]].concat());
        }
        let ring = shop.place.ring();
        for (id, bytes, words) in wait(async { notes(&mut shop.connect().await).await }) {
            assert_eq!(ring.open(b"note", &bytes).unwrap().expose(), id.to_be_bytes());
            let words = KeyEnvelope::from_text(words.trim_end()).unwrap();
            assert_eq!(ring.open(b"note", words.as_bytes()).unwrap().expose(), id.to_be_bytes());
        }
    }
}

/// The application stores another note while the command waits for its row.
#[test]
fn value_that_was_stored_meanwhile_is_not_overwritten() {
    let Some(shop) = Shop::new() else { return };
    make_notes(&shop, "CREATE TABLE notes (id BIGINT, bytes BYTEA, words TEXT)");
    shop.sign_up(1);
    shop.place.ok(&["ring", "rotate", "app"]);
    let newer = shop.place.ring().seal(b"note", b"newer").unwrap();
    let ran = std::thread::scope(|scope| {
        wait(async {
            let (mut other, mut watch) = (shop.connect().await, shop.connect().await);
            sqlx::raw_sql("BEGIN").execute(&mut other).await.unwrap();
            let update = sqlx::query("UPDATE notes SET bytes = $1 WHERE id = 2");
            update.bind(&newer).execute(&mut other).await.unwrap();
            let running = scope.spawn(|| shop.run(&REWRAP[..5]));
            let waits = "SELECT count(*) FROM pg_stat_activity
                         WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE \"notes\"%'";
            while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut watch).await.unwrap() == 0 {
                assert!(!running.is_finished(), "it did not wait");
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
            running
        })
        .join()
        .unwrap()
    });
    assert_eq!(ran.code, 11, "{ran:?}");
    assert!(ran.err.contains("another value was stored meanwhile"), "{ran:?}");
    let stored = wait(async { notes(&mut shop.connect().await).await });
    assert_eq!(stored[1].1, newer);
    let again = shop.ok(&REWRAP[..5]);
    assert!(again.contains("notes.bytes: 0 of 3"), "{again}");
}

#[test]
fn column_that_is_seen_in_part_is_not_wrapped_anew() {
    let Some(shop) = Shop::new() else { return };
    make_notes(&shop, "CREATE TABLE notes (id BIGINT, bytes BYTEA, words TEXT)");
    shop.sign_up(1);
    shop.place.ok(&["ring", "rotate", "app"]);
    shop.sql("CREATE VIEW seen AS SELECT * FROM notes WHERE id < 3");
    let ran = shop.run(&["rewrap", "--classes", "classes.json", "--standalone", "seen,bytes"]);
    ran.failed(2, "seen.bytes", "sees every row");
}

//! What is stored, counted; and keys retired, which is refused while anything needs them.
#![cfg(all(unix, feature = "stores"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]
#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod common;

use common::life;
use common::stores::{self, CONTACT, DAY, OWN, counted};
use common::{Place, ran};
use fieldseal::{Access, DataKeys, KeyRing};

fn with<'a>(args: &[&'a str], stores: &[&'a str]) -> Vec<&'a str> {
    [args, stores].concat()
}

#[test]
fn what_destroyed_keys_alone_opened_is_told_of() {
    let place = Place::with_shop();
    let old = place.primary("wrap", "app");
    place.shop().sign_up(1);
    // Wrapped for a role that consented too.
    place.shop().sign_up(2);
    assert_eq!(life::grant(&place, "2", "included").code, 0);
    place.ok(&["ring", "rotate", "app"]);
    place.shop().sign_up(3);
    let census = || place.run(&[&["census"][..], &OWN].concat());
    assert!(!census().err.contains("destroyed"), "{:?}", census());
    place.ok(&["ring", "state", &old, "destroyed", "--force-destroy", "--yes"]);
    let told = census();
    let why =
        "1 live generation is wrapped for destroyed keys only: nobody opens it with this ring";
    assert!(told.code == 0 && told.err.contains(why), "{told:?}");
    let json = place.json(&[&["census"][..], &OWN].concat());
    assert_eq!(json["for_destroyed_keys_only"], 1);
    // Whoever has no ring is told nothing of it.
    let elsewhere = Place::new();
    std::fs::copy(place.path("shop.db"), elsewhere.path("shop.db")).unwrap();
    let json = elsewhere.json(&[&["census"][..], &OWN].concat());
    assert_eq!(json["for_destroyed_keys_only"], serde_json::Value::Null);
    // What is erased is not open to anybody, and is meant to be so.
    place.ok(&[&["erase", "1", "--as", "integer", "--ledger", "ledger", "--yes"][..], &OWN].concat());
    assert!(!census().err.contains("destroyed"), "{:?}", census());
}

#[test]
fn census_needs_no_key_and_names_what_the_ring_file_says() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(1);
    shop.sign_up(2);
    let app = place.primary("wrap", "app");

    let counting = ran(place.bare().args(["census", "--store", "sqlite:shop.db"]));
    assert_eq!(counting.code, 0, "{counting:?}");
    assert!(
        counting.out.contains(&format!("contact/1 live: 2, for app {app} (2)")),
        "{counting:?}"
    );
    assert!(counting.out.contains("fieldseal_keys.envelope: 2"), "{}", counting.out);

    let census = place.json(&["census", "--store", "sqlite:shop.db"]);
    assert_eq!(counted(&census, &app), 2);
    assert_eq!(census["generations"][0]["state"], "live");
    assert_eq!(census["ring"], "fieldseal-ring.json");

    // Elsewhere, without the ring: ids alone.
    let store = format!("sqlite:{}", place.path("shop.db").display());
    let elsewhere = Place::new();
    let census = elsewhere.json(&["census", "--store", &store]);
    assert_eq!((counted(&census, &app), &census["ring"]), (2, &serde_json::Value::Null));
    assert!(!elsewhere.path("fieldseal-ring.json").exists());
}

#[test]
fn every_place_of_every_database_is_counted() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(1);
    shop.run("CREATE TABLE customers (id INTEGER PRIMARY KEY, keys BLOB); CREATE TABLE notes (sealed TEXT)");
    let keys = DataKeys::create(&shop.ring, 7, [CONTACT]).unwrap();
    let note = shop.ring.seal(b"note", b"hello").unwrap();
    stores::wait(async {
        let mut on = shop.connect().await;
        let sql = "INSERT INTO customers VALUES (7, $1), (8, NULL)";
        sqlx::query(sql).bind(keys.envelope().as_bytes()).execute(&mut on).await.unwrap();
        let text = fieldseal::KeyEnvelope::from_bytes(note).to_text();
        sqlx::query("INSERT INTO notes VALUES ($1)").bind(text).execute(&mut on).await.unwrap();
    });
    let other = place.shop_in("other.db");
    place.ok(&["store", "migrate", "--store", "sqlite:other.db", "--create"]);
    other.sign_up("ada");
    place.secret("url", "sqlite:other.db");

    let stores = [
        "--store",
        "sqlite:shop.db",
        "--inline",
        "customers,id:integer,keys",
        "--standalone",
        "notes,sealed",
        "--store-file",
        "url",
    ];
    let census = place.json(&with(&["census"], &stores));
    let places = census["places"].as_array().unwrap();
    let counts: Vec<_> = places
        .iter()
        .map(|of| (of["place"].as_str().unwrap(), of["envelopes"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        counts,
        [
            ("other.db: fieldseal_keys.envelope", 1),
            ("shop.db: customers.keys", 1),
            ("shop.db: fieldseal_keys.envelope", 1),
            ("shop.db: notes.sealed", 1),
        ]
    );
    assert_eq!(counted(&census, &place.primary("wrap", "app")), 4);
}

#[test]
fn what_cannot_be_read_is_said_and_keeps_keys() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(1);
    let old = place.primary("wrap", "marketing");
    place.ok(&["ring", "rotate", "marketing"]);
    shop.run("INSERT INTO fieldseal_keys VALUES ('', x'010000000000000009', 1, x'00')");
    let census = place.run(&with(&["census"], &OWN));
    assert_eq!(census.code, 6, "{census:?}");
    assert!(census.out.contains("not readable 1"), "{census:?}");
    assert!(census.err.contains("warning: 1 stored value is no envelope"), "{census:?}");
    place.run(&with(&["retire", &old, "--yes"], &OWN)).failed(
        6,
        "fieldseal_keys.envelope (1)",
        "repair or remove",
    );
}

/// SQLite finds a table by its name in any case, and a view as a table.
#[test]
fn table_of_envelopes_is_found_however_its_name_is_written() {
    for sql in [
        "ALTER TABLE fieldseal_keys RENAME TO held; ALTER TABLE held RENAME TO FieldSeal_Keys",
        "ALTER TABLE fieldseal_keys RENAME TO held; CREATE VIEW FIELDSEAL_KEYS AS SELECT * FROM held",
    ] {
        let place = Place::with_shop();
        let shop = place.shop();
        shop.sign_up(1);
        let old = place.primary("envelope", "envelope");
        place.ok(&["ring", "rotate", "envelope"]);
        shop.run("CREATE TABLE customers (id INTEGER PRIMARY KEY, keys BLOB)");
        shop.run(sql);
        let inline = ["--inline", "customers,id:integer,keys"];
        let retired = place.run(&[&["retire", &old, "--yes"], &OWN[..], &inline].concat());
        assert!([2, 10].contains(&retired.code), "{sql}: {retired:?}");
        assert!(retired.err.contains("ieldseal_keys"), "{sql}: {retired:?}");
    }
}

#[test]
fn key_is_retired_when_nothing_needs_it_and_not_before() {
    let place = Place::with_shop();
    let shop = place.shop();
    let email = shop.sign_up(1);
    let old = place.primary("wrap", "app");
    let retire = |more: &[&str]| place.run(&[&["retire", &old][..], &OWN, more].concat());

    retire(&["--yes"]).failed(2, "is primary, and cannot become destroyed", "ring rotate app");
    place.ok(&["ring", "rotate", "app"]);
    let generation = place.generation();
    let needed = retire(&["--yes"]);
    needed.failed(10, "1 of 1 envelope still needs the wrap key", "EnvelopeEdit::rewrap");
    assert!(needed.err.contains("fieldseal_keys.envelope, class contact (1)"), "{}", needed.err);
    assert_eq!(place.generation(), generation, "nothing was stored");

    let shop = place.shop();
    shop.rewrap();
    retire(&[]).failed(8, "to be confirmed", "--yes");
    let retired = retire(&["--yes", "--json"]);
    assert_eq!(retired.code, 0, "{retired:?}");
    let json: serde_json::Value = serde_json::from_str(&retired.out).unwrap();
    assert_eq!(
        (&json["key"]["state"], &json["counted_envelopes"]),
        (&"destroyed".into(), &1.into())
    );
    assert!(retired.err.contains("not backups"), "{}", retired.err);
    retire(&["--yes"]).failed(2, "is destroyed", "");
    assert_eq!(shop.open(&place.ring(), 1, &email).unwrap(), "ada@example.com");
}

#[test]
fn rewrapping_frees_former_keys_and_leaves_the_rest_alone() {
    let place = Place::with_shop();
    let shop = place.shop();
    let email = shop.sign_up(1);
    let orders = fieldseal::Class::new("orders");
    shop.save(2, &DataKeys::create(&shop.ring, 2, [CONTACT, orders]).unwrap());
    let former = [place.primary("wrap", "app"), place.primary("envelope", "envelope")];
    place.ok(&["ring", "rotate", "app"]);
    place.ok(&["ring", "rotate", "envelope"]);
    let rewrap = || place.run(&with(&["rewrap", "--classes", "classes.json"], &OWN));
    let done = rewrap();
    assert!(done.code == 11 && done.out.contains("2 of 2 envelopes were wrapped anew"), "{done:?}");
    assert!(done.err.contains("not in the file") && done.err.contains("orders (1)"), "{done:?}");
    let refused = place.run(&with(&["retire", &former[0], "--yes"], &OWN));
    refused.failed(10, "fieldseal_keys.envelope, class orders (1)", "fieldseal rewrap");

    let classes = serde_json::to_string(&[CONTACT, orders]).unwrap();
    std::fs::write(place.path("classes.json"), classes).unwrap();
    let one = shop.envelope(1);
    assert!(rewrap().out.contains("1 of 2 envelopes was wrapped anew"));
    assert_eq!(shop.envelope(1), one, "it was done");
    assert!(rewrap().out.contains("0 of 2 envelopes were wrapped anew"));
    for key in &former {
        place.ok(&with(&["retire", key, "--yes"], &OWN));
    }
    assert_eq!(shop.open(&place.ring(), 1, &email).unwrap(), "ada@example.com");
}

/// A rotation alone does not end what the holder of the former key can forge.
#[test]
fn an_envelope_key_that_still_verifies_is_named_until_it_is_retired() {
    let place = Place::with_shop();
    place.shop().sign_up(42);
    let old = place.primary("envelope", "envelope");
    let named = |place: &Place| place.run(&["ring", "check"]).out.contains(&old);
    assert!(!named(&place));
    place.ok(&["ring", "rotate", "envelope"]);
    assert!(named(&place));
    let rewrap = place.run(&["rewrap", OWN[0], OWN[1], "--classes", "classes.json"]);
    assert_eq!(rewrap.code, 0, "{rewrap:?}");
    assert!(rewrap.err.contains(&format!("fieldseal retire {old}")), "{rewrap:?}");
    assert!(named(&place), "it verifies still");
    place.ok(&["retire", &old, OWN[0], OWN[1], "--yes"]);
    assert!(!named(&place));
    let rewrap = place.run(&["rewrap", OWN[0], OWN[1], "--classes", "classes.json"]);
    assert!(!rewrap.err.contains("still verify"), "{rewrap:?}");
}

#[test]
fn key_that_only_another_database_needs_stays_when_that_is_named() {
    let place = Place::with_shop();
    place.shop().sign_up(1);
    place.ok(&["store", "migrate", "--store", "sqlite:other.db", "--create"]);
    place.shop_in("other.db").sign_up(2);
    let old = place.primary("wrap", "app");
    place.ok(&["ring", "rotate", "app"]);
    place.shop().rewrap();
    let both = ["--store", "sqlite:shop.db", "--store", "sqlite:other.db", "--yes"];
    let refused = place.run(&with(&["retire", &old], &both));
    refused.failed(10, "1 of 2 envelopes", "run this again");
    assert!(refused.err.contains("other.db: fieldseal_keys.envelope"), "{}", refused.err);
}

#[test]
fn keys_that_no_envelope_names_are_not_retired_by_counting() {
    let place = Place::with_shop();
    let sign = place.primary("sign", "sign");
    place.run(&with(&["retire", &sign, "--yes"], &OWN)).failed(
        2,
        "do not name the sign key",
        "--force-destroy",
    );
    let app = place.primary("wrap", "app");
    place.ok(&["ring", "rotate", "app"]);
    place.run(&with(&["retire", &app, "--yes"], &OWN)).failed(
        2,
        "hold no envelope",
        "name those that do",
    );
    place.run(&with(&["retire", "0000002a", "--yes"], &OWN)).failed(
        2,
        "no key 0000002a",
        "ring list",
    );
}

#[test]
fn expired_generations_are_told_and_need_their_keys() {
    let place = Place::with_shop();
    let shop = place.shop();
    let kept = fieldseal::Class::new("orders").retain_days(30);
    let ring: &KeyRing = &shop.ring;
    let past = Access::new(ring).at(20_000 * DAY);
    shop.save(3, &DataKeys::create(past, 3, [kept]).unwrap());
    let census = place.json(&with(&["census"], &OWN));
    assert_eq!(census["generations"][0]["state"], "expired");
    assert_eq!(counted(&census, &place.primary("wrap", "app")), 1);
}

#[test]
fn databases_that_are_not_there_are_told_and_not_made() {
    let place = Place::with_ring();
    let census = |args: &[&str]| place.run(&with(&["census"], args));
    census(&[]).failed(2, "no database was named", "FIELDSEAL_STORE");
    census(&["--store", "sqlite:none.db"]).failed(5, "no database at none.db", "--create");
    assert!(!place.path("none.db").exists());
    place.run(&["store", "migrate", "--store", "sqlite:none.db"]).failed(
        5,
        "no database",
        "--create",
    );
    census(&["--store", "mysql://db/shop"]).failed(2, "not the URL of a database", "sqlite:PATH");
    census(&["--store", "sqlite::memory:"]).failed(2, "no file", "");
    place.shop().run("CREATE TABLE customers (id INTEGER PRIMARY KEY, keys BLOB)");
    census(&OWN).failed(2, "no table fieldseal_keys", "--inline");
    census(&with(&OWN, &["--inline", "customers,id:integer,nokeys"])).failed(
        5,
        "no such column",
        "name the table",
    );
    census(&with(&OWN, &["--inline", "none,id:integer,keys"])).failed(
        5,
        "no such table",
        "name the table",
    );
    for wrong in ["customers", "customers,id,keys", "customers,id:number,keys", ",id:text,keys"] {
        assert_eq!(census(&with(&OWN, &["--inline", wrong])).code, 2, "{wrong}");
    }
    let tenant = census(&with(&OWN, &["--tenant", "acme"]));
    assert_eq!(tenant.code, 2, "{tenant:?}");
    assert!(tenant.err.contains("--tenant"), "{tenant:?}");
}

#[test]
fn passwords_of_databases_are_refused_as_arguments_and_never_shown() {
    let place = Place::with_ring();
    let url = "postgres://ada:hunter2@127.0.0.1:1/shop";
    let refused = place.run(&["census", "--store", url]);
    refused.failed(2, "URL with a password was given as an argument", "--store-file");
    place.secret("url", url);
    let by_file = place.run(&["census", "--store-file", "url"]);
    by_file.failed(5, "shop at 127.0.0.1", "see that the server is there");
    let by_variable = ran(place.command().env("FIELDSEAL_STORE", url).arg("census"));
    by_variable.failed(5, "shop at 127.0.0.1", "");
    let broken = "postgres://ada:hunter2@127.0.0.1:99999999/shop";
    let unread = ran(place.command().env("FIELDSEAL_STORE", broken).arg("census"));
    unread.failed(2, "cannot be read", "");
    let help = ran(place.command().env("FIELDSEAL_STORE", url).args(["census", "--help"]));
    for ran in [refused, by_file, by_variable, unread, help] {
        assert!(!format!("{ran:?}").contains("hunter2"), "{ran:?}");
    }
    place.mode("url", 0o644);
    place.run(&["census", "--store-file", "url"]).failed(5, "others than its owner", "chmod 600");
}

/// What is sent to a server that offers no TLS, behind the question whether it does.
#[cfg(target_os = "linux")]
fn sent_in_the_clear(place: &Place, parameters: &str) -> (common::Ran, Vec<u8>) {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    // No name of this machine, for the program.
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let (mut asked, mut sent) = ([0; 8], Vec::new());
        client.read_exact(&mut asked).unwrap();
        if asked[4..] == [0x04, 0xD2, 0x16, 0x2F] {
            client.write_all(b"N").unwrap();
            let mut more = [0; 256];
            let len = client.read(&mut more).unwrap_or_default();
            sent.extend_from_slice(&more[..len]);
        } else {
            sent.extend_from_slice(&asked);
        }
        sent
    });
    let url = format!("postgres://ada:hunter2@127.0.0.2:{port}/shop{parameters}");
    let census = ran(place.command().env("FIELDSEAL_STORE", url).arg("census"));
    (census, server.join().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn server_on_a_network_that_offers_no_tls_is_told_nothing() {
    let place = Place::with_ring();
    let (census, sent) = sent_in_the_clear(&place, "");
    census.failed(5, "TLS", "sslrootcert");
    assert!(sent.is_empty(), "{sent:?}");
    let (census, sent) = sent_in_the_clear(&place, "?sslmode=disable");
    assert_eq!(census.code, 5, "the server went: {census:?}");
    assert!(!sent.is_empty(), "it was said");
}

#[test]
fn file_that_is_no_database_is_said_to_be_none() {
    let place = Place::with_shop();
    std::fs::write(
        place.path("notes.txt"),
        "no database, and longer than its header is\n".repeat(99),
    )
    .unwrap();
    for command in ["census", "store"] {
        let args: &[&str] = if command == "store" { &["store", "migrate"] } else { &["census"] };
        let ran = place.run(&with(args, &["--store", "sqlite:notes.txt"]));
        ran.failed(5, "file is not a database", "path of a SQLite database");
    }
}

#[test]
fn columns_of_standalone_envelopes_are_offered_where_they_are_looked_into() {
    let place = Place::new();
    for (args, offered) in [
        (&["census"][..], true),
        (&["retire"], true),
        (&["rewrap"], true),
        (&["sweep"], false),
        (&["ledger", "replay"], false),
    ] {
        let help = place.ok(&[args, &["--help"]].concat());
        assert_eq!(help.contains("--standalone"), offered, "{args:?}");
    }
}

//! A subject's life by the command line: erased with a receipt, consent given and withdrawn, terms
//! swept, and all of it made good again after a backup was restored.
#![cfg(all(unix, feature = "stores"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]
#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod common;

use std::fs;

use common::stores::{CONTACT, DAY, EMAIL, OWN};
use common::{Place, Ran, ran};
use fieldseal::{Access, Class, DataKeys, ErrorKind};
use serde_json::Value;

const LEDGER: [&str; 2] = ["--ledger", "ledger"];
const INTEGER: [&str; 2] = ["--as", "integer"];
const EVIDENCE: [&str; 4] = ["--source", "form /signup", "--notice", "2026-03"];
const MARKETING: [&str; 6] =
    ["--class", "contact", "--role", "marketing", "--classes", "classes.json"];

/// With where, on whose account, and how ids are typed.
fn run(place: &Place, args: &[&str]) -> Ran {
    place.run(&[args, &OWN, &LEDGER, &INTEGER].concat())
}

fn ok(place: &Place, args: &[&str]) -> Ran {
    let ran = run(place, args);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

fn verifying_key(place: &Place) -> String {
    place.ok(&["ring", "verifying-key"]).trim().to_owned()
}

fn grant(place: &Place, subject: &str, history: &str) -> Ran {
    run(place, &[&["grant", subject, "--history", history][..], &MARKETING, &EVIDENCE].concat())
}

fn withdraw(place: &Place, subject: &str) -> Ran {
    run(place, &[&["withdraw", subject][..], &MARKETING].concat())
}

/// The ring of a service that has this role alone.
fn service(place: &Place, role: &str) -> fieldseal::KeyRing {
    place.ring().subset(&[role]).unwrap().into_ring()
}

#[test]
fn erasure_gives_a_receipt_that_the_public_half_verifies() {
    let place = Place::with_shop();
    let shop = place.shop();
    let email = shop.sign_up(42);
    let erased = ok(
        &place,
        &[
            "erase",
            "42",
            "--yes",
            "--receipt",
            "receipt.json",
            "--actor",
            "desk",
            "--purpose",
            "article 17",
        ],
    );
    assert_eq!(erased.out, place.read("receipt.json"), "the receipt alone goes to standard output");
    assert_eq!(place.mode_of("receipt.json"), 0o600);
    assert!(erased.err.contains("in backups, still open by the ring keys"), "{}", erased.err);
    assert!(erased.err.contains("ledger replay ledger"), "{}", erased.err);
    assert_eq!(shop.open(&place.ring(), 42, &email).unwrap_err().kind(), ErrorKind::Erased);

    // By somebody who has no ring.
    let auditor = Place::new();
    fs::copy(place.path("receipt.json"), auditor.path("receipt.json")).unwrap();
    let key = verifying_key(&place);
    let verified = auditor.json(&["receipt", "verify", "receipt.json", "--key", &key]);
    assert_eq!(verified["receipt"]["subject"]["integer"], "42");
    assert_eq!(verified["receipt"]["actor"], "desk");
    assert_eq!(verified["verified_by"], place.primary("sign", "sign"));
    let words = auditor.ok(&["receipt", "verify", "receipt.json", "--key", &key]);
    for told in [
        "verified: signed by key",
        "subject      42",
        "the whole subject",
        "contact, generation 1",
        "article 17",
    ] {
        assert!(words.contains(told), "{told}: {words}");
    }
    auditor.run(&["receipt", "verify", "receipt.json"]).failed(
        2,
        "nothing was given to verify by",
        "--key",
    );

    // Altered, or by another key.
    let altered = place.read("receipt.json").replace("article 17", "article 18");
    let refused = auditor.pipe(&["receipt", "verify", "--key", &key], altered);
    refused.failed(9, "does not verify", "handed out first");
    let other = Place::with_ring();
    other.ok(&["ring", "add-key", "sign"]);
    let key = verifying_key(&other);
    auditor.run(&["receipt", "verify", "receipt.json", "--key", &key]).failed(
        1,
        "not among those given",
        "--key",
    );
    auditor.pipe(&["receipt", "verify", "--key", &key], "{}").failed(6, "no receipt", "");
    // With the ring at hand it needs no key.
    assert!(place.ok(&["receipt", "verify", "receipt.json"]).starts_with("verified"));
}

#[test]
fn erasing_again_changes_nothing_and_gives_a_receipt_again() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(42);
    ok(&place, &["erase", "42", "--yes"]);
    let envelope = shop.envelope(42);
    let again = ok(&place, &["erase", "42"]);
    assert!(again.err.contains("had been erased before"), "{}", again.err);
    assert!(again.out.contains("subject_erased_at"), "{}", again.out);
    assert_eq!(shop.envelope(42), envelope);
    assert_eq!(place.read("ledger").lines().count(), 3, "each time it was asked");
}

#[test]
fn class_is_erased_alone() {
    let place = Place::with_shop();
    let shop = place.shop();
    let orders = Class::new("orders");
    shop.save(5, &DataKeys::create(&shop.ring, 5, &[CONTACT, orders]).unwrap());
    let erased = ok(&place, &["erase", "5", "--class", "orders", "--yes", "--json"]);
    let json: Value = serde_json::from_str(&erased.out).unwrap();
    assert_eq!(json["receipt"]["generations"][0]["class"], "orders");
    assert_eq!(json["receipt"]["subject_erased_at"], Value::Null);
    assert_eq!((&json["ledger"], &json["receipt_file"]), (&"ledger".into(), &Value::Null));
    let census = place.json(&[&["census"][..], &OWN].concat());
    let states: Vec<_> = census["generations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| (of["class"].as_str().unwrap(), of["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("contact", "live"), ("orders", "erased")]);
    run(&place, &["erase", "5", "--class", "nothing", "--yes"]).failed(
        2,
        "no key of class `nothing`",
        "",
    );
}

#[test]
fn erasure_that_is_refused_leaves_nothing_half_done() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(42);
    let before = (shop.envelope(42), place.read("ledger"));
    let receipt = ["--receipt", "receipt.json"];
    let erase = |args: &[&str]| place.run(&[&["erase"][..], args, &OWN, &receipt].concat());

    erase(&["42", "--yes", "--ledger", "ledger"]).failed(
        2,
        "type of the subject's id",
        "--as integer",
    );
    erase(&["42", "--as", "text", "--yes", "--ledger", "ledger"]).failed(
        2,
        "no key envelope is stored",
        "--as",
    );
    erase(&["42", "--as", "integer", "--ledger", "ledger"]).failed(8, "to be confirmed", "--yes");
    erase(&["42", "--as", "integer", "--yes", "--ledger", "none"]).failed(
        5,
        "no ledger at none",
        "ledger begin",
    );
    erase(&["007", "--as", "integer", "--yes", "--ledger", "ledger"]).failed(
        2,
        "leading zeros",
        "",
    );
    erase(&["42", "--as", "integer", "--tenant", "acme", "--yes", "--ledger", "ledger"]).failed(
        2,
        "of tenant acme",
        "--tenant",
    );
    let ledgerless = erase(&["42", "--as", "integer", "--yes"]);
    assert_eq!(ledgerless.code, 2, "{ledgerless:?}");
    // A file that is no ledger.
    fs::write(place.path("notes"), "hello\n").unwrap();
    place.mode("notes", 0o600);
    erase(&["42", "--as", "integer", "--yes", "--ledger", "notes"]).failed(
        6,
        "does not end in a line",
        "",
    );
    assert_eq!(place.read("notes"), "hello\n");
    // A ring that does not sign.
    place.ok(&[
        "ring",
        "subset",
        "--role",
        "app",
        "-o",
        "app.json",
        "--new-key-file",
        "app.key",
        "--generate",
    ]);
    let service = [
        "erase",
        "42",
        "--as",
        "integer",
        "--yes",
        "--ledger",
        "ledger",
        "--ring",
        "app.json",
        "--key-file",
        "app.key",
    ];
    ran(place.bare().args(service).args(OWN)).failed(
        2,
        "no primary key that signs",
        "ring subset --sign",
    );

    assert!(!place.path("receipt.json").exists());
    assert_eq!((shop.envelope(42), place.read("ledger")), before);

    fs::write(place.path("receipt.json"), "kept").unwrap();
    erase(&["42", "--as", "integer", "--yes", "--ledger", "ledger"]).failed(
        5,
        "is there already",
        "",
    );
    assert_eq!(place.read("receipt.json"), "kept");
    assert_eq!((shop.envelope(42), place.read("ledger")), before);
}

#[test]
fn mark_keeps_a_subject_from_being_begun() {
    let place = Place::with_shop();
    run(&place, &["erase", "9", "--yes"]).failed(2, "no key envelope", "--mark-absent");
    ok(&place, &["erase", "9", "--yes", "--mark-absent"]);
    assert_eq!(place.shop().version(9), 1);
    let census = place.json(&[&["census"][..], &OWN].concat());
    assert_eq!(census["places"][0]["erased_subjects"], 1);
}

#[test]
fn consent_is_given_with_its_evidence_and_withdrawn() {
    let place = Place::with_shop();
    let shop = place.shop();
    let email = shop.sign_up(42);
    let marketing = service(&place, "marketing");
    assert!(shop.open(&marketing, 42, &email).is_err());

    let unsaid = run(&place, &[&["grant", "42", "--history", "included"][..], &MARKETING].concat());
    assert_eq!(unsaid.code, 2, "a consent comes with its evidence: {unsaid:?}");
    let granted = grant(&place, "42", "included");
    assert_eq!(granted.code, 0, "{granted:?}");
    assert!(granted.out.contains("what was sealed before too"), "{}", granted.out);
    assert_eq!(shop.open(&marketing, 42, &email).unwrap(), "ada@example.com");
    let old = shop.envelope(42).unwrap();

    let withdrawn = withdraw(&place, "42");
    assert_eq!(withdrawn.code, 0, "{withdrawn:?}");
    assert!(withdrawn.err.contains("queued to be resealed"), "{}", withdrawn.err);
    assert!(shop.open(&marketing, 42, &email).is_err());
    assert_eq!(shop.open(&place.ring(), 42, &email).unwrap(), "ada@example.com");
    assert_ne!(shop.envelope(42).unwrap(), old);
    let again = withdraw(&place, "42");
    assert!(again.out.contains("nothing was stored"), "{again:?}");

    let consents =
        place.json(&["ledger", "consents", "42", "--as", "integer", "--ledger", "ledger"]);
    let consent = &consents["consents"][0];
    assert_eq!((&consent["class"], &consent["role"]), (&"contact".into(), &"marketing".into()));
    assert_eq!(consent["given"], Value::Null, "it was withdrawn");
    assert_eq!(consent["withdrawn"]["act"], "withdraw");
    let shown = place.json(&["ledger", "show", "ledger"]);
    assert_eq!(shown["entries"][0]["notice"], "2026-03");
    assert_eq!(shown["entries"][0]["source"], "form /signup");
    let acts = shown["entries"].as_array().unwrap().iter().map(|entry| entry["act"].as_str());
    assert!(acts.eq([Some("grant"), Some("withdraw"), Some("withdraw")]), "each time it was said");
    let none = place.ok(&["ledger", "consents", "43", "--as", "integer", "--ledger", "ledger"]);
    assert!(none.contains("tells of no consent of the integer 43"), "{none}");

    let granted = grant(&place, "42", "excluded");
    assert_eq!(granted.code, 0, "{granted:?}");
    assert!(shop.open(&marketing, 42, &email).is_err(), "not what was sealed before");
}

#[test]
fn withdrawal_that_is_refused_changes_nothing() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(42);
    let before = (shop.envelope(42), place.read("ledger"));
    let withdraw = |class: &str, role: &str, classes: &str| {
        let of = ["withdraw", "42", "--class", class, "--role", role, "--classes", classes];
        run(&place, &of)
    };
    withdraw("contact", "app", "classes.json").failed(2, "declared reader", "");
    withdraw("orders", "marketing", "classes.json").failed(
        2,
        "declares no class `orders`",
        "contact",
    );
    withdraw("contact", "marketing", "none.json").failed(5, "none.json", "");
    for (text, said) in [
        ("hello", "no JSON"),
        ("7", "neither a catalog nor a list"),
        (r#"[{"name": "mask.contact"}]"#, "reserved"),
        (r#"[{"name": "contact", "reader": ["app"]}]"#, "unknown field"),
        (r#"[{"name": "contact"}, {"name": "contact", "retain_days": 3}]"#, "in two ways"),
        (r#"{"schemas": [{"fields": [{"id": "email"}]}]}"#, "without a class"),
    ] {
        fs::write(place.path("wrong.json"), text).unwrap();
        withdraw("contact", "marketing", "wrong.json").failed(6, said, "serde_json");
    }
    let absent = run(&place, &[&["withdraw", "43"][..], &MARKETING].concat());
    absent.failed(2, "no key envelope is stored", "--as");
    assert_eq!((shop.envelope(42), place.read("ledger")), before);
}

#[test]
fn classes_are_read_from_a_catalog_too() {
    let place = Place::with_shop();
    place.shop().sign_up(42);
    let class = serde_json::to_value(CONTACT).unwrap();
    let field =
        serde_json::json!({ "id": "email", "column": "email", "class": class, "was": null });
    let catalog = serde_json::json!({ "schemas": [{ "record": "customer", "fields": [field.clone(), field] }] });
    fs::write(place.path("classes.json"), catalog.to_string()).unwrap();
    assert_eq!(grant(&place, "42", "included").code, 0);
}

#[test]
fn sweep_erases_what_is_past_its_term_and_asks_where_it_is_much() {
    let place = Place::with_shop();
    let shop = place.shop();
    let orders = Class::new("orders").retain_days(30);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (subject, days) in [(1, 60), (2, 0), (3, 0), (4, 0)] {
        let made = Access::new(&shop.ring).at(now - days * DAY);
        shop.save(subject, &DataKeys::create(made, subject, &[orders]).unwrap());
    }
    let sweep = |args: &[&str]| place.run(&[&["sweep"][..], args, &OWN].concat());
    let missing = sweep(&[]);
    assert_eq!(missing.code, 2, "{missing:?}");
    let plan = sweep(&["--plan"]);
    assert!(plan.out.contains("1 of 4 generations with a term would be erased"), "{plan:?}");
    let before = shop.envelope(1);
    sweep(&["--at-most-percent", "10"]).failed(8, "1 of the 4 generations", "--yes");
    assert_eq!(shop.envelope(1), before);
    let swept = place.json(&[&["sweep", "--at-most-percent", "30"][..], &OWN].concat());
    let of = &swept["places"][0];
    assert_eq!((&of["expired"], &of["changed"], &of["seen"]), (&1.into(), &1.into(), &4.into()));
    assert_ne!(shop.envelope(1), before);
    let again = place.json(&[&["sweep", "--at-most-percent", "0"][..], &OWN].concat());
    assert_eq!(again["places"][0]["changed"], 0);
    let confirmed = Place::with_shop();
    let shop = confirmed.shop();
    let made = Access::new(&shop.ring).at(now - 90 * DAY);
    shop.save(1, &DataKeys::create(made, 1, &[orders]).unwrap());
    let sweep = |args: &[&str]| confirmed.run(&[&["sweep"][..], args, &OWN].concat());
    sweep(&["--at-most-percent", "100"]).failed(8, "the clock stands 90 days after", "--yes");
    assert_eq!(sweep(&["--at-most-percent", "100", "--yes"]).code, 0);
}

#[test]
fn restored_backup_is_made_good_by_the_ledger() {
    let place = Place::with_shop();
    let shop = place.shop();
    let (ada, bob, eve) = (shop.sign_up(1), shop.sign_up(2), shop.sign_up(3));
    assert_eq!(grant(&place, "2", "included").code, 0);
    fs::copy(place.path("shop.db"), place.path("backup.db")).unwrap();
    ok(&place, &["erase", "1", "--yes"]);
    assert_eq!(withdraw(&place, "2").code, 0);
    let verified = place.json(&["ledger", "verify", "ledger"]);
    let head = verified["head"].as_str().unwrap().to_owned();
    assert_eq!((&verified["entries"], &verified["torn"]), (&3.into(), &false.into()));

    fs::copy(place.path("backup.db"), place.path("shop.db")).unwrap();
    let marketing = service(&place, "marketing");
    // As it is documented: before the replay, the backup opens as it did.
    assert_eq!(shop.open(&place.ring(), 1, &ada).unwrap(), "ada@example.com");
    assert_eq!(shop.open(&marketing, 2, &bob).unwrap(), "ada@example.com");

    let replay = |args: &[&str]| {
        place.run(
            &[&["ledger", "replay", "ledger", "--classes", "classes.json"][..], args, &OWN]
                .concat(),
        )
    };
    let restored = fs::read(place.path("shop.db")).unwrap();
    let told = replay(&["--dry-run"]);
    assert!(told.out.contains("2 of 3 envelopes would be changed"), "{told:?}");
    assert!(told.err.contains("without --dry-run") && told.err.contains("--head"), "{told:?}");
    assert_eq!(fs::read(place.path("shop.db")).unwrap(), restored);

    let done = replay(&["--head", &head]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("2 of 3 envelopes were changed"), "{done:?}");
    assert!(!done.err.contains("warning"), "{done:?}");
    assert_eq!(shop.open(&place.ring(), 1, &ada).unwrap_err().kind(), ErrorKind::Erased);
    assert!(shop.open(&marketing, 2, &bob).is_err());
    assert_eq!(shop.open(&place.ring(), 2, &bob).unwrap(), "ada@example.com");
    assert_eq!(shop.open(&place.ring(), 3, &eve).unwrap(), "ada@example.com");
    let again = replay(&["--head", &head]);
    assert!(again.out.contains("0 of 3 envelopes were changed"), "{again:?}");
}

#[test]
fn ledger_that_was_cut_or_changed_is_refused() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(1);
    shop.sign_up(2);
    ok(&place, &["erase", "1", "--yes"]);
    ok(&place, &["erase", "2", "--yes"]);
    let head = place.json(&["ledger", "verify", "ledger"])["head"].as_str().unwrap().to_owned();
    let whole = place.read("ledger");
    let lines: Vec<&str> = whole.lines().collect();
    let write = |text: &str| {
        fs::write(place.path("ledger"), text).unwrap();
    };
    let replay = |head: &str| {
        let args = ["ledger", "replay", "ledger", "--head", head];
        place.run(&[&args[..], &OWN].concat())
    };
    write(&format!("{}\n{}\n", lines[0], lines[1]));
    assert_eq!(
        place.run(&["ledger", "verify", "ledger"]).code,
        0,
        "only a head tells that it was cut"
    );
    let verify = ["ledger", "verify", "ledger", "--head", &head];
    place.run(&verify).failed(7, "cut off or replaced", "when its head was kept");
    replay(&head).failed(7, "cut off or replaced", "when its head was kept");

    write(&whole.replace("erase-subject", "erase-subjecT"));
    place.run(&["ledger", "verify", "ledger"]).failed(6, "line 2 of the ledger", "");
    write(&format!("{}\n{}\n", lines[0], lines[2]));
    place.run(&["ledger", "verify", "ledger"]).failed(6, "another number", "");
    // Another ring's.
    let other = Place::with_shop();
    fs::copy(other.path("ledger"), place.path("ledger")).unwrap();
    place.run(&["ledger", "verify", "ledger"]).failed(1, "not among those given", "--key");
    let key = verifying_key(&other);
    assert_eq!(place.run(&["ledger", "verify", "ledger", "--key", &key]).code, 0);
    write(&whole);
    assert_eq!(replay(&head).code, 0);
    replay("17.nothing").code_is(2);
    place.run(&["ledger", "begin", "ledger"]).failed(5, "is there already", "");
}

#[test]
fn replay_of_withdrawals_needs_the_declarations() {
    let place = Place::with_shop();
    place.shop().sign_up(1);
    assert_eq!(grant(&place, "1", "included").code, 0);
    assert_eq!(withdraw(&place, "1").code, 0);
    place.run(&[&["ledger", "replay", "ledger"][..], &OWN].concat()).failed(
        2,
        "withdraws class `contact`",
        "--classes FILE",
    );
}

#[test]
fn envelope_that_was_tampered_with_does_not_stop_a_replay() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(1);
    shop.sign_up(2);
    fs::copy(place.path("shop.db"), place.path("backup.db")).unwrap();
    ok(&place, &["erase", "2", "--yes"]);
    fs::copy(place.path("backup.db"), place.path("shop.db")).unwrap();
    // The envelope of one stands at another's place.
    shop.run(
        "UPDATE fieldseal_keys SET envelope = (SELECT envelope FROM fieldseal_keys WHERE subject = x'010000000000000002')
         WHERE subject = x'010000000000000001'",
    );
    let replay = place.run(&[&["ledger", "replay", "ledger"][..], &OWN].concat());
    assert_eq!(replay.code, 11, "{replay:?}");
    assert!(replay.out.contains("1 of 2 envelopes were changed"), "{replay:?}");
    assert!(replay.err.contains("fieldseal_keys.envelope: 1: "), "{replay:?}");
}

#[test]
fn inline_columns_live_the_same_life() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.run("CREATE TABLE customers (id TEXT PRIMARY KEY, keys BLOB)");
    let keys = DataKeys::create(Access::new(&shop.ring).tenant("acme"), "ada", &[CONTACT]).unwrap();
    let email = EMAIL.seal(&keys, &"ada@example.com".to_owned()).unwrap();
    common::stores::wait(async {
        let sql = "INSERT INTO customers VALUES ('ada', $1), ('bob', NULL)";
        let on = &mut shop.connect().await;
        sqlx::query(sql).bind(keys.envelope().as_bytes()).execute(on).await.unwrap();
    });
    let inline = ["--inline", "customers,id:text,keys", "--tenant", "acme"];
    let ran = |args: &[&str]| place.run(&[args, &OWN, &LEDGER, &inline].concat());
    assert_eq!(
        ran(&[&["grant", "ada", "--history", "included"][..], &MARKETING, &EVIDENCE].concat()).code,
        0
    );
    ran(&["erase", "bob", "--yes"]).failed(
        2,
        "customers.keys, for the text `bob` of tenant acme",
        "--as",
    );
    ran(&["erase", "ada", "--yes", "--as", "integer"]).failed(2, "another type", "--inline");
    let erased = ran(&["erase", "ada", "--yes"]);
    assert_eq!(erased.code, 0, "{erased:?}");
    let receipt: Value = serde_json::from_str(&erased.out).unwrap();
    assert_eq!((&receipt["subject"]["text"], &receipt["tenant"]), (&"ada".into(), &"acme".into()));
    drop(email);
}

#[test]
fn database_that_fails_after_the_ledger_was_told_is_made_good() {
    let place = Place::with_shop();
    let shop = place.shop();
    let email = shop.sign_up(42);
    let before = shop.envelope(42);
    shop.run("CREATE TRIGGER full BEFORE UPDATE ON fieldseal_keys BEGIN SELECT RAISE(ABORT, 'full'); END");
    let receipt = ["--receipt", "receipt.json"];
    let erase = || run(&place, &[&["erase", "42", "--yes"][..], &receipt].concat());
    erase().failed(5, "full", "the ledger tells of the erasure already");
    assert!(!place.path("receipt.json").exists(), "nothing was erased");
    assert_eq!(shop.envelope(42), before);
    assert_eq!(place.read("ledger").lines().count(), 2);

    shop.run("DROP TRIGGER full");
    let replay = place.json(&[&["ledger", "replay", "ledger"][..], &OWN].concat());
    assert_eq!(replay["places"][0]["changed"], 1);
    assert_eq!(shop.open(&place.ring(), 42, &email).unwrap_err().kind(), ErrorKind::Erased);
    let erased = erase();
    assert!(erased.err.contains("had been erased before"), "{erased:?}");
    assert!(place.ok(&["receipt", "verify", "receipt.json"]).contains("the whole subject"));
}

#[test]
fn servers_that_keep_a_ledger_each_are_replayed_together() {
    let place = Place::with_shop();
    let shop = place.shop();
    place.ok(&["ledger", "begin", "second"]);
    shop.sign_up(1);
    shop.sign_up(2);
    fs::copy(place.path("shop.db"), place.path("backup.db")).unwrap();
    ok(&place, &["erase", "1", "--yes"]);
    place.ok(&[&["erase", "2", "--yes", "--ledger", "second"][..], &OWN, &INTEGER].concat());
    fs::copy(place.path("backup.db"), place.path("shop.db")).unwrap();
    let head = |ledger: &str| {
        place.json(&["ledger", "verify", ledger])["head"].as_str().unwrap().to_owned()
    };
    let (first, second) = (head("ledger"), head("second"));
    place.ok(&["ledger", "begin", "third"]);
    let third = head("third");
    let replay = |args: &[&str]| place.run(&[&["ledger", "replay"][..], args, &OWN].concat());
    replay(&["ledger", "second", "--head", &first, "--head", &third]).failed(
        7,
        "no ledger has line 1",
        "",
    );
    replay(&["ledger", "ledger"]).failed(2, "was given already", "");
    replay(&["ledger", "none"]).failed(5, "no ledger at none", "");
    assert!(
        shop.envelope(1)
            .is_some_and(|envelope| Some(envelope) == place.shop_in("backup.db").envelope(1))
    );
    let done = replay(&["ledger", "second", "--head", &second, "--head", &first]);
    assert!(done.out.contains("2 of 2 envelopes were changed"), "{done:?}");
}

#[test]
fn no_secret_is_in_what_the_life_of_a_subject_prints() {
    let place = Place::with_shop();
    place.shop().sign_up(42);
    let consents = ["ledger", "consents", "42", "--as", "integer", "--ledger", "ledger"];
    let seen = [
        grant(&place, "42", "included"),
        withdraw(&place, "42"),
        place.run(&[&["census"][..], &OWN].concat()),
        place.run(&consents),
        place.run(&[&consents[..], &["--json"]].concat()),
        place.run(&["ledger", "show", "ledger"]),
        ok(&place, &["erase", "42", "--yes", "--json"]),
    ];
    let json = place.json(&["ring", "export", "--unprotected"]);
    let secrets = json["unprotected"].as_str().unwrap().as_bytes();
    for ran in seen {
        assert_eq!(ran.code, 0, "{ran:?}");
        for piece in secrets.chunks_exact(24) {
            let piece = str::from_utf8(piece).unwrap();
            assert!(!ran.out.contains(piece) && !ran.err.contains(piece), "{ran:?}");
        }
    }
}

#[test]
fn receipts_and_ledgers_are_told_apart_from_rings() {
    let place = Place::with_shop();
    place.shop().sign_up(42);
    ok(&place, &["erase", "42", "--yes", "--receipt", "receipt.json"]);
    place.run(&["inspect", "receipt.json"]).failed(2, "a receipt of an erasure", "receipt verify");
    place.run(&["inspect", "ledger"]).failed(2, "a ledger", "ledger show");
}

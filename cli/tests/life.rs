//! A subject's life by the command line: erased with a receipt, consent given and withdrawn, terms
//! swept.
#![cfg(all(unix, feature = "stores"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod common;
#[path = "life/damaged.rs"]
mod damaged;
#[path = "life/done.rs"]
mod done;
#[path = "life/standalone.rs"]
mod standalone;
#[path = "life/sweeps.rs"]
mod sweeps;

use std::fs;

use common::life::{EVIDENCE, LEDGER, MARKETING, grant, ok, run, service, verifying_key, withdraw};
use common::stores::{CONTACT, OWN};
use common::{Place, ran};
use fieldseal::{Access, Class, DataKeys, ErrorKind};
use serde_json::Value;

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
        "--verifying-key",
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
        "--verifying-key",
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
fn keys_that_are_destroyed_open_no_backup() {
    let place = Place::with_shop();
    let old = place.primary("wrap", "app");
    place.shop().sign_up(42);
    place.ok(&["ring", "rotate", "app"]);
    place.ok(&["ring", "state", &old, "destroyed", "--force-destroy", "--yes"]);
    let erased = ok(&place, &["erase", "42", "--yes"]);
    assert!(!erased.err.contains(&old) && !erased.err.contains("old copies"), "{erased:?}");
    assert!(!erased.out.contains(&old), "nor does the receipt name it: {erased:?}");
}

#[test]
fn receipt_into_a_folder_that_is_not_there_erases_nothing() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(42);
    let before = (shop.envelope(42), place.read("ledger"));
    run(&place, &["erase", "42", "--yes", "--receipt", "nope/r.json"]).failed(
        5,
        "nope/r.json",
        "make its folder first",
    );
    assert_eq!((shop.envelope(42), place.read("ledger")), before);
}

/// The receipt is reserved before the ledger is told, so that an erasure is not made without one.
#[test]
#[allow(clippy::print_stdout, reason = "what is skipped has to be seen")]
fn receipt_into_a_folder_that_cannot_be_written_erases_nothing() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    use std::os::unix::process::CommandExt as _;

    const NOBODY: u32 = 65_534;
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(42);
    fs::create_dir(place.path("receipts")).unwrap();
    // Root writes everywhere, so the command runs as another user.
    let is_root = fs::metadata(place.folder()).unwrap().uid() == 0;
    if is_root {
        for entry in fs::read_dir(place.folder()).unwrap() {
            chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        chown(place.folder(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let command = || {
        let mut command = std::process::Command::new(common::program());
        command.current_dir(place.folder()).env_clear().arg("--no-input");
        command.env("FIELDSEAL_PASSPHRASE_FILE", "passphrase");
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    if !command().arg("--version").output().is_ok_and(|told| told.status.success()) {
        println!("SKIPPED: the program cannot be run as another user");
        return;
    }
    let erase = |receipt: &str| {
        let args = ["erase", "42", "--yes", "--ledger", "ledger", "--as", "integer"];
        let mut erase = command();
        erase.args(args).args(OWN).args(["--receipt", receipt]);
        ran(&mut erase.into())
    };
    let before = (shop.envelope(42), place.read("ledger"));
    place.mode("receipts", 0o555);
    let refused = erase("receipts/r.json");
    refused.failed(5, "receipts/r.json", "nothing was erased");
    assert_eq!((shop.envelope(42), place.read("ledger")), before);
    assert_eq!(fs::read_dir(place.path("receipts")).unwrap().count(), 0);

    place.mode("receipts", 0o755);
    assert_eq!(erase("receipts/r.json").code, 0);
    assert_eq!(fs::read_dir(place.path("receipts")).unwrap().count(), 1);
    assert!(place.ok(&["receipt", "verify", "receipts/r.json"]).starts_with("verified"));
}

#[test]
fn class_is_erased_alone() {
    let place = Place::with_shop();
    let shop = place.shop();
    let orders = Class::new("orders");
    shop.save(5, &DataKeys::create(&shop.ring, 5, [CONTACT, orders]).unwrap());
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
        "the subject has no class `nothing`; it has contact, orders",
        "as the application declares it",
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
        "this is not a ledger",
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
fn erased_subject_is_granted_nothing() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(42);
    ok(&place, &["erase", "42", "--yes"]);
    let before = (shop.envelope(42), place.read("ledger"));
    grant(&place, "42", "included").failed(2, "erased", "stays so");
    run(&place, &["erase", "42", "--class", "nothing", "--yes"]).failed(
        2,
        "no class `nothing`",
        "",
    );
    assert_eq!((shop.envelope(42), place.read("ledger")), before);
    // Of another tenant's making, in the place of this one's.
    let keys = DataKeys::create(Access::new(&shop.ring).tenant("acme"), 7, [CONTACT]).unwrap();
    shop.save(7, &keys);
    run(&place, &["erase", "7", "--yes", "--receipt", "r.json"]).failed(9, "", "--tenant");
    assert!(!place.path("r.json").exists());
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
    assert!(again.out.contains("had no key of class"), "{again:?}");

    let consents =
        place.json(&["ledger", "consents", "42", "--as", "integer", "--ledger", "ledger"]);
    let consent = &consents["consents"][0];
    assert_eq!((&consent["class"], &consent["role"]), (&"contact".into(), &"marketing".into()));
    assert_eq!(consent["given"], Value::Null, "it was withdrawn");
    assert_eq!(consent["withdrawn"]["act"], "withdraw");
    let history = consent["history"].as_array().unwrap();
    let acts = history.iter().map(|entry| entry["act"].as_str());
    assert!(acts.eq([Some("grant"), Some("withdraw"), Some("withdraw")]), "{consents}");
    assert_eq!(history[0]["notice"], "2026-03", "the evidence stays");
    let words = place.ok(&["ledger", "consents", "42", "--as", "integer", "--ledger", "ledger"]);
    assert!(words.starts_with("marketing may not read contact: given "), "{words}");
    assert!(words.contains(" (from form /signup, notice 2026-03); withdrawn "), "{words}");
    let words = place.ok(&["ledger", "show", "ledger"]);
    assert!(words.contains("withdrew contact from marketing, to generation 1 "), "{words}");
    assert!(words.contains("withdrew contact from marketing: it had no key "), "{words}");
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
        (r#"[{"name": "standalone"}]"#, "reserved"),
        (r#"[{"name": "contact", "reader": ["app"]}]"#, "unknown field"),
        (r#"[{"name": "contact"}, {"name": "contact", "retain_days": 3}]"#, "in two ways"),
        (r#"{"schemas": [{"fields": [{"id": "email"}]}]}"#, "without a class"),
    ] {
        fs::write(place.path("wrong.json"), text).unwrap();
        withdraw("contact", "marketing", "wrong.json").failed(6, said, "serde_json");
    }
    // A catalog's masks have classes too.
    let catalog = r#"{"schemas": [{"fields": [{"class": {"name": "contact"}, "companions": [
        {"column": "i", "what": {"index": {"id": "i"}}},
        {"column": "m", "what": {"mask": {"class": {"name": "mask.contact"}, "was": null}}}
    ]}]}]}"#;
    fs::write(place.path("catalog.json"), catalog).unwrap();
    withdraw("orders", "marketing", "catalog.json").failed(
        2,
        "no class `orders`",
        "contact, mask.contact",
    );
    let absent = run(&place, &[&["withdraw", "43"][..], &MARKETING].concat());
    absent.failed(2, "no key envelope is stored", "--as");
    assert_eq!((shop.envelope(42), place.read("ledger")), before);
}

#[test]
fn declared_reader_is_granted_nothing() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(42);
    let before = (shop.envelope(42), place.read("ledger"));
    let of = ["--class", "contact", "--role", "app", "--classes", "classes.json"];
    for history in ["included", "excluded"] {
        let grant = ["grant", "42", "--history", history];
        run(&place, &[&grant[..], &of, &EVIDENCE].concat()).failed(
            2,
            "`app` reads it by declaration: there is no consent to record",
            "marketing",
        );
    }
    assert_eq!((shop.envelope(42), place.read("ledger")), before);
}

#[test]
fn reader_that_the_file_leaves_out_is_not_lost_unasked() {
    let place = Place::with_shop();
    place.ok(&["ring", "add-role", "support"]);
    let shop = place.shop();
    let with_support =
        Class::new("contact").readers(&["app", "support"]).readers_with_consent(&["marketing"]);
    for subject in [42, 43] {
        shop.save(subject, &DataKeys::create(&shop.ring, subject, [with_support]).unwrap());
    }
    let before = (shop.envelope(42), place.read("ledger"));
    let why = "no reader `support` of class contact";
    withdraw(&place, "42").failed(8, why, "--yes");
    grant(&place, "42", "excluded").failed(8, why, "let the application write the file anew");
    assert_eq!((shop.envelope(42), place.read("ledger")), before);
    // Nothing begins by which it would lose the class.
    let granted = grant(&place, "42", "included");
    assert_eq!(granted.code, 0, "{granted:?}");
    assert!(granted.err.contains(why) && granted.err.contains("next generation"), "{granted:?}");
    let granted = grant(&place, "43", "included");
    assert_eq!(granted.code, 0, "{granted:?}");

    withdraw(&place, "42").failed(8, why, "--yes");
    let yes = run(&place, &[&["withdraw", "42", "--yes"][..], &MARKETING].concat());
    assert!(yes.code == 0 && yes.err.contains(why), "{yes:?}");
    // The whole file: nobody is asked.
    fs::write(place.path("classes.json"), serde_json::to_string(&[with_support]).unwrap()).unwrap();
    let whole = withdraw(&place, "43");
    assert!(whole.code == 0 && !whole.err.contains("warning"), "{whole:?}");
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
fn withdrawal_of_a_role_that_does_not_exist_is_refused_and_told_to_no_ledger() {
    let place = Place::with_shop();
    place.shop().sign_up(42);
    assert_eq!(grant(&place, "42", "included").code, 0);
    let before = (place.shop().envelope(42), place.read("ledger"));
    let typo = ["withdraw", "42", "--class", "contact", "--role", "marketting"];
    run(&place, &[&typo[..], &["--classes", "classes.json"]].concat()).failed(
        2,
        "its readers with consent are marketing",
        "help",
    );
    assert_eq!((place.shop().envelope(42), place.read("ledger")), before);
}

#[test]
fn inline_columns_live_the_same_life() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.run("CREATE TABLE customers (id TEXT PRIMARY KEY, keys BLOB)");
    let keys = DataKeys::create(Access::new(&shop.ring).tenant("acme"), "ada", [CONTACT]).unwrap();
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

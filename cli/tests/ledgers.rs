//! Ledgers: verified, and replayed so that a restored database is made good.
#![cfg(all(unix, feature = "stores"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod common;
#[path = "ledgers/compromised.rs"]
mod compromised;
#[path = "ledgers/kept.rs"]
mod kept;

use std::fs;

use common::Place;
use common::life::{INTEGER, grant, ok, run, service, verifying_key, withdraw};
use common::stores::OWN;
use fieldseal::ErrorKind;

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
    assert!(place.ok(&["ledger", "verify", "ledger"]).starts_with("verified: 1 entry\n"));
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
    let last = lines[2].replace("\"at\":\"2", "\"at\":\"3");
    write(&format!("{}\n{}\n{last}\n", lines[0], lines[1]));
    place.run(&["ledger", "verify", "ledger"]).code_is(9);
    // Another ring's.
    let other = Place::with_shop();
    fs::copy(other.path("ledger"), place.path("ledger")).unwrap();
    place.run(&["ledger", "verify", "ledger"]).failed(
        1,
        "not among those given",
        "--verifying-key",
    );
    let key = verifying_key(&other);
    assert_eq!(place.run(&["ledger", "verify", "ledger", "--key", &key]).code, 0);
    write(&whole);
    assert_eq!(replay(&head).code, 0);
    replay("17.nothing").code_is(2);
    place.run(&["ledger", "begin", "ledger"]).failed(5, "is there already", "");
}

#[test]
fn replay_of_withdrawals_without_declarations_says_what_it_leaves_out() {
    let place = Place::with_shop();
    place.shop().sign_up(1);
    assert_eq!(grant(&place, "1", "included").code, 0);
    assert_eq!(withdraw(&place, "1").code, 0);
    let replayed = place.run(&[&["ledger", "replay", "ledger"][..], &OWN].concat());
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert!(replayed.err.contains("not declared here: contact"), "{replayed:?}");
    assert!(replayed.err.contains("--classes"), "{replayed:?}");

    // The warning names what is withdrawn and undeclared, and that alone.
    let replay = |file: &str, classes: &str| {
        fs::write(place.path(file), classes).unwrap();
        let args = ["ledger", "replay", "ledger", "--classes", file];
        place.run(&[&args[..], &OWN].concat())
    };
    let other = r#"[{"name":"orders","readers":["app"]}]"#;
    let replayed = replay("other.json", other);
    assert!(replayed.err.contains("not declared here: contact."), "{replayed:?}");
    assert!(!replayed.err.contains("orders"), "{replayed:?}");
    let replayed = place
        .run(&[&["ledger", "replay", "ledger"][..], &OWN, &["--classes", "classes.json"]].concat());
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert!(!replayed.err.contains("not declared"), "{replayed:?}");
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
    assert!(replay.out.contains("1 of 2 envelopes was changed"), "{replay:?}");
    assert!(replay.err.contains("fieldseal_keys.envelope: 1: "), "{replay:?}");
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

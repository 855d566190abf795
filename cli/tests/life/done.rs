//! What is done is said, whatever becomes of the output.

use std::fs;
use std::process::{Command, Stdio};

use crate::common::life::{EVIDENCE, INTEGER, LEDGER, MARKETING, ok, run, verifying_key};
use crate::common::stores::OWN;
use crate::common::{Place, Ran};

/// Standard outputs that take nothing.
fn bad_outputs() -> [Stdio; 2] {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (reader, closed) = std::io::pipe().unwrap();
    drop(reader);
    [full.into(), closed.into()]
}

fn with_output(place: &Place, args: &[&str], out: Stdio) -> Ran {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("fieldseal"))
        .current_dir(place.folder())
        .env_clear()
        .env("FIELDSEAL_PASSPHRASE_FILE", "passphrase")
        .arg("--no-input")
        .args(args)
        .stdout(out)
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::new(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[track_caller]
fn is_done(ran: &Ran) {
    assert_eq!(ran.code, 5, "{}", ran.err);
    assert!(ran.err.contains("done and stored"), "{}", ran.err);
    assert!(ran.err.contains("do not run the command again"), "{}", ran.err);
}

#[test]
fn a_receipt_is_whole_when_standard_output_is_full_or_closed() {
    for out in bad_outputs() {
        let place = Place::with_shop();
        let shop = place.shop();
        let email = shop.sign_up(42);
        let erase = [&["erase", "42", "--yes", "--receipt", "r.json"], &OWN[..], &LEDGER, &INTEGER]
            .concat();
        let ran = with_output(&place, &erase, out);
        is_done(&ran);
        let app = place.primary("wrap", "app");
        assert!(ran.err.contains(&format!("still open by the ring keys {app}")), "{}", ran.err);
        assert!(shop.open(&place.ring(), 42, &email).is_err());
        let verified = place.ok(&["receipt", "verify", "r.json", "--key", &verifying_key(&place)]);
        assert!(verified.contains(&app), "{verified}");
        assert!(!place.path("r.json.unconfirmed").exists());
    }
}

#[test]
fn without_a_file_the_receipt_goes_where_somebody_may_see_it() {
    for out in bad_outputs() {
        let place = Place::with_shop();
        place.shop().sign_up(42);
        let erase = [&["erase", "42", "--yes"], &OWN[..], &LEDGER, &INTEGER].concat();
        let ran = with_output(&place, &erase, out);
        is_done(&ran);
        let end = ran.err.find("\n}").unwrap() + 3;
        let receipt = &ran.err[ran.err.find('{').unwrap()..end];
        fs::write(place.path("r.json"), receipt).unwrap();
        let verified = place.ok(&["receipt", "verify", "r.json"]);
        assert!(verified.contains(&place.primary("wrap", "app")), "{verified}");
    }
}

#[test]
fn every_command_that_changes_something_says_so_whatever_becomes_of_its_output() {
    let place = Place::with_shop();
    place.shop().sign_up(42);
    let old = place.primary("wrap", "app");
    let of_one = |args: &[&str]| [args, &OWN[..], &LEDGER, &INTEGER].concat().join("\n");
    let classes = ["--classes", "classes.json"];
    let commands = [
        of_one(&[&["grant", "42", "--history", "excluded"][..], &MARKETING, &EVIDENCE].concat()),
        of_one(&[&["withdraw", "42"][..], &MARKETING].concat()),
        ["ledger", "begin", "another"].join("\n"),
        ["ring", "rotate", "app"].join("\n"),
        [&["rewrap"], &OWN[..], &classes].concat().join("\n"),
        [&["sweep", "--at-most-percent", "5"], &OWN[..]].concat().join("\n"),
        [&["ledger", "replay", "ledger"], &OWN[..], &classes].concat().join("\n"),
        [&["retire", &old, "--yes"], &OWN[..]].concat().join("\n"),
        ["ring", "slot", "add", "--new-key-file", "key", "--generate"].join("\n"),
        ["ring", "rekey", "--yes"].join("\n"),
        ["ring", "split", "--threshold", "2", "--shares", "3", "--out-dir", "shares"].join("\n"),
        ["ring", "add-key", "pseudonym"].join("\n"),
        [&["store", "migrate"], &OWN[..]].concat().join("\n"),
        [
            "ring",
            "subset",
            "--role",
            "app",
            "--output",
            "app.json",
            "--new-key-file",
            "k2",
            "--generate",
        ]
        .join("\n"),
    ];
    for command in commands {
        let args: Vec<_> = command.split('\n').collect();
        let [full, _] = bad_outputs();
        let ran = with_output(&place, &args, full);
        is_done(&ran);
    }
    assert_ne!(place.primary("wrap", "app"), old);
    assert!(place.path("another").exists());
    place.ok(&["ledger", "verify", "ledger"]);
}

#[test]
fn a_receipt_that_cannot_be_written_erases_nothing() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(42);
    let before = (shop.envelope(42), place.read("ledger"));
    for taken in ["r.json", "r.json.unconfirmed"] {
        fs::write(place.path(taken), "mine").unwrap();
        let ran = run(&place, &["erase", "42", "--yes", "--receipt", "r.json"]);
        ran.failed(5, taken, "give another path");
        assert_eq!(place.read(taken), "mine");
        fs::remove_file(place.path(taken)).unwrap();
        assert_eq!((shop.envelope(42), place.read("ledger")), before);
        assert!(!place.path("r.json").exists() && !place.path("r.json.unconfirmed").exists());
    }
    ok(&place, &["erase", "42", "--yes", "--receipt", "r.json"]);
}

#[test]
fn an_erasure_that_a_trigger_undoes_leaves_no_receipt() {
    let place = Place::with_shop();
    let shop = place.shop();
    let email = shop.sign_up(42);
    shop.run(
        "CREATE TRIGGER puts_back AFTER UPDATE ON fieldseal_keys BEGIN
            UPDATE fieldseal_keys SET version = old.version, envelope = old.envelope
            WHERE tenant = old.tenant AND subject = old.subject;
        END;",
    );
    let ran = run(&place, &["erase", "42", "--yes", "--receipt", "r.json"]);
    ran.failed(5, "trigger", "left as it was");
    assert!(ran.out.is_empty(), "{}", ran.out);
    assert!(!place.path("r.json").exists() && !place.path("r.json.unconfirmed").exists());
    assert!(shop.open(&place.ring(), 42, &email).is_ok());
}

/// The receipt alone names the ring keys that open old copies.
#[test]
fn a_receipt_that_standard_output_drops_goes_to_standard_error() {
    for json in [false, true] {
        let place = Place::with_shop();
        place.shop().sign_up(42);
        let format = if json { &["--json"][..] } else { &[] };
        let erase = [format, &["erase", "42", "--yes"], &OWN[..], &LEDGER, &INTEGER].concat();
        let ran = with_output(&place, &erase, Stdio::null());
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("the result follows here"), "{}", ran.err);
        let end = ran.err.find("\n}").unwrap() + 3;
        let said = &ran.err[ran.err.find('{').unwrap()..end];
        let said: serde_json::Value = serde_json::from_str(said).unwrap();
        let receipt = if json { &said["receipt"] } else { &said };
        fs::write(place.path("r.json"), receipt.to_string()).unwrap();
        let verified = place.ok(&["receipt", "verify", "r.json"]);
        assert!(verified.contains(&place.primary("wrap", "app")), "{verified}");
    }
    // With a file for the receipt nothing more is said, and a job that is run by cron stays quiet.
    let place = Place::with_shop();
    place.shop().sign_up(42);
    let erase =
        [&["erase", "42", "--yes", "--receipt", "r.json"], &OWN[..], &LEDGER, &INTEGER].concat();
    let ran = with_output(&place, &erase, Stdio::null());
    assert!(ran.code == 0 && !ran.err.contains('{'), "{}", ran.err);
}

#[test]
fn nothing_is_erased_where_nobody_would_see_the_receipt() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(42);
    let before = (shop.envelope(42), place.read("ledger"));
    let erase = [&["--no-input", "erase", "42", "--yes"], &OWN[..], &LEDGER, &INTEGER].concat();
    let run = |redirected: &str| {
        let script = format!("exec \"$0\" \"$@\" {redirected}");
        let mut command = Command::new("bash");
        command.args(["-c", &script]).arg(assert_cmd::cargo::cargo_bin!("fieldseal")).args(&erase);
        command.current_dir(place.folder()).env("FIELDSEAL_PASSPHRASE_FILE", "passphrase");
        command.status().unwrap().code()
    };
    for redirected in [">&- 2>&-", ">/dev/null 2>&1", ">&- 2>/dev/null"] {
        assert_eq!(run(redirected), Some(2), "{redirected}");
        assert_eq!((shop.envelope(42), place.read("ledger")), before, "{redirected}");
    }
    assert_eq!(run(">&- 2>said"), Some(0));
    assert!(place.read("said").contains("\"fieldseal\": \"receipt/"), "{}", place.read("said"));
}

//! What is refused, by which exit code, and what the program says to do.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]

mod common;
#[cfg(feature = "stores")]
#[path = "failures/faults.rs"]
mod faults;
#[cfg(feature = "stores")]
#[path = "failures/files.rs"]
mod files;
#[cfg(feature = "stores")]
#[path = "failures/inputs.rs"]
mod inputs;

use std::fs::{self, File};

use common::{CHEAP, Place, ran};

const INIT: [&str; 2] = ["ring", "init"];

#[test]
fn ring_that_is_not_there_is_said_to_be_so() {
    let place = Place::new();
    for args in [
        &["ring", "list"][..],
        &["ring", "check"],
        &["ring", "slot", "list"],
        &["seal", "--context", "c"],
    ] {
        place.run(args).failed(5, "there is no ring at fieldseal-ring.json", "--ring PATH");
    }
}

#[test]
fn nothing_that_is_there_is_written_over() {
    let place = Place::with_ring();
    let before = place.read("fieldseal-ring.json");
    place.run(&INIT).failed(5, "fieldseal-ring.json", "another place");
    place.secret("there", "mine");
    for args in [
        &["ring", "subset", "--role", "app", "-o", "there", "--new-key-file", "k", "--generate"][..],
        &["ring", "subset", "--role", "app", "-o", "new", "--new-key-file", "there", "--generate"],
        &["ring", "public", "-o", "there"],
        &["ring", "export", "--unprotected", "-o", "there"],
        &["ring", "slot", "add", "--new-key-file", "there", "--generate"],
        &["ring", "init", "--ring", "new", "--key-file", "there", "--generate"],
    ] {
        place.run(args).failed(5, "there", "");
        assert_eq!(place.read("there"), "mine\n", "{args:?}");
    }
    assert_eq!(place.read("fieldseal-ring.json"), before);
    assert!(!place.path("new").exists() && !place.path("k").exists());
}

#[test]
fn share_files_are_not_written_over_and_the_ring_is_left_as_it_is() {
    let place = Place::with_ring();
    fs::create_dir(place.path("shares")).unwrap();
    place.secret("shares/share-2-of-3.txt", "mine");
    let split = ["ring", "split", "--threshold", "2", "--shares", "3", "--out-dir", "shares"];
    place.run(&split).failed(5, "share-2-of-3.txt", "");
    assert_eq!(place.generation(), 1);
    assert!(!place.path("shares/share-1-of-3.txt").exists());
    let split = ["ring", "split", "--threshold", "3", "--shares", "2", "--out-dir", "shares"];
    place.run(&split).failed(2, "never", "--threshold");
}

#[test]
fn wrong_credentials_do_not_open_and_change_nothing() {
    let place = Place::with_ring();
    let before = place.read("fieldseal-ring.json");
    place.secret("wrong", "incorrect horse");
    place.secret("empty", "");
    for file in ["wrong", "empty"] {
        let mut command = place.bare();
        command.env("FIELDSEAL_PASSPHRASE_FILE", file).args(["ring", "rotate", "app"]);
        ran(&mut command).failed(4, "", "");
    }
    ran(place.bare().args(["ring", "rotate", "app"])).failed(
        4,
        "locked",
        "FIELDSEAL_PASSPHRASE_FILE",
    );
    let key = fieldseal::keyring::SlotKey::generate().unwrap();
    place.secret("key", &key.to_text());
    ran(place.bare().args(["ring", "list", "--key-file", "key"])).failed(
        4,
        "no slot takes a raw key; the ring has slot 1",
        "slot list",
    );
    assert_eq!(place.read("fieldseal-ring.json"), before);
}

#[test]
fn a_passphrase_file_is_no_key_file() {
    let place = Place::with_ring();
    // 32 bytes, as a raw key has.
    place.secret("text", "correct horse battery staple 12");
    assert_eq!(place.read("text").len(), 32);
    for args in [
        &["ring", "slot", "add", "--new-key-file", "text"][..],
        &["ring", "init", "--ring", "new", "--key-file", "text"],
    ] {
        place.run(args).failed(6, "no slot key", "fsk1.");
    }
    assert!(!place.path("new").exists());
}

#[test]
fn two_credentials_in_the_environment_are_one_too_many() {
    let place = Place::with_ring();
    let key = fieldseal::keyring::SlotKey::generate().unwrap();
    let mut command = place.command();
    command.env("FIELDSEAL_RING_KEY", key.to_text().as_str()).args(["ring", "list"]);
    ran(&mut command).failed(2, "both set", "unset one");
    let mut command = place.bare();
    command.env("FIELDSEAL_RING_KEY", "fsk1.AAAA").args(["ring", "list"]);
    ran(&mut command).failed(6, "slot key", "FIELDSEAL_RING_KEY");
}

#[test]
fn files_of_secrets_that_others_can_read_are_refused_with_the_fix() {
    let place = Place::with_ring();
    let added = ["ring", "slot", "add", "--new-key-file", "key", "--generate"];
    place.ok(&added);
    for mode in [0o640, 0o604, 0o660, 0o666] {
        place.mode("fieldseal-ring.json", mode);
        place.run(&["ring", "list"]).failed(
            5,
            "chmod 600 fieldseal-ring.json",
            "--any-permissions",
        );
        place.mode("fieldseal-ring.json", 0o600);

        place.mode("passphrase", mode);
        place.run(&["ring", "list"]).failed(5, "others than its owner", "chmod 600 passphrase");
        place.ok(&["--any-permissions", "ring", "list"]);
        place.mode("passphrase", 0o600);

        place.mode("key", mode);
        let with_key = ["ring", "list", "--key-file", "key"];
        ran(place.bare().args(with_key)).failed(5, "key", "chmod 600 key");
        assert_eq!(ran(place.bare().args(with_key).arg("--any-permissions")).code, 0);
        place.mode("key", 0o600);
    }
}

#[test]
fn malformed_and_later_rings_are_told_apart() {
    let place = Place::with_ring();
    let whole = place.read("fieldseal-ring.json");
    let with = |content: &str| {
        fs::write(place.path("fieldseal-ring.json"), content).unwrap();
        place.run(&["ring", "list"])
    };
    with("").failed(6, "malformed", "copy that is whole");
    with(&whole[..whole.len() / 2]).failed(6, "malformed", "copy that is whole");
    with(&whole.replace("ring/1", "ring/2")).failed(6, "unsupported", "update fieldseal");
    with(&whole.replace("\"app\"", "\"apq\"")).failed(4, "unlock", "slot list");
    with(&whole.replace("\"memory_kib\": 19456", "\"memory_kib\": 4294967295")).failed(6, "", "");
}

#[test]
fn ring_older_than_the_floor_is_refused() {
    let place = Place::with_ring();
    place.ok(&["ring", "rotate", "app", "--floor", "1"]);
    place.ok(&["ring", "list", "--floor", "2"]);
    place.run(&["ring", "list", "--floor", "3"]).failed(7, "older copy", "newest copy");
    place.run(&["ring", "rotate", "app", "--floor", "3"]).failed(7, "older copy", "newest copy");
    assert_eq!(place.generation(), 2);
}

#[test]
fn ring_that_another_process_changes_is_waited_for_then_left() {
    let place = Place::with_ring();
    let lock = File::options().append(true).open(place.path("fieldseal-ring.json.lock")).unwrap();
    lock.lock().unwrap();
    place.run(&["ring", "rotate", "app"]).failed(
        7,
        "another process",
        "when the other process is done",
    );
    drop(lock);
    place.ok(&["ring", "rotate", "app"]);
}

#[test]
fn key_is_destroyed_only_when_it_was_said_twice() {
    let place = Place::with_ring();
    let former = place.primary("wrap", "app");
    let destroy = ["ring", "state", &former, "destroyed"];
    let force = [&destroy[..], &["--force-destroy"]].concat();
    let sure = [&force[..], &["--yes"]].concat();
    place.run(&sure).failed(2, "primary", "rotate it first");
    place.ok(&["ring", "rotate", "app"]);
    place.run(&destroy).failed(8, "nobody counted", "--force-destroy");
    place.run(&[&destroy[..], &["--yes"]].concat()).failed(8, "nobody counted", "--force-destroy");
    place.run(&force).failed(8, "confirmed", "--yes");
    assert_eq!(place.generation(), 2, "nothing was changed");
    place.ok(&sure);
}

#[test]
fn moves_that_are_not_allowed_say_what_is() {
    let place = Place::with_ring();
    let id = place.primary("wrap", "app");
    let to = |state: &str| place.run(&["ring", "state", &id, state]);
    to("primary").failed(2, "cannot become", "already");
    let disabled = to("disabled");
    assert!(disabled.err.contains("next: app has no primary key now"), "{}", disabled.err);
    place.pipe(&["seal", "--context", "c"], "x").failed(1, "app", "rotated first");
    to("primary").failed(2, "cannot become", "open-only first");
    to("compromised").failed(8, "confirmed", "--yes");
    place.ok(&["ring", "state", &id, "compromised", "--yes"]);
    to("open-only").failed(2, "cannot become", "fieldseal ring rotate app");
    place.run(&["ring", "state", "00000001", "disabled"]).failed(2, "no key 00000001", "ring list");
    assert_eq!(place.run(&["ring", "state", "app", "disabled"]).code, 2);
    assert_eq!(to("lost").code, 2);
}

#[test]
fn roles_that_are_there_or_have_no_name_are_refused() {
    let place = Place::new();
    for role in ["app", "Support", "", "a b"] {
        let args = [&INIT[..], &CHEAP, &["--role", role]].concat();
        place.run(&args).failed(2, "", "name each role once");
        assert!(!place.path("fieldseal-ring.json").exists());
    }
    place.init(&[]);
    place.run(&["ring", "add-role", "app"]).failed(2, "rotate it instead", "");
    place.run(&["ring", "rotate", "support"]).failed(1, "support", "ring show");
    place.ok(&["ring", "add-key", "index"]);
    place.run(&["ring", "add-key", "index"]).failed(2, "rotate it instead", "");
    place.ok(&["ring", "rotate", "index"]);
}

#[test]
fn weakest_passphrase_slot_is_bounded_below() {
    let place = Place::new();
    for weak in
        [["--memory-mib", "18"], ["--passes", "1"], ["--memory-mib", "1025"], ["--passes", "65"]]
    {
        assert_eq!(place.run(&[&INIT[..], &weak].concat()).code, 2, "{weak:?}");
    }
}

#[test]
fn short_passphrase_is_warned_of() {
    let place = Place::new();
    place.secret("passphrase", "short");
    let made = place.run(&[&INIT[..], &CHEAP].concat());
    assert_eq!(made.code, 0);
    assert!(made.err.contains("warning: a passphrase of fewer than 12"), "{}", made.err);
}

#[test]
fn init_without_a_passphrase_makes_nothing() {
    let place = Place::new();
    ran(place.bare().args(INIT)).failed(2, "no terminal", "FIELDSEAL_PASSPHRASE_FILE");
    ran(place.bare().args(INIT).args(["--key-file", "key"])).failed(5, "key", "--generate");
    let both = ["--key-file", "key", "--generate", "--unprotected"];
    assert_eq!(ran(place.bare().args(INIT).args(both)).code, 2);
    assert_eq!(ran(place.bare().args(INIT).arg("--generate")).code, 2);
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 1, "the passphrase's file");
}

#[test]
fn key_file_goes_when_the_ring_cannot_be_stored() {
    let place = Place::new();
    let nowhere = ["--ring", "no/such/folder/ring.json", "--key-file", "key", "--generate"];
    ran(place.bare().args(INIT).args(nowhere)).failed(5, "", "");
    assert!(!place.path("key").exists());
}

#[test]
fn what_was_not_sealed_is_not_opened() {
    let place = Place::with_ring();
    let open = |input: &[u8]| place.pipe(&["open", "--context", "c"], input);
    open(b"hello").failed(6, "not-sealed", "fieldseal inspect");
    open(b"").failed(6, "not-sealed", "");
    open(b"fs1.%%%").failed(6, "malformed", "");
    open(b"\xF8rest").failed(6, "unsupported", "update");
    let sealed = place.pipe(&["seal", "--context", "c"], "x").out;
    place.pipe(&["seal", "--context", "c", "--role", "support"], "x").failed(
        1,
        "support",
        "add the role",
    );
    let bytes = place.command().args(["seal", "--context", "c", "--raw"]).write_stdin("x").output();
    place.pipe(&["seal", "--context", "c"], bytes.unwrap().stdout).failed(
        2,
        "already-sealed",
        "open it",
    );
    assert_eq!(place.pipe(&["seal"], "x").code, 2, "a context must be said");

    let other = Place::with_ring();
    other.pipe(&["open", "--context", "c"], sealed).failed(
        9,
        "wrong-key",
        "the ring that sealed it",
    );
}

#[test]
fn usage_mistakes_are_code_2() {
    let place = Place::with_ring();
    for args in [
        &[][..],
        &["ring"],
        &["ring", "rotate"],
        &["ring", "list", "--key-file", "k", "--passphrase-fd", "3"],
        &["ring", "subset", "--role", "app"],
        &["ring", "subset", "--index", "email", "-o", "x"],
        &["ring", "subset", "--pseudonyms", "analytics", "-o", "x"],
        &["ring", "split", "--threshold", "1", "--shares", "3"],
        &["ring", "slot", "remove"],
        &["ring", "list", "--fingerprint", "xyz", "--floor", "x"],
        &["unlock"],
    ] {
        assert_eq!(place.run(args).code, 2, "{args:?}");
    }
    place.run(&["ring", "list", "--fingerprint", "xyz"]).failed(2, "", "");
    place.run(&["ring", "slot", "remove", "zero", "--yes"]).failed(2, "slot", "");
}

#[test]
fn exit_codes_are_documented_where_they_are_looked_for() {
    let place = Place::new();
    let help = place.ok(&["--help"]);
    let readme = include_str!("../README.md");
    for (code, words) in [
        ("0", "done"),
        ("3", "`ring check` found something"),
        ("4", "the ring could not be unlocked"),
        ("9", "sealed data did not open"),
    ] {
        assert!(help.contains(&format!("  {code}  {words}")), "{help}");
        assert!(readme.contains(&format!("| {code} | {words}")), "{code}");
    }
}

#[test]
fn usage_does_not_ask_for_the_ring_that_the_environment_names() {
    let place = Place::with_ring();
    fs::rename(place.path("fieldseal-ring.json"), place.path("ring.json")).unwrap();
    let with = |args: &[&str]| ran(place.command().env("FIELDSEAL_RING", "ring.json").args(args));
    let usage = with(&["ring", "rotate"]);
    assert!(usage.code == 2 && !usage.err.contains("--ring"), "{usage:?}");
    assert_eq!(with(&["ring", "list"]).code, 0);
    // What is said goes first.
    with(&["ring", "list", "--ring", "other.json"]).failed(5, "no ring at other.json", "--ring");
}

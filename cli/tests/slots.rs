//! What unlocks a ring: passphrases, raw keys and custodians.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod common;

use common::{CHEAP, PASSPHRASE, Place, program, ran};

#[test]
fn each_slot_opens_alone_and_a_removed_one_does_not() {
    let place = Place::with_ring();
    place.secret("new", "another few random words");
    let add = |args: &[&str]| {
        let mut command = place.command();
        command.env("FIELDSEAL_NEW_PASSPHRASE_FILE", "new");
        ran(command.args(["ring", "slot", "add"]).args(CHEAP).args(args))
    };
    assert_eq!(add(&["--label", "second"]).code, 0);
    assert_eq!(add(&["--new-key-file", "key", "--generate"]).code, 0);
    let slots = place.json(&["ring", "slot", "list"]);
    let labels: Vec<_> =
        slots["slots"].as_array().unwrap().iter().map(|slot| slot["label"].clone()).collect();
    assert_eq!(labels, ["passphrase", "second", "key file"]);

    let with_key = |args: &[&str]| ran(place.bare().args(args).args(["--key-file", "key"]));
    let with_new =
        |args: &[&str]| ran(place.bare().env("FIELDSEAL_PASSPHRASE_FILE", "new").args(args));
    let with_variable =
        |args: &[&str]| ran(place.bare().env("FIELDSEAL_RING_KEY", place.read("key")).args(args));
    for opened in [with_key(&["ring", "list"]), with_new(&["ring", "list"])] {
        assert_eq!(opened.code, 0);
    }
    assert_eq!(with_variable(&["ring", "list"]).code, 0);
    assert_eq!(with_key(&["ring", "slot", "remove", "1", "--yes"]).code, 0);
    place.run(&["ring", "list"]).failed(4, "", "slot list");
    assert_eq!(with_new(&["ring", "slot", "remove", "3", "--yes"]).code, 0);
    with_key(&["ring", "list"]).failed(4, "no slot takes a raw key", "");
    with_new(&["ring", "slot", "remove", "2", "--yes"]).failed(2, "last slot", "");
    with_new(&["ring", "slot", "remove", "9", "--yes"]).failed(2, "no slot 9", "slot list");
    assert_eq!(with_new(&["ring", "list"]).code, 0);
}

#[test]
fn rekey_keeps_the_slot_that_opened_the_ring_and_drops_the_others() {
    let place = Place::with_ring();
    let key = ["--new-key-file", "key", "--generate"];
    place.ok(&[&["ring", "slot", "add"], &key[..]].concat());
    place.run(&["ring", "rekey"]).failed(8, "confirmed", "--yes");
    let dropped = place.json(&["ring", "rekey", "--yes"]);
    assert_eq!(dropped["dropped"][0]["label"], "key file");
    ran(place.bare().args(["ring", "list", "--key-file", "key"])).failed(4, "", "");
    place.ok(&["ring", "list"]);
    // With one slot nobody is shut out, and there is nothing to confirm.
    place.ok(&["ring", "rekey"]);
}

#[test]
fn custodians_recover_the_ring_together() {
    let place = Place::with_ring();
    let sealed = place.pipe(&["seal", "--context", "c"], "before").out;
    let split = ["ring", "split", "--threshold", "2", "--shares", "3"];
    place.run(&split).failed(2, "terminal", "--out-dir");
    place.ok(&[&split[..], &["--out-dir", "shares"]].concat());
    let share = |index| place.read(&format!("shares/share-{index}-of-3.txt"));
    assert_eq!(place.mode_of("shares/share-1-of-3.txt"), 0o600);
    assert_eq!(place.mode_of("shares"), 0o700);

    let combine = |shares: &str, more: &[&str]| {
        place.secret("two", shares);
        let args = [&["ring", "combine", "--shares-file", "two"], more].concat();
        ran(place.bare().args(args))
    };
    let new = ["--new-key-file", "key", "--generate"];
    assert_eq!(combine(&(share(1) + &share(3)), &[]).code, 0);
    combine(&share(2), &new).failed(4, "", "");
    combine(&(share(2) + &share(2)), &new).failed(4, "share 2", "each once");
    assert!(!place.path("key").exists(), "nothing is made when the shares do not open the ring");
    // As it comes from paper.
    let typed = share(2).to_lowercase().replace('-', " ").replace("fsshare1 ", "fsshare1\n");
    let done = combine(&(typed + &share(3)), &new);
    assert_eq!(done.code, 0, "{}", done.err);
    let opened =
        ran(place.bare().args(["open", "--context", "c", "--key-file", "key"]).write_stdin(sealed));
    assert_eq!(opened.out, "before");
    let by_shares = ran(place.bare().args(["ring", "list", "--shares-file", "two"]));
    assert_eq!(by_shares.code, 0, "any command takes shares");
}

#[test]
fn wrong_shares_are_named() {
    let place = Place::with_ring();
    let split = ["ring", "split", "--threshold", "2", "--shares", "3", "--out-dir"];
    place.ok(&[&split[..], &["one"]].concat());
    place.ok(&[&split[..], &["other"]].concat());
    let one = place.read("one/share-1-of-3.txt");
    let foreign = place.read("other/share-2-of-3.txt");
    place.secret("shares", &format!("{one}{foreign}"));
    let combine = ["ring", "combine", "--shares-file", "shares"];
    place.run(&combine).failed(4, "share 2", "");
    let mistyped = one.replacen("FSSHARE1-", "FSSHARE1-0", 1);
    place.secret("shares", &mistyped);
    place.run(&combine).failed(6, "share", "correct share 1 in shares");
    let place = Place::with_ring();
    place.secret("shares", &one);
    place.run(&combine).failed(4, "no recovery slot", "slot list");
}

/// As editors and shells of other systems leave it.
#[test]
fn a_byte_order_mark_and_a_line_end_are_not_of_a_passphrase() {
    let place = Place::with_ring();
    for text in
        [format!("\u{FEFF}{PASSPHRASE}\r\n"), format!("\u{FEFF}{PASSPHRASE}"), PASSPHRASE.into()]
    {
        place.secret("passphrase", &text);
        place.ok(&["ring", "list"]);
    }
    place.secret("passphrase", &format!("{PASSPHRASE}\u{FEFF}"));
    place.run(&["ring", "list"]).failed(4, "", "");
}

#[test]
fn passphrase_comes_through_a_descriptor() {
    let place = Place::with_ring();
    let script = format!(
        "exec 7<passphrase; exec {} --no-input ring list --passphrase-fd 7",
        program().display()
    );
    let status = |script: &str| {
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-c", script]).current_dir(place.folder()).output().unwrap();
        output.status.code().unwrap()
    };
    assert_eq!(status(&script), 0);
    assert_eq!(status(&script.replace("<passphrase", "<fieldseal-ring.json")), 4, "another line");
    assert_eq!(status(&script.replace("exec 7<passphrase; ", "")), 5, "not open");
    let piped = script.replace("exec 7<passphrase; exec", "cat passphrase |").replace(" 7", " 0");
    assert_eq!(status(&piped), 0);
    // What follows the first line of standard input is the input.
    let seal = ["seal", "--context", "c", "--passphrase-fd", "0"];
    let sealed = ran(place.bare().args(seal).write_stdin(format!("{PASSPHRASE}\nhello")));
    assert_eq!(place.pipe(&["open", "--context", "c"], sealed.out).out, "hello");
}

//! That no secret leaves by a way that nobody asked for: output, arguments, environment, core dumps.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod common;

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};

use common::{CHEAP, PASSPHRASE, Place, Ran, program};
use rustix::process::{Pid, Signal, kill_process};

/// What of a ring must not be seen: in the alphabets that it is written in.
fn secrets(place: &Place) -> Vec<String> {
    let json = place.json(&["ring", "export", "--unprotected"]);
    let secrets = json["unprotected"].as_str().unwrap();
    // 48 characters are 36 bytes: every 32-byte secret has a piece of 24 of them to itself.
    let pieces = secrets.as_bytes().chunks(24).filter(|piece| piece.len() == 24);
    pieces.map(|piece| String::from_utf8(piece.to_vec()).unwrap()).collect()
}

#[test]
fn no_output_but_that_of_export_shows_a_secret() {
    let place = Place::new();
    let mut seen: Vec<(Vec<&str>, Ran)> = Vec::new();
    let split = ["ring", "split", "--threshold", "2", "--shares", "2", "--out-dir", "shares"];
    let subset =
        ["ring", "subset", "--role", "app", "-o", "s", "--new-key-file", "k", "--generate"];
    let init = [&["ring", "init", "--key-pair-role", "billing"], &CHEAP[..]].concat();
    let commands: [&[&str]; 22] = [
        &init,
        &["ring", "add-role", "support"],
        &["ring", "add-key", "index"],
        &["ring", "slot", "add", "--new-key-file", "key", "--generate"],
        &["ring", "slot", "add", "--new-key-file", "key", "--generate"],
        &["ring", "rotate", "app"],
        &["ring", "rotate", "nobody"],
        &["ring", "list"],
        &["ring", "show"],
        &["ring", "show", "--locked"],
        &["ring", "check"],
        &["ring", "slot", "list"],
        &split,
        &subset,
        &["ring", "public", "-o", "public"],
        &["ring", "combine", "--shares-file", "shares/share-1-of-2.txt"],
        &["inspect", "fieldseal-ring.json"],
        &["inspect", "key"],
        &["inspect", "shares/share-1-of-2.txt"],
        &["inspect", "public"],
        &["ring", "slot", "remove", "1"],
        &["ring", "rekey", "--yes"],
    ];
    for args in commands {
        seen.push((args.to_vec(), place.run(args)));
        seen.push((args.to_vec(), place.run(&[&["--json"], args].concat())));
    }
    let mut hidden = secrets(&place);
    hidden.push(PASSPHRASE.to_owned());
    for file in ["key", "k", "shares/share-1-of-2.txt", "shares/share-2-of-2.txt"] {
        hidden.push(place.read(file).lines().last().unwrap().to_owned());
    }
    assert!(hidden.len() > 15, "the secrets were found");
    for (args, ran) in &seen {
        for secret in &hidden {
            assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{args:?}");
        }
    }
}

#[test]
fn passphrase_in_the_place_of_its_file_is_not_repeated() {
    let place = Place::with_ring();
    let mut command = place.bare();
    command.env("FIELDSEAL_PASSPHRASE_FILE", PASSPHRASE).args(["ring", "list"]);
    let ran = common::ran(&mut command);
    ran.failed(5, "the file that FIELDSEAL_PASSPHRASE_FILE names", "");
    assert!(!ran.err.contains(PASSPHRASE), "{}", ran.err);

    let key = fieldseal::keyring::SlotKey::generate().unwrap().to_text();
    let ran = common::ran(place.bare().args(["ring", "list", "--key-file", &key]));
    ran.failed(5, "a secret in the place of a path", "");
    assert!(!ran.err.contains(key.as_str()), "{}", ran.err);
}

#[test]
fn secret_given_as_an_argument_is_not_repeated() {
    let place = Place::with_ring();
    let key = fieldseal::keyring::SlotKey::generate().unwrap().to_text();
    place.ok(&["ring", "split", "--threshold", "2", "--shares", "2", "--out-dir", "."]);
    let share = place.read("share-1-of-2.txt").lines().last().unwrap().to_owned();
    let joined = format!("--fingerprint={}", key.as_str());
    let state = ["ring", "state", key.as_str(), "disabled"];
    for (args, secret, what) in [
        (&["ring", "list", "--floor", &key][..], key.as_str(), "a slot key"),
        (&["ring", "list", "--passphrase-fd", &key], &key, "a slot key"),
        (&["ring", "list", "--key-files", &key], &key, "a slot key"),
        (&["ring", "list", "--locked", &joined, "--shares", "2"], &key, "a slot key"),
        (&["ring", "list", &key], &key, "a slot key"),
        (&["ring", &key], &key, "a slot key"),
        (&state, &key, "a slot key"),
        (&["ring", "list", "--floor", &share], &share, "a custodian's share"),
    ] {
        let ran = place.run(args);
        ran.failed(2, &format!("this is {what}, a secret"), "history");
        assert!(!ran.err.contains(&secret[8..20]), "{args:?}: {}", ran.err);
    }
    // What it is nobody can tell.
    for option in ["--passphrase-fd", "--floor"] {
        let ran = place.run(&["ring", "list", option, PASSPHRASE]);
        ran.failed(2, &format!("the value of {option}"), "--help");
        assert!(!ran.err.contains("horse"), "{}", ran.err);
    }
}

#[cfg(feature = "stores")]
#[test]
fn slot_key_in_the_place_of_a_verifying_key_is_not_repeated() {
    let place = Place::with_ring();
    let key = fieldseal::keyring::SlotKey::generate().unwrap().to_text();
    let misspelt = key.replacen("fsk1.", "sfk1.", 1);
    let joined = format!("--key={}", key.as_str());
    for args in [
        &["receipt", "verify", "x", "--key", &key][..],
        &["receipt", "verify", "x", "--verifying-key", &key],
        &["receipt", "verify", "x", &joined],
        &["ledger", "show", "x", "--key", &key],
    ] {
        let ran = place.run(args);
        ran.failed(
            2,
            "this is a slot key, a secret, and was given as an argument: make another one",
            "fsv1.",
        );
        assert!(!ran.err.contains(&key[5..15]), "{}", ran.err);
    }
    for args in [["--key", &misspelt], ["--head", &misspelt], ["--verifying-key", PASSPHRASE]] {
        let ran = place.run(&[&["ledger", "verify", "x"][..], &args].concat());
        ran.failed(2, "the value of --", "");
        assert!(!ran.err.contains(&args[1][5..15]), "{}", ran.err);
    }
}

/// The program, unlocked and waiting for what it is to seal.
fn holding(place: &Place) -> Child {
    let script = "ulimit -c unlimited 2>/dev/null; exec \"$0\" \"$@\"";
    let mut child = Command::new("sh")
        .args(["-c", script])
        .arg(program())
        .args(["--no-input", "seal", "--context", "c"])
        .current_dir(place.folder())
        .env("FIELDSEAL_PASSPHRASE_FILE", "passphrase")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds: when it is taken, the program reads, and it reads when the ring is open.
    child.stdin.as_mut().unwrap().write_all(&vec![b'x'; 1 << 20]).unwrap();
    child
}

#[test]
fn process_that_holds_the_ring_and_is_aborted_leaves_no_core() {
    let place = Place::with_ring();
    let files = || fs::read_dir(place.folder()).unwrap().count();
    let before = files();
    // Not QUIT: it is ignored in what a shell starts in the background.
    for signal in [Signal::ABORT, Signal::TRAP] {
        let mut child = holding(&place);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()));
        assert!(!status.core_dumped(), "{signal:?}");
        assert_eq!(files(), before, "a core file");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn process_that_holds_the_ring_cannot_be_looked_into() {
    let place = Place::with_ring();
    let mut child = holding(&place);
    let of = |what: &str| format!("/proc/{}/{what}", child.id());
    let limits = fs::read_to_string(of("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    // What is not dumpable is root's, so that others of the same user cannot attach.
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(of("environ")).unwrap());
    assert_eq!(owner, 0);
    for what in ["cmdline", "environ"] {
        // Root can read them, and sees the path of a file there, no secret.
        if let Ok(bytes) = fs::read(of(what)) {
            assert!(!String::from_utf8_lossy(&bytes).contains(PASSPHRASE), "{what}");
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

//! What is read whole: regular files, and pipes that are given by a descriptor, each with a limit.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use crate::common::stores::OWN;
use crate::common::{Place, Ran, program, ran};

/// Longer than any of these takes, and too short for a pipe that is waited for.
const SOON: Duration = Duration::from_secs(10);

fn soon(place: &Place, variable: Option<(&str, &str)>, args: &[&str]) -> Ran {
    let mut command = if variable.is_some() { place.bare() } else { place.command() };
    command.envs(variable);
    ran(command.args(args).timeout(SOON))
}

/// A place with a ring that the key in `key` and shares unlock as well, and a pipe that nobody writes to.
fn place() -> Place {
    let place = Place::with_shop();
    place.ok(&["ring", "slot", "add", "--new-key-file", "key", "--generate"]);
    place.ok(&["ring", "split", "--threshold", "2", "--shares", "3", "--out-dir", "shares"]);
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(place.path("pipe")).status();
    assert!(made.unwrap().success());
    place
}

#[test]
fn what_is_no_regular_file_is_refused_and_not_waited_for() {
    let place = place();
    place.shop().sign_up(42);
    let erase = ["erase", "42", "--as", "integer", "--yes", "--ledger", "ledger", "--head-file"];
    for name in ["pipe", "/dev/zero", "/dev/null"] {
        let refused = |variable, args: &[&str]| {
            let ran = soon(&place, variable, args);
            ran.failed(5, "is not a regular file", "/dev/fd/3");
            assert!(variable.is_some() || ran.err.contains(name), "{}", ran.err);
        };
        refused(None, &["ring", "list", "--key-file", name]);
        refused(None, &["ring", "list", "--shares-file", name]);
        refused(None, &["ring", "combine", "--shares-file", name]);
        refused(None, &["ring", "slot", "add", "--new-key-file", name]);
        refused(None, &["inspect", name]);
        refused(None, &["receipt", "verify", name]);
        refused(None, &["census", "--store-file", name]);
        refused(None, &["census", "--store", &format!("sqlite:{name}")]);
        refused(None, &[&["rewrap", "--classes", name][..], &OWN].concat());
        refused(None, &[&erase[..], &[name], &OWN].concat());
        refused(Some(("FIELDSEAL_PASSPHRASE_FILE", name)), &["ring", "list"]);
    }
}

#[test]
fn a_folder_in_the_place_of_a_file_is_called_a_folder() {
    let place = place();
    for args in [["inspect", "."].as_slice(), &["ring", "list", "--key-file", "."]] {
        place.run(args).failed(5, "directory", "not of a folder");
    }
}

#[test]
fn a_file_that_is_longer_than_what_it_holds_is_not_read() {
    let place = place();
    let long = |name: &str, len| {
        place.secret(name, "");
        File::options().write(true).open(place.path(name)).unwrap().set_len(len).unwrap();
    };
    long("secret", (64 << 10) + 1);
    long("document", (1 << 20) + 1);
    long("value", (1 << 30) + 1);
    // Refused by its length: reading it would take longer than a test may.
    soon(&place, None, &["inspect", "value"]).failed(6, "larger than 1 GiB", "in the application");
    let next = "the secret and nothing else";
    place.run(&["ring", "list", "--key-file", "secret"]).failed(6, "larger than 64 KiB", next);
    place.run(&["ring", "list", "--shares-file", "secret"]).failed(6, "larger than 64 KiB", next);
    place.run(&["census", "--store-file", "secret"]).failed(6, "larger than 64 KiB", next);
    place.run(&["receipt", "verify", "document"]).failed(6, "larger than 1 MiB", "was meant");
    let piped = place.pipe(&["receipt", "verify", "-"], vec![b' '; (1 << 20) + 1]);
    piped.failed(6, "standard input: is larger than 1 MiB", "was meant");
    let rewrap = [&["rewrap", "--classes", "document"][..], &OWN].concat();
    place.run(&rewrap).failed(6, "larger than 1 MiB", "was meant");
}

/// Runs a script of bash that finds the program in `$F`.
fn script(place: &Place, script: &str) -> Ran {
    let mut command = assert_cmd::Command::new("bash");
    command.args(["-c", script]).env("F", program()).current_dir(place.folder()).timeout(SOON);
    ran(&mut command)
}

#[test]
fn a_pipe_that_a_descriptor_names_is_read_and_has_a_limit() {
    let place = place();
    let taken = [
        "$F --no-input ring list --key-file <(cat key)",
        "$F --no-input ring list --key-file <(sleep 0.2; cat key)",
        "$F --no-input ring list --key-file /dev/stdin < key",
        "cat key | $F --no-input ring list --key-file /dev/fd/0",
        "$F --no-input ring list --key-file /proc/self/fd/3 3< key",
        // The writer is gone when the program opens it.
        "(cat key > pipe) & exec 3< pipe; wait; $F --no-input ring list --key-file /dev/fd/3",
        "(cat passphrase > pipe) & exec 3< pipe; wait; $F --no-input ring list --passphrase-fd 3",
        "FIELDSEAL_PASSPHRASE_FILE=<(cat passphrase) $F --no-input ring list",
        "$F --no-input census --store-file <(echo sqlite:shop.db)",
    ];
    for command in taken {
        let ran = script(&place, command);
        assert_eq!(ran.code, 0, "{command}: {}", ran.err);
    }
    let next = "the secret and nothing else";
    for source in ["<(head -c 70000 /dev/zero)", "<(yes)", "/dev/fd/3 3< /dev/zero"] {
        let ran = script(&place, &format!("$F --no-input ring list --key-file {source}"));
        ran.failed(6, "larger than 64 KiB", next);
    }
    place.mode("key", 0o644);
    script(&place, "$F --no-input ring list --key-file /dev/fd/3 3< key").failed(
        5,
        "others than its owner",
        "chmod 600",
    );
}

//! What an operator does with the program, from the first minute on.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod common;

use std::process::Stdio;

use common::{Place, program, ran};

#[test]
fn first_minute_ends_with_a_sealed_value_that_opens() {
    let place = Place::new();
    let made = place.run(&["ring", "init"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.out.contains("opens and seals as: app"), "{}", made.out);
    assert!(made.err.contains("next: seal a first value: echo hello | fieldseal seal"));
    assert_eq!(place.mode_of("fieldseal-ring.json"), 0o600);

    let sealed = place.pipe(&["seal", "--context", "note"], "hello\n");
    assert!(sealed.out.starts_with("fs1.") && sealed.out.ends_with('\n'), "{}", sealed.out);
    let opened = place.pipe(&["open", "--context", "note"], sealed.out.clone());
    assert_eq!((opened.code, opened.out.as_str()), (0, "hello\n"));

    for wrong in
        [&["open", "--context", "other"][..], &["open", "--context", "note", "--tenant", "acme"]]
    {
        place.pipe(wrong, sealed.out.clone()).failed(9, "tampered", "context, tenant and roles");
    }
}

#[test]
fn default_passphrase_slot_costs_64_mib_and_3_passes() {
    let place = Place::new();
    place.ok(&["ring", "init"]);
    let slot = &place.json(&["ring", "slot", "list"])["slots"][0];
    assert_eq!((&slot["memory_kib"], &slot["passes"]), (&65_536.into(), &3.into()));
}

#[test]
fn bytes_are_sealed_and_opened_as_they_are() {
    let place = Place::with_ring();
    let every_byte: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let under = ["--context", "note", "--tenant", "acme"];
    for form in [&["seal", "--raw"][..], &["seal"]] {
        let mut seal = place.command();
        let sealed = seal.args(form).args(under).write_stdin(every_byte.clone()).output().unwrap();
        assert_eq!(sealed.stdout.first(), Some(if form.len() > 1 { &0xF7 } else { &b'f' }));
        let mut open = place.command();
        let opened = open.arg("open").args(under).write_stdin(sealed.stdout).output().unwrap();
        assert!(opened.stdout == every_byte);
    }
    let empty = place.pipe(&["seal", "--context", "note"], "");
    let opened = place.pipe(&["open", "--context", "note"], empty.out);
    assert_eq!((opened.code, opened.out.as_str()), (0, ""));
}

#[test]
fn role_that_is_not_named_cannot_open() {
    let place = Place::new();
    place.init(&["--role", "support", "--key-pair-role", "billing"]);
    let sealed = place.pipe(&["seal", "--context", "c", "--role", "billing"], "card").out;
    place.pipe(&["open", "--context", "c"], sealed.clone()).failed(9, "not-permitted", "--role");
    let both = ["open", "--context", "c", "--role", "support", "--role", "billing"];
    assert_eq!(place.pipe(&both, sealed).out, "card");
}

#[test]
fn an_introduced_key_is_primary_only_when_that_is_said() {
    let place = Place::with_ring();
    place.ok(&["ring", "add-key", "index"]);
    let introduced = place.json(&["ring", "rotate", "index", "--introduce"]);
    assert_eq!(introduced["key"]["state"], "open-only");
    let (id, former) =
        (introduced["key"]["id"].as_str().unwrap(), introduced["former"].as_str().unwrap());
    let state_of = |id: &str| {
        let keys = place.json(&["ring", "list"])["keys"].clone();
        keys.as_array().unwrap().iter().find(|key| key["id"] == id).unwrap()["state"].clone()
    };
    assert_eq!((state_of(id), state_of(former)), ("open-only".into(), "primary".into()));
    place.ok(&["ring", "state", id, "primary"]);
    assert_eq!((state_of(id), state_of(former)), ("primary".into(), "open-only".into()));
}

#[test]
fn rotation_keeps_what_was_sealed_readable() {
    let place = Place::with_ring();
    let sealed = place.pipe(&["seal", "--context", "c"], "before").out;
    let former = place.primary("wrap", "app");
    let rotated = place.json(&["ring", "rotate", "app", "--after", "90"]);
    assert_eq!(rotated["former"], former);
    assert_eq!(
        (&rotated["generation"], &rotated["key"]["rotate_after_days"]),
        (&2.into(), &90.into())
    );
    place.ok(&["ring", "rotate", "envelope"]);
    assert_eq!(place.pipe(&["open", "--context", "c"], sealed.clone()).out, "before");

    let id = former.as_str();
    place.ok(&["ring", "state", id, "disabled"]);
    place.pipe(&["open", "--context", "c"], sealed.clone()).failed(9, "", "");
    place.ok(&["ring", "state", id, "open-only"]);
    assert_eq!(place.pipe(&["open", "--context", "c"], sealed.clone()).out, "before");
    place.ok(&["ring", "state", id, "destroyed", "--force-destroy", "--yes"]);
    place.pipe(&["open", "--context", "c"], sealed).failed(9, "", "");
    place.run(&["ring", "state", id, "open-only"]).failed(2, "destroyed", "no secret");
}

#[test]
fn compromised_key_opens_in_a_rescue_only_and_that_is_said() {
    let place = Place::with_ring();
    let sealed = place.pipe(&["seal", "--context", "c"], "before").out;
    let former = place.primary("wrap", "app");
    place.run(&["ring", "state", &former, "compromised"]).failed(8, "to be confirmed", "--yes");
    place.ok(&["ring", "state", &former, "compromised", "--yes"]);
    place.ok(&["ring", "rotate", "app"]);
    place.pipe(&["open", "--context", "c"], sealed.clone()).failed(9, "", "");
    let rescued = place.pipe(&["open", "--context", "c", "--rescue"], sealed);
    assert_eq!((rescued.code, rescued.out.as_str()), (0, "before"));
    assert!(rescued.err.contains("may have been forged"), "{}", rescued.err);
}

#[test]
fn hint_is_taken_back_by_0() {
    let place = Place::new();
    place.init(&["--rotate-after", "30"]);
    let key = &place.json(&["ring", "rotate", "app"])["key"];
    assert_eq!(key["rotate_after_days"], 30, "inherited");
    let key = &place.json(&["ring", "rotate", "app", "--after", "0"])["key"];
    assert_eq!((&key["rotate_after_days"], &key["rotate_at"]), (&().into(), &().into()));
}

#[test]
fn two_who_rotate_at_once_lose_no_key() {
    let place = Place::with_ring();
    let running: Vec<_> = (0..6)
        .map(|_| {
            std::process::Command::new(program())
                .args(["--no-input", "ring", "rotate", "app"])
                .current_dir(place.folder())
                .env("FIELDSEAL_PASSPHRASE_FILE", "passphrase")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    let ring = place.json(&["ring", "list"]);
    let app = |key: &&serde_json::Value| key["name"] == "app";
    assert_eq!(ring["keys"].as_array().unwrap().iter().filter(app).count(), 7);
    assert_eq!(ring["generation"], 7);
}

#[test]
fn check_finds_what_should_be_changed_and_says_how() {
    let place = Place::new();
    place.init(&["--rotate-after", "30"]);
    place.ok(&["ring", "rotate", "app"]);
    let old = place.json(&["ring", "list"])["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["state"] == "open-only")
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    place.ok(&["ring", "state", &old, "compromised", "--yes"]);
    place.mode("fieldseal-ring.json", 0o640);
    let found = |args: &[&str]| {
        let ran = place.run(&[&["--json", "ring", "check"], args].concat());
        assert_eq!(ran.code, 3, "{}", ran.err);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let findings = report["findings"].as_array().unwrap();
        assert!(findings.iter().all(|of| !of["next"].as_str().unwrap().is_empty()));
        let mut kinds: Vec<_> =
            findings.iter().map(|of| of["kind"].as_str().unwrap().to_owned()).collect();
        kinds.dedup();
        kinds
    };
    let now = ["permissions", "weak-slot", "one-slot", "no-recovery-slot", "compromised-key"];
    assert_eq!(found(&[]), now);
    assert_eq!(found(&["--locked"]), now);
    let later = found(&["--date", "2099-12-31"]);
    assert!(later.contains(&"key-due".to_owned()), "{later:?}");
    assert_eq!(place.run(&["ring", "check", "--date", "tomorrow"]).code, 2);

    let text = place.run(&["ring", "check"]);
    assert!(text.out.contains("next: chmod 600 fieldseal-ring.json"), "{}", text.out);
    place.ok_after_mending(&old);
}

impl Place {
    /// Does what `check` said, until it finds nothing.
    fn ok_after_mending(&self, compromised: &str) {
        self.mode("fieldseal-ring.json", 0o600);
        self.ok(&["ring", "state", compromised, "destroyed", "--force-destroy", "--yes"]);
        self.ok(&["ring", "slot", "add", "--new-key-file", "key", "--generate"]);
        self.ok(&["ring", "slot", "remove", "1", "--yes"]);
        let with_key = |args: &[&str]| ran(self.bare().args(args).args(["--key-file", "key"]));
        let split = ["ring", "split", "--threshold", "2", "--shares", "2", "--out-dir", "shares"];
        assert_eq!(with_key(&split).code, 0);
        let done = with_key(&["ring", "check"]);
        assert_eq!(done.code, 0, "{}", done.out);
        assert!(done.out.contains("nothing found"), "{}", done.out);
    }
}

#[test]
fn check_finds_an_unprotected_ring_without_loading_it() {
    let place = Place::new();
    place.ok(&["ring", "init", "--unprotected"]);
    let ran = ran(place.bare().args(["ring", "check"]));
    assert_eq!(ran.code, 3);
    assert!(ran.out.contains("in the clear"), "{}", ran.out);
}

#[test]
fn completions_are_for_the_shell_that_is_named() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.ok(&["completions", shell]);
        assert!(script.contains("fieldseal") && script.contains("rotate"), "{shell}");
    }
    assert_eq!(place.run(&["completions", "tcsh"]).code, 2);
}

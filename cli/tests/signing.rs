//! The key that signs, from the administrator to who verifies by it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod common;

use common::{Place, Ran, ran};
use fieldseal::keyring::VerifyingKey;
use serde_json::Value;

/// What `ring verifying-key` prints, a key a line.
fn verifying(place: &Place) -> Vec<VerifyingKey> {
    let printed = place.ok(&["ring", "verifying-key"]);
    printed.lines().map(|line| line.parse().unwrap()).collect()
}

/// A service's ring, made with these arguments, asked this.
fn subset<'a>(place: &'a Place, name: &str, args: &[&str]) -> impl Fn(&[&str]) -> Ran + use<'a> {
    let (ring, key) = (format!("{name}.json"), format!("{name}.key"));
    let made = ["ring", "subset", "-o", &ring, "--new-key-file", &key, "--generate"];
    place.ok(&[&made[..], args].concat());
    move |args| ran(place.bare().args(args).args(["--ring", &ring, "--key-file", &key]))
}

fn held(listed: &str) -> (String, String) {
    let listed: Value = serde_json::from_str(listed).unwrap();
    let keys = listed["keys"].as_array().unwrap();
    let sign = keys.iter().find(|key| key["use"] == "sign").unwrap();
    (sign["holds"].as_str().unwrap().to_owned(), sign["state"].as_str().unwrap().to_owned())
}

#[test]
fn verifying_keys_are_printed_alone_the_primary_one_first() {
    let place = Place::with_ring();
    place.run(&["ring", "verifying-key"]).failed(2, "no key that signs", "ring add-key sign");
    let added = place.run(&["ring", "add-key", "sign"]);
    assert!(added.out.contains("is the primary key now"), "{}", added.out);
    assert!(added.err.contains("ring verifying-key") && added.err.contains("--sign"));
    place.run(&["ring", "add-key", "sign"]).failed(2, "rotate it instead", "");

    let first = verifying(&place);
    assert_eq!((first.len(), first[0].id().to_string()), (1, place.primary("sign", "sign")));
    let rotated = place.run(&["ring", "rotate", "sign"]);
    assert!(rotated.out.contains("still verifies what it signed"), "{}", rotated.out);
    assert!(rotated.err.contains("ring verifying-key"), "{}", rotated.err);
    let both = verifying(&place);
    assert_eq!((both.len(), both[1]), (2, first[0]));
    assert_eq!(both[0].id().to_string(), place.primary("sign", "sign"));
}

#[test]
fn key_that_leaked_is_not_printed() {
    let place = Place::with_ring();
    place.ok(&["ring", "add-key", "sign"]);
    let leaked = place.primary("sign", "sign");
    let state = place.run(&["ring", "state", &leaked, "compromised", "--yes"]);
    assert!(state.err.contains("nothing is signed"), "{}", state.err);
    place.run(&["ring", "verifying-key"]).failed(2, "still count", "");
    place.ok(&["ring", "rotate", "sign"]);
    let keys = verifying(&place);
    assert_eq!(keys.len(), 1);
    assert_ne!(keys[0].id().to_string(), leaked);
}

#[test]
fn service_verifies_and_signs_only_where_it_was_said() {
    let place = Place::with_ring();
    let none = ["ring", "subset", "--sign", "-o", "x.json", "--new-key-file", "x", "--generate"];
    place.run(&none).failed(1, "no key that signs", "");
    place.ok(&["ring", "add-key", "sign"]);

    let web = subset(&place, "web", &["--role", "app"]);
    let shown = web(&["ring", "show"]).out;
    assert!(shown.contains("verifies erasure receipts and ledgers, and signs none"), "{shown}");
    assert_eq!(held(&web(&["--json", "ring", "list"]).out), ("public".into(), "primary".into()));
    assert_eq!(web(&["ring", "verifying-key"]).out.trim(), verifying(&place)[0].to_string());
    web(&["ring", "rotate", "sign"]).failed(2, "a service's ring", "");
    web(&["ring", "rotate", "app"]).failed(2, "a service's ring", "");
    web(&["ring", "rotate", "sign", "--here"]).failed(1, "rotate it where the secret is", "");

    let eraser = subset(&place, "eraser", &["--sign"]);
    let shown = eraser(&["ring", "show"]).out;
    assert!(shown.contains("signs erasure receipts and ledgers"), "{shown}");
    assert!(shown.contains("signs and verifies"), "{shown}");
    assert!(!shown.contains("opens") && shown.contains("knows by name only: app"), "{shown}");
    assert_eq!(held(&eraser(&["--json", "ring", "list"]).out).0, "secret");
}

#[test]
fn no_secret_of_what_signs_is_printed() {
    let place = Place::with_ring();
    place.ok(&["ring", "add-key", "sign"]);
    let exported = place.ok(&["ring", "export", "--unprotected"]);
    let ring = fieldseal::keyring::LockedRing::from_json(exported.as_bytes()).unwrap();
    let document = ring.open_unprotected().unwrap();
    let key = document.ring().keys().find(|key| key.key_use().as_str() == "sign").unwrap();
    let secret = key.expose_secret().unwrap();
    let hex: String = secret.expose().iter().map(|byte| format!("{byte:02x}")).collect();
    let shown = [
        place.ok(&["ring", "show"]),
        place.ok(&["ring", "verifying-key"]),
        place.ok(&["--json", "ring", "verifying-key"]),
        format!("{document:?} {key:?} {key}"),
    ]
    .concat();
    assert!(!shown.contains(&hex) && !shown.contains(&hex[..16]), "{shown}");
    assert!(!shown.contains(&format!("{:?}", &secret.expose()[..4])), "{shown}");
}

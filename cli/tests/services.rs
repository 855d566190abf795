//! Rings that leave the administrator: for services, for writers, and in the clear.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod common;

use std::fs;

use common::{Place, ran};

#[test]
fn service_gets_what_it_needs_and_no_more() {
    let place = Place::new();
    place.init(&["--role", "support", "--key-pair-role", "billing"]);
    place.ok(&["ring", "add-key", "index"]);
    place.ok(&["ring", "add-key", "pseudonym"]);
    let made = place.ok(&[
        "ring",
        "subset",
        "--role",
        "support",
        "--writer",
        "billing",
        "--index",
        "acme/customer/email",
        "--pseudonyms",
        "/analytics",
        "-o",
        "support.json",
        "--new-key-file",
        "support.key",
        "--generate",
    ]);
    for power in [
        "opens and seals as: support",
        "seals, and cannot open, for: billing",
        "finds by: customer.email of tenant \"acme\"",
        "makes pseudonyms for: analytics",
        "knows by name only: app",
    ] {
        assert!(made.contains(power), "{made}");
    }
    assert_eq!((place.mode_of("support.json"), place.mode_of("support.key")), (0o600, 0o600));

    let support = ["--ring", "support.json", "--key-file", "support.key"];
    let service =
        |args: &[&str], input: &str| ran(place.bare().args(args).args(support).write_stdin(input));
    let card = service(&["seal", "--context", "c", "--role", "billing"], "card");
    service(&["open", "--context", "c", "--role", "billing"], &card.out).failed(9, "", "");
    let opened = place.pipe(&["open", "--context", "c", "--role", "billing"], card.out);
    assert_eq!(opened.out, "card");
    let note = service(&["seal", "--context", "c", "--role", "support"], "note");
    assert_eq!(service(&["open", "--context", "c", "--role", "support"], &note.out).out, "note");
    service(&["seal", "--context", "c"], "note").failed(1, "app", "fieldseal ring show");
    let rotated = service(&["ring", "rotate", "billing"], "");
    rotated.failed(2, "a service's ring", "");
    let rotated = service(&["ring", "rotate", "billing", "--here"], "");
    rotated.failed(1, "rotate it where the secret is", "");
    // The administrator's passphrase is none of the service's.
    let mut wrong = place.command();
    ran(wrong.args(["ring", "show", "--ring", "support.json"])).failed(4, "", "slot list");
}

/// After a rotation the service's ring is made anew, as the next generation of its own document.
#[test]
fn a_service_ring_is_made_anew_in_its_place() {
    let place = Place::new();
    place.init(&["--role", "support"]);
    let subset = ["ring", "subset", "--role", "support", "-o", "s.json", "--new-key-file", "s.key"];
    place.ok(&[&subset[..], &["--generate"]].concat());
    place.run(&subset).failed(5, "s.json: is there already", "--update");
    assert_eq!(place.run(&[&subset[..], &["--update", "--generate"]].concat()).code, 2);

    place.ok(&["ring", "rotate", "support"]);
    let note = place.pipe(&["seal", "--context", "c", "--role", "support"], "note").out;
    let open =
        ["open", "--context", "c", "--role", "support", "--ring", "s.json", "--key-file", "s.key"];
    let opened = |input: &str| ran(place.bare().args(open).write_stdin(input));
    assert_ne!(opened(&note).out, "note", "its ring has not got the new key");
    let made = place.ok(&[&subset[..], &["--update"]].concat());
    assert!(made.contains("generation 2"), "{made}");
    assert_eq!(opened(&note).out, "note");

    // Nothing that only the service's ring holds is lost, nor the ring itself.
    let here = ["ring", "rotate", "support", "--here", "--ring", "s.json", "--key-file", "s.key"];
    ran(place.bare().args(here));
    let refused = place.run(&[&subset[..], &["--update"]].concat());
    refused.failed(2, "would be lost", "");
}

/// The next step of `retire`: the service's ring is made anew, and the destroyed secret leaves it.
#[test]
fn a_key_that_the_administrator_destroyed_leaves_the_service_ring() {
    let place = Place::new();
    place.init(&["--role", "support"]);
    let subset = ["ring", "subset", "--role", "support", "-o", "s.json", "--new-key-file", "s.key"];
    place.ok(&[&subset[..], &["--generate"]].concat());
    let note = place.pipe(&["seal", "--context", "c", "--role", "support"], "note").out;
    let open =
        ["open", "--context", "c", "--role", "support", "--ring", "s.json", "--key-file", "s.key"];
    let opened = |input: &str| ran(place.bare().args(open).write_stdin(input));
    assert_eq!(opened(&note).out, "note");

    let wrap = place.primary("wrap", "support");
    let envelope = place.primary("envelope", "envelope");
    place.ok(&["ring", "rotate", "support"]);
    place.ok(&["ring", "rotate", "envelope"]);
    for old in [&wrap, &envelope] {
        place.ok(&["ring", "state", old, "destroyed", "--force-destroy", "--yes"]);
    }
    place.ok(&[&subset[..], &["--update"]].concat());
    assert_ne!(opened(&note).code, 0, "the secret is not with the service any more");
    let list = ["--json", "ring", "list", "--ring", "s.json", "--key-file", "s.key"];
    let listed = ran(place.bare().args(list)).out;
    for old in [&wrap, &envelope] {
        let keys: serde_json::Value = serde_json::from_str(&listed).unwrap();
        let kept = keys["keys"].as_array().unwrap().iter().find(|key| key["id"] == old.as_str());
        assert!(kept.is_none_or(|key| key["state"] == "destroyed"), "{listed}");
    }
    let note = place.pipe(&["seal", "--context", "c", "--role", "support"], "note").out;
    assert_eq!(opened(&note).out, "note");
}

#[test]
fn a_service_ring_is_not_narrowed_unasked() {
    let place = Place::new();
    place.init(&["--role", "support", "--role", "billing"]);
    place.ok(&["ring", "add-key", "index"]);
    let to = ["-o", "s.json", "--new-key-file", "s.key"];
    let support = ["ring", "subset", "--role", "support"];
    let more = ["--role", "billing", "--index", "/customer/email"];
    place.ok(&[&support[..], &more, &to, &["--generate"]].concat());
    let service = place.read("s.json");
    let less = [&support[..], &to, &["--update"]].concat();
    let refused = place.run(&less);
    refused.failed(8, "wrap `billing`", "add --yes");
    assert!(refused.err.contains("index `index`"), "{refused:?}");
    assert_eq!(place.read("s.json"), service);
    let other = ["--role", "billing", "--index", "/customer/phone"];
    let refused = place.run(&[&support[..], &other, &to, &["--update"]].concat());
    refused.failed(8, "index `index`", "add --yes");
    place.ok(&[&support[..], &more, &to, &["--update"]].concat());
    place.ok(&["ring", "rotate", "billing"]);
    place.ok(&[&support[..], &more, &to, &["--update"]].concat());
    place.ok(&[&less[..], &["--yes"]].concat());
}

/// What was closed is not opened again by an administrator's ring that was restored from a copy.
#[test]
fn an_older_copy_of_the_administrators_ring_reopens_no_key_of_a_service() {
    for closed in ["compromised", "destroyed"] {
        let place = Place::new();
        place.init(&["--role", "support"]);
        let subset =
            ["ring", "subset", "--role", "support", "-o", "s.json", "--new-key-file", "s.key"];
        place.ok(&[&subset[..], &["--generate"]].concat());
        let old = place.primary("wrap", "support");
        place.ok(&["ring", "rotate", "support"]);
        let copy = place.read("fieldseal-ring.json");
        let mut state = vec!["ring", "state", &old, closed, "--yes"];
        state.extend((closed == "destroyed").then_some("--force-destroy"));
        place.ok(&state);
        place.ok(&[&subset[..], &["--update"]].concat());
        let service = place.read("s.json");

        place.secret("fieldseal-ring.json", &copy);
        let refused = place.run(&[&subset[..], &["--update"]].concat());
        assert_ne!(refused.code, 0, "{refused:?}");
        assert!(refused.err.contains("older"), "{refused:?}");
        assert_eq!(place.read("s.json"), service);
    }
}

/// A key that the copy does not know at all, whatever it holds.
#[test]
fn a_service_ring_that_knows_more_than_the_administrators_is_left_as_it_is() {
    let place = Place::new();
    place.init(&["--role", "support"]);
    let copy = place.read("fieldseal-ring.json");
    place.ok(&["ring", "rotate", "app"]);
    let subset = ["ring", "subset", "--role", "support", "-o", "s.json", "--new-key-file", "s.key"];
    place.ok(&[&subset[..], &["--generate"]].concat());
    place.secret("fieldseal-ring.json", &copy);
    place.run(&[&subset[..], &["--update"]].concat()).failed(2, "an older copy", "");
}

#[test]
fn subset_of_nothing_or_of_what_is_not_there_is_refused() {
    let place = Place::with_ring();
    place.run(&["ring", "subset", "-o", "s.json"]).failed(2, "needs no ring", "--role");
    for asked in [["--role", "support"], ["--writer", "app"], ["--index", "/customer/email"]] {
        let args = [
            &["ring", "subset", "-o", "s.json"],
            &asked[..],
            &["--new-key-file", "k", "--generate"],
        ];
        place.run(&args.concat()).failed(1, "", "fieldseal ring show");
        assert!(!place.path("s.json").exists() && !place.path("k").exists());
    }
}

#[test]
fn public_ring_seals_and_opens_nothing_and_is_pinned() {
    let place = Place::new();
    place.run(&["ring", "public", "-o", "p.json"]).failed(5, "no ring at", "ring init");
    place.init(&["--key-pair-role", "billing", "--key-pair-role", "medical"]);
    let made = place.json(&["ring", "public", "--writer", "billing", "-o", "public.json"]);
    let fingerprint = made["fingerprint"].as_str().unwrap();
    assert_eq!(fingerprint.len(), 64);

    let with = |more: &[&str], args: &[&str], input: &str| {
        ran(place.bare().args(["--ring", "public.json"]).args(args).args(more).write_stdin(input))
    };
    let seal = ["seal", "--context", "c", "--role", "billing"];
    with(&[], &seal, "card").failed(4, "nothing protects this ring", "--fingerprint");
    let pinned = ["--fingerprint", fingerprint];
    let card = with(&pinned, &seal, "card");
    assert_eq!(
        place.pipe(&["open", "--context", "c", "--role", "billing"], card.out.clone()).out,
        "card"
    );
    with(&pinned, &["open", "--context", "c", "--role", "billing"], &card.out).failed(9, "", "");
    with(&pinned, &["seal", "--context", "c", "--role", "medical"], "x").failed(1, "medical", "");

    let other = format!("{:0>64}", "1");
    with(&["--fingerprint", &other], &seal, "card").failed(4, "fingerprint", "");
    // A ring whose key was swapped is another content.
    let swapped = place.json(&["ring", "public", "--writer", "medical", "-o", "other.json"]);
    fs::rename(place.path("other.json"), place.path("public.json")).unwrap();
    with(&pinned, &seal, "card").failed(4, "fingerprint", "");
    assert_ne!(swapped["fingerprint"], fingerprint);
}

#[test]
fn export_says_what_it_does_and_is_taken_only_when_asked() {
    let place = Place::with_ring();
    let sealed = place.pipe(&["seal", "--context", "c"], "before").out;
    assert_eq!(place.run(&["ring", "export"]).code, 2, "the flag must be said");
    let to_output = place.run(&["ring", "export", "--unprotected"]);
    assert!(to_output.out.contains("\"unprotected\"") && to_output.err.contains("in the clear"));
    let made = place.json(&["ring", "export", "--unprotected", "-o", "clear.json"]);
    assert_eq!(place.mode_of("clear.json"), 0o600);

    let with = |more: &[&str]| {
        let args = [&["open", "--context", "c", "--ring", "clear.json"], more].concat();
        ran(place.bare().args(args).write_stdin(sealed.clone()))
    };
    with(&[]).failed(4, "in the clear", "--allow-unprotected");
    assert_eq!(with(&["--allow-unprotected"]).out, "before");
    assert_eq!(with(&["--fingerprint", made["fingerprint"].as_str().unwrap()]).out, "before");
}

#[test]
fn unprotected_ring_is_protected_by_its_first_slot() {
    let place = Place::new();
    let made = ran(place.bare().args(["ring", "init", "--unprotected"]));
    assert!(made.err.contains("whoever reads fieldseal-ring.json has every key"), "{}", made.err);
    let clear = ["--allow-unprotected"];
    place.ok(&[&["ring", "add-role", "support"], &clear[..]].concat());
    let new = ["--new-key-file", "key", "--generate"];
    let added = place.run(&[&["ring", "slot", "add"], &clear[..], &new].concat());
    assert_eq!(added.code, 0, "{}", added.err);
    assert!(added.err.contains("stood in the clear"), "{}", added.err);
    assert!(!place.read("fieldseal-ring.json").contains("unprotected"));
    ran(place.bare().args(["ring", "list"]).args(clear)).failed(2, "protected", "");
    assert_eq!(ran(place.bare().args(["ring", "list", "--key-file", "key"])).code, 0);
}

//! The shapes of `--json`, and what `inspect` tells: documented, so they stay.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod common;

use std::fs;

use common::{Place, ran};
use fieldseal::envelope::History;
use fieldseal::{Class, DataKeys, Field, KeyRing};
use serde_json::Value;

const CONTACT: Class =
    Class::new("contact").readers(&["app"]).readers_with_consent(&["marketing"]).retain_days(365);
const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);

/// The members of a report, each of which is documented.
fn members(json: &Value) -> Vec<&str> {
    let members: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    for member in &members {
        assert!(include_str!("../README.md").contains(&format!("`{member}`")), "{member}");
    }
    members
}

const RING: [&str; 8] =
    ["floor", "generation", "id", "keys", "protected", "ring", "slots", "verified"];
const KEY: [&str; 9] = [
    "created_at",
    "holds",
    "id",
    "name",
    "rotate_after_days",
    "rotate_at",
    "scopes",
    "state",
    "use",
];

#[test]
fn ring_is_reported_in_one_shape() {
    let place = Place::new();
    let made = place.json(&["ring", "init", "--key-pair-role", "billing", "--label", "ops"]);
    let new = ["can", "fingerprint", "floor", "generation", "id", "key_file"];
    assert_eq!(members(&made), [&new[..], &RING[3..]].concat());
    assert_eq!((&made["key_file"], &made["fingerprint"]), (&Value::Null, &Value::Null));
    place.ok(&["ring", "add-key", "index"]);
    let list = place.json(&["ring", "list"]);
    assert_eq!(members(&list), RING);
    assert_eq!((&list["verified"], &list["protected"]), (&true.into(), &true.into()));
    for key in list["keys"].as_array().unwrap() {
        assert_eq!(members(key), KEY);
    }
    let of = |name: &str| {
        let keys = list["keys"].as_array().unwrap();
        keys.iter().find(|key| key["name"] == name).unwrap()["holds"].clone()
    };
    assert_eq!(
        (of("app"), of("billing"), of("index")),
        ("secret".into(), "key-pair".into(), "secret".into())
    );
    let slot = &list["slots"][0];
    let cost = ["created_at", "id", "kind", "label", "lanes", "memory_kib", "passes"];
    assert_eq!(members(slot), cost);
    assert_eq!(
        (&slot["id"], &slot["kind"], &slot["label"]),
        (&1.into(), &"passphrase".into(), &"ops".into())
    );

    let show = place.json(&["ring", "show"]);
    assert_eq!(show["can"][0], "opens and seals as: app, billing");
    let locked = place.json(&["ring", "show", "--locked"]);
    assert_eq!((&locked["verified"], &locked["keys"]), (&false.into(), &list["keys"]));
    assert_eq!(members(&locked), RING, "what it can do is known when it is unlocked");
}

#[test]
fn changes_are_reported_in_their_shapes() {
    let place = Place::with_ring();
    let rotated = place.json(&["ring", "rotate", "app"]);
    assert_eq!(members(&rotated), ["floor", "former", "generation", "key", "ring"]);
    let former = rotated["former"].as_str().unwrap();
    let state = place.json(&["ring", "state", former, "disabled"]);
    assert_eq!(members(&state), ["floor", "generation", "key", "ring"]);
    assert_eq!(state["key"]["state"], "disabled");
    let role = place.json(&["ring", "add-role", "medical", "--key-pair", "--rotate-after", "7"]);
    assert_eq!(
        (&role["key"]["holds"], &role["key"]["rotate_after_days"]),
        (&"key-pair".into(), &7.into())
    );
    let slot = place.json(&["ring", "slot", "add", "--new-key-file", "key", "--generate"]);
    assert_eq!(members(&slot), ["floor", "generation", "key_file", "ring", "slot"]);
    assert_eq!(members(&slot["slot"]), ["created_at", "id", "kind", "label"]);
    let split = ["ring", "split", "--threshold", "2", "--shares", "3", "--out-dir", "shares"];
    let split = place.json(&split);
    assert_eq!(members(&split), ["files", "floor", "generation", "ring", "slot"]);
    assert_eq!((&split["slot"]["threshold"], &split["slot"]["shares"]), (&2.into(), &3.into()));
    let removed = place.json(&["ring", "slot", "remove", "2", "--yes"]);
    assert_eq!((&removed["removed"], &removed["generation"]), (&2.into(), &7.into()));
    let index = ["ring", "add-key", "pseudonym"];
    place.ok(&index);
    let subset = place.json(&[
        "ring",
        "subset",
        "--pseudonyms",
        "acme/analytics",
        "-o",
        "s.json",
        "--new-key-file",
        "k2",
        "--generate",
    ]);
    assert_eq!((&subset["key_file"], &subset["ring"]), (&"k2".into(), &"s.json".into()));
    members(&subset);
    let locked = place.json(&["ring", "list", "--locked", "--ring", "s.json"]);
    assert_eq!(locked["keys"], subset["keys"], "the file says what its keys derive");
    let derived = subset["keys"].as_array().unwrap().iter().find(|key| key["holds"] == "derived");
    assert_eq!(
        derived.unwrap()["scopes"],
        serde_json::json!([{ "tenant": "acme", "purpose": "analytics" }])
    );
    let signs = place.json(&["ring", "add-key", "sign"]);
    assert_eq!((&signs["key"]["use"], &signs["key"]["holds"]), (&"sign".into(), &"secret".into()));
    let verifying = place.json(&["ring", "verifying-key"]);
    assert_eq!(members(&verifying), ["ring", "verifying_keys"]);
    let verifying = &verifying["verifying_keys"][0];
    assert_eq!(members(verifying), ["id", "state", "verifying_key"]);
    assert_eq!((&verifying["id"], &verifying["state"]), (&signs["key"]["id"], &"primary".into()));
    let told =
        ran(place.bare().args(["--json", "inspect", verifying["verifying_key"].as_str().unwrap()]));
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(members(&told), ["id", "kind"]);
    assert_eq!((&told["kind"], &told["id"]), (&"verifying-key".into(), &verifying["id"]));
    let rekeyed = place.json(&["ring", "rekey", "--yes"]);
    assert_eq!(members(&rekeyed), ["dropped", "floor", "generation", "ring"]);
    let check = ran(place.command().args(["--json", "ring", "check"]));
    let check: Value = serde_json::from_str(&check.out).unwrap();
    assert_eq!(members(&check), ["as_of", "findings", "ring", "verified"]);
    assert_eq!(members(&check["findings"][0]), ["about", "kind", "next", "text"]);
}

/// A field and its envelope, sealed by this ring.
fn sealed(ring: &KeyRing) -> (String, DataKeys) {
    let keys = DataKeys::create(ring, 42, [CONTACT]).unwrap();
    let mut edit = keys.envelope().edit(ring, 42).unwrap();
    edit.grant(CONTACT, "marketing", History::Included).unwrap();
    let keys = edit.finish_keys().unwrap();
    (EMAIL.seal(&keys, &"ada@example.com".into()).unwrap().to_text(), keys)
}

fn ring_of(place: &Place) -> KeyRing {
    let json = place.ok(&["ring", "export", "--unprotected"]);
    fieldseal::keyring::LockedRing::from_json(json.as_bytes())
        .unwrap()
        .open_unprotected()
        .unwrap()
        .into_ring()
}

#[test]
fn inspect_tells_fields_envelopes_and_rings_without_a_key() {
    let place = Place::new();
    place.init(&["--role", "marketing"]);
    let (field, keys) = sealed(&ring_of(&place));
    let envelope = keys.envelope();
    fs::write(place.path("envelope.bin"), envelope.as_bytes()).unwrap();
    fs::write(place.path("envelope.txt"), envelope.to_text() + "\n").unwrap();

    let bare = |args: &[&str], input: &[u8]| {
        let ran = ran(place.bare().args(["--json", "inspect"]).args(args).write_stdin(input));
        assert_eq!(ran.code, 0, "{}", ran.err);
        serde_json::from_str::<Value>(&ran.out).unwrap()
    };
    let told = bare(&[&field], b"");
    assert_eq!(members(&told), ["format", "key_tag", "kind", "padded_bytes"]);
    assert_eq!((&told["kind"], &told["padded_bytes"]), (&"sealed-field".into(), &16.into()));
    assert_eq!(bare(&["-"], field.as_bytes()), told);
    assert_eq!(bare(&[], field.as_bytes()), told);

    let of = bare(&["envelope.bin"], b"");
    assert_eq!(bare(&["envelope.txt"], b""), of);
    assert_eq!(bare(&["-"], envelope.as_bytes()), of);
    assert_eq!(
        (&of["kind"], &of["version"], &of["format"]),
        (&"key-envelope".into(), &2.into(), &1.into())
    );
    let entry = &of["entries"][0];
    assert_eq!(
        (&entry["class"], &entry["generation"], &entry["state"]),
        (&"contact".into(), &1.into(), &"live".into())
    );
    assert_eq!(entry["key_tag"], told["key_tag"]);
    assert!(entry["expires_at"].as_u64() > entry["created_at"].as_u64());
    let mut readers: Vec<_> = entry["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| of["name"].as_str().unwrap())
        .collect();
    readers.sort_unstable();
    assert_eq!(readers, ["role app", "role marketing"], "by the ring at hand, still locked");
    assert_eq!(of["envelope_key"]["name"], "envelope key");

    let elsewhere = Place::new();
    let unknown = ran(elsewhere.bare().args(["--json", "inspect"]).write_stdin(envelope.to_text()));
    let unknown: Value = serde_json::from_str(&unknown.out).unwrap();
    assert_eq!(unknown["entries"][0]["recipients"][0]["name"], Value::Null);
    assert_eq!(unknown["envelope_key"]["id"], of["envelope_key"]["id"]);

    let ring = bare(&["fieldseal-ring.json"], b"");
    assert_eq!((&ring["kind"], &ring["verified"]), (&"ring".into(), &false.into()));
    let standalone = place.pipe(&["seal", "--context", "c"], "x").out;
    let standalone = bare(&[standalone.trim()], b"");
    assert_eq!(standalone["kind"], "standalone-envelope");
    assert_eq!(standalone["field"]["padded_bytes"], 16);
    assert_eq!(standalone["envelope"]["entries"][0]["class"], "standalone");
}

#[test]
fn inspect_says_in_words_what_is_past_and_erased() {
    let place = Place::with_ring();
    let ring = ring_of(&place);
    let access = fieldseal::Access::new(&ring).at(1_000_000_000);
    let keys = DataKeys::create(access, 42, [CONTACT]).unwrap();
    let text = |envelope: &fieldseal::KeyEnvelope| {
        ran(place.bare().args(["inspect", &envelope.to_text()])).out
    };
    let told = text(keys.envelope());
    assert!(told.contains("made        2001-09-09 01:46:40 UTC"), "{told}");
    assert!(
        told.lines()
            .any(|line| line.starts_with("  expires     2002-") && line.ends_with(", past"))
    );
    let mut edit = keys.envelope().edit(access, 42).unwrap();
    edit.erase_class("contact").unwrap();
    assert!(text(&edit.finish().unwrap()).contains("erased on 2001-09-09"));
    let mut edit = keys.envelope().edit(access, 42).unwrap();
    edit.erase_subject().unwrap();
    assert!(text(&edit.finish().unwrap()).contains("the subject was erased on 2001-09-09"));
}

#[test]
fn inspect_shows_no_secret_of_what_is_secret() {
    let place = Place::with_ring();
    let key = fieldseal::keyring::SlotKey::generate().unwrap().to_text();
    place.secret("key", &key);
    let told = ran(place.bare().args(["inspect", "key"]));
    assert!(told.out.contains("a raw slot key, whole") && !told.out.contains(key.as_str()));
    place.ok(&["ring", "split", "--threshold", "2", "--shares", "2", "--out-dir", "."]);
    let told = ran(place.bare().args(["inspect", "share-2-of-2.txt"]));
    assert!(told.out.contains("share 2 of 2, whole: 2 of them"), "{}", told.out);
    assert!(!told.out.contains("FSSHARE"));
    let as_argument = ran(place.bare().args(["inspect", &key]));
    as_argument.failed(2, "where others can see it", "make a new one");
    assert!(!as_argument.err.contains(key.as_str()));
}

#[test]
fn inspect_refuses_what_is_nothing_and_never_panics() {
    let place = Place::with_ring();
    let (field, keys) = sealed(&{
        let mut ring = KeyRing::generate().unwrap();
        ring.add_role("marketing").unwrap();
        ring
    });
    let inspect = |input: &[u8]| ran(place.bare().arg("inspect").write_stdin(input));
    inspect(b"hello").failed(6, "nothing that fieldseal made", "ring file");
    inspect(b"").failed(6, "nothing that fieldseal made", "");
    inspect(b"{}").failed(6, "malformed", "");
    inspect(b"fsk1.AAAA").failed(6, "slot key", "");
    inspect(b"fsv1.AAAA").failed(6, "verifying key", "");
    inspect(b"FSSHARE1-0000").failed(6, "share", "");
    inspect(b"\xF9").failed(6, "later", "update");
    inspect(&field.as_bytes()[..20]).failed(6, "malformed", "");
    let envelope = keys.envelope().as_bytes();
    for at in (0..envelope.len()).step_by(7) {
        let mut altered = envelope.to_vec();
        altered[at] ^= 0x41;
        assert!([0, 6].contains(&inspect(&altered).code), "{at}");
    }
    ran(place.bare().args(["inspect", "no-such-file"])).failed(
        5,
        "no-such-file",
        "file that is there",
    );
}

#[test]
fn labels_of_a_hostile_file_do_not_reach_the_terminal_as_they_are() {
    let place = Place::with_ring();
    let json = place.read("fieldseal-ring.json");
    let hostile = json.replace("\"label\": \"passphrase\"", "\"label\": \"\u{202E}evil\"");
    assert_ne!(json, hostile);
    fs::write(place.path("fieldseal-ring.json"), hostile).unwrap();
    place.mode("fieldseal-ring.json", 0o600);
    let told = ran(place.bare().args(["ring", "slot", "list"]));
    assert_eq!(told.code, 0, "{}", told.err);
    let key = fieldseal::keyring::SlotKey::generate().unwrap().to_text();
    place.secret("key", &key);
    let refused = ran(place.bare().args(["ring", "list", "--key-file", "key"]));
    refused.failed(4, "\\u{202e}evil", "");
    for text in [told.out, told.err, refused.err] {
        assert!(!text.contains('\u{202E}'), "{text}");
    }
}

#[test]
fn colour_stays_away_from_pipes_and_comes_when_it_is_forced() {
    let place = Place::with_ring();
    let check = |variable: &str| {
        let mut command = place.command();
        command.env(variable, "1").args(["ring", "check", "--locked"]);
        ran(&mut command).out
    };
    assert!(!check("TERM").contains('\x1b'));
    assert!(check("CLICOLOR_FORCE").contains("\x1b["));
    let mut both = place.command();
    both.envs([("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).args(["ring", "check", "--locked"]);
    assert!(!ran(&mut both).out.contains('\x1b'));
}

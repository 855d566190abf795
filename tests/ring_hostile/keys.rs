//! What a document says of its keys, before it is believed.

use fieldseal::keyring::{Capabilities, LockedRing, RingDocument};
use serde_json::{Value, json};

use super::common::ring::{document, key};
use super::{MARK, malformed, member, open, refused, sample_json, unopened, with};

const MEMBERS: &str = "a key of the ring document has members that no key has";

/// The pointer to a key's entry, found by what it has.
fn place(json: &str, name: &str, value: &str) -> String {
    let keys = member(json, "/keys");
    let at = keys.as_array().unwrap().iter().position(|key| key[name] == value);
    format!("/keys/{}", at.unwrap_or_else(|| panic!("no key with {name} {value}")))
}

/// A ring of derived keys alone.
fn derived_json() -> String {
    let mut ring = document().into_ring();
    ring.add_index_key().unwrap();
    ring.add_pseudonym_key().unwrap();
    let reach = Capabilities::new()
        .index("acme", "customer", "email")
        .index("acme", "customer", "name")
        .pseudonyms("acme", "analytics");
    let mut document = RingDocument::new(ring.subset_with(&reach).unwrap().into_ring()).unwrap();
    document.add_slot("server", &key(1)).unwrap();
    document.to_json().unwrap()
}

#[test]
fn members_are_those_of_a_key() {
    let json = sample_json();
    for (name, bad) in [
        ("id", json!("00000000")),
        ("id", json!("0000001")),
        ("id", json!("000000001")),
        ("id", json!("0000000G")),
        ("id", json!("ABCDEF01")),
        ("id", json!("")),
        ("use", json!("")),
        ("use", json!("Wrap")),
        ("use", json!(MARK)),
        ("state", json!("")),
        ("state", json!("open_only")),
        ("state", json!(MARK)),
        ("holds", json!("")),
        ("holds", json!("secrets")),
        ("name", json!("")),
        ("name", json!("App")),
        ("name", json!("a b")),
        ("name", json!("a\nb")),
        ("name", json!("9a")),
        ("name", json!("äpp")),
        ("name", json!("a".repeat(65))),
        ("name", json!("\u{1b}[2J")),
        ("public", json!("AAAA")),
        ("derived", json!([])),
        ("derived", json!([{ "tenant": "acme", "purpose": "a" }])),
        ("holds", json!("key-pair")),
        ("holds", json!("writer-half")),
        ("holds", json!("derived")),
        ("state", json!("destroyed")),
    ] {
        let place = place(&json, "state", "open-only");
        malformed(with(&json, &format!("{place}/{name}"), bad), MEMBERS);
    }
    // Uses other than wrapping have one name.
    for of in ["index", "envelope"] {
        let place = place(&json, "use", of);
        malformed(with(&json, &format!("{place}/name"), json!("other")), MEMBERS);
    }
}

#[test]
fn members_that_are_good_and_others_are_altered() {
    let json = sample_json();
    let place = place(&json, "state", "open-only");
    for (name, other) in [
        ("id", json!("00000001")),
        ("name", json!("other")),
        ("state", json!("disabled")),
        ("state", json!("compromised")),
        ("holds", json!("name-only")),
        ("rotate_after_days", json!(7)),
        ("created_at", json!("2001-01-01T00:00:00Z")),
    ] {
        let altered = with(&json, &format!("{place}/{name}"), other);
        // The order may be another with another id.
        match LockedRing::from_json(altered.as_bytes()) {
            Ok(_) => unopened(altered),
            Err(_) => malformed(altered, "in ascending order, each id once"),
        }
    }
}

#[test]
fn a_public_key_stands_where_it_belongs() {
    let json = sample_json();
    let place = place(&json, "holds", "key-pair");
    let public = member(&json, &format!("{place}/public")).as_str().unwrap().to_owned();
    let bad = [
        String::new(),
        public[1..].into(),
        format!("{public}A"),
        format!("{public}="),
        format!("{} ", &public[1..]),
        // Bits behind the last byte.
        format!("{}B", &public[..42]),
    ];
    for bad in bad {
        malformed(with(&json, &format!("{place}/public"), json!(bad)), MEMBERS);
    }
    malformed(with(&json, &format!("{place}/public"), None), MEMBERS);
    malformed(with(&json, &format!("{place}/use"), json!("index")), MEMBERS);
    for swapped in ["A".repeat(43), "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into()] {
        unopened(with(&json, &format!("{place}/public"), json!(swapped)));
    }
}

/// A ring that signs, and an auditor's.
fn signing_json(signs: bool) -> String {
    let mut ring = document().into_ring();
    ring.add_signing_key().unwrap();
    let reach = if signs { Capabilities::new().signs() } else { Capabilities::new() };
    let mut document = RingDocument::new(ring.subset_with(&reach).unwrap().into_ring()).unwrap();
    document.add_slot("server", &key(1)).unwrap();
    document.to_json().unwrap()
}

fn another_public_key() -> String {
    let json = signing_json(false);
    let place = place(&json, "use", "sign");
    member(&json, &format!("{place}/public")).as_str().unwrap().to_owned()
}

#[test]
fn no_public_key_is_told_for_a_key_that_signs() {
    let json = signing_json(true);
    assert!(open(&json, &key(1)).is_ok());
    let place = place(&json, "use", "sign");
    assert!(member(&json, &place).get("public").is_none(), "{json}");
    let told = with(&json, &format!("{place}/public"), json!(another_public_key()));
    malformed(told.clone(), MEMBERS);
    // Nor in place of it.
    unopened(with(&told, &format!("{place}/holds"), json!("public")));
    for holds in ["key-pair", "writer-half", "derived", "public"] {
        malformed(with(&json, &format!("{place}/holds"), json!(holds)), MEMBERS);
    }
}

#[test]
fn public_half_is_a_key_that_verifies_something_and_signs_nothing() {
    let json = signing_json(false);
    assert!(open(&json, &key(1)).is_ok());
    let place = place(&json, "use", "sign");
    let public = member(&json, &format!("{place}/public")).as_str().unwrap().to_owned();
    let small_order = format!("AQ{}", "A".repeat(41));
    let no_point = format!("Ag{}", "A".repeat(41));
    for bad in ["", &public[1..], &format!("{public}="), &small_order, &no_point, &"A".repeat(43)] {
        malformed(with(&json, &format!("{place}/public"), json!(bad)), MEMBERS);
    }
    malformed(with(&json, &format!("{place}/public"), None), MEMBERS);
    for other in ["wrap", "envelope", "index", "pseudonym"] {
        malformed(with(&json, &format!("{place}/use"), json!(other)), MEMBERS);
    }
    // Without the public key it is well formed, and not what was written.
    let as_secret = with(&json, &format!("{place}/public"), None);
    unopened(with(&as_secret, &format!("{place}/holds"), json!("secret")));
    unopened(with(&as_secret, &format!("{place}/holds"), json!("name-only")));
    unopened(with(&json, &format!("{place}/public"), json!(another_public_key())));
}

#[test]
fn scopes_are_of_the_keys_use_once_and_in_order() {
    let json = derived_json();
    assert!(open(&json, &key(1)).is_ok());
    let place = place(&json, "use", "index");
    let scopes = member(&json, &format!("{place}/derived"));
    let (first, second) = (&scopes[0], &scopes[1]);
    let purpose = json!({ "tenant": "acme", "purpose": "analytics" });
    let whole = json!({ "tenant": "acme", "record": "customer", "index": "email", "purpose": "a" });
    let bad: [Value; 11] = [
        json!([]),
        json!([second, first]),
        json!([first, first]),
        json!([purpose]),
        json!([first, purpose]),
        json!([whole]),
        json!([{ "tenant": "acme" }]),
        json!([{ "tenant": "acme", "record": "customer" }]),
        json!([{ "tenant": "acme", "index": "email" }]),
        json!([{ "tenant": "acme", "record": "", "index": "email" }]),
        json!([{ "tenant": "a".repeat(256), "record": "customer", "index": "email" }]),
    ];
    for bad in bad {
        malformed(with(&json, &format!("{place}/derived"), bad), MEMBERS);
    }
    malformed(with(&json, &format!("{place}/derived"), None), MEMBERS);
    malformed(with(&json, &format!("{place}/use"), json!("wrap")), MEMBERS);
    for other in
        [json!([first]), json!([{ "tenant": "b", "record": "customer", "index": "email" }])]
    {
        unopened(with(&json, &format!("{place}/derived"), other));
    }
}

#[test]
fn ids_are_there_once_and_in_order() {
    let json = sample_json();
    let keys = member(&json, "/keys").as_array().unwrap().clone();
    for at in 0..keys.len() {
        let mut twice = keys.clone();
        twice.insert(at, keys[at].clone());
        malformed(with(&json, "/keys", json!(twice)), "each id once");
        for other in at + 1..keys.len() {
            let mut swapped = keys.clone();
            swapped.swap(at, other);
            malformed(with(&json, "/keys", json!(swapped)), "in ascending order");
            let id = keys[at]["id"].clone();
            let same = with(&json, &format!("/keys/{other}/id"), id);
            malformed(same, "in ascending order, each id once");
        }
        let mut lost = keys.clone();
        lost.remove(at);
        unopened(with(&json, "/keys", json!(lost)));
    }
    unopened(with(&json, "/keys", json!([])));
}

#[test]
fn a_name_has_one_primary_key() {
    let json = sample_json();
    let place = place(&json, "state", "open-only");
    let two = with(&json, &format!("{place}/state"), json!("primary"));
    malformed(&two, "the ring document has two primary wrap keys `app`");
    // Of another name it would be none too many: then it is altered.
    unopened(with(&two, &format!("{place}/name"), json!("other")));
    let text = refused(two).to_string();
    assert!(!text.contains("billing"), "only what is wrong is named: {text}");
}

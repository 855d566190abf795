//! The members of a document: each is there, once, of its type and within its bounds.

use fieldseal::ErrorKind;
use serde_json::{Value, json};

use super::common::ring::{document, key};
use super::{MARK, malformed, member, open, refused, refused_as, sample_json, unopened, with};

/// How a document is told whose JSON is not that of one: by the place alone.
const PLACE: &str = "this is no ring document, or a damaged one: line";

/// Every object of the document, by its pointer.
fn objects(json: &str) -> Vec<(String, Vec<String>)> {
    fn walk(at: &str, value: &Value, found: &mut Vec<(String, Vec<String>)>) {
        match value {
            Value::Object(members) => {
                found.push((at.into(), members.keys().cloned().collect()));
                members
                    .iter()
                    .for_each(|(name, value)| walk(&format!("{at}/{name}"), value, found));
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.for_each(|(number, value)| walk(&format!("{at}/{number}"), value, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk("", &serde_json::from_str(json).unwrap(), &mut found);
    found
}

fn members(json: &str) -> Vec<String> {
    let objects = objects(json).into_iter();
    objects
        .flat_map(|(at, names)| names.into_iter().map(move |name| format!("{at}/{name}")))
        .collect()
}

#[test]
fn another_version_is_for_another_build() {
    let json = sample_json();
    for version in ["ring/2", "ring/", "ring/10", "ring/1 ", "ring/1.1", "ring/01"] {
        let later = with(&json, "/fieldseal", json!(version));
        refused_as(&later, ErrorKind::Unsupported, "update fieldseal");
        // Whatever else the later version has.
        let later = with(&later, "/later", json!([MARK]));
        refused_as(with(&later, "/slots", None), ErrorKind::Unsupported, "update fieldseal");
    }
    for none in ["", "ring", "Ring/1", "schema/1", MARK] {
        malformed(with(&json, "/fieldseal", json!(none)), "this is no ring document");
    }
}

#[test]
fn no_member_is_null_or_of_another_type() {
    let json = sample_json();
    for pointer in members(&json) {
        for other in [json!(null), json!(true), json!(1.5), json!([MARK]), json!({ MARK: 1 })] {
            let same = member(&json, &pointer).is_array() && other.is_array();
            malformed(with(&json, &pointer, other), if same { "" } else { PLACE });
        }
        let other = if member(&json, &pointer).is_number() { json!("1") } else { json!(1) };
        malformed(with(&json, &pointer, other), PLACE);
    }
}

#[test]
fn no_member_is_there_twice() {
    let json = sample_json();
    let lines: Vec<&str> = json.lines().collect();
    let mut twice = 0;
    for at in 0..lines.len() {
        // A member on a line of its own; behind it another one, or else the end of its object.
        let is_member = lines[at].trim_start().starts_with('"') && lines[at].contains("\": ");
        if is_member && !lines[at].ends_with(['[', '{']) {
            let again = format!("{},", lines[at].trim_end_matches(','));
            let mut lines = lines.clone();
            lines.insert(at, &again);
            malformed(lines.join("\n"), PLACE);
            twice += 1;
        }
    }
    assert!(twice > 50, "{twice}");
    let (_, rest) = json.split_once('{').unwrap();
    for list in ["keys", "slots"] {
        malformed(format!("{{\"{list}\": [], {rest}"), PLACE);
    }
    // An escape does not make it another.
    malformed(format!("{{\"\\u0069d\": \"{}\", {rest}", "0".repeat(32)), PLACE);
}

#[test]
fn no_member_is_unknown() {
    let json = sample_json();
    for (object, _) in objects(&json) {
        for name in [MARK, "", "Label", "comment", "$schema"] {
            malformed(with(&json, &format!("{object}/{name}"), json!(MARK)), PLACE);
        }
    }
}

/// Some may be left out: a document without them is another one, and so is altered.
#[test]
fn no_member_is_missing() {
    let json = sample_json();
    for pointer in members(&json) {
        let without = with(&json, &pointer, None);
        match pointer.rsplit_once('/').unwrap() {
            (key, "created_at" | "rotate_after_days") if key.starts_with("/keys") => {
                unopened(without);
            }
            _ => refused_malformed(&without),
        }
    }
}

#[track_caller]
fn refused_malformed(json: &str) {
    let error = refused(json);
    assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
}

#[test]
fn the_generation_is_an_integer_of_53_bits() {
    let json = sample_json();
    let bound = "the generation of a ring document is 1 to 2^53-1";
    let spelled =
        |number: &str| json.replace("\"generation\": 1", &format!("\"generation\": {number}"));
    for out in ["0", "9007199254740992", "18446744073709551615"] {
        malformed(spelled(out), bound);
    }
    let no_integers = [
        "-1",
        "-0",
        "1.0",
        "1e0",
        "1E0",
        "10e-1",
        "18446744073709551616",
        "01",
        "+1",
        "0x1",
        "1_0",
        "NaN",
        "Infinity",
        "1e400",
        ".1",
        "1.",
    ];
    for number in no_integers {
        malformed(spelled(number), PLACE);
    }
    // A good one, but not the one that was authenticated.
    for other in ["2", "9007199254740991"] {
        unopened(spelled(other));
    }
    assert!(open(spelled("1"), &key(1)).is_ok());
}

#[test]
fn numbers_of_keys_and_slots_are_integers() {
    let json = sample_json();
    for member in ["\"rotate_after_days\": 90", "\"passes\": 1", "\"threshold\": 2", "\"id\": 2"] {
        assert!(json.contains(member), "{member}");
        let (name, number) = member.split_once(' ').unwrap();
        for other in [".0", "e0", "00000000000000000000", ".5"] {
            malformed(json.replace(member, &format!("{name} {number}{other}")), PLACE);
        }
        for other in ["-1", "-0", "4294967296", "18446744073709551616"] {
            malformed(json.replace(member, &format!("{name} {other}")), PLACE);
        }
    }
}

#[test]
fn the_id_is_32_lower_case_digits() {
    let json = sample_json();
    let id = member(&json, "/id").as_str().unwrap().to_owned();
    let bad = [
        String::new(),
        id[1..].into(),
        format!("{id}0"),
        format!("{id}00"),
        format!("{}g", &id[1..]),
        format!("{}A", &id[1..]),
        format!(" {}", &id[1..]),
        format!("{}-{}", &id[1..16], &id[16..]),
    ];
    for bad in bad {
        malformed(with(&json, "/id", json!(bad)), "the id of a ring document is 32");
    }
    unopened(with(&json, "/id", json!("0".repeat(32))));
}

#[test]
fn a_document_has_secrets_and_slots_or_is_unprotected() {
    let json = sample_json();
    let words = "a ring document has `secrets` and slots, or `unprotected` and none";
    let plain = document().to_unprotected_json().unwrap().0;
    malformed(with(&json, "/slots", json!([])), words);
    malformed(with(&json, "/secrets", None), words);
    malformed(with(&json, "/unprotected", json!("AAAA")), words);
    malformed(with(&plain, "/unprotected", None), words);
    malformed(with(&plain, "/secrets", member(&json, "/secrets")), words);
    malformed(with(&plain, "/slots", member(&json, "/slots")), words);
    let both = with(&with(&plain, "/secrets", json!("")), "/slots", member(&json, "/slots"));
    malformed(both, words);
}

#[test]
fn times_have_one_spelling() {
    let json = sample_json();
    let bad = [
        "",
        "yesterday",
        "2026-11-22",
        "2026-11-22T00:33:40",
        "2026-11-22T00:33:40+00:00",
        "2026-11-22T00:33:40.0Z",
        "2026-11-22t00:33:40z",
        "2026-11-22 00:33:40Z",
        "2026-02-30T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "1969-12-31T23:59:59Z",
        "-000001-01-01T00:00:00Z",
        "+010000-01-01T00:00:00Z",
        "2026-11-22T00:33:40Z[UTC]",
        MARK,
    ];
    for bad in bad {
        malformed(
            with(&json, "/written_at", json!(bad)),
            "the ring document says no time of writing",
        );
        malformed(
            with(&json, "/slots/0/created_at", json!(bad)),
            "slot 1 of the document: its time is none",
        );
        malformed(
            with(&json, "/keys/0/created_at", json!(bad)),
            "a key of the ring document has members",
        );
    }
    for pointer in ["/written_at", "/slots/0/created_at", "/keys/0/created_at"] {
        unopened(with(&json, pointer, json!("2001-01-01T00:00:00Z")));
    }
}

#[test]
fn secrets_that_are_none_are_like_altered_ones() {
    let json = sample_json();
    let secrets = member(&json, "/secrets").as_str().unwrap().to_owned();
    let mut longer = secrets.clone();
    longer.push_str("AAAA");
    let bad = [
        "",
        "A",
        "AAAA",
        "=",
        "not base64!",
        &secrets[4..],
        &secrets[..secrets.len() - 4],
        &longer,
        &secrets.replace(['-', '_'], "+"),
        &format!("{secrets}="),
        &format!("{secrets}\n"),
        &"A".repeat(96),
        &"A".repeat(95),
    ];
    for bad in bad {
        if bad != secrets {
            unopened(with(&json, "/secrets", json!(bad)));
        }
    }
}

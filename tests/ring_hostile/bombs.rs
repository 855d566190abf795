//! Documents that are meant to exhaust who reads them.

use std::time::{Duration, Instant};

use fieldseal::ErrorKind;
use fieldseal::keyring::LockedRing;

use super::common::ring::error;
use super::{discreet, refused_within, sample_json};

/// What is refused soon, though these builds are slow.
#[track_caller]
fn soon(json: &str) -> ErrorKind {
    let begun = Instant::now();
    let error = error(LockedRing::from_json(json.as_bytes()));
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}: {error}");
    discreet(&error, &json.as_bytes()[..json.len().min(4_096)]);
    error.kind()
}

#[test]
fn nested_deeply() {
    let json = sample_json();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for levels in [100, 127, 128, 129, 1_000, 1_000_000] {
            let nested = format!("{}1{}", open.repeat(levels), close.repeat(levels));
            let (_, rest) = json.split_once('{').unwrap();
            for bomb in [
                nested.clone(),
                open.repeat(levels),
                format!("{{\"x\": {nested}, {rest}"),
                format!("{{\"fieldseal\": \"ring/1\", \"x\": {nested}}}"),
                json.replace("\"server\"", &nested),
                json.replace("\"ring/1\"", &nested),
                json.replace("\"slots\": [", &format!("\"slots\": [{nested},")),
                json.replace("\"keys\": [", &format!("\"keys\": [{nested},")),
            ] {
                assert_eq!(soon(&bomb), ErrorKind::Malformed);
            }
        }
    }
}

#[test]
fn of_a_million_members() {
    let json = sample_json();
    let (_, rest) = json.split_once('{').unwrap();
    let members: String = (0..1_000_000).map(|number| format!("\"{number}\":0,")).collect();
    assert_eq!(soon(&format!("{{{members}{rest}")), ErrorKind::Malformed);
    let same = "\"fieldseal\":\"ring/1\",".repeat(1_000_000);
    assert_eq!(soon(&format!("{{{same}{rest}")), ErrorKind::Malformed);
}

/// A point of the curve is computed for each; the last stands twice, so that all are looked at.
#[test]
fn of_many_public_halves() {
    let mut ring = fieldseal::KeyRing::empty();
    ring.add_signing_key().unwrap();
    let ring = ring.subset(&[]).unwrap().into_ring();
    let (json, _) =
        fieldseal::keyring::RingDocument::new(ring).unwrap().to_unprotected_json().unwrap();
    let mut key = super::member(&json, "/keys/0");
    key["state"] = "disabled".into();
    let keys: Vec<_> = (1..25_000_u32)
        .chain([24_999])
        .map(|id| {
            key["id"] = format!("{id:08x}").into();
            key.clone()
        })
        .collect();
    let all = super::with(&json, "/keys", serde_json::Value::from(keys));
    assert!(all.len() > 2_500_000);
    assert_eq!(soon(&all), ErrorKind::Malformed);
}

/// Of the million, no more are kept than a document may have.
#[test]
fn of_a_million_slots_and_keys() {
    refused_within(150, "lists");
}

pub(super) fn refuse_long_lists() {
    let json = sample_json();
    let small = r#"{"created_at":"","id":1,"kind":"key","label":""}"#;
    let entry = r#"{"holds":"","id":"","name":"","state":"","use":""}"#;
    let slot = super::member(&json, "/slots/0").to_string();
    for (list, item, times) in
        [("slots", small, 1_000_000), ("slots", &slot, 100_000), ("keys", entry, 1_000_000)]
    {
        let (before, behind) = json.split_once(&format!("\"{list}\": [")).unwrap();
        let mut bomb = String::with_capacity(json.len() + 20 + times * (item.len() + 1));
        bomb.extend([before, "\"", list, "\": ["]);
        (0..times).for_each(|_| bomb.extend([item, ","]));
        bomb.push_str(behind);
        assert_eq!(soon(&bomb), ErrorKind::Malformed);
    }
}

/// Of the shortest items there are, which take the most memory for their text: twelve times the document,
/// if all of them are kept.
#[test]
fn of_12_mib_of_scopes_and_shares() {
    refused_within(60, "scopes");
}

pub(super) fn refuse_the_shortest_items() {
    let length: usize = 12 << 20;
    let json = sample_json();
    let scopes = |start: &str, item: &str, end: &str| {
        let (before, behind) = json.split_once("\"holds\"").unwrap();
        let times = (length - json.len() - start.len() - end.len() - 2) / (item.len() + 1);
        let mut bomb = String::with_capacity(length);
        bomb.extend([before, start]);
        (0..times).for_each(|_| bomb.extend([item, ","]));
        bomb.extend([item, end, "\"holds\"", behind]);
        bomb
    };
    let one_key = scopes("\"derived\":[", r#"{"tenant":""}"#, "],");
    assert_eq!(soon(&one_key), ErrorKind::Malformed);
    drop(one_key);
    let key = r#""holds":"","id":"","name":"","state":"","use":"","derived":[{"tenant":""}]"#;
    let many_keys = scopes("", &format!("{key}}},{{"), "");
    assert_eq!(soon(&many_keys), ErrorKind::Malformed);
    drop(many_keys);
    let (before, behind) = json.split_once("\"share_tags\": [").unwrap();
    let tags = "\"\",".repeat((length - json.len()) / 3);
    let tags = [before, "\"share_tags\": [", &tags, behind].concat();
    assert_eq!(soon(&tags), ErrorKind::Malformed);
}

#[test]
fn of_a_million_scopes_and_shares() {
    let json = sample_json();
    let scope = r#"{"tenant":"","purpose":"a"},"#.repeat(1_000_000);
    let derived = format!("\"derived\": [{}],\n \"holds\"", &scope[..scope.len() - 1]);
    assert_eq!(soon(&json.replacen("\"holds\"", &derived, 1)), ErrorKind::Malformed);
    let tags = "\"0000000000000000\",".repeat(1_000_000);
    let tags = format!("\"share_tags\": [{tags}");
    assert_eq!(soon(&json.replace("\"share_tags\": [", &tags)), ErrorKind::Malformed);
}

#[test]
fn of_huge_texts() {
    let json = sample_json();
    let huge = "x".repeat(32 << 20);
    for text in
        ["\"server\"", "\"ring/1\"", "\"billing\"", "\"wrap\"", "\"fieldseal\"", "\"label\""]
    {
        let bomb = json.replacen(text, &format!("\"{huge}\""), 1);
        assert_eq!(soon(&bomb), ErrorKind::Malformed, "{text}");
    }
    let escaped = json.replacen("\"server\"", &format!("\"{}\"", "\\u0041".repeat(1 << 20)), 1);
    assert_eq!(soon(&escaped), ErrorKind::Malformed);
    let digits =
        json.replacen("\"generation\": 1", &format!("\"generation\": {}", &"1".repeat(1 << 20)), 1);
    assert_eq!(soon(&digits), ErrorKind::Malformed);
}

#[test]
fn of_more_than_64_mib() {
    let json = sample_json();
    let white = " ".repeat((64 << 20) - json.len());
    assert!(LockedRing::from_json(format!("{json}{white}").as_bytes()).is_ok());
    let refused = error(LockedRing::from_json(format!("{json}{white} ").as_bytes()));
    assert_eq!(refused.kind(), ErrorKind::Malformed);
    assert!(refused.to_string().contains("at most 64 MiB"), "{refused}");
}

//! Whose word a receipt is: signatures, keys, labels, and each member.

use ed25519_dalek::{Signer as _, SigningKey as Ed25519};
use serde_json::{Value, json};

use super::*;
use crate::common::bytes::expand;
use fieldseal::ledger::{Ledger, LedgerHead};

/// What the ring key of [`signing`] signs of these bytes (FORMAT.md, RK-8), by hand.
fn signature(message: &[u8]) -> String {
    let seed = expand(&secret(SIGN), b"fieldseal/v1 sign");
    base64(&Ed25519::from_bytes(&seed).sign(message).to_bytes())
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let number = part.iter().fold(0_usize, |all, byte| all << 8 | usize::from(*byte));
        let number = number << (8 * (3 - part.len()));
        let digits = [18, 12, 6, 0].map(|shift| char::from(ALPHABET[number >> shift & 63]));
        text.extend(&digits[..=part.len()]);
    }
    text
}

/// A value with its members in ascending order, and nothing else to be spelled in two ways.
pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.keys().collect();
            names.sort();
            let spelled =
                names.into_iter().map(|name| format!("{name:?}:{}", canonical(&members[name])));
            format!("{{{}}}", spelled.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// The document signed anew, under this label, by the key of [`signing`].
fn signed_under(label: &str, mut document: Value) -> Value {
    document.as_object_mut().unwrap().remove("signature");
    let message = format!("{label}{}", canonical(&document));
    document["signature"] = signature(message.as_bytes()).into();
    document
}

pub(crate) fn signed(document: Value) -> Value {
    signed_under("fieldseal/v1 receipt", document)
}

/// A receipt that has every member.
pub(crate) fn document() -> Value {
    let (ring, store) = (signing(), store());
    let erasure = store.erase(&(), at(&ring, NOW + DAY), 42).unwrap();
    let receipt = receipt(&erasure, &ring, Some(&catalog()));
    serde_json::from_str(&receipt.to_string()).unwrap()
}

fn read(document: &Value) -> Result<Receipt, fieldseal::Error> {
    Receipt::from_json(document.to_string().as_bytes(), &keys())
}

/// `[RE-5]`, with another's Ed25519 and another's JSON.
#[test]
fn a_receipt_made_by_hand_from_the_format_is_believed() {
    let document = document();
    assert_eq!(signed(document.clone()), document, "signatures of one text are the same");
    read(&document).unwrap();
    let mut other = document;
    other["actor"] = "somebody else".into();
    assert_eq!(kind(read(&other)), ErrorKind::Tampered);
    assert_eq!(read(&signed(other)).unwrap().actor(), Some("somebody else"));
}

/// Every way to change one place of a value: something else there, gone, or twice.
fn changed(value: &Value) -> Vec<Value> {
    let mut all = vec![Value::Null, Value::Bool(true), json!({}), json!([])];
    match value {
        Value::String(text) => {
            all.push(format!("{text}x").into());
            let mut other = text.clone();
            if let Some(last) = other.pop() {
                all.push(text[1..].into());
                all.push(format!("{other}{}", if last == '0' { '1' } else { '0' }).into());
            }
            all.push(text.to_uppercase().into());
            all.push(json!([text]));
        }
        Value::Number(number) => {
            let number = number.as_u64().unwrap();
            all.extend([json!(number + 1), json!(0), json!(-1), json!(number.to_string())]);
            all.extend([json!(1.5), json!(65_536), json!(u64::MAX)]);
        }
        Value::Array(items) => {
            for place in 0..items.len() {
                let mut less = items.clone();
                let item = less.remove(place);
                all.push(less.clone().into());
                less.insert(0, item.clone());
                all.push(less.into());
                all.push([items.as_slice(), &[item]].concat().into());
                for other in changed(&items[place]) {
                    let mut items = items.clone();
                    items[place] = other;
                    all.push(items.into());
                }
            }
        }
        Value::Object(members) => {
            // As serde would take it too.
            all.push(members.values().cloned().collect());
            let mut more = members.clone();
            more.insert("more".into(), "x".into());
            all.push(more.into());
            for (name, member) in members {
                let mut less = members.clone();
                less.remove(name);
                all.push(less.into());
                for other in changed(member) {
                    let mut members = members.clone();
                    members[name] = other;
                    all.push(members.into());
                }
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
    all.retain(|other| other != value);
    all
}

#[test]
fn no_member_can_be_changed_added_or_left_out() {
    let document = document();
    let all = changed(&document);
    assert!(all.len() > 400, "{}", all.len());
    let mut tampered = 0;
    for other in all {
        match kind(read(&other)) {
            ErrorKind::Tampered => tampered += 1,
            ErrorKind::Malformed | ErrorKind::MissingKey | ErrorKind::Unsupported => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(tampered > 100, "what is spelled well is told by the signature: {tampered}");
}

#[test]
fn no_byte_can_be_changed_but_where_layout_is_free() {
    let text = document().to_string();
    for place in 0..text.len() {
        for other in [b' ', b'0', b'"', b'}', 0x80] {
            let mut bytes = text.clone().into_bytes();
            if bytes[place] == other {
                continue;
            }
            bytes[place] = other;
            let refused = Receipt::from_json(&bytes, &keys());
            assert!(refused.is_err(), "{place} {}", char::from(other));
        }
    }
}

#[test]
fn a_signature_by_another_key_is_not_believed() {
    let document = document();
    let text = document.to_string();
    assert_eq!(kind(Receipt::from_json(text.as_bytes(), &[])), ErrorKind::MissingKey);
    // Another ring's, of another id and of the same.
    let mut other = KeyRing::generate().unwrap();
    other.add_signing_key().unwrap();
    let refused = Receipt::from_json(text.as_bytes(), &other.verifying_keys()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::MissingKey);
    assert!(refused.to_string().contains(&id(SIGN).to_string()), "{refused}");
    let same = VerifyingKey::new(id(SIGN), &other.verifying_keys()[0].to_bytes()).unwrap();
    assert_eq!(kind(Receipt::from_json(text.as_bytes(), &[same])), ErrorKind::Tampered);
    // Among others, the right one is found.
    let all = [other.verifying_keys(), keys()].concat();
    assert!(Receipt::from_json(text.as_bytes(), &all).is_ok());
    // The key that is named must be the one that signed.
    let mut renamed = document;
    renamed["key"] = other.verifying_keys()[0].id().to_string().into();
    let mut renamed = signed(renamed);
    if let Err(refused) = Receipt::from_json(renamed.to_string().as_bytes(), &all) {
        assert!(matches!(refused.kind(), ErrorKind::Tampered | ErrorKind::Malformed), "{refused}");
    } else {
        panic!("it is believed");
    }
    renamed["key"] = "00000000".into();
    assert_eq!(kind(read(&signed(renamed))), ErrorKind::Malformed);
}

#[test]
fn the_public_half_alone_verifies() {
    let text = keys()[0].to_string();
    assert!(text.starts_with("fsv1."));
    let document = document().to_string();
    let receipt = Receipt::from_json(document.as_bytes(), &[text.parse().unwrap()]).unwrap();
    assert_eq!(receipt.generations().len(), 4);
}

#[test]
fn a_former_key_is_believed_and_a_compromised_or_disabled_one_is_not() {
    let document = document().to_string();
    for (state, believed) in [
        (KeyState::OpenOnly, true),
        (KeyState::Disabled, false),
        (KeyState::Compromised, false),
        (KeyState::Destroyed, false),
    ] {
        let mut ring = signing();
        ring.rotate(KeyUse::Sign, "sign").unwrap();
        put(&mut ring, SIGN, state);
        let read = Receipt::from_json(document.as_bytes(), &ring.verifying_keys());
        match read {
            Ok(_) => assert!(believed, "{state:?}"),
            Err(error) => {
                assert!(!believed && error.kind() == ErrorKind::MissingKey, "{state:?} {error}");
            }
        }
    }
}

/// `[RE-5]`, `[LG-5]`: what is signed says what it is, so that one is never taken for the other.
#[test]
fn a_signature_under_another_label_is_not_believed() {
    let document = document();
    for label in [
        "fieldseal/v1 ledger",
        "fieldseal/v1 ledger line",
        "fieldseal/v1 receipts",
        "fieldseal/v1 ring",
        "",
    ] {
        let other = signed_under(label, document.clone());
        assert_eq!(kind(read(&other)), ErrorKind::Tampered, "{label}");
    }
}

#[test]
fn a_ledger_line_is_no_receipt_and_a_receipt_no_line() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let _ = store().erase(&(), at(&ring, NOW).ledger(&ledger), 42).unwrap();
    let text = ledger.text();
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines {
        assert_eq!(kind(Receipt::from_json(line.as_bytes(), &keys())), ErrorKind::Malformed);
    }
    let receipt = canonical(&document());
    assert_eq!(kind(Ledger::read(&format!("{receipt}\n"), &keys())), ErrorKind::Malformed);
    let behind = format!("{}\n{receipt}\n", lines[0]);
    assert_eq!(kind(Ledger::read(&behind, &keys())), ErrorKind::Malformed);
    assert_eq!(kind(LedgerHead::of_last_line(&receipt)), ErrorKind::Malformed);

    // The signature of one in the other.
    let entry: Value = serde_json::from_str(lines[1]).unwrap();
    let mut other = document();
    other["signature"] = entry["signature"].clone();
    assert_eq!(kind(read(&other)), ErrorKind::Tampered);

    // A line that is signed as a receipt is.
    assert_eq!(canonical(&signed_under("fieldseal/v1 ledger", entry.clone())), lines[1]);
    let forged = canonical(&signed_under("fieldseal/v1 receipt", entry));
    let forged = format!("{}\n{forged}\n", lines[0]);
    assert_eq!(kind(Ledger::read(&forged, &keys())), ErrorKind::Tampered);
}

#[test]
fn other_versions_and_other_documents_are_told_apart() {
    for (said, refused) in [
        ("receipt/2", ErrorKind::Unsupported),
        ("receipt/10", ErrorKind::Unsupported),
        ("receipt", ErrorKind::Malformed),
        ("ledger/1", ErrorKind::Malformed),
        ("ring/1", ErrorKind::Malformed),
        ("", ErrorKind::Malformed),
    ] {
        let mut document = document();
        document["fieldseal"] = said.into();
        assert_eq!(kind(read(&signed(document))), refused, "{said}");
    }
    let begin = LedgerHead::begin(&signing(), NOW).unwrap().0;
    for other in ["", "{}", "[]", "null", "\"receipt/1\"", "[\"receipt/1\"]", &begin, "fs1.AAAA"] {
        let refused = kind(Receipt::from_json(other.as_bytes(), &keys()));
        assert_eq!(refused, ErrorKind::Malformed, "{other}");
    }
}

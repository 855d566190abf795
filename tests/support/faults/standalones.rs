//! Standalone envelopes that do not open (`[SA-5]`).

use serde_json::{Value, json};

use super::super::positives::{APP, ENVELOPE, NOW, fixed, large_ring, standalone};
use super::{DataKey, Files, Place, SUITE, Terms, forge, hex, id32, refusal, secret, unhex};

fn key(class: &str, generation: u16) -> DataKey {
    DataKey::derive(fixed("standalone"), Place { tenant: "acme", subject: b"", class, generation })
}

fn live(class: &str, generation: u16, expires_at: u64) -> Vec<u8> {
    let (key, terms) =
        (key(class, generation), Terms { suite: SUITE, created_at: NOW, expires_at });
    let place = Place { tenant: "acme", subject: b"", class, generation };
    let aad = forge::wrap_aad(place, terms, &key.commitment, 1, id32(APP));
    let wrapped = forge::wrap_symmetric(&secret(APP), &fixed("wrap nonce")[..24], &aad, &key.key);
    let recipient = forge::recipient(1, id32(APP), &wrapped);
    forge::live_entry(class.as_bytes(), generation, terms, &key.commitment, &[recipient])
}

fn envelope(entries: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(entries.len()).unwrap();
    let body = forge::envelope_body(1, count, entries, id32(ENVELOPE));
    forge::authenticated(&secret(ENVELOPE), "acme", b"", &body)
}

fn field(key: &DataKey, plaintext: &[u8]) -> Vec<u8> {
    let aad = forge::standalone_aad(&forge::head(key), b"avatar of 42");
    forge::sealed(key, &fixed("field nonce")[..24], &aad, plaintext)
}

/// Around these entries, with a field under the key of this class and generation.
fn around(entries: &[Vec<u8>], class: &str, generation: u16) -> Vec<u8> {
    forge::standalone(&envelope(entries), &field(&key(class, generation), b"\x41\x07"))
}

pub(super) fn all() -> Files {
    let whole =
        unhex(&standalone("bytes that do not open", &[APP], 0, b"PNG").done()["standalone"]);
    let first = |byte: u8| [&[byte], &whole[1..]].concat();
    let changed = |at: usize, by: u8| {
        let mut bytes = whole.clone();
        bytes[at] ^= by;
        bytes
    };
    let inner = usize::from(u16::from_be_bytes([whole[1], whole[2]]));
    let none = json!({});
    let right = || live("standalone", 1, 0);
    let erased = forge::erased_entry(b"standalone", 1, key("standalone", 1).tag(), NOW);
    let of_tag =
        forge::standalone(&envelope(&[right()]), &field(&key("standalone", 2), b"\x41\x07"));
    let short = [&[0xF7, 0, 39], &whole[3..]].concat();
    let strange = large_ring();
    let strange = json!({"ring": {"keys": [strange["keys"][0]]}});
    let no_role = large_ring();
    let no_role = json!({"ring": {"keys": [no_role["keys"][1], no_role["keys"][3]]}});
    let integer = forge::standalone(&envelope(&[right()]), &field(&key("standalone", 1), b"\x07"));
    let padding =
        forge::standalone(&envelope(&[right()]), &field(&key("standalone", 1), b"\x41\x07\0\x01"));
    let cases: Vec<(&str, &str, &str, Vec<u8>, Value)> = vec![
        ("empty", "not-sealed", "no bytes", vec![], none.clone()),
        ("envelope", "not-sealed", "bytes led as a key envelope", first(0xF6), none.clone()),
        ("reserved", "unsupported", "a reserved first byte", first(0xF8), none.clone()),
        ("two-bytes", "malformed", "two bytes", whole[..2].to_vec(), none.clone()),
        ("inner-too-short", "malformed", "a key envelope of 39 bytes", short, none.clone()),
        (
            "inner-past-the-end",
            "malformed",
            "the key envelope's length runs past the end",
            changed(1, 0x40),
            none.clone(),
        ),
        (
            "inner-first-byte",
            "malformed",
            "a key envelope led by another byte",
            changed(3, 1),
            none.clone(),
        ),
        (
            "field-first-byte",
            "malformed",
            "a sealed field led by another byte",
            changed(3 + inner, 1),
            none.clone(),
        ),
        (
            "field-too-short",
            "malformed",
            "a sealed field of 45 bytes",
            whole[..3 + inner + 45].to_vec(),
            none.clone(),
        ),
        ("key-unknown", "wrong-key", "the ring lacks the envelope key", whole.clone(), strange),
        ("mac", "tampered", "the key envelope is altered", changed(12, 1), none.clone()),
        ("tenant", "tampered", "another tenant", whole.clone(), json!({"tenant": ""})),
        (
            "inner-malformed",
            "malformed",
            "the key envelope breaks KE-5",
            around(&[forge::erased_entry(b"standalone", 0, [1; 4], NOW)], "standalone", 1),
            none.clone(),
        ),
        (
            "two-entries",
            "malformed",
            "two entries",
            around(&[right(), live("standalone", 2, 0)], "standalone", 1),
            none.clone(),
        ),
        (
            "class",
            "malformed",
            "another class",
            around(&[live("personal", 1, 0)], "personal", 1),
            none.clone(),
        ),
        (
            "generation",
            "malformed",
            "another generation",
            around(&[live("standalone", 2, 0)], "standalone", 2),
            none.clone(),
        ),
        (
            "erased",
            "malformed",
            "an erased entry",
            around(&[erased], "standalone", 1),
            none.clone(),
        ),
        (
            "subject-erased",
            "malformed",
            "an erased subject",
            around(&[forge::erased_subject(NOW)], "standalone", 1),
            none.clone(),
        ),
        ("tag", "malformed", "a sealed field under another key", of_tag, none.clone()),
        ("role-unknown", "not-permitted", "no recipient is ours", whole.clone(), no_role),
        (
            "readers-others",
            "not-permitted",
            "the opener names other readers",
            whole.clone(),
            json!({"readers": ["billing", "doctor"], "ring": large_ring()}),
        ),
        (
            "reader-twice",
            "invalid-input",
            "a reader named twice",
            whole.clone(),
            json!({"readers": ["app", "app"]}),
        ),
        (
            "context-too-long",
            "invalid-input",
            "a context of 65,536 bytes",
            whole.clone(),
            json!({"context": [{"byte": "00", "times": 65_536}]}),
        ),
        (
            "expired",
            "expired",
            "the moment of expiry",
            around(&[live("standalone", 1, NOW)], "standalone", 1),
            none.clone(),
        ),
        (
            "context",
            "tampered",
            "another context",
            whole.clone(),
            json!({"context": hex(b"avatar of 43")}),
        ),
        (
            "ciphertext",
            "tampered",
            "the sealed field is altered",
            changed(whole.len() - 1, 1),
            none.clone(),
        ),
        ("padding", "malformed", "padding that is not zero", padding, none.clone()),
        ("type", "type-mismatch", "what is sealed is no byte string", integer, none),
    ];
    cases
        .into_iter()
        .map(|(name, error, about, bytes, change)| {
            let mut file = refusal("open-standalone", error, about, &["SA-5"]);
            file["ring"] = super::small_ring();
            file["tenant"] = "acme".into();
            file["now"] = NOW.into();
            file["context"] = hex(b"avatar of 42").into();
            file["standalone"] = hex(&bytes).into();
            file.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            (format!("sa5-{name}"), file)
        })
        .collect()
}

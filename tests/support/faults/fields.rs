//! Fields that do not open (`[OP-1]`), plaintexts that are none (`[PT-4]`), and values that do not seal
//! (`[SF-3]`).

use serde_json::{Value, json};

use super::{
    APP, BILLING, DOCTOR, ENVELOPE, Files, NOW, SUITE, Terms, app, authentic, body, data_key,
    erased, fixed, forge, hex, id32, pair, plain_class, refusal, right, ring_of, secret, subject,
    symmetric, with_envelope,
};
use crate::support::forge::{DataKey, Place};
use crate::support::forms::id;
use crate::support::positives::merged;

/// Name, error, requirement, what it is about, envelope, and what is asserted otherwise.
pub(super) type Case = (&'static str, &'static str, &'static str, &'static str, Vec<u8>, Value);

pub(super) fn all() -> Files {
    let mut files = opening();
    files.extend(reaching());
    files.extend(plaintexts());
    files.extend(types());
    files.extend(super::sealing::all());
    files
}

/// `customer.name` of class `personal` in row 7, to be opened as text.
pub(super) fn at() -> Value {
    json!({
        "record": "customer", "field": "name", "row": {"int": "7"}, "class": plain_class("personal"),
        "was": null, "pad": 16, "hide_absence": false, "type": "text",
    })
}

fn aad(key: &DataKey) -> Vec<u8> {
    let row = id(&json!({"int": "7"})).unwrap();
    forge::field_aad(&forge::head(key), "customer", "name", row.as_bytes())
}

/// A plaintext under the key of a generation of class `personal`.
pub(super) fn sealed(key: &DataKey, plaintext: &[u8]) -> Vec<u8> {
    forge::sealed(key, &fixed("field nonce")[..24], &aad(key), plaintext)
}

pub(super) fn ada() -> Vec<u8> {
    [b"\x63Ada".as_slice(), &[0; 12]].concat()
}

pub(super) fn open(
    name: &str,
    error: &str,
    about: &str,
    covers: &[&str],
    envelope: Vec<u8>,
    sealed: &[u8],
    change: &Value,
) -> (String, Value) {
    let mut file = with_envelope(refusal("open", error, about, covers), envelope);
    let mut field = at();
    field["sealed"] = hex(sealed).into();
    for (key, value) in change.as_object().unwrap() {
        match field.get_mut(key) {
            Some(place) => *place = value.clone(),
            None if key == "mask" => field["mask"] = value.clone(),
            None => file[key.as_str()] = value.clone(),
        }
    }
    file["field"] = field;
    (name.to_owned(), file)
}

pub(super) fn envelope() -> Vec<u8> {
    authentic(&body(&[right("contact", 1), right("personal", 1)]))
}

fn opening() -> Files {
    let key = data_key("personal", 1);
    let whole = sealed(&key, &ada());
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let first = |byte: u8| [&[byte], &whole[1..]].concat();
    let of_contact = sealed(&data_key("contact", 1), &ada());
    let none = json!({});
    let purpose = {
        let mut aad = aad(&key);
        aad[5] = 1;
        forge::sealed(&key, &fixed("field nonce")[..24], &aad, &ada())
    };
    let cases: Vec<(&str, &str, &str, Vec<u8>, Value)> = vec![
        ("empty", "not-sealed", "no bytes", vec![], none.clone()),
        ("plain", "not-sealed", "bytes that are not sealed", b"Ada".to_vec(), none.clone()),
        ("envelope", "not-sealed", "bytes led as a key envelope", first(0xF6), none.clone()),
        (
            "standalone",
            "not-sealed",
            "bytes led as a standalone envelope",
            first(0xF7),
            none.clone(),
        ),
        ("reserved", "unsupported", "a reserved first byte", first(0xF8), none.clone()),
        ("too-short", "malformed", "45 bytes", whole[..45].to_vec(), none.clone()),
        ("tag", "wrong-key", "a tag of no generation", flipped(1), none.clone()),
        (
            "tag-of-another-class",
            "wrong-key",
            "the tag of another class's generation",
            of_contact.clone(),
            none.clone(),
        ),
        ("nonce", "tampered", "the nonce is altered", flipped(5), none.clone()),
        ("ciphertext", "tampered", "the ciphertext is altered", flipped(29), none.clone()),
        ("aead-tag", "tampered", "the AEAD tag is altered", flipped(whole.len() - 1), none.clone()),
        ("cut", "tampered", "the last byte is cut", whole[..whole.len() - 1].to_vec(), none),
        ("record", "tampered", "another record", whole.clone(), json!({"record": "order"})),
        ("field", "tampered", "another field", whole.clone(), json!({"field": "email"})),
        ("row", "tampered", "another row", whole.clone(), json!({"row": {"int": "8"}})),
        ("row-form", "tampered", "the row as text", whole.clone(), json!({"row": {"text": "7"}})),
        ("single-row", "tampered", "as the only row", whole.clone(), json!({"row": null})),
        ("purpose", "tampered", "sealed for another purpose", purpose, json!({})),
        (
            "former-class",
            "wrong-key",
            "neither the class nor the former one",
            of_contact,
            json!({"was": plain_class("health")}),
        ),
    ];
    cases
        .into_iter()
        .map(|(name, error, about, sealed, change)| {
            open(&format!("op1-{name}"), error, about, &["OP-1"], envelope(), &sealed, &change)
        })
        .collect()
}

/// A generation of class `personal` with these terms and recipients.
pub(super) fn of_terms(terms: Terms, recipients: &[Vec<u8>]) -> Vec<u8> {
    let key = data_key("personal", 1);
    let entry = forge::live_entry(b"personal", 1, terms, &key.commitment, recipients);
    authentic(&body(&[entry]))
}

/// The recipient `app`, wrapped under these terms.
pub(super) fn wrapped(terms: Terms, data_key_bytes: &[u8]) -> Vec<u8> {
    let (key, subject) = (data_key("personal", 1), subject());
    let place = Place { tenant: "acme", subject: &subject, class: "personal", generation: 1 };
    let aad = forge::wrap_aad(place, terms, &key.commitment, 1, id32(APP));
    let nonce = &fixed("wrap nonce")[..24];
    let wrapped = forge::wrap_symmetric(&secret(APP), nonce, &aad, data_key_bytes);
    forge::recipient(1, id32(APP), &wrapped)
}

fn reaching() -> Files {
    let key = data_key("personal", 1);
    let whole = sealed(&key, &ada());
    let terms = |suite: u8, expires_at: u64| Terms { suite, created_at: NOW, expires_at };
    let never = terms(SUITE, 0);
    let expired = terms(SUITE, NOW);
    let mut altered = app("personal", 1);
    *altered.last_mut().unwrap() ^= 1;
    let pair_ring = ring_of(&[
        pair(APP, "app", "primary"),
        symmetric(ENVELOPE, "envelope", "envelope", "primary"),
    ]);
    let mut half = pair(DOCTOR, "doctor", "primary");
    half["form"] = "writer".into();
    half.as_object_mut().unwrap().remove("private");
    let half_ring = ring_of(&[half, symmetric(ENVELOPE, "envelope", "envelope", "primary")]);
    let of_state = |state: &str| {
        let app = symmetric(APP, "wrap", "app", state);
        json!({"ring": ring_of(&[app, symmetric(ENVELOPE, "envelope", "envelope", "primary")])})
    };
    let both_roles = json!({"ring": ring_of(&[
        symmetric(APP, "wrap", "app", "primary"),
        symmetric(BILLING, "wrap", "billing", "primary"),
        symmetric(ENVELOPE, "envelope", "envelope", "primary"),
    ])});
    let class_of = |readers: &[&str], consent: &[&str]| json!({"class": {"name": "personal", "readers": readers, "consent": consent}});
    let none = json!({});
    let right = envelope;
    let cases: Vec<Case> = vec![
        (
            "subject-erased",
            "erased",
            "OP-1",
            "the subject is erased",
            authentic(&body(&[erased("personal", 1), forge::erased_subject(NOW)])),
            none.clone(),
        ),
        (
            "erased",
            "erased",
            "OP-1",
            "the generation is erased",
            authentic(&body(&[erased("personal", 1)])),
            none.clone(),
        ),
        (
            "later-suite",
            "unsupported",
            "LE-2",
            "the generation is of a later suite",
            of_terms(terms(2, 0), &[app("personal", 1)]),
            none.clone(),
        ),
        (
            "suite-0",
            "unsupported",
            "LE-2",
            "the generation is of suite 0",
            of_terms(terms(0, 0), &[app("personal", 1)]),
            none.clone(),
        ),
        (
            "wrapped-altered",
            "tampered",
            "WR-8",
            "the only recipient of ours is altered",
            of_terms(never, &[altered]),
            none.clone(),
        ),
        (
            "commitment",
            "tampered",
            "DK-6",
            "another data key is wrapped than committed to",
            of_terms(never, &[wrapped(never, &fixed("another"))]),
            none.clone(),
        ),
        (
            "expiry-extended",
            "tampered",
            "WR-1",
            "the expiry differs from the one wrapped under",
            of_terms(terms(SUITE, NOW + 9), &[wrapped(terms(SUITE, NOW + 8), &key.key)]),
            none.clone(),
        ),
        (
            "kind-of-another-form",
            "tampered",
            "WR-7",
            "kind 1 for a key pair",
            right(),
            json!({"ring": pair_ring}),
        ),
        (
            "id-of-the-envelope-key",
            "not-permitted",
            "GN-13",
            "a recipient under the envelope key's id",
            of_terms(never, &[forge::recipient(1, id32(ENVELOPE), &[0; 72])]),
            none.clone(),
        ),
        (
            "role-unknown",
            "not-permitted",
            "WR-6",
            "no recipient is ours",
            of_terms(never, &[forge::recipient(1, id32(BILLING), &[0; 72])]),
            none.clone(),
        ),
        (
            "later-kind",
            "not-permitted",
            "RC-3",
            "the only recipient is of a later kind",
            of_terms(never, &[forge::recipient(3, id32(APP), &[0; 72])]),
            none.clone(),
        ),
        (
            "writer-half",
            "not-permitted",
            "WR-6",
            "a writer half",
            of_terms(never, &[forge::recipient(2, id32(DOCTOR), &[0; 80])]),
            json!({"ring": half_ring}),
        ),
        (
            "role-disabled",
            "not-permitted",
            "ST-2",
            "the role's key is disabled",
            right(),
            of_state("disabled"),
        ),
        (
            "role-compromised",
            "not-permitted",
            "ST-3",
            "the role's key is compromised, and this is no rescue",
            right(),
            of_state("compromised"),
        ),
        (
            "role-no-reader",
            "not-permitted",
            "GN-13",
            "the recipient of ours is no reader of the class",
            right(),
            class_of(&["billing"], &[]),
        ),
        (
            "role-with-consent-beside-a-reader",
            "not-permitted",
            "GN-13",
            "a reader with consent, in a ring that opens as a declared one",
            right(),
            merged(class_of(&["billing"], &["app"]), both_roles),
        ),
        (
            "former-class-by-the-readers-of-the-class",
            "not-permitted",
            "OP-2",
            "a former class whose readers are others",
            right(),
            json!({"class": {"name": "contact"}, "was": {"name": "personal", "readers": ["billing"]}}),
        ),
        (
            "expired",
            "expired",
            "RT-5",
            "the moment of expiry",
            of_terms(expired, &[wrapped(expired, &key.key)]),
            none.clone(),
        ),
        (
            "expired-and-altered",
            "expired",
            "OP-1",
            "expired, and the tag of another key's field",
            of_terms(expired, &[wrapped(expired, &key.key)]),
            json!({"record": "order"}),
        ),
    ];
    cases
        .into_iter()
        .map(|(name, error, rule, about, envelope, change)| {
            open(&format!("op1-{name}"), error, about, &["OP-1", rule], envelope, &whole, &change)
        })
        .collect()
}

fn plaintexts() -> Files {
    let deep = [vec![0x81; 65], vec![0x00]].concat();
    let deep_decimal =
        [vec![0x81; 62], b"\xC4\x82\x00\xC2\x49\x01\0\0\0\0\0\0\0\0".to_vec()].concat();
    let cases: [(&str, &str, &[u8]); 38] = [
        ("head-of-two-bytes", "PT-2", b"\x18\x17"),
        ("head-of-three-bytes", "PT-2", b"\x19\x00\xFF"),
        ("head-of-five-bytes", "PT-2", b"\x1A\x00\x00\xFF\xFF"),
        ("head-of-nine-bytes", "PT-2", b"\x1B\0\0\0\0\xFF\xFF\xFF\xFF"),
        ("head-reserved", "PT-2", b"\x1C"),
        ("text-length-long", "PT-2", b"\x78\x03Ada"),
        ("text-indefinite", "PT-2", b"\x7F\x61a\xFF"),
        ("bytes-indefinite", "PT-2", b"\x5F\x41a\xFF"),
        ("array-indefinite", "PT-2", b"\x9F\x01\xFF"),
        ("map-indefinite", "PT-2", b"\xBF\x01\x02\xFF"),
        ("half-float", "PT-4", b"\xF9\x3C\x00"),
        ("undefined", "PT-4", b"\xF7"),
        ("simple-value", "PT-4", b"\xE0"),
        ("simple-value-long", "PT-4", b"\xF8\x20"),
        ("tag-unknown", "PT-4", b"\xC0\x63Ada"),
        ("tag-2-alone", "PT-8", b"\xC2\x49\x01\0\0\0\0\0\0\0\0"),
        ("integer-too-low", "PT-3", b"\x3B\x80\0\0\0\0\0\0\0"),
        ("text-not-utf8", "PT-3", b"\x62\xC3\x28"),
        ("uuid-of-15-bytes", "PT-3", b"\xD8\x25\x4F\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ("uuid-of-text", "PT-3", b"\xD8\x25\x61a"),
        ("date-of-no-day", "PT-5", b"\xD9\x03\xEC\x6A2026-02-29"),
        ("date-of-9-characters", "PT-5", b"\xD9\x03\xEC\x692026-2-28"),
        ("instant-order", "PT-6", b"\xD9\x03\xE9\xA2\x28\x00\x01\x00"),
        ("instant-nanoseconds", "PT-6", b"\xD9\x03\xE9\xA2\x01\x00\x28\x1A\x3B\x9A\xCA\x00"),
        ("instant-seconds", "PT-6", b"\xD9\x03\xE9\xA2\x01\x1B\x80\0\0\0\0\0\0\0\x28\x00"),
        ("instant-without-nanoseconds", "PT-6", b"\xD9\x03\xE9\xA1\x01\x00"),
        ("decimal-exponent-above", "PT-7", b"\xC4\x82\x01\x00"),
        ("decimal-exponent-below", "PT-7", b"\xC4\x82\x38\x1C\x00"),
        ("decimal-of-three", "PT-7", b"\xC4\x83\x00\x00\x00"),
        ("decimal-plain-as-tag-2", "PT-8", b"\xC4\x82\x00\xC2\x48\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
        ("decimal-leading-zero", "PT-8", b"\xC4\x82\x00\xC2\x4A\x00\x01\0\0\0\0\0\0\0\0"),
        ("decimal-too-high", "PT-7", b"\xC4\x82\x00\xC2\x4D\x01\0\0\0\0\0\0\0\0\0\0\0\0"),
        (
            "decimal-too-low",
            "PT-7",
            b"\xC4\x82\x00\xC3\x4C\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        ),
        ("level-65", "PT-9", &deep),
        ("level-65-in-a-decimal", "PT-9", &deep_decimal),
        ("count-past-the-end", "PT-10", b"\x9B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
        ("cut", "PT-1", b"\x63Ad"),
        ("padding", "PAD-2", b"\x63Ada\0\0\x01\0"),
    ];
    let key = data_key("personal", 1);
    cases
        .into_iter()
        .map(|(name, rule, plaintext)| {
            let about = format!("a plaintext that breaks {rule}: {}", name.replace('-', " "));
            let name = format!("pt-{name}");
            let sealed = sealed(&key, plaintext);
            open(&name, "malformed", &about, &["OP-1", rule], envelope(), &sealed, &json!({}))
        })
        .collect()
}

fn types() -> Files {
    let key = data_key("personal", 1);
    let hidden = json!({"hide_absence": true, "optional": false});
    let cases: [(&str, &str, &[u8], &str, Value); 20] = [
        ("text-as-bytes", "PT-13", b"\x63Ada", "bytes", json!({})),
        ("integer-as-float", "PT-13", b"\x01", "f64", json!({})),
        ("wide-float-as-narrow", "PT-13", b"\xFB\x3F\xF8\0\0\0\0\0\0", "f32", json!({})),
        ("integer-above-the-width", "PT-13", b"\x19\x01\x00", "u8", json!({})),
        ("integer-below-the-width", "PT-13", b"\x20", "u64", json!({})),
        ("array-as-bytes", "PT-13", b"\x81\x01", "bytes", json!({})),
        ("tag-as-text", "PT-13", b"\xD9\x03\xEC\x6A2026-11-21", "text", json!({})),
        ("null", "PT-11", b"\xF6", "text", json!({})),
        ("null-for-a-value", "PT-11", b"\xF6", "text", hidden),
        ("json-null", "PT-19", b"\xF6", "json", json!({})),
        ("json-in-no-array", "PT-19", b"\x01", "json", json!({})),
        ("json-in-an-empty-array", "PT-19", b"\x80", "json", json!({})),
        ("json-in-an-array-of-two", "PT-19", b"\x82\x01\x02", "json", json!({})),
        ("json-bytes", "PT-19", b"\x81\x41\x00", "json", json!({})),
        ("json-narrow-float", "PT-19", b"\x81\xFA\x3F\xC0\0\0", "json", json!({})),
        ("json-nan", "PT-19", b"\x81\xFB\x7F\xF8\0\0\0\0\0\0", "json", json!({})),
        ("json-infinity", "PT-19", b"\x81\x81\xFB\xFF\xF0\0\0\0\0\0\0", "json", json!({})),
        ("json-key-of-no-text", "PT-19", b"\x81\xA1\x01\x01", "json", json!({})),
        ("json-key-twice", "PT-19", b"\x81\xA2\x61a\x01\x61a\x02", "json", json!({})),
        ("json-date", "PT-19", b"\x81\xD9\x03\xEC\x6A2026-11-21", "json", json!({})),
    ];
    cases
        .into_iter()
        .map(|(name, rule, plaintext, of, mut change)| {
            change["type"] = of.into();
            let about = format!("another type: {}", name.replace('-', " "));
            let sealed = sealed(&key, plaintext);
            let name = format!("type-{name}");
            let (name, mut file) =
                open(&name, "type-mismatch", &about, &["OP-1", rule], envelope(), &sealed, &change);
            if let Some(optional) = file.as_object_mut().unwrap().remove("optional") {
                file["field"]["optional"] = optional;
            }
            (name, file)
        })
        .collect()
}

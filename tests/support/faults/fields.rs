//! Fields that do not open (`[OP-1]`), plaintexts that are none (`[PT-4]`), and values that do not seal
//! (`[SF-3]`).

use serde_json::{Value, json};

use super::{
    APP, BILLING, DOCTOR, ENVELOPE, Files, NOW, SUITE, Terms, app, authentic, body, data_key,
    erased, fixed, forge, generation, hex, id32, of_role, pair, plain_class, refusal, right,
    ring_of, secret, small_ring, subject, symmetric, with_envelope,
};
use crate::support::complete::item;
use crate::support::forge::{DataKey, Place};
use crate::support::forms::id;
use crate::support::positives::merged;

/// Name, error, requirement, what it is about, envelope, and what is asserted otherwise.
type Case = (&'static str, &'static str, &'static str, &'static str, Vec<u8>, Value);

pub(super) fn all() -> Files {
    let mut files = opening();
    files.extend(reaching());
    files.extend(plaintexts());
    files.extend(types());
    files.extend(sealing());
    files
}

/// `customer.name` of class `personal` in row 7, to be opened as text.
fn at() -> Value {
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
fn of_terms(terms: Terms, recipients: &[Vec<u8>]) -> Vec<u8> {
    let key = data_key("personal", 1);
    let entry = forge::live_entry(b"personal", 1, terms, &key.commitment, recipients);
    authentic(&body(&[entry]))
}

/// The recipient `app`, wrapped under these terms.
fn wrapped(terms: Terms, data_key_bytes: &[u8]) -> Vec<u8> {
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
    let cases: [(&str, &str, &[u8], &str, Value); 9] = [
        ("text-as-bytes", "PT-13", b"\x63Ada", "bytes", json!({})),
        ("integer-as-float", "PT-13", b"\x01", "f64", json!({})),
        ("wide-float-as-narrow", "PT-13", b"\xFB\x3F\xF8\0\0\0\0\0\0", "f32", json!({})),
        ("integer-above-the-width", "PT-13", b"\x19\x01\x00", "u8", json!({})),
        ("integer-below-the-width", "PT-13", b"\x20", "u64", json!({})),
        ("array-as-bytes", "PT-13", b"\x81\x01", "bytes", json!({})),
        ("tag-as-text", "PT-13", b"\xD9\x03\xEC\x6A2026-11-21", "text", json!({})),
        ("null", "PT-11", b"\xF6", "text", json!({})),
        ("null-for-a-value", "PT-11", b"\xF6", "text", hidden),
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

fn sealing() -> Files {
    let key = data_key("personal", 1);
    let terms = |expires_at: u64| Terms { suite: SUITE, created_at: NOW, expires_at };
    let bytes = |bytes: &[u8]| json!({"type": "bytes", "value": {"t": "bytes", "v": hex(bytes)}});
    let whole = sealed(&key, &ada());
    let encoded = crate::support::complete::base64url(&whole);
    let as_text = json!({"type": "text", "value": {"t": "text", "v": encoded}});
    let own = forge::standalone(
        &authentic(&body(&[generation("standalone", 1, &[app("standalone", 1)])])),
        &{
            let key = data_key("standalone", 1);
            sealed(&key, &ada())
        },
    );
    let kept = json!({"class": {"name": "personal", "retain_days": 1}});
    let soon = terms(NOW + 86_399);
    let past = terms(NOW);
    let far = terms(NOW + 86_400);
    let hidden = json!({"hide_absence": true, "pad": 3});
    let health = json!({"class": {"name": "personal", "readers": ["app", "billing"]}});
    let strange = of_terms(terms(0), &[forge::recipient(1, id32(BILLING), &[0; 72])]);
    let none = json!({});
    let erased_subject = authentic(&body(&[erased("personal", 1), forge::erased_subject(NOW)]));
    let cases: Vec<Case> = vec![
        (
            "field-as-bytes",
            "already-sealed",
            "AS-1",
            "the bytes of a field under a known tag",
            envelope(),
            bytes(&whole),
        ),
        (
            "field-as-text",
            "already-sealed",
            "AS-1",
            "the text form of such a field",
            envelope(),
            as_text,
        ),
        (
            "envelope-as-bytes",
            "already-sealed",
            "AS-1",
            "the bytes of a key envelope",
            envelope(),
            bytes(&envelope()),
        ),
        (
            "standalone-as-bytes",
            "already-sealed",
            "AS-1",
            "the bytes of a standalone envelope",
            envelope(),
            bytes(&own),
        ),
        (
            "too-long-for-hidden-absence",
            "invalid-input",
            "PAD-3",
            "a value longer than the length declared",
            envelope(),
            hidden,
        ),
        ("subject-erased", "erased", "GN-2", "the subject is erased", erased_subject, none.clone()),
        (
            "class-missing",
            "missing-class",
            "GN-2",
            "the class has no entry",
            authentic(&body(&[right("contact", 1)])),
            none.clone(),
        ),
        (
            "generation-erased",
            "erased",
            "GN-2",
            "the highest generation is erased, a lower one live",
            authentic(&body(&[right("personal", 1), erased("personal", 2)])),
            none.clone(),
        ),
        (
            "later-suite",
            "unsupported",
            "GN-2",
            "the highest generation is of a later suite",
            of_terms(Terms { suite: 2, ..terms(0) }, &[app("personal", 1)]),
            none.clone(),
        ),
        (
            "expired",
            "expired",
            "GN-2",
            "the highest generation has expired",
            of_terms(past, &[wrapped(past, &key.key)]),
            none.clone(),
        ),
        (
            "role-no-reader",
            "not-permitted",
            "GN-13",
            "the recipient of ours is no reader, and a reader's key is missing",
            envelope(),
            json!({"class": {"name": "personal", "readers": ["billing"]}}),
        ),
        (
            "recipient-fails",
            "tampered",
            "GN-2",
            "the recipient of ours fails",
            of_terms(terms(0), &[forge::recipient(1, id32(APP), &[0; 72])]),
            none,
        ),
        (
            "next-generation-impossible",
            "not-permitted",
            "GN-3",
            "no recipient is ours, and a reader's key is missing",
            strange,
            health,
        ),
        (
            "retention-ends-too-early",
            "retention",
            "GN-2",
            "the term would end a second too early",
            of_terms(soon, &[wrapped(soon, &key.key)]),
            kept.clone(),
        ),
        (
            "retention-declared-later",
            "retention",
            "RT-4",
            "the generation has no expiry, the class has retention",
            envelope(),
            kept.clone(),
        ),
    ];
    let consented =
        generation("personal", 1, &[app("personal", 1), of_role(BILLING, "personal", 1)]);
    let mut cases = cases;
    cases.extend([
        (
            "last-generation",
            "exhausted",
            "GN-2",
            "generation 65,535, which no withdrawal could close",
            authentic(&body(&[right("personal", 65_535)])),
            json!({}),
        ),
        (
            "compromised-reader-beside-a-consented-one",
            "missing-key",
            "GN-13",
            "the ring's key of the declared reader is compromised, and its role with consent does not count for that",
            authentic(&body(&[consented])),
            json!({
                "class": {"name": "personal", "readers": ["app"], "consent": ["billing"]},
                "ring": ring_of(&[
                    symmetric(APP, "wrap", "app", "compromised"),
                    symmetric(BILLING, "wrap", "billing", "primary"),
                    symmetric(ENVELOPE, "envelope", "envelope", "primary"),
                ]),
            }),
        ),
    ]);
    // The same with one second more is taken.
    let taken = of_terms(far, &[wrapped(far, &key.key)]);
    assert!(!taken.is_empty());
    cases
        .into_iter()
        .map(|(name, error, rule, about, envelope, change)| {
            let mut file = with_envelope(refusal("seal", error, about, &["SF-3", rule]), envelope);
            let mut field = at();
            field["value"] = json!({"t": "text", "v": "Ada"});
            field["seed"] = hex(&fixed("refused")).into();
            field.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            assert!(!item(&field["value"]).is_empty());
            let ring = field.as_object_mut().unwrap().remove("ring");
            file["field"] = field;
            file["ring"] = ring.unwrap_or_else(small_ring);
            (format!("seal-{name}"), file)
        })
        .collect()
}

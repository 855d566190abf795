//! The negative vectors: one fault each, made of a file that is right.

mod fields;
mod masks;
mod sealing;
mod standalones;

use serde_json::{Value, json};

use super::complete::positive;
use super::forge::{self, DataKey, Place, SUITE, Terms};
use super::forms::{array, hex, id, text, unhex};
use super::positives::{
    APP, BILLING, DOCTOR, ENVELOPE, Maker, NOW, base, fixed, pair, plain_class, ring_of,
    small_ring, symmetric,
};

pub(super) type Files = Vec<(String, Value)>;

pub(crate) fn all() -> Files {
    let mut files = parsing();
    files.extend(unwrapping());
    files.extend(fields::all());
    files.extend(masks::all());
    files.extend(standalones::all());
    files.extend(texts());
    files
}

/// A refused operation.
fn refusal(operation: &str, error: &str, about: &str, covers: &[&str]) -> Value {
    let mut file = positive("refusal", about, covers);
    file["operation"] = operation.into();
    file["error"] = error.into();
    file
}

/// What an envelope is unwrapped with.
fn with_envelope(mut file: Value, envelope: Vec<u8>) -> Value {
    file["ring"] = small_ring();
    file["tenant"] = "acme".into();
    file["subject"] = json!({"int": "42"});
    file["now"] = NOW.into();
    file["envelope"] = long_hex(&envelope);
    file
}

/// Hex, with the zeros at the end of long bytes counted.
fn long_hex(bytes: &[u8]) -> Value {
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    if zeros < 256 {
        return hex(bytes).into();
    }
    json!([hex(&bytes[..bytes.len() - zeros]), {"byte": "00", "times": zeros}])
}

const SECRET_OF: &str = "secret";

/// The secret of a symmetric ring key of these files.
fn secret(id: u64) -> [u8; 32] {
    fixed(&format!("{SECRET_OF} {id}"))
}

fn id32(id: u64) -> u32 {
    id.try_into().unwrap()
}

fn subject() -> Vec<u8> {
    id(&json!({"int": "42"})).unwrap().as_bytes().to_vec()
}

/// An envelope with a right MAC over whatever the body says.
fn authentic(body: &[u8]) -> Vec<u8> {
    forge::authenticated(&secret(ENVELOPE), "acme", &subject(), body)
}

/// One generation, right in itself.
fn generation(class: &str, generation: u16, recipients: &[Vec<u8>]) -> Vec<u8> {
    let terms = Terms { suite: SUITE, created_at: NOW, expires_at: 0 };
    let commitment = data_key(class, generation).commitment;
    forge::live_entry(class.as_bytes(), generation, terms, &commitment, recipients)
}

fn data_key(class: &str, generation: u16) -> DataKey {
    let subject = subject();
    let place = Place { tenant: "acme", subject: &subject, class, generation };
    DataKey::derive(fixed(&format!("data key {class} {generation}")), place)
}

/// The recipient `app` of a generation.
fn app(class: &str, generation: u16) -> Vec<u8> {
    of_role(APP, class, generation)
}

/// The recipient of the role that has this symmetric ring key.
fn of_role(id: u64, class: &str, generation: u16) -> Vec<u8> {
    let (key, subject) = (data_key(class, generation), subject());
    let place = Place { tenant: "acme", subject: &subject, class, generation };
    let terms = Terms { suite: SUITE, created_at: NOW, expires_at: 0 };
    let aad = forge::wrap_aad(place, terms, &key.commitment, 1, id32(id));
    let nonce = &fixed("wrap nonce")[..24];
    let wrapped = forge::wrap_symmetric(&secret(id), nonce, &aad, &key.key);
    forge::recipient(1, id32(id), &wrapped)
}

fn right(class: &str, number: u16) -> Vec<u8> {
    generation(class, number, &[app(class, number)])
}

fn erased(class: &str, number: u16) -> Vec<u8> {
    forge::erased_entry(class.as_bytes(), number, data_key(class, number).tag(), NOW)
}

fn body(entries: &[Vec<u8>]) -> Vec<u8> {
    forge::envelope_body(1, u16::try_from(entries.len()).unwrap(), entries, id32(ENVELOPE))
}

/// `[KE-5]` Each behind a right MAC, so that inspecting and unwrapping answer alike.
fn parsing() -> Files {
    let one = || [right("personal", 1)];
    let named = |name: &[u8]| {
        let key = data_key("personal", 1);
        let terms = Terms { suite: SUITE, created_at: NOW, expires_at: 0 };
        vec![forge::live_entry(name, 1, terms, &key.commitment, &[app("personal", 1)])]
    };
    let given = |recipients: &[Vec<u8>]| vec![generation("personal", 1, recipients)];
    let wrapped = |kind: u8, len: usize| given(&[forge::recipient(kind, 9, &vec![0; len])]);
    let entries: [(&str, &str, Vec<Vec<u8>>); 21] = [
        ("class-empty", "LE-1", named(b"")),
        ("class-too-long", "NM-1", named(&[b'a'; 65])),
        ("class-upper-case", "NM-1", named(b"Personal")),
        ("class-not-utf8", "NM-1", named(b"personal\xFF")),
        ("generation-0", "LE-1", vec![generation("personal", 0, &[app("personal", 1)])]),
        ("recipients-0", "RC-1", given(&[])),
        ("recipient-id-0", "RC-1", given(&[forge::recipient(1, 0, &[0; 72])])),
        (
            "recipients-out-of-order",
            "RC-1",
            given(&[forge::recipient(1, 9, &[0; 72]), forge::recipient(2, 8, &[0; 80])]),
        ),
        (
            "recipients-of-one-id",
            "RC-1",
            given(&[forge::recipient(1, 9, &[0; 72]), forge::recipient(3, 9, &[])]),
        ),
        ("kind-1-length", "RC-2", wrapped(1, 80)),
        ("kind-2-length", "RC-2", wrapped(2, 72)),
        ("classes-out-of-order", "KE-3", vec![right("personal", 1), right("contact", 1)]),
        ("classes-prefix-second", "KE-3", vec![right("contact.more", 1), right("contact", 1)]),
        ("generations-out-of-order", "KE-3", vec![right("personal", 2), right("personal", 1)]),
        ("generation-live-and-erased", "KE-3", vec![erased("personal", 1), right("personal", 1)]),
        (
            "tag-twice",
            "DK-5",
            vec![
                forge::erased_entry(b"contact", 1, data_key("personal", 1).tag(), NOW),
                right("personal", 1),
            ],
        ),
        ("erased-generation-0", "EE-1", vec![erased("personal", 0)]),
        (
            "subject-erased-beside-live",
            "EE-2",
            vec![right("personal", 1), forge::erased_subject(NOW)],
        ),
        (
            "subject-erased-not-last",
            "EE-2",
            vec![forge::erased_subject(NOW), erased("personal", 1)],
        ),
        (
            "subject-erased-twice",
            "EE-2",
            vec![forge::erased_subject(NOW), forge::erased_subject(NOW)],
        ),
        (
            "length-past-the-end",
            "KE-5",
            vec![[right("personal", 1).as_slice(), &[1, 255]].concat()],
        ),
    ];
    let mut files: Files = entries
        .into_iter()
        .map(|(name, rule, entries)| {
            parse_fault(name, "malformed", rule, authentic(&body(&entries)))
        })
        .collect();
    let counted = |version, count, entries: &[Vec<u8>]| {
        authentic(&forge::envelope_body(version, count, entries, id32(ENVELOPE)))
    };
    let long = [vec![0xF6], vec![0; 65_535]].concat();
    files.extend([
        parse_fault("too-short", "malformed", "KE-1", [vec![0xF6], vec![0; 38]].concat()),
        parse_fault("too-long", "malformed", "KE-1", long),
        parse_fault("version-0", "malformed", "KE-2", counted(0, 1, &one())),
        parse_fault("count-0", "malformed", "KE-2", counted(1, 0, &one())),
        parse_fault("count-too-high", "malformed", "KE-5", counted(1, 2, &one())),
        parse_fault(
            "count-too-low",
            "malformed",
            "KE-5",
            counted(1, 1, &[right("contact", 1), right("personal", 1)]),
        ),
        parse_fault("entry-kind-0", "unsupported", "EE-3", counted(1, 1, &[vec![0; 9]])),
        parse_fault("entry-kind-4", "unsupported", "EE-3", counted(1, 1, &[vec![4; 9]])),
        parse_fault(
            "entry-kind-4-behind-a-fault",
            "malformed",
            "KE-5",
            counted(1, 2, &[erased("personal", 0), vec![4; 9]]),
        ),
    ]);
    // No ring holds a key 0, so only inspecting gets as far.
    let zero = authentic(&forge::envelope_body(1, 1, &one(), 0));
    let file = refusal("inspect", "malformed", "the envelope key id is 0", &["KE-2", "KE-5"]);
    files.push(("ke5-envelope-key-0".into(), with_envelope(file, zero)));
    files
}

fn parse_fault(name: &str, error: &str, rule: &str, envelope: Vec<u8>) -> (String, Value) {
    let about = format!("an envelope that breaks {rule}: {}", name.replace('-', " "));
    let mut file = refusal("unwrap", error, &about, &["KE-5", rule]);
    file["inspects_alike"] = true.into();
    (format!("ke5-{name}"), with_envelope(file, envelope))
}

/// `[KE-6]`
fn unwrapping() -> Files {
    let right = base().done();
    let envelope = unhex(&right["envelope"]);
    let first = |byte: u8| [&[byte], &envelope[1..]].concat();
    let ring = |key: Value| ring_of(&[symmetric(APP, "wrap", "app", "primary"), key]);
    let key = |state: &str| symmetric(ENVELOPE, "envelope", "envelope", state);
    let name_only = json!({
        "id": ENVELOPE, "use": "envelope", "name": "envelope", "state": "primary", "form": "name-only",
    });
    let destroyed = json!({
        "id": ENVELOPE, "use": "envelope", "name": "envelope", "state": "destroyed", "form": "name-only",
    });
    let mut mac = envelope.clone();
    *mac.last_mut().unwrap() ^= 1;
    let mut body = envelope.clone();
    body[8] = 2;
    let whole = envelope.clone();
    let fault = |name: &str, error: &str, about: &str, of: Vec<u8>, change: Value| {
        let mut file = with_envelope(refusal("unwrap", error, about, &["KE-6"]), of);
        file.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        (format!("ke6-{name}"), file)
    };
    let other = |use_: &str| symmetric(ENVELOPE, use_, "app", "open-only");
    let none = json!({});
    vec![
        fault("empty", "not-sealed", "no bytes", vec![], none.clone()),
        fault(
            "sealed-field",
            "not-sealed",
            "bytes led as a sealed field",
            first(0xF5),
            none.clone(),
        ),
        fault(
            "standalone",
            "not-sealed",
            "bytes led as a standalone envelope",
            first(0xF7),
            none.clone(),
        ),
        fault("reserved", "unsupported", "a reserved first byte", first(0xF8), none.clone()),
        fault(
            "way-out",
            "unsupported",
            "the way out for later versions",
            first(0xFF),
            none.clone(),
        ),
        fault(
            "key-unknown",
            "wrong-key",
            "the ring lacks the envelope key",
            whole.clone(),
            json!({"ring": ring(symmetric(ENVELOPE + 1, "envelope", "envelope", "primary"))}),
        ),
        fault(
            "key-of-a-role",
            "wrong-key",
            "the key is of another use",
            whole.clone(),
            json!({"ring": ring(other("wrap"))}),
        ),
        fault(
            "key-disabled",
            "wrong-key",
            "the key is disabled",
            whole.clone(),
            json!({"ring": ring(key("disabled"))}),
        ),
        fault(
            "key-destroyed",
            "wrong-key",
            "the key is destroyed",
            whole.clone(),
            json!({"ring": ring(destroyed)}),
        ),
        fault(
            "key-by-name",
            "wrong-key",
            "the ring holds the key's name only",
            whole.clone(),
            json!({"ring": ring(name_only)}),
        ),
        fault(
            "key-compromised",
            "not-permitted",
            "the key is compromised, and this is no rescue",
            whole.clone(),
            json!({"ring": ring(key("compromised"))}),
        ),
        fault("mac", "tampered", "one bit of the MAC is flipped", mac, none.clone()),
        fault("altered", "tampered", "the version is altered", body, none.clone()),
        fault("tenant", "tampered", "another tenant", whole.clone(), json!({"tenant": "acme2"})),
        fault(
            "subject",
            "tampered",
            "another subject",
            whole.clone(),
            json!({"subject": {"int": "43"}}),
        ),
        fault(
            "subject-form",
            "tampered",
            "the subject as text",
            whole.clone(),
            json!({"subject": {"text": "42"}}),
        ),
        fault("floor", "rolled-back", "a version below the floor", whole, json!({"floor": 2})),
    ]
}

/// `[TX-3]`
fn texts() -> Files {
    [
        ("no-prefix", "not-sealed", "9QECAwQ"),
        ("prefix-upper-case", "not-sealed", "FS1.9QECAwQ"),
        ("plain", "not-sealed", "Ada"),
        ("empty", "malformed", "fs1."),
        ("padding", "malformed", "fs1.9QECAwQ="),
        ("white-space", "malformed", "fs1.9QEC AwQ"),
        ("line-end", "malformed", "fs1.9QECAwQ\n"),
        ("other-alphabet", "malformed", "fs1.9QEC+/QE"),
        ("length-1-modulo-4", "malformed", "fs1.9QECA"),
        ("spare-bits", "malformed", "fs1.9QECAwR"),
        ("first-byte-below", "malformed", "fs1.9AECAwQ"),
        ("reserved-and-not-canonical", "malformed", "fs1.-AECAwR"),
        ("reserved", "unsupported", "fs1.-AECAwQ"),
    ]
    .into_iter()
    .map(|(name, error, encoded)| {
        let about = format!("a text form that is none: {}", name.replace('-', " "));
        let mut file = refusal("from-text", error, &about, &["TX-2", "TX-3"]);
        file["text"] = encoded.into();
        (format!("tx3-{name}"), file)
    })
    .collect()
}

/// The rings and makers that the faults of fields share.
fn maker(about: &str) -> Maker {
    Maker::new(about, &[], small_ring())
}

/// A right envelope of class `personal`, and its data key.
fn opened(class: &str) -> (Vec<u8>, DataKey) {
    (authentic(&body(&[right(class, 1)])), data_key(class, 1))
}

fn key_of(entry: &Value) -> DataKey {
    DataKey {
        key: array(&entry["data_key"]),
        aead: array(&entry["aead_key"]),
        commitment: array(&entry["commitment"]),
    }
}

fn class_name(file: &Value) -> &str {
    text(&file["entries"][0]["class"])
}

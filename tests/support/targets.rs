//! What the fuzzers run, and the test that replays their corpora: one function a target, each from
//! bytes, each panicking where a claim does not hold.

pub(crate) mod input;
#[cfg(feature = "file")]
pub(crate) mod ledgers;
#[cfg(feature = "file")]
pub(crate) mod rings;
#[cfg(feature = "schema")]
pub(crate) mod schemas;
pub(crate) mod terms;
pub(crate) mod values;

use std::sync::OnceLock;

use fieldseal::envelope::{EnvelopeEdit, History};
use fieldseal::keyring::{KeyId, KeyState, KeyUse, RingKey};
use fieldseal::{Access, Class, DataKeys, Error, ErrorKind, Field, KeyEnvelope, KeyRing, Sealed};

use super::forge;

pub(crate) const ENVELOPE_KEY: u32 = 0x0000_0E01;
pub(crate) const ENVELOPE_SECRET: [u8; 32] = [0xE1; 32];
pub(crate) const APP_KEY: u32 = 0x0000_0A01;
pub(crate) const APP_SECRET: [u8; 32] = [0xA1; 32];
pub(crate) const TENANT: &str = "acme";
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const CONTACT: Class = Class::new("contact").readers_with_consent(&["support"]);
pub(crate) const MEDICAL: Class = Class::new("medical").readers(&["doctor"]).retain_days(30);

pub(crate) const SUBJECT: u64 = 42;
/// [`SUBJECT`] as an encoded id.
pub(crate) const SUBJECT_ID: &[u8] = b"\x01\0\0\0\0\0\0\0\x2A";

/// Runs one target on one input.
pub(crate) fn run(target: &str, data: &[u8]) {
    match target {
        "envelope" => envelope(data),
        "sealed_field" => sealed_field(data),
        "standalone" => standalone(data),
        "terms" => terms::terms(data),
        "text" => text(data),
        "value" => values::value(data),
        "seal_open" => values::seal_open(data),
        #[cfg(feature = "file")]
        "ledger" => ledgers::ledger(data),
        #[cfg(feature = "file")]
        "ring" => rings::ring(data),
        #[cfg(feature = "file")]
        "typed" => rings::typed(data),
        #[cfg(feature = "schema")]
        "schema" => schemas::schema(data),
        #[cfg(not(feature = "schema"))]
        "schema" => {}
        #[cfg(not(feature = "file"))]
        "ledger" | "ring" | "typed" => {}
        _ => panic!("no target {target}"),
    }
}

pub(crate) fn key_id(id: u32) -> KeyId {
    KeyId::new(id).unwrap()
}

pub(crate) fn ring() -> &'static KeyRing {
    static RING: OnceLock<KeyRing> = OnceLock::new();
    RING.get_or_init(whole_ring)
}

/// The envelope key, symmetric roles `app` and `support`, and the key pair role `doctor`.
fn whole_ring() -> KeyRing {
    let mut ring = envelope_ring_of(ENVELOPE_KEY);
    for (id, name, secret) in [(APP_KEY, "app", APP_SECRET), (0x0000_0B01, "support", [0xB1; 32])] {
        let (id, state) = (key_id(id), KeyState::Primary);
        ring.insert(RingKey::symmetric(id, KeyUse::Wrap, name, state, &secret).unwrap()).unwrap();
    }
    let doctor = key_id(0x0000_0D01);
    let pair = RingKey::key_pair(doctor, "doctor", KeyState::Primary, &[0xD1; 32], &[0xD2; 32]);
    ring.insert(pair.unwrap()).unwrap();
    ring
}

fn envelope_ring_of(id: u32) -> KeyRing {
    let mut ring = KeyRing::empty();
    let (id, state) = (key_id(id), KeyState::Primary);
    let key = RingKey::symmetric(id, KeyUse::Envelope, "envelope", state, &ENVELOPE_SECRET);
    ring.insert(key.unwrap()).unwrap();
    ring
}

/// A ring that verifies envelopes and unwraps nothing.
fn envelope_ring() -> &'static KeyRing {
    static RING: OnceLock<KeyRing> = OnceLock::new();
    RING.get_or_init(|| envelope_ring_of(ENVELOPE_KEY))
}

pub(crate) fn access() -> Access<'static> {
    Access::new(ring()).tenant(TENANT).at(NOW)
}

pub(crate) fn kind<T>(result: Result<T, Error>) -> Result<T, ErrorKind> {
    result.map_err(|error| {
        // Printing an error is part of what must not panic.
        assert!(!error.to_string().is_empty());
        error.kind()
    })
}

/// The same bytes, authentic: their last 20 are the envelope key's id and its MAC.
fn authentic(data: &[u8], subject: &[u8]) -> Vec<u8> {
    let Some(len) = data.len().checked_sub(20) else {
        return data.to_vec();
    };
    let body = [&data[..len], &ENVELOPE_KEY.to_be_bytes()].concat();
    forge::authenticated(&ENVELOPE_SECRET, TENANT, subject, &body)
}

/// Bytes as a key envelope: what `inspect` accepts is written again byte for byte, what it refuses is
/// refused alike behind the MAC, and every change of it makes an envelope again.
fn envelope(data: &[u8]) {
    let raw = KeyEnvelope::from_bytes(data);
    let _ = kind(raw.inspect().map(|info| format!("{info:?}")));
    let _ = kind(raw.unwrap(access(), SUBJECT));

    let forged = authentic(data, SUBJECT_ID);
    let stored = KeyEnvelope::from_bytes(forged.clone());
    let inspected = kind(stored.inspect());
    let unwrapped = kind(stored.unwrap(access(), SUBJECT));
    let (info, keys) = match (inspected, unwrapped) {
        (Ok(info), Ok(keys)) => (info, keys),
        (Err(refused), Err(also)) => return assert_eq!(refused, also),
        (inspected, unwrapped) => {
            panic!("inspect says {inspected:?}, unwrap {:?}", unwrapped.err())
        }
    };
    written_again(&forged, info.version);
    seal_and_open(&keys, &CONTACT);
    seal_and_open(&keys, &MEDICAL);
    for change in CHANGES {
        changed(&stored, *change);
    }
}

fn written_again(stored: &[u8], version: u64) {
    let access = Access::new(envelope_ring()).tenant(TENANT).at(NOW);
    let mut edit = KeyEnvelope::from_bytes(stored).edit(access, SUBJECT).unwrap();
    edit.rewrap(()).unwrap();
    let Some(next) = version.checked_add(1) else {
        assert_eq!(kind(edit.finish()).unwrap_err(), ErrorKind::Exhausted);
        return;
    };
    let mut expected = stored.to_vec();
    expected[1..9].copy_from_slice(&next.to_be_bytes());
    assert_eq!(edit.finish().unwrap().as_bytes(), authentic(&expected, SUBJECT_ID));
}

/// What the keys seal they open, unless nothing of the class is ours.
fn seal_and_open(keys: &DataKeys, class: &Class<'static>) {
    let field: Field<String> = Field::new("record", "field", *class);
    if let Ok(sealed) = kind(field.seal(keys, &"Ada".into())) {
        match kind(field.open(keys, &sealed)) {
            Ok(opened) => assert_eq!(opened, "Ada"),
            // Sealed for readers this ring is not one of.
            Err(refused) => assert_eq!(refused, ErrorKind::NotPermitted),
        }
    }
}

type Change = fn(&mut EnvelopeEdit<'_>) -> Result<(), Error>;

const CHANGES: &[Change] = &[
    |edit| edit.ensure(CONTACT),
    |edit| edit.ensure(CONTACT.consented_to(&["support"])),
    |edit| edit.renew(CONTACT),
    |edit| edit.renew(CONTACT.consented_to(&["support"])),
    |edit| edit.renew(MEDICAL),
    |edit| edit.rewrap([CONTACT, MEDICAL]).map(drop),
    |edit| edit.grant(CONTACT, "support", History::Included),
    |edit| edit.grant(CONTACT, "support", History::Excluded),
    |edit| edit.withdraw(CONTACT, "support"),
    |edit| edit.withdraw(CONTACT.consented_to(&[]), "support"),
    |edit| edit.erase_class("contact"),
    |edit| edit.erase_subject(),
];

/// A change is an envelope again, or leaves nothing.
fn changed(stored: &KeyEnvelope, change: Change) {
    let mut edit = stored.edit(access(), SUBJECT).unwrap();
    let refused = kind(change(&mut edit)).is_err();
    assert!(!(refused && edit.is_changed()), "a refused change left something");
    if let Ok(finished) = kind(edit.finish()) {
        let info = finished.inspect().unwrap();
        finished.unwrap(access(), SUBJECT).unwrap();
        if refused {
            assert_eq!(&finished, stored);
        }
        assert!(info.version >= stored.inspect().unwrap().version);
    }
}

pub(crate) fn keys() -> &'static DataKeys {
    static KEYS: OnceLock<DataKeys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let classes = [CONTACT, MEDICAL];
        DataKeys::create_with_rng(access(), SUBJECT, classes, &mut forge::Seed([7; 32])).unwrap()
    })
}

/// Bytes as a sealed field: what opens is what the fixed keys sealed.
fn sealed_field(data: &[u8]) {
    let field: Field<String> = Field::new("record", "field", CONTACT).was(MEDICAL);
    let opened = kind(field.open(keys(), &Sealed::from_bytes(data)));
    if let Ok(value) = &opened {
        assert_eq!(data.get(1..5), keys().envelope().inspect().unwrap().entries[0].key_tag.get(..));
        assert!(value.len() < data.len());
    }
    let number: Field<u64> = Field::new("record", "field", CONTACT).was(MEDICAL);
    let number = kind(number.open(keys(), &Sealed::from_bytes(data)));
    match (opened, number) {
        (Ok(_), Ok(_)) => panic!("text and number at once"),
        (Err(a), Err(b)) => assert_eq!(a, b),
        (Err(a), Ok(_)) | (Ok(_), Err(a)) => assert_eq!(a, ErrorKind::TypeMismatch),
    }
    let text = Sealed::<String>::from_bytes(data).to_text();
    if let Ok(again) = kind(Sealed::<String>::from_text(&text)) {
        assert_eq!(again.as_bytes(), data);
    } else {
        assert!(!matches!(data.first(), Some(0xF5..=0xF7)));
    }
}

/// Bytes as a standalone envelope, as they are and with an authentic key envelope.
fn standalone(data: &[u8]) {
    let _ = kind(access().open(b"context", data));
    let Some((envelope, field)) = data.get(1..3).and_then(|len| {
        data[3..].split_at_checked(usize::from(u16::from_be_bytes(len.try_into().unwrap())))
    }) else {
        return;
    };
    let envelope = authentic(envelope, b"");
    let forged = [&data[..3], &envelope, field].concat();
    if let Ok(bytes) = kind(access().open(b"context", &forged)) {
        assert!(bytes.expose().len() < field.len());
        assert!(access().open(b"another context", &forged).is_err());
    }
}

/// Text as a text form: what decodes is spelled one way.
fn text(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let field = kind(Sealed::<String>::from_text(text).map(|field| field.to_text()));
    let envelope = kind(KeyEnvelope::from_text(text).map(|envelope| envelope.to_text()));
    assert_eq!(field, envelope);
    match field {
        Ok(again) => assert_eq!(again, text),
        Err(ErrorKind::NotSealed) => assert!(!text.starts_with("fs1.")),
        Err(ErrorKind::Malformed | ErrorKind::Unsupported) => assert!(text.starts_with("fs1.")),
        Err(other) => panic!("{other}"),
    }
}

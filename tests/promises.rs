//! The promises of SECURITY.md, one test each, as an application would meet them.
#![cfg(feature = "derive")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

#[cfg(feature = "file")]
#[path = "promises/audited.rs"]
mod audited;
#[cfg(all(feature = "file", feature = "rusqlite"))]
#[path = "promises/errors.rs"]
mod errors;
#[path = "promises/facts.rs"]
mod facts;
#[cfg(all(feature = "file", feature = "rusqlite", feature = "sqlx-sqlite"))]
#[path = "promises/sources.rs"]
mod sources;

use fieldseal::envelope::History;
use fieldseal::keyring::{KeyState, KeyUse, RingKey};
use fieldseal::{Backend, Class, DataKeys, ErrorKind, Field, KeyRing, Record, SealedRecord as _};

const CONTACT: Class = Class::new("contact").readers_with_consent(&["marketing"]);
const HEALTH: Class = Class::new("health").readers(&["doctor"]);

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "patient", single_row, sealed(derive(Clone)))]
struct Patient {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    email: String,
    #[record(seal(class = HEALTH))]
    diagnosis: String,
}

fn hospital() -> KeyRing {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_role("marketing").unwrap();
    ring.add_key_pair_role("doctor").unwrap();
    ring
}

fn ada() -> Patient {
    Patient { id: 42, email: "ada@example.com".into(), diagnosis: "well".into() }
}

/// Someone who has the doctor's public key, sees all ids in the database, and can write to it.
#[test]
fn public_key_and_database_access_make_no_value_that_a_reader_accepts() {
    let ring = hospital();
    let row = ada().seal_new(&ring).unwrap();
    let doctor = ring.primary(KeyUse::Wrap, "doctor").unwrap();
    let (public, _writer_secret) = doctor.expose_writer_half().unwrap();
    let envelope_key = ring.primary(KeyUse::Envelope, "envelope").unwrap();

    let forge = |envelope_secret: &[u8; 32]| {
        let mut own = KeyRing::empty();
        let primary = KeyState::Primary;
        let guessed =
            RingKey::writer_half(doctor.id(), "doctor", primary, &public, &[0x66; 32]).unwrap();
        own.insert(guessed).unwrap();
        let app = ring.primary(KeyUse::Wrap, "app").unwrap().id();
        own.insert(RingKey::symmetric(app, KeyUse::Wrap, "app", primary, &[0x67; 32]).unwrap())
            .unwrap();
        let id = envelope_key.id();
        own.insert(
            RingKey::symmetric(id, KeyUse::Envelope, "envelope", primary, envelope_secret).unwrap(),
        )
        .unwrap();
        Patient { diagnosis: "forged".into(), ..ada() }.seal_new(&own).unwrap()
    };

    // An envelope of its own making, under the ids that stand in the database.
    let forged = forge(&[0x68; 32]);
    assert_eq!(forged.open(&ring, 42).unwrap_err().kind(), ErrorKind::Tampered);
    // A value of its own making under the true envelope.
    let mut planted = row.clone();
    planted.diagnosis = forged.diagnosis;
    assert_eq!(planted.open(&ring, 42).unwrap_err().kind(), ErrorKind::WrongKey);
    // Even with the envelope key stolen, the writer secret is missing.
    let stolen = forge(envelope_key.expose_secret().unwrap().expose());
    let partial = stolen.open_partial(&ring, 42).unwrap();
    assert_eq!(partial.diagnosis.unwrap_err().kind(), ErrorKind::Tampered);
    assert_eq!(partial.email.unwrap_err().kind(), ErrorKind::Tampered);

    assert_eq!(row.open(&ring, 42).unwrap(), ada());
}

#[test]
fn service_without_a_roles_key_cannot_open_its_class() {
    let ring = hospital();
    let row = ada().seal_new(&ring).unwrap();
    let reception = ring.subset(&["app"]).unwrap().into_ring();

    let error = row.open(&reception, 42).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPermitted);
    assert_eq!((error.record(), error.field()), (Some("patient"), Some("diagnosis")));
    let text = error.to_string();
    assert!(text.contains("health") && text.contains("doctor"), "{text}");

    let partial = row.open_partial(&reception, 42).unwrap();
    assert_eq!(partial.email.unwrap(), "ada@example.com");
    assert_eq!(partial.diagnosis.unwrap_err().kind(), ErrorKind::NotPermitted);
    let keys = row.unwrap_keys(&reception, 42).unwrap();
    assert_eq!(keys.reached(), ["contact"]);

    // It seals what it cannot open: what it wrote, the doctor reads and it does not.
    let written = Patient { diagnosis: "admitted".into(), ..ada() }.seal_new(&reception).unwrap();
    assert_eq!(written.open(&reception, 42).unwrap_err().kind(), ErrorKind::NotPermitted);
    assert_eq!(written.open(&ring, 42).unwrap().diagnosis, "admitted");
}

#[test]
fn withdrawn_role_cannot_open_what_is_sealed_later() {
    const EMAIL: Field<String> = Field::new("patient", "email", CONTACT);
    let ring = hospital();
    let marketing = ring.subset(&["marketing"]).unwrap().into_ring();
    let keys = DataKeys::create(&ring, 42, [CONTACT]).unwrap();
    let before = EMAIL.seal(&keys, &"before".into()).unwrap();
    let refused =
        EMAIL.open(&keys.envelope().unwrap(&marketing, 42).unwrap(), &before).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotPermitted, "not without consent");

    let mut edit = keys.envelope().edit(&ring, 42).unwrap();
    edit.grant(CONTACT, "marketing", History::Included).unwrap();
    let granted = edit.finish().unwrap();
    assert_eq!(EMAIL.open(&granted.unwrap(&marketing, 42).unwrap(), &before).unwrap(), "before");

    let mut edit = granted.edit(&ring, 42).unwrap();
    edit.withdraw(CONTACT, "marketing").unwrap();
    let withdrawn = edit.finish_keys().unwrap();
    let after = EMAIL.seal(&withdrawn, &"after".into()).unwrap();
    for envelope in [withdrawn.envelope(), &granted, keys.envelope()] {
        let keys = envelope.unwrap(&marketing, 42).unwrap();
        let error = EMAIL.open(&keys, &after).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NotPermitted | ErrorKind::WrongKey), "{error}");
    }
    let keys = withdrawn.envelope().unwrap(&marketing, 42).unwrap();
    assert_eq!(EMAIL.open(&keys, &before).unwrap_err().kind(), ErrorKind::NotPermitted);
}

#[test]
fn a_field_costs_45_bytes_and_an_envelope_171() {
    const CONTACT: Class = Class::new("contact");
    const NOTE: Field<Vec<u8>> = Field::new("customer", "note", CONTACT).pad(1);
    const NAME: Field<String> = Field::new("customer", "name", CONTACT);
    let ring = KeyRing::generate().unwrap();
    let keys = DataKeys::create(&ring, 42, [CONTACT]).unwrap();
    assert_eq!(keys.envelope().as_bytes().len(), 171, "one class of 7 letters, one role");
    // A byte string of 10 bytes is an item of 11.
    assert_eq!(NOTE.seal(&keys, &vec![7; 10]).unwrap().as_bytes().len(), 11 + 45);
    for (len, padded) in [(0, 16), (15, 16), (16, 32), (22, 32), (30, 32), (31, 48)] {
        let sealed = NAME.seal(&keys, &"x".repeat(len)).unwrap();
        assert_eq!(sealed.as_bytes().len(), padded + 45, "{len} characters");
    }
}

/// Features of other packages of a build decide which code encrypts; it is never a secret which.
#[test]
fn the_back_end_that_runs_is_the_one_that_is_told() {
    let (told, name) = if cfg!(feature = "ring") {
        (Backend::Ring, "ring")
    } else if cfg!(feature = "aws-lc-rs") {
        (Backend::AwsLc, "aws-lc-rs")
    } else {
        (Backend::Portable, "portable")
    };
    assert_eq!((fieldseal::backend(), fieldseal::backend().to_string().as_str()), (told, name));
}

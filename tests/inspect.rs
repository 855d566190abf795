//! What sealed bytes say of themselves, without a key.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use fieldseal::envelope::{EntryState, SealedInfo};
use fieldseal::keyring::KeyUse;
use fieldseal::{Class, DataKeys, ErrorKind, Field, KeyRing, Sealed};

const CONTACT: Class = Class::new("contact");
const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);

fn kind<T>(result: Result<T, fieldseal::Error>) -> ErrorKind {
    result.err().map(|error| error.kind()).unwrap()
}

#[test]
fn sealed_field_tells_its_key_tag_and_padded_length_only() {
    let ring = KeyRing::generate().unwrap();
    let keys = DataKeys::create(&ring, 42, [CONTACT]).unwrap();
    let entry = &keys.envelope().inspect().unwrap().entries[0];
    let email = EMAIL.seal(&keys, &"ada@example.com".into()).unwrap();
    let info = email.inspect().unwrap();
    assert_eq!((info.key_tag, info.padded_len), (entry.key_tag, 16));
    assert_eq!(SealedInfo::from_bytes(email.as_bytes()).unwrap(), SealedInfo::Field(info));
    assert_eq!(SealedInfo::from_text(&email.to_text()).unwrap(), SealedInfo::Field(info));
}

#[test]
fn key_envelope_is_told_from_a_field() {
    let ring = KeyRing::generate().unwrap();
    let keys = DataKeys::create(&ring, 42, [CONTACT]).unwrap();
    let envelope = keys.envelope();
    let expected = SealedInfo::Envelope(envelope.inspect().unwrap());
    assert_eq!(SealedInfo::from_bytes(envelope.as_bytes()).unwrap(), expected);
    assert_eq!(SealedInfo::from_text(&envelope.to_text()).unwrap(), expected);
    let as_field = Sealed::<String>::from_bytes(envelope.as_bytes());
    assert_eq!(kind(as_field.inspect()), ErrorKind::NotSealed);
}

#[test]
fn standalone_envelope_tells_whose_keys_open_it() {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_key_pair_role("billing").unwrap();
    let access = fieldseal::Access::new(&ring).at(1_800_000_000);
    let sealed = access.seal_for(&["billing"], b"invoice 7", &[7; 40]).unwrap();
    let SealedInfo::Standalone(info) = SealedInfo::from_bytes(&sealed).unwrap() else { panic!() };
    assert_eq!(info.field.padded_len, 48);
    let [entry] = info.envelope.entries.as_slice() else { panic!() };
    assert_eq!(entry.key_tag, info.field.key_tag);
    let EntryState::Live { recipients, created_at, .. } = &entry.state else { panic!() };
    let billing = ring.primary(KeyUse::Wrap, "billing").unwrap().id().get();
    assert_eq!(recipients.iter().map(|of| of.key_id).collect::<Vec<_>>(), [billing]);
    assert_eq!(*created_at, 1_800_000_000);
}

#[test]
fn what_was_never_sealed_is_not_taken_for_sealed() {
    for bytes in [&b""[..], b"call back", b"fs1.", b"\x00", b"\xF4", b"{}"] {
        assert_eq!(kind(SealedInfo::from_bytes(bytes)), ErrorKind::NotSealed, "{bytes:?}");
    }
    for text in ["", "call back", "fs2.9QEC", "9QEC"] {
        assert_eq!(kind(SealedInfo::from_text(text)), ErrorKind::NotSealed, "{text}");
    }
    assert_eq!(kind(SealedInfo::from_bytes(b"\xF8")), ErrorKind::Unsupported);
    assert_eq!(kind(SealedInfo::from_text("fs1.AAAA")), ErrorKind::Malformed);
}

#[test]
fn cut_bytes_are_malformed_wherever_they_are_cut() {
    let ring = KeyRing::generate().unwrap();
    let keys = DataKeys::create(&ring, 42, [CONTACT]).unwrap();
    let email = EMAIL.seal(&keys, &"ada@example.com".into()).unwrap();
    let standalone = ring.seal(b"note 7", b"call back").unwrap();
    // A field may be cut to one byte of value, and says no more of it.
    for (bytes, shortest) in [
        (email.as_bytes(), 46),
        (keys.envelope().as_bytes(), usize::MAX),
        (&standalone, standalone.len() - 15),
    ] {
        for len in 1..bytes.len().min(shortest) {
            assert_eq!(kind(SealedInfo::from_bytes(&bytes[..len])), ErrorKind::Malformed, "{len}");
        }
    }
}

#[test]
fn standalone_envelope_of_a_foreign_field_is_malformed() {
    let ring = KeyRing::generate().unwrap();
    let (mut one, other) =
        (ring.seal(b"note 7", b"call back").unwrap(), ring.seal(b"note 8", b"hang up").unwrap());
    let field = one.len() - 61;
    one[field..].copy_from_slice(&other[field..]);
    assert_eq!(kind(SealedInfo::from_bytes(&one)), ErrorKind::Malformed);
}

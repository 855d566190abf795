//! Keys that sign: what a ring and its subsets hold of them, and the text of a verifying key.
#![cfg(feature = "file")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::*;
use fieldseal::keyring::{
    Capabilities, KeyId, KeyMaterial, KeyState, KeyUse, RingKey, VerifyingKey,
};
use fieldseal::{ErrorKind, KeyRing};

const SIGN: u32 = 0xD2;

fn sign_key(number: u32, state: KeyState) -> RingKey {
    RingKey::symmetric(id(number), KeyUse::Sign, "sign", state, &secret(number)).unwrap()
}

/// The administrator's ring, with a key that signs.
fn whole() -> KeyRing {
    let mut ring = admin();
    ring.insert(sign_key(SIGN, KeyState::Primary)).unwrap();
    ring
}

fn verifying() -> VerifyingKey {
    whole().verifying_keys()[0]
}

fn subset(ring: &KeyRing, reach: &Capabilities<'_>) -> KeyRing {
    ring.subset_with(reach).unwrap().into_ring()
}

#[test]
fn ring_has_one_signing_key_which_is_rotated() {
    let mut ring = KeyRing::generate().unwrap();
    assert_eq!(ring.verifying_keys(), []);
    let first = ring.add_signing_key().unwrap();
    let key = ring.primary(KeyUse::Sign, "sign").unwrap();
    assert_eq!((key.id(), key.holds()), (first, KeyMaterial::Secret));
    assert_eq!(ring.add_signing_key().unwrap_err().kind(), ErrorKind::FailedPrecondition);

    let second = ring.rotate(KeyUse::Sign, "sign").unwrap();
    let ids: Vec<KeyId> = ring.verifying_keys().iter().map(VerifyingKey::id).collect();
    let mut expected = vec![first, second];
    expected.sort();
    assert_eq!(ids, expected, "what the former key signed still counts");
    let keys = ring.verifying_keys();
    assert_ne!(keys[0].to_bytes(), keys[1].to_bytes());
}

#[test]
fn signing_key_has_the_one_name_of_its_use() {
    for name in ["app", "signer", "Sign", ""] {
        let made = RingKey::symmetric(id(9), KeyUse::Sign, name, KeyState::Primary, &[1; 32]);
        assert_eq!(made.unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
    }
    assert_eq!("sign".parse::<KeyUse>().unwrap(), KeyUse::Sign);
}

#[test]
fn compromised_disabled_and_destroyed_keys_verify_nothing() {
    for state in [KeyState::Disabled, KeyState::Compromised] {
        let mut ring = whole();
        ring.rotate(KeyUse::Sign, "sign").unwrap();
        ring.set_state(id(SIGN), state).unwrap();
        assert!(ring.verifying_keys().iter().all(|key| key.id() != id(SIGN)), "{state}");
        assert_eq!(ring.verifying_keys().len(), 1, "{state}");
    }
    let mut ring = whole();
    ring.rotate(KeyUse::Sign, "sign").unwrap();
    ring.force_destroy(id(SIGN)).unwrap();
    assert_eq!(ring.key(id(SIGN)).unwrap().holds(), KeyMaterial::NameOnly);
    assert_eq!(ring.verifying_keys().len(), 1);
}

#[test]
fn census_alone_never_lets_a_signing_key_go() {
    let mut ring = whole();
    ring.rotate(KeyUse::Sign, "sign").unwrap();
    let mut census = fieldseal::keyring::Census::new();
    let keys = fieldseal::DataKeys::create(&ring, 42, [fieldseal::Class::PERSONAL]).unwrap();
    keys.envelope().inspect().unwrap().count_into(&mut census);
    let error = ring.retire(id(SIGN), &census).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedPrecondition);
    assert!(error.to_string().contains("sign key"), "{error}");
    assert_eq!(ring.key(id(SIGN)).unwrap().holds(), KeyMaterial::Secret);
}

#[test]
fn subset_verifies_and_cannot_sign() {
    let ring = whole();
    for service in [
        ring.subset(&["app"]).unwrap().into_ring(),
        subset(&ring, &Capabilities::new().role("app")),
        subset(&ring, &Capabilities::new()),
    ] {
        let key = service.key(id(SIGN)).unwrap();
        assert_eq!((key.holds(), key.state()), (KeyMaterial::Public, KeyState::Primary));
        assert!(key.expose_secret().is_none());
        assert_eq!(service.verifying_keys(), [verifying()]);
        // Nor does it come to a key that signs by another way.
        let mut service = service;
        let rotated = service.rotate(KeyUse::Sign, "sign").unwrap_err();
        assert_eq!(rotated.kind(), ErrorKind::MissingKey);
        assert_eq!(service.add_signing_key().unwrap_err().kind(), ErrorKind::FailedPrecondition);
        let again = service.subset_with(&Capabilities::new().signs()).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::MissingKey);
    }
}

#[test]
fn subset_that_signs_opens_nothing_by_that() {
    let service = subset(&whole(), &Capabilities::new().signs());
    for key in service.keys() {
        let expected =
            if key.key_use() == KeyUse::Sign { KeyMaterial::Secret } else { KeyMaterial::NameOnly };
        assert_eq!(key.holds(), expected, "{key}");
    }
    assert_eq!(service.verifying_keys(), [verifying()]);
    assert!(service.seal(b"note", b"text").is_err());
}

#[test]
fn subset_that_is_to_sign_needs_a_key_that_signs() {
    let mut ring = admin();
    assert_eq!(
        ring.subset_with(&Capabilities::new().role("app").signs()).unwrap_err().kind(),
        ErrorKind::MissingKey
    );
    ring.insert(sign_key(SIGN, KeyState::OpenOnly)).unwrap();
    assert_eq!(
        ring.subset_with(&Capabilities::new().signs()).unwrap_err().kind(),
        ErrorKind::MissingKey,
        "one that verifies only does not do"
    );
}

#[test]
fn ring_says_whether_it_signs_or_verifies() {
    let mut ring = whole();
    let told = |ring: &KeyRing| ring.describe().to_string();
    const SIGNS: &str = "signs erasure receipts and ledgers";
    const VERIFIES: &str = "verifies erasure receipts and ledgers, and signs none";
    assert!(told(&ring).lines().any(|line| line == SIGNS), "{}", told(&ring));
    assert_eq!(told(&subset(&ring, &Capabilities::new())).lines().next(), Some(VERIFIES));
    ring.rotate(KeyUse::Sign, "sign").unwrap();
    let both = told(&ring);
    assert!(both.contains(SIGNS) && !both.contains(VERIFIES), "{both}");
    ring.set_state(id(SIGN), KeyState::Compromised).unwrap();
    assert!(told(&ring).contains("holds compromised: sign"), "{}", told(&ring));
    assert!(!told(&ring).contains("lacks"), "{}", told(&ring));
}

#[test]
fn verifying_key_has_one_text() {
    let text = verifying().to_string();
    assert!(text.starts_with("fsv1.") && text.len() == 59, "{text}");
    assert_eq!(text.parse::<VerifyingKey>().unwrap(), verifying());
    assert_eq!(format!(" {text}\n").parse::<VerifyingKey>().unwrap(), verifying());
    for position in 0..text.len() {
        for other in ["A", "_", "=", " ", "é"] {
            let mut altered = text.clone();
            altered.replace_range(position..=position, other);
            if altered == text {
                continue;
            }
            let read = altered.parse::<VerifyingKey>();
            assert_eq!(read.unwrap_err().kind(), ErrorKind::Malformed, "{altered}");
        }
    }
    for bad in [
        "",
        "fsv1.",
        "fsk1.AAAA",
        "fsv2.AAAA",
        &text[..58],
        &format!("{text}A"),
        &text.to_uppercase(),
        &text[5..],
        &format!("{text}="),
    ] {
        assert_eq!(bad.parse::<VerifyingKey>().unwrap_err().kind(), ErrorKind::Malformed, "{bad}");
    }
}

#[test]
fn verifying_key_is_no_point_that_proves_nothing() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut off_the_curve = [0; 32];
    off_the_curve[0] = 2;
    for bytes in [[0; 32], neutral, off_the_curve, [0xFF; 32]] {
        let error = VerifyingKey::new(id(SIGN), &bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn public_half_takes_the_place_of_no_key() {
    let mut ring = whole();
    let half = |state| RingKey::public_half(verifying(), state).unwrap();
    assert_eq!(
        ring.insert(half(KeyState::OpenOnly)).unwrap_err().kind(),
        ErrorKind::FailedPrecondition
    );
    let other = VerifyingKey::new(id(0xD3), &verifying().to_bytes()).unwrap();
    let other = |state| RingKey::public_half(other, state).unwrap();
    assert_eq!(
        ring.insert(other(KeyState::Primary)).unwrap_err().kind(),
        ErrorKind::FailedPrecondition
    );
    ring.insert(other(KeyState::OpenOnly)).unwrap();
    assert_eq!(ring.verifying_keys().len(), 2);
    assert_eq!(half(KeyState::Destroyed).holds(), KeyMaterial::NameOnly);
}

/// A public half that is made primary still does not sign.
#[test]
fn public_half_made_primary_signs_for_no_subset() {
    let mut ring = KeyRing::empty();
    ring.insert(RingKey::public_half(verifying(), KeyState::OpenOnly).unwrap()).unwrap();
    ring.set_state(id(SIGN), KeyState::Primary).unwrap();
    assert_eq!(ring.primary(KeyUse::Sign, "sign").unwrap().holds(), KeyMaterial::Public);
    assert_eq!(
        ring.subset_with(&Capabilities::new().signs()).unwrap_err().kind(),
        ErrorKind::MissingKey
    );
}

/// What comes back from a document signs, or does not, as what went in.
#[test]
fn ring_document_keeps_what_signs_and_what_verifies() {
    let ring = whole();
    let signs = Capabilities::new().role("app").signs();
    for (held, ring) in [
        (KeyMaterial::Secret, subset(&ring, &signs)),
        (KeyMaterial::Public, subset(&ring, &Capabilities::new().role("app"))),
        (KeyMaterial::Secret, ring),
    ] {
        let mut document = fieldseal::keyring::RingDocument::new(ring).unwrap();
        document.add_slot("server", &ring::key(1)).unwrap();
        let json = document.to_json().unwrap();
        let locked = fieldseal::keyring::LockedRing::from_json(json.as_bytes()).unwrap();
        assert!(locked.keys().any(|key| key.holds() == held && key.key_use() == KeyUse::Sign));
        let opened = locked.unlock(&ring::key(1)).unwrap().into_ring();
        assert_eq!(opened.verifying_keys(), [verifying()]);
        assert_eq!(opened.key(id(SIGN)).unwrap().holds(), held);
        assert_eq!(opened.subset_with(&signs).is_ok(), held == KeyMaterial::Secret);
    }
}

/// A document that had the key that signs is not stored with its public half alone.
#[test]
fn key_that_signs_is_not_lost_to_its_public_half() {
    let mut document = fieldseal::keyring::RingDocument::new(whole()).unwrap();
    document.add_slot("server", &ring::key(1)).unwrap();
    document.to_json().unwrap();
    let kept = subset(&whole(), &Capabilities::new().role("app").signs());
    *document.ring_mut() = kept.subset(&["app"]).unwrap().into_ring();
    assert_eq!(document.to_json().unwrap_err().kind(), ErrorKind::FailedPrecondition);
}

#[test]
fn debug_shows_no_byte_of_what_signs() {
    let ring = whole();
    let shown = format!("{ring:?} {:#?}", ring.key(id(SIGN)).unwrap());
    let secret = secret(SIGN);
    for bytes in [&secret[..4], &verifying().to_bytes()[..4]] {
        assert!(!shown.contains(&format!("{bytes:?}")), "{shown}");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!shown.contains(&hex), "{shown}");
    }
    let public = format!("{:?}", verifying());
    assert!(public.starts_with("VerifyingKey(000000d2, ") && public.len() < 100, "{public}");
}

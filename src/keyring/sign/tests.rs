//! Who signs and who verifies, by what a ring holds of the key and by its state.

use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::*;
use crate::kdf::expand;
use crate::keyring::{Capabilities, KeyMaterial};
use crate::secret::Secret;
use crate::sign::SigningKey;

const STATES: [KeyState; 5] = [
    KeyState::Primary,
    KeyState::OpenOnly,
    KeyState::Disabled,
    KeyState::Compromised,
    KeyState::Destroyed,
];

fn id() -> KeyId {
    KeyId::new(0xD2).unwrap()
}

fn full(state: KeyState) -> RingKey {
    RingKey::symmetric(id(), KeyUse::Sign, "sign", state, &[7; 32]).unwrap()
}

fn public() -> VerifyingKey {
    full(KeyState::Primary).verifying_key().unwrap()
}

#[test]
fn only_a_primary_key_signs_and_of_others_former_ones_verify_and_name() {
    let subject = SubjectId::new(42).unwrap();
    for state in STATES {
        let key = full(state);
        let counts = matches!(state, KeyState::Primary | KeyState::OpenOnly);
        assert_eq!(key.signer().is_some(), state == KeyState::Primary, "{state}");
        let names = counts || state == KeyState::Compromised;
        assert_eq!(key.token("", &subject).is_some(), names, "{state}");
        assert_eq!(key.verifying_key(), counts.then(public), "{state}");
    }
}

#[test]
fn public_half_neither_signs_nor_names_in_any_state() {
    let subject = SubjectId::new(42).unwrap();
    for state in STATES {
        let key = RingKey::public_half(public(), state).unwrap();
        let counts = matches!(state, KeyState::Primary | KeyState::OpenOnly);
        assert!(key.signer().is_none() && key.token("", &subject).is_none(), "{state}");
        assert!(key.expose_secret().is_none(), "{state}");
        assert_eq!(key.verifying_key(), counts.then(public), "{state}");
        // Nor does asking for all of it make more of it.
        let again = key.reduced(KeyMaterial::Secret, &[]);
        assert!(again.signer().is_none() && again.holds() == key.holds(), "{state}");
    }
}

#[test]
fn no_tenant_that_cannot_be_one_has_tokens() {
    let subject = SubjectId::new(42).unwrap();
    let longest = "t".repeat(64);
    assert!(full(KeyState::Primary).token(&longest, &subject).is_some());
    for len in [65, 300] {
        assert!(full(KeyState::Primary).token(&"t".repeat(len), &subject).is_none(), "{len}");
    }
}

#[test]
fn keys_of_other_uses_do_not_sign() {
    for key_use in [KeyUse::Envelope, KeyUse::Index, KeyUse::Pseudonym] {
        let name = key_use.as_str();
        let key = RingKey::symmetric(id(), key_use, name, KeyState::Primary, &[7; 32]).unwrap();
        assert!(key.signer().is_none() && key.public_key().is_none(), "{key_use}");
        assert_eq!(
            key.reduced(KeyMaterial::Public, &[]).holds(),
            KeyMaterial::NameOnly,
            "{key_use}"
        );
    }
}

#[test]
fn signature_is_verified_by_the_public_half_alone() {
    let key = full(KeyState::Primary);
    let signature = key.signer().unwrap().sign(&[b"label", b"text"]);
    let half: VerifyingKey = public().to_string().parse().unwrap();
    assert!(half.verify(&[b"labeltext"], &signature));
    assert!(!half.verify(&[b"labeltexT"], &signature));
}

/// `[RK-8]` The public key is that of the derived seed, and of nothing that another use derives.
#[test]
fn public_key_is_derived_from_the_secret_alone() {
    let secret = Secret::from_bytes(&[7; 32]);
    assert_eq!(public().to_bytes(), *SigningKey::new(&secret).public());
    let seed = expand::<32>(&secret, b"fieldseal/v1 sign");
    assert_ne!(public().to_bytes(), *SigningKey::new(&seed).public());
}

#[test]
fn subset_that_does_not_sign_has_no_token_of_anyone() {
    let mut ring = KeyRing::generate().unwrap();
    ring.insert(full(KeyState::Primary)).unwrap();
    let subject = SubjectId::new(42).unwrap();
    for reach in [Capabilities::new().role("app"), Capabilities::new()] {
        let service = ring.subset_with(&reach).unwrap().into_ring();
        let key = service.key(id()).unwrap();
        assert!(key.signer().is_none() && key.token("", &subject).is_none());
        assert_eq!(service.verifying_keys(), [public()]);
    }
    let service = ring.subset_with(&Capabilities::new().signs()).unwrap().into_ring();
    let ours = ring.key(id()).unwrap().token("", &subject);
    assert_eq!(service.key(id()).unwrap().token("", &subject), ours);
    assert!(service.key(id()).unwrap().signer().is_some());
}

#[test]
fn subset_that_signs_has_the_former_keys_that_name_and_no_others() {
    for (state, former) in
        [(KeyState::Disabled, KeyMaterial::Public), (KeyState::Compromised, KeyMaterial::Secret)]
    {
        let mut ring = KeyRing::generate().unwrap();
        ring.insert(full(state)).unwrap();
        assert!(ring.subset_with(&Capabilities::new().signs()).is_err(), "{state}: nothing signs");
        ring.rotate(KeyUse::Sign, "sign").unwrap();
        let service = ring.subset_with(&Capabilities::new().signs()).unwrap().into_ring();
        let held: Vec<_> = service.keys().filter(|key| key.key_use() == KeyUse::Sign).collect();
        assert_eq!(held.len(), 2);
        for key in held {
            let expected = if key.id() == id() { former } else { KeyMaterial::Secret };
            assert!(key.id() != id() || key.signer().is_none(), "{state}");
            assert_eq!(key.holds(), expected, "{state}");
        }
    }
}

//! Documents made by hand, with the primitives' crates and nothing of fieldseal's: by one who knows the
//! key of a slot, or the master key.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use fieldseal::ErrorKind;
use fieldseal::keyring::{Argon2Cost, Credential, Passphrase};
use serde_json::{Value, json};

use super::common::bytes::{decrypt, encrypt, expand};
use super::common::ring::{document, error, key, whole};
use super::{member, open, sample, unopened, usual, with};

/// What the attacker's slot is opened by: `key(66)`.
const ATTACKER: [u8; 32] = [66; 32];

fn base64(bytes: &[u8]) -> Value {
    json!(Base64UrlUnpadded::encode_string(bytes))
}

fn bytes_at(json: &str, pointer: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(member(json, pointer).as_str().unwrap()).unwrap()
}

fn id(json: &str) -> [u8; 16] {
    let hex = member(json, "/id").as_str().unwrap().to_owned();
    core::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
}

/// JCS of integers and such text as is here: members in alphabetical order, no white space.
fn canonical(mut object: Value, without: &str) -> Vec<u8> {
    object.as_object_mut().unwrap().remove(without);
    serde_json::to_vec(&object).unwrap()
}

/// Key and commitment of a slot.
fn slot_keys(json: &str, slot: &Value, slot_key: &[u8; 32]) -> ([u8; 32], [u8; 32]) {
    let slot = canonical(slot.clone(), "wrapped");
    let number = member(json, "/master").as_u64().and_then(|number| u32::try_from(number).ok());
    let number = number.unwrap().to_be_bytes();
    let info = [b"fieldseal/v1 ring slot".as_slice(), &id(json), &number, &slot].concat();
    halves(expand(slot_key, &info))
}

fn document_keys(json: &str, master: &[u8; 32]) -> ([u8; 32], [u8; 32]) {
    halves(expand(master, &[b"fieldseal/v1 ring".as_slice(), &id(json)].concat()))
}

fn halves(okm: [u8; 64]) -> ([u8; 32], [u8; 32]) {
    (okm[..32].try_into().unwrap(), okm[32..].try_into().unwrap())
}

/// The master key in the slot at this place.
fn master(json: &str, at: usize, slot_key: &[u8; 32]) -> [u8; 32] {
    let slot = member(json, &format!("/slots/{at}"));
    let (key, commitment) = slot_keys(json, &slot, slot_key);
    let wrapped = bytes_at(json, &format!("/slots/{at}/wrapped"));
    assert_eq!(wrapped[..32], commitment);
    decrypt(&key, &[], &wrapped[32..]).unwrap().try_into().unwrap()
}

/// The slot, wrapping this master key under this slot key.
fn forged(json: &str, slot: &Value, slot_key: &[u8; 32], master: &[u8; 32]) -> Value {
    let (key, commitment) = slot_keys(json, slot, slot_key);
    let mut slot = slot.clone();
    slot["wrapped"] = base64(&[&commitment, &*encrypt(&key, &[3; 24], &[], master)].concat());
    slot
}

/// The document with one more slot, which the attacker opens.
fn with_slot(json: &str, master: &[u8; 32]) -> String {
    let number = member(json, "/slots").as_array().unwrap().len();
    let slot = json!({
        "created_at": "2026-11-22T00:33:40Z", "id": number + 1, "kind": "key", "label": "server",
    });
    let mut slots = member(json, "/slots");
    slots.as_array_mut().unwrap().push(forged(json, &slot, &ATTACKER, master));
    with(json, "/slots", slots)
}

fn associated(json: &str) -> Vec<u8> {
    let document = canonical(serde_json::from_str(json).unwrap(), "secrets");
    [b"fieldseal/v1 ring".as_slice(), &document].concat()
}

fn secrets(json: &str, master: &[u8; 32]) -> Vec<u8> {
    let (key, commitment) = document_keys(json, master);
    let bytes = bytes_at(json, "/secrets");
    assert_eq!(bytes[..32], commitment);
    decrypt(&key, &associated(json), &bytes[32..]).unwrap()
}

/// The document with these secrets, authenticated as it is.
fn sealed(json: &str, master: &[u8; 32], secrets: &[u8]) -> String {
    let (key, commitment) = document_keys(json, master);
    let encrypted = encrypt(&key, &[4; 24], &associated(json), secrets);
    with(json, "/secrets", base64(&[&commitment, &*encrypted].concat()))
}

#[track_caller]
fn unopened_by(json: &str, credential: &Credential) {
    let error = error(open(json, credential));
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Unlock, usual()));
}

#[test]
fn a_document_that_is_made_by_hand_opens() {
    let (mut document, _) = sample();
    let json = document.to_json().unwrap();
    let master = master(&json, 0, &[1; 32]);
    let plain = secrets(&json, &master);

    let made = sealed(&with(&with_slot(&json, &master), "/generation", json!(7)), &master, &plain);
    for credential in [key(1), key(66)] {
        let opened = open(&made, &credential).unwrap();
        assert_eq!(whole(opened.ring()), whole(document.ring()));
        assert_eq!(opened.generation(), 7);
    }
    // And without the hand that sealed it, it does not: with the slot, with the number alone.
    unopened(with_slot(&json, &master));
    unopened(with(&json, "/generation", json!(7)));
}

/// Whoever tries keys on documents that he made learns only that a key is wrong.
#[test]
fn a_slot_that_opens_to_nothing_is_like_a_wrong_passphrase() {
    let json = sample().0.to_json().unwrap();
    for master in [[0; 32], [7; 32], master(&json, 0, &[1; 32])] {
        let made = with_slot(&json, &master);
        for credential in [key(66), key(67), key(1), passphrase("four words"), passphrase("other")]
        {
            unopened_by(&made, &credential);
        }
    }
    // Alone in the document, too.
    let slot = member(&json, "/slots/0");
    let alone = with(&json, "/slots", json!([forged(&json, &slot, &ATTACKER, &[7; 32])]));
    for number in [66, 67, 1] {
        unopened_by(&alone, &key(number));
    }
}

fn passphrase(text: &str) -> Credential {
    Passphrase::new(text).unwrap().cost(Argon2Cost::new(8, 1, 1).unwrap()).into()
}

/// One slot opens under one key: what it is committed to is compared, though all else fits.
#[test]
fn a_slot_that_is_committed_to_another_key_does_not_open() {
    let (mut document, _) = sample();
    let json = document.to_json().unwrap();
    let master = master(&json, 0, &[1; 32]);
    let plain = secrets(&json, &master);
    let again = |slot: Value| sealed(&with(&json, "/slots/0", slot), &master, &plain);

    let good = forged(&json, &member(&json, "/slots/0"), &[1; 32], &master);
    assert!(open(again(good.clone()), &key(1)).is_ok());
    for at in [0, 15, 31] {
        let mut wrapped = Base64UrlUnpadded::decode_vec(good["wrapped"].as_str().unwrap()).unwrap();
        wrapped[at] ^= 1;
        let mut slot = good.clone();
        slot["wrapped"] = base64(&wrapped);
        unopened_by(&again(slot), &key(1));
    }
}

#[test]
fn secrets_that_are_committed_to_another_key_do_not_open() {
    let json = sample().0.to_json().unwrap();
    let good = bytes_at(&json, "/secrets");
    for at in [0, 15, 31] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        unopened(with(&json, "/secrets", base64(&bytes)));
    }
}

/// Nor does one who holds the master key have keys read that are not whole.
#[test]
fn secrets_that_do_not_fit_the_keys_do_not_open() {
    let json = sample().0.to_json().unwrap();
    let master = master(&json, 0, &[1; 32]);
    let plain = secrets(&json, &master);
    assert!(open(sealed(&json, &master, &plain), &key(1)).is_ok());
    for len in [0, 1, 32, plain.len() - 32, plain.len() - 1] {
        unopened(sealed(&json, &master, &plain[..len]));
    }
    for more in [1, 32] {
        unopened(sealed(&json, &master, &[&*plain, &vec![0; more]].concat()));
    }
}

/// A ring of the attacker's, under the id of the victim's: the victim does not open it.
#[test]
fn another_ring_under_the_same_id_does_not_open() {
    let json = sample().0.to_json().unwrap();
    let other = with(&document().to_json().unwrap(), "/id", member(&json, "/id"));
    let other = with(&other, "/slots", member(&json, "/slots"));
    let other = with_slot(&other, &[7; 32]);
    let keys = member(&other, "/keys").as_array().unwrap().len();
    let other = sealed(&other, &[7; 32], &vec![9; 32 * keys]);
    assert!(open(&other, &key(66)).is_ok(), "the attacker does");
    unopened_by(&other, &key(1));
    unopened_by(&other, &passphrase("four words"));
}

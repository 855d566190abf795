//! Recipients of kind 2, by the HPKE library and not through the crate.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256 as Kem;
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, PskBundle, Serializable as _};
use serde_json::Value;

use super::forge::{Seed, expand};
use super::forms::{array, hex, int, unhex};

const INFO: &[u8] = b"fieldseal/v1 wrap";

/// The public key of a private one.
pub(crate) fn public(private: &[u8; 32]) -> [u8; 32] {
    Kem::sk_to_pk(&<Kem as hpke::Kem>::PrivateKey::from_bytes(private).unwrap()).to_bytes().into()
}

/// The private ephemeral key that the library makes of 32 drawn bytes.
pub(crate) fn ephemeral(drawn: &[u8; 32]) -> [u8; 32] {
    Kem::derive_keypair(drawn).0.to_bytes().into()
}

/// Wraps, the ephemeral key made of `drawn`.
pub(crate) fn wrap(key: &Value, aad: &[u8], data_key: &[u8], drawn: [u8; 32]) -> Vec<u8> {
    let public = <Kem as hpke::Kem>::PublicKey::from_bytes(&unhex(&key["public"])).unwrap();
    let (psk, psk_id) = (psk(key), psk_id(key));
    let mode = OpModeS::Psk(PskBundle::new(&psk, &psk_id).unwrap());
    let (enc, ciphertext) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
        &mode,
        &public,
        INFO,
        data_key,
        aad,
        &mut Seed(drawn),
    )
    .unwrap();
    [enc.to_bytes().as_slice(), &ciphertext].concat()
}

fn psk(key: &Value) -> Vec<u8> {
    expand(&unhex(&key["writer"]), b"fieldseal/v1 writer", 32)
}

fn psk_id(key: &Value) -> [u8; 4] {
    u32::try_from(int(&key["id"])).unwrap().to_be_bytes()
}

/// Fills in what follows from the inputs, and checks that what is wrapped is the data key: by the
/// private key, as the library takes no ephemeral key.
pub(crate) fn complete(recipient: &mut Value, key: &Value, aad: &[u8], data_key: &[u8]) {
    let (psk, psk_id) = (psk(key), psk_id(key));
    recipient["psk"] = hex(&psk).into();
    recipient["psk_id"] = hex(&psk_id).into();
    recipient["info"] = hex(INFO).into();
    recipient["enc"] = hex(&public(&array(&recipient["ephemeral"]))).into();
    let wrapped = unhex(&recipient["wrapped"]);
    assert_eq!(recipient["enc"], hex(&wrapped[..32]).as_str());
    let enc = <Kem as hpke::Kem>::EncappedKey::from_bytes(&wrapped[..32]).unwrap();
    let private = <Kem as hpke::Kem>::PrivateKey::from_bytes(&unhex(&key["private"])).unwrap();
    let mode = OpModeR::Psk(PskBundle::new(&psk, &psk_id).unwrap());
    let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
        &mode,
        &private,
        &enc,
        INFO,
        &wrapped[32..],
        aad,
    )
    .unwrap();
    assert_eq!(opened, data_key);
}

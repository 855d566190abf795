//! `ring`, at every size.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, Tag, UnboundKey};

use super::{TAG, Unauthentic};

fn key(key: &[u8; 32]) -> LessSafeKey {
    // safe: the algorithm takes keys of 32 bytes.
    #[allow(clippy::expect_used, reason = "the length is fixed")]
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).expect("a key of 32 bytes"))
}

pub(super) fn seal(
    secret: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    buffer: &mut [u8],
) -> [u8; TAG] {
    let mut out = [0; TAG];
    // safe: fails only above 256 GiB, and sealing refuses a value as long.
    #[allow(clippy::expect_used, reason = "longer values are refused before")]
    let tag = key(secret)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), buffer)
        .expect("a value below 256 GiB");
    out.copy_from_slice(tag.as_ref());
    out
}

pub(super) fn open(
    secret: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    ciphertext: &[u8],
    tag: &[u8; TAG],
    plaintext: &mut [u8],
) -> Result<(), Unauthentic> {
    if plaintext.len() != ciphertext.len() {
        return Err(Unauthentic);
    }
    plaintext.copy_from_slice(ciphertext);
    key(secret)
        .open_in_place_separate_tag(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(aad),
            Tag::from(*tag),
            plaintext,
            0..,
        )
        .map(drop)
        .map_err(|_| Unauthentic)
}

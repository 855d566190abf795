//! Pure Rust, chosen by size: libcrux's verified ChaCha20-Poly1305 for short values, where the
//! vectorised one costs several times more to start, and `chacha20poly1305` for long ones.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, ChaCha20Poly1305, KeyInit as _};
use zeroize::Zeroize as _;

use super::{TAG, Unauthentic};

/// Up to here libcrux is the faster one; the bench `backends` shows where they meet.
pub(super) const SHORT: usize = 896;

pub(super) fn seal(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], buffer: &mut [u8]) -> [u8; TAG] {
    let mut scratch = [0; SHORT];
    match scratch.get_mut(..buffer.len()) {
        Some(plaintext) => {
            plaintext.copy_from_slice(buffer);
            let tag = seal_short(key, nonce, aad, plaintext, buffer);
            plaintext.zeroize();
            tag
        }
        None => seal_long(key, nonce, aad, buffer),
    }
}

fn seal_short(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut [u8],
) -> [u8; TAG] {
    let mut tag = [0; TAG];
    // safe: fails only above 4 GiB; associated data is at most 64 KiB and the value short.
    #[allow(clippy::expect_used, reason = "the lengths are bounded")]
    libcrux_chacha20poly1305::encrypt_detached(key, plaintext, out, &mut tag, aad, nonce)
        .expect("lengths below 4 GiB");
    tag
}

fn seal_long(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], buffer: &mut [u8]) -> [u8; TAG] {
    // safe: fails only above 256 GiB, and sealing refuses a value as long.
    #[allow(clippy::expect_used, reason = "longer values are refused before")]
    ChaCha20Poly1305::new(key.into())
        .encrypt_inout_detached(nonce.into(), aad, InOutBuf::from(buffer))
        .expect("a value below 256 GiB")
        .into()
}

pub(super) fn open(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    ciphertext: &[u8],
    tag: &[u8; TAG],
    plaintext: &mut [u8],
) -> Result<(), Unauthentic> {
    if ciphertext.len() <= SHORT {
        libcrux_chacha20poly1305::decrypt_detached(key, plaintext, ciphertext, tag, aad, nonce)
            .map(drop)
            .map_err(|_| Unauthentic)
    } else {
        let buffer = InOutBuf::new(ciphertext, plaintext).map_err(|_| Unauthentic)?;
        ChaCha20Poly1305::new(key.into())
            .decrypt_inout_detached(nonce.into(), aad, buffer, tag.into())
            .map_err(|_| Unauthentic)
    }
}

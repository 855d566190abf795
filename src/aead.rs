//! Suite 1: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), by the fastest back end of the build.
//!
//! XChaCha20-Poly1305 is ChaCha20-Poly1305 (RFC 8439) under a key that HChaCha20 derives from the
//! key and the first 16 bytes of the nonce, with the nonce 0⁴ ‖ last 8 bytes. Splitting it there
//! lets the values of one call, whose nonces share those 16 bytes, share the derivation.

use core::fmt;

use chacha20::{R20, hchacha};

use zeroize::Zeroizing;

#[cfg(all(feature = "aws-lc-rs", any(test, not(feature = "ring"))))]
mod aws_lc;
#[cfg(any(test, not(any(feature = "ring", feature = "aws-lc-rs"))))]
mod portable;
#[cfg(feature = "ring")]
mod ring;

#[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
use aws_lc as backend;
#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
use portable as backend;
#[cfg(feature = "ring")]
use ring as backend;

/// The code that encrypts and decrypts: see [`backend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// Pure Rust, of `libcrux-chacha20poly1305` for short values and `chacha20poly1305` for long ones.
    Portable,
    /// The feature `ring`.
    Ring,
    /// The feature `aws-lc-rs`.
    AwsLc,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Ring => "ring",
            Self::AwsLc => "aws-lc-rs",
        })
    }
}

/// Returns the back end of this build. All back ends give the same bytes and differ in speed.
///
/// Cargo unites the features that all packages of a build ask for, so a dependency can add one. The order is
/// fixed: `ring` where its feature is on, else `aws-lc-rs` where its feature is on, else the portable code. A
/// program that depends on one checks it when it starts.
///
/// ```
/// let backend = fieldseal::backend();
/// println!("fieldseal encrypts by {backend}");
/// ```
#[must_use]
pub const fn backend() -> Backend {
    if cfg!(feature = "ring") {
        Backend::Ring
    } else if cfg!(feature = "aws-lc-rs") {
        Backend::AwsLc
    } else {
        Backend::Portable
    }
}

pub(crate) const TAG: usize = 16;
pub(crate) const NONCE: usize = 24;
/// The part of a nonce that HChaCha20 takes.
pub(crate) const PREFIX: usize = 16;

/// Authentication failed; nothing more is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unauthentic;

/// A ChaCha20-Poly1305 key for all nonces that share their first 16 bytes. Lives for one call, in
/// place, so that sealing a value allocates nothing for it; wiped on drop.
pub(crate) struct Subkey(Zeroizing<[u8; 32]>);

impl Subkey {
    /// HChaCha20 of the key and the nonce's first 16 bytes.
    pub(crate) fn derive(key: &[u8; 32], prefix: &[u8; PREFIX]) -> Self {
        Self(Zeroizing::new(hchacha::<R20>(key.into(), prefix.into()).into()))
    }

    /// Encrypts `buffer` in place and gives the tag. `tail` is the nonce's last 8 bytes.
    pub(crate) fn seal(&self, tail: [u8; 8], aad: &[u8], buffer: &mut [u8]) -> [u8; TAG] {
        backend::seal(&self.0, &nonce(tail), aad, buffer)
    }

    /// Decrypts `ciphertext` into `plaintext`, which has its length. Nothing useful is in
    /// `plaintext` when authentication fails.
    pub(crate) fn open(
        &self,
        tail: [u8; 8],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; TAG],
        plaintext: &mut [u8],
    ) -> Result<(), Unauthentic> {
        backend::open(&self.0, &nonce(tail), aad, ciphertext, tag, plaintext)
    }
}

/// Splits a nonce into what HChaCha20 takes and the rest.
pub(crate) fn split(nonce: &[u8; NONCE]) -> ([u8; PREFIX], [u8; 8]) {
    let (mut prefix, mut tail) = ([0; PREFIX], [0; 8]);
    prefix.iter_mut().chain(&mut tail).zip(nonce).for_each(|(to, from)| *to = *from);
    (prefix, tail)
}

/// The last 12 bytes that ChaCha20-Poly1305 takes: four zero bytes ‖ tail.
fn nonce(tail: [u8; 8]) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce.iter_mut().skip(4).zip(tail).for_each(|(to, from)| *to = from);
    nonce
}

#[cfg(test)]
mod tests;

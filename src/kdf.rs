//! `Expand` and the envelope's MAC: HKDF-Expand and HMAC with SHA-256.

#[cfg(feature = "file")]
use alloc::vec::Vec;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Digest as _;
use sha2::Sha256;
#[cfg(feature = "file")]
use zeroize::Zeroizing;

#[cfg(feature = "file")]
use crate::error::{Error, ErrorKind};
use crate::secret::{Secret, ct_eq};

/// `Expand(key, info, N)`: HKDF-Expand with SHA-256 (RFC 5869, 2.3), the key as its PRK. Section
/// 3.3 there allows leaving out Extract, as every key here is 32 uniform bytes already.
pub(crate) fn expand<const N: usize>(key: &Secret<32>, info: &[u8]) -> Secret<N> {
    const { assert!(N <= 64, "no label asks for more than 64 bytes") };
    Secret::filled(|out| {
        // safe: 32 bytes are a whole SHA-256 PRK, and N is far below 255 × 32.
        #[allow(clippy::expect_used, reason = "both lengths are fixed")]
        Hkdf::<Sha256>::from_prk(key.expose())
            .expect("a PRK of 32 bytes")
            .expand(info, out)
            .expect("at most 64 bytes");
    })
}

/// Argon2id (RFC 9106), version 0x13, with an output of 32 bytes. The memory is wiped.
#[cfg(feature = "file")]
pub(crate) fn argon2id(
    passphrase: &[u8],
    salt: &[u8; 16],
    memory_kib: u32,
    passes: u32,
    lanes: u32,
) -> Result<Secret<32>, Error> {
    use argon2::{Algorithm, Argon2, Params, Version};

    let refused = |_| Error::invalid("these Argon2id parameters cannot be used on this machine");
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(refused)?;
    let mut memory = Vec::new();
    memory.try_reserve_exact(params.block_count()).map_err(|_| {
        Error::new(ErrorKind::Exhausted, "there is not enough memory for this passphrase slot")
    })?;
    memory.resize(params.block_count(), argon2::Block::new());
    let mut memory = Zeroizing::new(memory);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Secret::try_filled(|out| {
        argon2.hash_password_into_with_memory(passphrase, salt, out, memory.as_mut_slice())
    })
    .map_err(refused)
}

/// SHA-256 of the parts, one behind the other: for fingerprints of what needs no key.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::default();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// HMAC-SHA256 under one key, its key schedule done once.
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    pub(crate) fn new(key: &Secret<32>) -> Self {
        // safe: HMAC takes keys of any length.
        #[allow(clippy::expect_used, reason = "any length is a key")]
        Self(Hmac::new_from_slice(key.expose()).expect("a key of any length"))
    }

    /// The HMAC over the parts, one behind the other.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    /// Its first 16 bytes, as envelopes carry it.
    pub(crate) fn tag16(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut tag = [0; 16];
        tag.iter_mut().zip(self.tag(parts)).for_each(|(to, from)| *to = from);
        tag
    }

    /// Whether `tag` is [`tag16`](Self::tag16) of the parts, in constant time.
    pub(crate) fn verify16(&self, parts: &[&[u8]], tag: &[u8; 16]) -> bool {
        ct_eq(&self.tag16(parts), tag)
    }
}

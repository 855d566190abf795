//! `Expand` and the envelope's MAC: HKDF-Expand and HMAC with SHA-256.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

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

/// HMAC-SHA256 under one key, its key schedule done once; cut to 16 bytes for envelopes.
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    pub(crate) fn new(key: &Secret<32>) -> Self {
        // safe: HMAC takes keys of any length.
        #[allow(clippy::expect_used, reason = "any length is a key")]
        Self(Hmac::new_from_slice(key.expose()).expect("a key of any length"))
    }

    /// The first 16 bytes of the HMAC over the parts, one behind the other.
    pub(crate) fn tag16(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = self.0.clone();
        parts.iter().for_each(|part| mac.update(part));
        let full = mac.finalize().into_bytes();
        let mut tag = [0; 16];
        tag.iter_mut().zip(full).for_each(|(to, from)| *to = from);
        tag
    }

    /// Whether `tag` is [`tag16`](Self::tag16) of the parts, in constant time.
    pub(crate) fn verify16(&self, parts: &[&[u8]], tag: &[u8; 16]) -> bool {
        ct_eq(&self.tag16(parts), tag)
    }
}

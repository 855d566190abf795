//! Recipients of kind 1: nonce (24) ‖ data key encrypted by XChaCha20-Poly1305 (32) ‖ tag (16).

use crate::aead::{NONCE, Subkey, Unauthentic, split};
use crate::kdf::expand;
use crate::random::CallRng;
use crate::secret::Secret;

pub(super) const WRAPPED: usize = 72;

/// The wrap key of a symmetric role: `Expand(secret, "fieldseal/v1 wrap key", 32)`.
pub(crate) struct WrapKey(Secret<32>);

impl WrapKey {
    pub(crate) fn derive(secret: &Secret<32>) -> Self {
        Self(expand(secret, b"fieldseal/v1 wrap key"))
    }

    pub(crate) fn wrap(
        &self,
        data_key: &Secret<32>,
        aad: &[u8],
        rng: &mut CallRng,
    ) -> [u8; WRAPPED] {
        let nonce: [u8; NONCE] = rng.array();
        let (prefix, tail) = split(&nonce);
        let mut body = [0; 32];
        body.copy_from_slice(data_key.expose());
        let tag = Subkey::derive(self.0.expose(), &prefix).seal(tail, aad, &mut body);
        let mut wrapped = [0; WRAPPED];
        wrapped
            .iter_mut()
            .zip(nonce.iter().chain(&body).chain(&tag))
            .for_each(|(to, from)| *to = *from);
        wrapped
    }

    pub(crate) fn unwrap(&self, wrapped: &[u8], aad: &[u8]) -> Result<Secret<32>, Unauthentic> {
        let (nonce, rest) = wrapped.split_first_chunk::<NONCE>().ok_or(Unauthentic)?;
        let (body, rest) = rest.split_first_chunk::<32>().ok_or(Unauthentic)?;
        let tag = rest.try_into().map_err(|_| Unauthentic)?;
        let (prefix, tail) = split(nonce);
        let subkey = Subkey::derive(self.0.expose(), &prefix);
        Secret::try_filled(|data_key| subkey.open(tail, aad, body, tag, data_key))
    }
}

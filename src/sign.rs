//! Signatures of the ring: Ed25519 (RFC 8032), and the tokens by which a ledger names its subjects.

use alloc::vec::Vec;

use ed25519_dalek::ed25519::signature::MultipartSigner as _;
use ed25519_dalek::{Signature, SigningKey as Ed25519, VerifyingKey};

use crate::context::SubjectId;
use crate::encoding::Put as _;
use crate::kdf::{MacKey, expand};
use crate::secret::Secret;

/// `[RK-8]` What a ring signs with: the ring key's secret, and what is derived from it. The secret itself
/// signs nothing, so that no key serves two uses.
pub(crate) struct SigningKey {
    secret: Secret<32>,
    seed: Secret<32>,
    public: [u8; 32],
}

impl SigningKey {
    pub(crate) fn new(secret: &Secret<32>) -> Self {
        let seed = expand(secret, b"fieldseal/v1 sign");
        let public = Ed25519::from_bytes(seed.expose()).verifying_key().to_bytes();
        Self { secret: secret.duplicate(), seed, public }
    }

    /// The ring key's secret.
    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    /// The Ed25519 public key.
    pub(crate) fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The signature of the parts, one behind the other: a label first, which says what is signed.
    pub(crate) fn sign(&self, message: &[&[u8]]) -> [u8; 64] {
        // Made for the call, and wiped behind it.
        Ed25519::from_bytes(self.seed.expose()).multipart_sign(message).to_bytes()
    }

    /// `[RK-9]` What a subject is called where its id must not stand: it cannot be told from the id
    /// without the key.
    pub(crate) fn token(&self, tenant: &str, subject: &SubjectId) -> [u8; 16] {
        let mut info = b"fieldseal/v1 ledger subject".to_vec();
        info.put_s8(tenant.as_bytes());
        let mut named = Vec::new();
        named.put_s8(subject.as_bytes());
        MacKey::new(&expand(&self.secret, &info)).tag16(&[&named])
    }
}

/// `[RK-10]` Whether these are the bytes of a public key: a point of the curve in its one encoding, and
/// none of small order, under which a signature would say nothing.
pub(crate) fn is_public(public: &[u8; 32]) -> bool {
    VerifyingKey::from_bytes(public)
        .is_ok_and(|key| !key.is_weak() && key.to_edwards().compress().to_bytes() == *public)
}

/// Whether the parts were signed by the key of this public key.
pub(crate) fn verify(public: &[u8; 32], message: &[&[u8]], signature: &[u8; 64]) -> bool {
    // [RK-10] Strict: one signature has one encoding, and no point is of small order.
    VerifyingKey::from_bytes(public).is_ok_and(|key| {
        is_public(public)
            && key.verify_strict(&message.concat(), &Signature::from_bytes(signature)).is_ok()
    })
}

#[cfg(test)]
mod tests;

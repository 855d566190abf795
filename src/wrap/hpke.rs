//! Recipients of kind 2: enc (32) ‖ ciphertext (48) of HPKE (RFC 9180) in `mode_psk`, single shot,
//! with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20Poly1305 (0x0020, 0x0001, 0x0003).
//!
//! The psk is `Expand(writer secret, "fieldseal/v1 writer", 32)` and the psk_id the key id's 4
//! bytes, so that who knows a public key only cannot make keys that readers accept.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, PskBundle, Serializable as _};
use zeroize::Zeroizing;

use crate::aead::Unauthentic;
use crate::kdf::expand;
use crate::random::CallRng;
use crate::secret::Secret;

pub(super) const WRAPPED: usize = 80;
const INFO: &[u8] = b"fieldseal/v1 wrap";

type PublicKey = <X25519HkdfSha256 as hpke::Kem>::PublicKey;
type PrivateKey = <X25519HkdfSha256 as hpke::Kem>::PrivateKey;
type EncappedKey = <X25519HkdfSha256 as hpke::Kem>::EncappedKey;

/// What writers get of a key-pair role: the public key and the writer secret.
pub(crate) struct WriterHalf {
    public: PublicKey,
    writer: Secret<32>,
}

/// What a reader holds besides: the private key.
pub(crate) struct KeyPair {
    private: PrivateKey,
    half: WriterHalf,
}

impl WriterHalf {
    /// `None` for a public key that is no point HPKE accepts.
    pub(crate) fn new(public: &[u8; 32], writer: Secret<32>) -> Option<Self> {
        Some(Self { public: PublicKey::from_bytes(public).ok()?, writer })
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.public.to_bytes().into()
    }

    pub(crate) fn writer(&self) -> &Secret<32> {
        &self.writer
    }

    pub(crate) fn duplicate(&self) -> Self {
        Self { public: self.public.clone(), writer: self.writer.duplicate() }
    }

    fn psk(&self) -> Secret<32> {
        expand(&self.writer, b"fieldseal/v1 writer")
    }

    pub(crate) fn wrap(
        &self,
        key_id: u32,
        data_key: &Secret<32>,
        aad: &[u8],
        rng: &mut CallRng,
    ) -> Result<[u8; WRAPPED], Unauthentic> {
        let (psk, psk_id) = (self.psk(), key_id.to_be_bytes());
        let mode = OpModeS::Psk(PskBundle::new(psk.expose(), &psk_id).map_err(|_| Unauthentic)?);
        let (enc, ciphertext) = hpke::single_shot_seal_with_rng::<
            ChaCha20Poly1305,
            HkdfSha256,
            X25519HkdfSha256,
        >(
            &mode, &self.public, INFO, data_key.expose(), aad, rng.inner()
        )
        .map_err(|_| Unauthentic)?;
        let mut wrapped = [0; WRAPPED];
        wrapped
            .iter_mut()
            .zip(enc.to_bytes().iter().chain(&ciphertext))
            .for_each(|(to, from)| *to = *from);
        Ok(wrapped)
    }
}

impl KeyPair {
    /// Draws a private key and a writer secret.
    pub(crate) fn generate(rng: &mut CallRng) -> Self {
        let (private, public) = X25519HkdfSha256::gen_keypair_with_rng(rng.inner());
        Self { private, half: WriterHalf { public, writer: rng.secret() } }
    }

    /// `None` for bytes that HPKE does not accept. The public key is computed where it is not known.
    pub(crate) fn new(
        private: &Secret<32>,
        public: Option<&[u8; 32]>,
        writer: Secret<32>,
    ) -> Option<Self> {
        let private = PrivateKey::from_bytes(private.expose()).ok()?;
        let public = match public {
            Some(public) => PublicKey::from_bytes(public).ok()?,
            None => X25519HkdfSha256::sk_to_pk(&private),
        };
        Some(Self { private, half: WriterHalf { public, writer } })
    }

    pub(crate) fn private(&self) -> Secret<32> {
        Secret::filled(|bytes| {
            let exposed: Zeroizing<[u8; 32]> = Zeroizing::new(self.private.to_bytes().into());
            bytes.copy_from_slice(exposed.as_slice());
        })
    }

    pub(crate) fn half(&self) -> &WriterHalf {
        &self.half
    }

    pub(crate) fn duplicate(&self) -> Self {
        Self { private: self.private.clone(), half: self.half.duplicate() }
    }

    pub(crate) fn unwrap(
        &self,
        key_id: u32,
        wrapped: &[u8],
        aad: &[u8],
    ) -> Result<Secret<32>, Unauthentic> {
        let (enc, ciphertext) = wrapped.split_first_chunk::<32>().ok_or(Unauthentic)?;
        let enc = EncappedKey::from_bytes(enc).map_err(|_| Unauthentic)?;
        let (psk, psk_id) = (self.half.psk(), key_id.to_be_bytes());
        let mode = OpModeR::Psk(PskBundle::new(psk.expose(), &psk_id).map_err(|_| Unauthentic)?);
        let data_key = Zeroizing::new(
            hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
                &mode,
                &self.private,
                &enc,
                INFO,
                ciphertext,
                aad,
            )
            .map_err(|_| Unauthentic)?,
        );
        let data_key: &[u8; 32] = data_key.as_slice().try_into().map_err(|_| Unauthentic)?;
        Ok(Secret::from_bytes(data_key))
    }
}

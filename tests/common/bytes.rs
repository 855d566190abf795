//! Key envelopes by hand: parsed, written, wrapped and unwrapped from FORMAT.md, with the
//! primitives' crates and nothing of fieldseal's.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, KeyInit as _, XChaCha20Poly1305};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, PskBundle, Serializable as _};
use rand_core::SeedableRng as _;
use sha2::Sha256;

/// Subject 42, encoded.
pub const SUBJECT: &[u8] = b"\x01\0\0\0\0\0\0\0\x2A";

/// A key envelope taken apart. Nothing is checked when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Env {
    pub version: u64,
    /// Written instead of the number of entries, where it is to be wrong.
    pub count: Option<u16>,
    pub entries: Vec<Ent>,
    pub key_id: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ent {
    Live(Live),
    Erased { class: Vec<u8>, generation: u16, tag: [u8; 4], at: u64 },
    Subject(u64),
    Raw(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    pub class: Vec<u8>,
    pub generation: u16,
    pub suite: u8,
    pub created_at: u64,
    pub expires_at: u64,
    pub commitment: [u8; 32],
    /// Written instead of the number of recipients, where it is to be wrong.
    pub count: Option<u8>,
    pub recipients: Vec<Rec>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rec {
    pub kind: u8,
    pub key_id: u32,
    pub wrapped: Vec<u8>,
}

pub fn s8(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![u8::try_from(bytes.len()).unwrap()];
    out.extend_from_slice(bytes);
    out
}

fn s16(bytes: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

pub fn expand<const N: usize>(key: &[u8; 32], info: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    Hkdf::<Sha256>::from_prk(key).unwrap().expand(info, &mut out).unwrap();
    out
}

/// `[MAC-1]`
pub fn mac(secret: &[u8; 32], tenant: &str, subject: &[u8], covered: &[u8]) -> [u8; 16] {
    let key: [u8; 32] = expand(secret, b"fieldseal/v1 envelope key");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(b"fieldseal/v1 envelope");
    mac.update(&s8(tenant.as_bytes()));
    mac.update(&s8(subject));
    mac.update(covered);
    mac.finalize().into_bytes()[..16].try_into().unwrap()
}

/// `bytes` with the MAC that an insider makes who holds the envelope key's secret.
pub fn remade(mut bytes: Vec<u8>, secret: &[u8; 32]) -> Vec<u8> {
    let covered = bytes.len() - 16;
    let mac = mac(secret, "", SUBJECT, &bytes[..covered]);
    bytes[covered..].copy_from_slice(&mac);
    bytes
}

/// `[DK-3]` AEAD key and commitment.
pub fn derive(
    data_key: &[u8; 32],
    tenant: &str,
    subject: &[u8],
    class: &[u8],
    generation: u16,
) -> ([u8; 32], [u8; 32]) {
    let info = [
        b"fieldseal/v1 data key\x01".to_vec(),
        s8(tenant.as_bytes()),
        s8(subject),
        s8(class),
        generation.to_be_bytes().to_vec(),
    ]
    .concat();
    let okm: [u8; 64] = expand(data_key, &info);
    (okm[..32].try_into().unwrap(), okm[32..].try_into().unwrap())
}

/// XChaCha20-Poly1305: nonce ‖ ciphertext ‖ tag.
pub fn encrypt(key: &[u8; 32], nonce: &[u8; 24], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut body = plaintext.to_vec();
    let tag = XChaCha20Poly1305::new(key.into())
        .encrypt_inout_detached(nonce.into(), aad, InOutBuf::from(&mut body[..]))
        .unwrap();
    [nonce.as_slice(), &body, &tag].concat()
}

/// The plaintext of nonce ‖ ciphertext ‖ tag.
pub fn decrypt(key: &[u8; 32], aad: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = bytes.split_first_chunk::<24>()?;
    let (body, tag) = rest.split_last_chunk::<16>()?;
    let mut body = body.to_vec();
    XChaCha20Poly1305::new(key.into())
        .decrypt_inout_detached(nonce.into(), aad, InOutBuf::from(&mut body[..]), tag.into())
        .ok()?;
    Some(body)
}

impl Live {
    /// A generation of subject 42 and this data key, of suite 1, without recipients yet.
    pub fn of(class: &str, generation: u16, data_key: &[u8; 32]) -> Self {
        Self::bound(class, generation, data_key, "", SUBJECT)
    }

    pub fn bound(
        class: &str,
        generation: u16,
        data_key: &[u8; 32],
        tenant: &str,
        subject: &[u8],
    ) -> Self {
        Self {
            class: class.into(),
            generation,
            suite: 1,
            created_at: super::NOW,
            expires_at: 0,
            commitment: derive(data_key, tenant, subject, class.as_bytes(), generation).1,
            count: None,
            recipients: Vec::new(),
        }
    }

    pub fn wrap_aad(&self, tenant: &str, subject: &[u8], kind: u8, key_id: u32) -> Vec<u8> {
        [
            b"fieldseal/v1 wrap".to_vec(),
            s8(tenant.as_bytes()),
            s8(subject),
            s8(&self.class),
            self.generation.to_be_bytes().to_vec(),
            vec![self.suite],
            self.created_at.to_be_bytes().to_vec(),
            self.expires_at.to_be_bytes().to_vec(),
            self.commitment.to_vec(),
            vec![kind],
            key_id.to_be_bytes().to_vec(),
        ]
        .concat()
    }

    /// A recipient of kind 1 for the ring key of this id, whose secret [`super::secret`] gives.
    pub fn kind_1(&self, key_id: u32, data_key: &[u8; 32], tenant: &str, subject: &[u8]) -> Rec {
        self.kind_1_under(&super::secret(key_id), key_id, data_key, tenant, subject)
    }

    pub fn kind_1_under(
        &self,
        secret: &[u8; 32],
        key_id: u32,
        data_key: &[u8; 32],
        tenant: &str,
        subject: &[u8],
    ) -> Rec {
        let key = expand(secret, b"fieldseal/v1 wrap key");
        let aad = self.wrap_aad(tenant, subject, 1, key_id);
        Rec { kind: 1, key_id, wrapped: encrypt(&key, &[7; 24], &aad, data_key) }
    }

    /// A recipient of kind 2 under the public key of this id, in the mode that the caller makes.
    pub fn kind_2(
        &self,
        key_id: u32,
        data_key: &[u8; 32],
        mode: &OpModeS<'_, X25519HkdfSha256>,
    ) -> Rec {
        let public = <X25519HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(&public(key_id));
        let (enc, ciphertext) =
            hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
                mode,
                &public.unwrap(),
                b"fieldseal/v1 wrap",
                data_key,
                &self.wrap_aad("", SUBJECT, 2, key_id),
                &mut chacha20::ChaCha20Rng::from_seed([9; 32]),
            )
            .unwrap();
        Rec { kind: 2, key_id, wrapped: [&*enc.to_bytes(), &ciphertext].concat() }
    }

    /// The same in `mode_psk`, under this psk.
    pub fn kind_2_psk(&self, key_id: u32, data_key: &[u8; 32], psk: &[u8; 32]) -> Rec {
        let psk_id = key_id.to_be_bytes();
        let bundle = PskBundle::new(psk, &psk_id).unwrap();
        self.kind_2(key_id, data_key, &OpModeS::Psk(bundle))
    }

    /// The data key of a recipient of a ring key whose secrets the tests know.
    pub fn unwrap(&self, recipient: &Rec, tenant: &str, subject: &[u8]) -> Option<[u8; 32]> {
        let id = recipient.key_id;
        let aad = self.wrap_aad(tenant, subject, recipient.kind, id);
        let data_key = match recipient.kind {
            1 => {
                let key = expand(&super::secret(id), b"fieldseal/v1 wrap key");
                decrypt(&key, &aad, &recipient.wrapped)?
            }
            2 => {
                let (enc, ciphertext) = recipient.wrapped.split_at(32);
                let private =
                    <X25519HkdfSha256 as hpke::Kem>::PrivateKey::from_bytes(&super::secret(id));
                let enc = <X25519HkdfSha256 as hpke::Kem>::EncappedKey::from_bytes(enc);
                let (psk, psk_id) = (psk(id), id.to_be_bytes());
                hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
                    &OpModeR::Psk(PskBundle::new(&psk, &psk_id).unwrap()),
                    &private.unwrap(),
                    &enc.unwrap(),
                    b"fieldseal/v1 wrap",
                    ciphertext,
                    &aad,
                )
                .ok()?
            }
            _ => return None,
        };
        let data_key = data_key.try_into().ok()?;
        let (_, commitment) = derive(&data_key, tenant, subject, &self.class, self.generation);
        (commitment == self.commitment).then_some(data_key)
    }

    /// With these recipients, in the order of their ids.
    pub fn with(mut self, recipients: impl IntoIterator<Item = Rec>) -> Self {
        self.recipients.extend(recipients);
        self.recipients.sort_by_key(|recipient| recipient.key_id);
        self
    }

    /// With a recipient of kind 1 for each of these ring keys.
    pub fn readable(self, data_key: &[u8; 32], ids: &[u32]) -> Self {
        let recipients: Vec<Rec> =
            ids.iter().map(|id| self.kind_1(*id, data_key, "", SUBJECT)).collect();
        self.with(recipients)
    }
}

/// `[WR-2]` The psk of a key pair whose writer secret the tests know.
pub fn psk(key_id: u32) -> [u8; 32] {
    expand(&super::writer(key_id), b"fieldseal/v1 writer")
}

/// The public key of the key pair of this id.
pub fn public(key_id: u32) -> [u8; 32] {
    let private = <X25519HkdfSha256 as hpke::Kem>::PrivateKey::from_bytes(&super::secret(key_id));
    X25519HkdfSha256::sk_to_pk(&private.unwrap()).to_bytes().into()
}

/// An entry of an erased generation.
pub fn erased(class: &str, generation: u16, tag: [u8; 4]) -> Ent {
    Ent::Erased { class: class.into(), generation, tag, at: super::NOW }
}

impl Ent {
    pub fn live(&self) -> &Live {
        match self {
            Self::Live(live) => live,
            other => panic!("{other:?} is not live"),
        }
    }

    pub fn live_mut(&mut self) -> &mut Live {
        match self {
            Self::Live(live) => live,
            other => panic!("{other:?} is not live"),
        }
    }

    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Live(live) => {
                out.push(1);
                out.extend(s8(&live.class));
                out.extend(live.generation.to_be_bytes());
                out.push(live.suite);
                out.extend(live.created_at.to_be_bytes());
                out.extend(live.expires_at.to_be_bytes());
                out.extend(live.commitment);
                let count = u8::try_from(live.recipients.len());
                out.push(live.count.unwrap_or_else(|| count.unwrap()));
                for recipient in &live.recipients {
                    out.push(recipient.kind);
                    out.extend(recipient.key_id.to_be_bytes());
                    out.extend(s16(&recipient.wrapped));
                }
            }
            Self::Erased { class, generation, tag, at } => {
                out.push(2);
                out.extend(s8(class));
                out.extend(generation.to_be_bytes());
                out.extend(tag);
                out.extend(at.to_be_bytes());
            }
            Self::Subject(at) => {
                out.push(3);
                out.extend(at.to_be_bytes());
            }
            Self::Raw(bytes) => out.extend(bytes),
        }
        out
    }
}

impl Env {
    /// Version 1, under the tests' envelope key.
    pub fn of(entries: impl IntoIterator<Item = Ent>) -> Self {
        Self {
            version: 1,
            count: None,
            entries: entries.into_iter().collect(),
            key_id: super::ENVELOPE,
        }
    }

    /// The envelope's bytes, with the MAC of subject 42 without a tenant.
    pub fn write(&self) -> Vec<u8> {
        self.write_for("", SUBJECT)
    }

    pub fn write_for(&self, tenant: &str, subject: &[u8]) -> Vec<u8> {
        let mut out = vec![0xF6];
        out.extend(self.version.to_be_bytes());
        let count = u16::try_from(self.entries.len()).unwrap();
        out.extend(self.count.unwrap_or(count).to_be_bytes());
        for entry in &self.entries {
            out.extend(entry.write());
        }
        out.extend(self.key_id.to_be_bytes());
        let mac = mac(&super::secret(self.key_id), tenant, subject, &out);
        out.extend(mac);
        out
    }

    pub fn envelope(&self) -> fieldseal::KeyEnvelope {
        fieldseal::KeyEnvelope::from_bytes(self.write())
    }

    /// Takes valid bytes apart, and checks their MAC as subject 42's without a tenant.
    pub fn parse(bytes: &[u8]) -> Self {
        Self::parse_for(bytes, "", SUBJECT)
    }

    pub fn parse_for(bytes: &[u8], tenant: &str, subject: &[u8]) -> Self {
        let (covered, tag) = bytes.split_last_chunk::<16>().unwrap();
        let (body, key_id) = covered.split_last_chunk::<4>().unwrap();
        let key_id = u32::from_be_bytes(*key_id);
        let secret = super::secret(key_id);
        assert_eq!(mac(&secret, tenant, subject, covered), *tag, "the MAC");
        let mut cursor = Cursor(body);
        assert_eq!(cursor.take(1), [0xF6]);
        let (version, count) = (cursor.number(8), cursor.number(2));
        let entries = (0..count).map(|_| cursor.entry()).collect();
        assert!(cursor.0.is_empty(), "bytes behind the last entry");
        Self { version, count: None, entries, key_id }
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(len);
        self.0 = rest;
        head
    }

    fn number(&mut self, len: usize) -> u64 {
        let fold = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        self.take(len).iter().fold(0, fold)
    }

    fn prefixed(&mut self, len: usize) -> Vec<u8> {
        let len = self.number(len) as usize;
        self.take(len).to_vec()
    }

    fn entry(&mut self) -> Ent {
        match self.number(1) {
            1 => Ent::Live(Live {
                class: self.prefixed(1),
                generation: self.number(2) as u16,
                suite: self.number(1) as u8,
                created_at: self.number(8),
                expires_at: self.number(8),
                commitment: self.take(32).try_into().unwrap(),
                count: None,
                recipients: (0..self.number(1))
                    .map(|_| Rec {
                        kind: self.number(1) as u8,
                        key_id: self.number(4) as u32,
                        wrapped: self.prefixed(2),
                    })
                    .collect(),
            }),
            2 => Ent::Erased {
                class: self.prefixed(1),
                generation: self.number(2) as u16,
                tag: self.take(4).try_into().unwrap(),
                at: self.number(8),
            },
            3 => Ent::Subject(self.number(8)),
            kind => panic!("an entry of kind {kind}"),
        }
    }
}

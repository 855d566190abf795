//! Stored bytes made from primitives alone, by the tables of FORMAT.md and without the crate: what the
//! vectors are checked against, and how a test gets behind an authentication.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, KeyInit as _, XChaCha20Poly1305};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

pub(crate) const SUITE: u8 = 1;

/// Length byte, then the bytes.
pub(crate) fn s8(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// Two length bytes, then the bytes.
pub(crate) fn s16(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

pub(crate) fn expand(key: &[u8], info: &[u8], len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    Hkdf::<Sha256>::from_prk(key).unwrap().expand(info, &mut out).unwrap();
    out
}

pub(crate) fn aead_seal(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut out = plaintext.to_vec();
    let tag = XChaCha20Poly1305::new_from_slice(key)
        .unwrap()
        .encrypt_inout_detached(nonce.try_into().unwrap(), aad, InOutBuf::from(out.as_mut_slice()))
        .unwrap();
    out.extend_from_slice(&tag);
    out
}

pub(crate) fn aead_open(key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (body, tag) = sealed.split_at_checked(sealed.len().checked_sub(16)?)?;
    let mut out = body.to_vec();
    XChaCha20Poly1305::new_from_slice(key)
        .unwrap()
        .decrypt_inout_detached(
            nonce.try_into().unwrap(),
            aad,
            InOutBuf::from(out.as_mut_slice()),
            tag.try_into().unwrap(),
        )
        .ok()?;
    Some(out)
}

/// Whose and which a data key is.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) subject: &'a [u8],
    pub(crate) class: &'a str,
    pub(crate) generation: u16,
}

/// `[DK-3]` The info of a data key's expansion.
pub(crate) fn data_key_info(place: Place<'_>, suite: u8) -> Vec<u8> {
    [
        b"fieldseal/v1 data key".as_slice(),
        &[suite],
        &s8(place.tenant.as_bytes()),
        &s8(place.subject),
        &s8(place.class.as_bytes()),
        &place.generation.to_be_bytes(),
    ]
    .concat()
}

/// A data key with its AEAD key and commitment.
#[derive(Clone)]
pub(crate) struct DataKey {
    pub(crate) key: [u8; 32],
    pub(crate) aead: [u8; 32],
    pub(crate) commitment: [u8; 32],
}

impl DataKey {
    pub(crate) fn derive(key: [u8; 32], place: Place<'_>) -> Self {
        let okm = expand(&key, &data_key_info(place, SUITE), 64);
        let half = |range: core::ops::Range<usize>| okm[range].try_into().unwrap();
        Self { key, aead: half(0..32), commitment: half(32..64) }
    }

    pub(crate) fn tag(&self) -> [u8; 4] {
        self.commitment[..4].try_into().unwrap()
    }
}

/// What a wrapped data key is bound to besides its place.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) suite: u8,
    pub(crate) created_at: u64,
    pub(crate) expires_at: u64,
}

/// The wrap AAD of section 7.4.
pub(crate) fn wrap_aad(
    place: Place<'_>,
    terms: Terms,
    commitment: &[u8],
    kind: u8,
    key_id: u32,
) -> Vec<u8> {
    [
        b"fieldseal/v1 wrap".as_slice(),
        &s8(place.tenant.as_bytes()),
        &s8(place.subject),
        &s8(place.class.as_bytes()),
        &place.generation.to_be_bytes(),
        &[terms.suite],
        &terms.created_at.to_be_bytes(),
        &terms.expires_at.to_be_bytes(),
        commitment,
        &[kind],
        &key_id.to_be_bytes(),
    ]
    .concat()
}

/// `[WR-1]`
pub(crate) fn wrap_symmetric(secret: &[u8], nonce: &[u8], aad: &[u8], data_key: &[u8]) -> Vec<u8> {
    let key = expand(secret, b"fieldseal/v1 wrap key", 32);
    [nonce, &aead_seal(&key, nonce, aad, data_key)].concat()
}

/// A recipient as it stands in an entry.
pub(crate) fn recipient(kind: u8, key_id: u32, wrapped: &[u8]) -> Vec<u8> {
    [[kind].as_slice(), &key_id.to_be_bytes(), &s16(wrapped)].concat()
}

/// `[LE-1]` with this many recipients declared.
pub(crate) fn live_entry(
    class: &[u8],
    generation: u16,
    terms: Terms,
    commitment: &[u8],
    recipients: &[Vec<u8>],
) -> Vec<u8> {
    [
        [0x01].as_slice(),
        &s8(class),
        &generation.to_be_bytes(),
        &[terms.suite],
        &terms.created_at.to_be_bytes(),
        &terms.expires_at.to_be_bytes(),
        commitment,
        &[u8::try_from(recipients.len()).unwrap()],
        &recipients.concat(),
    ]
    .concat()
}

/// `[EE-1]`
pub(crate) fn erased_entry(class: &[u8], generation: u16, tag: [u8; 4], erased_at: u64) -> Vec<u8> {
    [[0x02].as_slice(), &s8(class), &generation.to_be_bytes(), &tag, &erased_at.to_be_bytes()]
        .concat()
}

/// `[EE-1]` of the whole subject.
pub(crate) fn erased_subject(erased_at: u64) -> Vec<u8> {
    [[0x03].as_slice(), &erased_at.to_be_bytes()].concat()
}

/// An envelope up to its MAC.
pub(crate) fn envelope_body(version: u64, count: u16, entries: &[Vec<u8>], key_id: u32) -> Vec<u8> {
    [
        [0xF6].as_slice(),
        &version.to_be_bytes(),
        &count.to_be_bytes(),
        &entries.concat(),
        &key_id.to_be_bytes(),
    ]
    .concat()
}

/// The input of the MAC over an envelope's body.
pub(crate) fn mac_input(tenant: &str, subject: &[u8], body: &[u8]) -> Vec<u8> {
    [b"fieldseal/v1 envelope".as_slice(), &s8(tenant.as_bytes()), &s8(subject), body].concat()
}

/// `[MAC-1]`
pub(crate) fn mac(secret: &[u8], input: &[u8]) -> Vec<u8> {
    let key = expand(secret, b"fieldseal/v1 envelope key", 32);
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&key).unwrap();
    mac.update(input);
    mac.finalize().into_bytes()[..16].to_vec()
}

/// The body with its MAC.
pub(crate) fn authenticated(secret: &[u8], tenant: &str, subject: &[u8], body: &[u8]) -> Vec<u8> {
    [body, &mac(secret, &mac_input(tenant, subject, body))].concat()
}

/// `[AAD-1]`
pub(crate) fn field_aad(head: &[u8], record: &str, field: &str, row: &[u8]) -> Vec<u8> {
    [head, &[0], &s8(record.as_bytes()), &s8(field.as_bytes()), &s8(row)].concat()
}

/// The same of a mask: `[MA-1]`
pub(crate) fn mask_aad(head: &[u8], record: &str, field: &str, row: &[u8]) -> Vec<u8> {
    [head, &[1], &s8(record.as_bytes()), &s8(field.as_bytes()), &s8(row)].concat()
}

/// `[SA-3]`
pub(crate) fn standalone_aad(head: &[u8], context: &[u8]) -> Vec<u8> {
    [head, &[2], &s16(context)].concat()
}

/// First byte and tag of what a data key seals.
pub(crate) fn head(key: &DataKey) -> Vec<u8> {
    [[0xF5].as_slice(), &key.tag()].concat()
}

/// `[SF-4]` over a plaintext that need not be one.
pub(crate) fn sealed(key: &DataKey, nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    [head(key).as_slice(), nonce, &aead_seal(&key.aead, nonce, aad, plaintext)].concat()
}

/// `[SA-1]`
pub(crate) fn standalone(envelope: &[u8], field: &[u8]) -> Vec<u8> {
    [[0xF7].as_slice(), &s16(envelope), field].concat()
}

/// A generator that gives the same 32 bytes again and again: as the randomness of a call it is the seed
/// of the call's generator.
pub(crate) struct Seed(pub(crate) [u8; 32]);

impl rand_core::TryRng for Seed {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(self.0[..4].try_into().unwrap()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes(self.0[..8].try_into().unwrap()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.iter_mut().zip(self.0.iter().cycle()).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Seed {}

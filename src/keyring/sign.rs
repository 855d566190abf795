//! Keys that sign, and what others verify by.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::key::Material;
use super::{KeyId, KeyRing, KeyState, KeyUse, RingKey};
use crate::context::{SubjectId, check_tenant};
use crate::encoding::{from_base64, to_base64};
use crate::error::Error;
use crate::kdf::sha256;
use crate::secret::ct_eq;
use crate::sign::{self, SigningKey};

/// The name of the key that signs.
pub(crate) const SIGN: &str = "sign";

/// What signatures of one ring key are verified by: its id and its Ed25519 public key. Nothing of it is
/// secret; who takes another one for it takes another's signatures for the ring's.
///
/// It prints as `fsv1.` and 54 characters, and is read from that.
///
/// ```
/// use fieldseal::keyring::{KeyState, RingKey, VerifyingKey};
/// use fieldseal::KeyRing;
///
/// let mut ring = KeyRing::generate()?;
/// ring.add_signing_key()?;
/// let [key] = ring.verifying_keys()[..] else { panic!("one key signs") };
///
/// let text = key.to_string(); // for the auditor
/// let mut auditor = KeyRing::empty();
/// auditor.insert(RingKey::public_half(text.parse()?, KeyState::OpenOnly)?)?;
/// assert_eq!(auditor.verifying_keys(), [key]);
/// assert!("fsv1.AAAA".parse::<VerifyingKey>().is_err());
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyingKey {
    id: KeyId,
    public: [u8; 32],
}

impl VerifyingKey {
    const PREFIX: &'static str = "fsv1.";
    /// base64url of id (4) ‖ public key (32) ‖ checksum (4).
    const ENCODED: usize = 54;

    /// The key of this id with these bytes.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for bytes that are no Ed25519 public key in its one
    /// encoding, and for the few keys under which a signature would say nothing.
    pub fn new(id: KeyId, public: &[u8; 32]) -> Result<Self, Error> {
        if sign::is_public(public) {
            Ok(Self { id, public: *public })
        } else {
            Err(Error::invalid("these bytes are no Ed25519 public key, or one that proves nothing"))
        }
    }

    /// The id of the ring key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The 32 bytes of the Ed25519 public key.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.public
    }

    /// Whether this key signed the parts, one behind the other.
    pub(crate) fn verify(&self, message: &[&[u8]], signature: &[u8; 64]) -> bool {
        sign::verify(&self.public, message, signature)
    }

    /// `[RF-30]` id (4) ‖ public key (32).
    fn bytes(&self) -> Vec<u8> {
        [self.id.get().to_be_bytes().as_slice(), &self.public].concat()
    }
}

/// `[RF-30]` Against typing errors; it proves nothing.
fn checksum(bytes: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[b"fieldseal/v1 verifying key text", bytes]);
    [a, b, c, d]
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.bytes();
        bytes.extend(checksum(&bytes));
        write!(f, "{}{}", Self::PREFIX, to_base64(&bytes))
    }
}

impl FromStr for VerifyingKey {
    type Err = Error;

    /// Reads what it prints. White space around it is left out.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::malformed(
                "this is no verifying key: one is `fsv1.` and 54 characters; check that it is whole",
            )
        };
        let encoded = text.trim().strip_prefix(Self::PREFIX).ok_or_else(wrong)?;
        // Longer text is none, so it is not decoded.
        let encoded =
            Some(encoded).filter(|encoded| encoded.len() == Self::ENCODED).ok_or_else(wrong)?;
        let bytes = from_base64(encoded).ok_or_else(wrong)?;
        let (told, sum) = bytes.split_last_chunk::<4>().ok_or_else(wrong)?;
        let (id, public) = told.split_first_chunk::<4>().ok_or_else(wrong)?;
        let id = KeyId::new(u32::from_be_bytes(*id)).ok_or_else(wrong)?;
        let public = public.try_into().map_err(|_| wrong())?;
        if !ct_eq(sum, &checksum(told)) {
            return Err(wrong());
        }
        Self::new(id, public).map_err(|_| wrong())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public: String = self.public.iter().map(|byte| format!("{byte:02x}")).collect();
        write!(f, "VerifyingKey({}, {public})", self.id)
    }
}

impl KeyRing {
    /// Adds the key that signs what is said of erasures, withdrawals and grants. Others verify by its
    /// [public half](Self::verifying_keys), which a [subset](Self::subset) gets, unless it is to
    /// [sign](super::Capabilities::signs) too.
    ///
    /// # Errors
    /// As [`add_index_key`](Self::add_index_key).
    pub fn add_signing_key(&mut self) -> Result<KeyId, Error> {
        self.add_only(KeyUse::Sign)
    }

    /// What the ring's signatures are verified by, by ascending id: of the primary key and those that
    /// were it. Of compromised and disabled keys there is none.
    ///
    /// Keep them with what was signed: from a destroyed key none is had any more.
    pub fn verifying_keys(&self) -> Vec<VerifyingKey> {
        let mut keys: Vec<_> =
            self.named(KeyUse::Sign, SIGN).filter_map(RingKey::verifying_key).collect();
        keys.sort_unstable();
        keys
    }
}

impl RingKey {
    /// The half of a key that signs by which others verify. It cannot sign, whatever its state.
    ///
    /// # Errors
    /// None at present; a destroyed key is kept by its name only.
    pub fn public_half(key: VerifyingKey, state: KeyState) -> Result<Self, Error> {
        Self::new(key.id, KeyUse::Sign, SIGN, state, Material::Public(key.public))
    }

    /// `[RK-8]` What the key signs with, if it may: in no other state than primary.
    pub(crate) fn signer(&self) -> Option<&SigningKey> {
        match &self.material {
            Material::Sign(key) if self.state == KeyState::Primary => Some(key),
            _ => None,
        }
    }

    /// `[RK-9]` The token of a subject under this key. A compromised one tells, too, whom an entry is about:
    /// that proves nothing.
    pub(crate) fn token(&self, tenant: &str, subject: &SubjectId) -> Option<[u8; 16]> {
        match &self.material {
            Material::Sign(key) if self.opens(true) => {
                Some(key.token(check_tenant(tenant).ok()?, subject))
            }
            _ => None,
        }
    }

    /// What its signatures are verified by, if they still count.
    pub(crate) fn verifying_key(&self) -> Option<VerifyingKey> {
        let public = self.public().filter(|_| self.opens(false))?;
        Some(VerifyingKey { id: self.id, public: *public })
    }

    /// The Ed25519 public key of a key that signs, in any state. Whether what it signed counts is said by
    /// [`verifying_keys`](KeyRing::verifying_keys).
    pub fn public_key(&self) -> Option<[u8; 32]> {
        self.public().copied()
    }

    fn public(&self) -> Option<&[u8; 32]> {
        match &self.material {
            Material::Sign(key) => Some(key.public()),
            Material::Public(public) => Some(public),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;

//! One key of a ring: its id, name, use, state, and what of it is held.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::num::NonZeroU32;

use crate::aead::Unauthentic;
use crate::context::is_name;
use crate::error::Error;
use crate::kdf::{MacKey, expand};
use crate::random::CallRng;
use crate::secret::Secret;
use crate::wrap::hpke::{KeyPair, WriterHalf};
use crate::wrap::symmetric::WrapKey;
use crate::wrap::{KIND_HPKE, KIND_SYMMETRIC, WrapContext};

/// The id of a ring key: a random number that is not 0, unique in its ring.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyId(NonZeroU32);

impl KeyId {
    /// The id of this number; `None` for 0, which is no id.
    pub const fn new(id: u32) -> Option<Self> {
        match NonZeroU32::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.get())
    }
}

/// What a ring key is for. One key never serves two uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum KeyUse {
    /// Wraps data keys for the role that the key is named after.
    Wrap,
    /// Authenticates key envelopes; named `envelope`, held by every service.
    Envelope,
}

impl fmt::Display for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wrap => "wrap",
            Self::Envelope => "envelope",
        })
    }
}

/// The state of a ring key.
///
/// | state | wraps and authenticates | unwraps and verifies |
/// |---|---|---|
/// | `Primary` (one per use and name) | yes | yes |
/// | `OpenOnly` | no | yes |
/// | `Disabled` | no | no, as if absent |
/// | `Compromised` | no | in rescue mode only, and the audit says so |
/// | `Destroyed` | no | no: the secret is gone, its name and id remain |
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum KeyState {
    /// Wraps new keys.
    Primary,
    /// Opens what it wrapped before.
    OpenOnly,
    /// Neither seals, opens nor verifies.
    Disabled,
    /// Leaked or feared to be: opens in rescue mode only.
    Compromised,
    /// A tombstone without a secret.
    Destroyed,
}

impl KeyState {
    /// Whether a key may be moved from this state to `to`. Primary is reached by rotation, or from
    /// open-only; nothing leaves compromised but to be destroyed, and nothing leaves destroyed.
    pub const fn may_become(self, to: Self) -> bool {
        use KeyState::{Compromised, Destroyed, Disabled, OpenOnly, Primary};
        matches!(
            (self, to),
            (Primary, OpenOnly | Disabled | Compromised)
                | (OpenOnly, Primary | Disabled | Compromised | Destroyed)
                | (Disabled, OpenOnly | Compromised | Destroyed)
                | (Compromised, Destroyed)
        )
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary",
            Self::OpenOnly => "open-only",
            Self::Disabled => "disabled",
            Self::Compromised => "compromised",
            Self::Destroyed => "destroyed",
        })
    }
}

/// What a ring holds of a key, and so what it can do with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Holds {
    /// The 32-byte secret: seals and opens.
    Secret,
    /// The key pair with its writer secret: seals and opens.
    KeyPair,
    /// The public key with the writer secret: seals what it cannot open.
    WriterHalf,
    /// The name and id only, so that errors and accounts can say whose key it is.
    NameOnly,
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret | Self::KeyPair => "seals and opens",
            Self::WriterHalf => "seals only",
            Self::NameOnly => "known by name only",
        })
    }
}

pub(super) enum Material {
    Wrap(Secret<32>, WrapKey),
    Envelope(Secret<32>, MacKey),
    Pair(Box<KeyPair>),
    Writer(WriterHalf),
    NameOnly,
}

/// A key of a [`KeyRing`](crate::KeyRing).
///
/// Its `Debug` shows id, name, use, state and what is held, never a byte of a key.
pub struct RingKey {
    pub(super) id: KeyId,
    pub(super) name: Arc<str>,
    pub(super) key_use: KeyUse,
    pub(super) state: KeyState,
    pub(super) material: Material,
}

impl RingKey {
    fn new(
        id: KeyId,
        key_use: KeyUse,
        name: &str,
        state: KeyState,
        material: Material,
    ) -> Result<Self, Error> {
        if !is_name(name) {
            return Err(Error::invalid(
                "a key's name is 1 to 64 bytes of a-z 0-9 _ . - and starts with a letter",
            ));
        }
        if key_use == KeyUse::Envelope && name != Self::ENVELOPE {
            return Err(Error::invalid("a key that authenticates envelopes is named `envelope`"));
        }
        // A destroyed key has no secret: what is given is left out, and wiped.
        let material = if state == KeyState::Destroyed { Material::NameOnly } else { material };
        Ok(Self { id, name: name.into(), key_use, state, material })
    }

    pub(crate) const ENVELOPE: &'static str = "envelope";

    /// A key of 32 secret bytes: a symmetric role, or the envelope key. The bytes must be uniformly
    /// random, never a passphrase. A destroyed key is kept by its name only.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a name that is none, or an envelope key
    /// not named `envelope`.
    pub fn symmetric(
        id: KeyId,
        key_use: KeyUse,
        name: &str,
        state: KeyState,
        secret: &[u8; 32],
    ) -> Result<Self, Error> {
        let secret = Secret::from_bytes(secret);
        Self::new(id, key_use, name, state, Self::derived(key_use, secret))
    }

    pub(super) fn derived(key_use: KeyUse, secret: Secret<32>) -> Material {
        match key_use {
            KeyUse::Wrap => {
                let key = WrapKey::derive(&secret);
                Material::Wrap(secret, key)
            }
            KeyUse::Envelope => {
                let mac = MacKey::new(&expand(&secret, b"fieldseal/v1 envelope key"));
                Material::Envelope(secret, mac)
            }
        }
    }

    /// A key-pair role in full: the X25519 private key and the writer secret, 32 bytes each.
    ///
    /// # Errors
    /// As [`symmetric`](Self::symmetric), and for bytes that are no private key.
    pub fn key_pair(
        id: KeyId,
        name: &str,
        state: KeyState,
        private: &[u8; 32],
        writer: &[u8; 32],
    ) -> Result<Self, Error> {
        let pair = KeyPair::new(&Secret::from_bytes(private), Secret::from_bytes(writer))
            .ok_or_else(|| Error::invalid("these bytes are no X25519 private key"))?;
        Self::new(id, KeyUse::Wrap, name, state, Material::Pair(Box::new(pair)))
    }

    /// The half of a key-pair role that seals and cannot open: the X25519 public key and the writer
    /// secret. Pin where it came from: a swapped public key redirects all that is sealed from then on.
    ///
    /// # Errors
    /// As [`symmetric`](Self::symmetric), and for bytes that are no public key.
    pub fn writer_half(
        id: KeyId,
        name: &str,
        state: KeyState,
        public: &[u8; 32],
        writer: &[u8; 32],
    ) -> Result<Self, Error> {
        let half = WriterHalf::new(public, Secret::from_bytes(writer))
            .ok_or_else(|| Error::invalid("these bytes are no X25519 public key"))?;
        Self::new(id, KeyUse::Wrap, name, state, Material::Writer(half))
    }

    /// The name and id of a key whose secret is not held.
    ///
    /// # Errors
    /// As [`symmetric`](Self::symmetric).
    pub fn name_only(
        id: KeyId,
        key_use: KeyUse,
        name: &str,
        state: KeyState,
    ) -> Result<Self, Error> {
        Self::new(id, key_use, name, state, Material::NameOnly)
    }

    /// The id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The name: of the role for a wrap key, else of the use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key is for.
    pub fn key_use(&self) -> KeyUse {
        self.key_use
    }

    /// The state.
    pub fn state(&self) -> KeyState {
        self.state
    }

    /// What the ring holds of the key.
    pub fn holds(&self) -> Holds {
        match self.material {
            Material::Wrap(..) | Material::Envelope(..) => Holds::Secret,
            Material::Pair(_) => Holds::KeyPair,
            Material::Writer(_) => Holds::WriterHalf,
            Material::NameOnly => Holds::NameOnly,
        }
    }

    /// The secret bytes, to be stored where secrets are kept: the symmetric secret, or the private
    /// key of a pair. `None` for a writer half and a name.
    pub fn expose_secret(&self) -> Option<Secret<32>> {
        match &self.material {
            Material::Wrap(secret, _) | Material::Envelope(secret, _) => Some(secret.duplicate()),
            Material::Pair(pair) => Some(pair.private()),
            Material::Writer(_) | Material::NameOnly => None,
        }
    }

    /// The public key and the writer secret of a key-pair role. The writer secret is a secret too:
    /// who holds both can make keys that readers accept.
    pub fn expose_writer_half(&self) -> Option<([u8; 32], Secret<32>)> {
        self.half().map(|half| (half.public(), half.writer().duplicate()))
    }

    pub(super) fn half(&self) -> Option<&WriterHalf> {
        match &self.material {
            Material::Pair(pair) => Some(pair.half()),
            Material::Writer(half) => Some(half),
            _ => None,
        }
    }

    /// The key with as much of it as `keep` says.
    pub(super) fn reduced(&self, keep: Holds) -> Self {
        let material = match (keep, &self.material) {
            (Holds::NameOnly, _) | (_, Material::NameOnly) => Material::NameOnly,
            (Holds::WriterHalf, _) | (_, Material::Writer(_)) => {
                self.half().map_or(Material::NameOnly, |half| Material::Writer(half.duplicate()))
            }
            (_, Material::Pair(pair)) => Material::Pair(Box::new(pair.duplicate())),
            (_, Material::Wrap(secret, _) | Material::Envelope(secret, _)) => {
                Self::derived(self.key_use, secret.duplicate())
            }
        };
        Self {
            id: self.id,
            name: self.name.clone(),
            key_use: self.key_use,
            state: self.state,
            material,
        }
    }

    /// The name, to keep.
    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    fn opens(&self, rescue: bool) -> bool {
        match self.state {
            KeyState::Primary | KeyState::OpenOnly => true,
            KeyState::Compromised => rescue,
            KeyState::Disabled | KeyState::Destroyed => false,
        }
    }

    /// Whether the ring holds what opens as the role of this key, whatever its state: a reader's key
    /// that is disabled, or marked compromised, must not make the ring believe other roles.
    pub(super) fn reads_as_role(&self) -> bool {
        self.key_use == KeyUse::Wrap && matches!(self.holds(), Holds::Secret | Holds::KeyPair)
    }

    /// The MAC key of an envelope key that may verify.
    pub(crate) fn mac(&self, rescue: bool) -> Option<&MacKey> {
        match &self.material {
            Material::Envelope(_, mac) if self.opens(rescue) => Some(mac),
            _ => None,
        }
    }

    /// `[WR-6]` Whether a recipient of this key is ours: its state opens and it has a secret or
    /// private key; a writer half opens nothing.
    pub(crate) fn is_ours(&self, rescue: bool) -> bool {
        matches!(self.holds(), Holds::Secret | Holds::KeyPair) && self.opens(rescue)
    }

    /// Whether this is a wrap key that can wrap in its state.
    pub(crate) fn can_wrap(&self) -> bool {
        self.state == KeyState::Primary
            && matches!(self.material, Material::Wrap(..) | Material::Pair(_) | Material::Writer(_))
    }

    /// Wraps a data key: the recipient's kind and wrapped bytes. `None` if the key cannot wrap.
    pub(crate) fn wrap(
        &self,
        data_key: &Secret<32>,
        context: &WrapContext<'_>,
        rng: &mut CallRng,
    ) -> Option<(u8, Box<[u8]>)> {
        if !self.can_wrap() {
            return None;
        }
        let id = self.id.get();
        if let Material::Wrap(_, key) = &self.material {
            let aad = context.aad(KIND_SYMMETRIC, id);
            return Some((KIND_SYMMETRIC, Box::new(key.wrap(data_key, aad.as_slice(), rng))));
        }
        let aad = context.aad(KIND_HPKE, id);
        let wrapped = self.half()?.wrap(id, data_key, aad.as_slice(), rng).ok()?;
        Some((KIND_HPKE, Box::new(wrapped)))
    }

    /// Unwraps a data key. A recipient whose kind is not this key's is unauthentic.
    pub(crate) fn unwrap(
        &self,
        kind: u8,
        wrapped: &[u8],
        context: &WrapContext<'_>,
    ) -> Result<Secret<32>, Unauthentic> {
        let id = self.id.get();
        match (&self.material, kind) {
            (Material::Wrap(_, key), KIND_SYMMETRIC) => {
                key.unwrap(wrapped, context.aad(kind, id).as_slice())
            }
            (Material::Pair(pair), KIND_HPKE) => {
                pair.unwrap(id, wrapped, context.aad(kind, id).as_slice())
            }
            _ => Err(Unauthentic),
        }
    }
}

impl fmt::Display for RingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} key `{}` ({}, {}): {}",
            self.key_use,
            self.name,
            self.id,
            self.state,
            self.holds()
        )
    }
}

impl fmt::Debug for RingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingKey")
            .field("id", &self.id.get())
            .field("name", &self.name)
            .field("use", &self.key_use)
            .field("state", &self.state)
            .field("holds", &self.holds())
            .finish()
    }
}

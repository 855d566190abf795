//! One key of a ring: its id, name, use, state, and what of it is held.

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::{KeyId, KeyUse, Scope};
use crate::aead::Unauthentic;
use crate::context::is_name;
use crate::error::Error;
#[cfg(not(feature = "file"))]
use crate::error::ErrorKind;
use crate::kdf::{MacKey, expand};
use crate::random::CallRng;
use crate::secret::Secret;
#[cfg(feature = "file")]
use crate::sign::SigningKey;
use crate::wrap::hpke::{KeyPair, WriterHalf};
use crate::wrap::symmetric::WrapKey;
use crate::wrap::{KIND_HPKE, KIND_SYMMETRIC, WrapContext};

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
    const ALL: [Self; 5] =
        [Self::Primary, Self::OpenOnly, Self::Disabled, Self::Compromised, Self::Destroyed];

    /// The state as a ring file spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::OpenOnly => "open-only",
            Self::Disabled => "disabled",
            Self::Compromised => "compromised",
            Self::Destroyed => "destroyed",
        }
    }

    /// Whether a key may be moved from this state to `to`:
    ///
    /// | from \\ to | primary | open-only | disabled | compromised | destroyed |
    /// |---|---|---|---|---|---|
    /// | primary | | yes | yes | yes | rotate first |
    /// | open-only | yes | | yes | yes | yes |
    /// | disabled | no | yes | | yes | yes |
    /// | compromised | no | no | no | | yes |
    /// | destroyed | no | no | no | no | |
    ///
    /// A key made primary takes the place of the present one, which becomes open-only.
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
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
            Error::invalid(
                "a key's state is primary, open-only, disabled, compromised or destroyed",
            )
        })
    }
}

/// What a ring holds of a key, and so what it can do with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum KeyMaterial {
    /// The 32-byte secret: seals and opens.
    Secret,
    /// The key pair with its writer secret: seals and opens.
    KeyPair,
    /// The public key with the writer secret: seals what it cannot open.
    WriterHalf,
    /// Keys derived from the secret, each for one [`Scope`].
    Derived,
    /// The public key of a key that signs: verifies, and cannot sign.
    Public,
    /// The name and id only, so that errors and accounts can say whose key it is.
    NameOnly,
}

impl fmt::Display for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret | Self::KeyPair => "seals and opens",
            Self::WriterHalf => "seals only",
            Self::Derived => "derived keys only",
            Self::Public => "verifies only",
            Self::NameOnly => "known by name only",
        })
    }
}

pub(super) enum Material {
    Wrap(Secret<32>, WrapKey),
    Envelope(Secret<32>, Box<MacKey>),
    Pair(Box<KeyPair>),
    Writer(WriterHalf),
    /// Of the uses index and pseudonym: the master, or what was derived from it.
    Master(Arc<Secret<32>>),
    Derived(Arc<[(Scope, Secret<32>)]>),
    #[cfg(feature = "file")]
    Sign(Box<SigningKey>),
    /// Of the use sign.
    #[cfg(feature = "file")]
    Public([u8; 32]),
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
    pub(super) created_at: Option<u64>,
    pub(super) rotate_after_days: Option<u32>,
}

impl RingKey {
    pub(super) fn new(
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
        if let Some(fixed) = key_use.fixed_name().filter(|fixed| *fixed != name) {
            return Err(Error::invalid(format!("a key of the use {key_use} is named `{fixed}`")));
        }
        // A destroyed key has no secret: what is given is left out, and wiped.
        let material = if state == KeyState::Destroyed { Material::NameOnly } else { material };
        let name = name.into();
        Ok(Self { id, name, key_use, state, material, created_at: None, rotate_after_days: None })
    }

    /// A key of 32 secret bytes: a symmetric role, or the key of another use. The bytes must be
    /// uniformly random, never a passphrase. A destroyed key is kept by its name only.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a name that is none, or not that of the use;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) for a key that signs, without the feature `file`.
    pub fn symmetric(
        id: KeyId,
        key_use: KeyUse,
        name: &str,
        state: KeyState,
        secret: &[u8; 32],
    ) -> Result<Self, Error> {
        let secret = Secret::from_bytes(secret);
        Self::new(id, key_use, name, state, Self::material_of(key_use, secret)?)
    }

    pub(super) fn material_of(key_use: KeyUse, secret: Secret<32>) -> Result<Material, Error> {
        Ok(match key_use {
            KeyUse::Wrap => {
                let key = WrapKey::derive(&secret);
                Material::Wrap(secret, key)
            }
            KeyUse::Envelope => {
                let mac = MacKey::new(&expand(&secret, b"fieldseal/v1 envelope key"));
                Material::Envelope(secret, Box::new(mac))
            }
            KeyUse::Index | KeyUse::Pseudonym => Material::Master(Arc::new(secret)),
            #[cfg(feature = "file")]
            KeyUse::Sign => Material::Sign(Box::new(SigningKey::new(&secret))),
            #[cfg(not(feature = "file"))]
            KeyUse::Sign => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "this build has no signatures: enable the feature `file`",
                ));
            }
        })
    }

    /// Keys derived from an index or pseudonym key, in place of it: each serves its scope and nothing
    /// else.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a use that derives none, for scopes of
    /// another use, none at all, and one given twice.
    pub fn derived(
        id: KeyId,
        key_use: KeyUse,
        state: KeyState,
        mut keys: Vec<(Scope, Secret<32>)>,
    ) -> Result<Self, Error> {
        keys.sort_by(|(a, _), (b, _)| a.cmp(b));
        let twice = keys.iter().zip(keys.iter().skip(1)).any(|((a, _), (b, _))| a == b);
        if keys.is_empty() || twice || keys.iter().any(|(scope, _)| scope.key_use() != key_use) {
            return Err(Error::invalid(
                "derived keys are one or more of the key's own use, each for a scope of its own",
            ));
        }
        let name = key_use.fixed_name().unwrap_or_default();
        Self::new(id, key_use, name, state, Material::Derived(keys.into()))
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
        Self::key_pair_of(id, name, state, private, None, writer)
    }

    /// [`key_pair`](Self::key_pair), whose public key is known, or computed.
    pub(super) fn key_pair_of(
        id: KeyId,
        name: &str,
        state: KeyState,
        private: &[u8; 32],
        public: Option<&[u8; 32]>,
        writer: &[u8; 32],
    ) -> Result<Self, Error> {
        let (private, writer) = (Secret::from_bytes(private), Secret::from_bytes(writer));
        let pair = KeyPair::new(&private, public, writer)
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
    pub fn holds(&self) -> KeyMaterial {
        match self.material {
            Material::Wrap(..) | Material::Envelope(..) | Material::Master(_) => {
                KeyMaterial::Secret
            }
            Material::Derived(_) => KeyMaterial::Derived,
            Material::Pair(_) => KeyMaterial::KeyPair,
            Material::Writer(_) => KeyMaterial::WriterHalf,
            #[cfg(feature = "file")]
            Material::Sign(_) => KeyMaterial::Secret,
            #[cfg(feature = "file")]
            Material::Public(_) => KeyMaterial::Public,
            Material::NameOnly => KeyMaterial::NameOnly,
        }
    }

    /// When the key was made, in Unix seconds, where it is known.
    pub fn created_at(&self) -> Option<u64> {
        self.created_at
    }

    /// After how many days the key should be rotated: a hint, which
    /// [`KeyRing::due`](crate::KeyRing::due) reads.
    pub fn rotate_after_days(&self) -> Option<u32> {
        self.rotate_after_days
    }

    /// The same key, said to be made then.
    pub fn with_created_at(mut self, seconds: u64) -> Self {
        self.created_at = Some(seconds);
        self
    }

    /// The same key, to be rotated after so many days.
    pub fn with_rotate_after_days(mut self, days: u32) -> Self {
        self.rotate_after_days = Some(days);
        self
    }

    /// What derived keys are held, if it is those: in order.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.derived_keys().iter().map(|(scope, _)| scope)
    }

    /// The secret bytes, to be stored where secrets are kept: the symmetric secret, or the private
    /// key of a pair. `None` for a writer half, derived keys, a public half and a name.
    pub fn expose_secret(&self) -> Option<Secret<32>> {
        match &self.material {
            Material::Wrap(secret, _) | Material::Envelope(secret, _) => Some(secret.duplicate()),
            Material::Master(secret) => Some(secret.duplicate()),
            Material::Pair(pair) => Some(pair.private()),
            #[cfg(feature = "file")]
            Material::Sign(key) => Some(key.secret().duplicate()),
            #[cfg(feature = "file")]
            Material::Public(_) => None,
            Material::Writer(_) | Material::Derived(_) | Material::NameOnly => None,
        }
    }

    /// The key for one index or one purpose: derived from the master, or held in its place. `None`
    /// where the ring holds neither.
    pub fn expose_derived(&self, scope: &Scope) -> Option<Secret<32>> {
        match &self.material {
            Material::Master(secret) if scope.key_use() == self.key_use => {
                Some(scope.derive(secret))
            }
            _ => {
                let (_, secret) = self.derived_keys().iter().find(|(held, _)| held == scope)?;
                Some(secret.duplicate())
            }
        }
    }

    pub(super) fn derived_keys(&self) -> &[(Scope, Secret<32>)] {
        match &self.material {
            Material::Derived(keys) => keys,
            _ => &[],
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

    /// The key with as much of it as `keep` says; of an index or pseudonym key, what these scopes
    /// derive.
    pub(super) fn reduced(&self, keep: KeyMaterial, scopes: &[Scope]) -> Self {
        let material = match (keep, &self.material) {
            (KeyMaterial::NameOnly, _) | (_, Material::NameOnly) => Material::NameOnly,
            (KeyMaterial::Derived, _) | (_, Material::Derived(_)) => {
                let scopes = scopes.iter().filter(|scope| scope.key_use() == self.key_use);
                let keys: Vec<_> = scopes
                    .filter_map(|scope| Some((scope.clone(), self.expose_derived(scope)?)))
                    .collect();
                if keys.is_empty() { Material::NameOnly } else { Material::Derived(keys.into()) }
            }
            (KeyMaterial::WriterHalf, _) | (_, Material::Writer(_)) => {
                self.half().map_or(Material::NameOnly, |half| Material::Writer(half.duplicate()))
            }
            #[cfg(feature = "file")]
            (KeyMaterial::Public, _) | (_, Material::Public(_)) => {
                self.public_key().map_or(Material::NameOnly, Material::Public)
            }
            (_, Material::Pair(pair)) => Material::Pair(Box::new(pair.duplicate())),
            // What has a secret was made of it, so the name alone is never left of it.
            (_, _) => {
                let secret = self.expose_secret();
                let material =
                    secret.and_then(|secret| Self::material_of(self.key_use, secret).ok());
                material.unwrap_or(Material::NameOnly)
            }
        };
        Self { name: self.name.clone(), material, ..*self }
    }

    /// The name, to keep.
    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    pub(super) fn opens(&self, rescue: bool) -> bool {
        match self.state {
            KeyState::Primary | KeyState::OpenOnly => true,
            KeyState::Compromised => rescue,
            KeyState::Disabled | KeyState::Destroyed => false,
        }
    }

    /// Whether the ring holds what opens as the role of this key, whatever its state: a reader's key
    /// that is disabled, or marked compromised, must not make the ring believe other roles.
    pub(super) fn reads_as_role(&self) -> bool {
        self.key_use == KeyUse::Wrap
            && matches!(self.holds(), KeyMaterial::Secret | KeyMaterial::KeyPair)
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
        matches!(self.holds(), KeyMaterial::Secret | KeyMaterial::KeyPair) && self.opens(rescue)
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

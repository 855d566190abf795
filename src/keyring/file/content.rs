//! The keys of a ring document: what is told of each in the clear, and the secrets behind one another.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::member::{self, Clear, Document, Moment, RingId};
use crate::aead::{NONCE, Subkey, TAG, split};
use crate::encoding::{Put as _, from_base64, from_hex, to_base64, to_hex};
use crate::error::Error;
use crate::kdf::expand;
use crate::keyring::{KeyId, KeyMaterial, KeyRing, KeyState, KeyUse, RingKey, Scope, VerifyingKey};
use crate::random::CallRng;
use crate::secret::{Secret, ct_eq};
use crate::wrap::hpke::WriterHalf;

/// `[RF-3]` The most keys of a document.
pub(super) const MAX_KEYS: usize = 100_000;
/// `[RF-3]` The most scopes of all its keys together.
pub(super) const MAX_SCOPES: usize = 100_000;

/// `[RF-4]` Expand(master key, "fieldseal/v1 ring" ‖ document id, 64) = AEAD key (32) ‖ commitment (32).
pub(super) fn document_key(master: &Secret<32>, id: RingId) -> Secret<64> {
    let mut info = b"fieldseal/v1 ring".to_vec();
    info.put(id.as_bytes());
    expand(master, &info)
}

pub(super) fn damaged() -> Error {
    Error::malformed("the secrets of this document do not fit its keys: restore it from a backup")
}

/// What a ring document says of one key, before it is unlocked and believed.
#[derive(Clone, Debug)]
pub struct KeySummary {
    id: KeyId,
    key_use: KeyUse,
    name: Arc<str>,
    state: KeyState,
    holds: KeyMaterial,
    created_at: Option<u64>,
    rotate_after_days: Option<u32>,
    scopes: Vec<Scope>,
    public: Option<[u8; 32]>,
}

impl KeySummary {
    /// The id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What the key is for.
    pub fn key_use(&self) -> KeyUse {
        self.key_use
    }

    /// The name: of the role for a wrap key, else of the use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The state.
    pub fn state(&self) -> KeyState {
        self.state
    }

    /// What the document holds of the key.
    pub fn holds(&self) -> KeyMaterial {
        self.holds
    }

    /// When the key was made, in Unix seconds, where it is known.
    pub fn created_at(&self) -> Option<u64> {
        self.created_at
    }

    /// After how many days it should be rotated.
    pub fn rotate_after_days(&self) -> Option<u32> {
        self.rotate_after_days
    }

    /// What derived keys the document holds, if it holds those: in order.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter()
    }

    /// `[RF-6]` How many bytes of the secrets are this key's.
    fn secret_len(&self) -> usize {
        match self.holds {
            KeyMaterial::Secret | KeyMaterial::WriterHalf => 32,
            KeyMaterial::KeyPair => 64,
            KeyMaterial::Derived => self.scopes.len().saturating_mul(32),
            KeyMaterial::Public | KeyMaterial::NameOnly => 0,
        }
    }

    fn parse(entry: &KeyEntry) -> Option<Self> {
        let id = KeyId::new(u32::from_be_bytes(from_hex(&entry.id)?))?;
        let key_use: KeyUse = entry.key_use.parse().ok()?;
        let state: KeyState = entry.state.parse().ok()?;
        let holds = holds(&entry.holds)?;
        let fits = match holds {
            KeyMaterial::Secret => true,
            KeyMaterial::KeyPair | KeyMaterial::WriterHalf => key_use == KeyUse::Wrap,
            KeyMaterial::Derived => matches!(key_use, KeyUse::Index | KeyUse::Pseudonym),
            KeyMaterial::Public => key_use == KeyUse::Sign,
            KeyMaterial::NameOnly => true,
        };
        let gone = state == KeyState::Destroyed;
        let public = match (&entry.public, holds) {
            (Some(public), KeyMaterial::KeyPair | KeyMaterial::WriterHalf) => {
                Some(from_base64(public)?.try_into().ok()?)
            }
            // [RF-31] A key that verifies nothing is none.
            (Some(public), KeyMaterial::Public) => {
                let public = from_base64(public)?.try_into().ok()?;
                Some(VerifyingKey::new(id, &public).ok()?.to_bytes())
            }
            (None, KeyMaterial::Secret | KeyMaterial::Derived | KeyMaterial::NameOnly) => None,
            _ => return None,
        };
        let scopes = entry.derived.iter().flatten().map(ScopeEntry::scope);
        let scopes = scopes.collect::<Option<Vec<_>>>()?;
        // RF-14: each scope once, in order, and some exactly where derived keys are held.
        let in_order = scopes.iter().zip(scopes.iter().skip(1)).all(|(a, b)| a < b);
        let derived = entry.derived.is_some() && !scopes.is_empty();
        let of_use = scopes.iter().all(|scope| scope.key_use() == key_use);
        if !fits
            || (gone && holds != KeyMaterial::NameOnly)
            || derived != (holds == KeyMaterial::Derived)
            || entry.derived.is_some() != derived
            || !in_order
            || !of_use
        {
            return None;
        }
        let made = match &entry.created_at {
            Some(text) => Some(Moment::parse(text)?.seconds()),
            None => None,
        };
        // Whether the name is one, and that of the use, is the ring's own rule.
        let name = RingKey::name_only(id, key_use, &entry.name, state).ok()?.shared_name();
        Some(Self {
            id,
            key_use,
            name,
            state,
            holds,
            created_at: made,
            rotate_after_days: entry.rotate_after_days,
            scopes,
            public,
        })
    }

    /// The key, with what of the secrets is its own. `verify`: whether the public key is computed
    /// anew, where nothing vouches for the one that is told.
    fn key(&self, secret: &[u8], verify: bool) -> Option<RingKey> {
        let (id, key_use, name, state) = (self.id, self.key_use, &*self.name, self.state);
        let key = match self.holds {
            KeyMaterial::Secret => {
                RingKey::symmetric(id, key_use, name, state, secret.try_into().ok()?)
            }
            KeyMaterial::KeyPair => {
                let (private, writer) = secret.split_first_chunk::<32>()?;
                let (public, writer) = (self.public?, writer.try_into().ok()?);
                let known = (!verify).then_some(public);
                let key = RingKey::key_pair_of(id, name, state, private, known.as_ref(), writer);
                if let Ok(key) = &key
                    && key.half().map(|half| half.public()) != Some(public)
                {
                    return None;
                }
                key
            }
            KeyMaterial::WriterHalf => {
                RingKey::writer_half(id, name, state, &self.public?, secret.try_into().ok()?)
            }
            KeyMaterial::Derived => {
                let (secrets, []) = secret.as_chunks::<32>() else { return None };
                let secrets = secrets.iter().map(Secret::from_bytes);
                RingKey::derived(
                    id,
                    key_use,
                    state,
                    self.scopes.iter().cloned().zip(secrets).collect(),
                )
            }
            KeyMaterial::Public => {
                RingKey::public_half(VerifyingKey::new(id, &self.public?).ok()?, state)
            }
            KeyMaterial::NameOnly => RingKey::name_only(id, key_use, name, state),
        };
        let mut key = key.ok()?;
        key.created_at = self.created_at;
        key.rotate_after_days = self.rotate_after_days;
        Some(key)
    }
}

/// A document's keys: what is told of them.
pub(super) struct Content {
    pub(super) keys: Vec<KeySummary>,
    pub(super) written_at: Moment,
}

impl Content {
    /// `[RF-13]` Checks what a document says of its keys.
    pub(super) fn parse(document: &Document) -> Result<Self, Error> {
        if document.keys.len() > MAX_KEYS {
            return Err(Error::malformed("a ring document has at most 100,000 keys"));
        }
        let keys = document.keys.iter().map(|entry| {
            KeySummary::parse(entry).ok_or_else(|| {
                Error::malformed(
                    "a key of the ring document has members that no key has, or that do not go together",
                )
            })
        });
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if let Some((key, _)) = keys.iter().zip(keys.iter().skip(1)).find(|(a, b)| a.id >= b.id) {
            return Err(Error::malformed(format!(
                "the keys of a ring document stand in ascending order, each id once: see behind {}",
                key.id
            )));
        }
        let mut primaries: Vec<_> = keys
            .iter()
            .filter(|key| key.state == KeyState::Primary)
            .map(|key| (key.key_use, &*key.name))
            .collect();
        primaries.sort_unstable();
        if let Some((twice, _)) =
            primaries.iter().zip(primaries.iter().skip(1)).find(|(a, b)| a == b)
        {
            let (key_use, name) = twice;
            return Err(Error::malformed(format!(
                "the ring document has two primary {key_use} keys `{name}`"
            )));
        }
        let written_at = Moment::parse(&document.written_at)
            .ok_or_else(|| Error::malformed("the ring document says no time of writing"))?;
        Ok(Self { keys, written_at })
    }

    /// `[RF-6]` The secrets out of commitment (32) ‖ nonce (24) ‖ ciphertext ‖ tag (16). The commitment
    /// is compared first.
    pub(super) fn open(&self, key: &Secret<64>, document: &Document) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = from_base64(document.secrets.as_deref()?)?;
        let (key, commitment) = key.halves();
        let (stored, rest) = bytes.split_first_chunk::<32>()?;
        if !ct_eq(stored, commitment) {
            return None;
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>()?;
        let (prefix, tail) = split(nonce);
        let mut secrets = Zeroizing::new(Vec::new());
        secrets.resize(ciphertext.len(), 0);
        Subkey::derive(key, &prefix)
            .open(tail, &document.associated(), ciphertext, tag, &mut secrets)
            .ok()?;
        Some(secrets)
    }

    /// The secrets of an unprotected document.
    pub(super) fn plain(&self, document: &Document) -> Option<Zeroizing<Vec<u8>>> {
        from_base64(document.unprotected.as_ref()?.as_str()).map(Zeroizing::new)
    }

    /// The ring of these keys, with their secrets behind one another. See [`KeySummary::key`].
    pub(super) fn ring(&self, mut secrets: &[u8], verify: bool) -> Option<KeyRing> {
        let mut ring = KeyRing::with_capacity(self.keys.len());
        for line in &self.keys {
            let (secret, rest) = secrets.split_at_checked(line.secret_len())?;
            secrets = rest;
            ring.insert(line.key(secret, verify)?).ok()?;
        }
        secrets.is_empty().then_some(ring)
    }
}

/// The secrets of a ring, behind one another in the order of its keys.
pub(super) struct Secrets(Zeroizing<Vec<u8>>);

impl Secrets {
    pub(super) fn of(ring: &KeyRing) -> Self {
        // Long enough from the start: a vector that grows leaves copies behind.
        let len = ring.keys().map(entry_len).sum();
        let mut bytes = Zeroizing::new(Vec::with_capacity(len));
        for key in ring.keys() {
            match key.holds() {
                KeyMaterial::Secret | KeyMaterial::KeyPair | KeyMaterial::WriterHalf => {
                    if let Some(secret) = key.expose_secret() {
                        bytes.put(secret.expose());
                    }
                    if let Some(half) = key.half() {
                        bytes.put(half.writer().expose());
                    }
                }
                KeyMaterial::Derived => {
                    key.derived_keys().iter().for_each(|(_, secret)| bytes.put(secret.expose()));
                }
                KeyMaterial::Public | KeyMaterial::NameOnly => {}
            }
        }
        Self(bytes)
    }

    pub(super) fn seal(mut self, key: &Secret<64>, associated: &[u8], rng: &mut CallRng) -> String {
        let (key, commitment) = key.halves();
        let nonce: [u8; NONCE] = rng.array();
        let (prefix, tail) = split(&nonce);
        let tag = Subkey::derive(key, &prefix).seal(tail, associated, &mut self.0);
        to_base64(&[commitment, nonce.as_slice(), &self.0, &tag].concat())
    }

    pub(super) fn in_the_clear(self) -> Clear {
        Clear::new(to_base64(&self.0))
    }
}

fn entry_len(key: &RingKey) -> usize {
    match key.holds() {
        KeyMaterial::KeyPair => 64,
        KeyMaterial::Derived => key.derived_keys().len().saturating_mul(32),
        KeyMaterial::Secret | KeyMaterial::WriterHalf => 32,
        KeyMaterial::Public | KeyMaterial::NameOnly => 0,
    }
}

/// A key as the document spells it. The members stand in alphabetical order: JCS, RFC 8785, 3.2.3.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyEntry {
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    created_at: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    derived: Option<Vec<ScopeEntry>>,
    holds: String,
    id: String,
    name: String,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    public: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    rotate_after_days: Option<u32>,
    state: String,
    #[serde(rename = "use")]
    key_use: String,
}

impl KeyEntry {
    /// How many scopes it has.
    pub(super) fn scopes(&self) -> usize {
        self.derived.as_ref().map_or(0, Vec::len)
    }
}

/// What a derived key is for, as the document spells it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeEntry {
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    index: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    purpose: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    record: Option<String>,
    tenant: String,
}

impl ScopeEntry {
    fn of(scope: &Scope) -> Self {
        match scope {
            Scope::Index { tenant, record, index } => Self {
                index: Some(index.to_string()),
                record: Some(record.to_string()),
                tenant: tenant.to_string(),
                purpose: None,
            },
            Scope::Pseudonym { tenant, purpose } => Self {
                purpose: Some(purpose.to_string()),
                tenant: tenant.to_string(),
                ..Self::default()
            },
        }
    }

    fn scope(&self) -> Option<Scope> {
        match (&self.record, &self.index, &self.purpose) {
            (Some(record), Some(index), None) => Scope::index(&self.tenant, record, index).ok(),
            (None, None, Some(purpose)) => Scope::pseudonym(&self.tenant, purpose).ok(),
            _ => None,
        }
    }
}

/// What the document tells of a key.
pub(super) fn entry(key: &RingKey) -> KeyEntry {
    let derived: Vec<_> = key.scopes().map(ScopeEntry::of).collect();
    KeyEntry {
        created_at: key.created_at.and_then(Moment::of).map(|moment| moment.to_string()),
        derived: (!derived.is_empty()).then_some(derived),
        holds: spelled(key.holds()).into(),
        id: to_hex(&key.id().get().to_be_bytes()),
        name: key.name().into(),
        public: told_public(key).map(|public| to_base64(&public)),
        rotate_after_days: key.rotate_after_days,
        state: key.state().as_str().into(),
        key_use: key.key_use().as_str().into(),
    }
}

/// `[RF-31]` The public key, where it cannot be computed, or stands with the private one. That of a key
/// that signs is computed, so that no other can be told for it.
fn told_public(key: &RingKey) -> Option<[u8; 32]> {
    match key.holds() {
        KeyMaterial::Public => key.public_key(),
        _ => key.half().map(WriterHalf::public),
    }
}

const HOLDS: [(KeyMaterial, &str); 6] = [
    (KeyMaterial::Secret, "secret"),
    (KeyMaterial::KeyPair, "key-pair"),
    (KeyMaterial::WriterHalf, "writer-half"),
    (KeyMaterial::Derived, "derived"),
    (KeyMaterial::Public, "public"),
    (KeyMaterial::NameOnly, "name-only"),
];

fn holds(text: &str) -> Option<KeyMaterial> {
    HOLDS.into_iter().find_map(|(holds, spelled)| (spelled == text).then_some(holds))
}

fn spelled(holds: KeyMaterial) -> &'static str {
    HOLDS.into_iter().find_map(|(of, spelled)| (of == holds).then_some(spelled)).unwrap_or_default()
}

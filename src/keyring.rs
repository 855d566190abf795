//! The key ring: named, versioned keys and their life.

mod census;
mod describe;
#[cfg(feature = "file")]
mod file;
mod id;
mod indexes;
mod key;
mod keys;
#[cfg(feature = "file")]
mod recovery;
mod scope;
#[cfg(feature = "file")]
mod sign;
mod subset;
#[cfg(feature = "file")]
mod unlock;
mod uses;

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

pub(crate) use self::census::CountedEntry;
pub use self::census::{Census, GenerationCount, GenerationState, KeyCount, KeyUsage, PlaceCount};
pub use self::describe::Description;
#[cfg(feature = "file")]
pub use self::file::{Fingerprint, Floor, KeySummary, LockedRing, RingDocument, RingId};
pub use self::id::KeyId;
pub(crate) use self::indexes::IndexKeys;
pub use self::key::{KeyMaterial, KeyState, RingKey};
#[cfg(feature = "file")]
pub use self::recovery::Share;
pub use self::scope::Scope;
#[cfg(feature = "file")]
pub(crate) use self::sign::SIGN;
#[cfg(feature = "file")]
pub use self::sign::VerifyingKey;
pub use self::subset::{Capabilities, Subset};
#[cfg(feature = "file")]
pub use self::unlock::{
    Argon2Cost, Credential, Passphrase, PendingSlot, Slot, SlotId, SlotKey, SlotKind, Unlock,
};
pub use self::uses::KeyUse;

use self::key::Material;
use self::keys::Keys;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::random::CallRng;
use crate::wrap::hpke::KeyPair;

/// The name of the envelope key.
pub(crate) const ENVELOPE: &str = "envelope";

/// The versioned, named keys one process holds.
///
/// Roles are keys: a ring opens the classes that its roles may read, and no more. A service's ring is
/// a [`subset`](KeyRing::subset) of the administrator's.
///
/// ```
/// use fieldseal::KeyRing;
///
/// let mut ring = KeyRing::generate()?;           // the envelope key, and role `app`
/// ring.add_role("billing")?;                     // a symmetric role: who seals for it can open
/// ring.add_key_pair_role("medical")?;            // others can seal for it without opening
///
/// let support = ring.subset(&["app"])?;
/// println!("{support}");                         // what the service can do, in words
/// let support = support.into_ring();
/// # Ok::<(), fieldseal::Error>(())
/// ```
///
/// There is no `Clone`: share a ring by reference or in an `Arc`.
#[derive(Default)]
#[doc(alias = "KEK")]
#[doc(alias = "key encryption key")]
#[doc(alias = "keyset")]
pub struct KeyRing {
    keys: Keys,
    /// The roles whose secrets this ring holds.
    roles: Arc<BTreeSet<Arc<str>>>,
    indexes: Arc<IndexKeys>,
}

impl KeyRing {
    /// A ring without keys, to [`insert`](Self::insert) some.
    pub fn empty() -> Self {
        Self::default()
    }

    /// [`empty`](Self::empty), with room for so many.
    #[cfg(feature = "file")]
    fn with_capacity(keys: usize) -> Self {
        Self { keys: Keys::with_capacity(keys), ..Self::default() }
    }

    /// A new ring with an envelope key and the symmetric role `app`.
    ///
    /// # Errors
    /// [`Randomness`](ErrorKind::Randomness).
    pub fn generate() -> Result<Self, Error> {
        Self::generated(&mut CallRng::from_os()?)
    }

    /// [`generate`](Self::generate) with randomness of the caller's: 32 bytes are drawn. For
    /// tests and vectors: a generator that ever repeats makes the same keys again.
    ///
    /// # Errors
    /// None at present.
    #[cfg(feature = "hazmat-rng")]
    pub fn generate_with_rng(
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<Self, Error> {
        Self::generated(&mut CallRng::from_rng(rng))
    }

    fn generated(rng: &mut CallRng) -> Result<Self, Error> {
        let mut ring = Self::empty();
        ring.add(KeyUse::Envelope, ENVELOPE, false, rng)?;
        ring.add(KeyUse::Wrap, "app", false, rng)?;
        Ok(ring)
    }

    /// Adds a role with a symmetric key: every ring that can seal for it can open it too.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a name that is none;
    /// [`FailedPrecondition`](ErrorKind::FailedPrecondition) for one that is a role already;
    /// [`Randomness`](ErrorKind::Randomness).
    pub fn add_role(&mut self, name: &str) -> Result<KeyId, Error> {
        self.add_new(name, false, &mut CallRng::from_os()?)
    }

    /// Adds a role with a key pair: a subset without the role keeps its writer half, which seals and
    /// cannot open.
    ///
    /// # Errors
    /// As [`add_role`](Self::add_role).
    pub fn add_key_pair_role(&mut self, name: &str) -> Result<KeyId, Error> {
        self.add_new(name, true, &mut CallRng::from_os()?)
    }

    /// [`add_role`](Self::add_role) with randomness of the caller's: 32 bytes are drawn.
    ///
    /// # Errors
    /// As [`add_role`](Self::add_role), without `Randomness`.
    #[cfg(feature = "hazmat-rng")]
    pub fn add_role_with_rng(
        &mut self,
        name: &str,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<KeyId, Error> {
        self.add_new(name, false, &mut CallRng::from_rng(rng))
    }

    /// [`add_key_pair_role`](Self::add_key_pair_role) with randomness of the caller's: 32 bytes are drawn.
    ///
    /// # Errors
    /// As [`add_role`](Self::add_role), without `Randomness`.
    #[cfg(feature = "hazmat-rng")]
    pub fn add_key_pair_role_with_rng(
        &mut self,
        name: &str,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<KeyId, Error> {
        self.add_new(name, true, &mut CallRng::from_rng(rng))
    }

    /// Adds the key that index terms are made with. A service that searches gets a key
    /// [derived](Capabilities::index) from it.
    ///
    /// # Errors
    /// [`FailedPrecondition`](ErrorKind::FailedPrecondition) when the ring has one;
    /// [`Randomness`](ErrorKind::Randomness).
    pub fn add_index_key(&mut self) -> Result<KeyId, Error> {
        self.add_only(KeyUse::Index)
    }

    /// Adds the key that [pseudonyms](Self::pseudonyms) are made with. A service that makes them gets a key
    /// [derived](Capabilities::pseudonyms) from it.
    ///
    /// # Errors
    /// As [`add_index_key`](Self::add_index_key).
    pub fn add_pseudonym_key(&mut self) -> Result<KeyId, Error> {
        self.add_only(KeyUse::Pseudonym)
    }

    fn add_only(&mut self, key_use: KeyUse) -> Result<KeyId, Error> {
        let name = key_use.fixed_name().unwrap_or_default();
        if self.named(key_use, name).any(|key| key.state != KeyState::Destroyed) {
            return Err(Error::precondition(format!(
                "the ring has a key of the use {key_use} already: rotate it instead"
            )));
        }
        self.add(key_use, name, false, &mut CallRng::from_os()?)
    }

    fn add_new(&mut self, name: &str, pair: bool, rng: &mut CallRng) -> Result<KeyId, Error> {
        if self.named(KeyUse::Wrap, name).any(|key| key.state != KeyState::Destroyed) {
            return Err(Error::precondition(
                "the ring has a key of this role already: rotate it instead",
            ));
        }
        self.add(KeyUse::Wrap, name, pair, rng)
    }

    fn add(
        &mut self,
        key_use: KeyUse,
        name: &str,
        pair: bool,
        rng: &mut CallRng,
    ) -> Result<KeyId, Error> {
        let id = loop {
            match KeyId::new(rng.nonzero_u32()) {
                Some(id) if self.keys.get(id).is_none() => break id,
                _ => {}
            }
        };
        // Its material comes below, once the name is known to be one.
        let mut key = RingKey::name_only(id, key_use, name, KeyState::Primary)?;
        key.material = if pair {
            Material::Pair(Box::new(KeyPair::generate(rng)))
        } else {
            RingKey::material_of(key_use, rng.secret())?
        };
        key.created_at = Clock::System.now().ok();
        self.insert(key)?;
        Ok(id)
    }

    /// Takes a key into the ring.
    ///
    /// # Errors
    /// [`FailedPrecondition`](ErrorKind::FailedPrecondition) when its id is taken, or when it is primary and its
    /// use and name have a primary key already.
    pub fn insert(&mut self, key: RingKey) -> Result<(), Error> {
        let role = key.reads_as_role().then(|| key.shared_name());
        let key_use = key.key_use;
        self.keys.insert(key)?;
        self.index_keys_changed(key_use);
        if let Some(role) = role.filter(|role| !self.roles.contains(role)) {
            Arc::make_mut(&mut self.roles).insert(role);
        }
        Ok(())
    }

    /// Gives a role (or, under another use, its [one name](KeyUse::fixed_name)) a new primary key of
    /// the same sort, with the same hint when to rotate again. The former one stays to open what it
    /// wrapped.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) when the ring has no such key whose secret it holds;
    /// [`Randomness`](ErrorKind::Randomness).
    pub fn rotate(&mut self, key_use: KeyUse, name: &str) -> Result<KeyId, Error> {
        self.rotated(key_use, name, &mut CallRng::from_os()?)
    }

    /// [`rotate`](Self::rotate) with randomness of the caller's: 32 bytes are drawn.
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate), without `Randomness`.
    #[cfg(feature = "hazmat-rng")]
    pub fn rotate_with_rng(
        &mut self,
        key_use: KeyUse,
        name: &str,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<KeyId, Error> {
        self.rotated(key_use, name, &mut CallRng::from_rng(rng))
    }

    /// Gives a role (or, under another use, its [one name](KeyUse::fixed_name)) a new key that is
    /// open-only: the first step of a rotation that no service may miss. Once every service has the ring
    /// with it, [`set_state`](Self::set_state) makes it primary; what is sealed or found by it then is
    /// within everybody's reach. Give services their rings again then: those of before write under the former
    /// key, which must not go as long as one of them does.
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate).
    pub fn introduce(&mut self, key_use: KeyUse, name: &str) -> Result<KeyId, Error> {
        let former = self.primary(key_use, name).map(RingKey::id);
        let id = self.rotate(key_use, name)?;
        self.keys.set_primary(key_use, name, former);
        self.index_keys_changed(key_use);
        Ok(id)
    }

    fn rotated(&mut self, key_use: KeyUse, name: &str, rng: &mut CallRng) -> Result<KeyId, Error> {
        // Of the sort of the primary key, or else of another whose secret is held.
        let primary = self.primary(key_use, name).into_iter();
        let sort = primary.chain(self.named(key_use, name)).find_map(|key| match key.holds() {
            KeyMaterial::Secret => Some(false),
            KeyMaterial::KeyPair => Some(true),
            KeyMaterial::WriterHalf
            | KeyMaterial::Derived
            | KeyMaterial::Public
            | KeyMaterial::NameOnly => None,
        });
        let pair = sort.ok_or_else(|| {
            let text = if self.named(key_use, name).next().is_none() {
                format!("the ring has no {key_use} key `{name}`: add it, or look at the name")
            } else {
                format!(
                    "this ring holds no secret of the {key_use} key `{name}`: rotate it where the secret is"
                )
            };
            Error::new(ErrorKind::MissingKey, text)
        })?;
        let newest = self.named(key_use, name).max_by_key(|key| key.created_at);
        let hint = self.primary(key_use, name).or(newest).and_then(|key| key.rotate_after_days);
        self.keys.set_primary(key_use, name, None);
        let id = self.add(key_use, name, pair, rng)?;
        if let Some(key) = self.keys.get_mut(id) {
            key.rotate_after_days = hint;
        }
        Ok(id)
    }

    fn index_keys_changed(&mut self, key_use: KeyUse) {
        if key_use == KeyUse::Index {
            self.indexes = Arc::new(IndexKeys::of(self.named(key_use, key_use.as_str())));
        }
    }

    /// Says after how many days the primary key of a use and name should be rotated; `None` takes the
    /// hint back. Keys that [`rotate`](Self::rotate) makes inherit it.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) when there is no such primary key.
    pub fn set_rotate_after(
        &mut self,
        key_use: KeyUse,
        name: &str,
        days: Option<u32>,
    ) -> Result<(), Error> {
        let id = self.primary(key_use, name).map(RingKey::id);
        let key = id.and_then(|id| self.keys.get_mut(id)).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingKey,
                format!("the ring has no primary {key_use} key `{name}`"),
            )
        })?;
        key.rotate_after_days = days;
        Ok(())
    }

    /// The primary keys that are older, at `now` in Unix seconds, than their hint says.
    pub fn due(&self, now: u64) -> impl Iterator<Item = &RingKey> {
        self.keys().filter(move |key| {
            key.state == KeyState::Primary
                && key.created_at.zip(key.rotate_after_days).is_some_and(|(made, days)| {
                    now.saturating_sub(made) >= u64::from(days).saturating_mul(86_400)
                })
        })
    }

    /// Moves a key to another state, along [`KeyState::may_become`]. A key made primary takes the
    /// place of the present one, which becomes open-only. [`retire`](Self::retire) destroys it.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) for an id that is not in the ring;
    /// [`FailedPrecondition`](ErrorKind::FailedPrecondition) for a move that is not allowed.
    pub fn set_state(&mut self, id: KeyId, state: KeyState) -> Result<(), Error> {
        if state == KeyState::Destroyed {
            return Err(Error::precondition(
                "destroying a key makes what it wrapped unreadable: use retire, with a census",
            ));
        }
        self.change_state(id, state)
    }

    /// Destroys a wrap or envelope key, once a census of all envelopes shows that none needs it: its
    /// secret is wiped for ever, its name and id stay.
    ///
    /// Count when no service seals by the key any more: one that keeps a ring in which it is primary
    /// would write what nobody opens. Copies and backups that were not counted stay closed to this
    /// ring, and open to its older copies.
    ///
    /// # Errors
    /// [`FailedPrecondition`](ErrorKind::FailedPrecondition) when envelopes still name the key, saying how many and
    /// where; for a census that has counted nothing, or met what it could not read; for a key that
    /// envelopes do not name, as an index, pseudonym or sign key; and as [`set_state`](Self::set_state): a
    /// primary key must be rotated first.
    pub fn retire(&mut self, id: KeyId, census: &Census) -> Result<(), Error> {
        let key = self.keys.get(id).ok_or_else(|| no_such_key(id))?;
        let (key_use, name) = (key.key_use, key.shared_name());
        // The census knows nothing of what the others made.
        if !matches!(key_use, KeyUse::Wrap | KeyUse::Envelope) {
            return Err(Error::precondition(format!(
                "a census counts envelopes, and those do not name the {key_use} key {id}: when nothing made with it is needed, use force_destroy"
            )));
        }
        let needed = census.count(id);
        if needed > 0 {
            return Err(Error::precondition(format!(
                "{needed} of {} envelopes still need the {key_use} key {id}, `{name}`: {}; rewrap them first",
                census.envelopes(),
                census.where_needed(id)
            ))
            .of_key(id.get()));
        }
        if census.unreadable() > 0 {
            return Err(Error::precondition(format!(
                "{} stored envelopes could not be read, and nobody knows which keys they need: {}; repair or remove them, or use force_destroy",
                census.unreadable(),
                census.where_unreadable()
            )));
        }
        let missed = census.missed();
        if let Some(first) = missed.first() {
            let more = match missed.len().saturating_sub(1) {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            return Err(Error::new(
                ErrorKind::Incomplete,
                format!(
                    "the census is not whole, so nothing shows that no envelope needs key {id}: {first}{more}"
                ),
            ));
        }
        if census.envelopes() == 0 {
            return Err(Error::precondition(
                "the census has counted no envelope: count all that are stored, or use force_destroy",
            ));
        }
        // Another installation's envelopes need no key of this ring.
        let is_ours = |key: &KeyCount| {
            self.keys.get(key.id).is_some_and(|key| key.key_use == KeyUse::Envelope)
        };
        let foreign = census
            .places()
            .find(|place| place.envelopes > 0 && !place.envelope_keys.iter().any(is_ours));
        if let Some(place) = foreign {
            return Err(Error::precondition(format!(
                "none of the {} envelopes in `{}` is under an envelope key of this ring: are they another installation's?",
                place.envelopes, place.place
            )));
        }
        self.change_state(id, KeyState::Destroyed)
    }

    /// Wipes the secret of a key for ever, without asking what still needs it; its name and id stay.
    /// What only this key wrapped cannot be opened again.
    ///
    /// # Errors
    /// As [`set_state`](Self::set_state): a primary key must be rotated first.
    pub fn force_destroy(&mut self, id: KeyId) -> Result<(), Error> {
        self.change_state(id, KeyState::Destroyed)
    }

    fn change_state(&mut self, id: KeyId, state: KeyState) -> Result<(), Error> {
        let key = self.keys.get(id).ok_or_else(|| no_such_key(id))?;
        let (key_use, name, from) = (key.key_use, key.shared_name(), key.state);
        if !from.may_become(state) {
            return Err(Error::precondition(format!("a key that is {from} cannot become {state}")));
        }
        if state == KeyState::Primary {
            self.keys.set_primary(key_use, &name, Some(id));
        } else if from == KeyState::Primary {
            self.keys.set_primary(key_use, &name, None);
        }
        if let Some(key) = self.keys.get_mut(id) {
            key.state = state;
            if state == KeyState::Destroyed {
                key.material = Material::NameOnly;
                let reading = self.keys.iter().filter(|key| key.reads_as_role());
                self.roles = Arc::new(reading.map(RingKey::shared_name).collect());
            }
        }
        self.index_keys_changed(key_use);
        Ok(())
    }

    /// The key with this id.
    pub fn key(&self, id: KeyId) -> Option<&RingKey> {
        self.keys.get(id)
    }

    /// The primary key of a use and name.
    pub fn primary(&self, key_use: KeyUse, name: &str) -> Option<&RingKey> {
        self.keys.primary(key_use, name)
    }

    /// All keys, by ascending id.
    pub fn keys(&self) -> impl Iterator<Item = &RingKey> {
        self.keys.iter()
    }

    /// All keys of a use and name, in any state.
    pub(crate) fn named(
        &self,
        key_use: KeyUse,
        name: &str,
    ) -> impl Iterator<Item = &RingKey> + use<'_> {
        self.keys.named(key_use, name)
    }

    /// The roles whose secrets this ring holds.
    pub(crate) fn roles(&self) -> &Arc<BTreeSet<Arc<str>>> {
        &self.roles
    }

    /// The keys that index terms are made with.
    pub(crate) fn indexes(&self) -> &Arc<IndexKeys> {
        &self.indexes
    }

    /// The role of a recipient's ring key, if the ring knows it.
    pub(crate) fn role_of(&self, id: u32) -> Option<&str> {
        let key = self.key(KeyId::new(id)?)?;
        (key.key_use == KeyUse::Wrap).then_some(&*key.name)
    }

    /// The primary wrap key of a role, able to wrap.
    pub(crate) fn wrapping(&self, role: &str) -> Option<&RingKey> {
        self.primary(KeyUse::Wrap, role).filter(|key| key.can_wrap())
    }
}

fn no_such_key(id: KeyId) -> Error {
    Error::new(ErrorKind::MissingKey, format!("the ring has no key {id}")).of_key(id.get())
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys()).finish()
    }
}

//! The key ring: named, versioned keys and their life.

mod key;
mod subset;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::sync::Arc;
use core::fmt;

use rand_core::CryptoRng;

pub use self::key::{Holds, KeyId, KeyState, KeyUse, RingKey};
pub use self::subset::Subset;

use self::key::Material;
use crate::error::{Error, ErrorKind};
use crate::random::CallRng;
use crate::wrap::hpke::KeyPair;

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
pub struct KeyRing {
    keys: BTreeMap<KeyId, RingKey>,
    primaries: BTreeMap<KeyUse, BTreeMap<Arc<str>, KeyId>>,
    /// The roles whose secrets this ring holds.
    roles: Arc<BTreeSet<Arc<str>>>,
}

impl KeyRing {
    /// A ring without keys, to [`insert`](Self::insert) some.
    pub fn empty() -> Self {
        Self::default()
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
    pub fn generate_with_rng(rng: &mut (impl CryptoRng + ?Sized)) -> Result<Self, Error> {
        Self::generated(&mut CallRng::from_rng(rng))
    }

    fn generated(rng: &mut CallRng) -> Result<Self, Error> {
        let mut ring = Self::empty();
        ring.add(KeyUse::Envelope, RingKey::ENVELOPE, false, rng)?;
        ring.add(KeyUse::Wrap, "app", false, rng)?;
        Ok(ring)
    }

    /// Adds a role with a symmetric key: every ring that can seal for it can open it too.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a name that is none or is a role already;
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
    pub fn add_role_with_rng(
        &mut self,
        name: &str,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<KeyId, Error> {
        self.add_new(name, false, &mut CallRng::from_rng(rng))
    }

    /// [`add_key_pair_role`](Self::add_key_pair_role) with randomness of the caller's: 32 bytes are drawn.
    ///
    /// # Errors
    /// As [`add_role`](Self::add_role), without `Randomness`.
    pub fn add_key_pair_role_with_rng(
        &mut self,
        name: &str,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<KeyId, Error> {
        self.add_new(name, true, &mut CallRng::from_rng(rng))
    }

    fn add_new(&mut self, name: &str, pair: bool, rng: &mut CallRng) -> Result<KeyId, Error> {
        if self.named(KeyUse::Wrap, name).next().is_some() {
            return Err(Error::invalid(
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
                Some(id) if !self.keys.contains_key(&id) => break id,
                _ => {}
            }
        };
        // Its material comes below, once the name is known to be one.
        let mut key = RingKey::name_only(id, key_use, name, KeyState::Primary)?;
        key.material = if pair {
            Material::Pair(Box::new(KeyPair::generate(rng)))
        } else {
            RingKey::derived(key_use, rng.secret())
        };
        self.insert(key)?;
        Ok(id)
    }

    /// Takes a key into the ring.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) when its id is taken, or when it is primary and its
    /// use and name have a primary key already.
    pub fn insert(&mut self, key: RingKey) -> Result<(), Error> {
        if self.keys.contains_key(&key.id) {
            return Err(Error::invalid(format!("the ring has a key {} already", key.id)));
        }
        if key.state == KeyState::Primary {
            let names = self.primaries.entry(key.key_use).or_default();
            if names.contains_key(&key.name) {
                return Err(Error::invalid(format!(
                    "the ring has a primary {} key `{}` already: insert this one as open-only, or load a stored ring into KeyRing::empty",
                    key.key_use, key.name
                )));
            }
            names.insert(key.name.clone(), key.id);
        }
        if key.reads_as_role() {
            Arc::make_mut(&mut self.roles).insert(key.shared_name());
        }
        self.keys.insert(key.id, key);
        Ok(())
    }

    /// Gives a role (or, under the use [`KeyUse::Envelope`], the name `envelope`) a new primary key
    /// of the same sort. The former one stays to open what it wrapped.
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
    pub fn rotate_with_rng(
        &mut self,
        key_use: KeyUse,
        name: &str,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<KeyId, Error> {
        self.rotated(key_use, name, &mut CallRng::from_rng(rng))
    }

    fn rotated(&mut self, key_use: KeyUse, name: &str, rng: &mut CallRng) -> Result<KeyId, Error> {
        // Of the sort of the primary key, or else of another whose secret is held.
        let primary = self.primary(key_use, name).into_iter();
        let sort = primary.chain(self.named(key_use, name)).find_map(|key| match key.holds() {
            Holds::Secret => Some(false),
            Holds::KeyPair => Some(true),
            Holds::WriterHalf | Holds::NameOnly => None,
        });
        let pair = sort.ok_or_else(|| {
            Error::new(
                ErrorKind::MissingKey,
                format!(
                    "this ring holds no secret of the {key_use} key `{name}`: rotate it where the secret is"
                ),
            )
        })?;
        self.demote(key_use, name);
        self.add(key_use, name, pair, rng)
    }

    fn demote(&mut self, key_use: KeyUse, name: &str) {
        let former = self.primaries.get_mut(&key_use).and_then(|names| names.remove(name));
        if let Some(key) = former.and_then(|id| self.keys.get_mut(&id)) {
            key.state = KeyState::OpenOnly;
        }
    }

    /// Moves a key to another state, along [`KeyState::may_become`]. A key made primary takes the
    /// place of the present one, which becomes open-only. Destroying is
    /// [`force_destroy`](Self::force_destroy).
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) for an id that is not in the ring;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a move that is not allowed.
    pub fn set_state(&mut self, id: KeyId, state: KeyState) -> Result<(), Error> {
        if state == KeyState::Destroyed {
            return Err(Error::invalid(
                "destroying a key makes what it wrapped unreadable: use force_destroy",
            ));
        }
        self.change_state(id, state)
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
        let key = self.keys.get(&id).ok_or_else(|| no_such_key(id))?;
        let (key_use, name, from) = (key.key_use, key.name.clone(), key.state);
        if !from.may_become(state) {
            return Err(Error::invalid(format!("a key that is {from} cannot become {state}")));
        }
        if from == KeyState::Primary || state == KeyState::Primary {
            self.demote(key_use, &name);
        }
        if state == KeyState::Primary {
            self.primaries.entry(key_use).or_default().insert(name, id);
        }
        if let Some(key) = self.keys.get_mut(&id) {
            key.state = state;
            if state == KeyState::Destroyed {
                key.material = Material::NameOnly;
            }
        }
        let reading = self.keys.values().filter(|key| key.reads_as_role());
        self.roles = Arc::new(reading.map(RingKey::shared_name).collect());
        Ok(())
    }

    /// The key with this id.
    pub fn key(&self, id: KeyId) -> Option<&RingKey> {
        self.keys.get(&id)
    }

    /// The primary key of a use and name.
    pub fn primary(&self, key_use: KeyUse, name: &str) -> Option<&RingKey> {
        self.primaries.get(&key_use)?.get(name).and_then(|id| self.keys.get(id))
    }

    /// All keys, by ascending id.
    pub fn keys(&self) -> impl Iterator<Item = &RingKey> {
        self.keys.values()
    }

    /// All keys of a use and name, in any state.
    pub(crate) fn named<'a>(
        &'a self,
        key_use: KeyUse,
        name: &'a str,
    ) -> impl Iterator<Item = &'a RingKey> {
        self.keys().filter(move |key| key.key_use == key_use && &*key.name == name)
    }

    /// The roles whose secrets this ring holds.
    pub(crate) fn roles(&self) -> &Arc<BTreeSet<Arc<str>>> {
        &self.roles
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
    Error::new(ErrorKind::MissingKey, format!("the ring has no key {id}"))
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys()).finish()
    }
}

//! The keys of a ring: in order, by id, by use and name. What is looked up when data is sealed and
//! opened is found in a time that does not grow with the ring.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{KeyId, KeyState, KeyUse, RingKey};
use crate::error::Error;

/// Hashed, under a key of the process's own, where there is a generator to draw it.
#[cfg(feature = "std")]
type Map<K, V> = std::collections::HashMap<K, V>;
#[cfg(not(feature = "std"))]
type Map<K, V> = BTreeMap<K, V>;

#[derive(Default)]
pub(super) struct Keys {
    /// As they came. None is ever taken out.
    all: Vec<RingKey>,
    /// Their positions, by ascending id.
    in_order: BTreeMap<KeyId, usize>,
    by_id: Map<KeyId, usize>,
    by_name: BTreeMap<KeyUse, Map<Arc<str>, Named>>,
}

/// The keys of one use and name, by their positions.
#[derive(Default)]
struct Named {
    primary: Option<usize>,
    all: Vec<usize>,
}

impl Keys {
    #[cfg(feature = "file")]
    pub(super) fn with_capacity(keys: usize) -> Self {
        Self { all: Vec::with_capacity(keys), by_id: Map::with_capacity(keys), ..Self::default() }
    }

    pub(super) fn get(&self, id: KeyId) -> Option<&RingKey> {
        self.all.get(*self.by_id.get(&id)?)
    }

    pub(super) fn get_mut(&mut self, id: KeyId) -> Option<&mut RingKey> {
        self.all.get_mut(*self.by_id.get(&id)?)
    }

    /// By ascending id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &RingKey> {
        self.in_order.values().filter_map(|position| self.all.get(*position))
    }

    pub(super) fn primary(&self, key_use: KeyUse, name: &str) -> Option<&RingKey> {
        self.all.get(self.by_name(key_use, name)?.primary?)
    }

    /// All keys of a use and name, as they came.
    pub(super) fn named(
        &self,
        key_use: KeyUse,
        name: &str,
    ) -> impl Iterator<Item = &RingKey> + use<'_> {
        let named = self.by_name(key_use, name);
        named.into_iter().flat_map(|named| &named.all).filter_map(|at| self.all.get(*at))
    }

    /// Takes a key in, unless its id is taken, or it would be the second primary key of its name.
    pub(super) fn insert(&mut self, mut key: RingKey) -> Result<(), Error> {
        if self.by_id.contains_key(&key.id) {
            return Err(Error::precondition(format!("the ring has a key {} already", key.id)));
        }
        let is_primary = key.state == KeyState::Primary;
        if is_primary && self.primary(key.key_use, &key.name).is_some() {
            return Err(Error::precondition(format!(
                "the ring has a primary {} key `{}` already: insert this one as open-only, or load a stored ring into KeyRing::empty",
                key.key_use, key.name
            )));
        }
        let names = self.by_name.entry(key.key_use).or_default();
        // One copy of a name for all its keys.
        if let Some((name, _)) = names.get_key_value(&key.name) {
            key.name = name.clone();
        }
        let named = names.entry(key.name.clone()).or_default();
        let position = self.all.len();
        named.all.push(position);
        if is_primary {
            named.primary = Some(position);
        }
        self.by_id.insert(key.id, position);
        self.in_order.insert(key.id, position);
        self.all.push(key);
        Ok(())
    }

    /// Makes another key the primary one of a use and name, or none; the former becomes open-only.
    pub(super) fn set_primary(&mut self, key_use: KeyUse, name: &str, id: Option<KeyId>) {
        let position = id.and_then(|id| self.by_id.get(&id).copied());
        let named = self.by_name.get_mut(&key_use).and_then(|names| names.get_mut(name));
        let former = named.and_then(|named| core::mem::replace(&mut named.primary, position));
        if let Some(key) = former.and_then(|position| self.all.get_mut(position)) {
            key.state = KeyState::OpenOnly;
        }
        if let Some(key) = position.and_then(|position| self.all.get_mut(position)) {
            key.state = KeyState::Primary;
        }
    }

    fn by_name(&self, key_use: KeyUse, name: &str) -> Option<&Named> {
        self.by_name.get(&key_use)?.get(name)
    }
}

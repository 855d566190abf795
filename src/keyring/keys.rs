//! The keys of a ring: in order, by id, by use and name. What is looked up when data is sealed and
//! opened is found in a time that does not grow with the ring.

mod places;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use self::places::Places;
use super::{KeyId, KeyState, KeyUse, RingKey};
use crate::error::Error;

#[derive(Default)]
pub(super) struct Keys {
    /// As they came. None is ever taken out.
    all: Vec<RingKey>,
    /// Their positions, by ascending id.
    in_order: BTreeMap<KeyId, usize>,
    ids: Places,
    names: Vec<Named>,
    by_name: Places,
}

/// The keys of one use and name, by their positions.
struct Named {
    key_use: KeyUse,
    name: Arc<str>,
    primary: Option<usize>,
    all: Vec<usize>,
}

impl Keys {
    #[cfg(feature = "file")]
    pub(super) fn with_capacity(keys: usize) -> Self {
        Self { all: Vec::with_capacity(keys), ..Self::default() }
    }

    pub(super) fn get(&self, id: KeyId) -> Option<&RingKey> {
        self.all.get(self.position(id)?)
    }

    pub(super) fn get_mut(&mut self, id: KeyId) -> Option<&mut RingKey> {
        let position = self.position(id)?;
        self.all.get_mut(position)
    }

    /// By ascending id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &RingKey> {
        self.in_order.values().filter_map(|position| self.all.get(*position))
    }

    pub(super) fn primary(&self, key_use: KeyUse, name: &str) -> Option<&RingKey> {
        let named = self.names.get(self.name(key_use, name)?)?;
        self.all.get(named.primary?)
    }

    /// All keys of a use and name, as they came.
    pub(super) fn named(
        &self,
        key_use: KeyUse,
        name: &str,
    ) -> impl Iterator<Item = &RingKey> + use<'_> {
        let named = self.name(key_use, name).and_then(|position| self.names.get(position));
        named.into_iter().flat_map(|named| &named.all).filter_map(|at| self.all.get(*at))
    }

    /// Takes a key in, unless its id is taken, or it would be the second primary key of its name.
    pub(super) fn insert(&mut self, mut key: RingKey) -> Result<(), Error> {
        if self.position(key.id).is_some() {
            return Err(Error::invalid(format!("the ring has a key {} already", key.id)));
        }
        let is_primary = key.state == KeyState::Primary;
        let known = self.name(key.key_use, &key.name);
        let place = known.unwrap_or(self.names.len());
        if is_primary && self.names.get(place).is_some_and(|named| named.primary.is_some()) {
            return Err(Error::invalid(format!(
                "the ring has a primary {} key `{}` already: insert this one as open-only, or load a stored ring into KeyRing::empty",
                key.key_use, key.name
            )));
        }
        if known.is_none() {
            self.by_name.add(self.by_name.hash_name(&key.name), place);
            self.names.push(Named {
                key_use: key.key_use,
                name: key.name.clone(),
                primary: None,
                all: Vec::new(),
            });
        }
        let position = self.all.len();
        if let Some(named) = self.names.get_mut(place) {
            named.all.push(position);
            if is_primary {
                named.primary = Some(position);
            }
            // One copy of a name for all its keys.
            key.name = named.name.clone();
        }
        self.ids.add(self.ids.hash_id(key.id), position);
        self.in_order.insert(key.id, position);
        self.all.push(key);
        Ok(())
    }

    /// Makes another key the primary one of a use and name, or none; the former becomes open-only.
    pub(super) fn set_primary(&mut self, key_use: KeyUse, name: &str, id: Option<KeyId>) {
        let position = id.and_then(|id| self.position(id));
        let named = self.name(key_use, name).and_then(|place| self.names.get_mut(place));
        let former = named.and_then(|named| core::mem::replace(&mut named.primary, position));
        if let Some(key) = former.and_then(|position| self.all.get_mut(position)) {
            key.state = KeyState::OpenOnly;
        }
        if let Some(key) = position.and_then(|position| self.all.get_mut(position)) {
            key.state = KeyState::Primary;
        }
    }

    fn position(&self, id: KeyId) -> Option<usize> {
        let is_it = |position: usize| self.all.get(position).is_some_and(|key| key.id == id);
        self.ids.find(self.ids.hash_id(id), is_it)
    }

    fn name(&self, key_use: KeyUse, name: &str) -> Option<usize> {
        // Two uses may have keys of one name, and those meet.
        let is_it = |place: usize| {
            self.names
                .get(place)
                .is_some_and(|named| named.key_use == key_use && *named.name == *name)
        };
        self.by_name.find(self.by_name.hash_name(name), is_it)
    }
}

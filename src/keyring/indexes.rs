//! The keys that index terms are made with, as data keys carry them along: whoever seals a field has no
//! ring at hand.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::key::Material;
use super::{KeyId, KeyState, RingKey, Scope};
use crate::error::{Error, ErrorKind};
use crate::kdf::MacKey;
use crate::secret::Secret;

/// The index keys of a ring.
#[derive(Default)]
pub(crate) struct IndexKeys(Vec<IndexKey>);

struct IndexKey {
    id: KeyId,
    state: KeyState,
    held: Held,
}

/// Shared with the ring, so that there is one copy of each secret.
enum Held {
    Master(Arc<Secret<32>>),
    Derived(Arc<[(Scope, Secret<32>)]>),
    Nothing,
}

impl IndexKeys {
    pub(super) fn of<'k>(keys: impl Iterator<Item = &'k RingKey>) -> Self {
        let index_key = |key: &RingKey| {
            let held = match &key.material {
                Material::Master(secret) => Held::Master(secret.clone()),
                Material::Derived(keys) => Held::Derived(keys.clone()),
                _ => Held::Nothing,
            };
            IndexKey { id: key.id, state: key.state, held }
        };
        Self(keys.map(index_key).collect())
    }

    /// `[IX-2]` The key that terms of an index are made with: the primary one.
    pub(crate) fn making(&self, index: &Scope) -> Result<(KeyId, MacKey), Error> {
        let mut primary = self.0.iter().filter(|key| key.state == KeyState::Primary);
        primary.find_map(|key| key.of(index)).ok_or_else(|| {
            missing(if self.0.is_empty() {
                format!(
                    "this ring has no index key, to make the terms of {index} with: KeyRing::add_index_key adds one"
                )
            } else {
                format!(
                    "this ring holds no primary key of the index {index}, to make its terms with: {HELD_ELSEWHERE}"
                )
            })
        })
    }

    /// `[IX-3]` The keys that terms to look for are made with: the primary one first. All that rows may
    /// carry, or none: rows under a key that is not held would be missed, and nobody told.
    ///
    /// A compromised key asks too: a term proves nothing, in whose hands its key may be, and what it finds is
    /// opened.
    pub(crate) fn asking(&self, index: &Scope) -> Result<Vec<(KeyId, MacKey)>, Error> {
        let asks = |state: KeyState| match state {
            KeyState::Primary | KeyState::OpenOnly | KeyState::Compromised => true,
            KeyState::Disabled | KeyState::Destroyed => false,
        };
        let mut keys: Vec<&IndexKey> = self.0.iter().filter(|key| asks(key.state)).collect();
        keys.sort_by_key(|key| (key.state != KeyState::Primary, key.id));
        if keys.is_empty() {
            return Err(missing(format!(
                "this ring has no index key in use, to ask for {index} with: KeyRing::add_index_key adds one"
            )));
        }
        let held = keys.into_iter().map(|key| {
            key.of(index).ok_or_else(|| {
                missing(format!(
                    "this ring does not hold what index key {} makes for {index}, so that rows could be missed: \
                     {HELD_ELSEWHERE}",
                    key.id
                ))
            })
        });
        held.collect()
    }

    /// The id of the primary key, held in full or in part or not at all.
    pub(crate) fn primary(&self) -> Option<KeyId> {
        self.0.iter().find(|key| key.state == KeyState::Primary).map(|key| key.id)
    }
}

impl IndexKey {
    /// `[RK-7]` What it derives for one index.
    fn of(&self, index: &Scope) -> Option<(KeyId, MacKey)> {
        let key = match &self.held {
            Held::Master(secret) => MacKey::new(&index.derive(secret)),
            Held::Derived(keys) => {
                MacKey::new(keys.iter().find(|(held, _)| held == index).map(|(_, key)| key)?)
            }
            Held::Nothing => return None,
        };
        Some((self.id, key))
    }
}

const HELD_ELSEWHERE: &str = "make the service's ring anew where the key is, by KeyRing::subset_with and Capabilities::index of \
     this record and index id";

fn missing(text: alloc::string::String) -> Error {
    Error::new(ErrorKind::MissingKey, text)
}

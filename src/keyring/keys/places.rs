//! Positions in a list, found by the hash of what stands there.

use alloc::vec;
use alloc::vec::Vec;

use crate::keyring::KeyId;

/// A hash table with open addressing, of which at most half is taken. Nothing is ever removed.
pub(super) struct Places {
    /// The first half of a hash, and a position plus one; where that is 0, the place is free. As many
    /// as a power of two, or none.
    places: Vec<(u32, u32)>,
    taken: usize,
    /// Odd, and drawn for this table: whoever writes a ring cannot choose ids that meet in one place.
    multiplier: u64,
}

impl Default for Places {
    fn default() -> Self {
        Self { places: Vec::new(), taken: 0, multiplier: drawn() | 1 }
    }
}

/// The golden ratio, which spreads what is not chosen to meet.
const FIXED: u64 = 0x9E37_79B9_7F4A_7C15;
const FEWEST: usize = 16;

#[cfg(feature = "std")]
fn drawn() -> u64 {
    use core::hash::{BuildHasher as _, Hasher as _};
    FIXED ^ std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(not(feature = "std"))]
fn drawn() -> u64 {
    FIXED
}

impl Places {
    pub(super) fn hash_id(&self, id: KeyId) -> u32 {
        first_half(u64::from(id.get()).wrapping_mul(self.multiplier))
    }

    pub(super) fn hash_name(&self, name: &str) -> u32 {
        let mix = |hash: u64, word: [u8; 8]| {
            let hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(self.multiplier);
            hash ^ (hash >> 32)
        };
        let name = name.as_bytes();
        let (words, rest) = name.as_chunks::<8>();
        // Where there are eight bytes, the last eight: some of them count twice.
        let last = name.last_chunk().copied().unwrap_or_else(|| {
            let mut last = [0; 8];
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            last
        });
        let len = u64::try_from(name.len()).unwrap_or_default();
        let hash = words.iter().chain([&last]).fold(len, |hash, word| mix(hash, *word));
        first_half(hash.wrapping_mul(self.multiplier))
    }

    /// The position under this hash that `is_it` says.
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let mut at = self.begin(hash);
        loop {
            let (of, next) = *self.places.get(at)?;
            let position = usize::try_from(next).ok()?.checked_sub(1)?;
            if of == hash && is_it(position) {
                return Some(position);
            }
            at = self.behind(at);
        }
    }

    /// Puts a position under this hash, beside others that are there.
    pub(super) fn add(&mut self, hash: u32, position: usize) {
        if self.taken.saturating_mul(2) >= self.places.len() {
            let double = self.places.len().saturating_mul(2).max(FEWEST);
            let former = core::mem::replace(&mut self.places, vec![(0, 0); double]);
            former.into_iter().filter(|(_, next)| *next != 0).for_each(|entry| self.put(entry));
        }
        // safe: a ring has fewer than 2^32 keys, as their ids are 32 bits and not 0.
        self.put((hash, u32::try_from(position.saturating_add(1)).unwrap_or_default()));
        self.taken = self.taken.saturating_add(1);
    }

    fn put(&mut self, entry: (u32, u32)) {
        let mut at = self.begin(entry.0);
        while self.places.get(at).is_some_and(|(_, next)| *next != 0) {
            at = self.behind(at);
        }
        if let Some(place) = self.places.get_mut(at) {
            *place = entry;
        }
    }

    /// Where a search begins: by the first bits of the hash.
    fn begin(&self, hash: u32) -> usize {
        let bits = self.places.len().checked_ilog2().unwrap_or_default();
        let at = u64::from(hash) << bits >> 32;
        usize::try_from(at).unwrap_or_default()
    }

    fn behind(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.places.len().wrapping_sub(1)
    }
}

fn first_half(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn what_was_put_is_found_and_nothing_else() {
        let mut places = Places::default();
        assert_eq!(places.find(7, |_| true), None, "nothing is there yet");
        let ids = |numbers: &[u32]| -> Vec<KeyId> {
            numbers.iter().filter_map(|number| KeyId::new(*number)).collect()
        };
        let numbers: Vec<u32> = (1..=5_000).map(|number| number * 16).collect();
        let there = ids(&numbers);
        for (position, id) in there.iter().enumerate() {
            let hash = places.hash_id(*id);
            places.add(hash, position);
        }
        for (position, id) in there.iter().enumerate() {
            let is_it = |at: usize| there.get(at) == Some(id);
            assert_eq!(places.find(places.hash_id(*id), is_it), Some(position));
        }
        for id in ids(&[1, 15, 17, u32::MAX]) {
            assert_eq!(places.find(places.hash_id(id), |at| there.get(at) == Some(&id)), None);
        }
    }

    #[test]
    fn positions_under_one_hash_are_told_apart() {
        let mut places = Places::default();
        for hash in [0, u32::MAX] {
            for position in 0..40 {
                places.add(hash, position);
            }
        }
        for hash in [0, u32::MAX] {
            for position in 0..40 {
                assert_eq!(places.find(hash, |at| at == position), Some(position));
            }
            assert_eq!(places.find(hash, |_| false), None);
        }
    }

    /// As names of roles look: many tenants, few differences.
    #[test]
    fn names_are_spread() {
        let places = Places::default();
        let names = (0..8_000).map(|number| format!("t{number:04}.app"));
        let mut hashes: Vec<u32> = names.map(|name| places.hash_name(&name)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert!(hashes.len() > 7_990, "{} of 8,000", hashes.len());
        hashes.iter_mut().for_each(|hash| *hash >>= 16);
        hashes.dedup();
        // As many as chance leaves of 65,536 places: 7,530.
        assert!((7_300..7_800).contains(&hashes.len()), "{} of 8,000", hashes.len());
    }
}

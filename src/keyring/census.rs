//! What still needs which ring key, counted from envelopes; without it no key is retired.

mod report;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

pub use self::report::{GenerationCount, GenerationState, KeyCount, KeyUsage, PlaceCount};

use self::report::KnownKey;
use super::{KeyId, KeyRing};
use crate::clock::Clock;

/// What stored envelopes hold, and which ring keys they need: per place, class, generation, state and
/// recipient.
///
/// Made by [adding](Self::add) every stored envelope, from headers alone and without a key. It is what
/// [`KeyRing::retire`](crate::KeyRing::retire) asks for. Nothing in it is verified: who writes to the
/// database can hide a need, or make one up.
///
/// ```
/// use fieldseal::keyring::{Census, KeyUse};
/// use fieldseal::{Class, DataKeys, KeyRing};
///
/// let mut ring = KeyRing::generate()?;
/// let keys = DataKeys::create(&ring, 42, Class::PERSONAL)?;
/// let old = ring.primary(KeyUse::Wrap, "app").map(|key| key.id()).unwrap();
/// ring.rotate(KeyUse::Wrap, "app")?;
///
/// let mut census = Census::new();
/// census.at("customers.keys").add(keys.envelope().as_bytes());
/// assert_eq!(census.count(old), 1);
/// assert_eq!(census.needs(old)[0].class.as_deref(), Some("personal"));
/// assert!(ring.retire(old, &census).is_err(), "an envelope still needs it");
///
/// let mut edit = keys.envelope().edit(&ring, 42)?;
/// edit.rewrap(Class::PERSONAL)?;
/// let mut census = Census::new();
/// census.at("customers.keys").add(edit.finish()?.as_bytes());
/// ring.retire(old, &census)?;
/// # Ok::<(), fieldseal::Error>(())
/// ```
///
/// `Display` prints it for people; with the feature `serde` it serializes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// When it is: what has expired by then is counted as expired.
    now: Option<u64>,
    /// Where what comes next is stored.
    place: String,
    envelopes: u64,
    unreadable: u64,
    /// The envelopes that name a key, each once.
    keys: BTreeMap<KeyId, u64>,
    places: BTreeMap<String, Place>,
    /// What a ring says of the keys.
    known: BTreeMap<KeyId, KnownKey>,
    /// The tables that were counted, by what identifies them.
    counted: BTreeSet<String>,
    /// Tables of the same name as a counted one, as people read them.
    beside: BTreeMap<String, String>,
    /// Why places were seen in part only.
    parts: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    envelopes: u64,
    unreadable: u64,
    erased_subjects: u64,
    /// Bytes of the largest envelope.
    largest: usize,
    nearly_full: u64,
    envelope_keys: BTreeMap<KeyId, u64>,
    classes: BTreeMap<String, Counts>,
}

/// Of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// The envelopes that name a key in any generation of the class, each once.
    keys: BTreeMap<KeyId, u64>,
    generations: BTreeMap<(u16, GenerationState, Option<u8>), Generation>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Generation {
    envelopes: u64,
    recipients: BTreeMap<KeyId, u64>,
}

/// One entry of an envelope, as it is counted.
pub(crate) struct CountedEntry<'a> {
    pub(crate) class: &'a str,
    pub(crate) generation: u16,
    /// Suite, expiry and the recipients' key ids; `None` when it is erased.
    pub(crate) live: Option<(u8, Option<u64>, Vec<u32>)>,
}

impl Default for Census {
    fn default() -> Self {
        Self::new()
    }
}

impl Census {
    /// A census that has counted nothing yet. What has expired by the system's clock will be counted
    /// as expired; without a clock nothing is.
    pub fn new() -> Self {
        Self::of(Clock::System.now().ok())
    }

    /// [`new`](Self::new), at this moment in Unix seconds.
    pub fn new_at(now: u64) -> Self {
        Self::of(Some(now))
    }

    fn of(now: Option<u64>) -> Self {
        Self {
            now,
            place: String::new(),
            envelopes: 0,
            unreadable: 0,
            keys: BTreeMap::new(),
            places: BTreeMap::new(),
            known: BTreeMap::new(),
            counted: BTreeSet::new(),
            beside: BTreeMap::new(),
            parts: BTreeSet::new(),
        }
    }

    /// Says where what is counted from now on is stored, as people should read it: a table and its
    /// column, as in `customers.keys`.
    pub fn at(&mut self, place: &str) -> &mut Self {
        if self.place != place {
            self.place = place.into();
        }
        self
    }

    /// Takes uses, names and states of keys from a ring, for what is printed, and lists its envelope
    /// and wrap keys that no envelope names. It counts nothing.
    pub fn name_keys(&mut self, ring: &KeyRing) -> &mut Self {
        self.known.extend(ring.keys().map(|key| (key.id(), KnownKey::of(key))));
        self
    }

    /// [`name_keys`](Self::name_keys) of what a ring's file says in the clear, for whoever cannot unlock
    /// it. Nobody vouches for that.
    #[cfg(feature = "file")]
    pub fn name_locked_keys(&mut self, ring: &super::LockedRing) -> &mut Self {
        self.known.extend(ring.keys().map(|key| (key.id(), KnownKey::of_line(key))));
        self
    }

    /// Counts one envelope by its ring key ids. Ids of 0 are none.
    pub(crate) fn add_envelope<'a>(
        &mut self,
        len: usize,
        envelope_key: u32,
        subject_erased: bool,
        entries: impl Iterator<Item = CountedEntry<'a>>,
    ) {
        let now = self.now;
        count(&mut self.envelopes);
        let place = entry(&mut self.places, &self.place);
        count(&mut place.envelopes);
        if subject_erased {
            count(&mut place.erased_subjects);
        }
        place.largest = place.largest.max(len);
        if len >= NEARLY_FULL {
            count(&mut place.nearly_full);
        }
        let mut of_all: BTreeSet<KeyId> = KeyId::new(envelope_key).into_iter().collect();
        for id in &of_all {
            count(place.envelope_keys.entry(*id).or_default());
        }
        let mut of_class: BTreeSet<(&str, KeyId)> = BTreeSet::new();
        for CountedEntry { class, generation, live } in entries {
            let (state, suite, recipients) = match live {
                None => (GenerationState::Erased, None, Vec::new()),
                Some((suite, expires_at, recipients)) => {
                    let expired = expires_at.zip(now).is_some_and(|(expires, now)| expires <= now);
                    let state =
                        if expired { GenerationState::Expired } else { GenerationState::Live };
                    (state, Some(suite), recipients)
                }
            };
            let counts = entry(&mut place.classes, class);
            let line = counts.generations.entry((generation, state, suite)).or_default();
            count(&mut line.envelopes);
            let recipients: BTreeSet<_> = recipients.into_iter().filter_map(KeyId::new).collect();
            for id in recipients {
                count(line.recipients.entry(id).or_default());
                of_class.insert((class, id));
                of_all.insert(id);
            }
        }
        for (class, id) in of_class {
            count(entry(&mut place.classes, class).keys.entry(id).or_default());
        }
        for id in of_all {
            count(self.keys.entry(id).or_default());
        }
    }

    /// Counts what could not be read.
    pub(crate) fn add_unreadable(&mut self) {
        count(&mut self.unreadable);
        count(&mut entry(&mut self.places, &self.place).unreadable);
    }

    /// Records that the present place was seen in part only, and why. No key is retired by this census then.
    pub fn add_part(&mut self, why: &str) -> &mut Self {
        let place = if self.place.is_empty() { "a place without a name" } else { &self.place };
        self.parts.insert(alloc::format!("{place}: {why}"));
        self
    }

    /// Records that this table was counted. `identity` is the same for one table, however it is reached.
    pub fn count_table(&mut self, identity: &str) -> &mut Self {
        self.counted.insert(identity.into());
        self
    }

    /// Records that there is a table which may hold envelopes too, such as one of the same name in another
    /// schema. No key is retired by this census until the table is [counted](Self::count_table).
    pub fn note_table(&mut self, identity: &str, shown: &str) -> &mut Self {
        self.beside.insert(identity.into(), shown.into());
        self
    }

    /// Returns what this census may have missed: places that were seen in part, and tables that are there
    /// and were not counted.
    pub fn missed(&self) -> Vec<String> {
        let tables = self.beside.iter().filter(|(identity, _)| !self.counted.contains(*identity));
        let tables = tables.map(|(_, shown)| {
            alloc::format!(
                "table {shown} may hold envelopes and was not looked into: name it too, by a connection whose search path or file it is in"
            )
        });
        self.parts.iter().cloned().chain(tables).collect()
    }

    /// How many envelopes were counted, those that could not be read left out.
    pub fn envelopes(&self) -> u64 {
        self.envelopes
    }

    /// How many stored values were no envelopes, or could not be read. Nobody knows what they need.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// How many envelopes name this key, as recipient or as envelope key.
    pub fn count(&self, id: KeyId) -> u64 {
        self.keys.get(&id).copied().unwrap_or_default()
    }

    /// Where the envelopes are that name this key, by place and class; as envelope key it is of no
    /// class. An envelope can name it in several classes.
    pub fn needs(&self, id: KeyId) -> Vec<KeyUsage> {
        let of_place = |(name, place): (&String, &Place)| {
            let need = |class: Option<&String>, keys: &BTreeMap<KeyId, u64>| {
                let envelopes = *keys.get(&id)?;
                Some(KeyUsage { place: name.clone(), class: class.cloned(), envelopes })
            };
            let as_envelope_key = need(None, &place.envelope_keys);
            let by_class = place.classes.iter();
            let by_class = by_class.filter_map(|(class, counts)| need(Some(class), &counts.keys));
            as_envelope_key.into_iter().chain(by_class).collect::<Vec<_>>()
        };
        self.places.iter().flat_map(of_place).collect()
    }

    /// The ring keys that envelopes name, and those of a ring that [was named](Self::name_keys).
    pub fn keys(&self) -> impl Iterator<Item = KeyCount> {
        let known = self.known.iter().filter(|(_, key)| key.is_named_by_envelopes());
        let ids: BTreeSet<KeyId> =
            self.keys.keys().chain(known.map(|(id, _)| id)).copied().collect();
        ids.into_iter().map(|id| self.key_count(id, self.count(id)))
    }

    /// The places that were counted.
    pub fn places(&self) -> impl Iterator<Item = PlaceCount> {
        self.places.iter().map(|(place, counted)| PlaceCount {
            place: place.clone(),
            envelopes: counted.envelopes,
            unreadable: counted.unreadable,
            erased_subjects: counted.erased_subjects,
            largest: counted.largest,
            nearly_full: counted.nearly_full,
            envelope_keys: self.key_counts(&counted.envelope_keys),
        })
    }

    /// The generations that were counted, by place, class and number.
    pub fn generations(&self) -> impl Iterator<Item = GenerationCount> {
        let classes = self.places.iter().flat_map(|(place, counted)| {
            counted.classes.iter().map(move |(class, counts)| (place, class, counts))
        });
        classes.flat_map(move |(place, class, counts)| {
            counts.generations.iter().map(move |((generation, state, suite), line)| {
                GenerationCount {
                    place: place.clone(),
                    class: class.clone(),
                    generation: *generation,
                    state: *state,
                    suite: *suite,
                    envelopes: line.envelopes,
                    recipients: self.key_counts(&line.recipients),
                }
            })
        })
    }

    fn key_counts(&self, counts: &BTreeMap<KeyId, u64>) -> Vec<KeyCount> {
        counts.iter().map(|(id, envelopes)| self.key_count(*id, *envelopes)).collect()
    }

    fn key_count(&self, id: KeyId, envelopes: u64) -> KeyCount {
        let known = self.known.get(&id);
        KeyCount {
            id,
            key_use: known.map(|key| key.key_use),
            name: known.map(|key| (*key.name).into()),
            state: known.map(|key| key.state),
            envelopes,
        }
    }
}

/// From how many bytes an envelope is nearly full: it takes no grant and no renewal beyond 61,439 (FORMAT.md,
/// ED-19), and each adds some 200.
const NEARLY_FULL: usize = 49_152;

fn count(number: &mut u64) {
    *number = number.saturating_add(1);
}

fn entry<'m, T: Default>(map: &'m mut BTreeMap<String, T>, key: &str) -> &'m mut T {
    map.entry(key.into()).or_default()
}

//! What a census tells: its lines, in words and as data.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::Census;
use crate::keyring::{KeyId, KeyState, KeyUse, RingKey};

/// Where envelopes are that need a ring key: from [`Census::needs`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyUsage {
    /// The place, as [`Census::at`] was told.
    pub place: String,
    /// The class whose data keys it wraps; `None` where it is the envelope key.
    pub class: Option<String>,
    /// How many envelopes.
    pub envelopes: u64,
}

/// How many envelopes name a ring key, in a [`Census`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyCount {
    /// The id of the ring key.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    pub id: KeyId,
    /// Its use, if a ring [named it](Census::name_keys).
    #[cfg_attr(feature = "serde", serde(rename = "use", serialize_with = "as_text_if_known"))]
    pub key_use: Option<KeyUse>,
    /// Its name, if a ring named it: the role of a recipient.
    pub name: Option<String>,
    /// Its state, if a ring named it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text_if_known"))]
    pub state: Option<KeyState>,
    /// How many envelopes.
    pub envelopes: u64,
}

/// What is stored in one place, in a [`Census`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PlaceCount {
    /// The place, as [`Census::at`] was told.
    pub place: String,
    /// How many envelopes are there.
    pub envelopes: u64,
    /// How many stored values were no envelopes, or could not be read.
    pub unreadable: u64,
    /// How many of the envelopes are those of erased subjects.
    pub erased_subjects: u64,
    /// Bytes of the largest envelope. An envelope can have 65,535.
    pub largest: usize,
    /// How many envelopes have 49,152 bytes or more. One of more than 61,439 takes no grant and no renewal:
    /// reseal the values of its classes, and erase the older generations.
    pub nearly_full: u64,
    /// The ring keys that authenticate them.
    pub envelope_keys: Vec<KeyCount>,
}

/// How many envelopes hold a generation of a class, in a [`Census`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct GenerationCount {
    /// The place, as [`Census::at`] was told.
    pub place: String,
    /// The class.
    pub class: String,
    /// The number of the generation, from 1.
    pub generation: u16,
    /// Live, expired or erased.
    pub state: GenerationState,
    /// 1 is XChaCha20-Poly1305; `None` when it is erased.
    pub suite: Option<u8>,
    /// How many envelopes hold it so.
    pub envelopes: u64,
    /// Which ring keys it is wrapped under there.
    pub recipients: Vec<KeyCount>,
}

/// The state of a generation, in a [`Census`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[allow(clippy::exhaustive_enums, reason = "a generation is there, past its term, or gone")]
pub enum GenerationState {
    /// Its data key is there, for those it is wrapped for.
    Live,
    /// Its data key is there, and its term has passed: a sweep erases it.
    Expired,
    /// Its data key is gone.
    Erased,
}

impl GenerationState {
    /// The state as it is printed and serialized.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Expired => "expired",
            Self::Erased => "erased",
        }
    }
}

impl fmt::Display for GenerationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a ring says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownKey {
    pub(super) key_use: KeyUse,
    pub(super) name: Arc<str>,
    pub(super) state: KeyState,
}

impl KnownKey {
    pub(super) fn of(key: &RingKey) -> Self {
        Self { key_use: key.key_use(), name: key.shared_name(), state: key.state() }
    }

    #[cfg(feature = "file")]
    pub(super) fn of_line(key: &crate::keyring::KeySummary) -> Self {
        Self { key_use: key.key_use(), name: key.name().into(), state: key.state() }
    }

    /// Whether keys of this use are what a census counts.
    pub(super) fn is_named_by_envelopes(&self) -> bool {
        matches!(self.key_use, KeyUse::Wrap | KeyUse::Envelope)
    }
}

/// How many places of need a message names.
const NAMED: usize = 4;

impl Census {
    /// Where a key is still needed, for a message: `customers.keys, class contact (3)`.
    pub(in crate::keyring) fn where_needed(&self, id: KeyId) -> String {
        let needs = self.needs(id);
        let mut text = String::new();
        for (position, need) in needs.iter().take(NAMED).enumerate() {
            text.push_str(if position == 0 { "" } else { ", " });
            text.push_str(&need.to_string());
        }
        match needs.len().saturating_sub(NAMED) {
            0 => text,
            more => format!("{text}, and {more} more"),
        }
    }

    /// Where values are that could not be read, for a message.
    pub(in crate::keyring) fn where_unreadable(&self) -> String {
        let places = self.places().filter(|place| place.unreadable > 0);
        let places: Vec<String> =
            places.take(NAMED).map(|place| shown(&place.place).into()).collect();
        places.join(", ")
    }
}

fn shown(place: &str) -> &str {
    if place.is_empty() { "a place without a name" } else { place }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.class {
            Some(class) => write!(f, "{}, class {class} ({})", shown(&self.place), self.envelopes),
            None => write!(f, "{}, as envelope key ({})", shown(&self.place), self.envelopes),
        }
    }
}

/// `app 00000010`, or the id alone.
impl fmt::Display for KeyCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{name} ")?;
        }
        write!(f, "{}", self.id)
    }
}

fn write_counts(f: &mut fmt::Formatter<'_>, counts: &[KeyCount]) -> fmt::Result {
    for (position, key) in counts.iter().enumerate() {
        write!(f, "{}{key} ({})", if position == 0 { "" } else { ", " }, key.envelopes)?;
    }
    Ok(())
}

/// For people: what is where, and what needs which key.
impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "counted envelopes: {}", self.envelopes)?;
        for place in self.places() {
            write!(f, "\n{}: {}", shown(&place.place), place.envelopes)?;
            if place.erased_subjects > 0 {
                write!(f, ", of erased subjects {}", place.erased_subjects)?;
            }
            if place.unreadable > 0 {
                write!(f, ", and not readable {}", place.unreadable)?;
            }
            if place.nearly_full > 0 {
                write!(
                    f,
                    "\n  nearly full: {}, the largest has {} of 65,535 bytes (reseal, and erase the older generations)",
                    place.nearly_full, place.largest
                )?;
            }
            if !place.envelope_keys.is_empty() {
                f.write_str("\n  verified by ")?;
                write_counts(f, &place.envelope_keys)?;
            }
            for line in self.generations().filter(|line| line.place == place.place) {
                write!(f, "\n  {}/{} {}", line.class, line.generation, line.state)?;
                if let Some(suite) = line.suite.filter(|suite| *suite != 1) {
                    write!(f, ", suite {suite}")?;
                }
                write!(f, ": {}", line.envelopes)?;
                if !line.recipients.is_empty() {
                    f.write_str(", for ")?;
                    write_counts(f, &line.recipients)?;
                }
            }
        }
        for missed in self.missed() {
            write!(f, "\nnot whole: {missed}")?;
        }
        for (position, key) in self.keys().enumerate() {
            f.write_str(if position == 0 { "\nring keys:" } else { "" })?;
            write!(f, "\n  {}", key.id)?;
            if let (Some(key_use), Some(name), Some(state)) = (key.key_use, &key.name, key.state) {
                write!(f, " {key_use} {name}, {state}")?;
            }
            write!(f, ": {}", key.envelopes)?;
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
mod data {
    use alloc::string::String;
    use alloc::vec::Vec;
    use core::fmt::Display;

    use serde::{Serialize, Serializer};

    use super::super::Census;
    use super::{GenerationCount, KeyCount, PlaceCount};

    pub(super) fn as_text<S: Serializer>(
        shown: &impl Display,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(shown)
    }

    pub(super) fn as_text_if_known<S: Serializer>(
        shown: &Option<impl Display>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match shown {
            Some(shown) => serializer.collect_str(shown),
            None => serializer.serialize_none(),
        }
    }

    #[derive(Serialize)]
    struct Document {
        counted_at: Option<u64>,
        envelopes: u64,
        unreadable: u64,
        missed: Vec<String>,
        places: Vec<PlaceCount>,
        generations: Vec<GenerationCount>,
        keys: Vec<KeyCount>,
    }

    impl Serialize for Census {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let document = Document {
                counted_at: self.now,
                envelopes: self.envelopes,
                unreadable: self.unreadable,
                missed: self.missed(),
                places: self.places().collect(),
                generations: self.generations().collect(),
                keys: self.keys().collect(),
            };
            document.serialize(serializer)
        }
    }
}

#[cfg(feature = "serde")]
use self::data::{as_text, as_text_if_known};

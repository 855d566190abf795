//! What a ring can do, in plain words.

use alloc::collections::{BTreeMap, BTreeSet};
use core::fmt;

use super::{Holds, KeyRing, KeyState, KeyUse, RingKey};

/// What a ring can do, in plain words: made by [`KeyRing::describe`], and printed a line a power.
#[derive(Debug)]
pub struct Description<'a>(&'a KeyRing);

impl KeyRing {
    /// What this ring can do, in plain words, a line a power.
    ///
    /// ```
    /// let ring = fieldseal::KeyRing::generate()?;
    /// assert_eq!(
    ///     ring.describe().to_string(),
    ///     "opens and seals as: app\nverifies and writes key envelopes"
    /// );
    /// # Ok::<(), fieldseal::Error>(())
    /// ```
    pub fn describe(&self) -> Description<'_> {
        Description(self)
    }
}

/// The powers, in the order they are told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Power {
    OpensAndSeals,
    Opens,
    SealsOnly,
    FindsByAny,
    FindsBy,
    NamesForAny,
    NamesFor,
    Envelopes,
    VerifiesOnly,
    Rescue,
    Disabled,
    NameOnly,
    Destroyed,
}

impl Power {
    fn of(key: &RingKey) -> Self {
        match (key.state(), key.holds(), key.key_use()) {
            (KeyState::Destroyed, ..) => Self::Destroyed,
            (_, Holds::NameOnly, _) => Self::NameOnly,
            (KeyState::Disabled, ..) => Self::Disabled,
            (KeyState::Compromised, ..) => Self::Rescue,
            (_, Holds::Derived, KeyUse::Pseudonym) => Self::NamesFor,
            (_, Holds::Derived, _) => Self::FindsBy,
            (_, _, KeyUse::Index) => Self::FindsByAny,
            (_, _, KeyUse::Pseudonym) => Self::NamesForAny,
            (KeyState::Primary, _, KeyUse::Envelope) => Self::Envelopes,
            (_, _, KeyUse::Envelope) => Self::VerifiesOnly,
            (KeyState::Primary, Holds::WriterHalf, _) => Self::SealsOnly,
            (_, Holds::WriterHalf, _) => Self::NameOnly,
            (KeyState::Primary, ..) => Self::OpensAndSeals,
            (KeyState::OpenOnly, ..) => Self::Opens,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::OpensAndSeals => "opens and seals as: ",
            Self::Opens => "opens, and does not seal, as: ",
            Self::SealsOnly => "seals, and cannot open, for: ",
            Self::FindsByAny => "finds by every index",
            Self::FindsBy => "finds by: ",
            Self::NamesForAny => "makes pseudonyms for every purpose",
            Self::NamesFor => "makes pseudonyms for: ",
            Self::Envelopes => "verifies and writes key envelopes",
            Self::VerifiesOnly => "verifies key envelopes, and writes none",
            Self::Rescue => "opens in rescue mode only, as compromised: ",
            Self::Disabled => "holds disabled: ",
            Self::NameOnly => "knows by name only: ",
            Self::Destroyed => "destroyed: ",
        }
    }

    /// Whether the words stand alone, without the names of keys.
    fn is_whole(self) -> bool {
        matches!(self, Self::FindsByAny | Self::NamesForAny | Self::Envelopes | Self::VerifiesOnly)
    }
}

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut powers: BTreeMap<Power, BTreeSet<alloc::string::String>> = BTreeMap::new();
        for key in self.0.keys() {
            let names = powers.entry(Power::of(key)).or_default();
            if key.holds() == Holds::Derived {
                names.extend(key.scopes().map(alloc::string::ToString::to_string));
            } else {
                names.insert(key.name().into());
            }
        }
        // An older key of a name adds nothing to what the primary one does.
        let stronger = powers.get(&Power::OpensAndSeals).cloned().unwrap_or_default();
        if let Some(opens) = powers.get_mut(&Power::Opens) {
            opens.retain(|name| !stronger.contains(name));
        }
        if powers.contains_key(&Power::Envelopes) {
            powers.remove(&Power::VerifiesOnly);
        }
        let known: BTreeSet<_> = powers
            .iter()
            .filter(|(power, _)| **power < Power::Rescue)
            .flat_map(|(_, names)| names.iter().cloned())
            .collect();
        if let Some(names) = powers.get_mut(&Power::NameOnly) {
            names.retain(|name| !known.contains(name));
        }
        powers.retain(|_, names| !names.is_empty());

        if powers.is_empty() {
            return f.write_str("holds no key");
        }
        for (position, (power, names)) in powers.iter().enumerate() {
            f.write_str(if position == 0 { "" } else { "\n" })?;
            f.write_str(power.words())?;
            if !power.is_whole() {
                for (position, name) in names.iter().enumerate() {
                    write!(f, "{}{name}", if position == 0 { "" } else { ", " })?;
                }
            }
        }
        Ok(())
    }
}

//! What a ring can do, in plain words.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use core::fmt;

use super::{KeyMaterial, KeyRing, KeyState, KeyUse, RingKey};

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
    Signs,
    VerifiesSignatures,
    Envelopes,
    VerifiesOnly,
    NoEnvelopes,
    Lacks,
    Rescue,
    VerifiesInRescue,
    Compromised,
    Disabled,
    NameOnly,
    Destroyed,
}

impl Power {
    fn of(key: &RingKey) -> Self {
        match (key.state(), key.holds(), key.key_use()) {
            (KeyState::Destroyed, ..) => Self::Destroyed,
            (_, KeyMaterial::NameOnly, _) => Self::NameOnly,
            (KeyState::Disabled, ..) => Self::Disabled,
            (KeyState::Compromised, _, KeyUse::Envelope) => Self::VerifiesInRescue,
            (KeyState::Compromised, KeyMaterial::Secret | KeyMaterial::KeyPair, KeyUse::Wrap) => {
                Self::Rescue
            }
            // It opens nothing in rescue mode either.
            (KeyState::Compromised, ..) => Self::Compromised,
            (_, KeyMaterial::Derived, KeyUse::Pseudonym) => Self::NamesFor,
            (_, KeyMaterial::Derived, _) => Self::FindsBy,
            (_, _, KeyUse::Index) => Self::FindsByAny,
            (_, _, KeyUse::Pseudonym) => Self::NamesForAny,
            (KeyState::Primary, KeyMaterial::Secret, KeyUse::Sign) => Self::Signs,
            (_, _, KeyUse::Sign) => Self::VerifiesSignatures,
            (KeyState::Primary, _, KeyUse::Envelope) => Self::Envelopes,
            (_, _, KeyUse::Envelope) => Self::VerifiesOnly,
            (KeyState::Primary, KeyMaterial::WriterHalf, _) => Self::SealsOnly,
            (_, KeyMaterial::WriterHalf, _) => Self::NameOnly,
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
            Self::Signs => "signs erasure receipts and ledgers",
            Self::VerifiesSignatures => "verifies erasure receipts and ledgers, and signs none",
            Self::Envelopes => "verifies and writes key envelopes",
            Self::VerifiesOnly => "verifies key envelopes, and writes none",
            Self::NoEnvelopes => {
                "holds no envelope key in use, and without one opens and seals nothing"
            }
            Self::Lacks => "lacks some of the keys of: ",
            Self::Rescue => "opens in rescue mode only, as compromised: ",
            Self::VerifiesInRescue => {
                "verifies key envelopes of a compromised key in rescue mode only"
            }
            Self::Compromised => "holds compromised: ",
            Self::Disabled => "holds disabled: ",
            Self::NameOnly => "knows by name only: ",
            Self::Destroyed => "destroyed: ",
        }
    }

    /// Whether the words stand alone, without the names of keys.
    fn is_whole(self) -> bool {
        matches!(
            self,
            Self::FindsByAny
                | Self::NamesForAny
                | Self::Signs
                | Self::VerifiesSignatures
                | Self::Envelopes
                | Self::VerifiesOnly
                | Self::NoEnvelopes
                | Self::VerifiesInRescue
        )
    }
}

impl Description<'_> {
    /// Of what the ring opens, the names of which it has not all the keys.
    fn lacks(&self) -> BTreeSet<String> {
        let full =
            |key: &&RingKey| matches!(key.holds(), KeyMaterial::Secret | KeyMaterial::KeyPair);
        let opens = self.0.keys().filter(full).filter(|key| Power::of(key) < Power::Rescue);
        let opens: BTreeSet<_> = opens.map(|key| (key.key_use(), key.name())).collect();
        let missing = self.0.keys().filter(|key| {
            matches!(key.holds(), KeyMaterial::WriterHalf | KeyMaterial::NameOnly)
                && key.state() != KeyState::Destroyed
                && opens.contains(&(key.key_use(), key.name()))
        });
        missing.map(|key| key.name().into()).collect()
    }
}

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What does something for a name: then an older key of it, of which the ring has no more than
        // the name, is not worth a word.
        let has_power = |key: &&RingKey| Power::of(key) < Power::Rescue;
        let known: BTreeSet<_> =
            self.0.keys().filter(has_power).map(|key| (key.key_use(), key.name())).collect();
        let mut powers: BTreeMap<Power, BTreeSet<String>> = BTreeMap::new();
        for key in self.0.keys() {
            let power = Power::of(key);
            if power == Power::NameOnly && known.contains(&(key.key_use(), key.name())) {
                continue;
            }
            let names = powers.entry(power).or_default();
            if key.holds() == KeyMaterial::Derived {
                names.extend(key.scopes().map(ToString::to_string));
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
        if powers.contains_key(&Power::Signs) {
            powers.remove(&Power::VerifiesSignatures);
        }
        powers.insert(Power::Lacks, self.lacks());
        powers.retain(|_, names| !names.is_empty());
        let has = |any: &[Power]| any.iter().any(|power| powers.contains_key(power));
        if has(&[Power::OpensAndSeals, Power::Opens, Power::SealsOnly])
            && !has(&[Power::Envelopes, Power::VerifiesOnly])
        {
            powers.insert(Power::NoEnvelopes, BTreeSet::new());
        }

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

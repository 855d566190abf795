//! What a ledger says, made good in an envelope that was restored. FORMAT.md, 13.4.

use alloc::borrow::Cow;

use super::steps::used_up;
use super::{Consent, EnvelopeEdit};
use crate::access::Action;
use crate::class::Class;
use crate::envelope::format::{Entry, State};
use crate::envelope::generation::retention;
use crate::error::Error;
use crate::random::CallRng;

/// A data key made this long after an erasure, in seconds, is not what was erased, whatever its number;
/// up to it, clocks that differ are given the benefit.
const AFTERWARDS: u64 = 86_400;

/// A role taken out of a class, as ledgers tell it.
pub(crate) struct Withdrawal<'a> {
    pub(crate) class: &'a Class,
    pub(crate) role: &'a str,
    /// The highest generation that it was taken out of.
    pub(crate) generation: u16,
    /// Whether it was granted the class again, and whether with all that was sealed before.
    pub(crate) granted: bool,
    pub(crate) with_history: bool,
}

impl EnvelopeEdit<'_> {
    /// `[LG-10]`
    pub(crate) fn replay_subject_erasure(&mut self) -> Result<(), Error> {
        let acts = self.acts.len();
        let result = self.erase_subject();
        self.acts.truncate(acts);
        result
    }

    /// `[LG-11]` Erases the generations up to this one, but for those made later, and leaves its number
    /// behind, so that the next one is not taken for one of them.
    pub(crate) fn replay_class_erasure(
        &mut self,
        class: &str,
        generation: u16,
        at: u64,
    ) -> Result<(), Error> {
        if self.layout.erased_at.is_some() {
            return Ok(());
        }
        self.attempt(Action::EraseClass, class, |edit| {
            let until = at.saturating_add(AFTERWARDS);
            let covered = |entry: &Entry<'_>| {
                entry.class == class
                    && entry.generation <= generation
                    && entry.live().is_some_and(|live| live.created_at <= until)
            };
            let erased = edit.erase_where(covered)?;
            Ok(edit.mark_reached(class, generation)? || erased)
        })
    }

    /// `[LG-12]` Takes the role out of the generations up to the one named, and begins the next behind
    /// it.
    pub(crate) fn replay_withdrawal(&mut self, withdrawal: &Withdrawal<'_>) -> Result<(), Error> {
        if self.layout.erased_at.is_some() {
            return Ok(());
        }
        let Withdrawal { class, role, generation: covered, granted, with_history } = *withdrawal;
        self.attempt_on(Action::Withdraw, class, |edit| {
            let ring = edit.access.ring();
            let is_covered =
                |entry: &Entry<'_>| entry.class == class.name() && entry.generation <= covered;
            let mut changed = false;
            if !with_history {
                for live in edit
                    .layout
                    .entries
                    .iter()
                    .filter(|entry| is_covered(entry))
                    .filter_map(Entry::live)
                {
                    for recipient in &live.recipients {
                        edit.role_of(class.name(), recipient.key_id)?;
                    }
                }
                for entry in edit.layout.entries.iter_mut().filter(|entry| is_covered(entry)) {
                    if let State::Live(live) = &mut entry.state {
                        let before = live.recipients.len();
                        live.recipients
                            .retain(|recipient| ring.role_of(recipient.key_id) != Some(role));
                        changed |= live.recipients.len() < before;
                    }
                }
            }
            let highest = edit
                .layout
                .highest(class.name())
                .and_then(|position| edit.layout.entries.get(position))
                .map(|entry| (entry.generation, entry.live().is_some()));
            let reached = highest.is_some_and(|(number, _)| number > covered);
            let was_live = highest.is_none_or(|(_, live)| live);
            let mut readers = match reached {
                true => alloc::vec::Vec::new(),
                false => edit.readers(class, Consent::Proven, Some(role))?,
            };
            edit.erase_where(|entry| {
                is_covered(entry) && entry.live().is_some_and(|live| live.recipients.is_empty())
            })?;
            if reached {
                return Ok(changed);
            }
            if granted
                && let Some(role) = class.consent_roles().iter().find(|name| **name == role)
                && !readers.contains(role)
            {
                readers.push(role);
            }
            if readers.is_empty() {
                // `[ED-11]` Nothing takes the highest one's place, so it must take no more values.
                changed |= edit.erase_where(|entry| {
                    entry.class == class.name()
                        && highest.is_some_and(|(number, _)| number == entry.generation)
                })?;
            }
            if !was_live || readers.is_empty() {
                return Ok(edit.mark_reached(class.name(), covered)? || changed);
            }
            if highest.is_some() {
                edit.check_renewable(class)?;
            }
            let number = covered.checked_add(1).ok_or_else(|| used_up(class.name()))?;
            edit.add(class.name(), number, &readers, retention(class), &mut CallRng::from_os()?)?;
            if highest.is_some() {
                edit.set_to_reseal(class.name(), number);
            }
            Ok(true)
        })
    }

    /// Leaves an erased generation of this number, where the class has reached none as high and takes no
    /// values now.
    fn mark_reached(&mut self, class: &str, generation: u16) -> Result<bool, Error> {
        let highest =
            self.layout.highest(class).and_then(|position| self.layout.entries.get(position));
        if highest.is_some_and(|entry| entry.generation >= generation || entry.live().is_some()) {
            return Ok(false);
        }
        let mut rng = CallRng::from_os()?;
        let tag = loop {
            let tag: [u8; 4] = rng.array();
            if !self.layout.entries.iter().any(|entry| entry.tag() == tag) {
                break tag;
            }
        };
        let erased_at = self.access.time().now()?;
        let place = (class.as_bytes(), generation);
        let position = self
            .layout
            .entries
            .partition_point(|other| (other.class.as_bytes(), other.generation) < place);
        let class = Cow::Owned(class.into());
        let state = State::Erased { tag, erased_at };
        self.layout.entries.insert(position, Entry { class, generation, state });
        Ok(true)
    }
}

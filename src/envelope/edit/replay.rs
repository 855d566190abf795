//! What a ledger says, made good in an envelope that was restored. FORMAT.md, 13.4.

use alloc::vec::Vec;

use super::{Consent, EnvelopeEdit, Room};
use crate::access::Action;
use crate::class::Class;
use crate::envelope::format::{Entry, Live, State};
use crate::envelope::generation::{retention, used_up};
use crate::error::Error;

/// How far clocks may differ, in seconds. A data key made longer after an erasure or withdrawal is not
/// what it was about, whatever its number; one made longer before it is, whatever its number: the act may
/// have been on an older backup, which had not reached that number.
const CLOCKS_DIFFER: u64 = 86_400;

/// A role taken out of a class, as ledgers tell it.
pub(crate) struct Withdrawal<'a> {
    pub(crate) role: &'a str,
    /// The highest generation that it was taken out of.
    pub(crate) generation: u16,
    /// When, for the last time, at the latest.
    pub(crate) by: u64,
    /// Whether it was granted the class again, and whether with all that was sealed before.
    pub(crate) granted: bool,
    pub(crate) with_history: bool,
}

/// An erasure of a class: its highest generation then, and when.
#[derive(Clone, Copy)]
pub(crate) struct ErasedUpTo {
    pub(crate) generation: u16,
    pub(crate) at: u64,
    /// When at the latest, by what the ledger told after it.
    pub(crate) by: u64,
}

impl EnvelopeEdit<'_> {
    /// `[LG-10]`
    pub(crate) fn replay_subject_erasure(&mut self) -> Result<(), Error> {
        if self.layout.erased_at.is_some() {
            return Ok(());
        }
        let acts = self.acts.len();
        let result = self.erase_subject();
        self.acts.truncate(acts);
        result
    }

    /// `[LG-11]` Erases the generations up to those named, but for what was made later, and leaves the
    /// highest number behind, so that the next one is not taken for one of them.
    pub(crate) fn replay_class_erasures(
        &mut self,
        class: &str,
        erasures: &[ErasedUpTo],
    ) -> Result<(), Error> {
        if self.layout.erased_at.is_some() {
            return Ok(());
        }
        self.attempt(Action::EraseClass, class, |edit| {
            let now = edit.access.time().now()?;
            let covered = |entry: &Entry<'_>| {
                let Some(live) = entry.live().filter(|_| entry.class == class) else {
                    return false;
                };
                erasures.iter().any(|erasure| {
                    entry.generation <= erasure.generation
                        && live.created_at <= erasure.at.saturating_add(CLOCKS_DIFFER)
                        || is_long_before(live, erasure.by.min(now))
                })
            };
            let erased = edit.erase_where(covered)?;
            let last = erasures.iter().map(|erasure| erasure.generation).max();
            Ok(edit.mark_reached(class, last.unwrap_or_default())? || erased)
        })
    }

    /// `[LG-12]` Takes the roles out of the generations up to those named, and begins the next behind
    /// them all: at once, so that none is wrapped for a role that another step would take out. `erased` is
    /// the highest number that an erasure names.
    pub(crate) fn replay_withdrawals(
        &mut self,
        class: &Class,
        withdrawals: &[Withdrawal<'_>],
        erased: u16,
    ) -> Result<(), Error> {
        if self.layout.erased_at.is_some() {
            return Ok(());
        }
        let told = withdrawals.iter().map(|withdrawal| withdrawal.generation).max();
        self.attempt_on(Action::Withdraw, class, |edit| {
            let removed = edit.remove_withdrawn(class.name(), withdrawals)?;
            let mut changed = removed.is_some();
            let Some(last) = told.max(removed).filter(|last| *last > 0) else { return Ok(false) };
            let highest = edit
                .layout
                .highest(class.name())
                .and_then(|position| edit.layout.entries.get(position))
                .map(|entry| (entry.generation, entry.live().is_some()));
            let is_behind = highest.is_some_and(|(number, _)| number > last);
            let takes_values = highest.is_none_or(|(_, live)| live);
            let mut readers = Vec::new();
            if !is_behind {
                let roles: Vec<_> = withdrawals.iter().map(|one| one.role).collect();
                readers = edit.readers(class, Consent::Proven, &roles)?;
            }
            edit.erase_where(|entry| {
                entry.class == class.name()
                    && entry.live().is_some_and(|live| live.recipients.is_empty())
            })?;
            if is_behind {
                return Ok(changed);
            }
            for granted in withdrawals.iter().filter(|withdrawal| withdrawal.granted) {
                let role = class.consent_roles().iter().find(|name| **name == granted.role);
                readers.extend(role.filter(|role| !readers.contains(role)).copied());
            }
            if readers.is_empty() {
                // `[ED-11]` Nothing takes the highest one's place, so it must take no more values.
                changed |= edit.erase_where(|entry| {
                    entry.class == class.name()
                        && highest.is_some_and(|(number, _)| number == entry.generation)
                })?;
            }
            if !takes_values || readers.is_empty() {
                return Ok(edit.mark_reached(class.name(), last)? || changed);
            }
            if highest.is_some() {
                edit.check_renewable(class)?;
            }
            let number = last.max(erased).checked_add(1).ok_or_else(|| used_up(class.name()))?;
            edit.drawing(|edit, rng| {
                edit.add(class.name(), number, &readers, retention(class), Room::Full, rng)
            })?;
            if highest.is_some() {
                edit.set_to_reseal(class.name(), number);
            }
            Ok(true)
        })
    }

    /// The first step of it: the highest generation that something was removed from.
    fn remove_withdrawn(
        &mut self,
        class: &str,
        withdrawals: &[Withdrawal<'_>],
    ) -> Result<Option<u16>, Error> {
        let now = self.access.time().now()?;
        let is_out = |generation: u16, live: &Live<'_>, role: Option<&str>| {
            withdrawals.iter().any(|withdrawal| {
                !withdrawal.with_history
                    && (generation <= withdrawal.generation
                        || is_long_before(live, withdrawal.by.min(now)))
                    && role.is_none_or(|role| role == withdrawal.role)
            })
        };
        let ring = self.access.ring();
        let mut highest = None;
        for entry in self.layout.entries.iter().filter(|entry| entry.class == class) {
            if let Some(live) = entry.live().filter(|live| is_out(entry.generation, live, None)) {
                for recipient in &live.recipients {
                    let role = self.role_of(class, recipient.key_id)?;
                    if is_out(entry.generation, live, Some(role)) {
                        highest = highest.max(Some(entry.generation));
                    }
                }
            }
        }
        for entry in self.layout.entries.iter_mut().filter(|entry| entry.class == class) {
            if let State::Live(live) = &mut entry.state {
                let mut recipients = core::mem::take(&mut live.recipients);
                recipients.retain(|recipient| {
                    let role = ring.role_of(recipient.key_id);
                    role.is_none() || !is_out(entry.generation, live, role)
                });
                live.recipients = recipients;
            }
        }
        Ok(highest)
    }

    /// `[LG-11]` Leaves an erased generation of this number, where the class has reached none as high and
    /// takes no values now.
    fn mark_reached(&mut self, class: &str, generation: u16) -> Result<bool, Error> {
        let highest =
            self.layout.highest(class).and_then(|position| self.layout.entries.get(position));
        if highest.is_some_and(|entry| entry.generation >= generation || entry.live().is_some()) {
            return Ok(false);
        }
        self.insert_erased(class, generation)?;
        Ok(true)
    }
}

/// Whether a generation was there at this time, which is past: whatever clocks say.
fn is_long_before(live: &Live<'_>, at: u64) -> bool {
    live.created_at.saturating_add(CLOCKS_DIFFER) < at
}

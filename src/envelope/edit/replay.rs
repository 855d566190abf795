//! What a ledger says, made good in an envelope that was restored. FORMAT.md, 13.4.

use alloc::format;
use alloc::vec::Vec;

use super::steps::is_in_the_way;
use super::{Consent, EnvelopeEdit, Room};
use crate::audit::Action;
use crate::class::Class;
use crate::clock::CLOCKS_DIFFER;
use crate::context::SubjectId;
use crate::envelope::format::{Entry, Live, State};
use crate::envelope::generation::{LAST_GENERATION, retention, used_up};
use crate::error::{Error, ErrorKind};

/// What ledgers tell of a role that was taken out of a class. `[LG-12]`
pub(crate) struct Withdrawal<'a> {
    pub(crate) role: &'a str,
    /// The highest generation that a withdrawal of it names.
    pub(crate) generation: u16,
    /// When, for the last time, at the latest.
    pub(crate) by: u64,
    /// The grants that stand against all its withdrawals.
    pub(crate) granted: Option<Granted>,
}

/// The grants of a role that stand. `[LG-8]`
#[derive(Clone, Copy)]
pub(crate) enum Granted {
    /// One of them is with history.
    WithHistory,
    /// None is; the lowest generation that they name.
    Above(u16),
}

/// An erasure of a class, as a ledger tells it. `[LG-11]`
#[derive(Clone, Copy)]
pub(crate) struct ErasedUpTo {
    pub(crate) generation: u16,
    pub(crate) at: u64,
    /// When at the latest, by the lines that follow it.
    pub(crate) by: u64,
}

/// The highest numbers that ledgers name for a class.
#[derive(Clone, Copy, Default)]
pub(crate) struct Reached {
    pub(crate) erased: u16,
    pub(crate) granted: u16,
}

impl EnvelopeEdit<'_> {
    /// The tenant and the subject.
    pub(crate) fn whose(&self) -> Result<(&str, &SubjectId), Error> {
        Ok((self.access.checked_tenant()?, &self.subject))
    }

    /// Tells the audit that the subject is looked up in ledgers.
    pub(crate) fn read_ledger(&self) -> Result<(), Error> {
        self.access.audited(Action::ReadLedger, &self.subject, &[], None, || Ok(()))
    }

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

    /// `[LG-11]` 1 and 2. Erases the generations that the entries cover, and returns the entries that the
    /// envelope did not show to be made before.
    pub(crate) fn replay_class_erasures(
        &mut self,
        class: &str,
        erasures: &[ErasedUpTo],
    ) -> Result<Vec<ErasedUpTo>, Error> {
        let mut unseen = Vec::new();
        if self.layout.erased_at.is_some() {
            return Ok(unseen);
        }
        self.attempt(Action::EraseClass, class, |edit| {
            let now = edit.access.time().now()?;
            let covers = |entry: &Entry<'_>| {
                let Some(live) = entry.live().filter(|_| entry.class == class) else {
                    return false;
                };
                erasures.iter().any(|erasure| {
                    entry.generation <= erasure.generation
                        && live.created_at <= erasure.at.saturating_add(CLOCKS_DIFFER)
                        || is_long_before(live, erasure.by.min(now))
                })
            };
            unseen = edit.unseen(class, erasures);
            let remains = |entry: &Entry<'_>| {
                entry.class == class && entry.live().is_some() && !covers(entry)
            };
            if edit.layout.entries.iter().any(remains) {
                return edit.erase_where(covers);
            }
            // The class is left as the last erasure would have left it, so that no later generation has its number.
            let last = last_of(erasures);
            let erased = edit.erase_where_at(covers, last.at);
            let marked = edit.mark_reached(class, last.generation, last.at)?;
            Ok(marked || erased)
        })?;
        Ok(unseen)
    }

    /// `[LG-11]` 3, after the withdrawals. What is live is kept, and refused where nothing shows that it was
    /// begun after the erasures and from nothing.
    pub(crate) fn settle_class_erasures(
        &mut self,
        class: &str,
        unseen: &[ErasedUpTo],
    ) -> Result<(), Error> {
        if self.layout.erased_at.is_some() || unseen.is_empty() {
            return Ok(());
        }
        let is_live = |entry: &Entry<'_>| entry.class == class && entry.live().is_some();
        if !self.layout.entries.iter().any(is_live) {
            return self.attempt(Action::EraseClass, class, |edit| {
                let last = last_of(unseen);
                edit.mark_reached(class, last.generation, last.at)
            });
        }
        // What is begun after the last of them is begun after each.
        if self.is_begun_after(class, last_of(unseen).at) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::RolledBack,
            format!(
                "class `{class}` was erased according to the ledger, but this envelope went on without it: values from \
                 before may be sealed under the generation that is live now. Read what is to be kept, erase the class \
                 again, and seal it anew"
            ),
        ))
    }

    /// `[LG-11]` Whether the lowest live generation was begun long after this moment, and long after
    /// whatever was there before it was erased.
    fn is_begun_after(&self, class: &str, at: u64) -> bool {
        let mut last = at;
        let mut below = 0;
        for entry in self.layout.entries.iter().filter(|entry| entry.class == class) {
            let Some(live) = entry.live() else {
                // Whatever was there before an empty mark was gone before the next generation was begun.
                let is_empty = entry.is_empty_mark();
                let erased_at = entry.erased_at().unwrap_or(u64::MAX);
                last = if is_empty { at } else { last.max(erased_at) };
                below = entry.generation;
                continue;
            };
            return below.checked_add(1) == Some(entry.generation)
                && last.saturating_add(CLOCKS_DIFFER) < live.created_at;
        }
        true
    }

    /// `[LG-12]` Takes the roles out, and begins the next generation above every number that was told: at
    /// once, so that none is wrapped for a role that another step would take out. Without a declaration the
    /// roles are taken out, and nothing is begun.
    pub(crate) fn replay_withdrawals(
        &mut self,
        (name, declared): (&str, Option<&Class>),
        withdrawals: &[Withdrawal<'_>],
        reached: Reached,
    ) -> Result<(), Error> {
        if self.layout.erased_at.is_some() {
            return Ok(());
        }
        let mut left = Left::default();
        self.attempt(Action::Withdraw, name, |edit| {
            if let Some(class) = declared {
                edit.declare(class)?;
            }
            left = edit.remove_withdrawn((name, declared), withdrawals)?;
            match declared {
                Some(class) => edit.go_on_above(class, withdrawals, reached, &mut left),
                None => edit.erase_emptied(name).map(|_| left.removed.is_some()),
            }
        })?;
        if let Some(key_id) = left.unknown {
            return self.role_of(name, key_id).map(drop);
        }
        if left.in_doubt {
            return Err(Error::new(
                ErrorKind::RolledBack,
                format!(
                    "class `{name}` was withdrawn from a role according to the ledger, but this envelope went on \
                     without it: that role is the only reader of a generation begun since. Withdraw it again, or record \
                     the consent again"
                ),
            ));
        }
        if let Some(cause) = left.refused {
            return Err(Error::new(
                cause.kind(),
                format!(
                    "class `{name}` was withdrawn from a role, which has no key of it any more, but no next generation \
                     could be begun ({}): supply what is missing, and renew the class",
                    cause.detail()
                ),
            ));
        }
        if declared.is_none() && left.removed.is_some() {
            return Err(Error::declaration(format!(
                "class `{name}` was withdrawn from a role, which was taken out of it, but no next generation was begun: \
                 the class is not among those given. Give its declaration if it is still in use"
            )));
        }
        Ok(())
    }

    /// `[LG-12]` 3 to 7, after the roles were taken out.
    fn go_on_above(
        &mut self,
        class: &Class,
        withdrawals: &[Withdrawal<'_>],
        reached: Reached,
        left: &mut Left,
    ) -> Result<bool, Error> {
        let mut changed = left.removed.is_some();
        let told = withdrawals.iter().map(|withdrawal| withdrawal.generation).max();
        let last = told.max(left.removed).unwrap_or_default();
        let highest = self
            .layout
            .highest(class.name())
            .and_then(|position| self.layout.entries.get(position))
            .map(|entry| (entry.generation, entry.live().is_some()));
        let is_behind = match highest {
            Some((number, _)) => number > last && number >= reached.granted,
            // A class that is not there, and that nothing was taken from, is not begun.
            None => last == 0,
        };
        if is_behind {
            self.erase_emptied(class.name())?;
            return Ok(changed);
        }
        let roles: Vec<_> = withdrawals.iter().map(|one| one.role).collect();
        let readers = self.readers(class, Consent::Proven, &roles);
        if last == 0 && !readers.as_ref().is_ok_and(|readers| !readers.is_empty()) {
            return Ok(changed);
        }
        self.erase_emptied(class.name())?;
        let next = last.max(reached.erased).max(reached.granted).checked_add(1);
        let begun = match readers {
            Ok(mut readers) => {
                for granted in withdrawals.iter().filter(|one| one.granted.is_some()) {
                    let role = class.consent_roles().iter().find(|name| **name == granted.role);
                    readers.extend(role.filter(|role| !readers.contains(role)).copied());
                }
                if readers.is_empty() && !left.in_doubt {
                    // `[ED-11]` Nothing takes the highest one's place, so it must take no more values.
                    changed |= self.erase_where(|entry| {
                        entry.class == class.name()
                            && highest.is_some_and(|(number, _)| number == entry.generation)
                    })?;
                }
                if readers.is_empty() || highest.is_some_and(|(_, live)| !live) {
                    let (number, now) = (next.unwrap_or(u16::MAX), self.access.time().now()?);
                    return Ok(self.mark_reached(class.name(), number, now)? || changed);
                }
                self.begin_above(class, next, &readers, highest.is_some())
            }
            Err(error) => Err(error),
        };
        match begun {
            Ok(()) => Ok(true),
            // `[LG-12]` A withdrawal always goes through: what is in the way of the next generation closes the
            // class, and gives no role back.
            Err(error) if is_in_the_way(error.kind()) => {
                left.refused = Some(error);
                let (number, now) = (next.unwrap_or(u16::MAX), self.access.time().now()?);
                if last > 0 && self.leave_erased(class.name(), number, now)? {
                    self.set_to_renew(class.name());
                    changed = true;
                }
                Ok(changed)
            }
            Err(error) => Err(error),
        }
    }

    /// `[LG-12]` 7.
    fn begin_above(
        &mut self,
        class: &Class,
        next: Option<u16>,
        readers: &[&str],
        is_there: bool,
    ) -> Result<(), Error> {
        if is_there {
            self.check_renewable(class)?;
        }
        let number = next.filter(|number| *number < LAST_GENERATION);
        let number = number.ok_or_else(|| used_up(class.name()))?;
        self.drawing(|edit, rng| {
            edit.add(class.name(), number, readers, retention(class), Room::Full, rng)
        })?;
        if is_there {
            self.set_to_reseal(class.name(), number);
        }
        Ok(())
    }

    /// `[LG-12]` 1.
    fn remove_withdrawn(
        &mut self,
        (class, declared): (&str, Option<&Class>),
        withdrawals: &[Withdrawal<'_>],
    ) -> Result<Left, Error> {
        let now = self.access.time().now()?;
        let out = |generation: u16, live: &Live<'_>, role: Option<&str>| {
            let withdrawal = withdrawals.iter().find(|withdrawal| Some(withdrawal.role) == role)?;
            let covered =
                generation <= withdrawal.generation || is_long_before(live, withdrawal.by.min(now));
            let is_out = match withdrawal.granted {
                Some(Granted::WithHistory) => false,
                Some(Granted::Above(number)) => {
                    covered || generation <= number && withdrawal.generation > 0
                }
                None => {
                    covered
                        || !declared.is_some_and(|class| class.is_declared_reader(withdrawal.role))
                }
            };
            is_out.then_some(covered)
        };
        let ring = self.access.ring();
        let mut left = Left::default();
        for entry in self.layout.entries.iter_mut().filter(|entry| entry.class == class) {
            let (generation, State::Live(live)) = (entry.generation, &mut entry.state) else {
                continue;
            };
            let outs = live
                .recipients
                .iter()
                .map(|recipient| out(generation, live, ring.role_of(recipient.key_id)));
            let outs: Vec<Option<bool>> = outs.collect();
            // A key that the ring does not know may be one more of the role, or nobody's.
            let of_nobody = |key_id: &u32| ring.role_of(*key_id).is_none();
            let ids = live.recipients.iter().map(|recipient| recipient.key_id);
            let is_out = |one: &Withdrawal<'_>| out(generation, live, Some(one.role)).is_some();
            if withdrawals.iter().any(is_out) {
                left.unknown = left.unknown.or_else(|| ids.clone().find(of_nobody));
            }
            let has_other = ids.zip(&outs).any(|(id, out)| out.is_none() && !of_nobody(&id));
            if !has_other && outs.contains(&Some(false)) {
                // Nobody else reads it, and no entry says that it was to go.
                left.in_doubt = true;
            } else if outs.iter().any(Option::is_some) {
                let mut stays = outs.iter().map(Option::is_none);
                live.recipients.retain(|_| stays.next().unwrap_or(true));
                left.removed = left.removed.max(Some(generation));
            }
        }
        Ok(left)
    }

    fn erase_emptied(&mut self, class: &str) -> Result<bool, Error> {
        self.erase_where(|entry| {
            entry.class == class && entry.live().is_some_and(|live| live.recipients.is_empty())
        })
    }

    /// `[LG-11]` The erasures that nothing proves to be made. The proof is a mark that was added while the class had
    /// no live generation, of the number that was erased or a higher one. The time of an erased entry proves nothing:
    /// what makes room erases too, maybe in the same second.
    fn unseen(&self, class: &str, erasures: &[ErasedUpTo]) -> Vec<ErasedUpTo> {
        let of_class = self.layout.entries.iter().filter(|entry| entry.class == class);
        let marks = of_class.filter(|entry| entry.is_empty_mark());
        let proven = marks.map(|entry| entry.generation).max();
        erasures.iter().filter(|one| Some(one.generation) > proven).copied().collect()
    }
}

/// The highest number and the latest time of erasures.
fn last_of(erasures: &[ErasedUpTo]) -> ErasedUpTo {
    let last = |a: ErasedUpTo, b: &ErasedUpTo| ErasedUpTo {
        generation: a.generation.max(b.generation),
        at: a.at.max(b.at),
        by: a.by.max(b.by),
    };
    erasures.iter().fold(ErasedUpTo { generation: 0, at: 0, by: 0 }, last)
}

/// What taking roles out of a class left behind.
#[derive(Default)]
struct Left {
    /// The highest generation that a recipient was removed from.
    removed: Option<u16>,
    /// Whether a generation was kept, which nobody else reads.
    in_doubt: bool,
    /// A recipient that the ring does not know, in a generation that a role is out of.
    unknown: Option<u32>,
    /// Why no next generation was begun.
    refused: Option<Error>,
}

/// Whether a generation was there at this time, which is past: whatever clocks say.
fn is_long_before(live: &Live<'_>, at: u64) -> bool {
    live.created_at.saturating_add(CLOCKS_DIFFER) < at
}

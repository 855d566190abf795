//! Keeping nothing longer than declared: touch, sweep, prune.

use alloc::string::String;
use alloc::vec::Vec;

use super::EnvelopeEdit;
use super::steps::ERASED_ENTRY;
use crate::audit::Action;
use crate::class::{Class, ClassConsent};
use crate::clock::CLOCKS_DIFFER;
use crate::envelope::format::Entry;
use crate::envelope::generation::retention;
use crate::error::Error;

/// How long, in seconds, older generations stay at least: an hour, which a writer may take from reading an envelope to
/// storing a value under it, by whatever clock the next generation was begun.
const WRITERS_END: u64 = CLOCKS_DIFFER + 3_600;
/// Half of what an envelope can have.
const HALF: usize = 32_768;

impl EnvelopeEdit<'_> {
    /// Tells a class with retention that the subject was active: its values are to be kept a full term
    /// from now on. True when that takes a new generation, which was begun: then reseal the subject's
    /// values of the class. False, and nothing changes, while the present generation still lives a full
    /// term, and for a class without retention.
    ///
    /// So a term that counts from the last activity costs one resealing in
    /// [a generation's time](Class::generation_seconds), however often the subject is active. A class
    /// whose latest generation has expired or was erased begins the next one too; what lies under
    /// those stays as it is.
    ///
    /// # Errors
    /// As [`renew`](Self::renew).
    pub fn touch<'c>(&mut self, class: impl Into<ClassConsent<'c>>) -> Result<bool, Error> {
        let class = class.into();
        if self.takes_values(class.class())? {
            return Ok(false);
        }
        self.renew(class).map(|()| true)
    }

    /// `[RT-4]` Whether a value sealed now would live its full term.
    fn takes_values(&self, class: &Class) -> Result<bool, Error> {
        let Some((_, term)) = retention(class) else { return Ok(true) };
        let now = self.access.time().now()?;
        let live = self.highest(class.name())?.live();
        Ok(live.is_some_and(|live| {
            live.expires_at != 0 && now.checked_add(term).is_some_and(|end| end <= live.expires_at)
        }))
    }

    /// `[RT-6]` Erases the data keys of every generation that has expired: class and number of each.
    /// Needs no role's key. Before it, an expired value is refused; after it, it is gone.
    ///
    /// A wrong clock erases what it should not: a job that sweeps a whole store looks at its last run
    /// first.
    ///
    /// # Errors
    /// None but for the clock, and what every edit answers under a compromised envelope key.
    pub fn sweep(&mut self) -> Result<Vec<(String, u16)>, Error> {
        let mut swept = Vec::new();
        self.attempt(Action::Sweep, "", |edit| {
            let now = edit.access.time().now()?;
            let expired = |expires_at: u64| expires_at != 0 && now >= expires_at;
            swept = edit
                .layout
                .entries
                .iter()
                .filter(|entry| entry.live().is_some_and(|live| expired(live.expires_at)))
                .map(|entry| (entry.class.clone().into_owned(), entry.generation))
                .collect();
            edit.erase_where(|entry| entry.live().is_some_and(|live| expired(live.expires_at)))
        })?;
        Ok(swept)
    }

    /// `[ED-18]` Destroys the data keys of a class's generations below its highest: how many. For when
    /// nothing of the subject lies under them any more, as all of it was
    /// [resealed](crate::SealedRecord::reseal): what still does is lost. Each renewal and withdrawal adds a
    /// generation, and an envelope has room for a few hundred; afterwards [`prune`](Self::prune) makes room.
    ///
    /// # Errors
    /// [`MissingClass`](crate::ErrorKind::MissingClass) when there is no such class;
    /// [`Erased`](crate::ErrorKind::Erased) when its highest generation is erased, as then nothing can have
    /// been resealed.
    pub fn erase_older(&mut self, class: &Class) -> Result<usize, Error> {
        let mut erased = 0_usize;
        self.attempt_on(Action::EraseClass, class, |edit| {
            let highest = edit.highest(class.name())?;
            if highest.live().is_none() {
                return Err(edit.all_erased(class.name()));
            }
            let highest = highest.generation;
            let is_older = |entry: &Entry<'_>| {
                entry.class == class.name() && entry.generation < highest && entry.live().is_some()
            };
            erased = edit.layout.entries.iter().filter(|entry| is_older(entry)).count();
            edit.erase_where(is_older)
        })?;
        Ok(erased)
    }

    /// `[ED-20]` Destroys the data keys that nothing needs once all values of the subject in a class are
    /// sealed under this generation or a later one: how many. It is what
    /// [`KeyStore::finish_reseal`](crate::KeyStore::finish_reseal) does.
    ///
    /// An older generation goes only when one that follows it, up to this one, is 25 hours old: a writer that
    /// read the envelope up to an hour ago may still store a value under the older, and clocks may differ by a day. What was
    /// erased is also forgotten, as by [`prune`](Self::prune), where the envelope is more than half full.
    /// A class without such generations stays as it is.
    ///
    /// # Errors
    /// None but for the clock, and what every edit answers under a compromised envelope key.
    pub fn erase_resealed(&mut self, class: &str, generation: u16) -> Result<usize, Error> {
        let mut erased = 0_usize;
        self.attempt(Action::EraseClass, class, |edit| {
            let now = edit.access.time().now()?;
            let is_settled = |entry: &&Entry<'_>| {
                entry.class == class
                    && entry.generation <= generation
                    && entry
                        .live()
                        .is_some_and(|live| live.created_at.saturating_add(WRITERS_END) <= now)
            };
            let Some(kept) = edit.layout.entries.iter().rfind(is_settled) else { return Ok(false) };
            let kept = kept.generation;
            let is_older = |entry: &Entry<'_>| entry.class == class && entry.generation < kept;
            let goes = |entry: &Entry<'_>| is_older(entry) && entry.live().is_some();
            erased = edit.layout.entries.iter().filter(|entry| goes(entry)).count();
            let changed = edit.erase_where(goes)?;
            if edit.layout.check_len_with(HALF).is_ok() {
                return Ok(changed);
            }
            Ok(edit.prune_spare(is_older) > 0 || changed)
        })?;
        Ok(erased)
    }

    /// `[RT-7]` Forgets the generations that were erased before this moment, in Unix seconds. Returns how many.
    ///
    /// The highest of a class is kept, and so are the few that show a [`Replay`](crate::ledger::Replay) from what the
    /// present generations were begun: without them, it would report a class that was erased and begun again as
    /// rolled back. All are kept in the envelope of an erased subject. A value under a forgotten
    /// generation answers [`WrongKey`](crate::ErrorKind::WrongKey), no longer
    /// [`Erased`](crate::ErrorKind::Erased): clear its column first.
    ///
    /// # Errors
    /// What every edit answers under a compromised envelope key.
    pub fn prune(&mut self, before: u64) -> Result<usize, Error> {
        let mut pruned = 0_usize;
        self.attempt(Action::Prune, "", |edit| {
            if edit.layout.erased_at.is_some() {
                return Ok(false);
            }
            pruned = edit
                .prune_spare(|entry| entry.erased_at().is_some_and(|erased_at| erased_at < before));
            Ok(pruned > 0)
        })?;
        Ok(pruned)
    }

    /// `[RT-7]` Prunes what nothing needs, where `may` allows it. Returns the number of entries.
    fn prune_spare(&mut self, may: impl Fn(&Entry<'_>) -> bool) -> usize {
        let before = self.layout.entries.len();
        let spare = spare(&self.layout.entries);
        self.prune_from_the_front(usize::MAX, &spare, may);
        before.saturating_sub(self.layout.entries.len())
    }

    /// `[ED-11]`, `[ED-14]` Prunes erased entries until `more` bytes fit: first what nothing needs, then all but
    /// the highest of each class.
    pub(super) fn prune_for(&mut self, more: usize) -> Result<(), Error> {
        for all in [false, true] {
            let excess = self.layout.excess_with(more)?;
            if excess > 0 {
                let entries = &self.layout.entries;
                let goes = if all {
                    by_class(entries, |of_class, goes| {
                        goes.extend(of_class.iter().map(|entry| entry.live().is_none()));
                        if let Some(highest) = goes.last_mut() {
                            *highest = false;
                        }
                    })
                } else {
                    spare(entries)
                };
                self.prune_from_the_front(excess, &goes, |_| true);
            }
        }
        self.layout.check_len_with(more)
    }

    fn prune_from_the_front(
        &mut self,
        mut excess: usize,
        goes: &[bool],
        may: impl Fn(&Entry<'_>) -> bool,
    ) {
        let mut goes = goes.iter();
        self.layout.entries.retain(|entry| {
            let goes = goes.next().is_some_and(|goes| *goes) && excess > 0 && may(entry);
            if goes {
                excess = excess.saturating_sub(ERASED_ENTRY.saturating_add(entry.class.len()));
            }
            !goes
        });
    }
}

/// `[RT-7]` Says of each entry if it is an erased one that nothing needs.
fn spare(entries: &[Entry<'_>]) -> Vec<bool> {
    by_class(entries, |of_class, goes| {
        let lowest_live = of_class.iter().position(|entry| entry.live().is_some());
        let mark = of_class.iter().rposition(Entry::is_empty_mark);
        let highest = of_class.len().saturating_sub(1);
        // The latest time of those that follow, up to the lowest live one.
        let mut latest = None;
        for (position, entry) in of_class.iter().enumerate().rev() {
            let is_above_live = lowest_live.is_some_and(|live| position > live);
            let is_covered = is_above_live
                || mark.is_some_and(|mark| position < mark)
                || latest.is_some_and(|latest| Some(latest) >= entry.erased_at());
            let is_kept = position == highest || Some(position) == mark || !is_covered;
            goes.push(entry.live().is_none() && !is_kept);
            if !is_above_live {
                latest = latest.max(entry.erased_at());
            }
        }
        goes.reverse();
    })
}

/// Says something of each entry, class by class.
fn by_class(entries: &[Entry<'_>], mut say: impl FnMut(&[Entry<'_>], &mut Vec<bool>)) -> Vec<bool> {
    let mut said = Vec::with_capacity(entries.len());
    for of_class in entries.chunk_by(|one, next| one.class == next.class) {
        let mut of_these = Vec::with_capacity(of_class.len());
        say(of_class, &mut of_these);
        said.append(&mut of_these);
    }
    said
}

//! Ledgers played back over what was restored: the erased stay erased, and the withdrawn stay out.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::chain::{Ledger, Tokens, is_after};
use super::entry::{LedgerEntry, SubjectToken};
use crate::access::LedgerAct;
use crate::class::Class;
use crate::context::SubjectId;
use crate::envelope::{EnvelopeEdit, ErasedUpTo, Withdrawal};
use crate::error::Error;
use crate::keyring::{KeyId, KeyRing};

/// What ledgers say of every subject, ready to be made good in a store.
///
/// A backup brings back data keys that were destroyed since, and roles that were taken out. A replay
/// erases and withdraws again: up to the generations that the ledger names, and all that was made more than
/// a day before the act, so that what was begun afresh since then stays; and each class goes on behind the
/// number that it had reached. Grants are not played back. Run it before anybody reads what was restored;
/// run again, it changes nothing more.
///
/// Whether a grant came after a withdrawal, the ledger must say by every measure: by its generation, by
/// its place, and by its time. In doubt the role is out.
pub struct Replay<'r> {
    tokens: Tokens<'r>,
    told: BTreeMap<(KeyId, String, SubjectToken), Vec<Told>>,
    classes: Vec<Class>,
}

impl<'r> Replay<'r> {
    /// Reads what the ledgers of an application say. `classes` are those that it declares, at least those
    /// that were withdrawn from a role: their next generation is wrapped for their readers.
    ///
    /// # Errors
    /// [`MissingKey`](crate::ErrorKind::MissingKey) when the ring lacks the secret of a key that signed in
    /// one of them; [`InvalidInput`](crate::ErrorKind::InvalidInput) for classes that contradict each
    /// other, or lack one that was withdrawn.
    pub fn new(ring: &'r KeyRing, ledgers: &[&Ledger], classes: &[Class]) -> Result<Self, Error> {
        Class::check_all(classes.iter())?;
        let tokens = Tokens::of(ring, ledgers)?;
        let mut told: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (number, ledger) in ledgers.iter().enumerate() {
            let mut by = u64::MAX;
            let mut of_ledger = Vec::new();
            for entry in ledger.entries().iter().rev() {
                by = by.min(entry.at);
                of_ledger.push((number, entry.clone(), by));
            }
            for one in of_ledger.into_iter().rev() {
                let entry = &one.1;
                if let LedgerAct::Withdraw { class, .. } = &entry.act
                    && !classes.iter().any(|declared| declared.name() == class)
                {
                    return Err(Error::invalid(format!(
                        "the ledger withdraws class `{class}`, which is not among the classes given: give its declaration"
                    )));
                }
                let about = (entry.key, entry.tenant.clone(), entry.subject);
                told.entry(about).or_default().push(one);
            }
        }
        Ok(Self { tokens, told, classes: classes.to_vec() })
    }

    /// How many subjects the ledgers tell of; one counts once for each signing key.
    pub fn subjects(&self) -> usize {
        self.told.len()
    }

    /// Makes good what the ledgers say of one subject. Whether they say anything.
    ///
    /// # Errors
    /// Those of [`EnvelopeEdit::withdraw`] but for declared readers: the first of them. What does not depend
    /// on it is in the edit all the same, each class whole or not at all; finish it, as erasures should not
    /// wait for a withdrawal that is refused.
    pub fn apply(
        &self,
        tenant: &str,
        subject: &SubjectId,
        edit: &mut EnvelopeEdit<'_>,
    ) -> Result<bool, Error> {
        let entries: Vec<_> = self
            .tokens
            .about(tenant, subject)
            .into_iter()
            .filter_map(|(key, token)| self.told.get(&(key, tenant.into(), token)))
            .flatten()
            .collect();
        if entries.iter().any(|(_, entry, _)| entry.act == LedgerAct::EraseSubject) {
            edit.replay_subject_erasure()?;
            return Ok(true);
        }
        // What one class refuses does not keep the others from being made good.
        let mut result = Ok(!entries.is_empty());
        let erasures = erasures(&entries);
        for (class, erasures) in &erasures {
            result = result.and(edit.replay_class_erasures(class, erasures).map(|()| true));
        }
        for (class, withdrawals) in self.withdrawals(&entries) {
            let erased = erasures.get(class.name()).into_iter().flatten();
            let erased = erased.map(|erased| erased.generation).max().unwrap_or_default();
            let replayed = edit.replay_withdrawals(class, &withdrawals, erased);
            result = result.and(replayed.map(|()| true));
        }
        result
    }

    /// By class, one for each role that was withdrawn: up to which generation, and whether a grant stands
    /// behind it.
    fn withdrawals<'e>(&'e self, entries: &[&'e Told]) -> Vec<(&'e Class, Vec<Withdrawal<'e>>)> {
        let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (_, entry, _) in entries {
            if let LedgerAct::Withdraw { class, role, .. } = &entry.act {
                places.entry(class).or_default().insert(role);
            }
        }
        let classes = places.into_iter().filter_map(|(class, roles)| {
            let declared = self.classes.iter().find(|declared| declared.name() == class)?;
            Some((
                declared,
                roles.into_iter().map(|role| withdrawal(entries, class, role)).collect(),
            ))
        });
        classes.collect()
    }
}

/// By class, up to which generation and when it was erased.
fn erasures<'e>(entries: &[&'e Told]) -> BTreeMap<&'e str, Vec<ErasedUpTo>> {
    let mut erasures: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (_, entry, by) in entries {
        if let LedgerAct::EraseClass { class, generation } = &entry.act {
            let erased = ErasedUpTo { generation: *generation, at: entry.at, by: *by };
            erasures.entry(class).or_default().push(erased);
        }
    }
    erasures
}

/// `[LG-8]` What is left of the grants of a class to a role that was withdrawn.
fn withdrawal<'e>(entries: &[&'e Told], class: &str, role: &'e str) -> Withdrawal<'e> {
    let is_here = |of: &str, whose: &str| of == class && whose == role;
    let ends: Vec<&Told> = entries
        .iter()
        .filter(|(_, entry, _)| matches!(&entry.act, LedgerAct::Withdraw { class, role, .. } if is_here(class, role)))
        .copied()
        .collect();
    let generations = ends.iter().filter_map(|(_, end, _)| match end.act {
        LedgerAct::Withdraw { generation, .. } => Some(generation),
        _ => None,
    });
    let generation = generations.max().unwrap_or_default();
    let by = ends.iter().map(|(_, _, by)| *by).max().unwrap_or_default();
    let mut left = Withdrawal { role, generation, by, granted: false, with_history: false };
    for (ledger, entry, _) in entries {
        if let LedgerAct::Grant { class, role, with_history, .. } = &entry.act
            && is_here(class, role)
            && ends.iter().all(|(other, end, _)| is_after(entry, end, other == ledger))
        {
            left.granted = true;
            left.with_history |= *with_history;
        }
    }
    left
}

/// An entry, which ledger it is of, and when it was told at the latest: the earliest time from it on, as one
/// by a clock that stood ahead is followed by those of clocks that did not.
type Told = (usize, LedgerEntry, u64);

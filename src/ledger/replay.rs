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
use crate::envelope::{EnvelopeEdit, Withdrawal};
use crate::error::Error;
use crate::keyring::{KeyId, KeyRing};

/// What ledgers say of every subject, ready to be made good in a store.
///
/// A backup brings back data keys that were destroyed since, and roles that were taken out. A replay
/// erases and withdraws again: only up to the generations that the ledger names, so that what was begun
/// afresh since then stays; and each class goes on behind the number that it had reached. Grants are not
/// played back. Run it before anybody reads what was restored; run again, it changes nothing more.
///
/// Whether a grant came after a withdrawal, the ledger must say by every measure: by its generation, by
/// its place, and by its time. In doubt the role is out.
pub struct Replay<'r> {
    tokens: Tokens<'r>,
    told: BTreeMap<(KeyId, String, SubjectToken), Vec<(usize, LedgerEntry)>>,
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
            for entry in ledger.entries() {
                if let LedgerAct::Withdraw { class, .. } = &entry.act
                    && !classes.iter().any(|declared| declared.name() == class)
                {
                    return Err(Error::invalid(format!(
                        "the ledger withdraws class `{class}`, which is not among the classes given: give its declaration"
                    )));
                }
                let about = (entry.key, entry.tenant.clone(), entry.subject);
                told.entry(about).or_default().push((number, entry.clone()));
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
    /// Those of [`EnvelopeEdit::withdraw`] but for declared readers.
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
        if entries.iter().any(|(_, entry)| entry.act == LedgerAct::EraseSubject) {
            edit.replay_subject_erasure()?;
            return Ok(true);
        }
        for (_, entry) in &entries {
            if let LedgerAct::EraseClass { class, generation } = &entry.act {
                edit.replay_class_erasure(class, *generation, entry.at)?;
            }
        }
        for withdrawal in self.withdrawals(&entries) {
            edit.replay_withdrawal(&withdrawal)?;
        }
        Ok(!entries.is_empty())
    }

    /// One for each class and role: the last that was withdrawn, and whether a grant stands behind it.
    fn withdrawals<'e>(&'e self, entries: &[&'e (usize, LedgerEntry)]) -> Vec<Withdrawal<'e>> {
        let mut places: BTreeSet<(&str, &str)> = BTreeSet::new();
        for (_, entry) in entries {
            if let LedgerAct::Withdraw { class, role, .. } = &entry.act {
                places.insert((class, role));
            }
        }
        places
            .into_iter()
            .filter_map(|(class, role)| {
                let declared = self.classes.iter().find(|declared| declared.name() == class)?;
                let ends = entries.iter().filter(|(_, entry)| {
                    matches!(&entry.act, LedgerAct::Withdraw { class: of, role: from, .. } if of == class && from == role)
                });
                let generation = ends.clone().filter_map(|(_, end)| end.act.generation()).max()?;
                let stands = |ledger: usize, grant: &LedgerEntry| {
                    ends.clone().all(|(other, end)| is_after(grant, end, *other == ledger))
                };
                let (mut granted, mut with_history) = (false, false);
                for (ledger, entry) in entries {
                    if let LedgerAct::Grant { class: of, role: to, with_history: all, .. } = &entry.act
                        && of == class
                        && to == role
                        && stands(*ledger, entry)
                    {
                        granted = true;
                        with_history |= *all;
                    }
                }
                Some(Withdrawal { class: declared, role, generation, granted, with_history })
            })
            .collect()
    }
}

impl LedgerAct {
    /// The highest generation that the act covers, where it is about a class.
    fn generation(&self) -> Option<u16> {
        match self {
            Self::EraseSubject => None,
            Self::EraseClass { generation, .. }
            | Self::Withdraw { generation, .. }
            | Self::Grant { generation, .. } => Some(*generation),
        }
    }
}

//! Ledgers played back over what was restored: the erased stay erased, and the withdrawn stay out.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::chain::{Ledger, Tokens};
use super::entry::{LedgerEntry, SubjectToken};
use super::standing::Ends;
use crate::audit::LedgerAct;
use crate::class::{Class, Kept, ToClasses};
use crate::clock::CLOCKS_DIFFER;
use crate::envelope::{EnvelopeEdit, ErasedUpTo, Granted, Reached, Withdrawal};
use crate::error::Error;
use crate::keyring::{KeyId, KeyRing};

/// What ledgers say of every subject, ready to be made good in a store.
///
/// A backup brings back data keys that were destroyed since, and roles that were taken out. So does an
/// erasure or withdrawal that was told and never stored. A replay erases and withdraws again, and each class
/// goes on above every number that was told of it. Grants are not played back. Run it before anybody reads
/// what was restored, and on a schedule; run again, it changes nothing more.
///
/// What was begun after an erasure stays, where the envelope shows that. Where it went on without the erasure,
/// what is live may hold values from before: it is kept, and the envelope is reported
/// ([`RolledBack`](crate::ErrorKind::RolledBack)).
///
/// A role that was withdrawn reads only what a later grant gave it. Whether a grant came later, the ledger must
/// say by every measure: by its generation, by its place, and by its time. In doubt the role is out.
pub struct Replay<'r> {
    tokens: Tokens<'r>,
    told: BTreeMap<(KeyId, String, SubjectToken), Vec<Told>>,
    classes: Vec<Kept>,
    undeclared: BTreeSet<String>,
}

impl<'r> Replay<'r> {
    /// Reads what the ledgers of an application say. `classes` are those that it declares: the next
    /// generation of a class that was withdrawn is wrapped for its readers. A class that is withdrawn and not
    /// among them holds nothing up: see [`undeclared`](Self::undeclared).
    ///
    /// Of two ledgers with one id, of which one is how the other began, the longer is used. Where lines of a
    /// [damaged](Ledger::read_damaged) ledger are missing, no grant before them counts, and no grant in another ledger
    /// up to a day after the line that follows them.
    ///
    /// # Errors
    /// [`MissingKey`](crate::ErrorKind::MissingKey) when the ring lacks the secret of a key that signed in
    /// one of them; [`Declaration`](crate::ErrorKind::Declaration) for classes that contradict each other.
    pub fn new(
        ring: &'r KeyRing,
        ledgers: &[&Ledger],
        classes: impl ToClasses,
    ) -> Result<Self, Error> {
        let classes = classes.to_declared();
        Class::check_all(classes.iter())?;
        let tokens = Tokens::of(ring, ledgers)?;
        let mut told: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut undeclared = BTreeSet::new();
        let all = || ledgers.iter().copied().enumerate();
        // `[LG-14]` An older copy says nothing of its own.
        let is_copy = |(number, ledger): &(usize, &Ledger)| {
            all().any(|(other, longer)| begins(ledger, longer, *number > other))
        };
        let doubts: Vec<_> = all()
            .filter(|one| !is_copy(one))
            .map(|(number, ledger)| (number, ledger, Doubt::of(ledger)))
            .collect();
        for (number, ledger, own) in &doubts {
            let (number, ledger) = (*number, *ledger);
            let elsewhere = doubts.iter().filter(|(other, ..)| *other != number);
            let elsewhere = elsewhere.filter_map(|(.., doubt)| doubt.until).max();
            let mut by = u64::MAX;
            let mut of_ledger = Vec::new();
            for entry in ledger.entries().iter().rev() {
                by = by.min(entry.at);
                of_ledger.push((number, entry.clone(), by));
            }
            for mut one in of_ledger.into_iter().rev() {
                // Where lines are missing, a withdrawal may be among them, also of what another ledger grants. A
                // grant that may have come before them is of no time that follows a withdrawal, so in doubt the
                // role is out; the number it names still counts.
                let is_in_doubt = one.1.number <= own.last
                    || elsewhere.is_some_and(|until| one.2 <= until.saturating_add(CLOCKS_DIFFER));
                if matches!(one.1.act, LedgerAct::Grant { .. }) && is_in_doubt {
                    one.1.at = 0;
                }
                let entry = &one.1;
                if let LedgerAct::Withdraw { class, .. } = &entry.act
                    && !classes.iter().any(|declared| declared.name() == class)
                {
                    undeclared.insert(class.clone());
                }
                let about = (entry.key, entry.tenant.clone(), entry.subject);
                told.entry(about).or_default().push(one);
            }
        }
        let classes = classes.iter().map(Kept::of).collect();
        Ok(Self { tokens, told, classes, undeclared })
    }

    /// The classes that the ledgers withdraw and that are not among those given, in ascending order. The
    /// roles are taken out of them all the same. An envelope in which that changed something is reported
    /// ([`Declaration`](crate::ErrorKind::Declaration)), as no next generation could be begun: give the
    /// declaration of a class that is still in use.
    pub fn undeclared(&self) -> impl Iterator<Item = &str> + '_ {
        self.undeclared.iter().map(String::as_str)
    }

    /// How many subjects the ledgers tell of; one counts once for each signing key.
    pub fn subjects(&self) -> usize {
        self.told.len()
    }

    /// Makes good what the ledgers say of the edit's subject. Returns `true` if they say anything.
    ///
    /// # Errors
    /// The first one: those of [`EnvelopeEdit::withdraw`] but for declared readers, where the role was taken out
    /// all the same and the class takes no values until it is renewed; [`RolledBack`](crate::ErrorKind::RolledBack) for a class that went on without its erasure or
    /// withdrawal; [`Declaration`](crate::ErrorKind::Declaration) for one that is
    /// [not declared](Self::undeclared) and that a role was taken out of. What could be made good is in the edit
    /// all the same; finish it. [`Audit`](crate::ErrorKind::Audit) when the audit refuses, and then nothing is changed:
    /// the subject was looked up in the ledgers.
    pub fn apply(&self, edit: &mut EnvelopeEdit<'_>) -> Result<bool, Error> {
        edit.read_ledger()?;
        self.apply_in_pass(edit)
    }

    /// [`apply`](Self::apply) in a pass over all subjects, of which the audit was told as a whole.
    pub(crate) fn apply_in_pass(&self, edit: &mut EnvelopeEdit<'_>) -> Result<bool, Error> {
        let (tenant, subject) = edit.whose()?;
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
        let mut unseen = Vec::new();
        let erasures = erasures(&entries);
        for (class, erasures) in &erasures {
            match edit.replay_class_erasures(class, erasures) {
                Ok(of_class) => unseen.push((*class, of_class)),
                Err(error) => result = result.and(Err(error)),
            }
        }
        for (class, told) in consents(&entries) {
            let declared = self.classes.iter().find(|declared| declared.name() == class);
            let erased = erasures.get(class).into_iter().flatten();
            let reached = Reached {
                erased: erased.map(|erased| erased.generation).max().unwrap_or_default(),
                granted: told.granted,
            };
            let withdrawals: Vec<_> =
                told.roles.into_iter().filter_map(|(role, told)| told.withdrawal(role)).collect();
            let mut replay = |declared: Option<&Class<'_>>| {
                edit.replay_withdrawals((class, declared), &withdrawals, reached)
            };
            let replayed = match declared {
                Some(kept) => kept.with(|declared| replay(Some(declared))),
                None => replay(None),
            };
            result = result.and(replayed.map(|()| true));
        }
        for (class, unseen) in unseen {
            result = result.and(edit.settle_class_erasures(class, &unseen).map(|()| true));
        }
        result
    }
}

/// Whether the lines of a ledger are the first lines of another with its id; of two that are equal, `is_later`
/// says whether it is the one to leave aside. What is missing in it must be there in the other, or missing there too.
fn begins(ledger: &Ledger, other: &Ledger, is_later: bool) -> bool {
    let is_there = |lines: &RangeInclusive<u64>| {
        let missing =
            |of: &RangeInclusive<u64>| of.start() <= lines.start() && lines.end() <= of.end();
        *lines.end() <= other.head().number || other.doubtful().iter().any(missing)
    };
    ledger.id() == other.id()
        && other.entries().starts_with(ledger.entries())
        && ledger.doubtful().iter().all(is_there)
        && (ledger.entries().len() < other.entries().len() || is_later)
}

/// What the missing lines of a damaged ledger put in doubt.
struct Doubt {
    /// The number of the last one; 0 where none is missing.
    last: u64,
    /// When the last of them was told at the latest, if one is missing.
    until: Option<u64>,
}

impl Doubt {
    fn of(ledger: &Ledger) -> Self {
        let last = ledger.doubtful().iter().map(|lines| *lines.end()).max().unwrap_or_default();
        // What follows them in the text, and is known to.
        let behind = ledger.entries().iter().rev().take_while(|entry| entry.number > last);
        let first = behind.last().map(|entry| entry.at);
        Self { last, until: (last > 0).then(|| first.unwrap_or(u64::MAX)) }
    }
}

/// What entries say of a class that is withdrawn or granted.
#[derive(Default)]
struct OfClass<'e> {
    roles: BTreeMap<&'e str, OfRole<'e>>,
    /// The highest generation that a grant names, to whichever role.
    granted: u16,
}

/// What entries say of a class and a role.
#[derive(Default)]
struct OfRole<'e> {
    /// By ledger.
    ends: BTreeMap<usize, Ends>,
    generation: u16,
    by: u64,
    grants: Vec<&'e Told>,
}

/// By class, gathered in one pass: what is left of each role's grants is then found in one pass over them.
fn consents<'e>(entries: &[&'e Told]) -> BTreeMap<&'e str, OfClass<'e>> {
    let mut classes: BTreeMap<&str, OfClass<'_>> = BTreeMap::new();
    for told in entries {
        let (ledger, entry, by) = told;
        match &entry.act {
            LedgerAct::Withdraw { class, role, generation } => {
                let of_role = classes.entry(class).or_default().roles.entry(role).or_default();
                of_role.ends.entry(*ledger).or_default().add(entry);
                of_role.generation = of_role.generation.max(*generation);
                of_role.by = of_role.by.max(*by);
            }
            LedgerAct::Grant { class, role, generation, .. } => {
                let of_class = classes.entry(class).or_default();
                of_class.granted = of_class.granted.max(*generation);
                of_class.roles.entry(role).or_default().grants.push(told);
            }
            _ => {}
        }
    }
    classes
}

impl<'e> OfRole<'e> {
    /// `[LG-8]` What is left of the grants to a role; `None` where it was not withdrawn.
    fn withdrawal(self, role: &'e str) -> Option<Withdrawal<'e>> {
        if self.ends.is_empty() {
            return None;
        }
        let mut granted = None;
        for (ledger, entry, _) in self.grants {
            if let LedgerAct::Grant { with_history, generation, .. } = &entry.act
                && self.ends.iter().all(|(other, ends)| ends.are_before(entry, other == ledger))
            {
                granted = Some(match granted {
                    Some(Granted::WithHistory) => Granted::WithHistory,
                    _ if *with_history => Granted::WithHistory,
                    Some(Granted::Above(lowest)) => Granted::Above(lowest.min(*generation)),
                    None => Granted::Above(*generation),
                });
            }
        }
        Some(Withdrawal { role, generation: self.generation, by: self.by, granted })
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

/// An entry, which ledger it is of, and when it was told at the latest: the earliest time from it on, as one
/// by a clock that stood ahead is followed by those of clocks that did not.
type Told = (usize, LedgerEntry, u64);

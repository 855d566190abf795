//! What the lives of the model are made of: chance, ledgers, the database, and what was asked for.

use std::collections::BTreeMap;
use std::sync::Mutex;

use fieldseal::audit::{LedgerAct, LedgerChange, LedgerSink};
use fieldseal::envelope::{EntryInfo, EntryState};
use fieldseal::ledger::{Ledger, LedgerHead};
use fieldseal::{Class, Error, KeyEnvelope, KeyRing, Sealed};

use super::super::common::NOW;

pub(super) const NEWS: Class =
    Class::new("news").readers(&["app", "billing"]).readers_with_consent(&["marketing", "support"]);
/// The same, from a later release on.
pub(super) const NEWS_FOR_A_MONTH: Class = Class::new("news")
    .readers(&["app", "billing"])
    .readers_with_consent(&["marketing", "support"])
    .retain_days(30);
/// Read by consent alone.
pub(super) const OFFERS: Class =
    Class::new("offers").readers(&[]).readers_with_consent(&["marketing"]);
pub(super) const PLAIN: Class = Class::new("plain");
pub(super) const NAMES: [&str; 3] = ["news", "offers", "plain"];
pub(super) const ROLES: [&str; 3] = ["app", "marketing", "support"];

/// Numbers from a seed (splitmix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n).unwrap()).unwrap()
    }

    pub(super) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// A ledger, and the acts in it that the model has not counted yet.
pub(super) struct Book(Mutex<(String, LedgerHead, Vec<LedgerAct>)>);

impl Book {
    pub(super) fn begin(ring: &KeyRing) -> Self {
        let (line, head) = LedgerHead::begin(ring, NOW).unwrap();
        Self(Mutex::new((line, head, Vec::new())))
    }

    /// Lines that this test wrote itself need no check of their signatures, which is slow.
    pub(super) fn read(&self) -> Ledger {
        let book = self.0.lock().unwrap();
        Ledger::read_known(&book.0, &[], &book.1).unwrap()
    }

    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap().0.clone()
    }

    pub(super) fn take(&self) -> Vec<LedgerAct> {
        std::mem::take(&mut self.0.lock().unwrap().2)
    }
}

impl LedgerSink for Book {
    fn append(&self, ring: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
        let mut book = self.0.lock().unwrap();
        for change in changes {
            let (line, next) = book.1.next(ring, change)?;
            book.0.push_str(&line);
            book.1 = next;
            book.2.push(change.act.clone());
        }
        Ok(())
    }
}

/// A stored value: when it was written, and when it was sealed for the last time, in the true order.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) class: usize,
    pub(super) written: u64,
    pub(super) sealed_at: u64,
    pub(super) sealed: Sealed<String>,
}

/// The database, which a backup holds whole.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) envelope: KeyEnvelope,
    pub(super) rows: Vec<Row>,
}

/// What was asked for, in the true order: no generation, no clock.
#[derive(Default)]
pub(super) struct Asked {
    /// By class.
    pub(super) erased: BTreeMap<String, u64>,
    pub(super) everything_erased: u64,
    /// By class and role.
    pub(super) withdrawn: BTreeMap<(String, String), u64>,
    /// Those after the last withdrawal: when, and whether with history.
    pub(super) granted: BTreeMap<(String, String), Vec<(u64, bool)>>,
}

impl Asked {
    pub(super) fn count(&mut self, act: &LedgerAct, when: u64) {
        match act {
            LedgerAct::EraseSubject => self.everything_erased = when,
            LedgerAct::EraseClass { class, .. } => {
                self.erased.insert(class.clone(), when);
            }
            LedgerAct::Withdraw { class, role, .. } => {
                let place = (class.clone(), role.clone());
                self.granted.remove(&place);
                self.withdrawn.insert(place, when);
            }
            LedgerAct::Grant { class, role, with_history, .. } => {
                let place = (class.clone(), role.clone());
                self.granted.entry(place).or_default().push((when, *with_history));
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn is_closed(&self, row: &Row) -> bool {
        let erased = self.erased.get(NAMES[row.class]).copied().unwrap_or_default();
        row.written < erased.max(self.everything_erased)
    }

    /// Whether a role may read a row. Without history, it is what was sealed (or resealed) after the grant.
    pub(super) fn may_read(&self, row: &Row, role: &str) -> bool {
        let place = (NAMES[row.class].to_owned(), role.to_owned());
        if !self.withdrawn.contains_key(&place) {
            return true;
        }
        let granted = self.granted.get(&place).map(Vec::as_slice).unwrap_or_default();
        granted.iter().any(|(when, with_history)| *with_history || row.sealed_at > *when)
    }

    pub(super) fn consented(&self, class: usize) -> Vec<&'static str> {
        let roles = ROLES.into_iter().skip(1);
        let has =
            |role: &&str| self.granted.contains_key(&(NAMES[class].to_owned(), (*role).to_owned()));
        roles.filter(has).filter(|role| class == 0 || *role == "marketing").collect()
    }
}

pub(super) fn shown(entry: &EntryInfo) -> String {
    let state = match &entry.state {
        EntryState::Live { created_at, recipients, .. } => {
            let ids: Vec<_> = recipients.iter().map(|one| format!("{:x}", one.key_id)).collect();
            format!("+{}s for {}", created_at.saturating_sub(NOW), ids.join(" "))
        }
        EntryState::Erased { erased_at, .. } => {
            format!("erased +{}s", erased_at.saturating_sub(NOW))
        }
        other => format!("{other:?}"),
    };
    format!("{}/{}: {state}", entry.class, entry.generation)
}

//! Which grants stand. FORMAT.md, LG-8.

use super::entry::LedgerEntry;
use crate::audit::LedgerAct;
use crate::clock::CLOCKS_DIFFER;

/// `[LG-8]` The withdrawals of one place in one ledger, as far as they decide which grants stand. A grant must
/// come after each of them by every measure, so it is enough to keep the highest of each measure: with a list, one
/// person's grants and withdrawals would be compared pair by pair.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    number: u64,
    at: u64,
    generation: u16,
    /// The time of the last withdrawal that found nothing.
    found_nothing_at: Option<u64>,
}

impl Ends {
    /// Adds an entry, if it is a withdrawal.
    pub(super) fn add(&mut self, entry: &LedgerEntry) {
        let LedgerAct::Withdraw { generation, .. } = &entry.act else { return };
        self.number = self.number.max(entry.number);
        self.at = self.at.max(entry.at);
        self.generation = self.generation.max(*generation);
        if *generation == 0 {
            self.found_nothing_at = self.found_nothing_at.max(Some(entry.at));
        }
    }

    /// Whether a grant came after all of these withdrawals. The numbers of two ledgers say nothing about each
    /// other. A withdrawal that found nothing names no generation that a later grant could have read, so between
    /// two ledgers its time must be clearly earlier.
    pub(super) fn are_before(&self, grant: &LedgerEntry, of_one_ledger: bool) -> bool {
        let LedgerAct::Grant { generation, .. } = &grant.act else { return false };
        let is_later = match self.found_nothing_at {
            _ if of_one_ledger => grant.number > self.number,
            Some(at) => grant.at > at.saturating_add(CLOCKS_DIFFER),
            None => true,
        };
        *generation > self.generation && grant.at >= self.at && is_later
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::class::Class;
    use crate::context::SubjectId;
    use crate::keyring::KeyRing;
    use crate::ledger::{Ledger, LedgerHead, Replay, SubjectToken};

    const CONTACT: Class =
        Class::new("contact").readers(&["app"]).readers_with_consent(&["marketing"]);

    fn entry(number: u64, at: u64, act: LedgerAct) -> LedgerEntry {
        LedgerEntry {
            number,
            act,
            tenant: "".into(),
            subject: SubjectToken([0; 16]),
            at,
            actor: None,
            purpose: None,
            source: None,
            notice: None,
            key: crate::keyring::KeyId::new(1).unwrap(),
        }
    }

    fn grant(number: u64, at: u64, generation: u16) -> LedgerEntry {
        let (class, role) = ("contact".into(), "marketing".into());
        entry(number, at, LedgerAct::Grant { class, role, generation, with_history: false })
    }

    fn withdrawal(number: u64, at: u64, generation: u16) -> LedgerEntry {
        let (class, role) = ("contact".into(), "marketing".into());
        entry(number, at, LedgerAct::Withdraw { class, role, generation })
    }

    /// `[LG-8]` as it is written, of one grant and one withdrawal.
    fn stands_against(grant: &LedgerEntry, withdrawal: &LedgerEntry, of_one_ledger: bool) -> bool {
        let LedgerAct::Grant { generation, .. } = grant.act else { return false };
        let LedgerAct::Withdraw { generation: told, .. } = withdrawal.act else { return false };
        generation > told
            && match (of_one_ledger, told) {
                (true, _) => grant.number > withdrawal.number && grant.at >= withdrawal.at,
                (false, 0) => grant.at > withdrawal.at.saturating_add(86_400),
                (false, _) => grant.at >= withdrawal.at,
            }
    }

    #[test]
    fn a_grant_stands_against_the_highest_of_each_measure_as_against_each_withdrawal() {
        let times = [0, 1, 86_400, 86_401, 86_402, u64::MAX];
        let mut ends = Vec::new();
        for (number, at) in (2..).zip(times) {
            for generation in [0, 1, 2] {
                ends.push(withdrawal(3 * number, at, generation));
            }
        }
        for one in 0..ends.len() {
            for other in 0..=ends.len() {
                let taken: Vec<_> = ends.iter().skip(other).take(2).chain(ends.get(one)).collect();
                let mut kept = Ends::default();
                taken.iter().for_each(|end| kept.add(end));
                for number in 5..24 {
                    for (at, generation) in
                        times.iter().flat_map(|at| [1, 2, 3].map(|generation| (*at, generation)))
                    {
                        let grant = grant(number, at, generation);
                        for of_one_ledger in [true, false] {
                            let each =
                                taken.iter().all(|end| stands_against(&grant, end, of_one_ledger));
                            assert_eq!(kept.are_before(&grant, of_one_ledger), each);
                        }
                    }
                }
            }
        }
    }

    /// Compared pair by pair, this many took 44 seconds.
    #[test]
    fn a_person_with_very_many_grants_and_withdrawals_is_answered_at_once() {
        const EACH: u64 = 30_000;
        let mut ring = KeyRing::generate().unwrap();
        ring.add_role("marketing").unwrap();
        let id = ring.add_signing_key().unwrap();
        let subject = SubjectId::new(42).unwrap();
        let token = SubjectToken(ring.key(id).unwrap().token("", &subject).unwrap());
        let about = |mut entry: LedgerEntry| {
            (entry.key, entry.subject) = (id, token);
            entry
        };
        // Each grant stands against every withdrawal but the last one.
        let ends = (0..EACH).map(|n| about(withdrawal(n + 2, 9, 4)));
        let last = about(withdrawal(3 * EACH + 2, 9, 5));
        let grants = (0..EACH).map(|n| about(grant(EACH + n + 2, 9, 5)));
        let erasures = (0..EACH).map(|n| {
            let act = LedgerAct::EraseClass { class: "contact".into(), generation: 3 };
            about(entry(2 * EACH + n + 2, n, act))
        });
        let entries: Vec<_> = ends.chain(grants).chain(erasures).chain([last]).collect();
        let head = LedgerHead { number: 3 * EACH + 2, hash: [0; 32] };
        let ledger = Ledger {
            id: [7; 16],
            entries,
            head,
            torn: false,
            meets_known: true,
            doubtful: Vec::new(),
        };

        let begun = Instant::now();
        let consents = ledger.consents(&ring, 42).unwrap();
        assert!(consents[0].given.is_none());
        assert_eq!(consents[0].history.len(), 60_001);
        let replay = Replay::new(&ring, &[&ledger], CONTACT).unwrap();
        let keys = crate::DataKeys::create(&ring, 42, CONTACT).unwrap();
        let mut edit = keys.envelope().edit(&ring, 42).unwrap();
        let _ = replay.apply(&mut edit);
        let elapsed = begun.elapsed();
        assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    }
}

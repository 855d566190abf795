//! Lines of one ledger are missing, and another one is whole.

use fieldseal::envelope::History;
use fieldseal::ledger::{Ledger, Replay};
use fieldseal::{Access, KeyEnvelope, KeyRing, MemoryKeyStore};

use super::common::ledger::*;
use super::common::*;
use super::{CLASSES, at, change, copy, state, store};

const OUT: &str = "contact/1: app support";
const IN: &str = "contact/1: app support marketing";

/// The ledger with a byte of one of its lines changed; the first line has the number 1.
fn damaged(ledger: &Lines, ring: &KeyRing, number: usize) -> Ledger {
    let text = ledger.text();
    let before: usize = text.split_inclusive('\n').take(number - 1).map(str::len).sum();
    let mut bytes = text.into_bytes();
    bytes[before + 20] ^= 1;
    let read = Ledger::read_damaged(&bytes, &ring.verifying_keys(), None).unwrap();
    let number = u64::try_from(number).unwrap();
    assert_eq!(read.doubtful(), [number..=number]);
    read
}

/// A withdrawal in the first ledger, a grant in the other a second later, and a withdrawal in the first again: what
/// was stored before that one, and the ledgers.
fn withdrawn_twice(ring: &KeyRing) -> (MemoryKeyStore, [Lines; 2]) {
    let [a, b] = [Lines::begin(ring), Lines::begin(ring)];
    let live = store(&[CONTACT]);
    change(&live, at(ring, &a, NOW + 10), |edit| edit.withdraw(CONTACT, "marketing"));
    change(&live, at(ring, &b, NOW + 11), |edit| {
        edit.grant(CONTACT, "marketing", History::Included)
    });
    let backup = copy(&live);
    change(&live, at(ring, &a, NOW + 12), |edit| edit.withdraw(CONTACT, "marketing"));
    (backup, [a, b])
}

/// The first generation after a replay of these ledgers.
fn replayed(backup: &MemoryKeyStore, ring: &KeyRing, ledgers: &[&Ledger]) -> String {
    let store = copy(backup);
    let replay = Replay::new(ring, ledgers, CLASSES).unwrap();
    let pass = replay.run(&store, &(), Access::new(ring).at(NOW + 9 * DAY)).unwrap();
    assert!(pass.failed.is_empty(), "{:?}", pass.failed);
    state(&store, 42).remove(0)
}

#[test]
fn a_grant_in_a_whole_ledger_is_in_doubt_where_lines_of_another_are_missing() {
    let ring = signing();
    let (backup, [a, b]) = withdrawn_twice(&ring);
    assert_eq!(state(&backup, 42)[0], IN);
    let (whole, other) = (a.read(&ring), b.read(&ring));
    assert_eq!(replayed(&backup, &ring, &[&whole, &other]), OUT);
    let lost = damaged(&a, &ring, 3);
    for ledgers in [[&lost, &other], [&other, &lost]] {
        assert_eq!(replayed(&backup, &ring, &ledgers), OUT);
    }
    // With the withdrawal that is left alone, the grant stands.
    let first = Lines::begin(&ring);
    let live = store(&[CONTACT]);
    change(&live, at(&ring, &first, NOW + 10), |edit| edit.withdraw(CONTACT, "marketing"));
    assert_eq!(replayed(&backup, &ring, &[&first.read(&ring), &other]), IN);
}

#[test]
fn a_grant_stands_that_came_a_day_after_the_line_behind_the_missing_ones() {
    let ring = signing();
    for (later, expected) in [(DAY, OUT), (DAY + 1, IN)] {
        let [a, b] = [Lines::begin(&ring), Lines::begin(&ring)];
        let live = store(&[CONTACT]);
        let backup = copy(&live);
        for at_second in [10, 11] {
            change(&live, at(&ring, &a, NOW + at_second), |edit| {
                edit.withdraw(CONTACT, "marketing")
            });
        }
        // Somebody else's line comes behind them.
        drop(KeyEnvelope::erased(at(&ring, &a, NOW + 12), 7).unwrap());
        change(&live, at(&ring, &b, NOW + 12 + later), |edit| {
            edit.grant(CONTACT, "marketing", History::Included)
        });
        let (lost, other) = (damaged(&a, &ring, 3), b.read(&ring));
        assert_eq!(replayed(&backup, &ring, &[&lost, &other]), expected, "{later}");
    }
}

/// Its lines are the same, and do not have what is missing.
#[test]
fn an_older_copy_of_a_ledger_does_not_end_the_doubt_of_a_damaged_one() {
    let ring = signing();
    let [a, b] = [Lines::begin(&ring), Lines::begin(&ring)];
    let live = store(&[CONTACT]);
    change(&live, at(&ring, &a, NOW + 10), |edit| edit.withdraw(CONTACT, "marketing"));
    let older = a.read(&ring);
    change(&live, at(&ring, &b, NOW + 11), |edit| {
        edit.grant(CONTACT, "marketing", History::Included)
    });
    let backup = copy(&live);
    change(&live, at(&ring, &a, NOW + 12), |edit| edit.withdraw(CONTACT, "marketing"));
    let (lost, whole, other) = (damaged(&a, &ring, 3), a.read(&ring), b.read(&ring));
    for ledgers in [[&older, &lost, &other], [&lost, &older, &other], [&lost, &lost, &other]] {
        assert_eq!(replayed(&backup, &ring, &ledgers), OUT);
    }
    // A whole copy has what is missing. Then consent that is given again counts.
    change(&live, at(&ring, &b, NOW + 13), |edit| {
        edit.grant(CONTACT, "marketing", History::Included)
    });
    let other = b.read(&ring);
    for ledgers in [[&whole, &lost, &other], [&lost, &whole, &other]] {
        assert_eq!(replayed(&backup, &ring, &ledgers), IN);
    }
}

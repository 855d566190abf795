//! Which erasures are taken for made. Everything here happens in one second, so no time says which came first.

use fieldseal::{Access, ErrorKind, KeyRing, MemoryKeyStore};

use super::common::ledger::*;
use super::common::*;
use super::{at, change, played_back, replayed, state, store, told_and_lost};

const THEN: u64 = NOW + 2 * DAY;

fn erases_older(store: &MemoryKeyStore, ring: &KeyRing, now: u64) {
    change(store, Access::new(ring).at(now), |edit| edit.erase_older(&CONTACT).map(drop));
}

/// The replay reports the class, and the second one does so again.
#[track_caller]
fn is_reported(store: &MemoryKeyStore, ring: &KeyRing, ledger: &Lines) {
    for _ in 0..2 {
        let pass = played_back(store, ring, ledger, THEN + DAY);
        let kinds: Vec<_> = pass.failed.iter().map(|(_, _, error)| error.kind()).collect();
        assert_eq!(kinds, [ErrorKind::RolledBack], "{:?}", state(store, 42));
    }
}

#[test]
fn an_erasure_that_was_lost_is_reported_though_room_was_made_in_the_same_second() {
    for gap in [0, 1] {
        let (ring, ledger, store) = (signing(), Lines::begin(&signing()), store(&[CONTACT]));
        change(&store, Access::new(&ring).at(NOW + 10), |edit| edit.renew(CONTACT));
        erases_older(&store, &ring, THEN);
        let access = at(&ring, &ledger, THEN + gap);
        told_and_lost(&store, access, |edit| edit.erase_class("contact"));
        change(&store, Access::new(&ring).at(THEN + 10), |edit| edit.renew(CONTACT));
        is_reported(&store, &ring, &ledger);
    }
}

/// All values go under a generation that was begun after the erasure was told, and the one it named is gone.
#[test]
fn an_erasure_that_was_lost_is_reported_though_its_generation_was_erased_in_the_same_second() {
    let (ring, ledger, store) = (signing(), Lines::begin(&signing()), store(&[CONTACT]));
    let access = at(&ring, &ledger, THEN);
    told_and_lost(&store, access, |edit| edit.erase_class("contact"));
    change(&store, Access::new(&ring).at(THEN), |edit| edit.renew(CONTACT));
    erases_older(&store, &ring, THEN);
    assert_eq!(state(&store, 42), ["contact/1: erased", "contact/2: app support marketing"]);
    is_reported(&store, &ring, &ledger);
}

#[test]
fn an_erasure_that_was_lost_is_reported_though_a_generation_expired_in_the_same_second() {
    const FOR_A_MONTH: fieldseal::Class = CONTACT.retain_days(30);
    let (ring, ledger, store) = (signing(), Lines::begin(&signing()), store(&[CONTACT]));
    change(&store, Access::new(&ring).at(NOW), |edit| edit.renew(FOR_A_MONTH));
    let then = NOW + 60 * DAY;
    told_and_lost(&store, at(&ring, &ledger, then), |edit| edit.erase_class("contact"));
    change(&store, Access::new(&ring).at(then), |edit| edit.sweep().map(drop));
    change(&store, Access::new(&ring).at(then), |edit| {
        edit.renew(CONTACT.consented_to(&["marketing"]))
    });
    erases_older(&store, &ring, then);
    let pass = played_back(&store, &ring, &ledger, then + DAY);
    assert_eq!(pass.failed[0].2.kind(), ErrorKind::RolledBack, "{:?}", state(&store, 42));
}

#[test]
fn a_second_erasure_that_was_lost_is_not_taken_for_the_first() {
    let (ring, ledger, store) = (signing(), Lines::begin(&signing()), store(&[CONTACT]));
    let access = at(&ring, &ledger, THEN);
    change(&store, access, |edit| edit.erase_class("contact"));
    change(&store, access, |edit| edit.renew(CONTACT));
    told_and_lost(&store, access, |edit| edit.erase_class("contact"));
    change(&store, access, |edit| edit.renew(CONTACT));
    is_reported(&store, &ring, &ledger);
}

#[test]
fn an_erasure_that_was_made_is_seen_though_the_class_was_begun_again_in_the_same_second() {
    let (ring, ledger, store) = (signing(), Lines::begin(&signing()), store(&[CONTACT]));
    let access = at(&ring, &ledger, THEN);
    for _ in 0..3 {
        change(&store, access, |edit| {
            edit.erase_class("contact")?;
            edit.renew(CONTACT)
        });
        change(&store, access, |edit| edit.renew(CONTACT));
        erases_older(&store, &ring, THEN);
        assert_eq!(replayed(&store, &ring, &ledger, THEN).changed, 0);
    }
    // By a clock that is behind, of a class of which nothing is live, and of one whose highest is erased alone.
    change(&store, at(&ring, &ledger, THEN - 9), |edit| edit.erase_class("contact"));
    change(&store, access, |edit| edit.erase_class("contact"));
    change(&store, access, |edit| edit.renew(CONTACT));
    assert_eq!(replayed(&store, &ring, &ledger, THEN).changed, 0);
}

/// What expired was erased before, so nothing is left that the erasure meant.
#[test]
fn an_erasure_that_was_lost_of_what_was_gone_before_the_class_was_begun_again_is_settled() {
    let (ring, ledger, store) = (signing(), Lines::begin(&signing()), store(&[CONTACT]));
    told_and_lost(&store, at(&ring, &ledger, THEN), |edit| edit.erase_class("contact"));
    change(&store, Access::new(&ring).at(THEN), |edit| edit.erase_class("contact"));
    change(&store, Access::new(&ring).at(THEN), |edit| edit.renew(CONTACT));
    assert_eq!(replayed(&store, &ring, &ledger, THEN + DAY).changed, 0);
}

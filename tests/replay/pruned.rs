//! What pruning forgets, and what a replay needs of it.

use super::*;

/// `[RT-7]` Pruning keeps what shows that the class was erased, also under generations that came and went since.
#[test]
fn a_class_that_was_erased_and_begun_again_is_not_reported_once_the_envelope_is_pruned() {
    for older in [false, true] {
        let (ring, store) = (signing(), store(&[CONTACT]));
        let ledger = Lines::begin(&ring);
        let t = NOW + 10 * DAY;
        change(&store, at(&ring, &ledger, t), |edit| edit.renew(CONTACT));
        let _ = store.erase_class(&(), at(&ring, &ledger, t), 42, "contact").unwrap();
        change(&store, at(&ring, &ledger, t + 5 * DAY), |edit| edit.renew(CONTACT));
        if older {
            change(&store, at(&ring, &ledger, t + 30 * DAY), |edit| edit.renew(CONTACT));
            change(&store, at(&ring, &ledger, t + 31 * DAY), |edit| {
                edit.erase_older(&CONTACT).map(drop)
            });
        }
        change(&store, at(&ring, &ledger, t + 400 * DAY), |edit| edit.prune(u64::MAX).map(drop));
        let before = state(&store, 42);
        assert_eq!(before.len(), if older { 3 } else { 2 }, "{before:?}");
        let pass = played_back(&store, &ring, &ledger, t + 401 * DAY);
        assert!(pass.failed.is_empty(), "{:?}", pass.failed);
        assert_eq!(state(&store, 42), before);
    }
}

/// What was told and never stored is reported all the same.
#[test]
fn pruning_hides_no_erasure_that_was_lost() {
    let (ring, store) = (signing(), store(&[CONTACT]));
    let ledger = Lines::begin(&ring);
    let t = NOW + 10 * DAY;
    let envelope = store.load(&(), "", 42).unwrap().unwrap();
    let mut edit = envelope.edit(at(&ring, &ledger, t), 42).unwrap();
    edit.erase_class("contact").unwrap();
    drop(edit.finish().unwrap());
    for days in [5, 6] {
        change(&store, at(&ring, &ledger, t + days * DAY), |edit| edit.renew(CONTACT));
    }
    change(&store, at(&ring, &ledger, t + 7 * DAY), |edit| edit.erase_older(&CONTACT).map(drop));
    change(&store, at(&ring, &ledger, t + 9 * DAY), |edit| edit.prune(u64::MAX).map(drop));
    let pass = played_back(&store, &ring, &ledger, t + 10 * DAY);
    assert_eq!(pass.failed[0].2.kind(), ErrorKind::RolledBack);
}

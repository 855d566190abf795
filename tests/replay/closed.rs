//! A withdrawal that is played back takes the role out, whatever keeps the class from going on.

use fieldseal::keyring::{KeyState, KeyUse};
use fieldseal::ledger::Replay;
use fieldseal::{Access, Class, DataKeys, ErrorKind, KeyRing, KeyStore, MemoryKeyStore};

use super::common::ledger::*;
use super::common::*;
use super::{NEWSLETTER, at, change, copy, state};

const MANY: Class = Class::new("contact")
    .readers(&["app", "support"])
    .readers_with_consent(&["marketing", "billing"]);

/// Subject 42's envelope of this class, in which the roles have consent.
fn stored(ring: &KeyRing, class: Class, roles: &[&str]) -> MemoryKeyStore {
    let store = MemoryKeyStore::new();
    let access = Access::new(ring).at(NOW);
    let keys = DataKeys::create(access, 42, class.consented_to(roles)).unwrap();
    store.save_unchecked(&(), "", 42, keys.envelope()).unwrap();
    store
}

/// What a replay by this ring changed and reported.
fn replayed(store: &MemoryKeyStore, ring: &KeyRing, ledger: &Lines) -> (u64, Vec<ErrorKind>) {
    let ledger = ledger.read(&signing());
    let replay = Replay::new(ring, &[&ledger], [MANY, NEWSLETTER]).unwrap();
    let pass = replay.run(store, &(), Access::new(ring).at(NOW + 2 * DAY)).unwrap();
    (pass.changed, pass.failed.iter().map(|(_, _, error)| error.kind()).collect())
}

#[test]
fn a_withdrawal_is_made_good_though_the_ring_cannot_wrap_for_another_role() {
    for (other, what) in [
        (SUPPORT, KeyState::Disabled),
        (SUPPORT, KeyState::OpenOnly),
        // The consent of this one cannot be proven.
        (BILLING, KeyState::Disabled),
        (APP, KeyState::Disabled),
    ] {
        let (ring, ledger) = (signing(), Lines::begin(&signing()));
        let live = stored(&ring, MANY, &["marketing", "billing"]);
        let backup = copy(&live);
        change(&live, at(&ring, &ledger, NOW + DAY), |edit| edit.withdraw(MANY, "marketing"));

        let mut without = signing();
        without.set_state(id(other), what).unwrap();
        assert_eq!(replayed(&backup, &without, &ledger), (1, vec![ErrorKind::MissingKey]));
        let closed = ["contact/1: app support billing", "contact/2: erased"];
        assert_eq!(state(&backup, 42), closed, "{other:x} {what:?}");
        assert_eq!(replayed(&backup, &without, &ledger), (0, vec![]), "closed, and settled");
        // It takes no values until it is renewed, and goes on above what was told.
        assert_eq!(replayed(&backup, &ring, &ledger), (0, vec![]));
        change(&backup, Access::new(&ring).at(NOW + 3 * DAY), |edit| {
            edit.renew(MANY.consented_to(&["billing"]))
        });
        assert_eq!(state(&backup, 42)[2], "contact/3: app support billing");
        assert_eq!(replayed(&backup, &ring, &ledger), (0, vec![]));
    }
}

#[test]
fn a_withdrawal_is_made_good_beside_a_key_that_the_ring_does_not_know() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    // Another server's ring has rotated the key of a role.
    let mut newer = signing();
    newer.rotate(KeyUse::Wrap, "billing").unwrap();
    let backup = stored(&newer, MANY, &["marketing", "billing"]);
    let live = copy(&backup);
    change(&live, at(&newer, &ledger, NOW + DAY), |edit| edit.withdraw(MANY, "marketing"));

    assert_eq!(replayed(&backup, &ring, &ledger), (1, vec![ErrorKind::MissingKey]));
    let envelope = backup.load(&(), "", 42).unwrap().unwrap();
    assert_eq!(recipients(&envelope, "contact/1").len(), 3, "marketing is out");
    assert!(!recipients(&envelope, "contact/1").contains(&MARKETING));
    assert_eq!(info(&envelope).entries.len(), 2, "closed");
    // Whose the key is cannot be told, so that is said until somebody names those who remain.
    assert_eq!(replayed(&backup, &ring, &ledger), (0, vec![ErrorKind::MissingKey]));
    change(&backup, at(&ring, &ledger, NOW + 3 * DAY), |edit| {
        edit.withdraw(MANY.consented_to(&[]), "marketing")
    });
    assert_eq!(replayed(&backup, &ring, &ledger), (0, vec![]));
}

/// A key that nobody knows keeps no value: what only the withdrawn role reads for sure is kept and reported.
#[test]
fn the_only_known_reader_of_what_was_begun_since_is_kept_beside_an_unknown_key() {
    let ring = signing();
    let ledger = Lines::begin(&ring);
    let store = stored(&ring, NEWSLETTER, &["marketing"]);
    let old = store.load(&(), "", 42).unwrap().unwrap();
    let mut edit = old.edit(at(&ring, &ledger, NOW + DAY), 42).unwrap();
    edit.withdraw(NEWSLETTER, "marketing").unwrap();
    drop(edit.finish().unwrap());
    // Told and lost; the class goes on, also for a role that a later release declares.
    const MORE: Class =
        Class::new("newsletter").readers(&[]).readers_with_consent(&["marketing", "billing"]);
    let mut newer = signing();
    newer.rotate(KeyUse::Wrap, "billing").unwrap();
    change(&store, Access::new(&newer).at(NOW + DAY + 60), |edit| {
        edit.renew(MORE.consented_to(&["marketing", "billing"]))
    });
    for changed in [1, 0] {
        assert_eq!(replayed(&store, &ring, &ledger), (changed, vec![ErrorKind::MissingKey]));
        let envelope = store.load(&(), "", 42).unwrap().unwrap();
        assert!(recipients(&envelope, "newsletter/2").contains(&MARKETING));
    }
}

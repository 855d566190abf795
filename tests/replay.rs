//! A backup is restored, and the ledger played back: the erased stay erased, the withdrawn stay out, and
//! what came after stays.
#![cfg(all(feature = "file", feature = "rusqlite"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test stops at the first surprise"
)]

#[path = "replay/closed.rs"]
mod closed;
mod common;
#[path = "replay/doubt.rs"]
mod doubt;
#[path = "replay/model.rs"]
mod model;
#[path = "replay/proof.rs"]
mod proof;
#[path = "replay/pruned.rs"]
mod pruned;

use common::ledger::*;
use common::*;
use fieldseal::envelope::{EntryState, History};
use fieldseal::keyring::{KeyState, KeyUse};
use fieldseal::ledger::Replay;
use fieldseal::store::{LedgerFile, PassReport, SqliteKeyStore};
use fieldseal::{
    Access, Class, DataKeys, ErrorKind, Field, KeyRing, KeyStore, MemoryKeyStore, Sealed,
};

const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);
const CLASSES: &[Class] = &[CONTACT, FINANCIAL, NOTES, NEWSLETTER];
/// Read with consent alone.
const NEWSLETTER: Class =
    Class::new("newsletter").readers(&[]).readers_with_consent(&["marketing"]);

fn at<'a>(ring: &'a KeyRing, ledger: &'a Lines, now: u64) -> Access<'a> {
    Access::new(ring).at(now).ledger(ledger).source("form").notice("2026-03")
}

/// What each role opens of each generation: `contact/2: app support`, or `erased`.
fn state(store: &MemoryKeyStore, subject: u64) -> Vec<String> {
    let ring = signing();
    let envelope = store.load(&(), "", subject).unwrap().unwrap();
    let info = envelope.inspect().unwrap();
    let mut all: Vec<_> = info
        .entries
        .iter()
        .map(|entry| {
            let who = match &entry.state {
                EntryState::Live { recipients, .. } => {
                    let names =
                        recipients.iter().map(|one| ring.key(id(one.key_id)).unwrap().name());
                    names.collect::<Vec<_>>().join(" ")
                }
                _ => "erased".into(),
            };
            format!("{}/{}: {who}", entry.class, entry.generation)
        })
        .collect();
    all.extend(info.subject_erased_at.map(|_| "the subject: erased".to_owned()));
    all
}

/// A store with one subject, 42, of these classes; marketing has consent to those that take it.
fn store(classes: &[Class]) -> MemoryKeyStore {
    let (ring, store) = (signing(), MemoryKeyStore::new());
    let consents: Vec<_> =
        classes.iter().map(|class| class.consented_to(class.consent_roles())).collect();
    let keys = DataKeys::create(Access::new(&ring).at(NOW), 42, &consents).unwrap();
    store.save_unchecked(&(), "", 42, keys.envelope()).unwrap();
    store
}

fn copy(store: &MemoryKeyStore) -> MemoryKeyStore {
    let other = MemoryKeyStore::new();
    for one in store.scan(&(), None, 1_000).unwrap() {
        // A store takes version 1 first: what is copied are bytes.
        restore(&other, one.tenant.as_str(), &one.subject, &one.envelope);
    }
    other
}

/// Puts an envelope of any version into a store, step by step as it came to be.
fn restore(
    store: &MemoryKeyStore,
    tenant: &str,
    subject: &fieldseal::SubjectId,
    envelope: &fieldseal::KeyEnvelope,
) {
    let version = envelope.version().unwrap();
    let bytes = envelope.as_bytes();
    for earlier in 1..version {
        let mut stored = bytes.to_vec();
        stored[1..9].copy_from_slice(&earlier.to_be_bytes());
        store
            .save_unchecked(&(), tenant, subject, &fieldseal::KeyEnvelope::from_bytes(stored))
            .unwrap();
    }
    store.save_unchecked(&(), tenant, subject, envelope).unwrap();
}

fn change(
    store: &MemoryKeyStore,
    access: Access<'_>,
    change: impl Fn(&mut fieldseal::envelope::EnvelopeEdit<'_>) -> Result<(), fieldseal::Error>,
) {
    store.change(&(), access, 42, change).unwrap();
}

fn played_back(store: &MemoryKeyStore, ring: &KeyRing, ledger: &Lines, now: u64) -> PassReport {
    let ledger = ledger.read(ring);
    let replay = Replay::new(ring, &[&ledger], CLASSES).unwrap();
    replay.run(store, &(), Access::new(ring).at(now)).unwrap()
}

#[track_caller]
fn replayed(store: &MemoryKeyStore, ring: &KeyRing, ledger: &Lines, now: u64) -> PassReport {
    let pass = played_back(store, ring, ledger, now);
    assert!(pass.failed.is_empty(), "{:?}", pass.failed);
    pass
}

#[test]
fn an_erased_subject_stays_erased() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT, NOTES]);
    let backup = copy(&live);
    let _ = live.erase(&(), at(&ring, &ledger, NOW + DAY), 42).unwrap();
    assert_eq!(state(&backup, 42), ["contact/1: app support marketing", "notes/1: app"]);
    assert_eq!(replayed(&backup, &ring, &ledger, NOW + 9 * DAY).changed, 1);
    assert_eq!(state(&backup, 42), ["contact/1: erased", "notes/1: erased", "the subject: erased"]);
    assert_eq!(
        replayed(&backup, &ring, &ledger, NOW + 9 * DAY).changed,
        0,
        "again changes nothing"
    );
    assert_eq!(ledger.read(&ring).entries().len(), 1, "a replay is told to no ledger");
}

#[test]
fn an_erased_class_stays_erased_and_goes_on_behind_its_number() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT, NOTES]);
    let backup = copy(&live);
    let plain = Access::new(&ring).at(NOW + DAY);
    change(&live, plain, |edit| edit.renew(CONTACT));
    change(&live, plain, |edit| edit.renew(CONTACT));
    let _ = live.erase_class(&(), at(&ring, &ledger, NOW + DAY), 42, "contact").unwrap();

    let _ = replayed(&backup, &ring, &ledger, NOW + 2 * DAY);
    assert_eq!(state(&backup, 42), ["contact/1: erased", "contact/3: erased", "notes/1: app"]);
    // The customer comes back, and the ledger is played back once more.
    change(&backup, Access::new(&ring).at(NOW + 3 * DAY), |edit| edit.renew(CONTACT));
    let _ = replayed(&backup, &ring, &ledger, NOW + 4 * DAY);
    assert_eq!(
        state(&backup, 42),
        ["contact/1: erased", "contact/3: erased", "contact/4: app support", "notes/1: app"]
    );
}

#[test]
fn what_went_on_before_a_late_replay_is_kept_and_reported() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT]);
    let backup = copy(&live);
    for _ in 0..5 {
        change(&live, Access::new(&ring).at(NOW), |edit| edit.renew(CONTACT));
    }
    let _ = live.erase_class(&(), at(&ring, &ledger, NOW + DAY), 42, "contact").unwrap();
    // Restored, and the replay forgotten for a month, in which the class took new values.
    change(&backup, Access::new(&ring).at(NOW + 20 * DAY), |edit| edit.renew(CONTACT));
    // What was sealed before may have been resealed: nobody can tell it from what is new.
    for changed in [1, 0] {
        let pass = played_back(&backup, &ring, &ledger, NOW + 30 * DAY);
        assert_eq!((pass.changed, pass.failed.len()), (changed, 1));
        assert_eq!(pass.failed[0].2.kind(), ErrorKind::RolledBack);
        assert_eq!(state(&backup, 42), ["contact/1: erased", "contact/2: app support marketing"]);
    }
    // Erased again, and begun afresh: that is settled.
    let _ = backup.erase_class(&(), at(&ring, &ledger, NOW + 31 * DAY), 42, "contact").unwrap();
    change(&backup, Access::new(&ring).at(NOW + 31 * DAY), |edit| edit.renew(CONTACT));
    assert_eq!(replayed(&backup, &ring, &ledger, NOW + 32 * DAY).changed, 0);
    assert_eq!(state(&backup, 42)[2..], ["contact/3: erased", "contact/4: app support"]);
}

/// An edit that is told to the ledger, and that nobody stores.
fn told_and_lost(
    store: &MemoryKeyStore,
    access: Access<'_>,
    change: impl Fn(&mut fieldseal::envelope::EnvelopeEdit<'_>) -> Result<(), fieldseal::Error>,
) -> fieldseal::KeyEnvelope {
    let mut edit = store.load(&(), "", 42).unwrap().unwrap().edit(access, 42).unwrap();
    change(&mut edit).unwrap();
    edit.finish().unwrap()
}

#[test]
fn an_erasure_that_was_told_and_not_stored_is_reported_until_it_is_made() {
    for late in [60, 5 * DAY] {
        let (ring, ledger) = (signing(), Lines::begin(&signing()));
        let store = store(&[CONTACT, NOTES]);
        told_and_lost(&store, at(&ring, &ledger, NOW + DAY), |edit| edit.erase_class("contact"));
        // The class goes on: all of it is resealed, and what is older is erased.
        let later = Access::new(&ring).at(NOW + DAY + late);
        change(&store, later, |edit| edit.renew(CONTACT));
        change(&store, later.at(NOW + DAY + late + 1), |edit| edit.erase_older(&CONTACT).map(drop));
        for _ in 0..2 {
            let pass = played_back(&store, &ring, &ledger, NOW + 9 * DAY);
            assert_eq!((pass.changed, pass.failed.len()), (0, 1), "{late}");
            assert_eq!(pass.failed[0].2.kind(), ErrorKind::RolledBack);
        }
        let _ = store.erase_class(&(), at(&ring, &ledger, NOW + 9 * DAY), 42, "contact").unwrap();
        assert_eq!(replayed(&store, &ring, &ledger, NOW + 9 * DAY).changed, 0);
    }
}

#[test]
fn a_withdrawal_that_was_told_and_not_stored_is_made_good_after_a_renewal() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let store = store(&[CONTACT]);
    told_and_lost(&store, at(&ring, &ledger, NOW + DAY), |edit| {
        edit.withdraw(CONTACT, "marketing")
    });
    change(&store, Access::new(&ring).at(NOW + 2 * DAY), |edit| edit.renew(CONTACT));
    assert_eq!(state(&store, 42)[1], "contact/2: app support marketing");
    change(&store, Access::new(&ring).at(NOW + 3 * DAY), |edit| {
        edit.erase_older(&CONTACT).map(drop)
    });
    let _ = replayed(&store, &ring, &ledger, NOW + 4 * DAY);
    let out = ["contact/1: erased", "contact/2: app support", "contact/3: app support"];
    assert_eq!(state(&store, 42), out);
    assert_eq!(replayed(&store, &ring, &ledger, NOW + 4 * DAY).changed, 0);
}

#[test]
fn the_only_reader_of_what_was_begun_since_is_kept_and_reported() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let store = store(&[NEWSLETTER]);
    told_and_lost(&store, at(&ring, &ledger, NOW + DAY), |edit| {
        edit.withdraw(NEWSLETTER, "marketing")
    });
    change(&store, Access::new(&ring).at(NOW + 2 * DAY), |edit| {
        edit.renew(NEWSLETTER.consented_to(&["marketing"]))
    });
    for _ in 0..2 {
        let pass = played_back(&store, &ring, &ledger, NOW + 4 * DAY);
        assert_eq!(pass.failed[0].2.kind(), ErrorKind::RolledBack);
        assert_eq!(state(&store, 42), ["newsletter/1: erased", "newsletter/2: marketing"]);
    }
    change(&store, at(&ring, &ledger, NOW + 5 * DAY), |edit| {
        edit.withdraw(NEWSLETTER, "marketing")
    });
    assert_eq!(replayed(&store, &ring, &ledger, NOW + 6 * DAY).changed, 0);
}

/// An older generation is live under one that expired and was swept.
fn swept() -> MemoryKeyStore {
    const FOR_A_MONTH: Class = CONTACT.retain_days(30);
    let (ring, store) = (signing(), store(&[CONTACT]));
    change(&store, Access::new(&ring).at(NOW), |edit| edit.renew(FOR_A_MONTH));
    change(&store, Access::new(&ring).at(NOW + 60 * DAY), |edit| edit.sweep().map(drop));
    assert_eq!(state(&store, 42), ["contact/1: app support marketing", "contact/2: erased"]);
    store
}

#[test]
fn a_withdrawal_over_an_erased_highest_generation_moves_the_number_on() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let (store, backup) = (swept(), swept());
    let access = at(&ring, &ledger, NOW + 61 * DAY);
    // A grant that was read before the withdrawal, and told after it.
    let stale = store.load(&(), "", 42).unwrap().unwrap();
    change(&store, access, |edit| edit.withdraw(CONTACT, "marketing"));
    assert_eq!(state(&store, 42)[1..], ["contact/2: erased", "contact/3: erased"]);
    let mut edit = stale.edit(access, 42).unwrap();
    edit.grant(CONTACT, "marketing", History::Included).unwrap();
    assert_eq!(
        kind(store.save_unchecked(&(), "", 42, &edit.finish().unwrap())),
        ErrorKind::Conflict
    );
    let _ = replayed(&backup, &ring, &ledger, NOW + 62 * DAY);
    assert_eq!(state(&backup, 42)[0], "contact/1: app support");
    assert_eq!(replayed(&backup, &ring, &ledger, NOW + 62 * DAY).changed, 0);
    // One that was read after it stands.
    change(&store, access, |edit| edit.grant(CONTACT, "marketing", History::Included));
    assert_eq!(replayed(&store, &ring, &ledger, NOW + 62 * DAY).changed, 0);
    assert_eq!(state(&store, 42)[0], "contact/1: app support marketing");
}

#[test]
fn a_grant_that_was_read_before_a_withdrawal_that_found_nothing_is_not_stored_after_it() {
    let ring = signing();
    let store = MemoryKeyStore::new();
    let keys = DataKeys::create(Access::new(&ring).at(NOW), 42, [CONTACT]).unwrap();
    store.save_unchecked(&(), "", 42, keys.envelope()).unwrap();
    let granted = told_and_lost(&store, Access::new(&ring).at(NOW), |edit| {
        edit.grant(CONTACT, "marketing", History::Included)
    });
    change(&store, Access::new(&ring).at(NOW), |edit| edit.withdraw(CONTACT, "marketing"));
    assert_eq!(kind(store.save_unchecked(&(), "", 42, &granted)), ErrorKind::Conflict);
    assert_eq!(state(&store, 42), ["contact/1: app support"]);
}

#[test]
fn a_class_that_is_not_declared_any_more_holds_nothing_up() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT, NOTES]);
    let backup = copy(&live);
    change(&live, at(&ring, &ledger, NOW + DAY), |edit| edit.withdraw(CONTACT, "marketing"));
    let _ = live.erase_class(&(), at(&ring, &ledger, NOW + DAY), 42, "notes").unwrap();
    let read = ledger.read(&ring);
    let replay = Replay::new(&ring, &[&read], [NOTES]).unwrap();
    assert_eq!(replay.undeclared().collect::<Vec<_>>(), ["contact"]);
    let pass = replay.run(&backup, &(), Access::new(&ring).at(NOW + 2 * DAY)).unwrap();
    // It is said, and done.
    assert_eq!(pass.failed[0].2.kind(), ErrorKind::Declaration);
    assert!(pass.failed[0].2.to_string().contains("`contact`"));
    assert_eq!(state(&backup, 42), ["contact/1: app support", "notes/1: erased"]);
    let pass = replay.run(&backup, &(), Access::new(&ring).at(NOW + 2 * DAY)).unwrap();
    assert_eq!((pass.changed, pass.failed.len()), (0, 0));
    // With the declaration, the class goes on.
    let _ = replayed(&backup, &ring, &ledger, NOW + 2 * DAY);
    assert_eq!(state(&backup, 42)[1], "contact/2: app support");
}

#[test]
fn an_older_copy_of_a_ledger_says_nothing_of_its_own() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT]);
    change(&live, at(&ring, &ledger, NOW + DAY), |edit| edit.withdraw(CONTACT, "marketing"));
    change(&live, at(&ring, &ledger, NOW + DAY), |edit| edit.withdraw(CONTACT, "marketing"));
    let older = ledger.read(&ring);
    change(&live, at(&ring, &ledger, NOW + DAY), |edit| {
        edit.grant(CONTACT, "marketing", History::Included)
    });
    let now = ledger.read(&ring);
    for ledgers in [[&older, &now], [&now, &older], [&now, &now]] {
        let replay = Replay::new(&ring, &ledgers, CLASSES).unwrap();
        let pass = replay.run(&live, &(), Access::new(&ring).at(NOW + 2 * DAY)).unwrap();
        assert_eq!((pass.changed, pass.failed.len()), (0, 0));
    }
}

#[test]
fn a_withdrawn_role_stays_out_of_all_that_it_had_and_of_what_comes() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT]);
    change(&live, Access::new(&ring).at(NOW), |edit| edit.renew(CONTACT));
    let backup = copy(&live);
    change(&live, Access::new(&ring).at(NOW), |edit| edit.renew(CONTACT));
    change(&live, at(&ring, &ledger, NOW + DAY), |edit| edit.withdraw(CONTACT, "marketing"));

    let _ = replayed(&backup, &ring, &ledger, NOW + 2 * DAY);
    let out = ["contact/1: app support", "contact/2: app support", "contact/4: app support"];
    assert_eq!(state(&backup, 42), out);
    let queue = backup.reseal_queue(&(), None, 10).unwrap();
    assert_eq!((queue[0].class.as_str(), queue[0].generation), ("contact", 4));
    assert_eq!(replayed(&backup, &ring, &ledger, NOW + 2 * DAY).changed, 0);
    // Consent given afterwards stands in every later replay.
    change(&backup, at(&ring, &ledger, NOW + 3 * DAY), |edit| {
        edit.grant(CONTACT, "marketing", History::Excluded)
    });
    assert_eq!(replayed(&backup, &ring, &ledger, NOW + 4 * DAY).changed, 0);
    assert_eq!(state(&backup, 42)[3], "contact/5: app support marketing");
}

#[test]
fn consent_given_again_stands_as_far_as_it_went() {
    for (history, first) in
        [(History::Included, "app support marketing"), (History::Excluded, "app support")]
    {
        let (ring, ledger) = (signing(), Lines::begin(&signing()));
        let live = store(&[CONTACT]);
        let backup = copy(&live);
        change(&live, at(&ring, &ledger, NOW + DAY), |edit| edit.withdraw(CONTACT, "marketing"));
        change(&live, at(&ring, &ledger, NOW + 2 * DAY), |edit| {
            edit.grant(CONTACT, "marketing", history)
        });
        let _ = replayed(&backup, &ring, &ledger, NOW + 3 * DAY);
        assert_eq!(
            state(&backup, 42),
            [format!("contact/1: {first}"), "contact/3: app support marketing".into()],
            "{history:?}"
        );
        assert_eq!(replayed(&backup, &ring, &ledger, NOW + 3 * DAY).changed, 0);
    }
}

#[test]
fn in_doubt_the_role_is_out() {
    // A grant that lost its race stands behind the withdrawal, with a generation that is covered.
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT]);
    let backup = copy(&live);
    let stale = live.load(&(), "", 42).unwrap().unwrap();
    change(&live, at(&ring, &ledger, NOW + DAY), |edit| edit.withdraw(CONTACT, "marketing"));
    let mut edit = stale.edit(at(&ring, &ledger, NOW + DAY), 42).unwrap();
    edit.grant(CONTACT, "marketing", History::Included).unwrap();
    let lost = edit.finish().unwrap();
    assert_eq!(kind(live.save_unchecked(&(), "", 42, &lost)), ErrorKind::Conflict);
    let _ = replayed(&backup, &ring, &ledger, NOW + 2 * DAY);
    assert_eq!(state(&backup, 42)[0], "contact/1: app support");

    // One by a clock that stood before the withdrawal, in another server's ledger.
    let (here, there) = (Lines::begin(&ring), Lines::begin(&ring));
    let live = store(&[CONTACT]);
    let backup = copy(&live);
    change(&live, at(&ring, &here, NOW + DAY), |edit| edit.withdraw(CONTACT, "marketing"));
    change(&live, at(&ring, &there, NOW), |edit| {
        edit.grant(CONTACT, "marketing", History::Included)
    });
    let (here, there) = (here.read(&ring), there.read(&ring));
    let replay = Replay::new(&ring, &[&here, &there], CLASSES).unwrap();
    let _ = replay.run(&backup, &(), Access::new(&ring).at(NOW + 2 * DAY)).unwrap();
    assert_eq!(state(&backup, 42)[0], "contact/1: app support");
}

#[test]
fn ledgers_of_several_servers_are_played_back_together() {
    let ring = signing();
    let (one, two) = (Lines::begin(&ring), Lines::begin(&ring));
    let live = store(&[CONTACT, NOTES]);
    let backup = copy(&live);
    change(&live, at(&ring, &one, NOW + DAY), |edit| edit.withdraw(CONTACT, "marketing"));
    let _ = live.erase_class(&(), at(&ring, &two, NOW + DAY), 42, "notes").unwrap();
    let (one, two) = (one.read(&ring), two.read(&ring));
    let replay = Replay::new(&ring, &[&one, &two], CLASSES).unwrap();
    let _ = replay.run(&backup, &(), Access::new(&ring).at(NOW + 2 * DAY)).unwrap();
    assert_eq!(
        state(&backup, 42),
        ["contact/1: app support", "contact/2: app support", "notes/1: erased"]
    );
}

#[test]
fn a_class_read_by_consent_alone_is_erased_with_its_last_reader() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[NEWSLETTER, NOTES]);
    let backup = copy(&live);
    change(&live, at(&ring, &ledger, NOW + DAY), |edit| edit.withdraw(NEWSLETTER, "marketing"));
    let _ = replayed(&backup, &ring, &ledger, NOW + 2 * DAY);
    let erased = ["newsletter/1: erased", "newsletter/2: erased", "notes/1: app"];
    assert_eq!(state(&backup, 42), erased);
    // And begun again by a new consent.
    change(&backup, at(&ring, &ledger, NOW + 3 * DAY), |edit| {
        edit.renew(NEWSLETTER.consented_to(&["marketing"]))
    });
    assert_eq!(replayed(&backup, &ring, &ledger, NOW + 4 * DAY).changed, 0);
    assert_eq!(state(&backup, 42)[2], "newsletter/3: marketing");
}

#[test]
fn a_replay_that_could_not_do_all_is_refused_before_it_begins() {
    let (mut ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT]);
    change(&live, at(&ring, &ledger, NOW), |edit| edit.withdraw(CONTACT, "marketing"));
    let read = ledger.read(&ring);
    let service = ring.subset(&["app"]).unwrap().into_ring();
    assert_eq!(kind(Replay::new(&service, &[&read], CLASSES)), ErrorKind::MissingKey);
    // A rotated key still tells; a destroyed one does not.
    ring.rotate(KeyUse::Sign, "sign").unwrap();
    assert!(Replay::new(&ring, &[&read], CLASSES).is_ok());
    ring.set_state(id(SIGN), KeyState::Compromised).unwrap();
    assert!(Replay::new(&ring, &[&read], CLASSES).is_ok());
    ring.force_destroy(id(SIGN)).unwrap();
    assert_eq!(kind(Replay::new(&ring, &[&read], CLASSES)), ErrorKind::MissingKey);
}

#[test]
fn one_envelope_that_fails_does_not_keep_the_others_from_their_erasure() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let backup = store(&[CONTACT]);
    let keys = DataKeys::create(Access::new(&ring).at(NOW), 43, [CONTACT]).unwrap();
    // Somebody's envelope at another's place.
    backup.save_unchecked(&(), "", 41, keys.envelope()).unwrap();
    let elsewhere = store(&[CONTACT]);
    let _ = elsewhere.erase(&(), at(&ring, &ledger, NOW), 42).unwrap();
    let read = ledger.read(&ring);
    let replay = Replay::new(&ring, &[&read], CLASSES).unwrap();
    let pass = replay.run(&backup, &(), Access::new(&ring).at(NOW)).unwrap();
    assert_eq!((pass.seen, pass.changed, pass.failed.len()), (2, 1, 1));
    assert_eq!(pass.failed[0].2.kind(), ErrorKind::Tampered);
    assert_eq!(state(&backup, 42)[1], "the subject: erased");
}

/// The databases of this test, on disk.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fieldseal-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_restored_database_is_made_right_by_the_ledger() {
    let folder = Folder::new("replay");
    let (live, backup) = (folder.0.join("live.db"), folder.0.join("backup.db"));
    let ring = signing();
    let ledger = LedgerFile::create(folder.0.join("ledger.jsonl"), &ring).unwrap();
    let access = Access::new(&ring).ledger(&ledger).source("form").notice("2026-03");
    let store = SqliteKeyStore::new();
    let email = |db: &rusqlite::Connection, subject: i64| -> Sealed<String> {
        db.query_row("SELECT email FROM customers WHERE id = ?", [subject], |row| row.get(0))
            .unwrap()
    };
    let opens = |db: &rusqlite::Connection, role: &str, subject: i64| {
        let service = ring.subset(&[role]).unwrap().into_ring();
        let envelope = store.load(db, "", subject).unwrap().unwrap();
        let keys = envelope.unwrap(&service, subject).unwrap();
        EMAIL.open(&keys, &email(db, subject)).map_err(|error| error.kind())
    };

    // Three customers, who all consented; then the backup.
    let db = rusqlite::Connection::open(&live).unwrap();
    store.migrate(&db).unwrap();
    db.execute_batch("CREATE TABLE customers (id INTEGER PRIMARY KEY, email BLOB)").unwrap();
    for subject in 1..=3_i64 {
        let keys = DataKeys::create(access, subject, CONTACT.consented_to(&["marketing"])).unwrap();
        let sealed = EMAIL.seal(&keys, &format!("{subject}@example.com")).unwrap();
        store.save_unchecked(&db, "", subject, keys.envelope()).unwrap();
        db.execute("INSERT INTO customers VALUES (?, ?)", rusqlite::params![subject, sealed])
            .unwrap();
    }
    drop(db);
    std::fs::copy(&live, &backup).unwrap();

    // One is erased, one withdraws.
    let db = rusqlite::Connection::open(&live).unwrap();
    let erasure = store.erase(&db, access, 1).unwrap();
    store.change(&db, access, 2, |edit| edit.withdraw(CONTACT, "marketing")).unwrap();
    assert_eq!(opens(&db, "app", 1), Err(ErrorKind::Erased));
    assert_eq!(opens(&db, "marketing", 2), Err(ErrorKind::NotPermitted));
    drop(db);

    // The backup is restored. Before the replay, and as SECURITY.md says, it opens all that it held: the
    // erased customer, and the one who withdrew.
    std::fs::copy(&backup, &live).unwrap();
    let db = rusqlite::Connection::open(&live).unwrap();
    assert_eq!(opens(&db, "app", 1).unwrap(), "1@example.com");
    assert_eq!(opens(&db, "marketing", 2).unwrap(), "2@example.com");
    // Which ring keys that takes, the receipt said.
    let named: Vec<_> = erasure.keys().collect();
    assert!(named.contains(&id(APP)) && named.contains(&id(MARKETING)));

    let told = ledger.read(&ring.verifying_keys()).unwrap();
    let replay = Replay::new(&ring, &[&told], [CONTACT]).unwrap();
    let pass = replay.run(&store, &db, &ring).unwrap();
    assert_eq!((pass.seen, pass.changed, pass.failed.len()), (3, 2, 0));
    for role in ["app", "support", "marketing"] {
        assert_eq!(opens(&db, role, 1), Err(ErrorKind::Erased), "{role}");
    }
    assert_eq!(opens(&db, "marketing", 2), Err(ErrorKind::NotPermitted));
    assert_eq!(opens(&db, "app", 2).unwrap(), "2@example.com");
    assert_eq!(opens(&db, "marketing", 3).unwrap(), "3@example.com");
}

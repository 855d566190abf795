//! Sweeps of whole stores: what they erase, and what makes them refuse.

#![cfg(feature = "std")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;
#[path = "sweep/model.rs"]
mod model;

use std::sync::atomic::{AtomicU64, Ordering};

use common::*;
use fieldseal::audit::{Action, LedgerChange, LedgerSink};
use fieldseal::envelope::EntryState;
use fieldseal::jobs::{Sweep, SweepPlan};
use fieldseal::keyring::KeyState;
use fieldseal::{
    Access, Class, DataKeys, ErrorKind, KeyEnvelope, KeyRing, KeyStore, MemoryKeyStore, SubjectId,
};

/// R is 24 days, P two.
const KEPT: Class = Class::new("kept").retain_days(24);
/// How long a generation of it lives.
const LIFE: u64 = 26 * DAY;

fn at(ring: &KeyRing, now: u64) -> Access<'_> {
    Access::new(ring).at(now)
}

fn all() -> Sweep {
    Sweep::at_most_percent(100)
}

/// Stores a subject of these classes, begun at this time.
fn begin<S: KeyStore>(store: &S, on: &S::Connection, subject: u64, classes: &[Class], now: u64) {
    let ring = admin();
    let made = DataKeys::create(at(&ring, now), subject, classes).unwrap();
    store.save_unchecked(on, "", subject, made.envelope()).unwrap();
}

/// Subjects 0, 1, … whose kept class was begun at these times.
fn store(begun: impl IntoIterator<Item = u64>) -> MemoryKeyStore {
    let store = MemoryKeyStore::new();
    for (subject, now) in (0..).zip(begun) {
        begin(&store, &(), subject, &[KEPT], now);
    }
    store
}

/// All that is stored, byte by byte.
fn stored<S: KeyStore>(store: &S, on: &S::Connection) -> Vec<(String, SubjectId, KeyEnvelope)> {
    let page = store.scan(on, None, 1_000).unwrap();
    page.into_iter().map(|one| (one.tenant, one.subject, one.envelope)).collect()
}

/// `subject: kept/1` or `subject: kept/1 erased`, of all.
fn states<S: KeyStore>(store: &S, on: &S::Connection) -> Vec<String> {
    let mut all = Vec::new();
    for (_, subject, envelope) in stored(store, on) {
        for entry in info(&envelope).entries {
            let erased =
                if matches!(entry.state, EntryState::Erased { .. }) { " erased" } else { "" };
            let subject = subject.as_bytes()[8];
            all.push(format!("{subject}: {}/{}{erased}", entry.class, entry.generation));
        }
    }
    all
}

fn plan(store: &MemoryKeyStore, now: u64) -> SweepPlan {
    all().plan(store, &(), at(&admin(), now)).unwrap()
}

/// Sweeps a store of this process; how many envelopes were changed.
#[track_caller]
fn swept(sweep: Sweep, store: &MemoryKeyStore, now: u64) -> u64 {
    let pass = sweep.run(store, &(), at(&admin(), now)).unwrap();
    assert!(pass.failed.is_empty(), "{:?}", pass.failed);
    pass.changed
}

/// Refused, nothing being erased and nobody told; what it says.
#[track_caller]
fn refused(sweep: Sweep, store: &MemoryKeyStore, now: u64) -> String {
    let (before, log, ring) = (stored(store, &()), Log::default(), admin());
    let error = sweep.run(store, &(), at(&ring, now).audit(&log)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unconfirmed);
    let by_plan = sweep.check(&plan(store, now)).unwrap_err();
    assert_eq!(by_plan.to_string(), error.to_string());
    assert_eq!(stored(store, &()), before, "nothing is erased");
    let told = log.told();
    assert!(told.iter().all(|(action, ..)| *action != Action::Sweep), "and nothing told: {told:?}");
    assert!(error.to_string().contains("nothing was erased"), "{error}");
    error.to_string()
}

#[test]
fn a_generation_is_erased_from_its_expiry_on() {
    for (now, changed) in [(NOW, 0), (NOW + LIFE - 1, 0), (NOW + LIFE, 1), (NOW + LIFE + 1, 1)] {
        let store = store([NOW]);
        assert_eq!(plan(&store, now).expired, changed);
        assert_eq!(swept(all(), &store, now), changed, "{}", now - NOW);
        let state = states(&store, &());
        assert_eq!(state, [if changed == 1 { "0: kept/1 erased" } else { "0: kept/1" }]);
    }
}

#[test]
fn no_more_than_the_stated_share_is_erased() {
    // Two of ten have expired.
    let made = || store([0, 0, 20, 20, 20, 20, 20, 20, 20, 20].map(|days| NOW + days * DAY));
    let now = NOW + LIFE;
    for percent in [20, 21, 100, u8::MAX] {
        assert_eq!(swept(Sweep::at_most_percent(percent), &made(), now), 2, "{percent}");
    }
    for percent in [0, 1, 19] {
        let said = refused(Sweep::at_most_percent(percent), &made(), now);
        assert!(said.contains("2 of the 10") && said.contains(&format!("{percent} percent")));
        let confirmed = Sweep::at_most_percent(percent).confirmed();
        assert_eq!(swept(confirmed, &made(), now), 2, "{percent}");
    }
    // Where nothing has expired, no share is too small.
    assert_eq!(swept(Sweep::at_most_percent(0), &made(), now - 1), 0);
}

#[test]
fn what_has_no_term_or_is_erased_makes_the_share_no_smaller() {
    let (store, ring) = (store([NOW, NOW + 20 * DAY]), admin());
    for subject in 10..30 {
        begin(&store, &(), subject, &[NOTES, CONTACT], NOW);
        begin(&store, &(), 100 + subject, &[KEPT], NOW + 20 * DAY);
        let _ = store.erase(&(), at(&ring, NOW + 20 * DAY), 100 + subject).unwrap();
    }
    assert_eq!((plan(&store, NOW + LIFE).with_term, plan(&store, NOW + LIFE).expired), (2, 1));
    refused(Sweep::at_most_percent(49), &store, NOW + LIFE);
    assert_eq!(swept(Sweep::at_most_percent(50), &store, NOW + LIFE), 1);
}

#[test]
fn a_clock_that_stands_far_ahead_of_all_that_tells_the_time_is_doubted() {
    let limit = NOW + 31 * DAY;
    assert_eq!(swept(all(), &store([NOW]), limit), 1);
    let said = refused(all(), &store([NOW]), limit + 1);
    assert!(said.contains("31 days after") && said.contains("1 generations"), "{said}");
    assert!(refused(all(), &store([NOW]), NOW + 4_000 * DAY).contains("4000 days after"));
    refused(all(), &store([NOW]), u64::MAX);
    // Somebody looked, or the store is known to be quiet, or a sweep ran since.
    assert_eq!(swept(all().confirmed(), &store([NOW]), u64::MAX), 1);
    assert_eq!(swept(all().clock_gap_days(40), &store([NOW]), NOW + 40 * DAY), 1);
    refused(all().clock_gap_days(40), &store([NOW]), NOW + 40 * DAY + 1);
    refused(all().clock_gap_days(27), &store([NOW]), NOW + 27 * DAY + 1);
    let most = NOW + u64::from(u32::MAX) * DAY;
    assert_eq!(swept(all().clock_gap_days(u32::MAX), &store([NOW]), most), 1);
    refused(all().clock_gap_days(u32::MAX), &store([NOW]), most + 1);
    assert_eq!(swept(all().last_run(NOW + DAY), &store([NOW]), limit + DAY), 1);
    refused(all().last_run(NOW + DAY), &store([NOW]), limit + DAY + 1);
    refused(all().last_run(0), &store([NOW]), limit + 1);
    // Where nothing has expired, the clock harms nobody.
    assert_eq!(swept(all(), &store([]), u64::MAX), 0);
}

#[test]
fn a_clock_that_stands_before_all_that_tells_the_time_is_doubted() {
    let now = NOW + LIFE;
    assert_eq!(swept(all(), &store([NOW, now + DAY]), now), 1);
    let said = refused(all(), &store([NOW, now + DAY + 1]), now);
    assert!(said.contains("1 days before"), "{said}");
    assert_eq!(swept(all().confirmed(), &store([NOW, now + 9 * DAY]), now), 1);
    assert_eq!(swept(all().last_run(now + DAY), &store([NOW]), now), 1);
    refused(all().last_run(now + DAY + 1), &store([NOW]), now);
    refused(all().last_run(u64::MAX), &store([NOW]), now);
}

#[test]
fn one_envelope_of_a_wrong_clock_does_not_end_all_sweeps() {
    let now = NOW + LIFE;
    let made = || store([NOW, NOW + DAY, NOW + 20 * DAY, now + 400 * DAY]);
    let planned = plan(&made(), now);
    assert_eq!((planned.ahead, planned.newest()), (1, NOW + 20 * DAY));
    let named: Vec<_> = planned.examples_ahead().collect();
    assert_eq!(named, [("", &SubjectId::new(3).unwrap(), now + 400 * DAY)]);
    assert_eq!(swept(all(), &made(), now), 1);
    // Of many it is the clock that is doubted, and they are named.
    let many = || store([NOW, NOW + DAY, now + 400 * DAY, now + 500 * DAY]);
    let said = refused(all(), &many(), now);
    assert!(said.contains("500 days before") && said.contains("2 of 4 envelopes"), "{said}");
    assert!(said.contains("SubjectId(2)"), "{said}");
    assert_eq!(swept(all().last_run(now - DAY), &many(), now), 1);
}

#[test]
fn one_envelope_that_agrees_with_a_wrong_clock_does_not_clear_it() {
    let days = |from: u64| (0..12).map(move |day| from + day * DAY);
    let now = NOW + 4_000 * DAY;
    let agreeing = store(days(NOW).chain([now - 60]));
    assert!(refused(all(), &agreeing, now).contains("days after"), "made by the same clock");
    assert_eq!(swept(all(), &store(days(NOW)), NOW + 35 * DAY), 10);
}

#[test]
fn what_was_planned_is_erased_and_nothing_else() {
    let (now, ring) = (NOW + LIFE, admin());
    let store = store([NOW, NOW + 20 * DAY]);
    let planned = plan(&store, now);
    // A copy that is put back between the plan and the run.
    begin(&store, &(), 7, &[KEPT], NOW - DAY);
    let pass = all().run_planned(&store, &(), at(&ring, now + 60 * DAY), &planned).unwrap();
    assert_eq!((pass.seen, pass.changed, pass.failed.len()), (3, 1, 1));
    let (_, subject, error) = &pass.failed[0];
    assert_eq!((subject, error.kind()), (&SubjectId::new(7).unwrap(), ErrorKind::Unconfirmed));
    assert_eq!(states(&store, &()), ["0: kept/1 erased", "1: kept/1", "7: kept/1"]);
    let refused = Sweep::at_most_percent(10).run_planned(&store, &(), at(&ring, now), &planned);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unconfirmed);
}

#[test]
fn erasures_tell_the_time_too() {
    let (ring, now) = (admin(), NOW + 60 * DAY);
    type Erase =
        fn(&MemoryKeyStore, Access<'_>) -> Result<fieldseal::envelope::Erasure, fieldseal::Error>;
    let ways: [Erase; 3] = [
        |store, access| store.erase(&(), access, 1),
        |store, access| store.erase_class(&(), access, 1, "kept"),
        |store, access| store.erase_absent(&(), access, "never stored"),
    ];
    for erase in ways {
        let store = store([NOW, NOW]);
        refused(all(), &store, now);
        let _ = erase(&store, at(&ring, NOW + 29 * DAY)).unwrap();
        assert_eq!(plan(&store, now).newest(), NOW + 29 * DAY);
        assert!(swept(all(), &store, now) > 0);
    }
}

#[test]
fn a_plan_counts_generations_and_erases_none() {
    let (store, ring) = (MemoryKeyStore::new(), admin());
    begin(&store, &(), 1, &[KEPT, NOTES], NOW);
    begin(&store, &(), 2, &[KEPT, FINANCIAL], NOW + DAY);
    store.change(&(), at(&ring, NOW + 20 * DAY), 1, |edit| edit.renew(KEPT)).unwrap();
    store.change(&(), at(&ring, NOW + 21 * DAY), 1, |edit| edit.renew(KEPT)).unwrap();
    let _ = store.erase_class(&(), at(&ring, NOW + 23 * DAY), 2, "financial").unwrap();
    let before = stored(&store, &());
    let count = |now| {
        let plan = plan(&store, now);
        assert_eq!(plan.now, now);
        (plan.with_term, plan.expired, plan.newest() - NOW)
    };
    assert_eq!(count(NOW), (4, 0, 23 * DAY));
    assert_eq!(count(NOW + LIFE), (4, 1, 23 * DAY));
    assert_eq!(count(NOW + LIFE + DAY), (4, 2, 23 * DAY));
    assert_eq!(count(u64::MAX), (4, 4, 23 * DAY));
    assert_eq!(stored(&store, &()), before);
    // After the sweep, what was erased counts no more, and tells the time.
    assert_eq!(swept(all(), &store, NOW + LIFE + DAY), 2);
    assert_eq!(count(NOW + LIFE + DAY), (2, 0, LIFE + DAY));
}

#[test]
fn what_is_empty_or_has_no_terms_is_left_as_it_is() {
    let empty = MemoryKeyStore::new();
    assert_eq!(plan(&empty, NOW), SweepPlan::at(NOW));
    for now in [0, NOW, u64::MAX] {
        assert_eq!(swept(Sweep::at_most_percent(0), &empty, now), 0);
        let store = MemoryKeyStore::new();
        begin(&store, &(), 1, &[NOTES, CONTACT], NOW);
        let before = stored(&store, &());
        assert_eq!(swept(all().confirmed(), &store, now), 0);
        assert_eq!(stored(&store, &()), before);
    }
}

/// The envelope with another MAC, as whoever holds the database alone makes it.
fn forged(envelope: &KeyEnvelope, change: impl FnOnce(&mut bytes::Live)) -> KeyEnvelope {
    let subject = 3_u64.to_be_bytes();
    let mut env = bytes::Env::parse_for(envelope.as_bytes(), "", &[&[1], &subject[..]].concat());
    change(env.entries[0].live_mut());
    // Bound to subject 42.
    env.envelope()
}

#[test]
fn envelopes_that_were_tampered_with_are_reported_and_neither_counted_nor_erased() {
    let days = [0, 0, 0, 20, 20].map(|days| NOW + days * DAY);
    let (ring, now) = (admin(), NOW + LIFE);
    let genuine = {
        let store = store(days);
        store.load(&(), "", 3).unwrap().unwrap()
    };
    for forged in [
        // Expired by now; from the future, so that the clock seems right; as it was.
        forged(&genuine, |live| live.expires_at = NOW),
        forged(&genuine, |live| live.created_at = now + 9 * DAY),
        forged(&genuine, |_| ()),
    ] {
        let store = MemoryKeyStore::new();
        for (subject, now) in (0..).zip(days).filter(|(subject, _)| *subject != 3) {
            begin(&store, &(), subject, &[KEPT], now);
        }
        store.save_unchecked(&(), "", 3, &forged).unwrap();
        let counted = plan(&store, now);
        assert_eq!(
            (counted.with_term, counted.expired, counted.newest()),
            (4, 3, NOW + 20 * DAY),
            "not counted"
        );
        refused(Sweep::at_most_percent(74), &store, now);
        let pass = Sweep::at_most_percent(75).run(&store, &(), at(&ring, now)).unwrap();
        assert_eq!((pass.seen, pass.changed), (5, 3));
        let (tenant, subject, error) = &pass.failed[0];
        assert_eq!((tenant.as_str(), subject), ("", &SubjectId::new(3).unwrap()));
        assert_eq!((pass.failed.len(), error.kind()), (1, ErrorKind::Tampered));
        assert_eq!(store.load(&(), "", 3).unwrap(), Some(forged), "left as it is");
    }
}

#[test]
fn a_store_of_nothing_but_forgeries_erases_nothing() {
    let store = MemoryKeyStore::new();
    for subject in 0..5 {
        // One of subject 42, at each place.
        store.save_unchecked(&(), "", subject, &envelope(&[KEPT])).unwrap();
    }
    let (before, ring) = (stored(&store, &()), admin());
    // A plan of nothing would look like a plan of nothing to do.
    let planned = all().plan(&store, &(), at(&ring, NOW + LIFE)).unwrap_err();
    assert_eq!(planned.kind(), ErrorKind::Tampered);
    assert!(planned.to_string().contains("not one of the 5 key envelopes"), "{planned}");
    let swept = all().confirmed().run(&store, &(), at(&ring, NOW + LIFE));
    assert_eq!(swept.unwrap_err().kind(), ErrorKind::Tampered);
    assert_eq!(stored(&store, &()), before);
}

#[test]
fn under_a_compromised_envelope_key_nothing_is_erased() {
    let (store, mut ring) = (store([NOW, NOW]), admin());
    put(&mut ring, ENVELOPE, KeyState::Compromised);
    ring.insert(envelope_key(0xE000_0002, KeyState::Primary)).unwrap();
    let before = stored(&store, &());
    let swept = all().confirmed().run(&store, &(), at(&ring, NOW + LIFE));
    assert_eq!(swept.unwrap_err().kind(), ErrorKind::NotPermitted);
    assert_eq!(stored(&store, &()), before);
}

#[test]
fn a_ring_without_roles_sweeps_and_a_ring_without_the_envelope_key_does_not() {
    let janitor = ring_of([envelope_key(ENVELOPE, KeyState::Primary)]);
    let made = store([NOW]);
    assert_eq!(all().run(&made, &(), at(&janitor, NOW + LIFE)).unwrap().changed, 1);
    let roles = ring_of([symmetric(APP, "app", KeyState::Primary)]);
    let made = store([NOW]);
    let swept = all().confirmed().run(&made, &(), at(&roles, NOW + LIFE));
    assert_eq!(swept.unwrap_err().kind(), ErrorKind::WrongKey);
    assert_eq!(states(&made, &()), ["0: kept/1"]);
}

#[test]
fn a_sweep_is_told_to_the_audit_and_to_no_ledger() {
    struct None;
    impl LedgerSink for None {
        fn append(
            &self,
            _: &KeyRing,
            changes: &[LedgerChange<'_>],
        ) -> Result<(), fieldseal::Error> {
            panic!("told of {changes:?}")
        }
    }
    let (store, ring, log) = (store([NOW, NOW, NOW + 20 * DAY]), admin(), Log::default());
    let made = DataKeys::create(at(&ring, NOW).tenant("acme"), 7, [KEPT]).unwrap();
    store.save_unchecked(&(), "acme", 7, made.envelope()).unwrap();
    // Also where the clock of the access goes on.
    let access = at(&ring, NOW + LIFE).actor("janitor").audit(&log).ledger(&None);
    let pass = all().run(&store, &(), access).unwrap();
    assert_eq!(pass.changed, 3);
    let told = log.take();
    let about: Vec<_> =
        told.iter().map(|line| (line.tenant.as_str(), line.subject[8], line.at)).collect();
    let when = Some(NOW + LIFE);
    assert_eq!(about, [("", 0, when), ("", 1, when), ("acme", 7, when)]);
    for line in &told {
        assert_eq!((line.action, line.outcome), (Action::Sweep, Ok(())));
        assert_eq!(line.actor.as_deref(), Some("janitor"));
    }
}

#[test]
fn what_the_audit_refuses_is_not_erased() {
    let (store, ring, log) = (store([NOW, NOW]), admin(), Log::refusing());
    let before = stored(&store, &());
    let error = all().run(&store, &(), at(&ring, NOW + LIFE).audit(&log)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Audit);
    assert_eq!(stored(&store, &()), before);
}

/// A clock that goes on by ten days whenever it is asked.
fn racing() -> u64 {
    static CLOCK: AtomicU64 = AtomicU64::new(NOW + LIFE);
    CLOCK.fetch_add(10 * DAY, Ordering::Relaxed)
}

#[test]
fn what_is_erased_goes_by_the_time_that_was_looked_at() {
    let store = store([0, 1, 5, 9].map(|days| NOW + days * DAY));
    let ring = admin();
    let pass = Sweep::at_most_percent(25).run(&store, &(), Access::new(&ring).clock(racing));
    assert_eq!(pass.unwrap().changed, 1);
    assert_eq!(states(&store, &()), ["0: kept/1 erased", "1: kept/1", "2: kept/1", "3: kept/1"]);
    let erased = &info(&stored(&store, &())[0].2).entries[0];
    assert!(
        matches!(erased.state, EntryState::Erased { erased_at, .. } if erased_at == NOW + LIFE)
    );
}

#[test]
fn erased_subjects_and_erased_classes_stay_as_they_are() {
    let (store, ring) = (store([NOW, NOW, NOW]), admin());
    let _ = store.erase(&(), at(&ring, NOW + DAY), 0).unwrap();
    let _ = store.erase_class(&(), at(&ring, NOW + DAY), 1, "kept").unwrap();
    let before = stored(&store, &());
    assert_eq!(swept(all(), &store, NOW + LIFE), 1);
    let after = stored(&store, &());
    assert_eq!(after[..2], before[..2]);
    assert_eq!(info(&after[2].2).version, 2);
    assert_eq!(swept(all().confirmed(), &store, u64::MAX), 0, "again changes nothing");
}

/// More than one page of a pass.
#[test]
fn a_store_of_many_pages_is_swept_whole() {
    let store = store((0..600).map(|subject| NOW + (subject % 3) * 13 * DAY));
    assert_eq!(swept(Sweep::at_most_percent(34), &store, NOW + LIFE), 200);
    let plan = plan(&store, NOW + LIFE);
    assert_eq!((plan.with_term, plan.expired), (400, 0));
}

/// The same on a database: refused, then swept, with one envelope that is not what it should be.
#[cfg(feature = "rusqlite")]
#[test]
fn a_sqlite_store_is_swept_as_one_in_memory_is() {
    use fieldseal::store::{SqliteKeyStore, SubjectColumn};

    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, keys BLOB);
         INSERT INTO customers (id) VALUES (0), (1), (2), (3), (4), (5);",
    )
    .unwrap();
    let inline = SqliteKeyStore::inline("customers", ("id", SubjectColumn::Integer), "keys");
    for (store, table) in
        [(SqliteKeyStore::new(), "fieldseal_keys"), (inline.unwrap(), "customers")]
    {
        store.migrate(&db).unwrap();
        for (subject, days) in [(0, 0), (1, 0), (2, 20), (3, 20), (4, 0)] {
            begin(&store, &db, subject, &[KEPT, NOTES], NOW + days * DAY);
        }
        let (column, place) = match table {
            "customers" => ("keys", "id = 4"),
            _ => ("envelope", "subject = x'010000000000000004'"),
        };
        // Another's envelope in the place of subject 4's.
        db.execute(
            &format!(
                "UPDATE {table} SET {column} = (SELECT {column} FROM {table} LIMIT 1) WHERE {place}"
            ),
            [],
        )
        .unwrap();
        let before = stored(&store, &db);
        let (ring, now) = (admin(), NOW + LIFE);
        let counted = all().plan(&store, &db, at(&ring, now)).unwrap();
        assert_eq!((counted.with_term, counted.expired), (4, 2));
        let error = Sweep::at_most_percent(49).run(&store, &db, at(&ring, now)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unconfirmed);
        assert_eq!(stored(&store, &db), before);
        let pass = Sweep::at_most_percent(50).run(&store, &db, at(&ring, now)).unwrap();
        assert_eq!((pass.seen, pass.changed, pass.failed.len()), (5, 2, 1));
        assert_eq!(pass.failed[0].2.kind(), ErrorKind::Tampered);
        let after = states(&store, &db);
        let erased: Vec<_> = after.iter().filter(|state| state.ends_with("erased")).collect();
        assert_eq!(erased, ["0: kept/1 erased", "1: kept/1 erased"]);
        assert_eq!(after.len(), 10);
        // Nothing is to be resealed: it cannot be opened any more.
        assert!(store.reseal_queue(&db, None, 9).unwrap().is_empty());
    }
}

/// And through `sqlx`, in a transaction of the caller's.
#[cfg(feature = "sqlx-sqlite")]
#[test]
fn an_asynchronous_store_is_swept_as_one_in_memory_is() {
    use fieldseal::AsyncKeyStore;
    use fieldseal::store::SqlxKeyStore;
    use sqlx::{Connection as _, Sqlite, SqliteConnection};

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let (store, ring, now) = (SqlxKeyStore::<Sqlite>::new(), admin(), NOW + LIFE);
        store.migrate(&mut db).await.unwrap();
        for (subject, days) in [(0, 0), (1, 0), (2, 20), (3, 20)] {
            let made = DataKeys::create(at(&ring, NOW + days * DAY), subject, [KEPT]).unwrap();
            store.save_unchecked(&mut db, "", subject, made.envelope()).await.unwrap();
        }
        // Another's envelope.
        store.save_unchecked(&mut db, "", 4, &envelope(&[KEPT])).await.unwrap();
        let counted = all().plan_async(&store, &mut db, at(&ring, now)).await.unwrap();
        assert_eq!((counted.with_term, counted.expired), (4, 2));
        let sweep = Sweep::at_most_percent(49);
        let error = sweep.run_async(&store, &mut db, at(&ring, now)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unconfirmed);
        for committed in [false, true] {
            let mut transaction = db.begin().await.unwrap();
            let sweep = Sweep::at_most_percent(50);
            let pass = sweep.run_async(&store, &mut transaction, at(&ring, now)).await.unwrap();
            assert_eq!((pass.seen, pass.changed, pass.failed.len()), (5, 2, 1));
            if committed {
                transaction.commit().await.unwrap();
            } else {
                transaction.rollback().await.unwrap();
            }
            let counted = all().plan_async(&store, &mut db, at(&ring, now)).await.unwrap();
            let left = if committed { (2, 0) } else { (4, 2) };
            assert_eq!((counted.with_term, counted.expired), left);
        }
    });
}

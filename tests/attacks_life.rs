//! Attacks on a subject's life: erasures and withdrawals that are to come back, ledgers and stores that are
//! led astray.
#![cfg(all(feature = "file", feature = "rusqlite"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{Ent, Env, Rec};
use common::ledger::*;
use common::*;
use fieldseal::envelope::{EntryState, History};
use fieldseal::jobs::Sweep;
use fieldseal::keyring::Census;
use fieldseal::ledger::{Ledger, Replay};
use fieldseal::store::{LedgerFile, SqliteKeyStore, SubjectColumn};
use fieldseal::{
    Access, Class, DataKeys, ErrorKind, KeyEnvelope, KeyRing, KeyStore, MemoryKeyStore,
};

const CLASSES: &[Class] = &[CONTACT, FINANCIAL, NOTES];

fn at<'a>(ring: &'a KeyRing, ledger: &'a Lines, now: u64) -> Access<'a> {
    Access::new(ring).at(now).ledger(ledger).source("form").notice("2026-03")
}

/// What each role opens of each generation: `contact/2: app support`, or `erased`.
fn state(store: &MemoryKeyStore, subject: u64) -> Vec<String> {
    let ring = signing();
    let info = store.load(&(), "", subject).unwrap().unwrap().inspect().unwrap();
    let mut all: Vec<_> = info
        .entries
        .iter()
        .map(|entry| {
            let who = match &entry.state {
                EntryState::Live { recipients, .. } => recipients
                    .iter()
                    .map(|one| ring.key(id(one.key_id)).map_or("?", |key| key.name()))
                    .collect::<Vec<_>>()
                    .join(" "),
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

/// A store that holds this envelope of subject 42, whatever its version: as who writes to a database puts
/// it there.
fn holding(envelope: &KeyEnvelope) -> MemoryKeyStore {
    let store = MemoryKeyStore::new();
    let bytes = envelope.as_bytes();
    for earlier in 1..envelope.version().unwrap() {
        let mut stored = bytes.to_vec();
        stored[1..9].copy_from_slice(&earlier.to_be_bytes());
        store.save_unchecked(&(), "", 42, &KeyEnvelope::from_bytes(stored)).unwrap();
    }
    store.save_unchecked(&(), "", 42, envelope).unwrap();
    store
}

fn of(store: &MemoryKeyStore) -> KeyEnvelope {
    store.load(&(), "", 42).unwrap().unwrap()
}

fn renewed(store: &MemoryKeyStore, ring: &KeyRing, times: usize) {
    for _ in 0..times {
        store.change(&(), Access::new(ring).at(NOW), 42, |edit| edit.renew(CONTACT)).unwrap();
    }
}

#[test]
fn an_erasure_on_an_older_backup_reaches_a_newer_one() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT, NOTES]);
    let older = of(&live);
    renewed(&live, &ring, 4);
    let newer = of(&live);
    // The older backup was restored first, and the class erased there: at generation 1.
    let first = holding(&older);
    let _ = first.erase_class(&(), at(&ring, &ledger, NOW + 9 * DAY), 42, "contact").unwrap();
    // Then a newer one was found.
    let found = holding(&newer);
    let told = ledger.read(&ring);
    let replay = Replay::new(&ring, &[&told], CLASSES).unwrap();
    let pass = replay.run(&found, &(), Access::new(&ring).at(NOW + 10 * DAY)).unwrap();
    assert!(pass.failed.is_empty());
    let left: Vec<_> =
        state(&found, 42).into_iter().filter(|line| line.contains("app support")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_withdrawal_on_an_older_backup_reaches_a_newer_one() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT]);
    let older = of(&live);
    renewed(&live, &ring, 4);
    let newer = of(&live);
    let first = holding(&older);
    first
        .change(&(), at(&ring, &ledger, NOW + 9 * DAY), 42, |edit| {
            edit.withdraw(CONTACT, "marketing")
        })
        .unwrap();
    let found = holding(&newer);
    let told = ledger.read(&ring);
    let replay = Replay::new(&ring, &[&told], CLASSES).unwrap();
    let pass = replay.run(&found, &(), Access::new(&ring).at(NOW + 10 * DAY)).unwrap();
    assert!(pass.failed.is_empty());
    let left: Vec<_> =
        state(&found, 42).into_iter().filter(|line| line.contains("marketing")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_misspelt_column_is_refused_and_no_string() {
    let (ring, db) = (signing(), rusqlite::Connection::open_in_memory().unwrap());
    db.execute_batch("CREATE TABLE customers (id TEXT PRIMARY KEY, keys BLOB)").unwrap();
    let right = SqliteKeyStore::inline("customers", ("id", SubjectColumn::Text), "keys").unwrap();
    right.migrate(&db).unwrap();
    for number in 0..600 {
        let subject = format!("customer-{number}");
        db.execute("INSERT INTO customers (id) VALUES (?)", [&subject]).unwrap();
        let keys = DataKeys::create(Access::new(&ring).at(NOW), subject.as_str(), [NOTES]).unwrap();
        right.save_unchecked(&db, "", subject.as_str(), keys.envelope()).unwrap();
    }
    let wrong =
        SqliteKeyStore::inline("customers", ("ident", SubjectColumn::Text), "keys").unwrap();
    let mut census = Census::new();
    let counted = wrong.census(&db, "customers.keys", &mut census);
    assert!(counted.is_err(), "{} of 600 counted", census.envelopes());
    assert!(wrong.load(&db, "", "customer-7").is_err());
    let wrong = SqliteKeyStore::inline("customers", ("id", SubjectColumn::Text), "kyes").unwrap();
    assert_eq!(kind(wrong.load(&db, "", "customer-7")), ErrorKind::Io);
}

#[test]
fn ids_that_a_column_takes_for_equal_are_not_confused() {
    let (ring, db) = (signing(), rusqlite::Connection::open_in_memory().unwrap());
    db.execute_batch("CREATE TABLE customers (id TEXT COLLATE NOCASE, keys BLOB); INSERT INTO customers (id) VALUES ('ada')")
        .unwrap();
    let store = SqliteKeyStore::inline("customers", ("id", SubjectColumn::Text), "keys").unwrap();
    let keys = DataKeys::create(Access::new(&ring).at(NOW), "ADA", [NOTES]).unwrap();
    // Else ada's row holds ADA's envelope, and ada can never begin.
    assert!(store.save_unchecked(&db, "", "ADA", keys.envelope()).is_err());
    assert!(store.load(&db, "", "ada").unwrap().is_none());
    let keys = DataKeys::create(Access::new(&ring).at(NOW), "ada", [NOTES]).unwrap();
    store.save_unchecked(&db, "", "ada", keys.envelope()).unwrap();
    assert!(store.load(&db, "", "ada").unwrap().is_some());
    assert!(store.load(&db, "", "ADA").is_err());
}

#[cfg(feature = "sqlx-sqlite")]
#[test]
fn nobody_is_overwritten_by_who_bears_the_same_name_in_capitals() {
    use fieldseal::store::SqlxKeyStore;
    use fieldseal::{AsyncKeyStore, SubjectId};
    use sqlx::Connection as _;

    let ring = signing();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut db = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql(
            "CREATE TABLE customers (id TEXT COLLATE NOCASE, keys BLOB);
             INSERT INTO customers (id) VALUES ('ada'), ('ADA')",
        )
        .execute(&mut db)
        .await
        .unwrap();
        let store =
            SqlxKeyStore::<sqlx::Sqlite>::inline("customers", ("id", SubjectColumn::Text), "keys")
                .unwrap();
        store.migrate(&mut db).await.unwrap();
        for name in ["ada", "ADA"] {
            let keys = DataKeys::create(Access::new(&ring).at(NOW), name, [NOTES]).unwrap();
            sqlx::query("UPDATE customers SET keys = ? WHERE id = ? COLLATE BINARY")
                .bind(keys.envelope())
                .bind(name)
                .execute(&mut db)
                .await
                .unwrap();
        }
        let both = [SubjectId::new("ada").unwrap(), SubjectId::new("ADA").unwrap()];
        let page = store.load_many(&mut db, "", &both).await.unwrap();
        let (ada, other) = (page[0].clone().unwrap(), page[1].clone().unwrap());
        let mut edit = ada.edit(Access::new(&ring).at(NOW), "ada").unwrap();
        edit.renew(NOTES).unwrap();
        let renewed = edit.finish().unwrap();
        // Which of the two rows is replaced, the database would decide.
        assert!(store.save_unchecked(&mut db, "", "ada", &renewed).await.is_err());
        let page = store.load_many(&mut db, "", &both).await.unwrap();
        assert_eq!(page, [Some(ada), Some(other)]);
    });
}

#[test]
fn an_erasure_that_found_nothing_live_is_told() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT]);
    let before = of(&live);
    // An insider with the envelope key marks the class as erased.
    let mut env = Env::parse(before.as_bytes());
    let Ent::Live(contact) = env.entries.remove(0) else { panic!("live") };
    env.entries.push(Ent::Erased {
        class: contact.class,
        generation: contact.generation,
        tag: contact.commitment[..4].try_into().unwrap(),
        at: NOW,
    });
    env.version += 1;
    let marked = holding(&env.envelope());
    // So that the erasure which is asked for finds nothing to do.
    let _ = marked.erase_class(&(), at(&ring, &ledger, NOW + DAY), 42, "contact").unwrap();
    // And then puts the old one back.
    let back = holding(&before);
    let told = ledger.read(&ring);
    let replay = Replay::new(&ring, &[&told], CLASSES).unwrap();
    let _ = replay.run(&back, &(), Access::new(&ring).at(NOW + 2 * DAY)).unwrap();
    assert_eq!(state(&back, 42), ["contact/1: erased"]);
}

/// Consent that comes and goes takes a generation each time, and an envelope has room for some.
#[test]
fn consent_can_be_withdrawn_however_often_it_was_given() {
    let ring = signing();
    let store = store(&[CONTACT]);
    let mut full = 0;
    for round in 1..500_u64 {
        let access = Access::new(&ring).at(NOW + round);
        let role = "marketing";
        for history in [None, Some(History::Excluded)] {
            let change = |edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| match history {
                None => edit.withdraw(CONTACT, role),
                Some(history) => edit.grant(CONTACT, role, history),
            };
            if let Err(error) = store.change(&(), access, 42, change) {
                assert_eq!(error.kind(), ErrorKind::Exhausted);
                full += 1;
                // All was resealed, and the older generations go: first erased, then forgotten.
                store
                    .change(&(), access, 42, |edit| {
                        assert!(edit.erase_older(&CONTACT)? > 100);
                        edit.prune(NOW + round + 1).map(drop)
                    })
                    .unwrap();
                assert_eq!(state(&store, 42).len(), 2, "the last one, and what is below it");
                store.change(&(), access, 42, change).unwrap();
            }
        }
    }
    assert!(full > 1);
}

#[test]
fn older_generations_are_not_erased_where_nothing_took_their_place() {
    let ring = signing();
    let store = store(&[CONTACT, NOTES]);
    renewed(&store, &ring, 2);
    let access = Access::new(&ring).at(NOW);
    assert_eq!(
        kind(store.change(&(), access, 42, |edit| edit.erase_older(&FINANCIAL).map(drop))),
        ErrorKind::MissingClass
    );
    store.change(&(), access, 42, |edit| edit.erase_older(&CONTACT).map(drop)).unwrap();
    let left = [
        "contact/1: erased",
        "contact/2: erased",
        "contact/3: app support marketing",
        "notes/1: app",
    ];
    assert_eq!(state(&store, 42), left);
    store.change(&(), access, 42, |edit| edit.erase_class("contact")).unwrap();
    assert_eq!(
        kind(store.change(&(), access, 42, |edit| edit.erase_older(&CONTACT).map(drop))),
        ErrorKind::Erased
    );
}

#[test]
fn a_row_that_names_no_subject_is_named_and_does_not_end_the_pass() {
    let (ring, db) = (signing(), rusqlite::Connection::open_in_memory().unwrap());
    let store = SqliteKeyStore::new();
    store.migrate(&db).unwrap();
    let keys = DataKeys::create(Access::new(&ring).at(NOW), 42, [NOTES]).unwrap();
    store.save(&db, &keys).unwrap();
    db.execute("INSERT INTO fieldseal_keys VALUES ('acme', X'FFEE', 1, X'00')", []).unwrap();
    let access = Access::new(&ring).at(NOW);
    let pass = store.change_all(&db, access, |_, edit| edit.renew(NOTES)).unwrap();
    let (tenant, _, error) = &pass.failed[0];
    assert_eq!((pass.changed, pass.failed.len(), tenant.as_str()), (1, 1, "acme"));
    assert!(error.to_string().contains("ffee"), "{error}");
}

/// The customer stays readable, so nothing may say that they are erased.
#[test]
fn a_slip_in_the_tenant_or_the_type_of_id_gives_no_receipt() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let (store, access) = (MemoryKeyStore::new(), at(&ring, &ledger, NOW));
    let keys = DataKeys::create(access, 2, [CONTACT]).unwrap();
    store.save_unchecked(&(), "", 2, keys.envelope()).unwrap();
    let told = ledger.read(&ring).entries().len();
    for slip in [store.erase(&(), access, "2"), store.erase(&(), access.tenant("acme"), 2)] {
        let error = slip.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownSubject);
        for next in ["tenant", "type of id", "erase_absent"] {
            assert!(error.to_string().contains(next), "{error}");
        }
    }
    assert_eq!(ledger.read(&ring).entries().len(), told);
    assert_eq!(store.scan(&(), None, 9).unwrap().len(), 1, "no mark is left");
}

#[test]
fn erasing_who_is_not_there_does_not_doom_who_comes() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE customers (id INTEGER PRIMARY KEY, keys BLOB)").unwrap();
    let store =
        SqliteKeyStore::inline("customers", ("id", SubjectColumn::Integer), "keys").unwrap();
    store.migrate(&db).unwrap();
    let access = at(&ring, &ledger, NOW);
    let unknown = ErrorKind::UnknownSubject;
    for (access, absent) in [(access, unknown), (access.tenant("acme"), ErrorKind::Declaration)] {
        assert_eq!(kind(store.erase_absent(&db, access, 42)), absent);
        assert_eq!(kind(store.erase(&db, access, 42)), ErrorKind::UnknownSubject);
    }
    assert_eq!(ledger.read(&ring).entries().len(), 0, "told, though there is nobody");
    // Who is there, and has no envelope yet, is marked when that is what is asked.
    db.execute("INSERT INTO customers (id) VALUES (42)", []).unwrap();
    assert_eq!(kind(store.erase(&db, access, 42)), ErrorKind::UnknownSubject);
    assert_eq!(ledger.read(&ring).entries().len(), 0);
    assert!(store.erase_absent(&db, access, 42).unwrap().subject_erased_at().is_some());
}

#[cfg(feature = "sqlx-sqlite")]
#[test]
fn erasing_who_is_not_there_does_not_doom_who_comes_through_sqlx() {
    use fieldseal::AsyncKeyStore as _;
    use fieldseal::store::SqlxKeyStore;
    use sqlx::Connection as _;

    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let access = at(&ring, &ledger, NOW);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut db = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql("CREATE TABLE customers (id INTEGER PRIMARY KEY, keys BLOB)")
            .execute(&mut db)
            .await
            .unwrap();
        let column = ("id", SubjectColumn::Integer);
        let store = SqlxKeyStore::<sqlx::Sqlite>::inline("customers", column, "keys").unwrap();
        let absent = store.erase_absent(&mut db, access, 42).await;
        assert_eq!(kind(absent), ErrorKind::UnknownSubject);
        assert_eq!(kind(store.erase(&mut db, access, 42).await), ErrorKind::UnknownSubject);
        sqlx::raw_sql("INSERT INTO customers (id) VALUES (42)").execute(&mut db).await.unwrap();
        assert_eq!(kind(store.erase(&mut db, access, 42).await), ErrorKind::UnknownSubject);
        assert_eq!(ledger.read(&ring).entries().len(), 0);
        assert!(store.erase_absent(&mut db, access, 42).await.is_ok());
    });
}

#[test]
fn a_recipient_that_nobody_knows_does_not_keep_another_class_from_its_erasure() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT, NOTES]);
    let mut env = Env::parse(of(&live).as_bytes());
    let Ent::Live(contact) = &mut env.entries[0] else { panic!("live") };
    contact.recipients.push(Rec { kind: 1, key_id: 0x7777_7777, wrapped: vec![7; 72] });
    contact.recipients.sort_by_key(|one| one.key_id);
    let backup = holding(&env.envelope());
    let _ = live.erase_class(&(), at(&ring, &ledger, NOW + DAY), 42, "notes").unwrap();
    live.change(&(), at(&ring, &ledger, NOW + DAY), 42, |edit| edit.withdraw(CONTACT, "marketing"))
        .unwrap();
    let told = ledger.read(&ring);
    let replay = Replay::new(&ring, &[&told], CLASSES).unwrap();
    let pass = replay.run(&backup, &(), Access::new(&ring).at(NOW + 2 * DAY)).unwrap();
    assert_eq!(pass.failed.len(), 1);
    let left = ["contact/1: app support ?", "contact/2: erased", "notes/1: erased"];
    assert_eq!(state(&backup, 42), left);
}

#[test]
fn one_envelope_by_a_wrong_clock_does_not_end_all_sweeps() {
    let ring = signing();
    let store = MemoryKeyStore::new();
    for subject in 0..10_u64 {
        let made = Access::new(&ring).at(NOW + subject * 40 * DAY);
        store
            .save_unchecked(
                &(),
                "",
                subject,
                DataKeys::create(made, subject, [FINANCIAL]).unwrap().envelope(),
            )
            .unwrap();
    }
    let now = NOW + 400 * DAY;
    let wrong = Access::new(&ring).at(now + 4_000 * DAY);
    store
        .save_unchecked(&(), "", 77, DataKeys::create(wrong, 77, [FINANCIAL]).unwrap().envelope())
        .unwrap();
    let sweep = Sweep::at_most_percent(20).last_run(now - DAY);
    let access = Access::new(&ring).at(now);
    assert_eq!(sweep.run(&store, &(), access).unwrap().changed, 1);
    // Nor does it make a wrong clock right.
    assert_eq!(
        kind(sweep.run(&store, &(), Access::new(&ring).at(now + 4_000 * DAY))),
        ErrorKind::Unconfirmed
    );
}

#[test]
fn a_pass_leaves_nobody_out_whose_name_differs_in_capitals_alone() {
    let (ring, db) = (signing(), rusqlite::Connection::open_in_memory().unwrap());
    db.execute_batch("CREATE TABLE customers (id TEXT COLLATE NOCASE, keys BLOB)").unwrap();
    let store = SqliteKeyStore::inline("customers", ("id", SubjectColumn::Text), "keys").unwrap();
    let mut names: Vec<String> = (0..255).map(|number| format!("a{number:03}")).collect();
    // Two on each side of where a page ends.
    names.extend(["ada", "ADA", "zoe"].map(String::from));
    for name in &names {
        let keys = DataKeys::create(Access::new(&ring).at(NOW), name.as_str(), [NOTES]).unwrap();
        db.execute("INSERT INTO customers VALUES (?, ?)", (name, keys.envelope())).unwrap();
    }
    let mut census = Census::new();
    store.census(&db, "customers.keys", &mut census).unwrap();
    assert_eq!(census.envelopes(), 258);
}

/// As SECURITY.md says: a line of somebody's own is not noticed when the next one is added, and the whole
/// is not read any more.
#[cfg(unix)]
#[test]
fn a_line_that_somebody_added_to_a_ledger_is_seen_when_it_is_read() {
    use std::io::Write as _;

    let ring = signing();
    let path = std::env::temp_dir().join(format!("fieldseal-added-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let file = LedgerFile::create(&path, &ring).unwrap();
    let told = || {
        let access = Access::new(&ring).at(NOW).ledger(&file).source("form").notice("2026-03");
        let live = store(&[CONTACT]);
        live.erase_class(&(), access, 42, "contact").map(drop)
    };
    told().unwrap();
    let known = file.read(&ring.verifying_keys()).unwrap().head();
    let text = std::fs::read_to_string(&path).unwrap();
    let last = text.lines().last().unwrap().replace("\"number\":2", "\"number\":3");
    let mut opened = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    writeln!(opened, "{last}").unwrap();
    let _ = told();
    assert!(file.read(&ring.verifying_keys()).is_err());
    assert!(file.read_known(&ring.verifying_keys(), &known).is_err());
    // What stood before it is read from a copy that is cut off there.
    assert_eq!(Ledger::read(&text, &ring.verifying_keys()).unwrap().head(), known);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_number_that_an_insider_writes_is_reported_by_a_replay_and_keeps_the_rest_from_nothing() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT, NOTES]);
    let backup = of(&live);
    let mut env = Env::parse(backup.as_bytes());
    env.version += 1;
    let class = b"contact".to_vec();
    env.entries.insert(1, Ent::Erased { class, generation: 65_535, tag: *b"none", at: NOW });
    let poisoned = holding(&env.envelope());
    let access = at(&ring, &ledger, NOW + DAY);
    poisoned.change(&(), access, 42, |edit| edit.withdraw(CONTACT, "marketing")).unwrap();
    let _ = poisoned.erase_class(&(), access, 42, "notes").unwrap();
    let back = holding(&backup);
    let told = ledger.read(&ring);
    let replay = Replay::new(&ring, &[&told], CLASSES).unwrap();
    let pass = replay.run(&back, &(), Access::new(&ring).at(NOW + 2 * DAY)).unwrap();
    assert_eq!((pass.changed, pass.failed.len()), (1, 1));
    assert_eq!(pass.failed[0].2.kind(), ErrorKind::Exhausted);
    let left = ["contact/1: app support", "contact/65535: erased", "notes/1: erased"];
    assert_eq!(state(&back, 42), left);
}

#[test]
fn an_erasure_told_by_a_clock_ahead_does_not_reach_what_came_after() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let live = store(&[CONTACT, NOTES]);
    let ahead = NOW + 400 * DAY;
    let _ = live.erase_class(&(), at(&ring, &ledger, ahead), 42, "contact").unwrap();
    live.change(&(), at(&ring, &ledger, ahead), 42, |edit| edit.withdraw(CONTACT, "marketing"))
        .unwrap();
    // By clocks that are right, the class is begun anew, and other things are told.
    let begun = at(&ring, &ledger, NOW + DAY);
    live.change(&(), begun, 42, |edit| edit.renew(CONTACT)).unwrap();
    let after =
        ["contact/1: erased", "contact/2: erased", "contact/3: app support", "notes/1: app"];
    let replayed = |now: u64| {
        let told = ledger.read(&ring);
        let replay = Replay::new(&ring, &[&told], CLASSES).unwrap();
        let _ = replay.run(&live, &(), Access::new(&ring).at(now)).unwrap();
    };
    replayed(NOW + 2 * DAY);
    assert_eq!(state(&live, 42), after);
    let later = at(&ring, &ledger, NOW + 2 * DAY);
    live.change(&(), later, 42, |edit| edit.withdraw(CONTACT, "marketing")).unwrap();
    replayed(ahead + 9 * DAY);
    assert_eq!(state(&live, 42), after);
}

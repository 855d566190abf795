//! A subject's life under load, on both databases: writers update fields while consent is granted and
//! withdrawn, classes are renewed, keys rewrapped, values resealed and people erased. Afterwards a model
//! is asked.
#![cfg(all(feature = "file", feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;
#[path = "life/rows.rs"]
mod rows;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use common::ledger::{Lines, signing};
use common::postgres::Schema;
use common::*;
use fieldseal::audit::LedgerAct;
use fieldseal::envelope::{EnvelopeEdit, History};
use fieldseal::store::SqlxKeyStore;
use fieldseal::{Access, AsyncKeyStore, DataKeys, Error, ErrorKind, Field, KeyRing, Sealed};
use rows::{Broken, Rows};
use tokio::runtime::{Builder, Runtime};

const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);
const PHONE: Field<String> = Field::new("customer", "phone", CONTACT);
/// The fields, with the columns that they are in.
const FIELDS: [(Field<String>, &str); 2] = [(EMAIL, "email"), (PHONE, "phone")];

const SUBJECTS: std::ops::Range<i64> = 0..4;
/// Those who are erased in the end.
const LEAVING: i64 = 2;

type Step = dyn Fn(&mut EnvelopeEdit<'_>) -> Result<(), Error> + Send + Sync;

/// What all actors share.
struct World<R: Rows> {
    rows: R,
    ring: KeyRing,
    ledger: Lines,
    /// How many versions were stored of each subject's envelope, behind the first.
    stored: Vec<AtomicU64>,
    /// What each writer last committed, by subject and column.
    committed: Mutex<BTreeMap<(i64, &'static str), String>>,
    /// The data keys that marketing could ever unwrap: it keeps them.
    kept: Mutex<Vec<(i64, DataKeys)>>,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

impl<R: Rows> World<R> {
    fn new(rows: R) -> Self {
        let ring = signing();
        let ledger = Lines::begin(&ring);
        let stored = SUBJECTS.map(|_| AtomicU64::new(0)).collect();
        Self { rows, ring, ledger, stored, committed: Mutex::default(), kept: Mutex::default() }
    }

    fn access(&self) -> Access<'_> {
        Access::new(&self.ring).ledger(&self.ledger).source("form").notice("2026-03")
    }

    fn store(&self) -> SqlxKeyStore<R::Db> {
        SqlxKeyStore::new()
    }

    async fn sign_up(&self) {
        let mut on = self.rows.connect().await;
        self.store().migrate(&mut on).await.unwrap();
        for subject in SUBJECTS {
            let keys = DataKeys::create(self.access(), subject, [CONTACT, NOTES]).unwrap();
            R::begin(&mut on).await.unwrap();
            self.store().save_unchecked(&mut on, "", subject, keys.envelope()).await.unwrap();
            let sealed = FIELDS.map(|(field, column)| {
                self.committed.lock().unwrap().insert((subject, column), "first".into());
                field.seal(&keys, &"first".to_owned()).unwrap()
            });
            R::insert(&mut on, subject, &sealed).await.unwrap();
            R::commit(&mut on).await.unwrap();
        }
    }

    /// Changes an envelope, however often others come in between, and counts what was stored.
    async fn change(
        &self,
        on: &mut R::Connection,
        subject: i64,
        change: impl Fn(&mut EnvelopeEdit<'_>) -> Result<(), Error> + Send + Sync,
    ) -> Result<(), ErrorKind> {
        loop {
            let changed = Mutex::new(false);
            let result = self
                .store()
                .change(on, self.access(), subject, |edit| {
                    change(edit)?;
                    *changed.lock().unwrap() = edit.is_changed();
                    Ok(())
                })
                .await;
            match result {
                Ok(_) => {
                    let changed = u64::from(changed.into_inner().unwrap());
                    self.stored(subject).fetch_add(changed, Ordering::SeqCst);
                    return Ok(());
                }
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(error.kind()),
            }
        }
    }

    fn stored(&self, subject: i64) -> &AtomicU64 {
        &self.stored[usize::try_from(subject).unwrap()]
    }

    /// Writes one column of everybody, again and again.
    async fn write(&self, (field, column): (Field<String>, &'static str), rounds: usize) {
        let service = self.ring.subset(&["app"]).unwrap().into_ring();
        let mut on = self.rows.connect().await;
        for round in 0..rounds {
            for subject in SUBJECTS {
                let value = format!("{column} {round}");
                let written = self
                    .transaction(&mut on, async |on| {
                        let stored = self.store().load_locked(on, "", subject).await?.unwrap();
                        let keys = stored.unwrap(&service, subject)?;
                        let sealed = field.seal(&keys, &value)?;
                        R::update(on, subject, column, &sealed).await?;
                        Ok(())
                    })
                    .await;
                match written {
                    Ok(()) => {
                        self.committed.lock().unwrap().insert((subject, column), value);
                    }
                    Err(ErrorKind::Erased) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }

    /// Reseals what is queued, until nobody changes anything any more and nothing is left.
    async fn reseal(&self, on: &mut R::Connection) -> usize {
        let queue = self.store().reseal_queue(on, None, 10).await.unwrap();
        for item in &queue {
            let subject = SUBJECTS
                .into_iter()
                .find(|subject| fieldseal::SubjectId::new(*subject).unwrap() == item.subject)
                .unwrap();
            let done = self
                .transaction(on, async |on| {
                    let stored = self.store().load_locked(on, "", subject).await?.unwrap();
                    let keys = stored.unwrap(&self.ring, subject)?;
                    let row = R::select_locked(on, subject).await?;
                    for ((field, column), sealed) in FIELDS.into_iter().zip(row) {
                        let sealed: Sealed<String> = Sealed::from_bytes(sealed);
                        if let Some(fresh) = field.reseal(&keys, &sealed)? {
                            R::update(on, subject, column, &fresh).await?;
                        }
                    }
                    self.store().resealed(on, item).await?;
                    Ok(())
                })
                .await;
            done.unwrap();
        }
        queue.len()
    }

    /// A transaction, begun again when others were in its way.
    async fn transaction(
        &self,
        on: &mut R::Connection,
        body: impl AsyncFn(&mut R::Connection) -> Result<(), Broken>,
    ) -> Result<(), ErrorKind> {
        loop {
            let result = match R::begin(on).await {
                Ok(()) => match body(on).await {
                    Ok(()) => R::commit(on).await,
                    Err(error) => {
                        R::rollback(on).await;
                        Err(error)
                    }
                },
                Err(error) => Err(error),
            };
            match result {
                Ok(()) => return Ok(()),
                Err(Broken::Again) => {}
                Err(Broken::Refused(error)) if is_conflict(&error) => {}
                Err(Broken::Refused(error)) => return Err(error.kind()),
            }
        }
    }

    /// Grants and withdraws; marketing keeps whatever it gets.
    async fn consent(&self, rounds: usize) {
        let service = self.ring.subset(&["marketing"]).unwrap().into_ring();
        let mut on = self.rows.connect().await;
        for round in 0..rounds {
            for subject in SUBJECTS {
                let history = if round % 2 == 0 { History::Included } else { History::Excluded };
                let steps: [Box<Step>; 2] = [
                    Box::new(move |edit| edit.grant(CONTACT, "marketing", history)),
                    Box::new(|edit| edit.withdraw(CONTACT, "marketing")),
                ];
                for step in steps {
                    match self.change(&mut on, subject, step).await {
                        Ok(()) | Err(ErrorKind::Erased) => {}
                        Err(other) => panic!("{other}"),
                    }
                    let stored = self.store().load(&mut on, "", subject).await.unwrap().unwrap();
                    let keys = stored.unwrap(&service, subject).unwrap();
                    self.kept.lock().unwrap().push((subject, keys));
                }
            }
        }
    }

    /// Renews and rewraps.
    async fn rotate(&self, rounds: usize) {
        let mut on = self.rows.connect().await;
        for _ in 0..rounds {
            for subject in SUBJECTS {
                let renewed = self.change(&mut on, subject, |edit| edit.renew(CONTACT)).await;
                let rewrapped = self
                    .change(&mut on, subject, |edit| edit.rewrap([CONTACT, NOTES]).map(drop))
                    .await;
                for result in [renewed, rewrapped] {
                    assert!(matches!(result, Ok(()) | Err(ErrorKind::Erased)), "{result:?}");
                }
            }
        }
    }

    async fn erase(&self) {
        let mut on = self.rows.connect().await;
        for subject in LEAVING..SUBJECTS.end {
            loop {
                match self.store().erase(&mut on, self.access(), subject).await {
                    Ok(_) => break,
                    Err(error) if is_conflict(&error) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            self.stored(subject).fetch_add(1, Ordering::SeqCst);
        }
    }

    /// What must hold when all is quiet.
    async fn check(&self) {
        let mut on = self.rows.connect().await;
        while self.reseal(&mut on).await > 0 {}
        let committed = self.committed.lock().unwrap().clone();
        for subject in SUBJECTS {
            let envelope = self.store().load(&mut on, "", subject).await.unwrap().unwrap();
            let stored = self.stored(subject).load(Ordering::SeqCst);
            assert_eq!(
                envelope.version().unwrap(),
                1 + stored,
                "every stored change is one version"
            );

            let keys = envelope.unwrap(&self.ring, subject).unwrap();
            assert_eq!(keys.is_erased(), subject >= LEAVING, "the erased stay erased");
            let row = R::select_locked(&mut on, subject).await.ok().unwrap();
            for ((field, column), sealed) in FIELDS.into_iter().zip(row) {
                let sealed: Sealed<String> = Sealed::from_bytes(sealed);
                let opened = field.open(&keys, &sealed).map_err(|error| error.kind());
                if subject >= LEAVING {
                    assert_eq!(opened, Err(ErrorKind::Erased), "{subject} {column}");
                } else {
                    assert_eq!(
                        opened.as_ref(),
                        Ok(&committed[&(subject, column)]),
                        "no lost update"
                    );
                }
                // Consent was withdrawn in the end, and all was resealed: nothing that marketing ever
                // held opens what is stored now.
                if subject < LEAVING {
                    let kept = self.kept.lock().unwrap();
                    let opening = kept
                        .iter()
                        .filter(|(of, keys)| *of == subject && field.open(keys, &sealed).is_ok());
                    assert_eq!(opening.count(), 0, "{subject} {column}");
                }
            }
        }
        self.check_ledger();
    }

    /// The ledger has an erasure for each that left, and a withdrawal behind every grant.
    fn check_ledger(&self) {
        let ledger = self.ledger.read(&self.ring);
        for subject in SUBJECTS {
            let entries = ledger.of(&self.ring, subject).unwrap();
            let erased = entries.iter().any(|entry| entry.act == LedgerAct::EraseSubject);
            assert_eq!(erased, subject >= LEAVING);
            if !erased {
                let consents = ledger.consents(&self.ring, subject).unwrap();
                assert_eq!(consents.len(), 1);
                assert!(consents[0].given.is_none() && consents[0].withdrawn.is_some());
            }
        }
    }
}

fn is_conflict(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Retry)
}

/// All at once, each on a thread and a connection of its own.
fn live<R: Rows>(rows: R) {
    let world = Arc::new(World::new(rows));
    runtime().block_on(world.sign_up());
    let (start, busy) = (Barrier::new(6), AtomicU64::new(5));
    let acting = |act: &dyn Fn(&Runtime)| {
        start.wait();
        act(&runtime());
        busy.fetch_sub(1, Ordering::SeqCst);
    };
    std::thread::scope(|threads| {
        for field in FIELDS {
            let (world, acting) = (&world, &acting);
            threads.spawn(move || acting(&|runtime| runtime.block_on(world.write(field, 25))));
        }
        threads.spawn(|| acting(&|runtime| runtime.block_on(world.consent(6))));
        threads.spawn(|| acting(&|runtime| runtime.block_on(world.rotate(8))));
        threads.spawn(|| {
            acting(&|runtime| {
                runtime.block_on(async {
                    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                    world.erase().await;
                });
            });
        });
        threads.spawn(|| {
            start.wait();
            let (runtime, rounds) = (runtime(), Cell::new(0));
            runtime.block_on(async {
                let mut on = world.rows.connect().await;
                while busy.load(Ordering::SeqCst) > 0 {
                    world.reseal(&mut on).await;
                    rounds.set(rounds.get() + 1);
                }
            });
        });
    });
    runtime().block_on(world.check());
}

#[test]
fn nothing_is_lost_and_nobody_comes_back_on_sqlite() {
    let path = std::env::temp_dir().join(format!("fieldseal-life-{}.db", std::process::id()));
    let clear = || {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", path.display()));
        }
    };
    clear();
    live(rows::Sqlite(path.clone()));
    clear();
}

#[test]
fn nothing_is_lost_and_nobody_comes_back_on_postgresql() {
    if let Some(schema) = Schema::new() {
        live(rows::Postgres(schema));
    }
}

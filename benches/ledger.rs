//! A ledger file of 100,000 entries about 1,000 persons, of whom one has 2,000 grants and 2,000 withdrawals: opened,
//! added to, checked, read, asked for one person's consents, and made ready for a replay. What is read is held in
//! memory; how much, is printed on Linux.
//!
//! `cargo bench --features file --bench ledger`
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fieldseal::audit::{LedgerAct, LedgerChange, LedgerSink};
use fieldseal::ledger::{LedgerHead, Replay};
use fieldseal::store::LedgerFile;
use fieldseal::{Access, Class, DataKeys, Error, KeyEnvelope, KeyRing, SubjectId};

const CONTACT: Class = Class::new("contact").readers_with_consent(&["marketing"]);
const ENTRIES: u64 = 100_000;
/// Of each kind, about one person.
const MANY: u64 = 2_000;

/// Makes many entries of one grant.
struct Copies(Mutex<(String, LedgerHead)>);

impl LedgerSink for Copies {
    fn append(&self, ring: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
        let mut held = self.0.lock().unwrap();
        let (text, head) = &mut *held;
        let grant = changes.first().unwrap();
        let with = |act: &LedgerAct, number: u64| {
            let mut act = act.clone();
            if let LedgerAct::Grant { generation, .. } | LedgerAct::Withdraw { generation, .. } =
                &mut act
            {
                *generation = u16::try_from(number).unwrap();
            }
            act
        };
        for number in 0..ENTRIES {
            let many = number < 2 * MANY;
            let subject = SubjectId::new(if many { 0 } else { number % 999 + 1 })?;
            let act = match (many, number % 2) {
                (true, 1) => with(&withdrawal(), number / 2 + 1),
                (true, _) => with(grant.act, number / 2 + 1),
                _ => grant.act.clone(),
            };
            let mut change = *grant;
            (change.act, change.subject) = (&act, &subject);
            let (line, next) = head.next(ring, &change)?;
            text.push_str(&line);
            *head = next;
        }
        Ok(())
    }
}

/// A withdrawal, as an edit tells it.
fn withdrawal() -> LedgerAct {
    struct Told(Mutex<Option<LedgerAct>>);
    impl LedgerSink for Told {
        fn append(&self, _: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
            *self.0.lock().unwrap() = changes.last().map(|change| change.act.clone());
            Ok(())
        }
    }
    static ACT: Mutex<Option<LedgerAct>> = Mutex::new(None);
    ACT.lock()
        .unwrap()
        .get_or_insert_with(|| {
            let (ring, told) = (ring(), Told(Mutex::default()));
            let access = Access::new(&ring).ledger(&told).source("form").notice("1");
            let consents = CONTACT.consented_to(&["marketing"]);
            let keys = DataKeys::create(access, 1, consents).unwrap();
            let mut edit = keys.envelope().edit(access, 1).unwrap();
            edit.withdraw(CONTACT, "marketing").unwrap();
            edit.finish().unwrap();
            told.0.into_inner().unwrap().unwrap()
        })
        .clone()
}

fn ring() -> KeyRing {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_role("marketing").unwrap();
    ring.add_signing_key().unwrap();
    ring
}

/// The memory that the process holds, where it can be told.
fn held() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// The shortest of some times.
fn timed<T>(name: &str, times: u32, mut run: impl FnMut() -> T) -> T {
    let mut best = Duration::MAX;
    let mut last = None;
    for _ in 0..times {
        let begun = Instant::now();
        last = Some(run());
        best = best.min(begun.elapsed());
    }
    println!("{name}: {best:?}");
    last.unwrap()
}

fn main() {
    let ring = ring();
    let folder = std::env::temp_dir().join(format!("fieldseal-bench-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let file = LedgerFile::create(folder.join("ledger.jsonl"), &ring).unwrap();
    let copies = Copies(Mutex::new((String::new(), file.head().unwrap())));
    let access = Access::new(&ring).ledger(&copies).actor("a customer").source("form /signup");
    let consents = CONTACT.consented_to(&["marketing"]);
    DataKeys::create(access.notice("2026-03"), 42, consents).unwrap();
    let (text, head) = copies.0.into_inner().unwrap();
    OpenOptions::new().append(true).open(file.path()).unwrap().write_all(text.as_bytes()).unwrap();
    drop(text);
    let stored = fs::metadata(file.path()).unwrap().len();
    println!("{ENTRIES} entries, {} bytes each", stored / ENTRIES);

    let keys = ring.verifying_keys();
    timed("open", 20, || LedgerFile::open(file.path(), &ring).unwrap());
    assert_eq!(timed("check", 3, || file.check(&keys, None).unwrap()), head);
    let before = held();
    timed("consents from the file", 1, || file.consents(&ring, 7_u64, None).unwrap());
    timed("consents from the file, by a known head", 3, || {
        file.consents(&ring, 7_u64, Some(&head)).unwrap()
    });
    println!("memory: {} bytes an entry", held().saturating_sub(before) * 1_024 / ENTRIES);
    let before = held();
    let ledger = timed("read", 1, || file.read(&keys).unwrap());
    println!("memory: {} bytes an entry", held().saturating_sub(before) * 1_024 / ENTRIES);
    timed("read behind a known head", 1, || file.read_known(&keys, &head).unwrap());
    timed("consents of one with many", 5, || ledger.consents(&ring, 0_u64).unwrap());
    timed("consents of another", 5, || ledger.consents(&ring, 7_u64).unwrap());
    let replay = timed("Replay::new", 3, || Replay::new(&ring, &[&ledger], CONTACT).unwrap());
    let envelope = DataKeys::create(&ring, 0_u64, CONTACT).unwrap().envelope().clone();
    timed("Replay::apply of one with many", 5, || {
        replay.apply(&mut envelope.edit(&ring, 0_u64).unwrap()).unwrap_or(true)
    });
    drop(ledger);
    let opened = LedgerFile::open(file.path(), &ring).unwrap();
    timed("add a line", 20, || {
        KeyEnvelope::erased(Access::new(&ring).ledger(&opened), 7_u64).unwrap()
    });
    fs::remove_dir_all(&folder).unwrap();
}

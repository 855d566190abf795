//! Ledgers and their replay, clause by clause (FORMAT.md, 13): which acts are told, which grants stand, and
//! what a replay leaves.

#![cfg(feature = "file")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::sync::Mutex;

use common::*;
use fieldseal::{
    Access, Class, DataKeys, Error, ErrorKind, History, KeyEnvelope, KeyRing, KeyState, KeyUse,
    Ledger, LedgerAct, LedgerChange, LedgerFile, LedgerHead, LedgerSink, Replay, RingKey,
    SubjectId,
};

const SIGN: u32 = 0xD2;
/// Two readers with consent beside the application.
const NEWS: Class = Class::new("news").readers_with_consent(&["marketing", "support"]);
/// Nobody but by consent.
const OFFERS: Class = Class::new("offers").readers(&[]).readers_with_consent(&["marketing"]);

fn ring() -> KeyRing {
    let mut ring = admin();
    ring.insert(
        RingKey::symmetric(id(SIGN), KeyUse::Sign, "sign", KeyState::Primary, &secret(SIGN))
            .unwrap(),
    )
    .unwrap();
    ring
}

/// A ledger in memory.
struct Book(Mutex<(String, LedgerHead)>);

impl Book {
    fn new(ring: &KeyRing) -> Self {
        Self(Mutex::new(LedgerHead::begin(ring, NOW).unwrap()))
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().0.clone()
    }

    fn read(&self, ring: &KeyRing) -> Ledger {
        Ledger::read(&self.text(), &ring.verifying_keys()).unwrap()
    }

    /// The acts, as `grant news/marketing 1`.
    fn acts(&self, ring: &KeyRing) -> Vec<String> {
        let said = |act: &LedgerAct| match act {
            LedgerAct::Grant { class, role, generation, with_history, .. } => {
                let history = if *with_history { " with history" } else { "" };
                format!("grant {class}/{role} {generation}{history}")
            }
            LedgerAct::Withdraw { class, role, generation, .. } => {
                format!("withdraw {class}/{role} {generation}")
            }
            LedgerAct::EraseClass { class, generation, .. } => {
                format!("erase {class} {generation}")
            }
            other => format!("{other:?}"),
        };
        self.read(ring).entries().iter().map(|entry| said(&entry.act)).collect()
    }
}

impl LedgerSink for Book {
    fn append(&self, ring: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
        let mut book = self.0.lock().unwrap();
        for change in changes {
            let (line, head) = book.1.next(ring, change)?;
            book.0.push_str(&line);
            book.1 = head;
        }
        Ok(())
    }
}

fn by<'a>(ring: &'a KeyRing, book: &'a Book) -> Access<'a> {
    Access::new(ring).at(NOW).ledger(book).source("form").notice("2026-11")
}

/// Subject 42's envelope, replayed.
fn replayed(ring: &KeyRing, book: &Book, classes: &[Class], restored: &KeyEnvelope) -> KeyEnvelope {
    let ledger = book.read(ring);
    let replay = Replay::new(ring, &[&ledger], classes).unwrap();
    let subject = SubjectId::new(42).unwrap();
    let again = edited(Access::new(ring).at(NOW), restored, |edit| {
        replay.apply("", &subject, edit).map(drop)
    });
    // `[LG-14]` Repeated, it changes nothing more.
    let twice = edited(Access::new(ring).at(NOW), &again, |edit| {
        replay.apply("", &subject, edit).map(drop)
    });
    assert_eq!(again, twice);
    again
}

/// `[LG-12]` The generation begun for the one withdrawal must not be wrapped for the role of the other.
#[test]
fn roles_withdrawn_one_after_the_other_are_both_out_after_a_replay() {
    let (ring, consented) = (ring(), [(NEWS, ["marketing", "support"].as_slice())]);
    let book = Book::new(&ring);
    let old = DataKeys::create_for(by(&ring, &book), 42, &consented).unwrap().envelope().clone();
    let without_support = edited(by(&ring, &book), &old, |edit| edit.withdraw(&NEWS, "support"));
    edited(by(&ring, &book), &without_support, |edit| edit.withdraw(&NEWS, "marketing"));
    assert_eq!(book.acts(&ring)[2..], ["withdraw news/support 1", "withdraw news/marketing 2"]);

    let made_good = replayed(&ring, &book, &[NEWS], &old);
    assert_eq!(recipients(&made_good, "news/1"), [APP]);
    assert_eq!(recipients(&made_good, "news/3"), [APP]);
    assert_eq!(info(&made_good).entries.len(), 2);
}

/// `[LG-7]` `[LG-8]`
#[test]
fn consent_given_again_to_a_class_that_had_lost_its_last_reader_stands() {
    let (ring, book) = (ring(), Book::new(&ring()));
    let consented = [(OFFERS, ["marketing"].as_slice())];
    let old = DataKeys::create_for(by(&ring, &book), 42, &consented).unwrap().envelope().clone();
    let none = edited(by(&ring, &book), &old, |edit| edit.withdraw(&OFFERS, "marketing"));
    let consents = |book: &Book| book.read(&ring).consents(&ring, "", 42).unwrap();
    assert!(consents(&book)[0].given.is_none());

    edited(by(&ring, &book), &none, |edit| edit.renew_for(&OFFERS, &["marketing"]));
    assert_eq!(
        book.acts(&ring),
        ["grant offers/marketing 1", "withdraw offers/marketing 1", "grant offers/marketing 2"]
    );
    let again = consents(&book);
    assert_eq!(again[0].given.as_ref().unwrap().number, 4);
    assert_eq!(again[0].withdrawn.as_ref().unwrap().number, 3);
    let made_good = replayed(&ring, &book, &[OFFERS], &old);
    assert_eq!(recipients(&made_good, "offers/2"), [MARKETING]);
}

/// `[LG-7]` A grant may have been told and never stored.
#[test]
fn a_withdrawal_that_finds_nothing_to_take_is_told_and_ends_consent() {
    let (ring, book) = (ring(), Book::new(&ring()));
    let stored = DataKeys::create(by(&ring, &book), 42, &[NEWS]).unwrap().envelope().clone();
    edited(by(&ring, &book), &stored, |edit| edit.grant(&NEWS, "marketing", History::Included));
    let after = edited(by(&ring, &book), &stored, |edit| edit.withdraw(&NEWS, "marketing"));
    assert_eq!(after, stored);
    let consents = |book: &Book| book.read(&ring).consents(&ring, "", 42).unwrap();
    assert!(consents(&book)[0].given.is_none());
    assert_eq!(replayed(&ring, &book, &[NEWS], &stored), stored);

    edited(by(&ring, &book), &stored, |edit| edit.grant(&NEWS, "marketing", History::Included));
    assert!(consents(&book)[0].given.is_some());
    assert_eq!(
        book.acts(&ring),
        [
            "grant news/marketing 1 with history",
            "withdraw news/marketing 0",
            "grant news/marketing 1 with history"
        ]
    );
}

/// `[LG-7]`
#[test]
fn every_role_that_a_withdrawal_takes_out_is_told() {
    let (ring, book) = (ring(), Book::new(&ring()));
    let consented = [(NEWS, ["support", "marketing"].as_slice())];
    let stored = DataKeys::create_for(by(&ring, &book), 42, &consented).unwrap().envelope().clone();
    edited(by(&ring, &book), &stored, |edit| edit.withdraw_for(&NEWS, "support", &[]));
    assert_eq!(
        book.acts(&ring),
        [
            "grant news/marketing 1",
            "grant news/support 1",
            "withdraw news/support 1",
            "withdraw news/marketing 1"
        ]
    );
    let made_good = replayed(&ring, &book, &[NEWS], &stored);
    assert_eq!(recipients(&made_good, "news/1"), [APP]);
    assert_eq!(recipients(&made_good, "news/2"), [APP]);
}

/// `[LG-8]` A grant that was read from an older state, and never stored, takes nothing from one that was.
#[test]
fn a_later_grant_that_does_not_stand_does_not_hide_one_that_does() {
    let (ring, book) = (ring(), Book::new(&ring()));
    let consented = [(NEWS, ["marketing"].as_slice())];
    let first = DataKeys::create_for(by(&ring, &book), 42, &consented).unwrap().envelope().clone();
    let second = edited(by(&ring, &book), &first, |edit| edit.withdraw(&NEWS, "marketing"));
    edited(by(&ring, &book), &second, |edit| edit.grant(&NEWS, "marketing", History::Excluded));
    // From the first state again: told, and never stored.
    edited(by(&ring, &book), &first, |edit| edit.grant(&NEWS, "marketing", History::Included));
    let ledger = book.read(&ring);
    let consents = ledger.consents(&ring, "", 42).unwrap();
    assert_eq!(consents[0].given.as_ref().unwrap().number, 4, "{:?}", book.acts(&ring));
}

/// `[LG-11]`
#[test]
fn erasures_of_a_class_leave_its_number_behind() {
    let (ring, book) = (ring(), Book::new(&ring()));
    let old = DataKeys::create(by(&ring, &book), 42, &[NEWS]).unwrap().envelope().clone();
    let renewed = edited(by(&ring, &book), &old, |edit| edit.renew(&NEWS));
    let erased = edited(by(&ring, &book), &renewed, |edit| edit.erase_class("news"));
    let begun = edited(by(&ring, &book), &erased, |edit| edit.renew(&NEWS));
    edited(by(&ring, &book), &begun, |edit| edit.erase_class("news"));
    assert_eq!(book.acts(&ring), ["erase news 2", "erase news 3"]);
    let made_good = replayed(&ring, &book, &[], &old);
    let erased: Vec<u16> = info(&made_good).entries.iter().map(|entry| entry.generation).collect();
    assert_eq!(erased, [1, 3]);
}

/// `[LG-12]` Of a class that the restored envelope has not, and of one that was erased.
#[test]
fn withdrawals_carry_on_behind_what_was_reached() {
    let (ring, book) = (ring(), Book::new(&ring()));
    let consented = [(NEWS, ["marketing"].as_slice())];
    let old = DataKeys::create_for(by(&ring, &book), 42, &consented).unwrap().envelope().clone();
    edited(by(&ring, &book), &old, |edit| edit.withdraw(&NEWS, "marketing"));
    let absent = envelope(&[NOTES]);
    let made_good = replayed(&ring, &book, &[NEWS, NOTES], &absent);
    assert_eq!(recipients(&made_good, "news/2"), [APP]);

    let erased = edited(Access::new(&ring).at(NOW), &old, |edit| edit.erase_class("news"));
    assert_eq!(replayed(&ring, &book, &[NEWS], &erased), erased);
}

/// `[LG-2]` Each text is short enough, and together, escaped, they are not.
#[test]
fn a_line_that_no_reader_would_take_is_not_made() {
    let (ring, book) = (ring(), Book::new(&ring()));
    let stored = DataKeys::create(&ring, 42, &[NEWS]).unwrap().envelope().clone();
    let said = "\u{1}".repeat(1_024);
    let access = Access::new(&ring).ledger(&book).source(&said).notice(&said).actor(&said);
    let mut edit = stored.edit(access, 42).unwrap();
    edit.erase_subject().unwrap();
    assert_eq!(kind(edit.finish()), ErrorKind::InvalidInput);
    assert_eq!(book.read(&ring).entries().len(), 0);
}

/// `[LG-9]`
#[test]
fn consent_without_evidence_is_refused_where_a_ledger_is_kept() {
    let (ring, book) = (ring(), Book::new(&ring()));
    let stored = DataKeys::create(&ring, 42, &[NEWS]).unwrap().envelope().clone();
    let access = Access::new(&ring).ledger(&book);
    for access in [access, access.source("form"), access.notice("2026-11")] {
        for history in [History::Included, History::Excluded] {
            let kind = refused(access, &stored, |edit| edit.grant(&NEWS, "marketing", history));
            assert_eq!(kind, ErrorKind::InvalidInput);
        }
        let kind = refused(access, &stored, |edit| edit.renew_for(&NEWS, &["support"]));
        assert_eq!(kind, ErrorKind::InvalidInput);
        let consented = [(NEWS, ["support"].as_slice())];
        let kind = kind_of_creation(access, &consented);
        assert_eq!(kind, ErrorKind::InvalidInput);
    }
    assert_eq!(book.read(&ring).entries().len(), 0);
}

fn kind_of_creation(access: Access<'_>, consented: &[(Class, &[&str])]) -> ErrorKind {
    kind(DataKeys::create_for(access, 42, consented))
}

/// `[LG-1]` A crash may end a line within a character.
#[test]
fn a_ledger_torn_within_a_character_is_read_without_it() {
    let ring = ring();
    let path = std::env::temp_dir().join(format!("fieldseal-torn-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let file = LedgerFile::create(&path, &ring).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let torn = [whole.as_slice(), "{\"act\":\"erase-subject\",\"actor\":\"Zo\u{eb}".as_bytes()];
    let mut torn = torn.concat();
    torn.pop();
    std::fs::write(&path, &torn).unwrap();
    let ledger = file.read(&ring.verifying_keys()).unwrap();
    assert_eq!((ledger.entries().len(), ledger.is_torn()), (0, true));
    // Before the last line feed it is damage.
    torn.push(b'\n');
    std::fs::write(&path, &torn).unwrap();
    assert_eq!(kind(file.read(&ring.verifying_keys())), ErrorKind::Malformed);
    std::fs::remove_file(&path).unwrap();
}

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

use common::ledger::{Lines, signing};
use common::*;
use fieldseal::audit::LedgerAct;
use fieldseal::envelope::History;
use fieldseal::ledger::{Ledger, Replay};
use fieldseal::store::LedgerFile;
use fieldseal::{Access, Class, DataKeys, ErrorKind, KeyEnvelope, KeyRing};

/// Two readers with consent beside the application.
const NEWS: Class = Class::new("news").readers_with_consent(&["marketing", "support"]);
/// Nobody but by consent.
const OFFERS: Class = Class::new("offers").readers(&[]).readers_with_consent(&["marketing"]);

/// The acts, as `grant news/marketing 1`.
fn acts(book: &Lines, ring: &KeyRing) -> Vec<String> {
    let said = |act: &LedgerAct| match act {
        LedgerAct::Grant { class, role, generation, with_history, .. } => {
            let history = if *with_history { " with history" } else { "" };
            format!("grant {class}/{role} {generation}{history}")
        }
        LedgerAct::Withdraw { class, role, generation, .. } => {
            format!("withdraw {class}/{role} {generation}")
        }
        LedgerAct::EraseClass { class, generation, .. } => format!("erase {class} {generation}"),
        other => format!("{other:?}"),
    };
    book.read(ring).entries().iter().map(|entry| said(&entry.act)).collect()
}

fn by<'a>(ring: &'a KeyRing, book: &'a Lines) -> Access<'a> {
    Access::new(ring).at(NOW).ledger(book).source("form").notice("2026-11")
}

/// Subject 42's envelope, replayed.
fn replayed(
    ring: &KeyRing,
    book: &Lines,
    classes: &[Class],
    restored: &KeyEnvelope,
) -> KeyEnvelope {
    replayed_from(ring, &book.read(ring), classes, restored)
}

fn replayed_from(
    ring: &KeyRing,
    ledger: &Ledger,
    classes: &[Class],
    restored: &KeyEnvelope,
) -> KeyEnvelope {
    let replay = Replay::new(ring, &[ledger], classes).unwrap();
    let again = edited(Access::new(ring).at(NOW), restored, |edit| replay.apply(edit).map(drop));
    // `[LG-14]` Repeated, it changes nothing more.
    let twice = edited(Access::new(ring).at(NOW), &again, |edit| replay.apply(edit).map(drop));
    assert_eq!(again, twice);
    again
}

/// `[LG-12]` The generation begun for the one withdrawal must not be wrapped for the role of the other.
#[test]
fn roles_withdrawn_one_after_the_other_are_both_out_after_a_replay() {
    let ring = signing();
    let book = Lines::begin(&ring);
    let consented = NEWS.consented_to(&["marketing", "support"]);
    let old = DataKeys::create(by(&ring, &book), 42, consented).unwrap().envelope().clone();
    let without_support = edited(by(&ring, &book), &old, |edit| edit.withdraw(NEWS, "support"));
    edited(by(&ring, &book), &without_support, |edit| edit.withdraw(NEWS, "marketing"));
    assert_eq!(acts(&book, &ring)[2..], ["withdraw news/support 1", "withdraw news/marketing 2"]);

    let made_good = replayed(&ring, &book, &[NEWS], &old);
    assert_eq!(recipients(&made_good, "news/1"), [APP]);
    assert_eq!(recipients(&made_good, "news/3"), [APP]);
    assert_eq!(info(&made_good).entries.len(), 2);
}

/// `[LG-7]` `[LG-8]`
#[test]
fn consent_given_again_to_a_class_that_had_lost_its_last_reader_stands() {
    let ring = signing();
    let book = Lines::begin(&ring);
    let consented = OFFERS.consented_to(&["marketing"]);
    let old = DataKeys::create(by(&ring, &book), 42, consented).unwrap().envelope().clone();
    let none = edited(by(&ring, &book), &old, |edit| edit.withdraw(OFFERS, "marketing"));
    let consents = |book: &Lines| book.read(&ring).consents(&ring, 42).unwrap();
    assert!(consents(&book)[0].given.is_none());

    edited(by(&ring, &book), &none, |edit| edit.renew(OFFERS.consented_to(&["marketing"])));
    assert_eq!(
        acts(&book, &ring),
        ["grant offers/marketing 1", "withdraw offers/marketing 1", "grant offers/marketing 2"]
    );
    let again = consents(&book);
    assert_eq!(again[0].given.as_ref().unwrap().number, 4);
    assert_eq!(again[0].withdrawn.as_ref().unwrap().number, 3);
    let made_good = replayed(&ring, &book, &[OFFERS], &old);
    assert_eq!(recipients(&made_good, "offers/3"), [MARKETING]);
}

/// `[LG-8]` The line that is missing may be a withdrawal. Whether a grant follows one, only a whole ledger says.
#[test]
fn a_grant_before_missing_lines_keeps_no_withdrawn_role_in() {
    let ring = signing();
    let book = Lines::begin(&ring);
    let by = by(&ring, &book);
    let stored = DataKeys::create(by, 42, [NEWS]).unwrap().envelope().clone();
    let granted = edited(by, &stored, |edit| edit.grant(NEWS, "marketing", History::Included));
    let without = edited(by, &granted, |edit| edit.withdraw(NEWS, "marketing"));
    KeyEnvelope::erased(by, 43).unwrap();
    let again = edited(by, &without, |edit| edit.grant(NEWS, "marketing", History::Included));
    KeyEnvelope::erased(by, 44).unwrap();
    assert_eq!(
        acts(&book, &ring),
        [
            "grant news/marketing 1 with history",
            "withdraw news/marketing 1",
            "EraseSubject",
            "grant news/marketing 2 with history",
            "EraseSubject",
        ]
    );
    let without_line = |number: u64| {
        let text = book.text();
        let lines = (1..).zip(text.lines());
        let lines = lines.map(|(here, line)| if here == number { "damaged" } else { line });
        let text = lines.fold(String::new(), |all, line| all + line + "\n");
        let ledger = Ledger::read_damaged(text.as_bytes(), &ring.verifying_keys(), None).unwrap();
        assert_eq!(ledger.doubtful(), [number..=number]);
        ledger
    };
    let reads = |envelope: &KeyEnvelope| {
        ["news/1", "news/2"].map(|place| recipients(envelope, place).contains(&MARKETING))
    };
    let stands = |ledger: &Ledger| ledger.consents(&ring, 42).unwrap()[0].given.is_some();
    assert_eq!(reads(&again), [true, true]);

    // Whole, or damaged before the grant: it came after the withdrawal.
    for ledger in [book.read(&ring), without_line(4)] {
        assert!(stands(&ledger));
        assert_eq!(reads(&replayed_from(&ring, &ledger, &[NEWS], &again)), [true, true]);
    }
    // Damaged after it: in doubt the role is out, of what the withdrawal covers and of what the grant gave.
    let ledger = without_line(6);
    assert!(!stands(&ledger));
    let made_good = replayed_from(&ring, &ledger, &[NEWS], &again);
    assert_eq!(reads(&made_good), [false, false]);
    assert_eq!(recipients(&made_good, "news/1"), [APP], "the declared reader loses nothing");
    // The number that it names counts all the same: what is begun next is above it.
    assert_eq!(recipients(&made_good, "news/3"), [APP]);
    // Where the withdrawal itself is lost, nothing takes the role out.
    let ledger = without_line(3);
    assert!(stands(&ledger));
    assert_eq!(reads(&replayed_from(&ring, &ledger, &[NEWS], &again)), [true, true]);
}

/// `[LG-7]` A grant may have been told and never stored.
#[test]
fn a_withdrawal_that_finds_nothing_to_take_is_told_and_ends_consent() {
    let ring = signing();
    let book = Lines::begin(&ring);
    let stored = DataKeys::create(by(&ring, &book), 42, [NEWS]).unwrap().envelope().clone();
    edited(by(&ring, &book), &stored, |edit| edit.grant(NEWS, "marketing", History::Included));
    let after = edited(by(&ring, &book), &stored, |edit| edit.withdraw(NEWS, "marketing"));
    // A version of its own, so that the grant cannot be stored behind it.
    assert_eq!(after.version().unwrap(), 2);
    assert_eq!(info(&after).entries, info(&stored).entries);
    let consents = |book: &Lines| book.read(&ring).consents(&ring, 42).unwrap();
    assert!(consents(&book)[0].given.is_none());
    assert_eq!(replayed(&ring, &book, &[NEWS], &stored), stored);

    edited(by(&ring, &book), &stored, |edit| edit.grant(NEWS, "marketing", History::Included));
    assert!(consents(&book)[0].given.is_some());
    assert_eq!(
        acts(&book, &ring),
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
    let ring = signing();
    let book = Lines::begin(&ring);
    let consented = NEWS.consented_to(&["support", "marketing"]);
    let stored = DataKeys::create(by(&ring, &book), 42, consented).unwrap().envelope().clone();
    edited(by(&ring, &book), &stored, |edit| edit.withdraw(NEWS.consented_to(&[]), "support"));
    assert_eq!(
        acts(&book, &ring),
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
    let ring = signing();
    let book = Lines::begin(&ring);
    let consented = NEWS.consented_to(&["marketing"]);
    let first = DataKeys::create(by(&ring, &book), 42, consented).unwrap().envelope().clone();
    let second = edited(by(&ring, &book), &first, |edit| edit.withdraw(NEWS, "marketing"));
    edited(by(&ring, &book), &second, |edit| edit.grant(NEWS, "marketing", History::Excluded));
    // From the first state again: told, and never stored.
    edited(by(&ring, &book), &first, |edit| edit.grant(NEWS, "marketing", History::Included));
    let ledger = book.read(&ring);
    let consents = ledger.consents(&ring, 42).unwrap();
    assert_eq!(consents[0].given.as_ref().unwrap().number, 4, "{:?}", acts(&book, &ring));
}

/// `[LG-11]`
#[test]
fn erasures_of_a_class_leave_its_number_behind() {
    let ring = signing();
    let book = Lines::begin(&ring);
    let old = DataKeys::create(by(&ring, &book), 42, [NEWS]).unwrap().envelope().clone();
    let renewed = edited(by(&ring, &book), &old, |edit| edit.renew(NEWS));
    let erased = edited(by(&ring, &book), &renewed, |edit| edit.erase_class("news"));
    let begun = edited(by(&ring, &book), &erased, |edit| edit.renew(NEWS));
    edited(by(&ring, &book), &begun, |edit| edit.erase_class("news"));
    assert_eq!(acts(&book, &ring), ["erase news 2", "erase news 4"]);
    let made_good = replayed(&ring, &book, &[], &old);
    let erased: Vec<u16> = info(&made_good).entries.iter().map(|entry| entry.generation).collect();
    assert_eq!(erased, [1, 4]);
}

/// `[LG-12]` Of a class that the restored envelope has not, and of one that was erased.
#[test]
fn withdrawals_carry_on_behind_what_was_reached() {
    let ring = signing();
    let book = Lines::begin(&ring);
    let consented = NEWS.consented_to(&["marketing"]);
    let old = DataKeys::create(by(&ring, &book), 42, consented).unwrap().envelope().clone();
    edited(by(&ring, &book), &old, |edit| edit.withdraw(NEWS, "marketing"));
    let absent = envelope(&[NOTES]);
    let made_good = replayed(&ring, &book, &[NEWS, NOTES], &absent);
    assert_eq!(recipients(&made_good, "news/2"), [APP]);

    let erased = edited(Access::new(&ring).at(NOW), &old, |edit| edit.erase_class("news"));
    let marked = replayed(&ring, &book, &[NEWS], &erased);
    let numbers: Vec<u16> = info(&marked).entries.iter().map(|entry| entry.generation).collect();
    assert_eq!(numbers, [1, 2]);
}

/// `[LG-2]` Control characters take six bytes each.
#[test]
fn the_longest_texts_make_a_line_that_is_read() {
    let ring = signing();
    let book = Lines::begin(&ring);
    let (said, tenant) = ("\u{1}".repeat(1_024), "\u{1f}".repeat(64));
    let access = Access::new(&ring).ledger(&book).tenant(&tenant);
    let access = access.source(&said).notice(&said).actor(&said).purpose(&said);
    let _erased = KeyEnvelope::erased(access, 42).unwrap();
    assert!(book.text().len() > 24_576);
    let ledger = book.read(&ring);
    assert_eq!(ledger.entries()[0].actor.as_deref(), Some(said.as_str()));
}

/// `[LG-1]` A crash may end a line within a character.
#[test]
fn a_ledger_torn_within_a_character_is_read_without_it() {
    let ring = signing();
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

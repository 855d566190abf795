//! Receipts of erasures: what they say, and what of it is believed.
#![cfg(all(feature = "file", feature = "derive"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

#[path = "receipts/believed.rs"]
mod believed;
mod common;
#[path = "receipts/spelled.rs"]
mod spelled;

use common::ledger::*;
use common::*;
use fieldseal::envelope::{Erasure, History};
use fieldseal::keyring::{KeyState, KeyUse, RingKey, VerifyingKey};
use fieldseal::ledger::Receipt;
use fieldseal::{
    Access, Catalog, Class, DataKeys, ErrorKind, KeyEnvelope, KeyRing, KeyStore as _,
    MemoryKeyStore, Record,
};

/// What contact was once.
const FORMER: Class = Class::new("former").readers(&["app", "support"]);

#[derive(Record)]
#[record(name = "customer", single_row)]
#[allow(dead_code, reason = "its schema is what counts")]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT, was = FORMER))]
    email: String,
    #[record(seal(class = NOTES, was = CONTACT))]
    nickname: Option<String>,
    #[record(seal(class = FINANCIAL))]
    card: Option<String>,
    plan: String,
}

#[derive(Record)]
#[record(name = "address", keys = "external")]
#[allow(dead_code, reason = "its schema is what counts")]
struct Address {
    #[record(row)]
    id: i64,
    #[record(subject)]
    customer_id: i64,
    #[record(seal(class = CONTACT))]
    street: String,
}

fn catalog() -> Catalog<'static> {
    Catalog::new(&[Customer::SCHEMA, Address::SCHEMA]).unwrap()
}

fn at(ring: &KeyRing, now: u64) -> Access<'_> {
    Access::new(ring).at(now)
}

fn keys() -> Vec<VerifyingKey> {
    signing().verifying_keys()
}

/// A store with subject 42: contact in two generations, read by marketing too, notes and financial.
fn store() -> MemoryKeyStore {
    let (ring, store) = (signing(), MemoryKeyStore::new());
    let consents = [
        CONTACT.consented_to(&["marketing"]),
        NOTES.consented_to(&[]),
        FINANCIAL.consented_to(&[]),
    ];
    let made = DataKeys::create(at(&ring, NOW), 42, consents).unwrap();
    store.save_unchecked(&(), "", 42, made.envelope()).unwrap();
    store.change(&(), at(&ring, NOW), 42, |edit| edit.renew(CONTACT)).unwrap();
    store
}

fn stored_in(store: &MemoryKeyStore) -> KeyEnvelope {
    store.load(&(), "", 42).unwrap().unwrap()
}

/// The receipt of an erasure, printed and read again by the public half.
#[track_caller]
fn receipt(erasure: &Erasure, ring: &KeyRing, catalog: Option<&Catalog>) -> Receipt {
    let access = at(ring, NOW + 2 * DAY).actor("support desk").purpose("ticket 812");
    let made = erasure.receipt(access, catalog).unwrap();
    let read = Receipt::from_json(made.to_string().as_bytes(), &ring.verifying_keys()).unwrap();
    assert_eq!(read.to_string(), made.to_string());
    read
}

fn generations(receipt: &Receipt) -> Vec<String> {
    let shown = receipt.generations().iter();
    shown.map(|one| format!("{}/{} {}", one.class, one.generation, one.erased_at - NOW)).collect()
}

fn columns(receipt: &Receipt) -> Vec<String> {
    receipt.columns().iter().map(|one| format!("{}.{}", one.record, one.column)).collect()
}

fn opening(receipt: &Receipt) -> Vec<(u32, Option<&str>)> {
    receipt.keys().iter().map(|key| (key.id.get(), key.role.as_deref())).collect()
}

#[test]
fn the_receipt_of_a_subject_names_all_that_is_gone() {
    let (ring, store) = (signing(), store());
    let erasure = store.erase(&(), at(&ring, NOW + DAY), 42).unwrap();
    let receipt = receipt(&erasure, &ring, Some(&catalog()));
    assert_eq!(receipt.subject(), &fieldseal::SubjectId::new(42).unwrap());
    assert_eq!((receipt.tenant(), receipt.at()), ("", NOW + 2 * DAY));
    assert_eq!(receipt.subject_erased_at(), Some(NOW + DAY));
    assert_eq!(
        generations(&receipt),
        ["contact/1 86400", "contact/2 86400", "financial/1 86400", "notes/1 86400"]
    );
    assert_eq!(
        columns(&receipt),
        ["address.street", "customer.card", "customer.email", "customer.nickname"]
    );
    assert_eq!(
        opening(&receipt),
        [
            (APP, Some("app")),
            (SUPPORT, Some("support")),
            (MARKETING, Some("marketing")),
            (BILLING, Some("billing"))
        ]
    );
    assert_eq!(receipt.actor(), Some("support desk"));
    assert_eq!(receipt.purpose(), Some("ticket 812"));
    assert_eq!(receipt.key(), id(SIGN));
}

#[test]
fn the_receipt_of_a_class_names_that_class_alone() {
    let (ring, store) = (signing(), store());
    let erasure = store.erase_class(&(), at(&ring, NOW + DAY), 42, "contact").unwrap();
    let contact = receipt(&erasure, &ring, Some(&catalog()));
    assert_eq!(contact.subject_erased_at(), None);
    assert_eq!(generations(&contact), ["contact/1 86400", "contact/2 86400"]);
    // A former class counts, as what was not resealed lies under it.
    assert_eq!(columns(&contact), ["address.street", "customer.email", "customer.nickname"]);
    assert_eq!(
        opening(&contact),
        [(APP, Some("app")), (SUPPORT, Some("support")), (MARKETING, Some("marketing"))]
    );

    let erasure = store.erase_class(&(), at(&ring, NOW + DAY), 42, "financial").unwrap();
    let financial = receipt(&erasure, &ring, Some(&catalog()));
    assert_eq!(generations(&financial), ["financial/1 86400"]);
    assert_eq!(columns(&financial), ["customer.card"]);
    assert_eq!(opening(&financial), [(BILLING, Some("billing"))]);
}

#[test]
fn without_a_catalog_no_columns_are_named() {
    let (ring, store) = (signing(), store());
    let erasure = store.erase(&(), at(&ring, NOW), 42).unwrap();
    assert!(receipt(&erasure, &ring, None).columns().is_empty());
    let bare = erasure.receipt(&ring, None).unwrap();
    assert_eq!((bare.actor(), bare.purpose()), (None, None));
}

#[test]
fn masks_are_erased_with_their_class_and_named() {
    let ring = signing();
    let envelope = stored(&[
        live("contact", 3, &[APP]),
        live("mask.contact", 1, &[SUPPORT]),
        live("mask.notes", 1, &[MARKETING]),
        live("notes", 1, &[BILLING]),
    ]);
    let mut edit = envelope.edit(at(&ring, NOW + DAY), 42).unwrap();
    edit.erase_class("contact").unwrap();
    let receipt = receipt(&edit.finish_erasure().unwrap(), &ring, Some(&catalog()));
    assert_eq!(generations(&receipt), ["contact/3 86400", "mask.contact/1 86400"]);
    assert_eq!(opening(&receipt), [(APP, Some("app")), (SUPPORT, Some("support"))]);
}

#[test]
fn several_erasures_in_one_change_are_one_receipt() {
    let (ring, store) = (signing(), store());
    let mut edit = stored_in(&store).edit(at(&ring, NOW + DAY), 42).unwrap();
    edit.erase_class("contact").unwrap();
    // What is wrapped and erased at once was never stored.
    edit.grant(FINANCIAL, "billing", History::Included).unwrap();
    edit.erase_class("financial").unwrap();
    edit.renew(FINANCIAL).unwrap();
    edit.erase_class("financial").unwrap();
    let receipt = receipt(&edit.finish_erasure().unwrap(), &ring, None);
    assert_eq!(
        generations(&receipt),
        ["contact/1 86400", "contact/2 86400", "financial/1 86400", "financial/3 86400"]
    );
    let ids: Vec<_> = receipt.keys().iter().map(|key| key.id.get()).collect();
    assert_eq!(ids, [APP, SUPPORT, MARKETING, BILLING]);
}

#[test]
fn a_change_that_erases_nothing_gives_no_receipt() {
    let (ring, store) = (signing(), store());
    let mut edit = stored_in(&store).edit(at(&ring, NOW), 42).unwrap();
    edit.renew(CONTACT).unwrap();
    assert_eq!(kind(edit.erase_class("absent")), ErrorKind::MissingClass);
    assert_eq!(kind(edit.finish_erasure()), ErrorKind::Declaration);
    assert_eq!(kind(store.erase_class(&(), &ring, 43, "contact")), ErrorKind::UnknownSubject);
}

/// With each of the keys that are named, and with no other, the old copy opens.
#[test]
fn the_keys_named_are_those_that_open_an_old_copy() {
    let (mut ring, store) = (signing(), store());
    // Contact's first generations are under the former key of app, its third under the new one.
    let former = APP;
    let app = ring.rotate(KeyUse::Wrap, "app").unwrap();
    store.change(&(), at(&ring, NOW), 42, |edit| edit.renew(CONTACT)).unwrap();
    let old = stored_in(&store);
    let erasure = store.erase_class(&(), at(&ring, NOW), 42, "contact").unwrap();
    let named: Vec<u32> =
        receipt(&erasure, &ring, None).keys().iter().map(|key| key.id.get()).collect();
    assert!(named.contains(&former) && named.contains(&app.get()));

    for key in ring.keys().filter(|key| key.key_use() == KeyUse::Wrap) {
        // Of a key pair there are two secrets; nothing here is wrapped for it.
        let Some(secret) = key.expose_secret().filter(|_| key.name() != "medical") else {
            continue;
        };
        let alone = RingKey::symmetric(
            key.id(),
            KeyUse::Wrap,
            key.name(),
            KeyState::Primary,
            secret.expose(),
        );
        let thief = ring_of([envelope_key(ENVELOPE, KeyState::Primary), alone.unwrap()]);
        let keys = old.unwrap(at(&thief, NOW), 42).unwrap();
        let opens = (1..=3)
            .any(|generation| reach_of(&keys, &format!("contact/{generation}")).contains("open"));
        assert_eq!(opens, named.contains(&key.id().get()), "{key}");
    }
}

#[test]
fn keys_that_are_destroyed_open_nothing_and_are_not_named() {
    let (ring, store) = (signing(), store());
    let erasure = store.erase(&(), at(&ring, NOW), 42).unwrap();
    for (state, named) in [
        (KeyState::OpenOnly, true),
        (KeyState::Disabled, true),
        (KeyState::Compromised, true),
        (KeyState::Destroyed, false),
    ] {
        let mut ring = signing();
        put(&mut ring, MARKETING, state);
        let receipt = receipt(&erasure, &ring, None);
        assert_eq!(opening(&receipt).contains(&(MARKETING, Some("marketing"))), named, "{state:?}");
        assert_eq!(receipt.keys().len(), if named { 4 } else { 3 });
    }
}

#[test]
fn keys_that_the_ring_does_not_know_are_named_without_a_role() {
    let mut ring = ring_of([envelope_key(ENVELOPE, KeyState::Primary)]);
    ring.insert(signing_key(SIGN, KeyState::Primary)).unwrap();
    ring.insert(symmetric(SUPPORT, "support", KeyState::OpenOnly)).unwrap();
    let mut entry = live("contact", 1, &[APP, SUPPORT]);
    // One of a kind to come, which nobody here unwraps.
    entry.live_mut().recipients.push(unknown(0x77));
    let mut edit = stored(&[entry]).edit(at(&ring, NOW), 42).unwrap();
    edit.erase_subject().unwrap();
    let receipt = receipt(&edit.finish_erasure().unwrap(), &ring, None);
    assert_eq!(opening(&receipt), [(APP, None), (SUPPORT, Some("support")), (0x77, None)]);
}

#[test]
fn a_second_request_gives_a_receipt_of_what_was_done_the_first_time() {
    let (ring, store, ledger) = (signing(), store(), Lines::begin(&signing()));
    let first = store.erase(&(), at(&ring, NOW + DAY).ledger(&ledger), 42).unwrap();
    let after = stored_in(&store);
    let again = store.erase(&(), at(&ring, NOW + 9 * DAY).ledger(&ledger), 42).unwrap();
    assert_eq!(stored_in(&store), after, "nothing is stored anew");
    assert_eq!(ledger.read(&ring).entries().len(), 2, "and what was asked for is told");

    let (first, again) = (receipt(&first, &ring, None), receipt(&again, &ring, None));
    assert_eq!(again.subject_erased_at(), Some(NOW + DAY));
    assert_eq!(generations(&again), generations(&first));
    // Which keys wrapped them, the envelope knows no more, and the receipt says so.
    assert!(again.keys().is_empty() && again.generations().iter().all(|one| one.earlier));
    assert!(!first.keys().is_empty() && first.generations().iter().all(|one| !one.earlier));
    // A class of the erased subject, too.
    let class = store.erase_class(&(), at(&ring, NOW + 9 * DAY), 42, "notes").unwrap();
    assert_eq!(generations(&receipt(&class, &ring, None)), ["notes/1 86400"]);
}

#[test]
fn a_class_erased_again_is_told_with_what_was_erased_before() {
    let (ring, store) = (signing(), store());
    let erase = |now| store.erase_class(&(), at(&ring, now), 42, "contact").unwrap();
    let _ = erase(NOW);
    let again = receipt(&erase(NOW + DAY), &ring, None);
    assert_eq!(generations(&again), ["contact/1 0", "contact/2 0"]);
    assert!(again.keys().is_empty());
    store.change(&(), at(&ring, NOW + DAY), 42, |edit| edit.renew(CONTACT)).unwrap();
    let third = receipt(&erase(NOW + DAY), &ring, None);
    // Generation 3 is the mark of the second erasure, and never was a data key.
    let all = ["contact/1 0", "contact/2 0", "contact/4 86400"];
    assert_eq!(generations(&third), all);
    assert_eq!(opening(&third), [(APP, Some("app")), (SUPPORT, Some("support"))]);
    let earlier: Vec<_> = third.generations().iter().map(|one| one.earlier).collect();
    assert_eq!(earlier, [true, true, false]);
}

#[test]
fn a_subject_that_was_never_stored_gets_a_receipt() {
    let (ring, store) = (signing(), MemoryKeyStore::new());
    let erasure =
        store.erase_absent(&(), at(&ring, NOW).tenant("acme"), "ada@example.com").unwrap();
    let receipt = receipt(&erasure, &ring, Some(&catalog()));
    assert_eq!(receipt.tenant(), "acme");
    assert_eq!(receipt.subject(), &fieldseal::SubjectId::new("ada@example.com").unwrap());
    assert_eq!(receipt.subject_erased_at(), Some(NOW));
    assert!(receipt.generations().is_empty() && receipt.keys().is_empty());
    assert_eq!(receipt.columns().len(), 4);
}

#[test]
fn what_cannot_be_signed_gives_no_receipt() {
    let (ring, store) = (signing(), store());
    let erasure = store.erase(&(), at(&ring, NOW), 42).unwrap();
    let auditor = {
        let mut auditor = KeyRing::empty();
        let half = RingKey::public_half(keys()[0], KeyState::OpenOnly).unwrap();
        auditor.insert(half).unwrap();
        auditor
    };
    let mut former = signing();
    put(&mut former, SIGN, KeyState::OpenOnly);
    for ring in [admin(), signing().subset(&["app"]).unwrap().into_ring(), auditor, former] {
        assert_eq!(kind(erasure.receipt(&ring, None)), ErrorKind::MissingKey);
    }
    assert_eq!(kind(erasure.receipt(at(&ring, u64::MAX), None)), ErrorKind::InvalidInput);
    let late = at(&ring, 253_402_300_800); // the year 10000
    assert_eq!(kind(erasure.receipt(late, None)), ErrorKind::InvalidInput);
    // What was erased by such a clock cannot be spelled either.
    let mut edit = envelope(&[CONTACT]).edit(late, 42).unwrap();
    edit.erase_subject().unwrap();
    let erasure = edit.finish_erasure().unwrap();
    assert_eq!(kind(erasure.receipt(at(&ring, NOW), None)), ErrorKind::InvalidInput);
}

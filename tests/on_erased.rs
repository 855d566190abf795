//! `[OP-7]` What is erased or has expired opens as `None` where the field says so, and nothing else
//! does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::*;
use fieldseal::field::ManyRows;
use fieldseal::record::FieldSchema;
use fieldseal::{Access, Class, DataKeys, ErrorKind, Field, KeyEnvelope, KeyRing, Sealed};

type Text = Option<String>;

const KEPT: Class = Class::new("kept").readers(&["billing"]).retain_days(24);
const EMAIL: Field<Text> = Field::new("customer", "email", CONTACT);
const GONE: Field<Text> = EMAIL.none_on_erased();
const IBAN: Field<Text> = Field::new("customer", "iban", KEPT);
const STREET: Field<Text, ManyRows> = Field::new("address", "street", CONTACT).none_on_erased();

fn value() -> Text {
    Some("ada@example.com".into())
}

fn keys_at(ring: &KeyRing, stored: &KeyEnvelope, now: u64) -> DataKeys {
    stored.unwrap(Access::new(ring).at(now), 42).unwrap()
}

fn keys(ring: &KeyRing, stored: &KeyEnvelope) -> DataKeys {
    keys_at(ring, stored, NOW)
}

#[test]
fn value_of_an_erased_class_or_subject_opens_as_none() {
    let ring = admin();
    let stored = envelope(&[CONTACT, NOTES]);
    let sealed = EMAIL.seal(&keys(&ring, &stored), &value()).unwrap();
    let street = STREET.row(7).unwrap().seal(&keys(&ring, &stored), &value()).unwrap();
    assert_eq!(GONE.open(&keys(&ring, &stored), &sealed).unwrap(), value());

    let access = Access::new(&ring).at(NOW);
    let class = edited(access, &stored, |edit| edit.erase_class("contact"));
    let subject = edited(access, &stored, |edit| edit.erase_subject());
    for erased in [class, subject] {
        let keys = keys(&ring, &erased);
        assert_eq!(kind(EMAIL.open(&keys, &sealed)), ErrorKind::Erased);
        assert_eq!(GONE.open(&keys, &sealed).unwrap(), None);
        assert_eq!(STREET.row(7).unwrap().open(&keys, &street).unwrap(), None);
        assert_eq!(
            kind(GONE.seal(&keys, &value())),
            ErrorKind::Erased,
            "sealing is refused as ever"
        );
        assert_eq!(kind(GONE.update(&keys, &None::<String>.or(value()))), ErrorKind::Erased);
    }
}

#[test]
fn value_past_its_term_opens_as_none_swept_or_not() {
    const GONE: Field<Text> = IBAN.none_on_erased();
    let ring = admin();
    let stored = envelope(&[KEPT]);
    let sealed = IBAN.seal(&keys(&ring, &stored), &value()).unwrap();
    let expiry = entry(&stored, "kept/1").live().expires_at;
    assert_eq!(GONE.open(&keys_at(&ring, &stored, expiry - 1), &sealed).unwrap(), value());

    let past = keys_at(&ring, &stored, expiry);
    assert_eq!(kind(IBAN.open(&past, &sealed)), ErrorKind::Expired);
    assert_eq!(GONE.open(&past, &sealed).unwrap(), None);

    let mut edit = stored.edit(Access::new(&ring).at(expiry), 42).unwrap();
    edit.renew(KEPT).unwrap();
    edit.sweep().unwrap();
    let swept = keys_at(&ring, &edit.finish().unwrap(), expiry);
    assert_eq!(kind(IBAN.open(&swept, &sealed)), ErrorKind::Erased);
    assert_eq!(GONE.open(&swept, &sealed).unwrap(), None);
    let sealed = GONE.seal(&swept, &value()).unwrap();
    assert_eq!(GONE.open(&swept, &sealed).unwrap(), value(), "the next generation is there");
}

#[test]
fn every_other_error_stays() {
    let ring = admin();
    let stored = envelope(&[CONTACT, NOTES]);
    let all = keys(&ring, &stored);
    let sealed = EMAIL.seal(&all, &value()).unwrap().unwrap().into_bytes();
    let altered = |at: usize| {
        let mut bytes = sealed.clone();
        bytes[at] ^= 1;
        bytes
    };
    let number: Field<Option<u32>> = Field::new("customer", "email", CONTACT);
    let number = number.seal(&all, &Some(7)).unwrap().unwrap().into_bytes();
    let mut later = sealed.clone();
    later[0] = 0xF9;
    for (bytes, expected) in [
        (altered(1), ErrorKind::WrongKey),
        (altered(sealed.len() - 1), ErrorKind::Tampered),
        (sealed[..45].to_vec(), ErrorKind::Malformed),
        (b"ada@example.com".to_vec(), ErrorKind::NotSealed),
        (later, ErrorKind::Unsupported),
        (number, ErrorKind::TypeMismatch),
    ] {
        let column = Some(Sealed::from_bytes(bytes));
        assert_eq!(kind(GONE.open(&all, &column)), expected);
    }
    let column = Some(Sealed::from_bytes(sealed.clone()));
    let billing = keys(&service(&["billing"]), &stored);
    assert_eq!(kind(GONE.open(&billing, &column)), ErrorKind::NotPermitted);
    let other = DataKeys::create(Access::new(&ring).at(NOW), 43, [CONTACT]).unwrap();
    assert_eq!(kind(GONE.open(&other, &column)), ErrorKind::WrongKey);

    // And where the subject is erased: bytes that are no sealed field are none.
    let access = Access::new(&ring).at(NOW);
    let erased = keys(&ring, &edited(access, &stored, |edit| edit.erase_subject()));
    for (bytes, expected) in [
        (sealed[..45].to_vec(), ErrorKind::Malformed),
        (b"ada@example.com".to_vec(), ErrorKind::NotSealed),
    ] {
        assert_eq!(kind(GONE.open(&erased, &Some(Sealed::from_bytes(bytes)))), expected);
    }
    // Of a class that was not erased, its tag is another's.
    let notes: Field<Text> = Field::new("customer", "note", NOTES).none_on_erased();
    let class = keys(&ring, &edited(access, &stored, |edit| edit.erase_class("contact")));
    assert_eq!(kind(notes.open(&class, &column)), ErrorKind::WrongKey);
}

#[test]
fn value_of_an_erased_former_class_opens_as_none() {
    const FORMER: Class = Class::new("former");
    const OLD: Field<Text> = Field::new("customer", "email", FORMER);
    const MOVED: Field<Text> = EMAIL.was(FORMER);
    let ring = admin();
    let stored = envelope(&[CONTACT, FORMER]);
    let sealed = OLD.seal(&keys(&ring, &stored), &value()).unwrap();
    let access = Access::new(&ring).at(NOW);
    let erased = keys(&ring, &edited(access, &stored, |edit| edit.erase_class("former")));
    assert_eq!(kind(MOVED.open(&erased, &sealed)), ErrorKind::Erased);
    assert_eq!(MOVED.none_on_erased().open(&erased, &sealed).unwrap(), None);
    assert_eq!(kind(GONE.open(&erased, &sealed)), ErrorKind::WrongKey, "not without `was`");
}

#[test]
fn null_opens_as_it_did() {
    let ring = admin();
    let all = keys(&ring, &envelope(&[CONTACT]));
    assert_eq!(GONE.open(&all, &None).unwrap(), None);
    assert_eq!(GONE.seal(&all, &None).unwrap(), None);
}

#[test]
fn schema_says_what_an_erased_value_opens_as() {
    assert!(FieldSchema::of(&GONE, "email", "Option<String>").none_on_erased);
    assert!(!FieldSchema::of(&EMAIL, "email", "Option<String>").none_on_erased);
}

/// Hidden absence is authenticated: an erased value put in its place would not be.
#[test]
#[should_panic(expected = "hidden is authenticated")]
fn hidden_absence_does_not_go_with_it() {
    let _ = EMAIL.hide_null(32).none_on_erased();
}

#[test]
#[should_panic(expected = "hidden is authenticated")]
fn hidden_absence_does_not_go_with_it_in_either_order() {
    let _ = GONE.hide_null(32);
}

#[test]
#[should_panic(expected = "set twice")]
fn it_is_said_once() {
    let _ = GONE.none_on_erased();
}

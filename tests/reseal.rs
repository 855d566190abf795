//! `[GN-14]` Resealing a field: what moves to the newest generation, what stays, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::*;
use fieldseal::envelope::History;
use fieldseal::field::ManyRows;
use fieldseal::keyring::{KeyState, KeyUse};
use fieldseal::{Access, Class, DataKeys, ErrorKind, Field, KeyEnvelope, KeyRing, Sealed};

const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);

fn keys(ring: &KeyRing, stored: &KeyEnvelope) -> DataKeys {
    stored.unwrap(Access::new(ring).at(NOW), 42).unwrap()
}

fn renewed(ring: &KeyRing, stored: &KeyEnvelope) -> KeyEnvelope {
    edited(Access::new(ring).at(NOW), stored, |edit| edit.renew(CONTACT))
}

fn ada() -> String {
    "ada@example.com".into()
}

/// The generation that a sealed value names.
fn generation<T>(stored: &KeyEnvelope, sealed: &Sealed<T>) -> String {
    let tag = sealed.inspect().unwrap().key_tag;
    let entries = info(stored).entries;
    let of = entries.iter().find(|entry| entry.key_tag == tag).unwrap();
    format!("{}/{}", of.class, of.generation)
}

#[test]
fn value_under_an_older_generation_moves_to_the_newest_and_one_under_it_stays() {
    let ring = admin();
    let first = envelope(&[CONTACT]);
    let sealed = EMAIL.seal(&keys(&ring, &first), &ada()).unwrap();
    assert!(EMAIL.reseal(&keys(&ring, &first), &sealed).unwrap().is_none());

    let third = renewed(&ring, &renewed(&ring, &first));
    let keys = keys(&ring, &third);
    let resealed = EMAIL.reseal(&keys, &sealed).unwrap().unwrap();
    assert_eq!(generation(&third, &sealed), "contact/1");
    assert_eq!(generation(&third, &resealed), "contact/3");
    assert_eq!(EMAIL.open(&keys, &resealed).unwrap(), ada());
    assert!(EMAIL.reseal(&keys, &resealed).unwrap().is_none());
    assert_ne!(EMAIL.reseal(&keys, &sealed).unwrap().unwrap(), resealed, "a nonce of its own");
}

/// What a role that was withdrawn kept, the envelope of then, opens nothing that was resealed.
#[test]
fn withdrawn_role_opens_nothing_that_was_resealed() {
    let ring = admin();
    let access = Access::new(&ring).at(NOW);
    let granted = edited(access, &envelope(&[CONTACT]), |edit| {
        edit.grant(CONTACT, "marketing", History::Included)
    });
    let sealed = EMAIL.seal(&keys(&ring, &granted), &ada()).unwrap();
    let marketing = service(&["marketing"]);
    assert_eq!(EMAIL.open(&keys(&marketing, &granted), &sealed).unwrap(), ada());

    let withdrawn = edited(access, &granted, |edit| edit.withdraw(CONTACT, "marketing"));
    assert_eq!(
        EMAIL.open(&keys(&marketing, &granted), &sealed).unwrap(),
        ada(),
        "until it is resealed"
    );
    let resealed = EMAIL.reseal(&keys(&ring, &withdrawn), &sealed).unwrap().unwrap();
    assert_eq!(kind(EMAIL.open(&keys(&marketing, &granted), &resealed)), ErrorKind::WrongKey);
    assert_eq!(kind(EMAIL.open(&keys(&marketing, &withdrawn), &resealed)), ErrorKind::NotPermitted);
    let by_marketing = EMAIL.reseal(&keys(&marketing, &granted), &resealed);
    assert_eq!(kind(by_marketing), ErrorKind::WrongKey);
    assert_eq!(EMAIL.open(&keys(&ring, &withdrawn), &resealed).unwrap(), ada());
}

/// As the documents say: who reads the newest generation reads what is resealed under it.
#[test]
fn role_granted_without_history_reads_what_is_resealed() {
    let ring = admin();
    let first = envelope(&[CONTACT]);
    let sealed = EMAIL.seal(&keys(&ring, &first), &ada()).unwrap();
    let granted = edited(Access::new(&ring).at(NOW), &first, |edit| {
        edit.grant(CONTACT, "marketing", History::Excluded)
    });
    let marketing = service(&["marketing"]);
    assert_eq!(kind(EMAIL.open(&keys(&marketing, &granted), &sealed)), ErrorKind::NotPermitted);
    let by_marketing = EMAIL.reseal(&keys(&marketing, &granted), &sealed);
    assert_eq!(kind(by_marketing), ErrorKind::NotPermitted);
    let resealed = EMAIL.reseal(&keys(&ring, &granted), &sealed).unwrap().unwrap();
    assert_eq!(EMAIL.open(&keys(&marketing, &granted), &resealed).unwrap(), ada());
}

#[test]
fn what_is_erased_or_expired_stays_and_is_no_error() {
    const KEPT: Class = Class::new("kept").retain_days(24);
    const NOTE: Field<String> = Field::new("customer", "note", KEPT);
    let ring = admin();
    let at = |now: u64| Access::new(&ring).at(now);
    let first = envelope(&[CONTACT, KEPT]);
    let keys_then = keys(&ring, &first);
    let (email, note) =
        (EMAIL.seal(&keys_then, &ada()).unwrap(), NOTE.seal(&keys_then, &ada()).unwrap());
    let expiry = entry(&first, "kept/1").live().expires_at;

    let mut edit = first.edit(at(expiry), 42).unwrap();
    edit.renew(KEPT).unwrap();
    let renewed = edit.finish().unwrap();
    let before = renewed.unwrap(at(expiry - 1), 42).unwrap();
    assert!(NOTE.reseal(&before, &note).unwrap().is_some(), "its term is restarted in time");
    let past = renewed.unwrap(at(expiry), 42).unwrap();
    assert!(NOTE.reseal(&past, &note).unwrap().is_none(), "and not when it is over");
    let swept = edited(at(expiry), &renewed, |edit| edit.sweep().map(drop));
    let swept = swept.unwrap(at(expiry), 42).unwrap();
    assert!(NOTE.reseal(&swept, &note).unwrap().is_none());

    let class = edited(at(NOW), &first, |edit| edit.erase_class("contact"));
    let again = edited(at(NOW), &class, |edit| edit.renew(CONTACT));
    let subject = edited(at(NOW), &first, |edit| edit.erase_subject());
    for erased in [class, again, subject] {
        assert!(EMAIL.reseal(&keys(&ring, &erased), &email).unwrap().is_none());
    }
}

#[test]
fn what_cannot_be_opened_is_refused_with_its_kind() {
    let ring = admin();
    let first = envelope(&[CONTACT, NOTES]);
    let sealed = EMAIL.seal(&keys(&ring, &first), &ada()).unwrap();
    let second = renewed(&ring, &first);
    let all = keys(&ring, &second);
    let bytes = sealed.as_bytes();
    let altered = |at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let mut later = bytes.to_vec();
    later[0] = 0xF9;
    for (bytes, expected) in [
        (altered(1), ErrorKind::WrongKey),
        (altered(bytes.len() - 1), ErrorKind::Tampered),
        (bytes[..45].to_vec(), ErrorKind::Malformed),
        (b"ada@example.com".to_vec(), ErrorKind::NotSealed),
        (later, ErrorKind::Unsupported),
    ] {
        let error = EMAIL.reseal(&all, &Sealed::from_bytes(bytes)).unwrap_err();
        assert_eq!((error.kind(), error.field()), (expected, Some("email")));
    }
    let billing = keys(&service(&["billing"]), &second);
    assert_eq!(kind(EMAIL.reseal(&billing, &sealed)), ErrorKind::NotPermitted);
    let others = DataKeys::create(Access::new(&ring).at(NOW), 43, [CONTACT]).unwrap();
    assert_eq!(kind(EMAIL.reseal(&others, &sealed)), ErrorKind::WrongKey);

    // Another field, another record, another row.
    const PHONE: Field<String> = Field::new("customer", "phone", CONTACT);
    const LEAD: Field<String> = Field::new("lead", "email", CONTACT);
    const STREET: Field<String, ManyRows> = Field::new("address", "street", CONTACT);
    assert_eq!(kind(PHONE.reseal(&all, &sealed)), ErrorKind::Tampered);
    assert_eq!(kind(LEAD.reseal(&all, &sealed)), ErrorKind::Tampered);
    let street = STREET.row(7).unwrap().seal(&keys(&ring, &first), &ada()).unwrap();
    assert_eq!(kind(STREET.row(8).unwrap().reseal(&all, &street)), ErrorKind::Tampered);
    let street = STREET.row(7).unwrap().reseal(&all, &street).unwrap().unwrap();
    assert_eq!(STREET.row(7).unwrap().open(&all, &street).unwrap(), ada());
}

/// The rules of sealing are those of an update: no lower generation, no generation begun.
#[test]
fn newest_generation_that_takes_no_values_refuses_what_would_move_to_it() {
    const OPEN: Class = Class::new("kept");
    const KEPT: Class = Class::new("kept").retain_days(24);
    const NOTE: Field<String> = Field::new("customer", "note", KEPT);
    let ring = admin();
    let at = |now: u64| Access::new(&ring).at(now);
    let first = envelope(&[OPEN]);
    let note: Field<String> = Field::new("customer", "note", OPEN);
    let sealed = note.seal(&keys(&ring, &first), &ada()).unwrap();
    let second = edited(at(NOW), &first, |edit| edit.renew(KEPT));
    let expiry = entry(&second, "kept/2").live().expires_at;
    for (now, expected) in [
        (NOW, None),
        (NOW + 3 * DAY, Some(ErrorKind::Retention)),
        (expiry, Some(ErrorKind::Expired)),
    ] {
        let keys = second.unwrap(at(now), 42).unwrap();
        assert_eq!(NOTE.open(&keys, &sealed).unwrap(), ada(), "the first one never expires");
        let resealed = NOTE.reseal(&keys, &sealed);
        assert_eq!(resealed.err().map(|error| error.kind()), expected, "{now}");
    }
    let swept = edited(at(expiry), &second, |edit| edit.sweep().map(drop));
    let keys = swept.unwrap(at(expiry), 42).unwrap();
    assert_eq!(kind(NOTE.reseal(&keys, &sealed)), ErrorKind::Erased);
}

/// Sealing begins the next generation where a ring may only write (GN-3); resealing begins none.
#[test]
fn newest_generation_that_the_ring_does_not_read_refuses_what_would_move_to_it() {
    const NOTE: Field<String> = Field::new("customer", "note", NOTES);
    let ring = admin();
    let sealed = NOTE.seal(&keys(&ring, &stored(&[live("notes", 1, &[APP])])), &ada()).unwrap();
    let both = stored(&[live("notes", 1, &[APP]), live("notes", 2, &[SUPPORT])]);
    let keys = keys(&ring, &both);
    assert_eq!(NOTE.open(&keys, &sealed).unwrap(), ada());
    assert_eq!(kind(NOTE.reseal(&keys, &sealed)), ErrorKind::NotPermitted);
    assert_eq!(keys.version(), 1);
}

#[test]
fn value_of_the_former_class_moves_to_the_present_one() {
    const FORMER: Class = Class::new("former").readers(&["support"]);
    const OLD: Field<String> = Field::new("customer", "email", FORMER);
    const MOVED: Field<String> = EMAIL.was(FORMER);
    let ring = admin();
    let both = envelope(&[CONTACT, FORMER]);
    let sealed = OLD.seal(&keys(&ring, &both), &ada()).unwrap();
    assert_eq!(kind(EMAIL.reseal(&keys(&ring, &both), &sealed)), ErrorKind::WrongKey);
    let moved = MOVED.reseal(&keys(&ring, &both), &sealed).unwrap().unwrap();
    assert_eq!(generation(&both, &moved), "contact/1");

    let access = Access::new(&ring).at(NOW);
    let erased = edited(access, &both, |edit| edit.erase_class("former"));
    assert_eq!(EMAIL.open(&keys(&ring, &erased), &moved).unwrap(), ada());
    assert!(MOVED.reseal(&keys(&ring, &erased), &sealed).unwrap().is_none());

    // Where the present class was never begun there is nothing to move to.
    let former = envelope(&[FORMER]);
    let sealed = OLD.seal(&keys(&ring, &former), &ada()).unwrap();
    assert_eq!(kind(MOVED.reseal(&keys(&ring, &former), &sealed)), ErrorKind::MissingClass);
}

#[test]
fn absence_stays_as_it_is_stored() {
    const PLAIN: Field<Option<String>> = Field::new("customer", "phone", CONTACT);
    const HIDDEN: Field<Option<String>> = PLAIN.hide_null(32);
    let ring = admin();
    let first = envelope(&[CONTACT]);
    let sealed = HIDDEN.seal(&keys(&ring, &first), &None).unwrap();
    let keys = keys(&ring, &renewed(&ring, &first));
    assert_eq!(PLAIN.reseal(&keys, &None).unwrap(), None);
    assert_eq!(HIDDEN.reseal(&keys, &None).unwrap(), None);
    let resealed = HIDDEN.reseal(&keys, &sealed).unwrap().unwrap();
    assert_eq!(HIDDEN.open(&keys, &resealed).unwrap(), None);
    assert_eq!(resealed.unwrap().as_bytes().len(), 45 + 32);
    // Absence that was hidden is a value of another type where it is not.
    assert_eq!(kind(PLAIN.reseal(&keys, &sealed)), ErrorKind::TypeMismatch);
}

#[test]
fn value_is_padded_as_the_field_says_now() {
    const WIDE: Field<String> = EMAIL.pad(64);
    const PLAIN: Field<Option<String>> = Field::new("customer", "phone", CONTACT);
    let ring = admin();
    let first = envelope(&[CONTACT]);
    let sealed = EMAIL.seal(&keys(&ring, &first), &ada()).unwrap();
    let phone = PLAIN.seal(&keys(&ring, &first), &Some("+49 30 901820 ext. 12".into())).unwrap();
    let keys = keys(&ring, &renewed(&ring, &first));
    let resealed = WIDE.reseal(&keys, &sealed).unwrap().unwrap();
    assert_eq!(resealed.inspect().unwrap().padded_len, 64);
    assert!(PLAIN.hide_null(32).reseal(&keys, &phone).unwrap().unwrap().is_some());
    assert_eq!(kind(PLAIN.hide_null(16).reseal(&keys, &phone)), ErrorKind::InvalidInput);
}

/// A job that reseals need not know what a value holds, and cannot lose what a later version of the
/// application wrote into it.
#[test]
fn value_is_not_decoded() {
    const NUMBER: Field<u32> = Field::new("customer", "email", CONTACT);
    let ring = admin();
    let first = envelope(&[CONTACT]);
    let sealed = EMAIL.seal(&keys(&ring, &first), &ada()).unwrap();
    let keys = keys(&ring, &renewed(&ring, &first));
    let as_number = Sealed::from_bytes(sealed.into_bytes());
    let resealed = NUMBER.reseal(&keys, &as_number).unwrap().unwrap();
    assert_eq!(kind(NUMBER.open(&keys, &resealed)), ErrorKind::TypeMismatch);
    let resealed = Sealed::from_bytes(resealed.into_bytes());
    assert_eq!(EMAIL.open(&keys, &resealed).unwrap(), ada());
}

/// What stays is not looked at: a value under the newest generation is opened by who reads it.
#[test]
fn altered_value_under_the_newest_generation_stays() {
    let ring = admin();
    let keys = keys(&ring, &envelope(&[CONTACT]));
    let mut bytes = EMAIL.seal(&keys, &ada()).unwrap().into_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    let altered = Sealed::from_bytes(bytes);
    assert_eq!(kind(EMAIL.open(&keys, &altered)), ErrorKind::Tampered);
    assert!(EMAIL.reseal(&keys, &altered).unwrap().is_none());
}

/// The way out of a compromised key: renew, and reseal in rescue mode.
#[test]
fn what_only_a_compromised_key_opens_is_resealed_in_rescue_mode() {
    let mut ring = admin();
    let first = envelope(&[NOTES]);
    const NOTE: Field<String> = Field::new("customer", "note", NOTES);
    let sealed = NOTE.seal(&keys(&ring, &first), &ada()).unwrap();
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    ring.set_state(id(APP), KeyState::Compromised).unwrap();
    let rescue = Access::new(&ring).at(NOW).rescue();
    let under = first.unwrap(rescue, 42).unwrap();
    assert!(NOTE.reseal(&under, &sealed).unwrap().is_none(), "nothing to move to");

    let second = edited(Access::new(&ring).at(NOW), &first, |edit| edit.renew(NOTES));
    assert_eq!(kind(NOTE.reseal(&keys(&ring, &second), &sealed)), ErrorKind::NotPermitted);
    let rescued = second.unwrap(rescue, 42).unwrap();
    let resealed = NOTE.reseal(&rescued, &sealed).unwrap().unwrap();
    assert_eq!(NOTE.open(&keys(&ring, &second), &resealed).unwrap(), ada());

    // Under a compromised envelope key nothing is sealed.
    ring.rotate(KeyUse::Envelope, "envelope").unwrap();
    ring.set_state(id(ENVELOPE), KeyState::Compromised).unwrap();
    let rescued = second.unwrap(Access::new(&ring).at(NOW).rescue(), 42).unwrap();
    assert_eq!(NOTE.open(&rescued, &sealed).unwrap(), ada());
    assert_eq!(kind(NOTE.reseal(&rescued, &sealed)), ErrorKind::NotPermitted);
}

/// A tag that was pruned is nobody's: it could be another envelope's.
#[test]
fn value_whose_erased_generation_was_pruned_is_refused() {
    let ring = admin();
    let first = envelope(&[CONTACT]);
    let sealed = EMAIL.seal(&keys(&ring, &first), &ada()).unwrap();
    let at = Access::new(&ring).at(NOW);
    let erased = edited(at, &first, |edit| edit.erase_class("contact"));
    let renewed = renewed(&ring, &erased);
    assert!(EMAIL.reseal(&keys(&ring, &renewed), &sealed).unwrap().is_none());
    let pruned = edited(at, &renewed, |edit| edit.prune(NOW + 1).map(drop));
    assert_eq!(kind(EMAIL.reseal(&keys(&ring, &pruned), &sealed)), ErrorKind::WrongKey);
}

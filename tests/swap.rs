//! A sealed value opens in one place: every value put in the place of every other is refused.
#![cfg(feature = "derive")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use fieldseal::field::ManyRows;
use fieldseal::{Access, Class, DataKeys, ErrorKind, Field, KeyRing, Sealed};

const CONTACT: Class = Class::new("contact");
const FINANCIAL: Class = Class::new("financial");

const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);
const PHONE: Field<String> = Field::new("customer", "phone", CONTACT);
const CARD: Field<String> = Field::new("customer", "card", FINANCIAL);
/// The same id and class in another record, and an id that is the other's prefix.
const SHOP_EMAIL: Field<String> = Field::new("shop", "email", CONTACT);
const MAIL: Field<String> = Field::new("customer", "emai", CONTACT);
const STREET: Field<String, ManyRows> = Field::new("address", "street", CONTACT);
const CITY: Field<String, ManyRows> = Field::new("address", "city", CONTACT);

/// One place that a value can stand in.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Place {
    tenant: &'static str,
    subject: i64,
    field: usize,
}

/// The fields of one subject, and how each is sealed and opened there.
const FIELDS: usize = 9;

fn seal(field: usize, keys: &DataKeys, value: &String) -> Sealed<String> {
    match field {
        0 => EMAIL.seal(keys, value),
        1 => PHONE.seal(keys, value),
        2 => CARD.seal(keys, value),
        3 => SHOP_EMAIL.seal(keys, value),
        4 => MAIL.seal(keys, value),
        5 => STREET.row(7).unwrap().seal(keys, value),
        6 => STREET.row(8).unwrap().seal(keys, value),
        7 => STREET.row("7").unwrap().seal(keys, value),
        _ => CITY.row(7).unwrap().seal(keys, value),
    }
    .unwrap()
}

fn open(
    field: usize,
    keys: &DataKeys,
    sealed: &Sealed<String>,
) -> Result<String, fieldseal::Error> {
    match field {
        0 => EMAIL.open(keys, sealed),
        1 => PHONE.open(keys, sealed),
        2 => CARD.open(keys, sealed),
        3 => SHOP_EMAIL.open(keys, sealed),
        4 => MAIL.open(keys, sealed),
        5 => STREET.row(7).unwrap().open(keys, sealed),
        6 => STREET.row(8).unwrap().open(keys, sealed),
        7 => STREET.row("7").unwrap().open(keys, sealed),
        _ => CITY.row(7).unwrap().open(keys, sealed),
    }
}

fn is_financial(field: usize) -> bool {
    field == 2
}

#[test]
fn every_value_in_the_place_of_every_other_is_refused() {
    let ring = KeyRing::generate().unwrap();
    let mut cells = Vec::new();
    for tenant in ["", "acme", "acme2"] {
        for subject in [42, 43] {
            let access = Access::new(&ring).tenant(tenant);
            let keys = DataKeys::create(access, subject, [CONTACT, FINANCIAL]).unwrap();
            for field in 0..FIELDS {
                // One value everywhere: what refuses is the place alone.
                let sealed = seal(field, &keys, &"the same value".to_owned());
                cells.push((Place { tenant, subject, field }, keys.envelope().clone(), sealed));
            }
        }
    }
    let mut moved = 0;
    for (place, envelope, _) in &cells {
        let keys = envelope.unwrap(Access::new(&ring).tenant(place.tenant), place.subject).unwrap();
        for (from, _, sealed) in &cells {
            let result = open(place.field, &keys, sealed);
            if place == from {
                assert_eq!(result.unwrap(), "the same value");
                continue;
            }
            moved += 1;
            let same_key = place.tenant == from.tenant
                && place.subject == from.subject
                && is_financial(place.field) == is_financial(from.field);
            let expected = if same_key { ErrorKind::Tampered } else { ErrorKind::WrongKey };
            let error = result.expect_err("opens in another place");
            assert_eq!(error.kind(), expected, "{from:?} in the place of {place:?}");
        }
    }
    assert_eq!(moved, 54 * 53);
}

#[test]
fn every_envelope_in_the_place_of_every_other_is_refused() {
    let ring = KeyRing::generate().unwrap();
    let places: Vec<(&str, i64)> = ["", "a", "ab"]
        .iter()
        .flat_map(|tenant| [1, 2, 258].map(|subject| (*tenant, subject)))
        .collect();
    let envelopes: Vec<_> = places
        .iter()
        .map(|(tenant, subject)| {
            let access = Access::new(&ring).tenant(tenant);
            DataKeys::create(access, subject, [CONTACT]).unwrap().envelope().clone()
        })
        .collect();
    for (n, (tenant, subject)) in places.iter().enumerate() {
        for (m, envelope) in envelopes.iter().enumerate() {
            let result = envelope.unwrap(Access::new(&ring).tenant(tenant), subject);
            match result {
                Ok(_) => assert_eq!(n, m),
                Err(error) => {
                    assert_ne!(n, m);
                    assert_eq!(error.kind(), ErrorKind::Tampered);
                }
            }
        }
    }
}

#[test]
fn a_value_under_the_tag_of_another_generation_is_refused() {
    let ring = KeyRing::generate().unwrap();
    let first = DataKeys::create(&ring, 42, [CONTACT, FINANCIAL]).unwrap();
    let old = EMAIL.seal(&first, &"old".to_owned()).unwrap();
    let mut edit = first.envelope().edit(&ring, 42).unwrap();
    edit.renew(CONTACT).unwrap();
    let keys = edit.finish_keys().unwrap();
    let new = EMAIL.seal(&keys, &"new".to_owned()).unwrap();
    let card = CARD.seal(&keys, &"4242".to_owned()).unwrap();
    assert_eq!(EMAIL.open(&keys, &old).unwrap(), "old", "both generations open");
    assert_eq!(EMAIL.open(&keys, &new).unwrap(), "new");

    let with_tag = |value: &Sealed<String>, of: &Sealed<String>| {
        let mut bytes = value.as_bytes().to_vec();
        bytes[1..5].copy_from_slice(&of.as_bytes()[1..5]);
        Sealed::from_bytes(bytes)
    };
    for (value, of, expected) in [
        (&old, &new, ErrorKind::Tampered),
        (&new, &old, ErrorKind::Tampered),
        (&old, &card, ErrorKind::WrongKey),
        (&card, &old, ErrorKind::Tampered),
    ] {
        let error = EMAIL.open(&keys, &with_tag(value, of)).unwrap_err();
        assert_eq!(error.kind(), expected);
    }
}

#[test]
fn a_standalone_value_and_a_field_never_stand_in_for_each_other() {
    let ring = KeyRing::generate().unwrap();
    let keys = DataKeys::create(&ring, 42, [CONTACT]).unwrap();
    let field = EMAIL.seal(&keys, &"ada@example.com".to_owned()).unwrap();
    let standalone = ring.seal(b"customer", b"ada@example.com").unwrap();

    // 0xF7, the length of the key envelope, the key envelope, the sealed field.
    let envelope_len = usize::from(u16::from_be_bytes([standalone[1], standalone[2]]));
    let inner = Sealed::from_bytes(&standalone[3 + envelope_len..]);
    assert_eq!(EMAIL.open(&keys, &inner).unwrap_err().kind(), ErrorKind::WrongKey);
    assert_eq!(
        EMAIL.open(&keys, &Sealed::from_bytes(standalone.clone())).unwrap_err().kind(),
        ErrorKind::NotSealed
    );

    let mut glued = standalone[..3 + envelope_len].to_vec();
    glued.extend_from_slice(field.as_bytes());
    assert_eq!(ring.open(b"customer", &glued).unwrap_err().kind(), ErrorKind::Malformed);

    let record = keys.envelope().as_bytes();
    let mut glued = vec![0xF7];
    glued.extend_from_slice(&u16::try_from(record.len()).unwrap().to_be_bytes());
    glued.extend_from_slice(record);
    glued.extend_from_slice(field.as_bytes());
    assert_eq!(ring.open(b"customer", &glued).unwrap_err().kind(), ErrorKind::Tampered);
    assert_eq!(ring.open(b"customer", field.as_bytes()).unwrap_err().kind(), ErrorKind::NotSealed);
}

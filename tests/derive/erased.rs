//! `on_erased = none`: rows of people who are no longer there.

use fieldseal::{
    Access, Catalog, Class, DataKeys, ErrorKind, KeyEnvelope, KeyRing, Record, SealedRecord as _,
};

use super::{CONTACT, FINANCIAL, ring};

const KEPT: Class = Class::new("kept").retain_days(30);
const NOW: u64 = 1_800_000_000;

#[derive(Record, Debug, PartialEq)]
#[record(name = "customer", single_row, sealed(derive(Clone)))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT, on_erased = none))]
    email: Option<String>,
    #[record(seal(class = KEPT, on_erased = none, default))]
    visited: Option<u32>,
    plan: String,
}

/// The same rows, to a page that wants to know.
#[derive(Record)]
#[record(name = "customer", single_row, sealed(name = StrictRow), partial(name = StrictPart))]
struct Strict {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    email: Option<String>,
    plan: String,
}

/// One of its fields is not optional.
#[derive(Record, Debug)]
#[record(name = "mixed", single_row, sealed(derive(Clone)))]
struct Mixed {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT, on_erased = none))]
    email: Option<String>,
    #[record(seal(class = FINANCIAL))]
    card: Option<String>,
}

#[derive(Record, Debug, PartialEq)]
#[record(name = "address", keys = "external")]
struct Address<T: fieldseal::field::NotNull + Clone> {
    #[record(row)]
    id: i64,
    #[record(subject)]
    customer: i64,
    #[record(seal(class = CONTACT, on_erased = none))]
    street: Option<T>,
}

fn at(ring: &KeyRing) -> Access<'_> {
    Access::new(ring).at(NOW)
}

fn erased(ring: &KeyRing, keys: &KeyEnvelope) -> KeyEnvelope {
    let mut edit = keys.edit(at(ring), 1).unwrap();
    edit.erase_subject().unwrap();
    edit.finish().unwrap()
}

#[test]
fn row_of_an_erased_subject_opens_to_what_is_in_the_clear() {
    let ring = ring();
    let ada = Customer {
        id: 1,
        email: Some("ada@example.com".into()),
        visited: Some(7),
        plan: "plus".into(),
    };
    let mut row = ada.seal_new(at(&ring)).unwrap();
    assert_eq!(row.open(at(&ring), 1).unwrap(), ada);

    // The visits have expired, the address has not.
    let later = Access::new(&ring).at(NOW + 60 * 86_400);
    let opened = row.open(later, 1).unwrap();
    assert_eq!((opened.email.as_deref(), opened.visited), (Some("ada@example.com"), None));

    row.keys = erased(&ring, &row.keys);
    let opened = row.open(at(&ring), 1).unwrap();
    let nobody = Customer { id: 1, email: None, visited: None, plan: "plus".into() };
    assert_eq!(opened, nobody);
    let partial = row.open_partial(at(&ring), 1).unwrap();
    assert_eq!((partial.email.unwrap(), partial.visited.unwrap()), (None, None));
    let keys = row.unwrap_keys(at(&ring), 1).unwrap();
    assert_eq!(row.open_with(&keys).unwrap(), nobody);
    assert_eq!(customer::EMAIL.open(&keys, &row.email).unwrap(), None);
    assert_eq!(row.open(at(&ring), 2).unwrap_err().kind(), ErrorKind::WrongSubject);
}

#[test]
fn field_that_does_not_say_so_is_an_error_still() {
    let ring = ring();
    let ada = Mixed { id: 1, email: Some("ada@example.com".into()), card: Some("4242".into()) };
    let mut row = ada.seal_new(at(&ring)).unwrap();
    row.keys = erased(&ring, &row.keys);
    let error = row.open(at(&ring), 1).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Erased, Some("card")));
    let partial = row.open_partial(at(&ring), 1).unwrap();
    assert_eq!(partial.email.unwrap(), None);
    assert_eq!(partial.card.unwrap_err().kind(), ErrorKind::Erased);
}

#[test]
fn rows_with_keys_elsewhere_do_the_same() {
    let ring = ring();
    let keys = DataKeys::create(at(&ring), 1, [CONTACT]).unwrap();
    let address = Address { id: 7, customer: 1, street: Some("1 Main St".to_owned()) };
    let row = address.seal_with(&keys).unwrap();
    assert_eq!(row.open_with(&keys).unwrap(), address);
    let keys = erased(&ring, keys.envelope()).unwrap(at(&ring), 1).unwrap();
    assert_eq!(row.open_with(&keys).unwrap().street, None);
    assert_eq!(row.open_partial_with(&keys).unwrap().street.unwrap(), None);
}

#[test]
fn views_may_differ_in_what_an_erased_value_opens_as() {
    assert!(Customer::SCHEMA.fields().iter().all(|field| field.none_on_erased));
    assert!(!Strict::SCHEMA.fields()[0].none_on_erased);
    Catalog::new(&[Customer::SCHEMA, Strict::SCHEMA]).unwrap();
    assert!(!Mixed::SCHEMA.fields()[1].none_on_erased);
}

//! Rows are sealed and opened, whole, in part and field by field.

use fieldseal::{
    Access, Class, DataKeys, ErrorKind, KeyEnvelope, Record, Sealed, SealedRecord as _,
};

use super::{CONTACT, FINANCIAL, ring};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "customer", single_row, sealed(derive(Clone, Debug, PartialEq)))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    email: String,
    #[record(seal(class = FINANCIAL, pad = 64))]
    card: Option<String>,
    plan: String,
}

fn ada() -> Customer {
    Customer {
        id: 42,
        email: "ada@example.com".into(),
        card: Some("4111111111111111".into()),
        plan: "free".into(),
    }
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "address", keys = "external")]
struct Address {
    #[record(row)]
    id: u32,
    #[record(subject)]
    customer_id: i64,
    #[record(seal(class = CONTACT))]
    street: String,
}

fn addresses() -> [Address; 2] {
    [(7, "1 Main St"), (8, "2 Side St")].map(|(id, street)| Address {
        id,
        customer_id: 42,
        street: street.into(),
    })
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "note", keys = "external", sealed(derive(Clone)))]
struct Note {
    #[record(row)]
    id: (String, u32),
    #[record(subject)]
    author: String,
    #[record(seal)]
    text: String,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "profile", single_row, keys_column = "profile_keys")]
struct Profile {
    #[record(subject)]
    author: String,
    #[record(seal)]
    text: String,
    keys: u8,
}

#[test]
fn a_row_opens_to_what_was_sealed() {
    let ring = ring();
    let row = ada().seal_new(&ring).unwrap();
    assert_eq!((row.id, row.plan.as_str()), (42, "free"));
    assert_eq!(row.open(&ring, 42).unwrap(), ada());

    let nobody = Customer { card: None, ..ada() };
    let row = nobody.seal_new(&ring).unwrap();
    assert_eq!(row.card, None);
    assert_eq!(row.open(&ring, 42).unwrap(), nobody);
}

#[test]
fn the_same_randomness_gives_the_same_row() {
    use rand_core::Infallible;

    struct Counter(u8);
    impl rand_core::TryRng for Counter {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            self.0 = self.0.wrapping_add(1);
            Ok(u32::from_be_bytes([self.0; 4]))
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            self.try_next_u32().map(u64::from)
        }
        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            bytes.fill(self.0);
            Ok(())
        }
    }
    impl rand_core::TryCryptoRng for Counter {}

    let ring = ring();
    let seal = || ada().seal_new_with_rng(&ring, &mut Counter(7)).unwrap();
    assert_eq!(seal(), seal());
    assert_eq!(seal().open(&ring, 42).unwrap(), ada());
}

#[test]
fn another_subject_than_asked_for_is_refused() {
    let ring = ring();
    let row = ada().seal_new(&ring).unwrap();
    let wrong = |kind| assert_eq!(kind, ErrorKind::WrongSubject);
    wrong(row.open(&ring, 43).unwrap_err().kind());
    wrong(row.open(&ring, "42").unwrap_err().kind());
    wrong(row.open_partial(&ring, 43).map(drop).unwrap_err().kind());
    wrong(row.unwrap_keys(&ring, 43).unwrap_err().kind());

    let keys = DataKeys::create(&ring, 43, [CONTACT, FINANCIAL]).unwrap();
    wrong(row.open_with(&keys).unwrap_err().kind());
    wrong(row.open_partial_with(&keys).map(drop).unwrap_err().kind());
    wrong(ada().seal_with(&keys).unwrap_err().kind());
    // The record's own id is what it asserts of the envelope, which does not verify.
    let under = ada().seal_under(&ring, keys.envelope()).map(drop);
    assert_eq!(under.unwrap_err().kind(), ErrorKind::Tampered);

    // The row claims to be another's; its bytes do not follow.
    let mut moved = row;
    moved.id = 43;
    assert_eq!(moved.open(&ring, 43).unwrap_err().kind(), ErrorKind::Tampered);
}

#[test]
fn a_part_that_cannot_be_opened_spares_the_others() {
    let ring = ring();
    let mut row = ada().seal_new(&ring).unwrap();
    let support = ring.subset(&["app", "support"]).unwrap().into_ring();

    let denied = row.open(&support, 42).unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::NotPermitted);
    assert_eq!((denied.record(), denied.field()), (Some("customer"), Some("card")));

    let partial = row.open_partial(&support, 42).unwrap();
    assert_eq!((partial.id, partial.plan.as_str()), (42, "free"));
    assert_eq!(partial.email.unwrap(), "ada@example.com");
    assert_eq!(partial.card.unwrap_err().kind(), ErrorKind::NotPermitted);

    let mut bytes = row.email.as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    row.email = Sealed::from_bytes(bytes);
    assert_eq!(row.open(&ring, 42).unwrap_err().kind(), ErrorKind::Tampered);
    let partial = row.open_partial(&ring, 42).unwrap();
    assert_eq!(partial.email.unwrap_err().kind(), ErrorKind::Tampered);
    assert_eq!(partial.card.unwrap(), ada().card);
}

#[test]
fn many_rows_are_sealed_and_opened_in_one_call() {
    let ring = ring();
    let records: Vec<Customer> = (1..=5).map(|id| Customer { id, ..ada() }).collect();
    let rows = Customer::seal_new_all(&records, &ring).unwrap();
    let open = || SealedCustomer::open_all(rows.iter().map(|row| (row, row.id)), &ring);
    assert_eq!(open().unwrap(), records);

    let error = SealedCustomer::open_all(rows.iter().map(|row| (row, row.id.min(3))), &ring);
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::WrongSubject, Some(3)));
}

#[test]
fn an_update_of_the_row_keeps_its_keys() {
    let ring = ring();
    let row = ada().seal_new(&ring).unwrap();
    let changed = Customer { plan: "paid".into(), ..ada() };
    let stored = KeyEnvelope::from_bytes(row.keys.as_bytes());
    let after = changed.seal_under(&ring, &stored).unwrap();
    assert_eq!(after.keys, row.keys);
    assert_ne!(after.email, row.email);
    assert_eq!(after.open(&ring, 42).unwrap(), changed);
    // So fields of the former row open under the same keys.
    let keys = after.unwrap_keys(&ring, 42).unwrap();
    assert_eq!(customer::EMAIL.open(&keys, &row.email).unwrap(), "ada@example.com");
}

#[test]
fn single_fields_are_opened_sealed_and_updated() {
    let ring = ring();
    let mut row = ada().seal_new(&ring).unwrap();
    let keys = row.unwrap_keys(&ring, 42).unwrap();
    assert_eq!(customer::EMAIL.open(&keys, &row.email).unwrap(), "ada@example.com");
    assert_eq!(customer::CARD.open(&keys, &row.card).unwrap(), ada().card);

    row.email = customer::EMAIL.seal(&keys, &"ada@example.org".into()).unwrap();
    row.card = customer::CARD.update(&keys, &None).unwrap().value;
    let opened = row.open(&ring, 42).unwrap();
    assert_eq!((opened.email.as_str(), opened.card), ("ada@example.org", None));
}

#[test]
fn records_of_one_subject_share_external_keys() {
    let ring = ring();
    let keys = DataKeys::create(&ring, 42, [CONTACT, FINANCIAL]).unwrap();
    let customer = ada().seal_with(&keys).unwrap();
    let rows = Address::seal_all_with(&addresses(), &keys).unwrap();
    let single = addresses()[0].seal_with(&keys).unwrap();

    let keys = keys.envelope().unwrap(&ring, 42).unwrap();
    assert_eq!(customer.open_with(&keys).unwrap(), ada());
    assert_eq!(single.open_with(&keys).unwrap(), addresses()[0]);
    let opened: Result<Vec<_>, _> = rows.iter().map(|row| row.open_with(&keys)).collect();
    assert_eq!(opened.unwrap(), addresses());
    assert_eq!(rows[0].open_partial_with(&keys).unwrap().street.unwrap(), "1 Main St");

    let mut others = addresses();
    others[1].customer_id = 43;
    let error = Address::seal_all_with(&others, &keys).map(drop).unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::WrongSubject, Some(1)));
}

#[test]
fn a_value_cannot_be_moved_between_rows() {
    let ring = ring();
    let keys = DataKeys::create(&ring, 42, [CONTACT]).unwrap();
    let mut rows = Address::seal_all_with(&addresses(), &keys).unwrap();
    let field = address::STREET.row(8).unwrap();
    assert_eq!(field.open(&keys, &rows[1].street).unwrap(), "2 Side St");
    let tampered = |kind| assert_eq!(kind, ErrorKind::Tampered);
    tampered(field.open(&keys, &rows[0].street).unwrap_err().kind());

    let [first, second] = &mut rows[..] else { panic!("there are two addresses") };
    std::mem::swap(&mut first.street, &mut second.street);
    for row in &rows {
        let error = row.open_with(&keys).unwrap_err();
        tampered(error.kind());
        assert_eq!((error.record(), error.field()), (Some("address"), Some("street")));
        let partial = row.open_partial_with(&keys).unwrap();
        tampered(partial.street.unwrap_err().kind());
    }

    let keys = DataKeys::create(&ring, "ada", [Class::PERSONAL]).unwrap();
    let note = Note { id: ("acme".into(), 7), author: "ada".into(), text: "call back".into() };
    let row = note.seal_with(&keys).unwrap();
    assert_eq!(row.open_with(&keys).unwrap(), note);
    let text = note::TEXT.row(("acme", 7)).unwrap().open(&keys, &row.text);
    assert_eq!(text.unwrap(), "call back");
    for id in [("acme".to_owned(), 8), ("acme7".to_owned(), 7)] {
        let moved = SealedNote { id, ..row.clone() };
        tampered(moved.open_with(&keys).unwrap_err().kind());
    }
}

#[test]
fn the_column_of_the_keys_can_have_another_name() {
    let ring = ring();
    let profile = Profile { author: "ada".into(), text: "call back".into(), keys: 3 };
    let row = profile.seal_new(&ring).unwrap();
    assert_eq!(profile::COLUMNS, ["author", "text", "keys", "profile_keys"]);
    assert!(!row.profile_keys.as_bytes().is_empty());
    assert_eq!(row.open(&ring, "ada").unwrap(), profile);
    let keys = row.profile_keys.unwrap(&ring, "ada").unwrap();
    assert_eq!(profile::TEXT.open(&keys, &row.text).unwrap(), "call back");
}

#[test]
fn tenants_are_apart() {
    let ring = ring();
    let acme = Access::new(&ring).tenant("acme");
    let row = ada().seal_new(acme).unwrap();
    assert_eq!(row.open(acme, 42).unwrap(), ada());
    assert_eq!(row.open(&ring, 42).unwrap_err().kind(), ErrorKind::Tampered);
}

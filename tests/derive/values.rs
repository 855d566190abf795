//! Newtypes are sealed as what is inside.

use fieldseal::{
    Class, DataKeys, ErrorKind, Field, Record, SealValue, SealedRecord as _, Sensitive,
};

use super::ring;

#[derive(SealValue, Clone, Debug, PartialEq)]
struct Email(String);

#[derive(SealValue, Clone, Debug, PartialEq)]
struct Named {
    text: Email,
}

#[derive(SealValue, Clone, Debug, PartialEq)]
struct Wrapped<T>(T);

#[derive(SealValue, Clone, Debug, PartialEq)]
struct Many<T, const N: usize>
where
    T: Clone,
{
    items: Vec<Wrapped<T>>,
}

#[derive(SealValue, Clone, Debug, PartialEq)]
struct Tree(Vec<Tree>);

const TEXT: Field<String> = Field::new("value", "field", Class::PERSONAL);

fn keys() -> DataKeys {
    DataKeys::create(&ring(), 1, [Class::PERSONAL]).unwrap()
}

fn through<T: SealValue>(value: &T) -> T {
    let (keys, field) = (keys(), Field::<T>::new("value", "field", Class::PERSONAL));
    field.open(&keys, &field.seal(&keys, value).unwrap()).unwrap()
}

#[test]
fn a_newtype_is_its_inner_value() {
    let keys = keys();
    let email: Field<Named> = Field::new("value", "field", Class::PERSONAL);
    let named = Named { text: Email("ada@example.com".into()) };
    let column = email.seal(&keys, &named).unwrap();
    assert_eq!(email.open(&keys, &column).unwrap(), named);

    let bytes = fieldseal::Sealed::from_bytes(column.as_bytes());
    assert_eq!(TEXT.open(&keys, &bytes).unwrap(), "ada@example.com");
    let number: Field<Wrapped<u8>> = Field::new("value", "field", Class::PERSONAL);
    let bytes = fieldseal::Sealed::from_bytes(column.as_bytes());
    let error = number.open(&keys, &bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TypeMismatch);
}

#[test]
fn newtypes_have_parameters_and_nest() {
    assert_eq!(through(&Wrapped(7_u8)), Wrapped(7));
    let many = Many::<_, 3> { items: vec![Wrapped("a".to_owned()), Wrapped("b".to_owned())] };
    assert_eq!(through(&many), many);
    let tree = Tree(vec![Tree(vec![]), Tree(vec![Tree(vec![])])]);
    assert_eq!(through(&tree), tree);
    assert_eq!(through(&Some(Wrapped(Email("a".into())))), Some(Wrapped(Email("a".into()))));
    assert_eq!(through(&None::<Email>), None);
}

#[test]
fn newtypes_are_fields_of_records() {
    #[derive(Record, Debug, PartialEq)]
    #[record(name = "customer", single_row)]
    struct Customer {
        #[record(subject)]
        id: i64,
        #[record(seal)]
        email: Email,
        #[record(seal)]
        other: Option<Wrapped<Email>>,
        #[record(seal)]
        all: Vec<Email>,
    }

    let ring = ring();
    let email = || Email("ada@example.com".into());
    let customer = Customer {
        id: 1,
        email: email(),
        other: Some(Wrapped(email())),
        all: vec![email(), email()],
    };
    let row = customer.seal_new(&ring).unwrap();
    assert_eq!(row.open(&ring, 1).unwrap(), customer);
}

/// A record whose fields are sensitive, one that may be absent and one of another type included.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "patient", single_row, sealed(derive(Debug)))]
struct Patient {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    name: Sensitive<String>,
    #[record(seal)]
    maiden_name: Option<Sensitive<String>>,
    #[record(seal(hide_null, pad = 16))]
    blood: Option<Sensitive<String>>,
    #[record(seal)]
    weights: Vec<Sensitive<u32>>,
}

#[test]
fn sensitive_fields_of_a_record_come_back_and_are_not_printed() {
    let ring = ring();
    let ada = Patient {
        id: 42,
        name: "Ada Lovelace".into(),
        maiden_name: Some("Byron".into()),
        blood: None,
        weights: vec![57.into(), 58.into()],
    };
    let row = ada.seal_new(&ring).unwrap();
    let opened = row.open(&ring, 42).unwrap();
    assert_eq!(opened, ada);
    assert_eq!(
        format!("{opened:?}"),
        "Patient { id: 42, name: [redacted], maiden_name: Some([redacted]), blood: None, \
         weights: [[redacted], [redacted]] }"
    );

    let partial = row.open_partial(&ring, 42).unwrap();
    assert_eq!(partial.name.unwrap().expose(), "Ada Lovelace");
    assert!(row.maiden_name.is_some());
    let none = Patient { maiden_name: None, ..ada }.seal_new(&ring).unwrap();
    assert!(none.maiden_name.is_none() && none.open(&ring, 42).unwrap().maiden_name.is_none());
}

#[test]
fn newtype_of_a_sensitive_value_is_sealed_as_that() {
    #[derive(SealValue, Clone, Debug, PartialEq)]
    struct Diagnosis(Sensitive<String>);

    let diagnosis = Diagnosis("well".into());
    assert_eq!(through(&diagnosis), diagnosis);
    assert_eq!(format!("{diagnosis:?}"), "Diagnosis([redacted])");
}

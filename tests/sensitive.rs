//! What an application holds as sensitive is wiped, and shows nowhere unless it is exposed.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::cell::Cell;
use std::rc::Rc;

use fieldseal::{Class, DataKeys, ErrorKind, Field, KeyRing, Sealed, Sensitive};
use zeroize::{Zeroize, Zeroizing};

const CLASS: Class = Class::new("contact");
const PLAIN: Field<String> = Field::new("customer", "email", CLASS);
const SENSITIVE: Field<Sensitive<String>> = Field::new("customer", "email", CLASS);
const OPTIONAL: Field<Option<Sensitive<String>>> = Field::new("customer", "email", CLASS);

fn keys() -> DataKeys {
    DataKeys::create(&KeyRing::generate().unwrap(), 42, [CLASS]).unwrap()
}

/// Counts how often it was wiped.
#[derive(Clone, Default)]
struct Wiped(Rc<Cell<u32>>);

impl Zeroize for Wiped {
    fn zeroize(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn dropped_value_is_wiped() {
    let wiped = Wiped::default();
    drop(Sensitive::new(wiped.clone()));
    assert_eq!(wiped.0.get(), 1);
    drop(Some(Sensitive::new(wiped.clone())));
    assert_eq!(wiped.0.get(), 2);
    drop(vec![Sensitive::new(wiped.clone()), Sensitive::new(wiped.clone())]);
    assert_eq!(wiped.0.get(), 4);
}

#[test]
fn overwritten_value_is_wiped() {
    let (former, latter) = (Wiped::default(), Wiped::default());
    let mut value = Sensitive::new(former.clone());
    assert_eq!(value.expose().0.get(), 0);
    value = Sensitive::new(latter.clone());
    assert_eq!((former.0.get(), latter.0.get()), (1, 0));
    drop(value);
    assert_eq!((former.0.get(), latter.0.get()), (1, 1));
}

#[test]
fn copies_are_wiped_each() {
    let wiped = Wiped::default();
    let value = Sensitive::new(wiped.clone());
    let mapped = value.map(Clone::clone);
    drop(value.clone());
    assert_eq!(wiped.0.get(), 1);
    drop((value, mapped));
    assert_eq!(wiped.0.get(), 3);
}

#[test]
fn value_that_was_taken_out_is_the_callers_to_wipe() {
    let wiped = Wiped::default();
    let inner = Sensitive::new(wiped.clone()).into_inner();
    assert_eq!(wiped.0.get(), 0);
    drop(inner);
    assert_eq!(wiped.0.get(), 0);
}

#[test]
fn wiping_by_hand_leaves_nothing() {
    let mut text = Sensitive::from("ada@example.com");
    text.zeroize();
    assert_eq!(text.expose(), "");
}

#[test]
fn printing_shows_neither_the_value_nor_its_length() {
    #[derive(Debug)]
    #[allow(dead_code, reason = "it is printed")]
    struct Customer {
        email: Sensitive<String>,
        born: Option<Sensitive<u16>>,
        codes: Vec<Sensitive<String>>,
    }

    let customer = Customer {
        email: "ada@example.com".into(),
        born: Some(1815.into()),
        codes: vec!["".into(), "a long one".into()],
    };
    assert_eq!(
        format!("{customer:?}"),
        "Customer { email: [redacted], born: Some([redacted]), codes: [[redacted], [redacted]] }"
    );
    let pretty = format!("{customer:#?}");
    assert!(!pretty.contains("ada") && !pretty.contains("1815"), "{pretty}");
    for value in ["", "a", "a value that is longer than its place"] {
        let value = Sensitive::from(value);
        assert_eq!(value.to_string(), "[redacted]");
        assert_eq!(format!("{value:>3} {value:.2} {value:?}"), "[redacted] [redacted] [redacted]");
    }
    assert_eq!(
        format!("{:x?} {:+}", Sensitive::new(255), Sensitive::new(-1)),
        "[redacted] [redacted]"
    );
}

#[test]
fn equality_is_that_of_the_values() {
    assert_eq!(Sensitive::from("ada"), Sensitive::new("ada".to_owned()));
    assert_ne!(Sensitive::from("ada"), Sensitive::from("Ada"));
    assert_ne!(Sensitive::new(f64::NAN), Sensitive::new(f64::NAN));
    assert_eq!(Sensitive::<String>::default(), Sensitive::from(""));
}

#[test]
fn value_is_reached_and_changed_where_that_is_asked_for() {
    let mut name = Sensitive::from("ada");
    name.expose_mut().push_str(" lovelace");
    assert_eq!(name.map(String::len).expose(), &12);
    assert_eq!(name.into_inner(), "ada lovelace");
}

#[test]
fn column_becomes_sensitive_without_a_migration_and_back() {
    let keys = keys();
    let plain = PLAIN.seal(&keys, &"ada@example.com".to_owned()).unwrap();
    let opened = SENSITIVE.open(&keys, &Sealed::from_bytes(plain.into_bytes())).unwrap();
    assert_eq!(opened.expose(), "ada@example.com");
    let sealed = SENSITIVE.seal(&keys, &opened).unwrap();
    let opened = PLAIN.open(&keys, &Sealed::from_bytes(sealed.into_bytes())).unwrap();
    assert_eq!(opened, "ada@example.com");

    const WIPED: Field<Zeroizing<String>> = Field::new("customer", "email", CLASS);
    let sealed = SENSITIVE.seal(&keys, &"ada@example.com".into()).unwrap();
    let opened = WIPED.open(&keys, &Sealed::from_bytes(sealed.into_bytes())).unwrap();
    assert_eq!(*opened, "ada@example.com");
}

#[test]
fn absent_sensitive_value_is_null() {
    let keys = keys();
    assert!(OPTIONAL.seal(&keys, &None).unwrap().is_none());
    let column = OPTIONAL.seal(&keys, &Some("ada@example.com".into())).unwrap();
    assert_eq!(OPTIONAL.open(&keys, &column).unwrap(), Some("ada@example.com".into()));
}

#[test]
fn value_of_another_type_is_refused_as_without_it() {
    const NUMBER: Field<u32> = Field::new("customer", "email", CLASS);
    let keys = keys();
    let sealed = NUMBER.seal(&keys, &42).unwrap();
    let error = SENSITIVE.open(&keys, &Sealed::from_bytes(sealed.into_bytes())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TypeMismatch);
}

/// What is sealed already is refused inside too.
#[test]
fn sealed_text_is_not_sealed_again() {
    let keys = keys();
    let sealed = SENSITIVE.seal(&keys, &"ada@example.com".into()).unwrap();
    let error = SENSITIVE.seal(&keys, &sealed.to_text().into()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadySealed);
}

#[cfg(feature = "serde")]
mod serde {
    use super::*;
    use ::serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, Debug)]
    struct Letter {
        #[serde(serialize_with = "Sensitive::serialize_exposed")]
        to: Sensitive<String>,
        #[serde(default, serialize_with = "Sensitive::serialize_option_exposed")]
        year: Option<Sensitive<u16>>,
        #[serde(skip_serializing, default)]
        note: Sensitive<String>,
    }

    #[test]
    fn field_that_asks_for_it_is_written_and_no_other() {
        let json = r#"{"to":"Ada","year":1815,"note":"never by phone"}"#;
        let letter: Letter = serde_json::from_str(json).unwrap();
        assert_eq!(
            (letter.to.expose().as_str(), letter.note.expose().as_str()),
            ("Ada", "never by phone")
        );
        assert_eq!(serde_json::to_string(&letter).unwrap(), r#"{"to":"Ada","year":1815}"#);
        let letter: Letter = serde_json::from_str(r#"{"to":"Ada","year":null}"#).unwrap();
        assert_eq!(serde_json::to_string(&letter).unwrap(), r#"{"to":"Ada","year":null}"#);
    }

    #[test]
    fn error_of_reading_does_not_show_what_was_read() {
        for json in [
            r#"{"to":4716123412341234}"#,
            r#"{"to":["4716123412341234"]}"#,
            r#"{"to":"Ada","year":4716123412341234}"#,
            r#"{"to":"Ada","year":"4716123412341234"}"#,
            r#"{"to":"Ada","note":{"4716123412341234":1}}"#,
        ] {
            let error = serde_json::from_str::<Letter>(json).unwrap_err().to_string();
            assert!(error.contains("sensitive") && !error.contains("4716"), "{error}");
        }
        assert!(serde_json::from_str::<Letter>(r#"{"year":1815}"#).is_err());
    }
}

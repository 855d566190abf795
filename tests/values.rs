//! Every type that can be sealed comes back as it was, opens as what it may, and shows nothing.
// Without `std` there is no clock but one that the caller gives.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use std::fmt::Debug;

use fieldseal::field::NotNull;
use fieldseal::{Class, DataKeys, ErrorKind, Field, KeyRing, Sealed};
use proptest::prelude::*;

#[cfg(feature = "serde")]
#[path = "values/represented.rs"]
mod represented;

const CLASS: Class = Class::new("contact");

fn keys() -> DataKeys {
    DataKeys::create(&KeyRing::generate().unwrap(), 42, [CLASS]).unwrap()
}

const fn field<T>() -> Field<T> {
    Field::new("customer", "value", CLASS)
}

/// What `value` opens to as a `U`.
fn reopened<T, U>(keys: &DataKeys, value: &T) -> Result<U, ErrorKind>
where
    T: NotNull<Column = Sealed<T>>,
    U: NotNull<Column = Sealed<U>>,
{
    let sealed = field::<T>().seal(keys, value).unwrap();
    field::<U>().open(keys, &Sealed::from_bytes(sealed.into_bytes())).map_err(|error| error.kind())
}

fn comes_back<T: NotNull<Column = Sealed<T>> + PartialEq + Debug>(keys: &DataKeys, value: &T) {
    assert_eq!(reopened::<T, T>(keys, value).as_ref(), Ok(value));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn plain_values_come_back(
        text in ".{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..2000), flag: bool,
        u8_ in any::<u8>(), u16_ in any::<u16>(), u32_ in any::<u32>(), u64_ in any::<u64>(),
        i8_ in any::<i8>(), i16_ in any::<i16>(), i32_ in any::<i32>(), i64_ in any::<i64>(),
        list in prop::collection::vec(prop::option::of(".{0,9}"), 0..9), array: [u8; 16],
    ) {
        let keys = keys();
        comes_back(&keys, &text);
        comes_back(&keys, &text.clone().into_boxed_str());
        comes_back(&keys, &bytes);
        comes_back(&keys, &flag);
        comes_back(&keys, &u8_);
        comes_back(&keys, &u16_);
        comes_back(&keys, &u32_);
        comes_back(&keys, &u64_);
        comes_back(&keys, &i8_);
        comes_back(&keys, &i16_);
        comes_back(&keys, &i32_);
        comes_back(&keys, &i64_);
        comes_back(&keys, &list);
        comes_back(&keys, &vec![list]);
        comes_back(&keys, &array);
    }

    #[test]
    fn floats_keep_their_bits(narrow: u32, wide: u64) {
        let keys = keys();
        let (narrow, wide) = (f32::from_bits(narrow), f64::from_bits(wide));
        prop_assert_eq!(reopened::<f32, f32>(&keys, &narrow).unwrap().to_bits(), narrow.to_bits());
        prop_assert_eq!(reopened::<f64, f64>(&keys, &wide).unwrap().to_bits(), wide.to_bits());
        prop_assert_eq!(reopened::<f64, f32>(&keys, &wide), Err(ErrorKind::TypeMismatch));
        let widened = reopened::<f32, f64>(&keys, &narrow).unwrap();
        prop_assert!(widened == f64::from(narrow) || (widened.is_nan() && narrow.is_nan()));
    }

    #[test]
    fn an_integer_opens_in_every_width_it_fits(value: i64) {
        let keys = keys();
        prop_assert_eq!(reopened::<i64, u8>(&keys, &value).ok(), u8::try_from(value).ok());
        prop_assert_eq!(reopened::<i64, i16>(&keys, &value).ok(), i16::try_from(value).ok());
        prop_assert_eq!(reopened::<i64, u64>(&keys, &value).ok(), u64::try_from(value).ok());
        let small = value.rem_euclid(200);
        let narrow = u8::try_from(small).unwrap();
        prop_assert_eq!(reopened::<u8, i64>(&keys, &narrow), Ok(small));
    }

    #[test]
    fn lengths_show_up_to_the_padding(len in 0_usize..300, multiple in 1_u16..400) {
        let keys = keys();
        let field = Field::<String>::new("customer", "value", CLASS).pad(multiple);
        let sealed = field.seal(&keys, &"x".repeat(len)).unwrap();
        let item = len + if len < 24 { 1 } else if len < 256 { 2 } else { 3 };
        prop_assert_eq!(sealed.as_bytes().len(), item.next_multiple_of(multiple.into()) + 45);
    }
}

#[test]
fn a_value_of_another_type_is_a_mismatch_and_nothing_else() {
    let keys = keys();
    let mismatch = Err(ErrorKind::TypeMismatch);
    assert_eq!(reopened::<String, u64>(&keys, &"7".into()), mismatch);
    assert_eq!(reopened::<u64, String>(&keys, &7).err(), Some(ErrorKind::TypeMismatch));
    assert_eq!(
        reopened::<String, Vec<u8>>(&keys, &"a".into()).err(),
        Some(ErrorKind::TypeMismatch)
    );
    assert_eq!(reopened::<Vec<u8>, Vec<u64>>(&keys, &vec![1]).err(), Some(ErrorKind::TypeMismatch));
    assert_eq!(reopened::<Vec<u64>, Vec<u8>>(&keys, &vec![1]).err(), Some(ErrorKind::TypeMismatch));
    assert_eq!(reopened::<[u8; 4], [u8; 5]>(&keys, &[1; 4]).err(), Some(ErrorKind::TypeMismatch));
    assert_eq!(reopened::<bool, u8>(&keys, &true).err(), Some(ErrorKind::TypeMismatch));
    assert_eq!(reopened::<u64, f64>(&keys, &1).err(), Some(ErrorKind::TypeMismatch));
    assert_eq!(
        reopened::<Vec<Option<u8>>, Vec<u8>>(&keys, &vec![None]).err(),
        Some(ErrorKind::TypeMismatch)
    );
}

#[test]
fn absence_is_null_unless_it_is_hidden() {
    let keys = keys();
    let shown: Field<Option<String>> = Field::new("customer", "phone", CLASS);
    assert_eq!(shown.seal(&keys, &None).unwrap(), None);
    assert_eq!(shown.open(&keys, &None).unwrap(), None);

    let hidden: Field<Option<String>> = Field::new("customer", "card", CLASS).hide_null(32);
    let absent = hidden.seal(&keys, &None).unwrap();
    let present = hidden.seal(&keys, &Some("4242 4242 4242 4242".into())).unwrap();
    let len =
        |column: &Option<Sealed<String>>| column.as_ref().map(|sealed| sealed.as_bytes().len());
    assert_eq!((len(&absent), len(&present)), (Some(77), Some(77)));
    assert_eq!(hidden.open(&keys, &absent).unwrap(), None);
    assert_eq!(hidden.open(&keys, &None).unwrap_err().kind(), ErrorKind::Malformed);
    let longer = Some("x".repeat(31));
    assert_eq!(hidden.seal(&keys, &longer).unwrap_err().kind(), ErrorKind::InvalidInput);

    // What was sealed as absent is no value of a field that does not hide absence.
    let plain: Field<Option<String>> = Field::new("customer", "card", CLASS);
    assert_eq!(plain.open(&keys, &absent).unwrap_err().kind(), ErrorKind::TypeMismatch);
    assert_eq!(
        hidden.open(&keys, &plain.seal(&keys, &Some("a".into())).unwrap()).unwrap().as_deref(),
        Some("a")
    );
}

#[test]
fn what_is_sealed_is_not_sealed_again() {
    let keys = keys();
    let text: Field<String> = field();
    let bytes: Field<Vec<u8>> = field();
    let once = text.seal(&keys, &"ada@example.com".into()).unwrap();
    let already = ErrorKind::AlreadySealed;
    assert_eq!(text.seal(&keys, &once.to_text()).unwrap_err().kind(), already);
    assert_eq!(bytes.seal(&keys, &once.as_bytes().to_vec()).unwrap_err().kind(), already);
    assert_eq!(text.seal(&keys, &keys.envelope().to_text()).unwrap_err().kind(), already);
    let standalone = KeyRing::generate().unwrap().seal(b"note", b"x").unwrap();
    assert_eq!(bytes.seal(&keys, &standalone).unwrap_err().kind(), already);

    // A note that looks like it is a note.
    for note in ["fs1.hello", "fs1.", "fs1.9QECAwQ", "FS1.9QECAwQ"] {
        assert_eq!(text.open(&keys, &text.seal(&keys, &note.into()).unwrap()).unwrap(), note);
    }
    let of_others = field::<String>().seal(&self::keys(), &"x".into()).unwrap();
    comes_back(&keys, &of_others.as_bytes().to_vec());
}

#[test]
fn sealed_types_show_nothing_when_printed() {
    let keys = keys();
    let value = "ada@example.com".to_owned();
    let sealed = field::<String>().seal(&keys, &value).unwrap();
    let update = field::<String>().update(&keys, &value).unwrap();
    let row = Field::<String, fieldseal::field::ManyRows>::new("address", "street", CLASS)
        .row(7)
        .unwrap();
    let ring = KeyRing::generate().unwrap();
    let plaintext = ring.open(b"c", &ring.seal(b"c", value.as_bytes()).unwrap()).unwrap();
    let error = field::<u64>().open(&keys, &Sealed::from_bytes(sealed.as_bytes())).unwrap_err();
    let printed = [
        format!("{sealed:?}"),
        format!("{update:?}"),
        format!("{:?}", keys.envelope()),
        format!("{keys:?}"),
        format!("{row:?}"),
        format!("{plaintext:?}"),
        format!("{error:?} {error}"),
    ];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for text in &printed {
        assert!(!text.contains("ada") && !text.contains("[97, 100"), "{text}");
        assert!(!text.contains(&hex(&sealed.as_bytes()[29..37])), "{text}");
    }
    assert_eq!(printed[0], "Sealed(77 bytes)".replace("77", &sealed.as_bytes().len().to_string()));
    assert_eq!(printed[5], "Plaintext(15 bytes)");
}

#[cfg(feature = "serde")]
mod structured {
    use std::collections::BTreeMap;

    use fieldseal::field::Structured;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    struct Address {
        street: String,
        number: Option<u32>,
        kind: Kind,
        tags: BTreeMap<String, Vec<i64>>,
        unit: (),
        #[serde(flatten)]
        more: BTreeMap<String, f64>,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    enum Kind {
        Home,
        Work(String),
        Other { since: i64, what: (bool, char) },
    }

    #[test]
    fn any_serde_type_comes_back() {
        let keys = keys();
        for kind in
            [Kind::Home, Kind::Work("Acme".into()), Kind::Other { since: -1, what: (true, 'ß') }]
        {
            let address = Structured(Address {
                street: "1 Main St".into(),
                number: None,
                kind,
                tags: [("a".to_owned(), vec![1, -1]), ("b".to_owned(), vec![])].into(),
                unit: (),
                // Flattened maps are of unknown length to serde.
                more: [("lat".to_owned(), 59.9), ("lon".to_owned(), 10.7)].into(),
            });
            let field: Field<Structured<Address>> = field();
            let sealed = field.seal(&keys, &address).unwrap();
            assert_eq!(field.open(&keys, &sealed).unwrap().0, address.0);
            assert!(!format!("{address:?}").contains("Main"));
        }
    }

    #[test]
    fn a_structured_value_of_another_type_is_a_mismatch() {
        let keys = keys();
        let sealed = reopened::<_, Structured<Vec<u8>>>(&keys, &Structured("text".to_owned()));
        assert_eq!(sealed.err(), Some(ErrorKind::TypeMismatch));
        let absent: Field<Structured<Option<u8>>> = field();
        assert_eq!(
            absent.seal(&keys, &Structured(None)).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }

    #[test]
    fn sealed_values_are_text_in_json() {
        let keys = keys();
        let sealed = field::<String>().seal(&keys, &"ada".into()).unwrap();
        let json = serde_json::to_string(&(&sealed, keys.envelope())).unwrap();
        assert!(json.starts_with("[\"fs1.9"), "{json}");
        let (again, envelope): (Sealed<String>, fieldseal::KeyEnvelope) =
            serde_json::from_str(&json).unwrap();
        assert_eq!((&again, &envelope), (&sealed, keys.envelope()));
        assert_eq!(field::<String>().open(&keys, &again).unwrap(), "ada");
        for bad in [
            "\"ada\"",
            "\"fs1.AAAA\"",
            "4111111111111111",
            "true",
            "null",
            "[1]",
            "{\"a\":1}",
            "1.5",
        ] {
            let error = serde_json::from_str::<Sealed<String>>(bad).unwrap_err().to_string();
            assert!(
                !error.contains("4111") && !error.contains("ada") && !error.contains("1.5"),
                "{error}"
            );
        }
    }
}

#[cfg(feature = "uuid")]
#[test]
fn uuids_come_back_and_are_no_bytes() {
    let keys = keys();
    let id = uuid::Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
    comes_back(&keys, &id);
    assert_eq!(reopened::<_, [u8; 16]>(&keys, &id).err(), Some(ErrorKind::TypeMismatch));
}

#[cfg(feature = "rust_decimal")]
#[test]
fn decimals_keep_their_scale() {
    use rust_decimal::Decimal;
    let keys = keys();
    let edge = Decimal::from_i128_with_scale(-(1_i128 << 63) - 1, 0);
    let just_plain = Decimal::from_i128_with_scale(i128::from(u64::MAX), 28);
    let just_big = Decimal::from_i128_with_scale(i128::from(u64::MAX) + 1, 3);
    for decimal in [
        Decimal::new(110, 2),
        Decimal::new(11, 1),
        Decimal::ZERO,
        Decimal::new(0, 5),
        Decimal::MAX,
        Decimal::MIN,
        edge,
        just_plain,
        just_big,
        Decimal::new(i64::MIN, 28),
    ] {
        let back: Decimal = reopened(&keys, &decimal).unwrap();
        assert_eq!((back, back.scale()), (decimal, decimal.scale()));
    }
}

#[cfg(all(feature = "jiff", feature = "chrono", feature = "time"))]
mod calendars {
    use super::*;

    #[test]
    fn dates_and_instants_mean_the_same_in_every_calendar_crate() {
        let keys = keys();
        let date = jiff::civil::date(2026, 11, 21);
        comes_back(&keys, &date);
        let chrono: chrono::NaiveDate = reopened(&keys, &date).unwrap();
        assert_eq!(chrono.to_string(), "2026-11-21");
        let time: time::Date = reopened(&keys, &chrono).unwrap();
        assert_eq!((time.year(), time.ordinal()), (2026, 325));
        assert_eq!(reopened::<_, jiff::civil::Date>(&keys, &time).unwrap(), date);

        for nanoseconds in
            [0, 1, -1, 1_795_298_615_123_456_789, -1_000_000_001, -62_135_596_800_000_000_000]
        {
            let instant = jiff::Timestamp::from_nanosecond(nanoseconds).unwrap();
            comes_back(&keys, &instant);
            let chrono: chrono::DateTime<chrono::Utc> = reopened(&keys, &instant).unwrap();
            assert_eq!(i128::from(chrono.timestamp()), nanoseconds.div_euclid(1_000_000_000));
            let time: time::OffsetDateTime = reopened(&keys, &chrono).unwrap();
            assert_eq!(time.unix_timestamp_nanos(), nanoseconds);
            assert_eq!(reopened::<_, jiff::Timestamp>(&keys, &time).unwrap(), instant);
        }
        assert_eq!(
            reopened::<_, jiff::Timestamp>(&keys, &date).err(),
            Some(ErrorKind::TypeMismatch)
        );
        assert_eq!(reopened::<_, String>(&keys, &date).err(), Some(ErrorKind::TypeMismatch));
    }

    #[test]
    fn days_and_seconds_that_have_no_form_are_refused() {
        let keys = keys();
        let sealed = field().seal(&keys, &jiff::civil::date(-1, 1, 1));
        assert_eq!(sealed.unwrap_err().kind(), ErrorKind::InvalidInput);
        let leap = chrono::DateTime::from_timestamp(59, 1_500_000_000).unwrap();
        assert_eq!(field().seal(&keys, &leap).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

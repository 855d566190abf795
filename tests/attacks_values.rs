//! Values that would be lost, ids that would be nobody's, texts that would give a value away, and
//! records whose rows could be mixed: refused. Each test says what it guards.

// Without `std` there is no clock but one that the caller gives.
#![cfg(feature = "std")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::cell::Cell;
use std::panic::catch_unwind;

use fieldseal::field::{Column, Decoder, Encoder, ManyRows, NotNull};
use fieldseal::record::{FieldSchema, KeysPlace, Rows, Schema};
use fieldseal::{
    Catalog, Class, DataKeys, Error, ErrorKind, Field, KeyRing, RowId, SealValue, Sealed,
    SubjectId, ToId as _,
};

const PERSONAL: Class = Class::PERSONAL;

fn keys() -> DataKeys {
    DataKeys::create(&KeyRing::generate().unwrap(), 42, [PERSONAL]).unwrap()
}

#[track_caller]
fn kind<T>(result: Result<T, Error>) -> ErrorKind {
    match result {
        Ok(_) => panic!("it succeeds"),
        Err(error) => error.kind(),
    }
}

/// What a type writes, by hand; it reads arrays of text.
struct Custom(Write);

type Write = fn(&mut Encoder<'_>) -> Result<(), Error>;

impl SealValue for Custom {
    type Column = Sealed<Self>;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
        (self.0)(to)
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
        for _ in 0..from.array()? {
            from.text()?;
        }
        Ok(Self(|_| Ok(())))
    }
}

impl NotNull for Custom {}

/// Guards the check of what a type has written, before it is sealed: these could not be opened again,
/// or (a zero that stands behind, taken for padding) not as what they were.
#[test]
fn what_is_not_one_item_is_refused_when_sealed() {
    const FIELD: Field<Custom> = Field::new("customer", "custom", PERSONAL);
    const HIDDEN: Field<Option<Custom>> = Field::new("customer", "hidden", PERSONAL).hide_null(64);
    const BARE: Field<Option<Custom>> = Field::new("customer", "bare", PERSONAL);
    let keys = keys();
    let written: [(&str, Write); 10] = [
        ("nothing", |_| Ok(())),
        ("two items", |to| to.text("a").and_then(|()| to.text("b"))),
        ("a zero behind", |to| to.unsigned(7).and_then(|()| to.unsigned(0))),
        ("null", |to| to.null()),
        ("null and another", |to| to.null().and_then(|()| to.null())),
        ("an array cut short", |to| to.array(2).and_then(|()| to.text("a"))),
        ("an array too long", |to| {
            to.array(1).and_then(|()| to.text("a")).and_then(|()| to.text("b"))
        }),
        ("half a pair", |to| to.map(1).and_then(|()| to.text("a"))),
        ("a vast array", |to| to.array(usize::MAX)),
        ("too deep", |to| {
            (0..100).try_for_each(|_| to.array(1))?;
            to.unsigned(1)
        }),
    ];
    for (what, write) in written {
        let value = Custom(write);
        assert_eq!(kind(FIELD.seal(&keys, &value)), ErrorKind::InvalidInput, "{what}");
        let some = Some(value);
        assert_eq!(kind(HIDDEN.seal(&keys, &some)), ErrorKind::InvalidInput, "{what}, hidden");
        assert_eq!(kind(BARE.seal(&keys, &some)), ErrorKind::InvalidInput, "{what}, optional");
        let refused = FIELD.seal_with_rng(&keys, some.as_ref().unwrap(), &mut Never);
        assert_eq!(kind(refused), ErrorKind::InvalidInput, "{what}");
    }
    let one = Custom(|to| to.array(1).and_then(|()| to.text("a")));
    let sealed = FIELD.seal(&keys, &one).unwrap();
    assert!(FIELD.open(&keys, &sealed).is_ok());
    // Absence itself is hidden, and is not mistaken for a value.
    let absent = HIDDEN.seal(&keys, &None).unwrap();
    assert!(HIDDEN.open(&keys, &absent).unwrap().is_none());
}

/// A generator: what is drawn is of no interest here.
struct Never;

impl rand_core::TryRng for Never {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(7)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(7)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(7);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Never {}

/// Guards the length of the buffer: a value that encodes otherwise the second time is refused.
#[test]
fn what_is_written_otherwise_each_time_is_refused() {
    thread_local! {
        static TIMES: Cell<usize> = const { Cell::new(0) };
    }
    const FIELD: Field<Custom> = Field::new("customer", "custom", PERSONAL);
    let keys = keys();
    let unstable = Custom(|to| {
        TIMES.set(TIMES.get() + 1);
        to.array(1)?;
        to.text(&"a".repeat(TIMES.get()))
    });
    for _ in 0..40 {
        assert_eq!(kind(FIELD.seal(&keys, &unstable)), ErrorKind::Declaration);
    }
}

/// Guards PAD-3's text: how long a value is must not show in a log.
#[test]
fn a_value_too_long_to_hide_absence_shows_no_length() {
    const NICK: Field<Option<String>> = Field::new("customer", "nick", PERSONAL).hide_null(8);
    let keys = keys();
    let texts: Vec<String> = [8, 37, 41, 1234]
        .map(|len| {
            let error = NICK.seal(&keys, &Some("a".repeat(len))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            error.to_string()
        })
        .into();
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "{texts:?}");
    assert!(!texts[0].contains(|c: char| c.is_ascii_digit()), "{}", texts[0]);
    assert!(NICK.seal(&keys, &Some("a".repeat(7))).is_ok());
}

/// Guards ID-6: the empty id stands for single rows and for standalone envelopes, nowhere else.
#[test]
fn an_empty_id_is_nobodys() {
    const STREET: Field<String, ManyRows> = Field::new("address", "street", PERSONAL);
    let ring = KeyRing::generate().unwrap();
    let empty = RowId::SINGLE;
    let error = STREET.row(&empty).unwrap_err();
    assert_eq!((error.kind(), error.record()), (ErrorKind::InvalidInput, Some("address")));
    let text = String::new();
    let bytes: Vec<u8> = Vec::new();
    let refused = [
        kind(STREET.row(RowId::SINGLE)),
        kind(STREET.row("")),
        kind(STREET.row((7, RowId::SINGLE))),
        kind(DataKeys::create(&ring, RowId::SINGLE, [PERSONAL])),
        kind(DataKeys::create(&ring, &empty, [PERSONAL])),
        kind(DataKeys::create(&ring, "", [PERSONAL])),
        kind(DataKeys::create(&ring, (&text, 7), [PERSONAL])),
        kind(DataKeys::create(&ring, RowId::SINGLE, PERSONAL.consented_to(&[]))),
        kind(SubjectId::new(RowId::SINGLE)),
        kind(RowId::new(RowId::SINGLE)),
        kind(RowId::new(&bytes)),
        kind(RowId::SINGLE.to_id()),
        kind((RowId::SINGLE, 7).to_id()),
        kind((7, RowId::SINGLE).to_id()),
        kind((1, 2, &empty).to_id()),
        kind((1, 2, 3, "").to_id()),
    ];
    assert!(refused.iter().all(|kind| *kind == ErrorKind::InvalidInput), "{refused:?}");

    // The key envelope inside a standalone one is nobody's: no subject unwraps, edits or erases it.
    let sealed = ring.seal(b"invoice", b"value").unwrap();
    let len = usize::from(u16::from_be_bytes([sealed[1], sealed[2]]));
    let inner = fieldseal::KeyEnvelope::from_bytes(&sealed[3..3 + len]);
    assert_eq!(kind(inner.unwrap(&ring, RowId::SINGLE)), ErrorKind::InvalidInput);
    assert_eq!(kind(inner.edit(&ring, RowId::SINGLE)), ErrorKind::InvalidInput);
    assert_eq!(kind(inner.prepare(&ring, RowId::SINGLE, [PERSONAL])), ErrorKind::InvalidInput);
    assert_eq!(kind(inner.unwrap(&ring, 42)), ErrorKind::Tampered);
}

const EMAIL: Field<String> = Field::new("customer", "email", PERSONAL);
const EMAILS: &[FieldSchema] = &[FieldSchema::of(&EMAIL, "email", "String")];

const fn schema(record: &'static str, rows: Rows, keys: KeysPlace) -> Schema<'static> {
    Schema::new(record, rows, keys, &["id", "email", "keys"], EMAILS, &[], &["email"])
}

/// Guards ED-1: a subject has one envelope. Two that are stored in rows pass every check for it, so
/// whoever writes to the database could put a withdrawn or erased one in the other's place. The types
/// cannot see that; the schema refuses the records.
#[test]
fn records_whose_rows_could_swap_envelopes_are_refused() {
    static CUSTOMER: Schema = schema("customer", Rows::Single, KeysPlace::Inline);
    static ACCOUNT: Schema = schema("account", Rows::Single, KeysPlace::Inline);
    static LETTER: Schema = schema("letter", Rows::Many, KeysPlace::External);
    static NOTE: Schema = schema("note", Rows::Single, KeysPlace::External);
    // In a constant this does not compile.
    assert!(catch_unwind(|| schema("address", Rows::Many, KeysPlace::Inline)).is_err());
    for schemas in [[&CUSTOMER, &ACCOUNT, &LETTER], [&LETTER, &ACCOUNT, &CUSTOMER]] {
        let error = Catalog::new(&schemas).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Declaration);
        let text = error.to_string();
        assert!(text.contains("`customer`") && text.contains("`account`"), "{text}");
        assert!(text.contains("external"), "{text}");
    }
    // One record keeps it, in one view or two; the others share it.
    static VIEW: Schema = schema("customer", Rows::Single, KeysPlace::Inline);
    assert!(Catalog::new(&[&CUSTOMER, &VIEW, &LETTER, &NOTE]).is_ok());

    // What it guards against: the two envelopes of one subject are told apart by nothing.
    let ring = KeyRing::generate().unwrap();
    let row = || DataKeys::create(&ring, 42, [PERSONAL]).unwrap().envelope().clone();
    for swapped in [row(), row()] {
        assert!(swapped.unwrap(&ring, 42).is_ok());
    }
}

/// Guards `[PT-11]` on a column's side: only an `Option` has a NULL.
#[test]
fn a_column_of_a_value_that_is_there_is_never_null() {
    assert!(<Sealed<String> as Column<String>>::of(None).is_none());
    let keys = keys();
    let sealed = EMAIL.seal(&keys, &"ada@example.com".to_owned()).unwrap();
    assert_eq!(EMAIL.open(&keys, &sealed).unwrap(), "ada@example.com");
}

#[cfg(feature = "serde")]
mod by_serde {
    use super::*;
    use std::collections::BTreeMap;

    use fieldseal::KeyEnvelope;
    use fieldseal::field::Structured;
    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
    enum Choice {
        A,
        B(u8),
        C { x: u8 },
        D(u8, u8),
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
    struct One {
        a: u8,
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
    struct Two {
        a: u8,
        b: u8,
    }

    /// Sealed as one type, opened as another.
    fn via<A, B>(value: A) -> Result<B, ErrorKind>
    where
        A: Serialize + DeserializeOwned,
        B: Serialize + DeserializeOwned,
    {
        let keys = keys();
        let written: Field<Structured<A>> = Field::new("customer", "any", PERSONAL);
        let read: Field<Structured<B>> = Field::new("customer", "any", PERSONAL);
        let sealed =
            written.seal(&keys, &Structured(value)).map_err(|error| error.kind())?.into_bytes();
        let opened = read.open(&keys, &Sealed::from_bytes(sealed));
        opened.map(|value| value.0).map_err(|error| error.kind())
    }

    /// Guards the check of structured values when they are sealed: the format has no such item, and
    /// what was sealed would be lost.
    #[test]
    fn structured_values_without_an_item_are_refused_when_sealed() {
        const REFUSED: ErrorKind = ErrorKind::InvalidInput;
        assert_eq!(via::<_, u128>(u128::MAX), Err(REFUSED));
        assert_eq!(via::<_, i128>(i128::MIN), Err(REFUSED));
        assert_eq!(via::<_, i128>(1_i128 << 64), Err(REFUSED));
        assert_eq!(via::<_, i128>(-(1_i128 << 64) - 1), Err(REFUSED));
        assert_eq!(via::<_, Vec<i128>>(vec![1_i128, 1 << 70]), Err(REFUSED));
        assert_eq!(via::<_, u8>(BTreeMap::from([("a".to_owned(), u128::MAX)])), Err(REFUSED));
        assert_eq!(via::<_, Option<u8>>(None::<u8>), Err(REFUSED));
        assert_eq!(via::<_, ()>(()), Err(REFUSED), "null, which is absence");
        assert_eq!(via::<_, ((),)>(((),)), Ok(((),)));
        // Whatever was sealed opens as what it was.
        for number in
            [0, u64::MAX.into(), i64::MIN.into(), i128::from(i64::MIN) - 1, -(1_i128 << 64)]
        {
            let opened = via::<i128, i128>(number);
            assert!(opened == Ok(number) || opened == Err(REFUSED), "{number}: {opened:?}");
        }
        assert_eq!(via::<_, Vec<i128>>(vec![5_i128, -5]), Ok(vec![5, -5]));
        assert_eq!(via::<_, (Option<u8>,)>((None::<u8>,)), Ok((None,)));
        let all = vec![Choice::A, Choice::B(1), Choice::C { x: 1 }, Choice::D(1, 2)];
        assert_eq!(via::<_, Vec<Choice>>(all.clone()), Ok(all));
    }

    /// Guards the end of structured values: what the type asked for leaves unread is of another type.
    #[test]
    fn structured_values_are_read_whole() {
        const OTHER: ErrorKind = ErrorKind::TypeMismatch;
        assert_eq!(via::<_, (u8, u8)>((1_u8, 2_u8, 3_u8)), Err(OTHER));
        assert_eq!(via::<_, (u8,)>(vec![1_u8, 2]), Err(OTHER));
        assert_eq!(via::<_, [u8; 2]>([1_u8, 2, 3]), Err(OTHER));
        let map = BTreeMap::from([("A".to_owned(), 5_u8)]);
        assert_eq!(via::<_, Choice>(map), Err(OTHER));
        let two = BTreeMap::from([("B".to_owned(), 5_u8), ("C".to_owned(), 6)]);
        assert_eq!(via::<_, Choice>(two), Err(OTHER));
        assert_eq!(via::<_, Choice>("B".to_owned()), Err(OTHER));
        assert_eq!(via::<_, Two>((1_u8, 2_u8, 3_u8)), Err(OTHER));
        assert_eq!(via::<_, u8>("1".to_owned()), Err(OTHER));
        // What serde allows is up to serde: a field that is gone.
        assert_eq!(via::<_, One>(Two { a: 1, b: 2 }), Ok(One { a: 1 }));
        assert_eq!(via::<_, Choice>(Choice::A), Ok(Choice::A));
    }

    #[derive(Deserialize, Debug)]
    #[allow(dead_code, reason = "read by its Debug alone")]
    struct Row {
        id: u64,
        card: Sealed<i64>,
        keys: Option<KeyEnvelope>,
    }

    const VALUES: [&str; 14] = [
        "4111",
        "-4111",
        "41115111611171118111",
        "4111e300",
        "4111.25",
        "true",
        "false",
        "\"ada-4111\"",
        "\"\"",
        "\"fs1.ada-4111\"",
        "\"fs1.NDExMQ\"",
        "\"fs2.4111\"",
        "{\"ada\": 4111}",
        "{\"4111\": \"ada\"}",
    ];

    #[track_caller]
    fn assert_silent(error: &dyn std::error::Error, value: &str) {
        for text in [error.to_string(), format!("{error:?}")] {
            for part in ["4111", "ada", "true", "false", "NDEx"] {
                assert!(!text.contains(part), "{value}: {text}");
            }
        }
    }

    /// Guards serde's errors: plaintext that stands where a sealed field should stays out of the log.
    #[test]
    fn errors_of_serde_show_no_value() {
        for value in VALUES {
            assert_silent(&serde_json::from_str::<Sealed<i64>>(value).unwrap_err(), value);
            assert_silent(&serde_json::from_str::<Sealed<String>>(value).unwrap_err(), value);
            assert_silent(&serde_json::from_str::<KeyEnvelope>(value).unwrap_err(), value);
            assert_silent(&serde_json::from_str::<Option<Sealed<u8>>>(value).unwrap_err(), value);
            let row = format!("{{\"id\": 7, \"card\": {value}}}");
            assert_silent(&serde_json::from_str::<Row>(&row).unwrap_err(), value);
            let row = format!("{{\"id\": 7, \"card\": \"fs1.9Q\", \"keys\": {value}}}");
            assert_silent(&serde_json::from_str::<Row>(&row).unwrap_err(), value);
            let parsed: serde_json::Value = serde_json::from_str(value).unwrap();
            assert_silent(&serde_json::from_value::<Sealed<i64>>(parsed).unwrap_err(), value);
        }
        assert!(serde_json::from_str::<Sealed<i64>>("null").is_err());
        assert_eq!(serde_json::from_str::<Option<Sealed<i64>>>("null").unwrap(), None);
    }

    /// Guards the same for arrays, whose elements are refused one by one.
    #[test]
    fn errors_of_serde_show_no_element_of_an_array() {
        for value in VALUES {
            for array in [format!("[{value}]"), format!("[1, 2, {value}]"), format!("[[{value}]]")]
            {
                assert_silent(&serde_json::from_str::<Sealed<i64>>(&array).unwrap_err(), &array);
                assert_silent(&serde_json::from_str::<KeyEnvelope>(&array).unwrap_err(), &array);
            }
        }
    }

    /// The same in a format that is not for people: bytes, and nothing else's content.
    #[test]
    fn errors_of_a_binary_format_show_no_value() {
        let encoded = |value: &serde_json::Value| {
            let mut bytes = Vec::new();
            value.serialize(&mut minicbor_serde::Serializer::new(&mut bytes)).unwrap();
            bytes
        };
        for value in VALUES {
            let parsed: serde_json::Value = serde_json::from_str(value).unwrap();
            for value in [parsed.clone(), serde_json::Value::Array(vec![parsed])] {
                let bytes = encoded(&value);
                if let Err(error) = minicbor_serde::from_slice::<Sealed<i64>>(&bytes) {
                    assert_silent(&error, &value.to_string());
                }
            }
        }
    }

    /// A binary format that tells what it holds, such as MessagePack: a list of these numbers.
    struct Binary<T>(Vec<T>);

    impl<'de, T> serde::Deserializer<'de> for Binary<T>
    where
        T: serde::de::IntoDeserializer<'de, serde::de::value::Error>,
    {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: serde::de::Visitor<'de>>(
            self,
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            visitor.visit_seq(serde::de::value::SeqDeserializer::new(self.0.into_iter()))
        }

        fn is_human_readable(&self) -> bool {
            false
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
            option unit unit_struct newtype_struct seq tuple tuple_struct map struct enum
            identifier ignored_any
        }
    }

    /// Guards the same for lists in a binary format, which may be bytes, and may be anything else.
    #[test]
    fn errors_of_a_binary_format_show_no_element() {
        let bytes = Sealed::<i64>::deserialize(Binary(vec![0xF5_u64, 1, 255])).unwrap();
        assert_eq!(bytes.as_bytes(), [0xF5, 1, 255]);
        let errors = [
            Sealed::<i64>::deserialize(Binary(vec![4111_i64])).unwrap_err(),
            Sealed::<i64>::deserialize(Binary(vec![1, -4111_i64])).unwrap_err(),
            Sealed::<i64>::deserialize(Binary(vec![4111.25_f64])).unwrap_err(),
            Sealed::<i64>::deserialize(Binary(vec!["ada-4111"])).unwrap_err(),
            Sealed::<i64>::deserialize(Binary(vec![true])).unwrap_err(),
            KeyEnvelope::deserialize(Binary(vec![4111_u64])).unwrap_err(),
        ];
        for error in errors {
            assert_silent(&error, "a list");
        }
    }
}

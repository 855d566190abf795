//! Values whose types are known at run time only: sealed by what was read, opened by the constants, and the other way
//! round.

use fieldseal::envelope::History;
use fieldseal::field::{ColumnValue, NotNull, SealValue, Update, Value};
use fieldseal::index::Term;
use fieldseal::record::OwnedSchema;
use fieldseal::secret::Sensitive;
use fieldseal::{
    Class, DataKeys, ErrorKind, Field, KeyRing, Record, RowId, Sealed, SealedRecord as _,
};

use super::run_time::{CARD, CARD_INDEX, CUSTOM, HIDDEN, PAID_RANGE, VISIT, WORN};

fn read() -> OwnedSchema {
    OwnedSchema::from_json_with(&VISIT.to_json(), CUSTOM).unwrap()
}

fn ring() -> KeyRing {
    let mut ring = KeyRing::generate().unwrap();
    for role in ["billing", "support", "marketing", "partners"] {
        ring.add_role(role).unwrap();
    }
    ring.add_index_key().unwrap();
    ring
}

fn kind<T>(result: Result<T, fieldseal::Error>) -> ErrorKind {
    result.err().unwrap().kind()
}

fn text(text: &str) -> Value {
    Value::from(text)
}

/// One value by a field of its type and by what is read of it, in both directions.
fn both_ways<T: SealValue<Column = Sealed<T>> + NotNull + PartialEq>(value: T, dynamic: Value) {
    const CLASS: Class = Class::new("any");
    let field: Field<T> = Field::new("any", "value", CLASS);
    let fields: &'static [_] =
        Box::leak(Box::new([fieldseal::record::FieldSchema::of(&field, "value", "T")]));
    let schema = fieldseal::record::Schema::new(
        "any",
        fieldseal::record::Rows::Single,
        fieldseal::record::KeysPlace::External,
        &["value"],
        fields,
        &[],
        &["value"],
    );
    let read = OwnedSchema::from_json(&schema.to_json()).unwrap();
    assert_eq!(*read.schema(), schema);
    let read = read.schema().dynamic_field("value").unwrap();
    let keys = DataKeys::create(&KeyRing::generate().unwrap(), 42, CLASS).unwrap();

    let sealed = field.seal(&keys, &value).unwrap();
    assert!(read.open(&keys, Some(sealed.as_bytes())).unwrap() == dynamic, "{dynamic:?}");
    let sealed = read.update(&keys, &dynamic).unwrap().value.unwrap();
    assert!(field.open(&keys, &Sealed::from_bytes(sealed.as_bytes())).unwrap() == value);
    assert_eq!(kind(read.update(&keys, &Value::Null)), ErrorKind::InvalidInput);
    assert_eq!(kind(read.open(&keys, None)), ErrorKind::TypeMismatch);
    if dynamic.kind() != Some(fieldseal::field::ValueKind::Bool) {
        assert_eq!(kind(read.update(&keys, &Value::from(true))), ErrorKind::InvalidInput);
        let other = Field::<bool>::new("any", "value", CLASS).seal(&keys, &true).unwrap();
        assert_eq!(kind(read.open(&keys, Some(other.as_bytes()))), ErrorKind::TypeMismatch);
    }
}

#[test]
fn a_value_of_each_type_is_the_same_to_the_schema_and_to_the_constant() {
    both_ways(String::from("ada"), text("ada"));
    both_ways(Sensitive::new(String::from("ada")), text("ada"));
    both_ways(vec![1_u8, 2], Value::from(vec![1_u8, 2]));
    both_ways([7_u8; 3], Value::from(vec![7_u8; 3]));
    both_ways(true, Value::Bool(true));
    both_ways(-129_i16, Value::Integer(-129));
    both_ways(i64::MIN, Value::Integer(i64::MIN.into()));
    both_ways(u64::MAX, Value::Integer(u64::MAX.into()));
    both_ways(1.5_f32, Value::Float32(1.5));
    both_ways(-0.25_f64, Value::Float(-0.25));
    both_ways(vec![String::from("a"), String::from("b")], Value::List(vec![text("a"), text("b")]));
    both_ways(
        fieldseal::field::Structured((1_u8, vec![Some(true), None])),
        Value::List(vec![Value::Integer(1), Value::List(vec![Value::Bool(true), Value::Null])]),
    );
    #[cfg(feature = "uuid")]
    both_ways(uuid::Uuid::from_bytes([9; 16]), Value::Uuid([9; 16]));
    #[cfg(feature = "jiff")]
    {
        both_ways(jiff::civil::date(1815, 12, 10), Value::Date(Sensitive::from("1815-12-10")));
        both_ways(
            jiff::Timestamp::new(-1, -500).unwrap(),
            Value::Instant { seconds: -2, nanoseconds: 999_999_500 },
        );
    }
    #[cfg(feature = "rust_decimal")]
    for (digits, mantissa, scale) in [
        ("3.10", 310, 2),
        ("-0.0", 0, 1),
        ("79228162514264337593543950335", 79_228_162_514_264_337_593_543_950_335, 0),
        ("-7922816251426433759354395.0335", -79_228_162_514_264_337_593_543_950_335, 4),
    ] {
        both_ways(
            digits.parse::<rust_decimal::Decimal>().unwrap(),
            Value::Decimal { mantissa, scale },
        );
    }
}

#[test]
fn a_value_that_the_type_does_not_take_is_refused_and_not_sealed() {
    let (ring, schema) = (ring(), read());
    let keys = DataKeys::create(&ring, 42, &schema).unwrap();
    let field = |id| schema.schema().dynamic_field(id).unwrap().row(7).unwrap();
    for (id, value) in [
        ("hidden", Value::Integer(256)),
        ("hidden", Value::Integer(-1)),
        ("hidden", text("1")),
        ("token", Value::from(vec![0; 31])),
        ("token", Value::Null),
        ("ratio", Value::Float(0.5)),
        ("notes", text("a")),
        ("notes", Value::List(vec![Value::Integer(1 << 100)])),
        ("notes", Value::List(vec![Value::Date(Sensitive::from("1815-13-10"))])),
        ("notes", Value::List(vec![Value::Decimal { mantissa: 1, scale: 29 }])),
        ("notes", Value::List(vec![Value::Instant { seconds: 0, nanoseconds: 1_000_000_000 }])),
        ("notes", (0..70).fold(Value::Bool(true), |value, _| Value::List(vec![value]))),
    ] {
        let error = field(id).update(&keys, &value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{id} {value:?}");
        assert_eq!((error.record(), error.field()), (Some("visit"), Some(id)));
    }
    // What a constant of another width sealed.
    let wide = Field::<Option<u16>, _>::new("visit", "hidden", WORN).hide_null(16);
    let sealed = wide.row(7).unwrap().seal(&keys, &Some(300)).unwrap().unwrap();
    assert_eq!(kind(field("hidden").open(&keys, Some(sealed.as_bytes()))), ErrorKind::TypeMismatch);
    assert_eq!(
        kind(HIDDEN.row(7).unwrap().open(&keys, &Some(Sealed::from_bytes(sealed.as_bytes())))),
        ErrorKind::TypeMismatch
    );
}

#[test]
fn a_field_without_its_row_or_of_a_compound_index_or_unknown_is_refused() {
    let (ring, schema) = (ring(), read());
    let keys = DataKeys::create(&ring, 42, &schema).unwrap();
    let schema = schema.schema();
    let token = schema.dynamic_field("token").unwrap();
    let value = Value::from(vec![0; 32]);
    assert_eq!(kind(token.update(&keys, &value)), ErrorKind::Declaration);
    assert_eq!(kind(token.open(&keys, None)), ErrorKind::Declaration);
    assert_eq!(kind(token.reseal(&keys, None)), ErrorKind::Declaration);
    assert_eq!(kind(token.row(7).unwrap().open_mask(&keys, None)), ErrorKind::Declaration);
    let card = schema.dynamic_field("card").unwrap().row(7).unwrap();
    assert_eq!(kind(card.update(&keys, &text("4242"))), ErrorKind::Declaration);
    assert_eq!(kind(schema.dynamic_field("missing")), ErrorKind::Declaration);
    assert_eq!(kind(schema.dynamic_index("missing")), ErrorKind::Declaration);

    let values = row_values();
    let row = || Some(RowId::new(7).unwrap());
    let given =
        |count| values.iter().take(count).map(|(id, value)| (*id, value)).collect::<Vec<_>>();
    assert_eq!(kind(schema.update_row(&keys, row(), &given(5))), ErrorKind::Declaration);
    assert_eq!(kind(schema.update_row(&keys, None, &given(6))), ErrorKind::Declaration);
    let twice = [given(6), given(1)].concat();
    assert_eq!(kind(schema.update_row(&keys, row(), &twice)), ErrorKind::Declaration);
    let unknown = [given(6), vec![("other", &Value::Null)]].concat();
    assert_eq!(kind(schema.update_row(&keys, row(), &unknown)), ErrorKind::Declaration);
}

const NUMBER: &str = "4242 4242 4242 4242";

fn row_values() -> [(&'static str, Value); 6] {
    [
        ("card", text(NUMBER)),
        ("paid", Value::Integer(i64::MIN.into())),
        ("hidden", Value::Null),
        ("notes", Value::List(vec![text("a note")])),
        ("token", Value::from(vec![3; 32])),
        ("ratio", Value::Float32(0.5)),
    ]
}

fn bytes<'c>(columns: &[(&str, ColumnValue<'c>)], column: &str) -> &'c [u8] {
    match columns.iter().find(|(name, _)| *name == column).unwrap().1 {
        ColumnValue::Bytes(bytes) => bytes,
        _ => panic!("{column}"),
    }
}

#[test]
fn indexes_masks_and_former_classes_are_those_of_the_constants() {
    let (ring, schema) = (ring(), read());
    let keys = DataKeys::create(&ring, 42, VISIT).unwrap();
    assert_eq!(DataKeys::create(&ring, 42, &schema).unwrap().reached(), keys.reached());
    let schema = schema.schema();
    let card = schema.dynamic_field("card").unwrap().row(7).unwrap();

    // Terms and masks that the constant made.
    let made: Update<'_, _> = CARD.row(7).unwrap().update(&keys, &Some(NUMBER.into())).unwrap();
    let asked = schema.dynamic_index("card").unwrap().query(&ring, NUMBER).unwrap();
    assert_eq!(asked.terms(), [made.term(&CARD_INDEX).unwrap().clone()]);
    assert!(asked.matches("4242-4242-4242-4242").unwrap() && !asked.matches("4242").unwrap());
    let mask = made.mask.as_ref().map(Sealed::as_bytes);
    assert_eq!(card.open_mask(&keys, mask).unwrap().as_deref(), Some("4"));
    let value = card.open(&keys, made.value.as_ref().map(Sealed::as_bytes)).unwrap();
    assert_eq!(value.as_text(), Some(NUMBER));

    // What is sealed under the former class opens, and moves.
    let before = Field::<Option<String>, _>::new("visit", "card", WORN).pad(48);
    let before = before.row(7).unwrap().seal(&keys, &Some(NUMBER.into())).unwrap().unwrap();
    assert_eq!(card.open(&keys, Some(before.as_bytes())).unwrap().as_text(), Some(NUMBER));
    let moved = card.reseal(&keys, Some(before.as_bytes())).unwrap().unwrap();
    let moved = CARD.row(7).unwrap().open(&keys, &Some(Sealed::from_bytes(moved)));
    assert_eq!(moved.unwrap().as_deref(), Some(NUMBER));

    // An index is not asked for what it does not hold.
    let index = schema.dynamic_index("card").unwrap();
    assert_eq!(kind(index.query(&ring, &Value::Integer(4_242))), ErrorKind::InvalidInput);
    assert_eq!(kind(index.query(&ring, &[text("a"), text("b")][..])), ErrorKind::InvalidInput);
    let range = schema.dynamic_index("paid").unwrap();
    let asked = range.between(&ring, Value::Integer(5)..).unwrap();
    assert_eq!(asked.groups(), PAID_RANGE.between(&ring, 5_i64..).unwrap().groups());
    assert_eq!(kind(range.between(&ring, text("a")..)), ErrorKind::InvalidInput);
}

#[test]
fn a_row_that_a_read_schema_seals_opens_by_the_struct_and_the_other_way_round() {
    use super::indexes::{Customer, ada, customer, indexing};
    let ring = indexing();
    let upper = super::run_time::UPPER;
    let custom = fieldseal::record::Custom::new(std::slice::from_ref(&upper), &[]);
    let read = OwnedSchema::from_json_with(&Customer::SCHEMA.to_json(), custom).unwrap();
    let schema = read.schema();

    let mut row = ada().seal_new(&ring).unwrap();
    let keys = row.unwrap_keys(&ring, 1).unwrap();
    let email = schema.dynamic_field("email").unwrap();
    let opened = email.open(&keys, Some(row.email.as_bytes())).unwrap();
    assert_eq!(opened.as_text(), Some("ada@example.com"));

    let values = [
        ("email", text("grace@example.com")),
        ("tel", Value::Null),
        ("surname", text("Hopper")),
        ("points", Value::Integer(1_906)),
        ("born", Value::Integer(1906)),
    ];
    let values: Vec<_> = values.iter().map(|(id, value)| (*id, value)).collect();
    let update = schema.update_row(&keys, None, &values).unwrap();
    let columns = update.columns();
    row.email = Sealed::from_bytes(bytes(&columns, "email"));
    row.surname = Sealed::from_bytes(bytes(&columns, "surname"));
    row.points = Sealed::from_bytes(bytes(&columns, "points"));
    row.born = Sealed::from_bytes(bytes(&columns, "born"));
    let opened = row.open(&ring, 1).unwrap();
    assert_eq!((opened.email.as_str(), opened.surname.as_str()), ("grace@example.com", "Hopper"));
    assert_eq!((opened.points, opened.born, opened.phone), (1_906, 1906, None));

    // The term of the compound index, by the constant and by what was read.
    let whole = customer::NAME_BIRTH_INDEX.query(&ring, &("Hopper", &1906_u16)).unwrap();
    let term = Term::from_bytes(bytes(&columns, "name_birth_index"));
    assert_eq!(whole.terms(), [term]);
    let parts = [text("Hopper"), Value::Integer(1906)];
    let asked = schema.dynamic_index("name-birth").unwrap().query(&ring, &parts[..]).unwrap();
    assert_eq!(asked.terms(), whole.terms());
    assert!(asked.matches(&parts[..]).unwrap());
}

#[test]
fn consent_and_erasure_go_by_the_classes_that_were_read() {
    let (ring, schema) = (ring(), read());
    let keys = DataKeys::create(&ring, 42, &schema).unwrap();
    let schema = schema.schema();
    let card = schema.dynamic_field("card").unwrap().row(7).unwrap();
    let sealed = CARD.row(7).unwrap().update(&keys, &Some(NUMBER.into())).unwrap().value.unwrap();

    let marketing = ring.subset(&["marketing"]).unwrap().into_ring();
    let theirs = keys.envelope().unwrap(&marketing, 42).unwrap();
    assert_eq!(kind(card.open(&theirs, Some(sealed.as_bytes()))), ErrorKind::NotPermitted);
    let class = schema.field("card").unwrap().class;
    let mut edit = keys.envelope().edit(&ring, 42).unwrap();
    edit.grant(class, "marketing", History::Included).unwrap();
    let envelope = edit.finish().unwrap();
    let theirs = envelope.unwrap(&marketing, 42).unwrap();
    let opened = card.open(&theirs, Some(sealed.as_bytes())).unwrap();
    assert_eq!(opened.as_text(), Some(NUMBER));

    let mut edit = envelope.edit(&ring, 42).unwrap();
    edit.erase_class(class.name()).unwrap();
    let keys = edit.finish().unwrap().unwrap(&ring, 42).unwrap();
    // Declared `none_on_erased`.
    assert!(card.open(&keys, Some(sealed.as_bytes())).unwrap().is_null());
}

#[test]
fn a_value_shows_nothing_when_it_is_printed() {
    let secret = "d3adb33f-secret";
    for value in [
        text(secret),
        Value::from(secret.as_bytes().to_vec()),
        Value::List(vec![text(secret)]),
        Value::Map(vec![(text(secret), Value::Integer(7_070_707))]),
        Value::Integer(7_070_707),
    ] {
        let shown = format!("{value:?} {value:#?}");
        assert!(!shown.contains("d3ad") && !shown.contains("7070707"), "{shown}");
        if let Value::Text(text) = &value {
            assert!(!format!("{text:?}").contains("d3ad"));
        }
    }
}

#[test]
fn retention_goes_by_the_classes_that_were_read() {
    const DAY: u64 = 86_400;
    let (ring, schema) = (ring(), read());
    let at = |day: u64| fieldseal::Access::new(&ring).at((20_000 + day) * DAY);
    let keys = DataKeys::create(at(0), 42, &schema).unwrap();
    let hidden = schema.schema().dynamic_field("hidden").unwrap().row(7).unwrap();
    let sealed = hidden.update(&keys, &Value::Integer(200)).unwrap().value.unwrap();
    let by_constants = DataKeys::create(at(0), 42, VISIT).unwrap();
    let opened_on = |keys: &DataKeys, day| {
        let keys = keys.envelope().unwrap(at(day), 42).unwrap();
        hidden.open(&keys, Some(sealed.as_bytes()))
    };
    // The class `worn` is kept for 30 days, and a generation takes values for 2.5.
    for day in [0, 30, 32] {
        assert!(opened_on(&keys, day).unwrap() == Value::Integer(200), "{day}");
    }
    assert_eq!(kind(opened_on(&keys, 33)), ErrorKind::Expired);
    let takes_values = |keys: &DataKeys, day| {
        let keys = keys.envelope().unwrap(at(day), 42).unwrap();
        hidden.update(&keys, &Value::Integer(1)).map(drop).map_err(|error| error.kind())
    };
    for day in [0, 2, 3, 40] {
        assert_eq!(takes_values(&keys, day), takes_values(&by_constants, day), "{day}");
    }
    assert_eq!(takes_values(&keys, 3), Err(ErrorKind::Retention));
}

//! Schemas that are read at run time mean what the constants mean.

use fieldseal::class::MaskName;
use fieldseal::field::{Companion, IndexedField, ManyRows, ManyTerms, Masking, Structured};
use fieldseal::index::{Domain, Normalizer};
use fieldseal::record::{Compound, Custom, FieldSchema, KeysPlace, OwnedSchema, Rows, Schema};
use fieldseal::{Catalog, Class, ErrorKind, Field, Index, Mask};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::indexes;

pub(crate) const UPPER: Normalizer = Normalizer::custom("upper", |text| Some(text.to_uppercase()));

pub(crate) const WORN: Class = Class::new("worn").readers(&["app", "billing"]).retain_days(30);
const CARDS: Class = Class::new("cards")
    .readers(&["billing"])
    .readers_with_consent(&["marketing", "partners"])
    .retain_days(400)
    .generation_days(20);
const SHOWN: Class =
    Class::mask_of(&CARDS, const { &MaskName::of(&CARDS) }, &["billing", "support"]);
const INITIAL: Masking = Masking::custom("initial", |text| text.get(..1).map(Into::into));

pub(crate) const CARD_INDEX: Index<Option<String>> =
    Index::exact("visit", "card").normalized(Normalizer::DIGITS).cardinality(1_000_000).lenient();
pub(crate) const CARD_MASK: Mask<Option<String>, ManyRows> =
    Mask::new("visit", "card", SHOWN, INITIAL).pad(40).was(WORN);
pub(crate) const CARD: IndexedField<Option<String>, ManyRows> =
    Field::new("visit", "card", CARDS).pad(48).was(WORN).none_on_erased().with(
        "card",
        &[Companion::index(&CARD_INDEX, "card_index"), Companion::mask(&CARD_MASK, "card_mask")],
    );
pub(crate) const PAID_RANGE: Index<i64, ManyTerms> = Index::range(
    "visit",
    "paid",
    Domain::integers(
        -170_141_183_460_469_231_731_687_303_715,
        -170_141_183_460_469_231_731_687_303_000,
    )
    .step(7),
)
.levels(3)
.allow_leakage("the test wants \"each\" member\n");
pub(crate) const PAID: IndexedField<i64, ManyRows> =
    Field::new("visit", "paid", WORN).with("paid", &[Companion::in_table(&PAID_RANGE)]);
pub(crate) const HIDDEN: Field<Option<u8>, ManyRows> =
    Field::new("visit", "hidden", WORN).hide_null(16);
pub(crate) const NOTES: Field<Structured<Vec<String>>, ManyRows> =
    Field::new("visit", "notes", WORN).pad(1);
pub(crate) const TOKEN: Field<[u8; 32], ManyRows> = Field::new("visit", "token", Class::PERSONAL);
pub(crate) const RATIO: Field<f32, ManyRows> = Field::new("visit", "ratio", Class::PERSONAL);

pub(crate) const VISIT: Schema = Schema::new(
    "visit",
    Rows::Many,
    KeysPlace::External,
    &["id", "card", "card_index", "card_mask", "paid", "hidden", "notes", "token", "ratio", "both"],
    &[
        FieldSchema::of(&CARD, "card", "Option<String>"),
        FieldSchema::of(&PAID, "paid", "i64"),
        FieldSchema::of(&HIDDEN, "hidden", "Option<u8>"),
        FieldSchema::of(&NOTES, "notes", "Structured<Vec<String>>"),
        FieldSchema::of(&TOKEN, "token", "[u8; 32]"),
        FieldSchema::of(&RATIO, "ratio", "f32"),
    ],
    &[Compound::of(
        Companion::index(
            &Index::<(Option<String>, i64)>::compound("visit", "both", &[UPPER, Normalizer::NONE])
                .measured()
                .bits(20),
            "both",
        ),
        &["card", "paid"],
    )],
    &["card", "paid", "hidden", "notes", "token", "ratio"],
);

pub(crate) const CUSTOM: Custom<'static> = Custom::new(&[UPPER], &[INITIAL]);

#[test]
fn a_schema_that_is_written_and_read_back_is_equal() {
    for schema in [&VISIT, <indexes::Customer as fieldseal::Record>::SCHEMA] {
        let json = schema.to_json();
        let read = OwnedSchema::from_json_with(&json, CUSTOM).unwrap();
        assert_eq!(read.schema(), schema);
        assert_eq!(read.schema().to_json(), json);
        // It is one value, which can be moved and sent.
        let read = std::thread::spawn(move || read).join().unwrap();
        Catalog::new(&[schema, read.schema()]).unwrap();
        assert_eq!(OwnedSchema::from_json_with(&json, CUSTOM).unwrap(), read);
    }
}

/// The document, with the value at a pointer replaced, or removed.
fn changed(pointer: &str, value: Option<Json>) -> String {
    let mut json: Json = serde_json::from_str(&VISIT.to_json()).unwrap();
    match value {
        Some(value) => *json.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value,
        None => {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            json.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        }
    }
    json.to_string()
}

fn refused(json: &str, path: &str) {
    let Err(error) = OwnedSchema::from_json_with(json, CUSTOM) else { panic!("{path}") };
    assert_eq!(error.kind(), ErrorKind::Declaration, "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("invalid schema: {path}: ")), "`{text}` does not name {path}");
}

#[test]
fn what_would_not_compile_is_refused_with_its_path() {
    for (pointer, value, path) in [
        ("/record", json!("Visit"), "record"),
        ("/record", json!(7), "record"),
        ("/rows", json!("none"), "rows"),
        ("/keys", json!("inline"), "the document"),
        ("/columns/1", json!("id"), "columns[1]"),
        ("/columns/1", json!("x".repeat(256)), "columns[1]"),
        ("/fields/2/id", json!("card"), "the document"),
        ("/fields/1/column", json!("card"), "the document"),
        ("/fields/0/pad", json!(0), "fields[0]"),
        ("/fields/0/pad", json!(65_536), "fields[0].pad"),
        ("/fields/0/pad", json!(-1), "fields[0].pad"),
        ("/fields/0/pad", json!(1.5), "fields[0].pad"),
        ("/fields/0/pad", json!(1e3), "fields[0].pad"),
        ("/fields/0/kind", json!("string"), "fields[0].kind"),
        ("/fields/0/optional", json!(false), "fields[0]"),
        ("/fields/0/hide_null", json!(true), "fields[0]"),
        ("/fields/0/optional", json!("yes"), "fields[0].optional"),
        ("/fields/0/class/name", json!("mask.cards"), "fields[0].class"),
        ("/fields/0/class/name", json!("standalone"), "fields[0].class"),
        ("/fields/0/class/readers", json!(["billing", "billing"]), "fields[0].class"),
        ("/fields/0/class/readers", json!(["marketing"]), "fields[0].class"),
        ("/fields/0/class/readers/0", json!("Billing"), "fields[0].class.readers[0]"),
        ("/fields/0/class/retain_days", json!(0), "fields[0].class"),
        ("/fields/0/class/retain_days", json!(4_294_967_296_u64), "fields[0].class.retain_days"),
        ("/fields/0/class/retain_days", json!(401), "fields[0].companions[1]"),
        ("/fields/1/class/readers", json!(["app"]), "the document"),
        ("/fields/0/was/name", json!("cards"), "fields[0]"),
        ("/fields/0/companions/0/column", json!(null), "fields[0].companions[0]"),
        ("/fields/0/companions/1/column", json!(null), "fields[0].companions[1]"),
        ("/fields/0/companions/0/column", json!("card_mask"), "the document"),
        (
            "/fields/0/companions/0/what/index/record",
            json!("other"),
            "fields[0].companions[0].what.index.record",
        ),
        ("/fields/0/companions/0/what/index/kind", json!("integer"), "fields[0].companions[0]"),
        (
            "/fields/0/companions/0/what/index/bits",
            json!(129),
            "fields[0].companions[0].what.index.bits",
        ),
        (
            "/fields/0/companions/0/what/index/bits",
            json!(0),
            "fields[0].companions[0].what.index.bits",
        ),
        (
            "/fields/0/companions/0/what/index/cardinality",
            json!("unsaid"),
            "fields[0].companions[0]",
        ),
        (
            "/fields/0/companions/0/what/index/cardinality",
            json!({"declared": 9}),
            "fields[0].companions[0]",
        ),
        (
            "/fields/0/companions/0/what/index/cardinality",
            json!({"declared": 0}),
            "fields[0].companions[0].what.index.cardinality.declared",
        ),
        (
            "/fields/0/companions/0/what/index/normalizer",
            json!("custom:lower"),
            "fields[0].companions[0].what.index.normalizer",
        ),
        (
            "/fields/0/companions/0/what/index/normalizer",
            json!("phone:XX"),
            "fields[0].companions[0].what.index.normalizer",
        ),
        (
            "/fields/0/companions/0/what/index/shape",
            json!("fuzzy"),
            "fields[0].companions[0].what.index.shape",
        ),
        (
            "/fields/0/companions/0/what/index/shape",
            json!({"prefix": 65}),
            "fields[0].companions[0].what.index.shape.prefix",
        ),
        (
            "/fields/0/companions/0/what/index/shape",
            json!({"compound": ["none", "none"]}),
            "fields[0].companions[0].what.index",
        ),
        (
            "/fields/0/companions/1/what/mask/shows",
            json!("last5"),
            "fields[0].companions[1].what.mask.shows",
        ),
        ("/fields/0/companions/1/what/mask/pad", json!(12), "fields[0].companions[1].what.mask"),
        ("/fields/0/companions/1/what/mask/class/name", json!("cards"), "fields[0].companions[1]"),
        (
            "/fields/0/companions/1/what/mask/class/name",
            json!("mask.worn"),
            "fields[0].companions[1]",
        ),
        (
            "/fields/1/companions/0/what/index/shape/range/1",
            json!(0),
            "fields[1].companions[0].what.index.shape.range[1]",
        ),
        (
            "/fields/1/companions/0/what/index/shape/range/1",
            json!(8),
            "fields[1].companions[0].what.index.shape.range[1]",
        ),
        (
            "/fields/1/companions/0/what/index/shape/range/0/unit",
            json!("day"),
            "fields[1].companions[0].what.index.shape.range[0]",
        ),
        (
            "/fields/1/companions/0/what/index/shape/range/0/unit",
            json!({"decimal": 2}),
            "fields[1].companions[0].what.index.shape.range[0]",
        ),
        (
            "/fields/1/companions/0/what/index/shape/range/0/step",
            json!(0),
            "fields[1].companions[0].what.index.shape.range[0]",
        ),
        (
            "/fields/1/companions/0/what/index/shape/range/0/least",
            json!("1"),
            "fields[1].companions[0].what.index.shape.range[0]",
        ),
        (
            "/fields/1/companions/0/what/index/shape/range/0/least",
            json!(-5),
            "fields[1].companions[0].what.index.shape.range[0].least",
        ),
        (
            "/fields/1/companions/0/what/index/shape/range/0/least",
            json!("+5"),
            "fields[1].companions[0].what.index.shape.range[0].least",
        ),
        (
            "/fields/1/companions/0/what/index/cardinality",
            json!({"declared": 5}),
            "fields[1].companions[0].what.index.cardinality",
        ),
        (
            "/fields/1/companions/0/what/index/normalizer",
            json!("digits"),
            "fields[1].companions[0].what.index",
        ),
        ("/fields/1/companions/0/what/index/allow_leakage", json!(null), "fields[1].companions[0]"),
        ("/fields/1/companions/0/what/index/allow_leakage", json!(""), "fields[1].companions[0]"),
        ("/fields/1/kind", json!("text"), "fields[1].companions[0]"),
        ("/fields/2/limit", json!({"integers": [0]}), "fields[2].limit.integers"),
        ("/fields/2/limit", json!("float64"), "fields[2].limit"),
        ("/compounds/0/parts", json!(["card"]), "compounds[0]"),
        ("/compounds/0/parts/1", json!("card"), "compounds[0]"),
        ("/compounds/0/parts/1", json!("missing"), "compounds[0]"),
        ("/compounds/0/parts/1", json!("hidden"), "compounds[0]"),
        ("/compounds/0/parts/1", json!("notes"), "compounds[0]"),
        ("/compounds/0/companion/column", json!(null), "compounds[0]"),
        ("/compounds/0/companion/what/index/shape", json!("exact"), "compounds[0]"),
        ("/compounds/0/companion/what/index/shape/compound/1", json!("digits"), "compounds[0]"),
    ] {
        refused(&changed(pointer, Some(value)), path);
    }
    for (pointer, path) in [
        ("/record", "record"),
        ("/version", "version"),
        ("/fields/0/class", "fields[0].class"),
        ("/fields/0/companions/0/what", "fields[0].companions[0].what"),
        ("/fields/0/companions/0/what/index/id", "fields[0].companions[0].what.index.id"),
    ] {
        refused(&changed(pointer, None), path);
    }
}

#[test]
fn what_is_not_the_document_of_this_version_is_refused() {
    let error = OwnedSchema::from_json_with(&changed("/version", Some(json!(2))), CUSTOM);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Unsupported);

    let json = VISIT.to_json();
    for (from, to, path) in [
        ("{\"version\"", "{\"owner\":1,\"version\"", "the document"),
        ("{\"version\"", "{\"record\":\"visit\",\"version\"", "the document"),
        ("\"pad\":48", "\"pad\":48,\"pad\":48", "fields[0]"),
        ("\"what\":{\"index\"", "\"what\":{\"index\":1,\"index\"", "fields[0].companions[0].what"),
        ("\"rows\"", "\"rows \"", "the document"),
    ] {
        let changed = json.replacen(from, to, 1);
        assert_ne!(changed, json);
        refused(&changed, path);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("{json}{}", " ".repeat(1 << 20));
    for no_document in
        ["", "{", "[]", "null", "7", "{}", "{\"version\":1}", &deep, &long, "\u{feff}{}"]
    {
        let error = OwnedSchema::from_json(no_document).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Declaration);
    }
    let columns = |count| json!((0..count).map(|n| format!("c{n}")).collect::<Vec<_>>());
    refused(&changed("/columns", Some(columns(1_025))), "columns");
    OwnedSchema::from_json_with(&changed("/columns", Some(columns(1_024))), CUSTOM).unwrap();
}

/// Custom functions are the application's: a document alone brings none.
#[test]
fn a_custom_normalizer_or_mask_that_the_reader_was_not_given_is_refused() {
    let json = VISIT.to_json();
    for custom in [Custom::default(), Custom::new(&[UPPER], &[]), Custom::new(&[], &[INITIAL])] {
        let error = OwnedSchema::from_json_with(&json, custom).unwrap_err();
        assert!(error.to_string().contains("to the reader"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is cut from a document or changed in it, it is refused, or reads back as it is written.
    #[test]
    fn a_changed_document_is_refused_or_reads_back_equal(at in 0_usize..4_000, byte in 32_u8..127) {
        let mut json = VISIT.to_json().into_bytes();
        let at = at % json.len();
        json[at] = byte;
        if let Ok(read) = OwnedSchema::from_json_with(std::str::from_utf8(&json).unwrap(), CUSTOM) {
            let again = OwnedSchema::from_json_with(&read.schema().to_json(), CUSTOM).unwrap();
            prop_assert_eq!(read, again);
        }
    }
}

/// The example of docs/SCHEMA.md.
#[test]
fn the_document_that_is_shown_is_read() {
    let document = include_str!("../../docs/SCHEMA.md");
    let json = document.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let read = OwnedSchema::from_json(json).unwrap();
    let email = read.schema().field("email").unwrap();
    assert_eq!((email.pad, email.class.consent_roles()), (16, &["marketing"][..]));
    assert_eq!(OwnedSchema::from_json(&read.schema().to_json()).unwrap(), read);
}

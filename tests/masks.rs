//! Masks: who is shown what, and what is never taken for what.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

#[path = "masks/classes.rs"]
mod classes;
mod common;
#[cfg(feature = "derive")]
#[path = "masks/records.rs"]
mod records;
#[path = "masks/shown.rs"]
mod shown;

use common::*;
use fieldseal::class::MaskName;
use fieldseal::field::{
    Column as _, ColumnValue, Companion, IndexedField, ManyRows, Masked, Masking, SingleRow, Update,
};
use fieldseal::{Access, Class, DataKeys, ErrorKind, Field, KeyEnvelope, KeyRing, Mask, Sealed};

/// The masks of what billing alone opens.
pub(crate) const SHOWN: Class =
    Class::mask_of(&FINANCIAL, const { &MaskName::of(&FINANCIAL) }, &["billing", "support"]);
/// The masks of contact.
const CONTACT_SHOWN: Class =
    Class::mask_of(&CONTACT, const { &MaskName::of(&CONTACT) }, &["app", "marketing"]);

pub(crate) const CARD_MASK: Mask<String> = Mask::new("customer", "card", SHOWN, Masking::LAST4);
pub(crate) const CARD: IndexedField<String> = Field::new("customer", "card", FINANCIAL)
    .with("card", &[Companion::mask(&CARD_MASK, "card_mask")]);

const NUMBER: &str = "4242 4242 4242 4242";
const LAST: &str = "•••• 4242";

pub(crate) fn at(ring: &KeyRing) -> Access<'_> {
    Access::new(ring).at(NOW)
}

pub(crate) fn open(ring: &KeyRing, envelope: &KeyEnvelope) -> DataKeys {
    envelope.unwrap(at(ring), 42).unwrap()
}

pub(crate) fn written(ring: &KeyRing, envelope: &KeyEnvelope) -> Update<'static, String> {
    CARD.update(&open(ring, envelope), &NUMBER.into()).unwrap()
}

#[test]
fn role_that_cannot_open_the_value_shows_its_mask() {
    let envelope = envelope(&[FINANCIAL, SHOWN]);
    let row = written(&service(&["billing"]), &envelope);
    let support = open(&service(&["support"]), &envelope);
    assert_eq!(CARD_MASK.open(&support, &row.mask).unwrap().as_deref(), Some(LAST));
    let error = CARD.open(&support, &row.value).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPermitted);
    assert!(!format!("{error} {error:?}").contains("4242"), "an error shows no mask either");
}

#[test]
fn mask_opens_for_its_readers_and_nobody_else() {
    let envelope = envelope(&[FINANCIAL, SHOWN]);
    let row = written(&admin(), &envelope);
    for role in ["billing", "support"] {
        let keys = open(&service(&[role]), &envelope);
        assert_eq!(CARD_MASK.open(&keys, &row.mask).unwrap().as_deref(), Some(LAST), "{role}");
    }
    for role in ["app", "marketing", "medical"] {
        let error = CARD_MASK.open(&open(&service(&[role]), &envelope), &row.mask).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotPermitted, "{role}");
        let text = error.to_string();
        assert!(text.contains("mask.financial") && text.contains("support"), "{text}");
    }
}

/// The reader of a value is no reader of its mask, unless the mask says so.
#[test]
fn reader_of_the_value_opens_no_mask_that_does_not_name_it() {
    const NAME: IndexedField<String> = Field::new("customer", "name", CONTACT)
        .with("name", &[Companion::mask(&NAME_MASK, "name_mask")]);
    const NAME_MASK: Mask<String> =
        Mask::new("customer", "name", CONTACT_SHOWN, Masking::FIRST_LETTER);
    let envelope = envelope(&[CONTACT, CONTACT_SHOWN]);
    let row = NAME.update(&open(&admin(), &envelope), &"Ada".into()).unwrap();
    let support = open(&service(&["support"]), &envelope);
    assert_eq!(NAME.open(&support, &row.value).unwrap(), "Ada");
    assert_eq!(kind(NAME_MASK.open(&support, &row.mask)), ErrorKind::NotPermitted);
}

/// `[MA-3]` A ring that reads the value, and cannot make its mask, writes neither.
#[test]
fn value_is_not_sealed_without_its_mask() {
    const SUPPORTS: Class =
        Class::mask_of(&FINANCIAL, const { &MaskName::of(&FINANCIAL) }, &["support"]);
    const MASK: Mask<String> = Mask::new("customer", "card", SUPPORTS, Masking::LAST4);
    const FIELD: IndexedField<String> = Field::new("customer", "card", FINANCIAL)
        .with("card", &[Companion::mask(&MASK, "card_mask")]);
    let envelope = envelope(&[FINANCIAL, SUPPORTS]);
    let billing = open(&service(&["billing"]), &envelope);
    let error = FIELD.update(&billing, &NUMBER.into()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPermitted);
    assert_eq!((error.record(), error.field()), (Some("customer"), Some("card")));
}

/// An envelope from before there was a mask: the class of masks is begun by an explicit change only.
#[test]
fn value_is_not_sealed_before_its_mask_class_is_begun() {
    let ring = admin();
    let old = envelope(&[FINANCIAL]);
    assert_eq!(kind(CARD.update(&open(&ring, &old), &NUMBER.into())), ErrorKind::MissingClass);
    let new = edited(at(&ring), &old, |edit| edit.ensure(SHOWN));
    let row = written(&ring, &new);
    assert_eq!(CARD_MASK.open(&open(&ring, &new), &row.mask).unwrap().as_deref(), Some(LAST));
}

#[test]
fn mask_is_never_accepted_as_a_value_nor_a_value_as_a_mask() {
    // A field and a mask of one class, one record and one id, apart but for what was sealed.
    const OWN: Class = Class::new("own").readers(&["app"]);
    const MASK: Mask<String> = Mask::new("customer", "card", OWN, Masking::LAST4);
    const MASKED: IndexedField<String> =
        Field::new("customer", "card", NOTES).with("card", &[Companion::mask(&MASK, "card_mask")]);
    const OF_ONE_CLASS: Field<String> = Field::new("customer", "card", OWN);
    let envelope = envelope(&[NOTES, OWN]);
    let keys = open(&admin(), &envelope);

    let mask = MASKED.update(&keys, &NUMBER.into()).unwrap().mask.unwrap();
    let as_value = Sealed::from_bytes(mask.as_bytes());
    assert_eq!(kind(OF_ONE_CLASS.open(&keys, &as_value)), ErrorKind::Tampered);
    assert_eq!(kind(MASKED.open(&keys, &as_value)), ErrorKind::WrongKey);

    let value = OF_ONE_CLASS.seal(&keys, &LAST.into()).unwrap();
    let as_mask = Some(Sealed::from_bytes(value.into_bytes()));
    assert_eq!(kind(MASK.open(&keys, &as_mask)), ErrorKind::Tampered);
}

#[test]
fn mask_opens_as_that_of_no_other_field_record_row_or_subject() {
    const ROWS: Mask<String, ManyRows> = Mask::new("customer", "card", SHOWN, Masking::LAST4);
    const IN_ROWS: Field<String, ManyRows, fieldseal::field::WithCompanions> =
        Field::new("customer", "card", FINANCIAL)
            .with("card", &[Companion::mask(&ROWS, "card_mask")]);
    let envelope = envelope(&[FINANCIAL, SHOWN]);
    let ring = admin();
    let keys = open(&ring, &envelope);
    let row = IN_ROWS.row(7).unwrap().update(&keys, &NUMBER.into()).unwrap();
    let opened = ROWS.row(7).unwrap().open(&keys, &row.mask).unwrap();
    assert_eq!(opened.as_deref(), Some(LAST));

    let elsewhere = [
        ROWS.row(8).unwrap().open(&keys, &row.mask),
        ROWS.row("7").unwrap().open(&keys, &row.mask),
        CARD_MASK.open(&keys, &row.mask),
        Mask::<String, ManyRows>::new("customer", "iban", SHOWN, Masking::LAST4)
            .row(7)
            .unwrap()
            .open(&keys, &row.mask),
        Mask::<String, ManyRows>::new("supplier", "card", SHOWN, Masking::LAST4)
            .row(7)
            .unwrap()
            .open(&keys, &row.mask),
    ];
    for opened in elsewhere {
        assert_eq!(kind(opened), ErrorKind::Tampered);
    }
    let another = DataKeys::create(at(&ring), 43, [FINANCIAL, SHOWN]).unwrap();
    assert_eq!(kind(ROWS.row(7).unwrap().open(&another, &row.mask)), ErrorKind::WrongKey);
}

/// A mask of another class than it was sealed under is none.
#[test]
fn mask_is_looked_for_in_its_own_class_only() {
    const AS_NOTES: Mask<String> = Mask::new("customer", "card", NOTES, Masking::LAST4);
    let envelope = envelope(&[FINANCIAL, SHOWN, NOTES]);
    let row = written(&admin(), &envelope);
    let keys = open(&admin(), &envelope);
    assert_eq!(kind(AS_NOTES.open(&keys, &row.mask)), ErrorKind::WrongKey);
}

#[test]
fn altered_mask_does_not_open() {
    let envelope = envelope(&[FINANCIAL, SHOWN]);
    let keys = open(&admin(), &envelope);
    let mask = written(&admin(), &envelope).mask.unwrap().into_bytes();
    for position in 0..mask.len() {
        let mut altered = mask.clone();
        altered[position] ^= 1;
        assert!(CARD_MASK.open(&keys, &Some(Sealed::from_bytes(altered))).is_err(), "{position}");
        let cut = Sealed::from_bytes(&mask[..position]);
        assert!(CARD_MASK.open(&keys, &Some(cut)).is_err(), "cut to {position}");
    }
}

/// What is no text, under the key of masks, is none of them.
#[test]
fn item_that_is_no_text_is_no_mask() {
    const OWN: Class = Class::new("own");
    const NUMBERS: Mask<u64> = Mask::new("customer", "points", OWN, Masking::LAST4);
    const POINTS: Field<u64, SingleRow, fieldseal::field::WithCompanions> =
        Field::new("customer", "points", NOTES)
            .with("points", &[Companion::mask(&NUMBERS, "points_mask")]);
    let keys = open(&admin(), &envelope(&[OWN, NOTES]));
    let row = POINTS.update(&keys, &1_234_567_890).unwrap();
    assert_eq!(NUMBERS.open(&keys, &row.mask).unwrap().as_deref(), Some("•••• 7890"));
    let text = Sealed::<Masked>::from_bytes(b"no sealed field".as_slice());
    assert_eq!(kind(NUMBERS.open(&keys, &Some(text))), ErrorKind::NotSealed);
}

#[test]
fn absent_value_has_no_mask_and_a_hidden_one_has_one_of_equal_length() {
    const MASK: Mask<Option<String>> = Mask::new("customer", "card", SHOWN, Masking::LAST4);
    const FIELD: IndexedField<Option<String>> = Field::new("customer", "card", FINANCIAL)
        .with("card", &[Companion::mask(&MASK, "card_mask")]);
    const HIDING: Mask<Option<String>> = MASK.hide_null(32);
    const HIDDEN: IndexedField<Option<String>> = Field::new("customer", "card", FINANCIAL)
        .hide_null(32)
        .with("card", &[Companion::mask(&HIDING, "card_mask")]);
    let keys = open(&admin(), &envelope(&[FINANCIAL, SHOWN]));

    let none = FIELD.update(&keys, &None).unwrap();
    assert_eq!(none.mask, None);
    assert_eq!(none.columns(), [("card", ColumnValue::Null), ("card_mask", ColumnValue::Null)]);
    assert_eq!(MASK.open(&keys, &None).unwrap(), None);

    let lengths: Vec<usize> = [None, Some("12"), Some(NUMBER)]
        .map(|value| HIDDEN.update(&keys, &value.map(str::to_owned)).unwrap())
        .iter()
        .map(|row| {
            let mask = row.mask.as_ref().unwrap();
            let shown = HIDING.open(&keys, &row.mask).unwrap();
            assert!(matches!(shown.as_deref(), None | Some("••••" | "•••• 4242")), "{shown:?}");
            mask.as_bytes().len()
        })
        .collect();
    assert_eq!(lengths, [45 + 32; 3]);
    // `[PAD-4]`
    assert_eq!(kind(HIDING.open(&keys, &None)), ErrorKind::Malformed);
    // And absence is sealed where it is hidden only.
    let none = HIDDEN.update(&keys, &None).unwrap();
    assert_eq!(kind(MASK.open(&keys, &none.mask)), ErrorKind::TypeMismatch);
}

/// `[MA-5]` The length of a mask tells neither what it shows nor how long the value is.
#[test]
fn all_masks_of_a_kind_have_one_length() {
    const LONG: Masking = Masking::custom("long", |value| Some("x".repeat(value.len())));
    let keys = open(&admin(), &envelope(&[FINANCIAL, SHOWN]));
    let sealed = |how: Masking, value: &str| {
        let mask = Mask::<String>::new("customer", "card", SHOWN, how);
        let companions = vec![Companion::mask(&mask, "card_mask")].leak();
        let field = Field::<String>::new("customer", "card", FINANCIAL).with("card", companions);
        let row = field.update(&keys, &value.to_owned()).unwrap();
        let shown = mask.open(&keys, &row.mask).unwrap().unwrap();
        (row.mask.unwrap().as_bytes().len() - 45, shown)
    };
    let long = format!("{}@{}.example", "ä".repeat(200), "ö".repeat(200));
    let values = [
        "",
        "1",
        "4242 4242 4242 4242",
        "+49 30 1234 567 ext. 89",
        "１２３４５６７８９",
        "𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖",
        "1815-12-10",
        "ada@example.de",
        "ada@example.com",
        "ada@example.museum",
        "𐐨da.lovelace@𐐨xample-of-a-long-name.xn--vermgensberatung-pwb",
        "ada.lovelace.the.first@example.xn--vermgensberatung-pwb-and-more",
        long.as_str(),
        "Ada Lovelace",
    ];
    for value in values {
        for how in [Masking::LAST4, Masking::FIRST_LETTER, Masking::PHONE, Masking::YEAR] {
            assert_eq!(sealed(how, value).0, 32, "{} of {value}", how.name());
        }
        for how in [Masking::EMAIL, LONG] {
            let (len, shown) = sealed(how, value);
            assert_eq!(len, 64, "{} of {value}", how.name());
            assert!(shown.len() <= 62, "{shown}");
        }
    }
    assert_eq!(sealed(LONG, &"-".repeat(62)).1, "x".repeat(62));
    assert_eq!(sealed(LONG, &"-".repeat(63)).1, "••••", "longer than the masks of the column");
}

/// `[MA-4]` Whether a value could be masked does not show.
#[test]
fn masks_have_one_length() {
    let keys = open(&admin(), &envelope(&[FINANCIAL, SHOWN]));
    for value in ["", "1", "1234567", NUMBER, "DE89370400440532013000"] {
        let mask = CARD.update(&keys, &value.into()).unwrap().mask.unwrap();
        assert_eq!(mask.as_bytes().len(), 45 + 32, "{value}");
    }
}

#[test]
fn an_update_has_all_columns_and_says_nothing_of_what_is_in_them() {
    let row = written(&admin(), &envelope(&[FINANCIAL, SHOWN]));
    let mask = row.mask.as_ref().unwrap();
    assert_eq!(
        row.columns(),
        [
            ("card", ColumnValue::Bytes(row.value.as_bytes())),
            ("card_mask", ColumnValue::Bytes(mask.as_bytes())),
        ]
    );
    let text = format!("{row:?} {CARD_MASK:?} {:?}", CARD_MASK.masking());
    assert!(!text.contains("4242"), "{text}");
}

/// `[RN-3]` Value and mask are sealed under two keys, each with nonces of its own.
#[test]
fn value_and_mask_share_neither_key_nor_nonce() {
    let row = written(&admin(), &envelope(&[FINANCIAL, SHOWN]));
    let (value, mask) = (row.value.as_bytes().to_vec(), row.mask.unwrap().into_bytes());
    assert_ne!(value[1..5], mask[1..5], "the tag of the key");
    assert_ne!(value[5..21], mask[5..21], "R");
}

#[test]
fn what_is_sealed_is_not_masked_nor_sealed_again() {
    let keys = open(&admin(), &envelope(&[FINANCIAL, SHOWN]));
    let row = CARD.update(&keys, &NUMBER.into()).unwrap();
    for sealed in [row.value.to_text(), row.mask.unwrap().to_text()] {
        assert_eq!(kind(CARD.update(&keys, &sealed)), ErrorKind::AlreadySealed);
    }
    // Nor does a mask of the application's give one.
    const SEALED: Masking = Masking::custom("sealed", |value| Some(value.chars().rev().collect()));
    const MASK: Mask<String> = Mask::new("customer", "card", SHOWN, SEALED);
    assert_eq!(MASK.masking().name(), "sealed");
}

#[test]
fn resealed_mask_is_that_of_the_value_under_the_newest_generation() {
    let ring = admin();
    let first = envelope(&[FINANCIAL, SHOWN]);
    let row = written(&ring, &first);
    assert_eq!(CARD_MASK.reseal(&open(&ring, &first), &row.mask).unwrap(), None);
    assert_eq!(CARD_MASK.reseal(&open(&ring, &first), &None).unwrap(), None);

    let second = edited(at(&ring), &first, |edit| edit.renew(SHOWN));
    let keys = open(&ring, &second);
    let again = CARD_MASK.reseal(&keys, &row.mask).unwrap().unwrap();
    assert_ne!(Some(again.clone()), row.mask);
    let again = Some(again);
    assert_eq!(CARD_MASK.open(&keys, &again).unwrap().as_deref(), Some(LAST));
    assert_eq!(CARD_MASK.reseal(&keys, &again).unwrap(), None);
    // The value stays under its class, which was not renewed.
    assert!(CARD.reseal(&keys, &row.value).unwrap().is_none());
    // Who cannot open it cannot seal it again.
    let app = open(&service(&["app"]), &second);
    assert_eq!(kind(CARD_MASK.reseal(&app, &row.mask)), ErrorKind::NotPermitted);
}

/// A field that moved to another class takes its mask with it.
#[test]
fn mask_of_a_former_class_opens_and_moves() {
    const MOVED_MASK: Mask<String> =
        Mask::new("customer", "card", CONTACT_SHOWN, Masking::LAST4).was(SHOWN);
    const NOT_MOVED: Mask<String> = Mask::new("customer", "card", CONTACT_SHOWN, Masking::LAST4);
    let ring = admin();
    let envelope = envelope(&[FINANCIAL, SHOWN, CONTACT, CONTACT_SHOWN]);
    let row = written(&ring, &envelope);
    let keys = open(&ring, &envelope);
    assert_eq!(kind(NOT_MOVED.open(&keys, &row.mask)), ErrorKind::WrongKey);
    assert_eq!(MOVED_MASK.open(&keys, &row.mask).unwrap().as_deref(), Some(LAST));
    let moved = MOVED_MASK.reseal(&keys, &row.mask).unwrap();
    assert_eq!(NOT_MOVED.open(&keys, &moved).unwrap().as_deref(), Some(LAST));
    assert_eq!(kind(CARD_MASK.open(&keys, &moved)), ErrorKind::WrongKey);

    // Each class goes by its own readers.
    let support = open(&service(&["support"]), &envelope);
    assert_eq!(MOVED_MASK.open(&support, &row.mask).unwrap().as_deref(), Some(LAST));
    assert_eq!(kind(MOVED_MASK.open(&support, &moved)), ErrorKind::NotPermitted);
}

/// The tag of the key that a mask names is that of a live generation, as a census counts it.
#[test]
fn mask_names_its_generation() {
    let envelope = envelope(&[FINANCIAL, SHOWN]);
    let row = written(&admin(), &envelope);
    let entries = info(&envelope).entries;
    let of = entries.iter().find(|entry| Some(entry.key_tag) == row.mask.key_tag()).unwrap();
    assert_eq!((of.class.as_str(), of.generation), ("mask.financial", 1));
}

/// `[MA-6]` Of a number or a date, the text is its digits.
#[cfg(all(feature = "jiff", feature = "rust_decimal"))]
#[test]
fn masks_of_dates_and_decimals_show_their_digits() {
    fn shown<T: fieldseal::SealValue<Column = Sealed<T>>>(value: &T, how: Masking) -> String {
        let mask = Mask::<T>::new("customer", "of", SHOWN, how);
        let companions = vec![Companion::mask(&mask, "of_mask")].leak();
        let keys = open(&admin(), &envelope(&[FINANCIAL, SHOWN]));
        let field = Field::<T>::new("customer", "of", FINANCIAL).with("of", companions);
        let row = field.update(&keys, value).unwrap();
        mask.open(&keys, &row.mask).unwrap().unwrap()
    }
    const SAID: Masking = Masking::custom("said", |said| {
        Some(said.chars().map(|c| if c == '.' { ',' } else { '#' }).collect())
    });
    let born = jiff::civil::date(1815, 12, 10);
    assert_eq!(shown(&born, Masking::YEAR), "1815");
    assert_eq!(shown(&born, Masking::LAST4), "•••• 1210");
    let decimal = |text: &str| text.parse::<rust_decimal::Decimal>().unwrap();
    assert_eq!(shown(&decimal("-1234567.89"), Masking::LAST4), "•••• 6789");
    assert_eq!(shown(&decimal("-0.05"), SAID), "##,##");
    assert_eq!(shown(&decimal("12"), SAID), "##");
    assert_eq!(shown(&-42_424_242_i64, Masking::LAST4), "•••• 4242");
}

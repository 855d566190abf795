//! What is shown of fields to roles that do not open them, declared on a struct.

use fieldseal::class::MaskName;
use fieldseal::field::Masked;
use fieldseal::{Catalog, Class, DataKeys, ErrorKind, KeyRing, Record, Sealed, SealedRecord as _};

use super::{CONTACT, FINANCIAL, ring};

const SHOWN: Class = Class::new("shown").readers(&["app", "support", "billing"]);

fn district(code: &str) -> Option<String> {
    Some(format!("{}••••", code.get(..2)?))
}

#[derive(Record, Debug, PartialEq, Clone)]
#[record(name = "payer", single_row, sealed(derive(Clone, Debug, PartialEq)))]
struct Payer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT), mask(email, class = SHOWN, pad = 48))]
    email: String,
    #[record(seal(class = FINANCIAL), mask(last4, readers = ["billing", "support"]))]
    card: Option<String>,
    #[record(
        seal(class = FINANCIAL, hide_null, pad = 24),
        mask(custom("district", district), readers = ["billing", "support"], column = "district")
    )]
    postcode: Option<String>,
    #[record(
        seal(class = FINANCIAL, default, id = "born_on"),
        mask(year, readers = ["billing", "support"])
    )]
    born: String,
    plan: String,
}

fn ada() -> Payer {
    Payer {
        id: 1,
        email: "ada@example.com".into(),
        card: Some("4242 4242 4242 4242".into()),
        postcode: Some("10115".into()),
        born: "1815-12-10".into(),
        plan: "free".into(),
    }
}

fn length(mask: &Option<Sealed<Masked>>) -> usize {
    mask.as_ref().unwrap().as_bytes().len()
}

#[test]
fn support_sees_masks_of_what_it_cannot_open() {
    let ring = ring();
    let row = ada().seal_new(&ring).unwrap();
    assert_eq!(row.open(&ring, 1).unwrap(), ada());

    let support = ring.subset(&["support"]).unwrap().into_ring();
    let seen = row.open_partial(&support, 1).unwrap();
    assert_eq!(seen.card.unwrap_err().kind(), ErrorKind::NotPermitted);
    assert_eq!(seen.card_mask.unwrap().as_deref(), Some("•••• 4242"));
    assert_eq!(seen.district.unwrap().as_deref(), Some("10••••"));
    assert_eq!(seen.born_mask.unwrap().as_deref(), Some("1815"));
    assert_eq!(seen.email_mask.unwrap().as_deref(), Some("a••••@e••••.com"));
    assert_eq!((seen.email.unwrap(), seen.plan), (ada().email, ada().plan));

    let keys = row.unwrap_keys(&support, 1).unwrap();
    let mask = payer::CARD_MASK.open(&keys, &row.card_mask).unwrap();
    assert_eq!(mask.as_deref(), Some("•••• 4242"));
    assert_eq!(row.open(&support, 1).unwrap_err().kind(), ErrorKind::NotPermitted);
}

#[test]
fn reader_of_the_value_alone_sees_no_mask() {
    let mut ring = ring();
    ring.add_role("clerk").unwrap();
    let row = ada().seal_new(&ring).unwrap();
    let app = ring.subset(&["app"]).unwrap().into_ring();
    let seen = row.open_partial(&app, 1).unwrap();
    assert_eq!(seen.email.unwrap(), ada().email);
    assert_eq!(seen.card_mask.unwrap_err().kind(), ErrorKind::NotPermitted);
}

#[test]
fn absent_values_have_no_mask_and_hidden_ones_one_of_the_same_length() {
    let ring = ring();
    let with = ada().seal_new(&ring).unwrap();
    let without = Payer { card: None, postcode: None, ..ada() }.seal_new(&ring).unwrap();
    assert_eq!(without.card_mask, None);
    assert_eq!(length(&with.district), length(&without.district));
    let seen = without.open_partial(&ring, 1).unwrap();
    assert_eq!((seen.card_mask.unwrap(), seen.district.unwrap()), (None, None));

    let deleted = SealedPayer { district: None, ..without };
    let seen = deleted.open_partial(&ring, 1).unwrap();
    assert_eq!(seen.district.unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn mask_of_another_person_or_field_is_refused() {
    let ring = ring();
    let row = ada().seal_new(&ring).unwrap();
    let other = Payer { id: 2, ..ada() }.seal_new(&ring).unwrap();
    let forged = SealedPayer {
        card_mask: other.card_mask,
        born_mask: row.card_mask.clone(),
        email_mask: Some(Sealed::from_bytes(row.email.as_bytes())),
        ..row
    };
    let seen = forged.open_partial(&ring, 1).unwrap();
    for (mask, expected) in [
        (seen.card_mask, ErrorKind::WrongKey),
        (seen.born_mask, ErrorKind::Tampered),
        (seen.email_mask, ErrorKind::WrongKey),
    ] {
        assert_eq!(mask.unwrap_err().kind(), expected);
    }
    assert_eq!(seen.card.unwrap(), ada().card);
}

#[test]
fn erased_class_is_erased_in_its_masks() {
    let ring = ring();
    let mut row = ada().seal_new(&ring).unwrap();
    let mut edit = row.keys.edit(&ring, 1).unwrap();
    edit.erase_class("financial").unwrap();
    row.keys = edit.finish().unwrap();
    let seen = row.open_partial(&ring, 1).unwrap();
    assert_eq!(seen.card.unwrap_err().kind(), ErrorKind::Erased);
    assert_eq!(seen.card_mask.unwrap_err().kind(), ErrorKind::Erased);
    // What has a class of its own stays.
    assert_eq!(seen.email_mask.unwrap().as_deref(), Some("a••••@e••••.com"));
}

#[test]
fn columns_classes_and_schema_have_the_masks() {
    let columns = [
        "id",
        "email",
        "email_mask",
        "card",
        "card_mask",
        "postcode",
        "district",
        "born",
        "born_mask",
        "plan",
        "keys",
    ];
    assert_eq!(payer::COLUMNS, columns);
    let classes: Vec<_> = Payer::SCHEMA.classes().map(|class| class.name()).collect();
    assert_eq!(classes, ["contact", "shown", "financial", "mask.financial"]);
    assert_eq!(payer::CARD_MASK.class().reader_roles(), ["billing", "support"]);
    assert_eq!((payer::BORN_MASK.record(), payer::BORN_MASK.id()), ("payer", "born_on"));
    assert_eq!(payer::DISTRICT.masking().name(), "district");
    let born = &Payer::SCHEMA.fields()[3];
    let [mask] = born.companions else { panic!("one mask") };
    assert_eq!(mask.column(), Some("born_mask"));
    assert_eq!(mask.mask_class().map(|class| class.name()), Some("mask.financial"));
    Catalog::new(&[Payer::SCHEMA]).unwrap();
}

#[test]
fn key_tags_are_those_of_masks_too() {
    let row = ada().seal_new(&ring()).unwrap();
    let tag = |bytes: &[u8]| bytes[1..5].to_owned();
    let tags = row.key_tags();
    for mask in [&row.email_mask, &row.card_mask, &row.district, &row.born_mask] {
        let tag = tag(mask.as_ref().unwrap().as_bytes());
        assert!(tags.iter().any(|of| of.as_slice() == tag));
    }
    assert_eq!(tags.len(), 8, "of four values and four masks");
}

#[test]
fn mask_follows_its_field_to_another_class() {
    #[derive(Record)]
    #[record(name = "holder", keys = "external", sealed(name = OldRow), partial(name = OldPart))]
    struct Old {
        #[record(subject)]
        subject: i64,
        #[record(row)]
        id: i64,
        #[record(seal, mask(last4, readers = ["app", "support"]))]
        iban: String,
    }
    #[derive(Record)]
    #[record(
        name = "holder",
        keys = "external",
        sealed(name = NewRow, derive(Clone)),
        partial(name = NewPart),
        module = new
    )]
    struct New {
        #[record(subject)]
        subject: i64,
        #[record(row)]
        id: i64,
        #[record(
            seal(class = FINANCIAL, was = Class::PERSONAL),
            mask(last4, readers = ["app", "support"])
        )]
        iban: String,
    }

    let ring = ring();
    let classes: Vec<_> = Old::SCHEMA.classes().chain(New::SCHEMA.classes()).collect();
    let keys = DataKeys::create(&ring, 1, &classes).unwrap();
    let iban = "DE02 1203 0000 0000 2020 51";
    let old = Old { subject: 1, id: 7, iban: iban.into() }.seal_with(&keys).unwrap();
    let OldRow { subject, id, iban: sealed, iban_mask } = old;
    let row = NewRow { subject, id, iban: sealed, iban_mask };
    let in_row = new::IBAN_MASK.row(7).unwrap();
    assert_eq!(in_row.open(&keys, &row.iban_mask).unwrap().as_deref(), Some("•••• 2051"));
    assert!(new::IBAN_MASK.row(8).unwrap().open(&keys, &row.iban_mask).is_err());

    // None is made of a value that stayed: erasing its class would not reach it.
    let stayed = NewRow { iban_mask: None, ..row.clone() };
    assert_eq!(stayed.reindex_with(&keys).unwrap().row.iban_mask, None);

    let moved = row.reseal_with(&keys).unwrap().row;
    assert_ne!(moved.iban_mask, row.iban_mask);
    let bare = NewRow { iban_mask: None, ..moved.clone() };
    assert!(bare.reindex_with(&keys).unwrap().row.iban_mask.is_some());
    assert_eq!(in_row.open(&keys, &moved.iban_mask).unwrap().as_deref(), Some("•••• 2051"));
    let mut edit = keys.envelope().edit(&ring, 1).unwrap();
    edit.erase_class("personal").unwrap();
    let keys = edit.finish().unwrap().unwrap(&ring, 1).unwrap();
    assert_eq!(in_row.open(&keys, &moved.iban_mask).unwrap().as_deref(), Some("•••• 2051"));
    assert_eq!(
        in_row.open(&keys, &row.iban_mask).unwrap_err().kind(),
        ErrorKind::Erased,
        "the one that stayed behind"
    );
}

#[test]
fn generic_records_have_masks() {
    #[derive(Record)]
    #[record(name = "generic", single_row)]
    struct Generic<T: fieldseal::field::NotNull> {
        #[record(subject)]
        id: i64,
        #[record(seal(class = FINANCIAL), mask(first_letter, readers = ["support"]))]
        value: Option<T>,
    }

    let ring = KeyRing::generate().unwrap();
    let lacking = Generic { id: 1, value: Some("Ada".to_owned()) }.seal_new(&ring);
    assert_eq!(lacking.map(drop).unwrap_err().kind(), ErrorKind::MissingKey);
    let ring = self::ring();
    let row = Generic { id: 1, value: Some("Ada".to_owned()) }.seal_new(&ring).unwrap();
    let seen = row.open_partial(&ring, 1).unwrap();
    assert_eq!((seen.id, seen.value.unwrap().as_deref()), (1, Some("Ada")));
    assert_eq!(seen.value_mask.unwrap().as_deref(), Some("A••••"));
    assert_eq!(generic::<String>::VALUE_MASK.class().name(), "mask.financial");
}

/// A mask class that is spelled by hand is the one that readers make.
#[test]
fn mask_class_can_be_shared_as_a_constant() {
    const OF_FINANCIAL: Class =
        Class::mask_of(&FINANCIAL, const { &MaskName::of(&FINANCIAL) }, &["billing", "support"]);

    #[derive(Record)]
    #[record(name = "account", single_row)]
    #[allow(dead_code, reason = "only its schema is looked at")]
    struct Account {
        #[record(subject)]
        id: i64,
        #[record(seal(class = FINANCIAL), mask(last4, class = OF_FINANCIAL))]
        iban: String,
        #[record(seal(class = FINANCIAL), mask(last4, readers = ["billing", "support"]))]
        card: String,
    }

    assert_eq!(account::IBAN_MASK.class(), account::CARD_MASK.class());
    assert_eq!(Account::SCHEMA.classes().count(), 2);
}

/// A list of classes by hand misses those that masks bring; the schema and the catalog do not.
#[test]
fn the_classes_of_a_record_come_from_its_schema_or_a_catalog() {
    let ring = ring();
    let none = Payer { card: None, ..ada() };
    let catalog = Catalog::new(&[Payer::SCHEMA]).unwrap();
    for keys in [
        DataKeys::create(&ring, 1, Payer::SCHEMA).unwrap(),
        DataKeys::create(&ring, 1, &catalog).unwrap(),
    ] {
        assert!(keys.reached().contains(&"mask.financial"));
        for payer in [ada(), none.clone()] {
            assert_eq!(payer.seal_with(&keys).unwrap().open_with(&keys).unwrap(), payer);
        }
        let mut edit = keys.envelope().edit(&ring, 1).unwrap();
        edit.rewrap(&catalog).unwrap();
        edit.ensure(Payer::SCHEMA).unwrap();
    }
}

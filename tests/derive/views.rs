//! Several structs of one record, each with some of its fields, and the catalog of them.

use fieldseal::{Catalog, Class, DataKeys, ErrorKind, Record, SealedRecord as _};

use super::{CONTACT, FINANCIAL, ring};

#[derive(Record, Debug, PartialEq)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    email: String,
    #[record(seal(class = CONTACT))]
    phone: Option<String>,
    #[record(seal(class = FINANCIAL, pad = 32))]
    card: Option<String>,
    plan: String,
}

/// What support needs, under names of its own.
#[derive(Record, Debug, PartialEq)]
#[record(name = "customer", single_row)]
struct ContactCard {
    #[record(subject)]
    customer: i64,
    #[record(seal(class = CONTACT, id = "email"))]
    mail: String,
    #[record(seal(class = CONTACT))]
    phone: Option<String>,
}

fn ada() -> Customer {
    Customer {
        id: 42,
        email: "ada@example.com".into(),
        phone: None,
        card: Some("4111111111111111".into()),
        plan: "free".into(),
    }
}

#[test]
fn a_view_opens_its_columns_of_the_row() {
    let ring = ring();
    let row = ada().seal_new(&ring).unwrap();
    let view = SealedContactCard {
        customer: row.id,
        mail: row.email.clone(),
        phone: row.phone.clone(),
        keys: row.keys.clone(),
    };
    // The card's class is out of reach, and nobody asks for it.
    let support = ring.subset(&["support"]).unwrap().into_ring();
    let opened = view.open(&support, 42).unwrap();
    assert_eq!((opened.mail.as_str(), opened.phone), ("ada@example.com", None));
    assert_eq!(row.open(&support, 42).unwrap_err().kind(), ErrorKind::NotPermitted);
}

#[test]
fn a_view_seals_its_columns_of_the_row() {
    let ring = ring();
    let row = ada().seal_new(&ring).unwrap();
    let view =
        ContactCard { customer: 42, mail: "ada@example.org".into(), phone: Some("1".into()) };
    let view = view.seal_under(&ring, &row.keys).unwrap();
    assert_eq!(view.keys, row.keys);
    let row = SealedCustomer { email: view.mail, phone: view.phone, keys: view.keys, ..row };
    let opened = row.open(&ring, 42).unwrap();
    assert_eq!((opened.email.as_str(), opened.phone.as_deref()), ("ada@example.org", Some("1")));
    assert_eq!(opened.card, ada().card);
    assert_eq!(opened.plan, "free");

    // Alone it makes keys of the classes it has.
    let alone = ContactCard { customer: 42, mail: "a@b.c".into(), phone: None };
    let keys = alone.seal_new(&ring).unwrap().unwrap_keys(&ring, 42).unwrap();
    assert_eq!(keys.reached(), ["contact"]);
    let missing = ada().seal_with(&keys).map(drop).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::MissingClass);
}

#[test]
fn constants_of_views_are_of_the_same_fields() {
    let keys = DataKeys::create(&ring(), 42, [CONTACT]).unwrap();
    let sealed = customer::EMAIL.seal(&keys, &"a@b.c".into()).unwrap();
    assert_eq!(contact_card::MAIL.open(&keys, &sealed).unwrap(), "a@b.c");
}

macro_rules! record {
    ($name:ident, $record:literal, [$($rows:tt)*], $(#[$row:meta])? $seal:meta) => {{
        #[derive(Record)]
        #[record(name = $record, $($rows)*)]
        #[allow(dead_code, reason = "only its schema is looked at")]
        struct $name {
            #[record(subject)]
            id: i64,
            $(#[$row])?
            other: i64,
            #[$seal]
            email: String,
        }
        $name::SCHEMA
    }};
}

#[test]
fn a_catalog_takes_views_that_agree() {
    let other = record!(
        Other,
        "other",
        [keys = "external"],
        #[record(row)]
        record(seal)
    );
    let catalog = Catalog::new(&[Customer::SCHEMA, ContactCard::SCHEMA, other]).unwrap();
    assert_eq!(catalog.schemas().len(), 3);
}

#[test]
fn a_catalog_refuses_what_disagrees() {
    const OTHER_CONTACT: Class = Class::new("contact").readers(&["marketing"]);

    let refused = |other, names: &[&str]| {
        let error = Catalog::new(&[Customer::SCHEMA, other]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Declaration);
        let text = error.to_string();
        assert!(names.iter().all(|name| text.contains(name)), "{text}");
    };
    refused(
        record!(A, "visit", [single_row, keys = "external"], record(seal(class = OTHER_CONTACT))),
        &["contact", "visit.email", "customer.email"],
    );
    refused(
        record!(B, "customer", [single_row], record(seal(class = FINANCIAL))),
        &["customer", "email"],
    );
    refused(
        record!(C, "customer", [single_row], record(seal(class = CONTACT, pad = 1))),
        &["customer", "email"],
    );
    refused(
        record!(D, "customer", [single_row], record(seal(class = CONTACT, was = Class::PERSONAL))),
        &["customer", "email"],
    );
    refused(
        record!(
            E,
            "customer",
            [keys = "external"],
            #[record(row)]
            record(seal(class = CONTACT))
        ),
        &["customer", "single row", "many"],
    );
}

#[test]
fn a_catalog_refuses_two_records_that_carry_the_keys() {
    let other = record!(Other, "visit", [single_row], record(seal(class = CONTACT)));
    for schemas in [[Customer::SCHEMA, other], [other, Customer::SCHEMA]] {
        let error = Catalog::new(&schemas).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Declaration);
        let text = error.to_string();
        for name in ["`customer`", "`visit`", "keys = \"external\""] {
            assert!(text.contains(name), "{text}");
        }
    }

    let other =
        record!(Elsewhere, "visit", [single_row, keys = "external"], record(seal(class = CONTACT)));
    Catalog::new(&[Customer::SCHEMA, ContactCard::SCHEMA, other]).unwrap();
}

macro_rules! indexed {
    ($name:ident, [$($on_struct:tt)*], [$($on_email:tt)*], [$($on_phone:tt)*]) => {{
        #[derive(Record)]
        #[record(name = "indexed", single_row, $($on_struct)*)]
        #[allow(dead_code, reason = "only its schema is looked at")]
        struct $name {
            #[record(subject)]
            id: i64,
            #[record(seal(class = CONTACT), $($on_email)*)]
            email: String,
            #[record($($on_phone)*)]
            phone: String,
        }
        $name::SCHEMA
    }};
}

/// A view that seals a value without its terms or its mask would leave them out of step.
#[test]
fn a_catalog_refuses_views_with_other_indexes_or_masks() {
    let refused = |one, other, names: &[&str]| {
        for schemas in [[one, other], [other, one]] {
            let text = Catalog::new(&schemas).unwrap_err().to_string();
            assert!(names.iter().all(|name| text.contains(name)), "{text}");
        }
    };
    let plain = indexed!(Plain, [], [], [seal(class = CONTACT)]);
    let indexed = indexed!(Indexed, [], [index(exact, measured)], [seal(class = CONTACT)]);
    let masked =
        indexed!(Masked, [], [mask(email, readers = ["support"])], [seal(class = CONTACT)]);
    for (one, other) in [(plain, indexed), (plain, masked), (indexed, masked)] {
        refused(one, other, &["`indexed`", "`email`", "indexes"]);
    }
    let normalized = indexed!(
        Normalized,
        [],
        [index(exact, measured, normalize = fieldseal::index::Normalizer::DIGITS)],
        [seal(class = CONTACT)]
    );
    refused(indexed, normalized, &["`indexed`", "`email`"]);

    let compound = indexed!(
        Both,
        [index(compound(email, phone), id = "both", measured)],
        [],
        [seal(class = CONTACT)]
    );
    refused(plain, compound, &["`indexed`", "`email`", "`both`"]);
    let of_one = indexed!(One, [], [], []);
    refused(of_one, compound, &["`indexed`", "`email`", "`both`"]);
    Catalog::new(&[plain, of_one]).unwrap();
    Catalog::new(&[compound, compound]).unwrap();
}

/// Terms of two fields under one id would be equal, and in a table take each other's place.
#[test]
fn a_catalog_refuses_one_index_of_two_fields() {
    #[derive(Record)]
    #[record(name = "indexed", single_row)]
    #[allow(dead_code, reason = "only its schema is looked at")]
    struct ByHome {
        #[record(subject)]
        id: i64,
        #[record(seal(class = CONTACT), index(exact, measured, id = "found"))]
        home: String,
    }
    #[derive(Record)]
    #[record(name = "indexed", single_row)]
    #[allow(dead_code, reason = "only its schema is looked at")]
    struct ByWork {
        #[record(subject)]
        id: i64,
        #[record(seal(class = CONTACT), index(exact, measured, id = "found"))]
        work: String,
    }
    #[derive(Record)]
    #[record(name = "indexed", single_row, index(compound(street, town), id = "found", measured))]
    #[allow(dead_code, reason = "only its schema is looked at")]
    struct ByBoth {
        #[record(subject)]
        id: i64,
        #[record(seal(class = CONTACT))]
        street: String,
        #[record(seal(class = CONTACT))]
        town: String,
    }

    let (home, work, both) = (ByHome::SCHEMA, ByWork::SCHEMA, ByBoth::SCHEMA);
    for schemas in [[home, work], [work, home], [home, both], [both, work]] {
        let text = Catalog::new(&schemas).unwrap_err().to_string();
        assert!(text.contains("`indexed`") && text.contains("`found`"), "{text}");
    }
    for schemas in [[home, home], [both, both]] {
        Catalog::new(&schemas).unwrap();
    }
}

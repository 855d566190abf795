//! What fields are found by, declared on a struct.

use fieldseal::field::ManyTerms;
use fieldseal::index::{Domain, Normalizer, Term, Terms};
use fieldseal::{DataKeys, ErrorKind, Index, KeyRing, Record, Sealed, SealedRecord as _};

use super::{CONTACT, FINANCIAL, ring};

#[derive(Record, Debug, PartialEq, Clone)]
#[record(
    name = "customer",
    single_row,
    sealed(derive(Clone, Debug, PartialEq)),
    index(
        compound(surname = Normalizer::custom("upper", upper), born),
        id = "name-birth",
        cardinality = 1_000_000
    ),
    index(compound(email, born, phone), id = "all", column = "found_by_all", measured, bits = 20)
)]
pub(crate) struct Customer {
    #[record(subject)]
    pub(crate) id: i64,
    #[record(seal(class = CONTACT), index(exact, cardinality = 1_000_000))]
    pub(crate) email: String,
    #[record(
        seal(class = CONTACT, id = "tel"),
        index(exact, normalize = Normalizer::DIGITS, cardinality = 1_000_000, bits = 12, lenient),
        index(exact, id = "phone.whole", column = "whole_phone", measured)
    )]
    pub(crate) phone: Option<String>,
    #[record(
        seal(class = CONTACT),
        index(prefix(max = 4), cardinality = 50_000),
        index(words, cardinality = 50_000, table)
    )]
    pub(crate) surname: String,
    #[record(
        seal(class = FINANCIAL),
        index(range(Domain::integers(0, 99_999)), levels = 8, allow_leakage = "a test", table)
    )]
    pub(crate) points: i64,
    #[record(seal(class = CONTACT))]
    pub(crate) born: u16,
    pub(crate) plan: String,
}

fn upper(text: &str) -> Option<String> {
    Some(text.to_uppercase())
}

pub(crate) fn ada() -> Customer {
    Customer {
        id: 1,
        email: "ada@example.com".into(),
        phone: None,
        surname: "King Noel".into(),
        points: 1_815,
        born: 1815,
        plan: "free".into(),
    }
}

pub(crate) fn indexing() -> KeyRing {
    let mut ring = ring();
    ring.add_index_key().unwrap();
    ring
}

fn has_one_of(terms: &Terms, asked: &[Term]) -> bool {
    terms.as_slice().unwrap().iter().any(|term| asked.contains(term))
}

#[test]
fn row_is_found_by_each_of_its_indexes_and_by_other_values_not() {
    let ring = indexing();
    let row = ada().seal_new(&ring).unwrap();
    assert_eq!(row.open(&ring, 1).unwrap(), ada());

    let email = |asked| customer::EMAIL_INDEX.query(&ring, asked).unwrap();
    let stored = row.email_index.as_ref().unwrap();
    assert_eq!(email("ada@example.com").terms(), std::slice::from_ref(stored));
    assert!(!email("bob@example.com").terms().contains(stored));

    let surname = |asked| customer::SURNAME_PREFIX.query(&ring, asked).unwrap();
    assert!(has_one_of(&row.surname_prefix, surname("Ki").terms()));
    assert!(has_one_of(&row.surname_prefix, surname("Kingston").terms()), "the first four");
    assert!(!has_one_of(&row.surname_prefix, surname("Ka").terms()));

    let words = |asked| customer::SURNAME_WORDS.query(&ring, asked).unwrap();
    assert!(has_one_of(&row.surname_words, words("Noel").terms()));
    assert!(!has_one_of(&row.surname_words, words("Byron").terms()));

    let points = |asked| customer::POINTS_RANGE.between(&ring, asked).unwrap();
    assert!(has_one_of(&row.points_range, points(1_800..=1_900).terms()));
    assert!(!has_one_of(&row.points_range, points(1_816..=1_900).terms()));

    let born = |surname: &str, born: u16| {
        customer::NAME_BIRTH_INDEX.query(&ring, &(surname, &born)).unwrap()
    };
    let stored = row.name_birth_index.as_ref().unwrap();
    assert_eq!(born("King Noel", 1815).terms(), std::slice::from_ref(stored));
    assert!(!born("King Noel", 1816).terms().contains(stored));
    assert!(!born("King", 1815).terms().contains(stored));
    assert!(born("KING noel", 1815).terms().contains(stored), "normalized");
}

#[test]
fn absent_values_have_no_terms() {
    let ring = indexing();
    let row = ada().seal_new(&ring).unwrap();
    assert_eq!((row.phone_index, row.whole_phone, row.found_by_all), (None, None, None));

    let row = Customer { phone: Some("030-1".into()), ..ada() }.seal_new(&ring).unwrap();
    let asked = customer::PHONE_INDEX.query(&ring, "0301").unwrap();
    assert_eq!(asked.terms(), row.phone_index.as_slice());
    let asked = |phone| customer::WHOLE_PHONE.query(&ring, phone).unwrap();
    assert_eq!(asked("030-1").terms(), row.whole_phone.as_slice());
    assert_ne!(asked("0301").terms(), row.whole_phone.as_slice());
    let asked = customer::FOUND_BY_ALL.query(&ring, &("ada@example.com", &1815, "030-1")).unwrap();
    assert_eq!(asked.terms(), row.found_by_all.as_slice());
    let bytes = |term: Option<Term>| term.unwrap().as_bytes().len();
    assert_eq!((bytes(row.phone_index), bytes(row.found_by_all)), (4 + 2, 4 + 3));
}

#[test]
fn columns_of_terms_follow_their_fields_and_tables_have_none() {
    let columns = [
        "id",
        "email",
        "email_index",
        "phone",
        "phone_index",
        "whole_phone",
        "surname",
        "surname_prefix",
        "points",
        "born",
        "plan",
        "name_birth_index",
        "found_by_all",
        "keys",
    ];
    assert_eq!(customer::COLUMNS, columns);
    assert_eq!(Customer::SCHEMA.columns(), columns);
    let row = ada().seal_new(&indexing()).unwrap();
    let in_table = row.table_terms();
    let [(words, of_surname), (range, of_points)] = in_table.as_slice() else {
        panic!("two indexes have a table");
    };
    assert_eq!((*words, *range), ("surname.words", "points.range"));
    assert_eq!((*of_surname, *of_points), (&row.surname_words, &row.points_range));
    assert_eq!(of_surname.as_slice().unwrap().len(), 2);
    assert_eq!(of_points.as_slice().unwrap().len(), 8, "as many levels");
}

#[test]
fn ids_are_those_of_the_fields_unless_given() {
    let ids = [
        (customer::EMAIL_INDEX.id(), "email"),
        (customer::PHONE_INDEX.id(), "tel"),
        (customer::WHOLE_PHONE.id(), "phone.whole"),
        (customer::NAME_BIRTH_INDEX.id(), "name-birth"),
        (customer::FOUND_BY_ALL.id(), "all"),
        (customer::SURNAME_PREFIX.id(), "surname.prefix"),
        (customer::SURNAME_WORDS.id(), "surname.words"),
        (customer::POINTS_RANGE.id(), "points.range"),
    ];
    for (id, expected) in ids {
        assert_eq!(id, expected);
    }
    assert_eq!(customer::EMAIL_INDEX.record(), "customer");
}

#[test]
fn the_schema_names_indexes_and_where_they_are() {
    let field = |id| Customer::SCHEMA.fields().iter().find(|field| field.id == id).unwrap();
    let companions = |id| {
        let companions = field(id).companions.iter();
        companions.map(|of| (of.index_id().unwrap(), of.column())).collect::<Vec<_>>()
    };
    assert_eq!(companions("email"), [("email", Some("email_index"))]);
    assert_eq!(
        companions("surname"),
        [("surname.prefix", Some("surname_prefix")), ("surname.words", None)]
    );
    assert_eq!(companions("points"), [("points.range", None)]);
    assert_eq!(companions("born"), []);
    let compounds = Customer::SCHEMA.compounds();
    let parts: Vec<_> = compounds.iter().map(|of| (of.companion.column(), of.parts)).collect();
    assert_eq!(
        parts,
        [
            (Some("name_birth_index"), &["surname", "born"][..]),
            (Some("found_by_all"), &["email", "born", "tel"][..]),
        ]
    );
}

#[test]
fn ring_without_an_index_key_seals_no_row_and_opens_every_one() {
    let with = indexing();
    let row = ada().seal_new(&with).unwrap();
    let error = ada().seal_new(&ring()).map(drop).unwrap_err();
    assert_eq!((error.kind(), error.record()), (ErrorKind::MissingKey, Some("customer")));
    let reader = with.subset(&["app", "billing"]).unwrap().into_ring();
    assert_eq!(row.open(&reader, 1).unwrap(), ada());
    assert_eq!(row.open_partial(&reader, 1).unwrap().email.unwrap(), ada().email);
}

#[test]
fn value_outside_of_its_domain_is_refused_by_the_name_of_its_index() {
    let error = Customer { points: 100_000, ..ada() }.seal_new(&indexing()).map(drop).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidInput, Some("points.range")));
}

#[test]
fn a_keyword_is_a_field_with_an_index_too() {
    #[derive(Record)]
    #[record(
        name = "type",
        single_row,
        index(compound(r#type, r#move), id = "both", column = "fn", measured)
    )]
    struct Type {
        #[record(subject)]
        id: u8,
        #[record(seal, index(exact, measured))]
        r#type: String,
        #[record(seal, index(exact, measured, column = "loop"))]
        r#move: Option<u8>,
    }

    let ring = indexing();
    let row = Type { id: 1, r#type: "x".into(), r#move: Some(1) }.seal_new(&ring).unwrap();
    assert_eq!(r#type::COLUMNS, ["id", "type", "type_index", "move", "loop", "fn", "keys"]);
    let asked = r#type::TYPE_INDEX.query(&ring, "x").unwrap();
    assert_eq!(asked.terms(), row.type_index.as_slice());
    assert_eq!(r#type::LOOP.query(&ring, &1).unwrap().terms(), row.r#loop.as_slice());
    assert_eq!(r#type::FN.query(&ring, &("x", &1_u8)).unwrap().terms(), row.r#fn.as_slice());
}

#[test]
fn attributes_reach_the_column_of_an_index() {
    #[derive(Record)]
    #[record(name = "guest", single_row)]
    struct Guest {
        #[record(subject)]
        id: u8,
        #[record(
            seal,
            index(exact, measured, attr(deprecated = "use the other")),
            index(exact, id = "other", column = "other", measured)
        )]
        name: String,
    }

    let row = Guest { id: 1, name: "Ada".into() }.seal_new(&indexing()).unwrap();
    #[expect(deprecated, reason = "the attribute is there")]
    let term = row.name_index;
    assert_ne!(term, row.other);
}

#[cfg(feature = "serde")]
#[test]
fn row_with_terms_comes_back_from_json() {
    #[derive(Record)]
    #[record(
        name = "guest",
        single_row,
        sealed(derive(Debug, PartialEq, serde::Serialize, serde::Deserialize))
    )]
    struct Guest {
        #[record(subject)]
        id: u8,
        #[record(seal, index(exact, measured), index(words, measured))]
        #[record(mask(first_letter, readers = ["app"]))]
        name: String,
        #[record(seal, index(exact, measured), index(words, measured, table))]
        nickname: Option<String>,
    }

    let guest = Guest { id: 1, name: "Ada King".into(), nickname: None };
    let mut row = guest.seal_new(&indexing()).unwrap();
    row.nickname_words = Terms::unread();
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!(json["name_index"], row.name_index.as_ref().unwrap().to_text());
    assert_eq!(json["name_words"].as_array().unwrap().len(), 2);
    assert!(json["nickname_index"].is_null() && json["nickname_words"].is_null());
    assert_eq!(serde_json::from_value::<SealedGuest>(json.clone()).unwrap(), row);

    // What stands in the place of a term is not shown.
    for other in ["\"ada king\"", "[\"ada king\"]", "{\"ada\": \"king\"}", "1815"] {
        for terms in ["name_index", "name_words"] {
            let mut json = json.clone();
            json[terms] = serde_json::from_str(other).unwrap();
            let error = serde_json::from_value::<SealedGuest>(json).unwrap_err().to_string();
            assert!(!error.contains("ada") && !error.contains("1815"), "{error}");
        }
    }
}

/// A class that is erased closes the row as a whole, which is said, and its other values are found all the
/// same.
#[test]
fn row_of_which_something_is_erased_is_matched_by_what_is_left() {
    #[derive(Record, Debug)]
    #[record(name = "guest", single_row)]
    struct Guest {
        #[record(subject)]
        id: i64,
        #[record(seal(class = CONTACT), index(exact, measured))]
        name: String,
        #[record(seal(class = FINANCIAL))]
        card: String,
    }

    let ring = indexing();
    let mut row = Guest { id: 1, name: "Ada".into(), card: "4242".into() }.seal_new(&ring).unwrap();
    let mut edit = row.keys.edit(&ring, 1).unwrap();
    edit.erase_class("financial").unwrap();
    row.keys = edit.finish().unwrap();
    let query = guest::NAME_INDEX.query(&ring, "Ada").unwrap();
    assert_eq!(query.terms(), [row.name_index.clone().unwrap()]);
    let whole = SealedGuest::open_matching([(&row, 1)], &ring, |guest| query.matches(&guest.name));
    let error = whole.unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Erased, Some(0)));
    let by_name = |partial: &PartialGuest| {
        partial.name.as_ref().map_or(Ok(false), |name| query.matches(name))
    };
    let mut left = SealedGuest::open_matching_partial([(&row, 1)], &ring, by_name).unwrap();
    assert_eq!(left.remove(0).card.unwrap_err().kind(), ErrorKind::Erased);

    // Who is erased as a whole matches nothing.
    let mut edit = row.keys.edit(&ring, 1).unwrap();
    edit.erase_subject().unwrap();
    row.keys = edit.finish().unwrap();
    let whole = SealedGuest::open_matching([(&row, 1)], &ring, |guest| query.matches(&guest.name));
    assert!(whole.unwrap().is_empty());
    assert!(SealedGuest::open_matching_partial([(&row, 1)], &ring, by_name).unwrap().is_empty());
}

mod generic {
    use super::*;
    use fieldseal::DataKeys;
    use fieldseal::field::NotNull;

    #[derive(Record, Debug, PartialEq)]
    #[record(
        name = "generic",
        keys = "external",
        sealed(derive(Clone, Debug, PartialEq)),
        index(compound(value, bytes), id = "two", measured)
    )]
    pub(super) struct Generic<Id, T: NotNull, U = u8>
    where
        Id: fieldseal::ToId + Clone,
        U: NotNull + Default,
    {
        #[record(subject)]
        pub(super) id: Id,
        #[record(row)]
        pub(super) row: u32,
        #[record(seal, index(exact, cardinality = 1_000_000))]
        pub(super) value: T,
        #[record(seal, index(exact, measured), index(words, measured, table))]
        pub(super) maybe: Option<U>,
        #[record(seal(default), index(exact, measured))]
        pub(super) bytes: U,
    }

    #[test]
    fn generic_records_have_indexes_of_their_types() {
        type Fields = generic<i64, String, String>;
        const VALUE: Index<String> = Fields::VALUE_INDEX;
        const MAYBE: Index<Option<String>, ManyTerms> = Fields::MAYBE_WORDS;

        let ring = indexing();
        let keys = DataKeys::create(&ring, 1, [fieldseal::Class::PERSONAL]).unwrap();
        let record = Generic {
            id: 1_i64,
            row: 7,
            value: "one two".to_owned(),
            maybe: Some("three four".to_owned()),
            bytes: "five".to_owned(),
        };
        let row = record.seal_with(&keys).unwrap();
        assert_eq!(row.open_with(&keys).unwrap(), record);
        assert_eq!(VALUE.query(&ring, "one two").unwrap().terms(), row.value_index.as_slice());
        assert!(has_one_of(&row.maybe_words, MAYBE.query(&ring, "four").unwrap().terms()));
        let both = Fields::TWO_INDEX.query(&ring, &("one two", "five")).unwrap();
        assert_eq!(both.terms(), row.two_index.as_slice());
    }
}

#[test]
fn an_invalid_value_in_a_batch_names_its_row_and_its_field() {
    let ring = indexing();
    let mut records: Vec<_> = (1..=4).map(|id| Customer { id, ..ada() }).collect();
    let rows = Customer::seal_new_all(&records, &ring).unwrap();
    records[2].points = 100_000;
    let error = Customer::seal_new_all(&records, &ring).unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::InvalidInput, Some(2)));
    assert_eq!((error.record(), error.field()), (Some("customer"), Some("points.range")));
    assert!(error.to_string().starts_with("row 2: customer.points.range: "), "{error}");

    let keys = DataKeys::create(&ring, 1, [CONTACT, FINANCIAL]).unwrap();
    records.iter_mut().for_each(|record| record.id = 1);
    let error = Customer::seal_all_with(&records, &keys).unwrap_err();
    assert_eq!((error.row(), error.field()), (Some(2), Some("points.range")));

    let mut altered = rows.clone();
    altered[3].surname = rows[0].surname.clone();
    let pairs = || altered.iter().zip(1..);
    let error = SealedCustomer::open_all(pairs(), &ring).unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::WrongKey, Some(3)));
    assert_eq!(error.field(), Some("surname"));
    let error = SealedCustomer::open_matching(pairs(), &ring, |_| Ok(true)).unwrap_err();
    assert_eq!((error.row(), error.field()), (Some(3), Some("surname")));
    let refused = |_: &PartialCustomer| Err(fieldseal::Error::value("not asked"));
    let error = SealedCustomer::open_matching_partial(pairs(), &ring, refused);
    let error = error.map(drop).unwrap_err();
    assert_eq!(error.row(), Some(0));
}

/// What a careful caller copies from the documentation.
#[test]
fn a_row_that_was_tampered_with_is_an_error_and_never_no_match() {
    let ring = indexing();
    let query = customer::EMAIL_INDEX.query(&ring, "ada@example.com").unwrap();
    assert!(query.matches_opened(&Ok("ada@example.com".to_owned())).unwrap());
    assert!(!query.matches_opened(&Ok("bob@example.com".to_owned())).unwrap());
    let keys = DataKeys::create(&ring, ada().id, Customer::SCHEMA).unwrap();
    let row = ada().seal_with(&keys).unwrap();
    let mut bytes = row.email.into_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    let opened = customer::EMAIL.open(&keys, &Sealed::from_bytes(bytes));
    let error = query.matches_opened(&opened).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tampered);
    assert_eq!(error.to_string(), opened.unwrap_err().to_string());
}

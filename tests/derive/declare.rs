//! What a field declares beyond its class.

use fieldseal::record::{KeysPlace, Rows};
use fieldseal::{Class, DataKeys, ErrorKind, Record, Sealed, SealedRecord as _};

use super::{CONTACT, FINANCIAL, ring};

#[derive(Record, Debug, PartialEq)]
#[record(name = "member", single_row, sealed(derive(Clone)))]
struct Member {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT, default))]
    language: String,
    #[record(seal(default))]
    nickname: Option<String>,
    #[record(seal(class = CONTACT, pad = 24, hide_null))]
    phone: Option<String>,
}

fn member(phone: Option<&str>) -> Member {
    Member { id: 1, language: "eo".into(), nickname: None, phone: phone.map(Into::into) }
}

#[test]
fn null_opens_to_the_default_and_nothing_else_does() {
    let ring = ring();
    let row = member(None).seal_new(&ring).unwrap();
    assert_eq!(row.open(&ring, 1).unwrap(), member(None));

    let mut old = row.clone();
    (old.language, old.nickname) = (None, None);
    let opened = old.open(&ring, 1).unwrap();
    assert_eq!((opened.language.as_str(), opened.nickname), ("", None));
    let partial = old.open_partial(&ring, 1).unwrap();
    assert_eq!(partial.language.unwrap(), "");
    let keys = old.unwrap_keys(&ring, 1).unwrap();
    assert_eq!(old.open_with(&keys).unwrap().language, "");

    let mut bytes = row.language.clone().unwrap().into_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    for (forged, kind) in [
        (bytes, ErrorKind::Tampered),
        (b"eo".to_vec(), ErrorKind::NotSealed),
        (vec![], ErrorKind::NotSealed),
    ] {
        let mut row = row.clone();
        row.language = Some(Sealed::from_bytes(forged));
        let error = row.open(&ring, 1).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some("language")));
        let partial = row.open_partial(&ring, 1).unwrap();
        assert_eq!(partial.language.unwrap_err().kind(), kind);
    }
}

#[test]
fn hidden_absence_has_the_length_of_a_value() {
    let ring = ring();
    let seal = |phone| member(phone).seal_new(&ring).unwrap();
    let length = |row: &SealedMember| row.phone.as_ref().unwrap().as_bytes().len();
    let rows = [seal(None), seal(Some("1")), seal(Some("+49 30 901820"))];
    assert_eq!(rows.each_ref().map(length), [length(&rows[0]); 3]);
    for (row, phone) in rows.iter().zip([None, Some("1"), Some("+49 30 901820")]) {
        assert_eq!(row.open(&ring, 1).unwrap(), member(phone));
    }

    let mut deleted = rows[1].clone();
    deleted.phone = None;
    assert_eq!(deleted.open(&ring, 1).unwrap_err().kind(), ErrorKind::Malformed);
    let long = member(Some("a number that is longer than that")).seal_new(&ring);
    assert_eq!(long.map(drop).unwrap_err().kind(), ErrorKind::InvalidInput);
}

mod before {
    use super::*;

    #[derive(Record)]
    #[record(name = "order", single_row)]
    pub(super) struct Order {
        #[record(subject)]
        pub(super) id: i64,
        #[record(seal)]
        pub(super) iban: String,
    }
}

mod after {
    use super::*;

    /// The same record: one field has another name in the code, another class and another padding.
    #[derive(Record)]
    #[record(name = "order", single_row)]
    pub(super) struct Purchase {
        #[record(subject)]
        pub(super) id: i64,
        #[record(seal(class = FINANCIAL, id = "iban", was = Class::PERSONAL, pad = 48))]
        pub(super) account: String,
    }
}

#[test]
fn a_field_can_be_renamed_and_change_its_class() {
    let ring = ring();
    let old = before::Order { id: 1, iban: "DE02".into() };
    let keys = DataKeys::create(&ring, 1, [Class::PERSONAL, FINANCIAL]).unwrap();
    let old = old.seal_with(&keys).unwrap();

    let iban = after::purchase::ACCOUNT.open(&keys, &old.iban).unwrap();
    assert_eq!(iban, "DE02");
    let new = after::Purchase { id: 1, account: iban }.seal_with(&keys).unwrap();
    assert_eq!(new.open_with(&keys).unwrap().account, "DE02");
    let refused = before::order::IBAN.open(&keys, &new.account).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::WrongKey);
    assert_eq!((new.id, refused.record(), refused.field()), (1, Some("order"), Some("iban")));
}

#[test]
fn the_schema_says_what_was_declared() {
    #[derive(Record)]
    #[record(name = "card", keys = "external")]
    #[allow(dead_code, reason = "only its schema is looked at")]
    struct Card {
        #[record(subject)]
        owner: i64,
        #[record(row)]
        id: i64,
        #[record(seal(class = FINANCIAL, id = "pan", pad = 32, was = Class::PERSONAL))]
        number: Option<String>,
        r#type: String,
        #[record(seal(class = FINANCIAL, pad = 8, hide_null))]
        r#ref: Option<Vec<u8>>,
    }

    let schema = Card::SCHEMA;
    assert_eq!(schema, card::SCHEMA);
    assert_eq!(schema.record(), "card");
    assert_eq!((schema.rows(), schema.keys()), (Rows::Many, KeysPlace::External));
    assert_eq!(schema.columns(), ["owner", "id", "number", "type", "ref"]);
    assert_eq!(schema.columns(), card::COLUMNS);
    assert_eq!(schema.classes().collect::<Vec<_>>(), [FINANCIAL]);
    let [number, reference] = schema.fields() else {
        panic!("two fields are sealed");
    };
    assert_eq!((number.id, number.column), ("pan", "number"));
    assert_eq!(number.rust_type, "Option<String>");
    assert_eq!((number.pad, number.hide_null, number.was), (32, false, Some(Class::PERSONAL)));
    assert_eq!((reference.id, reference.column), ("ref", "ref"));
    assert_eq!(reference.rust_type, "Option<Vec<u8>>");
    assert_eq!((reference.pad, reference.hide_null, reference.was), (8, true, None));
    assert_eq!((card::NUMBER.record(), card::NUMBER.id()), ("card", "pan"));
    assert_eq!(card::REF.class(), FINANCIAL);

    assert_eq!((Member::SCHEMA.rows(), Member::SCHEMA.keys()), (Rows::Single, KeysPlace::Inline));
    assert_eq!(Member::SCHEMA.columns().last(), Some(&"keys"));
}

#[test]
fn a_class_can_be_any_constant_expression() {
    mod classes {
        pub(super) struct Of<A, B>(A, B);
        impl<A, B> Of<A, B> {
            pub(super) const CLASS: fieldseal::Class<'static> = fieldseal::Class::new("generic");
        }
    }

    #[derive(Record)]
    #[record(name = "person", single_row)]
    #[allow(dead_code, reason = "only its constants are looked at")]
    struct Person {
        #[record(subject)]
        id: i64,
        #[record(seal(class = classes::Of::<u8, u16>::CLASS, pad = 1))]
        path: String,
        #[record(seal(class = Class::new("inline").readers(&["app", "support"]), id = "called"))]
        call: String,
    }

    assert_eq!(person::PATH.class().name(), "generic");
    assert_eq!(person::CALL.class().reader_roles(), ["app", "support"]);
    assert_eq!(person::CALL.id(), "called");
}

#[cfg(feature = "serde")]
#[test]
fn derives_and_attributes_reach_the_row() {
    /// A guest.
    #[derive(Record, Debug, PartialEq)]
    #[record(
        name = "guest",
        single_row,
        sealed(
            name = GuestRow,
            derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize),
            attr(serde(rename_all = "camelCase"), must_use)
        ),
        partial(name = GuestPart),
        module = guest_fields
    )]
    struct Guest {
        #[record(subject, attr(serde(rename = "_id")))]
        guest_id: i64,
        /// Where to write to.
        #[record(seal(class = CONTACT), attr(serde(rename = "mail"), doc = "Sealed."))]
        email_address: String,
        #[record(seal)]
        #[record(attr(serde(default, skip_serializing_if = "Option::is_none")))]
        last_name: Option<String>,
    }

    let ring = ring();
    let guest = Guest { guest_id: 1, email_address: "ada@example.com".into(), last_name: None };
    let row: GuestRow = guest.seal_new(&ring).unwrap();
    let json = serde_json::to_value(&row).unwrap();
    let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["_id", "keys", "mail"]);
    let read: GuestRow = serde_json::from_value(json).unwrap();
    assert_eq!(read, row.clone());
    assert_eq!(read.open(&ring, 1).unwrap(), guest);
    let part: GuestPart = read.open_partial(&ring, 1).unwrap();
    assert_eq!((part.guest_id, part.last_name.unwrap()), (1, None));
    assert_eq!(part.email_address.unwrap(), "ada@example.com");
    assert_eq!(guest_fields::LAST_NAME.class(), Class::PERSONAL);
}

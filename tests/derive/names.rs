//! Generated names meet those that are there.

use fieldseal::{Class, DataKeys, Error, KeyRing, Record, SealedRecord as _};

use super::{CONTACT, ring};

#[derive(Record, Debug, PartialEq)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    email: String,
}

/// The same record, beside it.
#[derive(Record, Debug, PartialEq)]
#[record(name = "customer", single_row)]
struct CustomerLogin {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    email: String,
}

#[test]
fn a_local_can_be_named_like_the_constants() -> Result<(), Error> {
    let ring = ring();
    let customer = Customer { id: 1, email: "a@b.c".into() };
    let row = customer.seal_new(&ring)?;
    let customer = row.open(&ring, 1)?;
    let keys = row.unwrap_keys(&ring, 1)?;
    assert_eq!(customer::EMAIL.open(&keys, &row.email)?, customer.email);
    assert_eq!(customer_login::EMAIL.open(&keys, &row.email)?, customer.email);
    Ok(())
}

#[test]
fn a_struct_in_a_function_can_be_a_record() -> Result<(), Error> {
    const HEALTH: Class = Class::new("health");

    #[derive(Record)]
    #[record(name = "patient", single_row)]
    struct Patient {
        #[record(subject)]
        id: u8,
        #[record(seal(class = HEALTH))]
        blood: String,
    }

    let ring = ring();
    let row = Patient { id: 1, blood: "0".into() }.seal_new(&ring)?;
    let keys = row.unwrap_keys(&ring, 1)?;
    assert_eq!(patient::BLOOD.open(&keys, &row.blood)?, "0");
    assert_eq!(row.open(&ring, 1)?.blood, "0");
    Ok(())
}

#[test]
fn keywords_are_names_too() -> Result<(), Error> {
    #[derive(Record)]
    #[record(name = "type", single_row)]
    struct Type {
        #[record(subject)]
        r#move: u8,
        #[record(seal)]
        r#type: String,
        r#fn: bool,
    }

    let row = Type { r#move: 1, r#type: "x".into(), r#fn: true }.seal_new(&ring())?;
    assert_eq!(r#type::COLUMNS, ["move", "type", "fn", "keys"]);
    assert_eq!((r#type::TYPE.id(), row.r#move, row.r#fn), ("type", 1, true));
    assert_eq!(Type::SCHEMA.fields()[0].column, "type");
    Ok(())
}

/// Nothing is in scope, and what looks like the crate or the prelude is something else.
mod hostile {
    #![no_implicit_prelude]

    #[allow(dead_code, reason = "they stand in the way")]
    mod fieldseal {}
    #[allow(dead_code, reason = "they stand in the way")]
    mod core {}
    #[allow(dead_code, reason = "they stand in the way")]
    struct Option;
    #[allow(dead_code, reason = "they stand in the way")]
    struct Result;
    #[allow(dead_code, reason = "they stand in the way")]
    struct Vec;
    #[allow(non_snake_case, dead_code, reason = "they stand in the way")]
    fn Some() {}
    #[allow(non_upper_case_globals, dead_code, reason = "they stand in the way")]
    const sealer: () = ();
    #[allow(non_upper_case_globals, dead_code, reason = "they stand in the way")]
    const opener: () = ();
    #[allow(non_upper_case_globals, dead_code, reason = "they stand in the way")]
    const row: () = ();

    #[derive(::fieldseal::SealValue)]
    pub(super) struct Text(pub(super) ::std::string::String);

    #[derive(::fieldseal::Record)]
    #[record(
        name = "hostile",
        keys = "external",
        index(compound(opener, tags), id = "values", column = "tag", measured)
    )]
    #[cfg_attr(feature = "rusqlite", record(rusqlite))]
    pub(super) struct Hostile {
        #[record(subject)]
        pub(super) self_: i64,
        #[record(row)]
        pub(super) sealer: i64,
        #[record(
            seal,
            index(exact, measured, column = "column"),
            index(words, measured, table, column = "resealer"),
            mask(last4, readers = ["app"], column = "opened")
        )]
        pub(super) opener: Text,
        #[record(seal(default), index(exact, measured), mask(year, readers = ["app"]))]
        pub(super) tags: ::std::option::Option<Text>,
        pub(super) row: ::std::vec::Vec<u8>,
    }

    #[derive(::fieldseal::Record)]
    #[record(name = "alone", single_row, keys_column = "sealer")]
    #[cfg_attr(feature = "rusqlite", record(rusqlite))]
    pub(super) struct Alone {
        #[record(subject)]
        pub(super) row: i64,
        #[record(seal)]
        pub(super) opener: Text,
    }
}

#[test]
fn generated_code_needs_nothing_in_scope() -> Result<(), Error> {
    let mut ring = KeyRing::generate()?;
    ring.add_index_key()?;
    let record = hostile::Hostile {
        self_: 1,
        sealer: 2,
        opener: hostile::Text("text".into()),
        tags: Some(hostile::Text("more".into())),
        row: vec![3],
    };
    let classes: Vec<_> = hostile::Hostile::SCHEMA.classes().collect();
    let keys = DataKeys::create(&ring, 1, &classes)?;
    let row = record.seal_with(&keys)?;
    assert!(row.column.is_some() && row.tag.is_some() && row.tags_index.is_some());
    assert_eq!(row.resealer.as_slice().map(<[_]>::len), Some(1));
    let again = row.reindex_with(&keys)?.row.reseal_with(&keys)?.row;
    assert_eq!(
        (&again.column, &again.resealer, &again.tag),
        (&row.column, &row.resealer, &row.tag)
    );
    let seen = again.open_partial_with(&keys)?;
    assert_eq!((seen.opened?.as_deref(), seen.tags_mask?.as_deref()), (Some("••••"), Some("••••")));
    let opened = row.open_with(&keys)?;
    assert_eq!((opened.self_, opened.sealer, opened.row), (1, 2, vec![3]));
    assert_eq!(opened.opener.0, "text");
    assert_eq!(opened.tags.map(|text| text.0).as_deref(), Some("more"));

    let row = hostile::Alone { row: 1, opener: hostile::Text("text".into()) }.seal_new(&ring)?;
    assert!(!row.sealer.as_bytes().is_empty());
    let opened = row.open(&ring, 1)?;
    assert_eq!((opened.row, opened.opener.0.as_str()), (1, "text"));
    Ok(())
}

/// As a crate that re-exports fieldseal would be used.
mod reexported {
    pub(crate) mod inner {
        pub(crate) use ::fieldseal as seal;
    }

    #[derive(fieldseal::SealValue)]
    #[seal_value(crate = "crate::names::reexported::inner::seal")]
    pub(super) struct Text(pub(super) String);

    #[derive(fieldseal::Record)]
    #[record(
        name = "visit",
        single_row,
        crate = "self::inner::seal",
        index(compound(text, place), id = "both", measured)
    )]
    pub(super) struct Visit {
        #[record(subject)]
        pub(super) id: i64,
        #[record(seal, index(prefix(max = 2), measured), mask(last4, readers = ["app"]))]
        pub(super) text: Text,
        #[record(seal)]
        pub(super) place: u8,
    }
}

#[test]
fn the_crate_can_be_elsewhere() -> Result<(), Error> {
    let ring = super::indexes::indexing();
    let visit = reexported::Visit { id: 1, text: reexported::Text("t".into()), place: 2 };
    let row = visit.seal_new(&ring)?;
    let text = reexported::Text("t".into());
    let asked = reexported::visit::BOTH_INDEX.query(&ring, &(&text, &2_u8))?;
    assert_eq!(asked.terms(), row.both_index.as_slice());
    assert_eq!(row.open_partial(&ring, 1)?.text_mask?.as_deref(), Some("••••"));
    assert_eq!((row.id, row.open(&ring, 1)?.text.0.as_str()), (1, "t"));
    Ok(())
}

mod generic {
    use fieldseal::field::NotNull;
    use fieldseal::{Record, SealValue};

    #[derive(Record, Debug, PartialEq)]
    #[record(name = "generic", keys = "external", sealed(derive(Clone, Debug, PartialEq)))]
    pub(super) struct Generic<'a, Id, T: SealValue, U = u8, const N: usize = 2>
    where
        Id: fieldseal::ToId + Clone,
        U: NotNull + Default,
    {
        #[record(subject)]
        pub(super) id: Id,
        #[record(row)]
        pub(super) row: [u8; N],
        #[record(seal)]
        pub(super) value: T,
        #[record(seal)]
        pub(super) maybe: Option<U>,
        #[record(seal(default))]
        pub(super) list: Vec<U>,
        #[record(seal)]
        pub(super) bytes: [u8; N],
        pub(super) clear: &'a str,
    }

    #[derive(Record, Debug, PartialEq)]
    #[record(name = "alone", single_row, sealed(derive(Clone, Debug, PartialEq)))]
    pub(super) struct Alone<'a, Id: fieldseal::ToId + Clone, T: SealValue, const N: usize> {
        #[record(subject)]
        pub(super) id: Id,
        #[record(seal)]
        pub(super) value: T,
        #[record(seal)]
        pub(super) bytes: [u8; N],
        pub(super) clear: &'a str,
    }
}

#[test]
fn parameters_are_carried_along() -> Result<(), Error> {
    use generic::{Alone, Generic, SealedAlone, SealedGeneric, generic as fields};

    let ring = ring();
    let clear = String::from("in the clear");
    let record: Generic<'_, &str, String, u16, 3> = Generic {
        id: "ada",
        row: [1, 2, 3],
        value: "value".into(),
        maybe: Some(500),
        list: vec![7, 8],
        bytes: [9; 3],
        clear: &clear,
    };
    let keys = DataKeys::create(&ring, "ada", [Class::PERSONAL])?;
    let row: SealedGeneric<'_, &str, String, u16, 3> = record.seal_with(&keys)?;
    assert_eq!(row.clone(), row);
    type Fields = fields<'static, &'static str, String, u16, 3>;
    let maybe = Fields::MAYBE.row([1, 2, 3])?.open(&keys, &row.maybe)?;
    assert_eq!(maybe, Some(500));
    assert_eq!(fields::<&str, String, u16, 3>::BYTES.id(), "bytes");
    assert_eq!(Fields::SCHEMA.fields().len(), 4);
    assert_eq!(row.open_with(&keys)?, record);
    assert_eq!(row.open_partial_with(&keys)?.list?, [7, 8]);

    let alone = Alone { id: "ada", value: Some(500_u16), bytes: [9; 3], clear: &clear };
    let row: SealedAlone<'_, &str, Option<u16>, 3> = alone.seal_new(&ring)?;
    assert_eq!(row.clone().open(&ring, "ada")?, alone);
    assert_eq!(row.open_partial(&ring, "ada")?.bytes?, [9; 3]);
    Ok(())
}

//! The derive macros of [fieldseal](https://docs.rs/fieldseal), which re-exports them: depend on that
//! crate, not on this one.

#![forbid(unsafe_code)]

mod errors;
mod generics;
mod list;
mod names;
mod print;
mod record;
mod value;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Its personal fields are sealed before the row is written.
///
/// Beside the struct it makes
///
/// - `SealedCustomer`, the row: the same fields, each sealed one as its column, behind it its terms and its
///   mask, and `keys`, the key envelope. It is a `SealedRecord`;
/// - `PartialCustomer`, what `open_partial` gives: each sealed field and each mask as a `Result`;
/// - `customer`, a type without values that holds the constants: a `Field` of each sealed field
///   (`customer::EMAIL`), an `Index` of each index (`customer::EMAIL_INDEX`), a `Mask` of each mask
///   (`customer::CARD_MASK`), `customer::COLUMNS`, the columns of the row in its order, and
///   `customer::SCHEMA`.
///
/// # On the struct
///
/// | `#[record(…)]` | |
/// |---|---|
/// | `name = "customer"` | required: the stable id of the record. Renaming the struct never breaks data, changing this does |
/// | `single_row` | a subject has one row of the record. Otherwise one field is marked `row` |
/// | `keys = "inline"`, `"external"` | whether rows carry the subject's key envelope (the default) or it is kept elsewhere, which records with many rows a subject need: there is one envelope a subject |
/// | `keys_column = "keys"` | the name of the column that carries it |
/// | `sealed(name = …, derive(…), attr(…))` | the name of the row's struct; derives and attributes for it |
/// | `partial(name = …)` | the name of the struct that `open_partial` gives |
/// | `module = …` | the name of the type that holds the constants |
/// | `index(compound(…), …)` | several fields are found together, see below. Any number |
/// | `rusqlite` | `from_row` and `params` for the row (feature `rusqlite`) |
/// | `crate = "path"` | where fieldseal is re-exported |
///
/// # On a field
///
/// | `#[record(…)]` | |
/// |---|---|
/// | `subject` | required, once: whose record it is. Its type is `ToId` and `Clone` |
/// | `row` | which of the subject's rows it is. Its type is `ToId` and `Clone` |
/// | `seal`, `seal(…)` | sealed. Its type is `SealValue` |
/// | `index(…)` | beside `seal`: what the field is found by, without opening it. Any number |
/// | `mask(…)` | beside `seal`: what of the value is shown to roles that do not open it |
/// | `attr(…)` | attributes for the field of the row's struct |
///
/// A field that is not marked stays in the clear; its type is `Clone`.
///
/// | `seal(…)` | |
/// |---|---|
/// | `class = CONTACT` | a `const Class`; `Class::PERSONAL` by default |
/// | `id = "email"` | the stable id of the field; its name by default. Renaming the field breaks data unless the former name stays here |
/// | `pad = 32` | pads values to the next multiple of as many bytes |
/// | `was = Class::PERSONAL` | opens values of this former class too, a `const Class` |
/// | `default` | NULL opens to the type's default: for a column that was added later |
/// | `hide_null` | seals absence like a value, all padded to `pad` bytes |
/// | `on_erased = none` | opens as `None` what was erased or has expired, which is otherwise an error. Its type is an `Option` |
///
/// # What a field is found by
///
/// | `index(…)` | finds | column, and constant |
/// |---|---|---|
/// | `exact` | equal values | `email_index`, `EMAIL_INDEX` |
/// | `prefix(max = 8)` | what texts begin with, up to so many characters | `surname_prefix`, `SURNAME_PREFIX` |
/// | `words` | the words of texts | `notes_words`, `NOTES_WORDS` |
/// | `range(DOMAIN)` | integers, dates or decimals between two, by a `const Domain` | `birth_date_range`, `BIRTH_DATE_RANGE` |
/// | `compound(surname = NORMALIZER, birth_date)` | equal values of two or three fields; on the struct | from its id: `name_birth_index`, `NAME_BIRTH_INDEX` |
///
/// One of them, and with it
///
/// | `index(…)` | |
/// |---|---|
/// | `normalize = Normalizer::EMAIL` | a `const Normalizer`, which makes spellings of a value equal. Those of a `compound` stand behind its fields |
/// | `cardinality = 1_000_000`, `measured` | how many different values there are: declared, or counted by a test or job of yours. A `range` has that of its domain |
/// | `bits = 16` | cuts terms, so that different values share them: queries find more than was asked for, and `open_matching` takes that out |
/// | `allow_leakage = "why"` | takes an index that tells more than the rule allows |
/// | `lenient` | keeps a text that cannot be normalized, which is found as it was given; otherwise it is refused |
/// | `levels = 8` | of a `range`: keeps the lowest levels only |
/// | `id = "email"` | the stable id of the index: that of the field for `exact`, with `.prefix`, `.words` or `.range` behind it for those, and required for `compound`. Terms depend on it |
/// | `column = "email_index"` | the name of the column, and in upper case of the constant |
/// | `table` | keeps the terms of a `prefix`, `words` or `range` in a table of terms, not in a column: what SQLite needs, which has no arrays |
/// | `attr(…)` | attributes for the field of the row's struct |
///
/// The column of `exact` and `compound` is an `Option<Term>`, that of the others `Terms`. Terms in a table
/// are a field of the row's struct too, but no column: `from_row` leaves them unread, and so does
/// `sqlx::FromRow` with `attr(sqlx(skip))`. A field with an index or a mask is not sealed by itself but
/// updated, with them, and a field of a `compound` only with its whole record. A field cannot both hide its
/// absence and be indexed, as an absent value has no term.
///
/// # What is shown of a field
///
/// | `mask(…)` | shows |
/// |---|---|
/// | `last4` | `•••• 4242` |
/// | `first_letter` | `A••••` |
/// | `email` | `a••••@e••••.com` |
/// | `phone` | `•••• 567` |
/// | `year` | `1815` |
/// | `custom("name", function)` | what a `fn(&str) -> Option<String>` gives, if that is not more than half |
///
/// One of them, and with it
///
/// | `mask(…)` | |
/// |---|---|
/// | `readers = ["support", "billing"]` | the roles that read the masks of the field's class, which are erased with it. The same wherever fields of this class have masks. Name the roles that write the values too, which write the masks |
/// | `class = SHOWN` | instead of that, a class of the masks' own, a `const Class` |
/// | `was = SHOWN` | opens masks of this former class too; the field's `was` brings that of its masks along |
/// | `pad = 32` | pads masks to the next multiple of as many bytes; where the field has `hide_null`, so has its mask, in this length |
/// | `column = "card_mask"` | the name of the column, and in upper case of the constant; `card_mask` and `CARD_MASK` by default |
/// | `attr(…)` | attributes for the field of the row's struct |
///
/// # Views
///
/// A struct may name only some fields of a record: the view a purpose needs. Views have structs and
/// constants of their own and share the record's name. What a field is found by and shown as is the same in
/// each view, or what one writes the other does not find.
#[proc_macro_derive(Record, attributes(record))]
pub fn derive_record(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    record::derive(input).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// It is sealed as its inner value is. It is a struct of one field, whose type is `NotNull`. Where
/// fieldseal is re-exported, say so by `#[seal_value(crate = "path")]`.
#[proc_macro_derive(SealValue, attributes(seal_value))]
pub fn derive_seal_value(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    value::derive(input).unwrap_or_else(|error| error.into_compile_error()).into()
}

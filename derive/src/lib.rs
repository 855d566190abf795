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
/// - `SealedCustomer`, the row: the same fields, each sealed one as its column, and `keys`, the key
///   envelope. It is a `SealedRecord`;
/// - `PartialCustomer`, what `open_partial` gives: each sealed field as a `Result`;
/// - `customer`, a type without values that holds the constants: a `Field` of each sealed field
///   (`customer::EMAIL`), `customer::COLUMNS`, the columns of the row in its order, and
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
/// A struct may name only some fields of a record: the view a purpose needs. Views have structs and
/// constants of their own and share the record's name.
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

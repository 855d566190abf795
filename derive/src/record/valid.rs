//! What the attributes say of a record, checked.

mod companion;
mod field;

use proc_macro2::{Ident, Span, TokenStream};
use quote::format_ident;
use syn::ext::IdentExt as _;
use syn::{
    Data, DeriveInput, Fields, Generics, LitStr, Meta, Path, Result, Token, Visibility,
    parse_quote, punctuated::Punctuated,
};

pub(crate) use self::companion::{Index, Mask, Readers, Shape};
pub(crate) use self::field::{Field, SealedField};

use super::attr::{SealedAttrs, StructAttrs};
use crate::errors::Errors;
use crate::names::{WHAT_A_NAME_IS, identifier, is_name, snake_case};

pub(crate) struct Record {
    pub(crate) krate: Path,
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) name: LitStr,
    pub(crate) subject: Ident,
    /// The field that tells a subject's rows apart; `None` where it has a single row.
    pub(crate) row: Option<Ident>,
    /// The field of the row's struct that carries the key envelope; `None` where it is kept elsewhere.
    pub(crate) keys: Option<Ident>,
    pub(crate) sealed: Ident,
    pub(crate) sealed_derive: Option<TokenStream>,
    pub(crate) sealed_attr: Vec<Meta>,
    pub(crate) partial: Ident,
    pub(crate) module: Ident,
    pub(crate) rusqlite: bool,
    pub(crate) fields: Vec<Field>,
    /// Indexes of several fields.
    pub(crate) compounds: Vec<Index>,
}

pub(crate) fn check(input: DeriveInput) -> Result<Record> {
    let mut errors = Errors::default();
    let mut attrs = StructAttrs::read(&input.attrs, &mut errors);
    let Some(fields) = named_fields(&input, &mut errors) else {
        return errors.or(None);
    };
    let mut fields = field::check(fields, &input.ident, &mut errors);
    let compounds = companion::check(&mut fields, &mut attrs, &mut errors);
    let record = check_struct(input, attrs, fields, compounds, &mut errors);
    errors.or(record)
}

fn named_fields<'a>(
    input: &'a DeriveInput,
    errors: &mut Errors,
) -> Option<&'a Punctuated<syn::Field, Token![,]>> {
    const INSTEAD: &str = "a record is a struct with named fields";
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => return Some(&fields.named),
            Fields::Unnamed(fields) => {
                errors.on(fields, format_args!("{INSTEAD}: give these names"));
            }
            Fields::Unit => errors.on(&input.ident, format_args!("{INSTEAD}: this has none")),
        },
        Data::Enum(data) => errors.on(data.enum_token, format_args!("{INSTEAD}, not an enum")),
        Data::Union(data) => errors.on(data.union_token, format_args!("{INSTEAD}, not a union")),
    }
    None
}

/// `None` only after a mistake.
fn check_struct(
    input: DeriveInput,
    attrs: StructAttrs,
    fields: field::Checked,
    compounds: Vec<Index>,
    errors: &mut Errors,
) -> Option<Record> {
    let ident = input.ident;
    let name = check_name(&ident, &attrs, errors);
    check_rows(&ident, attrs.single_row.as_ref(), fields.row.as_ref(), errors);
    // Where it is said twice, that comes first.
    let many = fields.row.as_ref().filter(|row| {
        attrs.single_row.is_none() && fields.subject.as_ref().is_none_or(|subject| subject != *row)
    });
    let keys = check_keys(attrs.keys, attrs.keys_column, many, errors);
    if let Some(keys) = &keys {
        check_keys_column(keys, &fields.fields, &compounds, errors);
    }
    let sealed_attrs = attrs.sealed.unwrap_or_default();
    let generated = Generated::of(
        &ident,
        &sealed_attrs,
        attrs.partial.and_then(|partial| partial.name),
        attrs.module,
        errors,
    )?;
    Some(Record {
        krate: attrs.krate.unwrap_or_else(|| parse_quote!(::fieldseal)),
        vis: input.vis,
        ident,
        generics: input.generics,
        name: name?,
        subject: fields.subject?,
        row: fields.row,
        keys,
        sealed: generated.sealed,
        sealed_derive: sealed_attrs.derive,
        sealed_attr: sealed_attrs.attr.unwrap_or_default(),
        partial: generated.partial,
        module: generated.module,
        rusqlite: attrs.rusqlite.is_some(),
        fields: fields.fields,
        compounds,
    })
}

fn check_name(ident: &Ident, attrs: &StructAttrs, errors: &mut Errors) -> Option<LitStr> {
    let Some(name) = attrs.name.clone() else {
        if !attrs.name_given {
            errors.on(
                ident,
                format_args!(
                    "give the record its stable id, as in `#[record(name = \"{}\")]`: \
                     renaming the struct never breaks data, changing that does",
                    snake_case(ident)
                ),
            );
        }
        return None;
    };
    if !is_name(&name.value()) {
        errors.on(&name, format_args!("a record's name is {WHAT_A_NAME_IS}"));
    }
    Some(name)
}

fn check_rows(ident: &Ident, single: Option<&Ident>, row: Option<&Ident>, errors: &mut Errors) {
    match (single, row) {
        (Some(_), None) | (None, Some(_)) => {}
        (None, None) => errors.on(
            ident,
            "say how many rows of the record a subject has: `#[record(single_row)]` on the struct \
             if one, `#[record(row)]` on the field that tells its rows apart if many",
        ),
        (Some(single), Some(row)) => errors.on(
            single,
            format_args!(
                "`single_row` says that a subject has one row, and `row` on `{row}` that it has \
                 many: remove one of them"
            ),
        ),
    }
}

/// The column of the key envelope, if it is inline. `many` tells a subject's rows apart.
fn check_keys(
    place: Option<LitStr>,
    column: Option<LitStr>,
    many: Option<&Ident>,
    errors: &mut Errors,
) -> Option<Ident> {
    let inline = match place.as_ref().map(LitStr::value).as_deref() {
        None | Some("inline") => true,
        Some("external") => false,
        Some(_) => {
            errors.on(&place, "write `keys = \"inline\"` or `keys = \"external\"`");
            return None;
        }
    };
    if !inline {
        if column.is_some() {
            errors.on(
                &column,
                "a row with `keys = \"external\"` has no column for the key envelope: remove this",
            );
        }
        return None;
    }
    if let Some(row) = many {
        errors.at(
            place.map_or_else(|| row.span(), |inline| inline.span()),
            "a subject has one key envelope, which its rows share and none can carry: keep it \
             outside by `#[record(keys = \"external\")]` on the struct",
        );
        return None;
    }
    let (name, span) = column.map_or_else(
        || ("keys".to_owned(), Span::call_site()),
        |column| (column.value(), column.span()),
    );
    let Some(keys) = identifier(&name, span) else {
        errors.at(
            span,
            "the column of the key envelope is a field of the row's struct: write an identifier",
        );
        return None;
    };
    Some(keys)
}

fn check_keys_column(keys: &Ident, fields: &[Field], compounds: &[Index], errors: &mut Errors) {
    let name = keys.unraw().to_string();
    if let Some(taken) = fields.iter().find(|field| field.column == name) {
        errors.on(
            &taken.ident,
            format_args!(
                "the column of the key envelope is named `{name}`: rename this field, or that \
                 column by `#[record(keys_column = \"…\")]` on the struct"
            ),
        );
    }
    let seals = || fields.iter().filter_map(|field| field.seal.as_ref());
    let indexes = seals().flat_map(|seal| &seal.indexes).chain(compounds).map(|index| &index.place);
    let masks = seals().filter_map(|seal| seal.mask.as_ref()).map(|mask| &mask.place);
    if let Some(taken) = indexes.chain(masks).find(|place| place.column == name) {
        errors.on(
            &taken.ident,
            format_args!(
                "the column of the key envelope is named `{name}`: name this otherwise by \
                 `column = \"…\"`, or that by `#[record(keys_column = \"…\")]` on the struct"
            ),
        );
    }
}

/// The names of what is generated, which differ from each other.
struct Generated {
    sealed: Ident,
    partial: Ident,
    module: Ident,
}

impl Generated {
    fn of(
        ident: &Ident,
        sealed: &SealedAttrs,
        partial: Option<Ident>,
        module: Option<Ident>,
        errors: &mut Errors,
    ) -> Option<Self> {
        let plain = ident.unraw();
        let sealed = sealed.name.clone();
        let sealed = sealed.unwrap_or_else(|| format_ident!("Sealed{plain}", span = ident.span()));
        let partial =
            partial.unwrap_or_else(|| format_ident!("Partial{plain}", span = ident.span()));
        let module = module.or_else(|| identifier(&snake_case(ident), ident.span()));
        let Some(module) = module else {
            errors.on(
                ident,
                "the type of the constants cannot be named after this: name it by \
                 `#[record(module = …)]`",
            );
            return None;
        };
        let names = [
            (ident, ""),
            (&sealed, "sealed(name = …)"),
            (&partial, "partial(name = …)"),
            (&module, "module = …"),
        ];
        for (position, (name, attribute)) in names.iter().enumerate() {
            if names.iter().take(position).any(|(other, _)| other == name) {
                errors.on(
                    name,
                    format_args!(
                        "`{name}` would be two types: name one of them by `#[record({attribute})]`"
                    ),
                );
            }
        }
        Some(Self { sealed, partial, module })
    }
}

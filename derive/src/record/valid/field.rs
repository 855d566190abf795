//! What the attributes say of the fields, checked.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::punctuated::Punctuated;
use syn::{Attribute, LitStr, Meta, Token, Type, Visibility};

use super::super::attr::{FieldAttrs, IndexAttrs, MaskAttrs, SealAttrs};
use super::companion::{Index, Mask};
use crate::errors::Errors;
use crate::names::{WHAT_A_NAME_IS, constant_name, identifier, is_name};

pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) ty: Type,
    pub(crate) docs: Vec<Attribute>,
    /// For the field of the row's struct.
    pub(crate) attr: Vec<Meta>,
    /// The name, without `r#`.
    pub(crate) column: String,
    pub(crate) seal: Option<SealedField>,
}

pub(crate) struct SealedField {
    pub(crate) constant: Ident,
    pub(crate) class: Option<TokenStream>,
    pub(crate) id: LitStr,
    pub(crate) pad: Option<u16>,
    pub(crate) was: Option<TokenStream>,
    /// Where it says so.
    pub(crate) default: Option<Span>,
    pub(crate) hide_null: bool,
    /// Where it says `none`.
    pub(crate) on_erased: Option<Span>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) mask: Option<Mask>,
}

pub(crate) struct Checked {
    pub(crate) fields: Vec<Field>,
    /// What stands beside each of them, to be checked when all fields are known.
    pub(crate) companions: Vec<(Vec<IndexAttrs>, Option<MaskAttrs>)>,
    pub(crate) subject: Option<Ident>,
    pub(crate) row: Option<Ident>,
}

/// Constants that are there in any case.
pub(super) const RESERVED: [&str; 2] = ["COLUMNS", "SCHEMA"];

pub(crate) fn check(
    fields: &Punctuated<syn::Field, Token![,]>,
    record: &Ident,
    errors: &mut Errors,
) -> Checked {
    let mut checked =
        Checked { fields: Vec::new(), companions: Vec::new(), subject: None, row: None };
    let mut seals = false;
    for field in fields {
        let Some(ident) = &field.ident else { continue };
        let attrs = FieldAttrs::read(&field.attrs, errors);
        check_role(ident, &attrs, &mut checked, errors);
        seals |= attrs.seal.is_some();
        let seal = attrs.seal.map(|seal| check_seal(ident, seal, &checked.fields, errors));
        checked.fields.push(Field {
            ident: ident.clone(),
            vis: field.vis.clone(),
            ty: field.ty.clone(),
            docs: docs(&field.attrs),
            attr: attrs.attr.unwrap_or_default(),
            column: ident.unraw().to_string(),
            seal,
        });
        checked.companions.push((attrs.indexes, attrs.mask));
    }
    if checked.subject.is_none() {
        errors.on(
            record,
            "mark the field with the id of the person (or account) that the record is about by \
             `#[record(subject)]`",
        );
    }
    if !seals {
        errors.on(record, "no field is sealed: mark the personal ones by `#[record(seal)]`");
    }
    checked
}

fn check_role(ident: &Ident, attrs: &FieldAttrs, checked: &mut Checked, errors: &mut Errors) {
    if let (Some(_), Some(row)) = (&attrs.subject, &attrs.row) {
        errors.on(
            row,
            "the subject's id does not tell its rows apart: if it has one row, write \
             `#[record(single_row)]` on the struct instead of this",
        );
    }
    if let (Some(seal), Some(role)) = (&attrs.seal, attrs.subject.as_ref().or(attrs.row.as_ref())) {
        errors.on(
            &seal.word,
            format_args!(
                "the `{role}` id cannot be sealed, as it is needed to open the row: remove this"
            ),
        );
    }
    let roles = [(&attrs.subject, &mut checked.subject), (&attrs.row, &mut checked.row)];
    for (word, first) in roles {
        match (word, &first) {
            (Some(word), Some(first)) => errors.on(
                word,
                format_args!("the `{word}` id is `{first}` already: if it has several parts, use one field of a tuple type"),
            ),
            (Some(_), None) => *first = Some(ident.clone()),
            (None, _) => {}
        }
    }
}

fn check_seal(
    ident: &Ident,
    attrs: SealAttrs,
    before: &[Field],
    errors: &mut Errors,
) -> SealedField {
    let seal = SealedField {
        constant: check_constant(ident, before, errors),
        class: attrs.class,
        id: check_id(ident, attrs.id, before, errors),
        pad: attrs.pad,
        was: attrs.was,
        default: attrs.default,
        hide_null: attrs.hide_null.is_some(),
        on_erased: attrs.on_erased,
        indexes: Vec::new(),
        mask: None,
    };
    if let Some(word) = attrs.hide_null {
        if !attrs.pad_given {
            errors.at(
                word,
                "absence is hidden by one length for all values: give it as well, as in \
                 `seal(hide_null, pad = 32)`",
            );
        }
        if seal.default.is_some() {
            errors.at(
                word,
                "with `hide_null` a NULL is an error, and with `default` it is the type's default: \
                 remove one of them",
            );
        }
        if seal.on_erased.is_some() {
            errors.at(
                word,
                "with `hide_null` absence is authenticated, and with `on_erased` it is not: remove \
                 one of them",
            );
        }
    }
    seal
}

fn check_constant(ident: &Ident, before: &[Field], errors: &mut Errors) -> Ident {
    let name = constant_name(ident);
    let taken = |constant: &Ident| *constant == name;
    if RESERVED.contains(&name.as_str()) {
        errors.on(
            ident,
            format_args!(
                "the constant of this field would be `{name}`, which every record has: rename the \
                 field, and give it its id by `seal(id = \"{ident}\")`"
            ),
        );
    } else if let Some(other) =
        before.iter().find(|field| field.seal.as_ref().is_some_and(|seal| taken(&seal.constant)))
    {
        errors.on(
            ident,
            format_args!(
                "the constant of this field would be `{name}`, as that of `{}`: rename one of them",
                other.ident
            ),
        );
    }
    // Without a first letter that has an upper case the name can still be a keyword.
    identifier(&name, ident.span()).unwrap_or_else(|| ident.clone())
}

fn check_id(ident: &Ident, id: Option<LitStr>, before: &[Field], errors: &mut Errors) -> LitStr {
    let given = id.is_some();
    let id = id.unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
    if !is_name(&id.value()) {
        let message = if given {
            format!("a field's id is {WHAT_A_NAME_IS}")
        } else {
            format!("give the field an id by `seal(id = \"…\")`: {WHAT_A_NAME_IS}")
        };
        errors.at(id.span(), message);
    }
    if let Some(other) = before
        .iter()
        .find(|field| field.seal.as_ref().is_some_and(|seal| seal.id.value() == id.value()))
    {
        errors
            .at(id.span(), format_args!("`{}` is the id of `{}` already", id.value(), other.ident));
    }
    id
}

fn docs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned().collect()
}

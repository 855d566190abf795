//! What the attributes say of indexes and masks, checked.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::{LitInt, LitStr, Meta};

use super::super::attr::{How, IndexAttrs, Kind, MaskAttrs, PlaceAttrs, StructAttrs};
use super::field::{Checked, Field, RESERVED, SealedField};
use crate::errors::Errors;
use crate::list::generated_at;
use crate::names::{WHAT_A_NAME_IS, constant_name, identifier, is_name};
use crate::print::type_text;

pub(crate) struct Index {
    pub(crate) place: Place,
    pub(crate) id: LitStr,
    pub(crate) shape: Shape,
    pub(crate) normalizer: Option<TokenStream>,
    pub(crate) bits: Option<u16>,
    pub(crate) cardinality: Option<u64>,
    pub(crate) measured: bool,
    pub(crate) allow_leakage: Option<LitStr>,
    pub(crate) lenient: bool,
    pub(crate) levels: Option<u8>,
    /// Its terms are in the terms table, and the row has no column of them.
    pub(crate) table: bool,
}

pub(crate) enum Shape {
    Exact,
    Prefix(LitInt),
    Words,
    Range(TokenStream),
    /// Fields of the record, and how each is normalized.
    Compound(Vec<(Ident, Option<TokenStream>)>),
}

pub(crate) struct Mask {
    pub(crate) place: Place,
    pub(crate) how: How,
    pub(crate) readers: Readers,
    pub(crate) was: Option<TokenStream>,
    pub(crate) pad: Option<u16>,
}

/// Who reads a mask.
pub(crate) enum Readers {
    Named(Vec<LitStr>),
    OfClass(TokenStream),
}

/// Where it is kept: a field of the row's struct, and the constant named after that.
pub(crate) struct Place {
    pub(crate) ident: Ident,
    pub(crate) constant: Ident,
    pub(crate) column: String,
    pub(crate) attr: Vec<Meta>,
    /// Where it is declared.
    word: Span,
}

impl Place {
    /// Where generated code of it stands.
    pub(crate) fn span(&self) -> Span {
        generated_at(self.word)
    }
}

impl Shape {
    /// Whether a value has several terms.
    pub(crate) fn is_many(&self) -> bool {
        matches!(self, Self::Prefix(_) | Self::Words | Self::Range(_))
    }

    fn suffix(&self) -> &'static str {
        match self {
            Self::Exact | Self::Compound(_) => "index",
            Self::Prefix(_) => "prefix",
            Self::Words => "words",
            Self::Range(_) => "range",
        }
    }
}

/// The companions of each field, which are added to it, and the indexes of several fields, which are
/// returned.
pub(super) fn check(
    checked: &mut Checked,
    attrs: &mut StructAttrs,
    errors: &mut Errors,
) -> Vec<Index> {
    let mut names = Names::of(&checked.fields);
    let in_sqlite = attrs.rusqlite.is_some();
    for (field, (indexes, mask)) in checked.fields.iter_mut().zip(checked.companions.drain(..)) {
        let Some(mut seal) = field.seal.take() else {
            refuse_in_the_clear(&indexes, mask.as_ref(), errors);
            continue;
        };
        for index in indexes {
            let index = check_index(index, Some((field, &seal)), in_sqlite, &mut names, errors);
            seal.indexes.extend(index);
        }
        seal.mask = mask.and_then(|mask| check_mask(mask, field, &seal, &mut names, errors));
        field.seal = Some(seal);
    }
    let mut compounds = Vec::new();
    for index in attrs.indexes.drain(..) {
        if let Some((_, Kind::Compound(parts))) = &index.kind {
            check_parts(&index, parts, &checked.fields, errors);
        }
        compounds.extend(check_index(index, None, in_sqlite, &mut names, errors));
    }
    compounds
}

fn refuse_in_the_clear(indexes: &[IndexAttrs], mask: Option<&MaskAttrs>, errors: &mut Errors) {
    for index in indexes {
        errors.on(
            &index.word,
            "this index is of a sealed field: write `seal` beside it; what stays in the clear is \
             found by an index of the database",
        );
    }
    if let Some(mask) = mask {
        errors.on(&mask.word, "a mask is of a sealed field: write `seal` beside it");
    }
}

/// `None` only after a mistake.
fn check_index(
    mut attrs: IndexAttrs,
    field: Option<(&Field, &SealedField)>,
    in_sqlite: bool,
    names: &mut Names,
    errors: &mut Errors,
) -> Option<Index> {
    if let Some((field, seal)) = field {
        check_field(&attrs, field, seal, errors);
    }
    let kind = attrs.kind.take();
    check_cardinality(&attrs, kind.as_ref(), errors);
    let (kind, shape) = kind?;
    let shape = match shape {
        Kind::Exact => Shape::Exact,
        Kind::Prefix(max) => Shape::Prefix(max),
        Kind::Words => Shape::Words,
        Kind::Range(domain) => Shape::Range(domain),
        Kind::Compound(parts) => {
            let parts = parts.into_iter().map(|part| (part.field, part.normalizer));
            Shape::Compound(parts.collect())
        }
    };
    check_kind(&attrs, &kind, &shape, in_sqlite, errors);
    let id = names.id(attrs.id, &attrs.word, field, &shape, errors)?;
    let stem = field.map_or_else(|| id.value().replace(['.', '-'], "_"), |of| of.0.column.clone());
    let column = format!("{stem}_{}", shape.suffix());
    Some(Index {
        place: names.place("index", attrs.place, &attrs.word, &column, errors)?,
        id,
        shape,
        normalizer: attrs.normalize.map(|(_, normalizer)| normalizer),
        bits: attrs.bits,
        cardinality: attrs.cardinality.map(|(_, cardinality)| cardinality),
        measured: attrs.measured.is_some(),
        allow_leakage: attrs.allow_leakage,
        lenient: attrs.lenient.is_some(),
        levels: attrs.levels.map(|(_, levels)| levels),
        table: attrs.table.is_some(),
    })
}

fn check_cardinality(attrs: &IndexAttrs, kind: Option<&(Ident, Kind)>, errors: &mut Errors) {
    let declared = attrs.cardinality.as_ref().map(|(word, _)| word);
    if let Some((_, Kind::Range(_))) = kind {
        for word in declared.into_iter().chain(&attrs.measured) {
            errors.on(
                word,
                "the domain of a `range` says how many different values there are: remove this",
            );
        }
    } else if let (Some(declared), Some(_)) = (declared, &attrs.measured) {
        errors.on(
            declared,
            "with `measured` the different values are counted, and with this they are declared: \
             remove one of them",
        );
    } else if kind.is_some()
        && attrs.measured.is_none()
        && !attrs.cardinality_given
        && !attrs.leakage_allowed
    {
        errors.on(
            &attrs.word,
            "say how many different values there are, as in `cardinality = 1_000_000`, or that you \
             measure it, by `measured`: the fewer there are, the more their terms tell",
        );
    }
}

/// What goes not with the kind.
fn check_kind(
    attrs: &IndexAttrs,
    kind: &Ident,
    shape: &Shape,
    in_sqlite: bool,
    errors: &mut Errors,
) {
    match (&attrs.table, shape.is_many()) {
        (Some(table), false) => errors.on(
            table,
            format_args!("`{kind}` has one term a row, which is kept in a column: remove this"),
        ),
        (None, true) if in_sqlite => errors.on(
            kind,
            format_args!(
                "`{kind}` has many terms a row, which a column of SQLite cannot hold: keep them in \
                 the table of terms, as in `index({kind}, table)`"
            ),
        ),
        _ => {}
    }
    if let (Some((levels, _)), false) = (&attrs.levels, matches!(shape, Shape::Range(_))) {
        errors.on(levels, "a `range` has levels, and nothing else does: remove this");
    }
    if let (Some(lenient), Shape::Range(_) | Shape::Compound(_)) = (&attrs.lenient, shape) {
        errors.on(
            lenient,
            format_args!("`{kind}` takes no text that cannot be normalized: remove this"),
        );
    }
    match (&attrs.normalize, shape) {
        (Some((normalize, _)), Shape::Compound(_)) => errors.on(
            normalize,
            "each field is normalized by itself: write how behind it, as in `compound(surname = \
             Normalizer::DIGITS, birth_date)`",
        ),
        (Some((normalize, _)), Shape::Range(_)) => errors.on(
            normalize,
            "a `range` is of integers, dates or decimals, which have one spelling: remove this",
        ),
        _ => {}
    }
}

fn check_field(attrs: &IndexAttrs, field: &Field, seal: &SealedField, errors: &mut Errors) {
    let ty = type_text(&field.ty);
    let is_bool = ty == "bool" || ty == "Option<bool>" || ty.ends_with("::Option<bool>");
    if is_bool && !attrs.leakage_allowed {
        errors.on(
            &attrs.word,
            "the terms of a `bool` are two, and tell it of every row: index it together with other \
             fields by `index(compound(…))` on the struct, or write why that may be known: \
             `allow_leakage = \"…\"`",
        );
    }
    if seal.hide_null {
        errors.on(&attrs.word, SHOWS_ABSENCE);
    }
}

fn check_parts(
    index: &IndexAttrs,
    parts: &[super::super::attr::Part],
    fields: &[Field],
    errors: &mut Errors,
) {
    if !(2..=3).contains(&parts.len()) {
        errors.on(
            &index.word,
            "name two or three fields, as in `compound(name, birth_date)`: an index of one stands \
             on it",
        );
    }
    for part in parts {
        let name = &part.field;
        let Some(field) = fields.iter().find(|field| name.unraw() == field.column) else {
            errors.on(name, format_args!("the struct has no field `{name}`"));
            continue;
        };
        match &field.seal {
            None => errors.on(name, format_args!("`{name}` is not sealed: mark it by `seal`")),
            Some(seal) if seal.hide_null => errors.on(name, SHOWS_ABSENCE),
            Some(_) => {}
        }
    }
}

/// `None` only after a mistake.
fn check_mask(
    attrs: MaskAttrs,
    field: &Field,
    seal: &SealedField,
    names: &mut Names,
    errors: &mut Errors,
) -> Option<Mask> {
    let word = attrs.word;
    if let (true, Some((pad, ..=12))) = (seal.hide_null, &attrs.pad) {
        errors.on(
            pad,
            "the field hides absence, and so does its mask, in 13 bytes at least: write `pad = 32`, \
             or remove this",
        );
    }
    let readers = match (attrs.readers, attrs.class) {
        (Some((readers, _)), Some(_)) => {
            errors.on(
                readers,
                "a class of the mask's own names its readers already: remove this, or `class`",
            );
            None
        }
        (Some((_, readers)), None) => {
            for reader in readers.iter().filter(|reader| !is_name(&reader.value())) {
                errors.on(reader, format_args!("a role's name is {WHAT_A_NAME_IS}"));
            }
            Some(Readers::Named(readers))
        }
        (None, Some((_, class))) => Some(Readers::OfClass(class)),
        (None, None) => {
            if !attrs.readers_given {
                errors.on(
                    &word,
                    "say who reads the mask, as in `readers = [\"support\"]`, or give it a class \
                     of its own, by `class = …`",
                );
            }
            None
        }
    };
    let column = format!("{}_mask", field.column);
    let place = names.place("mask", attrs.place, &word, &column, errors);
    Some(Mask {
        place: place?,
        how: attrs.how?.1,
        readers: readers?,
        was: attrs.was,
        pad: attrs.pad.map(|(_, pad)| pad),
    })
}

/// The names that are taken, each with what it is the name of.
struct Names {
    columns: Vec<(String, String)>,
    constants: Vec<(String, String)>,
    ids: Vec<(String, String)>,
}

impl Names {
    fn of(fields: &[Field]) -> Self {
        let whose = |field: &Field| format!("`{}`", field.ident);
        let columns = fields.iter().map(|field| (field.column.clone(), whose(field)));
        let constants = fields.iter().filter_map(|field| {
            Some((field.seal.as_ref()?.constant.unraw().to_string(), whose(field)))
        });
        Self { columns: columns.collect(), constants: constants.collect(), ids: Vec::new() }
    }

    /// `None` only after a mistake.
    fn id(
        &mut self,
        given: Option<LitStr>,
        word: &Ident,
        field: Option<(&Field, &SealedField)>,
        shape: &Shape,
        errors: &mut Errors,
    ) -> Option<LitStr> {
        let of_field = |(_, seal): (&Field, &SealedField)| {
            let mut id = seal.id.value();
            if shape.is_many() {
                id.push('.');
                id.push_str(shape.suffix());
            }
            LitStr::new(&id, word.span())
        };
        let is_given = given.is_some();
        let Some(id) = given.or_else(|| field.map(of_field)) else {
            errors.on(
                word,
                "give the index its stable id, as in `id = \"name_birth\"`: its terms depend on it",
            );
            return None;
        };
        let whose = field.map_or_else(|| "the struct".to_owned(), |of| format!("`{}`", of.0.ident));
        if !is_name(&id.value()) {
            let message = if is_given {
                format!("an index's id is {WHAT_A_NAME_IS}")
            } else {
                format!("give the index an id by `id = \"…\"`: {WHAT_A_NAME_IS}")
            };
            errors.at(id.span(), message);
        } else if let Some((_, other)) = self.ids.iter().find(|(taken, _)| *taken == id.value()) {
            errors.at(
                id.span(),
                format_args!(
                    "`{}` is the id of an index on {other} already: give this one another, by `id \
                     = \"…\"`",
                    id.value()
                ),
            );
        } else {
            self.ids.push((id.value(), whose));
        }
        Some(id)
    }

    /// `None` only after a mistake.
    fn place(
        &mut self,
        what: &str,
        attrs: PlaceAttrs,
        word: &Ident,
        default: &str,
        errors: &mut Errors,
    ) -> Option<Place> {
        let span = attrs.column.as_ref().map_or_else(|| word.span(), LitStr::span);
        let column = attrs.column.map_or_else(|| default.to_owned(), |column| column.value());
        let Some(ident) = identifier(&column, span) else {
            errors.at(
                span,
                format_args!(
                    "the column of the {what} is a field of the row's struct: write an identifier"
                ),
            );
            return None;
        };
        let constant = constant_name(&ident);
        if let Some((_, other)) = self.columns.iter().find(|(taken, _)| *taken == column) {
            errors.at(
                span,
                format_args!(
                    "the column of this {what} would be `{column}`, as that of {other}: name it by \
                     `column = \"…\"`"
                ),
            );
        } else if RESERVED.contains(&constant.as_str()) {
            errors.at(
                span,
                format_args!(
                    "the constant of this {what} would be `{constant}`, which every record has: \
                     name its column otherwise"
                ),
            );
        } else if let Some((_, other)) = self.constants.iter().find(|(taken, _)| *taken == constant)
        {
            errors.at(
                span,
                format_args!(
                    "the constant of this {what} would be `{constant}`, as that of {other}: name \
                     its column otherwise, by `column = \"…\"`"
                ),
            );
        }
        let whose = format!("another {}", if what == "mask" { "mask" } else { "index" });
        self.columns.push((column.clone(), whose.clone()));
        self.constants.push((constant.clone(), whose));
        Some(Place {
            constant: identifier(&constant, span).unwrap_or_else(|| ident.clone()),
            ident,
            column,
            attr: attrs.attr.unwrap_or_default(),
            word: word.span(),
        })
    }
}

const SHOWS_ABSENCE: &str = "an absent value has no term, so an index shows what `hide_null` hides: \
                             remove one of them";

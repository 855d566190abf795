//! Schemas that are read at run time and own what they declare.
#![allow(clippy::mem_forget, reason = "the macro of `self_cell`, which frees all on drop")]

mod node;
mod read;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use self_cell::self_cell;

use self::node::wrong;
use self::read::{
    Parsed, ParsedClass, ParsedCompanion, ParsedField, ParsedIndex, ParsedMask, ParsedShape,
    ParsedWhat, read,
};
use super::catalog::check_index_ids;
use super::{Compound, FieldSchema, Schema};
use crate::cbor::ValueKind;
use crate::class::{Class, ToClasses};
use crate::error::Error;
use crate::field::{Companion, MaskSpec, Masking, What};
use crate::index::{IndexSpec, Normalizer, Shape};

/// The custom normalizers and masks that a schema may name. A document has their names only, and their functions
/// are the application's.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Custom<'c> {
    /// Normalizers made by [`Normalizer::custom`](crate::index::Normalizer::custom).
    pub normalizers: &'c [Normalizer],
    /// Masks made by [`Masking::custom`](crate::field::Masking::custom).
    pub maskings: &'c [Masking],
}

impl<'c> Custom<'c> {
    /// These normalizers and masks.
    pub const fn new(normalizers: &'c [Normalizer], maskings: &'c [Masking]) -> Self {
        Self { normalizers, maskings }
    }
}

/// Lists of names, for declarations to refer to.
struct Lists<'a>(Vec<Box<[&'a str]>>);

/// The companions of each field, and after them those of the compound indexes, one each.
struct Companions<'a>(Vec<Box<[Companion<'a>]>>);

struct Fields<'a> {
    fields: Box<[FieldSchema<'a>]>,
    compounds: Box<[Compound<'a>]>,
}

// Each refers to what the one before it owns.
self_cell!(
    struct WithLists {
        owner: Parsed,
        #[covariant]
        dependent: Lists,
    }
);
self_cell!(
    struct WithCompanions {
        owner: WithLists,
        #[covariant]
        dependent: Companions,
    }
);
self_cell!(
    struct WithFields {
        owner: WithCompanions,
        #[covariant]
        dependent: Fields,
    }
);
self_cell!(
    struct WithSchema {
        owner: WithFields,
        #[covariant]
        dependent: Schema,
    }
);

/// A schema that is read at run time from the JSON of `docs/SCHEMA.md`, and owns what it declares. Dropping it frees
/// its memory.
///
/// [`schema`](Self::schema) returns the [`Schema`] that all calls take. It is checked as a constant is, and what is
/// sealed by it opens by the constant, and the other way round.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use fieldseal::record::OwnedSchema;
/// use fieldseal::Record;
///
/// #[derive(Record)]
/// #[record(name = "customer", single_row)]
/// struct Customer {
///     #[record(subject)]
///     id: i64,
///     #[record(seal)]
///     email: String,
/// }
///
/// let json = Customer::SCHEMA.to_json();
/// let read = OwnedSchema::from_json(&json)?;
/// assert_eq!(read.schema(), Customer::SCHEMA);
///
/// let error = OwnedSchema::from_json(&json.replace("\"pad\":16", "\"pad\":70000")).unwrap_err();
/// assert!(error.to_string().contains("fields[0].pad"));
/// # }
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub struct OwnedSchema(WithSchema);

impl OwnedSchema {
    /// Reads a schema that names no custom normalizers and masks.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration), naming the path in the document, for what is not such a
    /// document, and for a declaration that would not compile as a constant; [`Unsupported`](crate::ErrorKind::Unsupported)
    /// for another version.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        Self::from_json_with(json, Custom::default())
    }

    /// Reads a schema that may name these custom normalizers and masks.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_json_with(json: &str, custom: Custom<'_>) -> Result<Self, Error> {
        let lists = WithLists::new(read(json, custom)?, |parsed| {
            Lists(parsed.lists.iter().map(|list| lend(list)).collect())
        });
        let companions = WithCompanions::new(lists, |from| {
            let parsed = from.borrow_owner();
            let fields =
                parsed.fields.iter().map(|field| companions_of(from, &field.id, &field.companions));
            let compounds = parsed
                .compounds
                .iter()
                .map(|(compound, _)| companions_of(from, "", core::slice::from_ref(compound)));
            Companions(fields.chain(compounds).collect())
        });
        let fields = WithFields::try_new(companions, fields)?;
        WithSchema::try_new(fields, schema).map(Self)
    }

    /// The schema, which borrows from this value.
    pub fn schema(&self) -> &Schema<'_> {
        self.0.borrow_dependent()
    }
}

fn lend(list: &[String]) -> Box<[&str]> {
    list.iter().map(String::as_str).collect()
}

fn class<'a>(from: &'a WithLists, class: &'a ParsedClass) -> Class<'a> {
    Class::of_parts(
        &class.name,
        list(from, class.readers),
        list(from, class.with_consent),
        class.retain_days,
        class.period_days,
    )
}

fn list(from: &WithLists, at: usize) -> &[&str] {
    from.borrow_dependent().0.get(at).map(|list| &**list).unwrap_or_default()
}

fn companions_of<'a>(
    from: &'a WithLists,
    field: &'a str,
    companions: &'a [ParsedCompanion],
) -> Box<[Companion<'a>]> {
    let record = from.borrow_owner().record.as_str();
    let companion = |companion: &'a ParsedCompanion| Companion {
        column: companion.column.as_deref(),
        what: match &companion.what {
            ParsedWhat::Index(index) => What::Index(index_of(record, index)),
            ParsedWhat::Mask(mask) => What::Mask(mask_of(from, (record, field), mask)),
        },
    };
    companions.iter().map(companion).collect()
}

fn index_of<'a>(record: &'a str, index: &'a ParsedIndex) -> IndexSpec<'a> {
    let shape = match &index.shape {
        ParsedShape::Exact => Shape::Exact,
        ParsedShape::Compound(parts) => Shape::Compound(parts),
        ParsedShape::Prefix(most) => Shape::Prefix(*most),
        ParsedShape::Words => Shape::Words,
        ParsedShape::Range(domain, levels) => Shape::Range(*domain, *levels),
    };
    IndexSpec {
        normalizer: index.normalizer,
        bits: index.bits,
        cardinality: index.cardinality,
        allow_leakage: index.allow_leakage.as_deref(),
        lenient: index.lenient,
        ..IndexSpec::new(record, &index.id, index.kind, shape)
    }
}

fn mask_of<'a>(
    from: &'a WithLists,
    names: (&'a str, &'a str),
    mask: &'a ParsedMask,
) -> MaskSpec<'a> {
    let classes = (class(from, &mask.class), mask.was.as_ref().map(|was| class(from, was)));
    MaskSpec::of_parts(names, classes, mask.pad, mask.hide_null, mask.shows)
}

fn fields(from: &WithCompanions) -> Result<Fields<'_>, Error> {
    let lists = from.borrow_owner();
    let parsed = lists.borrow_owner();
    let companions = &from.borrow_dependent().0;
    let of = |at: usize| companions.get(at).map(|of| &**of).unwrap_or_default();
    let mut fields = Vec::with_capacity(parsed.fields.len());
    for (at, parsed) in parsed.fields.iter().enumerate() {
        let field = field_of(lists, parsed, of(at));
        let spec = field.spec(&lists.borrow_owner().record);
        // `[SC-7]`
        spec.lint(field.kind, field.optional).map_err(|(companion, why)| match companion {
            Some(companion) => wrong(&format!("fields[{at}].companions[{companion}]"), why),
            None => wrong(&format!("fields[{at}]"), why),
        })?;
        fields.push(field);
    }
    let mut compounds = Vec::with_capacity(parsed.compounds.len());
    for (at, (_, parts)) in parsed.compounds.iter().enumerate() {
        let companion = of(parsed.fields.len().saturating_add(at)).first();
        let parts = list(lists, *parts);
        let compound = companion.map(|companion| Compound { companion: *companion, parts });
        let checked = compound.ok_or("is missing").and_then(|compound| {
            check_compound(&compound, &fields)?;
            Ok(compound)
        });
        compounds.push(checked.map_err(|why| wrong(&format!("compounds[{at}]"), why))?);
    }
    Ok(Fields { fields: fields.into(), compounds: compounds.into() })
}

fn field_of<'a>(
    from: &'a WithLists,
    field: &'a ParsedField,
    companions: &'a [Companion<'a>],
) -> FieldSchema<'a> {
    FieldSchema {
        id: &field.id,
        column: &field.column,
        rust_type: &field.rust_type,
        kind: field.kind,
        limit: field.limit,
        optional: field.optional,
        class: class(from, &field.class),
        was: field.was.as_ref().map(|was| class(from, was)),
        pad: field.pad,
        hide_null: field.hide_null,
        none_on_erased: field.none_on_erased,
        companions,
    }
}

/// `[SC-8]` What is wrong with a compound index of these fields.
fn check_compound(compound: &Compound<'_>, fields: &[FieldSchema<'_>]) -> Result<(), &'static str> {
    compound.companion.lint_compound()?;
    let normalizers = match &compound.companion.what {
        What::Index(IndexSpec { shape: Shape::Compound(parts), .. }) => *parts,
        _ => return Err("is not of the shape `compound`"),
    };
    if compound.companion.column.is_none() {
        return Err("the one term of a compound index needs a column");
    }
    if normalizers.len() != compound.parts.len() {
        return Err("has not one normalizer for each part");
    }
    for (position, (id, normalizer)) in compound.parts.iter().zip(normalizers).enumerate() {
        if compound.parts.iter().take(position).any(|earlier| earlier == id) {
            return Err("names a part twice");
        }
        let field = fields.iter().find(|field| field.id == *id);
        let field = field.ok_or("has a part that is not a field of the record")?;
        if field.hide_null {
            return Err("an index shows where there is no value, which a part hides");
        }
        if matches!(field.kind, ValueKind::Float | ValueKind::Parts) {
            return Err("a float, list or structure cannot be part of a compound index");
        }
        if !normalizer.is_none() && !matches!(field.kind, ValueKind::Text | ValueKind::Unknown) {
            return Err("only a text part has a normalizer");
        }
    }
    Ok(())
}

fn schema(from: &WithFields) -> Result<Schema<'_>, Error> {
    let Fields { fields, compounds } = from.borrow_dependent();
    let lists = from.borrow_owner().borrow_owner();
    let parsed = lists.borrow_owner();
    let columns = list(lists, parsed.columns);
    let schema = Schema::of_parts(
        &parsed.record,
        (parsed.rows, parsed.keys),
        (columns, fields, compounds, list(lists, parsed.field_ids)),
    );
    schema.lint().map_err(|why| wrong("the document", why))?;
    check_index_ids(&schema, &schema)?;
    // `[SC-5]`
    let sealed = fields.iter().map(|field| field.column);
    let sealed: Vec<&str> = sealed.chain(schema.companion_columns()).collect();
    let mut rest = sealed.as_slice();
    while let [column, later @ ..] = rest {
        if later.contains(column) {
            return Err(wrong("the document", "two values, terms or masks are in one column"));
        }
        rest = later;
    }
    Ok(schema)
}

impl PartialEq for OwnedSchema {
    fn eq(&self, other: &Self) -> bool {
        self.schema() == other.schema()
    }
}

impl Eq for OwnedSchema {}

impl fmt::Debug for OwnedSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.schema().fmt(f)
    }
}

impl ToClasses for OwnedSchema {
    fn to_classes(&self) -> Vec<Class<'_>> {
        self.schema().to_classes()
    }

    fn to_declared(&self) -> Vec<Class<'_>> {
        self.schema().to_declared()
    }
}

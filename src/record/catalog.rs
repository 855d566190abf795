//! The schemas of an application, checked against each other.

use alloc::format;
use alloc::vec::Vec;

use super::schema::{FieldSchema, KeysPlace, Schema, each_once};
use crate::class::{Class, ToClasses};
use crate::error::Error;

/// The schemas of an application, which agree with each other.
///
/// ```
/// use fieldseal::Catalog;
/// # #[cfg(feature = "derive")] {
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
/// let catalog = Catalog::new(&[Customer::SCHEMA])?;
/// assert_eq!(catalog.schemas()[0].fields()[0].id, "email");
/// # }
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Catalog<'a> {
    schemas: Vec<&'a Schema<'a>>,
}

impl<'a> Catalog<'a> {
    /// Takes the schemas of all records and of their views.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration), naming what they disagree on: one class name
    /// with two meanings, or one field of a record declared in two ways, be it by what it is found by or
    /// shown as; or two records that keep the subject's key envelope in their rows, where there can be one
    /// only.
    pub fn new(schemas: &[&'a Schema<'a>]) -> Result<Self, Error> {
        let mut seen: Vec<(&Schema<'_>, &FieldSchema<'_>)> = Vec::new();
        for schema in schemas {
            let inline = |other: &&&Schema<'_>| {
                other.record() != schema.record()
                    && (other.keys(), schema.keys()) == (KeysPlace::Inline, KeysPlace::Inline)
            };
            if let Some(other) = schemas.iter().find(inline) {
                return Err(Error::declaration(format!(
                    "records `{}` and `{}` both keep key envelopes in their rows, and a subject has one: declare \
                     keys = \"external\", or give them subjects of other tenants",
                    schema.record(),
                    other.record()
                )));
            }
            for other in schemas.iter().filter(|other| other.record() == schema.record()) {
                check_compounds(schema, other)?;
                check_index_ids(schema, other)?;
            }
            for field in schema.fields() {
                for (other_schema, other) in &seen {
                    check_pair((schema, field), (other_schema, other))?;
                }
                seen.push((schema, field));
            }
        }
        Ok(Self { schemas: schemas.to_vec() })
    }

    /// The schemas.
    pub fn schemas(&self) -> &[&'a Schema<'a>] {
        &self.schemas
    }
}

impl ToClasses for Catalog<'_> {
    fn to_classes(&self) -> Vec<Class<'_>> {
        each_once(self.schemas.iter().flat_map(|schema| schema.classes()))
    }

    fn to_declared(&self) -> Vec<Class<'_>> {
        each_once(self.schemas.iter().flat_map(|schema| schema.declared_classes()))
    }
}

/// Who writes a part of a compound index writes the index.
fn check_compounds(schema: &Schema<'_>, other: &Schema<'_>) -> Result<(), Error> {
    for index in other.compounds().iter().filter(|index| !schema.compounds().contains(index)) {
        if let Some(part) = schema.fields().iter().find(|field| index.parts.contains(&field.id)) {
            return Err(Error::declaration(format!(
                "a view of record `{}` has field `{}` without the compound index `{}` that it is part of: declare \
                 the same index in each, or leave the field out",
                schema.record(),
                part.id,
                index.companion.index_id().unwrap_or_default()
            )));
        }
    }
    Ok(())
}

/// `[IX-13]` An index is of the same fields in every view: terms of two fields under one id would be equal, and
/// in a table those of one would take the place of the other's.
pub(super) fn check_index_ids(schema: &Schema<'_>, other: &Schema<'_>) -> Result<(), Error> {
    for (id, fields) in schema.indexes() {
        if let Some((_, others)) = other.indexes().find(|(taken, of)| *taken == id && *of != fields)
        {
            return Err(Error::declaration(format!(
                "views of record `{}` have index `{id}` on `{}` and on `{}`: give one of them another id",
                schema.record(),
                fields.join(", "),
                others.join(", ")
            )));
        }
    }
    Ok(())
}

fn check_pair(
    (schema, field): (&Schema<'_>, &FieldSchema<'_>),
    (other, its): (&Schema<'_>, &FieldSchema<'_>),
) -> Result<(), Error> {
    if let Some(class) = field.contradiction(its) {
        return Err(Error::declaration(format!(
            "class `{class}` has one meaning in {}.{} and another in {}.{}: declare it once and share the constant",
            schema.record(),
            field.id,
            other.record(),
            its.id
        )));
    }
    if schema.record() != other.record() {
        return Ok(());
    }
    if schema.rows() != other.rows() {
        return Err(Error::declaration(format!(
            "record `{}` has a single row per subject in one view and many in another",
            schema.record()
        )));
    }
    let same = (field.class.name(), field.was, field.pad, field.hide_null, field.companions)
        == (its.class.name(), its.was, its.pad, its.hide_null, its.companions);
    if field.id == its.id && !same {
        return Err(Error::declaration(format!(
            "views of record `{}` declare field `{}` with another class, padding or absence, or with other \
             indexes or masks",
            schema.record(),
            field.id
        )));
    }
    Ok(())
}

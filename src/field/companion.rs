//! What is written with a sealed value: the terms it is found by, and its mask.

use alloc::vec::Vec;
use core::fmt;

use super::Spec;
use super::column::{Column as _, Sealed};
use super::index::{Index, ManyTerms, OneTerm};
use super::mask::{Mask, MaskSpec, Masked};
use super::value::SealValue;
use crate::cbor::ValueKind;
use crate::class::Class;
use crate::context::{RowId, equal};
use crate::envelope::sealed::Sealing;
use crate::error::Error;
use crate::index::{IndexSpec, Shape, Term, Terms};

/// A field whose value is written alone.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a marker")]
pub struct ValueOnly;

/// A field whose terms and mask are written with its value, which is not sealed without them.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a marker")]
pub struct WithCompanions;

/// A field that is part of a compound index, and so is written with its whole record only.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a marker")]
pub struct InCompound;

/// A column that is written with that of a sealed field, so that they are never out of step: the terms
/// of an index, or a mask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Companion<'a> {
    pub(crate) column: Option<&'a str>,
    pub(crate) what: What<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
pub(crate) enum What<'a> {
    Index(IndexSpec<'a>),
    Mask(MaskSpec<'a>),
}

impl<'a> Companion<'a> {
    /// The terms of an index, in a column of the row.
    pub const fn index<T, K>(index: &Index<T, K>, column: &'a str) -> Self {
        Self { column: Some(column), what: What::Index(index.spec()) }
    }

    /// The terms of an index, in a table of terms.
    pub const fn in_table<T>(index: &Index<T, ManyTerms>) -> Self {
        Self { column: None, what: What::Index(index.spec()) }
    }

    /// A mask, in a column of the row.
    pub const fn mask<T, R>(mask: &Mask<T, R>, column: &'a str) -> Self {
        Self { column: Some(column), what: What::Mask(mask.spec()) }
    }

    /// The column; `None` for terms that are in a table of their own.
    pub const fn column(&self) -> Option<&'a str> {
        self.column
    }

    /// The column, or the table that the terms are in.
    #[cfg(feature = "file")]
    pub(crate) fn place(&self) -> &'a str {
        self.column.unwrap_or("fieldseal_terms")
    }

    /// The stable id of the index; `None` for a mask.
    pub const fn index_id(&self) -> Option<&'a str> {
        match &self.what {
            What::Index(spec) => Some(spec.id),
            What::Mask(_) => None,
        }
    }

    /// The class of the mask; `None` for an index.
    pub const fn mask_class(&self) -> Option<Class<'a>> {
        match &self.what {
            What::Index(_) => None,
            What::Mask(mask) => Some(mask.spec().class),
        }
    }

    /// The former class of the mask.
    pub(crate) const fn mask_was(&self) -> Option<Class<'a>> {
        match &self.what {
            What::Index(_) => None,
            What::Mask(mask) => mask.spec().was,
        }
    }

    /// What stands against it beside a field of such values.
    pub(super) const fn lint_kind(&self, kind: ValueKind) -> Result<(), &'static str> {
        match &self.what {
            What::Index(spec) => spec.lint_kind(kind),
            What::Mask(mask) => mask.lint_kind(kind),
        }
    }

    /// What stands against its place: only what has many terms is in a table, and compound indexes are of records.
    #[cfg(feature = "schema")]
    pub(crate) const fn lint_place(&self) -> Result<(), &'static str> {
        match &self.what {
            What::Index(spec) if matches!(spec.shape, Shape::Compound(_)) => {
                Err("a compound index is declared in `compounds`")
            }
            What::Index(spec) if self.column.is_none() && matches!(spec.shape, Shape::Exact) => {
                Err("the one term of an exact index needs a column")
            }
            What::Mask(_) if self.column.is_none() => Err("a mask needs a column"),
            What::Mask(mask) => mask.lint_was(),
            What::Index(_) => Ok(()),
        }
    }

    /// What stands against it as an index of several fields.
    pub(crate) const fn lint_compound(&self) -> Result<(), &'static str> {
        match &self.what {
            What::Index(spec) => spec.lint(),
            What::Mask(_) => Err("a mask is of one field"),
        }
    }

    /// What stands against it beside this field.
    pub(super) const fn lint(&self, field: &Spec<'_>) -> Result<(), &'static str> {
        match &self.what {
            What::Index(spec) if !equal(spec.record, field.record) => {
                Err("the index is of another record")
            }
            What::Index(_) if field.hide_null => {
                Err("an index shows where there is no value, which this field hides")
            }
            What::Index(spec) => spec.lint(),
            What::Mask(mask) => mask.lint(field),
        }
    }
}

/// The columns that hold a value and what goes with it, to be written in one statement, and its terms for a
/// table of terms, to be written in the same transaction
/// ([`SqliteTermsTable::write`](https://docs.rs/fieldseal/latest/fieldseal/struct.SqliteTermsTable.html#method.write)).
#[non_exhaustive]
pub struct Update<'a, T: SealValue> {
    /// The column of the value.
    pub value: T::Column,
    /// The column of its mask; `None` where the field has none, or the value is absent.
    pub mask: Option<Sealed<Masked>>,
    mask_column: Option<&'a str>,
    column: &'a str,
    record: &'a str,
    terms: Vec<Made<'a>>,
}

/// The terms of one index.
struct Made<'a> {
    id: &'a str,
    column: Option<&'a str>,
    /// One or none, or many.
    terms: Result<Option<Term>, Terms>,
}

/// What one column is set to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ColumnValue<'a> {
    /// NULL.
    Null,
    /// A sealed value, a mask or a term.
    Bytes(&'a [u8]),
    /// An array of terms.
    Terms(&'a [Term]),
}

impl<'a, T: SealValue> Update<'a, T> {
    /// Seals a value and its mask, and makes its terms.
    pub(super) fn make(
        spec: &Spec<'a>,
        row: &RowId,
        sealing: &mut Sealing<'_>,
        value: &T,
    ) -> Result<Self, Error> {
        let keys = sealing.keys();
        let column = spec.seal_among(row, sealing, value).map_err(|error| spec.locate(error))?;
        let (mut mask, mut mask_column, mut terms) = (None, None, Vec::new());
        for companion in spec.companions {
            match &companion.what {
                What::Mask(of) => {
                    let sealed = of.seal_among(row, sealing, value);
                    mask = sealed.map_err(|error| of.locate(error))?.map(Sealed::from_bytes);
                    mask_column = companion.column;
                }
                What::Index(index) => {
                    let made = super::index::terms::<T, T>(index, keys, value)?;
                    let made = match index.shape {
                        Shape::Exact | Shape::Compound(_) => Ok(made.into_iter().next()),
                        Shape::Prefix(_) | Shape::Words | Shape::Range(..) => {
                            Err(Terms::from_terms(made))
                        }
                    };
                    terms.push(Made { id: index.id, column: companion.column, terms: made });
                }
            }
        }
        let (record, own) = (spec.record, spec.column.unwrap_or(spec.id));
        Ok(Self { value: column, mask, mask_column, column: own, record, terms })
    }

    /// The term of an index of the field; `None` where the value is absent, and for an index of another
    /// field.
    pub fn term(&self, index: &Index<T, OneTerm>) -> Option<&Term> {
        match &self.of(index)?.terms {
            Ok(term) => term.as_ref(),
            Err(_) => None,
        }
    }

    /// The terms of an index of the field; `None` for an index of another field.
    pub fn terms(&self, index: &Index<T, ManyTerms>) -> Option<&Terms> {
        self.of(index)?.terms.as_ref().err()
    }

    fn of<K>(&self, index: &Index<T, K>) -> Option<&Made<'a>> {
        if index.record() != self.record {
            return None;
        }
        self.terms.iter().find(|made| made.id == index.id())
    }

    /// The columns to set, each with its value: that of the field, those of its terms and of its mask. Terms that
    /// are kept in a table are not among them: write the update there too.
    pub fn columns(&self) -> Vec<(&'a str, ColumnValue<'_>)> {
        let bytes = |bytes: Option<_>| bytes.map_or(ColumnValue::Null, ColumnValue::Bytes);
        let mut columns = Vec::with_capacity(self.terms.len().saturating_add(2));
        columns.push((self.column, bytes(self.value.bytes())));
        if let Some(column) = self.mask_column {
            columns.push((column, bytes(self.mask.as_ref().map(Sealed::as_bytes))));
        }
        for made in &self.terms {
            let Some(column) = made.column else { continue };
            let value = match &made.terms {
                Ok(term) => bytes(term.as_ref().map(Term::as_bytes)),
                Err(terms) => ColumnValue::Terms(terms.as_slice().unwrap_or_default()),
            };
            columns.push((column, value));
        }
        columns
    }

    /// The record, and the terms that are kept in a table, by the ids of their indexes.
    #[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite"))]
    pub(crate) fn table_terms(&self) -> (&'a str, Vec<(&'a str, &Terms)>) {
        let in_table = |made: &Made| made.column.is_none();
        let terms = self.terms.iter().filter(|made| in_table(made));
        (
            self.record,
            terms.filter_map(|made| Some((made.id, made.terms.as_ref().err()?))).collect(),
        )
    }
}

impl<T: SealValue<Column: fmt::Debug>> fmt::Debug for Update<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Update");
        shown.field("value", &self.value).field("mask", &self.mask);
        for made in &self.terms {
            shown.field(made.id, &made.terms);
        }
        shown.finish()
    }
}

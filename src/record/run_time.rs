//! Sealing, opening and finding by a schema instead of by a struct.

use alloc::vec::Vec;
use core::fmt;

use super::{Rows, Schema};
use crate::cbor::ValueKind;
use crate::context::RowId;
use crate::envelope::DataKeys;
use crate::envelope::sealed::Sealing;
use crate::error::Error;
use crate::field::{ColumnValue, DynamicField, DynamicIndex, Update, Value, What, terms};
#[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite"))]
use crate::index::Terms;
use crate::index::{IndexSpec, Term};
use crate::random::CallRng;

impl<'a> Schema<'a> {
    /// The field of this id, for values whose types are known at run time only.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) when the record has no such field.
    pub fn dynamic_field(&self, id: &str) -> Result<DynamicField<'a>, Error> {
        let field = self.field(id).ok_or_else(|| self.unknown("field", id))?;
        let in_compound = self.compounds().iter().any(|index| index.parts.contains(&field.id));
        Ok(DynamicField::new(
            field.spec(self.record()),
            (field.kind, field.limit, field.optional),
            self.rows() == Rows::Many,
            in_compound,
        ))
    }

    /// The index of this id, for values whose types are known at run time only.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) when the record has no such index.
    pub fn dynamic_index(&self, id: &str) -> Result<DynamicIndex<'a>, Error> {
        for field in self.fields() {
            let specs = field.companions.iter().filter_map(|companion| index(&companion.what));
            if let Some(spec) = specs.into_iter().find(|spec| spec.id == id) {
                return Ok(DynamicIndex::new(*spec, alloc::vec![field.kind]));
            }
        }
        let compounds = self.compounds().iter();
        let mut found = compounds.filter_map(|of| Some((index(&of.companion.what)?, of.parts)));
        let (spec, parts) =
            found.find(|(spec, _)| spec.id == id).ok_or_else(|| self.unknown("index", id))?;
        let kind = |id: &&str| self.field(id).map_or(ValueKind::Unknown, |field| field.kind);
        Ok(DynamicIndex::new(*spec, parts.iter().map(kind).collect()))
    }

    /// Seals the values of a whole row with all terms and masks, to be written in one statement. `row` is the row's
    /// id, and `None` for a record of which a subject has a single row.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) unless each field of the record has exactly one value here, and for a
    /// row id where there is none or a missing one where there is; those of [`DynamicField::update`].
    pub fn update_row(
        &self,
        keys: &DataKeys,
        row: Option<RowId>,
        values: &[(&str, &Value)],
    ) -> Result<RowUpdate<'a>, Error> {
        for (position, (id, _)) in values.iter().enumerate() {
            self.field(id).ok_or_else(|| self.unknown("field", id))?;
            if values.iter().take(position).any(|(earlier, _)| earlier == id) {
                let error = Error::declaration("the field is given two values");
                return Err(error.at(self.record(), id));
            }
        }
        let value = |id: &str| {
            let found = values.iter().find(|(known, _)| *known == id);
            found.map(|(_, value)| *value).ok_or_else(|| {
                Error::declaration("the field is given no value: a row is written as a whole")
                    .at(self.record(), id)
            })
        };
        // Before anything is sealed.
        self.fields().iter().try_for_each(|field| value(field.id).map(drop))?;
        let mut rng = CallRng::from_os()?;
        let mut sealing = Sealing::begin(keys, &mut rng);
        let mut fields = Vec::with_capacity(self.fields().len());
        for field in self.fields() {
            let mut declared = self.dynamic_field(field.id)?;
            if let Some(row) = &row {
                declared = declared.row(row)?;
            }
            fields.push(declared.update_among(&mut sealing, value(field.id)?)?);
        }
        let mut compounds = Vec::with_capacity(self.compounds().len());
        for of in self.compounds() {
            let (Some(spec), Some(column)) = (index(&of.companion.what), of.companion.column())
            else {
                continue;
            };
            let parts = of.parts.iter().map(|id| value(id)).collect::<Result<Vec<_>, _>>()?;
            let terms = terms::<Value, [&Value]>(spec, keys, &parts)?;
            compounds.push((column, terms.into_iter().next()));
        }
        Ok(RowUpdate { record: self.record(), fields, compounds })
    }

    fn unknown(&self, what: &str, id: &str) -> Error {
        Error::declaration(alloc::format!(
            "record `{}` declares no {what} `{id}`: name one of its schema",
            self.record()
        ))
    }
}

const fn index<'w, 'a>(what: &'w What<'a>) -> Option<&'w IndexSpec<'a>> {
    match what {
        What::Index(spec) => Some(spec),
        What::Mask(_) => None,
    }
}

/// The columns of a row that [`Schema::update_row`] sealed, and its terms for a table of terms.
pub struct RowUpdate<'a> {
    record: &'a str,
    fields: Vec<Update<'a, Value>>,
    compounds: Vec<(&'a str, Option<Term>)>,
}

impl<'a> RowUpdate<'a> {
    /// The columns to set, each with its value: those of the fields, of their terms and masks, and of the compound
    /// indexes. Terms that are kept in a table are not among them: write the update there too.
    pub fn columns(&self) -> Vec<(&'a str, ColumnValue<'_>)> {
        let compounds = self.compounds.iter().map(|(column, term)| {
            let term = term.as_ref().map(Term::as_bytes);
            (*column, term.map_or(ColumnValue::Null, ColumnValue::Bytes))
        });
        self.fields.iter().flat_map(Update::columns).chain(compounds).collect()
    }

    /// The record, and the terms that are kept in a table, by the ids of their indexes.
    #[cfg(any(feature = "rusqlite", feature = "sqlx-sqlite"))]
    pub(crate) fn table_terms(&self) -> (&'a str, Vec<(&'a str, &Terms)>) {
        (self.record, self.fields.iter().flat_map(|field| field.table_terms().1).collect())
    }
}

impl fmt::Debug for RowUpdate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowUpdate({}: {} fields)", self.record, self.fields.len())
    }
}

//! A row sealed again, as far as it lies under older generations.

use alloc::vec::Vec;

use super::{
    FieldSchema, Opener, Record, Resealer, SealedRecord, Sealer, check_subject, no_envelope,
};
use crate::access::Access;
use crate::context::SubjectId;
use crate::envelope::{DataKeys, Wanted};
use crate::error::Error;
use crate::field::Companion;
use crate::random::CallRng;

/// A row after [`SealedRecord::reseal`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resealed<S> {
    /// The row, with what was sealed anew. Where nothing was, it is the row that was given.
    pub row: S,
    /// The fields that were sealed anew.
    pub fields: Vec<&'static FieldSchema<'static>>,
    /// The fields that nobody opens any more, as they are erased or have expired: they stay as they
    /// are.
    pub gone: Vec<&'static FieldSchema<'static>>,
    /// The fields whose masks were sealed anew.
    pub masks: Vec<&'static FieldSchema<'static>>,
}

impl<S> Resealed<S> {
    /// Whether any field or mask was sealed anew, so that there is something to store.
    pub fn is_changed(&self) -> bool {
        !(self.fields.is_empty() && self.masks.is_empty())
    }

    /// The columns to store.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        let masks = self.masks.iter().flat_map(|field| field.companions);
        let masks = masks.filter(|companion| companion.mask_class().is_some());
        self.fields.iter().map(|field| field.column).chain(masks.filter_map(Companion::column))
    }
}

pub(super) fn resealed<S: SealedRecord>(row: &S, keys: &DataKeys) -> Result<Resealed<S>, Error> {
    let mut rng = CallRng::from_os()?;
    let mut resealer = Resealer::begin(keys, row.row_id()?, &mut rng);
    let row = row.reseal_fields(&mut resealer)?;
    let of = |ids: &[&str]| {
        let fields = S::Record::SCHEMA.fields().iter();
        fields.filter(|field| ids.contains(&field.id)).collect()
    };
    Ok(Resealed {
        row,
        fields: of(&resealer.resealed),
        gone: of(&resealer.gone),
        masks: of(&resealer.masks),
    })
}

/// A row after [`SealedRecord::reindex`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reindexed<S> {
    /// The row, with its terms and masks made anew.
    pub row: S,
    columns: Vec<&'static str>,
}

impl<S> Reindexed<S> {
    /// The columns to store: those of terms and masks. None where all terms are kept in a table: write the row
    /// there, whether there are columns or not.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().copied()
    }
}

pub(super) fn reindexed<S: SealedRecord>(row: &S, keys: &DataKeys) -> Result<Reindexed<S>, Error> {
    let (id, mut rng) = (row.row_id()?, CallRng::from_os()?);
    let mut opener = Opener::noting(keys, id.clone());
    let opened = row.open_fields_partial(&mut opener);
    let mut sealer = Sealer::again(keys, id, opener.tags(), &mut rng);
    let row = row.accompany_fields(opened, &mut sealer)?;
    let columns = S::Record::SCHEMA.companion_columns().collect();
    Ok(Reindexed { row, columns })
}

/// The data keys of all generations of the row's classes: to open by the older ones, and to seal by the
/// newest.
pub(super) fn unwrapped<S: SealedRecord>(
    row: &S,
    access: &Access<'_>,
    subject: &SubjectId,
) -> Result<DataKeys, Error> {
    check_subject(&row.subject_id()?, subject)?;
    let wanted = |class: &str, _| match super::declared::<S::Record>(class) {
        Some(declared) => Wanted::Class(declared),
        None => Wanted::Nobody,
    };
    row.key_envelope().ok_or_else(no_envelope)?.unwrap_wanted(access, subject, &wanted)
}

//! What derived code calls for each field.

use alloc::string::String;
use alloc::vec::Vec;

use crate::context::RowId;
use crate::envelope::sealed::{Opening, Parts, Sealing};
use crate::envelope::{DataKeys, KeyEnvelope};
use crate::error::{Error, ErrorKind};
use crate::field::{
    Column as _, Field, Findable, Found, Index, ManyTerms, Mask, Masked, OneTerm, SealValue,
    Sealed, Spec, terms,
};
use crate::index::{Term, Terms};
use crate::random::CallRng;

/// The tags of the keys that values lie under, by the ids of their fields.
type Tags = Vec<(&'static str, [u8; 4])>;

/// Seals the fields of rows, all in one call.
#[doc(hidden)]
#[allow(
    missing_debug_implementations,
    reason = "only derived code holds one, for the length of a call"
)]
pub struct Sealer<'a> {
    sealing: Sealing<'a>,
    row: RowId,
    /// By which keys the values are sealed that stay as they are, by the ids of their fields.
    tags: Tags,
}

#[allow(clippy::missing_errors_doc, reason = "no part of the public interface")]
impl<'a> Sealer<'a> {
    pub(super) fn begin(keys: &'a DataKeys, row: RowId, rng: &'a mut CallRng) -> Self {
        Self { sealing: Sealing::begin(keys, rng), row, tags: Vec::new() }
    }

    /// To seal what goes with values that are sealed, under the keys with these tags.
    pub(super) fn again(keys: &'a DataKeys, row: RowId, tags: Tags, rng: &'a mut CallRng) -> Self {
        Self { tags, ..Self::begin(keys, row, rng) }
    }

    pub(super) fn next_row(&mut self, row: RowId) {
        self.row = row;
    }

    pub fn seal<T: SealValue, R, C>(
        &mut self,
        field: &Field<T, R, C>,
        value: &T,
    ) -> Result<T::Column, Error> {
        let spec = field.spec();
        spec.seal_among(&self.row, &mut self.sealing, value).map_err(|error| spec.locate(error))
    }

    /// The term of a value: of a field, or of a tuple of references to the parts of a compound one.
    pub fn term<T, Q: Findable<T> + ?Sized>(
        &mut self,
        index: &Index<T, OneTerm>,
        value: &Q,
    ) -> Result<Option<Term>, Error> {
        terms(&index.spec(), self.sealing.keys(), value).map(|terms| terms.into_iter().next())
    }

    pub fn terms<T: SealValue>(
        &mut self,
        index: &Index<T, ManyTerms>,
        value: &T,
    ) -> Result<Terms, Error> {
        terms::<T, T>(&index.spec(), self.sealing.keys(), value).map(Terms::from_terms)
    }

    pub fn mask<T: SealValue, R>(
        &mut self,
        mask: &Mask<T, R>,
        value: &T,
    ) -> Result<Option<Sealed<Masked>>, Error> {
        let spec = mask.spec();
        spec.seal_among(&self.row, &mut self.sealing, value)
            .map(|bytes| bytes.map(Sealed::from_bytes))
            .map_err(|error| spec.locate(error))
    }

    /// `[MA-10]` The mask of a value that stays as it is sealed. One that says what it should stays too, and one
    /// that would be kept longer than the value is not made.
    pub fn mask_again<T: SealValue, R>(
        &mut self,
        mask: &Mask<T, R>,
        value: &T,
        stored: &Option<Sealed<Masked>>,
    ) -> Result<Option<Sealed<Masked>>, Error> {
        let (spec, keys) = (mask.spec(), self.sealing.keys());
        let says = |stored| spec.says(&self.row, &mut Opening::begin(keys), stored, value);
        if stored.is_some() && says(stored).map_err(|error| spec.locate(error))? {
            return Ok(stored.clone());
        }
        let tag = self.tags.iter().find(|(id, _)| *id == mask.id()).map(|(_, tag)| *tag);
        if !tag.is_some_and(|tag| keys.outlives(&mask.class(), Some(tag))) {
            return self.mask(mask, value);
        }
        if spec.spec().hide_null {
            return Err(spec.locate(Error::new(
                ErrorKind::Retention,
                "the mask would be kept longer than the value, and cannot be left out where absence is hidden: renew the class and reseal the row first",
            )));
        }
        Ok(None)
    }

    /// A value that the row opened to, to make terms and a mask of it; `None` where it is gone.
    pub fn opened<T>(&self, opened: Result<T, Error>) -> Result<Option<T>, Error> {
        match opened {
            Err(error) if matches!(error.kind(), ErrorKind::Erased | ErrorKind::Expired) => {
                Ok(None)
            }
            opened => opened.map(Some),
        }
    }

    pub fn envelope(&self) -> KeyEnvelope {
        self.sealing.keys().envelope().clone()
    }
}

/// Seals the fields of one row again, where they lie under older generations.
#[doc(hidden)]
#[allow(
    missing_debug_implementations,
    reason = "only derived code holds one, for the length of a call"
)]
pub struct Resealer<'a> {
    opening: Opening<'a>,
    sealing: Sealing<'a>,
    row: RowId,
    /// The ids of the fields that were sealed anew, and of those that nobody opens any more.
    pub(super) resealed: Vec<&'static str>,
    pub(super) gone: Vec<&'static str>,
    /// The ids of the fields whose masks were.
    pub(super) masks: Vec<&'static str>,
}

#[allow(clippy::missing_errors_doc, reason = "no part of the public interface")]
impl<'a> Resealer<'a> {
    pub(super) fn begin(keys: &'a DataKeys, row: RowId, rng: &'a mut CallRng) -> Self {
        let (opening, sealing) = (Opening::begin(keys), Sealing::begin(keys, rng));
        Self { opening, sealing, row, resealed: Vec::new(), gone: Vec::new(), masks: Vec::new() }
    }

    pub fn reseal<T: SealValue, R, C>(
        &mut self,
        field: &Field<T, R, C>,
        column: &T::Column,
    ) -> Result<T::Column, Error> {
        let spec = field.spec();
        self.sealed(&spec, column.bytes())
            .map(|sealed| sealed.and_then(|bytes| T::Column::of(Some(bytes))))
            .map(|sealed| sealed.unwrap_or_else(|| column.clone()))
            .map_err(|error| spec.locate(error))
    }

    /// A column that was added later.
    pub fn reseal_or_default<T: SealValue, R, C>(
        &mut self,
        field: &Field<T, R, C>,
        column: Option<&T::Column>,
    ) -> Result<Option<T::Column>, Error> {
        column.map(|column| self.reseal(field, column)).transpose()
    }

    /// A mask that nobody opens any more stays as it is.
    pub fn mask<T, R>(
        &mut self,
        mask: &Mask<T, R>,
        column: &Option<Sealed<Masked>>,
    ) -> Result<Option<Sealed<Masked>>, Error> {
        let spec = mask.spec();
        // `[MA-10]` The value has been resealed before, unless it is gone.
        let keys = self.sealing.keys();
        if self.gone.contains(&mask.id()) || keys.outlives(&mask.class(), None) {
            return Ok(column.clone());
        }
        let bytes = column.as_ref().map(Sealed::as_bytes);
        Ok(match self.again(spec.spec(), bytes).map_err(|error| spec.locate(error))? {
            Again::Kept | Again::Gone => column.clone(),
            Again::Sealed(bytes) => {
                self.masks.push(mask.id());
                Some(Sealed::from_bytes(bytes))
            }
        })
    }

    fn sealed(
        &mut self,
        spec: &Spec<'static>,
        bytes: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, Error> {
        Ok(match self.again(spec, bytes)? {
            Again::Kept => None,
            Again::Gone => {
                self.gone.push(spec.id);
                None
            }
            Again::Sealed(bytes) => {
                self.resealed.push(spec.id);
                Some(bytes)
            }
        })
    }

    fn again(&mut self, spec: &Spec<'static>, bytes: Option<&[u8]>) -> Result<Again, Error> {
        let keys = self.sealing.keys();
        Ok(match spec.find(&self.row, keys, &mut self.opening, bytes)? {
            Found::Kept => Again::Kept,
            Found::Gone => Again::Gone,
            Found::Item(item) => {
                spec.check_found(keys, &item)?;
                let nonces = self.sealing.nonces(keys.sealing(&spec.class)?);
                Again::Sealed(spec.seal_item(&self.row, &item, nonces)?)
            }
        })
    }
}

/// What became of one column.
enum Again {
    Kept,
    Gone,
    Sealed(Vec<u8>),
}

/// Opens the fields of one row.
#[doc(hidden)]
#[allow(
    missing_debug_implementations,
    reason = "only derived code holds one, for the length of a call"
)]
pub struct Opener<'a> {
    opening: Opening<'a>,
    row: RowId,
    first_failure: Option<ErrorKind>,
    /// Those of what was opened, where they are asked for.
    tags: Option<Tags>,
}

#[allow(clippy::missing_errors_doc, reason = "no part of the public interface")]
impl<'a> Opener<'a> {
    pub(super) fn begin(keys: &'a DataKeys, row: RowId) -> Self {
        Self { opening: Opening::begin(keys), row, first_failure: None, tags: None }
    }

    /// To make anew what goes with the values: [`tags`](Self::tags) are noted.
    pub(super) fn noting(keys: &'a DataKeys, row: RowId) -> Self {
        Self { tags: Some(Vec::new()), ..Self::begin(keys, row) }
    }

    pub(super) fn tags(self) -> Tags {
        self.tags.unwrap_or_default()
    }

    pub(super) fn first_failure(&self) -> Option<ErrorKind> {
        self.first_failure
    }

    pub fn open<T: SealValue, R, C>(
        &mut self,
        field: &Field<T, R, C>,
        column: &T::Column,
    ) -> Result<T, Error> {
        let spec = field.spec();
        if let (Some(tags), Some(bytes)) = (&mut self.tags, column.bytes()) {
            tags.extend(Parts::parse(bytes).map(|parts| (spec.id, parts.tag)));
        }
        spec.open_one(&self.row, &mut self.opening, column).map_err(|error| {
            self.first_failure.get_or_insert(error.kind());
            spec.locate(error)
        })
    }

    pub fn mask<T, R>(
        &mut self,
        mask: &Mask<T, R>,
        column: &Option<Sealed<Masked>>,
    ) -> Result<Option<String>, Error> {
        let spec = mask.spec();
        spec.open(&self.row, &mut self.opening, column).map_err(|error| {
            self.first_failure.get_or_insert(error.kind());
            spec.locate(error)
        })
    }

    /// A column that was added later: NULL, and nothing else, is the default.
    pub fn open_or_default<T: SealValue + Default, R, C>(
        &mut self,
        field: &Field<T, R, C>,
        column: Option<&T::Column>,
    ) -> Result<T, Error> {
        match column {
            Some(column) => self.open(field, column),
            // `[PAD-4]` holds for the default too.
            None if field.spec().hide_null => Err(field
                .spec()
                .locate(Error::malformed("NULL where absence is sealed: the value was deleted"))),
            None => Ok(T::default()),
        }
    }
}

//! A field's declaration without its types, and what is done by it: the bytes of one column.

use alloc::vec::Vec;

use super::column::Column as _;
use super::companion::{Companion, Update};
use super::reseal::Found;
use super::value::{Decoder, Encoder, SealValue, encoded};
use crate::cbor;
#[cfg(feature = "schema")]
use crate::cbor::ValueKind;
use crate::class::Class;
use crate::context::RowId;
use crate::encoding::{Put as _, SmallBuf};
use crate::envelope::DataKeys;
use crate::envelope::sealed::{Nonces, Opening, Sealing, refuse_sealed};
use crate::error::{Error, ErrorKind};
use crate::random::CallRng;

/// A declaration without its types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Spec<'a> {
    pub(crate) record: &'a str,
    pub(crate) id: &'a str,
    pub(crate) class: Class<'a>,
    pub(crate) was: Option<Class<'a>>,
    pub(crate) multiple: u16,
    pub(crate) hide_null: bool,
    pub(crate) none_on_erased: bool,
    pub(super) padding_set: bool,
    /// What the associated data says that is sealed.
    pub(super) purpose: u8,
    pub(super) column: Option<&'a str>,
    pub(crate) companions: &'a [Companion<'a>],
}

impl<'a> Spec<'a> {
    /// The value of a field, of parts that are checked elsewhere.
    #[cfg(feature = "schema")]
    pub(crate) const fn of_parts(
        (record, id): (&'a str, &'a str),
        (class, was): (Class<'a>, Option<Class<'a>>),
        multiple: u16,
    ) -> Self {
        Self {
            record,
            id,
            class,
            was,
            multiple,
            hide_null: false,
            none_on_erased: false,
            padding_set: false,
            purpose: crate::envelope::sealed::PURPOSE_VALUE,
            column: None,
            companions: &[],
        }
    }

    /// The field in this column, with what is written with it, and how absence is treated.
    #[cfg(feature = "schema")]
    pub(crate) const fn in_column(
        self,
        column: &'a str,
        companions: &'a [Companion<'a>],
        (hide_null, none_on_erased): (bool, bool),
    ) -> Self {
        Self { column: Some(column), companions, hide_null, none_on_erased, ..self }
    }

    /// `[SC-7]` What is wrong with the field as a constant of such values.
    #[cfg(feature = "schema")]
    pub(crate) fn lint(
        &self,
        kind: ValueKind,
        optional: bool,
    ) -> Result<(), (Option<usize>, &'static str)> {
        let field = |why| Err((None, why));
        if self.class.is_mask() || self.was.is_some_and(|was| was.is_mask()) {
            return field("a mask class holds masks only: name the class of the value");
        }
        if self.was.is_some_and(|was| was.name() == self.class.name()) {
            return field("the former class has the name of the present one");
        }
        if self.none_on_erased && (self.hide_null || !optional) {
            return field(
                "`none_on_erased` is for a field that can be absent and does not hide that",
            );
        }
        let mut masks = 0_usize;
        for (position, companion) in self.companions.iter().enumerate() {
            let linted = companion.lint(self).and_then(|()| companion.lint_kind(kind));
            linted.and_then(|()| companion.lint_place()).map_err(|why| (Some(position), why))?;
            masks = masks.saturating_add(companion.mask_class().is_some().into());
            if masks > 1 {
                return Err((
                    Some(position),
                    "a field has one mask: two could be put in each other's place",
                ));
            }
        }
        Ok(())
    }

    #[cold]
    pub(crate) fn locate(&self, error: Error) -> Error {
        error.at(self.record, self.id)
    }

    /// Behind bytes 0..5: u8 purpose ‖ s8(record) ‖ s8(field) ‖ s8(row id).
    pub(super) fn aad(&self, row: &RowId, aad: &mut SmallBuf) {
        aad.put_u8(self.purpose);
        aad.put_s8(self.record.as_bytes());
        aad.put_s8(self.id.as_bytes());
        aad.put_s8(row.as_bytes());
    }

    pub(super) fn seal_one<T: SealValue>(
        &self,
        row: &RowId,
        keys: &DataKeys,
        value: &T,
        rng: impl FnOnce() -> Result<CallRng, Error>,
    ) -> Result<T::Column, Error> {
        self.seal_column(value, keys, |len| {
            let mut nonces = Nonces::begin(keys.sealing(&self.class)?, &mut rng()?);
            self.seal_under(row, keys, value, len, &mut nonces)
        })
    }

    /// A value with all that goes with it, sealed in one call.
    pub(super) fn update_one<T: SealValue>(
        &self,
        row: &RowId,
        keys: &DataKeys,
        value: &T,
        rng: impl FnOnce() -> Result<CallRng, Error>,
    ) -> Result<Update<'a, T>, Error> {
        let mut rng = rng().map_err(|error| self.locate(error))?;
        Update::make(self, row, &mut Sealing::begin(keys, &mut rng), value)
    }

    /// Seals a value among others of one call.
    pub(crate) fn seal_among<T: SealValue>(
        &self,
        row: &RowId,
        sealing: &mut Sealing<'_>,
        value: &T,
    ) -> Result<T::Column, Error> {
        let keys = sealing.keys();
        self.seal_column(value, keys, |len| {
            let nonces = sealing.nonces(keys.sealing(&self.class)?);
            self.seal_under(row, keys, value, len, nonces)
        })
    }

    pub(super) fn reseal_one<T: SealValue>(
        &self,
        row: &RowId,
        keys: &DataKeys,
        column: &T::Column,
        rng: impl FnOnce() -> Result<CallRng, Error>,
    ) -> Result<Option<T::Column>, Error> {
        let sealed = self.reseal_bytes(row, keys, column.bytes(), rng)?;
        Ok(sealed.and_then(|bytes| T::Column::of(Some(bytes))))
    }

    pub(super) fn reseal_bytes(
        &self,
        row: &RowId,
        keys: &DataKeys,
        bytes: Option<&[u8]>,
        rng: impl FnOnce() -> Result<CallRng, Error>,
    ) -> Result<Option<Vec<u8>>, Error> {
        match self.find(row, keys, &mut Opening::begin(keys), bytes)? {
            Found::Kept | Found::Gone => Ok(None),
            Found::Item(item) => {
                self.check_found(keys, &item)?;
                let key = keys.sealing(&self.class)?;
                let mut nonces = Nonces::begin(key, &mut rng()?);
                self.seal_item(row, &item, &mut nonces).map(Some)
            }
        }
    }

    /// `[SF-3]`: encoding and padding, then already sealed, then the sealing generation.
    pub(super) fn seal_column<T: SealValue>(
        &self,
        value: &T,
        keys: &DataKeys,
        seal: impl FnOnce(usize) -> Result<Vec<u8>, Error>,
    ) -> Result<T::Column, Error> {
        let bytes = if value.is_absent() && !self.hide_null {
            None
        } else {
            let mut len = 0;
            value.encode(&mut Encoder::new(cbor::Out::Count(&mut len)))?;
            self.check_hidden(len)?;
            Some(seal(len).or_else(|error| self.earlier_refusal(value, keys).and(Err(error)))?)
        };
        T::Column::of(bytes)
            .ok_or_else(|| Error::invalid("the value is absent, and its type has no absence"))
    }

    /// `[PAD-3]`
    pub(super) fn check_hidden(&self, len: usize) -> Result<(), Error> {
        if self.hide_null && len > usize::from(self.multiple) {
            return Err(Error::invalid(
                "the value is longer than the length in which the field hides absence: declare it longer",
            ));
        }
        Ok(())
    }

    /// What refuses the value before the state of its keys does.
    #[cold]
    pub(super) fn earlier_refusal<T: SealValue>(
        &self,
        value: &T,
        keys: &DataKeys,
    ) -> Result<(), Error> {
        let item = encoded(|to| value.encode(to))?;
        check_item(&item, value.is_absent(), keys)
    }

    pub(super) fn seal_under<T: SealValue>(
        &self,
        row: &RowId,
        keys: &DataKeys,
        value: &T,
        len: usize,
        nonces: &mut Nonces,
    ) -> Result<Vec<u8>, Error> {
        nonces.seal(
            len,
            self.multiple,
            |out| value.encode(&mut Encoder::new(cbor::Out::Bytes(out))),
            |item| check_item(item, value.is_absent(), keys),
            |aad| self.aad(row, aad),
        )
    }

    pub(crate) fn open_one<T: SealValue>(
        &self,
        row: &RowId,
        opening: &mut Opening<'_>,
        column: &T::Column,
    ) -> Result<T, Error> {
        self.open_bytes(row, opening, column.bytes())
    }

    #[inline]
    pub(super) fn open_bytes<T: SealValue>(
        &self,
        row: &RowId,
        opening: &mut Opening<'_>,
        bytes: Option<&[u8]>,
    ) -> Result<T, Error> {
        let Some(bytes) = bytes else {
            return match T::absent() {
                // `[PAD-4]`
                Some(_) if self.hide_null => {
                    Err(Error::malformed("NULL where absence is sealed: the value was deleted"))
                }
                Some(absent) => Ok(absent),
                None => Err(Error::type_mismatch("NULL")),
            };
        };
        let opened = opening.open(
            bytes,
            self.class.declared(),
            self.was.map(|was| was.declared()),
            |aad| self.aad(row, aad),
            |item| {
                // `[PT-11]` Absence is sealed only where it is hidden.
                if item == NULL {
                    return T::absent()
                        .filter(|_| self.hide_null)
                        .ok_or_else(|| Error::type_mismatch("a value, but absence"));
                }
                let mut decoder = Decoder::new(item);
                let value = T::decode(&mut decoder)?;
                decoder.finish()?;
                Ok(value)
            },
        );
        opened.or_else(|error| self.absent_if_gone(error))
    }

    /// `[OP-7]` The absent value in place of one whose key is gone, where that was declared.
    #[cold]
    pub(super) fn absent_if_gone<T: SealValue>(&self, error: Error) -> Result<T, Error> {
        let is_gone = matches!(error.kind(), ErrorKind::Erased | ErrorKind::Expired);
        T::absent().filter(|_| is_gone && self.none_on_erased).ok_or(error)
    }
}

/// What a type wrote is one canonical item, and not the bare null of something present; `[AS-1]`.
pub(super) fn check_item(item: &[u8], is_absent: bool, keys: &DataKeys) -> Result<(), Error> {
    let whole = cbor::item_len(item).is_ok_and(|len| len == item.len());
    if !whole || (item == NULL && !is_absent) {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "the value cannot be sealed: nested too deep, or of a type that the format does not have",
        ));
    }
    refuse_sealed(item, keys)
}

/// The item of absence.
pub(super) const NULL: &[u8] = &[0xF6];

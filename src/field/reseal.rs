//! Sealing again what lies under an older generation.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::spec::{NULL, Spec, check_item};
use crate::context::RowId;
use crate::encoding::Put as _;
use crate::envelope::DataKeys;
use crate::envelope::sealed::{Nonces, Opening, Parts};
use crate::error::{Error, ErrorKind};

/// What resealing finds in a column.
pub(crate) enum Found {
    /// Nothing to do: no value, or one under the newest generation.
    Kept,
    /// A value that nobody opens any more.
    Gone,
    /// A value under an older generation, or of the former class.
    Item(Zeroizing<Vec<u8>>),
}

impl Spec<'_> {
    /// `[GN-14]` The item to be sealed anew, if there is one. It is not decoded: what a later version
    /// of the application wrote into it is kept.
    pub(crate) fn find(
        &self,
        row: &RowId,
        keys: &DataKeys,
        opening: &mut Opening<'_>,
        bytes: Option<&[u8]>,
    ) -> Result<Found, Error> {
        let Some(bytes) = bytes else { return Ok(Found::Kept) };
        let tag = Parts::parse(bytes)?.tag;
        let (class, was) = (self.class.declared(), self.was.map(|was| was.declared()));
        let is_gone = |kind| matches!(kind, ErrorKind::Erased | ErrorKind::Expired);
        match keys.opening(class, was, tag) {
            Err(error) if is_gone(error.kind()) => Ok(Found::Gone),
            _ if keys.is_newest(&self.class, tag) => Ok(Found::Kept),
            Err(error) => Err(error),
            Ok(_) => opening
                .open(
                    bytes,
                    class,
                    was,
                    |aad| self.aad(row, aad),
                    |item| {
                        // `[PT-11]`
                        if item == NULL && !self.hide_null {
                            return Err(Error::type_mismatch("a value, but absence"));
                        }
                        let mut copy = Zeroizing::new(Vec::with_capacity(item.len()));
                        copy.put(item);
                        Ok(copy)
                    },
                )
                .map(Found::Item),
        }
    }

    /// `[SF-3]` The checks of an item as those of a value: its padding, already sealed.
    pub(crate) fn check_found(&self, keys: &DataKeys, item: &[u8]) -> Result<(), Error> {
        self.check_hidden(item.len())?;
        check_item(item, item == NULL, keys)
    }

    /// Seals an item that was checked.
    pub(crate) fn seal_item(
        &self,
        row: &RowId,
        item: &[u8],
        nonces: &mut Nonces,
    ) -> Result<Vec<u8>, Error> {
        nonces.seal(
            item.len(),
            self.multiple,
            |out| {
                out.put(item);
                Ok(())
            },
            |_| Ok(()),
            |aad| self.aad(row, aad),
        )
    }
}

//! Spellings of one value made one.

use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::cbor::Item;
use crate::error::Error;

/// How values are normalized before terms are made of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Normalizer;

impl Normalizer {
    /// Values as they are.
    pub const NONE: Self = Self;

    pub(crate) fn apply(&self, item: &Item<'_>) -> Result<Zeroizing<Vec<u8>>, Error> {
        item.deterministic()
            .ok_or_else(|| Error::invalid("floats, lists and structures have no terms"))
    }

    pub(crate) fn apply_text(&self, text: &str) -> Result<Zeroizing<String>, Error> {
        Ok(Zeroizing::new(text.into()))
    }
}

//! UUIDs: tag 37 and 16 bytes.

use uuid::Uuid;

use super::{Decoder, Encoder, NotNull, SealValue};
use crate::error::Error;
use crate::field::Sealed;

const TAG: u64 = 37;
const EXPECTED: &str = "a UUID";

impl SealValue for Uuid {
    type Column = Sealed<Self>;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
        to.tag(TAG)?;
        to.bytes(self.as_bytes())
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
        from.tag(TAG, EXPECTED)?;
        Self::from_slice(from.bytes()?).map_err(|_| Error::type_mismatch(EXPECTED))
    }
}

impl NotNull for Uuid {}

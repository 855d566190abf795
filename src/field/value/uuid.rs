//! UUIDs: tag 37 and 16 bytes.

use uuid::Uuid;

use super::{Decoder, Encoder, NotNull, SealValue};
use crate::error::Error;
use crate::field::Sealed;

const TAG: u64 = 37;
const EXPECTED: &str = "a UUID";

value!(Uuid as Uuid:
    |id, to| {
        to.tag(TAG)?;
        to.bytes(id.as_bytes())
    },
    |from| {
        from.tag(TAG, EXPECTED)?;
        Self::from_slice(from.bytes()?).map_err(|_| Error::type_mismatch(EXPECTED))
    }
);

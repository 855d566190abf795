//! JSON as a value.

use serde_json::Value;

use super::structured::{decode, encode};
use super::{Decoder, Encoder, NotNull, SealValue};
use crate::error::Error;
use crate::field::Sealed;

// `[PT-19]` An array of one, so that a null is a value. What is written depends on no feature of `serde_json`.
value!(Value as Parts:
    |value, to| {
        to.array(1)?;
        encode(value, to, true)
    },
    |from| match from.array()? {
        1 => decode(from),
        _ => Err(Error::type_mismatch("a JSON value")),
    },
);

//! JSON as a value.

use alloc::vec::Vec;

use minicbor::data::Type;
use serde_json::Value;

use super::structured::{decode_item, encode};
use super::{Decoder, Encoder, NotNull, SealValue};
use crate::error::Error;
use crate::field::Sealed;

// `[PT-19]` An array of one, so that a null is a value. What is written depends on no feature of `serde_json`.
value!(Value as Parts:
    |value, to| {
        to.array(1)?;
        encode(value, to, true)
    },
    |from| {
        let mismatch = || Error::type_mismatch("a JSON value");
        if from.array()? != 1 {
            return Err(mismatch());
        }
        let item = from.item()?;
        check_json(&mut minicbor::Decoder::new(item)).ok_or_else(mismatch)?;
        decode_item(item)
    },
);

/// `[PT-19]` Refuses what `serde_json` would silently take for another value: it reads a NaN as null, and of a
/// repeated key it keeps the last value. Items are nested at most 64 levels deep.
fn check_json(from: &mut minicbor::Decoder<'_>) -> Option<()> {
    match from.datatype().ok()? {
        Type::F64 => from.f64().ok()?.is_finite().then_some(()),
        Type::Array => {
            for _ in 0..from.array().ok()?? {
                check_json(from)?;
            }
            Some(())
        }
        Type::Map => {
            let mut keys = Vec::new();
            for _ in 0..from.map().ok()?? {
                keys.push(from.str().ok()?);
                check_json(from)?;
            }
            keys.sort_unstable();
            keys.is_sorted_by(|a, b| a < b).then_some(())
        }
        Type::F32 | Type::Bytes | Type::Tag => None,
        _ => from.skip().ok(),
    }
}

//! Decimals: tag 4 and `[exponent, mantissa]`, the scale kept.

#[cfg(feature = "rust_decimal")]
use rust_decimal::Decimal;

use super::Encoder;
#[cfg(feature = "rust_decimal")]
use super::{Decoder, NotNull, SealValue};
use crate::error::Error;
#[cfg(feature = "rust_decimal")]
use crate::field::Sealed;

const TAG: u64 = 4;
const POSITIVE: u64 = 2;
const NEGATIVE: u64 = 3;
#[cfg(feature = "rust_decimal")]
const EXPECTED: &str = "a decimal";

/// `[PT-7]` `mantissa × 10^−scale`, the scale kept.
pub(super) fn write(to: &mut Encoder<'_>, mantissa: i128, scale: u32) -> Result<(), Error> {
    to.tag(TAG)?;
    to.array(2)?;
    to.signed(0_i64.saturating_sub(scale.into()))?;
    if let Ok(plain) = u64::try_from(mantissa) {
        return to.unsigned(plain);
    }
    if let Ok(plain) = i64::try_from(mantissa) {
        return to.signed(plain);
    }
    // `[PT-8]`: −1 − mantissa is the bits' complement.
    let (tag, magnitude) = if mantissa < 0 { (NEGATIVE, !mantissa) } else { (POSITIVE, mantissa) };
    let bytes = magnitude.to_be_bytes();
    let leading = bytes.iter().take_while(|byte| **byte == 0).count();
    to.tag(tag)?;
    to.bytes(bytes.get(leading..).unwrap_or_default())
}

#[cfg(feature = "rust_decimal")]
impl SealValue for Decimal {
    type Column = Sealed<Self>;

    const KIND: crate::cbor::ValueKind = crate::cbor::ValueKind::Decimal;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
        // The scale is 0 to 28.
        write(to, self.mantissa(), self.scale())
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
        let mismatch = || Error::type_mismatch(EXPECTED);
        from.tag(TAG, EXPECTED)?;
        if from.array()? != 2 {
            return Err(mismatch());
        }
        let scale = from.signed()?.checked_neg().and_then(|scale| u32::try_from(scale).ok());
        let mantissa = match from.either_tag(POSITIVE, NEGATIVE)? {
            None => from.integer()?,
            Some(negative) => {
                let magnitude = from.bytes()?.iter().try_fold(0_i128, |n, byte| {
                    n.checked_mul(256).and_then(|n| n.checked_add(i128::from(*byte)))
                });
                magnitude.map(|n| if negative { !n } else { n }).ok_or_else(mismatch)?
            }
        };
        scale
            .and_then(|scale| Self::try_from_i128_with_scale(mantissa, scale).ok())
            .ok_or_else(mismatch)
    }
}

#[cfg(feature = "rust_decimal")]
impl NotNull for Decimal {}

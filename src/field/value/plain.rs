//! Text, bytes, numbers, options and sequences.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use zeroize::{Zeroize, Zeroizing};

use super::{Decoder, Encoder, NotNull, SealValue};
use crate::cbor::{Limit, ValueKind};
use crate::error::Error;
use crate::field::Sealed;
use crate::secret::Sensitive;

value!(String as Text: |value, to| to.text(value), |from| from.text().map(Into::into));
value!(Box<str> as Text: |value, to| to.text(value), |from| from.text().map(Into::into));
value!(bool as Bool: |value, to| to.bool(*value), |from| from.bool());
value!(f32 as Float within (Limit::Float32): |value, to| to.f32(*value), |from| from.f32());
value!(f64 as Float: |value, to| to.f64(*value), |from| from.f64());

/// The integers of a type. Each that can be sealed has at most 64 bits.
macro_rules! integers_from {
    ($type:ty) => {{
        #[allow(clippy::as_conversions, reason = "widening; `From` is not const")]
        let limit = Limit::Integers(<$type>::MIN as i64, <$type>::MAX as u64);
        limit
    }};
}

macro_rules! integers {
    ($($type:ty: $wide:ident)*) => {$(
        value!($type as Integer within (integers_from!($type)):
            |value, to| to.$wide((*value).into()),
            |from| from.$wide()?.try_into().map_err(|_| Error::type_mismatch("an integer in range"))
        );
    )*};
}

integers! {
    u16: unsigned u32: unsigned u64: unsigned
    i8: signed i16: signed i32: signed i64: signed
}

impl SealValue for u8 {
    type Column = Sealed<Self>;

    const KIND: ValueKind = ValueKind::Integer;
    const LIMIT: Option<Limit> = Some(integers_from!(u8));

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
        to.unsigned((*self).into())
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
        from.unsigned()?.try_into().map_err(|_| Error::type_mismatch("an integer in range"))
    }

    // A sequence of them is a byte string.
    const SEQUENCE: ValueKind = ValueKind::Bytes;

    fn encode_slice(items: &[Self], to: &mut Encoder<'_>) -> Result<(), Error> {
        to.bytes(items)
    }

    fn decode_vec(from: &mut Decoder<'_>) -> Result<Vec<Self>, Error> {
        from.bytes().map(<[u8]>::to_vec)
    }
}

impl NotNull for u8 {}

impl<const N: usize> SealValue for [u8; N] {
    type Column = Sealed<Self>;

    const KIND: ValueKind = ValueKind::Bytes;
    #[allow(clippy::as_conversions, reason = "no array is as long as 4 GiB; `From` is not const")]
    const LIMIT: Option<Limit> = Some(Limit::Length(N as u32));

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
        to.bytes(self)
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
        from.bytes()?
            .try_into()
            .map_err(|_| Error::type_mismatch("a byte string of the length declared"))
    }
}

impl<const N: usize> NotNull for [u8; N] {}

impl<T: SealValue> SealValue for Vec<T> {
    type Column = Sealed<Self>;

    const KIND: ValueKind = T::SEQUENCE;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
        T::encode_slice(self, to)
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
        T::decode_vec(from)
    }
}

impl<T: SealValue> NotNull for Vec<T> {}

impl<T: NotNull> SealValue for Option<T> {
    type Column = Option<Sealed<T>>;

    const KIND: ValueKind = T::KIND;
    const LIMIT: Option<Limit> = T::LIMIT;
    const OPTIONAL: bool = true;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
        match self {
            Some(value) => value.encode(to),
            None => to.null(),
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
        if from.is_null() { from.null().map(|()| None) } else { T::decode(from).map(Some) }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// A wrapper that is its inner value, and wiped on drop: text stays on the heap as it is taken in.
macro_rules! wiped {
    ($($wrapper:ident: $expose:expr;)*) => {$(
        impl<T: NotNull + Zeroize> SealValue for $wrapper<T> {
            type Column = Sealed<Self>;

            const KIND: ValueKind = T::KIND;
            const LIMIT: Option<Limit> = T::LIMIT;

            fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
                let expose: fn(&Self) -> &T = $expose;
                expose(self).encode(to)
            }

            fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
                T::decode(from).map(Self::new)
            }
        }

        impl<T: NotNull + Zeroize> NotNull for $wrapper<T> {}
    )*};
}

wiped! {
    Zeroizing: |value| value;
    Sensitive: Self::expose;
}

//! Items of the format, given to serde.

use core::fmt::{self, Display};

use minicbor::Decoder;
use minicbor::data::Type;
use serde::de::{self, DeserializeSeed, IntoDeserializer as _, Visitor};
use serde::forward_to_deserialize_any;

/// An item is not what the type asks for. The texts of types are not kept, as they may quote the value.
#[derive(Debug)]
pub(super) struct Unreadable;

impl Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a value of the type")
    }
}

impl core::error::Error for Unreadable {}

impl de::Error for Unreadable {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

type Result<T> = core::result::Result<T, Unreadable>;

/// Reads items that are known to be canonical, so that their nesting is bounded.
pub(super) struct Reader<'de>(Decoder<'de>);

/// Reads a whole item as a value.
pub(super) fn read<'de, T: de::Deserialize<'de>>(item: &'de [u8]) -> Result<T> {
    let mut reader = Reader(Decoder::new(item));
    let value = T::deserialize(&mut reader)?;
    // What the type leaves unread is of another type.
    if reader.0.position() == item.len() { Ok(value) } else { Err(Unreadable) }
}

fn read_as<T>(result: core::result::Result<T, minicbor::decode::Error>) -> Result<T> {
    result.map_err(|_| Unreadable)
}

impl<'de> Reader<'de> {
    fn is(&self, asked: &[Type]) -> bool {
        self.0.datatype().is_ok_and(|found| asked.contains(&found))
    }

    fn count(&mut self, is_map: bool) -> Result<u64> {
        let count = if is_map { self.0.map() } else { self.0.array() };
        count.ok().flatten().ok_or(Unreadable)
    }

    fn seq<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let left = self.count(false)?;
        let mut entries = Entries { reader: self, left };
        let value = visitor.visit_seq(&mut entries)?;
        if entries.left == 0 { Ok(value) } else { Err(Unreadable) }
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let left = self.count(true)?;
        let mut entries = Entries { reader: self, left };
        let value = visitor.visit_map(&mut entries)?;
        if entries.left == 0 { Ok(value) } else { Err(Unreadable) }
    }
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match read_as(self.0.datatype())? {
            Type::Bool => visitor.visit_bool(read_as(self.0.bool())?),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => {
                visitor.visit_u64(read_as(self.0.u64())?)
            }
            Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
                visitor.visit_i64(read_as(self.0.i64())?)
            }
            Type::F32 => visitor.visit_f32(read_as(self.0.f32())?),
            Type::F64 => visitor.visit_f64(read_as(self.0.f64())?),
            Type::Bytes => visitor.visit_borrowed_bytes(read_as(self.0.bytes())?),
            Type::String => visitor.visit_borrowed_str(read_as(self.0.str())?),
            Type::Array => self.seq(visitor),
            Type::Map => self.map(visitor),
            Type::Null => {
                read_as(self.0.null())?;
                visitor.visit_unit()
            }
            _ => Err(Unreadable),
        }
    }

    // `[PT-13]` What serde would take for another type is refused: an integer for a float, an array for bytes or
    // for a struct.
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.is(&[Type::F32]) { self.deserialize_any(visitor) } else { Err(Unreadable) }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.is(&[Type::F32, Type::F64]) {
            self.deserialize_any(visitor)
        } else {
            Err(Unreadable)
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.is(&[Type::Bytes]) { self.deserialize_any(visitor) } else { Err(Unreadable) }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.is(&[Type::Null]) {
            read_as(self.0.null())?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.seq(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if self.is(&[Type::String]) {
            let name = read_as(self.0.str())?;
            return visitor.visit_enum(name.into_deserializer());
        }
        match self.count(true)? {
            1 => visitor.visit_enum(Variant(self)),
            _ => Err(Unreadable),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string unit unit_struct identifier ignored_any
    }
}

struct Entries<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: u64,
}

impl<'de> Entries<'_, 'de> {
    fn next<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

impl<'de> de::SeqAccess<'de> for Entries<'_, 'de> {
    type Error = Unreadable;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        self.next(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_, 'de> {
    type Error = Unreadable;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        self.next(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

/// A map of one, by the name of a variant.
struct Variant<'r, 'de>(&'r mut Reader<'de>);

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Unreadable;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self)> {
        let name = seed.deserialize(&mut *self.0)?;
        Ok((name, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Unreadable;

    /// The text of a name alone is one.
    fn unit_variant(self) -> Result<()> {
        Err(Unreadable)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.0.seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.0.map(visitor)
    }
}

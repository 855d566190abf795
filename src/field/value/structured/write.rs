//! What serde gives, written as items of the format.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Display};

use serde::ser::{self, Serialize};

use crate::cbor::{DEEPEST, Out};

/// Why a value has no item. The texts of types are not kept, as they may quote the value.
#[derive(Debug)]
pub(super) struct Unwritable(pub(super) &'static str);

impl Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl core::error::Error for Unwritable {}

impl ser::Error for Unwritable {
    fn custom<T: Display>(_: T) -> Self {
        Self("the value refuses to be serialized")
    }
}

type Result<T> = core::result::Result<T, Unwritable>;

/// The struct as which `serde_json` gives a number where its feature `arbitrary_precision` is on in any crate of
/// the build. The item is the same with and without it.
const JSON_NUMBER: &str = "$serde_json::private::Number";
const JSON_PRIVATE: &str = "$serde_json::private::";

const TOO_WIDE: &str =
    "a structured value has an integer outside of -2^63 to 2^64-1: store it as text";
const NULL_IN_OPTION: &str = "a structured value has an option whose present value is null, which would open as none: \
     an Option of an Option, of a unit, or of a JSON null";

/// How many entries the sequences and maps have whose length serde does not know beforehand, in the order in
/// which they begin: noted when the item is counted, used when it is written.
#[derive(Default)]
pub(super) struct Lengths {
    noted: Vec<u64>,
    used: usize,
}

/// Writes items; values are given to it once to be counted and once to be written.
pub(super) struct Writer<'o, 'l> {
    to: minicbor::Encoder<Out<'o>>,
    lengths: &'l mut Lengths,
    is_counting: bool,
    /// The value that follows is that of a present option.
    in_option: bool,
    /// The text that follows is a number of `serde_json`.
    in_number: bool,
    level: u8,
}

/// Serializes into `out`, and gives how often it has to be told lengths.
pub(super) fn write<T: Serialize + ?Sized>(
    value: &T,
    out: Out<'_>,
    lengths: &mut Lengths,
) -> Result<()> {
    let is_counting = matches!(out, Out::Count(_));
    let to = minicbor::Encoder::new(out);
    lengths.used = 0;
    let (in_option, in_number) = (false, false);
    let mut writer = Writer { to, lengths, is_counting, in_option, in_number, level: 0 };
    value.serialize(&mut writer)
}

/// A sequence, a map, or what of a variant is one.
pub(super) struct Entries<'w, 'o, 'l> {
    writer: &'w mut Writer<'o, 'l>,
    /// Where its length is to be noted, and what it is so far.
    open: Option<usize>,
    len: u64,
    is_map: bool,
    /// How many levels it is below what it is in.
    levels: u8,
}

impl<'o, 'l> Writer<'o, 'l> {
    fn item(&mut self) -> &mut minicbor::Encoder<Out<'o>> {
        self.in_option = false;
        &mut self.to
    }

    /// `[PT-14]` Null is the absence of an option wherever there could be one.
    fn null(&mut self) -> Result<()> {
        if self.in_option {
            return Err(Unwritable(NULL_IN_OPTION));
        }
        written(self.to.null())
    }

    /// `[PT-9]` Bounds the recursion too.
    fn deeper(&mut self) -> Result<()> {
        if self.level >= DEEPEST {
            return Err(Unwritable("a structured value is nested more than 64 levels deep"));
        }
        self.level = self.level.saturating_add(1);
        Ok(())
    }

    fn head(&mut self, len: u64, is_map: bool) -> Result<()> {
        let to = self.item();
        written(if is_map { to.map(len) } else { to.array(len) })
    }

    /// `[PT-15]`
    fn begin<'w>(&'w mut self, len: Option<usize>, is_map: bool) -> Result<Entries<'w, 'o, 'l>> {
        self.deeper()?;
        let mut open = None;
        if let Some(len) = len {
            self.head(u64::try_from(len).unwrap_or(u64::MAX), is_map)?;
        } else if self.is_counting {
            // Its head is counted at its end.
            self.in_option = false;
            open = Some(self.lengths.noted.len());
            self.lengths.noted.push(0);
        } else {
            let noted = self.lengths.noted.get(self.lengths.used).copied();
            self.lengths.used = self.lengths.used.saturating_add(1);
            self.head(noted.ok_or(Unwritable(CHANGES))?, is_map)?;
        }
        Ok(Entries { writer: self, open, len: 0, is_map, levels: 1 })
    }

    /// A map of one, by the name of a variant.
    fn variant(&mut self, name: &'static str) -> Result<()> {
        self.deeper()?;
        self.head(1, true)?;
        written(self.to.str(name))
    }

    fn in_variant<'w>(
        &'w mut self,
        name: &'static str,
        len: usize,
        is_map: bool,
    ) -> Result<Entries<'w, 'o, 'l>> {
        self.variant(name)?;
        let entries = self.begin(Some(len), is_map)?;
        Ok(Entries { levels: 2, ..entries })
    }

    /// What is no integer of 64 bits and no float that is written so would not open as it was.
    fn json_number(&mut self, text: &str) -> Result<()> {
        use alloc::string::ToString as _;
        if let Some(number) = text.parse::<u64>().ok().filter(|number| number.to_string() == text) {
            return written(self.item().u64(number));
        }
        if let Some(number) = text.parse::<i64>().ok().filter(|number| number.to_string() == text) {
            return written(self.item().i64(number));
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && is_spelled_so(text, number) => {
                written(self.item().f64(number))
            }
            _ => Err(Unwritable(
                "a JSON number that is neither an integer of 64 bits nor written as a 64-bit float is: store it as text",
            )),
        }
    }
}

/// Whether a text is one that printers of floats give for this number: the fewest digits that tell it apart, and
/// an exponent only where the number is very large or small. They agree on no more than that.
fn is_spelled_so(text: &str, number: f64) -> bool {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let is_plain = exponent == "0";
    let is_extreme = exponent.parse::<i32>().is_ok_and(|exponent| !(-4..16).contains(&exponent));
    let has_idle_zero = mantissa
        .split_once('.')
        .is_some_and(|(_, fraction)| fraction.ends_with('0') && (fraction.len() > 1 || !is_plain));
    (is_plain && mantissa.contains('.') || is_extreme)
        && !has_idle_zero
        && decimal(text)
            .is_some_and(|digits| decimal(&alloc::format!("{number:?}")) == Some(digits))
}

/// The sign, the digits that are not zeros at an end, and the power of ten of the last.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = alloc::format!("{whole}{fraction}");
    let kept = digits.trim_end_matches('0');
    let places = i64::try_from(fraction.len()).ok()?;
    let zeros = i64::try_from(digits.len().checked_sub(kept.len())?).ok()?;
    let exponent = exponent.parse::<i64>().ok()?.checked_sub(places)?.checked_add(zeros)?;
    let digits = kept.trim_start_matches('0');
    // Zero has no power.
    Some((negative, digits.into(), if digits.is_empty() { 0 } else { exponent }))
}

const CHANGES: &str = "the value serializes differently each time";

fn written<T>(
    result: core::result::Result<T, minicbor::encode::Error<core::convert::Infallible>>,
) -> Result<()> {
    result.map(drop).map_err(|_| Unwritable("the value cannot be encoded"))
}

impl Entries<'_, '_, '_> {
    fn entry<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.len = self.len.saturating_add(1);
        value.serialize(&mut *self.writer)
    }

    fn named<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        // The one field of a number is the number.
        if !self.writer.in_number {
            self.len = self.len.saturating_add(1);
            written(self.writer.to.str(name))?;
        }
        value.serialize(&mut *self.writer)
    }

    fn finish(self) -> Result<()> {
        if let Some(at) = self.open {
            if let Some(noted) = self.writer.lengths.noted.get_mut(at) {
                *noted = self.len;
            }
            self.writer.head(self.len, self.is_map)?;
        }
        self.writer.in_number = false;
        self.writer.level = self.writer.level.saturating_sub(self.levels);
        Ok(())
    }
}

macro_rules! scalars {
    ($($name:ident($type:ty) as $call:ident;)*) => {$(
        fn $name(self, value: $type) -> Result<()> {
            written(self.item().$call(value.into()))
        }
    )*};
}

impl<'w, 'o, 'l> ser::Serializer for &'w mut Writer<'o, 'l> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Entries<'w, 'o, 'l>;
    type SerializeTuple = Entries<'w, 'o, 'l>;
    type SerializeTupleStruct = Entries<'w, 'o, 'l>;
    type SerializeTupleVariant = Entries<'w, 'o, 'l>;
    type SerializeMap = Entries<'w, 'o, 'l>;
    type SerializeStruct = Entries<'w, 'o, 'l>;
    type SerializeStructVariant = Entries<'w, 'o, 'l>;

    scalars! {
        serialize_bool(bool) as bool;
        serialize_i8(i8) as i64;
        serialize_i16(i16) as i64;
        serialize_i32(i32) as i64;
        serialize_i64(i64) as i64;
        serialize_u8(u8) as u64;
        serialize_u16(u16) as u64;
        serialize_u32(u32) as u64;
        serialize_u64(u64) as u64;
        serialize_f32(f32) as f32;
        serialize_f64(f64) as f64;
    }

    fn serialize_i128(self, value: i128) -> Result<()> {
        if let Ok(value) = u64::try_from(value) {
            return self.serialize_u64(value);
        }
        self.serialize_i64(value.try_into().map_err(|_| Unwritable(TOO_WIDE))?)
    }

    fn serialize_u128(self, value: u128) -> Result<()> {
        self.serialize_u64(value.try_into().map_err(|_| Unwritable(TOO_WIDE))?)
    }

    fn serialize_char(self, value: char) -> Result<()> {
        written(self.item().str(value.encode_utf8(&mut [0; 4])))
    }

    fn serialize_str(self, text: &str) -> Result<()> {
        if self.in_number { self.json_number(text) } else { written(self.item().str(text)) }
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<()> {
        written(self.item().bytes(bytes))
    }

    fn serialize_none(self) -> Result<()> {
        self.null()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        self.in_option = true;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        self.null()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.null()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<()> {
        written(self.item().str(name))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.variant(name)?;
        value.serialize(&mut *self)?;
        self.level = self.level.saturating_sub(1);
        Ok(())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq> {
        self.begin(len, false)
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple> {
        self.begin(Some(len), false)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct> {
        self.begin(Some(len), false)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        self.in_variant(name, len, false)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap> {
        self.begin(len, true)
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct> {
        if name == JSON_NUMBER {
            self.in_number = true;
            return Ok(Entries { writer: self, open: None, len: 0, is_map: true, levels: 0 });
        }
        if name.starts_with(JSON_PRIVATE) {
            return Err(Unwritable(
                "raw JSON inside a structured value cannot be read back: parse it, or store it as text",
            ));
        }
        self.begin(Some(len), true)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant> {
        self.in_variant(name, len, true)
    }
}

macro_rules! entries {
    ($($trait:ident: $call:ident;)*) => {$(
        impl ser::$trait for Entries<'_, '_, '_> {
            type Ok = ();
            type Error = Unwritable;

            fn $call<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.entry(value)
            }

            fn end(self) -> Result<()> {
                self.finish()
            }
        }
    )*};
}

entries! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

impl ser::SerializeMap for Entries<'_, '_, '_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.entry(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<()> {
        self.finish()
    }
}

macro_rules! named {
    ($($trait:ident)*) => {$(
        impl ser::$trait for Entries<'_, '_, '_> {
            type Ok = ();
            type Error = Unwritable;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<()> {
                self.named(name, value)
            }

            fn end(self) -> Result<()> {
                self.finish()
            }
        }
    )*};
}

named!(SerializeStruct SerializeStructVariant);

//! Any serde type as a value.

mod read;
mod write;

use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};

use minicbor::data::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use self::read::read;
use self::write::{Lengths, Unwritable, write};
use super::{Decoder, Encoder, NotNull, SealValue};
use crate::cbor::Out;
use crate::error::Error;
use crate::field::Sealed;

/// Any serde type as one sealed value: structs as maps by the names of their fields, enums by the
/// names of their variants (FORMAT.md, `[PT-14]`).
///
/// What it holds is sealed as a whole; renaming a field of it is up to serde (`alias`). `Debug` shows
/// nothing of it. For JSON whose shape is not known, seal `serde_json::Value` itself (feature `serde_json`).
///
/// Types with a text for people give that: IP addresses, and the types of `uuid`, `jiff`, `chrono`, `time` (feature
/// `serde-human-readable` of it) and `rust_decimal`. They come back wherever serde allows them, also tagged, untagged
/// and flattened. A structured value has no index: give what you search for a field of its own.
///
/// Sealing reads the value back before it seals it, which costs about as much again, and refuses with
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) what would not open as it was:
///
/// | value | because |
/// |---|---|
/// | an integer outside of −2^63 to 2^64−1 | the format has none |
/// | any `i128` or `u128` inside a tagged, untagged or flattened type | serde does not read one there |
/// | `Some(None)`, `Some(())`, and `Some` of a JSON null | it would open as `None` |
/// | a value that is null as a whole: a unit, an untagged unit variant, `None` | null is the absence of the field |
/// | an untagged variant that an earlier one hides | it would open as that one |
/// | a type whose `Serialize` and `Deserialize` do not agree | it would not open, or as another value |
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use fieldseal::field::Structured;
/// use fieldseal::{Class, DataKeys, Field, KeyRing};
///
/// #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
/// struct Address { street: String, city: String }
/// const ADDRESS: Field<Structured<Address>> = Field::new("customer", "address", Class::PERSONAL);
///
/// let ring = KeyRing::generate()?;
/// let keys = DataKeys::create(&ring, 42, ADDRESS)?;
/// let address = Structured(Address { street: "1 Main St".into(), city: "Oslo".into() });
/// let sealed = ADDRESS.seal(&keys, &address)?;
/// assert_eq!(ADDRESS.open(&keys, &sealed)?.0, address.0);
/// # }
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[allow(clippy::exhaustive_structs, reason = "a transparent wrapper")]
pub struct Structured<T>(pub T);

impl<T: Serialize + DeserializeOwned> SealValue for Structured<T> {
    type Column = Sealed<Self>;

    const KIND: crate::cbor::ValueKind = crate::cbor::ValueKind::Parts;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
        encode(&self.0, to, false)
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
        decode(from).map(Self)
    }
}

/// Writes any serde value as one item that reads back as the same value.
pub(super) fn encode<T: Serialize + DeserializeOwned>(
    value: &T,
    to: &mut Encoder<'_>,
    may_be_null: bool,
) -> Result<(), Error> {
    let refused = |why: Unwritable| Error::invalid(why.0);
    let (mut len, mut lengths) = (0, Lengths::default());
    write(value, Out::Count(&mut len), &mut lengths).map_err(refused)?;
    if to.is_counting() {
        return to.counted(len);
    }
    // Counted first, so that the buffer never moves and leaves a copy behind.
    let mut item = Zeroizing::new(Vec::with_capacity(len));
    write(value, Out::Bytes(&mut item), &mut lengths).map_err(refused)?;
    // `[PT-17]`
    if !crate::cbor::item_len(&item).is_ok_and(|len| len == item.len()) {
        return Err(Error::invalid("the value cannot be serialized into one item"));
    }
    // `[PT-11]`
    if !may_be_null && *item == [0xF6] {
        return Err(Error::invalid(
            "a structured value that is null as a whole: make the field an Option, or seal a serde_json::Value",
        ));
    }
    check_reads_back::<T>(&item)?;
    to.item(&item)
}

pub(super) fn decode<T: DeserializeOwned>(from: &mut Decoder<'_>) -> Result<T, Error> {
    decode_item(from.item()?)
}

pub(super) fn decode_item<T: DeserializeOwned>(item: &[u8]) -> Result<T, Error> {
    read(item).map_err(|_| Error::type_mismatch("a structured value of the type declared"))
}

/// `[PT-18]` A type can write what it does not read: serde keeps what is tagged, untagged or flattened in a form
/// that has no integers of 128 bits, and an untagged variant can be hidden by one before it. That is found out
/// while there still is a value.
fn check_reads_back<T: Serialize + DeserializeOwned>(item: &[u8]) -> Result<(), Error> {
    let Ok(again) = read::<T>(item) else {
        return Err(Error::invalid(
            "the value could not be read back as its type: serde reads no 128-bit integers inside tagged, untagged \
             or flattened types, and serialize and deserialize must agree",
        ));
    };
    let differs = || {
        Error::invalid(
            "the value would be read back as another: an untagged variant hides a later one, or serialize and \
             deserialize do not agree",
        )
    };
    let (mut len, mut lengths) = (0, Lengths::default());
    write(&again, Out::Count(&mut len), &mut lengths).map_err(|_| differs())?;
    let mut second = Zeroizing::new(Vec::with_capacity(len));
    write(&again, Out::Bytes(&mut second), &mut lengths).map_err(|_| differs())?;
    // Hashed sets and maps have another order each time.
    if *second == *item || sorted(&second) == sorted(item) { Ok(()) } else { Err(differs()) }
}

/// The item with the entries of its maps and arrays in the order of their bytes; `None` for what is no item.
fn sorted(item: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut decoder = minicbor::Decoder::new(item);
    let (count, per_entry) = match decoder.datatype().ok()? {
        Type::Array => (decoder.array().ok()??, 1),
        Type::Map => (decoder.map().ok()??, 2),
        _ => return Some(Zeroizing::new(item.to_vec())),
    };
    let (head, mut rest) = item.split_at_checked(decoder.position())?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let mut entry = Zeroizing::new(Vec::new());
        for _ in 0..per_entry {
            let (part, after) = rest.split_at_checked(crate::cbor::item_len(rest).ok()?)?;
            entry.extend_from_slice(&sorted(part)?);
            rest = after;
        }
        entries.push(entry);
    }
    entries.sort_unstable_by(|a, b| a.as_slice().cmp(b));
    let mut out = Zeroizing::new(Vec::with_capacity(item.len()));
    out.extend_from_slice(head);
    entries.iter().for_each(|entry| out.extend_from_slice(entry));
    Some(out)
}

impl<T: Serialize + DeserializeOwned> NotNull for Structured<T> {}

impl<T> fmt::Debug for Structured<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Structured(…)")
    }
}

impl<T> From<T> for Structured<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Structured<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Structured<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

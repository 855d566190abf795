//! serde: text in human-readable formats, bytes otherwise.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

use crate::encoding::{from_text, to_text};
use crate::envelope::KeyEnvelope;
use crate::error::Error;
use crate::field::Sealed;
use crate::index::{Term, Terms};
use crate::secret::Sensitive;

fn serialize<S: Serializer>(
    bytes: &[u8],
    to_text: impl FnOnce(&[u8]) -> String,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.serialize_str(&to_text(bytes))
    } else {
        serializer.serialize_bytes(bytes)
    }
}

fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
    what: &'static str,
    from_text: FromText,
) -> Result<Vec<u8>, D::Error> {
    let text_only = deserializer.is_human_readable();
    let bytes = BytesVisitor { what, from_text, text_only };
    if text_only {
        // Any, since asked for text a format names in its error the value that stands there instead.
        deserializer.deserialize_any(bytes)
    } else {
        deserializer.deserialize_byte_buf(bytes)
    }
}

impl<T> Serialize for Sealed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.as_bytes(), to_text, serializer)
    }
}

impl<'de, T> Deserialize<'de> for Sealed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer, "a sealed field", from_text).map(Self::from_bytes)
    }
}

impl Serialize for KeyEnvelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.as_bytes(), to_text, serializer)
    }
}

impl<'de> Deserialize<'de> for KeyEnvelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer, "a key envelope", from_text).map(Self::from_bytes)
    }
}

/// Hexadecimal in human-readable formats, as in a text column.
impl Serialize for Term {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.as_bytes(), |_| self.to_text(), serializer)
    }
}

impl<'de> Deserialize<'de> for Term {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let from_text = |text: &str, _| Self::from_text(text).map(|term| term.as_bytes().to_vec());
        deserialize(deserializer, "a term", from_text).map(Self::from_bytes)
    }
}

/// The terms; none at all, which is not an empty list, where they were not read.
impl Serialize for Terms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Terms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error of what is no list would show it.
        let shown_nothing =
            |_| D::Error::custom("a value of another type where terms were expected");
        let terms = Option::<Vec<Term>>::deserialize(deserializer).map_err(shown_nothing)?;
        Ok(terms.map_or_else(Self::unread, Self::from_terms))
    }
}

impl<'de, T: Zeroize + Deserialize<'de>> Deserialize<'de> for Sensitive<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error of a type that does not fit would show what stands there.
        let shown_nothing =
            |_| D::Error::custom("a sensitive value is missing here, or is of another type");
        T::deserialize(deserializer).map(Self::new).map_err(shown_nothing)
    }
}

impl<T: Zeroize + Serialize> Sensitive<T> {
    /// Writes the value in the clear: for `#[serde(serialize_with = "Sensitive::serialize_exposed")]` at
    /// the one field that is to show it (feature `serde`).
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize_exposed<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.expose().serialize(serializer)
    }

    /// [`serialize_exposed`](Self::serialize_exposed) for a field that is an `Option`.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize_option_exposed<S: Serializer>(
        value: &Option<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Self::expose).serialize(serializer)
    }
}

/// Never met: what is sensitive is serialized only where a field asks for it.
#[diagnostic::on_unimplemented(
    message = "a `Sensitive<{Self}>` is not serialized unless a field asks for it",
    label = "would be written in the clear",
    note = "leave it out by `#[serde(skip_serializing)]`, or write it on purpose by `#[serde(serialize_with = \"Sensitive::serialize_exposed\")]` (`serialize_option_exposed` for an `Option`)"
)]
#[allow(unnameable_types, reason = "so that no other crate implements it")]
pub trait SerializedWithoutAsking {}

/// Refused by the compiler, in words; see `Sensitive`.
impl<T: Zeroize + SerializedWithoutAsking> Serialize for Sensitive<T> {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("a sensitive value is not serialized unless a field asks for it"))
    }
}

/// Decodes the text form of what is named.
type FromText = fn(&str, &'static str) -> Result<Vec<u8>, Error>;

struct BytesVisitor {
    what: &'static str,
    from_text: FromText,
    text_only: bool,
}

impl BytesVisitor {
    fn other<E: serde::de::Error>(&self) -> E {
        E::custom(format_args!("a value of another type where {} was expected", self.what))
    }
}

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    // What another type of value holds must not show in the error, as serde's own would have it.
    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Vec<u8>, E> {
        Err(self.other())
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Vec<u8>, E> {
        Err(self.other())
    }

    fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<Vec<u8>, E> {
        Err(self.other())
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Vec<u8>, E> {
        Err(self.other())
    }

    fn visit_u128<E: serde::de::Error>(self, _: u128) -> Result<Vec<u8>, E> {
        Err(self.other())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Vec<u8>, E> {
        Err(self.other())
    }

    fn visit_char<E: serde::de::Error>(self, _: char) -> Result<Vec<u8>, E> {
        Err(self.other())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
        // The error says what the text is not, never the text itself.
        (self.from_text)(text, self.what).map_err(E::custom)
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
        if self.text_only {
            return Err(self.other());
        }
        const MOST_PREALLOCATED: usize = 4096;
        let mut bytes = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(MOST_PREALLOCATED));
        // The error of an element would name it.
        while let Some(byte) = seq.next_element().map_err(|_| self.other::<A::Error>())? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

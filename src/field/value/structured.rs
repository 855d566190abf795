//! Any serde type as a value.

use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};

use minicbor::data::Token;
use minicbor::decode::Tokenizer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{Decoder, Encoder, NotNull, SealValue};
use crate::cbor::Out;
use crate::error::Error;
use crate::field::Sealed;

/// Any serde type as one sealed value: structs as maps by the names of their fields, enums by the
/// names of their variants (FORMAT.md, `[PT-14]`).
///
/// What it holds is sealed as a whole; renaming a field of it is up to serde (`alias`). `Debug` shows
/// nothing of it.
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use fieldseal::{Class, DataKeys, Field, KeyRing, Structured};
///
/// #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
/// struct Address { street: String, city: String }
/// const ADDRESS: Field<Structured<Address>> = Field::new("customer", "address", Class::PERSONAL);
///
/// let ring = KeyRing::generate()?;
/// let keys = DataKeys::create(&ring, 42, &[Class::PERSONAL])?;
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

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
        let unwritable = || Error::invalid("the value cannot be serialized into one item");
        // Counted first, so that the buffer never moves and leaves a copy behind.
        let mut len = 0;
        let mut counter = minicbor_serde::Serializer::new(Out::Count(&mut len));
        self.0.serialize(&mut counter).map_err(|_| unwritable())?;
        let mut item = Zeroizing::new(Vec::with_capacity(len));
        let mut serializer = minicbor_serde::Serializer::new(Out::Bytes(&mut item));
        self.0.serialize(&mut serializer).map_err(|_| unwritable())?;
        if item.as_slice() == [0xF6] {
            return Err(Error::invalid(
                "a structured value that is absent as a whole: make the field an Option",
            ));
        }
        // `[PT-15]` Lengths that serde did not know beforehand are written by minicbor as indefinite.
        if crate::cbor::item_len(&item).is_ok_and(|len| len == item.len()) {
            return to.item(&item);
        }
        let item = definite(&item).ok_or_else(unwritable)?;
        to.item(&item)
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
        let item = from.item()?;
        let mismatch = || Error::type_mismatch("a structured value of the type declared");
        let mut deserializer = minicbor_serde::Deserializer::new(item);
        let value = T::deserialize(&mut deserializer).map_err(|_| mismatch())?;
        // What the type leaves unread is of another type.
        if deserializer.decoder().position() != item.len() {
            return Err(mismatch());
        }
        Ok(Self(value))
    }
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

/// The same item with definite lengths throughout.
fn definite(item: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(item.len()));
    let mut tokens = Tokenizer::new(item);
    let first = tokens.next()?.ok()?;
    copy_item(first, &mut tokens, &mut out, 0)?;
    tokens.next().is_none().then_some(out)
}

/// Copies the item that begins with `token`.
fn copy_item(
    token: Token<'_>,
    tokens: &mut Tokenizer<'_, '_>,
    out: &mut Vec<u8>,
    level: u8,
) -> Option<()> {
    // The check of the whole item allows no more levels than this.
    let level = level.checked_add(1).filter(|level| *level <= 65)?;
    let (per_entry, known) = match token {
        Token::Array(n) => (1, Some(n)),
        Token::Map(n) => (2, Some(n)),
        Token::BeginArray => (1, None),
        Token::BeginMap => (2, None),
        Token::Tag(_) => {
            put(out, &token)?;
            let inner = tokens.next()?.ok()?;
            return copy_item(inner, tokens, out, level);
        }
        scalar => return put(out, &scalar),
    };
    // No longer than what was there: the buffer does not move.
    let mut items = Zeroizing::new(Vec::with_capacity(out.capacity()));
    let mut copied: u64 = 0;
    while known.is_none_or(|n| n.checked_mul(per_entry).is_some_and(|total| copied < total)) {
        match tokens.next()?.ok()? {
            Token::Break if known.is_none() => break,
            token => copy_item(token, tokens, &mut items, level)?,
        }
        copied = copied.checked_add(1)?;
    }
    let count = copied.checked_div(per_entry)?;
    put(out, &if per_entry == 1 { Token::Array(count) } else { Token::Map(count) })?;
    out.extend_from_slice(&items);
    Some(())
}

fn put(out: &mut Vec<u8>, token: &Token<'_>) -> Option<()> {
    minicbor::Encoder::new(out).encode(token).ok().map(drop)
}

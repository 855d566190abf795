//! The bytes of a sealed field: its layout, its nonces, and the AEAD around one padded item.

use alloc::vec::Vec;

use zeroize::{Zeroize as _, Zeroizing};

use super::DataKeys;
use super::format::{KeyTag, Layout};
use super::generation::GenerationKey;
use crate::aead::{NONCE, PREFIX, Subkey, TAG, split};
use crate::cbor::{padded_len, top_level_content, unpad};
use crate::class::Declared;
use crate::encoding::{
    KEY_ENVELOPE, Put as _, Reader, SEALED_FIELD, STANDALONE, SmallBuf, TEXT_PREFIX, from_text,
    wrong_first_byte,
};
use crate::error::{Error, ErrorKind};
use crate::random::CallRng;

/// First byte and key tag.
const HEAD: usize = 5;
/// `[SF-1]` What a sealed field adds to its padded item: head, nonce, tag.
pub(crate) const OVERHEAD: usize = HEAD + NONCE + TAG;

/// The purpose byte of associated data.
pub(crate) const PURPOSE_VALUE: u8 = 0;
pub(crate) const PURPOSE_MASK: u8 = 1;
pub(crate) const PURPOSE_STANDALONE: u8 = 2;

/// The longest plaintext of the AEAD: 2^38 - 64 bytes.
const LONGEST: u64 = 274_877_906_880;

/// Plaintexts up to here are opened on the stack.
const SHORT: usize = 512;

/// A sealed field taken apart; not yet authenticated.
pub(crate) struct Parts<'a> {
    head: &'a [u8; HEAD],
    pub(crate) tag: KeyTag,
    nonce: &'a [u8; NONCE],
    ciphertext: &'a [u8],
    mac: &'a [u8; TAG],
}

impl<'a> Parts<'a> {
    /// `[OP-1]` a.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.first() != Some(&SEALED_FIELD) {
            return Err(wrong_first_byte(bytes.first().copied(), "a sealed field"));
        }
        Self::split(bytes)
            .ok_or_else(|| Error::malformed("a sealed field is at least 46 bytes long: it was cut"))
    }

    /// The length of the value with its padding.
    pub(crate) fn padded_len(&self) -> usize {
        self.ciphertext.len()
    }

    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
        let (ciphertext, mac) = rest.split_last_chunk::<TAG>()?;
        let [_, tag @ ..] = *head;
        (!ciphertext.is_empty()).then_some(Self { head, tag, nonce, ciphertext, mac })
    }
}

/// The nonces of one call under one data key: R ‖ u64 counter, so that the derivation from R is done
/// once.
pub(crate) struct Nonces {
    tag: KeyTag,
    prefix: [u8; PREFIX],
    subkey: Subkey,
    counter: u64,
}

impl Nonces {
    /// `[RN-3]` R is 16 random bytes, fresh per call and data key.
    pub(crate) fn begin(key: &GenerationKey, rng: &mut CallRng) -> Self {
        let prefix = rng.array();
        Self { tag: key.tag(), prefix, subkey: Subkey::derive(key.aead_key(), &prefix), counter: 0 }
    }

    /// `[SF-4]` Seals one item of `item_len` bytes, which `write` appends, padded to the multiple.
    /// One allocation: the output.
    pub(crate) fn seal(
        &mut self,
        item_len: usize,
        multiple: u16,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
        check: impl FnOnce(&[u8]) -> Result<(), Error>,
        context: impl FnOnce(&mut SmallBuf),
    ) -> Result<Vec<u8>, Error> {
        let padded = padded_len(item_len, multiple)?;
        if u64::try_from(padded).is_ok_and(|len| len > LONGEST) {
            return Err(Error::invalid("the value is longer than one AEAD call takes, 256 GiB"));
        }
        let len =
            padded.checked_add(OVERHEAD).ok_or_else(|| Error::invalid("the value is too long"))?;
        let start = HEAD + NONCE;
        // Zeroizing, so that a refused value does not stay behind; never grown, so that no copy does.
        let mut out = Zeroizing::new(Vec::with_capacity(len));
        out.put_u8(SEALED_FIELD);
        out.put(&self.tag);
        let mut aad = SmallBuf::new();
        aad.put(&out);
        context(&mut aad);
        out.put(&self.prefix);
        out.put_u64(self.counter);
        write(&mut out)?;
        let item = out.get(start..).unwrap_or_default();
        if item.len() != item_len {
            return Err(Error::declaration(
                "a value encodes to another length each time: its encoding must be stable",
            ));
        }
        check(item)?;
        out.resize(start.saturating_add(padded), 0);
        let plaintext = out.get_mut(start..).unwrap_or_default();
        let mac = self.subkey.seal(self.counter.to_be_bytes(), aad.as_slice(), plaintext);
        out.put(&mac);
        self.counter = self.counter.checked_add(1).ok_or_else(|| {
            Error::new(ErrorKind::Exhausted, "one call seals at most 2^64 values")
        })?;
        Ok(core::mem::take(&mut *out))
    }
}

/// The subkeys of one opening call: values sealed together share R, and so the derivation.
pub(crate) struct Opening<'k> {
    keys: &'k DataKeys,
    /// The latest few, so that a row whose fields were updated one by one costs no more memory.
    subkeys: [Option<Derived>; 4],
    next: usize,
}

struct Derived {
    tag: KeyTag,
    prefix: [u8; PREFIX],
    subkey: Subkey,
}

impl<'k> Opening<'k> {
    pub(crate) fn begin(keys: &'k DataKeys) -> Self {
        Self { keys, subkeys: [const { None }; 4], next: 0 }
    }

    /// `[OP-1]`: opens bytes sealed under a generation of the class, and reads the item.
    pub(crate) fn open<T>(
        &mut self,
        bytes: &[u8],
        class: Declared<'_>,
        was: Option<Declared<'_>>,
        context: impl FnOnce(&mut SmallBuf),
        read: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let parts = Parts::parse(bytes)?;
        let key = self.keys.opening(class, was, parts.tag)?;
        let (prefix, tail) = split(parts.nonce);
        let subkey = self.subkey(key, parts.tag, prefix);
        let mut aad = SmallBuf::new();
        aad.put(parts.head);
        context(&mut aad);
        with_scratch(parts.ciphertext.len(), |plaintext| {
            subkey
                .open(tail, aad.as_slice(), parts.ciphertext, parts.mac, plaintext)
                .map_err(|_| Error::tampered())?;
            read(unpad(plaintext)?)
        })
    }

    fn subkey(&mut self, key: &GenerationKey, tag: KeyTag, prefix: [u8; PREFIX]) -> &Subkey {
        let is_it = |derived: &Option<Derived>| {
            derived.as_ref().is_some_and(|known| known.tag == tag && known.prefix == prefix)
        };
        let position = self.subkeys.iter().position(is_it).unwrap_or_else(|| {
            let position = self.next;
            self.next = position.wrapping_add(1) % self.subkeys.len();
            position
        });
        // safe: the position is one found, or `next`, which stays below the length.
        #[allow(clippy::indexing_slicing, reason = "the position is below the length")]
        let place = &mut self.subkeys[position];
        let derive = || Derived { tag, prefix, subkey: Subkey::derive(key.aead_key(), &prefix) };
        if !is_it(place) {
            *place = None;
        }
        &place.get_or_insert_with(derive).subkey
    }
}

/// Runs `read` over a wiped buffer of this length, on the stack if it is short.
fn with_scratch<T>(
    len: usize,
    read: impl FnOnce(&mut [u8]) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut stack = [0; SHORT];
    if let Some(plaintext) = stack.get_mut(..len) {
        let result = read(plaintext);
        plaintext.zeroize();
        result
    } else {
        read(&mut Zeroizing::new(alloc::vec![0; len]))
    }
}

/// `[AS-1]` Refuses an item that is, as a whole, text or bytes of something sealed.
pub(crate) fn refuse_sealed(item: &[u8], keys: &DataKeys) -> Result<(), Error> {
    let Some((is_text, content)) = top_level_content(item) else {
        return Ok(());
    };
    let sealed = match core::str::from_utf8(content) {
        // Most text does not begin so, and then nothing is decoded.
        Ok(text) if is_text => {
            text.starts_with(TEXT_PREFIX)
                && from_text(text, "the value")
                    .is_ok_and(|bytes| is_sealed(&Zeroizing::new(bytes), Some(keys)))
        }
        _ => is_sealed(content, Some(keys)),
    };
    if sealed { Err(already_sealed()) } else { Ok(()) }
}

/// `[AS-1]` for the bytes of a standalone envelope, where no envelope is in use whose tags count.
pub(crate) fn refuse_sealed_bytes(bytes: &[u8]) -> Result<(), Error> {
    if is_sealed(bytes, None) { Err(already_sealed()) } else { Ok(()) }
}

#[cold]
fn already_sealed() -> Error {
    Error::new(
        ErrorKind::AlreadySealed,
        "the value is sealed already: open it, or store it as it is",
    )
}

fn is_sealed(content: &[u8], keys: Option<&DataKeys>) -> bool {
    match content {
        [SEALED_FIELD, ..] => Parts::parse(content)
            .is_ok_and(|parts| keys.is_some_and(|keys| keys.knows_tag(parts.tag))),
        [KEY_ENVELOPE, ..] => Layout::parse(content).is_ok(),
        [STANDALONE, ..] => split_standalone(content)
            .and_then(|(envelope, field)| {
                let layout = Layout::parse(envelope)?;
                check_standalone(&layout, Parts::parse(field)?.tag)
            })
            .is_ok(),
        _ => false,
    }
}

/// `[SA-5]` a and b: the key envelope and the sealed field of a standalone envelope.
pub(crate) fn split_standalone(bytes: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let what = "a standalone envelope";
    let Some((&STANDALONE, body)) = bytes.split_first() else {
        return Err(wrong_first_byte(bytes.first().copied(), what));
    };
    let mut reader = Reader::new(body, what);
    let envelope = reader.s16()?;
    let field = reader.rest();
    super::format::check_len(envelope.len())?;
    if envelope.first() != Some(&KEY_ENVELOPE) || field.first() != Some(&SEALED_FIELD) {
        return Err(Error::malformed(
            "a standalone envelope holds a key envelope and a sealed field",
        ));
    }
    Parts::parse(field)?;
    Ok((envelope, field))
}

/// `[SA-4]` Exactly one entry, live, of class `standalone` and generation 1, with the field's tag.
pub(crate) fn check_standalone(layout: &Layout<'_>, tag: KeyTag) -> Result<(), Error> {
    match layout.entries.as_slice() {
        [entry]
            if layout.erased_at.is_none()
                && entry.live().is_some()
                && entry.class == crate::class::Class::STANDALONE
                && entry.generation == 1
                && entry.tag() == tag =>
        {
            Ok(())
        }
        _ => Err(Error::malformed(
            "a standalone envelope holds one live key, that of its sealed field",
        )),
    }
}

/// The nonces of one sealing call, begun for each generation at its first value.
pub(crate) struct Sealing<'k> {
    keys: &'k DataKeys,
    rng: &'k mut CallRng,
    nonces: Vec<Nonces>,
}

impl<'k> Sealing<'k> {
    pub(crate) fn begin(keys: &'k DataKeys, rng: &'k mut CallRng) -> Self {
        Self { keys, rng, nonces: Vec::new() }
    }

    pub(crate) fn keys(&self) -> &'k DataKeys {
        self.keys
    }

    /// The nonces of this call under a key.
    pub(crate) fn nonces(&mut self, key: &GenerationKey) -> &mut Nonces {
        let known = self.nonces.iter().position(|nonces| nonces.tag == key.tag());
        let position = known.unwrap_or_else(|| {
            self.nonces.push(Nonces::begin(key, self.rng));
            self.nonces.len().saturating_sub(1)
        });
        // safe: the position is of an entry found or just pushed.
        #[allow(
            clippy::indexing_slicing,
            reason = "the position is of an entry found or just pushed"
        )]
        &mut self.nonces[position]
    }
}

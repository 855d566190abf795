//! The format's building bytes: `s8`, `s16`, big-endian integers, the strict reader, the text form.

pub(crate) mod base32;
#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
pub(crate) mod column;
#[cfg(feature = "file")]
pub(crate) mod json;

use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding as _};

use crate::error::{Error, ErrorKind};

/// First byte of a sealed field.
pub(crate) const SEALED_FIELD: u8 = 0xF5;
/// First byte of a key envelope.
pub(crate) const KEY_ENVELOPE: u8 = 0xF6;
/// First byte of a standalone envelope.
pub(crate) const STANDALONE: u8 = 0xF7;
/// Bytes from here on are reserved for streams and later versions.
const FIRST_RESERVED: u8 = 0xF8;

/// What the text form begins with.
pub(crate) const TEXT_PREFIX: &str = "fs1.";

/// Something bytes of the format are written to.
pub(crate) trait Put {
    fn put(&mut self, bytes: &[u8]);

    fn put_u8(&mut self, value: u8) {
        self.put(&[value]);
    }
    fn put_u16(&mut self, value: u16) {
        self.put(&value.to_be_bytes());
    }
    fn put_u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }
    fn put_u64(&mut self, value: u64) {
        self.put(&value.to_be_bytes());
    }

    /// `s8(x)` = u8 length ‖ x. Everything written so is at most 255 bytes by its type (a name, a
    /// tenant, an id); a longer slice would be cut, so that is refused in every build.
    fn put_s8(&mut self, bytes: &[u8]) {
        // safe: names and tenants are at most 64 bytes and ids at most 255, each checked when made.
        #[allow(clippy::expect_used, reason = "the types bound the length")]
        self.put_u8(u8::try_from(bytes.len()).expect("at most 255 bytes by type"));
        self.put(bytes);
    }
}

impl Put for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A buffer on the stack, for associated data and key derivation input; longer content moves to
/// the heap. Holds nothing secret.
pub(crate) struct SmallBuf {
    stack: [u8; Self::STACK],
    len: usize,
    heap: Vec<u8>,
}

impl SmallBuf {
    const STACK: usize = 192;

    pub(crate) fn new() -> Self {
        Self { stack: [0; Self::STACK], len: 0, heap: Vec::new() }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        if self.heap.is_empty() {
            self.stack.get(..self.len).unwrap_or_default()
        } else {
            &self.heap
        }
    }
}

impl Put for SmallBuf {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.stack.get_mut(self.len..end) {
            Some(place) if self.heap.is_empty() => {
                place.copy_from_slice(bytes);
                self.len = end;
            }
            _ => {
                if self.heap.is_empty() {
                    self.heap.extend_from_slice(self.stack.get(..self.len).unwrap_or_default());
                }
                self.heap.extend_from_slice(bytes);
            }
        }
    }
}

/// A strict reader: every shortfall is [`ErrorKind::Malformed`].
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// `what` names the thing being read, for the error.
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    fn short(&self) -> Error {
        Error::malformed(alloc::format!("{} ends too early", self.what))
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(u8::from_be_bytes)
    }
    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }
    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }
    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_be_bytes)
    }
    pub(crate) fn s8(&mut self) -> Result<&'a [u8], Error> {
        let len = self.u8()?;
        self.take(len.into())
    }
    pub(crate) fn s16(&mut self) -> Result<&'a [u8], Error> {
        let len = self.u16()?;
        self.take(len.into())
    }

    /// All that was not read yet.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn finish(self) -> Result<(), Error> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Error::malformed(alloc::format!("{} has bytes behind its end", self.what)))
        }
    }
}

/// Why bytes that should start with `expected` do not: unsupported where the byte is reserved for
/// a later version, else not sealed.
#[cold]
pub(crate) fn wrong_first_byte(first: Option<u8>, what: &'static str) -> Error {
    match first {
        Some(byte) if byte >= FIRST_RESERVED => Error::new(
            ErrorKind::Unsupported,
            alloc::format!(
                "{what} of a later format version (first byte {byte:#04x}): update fieldseal"
            ),
        ),
        _ => Error::new(
            ErrorKind::NotSealed,
            alloc::format!(
                "these bytes are not {what}; plaintext is never taken for a sealed value"
            ),
        ),
    }
}

/// The text form: `fs1.` ‖ base64url without padding.
pub(crate) fn to_text(bytes: &[u8]) -> String {
    let mut text = String::from(TEXT_PREFIX);
    text.push_str(&Base64UrlUnpadded::encode_string(bytes));
    text
}

/// Decodes the text form. Refuses any first byte but the three it exists for, padding, white space
/// and nonzero spare bits.
pub(crate) fn from_text(text: &str, what: &'static str) -> Result<Vec<u8>, Error> {
    let encoded = text.strip_prefix(TEXT_PREFIX).ok_or_else(|| wrong_first_byte(None, what))?;
    let bytes = Base64UrlUnpadded::decode_vec(encoded).map_err(|_| {
        Error::malformed(alloc::format!("{what} is not canonical base64url without padding"))
    })?;
    match bytes.first() {
        Some(&(SEALED_FIELD | KEY_ENVELOPE | STANDALONE)) => Ok(bytes),
        Some(&(FIRST_RESERVED..)) => Err(wrong_first_byte(bytes.first().copied(), what)),
        _ => Err(Error::malformed(alloc::format!(
            "{what} in text form has an impossible first byte"
        ))),
    }
}

/// A file of text without the byte-order mark that some editors begin it with. The mark is no part of a
/// text, and JSON has none (RFC 8259, 8.1).
#[cfg(feature = "file")]
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// Returns `true` for a file that some editors and shells save as UTF-16, by its byte-order mark.
#[cfg(feature = "file")]
pub(crate) fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF")
}

/// Base64url without padding, as ring documents carry bytes.
#[cfg(feature = "file")]
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// The bytes of canonical base64url without padding.
#[cfg(feature = "file")]
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// Lower-case hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
}

/// The bytes of exactly `N` lower-case pairs of hexadecimal digits.
#[cfg(feature = "file")]
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    from_hex_pairs(text)?.try_into().ok()
}

/// The bytes of lower-case pairs of hexadecimal digits.
pub(crate) fn from_hex_pairs(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_buffer_keeps_every_byte_past_the_stack() {
        let mut buffer = SmallBuf::new();
        let mut expected = Vec::new();
        for len in [0, 1, 100, 91, 0, 1, 255, 7] {
            let part = alloc::vec![u8::try_from(len).unwrap(); len];
            buffer.put(&part);
            expected.put(&part);
            assert_eq!(buffer.as_slice(), expected);
        }
    }

    #[test]
    fn text_form_has_one_spelling() {
        let text = to_text(&[0xF5, 1, 2, 3, 4]);
        assert_eq!(from_text(&text, "a field").unwrap(), [0xF5, 1, 2, 3, 4]);
        let spare_bits = text.replace("BAQ", "BAR");
        assert_eq!(text, "fs1.9QECAwQ");
        for bad in [
            "fs1.9QECAwR",
            "fs1.9QECAwQ=",
            "fs1.9QEC AwQ",
            "fs1.9QECAwQ\n",
            "fs1.9QEC+wQ",
            "fs2.9QECAwQ",
            "fs1.",
            "fs1.AAAA",
            "fs1.-AAA",
        ] {
            assert!(from_text(bad, "a field").is_err(), "{bad} decodes");
        }
        assert_eq!(spare_bits, text);
    }
}

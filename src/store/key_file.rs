//! Slot keys out of the environment, and out of files.

use std::path::Path;

use alloc::format;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::disk;
use crate::encoding::{is_utf16, without_mark};
use crate::error::{Error, ErrorKind};
use crate::keyring::SlotKey;

impl SlotKey {
    /// The key in an environment variable, as [text](Self::to_text).
    ///
    /// Processes that are started later inherit the variable: a file is the better place where others
    /// are started.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) when it is not set, or is empty;
    /// [`Malformed`](ErrorKind::Malformed) for what is no slot key.
    pub fn from_env(variable: &str) -> Result<Self, Error> {
        let text = std::env::var(variable).map(Zeroizing::new);
        match text {
            // A variable that a deployment declares and does not fill is empty.
            Ok(text) if !text.trim().is_empty() => Self::from_text(&text),
            _ => Err(Error::new(
                ErrorKind::MissingKey,
                format!(
                    "the environment variable {variable} is not set, is empty, or is not UTF-8: set it to a \
                     slot key"
                ),
            )),
        }
    }

    /// The key in a file: as [text](Self::to_text), or 32 bytes as they are. Bytes that are all
    /// characters are no key, but a passphrase, hexadecimal digits, or a text that was cut.
    ///
    /// # Errors
    /// [`Permissions`](ErrorKind::Permissions) for a file that others can read;
    /// [`Io`](ErrorKind::Io); [`Malformed`](ErrorKind::Malformed) for what is not a slot key, or is longer than 64 KiB.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_content(&disk::read(path.as_ref(), false, disk::SECRET)?.bytes)
    }

    /// The key that a file holds which was read elsewhere, as [`from_file`](Self::from_file) takes it.
    ///
    /// # Errors
    /// [`Malformed`](ErrorKind::Malformed) for what is no slot key.
    pub fn from_content(bytes: &[u8]) -> Result<Self, Error> {
        // Of random bytes, 1 of 10^12 is so. Zeros: a file that was never written.
        let is_text =
            |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || *byte == 0;
        if let Ok(key) = bytes.try_into()
            && !bytes.iter().all(is_text)
        {
            return Ok(Self::from_bytes(key));
        }
        if is_utf16(bytes) {
            return Err(Error::malformed(
                "the file of the slot key is a text in UTF-16: save it as UTF-8",
            ));
        }
        Self::from_text(core::str::from_utf8(without_mark(bytes)).unwrap_or_default())
    }

    /// Writes the key, as [text](Self::to_text), into a new file that only its owner can read.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io), also when the file is there already.
    pub fn create_file(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        // Long enough from the start: a text that grows leaves a copy behind.
        let text = self.to_text();
        let mut line = Zeroizing::new(Vec::with_capacity(text.len().saturating_add(1)));
        line.extend_from_slice(text.as_bytes());
        line.push(b'\n');
        disk::create(path.as_ref(), &line)
    }
}

//! Structure out of a fuzzer's bytes.

use fieldseal::{Id, ToId};

/// Bytes taken from the front; when they run out, zeros.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn u8(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_be_bytes(core::array::from_fn(|_| self.u8()))
    }

    /// At most `most` bytes.
    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let len = usize::from(self.u8()).min(most).min(self.0.len());
        let (head, rest) = self.0.split_at(len);
        self.0 = rest;
        head
    }

    /// Text of at most `most` bytes.
    pub(crate) fn text(&mut self, most: usize) -> String {
        let mut text = String::from_utf8_lossy(self.bytes(most)).into_owned();
        while text.len() > most {
            text.pop();
        }
        text
    }

    /// An id of any form, or what is refused as one.
    pub(crate) fn id(&mut self) -> Result<Id, fieldseal::Error> {
        let part = |input: &mut Self| match input.u8() % 5 {
            0 => input.u64().to_id(),
            1 => input.text(254).to_id(),
            2 => Ok(Id::from_uuid_bytes(core::array::from_fn(|_| input.u8()))),
            3 => input.bytes(254).to_id(),
            _ => i64::from_be_bytes(input.u64().to_be_bytes()).to_id(),
        };
        match self.u8() % 3 {
            0 | 1 => part(self),
            _ => (part(self)?, part(self)?).to_id(),
        }
    }
}

//! Values of a database, bound and read.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;

use crate::context::SubjectId;
use crate::envelope::KeyEnvelope;
use crate::error::Error;
use crate::store::keys::place::{ColumnId, envelope_of, other_type, tenant_not_utf8};

/// One value, bound or read. Arrays are bound alone, and in PostgreSQL alone.
#[allow(unnameable_types, unreachable_pub, reason = "of the sealed trait, where that is built")]
pub enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
    Uuid([u8; 16]),
    Integers(Vec<i64>),
    Texts(Vec<String>),
    ByteStrings(Vec<Vec<u8>>),
    Uuids(Vec<[u8; 16]>),
}

/// What is read.
#[derive(Clone, Copy)]
#[allow(unnameable_types, unreachable_pub, reason = "of the sealed trait, where that is built")]
pub enum Kind {
    Integer,
    Text,
    /// Text, or bytes where it is not UTF-8.
    TextId,
    Bytes,
    Uuid,
    Envelope,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&[u8]> for Cell {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<&SubjectId> for Cell {
    fn from(subject: &SubjectId) -> Self {
        subject.as_bytes().into()
    }
}

impl From<ColumnId> for Cell {
    fn from(id: ColumnId) -> Self {
        match id {
            ColumnId::Integer(number) => Self::Integer(number),
            ColumnId::Text(text) => Self::Text(text),
            ColumnId::Torn(text) => Self::Bytes(text),
            ColumnId::Uuid(bytes) => Self::Uuid(bytes),
        }
    }
}

impl Cell {
    pub(super) fn text(cell: Option<Self>) -> Result<String, Error> {
        if let Some(Self::Text(text)) = cell { Ok(text) } else { Err(other_type()) }
    }

    pub(super) fn tenant(cell: Option<Self>) -> Result<String, Error> {
        match cell {
            Some(Self::Bytes(tenant)) => Err(tenant_not_utf8(&tenant)),
            cell => Self::text(cell),
        }
    }

    pub(super) fn bytes(cell: Option<Self>) -> Result<Vec<u8>, Error> {
        if let Some(Self::Bytes(bytes)) = cell { Ok(bytes) } else { Err(other_type()) }
    }

    /// Returns an envelope of what a column holds. What is not one shows when it is used.
    pub(super) fn into_envelope(self) -> KeyEnvelope {
        match self {
            Self::Text(text) => envelope_of(&text),
            Self::Bytes(bytes) => KeyEnvelope::from_bytes(bytes),
            _ => KeyEnvelope::from_bytes([]),
        }
    }

    pub(super) fn to_envelope(&self) -> KeyEnvelope {
        match self {
            Self::Text(text) => envelope_of(text),
            Self::Bytes(bytes) => KeyEnvelope::from_bytes(bytes.as_slice()),
            _ => KeyEnvelope::from_bytes([]),
        }
    }

    pub(super) fn number(cell: Option<Self>) -> Result<i64, Error> {
        if let Some(Self::Integer(number)) = cell { Ok(number) } else { Err(other_type()) }
    }

    pub(super) fn generation(cell: Option<Self>) -> Result<u16, Error> {
        Self::number(cell)?
            .try_into()
            .map_err(|_| Error::malformed("the queue holds no such generation"))
    }

    pub(super) fn column_id(cell: Option<Self>) -> Result<ColumnId, Error> {
        match cell {
            Some(Self::Integer(number)) => Ok(ColumnId::Integer(number)),
            Some(Self::Text(text)) => Ok(ColumnId::Text(text)),
            Some(Self::Bytes(text)) => Ok(ColumnId::Torn(text)),
            Some(Self::Uuid(bytes)) => Ok(ColumnId::Uuid(bytes)),
            _ => Err(other_type()),
        }
    }

    /// One array of values of one kind: that of the first.
    pub(super) fn array(values: impl IntoIterator<Item = Self>) -> Result<Self, Error> {
        let mut values = values.into_iter();
        let mut array = match values.next() {
            Some(Self::Integer(first)) => Self::Integers(alloc::vec![first]),
            Some(Self::Text(first)) => Self::Texts(alloc::vec![first]),
            Some(Self::Bytes(first)) => Self::ByteStrings(alloc::vec![first]),
            Some(Self::Uuid(first)) => Self::Uuids(alloc::vec![first]),
            _ => return Err(other_type()),
        };
        for value in values {
            match (&mut array, value) {
                (Self::Integers(all), Self::Integer(one)) => all.push(one),
                (Self::Texts(all), Self::Text(one)) => all.push(one),
                (Self::ByteStrings(all), Self::Bytes(one)) => all.push(one),
                (Self::Uuids(all), Self::Uuid(one)) => all.push(one),
                _ => return Err(other_type()),
            }
        }
        Ok(array)
    }
}

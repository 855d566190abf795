//! SQLite through rusqlite: BLOB columns, or TEXT columns in the text form.

use alloc::boxed::Box;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::envelope::KeyEnvelope;
use crate::field::{ColumnValue, Sealed};
use crate::index::Term;

macro_rules! columns {
    ($of:ty $(, $parameter:ident)?) => {
        impl $(<$parameter>)? ToSql for $of {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
            }
        }

        impl $(<$parameter>)? FromSql for $of {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value {
                    ValueRef::Blob(bytes) => Ok(Self::from_bytes(bytes)),
                    ValueRef::Text(text) => utf8(text).and_then(|text| {
                        Self::from_text(text).map_err(|error| FromSqlError::Other(Box::new(error)))
                    }),
                    _ => Err(FromSqlError::InvalidType),
                }
            }
        }
    };
}

columns!(Sealed<T>, T);
columns!(KeyEnvelope);
columns!(Term);

/// A column of an update. Terms of which there are many are kept in a table, as SQLite has no arrays.
impl ToSql for ColumnValue<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Null => Ok(ToSqlOutput::Borrowed(ValueRef::Null)),
            Self::Bytes(bytes) => Ok(ToSqlOutput::Borrowed(ValueRef::Blob(bytes))),
            Self::Terms(_) => Err(rusqlite::Error::ToSqlConversionFailure(NO_ARRAYS.into())),
        }
    }
}

const NO_ARRAYS: &str =
    "SQLite has no arrays: declare the index with `table`, and keep its terms there";

fn utf8(text: &[u8]) -> FromSqlResult<&str> {
    core::str::from_utf8(text).map_err(|error| FromSqlError::Other(Box::new(error)))
}

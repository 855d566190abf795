//! SQLite and PostgreSQL through sqlx: BLOB and BYTEA columns, or TEXT columns in the text form.

use alloc::vec::Vec;

use sqlx::encode::IsNull;
use sqlx::error::{BoxDynError, UnexpectedNullError};
use sqlx::{Database, Decode, Encode, Type, TypeInfo as _, ValueRef as _};

use crate::encoding::column::{is_cut, unpadded};
use crate::envelope::KeyEnvelope;
use crate::error::Error;
use crate::field::{ColumnValue, Sealed};
use crate::index::Term;
#[cfg(feature = "sqlx-postgres")]
use crate::index::Terms;

/// Text columns hold the text form, the others bytes.
fn decoded<'r, DB, S>(
    value: DB::ValueRef<'r>,
    from_text: impl FnOnce(&str) -> Result<S, Error>,
    from_bytes: impl FnOnce(Vec<u8>) -> S,
) -> Result<S, BoxDynError>
where
    DB: Database,
    &'r str: Decode<'r, DB> + Type<DB>,
    Vec<u8>: Decode<'r, DB>,
{
    // SQLite's would take it for no bytes.
    if value.is_null() {
        return Err(UnexpectedNullError.into());
    }
    let stored = value.type_info().into_owned();
    if <&'r str as Type<DB>>::compatible(&stored) {
        Ok(from_text(unpadded(stored.name(), <&'r str as Decode<'r, DB>>::decode(value)?))?)
    } else {
        <Vec<u8> as Decode<'r, DB>>::decode(value).map(from_bytes)
    }
}

/// What is bound is bytes; into a text column bind `to_text()`.
macro_rules! columns {
    ($db:ty, $of:ty $(, $parameter:ident)?) => {
        impl $(<$parameter>)? Type<$db> for $of {
            fn type_info() -> <$db as Database>::TypeInfo {
                <Vec<u8> as Type<$db>>::type_info()
            }

            fn compatible(stored: &<$db as Database>::TypeInfo) -> bool {
                <Vec<u8> as Type<$db>>::compatible(stored)
                    || <&str as Type<$db>>::compatible(stored) && !is_cut(stored.name())
            }
        }

        impl<'q $(, $parameter)?> Encode<'q, $db> for $of {
            fn encode_by_ref(
                &self,
                to: &mut <$db as Database>::ArgumentBuffer,
            ) -> Result<IsNull, BoxDynError> {
                <&[u8] as Encode<'_, $db>>::encode(self.as_bytes(), to)
            }

            fn size_hint(&self) -> usize {
                self.as_bytes().len()
            }
        }

        impl<'r $(, $parameter)?> Decode<'r, $db> for $of {
            fn decode(value: <$db as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                decoded::<$db, Self>(value, |text| Self::from_text(text), |bytes| Self::from_bytes(bytes))
            }
        }
    };
}

#[cfg(feature = "sqlx-sqlite")]
columns!(sqlx::Sqlite, KeyEnvelope);
#[cfg(feature = "sqlx-sqlite")]
columns!(sqlx::Sqlite, Sealed<T>, T);
#[cfg(feature = "sqlx-sqlite")]
columns!(sqlx::Sqlite, Term);
#[cfg(feature = "sqlx-postgres")]
columns!(sqlx::Postgres, KeyEnvelope);
#[cfg(feature = "sqlx-postgres")]
columns!(sqlx::Postgres, Sealed<T>, T);
#[cfg(feature = "sqlx-postgres")]
columns!(sqlx::Postgres, Term);

// Many at once, as `UNNEST($1)` takes them.
#[cfg(feature = "sqlx-postgres")]
impl sqlx::postgres::PgHasArrayType for KeyEnvelope {
    fn array_type_info() -> sqlx::postgres::PgTypeInfo {
        <Vec<u8> as sqlx::postgres::PgHasArrayType>::array_type_info()
    }
}

#[cfg(feature = "sqlx-postgres")]
impl<T> sqlx::postgres::PgHasArrayType for Sealed<T> {
    fn array_type_info() -> sqlx::postgres::PgTypeInfo {
        <Vec<u8> as sqlx::postgres::PgHasArrayType>::array_type_info()
    }
}

#[cfg(feature = "sqlx-postgres")]
impl sqlx::postgres::PgHasArrayType for Term {
    fn array_type_info() -> sqlx::postgres::PgTypeInfo {
        <Vec<u8> as sqlx::postgres::PgHasArrayType>::array_type_info()
    }
}

/// `BYTEA[]`. An empty array is a value that has no terms; NULL is terms that were never made, as in a
/// row that is older than its index.
#[cfg(feature = "sqlx-postgres")]
impl Type<sqlx::Postgres> for Terms {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        <[Term] as Type<sqlx::Postgres>>::type_info()
    }

    fn compatible(stored: &sqlx::postgres::PgTypeInfo) -> bool {
        <[Term] as Type<sqlx::Postgres>>::compatible(stored)
    }
}

#[cfg(feature = "sqlx-postgres")]
impl Encode<'_, sqlx::Postgres> for Terms {
    fn encode_by_ref(
        &self,
        to: &mut <sqlx::Postgres as Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        // NULL in the place of terms would hide the row from every query.
        let terms = self.as_slice().ok_or(
            "the terms of an index have not been read: write those of a row that was sealed or reindexed",
        )?;
        terms.encode_by_ref(to)
    }
}

#[cfg(feature = "sqlx-postgres")]
impl Decode<'_, sqlx::Postgres> for Terms {
    fn decode(value: <sqlx::Postgres as Database>::ValueRef<'_>) -> Result<Self, BoxDynError> {
        if value.is_null() {
            return Ok(Self::unread());
        }
        Vec::<Term>::decode(value).map(Self::from_terms)
    }
}

/// A column of an update. Terms of which there are many are kept in a table, as SQLite has no arrays.
#[cfg(feature = "sqlx-sqlite")]
impl Type<sqlx::Sqlite> for ColumnValue<'_> {
    fn type_info() -> <sqlx::Sqlite as Database>::TypeInfo {
        <Vec<u8> as Type<sqlx::Sqlite>>::type_info()
    }
}

#[cfg(feature = "sqlx-sqlite")]
impl Encode<'_, sqlx::Sqlite> for ColumnValue<'_> {
    fn encode_by_ref(
        &self,
        to: &mut <sqlx::Sqlite as Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bytes(bytes) => <&[u8] as Encode<'_, sqlx::Sqlite>>::encode(bytes, to),
            Self::Terms(_) => Err(
                "SQLite has no arrays: declare the index with `table`, and keep its terms there"
                    .into(),
            ),
        }
    }
}

/// A column of an update: BYTEA, or BYTEA[] for an index of many terms.
#[cfg(feature = "sqlx-postgres")]
impl Type<sqlx::Postgres> for ColumnValue<'_> {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        <Vec<u8> as Type<sqlx::Postgres>>::type_info()
    }
}

#[cfg(feature = "sqlx-postgres")]
impl Encode<'_, sqlx::Postgres> for ColumnValue<'_> {
    fn encode_by_ref(
        &self,
        to: &mut <sqlx::Postgres as Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bytes(bytes) => <&[u8] as Encode<'_, sqlx::Postgres>>::encode(bytes, to),
            Self::Terms(terms) => terms.encode_by_ref(to),
        }
    }

    fn produces(&self) -> Option<sqlx::postgres::PgTypeInfo> {
        Some(match self {
            Self::Terms(_) => <[Term] as Type<sqlx::Postgres>>::type_info(),
            Self::Null | Self::Bytes(_) => <Vec<u8> as Type<sqlx::Postgres>>::type_info(),
        })
    }
}

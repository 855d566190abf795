//! The table of terms of a SQLite database, which has no arrays: what finds rows by indexes of many
//! terms.

#[cfg(feature = "rusqlite")]
mod sqlite;
#[cfg(feature = "sqlx-sqlite")]
mod sqlx;

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;

#[cfg(feature = "rusqlite")]
pub use self::sqlite::SqliteTermsTable;
#[cfg(feature = "sqlx-sqlite")]
pub use self::sqlx::SqlxTermsTable;

use crate::context::ToId;
use crate::error::Error;
use crate::field::{Index, ManyTerms, SealValue, Update};
use crate::index::{Term, Terms};
use crate::record::{Record as _, SealedRecord};

/// What has terms for the table: a sealed row, what a field's update gave, or an index and the terms of a
/// row by it.
pub trait TableTerms {
    /// The stable id of the record, and the terms by the ids of their indexes.
    #[doc(hidden)]
    fn table_terms(&self) -> (&str, Vec<(&str, &Terms)>);
}

impl<S: SealedRecord> TableTerms for S {
    fn table_terms(&self) -> (&str, Vec<(&str, &Terms)>) {
        (S::Record::SCHEMA.record(), SealedRecord::table_terms(self))
    }
}

impl<T: SealValue> TableTerms for Update<'_, T> {
    fn table_terms(&self) -> (&str, Vec<(&str, &Terms)>) {
        Self::table_terms(self)
    }
}

#[cfg(feature = "schema")]
impl TableTerms for crate::record::RowUpdate<'_> {
    fn table_terms(&self) -> (&str, Vec<(&str, &Terms)>) {
        Self::table_terms(self)
    }
}

impl<T> TableTerms for (&Index<T, ManyTerms>, &Terms) {
    fn table_terms(&self) -> (&str, Vec<(&str, &Terms)>) {
        (self.0.record(), alloc::vec![(self.0.id(), self.1)])
    }
}

/// The primary key finds rows by their terms, the index a row's terms, to replace and to remove them.
/// `row` has the type of the key of the application's rows. Its column declares no type, so that SQLite keeps
/// the text "7" apart from the number.
///
/// Not a STRICT table: one of those makes the application's whole file unreadable to SQLite before 3.37.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS fieldseal_terms (
    record TEXT NOT NULL CHECK (typeof(record) = 'text'),
    \"index\" TEXT NOT NULL CHECK (typeof(\"index\") = 'text'),
    term BLOB NOT NULL CHECK (typeof(term) = 'blob'),
    \"row\" NOT NULL,
    PRIMARY KEY (record, \"index\", term, \"row\")
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fieldseal_terms_row ON fieldseal_terms (record, \"row\", \"index\");";

const FORGET: &str =
    "DELETE FROM fieldseal_terms WHERE record = ?1 AND \"row\" = ?2 AND \"index\" = ?3";

const REMOVE: &str = "DELETE FROM fieldseal_terms WHERE record = ?1 AND \"row\" = ?2";

/// The key of a row of the application's, as its column holds it.
enum RowKey {
    Integer(i64),
    Text(String),
    Uuid([u8; 16]),
}

impl RowKey {
    fn new(row: impl ToId) -> Result<Self, Error> {
        let row = row.to_id()?;
        let text = || row.as_text().map(|text| Self::Text(text.to_owned()));
        let uuid = || row.as_uuid_bytes().map(Self::Uuid);
        row.as_i64().map(Self::Integer).or_else(text).or_else(uuid).ok_or_else(|| {
            Error::declaration(
                "the table of terms holds rows by keys that are integers up to 2^63-1, texts or UUIDs: give the row a key of its own",
            )
        })
    }
}

type ByIndex<'a> = Vec<(&'a str, Vec<Term>)>;

/// The record, and the terms to be stored, by their indexes. A value that has none is marked by the empty
/// term, which no query asks for: so it is told from a value whose terms were never made.
fn stored(of: &impl TableTerms) -> Result<(&str, ByIndex<'_>), Error> {
    let (record, terms) = of.table_terms();
    let stored = terms.into_iter().map(|(index, terms)| match terms.as_slice() {
        Some([]) => Ok((index, alloc::vec![Term::from_bytes([])])),
        Some(terms) => Ok((index, terms.to_vec())),
        None => {
            let unread = "the terms of this index have not been read from the table: write those of a row that was sealed or reindexed";
            Err(Error::invalid(unread).at(record, index))
        }
    });
    Ok((record, stored.collect::<Result<_, _>>()?))
}

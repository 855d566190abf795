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

/// `fieldseal_terms` finds rows by their terms. `fieldseal_rows` has the terms of a row by each index, to replace and to
/// remove them: all in one value, as a row for each would repeat what is around it. Both name an index by its number in
/// `fieldseal_indexes`: its name in each row was most of the file.
///
/// `row` has the type of the key of the application's rows. Its column declares no type, so that SQLite keeps
/// the text "7" apart from the number.
///
/// Not STRICT tables: one of those makes the application's whole file unreadable to SQLite before 3.37.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS fieldseal_indexes (
    id INTEGER PRIMARY KEY,
    record TEXT NOT NULL CHECK (typeof(record) = 'text'),
    \"index\" TEXT NOT NULL CHECK (typeof(\"index\") = 'text'),
    UNIQUE (record, \"index\")
);
CREATE TABLE IF NOT EXISTS fieldseal_terms (
    \"index\" INTEGER NOT NULL CHECK (typeof(\"index\") = 'integer'),
    term BLOB NOT NULL CHECK (typeof(term) = 'blob'),
    \"row\" NOT NULL,
    PRIMARY KEY (\"index\", term, \"row\")
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fieldseal_rows (
    \"row\" NOT NULL,
    \"index\" INTEGER NOT NULL CHECK (typeof(\"index\") = 'integer'),
    terms BLOB NOT NULL CHECK (typeof(terms) = 'blob'),
    PRIMARY KEY (\"row\", \"index\")
) WITHOUT ROWID;";

/// Gives an index its number, once. It is a write also where there is nothing to write: so the lock is taken before
/// anything is read.
const NUMBER: &str =
    "INSERT INTO fieldseal_indexes (record, \"index\") VALUES (?1, ?2) ON CONFLICT DO NOTHING";

const NUMBER_OF: &str = "SELECT id FROM fieldseal_indexes WHERE record = ?1 AND \"index\" = ?2";

/// The terms that a row has.
const KEPT: &str = "SELECT terms FROM fieldseal_rows WHERE \"row\" = ?1 AND \"index\" = ?2";

const KEEP: &str = "INSERT INTO fieldseal_rows (\"row\", \"index\", terms) VALUES (?1, ?2, ?3)
     ON CONFLICT (\"row\", \"index\") DO UPDATE SET terms = excluded.terms";

/// Takes the lock of a writer.
const LOCK: &str = "DELETE FROM fieldseal_rows WHERE 0";

/// The terms that a row of a record has, by the numbers of their indexes.
const ALL_KEPT: &str = "SELECT \"index\", terms FROM fieldseal_rows WHERE \"row\" = ?1
     AND \"index\" IN (SELECT id FROM fieldseal_indexes WHERE record = ?2)";

const KEEP_NONE: &str = "DELETE FROM fieldseal_rows WHERE \"row\" = ?1
     AND \"index\" IN (SELECT id FROM fieldseal_indexes WHERE record = ?2)";

/// How much of a term `fieldseal_rows` has: the id of its key, and 64 bits. It says which term of the table is a row's;
/// a whole term there would be most of what it takes.
const KEPT_BYTES: usize = 12;

/// The first term at or after `?2`.
const FROM: &str = "SELECT min(term) FROM fieldseal_terms WHERE \"index\" = ?1 AND term >= ?2";

const DROP: &str =
    "DELETE FROM fieldseal_terms WHERE \"index\" = ?1 AND term = ?2 AND \"row\" = ?3";

fn start(term: &[u8]) -> &[u8] {
    term.get(..KEPT_BYTES).unwrap_or(term)
}

/// The terms of a row, as `fieldseal_rows` has them: the start of each, after its length.
fn packed(terms: &[Term]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(terms.len().saturating_mul(1 + KEPT_BYTES));
    for term in terms {
        let bytes = start(term.as_bytes());
        packed.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
        packed.extend_from_slice(bytes);
    }
    packed
}

/// The starts of terms that are packed, without those of these terms.
fn unpacked<'p>(mut packed: &'p [u8], without: &[Term]) -> Vec<&'p [u8]> {
    let mut starts = Vec::new();
    while let Some((length, rest)) = packed.split_first() {
        let Some((one, rest)) = rest.split_at_checked(usize::from(*length)) else { break };
        if !without.iter().any(|term| start(term.as_bytes()) == one) {
            starts.push(one);
        }
        packed = rest;
    }
    starts
}

/// Returns the term to look for after this one, which was found, and begins as the row's does; `None` where no more can.
fn following(start: &[u8], found: &[u8]) -> Option<Vec<u8>> {
    // A shorter start is a whole term.
    (start.len() == KEPT_BYTES).then(|| [found, &[0]].concat())
}

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
            Err(Error::declaration(unread).at(record, index))
        }
    });
    Ok((record, stored.collect::<Result<_, _>>()?))
}

//! The customers' table in a SQLite file.

use std::path::{Path, PathBuf};

use fieldseal::field::Update;
use fieldseal::store::{SqlCondition, SqliteTermsTable};
use fieldseal::{KeyEnvelope, SealValue};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params, params_from_iter};

use crate::{Anyhow, SealedCustomer, customer};

/// Customers written, and read, in one go.
pub(crate) const PAGE: usize = 100;

/// A row that exists keeps the envelope that it has, or gets a later version of it: `seal_new` is for inserts.
const TRIGGERS: &str = "
    CREATE TRIGGER customer_keys BEFORE UPDATE ON customer
    WHEN NEW.keys IS NULL OR (NEW.keys <> OLD.keys AND substr(NEW.keys, 2, 8) <= substr(OLD.keys, 2, 8))
    BEGIN SELECT RAISE(ABORT, 'an envelope is followed by a later version: seal the row by seal_under'); END;
    CREATE TRIGGER customer_exists BEFORE INSERT ON customer
    WHEN EXISTS (SELECT 1 FROM customer WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the customer exists: update the row, sealed by seal_under'); END";

pub(crate) struct Store {
    connection: Connection,
}

/// Where the file will be. One that the caller names must not exist.
pub(crate) fn fresh_path(named: Option<&Path>) -> Anyhow<PathBuf> {
    if let Some(path) = named {
        if path.exists() {
            return Err(format!(
                "{} exists: name a file that does not, or remove it",
                path.display()
            )
            .into());
        }
        return Ok(path.to_owned());
    }
    let path = std::env::temp_dir().join(format!("fieldseal-customers-{}.db", std::process::id()));
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    Ok(path)
}

/// A file that is not finished: it is removed, unless it is given its name at the end.
pub(crate) struct Unfinished(PathBuf);

impl Unfinished {
    /// One beside this path. What an earlier run left there, when it was killed, is replaced.
    pub(crate) fn beside(path: &Path) -> Anyhow<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".unfinished");
        let unfinished = Self(name.into());
        if unfinished.0.exists() {
            std::fs::remove_file(&unfinished.0)?;
        }
        Ok(unfinished)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives the file its name.
    pub(crate) fn finish(self, path: &Path) -> Anyhow<()> {
        Ok(std::fs::rename(&self.0, path)?)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It has its name already, or it is of no use.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Store {
    /// Makes the file and its table. Sealed columns are BLOBs; the key envelope stands in the row.
    pub(crate) fn create(path: &Path) -> Anyhow<Self> {
        let store = Self::open(path)?;
        let columns: Vec<String> = customer::COLUMNS
            .iter()
            .map(|column| match *column {
                "id" => "id INTEGER PRIMARY KEY AUTOINCREMENT".to_owned(),
                "country" | "plan" | "created_at" => format!("{column} TEXT NOT NULL"),
                sealed => format!("{sealed} BLOB"),
            })
            .collect();
        store.connection.execute(&format!("CREATE TABLE customer ({})", columns.join(", ")), [])?;
        // What is found by one term is found by an ordinary index, and what has many by the table of them.
        for column in ["email_index", "phone_index"] {
            let sql = format!("CREATE INDEX customer_{column} ON customer ({column})");
            store.connection.execute(&sql, [])?;
        }
        store.connection.execute_batch(TRIGGERS)?;
        SqliteTermsTable::new().migrate(&store.connection)?;
        Ok(store)
    }

    pub(crate) fn open(path: &Path) -> Anyhow<Self> {
        Ok(Self { connection: Connection::open(path)? })
    }

    pub(crate) fn close(self) -> Anyhow<()> {
        self.connection.close().map_err(|(_, error)| error.into())
    }

    pub(crate) fn insert(&mut self, rows: &[SealedCustomer]) -> Anyhow<()> {
        let places = vec!["?"; customer::COLUMNS.len()].join(", ");
        let sql =
            format!("INSERT INTO customer ({}) VALUES ({places})", customer::COLUMNS.join(", "));
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare(&sql)?;
            for row in rows {
                insert.execute(&row.params()[..])?;
                SqliteTermsTable::new().write(&transaction, row.id, row)?;
            }
        }
        Ok(transaction.commit()?)
    }

    pub(crate) fn by_id(&self, id: i64) -> Anyhow<SealedCustomer> {
        let sql = format!("SELECT {} FROM customer WHERE id = ?", customer::COLUMNS.join(", "));
        Ok(self.connection.prepare_cached(&sql)?.query_row([id], SealedCustomer::from_row)?)
    }

    /// The rows that an index finds.
    pub(crate) fn found(&self, found: &SqlCondition) -> Anyhow<Vec<SealedCustomer>> {
        let columns = customer::COLUMNS.join(", ");
        let sql = format!("SELECT {columns} FROM customer WHERE {} ORDER BY id", found.sql());
        let mut select = self.connection.prepare_cached(&sql)?;
        let rows = select.query_map(params_from_iter(found.terms()), SealedCustomer::from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Stores a value that was sealed under this envelope, with all that goes with it, while that is still
    /// the row's.
    pub(crate) fn update<T: SealValue>(
        &mut self,
        id: i64,
        update: &Update<T>,
        keys: &KeyEnvelope,
    ) -> Anyhow<()> {
        let transaction = self.connection.transaction()?;
        for (column, value) in update.columns() {
            let sql = format!("UPDATE customer SET {column} = ? WHERE id = ? AND keys = ?");
            if transaction.execute(&sql, params![value, id, keys])? != 1 {
                return Err(
                    "the customer was changed meanwhile: read the row again, and do it again"
                        .into(),
                );
            }
        }
        SqliteTermsTable::new().write(&transaction, id, update)?;
        Ok(transaction.commit()?)
    }

    #[cfg(feature = "file")]
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Stores these columns of a row, inside a transaction in which it was read.
    #[cfg(feature = "file")]
    pub(crate) fn store_columns(
        &self,
        row: &SealedCustomer,
        columns: impl Iterator<Item = &'static str>,
    ) -> Anyhow<()> {
        for column in columns {
            let sql = format!("UPDATE customer SET {column} = ? WHERE id = ?");
            let named = customer::COLUMNS.iter().zip(row.params());
            for (_, value) in named.filter(|(name, _)| **name == column) {
                if self.connection.execute(&sql, params![value, row.id])? != 1 {
                    return Err(format!("customer {} is not there any more", row.id).into());
                }
            }
        }
        Ok(())
    }

    /// The columns of a row as the file has them, for someone without a key.
    pub(crate) fn raw(&self, id: i64) -> Anyhow<Vec<(String, String)>> {
        let sql = format!("SELECT {} FROM customer WHERE id = ?", customer::COLUMNS.join(", "));
        let mut select = self.connection.prepare(&sql)?;
        let row = select.query_row([id], |row| {
            let column =
                |(n, name): (usize, &&str)| Ok(((*name).to_owned(), printed(row.get_ref(n)?)));
            customer::COLUMNS.iter().enumerate().map(column).collect()
        })?;
        Ok(row)
    }
}

fn printed(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(n) => n.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => {
            let start: String = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            format!("{start}… ({} bytes)", bytes.len())
        }
    }
}

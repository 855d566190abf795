//! The SQL of searching by index terms, for SQLite and PostgreSQL: conditions for a WHERE clause, with
//! their terms as parameters. The statement around them is the application's.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::encoding::to_hex;
use crate::error::Error;
use crate::field::{Index, ManyTerms, Query};
use crate::index::{Stale, Term};

/// The databases whose SQL is written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SqlDialect {
    /// SQLite, by whichever crate.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A condition for a WHERE clause, and the terms that its placeholders stand for.
///
/// Placeholders are numbered from 1, or behind the parameters that the statement has already, by
/// [`after`](Self::after): `?1` for SQLite, where each is one term, `$1` for PostgreSQL, where each is an
/// array of terms.
///
/// A condition without a term that could be there is false, and not a syntax error.
#[derive(Clone, Debug)]
pub struct SqlCondition {
    dialect: SqlDialect,
    place: Place,
    groups: Vec<Vec<Term>>,
    after: usize,
}

/// Where terms are looked for. Names are quoted.
#[derive(Clone, Debug)]
enum Place {
    Column(String),
    Array(String),
    Table { key: String, of: String },
}

impl<T> Query<'_, T> {
    /// Rows whose term stands in this column, of bytes: `email_index`, or `customer.email_index`. An
    /// ordinary index of the column is what finds them:
    ///
    /// ```sql
    /// CREATE INDEX customer_email_index ON customer (email_index);
    /// ```
    ///
    /// A name with a dot in it is that of a table, then that of a column; each is quoted.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) for an empty name, and one with a zero byte; and for
    /// several words, as a column with one term has not the terms of all of them.
    pub fn in_column(&self, dialect: SqlDialect, column: &str) -> Result<SqlCondition, Error> {
        if self.groups().len() > 1 {
            return Err(Error::declaration(
                "no column with one term has the terms of several words: ask the array or the table of terms",
            ));
        }
        Ok(self.condition(dialect, Place::Column(name(dialect, column)?)))
    }

    /// Rows whose terms stand in this column, an array of PostgreSQL: `BYTEA[]`. A GIN index of the
    /// column is what finds them:
    ///
    /// ```sql
    /// CREATE INDEX customer_surname_prefix ON customer USING gin (surname_prefix);
    /// ```
    ///
    /// # Errors
    /// As [`in_column`](Self::in_column).
    pub fn in_array(&self, column: &str) -> Result<SqlCondition, Error> {
        let dialect = SqlDialect::Postgres;
        Ok(self.condition(dialect, Place::Array(name(dialect, column)?)))
    }

    /// Rows whose terms stand in the table of terms of a SQLite database, under the key in this column:
    /// `customer.id`. The primary key of the table of terms is what finds them.
    ///
    /// # Errors
    /// As [`in_column`](Self::in_column).
    pub fn in_table(&self, key: &str) -> Result<SqlCondition, Error> {
        let dialect = SqlDialect::Sqlite;
        let of = of_index(self.record(), self.index());
        Ok(self.condition(dialect, Place::Table { key: name(dialect, key)?, of }))
    }

    fn condition(&self, dialect: SqlDialect, place: Place) -> SqlCondition {
        SqlCondition { dialect, place, groups: self.groups().to_vec(), after: 0 }
    }
}

impl SqlCondition {
    /// Numbers the placeholders behind this many parameters of the statement's own.
    #[must_use]
    pub fn after(mut self, parameters: usize) -> Self {
        self.after = parameters;
        self
    }

    /// The condition, in parentheses.
    pub fn sql(&self) -> String {
        let (mut sql, mut number) = (String::from("("), self.after);
        for (position, group) in self.groups.iter().enumerate() {
            if position > 0 {
                sql.push_str(" AND ");
            }
            let mut next = || {
                number += 1;
                number
            };
            // Writing to a string does not fail.
            let _ = match (&self.place, self.dialect) {
                (Place::Column(column), SqlDialect::Sqlite) => {
                    write!(sql, "{column} IN ({})", placeholders(group, next))
                }
                (Place::Column(column), SqlDialect::Postgres) => {
                    write!(sql, "{column} = ANY (${})", next())
                }
                (Place::Array(column), _) => write!(sql, "{column} && ${}", next()),
                (Place::Table { key, of }, _) => write!(
                    sql,
                    "{key} IN (SELECT \"row\" FROM fieldseal_terms WHERE {of} AND term IN ({}))",
                    placeholders(group, next)
                ),
            };
        }
        // `[]` would be true of every row, and is no question.
        sql.push_str(if self.groups.is_empty() { "1 = 0)" } else { ")" });
        sql
    }

    /// The terms one by one, as the placeholders of SQLite take them.
    ///
    /// ```
    /// # use fieldseal::store::SqlCondition;
    /// # #[cfg(feature = "rusqlite")]
    /// fn ids(db: &rusqlite::Connection, found: &SqlCondition) -> rusqlite::Result<Vec<i64>> {
    ///     let sql = format!("SELECT id FROM customer WHERE {}", found.sql());
    ///     let mut statement = db.prepare(&sql)?;
    ///     let ids = statement.query_map(rusqlite::params_from_iter(found.terms()), |row| row.get(0))?;
    ///     ids.collect()
    /// }
    /// ```
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.groups.iter().flatten()
    }

    /// The terms in arrays, as the placeholders of PostgreSQL take them.
    pub fn arrays(&self) -> impl Iterator<Item = &[Term]> {
        self.groups.iter().map(Vec::as_slice)
    }

    /// Adds the terms to the arguments of a statement of sqlx, behind those of its own.
    ///
    /// ```
    /// # use fieldseal::store::SqlCondition;
    /// # #[cfg(feature = "sqlx-postgres")]
    /// async fn ids(
    ///     db: &mut sqlx::PgConnection,
    ///     found: &SqlCondition,
    /// ) -> Result<Vec<i64>, Box<dyn std::error::Error>> {
    ///     let sql = format!("SELECT id FROM customer WHERE {}", found.sql());
    ///     let mut terms = sqlx::postgres::PgArguments::default();
    ///     found.add_to::<sqlx::Postgres>(&mut terms)?;
    ///     let ids = sqlx::query_scalar_with(sqlx::AssertSqlSafe(sql), terms);
    ///     Ok(ids.fetch_all(db).await?)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) when the condition is for the other database.
    #[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
    pub fn add_to<DB: super::SqlxDatabase>(
        &self,
        arguments: &mut DB::Arguments,
    ) -> Result<(), Error> {
        if self.dialect != DB::CONDITIONS {
            return Err(Error::declaration(
                "the condition is for the other database: ask for it by the dialect of this one",
            ));
        }
        self.arrays().try_for_each(|terms| {
            DB::add_terms(arguments, terms).map_err(|error| Error::invalid(format!("{error}")))
        })
    }
}

impl Stale {
    /// Rows whose term in this column is of another key than the primary one: those to reindex after
    /// a rotation. A condition without parameters; the index that finds terms finds these too.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) for an empty name, and one with a zero byte.
    pub fn in_column(&self, dialect: SqlDialect, column: &str) -> Result<String, Error> {
        let column = name(dialect, column)?;
        Ok(format!("({})", self.others(dialect, &column).join(" OR ")))
    }

    /// [`in_column`](Self::in_column) for an array of PostgreSQL. A row's terms are made under one key,
    /// so its first tells of all; an index of it is what finds them:
    ///
    /// ```sql
    /// CREATE INDEX customer_surname_prefix_key ON customer ((surname_prefix[1]));
    /// ```
    ///
    /// # Errors
    /// As [`in_column`](Self::in_column).
    pub fn in_array(&self, column: &str) -> Result<String, Error> {
        let dialect = SqlDialect::Postgres;
        let first = format!("{}[1]", name(dialect, column)?);
        Ok(format!("({})", self.others(dialect, &first).join(" OR ")))
    }

    /// [`in_column`](Self::in_column) for the terms of this index in the table of a SQLite database, and
    /// the column that holds the rows' key there.
    ///
    /// # Errors
    /// As [`in_column`](Self::in_column).
    pub fn in_table<T>(&self, index: &Index<T, ManyTerms>, key: &str) -> Result<String, Error> {
        let dialect = SqlDialect::Sqlite;
        let (key, of) = (name(dialect, key)?, of_index(index.record(), index.id()));
        let mut rows = Vec::new();
        for term in self.others(dialect, "term") {
            // The empty term says that a value has no terms, whatever the key.
            rows.push(format!(
                "SELECT \"row\" FROM fieldseal_terms WHERE {of} AND {term} AND term > X''"
            ));
        }
        Ok(format!("({key} IN ({}))", rows.join(" UNION ALL ")))
    }

    /// Rows that have a value, but no term in this column or array: written before the index was
    /// declared, or [reindexed](crate::SealedRecord::reindex) after the value was erased or had expired. Those
    /// of a rotation have one.
    ///
    /// # Errors
    /// As [`in_column`](Self::in_column).
    pub fn missing_in_column(
        &self,
        dialect: SqlDialect,
        column: &str,
        value: &str,
    ) -> Result<String, Error> {
        let (column, value) = (name(dialect, column)?, name(dialect, value)?);
        Ok(format!("({column} IS NULL AND {value} IS NOT NULL)"))
    }

    /// [`missing_in_column`](Self::missing_in_column) for the table of terms of a SQLite database: the
    /// columns of the rows' key there, and of the value. It looks at every row.
    ///
    /// # Errors
    /// As [`in_column`](Self::in_column).
    pub fn missing_in_table<T>(
        &self,
        index: &Index<T, ManyTerms>,
        key: &str,
        value: &str,
    ) -> Result<String, Error> {
        let dialect = SqlDialect::Sqlite;
        let (key, value) = (name(dialect, key)?, name(dialect, value)?);
        let of = of_index(index.record(), index.id());
        // The key stands outside of the question, where no column of the table of terms can be meant.
        Ok(format!(
            "({value} IS NOT NULL AND {key} NOT IN (SELECT \"row\" FROM fieldseal_terms WHERE {of}))"
        ))
    }

    /// Terms begin with their key's id, most significant byte first, so those of one key stand
    /// together, and those of all others below and above them.
    fn others(&self, dialect: SqlDialect, term: &str) -> Vec<String> {
        let bytes = |id: [u8; 4]| {
            let hex = to_hex(&id);
            match dialect {
                SqlDialect::Sqlite => format!("X'{hex}'"),
                SqlDialect::Postgres => format!("decode('{hex}', 'hex')"),
            }
        };
        let below = format!("{term} < {}", bytes(self.least()));
        let above = self.above().map(|above| format!("{term} >= {}", bytes(above)));
        [Some(below), above].into_iter().flatten().collect()
    }
}

fn placeholders(group: &[Term], mut next: impl FnMut() -> usize) -> String {
    let mut list = String::new();
    for _ in group {
        let comma = if list.is_empty() { "" } else { ", " };
        let _ = write!(list, "{comma}?{}", next());
    }
    list
}

/// A column's name, behind its table's if that is given. SQLite takes a name in double quotes that no
/// column has for a string, which would then be compared with; in backticks it stays a name.
fn name(dialect: SqlDialect, name: &str) -> Result<String, Error> {
    let parts: Result<Vec<_>, _> = name
        .split('.')
        .map(|part| match dialect {
            SqlDialect::Sqlite => quoted(part, '`'),
            SqlDialect::Postgres => quoted(part, '"'),
        })
        .collect();
    let parts = parts?;
    if parts.len() > 3 {
        return Err(Error::declaration(
            "the name of a column has at most its schema and its table before it",
        ));
    }
    Ok(parts.join("."))
}

/// A name of SQL, quoted.
pub(super) fn quoted(name: &str, quote: char) -> Result<String, Error> {
    if name.is_empty() || name.contains('\0') {
        return Err(Error::declaration("the name of a table or column is not empty"));
    }
    let twice = format!("{quote}{quote}");
    Ok(format!("{quote}{}{quote}", name.replace(quote, &twice)))
}

/// Ids of records and indexes are names, which have no quotes in them. The number of an index is looked up once for a
/// statement.
fn of_index(record: &str, index: &str) -> String {
    format!(
        "fieldseal_terms.\"index\" = (SELECT id FROM fieldseal_indexes WHERE record = '{record}' AND \"index\" = '{index}')"
    )
}

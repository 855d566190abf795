//! What a connection sees of the store's table, asked; and the columns of subjects, as each database compares them.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{AskSql, Cell, Kind, SqlStore, Statement, only};
use crate::error::Error;
use crate::store::keys::place::{Column, Place, ordered_in_sqlite, several_rows, several_rows_of};
use crate::store::keys::sight::{
    self, InPostgres, InSqlite, names_subject_in_postgres, names_subject_in_sqlite, several_sql,
    unnamed_sql,
};
use crate::store::keys::{StoredTable, SubjectColumn};
use crate::store::search::quoted;

impl SqlStore {
    /// Added to a question whose rows others must not change before the transaction ends. In SQLite, a transaction that
    /// has read writes only if nobody else has written since.
    pub(super) fn locked(&self) -> &'static str {
        if self.is_postgres() { " FOR SHARE" } else { "" }
    }

    /// The column of a subject, as it is read.
    pub(super) fn selected(&self, column: &str, of: SubjectColumn) -> String {
        match (self.is_postgres(), of) {
            (true, SubjectColumn::Integer) => format!("CAST({column} AS BIGINT)"),
            (true, SubjectColumn::Text) => format!("CAST({column} AS TEXT)"),
            _ => column.to_owned(),
        }
    }

    /// The column of a subject, as it is ordered and gone on after: so that no two ids are equal there, and the order
    /// is that of the comparison. A `citext` is ordered by its own rules, and compared with a text by those of texts.
    pub(super) fn ordered(&self, column: &str, of: SubjectColumn) -> String {
        if self.is_postgres() { self.selected(column, of) } else { ordered_in_sqlite(column, of) }
    }

    /// The condition that a row names a subject.
    pub(super) fn names_subject(&self, column: &str, of: SubjectColumn) -> String {
        if self.is_postgres() {
            names_subject_in_postgres(column, of)
        } else {
            names_subject_in_sqlite(column, of)
        }
    }

    pub(in crate::store::keys) async fn check_sees_all(&self, ask: &AskSql) -> Result<(), Error> {
        self.check_sees(ask, self.place.names()).await?;
        let Place::Inline(column) = &self.place else { return Ok(()) };
        let Column { subject, of, .. } = column;
        let (named, order) = (self.names_subject(subject, *of), self.ordered(subject, *of));
        let shown = if self.is_postgres() {
            format!("CAST({order} AS TEXT)")
        } else {
            format!("quote({order})")
        };
        let sql = several_sql(column, &named, &order, &shown);
        match only(ask.fetch(Statement::new(sql).row(&[Kind::TextId])).await?) {
            Some(Cell::Text(shown)) => Err(several_rows_of(shown.as_bytes())),
            Some(Cell::Bytes(shown)) => Err(several_rows_of(&shown)),
            Some(_) => Err(several_rows()),
            None => Ok(()),
        }
    }

    /// Checks that all of the table of this name and column is seen, and the last that was stored.
    pub(super) async fn check_sees(&self, ask: &AskSql, names: (&str, &str)) -> Result<(), Error> {
        if self.is_postgres() {
            return self.check_in_postgres(ask, names).await;
        }
        sight::check_in_sqlite(names.0, &self.named_in_sqlite(ask, names.0).await?)?;
        if !ask.keeps_snapshot().await? {
            return Ok(());
        }
        let locked = ask.execute(Statement::new(sight::lock_in_sqlite(names)?)).await;
        locked.map(drop).map_err(|error| sight::not_locked(names.0, error))
    }

    async fn check_in_postgres(
        &self,
        ask: &AskSql,
        (table, keys): (&str, &str),
    ) -> Result<(), Error> {
        use Kind::{Integer, Text};
        let statement = Statement::new(sight::POSTGRES_SIGHT)
            .bind(quoted(table, '"')?.as_str())
            .bind(keys)
            .row(&[Text, Integer, Integer, Text, Text, Integer]);
        // A table that is not there shows when it is read.
        let Some(row) = ask.fetch(statement).await?.into_iter().next() else { return Ok(()) };
        let mut row = row.into_iter();
        let is_zero = |cell| Cell::number(cell).is_ok_and(|number| number == 0);
        let (kind, filtered, replica) = (row.next(), row.next(), row.next());
        let (part_of, hides, keeps) = (row.next(), row.next(), row.next());
        let found = InPostgres {
            kind: Cell::text(kind).unwrap_or_default(),
            is_filtered: !is_zero(filtered),
            is_replica: !is_zero(replica),
            part_of: Cell::text(part_of).unwrap_or_default(),
            hides: Cell::text(hides).unwrap_or_default(),
            // By default a statement alone has such a snapshot too, of its own.
            keeps_snapshot: !is_zero(keeps) && ask.keeps_snapshot().await?,
        };
        sight::check_in_postgres(table, &found)
    }

    async fn named_in_sqlite(&self, ask: &AskSql, table: &str) -> Result<Vec<InSqlite>, Error> {
        let statement = Statement::new(sight::SQLITE_DATABASES).row(&[Kind::Text, Kind::Text]);
        let databases = ask.fetch(statement).await?.into_iter().map(|row| {
            let mut row = row.into_iter();
            Ok((Cell::text(row.next())?, Cell::text(row.next())?))
        });
        let sql = sight::tables_in_sqlite(&databases.collect::<Result<Vec<_>, Error>>()?)?;
        let statement = Statement::new(sql).bind(table).row(&[Kind::Text, Kind::Text, Kind::Text]);
        let found = ask.fetch(statement).await?.into_iter().map(|row| {
            let mut row = row.into_iter();
            Ok((Cell::text(row.next())?, Cell::text(row.next())?, Cell::text(row.next())?))
        });
        found.collect()
    }

    pub(in crate::store::keys) async fn check_is_committed(
        &self,
        ask: &AskSql,
    ) -> Result<(), Error> {
        let may_undo = if self.is_postgres() {
            let statement = Statement::new(sight::POSTGRES_HAS_CHANGED).row(&[Kind::Integer]);
            Cell::number(only(ask.fetch(statement).await?)).is_ok_and(|number| number == 1)
        } else {
            ask.has_begun().await?
        };
        if may_undo { Err(sight::uncommitted(self.place.names().0)) } else { Ok(()) }
    }

    pub(in crate::store::keys) async fn tables(
        &self,
        ask: &AskSql,
    ) -> Result<Vec<StoredTable>, Error> {
        let (table, keys) = self.place.names();
        if !self.is_postgres() {
            return Ok(sight::named_in_sqlite(table, self.named_in_sqlite(ask, table).await?));
        }
        let statement = Statement::new(sight::POSTGRES_TABLES)
            .bind(quoted(table, '"')?.as_str())
            .bind(table)
            .bind(keys)
            .row(&[Kind::Text, Kind::Text, Kind::Integer]);
        let tables = ask.fetch(statement).await?.into_iter().map(|row| {
            let mut row = row.into_iter();
            StoredTable {
                identity: Cell::text(row.next()).unwrap_or_default(),
                shown: Cell::text(row.next()).unwrap_or_default(),
                is_used: Cell::number(row.next()).is_ok_and(|number| number == 1),
            }
        });
        Ok(tables.collect())
    }

    pub(in crate::store::keys) async fn count_unnamed(&self, ask: &AskSql) -> Result<u64, Error> {
        let statement = match &self.place {
            // Before the first of a scan.
            Place::Own => Statement::new(
                "SELECT CAST(count(*) AS BIGINT) FROM fieldseal_keys WHERE tenant = '' AND length(subject) = 0",
            ),
            Place::Inline(column) => {
                Statement::new(unnamed_sql(column, &self.names_subject(&column.subject, column.of)))
            }
        };
        let count = Cell::number(only(ask.fetch(statement.row(&[Kind::Integer])).await?))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }
}

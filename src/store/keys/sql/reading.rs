//! Envelopes, read.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::statement::placeholders;
use super::{AskSql, Cell, Kind, SqlStore, Statement, only};
use crate::context::SubjectId;
use crate::envelope::KeyEnvelope;
use crate::error::Error;
use crate::store::keys::place::{Column, Place, other_subject, other_type, several_rows};
use crate::store::keys::{StoredEnvelope, SubjectColumn};

/// How many subjects one statement of SQLite asks for.
const MOST_ASKED: usize = 256;

impl SqlStore {
    /// What is stored for a subject, in one row.
    pub(super) async fn load_cell(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        locked: bool,
    ) -> Result<Option<Cell>, Error> {
        Self::check_tenant(tenant)?;
        if self.check_own(tenant).is_err() {
            return Ok(None);
        }
        let id = self.column_id(subject)?;
        let lock = if locked { self.locked() } else { "" };
        let statement = match &self.place {
            // One row at most, and of bytes, which no collation takes for others.
            Place::Own => {
                let sql = "SELECT envelope FROM fieldseal_keys WHERE tenant = $1 AND subject = $2";
                let sql = match lock {
                    "" => Cow::Borrowed(sql),
                    lock => Cow::Owned([sql, lock].concat()),
                };
                let statement = Statement::new(sql).bind(tenant).bind(id).row(&[Kind::Envelope]);
                return Ok(only(ask.fetch(statement).await?));
            }
            Place::Inline(Column { table, subject, keys, of, .. }) => {
                let selected = self.selected(subject, *of);
                Statement::new(format!(
                    "SELECT {selected}, {keys} FROM {table} WHERE {subject} = $1 LIMIT 2{lock}"
                ))
            }
        };
        let mut rows = ask.fetch(statement.bind(id).row(self.row())).await?.into_iter();
        let Some(row) = rows.next() else { return Ok(None) };
        if rows.next().is_some() {
            return Err(several_rows());
        }
        let mut row = row.into_iter();
        if self.subject(row.next())? != *subject {
            return Err(other_subject());
        }
        Ok(row.next().filter(|cell| !matches!(cell, Cell::Null)))
    }

    pub(in crate::store::keys) async fn load(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        locked: bool,
    ) -> Result<Option<KeyEnvelope>, Error> {
        let cell = self.load_cell(ask, tenant, subject, locked).await?;
        Ok(cell.map(Cell::into_envelope))
    }

    pub(in crate::store::keys) async fn has_place(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
    ) -> Result<bool, Error> {
        let Place::Inline(Column { table, subject: id, .. }) = &self.place else {
            return Ok(true);
        };
        self.check_own(tenant)?;
        let sql = format!("SELECT CAST(1 AS BIGINT) FROM {table} WHERE {id} = $1 LIMIT 1");
        let statement = Statement::new(sql).bind(self.column_id(subject)?).row(&[Kind::Integer]);
        Ok(!ask.fetch(statement).await?.is_empty())
    }

    pub(in crate::store::keys) async fn load_many(
        &self,
        ask: &AskSql,
        tenant: &str,
        subjects: &[SubjectId],
    ) -> Result<Vec<Option<KeyEnvelope>>, Error> {
        Self::check_tenant(tenant)?;
        if self.check_own(tenant).is_err() {
            return Ok(subjects.iter().map(|_| None).collect());
        }
        let mut found = self.load_cells(ask, tenant, subjects).await?;
        let mut envelopes = Vec::with_capacity(subjects.len());
        // The same subject may be asked for twice.
        let mut last_of = BTreeMap::new();
        for (n, subject) in subjects.iter().enumerate() {
            last_of.insert(subject, n);
        }
        for (n, subject) in subjects.iter().enumerate() {
            let cell = if last_of.get(subject) == Some(&n) {
                found.remove(subject).map(Cell::into_envelope)
            } else {
                found.get(subject).map(Cell::to_envelope)
            };
            envelopes.push(cell);
        }
        Ok(envelopes)
    }

    /// What is stored for many subjects of the tenant whose column it is: by one array in PostgreSQL, by 256 at a time
    /// in SQLite, which has no arrays.
    pub(super) async fn load_cells(
        &self,
        ask: &AskSql,
        tenant: &str,
        subjects: &[SubjectId],
    ) -> Result<BTreeMap<SubjectId, Cell>, Error> {
        // One that is asked for twice is one question.
        let (mut ids, mut asked) = (Vec::with_capacity(subjects.len()), BTreeSet::new());
        for (n, subject) in subjects.iter().enumerate() {
            if asked.insert(subject) {
                ids.push(self.column_id(subject).map_err(|error| error.in_row(n))?);
            }
        }
        let mut found = BTreeMap::new();
        if self.is_postgres() {
            if !ids.is_empty() {
                let statement = self.asking("= ANY ($", ")", tenant, 1);
                let statement = statement.bind(Cell::array(ids)?);
                self.take(ask.fetch(statement.row(self.row())).await?, &asked, &mut found)?;
            }
        } else {
            let mut ids = ids.into_iter().peekable();
            while ids.peek().is_some() {
                let some: Vec<Cell> = ids.by_ref().take(MOST_ASKED).collect();
                // Few lengths, so that few statements are prepared: NULL is asked for besides, which nothing equals.
                let count = some.len().next_power_of_two();
                let more =
                    core::iter::repeat_with(|| Cell::Null).take(count.saturating_sub(some.len()));
                let statement = self.asking("IN (", ")", tenant, count);
                let statement = statement.binds(some.into_iter().chain(more));
                self.take(ask.fetch(statement.row(self.row())).await?, &asked, &mut found)?;
            }
        }
        Ok(found.into_iter().filter_map(|(subject, cell)| Some((subject, cell?))).collect())
    }

    fn asking(&self, before: &str, after: &str, tenant: &str, count: usize) -> Statement {
        let list = |first| {
            if self.is_postgres() { format!("{first}") } else { placeholders(first, count) }
        };
        match &self.place {
            Place::Own => Statement::new(format!(
                "SELECT subject, envelope FROM fieldseal_keys WHERE tenant = $1 AND subject {before}{}{after}",
                list(2)
            ))
            .bind(tenant),
            Place::Inline(Column { table, subject, of, keys, .. }) => {
                let id = self.selected(subject, *of);
                let list = list(1);
                Statement::new(format!(
                    "SELECT {id}, {keys} FROM {table} WHERE {subject} {before}{list}{after}"
                ))
            }
        }
    }

    /// Takes rows by their subjects. `[ED-1]` Each has one.
    fn take(
        &self,
        rows: Vec<Vec<Cell>>,
        asked: &BTreeSet<&SubjectId>,
        found: &mut BTreeMap<SubjectId, Option<Cell>>,
    ) -> Result<(), Error> {
        for row in rows {
            let mut row = row.into_iter();
            let subject = self.subject(row.next())?;
            if !asked.contains(&subject) {
                return Err(other_subject());
            }
            let envelope = row.next().filter(|cell| !matches!(cell, Cell::Null));
            if found.insert(subject, envelope).is_some() {
                return Err(several_rows());
            }
        }
        Ok(())
    }

    pub(in crate::store::keys) async fn scan(
        &self,
        ask: &AskSql,
        after: Option<&StoredEnvelope>,
        limit: usize,
    ) -> Result<Vec<StoredEnvelope>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let statement = match &self.place {
            Place::Own => {
                // Before the first: no subject is empty.
                let tenant = after.map_or("", |last| &last.tenant);
                let subject = after.map_or(&[][..], |last| last.subject.as_bytes());
                Statement::new(
                    "SELECT subject, envelope, tenant FROM fieldseal_keys
                     WHERE (tenant, subject) > ($1, $2) ORDER BY tenant, subject LIMIT $3",
                )
                .bind(tenant)
                .bind(subject)
                .bind(limit)
                .row(&[Kind::Bytes, Kind::Envelope, Kind::TextId])
            }
            Place::Inline(Column { table, subject, of, keys, .. }) => {
                let order = self.ordered(subject, *of);
                let (behind, limited) = match (after, of) {
                    (None, _) => (String::new(), "$1"),
                    // It is bytes where it is not UTF-8.
                    (Some(_), SubjectColumn::Text) => {
                        (format!("AND {order} > CAST($1 AS TEXT)"), "$2")
                    }
                    (Some(_), _) => (format!("AND {order} > $1"), "$2"),
                };
                let last = after.map(|last| of.met(&last.subject)).transpose()?;
                let (id, named) = (self.selected(subject, *of), self.names_subject(subject, *of));
                Statement::new(format!(
                    "SELECT {id}, {keys} FROM {table}
                     WHERE {keys} IS NOT NULL AND {named} {behind} ORDER BY {order} LIMIT {limited}"
                ))
                .binds(last.map(Cell::from))
                .bind(limit)
                .row(self.row())
            }
        };
        let rows = ask.fetch(statement).await?;
        let mut page = Vec::with_capacity(rows.len());
        for row in rows {
            let mut row = row.into_iter();
            let (subject, envelope) = (row.next(), row.next());
            let tenant = match self.place.tenant() {
                Some(tenant) => tenant.to_owned(),
                None => Cell::tenant(row.next())?,
            };
            let subject = self.subject(subject)?;
            let envelope = envelope.map(Cell::into_envelope).ok_or_else(other_type)?;
            page.push(StoredEnvelope { tenant, subject, envelope });
        }
        let is_torn =
            |one: &StoredEnvelope| one.subject.stored_text().is_some() && !one.subject.is_id();
        // Bytes are text in the encoding of the database, and what was read is in UTF-8.
        if !self.is_postgres() && page.iter().any(is_torn) {
            let encoding = Statement::new("PRAGMA encoding").row(&[Kind::Text]);
            if Cell::text(only(ask.fetch(encoding).await?))? != "UTF-8" {
                return Err(Error::malformed("the column of the subject holds no UTF-8"));
            }
        }
        Ok(page)
    }
}

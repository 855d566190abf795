//! Envelopes, stored by compare and swap.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::queue::KEEP_LARGEST;
use super::{AskSql, Cell, Kind, SqlStore, Statement, only};
use crate::context::SubjectId;
use crate::envelope::KeyEnvelope;
use crate::error::Error;
use crate::store::keys::place::{Column, Place, check_kept, several_rows, stored_version};
use crate::store::keys::{check_class, not_stored, replaced_meanwhile};

impl SqlStore {
    pub(in crate::store::keys) async fn save(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
        reseal: &[(String, u16)],
    ) -> Result<(), Error> {
        Self::check_tenant(tenant)?;
        reseal.iter().try_for_each(|(class, _)| check_class(class))?;
        if reseal.is_empty() && !self.begins {
            self.store(ask, tenant, subject, envelope).await?;
            return self.check_kept(ask, tenant, subject, envelope).await;
        }
        if self.is_postgres() {
            self.store_and_queue(ask, tenant, subject, envelope, reseal).await?;
            return self.check_kept(ask, tenant, subject, envelope).await;
        }
        ask.begin().await?;
        let saved = self.queue_and_store(ask, tenant, subject, envelope, reseal).await;
        ask.end(saved).await
    }

    async fn queue_and_store(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
        reseal: &[(String, u16)],
    ) -> Result<(), Error> {
        // The queue first: so the lock is taken before anything is read.
        for (class, generation) in reseal {
            self.queue(ask, tenant, subject, class, *generation).await?;
        }
        self.store(ask, tenant, subject, envelope).await?;
        self.check_kept(ask, tenant, subject, envelope).await
    }

    async fn store(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
    ) -> Result<(), Error> {
        let rows = match self.storing(ask, tenant, subject, envelope).await? {
            Some(statement) => ask.execute(statement).await?,
            None => 0,
        };
        self.one_row(rows, ask, tenant, subject, envelope).await
    }

    /// In one statement, of which nothing is left half done when its future is dropped. (A dropped
    /// `begin` of sqlx-postgres 0.9.0 leaves a transaction behind: sqlx issue 4393.)
    async fn store_and_queue(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
        reseal: &[(String, u16)],
    ) -> Result<(), Error> {
        let storing = self.storing(ask, tenant, subject, envelope).await?;
        let Some(Statement { sql, binds, .. }) = storing else {
            return self.one_row(0, ask, tenant, subject, envelope).await;
        };
        let next = binds.len().saturating_add(1);
        let (of_tenant, of_subject) = (next, next.saturating_add(1));
        let (of_class, of_number) = (next.saturating_add(2), next.saturating_add(3));
        let (classes, numbers): (Vec<_>, Vec<_>) = largest(reseal)
            .into_iter()
            .map(|(class, generation)| (Cell::from(class), Cell::Integer(i64::from(generation))))
            .unzip();
        let sql = format!(
            "WITH saved AS ({sql} RETURNING 1), queued AS (
                 INSERT INTO fieldseal_reseal (tenant, subject, class, generation)
                 SELECT CAST(${of_tenant} AS TEXT), CAST(${of_subject} AS BYTEA), class, CAST(generation AS INTEGER)
                 FROM unnest(CAST(${of_class} AS TEXT[]), CAST(${of_number} AS BIGINT[])) AS asked (class, generation)
                 WHERE EXISTS (SELECT 1 FROM saved) {KEEP_LARGEST}
             )
             SELECT count(*) FROM saved"
        );
        let statement = Statement::new(sql)
            .binds(binds)
            .bind(tenant)
            .bind(subject)
            .bind(Cell::array(classes)?)
            .bind(Cell::array(numbers)?)
            .row(&[Kind::Integer]);
        let rows = Cell::number(only(ask.fetch(statement).await?))?;
        let rows = u64::try_from(rows).unwrap_or_default();
        self.one_row(rows, ask, tenant, subject, envelope).await
    }

    async fn one_row(
        &self,
        rows: u64,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
    ) -> Result<(), Error> {
        match rows {
            0 => Err(self.not_stored(ask, tenant, subject, envelope.version()?).await?),
            1 => Ok(()),
            _ => Err(several_rows()),
        }
    }

    async fn not_stored(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        version: u64,
    ) -> Result<Error, Error> {
        let stored = self.load(ask, tenant, subject, false).await?;
        let has_place = stored.is_some() || self.has_place(ask, tenant, subject).await?;
        Ok(not_stored(version, stored.as_ref(), has_place))
    }

    /// Reads back what was stored. A call that is given up here has happened.
    pub(super) async fn check_kept(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
    ) -> Result<(), Error> {
        let stored = self.load(ask, tenant, subject, false).await?;
        // Inside of a transaction nobody else changes the row that was written.
        check_kept(stored.as_ref(), envelope, !ask.is_in_transaction().await?)
    }

    /// Returns the statement that stores an envelope, in one row or in none; `None` where another version is there.
    pub(super) async fn storing(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
    ) -> Result<Option<Statement>, Error> {
        let version = envelope.version()?;
        let stored = stored_version(version)?;
        self.check_own(tenant)?;
        let column = match &self.place {
            Place::Own if version == 1 => {
                let sql = "INSERT INTO fieldseal_keys (tenant, subject, version, envelope)
                           VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
                let statement = Statement::new(sql).bind(tenant).bind(subject).bind(stored);
                return Ok(Some(statement.bind(envelope.as_bytes())));
            }
            Place::Own => {
                let sql = "UPDATE fieldseal_keys SET version = $1, envelope = $2
                           WHERE tenant = $3 AND subject = $4 AND version = $1 - 1";
                let statement = Statement::new(sql).bind(stored).bind(envelope.as_bytes());
                return Ok(Some(statement.bind(tenant).bind(subject)));
            }
            Place::Inline(column) => column,
        };
        // What is there now decides, and must still be there when it is replaced. That it is in one row was seen.
        let before = self.load_cell(ask, tenant, subject, false).await?;
        if !is_next(before.as_ref(), version)? {
            return Ok(None);
        }
        self.putting(column, subject, envelope, before).map(Some)
    }

    /// The statement that puts an envelope in the place of what a column holds.
    fn putting(
        &self,
        column: &Column,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
        before: Option<Cell>,
    ) -> Result<Statement, Error> {
        let Column { table, subject: id, keys, set, .. } = column;
        let compared = match (&before, self.is_postgres()) {
            (None, _) => format!("{keys} IS NULL"),
            (Some(_), true) => format!("{keys} = $3"),
            // Columns of SQLite hold anything, also text that is not UTF-8.
            (Some(_), false) => format!("CAST({keys} AS BLOB) = CAST($3 AS BLOB)"),
        };
        let new = stored_as(column, before.as_ref(), envelope);
        let sql = format!("UPDATE {table} SET {set} = $1 WHERE {id} = $2 AND {compared}");
        Ok(Statement::new(sql).bind(new).bind(self.column_id(subject)?).binds(before))
    }

    pub(in crate::store::keys) async fn replace_damaged(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        damaged: &KeyEnvelope,
        mark: &KeyEnvelope,
    ) -> Result<(), Error> {
        Self::check_tenant(tenant)?;
        self.check_own(tenant)?;
        if !self.begins {
            return self.replace(ask, tenant, subject, damaged, mark).await;
        }
        ask.begin().await?;
        let replaced = self.replace(ask, tenant, subject, damaged, mark).await;
        ask.end(replaced).await
    }

    async fn replace(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        damaged: &KeyEnvelope,
        mark: &KeyEnvelope,
    ) -> Result<(), Error> {
        let before = self.load_cell(ask, tenant, subject, false).await?;
        let is_it = |cell: &Cell| cell.to_envelope() == *damaged;
        let Some(before) = before.filter(is_it) else { return Err(replaced_meanwhile()) };
        let statement = match &self.place {
            Place::Own => {
                let sql = if self.is_postgres() {
                    "UPDATE fieldseal_keys SET version = $1, envelope = $2
                     WHERE tenant = $3 AND subject = $4 AND envelope = $5"
                } else {
                    "UPDATE fieldseal_keys SET version = $1, envelope = $2
                     WHERE tenant = $3 AND subject = $4 AND CAST(envelope AS BLOB) = CAST($5 AS BLOB)"
                };
                Statement::new(sql)
                    .bind(stored_version(mark.version()?)?)
                    .bind(mark.as_bytes())
                    .bind(tenant)
                    .bind(subject)
                    .bind(before)
            }
            Place::Inline(column) => self.putting(column, subject, mark, Some(before))?,
        };
        match ask.execute(statement).await? {
            0 => Err(replaced_meanwhile()),
            1 => self.check_kept(ask, tenant, subject, mark).await,
            _ => Err(several_rows()),
        }
    }
}

/// Returns `true` if this version follows what is stored.
pub(super) fn is_next(before: Option<&Cell>, version: u64) -> Result<bool, Error> {
    let last = before.map(|cell| cell.to_envelope().version()).transpose()?;
    Ok(last.unwrap_or_default().checked_add(1) == Some(version))
}

/// What is there as text stays text, also for one who did not know it.
pub(super) fn stored_as(column: &Column, before: Option<&Cell>, envelope: &KeyEnvelope) -> Cell {
    if column.text || matches!(before, Some(Cell::Text(_))) {
        Cell::Text(envelope.to_text())
    } else {
        envelope.as_bytes().into()
    }
}

/// A class that is named twice has its largest generation.
pub(super) fn largest(reseal: &[(String, u16)]) -> BTreeMap<&str, u16> {
    let mut queue = BTreeMap::new();
    for (class, generation) in reseal {
        let queued = queue.entry(class.as_str()).or_insert(*generation);
        *queued = (*queued).max(*generation);
    }
    queue
}

//! A page of envelopes, stored in one transaction: a commit for each is what a pass would wait for.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::queue::KEEP_LARGEST;
use super::saving::{is_next, largest, stored_as};
use super::{AskSql, Cell, Kind, SqlStore, Statement};
use crate::context::SubjectId;
use crate::envelope::KeyEnvelope;
use crate::error::Error;
use crate::store::keys::place::{Column, Place, check_kept, several_rows, stored_version};
use crate::store::keys::{ChangedEnvelope, check_class, sight};

impl SqlStore {
    pub(in crate::store::keys) async fn save_page(
        &self,
        ask: &AskSql,
        page: &[ChangedEnvelope],
    ) -> Result<Vec<bool>, Error> {
        for one in page {
            Self::check_tenant(&one.tenant)?;
            self.check_own(&one.tenant)?;
            one.reseal.iter().try_for_each(|(class, _)| check_class(class))?;
        }
        if self.is_postgres() {
            return self.save_page_at_once(ask, page).await;
        }
        // Where no transaction can be begun, as in one that the crate does not know of, each is stored alone.
        if ask.begin().await.is_err() {
            return Ok(Vec::new());
        }
        let saved = self.save_page_within(ask, page).await;
        ask.end(saved).await
    }

    async fn save_page_within(
        &self,
        ask: &AskSql,
        page: &[ChangedEnvelope],
    ) -> Result<Vec<bool>, Error> {
        // So the lock is taken before anything is read.
        ask.execute(Statement::new(sight::lock_in_sqlite(self.place.names())?)).await?;
        let mut stored = Vec::with_capacity(page.len());
        for ChangedEnvelope { tenant, subject, envelope, reseal } in page {
            let rows = match self.storing(ask, tenant, subject, envelope).await? {
                Some(statement) => ask.execute(statement).await?,
                None => 0,
            };
            if rows > 1 {
                return Err(several_rows());
            }
            if rows == 1 {
                for (class, generation) in reseal {
                    self.queue(ask, tenant, subject, class, *generation).await?;
                }
                self.check_kept(ask, tenant, subject, envelope).await?;
            }
            stored.push(rows == 1);
        }
        Ok(stored)
    }

    /// In one statement, and one that reads back: of these nothing is left half done when their future is dropped.
    async fn save_page_at_once(
        &self,
        ask: &AskSql,
        page: &[ChangedEnvelope],
    ) -> Result<Vec<bool>, Error> {
        let storing = match &self.place {
            Place::Own => storing_in_own(page)?,
            Place::Inline(column) => self.storing_inline(ask, column, page).await?,
        };
        let Some(Storing { sql, binds }) = storing else { return Ok(Vec::new()) };
        let (queue, queued) = queueing(page, binds.len())?;
        let sql = format!("WITH saved AS ({sql}){queue} SELECT n FROM saved");
        let statement = Statement::new(sql).binds(binds).binds(queued).row(&[Kind::Integer]);
        let mut stored = alloc::vec![false; page.len()];
        for row in ask.fetch(statement).await? {
            let position = Cell::number(row.into_iter().next())?;
            let position = usize::try_from(position).ok().and_then(|n| stored.get_mut(n));
            if position.is_none_or(|is_stored| core::mem::replace(is_stored, true)) {
                return Err(several_rows());
            }
        }
        let found = self.load_page(ask, page).await?;
        let later = !ask.is_in_transaction().await?;
        let kept = page.iter().zip(stored).map(|(one, is_stored)| {
            let found = found.get(&(&*one.tenant, &one.subject));
            // What a trigger undoes is refused where it is stored alone.
            is_stored && check_kept(found, &one.envelope, later).is_ok()
        });
        Ok(kept.collect())
    }

    async fn load_page<'p>(
        &self,
        ask: &AskSql,
        page: &'p [ChangedEnvelope],
    ) -> Result<BTreeMap<(&'p str, &'p SubjectId), KeyEnvelope>, Error> {
        let mut by_tenant: BTreeMap<&str, Vec<SubjectId>> = BTreeMap::new();
        for one in page {
            by_tenant.entry(&one.tenant).or_default().push(one.subject.clone());
        }
        let mut all = BTreeMap::new();
        for (tenant, subjects) in by_tenant {
            all.insert(tenant, self.load_cells(ask, tenant, &subjects).await?);
        }
        let of = |one: &'p ChangedEnvelope| {
            let envelope = all.get_mut(&*one.tenant)?.remove(&one.subject)?.into_envelope();
            Some(((&*one.tenant, &one.subject), envelope))
        };
        Ok(page.iter().filter_map(of).collect())
    }

    async fn storing_inline(
        &self,
        ask: &AskSql,
        column: &Column,
        page: &[ChangedEnvelope],
    ) -> Result<Option<Storing>, Error> {
        let subjects: Vec<SubjectId> = page.iter().map(|one| one.subject.clone()).collect();
        let mut cells = self.load_cells(ask, &column.tenant, &subjects).await?;
        let (mut positions, mut ids) = (Vec::new(), Vec::new());
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (n, one) in page.iter().enumerate() {
            let Some(cell) = cells.remove(&one.subject) else { continue };
            // What is not an envelope is for the call that stores it alone.
            if is_next(Some(&cell), one.envelope.version()?).unwrap_or_default() {
                positions.push(number(n));
                ids.push(self.column_id(&one.subject)?);
                after.push(stored_as(column, Some(&cell), &one.envelope));
                before.push(cell);
            }
        }
        if positions.is_empty() {
            return Ok(None);
        }
        let arrays = [positions, ids, before, after].map(Cell::array);
        let mut binds = Vec::with_capacity(arrays.len());
        for array in arrays {
            binds.push(array?);
        }
        let Column { table, subject, keys, set, .. } = column;
        Ok(Some(Storing {
            sql: format!(
                "UPDATE {table} SET {set} = fieldseal_page.after
                 FROM unnest($1, $2, $3, $4) AS fieldseal_page (n, id, before, after)
                 WHERE {subject} = fieldseal_page.id AND {keys} = fieldseal_page.before
                 RETURNING fieldseal_page.n"
            ),
            binds,
        }))
    }
}

/// An UPDATE that returns the positions in the page of what it has stored.
struct Storing {
    sql: String,
    binds: Vec<Cell>,
}

fn storing_in_own(page: &[ChangedEnvelope]) -> Result<Option<Storing>, Error> {
    let mut arrays = [const { Vec::new() }; 5];
    for (n, one) in page.iter().enumerate() {
        let version = stored_version(one.envelope.version()?)?;
        let cells = [
            number(n),
            one.tenant.as_str().into(),
            (&one.subject).into(),
            version.into(),
            one.envelope.as_bytes().into(),
        ];
        arrays.iter_mut().zip(cells).for_each(|(array, cell)| array.push(cell));
    }
    if page.is_empty() {
        return Ok(None);
    }
    let sql = "UPDATE fieldseal_keys SET version = page.version, envelope = page.envelope
         FROM unnest($1, $2, $3, $4, $5) AS page (n, tenant, subject, version, envelope)
         WHERE fieldseal_keys.tenant = page.tenant AND fieldseal_keys.subject = page.subject
           AND fieldseal_keys.version = page.version - 1
         RETURNING page.n";
    let binds = arrays.into_iter().map(Cell::array).collect::<Result<_, _>>()?;
    Ok(Some(Storing { sql: sql.into(), binds }))
}

/// The part that queues what is to be resealed of those that are stored; nothing where there is nothing to queue.
fn queueing(page: &[ChangedEnvelope], before: usize) -> Result<(String, Vec<Cell>), Error> {
    let mut arrays = [const { Vec::new() }; 5];
    for (n, one) in page.iter().enumerate() {
        for (class, generation) in largest(&one.reseal) {
            let cells = [
                number(n),
                one.tenant.as_str().into(),
                (&one.subject).into(),
                class.into(),
                Cell::Integer(i64::from(generation)),
            ];
            arrays.iter_mut().zip(cells).for_each(|(array, cell)| array.push(cell));
        }
    }
    if arrays.iter().any(Vec::is_empty) {
        return Ok((String::new(), Vec::new()));
    }
    let places = super::statement::placeholders(before.saturating_add(1), arrays.len());
    let sql = format!(
        ", queued AS (
             INSERT INTO fieldseal_reseal (tenant, subject, class, generation)
             SELECT asked.tenant, asked.subject, asked.class, CAST(asked.generation AS INTEGER)
             FROM unnest({places}) AS asked (n, tenant, subject, class, generation)
             WHERE asked.n IN (SELECT n FROM saved) {KEEP_LARGEST}
         )"
    );
    Ok((sql, arrays.into_iter().map(Cell::array).collect::<Result<_, _>>()?))
}

fn number(n: usize) -> Cell {
    Cell::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}

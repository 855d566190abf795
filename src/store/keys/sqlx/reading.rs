//! Envelopes of subjects who are named, read.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::place::{Column, Place, other_subject, several_rows};
use super::dialect::{Cell, failed};
use super::{SqlxDatabase, SqlxKeyStore, check_stored_tenant};
use crate::context::SubjectId;
use crate::error::Error;

impl<DB: SqlxDatabase> SqlxKeyStore<DB> {
    pub(super) async fn load_one(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: &SubjectId,
        locked: bool,
    ) -> Result<Option<Cell>, Error> {
        check_stored_tenant(tenant)?;
        if self.place.tenant().is_some_and(|own| own != tenant) {
            return Ok(None);
        }
        let mut found = BTreeMap::new();
        self.load_some(on, tenant, core::slice::from_ref(subject), locked, &mut found).await?;
        Ok(found.into_values().next())
    }

    pub(super) async fn load_some(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subjects: &[SubjectId],
        locked: bool,
        found: &mut BTreeMap<SubjectId, Cell>,
    ) -> Result<(), Error> {
        let Some(last) = subjects.last() else { return Ok(()) };
        // Few lengths, so that few statements are prepared: the last one is asked for again.
        let more = subjects.len().next_power_of_two().saturating_sub(subjects.len());
        let asked = subjects.iter().chain(core::iter::repeat_n(last, more));
        let (before, mut values) = match &self.place {
            Place::Own => (1_usize, alloc::vec![Cell::from(tenant)]),
            Place::Inline(_) => (0, Vec::new()),
        };
        for subject in asked {
            values.push(match &self.place {
                Place::Own => subject.as_bytes().into(),
                Place::Inline(column) => column.of.value(subject)?.into(),
            });
        }
        let places: Vec<String> =
            (before..values.len()).map(|n| format!("${}", n.saturating_add(1))).collect();
        let places = places.join(", ");
        let lock = if locked { DB::LOCKED } else { "" };
        let sql = match &self.place {
            Place::Own => format!(
                "SELECT subject, envelope FROM fieldseal_keys WHERE tenant = $1 AND subject IN ({places}){lock}"
            ),
            Place::Inline(Column { table, subject, of, keys, .. }) => {
                let id = DB::selected(subject, *of);
                format!("SELECT {id}, {keys} FROM {table} WHERE {subject} IN ({places}){lock}")
            }
        };
        let columns = self.columns().get(..2).unwrap_or_default();
        let mut rows = BTreeMap::new();
        for row in DB::fetch(on, self.statements, sql, values, columns).await.map_err(failed)? {
            let mut row = row.into_iter();
            let subject = self.subject(row.next())?;
            if !subjects.contains(&subject) {
                return Err(other_subject());
            }
            let envelope = row.next().filter(|cell| !matches!(cell, Cell::Null));
            if rows.insert(subject, envelope).is_some() {
                return Err(several_rows());
            }
        }
        found.extend(rows.into_iter().filter_map(|(subject, cell)| Some((subject, cell?))));
        Ok(())
    }
}

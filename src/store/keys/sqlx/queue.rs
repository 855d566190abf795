//! The queue of what is to be resealed.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::dialect::{Cell, Kind, failed};
use super::{SqlxDatabase, SqlxKeyStore, check_stored_tenant};
use crate::context::SubjectId;
use crate::envelope::KeyEnvelope;
use crate::error::Error;
use crate::store::keys::place::{other_tenant, several_rows};
use crate::store::keys::{AsyncKeyStore as _, check_class, not_stored};

impl<DB: SqlxDatabase> SqlxKeyStore<DB> {
    /// In one statement, of which nothing is left half done when its future is dropped. (A dropped
    /// `begin` of sqlx-postgres 0.9.0 leaves a transaction behind: sqlx issue 4393.)
    pub(super) async fn store_and_queue(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
        reseal: &[(String, u16)],
    ) -> Result<(), Error> {
        let (sql, mut values) = self.storing(on, tenant, subject, envelope).await?;
        // A class that is named twice has its largest generation.
        let mut queue = BTreeMap::new();
        for (class, generation) in reseal {
            let queued = queue.entry(class.as_str()).or_insert(*generation);
            *queued = (*queued).max(*generation);
        }
        let mut bind = |value: Cell| {
            values.push(value);
            values.len()
        };
        let stored = (tenant, subject);
        let (tenant, subject) = (bind(tenant.into()), bind(subject.as_bytes().into()));
        let rows: Vec<String> = queue
            .into_iter()
            .map(|(class, generation)| {
                let (class, number) =
                    (bind(class.into()), bind(Cell::Integer(i64::from(generation))));
                format!("(CAST(${class} AS TEXT), CAST(${number} AS INTEGER))")
            })
            .collect();
        let rows = rows.join(", ");
        let sql = format!(
            "WITH saved AS ({sql} RETURNING 1), queued AS (
                 INSERT INTO fieldseal_reseal (tenant, subject, class, generation)
                 SELECT CAST(${tenant} AS TEXT), CAST(${subject} AS BYTEA), class, generation
                 FROM (VALUES {rows}) AS asked (class, generation)
                 WHERE EXISTS (SELECT 1 FROM saved) {KEEP_LARGEST}
             )
             SELECT count(*) FROM saved"
        );
        let rows =
            DB::fetch(on, self.statements, sql, values, &[Kind::Integer]).await.map_err(failed)?;
        let rows = Cell::number(rows.into_iter().flatten().next())?;
        let rows = u64::try_from(rows).unwrap_or_default();
        self.one_row(rows, on, stored.0, stored.1, envelope).await
    }

    pub(super) async fn one_row(
        &self,
        rows: u64,
        on: &mut DB::Connection,
        tenant: &str,
        subject: &SubjectId,
        envelope: &KeyEnvelope,
    ) -> Result<(), Error> {
        match rows {
            0 => Err(self.not_stored(on, tenant, subject, envelope.version()?).await?),
            1 => Ok(()),
            _ => Err(several_rows()),
        }
    }

    pub(super) async fn not_stored(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: &SubjectId,
        version: u64,
    ) -> Result<Error, Error> {
        let stored = self.load(on, tenant, subject.clone()).await?;
        let has_place = stored.is_some() || self.has_place(on, tenant, subject).await?;
        Ok(not_stored(version, stored.as_ref(), has_place))
    }

    pub(super) async fn queue(
        &self,
        on: &mut DB::Connection,
        tenant: &str,
        subject: &SubjectId,
        class: &str,
        generation: u16,
    ) -> Result<(), Error> {
        check_class(class)?;
        check_stored_tenant(tenant)?;
        if self.place.tenant().is_some_and(|own| own != tenant) {
            return Err(other_tenant());
        }
        let sql = format!(
            "INSERT INTO fieldseal_reseal (tenant, subject, class, generation)
             VALUES ($1, $2, $3, $4) {KEEP_LARGEST}"
        );
        let values = alloc::vec![
            tenant.into(),
            subject.as_bytes().into(),
            class.into(),
            Cell::Integer(i64::from(generation))
        ];
        DB::execute(on, self.statements, sql, values).await.map(drop).map_err(failed)
    }
}

const KEEP_LARGEST: &str =
    "ON CONFLICT (tenant, subject, class) DO UPDATE SET generation = excluded.generation
     WHERE excluded.generation > fieldseal_reseal.generation";

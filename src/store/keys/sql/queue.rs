//! The queue of what is to be resealed.

use alloc::format;
use alloc::vec::Vec;

use super::{AskSql, Cell, Kind, SqlStore, Statement};
use crate::context::SubjectId;
use crate::error::Error;
use crate::store::keys::sight::QUEUE;
use crate::store::keys::{ResealEntry, check_class};

pub(super) const KEEP_LARGEST: &str =
    "ON CONFLICT (tenant, subject, class) DO UPDATE SET generation = excluded.generation
     WHERE excluded.generation > fieldseal_reseal.generation";

impl SqlStore {
    pub(in crate::store::keys) async fn queue(
        &self,
        ask: &AskSql,
        tenant: &str,
        subject: &SubjectId,
        class: &str,
        generation: u16,
    ) -> Result<(), Error> {
        check_class(class)?;
        Self::check_tenant(tenant)?;
        self.check_own(tenant)?;
        let statement = Statement::new(
            "INSERT INTO fieldseal_reseal (tenant, subject, class, generation) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, subject, class) DO UPDATE SET generation = excluded.generation
             WHERE excluded.generation > fieldseal_reseal.generation",
        );
        let statement = statement.bind(tenant).bind(subject).bind(class);
        ask.execute(statement.bind(i64::from(generation))).await.map(drop)
    }

    pub(in crate::store::keys) async fn reseal_queue(
        &self,
        ask: &AskSql,
        after: Option<&ResealEntry>,
        limit: usize,
    ) -> Result<Vec<ResealEntry>, Error> {
        self.check_sees(ask, QUEUE).await?;
        let (tenant, subject, class) = after
            .map_or(("", &[][..], ""), |last| (&last.tenant, last.subject.as_bytes(), &last.class));
        let own = self.place.tenant();
        let (of, limited) = if own.is_some() { ("AND tenant = $4", "$5") } else { ("", "$4") };
        let statement = Statement::new(format!(
            "SELECT tenant, subject, class, CAST(generation AS BIGINT) FROM fieldseal_reseal
             WHERE (tenant, subject, class) > ($1, $2, $3) {of}
             ORDER BY tenant, subject, class LIMIT {limited}"
        ));
        let statement = statement
            .bind(tenant)
            .bind(subject)
            .bind(class)
            .binds(own.map(Cell::from))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .row(&[Kind::Text, Kind::Bytes, Kind::Text, Kind::Integer]);
        let rows = ask.fetch(statement).await?.into_iter();
        rows.map(|row| {
            let mut row = row.into_iter();
            Ok(ResealEntry {
                tenant: Cell::text(row.next())?,
                subject: SubjectId::as_stored(&Cell::bytes(row.next())?),
                class: Cell::text(row.next())?,
                generation: Cell::generation(row.next())?,
            })
        })
        .collect()
    }

    pub(in crate::store::keys) async fn resealed(
        &self,
        ask: &AskSql,
        done: &ResealEntry,
    ) -> Result<(), Error> {
        let ResealEntry { tenant, subject, class, generation } = done;
        let statement = Statement::new(
            "DELETE FROM fieldseal_reseal
             WHERE tenant = $1 AND subject = $2 AND class = $3 AND generation = $4",
        );
        let statement = statement.bind(tenant.as_str()).bind(subject).bind(class.as_str());
        ask.execute(statement.bind(i64::from(*generation))).await.map(drop)
    }
}

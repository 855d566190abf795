//! What a connection sees of the store's table, asked.

use alloc::borrow::ToOwned as _;

use super::super::place::{Column, Place, several_rows, several_rows_of};
use super::super::sight::{several_sql, uncommitted, unnamed_sql};
use super::dialect::{Cell, Kind, failed};
use super::{SqlxDatabase, SqlxKeyStore};
use crate::error::Error;

impl<DB: SqlxDatabase> SqlxKeyStore<DB> {
    pub(super) async fn check_sight(&self, on: &mut DB::Connection) -> Result<(), Error> {
        DB::check_sight(on, self.statements, self.place.names()).await.map_err(failed)??;
        let Place::Inline(column) = &self.place else { return Ok(()) };
        let Column { subject, of, .. } = column;
        let named = DB::names_subject(subject, *of);
        let order = DB::ordered(subject, *of);
        let sql = several_sql(column, &named, &order, &DB::shown(&order));
        let rows = DB::fetch(on, self.statements, sql, alloc::vec![], &[Kind::TextId])
            .await
            .map_err(failed)?;
        match rows.into_iter().flatten().next() {
            Some(Cell::Text(shown)) => Err(several_rows_of(shown.as_bytes())),
            Some(Cell::Bytes(shown)) => Err(several_rows_of(&shown)),
            Some(_) => Err(several_rows()),
            None => Ok(()),
        }
    }

    pub(super) async fn check_undo(&self, on: &mut DB::Connection) -> Result<(), Error> {
        let may_undo = DB::may_undo(on, self.statements).await.map_err(failed)?;
        if may_undo { Err(uncommitted(self.place.names().0)) } else { Ok(()) }
    }

    pub(super) async fn unnamed(&self, on: &mut DB::Connection) -> Result<u64, Error> {
        let sql = match &self.place {
            // Before the first of a scan.
            Place::Own => {
                "SELECT CAST(count(*) AS BIGINT) FROM fieldseal_keys WHERE tenant = '' AND length(subject) = 0"
                    .to_owned()
            }
            Place::Inline(column) => {
                unnamed_sql(column, &DB::names_subject(&column.subject, column.of))
            }
        };
        let rows = DB::fetch(on, self.statements, sql, alloc::vec![], &[Kind::Integer])
            .await
            .map_err(failed)?;
        let count = Cell::number(rows.into_iter().flatten().next())?;
        Ok(u64::try_from(count).unwrap_or_default())
    }
}

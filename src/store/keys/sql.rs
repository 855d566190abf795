//! Key envelopes in SQLite and PostgreSQL: in a table of their own, or in a column of the application's.
//!
//! Everything here is without I/O, as [`crate::store::machine`] says. A crate that connects to a database brings one
//! file: it binds values, reads rows, and answers the questions of [`driver`].

mod cell;
pub(super) mod driver;
mod page;
mod queue;
mod reading;
mod saving;
mod seeing;
mod statement;

use alloc::vec::Vec;

pub(super) use self::cell::{Cell, Kind};
pub(super) use self::driver::AskSql;
pub(super) use self::statement::Statement;
use super::SubjectColumn;
use super::place::{self, Column, Place};
use crate::context::{self, SubjectId};
use crate::error::Error;
use crate::store::search::SqlDialect;

/// Where a database keeps envelopes, and which SQL it speaks.
#[derive(Clone, Debug)]
pub(super) struct SqlStore {
    pub(super) place: Place,
    pub(super) dialect: SqlDialect,
    /// Whether each save is a transaction, where reading back sees no other's changes. A crate that begins one only where
    /// it must needs no round trips for that.
    pub(super) begins: bool,
}

impl SqlStore {
    pub(super) const fn new(dialect: SqlDialect, begins: bool) -> Self {
        Self { place: Place::Own, dialect, begins }
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.dialect == SqlDialect::Postgres
    }

    fn check_tenant(tenant: &str) -> Result<(), Error> {
        // PostgreSQL has no zero byte in text, and functions of SQLite end a text there.
        if context::check_tenant(tenant)?.contains('\0') {
            return Err(Error::invalid("a tenant with a zero byte cannot be stored"));
        }
        Ok(())
    }

    /// Refuses a column that holds another tenant's envelopes.
    fn check_own(&self, tenant: &str) -> Result<(), Error> {
        match self.place.tenant() {
            Some(own) if own != tenant => Err(place::other_tenant()),
            _ => Ok(()),
        }
    }

    fn column_id(&self, subject: &SubjectId) -> Result<Cell, Error> {
        match &self.place {
            Place::Own => Ok(subject.as_bytes().into()),
            Place::Inline(column) => column.of.value(subject).map(Cell::from),
        }
    }

    /// How a row begins, wherever it is from: with the subject and the envelope.
    fn row(&self) -> &'static [Kind] {
        match &self.place {
            Place::Own => &[Kind::Bytes, Kind::Envelope],
            Place::Inline(Column { of: SubjectColumn::Integer, .. }) => {
                &[Kind::Integer, Kind::Envelope]
            }
            Place::Inline(Column { of: SubjectColumn::Text, .. }) => {
                &[Kind::TextId, Kind::Envelope]
            }
            Place::Inline(Column { of: SubjectColumn::Uuid, .. }) => &[Kind::Uuid, Kind::Envelope],
        }
    }

    fn subject(&self, cell: Option<Cell>) -> Result<SubjectId, Error> {
        match &self.place {
            Place::Own => Ok(SubjectId::as_stored(&Cell::bytes(cell)?)),
            Place::Inline(_) => Cell::column_id(cell)?.subject(),
        }
    }
}

/// The first value of the first row.
fn only(rows: Vec<Vec<Cell>>) -> Option<Cell> {
    rows.into_iter().flatten().next()
}

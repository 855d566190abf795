//! A statement of SQL with its values.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Cell, Kind};

/// SQL, the values to be bound, and what a row of it is.
///
/// Placeholders are `$1`, `$2` and so on, and each number first appears after all lower ones. SQLite takes `$1` for a
/// name, and numbers names as they appear: so both databases, and every crate, count the same.
#[allow(unnameable_types, unreachable_pub, reason = "of the sealed trait, where that is built")]
pub struct Statement {
    pub(in crate::store::keys) sql: Cow<'static, str>,
    pub(in crate::store::keys) binds: Vec<Cell>,
    pub(in crate::store::keys) row: &'static [Kind],
}

impl Statement {
    pub(super) fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), binds: Vec::new(), row: &[] }
    }

    pub(super) fn bind(mut self, value: impl Into<Cell>) -> Self {
        self.binds.push(value.into());
        self
    }

    pub(super) fn binds(mut self, values: impl IntoIterator<Item = Cell>) -> Self {
        self.binds.extend(values);
        self
    }

    pub(super) fn row(mut self, kinds: &'static [Kind]) -> Self {
        self.row = kinds;
        self
    }
}

/// `$first, $second, …`, `count` of them.
pub(super) fn placeholders(first: usize, count: usize) -> String {
    use core::fmt::Write as _;
    let mut list = String::new();
    for number in first..first.saturating_add(count) {
        let comma = if list.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(list, "{comma}${number}");
    }
    list
}

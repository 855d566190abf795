//! `#[derive(Record)]` and `#[derive(SealValue)]` from end to end, through the public interface.

#![cfg(feature = "derive")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "these are tests"
)]

#[path = "derive/classes.rs"]
mod classes;
#[path = "derive/declare.rs"]
mod declare;
#[cfg(feature = "schema")]
#[path = "derive/dynamic.rs"]
mod dynamic;
#[path = "derive/erased.rs"]
mod erased;
#[path = "derive/in_step.rs"]
mod in_step;
#[path = "derive/indexes.rs"]
mod indexes;
#[path = "derive/masks.rs"]
mod masks;
#[path = "derive/names.rs"]
mod names;
#[path = "derive/reseal.rs"]
mod reseal;
#[path = "derive/rows.rs"]
mod rows;
#[cfg(feature = "schema")]
#[path = "derive/run_time.rs"]
mod run_time;
#[path = "derive/values.rs"]
mod values;
#[path = "derive/views.rs"]
mod views;

#[cfg(feature = "rusqlite")]
#[path = "derive/rusqlite.rs"]
mod rusqlite;

use fieldseal::{Class, KeyRing};

pub(crate) const CONTACT: Class = Class::new("contact").readers(&["app", "support"]);
pub(crate) const FINANCIAL: Class = Class::new("financial").readers(&["billing"]);

/// A ring with every role of these classes.
pub(crate) fn ring() -> KeyRing {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_role("support").unwrap();
    ring.add_role("billing").unwrap();
    ring
}

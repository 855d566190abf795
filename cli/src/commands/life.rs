//! What is done to stored key envelopes, and to the keys that they need.

pub(super) mod census;
mod classes;
pub(super) mod consent;
pub(super) mod erase;
mod head;
pub(super) mod ledger;
pub(super) mod migrate;
pub(super) mod receipt;
pub(super) mod replay;
pub(super) mod retire;
pub(super) mod rewrap;
mod subject;
pub(super) mod sweep;
mod unopened;

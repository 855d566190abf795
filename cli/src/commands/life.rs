//! What is done to stored key envelopes, and to the keys that they need.

pub(super) mod census;
pub(super) mod migrate;
pub(super) mod retire;

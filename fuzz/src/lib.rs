//! The targets are functions of the test suite, which replays the corpora: see tests/support.

#![allow(dead_code, reason = "the helpers serve several tests")]

#[path = "../../tests/support"]
mod support {
    pub(crate) mod forge;
    pub(crate) mod targets;
}

/// Runs one target on one input.
pub fn run(target: &str, data: &[u8]) {
    support::targets::run(target, data);
}

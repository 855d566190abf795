//! Jobs over a whole store: which envelopes they change, and when they must be confirmed.
//!
//! A [`Sweep`] erases the generations of data keys whose retention term has passed. See [`Sweep`] for an example.

mod sweep;

pub use self::sweep::{Sweep, SweepPlan};

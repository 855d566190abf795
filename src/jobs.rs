//! Work on whole stores: what is decided, and by which numbers. The stores themselves are above.

mod sweep;

pub use self::sweep::{Sweep, SweepPlan};

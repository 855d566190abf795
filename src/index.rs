//! What sealed values are found by: terms, made under the ring's index key of normalized values.
//!
//! Untyped: values come as items. The typed face is `field::Index`.

mod domain;
mod leakage;
mod normalize;
mod spec;
mod stale;
mod term;
mod unicode;
mod words;

pub use self::domain::Domain;
pub use self::leakage::{Leakage, MeasuredLeakage};
pub use self::normalize::Normalizer;

pub(crate) use self::spec::{Cardinality, IndexSpec, Items, Shape, Wanted};
pub use self::stale::Stale;
pub use self::term::{Term, Terms};

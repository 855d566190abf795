//! Blind indexes, which find sealed values without opening them.
//!
//! An index derives one or more *terms* from a value. A term is a MAC of the normalized value, under a key
//! that is specific to the tenant, record and index. Equal values have equal terms, so the database can
//! look them up. That is also what an index reveals: see [`Leakage`].
//!
//! Declare an index on a field of a record, or by an [`Index`](crate::Index) constant. A [`Normalizer`] makes different
//! spellings of a value equal, and a [`Domain`] bounds a range index.
//!
//! ```
//! use fieldseal::index::Normalizer;
//! use fieldseal::{KeyRing, Record, SealedRecord};
//!
//! #[derive(Record)]
//! #[record(name = "customer", single_row)]
//! struct Customer {
//!     #[record(subject)]
//!     id: i64,
//!     #[record(seal, index(exact, normalize = Normalizer::EMAIL, cardinality = 1_000_000))]
//!     email: String,
//! }
//!
//! let mut ring = KeyRing::generate()?;
//! ring.add_index_key()?;
//! let row = Customer { id: 42, email: "Ada@Example.com".into() }.seal_new(&ring)?;
//!
//! // SELECT … WHERE email_index IN (…)
//! let query = customer::EMAIL_INDEX.query(&ring, "ada@EXAMPLE.com")?;
//! assert_eq!(query.terms(), [row.email_index.unwrap()]);
//! # Ok::<(), fieldseal::Error>(())
//! ```

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

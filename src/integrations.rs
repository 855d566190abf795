//! Sealed columns and key envelopes in other crates' terms, each behind its feature.

#[cfg(feature = "rusqlite")]
mod rusqlite;
#[cfg(feature = "serde")]
mod serde;

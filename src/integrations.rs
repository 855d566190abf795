//! Sealed columns and key envelopes in other crates' terms, and outside key services, each behind its
//! feature.

#[cfg(feature = "pkcs11")]
pub mod pkcs11;
#[cfg(feature = "rusqlite")]
mod rusqlite;
#[cfg(feature = "serde")]
mod serde;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod sqlx;

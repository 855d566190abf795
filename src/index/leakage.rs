//! What an index tells whoever reads the table.

use super::spec::Cardinality;

/// What an index tells whoever reads the table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Leakage {}

/// `[LK-1]`
pub(crate) const fn lint(
    _bits: Option<u16>,
    _cardinality: Cardinality,
    _allow_leakage: Option<&'static str>,
) -> Result<(), &'static str> {
    Ok(())
}

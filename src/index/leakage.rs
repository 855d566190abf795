//! What an index tells whoever reads the table.

use alloc::collections::BTreeMap;
use core::fmt;

use super::spec::{Cardinality, IndexSpec, Shape};
use super::term::Term;
use super::words::MOST_WORDS;
use crate::error::Error;
use crate::keyring::KeyId;

/// `[LK-1]` An index that is not truncated has at least so many different values.
const FEWEST_VALUES: u64 = 10_000;
/// Terms of fewer bits are truncated: different values are meant to share them.
const UNTRUNCATED: u16 = 128;
/// `[LK-2]` Of 10,000 terms that there can be, how many are there when twice as many values are stored:
/// 1 − e^−2.
const OCCUPIED: u128 = 8_647;

const FEW_VALUES: &str = "the index has fewer than 10,000 different values, so that its terms are guessed by counting: \
     cut them to so few bits that 2^bits is at most half of the cardinality, as in bits = 8 for 1,000 values, or say allow_leakage = \"why\"";
const MANY_BITS: &str = "the index is cut to more bits than its values hide in: 2^bits must be at most half of the \
     cardinality; take fewer bits, or say allow_leakage = \"why\"";

/// `[LK-1]` What stands against a declaration.
pub(crate) const fn lint(
    bits: Option<u16>,
    cardinality: Cardinality,
    allow_leakage: Option<&str>,
) -> Result<(), &'static str> {
    if let Some(why) = allow_leakage {
        return if why.is_empty() { Err("say why the index may tell that much") } else { Ok(()) };
    }
    match (cardinality, bits) {
        (Cardinality::Unsaid, _) => {
            Err("declare the cardinality of the index: how many different \
             values there will be, roughly, or that it is measured")
        }
        (Cardinality::Measured, _) => Ok(()),
        (Cardinality::Declared(values), Some(bits)) if bits < UNTRUNCATED => {
            if hides(bits, values) { Ok(()) } else { Err(MANY_BITS) }
        }
        (Cardinality::Declared(values), _) => {
            if values < FEWEST_VALUES {
                Err(FEW_VALUES)
            } else {
                Ok(())
            }
        }
    }
}

/// Whether there are at least two values to a term: 2^bits ≤ values / 2.
#[allow(clippy::as_conversions, reason = "widening; `From` is not const")]
const fn hides(bits: u16, values: u64) -> bool {
    matches!(values.checked_shr(bits as u32 + 1), Some(1..))
}

/// What an index tells whoever reads the table, by its declaration. [`measured`](Self::measured) holds it
/// against the terms that are stored.
///
/// ```
/// use fieldseal::field::ManyTerms;
/// use fieldseal::index::Domain;
/// use fieldseal::Index;
///
/// const CITY: Index<String> = Index::exact("customer", "city").cardinality(20_000).bits(12);
/// const BIRTH: Index<i64, ManyTerms> =
///     Index::range("customer", "birth", Domain::integers(0, 99_999)).levels(8);
///
/// let told = CITY.leakage();
/// assert_eq!((told.bits, told.values_per_term), (12, Some(4)));
/// assert!(!told.order && BIRTH.leakage().order);
/// println!("{told}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Leakage<'a> {
    /// The stable id of the record.
    pub record: &'a str,
    /// The stable id of the index.
    pub index: &'a str,
    /// `exact`, `compound`, `prefix`, `words` or `range`.
    pub shape: &'static str,
    /// The bits of a term, behind the key's id.
    pub bits: u16,
    /// How many different values there are, as declared; `None` where it is to be measured.
    pub cardinality: Option<u64>,
    /// How many different values share a term, on average. 1 where terms are not truncated: equal terms
    /// are equal values.
    pub values_per_term: Option<u64>,
    /// How many terms a value has at most.
    pub terms_per_value: u16,
    /// The levels that a range index keeps, of those it could have.
    pub levels: Option<(u8, u8)>,
    /// Whether the order of the values shows, up to mirroring.
    pub order: bool,
    /// Whether it shows which values have how much in common: the tree of prefixes, or of ranges.
    pub tree: bool,
    /// Why it may tell more than the rule allows.
    pub allowed_because: Option<&'a str>,
}

impl<'i> Leakage<'i> {
    pub(crate) fn of(spec: &IndexSpec<'i>) -> Self {
        let bits = spec.effective_bits();
        let cardinality = match spec.cardinality {
            Cardinality::Declared(values) => Some(values),
            Cardinality::Unsaid | Cardinality::Measured => None,
        };
        let (shape, terms_per_value, levels) = match spec.shape {
            Shape::Exact => ("exact", 1, None),
            Shape::Compound(_) => ("compound", 1, None),
            Shape::Prefix(most) => ("prefix", most.into(), None),
            Shape::Words => ("words", MOST_WORDS, None),
            Shape::Range(domain, kept) => ("range", kept.into(), Some((kept, domain.levels()))),
        };
        let several = terms_per_value > 1;
        Self {
            record: spec.record,
            index: spec.id,
            shape,
            bits,
            cardinality,
            values_per_term: cardinality
                .map(|values| values.checked_shr(bits.into()).unwrap_or(0).max(1)),
            terms_per_value,
            levels,
            order: several && matches!(spec.shape, Shape::Range(..)),
            tree: several && !matches!(spec.shape, Shape::Words),
            allowed_because: spec.allow_leakage,
        }
    }

    /// What the stored terms tell: those of the column, one a row, or of the whole array or table of terms.
    /// Where there are terms under several index keys, those of the key with most of them are counted, as the
    /// same value has another term under each.
    pub fn measured<'a>(&self, terms: impl IntoIterator<Item = &'a Term>) -> MeasuredLeakage<'i> {
        let mut by_key: BTreeMap<Option<KeyId>, BTreeMap<&Term, u64>> = BTreeMap::new();
        for term in terms {
            let rows = by_key.entry(term.key_id()).or_default().entry(term).or_default();
            *rows = rows.saturating_add(1);
        }
        let total = |groups: &BTreeMap<&Term, u64>| groups.values().sum::<u64>();
        let groups = by_key.into_values().max_by_key(total).unwrap_or_default();
        let terms = total(&groups);
        let weighted: f64 = groups.values().map(|rows| float(*rows) * log2(*rows)).sum();
        MeasuredLeakage {
            declared: self.clone(),
            terms,
            distinct: u64::try_from(groups.len()).unwrap_or(u64::MAX),
            largest_group: groups.values().copied().max().unwrap_or_default(),
            smallest_group: groups.values().copied().min().unwrap_or_default(),
            // Of equally frequent terms all that there is to learn is their number.
            entropy_bits: if terms == 0 { 0.0 } else { log2(terms) - weighted / float(terms) },
        }
    }
}

/// In plain words.
impl fmt::Display for Leakage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, index, shape, bits, .. } = self;
        write!(f, "{record}.{index} ({shape}): ")?;
        match self.values_per_term {
            _ if *bits >= UNTRUNCATED => f.write_str("rows with equal values show")?,
            Some(1) | None => write!(f, "terms of {bits} bits show which rows may be equal")?,
            Some(values) => {
                write!(f, "terms of {bits} bits show rows of about {values} values together")?;
            }
        }
        f.write_str(", and how many there are of each")?;
        match self.cardinality {
            Some(values) => write!(f, "; {values} different values")?,
            None => f.write_str("; the number of different values is measured")?,
        }
        if self.terms_per_value > 1 {
            write!(f, "; up to {} terms a value", self.terms_per_value)?;
        }
        if let Some((kept, all)) = self.levels {
            write!(f, ", {kept} of {all} levels")?;
        }
        if self.order {
            f.write_str("; the order of the values shows, up to mirroring, and which are near")?;
        } else if self.tree {
            f.write_str("; it shows which values begin alike, and for how long")?;
        }
        match self.allowed_because {
            Some(why) => write!(f, "; allowed because: {why}"),
            None => Ok(()),
        }
    }
}

/// What the stored terms of an index tell: [`Leakage::measured`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MeasuredLeakage<'i> {
    /// What the declaration says.
    pub declared: Leakage<'i>,
    /// How many terms were counted.
    pub terms: u64,
    /// How many of them are different.
    pub distinct: u64,
    /// How many rows share the most frequent term.
    pub largest_group: u64,
    /// How many rows share the rarest term.
    pub smallest_group: u64,
    /// What the term of a row that was picked by chance tells of the row, in bits (Shannon).
    pub entropy_bits: f64,
}

impl MeasuredLeakage<'_> {
    /// The share of the terms that are the most frequent one: how often the best guess is right.
    pub fn largest_share(&self) -> f64 {
        if self.terms == 0 { 0.0 } else { float(self.largest_group) / float(self.terms) }
    }

    /// `[LK-2]` The rule for declarations, by what was counted. A truncated index passes when so many of its
    /// terms occur as do when there are two values to each; a reason given in the declaration stands.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration), naming record and index.
    pub fn check(&self) -> Result<(), Error> {
        let Leakage { record, index, bits, allowed_because, .. } = self.declared;
        let passes = if allowed_because.is_some() {
            Ok(())
        } else if bits < UNTRUNCATED {
            let occupied = u128::from(self.distinct).saturating_mul(10_000);
            let needed = 1_u128.checked_shl(bits.into()).and_then(|all| all.checked_mul(OCCUPIED));
            if needed.is_some_and(|needed| occupied >= needed) { Ok(()) } else { Err(MANY_BITS) }
        } else {
            lint(None, Cardinality::Declared(self.distinct), None)
        };
        passes.map_err(|what| Error::declaration(what).at(record, index))
    }
}

/// In plain words.
impl fmt::Display for MeasuredLeakage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; measured: {} terms, {} different, the most frequent {} times ({:.1} %), the rarest {}; a term \
             tells {:.1} bits of its row",
            self.declared,
            self.terms,
            self.distinct,
            self.largest_group,
            self.largest_share() * 100.0,
            self.smallest_group,
            self.entropy_bits,
        )
    }
}

#[allow(clippy::as_conversions, reason = "a figure to show; 53 bits of it are enough")]
fn float(count: u64) -> f64 {
    count as f64
}

/// The binary logarithm, which `core` has not got.
fn log2(of: u64) -> f64 {
    let Some(whole) = of.checked_ilog2() else { return 0.0 };
    let mut rest = float(of) / float(1_u64.checked_shl(whole).unwrap_or(1));
    let (mut log, mut bit) = (f64::from(whole), 0.5);
    for _ in 0..40 {
        // Squaring doubles the logarithm of what is left.
        rest *= rest;
        if rest >= 2.0 {
            rest /= 2.0;
            log += bit;
        }
        bit /= 2.0;
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn declared(bits: Option<u16>, values: u64) -> Result<(), &'static str> {
        lint(bits, Cardinality::Declared(values), None)
    }

    #[test]
    fn few_values_are_refused_untruncated() {
        assert_eq!(declared(None, 9_999), Err(FEW_VALUES));
        assert_eq!(declared(Some(128), 9_999), Err(FEW_VALUES));
        assert_eq!(declared(Some(256), 1), Err(FEW_VALUES));
        assert_eq!(declared(None, 10_000), Ok(()));
        assert_eq!(declared(None, u64::MAX), Ok(()));
    }

    #[test]
    fn truncated_terms_have_two_values_each_or_are_refused() {
        assert_eq!(declared(Some(10), 2_047), Err(MANY_BITS));
        assert_eq!(declared(Some(10), 2_048), Ok(()));
        assert_eq!(declared(Some(1), 3), Err(MANY_BITS));
        assert_eq!(declared(Some(1), 4), Ok(()));
        assert_eq!(declared(Some(62), u64::MAX), Ok(()));
        for bits in [63, 64, 65, 100, 127] {
            assert_eq!(declared(Some(bits), u64::MAX), Err(MANY_BITS), "{bits}");
        }
    }

    #[test]
    fn a_cardinality_is_said_and_a_reason_is_one() {
        assert!(lint(None, Cardinality::Unsaid, None).is_err());
        assert!(lint(Some(4), Cardinality::Unsaid, None).is_err());
        assert_eq!(lint(Some(100), Cardinality::Measured, None), Ok(()));
        assert_eq!(lint(None, Cardinality::Unsaid, Some("a public register")), Ok(()));
        assert_eq!(lint(None, Cardinality::Declared(2), Some("a public register")), Ok(()));
        assert!(lint(None, Cardinality::Declared(1_000_000), Some("")).is_err());
    }

    #[test]
    fn the_rule_holds_in_constants() {
        const REFUSED: bool = declared(Some(20), 1_000_000).is_err();
        const { assert!(REFUSED) };
    }

    #[test]
    fn logarithms_are_right() {
        for of in [1, 2, 3, 7, 10, 1_000, 1 << 40, u64::MAX] {
            let right = f64::log2(float(of));
            assert!((log2(of) - right).abs() < 1e-9, "{of}");
        }
        assert!(log2(0).abs() < f64::EPSILON);
    }
}

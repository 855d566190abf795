//! What sort of value a type has, for declarations that only some can have.

/// What sort of item a type writes, for the compiler to refuse an index or a mask that its values cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueKind {
    /// It is not known before there is a value: what an index cannot take is refused when it is sealed.
    Unknown,
    /// Text.
    Text,
    /// An integer.
    Integer,
    /// A boolean.
    Bool,
    /// A float.
    Float,
    /// A byte string.
    Bytes,
    /// A UUID.
    Uuid,
    /// A calendar date.
    Date,
    /// An instant.
    Instant,
    /// A decimal.
    Decimal,
    /// What has parts: a sequence, or a structured value.
    Parts,
}

impl ValueKind {
    /// Whether values of the two can be the same, as far as is known.
    #[allow(clippy::as_conversions, reason = "enums do not compare in a constant")]
    pub(crate) const fn may_be(self, other: Self) -> bool {
        matches!(self, Self::Unknown) || matches!(other, Self::Unknown) || self as u8 == other as u8
    }
}

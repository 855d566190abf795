//! What sort of value a type has, for declarations that only some can have.

/// What sort of item a type writes, for the compiler to refuse an index or a mask that its values cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
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

/// A limit that a type sets to its values, beyond their [`ValueKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Limit {
    /// Integers from the least to the greatest, both included.
    Integers(i64, u64),
    /// Byte strings of this length.
    Length(u32),
    /// Floats of 32 bits.
    Float32,
}

impl ValueKind {
    /// All kinds, each with its name in a schema.
    #[cfg(feature = "schema")]
    pub(crate) const NAMES: [(&'static str, Self); 11] = [
        ("unknown", Self::Unknown),
        ("text", Self::Text),
        ("integer", Self::Integer),
        ("bool", Self::Bool),
        ("float", Self::Float),
        ("bytes", Self::Bytes),
        ("uuid", Self::Uuid),
        ("date", Self::Date),
        ("instant", Self::Instant),
        ("decimal", Self::Decimal),
        ("parts", Self::Parts),
    ];

    /// Whether values of the two can be the same, as far as is known.
    #[allow(clippy::as_conversions, reason = "enums do not compare in a constant")]
    pub(crate) const fn may_be(self, other: Self) -> bool {
        matches!(self, Self::Unknown) || matches!(other, Self::Unknown) || self as u8 == other as u8
    }
}

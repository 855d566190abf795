//! What signed and encrypted JSON documents have in common: members that are strict, and one spelling.

use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize};

/// `[RF-2]` A member that may be absent, but is not null.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// The canonical JSON of a value whose types have their members in alphabetical order, and hold no
/// floating point: JCS, RFC 8785.
pub(crate) fn canonical(value: &impl Serialize) -> Vec<u8> {
    // safe: structs of strings and integers have no way to fail.
    #[allow(clippy::expect_used, reason = "these types cannot fail")]
    serde_json::to_vec(value).expect("strings and integers")
}

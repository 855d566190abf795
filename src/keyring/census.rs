//! What still needs which ring key, counted from envelopes; without it no key is destroyed.

use alloc::collections::BTreeMap;

use super::KeyId;

/// How many envelopes name each ring key, as recipient or as envelope key.
///
/// Made by [counting](crate::EnvelopeInfo::count_into) every stored envelope, from headers alone. It is
/// what [`KeyRing::destroy`](crate::KeyRing::destroy) asks for.
///
/// ```
/// use fieldseal::{Census, Class, DataKeys, KeyRing, KeyUse};
///
/// let mut ring = KeyRing::generate()?;
/// let keys = DataKeys::create(&ring, 42, &[Class::PERSONAL])?;
/// let old = ring.primary(KeyUse::Wrap, "app").map(|key| key.id()).unwrap();
/// ring.rotate(KeyUse::Wrap, "app")?;
///
/// let mut census = Census::new();
/// keys.envelope().inspect()?.count_into(&mut census);
/// assert_eq!(census.count(old), 1);
/// assert!(ring.destroy(old, &census).is_err(), "an envelope still needs it");
///
/// let mut edit = keys.envelope().edit(&ring, 42)?;
/// edit.rewrap(&[Class::PERSONAL])?;
/// let mut census = Census::new();
/// edit.finish()?.inspect()?.count_into(&mut census);
/// ring.destroy(old, &census)?;
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    envelopes: u64,
    counts: BTreeMap<KeyId, u64>,
}

impl Census {
    /// A census that has counted nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one envelope, which names each of these keys at least once. Ids of 0 are none.
    pub(crate) fn add_envelope(&mut self, keys: impl IntoIterator<Item = u32>) {
        self.envelopes = self.envelopes.saturating_add(1);
        for id in keys.into_iter().filter_map(KeyId::new) {
            let count = self.counts.entry(id).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// How many envelopes were counted.
    pub fn envelopes(&self) -> u64 {
        self.envelopes
    }

    /// How many of them name this key.
    pub fn count(&self, id: KeyId) -> u64 {
        self.counts.get(&id).copied().unwrap_or_default()
    }
}

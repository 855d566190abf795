//! What an envelope says of itself, without a key and unverified.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::format::{Entry, Layout, Recipient, State};
use crate::keyring::Census;

/// The content of a key envelope as [`KeyEnvelope::inspect`](crate::KeyEnvelope::inspect) reads it:
/// unverified, and nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnvelopeInfo {
    /// The version: 1 when new, one more with each stored change.
    pub version: u64,
    /// When the whole subject was erased, in Unix seconds.
    pub subject_erased_at: Option<u64>,
    /// The id of the ring key that authenticates the envelope.
    pub envelope_key: u32,
    /// The generations, by class and number.
    pub entries: Vec<EntryInfo>,
}

/// One generation of a class, in an [`EnvelopeInfo`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryInfo {
    /// The class.
    pub class: String,
    /// The number of the generation, from 1.
    pub generation: u16,
    /// The 4 bytes by which sealed fields name it.
    pub key_tag: [u8; 4],
    /// Live, with who may read it, or erased.
    pub state: EntryState,
}

/// The state of a generation, in an [`EnvelopeInfo`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryState {
    /// The data key is there, for those it is wrapped for.
    #[non_exhaustive]
    Live {
        /// 1 is XChaCha20-Poly1305.
        suite: u8,
        /// Unix seconds.
        created_at: u64,
        /// Unix seconds; `None` is never.
        expires_at: Option<u64>,
        /// Who it is wrapped for.
        recipients: Vec<RecipientInfo>,
    },
    /// The data key is gone.
    #[non_exhaustive]
    Erased {
        /// Unix seconds.
        erased_at: u64,
    },
}

/// Whom a data key is wrapped for, in an [`EnvelopeInfo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecipientInfo {
    /// 1 is a symmetric key, 2 a key pair (HPKE).
    pub kind: u8,
    /// The id of the ring key.
    pub key_id: u32,
}

impl EnvelopeInfo {
    /// Counts the ring keys that this envelope needs: its envelope key, and each recipient's
    /// (FORMAT.md, RK-5).
    pub fn count_into(&self, census: &mut Census) {
        let recipients = self.entries.iter().flat_map(|entry| match &entry.state {
            EntryState::Live { recipients, .. } => recipients.as_slice(),
            EntryState::Erased { .. } => &[],
        });
        let keys: BTreeSet<u32> =
            recipients.map(|recipient| recipient.key_id).chain([self.envelope_key]).collect();
        census.add_envelope(keys);
    }

    pub(super) fn of(layout: &Layout<'_>) -> Self {
        Self {
            version: layout.version,
            subject_erased_at: layout.erased_at,
            envelope_key: layout.key_id,
            entries: layout.entries.iter().map(EntryInfo::of).collect(),
        }
    }
}

impl EntryInfo {
    fn of(entry: &Entry<'_>) -> Self {
        let recipient = |of: &Recipient<'_>| RecipientInfo { kind: of.kind, key_id: of.key_id };
        Self {
            class: entry.class.clone().into_owned(),
            generation: entry.generation,
            key_tag: entry.tag(),
            state: match &entry.state {
                State::Live(live) => EntryState::Live {
                    suite: live.suite,
                    created_at: live.created_at,
                    expires_at: (live.expires_at != 0).then_some(live.expires_at),
                    recipients: live.recipients.iter().map(recipient).collect(),
                },
                State::Erased { erased_at, .. } => EntryState::Erased { erased_at: *erased_at },
            },
        }
    }
}

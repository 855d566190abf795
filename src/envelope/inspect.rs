//! What sealed bytes say of themselves, without a key and unverified.

use alloc::string::String;
use alloc::vec::Vec;

use super::format::{Entry, Layout, Recipient, State};
use super::sealed::{Parts, check_standalone, split_standalone};
use crate::encoding::{KEY_ENVELOPE, SEALED_FIELD, STANDALONE, from_text, wrong_first_byte};
use crate::error::Error;
use crate::keyring::{Census, CountedEntry};

/// What stored bytes are, and what they say of themselves: unverified, and nothing secret.
///
/// ```
/// use fieldseal::envelope::SealedInfo;
/// use fieldseal::KeyRing;
///
/// let ring = KeyRing::generate()?;
/// let stored = ring.seal(b"note 7", b"call back")?;
/// let SealedInfo::Standalone(info) = SealedInfo::from_bytes(&stored)? else { panic!() };
/// assert_eq!(info.envelope.entries.len(), 1);
/// assert_eq!(info.field.padded_len, 16, "how long the value was is hidden in 16 bytes");
/// assert!(SealedInfo::from_bytes(b"call back").is_err(), "not sealed");
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealedInfo {
    /// A sealed field: one value of a row.
    Field(FieldInfo),
    /// A key envelope: the data keys of a subject.
    Envelope(EnvelopeInfo),
    /// A standalone envelope: a value with its data key.
    Standalone(StandaloneInfo),
}

/// What a sealed field says of itself: unverified, and nothing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldInfo {
    /// The 4 bytes by which it names its data key: those of an [`EntryInfo`].
    pub key_tag: [u8; 4],
    /// How long the sealed value is, in bytes, with its padding.
    pub padded_len: usize,
}

/// What a standalone envelope says of itself: unverified, and nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StandaloneInfo {
    /// Its key envelope, of one entry.
    pub envelope: EnvelopeInfo,
    /// Its value.
    pub field: FieldInfo,
}

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
    /// How many bytes it has: at most 65,535.
    pub len: usize,
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

impl SealedInfo {
    /// Reads stored bytes, strictly.
    ///
    /// # Errors
    /// [`NotSealed`](crate::ErrorKind::NotSealed) for other bytes,
    /// [`Unsupported`](crate::ErrorKind::Unsupported), [`Malformed`](crate::ErrorKind::Malformed).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        match bytes.first() {
            Some(&SEALED_FIELD) => FieldInfo::read(bytes).map(Self::Field),
            Some(&KEY_ENVELOPE) => Layout::parse(bytes)
                .map(|layout| Self::Envelope(EnvelopeInfo::of(&layout, bytes.len()))),
            Some(&STANDALONE) => StandaloneInfo::read(bytes).map(Self::Standalone),
            first => Err(wrong_first_byte(first.copied(), WHAT)),
        }
    }

    /// Reads the text form, `fs1.…`.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes).
    pub fn from_text(text: &str) -> Result<Self, Error> {
        Self::from_bytes(&from_text(text, WHAT)?)
    }
}

const WHAT: &str = "a sealed field or envelope";

impl FieldInfo {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let parts = Parts::parse(bytes)?;
        Ok(Self { key_tag: parts.tag, padded_len: parts.padded_len() })
    }
}

impl StandaloneInfo {
    /// `[SA-5]` a to d, without the MAC.
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let (envelope, field) = split_standalone(bytes)?;
        let layout = Layout::parse(envelope)?;
        let field = FieldInfo::read(field)?;
        check_standalone(&layout, field.key_tag)?;
        Ok(Self { envelope: EnvelopeInfo::of(&layout, envelope.len()), field })
    }
}

impl EnvelopeInfo {
    /// Counts this envelope: its generations, and the ring keys it needs, which are its envelope key
    /// and each recipient's (CONDUCT.md, RK-5).
    pub fn count_into(&self, census: &mut Census) {
        let entries = self.entries.iter().map(EntryInfo::counted);
        census.add_envelope(self.len, self.envelope_key, self.subject_erased_at.is_some(), entries);
    }

    pub(super) fn of(layout: &Layout<'_>, len: usize) -> Self {
        Self {
            len,
            version: layout.version,
            subject_erased_at: layout.erased_at,
            envelope_key: layout.key_id,
            entries: layout.entries.iter().map(EntryInfo::of).collect(),
        }
    }
}

impl Census {
    /// Counts stored bytes, a key envelope or a standalone envelope. Other bytes, and those that cannot
    /// be read, are [counted as such](Self::unreadable), and then no key is retired: nobody knows what
    /// they need.
    pub fn add(&mut self, stored: &[u8]) -> &mut Self {
        match SealedInfo::from_bytes(stored) {
            Ok(SealedInfo::Envelope(envelope)) => envelope.count_into(self),
            Ok(SealedInfo::Standalone(standalone)) => standalone.envelope.count_into(self),
            Ok(SealedInfo::Field(_)) | Err(_) => self.add_unreadable(),
        }
        self
    }

    /// [`add`](Self::add) of the text form, `fs1.…`.
    pub fn add_text(&mut self, stored: &str) -> &mut Self {
        match from_text(stored, WHAT) {
            Ok(bytes) => return self.add(&bytes),
            Err(_) => self.add_unreadable(),
        }
        self
    }
}

impl EntryInfo {
    fn counted(&self) -> CountedEntry<'_> {
        let live = match &self.state {
            EntryState::Live { suite, expires_at, recipients, .. } => {
                let ids = recipients.iter().map(|recipient| recipient.key_id).collect();
                Some((*suite, *expires_at, ids))
            }
            EntryState::Erased { .. } => None,
        };
        CountedEntry { class: &self.class, generation: self.generation, live }
    }

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

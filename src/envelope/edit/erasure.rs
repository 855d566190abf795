//! What an edit erased: what receipts are made of.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::EnvelopeEdit;
use crate::context::SubjectId;
use crate::envelope::KeyEnvelope;
use crate::envelope::format::{Entry, Layout};
use crate::error::Error;
use crate::keyring::KeyId;

/// An erasure: what it destroyed, and the envelope that is to be stored for it. With the feature `file`
/// it gives a signed receipt.
#[derive(Clone, Debug)]
#[must_use = "it gives the receipt; from finish_erasure, its envelope is still to be stored"]
pub struct Erasure {
    pub(crate) envelope: KeyEnvelope,
    pub(crate) tenant: String,
    pub(crate) subject: SubjectId,
    pub(crate) subject_erased_at: Option<u64>,
    pub(crate) generations: Vec<ErasedGeneration>,
    pub(crate) keys: BTreeSet<KeyId>,
}

/// One generation of a class whose data key is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErasedGeneration {
    /// The class.
    pub class: String,
    /// The number of the generation, from 1.
    pub generation: u16,
    /// When it was erased, in Unix seconds.
    pub erased_at: u64,
    /// Whether it had been erased before this erasure was asked for: then nothing is known any more of the
    /// ring keys that would open an old copy of it.
    pub earlier: bool,
}

impl Erasure {
    /// The envelope, with the mark of the erasure: to be stored while the version before it is stored.
    pub fn envelope(&self) -> &KeyEnvelope {
        &self.envelope
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The subject.
    pub fn subject(&self) -> &SubjectId {
        &self.subject
    }

    /// When the whole subject was erased, in Unix seconds; `None` where it was classes of theirs.
    pub fn subject_erased_at(&self) -> Option<u64> {
        self.subject_erased_at
    }

    /// The generations that are gone, those that were gone before included. An envelope that was pruned
    /// does not know all of those.
    pub fn generations(&self) -> &[ErasedGeneration] {
        &self.generations
    }

    /// The ring keys that the data keys destroyed by this change were wrapped for: with one of these, an
    /// old copy of the envelope still opens. Destroy them, or keep backups from holding the envelopes. Of
    /// [earlier](ErasedGeneration::earlier) generations nothing is known.
    pub fn keys(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.keys.iter().copied()
    }
}

impl EnvelopeEdit<'_> {
    /// [`finish`](Self::finish), after an erasure: with what was erased.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) for an edit that erases nothing by
    /// [`erase_subject`](Self::erase_subject) or [`erase_class`](Self::erase_class); and as
    /// [`finish`](Self::finish).
    pub fn finish_erasure(mut self) -> Result<Erasure, Error> {
        if self.erasing.is_empty() {
            return Err(Error::declaration(
                "nothing was erased: call erase_subject or erase_class",
            ));
        }
        let envelope = self.written()?;
        let before = self.original.as_ref().map(|before| Layout::parse(before.as_bytes()));
        let before = before.transpose()?.map(|layout| layout.entries).unwrap_or_default();
        let erased = self.layout.entries.iter().filter(|entry| self.is_erasing(&entry.class));
        let was = |entry: &Entry<'_>| {
            before
                .iter()
                .find(|other| (&other.class, other.generation) == (&entry.class, entry.generation))
        };
        // `[RE-4]` A mark was never a data key, unlike what this edit began and erased.
        let is_mark = |entry: &Entry<'_>| {
            entry.is_empty_mark()
                || was(entry).is_none() && !self.fresh.iter().any(|made| made.tag() == entry.tag())
        };
        let generations = erased.filter(|entry| !is_mark(entry)).filter_map(|entry| {
            Some(ErasedGeneration {
                class: entry.class.clone().into_owned(),
                generation: entry.generation,
                erased_at: entry.erased_at()?,
                earlier: was(entry).is_none_or(|before| before.live().is_none()),
            })
        });
        let live = before.iter().filter(|entry| self.is_erasing(&entry.class));
        let recipients = live.filter_map(Entry::live).flat_map(|live| &live.recipients);
        Ok(Erasure {
            generations: generations.collect(),
            keys: recipients.filter_map(|recipient| KeyId::new(recipient.key_id)).collect(),
            tenant: self.access.checked_tenant()?.to_owned(),
            subject_erased_at: self.layout.erased_at,
            subject: self.subject,
            envelope,
        })
    }

    fn is_erasing(&self, class: &str) -> bool {
        self.erasing.iter().any(|asked| match asked {
            None => true,
            Some(asked) => class == asked || class.strip_prefix("mask.") == Some(asked),
        })
    }
}

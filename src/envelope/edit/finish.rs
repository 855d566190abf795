//! Changes made whole or not at all, written as one envelope, and told to audit and ledger.

use alloc::string::String;
use alloc::vec::Vec;

use super::EnvelopeEdit;
use crate::audit::Action;
use crate::class::Class;
use crate::encoding::Put as _;
use crate::envelope::format::Layout;
use crate::envelope::generation::{Bound, GenerationKey, Wanted};
use crate::envelope::{DataKeys, KeyEnvelope, keys};
use crate::error::{Error, ErrorKind};
use crate::keyring::{ENVELOPE, KeyUse};

/// An edit as it was before a change that is undone.
struct Before {
    layout: Layout<'static>,
    fresh: usize,
    wrapped: usize,
    acts: usize,
    to_reseal: Vec<(String, u16)>,
    to_renew: Vec<String>,
    erasing: usize,
}

impl EnvelopeEdit<'_> {
    /// The changed envelope, to be stored while the version that was read is still stored; the
    /// envelope as it was when nothing changed.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) without a primary envelope key;
    /// [`Exhausted`](ErrorKind::Exhausted) at the limits of the format;
    /// [`Audit`](ErrorKind::Audit) when the audit refuses.
    pub fn finish(mut self) -> Result<KeyEnvelope, Error> {
        self.written()
    }

    /// [`finish`](Self::finish), and unwraps the result.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_keys(mut self) -> Result<DataKeys, Error> {
        let envelope = self.written()?;
        let bound = Bound::new(&self.access, &self.subject)?;
        let is_fresh = |tag| self.fresh.iter().any(|made| made.tag() == tag);
        let wanted = |_: &str, tag| if is_fresh(tag) { Wanted::Nobody } else { Wanted::Anybody };
        let generations = keys::unwrap_all(&bound, &self.layout, &wanted);
        let mut data_keys = DataKeys::of(envelope, &bound, &self.layout, generations);
        for made in self.fresh {
            data_keys.set_made(&bound, &self.layout, made);
        }
        // Keys of what was stored before come out too: that is an unwrap, changed or not.
        if self.original.is_some() {
            self.access.tell(Action::Unwrap, &self.subject, &data_keys.reached(), None, Ok(()))?;
        }
        Ok(data_keys)
    }

    /// The envelope with the one key that was made, of a standalone envelope.
    pub(in crate::envelope) fn finish_with_key(
        mut self,
    ) -> Result<(KeyEnvelope, GenerationKey), Error> {
        let envelope = self.written()?;
        let made = self.fresh.pop().ok_or_else(|| Error::invalid("no key was made"))?;
        Ok((envelope, made))
    }

    /// Writes the envelope, and tells the audit what became of it.
    pub(super) fn written(&mut self) -> Result<KeyEnvelope, Error> {
        let result = self
            .write()
            .and_then(|envelope| self.access.record(&self.subject, &self.acts).map(|()| envelope));
        match &result {
            Ok(_) => self.tell_changes(Ok(()))?,
            Err(error) => self.tell_changes(Err(error.kind()))?,
        }
        result
    }

    fn write(&mut self) -> Result<KeyEnvelope, Error> {
        if let (Some(original), false) = (&self.original, self.is_changed()) {
            return Ok(original.clone());
        }
        if self.layout.entries.is_empty() && self.layout.erased_at.is_none() {
            return Err(Error::declaration("a key envelope holds at least one class"));
        }
        // `[ED-2]` The version read plus one, however many changes.
        self.layout.version = self.layout.version.checked_add(1).ok_or_else(|| {
            Error::new(
                ErrorKind::Exhausted,
                "the key envelope has the last version there is, which only a forger reaches: rotate the envelope key, restore an older copy or delete the envelope, and erase its subject by erase_absent where that was asked for",
            )
        })?;
        // `[MAC-2]`
        let key = self.access.ring().primary(KeyUse::Envelope, ENVELOPE);
        let (key_id, mac_key) =
            key.and_then(|key| Some((key.id(), key.mac(false)?))).ok_or_else(|| {
                Error::new(
                    ErrorKind::MissingKey,
                    "the ring holds no primary envelope key: take one in, or rotate it",
                )
            })?;
        self.layout.key_id = key_id.get();
        let mut bytes = self.layout.write()?;
        let bound = Bound::new(&self.access, &self.subject)?;
        let mac = mac_key.tag16(&[bound.mac_prefix().as_slice(), &bytes]);
        bytes.put(&mac);
        Ok(KeyEnvelope::from_bytes(bytes))
    }

    fn tell_changes(&self, outcome: Result<(), ErrorKind>) -> Result<(), Error> {
        if self.original.is_none() && self.layout.erased_at.is_none() {
            let classes: Vec<&str> = self.changes.iter().map(|(_, class)| class.as_str()).collect();
            return self.access.tell(Action::Create, &self.subject, &classes, None, outcome);
        }
        self.changes.iter().chain(&self.acts_alone).try_for_each(|(action, class)| {
            let classes: &[&str] = if class.is_empty() { &[] } else { &[class.as_str()] };
            self.access.tell(*action, &self.subject, classes, None, outcome)
        })
    }

    pub(super) fn attempt_on(
        &mut self,
        action: Action,
        class: &Class,
        change: impl FnOnce(&mut Self) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        self.attempt(action, class.name(), |edit| {
            edit.declare(class)?;
            change(edit)
        })
    }

    /// Runs one change whole or not at all, and tells the audit of a refused one.
    pub(super) fn attempt(
        &mut self,
        action: Action,
        class: &str,
        change: impl FnOnce(&mut Self) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let before = Before {
            layout: self.layout.clone(),
            fresh: self.fresh.len(),
            wrapped: self.wrapped.len(),
            acts: self.acts.len(),
            to_reseal: self.to_reseal.clone(),
            to_renew: self.to_renew.clone(),
            erasing: self.erasing.len(),
        };
        let after_erasure = matches!(
            action,
            Action::EraseClass
                | Action::EraseSubject
                | Action::Rewrap
                | Action::Sweep
                | Action::Prune
        );
        let result = if self.rewrap_only && action != Action::Rewrap {
            Err(Error::new(
                ErrorKind::NotPermitted,
                "under a compromised envelope key an envelope can only be rewrapped: do that first",
            ))
        } else if self.layout.erased_at.is_some() && !after_erasure {
            Err(Error::new(ErrorKind::Erased, "the subject was erased"))
        } else {
            change(self)
        };
        match result {
            Ok(changed) => {
                if changed {
                    self.changes.push((action, class.into()));
                } else if self.acts.len() > before.acts {
                    self.acts_alone.push((action, class.into()));
                }
                Ok(())
            }
            Err(error) => {
                self.layout = before.layout;
                self.fresh.truncate(before.fresh);
                self.wrapped.truncate(before.wrapped);
                self.acts.truncate(before.acts);
                self.to_reseal = before.to_reseal;
                self.to_renew = before.to_renew;
                self.erasing.truncate(before.erasing);
                let classes = [class];
                let classes = if class.is_empty() { &[] } else { classes.as_slice() };
                self.access.tell(action, &self.subject, classes, None, Err(error.kind()))?;
                Err(error)
            }
        }
    }
}

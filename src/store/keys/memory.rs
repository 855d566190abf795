//! Key envelopes in memory: for tests, and for applications that keep all they have there.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{KeyStore, ResealEntry, StoredEnvelope, check_class, not_stored, replaced_meanwhile};
use crate::context::{SubjectId, ToId, check_tenant};
use crate::envelope::KeyEnvelope;
use crate::error::Error;

/// Key envelopes in memory. They are gone with it.
#[derive(Debug, Default)]
pub struct MemoryKeyStore(Mutex<Stored>);

#[derive(Debug, Default)]
struct Stored {
    envelopes: BTreeMap<(String, SubjectId), KeyEnvelope>,
    queue: BTreeMap<(String, SubjectId, String), u16>,
}

impl Stored {
    fn queue(&mut self, (tenant, subject): &(String, SubjectId), class: &str, generation: u16) {
        let place = (tenant.clone(), subject.clone(), class.to_owned());
        let queued = self.queue.entry(place).or_default();
        *queued = generation.max(*queued);
    }
}

impl MemoryKeyStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        // Whoever panicked left the maps whole: each change of one is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(tenant: &str, subject: impl ToId) -> Result<(String, SubjectId), Error> {
    Ok((check_tenant(tenant)?.to_owned(), SubjectId::new(subject)?))
}

impl KeyStore for MemoryKeyStore {
    type Connection = ();

    fn load(
        &self,
        (): &(),
        tenant: &str,
        subject: impl ToId,
    ) -> Result<Option<KeyEnvelope>, Error> {
        Ok(self.stored().envelopes.get(&key(tenant, subject)?).cloned())
    }

    fn save_unchecked_and_queue(
        &self,
        (): &(),
        tenant: &str,
        subject: impl ToId,
        envelope: &KeyEnvelope,
        reseal: &[(String, u16)],
    ) -> Result<(), Error> {
        let (key, version) = (key(tenant, subject)?, envelope.version()?);
        reseal.iter().try_for_each(|(class, _)| check_class(class))?;
        let mut all = self.stored();
        let stored = all.envelopes.get(&key);
        let before = stored.map(KeyEnvelope::version).transpose()?;
        if before.unwrap_or_default().checked_add(1) != Some(version) {
            return Err(not_stored(version, stored, true));
        }
        for (class, generation) in reseal {
            all.queue(&key, class, *generation);
        }
        all.envelopes.insert(key, envelope.clone());
        Ok(())
    }

    fn replace_damaged(
        &self,
        (): &(),
        tenant: &str,
        subject: &SubjectId,
        damaged: &KeyEnvelope,
        mark: &KeyEnvelope,
    ) -> Result<(), Error> {
        match self.stored().envelopes.get_mut(&key(tenant, subject)?) {
            Some(stored) if stored == damaged => {
                *stored = mark.clone();
                Ok(())
            }
            _ => Err(replaced_meanwhile()),
        }
    }

    fn scan(
        &self,
        (): &(),
        after: Option<&StoredEnvelope>,
        limit: usize,
    ) -> Result<Vec<StoredEnvelope>, Error> {
        let from = match after {
            Some(last) => Bound::Excluded((last.tenant.clone(), last.subject.clone())),
            None => Bound::Unbounded,
        };
        let all = self.stored();
        let page = all.envelopes.range((from, Bound::Unbounded)).take(limit);
        Ok(page
            .map(|((tenant, subject), envelope)| StoredEnvelope {
                tenant: tenant.clone(),
                subject: subject.clone(),
                envelope: envelope.clone(),
            })
            .collect())
    }

    fn queue_reseal(
        &self,
        (): &(),
        tenant: &str,
        subject: impl ToId,
        class: &str,
        generation: u16,
    ) -> Result<(), Error> {
        check_class(class)?;
        self.stored().queue(&key(tenant, subject)?, class, generation);
        Ok(())
    }

    fn reseal_queue(
        &self,
        (): &(),
        after: Option<&ResealEntry>,
        limit: usize,
    ) -> Result<Vec<ResealEntry>, Error> {
        let from = match after.cloned() {
            Some(last) => Bound::Excluded((last.tenant, last.subject, last.class)),
            None => Bound::Unbounded,
        };
        let all = self.stored();
        let page = all.queue.range((from, Bound::Unbounded)).take(limit);
        Ok(page
            .map(|((tenant, subject, class), generation)| ResealEntry {
                tenant: tenant.clone(),
                subject: subject.clone(),
                class: class.clone(),
                generation: *generation,
            })
            .collect())
    }

    fn resealed(&self, (): &(), done: &ResealEntry) -> Result<(), Error> {
        let place = (done.tenant.clone(), done.subject.clone(), done.class.clone());
        let mut all = self.stored();
        if all.queue.get(&place) == Some(&done.generation) {
            all.queue.remove(&place);
        }
        Ok(())
    }
}

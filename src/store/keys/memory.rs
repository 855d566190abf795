//! Key envelopes in memory: for tests, and for applications that keep all they have there.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{KeyStore, StoredEnvelope, conflict};
use crate::context::{SubjectId, ToId, check_tenant};
use crate::envelope::KeyEnvelope;
use crate::error::Error;

type Envelopes = BTreeMap<(String, SubjectId), KeyEnvelope>;

/// Key envelopes in memory. They are gone with it.
#[derive(Debug, Default)]
pub struct MemoryKeyStore(Mutex<Envelopes>);

impl MemoryKeyStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn envelopes(&self) -> MutexGuard<'_, Envelopes> {
        // Whoever panicked left the map whole: each change of it is one call.
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
        Ok(self.envelopes().get(&key(tenant, subject)?).cloned())
    }

    fn save(
        &self,
        (): &(),
        tenant: &str,
        subject: impl ToId,
        envelope: &KeyEnvelope,
    ) -> Result<(), Error> {
        let (key, version) = (key(tenant, subject)?, envelope.version()?);
        let mut envelopes = self.envelopes();
        let stored = envelopes.get(&key).map(KeyEnvelope::version).transpose()?;
        if stored.unwrap_or_default().checked_add(1) != Some(version) {
            return Err(conflict(version));
        }
        envelopes.insert(key, envelope.clone());
        Ok(())
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
        let envelopes = self.envelopes();
        let page = envelopes.range((from, Bound::Unbounded)).take(limit);
        Ok(page
            .map(|((tenant, subject), envelope)| StoredEnvelope {
                tenant: tenant.clone(),
                subject: subject.clone(),
                envelope: envelope.clone(),
            })
            .collect())
    }
}

//! What a pass over a whole store came to.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::StoredEnvelope;
use crate::context::SubjectId;
use crate::error::{Error, ErrorKind};
use crate::keyring::Census;

/// What [`change_all`](crate::KeyStore::change_all) came to.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "some envelopes may have failed"]
pub struct Pass {
    /// How many envelopes were met.
    pub seen: u64,
    /// How many of them were changed and stored.
    pub changed: u64,
    /// Those that could not be changed, by tenant and subject, and why.
    pub failed: Vec<(String, SubjectId, Error)>,
}

impl Pass {
    /// Takes what became of one envelope; an error that the next one would meet too is returned.
    pub(super) fn count(
        &mut self,
        one: &StoredEnvelope,
        result: Result<bool, Error>,
    ) -> Result<(), Error> {
        self.seen = self.seen.saturating_add(1);
        match result {
            Ok(changed) => self.changed = self.changed.saturating_add(u64::from(changed)),
            Err(error) if is_of_all(error.kind()) => return Err(error),
            Err(error) => self.failed.push((one.tenant.clone(), one.subject.clone(), error)),
        }
        Ok(())
    }
}

/// Whether the next envelope would meet it too.
pub(in crate::store) fn is_of_all(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Io
            | ErrorKind::Audit
            | ErrorKind::Locked
            | ErrorKind::Randomness
            | ErrorKind::Retry
    )
}

/// The envelopes that a census could not read.
#[derive(Default)]
pub(super) struct Unreadable {
    first: Option<Error>,
    count: u64,
}

impl Unreadable {
    pub(super) fn count(&mut self, one: &StoredEnvelope, place: &str, census: &mut Census) {
        match one.envelope.inspect() {
            Ok(info) => info.count_into(census.at(place)),
            Err(error) => {
                census.at(place).add(one.envelope.as_bytes());
                self.count = self.count.saturating_add(1);
                self.first.get_or_insert(error);
            }
        }
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        let Some(error) = self.first else { return Ok(()) };
        Err(Error::new(
            error.kind(),
            format!(
                "{} of the key envelopes cannot be read, so the census is not complete: a pass by change_all tells which; of the first: {}",
                self.count,
                error.detail()
            ),
        ))
    }
}

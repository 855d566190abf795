//! What a pass over a whole store came to.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::StoredEnvelope;
use super::refusals::names_no_subject;
use crate::context::SubjectId;
use crate::error::{Error, ErrorKind};
use crate::keyring::Census;

/// What [`change_all`](crate::KeyStore::change_all) came to.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "some envelopes may have failed"]
pub struct PassReport {
    /// How many envelopes were met.
    pub seen: u64,
    /// How many of them were changed and stored.
    pub changed: u64,
    /// Those that could not be changed, by tenant and subject, and why.
    pub failed: Vec<(String, SubjectId, Error)>,
    /// How many rows hold an envelope and name no subject: their column is NULL, or of another type. They
    /// were left as they are.
    pub unnamed: u64,
}

impl PassReport {
    /// Takes what became of one envelope; an error that the next one would meet too is returned.
    pub(super) fn count(
        &mut self,
        one: &StoredEnvelope,
        result: Result<bool, Error>,
    ) -> Result<(), Error> {
        match result {
            Err(error) if is_of_all(error.kind()) => return Err(self.ended(error)),
            Ok(changed) => self.changed = self.changed.saturating_add(u64::from(changed)),
            Err(error) => self.failed.push((one.tenant.clone(), one.subject.clone(), error)),
        }
        self.seen = self.seen.saturating_add(1);
        Ok(())
    }

    /// Says in an error that ends the pass how far it came.
    #[cold]
    pub(super) fn ended(&self, error: Error) -> Error {
        error.and_also(&format!(
            "the pass ended early: it had seen {} envelopes, of which {} are changed and stored and {} failed; run it again",
            self.seen,
            self.changed,
            self.failed.len()
        ))
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
    part: Option<Error>,
}

impl Unreadable {
    pub(super) fn count(&mut self, one: &StoredEnvelope, place: &str, census: &mut Census) {
        if !one.subject.is_id() {
            census.at(place).add_unreadable();
            self.count = self.count.saturating_add(1);
            self.first.get_or_insert_with(|| names_no_subject(&one.subject));
            return;
        }
        match one.envelope.inspect() {
            Ok(info) => info.count_into(census.at(place)),
            Err(error) => {
                census.at(place).add(one.envelope.as_bytes());
                self.count = self.count.saturating_add(1);
                self.first.get_or_insert(error);
            }
        }
    }

    /// Notes that only a part is seen. What is seen is counted all the same.
    pub(super) fn check(
        &mut self,
        seen: Result<(), Error>,
        place: &str,
        census: &mut Census,
    ) -> Result<(), Error> {
        match seen {
            Err(error) if error.kind() == ErrorKind::Incomplete => {
                census.at(place).add_part(error.detail());
                self.part.get_or_insert(error);
                Ok(())
            }
            seen => seen,
        }
    }

    pub(super) fn count_unnamed(&mut self, rows: u64, place: &str, census: &mut Census) {
        for _ in 0..rows {
            census.at(place).add_unreadable();
        }
        if rows > 0 {
            self.count = self.count.saturating_add(rows);
            self.first.get_or_insert_with(|| {
                Error::malformed(format!(
                    "{rows} rows hold an envelope and name no subject: see that the column of the subject holds ids"
                ))
            });
        }
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        if let Some(error) = self.part {
            return Err(error);
        }
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

//! What erasures of a store have in common.

use super::refusals::{none_stored, none_to_erase};
use crate::access::Access;
use crate::context::SubjectId;
use crate::envelope::{EntryState, EnvelopeEdit, Erasure, KeyEnvelope};
use crate::error::{Error, ErrorKind};
use crate::keyring::KeyId;

/// Whether an envelope is damaged, and does not verify for that. One of another ring's is an error, and so is one of a
/// later version.
pub(super) fn is_damaged(
    envelope: &KeyEnvelope,
    access: Access<'_>,
    subject: &SubjectId,
) -> Result<bool, Error> {
    let Err(error) = envelope.edit(access, subject) else { return Ok(false) };
    let is_ours = |id: u32| KeyId::new(id).is_some_and(|id| access.ring().key(id).is_some());
    let is_damaged = match (error.kind(), envelope.inspect()) {
        (ErrorKind::Tampered | ErrorKind::Malformed | ErrorKind::NotSealed, _) => true,
        // What is cut names another key by chance.
        (ErrorKind::WrongKey, Err(parsed)) => parsed.kind() == ErrorKind::Malformed,
        // What bears wraps of this ring's roles names another envelope key by its damage.
        (ErrorKind::WrongKey, Ok(info)) => info.entries.iter().any(|entry| match &entry.state {
            EntryState::Live { recipients, .. } => {
                recipients.iter().any(|recipient| is_ours(recipient.key_id))
            }
            _ => false,
        }),
        _ => false,
    };
    if is_damaged { Ok(true) } else { Err(error) }
}

/// The mark that takes the place of an envelope of which nothing is known.
pub(super) fn mark_of(
    damaged: &KeyEnvelope,
    access: Access<'_>,
    subject: &SubjectId,
) -> Result<Erasure, Error> {
    let mut edit = EnvelopeEdit::new(access, subject.clone())?;
    // Nobody vouches for the version, but whoever demands that it never falls finds none that is lower.
    edit.follow(damaged.version().unwrap_or_default());
    edit.erase_subject()?;
    edit.finish_erasure()
}

/// What is asked to be erased.
#[derive(Clone, Copy)]
pub(super) enum Erasing<'a> {
    Subject,
    /// Also where no envelope is stored.
    SubjectOrAbsent,
    Class(&'a str),
}

/// The erasure of a subject, or of a class of theirs, and whether there is something to store for it. No
/// ledger is told where there is none.
pub(super) fn erased(
    stored: Option<KeyEnvelope>,
    access: Access<'_>,
    subject: &SubjectId,
    erasing: Erasing<'_>,
) -> Result<(Erasure, bool), Error> {
    let mut edit = match (stored, erasing) {
        (Some(stored), _) => stored.edit(access, subject)?,
        (None, Erasing::SubjectOrAbsent) => EnvelopeEdit::new(access, subject.clone())?,
        (None, Erasing::Subject) => return Err(none_to_erase()),
        (None, Erasing::Class(_)) => return Err(none_stored()),
    };
    match erasing {
        Erasing::Class(class) => edit.erase_class(class)?,
        Erasing::Subject | Erasing::SubjectOrAbsent => edit.erase_subject()?,
    }
    let changed = edit.is_changed();
    edit.finish_erasure().map(|erasure| (erasure, changed))
}

//! What stores refuse, in words.

use alloc::format;
use alloc::string::String;

use crate::context::SubjectId;
use crate::encoding::to_hex;
use crate::envelope::KeyEnvelope;
use crate::error::{Error, ErrorKind};

#[cold]
pub(super) fn names_no_subject(subject: &SubjectId) -> Error {
    let bytes = subject.as_bytes();
    let hex = to_hex(bytes.get(..128).unwrap_or(bytes));
    let in_text = match hex.strip_prefix("02").filter(|_| subject.as_text().is_none()) {
        Some(text) => {
            format!(" (in a column of text, CAST(X'{text}' AS TEXT), which is not UTF-8)")
        }
        None => String::new(),
    };
    Error::malformed(format!(
        "the row of subject X'{hex}'{in_text} names no subject: look how it came there, and remove it"
    ))
}

#[cold]
pub(super) fn none_stored() -> Error {
    Error::new(
        ErrorKind::UnknownSubject,
        "no key envelope is stored for this subject: is it the right tenant, and the right type of id? (the number 2 and the text \"2\" are two subjects)",
    )
}

/// An erasure of nobody, with a receipt, would be believed while the person stays readable.
#[cold]
pub(super) fn none_to_erase() -> Error {
    none_stored().and_also("to mark a subject of whom nothing was ever stored: erase_absent")
}

/// A ledger that was told would have whoever comes by this id erased, by a later replay.
#[cold]
pub(super) fn no_place() -> Error {
    Error::new(ErrorKind::UnknownSubject, "no row is this subject's, so there is nobody to erase")
}

/// Why nothing was stored under this version, by what is stored now. Only the loser of a race is told to
/// read again: for the others there is nothing to read.
#[cold]
pub(super) fn not_stored(version: u64, stored: Option<&KeyEnvelope>, has_place: bool) -> Error {
    if !has_place {
        return Error::new(
            ErrorKind::UnknownSubject,
            "no row of the table is this subject's: insert the row first, then store its key envelope",
        );
    }
    let Some(stored) = stored else {
        return Error::new(
            ErrorKind::UnknownSubject,
            format!(
                "version {version} of the key envelope was not stored: none is stored for this subject; store version 1 \
                 first, as it was created"
            ),
        );
    };
    let is_erased = stored.inspect().is_ok_and(|info| info.subject_erased_at.is_some());
    if version == 1 && is_erased {
        return Error::new(
            ErrorKind::Erased,
            "the subject of this id was erased, so nobody can be begun under it: give the new person an id that was \
             never used (in SQLite: INTEGER PRIMARY KEY AUTOINCREMENT; after a restore, set sequences past the largest id \
             that was ever given)",
        );
    }
    if version == 1 {
        return Error::new(
            ErrorKind::Conflict,
            "a key envelope of this subject is stored already, and fresh data keys are for new subjects: load it, or \
             see whether the id was given before (in SQLite: INTEGER PRIMARY KEY AUTOINCREMENT; after a restore, set \
             sequences past the largest id that was ever given)",
        );
    }
    Error::new(
        ErrorKind::Conflict,
        format!(
            "version {version} of the key envelope was not stored: another was stored meanwhile; read it again and make \
             the change to that"
        ),
    )
}

/// An erasure that another version of the key envelope followed at once, again and again.
#[cold]
pub(super) fn another_followed() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "the erasure was stored, and others stored other versions after it at once, or a trigger did: erase again, \
         which does nothing twice",
    )
}

/// The damaged envelope that was read is not stored any more.
#[cold]
pub(super) fn replaced_meanwhile() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "another key envelope was stored meanwhile in the place of the damaged one: read it again",
    )
}

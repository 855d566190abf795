//! Where key envelopes live: one for each tenant and subject, exchanged by compare and swap.

mod memory;
#[cfg(feature = "rusqlite")]
mod sqlite;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub use self::memory::MemoryKeyStore;
#[cfg(feature = "rusqlite")]
pub use self::sqlite::SqliteKeyStore;

use crate::access::Access;
use crate::context::{SubjectId, ToId};
use crate::envelope::{EnvelopeEdit, KeyEnvelope};
use crate::error::{Error, ErrorKind};

/// How often a change begins anew when others change the same envelope.
const ATTEMPTS: usize = 16;

/// Where key envelopes live, for callers that wait for their database.
///
/// There is one envelope for a tenant and subject, and nothing deletes it: erasing leaves its mark.
/// What `on` is, the store says: a connection, or a transaction of the caller's, so that an envelope is
/// stored together with the rows it belongs to (FORMAT.md, ED-1 to ED-3).
///
/// ```
/// use fieldseal::{Class, DataKeys, KeyRing, KeyStore, MemoryKeyStore};
///
/// let (ring, store) = (KeyRing::generate()?, MemoryKeyStore::new());
/// let keys = DataKeys::create(&ring, 42, &[Class::PERSONAL])?;
/// store.save(&(), "", 42, keys.envelope())?;
///
/// let envelope = store.change(&(), &ring, 42, |edit| edit.renew(&Class::PERSONAL))?;
/// assert_eq!(envelope.version()?, 2);
/// assert!(store.save(&(), "", 42, keys.envelope()).is_err(), "there is a later one");
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub trait KeyStore {
    /// What a call works on.
    type Connection: ?Sized;

    /// The envelope of a subject, if one is stored.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io) when the store fails; [`InvalidInput`](ErrorKind::InvalidInput) for an id
    /// or a tenant that is none, or that this store cannot hold.
    fn load(
        &self,
        on: &Self::Connection,
        tenant: &str,
        subject: impl ToId,
    ) -> Result<Option<KeyEnvelope>, Error>;

    /// The envelopes of many subjects, in their order.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn load_many(
        &self,
        on: &Self::Connection,
        tenant: &str,
        subjects: &[SubjectId],
    ) -> Result<Vec<Option<KeyEnvelope>>, Error> {
        subjects.iter().map(|subject| self.load(on, tenant, subject)).collect()
    }

    /// Stores an envelope: a new one, of version 1, only where none is; a later one only while the
    /// version before it is stored.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) when another was stored meanwhile: read again and make the
    /// change to that; and as [`load`](Self::load).
    fn save(
        &self,
        on: &Self::Connection,
        tenant: &str,
        subject: impl ToId,
        envelope: &KeyEnvelope,
    ) -> Result<(), Error>;

    /// At most `limit` envelopes behind `after`, in the order of the store: all of them, page by page.
    /// What is stored or changed meanwhile may or may not be among them; what was there all the time is.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn scan(
        &self,
        on: &Self::Connection,
        after: Option<&StoredEnvelope>,
        limit: usize,
    ) -> Result<Vec<StoredEnvelope>, Error>;

    /// Changes the envelope of a subject and stores it. When another was stored meanwhile, the change
    /// is made anew, to that one. Inside a transaction of the caller's that sees no other's changes,
    /// it is the caller who begins again.
    ///
    /// # Errors
    /// [`MissingClass`](ErrorKind::MissingClass) when no envelope is stored;
    /// [`Conflict`](ErrorKind::Conflict) when others keep storing; those of the change, of
    /// [`EnvelopeEdit::finish`] and of [`load`](Self::load).
    fn change<'a>(
        &self,
        on: &Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
        mut change: impl FnMut(&mut EnvelopeEdit<'_>) -> Result<(), Error>,
    ) -> Result<KeyEnvelope, Error> {
        let (access, subject) = (access.into(), SubjectId::new(subject)?);
        let tenant = access.checked_tenant()?;
        persisted(|| {
            let stored = self.load(on, tenant, &subject)?.ok_or_else(|| {
                Error::new(ErrorKind::MissingClass, "no key envelope is stored for this subject")
            })?;
            let mut edit = stored.edit(access, &subject)?;
            change(&mut edit)?;
            if !edit.is_changed() {
                return Ok(stored);
            }
            let changed = edit.finish()?;
            self.save(on, tenant, &subject, &changed).map(|()| changed)
        })
    }

    /// Erases a subject: destroys all its data keys and leaves the mark, which keeps the subject from
    /// being begun again, also where no envelope is stored yet.
    ///
    /// # Errors
    /// As [`change`](Self::change), without `MissingClass`.
    fn erase<'a>(
        &self,
        on: &Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<KeyEnvelope, Error> {
        let (access, subject) = (access.into(), SubjectId::new(subject)?);
        let tenant = access.checked_tenant()?;
        persisted(|| {
            let mark = match self.load(on, tenant, &subject)? {
                Some(stored) => {
                    let mut edit = stored.edit(access, &subject)?;
                    edit.erase_subject()?;
                    if !edit.is_changed() {
                        return Ok(stored);
                    }
                    edit.finish()?
                }
                None => KeyEnvelope::erased(access, &subject)?,
            };
            self.save(on, tenant, &subject, &mark).map(|()| mark)
        })
    }
}

/// One envelope of a [scan](KeyStore::scan), and the place to go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredEnvelope {
    /// Whose data it is.
    pub tenant: String,
    /// The subject.
    pub subject: SubjectId,
    /// The envelope.
    pub envelope: KeyEnvelope,
}

/// How a column of an application's own table holds a subject's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectColumn {
    /// Integers.
    Integer,
    /// Text.
    Text,
    /// The 16 bytes of a UUID.
    Uuid,
}

fn persisted(
    mut attempt: impl FnMut() -> Result<KeyEnvelope, Error>,
) -> Result<KeyEnvelope, Error> {
    let mut last = attempt();
    for _ in 1..ATTEMPTS {
        match &last {
            Err(error) if error.kind() == ErrorKind::Conflict => last = attempt(),
            _ => break,
        }
    }
    last
}

/// The loser of a race.
fn conflict(version: u64) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!(
            "version {version} of the key envelope was not stored: another was stored meanwhile; read it again and make the change to that"
        ),
    )
}

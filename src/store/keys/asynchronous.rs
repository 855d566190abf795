//! Key stores for callers that do not wait.

use alloc::string::String;
use alloc::vec::Vec;

use super::{
    AskStore, ChangedEnvelope, Erasing, PassReport, ResealEntry, StoredEnvelope, StoredTable,
    algorithm, drive_async,
};
use crate::access::Access;
use crate::context::{SubjectId, ToId};
use crate::envelope::{DataKeys, EnvelopeEdit, Erasure, KeyEnvelope};
use crate::error::Error;
use crate::keyring::Census;

/// [`KeyStore`](crate::KeyStore) for asynchronous callers: the same calls, on a connection that is
/// borrowed for each. With sqlx that is `&mut connection`, or `&mut *transaction` inside the caller's
/// own.
///
/// A call whose future is dropped has happened or not, as a whole.
pub trait AsyncKeyStore: Sync {
    /// What a call works on.
    type Connection: Send + ?Sized;

    /// The envelope of a subject, if one is stored.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the store fails, with what is wrong as
    /// [`Error::fault`]; [`Retry`](crate::ErrorKind::Retry) when the database could not run this beside other
    /// transactions: roll back and run the whole transaction again; [`InvalidInput`](crate::ErrorKind::InvalidInput)
    /// for an id or a tenant
    /// that is none, or that this store cannot hold.
    fn load(
        &self,
        on: &mut Self::Connection,
        tenant: &str,
        subject: impl ToId,
    ) -> impl Future<Output = Result<Option<KeyEnvelope>, Error>> + Send;

    /// [`load`](Self::load) inside a transaction of the caller's, for sealing: until it ends, nobody stores another
    /// envelope of the subject, so what is sealed under this one is stored under the latest (CONDUCT.md, ED-3).
    /// See [`KeyStore::load_locked`](crate::KeyStore::load_locked).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn load_locked(
        &self,
        on: &mut Self::Connection,
        tenant: &str,
        subject: impl ToId,
    ) -> impl Future<Output = Result<Option<KeyEnvelope>, Error>> + Send;

    /// Whether an envelope could be stored for this subject: in a column of the application's table, whether there is a
    /// row of theirs.
    /// See [`KeyStore::has_place`](crate::KeyStore::has_place).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn has_place(
        &self,
        _on: &mut Self::Connection,
        _tenant: &str,
        _subject: &SubjectId,
    ) -> impl Future<Output = Result<bool, Error>> + Send {
        async { Ok(true) }
    }

    /// The envelopes of many subjects, in their order: a page of rows in one question.
    ///
    /// # Errors
    /// As [`load`](Self::load); where the error is about one subject, its position is the [row](Error::row).
    fn load_many(
        &self,
        on: &mut Self::Connection,
        tenant: &str,
        subjects: &[SubjectId],
    ) -> impl Future<Output = Result<Vec<Option<KeyEnvelope>>, Error>> + Send {
        async move {
            let mut all = Vec::with_capacity(subjects.len());
            for subject in subjects {
                all.push(self.load(on, tenant, subject).await?);
            }
            Ok(all)
        }
    }

    /// Stores the envelope of these keys under their own tenant and subject: a new one, of version 1, only where none
    /// is; a later one only while the version before it is stored.
    /// See [`KeyStore::save`](crate::KeyStore::save).
    ///
    /// # Errors
    /// As there.
    fn save(
        &self,
        on: &mut Self::Connection,
        keys: &DataKeys,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        self.save_unchecked(on, keys.tenant(), keys.subject(), keys.envelope())
    }

    /// [`save`](Self::save) of an envelope, as a change finished it, after checking that it is this tenant's and
    /// subject's.
    /// See [`KeyStore::save_envelope`](crate::KeyStore::save_envelope).
    ///
    /// # Errors
    /// As there.
    fn save_envelope<'a>(
        &self,
        on: &mut Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
        envelope: &KeyEnvelope,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let (access, subject) = (access.into(), SubjectId::new(subject));
        async move {
            let (subject, tenant) = (subject?, access.checked_tenant()?);
            envelope.edit(access, &subject)?;
            self.save_unchecked(on, tenant, &subject, envelope).await
        }
    }

    /// [`save`](Self::save) without a ring, so that nobody checks whose the envelope is.
    /// See [`KeyStore::save_unchecked`](crate::KeyStore::save_unchecked).
    ///
    /// # Errors
    /// As there.
    fn save_unchecked(
        &self,
        on: &mut Self::Connection,
        tenant: &str,
        subject: impl ToId,
        envelope: &KeyEnvelope,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        self.save_unchecked_and_queue(on, tenant, subject, envelope, &[])
    }

    /// [`save_unchecked`](Self::save_unchecked), and queues classes of the subject with the generations to reseal them
    /// under, as [`EnvelopeEdit::to_reseal`] says them: both, or neither.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    fn save_unchecked_and_queue(
        &self,
        on: &mut Self::Connection,
        tenant: &str,
        subject: impl ToId,
        envelope: &KeyEnvelope,
        reseal: &[(String, u16)],
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Stores a page of changed envelopes, and what they queue, in one transaction, each where
    /// [`save_unchecked_and_queue`](Self::save_unchecked_and_queue) would store it.
    /// See [`KeyStore::save_page`](crate::KeyStore::save_page).
    ///
    /// # Errors
    /// As there.
    fn save_page(
        &self,
        _on: &mut Self::Connection,
        _page: &[ChangedEnvelope],
    ) -> impl Future<Output = Result<Vec<bool>, Error>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Checks that this connection sees all that is stored.
    /// See [`KeyStore::check_sees_all`](crate::KeyStore::check_sees_all).
    ///
    /// # Errors
    /// As there.
    fn check_sees_all(
        &self,
        _on: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }

    /// Checks that what this connection sees is committed.
    /// See [`KeyStore::check_is_committed`](crate::KeyStore::check_is_committed).
    ///
    /// # Errors
    /// As there.
    fn check_is_committed(
        &self,
        _on: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }

    /// Returns the table that this store uses, and the others of its name that the database has: what a census has to
    /// know of.
    /// See [`KeyStore::tables`](crate::KeyStore::tables).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn tables(
        &self,
        _on: &mut Self::Connection,
    ) -> impl Future<Output = Result<Vec<StoredTable>, Error>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Records in a census which table is counted, and which others of its name the database has.
    /// See [`KeyStore::note_tables`](crate::KeyStore::note_tables).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn note_tables(
        &self,
        on: &mut Self::Connection,
        census: &mut Census,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            self.tables(on).await?.iter().for_each(|table| table.note(census));
            Ok(())
        }
    }

    /// Counts the rows that hold an envelope, and whose subject is no id: NULL, or of another type.
    /// See [`KeyStore::count_unnamed`](crate::KeyStore::count_unnamed).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn count_unnamed(
        &self,
        _on: &mut Self::Connection,
    ) -> impl Future<Output = Result<u64, Error>> + Send {
        async { Ok(0) }
    }

    /// At most `limit` envelopes behind `after`, in the order of the store: all of them, page by page.
    /// What is stored or changed meanwhile may or may not be among them; what was there all the time is.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn scan(
        &self,
        on: &mut Self::Connection,
        after: Option<&StoredEnvelope>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredEnvelope>, Error>> + Send;

    /// Queues the subject's values of a class to be resealed under this generation or a later one, which is stored
    /// already.
    /// See [`KeyStore::queue_reseal`](crate::KeyStore::queue_reseal).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn queue_reseal(
        &self,
        on: &mut Self::Connection,
        tenant: &str,
        subject: impl ToId,
        class: &str,
        generation: u16,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// At most `limit` entries behind `after` of what is queued, in the order of the store.
    /// See [`KeyStore::reseal_queue`](crate::KeyStore::reseal_queue).
    ///
    /// # Errors
    /// As there.
    fn reseal_queue(
        &self,
        on: &mut Self::Connection,
        after: Option<&ResealEntry>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ResealEntry>, Error>> + Send;

    /// Takes an entry off the queue, unless a later generation has been queued meanwhile.
    /// See [`KeyStore::resealed`](crate::KeyStore::resealed).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn resealed(
        &self,
        on: &mut Self::Connection,
        done: &ResealEntry,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// [`resealed`](Self::resealed), and destroys the data keys of the class that nothing needs any more, as
    /// [`EnvelopeEdit::erase_resealed`] says.
    /// See [`KeyStore::finish_reseal`](crate::KeyStore::finish_reseal).
    ///
    /// # Errors
    /// As [`change`](Self::change). The entry then stays on the queue.
    fn finish_reseal<'a>(
        &self,
        on: &mut Self::Connection,
        access: impl Into<Access<'a>>,
        done: &ResealEntry,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let access = access.into();
        async move {
            let ask = AskStore::new();
            drive_async(self, on, &ask, algorithm::finish_reseal(&ask, access, done)).await
        }
    }

    /// Changes the envelope of a subject and stores it; where the change asks for it, the subject's values are
    /// [queued](Self::reseal_queue) to be resealed.
    /// See [`KeyStore::change`](crate::KeyStore::change).
    ///
    /// # Errors
    /// [`UnknownSubject`](crate::ErrorKind::UnknownSubject) when no envelope is stored;
    /// [`Conflict`](crate::ErrorKind::Conflict) when others keep storing; those of the change, of
    /// [`EnvelopeEdit::finish`] and of [`load`](Self::load).
    fn change<'a>(
        &self,
        on: &mut Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
        change: impl FnMut(&mut EnvelopeEdit<'_>) -> Result<(), Error> + Send,
    ) -> impl Future<Output = Result<KeyEnvelope, Error>> + Send {
        let (access, subject) = (access.into(), SubjectId::new(subject));
        async move {
            let ask = AskStore::new();
            drive_async(self, on, &ask, algorithm::change(&ask, access, subject?, change)).await
        }
    }

    /// Changes every envelope of the store, whatever its tenant, as [`change`](Self::change) does: rewraps, sweeps,
    /// touches.
    /// See [`KeyStore::change_all`](crate::KeyStore::change_all).
    ///
    /// # Errors
    /// What would fail for each envelope again: [`Io`](crate::ErrorKind::Io), [`Audit`](crate::ErrorKind::Audit),
    /// [`Locked`](crate::ErrorKind::Locked) and [`Randomness`](crate::ErrorKind::Randomness). What was changed before
    /// is stored.
    fn change_all<'a>(
        &self,
        on: &mut Self::Connection,
        access: impl Into<Access<'a>>,
        change: impl FnMut(&StoredEnvelope, &mut EnvelopeEdit<'_>) -> Result<(), Error> + Send,
    ) -> impl Future<Output = Result<PassReport, Error>> + Send {
        let access = access.into();
        async move {
            let ask = AskStore::new();
            drive_async(self, on, &ask, algorithm::change_all(&ask, access, change)).await
        }
    }

    /// Counts every envelope of the store from its header alone: no ring is needed.
    /// See [`KeyStore::census`](crate::KeyStore::census).
    ///
    /// # Errors
    /// As [`load`](Self::load); when an envelope cannot be read, and so may name any key, the kind of
    /// the first such: the census then tells too little.
    fn census(
        &self,
        on: &mut Self::Connection,
        place: &str,
        census: &mut Census,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            let ask = AskStore::new();
            drive_async(self, on, &ask, algorithm::census(&ask, place, census)).await
        }
    }

    /// Erases a subject: destroys all its data keys and leaves the mark, which keeps the subject from being begun
    /// again.
    /// See [`KeyStore::erase`](crate::KeyStore::erase).
    ///
    /// # Errors
    /// As [`change`](Self::change); [`UnknownSubject`](crate::ErrorKind::UnknownSubject) where no envelope is
    /// stored, and then no ledger is told.
    fn erase<'a>(
        &self,
        on: &mut Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> impl Future<Output = Result<Erasure, Error>> + Send {
        let (access, subject) = (access.into(), SubjectId::new(subject));
        async move {
            let ask = AskStore::new();
            let erase = algorithm::erase(&ask, access, subject?, Erasing::Subject);
            drive_async(self, on, &ask, erase).await
        }
    }

    /// [`erase`](Self::erase), also where no envelope is stored: there it destroys nothing, and leaves the mark, so
    /// that the subject is never begun.
    /// See [`KeyStore::erase_absent`](crate::KeyStore::erase_absent).
    ///
    /// # Errors
    /// As [`change`](Self::change), with `UnknownSubject` only
    /// where the store [has no place](Self::has_place) for
    /// the subject.
    fn erase_absent<'a>(
        &self,
        on: &mut Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> impl Future<Output = Result<Erasure, Error>> + Send {
        let (access, subject) = (access.into(), SubjectId::new(subject));
        async move {
            let ask = AskStore::new();
            let erase = algorithm::erase(&ask, access, subject?, Erasing::SubjectOrAbsent);
            drive_async(self, on, &ask, erase).await
        }
    }

    /// [`erase`](Self::erase) of a subject whose key envelope is damaged.
    /// See [`KeyStore::erase_damaged`](crate::KeyStore::erase_damaged).
    ///
    /// # Errors
    /// As there.
    fn erase_damaged<'a>(
        &self,
        on: &mut Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> impl Future<Output = Result<Erasure, Error>> + Send {
        let (access, subject) = (access.into(), SubjectId::new(subject));
        async move {
            let ask = AskStore::new();
            drive_async(self, on, &ask, algorithm::erase_damaged(&ask, access, subject?)).await
        }
    }

    /// Stores an erased subject's mark in the place of a key envelope that does not verify, while exactly these bytes
    /// are stored, whatever version is said to be there.
    /// See [`KeyStore::replace_damaged`](crate::KeyStore::replace_damaged).
    ///
    /// # Errors
    /// As there.
    fn replace_damaged(
        &self,
        on: &mut Self::Connection,
        tenant: &str,
        subject: &SubjectId,
        damaged: &KeyEnvelope,
        mark: &KeyEnvelope,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Erases a class of a subject. See [`KeyStore::erase_class`](super::KeyStore::erase_class).
    ///
    /// # Errors
    /// As there.
    fn erase_class<'a>(
        &self,
        on: &mut Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
        class: &str,
    ) -> impl Future<Output = Result<Erasure, Error>> + Send {
        let (access, subject) = (access.into(), SubjectId::new(subject));
        async move {
            let ask = AskStore::new();
            let erase = algorithm::erase(&ask, access, subject?, Erasing::Class(class));
            drive_async(self, on, &ask, erase).await
        }
    }
}

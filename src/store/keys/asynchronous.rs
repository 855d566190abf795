//! Key stores for callers that do not wait.

use alloc::string::String;
use alloc::vec::Vec;

use super::pass::Unreadable;
use super::{
    ATTEMPTS, Erasing, PAGE, PassReport, ResealEntry, StoredEnvelope, another_followed, edited,
    erased, is_damaged, is_worth_again, mark_of, no_place, none_stored,
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
    /// transactions: roll back and run the whole transaction again; [`InvalidInput`](crate::ErrorKind::InvalidInput) for an id or a tenant
    /// that is none, or that this store cannot hold.
    fn load(
        &self,
        on: &mut Self::Connection,
        tenant: &str,
        subject: impl ToId,
    ) -> impl Future<Output = Result<Option<KeyEnvelope>, Error>> + Send;

    /// As [`KeyStore::load_locked`](crate::KeyStore::load_locked).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn load_locked(
        &self,
        on: &mut Self::Connection,
        tenant: &str,
        subject: impl ToId,
    ) -> impl Future<Output = Result<Option<KeyEnvelope>, Error>> + Send;

    /// As [`KeyStore::has_place`](crate::KeyStore::has_place).
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

    /// As [`KeyStore::save`](crate::KeyStore::save).
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

    /// As [`KeyStore::save_envelope`](crate::KeyStore::save_envelope).
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

    /// As [`KeyStore::save_unchecked`](crate::KeyStore::save_unchecked).
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

    /// As [`KeyStore::check_sees_all`](crate::KeyStore::check_sees_all).
    ///
    /// # Errors
    /// As there.
    fn check_sees_all(
        &self,
        _on: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }

    /// As [`KeyStore::check_is_committed`](crate::KeyStore::check_is_committed).
    ///
    /// # Errors
    /// As there.
    fn check_is_committed(
        &self,
        _on: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }

    /// As [`KeyStore::note_tables`](crate::KeyStore::note_tables).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn note_tables(
        &self,
        _on: &mut Self::Connection,
        _census: &mut Census,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }

    /// As [`KeyStore::count_unnamed`](crate::KeyStore::count_unnamed).
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

    /// As [`KeyStore::queue_reseal`](crate::KeyStore::queue_reseal).
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

    /// As [`KeyStore::reseal_queue`](crate::KeyStore::reseal_queue).
    ///
    /// # Errors
    /// As there.
    fn reseal_queue(
        &self,
        on: &mut Self::Connection,
        after: Option<&ResealEntry>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ResealEntry>, Error>> + Send;

    /// As [`KeyStore::resealed`](crate::KeyStore::resealed).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn resealed(
        &self,
        on: &mut Self::Connection,
        done: &ResealEntry,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// As [`KeyStore::finish_reseal`](crate::KeyStore::finish_reseal).
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
            let change = |edit: &mut EnvelopeEdit<'_>| {
                edit.erase_resealed(&done.class, done.generation).map(drop)
            };
            self.change(on, access.tenant(&done.tenant), &done.subject, change).await?;
            self.resealed(on, done).await
        }
    }

    /// As [`KeyStore::change`](crate::KeyStore::change).
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
        mut change: impl FnMut(&mut EnvelopeEdit<'_>) -> Result<(), Error> + Send,
    ) -> impl Future<Output = Result<KeyEnvelope, Error>> + Send {
        let (access, subject) = (access.into(), SubjectId::new(subject));
        async move {
            let (subject, tenant) = (subject?, access.checked_tenant()?);
            let mut attempts = ATTEMPTS;
            loop {
                let stored = self.load(on, tenant, &subject).await?.ok_or_else(none_stored)?;
                let edited = edited(&stored, access, &subject, &mut change)?;
                let Some((changed, reseal)) = edited else { return Ok(stored) };
                let saved =
                    self.save_unchecked_and_queue(on, tenant, &subject, &changed, &reseal).await;
                attempts = attempts.saturating_sub(1);
                if attempts == 0 || !is_worth_again(&saved) {
                    return saved.map(|()| changed);
                }
            }
        }
    }

    /// As [`KeyStore::change_all`](crate::KeyStore::change_all).
    ///
    /// # Errors
    /// What would fail for each envelope again: [`Io`](crate::ErrorKind::Io), [`Audit`](crate::ErrorKind::Audit),
    /// [`Locked`](crate::ErrorKind::Locked) and [`Randomness`](crate::ErrorKind::Randomness). What was changed before
    /// is stored.
    fn change_all<'a>(
        &self,
        on: &mut Self::Connection,
        access: impl Into<Access<'a>>,
        mut change: impl FnMut(&StoredEnvelope, &mut EnvelopeEdit<'_>) -> Result<(), Error> + Send,
    ) -> impl Future<Output = Result<PassReport, Error>> + Send {
        let access = access.into();
        async move { change_all(self, on, access, &mut change).await }
    }

    /// As [`KeyStore::census`](crate::KeyStore::census).
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
            let (mut unreadable, mut last) = (Unreadable::default(), None);
            unreadable.check(check_counted(self, on).await, place, census)?;
            self.note_tables(on, census).await?;
            unreadable.count_unnamed(self.count_unnamed(on).await?, place, census);
            loop {
                let page = self.scan(on, last.as_ref(), PAGE).await?;
                page.iter().for_each(|one| unreadable.count(one, place, census));
                match page.into_iter().next_back() {
                    Some(one) => last = Some(one),
                    None => {
                        unreadable.check(check_counted(self, on).await, place, census)?;
                        return unreadable.finish();
                    }
                }
            }
        }
    }

    /// As [`KeyStore::erase`](crate::KeyStore::erase).
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
        async move { erase_in(self, on, access, &subject?, Erasing::Subject).await }
    }

    /// As [`KeyStore::erase_absent`](crate::KeyStore::erase_absent).
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
        async move { erase_in(self, on, access, &subject?, Erasing::SubjectOrAbsent).await }
    }

    /// As [`KeyStore::erase_damaged`](crate::KeyStore::erase_damaged).
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
            let subject = subject?;
            let tenant = access.checked_tenant()?;
            match self.load(on, tenant, &subject).await? {
                Some(damaged) if is_damaged(&damaged, access, &subject)? => {
                    let erasure = mark_of(&damaged, access, &subject)?;
                    self.replace_damaged(on, tenant, &subject, &damaged, erasure.envelope())
                        .await?;
                    Ok(erasure)
                }
                _ => erase_in(self, on, access, &subject, Erasing::Subject).await,
            }
        }
    }

    /// As [`KeyStore::replace_damaged`](crate::KeyStore::replace_damaged).
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
        async move { erase_in(self, on, access, &subject?, Erasing::Class(class)).await }
    }
}

async fn check_counted<S: AsyncKeyStore + ?Sized>(
    store: &S,
    on: &mut S::Connection,
) -> Result<(), Error> {
    store.check_is_committed(on).await?;
    store.check_sees_all(on).await
}

/// [`AsyncKeyStore::change_all`], by an access of one type, as passes made of it need.
pub(in crate::store) async fn change_all<S: AsyncKeyStore + ?Sized>(
    store: &S,
    on: &mut S::Connection,
    access: Access<'_>,
    change: &mut (dyn FnMut(&StoredEnvelope, &mut EnvelopeEdit<'_>) -> Result<(), Error> + Send),
) -> Result<PassReport, Error> {
    store.check_sees_all(on).await?;
    let (mut pass, mut last) = (PassReport::default(), None);
    pass.unnamed = store.count_unnamed(on).await?;
    loop {
        let page = store.scan(on, last.as_ref(), PAGE).await.map_err(|error| pass.ended(error))?;
        for one in &page {
            let mut again: Option<StoredEnvelope> = None;
            let mut attempts = ATTEMPTS;
            let result = loop {
                let stored = again.as_ref().unwrap_or(one);
                let edited = edited(
                    &stored.envelope,
                    access.tenant(&one.tenant),
                    &one.subject,
                    &mut |edit| change(stored, edit),
                );
                let saved = match edited {
                    Ok(Some((changed, reseal))) => store
                        .save_unchecked_and_queue(on, &one.tenant, &one.subject, &changed, &reseal)
                        .await
                        .map(|()| true),
                    Ok(None) => Ok(false),
                    Err(error) => Err(error),
                };
                attempts = attempts.saturating_sub(1);
                if attempts == 0 || !is_worth_again(&saved) {
                    break saved;
                }
                let loaded = store.load(on, &one.tenant, &one.subject).await;
                if let Some(envelope) = loaded.map_err(|error| pass.ended(error))? {
                    again = Some(StoredEnvelope { envelope, ..one.clone() });
                }
            };
            pass.count(one, result)?;
        }
        match page.into_iter().next_back() {
            Some(one) => last = Some(one),
            None => {
                store.check_sees_all(on).await.map_err(|error| pass.ended(error))?;
                return Ok(pass);
            }
        }
    }
}

async fn erase_in<S: AsyncKeyStore + ?Sized>(
    store: &S,
    on: &mut S::Connection,
    access: Access<'_>,
    subject: &SubjectId,
    erasing: Erasing<'_>,
) -> Result<Erasure, Error> {
    let tenant = access.checked_tenant()?;
    let mut attempts = ATTEMPTS;
    loop {
        let stored = store.load(on, tenant, subject).await?;
        let may_be_absent = matches!(erasing, Erasing::SubjectOrAbsent);
        if stored.is_none() && may_be_absent && !store.has_place(on, tenant, subject).await? {
            return Err(no_place());
        }
        let (erasure, changed) = erased(stored, access, subject, erasing)?;
        if !changed {
            return Ok(erasure);
        }
        let saved = match store.save_unchecked(on, tenant, subject, erasure.envelope()).await {
            // Nobody vouches for the number of a later version: whether the erasure is in it is for it to show.
            Ok(())
                if store.load(on, tenant, subject).await?.as_ref() != Some(erasure.envelope()) =>
            {
                Err(another_followed())
            }
            saved => saved,
        };
        attempts = attempts.saturating_sub(1);
        if attempts == 0 || !is_worth_again(&saved) {
            return saved.map(|()| erasure);
        }
    }
}

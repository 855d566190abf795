//! What is done with a store of key envelopes, without I/O: see [`crate::store::machine`].

use alloc::borrow::ToOwned as _;
use alloc::vec::Vec;

use super::driver::{AskStore, Key};
use super::erasing::{Erasing, erased, is_damaged, mark_of};
use super::pass::{Unreadable, is_of_all};
use super::refusals::{another_followed, names_no_subject, no_place, none_stored};
use super::{ATTEMPTS, ChangedEnvelope, PassReport, ResealEntry, StoredEnvelope};
use crate::access::Access;
use crate::context::SubjectId;
use crate::envelope::{EnvelopeEdit, Erasure, KeyEnvelope};
use crate::error::{Error, ErrorKind, Fault};
use crate::keyring::Census;

/// [`KeyStore::change`](super::KeyStore::change).
pub(super) async fn change(
    ask: &AskStore,
    access: Access<'_>,
    subject: SubjectId,
    mut change: impl FnMut(&mut EnvelopeEdit<'_>) -> Result<(), Error>,
) -> Result<KeyEnvelope, Error> {
    let key = (access.checked_tenant()?.to_owned(), subject);
    let mut attempts = Attempts::new();
    loop {
        let changed = change_once(ask, access, &key, &mut change).await;
        if attempts.is_last(&changed) {
            return changed;
        }
    }
}

async fn change_once(
    ask: &AskStore,
    access: Access<'_>,
    key: &Key,
    change: &mut impl FnMut(&mut EnvelopeEdit<'_>) -> Result<(), Error>,
) -> Result<KeyEnvelope, Error> {
    let stored = ask.load(key).await?.ok_or_else(none_stored)?;
    let Some(changed) = edited(&stored, access, key, change)? else { return Ok(stored) };
    let envelope = changed.envelope.clone();
    ask.save(changed).await.map(|()| envelope)
}

/// [`KeyStore::finish_reseal`](super::KeyStore::finish_reseal).
pub(super) async fn finish_reseal(
    ask: &AskStore,
    access: Access<'_>,
    done: &ResealEntry,
) -> Result<(), Error> {
    let erase =
        |edit: &mut EnvelopeEdit<'_>| edit.erase_resealed(&done.class, done.generation).map(drop);
    change(ask, access.tenant(&done.tenant), done.subject.clone(), erase).await?;
    ask.resealed(done).await
}

/// [`KeyStore::change_all`](super::KeyStore::change_all).
pub(in crate::store) async fn change_all(
    ask: &AskStore,
    access: Access<'_>,
    mut change: impl FnMut(&StoredEnvelope, &mut EnvelopeEdit<'_>) -> Result<(), Error>,
) -> Result<PassReport, Error> {
    ask.check_sees_all().await?;
    let (mut pass, mut last) = (PassReport::default(), None);
    pass.unnamed = ask.count_unnamed().await?;
    loop {
        let page = ask.scan(last).await.map_err(|error| pass.ended(error))?;
        if page.is_empty() {
            ask.check_sees_all().await.map_err(|error| pass.ended(error))?;
            return Ok(pass);
        }
        last = page.last().cloned();
        change_page(ask, access, page, &mut change, &mut pass).await?;
    }
}

/// Changes a page of envelopes and stores them together: a commit for each would be most of a pass. What is not stored
/// with the others, as another was stored meanwhile, is changed alone.
async fn change_page(
    ask: &AskStore,
    access: Access<'_>,
    page: Vec<StoredEnvelope>,
    change: &mut impl FnMut(&StoredEnvelope, &mut EnvelopeEdit<'_>) -> Result<(), Error>,
    pass: &mut PassReport,
) -> Result<(), Error> {
    let (mut edits, mut changes) = (Vec::new(), Vec::new());
    for one in page {
        let (edit, is_end) = match edited_stored(&one, access, change) {
            Ok(Some(change)) => {
                changes.push(change);
                (Ok(true), false)
            }
            Ok(None) => (Ok(false), false),
            Err(error) => {
                let is_end = is_of_all(error.kind()) && !is_worth_again(&error);
                (Err(error), is_end)
            }
        };
        edits.push((one, edit));
        if is_end {
            break;
        }
    }
    // Also where the pass ends: ledgers have recorded what these changes are.
    let (changes, stored) = match changes.len() {
        // One alone is stored as such.
        0 | 1 => (changes, Vec::new()),
        _ => {
            let (changes, stored) = ask.save_page(changes).await?;
            // Then nothing is stored, and each of them, stored alone, shows which is refused and why.
            (changes, stored.unwrap_or_default())
        }
    };
    let mut changes = changes.into_iter().zip(stored.into_iter().chain(core::iter::repeat(false)));
    let mut alone = Vec::new();
    for (one, edit) in edits {
        let edit = match edit {
            Ok(false) => Ok(false),
            Ok(true) => match changes.next() {
                Some((change, false)) => {
                    alone.push((one, Ok(Some(change))));
                    continue;
                }
                _ => Ok(true),
            },
            Err(error) => {
                alone.push((one, Err(error)));
                continue;
            }
        };
        pass.count(&one, edit)?;
    }
    for (one, edit) in alone {
        let result = change_alone(ask, access, &one, edit, change);
        let result = result.await.map_err(|error| pass.ended(error))?;
        pass.count(&one, result)?;
    }
    Ok(())
}

/// Stores a change, or makes it again to what is stored by then. An error of its own ends the pass.
async fn change_alone(
    ask: &AskStore,
    access: Access<'_>,
    one: &StoredEnvelope,
    mut edit: Result<Option<ChangedEnvelope>, Error>,
    change: &mut impl FnMut(&StoredEnvelope, &mut EnvelopeEdit<'_>) -> Result<(), Error>,
) -> Result<Result<bool, Error>, Error> {
    let key = (one.tenant.clone(), one.subject.clone());
    let mut stored = one.clone();
    let mut attempts = Attempts::new();
    loop {
        let saved = match edit {
            Ok(Some(changed)) => ask.save(changed).await.map(|()| true),
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        };
        if attempts.is_last(&saved) {
            return Ok(saved);
        }
        if let Some(envelope) = ask.load(&key).await? {
            stored.envelope = envelope;
        }
        edit = edited_stored(&stored, access, change);
    }
}

/// [`KeyStore::census`](super::KeyStore::census).
pub(super) async fn census(ask: &AskStore, place: &str, census: &mut Census) -> Result<(), Error> {
    let (mut unreadable, mut last) = (Unreadable::default(), None);
    unreadable.check(check_counted(ask).await, place, census)?;
    ask.tables().await?.iter().for_each(|table| table.note(census));
    unreadable.count_unnamed(ask.count_unnamed().await?, place, census);
    loop {
        let page = ask.scan(last).await?;
        page.iter().for_each(|one| unreadable.count(one, place, census));
        last = page.into_iter().next_back();
        if last.is_none() {
            unreadable.check(check_counted(ask).await, place, census)?;
            return unreadable.finish();
        }
    }
}

async fn check_counted(ask: &AskStore) -> Result<(), Error> {
    ask.check_is_committed().await?;
    ask.check_sees_all().await
}

/// [`KeyStore::erase`](super::KeyStore::erase), and of a class.
pub(super) async fn erase(
    ask: &AskStore,
    access: Access<'_>,
    subject: SubjectId,
    erasing: Erasing<'_>,
) -> Result<Erasure, Error> {
    let key = (access.checked_tenant()?.to_owned(), subject);
    let mut attempts = Attempts::new();
    loop {
        let erased = erase_once(ask, access, &key, erasing).await;
        if attempts.is_last(&erased) {
            return erased;
        }
    }
}

async fn erase_once(
    ask: &AskStore,
    access: Access<'_>,
    key: &Key,
    erasing: Erasing<'_>,
) -> Result<Erasure, Error> {
    let stored = ask.load(key).await?;
    let may_be_absent = matches!(erasing, Erasing::SubjectOrAbsent);
    if stored.is_none() && may_be_absent && !ask.has_place(key).await? {
        return Err(no_place());
    }
    let (erasure, is_changed) = erased(stored, access, &key.1, erasing)?;
    if !is_changed {
        return Ok(erasure);
    }
    ask.save(change_of(key, erasure.envelope().clone())).await?;
    // Nobody vouches for the number of a later version: whether the erasure is in it is for it to show.
    if ask.load(key).await?.as_ref() == Some(erasure.envelope()) {
        Ok(erasure)
    } else {
        Err(another_followed())
    }
}

/// [`KeyStore::erase_damaged`](super::KeyStore::erase_damaged).
pub(super) async fn erase_damaged(
    ask: &AskStore,
    access: Access<'_>,
    subject: SubjectId,
) -> Result<Erasure, Error> {
    let key = (access.checked_tenant()?.to_owned(), subject);
    let mut attempts = Attempts::new();
    loop {
        let erased = erase_damaged_once(ask, access, &key).await;
        if attempts.is_last(&erased) {
            return erased;
        }
    }
}

async fn erase_damaged_once(
    ask: &AskStore,
    access: Access<'_>,
    key: &Key,
) -> Result<Erasure, Error> {
    match ask.load(key).await? {
        Some(damaged) if is_damaged(&damaged, access, &key.1)? => {
            let erasure = mark_of(&damaged, access, &key.1)?;
            ask.replace_damaged(key, damaged, erasure.envelope().clone()).await?;
            Ok(erasure)
        }
        _ => erase_once(ask, access, key, Erasing::Subject).await,
    }
}

fn change_of((tenant, subject): &Key, envelope: KeyEnvelope) -> ChangedEnvelope {
    let (tenant, subject) = (tenant.clone(), subject.clone());
    ChangedEnvelope { tenant, subject, envelope, reseal: Vec::new() }
}

/// A changed envelope, with what is to be resealed; `None` when nothing changed.
fn edited(
    stored: &KeyEnvelope,
    access: Access<'_>,
    key: &Key,
    change: &mut impl FnMut(&mut EnvelopeEdit<'_>) -> Result<(), Error>,
) -> Result<Option<ChangedEnvelope>, Error> {
    if !key.1.is_id() {
        return Err(names_no_subject(&key.1));
    }
    let mut edit = stored.edit(access, &key.1)?;
    change(&mut edit)?;
    let (is_changed, reseal) = (edit.is_changed(), edit.to_reseal().to_vec());
    // Also where nothing changed: a ledger may have recorded it.
    let envelope = edit.finish()?;
    Ok(is_changed.then(|| ChangedEnvelope { reseal, ..change_of(key, envelope) }))
}

fn edited_stored(
    stored: &StoredEnvelope,
    access: Access<'_>,
    change: &mut impl FnMut(&StoredEnvelope, &mut EnvelopeEdit<'_>) -> Result<(), Error>,
) -> Result<Option<ChangedEnvelope>, Error> {
    let key = (stored.tenant.clone(), stored.subject.clone());
    edited(&stored.envelope, access.tenant(&stored.tenant), &key, &mut |edit| change(stored, edit))
}

/// How often a change is still made again.
struct Attempts(usize);

impl Attempts {
    const fn new() -> Self {
        Self(ATTEMPTS)
    }

    /// Returns `true` if this result stays.
    fn is_last<T>(&mut self, result: &Result<T, Error>) -> bool {
        self.0 = self.0.saturating_sub(1);
        self.0 == 0 || !result.as_ref().is_err_and(is_worth_again)
    }
}

/// Returns `true` if the change is made again, to what is stored by then. A lock that was waited for already is not
/// waited for again.
fn is_worth_again(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Conflict => true,
        ErrorKind::Retry => error.fault() != Some(Fault::Busy),
        _ => false,
    }
}

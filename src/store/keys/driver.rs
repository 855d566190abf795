//! The two loops that answer the questions of an algorithm: one for callers that wait, one for those that do not.

use alloc::string::String;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::pin;

use super::{
    AsyncKeyStore, ChangedEnvelope, KeyStore, PAGE, ResealEntry, StoredEnvelope, StoredTable,
};
use crate::context::SubjectId;
use crate::envelope::KeyEnvelope;
use crate::error::Error;
use crate::store::machine::{Ask, Step, unanswered};

/// What an algorithm over a store asks.
pub(in crate::store) type AskStore = Ask<Question, Answer>;

/// The tenant and the subject of an envelope.
pub(super) type Key = (String, SubjectId);

pub(in crate::store) enum Question {
    Load(Key),
    HasPlace(Key),
    Save(ChangedEnvelope),
    SavePage(Vec<ChangedEnvelope>),
    ReplaceDamaged { key: Key, damaged: KeyEnvelope, mark: KeyEnvelope },
    CheckSeesAll,
    CheckIsCommitted,
    Tables,
    CountUnnamed,
    Scan { after: Option<StoredEnvelope> },
    Resealed(ResealEntry),
}

pub(in crate::store) enum Answer {
    Loaded(Result<Option<KeyEnvelope>, Error>),
    HasPlace(Result<bool, Error>),
    Done(Result<(), Error>),
    /// The page, and which of it is stored.
    Page(Vec<ChangedEnvelope>, Result<Vec<bool>, Error>),
    Tables(Result<Vec<StoredTable>, Error>),
    Count(Result<u64, Error>),
    Scanned(Result<Vec<StoredEnvelope>, Error>),
}

/// Both loops, of one text: `$($wait)*` is nothing, or `.await`.
macro_rules! answered {
    ($store:ident, $on:ident, $question:expr $(, $wait:ident)?) => {
        match $question {
            Question::Load((tenant, subject)) => {
                Answer::Loaded($store.load($on, &tenant, subject)$(.$wait)?)
            }
            Question::HasPlace((tenant, subject)) => {
                Answer::HasPlace($store.has_place($on, &tenant, &subject)$(.$wait)?)
            }
            Question::Save(ChangedEnvelope { tenant, subject, envelope, reseal }) => Answer::Done(
                $store
                    .save_unchecked_and_queue($on, &tenant, subject, &envelope, &reseal)
                    $(.$wait)?,
            ),
            Question::SavePage(page) => {
                let stored = $store.save_page($on, &page)$(.$wait)?;
                Answer::Page(page, stored)
            }
            Question::ReplaceDamaged { key: (tenant, subject), damaged, mark } => Answer::Done(
                $store.replace_damaged($on, &tenant, &subject, &damaged, &mark)$(.$wait)?,
            ),
            Question::CheckSeesAll => Answer::Done($store.check_sees_all($on)$(.$wait)?),
            Question::CheckIsCommitted => Answer::Done($store.check_is_committed($on)$(.$wait)?),
            Question::Tables => Answer::Tables($store.tables($on)$(.$wait)?),
            Question::CountUnnamed => Answer::Count($store.count_unnamed($on)$(.$wait)?),
            Question::Scan { after } => {
                Answer::Scanned($store.scan($on, after.as_ref(), PAGE)$(.$wait)?)
            }
            Question::Resealed(done) => Answer::Done($store.resealed($on, &done)$(.$wait)?),
        }
    };
}

/// Runs an algorithm on a store of a caller that waits.
pub(in crate::store) fn drive<S: KeyStore + ?Sized, T>(
    store: &S,
    on: &S::Connection,
    ask: &AskStore,
    algorithm: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut algorithm = pin!(algorithm);
    loop {
        match ask.next(algorithm.as_mut())? {
            Step::Done(done) => return Ok(done),
            Step::Ask(question) => ask.answer(answered!(store, on, question)),
        }
    }
}

/// Runs an algorithm on a store of a caller that does not wait.
pub(in crate::store) async fn drive_async<S: AsyncKeyStore + ?Sized, T>(
    store: &S,
    on: &mut S::Connection,
    ask: &AskStore,
    algorithm: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut algorithm = pin!(algorithm);
    loop {
        match ask.next(algorithm.as_mut())? {
            Step::Done(done) => return Ok(done),
            Step::Ask(question) => ask.answer(answered!(store, on, question, await)),
        }
    }
}

/// Asks one question of a kind, and takes the answer of its kind.
macro_rules! questions {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $answer:ident $result:ty = $question:expr;)+) => {
        impl AskStore {
            $($(#[$doc])* pub(super) async fn $name(&self $(, $argument: $type)*) -> Result<$result, Error> {
                match self.put($question).await {
                    Answer::$answer(answer) => answer,
                    _ => Err(unanswered()),
                }
            })+
        }
    };
}

questions! {
    load(key: &Key) -> Loaded Option<KeyEnvelope> = Question::Load(key.clone());
    has_place(key: &Key) -> HasPlace bool = Question::HasPlace(key.clone());
    save(change: ChangedEnvelope) -> Done () = Question::Save(change);
    check_sees_all() -> Done () = Question::CheckSeesAll;
    check_is_committed() -> Done () = Question::CheckIsCommitted;
    tables() -> Tables Vec<StoredTable> = Question::Tables;
    count_unnamed() -> Count u64 = Question::CountUnnamed;
    scan(after: Option<StoredEnvelope>) -> Scanned Vec<StoredEnvelope> = Question::Scan { after };
    resealed(done: &ResealEntry) -> Done () = Question::Resealed(done.clone());
    replace_damaged(key: &Key, damaged: KeyEnvelope, mark: KeyEnvelope) -> Done () =
        Question::ReplaceDamaged { key: key.clone(), damaged, mark };
}

impl AskStore {
    pub(super) async fn save_page(
        &self,
        page: Vec<ChangedEnvelope>,
    ) -> Result<(Vec<ChangedEnvelope>, Result<Vec<bool>, Error>), Error> {
        match self.put(Question::SavePage(page)).await {
            Answer::Page(page, stored) => Ok((page, stored)),
            _ => Err(unanswered()),
        }
    }
}

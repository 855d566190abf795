//! Where key envelopes live: one for each tenant and subject, exchanged by compare and swap.

mod algorithm;
mod asynchronous;
mod driver;
mod erasing;
mod memory;
mod pass;
#[cfg(any(feature = "rusqlite", feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod place;
mod refusals;
#[cfg(any(feature = "rusqlite", feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod sight;
#[cfg(any(feature = "rusqlite", feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod sql;
#[cfg(feature = "rusqlite")]
mod sqlite;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod sqlx;
mod stored;

use alloc::string::String;
use alloc::vec::Vec;

pub(super) use self::algorithm::change_all;
pub use self::asynchronous::AsyncKeyStore;
pub(super) use self::driver::{AskStore, drive, drive_async};
use self::erasing::Erasing;
pub use self::memory::MemoryKeyStore;
pub use self::pass::PassReport;
#[cfg(feature = "file")]
pub(super) use self::pass::is_of_all;
use self::refusals::{not_stored, replaced_meanwhile};
#[cfg(feature = "rusqlite")]
pub use self::sqlite::SqliteKeyStore;
#[cfg(feature = "rusqlite")]
pub(super) use self::sqlite::both;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub use self::sqlx::{SqlxDatabase, SqlxKeyStore};
pub use self::stored::{ChangedEnvelope, ResealEntry, StoredEnvelope, StoredTable, SubjectColumn};

use crate::access::Access;
use crate::context::{SubjectId, ToId, is_name};
use crate::envelope::{DataKeys, EnvelopeEdit, Erasure, KeyEnvelope};
use crate::error::Error;
#[allow(unused_imports, reason = "in the documentation")]
use crate::error::ErrorKind;
use crate::keyring::Census;

/// How often a change begins anew when others change the same envelope.
const ATTEMPTS: usize = 16;

/// How many envelopes a pass reads at a time.
const PAGE: usize = 256;

/// Where key envelopes live, for callers that wait for their database.
///
/// There is one envelope for a tenant and subject, and nothing deletes it: erasing leaves its mark.
/// What `on` is, the store says: a connection, or a transaction of the caller's, so that an envelope is
/// stored together with the rows it belongs to (CONDUCT.md, ED-1 to ED-3).
///
/// ```
/// use fieldseal::{Class, DataKeys, KeyRing, KeyStore, MemoryKeyStore};
///
/// let (ring, store) = (KeyRing::generate()?, MemoryKeyStore::new());
/// let keys = DataKeys::create(&ring, 42, Class::PERSONAL)?;
/// store.save(&(), &keys)?;
///
/// let envelope = store.change(&(), &ring, 42, |edit| edit.renew(Class::PERSONAL))?;
/// assert_eq!(envelope.version()?, 2);
/// assert!(store.save(&(), &keys).is_err(), "there is a later one");
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub trait KeyStore {
    /// What a call works on.
    type Connection: ?Sized;

    /// The envelope of a subject, if one is stored.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io) when the store fails, with what is wrong as [`Error::fault`];
    /// [`Retry`](ErrorKind::Retry) when the database could not run this beside other transactions: roll back
    /// and run the whole transaction again; [`InvalidInput`](ErrorKind::InvalidInput) for an id
    /// or a tenant that is none, or that this store cannot hold.
    fn load(
        &self,
        on: &Self::Connection,
        tenant: &str,
        subject: impl ToId,
    ) -> Result<Option<KeyEnvelope>, Error>;

    /// [`load`](Self::load) inside a transaction of the caller's, for sealing: until it ends, nobody stores
    /// another envelope of the subject, so what is sealed under this one is stored under the latest
    /// (CONDUCT.md, ED-3). Outside of a transaction it locks nothing.
    ///
    /// On SQLite, begin with BEGIN IMMEDIATE, which is `transaction_with_behavior` in rusqlite and
    /// `begin_with` in sqlx; else the write may answer busy, and the transaction is begun again.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn load_locked(
        &self,
        on: &Self::Connection,
        tenant: &str,
        subject: impl ToId,
    ) -> Result<Option<KeyEnvelope>, Error> {
        self.load(on, tenant, subject)
    }

    /// Whether an envelope could be stored for this subject: in a column of the application's table, whether
    /// there is a row of theirs.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn has_place(
        &self,
        _on: &Self::Connection,
        _tenant: &str,
        _subject: &SubjectId,
    ) -> Result<bool, Error> {
        Ok(true)
    }

    /// The envelopes of many subjects, in their order.
    ///
    /// # Errors
    /// As [`load`](Self::load), naming the position as the [row](Error::row).
    fn load_many(
        &self,
        on: &Self::Connection,
        tenant: &str,
        subjects: &[SubjectId],
    ) -> Result<Vec<Option<KeyEnvelope>>, Error> {
        let numbered = subjects.iter().enumerate();
        numbered
            .map(|(n, subject)| self.load(on, tenant, subject).map_err(|error| error.in_row(n)))
            .collect()
    }

    /// Stores the envelope of these keys under their own tenant and subject: a new one, of version 1, only where
    /// none is; a later one only while the version before it is stored.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) when another was stored meanwhile: read again and make the
    /// change to that; [`UnknownSubject`](ErrorKind::UnknownSubject) when there is no row to store it in, or none
    /// stored before a later version; [`Erased`](ErrorKind::Erased) for a new envelope under the id of an erased
    /// subject; [`Io`](ErrorKind::Io) when the database accepts the envelope and then does not hold it, as
    /// the stores of this crate read it back; and as [`load`](Self::load).
    fn save(&self, on: &Self::Connection, keys: &DataKeys) -> Result<(), Error> {
        self.save_unchecked(on, keys.tenant(), keys.subject(), keys.envelope())
    }

    /// [`save`](Self::save) of an envelope, as a change finished it, after checking that it is this tenant's and
    /// subject's. The tenant is that of the access.
    ///
    /// # Errors
    /// As [`save`](Self::save), and of [`KeyEnvelope::edit`]: [`Tampered`](ErrorKind::Tampered) for an envelope
    /// of another subject or tenant.
    fn save_envelope<'a>(
        &self,
        on: &Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
        envelope: &KeyEnvelope,
    ) -> Result<(), Error> {
        let (access, subject) = (access.into(), SubjectId::new(subject)?);
        let tenant = access.checked_tenant()?;
        envelope.edit(access, &subject)?;
        self.save_unchecked(on, tenant, &subject, envelope)
    }

    /// [`save`](Self::save) without a ring, so that nobody checks whose the envelope is. Stored under another
    /// subject or tenant than its own, an envelope opens nothing, and keeps the subject's own from being stored.
    /// It is for tools that copy whole stores; use [`save`](Self::save) or
    /// [`save_envelope`](Self::save_envelope).
    ///
    /// # Errors
    /// As [`save`](Self::save).
    fn save_unchecked(
        &self,
        on: &Self::Connection,
        tenant: &str,
        subject: impl ToId,
        envelope: &KeyEnvelope,
    ) -> Result<(), Error> {
        self.save_unchecked_and_queue(on, tenant, subject, envelope, &[])
    }

    /// [`save_unchecked`](Self::save_unchecked), and queues classes of the subject with the generations to reseal them
    /// under, as [`EnvelopeEdit::to_reseal`] says them: both, or neither.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    fn save_unchecked_and_queue(
        &self,
        on: &Self::Connection,
        tenant: &str,
        subject: impl ToId,
        envelope: &KeyEnvelope,
        reseal: &[(String, u16)],
    ) -> Result<(), Error>;

    /// Stores a page of changed envelopes, and what they queue, in one transaction, each where
    /// [`save_unchecked_and_queue`](Self::save_unchecked_and_queue) would store it. Returns `true` for each envelope
    /// that was stored. The others were left as they are: their callers save them alone, and learn why. A store that
    /// stores no pages returns none.
    ///
    /// # Errors
    /// As [`save`](Self::save), and then nothing of the page is stored, unless the answer was lost.
    fn save_page(
        &self,
        _on: &Self::Connection,
        _page: &[ChangedEnvelope],
    ) -> Result<Vec<bool>, Error> {
        Ok(Vec::new())
    }

    /// Checks that this connection sees all that is stored. A pass over the store concludes, so it asks this
    /// before it begins and after it has ended. Inside a transaction of SQLite it takes the lock of a writer.
    ///
    /// # Errors
    /// [`Incomplete`](ErrorKind::Incomplete) where rows may be left out: by row-level security, a view, a
    /// partition, a hidden table of the same name, a replica, or an old snapshot, which is a transaction of
    /// PostgreSQL's REPEATABLE READ or SERIALIZABLE, or one of SQLite that began to read before another stored
    /// something; [`Declaration`](ErrorKind::Declaration)
    /// where several rows hold an envelope of one subject; and as [`load`](Self::load).
    fn check_sees_all(&self, _on: &Self::Connection) -> Result<(), Error> {
        Ok(())
    }

    /// Checks that what this connection sees is committed. A census asks it: an envelope that a transaction has
    /// rewrapped needs the old key again when that is rolled back.
    ///
    /// # Errors
    /// [`Incomplete`](ErrorKind::Incomplete) inside of any transaction of SQLite, and inside of one of PostgreSQL
    /// that has changed something; and as [`load`](Self::load).
    fn check_is_committed(&self, _on: &Self::Connection) -> Result<(), Error> {
        Ok(())
    }

    /// Returns the table that this store uses, and the others of its name that the database has: what a census
    /// has to know of.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn tables(&self, _on: &Self::Connection) -> Result<Vec<StoredTable>, Error> {
        Ok(Vec::new())
    }

    /// Records in a census which table is counted, and which others of its name the database has.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn note_tables(&self, on: &Self::Connection, census: &mut Census) -> Result<(), Error> {
        self.tables(on)?.iter().for_each(|table| table.note(census));
        Ok(())
    }

    /// Counts the rows that hold an envelope, and whose subject is no id: NULL, or of another type. No
    /// [`scan`](Self::scan) returns them.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn count_unnamed(&self, _on: &Self::Connection) -> Result<u64, Error> {
        Ok(0)
    }

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

    /// Queues the subject's values of a class to be resealed under this generation or a later one, which
    /// is stored already. There is one entry for a class of a subject, and it keeps the largest number.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn queue_reseal(
        &self,
        on: &Self::Connection,
        tenant: &str,
        subject: impl ToId,
        class: &str,
        generation: u16,
    ) -> Result<(), Error>;

    /// At most `limit` entries behind `after` of what is queued, in the order of the store. The queue
    /// is the database's: stores of other columns in it share it, but a store of one tenant's column
    /// gives this tenant's.
    ///
    /// Whoever reseals goes over the subject's rows, and then says [`resealed`](Self::resealed). What
    /// cannot be resealed now stays, and is met again.
    ///
    /// # Errors
    /// [`Incomplete`](ErrorKind::Incomplete) where the connection may see only a part of the queue, as
    /// [`check_sees_all`](Self::check_sees_all) says of envelopes: a part without entries is not an empty queue;
    /// and as [`load`](Self::load).
    fn reseal_queue(
        &self,
        on: &Self::Connection,
        after: Option<&ResealEntry>,
        limit: usize,
    ) -> Result<Vec<ResealEntry>, Error>;

    /// Takes an entry off the queue, unless a later generation has been queued meanwhile.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn resealed(&self, on: &Self::Connection, done: &ResealEntry) -> Result<(), Error>;

    /// [`resealed`](Self::resealed), and destroys the data keys of the class that nothing needs any more, as
    /// [`EnvelopeEdit::erase_resealed`] says. Call it once all rows of the subject are resealed, in the
    /// transaction of the last of them, on a connection that sees all of these rows: what still lies under an older
    /// generation is lost. Writers must
    /// seal as [`load_locked`](Self::load_locked) says, or store within an hour of reading the envelope.
    ///
    /// # Errors
    /// As [`change`](Self::change). The entry then stays on the queue.
    fn finish_reseal<'a>(
        &self,
        on: &Self::Connection,
        access: impl Into<Access<'a>>,
        done: &ResealEntry,
    ) -> Result<(), Error> {
        let ask = AskStore::new();
        drive(self, on, &ask, algorithm::finish_reseal(&ask, access.into(), done))
    }

    /// Changes the envelope of a subject and stores it; where the change asks for it, the subject's
    /// values are [queued](Self::reseal_queue) to be resealed. When another was stored meanwhile, the change
    /// is made anew, to that one. Inside a transaction of the caller's that sees no other's changes,
    /// it is the caller who begins again.
    ///
    /// # Errors
    /// [`UnknownSubject`](ErrorKind::UnknownSubject) when no envelope is stored;
    /// [`Conflict`](ErrorKind::Conflict) when others keep storing; [`Retry`](ErrorKind::Retry) inside a
    /// transaction that has to be run again; those of the change, of
    /// [`EnvelopeEdit::finish`] and of [`load`](Self::load).
    fn change<'a>(
        &self,
        on: &Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
        change: impl FnMut(&mut EnvelopeEdit<'_>) -> Result<(), Error>,
    ) -> Result<KeyEnvelope, Error> {
        let (ask, subject) = (AskStore::new(), SubjectId::new(subject)?);
        drive(self, on, &ask, algorithm::change(&ask, access.into(), subject, change))
    }

    /// Changes every envelope of the store, whatever its tenant, as [`change`](Self::change) does:
    /// rewraps, sweeps, touches. An envelope that cannot be changed is told in the [`PassReport`], which goes
    /// on; the change may be called again for one that another stored meanwhile. Not in one transaction,
    /// where the store is large.
    ///
    /// # Errors
    /// What would fail for each envelope again: [`Io`](ErrorKind::Io), [`Audit`](ErrorKind::Audit),
    /// [`Locked`](ErrorKind::Locked) and [`Randomness`](ErrorKind::Randomness). What was changed before
    /// is stored, and the error says how far the pass came. Those of
    /// [`check_sees_all`](Self::check_sees_all), before anything is changed.
    fn change_all<'a>(
        &self,
        on: &Self::Connection,
        access: impl Into<Access<'a>>,
        change: impl FnMut(&StoredEnvelope, &mut EnvelopeEdit<'_>) -> Result<(), Error>,
    ) -> Result<PassReport, Error> {
        let ask = AskStore::new();
        drive(self, on, &ask, change_all(&ask, access.into(), change))
    }

    /// Counts every envelope of the store from its header alone: no ring is needed. `place` says where
    /// they are, as `customers.keys`.
    ///
    /// # Errors
    /// As [`load`](Self::load); when an envelope cannot be read, and so may name any key, the kind of
    /// the first such: the census then tells too little. [`Incomplete`](ErrorKind::Incomplete) as in
    /// [`check_sees_all`](Self::check_sees_all) and [`check_is_committed`](Self::check_is_committed): the census
    /// has counted what is seen, and [records](Census::missed) that it is a part.
    fn census(&self, on: &Self::Connection, place: &str, census: &mut Census) -> Result<(), Error> {
        let ask = AskStore::new();
        drive(self, on, &ask, algorithm::census(&ask, place, census))
    }

    /// Erases a subject: destroys all its data keys and leaves the mark, which keeps the subject from
    /// being begun again. The [`Erasure`] says what was destroyed, and gives the receipt once it is
    /// committed.
    ///
    /// If the answer to your COMMIT is lost, the outcome is unknown: connect again, [load](Self::load) the
    /// envelope, and compare it with [`Erasure::envelope`]. A trigger that PostgreSQL defers runs at COMMIT, after
    /// the store has read the envelope back; where the schema is not your own, load it after COMMIT as well.
    ///
    /// # Errors
    /// As [`change`](Self::change). Where no envelope is stored, which is most likely of another tenant, or
    /// under another type of id, that is [`UnknownSubject`](ErrorKind::UnknownSubject): nothing is erased, no
    /// ledger is told, and there is no receipt. See [`erase_absent`](Self::erase_absent).
    #[doc(alias = "crypto-shredding")]
    fn erase<'a>(
        &self,
        on: &Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<Erasure, Error> {
        let (ask, subject) = (AskStore::new(), SubjectId::new(subject)?);
        drive(self, on, &ask, algorithm::erase(&ask, access.into(), subject, Erasing::Subject))
    }

    /// [`erase`](Self::erase), also where no envelope is stored: there it destroys nothing, and leaves the
    /// mark, so that the subject is never begun. It is for who asked to be forgotten before anything was
    /// sealed of them. Of the right tenant and type of id the caller must be sure: nothing here can tell.
    ///
    /// # Errors
    /// As [`change`](Self::change), with `UnknownSubject` only where
    /// the store [has no place](Self::has_place) for the subject, and then no ledger is told.
    fn erase_absent<'a>(
        &self,
        on: &Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<Erasure, Error> {
        let (ask, subject) = (AskStore::new(), SubjectId::new(subject)?);
        drive(
            self,
            on,
            &ask,
            algorithm::erase(&ask, access.into(), subject, Erasing::SubjectOrAbsent),
        )
    }

    /// [`erase`](Self::erase) of a subject whose key envelope is damaged. It opens nothing and cannot be changed, but a
    /// copy that is restored would bring the person back. The ledger records the erasure, and the mark replaces the
    /// damaged bytes.
    /// Where the envelope verifies, this is `erase`. The receipt names no ring keys: of the damaged bytes nothing is
    /// known.
    ///
    /// # Errors
    /// As [`erase`](Self::erase); [`WrongKey`](ErrorKind::WrongKey) and [`Unsupported`](ErrorKind::Unsupported) for
    /// bytes that are a whole envelope, by another ring or a later version: these are never replaced.
    fn erase_damaged<'a>(
        &self,
        on: &Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<Erasure, Error> {
        let (ask, subject) = (AskStore::new(), SubjectId::new(subject)?);
        drive(self, on, &ask, algorithm::erase_damaged(&ask, access.into(), subject))
    }

    /// Stores an erased subject's mark in the place of a key envelope that does not verify, while exactly these bytes are
    /// stored, whatever version is said to be there. For [`erase_damaged`](Self::erase_damaged), which sees that they do
    /// not verify.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) when something else is stored; and as [`save_unchecked`](Self::save_unchecked).
    fn replace_damaged(
        &self,
        on: &Self::Connection,
        tenant: &str,
        subject: &SubjectId,
        damaged: &KeyEnvelope,
        mark: &KeyEnvelope,
    ) -> Result<(), Error>;

    /// Erases a class of a subject, and its masks: destroys all their data keys. The class can be begun
    /// again by [`renew`](EnvelopeEdit::renew).
    ///
    /// # Errors
    /// As [`change`](Self::change), and [`EnvelopeEdit::erase_class`].
    fn erase_class<'a>(
        &self,
        on: &Self::Connection,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
        class: &str,
    ) -> Result<Erasure, Error> {
        let (ask, subject) = (AskStore::new(), SubjectId::new(subject)?);
        drive(self, on, &ask, algorithm::erase(&ask, access.into(), subject, Erasing::Class(class)))
    }
}

/// A name, as that of a class or of its mask.
fn check_class(class: &str) -> Result<(), Error> {
    if is_name(class) { Ok(()) } else { Err(Error::invalid("this is no name of a class")) }
}

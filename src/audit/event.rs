//! What the audit is told.

use core::fmt;

use crate::context::SubjectId;
use crate::error::ErrorKind;

/// One use of keys, told to the [`AuditSink`] before its result is returned, be it a success or not.
///
/// It names tenant, subject, record, fields and classes, and never a value or a byte of a key.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// What was done.
    pub action: Action,
    /// The tenant as the caller asserted it.
    pub tenant: &'a str,
    /// The subject as the caller asserted it; the empty id for a standalone envelope, and for a search, which
    /// is about nobody yet.
    pub subject: &'a SubjectId,
    /// Who asked, if the caller said so.
    pub actor: Option<&'a str>,
    /// Why, if the caller said so.
    pub purpose: Option<&'a str>,
    /// The record, where a record's fields were sealed or opened, or searched.
    pub record: Option<&'a str>,
    /// The ids of those fields.
    pub fields: &'a [&'a str],
    /// The classes concerned: asked for when opening or sealing, reached when unwrapping.
    pub classes: &'a [&'a str],
    /// The purpose of the pseudonyms, where such were made.
    pub pseudonyms: Option<&'a str>,
    /// The id of the index, where a search was made.
    pub index: Option<&'a str>,
    /// Whether compromised keys were let in.
    pub rescue: bool,
    /// When, in Unix seconds; `None` where there is no clock.
    pub at: Option<u64>,
    /// Whether it succeeded, and why not.
    pub outcome: Result<(), ErrorKind>,
}

/// What was done, in an [`Event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Fresh data keys were made, with their envelope.
    Create,
    /// An envelope was unwrapped into data keys; the classes are those that came within reach.
    Unwrap,
    /// A record was sealed.
    Seal,
    /// A record was opened.
    Open,
    /// What lay under older generations in a record was sealed under the newest ones.
    Reseal,
    /// A class was begun.
    Ensure,
    /// A new generation of a class was begun.
    Renew,
    /// Data keys were wrapped under newer ring keys.
    Rewrap,
    /// A role was given a class.
    Grant,
    /// A class was taken from a role.
    Withdraw,
    /// A class's data keys were destroyed.
    EraseClass,
    /// All data keys of the subject were destroyed.
    EraseSubject,
    /// The data keys of expired generations were destroyed.
    Sweep,
    /// Erased generations were forgotten.
    Prune,
    /// Bytes were sealed into a standalone envelope.
    SealStandalone,
    /// A standalone envelope was opened.
    OpenStandalone,
    /// Pseudonyms of the subject were made.
    Pseudonym,
    /// The terms to look for by an index were made: one guess at a value, or a range of them.
    Find,
    /// A receipt was signed.
    Sign,
    /// The entries of a ledger that are about the subject were looked up; without a subject, those about everybody.
    ReadLedger,
}

/// Receives an event of every call that uses a secret of the ring for a person.
///
/// A call returns its result only after the sink has taken the event; a sink that refuses makes the
/// call fail with [`ErrorKind::Audit`].
///
/// | call, with an [`Access`](crate::Access) that has a sink | events | what a refusal withholds |
/// |---|---|---|
/// | [`DataKeys::create`](crate::DataKeys::create) | [`Create`](Action::Create) | the data keys |
/// | [`KeyEnvelope::unwrap`](crate::KeyEnvelope::unwrap), `prepare` | [`Unwrap`](Action::Unwrap), after [`Renew`](Action::Renew) where a generation was begun | the data keys |
/// | [`EnvelopeEdit::finish`](crate::envelope::EnvelopeEdit::finish), and all calls of a key store that change or erase | one for each change: [`Ensure`](Action::Ensure), [`Renew`](Action::Renew), [`Rewrap`](Action::Rewrap), [`Grant`](Action::Grant), [`Withdraw`](Action::Withdraw), [`EraseClass`](Action::EraseClass), [`EraseSubject`](Action::EraseSubject), [`Sweep`](Action::Sweep), [`Prune`](Action::Prune) | the new envelope; a ledger that was given has been told already |
/// | [`EnvelopeEdit::finish_keys`](crate::envelope::EnvelopeEdit::finish_keys) | those, then [`Unwrap`](Action::Unwrap) | the data keys |
/// | `Record::seal_new` | [`Seal`](Action::Seal) | the row, its terms and masks |
/// | `Record::seal_under` | [`Unwrap`](Action::Unwrap), after [`Renew`](Action::Renew) where a generation was begun; then [`Seal`](Action::Seal) | the row, its terms and masks |
/// | `SealedRecord::open`, `open_partial`, `open_all`, `open_matching` | [`Open`](Action::Open) for each row, of masks too | the values |
/// | `SealedRecord::reseal`, `reindex` | [`Reseal`](Action::Reseal) | the row |
/// | [`Index::query`](crate::Index::query), [`between`](crate::Index::between) | [`Find`](Action::Find), with record and index | the terms |
/// | [`Access::seal`](crate::Access::seal), [`open`](crate::Access::open), and their variants | [`SealStandalone`](Action::SealStandalone), [`OpenStandalone`](Action::OpenStandalone) | the result |
/// | [`Pseudonyms::token`](crate::pseudonym::Pseudonyms::token), and the other forms | [`Pseudonym`](Action::Pseudonym) | the pseudonyms |
/// | `Erasure::receipt` | [`Sign`](Action::Sign) | the receipt |
/// | `Ledger::of`, `consents`; `LedgerFile::consents` | [`ReadLedger`](Action::ReadLedger) | the entries |
/// | `Replay::apply` | [`ReadLedger`](Action::ReadLedger) | the change |
/// | `Replay::run`, `run_async` | one [`ReadLedger`](Action::ReadLedger) without a subject, and those of the changes | the pass |
///
/// There is no event for these:
///
/// - what is done with [`DataKeys`](crate::DataKeys) at hand ([`Field::seal`](crate::Field::seal), `open_with`,
///   `seal_with`, the terms made with them): the event is that of the call that gave the keys. They make index
///   terms of as many values as they are asked to seal;
/// - what uses no secret: `inspect`, [`Census`](crate::keyring::Census), verifying receipts and ledgers,
///   [`Query::matches`](crate::field::Query::matches), [`Index::stale`](crate::Index::stale), exports of opened rows;
/// - what concerns the ring and no person: its keys, subsets and documents, and the beginning of a ledger;
/// - what takes a bare [`KeyRing`](crate::KeyRing) and not an `Access`: `KeyRing::seal`, `open` and `pseudonyms`, and
///   `LedgerHead::next`, which is for who implements a ledger.
///
/// ```
/// use std::sync::Mutex;
/// use fieldseal::audit::{AuditRefused, AuditSink, Event};
/// use fieldseal::{Access, KeyRing};
///
/// struct Log(Mutex<Vec<String>>);
/// impl AuditSink for Log {
///     fn record(&self, event: &Event<'_>) -> Result<(), AuditRefused> {
///         self.0.lock().map_err(|_| AuditRefused)?.push(format!("{:?} by {:?}", event.action, event.actor));
///         Ok(())
///     }
/// }
///
/// let (ring, log) = (KeyRing::generate()?, Log(Mutex::default()));
/// Access::new(&ring).actor("alice").audit(&log).seal(b"note 7", b"call back")?;
/// assert_eq!(log.0.lock().unwrap()[..], [r#"SealStandalone by Some("alice")"#]);
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub trait AuditSink: Send + Sync {
    /// Takes one event.
    ///
    /// # Errors
    /// [`AuditRefused`] when it cannot be kept; the call it tells of then fails.
    fn record(&self, event: &Event<'_>) -> Result<(), AuditRefused>;
}

/// The audit sink could not take an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct AuditRefused;

impl fmt::Display for AuditRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the audit sink could not take the event")
    }
}

impl core::error::Error for AuditRefused {}

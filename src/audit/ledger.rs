//! What a ledger is told: erasures, withdrawals and grants, before they are stored.

use alloc::string::String;

use crate::context::SubjectId;
use crate::error::Error;
use crate::keyring::KeyRing;

/// Who keeps account of erasures, withdrawals and grants.
///
/// A change is told before its envelope is returned, and so before it can be stored: what was erased or
/// withdrawn is in the ledger, whatever becomes of the database. One that was told and then not stored,
/// as its writer lost a race or ended, is told again by the next try; a replay of the ledger makes it good,
/// or reports the envelope.
///
/// With the feature `file`, `LedgerFile` is one.
///
/// ```
/// use std::sync::Mutex;
/// use fieldseal::audit::{LedgerChange, LedgerSink};
/// use fieldseal::{Access, Class, DataKeys, Error, KeyRing};
///
/// struct Lines(Mutex<Vec<String>>);
/// impl LedgerSink for Lines {
///     fn append(&self, _: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
///         let lines = changes.iter().map(|change| format!("{:?}: {:?}", change.subject, change.act));
///         self.0.lock().unwrap().extend(lines);
///         Ok(())
///     }
/// }
///
/// let (ring, ledger) = (KeyRing::generate()?, Lines(Mutex::default()));
/// let keys = DataKeys::create(&ring, 42, Class::PERSONAL)?;
/// let mut edit = keys.envelope().edit(Access::new(&ring).ledger(&ledger), 42)?;
/// edit.erase_subject()?;
/// let erased = edit.finish()?; // told, and now it can be stored
/// assert_eq!(*ledger.0.lock().unwrap(), ["SubjectId(42): EraseSubject"]);
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub trait LedgerSink: Send + Sync {
    /// Takes the changes of one envelope, in their order, all or none, and returns when they will last.
    /// `ring` is the one that makes the change, to sign with.
    ///
    /// # Errors
    /// Why they cannot be kept; the change then fails, and nothing of it is stored.
    fn append(&self, ring: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error>;
}

/// One change that a ledger keeps, and what the caller said about it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LedgerChange<'a> {
    /// What was done.
    pub act: &'a LedgerAct,
    /// The tenant as the caller asserted it.
    pub tenant: &'a str,
    /// The subject as the caller asserted it.
    pub subject: &'a SubjectId,
    /// When, in Unix seconds.
    pub at: u64,
    /// Who asked.
    pub actor: Option<&'a str>,
    /// Why.
    pub purpose: Option<&'a str>,
    /// Where a consent was given or withdrawn: a form, a call, a letter.
    pub source: Option<&'a str>,
    /// The version of the notice that the person was shown.
    pub notice: Option<&'a str>,
}

/// What was done to a subject's data keys, as a ledger keeps it.
///
/// `generation` is the highest of the class when it was done: an erasure or withdrawal covers the
/// generations up to it. So the acts on a class have an order of their own, which no clock can upset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LedgerAct {
    /// All data keys of the subject were destroyed.
    EraseSubject,
    /// The data keys of a class were destroyed.
    #[non_exhaustive]
    EraseClass {
        /// The class.
        class: String,
        /// The highest generation.
        generation: u16,
    },
    /// The class was taken from a role.
    #[non_exhaustive]
    Withdraw {
        /// The class.
        class: String,
        /// The role.
        role: String,
        /// The highest generation; 0 where the role had none to be taken out of.
        generation: u16,
    },
    /// A role was given the class.
    #[non_exhaustive]
    Grant {
        /// The class.
        class: String,
        /// The role.
        role: String,
        /// The highest generation when it was granted, live or erased; 1 where there was none.
        generation: u16,
        /// Whether it covers what was sealed before.
        with_history: bool,
    },
}

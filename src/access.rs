//! Who asks, why, for which tenant, when, and who is told.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::audit::{Action, AuditRefused, AuditSink, Event, LedgerAct, LedgerChange, LedgerSink};
use crate::clock::Clock;
use crate::context::{SubjectId, check_tenant};
use crate::error::{Error, ErrorKind};
use crate::keyring::KeyRing;

/// A ring and the circumstances of its use. Cheap to copy; everything that takes a ring takes one,
/// and `&KeyRing` or `&Arc<KeyRing>` is one with nothing filled in.
///
/// ```
/// use fieldseal::{Access, KeyRing};
///
/// let ring = KeyRing::generate()?;
/// let access = Access::new(&ring).tenant("acme").actor("alice").purpose("ticket 812");
/// let sealed = access.seal(b"note 7", b"call back on Monday")?;
/// assert_eq!(access.open(b"note 7", &sealed)?.expose(), b"call back on Monday");
/// assert!(ring.open(b"note 7", &sealed).is_err(), "another tenant");
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Access<'a> {
    ring: &'a KeyRing,
    tenant: &'a str,
    actor: Option<&'a str>,
    purpose: Option<&'a str>,
    source: Option<&'a str>,
    notice: Option<&'a str>,
    audit: Option<&'a dyn AuditSink>,
    ledger: Option<&'a dyn LedgerSink>,
    clock: Clock,
    floor: u64,
    rescue: bool,
}

impl<'a> Access<'a> {
    /// Access by this ring, with no tenant, and nobody told.
    pub fn new(ring: &'a KeyRing) -> Self {
        Self {
            ring,
            tenant: "",
            actor: None,
            purpose: None,
            source: None,
            notice: None,
            audit: None,
            ledger: None,
            clock: Clock::default(),
            floor: 0,
            rescue: false,
        }
    }

    /// Whose data it is, in an application that serves several: 0 to 64 bytes, as the caller asserts
    /// it, never as a row claims. Another tenant's data answers [`Tampered`](ErrorKind::Tampered), also
    /// when this was forgotten. A longer one makes each call fail with
    /// [`InvalidInput`](ErrorKind::InvalidInput).
    pub fn tenant(mut self, tenant: &'a str) -> Self {
        self.tenant = tenant;
        self
    }

    /// Who asks, for the audit.
    pub fn actor(mut self, actor: &'a str) -> Self {
        self.actor = Some(actor);
        self
    }

    /// Why, for the audit.
    pub fn purpose(mut self, purpose: &'a str) -> Self {
        self.purpose = Some(purpose);
        self
    }

    /// Who is told of every use of keys for a person, before anything is returned: see [`AuditSink`] for which
    /// calls that are.
    pub fn audit(mut self, sink: &'a dyn AuditSink) -> Self {
        self.audit = Some(sink);
        self
    }

    /// Where a consent was given or withdrawn, for the ledger: a form, a call, a letter.
    pub fn source(mut self, source: &'a str) -> Self {
        self.source = Some(source);
        self
    }

    /// The version of the notice that the person was shown, for the ledger.
    pub fn notice(mut self, version: &'a str) -> Self {
        self.notice = Some(version);
        self
    }

    /// Who keeps account of erasures, withdrawals and grants, before they can be stored. Consent is then
    /// granted only if its [source](Self::source) and [notice](Self::notice) are said. Actor and purpose stand in
    /// the ledger too, in the clear.
    pub fn ledger(mut self, ledger: &'a dyn LedgerSink) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// Takes the time from here instead of the system: a function that gives Unix seconds.
    pub fn clock(mut self, now: fn() -> u64) -> Self {
        self.clock = Clock::Function(now);
        self
    }

    /// Takes this moment, in Unix seconds, for now.
    pub fn at(mut self, now: u64) -> Self {
        self.clock = Clock::Fixed(now);
        self
    }

    /// Refuses key envelopes below this version as [`RolledBack`](ErrorKind::RolledBack). Keep the
    /// floor outside the database that holds the envelopes.
    pub fn version_floor(mut self, version: u64) -> Self {
        self.floor = version;
        self
    }

    /// Lets compromised keys open and verify. The audit is told. Values opened so may have been
    /// forged.
    pub fn rescue(mut self) -> Self {
        self.rescue = true;
        self
    }

    pub(crate) fn ring(&self) -> &'a KeyRing {
        self.ring
    }

    pub(crate) fn checked_tenant(&self) -> Result<&'a str, Error> {
        check_tenant(self.tenant)
    }

    pub(crate) fn time(&self) -> Clock {
        self.clock
    }

    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    pub(crate) fn is_rescue(&self) -> bool {
        self.rescue
    }

    /// A consent that a ledger keeps comes with its evidence.
    pub(crate) fn check_evidence(&self) -> Result<(), Error> {
        let is_said = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
        if self.ledger.is_none() || (is_said(self.source) && is_said(self.notice)) {
            return Ok(());
        }
        Err(Error::invalid(
            "the ledger keeps a consent with its evidence: say where it was given, and which version of the notice \
             was shown, by Access::source and Access::notice",
        ))
    }

    /// Tells the ledger, if there is one, of what is about to be stored.
    pub(crate) fn record(&self, subject: &SubjectId, acts: &[LedgerAct]) -> Result<(), Error> {
        let (Some(ledger), [_, ..]) = (self.ledger, acts) else { return Ok(()) };
        let at = self.clock.now()?;
        let changes: Vec<_> = acts
            .iter()
            .map(|act| LedgerChange {
                act,
                tenant: self.tenant,
                subject,
                at,
                actor: self.actor,
                purpose: self.purpose,
                source: self.source,
                notice: self.notice,
            })
            .collect();
        ledger.append(self.ring, &changes)
    }

    /// The same, with the clock stopped. Without a clock, as it is: whoever needs one is refused then.
    pub(crate) fn at_one_moment(self) -> Self {
        match self.clock.now() {
            Ok(now) => self.at(now),
            Err(_) => self,
        }
    }

    /// The same, for a step of a call that tells the audit itself.
    pub(crate) fn without_audit(mut self) -> Self {
        self.audit = None;
        self
    }

    /// The same, where compromised keys are not let in.
    pub(crate) fn without_rescue(mut self) -> Self {
        self.rescue = false;
        self
    }

    /// Who asked, if the caller said so.
    #[cfg(feature = "file")]
    pub(crate) fn actor_said(&self) -> Option<&'a str> {
        self.actor
    }

    /// Why, if the caller said so.
    #[cfg(feature = "file")]
    pub(crate) fn purpose_said(&self) -> Option<&'a str> {
        self.purpose
    }

    pub(crate) fn is_audited(&self) -> bool {
        self.audit.is_some()
    }

    /// Tells the audit. Nothing is returned to the caller unless this succeeds.
    pub(crate) fn tell(
        &self,
        action: Action,
        subject: &SubjectId,
        classes: &[&str],
        fields: Option<(&str, &[&str])>,
        outcome: Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        let record = fields.map(|(record, _)| record);
        let fields = fields.map_or(&[][..], |(_, fields)| fields);
        self.send(Event { record, fields, classes, ..self.event(action, subject, outcome) })
    }

    /// [`tell`](Self::tell), of pseudonyms that were made for this purpose.
    pub(crate) fn tell_pseudonym(
        &self,
        subject: &SubjectId,
        purpose: &str,
        outcome: Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        let pseudonyms = Some(purpose);
        self.send(Event { pseudonyms, ..self.event(Action::Pseudonym, subject, outcome) })
    }

    /// [`tell`](Self::tell), of terms that were made to search with.
    pub(crate) fn tell_search(
        &self,
        record: &str,
        index: &str,
        outcome: Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        let (record, index) = (Some(record), Some(index));
        self.send(Event { record, index, ..self.event(Action::Find, &SubjectId::NONE, outcome) })
    }

    fn event<'e>(
        &self,
        action: Action,
        subject: &'e SubjectId,
        outcome: Result<(), ErrorKind>,
    ) -> Event<'e>
    where
        'a: 'e,
    {
        Event {
            action,
            tenant: self.tenant,
            subject,
            actor: self.actor,
            purpose: self.purpose,
            record: None,
            fields: &[],
            classes: &[],
            pseudonyms: None,
            index: None,
            rescue: self.rescue,
            at: self.audit.and_then(|_| self.clock.now().ok()),
            outcome,
        }
    }

    fn send(&self, event: Event<'_>) -> Result<(), Error> {
        let Some(sink) = self.audit else { return Ok(()) };
        sink.record(&event).map_err(|AuditRefused| {
            Error::new(ErrorKind::Audit, "the audit did not take the event, so nothing is returned")
        })
    }

    /// Runs one audited call: its outcome is told before it is returned.
    pub(crate) fn audited<T>(
        &self,
        action: Action,
        subject: &SubjectId,
        classes: &[&str],
        fields: Option<(&str, &[&str])>,
        call: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let result = call();
        let outcome = result.as_ref().map(drop).map_err(Error::kind);
        self.tell(action, subject, classes, fields, outcome)?;
        result
    }
}

impl fmt::Debug for Access<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("tenant", &self.tenant)
            .field("actor", &self.actor)
            .field("purpose", &self.purpose)
            .field("source", &self.source)
            .field("notice", &self.notice)
            .field("audit", &self.audit.is_some())
            .field("ledger", &self.ledger.is_some())
            .field("version_floor", &self.floor)
            .field("rescue", &self.rescue)
            .field("ring", &self.ring)
            .finish()
    }
}

impl<'a> From<&'a KeyRing> for Access<'a> {
    fn from(ring: &'a KeyRing) -> Self {
        Self::new(ring)
    }
}

impl<'a> From<&'a Arc<KeyRing>> for Access<'a> {
    fn from(ring: &'a Arc<KeyRing>) -> Self {
        Self::new(ring)
    }
}

impl<'a> From<&Access<'a>> for Access<'a> {
    fn from(access: &Access<'a>) -> Self {
        *access
    }
}

//! Changes to a key envelope: ensure, renew, rewrap, grant, withdraw, erase.

mod erasure;
mod finish;
#[cfg(feature = "file")]
mod replay;
mod retain;
mod steps;

pub use self::erasure::{ErasedGeneration, Erasure};
#[cfg(feature = "file")]
pub(crate) use self::replay::{ErasedUpTo, Granted, Reached, Withdrawal};

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::format::{Entry, KeyTag, Layout};
use super::generation::{Bound, GenerationKey, retention};
use super::{KeyEnvelope, NOBODY, with_consents};
use crate::access::Access;
use crate::audit::{Action, LedgerAct};
use crate::class::{Class, ClassConsent, Kept, ToClasses};
use crate::context::SubjectId;
use crate::context::is_declarable;
use crate::error::{Error, ErrorKind};
use crate::keyring::KeyId;
use crate::random::CallRng;

/// A change to a key envelope in the making. However many changes it holds, they become one new
/// version, whole, by [`finish`](Self::finish); dropped before, nothing has happened.
pub struct EnvelopeEdit<'a> {
    access: Access<'a>,
    subject: SubjectId,
    layout: Layout<'static>,
    /// What was read; `None` for an envelope in the making.
    original: Option<KeyEnvelope>,
    /// Under a compromised envelope key nothing but rewrap is allowed.
    rewrap_only: bool,
    /// The declarations that the changes so far were made by.
    declared: Vec<Kept>,
    fresh: Vec<GenerationKey>,
    /// What this edit wrapped itself, by generation and key id: proven without being unwrapped.
    wrapped: Vec<(KeyTag, u32)>,
    changes: Vec<(Action, String)>,
    /// Acts that change nothing, of which a ledger is told all the same, and so the audit too.
    acts_alone: Vec<(Action, String)>,
    /// What a ledger keeps of them.
    acts: Vec<LedgerAct>,
    /// The classes to reseal, with the generation to reseal under.
    to_reseal: Vec<(String, u16)>,
    /// The classes that take no values until they are renewed.
    to_renew: Vec<String>,
    /// The classes that were asked to be erased; `None` is the subject.
    erasing: Vec<Option<String>>,
    /// The caller's generator, in place of the system's.
    rng: Option<CallRng>,
}

/// Whether a grant covers what was sealed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a grant covers history or it does not")]
pub enum History {
    /// The role can open what was sealed before, too. Needs a ring that can open it.
    Included,
    /// A new generation is begun, and only what is sealed from now on opens: older values too, once they
    /// are [resealed](crate::SealedRecord::reseal).
    Excluded,
}

/// Who has consented, as far as a new generation is concerned.
#[derive(Clone, Copy)]
pub(super) enum Consent<'c> {
    /// Those for whom the highest generation provably is wrapped.
    Proven,
    /// Those the caller names, from its own record of consents.
    Named(&'c [&'c str]),
}

impl<'c> Consent<'c> {
    /// What the caller says, or `unsaid`.
    pub(super) fn said(consent: &ClassConsent<'c>, unsaid: Self) -> Self {
        consent.roles().map_or(unsaid, Self::Named)
    }

    /// The roles that the caller names.
    pub(super) fn named(self) -> &'c [&'c str] {
        match self {
            Self::Named(roles) => roles,
            Self::Proven => &[],
        }
    }

    /// Whether the two name the same roles, or neither names any.
    pub(super) fn agrees(self, other: Consent<'_>) -> bool {
        match (self, other) {
            (Self::Named(a), Consent::Named(b)) => {
                a.len() == b.len() && a.iter().all(|role| b.contains(role))
            }
            (Self::Proven, Consent::Proven) => true,
            _ => false,
        }
    }

    /// `[GN-10]` Each role named is among the readers with consent of the class, and named once.
    pub(super) fn check_named(self, class: &Class) -> Result<(), Error> {
        let Self::Named(roles) = self else { return Ok(()) };
        for (position, role) in roles.iter().enumerate() {
            let repeated = roles.iter().take(position).any(|earlier| earlier == role);
            if repeated || !class.consent_roles().contains(role) {
                return Err(Error::invalid(format!(
                    "role `{role}` is not among the readers with consent of class `{}`, or is named twice",
                    class.name()
                )));
            }
        }
        Ok(())
    }
}

/// What [`EnvelopeEdit::rewrap`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rewrapped {
    /// How many wrapped keys were made anew under primary keys.
    pub wrapped: usize,
    /// The live generations that stayed as they were, by class and number: of a class that was not
    /// given, or that this ring does not open as a declared reader, or opens by a compromised key only
    /// (renew those, and reseal).
    pub not_lifted: Vec<(String, u16)>,
    /// The recipients of the other generations that stayed although nothing proves that they may read:
    /// class, generation, and key id. Either their wrapped key does not unwrap here, or their role is
    /// no reader of the class. Compare them with the record of consents:
    /// [`grant`](EnvelopeEdit::grant) with history wraps anew, and
    /// [`withdraw`](EnvelopeEdit::withdraw) with a [`ClassConsent`] removes.
    pub unproven: Vec<(String, u16, KeyId)>,
}

impl<'a> EnvelopeEdit<'a> {
    pub(crate) fn new(access: Access<'a>, subject: SubjectId) -> Result<Self, Error> {
        access.checked_tenant()?;
        // `[LG-7]` One moment for an edit: a ledger tells the time that the envelope shows.
        let access = access.at_one_moment();
        Ok(Self {
            access,
            subject,
            layout: Layout { version: 0, entries: Vec::new(), erased_at: None, key_id: 0 },
            original: None,
            rewrap_only: false,
            declared: Vec::new(),
            fresh: Vec::new(),
            wrapped: Vec::new(),
            changes: Vec::new(),
            acts_alone: Vec::new(),
            acts: Vec::new(),
            to_reseal: Vec::new(),
            to_renew: Vec::new(),
            erasing: Vec::new(),
            rng: None,
        })
    }

    /// Counts on from this version, where it can be stored.
    #[cfg(feature = "std")]
    pub(crate) fn follow(&mut self, version: u64) {
        let last = u64::try_from(i64::MAX).unwrap_or(u64::MAX);
        self.layout.version = if version < last { version } else { 0 };
    }

    pub(super) fn begin(
        envelope: &KeyEnvelope,
        access: Access<'a>,
        subject: SubjectId,
    ) -> Result<Self, Error> {
        let mut edit = Self::new(access, subject)?;
        let bound = Bound::new(&edit.access, &edit.subject)?;
        let layout = envelope.verify(&bound)?.into_owned();
        edit.rewrap_only = bound.verified_by_compromised(layout.key_id);
        edit.layout = layout;
        edit.original = Some(envelope.clone());
        Ok(edit)
    }

    #[cfg(feature = "hazmat-rng")]
    pub(super) fn set_rng(&mut self, rng: CallRng) {
        self.rng = Some(rng);
    }

    /// Runs what draws: by the caller's generator, which goes on over the changes of the edit, or by one that
    /// the system seeds for this change alone.
    fn drawing<T>(
        &mut self,
        draw: impl FnOnce(&mut Self, &mut CallRng) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Some(mut rng) = self.rng.take() else { return draw(self, &mut CallRng::from_os()?) };
        let drawn = draw(self, &mut rng);
        self.rng = Some(rng);
        drawn
    }

    /// Begins the classes that the envelope has no entry of, such as those that were added to a
    /// [`Schema`](crate::record::Schema) later: `edit.ensure(Customer::SCHEMA)`. An entry, live or erased, is left as it is.
    /// A class that comes with [consent](ClassConsent) is wrapped for those roles too.
    ///
    /// # Errors
    /// [`Erased`](ErrorKind::Erased) when the subject is; [`MissingKey`](ErrorKind::MissingKey),
    /// naming a reader whose key the ring lacks; [`Declaration`](ErrorKind::Declaration) for a class
    /// without readers; [`Randomness`](ErrorKind::Randomness).
    pub fn ensure(&mut self, classes: impl ToClasses) -> Result<(), Error> {
        let classes = with_consents(&classes, Consent::Named(NOBODY));
        self.drawing(|edit, rng| {
            classes
                .iter()
                .try_for_each(|(class, consent)| edit.ensure_in(class, consent.named(), rng))
        })
    }

    pub(super) fn ensure_in(
        &mut self,
        class: &Class,
        consented: &[&str],
        rng: &mut CallRng,
    ) -> Result<(), Error> {
        self.attempt_on(Action::Ensure, class, |edit| {
            if edit.layout.highest(class.name()).is_some() {
                return Ok(false);
            }
            let readers = edit.readers(class, Consent::Named(consented), &[])?;
            for role in class.consent_roles().iter().filter(|role| consented.contains(role)) {
                edit.access.check_evidence()?;
                edit.acts.push(LedgerAct::Grant {
                    class: class.name().into(),
                    role: (*role).into(),
                    generation: 1,
                    with_history: false,
                });
            }
            edit.add(class.name(), 1, &readers, retention(class), Room::Reserved, rng)
                .map(|()| true)
        })
    }

    /// Begins the next generation of a class, over a live or an erased one, for its declared readers
    /// and those who have consent. Values sealed from now on are under it; reseal the others.
    ///
    /// Who has consent is read from the highest generation, and must be proven: this ring must be able
    /// to unwrap what is wrapped for them, since every service that holds the envelope key could have
    /// added a recipient. A ring that cannot prove it names them: `edit.renew(CONTACT.consented_to(&["marketing"]))`.
    ///
    /// # Errors
    /// As [`ensure`](Self::ensure); [`MissingClass`](ErrorKind::MissingClass) when there is none to
    /// follow; [`MissingKey`](ErrorKind::MissingKey) also when it cannot be told who consented;
    /// [`Unsupported`](ErrorKind::Unsupported) over a suite of a later version;
    /// [`Exhausted`](ErrorKind::Exhausted) after generation 65,535.
    pub fn renew<'c>(&mut self, class: impl Into<ClassConsent<'c>>) -> Result<(), Error> {
        let class = class.into();
        self.renew_by(class.class(), Consent::said(&class, Consent::Proven))
    }

    fn renew_by(&mut self, class: &Class, consent: Consent<'_>) -> Result<(), Error> {
        self.attempt_on(Action::Renew, class, |edit| {
            edit.check_renewable(class)?;
            let readers = edit.readers(class, consent, &[])?;
            edit.note_consents(class, &readers)?;
            edit.mark_empty(class.name())?;
            edit.succeed(class, &readers, Room::Reserved).map(|()| true)
        })
    }

    /// `[GN-3]` As a writer that has no role in the class: renews if it can wrap for every reader.
    pub(super) fn begin_next(&mut self, class: &Class, consent: Consent<'_>) -> Result<(), Error> {
        let consented = match consent {
            Consent::Named(roles) => roles.to_vec(),
            Consent::Proven => self.proven_consent(class, &[]).or_else(|error| {
                let (action, outcome) = (Action::Renew, Err(error.kind()));
                self.access.tell(action, &self.subject, &[class.name()], None, outcome)?;
                Err(error)
            })?,
        };
        let mut readers = class.reader_roles().iter().chain(&consented).peekable();
        let has_reader = readers.peek().is_some();
        if has_reader && readers.all(|role| self.access.ring().wrapping(role).is_some()) {
            self.renew_by(class, Consent::Named(&consented))?;
        }
        Ok(())
    }

    /// Wraps the data keys that this ring can unwrap under the primary keys of their roles; no field
    /// is touched, no reader added or dropped. The envelope's MAC is made anew under the primary
    /// envelope key, always.
    ///
    /// `declared` are the classes as the application declares them, best its [`Catalog`](crate::Catalog). A generation is wrapped anew if
    /// this ring opens it as a declared reader, and in it the keys of those readers, consented ones
    /// too, whose present one unwraps here. Every other recipient stays as it is, and is
    /// [reported](Rewrapped::unproven).
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) when a recipient of a later version bears the id of a
    /// primary key; [`Randomness`](ErrorKind::Randomness).
    pub fn rewrap(&mut self, declared: impl ToClasses) -> Result<Rewrapped, Error> {
        let (mut report, declared) = (Rewrapped::default(), declared.to_declared());
        self.attempt(Action::Rewrap, "", |edit| {
            declared.iter().try_for_each(|class| edit.declare(class))?;
            let of: Vec<_> = declared.iter().map(Class::declared).collect();
            edit.drawing(|edit, rng| {
                (0..edit.layout.entries.len())
                    .try_for_each(|position| edit.rewrap_entry(position, &of, &mut report, rng))
            })?;
            Ok(true)
        })?;
        Ok(report)
    }

    /// Gives a role the class. The role must be one of its readers, or of its readers with consent.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a role the class does not declare;
    /// [`MissingClass`](ErrorKind::MissingClass); [`MissingKey`](ErrorKind::MissingKey) when the ring
    /// cannot wrap for the role; with history [`NotPermitted`](ErrorKind::NotPermitted) when it cannot
    /// open all of it; without, what [`renew`](Self::renew) answers;
    /// [`Erased`](ErrorKind::Erased) when nothing is live;
    /// [`Randomness`](ErrorKind::Randomness). Nothing is granted then.
    pub fn grant<'c>(
        &mut self,
        class: impl Into<ClassConsent<'c>>,
        role: &str,
        history: History,
    ) -> Result<(), Error> {
        let class = class.into();
        self.grant_by(class.class(), role, history, Consent::said(&class, Consent::Proven))
    }

    fn grant_by(
        &mut self,
        class: &Class,
        role: &str,
        history: History,
        consent: Consent<'_>,
    ) -> Result<(), Error> {
        self.attempt_on(Action::Grant, class, |edit| {
            let declared = class.reader_roles().iter().chain(class.consent_roles()).find(|name| **name == role);
            let Some(role) = declared else {
                return Err(Error::invalid(format!(
                    "class `{}` declares no reader `{role}`: name it in readers or readers_with_consent",
                    class.name()
                )));
            };
            if class.consent_roles().contains(role) {
                edit.access.check_evidence()?;
            }
            let highest = edit.highest(class.name())?;
            let is_live = highest.live().is_some();
            let act = LedgerAct::Grant {
                class: class.name().into(),
                role: (*role).into(),
                generation: highest.generation,
                with_history: history == History::Included,
            };
            if edit.access.ring().wrapping(role).is_none() {
                return Err(super::generation::no_wrapping_key(class.name(), role));
            }
            match history {
                History::Included => edit.grant_history(class, role),
                History::Excluded if !is_live => Err(edit.all_erased(class.name())),
                History::Excluded => {
                    edit.check_renewable(class)?;
                    let mut readers = edit.readers(class, consent, &[role])?;
                    let others: Vec<_> = readers.iter().copied().filter(|other| other != role).collect();
                    edit.note_consents(class, &others)?;
                    if !readers.contains(role) {
                        readers.push(role);
                    }
                    edit.next_generation(class, &readers, Room::Reserved)
                }
            }?;
            edit.acts.push(act);
            Ok(true)
        })
    }

    /// Takes the class from a role: out of every generation, and a new one is begun for the readers
    /// that remain, which the role cannot open. What was sealed before stays readable to whoever
    /// kept the old envelope or its data keys: reseal it.
    ///
    /// Who else has consent must be proven, as for [`renew`](Self::renew). A generation left without a
    /// recipient is erased. A role without the class loses nothing, but the envelope gets a new version, so that
    /// a grant read before cannot be stored afterwards.
    ///
    /// A withdrawal does not fail because no new generation can be begun, as where the ring lacks the key of
    /// a remaining reader or the envelope has no room. The role is taken out, and the class takes no values
    /// until it is renewed: see [`to_renew`](Self::to_renew).
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a declared reader, which the next renewal would
    /// include again: change the declaration first; and for a role that is neither among the readers with
    /// consent nor has a key of the class, which is most likely misspelt; [`MissingClass`](ErrorKind::MissingClass);
    /// [`MissingKey`](ErrorKind::MissingKey) when a recipient's role cannot be told, or another's
    /// consent: name those who remain, by [`Class::consented_to`];
    /// [`Randomness`](ErrorKind::Randomness). Nothing is withdrawn then.
    pub fn withdraw<'c>(
        &mut self,
        class: impl Into<ClassConsent<'c>>,
        role: &str,
    ) -> Result<(), Error> {
        let class = class.into();
        match class.roles() {
            None => self.withdraw_from(class.class(), role),
            Some(remaining) => self.withdraw_but(class.class(), role, remaining),
        }
    }

    fn withdraw_from(&mut self, class: &Class, role: &str) -> Result<(), Error> {
        self.attempt_on(Action::Withdraw, class, |edit| {
            edit.check_withdrawal(class, role, false)?;
            edit.highest(class.name())?;
            let of_class = |entry: &&Entry<'_>| entry.class == class.name();
            for live in edit.layout.entries.iter().filter(of_class).filter_map(Entry::live) {
                for recipient in &live.recipients {
                    edit.role_of(class.name(), recipient.key_id)?;
                }
            }
            edit.withdraw_where(class, role, Consent::Proven, |known| known != Some(role))
        })
    }

    /// Afterwards the declared readers and those who remain have the class, and nobody else.
    fn withdraw_but(&mut self, class: &Class, role: &str, remaining: &[&str]) -> Result<(), Error> {
        self.attempt_on(Action::Withdraw, class, |edit| {
            edit.check_withdrawal(class, role, true)?;
            edit.highest(class.name())?;
            if remaining.contains(&role) {
                return Err(Error::invalid(format!(
                    "role `{role}` is withdrawn, and named among those who remain"
                )));
            }
            let readers = edit.readers(class, Consent::Named(remaining), &[])?;
            edit.withdraw_where(class, role, Consent::Named(remaining), |known| {
                known.is_some_and(|role| readers.contains(&role))
            })
        })
    }

    /// Destroys all data keys of a class, and of its masks. What they sealed cannot be opened again
    /// with this envelope or a later one. Where nothing of it is live, the envelope is marked all the same, so
    /// that it shows the erasure.
    ///
    /// # Errors
    /// [`MissingClass`](ErrorKind::MissingClass) when there is no such class.
    pub fn erase_class(&mut self, class: &str) -> Result<(), Error> {
        self.attempt(Action::EraseClass, class, |edit| {
            if !is_declarable(class) {
                return Err(Error::invalid(
                    "a class name is at most 59 bytes of a-z 0-9 _ . - and not reserved",
                ));
            }
            let mask = format!("mask.{class}");
            if edit.layout.highest(&mask).is_none() {
                edit.highest(class)?;
            }
            edit.erasing.push(Some(class.into()));
            let mut any = false;
            for class in [class, &mask] {
                let erased = edit.erase_where(|entry| entry.class == class)?;
                any |= erased;
                let Some(position) = edit.layout.highest(class) else { continue };
                let generation =
                    edit.layout.entries.get(position).map_or(0, |entry| entry.generation);
                // `[LG-7]` Also where it finds nothing live: the envelope may be one that was put back.
                edit.acts.push(LedgerAct::EraseClass { class: class.into(), generation });
                if !erased && edit.layout.erased_at.is_none() {
                    let now = edit.access.time().now()?;
                    any |= edit.mark_reached(class, generation.saturating_add(1), now)?;
                }
            }
            Ok(any)
        })
    }

    /// Destroys all data keys of the subject, for ever: no class can be begun again.
    ///
    /// # Errors
    /// None but for the clock.
    #[doc(alias = "crypto-shredding")]
    #[doc(alias = "right to be forgotten")]
    pub fn erase_subject(&mut self) -> Result<(), Error> {
        self.attempt(Action::EraseSubject, "", |edit| {
            edit.erasing.push(None);
            // `[LG-7]` Also where it is erased already: whoever holds the envelope key can take the mark off
            // again.
            edit.acts.push(LedgerAct::EraseSubject);
            if edit.layout.erased_at.is_some() {
                return Ok(false);
            }
            let now = edit.access.time().now()?;
            edit.erase_where(|_| true)?;
            edit.prune_for(SUBJECT_ERASURE).or_else(|_| edit.prune_all_for(SUBJECT_ERASURE))?;
            edit.layout.erased_at = Some(now);
            Ok(true)
        })
    }

    /// Whether anything has changed so far.
    pub fn is_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The classes whose live generation was followed by a new one so far, by a withdrawal, a renewal or
    /// a touch, and the number of that one: reseal the subject's values of these classes. A grant without
    /// history is not among them.
    pub fn to_reseal(&self) -> &[(String, u16)] {
        &self.to_reseal
    }

    /// `[GN-12]` Takes a declaration that agrees with those taken before.
    fn declare(&mut self, class: &Class) -> Result<(), Error> {
        self.declared.iter().try_for_each(|kept| kept.with(|kept| kept.check_beside(class)))?;
        if !self.declared.iter().any(|kept| kept.name() == class.name()) {
            self.declared.push(Kept::of(class));
        }
        Ok(())
    }

    /// The classes of which a withdrawal took a role out and could begin no new generation. Sealing under
    /// them is refused until they are renewed: supply what is missing, or make room with
    /// [`erase_older`](Self::erase_older) and [`prune`](Self::prune), and call [`renew`](Self::renew) or
    /// [`renew`](Self::renew) with a [`ClassConsent`]. What is sealed already still opens.
    pub fn to_renew(&self) -> &[String] {
        &self.to_renew
    }

    fn highest(&self, class: &str) -> Result<&Entry<'static>, Error> {
        let position = self.layout.highest(class);
        position.and_then(|position| self.layout.entries.get(position)).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingClass,
                format!(
                    "the key envelope has no key of class `{class}`: begin the class with EnvelopeEdit::ensure"
                ),
            )
            .of_class(class)
        })
    }

    #[cold]
    fn all_erased(&self, class: &str) -> Error {
        Error::new(
            ErrorKind::Erased,
            format!(
                "class `{class}` was erased, or is closed after a withdrawal: renew begins it again"
            ),
        )
        .of_class(class)
    }
}

/// Bytes of a whole-subject erasure.
const SUBJECT_ERASURE: usize = 9;

/// How much of an envelope a new generation may fill.
#[derive(Clone, Copy)]
pub(in crate::envelope) enum Room {
    /// `[ED-19]` All but what is kept for withdrawals.
    Reserved,
    /// All of it.
    Full,
}

impl Room {
    fn kept(self) -> usize {
        match self {
            Self::Reserved => 4_096,
            Self::Full => 0,
        }
    }
}

impl fmt::Debug for EnvelopeEdit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvelopeEdit")
            .field("subject", &self.subject)
            .field("version", &self.layout.version)
            .field("changes", &self.changes)
            .finish()
    }
}

//! Changes to a key envelope: ensure, renew, rewrap, grant, withdraw, erase.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::format::{Entry, KeyTag, Layout, State};
use super::generation::{
    Bound, GenerationKey, NewGeneration, Reach, Unwrapped, retention, roles_of, unwrap_live,
    wrap_for,
};
use super::{DataKeys, KeyEnvelope, keys};
use crate::access::{Access, Action};
use crate::class::Class;
use crate::context::SubjectId;
use crate::encoding::Put as _;
use crate::error::{Error, ErrorKind};
use crate::keyring::{KeyId, KeyState, KeyUse, RingKey};
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
    fresh: Vec<(KeyTag, GenerationKey)>,
    changes: Vec<(Action, String)>,
}

/// Whether a grant covers what was sealed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a grant covers history or it does not"
)]
pub enum History {
    /// The role can open what was sealed before, too. Needs a ring that can open it.
    Included,
    /// A new generation is begun, and only what is sealed from now on opens.
    Excluded,
}

/// What [`EnvelopeEdit::rewrap`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rewrapped {
    /// How many wrapped keys were made anew under primary keys.
    pub wrapped: usize,
    /// How many live generations stayed as they were because this ring could not unwrap them.
    pub unreached: usize,
    /// The recipients that the declared readers do not account for: class, generation, and key id.
    /// Roles that read with consent are among them; compare them with the record of consents.
    pub unproven: Vec<(String, u16, KeyId)>,
}

impl<'a> EnvelopeEdit<'a> {
    pub(super) fn new(access: Access<'a>, subject: SubjectId) -> Result<Self, Error> {
        access.checked_tenant()?;
        Ok(Self {
            access,
            subject,
            layout: Layout {
                version: 0,
                entries: Vec::new(),
                erased_at: None,
                key_id: 0,
            },
            original: None,
            rewrap_only: false,
            fresh: Vec::new(),
            changes: Vec::new(),
        })
    }

    pub(super) fn begin(
        envelope: &KeyEnvelope,
        access: Access<'a>,
        subject: SubjectId,
    ) -> Result<Self, Error> {
        let layout = envelope
            .verify(&Bound::new(&access, &subject)?)?
            .into_owned();
        let state = KeyId::new(layout.key_id)
            .and_then(|id| access.ring().key(id))
            .map(RingKey::state);
        Ok(Self {
            access,
            subject,
            layout,
            original: Some(envelope.clone()),
            rewrap_only: state == Some(KeyState::Compromised),
            fresh: Vec::new(),
            changes: Vec::new(),
        })
    }

    /// Begins a class that the envelope has no entry of. An entry, live or erased, is left as it is.
    ///
    /// # Errors
    /// [`Erased`](ErrorKind::Erased) when the subject is; [`MissingKey`](ErrorKind::MissingKey),
    /// naming a reader whose key the ring lacks; [`InvalidInput`](ErrorKind::InvalidInput) for a class
    /// without readers; [`Randomness`](ErrorKind::Randomness).
    pub fn ensure(&mut self, class: &Class) -> Result<(), Error> {
        self.ensure_in(class, &mut CallRng::from_os()?)
    }

    pub(super) fn ensure_in(&mut self, class: &Class, rng: &mut CallRng) -> Result<(), Error> {
        self.attempt(Action::Ensure, class.name(), |edit| {
            if edit.layout.highest(class.name()).is_some() {
                return Ok(false);
            }
            edit.add_generation(class, 1, class.reader_roles(), rng)
                .map(|()| true)
        })
    }

    /// Begins the next generation of a class, over a live or an erased one, for its declared readers
    /// and those who have consent. Values sealed from now on are under it; reseal the others.
    ///
    /// # Errors
    /// As [`ensure`](Self::ensure); [`MissingClass`](ErrorKind::MissingClass) when there is none to
    /// follow; [`MissingKey`](ErrorKind::MissingKey) also when it cannot be told who consented;
    /// [`Unsupported`](ErrorKind::Unsupported) over a suite of a later version;
    /// [`Exhausted`](ErrorKind::Exhausted) after generation 65,535.
    pub fn renew(&mut self, class: &Class) -> Result<(), Error> {
        self.attempt(Action::Renew, class.name(), |edit| {
            let readers = edit.readers(class)?;
            edit.next_generation(class, &readers).map(|()| true)
        })
    }

    /// `[GN-3]` As a writer that has no role in the class: renews if it can wrap for every reader.
    pub(super) fn begin_next(&mut self, class: &Class) -> Result<(), Error> {
        let readers = self.readers(class)?;
        if readers
            .iter()
            .all(|role| self.access.ring().wrapping(role).is_some())
        {
            self.renew(class)?;
        }
        Ok(())
    }

    /// Wraps the data keys that this ring can unwrap under the primary keys of their roles; no field
    /// is touched, no reader added or dropped. The envelope's MAC is made anew under the primary
    /// envelope key, always.
    ///
    /// `declared` is compared with who can read: see [`Rewrapped::unproven`].
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) when a recipient of a later version bears the id of a
    /// primary key; [`Randomness`](ErrorKind::Randomness).
    pub fn rewrap(&mut self, declared: &[Class]) -> Result<Rewrapped, Error> {
        let mut report = Rewrapped::default();
        let mut rng = CallRng::from_os()?;
        for position in 0..self.layout.entries.len() {
            self.rewrap_entry(position, &mut report, &mut rng)?;
        }
        report.unproven = self.unproven(declared);
        self.changes.push((Action::Rewrap, String::new()));
        Ok(report)
    }

    /// Gives a role the class. The role must be one of its readers, or of its readers with consent.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a role the class does not declare;
    /// [`MissingClass`](ErrorKind::MissingClass); [`MissingKey`](ErrorKind::MissingKey) when the ring
    /// cannot wrap for the role; with history [`NotPermitted`](ErrorKind::NotPermitted) when it cannot
    /// open all of it; [`Erased`](ErrorKind::Erased) when nothing is live;
    /// [`Randomness`](ErrorKind::Randomness). Nothing is granted then.
    pub fn grant(&mut self, class: &Class, role: &str, history: History) -> Result<(), Error> {
        self.attempt(Action::Grant, class.name(), |edit| {
            let declared = class.reader_roles().iter().chain(class.consent_roles()).find(|name| **name == role);
            let Some(role) = declared else {
                return Err(Error::invalid(format!(
                    "class `{}` declares no reader `{role}`: name it in readers or readers_with_consent",
                    class.name()
                )));
            };
            let highest = edit.highest(class.name())?;
            match history {
                History::Included => edit.grant_history(class, role),
                History::Excluded if highest.live().is_none() => Err(edit.all_erased(class.name())),
                History::Excluded => {
                    let mut readers = edit.readers(class)?;
                    if !readers.contains(role) {
                        readers.push(role);
                    }
                    edit.next_generation(class, &readers)
                }
            }
            .map(|()| true)
        })
    }

    /// Takes the class from a role: out of every generation, and a new one is begun for the readers
    /// that remain, which the role cannot open. What was sealed before stays readable to whoever
    /// kept the old envelope or its data keys: reseal it.
    ///
    /// A generation left without a recipient is erased. A role without the class changes nothing.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a declared reader, which the next renewal would
    /// include again: change the declaration first; [`MissingClass`](ErrorKind::MissingClass);
    /// [`MissingKey`](ErrorKind::MissingKey) when a recipient's role cannot be told, or the ring
    /// cannot wrap for a remaining reader; [`Randomness`](ErrorKind::Randomness). Nothing is
    /// withdrawn then.
    pub fn withdraw(&mut self, class: &Class, role: &str) -> Result<(), Error> {
        self.attempt(Action::Withdraw, class.name(), |edit| {
            if class.is_declared_reader(role) {
                return Err(Error::invalid(format!(
                    "role `{role}` is a declared reader of class `{}`: take it out of the declaration first",
                    class.name()
                )));
            }
            edit.withdraw_role(class, role)
        })
    }

    /// Destroys all data keys of a class, and of its masks. What they sealed cannot be opened again
    /// with this envelope or a later one.
    ///
    /// # Errors
    /// [`MissingClass`](ErrorKind::MissingClass) when there is no such class.
    pub fn erase_class(&mut self, class: &str) -> Result<(), Error> {
        self.attempt(Action::EraseClass, class, |edit| {
            edit.highest(class)?;
            let mask = format!("mask.{class}");
            edit.erase_where(|entry| entry.class == class || entry.class == mask.as_str())
        })
    }

    /// Destroys all data keys of the subject, for ever: no class can be begun again.
    ///
    /// # Errors
    /// None but for the clock.
    pub fn erase_subject(&mut self) -> Result<(), Error> {
        self.attempt(Action::EraseSubject, "", |edit| {
            if edit.layout.erased_at.is_some() {
                return Ok(false);
            }
            let now = edit.access.time().now()?;
            edit.erase_where(|_| true)?;
            edit.layout.erased_at = Some(now);
            Ok(true)
        })
    }

    /// Whether anything has changed so far.
    pub fn is_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The changed envelope, to be stored while the version that was read is still stored; the
    /// envelope as it was when nothing changed.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) without a primary envelope key;
    /// [`Exhausted`](ErrorKind::Exhausted) at the limits of the format;
    /// [`Audit`](ErrorKind::Audit) when the audit refuses.
    pub fn finish(mut self) -> Result<KeyEnvelope, Error> {
        self.written()
    }

    /// [`finish`](Self::finish), and unwraps the result.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_keys(mut self) -> Result<DataKeys, Error> {
        let envelope = self.written()?;
        let bound = Bound::new(&self.access, &self.subject)?;
        let is_fresh = |tag| self.fresh.iter().any(|(fresh, _)| *fresh == tag);
        let generations = keys::unwrap_all(&bound, &self.layout, &|_, tag| !is_fresh(tag));
        let mut data_keys = DataKeys::of(envelope, &bound, &self.layout, generations);
        for (tag, key) in self.fresh {
            let readers = self
                .layout
                .entries
                .iter()
                .find(|entry| entry.tag() == tag)
                .and_then(Entry::live)
                .and_then(|live| {
                    let ours = live.recipients.iter().any(|recipient| {
                        KeyId::new(recipient.key_id)
                            .and_then(|id| bound.access.ring().key(id))
                            .is_some_and(|key| key.is_ours(bound.access.is_rescue()))
                    });
                    (!ours).then(|| Box::from(roles_of(&bound, live)))
                });
            data_keys.set_fresh(tag, key, readers);
        }
        Ok(data_keys)
    }

    fn written(&mut self) -> Result<KeyEnvelope, Error> {
        if let (Some(original), false) = (&self.original, self.is_changed()) {
            return Ok(original.clone());
        }
        // `[ED-2]` The version read plus one, however many changes.
        self.layout.version = self.layout.version.checked_add(1).ok_or_else(|| {
            Error::new(ErrorKind::Exhausted, "the envelope's versions are used up")
        })?;
        // `[MAC-2]`
        let key = self
            .access
            .ring()
            .primary(KeyUse::Envelope, RingKey::ENVELOPE);
        let (key_id, mac_key) = key
            .and_then(|key| Some((key.id(), key.mac(false)?)))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::MissingKey,
                    "the ring holds no primary envelope key: take one in, or rotate it",
                )
            })?;
        self.layout.key_id = key_id.get();
        let mut bytes = self.layout.write()?;
        let bound = Bound::new(&self.access, &self.subject)?;
        let mac = mac_key.tag16(&[bound.mac_prefix().as_slice(), &bytes]);
        bytes.put(&mac);
        self.tell_changes()?;
        Ok(KeyEnvelope::from_bytes(bytes))
    }

    fn tell_changes(&self) -> Result<(), Error> {
        if self.original.is_none() {
            let classes: Vec<&str> = self
                .changes
                .iter()
                .map(|(_, class)| class.as_str())
                .collect();
            return self
                .access
                .tell(Action::Create, &self.subject, &classes, None, Ok(()));
        }
        self.changes.iter().try_for_each(|(action, class)| {
            let classes: &[&str] = if class.is_empty() {
                &[]
            } else {
                &[class.as_str()]
            };
            self.access
                .tell(*action, &self.subject, classes, None, Ok(()))
        })
    }

    /// Runs one change whole or not at all, and tells the audit of a refused one.
    fn attempt(
        &mut self,
        action: Action,
        class: &str,
        change: impl FnOnce(&mut Self) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let erasing = matches!(action, Action::EraseClass | Action::EraseSubject);
        let before = (self.layout.clone(), self.fresh.len());
        let result = if self.rewrap_only {
            Err(Error::new(
                ErrorKind::NotPermitted,
                "under a compromised envelope key an envelope can only be rewrapped: do that first",
            ))
        } else if self.layout.erased_at.is_some() && !erasing {
            Err(Error::new(ErrorKind::Erased, "the subject was erased"))
        } else {
            change(self)
        };
        match result {
            Ok(changed) => {
                if changed {
                    self.changes.push((action, class.into()));
                }
                Ok(())
            }
            Err(error) => {
                (self.layout, _) = before;
                self.fresh.truncate(before.1);
                self.access
                    .tell(action, &self.subject, &[class], None, Err(error.kind()))?;
                Err(error)
            }
        }
    }

    fn highest(&self, class: &str) -> Result<&Entry<'static>, Error> {
        let position = self.layout.highest(class);
        position.and_then(|position| self.layout.entries.get(position)).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingClass,
                format!("the key envelope has no key of class `{class}`: begin the class with ensure"),
            )
        })
    }

    #[cold]
    fn all_erased(&self, class: &str) -> Error {
        Error::new(
            ErrorKind::Erased,
            format!("class `{class}` was erased: renew begins it again"),
        )
    }

    /// The declared readers, and those who have consent: the roles among the readers with consent for
    /// which the highest live generation is wrapped.
    fn readers(&self, class: &Class) -> Result<Vec<&'static str>, Error> {
        let mut readers = class.reader_roles().to_vec();
        let highest_live = self
            .layout
            .entries
            .iter()
            .rev()
            .filter(|entry| entry.class == class.name())
            .find_map(Entry::live);
        if let (Some(live), [_, ..]) = (highest_live, class.consent_roles()) {
            let mut roles = Vec::with_capacity(live.recipients.len());
            for recipient in &live.recipients {
                roles.push(self.role_of(class.name(), recipient.key_id)?);
            }
            readers.extend(
                class
                    .consent_roles()
                    .iter()
                    .copied()
                    .filter(|role| roles.contains(role)),
            );
        }
        Ok(readers)
    }

    fn role_of(&self, class: &str, key_id: u32) -> Result<&'a str, Error> {
        self.access.ring().role_of(key_id).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingKey,
                format!(
                    "class `{class}` is wrapped for ring key {key_id:08x}, which this ring does not know, so it \
                     cannot be told whose consent that is: use a ring that knows it by name"
                ),
            )
        })
    }

    fn next_generation(&mut self, class: &Class, readers: &[&str]) -> Result<(), Error> {
        let highest = self.highest(class.name())?;
        // `[ED-7]`
        if highest
            .live()
            .is_some_and(|live| live.suite != super::generation::SUITE)
        {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "class `{}` is of a suite that a later version added: update fieldseal",
                    class.name()
                ),
            ));
        }
        let number = highest.generation.checked_add(1).ok_or_else(|| {
            Error::new(
                ErrorKind::Exhausted,
                format!(
                    "class `{}` has used up its 65,535 generations",
                    class.name()
                ),
            )
        })?;
        self.add_generation(class, number, readers, &mut CallRng::from_os()?)
    }

    fn add_generation(
        &mut self,
        class: &Class,
        number: u16,
        readers: &[&str],
        rng: &mut CallRng,
    ) -> Result<(), Error> {
        let retention = retention(class);
        self.add(class.name(), number, readers, retention, rng)
    }

    pub(super) fn add(
        &mut self,
        class: &str,
        number: u16,
        readers: &[&str],
        retention: Option<(u64, u64)>,
        rng: &mut CallRng,
    ) -> Result<(), Error> {
        let now = self.access.time().now()?;
        let bound = Bound::new(&self.access, &self.subject)?;
        let taken = |tag| self.layout.entries.iter().any(|entry| entry.tag() == tag);
        let (entry, key) = NewGeneration {
            class,
            number,
            readers,
            retention,
            now,
        }
        .make(&bound, taken, rng)?;
        let place = (entry.class.as_bytes(), entry.generation);
        let position = self
            .layout
            .entries
            .partition_point(|other| (other.class.as_bytes(), other.generation) < place);
        self.fresh.push((key.tag(), key));
        self.layout.entries.insert(position, entry);
        Ok(())
    }

    fn rewrap_entry(
        &mut self,
        position: usize,
        report: &mut Rewrapped,
        rng: &mut CallRng,
    ) -> Result<(), Error> {
        let bound = Bound::new(&self.access, &self.subject)?;
        let Some(Entry {
            class,
            generation,
            state: State::Live(live),
        }) = self.layout.entries.get_mut(position)
        else {
            return Ok(());
        };
        let Reach::Opened(Unwrapped { data_key, .. }) =
            unwrap_live(&bound, class, *generation, live)
        else {
            report.unreached = report.unreached.saturating_add(1);
            return Ok(());
        };
        let ring = bound.access.ring();
        let mut roles: Vec<&str> = live
            .recipients
            .iter()
            .filter(|recipient| recipient.is_known())
            .filter_map(|recipient| ring.role_of(recipient.key_id))
            .filter(|role| ring.wrapping(role).is_some())
            .collect();
        roles.sort_unstable();
        roles.dedup();
        for role in roles {
            let recipient = wrap_for(&bound, class, *generation, live, &data_key, role, rng)?;
            live.replace(recipient, |key_id| ring.role_of(key_id) == Some(role))?;
            report.wrapped = report.wrapped.saturating_add(1);
        }
        Ok(())
    }

    /// The recipients for which no declaration says that they may read without consent.
    fn unproven(&self, declared: &[Class]) -> Vec<(String, u16, KeyId)> {
        let mut unproven = Vec::new();
        for entry in &self.layout.entries {
            let class = declared.iter().find(|class| entry.class == class.name());
            for recipient in entry.live().into_iter().flat_map(|live| &live.recipients) {
                let role = self.access.ring().role_of(recipient.key_id);
                let proven = class
                    .zip(role)
                    .is_some_and(|(class, role)| class.is_declared_reader(role));
                if let (false, Some(id)) = (proven, KeyId::new(recipient.key_id)) {
                    unproven.push((entry.class.clone().into_owned(), entry.generation, id));
                }
            }
        }
        unproven
    }

    fn grant_history(&mut self, class: &Class, role: &'static str) -> Result<(), Error> {
        let mut rng = CallRng::from_os()?;
        let bound = Bound::new(&self.access, &self.subject)?;
        let ring = bound.access.ring();
        let mut granted = false;
        for entry in self
            .layout
            .entries
            .iter_mut()
            .filter(|entry| entry.class == class.name())
        {
            let Entry {
                class,
                generation,
                state: State::Live(live),
            } = entry
            else {
                continue;
            };
            let data_key = match unwrap_live(&bound, class, *generation, live) {
                Reach::Opened(Unwrapped { data_key, .. }) => data_key,
                Reach::Tampered => return Err(Error::tampered()),
                Reach::Unsupported => {
                    return Err(Error::new(
                        ErrorKind::Unsupported,
                        format!(
                            "generation {generation} of class `{class}` is of a suite that a later version added: update fieldseal"
                        ),
                    ));
                }
                Reach::NotPermitted => {
                    return Err(Error::new(
                        ErrorKind::NotPermitted,
                        format!(
                            "class `{class}` is read by `{}`: granting its history needs a ring that can open it",
                            roles_of(&bound, live)
                        ),
                    ));
                }
            };
            let recipient = wrap_for(&bound, class, *generation, live, &data_key, role, &mut rng)?;
            live.replace(recipient, |key_id| ring.role_of(key_id) == Some(role))?;
            granted = true;
        }
        if granted {
            Ok(())
        } else {
            Err(self.all_erased(class.name()))
        }
    }

    /// `[ED-11]`, step by step.
    fn withdraw_role(&mut self, class: &Class, role: &str) -> Result<bool, Error> {
        let highest_was_live = self.highest(class.name())?.live().is_some();
        let of_class = |entry: &Entry<'_>| entry.class == class.name();
        for live in self
            .layout
            .entries
            .iter()
            .filter(|entry| of_class(entry))
            .filter_map(Entry::live)
        {
            for recipient in &live.recipients {
                self.role_of(class.name(), recipient.key_id)?;
            }
        }
        let mut readers = self.readers(class)?;
        readers.retain(|reader| *reader != role);
        let ring = self.access.ring();
        let mut removed = false;
        for entry in self
            .layout
            .entries
            .iter_mut()
            .filter(|entry| of_class(entry))
        {
            if let State::Live(live) = &mut entry.state {
                let before = live.recipients.len();
                live.recipients
                    .retain(|recipient| ring.role_of(recipient.key_id) != Some(role));
                removed |= live.recipients.len() < before;
            }
        }
        if !removed {
            return Ok(false);
        }
        if readers.is_empty() {
            self.erase_where(of_class)?;
        } else {
            self.erase_where(|entry| {
                of_class(entry) && entry.live().is_some_and(|live| live.recipients.is_empty())
            })?;
            if highest_was_live {
                self.next_generation(class, &readers)?;
            }
        }
        Ok(true)
    }

    /// `[ED-12]` Erases the live entries that `which` says. Whether there were any.
    fn erase_where(&mut self, which: impl Fn(&Entry<'_>) -> bool) -> Result<bool, Error> {
        let erased_at = self.access.time().now()?;
        let mut any = false;
        for entry in &mut self.layout.entries {
            if entry.live().is_some() && which(entry) {
                entry.state = State::Erased {
                    tag: entry.tag(),
                    erased_at,
                };
                any = true;
            }
        }
        Ok(any)
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

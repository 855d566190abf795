//! The steps that changes are made of: who reads, the next generation, wrapping anew, removing.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use super::super::format::{Entry, KeyTag, State, empty_tag, tag_of};
use super::super::generation::{
    Bound, LAST_GENERATION, NewGeneration, SUITE, data_key_for, is_proven, retention, unsupported,
    used_up, wrap_for,
};
use super::super::sealed::check_standalone;
use super::{Consent, EnvelopeEdit, Rewrapped, Room};
use crate::audit::{Action, LedgerAct};
use crate::class::{Class, Declared};
use crate::error::{Error, ErrorKind};
use crate::keyring::KeyId;
use crate::random::CallRng;

impl<'a> EnvelopeEdit<'a> {
    /// The declared readers, then those who have consent. `except` are roles whose consent is not
    /// asked about.
    pub(super) fn readers<'c>(
        &self,
        class: &Class<'c>,
        consent: Consent<'_>,
        except: &[&str],
    ) -> Result<Vec<&'c str>, Error> {
        let mut readers = class.reader_roles().to_vec();
        let consented: Vec<&str> = match consent {
            Consent::Named(roles) => {
                consent.check_named(class)?;
                roles.to_vec()
            }
            Consent::Proven => self.proven_consent(class, except)?,
        };
        readers
            .extend(class.consent_roles().iter().copied().filter(|role| consented.contains(role)));
        Ok(readers)
    }

    /// The roles among the readers with consent for whom the highest generation provably is wrapped.
    pub(super) fn proven_consent<'c>(
        &self,
        class: &Class<'c>,
        except: &[&str],
    ) -> Result<Vec<&'c str>, Error> {
        let highest = self
            .layout
            .highest(class.name())
            .and_then(|position| self.layout.entries.get(position));
        let (Some(Entry { generation, state: State::Live(live), .. }), [_, ..]) =
            (highest, class.consent_roles())
        else {
            return Ok(Vec::new());
        };
        let bound = Bound::new(&self.access, &self.subject)?;
        // `[GN-10]` A data key that no declared reader opens may be anybody's invention.
        let by_reader = || {
            class
                .reader_roles()
                .iter()
                .any(|role| is_proven(&bound, class.name(), *generation, live, role, &self.wrapped))
        };
        let mut proven = Vec::new();
        for recipient in &live.recipients {
            let role = self.role_of(class.name(), recipient.key_id)?;
            if except.contains(&role) {
                continue;
            }
            let consents = class.consent_roles().iter().find(|name| **name == role);
            let proves =
                |role| is_proven(&bound, class.name(), *generation, live, role, &self.wrapped);
            match consents {
                Some(role) if recipient.is_known() && by_reader() && proves(role) => {
                    if !proven.contains(role) {
                        proven.push(*role);
                    }
                }
                None if recipient.is_known() => {}
                _ => {
                    return Err(Error::new(
                        ErrorKind::MissingKey,
                        format!(
                            "class `{}` claims the consent of role `{role}`, which this ring cannot prove: name \
                             those who have consented, from your record of consents",
                            class.name()
                        ),
                    )
                    .of_class(class.name())
                    .of_roles([role]));
                }
            }
        }
        Ok(proven)
    }

    pub(super) fn role_of(&self, class: &str, key_id: u32) -> Result<&'a str, Error> {
        self.access.ring().role_of(key_id).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingKey,
                format!(
                    "class `{class}` is wrapped for ring key {key_id:08x}, which this ring does not know, so it \
                     cannot be told whose consent that is: name those who have consented, from your record of \
                     consents"
                ),
            )
            .of_class(class)
            .of_key(key_id)
        })
    }

    /// `[ED-7]` Whether a class has a generation that another can follow.
    pub(super) fn check_renewable(&self, class: &Class) -> Result<(), Error> {
        let highest = self.highest(class.name())?;
        if highest.live().is_some_and(|live| live.suite != SUITE) {
            return Err(unsupported(class.name(), highest.generation));
        }
        Ok(())
    }

    /// The next generation, in whose favour the values under a live one are to be resealed.
    pub(super) fn succeed(
        &mut self,
        class: &Class,
        readers: &[&str],
        room: Room,
    ) -> Result<(), Error> {
        let had_live = self.has_live(class.name());
        self.next_generation(class, readers, room)?;
        if had_live {
            let generation = self.highest(class.name())?.generation;
            self.set_to_reseal(class.name(), generation);
        }
        Ok(())
    }

    fn has_live(&self, class: &str) -> bool {
        self.layout.entries.iter().any(|entry| entry.class == class && entry.live().is_some())
    }

    /// `[ED-7]` Before a class is begun again that has no live generation: a mark that proves this, so that a replay
    /// does not take what is begun for what was there before an erasure.
    pub(super) fn mark_empty(&mut self, class: &str) -> Result<(), Error> {
        let highest = self.highest(class)?;
        let number = highest.generation.saturating_add(1);
        // `[GN-4]` The numbers that are left are for generations.
        if highest.is_empty_mark() || number >= LAST_GENERATION - 1 || self.has_live(class) {
            return Ok(());
        }
        let now = self.access.time().now()?;
        self.insert_erased(class, number, now)
    }

    pub(super) fn set_to_reseal(&mut self, class: &str, generation: u16) {
        self.to_reseal.retain(|(other, _)| other != class);
        self.to_reseal.push((class.into(), generation));
        self.to_renew.retain(|other| other != class);
    }

    /// `[LG-7]` Readers with consent for whom the highest generation was not wrapped, and the next one
    /// will be: they were granted the class.
    pub(super) fn note_consents(&mut self, class: &Class, readers: &[&str]) -> Result<(), Error> {
        let highest = self.highest(class.name())?;
        // `[LG-7]` Never above what was read: a grant that lost a race must not stand against the winner.
        let generation = highest.generation;
        let ring = self.access.ring();
        let had: Vec<_> = highest
            .live()
            .into_iter()
            .flat_map(|live| &live.recipients)
            .filter_map(|recipient| ring.role_of(recipient.key_id))
            .collect();
        for role in readers {
            if class.consent_roles().contains(role) && !had.contains(role) {
                self.access.check_evidence()?;
                self.acts.push(LedgerAct::Grant {
                    class: class.name().into(),
                    role: (*role).into(),
                    generation,
                    with_history: false,
                });
            }
        }
        Ok(())
    }

    pub(super) fn next_generation(
        &mut self,
        class: &Class,
        readers: &[&str],
        room: Room,
    ) -> Result<(), Error> {
        let number = self
            .highest(class.name())?
            .generation
            .checked_add(1)
            // `[GN-4]` The last number is left to a withdrawal that closes the class.
            .filter(|number| *number < LAST_GENERATION)
            .ok_or_else(|| used_up(class.name()))?;
        self.drawing(|edit, rng| {
            edit.add(class.name(), number, readers, retention(class), room, rng)
        })
    }

    /// `[ED-11]` Leaves an erased generation of the next number, so that the class takes no values until it
    /// is renewed. Where no number is left, generation 65,535 takes none anyway (GN-2).
    pub(super) fn close(&mut self, class: &str) -> Result<(), Error> {
        if let Some(number) = self.highest(class)?.generation.checked_add(1) {
            self.prune_for(ERASED_ENTRY.saturating_add(class.len()))?;
            let now = self.access.time().now()?;
            self.insert_erased(class, number, now)?;
        }
        self.set_to_renew(class);
        Ok(())
    }

    pub(super) fn set_to_renew(&mut self, class: &str) {
        self.to_reseal.retain(|(other, _)| other != class);
        if !self.to_renew.iter().any(|other| other == class) {
            self.to_renew.push(class.into());
        }
    }

    /// `[ED-21]` An erased entry that never was a live one. In place of the key tag is what says that the class had
    /// no live generation, or else random bytes.
    fn insert_erased(&mut self, class: &str, generation: u16, erased_at: u64) -> Result<(), Error> {
        let is_free = |edit: &Self, tag| edit.layout.entries.iter().all(|entry| entry.tag() != tag);
        let tag = empty_tag(class, generation, erased_at);
        let tag = if !self.has_live(class) && is_free(self, tag) {
            tag
        } else {
            self.drawing(|edit, rng| {
                loop {
                    let tag: [u8; 4] = rng.array();
                    if is_free(edit, tag) {
                        return Ok(tag);
                    }
                }
            })?
        };
        let place = (class.as_bytes(), generation);
        let position = self
            .layout
            .entries
            .partition_point(|other| (other.class.as_bytes(), other.generation) < place);
        let class = Cow::Owned(class.into());
        let state = State::Erased { tag, erased_at };
        self.layout.entries.insert(position, Entry { class, generation, state });
        Ok(())
    }

    pub(in crate::envelope) fn add(
        &mut self,
        class: &str,
        number: u16,
        readers: &[&str],
        retention: Option<(u64, u64)>,
        room: Room,
        rng: &mut CallRng,
    ) -> Result<(), Error> {
        let now = self.access.time().now()?;
        let bound = Bound::new(&self.access, &self.subject)?;
        let taken = |tag| self.layout.entries.iter().any(|entry| entry.tag() == tag);
        let (entry, key) =
            NewGeneration { class, number, readers, retention, now }.make(&bound, taken, rng)?;
        // `[ED-19]`
        self.layout.check_len_with(entry.len()?.saturating_add(room.kept()))?;
        let place = (entry.class.as_bytes(), entry.generation);
        let position = self
            .layout
            .entries
            .partition_point(|other| (other.class.as_bytes(), other.generation) < place);
        let made = entry.live().into_iter().flat_map(|live| &live.recipients);
        self.wrapped.extend(made.map(|recipient| (key.tag(), recipient.key_id)));
        self.fresh.push(key);
        self.layout.entries.insert(position, entry);
        Ok(())
    }

    /// `[SA-7]` The one generation of a standalone envelope, whose sealed field has this tag.
    pub(in crate::envelope) fn rewrap_standalone(
        &mut self,
        tag: KeyTag,
        declared: Declared<'_>,
        rng: &mut CallRng,
    ) -> Result<Rewrapped, Error> {
        check_standalone(&self.layout, tag)?;
        let mut report = Rewrapped::default();
        self.attempt(Action::Rewrap, "", |edit| {
            edit.rewrap_entry(0, &[declared], &mut report, rng).map(|()| true)
        })?;
        Ok(report)
    }

    /// `[ED-8]` on one generation.
    pub(super) fn rewrap_entry(
        &mut self,
        position: usize,
        declared: &[Declared<'_>],
        report: &mut Rewrapped,
        rng: &mut CallRng,
    ) -> Result<(), Error> {
        let bound = Bound::new(&self.access, &self.subject)?;
        let Some(Entry { class, generation, state: State::Live(live) }) =
            self.layout.entries.get_mut(position)
        else {
            return Ok(());
        };
        let readers = declared.iter().find(|declared| *class == declared.name);
        let by_reader = readers.map(|readers| Declared { consent: &[], ..*readers });
        let data_key =
            by_reader.and_then(|readers| data_key_for(&bound, readers, *generation, live).ok());
        let (Some(readers), Some(data_key)) = (readers, data_key) else {
            report.not_lifted.push((class.clone().into_owned(), *generation));
            return Ok(());
        };
        let ring = bound.access.ring();
        let mut roles: Vec<&str> = Vec::new();
        for recipient in &live.recipients {
            let role = ring.role_of(recipient.key_id).filter(|role| {
                recipient.is_known()
                    && (readers.readers.contains(role) || readers.consent.contains(role))
                    && (roles.contains(role)
                        || is_proven(&bound, class, *generation, live, role, &self.wrapped))
            });
            if let Some(role) = role {
                if ring.wrapping(role).is_some() && !roles.contains(&role) {
                    roles.push(role);
                }
            } else if let Some(id) = KeyId::new(recipient.key_id) {
                report.unproven.push((class.clone().into_owned(), *generation, id));
            }
        }
        for role in roles {
            let recipient = wrap_for(&bound, class, *generation, live, &data_key, role, rng)?;
            self.wrapped.push((tag_of(&live.commitment), recipient.key_id));
            live.replace(recipient, |key_id| ring.role_of(key_id) == Some(role))?;
            report.wrapped = report.wrapped.saturating_add(1);
        }
        Ok(())
    }

    pub(super) fn grant_history(&mut self, class: &Class, role: &str) -> Result<(), Error> {
        self.drawing(|edit, rng| edit.grant_history_by(class, role, rng))?;
        // `[ED-19]`
        self.layout.check_len_with(Room::Reserved.kept())
    }

    fn grant_history_by(
        &mut self,
        class: &Class,
        role: &str,
        rng: &mut CallRng,
    ) -> Result<(), Error> {
        let bound = Bound::new(&self.access, &self.subject)?;
        let ring = bound.access.ring();
        let mut granted = false;
        for entry in self.layout.entries.iter_mut().filter(|entry| entry.class == class.name()) {
            let Entry { generation, state: State::Live(live), .. } = entry else { continue };
            // What a consented role alone opens is not for the class's readers to believe.
            let by = if class.is_declared_reader(role) {
                Declared { consent: &[], ..class.declared() }
            } else {
                class.declared()
            };
            let data_key = data_key_for(&bound, by, *generation, live)?;
            let recipient =
                wrap_for(&bound, class.name(), *generation, live, &data_key, role, rng)?;
            self.wrapped.push((tag_of(&live.commitment), recipient.key_id));
            live.replace(recipient, |key_id| ring.role_of(key_id) == Some(role))?;
            granted = true;
        }
        if granted { Ok(()) } else { Err(self.all_erased(class.name())) }
    }

    /// Refuses a role that nothing is withdrawn from: one that reads by declaration, and one that neither the
    /// class nor the envelope knows. A key that the ring does not know may be anybody's, where `unknown` keys
    /// are removed too.
    pub(super) fn check_withdrawal(
        &self,
        class: &Class,
        role: &str,
        unknown: bool,
    ) -> Result<(), Error> {
        if class.is_declared_reader(role) {
            return Err(Error::invalid(format!(
                "role `{role}` is a declared reader of class `{}`: take it out of the declaration first",
                class.name()
            )));
        }
        if class.consent_roles().contains(&role) {
            return Ok(());
        }
        let ring = self.access.ring();
        let of_class = self.layout.entries.iter().filter(|entry| entry.class == class.name());
        let mut recipients = of_class.filter_map(Entry::live).flat_map(|live| &live.recipients);
        let has_key = recipients
            .any(|recipient| ring.role_of(recipient.key_id).map_or(unknown, |known| known == role));
        if has_key {
            return Ok(());
        }
        let declared = match class.consent_roles() {
            [] => "it has no readers with consent".into(),
            roles => format!("its readers with consent are {}", roles.join(", ")),
        };
        Err(Error::invalid(format!(
            "role `{role}` has no key of class `{}` and is not declared for it: {declared}",
            class.name()
        )))
    }

    /// `[ED-11]` Removes the recipients that `keep` does not say by role, and renews for the readers
    /// that remain.
    pub(super) fn withdraw_where(
        &mut self,
        class: &Class,
        withdrawn: &str,
        consent: Consent<'_>,
        keep: impl Fn(Option<&str>) -> bool,
    ) -> Result<bool, Error> {
        let highest_was_live = self.highest(class.name())?.live().is_some();
        let except: &[&str] = match consent {
            Consent::Proven => &[withdrawn],
            Consent::Named(_) => &[],
        };
        let readers = self.readers(class, consent, except)?;
        let noted = self.acts.len();
        if highest_was_live {
            self.note_consents(class, &readers)?;
        }
        let granted = noted..self.acts.len();
        let of_class = |entry: &Entry<'_>| entry.class == class.name();
        let ring = self.access.ring();
        let (mut removed, mut others) = (false, BTreeSet::new());
        for entry in self.layout.entries.iter_mut().filter(|entry| of_class(entry)) {
            if let State::Live(live) = &mut entry.state {
                let before = live.recipients.len();
                live.recipients.retain(|recipient| {
                    let role = ring.role_of(recipient.key_id);
                    let stays = keep(role);
                    others.extend(role.filter(|role| !stays && *role != withdrawn));
                    stays
                });
                removed |= live.recipients.len() < before;
            }
        }
        let withdrawal = |role: &str, generation| LedgerAct::Withdraw {
            class: class.name().into(),
            role: role.into(),
            generation,
        };
        if !removed {
            // `[LG-7]` It was withdrawn, and is kept, though the envelope had nothing of it: a grant may have
            // been told and not stored. It is stored as a version of its own, so that no grant that was read
            // before it can be stored after it.
            self.acts.truncate(noted);
            self.acts.push(withdrawal(withdrawn, 0));
            return Ok(true);
        }
        let highest = self.highest(class.name())?.generation;
        self.erase_where(|entry| {
            // Without a reader nothing takes the highest one's place, so it must take no more values.
            let is_last = readers.is_empty() && entry.generation == highest;
            of_class(entry)
                && (is_last || entry.live().is_some_and(|live| live.recipients.is_empty()))
        })?;
        let roles = core::iter::once(withdrawn).chain(others);
        self.acts.extend(roles.map(|role| withdrawal(role, highest)));
        if highest_was_live && !readers.is_empty() {
            let renewed = self
                .check_renewable(class)
                .and_then(|()| self.succeed(class, &readers, Room::Full));
            match renewed {
                // A withdrawal always goes through: what stands in a renewal's way closes the class.
                Err(error) if is_in_the_way(error.kind()) => {
                    // Nothing was begun for those who are named, so nothing was granted.
                    self.acts.drain(granted);
                    self.close(class.name())?;
                }
                renewed => renewed?,
            }
        } else {
            // The number moves on all the same: whoever read the class before this is told below it.
            let now = self.access.time().now()?;
            self.mark_reached(class.name(), highest.saturating_add(1), now)?;
        }
        Ok(true)
    }

    /// `[ED-14]` Prunes erased entries from the front, whichever they are: of an erased subject no class is
    /// begun again, so no number is needed.
    pub(super) fn prune_all_for(&mut self, more: usize) -> Result<(), Error> {
        while self.layout.check_len_with(more).is_err() && !self.layout.entries.is_empty() {
            drop(self.layout.entries.remove(0));
        }
        self.layout.check_len_with(more)
    }

    /// `[ED-21]` Marks that the class has reached this number, where it has reached none as high and takes no
    /// values now: so none that is begun later is taken for one that was before.
    pub(super) fn mark_reached(
        &mut self,
        class: &str,
        generation: u16,
        erased_at: u64,
    ) -> Result<bool, Error> {
        let highest =
            self.layout.highest(class).and_then(|position| self.layout.entries.get(position));
        if highest.is_some_and(|entry| entry.live().is_some()) {
            return Ok(false);
        }
        self.leave_erased(class, generation, erased_at)
    }

    /// Adds an erased entry that never was a live one, above the highest of the class. Returns `false` where the
    /// class has reached that number already or the envelope has no room.
    pub(super) fn leave_erased(
        &mut self,
        class: &str,
        generation: u16,
        erased_at: u64,
    ) -> Result<bool, Error> {
        let highest =
            self.layout.highest(class).and_then(|position| self.layout.entries.get(position));
        if highest.is_some_and(|entry| entry.generation >= generation)
            || self.prune_for(ERASED_ENTRY.saturating_add(class.len())).is_err()
        {
            return Ok(false);
        }
        self.insert_erased(class, generation, erased_at)?;
        Ok(true)
    }

    /// `[ED-12]` Erases the live entries that `which` says. Whether there were any.
    pub(super) fn erase_where(
        &mut self,
        which: impl Fn(&Entry<'_>) -> bool,
    ) -> Result<bool, Error> {
        let erased_at = self.access.time().now()?;
        Ok(self.erase_where_at(which, erased_at))
    }

    /// [`erase_where`](Self::erase_where), as of another moment. `[LG-11]`
    pub(super) fn erase_where_at(
        &mut self,
        which: impl Fn(&Entry<'_>) -> bool,
        erased_at: u64,
    ) -> bool {
        let mut any = false;
        for entry in &mut self.layout.entries {
            if entry.live().is_some() && which(entry) {
                entry.state = State::Erased { tag: entry.tag(), erased_at };
                any = true;
            }
        }
        any
    }
}

/// Whether this keeps a generation from being begun, and would again: a key that is missing or cannot be
/// used, a suite of a later version, and the limits of the format.
pub(super) fn is_in_the_way(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Exhausted
            | ErrorKind::Declaration
            | ErrorKind::InvalidInput
            | ErrorKind::MissingKey
            | ErrorKind::Unsupported
    )
}

/// Bytes of an erased entry without its class.
pub(super) const ERASED_ENTRY: usize = 16;

//! A ring as one JSON document: metadata to read, secrets encrypted, the whole authenticated.

mod content;
mod locked;
pub(super) mod member;

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

pub use self::content::KeySummary;
pub use self::locked::LockedRing;
pub use self::member::{Fingerprint, Floor, RingId};
pub(super) use self::member::{Moment, Wrapping};

use self::content::Secrets;
use self::member::{Document, Mark};
use super::recovery::{self, Share};
use super::unlock::{
    Credential, MAX_SERVICE_WRAPPED, Opening, PendingSlot, Slot, SlotId, Unlock, check_label,
    check_service, cost_of, stretched,
};
use super::{KeyId, KeyMaterial, KeyRing, KeyState, RingKey};
use crate::error::{Error, ErrorKind};
use crate::random::CallRng;
use crate::secret::Secret;

/// `[RF-3]` The most slots of a document.
const MAX_SLOTS: usize = 16;

/// An unlocked ring with its slots: what a ring file holds.
///
/// A random master key encrypts the ring. Each slot wraps it, and each is enough alone: a passphrase, a
/// raw key, custodians' shares, a key of an outside service. The document is JSON, and does no I/O;
/// [`RingFile`](crate::RingFile) keeps it in a file.
///
/// ```
/// use fieldseal::keyring::{KeyUse, LockedRing, Passphrase, RingDocument};
/// use fieldseal::KeyRing;
///
/// let mut document = RingDocument::new(KeyRing::generate()?)?;
/// let passphrase = Passphrase::new("four words picked at random")?.into();
/// document.add_slot("operators", &passphrase)?;
/// let json = document.to_json()?;
///
/// let mut document = LockedRing::from_json(json.as_bytes())?.unlock(&passphrase)?;
/// document.ring_mut().rotate(KeyUse::Wrap, "app")?;
/// let json = document.to_json()?; // generation 2
/// # assert!(LockedRing::from_json(json.as_bytes())?.floor(3).unlock(&passphrase).is_err());
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub struct RingDocument {
    id: RingId,
    generation: u64,
    ring: KeyRing,
    slots: Vec<Slot>,
    master: Secret<32>,
    /// How many master keys there were, with this one.
    number: u32,
    /// The keys of the slots that were opened or made in this session: what `rekey` can keep.
    held: Vec<(SlotId, Secret<32>)>,
    opened_by: Option<SlotId>,
    /// Of the document that was last read or written. A generation alone does not say which: an older
    /// copy that was put back and changed has the same.
    stored: Option<Mark>,
    /// The keys that opened in it, in order: none is lost by storing the next.
    opening: Vec<KeyId>,
}

impl RingDocument {
    /// A document for this ring, without a slot yet.
    ///
    /// # Errors
    /// [`Randomness`](crate::ErrorKind::Randomness).
    pub fn new(ring: KeyRing) -> Result<Self, Error> {
        let mut rng = CallRng::from_os()?;
        Ok(Self {
            id: RingId(rng.array()),
            generation: 0,
            ring,
            slots: Vec::new(),
            master: rng.secret(),
            number: 1,
            held: Vec::new(),
            opened_by: None,
            stored: None,
            opening: Vec::new(),
        })
    }

    /// The ring.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The ring, to change it. Changes last once the document is stored again.
    ///
    /// A ring in which a key is missing that was there, or is there by less, is not stored: a service's
    /// ring, put in the place of the one it was made from, would be the end of the others' keys. See
    /// [`replace_ring`](Self::replace_ring).
    pub fn ring_mut(&mut self) -> &mut KeyRing {
        &mut self.ring
    }

    /// Puts another ring in the place of this one, which it gives back: for the document of a service,
    /// when its ring is made anew. **What only this ring holds is gone** once the document is stored.
    ///
    /// # Errors
    /// [`RolledBack`](crate::ErrorKind::RolledBack) if a key that is destroyed or compromised here is less than that
    /// in the other ring, which is then an older one: an administrator's that was restored from a copy would open
    /// again what was closed.
    pub fn replace_ring(&mut self, ring: KeyRing) -> Result<KeyRing, Error> {
        for key in self.ring.keys() {
            let Some(other) = ring.key(key.id()) else { continue };
            if key.state() != other.state()
                && matches!(key.state(), KeyState::Compromised | KeyState::Destroyed)
                && !key.state().may_become(other.state())
            {
                return Err(Error::new(
                    ErrorKind::RolledBack,
                    format!(
                        "key {} is {} in this ring and {} in the other, which is an older one: take the newest copy of the administrator's ring",
                        key.id(),
                        key.state(),
                        other.state()
                    ),
                ));
            }
        }
        self.opening = Vec::new();
        Ok(core::mem::replace(&mut self.ring, ring))
    }

    /// The ring alone.
    pub fn into_ring(self) -> KeyRing {
        self.ring
    }

    /// The id of the document, random, the same through all its generations.
    pub fn id(&self) -> RingId {
        self.id
    }

    /// The generation that was last read or written; 0 before the first. Each writing adds one.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Where it stands: to be kept elsewhere, and [demanded](LockedRing::floor) when it is read again.
    pub fn floor(&self) -> Floor {
        // An unprotected one is under no master key.
        let master = if self.slots.is_empty() { 0 } else { self.number };
        Floor { master, generation: self.generation }
    }

    /// The slots, by id.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The fingerprint of what was last read or written, to [pin](LockedRing::open_pinned) it by; `None`
    /// where that was protected.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        match self.stored {
            Some(Mark::Clear(fingerprint)) => Some(fingerprint),
            _ => None,
        }
    }

    /// The slot that the document was unlocked by; `None` for a new or an unprotected one, and when the
    /// slot was removed.
    pub fn opened_by(&self) -> Option<SlotId> {
        self.opened_by
    }

    /// Adds a slot that this passphrase or raw key opens. The label is text for people, in the clear.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a passphrase or label with control characters, and a label
    /// over 64 bytes; [`Declaration`](crate::ErrorKind::Declaration) for shares, which
    /// [`add_recovery_slot`](Self::add_recovery_slot) makes;
    /// [`FailedPrecondition`](crate::ErrorKind::FailedPrecondition) for a 17th slot; [`Exhausted`](crate::ErrorKind::Exhausted) where memory is short.
    pub fn add_slot(&mut self, label: &str, credential: &Credential) -> Result<SlotId, Error> {
        let mut rng = CallRng::from_os()?;
        let (opening, slot_key) = match credential {
            Credential::Passphrase(passphrase) => {
                let (cost, salt) = (cost_of(passphrase), rng.array());
                self.check_work(cost.work())?;
                let slot_key = stretched(passphrase.of_a_new_slot()?, &salt, cost)?;
                (Opening::Passphrase { cost, salt }, slot_key)
            }
            Credential::Key(key) => (Opening::Key, key.secret().duplicate()),
            Credential::Shares(_) => {
                return Err(Error::declaration(
                    "shares are made with their slot: add_recovery_slot",
                ));
            }
        };
        let id = self.next_slot(label)?;
        self.put_slot(id, label, opening, slot_key, &mut rng)
    }

    /// Adds a slot that `threshold` of `shares` custodians open together, and gives the shares: one for
    /// each of them, and none to be kept here.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a threshold under 2 or over the number of shares,
    /// and as [`add_slot`](Self::add_slot).
    pub fn add_recovery_slot(
        &mut self,
        label: &str,
        threshold: u8,
        shares: u8,
    ) -> Result<Vec<Share>, Error> {
        let mut rng = CallRng::from_os()?;
        let id = self.next_slot(label)?;
        let (slot_key, set) = (rng.secret(), rng.array());
        let shares = recovery::split(&slot_key, set, threshold, shares, &mut rng)?;
        let tags = shares.iter().map(recovery::tag).collect();
        self.put_slot(id, label, Opening::Recovery { threshold, set, tags }, slot_key, &mut rng)?;
        Ok(shares)
    }

    /// Begins a slot of an outside key service: gives what to ask of it. See [`Unlock`].
    ///
    /// # Errors
    /// [`FailedPrecondition`](crate::ErrorKind::FailedPrecondition) when the service or its key has a slot already, and as
    /// [`add_slot`](Self::add_slot); the service's own.
    pub fn begin_service_slot<U: Unlock>(
        &self,
        label: &str,
        service: &U,
    ) -> Result<(PendingSlot, U::Request), Error> {
        check_service(service.service(), service.key())?;
        if self.slots.iter().any(|slot| serves(slot, service)) {
            return Err(Error::precondition("this key of the service has a slot already"));
        }
        let id = self.next_slot(label)?;
        let slot_key = CallRng::from_os()?.secret();
        let request = service.wrap_request(&slot_key, &Slot::service_context(self.id, id))?;
        Ok((PendingSlot { ring: self.id, id, label: label.into(), slot_key }, request))
    }

    /// Adds the slot that was begun, with the service's reply.
    ///
    /// # Errors
    /// [`FailedPrecondition`](crate::ErrorKind::FailedPrecondition) for a slot begun on another document, or before
    /// another slot was added, and for a reply that leaves nothing or too much to keep; the service's
    /// own.
    pub fn finish_service_slot<U: Unlock>(
        &mut self,
        pending: PendingSlot,
        service: &U,
        reply: U::Reply,
    ) -> Result<SlotId, Error> {
        check_service(service.service(), service.key())?;
        let taken = self.slots.iter().any(|slot| slot.id() >= pending.id || serves(slot, service));
        if pending.ring != self.id || taken {
            return Err(Error::precondition(
                "this slot was begun on another document, or others were added since: begin again",
            ));
        }
        let wrapped = service.wrapped(reply)?;
        if wrapped.is_empty() || wrapped.len() > MAX_SERVICE_WRAPPED {
            return Err(Error::invalid("a service leaves 1 to 4,096 bytes to keep in a slot"));
        }
        let opening = Opening::Service {
            service: service.service().into(),
            key: service.key().into(),
            wrapped,
        };
        let PendingSlot { id, label, slot_key, .. } = pending;
        self.put_slot(id, &label, opening, slot_key, &mut CallRng::from_os()?)
    }

    /// Removes a slot. Whoever knew it and kept an older copy of the document still holds the master
    /// key, with which they open later generations, and can write some: [`rekey`](Self::rekey) ends
    /// that, and rotating the keys ends the use of those it could read.
    ///
    /// # Errors
    /// [`FailedPrecondition`](crate::ErrorKind::FailedPrecondition) for the last slot;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for one that is not there.
    pub fn remove_slot(&mut self, id: SlotId) -> Result<(), Error> {
        let position = self
            .slots
            .iter()
            .position(|slot| slot.id() == id)
            .ok_or_else(|| Error::invalid(format!("the document has no slot {id}")))?;
        if self.slots.len() == 1 {
            return Err(Error::precondition(
                "this is the last slot, and without one nobody could open the ring: add another first",
            ));
        }
        self.slots.remove(position);
        self.held.retain(|(held, _)| *held != id);
        self.opened_by = self.opened_by.filter(|by| *by != id);
        Ok(())
    }

    /// Draws a new master key, so that who held the old one opens nothing that is stored from now on, and
    /// what they write is refused where the new [floor](Self::floor) is demanded. Where it is not, a
    /// document of theirs can still be put in the place of this one: the slots' credentials are as they
    /// were, and open older copies.
    /// Only slots whose keys are at hand can be kept: the one that opened the document, and those added
    /// since. The others are dropped, and returned, to be added again.
    ///
    /// # Errors
    /// [`FailedPrecondition`](crate::ErrorKind::FailedPrecondition) when no slot would be left.
    pub fn rekey(&mut self) -> Result<Vec<Slot>, Error> {
        // [RF-27]
        let mut rng = CallRng::from_os()?;
        let held = |slot: &Slot| self.held.iter().any(|(id, _)| *id == slot.id());
        if !self.slots.iter().any(held) {
            return Err(Error::precondition("no slot's key is at hand: add a slot first"));
        }
        let number = self.number.checked_add(1).ok_or_else(|| {
            Error::new(ErrorKind::Exhausted, "a ring document has at most 2^32-1 master keys")
        })?;
        let (kept, dropped) = core::mem::take(&mut self.slots).into_iter().partition(held);
        self.slots = kept;
        self.number = number;
        self.master = rng.secret();
        let of = self.wrapping();
        for slot in &mut self.slots {
            if let Some((_, slot_key)) = self.held.iter().find(|(id, _)| *id == slot.id()) {
                slot.wrap(of, slot_key, &self.master, &mut rng);
            }
        }
        Ok(dropped)
    }

    /// The document of the next generation, as JSON. Nothing of the secrets can be read in it.
    ///
    /// # Errors
    /// [`FailedPrecondition`](crate::ErrorKind::FailedPrecondition) without a slot.
    pub fn to_json(&mut self) -> Result<String, Error> {
        let (mut json, mark) = self.next_json()?;
        self.stored(mark);
        // Nothing in it is secret.
        Ok(core::mem::take(&mut *json))
    }

    /// The document of the next generation, which this is not until it is [`stored`](Self::stored).
    pub(crate) fn next_json(&self) -> Result<(Zeroizing<String>, Mark), Error> {
        if self.slots.is_empty() {
            return Err(Error::precondition(
                "a ring without a slot could not be opened: add one, or ask for an unprotected document",
            ));
        }
        let mut document = self.document()?;
        let key = content::document_key(&self.master, self.id);
        let secrets = Secrets::of(&self.ring);
        let rng = &mut CallRng::from_os()?;
        document.secrets = Some(secrets.seal(&key, &document.associated(), rng));
        Ok((document.pretty()?, document.mark()))
    }

    /// The document of the next generation with **its secrets in the clear**, for a secret store that
    /// protects them itself, and the fingerprint to [pin](LockedRing::open_pinned) it by. It has no
    /// slots.
    ///
    /// # Errors
    /// [`Exhausted`](crate::ErrorKind::Exhausted) after 2^53−1 generations.
    pub fn to_unprotected_json(&mut self) -> Result<(Zeroizing<String>, Fingerprint), Error> {
        let (json, fingerprint) = self.next_unprotected_json()?;
        self.stored(fingerprint.into());
        Ok((json, fingerprint))
    }

    pub(crate) fn next_unprotected_json(&self) -> Result<(Zeroizing<String>, Fingerprint), Error> {
        let mut document = self.document()?;
        document.slots.clear();
        document.master = None;
        document.unprotected = Some(Secrets::of(&self.ring).in_the_clear());
        Ok((document.pretty()?, document.fingerprint()))
    }

    /// The document of the next generation, protected or not as this one is.
    pub(crate) fn next_text(&self) -> Result<(Zeroizing<String>, Mark), Error> {
        if self.fingerprint().is_some() && self.slots.is_empty() {
            let (json, fingerprint) = self.next_unprotected_json()?;
            return Ok((json, fingerprint.into()));
        }
        self.next_json()
    }

    /// The next generation is stored, as the document of this mark.
    pub(crate) fn stored(&mut self, mark: Mark) {
        self.generation = self.generation.saturating_add(1);
        self.stored = Some(mark);
        self.opening = opening(&self.ring);
    }

    /// Whether this is the document that was last read or written.
    pub(crate) fn is_of(&self, locked: &LockedRing) -> bool {
        self.stored == Some(locked.mark())
    }

    fn document(&self) -> Result<Document, Error> {
        let kept = |id: &KeyId| {
            self.ring.key(*id).is_some_and(|key| opens(key) || key.state() == KeyState::Destroyed)
        };
        if let Some(lost) = self.opening.iter().find(|id| !kept(id)) {
            return Err(Error::precondition(format!(
                "the ring no longer holds key {lost}, which would be lost: a service's ring belongs in a document of its own; if the key may go, use replace_ring"
            )));
        }
        Ok(Document {
            fieldseal: member::VERSION.into(),
            generation: member::next_generation(self.generation)?,
            id: self.id.to_string(),
            keys: self.ring.keys().map(content::entry).collect(),
            master: Some(self.number),
            secrets: None,
            slots: self.slots.iter().map(Slot::entry).collect(),
            unprotected: None,
            written_at: Moment::now()?.to_string(),
        })
    }

    /// `[RF-26]` The number of the next slot. Numbers are not used again while a higher one is there.
    fn next_slot(&self, label: &str) -> Result<SlotId, Error> {
        check_label(label)?;
        let last = self.slots.last().map_or(0, |slot| slot.id().get());
        let next = last.checked_add(1).and_then(SlotId::new);
        match next {
            Some(id) if self.slots.len() < MAX_SLOTS => Ok(id),
            _ => Err(Error::precondition("a ring has at most 16 slots: remove one first")),
        }
    }

    fn check_work(&self, more: u64) -> Result<(), Error> {
        let work = self.slots.iter().map(work).sum::<u64>().saturating_add(more);
        if work > member::MAX_WORK {
            return Err(Error::invalid(
                "the passphrase slots together may ask for 16 GiB times passes: choose a lower cost",
            ));
        }
        Ok(())
    }

    fn put_slot(
        &mut self,
        id: SlotId,
        label: &str,
        opening: Opening,
        slot_key: Secret<32>,
        rng: &mut CallRng,
    ) -> Result<SlotId, Error> {
        let keys = (&slot_key, &self.master);
        let slot = Slot::make(self.wrapping(), (id, label), opening, keys, rng)?;
        self.slots.push(slot);
        self.held.push((id, slot_key));
        Ok(id)
    }

    fn wrapping(&self) -> Wrapping {
        Wrapping { ring: self.id, master: self.number }
    }

    /// A later generation of the same document, opened by what this one holds: its master key, or,
    /// after a [`rekey`](Self::rekey), the key of the slot that it was opened by. A raw key that was
    /// given another slot since is found there.
    ///
    /// # Errors
    /// [`Unlock`](crate::ErrorKind::Unlock) when it is another document, or neither opens it;
    /// [`Unprotected`](crate::ErrorKind::Unprotected) when this one has no slots, and so nothing that
    /// tells the next from a forged one;
    /// [`RolledBack`](crate::ErrorKind::RolledBack) for an earlier generation, and for one under
    /// an earlier master key;
    /// [`Conflict`](crate::ErrorKind::Conflict) for another writing of the same generation.
    pub fn reopen(&self, locked: &LockedRing) -> Result<Self, Error> {
        // [RF-28]
        if locked.id() != self.id {
            return Err(Error::new(
                ErrorKind::Unlock,
                format!(
                    "this is another ring document, {}, and not a later generation of {}: open it anew",
                    locked.id(),
                    self.id
                ),
            ));
        }
        if self.slots.is_empty() {
            return Err(Error::new(
                ErrorKind::Unprotected,
                "an unprotected ring holds nothing that its next generation could be known by: open that one anew, pinned or unprotected",
            ));
        }
        let held = self.held.iter().flat_map(|(_, slot_key)| {
            locked.slots().iter().filter_map(|slot| {
                Some((slot.id(), slot_key.duplicate(), slot.unwrap(locked.wrapping(), slot_key)?))
            })
        });
        let held: Vec<_> = held.collect();
        let opened = locked
            .open_by(&self.master)
            .or_else(|| held.iter().find_map(|(_, _, master)| locked.open_by(master)));
        let mut document = opened.ok_or_else(Error::unlock)?;
        locked.check_floor(self.floor())?;
        if locked.generation() == self.generation && !self.is_of(locked) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "this is another ring of generation {}: an older copy was put back and changed",
                    self.generation
                ),
            ));
        }
        document.held = held.into_iter().map(|(id, slot_key, _)| (id, slot_key)).collect();
        let mut held = document.held.iter().map(|(id, _)| *id);
        document.opened_by = match self.opened_by {
            Some(id) if held.clone().any(|held| held == id) => Some(id),
            _ => held.next(),
        };
        locked.floored(document)
    }
}

impl fmt::Debug for RingDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingDocument")
            .field("id", &self.id)
            .field("generation", &self.generation)
            .field("slots", &self.slots)
            .field("ring", &self.ring)
            .finish()
    }
}

/// The keys of a ring that open.
fn opening(ring: &KeyRing) -> Vec<KeyId> {
    ring.keys().filter(|key| opens(key)).map(RingKey::id).collect()
}

fn opens(key: &RingKey) -> bool {
    matches!(key.holds(), KeyMaterial::Secret | KeyMaterial::KeyPair)
}

/// Whether the slot records exactly this key of the service.
fn serves<U: Unlock>(slot: &Slot, service: &U) -> bool {
    recorded(slot, service).is_some_and(|key| key == service.key())
}

/// The name that a slot of this service records of its key.
fn recorded<'a, U: Unlock>(slot: &'a Slot, service: &U) -> Option<&'a str> {
    match slot.opening() {
        Opening::Service { service: kind, key, .. } if kind == service.service() => Some(key),
        _ => None,
    }
}

/// What trying a passphrase on this slot costs, in KiB times passes.
fn work(slot: &Slot) -> u64 {
    match slot.opening() {
        Opening::Passphrase { cost, .. } => cost.work(),
        _ => 0,
    }
}

//! A ring document before it is believed.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use super::content::{self, Content, KeySummary};
use super::member::{self, Document, Fingerprint, Floor, Mark, RingId, Wrapping};
use super::{MAX_SLOTS, RingDocument, recorded, serves, work};
use crate::error::{Error, ErrorKind};
use crate::keyring::KeyRing;
use crate::keyring::recovery;
use crate::keyring::unlock::{Credential, Opening, Slot, Unlock, stretched};
use crate::random::CallRng;
use crate::secret::{Secret, ct_eq};

/// A ring document that was read, and is not believed yet: what it says of itself can be shown, and
/// nothing of it can be used until it is unlocked.
pub struct LockedRing {
    document: Document,
    id: RingId,
    slots: Vec<Slot>,
    content: Content,
    floor: Floor,
    only: Option<RingId>,
}

impl LockedRing {
    /// Reads a document, and checks all that can be checked without a key.
    ///
    /// # Errors
    /// [`Malformed`](ErrorKind::Malformed) for what is no ring document: no JSON, unknown or missing
    /// members, duplicate ids, two primary keys of a name, parameters out of bounds;
    /// [`Unsupported`](ErrorKind::Unsupported) for another version, or a kind of slot that this one
    /// does not know.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        // [RF-10] In this order.
        let document = Document::parse(json)?;
        let slots = document.slots.iter().map(Slot::parse).collect::<Result<Vec<_>, _>>()?;
        let ascending = slots.iter().zip(slots.iter().skip(1)).all(|(a, b)| a.id() < b.id());
        if !ascending || slots.len() > MAX_SLOTS {
            return Err(Error::malformed(
                "the slots of a ring document are at most 16, each id once, in ascending order",
            ));
        }
        if slots.iter().map(work).sum::<u64>() > member::MAX_WORK {
            return Err(Error::malformed(
                "the passphrase slots of the document ask for more than 16 GiB times passes",
            ));
        }
        let content = Content::parse(&document)?;
        let id = document.ring_id()?;
        Ok(Self { document, id, slots, content, floor: Floor::default(), only: None })
    }

    /// The id of the document.
    pub fn id(&self) -> RingId {
        self.id
    }

    /// The generation that it claims to be.
    pub fn generation(&self) -> u64 {
        self.document.generation
    }

    /// When it claims to have been written, in Unix seconds.
    pub fn written_at(&self) -> u64 {
        self.content.written_at.seconds()
    }

    /// The slots.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// What it says of its keys.
    pub fn keys(&self) -> impl Iterator<Item = &KeySummary> {
        self.content.keys.iter()
    }

    /// Whether its secrets are encrypted.
    pub fn is_protected(&self) -> bool {
        self.document.secrets.is_some()
    }

    /// Refuses what stands below this as [`RolledBack`](ErrorKind::RolledBack): an older copy that was put
    /// back, or what was made by a former master key. Keep the floor elsewhere than the document.
    pub fn floor(mut self, floor: impl Into<Floor>) -> Self {
        self.floor = floor.into();
        self
    }

    /// Refuses every other document than this one as [`Unlock`](ErrorKind::Unlock). A credential
    /// that opens several, such as an operator's passphrase and the rings of services, tells them apart
    /// by nothing else; and a service can forge its own.
    pub fn only(mut self, id: RingId) -> Self {
        self.only = Some(id);
        self
    }

    /// Opens the document.
    ///
    /// # Errors
    /// [`Unlock`](ErrorKind::Unlock) for a wrong credential as for an altered document, with one text,
    /// and when no slot takes such a credential; [`InvalidInput`](ErrorKind::InvalidInput) for shares
    /// that do not go together, naming the one; [`Exhausted`](ErrorKind::Exhausted) where no slot
    /// opened, and there was not enough memory to try one; [`RolledBack`](ErrorKind::RolledBack) below
    /// the [floor](Self::floor).
    pub fn unlock(&self, credential: &Credential) -> Result<RingDocument, Error> {
        // [RF-23]
        let (mut tried, mut untried) = (false, None);
        for slot in &self.slots {
            let slot_key = match (credential, slot.opening()) {
                (Credential::Passphrase(passphrase), Opening::Passphrase { cost, salt }) => {
                    for form in passphrase.forms() {
                        match stretched(form, salt, *cost) {
                            Ok(slot_key) => {
                                tried = true;
                                if let Some(document) = self.open_slot(slot, slot_key) {
                                    return self.floored(document);
                                }
                            }
                            // One that asks for more memory than there is must not keep the others closed.
                            Err(error) => untried = Some(error),
                        }
                    }
                    continue;
                }
                (Credential::Key(key), Opening::Key) => key.secret().duplicate(),
                (Credential::Shares(shares), Opening::Recovery { set, tags, .. })
                    if shares.iter().any(|share| share.set() == *set) =>
                {
                    recovery::combine(shares, *set, tags)?
                }
                _ => continue,
            };
            tried = true;
            // A slot that opens and leads to nothing is passed over like one that does not open.
            if let Some(document) = self.open_slot(slot, slot_key) {
                return self.floored(document);
            }
        }
        Err(match untried {
            Some(error) => error,
            None if tried => Error::unlock(),
            None => self.no_such_slot(credential),
        })
    }

    /// What to ask of an outside key service to [open](Self::unlock_service) the document. See
    /// [`Unlock`].
    ///
    /// # Errors
    /// [`Unlock`](ErrorKind::Unlock) when no slot is of this key of this service; the service's own.
    pub fn unlock_request<U: Unlock>(&self, service: &U) -> Result<U::Request, Error> {
        let found = self.slot_of(service).and_then(|slot| match slot.opening() {
            Opening::Service { wrapped, .. } => Some((slot, wrapped)),
            _ => None,
        });
        let (slot, wrapped) = found.ok_or_else(|| {
            self.slots_are(&format!(
                "no slot is of the {} key `{}`",
                service.service(),
                service.key()
            ))
        })?;
        service.unwrap_request(wrapped, &Slot::service_context(self.id, slot.id()))
    }

    /// Opens the document by the service's reply.
    ///
    /// # Errors
    /// As [`unlock`](Self::unlock); the service's own.
    pub fn unlock_service<U: Unlock>(
        &self,
        service: &U,
        reply: U::Reply,
    ) -> Result<RingDocument, Error> {
        let slot_key = service.slot_key(reply)?;
        let document = self.slot_of(service).and_then(|slot| self.open_slot(slot, slot_key));
        document.ok_or_else(Error::unlock).and_then(|document| self.floored(document))
    }

    /// Opens a document **that nothing protects**: neither its secrets, nor its being whole and
    /// unchanged. Where its [fingerprint](RingDocument::to_unprotected_json) is known, it is better
    /// [pinned](Self::open_pinned).
    ///
    /// # Errors
    /// [`FailedPrecondition`](ErrorKind::FailedPrecondition) for a protected one;
    /// [`RolledBack`](ErrorKind::RolledBack) below the [floor](Self::floor).
    pub fn open_unprotected(&self) -> Result<RingDocument, Error> {
        // [RF-22]
        if self.is_protected() {
            return Err(Error::precondition(
                "this ring is protected: unlock it by one of its slots",
            ));
        }
        let secrets = self.content.plain(&self.document).ok_or_else(content::damaged)?;
        let ring = self.content.ring(&secrets, true).ok_or_else(content::damaged)?;
        let master = CallRng::from_os()?.secret();
        self.floored(self.opened(ring, master))
    }

    /// Opens an unprotected document whose content is known by its fingerprint: how a writer's ring is
    /// pinned, in which a swapped public key would redirect all new data.
    ///
    /// # Errors
    /// [`Unlock`](ErrorKind::Unlock) when it is another content, and as
    /// [`open_unprotected`](Self::open_unprotected).
    pub fn open_pinned(&self, fingerprint: &Fingerprint) -> Result<RingDocument, Error> {
        if !self.is_protected()
            && !ct_eq(self.document.fingerprint().as_bytes(), fingerprint.as_bytes())
        {
            return Err(Error::new(
                ErrorKind::Unlock,
                "this ring is not the pinned one: its fingerprint differs",
            ));
        }
        self.open_unprotected()
    }

    /// `[RF-23]` The slot of this key of a service: the one that records an equal name, else the first whose
    /// name the service takes for this key's.
    fn slot_of<U: Unlock>(&self, service: &U) -> Option<&Slot> {
        let named = |slot: &&Slot| recorded(slot, service).is_some_and(|key| service.is_named(key));
        self.slots
            .iter()
            .find(|slot| serves(slot, service))
            .or_else(|| self.slots.iter().find(named))
    }

    pub(super) fn mark(&self) -> Mark {
        self.document.mark()
    }

    fn open_slot(&self, slot: &Slot, slot_key: Secret<32>) -> Option<RingDocument> {
        let mut document = self.open_by(&slot.unwrap(self.wrapping(), &slot_key)?)?;
        document.opened_by = Some(slot.id());
        document.held.push((slot.id(), slot_key));
        Some(document)
    }

    pub(super) fn open_by(&self, master: &Secret<32>) -> Option<RingDocument> {
        let key = content::document_key(master, self.id);
        let secrets = self.content.open(&key, &self.document)?;
        Some(self.opened(self.content.ring(&secrets, false)?, master.duplicate()))
    }

    fn opened(&self, ring: KeyRing, master: Secret<32>) -> RingDocument {
        RingDocument {
            id: self.id,
            generation: self.document.generation,
            opening: super::opening(&ring),
            ring,
            slots: self.slots.clone(),
            master,
            number: self.document.master.unwrap_or(1),
            held: Vec::new(),
            opened_by: None,
            stored: Some(self.mark()),
        }
    }

    pub(super) fn floored(&self, document: RingDocument) -> Result<RingDocument, Error> {
        if self.only.is_some_and(|only| only != self.id) {
            return Err(Error::new(
                ErrorKind::Unlock,
                format!("this is the ring document {}, and another is demanded", self.id),
            ));
        }
        self.check_floor(self.floor)?;
        Ok(document)
    }

    pub(super) fn wrapping(&self) -> Wrapping {
        Wrapping { ring: self.id, master: self.document.master.unwrap_or_default() }
    }

    pub(super) fn check_floor(&self, floor: Floor) -> Result<(), Error> {
        let master = self.document.master.unwrap_or_default();
        let place = Floor { master, generation: self.document.generation };
        if !floor.allows(place) {
            return Err(Error::new(
                ErrorKind::RolledBack,
                format!(
                    "this ring is of generation {place}, and at least {floor} is demanded: an older copy was put back",
                ),
            ));
        }
        Ok(())
    }

    fn no_such_slot(&self, credential: &Credential) -> Error {
        if !self.is_protected() {
            return Error::new(
                ErrorKind::Unprotected,
                "this ring is not protected, so there is nothing to unlock: to use it all the same, ask for that (open_unprotected, or --unprotected), better with its fingerprint",
            );
        }
        self.slots_are(match credential {
            Credential::Passphrase(_) => "no slot takes a passphrase",
            Credential::Key(_) => "no slot takes a raw key",
            Credential::Shares(_) => "these shares are of no slot of this ring",
        })
    }

    fn slots_are(&self, what: &str) -> Error {
        let mut text = format!("{what}; the ring has");
        for (position, slot) in self.slots.iter().enumerate() {
            text.push_str(if position == 0 { " " } else { ", " });
            text.push_str(&format!("{slot}"));
        }
        Error::new(ErrorKind::Unlock, text)
    }
}

impl fmt::Debug for LockedRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockedRing")
            .field("id", &self.id)
            .field("generation", &self.document.generation)
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

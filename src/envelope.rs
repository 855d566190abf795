//! Key envelopes: a subject's data keys, wrapped for each role that may read them.
//!
//! A [`KeyEnvelope`] is stored beside the rows of its subject. [`KeyEnvelope::unwrap`] returns the
//! [`DataKeys`] that a ring may use. [`KeyEnvelope::edit`] begins an [`EnvelopeEdit`], which grants and
//! withdraws consent, renews, rewraps, expires and erases; [`EnvelopeEdit::finish`] returns the next version
//! of the envelope. [`KeyEnvelope::inspect`] lists the contents of an envelope without any key.
//!
//! ```
//! use fieldseal::envelope::History;
//! use fieldseal::{Class, DataKeys, ErrorKind, Field, KeyRing};
//!
//! const CONTACT: Class = Class::new("contact").readers_with_consent(&["marketing"]);
//! const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);
//!
//! let mut ring = KeyRing::generate()?;
//! ring.add_role("marketing")?;
//! let keys = DataKeys::create(&ring, 42, EMAIL)?;
//! let email = EMAIL.seal(&keys, &"ada@example.com".into())?;
//!
//! let mut edit = keys.envelope().edit(&ring, 42)?;
//! edit.grant(CONTACT, "marketing", History::Included)?;
//! let envelope = edit.finish()?; // store it in the place of the one that was read
//!
//! let marketing = ring.subset(&["marketing"])?.into_ring();
//! assert_eq!(EMAIL.open(&envelope.unwrap(&marketing, 42)?, &email)?, "ada@example.com");
//!
//! let mut edit = envelope.edit(&ring, 42)?;
//! edit.withdraw(CONTACT, "marketing")?;
//! let envelope = edit.finish()?;
//! let refused = EMAIL.open(&envelope.unwrap(&marketing, 42)?, &email).unwrap_err();
//! assert_eq!(refused.kind(), ErrorKind::NotPermitted);
//! # Ok::<(), fieldseal::Error>(())
//! ```
//!
//! With envelopes in a database, use [`KeyStore::change`](crate::KeyStore::change) instead: it reads, edits and
//! stores, and begins again when another writer was faster.

mod edit;
pub(crate) mod format;
mod generation;
mod inspect;
mod keys;
pub(crate) mod sealed;
mod standalone;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub use self::edit::{EnvelopeEdit, ErasedGeneration, Erasure, History, Rewrapped};
#[cfg(feature = "file")]
pub(crate) use self::edit::{ErasedUpTo, Granted, Reached, Withdrawal};
pub use self::inspect::{
    EntryInfo, EntryState, EnvelopeInfo, FieldInfo, RecipientInfo, SealedInfo, StandaloneInfo,
};
pub use self::keys::DataKeys;
pub use self::standalone::RewrappedStandalone;

use self::edit::Consent;
use self::format::{Layout, Trailer};
use self::generation::Bound;
pub(crate) use self::generation::Wanted;
use crate::access::Access;
use crate::audit::Action;
use crate::class::{Class, ToClasses};
use crate::context::{SubjectId, ToId};
use crate::encoding::{KEY_ENVELOPE, Put as _, SmallBuf, from_text, to_text, wrong_first_byte};
use crate::error::{Error, ErrorKind};
use crate::keyring::{KeyId, KeyState};
use crate::random::CallRng;

/// The stored bytes that hold a subject's data keys, each wrapped for every role that may read its
/// class. Stored beside the row, or once for all rows of the subject.
///
/// Store a new one only where none is stored, and a changed one only while the version that was read
/// is still stored: the loser of a race reads again and seals again.
///
/// ```
/// use fieldseal::{Class, DataKeys, KeyEnvelope, KeyRing};
///
/// const CONTACT: Class = Class::new("contact");
///
/// let ring = KeyRing::generate()?;
/// let keys = DataKeys::create(&ring, 42, CONTACT)?;      // fresh data keys, for an insert
/// let stored: Vec<u8> = keys.envelope().as_bytes().to_vec();
/// assert_eq!(stored.len(), 171);                             // one class, one role
///
/// let envelope = KeyEnvelope::from_bytes(stored);
/// let keys = envelope.unwrap(&ring, 42)?;
/// assert!(envelope.unwrap(&ring, 43).is_err(), "another subject");
/// # Ok::<(), fieldseal::Error>(())
/// ```
///
/// The bytes are believed only after [`unwrap`](Self::unwrap) or [`edit`](Self::edit) has verified
/// them. `Debug` shows their length.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyEnvelope {
    bytes: Box<[u8]>,
}

impl KeyEnvelope {
    /// Takes stored bytes. What they are is checked when they are used.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into().into_boxed_slice() }
    }

    /// Decodes the text form, `fs1.…`.
    ///
    /// # Errors
    /// [`NotSealed`](ErrorKind::NotSealed), [`Malformed`](ErrorKind::Malformed),
    /// [`Unsupported`](ErrorKind::Unsupported).
    pub fn from_text(text: &str) -> Result<Self, Error> {
        from_text(text, "a key envelope").map(Self::from_bytes)
    }

    /// The version that the bytes claim, unverified: 1 when new, one more with each stored change. It is
    /// what a store compares.
    ///
    /// # Errors
    /// [`NotSealed`](ErrorKind::NotSealed), [`Unsupported`](ErrorKind::Unsupported),
    /// [`Malformed`](ErrorKind::Malformed) for bytes that are no envelope.
    pub fn version(&self) -> Result<u64, Error> {
        self.inspect().map(|info| info.version)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text form to store in a text column: `fs1.` and base64url.
    pub fn to_text(&self) -> String {
        to_text(&self.bytes)
    }

    /// Verifies the envelope as the subject's and unwraps its data keys as far as the roles of the
    /// ring reach. Classes out of reach stay named, so that opening them says who could.
    ///
    /// # Errors
    /// [`NotSealed`](ErrorKind::NotSealed), [`Unsupported`](ErrorKind::Unsupported),
    /// [`Malformed`](ErrorKind::Malformed) for bytes that are no envelope;
    /// [`WrongKey`](ErrorKind::WrongKey) when the ring lacks its envelope key;
    /// [`NotPermitted`](ErrorKind::NotPermitted) when that key is compromised and this is no rescue;
    /// [`Tampered`](ErrorKind::Tampered) when it was altered, or is another tenant's or subject's;
    /// [`RolledBack`](ErrorKind::RolledBack) below the version floor.
    pub fn unwrap<'a>(
        &self,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<DataKeys, Error> {
        let access = access.into();
        let subject = SubjectId::new(subject)?;
        let keys = told_if_refused(
            &access,
            &subject,
            self.unwrap_wanted(&access, &subject, &|_, _| Wanted::Anybody),
        )?;
        access.tell(Action::Unwrap, &subject, &keys.reached(), None, Ok(()))?;
        Ok(keys)
    }

    /// Begins a change: verifies the envelope as the subject's.
    ///
    /// ```
    /// # use fieldseal::envelope::History;
    /// # use fieldseal::{Class, DataKeys, KeyEnvelope, KeyRing};
    /// const CONTACT: Class = Class::new("contact").readers_with_consent(&["marketing"]);
    ///
    /// let mut ring = KeyRing::generate()?;
    /// ring.add_role("marketing")?;
    /// let envelope = DataKeys::create(&ring, 42, CONTACT)?.envelope().clone();
    ///
    /// let mut edit = envelope.edit(&ring, 42)?;
    /// edit.grant(CONTACT, "marketing", History::Included)?;
    /// let granted = edit.finish()?;                              // version 2
    ///
    /// let mut edit = granted.edit(&ring, 42)?;
    /// edit.withdraw(CONTACT, "marketing")?;                      // out of every generation; a new one begun
    /// let withdrawn = edit.finish()?;                            // version 3
    /// # Ok::<(), fieldseal::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`unwrap`](Self::unwrap).
    pub fn edit<'a>(
        &self,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<EnvelopeEdit<'a>, Error> {
        let (access, subject) = (access.into(), SubjectId::new(subject)?);
        told_if_refused(&access, &subject, EnvelopeEdit::begin(self, access, subject.clone()))
    }

    /// [`edit`](Self::edit) with randomness of the caller's: 32 bytes are drawn. For tests and vectors: a
    /// generator that ever repeats reuses keys and nonces, which gives values away.
    ///
    /// # Errors
    /// As [`edit`](Self::edit).
    #[cfg(feature = "hazmat-rng")]
    pub fn edit_with_rng<'a>(
        &self,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<EnvelopeEdit<'a>, Error> {
        let mut edit = self.edit(access, subject)?;
        edit.set_rng(CallRng::from_rng(rng));
        Ok(edit)
    }

    /// `[ED-14]` The envelope of a subject that was erased, where none is stored: version 1, and
    /// nothing but the mark. It keeps the subject from being begun again.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for an id or a tenant that is none;
    /// [`MissingKey`](ErrorKind::MissingKey) without a primary envelope key;
    /// [`Audit`](ErrorKind::Audit) when the audit refuses.
    pub fn erased<'a>(access: impl Into<Access<'a>>, subject: impl ToId) -> Result<Self, Error> {
        let mut edit = EnvelopeEdit::new(access.into(), SubjectId::new(subject)?)?;
        edit.erase_subject()?;
        edit.finish()
    }

    /// Unwraps the envelope for sealing values of these classes. A ring that may not read the latest
    /// generation of a class, but can wrap for all its readers, begins the next one: then the
    /// envelope of the keys is a later version than this, and is stored with the values.
    ///
    /// Each such call begins a generation, and a few hundred fill an envelope: for a service that
    /// only writes, and often, use standalone envelopes or a role of its own.
    ///
    /// # Errors
    /// As [`unwrap`](Self::unwrap); [`MissingKey`](ErrorKind::MissingKey) when it cannot be proven who
    /// consented: name them by [`Class::consented_to`]. A class that cannot be sealed for another
    /// reason is refused when it is sealed.
    pub fn prepare<'a>(
        &self,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
        classes: impl ToClasses,
    ) -> Result<DataKeys, Error> {
        let classes = with_consents(&classes, Consent::Proven);
        self.prepared(access.into(), &SubjectId::new(subject)?, &classes)
    }

    fn prepared(
        &self,
        access: Access<'_>,
        subject: &SubjectId,
        classes: &[(Class, Consent<'_>)],
    ) -> Result<DataKeys, Error> {
        let keys = told_if_refused(
            &access,
            subject,
            self.unwrap_wanted(&access, subject, &|_, _| Wanted::Anybody),
        )?;
        check_declarations(classes)?;
        let mut unreached: Vec<&(Class, Consent<'_>)> =
            classes.iter().filter(|(class, _)| keys.wants_next_generation(class)).collect();
        // `[GN-11]` At most one generation a class.
        unreached.sort_by_key(|(class, _)| class.name());
        unreached.dedup_by_key(|(class, _)| class.name());
        if !unreached.is_empty() {
            // `[ST-3]` In sealing, a compromised key opens nothing and proves nothing.
            let mut edit = self.edit(access.without_rescue(), subject)?;
            for (class, consent) in unreached {
                edit.begin_next(class, *consent)?;
            }
            if edit.is_changed() {
                return edit.finish_keys();
            }
        }
        access.tell(Action::Unwrap, subject, &keys.reached(), None, Ok(()))?;
        Ok(keys)
    }

    /// What the envelope says of itself, unverified and without a key: never take a decision on it
    /// that an attacker could want.
    ///
    /// # Errors
    /// [`NotSealed`](ErrorKind::NotSealed), [`Unsupported`](ErrorKind::Unsupported),
    /// [`Malformed`](ErrorKind::Malformed).
    pub fn inspect(&self) -> Result<EnvelopeInfo, Error> {
        self.check_first_byte()?;
        Layout::parse(&self.bytes).map(|layout| EnvelopeInfo::of(&layout, self.bytes.len()))
    }

    /// Without an event: unwraps the generations that `wanted` says by class and tag.
    pub(crate) fn unwrap_wanted<'w>(
        &self,
        access: &Access<'_>,
        subject: &SubjectId,
        wanted: &dyn Fn(&str, format::KeyTag) -> Wanted<'w>,
    ) -> Result<DataKeys, Error> {
        let bound = Bound::new(access, subject)?;
        let layout = self.verify(&bound)?;
        let generations = keys::unwrap_all(&bound, &layout, wanted);
        Ok(DataKeys::of(self.clone(), &bound, &layout, generations))
    }

    /// `[KE-6]`, in its order: first byte and length, the envelope key, the MAC, the parts, the floor.
    fn verify(&self, bound: &Bound<'_>) -> Result<Layout<'_>, Error> {
        self.check_first_byte()?;
        format::check_len(self.bytes.len())?;
        let Trailer { covered, key_id, mac } = Trailer::read(&self.bytes)?;
        let access = bound.access;
        let key = KeyId::new(key_id)
            .and_then(|id| access.ring().key(id))
            .ok_or_else(|| self.unknown_key())?;
        let Some(mac_key) = key.mac(access.is_rescue()) else {
            return Err(match key.state() {
                KeyState::Compromised if key.mac(true).is_some() => Error::new(
                    ErrorKind::NotPermitted,
                    "the envelope key of this key envelope is marked compromised: it opens in rescue mode only",
                ),
                _ => self.unknown_key(),
            });
        };
        // "fieldseal/v1 envelope" ‖ s8(tenant) ‖ s8(subject) ‖ all bytes before the MAC.
        if !mac_key.verify16(&[bound.mac_prefix().as_slice(), covered], mac) {
            return Err(Error::tampered());
        }
        let layout = Layout::parse(&self.bytes)?;
        if layout.version < access.floor() {
            return Err(Error::new(
                ErrorKind::RolledBack,
                "the key envelope is older than the version floor: an earlier copy was put back",
            ));
        }
        Ok(layout)
    }

    /// `[KE-6]` b1. The kind is that of the clause, whatever the bytes are; the text says what they look like.
    #[cold]
    fn unknown_key(&self) -> Error {
        match Layout::parse(&self.bytes) {
            Ok(layout) => Error::new(
                ErrorKind::WrongKey,
                "the ring does not hold the envelope key of this key envelope: use the ring that it was made with; a key \
                 that was retired is in an older copy of that ring, and one that was rotated since in the newest \
                 (fieldseal ring subset --update)",
            )
            .of_key(layout.key_id),
            Err(_) => Error::new(
                ErrorKind::WrongKey,
                "these bytes are not a whole key envelope, and so name no envelope key of the ring: they were cut or \
                 altered; take the envelope from a backup",
            ),
        }
    }

    fn check_first_byte(&self) -> Result<(), Error> {
        match self.bytes.first() {
            Some(&KEY_ENVELOPE) => Ok(()),
            first => Err(wrong_first_byte(first.copied(), "a key envelope")),
        }
    }
}

impl Bound<'_> {
    fn mac_prefix(&self) -> SmallBuf {
        let mut prefix = SmallBuf::new();
        prefix.put(b"fieldseal/v1 envelope");
        prefix.put_s8(self.tenant.as_bytes());
        prefix.put_s8(self.subject.as_bytes());
        prefix
    }
}

/// Tells the audit of an envelope that was refused.
fn told_if_refused<T>(
    access: &Access<'_>,
    subject: &SubjectId,
    result: Result<T, Error>,
) -> Result<T, Error> {
    if let Err(error) = &result {
        access.tell(Action::Unwrap, subject, &[], None, Err(error.kind()))?;
    }
    result
}

impl DataKeys {
    /// Makes fresh data keys for an insert: an envelope of version 1 with the first generation of
    /// each class, wrapped for its readers. Only where the subject has no envelope yet: it has one, which
    /// all its rows share, and what is erased in one stays readable through another.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey), naming a reader whose key the ring lacks;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a subject or tenant that is none;
    /// [`Declaration`](ErrorKind::Declaration) for a class without readers, or declared in two ways; [`Randomness`](ErrorKind::Randomness).
    pub fn create<'a>(
        access: impl Into<Access<'a>>,
        subject: impl ToId,
        classes: impl ToClasses,
    ) -> Result<Self, Error> {
        Self::created(&access.into(), SubjectId::new(subject)?, &classes, &mut CallRng::from_os()?)
    }

    /// [`create`](Self::create) with randomness of the caller's: 32 bytes are drawn. For tests and
    /// vectors: a generator that ever repeats reuses keys and nonces, which gives values away.
    ///
    /// # Errors
    /// As [`create`](Self::create), without `Randomness`.
    #[cfg(feature = "hazmat-rng")]
    pub fn create_with_rng<'a>(
        access: impl Into<Access<'a>>,
        subject: impl ToId,
        classes: impl ToClasses,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<Self, Error> {
        Self::created(
            &access.into(),
            SubjectId::new(subject)?,
            &classes,
            &mut CallRng::from_rng(rng),
        )
    }

    pub(crate) fn created(
        access: &Access<'_>,
        subject: SubjectId,
        classes: &(impl ToClasses + ?Sized),
        rng: &mut CallRng,
    ) -> Result<Self, Error> {
        let classes = with_consents(classes, Consent::Named(NOBODY));
        check_declarations(&classes)?;
        let mut edit = EnvelopeEdit::new(*access, subject)?;
        for (class, consent) in &classes {
            edit.ensure_in(class, consent.named(), rng)?;
        }
        edit.finish_keys()
    }
}

/// The classes with the consent that is named for them, and after them all that a consent names, which stays in the list, for `check_declarations` to compare.
fn with_consents<'c>(
    classes: &'c (impl ToClasses + ?Sized),
    unsaid: Consent<'c>,
) -> Vec<(Class<'c>, Consent<'c>)> {
    let consents = classes.to_consents();
    let of = |class: &Class| {
        let named = consents.iter().find(|other| other.class().name() == class.name());
        named.map_or(unsaid, |named| Consent::said(named, unsaid))
    };
    let classes = classes.to_classes().into_iter().map(|class| (class, of(&class)));
    let named = consents.iter().map(|named| (*named.class(), Consent::said(named, unsaid)));
    classes.chain(named).collect()
}

/// `[GN-12]` Refuses, in one call, declarations of a class that differ, also in whom they name.
fn check_declarations(classes: &[(Class, Consent<'_>)]) -> Result<(), Error> {
    Class::check_all(classes.iter().map(|(class, _)| class))?;
    let mut rest = classes;
    while let [(class, consent), later @ ..] = rest {
        consent.check_named(class)?;
        if later
            .iter()
            .any(|(other, others)| other.name() == class.name() && !consent.agrees(*others))
        {
            return Err(Error::declaration(alloc::format!(
                "class `{}` is given twice, with different consents",
                class.name()
            )));
        }
        rest = later;
    }
    Ok(())
}

/// Nobody has consented yet.
pub(crate) const NOBODY: &[&str] = &[];

impl fmt::Debug for KeyEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyEnvelope({} bytes)", self.bytes.len())
    }
}

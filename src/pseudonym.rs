//! Pseudonyms: stable names of a subject for one purpose.
//!
//! Without the key of the purpose, a pseudonym does not lead back to the subject, nor to the pseudonyms of
//! another purpose. See [`Pseudonyms`] for an example.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::access::Access;
use crate::context::{SubjectId, ToId};
use crate::encoding::{base32, to_hex};
use crate::error::{Error, ErrorKind};
use crate::kdf::MacKey;
use crate::keyring::{KeyId, KeyRing, KeyState, KeyUse, Scope};

/// `[PS-2]`
const FORM_TOKEN: u8 = 1;
const FORM_UUID: u8 = 2;
const FORM_TEXT: u8 = 3;

/// What makes the pseudonyms of one purpose: by [`KeyRing::pseudonyms`] or [`Access::pseudonyms`].
///
/// A subject has one pseudonym for a purpose, so rows that carry it can be counted, joined and followed
/// over time. For another purpose, of another tenant, in another form or under another key it has another
/// one, and which of them belong together is for those to know who hold the keys.
///
/// ```
/// use fieldseal::keyring::Capabilities;
/// use fieldseal::KeyRing;
///
/// let mut ring = KeyRing::generate()?;
/// ring.add_pseudonym_key()?;
///
/// let analytics = ring.pseudonyms("analytics")?;
/// let token = analytics.token(42)?;
/// assert_eq!(token, analytics.token(42)?);
/// assert_ne!(token, analytics.token(43)?);
/// assert_ne!(token, ring.pseudonyms("advertising")?.token(42)?);
///
/// // For a column of UUIDs, and for people to read.
/// assert_eq!(analytics.uuid(42)?.to_string().len(), 36);
/// assert_eq!(analytics.text(42)?.len(), 26);
///
/// // The export job gets the key of its purpose, and can make no other pseudonyms and open nothing.
/// let job = ring.subset_with(&Capabilities::new().pseudonyms("", "analytics"))?.into_ring();
/// assert_eq!(job.pseudonyms("analytics")?.token(42)?, token);
/// assert!(job.pseudonyms("advertising").is_err());
/// # Ok::<(), fieldseal::Error>(())
/// ```
///
/// A pseudonym is personal data: who holds the key of its purpose makes the pseudonym of every id and so
/// finds whose it is. It shows which rows are one person's, and what stands beside it in those rows may
/// say who. Erasing a subject destroys its data keys and not its pseudonyms.
///
/// After the pseudonym key is [rotated](KeyRing::rotate) subjects have new ones.
/// [`tokens`](Self::tokens) gives those before too, as long as the ring holds the former key: to
/// find or delete a person's rows, or to join what was exported before and after. To part them for good,
/// destroy the former key.
#[doc(alias = "tokenize")]
#[doc(alias = "tokenization")]
pub struct Pseudonyms<'a> {
    access: Access<'a>,
    scope: Scope,
    /// Those that count, the primary one first, then the newest.
    keys: Vec<PurposeKey>,
}

struct PurposeKey {
    id: KeyId,
    is_primary: bool,
    /// `[RK-7]` Of this purpose and tenant; `None` where the ring holds another part of the key, or none.
    key: Option<MacKey>,
}

impl KeyRing {
    /// What makes the pseudonyms for `purpose`, where there is one tenant. See [`Pseudonyms`].
    ///
    /// # Errors
    /// As [`Access::pseudonyms`].
    pub fn pseudonyms(&self, purpose: &str) -> Result<Pseudonyms<'_>, Error> {
        Access::new(self).pseudonyms(purpose)
    }
}

impl<'a> Access<'a> {
    /// What makes the pseudonyms for `purpose`, of this tenant. See [`Pseudonyms`].
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) when the ring holds no key in use for this purpose and
    /// tenant; [`InvalidInput`](ErrorKind::InvalidInput) for a purpose that is no name, and for a tenant
    /// over 64 bytes.
    pub fn pseudonyms(&self, purpose: &str) -> Result<Pseudonyms<'a>, Error> {
        let scope = Scope::pseudonym(self.checked_tenant()?, purpose)?;
        let name = KeyUse::Pseudonym.as_str();
        // `[PS-4]`
        let counts = |state: KeyState| match state {
            KeyState::Primary | KeyState::OpenOnly => true,
            KeyState::Compromised => self.is_rescue(),
            KeyState::Disabled | KeyState::Destroyed => false,
        };
        let mut ring_keys: Vec<_> =
            self.ring().named(KeyUse::Pseudonym, name).filter(|key| counts(key.state())).collect();
        ring_keys.sort_by_key(|key| {
            let made = core::cmp::Reverse(key.created_at());
            (key.state() != KeyState::Primary, made, key.id())
        });
        let keys: Vec<_> = ring_keys
            .into_iter()
            .map(|key| PurposeKey {
                id: key.id(),
                is_primary: key.state() == KeyState::Primary,
                key: key.expose_derived(&scope).map(|key| MacKey::new(&key)),
            })
            .collect();
        if keys.iter().all(|key| key.key.is_none()) {
            return Err(missing(format!(
                "this ring holds no pseudonym key for {scope}: KeyRing::add_pseudonym_key adds one, \
                 and Capabilities::pseudonyms gives a service its part of it"
            )));
        }
        Ok(Pseudonyms { access: *self, scope, keys })
    }
}

impl Pseudonyms<'_> {
    /// What they are for.
    pub fn purpose(&self) -> &str {
        match &self.scope {
            Scope::Pseudonym { purpose, .. } => purpose,
            Scope::Index { .. } => "",
        }
    }

    /// The subject's pseudonym: 16 bytes.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) when the ring holds no primary key for the purpose;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for what is no id; [`Audit`](ErrorKind::Audit).
    pub fn token(&self, subject: impl ToId) -> Result<Pseudonym, Error> {
        self.primary(FORM_TOKEN, subject).map(Pseudonym)
    }

    /// The subject's pseudonym as a UUID of version 8, 122 bits of it. It is another one than
    /// [`token`](Self::token), and says nothing of it.
    ///
    /// # Errors
    /// As [`token`](Self::token).
    pub fn uuid(&self, subject: impl ToId) -> Result<PseudonymUuid, Error> {
        self.primary(FORM_UUID, subject).map(PseudonymUuid::new)
    }

    /// The subject's pseudonym as text: 26 upper-case letters and digits, none of which looks like another.
    /// It is another one than [`token`](Self::token), and says nothing of it.
    ///
    /// # Errors
    /// As [`token`](Self::token).
    pub fn text(&self, subject: impl ToId) -> Result<String, Error> {
        self.primary(FORM_TEXT, subject).map(|bytes| text_of(&bytes))
    }

    /// The subject's pseudonyms under every key in use: the present one first, then those made before the
    /// key was rotated.
    ///
    /// # Errors
    /// As [`token`](Self::token); [`MissingKey`](ErrorKind::MissingKey) also where the ring lacks the part
    /// of a former key, as then it is not known what to look for.
    pub fn tokens(&self, subject: impl ToId) -> Result<Vec<Pseudonym>, Error> {
        self.all(FORM_TOKEN, subject, Pseudonym)
    }

    /// [`tokens`](Self::tokens), as [`uuid`](Self::uuid) makes them.
    ///
    /// # Errors
    /// As [`tokens`](Self::tokens).
    pub fn uuids(&self, subject: impl ToId) -> Result<Vec<PseudonymUuid>, Error> {
        self.all(FORM_UUID, subject, PseudonymUuid::new)
    }

    /// [`tokens`](Self::tokens), as [`text`](Self::text) makes them.
    ///
    /// # Errors
    /// As [`tokens`](Self::tokens).
    pub fn texts(&self, subject: impl ToId) -> Result<Vec<String>, Error> {
        self.all(FORM_TEXT, subject, |bytes| text_of(&bytes))
    }

    /// Tells the audit for which purpose, too, before anything is returned.
    fn audited<P>(
        &self,
        subject: &SubjectId,
        call: impl FnOnce() -> Result<P, Error>,
    ) -> Result<P, Error> {
        let result = call();
        let outcome = result.as_ref().map(drop).map_err(Error::kind);
        self.access.tell_pseudonym(subject, self.purpose(), outcome)?;
        result
    }

    /// `[PS-3]` By the primary key alone.
    fn primary(&self, form: u8, subject: impl ToId) -> Result<[u8; 16], Error> {
        let subject = SubjectId::new(subject)?;
        self.audited(&subject, || {
            let primary = self.keys.iter().filter(|key| key.is_primary);
            let key = primary.filter_map(|key| key.key.as_ref()).next().ok_or_else(|| {
                missing(format!(
                    "this ring holds no primary pseudonym key for {}: make one primary, or renew the \
                     service's ring",
                    self.scope
                ))
            })?;
            Ok(make(key, form, &subject))
        })
    }

    /// `[PS-4]` By every key that counts.
    fn all<P>(
        &self,
        form: u8,
        subject: impl ToId,
        of: impl Fn([u8; 16]) -> P,
    ) -> Result<Vec<P>, Error> {
        let subject = SubjectId::new(subject)?;
        self.audited(&subject, || {
            self.keys
                .iter()
                .map(|key| match &key.key {
                    Some(derived) => Ok(of(make(derived, form, &subject))),
                    None => Err(missing(format!(
                        "this ring holds nothing of the pseudonym key {} for {}: renew the service's \
                         ring, or disable the key",
                        key.id, self.scope
                    ))),
                })
                .collect()
        })
    }
}

/// `[PS-1]` `HMAC-SHA256(k, u8 form ‖ s8(subject id))`, its first 16 bytes.
fn make(key: &MacKey, form: u8, subject: &SubjectId) -> [u8; 16] {
    let id = subject.as_bytes();
    // safe: an id has at most 255 bytes, so the fallback is never taken.
    let len = u8::try_from(id.len()).unwrap_or(u8::MAX);
    key.tag16(&[&[form, len], id])
}

fn text_of(bytes: &[u8; 16]) -> String {
    core::mem::take(&mut *base32::encode(bytes))
}

fn missing(text: String) -> Error {
    Error::new(ErrorKind::MissingKey, text)
}

impl fmt::Debug for Pseudonyms<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.iter().map(|key| key.id).collect();
        f.debug_struct("Pseudonyms").field("purpose", &self.purpose()).field("keys", &ids).finish()
    }
}

/// A pseudonym of 16 bytes, by [`Pseudonyms::token`]. It prints as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym([u8; 16]);

impl Pseudonym {
    /// Takes stored bytes, unchecked.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pseudonym({self})")
    }
}

/// A pseudonym that is a UUID of version 8 (RFC 9562, 5.8), by [`Pseudonyms::uuid`]. It prints as UUIDs
/// do, and with the feature `uuid` becomes a `Uuid`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PseudonymUuid([u8; 16]);

impl PseudonymUuid {
    /// `[PS-2]` The version in the upper half of byte 6, the variant in the upper two bits of byte 8.
    fn new(mut bytes: [u8; 16]) -> Self {
        let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
        *version = *version & 0x0F | 0x80;
        *variant = *variant & 0x3F | 0x80;
        Self(bytes)
    }

    /// The bytes to store, in network order.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for PseudonymUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(position, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for PseudonymUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PseudonymUuid({self})")
    }
}

#[cfg(feature = "uuid")]
impl From<PseudonymUuid> for uuid::Uuid {
    fn from(pseudonym: PseudonymUuid) -> Self {
        Self::from_bytes(pseudonym.0)
    }
}

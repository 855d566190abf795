//! One slot of a ring document: whose key opens it, and the master key wrapped under that.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU16;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::Argon2Cost;
use crate::aead::{NONCE, Subkey, split};
use crate::context::is_name;
use crate::encoding::{Put as _, from_base64, from_hex, to_base64, to_hex};
use crate::error::{Error, ErrorKind};
use crate::kdf::expand;
use crate::keyring::file::{Moment, RingId, Wrapping, member};
use crate::random::CallRng;
use crate::secret::{Secret, ct_eq};

/// The most bytes a service may have a slot keep.
pub(in crate::keyring) const MAX_SERVICE_WRAPPED: usize = 4_096;
const MAX_LABEL: usize = 64;
const MAX_SERVICE_KEY: usize = 512;
/// `[RF-7]` commitment (32) ‖ nonce (24) ‖ master key (32) ‖ tag (16).
const WRAPPED: usize = 104;

/// The number of a slot in its document, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SlotId(NonZeroU16);

impl SlotId {
    /// The id of this number; `None` for 0, which is no id.
    pub const fn new(id: u16) -> Option<Self> {
        match NonZeroU16::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl FromStr for SlotId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().ok().and_then(Self::new).ok_or_else(|| {
            Error::invalid("a slot is named by its number, 1 to 65535: `slot list` shows them")
        })
    }
}

/// A slot of a ring document. Nothing of it is secret.
#[derive(Clone)]
pub struct Slot {
    id: SlotId,
    label: String,
    created_at: Moment,
    opening: Opening,
    wrapped: [u8; WRAPPED],
}

/// How a slot's key is come by.
#[derive(Clone)]
pub(in crate::keyring) enum Opening {
    Passphrase { cost: Argon2Cost, salt: [u8; 16] },
    Key,
    Service { service: String, key: String, wrapped: Vec<u8> },
    Recovery { threshold: u8, set: [u8; 8], tags: Vec<[u8; 8]> },
}

/// What opens a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotKind<'a> {
    /// A passphrase, at this cost.
    #[non_exhaustive]
    Passphrase {
        /// The parameters of Argon2id.
        cost: Argon2Cost,
    },
    /// A raw key.
    Key,
    /// A key of an outside key service.
    #[non_exhaustive]
    Service {
        /// The kind of service.
        service: &'a str,
        /// Which of its keys.
        key: &'a str,
    },
    /// Custodians' shares.
    #[non_exhaustive]
    Recovery {
        /// How many shares open it.
        threshold: u8,
        /// How many were made.
        shares: u8,
    },
}

impl fmt::Display for SlotKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passphrase { cost } => write!(f, "passphrase ({cost})"),
            Self::Key => f.write_str("raw key"),
            Self::Service { service, key } => write!(f, "{service} key `{}`", Printed(key)),
            Self::Recovery { threshold, shares } => {
                write!(f, "recovery ({threshold} of {shares} shares)")
            }
        }
    }
}

impl Slot {
    /// Its number.
    pub fn id(&self) -> SlotId {
        self.id
    }

    /// What the operator calls it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// When it was made, in Unix seconds.
    pub fn created_at(&self) -> u64 {
        self.created_at.seconds()
    }

    /// What opens it.
    pub fn kind(&self) -> SlotKind<'_> {
        match &self.opening {
            Opening::Passphrase { cost, .. } => SlotKind::Passphrase { cost: *cost },
            Opening::Key => SlotKind::Key,
            Opening::Service { service, key, .. } => SlotKind::Service { service, key },
            Opening::Recovery { threshold, tags, .. } => SlotKind::Recovery {
                threshold: *threshold,
                shares: u8::try_from(tags.len()).unwrap_or(u8::MAX),
            },
        }
    }

    pub(in crate::keyring) fn opening(&self) -> &Opening {
        &self.opening
    }

    /// A slot that wraps `master` under `slot_key`.
    pub(in crate::keyring) fn make(
        of: Wrapping,
        (id, label): (SlotId, &str),
        opening: Opening,
        (slot_key, master): (&Secret<32>, &Secret<32>),
        rng: &mut CallRng,
    ) -> Result<Self, Error> {
        check_label(label)?;
        let mut slot = Self {
            id,
            label: label.into(),
            created_at: Moment::now()?,
            opening,
            wrapped: [0; WRAPPED],
        };
        slot.wrap(of, slot_key, master, rng);
        Ok(slot)
    }

    /// `[RF-7]` Expand(slot key, "fieldseal/v1 ring slot" ‖ document id ‖ u32 number of the master key ‖
    /// JCS(slot without `wrapped`), 64) = wrap key (32) ‖ commitment (32).
    fn keys(&self, of: Wrapping, slot_key: &Secret<32>) -> Secret<64> {
        let mut info = Vec::new();
        info.put(b"fieldseal/v1 ring slot");
        info.put(of.ring.as_bytes());
        info.put_u32(of.master);
        info.put(&member::canonical(&SlotEntry { wrapped: None, ..self.entry() }));
        expand(slot_key, &info)
    }

    /// Wraps a master key under the slot's key.
    pub(in crate::keyring) fn wrap(
        &mut self,
        of: Wrapping,
        slot_key: &Secret<32>,
        master: &Secret<32>,
        rng: &mut CallRng,
    ) {
        let keys = self.keys(of, slot_key);
        let (key, commitment) = keys.halves();
        let nonce: [u8; NONCE] = rng.array();
        let (prefix, tail) = split(&nonce);
        let mut body = [0; 32];
        body.copy_from_slice(master.expose());
        let tag = Subkey::derive(key, &prefix).seal(tail, &[], &mut body);
        let bytes = commitment.iter().chain(&nonce).chain(&body).chain(&tag);
        self.wrapped.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    }

    /// The master key, if this is the slot's key. The commitment is compared before anything is
    /// decrypted, so that one slot opens under one key only.
    pub(in crate::keyring) fn unwrap(
        &self,
        of: Wrapping,
        slot_key: &Secret<32>,
    ) -> Option<Secret<32>> {
        let keys = self.keys(of, slot_key);
        let (key, commitment) = keys.halves();
        let (stored, rest) = self.wrapped.split_first_chunk::<32>()?;
        if !ct_eq(stored, commitment) {
            return None;
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
        let (body, tag) = rest.split_first_chunk::<32>()?;
        let tag = tag.try_into().ok()?;
        let (prefix, tail) = split(nonce);
        let subkey = Subkey::derive(key, &prefix);
        Secret::try_filled(|master| subkey.open(tail, &[], body, tag, master)).ok()
    }

    /// `[RF-16]` What an outside service binds the slot's key to.
    pub(in crate::keyring) fn service_context(ring: RingId, id: SlotId) -> Vec<u8> {
        let mut context = Vec::new();
        context.put(b"fieldseal/v1 ring service");
        context.put(ring.as_bytes());
        context.put_u16(id.get());
        context
    }

    pub(in crate::keyring) fn entry(&self) -> SlotEntry {
        let mut entry = SlotEntry {
            created_at: self.created_at.to_string(),
            id: self.id.get(),
            label: self.label.clone(),
            wrapped: Some(to_base64(&self.wrapped)),
            ..SlotEntry::default()
        };
        match &self.opening {
            Opening::Passphrase { cost, salt } => {
                entry.kind = PASSPHRASE.into();
                entry.lanes = Some(cost.lanes());
                entry.memory_kib = Some(cost.memory_kib());
                entry.passes = Some(cost.passes());
                entry.salt = Some(to_hex(salt));
            }
            Opening::Key => entry.kind = KEY.into(),
            Opening::Service { service, key, wrapped } => {
                entry.kind = SERVICE.into();
                entry.service = Some(service.clone());
                entry.service_key = Some(key.clone());
                entry.service_wrapped = Some(to_base64(wrapped));
            }
            Opening::Recovery { threshold, set, tags } => {
                entry.kind = RECOVERY.into();
                entry.share_set = Some(to_hex(set));
                entry.share_tags = Some(tags.iter().map(|tag| to_hex(tag)).collect());
                entry.threshold = Some(*threshold);
            }
        }
        entry
    }

    /// `[RF-9]` A slot as a document has it, checked. What does not belong to its kind is refused.
    pub(in crate::keyring) fn parse(entry: &SlotEntry) -> Result<Self, Error> {
        let wrong =
            |what: &str| Error::malformed(format!("slot {} of the document: {what}", entry.id));
        let opening = match entry.kind.as_str() {
            PASSPHRASE => entry.passphrase(),
            KEY => Some(Opening::Key),
            SERVICE => entry.service(),
            RECOVERY => entry.recovery(),
            _ => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "slot {} is of a kind that this version does not know: update fieldseal",
                        entry.id
                    ),
                ));
            }
        };
        let opening = opening.ok_or_else(|| wrong("its parameters are not those of its kind"))?;
        if let Opening::Passphrase { cost, .. } = &opening {
            Argon2Cost::new(cost.memory_kib(), cost.passes(), cost.lanes())
                .map_err(|_| wrong("it asks for more or less than Argon2id may: at most 1 GiB, 64 passes, 16 lanes"))?;
        }
        check_label(&entry.label).map_err(|_| wrong("its label is none"))?;
        let wrapped = entry.wrapped.as_deref().and_then(from_base64);
        let slot = Self {
            id: SlotId::new(entry.id).ok_or_else(|| wrong("0 is no number of a slot"))?,
            label: entry.label.clone(),
            created_at: Moment::parse(&entry.created_at)
                .ok_or_else(|| wrong("its time is none"))?,
            opening,
            wrapped: wrapped
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(|| wrong("its wrapped key is not 104 bytes"))?,
        };
        // Whatever is left over would not be in the entry made from the slot.
        if slot.entry() == *entry {
            Ok(slot)
        } else {
            Err(wrong("it has parameters of another kind"))
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({} {:?}: {})", self.id, self.label, self.kind())
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {} `{}`: {}", self.id, Printed(&self.label), self.kind())
    }
}

/// A document's text between backticks, before the document is believed. What turns the direction of
/// writing, or cannot be seen, is no control character, and is escaped.
struct Printed<'a>(&'a str);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\'' | '"' => write!(f, "{character}"),
            '`' => write!(f, "{}", character.escape_unicode()),
            _ => write!(f, "{}", character.escape_debug()),
        })
    }
}

/// A slot of an outside key service, waiting for the service's reply.
pub struct PendingSlot {
    pub(in crate::keyring) ring: RingId,
    pub(in crate::keyring) id: SlotId,
    pub(in crate::keyring) label: String,
    pub(in crate::keyring) slot_key: Secret<32>,
}

impl fmt::Debug for PendingSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingSlot({} {:?})", self.id, self.label)
    }
}

const PASSPHRASE: &str = "passphrase";
const KEY: &str = "key";
const SERVICE: &str = "service";
const RECOVERY: &str = "recovery";

/// A slot as the document spells it. The members stand in alphabetical order: JCS, RFC 8785, 3.2.3.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::keyring) struct SlotEntry {
    created_at: String,
    pub(in crate::keyring) id: u16,
    kind: String,
    label: String,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    lanes: Option<u32>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    memory_kib: Option<u32>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    passes: Option<u32>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    salt: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    service: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    service_key: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    service_wrapped: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    share_set: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "share_tags")]
    share_tags: Option<Vec<String>>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    threshold: Option<u8>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "member::present"
    )]
    wrapped: Option<String>,
}

/// `[RF-15]` The most shares of a slot.
const MAX_SHARES: usize = 255;

/// The tags of a slot's shares. One more than there may be is kept, so that they are refused.
fn share_tags<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    member::at_most::<MAX_SHARES, _, _>(from).map(Some)
}

impl SlotEntry {
    fn passphrase(&self) -> Option<Opening> {
        Some(Opening::Passphrase {
            cost: Argon2Cost {
                memory_kib: self.memory_kib?,
                passes: self.passes?,
                lanes: self.lanes?,
            },
            salt: from_hex(self.salt.as_deref()?)?,
        })
    }

    fn service(&self) -> Option<Opening> {
        let (service, key) = (self.service.clone()?, self.service_key.clone()?);
        check_service(&service, &key).ok()?;
        let wrapped = from_base64(self.service_wrapped.as_deref()?)?;
        (1..=MAX_SERVICE_WRAPPED).contains(&wrapped.len()).then_some(Opening::Service {
            service,
            key,
            wrapped,
        })
    }

    fn recovery(&self) -> Option<Opening> {
        let tags = self.share_tags.as_ref()?.iter().map(|tag| from_hex(tag));
        let tags = tags.collect::<Option<Vec<_>>>()?;
        let threshold = self.threshold?;
        let shares = u8::try_from(tags.len()).ok()?;
        (2..=shares).contains(&threshold).then_some(Opening::Recovery {
            threshold,
            set: from_hex(self.share_set.as_deref()?)?,
            tags,
        })
    }
}

/// A label is printed before a document is believed, so it holds nothing that moves a cursor.
pub(in crate::keyring) fn check_label(label: &str) -> Result<(), Error> {
    if label.len() > MAX_LABEL || label.chars().any(char::is_control) {
        return Err(Error::invalid("a slot's label is at most 64 bytes of printable text"));
    }
    Ok(())
}

pub(in crate::keyring) fn check_service(service: &str, key: &str) -> Result<(), Error> {
    if !is_name(service) {
        return Err(Error::invalid(
            "a key service is named by 1 to 64 bytes of a-z 0-9 _ . - that start with a letter",
        ));
    }
    if key.is_empty() || key.len() > MAX_SERVICE_KEY || key.chars().any(char::is_control) {
        return Err(Error::invalid(
            "a key of a key service is named by 1 to 512 bytes of printable text",
        ));
    }
    Ok(())
}

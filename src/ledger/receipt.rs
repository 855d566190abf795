//! The receipt of an erasure: signed, and verified later by the public half. FORMAT.md, 13.5.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::signing_key;
use super::subject::SpelledId;
use crate::access::Access;
use crate::audit::Action;
use crate::class::Class;
use crate::clock::Moment;
use crate::context::{SubjectId, check_tenant, is_name};
use crate::encoding::json::{Object, canonical, objects, present};
use crate::encoding::{from_base64, from_hex, to_base64, to_hex};
use crate::envelope::{ErasedGeneration, Erasure};
use crate::error::{Error, ErrorKind};
use crate::keyring::{KeyId, KeyState, VerifyingKey};
use crate::record::Catalog;

/// `[RE-1]` What a receipt is and of which version.
const VERSION: &str = "receipt/1";
/// `[RE-2]` The largest receipt, in bytes.
const MAX_LEN: usize = 1 << 20;
/// `[RE-5]`
const LABEL: &[u8] = b"fieldseal/v1 receipt";

/// A signed statement of what was erased: of whom, when, which data keys, which columns hold what nobody
/// can open any more, and which ring keys would still open an old copy of the envelope.
///
/// It prints as JSON, to be kept, or handed to the person. It names the subject as the application does.
///
/// ```
/// use fieldseal::ledger::Receipt;
/// use fieldseal::{Class, DataKeys, KeyRing, KeyStore, MemoryKeyStore};
///
/// let mut ring = KeyRing::generate()?;
/// ring.add_signing_key()?;
/// let store = MemoryKeyStore::new();
/// let keys = DataKeys::create(&ring, 42, Class::PERSONAL)?;
/// store.save(&(), &keys)?;
///
/// let erasure = store.erase(&(), &ring, 42)?;
/// let receipt = erasure.receipt(&ring, None)?.to_string(); // once the erasure is committed
///
/// // Later, by somebody who has no key but the public half:
/// # let published = ring.verifying_keys()[0].to_string();
/// let keys = [published.parse()?]; // "fsv1.…"
/// let receipt = Receipt::from_json(receipt.as_bytes(), &keys)?;
/// assert_eq!(receipt.generations()[0].class, "personal");
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Receipt {
    document: Document,
    at: u64,
    subject: SubjectId,
    subject_erased_at: Option<u64>,
    generations: Vec<ErasedGeneration>,
    keys: Vec<ReceiptKey>,
    key: KeyId,
}

/// A column that holds what cannot be opened any more, in a [`Receipt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ReceiptColumn {
    /// The column, by its name.
    pub column: String,
    /// The record, by its stable id.
    pub record: String,
}

/// A ring key that would still open an old copy of the envelope, in a [`Receipt`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiptKey {
    /// The key.
    pub id: KeyId,
    /// The role that it is of, where the ring knew it.
    pub role: Option<String>,
}

impl Erasure {
    /// A receipt, signed with the ring's primary signing key. Make it once the erasure is committed.
    ///
    /// `catalog` tells which columns the receipt names to be cleared.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) without a primary signing key;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for times after the year 9999;
    /// [`Audit`](ErrorKind::Audit) when the audit refuses.
    pub fn receipt<'a>(
        &self,
        access: impl Into<Access<'a>>,
        catalog: Option<&Catalog>,
    ) -> Result<Receipt, Error> {
        let access = access.into();
        let mut classes: Vec<&str> =
            self.generations.iter().map(|generation| generation.class.as_str()).collect();
        classes.dedup();
        let of_tenant = access.tenant(&self.tenant);
        of_tenant
            .audited(Action::Sign, &self.subject, &classes, None, || self.signed(&access, catalog))
    }

    fn signed(&self, access: &Access<'_>, catalog: Option<&Catalog>) -> Result<Receipt, Error> {
        let ring = access.ring();
        let key = signing_key(ring)?;
        let classes: BTreeSet<&str> =
            self.generations.iter().map(|generation| generation.class.as_str()).collect();
        let schemas = catalog.map(Catalog::schemas).unwrap_or_default();
        let holds =
            |class: &Class| self.subject_erased_at.is_some() || classes.contains(class.name());
        let columns: BTreeSet<(&str, &str)> = schemas
            .iter()
            .flat_map(|schema| {
                schema.columns_of(holds).into_iter().map(|column| (schema.record(), column))
            })
            .collect();
        let opening = self
            .keys
            .iter()
            .filter(|id| ring.key(**id).is_none_or(|key| key.state() != KeyState::Destroyed));
        let mut document = Document {
            actor: access.actor_said().map(str::to_owned),
            at: moment(access.time().now()?)?,
            columns: columns
                .into_iter()
                .map(|(record, column)| ReceiptColumn {
                    column: column.into(),
                    record: record.into(),
                })
                .collect(),
            fieldseal: VERSION.into(),
            generations: self
                .generations
                .iter()
                .map(|one| {
                    Ok(Generation {
                        class: one.class.clone(),
                        earlier: one.earlier.then_some(true),
                        erased_at: moment(one.erased_at)?,
                        generation: one.generation,
                    })
                })
                .collect::<Result<_, Error>>()?,
            key: hex(key.id()),
            keys: opening
                .map(|id| Key { id: hex(*id), role: ring.role_of(id.get()).map(str::to_owned) })
                .collect(),
            purpose: access.purpose_said().map(str::to_owned),
            signature: None,
            subject: SpelledId::of(self.subject.as_bytes())
                .ok_or_else(|| Error::invalid("the subject has no id"))?,
            subject_erased_at: self.subject_erased_at.map(moment).transpose()?,
            tenant: self.tenant.clone(),
        };
        let signature = key.signer().map(|signer| signer.sign(&[LABEL, &canonical(&document)]));
        document.signature = signature.map(|signature| to_base64(&signature));
        let is_too_long = canonical(&document).len() > MAX_LEN;
        Receipt::of(document)
            .filter(|_| !is_too_long)
            .ok_or_else(|| Error::invalid("the receipt would be larger than 1 MiB"))
    }
}

impl Receipt {
    /// Reads a receipt that one of these keys signed.
    ///
    /// # Errors
    /// [`Malformed`](ErrorKind::Malformed) for what is no receipt; [`Unsupported`](ErrorKind::Unsupported);
    /// [`MissingKey`](ErrorKind::MissingKey), naming the key, when it is signed by another;
    /// [`Tampered`](ErrorKind::Tampered).
    pub fn from_json(json: &[u8], keys: &[VerifyingKey]) -> Result<Self, Error> {
        let wrong = || Error::malformed("this is no receipt, or a damaged one");
        if json.len() > MAX_LEN {
            return Err(wrong());
        }
        #[derive(Deserialize)]
        struct Kind {
            fieldseal: String,
        }
        let Object(kind): Object<Kind> = serde_json::from_slice(json).map_err(|_| wrong())?;
        if kind.fieldseal != VERSION {
            return Err(if kind.fieldseal.starts_with("receipt/") {
                Error::new(
                    ErrorKind::Unsupported,
                    "this receipt is of a version that this build does not know: update fieldseal",
                )
            } else {
                wrong()
            });
        }
        let Object(document): Object<Document> =
            serde_json::from_slice(json).map_err(|_| wrong())?;
        let signature = document.signature.as_deref().and_then(from_base64);
        let signature = signature.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        let signature = signature.ok_or_else(wrong)?;
        let unsigned = canonical(&Document { signature: None, ..document.clone() });
        let receipt = Self::of(document).ok_or_else(wrong)?;
        let Some(key) = keys.iter().find(|key| key.id() == receipt.key) else {
            return Err(Error::new(
                ErrorKind::MissingKey,
                format!(
                    "the receipt is signed by key {}, which is not among those given",
                    receipt.key
                ),
            ));
        };
        if !key.verify(&[LABEL, &unsigned], &signature) {
            return Err(Error::tampered());
        }
        Ok(receipt)
    }

    /// `[RE-2]` to `[RE-4]`
    fn of(document: Document) -> Option<Self> {
        let time = |text: &str| Moment::parse(text).map(Moment::seconds);
        let id = |text: &str| from_hex(text).map(u32::from_be_bytes).and_then(KeyId::new);
        let subject = document.subject.subject()?;
        let generations: Option<Vec<_>> = document
            .generations
            .iter()
            .map(|one| {
                (is_name(&one.class) && one.generation > 0).then_some(())?;
                // `true`, or absent.
                let earlier = one.earlier.is_some();
                (one.earlier != Some(false)).then_some(())?;
                let (class, generation) = (one.class.clone(), one.generation);
                Some(ErasedGeneration {
                    class,
                    generation,
                    erased_at: time(&one.erased_at)?,
                    earlier,
                })
            })
            .collect();
        let keys: Option<Vec<_>> = document
            .keys
            .iter()
            .map(|one| {
                one.role.as_deref().is_none_or(is_name).then_some(())?;
                Some(ReceiptKey { id: id(&one.id)?, role: one.role.clone() })
            })
            .collect();
        check_tenant(&document.tenant).ok()?;
        let erased = document.subject_erased_at.as_deref();
        Some(Self {
            at: time(&document.at)?,
            subject,
            subject_erased_at: match erased {
                Some(text) => Some(time(text)?),
                None => None,
            },
            generations: generations?,
            keys: keys?,
            key: id(&document.key)?,
            document,
        })
    }

    /// When it was signed, in Unix seconds.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.document.tenant
    }

    /// Whose data keys were destroyed.
    pub fn subject(&self) -> &SubjectId {
        &self.subject
    }

    /// When the whole subject was erased, in Unix seconds; `None` where it was classes of theirs.
    pub fn subject_erased_at(&self) -> Option<u64> {
        self.subject_erased_at
    }

    /// The data keys that are gone.
    pub fn generations(&self) -> &[ErasedGeneration] {
        &self.generations
    }

    /// The columns to clear.
    pub fn columns(&self) -> &[ReceiptColumn] {
        &self.document.columns
    }

    /// The ring keys that would still open an old copy of the envelope, of what this erasure destroyed. Of
    /// [earlier](ErasedGeneration::earlier) generations nothing is known: see the receipt that was made then.
    pub fn keys(&self) -> &[ReceiptKey] {
        &self.keys
    }

    /// Who asked, if the caller said so.
    pub fn actor(&self) -> Option<&str> {
        self.document.actor.as_deref()
    }

    /// Why, if the caller said so.
    pub fn purpose(&self) -> Option<&str> {
        self.document.purpose.as_deref()
    }

    /// The ring key that signed it.
    pub fn key(&self) -> KeyId {
        self.key
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut json = serde_json::to_string_pretty(&self.document).map_err(|_| fmt::Error)?;
        if json.len() > MAX_LEN {
            // So that what is printed can be read: without white space it is no longer than it may be.
            json = serde_json::to_string(&self.document).map_err(|_| fmt::Error)?;
        }
        f.write_str(&json)
    }
}

fn moment(at: u64) -> Result<String, Error> {
    Moment::of(at)
        .map(|moment| moment.to_string())
        .ok_or_else(|| Error::invalid("a receipt keeps times up to the year 9999"))
}

fn hex(id: KeyId) -> String {
    to_hex(&id.get().to_be_bytes())
}

/// The members stand in alphabetical order: JCS, RFC 8785, 3.2.3.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    actor: Option<String>,
    at: String,
    #[serde(deserialize_with = "objects")]
    columns: Vec<ReceiptColumn>,
    fieldseal: String,
    #[serde(deserialize_with = "objects")]
    generations: Vec<Generation>,
    key: String,
    #[serde(deserialize_with = "objects")]
    keys: Vec<Key>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    signature: Option<String>,
    subject: SpelledId,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    subject_erased_at: Option<String>,
    tenant: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Generation {
    class: String,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    earlier: Option<bool>,
    erased_at: String,
    generation: u16,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    role: Option<String>,
}

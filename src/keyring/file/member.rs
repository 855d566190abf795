//! The members of a ring document, as JSON spells them. FORMAT.md, "Ring document".

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::MAX_SLOTS;
use super::content::{KeyEntry, MAX_KEYS, MAX_SCOPES};
pub(in crate::keyring) use crate::clock::Moment;
pub(in crate::keyring) use crate::encoding::json::{canonical, present};
use crate::encoding::{from_hex, to_hex};
use crate::error::{Error, ErrorKind};
use crate::kdf::sha256;
use crate::keyring::unlock::SlotEntry;

/// `[RF-1]` What a document is and of which version.
pub(super) const VERSION: &str = "ring/1";
/// `[RF-2]` Numbers are those that every JSON reader keeps exactly.
const MAX_GENERATION: u64 = (1 << 53) - 1;
/// `[RF-3]` The largest document, in bytes.
const MAX_LEN: usize = 64 << 20;
/// `[RF-8]` KiB times passes over all passphrase slots: 16 GiB.
pub(super) const MAX_WORK: u64 = 16 << 20;

/// The members stand in alphabetical order: JCS, RFC 8785, 3.2.3.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) fieldseal: String,
    pub(super) generation: u64,
    pub(super) id: String,
    #[serde(deserialize_with = "at_most::<MAX_KEYS, _, _>")]
    pub(super) keys: Vec<KeyEntry>,
    /// How many master keys the document has had, this one included; of a protected one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub(super) master: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub(super) secrets: Option<String>,
    #[serde(deserialize_with = "at_most::<MAX_SLOTS, _, _>")]
    pub(super) slots: Vec<SlotEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub(super) unprotected: Option<Clear>,
    pub(super) written_at: String,
}

/// Secrets in the clear: wiped on drop.
#[derive(Clone)]
pub(super) struct Clear(Zeroizing<String>);

impl Clear {
    pub(super) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Clear {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Clear {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::new)
    }
}

/// What can be read of a document of any version.
#[derive(Deserialize)]
struct Kind {
    fieldseal: String,
}

/// How many scopes a document has, without keeping any: a scope takes ten times the memory of its text, and
/// nothing vouches for the document yet.
#[derive(Deserialize)]
struct Scopes {
    #[serde(deserialize_with = "scopes")]
    keys: usize,
}

#[derive(Deserialize)]
struct KeyScopes {
    #[serde(default, deserialize_with = "count")]
    derived: usize,
}

fn scopes<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    sum(from, |KeyScopes { derived }| derived)
}

fn count<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    sum(from, |IgnoredAny| 1)
}

/// The sum over the items of a list, of which one at a time is in memory.
fn sum<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
    each: fn(T) -> usize,
) -> Result<usize, D::Error> {
    struct Sum<T>(fn(T) -> usize);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Sum<T> {
        type Value = usize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<usize, A::Error> {
            let mut sum = 0_usize;
            while let Some(item) = items.next_element()? {
                sum = sum.saturating_add((self.0)(item));
            }
            Ok(sum)
        }
    }

    from.deserialize_seq(Sum(each))
}

/// A list that counts no more than `MOST` items. What is beyond is not kept, but for the first, by which
/// the list is seen to be too long.
pub(in crate::keyring) fn at_most<
    'de,
    const MOST: usize,
    T: Deserialize<'de>,
    D: Deserializer<'de>,
>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    struct AtMost<const MOST: usize, T>(PhantomData<T>);

    impl<'de, const MOST: usize, T: Deserialize<'de>> Visitor<'de> for AtMost<MOST, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while list.len() <= MOST {
                match items.next_element()? {
                    Some(item) => list.push(item),
                    None => return Ok(list),
                }
            }
            while items.next_element::<IgnoredAny>()?.is_some() {}
            Ok(list)
        }
    }

    from.deserialize_seq(AtMost::<MOST, T>(PhantomData))
}

impl Document {
    pub(super) fn parse(json: &[u8]) -> Result<Self, Error> {
        if json.len() > MAX_LEN {
            return Err(Error::malformed("a ring document is at most 64 MiB"));
        }
        // Only the place is told: serde's own text can quote the document.
        let place = |error: serde_json::Error| {
            Error::malformed(format!(
                "this is no ring document, or a damaged one: line {}, column {}",
                error.line(),
                error.column()
            ))
        };
        let kind: Kind = serde_json::from_slice(json).map_err(place)?;
        if kind.fieldseal != VERSION {
            return Err(if kind.fieldseal.starts_with("ring/") {
                Error::new(
                    ErrorKind::Unsupported,
                    "this ring document is of a version that this build does not know: update fieldseal",
                )
            } else {
                Error::malformed("this is no ring document")
            });
        }
        let scopes: Scopes = serde_json::from_slice(json).map_err(place)?;
        if scopes.keys > MAX_SCOPES {
            return Err(Error::malformed(
                "the keys of a ring document have at most 100,000 scopes in all",
            ));
        }
        let document: Self = serde_json::from_slice(json).map_err(place)?;
        if !(1..=MAX_GENERATION).contains(&document.generation) {
            return Err(Error::malformed("the generation of a ring document is 1 to 2^53-1"));
        }
        let protected = document.secrets.is_some() && !document.slots.is_empty();
        let unprotected = document.unprotected.is_some() && document.slots.is_empty();
        if protected == unprotected || document.secrets.is_some() && document.unprotected.is_some()
        {
            return Err(Error::malformed(
                "a ring document has `secrets` and slots, or `unprotected` and none",
            ));
        }
        if document.master.is_some() != protected || document.master == Some(0) {
            return Err(Error::malformed(
                "a ring document numbers its master key, from 1, if it is protected, and not if it is not",
            ));
        }
        Ok(document)
    }

    pub(super) fn ring_id(&self) -> Result<RingId, Error> {
        from_hex(&self.id)
            .map(RingId)
            .ok_or_else(|| Error::malformed("the id of a ring document is 32 hexadecimal digits"))
    }

    /// `[RF-5]` "fieldseal/v1 ring" ‖ JCS(document without `secrets`).
    pub(super) fn associated(&self) -> Vec<u8> {
        let mut associated = b"fieldseal/v1 ring".to_vec();
        associated.extend(canonical(&self.told()));
        associated
    }

    /// What the document tells, without secrets. Nothing is copied but the references.
    fn told(&self) -> DocumentView<'_> {
        DocumentView {
            fieldseal: &self.fieldseal,
            generation: self.generation,
            id: &self.id,
            keys: &self.keys,
            master: self.master,
            slots: &self.slots,
            written_at: &self.written_at,
        }
    }

    /// `[RF-11]` SHA-256("fieldseal/v1 ring fingerprint" ‖ JCS(document)).
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut canonical = self.room();
        // safe: as in `canonical`.
        #[allow(clippy::expect_used, reason = "these types cannot fail")]
        serde_json::to_writer(&mut *canonical, self).expect("strings and integers");
        Fingerprint(sha256(&[b"fieldseal/v1 ring fingerprint", &canonical]))
    }

    /// `secrets` stands for the document: it is encrypted anew at each writing, and authenticates all
    /// the rest.
    pub(super) fn mark(&self) -> Mark {
        match &self.secrets {
            Some(secrets) => Mark::Secrets(sha256(&[secrets.as_bytes()])),
            None => self.fingerprint().into(),
        }
    }

    /// The document for people: indented, one line behind the other.
    ///
    /// # Errors
    /// [`Exhausted`](ErrorKind::Exhausted) for one that could not be read again.
    pub(super) fn pretty(&self) -> Result<Zeroizing<String>, Error> {
        let mut json = self.room();
        // safe: as in `canonical`.
        #[allow(clippy::expect_used, reason = "these types cannot fail")]
        serde_json::to_writer_pretty(&mut *json, self).expect("strings and integers");
        json.push(b'\n');
        let scopes = self.keys.iter().map(KeyEntry::scopes).fold(0, usize::saturating_add);
        if self.keys.len() > MAX_KEYS || scopes > MAX_SCOPES || json.len() > MAX_LEN {
            return Err(Error::new(
                ErrorKind::Exhausted,
                "a ring document has at most 100,000 keys, 100,000 scopes and 64 MiB: split the ring, for \
                 example by tenants",
            ));
        }
        // safe: serde_json writes UTF-8.
        #[allow(clippy::expect_used, reason = "JSON is UTF-8")]
        let json = String::from_utf8(core::mem::take(&mut *json)).expect("UTF-8");
        Ok(Zeroizing::new(json))
    }

    /// Room for all of it where its secrets are in the clear: a vector that grows leaves copies behind.
    fn room(&self) -> Zeroizing<Vec<u8>> {
        let len = self.unprotected.as_ref().map_or(0, |clear| {
            let told = serde_json::to_vec_pretty(&self.told()).map_or(0, |told| told.len());
            told.saturating_add(clear.as_str().len()).saturating_add(64)
        });
        Zeroizing::new(Vec::with_capacity(len))
    }
}

#[derive(Serialize)]
struct DocumentView<'a> {
    fieldseal: &'a str,
    generation: u64,
    id: &'a str,
    keys: &'a [KeyEntry],
    #[serde(skip_serializing_if = "Option::is_none")]
    master: Option<u32>,
    slots: &'a [SlotEntry],
    written_at: &'a str,
}

pub(super) fn next_generation(generation: u64) -> Result<u64, Error> {
    match generation.saturating_add(1) {
        next @ ..=MAX_GENERATION => Ok(next),
        _ => {
            Err(Error::new(ErrorKind::Exhausted, "a ring document has at most 2^53-1 generations"))
        }
    }
}

/// Where a document stands: which of its master keys it is under, and its generation. Stored elsewhere,
/// it is the least that is taken from then on: older copies are refused, and so is what is made by
/// someone who holds an older master key only, whatever generation they write into it.
///
/// It prints as `2.17`: the 17th generation, under the second master key. A number alone is a floor for the
/// generation, under any master key.
///
/// ```
/// use fieldseal::keyring::Floor;
///
/// let floor: Floor = "2.17".parse()?;
/// assert_eq!(floor.to_string(), "2.17");
/// assert_eq!("17".parse::<Floor>()?, Floor::from(17));
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Floor {
    pub(super) master: u32,
    pub(super) generation: u64,
}

impl From<u64> for Floor {
    fn from(generation: u64) -> Self {
        Self { master: 0, generation }
    }
}

impl Floor {
    /// Whether what stands at `place` may be taken. A later master key does not make up for an earlier
    /// generation: the generations go on.
    pub(super) fn allows(self, place: Self) -> bool {
        place.master >= self.master && place.generation >= self.generation
    }
}

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.master {
            0 => write!(f, "{}", self.generation),
            master => write!(f, "{master}.{}", self.generation),
        }
    }
}

impl FromStr for Floor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |_| {
            Error::invalid(
                "a floor is a generation, or behind the number of a master key: 17, 2.17",
            )
        };
        let (master, generation) = text.split_once('.').unwrap_or(("0", text));
        Ok(Self {
            master: master.parse().map_err(wrong)?,
            generation: generation.parse().map_err(wrong)?,
        })
    }
}

/// What the keys of a slot are bound to: its document, and the number of the master key that it wraps.
#[derive(Clone, Copy)]
pub(in crate::keyring) struct Wrapping {
    pub(in crate::keyring) ring: RingId,
    pub(in crate::keyring) master: u32,
}

/// The id of a ring document: 16 random bytes, printed as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RingId(pub(in crate::keyring) [u8; 16]);

impl RingId {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for RingId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        from_hex(text).map(Self).ok_or_else(|| {
            Error::invalid("the id of a ring document is 32 lower-case hexadecimal digits")
        })
    }
}

impl fmt::Display for RingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for RingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RingId({self})")
    }
}

/// The fingerprint of an unprotected ring document: SHA-256, printed as 64 hexadecimal digits. It is
/// no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        from_hex(text)
            .map(Self)
            .ok_or_else(|| Error::invalid("a fingerprint is 64 lower-case hexadecimal digits"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// What tells one writing of a document from every other, those of its generation included.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// SHA-256 of `secrets`.
    Secrets([u8; 32]),
    /// Of an unprotected one.
    Clear(Fingerprint),
}

impl From<Fingerprint> for Mark {
    fn from(fingerprint: Fingerprint) -> Self {
        Self::Clear(fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_secrets_in_the_clear_never_grows() {
        let document = Document {
            fieldseal: VERSION.into(),
            generation: MAX_GENERATION,
            id: "0".repeat(32),
            keys: alloc::vec![KeyEntry::default(); 3],
            master: None,
            secrets: None,
            slots: Vec::new(),
            unprotected: Some(Clear::new("A".repeat(128))),
            written_at: "2026-11-22T00:33:40Z".into(),
        };
        let room = document.room().capacity();
        assert!(document.pretty().unwrap().len() <= room);
        assert!(canonical(&document).len() <= room);
    }
}

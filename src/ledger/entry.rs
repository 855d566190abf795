//! One line of a ledger. FORMAT.md, 13.1.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::signing_key;
use crate::audit::{LedgerAct, LedgerChange};
use crate::clock::Moment;
use crate::context::{check_tenant, is_name};
use crate::encoding::json::{Object, canonical, present};
use crate::encoding::{from_base64, from_hex, to_base64, to_hex};
use crate::error::{Error, ErrorKind};
use crate::kdf::sha256;
use crate::keyring::{KeyId, KeyRing, KeyUse, VerifyingKey};
use crate::random::CallRng;

/// `[LG-1]` What a ledger is and of which version.
const VERSION: &str = "ledger/1";
/// `[LG-2]` The longest line, in bytes, without its line feed.
pub(crate) const MAX_LINE: usize = 32_768;
/// `[LG-2]` The longest text that a caller says: actor, purpose, source, notice.
const MAX_TEXT: usize = 1_024;
/// `[LG-2]` Numbers are those that every JSON reader keeps exactly.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// One line of a [`Ledger`](super::Ledger), verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LedgerEntry {
    /// Its number in the ledger; the first line, which begins the ledger, is 1.
    pub number: u64,
    /// What was done.
    pub act: LedgerAct,
    /// The tenant.
    pub tenant: String,
    /// The subject, by a token that only holders of the signing key can make.
    pub subject: SubjectToken,
    /// When, in Unix seconds.
    pub at: u64,
    /// Who asked.
    pub actor: Option<String>,
    /// Why.
    pub purpose: Option<String>,
    /// Where a consent was given or withdrawn.
    pub source: Option<String>,
    /// The version of the notice that the person was shown.
    pub notice: Option<String>,
    /// The ring key that signed it, and made the subject's token.
    pub key: KeyId,
}

/// A subject in a ledger: 16 bytes that say nothing to whoever lacks the secret of the signing key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectToken(pub(super) [u8; 16]);

impl fmt::Display for SubjectToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for SubjectToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectToken({self})")
    }
}

/// Where a ledger stands: the number of its last line, and the hash of it. Kept elsewhere, it shows later
/// that nothing up to it was cut off or changed.
///
/// It is also what the next line is made from, by whoever keeps a ledger elsewhere than in a file:
///
/// ```
/// use fieldseal::ledger::{Ledger, LedgerHead};
/// use fieldseal::KeyRing;
///
/// let mut ring = KeyRing::generate()?;
/// ring.add_signing_key()?;
/// let (line, head) = LedgerHead::begin(&ring, 1_763_769_600)?;
/// assert_eq!(head.to_string().parse::<LedgerHead>()?, head);
/// assert_eq!(Ledger::read(&line, &ring.verifying_keys())?.head(), head);
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LedgerHead {
    pub(super) number: u64,
    pub(super) hash: [u8; 32],
}

impl LedgerHead {
    /// Begins a ledger at this time, in Unix seconds: its first line, with the line feed.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) without a primary signing key;
    /// [`Randomness`](ErrorKind::Randomness); [`InvalidInput`](ErrorKind::InvalidInput) after the year 9999.
    pub fn begin(ring: &KeyRing, at: u64) -> Result<(String, Self), Error> {
        let line = Line {
            act: Act::Begin,
            at: moment(at)?,
            fieldseal: Some(VERSION.to_owned()),
            ledger: Some(to_hex(&CallRng::from_os()?.array::<16>())),
            number: 1,
            ..Line::default()
        };
        line.signed(ring)
    }

    /// The line behind this one, with the line feed, and where the ledger then stands.
    ///
    /// # Errors
    /// As [`begin`](Self::begin); [`InvalidInput`](ErrorKind::InvalidInput) also for a text over 1,024 bytes.
    pub fn next(&self, ring: &KeyRing, change: &LedgerChange<'_>) -> Result<(String, Self), Error> {
        let number = self.number.saturating_add(1);
        if number > MAX_NUMBER {
            return Err(Error::new(ErrorKind::Exhausted, "a ledger has at most 2^53-1 lines"));
        }
        let tenant = check_tenant(change.tenant)?;
        let token = signing_key(ring)?.token(tenant, change.subject);
        let mut line = Line {
            actor: said("actor", change.actor)?,
            at: moment(change.at)?,
            notice: said("notice", change.notice)?,
            number,
            previous: Some(to_base64(&self.hash)),
            purpose: said("purpose", change.purpose)?,
            source: said("source", change.source)?,
            subject: token.map(|token| to_base64(&token)),
            tenant: Some(tenant.to_owned()),
            ..Line::default()
        };
        line.say(change.act);
        line.signed(ring)
    }

    /// Where a ledger stands whose last line, without its line feed, this is. Nothing but its spelling is
    /// checked.
    ///
    /// # Errors
    /// [`Malformed`](ErrorKind::Malformed).
    pub fn of_last_line(line: &str) -> Result<Self, Error> {
        let parsed: Option<Line> = serde_json::from_str(line).ok();
        let spelled = parsed.filter(|parsed| canonical(parsed) == line.as_bytes());
        let number = spelled.map(|line| line.number).filter(|number| *number > 0);
        number.map(|number| Self { number, hash: hash(line.as_bytes()) }).ok_or_else(|| {
            malformed(
                line.as_bytes(),
                "the ledger does not end in a line of a ledger: was it changed?",
            )
        })
    }

    /// The number of the last line.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for LedgerHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.number, to_base64(&self.hash))
    }
}

impl FromStr for LedgerHead {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let head = text.split_once('.').and_then(|(number, hash)| {
            let hash = from_base64(hash)?.try_into().ok()?;
            let number = number.parse().ok().filter(|number| (1..=MAX_NUMBER).contains(number))?;
            Some(Self { number, hash })
        });
        head.filter(|head| head.to_string() == text).ok_or_else(|| {
            Error::invalid(
                "the head of a ledger is the number and the hash of a line: 17.… with 43 characters",
            )
        })
    }
}

fn moment(at: u64) -> Result<String, Error> {
    Moment::of(at)
        .map(|moment| moment.to_string())
        .ok_or_else(|| Error::invalid("a ledger keeps times up to the year 9999"))
}

fn said(what: &str, text: Option<&str>) -> Result<Option<String>, Error> {
    if text.is_some_and(|text| text.len() > MAX_TEXT) {
        return Err(Error::invalid(format!("the {what} is at most {MAX_TEXT} bytes in a ledger")));
    }
    Ok(text.map(str::to_owned))
}

/// `[LG-3]`
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    #[default]
    Begin,
    EraseClass,
    EraseSubject,
    Grant,
    Withdraw,
}

/// A line as it is spelled. The members stand in alphabetical order: JCS, RFC 8785, 3.2.3.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    act: Act,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    actor: Option<String>,
    at: String,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    fieldseal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    generation: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    history: Option<bool>,
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    ledger: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    notice: Option<String>,
    number: u64,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    previous: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    signature: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    tenant: Option<String>,
}

impl Line {
    fn say(&mut self, act: &LedgerAct) {
        match act {
            LedgerAct::EraseSubject => self.act = Act::EraseSubject,
            LedgerAct::EraseClass { class, generation } => {
                self.act = Act::EraseClass;
                self.class = Some(class.clone());
                self.generation = Some(*generation);
            }
            LedgerAct::Withdraw { class, role, generation } => {
                self.act = Act::Withdraw;
                self.class = Some(class.clone());
                self.role = Some(role.clone());
                self.generation = Some(*generation);
            }
            LedgerAct::Grant { class, role, generation, with_history } => {
                self.act = Act::Grant;
                self.class = Some(class.clone());
                self.role = Some(role.clone());
                self.generation = Some(*generation);
                self.history = Some(*with_history);
            }
        }
    }

    fn signed(mut self, ring: &KeyRing) -> Result<(String, LedgerHead), Error> {
        let key = signing_key(ring)?;
        self.key = to_hex(&key.id().get().to_be_bytes());
        let unsigned = canonical(&self);
        let signature = key.signer().map(|signer| signer.sign(&[LABEL, &unsigned]));
        self.signature = signature.map(|signature| to_base64(&signature));
        let bytes = canonical(&self);
        // `[LG-2]` The texts are short enough for that; a longer line would make the whole unreadable.
        if bytes.len() > MAX_LINE {
            return Err(Error::invalid("a line of a ledger is at most 32,768 bytes"));
        }
        let head = LedgerHead { number: self.number, hash: hash(&bytes) };
        let mut text =
            String::from_utf8(bytes).map_err(|_| Error::invalid("a line of a ledger is UTF-8"))?;
        text.push('\n');
        Ok((text, head))
    }
}

/// `[LG-5]`
const LABEL: &[u8] = b"fieldseal/v1 ledger";

/// `[LG-4]` SHA-256("fieldseal/v1 ledger line" ‖ the line).
pub(super) fn hash(line: &[u8]) -> [u8; 32] {
    sha256(&[b"fieldseal/v1 ledger line", line])
}

/// A line that was read: what it says, and whether its signature is still to be checked.
pub(super) struct ReadLine {
    /// `None` in the first line.
    pub(super) entry: Option<LedgerEntry>,
    /// The ledger's id, in the first line.
    pub(super) ledger: Option<[u8; 16]>,
    pub(super) head: LedgerHead,
    /// The hash of the line before, as this one names it.
    pub(super) previous: Option<[u8; 32]>,
    pub(super) key: KeyId,
    signature: [u8; 64],
    unsigned: alloc::vec::Vec<u8>,
}

impl ReadLine {
    /// `[LG-1]` to `[LG-4]`: the line behind `before`, without its line feed.
    pub(super) fn parse(text: &str, before: Option<&LedgerHead>) -> Result<Self, Error> {
        let number = before.map_or(1, |before| before.number.saturating_add(1));
        let wrong = |what: &str| Error::malformed(format!("line {number} of the ledger {what}"));
        let line = Self::alone(text, number, before.is_none())?;
        if line.head.number != number {
            return Err(wrong("bears another number: lines are missing, or stand twice"));
        }
        if line.previous != before.map(|before| before.hash) {
            return Err(wrong("does not follow the one before it: lines were changed or removed"));
        }
        Ok(line)
    }

    /// A line by itself, the first of a ledger or another one. `number` is for what is said of it.
    pub(super) fn alone(text: &str, number: u64, first: bool) -> Result<Self, Error> {
        let wrong = |what: &str| Error::malformed(format!("line {number} of the ledger {what}"));
        if text.len() > MAX_LINE {
            return Err(wrong("is longer than 32,768 bytes"));
        }
        if first {
            check_version(text)?;
        }
        let spelled =
            |what: &str| malformed(text.as_bytes(), format!("line {number} of the ledger {what}"));
        let mut line: Line =
            serde_json::from_str(text).map_err(|_| spelled("is not a line, or is damaged"))?;
        if canonical(&line) != text.as_bytes() {
            return Err(spelled("is not in its one spelling"));
        }
        let previous = match line.previous.as_deref().map(from_base64) {
            None if first => None,
            Some(Some(hash)) if !first => hash.try_into().ok(),
            _ => {
                return Err(wrong(
                    "does not follow the one before it: lines were changed or removed",
                ));
            }
        };
        let signature = line.signature.take();
        let unsigned = canonical(&line);
        let signature = signature.as_deref().and_then(from_base64);
        let signature = signature.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        let signature = signature.ok_or_else(|| wrong("has no signature"))?;
        let key = from_hex(&line.key).map(u32::from_be_bytes).and_then(KeyId::new);
        let key = key.ok_or_else(|| wrong("names no key"))?;
        let head = LedgerHead { number: line.number, hash: hash(text.as_bytes()) };
        if head.number > MAX_NUMBER {
            return Err(wrong("has a number beyond 2^53-1"));
        }
        let (entry, ledger) = if first {
            (None, Some(line.begins()?))
        } else {
            (Some(line.entry(key).ok_or_else(|| wrong("says what no ledger says"))?), None)
        };
        Ok(Self { entry, ledger, head, previous, key, signature, unsigned })
    }

    /// `[LG-5]` Whether one of these keys signed it.
    pub(super) fn check(&self, keys: &[VerifyingKey]) -> Result<(), Error> {
        let Some(key) = keys.iter().find(|key| key.id() == self.key) else {
            return Err(Error::new(
                ErrorKind::MissingKey,
                format!(
                    "line {} of the ledger is signed by key {}, which is not among those given",
                    self.head.number, self.key
                ),
            ));
        };
        if key.verify(&[LABEL, &self.unsigned], &self.signature) {
            return Ok(());
        }
        Err(Error::tampered())
    }

    /// Whether the ring knows the key, and the signature verifies by it. A key that does not count any more may
    /// have signed before it was given up, so its lines are followed as well.
    pub(super) fn check_by_ring(&self, ring: &KeyRing) -> Result<(), Error> {
        let key = ring.key(self.key).filter(|key| key.key_use() == KeyUse::Sign);
        let Some(key) = key else {
            return Err(Error::new(
                ErrorKind::MissingKey,
                format!(
                    "the ledger is signed by key {}, which this ring does not know: is it another installation's?",
                    self.key
                ),
            ));
        };
        match key.public_key() {
            Some(public) => self.check(&[VerifyingKey::new(self.key, &public)?]),
            None => Ok(()),
        }
    }
}

/// How a line begins in UTF-16, after a byte order mark, a line feed, or nothing.
const UTF_16: [&[u8]; 4] = [b"\xFF\xFE", b"\xFE\xFF", b"\0{", b"{\0"];

/// What is wrong with a line; or what an editor or a transfer does to a whole file, where that is why.
pub(super) fn malformed(line: &[u8], what: impl Into<Cow<'static, str>>) -> Error {
    if line.starts_with(b"\xEF\xBB\xBF") {
        return Error::malformed(
            "the ledger begins with a byte order mark, which an editor or a transfer put there: remove these three \
             bytes, and the signatures hold again",
        );
    }
    if UTF_16.iter().any(|begin| line.starts_with(begin)) {
        return Error::malformed(
            "the ledger is UTF-16, which an editor or a transfer made of it: convert it to UTF-8 without a byte order \
             mark, and the signatures hold again",
        );
    }
    if line.ends_with(b"\r") {
        return Error::malformed(
            "a line of the ledger ends in a carriage return, which an editor or a transfer put there: make the line \
             ends line feeds alone, and the signatures hold again",
        );
    }
    Error::malformed(what)
}

/// `[LG-1]` What the first line says that this is, before anything else that a later version may spell in
/// another way.
fn check_version(first: &str) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Kind {
        fieldseal: String,
    }
    let kind = serde_json::from_str(first).map(|Object(kind): Object<Kind>| kind.fieldseal);
    match kind.as_deref() {
        Ok(VERSION) => Ok(()),
        Ok(other) if other.starts_with("ledger/") => Err(Error::new(
            ErrorKind::Unsupported,
            "this ledger is of a version that this build does not know: update fieldseal",
        )),
        _ => Err(malformed(first.as_bytes(), "this is not a ledger")),
    }
}

impl Line {
    /// `[LG-1]`
    fn begins(&self) -> Result<[u8; 16], Error> {
        let only = Self {
            act: Act::Begin,
            at: self.at.clone(),
            fieldseal: self.fieldseal.clone(),
            key: self.key.clone(),
            ledger: self.ledger.clone(),
            number: 1,
            ..Self::default()
        };
        let ledger = self.ledger.as_deref().and_then(from_hex);
        if self.act != Act::Begin
            || Moment::parse(&self.at).is_none()
            || canonical(&only) != canonical(self)
        {
            return Err(Error::malformed("the first line of the ledger does not begin one"));
        }
        ledger.ok_or_else(|| Error::malformed("the ledger's id is 32 hexadecimal digits"))
    }

    /// `[LG-3]`
    fn entry(self, key: KeyId) -> Option<LedgerEntry> {
        if self.fieldseal.is_some() || self.ledger.is_some() {
            return None;
        }
        let texts = [&self.actor, &self.notice, &self.purpose, &self.source];
        if texts.into_iter().flatten().any(|text| text.len() > MAX_TEXT) {
            return None;
        }
        let named = |name: String| is_name(&name).then_some(name);
        let counted = |generation: u16| (generation > 0).then_some(generation);
        let act = match (self.act, self.class, self.role, self.generation, self.history) {
            (Act::EraseSubject, None, None, None, None) => LedgerAct::EraseSubject,
            (Act::EraseClass, Some(class), None, Some(generation), None) => {
                LedgerAct::EraseClass { class: named(class)?, generation: counted(generation)? }
            }
            (Act::Withdraw, Some(class), Some(role), Some(generation), None) => {
                let (class, role) = (named(class)?, named(role)?);
                // 0 where there was nothing to be taken out of.
                LedgerAct::Withdraw { class, role, generation }
            }
            (Act::Grant, Some(class), Some(role), Some(generation), Some(with_history)) => {
                LedgerAct::Grant {
                    class: named(class)?,
                    role: named(role)?,
                    generation: counted(generation)?,
                    with_history,
                }
            }
            _ => return None,
        };
        let tenant = self.tenant.filter(|tenant| check_tenant(tenant).is_ok())?;
        let subject = from_base64(&self.subject?)?.try_into().ok().map(SubjectToken)?;
        Some(LedgerEntry {
            number: self.number,
            act,
            tenant,
            subject,
            at: Moment::parse(&self.at)?.seconds(),
            actor: self.actor,
            purpose: self.purpose,
            source: self.source,
            notice: self.notice,
            key,
        })
    }
}

//! A ledger read and verified whole.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::entry::{LedgerEntry, LedgerHead, SubjectToken};
use super::reading::{End, Reading, Salvage};
use super::standing::Ends;
use crate::access::Access;
use crate::audit::{Action, LedgerAct};
use crate::context::{SubjectId, ToId};
use crate::error::{Error, ErrorKind};
use crate::keyring::{KeyId, KeyRing, VerifyingKey};

/// A ledger, verified: every line is signed by a key that the caller trusts, and follows the one before it.
///
/// It names no subject: who holds the secret of the signing key can ask for one person's entries.
///
/// ```
/// use fieldseal::envelope::History;
/// use fieldseal::store::LedgerFile;
/// use fieldseal::{Access, Class, DataKeys, KeyRing};
///
/// const CONTACT: Class = Class::new("contact").readers_with_consent(&["marketing"]);
/// # let path = std::env::temp_dir().join(format!("fieldseal-ledger-{}", std::process::id()));
/// # let _ = std::fs::remove_file(&path);
///
/// let mut ring = KeyRing::generate()?;
/// ring.add_role("marketing")?;
/// ring.add_signing_key()?;
/// let file = LedgerFile::create(&path, &ring)?;
/// let access = Access::new(&ring).ledger(&file).source("form /signup").notice("2026-03");
///
/// let keys = DataKeys::create(access, 42, CONTACT.consented_to(&["marketing"]))?;
/// let ledger = file.read(&ring.verifying_keys())?;
/// let consents = ledger.consents(&ring, 42)?;
/// assert_eq!(consents[0].given.as_ref().unwrap().notice.as_deref(), Some("2026-03"));
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(super) id: [u8; 16],
    pub(super) entries: Vec<LedgerEntry>,
    pub(super) head: LedgerHead,
    pub(super) torn: bool,
    pub(super) meets_known: bool,
    pub(super) doubtful: Vec<RangeInclusive<u64>>,
}

/// What a ledger says of a role and a class of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Consent {
    /// The class.
    pub class: String,
    /// The role.
    pub role: String,
    /// The last grant that stands.
    pub given: Option<LedgerEntry>,
    /// The last withdrawal that took something, else the last one, if there was one.
    pub withdrawn: Option<LedgerEntry>,
    /// All that was said of it, in order: each grant with its evidence, and each withdrawal.
    pub history: Vec<LedgerEntry>,
}

impl Ledger {
    /// Reads and verifies a ledger. A last line without its line feed was never acknowledged to anybody,
    /// and is left out.
    ///
    /// # Errors
    /// [`Malformed`](ErrorKind::Malformed), naming the line; [`Unsupported`](ErrorKind::Unsupported);
    /// [`MissingKey`](ErrorKind::MissingKey) for a line by another key than these;
    /// [`Tampered`](ErrorKind::Tampered).
    pub fn read(text: &str, keys: &[VerifyingKey]) -> Result<Self, Error> {
        Self::verified(text, keys, None)
    }

    /// [`read`](Self::read), where the head that was kept elsewhere shows that nothing up to it was cut
    /// off or changed. The lines up to it need no key among those given: of a compromised one, they stay
    /// good.
    ///
    /// # Errors
    /// As [`read`](Self::read); [`RolledBack`](ErrorKind::RolledBack) when the ledger does not hold that
    /// line.
    pub fn read_known(
        text: &str,
        keys: &[VerifyingKey],
        known: &LedgerHead,
    ) -> Result<Self, Error> {
        Self::verified(text, keys, Some(known))
    }

    fn verified(
        text: &str,
        keys: &[VerifyingKey],
        known: Option<&LedgerHead>,
    ) -> Result<Self, Error> {
        let mut reading = Reading::new(keys, known);
        let mut rest = text;
        while let Some((line, tail)) = rest.split_once('\n') {
            reading.line(line.as_bytes())?;
            rest = tail;
        }
        let end = End::of(rest.as_bytes())?;
        if end == End::Line {
            reading.line(rest.as_bytes())?;
        }
        reading.finish(end == End::Unfinished)
    }

    /// Reads a ledger that is damaged: the lines that verify by themselves, before the damage and after it, also where
    /// the damage is to a line feed. [`doubtful`](Self::doubtful) names the lines that are missing. Of those nothing is
    /// known: what they erased or withdrew, a replay does not make good. `known` is a head that was kept elsewhere, so
    /// that lines cut off at the end are named as well. Where that head is not met, every line is in doubt.
    ///
    /// # Errors
    /// [`Malformed`](ErrorKind::Malformed) when no line verifies by one of these keys.
    pub fn read_damaged(
        text: &[u8],
        keys: &[VerifyingKey],
        known: Option<&LedgerHead>,
    ) -> Result<Self, Error> {
        let mut salvage = Salvage::new(keys, known);
        let mut lines = text.split(|byte| *byte == b'\n');
        let tail = lines.next_back().unwrap_or_default();
        lines.for_each(|line| salvage.line(line));
        salvage.finish(tail)
    }

    /// Puts the lines in doubt that these keys signed, but for those up to `known`, a head that was kept elsewhere before
    /// one of the keys was compromised. Returns the lines by their numbers.
    ///
    /// Call it for a ledger that was read with the verifying key of a compromised key. What that key signed is a claim:
    /// an erasure or a withdrawal in such a line counts; a grant there, or on an earlier line, does not.
    pub fn doubt_lines_by(
        &mut self,
        keys: &[KeyId],
        known: Option<&LedgerHead>,
    ) -> Vec<RangeInclusive<u64>> {
        let covered = known.map_or(0, LedgerHead::number);
        let claims = self.entries.iter().filter(|entry| keys.contains(&entry.key));
        let mut numbers: Vec<u64> =
            claims.map(|entry| entry.number).filter(|number| *number > covered).collect();
        numbers.sort_unstable();
        let mut lines: Vec<RangeInclusive<u64>> = Vec::new();
        for number in numbers {
            match lines.last_mut() {
                Some(last) if number <= last.end().saturating_add(1) => {
                    *last = *last.start()..=number;
                }
                _ => lines.push(number..=number),
            }
        }
        self.doubtful.extend_from_slice(&lines);
        lines
    }

    /// The lines of a [damaged](Self::read_damaged) ledger, by their numbers, that are missing or whose place is
    /// not proven, and those that were [put in doubt](Self::doubt_lines_by). Empty in every other ledger. An erasure or a withdrawal in such a line counts; a grant does not.
    pub fn doubtful(&self) -> &[RangeInclusive<u64>] {
        &self.doubtful
    }

    /// Whether the head that [`read_damaged`](Self::read_damaged) was given is of this ledger: its line is there, or the
    /// one that follows it. `true` without one, and in every ledger that is not damaged.
    pub fn meets_known(&self) -> bool {
        self.meets_known
    }

    /// The ledger's id; zeros in a damaged one whose first line is lost.
    pub fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// Everything in it, in order.
    pub fn entries(&self) -> &[LedgerEntry] {
        &self.entries
    }

    /// Where it stands. Keep it elsewhere, for [`read_known`](Self::read_known).
    pub fn head(&self) -> LedgerHead {
        self.head
    }

    /// Whether it ends in a line that was not finished, and was left out.
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// The entries about one subject of the access's tenant, in order. The audit is told who was looked up.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) when the ring lacks the secret of a key that signed here, as
    /// then it cannot be told whom those lines are about; [`InvalidInput`](ErrorKind::InvalidInput) for
    /// a tenant or an id that is none; [`Audit`](ErrorKind::Audit) when the audit refuses.
    pub fn of<'a>(
        &self,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<Vec<&LedgerEntry>, Error> {
        let (access, subject) = (access.into(), SubjectId::new(subject)?);
        access.audited(Action::ReadLedger, &subject, &[], None, || {
            let tenant = access.checked_tenant()?;
            let tokens = Tokens::of(access.ring(), &[self])?.about(tenant, &subject);
            let about = |entry: &&LedgerEntry| {
                entry.tenant == tenant && tokens.contains(&(entry.key, entry.subject))
            };
            Ok(self.entries.iter().filter(about).collect())
        })
    }

    /// What one subject consented to, and withdrew: one for each class and role that the ledger knows.
    /// An erasure does not end a consent, but what it was given for.
    ///
    /// It is what was said. What holds is which wrapped keys the envelope has.
    ///
    /// The time is in proportion to the entries of the ledger, and small beside that of reading it: 2 ms for 100,000
    /// entries, of which one person has 4,000. Reading verifies the signature of every line, the other persons' too,
    /// because only then it is sure that none was left out or changed: 58 µs a line. Lines up to a head that was kept
    /// need no signature ([`read_known`](Self::read_known)): 4 µs a line. An entry takes about 400 bytes of memory;
    /// `LedgerFile::consents` holds those of one person alone.
    /// (`cargo bench --features file --bench ledger`, a virtual machine with a Xeon.)
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn consents<'a>(
        &self,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<Vec<Consent>, Error> {
        let last_doubt = self.doubtful.iter().map(|lines| *lines.end()).max().unwrap_or_default();
        Ok(consents(self.of(access, subject)?, last_doubt))
    }
}

/// What the entries about one subject say of each class and role. Up to `last_doubt`, lines are missing.
pub(super) fn consents(entries: Vec<&LedgerEntry>, last_doubt: u64) -> Vec<Consent> {
    let mut places: BTreeMap<(&str, &str), Vec<&LedgerEntry>> = BTreeMap::new();
    for entry in entries {
        if let LedgerAct::Grant { class, role, .. } | LedgerAct::Withdraw { class, role, .. } =
            &entry.act
        {
            places.entry((class, role)).or_default().push(entry);
        }
    }
    let consents = places.into_iter().map(|((class, role), told)| {
        let mut ends = Ends::default();
        told.iter().for_each(|entry| ends.add(entry));
        // Where lines are missing, a withdrawal may be among them: in doubt the role is out.
        let stands =
            |grant: &&&LedgerEntry| grant.number > last_doubt && ends.are_before(grant, true);
        let is_withdrawal = |entry: &&&LedgerEntry| matches!(entry.act, LedgerAct::Withdraw { .. });
        let took = |entry: &&&LedgerEntry| {
            matches!(entry.act, LedgerAct::Withdraw { generation: 1.., .. })
        };
        let copied = |entry: &&LedgerEntry| LedgerEntry::clone(entry);
        Consent {
            class: class.into(),
            role: role.into(),
            given: told.iter().rfind(stands).map(copied),
            withdrawn: told.iter().rfind(took).or(told.iter().rfind(is_withdrawal)).map(copied),
            history: told.iter().map(copied).collect(),
        }
    });
    consents.collect()
}

/// The keys by which subjects are told in ledgers.
pub(super) struct Tokens<'r> {
    ring: &'r KeyRing,
    keys: Vec<KeyId>,
}

impl<'r> Tokens<'r> {
    pub(super) fn of(ring: &'r KeyRing, ledgers: &[&Ledger]) -> Result<Self, Error> {
        let entries = ledgers.iter().flat_map(|ledger| &ledger.entries);
        let mut keys: Vec<_> = entries.map(|entry| entry.key).collect();
        keys.sort_unstable();
        keys.dedup();
        Self::of_keys(ring, keys)
    }

    fn of_keys(ring: &'r KeyRing, keys: Vec<KeyId>) -> Result<Self, Error> {
        for id in &keys {
            let tells = ring.key(*id).and_then(|key| key.token("", &SubjectId::NONE));
            if tells.is_none() {
                return Err(Error::new(
                    ErrorKind::MissingKey,
                    format!(
                        "the ledger names subjects by key {id}, whose secret this ring does not hold: use the ring that \
                         has it"
                    ),
                ));
            }
        }
        Ok(Self { ring, keys })
    }

    /// By which tokens the subject is named, under each key.
    pub(super) fn about(&self, tenant: &str, subject: &SubjectId) -> Vec<(KeyId, SubjectToken)> {
        let tokens = self.keys.iter().filter_map(|id| {
            Some((*id, SubjectToken(self.ring.key(*id)?.token(tenant, subject)?)))
        });
        tokens.collect()
    }
}

/// One subject's entries, which are picked while a ledger is read: the others are let go.
pub(crate) struct OfOne<'r> {
    ring: &'r KeyRing,
    tenant: &'r str,
    subject: &'r SubjectId,
    /// The keys that were met, and the tokens under those whose secrets the ring holds.
    keys: BTreeSet<KeyId>,
    tokens: Vec<(KeyId, SubjectToken)>,
    missing: Option<Error>,
}

impl<'r> OfOne<'r> {
    pub(crate) fn new(ring: &'r KeyRing, tenant: &'r str, subject: &'r SubjectId) -> Self {
        Self { ring, tenant, subject, keys: BTreeSet::new(), tokens: Vec::new(), missing: None }
    }

    pub(crate) fn picks(&mut self, entry: &LedgerEntry) -> bool {
        if self.keys.insert(entry.key) {
            match Tokens::of_keys(self.ring, [entry.key].into()) {
                Ok(tokens) => self.tokens.extend(tokens.about(self.tenant, self.subject)),
                Err(error) => self.missing = self.missing.take().or(Some(error)),
            }
        }
        entry.tenant == self.tenant && self.tokens.contains(&(entry.key, entry.subject))
    }

    /// What the entries say that were picked of a ledger, which is verified.
    pub(crate) fn consents(self, picked: &Ledger) -> Result<Vec<Consent>, Error> {
        // `[LG-6]` Not before the ledger was read.
        self.missing.map_or(Ok(()), Err)?;
        Ok(consents(picked.entries.iter().collect(), 0))
    }
}

//! A ledger in a file of lines.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::disk::{self, Appending, Lines};
use crate::access::Access;
use crate::audit::{Action, LedgerChange, LedgerSink};
use crate::clock::Clock;
use crate::context::{SubjectId, ToId};
use crate::error::{Error, ErrorKind};
use crate::keyring::{KeyRing, VerifyingKey};
use crate::ledger::{
    Consent, End, Ledger, LedgerHead, MAX_LINE, OfOne, Reading, Salvage, check_end, check_last,
    damaged_end, follow, none_whole, rolled_back,
};

/// The largest ledger that is written, in bytes.
const LARGEST: u64 = 16 << 30;

/// A ledger in a file: one signed line of JSON for each entry, each following from the one before it.
///
/// Give it to [`Access::ledger`](crate::Access::ledger). A line is on the disk before the change that it
/// tells of is returned. Several processes may add to one file, in turns; servers that share no disk keep
/// a ledger each. Keep it, with its [head](Ledger::head), where the database and its backups are not: a
/// restored database is made right by [what it says](crate::ledger::Replay).
///
/// Adding a line waits for the disk, also in an `async fn`: some milliseconds, as each is synced. Before that, the last
/// line is checked: that it is whole, follows the one before it, and is signed by a key of the ring. Nothing is added
/// after a line that does not verify. [`open`](Self::open), and the first line that is added to a file, check its first
/// line as well. This costs a tenth of a millisecond, whatever the file's size. The lines in between are checked by
/// [`check`](Self::check) and [`read`](Self::read) alone.
#[derive(Debug)]
pub struct LedgerFile {
    path: PathBuf,
    any_permissions: bool,
    /// Where it stood last, and where in the file that is: it only grows.
    seen: Mutex<Option<(u64, LedgerHead)>>,
}

impl LedgerFile {
    /// Begins a ledger in a new file, which only its owner can use. One that is there is refused.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io); [`MissingKey`](ErrorKind::MissingKey) without a primary signing key;
    /// [`Randomness`](ErrorKind::Randomness).
    pub fn create(path: impl Into<PathBuf>, ring: &KeyRing) -> Result<Self, Error> {
        let path = path.into();
        let (line, head) = LedgerHead::begin(ring, Clock::System.now()?)?;
        disk::create(&path, line.as_bytes())?;
        let seen = Some((length(&line), head));
        Ok(Self { path, any_permissions: false, seen: Mutex::new(seen) })
    }

    /// Opens the ledger in this file to add to it, and checks its ends as [`append`](LedgerSink::append) does. Call
    /// it when a service starts: a wrong path, a ledger of another ring and a damaged end then do not wait for the
    /// first erasure. From now on, a ledger that is cut off or replaced is refused.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io); [`Permissions`](ErrorKind::Permissions); [`Locked`](ErrorKind::Locked);
    /// [`Malformed`](ErrorKind::Malformed) or [`Unsupported`](ErrorKind::Unsupported) if the first or the last line
    /// is not one of a ledger, or the last one does not follow the one before it; [`Tampered`](ErrorKind::Tampered) if
    /// the signature of one does not verify; [`MissingKey`](ErrorKind::MissingKey) if the ring knows the key of
    /// neither.
    pub fn open(path: impl Into<PathBuf>, ring: &KeyRing) -> Result<Self, Error> {
        let opened = Self::at(path);
        let mut file = Appending::open(&opened.path, false)?;
        let (head, end) = check_ends(&mut file, ring, false)?;
        Ok(Self { seen: Mutex::new(Some((end, head))), ..opened })
    }

    /// The ledger in this file, to read it. Nothing is checked yet: [`read`](Self::read) verifies every line, and the
    /// first line that is added checks what [`open`](Self::open) checks.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), any_permissions: false, seen: Mutex::new(None) }
    }

    /// Takes a file that others than its owner can use.
    pub fn any_permissions(mut self) -> Self {
        self.any_permissions = true;
        self
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads and verifies the ledger, line by line: the entries stay in memory, and not the lines.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io), [`Permissions`](ErrorKind::Permissions), and those of [`Ledger::read`].
    pub fn read(&self, keys: &[VerifyingKey]) -> Result<Ledger, Error> {
        self.verified(keys, None)
    }

    /// [`read`](Self::read), with the head that was kept elsewhere.
    ///
    /// # Errors
    /// As [`read`](Self::read), and those of [`Ledger::read_known`].
    pub fn read_known(&self, keys: &[VerifyingKey], known: &LedgerHead) -> Result<Ledger, Error> {
        self.verified(keys, Some(known))
    }

    fn verified(&self, keys: &[VerifyingKey], known: Option<&LedgerHead>) -> Result<Ledger, Error> {
        let mut reading = Reading::new(keys, known);
        let torn = self.each_line(|line| reading.line(line))?;
        reading.finish(torn)
    }

    /// Reads what verifies of a damaged ledger. See [`Ledger::read_damaged`].
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io), [`Permissions`](ErrorKind::Permissions), and those of
    /// [`Ledger::read_damaged`].
    pub fn read_damaged(
        &self,
        keys: &[VerifyingKey],
        known: Option<&LedgerHead>,
    ) -> Result<Ledger, Error> {
        let mut salvage = Salvage::new(keys, known);
        let tail = self.each_whole_line(|line| {
            salvage.line(line);
            Ok(())
        })?;
        salvage.finish(&tail)
    }

    /// What one subject consented to, and withdrew, as [`Ledger::consents`] says it of the ledger in this file. Every
    /// line is read and verified by the keys of the ring, and the entries of this subject alone are held in memory.
    /// `known` is a head that was kept elsewhere: the lines up to it need no signature, and take a tenth of the time or less.
    ///
    /// # Errors
    /// Those of [`read_known`](Self::read_known) and [`Ledger::of`].
    pub fn consents<'a>(
        &self,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
        known: Option<&LedgerHead>,
    ) -> Result<Vec<Consent>, Error> {
        let (access, subject) = (access.into(), SubjectId::new(subject)?);
        access.audited(Action::ReadLedger, &subject, &[], None, || {
            let keys = access.ring().verifying_keys();
            let mut of_one = OfOne::new(access.ring(), access.checked_tenant()?, &subject);
            let mut reading = Reading::new(&keys, known);
            let torn = self.each_line(|line| reading.line_if(line, |entry| of_one.picks(entry)))?;
            of_one.consents(&reading.finish(torn)?)
        })
    }

    /// Checks that no line is damaged or missing, and returns the head: that each line names the hash of the
    /// one before it, that the last one is signed by one of these keys, and that the known head is met. Only
    /// the holder of a signing key can have changed what passes.
    ///
    /// Call it every week, with the head of the last time: adding a line looks at the ends of the file alone. It holds
    /// one line in memory and verifies one signature, so that a million lines take about a second (measured: 0.8 s,
    /// `cargo bench --features file --bench ledger`, a virtual machine with a Xeon). [`read`](Self::read) verifies
    /// every signature, which takes about a minute.
    ///
    /// # Errors
    /// [`Malformed`](ErrorKind::Malformed), naming the line; [`Tampered`](ErrorKind::Tampered) and
    /// [`MissingKey`](ErrorKind::MissingKey) of the last line; [`RolledBack`](ErrorKind::RolledBack) when the known
    /// head is not met; [`Io`](ErrorKind::Io); [`Permissions`](ErrorKind::Permissions).
    pub fn check(
        &self,
        keys: &[VerifyingKey],
        known: Option<&LedgerHead>,
    ) -> Result<LedgerHead, Error> {
        let (mut before, mut head, mut last) = (None, None, Vec::new());
        self.each_line(|line| {
            before = head;
            let next = follow(before.as_ref(), line)?;
            if known.is_some_and(|known| known.number() == next.number() && *known != next) {
                return known.map_or(Ok(()), |known| Err(rolled_back(known)));
            }
            head = Some(next);
            last.clear();
            last.extend_from_slice(line);
            Ok(())
        })?;
        let reached = head.map_or(0, |head| head.number());
        if let Some(known) = known.filter(|known| known.number() > reached) {
            return Err(rolled_back(known));
        }
        let head = head.ok_or_else(none_whole)?;
        // The known head vouches for what it covers.
        if known != Some(&head) {
            check_last(before.as_ref(), &last, keys)?;
        }
        Ok(head)
    }

    /// Where the ledger stands, by its last whole line alone, of which only the spelling is checked. Keep it elsewhere,
    /// and give it to a later call. To give it to one at once proves nothing: the head then vouches for itself.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io), [`Permissions`](ErrorKind::Permissions), [`Locked`](ErrorKind::Locked);
    /// [`Malformed`](ErrorKind::Malformed) where the file does not end in a line of a ledger.
    pub fn head(&self) -> Result<LedgerHead, Error> {
        let mut file = Appending::open(&self.path, self.any_permissions)?;
        head_of(&last_line(&mut file)?.0)
    }

    /// `[LG-1]` Each line, the last one too if it lacks its line feed alone. Whether an unfinished one follows.
    fn each_line(&self, mut line: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<bool, Error> {
        let tail = self.each_whole_line(&mut line)?;
        let end = End::of(&tail)?;
        if end == End::Line {
            line(&tail)?;
        }
        Ok(end == End::Unfinished)
    }

    /// Each line that ends in a line feed. Returns what is behind the last one.
    fn each_whole_line(
        &self,
        mut line: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Vec<u8>, Error> {
        let mut lines = Lines::open(&self.path, self.any_permissions, MAX_LINE)?;
        let mut held = Vec::new();
        while lines.next(&mut held)? {
            line(&held)?;
        }
        Ok(held)
    }
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// Where a ledger stands whose last line these bytes are.
fn head_of(line: &[u8]) -> Result<LedgerHead, Error> {
    LedgerHead::of_last_line(core::str::from_utf8(line).unwrap_or_default())
}

/// The last line, without its line feed, where it ends, and whether it lacks that line feed.
fn last_line(file: &mut Appending) -> Result<(Vec<u8>, u64, bool), Error> {
    let (line, end, tail) = file.last_line(MAX_LINE)?;
    match End::of(&tail) {
        Ok(End::Line) => {
            let end = end.saturating_add(u64::try_from(tail.len()).unwrap_or(u64::MAX));
            Ok((tail, end, true))
        }
        Ok(End::Nothing | End::Unfinished) if end > 0 => Ok((line, end, false)),
        Ok(End::Nothing | End::Unfinished) => Err(none_whole()),
        Err(_) => Err(damaged_end(&file.first_line(MAX_LINE)?.unwrap_or(tail))),
    }
}

/// `[LG-9]` Checks the line that the next one is to follow, and returns where the ledger stands, and where in
/// the file. If it was not seen before, the first line is checked as well.
///
/// Of these two lines, the ring must know who signed one: another service may have taken a newer key. A ledger in which
/// two rings write that do not know each other can be read by neither.
fn check_ends(
    file: &mut Appending,
    ring: &KeyRing,
    is_seen: bool,
) -> Result<(LedgerHead, u64), Error> {
    let (last, end, lacks_feed) = last_line(file)?;
    let start = end
        .saturating_sub(u64::try_from(last.len()).unwrap_or(u64::MAX))
        .saturating_sub(u64::from(!lacks_feed));
    let before = match start {
        0 => None,
        _ => Some(file.line_to(start, MAX_LINE)?.ok_or_else(none_whole)?),
    };
    let (head, signed) = check_end(before.as_deref(), &last, ring)?;
    let is_unknown = |error: &Error| error.kind() == ErrorKind::MissingKey;
    if is_seen && !signed.as_ref().is_err_and(is_unknown) {
        signed?;
    } else {
        let first = file.first_line(MAX_LINE)?.ok_or_else(none_whole)?;
        match (signed, check_end(None, &first, ring)?.1) {
            (Ok(()), Err(error)) | (Err(error), Ok(())) if is_unknown(&error) => {}
            (signed, begun) => signed.and(begun)?,
        }
    }
    if lacks_feed {
        file.add(end, b"\n")?;
    }
    Ok((head, end.saturating_add(u64::from(lacks_feed))))
}

impl LedgerSink for LedgerFile {
    fn append(&self, ring: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
        // Whoever panicked left an earlier head, which is one to stand behind as well.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = Appending::open(&self.path, self.any_permissions)?;
        let (mut head, end) = check_ends(&mut file, ring, seen.is_some())?;
        if let Some((place, seen)) = &*seen {
            let line = file.line_to(*place, MAX_LINE)?;
            if line.and_then(|line| head_of(&line).ok()).as_ref() != Some(seen) {
                return Err(Error::new(
                    ErrorKind::RolledBack,
                    format!(
                        "the ledger {} was cut off or replaced while it was used",
                        self.path.display()
                    ),
                ));
            }
        }
        let mut lines = String::new();
        for change in changes {
            let (line, next) = head.next(ring, change)?;
            lines.push_str(&line);
            head = next;
        }
        let grown = end.saturating_add(length(&lines));
        if grown > LARGEST {
            return Err(Error::new(
                ErrorKind::Exhausted,
                format!(
                    "the ledger {} is full: begin another, and play both back",
                    self.path.display()
                ),
            ));
        }
        file.add(end, lines.as_bytes())?;
        *seen = Some((grown, head));
        Ok(())
    }
}

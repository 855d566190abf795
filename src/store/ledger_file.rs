//! A ledger in a file of lines.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use alloc::format;
use alloc::string::String;

use super::disk::{self, Appending};
use crate::access::{LedgerChange, LedgerSink};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::keyring::{KeyRing, VerifyingKey};
use crate::ledger::{Ledger, LedgerHead, MAX_LINE};

/// The largest ledger that is read, in bytes: all of it is in memory then.
const LARGEST: u64 = 16 << 30;

/// A ledger in a file: one signed line of JSON for each entry, each following from the one before it.
///
/// Give it to [`Access::ledger`](crate::Access::ledger). A line is on the disk before the change that it
/// tells of is returned. Several processes may add to one file, in turns; servers that share no disk keep
/// a ledger each. Keep it, with its [head](Ledger::head), where the database and its backups are not: a
/// restored database is made right by [what it says](crate::Replay).
///
/// Adding a line waits for the disk, also in an `async fn`: some milliseconds, as each is synced.
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

    /// The ledger in this file, which is there. What is in it is verified when it is
    /// [read](Self::read).
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

    /// Reads and verifies the ledger.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io), [`Permissions`](ErrorKind::Permissions), and those of [`Ledger::read`].
    pub fn read(&self, keys: &[VerifyingKey]) -> Result<Ledger, Error> {
        Ledger::read(&self.text()?, keys)
    }

    /// [`read`](Self::read), with the head that was kept elsewhere.
    ///
    /// # Errors
    /// As [`read`](Self::read), and those of [`Ledger::read_known`].
    pub fn read_known(&self, keys: &[VerifyingKey], known: &LedgerHead) -> Result<Ledger, Error> {
        Ledger::read_known(&self.text()?, keys, known)
    }

    fn text(&self) -> Result<String, Error> {
        let mut content = disk::read(&self.path, self.any_permissions, LARGEST)?;
        let mut bytes = core::mem::take(&mut *content.bytes);
        // An unfinished end may stop inside a character.
        let end =
            bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last.saturating_add(1));
        let unfinished = bytes.split_off(end);
        let mut text = String::from_utf8(bytes)
            .map_err(|_| Error::malformed(format!("{} is no ledger", self.path.display())))?;
        text.push_str(&String::from_utf8_lossy(&unfinished));
        Ok(text)
    }
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// Where a ledger stands whose last line these bytes are.
fn head_of(line: &[u8]) -> Result<LedgerHead, Error> {
    LedgerHead::of_last_line(core::str::from_utf8(line).unwrap_or_default())
}

/// That the ring knows who signed the last line; or the first one, where another has taken a newer key
/// since. A ledger in which two rings write that do not know each other can be read by neither.
fn check_is_ours(file: &mut Appending, last: &[u8], ring: &KeyRing) -> Result<(), Error> {
    let by_ring = |line: &[u8]| {
        LedgerHead::check_signer(core::str::from_utf8(line).unwrap_or_default(), ring)
    };
    match by_ring(last) {
        Err(error) if error.kind() == ErrorKind::MissingKey => match file.first_line(MAX_LINE)? {
            Some(first) if by_ring(&first).is_ok() => Ok(()),
            _ => Err(error),
        },
        result => result,
    }
}

impl LedgerSink for LedgerFile {
    fn append(&self, ring: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
        // Whoever panicked left an earlier head, which is one to stand behind as well.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = Appending::open(&self.path, self.any_permissions)?;
        let (last, end) = file.last_line(MAX_LINE)?;
        let mut head = head_of(&last)?;
        check_is_ours(&mut file, &last, ring)?;
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

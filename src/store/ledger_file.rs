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
    /// Where it stood last: it only grows.
    seen: Mutex<Option<LedgerHead>>,
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
        Ok(Self { path, any_permissions: false, seen: Mutex::new(Some(head)) })
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
        String::from_utf8(core::mem::take(&mut *content.bytes)).or_else(|error| {
            let valid = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            // `[LG-1]` A line that was not finished may end within a character.
            let is_torn = !bytes.get(valid..).is_some_and(|rest| rest.contains(&b'\n'));
            bytes.truncate(valid);
            String::from_utf8(bytes)
                .ok()
                .filter(|_| is_torn)
                .ok_or_else(|| Error::malformed(format!("{} is no ledger", self.path.display())))
        })
    }
}

impl LedgerSink for LedgerFile {
    fn append(&self, ring: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
        // Whoever panicked left an earlier head, which is one to stand behind as well.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = Appending::open(&self.path, self.any_permissions)?;
        let last = file.last_line(MAX_LINE)?;
        let last = core::str::from_utf8(&last).unwrap_or_default();
        let mut head = LedgerHead::of_last_line(last)?;
        let is_same_or_later = |seen: &LedgerHead| head == *seen || head.number() > seen.number();
        if !seen.as_ref().is_none_or(is_same_or_later) {
            return Err(Error::new(
                ErrorKind::RolledBack,
                format!(
                    "the ledger {} was cut off or replaced while it was used",
                    self.path.display()
                ),
            ));
        }
        let mut lines = String::new();
        for change in changes {
            let (line, next) = head.next(ring, change)?;
            lines.push_str(&line);
            head = next;
        }
        file.add(lines.as_bytes())?;
        *seen = Some(head);
        Ok(())
    }
}

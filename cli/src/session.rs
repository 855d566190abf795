//! One run: what every command was given, and the ring it is about.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use fieldseal::keyring::{Floor, LockedRing, RingDocument};
use fieldseal::{Error, RingFile};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::args::{Common, Unlocking};
use crate::exit::{Exit, Failure};
use crate::files::{self, Content};
use crate::output::Output;
use crate::secrets::unlock::unlock;

const DEFAULT_RING: &str = "fieldseal-ring.json";

/// What a command works with.
pub(crate) struct Session<'a> {
    pub(crate) common: &'a Common,
    pub(crate) output: &'a Output,
}

impl Session<'_> {
    /// Where the ring is.
    pub(crate) fn path(&self) -> PathBuf {
        self.common.ring.clone().unwrap_or_else(|| DEFAULT_RING.into())
    }

    /// The ring's file.
    pub(crate) fn file(&self) -> RingFile {
        self.file_at(&self.path())
    }

    /// A ring's file elsewhere.
    pub(crate) fn file_at(&self, path: &Path) -> RingFile {
        let file = RingFile::at(path);
        if self.common.any_permissions { file.any_permissions() } else { file }
    }

    /// The ring, before it is believed.
    pub(crate) fn read(&self, floor: Option<Floor>) -> Result<LockedRing, Failure> {
        self.check_present()?;
        Ok(self.file().floor(floor.unwrap_or_default()).read()?)
    }

    /// The ring, where a command needs it for no more than the names of keys. One that was named on the
    /// command line must be readable; one that the environment or the folder happens to have need not.
    pub(crate) fn names(&self) -> Result<Option<LockedRing>, Failure> {
        match self.read(None) {
            Ok(locked) => Ok(Some(locked)),
            Err(failure) if self.common.ring_is_said => Err(failure),
            Err(failure) => {
                if self.common.ring.is_some() || self.path().exists() {
                    self.output.warning(format_args!(
                        "the keys are named by their ids alone: {}",
                        failure.error
                    ));
                }
                Ok(None)
            }
        }
    }

    /// Fails where there is no ring, with the words that help.
    pub(crate) fn check_present(&self) -> Result<(), Failure> {
        let path = self.path();
        // The likeliest mistake is to stand in another folder.
        if !path.exists() {
            return Err(Failure::new(
                Exit::File,
                format!("there is no ring at {}", path.display()),
                "say where it is by --ring PATH or FIELDSEAL_RING, or make one: fieldseal ring init",
            ));
        }
        Ok(())
    }

    /// The ring, unlocked as the command line says.
    pub(crate) fn open(&self, unlocking: &Unlocking) -> Result<RingDocument, Failure> {
        unlock(&self.read(unlocking.floor)?, unlocking, self.common, self.output)
    }

    /// Opens the ring, changes it, and stores it.
    pub(crate) fn change<T>(
        &self,
        unlocking: &Unlocking,
        change: impl FnOnce(&mut RingDocument) -> Result<T, Error>,
    ) -> Result<(RingDocument, T), Failure> {
        self.change_opened(&self.open(unlocking)?, unlocking.by.fingerprint.as_deref(), change)
    }

    /// Changes an opened ring, and stores it: under the lock, and on top of what another process may
    /// have stored while a passphrase was typed.
    pub(crate) fn change_opened<T>(
        &self,
        document: &RingDocument,
        fingerprint: Option<&str>,
        change: impl FnOnce(&mut RingDocument) -> Result<T, Error>,
    ) -> Result<(RingDocument, T), Failure> {
        let again = |locked: &LockedRing| match fingerprint {
            Some(text) => locked.open_pinned(&text.parse()?),
            None if document.opened_by().is_none() => locked.open_unprotected(),
            None => document.reopen(locked),
        };
        Ok(self.file().update_with(again, change)?)
    }

    /// What comes by standard input.
    pub(crate) fn input(&self, content: Content) -> Result<Zeroizing<Vec<u8>>, Failure> {
        if std::io::stdin().is_terminal() {
            self.output.talk("reading from the terminal; Ctrl-D ends it");
        }
        files::read_stdin(content)
    }

    /// Reports a stored change as JSON or text.
    pub(crate) fn changed(
        &self,
        document: &RingDocument,
        mut what: Value,
        text: &str,
    ) -> Result<(), Failure> {
        if let Some(members) = what.as_object_mut() {
            members.insert("ring".into(), json!(self.path().display().to_string()));
            members.insert("generation".into(), json!(document.generation()));
            members.insert("floor".into(), json!(document.floor().to_string()));
        }
        self.output.done(&what, text)
    }
}

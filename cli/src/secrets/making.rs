//! What a new slot is opened by: a passphrase, asked for twice, or a raw key in a file.

use std::path::{Path, PathBuf};

use fieldseal::Error;
use fieldseal::keyring::{
    Argon2Cost, Credential, LockedRing, Passphrase, RingDocument, SlotId, SlotKey,
};
use zeroize::Zeroizing;

use super::terminal::Terminal;
use super::unlock::{PASSPHRASE_FILE_VARIABLE, key_of_file, terminal};
use super::{line_of_descriptor, line_of_variable, path_in};
use crate::args::Common;
use crate::args::ring::{Init, NewSlot, SlotMade};
use crate::exit::{Exit, Failure};
use crate::files;
use crate::output::Output;

/// The variable that names a file with the passphrase of a new slot, beside the one that unlocks.
const NEW_PASSPHRASE_FILE_VARIABLE: &str = "FIELDSEAL_NEW_PASSPHRASE_FILE";

/// Shorter passphrases are warned of.
const SHORT: usize = 12;

/// Where the credential of a new slot comes from.
pub(crate) struct Making<'a> {
    descriptor: Option<u32>,
    key_file: Option<&'a Path>,
    #[cfg(feature = "pkcs11")]
    token_key: Option<&'a str>,
    generate: bool,
    made: &'a SlotMade,
    variable: &'static str,
    flag: &'static str,
}

/// What opens a new slot.
pub(crate) struct Made {
    opening: Opening,
    label: String,
    /// The file that was made for it.
    pub(crate) key_file: Option<KeyFile>,
}

enum Opening {
    Credential(Credential),
    #[cfg(feature = "pkcs11")]
    Token(Box<super::token::TokenKey>),
}

impl Made {
    /// Opens a ring that has such a slot.
    pub(crate) fn unlock(&self, locked: &LockedRing) -> Result<RingDocument, Error> {
        match &self.opening {
            Opening::Credential(credential) => locked.unlock(credential),
            #[cfg(feature = "pkcs11")]
            Opening::Token(key) => key.unlock(locked),
        }
    }

    /// Adds the slot to a ring.
    pub(crate) fn add_to(&self, document: &mut RingDocument) -> Result<SlotId, Error> {
        match &self.opening {
            Opening::Credential(credential) => document.add_slot(&self.label, credential),
            #[cfg(feature = "pkcs11")]
            Opening::Token(key) => key.add_slot(document, &self.label),
        }
    }
}

/// A key file that was made, and goes again unless the ring that needs it is stored.
pub(crate) struct KeyFile {
    path: PathBuf,
    kept: bool,
}

impl KeyFile {
    /// The ring is stored: the file stays.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.kept = true;
        self.path.clone()
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl<'a> From<&'a Init> for Making<'a> {
    fn from(init: &'a Init) -> Self {
        Self {
            descriptor: init.passphrase_fd,
            key_file: init.key_file.as_deref(),
            #[cfg(feature = "pkcs11")]
            token_key: None,
            generate: init.generate,
            made: &init.slot,
            variable: PASSPHRASE_FILE_VARIABLE,
            flag: "--passphrase-fd",
        }
    }
}

impl<'a> From<&'a NewSlot> for Making<'a> {
    fn from(new: &'a NewSlot) -> Self {
        Self {
            descriptor: new.new_passphrase_fd,
            key_file: new.new_key_file.as_deref(),
            #[cfg(feature = "pkcs11")]
            token_key: new.new_pkcs11_key.as_deref(),
            generate: new.generate,
            made: &new.slot,
            variable: NEW_PASSPHRASE_FILE_VARIABLE,
            flag: "--new-passphrase-fd",
        }
    }
}

impl Making<'_> {
    /// Whether something was said of the new slot on the command line, or by the variable.
    pub(crate) fn is_given(&self) -> bool {
        #[cfg(feature = "pkcs11")]
        if self.token_key.is_some() {
            return true;
        }
        self.descriptor.is_some() || self.key_file.is_some() || path_in(self.variable).is_some()
    }

    /// Comes by what opens the slot; a key file is made with it.
    pub(crate) fn make(&self, common: &Common, output: &Output) -> Result<Made, Failure> {
        let label = |default: &str| self.made.label.clone().unwrap_or_else(|| default.to_owned());
        if let Some(path) = self.key_file {
            let (key, key_file) = if self.generate {
                let (key, file) = generate(path)?;
                (key, Some(file))
            } else {
                (
                    key_of_file(path, common.any_permissions).map_err(|mut failure| {
                        if !path.exists() {
                            failure.next = "to make it, add --generate".to_owned();
                        }
                        failure
                    })?,
                    None,
                )
            };
            return Ok(Made {
                opening: Opening::Credential(key.into()),
                label: label("key file"),
                key_file,
            });
        }
        #[cfg(feature = "pkcs11")]
        if let Some(uri) = self.token_key {
            let key = super::token::TokenKey::of(uri, common)?;
            if self.generate {
                key.generate()?;
            }
            let opening = Opening::Token(Box::new(key));
            return Ok(Made { opening, label: label("token"), key_file: None });
        }
        let text = match (self.descriptor, path_in(self.variable)) {
            (Some(number), _) => line_of_descriptor(number)?,
            (None, Some(path)) => line_of_variable(self.variable, &path, common.any_permissions)?,
            (None, None) => self.ask(common, output)?,
        };
        if text.chars().count() < SHORT {
            output.warning(format_args!(
                "a passphrase of fewer than {SHORT} characters can be guessed by whoever copies the \
                 file: four or more words picked at random are better"
            ));
        }
        let cost = self.cost()?;
        let passphrase = Passphrase::new(&text)?.cost(cost);
        Ok(Made {
            opening: Opening::Credential(passphrase.into()),
            label: label("passphrase"),
            key_file: None,
        })
    }

    fn cost(&self) -> Result<Argon2Cost, Failure> {
        let default = Argon2Cost::default();
        let memory =
            self.made.memory_mib.map_or(default.memory_kib(), |mib| mib.saturating_mul(1024));
        let passes = self.made.passes.unwrap_or(default.passes());
        Ok(Argon2Cost::new(memory, passes, default.lanes())?)
    }

    fn ask(&self, common: &Common, output: &Output) -> Result<Zeroizing<String>, Failure> {
        let mut terminal = terminal(common).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "the new slot needs a passphrase, and there is no terminal to ask for it",
                format!(
                    "give it by {} or {}, or a raw key by a key file",
                    self.variable, self.flag
                ),
            )
        })?;
        ask_twice(&mut terminal, output)
    }
}

fn ask_twice(terminal: &mut Terminal, output: &Output) -> Result<Zeroizing<String>, Failure> {
    loop {
        let text = terminal.ask_secret("New passphrase: ")?;
        if text.is_empty() {
            output.warning("an empty passphrase protects nothing; choose one");
            continue;
        }
        if terminal.ask_secret("The same again: ")? == text {
            return Ok(text);
        }
        output.warning("the two were not the same; once more");
    }
}

fn generate(path: &Path) -> Result<(SlotKey, KeyFile), Failure> {
    // Said before the library does, so that the next step is named.
    files::check_absent(path)?;
    let key = SlotKey::generate()?;
    key.create_file(path)?;
    Ok((key, KeyFile { path: path.to_owned(), kept: false }))
}

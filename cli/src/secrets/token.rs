//! Keys of PKCS#11 tokens: HSMs and smart cards.

use fieldseal::Error;
use fieldseal::keyring::{LockedRing, RingDocument, SlotId, Unlock as _};
use fieldseal::pkcs11::{Pkcs11, Pkcs11Key, Pkcs11Pin};

use super::unlock::terminal;
use super::{line_of_descriptor, line_of_variable, path_in};
use crate::args::Common;
use crate::exit::{Exit, Failure};
use crate::files;

/// The variable that names a file with the PIN.
const PIN_FILE_VARIABLE: &str = "FIELDSEAL_PIN_FILE";

/// A key of a token, and what it takes to use it.
pub(crate) struct TokenKey {
    module: Pkcs11,
    key: Pkcs11Key,
    pin: Pkcs11Pin,
}

impl TokenKey {
    /// The key that this URI names.
    pub(super) fn of(uri: &str, common: &Common) -> Result<Self, Failure> {
        Self::with(Pkcs11Key::from_uri(uri)?, common)
    }

    /// The key that this URI names, if it opens the ring: no try of the PIN is spent on another.
    pub(super) fn opening(
        locked: &LockedRing,
        uri: &str,
        common: &Common,
    ) -> Result<Self, Failure> {
        let key = Pkcs11Key::from_uri(uri)?;
        locked.unlock_request(&key)?;
        Self::with(key, common)
    }

    fn with(key: Pkcs11Key, common: &Common) -> Result<Self, Failure> {
        let path = common.token.pkcs11_module.as_deref().ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "a token is reached by its module, and none was given",
                "give its absolute path by --pkcs11-module or FIELDSEAL_PKCS11_MODULE",
            )
        })?;
        // Loading a pipe waits for somebody to write.
        files::check_regular(path)?;
        Ok(Self { module: Pkcs11::open(path)?, pin: pin(&key, common)?, key })
    }

    /// Unlocks the ring by it.
    pub(super) fn unlock(&self, locked: &LockedRing) -> Result<RingDocument, Error> {
        self.module.unlock(locked, &self.key, &self.pin)
    }

    /// Has the token make the key.
    pub(super) fn generate(&self) -> Result<(), Error> {
        self.module.generate_key(&self.key, &self.pin)
    }

    /// Adds the slot that it opens.
    pub(super) fn add_slot(
        &self,
        document: &mut RingDocument,
        label: &str,
    ) -> Result<SlotId, Error> {
        self.module.add_slot(document, label, &self.key, &self.pin)
    }
}

/// Asked for once: a wrong PIN counts, and a few lock the token.
fn pin(key: &Pkcs11Key, common: &Common) -> Result<Pkcs11Pin, Failure> {
    let text = match (common.token.pin_fd, path_in(PIN_FILE_VARIABLE)) {
        (Some(number), _) => line_of_descriptor(number)?,
        (None, Some(path)) => line_of_variable(PIN_FILE_VARIABLE, &path, common.any_permissions)?,
        (None, None) => {
            let mut terminal = terminal(common).ok_or_else(|| {
                Failure::new(
                    Exit::Locked,
                    format!(
                        "the {} key needs its token's PIN, and there is no terminal",
                        key.service()
                    ),
                    format!("give it by {PIN_FILE_VARIABLE} or --pin-fd"),
                )
            })?;
            terminal.ask_secret(&format!("PIN for {}: ", key.key()))?
        }
    };
    Ok(Pkcs11Pin::new(&text)?)
}

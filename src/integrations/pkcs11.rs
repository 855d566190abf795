//! PKCS#11: rings unlocked by a key that never leaves its token, an HSM or a smart card.

mod exchange;
mod key;
mod token;

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11 as Context};
use cryptoki::error::{Error as ServiceError, RvError};
use cryptoki::types::AuthPin;

pub use self::exchange::{Pkcs11Reply, Pkcs11Request};
pub use self::key::Pkcs11Key;
pub use self::token::Pkcs11Session;

use crate::error::{Error, ErrorKind};
use crate::keyring::{LockedRing, RingDocument, SlotId};

/// A PKCS#11 module: the library by which a program reaches the tokens of one vendor.
///
/// The module is loaded at run time, so nothing of it is needed to build.
///
/// ```no_run
/// use fieldseal::pkcs11::{Pkcs11, Pkcs11Key, Pkcs11Pin};
/// use fieldseal::RingFile;
/// # fn pin() -> String { String::new() }
///
/// let hsm = Pkcs11::open("/usr/lib/softhsm/libsofthsm2.so")?;
/// let key = Pkcs11Key::from_uri("pkcs11:token=prod;object=fieldseal")?;
/// let ring = hsm.unlock(&RingFile::at("ring.json").read()?, &key, &Pkcs11Pin::new(&pin())?)?;
/// # Ok::<(), fieldseal::Error>(())
/// ```
///
/// What a program does by PKCS#11 it does as a whole, and this has consequences:
///
/// - A module stays loaded and initialised until the process ends. Opening it again, from any thread,
///   costs nothing.
/// - Logging in to a token is for the process. **While one session is logged in, others of the same
///   token are too, and their PIN is not checked**: it is no proof of who asks.
/// - A wrong PIN counts. After a few, most tokens lock until the security officer resets the PIN, so
///   do not try again by a loop.
/// - After a fork, the child must not use what the parent opened.
#[derive(Clone)]
pub struct Pkcs11 {
    context: Context,
    module: PathBuf,
}

/// A token's user PIN: wiped on drop, and never shown.
///
/// ```
/// use fieldseal::pkcs11::Pkcs11Pin;
///
/// let pin = Pkcs11Pin::new("1234")?;
/// assert_eq!(format!("{pin:?}"), "Pkcs11Pin");
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub struct Pkcs11Pin(AuthPin);

impl Pkcs11Pin {
    /// Takes a copy of `pin`. The caller wipes its own: keep it in a `Zeroizing<String>`, and mind the
    /// line break at the end of a file.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if it is empty, or has a line break or another
    /// control character in it.
    pub fn new(pin: &str) -> Result<Self, Error> {
        if pin.is_empty() {
            return Err(Error::invalid("the PIN is empty: give the token's user PIN"));
        }
        // Refused here, since trying it would cost one of the few tries that the token allows.
        if pin.contains(char::is_control) {
            return Err(Error::invalid(
                "the PIN has a line break or another control character in it: trim what was read",
            ));
        }
        Ok(Self(AuthPin::new(Box::from(pin))))
    }
}

impl fmt::Debug for Pkcs11Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pkcs11Pin")
    }
}

impl Pkcs11 {
    /// Loads the module at `path`, which must be absolute, and initialises it if nothing in the process
    /// has done so yet.
    ///
    /// A module is code, and runs in this process with all its rights: its file and the folders above
    /// it should be writable by administrators only.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a relative path, [`Io`](ErrorKind::Io) if the
    /// module cannot be loaded or does not start.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        if !path.is_absolute() {
            return Err(Error::invalid(format!(
                "the path of a PKCS#11 module must be absolute, and `{}` is not: a name alone would be \
                 searched for",
                path.display()
            )));
        }
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let known = loaded.iter().find(|(at, _)| at == path).map(|(_, context)| context.clone());
        let context = match known {
            Some(context) => context,
            None => {
                let context = Context::new(path).map_err(|error| {
                    Error::new(
                        ErrorKind::Io,
                        format!(
                            "the PKCS#11 module {} cannot be loaded ({}): check its path, and that it \
                             is built for this machine",
                            path.display(),
                            Answer(&error)
                        ),
                    )
                })?;
                loaded.push((path.to_owned(), context.clone()));
                context
            }
        };
        let this = Self { context, module: path.to_owned() };
        this.start()?;
        Ok(this)
    }

    /// Adds a slot that the key opens: whoever can log in to the token as its user can then unlock the
    /// ring. The document is not stored by this.
    ///
    /// The slot's key is made here, and encrypted by the token; what the slot keeps of it is 60 bytes,
    /// and the key's URI, in the clear. See [`Pkcs11Key`].
    ///
    /// # Errors
    /// Those of [`RingDocument::begin_service_slot`], before anything is asked of the token, and of
    /// [`session`](Self::session) and [`perform`](Pkcs11Session::perform).
    ///
    /// ```no_run
    /// use fieldseal::keyring::RingDocument;
    /// use fieldseal::pkcs11::{Pkcs11, Pkcs11Key, Pkcs11Pin};
    /// use fieldseal::{KeyRing, RingFile};
    /// # fn pin() -> String { String::new() }
    ///
    /// let hsm = Pkcs11::open("/usr/lib/softhsm/libsofthsm2.so")?;
    /// let (key, pin) = (Pkcs11Key::new("prod", "fieldseal")?, Pkcs11Pin::new(&pin())?);
    /// let mut document = RingDocument::new(KeyRing::generate()?)?;
    /// hsm.add_slot(&mut document, "production HSM", &key, &pin)?;
    /// document.add_recovery_slot("custodians", 3, 5)?; // for the day the HSM is lost
    /// RingFile::at("ring.json").create(&mut document)?;
    /// # Ok::<(), fieldseal::Error>(())
    /// ```
    pub fn add_slot(
        &self,
        document: &mut RingDocument,
        label: &str,
        key: &Pkcs11Key,
        pin: &Pkcs11Pin,
    ) -> Result<SlotId, Error> {
        let (pending, request) = document.begin_service_slot(label, key)?;
        let reply = self.session(key, pin)?.perform(&request)?;
        document.finish_service_slot(pending, key, reply)
    }

    /// Unlocks a ring by the slot of this key: what [`RingFile::update_with`](crate::RingFile::update_with)
    /// and [`SharedRing::open_with`](crate::SharedRing::open_with) take. The key's name comes from the
    /// program's configuration, and never from the document, which may have been altered to send the
    /// PIN to another token.
    ///
    /// ```no_run
    /// use fieldseal::pkcs11::{Pkcs11, Pkcs11Key, Pkcs11Pin};
    /// use fieldseal::{RingFile, SharedRing};
    /// # fn pin() -> String { String::new() }
    ///
    /// let hsm = Pkcs11::open("/usr/lib/softhsm/libsofthsm2.so")?;
    /// let (key, pin) = (Pkcs11Key::new("prod", "fieldseal")?, Pkcs11Pin::new(&pin())?);
    /// let file = RingFile::at("ring.json");
    /// // A server asks the token once, and later generations open by what it keeps in memory.
    /// let shared = SharedRing::open_with(file, |ring| hsm.unlock(ring, &key, &pin))?;
    /// # Ok::<(), fieldseal::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`LockedRing::unlock_request`], before anything is asked of the token, so that no try
    /// of the PIN is spent on a ring without such a slot; of [`session`](Self::session) and
    /// [`perform`](Pkcs11Session::perform); and of [`LockedRing::unlock_service`].
    pub fn unlock(
        &self,
        ring: &LockedRing,
        key: &Pkcs11Key,
        pin: &Pkcs11Pin,
    ) -> Result<RingDocument, Error> {
        let request = ring.unlock_request(key)?;
        let reply = self.session(key, pin)?.perform(&request)?;
        ring.unlock_service(key, reply)
    }

    /// Initialises the module, if it is not: another user of it in the process may have done so, or may
    /// have ended it.
    fn start(&self) -> Result<(), Error> {
        match self.context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(ServiceError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
            Err(error) => Err(Error::new(
                ErrorKind::Io,
                format!(
                    "the PKCS#11 module {} does not start ({}): check its configuration, and that this \
                     user may read it",
                    self.module.display(),
                    Answer(&error)
                ),
            )),
        }
    }
}

impl fmt::Debug for Pkcs11 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11({})", self.module.display())
    }
}

/// What a module answered, in the words of its documentation: `C_Login: CKR_PIN_INCORRECT`.
struct Answer<'a>(&'a ServiceError);

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServiceError::Pkcs11(code, function) = self.0 else {
            return write!(f, "{}", self.0);
        };
        write!(f, "C_{function:?}: ")?;
        if let RvError::VendorDefined(_) | RvError::UnknownErrorCode(_) = code {
            return write!(f, "{code}");
        }
        f.write_str("CKR")?;
        for letter in format!("{code:?}").chars() {
            if letter.is_ascii_uppercase() {
                f.write_str("_")?;
            }
            write!(f, "{}", letter.to_ascii_uppercase())?;
        }
        Ok(())
    }
}

/// The modules of this process. They are never unloaded: a module may have threads of its own, and
/// what another user of it opened would go with it.
static LOADED: Mutex<Vec<(PathBuf, Context)>> = Mutex::new(Vec::new());

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::Unlock as _;
    use crate::secret::Secret;
    use cryptoki::context::Function;

    #[test]
    fn answers_read_as_in_the_modules_documentation() {
        let of = |code| {
            alloc::string::ToString::to_string(&Answer(&ServiceError::Pkcs11(
                code,
                Function::Login,
            )))
        };
        assert_eq!(of(RvError::PinIncorrect), "C_Login: CKR_PIN_INCORRECT");
        assert_eq!(
            of(RvError::VendorDefined(0x8000_0001)),
            "C_Login: CKR_VENDOR_DEFINED(0x80000001)"
        );
    }

    #[test]
    fn what_says_that_it_wipes_is_wiped() {
        fn wiped(_: &impl zeroize::ZeroizeOnDrop) {}
        wiped(&Pkcs11Pin::new("1234").unwrap().0);
        let key = Pkcs11Key::new("prod", "fieldseal").unwrap();
        let request = key.wrap_request(&Secret::from_bytes(&[7; 32]), b"").unwrap();
        let reply = Pkcs11Reply::to(&request, request.iv, request.bytes.clone());
        wiped(&request.bytes);
        wiped(&reply.bytes);
    }

    #[test]
    fn a_module_is_shared_by_threads_and_a_session_handed_on() {
        const fn shared<T: Send + Sync>() {}
        const fn handed_on<T: Send>() {}
        const { shared::<Pkcs11>() };
        const { shared::<Pkcs11Key>() };
        const { shared::<Pkcs11Pin>() };
        const { shared::<Pkcs11Request>() };
        const { shared::<Pkcs11Reply>() };
        const { handed_on::<Pkcs11Session>() };
    }
}

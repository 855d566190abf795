//! The token itself: finding it, logging in, and asking it.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use cryptoki::context::Function;
use cryptoki::error::{Error as ServiceError, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::Ulong;
use zeroize::Zeroizing;

use super::exchange::{Operation, Pkcs11Reply, Pkcs11Request, TAG_BITS, refused};
use super::key::Pkcs11Key;
use super::{Answer, Pkcs11, Pkcs11Pin};
use crate::error::{Error, ErrorKind};
use crate::secret::ct_eq;

/// A token logged in to, with the one key that is used. Dropping it ends the session, and with the
/// last one of the process the login.
///
/// It can be handed to another thread, and not shared by two.
pub struct Pkcs11Session {
    session: Session,
    object: ObjectHandle,
    key: Pkcs11Key,
}

impl Pkcs11 {
    /// Finds the token that `key` names, logs in as its user, and finds the key.
    ///
    /// If the process is logged in to the token already, `pin` is not checked.
    ///
    /// # Errors
    /// - [`Unlock`](ErrorKind::Unlock) if the token refuses the PIN. The message says what it tells
    ///   about the tries that are left.
    /// - [`Io`](ErrorKind::Io) if there is no such token or no such key on it, or the token fails.
    /// - [`InvalidInput`](ErrorKind::InvalidInput) if several tokens or keys answer to the URI.
    pub fn session(&self, key: &Pkcs11Key, pin: &Pkcs11Pin) -> Result<Pkcs11Session, Error> {
        let slot = self.find_token(key)?;
        let session = self.context.open_ro_session(slot).map_err(failed(key, "open a session"))?;
        self.log_in(&session, slot, key, pin)?;
        let object = match find_keys(&session, key)?.as_slice() {
            [one] => *one,
            [] => {
                return Err(Error::new(
                    ErrorKind::Io,
                    format!(
                        "{key}: the token has no such AES key: check the key's label and id, or make \
                         one by `generate_key`"
                    ),
                ));
            }
            _ => {
                return Err(Error::invalid(format!(
                    "{key}: several keys of the token answer to this: add `id=` to the URI, which \
                     still opens the same slot"
                )));
            }
        };
        Ok(Pkcs11Session { session, object, key: key.clone() })
    }

    /// Makes the key that `key` names: AES-256, in the token for good (CKA_TOKEN), private, sensitive
    /// and not extractable, for encryption and decryption and nothing else.
    ///
    /// It takes the label, and the id if the URI has one. The token stores it before this returns.
    ///
    /// # Errors
    /// Those of [`session`](Self::session), and
    /// - [`InvalidInput`](ErrorKind::InvalidInput) if the URI has no `object`, or there is such a key
    ///   already;
    /// - [`Io`](ErrorKind::Io) if the token does not make such keys: make one with the token's own
    ///   tools then.
    ///
    /// ```no_run
    /// use fieldseal::pkcs11::{Pkcs11, Pkcs11Key, Pkcs11Pin};
    /// # fn pin() -> String { String::new() }
    ///
    /// let hsm = Pkcs11::open("/usr/lib/softhsm/libsofthsm2.so")?;
    /// let key = Pkcs11Key::new("prod", "fieldseal")?;
    /// hsm.generate_key(&key, &Pkcs11Pin::new(&pin())?)?;
    /// # Ok::<(), fieldseal::Error>(())
    /// ```
    pub fn generate_key(&self, key: &Pkcs11Key, pin: &Pkcs11Pin) -> Result<(), Error> {
        let Some(label) = &key.parts().object else {
            return Err(Error::invalid(format!("{key}: a new key needs a label: add `object=`")));
        };
        let slot = self.find_token(key)?;
        let session = self.context.open_rw_session(slot).map_err(failed(key, "open a session"))?;
        self.log_in(&session, slot, key, pin)?;
        if !find_keys(&session, key)?.is_empty() {
            return Err(Error::invalid(format!(
                "{key}: the token has this key already: use it, or choose another label"
            )));
        }
        let mut template = vec![
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(Ulong::new(32)),
            Attribute::Label(label.as_bytes().to_vec()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Modifiable(false),
            Attribute::Copyable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
            Attribute::Sign(false),
            Attribute::Verify(false),
            Attribute::Derive(false),
        ];
        template.extend(key.parts().id.clone().map(Attribute::Id));
        let object = session
            .generate_key(&Mechanism::AesKeyGen, &template)
            .map_err(failed(key, "make the key"))?;
        // What was asked for is not always what was made.
        check_kept(&session, object, key).inspect_err(|_| {
            let _ = session.destroy_object(object);
        })
    }

    fn find_token(&self, key: &Pkcs11Key) -> Result<Slot, Error> {
        self.start()?;
        let slots = self.context.get_slots_with_token().map_err(failed(key, "list the tokens"))?;
        // A slot that cannot tell of its token, or lost it meanwhile, is not the one.
        let mut found = slots.into_iter().filter(|slot| {
            self.context.get_token_info(*slot).is_ok_and(|token| answers_to(&token, key))
        });
        match (found.next(), found.next()) {
            (Some(slot), None) => Ok(slot),
            (None, _) => Err(Error::new(
                ErrorKind::Io,
                format!(
                    "{key}: the module {} has no such token: check that it is plugged in and set up, \
                     and its label or serial; some modules see a new one only when the program is \
                     started again",
                    self.module.display()
                ),
            )),
            (Some(first), Some(second)) => {
                let tokens = [first, second].into_iter().chain(found);
                let serials: Vec<_> = tokens
                    .filter_map(|slot| self.context.get_token_info(slot).ok())
                    .map(|token| format!("`{}`", token.serial_number().escape_debug()))
                    .collect();
                Err(Error::invalid(format!(
                    "{key}: several tokens answer to this: add `serial=` to the URI, which is one of {}; it \
                     still opens the same slot",
                    serials.join(", ")
                )))
            }
        }
    }

    fn log_in(
        &self,
        session: &Session,
        slot: Slot,
        key: &Pkcs11Key,
        pin: &Pkcs11Pin,
    ) -> Result<(), Error> {
        let error = match session.login(UserType::User, Some(&pin.0)) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let (what, next) = match error {
            ServiceError::Pkcs11(RvError::UserAlreadyLoggedIn, _) => return Ok(()),
            ServiceError::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            ) => match self.context.get_token_info(slot) {
                Ok(token) if token.user_pin_locked() => {
                    ("the token refuses the PIN, and has locked now", RESET)
                }
                Ok(token) if token.user_pin_final_try() => {
                    ("the token refuses the PIN, and locks at the next wrong one", RIGHT)
                }
                _ => ("the token refuses the PIN", RIGHT),
            },
            ServiceError::Pkcs11(RvError::PinExpired, _) => {
                ("the PIN has expired", "set another with the token's own tools")
            }
            ServiceError::Pkcs11(RvError::PinLocked, _) => ("the token is locked", RESET),
            error => return Err(failed(key, "log in")(error)),
        };
        Err(Error::new(ErrorKind::Unlock, format!("{key}: {what} ({}): {next}", Answer(&error))))
    }
}

impl Pkcs11Session {
    /// The key that this session uses.
    pub fn key(&self) -> &Pkcs11Key {
        &self.key
    }

    /// Takes a request to the token, and waits for its reply.
    ///
    /// What is encrypted for a slot is decrypted again before this returns, so that no slot is made
    /// that cannot be opened. A key that could leave the token is refused for new slots.
    ///
    /// # Errors
    /// - [`Unlock`](ErrorKind::Unlock) if the token does not decrypt the slot: another key, or an
    ///   altered document.
    /// - [`InvalidInput`](ErrorKind::InvalidInput) if the request is for another key, or for a new slot
    ///   by a key that is not AES-256, or not private, not sensitive, extractable, or put into the token from
    ///   outside.
    /// - [`Io`](ErrorKind::Io) if the token fails, or is gone.
    pub fn perform(&self, request: &Pkcs11Request) -> Result<Pkcs11Reply, Error> {
        if request.key != self.key {
            return Err(Error::declaration(format!(
                "the request is for {}, and the session for {}: open one for the request's key",
                request.key, self.key
            )));
        }
        let mut iv = request.iv;
        let bytes = match request.operation {
            Operation::Encrypt => self.encrypt(&mut iv, &request.aad, &request.bytes)?,
            Operation::Decrypt => self.decrypt(&mut iv, &request.aad, &request.bytes)?,
        };
        Ok(Pkcs11Reply::to(request, iv, bytes))
    }

    fn encrypt(
        &self,
        iv: &mut [u8],
        aad: &[u8],
        slot_key: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        check_kept(&self.session, self.object, &self.key)?;
        // Some tokens allow no IV but their own, and write it where the caller's stands.
        let mechanism = Mechanism::AesGcm(gcm(&mut *iv, aad, &self.key)?);
        let encrypted = self
            .session
            .encrypt(&mechanism, self.object, slot_key)
            .map_err(failed(&self.key, "encrypt"))?;
        match self.decrypt(iv, aad, &encrypted) {
            Ok(again) if ct_eq(&again, slot_key) => Ok(Zeroizing::new(encrypted)),
            Err(error) if error.kind() != ErrorKind::Unlock => Err(error),
            _ => Err(Error::new(
                ErrorKind::Io,
                format!(
                    "{}: the token does not decrypt what it has encrypted (AES-GCM with a tag of 16 \
                     bytes behind): it cannot be used for slots",
                    self.key
                ),
            )),
        }
    }

    fn decrypt(
        &self,
        iv: &mut [u8],
        aad: &[u8],
        encrypted: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mechanism = Mechanism::AesGcm(gcm(iv, aad, &self.key)?);
        match self.session.decrypt(&mechanism, self.object, encrypted) {
            Ok(bytes) => Ok(Zeroizing::new(bytes)),
            // By the standard this is CKR_ENCRYPTED_DATA_INVALID. In practice it is what the vendor
            // thought of: SoftHSM says CKR_GENERAL_ERROR.
            Err(ServiceError::Pkcs11(code, Function::Decrypt)) if !is_outage(code) => {
                Err(refused(&self.key))
            }
            Err(error) => Err(failed(&self.key, "decrypt")(error)),
        }
    }
}

impl fmt::Debug for Pkcs11Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Session({})", self.key)
    }
}

fn answers_to(token: &TokenInfo, key: &Pkcs11Key) -> bool {
    let parts = key.parts();
    token.token_initialized()
        && [
            (&parts.token, token.label()),
            (&parts.manufacturer, token.manufacturer_id()),
            (&parts.model, token.model()),
            (&parts.serial, token.serial_number()),
        ]
        .into_iter()
        .all(|(wanted, is)| wanted.as_deref().is_none_or(|wanted| wanted == is))
}

fn find_keys(session: &Session, key: &Pkcs11Key) -> Result<Vec<ObjectHandle>, Error> {
    let mut template = vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(true),
    ];
    let parts = key.parts();
    template.extend(parts.object.as_ref().map(|label| Attribute::Label(label.as_bytes().to_vec())));
    template.extend(parts.id.clone().map(Attribute::Id));
    session.find_objects(&template).map_err(failed(key, "look for the key"))
}

/// Whether the key stays in its token, for a slot is worth no more than that.
fn check_kept(session: &Session, object: ObjectHandle, key: &Pkcs11Key) -> Result<(), Error> {
    let wanted = [
        Attribute::ValueLen(Ulong::new(32)),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        // What was outside once may still be, and what is public needs no PIN.
        Attribute::NeverExtractable(true),
        Attribute::Private(true),
    ];
    let types: Vec<AttributeType> = wanted.iter().map(Attribute::attribute_type).collect();
    let found =
        session.get_attributes(object, &types).map_err(failed(key, "read the key's attributes"))?;
    // A token that does not tell is not believed.
    if wanted.iter().all(|attribute| found.contains(attribute)) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{key}: slots are made by private AES keys of 32 bytes that are sensitive and never were \
         extractable, and this is not one: make one by `generate_key`"
    )))
}

fn gcm<'a>(iv: &'a mut [u8], aad: &'a [u8], key: &Pkcs11Key) -> Result<GcmParams<'a>, Error> {
    Ulong::try_from(TAG_BITS)
        .and_then(|bits| GcmParams::new(iv, aad, bits))
        .map_err(failed(key, "take the parameters"))
}

/// Whether this says that the token, or the way to it, failed, and not the decryption.
fn is_outage(code: RvError) -> bool {
    matches!(
        code,
        RvError::CryptokiNotInitialized
            | RvError::DeviceError
            | RvError::DeviceMemory
            | RvError::DeviceRemoved
            | RvError::FunctionCanceled
            | RvError::HostMemory
            | RvError::SessionClosed
            | RvError::SessionHandleInvalid
            | RvError::TokenNotPresent
            | RvError::UserNotLoggedIn
    )
}

fn failed(key: &Pkcs11Key, what: &'static str) -> impl Fn(ServiceError) -> Error {
    move |error| {
        let next = match error {
            ServiceError::Pkcs11(
                RvError::MechanismInvalid
                | RvError::MechanismParamInvalid
                | RvError::KeyFunctionNotPermitted
                | RvError::KeySizeRange
                | RvError::AttributeTypeInvalid
                | RvError::AttributeValueInvalid
                | RvError::TemplateInconsistent
                | RvError::FunctionNotSupported,
                _,
            ) => "slots need a token that does AES-256-GCM, and a key that may encrypt and decrypt",
            ServiceError::Pkcs11(RvError::UserPinNotInitialized, _) => {
                "the security officer must set the user's PIN first"
            }
            ServiceError::Pkcs11(RvError::TokenWriteProtected, _) => {
                "make the key with the token's own tools"
            }
            _ => "check that the token is there and works, then open a new session",
        };
        Error::new(
            ErrorKind::Io,
            format!("{key}: the token could not {what} ({}): {next}", Answer(&error)),
        )
    }
}

const RIGHT: &str = "give the token's user PIN";
const RESET: &str = "its security officer must reset the user's PIN";

//! What is asked of a token and what it answers, without I/O.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::key::Pkcs11Key;
use crate::error::{Error, ErrorKind};
use crate::keyring::Unlock;
use crate::random::CallRng;
use crate::secret::Secret;

/// What is asked of a token: to encrypt or to decrypt the key of one slot, by AES-256-GCM.
///
/// It comes from a ring document, and is taken to the token by
/// [`Pkcs11Session::perform`](crate::pkcs11::Pkcs11Session::perform). While a slot is being made it holds the
/// slot's key: it is wiped on drop, and `Debug` shows which key of which token is asked, and for what.
pub struct Pkcs11Request {
    pub(super) operation: Operation,
    pub(super) key: Pkcs11Key,
    pub(super) iv: [u8; IV],
    pub(super) aad: Vec<u8>,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// What a token answered to a [`Pkcs11Request`].
///
/// While a ring is being unlocked it holds the slot's key: it is wiped on drop, and `Debug` shows
/// which key of which token answered, and to what.
pub struct Pkcs11Reply {
    operation: Operation,
    key: Pkcs11Key,
    /// Of an encryption: what the token used, which with some tokens is of their own choice.
    iv: [u8; IV],
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Encrypt,
    Decrypt,
}

impl Pkcs11Reply {
    /// What the request's key answered.
    pub(super) fn to(request: &Pkcs11Request, iv: [u8; IV], bytes: Zeroizing<Vec<u8>>) -> Self {
        Self { operation: request.operation, key: request.key.clone(), iv, bytes }
    }

    /// The reply, if it is this key's, to such a request.
    fn answering(self, operation: Operation, key: &Pkcs11Key) -> Result<Self, Error> {
        // A decryption's reply is the slot's key, which must never be stored as if it were wrapped.
        if self.operation != operation {
            return Err(Error::declaration(format!(
                "{key}: the token's reply is to another request: hand back the reply to this one"
            )));
        }
        if self.key != *key {
            return Err(Error::declaration(format!(
                "{key}: the reply is from another key ({}): hand back the reply to this request",
                self.key
            )));
        }
        Ok(self)
    }
}

/// What a slot keeps is 60 bytes:
///
/// | bytes | |
/// |---|---|
/// | 12 | the IV, random for each slot made (some tokens put in their own) |
/// | 32 | the slot's key, encrypted by AES-256-GCM, with the slot's context as associated data |
/// | 16 | the tag |
///
/// By random IVs of 12 bytes one key of a token should make no more than 2^32 slots.
impl Unlock for Pkcs11Key {
    type Request = Pkcs11Request;
    type Reply = Pkcs11Reply;

    fn service(&self) -> &str {
        "pkcs11"
    }

    fn key(&self) -> &str {
        self.as_str()
    }

    fn is_named(&self, recorded: &str) -> bool {
        Self::from_uri(recorded).is_ok_and(|recorded| self.says_all_of(&recorded))
    }

    fn wrap_request(&self, slot_key: &Secret<32>, context: &[u8]) -> Result<Pkcs11Request, Error> {
        Ok(Pkcs11Request {
            operation: Operation::Encrypt,
            key: self.clone(),
            iv: CallRng::from_os()?.array(),
            aad: context.to_vec(),
            bytes: Zeroizing::new(slot_key.expose().to_vec()),
        })
    }

    fn wrapped(&self, reply: Pkcs11Reply) -> Result<Vec<u8>, Error> {
        let reply = reply.answering(Operation::Encrypt, self)?;
        if reply.bytes.len() != ENCRYPTED {
            return Err(Error::new(
                ErrorKind::Io,
                format!(
                    "{self}: the token gave {} bytes where AES-GCM with its tag gives {ENCRYPTED}: \
                     it cannot be used for slots",
                    reply.bytes.len()
                ),
            ));
        }
        Ok([reply.iv.as_slice(), &reply.bytes].concat())
    }

    fn unwrap_request(&self, wrapped: &[u8], context: &[u8]) -> Result<Pkcs11Request, Error> {
        let Some((iv, encrypted)) = wrapped.split_first_chunk::<IV>() else {
            return Err(refused(self));
        };
        if encrypted.len() != ENCRYPTED {
            return Err(refused(self));
        }
        Ok(Pkcs11Request {
            operation: Operation::Decrypt,
            key: self.clone(),
            iv: *iv,
            aad: context.to_vec(),
            bytes: Zeroizing::new(encrypted.to_vec()),
        })
    }

    fn slot_key(&self, reply: Pkcs11Reply) -> Result<Secret<32>, Error> {
        let reply = reply.answering(Operation::Decrypt, self)?;
        let key = <&[u8; KEY]>::try_from(reply.bytes.as_slice()).map_err(|_| refused(self))?;
        Ok(Secret::from_bytes(key))
    }
}

/// One text for a slot that the token does not decrypt, whatever the reason.
#[cold]
pub(super) fn refused(key: &Pkcs11Key) -> Error {
    Error::new(
        ErrorKind::Unlock,
        format!(
            "{key}: the token does not decrypt this slot: the slot was made with another key, or the \
             document was altered"
        ),
    )
}

impl fmt::Debug for Pkcs11Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Request({:?} by {})", self.operation, self.key)
    }
}

impl fmt::Debug for Pkcs11Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Reply({:?} by {})", self.operation, self.key)
    }
}

pub(super) const IV: usize = 12;
/// Of the tag, as the mechanism wants it.
pub(super) const TAG_BITS: usize = 128;
/// A slot's key.
const KEY: usize = 32;
/// A slot's key, encrypted, and the tag.
const ENCRYPTED: usize = KEY + TAG_BITS / 8;

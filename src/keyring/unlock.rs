//! What opens a ring document: passphrases, raw keys, custodians' shares, outside key services.

mod slot;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

pub(super) use self::slot::{MAX_SERVICE_WRAPPED, Opening, SlotEntry, check_label, check_service};
pub use self::slot::{PendingSlot, Slot, SlotId, SlotKind};

use super::recovery::Share;
use crate::encoding::{from_base64, to_base64};
use crate::error::Error;
use crate::kdf::expand;
use crate::random::CallRng;
use crate::secret::{Secret, ct_eq};

/// What opens a slot of a ring document.
#[derive(Debug)]
#[non_exhaustive]
pub enum Credential {
    /// Something a person remembers.
    Passphrase(Passphrase),
    /// 32 random bytes, kept in a secret store.
    Key(SlotKey),
    /// The shares of custodians: as many as the slot's threshold.
    Shares(Vec<Share>),
}

impl From<Passphrase> for Credential {
    fn from(passphrase: Passphrase) -> Self {
        Self::Passphrase(passphrase)
    }
}

impl From<SlotKey> for Credential {
    fn from(key: SlotKey) -> Self {
        Self::Key(key)
    }
}

impl From<Vec<Share>> for Credential {
    fn from(shares: Vec<Share>) -> Self {
        Self::Shares(shares)
    }
}

/// A passphrase, and what it costs to try one. Wiped on drop, never printed.
///
/// Keyboards and systems spell one passphrase in several ways: `é` as one character or two, a space as
/// U+00A0, a file with a byte order mark before it and a line end after it. A new slot takes one form of
/// them all, by the OpaqueString profile of RFC 8265: composed (NFC), with ASCII spaces, without byte order
/// marks before it and line ends after it. Nothing else is trimmed or changed. A slot is tried by that
/// form and then by the text as given, by which slots were made before.
pub struct Passphrase {
    given: Zeroizing<String>,
    prepared: Zeroizing<String>,
    cost: Argon2Cost,
}

impl Passphrase {
    /// The longest passphrase, in bytes.
    pub const MAX: usize = 1_024;

    /// A passphrase, at the [default cost](Argon2Cost).
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when it is empty, or nothing but line ends, or longer
    /// than [`MAX`](Self::MAX).
    pub fn new(text: &str) -> Result<Self, Error> {
        let prepared = prepared(text);
        if prepared.is_empty() || text.len() > Self::MAX {
            return Err(Error::invalid("a passphrase is 1 to 1,024 bytes"));
        }
        Ok(Self { given: Zeroizing::new(text.into()), prepared, cost: Argon2Cost::default() })
    }

    /// The cost of a slot that is made with it. A slot that exists is opened at the cost it was made
    /// with.
    pub fn cost(mut self, cost: Argon2Cost) -> Self {
        self.cost = cost;
        self
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passphrase({})", self.cost)
    }
}

/// What one try of a passphrase costs: the parameters of Argon2id (RFC 9106).
///
/// The default is 64 MiB, 3 passes and 1 lane; RFC 9106, section 4, recommends as much where memory is
/// scarce, with 4 lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Argon2Cost {
    /// The most memory, in KiB, that a document may ask for: 1 GiB.
    pub const MAX_MEMORY_KIB: u32 = 1_048_576;
    /// The most passes.
    pub const MAX_PASSES: u32 = 64;
    /// The most lanes.
    pub const MAX_LANES: u32 = 16;

    /// Memory in KiB, passes over it, and lanes.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for memory under 8 KiB a lane, no pass, no
    /// lane, and beyond the most that a document may ask for.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, Error> {
        if !(1..=Self::MAX_LANES).contains(&lanes)
            || !(1..=Self::MAX_PASSES).contains(&passes)
            || memory_kib > Self::MAX_MEMORY_KIB
            || memory_kib < lanes.saturating_mul(8)
        {
            return Err(Error::invalid(
                "Argon2id takes 8 KiB a lane to 1 GiB of memory, 1 to 64 passes, and 1 to 16 lanes",
            ));
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    /// Memory, in KiB.
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    pub fn lanes(self) -> u32 {
        self.lanes
    }

    /// Whether a slot of this cost is cheaper to guess at than one of the default.
    pub fn is_weak(self) -> bool {
        let default = Self::default();
        self.memory_kib < default.memory_kib || self.passes < default.passes
    }

    /// KiB times passes: what bounds the work that a document can ask for.
    pub(super) fn work(self) -> u64 {
        u64::from(self.memory_kib).saturating_mul(self.passes.into())
    }
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self { memory_kib: 65_536, passes: 3, lanes: 1 }
    }
}

impl fmt::Display for Argon2Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lanes = if self.lanes == 1 { "lane" } else { "lanes" };
        write!(
            f,
            "Argon2id, {} KiB, {} passes, {} {lanes}",
            self.memory_kib, self.passes, self.lanes
        )
    }
}

/// 32 random bytes that open a slot: for servers, which have a secret store and nobody to ask.
///
/// ```
/// use fieldseal::keyring::SlotKey;
///
/// let key = SlotKey::generate()?;
/// let text = key.to_text(); // `fsk1.` and 48 characters, for the secret store
/// let again = SlotKey::from_text(&text)?;
/// assert!(SlotKey::from_text("fsk1.AAAA").is_err());
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub struct SlotKey(Secret<32>);

impl SlotKey {
    const PREFIX: &'static str = "fsk1.";

    /// A new one.
    ///
    /// # Errors
    /// [`Randomness`](crate::ErrorKind::Randomness).
    pub fn generate() -> Result<Self, Error> {
        Ok(Self(CallRng::from_os()?.secret()))
    }

    /// The key of these bytes, which must be uniformly random, never a passphrase.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// Reads [`to_text`](Self::to_text). White space around it is left out.
    ///
    /// # Errors
    /// [`Malformed`](crate::ErrorKind::Malformed) for anything else, a typing error included.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::malformed(
                "this is no slot key: one is `fsk1.` and 48 characters; check that it is whole",
            )
        };
        let encoded = text.trim().strip_prefix(Self::PREFIX).ok_or_else(wrong)?;
        // Longer text is none, so it is not decoded.
        let encoded = Some(encoded).filter(|encoded| encoded.len() == 48).ok_or_else(wrong)?;
        let bytes = Zeroizing::new(from_base64(encoded).ok_or_else(wrong)?);
        let (secret, checksum) = bytes.split_first_chunk::<32>().ok_or_else(wrong)?;
        let key = Self::from_bytes(secret);
        if ct_eq(checksum, &key.checksum()) { Ok(key) } else { Err(wrong()) }
    }

    /// The key as text: `fsk1.` ‖ base64url(key ‖ checksum of 4 bytes). FORMAT.md, RF-12.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(36));
        bytes.extend_from_slice(self.0.expose());
        bytes.extend_from_slice(&self.checksum());
        let encoded = Zeroizing::new(to_base64(&bytes));
        let mut text = Zeroizing::new(String::with_capacity(53));
        text.push_str(Self::PREFIX);
        text.push_str(&encoded);
        text
    }

    fn checksum(&self) -> [u8; 4] {
        *expand::<4>(&self.0, b"fieldseal/v1 slot key text").expose()
    }

    pub(super) fn secret(&self) -> &Secret<32> {
        &self.0
    }
}

impl fmt::Debug for SlotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlotKey")
    }
}

/// An outside key service, such as an HSM or a cloud's KMS, as far as a ring document goes: how to ask
/// it, and how to read its answer.
///
/// It does no I/O. The caller takes a request to the service, waits for it as it likes, blocking or
/// not, and hands back the reply. A slot of the service keeps a random key, encrypted by the service
/// and bound to the document and the slot by `context`; the service never sees the ring.
///
/// **Who may encrypt by the key can forge a ring**: a document of their own, with a slot that the service
/// opens. Grant encrypting as sparingly as decrypting, and use no service that encrypts by a public key.
/// A slot may be made of whatever the service answered: open the document by it once, before another way
/// in is given up.
///
/// ```
/// use fieldseal::keyring::{LockedRing, RingDocument, Unlock};
/// use fieldseal::secret::Secret;
/// use fieldseal::{Error, KeyRing};
///
/// /// A service that is asked by strings of bytes, and answers in kind.
/// struct Kms;
///
/// enum Ask {
///     Encrypt { plaintext: Secret<32>, context: Vec<u8> },
///     Decrypt { ciphertext: Vec<u8>, context: Vec<u8> },
/// }
///
/// impl Unlock for Kms {
///     type Request = Ask;
///     type Reply = Vec<u8>;
///     fn service(&self) -> &str { "my-kms" }
///     fn key(&self) -> &str { "keys/production/ring" }
///     fn wrap_request(&self, slot_key: &Secret<32>, context: &[u8]) -> Result<Ask, Error> {
///         Ok(Ask::Encrypt { plaintext: Secret::from_bytes(slot_key.expose()), context: context.into() })
///     }
///     fn wrapped(&self, reply: Vec<u8>) -> Result<Vec<u8>, Error> {
///         Ok(reply)
///     }
///     fn unwrap_request(&self, wrapped: &[u8], context: &[u8]) -> Result<Ask, Error> {
///         Ok(Ask::Decrypt { ciphertext: wrapped.into(), context: context.into() })
///     }
///     fn slot_key(&self, reply: Vec<u8>) -> Result<Secret<32>, Error> {
///         let bytes = reply.as_slice().try_into().map_err(|_| Error::value("the KMS gave no key"))?;
///         Ok(Secret::from_bytes(bytes))
///     }
/// }
///
/// # fn ask(request: Ask) -> Vec<u8> {
/// #     match request {
/// #         Ask::Encrypt { plaintext, context } => [&context, plaintext.expose().as_slice()].concat(),
/// #         Ask::Decrypt { ciphertext, context } => ciphertext[context.len()..].into(),
/// #     }
/// # }
/// let mut document = RingDocument::new(KeyRing::generate()?)?;
/// let (pending, request) = document.begin_service_slot("production", &Kms)?;
/// document.finish_service_slot(pending, &Kms, ask(request))?; // or ask(request).await
///
/// let locked = LockedRing::from_json(document.to_json()?.as_bytes())?;
/// let reply = ask(locked.unlock_request(&Kms)?);
/// let ring = locked.unlock_service(&Kms, reply)?.into_ring();
/// # Ok::<(), Error>(())
/// ```
pub trait Unlock {
    /// What the service is asked.
    type Request;
    /// What it answers.
    type Reply;

    /// The kind of service, a name as slots record it: `pkcs11`, `aws-kms`.
    fn service(&self) -> &str;

    /// Which key of the service, as slots record it: 1 to 512 bytes of text, in the clear.
    fn key(&self) -> &str;

    /// Returns `true` if `recorded`, which a slot of this service records, names this key. By default it
    /// does if it is equal to [`key`](Self::key); a service that has several names for one key compares
    /// them here. A slot that records an equal text comes first.
    fn is_named(&self, recorded: &str) -> bool {
        self.key() == recorded
    }

    /// Asks the service to encrypt a slot's key, with `context` as associated data.
    ///
    /// # Errors
    /// The service's own.
    fn wrap_request(&self, slot_key: &Secret<32>, context: &[u8]) -> Result<Self::Request, Error>;

    /// What the slot keeps, 1 to 4,096 bytes, out of the reply to
    /// [`wrap_request`](Self::wrap_request).
    ///
    /// # Errors
    /// The service's own.
    fn wrapped(&self, reply: Self::Reply) -> Result<Vec<u8>, Error>;

    /// Asks the service to decrypt what [`wrapped`](Self::wrapped) gave, with `context` as associated
    /// data.
    ///
    /// # Errors
    /// The service's own.
    fn unwrap_request(&self, wrapped: &[u8], context: &[u8]) -> Result<Self::Request, Error>;

    /// The slot's key, out of the reply to [`unwrap_request`](Self::unwrap_request).
    ///
    /// # Errors
    /// The service's own.
    fn slot_key(&self, reply: Self::Reply) -> Result<Secret<32>, Error>;
}

/// `[RF-8]` OpaqueString (RFC 8265, 4.2), without a byte order mark and the end of a line.
fn prepared(text: &str) -> Zeroizing<String> {
    use unicode_normalization::UnicodeNormalization;

    let text = text.trim_start_matches('\u{FEFF}').trim_end_matches(['\r', '\n']);
    let spaced = |char| match char {
        '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => {
            ' '
        }
        other => other,
    };
    let composed = || text.chars().map(spaced).nfc();
    // Counted first: a buffer that grew would leave copies that nothing wipes.
    let mut prepared = Zeroizing::new(String::with_capacity(composed().map(char::len_utf8).sum()));
    prepared.extend(composed());
    prepared
}

impl Passphrase {
    /// The form that a new slot takes.
    pub(super) fn of_a_new_slot(&self) -> Result<&str, Error> {
        if self.prepared.chars().any(char::is_control) {
            return Err(Error::invalid(
                "the passphrase has a control character within, such as a tab or a line end: choose one \
                 that every terminal can type",
            ));
        }
        Ok(&self.prepared)
    }

    /// The forms by which a slot is tried, in order.
    pub(super) fn forms(&self) -> impl Iterator<Item = &str> {
        let given = Some(self.given.as_str()).filter(|given| **given != **self.prepared);
        core::iter::once(self.prepared.as_str()).chain(given)
    }
}

/// `[RF-8]` The key that this form of a passphrase gives for a slot of this salt and cost.
pub(super) fn stretched(
    form: &str,
    salt: &[u8; 16],
    cost: Argon2Cost,
) -> Result<Secret<32>, Error> {
    crate::kdf::argon2id(form.as_bytes(), salt, cost.memory_kib, cost.passes, cost.lanes)
}

pub(super) fn cost_of(passphrase: &Passphrase) -> Argon2Cost {
    passphrase.cost
}

//! Signed ledgers of erasures and consent, receipts of erasures, and replays after a restore.
//!
//! A ledger holds one signed line for each erasure, withdrawal and grant, each chained to the one before.
//! Write it through [`LedgerFile`](crate::store::LedgerFile) and [`Access::ledger`](crate::Access::ledger). A verified
//! [`Ledger`] lists the [`Consent`]s of a person, and drives a [`Replay`], which repeats on a restored
//! backup what was erased or withdrawn since. A [`Receipt`] proves one erasure to anybody who has the
//! public half of the signing key.
//!
//! ```
//! use fieldseal::ledger::Receipt;
//! use fieldseal::{Access, Class, DataKeys, KeyRing, KeyStore, MemoryKeyStore};
//!
//! let mut ring = KeyRing::generate()?;
//! ring.add_signing_key()?;
//! let store = MemoryKeyStore::new();
//! store.save(&(), &DataKeys::create(&ring, 42, Class::PERSONAL)?)?;
//!
//! let access = Access::new(&ring).actor("the customer").purpose("request 2026-118");
//! let receipt = store.erase(&(), access, 42)?.receipt(access, None)?.to_string();
//!
//! let verified = Receipt::from_json(receipt.as_bytes(), &ring.verifying_keys())?;
//! assert_eq!(verified.subject().as_i64(), Some(42));
//! # Ok::<(), fieldseal::Error>(())
//! ```

mod chain;
mod entry;
mod reading;
mod receipt;
mod replay;
mod standing;
mod subject;

pub(crate) use self::chain::OfOne;
pub use self::chain::{Consent, Ledger};
pub(crate) use self::entry::MAX_LINE;
pub use self::entry::{LedgerEntry, LedgerHead, SubjectToken};
pub(crate) use self::reading::{
    End, Reading, Salvage, check_end, check_last, damaged_end, follow, none_whole, rolled_back,
};
pub use self::receipt::{Receipt, ReceiptColumn, ReceiptKey};
pub use self::replay::Replay;

use crate::error::{Error, ErrorKind};
use crate::keyring::{KeyRing, KeyUse, RingKey, SIGN};

/// The key that signs.
fn signing_key(ring: &KeyRing) -> Result<&RingKey, Error> {
    ring.primary(KeyUse::Sign, SIGN).filter(|key| key.signer().is_some()).ok_or_else(|| {
        Error::new(
            ErrorKind::MissingKey,
            "the ring holds no primary signing key: add one by KeyRing::add_signing_key, or name it in what this \
             service is given",
        )
    })
}

//! The account of erasures, withdrawals and grants: signed, chained, and played back over what was
//! restored; and the receipts of erasures.

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

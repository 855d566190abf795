//! Credentials of ring documents in their JSON forms, those of `tests/reference`.

use fieldseal::Error;
use fieldseal::keyring::{
    Credential, LockedRing, Passphrase, RingDocument, Share, SlotKey, Unlock,
};
use fieldseal::secret::Secret;
use serde_json::Value;

use super::forms::{array, list, text};

/// A service whose answer is known. Its request is the context that it was asked with, and the key to
/// wrap behind it.
pub(crate) struct Answering<'a>(pub(crate) &'a Value);

impl Unlock for Answering<'_> {
    type Request = Vec<u8>;
    type Reply = ();

    fn service(&self) -> &str {
        text(&self.0["service"])
    }
    fn key(&self) -> &str {
        text(&self.0["service_key"])
    }
    fn wrap_request(&self, slot_key: &Secret<32>, context: &[u8]) -> Result<Vec<u8>, Error> {
        Ok([context, slot_key.expose()].concat())
    }
    fn wrapped(&self, (): ()) -> Result<Vec<u8>, Error> {
        Ok(vec![1])
    }
    fn unwrap_request(&self, _: &[u8], context: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(context.into())
    }
    fn slot_key(&self, (): ()) -> Result<Secret<32>, Error> {
        Ok(Secret::from_bytes(&array(&self.0["slot_key"])))
    }
}

/// Opens a document by a credential in its JSON form: `passphrase`; `key`; `shares`; or `service`,
/// `service_key` and `slot_key`.
pub(crate) fn opened(locked: &LockedRing, credential: &Value) -> Result<RingDocument, Error> {
    if !credential["service"].is_null() {
        let service = Answering(credential);
        locked.unlock_request(&service)?;
        return locked.unlock_service(&service, ());
    }
    let credential: Credential = if let Some(passphrase) = credential["passphrase"].as_str() {
        Passphrase::new(passphrase)?.into()
    } else if let Some(key) = credential["key"].as_str() {
        SlotKey::from_text(key)?.into()
    } else {
        let shares = list(&credential["shares"]).iter().map(|share| Share::from_text(text(share)));
        shares.collect::<Result<Vec<_>, _>>()?.into()
    };
    locked.unlock(&credential)
}

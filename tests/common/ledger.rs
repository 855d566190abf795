//! A ledger in memory.

use std::sync::Mutex;

use fieldseal::audit::{LedgerChange, LedgerSink};
use fieldseal::keyring::{KeyState, KeyUse, RingKey};
use fieldseal::ledger::{Ledger, LedgerHead};
use fieldseal::{Error, KeyRing};

use super::{NOW, admin, id, secret};

pub const SIGN: u32 = 0x0000_0060;

/// The ring that holds everything, a signing key too.
pub fn signing() -> KeyRing {
    let mut ring = admin();
    ring.insert(signing_key(SIGN, KeyState::Primary)).unwrap();
    ring
}

pub fn signing_key(number: u32, state: KeyState) -> RingKey {
    RingKey::symmetric(id(number), KeyUse::Sign, "sign", state, &secret(number)).unwrap()
}

/// Lines in memory.
pub struct Lines(Mutex<(String, LedgerHead)>);

impl Lines {
    pub fn begin(ring: &KeyRing) -> Self {
        Self(Mutex::new(LedgerHead::begin(ring, NOW).unwrap()))
    }

    pub fn text(&self) -> String {
        self.0.lock().unwrap().0.clone()
    }

    pub fn read(&self, ring: &KeyRing) -> Ledger {
        Ledger::read(&self.text(), &ring.verifying_keys()).unwrap()
    }
}

impl LedgerSink for Lines {
    fn append(&self, ring: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
        let mut all = self.0.lock().unwrap();
        let (mut text, mut head) = (String::new(), all.1);
        for change in changes {
            let (line, next) = head.next(ring, change)?;
            text.push_str(&line);
            head = next;
        }
        all.0.push_str(&text);
        all.1 = head;
        Ok(())
    }
}

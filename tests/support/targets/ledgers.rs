//! Ledgers and receipts, as files and people bring them.

use std::sync::{Mutex, OnceLock};

use fieldseal::audit::{LedgerChange, LedgerSink};
use fieldseal::keyring::{KeyState, KeyUse, RingKey};
use fieldseal::ledger::{Ledger, LedgerHead, Receipt, Replay};
use fieldseal::{Access, Class, DataKeys, Error, ErrorKind, KeyEnvelope, KeyRing, SubjectId};

use super::{CONTACT, MEDICAL, NOW, SUBJECT, TENANT, key_id, kind, whole_ring};
use crate::support::forge::Seed;

const SIGN_KEY: u32 = 0x0000_0501;

/// The ring of the other targets, and a key that signs.
pub(crate) fn signing() -> &'static KeyRing {
    static RING: OnceLock<KeyRing> = OnceLock::new();
    RING.get_or_init(|| {
        let (mut ring, id) = (whole_ring(), key_id(SIGN_KEY));
        let key =
            RingKey::symmetric(id, KeyUse::Sign, "sign", KeyState::Primary, &[0x52; 32]).unwrap();
        ring.insert(key).unwrap();
        ring
    })
}

/// Lines behind a head.
pub(crate) struct Lines(pub(crate) Mutex<(String, LedgerHead)>);

impl LedgerSink for Lines {
    fn append(&self, ring: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
        let mut lines = self.0.lock().unwrap();
        for change in changes {
            let (line, head) = lines.1.next(ring, change)?;
            lines.0.push_str(&line);
            lines.1 = head;
        }
        Ok(())
    }
}

/// Bytes as a ledger, as they are and with its lines chained anew; as its head; and as a receipt.
pub(super) fn ledger(data: &[u8]) {
    if let Ok(receipt) = kind(Receipt::from_json(data, &signing().verifying_keys())) {
        let printed = receipt.to_string();
        let again = Receipt::from_json(printed.as_bytes(), &signing().verifying_keys()).unwrap();
        assert_eq!(again.to_string(), printed);
    }
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(head) = kind(text.parse::<LedgerHead>()) {
        assert_eq!(head.to_string(), text);
    }
    read(text);
    read(&chained(text));
}

/// The same lines, each with the number and the hash that make it follow the one before it: what is
/// chained reads, without its signatures, up to a known head.
fn chained(text: &str) -> String {
    let mut out = String::new();
    let mut before: Option<LedgerHead> = None;
    for line in text.split_inclusive('\n') {
        let mut line = line.to_owned();
        if let Some(before) = before {
            let told = before.to_string();
            let hash = told.split_once('.').unwrap().1;
            let number = before.number().saturating_add(1).to_string();
            replace(&mut line, "\"number\":", |rest| rest.find([',', '}']), &number);
            replace(&mut line, "\"previous\":\"", |rest| rest.find('"'), hash);
        }
        before = LedgerHead::of_last_line(line.trim_end_matches('\n')).ok().or(before);
        out.push_str(&line);
    }
    out
}

fn replace(line: &mut String, name: &str, end: fn(&str) -> Option<usize>, by: &str) {
    if let Some(start) = line.find(name).map(|at| at + name.len())
        && let Some(len) = end(&line[start..])
    {
        line.replace_range(start..start + len, by);
    }
}

/// What reads, but for its signatures, has one spelling, follows line by line, and can be gone on from
/// and played back.
fn read(text: &str) {
    let keys = signing().verifying_keys();
    let (before, tail) = text.rsplit_once('\n').unwrap_or(("", text));
    // The last line may lack its line feed alone.
    let whole = if LedgerHead::of_last_line(tail).is_ok() { text } else { before };
    let last = whole.rsplit('\n').next().unwrap_or_default();
    let trusting = kind(Ledger::read(text, &keys));
    let Ok(head) = kind(LedgerHead::of_last_line(last)) else {
        return assert!(trusting.is_err());
    };
    let ledger = match kind(Ledger::read_known(text, &[], &head)) {
        Ok(ledger) => ledger,
        Err(ErrorKind::RolledBack) => panic!("the last line is in it"),
        Err(refused) => return assert_eq!(trusting.map(drop), Err(refused)),
    };
    assert!(!matches!(trusting, Err(ErrorKind::Malformed | ErrorKind::Unsupported)));
    assert_eq!(ledger.head(), head);
    assert_eq!(ledger.is_torn(), whole != text && !tail.is_empty());
    assert_eq!(ledger.entries().len() + 1, whole.split('\n').count());
    assert_eq!(head.number(), u64::try_from(ledger.entries().len() + 1).unwrap());
    assert_eq!(kind(Ledger::read(text, &[])).map(drop), Err(ErrorKind::MissingKey));
    gone_on(whole, &ledger);
    let replay = kind(Replay::new(signing(), &[&ledger], [CONTACT, MEDICAL]));
    if let Ok(replay) = replay {
        played_back(&replay);
    }
}

/// Another entry behind it is believed by its signature, and the ones before by the head.
fn gone_on(whole: &str, ledger: &Ledger) {
    let book = Lines(Mutex::new((format!("{whole}\n"), ledger.head())));
    let access = Access::new(signing()).tenant(TENANT).at(NOW).ledger(&book);
    let _erased = KeyEnvelope::erased(access, SUBJECT).unwrap();
    let text = book.0.into_inner().unwrap().0;
    let further = Ledger::read_known(&text, &signing().verifying_keys(), &ledger.head()).unwrap();
    assert_eq!(further.entries().len(), ledger.entries().len() + 1);
    if let Ok(of) = kind(further.of(Access::new(signing()).tenant(TENANT), SUBJECT)) {
        assert_eq!(of.last().map(|entry| entry.number), Some(further.head().number()));
        further.consents(Access::new(signing()).tenant(TENANT), SUBJECT).unwrap();
    }
}

/// A replay leaves an envelope, or refuses; and repeated it changes nothing.
fn played_back(replay: &Replay<'_>) {
    let subject = SubjectId::new(SUBJECT).unwrap();
    let access = Access::new(signing()).tenant(TENANT).at(NOW);
    let again = |stored: &KeyEnvelope| {
        let mut edit = stored.edit(access, &subject).unwrap();
        kind(replay.apply(&mut edit).and_then(|_| edit.finish()))
    };
    if let Ok(made_good) = again(stored()) {
        made_good.inspect().unwrap();
        made_good.unwrap(access, SUBJECT).unwrap();
        assert_eq!(again(&made_good).as_ref(), Ok(&made_good));
    }
}

/// Two generations of a class with consent, and another class.
fn stored() -> &'static KeyEnvelope {
    static STORED: OnceLock<KeyEnvelope> = OnceLock::new();
    STORED.get_or_init(|| {
        let access = Access::new(signing()).tenant(TENANT).at(NOW);
        let classes: [Class; 2] = [CONTACT, MEDICAL];
        let keys = DataKeys::create_with_rng(access, SUBJECT, classes, &mut Seed([6; 32]));
        let mut edit = keys.unwrap().envelope().edit(access, SUBJECT).unwrap();
        edit.renew(CONTACT.consented_to(&["support"])).unwrap();
        edit.finish().unwrap()
    })
}

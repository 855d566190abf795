//! Ring documents as an attacker, or a broken disk, leaves them: refused with a clear text, nothing is
//! told, nothing is written.

#![cfg(feature = "file")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

#[path = "ring_hostile/bombs.rs"]
mod bombs;
#[path = "ring_hostile/bytes.rs"]
mod bytes;
#[path = "ring_hostile/forged.rs"]
mod forged;
#[path = "ring_hostile/keys.rs"]
mod keys;
#[path = "ring_hostile/members.rs"]
mod members;
#[path = "ring_hostile/slots.rs"]
mod slots;
#[path = "ring_hostile/spliced.rs"]
mod spliced;
#[path = "ring_hostile/unprotected.rs"]
mod unprotected;

use std::fs;

use common::ring::{Folder, document, error, key};
use fieldseal::keyring::{
    Argon2Cost, Credential, KeyUse, LockedRing, Passphrase, RingDocument, Share,
};
use fieldseal::{Error, ErrorKind, KeyRing, RingFile};
use serde_json::Value;

/// What a document under attack has in it that no error shows.
const MARK: &str = "unter den linden";

/// What other processes of these tests do.
#[test]
#[ignore = "run by the other tests, as a process of its own"]
fn child() {
    match common::ring::task()[0].as_str() {
        "costs" => slots::refuse_hostile_costs(),
        "lists" => bombs::refuse_long_lists(),
        "scopes" => bombs::refuse_the_shortest_items(),
        _ => return,
    }
    // KiB, where the system tells.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    common::ring::say(peak.unwrap_or_default().trim_end_matches("kB").trim());
}

/// Has another process refuse what is hostile: it takes less memory than this.
#[track_caller]
fn refused_within(mib: u64, task: &str) {
    let said = common::ring::Child::start(&[task]).end();
    if let Ok(peak) = said[0].parse::<u64>() {
        assert!(peak < mib << 10, "{peak} KiB of memory were taken");
    }
}

fn cheap(text: &str) -> Credential {
    Passphrase::new(text).unwrap().cost(Argon2Cost::new(8, 1, 1).unwrap()).into()
}

/// A document with keys and slots of every kind that needs no service, and its shares.
fn sample() -> (RingDocument, Vec<Share>) {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_key_pair_role("billing").unwrap();
    ring.add_index_key().unwrap();
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    ring.set_rotate_after(KeyUse::Wrap, "app", Some(90)).unwrap();
    let mut document = RingDocument::new(ring).unwrap();
    document.add_slot("server", &key(1)).unwrap();
    document.add_slot("operators", &cheap("four words")).unwrap();
    let shares = document.add_recovery_slot("custodians", 2, 3).unwrap();
    (document, shares)
}

fn sample_json() -> String {
    sample().0.to_json().unwrap()
}

/// The document with the member at this pointer set, or taken out.
fn with(json: &str, pointer: &str, value: impl Into<Option<Value>>) -> String {
    let mut document: Value = serde_json::from_str(json).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
    match (parent, value.into()) {
        (Value::Object(members), Some(value)) => {
            members.insert(name.into(), value);
        }
        (Value::Object(members), None) => {
            members.remove(name).unwrap_or_else(|| panic!("no {pointer}"));
        }
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().unwrap()] = value,
        (Value::Array(items), None) => {
            items.remove(name.parse().unwrap());
        }
        _ => panic!("{pointer} is in no object"),
    }
    serde_json::to_string_pretty(&document).unwrap()
}

/// The member at this pointer.
fn member(json: &str, pointer: &str) -> Value {
    let document: Value = serde_json::from_str(json).unwrap();
    document.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}")).clone()
}

fn open(json: impl AsRef<[u8]>, credential: &Credential) -> Result<RingDocument, Error> {
    LockedRing::from_json(json.as_ref())?.unlock(credential)
}

/// The one text for a wrong credential and for what was altered.
fn usual() -> String {
    error(open(document().to_json().unwrap(), &key(9))).to_string()
}

/// That an error says something, and nothing of the document.
#[track_caller]
fn discreet(error: &Error, json: &[u8]) {
    let text = error.to_string();
    let (kind, detail) = text.split_once(": ").unwrap();
    assert_eq!(kind, error.kind().as_str());
    assert!(detail.len() > 20 && detail.len() < 300, "{text}");
    assert!(!text.ends_with('.') && !text.contains(MARK), "{text}");
    // Whatever looks like a secret, a salt or a wrapped key: no long word of the document is in it.
    let document = String::from_utf8_lossy(json);
    for word in document.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_') {
        assert!(word.len() < 15 || !text.contains(&word[..15]), "{text}");
    }
}

/// The error for a document in a file, whatever is done with it; the file stays as it is.
#[track_caller]
fn refused(json: impl AsRef<[u8]>) -> Error {
    let json = json.as_ref();
    let folder = Folder::new();
    let file = folder.ring();
    fs::write(file.path(), json).unwrap();
    let stamp = fs::metadata(file.path()).unwrap().modified().unwrap();
    let first = error(file.open(&key(1)));
    discreet(&first, json);

    let update = || file.update(&key(1), |_| -> Result<(), Error> { panic!("it opened") });
    let shared = || fieldseal::SharedRing::open(RingFile::at(file.path()), &key(1));
    for again in [error(update()), error(shared()), error(open(json, &key(1)))] {
        assert_eq!((again.kind(), again.to_string()), (first.kind(), first.to_string()));
    }
    assert!(fs::read(file.path()).unwrap() == json, "the file was written");
    assert_eq!(fs::metadata(file.path()).unwrap().modified().unwrap(), stamp);
    assert!(!folder.join("ring.json.new").exists());
    first
}

/// That a document is refused as this kind, with these words.
#[track_caller]
fn refused_as(json: impl AsRef<[u8]>, kind: ErrorKind, words: &str) {
    let error = refused(json);
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[track_caller]
fn malformed(json: impl AsRef<[u8]>, words: &str) {
    refused_as(json, ErrorKind::Malformed, words);
}

/// That a document is refused like a wrong passphrase, whatever opens it otherwise.
#[track_caller]
fn unopened(json: impl AsRef<[u8]>) {
    refused_as(json, ErrorKind::Unlock, &usual());
}

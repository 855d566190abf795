//! Ring documents, shares and slot keys, as files and people bring them.

use fieldseal::KeyRing;
use fieldseal::keyring::{Credential, LockedRing, RingDocument, Share, SlotKey, VerifyingKey};

use super::kind;

/// What opens the slot of the documents made here.
pub(crate) fn credential() -> Credential {
    SlotKey::from_bytes(&[0x51; 32]).into()
}

/// Bytes as a ring document: one that opens is written and read again, protected and not, with the
/// same keys.
pub(super) fn ring(data: &[u8]) {
    let Ok(locked) = kind(LockedRing::from_json(data)) else { return };
    let shown = format!("{locked:?} {:?}", locked.keys().collect::<Vec<_>>());
    assert!(!shown.is_empty());
    assert!(locked.generation() > 0);
    // Argon2 is left to those who choose its cost.
    let opened = if locked.is_protected() {
        assert!(kind(locked.open_unprotected()).is_err());
        kind(locked.unlock(&credential()))
    } else {
        assert!(kind(locked.unlock(&credential())).is_err());
        kind(locked.open_unprotected())
    };
    let Ok(document) = opened else { return };
    assert_eq!(document.ring().keys().count(), locked.keys().count());
    written_again(document);
}

fn written_again(mut document: RingDocument) {
    let before = keys(document.ring());
    let (json, fingerprint) = document.to_unprotected_json().unwrap();
    let plain = LockedRing::from_json(json.as_bytes()).unwrap();
    let pinned = plain.open_pinned(&fingerprint).unwrap();
    assert_eq!(keys(pinned.ring()), before);

    if document.slots().len() == 16 {
        return;
    }
    document.add_slot("fuzz", &credential()).unwrap();
    let json = document.to_json().unwrap();
    let locked = LockedRing::from_json(json.as_bytes()).unwrap();
    assert_eq!(keys(locked.unlock(&credential()).unwrap().ring()), before);
    let older = locked.floor(document.generation() + 1);
    assert!(kind(older.unlock(&credential())).is_err());
}

/// All of a ring, its secrets too.
fn keys(ring: &KeyRing) -> Vec<String> {
    let all = ring.keys().map(|key| {
        let secret = key.expose_secret().map(|secret| *secret.expose());
        let half = key.expose_writer_half().map(|(public, writer)| (public, *writer.expose()));
        let derived: Vec<_> = key
            .scopes()
            .map(|scope| (scope.clone(), key.expose_derived(scope).map(|secret| *secret.expose())))
            .collect();
        let public = key.public_key();
        let hints = (key.created_at(), key.rotate_after_days());
        format!("{key} {secret:?} {half:?} {derived:?} {public:?} {hints:?}")
    });
    all.collect()
}

/// Bytes as what people type or paste: a share, a slot key, a verifying key. One that reads is written the one way it
/// has.
pub(super) fn typed(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(share) = kind(Share::from_text(text)) {
        let written = share.to_text();
        let again = Share::from_text(&written).unwrap();
        assert_eq!(*again.to_text(), *written);
        assert!((1..=share.shares()).contains(&share.index()));
    }
    if let Ok(key) = kind(SlotKey::from_text(text)) {
        assert_eq!(*key.to_text(), text.trim());
    }
    if let Ok(key) = kind(text.parse::<VerifyingKey>()) {
        assert_eq!(key.to_string(), text.trim());
        assert_eq!(kind(VerifyingKey::new(key.id(), &key.to_bytes())), Ok(key));
    }
}

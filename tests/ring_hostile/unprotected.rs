//! Documents without protection: asked for in words, and pinned by their fingerprint.

use std::fs;

use fieldseal::keyring::{Capabilities, Fingerprint, KeyUse, LockedRing, RingDocument};
use fieldseal::{ErrorKind, KeyRing, RingFile, SharedRing};
use serde_json::json;

use super::common::ring::{Folder, document, error, key, whole};
use super::{cheap, discreet, member, sample_json, with};

/// The ring of a service that seals for `medical` and does not read it: what an unprotected document
/// is for.
fn writers() -> (RingDocument, String, Fingerprint) {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_key_pair_role("medical").unwrap();
    let subset = ring.subset_with(&Capabilities::new().writer("medical")).unwrap();
    let mut document = RingDocument::new(subset.into_ring()).unwrap();
    let (json, fingerprint) = document.to_unprotected_json().unwrap();
    (document, json.to_string(), fingerprint)
}

fn locked(json: impl AsRef<[u8]>) -> LockedRing {
    LockedRing::from_json(json.as_ref()).unwrap()
}

#[test]
fn it_is_not_opened_in_passing() {
    let folder = Folder::new();
    let file = RingFile::at(folder.join("ring.json"));
    let mut document = document();
    file.create_unprotected(&mut document).unwrap();
    let json = fs::read(file.path()).unwrap();
    for error in [
        error(file.open(&key(1))),
        error(file.open(&cheap("four words"))),
        error(file.open(&Vec::new().into())),
        error(file.update(&key(1), |_| Ok(()))),
        error(SharedRing::open(file.clone(), &key(1))),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unprotected);
        discreet(&error, &json);
        assert!(error.to_string().contains("open_unprotected"), "{error}");
    }
    assert!(!file.read().unwrap().is_protected());
    let opened = file.read().unwrap().open_unprotected().unwrap();
    assert_eq!(whole(opened.ring()), whole(document.ring()));
    assert_eq!((opened.id(), opened.generation()), (document.id(), 1));
    assert!(opened.slots().is_empty() && opened.opened_by().is_none());
    assert_eq!(fs::read(file.path()).unwrap(), json);
}

#[test]
fn a_protected_one_is_not_opened_as_if_it_were_not() {
    let locked = locked(sample_json());
    assert!(locked.is_protected());
    let pin: Fingerprint = "0".repeat(64).parse().unwrap();
    for refused in [error(locked.open_unprotected()), error(locked.open_pinned(&pin))] {
        assert_eq!(refused.kind(), ErrorKind::FailedPrecondition);
        assert!(refused.to_string().contains("unlock it by one of its slots"), "{refused}");
    }
}

#[test]
fn it_is_pinned_by_its_fingerprint() {
    let (document, json, pin) = writers();
    let opened = locked(&json).open_pinned(&pin).unwrap();
    assert_eq!(whole(opened.ring()), whole(document.ring()));
    let written = pin.to_string();
    assert_eq!(written.parse::<Fingerprint>().unwrap(), pin);
    assert_eq!(written.len(), 64);

    let mut digits = written.clone().into_bytes();
    for at in 0..64 {
        let kept = digits[at];
        digits[at] = if kept == b'0' { b'1' } else { b'0' };
        let other: Fingerprint = core::str::from_utf8(&digits).unwrap().parse().unwrap();
        let refused = error(locked(&json).open_pinned(&other));
        assert_eq!(refused.kind(), ErrorKind::Unlock);
        assert!(refused.to_string().contains("not the pinned one"), "{refused}");
        discreet(&refused, json.as_bytes());
        digits[at] = kept;
    }
    for bad in
        ["", &written[1..], &format!("{written}0"), &written.to_uppercase(), &format!(" {written}")]
    {
        if *bad != written {
            assert_eq!(error(bad.parse::<Fingerprint>()).kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }
    // White space is no content.
    let compact = json.split_whitespace().collect::<String>();
    assert!(locked(compact).open_pinned(&pin).is_ok());
}

/// What an attacker would gain most by: his public key, for which the service then seals all new data.
#[test]
fn a_swapped_public_key_is_found_by_the_pin() {
    let (document, json, pin) = writers();
    let (_, attackers, _) = writers();
    let place = |json: &str| {
        let keys = member(json, "/keys");
        let at = keys.as_array().unwrap().iter().position(|key| key["name"] == "medical");
        format!("/keys/{}/public", at.unwrap())
    };
    let theirs = member(&attackers, &place(&attackers));
    let swapped = with(&json, &place(&json), theirs);
    let refused = error(locked(&swapped).open_pinned(&pin));
    assert_eq!(refused.kind(), ErrorKind::Unlock);
    // Without the pin it goes unnoticed: that is what it is for.
    let opened = locked(&swapped).open_unprotected().unwrap();
    assert_ne!(whole(opened.ring()), whole(document.ring()));

    let bytes = json.into_bytes();
    for at in 0..bytes.trim_ascii_end().len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let opened = LockedRing::from_json(&flipped).and_then(|locked| locked.open_pinned(&pin));
        let kind = error(opened).kind();
        let may = [
            ErrorKind::Unlock,
            ErrorKind::Malformed,
            ErrorKind::Unsupported,
            ErrorKind::InvalidInput,
        ];
        assert!(may.contains(&kind), "{kind}");
    }
}

/// Where the private half is there, the public one is known.
#[test]
fn a_public_key_that_is_not_of_its_private_half_is_refused() {
    let mut ring = KeyRing::empty();
    ring.add_key_pair_role("medical").unwrap();
    let mut document = RingDocument::new(ring).unwrap();
    let (json, _) = document.to_unprotected_json().unwrap();
    let (_, other, _) = writers();
    let keys = member(&other, "/keys");
    let public = keys.as_array().unwrap().iter().find_map(|key| key.get("public")).unwrap();
    let swapped = with(&json, "/keys/0/public", public.clone());
    let refused = error(locked(swapped).open_unprotected());
    assert_eq!(refused.kind(), ErrorKind::Malformed);
    assert!(refused.to_string().contains("do not fit its keys"), "{refused}");
}

#[test]
fn secrets_that_do_not_fit_the_keys_are_refused() {
    let (json, _) = document().to_unprotected_json().unwrap();
    let secrets = member(&json, "/unprotected").as_str().unwrap().to_owned();
    let longer = format!("{}{secrets}", "A".repeat(4));
    let bad = ["", "A", &secrets[4..], &longer, &secrets.replace(|_| true, "="), "not base64!"];
    for bad in bad {
        let refused = error(locked(with(&json, "/unprotected", json!(bad))).open_unprotected());
        assert_eq!(refused.kind(), ErrorKind::Malformed);
        assert!(refused.to_string().contains("do not fit its keys"), "{refused}");
        discreet(&refused, json.as_bytes());
    }
    let fewer = with(&json, "/keys/0", None);
    assert_eq!(error(locked(fewer).open_unprotected()).kind(), ErrorKind::Malformed);
}

#[test]
fn a_floor_holds_for_it_too() {
    let (_, json, pin) = writers();
    let floored = || locked(&json).floor(2);
    for refused in [error(floored().open_unprotected()), error(floored().open_pinned(&pin))] {
        assert_eq!(refused.kind(), ErrorKind::RolledBack);
    }
}

#[test]
fn it_stays_as_it_is_until_it_gets_a_slot() {
    let folder = Folder::new();
    let file = RingFile::at(folder.join("ring.json"));
    let pin = file.create_unprotected(&mut document()).unwrap();
    let by_pin = |locked: &LockedRing| locked.open_pinned(&pin);
    let rotated =
        file.update_with(by_pin, |document| document.ring_mut().rotate(KeyUse::Wrap, "app"));
    rotated.unwrap();
    assert!(!file.read().unwrap().is_protected());
    // What was pinned is not what is there now.
    assert_eq!(error(file.update_with(by_pin, |_| Ok(()))).kind(), ErrorKind::Unlock);

    // Another copy of the same generation is not written over, here as elsewhere.
    let copy = fs::read(file.path()).unwrap();
    let mut held = file.read().unwrap().open_unprotected().unwrap();
    let changed = file.update_with(LockedRing::open_unprotected, |document| {
        document.ring_mut().set_rotate_after(KeyUse::Wrap, "app", Some(1))
    });
    changed.unwrap();
    assert_eq!(error(file.save(&mut held)).kind(), ErrorKind::Conflict);
    fs::write(file.path(), copy).unwrap();
    file.save(&mut held).unwrap();

    held.add_slot("server", &key(1)).unwrap();
    file.save(&mut held).unwrap();
    let locked = file.read().unwrap();
    assert!(locked.is_protected() && locked.open_unprotected().is_err());
    let text = fs::read_to_string(file.path()).unwrap();
    assert!(!text.contains("\"unprotected\""), "no secret is left in the clear");
    assert_eq!(whole(file.open(&key(1)).unwrap().ring()), whole(held.ring()));
    // And back only by the call that says so, into another file.
    file.update(&key(1), |_| Ok(())).unwrap();
    assert!(file.read().unwrap().is_protected());
}

#[test]
fn it_is_not_made_in_the_place_of_another_file() {
    let folder = Folder::new();
    let file = folder.ring();
    let stored = fs::read(file.path()).unwrap();
    let refused = error(file.create_unprotected(&mut document()));
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(fs::read(file.path()).unwrap(), stored);
}

#[test]
fn after_the_last_generation_nothing_is_written() {
    let folder = Folder::new();
    let file = RingFile::at(folder.join("ring.json"));
    file.create_unprotected(&mut document()).unwrap();
    let json = fs::read_to_string(file.path()).unwrap();
    let last = with(&json, "/generation", json!((1_u64 << 53) - 1));
    fs::write(file.path(), &last).unwrap();
    let refused = error(file.update_with(LockedRing::open_unprotected, |_| Ok(())));
    assert_eq!(refused.kind(), ErrorKind::Exhausted);
    let mut opened = file.read().unwrap().open_unprotected().unwrap();
    assert_eq!(error(file.save(&mut opened)).kind(), ErrorKind::Exhausted);
    assert_eq!(error(opened.to_unprotected_json()).kind(), ErrorKind::Exhausted);
    assert_eq!(opened.generation(), (1 << 53) - 1);
    assert_eq!(fs::read_to_string(file.path()).unwrap(), last);
}

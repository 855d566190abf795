//! Older copies, and documents put together from several.

use std::fs;

use fieldseal::keyring::KeyUse;
use fieldseal::{ErrorKind, RingFile, SharedRing};
use serde_json::json;

use super::common::ring::{Folder, document, error, key};
use super::{cheap, member, open, sample, unopened, usual, with};

/// Two generations of a document: in the second, a key was rotated, and the slot of `key(2)` removed.
fn two() -> (String, String) {
    let (mut document, _) = sample();
    let leaver = document.add_slot("leaver", &key(2)).unwrap();
    let first = document.to_json().unwrap();
    document.ring_mut().rotate(KeyUse::Wrap, "app").unwrap();
    document.remove_slot(leaver).unwrap();
    (first, document.to_json().unwrap())
}

#[test]
fn parts_of_two_generations_are_no_document() {
    let (first, second) = two();
    let parts = ["/generation", "/keys", "/secrets", "/slots", "/written_at"];
    let mut spliced = 0;
    for choice in 0..1 << parts.len() {
        let mut json = with(&second, "/id", member(&second, "/id"));
        for (at, part) in parts.into_iter().enumerate() {
            if choice & (1 << at) != 0 {
                json = with(&json, part, member(&first, part));
            }
        }
        // Both may have been written in one second.
        if [&first, &second].into_iter().any(|good| with(good, "/id", member(good, "/id")) == json)
        {
            continue;
        }
        spliced += 1;
        unopened(&json);
        for credential in [key(2), cheap("four words")] {
            let error = error(open(&json, &credential));
            assert_eq!(error.kind(), ErrorKind::Unlock, "{choice:b}");
        }
    }
    assert!(spliced >= 14);
}

/// Who was let go puts the slot back that was removed, or swaps it for another's.
#[test]
fn slots_of_an_older_generation_are_refused() {
    let (first, second) = two();
    let removed = member(&first, "/slots/3");
    let mut slots = member(&second, "/slots");
    slots.as_array_mut().unwrap().push(removed.clone());
    let put_back = with(&second, "/slots", slots);
    let mut renumbered = removed;
    renumbered["id"] = json!(1);
    let swapped = with(&second, "/slots/0", renumbered);
    for json in [put_back, swapped] {
        for credential in [key(2), key(1), cheap("four words")] {
            let error = error(open(&json, &credential));
            assert_eq!((error.kind(), error.to_string()), (ErrorKind::Unlock, usual()));
        }
    }
}

/// The same key opens both documents; that makes no document of their parts.
#[test]
fn slots_and_secrets_of_another_document_are_refused() {
    let (one, other) = (document().to_json().unwrap(), document().to_json().unwrap());
    let id = |json: &str| member(json, "/id");
    for parts in [
        &["/slots"][..],
        &["/secrets"],
        &["/slots", "/secrets"],
        &["/keys", "/secrets"],
        &["/keys", "/slots", "/secrets"],
    ] {
        let mut json = one.clone();
        for part in parts {
            json = with(&json, part, member(&other, part));
        }
        unopened(json);
    }
    unopened(with(&one, "/id", id(&other)));
    unopened(with(&other, "/id", id(&one)));
}

#[test]
fn an_older_copy_is_noticed_by_its_floor() {
    let folder = Folder::new();
    let file = folder.ring();
    let copy = fs::read(file.path()).unwrap();
    let rotate = |file: &RingFile| {
        file.update(&key(1), |document| document.ring_mut().rotate(KeyUse::Wrap, "app"))
    };
    rotate(&file).unwrap();
    let (document, _) = rotate(&file).unwrap();
    let floor = document.generation();
    let floored = file.clone().floor(floor);
    rotate(&floored).unwrap();
    assert!(floored.open(&key(1)).is_ok(), "later generations are above it");

    fs::write(file.path(), &copy).unwrap();
    let stamp = fs::metadata(file.path()).unwrap().modified().unwrap();
    for error in [
        error(floored.open(&key(1))),
        error(rotate(&floored)),
        error(floored.read().unwrap().unlock(&key(1))),
        error(SharedRing::open(floored.clone(), &key(1))),
        error(document.reopen(&file.read().unwrap())),
    ] {
        assert_eq!(error.kind(), ErrorKind::RolledBack);
        let text = error.to_string();
        assert!(text.contains("of generation 1.1") && text.contains("at least "), "{text}");
        assert!(text.contains("3 is demanded"), "{text}");
    }
    assert_eq!(fs::read(file.path()).unwrap(), copy);
    assert_eq!(fs::metadata(file.path()).unwrap().modified().unwrap(), stamp);
    assert!(file.open(&key(1)).is_ok(), "who names no floor does not notice");
}

/// The number alone is not believed: a copy that claims to be newer does not open.
#[test]
fn an_older_copy_that_claims_to_be_newer_does_not_open() {
    let folder = Folder::new();
    let file = folder.ring();
    let copy = fs::read_to_string(file.path()).unwrap();
    for claimed in [2, 3, 1_u64 << 52] {
        let forged = with(&copy, "/generation", json!(claimed));
        fs::write(file.path(), forged).unwrap();
        let refused = error(file.clone().floor(2).open(&key(1)));
        assert_eq!((refused.kind(), refused.to_string()), (ErrorKind::Unlock, usual()));
    }
    // Nor does a wrong credential learn whether it is an older one.
    fs::write(file.path(), copy).unwrap();
    let refused = error(file.floor(2).open(&key(9)));
    assert_eq!(refused.to_string(), usual());
}

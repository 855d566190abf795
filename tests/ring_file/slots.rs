//! Slots: added, removed, named, and each enough alone.

use fieldseal::ErrorKind;
use fieldseal::keyring::{
    Argon2Cost, Credential, KeyUse, LockedRing, Passphrase, RingDocument, Share, SlotId, SlotKind,
};

use super::common::ring::{Folder, document, error, key, whole};

fn id(number: u16) -> SlotId {
    SlotId::new(number).unwrap()
}

fn ids(document: &RingDocument) -> Vec<u16> {
    document.slots().iter().map(|slot| slot.id().get()).collect()
}

fn again(document: &mut RingDocument) -> LockedRing {
    LockedRing::from_json(document.to_json().unwrap().as_bytes()).unwrap()
}

#[test]
fn each_slot_is_enough_alone() {
    let folder = Folder::new();
    let mut document = document();
    let cost = Argon2Cost::new(8, 1, 1).unwrap();
    let passphrase = Passphrase::new("four words").unwrap().cost(cost).into();
    document.add_slot("operators", &passphrase).unwrap();
    let shares = document.add_recovery_slot("custodians", 2, 3).unwrap();
    document.add_slot("", &key(2)).unwrap();
    let all = whole(document.ring());
    let file = folder.ring_of(&mut document);

    let two: Vec<_> =
        [2, 0].iter().map(|at| Share::from_text(&shares[*at].to_text()).unwrap()).collect();
    let credentials = [(1, key(1)), (2, passphrase), (3, Credential::Shares(two)), (4, key(2))];
    for (slot, credential) in credentials {
        let opened = file.open(&credential).unwrap();
        assert_eq!(opened.opened_by(), Some(id(slot)));
        assert_eq!(whole(opened.ring()), all);
        assert_eq!(ids(&opened), [1, 2, 3, 4]);
    }
    let locked = file.read().unwrap();
    let kinds: Vec<_> = locked.slots().iter().map(|slot| slot.kind().to_string()).collect();
    let passphrase = "passphrase (Argon2id, 8 KiB, 1 passes, 1 lane)";
    assert_eq!(kinds, ["raw key", passphrase, "recovery (2 of 3 shares)", "raw key"]);
}

#[test]
fn a_credential_that_no_slot_takes_is_told_what_does() {
    let folder = Folder::new();
    let file = folder.ring();
    let custodians = document().add_recovery_slot("other", 2, 2).unwrap();
    let passphrase = Passphrase::new("x").unwrap();
    for (credential, what) in [
        (Credential::from(passphrase), "no slot takes a passphrase"),
        (Credential::from(custodians), "these shares are of no slot"),
        (Credential::from(Vec::new()), "these shares are of no slot"),
    ] {
        let refused = error(file.open(&credential));
        assert_eq!(refused.kind(), ErrorKind::Unlock);
        let text = refused.to_string();
        assert!(text.contains(what) && text.contains("slot 1 `server`: raw key"), "{text}");
    }
}

#[test]
fn a_removed_slot_cannot_open() {
    let folder = Folder::new();
    let mut document = document();
    let removed = document.add_slot("leaver", &key(2)).unwrap();
    document.add_slot("stayer", &key(3)).unwrap();
    let file = folder.ring_of(&mut document);
    assert!(file.open(&key(2)).is_ok());

    file.update(&key(1), |document| document.remove_slot(removed)).unwrap();
    assert_eq!(error(file.open(&key(2))).kind(), ErrorKind::Unlock);
    for stays in [1, 3] {
        assert_eq!(ids(&file.open(&key(stays)).unwrap()), [1, 3]);
    }
    // Nor does the slot that opened the document, once it removed itself.
    file.update(&key(1), |document| document.remove_slot(id(1))).unwrap();
    assert_eq!(error(file.open(&key(1))).kind(), ErrorKind::Unlock);
    assert_eq!(ids(&file.open(&key(3)).unwrap()), [3]);
}

#[test]
fn the_last_slot_cannot_be_removed() {
    let mut document = document();
    let second = document.add_slot("second", &key(2)).unwrap();
    document.remove_slot(id(1)).unwrap();
    let refused = error(document.remove_slot(second));
    assert_eq!(refused.kind(), ErrorKind::FailedPrecondition);
    assert!(refused.to_string().contains("add another first"), "{refused}");
    assert!(again(&mut document).unlock(&key(2)).is_ok());
}

#[test]
fn a_slot_that_is_not_there_cannot_be_removed() {
    let mut document = document();
    document.add_slot("second", &key(2)).unwrap();
    document.remove_slot(id(2)).unwrap();
    document.add_slot("third", &key(3)).unwrap();
    for missing in [3, 16, u16::MAX] {
        let refused = error(document.remove_slot(id(missing)));
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(refused.to_string().contains(&missing.to_string()), "{refused}");
    }
    assert_eq!(ids(&document), [1, 2]);
}

#[test]
fn a_document_without_a_slot_is_not_written() {
    let folder = Folder::new();
    let mut document = RingDocument::new(fieldseal::KeyRing::generate().unwrap()).unwrap();
    assert_eq!(error(document.to_json()).kind(), ErrorKind::FailedPrecondition);
    let file = fieldseal::RingFile::at(folder.join("ring.json"));
    let refused = error(file.create(&mut document));
    assert_eq!(refused.kind(), ErrorKind::FailedPrecondition);
    assert!(refused.to_string().contains("add one"), "{refused}");
    assert_eq!(document.generation(), 0);
    assert!(folder.names().is_empty());
}

#[test]
fn there_are_at_most_sixteen_slots() {
    let mut document = document();
    for number in 2..=16 {
        assert_eq!(document.add_slot("more", &key(number)).unwrap().get(), u16::from(number));
    }
    let passphrase = Passphrase::new("x").unwrap().cost(Argon2Cost::new(8, 1, 1).unwrap()).into();
    for one_more in [key(17), passphrase] {
        let refused = error(document.add_slot("17th", &one_more));
        assert_eq!(refused.kind(), ErrorKind::FailedPrecondition);
        assert!(refused.to_string().contains("remove one first"), "{refused}");
    }
    let shares = document.add_recovery_slot("17th", 2, 3);
    assert_eq!(error(shares).kind(), ErrorKind::FailedPrecondition);
    let locked = again(&mut document);
    for number in 1..=16 {
        let opened = locked.unlock(&key(number)).unwrap();
        assert_eq!(opened.opened_by(), Some(id(number.into())));
    }

    let mut opened = locked.unlock(&key(16)).unwrap();
    opened.remove_slot(id(5)).unwrap();
    assert_eq!(opened.add_slot("17th", &key(17)).unwrap().get(), 17, "no number is used again");
    let locked = again(&mut opened);
    assert!(locked.unlock(&key(5)).is_err() && locked.unlock(&key(17)).is_ok());
}

#[test]
fn a_label_is_64_bytes_of_what_can_be_printed() {
    let mut document = document();
    let bad = ["x".repeat(65), "ü".repeat(33)];
    let controls = ["a\nb", "\r", "\t", "\0", "\x1b[31m", "\x7f", "\u{9b}2J", "\u{85}"];
    for bad in bad.iter().map(String::as_str).chain(controls) {
        let refused =
            [error(document.add_slot(bad, &key(2))), error(document.add_recovery_slot(bad, 2, 3))];
        for refused in refused {
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{bad:?}");
            assert!(refused.to_string().contains("label"), "{refused}");
        }
    }
    assert_eq!(ids(&document), [1], "a refused slot is none");
    let good = ["", "x", "the same", "the same", "„Zürich“ \"quoted\" \\ 鍵", &"ü".repeat(32)];
    for (good, number) in good.into_iter().zip(2..) {
        document.add_slot(good, &key(number)).unwrap();
    }
    let locked = again(&mut document);
    let labels: Vec<_> =
        locked.slots().iter().skip(1).map(fieldseal::keyring::Slot::label).collect();
    assert_eq!(labels, good);
    assert!(locked.unlock(&key(6)).is_ok());
}

#[test]
fn shares_and_thresholds_that_make_no_sense_are_refused() {
    let mut document = document();
    for (threshold, shares) in [(0, 0), (0, 3), (1, 3), (4, 3), (2, 1), (255, 254)] {
        let refused = error(document.add_recovery_slot("custodians", threshold, shares));
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{threshold} of {shares}");
    }
    let shares = document.add_recovery_slot("custodians", 2, 2).unwrap();
    let refused = error(document.add_slot("custodians", &Credential::Shares(shares)));
    assert!(refused.to_string().contains("add_recovery_slot"), "{refused}");
    assert_eq!(ids(&document), [1, 2]);
}

#[test]
fn passphrase_slots_together_are_bounded() {
    // 16 GiB times passes: what a document may have an opener do.
    let mut document = document();
    let dear = Passphrase::new("x").unwrap().cost(Argon2Cost::new(1_048_576, 17, 1).unwrap());
    let begun = std::time::Instant::now();
    let refused = error(document.add_slot("dear", &dear.into()));
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("choose a lower cost"), "{refused}");
    assert!(begun.elapsed().as_secs() < 1, "it is refused before it is computed");
}

#[test]
fn a_slot_tells_when_and_for_what_it_was_made() {
    let before = now();
    let mut document = document();
    let locked = again(&mut document);
    let slot = &locked.slots()[0];
    assert!((before..=now()).contains(&slot.created_at()));
    assert!((before..=now()).contains(&locked.written_at()));
    assert_eq!(slot.kind(), SlotKind::Key);
    assert_eq!(slot.to_string(), "slot 1 `server`: raw key");
    for bad in ["0", "-1", "65536", "", "1.0", " 1", "one"] {
        assert_eq!(error(bad.parse::<SlotId>()).kind(), ErrorKind::InvalidInput, "{bad}");
    }
    assert_eq!("7".parse::<SlotId>().unwrap(), id(7));
}

fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

#[test]
fn a_ring_is_the_same_whoever_stored_it() {
    let mut document = document();
    document.ring_mut().add_key_pair_role("medical").unwrap();
    document.ring_mut().add_index_key().unwrap();
    document.ring_mut().rotate(KeyUse::Wrap, "app").unwrap();
    document.add_slot("second", &key(2)).unwrap();
    let first = whole(document.ring());
    let mut by_second = again(&mut document).unlock(&key(2)).unwrap();
    assert_eq!(by_second.id(), document.id());
    let by_first = again(&mut by_second).unlock(&key(1)).unwrap();
    assert_eq!(by_first.generation(), 2);
    assert_eq!(whole(by_first.ring()), first);
    assert_eq!(whole(&by_first.into_ring()), first);
}

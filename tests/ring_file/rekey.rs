//! A new master key: who held the old one opens nothing that is stored from then on.

use fieldseal::keyring::{LockedRing, RingDocument};
use fieldseal::{ErrorKind, KeyRing};

use super::common::ring::{Folder, document, error, key, whole};

fn ids(document: &RingDocument) -> Vec<u16> {
    document.slots().iter().map(|slot| slot.id().get()).collect()
}

/// A file with slots for the keys 1, 2 and 3.
fn three(folder: &Folder) -> fieldseal::RingFile {
    let mut document = document();
    document.add_slot("second", &key(2)).unwrap();
    document.add_slot("third", &key(3)).unwrap();
    folder.ring_of(&mut document)
}

#[test]
fn without_a_new_master_key_who_had_a_slot_opens_later_generations() {
    let folder = Folder::new();
    let file = three(&folder);
    let leaver = file.open(&key(2)).unwrap();
    let second = leaver.opened_by().unwrap();
    file.update(&key(1), |document| document.remove_slot(second)).unwrap();
    // That is what `rekey` is for.
    assert!(leaver.reopen(&file.read().unwrap()).is_ok());
}

#[test]
fn a_new_master_key_is_unknown_to_who_held_the_old_one() {
    let folder = Folder::new();
    let file = three(&folder);
    let leaver = file.open(&key(2)).unwrap();
    let all = whole(leaver.ring());

    let (document, dropped) = file.update(&key(1), RingDocument::rekey).unwrap();
    let dropped: Vec<_> = dropped.iter().map(|slot| slot.label().to_owned()).collect();
    assert_eq!(dropped, ["second", "third"], "who must be added again is told");
    assert_eq!(ids(&document), [1]);
    for (number, opens) in [(1, true), (2, false), (3, false)] {
        assert_eq!(file.open(&key(number)).is_ok(), opens, "{number}");
    }
    let locked = file.read().unwrap();
    assert_eq!(error(leaver.reopen(&locked)).kind(), ErrorKind::Unlock);
    assert_eq!(whole(file.open(&key(1)).unwrap().ring()), all, "the keys of the ring are the same");

    // Nor any later generation.
    file.update(&key(1), |_| Ok(())).unwrap();
    assert_eq!(error(leaver.reopen(&file.read().unwrap())).kind(), ErrorKind::Unlock);
}

#[test]
fn slots_added_since_it_was_opened_are_kept() {
    let folder = Folder::new();
    let file = three(&folder);
    let (_, (dropped, shares)) = file
        .update(&key(2), |document| {
            document.add_slot("fourth", &key(4))?;
            let shares = document.add_recovery_slot("custodians", 2, 2)?;
            Ok((document.rekey()?, shares))
        })
        .unwrap();
    assert_eq!(dropped.len(), 2);
    for kept in [key(2), key(4), shares.into()] {
        assert_eq!(ids(&file.open(&kept).unwrap()), [2, 4, 5]);
    }
    for dropped in [1, 3] {
        assert_eq!(error(file.open(&key(dropped))).kind(), ErrorKind::Unlock);
    }
}

#[test]
fn a_ring_that_nobody_could_open_is_not_made() {
    // Nothing is at hand of one that was opened unprotected, or whose slot was removed.
    let (json, _) = document().to_unprotected_json().unwrap();
    let plain = LockedRing::from_json(json.as_bytes()).unwrap();
    let mut unprotected = plain.open_unprotected().unwrap();
    let refused = error(unprotected.rekey());
    assert_eq!(refused.kind(), ErrorKind::FailedPrecondition);
    assert!(refused.to_string().contains("add a slot first"), "{refused}");

    let folder = Folder::new();
    let file = three(&folder);
    let mut opened = file.open(&key(1)).unwrap();
    opened.remove_slot(opened.opened_by().unwrap()).unwrap();
    assert_eq!(error(opened.rekey()).kind(), ErrorKind::FailedPrecondition);
    assert_eq!(ids(&opened), [2, 3], "what is refused changes nothing");
    file.save(&mut opened).unwrap();
    assert!(file.open(&key(2)).is_ok() && file.open(&key(3)).is_ok());
}

#[test]
fn each_rekey_makes_another_master_key() {
    let mut document = RingDocument::new(KeyRing::generate().unwrap()).unwrap();
    document.add_slot("first", &key(1)).unwrap();
    let mut held: Vec<RingDocument> = Vec::new();
    for number in 2..6 {
        document.add_slot("more", &key(number)).unwrap();
        let json = document.to_json().unwrap();
        let locked = LockedRing::from_json(json.as_bytes()).unwrap();
        for former in &held {
            assert_eq!(error(former.reopen(&locked)).kind(), ErrorKind::Unlock);
        }
        // By a slot that is removed next: what it keeps is the master key alone.
        let leaver = locked.unlock(&key(number)).unwrap();
        document.remove_slot(leaver.opened_by().unwrap()).unwrap();
        document.rekey().unwrap();
        held.push(leaver);
    }
}

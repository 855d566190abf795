//! Ring documents with a slot of a token.

use std::fs;

use fieldseal::keyring::{
    Credential, KeyUse, LockedRing, Passphrase, RingDocument, SlotKind, Unlock as _,
};
use fieldseal::pkcs11::{Pkcs11Key, Pkcs11Pin};
use fieldseal::{ErrorKind, KeyRing, RingFile, SharedRing};
use serde_json::Value;

use crate::refused;
use crate::softhsm::{SoftHsm, each, pin};

/// A ring, with a slot of a new key: the key, and the document.
fn ring(hsm: &SoftHsm) -> (Pkcs11Key, RingDocument) {
    let key = hsm.key("prod", "fieldseal");
    let document = with_slot(hsm, &key);
    (key, document)
}

fn with_slot(hsm: &SoftHsm, key: &Pkcs11Key) -> RingDocument {
    let mut document = RingDocument::new(KeyRing::generate().unwrap()).unwrap();
    hsm.open().add_slot(&mut document, "hsm", key, &pin()).unwrap();
    document
}

fn locked(document: &mut RingDocument) -> LockedRing {
    LockedRing::from_json(document.to_json().unwrap().as_bytes()).unwrap()
}

/// A key that a person keeps, for what a token does not open.
fn raw() -> Credential {
    fieldseal::keyring::SlotKey::from_bytes(&[9; 32]).into()
}

#[test]
fn a_saved_ring_is_unlocked_by_its_token() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let sealed = document.ring().seal(b"note 7", b"call back").unwrap();
        let file = RingFile::at(hsm.folder().join("ring.json"));
        file.create(&mut document).unwrap();
        let json = fs::read_to_string(file.path()).unwrap();
        assert!(json.contains("pkcs11:token=prod;object=fieldseal"));

        let mut opened = hsm.open().unlock(&file.read().unwrap(), &key, &pin()).unwrap();
        assert_eq!(opened.ring().open(b"note 7", &sealed).unwrap().expose(), b"call back");
        let slot = &opened.slots()[0];
        assert_eq!(opened.opened_by(), Some(slot.id()));
        assert!(matches!(
            slot.kind(),
            SlotKind::Service { service: "pkcs11", key: "pkcs11:token=prod;object=fieldseal", .. }
        ));

        // It changes, and is stored, as any other.
        opened.ring_mut().rotate(KeyUse::Wrap, "app").unwrap();
        file.save(&mut opened).unwrap();
        let again = hsm.open().unlock(&file.read().unwrap(), &key, &pin()).unwrap();
        assert_eq!(again.generation(), 2);
        assert_eq!(again.ring().open(b"note 7", &sealed).unwrap().expose(), b"call back");
    });
}

#[test]
fn a_server_refreshes_what_its_token_unlocked_without_asking_again() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let file = RingFile::at(hsm.folder().join("ring.json"));
        file.create(&mut document).unwrap();
        let unlock = |locked: &LockedRing| hsm.open().unlock(locked, &key, &pin());
        let shared = SharedRing::open_with(file.clone(), unlock).unwrap();
        let sealed = shared.ring().seal(b"note 7", b"call back").unwrap();

        let rotate = |document: &mut RingDocument| document.ring_mut().rotate(KeyUse::Wrap, "app");
        file.update_with(unlock, rotate).unwrap();
        hsm.raw().finalize().unwrap();
        assert!(shared.refresh().unwrap());
        assert_eq!(shared.generation(), 2);
        assert_eq!(shared.ring().open(b"note 7", &sealed).unwrap().expose(), b"call back");
    });
}

#[test]
fn a_document_below_the_floor_is_refused() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let earlier = locked(&mut document).floor(2);
        refused(ErrorKind::RolledBack, hsm.open().unlock(&earlier, &key, &pin()));
        let later = locked(&mut document).floor(2);
        hsm.open().unlock(&later, &key, &pin()).unwrap();
    });
}

#[test]
fn the_slot_survives_a_rekey() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let mut opened = hsm.open().unlock(&locked(&mut document), &key, &pin()).unwrap();
        opened.rekey().unwrap();
        hsm.open().unlock(&locked(&mut opened), &key, &pin()).unwrap();
    });
}

#[test]
fn a_wrong_pin_unlocks_no_ring() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let locked = locked(&mut document);
        let wrong = Pkcs11Pin::new("user-5679").unwrap();
        refused(ErrorKind::Unlock, hsm.open().unlock(&locked, &key, &wrong));
        hsm.open().unlock(&locked, &key, &pin()).unwrap();
        let slots = document.slots().len();
        let other = hsm.another_key("prod", "other");
        refused(ErrorKind::Unlock, hsm.open().add_slot(&mut document, "b", &other, &wrong));
        assert_eq!(document.slots().len(), slots, "nothing is added by a refusal");
    });
}

#[test]
fn no_pin_is_tried_for_a_slot_that_is_not_there() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let wrong = Pkcs11Pin::new("user-5679").unwrap();
        let other = hsm.another_key("prod", "other");
        let error = hsm.open().unlock(&locked(&mut document), &other, &wrong);
        assert!(refused(ErrorKind::Unlock, error).contains("no slot is of"));
        let error = hsm.open().add_slot(&mut document, "again", &key, &wrong);
        assert!(refused(ErrorKind::FailedPrecondition, error).contains("has a slot already"));

        let module = hsm.raw();
        let token = module.get_token_info(hsm.slot("prod")).unwrap();
        assert!(!token.user_pin_count_low(), "a try was spent");
        refused(ErrorKind::Unlock, hsm.open().session(&key, &wrong));
        let token = module.get_token_info(hsm.slot("prod")).unwrap();
        assert!(token.user_pin_count_low(), "the token counts");
    });
}

#[test]
fn another_token_and_another_key_unlock_no_ring() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let locked = locked(&mut document);
        for other in [hsm.key("test", "fieldseal"), hsm.another_key("prod", "billing")] {
            // There is no slot of it, and nothing is asked of the token.
            refused(ErrorKind::Unlock, hsm.open().unlock(&locked, &other, &pin()));
        }
        // The same names, and another key behind them.
        let session = hsm.raw_session("prod");
        let label = cryptoki::object::Attribute::Label(b"fieldseal".to_vec());
        let [old] = session.find_objects(&[label]).unwrap()[..] else { panic!("one key") };
        session.destroy_object(old).unwrap();
        drop(session);
        refused(ErrorKind::Io, hsm.open().unlock(&locked, &key, &pin()));
        hsm.open().generate_key(&key, &pin()).unwrap();
        refused(ErrorKind::Unlock, hsm.open().unlock(&locked, &key, &pin()));
    });
}

#[test]
fn no_other_credential_opens_the_slot() {
    each(|hsm| {
        let (_, mut document) = ring(hsm);
        let locked = locked(&mut document);
        refused(ErrorKind::Unlock, locked.unlock(&raw()));
        let passphrase = Passphrase::new(crate::softhsm::PIN).unwrap().into();
        refused(ErrorKind::Unlock, locked.unlock(&passphrase));
        refused(ErrorKind::FailedPrecondition, locked.open_unprotected());
    });
}

#[test]
fn no_altered_character_of_the_slot_unlocks() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let json: Value = serde_json::from_str(&document.to_json().unwrap()).unwrap();
        let session = hsm.open().session(&key, &pin()).unwrap();
        for member in ["service_wrapped", "wrapped"] {
            let text = json["slots"][0][member].as_str().unwrap().to_owned();
            for at in 0..text.len() {
                let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
                let mut altered = text.clone();
                altered.replace_range(at..=at, other);
                let mut json = json.clone();
                json["slots"][0][member] = altered.into();
                let locked = LockedRing::from_json(json.to_string().as_bytes());
                let opened = locked.and_then(|locked| {
                    let reply = session.perform(&locked.unlock_request(&key)?)?;
                    locked.unlock_service(&key, reply)
                });
                let Err(error) = opened else { panic!("{member} opened, altered at {at}") };
                // The last character may hold bits that no byte has.
                let spare = at + 1 == text.len() && error.kind() == ErrorKind::Malformed;
                assert!(error.kind() == ErrorKind::Unlock || spare, "{error}");
            }
        }
    });
}

#[test]
fn a_shortened_or_lengthened_slot_does_not_unlock() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let json: Value = serde_json::from_str(&document.to_json().unwrap()).unwrap();
        let text = json["slots"][0]["service_wrapped"].as_str().unwrap();
        assert_eq!(text.len(), 80);
        for other in [&text[..76], &text[4..], &format!("{text}AAAA"), &"A".repeat(4)] {
            let mut json = json.clone();
            json["slots"][0]["service_wrapped"] = other.into();
            let locked = LockedRing::from_json(json.to_string().as_bytes()).unwrap();
            refused(ErrorKind::Unlock, hsm.open().unlock(&locked, &key, &pin()));
        }
    });
}

#[test]
fn a_slot_copied_to_another_ring_does_not_unlock_it() {
    each(|hsm| {
        let (key, mut mine) = ring(hsm);
        let mut theirs = with_slot(hsm, &key);
        let mine: Value = serde_json::from_str(&mine.to_json().unwrap()).unwrap();
        let theirs: Value = serde_json::from_str(&theirs.to_json().unwrap()).unwrap();

        let mut whole = theirs.clone();
        whole["slots"] = mine["slots"].clone();
        let mut part = theirs.clone();
        part["slots"][0]["service_wrapped"] = mine["slots"][0]["service_wrapped"].clone();
        let mut renamed = theirs;
        renamed["id"] = mine["id"].clone();
        for altered in [whole, part, renamed] {
            let locked = LockedRing::from_json(altered.to_string().as_bytes()).unwrap();
            let error = refused(ErrorKind::Unlock, hsm.open().unlock(&locked, &key, &pin()));
            assert!(error.contains("the token does not decrypt"), "{error}");
        }
    });
}

#[test]
fn a_slot_under_another_number_does_not_unlock() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let mut json: Value = serde_json::from_str(&document.to_json().unwrap()).unwrap();
        json["slots"][0]["id"] = 2.into();
        let locked = LockedRing::from_json(json.to_string().as_bytes()).unwrap();
        refused(ErrorKind::Unlock, hsm.open().unlock(&locked, &key, &pin()));
    });
}

#[test]
fn a_removed_slot_cannot_open() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let other = hsm.another_key("prod", "other");
        hsm.open().add_slot(&mut document, "other", &other, &pin()).unwrap();
        document.add_slot("raw", &raw()).unwrap();
        hsm.open().unlock(&locked(&mut document), &key, &pin()).unwrap();

        let slot = document.slots()[0].id();
        document.remove_slot(slot).unwrap();
        let without = locked(&mut document);
        let error = refused(ErrorKind::Unlock, hsm.open().unlock(&without, &key, &pin()));
        assert!(error.contains(key.as_str()), "{error}");
        hsm.open().unlock(&without, &other, &pin()).unwrap();

        // Nor another that was dropped, once there is another master key.
        let mut rekeyed = without.unlock(&raw()).unwrap();
        rekeyed.rekey().unwrap();
        let without = locked(&mut rekeyed);
        refused(ErrorKind::Unlock, hsm.open().unlock(&without, &other, &pin()));
        without.unlock(&raw()).unwrap();
    });
}

#[test]
fn a_removed_slot_put_back_after_a_rekey_cannot_open() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        document.add_slot("raw", &raw()).unwrap();
        let before: Value = serde_json::from_str(&document.to_json().unwrap()).unwrap();
        let mut opened = locked(&mut document).unlock(&raw()).unwrap();
        let dropped = opened.rekey().unwrap();
        assert_eq!(dropped.len(), 1);
        let mut after: Value = serde_json::from_str(&opened.to_json().unwrap()).unwrap();
        let kept = after["slots"][0].clone();
        after["slots"] = Value::Array(vec![before["slots"][0].clone(), kept]);
        let altered = LockedRing::from_json(after.to_string().as_bytes()).unwrap();
        refused(ErrorKind::Unlock, hsm.open().unlock(&altered, &key, &pin()));
    });
}

#[test]
fn another_slots_reply_is_refused() {
    each(|hsm| {
        let (key, mut mine) = ring(hsm);
        let mut theirs = with_slot(hsm, &key);
        let (mine, theirs) = (locked(&mut mine), locked(&mut theirs));
        let session = hsm.open().session(&key, &pin()).unwrap();

        let reply = session.perform(&theirs.unlock_request(&key).unwrap()).unwrap();
        refused(ErrorKind::Unlock, mine.unlock_service(&key, reply));
        let reply = session.perform(&mine.unlock_request(&key).unwrap()).unwrap();
        mine.unlock_service(&key, reply).unwrap();
    });
}

#[test]
fn a_slot_is_finished_by_the_reply_to_its_wrapping_only() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let locked = locked(&mut document);
        let other = hsm.another_key("prod", "other");
        let (session, others) = (
            hsm.open().session(&key, &pin()).unwrap(),
            hsm.open().session(&other, &pin()).unwrap(),
        );
        let slots = document.slots().len();

        // The slot's key itself, as the token gives it to unlock, must never be stored.
        let (pending, _) = document.begin_service_slot("other", &other).unwrap();
        let opening = session.perform(&locked.unlock_request(&key).unwrap()).unwrap();
        refused(ErrorKind::Declaration, document.finish_service_slot(pending, &other, opening));

        let (pending, request) = document.begin_service_slot("other", &other).unwrap();
        let reply = others.perform(&request).unwrap();
        let mut elsewhere = with_slot(hsm, &key);
        refused(
            ErrorKind::FailedPrecondition,
            elsewhere.finish_service_slot(pending, &other, reply),
        );
        assert_eq!(document.slots().len(), slots);
    });
}

#[test]
fn a_key_has_one_slot_of_a_ring() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        refused(
            ErrorKind::FailedPrecondition,
            hsm.open().add_slot(&mut document, "b", &key, &pin()),
        );
        assert_eq!(document.slots().len(), 1);
        assert_eq!(key.service(), "pkcs11");
    });
}

/// RFC 7512: what says more names the same key, or one of several.
#[test]
fn a_uri_that_names_more_than_the_slots_opens_it() {
    each(|hsm| {
        let (key, mut document) = ring(hsm);
        let serial = hsm.serial("prod");
        // Another token takes the same label.
        hsm.token("prod");
        let ring = locked(&mut document);
        let message = refused(ErrorKind::InvalidInput, hsm.open().unlock(&ring, &key, &pin()));
        assert!(message.contains("add `serial=`") && message.contains(&serial), "{message}");
        let uri = format!("{key};serial={serial}");
        let named = Pkcs11Key::from_uri(&uri).unwrap();
        let opened = hsm.open().unlock(&ring, &named, &pin()).unwrap();
        assert_eq!(opened.opened_by(), Some(document.slots()[0].id()));

        // It can have a slot of its own too, which is the one that it then opens.
        hsm.open().add_slot(&mut document, "by serial", &named, &pin()).unwrap();
        let opened = hsm.open().unlock(&locked(&mut document), &named, &pin()).unwrap();
        assert_eq!(opened.opened_by(), Some(document.slots()[1].id()));
    });
}

/// No request is made for a slot that another key is named in, and so no PIN is tried.
#[test]
fn a_uri_that_names_less_or_other_than_the_slots_does_not_find_it() {
    each(|hsm| {
        hsm.key("prod", "fieldseal");
        let uri = format!("pkcs11:token=prod;serial={};object=fieldseal", hsm.serial("prod"));
        let mut document = with_slot(hsm, &Pkcs11Key::from_uri(&uri).unwrap());
        let ring = locked(&mut document);
        for other in [
            "pkcs11:token=prod;object=fieldseal",
            "pkcs11:token=prod;serial=0;object=fieldseal",
            &format!("{uri};id=%01").replace("prod", "test"),
        ] {
            let other = Pkcs11Key::from_uri(other).unwrap();
            refused(ErrorKind::Unlock, ring.unlock_request(&other));
        }
        let more = Pkcs11Key::from_uri(&format!("{uri};model=SoftHSM%20v2")).unwrap();
        assert!(ring.unlock_request(&more).is_ok());
    });
}

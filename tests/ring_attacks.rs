//! Attacks on ring documents, and mistakes that would lose keys.

#![cfg(feature = "file")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::ring::{Child, Folder, document, error, key, say, task};
use fieldseal::keyring::{
    Argon2Cost, Capabilities, Credential, Floor, KeyId, KeyState, KeyUse, LockedRing, Passphrase,
    RingDocument, RingKey, SlotKey,
};
use fieldseal::{ErrorKind, KeyRing, RingFile, SharedRing};

fn passphrase(text: &str, memory_kib: u32) -> Credential {
    let cost = Argon2Cost::new(memory_kib, 1, 1).unwrap();
    Passphrase::new(text).unwrap().cost(cost).into()
}

fn locked(json: &str) -> LockedRing {
    LockedRing::from_json(json.as_bytes()).unwrap()
}

fn many(count: u32) -> KeyRing {
    let mut ring = KeyRing::generate().unwrap();
    for id in (1..).filter_map(KeyId::new).take(usize::try_from(count).unwrap()) {
        let key = RingKey::name_only(id, KeyUse::Wrap, "app", KeyState::OpenOnly);
        // Its own two keys have ids of chance.
        let _ = ring.insert(key.unwrap());
    }
    ring
}

#[test]
fn a_ring_that_could_not_be_read_again_is_not_stored() {
    let folder = Folder::new();
    let mut document = RingDocument::new(many(100_001)).unwrap();
    document.add_slot("server", &key(1)).unwrap();
    let file = RingFile::at(folder.join("ring.json"));
    assert_eq!(error(file.create(&mut document)).kind(), ErrorKind::Exhausted);
    assert_eq!(error(document.to_json()).kind(), ErrorKind::Exhausted);
    assert_eq!(error(document.to_unprotected_json()).kind(), ErrorKind::Exhausted);
    assert_eq!(document.generation(), 0);
}

/// `[RF-3]` 100,000 scopes in all, of however many keys.
#[test]
fn a_ring_of_too_many_scopes_is_not_stored() {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_index_key().unwrap();
    let tenants: Vec<_> = (0..100_001).map(|number| format!("{number:05}")).collect();
    let reach = tenants.iter().fold(Capabilities::new().role("app"), |reach, tenant| {
        reach.index(tenant, "customer", "email")
    });
    let ring = ring.subset_with(&reach).unwrap().into_ring();
    let refused = error(RingDocument::new(ring).unwrap().to_unprotected_json());
    assert_eq!(refused.kind(), ErrorKind::Exhausted, "{refused}");
}

#[test]
fn a_subset_is_not_stored_over_the_ring_it_was_made_from() {
    let folder = Folder::new();
    let mut document = document();
    document.ring_mut().add_role("support").unwrap();
    let file = folder.ring_of(&mut document);
    let subset = |document: &mut RingDocument| {
        *document.ring_mut() = document.ring().subset(&["support"])?.into_ring();
        Ok(())
    };
    assert_eq!(error(file.update(&key(1), subset)).kind(), ErrorKind::FailedPrecondition);
    let mut gone = file.open(&key(1)).unwrap();
    drop(std::mem::take(gone.ring_mut()));
    assert_eq!(error(gone.to_json()).kind(), ErrorKind::FailedPrecondition);
    assert_eq!(error(gone.to_unprotected_json()).kind(), ErrorKind::FailedPrecondition);
    assert!(file.open(&key(1)).unwrap().ring().primary(KeyUse::Wrap, "app").is_some());
}

#[test]
fn a_service_gets_its_ring_anew_where_that_is_said() {
    let mut admin = KeyRing::generate().unwrap();
    admin.add_role("support").unwrap();
    admin.add_role("billing").unwrap();
    let both = admin.subset(&["support", "billing"]).unwrap().into_ring();
    let mut document = RingDocument::new(both).unwrap();
    document.add_slot("support", &key(1)).unwrap();
    document.to_json().unwrap();
    admin.rotate(KeyUse::Wrap, "support").unwrap();
    let former = document.replace_ring(admin.subset(&["support"]).unwrap().into_ring()).unwrap();
    assert!(former.primary(KeyUse::Wrap, "billing").is_some());
    let json = document.to_json().unwrap();
    let ring = locked(&json).unlock(&key(1)).unwrap().into_ring();
    assert!(ring.describe().to_string().starts_with("opens and seals as: support\n"));
}

#[test]
fn a_destroyed_key_is_stored_as_such() {
    let mut document = document();
    document.to_json().unwrap();
    let former = document.ring().primary(KeyUse::Wrap, "app").unwrap().id();
    document.ring_mut().rotate(KeyUse::Wrap, "app").unwrap();
    document.ring_mut().force_destroy(former).unwrap();
    let json = document.to_json().unwrap();
    let ring = locked(&json).unlock(&key(1)).unwrap().into_ring();
    assert_eq!(ring.key(former).unwrap().state(), KeyState::Destroyed);
}

#[cfg(unix)]
#[test]
fn a_slot_beyond_this_machines_memory_does_not_keep_the_others_closed() {
    let folder = Folder::new();
    let mut document = RingDocument::new(KeyRing::generate().unwrap()).unwrap();
    document.add_slot("large", &passphrase("large", 400 << 10)).unwrap();
    document.add_slot("small", &passphrase("small", 8)).unwrap();
    let file = folder.ring_of(&mut document);
    let mut small = std::process::Command::new("sh");
    let script = r#"ulimit -v 400000; exec "$0" "$@""#;
    small.args(["-c", script]).arg(std::env::current_exe().unwrap()).args(Child::ARGUMENTS);
    let said = Child::run(&mut small, &[file.path().to_str().unwrap()]).end();
    // Whether the passphrase is right for the large one is not known there.
    assert_eq!(said, ["large: exhausted", "small: opened", "wrong: exhausted"]);
    assert_eq!(error(file.open(&passphrase("wrong", 8))).kind(), ErrorKind::Unlock);
}

/// A process with less memory than a slot asks for.
#[test]
#[ignore = "run by another test"]
fn child() {
    let file = RingFile::at(&task()[0]);
    for text in ["large", "small", "wrong"] {
        let opened = match file.open(&passphrase(text, 8)) {
            Ok(_) => "opened".into(),
            Err(error) => error.kind().to_string(),
        };
        say(&format!("{text}: {opened}"));
    }
}

#[test]
fn who_opened_by_a_slot_that_is_another_now_is_not_said_to_hold_it() {
    let mut document = document();
    let second = document.add_slot("second", &key(2)).unwrap();
    let server = locked(&document.to_json().unwrap()).unlock(&key(2)).unwrap();
    document.remove_slot(second).unwrap();
    assert_eq!(document.add_slot("third", &key(3)).unwrap(), second, "its number is used again");
    let later = server.reopen(&locked(&document.to_json().unwrap())).unwrap();
    assert_eq!(later.opened_by(), None);

    let mut server = server;
    assert_eq!(server.opened_by(), Some(second));
    server.remove_slot(second).unwrap();
    assert_eq!(server.opened_by(), None);
}

#[test]
fn a_service_cannot_pass_its_own_document_off_as_the_administrators() {
    // The administrator's passphrase opens both, and the service has the master key of its own.
    let passphrase = passphrase("the administrator's", 8);
    let mut admin = RingDocument::new(KeyRing::generate().unwrap()).unwrap();
    admin.ring_mut().add_role("support").unwrap();
    admin.add_slot("administrator", &passphrase).unwrap();
    let folder = Folder::new();
    let file = folder.ring_of(&mut admin).only(admin.id());
    assert!(file.open(&passphrase).is_ok());

    let subset = admin.ring().subset(&["support"]).unwrap().into_ring();
    let mut service = RingDocument::new(subset).unwrap();
    service.add_slot("administrator", &passphrase).unwrap();
    service.add_slot("support", &key(1)).unwrap();
    let mut taken = locked(&service.to_json().unwrap()).unlock(&key(1)).unwrap();
    taken.replace_ring(KeyRing::generate().unwrap()).unwrap();
    std::fs::write(file.path(), taken.to_json().unwrap()).unwrap();

    let refused = error(file.open(&passphrase));
    assert_eq!(refused.kind(), ErrorKind::Unlock);
    assert!(refused.to_string().contains(&taken.id().to_string()), "{refused}");
    assert_eq!(admin.id().to_string().parse::<fieldseal::keyring::RingId>().unwrap(), admin.id());
}

/// Bob's slot is removed and the document rekeyed; what he writes with an older copy, and its floor.
fn forged_by_bob() -> (RingDocument, String, Floor) {
    let mut document = document();
    let bob = document.add_slot("bob", &key(2)).unwrap();
    let old = document.to_json().unwrap();
    let mut document = locked(&old).unlock(&key(1)).unwrap();
    document.remove_slot(bob).unwrap();
    document.rekey().unwrap();
    document.to_json().unwrap();

    let mut forged = locked(&old).unlock(&key(2)).unwrap();
    forged.replace_ring(KeyRing::generate().unwrap()).unwrap();
    while forged.generation() < 100 {
        forged.to_json().unwrap();
    }
    let floor = document.floor();
    (document, forged.to_json().unwrap(), floor)
}

#[test]
fn who_held_a_former_master_key_writes_nothing_above_the_floor() {
    let (document, forged, floor) = forged_by_bob();
    assert_eq!(floor.to_string(), "2.2");
    let refused = error(locked(&forged).floor(floor).unlock(&key(1)));
    assert_eq!(refused.kind(), ErrorKind::RolledBack);
    // A running server needs no floor.
    assert_eq!(error(document.reopen(&locked(&forged))).kind(), ErrorKind::RolledBack);
    // Without a floor nothing tells it from an older copy.
    assert!(locked(&forged).unlock(&key(1)).is_ok());
}

#[test]
fn a_slot_wraps_the_master_key_of_its_number_only() {
    let (_, forged, floor) = forged_by_bob();
    for number in ["2", "3", "4294967295"] {
        let claimed = forged.replace(r#""master": 1"#, &format!(r#""master": {number}"#));
        assert_ne!(claimed, forged);
        let refused = error(locked(&claimed).floor(floor).unlock(&key(1)));
        assert_eq!(refused.kind(), ErrorKind::Unlock);
    }
    for number in ["0", "-1", "1.0", "null", "\"1\"", "4294967296"] {
        let claimed = forged.replace(r#""master": 1"#, &format!(r#""master": {number}"#));
        let refused = error(LockedRing::from_json(claimed.as_bytes()));
        assert_eq!(refused.kind(), ErrorKind::Malformed, "{number}");
    }
}

#[test]
fn a_pinned_ring_is_changed_and_pinned_again() {
    let folder = Folder::new();
    let file = RingFile::at(folder.join("ring.json"));
    let mut made = RingDocument::new(KeyRing::generate().unwrap()).unwrap();
    let first = file.create_unprotected(&mut made).unwrap();
    assert_eq!(made.fingerprint(), Some(first));
    let shared = SharedRing::open_with(file.clone(), |locked| locked.open_pinned(&first)).unwrap();

    let open = |locked: &LockedRing| locked.open_pinned(&first);
    let (document, _) = file.update_with(open, |made| made.ring_mut().add_role("x")).unwrap();
    let second = document.fingerprint().unwrap();
    assert_eq!(document.floor().to_string(), "2");
    assert!(file.read().unwrap().floor(document.floor()).open_pinned(&second).is_ok());
    assert!(first != second && file.read().unwrap().open_pinned(&second).is_ok());
    assert_eq!(error(file.read().unwrap().open_pinned(&first)).kind(), ErrorKind::Unlock);
    // Nothing tells it from one that someone else put there.
    assert_eq!(error(shared.refresh()).kind(), ErrorKind::Unprotected);
}

#[test]
fn a_passphrase_in_a_file_is_not_taken_for_a_raw_key() {
    for text in ["correct horse battery staple 12\n", "0123456789abcdef0123456789abcdef"] {
        assert_eq!(text.len(), 32);
        let refused = error(SlotKey::from_content(text.as_bytes()));
        assert_eq!(refused.kind(), ErrorKind::Malformed);
    }
    assert!(SlotKey::from_content(&[0x80; 32]).is_ok());
}

#[test]
fn what_turns_the_direction_of_writing_is_not_printed_as_it_is() {
    let mut document = document();
    document.add_slot("\u{202E}drowssap`: raw key", &key(2)).unwrap();
    let printed = document.slots()[1].to_string();
    assert_eq!(printed, r"slot 2 `\u{202e}drowssap\u{60}: raw key`: raw key");
    let json = document.to_json().unwrap();
    let refused = error(locked(&json).unlock(&passphrase("other", 8))).to_string();
    assert!(!refused.contains('\u{202E}'), "{refused:?}");
}

#[test]
fn a_description_promises_nothing_that_the_ring_cannot_do() {
    let says = |ring: &KeyRing| ring.describe().to_string();

    let mut admin = KeyRing::generate().unwrap();
    let billing = admin.add_key_pair_role("billing").unwrap();
    let writer = Capabilities::new().writer("billing");
    let mut writer = admin.subset_with(&writer).unwrap().into_ring();
    writer.set_state(billing, KeyState::Compromised).unwrap();
    assert_eq!(
        says(&writer),
        "verifies and writes key envelopes\nholds compromised: billing\nknows by name only: app",
        "a writer half opens nothing, in rescue mode either"
    );

    let mut bare = KeyRing::empty();
    let id = |id| KeyId::new(id).unwrap();
    let app = RingKey::symmetric(id(1), KeyUse::Wrap, "app", KeyState::Primary, &[1; 32]);
    bare.insert(app.unwrap()).unwrap();
    assert!(bare.seal(b"note", b"text").is_err());
    assert_eq!(
        says(&bare),
        "opens and seals as: app\n\
         holds no envelope key in use, and without one opens and seals nothing"
    );

    let mut older = KeyRing::generate().unwrap();
    let app = older.primary(KeyUse::Wrap, "app").unwrap().id();
    older.set_state(app, KeyState::OpenOnly).unwrap();
    let newer = RingKey::name_only(id(7), KeyUse::Wrap, "app", KeyState::Primary);
    older.insert(newer.unwrap()).unwrap();
    assert_eq!(
        says(&older),
        "opens, and does not seal, as: app\n\
         verifies and writes key envelopes\n\
         lacks some of the keys of: app"
    );
}

//! Who may read a ring file, and that this stays so.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::process::Command;

use fieldseal::keyring::{KeyUse, SlotKey};
use fieldseal::{ErrorKind, RingFile, SharedRing};

use super::common::ring::{Folder, document, error, key, skip};
use super::{NOBODY, as_nobody, behind, mode, set_mode, this, told, unwritten};

const OPEN_TO_OTHERS: [u32; 12] =
    [0o644, 0o640, 0o604, 0o660, 0o606, 0o620, 0o602, 0o610, 0o601, 0o666, 0o755, 0o777];

fn update(file: &RingFile) -> Result<(), fieldseal::Error> {
    file.update(&key(1), |document| document.ring_mut().rotate(KeyUse::Wrap, "app")).map(drop)
}

#[test]
fn a_file_that_others_can_use_is_refused_with_what_mends_it() {
    let folder = Folder::new();
    let file = folder.ring();
    let mut opened = file.open(&key(1)).unwrap();
    for open in OPEN_TO_OTHERS {
        set_mode(file.path(), open);
        let refused = [
            unwritten(&file, || file.read()),
            unwritten(&file, || file.open(&key(1))),
            unwritten(&file, || update(&file)),
            unwritten(&file, || file.save(&mut opened)),
            unwritten(&file, || SharedRing::open(file.clone(), &key(1))),
        ];
        let fix = format!("chmod 600 {}", file.path().display());
        for error in refused {
            assert_eq!(error.kind(), ErrorKind::Permissions, "{open:o}");
            let text = error.to_string();
            assert!(text.contains(&format!("{open:04o}")) && text.contains(&fix), "{text}");
        }
        // The fix, as the error tells it.
        let mut words = fix.split(' ');
        let mended = Command::new(words.next().unwrap()).args(words).status().unwrap();
        assert!(mended.success());
        file.read().unwrap();
    }
    file.save(&mut opened).unwrap();
}

#[test]
fn the_owner_alone_may_have_any_right() {
    let folder = Folder::new();
    let file = folder.ring();
    for own in [0o600, 0o400, 0o700, 0o500] {
        set_mode(file.path(), own);
        update(&file).unwrap();
        assert_eq!(mode(file.path()), own, "a save keeps the rights");
    }
}

#[test]
fn rights_that_were_asked_for_stay_through_a_save() {
    let folder = Folder::new();
    let file = folder.ring().any_permissions();
    for open in OPEN_TO_OTHERS {
        set_mode(file.path(), open);
        update(&file).unwrap();
        assert_eq!(mode(file.path()), open);
        let mut opened = file.open(&key(1)).unwrap();
        file.save(&mut opened).unwrap();
        assert_eq!(mode(file.path()), open);
        let strict = RingFile::at(file.path());
        assert_eq!(error(strict.open(&key(1))).kind(), ErrorKind::Permissions);
    }
}

/// What is unprotected is refused like any other: its permissions are all that it has.
#[test]
fn an_unprotected_file_is_made_private_and_refused_when_it_is_not() {
    let folder = Folder::new();
    let file = RingFile::at(folder.join("ring.json"));
    file.create_unprotected(&mut document()).unwrap();
    assert_eq!(mode(file.path()), 0o600);
    set_mode(file.path(), 0o644);
    assert_eq!(unwritten(&file, || file.read()).kind(), ErrorKind::Permissions);
}

#[test]
fn new_files_are_private_whatever_the_mask() {
    for mask in ["0", "022", "077", "0777"] {
        let folder = Folder::new();
        let [ring, slot_key] = ["ring.json", "slot.key"].map(|name| folder.join(name));
        let mut command = behind(&format!("umask {mask}"));
        assert_eq!(told(&mut command, &["create", ring.to_str().unwrap()]), "done");
        assert_eq!(told(&mut command, &["create key", slot_key.to_str().unwrap()]), "done");
        let made = if mask == "0777" { 0 } else { 0o600 };
        for name in ["ring.json", "ring.json.lock", "slot.key"] {
            assert_eq!(mode(folder.join(name)), made, "{name} under {mask}");
        }
        if mask == "0" {
            assert_eq!(told(&mut command, &["update", ring.to_str().unwrap()]), "done");
            assert_eq!(mode(&ring), 0o600);
        }
    }
}

/// An administrator who rotates a service's ring does not take it from the service.
#[test]
fn a_file_stays_its_owners() {
    let folder = Folder::new();
    let owner = fs::metadata(folder.path()).unwrap().uid();
    let (0, Some(mut service)) = (owner, as_nobody(&folder)) else {
        return skip("only root can give files to another user");
    };
    fs::create_dir(folder.join("service")).unwrap();
    let file = RingFile::at(folder.join("service/ring.json"));
    file.create(&mut document()).unwrap();
    fs::remove_file(folder.join("service/ring.json.lock")).unwrap();
    for path in [&folder.join("service"), file.path()] {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let owners = |name: &str| {
        let metadata = fs::metadata(folder.join("service").join(name)).unwrap();
        (metadata.uid(), metadata.gid(), metadata.mode() & 0o777)
    };

    update(&file).unwrap();
    assert_eq!(owners("ring.json"), (NOBODY, NOBODY, 0o600));
    assert_eq!(owners("ring.json.lock"), (NOBODY, NOBODY, 0o600), "nor the lock");
    let path = file.path().to_str().unwrap();
    assert_eq!(told(&mut service, &["update", path]), "done");
    assert_eq!(file.open(&key(1)).unwrap().generation(), 3);
}

/// One who may read a file by its group, and write in its folder, cannot make it its own.
#[test]
fn who_cannot_keep_the_owner_does_not_write() {
    let folder = Folder::new();
    let owner = fs::metadata(folder.path()).unwrap().uid();
    let (0, Some(mut other)) = (owner, as_nobody(&folder)) else {
        return skip("only root can make files of two users");
    };
    let ring = folder.join("rings/ring.json");
    fs::create_dir(folder.join("rings")).unwrap();
    let file = RingFile::at(&ring).any_permissions();
    file.create(&mut document()).unwrap();
    set_mode(&ring, 0o640);
    chown(&ring, Some(0), Some(NOBODY)).unwrap();
    set_mode(folder.join("rings"), 0o777);
    set_mode(folder.join("rings/ring.json.lock"), 0o666);
    let mut refused = String::new();
    let task = ["update any", ring.to_str().unwrap()];
    let _refused = unwritten(&file, || {
        refused = told(&mut other, &task);
        Err::<(), _>(fieldseal::Error::value("as it was told"))
    });
    assert!(refused.starts_with("io: cannot keep the owner and rights of"), "{refused}");
    assert!(!folder.join("rings/ring.json.new").exists());
}

#[test]
fn a_slot_key_that_others_can_read_is_refused() {
    let folder = Folder::new();
    let path = folder.join("slot.key");
    SlotKey::generate().unwrap().create_file(&path).unwrap();
    for open in OPEN_TO_OTHERS {
        set_mode(&path, open);
        let refused = error(SlotKey::from_file(&path));
        assert_eq!(refused.kind(), ErrorKind::Permissions);
        let fix = format!("chmod 600 {}", path.display());
        assert!(refused.to_string().contains(&fix), "{refused}");
    }
    set_mode(&path, 0o400);
    SlotKey::from_file(&path).unwrap();
}

/// Another process reads what this one wrote.
#[test]
fn a_file_is_read_by_other_processes_of_its_owner() {
    let folder = Folder::new();
    let file = folder.ring();
    assert_eq!(told(&mut this(), &["read", file.path().to_str().unwrap()]), "done");
}

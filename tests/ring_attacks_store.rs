//! Attacks on ring files: by who may write beside them, and by who tidies up.

#![cfg(all(feature = "file", unix))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::ring::{Folder, document, error, key};
use fieldseal::keyring::KeyUse;
use fieldseal::{ErrorKind, RingFile};

/// The error of what must not wait for ever.
#[track_caller]
fn soon<T: Send + 'static>(
    doing: impl FnOnce() -> Result<T, fieldseal::Error> + Send + 'static,
) -> fieldseal::Error {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || done.send(doing()));
    error(wait.recv_timeout(Duration::from_secs(5)).unwrap())
}

fn pipe(path: &std::path::Path) {
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(path).status().unwrap().success());
}

#[test]
fn a_named_pipe_in_the_place_of_a_lock_is_refused_and_not_waited_for() {
    let folder = Folder::new();
    let file = folder.ring();
    fs::remove_file(folder.join("ring.json.lock")).unwrap();
    pipe(&folder.join("ring.json.lock"));
    let saved = soon(move || file.update(&key(1), |_| Ok(())));
    assert_eq!(saved.kind(), ErrorKind::Io);
}

#[test]
fn a_lock_that_is_a_link_is_not_followed() {
    let folder = Folder::new();
    let victim = folder.join("victim");
    fs::write(&victim, "").unwrap();
    symlink(&victim, folder.join("ring.json.lock")).unwrap();
    let created = RingFile::at(folder.join("ring.json")).create(&mut document());
    assert_eq!(error(created).kind(), ErrorKind::Io);
    assert!(!folder.join("ring.json").exists());
}

#[test]
fn a_lock_tidied_away_while_it_is_held_lets_no_rotation_be_lost() {
    let folder = Folder::new();
    let file = folder.ring();
    let mut slow = file.open(&key(1)).unwrap();
    slow.ring_mut().rotate(KeyUse::Wrap, "app").unwrap();
    let mut other = None;
    let saved = file.save_observed(&mut slow, &mut |step| {
        if step == "synced" {
            fs::remove_file(folder.join("ring.json.lock")).unwrap();
            let rotate = |ring: &mut fieldseal::keyring::RingDocument| {
                ring.ring_mut().rotate(KeyUse::Wrap, "app")
            };
            other = Some(file.update(&key(1), rotate).unwrap().1);
        }
    });
    assert_eq!(error(saved).kind(), ErrorKind::Conflict);
    let now = file.open(&key(1)).unwrap();
    assert!(now.ring().key(other.unwrap()).is_some());
    assert_eq!(now.generation(), 2);
    assert_eq!(folder.names(), ["ring.json", "ring.json.lock"]);
}

#[test]
fn who_waited_for_a_lock_that_was_tidied_away_takes_the_one_that_is_there() {
    let folder = Folder::new();
    let file = folder.ring();
    let lock = folder.join("ring.json.lock");
    let mut waiter = None;
    let held = file.update(&key(1), |_| {
        let (waiting, held) = (file.clone(), lock.clone());
        waiter = Some(thread::spawn(move || {
            waiting.update(&key(1), |document| {
                assert!(held.exists(), "what is held is what others look for");
                document.ring_mut().rotate(KeyUse::Wrap, "app")
            })
        }));
        thread::sleep(Duration::from_millis(200));
        fs::remove_file(&lock).unwrap();
        Ok(())
    });
    assert_eq!(error(held.map(|_| ())).kind(), ErrorKind::Conflict);
    let (document, id) = waiter.unwrap().join().unwrap().unwrap();
    assert!(document.ring().key(id).is_some() && document.generation() == 2);
}

#[test]
fn rights_are_those_of_the_file_that_was_read_not_of_one_put_in_its_place() {
    let folder = Folder::new();
    let file = folder.ring();
    let mut document = file.open(&key(1)).unwrap();
    let planted = folder.join("planted");
    fs::write(&planted, "{}").unwrap();
    fs::set_permissions(&planted, fs::Permissions::from_mode(0o666)).unwrap();
    file.save_observed(&mut document, &mut |step| {
        if step == "created" {
            fs::rename(&planted, file.path()).unwrap();
        }
    })
    .unwrap();
    assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o777, 0o600);
}

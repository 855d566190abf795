//! The ring of a running server follows its file.

use std::fs::{self, File};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use fieldseal::keyring::{KeyState, KeyUse, RingDocument};
use fieldseal::{Access, Class, DataKeys, ErrorKind, RingFile, SharedRing};

use super::common::ring::{Folder, document, error, key, whole};
use super::set_mode;

fn rotate(file: &RingFile) {
    file.update(&key(1), |document| document.ring_mut().rotate(KeyUse::Wrap, "app")).unwrap();
}

fn server(folder: &Folder) -> (RingFile, SharedRing) {
    let file = folder.ring();
    let shared = SharedRing::open(file.clone(), &key(1)).unwrap();
    (file, shared)
}

/// What `refresh` refuses, and that the ring stays in use.
#[track_caller]
fn refused(shared: &SharedRing) -> ErrorKind {
    let (before, generation) = (whole(&shared.ring()), shared.generation());
    let kind = error(shared.refresh()).kind();
    assert_eq!(error(shared.refresh()).kind(), kind, "it is told each time");
    assert_eq!(whole(&shared.ring()), before);
    assert_eq!(shared.generation(), generation);
    kind
}

/// Writes the file as others do, who know of no lock.
fn put(file: &RingFile, bytes: impl AsRef<[u8]>) {
    fs::write(file.path(), bytes).unwrap();
    set_mode(file.path(), 0o600);
}

#[test]
fn a_refresh_takes_what_is_newer() {
    let folder = Folder::new();
    let (file, shared) = server(&folder);
    assert!(!shared.refresh().unwrap());
    let request = shared.ring();
    for generation in 2..6 {
        rotate(&file);
        assert!(shared.refresh().unwrap());
        assert!(!shared.refresh().unwrap(), "it is newer once");
        assert_eq!(shared.generation(), generation);
        assert_eq!(whole(&shared.ring()), whole(file.open(&key(1)).unwrap().ring()));
    }
    // What a request holds is what it began with.
    assert_eq!(request.keys().count(), 2);
    assert_eq!(shared.ring().keys().count(), 6);
}

#[test]
fn garbage_does_not_take_the_place_of_a_ring() {
    let folder = Folder::new();
    let (file, shared) = server(&folder);
    rotate(&file);
    let good = fs::read_to_string(file.path()).unwrap();
    let bad = [
        (ErrorKind::Malformed, String::new()),
        (ErrorKind::Malformed, "{}".into()),
        (ErrorKind::Malformed, good[..good.len() / 2].into()),
        (ErrorKind::Unsupported, good.replace("ring/1", "ring/2")),
        (ErrorKind::Unlock, good.replace("\"open-only\"", "\"disabled\"")),
        (ErrorKind::Unlock, document().to_json().unwrap()),
    ];
    for (kind, bad) in bad {
        put(&file, bad);
        assert_eq!(refused(&shared), kind);
    }
    fs::remove_file(file.path()).unwrap();
    assert_eq!(refused(&shared), ErrorKind::Io);
    put(&file, &good);
    set_mode(file.path(), 0o644);
    assert_eq!(refused(&shared), ErrorKind::Permissions);
    set_mode(file.path(), 0o600);
    assert!(shared.refresh().unwrap(), "once it is good again, it is taken");
    assert_eq!(shared.generation(), 2);
}

#[test]
fn an_older_copy_is_noticed() {
    let folder = Folder::new();
    let (file, shared) = server(&folder);
    let copy = fs::read(file.path()).unwrap();
    rotate(&file);
    assert!(shared.refresh().unwrap());
    put(&file, &copy);
    assert_eq!(refused(&shared), ErrorKind::RolledBack);
    // And where it was changed since, though its generation is the same.
    rotate(&file);
    assert_eq!(refused(&shared), ErrorKind::Conflict);
    rotate(&file);
    assert!(shared.refresh().unwrap());
    assert_eq!(shared.generation(), 3);
}

#[test]
fn a_floor_holds_for_servers_too() {
    let folder = Folder::new();
    let file = folder.ring();
    let opened = SharedRing::open(file.clone().floor(2), &key(1));
    assert_eq!(error(opened).kind(), ErrorKind::RolledBack);
    rotate(&file);
    let shared = SharedRing::open(file.floor(2), &key(1)).unwrap();
    assert_eq!(shared.generation(), 2);
}

/// An unprotected document, with the id and the keys of the ring, put in its place: nothing vouches
/// for it.
#[test]
fn an_unprotected_ring_does_not_take_the_place_of_a_protected_one() {
    let folder = Folder::new();
    let (file, shared) = server(&folder);
    let mut document = file.open(&key(1)).unwrap();
    document.to_json().unwrap();
    put(&file, document.to_unprotected_json().unwrap().0.as_bytes());
    assert_eq!(refused(&shared), ErrorKind::Unlock);
}

#[test]
fn the_same_file_in_its_place_is_not_newer() {
    let folder = Folder::new();
    let (file, shared) = server(&folder);
    let before = shared.ring();
    let same = fs::read(file.path()).unwrap();
    put(&file, &same);
    assert!(!shared.refresh().unwrap());
    fs::write(folder.join("copy"), &same).unwrap();
    set_mode(folder.join("copy"), 0o600);
    fs::rename(folder.join("copy"), file.path()).unwrap();
    assert!(!shared.refresh().unwrap());
    assert!(std::sync::Arc::ptr_eq(&before, &shared.ring()));
}

/// Clocks of file systems tick; what was written since the last look may bear the same time, length
/// and number.
#[test]
fn a_file_that_was_written_within_a_tick_is_noticed() {
    let folder = Folder::new();
    let file = folder.ring();
    let days = |days| {
        let set = file.update(&key(1), |document| {
            document.ring_mut().set_rotate_after(KeyUse::Wrap, "app", Some(days))
        });
        set.unwrap();
    };
    days(10);
    let old = fs::read(file.path()).unwrap();
    days(20);
    let new = fs::read(file.path()).unwrap();
    assert_eq!(old.len(), new.len());
    let now = SystemTime::now();
    put(&file, old);
    set_modified(&file, now);
    let shared = SharedRing::open(file.clone(), &key(1)).unwrap();
    put(&file, new);
    set_modified(&file, now);
    assert!(shared.refresh().unwrap());
    assert_eq!(shared.generation(), 3);
}

/// A look at an old file reads nothing: it would fail.
#[test]
fn a_file_that_has_not_changed_is_not_read() {
    let folder = Folder::new();
    let file = folder.ring();
    set_modified(&file, SystemTime::now() - Duration::from_secs(3_600));
    let shared = SharedRing::open(file.clone(), &key(1)).unwrap();
    set_mode(file.path(), 0o644);
    assert!(!shared.refresh().unwrap());
}

fn set_modified(file: &RingFile, at: SystemTime) {
    File::options().write(true).open(file.path()).unwrap().set_modified(at).unwrap();
}

#[test]
fn a_server_follows_its_slot_through_a_new_master_key() {
    let folder = Folder::new();
    let (file, shared) = server(&folder);
    for _ in 0..3 {
        file.update(&key(1), RingDocument::rekey).unwrap();
        rotate(&file);
        assert!(shared.refresh().unwrap());
        assert_eq!(whole(&shared.ring()), whole(file.open(&key(1)).unwrap().ring()));
    }
}

/// The operator's new master key drops the server's slot; with the next one of the server's key, it
/// goes on.
#[test]
fn a_server_that_was_dropped_is_let_in_again_by_its_key() {
    let folder = Folder::new();
    let (file, shared) = server(&folder);
    let operator = |change: &dyn Fn(&mut RingDocument) -> Result<(), fieldseal::Error>| {
        file.update(&key(2), change).unwrap();
    };
    file.update(&key(1), |document| document.add_slot("operator", &key(2))).unwrap();
    assert!(shared.refresh().unwrap());
    operator(&|document| document.rekey().map(drop));
    assert_eq!(refused(&shared), ErrorKind::Unlock);
    operator(&|document| document.add_slot("server", &key(1)).map(drop));
    assert_eq!(file.open(&key(1)).unwrap().opened_by().unwrap().get(), 3, "another slot");
    assert!(shared.refresh().unwrap());
    assert_eq!(shared.generation(), 4);
    // And on, by that slot.
    operator(&|document| document.rekey().map(drop));
    assert_eq!(refused(&shared), ErrorKind::Unlock);
    operator(&|document| document.add_slot("server", &key(1)).map(drop));
    file.update(&key(1), RingDocument::rekey).unwrap();
    assert!(shared.refresh().unwrap());
}

/// Four readers, who open what older rings sealed with each ring that they see, while another rotates
/// and the server refreshes.
#[test]
fn readers_see_whole_rings_while_another_rotates() {
    const CONTACT: Class = Class::new("contact");
    let folder = Folder::new();
    let (file, shared) = server(&folder);
    let sealed = shared.ring().seal(b"invoice 7", b"paid").unwrap();
    let keys = DataKeys::create(Access::new(&shared.ring()), 42, [CONTACT]).unwrap();
    let envelope = keys.envelope().clone();
    let done = AtomicBool::new(false);

    let seen: Vec<Vec<usize>> = thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = Vec::new();
                    let mut newest = None;
                    while !done.load(Ordering::Relaxed) {
                        let ring = shared.ring();
                        let of_app = || ring.keys().filter(|key| key.name() == "app");
                        let primary = of_app().filter(|key| key.state() == KeyState::Primary);
                        assert_eq!(primary.count(), 1, "a ring without its primary");
                        assert!(of_app().all(|key| key.expose_secret().is_some()));
                        assert_eq!(ring.open(b"invoice 7", &sealed).unwrap().expose(), b"paid");
                        envelope.unwrap(Access::new(&ring), 42).unwrap();
                        // What it seals now, it opens; and so does every later one.
                        if let Some(sealed) = newest.replace(ring.seal(b"8", b"new").unwrap()) {
                            assert_eq!(ring.open(b"8", &sealed).unwrap().expose(), b"new");
                        }
                        let count = ring.keys().count();
                        if seen.last() != Some(&count) {
                            seen.push(count);
                        }
                    }
                    seen
                })
            })
            .collect();
        let refreshing = scope.spawn(|| {
            let mut newer = 0;
            while !done.load(Ordering::Relaxed) {
                newer += u32::from(shared.refresh().unwrap());
            }
            newer
        });
        for _ in 0..200 {
            rotate(&file);
        }
        while shared.generation() < 201 {
            thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
        assert!(refreshing.join().unwrap() > 20);
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    for seen in seen {
        assert!(seen.is_sorted(), "a ring went back: {seen:?}");
        assert!(seen.len() > 5, "each saw many: {seen:?}");
    }
    assert_eq!(shared.ring().keys().count(), 202);
}

#[test]
fn nothing_printed_of_a_servers_ring_tells_a_secret() {
    let folder = Folder::new();
    let (_, shared) = server(&folder);
    let shown = format!("{shared:?}");
    for key in shared.ring().keys() {
        let secret = format!("{:?}", key.expose_secret().unwrap().expose());
        assert!(!shown.contains(&secret[1..12]), "{shown}");
    }
}

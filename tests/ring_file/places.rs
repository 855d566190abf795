//! Paths, links, and what is no file.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use fieldseal::keyring::{KeyUse, RingDocument, SlotKey};
use fieldseal::{Error, ErrorKind, RingFile, SharedRing};

use super::common::ring::{Folder, document, error, key};
use super::{as_nobody, behind, mode, set_mode, this, told, unwritten};

fn rotate(document: &mut RingDocument) -> Result<(), Error> {
    document.ring_mut().rotate(KeyUse::Wrap, "app").map(drop)
}

/// What a call gives that must not wait for ever.
fn soon<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || done.send(call()));
    is_done.recv_timeout(Duration::from_secs(5)).unwrap_or_else(|_| panic!("it hangs"))
}

#[test]
fn a_link_is_followed_and_stays() {
    let (folder, real) = (Folder::new(), Folder::new());
    let file = real.ring();
    symlink(file.path(), folder.join("first")).unwrap();
    symlink("first", folder.join("ring.json")).unwrap();
    let linked = RingFile::at(folder.join("ring.json"));

    linked.update(&key(1), rotate).unwrap();
    let mut document = linked.open(&key(1)).unwrap();
    rotate(&mut document).unwrap();
    linked.save(&mut document).unwrap();
    for link in ["first", "ring.json"] {
        assert!(fs::symlink_metadata(folder.join(link)).unwrap().is_symlink(), "{link}");
    }
    assert_eq!(file.open(&key(1)).unwrap().generation(), 3);
    // Who comes by the link and who does not take the same lock, beside the file itself.
    assert_eq!(folder.names(), ["first", "ring.json"]);
    assert_eq!(real.names(), ["ring.json", "ring.json.lock"]);

    let held = file.update(&key(1), |_| {
        let conflict = error(linked.create(&mut document));
        assert_eq!(conflict.kind(), ErrorKind::Locked);
        Ok(())
    });
    held.unwrap();
}

#[test]
fn what_a_link_leads_to_is_what_others_must_not_read() {
    let (folder, real) = (Folder::new(), Folder::new());
    let file = real.ring();
    set_mode(file.path(), 0o640);
    symlink(file.path(), folder.join("ring.json")).unwrap();
    let linked = RingFile::at(folder.join("ring.json"));
    assert_eq!(unwritten(&file, || linked.open(&key(1))).kind(), ErrorKind::Permissions);
}

#[test]
fn a_link_to_nothing_is_not_written_over() {
    let folder = Folder::new();
    let link = folder.join("ring.json");
    symlink(folder.join("elsewhere"), &link).unwrap();
    let file = RingFile::at(&link);
    assert_eq!(error(file.create(&mut document())).kind(), ErrorKind::Conflict);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(!folder.join("elsewhere").exists());
    assert_eq!(error(file.open(&key(1))).kind(), ErrorKind::Io);
}

#[test]
fn links_in_a_circle_are_an_error() {
    let folder = Folder::new();
    symlink("b", folder.join("a")).unwrap();
    symlink("a", folder.join("b")).unwrap();
    let file = RingFile::at(folder.join("a"));
    assert_eq!(error(file.open(&key(1))).kind(), ErrorKind::Io);
    assert_eq!(error(file.update(&key(1), rotate)).kind(), ErrorKind::Io);
    assert_eq!(error(file.create(&mut document())).kind(), ErrorKind::Io);
    assert_eq!(folder.names(), ["a", "b"]);
}

#[test]
fn a_relative_path_is_of_the_current_folder() {
    let folder = Folder::new();
    fs::create_dir(folder.join("rings")).unwrap();
    for path in ["ring.json", "./rings/ring.json", "rings/../other.json"] {
        let run = |task: &str| told(this().current_dir(folder.path()), &[task, path]);
        assert_eq!(run("create"), "done", "{path}");
        assert_eq!(run("update"), "done", "{path}");
        let file = RingFile::at(folder.join(path));
        assert_eq!(file.open(&key(1)).unwrap().generation(), 2);
        assert!(run("create").contains("is there already"), "{path}");
    }
}

/// A process that others point elsewhere with a link at the place of the new file writes there nothing.
#[test]
fn what_lies_at_the_place_of_the_new_file_is_not_followed() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let file = folder.ring();
    fs::write(elsewhere.join("other"), "another's").unwrap();
    symlink(elsewhere.join("other"), folder.join("ring.json.new")).unwrap();
    file.update(&key(1), rotate).unwrap();
    assert_eq!(fs::read(elsewhere.join("other")).unwrap(), b"another's");
    assert_eq!(folder.names(), ["ring.json", "ring.json.lock"]);
    assert!(!fs::symlink_metadata(file.path()).unwrap().is_symlink());

    // A folder there is nobody's left-over: it stays, and the save says why it cannot be.
    fs::create_dir(folder.join("ring.json.new")).unwrap();
    let refused = unwritten(&file, || file.update(&key(1), rotate));
    assert_eq!(refused.kind(), ErrorKind::Io);
    assert!(refused.to_string().contains("ring.json.new"), "{refused}");
}

#[test]
fn what_is_not_there_is_named() {
    let folder = Folder::new();
    for path in [folder.join("ring.json"), folder.join("missing/ring.json")] {
        let file = RingFile::at(&path);
        let mut document = document();
        let refused = [
            error(file.read()),
            error(file.open(&key(1))),
            error(file.update(&key(1), rotate)),
            error(file.save(&mut document)),
            error(SharedRing::open(file.clone(), &key(1))),
            error(SlotKey::from_file(&path)),
        ];
        for error in refused {
            assert_eq!(error.kind(), ErrorKind::Io);
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
        assert_eq!(document.generation(), 0, "what was not stored is not counted");
        assert!(!path.exists(), "only `create` makes a file");
    }
    let file = RingFile::at(folder.join("missing/ring.json"));
    assert_eq!(error(file.create(&mut document())).kind(), ErrorKind::Io);
    assert!(!folder.join("missing").exists());
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let folder = Folder::new();
    fs::create_dir(folder.join("folder")).unwrap();
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(folder.join("fifo")).status();
    assert!(made.unwrap().success());
    let _socket = UnixListener::bind(folder.join("socket")).unwrap();
    for name in ["folder", "fifo", "socket", "/dev/zero", "/dev/tty"] {
        let path = folder.path().join(name);
        let file = RingFile::at(&path).any_permissions();
        let (open, from_file) = (file.clone(), path.clone());
        let refused = [
            soon(move || error(open.open(&key(1)))),
            soon(move || error(SlotKey::from_file(from_file))),
        ];
        for error in refused {
            assert_eq!(error.kind(), ErrorKind::Io, "{name}");
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
        if !name.starts_with("/dev") {
            let update = file.clone();
            assert_eq!(soon(move || error(update.update(&key(1), rotate))).kind(), ErrorKind::Io);
            let conflict = soon(move || error(file.create(&mut document())));
            assert_eq!(conflict.kind(), ErrorKind::Conflict, "{name}");
        }
    }
}

/// A server is not stopped by what is put in the place of its file.
#[test]
fn a_refresh_does_not_wait_for_a_pipe() {
    let folder = Folder::new();
    let file = folder.ring();
    let shared = SharedRing::open(file.clone(), &key(1)).unwrap();
    fs::remove_file(file.path()).unwrap();
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(file.path()).status();
    assert!(made.unwrap().success());
    assert_eq!(soon(move || error(shared.refresh())).kind(), ErrorKind::Io);
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let folder = Folder::new();
    let path = folder.join("ring.json");
    fs::write(&path, "{").unwrap();
    set_mode(&path, 0o600);
    File::options().write(true).open(&path).unwrap().set_len((64 << 20) + 1).unwrap();
    let refused = error(RingFile::at(&path).read());
    assert_eq!(refused.kind(), ErrorKind::Malformed);
    assert!(refused.to_string().contains("larger than 64 MiB"), "{refused}");
    fs::write(&path, "").unwrap();
    assert_eq!(error(RingFile::at(&path).read()).kind(), ErrorKind::Malformed);
}

#[test]
fn a_folder_that_cannot_be_written_leaves_the_ring_as_it_is() {
    let folder = Folder::new();
    let Some(mut nobody) = as_nobody(&folder) else {
        return super::common::ring::skip("no process can be run as another user");
    };
    fs::create_dir(folder.join("rings")).unwrap();
    let file = RingFile::at(folder.join("rings/ring.json"));
    file.create(&mut document()).unwrap();
    let path = file.path().to_str().unwrap();
    let lock = folder.join("rings/ring.json.lock");
    if fs::metadata(path).unwrap().uid() == 0 {
        for made in [file.path(), &lock] {
            std::os::unix::fs::chown(made, Some(super::NOBODY), Some(super::NOBODY)).unwrap();
        }
    }
    for locked_before in [true, false] {
        if !locked_before {
            fs::remove_file(&lock).unwrap();
        }
        set_mode(folder.join("rings"), 0o555);
        let refused = std::cell::RefCell::new(String::new());
        let _refused = unwritten(&file, || {
            *refused.borrow_mut() = told(&mut nobody, &["update", path]);
            Err::<(), _>(Error::value("as it was told"))
        });
        let refused = refused.into_inner();
        assert!(refused.starts_with("io: cannot") && refused.contains("ring.json"), "{refused}");
        assert_eq!(told(&mut nobody, &["read", path]), "done", "reading writes nothing");
        set_mode(folder.join("rings"), 0o755);
    }
    assert!(!folder.join("rings/ring.json.new").exists());
}

/// The limit of a process stands for a disk that is full: what is written ends half way.
#[test]
fn what_cannot_be_written_whole_is_not_begun() {
    let folder = Folder::new();
    let mut document = document();
    for _ in 0..20 {
        rotate(&mut document).unwrap();
    }
    let file = folder.ring_of(&mut document);
    assert!(fs::metadata(file.path()).unwrap().len() > 2_048);
    let mut limited = behind("trap '' XFSZ; ulimit -f 1");
    let path = file.path().to_str().unwrap();
    let mut refused = String::new();
    let _refused = unwritten(&file, || {
        refused = told(&mut limited, &["update", path]);
        Err::<(), _>(Error::value("as it was told"))
    });
    assert!(refused.starts_with("io: cannot write"), "{refused}");
    assert_eq!(folder.names(), ["ring.json", "ring.json.lock"]);
    // Once there is space, the same works.
    assert_eq!(told(&mut this(), &["update", path]), "done");

    // A slot's key that cannot be kept leaves nothing in its place either.
    let path = folder.join("key");
    let mut full = behind("trap '' XFSZ; ulimit -f 0");
    let refused = told(&mut full, &["create key", path.to_str().unwrap()]);
    assert!(refused.starts_with("io: cannot"), "{refused}");
    assert_eq!(told(&mut this(), &["create key", path.to_str().unwrap()]), "done");
    assert_eq!(mode(path), 0o600);
}

#[test]
fn a_file_is_known_by_its_path() {
    let file = RingFile::at("rings/ring.json").floor(7);
    assert_eq!(file.path(), Path::new("rings/ring.json"));
}

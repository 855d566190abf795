//! Ledger files: private, on the disk before a change is returned, and whole whatever ends their writers.
//! Real files, and real processes, really killed.

#![cfg(all(feature = "file", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;
#[path = "ledger_file/damaged.rs"]
mod damaged;
#[path = "ledger_file/ends.rs"]
mod ends;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use common::ledger::*;
use common::ring::{Child, Folder, error, say, skip, task};
use common::*;
use fieldseal::keyring::{KeyUse, RingKey, VerifyingKey};
use fieldseal::ledger::{Ledger, LedgerHead};
use fieldseal::store::LedgerFile;
use fieldseal::{
    Access, Class, DataKeys, Error, ErrorKind, KeyEnvelope, KeyRing, KeyStore as _, MemoryKeyStore,
};

fn keys() -> Vec<VerifyingKey> {
    signing().verifying_keys()
}

fn path(folder: &Folder) -> PathBuf {
    folder.join("ledger.jsonl")
}

/// `ledger.jsonl` in the folder, begun.
fn begun(folder: &Folder) -> LedgerFile {
    LedgerFile::create(path(folder), &signing()).unwrap()
}

/// Tells the ledger of an erasure, which this actor asked for.
fn erase(file: &LedgerFile, actor: &str) -> Result<(), Error> {
    let ring = signing();
    let access = Access::new(&ring).at(NOW).actor(actor).ledger(file);
    KeyEnvelope::erased(access, 42).map(drop)
}

/// Who asked for the erasures in a ledger, in order.
fn actors(ledger: &Ledger) -> Vec<String> {
    ledger.entries().iter().map(|entry| entry.actor.clone().unwrap()).collect()
}

/// The ledger in the file, which ends in a whole line.
#[track_caller]
fn whole(path: &Path) -> Ledger {
    let ledger = LedgerFile::at(path).read(&keys()).unwrap();
    assert!(!ledger.is_torn());
    ledger
}

fn add(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// What the other processes of these tests do.
#[test]
#[ignore = "run by the other tests, as a process of its own"]
fn child() {
    let task = task();
    let task: Vec<&str> = task.iter().map(String::as_str).collect();
    match task[..] {
        ["erase for ever", path, name] => {
            for number in 0.. {
                tell(&LedgerFile::at(path), &format!("{name} №{number}"));
            }
        }
        ["erase", path, name, times] => {
            let file = LedgerFile::at(path);
            for number in 0..times.parse::<u32>().unwrap() {
                tell(&file, &format!("{name} №{number}"));
            }
        }
        ["begin", path] => {
            LedgerFile::create(path, &signing()).unwrap();
            say("done");
        }
        ["erase at length", path] => match erase(&LedgerFile::at(path), &"long".repeat(250)) {
            Ok(()) => say("done"),
            Err(error) => say(error.kind().as_str()),
        },
        _ => {}
    }
}

/// Says who asked once the change has returned.
fn tell(file: &LedgerFile, actor: &str) {
    if is_told(file, actor) {
        say(actor);
    }
}

/// Whether the ledger was told: it may be that others were quicker, again and again.
fn is_told(file: &LedgerFile, actor: &str) -> bool {
    let told = erase(file, actor);
    assert!(told.as_ref().is_err_and(|error| error.kind() == ErrorKind::Locked) || told.is_ok());
    told.is_ok()
}

#[test]
fn a_ledger_is_begun_for_its_owner_alone() {
    let folder = Folder::new();
    let file = begun(&folder);
    assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o777, 0o600);
    assert_eq!(folder.names(), ["ledger.jsonl"]);
    let ledger = whole(file.path());
    assert_eq!((ledger.entries().len(), ledger.head().number()), (0, 1));
}

#[test]
fn what_is_there_is_never_begun_anew() {
    let folder = Folder::new();
    let file = begun(&folder);
    erase(&file, "ada").unwrap();
    let stored = fs::read(file.path()).unwrap();
    assert_eq!(kind(LedgerFile::create(file.path(), &signing())), ErrorKind::Io);
    assert_eq!(fs::read(file.path()).unwrap(), stored);

    // A link, to a file or to nothing, and a folder.
    symlink(file.path(), folder.join("link")).unwrap();
    symlink(folder.join("nowhere"), folder.join("dangling")).unwrap();
    for taken in ["link", "dangling", "."] {
        assert_eq!(kind(LedgerFile::create(folder.join(taken), &signing())), ErrorKind::Io);
    }
    assert_eq!(fs::read(file.path()).unwrap(), stored);
    assert_eq!(folder.names(), ["dangling", "ledger.jsonl", "link"]);
}

#[test]
fn a_ring_that_cannot_sign_begins_no_file() {
    let folder = Folder::new();
    for ring in [admin(), signing().subset(&["app"]).unwrap().into_ring()] {
        assert_eq!(kind(LedgerFile::create(path(&folder), &ring)), ErrorKind::MissingKey);
    }
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_ledger_that_others_can_use_is_refused_unless_asked_for() {
    let folder = Folder::new();
    let file = begun(&folder);
    for mode in [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o666] {
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        for refused in [erase(&file, "ada"), file.read(&keys()).map(drop)] {
            let refused = error(refused);
            assert_eq!(refused.kind(), ErrorKind::Permissions, "{mode:o}");
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
        let any = LedgerFile::at(file.path()).any_permissions();
        assert_eq!(any.read(&keys()).unwrap().entries().len(), 0, "nothing was added");
    }
    let any = LedgerFile::at(file.path()).any_permissions();
    erase(&any, "ada").unwrap();
    assert_eq!(actors(&any.read(&keys()).unwrap()), ["ada"]);
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let folder = Folder::new();
    let pipe = folder.join("pipe");
    assert!(Command::new("mkfifo").arg("-m").arg("600").arg(&pipe).status().unwrap().success());
    let link = folder.join("link");
    symlink(&pipe, &link).unwrap();
    let begun = Instant::now();
    for place in [pipe, link, folder.path().into(), "/dev/null".into(), folder.join("absent")] {
        for file in [LedgerFile::at(&place), LedgerFile::at(&place).any_permissions()] {
            assert_eq!(kind(erase(&file, "ada")), ErrorKind::Io, "{}", place.display());
            assert_eq!(kind(file.read(&keys())), ErrorKind::Io, "{}", place.display());
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "nobody waits for a pipe");
    assert_eq!(folder.names(), ["link", "pipe"], "a ledger that is missing is not begun");
}

#[test]
fn a_link_leads_to_the_ledger_it_names() {
    let folder = Folder::new();
    let file = begun(&folder);
    let link = folder.join("link");
    symlink(file.path(), &link).unwrap();
    erase(&LedgerFile::at(&link), "ada").unwrap();
    erase(&file, "bob").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(actors(&whole(&link)), ["ada", "bob"]);
}

/// A crash of the system spares only what was synced. What a kill cannot show, the calls do.
#[test]
fn a_line_is_synced_before_the_change_returns() {
    let folder = Folder::new();
    let path = path(&folder);
    let traced = |program: &Path| {
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-e", "trace=write,fsync,fdatasync,ftruncate"]);
        command.arg("-o").arg(folder.join("calls")).arg(program);
        command
    };
    if !traced(Path::new("true")).output().is_ok_and(|output| output.status.success()) {
        return skip("there is no strace here, or it may not be used");
    }
    let place = path.to_str().unwrap();
    let calls = |task: &[&str]| {
        let mut command = traced(&std::env::current_exe().unwrap());
        Child::run(command.args(Child::ARGUMENTS), task).end();
        let calls = fs::read_to_string(folder.join("calls")).unwrap();
        let of = |call: &str| match () {
            () if call.contains(" write(") && call.contains(&format!("<{place}")) => Some("write"),
            () if call.contains("sync(") && call.contains(&format!("<{place}")) => Some("sync"),
            () if call.contains(" ftruncate(") => Some("cut"),
            () if call.contains("sync(") => Some("sync folder"),
            () if call.contains(" write(") && call.contains("\\n> ") => Some("returned"),
            () => None,
        };
        calls.lines().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(calls(&["begin", place]), ["write", "sync", "sync folder", "returned"]);
    let two = calls(&["erase", place, "ada", "2"]);
    assert_eq!(two, ["write", "sync", "returned", "write", "sync", "returned"]);
    add(&path, b"{\"act\":\"erase-sub");
    assert_eq!(calls(&["erase", place, "bob", "1"]), ["cut", "write", "sync", "returned"]);
    assert_eq!(actors(&whole(&path)), ["ada №0", "ada №1", "bob №0"]);
}

/// Each that was acknowledged is there, once, and in the order of its writer; the chain holds, as
/// reading it shows.
#[track_caller]
fn all_there(ledger: &Ledger, acknowledged: &[String]) {
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for (position, actor) in actors(ledger).into_iter().enumerate() {
        assert_eq!(told.insert(actor.clone(), position), None, "{actor} stands twice");
    }
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for actor in acknowledged {
        let position = *told.get(actor).unwrap_or_else(|| panic!("{actor} was lost"));
        let writer = actor.split_once(' ').unwrap().0;
        let before = last.insert(writer, position);
        assert!(before.is_none_or(|before| before < position), "{actor} stands before another");
    }
}

/// Four writers, one after the other killed at some moment and replaced.
#[test]
fn writers_killed_at_any_moment_take_no_acknowledged_line_with_them() {
    let folder = Folder::new();
    let file = begun(&folder);
    let path = file.path().to_str().unwrap();
    let start = |name: usize| Child::start(&["erase for ever", path, &name.to_string()]);
    let mut writers: Vec<_> = (0..4).map(start).collect();
    let (mut acknowledged, turns) = (Vec::new(), 80);
    for turn in 0..turns {
        let writer = &mut writers[turn % 4];
        acknowledged.extend(writer.line());
        thread::sleep(Duration::from_micros(137) * u32::try_from(turn).unwrap());
        acknowledged.extend(std::mem::replace(writer, start(turn + 4)).kill());
        // Whatever stands at the end is whole lines, and at most a part of one.
        if turn % 10 == 9 {
            let read = file.read(&keys()).unwrap();
            assert!(read.entries().len() >= acknowledged.len());
        }
    }
    acknowledged.extend(writers.into_iter().flat_map(Child::kill));
    assert!(acknowledged.len() > turns, "each was killed at work");

    all_there(&file.read(&keys()).unwrap(), &acknowledged);
    acknowledged.push("last 0".into());
    erase(&file, "last 0").unwrap();
    let ledger = whole(file.path());
    all_there(&ledger, &acknowledged);
    let more = ledger.entries().len() - acknowledged.len();
    assert!(more <= turns + 4, "{more} were written and not acknowledged");
}

#[test]
fn threads_and_processes_that_write_at_once_lose_nothing() {
    let folder = Folder::new();
    let file = begun(&folder);
    let path = file.path().to_str().unwrap();
    let children: Vec<_> =
        (0..4).map(|number| Child::start(&["erase", path, &format!("p{number}"), "25"])).collect();
    let mut acknowledged: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|number| {
                let file = &file;
                scope.spawn(move || {
                    // Half of them share one, the others have one each.
                    let own = LedgerFile::at(file.path());
                    let file = if number % 2 == 0 { file } else { &own };
                    let erased = (0..10).map(|turn| format!("t{number} №{turn}"));
                    erased.filter(|actor| is_told(file, actor)).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    acknowledged.extend(children.into_iter().flat_map(Child::end));
    assert!(acknowledged.len() > 50, "most were not refused: {}", acknowledged.len());
    let ledger = whole(file.path());
    all_there(&ledger, &acknowledged);
    assert_eq!(ledger.entries().len(), acknowledged.len(), "nothing of a refused change stays");
}

#[test]
fn changes_of_a_store_that_race_are_all_told() {
    let folder = Folder::new();
    let (file, store, ring) = (begun(&folder), MemoryKeyStore::new(), signing());
    for subject in 0..24 {
        let keys = DataKeys::create(Access::new(&ring).at(NOW), subject, [CONTACT, NOTES]);
        store.save_unchecked(&(), "", subject, keys.unwrap().envelope()).unwrap();
    }
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let access = Access::new(&ring).at(NOW).ledger(&file);
                for subject in 0..24 {
                    let _ = store.erase_class(&(), access, subject, "contact").unwrap();
                    let _ = store.erase(&(), access, subject).unwrap();
                }
            });
        }
    });
    let ledger = whole(file.path());
    for subject in 0..24 {
        // A loser of a race told its change too, each time that it came again.
        let told = ledger.of(&ring, subject).unwrap().len();
        assert!(told >= 6, "{subject}: {told}");
    }
}

#[test]
fn a_line_goes_into_the_ledger_that_stands_at_the_path_when_it_is_written() {
    let folder = Folder::new();
    let file = begun(&folder);
    let held = OpenOptions::new().append(true).open(file.path()).unwrap();
    held.lock().unwrap();
    thread::scope(|scope| {
        let told = scope.spawn(|| erase(&file, "ada"));
        // While it waits for the file that it opened, a copy takes the place of that.
        thread::sleep(Duration::from_millis(300));
        assert!(!told.is_finished());
        fs::copy(file.path(), folder.join("copy")).unwrap();
        fs::rename(folder.join("copy"), file.path()).unwrap();
        held.unlock().unwrap();
        told.join().unwrap().unwrap();
    });
    assert_eq!(actors(&whole(file.path())), ["ada"]);
}

#[test]
fn who_waits_too_long_for_the_ledger_is_refused() {
    let folder = Folder::new();
    let file = begun(&folder);
    let stored = fs::read(file.path()).unwrap();
    let held = OpenOptions::new().append(true).open(file.path()).unwrap();
    held.lock().unwrap();
    assert_eq!(kind(erase(&file, "ada")), ErrorKind::Locked);
    assert!(file.read(&keys()).is_ok(), "who reads does not wait");
    drop(held);
    assert_eq!(fs::read(file.path()).unwrap(), stored);
    erase(&file, "ada").unwrap();
}

/// A process that may not make a file of more than so many blocks of 512 bytes, as where the disk is full.
fn in_little_room(blocks: u64, ignored: &str, task: &[&str]) -> Child {
    let script = format!("{ignored} ulimit -c 0; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(std::env::current_exe().unwrap()).args(Child::ARGUMENTS);
    Child::run(&mut command, task)
}

#[test]
fn where_there_is_no_room_no_half_line_stays_and_the_change_is_refused() {
    let folder = Folder::new();
    let file = begun(&folder);
    erase(&file, "ada").unwrap();
    let stored = fs::read(file.path()).unwrap();
    let blocks = fs::metadata(file.path()).unwrap().len() / 512 + 1;
    let task = ["erase at length", file.path().to_str().unwrap()];
    // Without the signal, writing beyond the limit is an error, behind the part that there was room for.
    for _ in 0..3 {
        assert_eq!(in_little_room(blocks, "trap '' XFSZ;", &task).end(), ["io"]);
        assert_eq!(fs::read(file.path()).unwrap(), stored);
    }
    // By the signal, the process is killed there.
    let mut killed = in_little_room(blocks, "", &task);
    assert_eq!(killed.line(), None);
    drop(killed);
    let torn = fs::read(file.path()).unwrap();
    assert_eq!(u64::try_from(torn.len()).unwrap(), blocks * 512, "it was killed at work");
    assert!(torn.starts_with(&stored) && file.read(&keys()).unwrap().is_torn());
    // Where there is room again, it goes on.
    assert_eq!(in_little_room(blocks + 9, "", &task).end(), ["done"]);
    let ledger = whole(file.path());
    assert_eq!((ledger.entries().len(), actors(&ledger)[0].as_str()), (2, "ada"));
}

/// What could not be read again is not written.
#[test]
fn a_ledger_grows_no_larger_than_it_can_be_read() {
    let folder = Folder::new();
    let file = begun(&folder);
    erase(&file, "ada").unwrap();
    let lines = fs::read(file.path()).unwrap();
    let large = OpenOptions::new().write(true).open(file.path()).unwrap();
    // A file of holes, which takes no room.
    if large.set_len((16 << 30) - 600).is_err() {
        return skip("the folder for temporary files takes no file of 16 GiB");
    }
    add(file.path(), b"\n");
    add(file.path(), &lines);
    let len = fs::metadata(file.path()).unwrap().len();
    let again = LedgerFile::at(file.path());
    assert_eq!(kind(erase(&again, "ada")), ErrorKind::Exhausted);
    assert_eq!(kind(again.read(&keys())), ErrorKind::Malformed);
    assert_eq!(fs::metadata(file.path()).unwrap().len(), len);
}

#[test]
fn keys_that_follow_each_other_and_rings_that_differ_sign_one_ledger() {
    let folder = Folder::new();
    let file = begun(&folder);
    let mut ring = signing();
    let tell = |ring: &KeyRing| {
        KeyEnvelope::erased(Access::new(ring).at(NOW).actor("ada").ledger(&file), 42).unwrap()
    };
    tell(&ring);
    ring.rotate(KeyUse::Sign, "sign").unwrap();
    tell(&ring);
    assert_eq!(file.read(&ring.verifying_keys()).unwrap().entries().len(), 2);
    assert_eq!(kind(file.read(&keys())), ErrorKind::MissingKey, "the second is not known");

    // A service that has not got the newer key yet goes on by the older one.
    tell(&signing());
    assert_eq!(file.read(&ring.verifying_keys()).unwrap().entries().len(), 3);
}

#[test]
fn another_rings_ledger_is_not_written() {
    let folder = Folder::new();
    let file = begun(&folder);
    let before = fs::read(file.path()).unwrap();
    let other = |number: u32, secret: [u8; 32]| {
        let primary = fieldseal::keyring::KeyState::Primary;
        let key = RingKey::symmetric(id(number), KeyUse::Sign, "sign", primary, &secret).unwrap();
        ring_of([envelope_key(ENVELOPE, primary), key])
    };
    let told = |ring: &KeyRing| {
        kind(KeyEnvelope::erased(Access::new(ring).at(NOW).actor("ada").ledger(&file), 42))
    };
    assert_eq!(told(&other(0x77, secret(77))), ErrorKind::MissingKey);
    assert_eq!(told(&other(SIGN, secret(99))), ErrorKind::Tampered, "an id alone is nobody's key");
    assert_eq!(fs::read(file.path()).unwrap(), before);
}

/// A ledger is what its owner reads, of whatever size.
#[test]
fn a_long_ledger_is_read_whole() {
    const KEPT: Class = Class::new("kept");
    let folder = Folder::new();
    let (file, ring) = (begun(&folder), signing());
    let widest = "\u{1}".repeat(1_024);
    let access = Access::new(&ring).at(NOW).actor(&widest).purpose(&widest).ledger(&file);
    let access = access.source(&widest).notice(&widest);
    for subject in 0..40 {
        let keys = DataKeys::create(Access::new(&ring).at(NOW), subject, [KEPT]).unwrap();
        let mut edit = keys.envelope().edit(access, subject).unwrap();
        edit.erase_class("kept").unwrap();
        edit.erase_subject().unwrap();
        edit.finish().unwrap();
    }
    let ledger = whole(file.path());
    assert_eq!(ledger.entries().len(), 80);
    let longest = fs::read_to_string(file.path()).unwrap().lines().map(str::len).max().unwrap();
    assert!((24 << 10..32 << 10).contains(&longest), "{longest}");
    // Longer than half of what is looked at, the last line is still found.
    erase(&LedgerFile::at(file.path()), "bob").unwrap();
    assert_eq!(whole(file.path()).head().number(), 82);
}

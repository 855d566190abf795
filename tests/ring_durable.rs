//! Ring files outlast whatever ends their writers, and writers that come at once. Real files, and real
//! processes, really killed.

#![cfg(all(feature = "file", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use common::ring::{Child, Folder, document, error, key, say, skip, task, wait, whole};
use fieldseal::keyring::{KeyId, KeyState, KeyUse, LockedRing, RingDocument};
use fieldseal::{Error, ErrorKind, RingFile};

/// What a save tells of, in this order.
const STEPS: [&str; 7] =
    ["locked", "created", "half written", "written", "synced", "renamed", "directory synced"];
/// How often a save is killed at each of them: over 1,000 times in all.
const RUNS: usize = 144;
/// How often one is killed at some moment.
const MOMENTS: u32 = 100;

fn rotate(document: &mut RingDocument) -> Result<KeyId, Error> {
    document.ring_mut().rotate(KeyUse::Wrap, "app")
}

/// What the other processes of these tests do.
#[test]
#[ignore = "run by the other tests, as a process of its own"]
fn child() {
    let task = task();
    let task: Vec<&str> = task.iter().map(String::as_str).collect();
    match task[..] {
        ["save", path, stop] => save_until(path, stop),
        ["rotate for ever", path] => loop {
            tell(update(path).map(|(_, id)| id));
        },
        ["create for ever", folder] => {
            for number in 0.. {
                let file = RingFile::at(Path::new(folder).join(format!("{number}.json")));
                file.create(&mut document()).unwrap();
                say(&number.to_string());
            }
        }
        ["update", path, times] => {
            for _ in 0..times.parse().unwrap() {
                tell(update(path).map(|(_, id)| id));
            }
        }
        ["save at first try", path, times] => {
            for _ in 0..times.parse().unwrap() {
                tell(optimistic(&RingFile::at(path)));
            }
        }
        ["hold", path] => {
            let held = RingFile::at(path).update(&key(1), |_| {
                say("held");
                wait();
                Ok(())
            });
            held.unwrap();
        }
        _ => {}
    }
}

fn id_of(said: &str) -> KeyId {
    KeyId::new(said.parse().unwrap()).unwrap()
}

fn update(path: impl AsRef<Path>) -> Result<(RingDocument, KeyId), Error> {
    RingFile::at(path.as_ref()).update(&key(1), rotate)
}

/// Opens, rotates and saves, and begins again where another was quicker.
fn optimistic(file: &RingFile) -> Result<KeyId, Error> {
    loop {
        let mut document = file.open(&key(1))?;
        let id = rotate(&mut document)?;
        match file.save(&mut document) {
            Err(error) if error.kind() == ErrorKind::Conflict => {
                assert!(document.generation() > 0);
            }
            saved => return saved.map(|()| id),
        }
    }
}

/// Says the id of a rotation that succeeded, and nothing of one that was refused as it may be.
fn tell(rotated: Result<KeyId, Error>) {
    match rotated {
        Ok(id) => say(&id.get().to_string()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Locked, "{error}"),
    }
}

/// Says what the ring will be, and at each step of the save that it is reached; stays at one of them.
fn save_until(path: &str, stop: &str) {
    let file = RingFile::at(path);
    let mut document = file.open(&key(1)).unwrap();
    rotate(&mut document).unwrap();
    say(&whole(document.ring()).join(";"));
    let saved = file.save_observed(&mut document, &mut |step| {
        say(step);
        if step == stop {
            wait();
        }
    });
    saved.unwrap();
}

/// Kills a process that saves at a step, and looks at what is left.
fn killed_at(step: &str, folder: &Folder, file: &RingFile) {
    let before = fs::read(file.path()).unwrap();
    let old = file.open(&key(1)).unwrap();
    let sealed = old.ring().seal(b"invoice 7", b"paid").unwrap();

    let mut child = Child::start(&["save", file.path().to_str().unwrap(), step]);
    let new = child.line().unwrap();
    let reached = STEPS.iter().position(|known| *known == step).unwrap();
    for expected in &STEPS[..=reached] {
        assert_eq!(child.line().as_deref(), Some(*expected));
    }
    assert_eq!(child.kill(), [""; 0], "nothing happened behind the step");

    // The file is the old ring, byte for byte, or the new one, whole.
    let after = file.open(&key(1)).unwrap();
    if reached < 5 {
        assert_eq!(fs::read(file.path()).unwrap(), before, "{step}");
        assert_eq!(after.generation(), old.generation());
        assert_eq!(whole(after.ring()), whole(old.ring()));
    } else {
        assert_eq!(after.generation(), old.generation() + 1, "{step}");
        assert_eq!(whole(after.ring()).join(";"), new);
        assert_eq!(after.ring().keys().count(), old.ring().keys().count() + 1);
    }
    assert_eq!(after.ring().open(b"invoice 7", &sealed).unwrap().expose(), b"paid");

    // What is left beside it holds no more than it, for no other eyes.
    let left = folder.join("ring.json.new");
    match step {
        "created" | "half written" | "written" | "synced" => {
            let metadata = fs::metadata(&left).unwrap();
            assert_eq!(metadata.mode() & 0o777, 0o600);
            let json = fs::read(&left).unwrap();
            let whole = LockedRing::from_json(&json);
            match step {
                "created" => assert!(json.is_empty()),
                "half written" => assert!(!json.is_empty() && whole.is_err()),
                _ => assert_eq!(whole.unwrap().generation(), old.generation() + 1),
            }
        }
        _ => assert!(!left.exists(), "{step}"),
    }

    // The lock is free, and the next save works and clears up.
    goes_on(folder, file);
}

fn goes_on(folder: &Folder, file: &RingFile) {
    let before = file.open(&key(1)).unwrap();
    let days = u32::try_from(before.generation()).unwrap();
    let (after, ()) = file
        .update(&key(1), |document| {
            document.ring_mut().set_rotate_after(KeyUse::Wrap, "app", Some(days))
        })
        .unwrap();
    assert_eq!(after.generation(), before.generation() + 1);
    assert_eq!(whole(file.open(&key(1)).unwrap().ring()), whole(after.ring()));
    assert_eq!(folder.names(), ["ring.json", "ring.json.lock"]);
}

#[test]
fn killed_at_any_step_of_a_save_the_file_is_the_old_or_the_new_ring() {
    thread::scope(|scope| {
        for step in STEPS {
            scope.spawn(move || {
                // A ring grows by the rotations, so it is begun anew now and then.
                for _ in 0..RUNS / 12 {
                    let folder = Folder::new();
                    let file = folder.ring();
                    for _ in 0..12 {
                        killed_at(step, &folder, &file);
                    }
                }
            });
        }
    });
}

/// A crash of the system spares only what was synced: the new file before it takes the place of the
/// old one, the folder after. What a kill cannot show, the calls do.
#[test]
fn a_save_syncs_the_file_before_it_takes_its_place_and_the_folder_after() {
    let folder = Folder::new();
    let file = folder.ring();
    let traced = |program: &Path| {
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-e", "trace=write,fsync,fdatasync,rename,renameat,renameat2"]);
        command.arg("-o").arg(folder.join("calls")).arg(program);
        command
    };
    if !traced(Path::new("true")).output().is_ok_and(|output| output.status.success()) {
        return skip("there is no strace here, or it may not be used");
    }
    let mut command = traced(&std::env::current_exe().unwrap());
    command.args(Child::ARGUMENTS);
    let rotated = Child::run(&mut command, &["update", file.path().to_str().unwrap(), "1"]).end();
    assert_eq!(rotated.len(), 1);

    let calls = fs::read_to_string(folder.join("calls")).unwrap();
    let place = file.path().to_str().unwrap();
    let fresh = format!("<{place}.new>");
    let of = |call: &str| {
        let is = |start: &str, part: &str| call.contains(start) && call.contains(part);
        match () {
            () if is(" write(", &fresh) => Some("write"),
            () if is("sync(", &fresh) => Some("sync"),
            () if is(" rename", &format!("\"{place}.new\"")) => Some("rename"),
            () if is("sync(", &format!("<{}>", folder.path().display())) => Some("sync folder"),
            () => None,
        }
    };
    let mut calls: Vec<_> = calls.lines().filter_map(of).collect();
    calls.dedup();
    assert_eq!(calls, ["write", "sync", "rename", "sync folder"]);
}

#[test]
fn killed_at_any_moment_the_file_has_every_rotation_that_was_reported() {
    let mut rotations = 0;
    for turn in 0..MOMENTS / 10 {
        let folder = Folder::new();
        let file = folder.ring();
        let mut ids: Vec<String> = Vec::new();
        for moment in 0..10 {
            let keys = file.open(&key(1)).unwrap().ring().keys().count();
            let mut child = Child::start(&["rotate for ever", file.path().to_str().unwrap()]);
            let first = child.line();
            thread::sleep(Duration::from_micros(200) * (turn * 10 + moment));
            let reported: Vec<String> = first.into_iter().chain(child.kill()).collect();
            rotations += reported.len();

            let document = file.open(&key(1)).unwrap();
            let more = document.ring().keys().count() - keys;
            // The last may have been stored and not yet reported.
            assert!(more == reported.len() || more == reported.len() + 1, "{more} {reported:?}");
            ids.extend(reported);
            assert!(ids.iter().all(|id| document.ring().key(id_of(id)).is_some()));
            goes_on(&folder, &file);
        }
    }
    assert!(rotations >= 100, "each was killed at work");
}

#[test]
fn killed_at_any_moment_a_file_is_created_whole_or_not_at_all() {
    for moment in 0..30 {
        let folder = Folder::new();
        let mut child = Child::start(&["create for ever", folder.path().to_str().unwrap()]);
        let first = child.line();
        thread::sleep(Duration::from_micros(500) * moment);
        let made = first.into_iter().chain(child.kill()).count();

        // The last may be there and not yet reported, or be begun.
        let at = |number: usize| RingFile::at(folder.join(&format!("{number}.json")));
        (0..made).for_each(|number| assert!(at(number).open(&key(1)).is_ok()));
        if at(made).path().exists() {
            at(made).open(&key(1)).unwrap();
        } else {
            at(made).create(&mut document()).unwrap();
        }
        let there = folder.names();
        let rings = there.iter().filter(|name| !name.ends_with(".lock"));
        assert_eq!(rings.count(), made + 1, "{there:?}");
    }
}

/// The ring has these keys and those it began with, of which one is primary; each rotation was one
/// generation.
fn has_all(file: &RingFile, rotated: &[KeyId]) {
    let document = file.open(&key(1)).unwrap();
    let ring = document.ring();
    assert_eq!(ring.keys().count(), 2 + rotated.len(), "each rotation made a key of its own");
    assert_eq!(document.generation(), 1 + u64::try_from(rotated.len()).unwrap());
    for id in rotated {
        assert!(ring.key(*id).unwrap().expose_secret().is_some(), "{id} was lost");
    }
    let primary = ring.keys().filter(|key| key.name() == "app" && key.state() == KeyState::Primary);
    assert_eq!(primary.count(), 1);
}

#[test]
fn eight_processes_that_rotate_at_once_lose_no_key() {
    let folder = Folder::new();
    let file = folder.ring();
    let path = file.path().to_str().unwrap();
    let children: Vec<_> = (0..8)
        .map(|number| {
            let way = if number % 2 == 0 { "update" } else { "save at first try" };
            Child::start(&[way, path, "20"])
        })
        .collect();
    let said = children.into_iter().flat_map(Child::end);
    let rotated: Vec<KeyId> = said.map(|id| id_of(&id)).collect();
    assert!(rotated.len() > 80, "most were not refused: {}", rotated.len());
    has_all(&file, &rotated);
    assert_eq!(folder.names(), ["ring.json", "ring.json.lock"]);
}

#[test]
fn threads_that_rotate_at_once_lose_no_key() {
    let folder = Folder::new();
    let file = folder.ring();
    let rotated: Vec<KeyId> = thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|number| {
                let file = file.clone();
                scope.spawn(move || {
                    let once = || match number % 2 {
                        0 => file.update(&key(1), rotate).map(|(_, id)| id),
                        _ => optimistic(&file),
                    };
                    (0..10).map(|_| once().unwrap()).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(rotated.len(), 60);
    has_all(&file, &rotated);
}

/// Four writers, one after the other killed at some moment and replaced.
#[test]
fn writers_killed_among_others_take_no_rotation_with_them() {
    let folder = Folder::new();
    let file = folder.ring();
    let path = file.path().to_str().unwrap();
    let start = || Child::start(&["rotate for ever", path]);
    let mut writers: Vec<_> = (0..4).map(|_| start()).collect();
    let mut reported = Vec::new();
    for turn in 0..24 {
        let writer = &mut writers[turn % 4];
        reported.extend(writer.line());
        thread::sleep(Duration::from_millis(turn as u64));
        let killed = std::mem::replace(writer, start());
        reported.extend(killed.kill());
    }
    reported.extend(writers.into_iter().flat_map(Child::kill));

    let document = file.open(&key(1)).unwrap();
    let lost = reported.iter().filter(|id| document.ring().key(id_of(id)).is_none());
    assert_eq!(lost.count(), 0);
    let (more, killed) = (document.ring().keys().count() - 2 - reported.len(), 24 + 4);
    assert!(more <= killed, "{more} were stored and not reported");
    goes_on(&folder, &file);
}

#[test]
fn of_two_rings_read_at_once_only_the_first_is_saved() {
    let folder = Folder::new();
    let file = folder.ring();
    let (mut first, mut second) = (file.open(&key(1)).unwrap(), file.open(&key(1)).unwrap());
    let (one, two) = (rotate(&mut first).unwrap(), rotate(&mut second).unwrap());
    file.save(&mut first).unwrap();
    let stored = fs::read(file.path()).unwrap();

    let conflict = error(file.save(&mut second));
    assert_eq!(conflict.kind(), ErrorKind::Conflict);
    assert!(conflict.to_string().contains("read it again"), "{conflict}");
    assert!(conflict.to_string().contains(file.path().to_str().unwrap()), "{conflict}");
    assert_eq!(fs::read(file.path()).unwrap(), stored, "nothing is written");
    assert_eq!(second.generation(), 1, "what was not stored is not counted");

    // Nor later, however often it is tried. Read again, the change is made to what is there.
    assert_eq!(error(file.save(&mut second)).kind(), ErrorKind::Conflict);
    let mut again = file.open(&key(1)).unwrap();
    let three = rotate(&mut again).unwrap();
    file.save(&mut again).unwrap();
    has_all(&file, &[one, three]);
    assert!(file.open(&key(1)).unwrap().ring().key(two).is_none());
    // And one that was saved goes on from there.
    assert_eq!(error(file.save(&mut first)).kind(), ErrorKind::Conflict);
    rotate(&mut again).unwrap();
    file.save(&mut again).unwrap();
}

/// An older copy was put back, and a rotation made on that: its generation is that of the ring which
/// another process still holds, but it is another ring.
#[test]
fn a_rotation_on_a_restored_copy_is_not_written_over() {
    let folder = Folder::new();
    let file = folder.ring();
    let copy = fs::read(file.path()).unwrap();
    let (mut held, _) = update(file.path()).unwrap();
    fs::write(file.path(), copy).unwrap();
    let (other, id) = update(file.path()).unwrap();
    assert_eq!(held.generation(), other.generation());

    rotate(&mut held).unwrap();
    assert_eq!(error(file.save(&mut held)).kind(), ErrorKind::Conflict);
    assert!(file.open(&key(1)).unwrap().ring().key(id).is_some(), "a reported rotation was lost");
}

#[test]
fn a_document_is_not_saved_over_another() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let (file, other) = (folder.ring(), elsewhere.ring());
    let stored = fs::read(other.path()).unwrap();
    let mut opened = file.open(&key(1)).unwrap();
    assert_eq!(error(other.save(&mut opened)).kind(), ErrorKind::Conflict);
    let mut fresh = document();
    assert_eq!(error(other.save(&mut fresh)).kind(), ErrorKind::Conflict);
    assert_eq!(error(other.create(&mut fresh)).kind(), ErrorKind::Conflict);
    assert_eq!(fs::read(other.path()).unwrap(), stored);
    // What was written elsewhere since is not what is stored here.
    let _elsewhere = opened.to_json().unwrap();
    assert_eq!(error(file.save(&mut opened)).kind(), ErrorKind::Conflict);
}

#[test]
fn of_those_that_create_a_file_at_once_one_does() {
    let folder = Folder::new();
    let file = RingFile::at(folder.join("ring.json"));
    let made: Vec<_> = thread::scope(|scope| {
        let create = || {
            let mut document = document();
            file.create(&mut document).map(|()| document.id())
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let ids: Vec<_> = made.iter().filter_map(|id| id.as_ref().ok()).collect();
    assert_eq!(ids, [&file.open(&key(1)).unwrap().id()]);
    let refused = made.iter().filter_map(|id| id.as_ref().err());
    assert!(refused.map(Error::kind).all(|kind| kind == ErrorKind::Conflict));
}

/// Ten seconds are waited once, by all that want the lock, in this process and in another.
#[test]
fn who_waits_for_the_lock_gives_up_after_ten_seconds() {
    let folder = Folder::new();
    let file = folder.ring();
    let path = file.path().to_str().unwrap();
    let (mut opened, stored) = (file.open(&key(1)).unwrap(), fs::read(path).unwrap());
    let mut holder = Child::start(&["hold", path]);
    assert_eq!(holder.line().as_deref(), Some("held"));

    let begun = Instant::now();
    let other = Child::start(&["update", path, "1"]);
    let refused = thread::scope(|scope| {
        let threads = [
            scope.spawn(|| error(file.save(&mut opened))),
            scope.spawn(|| error(update(path))),
            scope.spawn(|| error(file.create(&mut document()))),
        ];
        // Readers are not kept waiting: the file is whole at every moment.
        assert_eq!(file.open(&key(1)).unwrap().generation(), 1);
        assert!(begun.elapsed() < Duration::from_secs(5));
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(other.end(), [""; 0], "the other process is refused, too");
    let waited = begun.elapsed();
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.to_string().contains(path) && error.to_string().contains("try again"));
    }
    assert!((Duration::from_millis(9_900)..Duration::from_secs(20)).contains(&waited));
    assert_eq!(fs::read(path).unwrap(), stored, "nothing is written");
    assert_eq!(opened.generation(), 1);

    // The lock of a process that was killed is free, at once.
    let begun = Instant::now();
    holder.kill();
    file.save(&mut opened).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn who_waits_for_the_lock_goes_on_when_its_holder_is_killed() {
    let folder = Folder::new();
    let file = folder.ring();
    let path = file.path().to_str().unwrap();
    let mut holder = Child::start(&["hold", path]);
    assert_eq!(holder.line().as_deref(), Some("held"));
    let (done, is_done) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| done.send(update(path).map(|(_, id)| id)).unwrap());
        let early = is_done.recv_timeout(Duration::from_millis(300));
        assert!(early.is_err(), "while it is held, nothing is changed");
        holder.kill();
        let id = is_done.recv_timeout(Duration::from_secs(5)).unwrap().unwrap();
        has_all(&file, &[id]);
    });
}

#[test]
fn a_change_that_fails_or_panics_writes_nothing_and_frees_the_lock() {
    let folder = Folder::new();
    let file = folder.ring();
    let stored = fs::read(file.path()).unwrap();
    let failed = file.update(&key(1), |document| {
        rotate(document)?;
        document.ring_mut().rotate(KeyUse::Wrap, "nobody")
    });
    assert_eq!(error(failed).kind(), ErrorKind::MissingKey);
    let panics = thread::scope(|scope| {
        let panics = || {
            file.update(&key(1), |document| -> Result<(), Error> {
                rotate(document)?;
                std::panic::resume_unwind(Box::new("on purpose"))
            })
        };
        scope.spawn(panics).join()
    });
    assert!(panics.is_err());
    assert_eq!(fs::read(file.path()).unwrap(), stored);
    let (_, id) = update(file.path()).unwrap();
    has_all(&file, &[id]);
}

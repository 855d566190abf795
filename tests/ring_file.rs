//! Ring files: where they lie, who may read them, what opens them, and servers that follow them.

#![cfg(all(feature = "file", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

#[path = "ring_file/credentials.rs"]
mod credentials;
#[path = "ring_file/permissions.rs"]
mod permissions;
#[path = "ring_file/places.rs"]
mod places;
#[path = "ring_file/rekey.rs"]
mod rekey;
#[path = "ring_file/services.rs"]
mod services;
#[path = "ring_file/shared.rs"]
mod shared;
#[path = "ring_file/slots.rs"]
mod slots;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use common::ring::{Child, Folder, document, key, say, task};
use fieldseal::keyring::{KeyUse, SlotKey};
use fieldseal::{Error, RingFile};

/// What the other processes of these tests do: they say `done`, or the error.
#[test]
#[ignore = "run by the other tests, as a process of its own"]
fn child() {
    let task = task();
    let task: Vec<&str> = task.iter().map(String::as_str).collect();
    let done = match task[..] {
        ["create", path] => RingFile::at(path).create(&mut document()),
        ["create key", path] => SlotKey::generate().unwrap().create_file(path),
        ["update" | "update any", path] => {
            let mut file = RingFile::at(path);
            if task[0] == "update any" {
                file = file.any_permissions();
            }
            let rotate =
                file.update(&key(1), |document| document.ring_mut().rotate(KeyUse::Wrap, "app"));
            rotate.map(drop)
        }
        ["read", path] => RingFile::at(path).open(&key(1)).map(drop),
        ["from env", variable] => SlotKey::from_env(variable).map(|key| say(&key.to_text())),
        _ => return,
    };
    say(&done.map_or_else(|error| error.to_string(), |()| "done".into()));
}

/// Runs a task in another process, and gives what it said.
#[track_caller]
fn told(command: &mut Command, task: &[&str]) -> String {
    Child::run(command, task).end().join("\n")
}

fn this() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(Child::ARGUMENTS);
    command
}

/// This program, started by a line of shell that comes first.
fn behind(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{line}; exec \"$0\" \"$@\"")]);
    command.arg(std::env::current_exe().unwrap()).args(Child::ARGUMENTS);
    command
}

/// This program, run by a user without rights; or a note why not.
fn as_nobody(folder: &Folder) -> Option<Command> {
    if fs::metadata(folder.path()).unwrap().uid() != 0 {
        return Some(this());
    }
    // Where the program lies, that user may not look.
    let program = folder.join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    set_mode(&program, 0o755);
    set_mode(folder.path(), 0o755);
    let mut command = Command::new(&program);
    command.args(Child::ARGUMENTS).uid(NOBODY).gid(NOBODY).current_dir("/");
    let runs = Command::new(&program).arg("--list").uid(NOBODY).gid(NOBODY).output();
    runs.is_ok_and(|output| output.status.success()).then_some(command)
}

const NOBODY: u32 = 65_534;

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// That a call fails, and leaves the file as it is: its bytes, and when it was written.
#[track_caller]
fn unwritten<T>(file: &RingFile, call: impl FnOnce() -> Result<T, Error>) -> Error {
    let look = || (fs::read(file.path()).unwrap(), fs::metadata(file.path()).unwrap());
    let (bytes, metadata) = look();
    let error = common::ring::error(call());
    let (after, again) = look();
    assert!(bytes == after, "the file was written");
    assert_eq!(metadata.modified().unwrap(), again.modified().unwrap());
    assert_eq!((metadata.ino(), metadata.mode()), (again.ino(), again.mode()));
    error
}

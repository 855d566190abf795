//! What the tests share: a folder of its own for each, and the program run in it.

#![allow(dead_code, reason = "each test binary uses some of it")]
#![allow(unreachable_pub, reason = "shared by the test binaries")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

#[cfg(feature = "stores")]
pub mod life;
#[cfg(feature = "stores")]
pub mod stores;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

pub const PASSPHRASE: &str = "correct horse battery staple";
/// The least that the program takes: guesses would be cheap, and so is the test.
pub const CHEAP: [&str; 4] = ["--memory-mib", "19", "--passes", "2"];

/// A folder, with the passphrase in a file.
pub struct Place {
    folder: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        let place = Self { folder: TempDir::new().unwrap() };
        place.secret("passphrase", PASSPHRASE);
        place
    }

    /// A folder with a ring that [`PASSPHRASE`] unlocks.
    pub fn with_ring() -> Self {
        let place = Self::new();
        place.init(&[]);
        place
    }

    pub fn init(&self, more: &[&str]) {
        self.ok(&[&["ring", "init"], &CHEAP[..], more].concat());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Writes a file that its owner alone can read.
    pub fn secret(&self, name: &str, line: &str) {
        fs::write(self.path(name), format!("{line}\n")).unwrap();
        self.mode(name, 0o600);
    }

    pub fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn mode_of(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o777
    }

    /// The program in this folder, with nothing given and nobody to ask.
    pub fn bare(&self) -> Command {
        let mut command = Command::cargo_bin("fieldseal").unwrap();
        command.current_dir(self.folder.path()).env_clear().arg("--no-input");
        command
    }

    /// The program with the passphrase in a file.
    pub fn command(&self) -> Command {
        let mut command = self.bare();
        command.env("FIELDSEAL_PASSPHRASE_FILE", "passphrase");
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        ran(self.command().args(args))
    }

    pub fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        ran.out
    }

    pub fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[&["--json"], args].concat())).unwrap()
    }

    /// Runs it with an input.
    pub fn pipe(&self, args: &[&str], input: impl Into<Vec<u8>>) -> Ran {
        ran(self.command().args(args).write_stdin(input))
    }

    /// The id of the primary key of a use and name.
    pub fn primary(&self, key_use: &str, name: &str) -> String {
        let ring = self.json(&["ring", "list", "--locked"]);
        let keys = ring["keys"].as_array().unwrap();
        let is_it = |key: &&Value| {
            key["use"] == key_use && key["name"] == name && key["state"] == "primary"
        };
        keys.iter().find(is_it).unwrap()["id"].as_str().unwrap().to_owned()
    }

    pub fn generation(&self) -> u64 {
        self.json(&["ring", "slot", "list"])["generation"].as_u64().unwrap()
    }
}

pub fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Ran {
    #[track_caller]
    pub fn code_is(&self, code: i32) {
        assert_eq!(self.code, code, "{self:?}");
    }

    /// That it failed so: with this code, saying what was wrong, and what to do.
    #[track_caller]
    pub fn failed(&self, code: i32, error: &str, next: &str) {
        assert_eq!(self.code, code, "{self:?}");
        let line = |begins: &str| {
            let found = self.err.lines().find(|line| line.starts_with(begins));
            found.unwrap_or_else(|| panic!("no `{begins}` in {}", self.err))
        };
        assert!(line("error: ").contains(error), "{}", self.err);
        assert!(line("next: ").contains(next), "{}", self.err);
        for remedy in REMEDIES {
            assert!(!line("error: ").contains(remedy), "a remedy is given once: {}", self.err);
        }
        assert_eq!(self.out, "", "nothing is reported of what failed");
    }
}

/// What the library says to do about a fault. The program gives advice of its own, after `next:`.
const REMEDIES: [&str; 8] = [
    "make room",
    "that takes writes",
    "the permission",
    "check that it exists",
    "run the transaction again",
    "read it back",
    "time limit of statements",
    "or give the right file",
];

/// The program, to be started by other means.
pub fn program() -> PathBuf {
    assert_cmd::cargo::cargo_bin("fieldseal")
}

pub fn words<'a>(args: &'a [&'a str]) -> impl Iterator<Item = &'a OsStr> {
    args.iter().map(OsStr::new)
}

//! Ring files for tests: folders that are removed again, documents opened by raw keys, and the test
//! binary itself as another process.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use fieldseal::keyring::{Credential, RingDocument, SlotKey};
use fieldseal::{Error, KeyRing, RingFile};

/// A new folder, removed when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fieldseal-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        // As the system names it: errors do, too.
        Self(path.canonicalize().unwrap())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What lies in it, by name.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// `ring.json` in it, with a new ring that [`key`]`(1)` opens.
    pub fn ring(&self) -> RingFile {
        self.ring_of(&mut document())
    }

    pub fn ring_of(&self, document: &mut RingDocument) -> RingFile {
        let file = RingFile::at(self.join("ring.json"));
        file.create(document).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The raw key of this number.
pub fn key(number: u8) -> Credential {
    SlotKey::from_bytes(&[number; 32]).into()
}

/// A new ring with one slot, which [`key`]`(1)` opens.
pub fn document() -> RingDocument {
    let mut document = RingDocument::new(KeyRing::generate().unwrap()).unwrap();
    document.add_slot("server", &key(1)).unwrap();
    document
}

/// All of a ring, its secrets too, a line for each key.
pub fn whole(ring: &KeyRing) -> Vec<String> {
    let all = ring.keys().map(|key| {
        let secret = key.expose_secret().map(|secret| *secret.expose());
        let half = key.expose_writer_half().map(|(public, writer)| (public, *writer.expose()));
        let derived: Vec<_> = key
            .scopes()
            .map(|scope| (scope.clone(), key.expose_derived(scope).map(|secret| *secret.expose())))
            .collect();
        let public = key.public_key();
        let hints = (key.created_at(), key.rotate_after_days());
        format!("{key} {secret:?} {half:?} {derived:?} {public:?} {hints:?}")
    });
    all.collect()
}

/// The error of what must fail.
#[track_caller]
pub fn error<T>(result: Result<T, Error>) -> Error {
    result.err().unwrap_or_else(|| panic!("it succeeds"))
}

/// Says that a test could not be made here, and why.
#[allow(
    clippy::explicit_write,
    reason = "what is printed by a macro is not shown of a test that passes"
)]
pub fn skip(why: &str) {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    writeln!(std::io::stderr(), "SKIPPED {name}: {why}").unwrap();
}

const CHILD: &str = "FIELDSEAL_TEST_CHILD";

/// What this process was started to do, if it is a [`Child`].
pub fn task() -> Vec<String> {
    let task = std::env::var(CHILD).unwrap_or_default();
    task.split('\n').map(Into::into).collect()
}

/// Tells the parent a line.
pub fn say(line: &str) {
    let mut out = std::io::stdout();
    // In one piece, on a line of its own: the test harness writes there too.
    out.write_all(format!("\n> {line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Waits to be killed; ends when the parent does.
pub fn wait() {
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Another process: this test binary, doing what its ignored test `child` makes of the task.
pub struct Child {
    process: std::process::Child,
    said: BufReader<ChildStdout>,
}

impl Child {
    pub fn start(task: &[&str]) -> Self {
        Self::run(Command::new(std::env::current_exe().unwrap()).args(Self::ARGUMENTS), task)
    }

    /// What has this test binary run `child` alone.
    pub const ARGUMENTS: [&str; 5] =
        ["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"];

    /// As [`start`](Self::start), by a command that ends in this test binary and its arguments.
    pub fn run(command: &mut Command, task: &[&str]) -> Self {
        let mut process = command
            .env(CHILD, task.join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Self { process, said }
    }

    /// The next line that it says whole.
    pub fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            self.said.read_line(&mut line).unwrap();
            let line = line.strip_suffix('\n')?;
            if let Some(said) = line.strip_prefix("> ") {
                return Some(said.into());
            }
        }
    }

    /// Kills it as `kill -9` does, and gives what else it said.
    pub fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::iter::from_fn(|| self.line()).collect()
    }

    /// What it says until it ends, as it must, without a failure.
    #[track_caller]
    pub fn end(mut self) -> Vec<String> {
        let said = std::iter::from_fn(|| self.line()).collect();
        assert!(self.process.wait().unwrap().success(), "the child failed: {said:?}");
        said
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

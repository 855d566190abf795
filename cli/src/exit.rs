//! How a run ends: the exit codes, and failures with the next step.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use fieldseal::error::Fault;
use fieldseal::{Error, ErrorKind};

/// The exit codes. They are documented and stable: see `cli/README.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "a build without some commands has their codes all the same")]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// Something else went wrong.
    Other,
    /// The command line, or an argument in it, is wrong.
    Usage,
    /// `ring check` found something.
    Found,
    /// The ring could not be unlocked.
    Locked,
    /// A file could not be read or written, or its permissions are refused.
    File,
    /// Bytes that are malformed, no such thing, or of a version not supported.
    Malformed,
    /// Another process changed the ring, or holds its lock, or the ring is older than asked for.
    Conflict,
    /// What destroys, or takes a class from a role, was not confirmed, or a prompt was interrupted.
    Unconfirmed,
    /// Sealed data did not open, or what was signed was altered.
    NotOpened,
    /// What is stored still needs the key.
    Needed,
    /// Some of the stored envelopes were left as they were.
    Partly,
}

impl Exit {
    const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Other => 1,
            Self::Usage => 2,
            Self::Found => 3,
            Self::Locked => 4,
            Self::File => 5,
            Self::Malformed => 6,
            Self::Conflict => 7,
            Self::Unconfirmed => 8,
            Self::NotOpened => 9,
            Self::Needed => 10,
            Self::Partly => 11,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// The exit codes, for `--help`.
pub(crate) const TABLE: &str = "\
Exit codes:
  0  done
  1  something else went wrong
  2  the command line is wrong, or asks for what cannot be
  3  `ring check` found something
  4  the ring could not be unlocked
  5  a file or database could not be read or written, is there already, or its permissions are
     refused
  6  malformed, not sealed, or of a version that is not supported
  7  another process changed or locked it, or it is older than asked for
  8  what destroys, or takes a class from a role, was not confirmed, or a prompt was interrupted
  9  sealed data did not open, or what was signed was altered
 10  what is stored still needs the key
 11  done but for some of the stored envelopes";

/// Why a run failed, and what to do next. Never a secret.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: String,
    pub(crate) next: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, error: impl Into<String>, next: impl Into<String>) -> Self {
        Self { exit, error: error.into(), next: next.into() }
    }

    /// A failure that nobody is left to be told of.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self::new(exit, "", "")
    }

    /// Whether there is nothing to say.
    pub(crate) fn is_silent(&self) -> bool {
        self.error.is_empty()
    }

    /// A file that could not be read or written.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::named_file(&shown(path), error)
    }

    /// A file whose path is not shown: a variable that should hold one may hold the secret itself.
    pub(crate) fn named_file(name: &str, error: &io::Error) -> Self {
        let next = match error.kind() {
            io::ErrorKind::AlreadyExists => "give another path, or move that file away",
            io::ErrorKind::IsADirectory => "give the path of a file, not of a folder",
            _ => Fault::of(error).map_or("see that the file system is there", next_of),
        };
        let what = match error.kind() {
            io::ErrorKind::AlreadyExists => "is there already".to_owned(),
            _ => error.to_string(),
        };
        Self::new(Exit::File, format!("{name}: {what}"), next)
    }

    /// Input or output that has no path.
    pub(crate) fn stream(name: &str, error: &io::Error) -> Self {
        Self::new(Exit::File, format!("{name}: {error}"), "see where it comes from or goes to")
    }

    /// The same failure with a next step that the place knows better.
    pub(crate) fn or_next(mut self, next: impl Display) -> Self {
        self.next = next.to_string();
        self
    }
}

/// A path, unless it is a secret that was taken for one.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    if is_secret(&text) { "a secret in the place of a path".to_owned() } else { text }
}

/// Whether a text is a slot key or a share, whole or not.
pub(crate) fn is_secret(text: &str) -> bool {
    let begins = |prefix: &str| {
        text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    begins("fsk1.") || begins("FSSHARE")
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (exit, mut next) = of_kind(error.kind());
        if let (ErrorKind::Io, Some(fault)) = (error.kind(), error.fault()) {
            next = next_of(fault);
        }
        Self::new(exit, error.without_remedy().to_string(), next)
    }
}

/// The next step for each fault of a file.
const fn next_of(fault: Fault) -> &'static str {
    match fault {
        Fault::Full => "make room on its file system, or raise the limit on the size of files",
        Fault::ReadOnly => "give a path on a file system that takes writes",
        Fault::Denied => "run as the user who owns it",
        Fault::Missing => "give the path of a file that is there",
        Fault::Lost | Fault::TimedOut => "see that what it talks to is there, and try again",
        _ => "see that the file system is there",
    }
}

fn of_kind(kind: ErrorKind) -> (Exit, &'static str) {
    match kind {
        ErrorKind::Malformed => {
            (Exit::Malformed, "take a copy that is whole, from where it was stored first")
        }
        ErrorKind::NotSealed => {
            (Exit::Malformed, "give what fieldseal sealed: its bytes, or its text form `fs1.…`")
        }
        ErrorKind::Unsupported => (Exit::Malformed, "update fieldseal, then try again"),
        ErrorKind::InvalidInput | ErrorKind::AlreadySealed => {
            (Exit::Usage, "change what was asked for; `--help` says what is taken")
        }
        ErrorKind::Declaration => {
            (Exit::Usage, "mend the table or the declaration that the error names, then try again")
        }
        ErrorKind::FailedPrecondition => {
            (Exit::Usage, "do first what the error says, then try again")
        }
        ErrorKind::MissingKey => (Exit::Other, "see what the ring holds: fieldseal ring show"),
        ErrorKind::Randomness => (Exit::Other, "try again when the system gives randomness"),
        ErrorKind::WrongKey
        | ErrorKind::NotPermitted
        | ErrorKind::Expired
        | ErrorKind::Erased
        | ErrorKind::Tampered
        | ErrorKind::TypeMismatch
        | ErrorKind::WrongSubject => (
            Exit::NotOpened,
            "give the context, tenant and roles that it was sealed under; `fieldseal inspect` names the keys",
        ),
        ErrorKind::Unlock | ErrorKind::Unprotected => {
            (Exit::Locked, "what opens this ring: fieldseal ring slot list")
        }
        ErrorKind::Permissions => (
            Exit::File,
            "run that chmod; or add --any-permissions where a group is meant to read it",
        ),
        ErrorKind::Io => (Exit::File, "see that the file is there and is yours"),
        ErrorKind::Conflict => {
            (Exit::Conflict, "run the command again; a file that is there is never overwritten")
        }
        ErrorKind::Locked => {
            (Exit::Conflict, "run the command again when the other process is done")
        }
        ErrorKind::Incomplete => (
            Exit::Usage,
            "count all that is stored, by a role that sees every row: fieldseal census says what was missed",
        ),
        ErrorKind::Retry => (
            Exit::Conflict,
            "run the command again: the database was busy with another's transaction, and nothing was stored",
        ),
        ErrorKind::UnknownSubject => (
            Exit::Usage,
            "give the tenant and the type of id that the subject was stored under: --tenant, --as",
        ),
        ErrorKind::RolledBack => (
            Exit::Conflict,
            "take the newest copy of the ring; an older one lacks what was changed since",
        ),
        _ => (Exit::Other, "see `fieldseal --help`"),
    }
}

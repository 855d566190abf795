//! Results that nothing else keeps: on standard error where standard output keeps nothing.

use std::fmt::Display;
use std::io;

use serde_json::Value;

use crate::exit::Failure;
use crate::output::Output;

impl Output {
    /// The result of [`done`](Self::done), where nothing else keeps it and it cannot be made again. It goes to
    /// standard error where standard output keeps nothing.
    pub(crate) fn done_once(&self, json: &Value, text: &str) -> Result<(), Failure> {
        if !is_null(&io::stdout()) {
            return self.done(json, text);
        }
        self.warning("standard output is closed or /dev/null, so the result follows here: keep it");
        if self.json {
            self.talk(format_args!("{json:#}"));
        } else {
            self.talk(text.trim_end_matches('\n'));
        }
        Ok(())
    }

    /// Whether neither standard output nor standard error keeps what is written to it.
    pub(crate) fn is_unheard() -> bool {
        is_null(&io::stdout()) && is_null(&io::stderr())
    }
}

/// Whether this is /dev/null. A standard stream that was closed is, too: the runtime opens it in its place.
#[cfg(unix)]
fn is_null(stream: &impl std::os::fd::AsFd) -> bool {
    use rustix::fs::{FileType, fstat, stat};

    let device = |of: rustix::fs::Stat| {
        (FileType::from_raw_mode(of.st_mode) == FileType::CharacterDevice).then_some(of.st_rdev)
    };
    let written_to = fstat(stream).ok().and_then(device);
    written_to.is_some() && written_to == stat("/dev/null").ok().and_then(device)
}

#[cfg(not(unix))]
fn is_null<T>(_: &T) -> bool {
    false
}

/// `1 entry`, `2 entries`.
pub(crate) fn counted(number: impl Display, one: &str, more: &str) -> String {
    let number = number.to_string();
    let noun = if number == "1" { one } else { more };
    format!("{number} {noun}")
}

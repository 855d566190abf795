//! The one place that writes: results to stdout, talk to stderr, colour on a terminal only.

use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::exit::{Exit, Failure};

const BAD: Style = AnsiColor::Red.on_default().bold();
const STEP: Style = AnsiColor::Cyan.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const HEAD: Style = Style::new().bold();

/// Where results and talk go. `anstream` leaves the colour out where there is no terminal, and where
/// `NO_COLOR` is set.
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// A result: as JSON where that was asked for, else as text.
    pub(crate) fn result(&self, json: &Value, text: &str) -> Result<(), Failure> {
        self.written(json, text).map_err(|error| not_written(&error))
    }

    /// The result of what is stored and cannot be taken back. If standard output takes nothing, or nobody
    /// reads it, the result goes to standard error, and the failure says that the change is done.
    pub(crate) fn done(&self, json: &Value, text: &str) -> Result<(), Failure> {
        self.written(json, text).map_err(|error| {
            if self.json {
                self.talk(json);
            } else {
                self.talk(text.trim_end_matches('\n'));
            }
            Failure::new(
                Exit::File,
                format!("the change is done and stored, but standard output failed: {error}"),
                "keep what is said above; do not run the command again for its output",
            )
        })
    }

    fn written(&self, json: &Value, text: &str) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            writeln!(out, "{json:#}")?;
        } else {
            writeln!(out, "{}", text.trim_end_matches('\n'))?;
        }
        out.flush()
    }

    /// Bytes as they are: sealed or opened data.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| not_written(&error))
    }

    /// Says something beside the result. Nobody may be listening, and nothing depends on it.
    pub(crate) fn talk(&self, text: impl Display) {
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }

    /// Says what can be done next.
    pub(crate) fn next(&self, step: impl Display) {
        self.talk(format_args!("{STEP}next:{STEP:#} {step}"));
    }

    /// Says what should not stay as it is.
    pub(crate) fn warning(&self, text: impl Display) {
        self.talk(format_args!("{WARN}warning:{WARN:#} {text}"));
    }

    /// Says why the run failed, and the next step.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.is_silent() {
            return;
        }
        // It may quote a label out of a file that nobody vouched for.
        self.talk(format_args!("{BAD}error:{BAD:#} {}", printable(&failure.error)));
        self.next(printable(&failure.next));
    }
}

fn not_written(error: &io::Error) -> Failure {
    // Whoever reads has seen enough, and went.
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::silent(Exit::File);
    }
    Failure::stream("standard output", error)
}

/// A heading.
pub(crate) fn heading(text: &str) -> String {
    format!("{HEAD}{text}{HEAD:#}")
}

/// What stands out as wrong.
pub(crate) fn alarming(text: &str) -> String {
    format!("{WARN}{text}{WARN:#}")
}

/// Rows under a head, in columns.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |cells: [&str; N]| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        line.truncate(line.trim_end().len());
        line
    };
    let mut text = heading(&line(head));
    for row in rows {
        text.push('\n');
        text.push_str(&line(row.each_ref().map(String::as_str)));
    }
    text
}

/// Text from a file that nobody vouched for, fit for a terminal: what is no plain character is
/// escaped, so that it cannot move the cursor or colour what it likes.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_format(character) {
            let _ = write!(out, "{}", character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// Characters that change how others are shown: direction marks, zero widths.
fn is_format(character: char) -> bool {
    matches!(
        character,
        '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}'
    )
}

//! Asking whether something is meant.

use super::unlock::terminal;
use crate::args::{Common, Confirmed};
use crate::exit::{Exit, Failure};

/// Goes on where `--yes` was given, or where the answer on the terminal is this word.
pub(crate) fn confirm(
    warning: &str,
    word: &str,
    confirmed: &Confirmed,
    common: &Common,
) -> Result<(), Failure> {
    if confirmed.yes {
        return Ok(());
    }
    let unconfirmed = |error: &str| {
        Failure::new(Exit::Unconfirmed, error, "nothing was changed; if it is meant, add --yes")
    };
    let mut terminal = terminal(common)
        .ok_or_else(|| unconfirmed("this is to be confirmed, and there is no terminal to ask"))?;
    let answer = terminal.ask(&format!("{warning}\nType `{word}` to go on: "))?;
    if answer == word { Ok(()) } else { Err(unconfirmed("this was not confirmed")) }
}

/// Whether the answer to a question is yes; no where nobody can be asked.
pub(crate) fn wants(question: &str, common: &Common) -> Result<bool, Failure> {
    match terminal(common) {
        Some(mut terminal) => {
            let answer = terminal.ask(&format!("{question} [y/N] "))?;
            Ok(matches!(answer.as_str(), "y" | "Y" | "yes"))
        }
        None => Ok(false),
    }
}

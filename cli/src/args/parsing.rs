//! Reading the command line: what was given in the wrong place is never said again, as it may be a secret.

use std::env;
use std::error::Error as _;
use std::path::PathBuf;

use clap::Parser as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cli;
use crate::exit::{Exit, Failure, is_secret};
use crate::secrets::path_in;

/// The variable that names the ring's file.
const RING_VARIABLE: &str = "FIELDSEAL_RING";
/// The variable that names the module of a PKCS#11 token.
#[cfg(feature = "pkcs11")]
const MODULE_VARIABLE: &str = "FIELDSEAL_PKCS11_MODULE";

/// The command line. Where it only asks for help, or clap itself can say what is wrong with it, the process
/// ends here.
pub(crate) fn parse() -> Result<Cli, Failure> {
    let mut cli = read()?;
    // Not by clap, whose usage lines would then show --ring as needed.
    cli.common.ring_is_said = cli.common.ring.is_some();
    if cli.common.ring.is_none() {
        cli.common.ring = path_in(RING_VARIABLE).map(PathBuf::from);
    }
    #[cfg(feature = "pkcs11")]
    if cli.common.token.pkcs11_module.is_none() {
        cli.common.token.pkcs11_module = path_in(MODULE_VARIABLE).map(PathBuf::from);
    }
    Ok(cli)
}

fn read() -> Result<Cli, Failure> {
    Cli::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        _ => {
            let secret = env::args_os().skip(1).find_map(|word| secret_in(&word.to_string_lossy()));
            match (secret, error.kind()) {
                (Some(what), _) => Failure::new(
                    Exit::Usage,
                    format!(
                        "this is {what}, a secret, and was given as an argument: make another one"
                    ),
                    next(&error),
                ),
                (None, ErrorKind::ValueValidation) => unread(&error),
                (None, _) => error.exit(),
            }
        }
    })
}

/// What secret stands in a word of the command line, alone or behind `--option=`.
fn secret_in(word: &str) -> Option<&'static str> {
    let value = word.split_once('=').map_or(word, |(_, value)| value);
    let found = [word, value].into_iter().map(str::trim_start).find(|text| is_secret(text))?;
    let is_share = found.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("FSSHARE"));
    Some(if is_share { "a custodian's share" } else { "a slot key" })
}

/// The argument that was refused, as the help names it.
fn argument(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(name)) => Some(name),
        _ => None,
    }
}

fn next(error: &clap::Error) -> &'static str {
    if argument(error).is_some_and(|name| name.starts_with("--verifying-key")) {
        "a verifying key begins with fsv1.; fieldseal ring verifying-key prints it"
    } else {
        "it stands in the shell's history now; a secret is given by a file, a descriptor or on the terminal: \
         `--help` says how"
    }
}

/// clap would repeat the value, and it may be a passphrase.
fn unread(error: &clap::Error) -> Failure {
    let why = error.source().map_or_else(String::new, |why| format!(": {why}"));
    let next = match argument(error) {
        Some(name) if name.starts_with("--verifying-key") => next(error),
        _ => "change it; `--help` says what is taken",
    };
    let name = argument(error).unwrap_or("an argument");
    Failure::new(Exit::Usage, format!("the value of {name} is not one that it takes{why}"), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_among_the_words() {
        for (word, found) in [
            ("fsk1.AAAA", Some("a slot key")),
            ("FSK1.AAAA", Some("a slot key")),
            ("--key=fsk1.AAAA", Some("a slot key")),
            (" \nfsk1.AAAA", Some("a slot key")),
            ("fsshare1-AAAA", Some("a custodian's share")),
            ("fsv1.AAAA", None),
            ("--key", None),
            ("", None),
            ("\u{e4}\u{e4}\u{e4}\u{e4}", None),
        ] {
            assert_eq!(secret_in(word), found, "{word}");
        }
    }
}

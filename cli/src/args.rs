//! The command line: what is asked for.

mod parsing;
pub(crate) mod ring;
#[cfg(feature = "stores")]
pub(crate) mod stores;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use fieldseal::keyring::Floor;

pub(crate) use self::parsing::parse;
use crate::args::ring::RingCommand;
use crate::exit;

const FIRST_MINUTE: &str = "\
The first minute:
  fieldseal ring init
  echo hello | fieldseal seal --context note > sealed
  fieldseal open --context note < sealed

A secret is never an argument. Passphrases are asked for on the terminal; scripts name a file in
FIELDSEAL_PASSPHRASE_FILE, or give an open descriptor by --passphrase-fd.";

/// Key rings of fieldseal: made, protected, shared, rotated and recovered; a look into what is sealed;
/// and what is stored counted, erased and swept.
#[derive(Debug, Parser)]
#[command(name = "fieldseal", version, max_term_width = 100)]
#[command(after_long_help = after_help())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

fn after_help() -> String {
    format!("{FIRST_MINUTE}\n\n{}", exit::TABLE)
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Common {
    /// The ring's file [default: FIELDSEAL_RING, or fieldseal-ring.json]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) ring: Option<PathBuf>,
    /// Whether the command line itself says where the ring is.
    #[arg(skip)]
    pub(crate) ring_is_said: bool,
    /// Report as JSON, in the shapes that cli/README.md documents
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Never ask on the terminal: fail, and say what was missing
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Take files of secrets that others than their owner can read
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) any_permissions: bool,
    #[cfg(feature = "pkcs11")]
    #[command(flatten)]
    pub(crate) token: Token,
}

/// How a PKCS#11 token is reached.
#[cfg(feature = "pkcs11")]
#[derive(Debug, Args)]
#[command(next_help_heading = "PKCS#11")]
pub(crate) struct Token {
    /// The module of the token: an absolute path [default: FIELDSEAL_PKCS11_MODULE]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) pkcs11_module: Option<PathBuf>,
    /// Read the token's PIN from this open descriptor: its first line [default: from the file that
    /// FIELDSEAL_PIN_FILE names, or asked for]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) pin_fd: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The key ring: its file, its keys, who opens it
    #[command(subcommand)]
    Ring(RingCommand),
    /// Say what a sealed field, an envelope or a ring file is; needs no key
    Inspect(Inspect),
    /// Seal standard input, to standard output
    Seal(Seal),
    /// Open what `seal` made, from standard input to standard output
    Open(Open),
    #[cfg(feature = "stores")]
    #[command(flatten)]
    Stores(stores::StoresCommand),
    /// Print completions for a shell, to be sourced by it
    Completions(Completions),
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A file, the text form `fs1.…` itself, or `-` for standard input
    #[arg(value_name = "FILE|TEXT|-", default_value = "-")]
    pub(crate) what: String,
}

/// What a value was sealed under: the same to seal and to open.
#[derive(Debug, Args)]
pub(crate) struct Under {
    /// What the bytes are; not stored, and opening takes the same
    #[arg(long, value_name = "TEXT")]
    pub(crate) context: String,
    /// Whose data it is, where several are served
    #[arg(long, value_name = "TENANT", default_value = "", hide_default_value = true)]
    pub(crate) tenant: String,
    /// A role that reads it; may be given again
    #[arg(long = "role", value_name = "NAME", default_value = "app")]
    pub(crate) roles: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Seal {
    #[command(flatten)]
    pub(crate) under: Under,
    /// Write bytes, not the text form
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct Open {
    #[command(flatten)]
    pub(crate) under: Under,
    /// Let compromised keys open too: what they open may be forged
    #[arg(long)]
    pub(crate) rescue: bool,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

/// How the ring is unlocked. Without any of these: by the slot key in FIELDSEAL_RING_KEY, by the
/// passphrase in the file that FIELDSEAL_PASSPHRASE_FILE names, or by asking on the terminal.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Unlocking [default: FIELDSEAL_RING_KEY, FIELDSEAL_PASSPHRASE_FILE, or asked for]"
)]
pub(crate) struct Unlocking {
    #[command(flatten)]
    pub(crate) by: UnlockBy,
    /// Refuse a ring below this: an older copy put back, or one by a former master key
    #[arg(long, value_name = "FLOOR")]
    pub(crate) floor: Option<Floor>,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct UnlockBy {
    /// Read the passphrase from this open descriptor: its first line
    #[arg(long, value_name = "N")]
    pub(crate) passphrase_fd: Option<u32>,
    /// Unlock by the raw slot key in this file
    #[arg(long, value_name = "PATH")]
    pub(crate) key_file: Option<PathBuf>,
    /// Unlock by the custodians' shares in this file, one a line
    #[arg(long, value_name = "PATH")]
    pub(crate) shares_file: Option<PathBuf>,
    /// Unlock by the key of a PKCS#11 token, `pkcs11:token=…;object=…`
    #[cfg(feature = "pkcs11")]
    #[arg(long, value_name = "URI")]
    pub(crate) pkcs11_key: Option<String>,
    /// Take a ring whose secrets stand in the clear
    #[arg(long)]
    pub(crate) allow_unprotected: bool,
    /// Take a ring without protection if its content has this fingerprint
    #[arg(long, value_name = "HEX")]
    pub(crate) fingerprint: Option<String>,
}

/// Where a command goes without asking.
#[derive(Debug, Args)]
pub(crate) struct Confirmed {
    /// Do not ask whether this is meant
    #[arg(long)]
    pub(crate) yes: bool,
}

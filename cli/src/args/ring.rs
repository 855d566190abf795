//! The command line of `fieldseal ring`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Subcommand};
use fieldseal::keyring::{Floor, KeyId, KeyState, KeyUse};

use super::{Confirmed, Unlocking};
use crate::times;

#[derive(Debug, Subcommand)]
pub(crate) enum RingCommand {
    /// Make a new ring
    Init(Init),
    /// List the keys
    List(Look),
    /// Say in plain words what the ring can do, and show its keys and slots
    Show(Look),
    /// Give a role, or another use, a new primary key
    Rotate(Rotate),
    /// Move a key to another state
    State(State),
    /// Add a role
    AddRole(AddRole),
    /// Add the key of index terms, of pseudonyms, or the one that signs
    AddKey(AddKey),
    /// Print what the ring's signatures are verified by, a line a key, the primary one first
    VerifyingKey(VerifyingKey),
    /// Write a ring for one service, that reaches what it needs and no more
    Subset(Subset),
    /// Write a ring of writer halves, that seals and cannot open
    Public(Public),
    /// The slots: what unlocks the ring, each alone
    #[command(subcommand)]
    Slot(SlotCommand),
    /// Encrypt the ring anew, and drop every slot but the one that opened it
    Rekey(Rekey),
    /// Add a recovery slot, split among custodians
    Split(Split),
    /// Unlock by custodians' shares, and add a new slot
    Combine(Combine),
    /// Look for what should be changed
    Check(Check),
    /// Write the ring with its secrets in the clear
    Export(Export),
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// A role beside `app` whose writers can also read; may be given again
    #[arg(long = "role", value_name = "NAME")]
    pub(crate) roles: Vec<String>,
    /// A role that others seal for without reading; may be given again
    #[arg(long = "key-pair-role", value_name = "NAME")]
    pub(crate) key_pair_roles: Vec<String>,
    /// Hint to rotate each key after so many days
    #[arg(long, value_name = "DAYS")]
    pub(crate) rotate_after: Option<u32>,
    /// Unlock the ring by the raw slot key in this file, not by a passphrase
    #[arg(long, value_name = "PATH", conflicts_with_all = ["passphrase_fd", "unprotected"])]
    pub(crate) key_file: Option<PathBuf>,
    /// Make the key file, readable by its owner alone
    #[arg(long, requires = "key_file")]
    pub(crate) generate: bool,
    /// Read the new passphrase from this open descriptor: its first line
    #[arg(long, value_name = "N", conflicts_with = "unprotected")]
    pub(crate) passphrase_fd: Option<u32>,
    /// Write the secrets in the clear: whoever reads the file has every key
    #[arg(long)]
    pub(crate) unprotected: bool,
    #[command(flatten)]
    pub(crate) slot: SlotMade,
}

/// How a new slot is made.
#[derive(Debug, Args)]
pub(crate) struct SlotMade {
    /// A label for the slot
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// Memory that a guess of the passphrase costs, in MiB [default: 64]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(19..=1024))]
    pub(crate) memory_mib: Option<u32>,
    /// Passes over that memory [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=64))]
    pub(crate) passes: Option<u32>,
}

/// What a new slot is opened by. Without any of these: by the passphrase in the file that
/// FIELDSEAL_NEW_PASSPHRASE_FILE names, or by one that is asked for.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "The new slot [default: FIELDSEAL_NEW_PASSPHRASE_FILE, or asked for]"
)]
pub(crate) struct NewSlot {
    /// Read the new passphrase from this open descriptor: its first line
    #[arg(long, value_name = "N", conflicts_with = "new_key")]
    pub(crate) new_passphrase_fd: Option<u32>,
    /// Open the new slot by the raw slot key in this file
    #[arg(long, value_name = "PATH", group = "new_key")]
    pub(crate) new_key_file: Option<PathBuf>,
    /// Open the new slot by the key of a PKCS#11 token, `pkcs11:token=…;object=…`
    #[cfg(feature = "pkcs11")]
    #[arg(long, value_name = "URI", group = "new_key")]
    pub(crate) new_pkcs11_key: Option<String>,
    /// Make the key: the file, readable by its owner alone, or the token's
    #[arg(long, requires = "new_key")]
    pub(crate) generate: bool,
    #[command(flatten)]
    pub(crate) slot: SlotMade,
}

#[derive(Debug, Args)]
pub(crate) struct Look {
    /// Do not unlock: show what the file says of itself, which nobody vouches for
    #[arg(long)]
    pub(crate) locked: bool,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The role, or the use where its keys have one name: envelope, index, pseudonym, sign
    pub(crate) name: String,
    /// What the key is for [default: wrap, or what is named so]
    #[arg(long = "use", value_name = "USE", value_parser = key_use())]
    pub(crate) key_use: Option<KeyUse>,
    /// Hint to rotate again after so many days; 0 takes the hint back
    #[arg(long, value_name = "DAYS")]
    pub(crate) after: Option<u32>,
    /// Only introduce the new key, open-only: `ring state ID primary` once every service has it
    #[arg(long, conflicts_with = "after")]
    pub(crate) introduce: bool,
    /// Rotate in a service's ring too: nobody else has the new key then
    #[arg(long)]
    pub(crate) here: bool,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct State {
    /// The id of the key, as `ring list` prints it
    #[arg(value_parser = key_id)]
    pub(crate) id: KeyId,
    /// The state to move it to
    #[arg(value_parser = key_state())]
    pub(crate) state: KeyState,
    /// Destroy the key although nobody counted what still needs it
    #[arg(long)]
    pub(crate) force_destroy: bool,
    #[command(flatten)]
    pub(crate) confirmed: Confirmed,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct AddRole {
    /// The role: 1 to 64 of a-z 0-9 _ . - that start with a letter
    pub(crate) name: String,
    /// Others seal for it without reading
    #[arg(long)]
    pub(crate) key_pair: bool,
    /// Hint to rotate its key after so many days
    #[arg(long, value_name = "DAYS")]
    pub(crate) rotate_after: Option<u32>,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct AddKey {
    /// What the key is for
    #[arg(value_name = "USE", value_parser = master_use())]
    pub(crate) key_use: KeyUse,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyingKey {
    /// Print those of disabled and compromised keys as well, and behind each its id and state
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct Subset {
    /// A role that the service has; may be given again
    #[arg(long = "role", value_name = "NAME")]
    pub(crate) roles: Vec<String>,
    /// A key-pair role that the service seals for and cannot open; may be given again
    #[arg(long = "writer", value_name = "NAME")]
    pub(crate) writers: Vec<String>,
    /// An index that the service finds by (the tenant may be empty); may be given again
    #[arg(long = "index", value_name = "TENANT/RECORD/INDEX", value_parser = index)]
    pub(crate) indexes: Vec<(String, String, String)>,
    /// A purpose that the service makes pseudonyms for (the tenant may be empty); may be given again
    #[arg(long = "pseudonyms", value_name = "TENANT/PURPOSE", value_parser = purpose)]
    pub(crate) purposes: Vec<(String, String)>,
    /// The service signs what is said of erasures, withdrawals and grants; else it verifies such only
    #[arg(long)]
    pub(crate) sign: bool,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Make the service's ring that is in the file anew, as its next generation, which a running service
    /// picks up; it is opened by what is said of the new slot
    #[arg(long, conflicts_with = "generate")]
    pub(crate) update: bool,
    #[command(flatten)]
    pub(crate) new: NewSlot,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
    #[command(flatten)]
    pub(crate) confirmed: Confirmed,
}

#[derive(Debug, Args)]
pub(crate) struct Public {
    /// A key-pair role to seal for; may be given again [default: all of them]
    #[arg(long = "writer", value_name = "NAME")]
    pub(crate) writers: Vec<String>,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SlotCommand {
    /// Add a slot: another passphrase or raw key that unlocks the ring
    Add(SlotAdd),
    /// Remove a slot; the last one stays
    Remove(SlotRemove),
    /// List the slots, without unlocking
    List,
}

#[derive(Debug, Args)]
pub(crate) struct SlotAdd {
    #[command(flatten)]
    pub(crate) new: NewSlot,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct SlotRemove {
    /// The id of the slot, as `ring slot list` prints it
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) confirmed: Confirmed,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct Rekey {
    #[command(flatten)]
    pub(crate) confirmed: Confirmed,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct Split {
    /// How many shares unlock the ring
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(2..))]
    pub(crate) threshold: u8,
    /// How many shares are made
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..))]
    pub(crate) shares: u8,
    /// Write each share into a file of its own in this folder, not to the output
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out_dir: Option<PathBuf>,
    /// A label for the slot
    #[arg(long, value_name = "TEXT", default_value = "recovery")]
    pub(crate) label: String,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct Combine {
    /// The custodians' shares, one a line; without it they are asked for
    #[arg(long, value_name = "PATH")]
    pub(crate) shares_file: Option<PathBuf>,
    /// Refuse a ring below this: an older copy put back, or one by a former master key
    #[arg(long, value_name = "FLOOR")]
    pub(crate) floor: Option<Floor>,
    #[command(flatten)]
    pub(crate) new: NewSlot,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Look as of the end of this day in UTC [default: now]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = times::end_of_day)]
    pub(crate) date: Option<u64>,
    #[command(flatten)]
    pub(crate) look: Look,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Say that the secrets are to stand in the clear
    #[arg(long, required = true, action = ArgAction::SetTrue)]
    pub(crate) unprotected: bool,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

fn key_use() -> impl TypedValueParser<Value = KeyUse> {
    PossibleValuesParser::new(["wrap", "envelope", "index", "pseudonym", "sign"])
        .try_map(|text| text.parse::<KeyUse>())
}

fn master_use() -> impl TypedValueParser<Value = KeyUse> {
    PossibleValuesParser::new(["index", "pseudonym", "sign"]).try_map(|text| text.parse::<KeyUse>())
}

fn key_state() -> impl TypedValueParser<Value = KeyState> {
    PossibleValuesParser::new(["primary", "open-only", "disabled", "compromised", "destroyed"])
        .try_map(|text| text.parse::<KeyState>())
}

pub(super) fn key_id(text: &str) -> Result<KeyId, String> {
    let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits
        .then(|| u32::from_str_radix(text, 16).ok())
        .flatten()
        .and_then(KeyId::new)
        .ok_or_else(|| "a key's id is 8 hexadecimal digits, as `ring list` prints it".to_owned())
}

fn index(text: &str) -> Result<(String, String, String), String> {
    // A tenant may hold a slash; names cannot.
    let mut parts = text.rsplitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(index), Some(record), Some(tenant)) => {
            Ok((tenant.to_owned(), record.to_owned(), index.to_owned()))
        }
        _ => {
            Err("an index is written TENANT/RECORD/INDEX, or /RECORD/INDEX without tenants".into())
        }
    }
}

fn purpose(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('/') {
        Some((tenant, purpose)) => Ok((tenant.to_owned(), purpose.to_owned())),
        None => Err("pseudonyms are written TENANT/PURPOSE, or /PURPOSE without tenants".into()),
    }
}

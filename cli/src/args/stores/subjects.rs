//! The command line of what is done to one subject, to the ledger of that, and to whole stores.

use std::path::PathBuf;
use std::str::FromStr as _;

use clap::{Args, Subcommand, ValueEnum};
use fieldseal::keyring::VerifyingKey;
use fieldseal::ledger::LedgerHead;
use jiff::Timestamp;

use super::{Store, Stores};
use crate::args::{Confirmed, Unlocking};

/// Whom a command is about.
#[derive(Debug, Args)]
pub(crate) struct Subject {
    /// The subject's id
    #[arg(value_name = "SUBJECT", allow_negative_numbers = true)]
    pub(crate) id: String,
    /// What the id is: the integer 42 and the text 42 are two subjects. Not needed with --inline, whose
    /// column says it
    #[arg(long = "as", value_name = "TYPE")]
    pub(crate) typed: Option<IdType>,
    /// Whose data it is, where several are served
    #[arg(long, value_name = "TENANT", default_value = "", hide_default_value = true)]
    pub(crate) tenant: String,
}

/// The types of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdType {
    /// A number from -2^63 to 2^64-1, without leading zeros
    Integer,
    /// Text, as it is
    Text,
    /// 32 hexadecimal digits, with hyphens or without
    Uuid,
    /// Bytes, as hexadecimal digits
    Bytes,
}

/// Who asks, and why.
#[derive(Debug, Args)]
#[command(next_help_heading = "For the account")]
pub(crate) struct Account {
    /// The ledger, which is told before anything is stored
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: PathBuf,
    /// A file that keeps the head of the ledger: compared before the change, so that a ledger that was cut off
    /// is noticed, and written after it. Keep it where the ledger is not. One that is not there is made
    #[arg(long, value_name = "FILE")]
    pub(crate) head_file: Option<PathBuf>,
    /// Who asks
    #[arg(long, value_name = "TEXT")]
    pub(crate) actor: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) purpose: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Erase {
    #[command(flatten)]
    pub(crate) subject: Subject,
    /// Erase this class of the subject only, and its masks
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: Option<String>,
    /// Write the receipt to this file too, which is not there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// Leave the mark of the erasure where no envelope is stored, so that the subject is never begun
    #[arg(long, conflicts_with_all = ["class", "inline"])]
    pub(crate) mark_absent: bool,
    /// Replace a damaged envelope by the mark of the erasure, and record it in the ledger
    #[arg(long, conflicts_with_all = ["class", "mark_absent"])]
    pub(crate) replace_damaged: bool,
    #[command(flatten)]
    pub(crate) confirmed: Confirmed,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) store: Store,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

/// The class and role of a consent.
#[derive(Debug, Args)]
pub(crate) struct ClassAndRole {
    /// The class
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: String,
    /// The role
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: String,
    #[command(flatten)]
    pub(crate) classes: ClassesFile,
}

/// A file of declarations.
#[derive(Debug, Args)]
pub(crate) struct ClassesFile {
    /// The classes as the application declares them, in JSON: its `Catalog`, or a list of its `Class`
    /// constants, serialized
    #[arg(long = "classes", value_name = "FILE")]
    pub(crate) path: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Withdraw {
    #[command(flatten)]
    pub(crate) subject: Subject,
    #[command(flatten)]
    pub(crate) of: ClassAndRole,
    /// Where it was withdrawn: a form, a call, a letter
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: Option<String>,
    /// The version of the notice that the person was shown
    #[arg(long, value_name = "VERSION")]
    pub(crate) notice: Option<String>,
    #[command(flatten)]
    pub(crate) confirmed: Confirmed,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) store: Store,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct Grant {
    #[command(flatten)]
    pub(crate) subject: Subject,
    #[command(flatten)]
    pub(crate) of: ClassAndRole,
    /// Whether the role opens what was sealed before
    #[arg(long, value_name = "WHETHER")]
    pub(crate) history: HistorySaid,
    /// Where the consent was given: a form, a call, a letter
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: String,
    /// The version of the notice that the person was shown
    #[arg(long, value_name = "VERSION")]
    pub(crate) notice: String,
    #[command(flatten)]
    pub(crate) confirmed: Confirmed,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) store: Store,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

/// Whether a grant covers what was sealed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HistorySaid {
    /// The role opens what was sealed before
    Included,
    /// The role opens what is sealed from now on, and what is resealed
    Excluded,
}

#[derive(Debug, Args)]
#[command(mut_arg("standalone", |arg| arg.hide(true)))]
pub(crate) struct Sweep {
    /// Erase at most this share of the generations that have a term, in percent, unless it is confirmed
    #[arg(long, value_name = "N", required_unless_present = "plan", value_parser = clap::value_parser!(u8).range(..=100))]
    pub(crate) at_most_percent: Option<u8>,
    /// Count only, and erase nothing
    #[arg(long)]
    pub(crate) plan: bool,
    /// How many days the clock may stand after all that the store tells of [default: 31]
    #[arg(long, value_name = "DAYS")]
    pub(crate) clock_gap_days: Option<u32>,
    /// When a sweep ran last, from a record of yours, as 2026-11-22T00:21:24Z: asked where envelopes tell of a
    /// later time than the clock
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) last_run: Option<u64>,
    #[command(flatten)]
    pub(crate) confirmed: Confirmed,
    #[command(flatten)]
    pub(crate) stores: Stores,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReceiptCommand {
    /// Verify a receipt of an erasure, and say what is in it
    Verify(ReceiptVerify),
}

/// Keys of the ring that it does not verify by any more.
#[derive(Debug, Args)]
pub(crate) struct Claims {
    /// A compromised or disabled key of the ring, as `ring verifying-key --all` prints it: what it
    /// signed is taken as a claim. Erasures and withdrawals count, grants do not; may be given again
    #[arg(long = "verifying-key", value_name = "fsv1.…")]
    pub(crate) keys: Vec<VerifyingKey>,
}

/// What signatures are verified by: keys that are given, or the ring's.
#[derive(Debug, Args)]
pub(crate) struct VerifiedBy {
    /// A key that signatures are verified by, as `ring verifying-key` prints it; may be given again
    /// [default: those of the ring]
    #[arg(long = "verifying-key", alias = "key", value_name = "fsv1.…")]
    pub(crate) keys: Vec<VerifyingKey>,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct ReceiptVerify {
    /// The receipt; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) by: VerifiedBy,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Begin a ledger in a new file
    Begin(LedgerBegin),
    /// Verify a ledger, and print its head, to be kept elsewhere
    Verify(LedgerLook),
    /// Verify a ledger, and print what is in it
    Show(LedgerLook),
    /// Print what one subject consented to, and withdrew
    Consents(LedgerConsents),
    /// Make good in restored databases what ledgers say: erase and withdraw again
    Replay(LedgerReplay),
}

#[derive(Debug, Args)]
pub(crate) struct LedgerBegin {
    /// The file to make
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct LedgerLook {
    /// The ledger
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// A head that was kept elsewhere: nothing up to it was cut off or changed
    #[arg(long, value_name = "N.HASH")]
    pub(crate) head: Option<LedgerHead>,
    /// Read a damaged ledger: the lines that verify by themselves. What is missing is named
    #[arg(long)]
    pub(crate) damaged: bool,
    #[command(flatten)]
    pub(crate) by: VerifiedBy,
}

#[derive(Debug, Args)]
pub(crate) struct LedgerConsents {
    #[command(flatten)]
    pub(crate) subject: Subject,
    /// The ledger
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: PathBuf,
    /// A head that was kept elsewhere: nothing up to it was cut off or changed
    #[arg(long, value_name = "N.HASH")]
    pub(crate) head: Option<LedgerHead>,
    #[command(flatten)]
    pub(crate) claims: Claims,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
#[command(mut_arg("standalone", |arg| arg.hide(true)))]
pub(crate) struct LedgerReplay {
    /// The ledgers
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// A head that was kept elsewhere, of whichever ledger; may be given again
    #[arg(long = "head", value_name = "N.HASH")]
    pub(crate) heads: Vec<LedgerHead>,
    /// The classes as the application declares them, in JSON: needed where the ledgers tell of
    /// withdrawals
    #[arg(long, value_name = "FILE")]
    pub(crate) classes: Option<PathBuf>,
    /// Say what would be changed, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Play back what verifies of damaged ledgers. What is missing is named, and is not made good
    #[arg(long)]
    pub(crate) damaged: bool,
    #[command(flatten)]
    pub(crate) claims: Claims,
    #[command(flatten)]
    pub(crate) stores: Stores,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

/// A moment, with its offset from UTC, as an argument.
pub(crate) fn moment(text: &str) -> Result<u64, String> {
    let refused = || {
        "a time is written with its offset, as 2026-11-22T00:21:24Z, and is after 1970".to_owned()
    };
    let at = Timestamp::from_str(text).map_err(|_| refused())?;
    u64::try_from(at.as_second()).map_err(|_| refused())
}

//! The command line of what is done to stored key envelopes.

use clap::{Args, Subcommand};
use fieldseal::keyring::KeyId;

use super::Stores;
use super::subjects::ClassesFile;
use crate::args::ring::key_id;
use crate::args::{Confirmed, Unlocking};

#[derive(Debug, Args)]
pub(crate) struct Census {
    #[command(flatten)]
    pub(crate) stores: Stores,
}

#[derive(Debug, Args)]
pub(crate) struct Retire {
    /// The id of the key, as `ring list` prints it
    #[arg(value_name = "KEY", value_parser = key_id)]
    pub(crate) id: KeyId,
    #[command(flatten)]
    pub(crate) confirmed: Confirmed,
    #[command(flatten)]
    pub(crate) stores: Stores,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Args)]
pub(crate) struct Rewrap {
    #[command(flatten)]
    pub(crate) classes: ClassesFile,
    /// The roles that the standalone envelopes were sealed for
    #[arg(long, value_name = "ROLE", value_delimiter = ',', default_value = "app")]
    pub(crate) readers: Vec<String>,
    #[command(flatten)]
    pub(crate) stores: Stores,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Make the tables that are not there: of envelopes, and of what is to be resealed
    Migrate(Migrate),
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    pub(crate) url: super::StoreUrl,
    /// Make the file of a SQLite database that is not there
    #[arg(long)]
    pub(crate) create: bool,
    /// Make the queue of what is to be resealed only: the envelopes are in a column of the application's
    #[arg(long)]
    pub(crate) inline_only: bool,
}

//! The command line `fieldseal`: the life of key rings, a look into what is sealed, and sealing and
//! opening by hand.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod exit;
mod files;
mod harden;
mod output;
mod secrets;
mod session;
#[cfg(feature = "stores")]
mod stores;
mod times;

use std::process::ExitCode;

use crate::output::Output;

fn main() -> ExitCode {
    // Before anything secret is read.
    let hardened = harden::forbid_dumps();
    let cli = match args::parse() {
        Ok(cli) => cli,
        Err(failure) => {
            Output::new(false).failure(&failure);
            return failure.exit.into();
        }
    };
    let output = Output::new(cli.common.json);
    match hardened.and_then(|()| commands::run(&cli, &output)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

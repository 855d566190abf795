//! What the commands do.

mod completions;
mod inspect;
#[cfg(feature = "stores")]
mod life;
mod ring;
mod sealing;

use crate::args::{Cli, Command};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::session::Session;

/// Runs the command.
pub(crate) fn run(cli: &Cli, output: &Output) -> Result<Exit, Failure> {
    let session = Session { common: &cli.common, output };
    match &cli.command {
        Command::Ring(command) => return ring::run(command, &session),
        Command::Inspect(inspect) => inspect::run(inspect, &session),
        Command::Seal(seal) => sealing::seal(seal, &session),
        Command::Open(open) => sealing::open(open, &session),
        #[cfg(feature = "stores")]
        Command::Stores(command) => return life::run(command, &session),
        Command::Completions(completions) => completions::run(completions, output),
    }
    .map(|()| Exit::Done)
}

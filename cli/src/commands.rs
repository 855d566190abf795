//! What the commands do.

mod completions;
mod inspect;
#[cfg(feature = "stores")]
mod life;
mod ring;
mod sealing;

#[cfg(feature = "stores")]
use crate::args::life::StoreCommand;
#[cfg(feature = "stores")]
use crate::args::subjects::{LedgerCommand, ReceiptCommand};
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
        Command::Census(census) => return life::census::run(census, &session),
        #[cfg(feature = "stores")]
        Command::Rewrap(rewrap) => return life::rewrap::run(rewrap, &session),
        #[cfg(feature = "stores")]
        Command::Retire(retire) => life::retire::run(retire, &session),
        #[cfg(feature = "stores")]
        Command::Erase(erase) => life::erase::run(erase, &session),
        #[cfg(feature = "stores")]
        Command::Withdraw(withdraw) => life::consent::withdraw(withdraw, &session),
        #[cfg(feature = "stores")]
        Command::Grant(grant) => life::consent::grant(grant, &session),
        #[cfg(feature = "stores")]
        Command::Sweep(sweep) => return life::sweep::run(sweep, &session),
        #[cfg(feature = "stores")]
        Command::Receipt(ReceiptCommand::Verify(verify)) => life::receipt::verify(verify, &session),
        #[cfg(feature = "stores")]
        Command::Ledger(LedgerCommand::Begin(begin)) => life::ledger::begin(begin, &session),
        #[cfg(feature = "stores")]
        Command::Ledger(LedgerCommand::Verify(verify)) => {
            return life::ledger::verify(verify, &session);
        }
        #[cfg(feature = "stores")]
        Command::Ledger(LedgerCommand::Show(show)) => {
            return life::ledger::show(show, &session);
        }
        #[cfg(feature = "stores")]
        Command::Ledger(LedgerCommand::Consents(asked)) => {
            return life::ledger::consents(asked, &session);
        }
        #[cfg(feature = "stores")]
        Command::Ledger(LedgerCommand::Replay(replay)) => {
            return life::replay::run(replay, &session);
        }
        #[cfg(feature = "stores")]
        Command::Store(StoreCommand::Migrate(migrate)) => life::migrate::run(migrate, &session),
        Command::Completions(completions) => completions::run(completions, output),
    }
    .map(|()| Exit::Done)
}

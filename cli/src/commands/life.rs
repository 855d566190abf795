//! What is done to stored key envelopes, and to the keys that they need.

mod census;
mod classes;
mod consent;
mod erase;
mod head;
mod ledger;
mod migrate;
mod receipt;
mod replay;
mod retire;
mod rewrap;
mod subject;
mod sweep;
mod unopened;

use crate::args::stores::StoresCommand;
use crate::args::stores::life::StoreCommand;
use crate::args::stores::subjects::{LedgerCommand, ReceiptCommand};
use crate::exit::{Exit, Failure};
use crate::session::Session;

pub(super) fn run(command: &StoresCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        StoresCommand::Census(census) => return census::run(census, session),
        StoresCommand::Rewrap(rewrap) => return rewrap::run(rewrap, session),
        StoresCommand::Retire(retire) => retire::run(retire, session),
        StoresCommand::Erase(erase) => erase::run(erase, session),
        StoresCommand::Withdraw(withdraw) => consent::withdraw(withdraw, session),
        StoresCommand::Grant(grant) => consent::grant(grant, session),
        StoresCommand::Sweep(sweep) => return sweep::run(sweep, session),
        StoresCommand::Receipt(ReceiptCommand::Verify(verify)) => receipt::verify(verify, session),
        StoresCommand::Ledger(LedgerCommand::Begin(begin)) => ledger::begin(begin, session),
        StoresCommand::Ledger(LedgerCommand::Verify(verify)) => {
            return ledger::verify(verify, session);
        }
        StoresCommand::Ledger(LedgerCommand::Show(show)) => {
            return ledger::show(show, session);
        }
        StoresCommand::Ledger(LedgerCommand::Consents(asked)) => {
            return ledger::consents(asked, session);
        }
        StoresCommand::Ledger(LedgerCommand::Replay(replay)) => {
            return replay::run(replay, session);
        }
        StoresCommand::Store(StoreCommand::Migrate(migrate)) => migrate::run(migrate, session),
    }
    .map(|()| Exit::Done)
}

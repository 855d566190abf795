//! `fieldseal ring`: the life of a key ring.

mod check;
mod export;
mod init;
pub(super) mod keys;
mod recovery;
mod services;
mod show;
mod slots;
pub(super) mod view;

use crate::args::ring::{RingCommand, SlotCommand};
use crate::exit::{Exit, Failure};
use crate::session::Session;

pub(super) fn run(command: &RingCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        RingCommand::Init(asked) => init::run(asked, session),
        RingCommand::List(asked) => show::list(asked, session),
        RingCommand::Show(asked) => show::show(asked, session),
        RingCommand::Rotate(asked) => keys::rotate(asked, session),
        RingCommand::State(asked) => keys::state(asked, session),
        RingCommand::AddRole(asked) => keys::add_role(asked, session),
        RingCommand::AddKey(asked) => keys::add_key(asked, session),
        RingCommand::VerifyingKey(asked) => show::verifying_key(asked, session),
        RingCommand::Subset(asked) => services::subset(asked, session),
        RingCommand::Public(asked) => services::public(asked, session),
        RingCommand::Slot(SlotCommand::Add(asked)) => slots::add(asked, session),
        RingCommand::Slot(SlotCommand::Remove(asked)) => slots::remove(asked, session),
        RingCommand::Slot(SlotCommand::List) => slots::list(session),
        RingCommand::Rekey(asked) => slots::rekey(asked, session),
        RingCommand::Split(asked) => recovery::split(asked, session),
        RingCommand::Combine(asked) => recovery::combine(asked, session),
        RingCommand::Check(asked) => return check::run(asked, session),
        RingCommand::Export(asked) => export::run(asked, session),
    }
    .map(|()| Exit::Done)
}

//! `fieldseal ring list` and `fieldseal ring show`.

use fieldseal::Holds;
use serde_json::json;

use super::view::{RingView, can};
use crate::args::ring::Look;
use crate::exit::Failure;
use crate::output::alarming;
use crate::session::Session;

const UNVERIFIED: &str = "unverified: this is what the file says of itself, and anyone who can write \
                          to it could have changed it";

pub(super) fn list(asked: &Look, session: &Session<'_>) -> Result<(), Failure> {
    if asked.locked {
        let locked = session.read(asked.unlocking.floor)?;
        let ring = RingView::locked(&locked);
        session.output.talk(alarming(UNVERIFIED));
        return session.output.result(&ring.report(&session.path(), json!({})), &ring.names_text());
    }
    let document = session.open(&asked.unlocking)?;
    let ring = RingView::unlocked(&document).pinned(asked.unlocking.by.fingerprint.is_some());
    session.output.result(&ring.report(&session.path(), json!({})), &ring.names_text())
}

pub(super) fn show(asked: &Look, session: &Session<'_>) -> Result<(), Failure> {
    if asked.locked {
        let locked = session.read(asked.unlocking.floor)?;
        let ring = RingView::locked(&locked);
        let text = format!("{}\n{}", alarming(UNVERIFIED), ring.text());
        return session.output.result(&ring.report(&session.path(), json!({})), &text);
    }
    let document = session.open(&asked.unlocking)?;
    let ring = RingView::unlocked(&document).pinned(asked.unlocking.by.fingerprint.is_some());
    let mut text = format!("{}\n\n{}", document.ring().describe(), ring.text());
    let gone = ring.keys.iter().filter(|key| key.holds == Holds::NameOnly).count();
    if gone > 0 {
        text.push_str("\n\nA key that is known by name only is held elsewhere, or was destroyed.");
    }
    session
        .output
        .result(&ring.report(&session.path(), json!({ "can": can(document.ring()) })), &text)
}

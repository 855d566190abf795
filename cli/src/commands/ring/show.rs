//! `fieldseal ring list` and `fieldseal ring show`.

use fieldseal::KeyRing;
use fieldseal::keyring::{KeyMaterial, KeyState};
use serde_json::json;

use super::view::{RingView, can};
use crate::args::ring::{Look, VerifyingKey};
use crate::exit::{Exit, Failure};
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
    let gone = ring.keys.iter().filter(|key| key.holds == KeyMaterial::NameOnly).count();
    if gone > 0 {
        text.push_str("\n\nA key that is known by name only is held elsewhere, or was destroyed.");
    }
    session
        .output
        .result(&ring.report(&session.path(), json!({ "can": can(document.ring()) })), &text)
}

/// Nothing but the keys goes to standard output: that is given away.
pub(super) fn verifying_key(asked: &VerifyingKey, session: &Session<'_>) -> Result<(), Failure> {
    let document = session.open(&asked.unlocking)?;
    let ring = document.ring();
    let state = |id| ring.key(id).map_or(KeyState::Destroyed, |key| key.state());
    let mut keys = if asked.all { in_any_state(ring)? } else { ring.verifying_keys() };
    if keys.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "the ring has no key that signs, or none whose signatures still count",
            "add one: fieldseal ring add-key sign",
        ));
    }
    keys.sort_by_key(|key| state(key.id()));
    let line = |key: &fieldseal::keyring::VerifyingKey| match state(key.id()) {
        state if asked.all => format!("{key}  {}  {}", key.id(), state.as_str()),
        _ => key.to_string(),
    };
    let lines: Vec<_> = keys.iter().map(line).collect();
    let json = keys.iter().map(|key| {
        let (id, state) = (key.id().to_string(), state(key.id()).as_str());
        json!({ "id": id, "state": state, "verifying_key": key.to_string() })
    });
    let json: Vec<_> = json.collect();
    let report = json!({ "ring": session.path().display().to_string(), "verifying_keys": json });
    session.output.result(&report, &lines.join("\n"))?;
    session.output.next(
        "give it to whoever verifies, by a way that nobody can alter, and keep it with what was \
         signed: a destroyed key gives none",
    );
    Ok(())
}

/// Those of disabled and compromised keys, too: what these signed is a claim.
fn in_any_state(ring: &KeyRing) -> Result<Vec<fieldseal::keyring::VerifyingKey>, Failure> {
    let halves = ring.keys().filter_map(|key| Some((key.id(), key.public_key()?)));
    let keys = halves.map(|(id, public)| fieldseal::keyring::VerifyingKey::new(id, &public));
    Ok(keys.collect::<Result<_, _>>()?)
}

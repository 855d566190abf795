//! `fieldseal retire`.

use fieldseal::keyring::{Census as Counted, KeyId, KeyState, KeySummary, KeyUse};
use serde_json::json;

use super::census::count;
use crate::args::stores::life::Retire;
use crate::commands::ring::keys::{key_json, not_moved};
use crate::exit::{Exit, Failure};
use crate::output::printable;
use crate::secrets::confirm::confirm;
use crate::session::Session;
use crate::stores::counted as counted_as;

/// What no census of these databases can count.
const UNSEEN: &str = "a census sees the databases and columns that were named: not other ones, not backups, and not \
                      services whose rings still hold the key";

pub(in crate::commands) fn run(asked: &Retire, session: &Session<'_>) -> Result<(), Failure> {
    let id = asked.id;
    let locked = session.read(asked.unlocking.floor)?;
    let key = locked.keys().find(|key| key.id() == id).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("the ring has no key {id}"),
            "take an id that this lists: fieldseal ring list",
        )
    })?;
    check_countable(key)?;
    let (census, empty) = counted(asked, session)?;
    check_not_needed(key, &census)?;

    let opened = session.open(&asked.unlocking)?;
    let warning = format!(
        "None of the {} counted needs the {} key `{}` ({id}). Its secret will be gone for ever.\n{}Note that \
         {UNSEEN}.",
        counted_as(census.envelopes(), "envelope", "envelopes"),
        key.key_use(),
        printable(key.name()),
        match empty.as_slice() {
            [] => String::new(),
            empty => format!("No envelope is in {}.\n", printable(&empty.join(", "))),
        }
    );
    confirm(&warning, key.name(), &asked.confirmed, session.common)?;
    // Somebody may have thought about it for long.
    let census = if asked.confirmed.yes { census } else { counted(asked, session)?.0 };
    check_not_needed(key, &census)?;

    let fingerprint = asked.unlocking.by.fingerprint.as_deref();
    let (document, ()) = session
        .change_opened(&opened, fingerprint, |document| document.ring_mut().retire(id, &census))?;
    let envelopes = census.envelopes();
    let json = json!({ "key": key_json(document.ring(), id), "counted_envelopes": envelopes });
    let text = format!(
        "{}: {id} is destroyed; none of {} needed it",
        key.name(),
        counted_as(envelopes, "envelope", "envelopes")
    );
    session.changed(&document, json, &text)?;
    if !empty.is_empty() {
        session.output.warning(format_args!("no envelope is in {}", printable(&empty.join(", "))));
    }
    session.output.warning(UNSEEN);
    session.output.next(
        "give the services that held the key their new rings (fieldseal ring subset --update), and let backups that \
         need it expire",
    );
    Ok(())
}

/// Refuses a key that cannot be retired whatever is counted.
fn check_countable(key: &KeySummary) -> Result<(), Failure> {
    let (id, key_use) = (key.id(), key.key_use());
    if !matches!(key_use, KeyUse::Wrap | KeyUse::Envelope) {
        return Err(Failure::new(
            Exit::Usage,
            format!("a census counts envelopes, and those do not name the {key_use} key {id}"),
            format!(
                "when nothing made with it is needed: fieldseal ring state {id} destroyed --force-destroy"
            ),
        ));
    }
    if !key.state().may_become(KeyState::Destroyed) {
        return Err(not_moved(id, key_use, key.name(), key.state(), KeyState::Destroyed));
    }
    Ok(())
}

/// The census, and the places among those that were named where nothing is stored.
fn counted(asked: &Retire, session: &Session<'_>) -> Result<(Counted, Vec<String>), Failure> {
    let mut census = Counted::new();
    let looked_at = count(&asked.stores, &mut census, session)?;
    let missed = census.missed();
    if !missed.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "the census is not whole, so nothing shows that the key is not needed: {}",
                printable(&missed.join("; "))
            ),
            "name every database and search path that holds envelopes, by a role that sees every row; fieldseal \
             census shows what is missed",
        ));
    }
    if census.unreadable() > 0 {
        let places = census.places().filter(|place| place.unreadable > 0);
        let places: Vec<_> =
            places.map(|place| format!("{} ({})", place.place, place.unreadable)).collect();
        return Err(Failure::new(
            Exit::Malformed,
            format!(
                "{}, or cannot be read, and nobody knows which keys are needed there: {}",
                counted_as(
                    census.unreadable(),
                    "stored value is no envelope",
                    "stored values are no envelopes"
                ),
                places.join(", ")
            ),
            "repair or remove them, or name the right columns; fieldseal census shows what is where",
        ));
    }
    if census.envelopes() == 0 {
        return Err(Failure::new(
            Exit::Usage,
            "the databases that were named hold no envelope, so nothing shows that the key is not needed",
            format!(
                "name those that do; if there are none at all: fieldseal ring state {} destroyed --force-destroy",
                asked.id
            ),
        ));
    }
    let stored: Vec<_> = census.places().map(|place| place.place).collect();
    let empty = looked_at.into_iter().filter(|name| !stored.contains(name)).collect();
    Ok((census, empty))
}

fn check_not_needed(key: &KeySummary, census: &Counted) -> Result<(), Failure> {
    let id: KeyId = key.id();
    let needed = census.count(id);
    if needed == 0 {
        return Ok(());
    }
    let needs: Vec<_> = census.needs(id).iter().map(ToString::to_string).collect();
    let is_compromised = key.state() == KeyState::Compromised;
    let standalone =
        census.needs(id).iter().any(|need| need.class.as_deref() == Some("standalone"));
    let mut next = if is_compromised {
        "begin new generations (EnvelopeEdit::renew), reseal the values (SealedRecord::reseal), rewrap (EnvelopeEdit::\
         rewrap), and erase what is past its term (fieldseal sweep)"
    } else {
        "rewrap them (fieldseal rewrap, or EnvelopeEdit::rewrap in the application), and erase what is past its term \
         (fieldseal sweep)"
    }
    .to_owned();
    if standalone {
        next.push_str("; standalone envelopes by --standalone, or KeyRing::rewrap_standalone");
    }
    Err(Failure::new(
        Exit::Needed,
        format!(
            "{needed} of {} still {} the {} key {id}, `{}`: {}",
            counted_as(census.envelopes(), "envelope", "envelopes"),
            if needed == 1 { "needs" } else { "need" },
            key.key_use(),
            key.name(),
            needs.join(", ")
        ),
        format!("{next}; then run this again"),
    ))
}

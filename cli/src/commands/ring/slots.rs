//! `fieldseal ring slot add`, `remove`, `list`, and `fieldseal ring rekey`.

use fieldseal::keyring::{RingDocument, Slot, SlotId};
use serde_json::{Value, json};

use super::view::{slot_json, slots_json, slots_text};
use crate::args::ring::{NewSlot, Rekey, SlotAdd, SlotRemove};
use crate::exit::{Exit, Failure};
use crate::output::printable;
use crate::secrets::confirm::confirm;
use crate::secrets::making::Making;
use crate::session::Session;

pub(super) fn list(session: &Session<'_>) -> Result<(), Failure> {
    let locked = session.read(None)?;
    let json = json!({
        "ring": session.path().display().to_string(),
        "id": locked.id().to_string(),
        "generation": locked.generation(),
        "verified": false,
        "slots": slots_json(locked.slots()),
    });
    session.output.result(&json, &slots_text(locked.slots()))
}

pub(super) fn add(asked: &SlotAdd, session: &Session<'_>) -> Result<(), Failure> {
    let opened = session.open(&asked.unlocking)?;
    let fingerprint = asked.unlocking.by.fingerprint.as_deref();
    let (document, json, text) = add_slot(&opened, fingerprint, &asked.new, session)?;
    session.changed(&document, json, &text)?;
    if opened.slots().is_empty() {
        session.output.next(
            "the ring is protected now, but its secrets stood in the clear: rotate its keys where \
             copies of the file may be (fieldseal ring rotate)",
        );
    }
    Ok(())
}

/// Adds a slot to an opened ring: what to report of it.
pub(super) fn add_slot(
    opened: &RingDocument,
    fingerprint: Option<&str>,
    new: &NewSlot,
    session: &Session<'_>,
) -> Result<(RingDocument, Value, String), Failure> {
    let made = Making::from(new).make(session.common, session.output)?;
    let (document, id) =
        session.change_opened(opened, fingerprint, |document| made.add_to(document))?;
    let key_file = made.key_file.map(|file| file.keep().display().to_string());
    let mut text = format!("added slot {id}, {}", kind_of(&document, id));
    if let Some(file) = &key_file {
        text.push_str(&format!("\nmade {file}, which opens it: keep it apart from the ring"));
    }
    let slot = document.slots().iter().find(|slot| slot.id() == id).map(slot_json);
    Ok((document, json!({ "slot": slot, "key_file": key_file }), text))
}

pub(super) fn remove(asked: &SlotRemove, session: &Session<'_>) -> Result<(), Failure> {
    let id: SlotId = asked.id.parse()?;
    let opened = session.open(&asked.unlocking)?;
    let slot = opened.slots().iter().find(|slot| slot.id() == id).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("the ring has no slot {id}"),
            "take an id that this lists: fieldseal ring slot list",
        )
    })?;
    let described = described(slot);
    let warning = format!("Slot {described} will open the ring no longer.");
    confirm(&warning, &id.to_string(), &asked.confirmed, session.common)?;
    let fingerprint = asked.unlocking.by.fingerprint.as_deref();
    let (document, ()) =
        session.change_opened(&opened, fingerprint, |document| document.remove_slot(id))?;
    session.changed(
        &document,
        json!({ "removed": id.get() }),
        &format!("removed slot {described}"),
    )?;
    session.output.next(
        "whoever could open it may have kept an older copy: fieldseal ring rekey shuts them out of \
         what is stored from now on, and fieldseal ring rotate ends the use of the keys they saw",
    );
    Ok(())
}

pub(super) fn rekey(asked: &Rekey, session: &Session<'_>) -> Result<(), Failure> {
    let opened = session.open(&asked.unlocking)?;
    let dropped: Vec<_> = opened
        .slots()
        .iter()
        .filter(|slot| Some(slot.id()) != opened.opened_by())
        .map(described)
        .collect();
    if !dropped.is_empty() {
        let warning = format!(
            "These slots will open the ring no longer, and are to be added again: {}.",
            dropped.join("; ")
        );
        confirm(&warning, "rekey", &asked.confirmed, session.common)?;
    }
    let fingerprint = asked.unlocking.by.fingerprint.as_deref();
    let (document, dropped) = session.change_opened(&opened, fingerprint, RingDocument::rekey)?;
    let mut text = "the ring is encrypted anew".to_owned();
    for slot in &dropped {
        text.push_str(&format!("\ndropped slot {}", described(slot)));
    }
    session.changed(&document, json!({ "dropped": slots_json(&dropped) }), &text)?;
    if !dropped.is_empty() {
        session
            .output
            .next("add again what should open it: fieldseal ring slot add, fieldseal ring split");
    }
    Ok(())
}

fn described(slot: &Slot) -> String {
    format!("{}, `{}`, {}", slot.id(), printable(slot.label()), printable(&slot.kind().to_string()))
}

fn kind_of(document: &RingDocument, id: SlotId) -> String {
    let slot = document.slots().iter().find(|slot| slot.id() == id);
    slot.map(|slot| printable(&slot.kind().to_string())).unwrap_or_default()
}

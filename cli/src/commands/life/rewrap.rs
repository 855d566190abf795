//! `fieldseal rewrap`.

mod standalone;

use std::collections::BTreeMap;

use fieldseal::envelope::{EntryState, EnvelopeEdit, EnvelopeInfo, Rewrapped};
use fieldseal::keyring::{KeyId, KeyState, KeyUse};
use fieldseal::store::StoredEnvelope;
use fieldseal::{Access, AsyncKeyStore as _, Error, KeyRing};
use serde_json::json;

use super::classes;
use super::subject::{Beside, Passed, of_seen};
use crate::args::stores::life::Rewrap;
use crate::exit::{Exit, Failure};
use crate::session::Session;
use crate::stores::{Purpose, answered, on_store, open_all, wait};

/// The wrapped keys that stayed under former ring keys, by class.
#[derive(Default)]
struct Left {
    not_opened: BTreeMap<String, u64>,
    unproven: BTreeMap<String, u64>,
}

impl Left {
    fn count(&mut self, done: Rewrapped) {
        for (class, _) in done.not_lifted {
            count(&mut self.not_opened, class);
        }
        for (class, _, _) in done.unproven {
            count(&mut self.unproven, class);
        }
    }
}

pub(in crate::commands) fn run(asked: &Rewrap, session: &Session<'_>) -> Result<Exit, Failure> {
    let declared = classes::read(&asked.classes.path)?;
    let ring = session.open(&asked.unlocking)?.into_ring();
    let access = Access::new(&ring);
    let (mut left, mut beside) = (Left::default(), Beside::new());
    let readers: Vec<&str> = asked.readers.iter().map(String::as_str).collect();
    let (passed, standalone) = wait(async {
        let (mut passed, mut standalone) = (Vec::new(), Vec::new());
        for mut database in open_all(&asked.stores, Purpose::Changes, session).await? {
            beside.note(&mut database).await?;
            for place in &database.places {
                let rewrap =
                    |stored: &StoredEnvelope, edit: &mut EnvelopeEdit<'_>| -> Result<(), Error> {
                        if !names_former(&stored.envelope.inspect()?, &ring) {
                            return Ok(());
                        }
                        left.count(edit.rewrap(&declared)?);
                        Ok(())
                    };
                let pass = on_store!(database.connection, place, |store, on| {
                    store.change_all(on, access, rewrap).await
                });
                let pass = pass.map_err(|error| answered(&place.name, error))?;
                passed.push(Passed { place: place.name.clone(), pass });
            }
            for column in std::mem::take(&mut database.standalone) {
                let done =
                    standalone::rewrap(&mut database, &column, &ring, &readers, &mut left).await?;
                standalone.push(done);
            }
        }
        Ok((passed, standalone))
    })?;

    let columns = standalone.iter().map(standalone::Rewrapped::json);
    let places: Vec<_> = passed.iter().map(Passed::json).chain(columns).collect();
    let json = json!({
        "places": places,
        "not_opened": left.not_opened,
        "unproven": left.unproven,
    });
    let text = passed
        .iter()
        .map(|Passed { place, pass }| format!("{place}: {} wrapped anew", of_seen(pass)))
        .chain(standalone.iter().map(standalone::Rewrapped::text));
    // All of it is said, whatever becomes of the output.
    let said = session.output.done(&json, &text.collect::<Vec<_>>().join("\n"));
    tell(&left, &ring, session);
    let of_columns = match standalone::Rewrapped::end(&standalone, session) {
        // A rotation is not done while these name the former keys.
        Exit::Done if !(left.not_opened.is_empty() && left.unproven.is_empty()) => Exit::Partly,
        exit => exit,
    };
    let exit = match Passed::end(&passed, standalone.iter().map(|one| one.seen).sum(), session) {
        Exit::Done => of_columns,
        exit => exit,
    };
    let exit = beside.end(exit, session);
    tell_former(&ring, session);
    said.map(|()| exit)
}

/// Names the envelope keys that still verify, as a rotation alone does not end what their holders can forge.
fn tell_former(ring: &KeyRing, session: &Session<'_>) {
    let former = ring
        .keys()
        .filter(|key| key.key_use() == KeyUse::Envelope && key.state() == KeyState::OpenOnly)
        .map(|key| key.id().to_string())
        .collect::<Vec<_>>();
    if former.is_empty() {
        return;
    }
    let retire = former.iter().map(|id| format!("fieldseal retire {id}"));
    session.output.next(format_args!(
        "open-only envelope keys still verify, so that who holds one can forge readers and erasures: {}; once every \
         envelope of every database is rewrapped: {}; then give the services their new rings (fieldseal ring subset \
         --update)",
        former.join(", "),
        retire.collect::<Vec<_>>().join("; ")
    ));
}

/// Whether an envelope names a key of this ring that is not primary. The others stay byte for byte.
fn names_former(envelope: &EnvelopeInfo, ring: &KeyRing) -> bool {
    let is_former = |id: u32| {
        let key = KeyId::new(id).and_then(|id| ring.key(id));
        key.is_some_and(|key| key.state() != KeyState::Primary)
    };
    is_former(envelope.envelope_key)
        || envelope.entries.iter().any(|entry| match &entry.state {
            EntryState::Live { recipients, .. } => {
                recipients.iter().any(|recipient| is_former(recipient.key_id))
            }
            _ => false,
        })
}

fn count(of: &mut BTreeMap<String, u64>, class: String) {
    let count = of.entry(class).or_default();
    *count = count.saturating_add(1);
}

fn tell(left: &Left, ring: &KeyRing, session: &Session<'_>) {
    let list = |of: &BTreeMap<String, u64>| {
        let each = of.iter().map(|(class, count)| format!("{class} ({count})"));
        each.collect::<Vec<_>>().join(", ")
    };
    if !left.not_opened.is_empty() {
        session.output.warning(format_args!(
            "generations stayed as they were, as their class is not in the file, this ring does not open it as a \
             declared reader, or a compromised key alone does: {}",
            list(&left.not_opened)
        ));
        if ring.keys().any(|key| key.state() == KeyState::Compromised) {
            session.output.next(
                "renew and reseal what a compromised key alone opens, by a program with Access::rescue \
                 (EnvelopeEdit::renew, reseal): see SECURITY.md, section 7",
            );
        }
    }
    if !left.unproven.is_empty() {
        session.output.warning(format_args!(
            "wrapped keys stayed as they were, as nothing proves that their role may read: {}; compare with the record of \
             consents (fieldseal ledger consents), then grant anew or withdraw",
            list(&left.unproven)
        ));
    }
    session
        .output
        .next("see what still needs which key: fieldseal census; then: fieldseal retire KEY");
}

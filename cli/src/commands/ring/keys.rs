//! `fieldseal ring rotate`, `state`, `add-role` and `add-key`.

use fieldseal::keyring::{KeyId, KeyMaterial, KeyState, KeyUse, RingKey};
use fieldseal::{Error, KeyRing};
use serde_json::json;

use super::view::KeyView;
use crate::args::ring::{AddKey, AddRole, Rotate, State};
use crate::exit::{Exit, Failure};
use crate::secrets::confirm::confirm;
use crate::session::Session;

pub(super) fn rotate(asked: &Rotate, session: &Session<'_>) -> Result<(), Failure> {
    let name = asked.name.as_str();
    let (document, (former, id)) = session.change(&asked.unlocking, |document| {
        let ring = document.ring_mut();
        if !asked.here && ring.keys().any(is_elsewhere) {
            return Err(Error::value(
                "this is a service's ring, as it knows roles by name only: a key that is made here is \
                 nobody else's. Rotate in the ring it was made from, and make this one anew by `ring \
                 subset --update`; or say --here",
            ));
        }
        let key_use = asked.key_use.unwrap_or_else(|| use_of(ring, name));
        let former = ring.primary(key_use, name).map(RingKey::id);
        let id = if asked.introduce {
            ring.introduce(key_use, name)?
        } else {
            ring.rotate(key_use, name)?
        };
        if let Some(days) = asked.after {
            ring.set_rotate_after(key_use, name, (days > 0).then_some(days))?;
        }
        Ok((former, id))
    })?;
    let key_use = document.ring().key(id).map_or(KeyUse::Wrap, RingKey::key_use);
    let still = match key_use {
        KeyUse::Sign => "still verifies what it signed",
        KeyUse::Index => "still finds by the terms it made",
        _ => "opens what it wrapped",
    };
    let text = match (asked.introduce, former) {
        (true, _) => format!("{name}: {id} is introduced, open-only"),
        (false, None) => format!("{name}: {id} is the primary key now"),
        (false, Some(former)) => {
            format!("{name}: {id} is the primary key now; {former} {still}")
        }
    };
    let key = key_json(document.ring(), id);
    let json = json!({ "key": key, "former": former.map(|id| id.to_string()) });
    session.changed(&document, json, &text)?;
    let next = match (asked.introduce, key_use) {
        (true, _) => &format!(
            "give every service that holds this key its new ring (fieldseal ring subset); then: \
             fieldseal ring state {id} primary"
        ),
        (false, KeyUse::Sign) => {
            "give the services that sign or verify their new rings (fieldseal ring subset), and others \
             that verify the new key: fieldseal ring verifying-key"
        }
        (false, KeyUse::Index) => {
            "give the services that search their new rings (fieldseal ring subset) at once: what others \
             write from now on, theirs do not find (--introduce avoids that); then make the terms of \
             stored rows anew (SealedRecord::reindex)"
        }
        (false, _) => {
            "give the services that hold this key their new rings (fieldseal ring subset --update); when \
             every service has it, rewrap stored envelopes: fieldseal rewrap --classes FILE"
        }
    };
    session.output.next(next);
    Ok(())
}

/// Whether the secret of a key is in another ring.
fn is_elsewhere(key: &RingKey) -> bool {
    match key.holds() {
        KeyMaterial::NameOnly => key.state() != KeyState::Destroyed,
        // Another ring signs by it now; a former one may be an auditor's or a colleague's.
        KeyMaterial::Public => key.state() == KeyState::Primary,
        _ => false,
    }
}

/// The use of the keys of a name, where it was not said: a role, unless the name is only a use's.
fn use_of(ring: &KeyRing, name: &str) -> KeyUse {
    let role = ring.keys().any(|key| key.key_use() == KeyUse::Wrap && key.name() == name);
    let other = ring.keys().map(RingKey::key_use).find(|of| of.fixed_name() == Some(name));
    if role { KeyUse::Wrap } else { other.unwrap_or(KeyUse::Wrap) }
}

pub(super) fn state(asked: &State, session: &Session<'_>) -> Result<(), Failure> {
    let (id, state) = (asked.id, asked.state);
    let opened = session.open(&asked.unlocking)?;
    let key = opened.ring().key(id).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("the ring has no key {id}"),
            "take an id that this lists: fieldseal ring list",
        )
    })?;
    let name = key.name().to_owned();
    if !key.state().may_become(state) {
        return Err(not_moved(id, key.key_use(), &name, key.state(), state));
    }
    match state {
        KeyState::Destroyed => confirm_destroying(asked, session, key)?,
        KeyState::Compromised => {
            let warning = format!(
                "The {} key `{name}` ({id}) can only be destroyed afterward. What it alone opens is closed to every \
                 service, outside of rescue mode, until it is renewed and resealed.",
                key.key_use()
            );
            confirm(&warning, &name, &asked.confirmed, session.common)?;
        }
        _ => {}
    }
    let fingerprint = asked.unlocking.by.fingerprint.as_deref();
    let (document, ()) = session.change_opened(&opened, fingerprint, |document| {
        let ring = document.ring_mut();
        match state {
            KeyState::Destroyed => ring.force_destroy(id),
            state => ring.set_state(id, state),
        }
    })?;
    let json = json!({ "key": key_json(document.ring(), id) });
    session.changed(&document, json, &format!("{name}: {id} is {state} now"))?;
    if document.ring().primary(key.key_use(), &name).is_none() {
        session.output.next(format_args!(
            "{name} has no primary key now, so nothing is {}: \
             fieldseal ring rotate {name} --use {}",
            if key.key_use() == KeyUse::Sign { "signed" } else { "sealed for it" },
            key.key_use()
        ));
    }
    Ok(())
}

fn confirm_destroying(asked: &State, session: &Session<'_>, key: &RingKey) -> Result<(), Failure> {
    let id = asked.id;
    if !asked.force_destroy {
        return Err(Failure::new(
            Exit::Unconfirmed,
            format!(
                "nobody counted what still needs the key {id}: what only it wrapped would be lost"
            ),
            "let it be counted: fieldseal retire with the databases that hold envelopes; to destroy it all the \
             same, add --force-destroy",
        ));
    }
    let lost = match key.key_use() {
        KeyUse::Sign => {
            "No ring verifies what it signed any more, and whom its ledgers mean cannot be told"
        }
        _ => "What only it wrapped cannot be opened again",
    };
    let warning = format!(
        "The secret of the {} key `{}` ({id}) will be gone for ever. {lost}.",
        key.key_use(),
        key.name()
    );
    confirm(&warning, key.name(), &asked.confirmed, session.common)
}

pub(in crate::commands) fn not_moved(
    id: KeyId,
    key_use: KeyUse,
    name: &str,
    from: KeyState,
    to: KeyState,
) -> Failure {
    let next = match (from, to) {
        (from, to) if from == to => "it is so already: nothing is to be done".to_owned(),
        (KeyState::Primary, KeyState::Destroyed) => {
            format!("rotate it first: fieldseal ring rotate {name} --use {key_use}")
        }
        (KeyState::Destroyed, _) => {
            "a destroyed key has no secret: rotate, or restore a backup".to_owned()
        }
        (KeyState::Compromised, _) => {
            format!("it can only be destroyed; a fresh one: fieldseal ring rotate {name}")
        }
        (KeyState::Disabled, KeyState::Primary) => {
            format!("make it open-only first: fieldseal ring state {id} open-only")
        }
        _ => "see the table of moves in cli/README.md".to_owned(),
    };
    Failure::new(Exit::Usage, format!("the key {id} is {from}, and cannot become {to}"), next)
}

pub(super) fn add_role(asked: &AddRole, session: &Session<'_>) -> Result<(), Failure> {
    let name = asked.name.as_str();
    let (document, id) = session.change(&asked.unlocking, |document| {
        let ring = document.ring_mut();
        let id = if asked.key_pair { ring.add_key_pair_role(name)? } else { ring.add_role(name)? };
        if asked.rotate_after.is_some() {
            ring.set_rotate_after(KeyUse::Wrap, name, asked.rotate_after)?;
        }
        Ok(id)
    })?;
    let json = json!({ "key": key_json(document.ring(), id) });
    session.changed(&document, json, &format!("{name}: {id} is the primary key now"))?;
    let grant = if asked.key_pair { "--writer" } else { "--role" };
    session.output.next(format_args!(
        "name the role in a Class, and give a service its ring: \
         fieldseal ring subset {grant} {name} -o FILE"
    ));
    Ok(())
}

pub(super) fn add_key(asked: &AddKey, session: &Session<'_>) -> Result<(), Failure> {
    let key_use = asked.key_use;
    let (document, id) = session.change(&asked.unlocking, |document| match key_use {
        KeyUse::Index => document.ring_mut().add_index_key(),
        KeyUse::Sign => document.ring_mut().add_signing_key(),
        _ => document.ring_mut().add_pseudonym_key(),
    })?;
    let json = json!({ "key": key_json(document.ring(), id) });
    session.changed(&document, json, &format!("{key_use}: {id} is the primary key now"))?;
    let grant = match key_use {
        KeyUse::Sign => {
            session.output.next(
                "give who verifies the key: fieldseal ring verifying-key; and a service that signs \
                 its ring: fieldseal ring subset --sign -o FILE",
            );
            return Ok(());
        }
        KeyUse::Index => "--index TENANT/RECORD/INDEX",
        _ => "--pseudonyms TENANT/PURPOSE",
    };
    session.output.next(format_args!(
        "give a service what it may use of it: fieldseal ring subset {grant} -o FILE"
    ));
    Ok(())
}

pub(in crate::commands) fn key_json(ring: &KeyRing, id: KeyId) -> serde_json::Value {
    ring.key(id).map_or(serde_json::Value::Null, |key| KeyView::of(key).json())
}

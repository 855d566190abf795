//! `fieldseal ring subset` and `fieldseal ring public`: rings for services.

use std::collections::BTreeSet;

use fieldseal::keyring::{Capabilities, KeyMaterial, KeyState, RingDocument, RingKey, Scope};
use fieldseal::{Error, KeyRing};

use super::view::made_json;
use crate::args::ring::{Public, Subset};
use crate::exit::{Exit, Failure};
use crate::files;
use crate::secrets::making::{KeyFile, Making};
use crate::session::Session;

pub(super) fn subset(asked: &Subset, session: &Session<'_>) -> Result<(), Failure> {
    let mut reach = Capabilities::new();
    for role in &asked.roles {
        reach = reach.role(role);
    }
    for role in &asked.writers {
        reach = reach.writer(role);
    }
    for (tenant, record, index) in &asked.indexes {
        reach = reach.index(tenant, record, index);
    }
    for (tenant, purpose) in &asked.purposes {
        reach = reach.pseudonyms(tenant, purpose);
    }
    if asked.sign {
        reach = reach.signs();
    }
    let named = [asked.roles.len(), asked.writers.len(), asked.indexes.len(), asked.purposes.len()];
    if named == [0; 4] && !asked.sign {
        return Err(Failure::new(
            Exit::Usage,
            "a service that reaches nothing needs no ring",
            "say what it needs: --role, --writer, --index, --pseudonyms, --sign",
        ));
    }
    if asked.update {
        return update(asked, &reach, session);
    }
    files::check_absent(&asked.output).map_err(|mut failure| {
        failure.next.push_str("; a service's ring is made anew by --update");
        failure
    })?;
    let ring = session.open(&asked.unlocking)?.into_ring();
    let mut document = RingDocument::new(ring.subset_with(&reach)?.into_ring())?;
    let made = Making::from(&asked.new).make(session.common, session.output)?;
    made.add_to(&mut document)?;
    session.file_at(&asked.output).create(&mut document)?;
    let key_file = made.key_file.map(KeyFile::keep);

    let mut text = format!("made {}", asked.output.display());
    if let Some(file) = &key_file {
        text.push_str(&format!(" and {}", file.display()));
    }
    text.push_str(&format!("\n{}", document.ring().describe()));
    let json = made_json(&document, &asked.output, key_file.as_deref(), None);
    session.output.done(&json, &text)?;
    session.output.next(
        "give the service this ring and what unlocks it, by two ways; after a rotation, make it anew \
         by the same with --update",
    );
    Ok(())
}

/// Puts what the service is to reach now in the place of its ring: the next generation of the same
/// document, which a running service takes.
fn update(asked: &Subset, reach: &Capabilities<'_>, session: &Session<'_>) -> Result<(), Failure> {
    let admin = session.open(&asked.unlocking)?;
    let ring = admin.ring().subset_with(reach)?.into_ring();
    let made = Making::from(&asked.new).make(session.common, session.output)?;
    let mut lost = Vec::new();
    let change = |document: &mut RingDocument| {
        if document.id() == admin.id() {
            return Err(Error::value("this is the ring itself, and not a service's made from it"));
        }
        // A key that is destroyed here leaves the service's ring too: its secret is not lost, but meant to go.
        let known = |key: &RingKey| {
            let own = admin.ring().key(key.id());
            own.is_some_and(|own| opens(own) || own.state() == KeyState::Destroyed)
        };
        if document.ring().keys().any(|key| opens(key) && !known(key)) {
            return Err(Error::value(
                "the service's ring holds a key that this one has not got, and that would be lost: \
                 was it rotated there, or made from another ring?",
            ));
        }
        if document.ring().keys().any(|key| admin.ring().key(key.id()).is_none()) {
            return Err(Error::value(
                "the service's ring knows a key that this one does not: is this an older copy, or another ring?",
            ));
        }
        lost = lost_powers(document.ring(), &ring);
        if !lost.is_empty() && !asked.confirmed.yes {
            return Err(Error::value("the service would lose a part of its reach"));
        }
        document.replace_ring(ring).map(drop)
    };
    let file = session.file_at(&asked.output);
    let changed = file.update_with(|locked| made.unlock(locked), change);
    let (document, ()) = match changed {
        Err(_) if !lost.is_empty() && !asked.confirmed.yes => {
            return Err(Failure::new(
                Exit::Unconfirmed,
                format!("the service would not reach any more: {}", lost.join(", ")),
                "nothing was changed: name with --update everything that the service is to reach; if less is meant, add \
                 --yes",
            ));
        }
        changed => changed?,
    };

    let (path, generation) = (asked.output.display(), document.generation());
    let text = format!("made {path} anew, generation {generation}\n{}", document.ring().describe());
    session.output.done(&made_json(&document, &asked.output, None, None), &text)?;
    session.output.next("a service that runs takes it when it looks (SharedRing::refresh)");
    Ok(())
}

/// What a service did by its ring, and would not do by the other one. A key that is disabled, compromised or destroyed
/// was closed on purpose.
fn lost_powers(former: &KeyRing, ring: &KeyRing) -> Vec<String> {
    let is_used = |key: &&RingKey| matches!(key.state(), KeyState::Primary | KeyState::OpenOnly);
    let has = |wanted: &RingKey, scope: Option<&Scope>| {
        ring.keys().filter(is_used).any(|key| {
            (key.key_use(), key.name()) == (wanted.key_use(), wanted.name())
                && (opens(key)
                    || (key.holds() == wanted.holds()
                        && scope.is_none_or(|scope| key.scopes().any(|other| other == scope))))
        })
    };
    let mut lost = BTreeSet::new();
    for key in former.keys().filter(is_used).filter(|key| key.holds() != KeyMaterial::NameOnly) {
        let name = format!("{} `{}`", key.key_use(), key.name());
        if key.scopes().next().is_none() && !has(key, None) {
            lost.insert(name);
        } else if key.scopes().any(|scope| !has(key, Some(scope))) {
            lost.insert(format!("{name} (some of its indexes or purposes)"));
        }
    }
    lost.into_iter().collect()
}

fn opens(key: &RingKey) -> bool {
    matches!(key.holds(), KeyMaterial::Secret | KeyMaterial::KeyPair)
}

pub(super) fn public(asked: &Public, session: &Session<'_>) -> Result<(), Failure> {
    files::check_absent(&asked.output)?;
    let ring = session.open(&asked.unlocking)?.into_ring();
    let mut writers: Vec<&str> = asked.writers.iter().map(String::as_str).collect();
    if writers.is_empty() {
        writers = ring.keys().filter(|key| is_writer(key)).map(RingKey::name).collect();
    }
    if writers.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "the ring has no key-pair role, so nothing seals without opening",
            "add one: fieldseal ring add-role NAME --key-pair",
        ));
    }
    let reach = writers.into_iter().fold(Capabilities::new(), Capabilities::writer);
    let mut document = RingDocument::new(ring.subset_with(&reach)?.into_ring())?;
    let fingerprint = session.file_at(&asked.output).create_unprotected(&mut document)?;

    let path = asked.output.display();
    let text = format!("made {path}\n{}\nfingerprint {fingerprint}", document.ring().describe());
    let json = made_json(&document, &asked.output, None, Some(fingerprint));
    session.output.done(&json, &text)?;
    session.output.warning(
        "it opens nothing, but it is not for everyone: whoever has it can make values that the \
         readers accept",
    );
    session.output.next(format_args!(
        "pin it where it is used, since a swapped key would redirect what is sealed: \
         --ring {path} --fingerprint {fingerprint}"
    ));
    Ok(())
}

fn is_writer(key: &RingKey) -> bool {
    key.state() == KeyState::Primary
        && matches!(key.holds(), KeyMaterial::KeyPair | KeyMaterial::WriterHalf)
}

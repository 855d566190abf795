//! `fieldseal withdraw` and `fieldseal grant`.

use std::cell::Cell;

use fieldseal::envelope::{EntryState, EnvelopeEdit, History};
use fieldseal::keyring::{KeyId, KeyUse};
use fieldseal::{Access, AsyncKeyStore as _, Class, Error, KeyEnvelope, KeyRing};
use serde_json::json;

use super::classes;
use super::head::Kept;
use super::subject::{Named, access, check_signs, ledger_at};
use crate::args::Confirmed;
use crate::args::stores::Store;
use crate::args::stores::subjects::{ClassAndRole, Grant, HistorySaid, Subject, Withdraw};
use crate::exit::{Exit, Failure};
use crate::output::printable;
use crate::secrets::confirm::confirm;
use crate::session::Session;
use crate::stores::{Database, OfOne, answered, commit, on_store, wait};

/// What became of an envelope.
struct Changed {
    store: String,
    version: u64,
    changed: bool,
    reseal: Vec<(String, u16)>,
}

pub(in crate::commands) fn withdraw(
    asked: &Withdraw,
    session: &Session<'_>,
) -> Result<(), Failure> {
    let subject = Named::of(&asked.subject, asked.store.inline.as_ref())?;
    let declared = classes::read_one(&asked.of.classes.path, &asked.of.class)?;
    let class = declared.class();
    let ledger = ledger_at(&asked.account.ledger, session)?;
    let ring = session.open(&asked.unlocking)?.into_ring();
    check_signs(&ring)?;
    let mut access = access(&ring, &asked.subject.tenant, &asked.account, &ledger);
    if let Some(source) = &asked.source {
        access = access.source(source);
    }
    if let Some(notice) = &asked.notice {
        access = access.notice(notice);
    }
    let role = asked.of.role.as_str();
    let withdraw = |edit: &mut EnvelopeEdit<'_>| edit.withdraw(class, role);
    let had = Cell::new(true);
    let check = |stored: &KeyEnvelope| {
        had.set(reads(stored, &class, &ring, role)?);
        let losing = left_out(stored, &class, &ring, role)?;
        check_left_out(&losing, &class, "withdraw", &asked.confirmed, session)
    };
    let head = Kept::check(&asked.account, &ledger, &ring, session)?;
    let changed = change(&asked.store, &asked.subject, &subject, access, session, check, withdraw);
    let head = head.keep();
    let changed = changed?;
    let text = if had.get() {
        format!("{role} has no key of class {} of {} any more", class.name(), subject.shown())
    } else {
        format!(
            "{role} had no key of class {} of {}: the ledger tells of the withdrawal all the same",
            class.name(),
            subject.shown()
        )
    };
    report(&asked.of, &class, &changed, &text, session).and(head)
}

pub(in crate::commands) fn grant(asked: &Grant, session: &Session<'_>) -> Result<(), Failure> {
    let subject = Named::of(&asked.subject, asked.store.inline.as_ref())?;
    let declared = classes::read_one(&asked.of.classes.path, &asked.of.class)?;
    let class = declared.class();
    check_needs_consent(&class, &asked.of.role)?;
    let ledger = ledger_at(&asked.account.ledger, session)?;
    let ring = session.open(&asked.unlocking)?.into_ring();
    check_signs(&ring)?;
    let access = access(&ring, &asked.subject.tenant, &asked.account, &ledger)
        .source(&asked.source)
        .notice(&asked.notice);
    let role = asked.of.role.as_str();
    let history = match asked.history {
        HistorySaid::Included => History::Included,
        HistorySaid::Excluded => History::Excluded,
    };
    let grant = |edit: &mut EnvelopeEdit<'_>| edit.grant(class, role, history);
    let check = |stored: &KeyEnvelope| {
        let losing = left_out(stored, &class, &ring, role)?;
        match asked.history {
            HistorySaid::Excluded => {
                check_left_out(&losing, &class, "grant", &asked.confirmed, session)
            }
            // No generation begins, so nobody loses it yet.
            HistorySaid::Included => {
                if let Some(why) = told_left_out(&losing, &class) {
                    session.output.warning(format_args!("{why} with the next generation"));
                }
                Ok(())
            }
        }
    };
    let head = Kept::check(&asked.account, &ledger, &ring, session)?;
    let changed = change(&asked.store, &asked.subject, &subject, access, session, check, grant);
    let head = head.keep();
    let changed = changed?;
    let covers = match asked.history {
        HistorySaid::Included => "what was sealed before too",
        HistorySaid::Excluded => "what is sealed from now on, and what is resealed",
    };
    let text = format!("{role} opens class {} of {}: {covers}", class.name(), subject.shown());
    report(&asked.of, &class, &changed, &text, session).and(head)
}

/// Refuses to record a consent where none is needed.
fn check_needs_consent(class: &Class, role: &str) -> Result<(), Failure> {
    if !class.reader_roles().contains(&role) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        format!("`{role}` reads it by declaration: there is no consent to record"),
        match class.consent_roles() {
            [] => format!("class {} has no readers with consent", class.name()),
            roles => format!("with consent it is read by {}", roles.join(", ")),
        },
    ))
}

/// Whether a live generation of the class is wrapped for the role.
fn reads(stored: &KeyEnvelope, class: &Class, ring: &KeyRing, role: &str) -> Result<bool, Failure> {
    let info = stored.inspect()?;
    let of_class = info.entries.iter().filter(|entry| entry.class == class.name());
    let recipients = of_class.flat_map(|entry| match &entry.state {
        EntryState::Live { recipients, .. } => recipients.as_slice(),
        _ => &[],
    });
    let keys = recipients.filter_map(|one| ring.key(KeyId::new(one.key_id)?));
    Ok(keys.into_iter().any(|key| key.key_use() == KeyUse::Wrap && key.name() == role))
}

/// The roles that the newest generation is wrapped for, and that the file of declarations leaves out: the
/// next generation is not wrapped for them. One that is withdrawn is to lose it.
fn left_out(
    stored: &KeyEnvelope,
    class: &Class,
    ring: &KeyRing,
    but: &str,
) -> Result<Vec<String>, Failure> {
    let info = stored.inspect()?;
    let of_class = info.entries.iter().filter(|entry| entry.class == class.name());
    let mut roles: Vec<String> = Vec::new();
    if let Some(EntryState::Live { recipients, .. }) =
        of_class.max_by_key(|entry| entry.generation).map(|entry| &entry.state)
    {
        for recipient in recipients {
            let key = KeyId::new(recipient.key_id).and_then(|id| ring.key(id));
            let Some(key) = key.filter(|key| key.key_use() == KeyUse::Wrap) else { continue };
            let role = key.name();
            let is_declared =
                class.reader_roles().contains(&role) || class.consent_roles().contains(&role);
            if !is_declared && role != but && !roles.iter().any(|other| other == role) {
                roles.push(role.to_owned());
            }
        }
    }
    Ok(roles)
}

fn told_left_out(losing: &[String], class: &Class) -> Option<String> {
    if losing.is_empty() {
        return None;
    }
    let roles = losing.iter().map(|role| format!("`{}`", printable(role)));
    Some(format!(
        "the file declares no reader {} of class {}, which opens it now: it would lose the class",
        roles.collect::<Vec<_>>().join(", "),
        class.name()
    ))
}

/// Asks where a role would lose the class that nobody spoke of.
fn check_left_out(
    losing: &[String],
    class: &Class,
    word: &str,
    confirmed: &Confirmed,
    session: &Session<'_>,
) -> Result<(), Failure> {
    let Some(why) = told_left_out(losing, class) else { return Ok(()) };
    if confirmed.yes {
        session.output.warning(&why);
        return Ok(());
    }
    confirm(&why, word, confirmed, session.common).map_err(|failure| Failure {
        error: format!("{}: {why}", failure.error),
        next: "nothing was changed; let the application write the file anew, or, if it is meant, add --yes"
            .to_owned(),
        ..failure
    })
}

fn change(
    store: &Store,
    of: &Subject,
    subject: &Named,
    access: Access<'_>,
    session: &Session<'_>,
    check: impl Fn(&KeyEnvelope) -> Result<(), Failure>,
    mut change: impl FnMut(&mut EnvelopeEdit<'_>) -> Result<(), Error> + Send,
) -> Result<Changed, Failure> {
    let (mut is_changed, mut reseal) = (false, Vec::new());
    let (name, version) = wait(async {
        let (mut database, place) = Database::open_one(store, &of.tenant, session).await?;
        let stored = on_store!(database.connection, place, |store, on| {
            store.load(on, &of.tenant, &subject.id).await
        });
        if let Some(stored) = stored.map_err(|error| answered(&database.name, error))? {
            check(&stored)?;
        }
        let noted = |edit: &mut EnvelopeEdit<'_>| {
            change(edit)?;
            is_changed = edit.is_changed();
            reseal = edit.to_reseal().to_vec();
            Ok(())
        };
        let name = database.name.clone();
        let committed = on_store!(database.connection, place, |store, on| {
            let change = async |on: &mut _| {
                let changed = store.change(on, access, &subject.id, noted).await;
                changed.map_err(|error| answered(&name, error))
            };
            commit(&name, on, change).await
        })?;
        let envelope = &committed.made;
        let of = OfOne { store, tenant: &of.tenant, subject: &subject.id, session };
        committed.look(database, &of, envelope, "the change").await?;
        Ok((name, envelope.version()?))
    })?;
    Ok(Changed { store: name, version, changed: is_changed, reseal })
}

fn report(
    of: &ClassAndRole,
    class: &Class,
    changed: &Changed,
    text: &str,
    session: &Session<'_>,
) -> Result<(), Failure> {
    let reseal = changed.reseal.iter().find(|(name, _)| name == class.name());
    let json = json!({
        "store": changed.store,
        "class": of.class,
        "role": of.role,
        "changed": changed.changed,
        "version": changed.version,
        "reseal_under": reseal.map(|(_, generation)| generation),
    });
    session.output.done(&json, text)?;
    if reseal.is_some() {
        session.output.next(
            "what was sealed before stays readable to who kept the old envelope: it is queued to be resealed, which \
             the application does (KeyStore::reseal_queue, SealedRecord::reseal)",
        );
    }
    Ok(())
}

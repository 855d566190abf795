//! `fieldseal withdraw` and `fieldseal grant`.

use fieldseal::{Access, AsyncKeyStore as _, Class, EnvelopeEdit, Error, History};
use serde_json::json;

use super::classes;
use super::subject::{Named, access, check_signs, ledger_at};
use crate::args::stores::Store;
use crate::args::subjects::{ClassAndRole, Grant, HistorySaid, Subject, Withdraw};
use crate::exit::Failure;
use crate::session::Session;
use crate::stores::{Database, answered, on_store, wait};

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
    let class = classes::read_one(&asked.of.classes.path, &asked.of.class)?;
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
    let withdraw = |edit: &mut EnvelopeEdit<'_>| edit.withdraw(&class, role);
    let changed = change(&asked.store, &asked.subject, &subject, access, session, withdraw)?;
    let text = if changed.changed {
        format!("{role} has no key of class {} of {} any more", class.name(), subject.shown())
    } else {
        format!(
            "{role} had no key of class {} of {}: nothing was stored, and the ledger tells of the withdrawal",
            class.name(),
            subject.shown()
        )
    };
    report(&asked.of, &class, &changed, &text, session)
}

pub(in crate::commands) fn grant(asked: &Grant, session: &Session<'_>) -> Result<(), Failure> {
    let subject = Named::of(&asked.subject, asked.store.inline.as_ref())?;
    let class = classes::read_one(&asked.of.classes.path, &asked.of.class)?;
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
    let grant = |edit: &mut EnvelopeEdit<'_>| edit.grant(&class, role, history);
    let changed = change(&asked.store, &asked.subject, &subject, access, session, grant)?;
    let covers = match asked.history {
        HistorySaid::Included => "what was sealed before too",
        HistorySaid::Excluded => "what is sealed from now on, and what is resealed",
    };
    let text = format!("{role} opens class {} of {}: {covers}", class.name(), subject.shown());
    report(&asked.of, &class, &changed, &text, session)
}

fn change(
    store: &Store,
    of: &Subject,
    subject: &Named,
    access: Access<'_>,
    session: &Session<'_>,
    mut change: impl FnMut(&mut EnvelopeEdit<'_>) -> Result<(), Error> + Send,
) -> Result<Changed, Failure> {
    let (mut is_changed, mut reseal) = (false, Vec::new());
    let (store, version) = wait(async {
        let (mut database, place) = Database::open_one(store, &of.tenant, session).await?;
        let noted = |edit: &mut EnvelopeEdit<'_>| {
            change(edit)?;
            is_changed = edit.is_changed();
            reseal = edit.to_reseal().to_vec();
            Ok(())
        };
        let envelope = on_store!(database.connection, place, |store, on| {
            store.change(on, access, &subject.id, noted).await
        });
        let envelope = envelope.map_err(|error| answered(&database.name, error))?;
        Ok((database.name, envelope.version()?))
    })?;
    Ok(Changed { store, version, changed: is_changed, reseal })
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
    session.output.result(&json, text)?;
    if reseal.is_some() {
        session.output.next(
            "what was sealed before stays readable to who kept the old envelope: it is queued to be resealed, which \
             the application does (KeyStore::reseal_queue, SealedRecord::reseal)",
        );
    }
    Ok(())
}

//! `fieldseal ledger replay`.

use fieldseal::ledger::{Ledger, LedgerHead, Replay};
use fieldseal::store::PassReport;
use fieldseal::{Access, AsyncKeyStore, Error, ErrorKind};
use serde_json::json;

use super::classes;
use super::ledger::{Claimed, damaged, doubtful, id, read_damaged, tell_claims, tell_torn};
use super::receipt::{HIDES, not_verified};
use super::subject::{Beside, Passed, ledger_at, of_seen};
use crate::args::stores::subjects::LedgerReplay;
use crate::exit::{Exit, Failure};
use crate::session::Session;
use crate::stores::counted;
use crate::stores::{Purpose, answered, on_store, open_all, wait};

/// How many envelopes are read at a time.
const PAGE: usize = 256;

pub(in crate::commands) fn run(
    asked: &LedgerReplay,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let declared = asked.classes.as_deref().map(classes::read).transpose()?.unwrap_or_default();
    let opened = session.open(&asked.unlocking)?;
    let ring = opened.ring();
    let claims = Claimed::of(&asked.claims, ring);
    let Given { ledgers, doubtful, claimed, unmet } = read(asked, ring, &claims, session)?;
    let all: Vec<&Ledger> = ledgers.iter().collect();
    let replay = Replay::new(ring, &all, &declared).map_err(|error| match error.kind() {
        ErrorKind::Declaration if asked.classes.is_none() => {
            Failure::from(error).or_next("give the declarations of the application: --classes FILE")
        }
        _ => not_verified(error),
    })?;
    let access = Access::new(ring);
    let purpose = if asked.dry_run { Purpose::Reads } else { Purpose::Changes };
    let mut beside = Beside::new();
    let passed = wait(async {
        let mut passed = Vec::new();
        for mut database in open_all(&asked.stores, purpose, session).await? {
            beside.note(&mut database).await?;
            for place in &database.places {
                let pass = on_store!(database.connection, place, |store, on| if asked.dry_run {
                    looked(&replay, &store, on, access).await
                } else {
                    replay.run_async(&store, on, access).await
                });
                let pass = pass.map_err(|error| answered(&place.name, error))?;
                passed.push(Passed { place: place.name.clone(), pass });
            }
        }
        Ok(passed)
    })?;
    // Both are said, whatever becomes of the output.
    let said = report(asked, session, &ledgers, &replay, &passed);
    let mut exit = beside.end(Passed::end(&passed, 0, session), session);
    for ((path, lines), claimed) in asked.files.iter().zip(&doubtful).zip(&claimed) {
        if tell_claims(&path.display().to_string(), claimed, session) {
            exit = Exit::Partly;
        }
        if !lines.is_empty() {
            exit = Exit::Partly;
            session.output.warning(format_args!(
                "{} is damaged: what its lines {} said was not made good: compare with receipts and requests{}",
                path.display(),
                lines.join(", "),
                claims.left_out(ring)
            ));
        }
    }
    ledgers.iter().for_each(|ledger| tell_torn(ledger, session));
    for head in &unmet {
        exit = Exit::Partly;
        session.output.warning(format_args!(
            "no ledger has line {} as it was known: one was cut off or replaced, and what is missing was not made good",
            head.number()
        ));
    }
    said.map(|()| exit)
}

/// The ledgers, verified.
#[derive(Default)]
struct Given {
    ledgers: Vec<Ledger>,
    /// The lines of each that are missing, or have no proven place.
    doubtful: Vec<Vec<String>>,
    /// The lines of each that are claims.
    claimed: Vec<Vec<String>>,
    /// The heads that none of them meets, which is so of damaged ones alone.
    unmet: Vec<LedgerHead>,
}

fn read(
    asked: &LedgerReplay,
    ring: &fieldseal::KeyRing,
    claims: &Claimed<'_>,
    session: &Session<'_>,
) -> Result<Given, Failure> {
    let keys = claims.with_those_of(ring);
    let mut heads = asked.heads.clone();
    // The last one that a ledger meets covers the most lines of it.
    heads.sort_by_key(LedgerHead::number);
    let mut unmet = heads.clone();
    let mut read = Vec::new();
    for path in &asked.files {
        let file = ledger_at(path, session)?;
        let (mut met, mut ledger): (Option<LedgerHead>, Option<_>) = (None, None);
        for head in &heads {
            let known = if asked.damaged {
                read_damaged(&file, &keys, Some(head))
            } else {
                file.read_known(&keys, head)
            };
            let is_met = match &known {
                Ok(ledger) => ledger.meets_known(),
                Err(error) => error.kind() != ErrorKind::RolledBack,
            };
            if is_met {
                unmet.retain(|other| other != head);
                ledger = Some(known);
                met = Some(*head);
            }
        }
        read.push((file, met, ledger));
    }
    let mut given = Given::default();
    for (file, met, ledger) in read {
        let ledger = ledger.unwrap_or_else(|| {
            if asked.damaged {
                // A head that nothing meets may be of this one, in which then no line has a proven place.
                read_damaged(&file, &keys, unmet.first())
            } else {
                file.read(&keys)
            }
        });
        let path = file.path().display();
        let mut ledger = ledger.map_err(|error| {
            let failure = damaged(not_verified(error));
            Failure { error: format!("{path}: {}", failure.error), ..failure }
        })?;
        if given.ledgers.iter().any(|other| other.id() == ledger.id() && *ledger.id() != [0; 16]) {
            return Err(Failure::new(
                Exit::Usage,
                format!("{path}: this ledger was given already"),
                "give each ledger once, as it is longest",
            ));
        }
        given.doubtful.push(doubtful(&ledger));
        given.claimed.push(claims.doubt(&mut ledger, met.as_ref()));
        given.ledgers.push(ledger);
    }
    match unmet.first() {
        Some(head) if !asked.damaged => Err(Failure::new(
            Exit::Conflict,
            format!(
                "no ledger has line {} as it was known: one was cut off or replaced",
                head.number()
            ),
            HIDES,
        )),
        _ => Ok(Given { unmet, ..given }),
    }
}

/// What a replay would change.
async fn looked<S: AsyncKeyStore>(
    replay: &Replay<'_>,
    store: &S,
    on: &mut S::Connection,
    access: Access<'_>,
) -> Result<PassReport, Error> {
    store.check_sees_all(on).await?;
    let (mut pass, mut last) = (PassReport::default(), None);
    pass.unnamed = store.count_unnamed(on).await?;
    loop {
        let page = store.scan(on, last.as_ref(), PAGE).await?;
        for one in &page {
            let would = || {
                let mut edit = one.envelope.edit(access.tenant(&one.tenant), &one.subject)?;
                replay.apply(&mut edit)?;
                Ok(edit.is_changed())
            };
            pass.seen = pass.seen.saturating_add(1);
            match would() {
                Ok(changed) => pass.changed = pass.changed.saturating_add(u64::from(changed)),
                Err(error) => pass.failed.push((one.tenant.clone(), one.subject.clone(), error)),
            }
        }
        match page.into_iter().next_back() {
            Some(one) => last = Some(one),
            None => return Ok(pass),
        }
    }
}

fn report(
    asked: &LedgerReplay,
    session: &Session<'_>,
    ledgers: &[Ledger],
    replay: &Replay<'_>,
    passed: &[Passed],
) -> Result<(), Failure> {
    let told: Vec<_> = asked
        .files
        .iter()
        .zip(ledgers)
        .map(|(path, ledger)| {
            json!({
                "ledger": path.display().to_string(),
                "id": id(ledger),
                "head": ledger.head().to_string(),
                "torn": ledger.is_torn(),
            })
        })
        .collect();
    let places: Vec<_> = passed.iter().map(Passed::json).collect();
    let json = json!({
        "dry_run": asked.dry_run,
        "ledgers": told,
        "subjects": replay.subjects(),
        "places": places,
    });
    let mut text =
        vec![format!("the ledgers tell of {}", counted(replay.subjects(), "subject", "subjects"))];
    for Passed { place, pass } in passed {
        text.push(if asked.dry_run {
            let seen = counted(pass.seen, "envelope", "envelopes");
            format!("{place}: {} of {seen} would be changed", pass.changed)
        } else {
            format!("{place}: {} changed", of_seen(pass))
        });
    }
    if asked.dry_run {
        session.output.result(&json, &text.join("\n"))?;
    } else {
        session.output.done(&json, &text.join("\n"))?;
    }
    if asked.heads.is_empty() {
        session.output.warning(
            "no head was given that was kept elsewhere (--head): a ledger that was cut off cannot be told from a whole \
             one",
        );
    }
    if asked.dry_run && passed.iter().any(|one| one.pass.changed > 0) {
        session.output.next("run it without --dry-run before anybody reads what was restored");
    }
    let undeclared: Vec<&str> = replay.undeclared().collect();
    if !undeclared.is_empty() {
        session.output.warning(format_args!(
            "the ledgers withdraw classes that are not declared here: {}. Their roles are taken out, and no next \
             generation is begun: give the declaration of what is still in use (--classes)",
            undeclared.join(", ")
        ));
    }
    Ok(())
}

//! `fieldseal ledger begin`, `verify`, `show` and `consents`.

use std::ops::RangeInclusive;

use fieldseal::audit::LedgerAct;
use fieldseal::keyring::VerifyingKey;
use fieldseal::ledger::{Ledger, LedgerEntry, LedgerHead};
use fieldseal::store::LedgerFile;
use fieldseal::{Access, Error, ErrorKind, KeyRing};
use serde_json::{Value, json};

use super::receipt::{not_verified, verifying_keys};
use super::subject::{Named, check_signs, ledger_at};
use crate::args::stores::subjects::{Claims, LedgerBegin, LedgerConsents, LedgerLook};
use crate::exit::{Exit, Failure};
use crate::output::{printable, table};
use crate::session::Session;
use crate::stores::counted;
use crate::{files, times};

const KEEP: &str = "keep the head elsewhere than the ledger: by it a ledger that was cut off or replaced is told \
                    (--head)";

pub(in crate::commands) fn begin(
    asked: &LedgerBegin,
    session: &Session<'_>,
) -> Result<(), Failure> {
    files::check_absent(&asked.file)?;
    let ring = session.open(&asked.unlocking)?.into_ring();
    check_signs(&ring)?;
    let file = LedgerFile::create(&asked.file, &ring)?;
    let ledger = file.read(&ring.verifying_keys())?;
    let path = asked.file.display().to_string();
    let head = ledger.head().to_string();
    let json = json!({ "ledger": path, "id": id(&ledger), "head": head });
    session.output.done(&json, &format!("made {path}, whose head is {head}"))?;
    session.output.next(
        "give it to the application (Access::ledger), and keep it where the database and its backups are not",
    );
    Ok(())
}

pub(in crate::commands) fn verify(
    asked: &LedgerLook,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let ledger = read(asked, session)?;
    let path = asked.file.display().to_string();
    let (head, entries) = (ledger.head().to_string(), ledger.entries().len());
    let json = json!({
        "ledger": path,
        "id": id(&ledger),
        "head": head,
        "entries": entries,
        "torn": ledger.is_torn(),
        "doubtful": doubtful(&ledger),
    });
    session.output.result(
        &json,
        &format!("{}: {}\nhead {head}", verified(&ledger), counted(entries, "entry", "entries")),
    )?;
    tell_torn(&ledger, session);
    let exit = tell_doubtful(&ledger, session);
    session.output.next(KEEP);
    Ok(exit)
}

pub(in crate::commands) fn show(
    asked: &LedgerLook,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let ledger = read(asked, session)?;
    let entries: Vec<_> = ledger.entries().iter().map(entry_json).collect();
    let json = json!({
        "ledger": asked.file.display().to_string(),
        "id": id(&ledger),
        "head": ledger.head().to_string(),
        "torn": ledger.is_torn(),
        "doubtful": doubtful(&ledger),
        "entries": entries,
    });
    let rows: Vec<_> = ledger
        .entries()
        .iter()
        .map(|entry| {
            [
                entry.number.to_string(),
                times::instant(entry.at),
                words(&entry.act),
                printable(&entry.tenant),
                entry.subject.to_string(),
                printable(&said(entry)),
            ]
        })
        .collect();
    let text = table(["LINE", "WHEN", "WHAT", "TENANT", "SUBJECT", "SAID"], &rows);
    session.output.result(&json, &text)?;
    tell_torn(&ledger, session);
    Ok(tell_doubtful(&ledger, session))
}

pub(in crate::commands) fn consents(
    asked: &LedgerConsents,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let subject = Named::of(&asked.subject, None)?;
    let file = ledger_at(&asked.ledger, session)?;
    let ring = session.open(&asked.unlocking)?.into_ring();
    let access = Access::new(&ring).tenant(&asked.subject.tenant);
    let claims = Claimed::of(&asked.claims, &ring);
    let (consents, claimed) = if claims.keys.is_empty() {
        (file.consents(access, &subject.id, asked.head.as_ref()), Vec::new())
    } else {
        let keys = claims.with_those_of(&ring);
        let mut ledger = match &asked.head {
            Some(head) => file.read_known(&keys, head),
            None => file.read(&keys),
        }
        .map_err(not_verified)?;
        let claimed = claims.doubt(&mut ledger, asked.head.as_ref());
        (ledger.consents(access, &subject.id), claimed)
    };
    let consents = consents.map_err(not_verified)?;
    let json: Vec<_> = consents
        .iter()
        .map(|of| {
            let history: Vec<_> = of.history.iter().map(entry_json).collect();
            json!({
                "class": of.class,
                "role": of.role,
                "given": of.given.as_ref().map(entry_json),
                "withdrawn": of.withdrawn.as_ref().map(entry_json),
                "history": history,
            })
        })
        .collect();
    let mut text = Vec::new();
    for of in &consents {
        // The evidence of a consent stays when it ends.
        let told = of.history.iter().map(|entry| {
            let what = match entry.act {
                LedgerAct::Withdraw { .. } => "withdrawn",
                _ => "given",
            };
            let said = said(entry);
            let said = if said.is_empty() { said } else { format!(" ({})", printable(&said)) };
            format!("{what} {}{said}", times::instant(entry.at))
        });
        let may = if of.given.is_some() { "may" } else { "may not" };
        text.push(format!(
            "{} {may} read {}: {}",
            of.role,
            of.class,
            told.collect::<Vec<_>>().join("; ")
        ));
    }
    if text.is_empty() {
        text.push(format!("the ledger tells of no consent of {}", subject.shown()));
    }
    let path = asked.ledger.display().to_string();
    let json = json!({ "ledger": path, "claims": claimed, "consents": json });
    session.output.result(&json, &text.join("\n"))?;
    Ok(if tell_claims(&path, &claimed, session) { Exit::Partly } else { Exit::Done })
}

/// Keys of the ring whose signatures it does not believe any more, and whose lines are read as claims.
pub(super) struct Claimed<'a> {
    keys: Vec<&'a VerifyingKey>,
}

impl<'a> Claimed<'a> {
    pub(super) fn of(asked: &'a Claims, ring: &KeyRing) -> Self {
        let believed = ring.verifying_keys();
        Self { keys: asked.keys.iter().filter(|key| !believed.contains(key)).collect() }
    }

    pub(super) fn with_those_of(&self, ring: &KeyRing) -> Vec<VerifyingKey> {
        ring.verifying_keys().into_iter().chain(self.keys.iter().copied().copied()).collect()
    }

    /// What may be had of keys that were not given: a line of a compromised key looks like a damaged one.
    pub(super) fn left_out(&self, ring: &KeyRing) -> &'static str {
        let believed = ring.verifying_keys();
        let is_known = |id| {
            self.keys.iter().any(|key| key.id() == id) || believed.iter().any(|key| key.id() == id)
        };
        if ring.keys().any(|key| key.public_key().is_some() && !is_known(key.id())) {
            "; lines that a compromised key signed are read by --verifying-key (fieldseal ring verifying-key --all)"
        } else {
            ""
        }
    }

    /// The lines that are claims.
    pub(super) fn doubt(&self, ledger: &mut Ledger, known: Option<&LedgerHead>) -> Vec<String> {
        let ids: Vec<_> = self.keys.iter().map(|key| key.id()).collect();
        spelled(&ledger.doubt_lines_by(&ids, known))
    }
}

/// Says which lines are claims. Whether there are any.
pub(super) fn tell_claims(path: &str, lines: &[String], session: &Session<'_>) -> bool {
    if !lines.is_empty() {
        session.output.warning(format_args!(
            "{path}: its lines {} are claims, signed by a key that does not count any more: the erasures and withdrawals \
             in them count; no grant counts that is in them or before the last of them",
            lines.join(", ")
        ));
    }
    !lines.is_empty()
}

/// Reads what verifies of a damaged ledger. Where no line does because its key was not given, the key is named.
pub(super) fn read_damaged(
    file: &LedgerFile,
    keys: &[VerifyingKey],
    head: Option<&LedgerHead>,
) -> Result<Ledger, Error> {
    file.read_damaged(keys, head).map_err(|error| match file.read(keys) {
        Err(whole) if whole.kind() == ErrorKind::MissingKey => whole,
        _ => error,
    })
}

fn read(asked: &LedgerLook, session: &Session<'_>) -> Result<Ledger, Failure> {
    let file = ledger_at(&asked.file, session)?;
    let keys = verifying_keys(&asked.by, session)?;
    let ledger = match &asked.head {
        _ if asked.damaged => read_damaged(&file, &keys, asked.head.as_ref()),
        Some(head) => file.read_known(&keys, head),
        None => file.read(&keys),
    };
    ledger.map_err(|error| damaged(not_verified(error)))
}

/// With the way to what is left of a damaged ledger.
pub(super) fn damaged(failure: Failure) -> Failure {
    if !matches!(failure.exit, Exit::Malformed | Exit::NotOpened) {
        return failure;
    }
    let next =
        format!("{}; what verifies before and after the damage is read by --damaged", failure.next);
    failure.or_next(next)
}

/// The lines of a damaged ledger that nobody can vouch for.
pub(super) fn doubtful(ledger: &Ledger) -> Vec<String> {
    spelled(ledger.doubtful())
}

fn spelled(lines: &[RangeInclusive<u64>]) -> Vec<String> {
    lines
        .iter()
        .map(|lines| {
            let (from, to) = (lines.start(), lines.end());
            if from == to { from.to_string() } else { format!("{from} to {to}") }
        })
        .collect()
}

/// Says what is missing, and how the run ends.
fn tell_doubtful(ledger: &Ledger, session: &Session<'_>) -> Exit {
    let doubtful = doubtful(ledger);
    if doubtful.is_empty() {
        return Exit::Done;
    }
    session.output.warning(format_args!(
        "the ledger is damaged: nothing is known of its lines {}",
        doubtful.join(", ")
    ));
    if !ledger.meets_known() {
        session
            .output
            .warning("it does not meet the head that was kept: it was cut off or replaced");
    }
    Exit::Partly
}

/// A damaged ledger is not called verified.
fn verified(ledger: &Ledger) -> &'static str {
    if ledger.doubtful().is_empty() { "verified" } else { "damaged, and verified in part" }
}

pub(super) fn tell_torn(ledger: &Ledger, session: &Session<'_>) {
    if ledger.is_torn() {
        session.output.warning(
            "the last line is not whole, and was left out: whoever wrote it was interrupted, and nothing was stored for \
             it",
        );
    }
}

pub(super) fn id(ledger: &Ledger) -> String {
    ledger.id().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn words(act: &LedgerAct) -> String {
    match act {
        LedgerAct::EraseSubject => "erased".to_owned(),
        LedgerAct::EraseClass { class, generation, .. } => {
            format!("erased {class}, to generation {generation}")
        }
        LedgerAct::Withdraw { class, role, generation: 0, .. } => {
            format!("withdrew {class} from {role}: it had no key")
        }
        LedgerAct::Withdraw { class, role, generation, .. } => {
            format!("withdrew {class} from {role}, to generation {generation}")
        }
        LedgerAct::Grant { class, role, with_history, .. } => {
            let history = if *with_history { " with history" } else { "" };
            format!("granted {class} to {role}{history}")
        }
        _ => "something that this build does not know".to_owned(),
    }
}

/// What the caller said about it.
fn said(entry: &LedgerEntry) -> String {
    let texts = [
        ("by", &entry.actor),
        ("for", &entry.purpose),
        ("from", &entry.source),
        ("notice", &entry.notice),
    ];
    let texts =
        texts.iter().filter_map(|(name, text)| text.as_ref().map(|text| format!("{name} {text}")));
    texts.collect::<Vec<_>>().join(", ")
}

fn entry_json(entry: &LedgerEntry) -> Value {
    let (act, class, role, generation, history) = match &entry.act {
        LedgerAct::EraseSubject => ("erase-subject", None, None, None, None),
        LedgerAct::EraseClass { class, generation, .. } => {
            ("erase-class", Some(class), None, Some(generation), None)
        }
        LedgerAct::Withdraw { class, role, generation, .. } => {
            ("withdraw", Some(class), Some(role), Some(generation), None)
        }
        LedgerAct::Grant { class, role, generation, with_history, .. } => {
            ("grant", Some(class), Some(role), Some(generation), Some(with_history))
        }
        _ => ("unknown", None, None, None, None),
    };
    json!({
        "number": entry.number,
        "act": act,
        "class": class,
        "role": role,
        "generation": generation,
        "history": history,
        "tenant": entry.tenant,
        "subject": entry.subject.to_string(),
        "at": entry.at,
        "actor": entry.actor,
        "purpose": entry.purpose,
        "source": entry.source,
        "notice": entry.notice,
        "key": entry.key.to_string(),
    })
}

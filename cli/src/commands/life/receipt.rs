//! `fieldseal receipt verify`, and what signatures are verified by.

use std::fmt::Write as _;
use std::path::Path;

use fieldseal::keyring::VerifyingKey;
use fieldseal::ledger::Receipt;
use fieldseal::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::args::stores::subjects::{ReceiptVerify, VerifiedBy};
use crate::exit::{Exit, Failure};
use crate::files::{self, Content};
use crate::output::printable;
use crate::session::Session;
use crate::times;

pub(in crate::commands) fn verify(
    asked: &ReceiptVerify,
    session: &Session<'_>,
) -> Result<(), Failure> {
    let bytes = match asked.file.as_path() {
        path if path == Path::new("-") => session.input(Content::Document)?,
        path => files::read(path, Content::Document)?,
    };
    let keys = verifying_keys(&asked.by, session)?;
    let receipt = Receipt::from_json(files::without_mark(&bytes), &keys).map_err(not_verified)?;
    let content: Value = serde_json::from_str(&receipt.to_string()).unwrap_or(Value::Null);
    let json = json!({ "verified_by": receipt.key().to_string(), "receipt": content });
    session.output.result(&json, &words(&receipt))
}

fn words(receipt: &Receipt) -> String {
    let subject = format!("{:?}", receipt.subject());
    let subject = subject.trim_start_matches("SubjectId(").trim_end_matches(')');
    let mut text = format!(
        "verified: signed by key {} on {}\nsubject      {}",
        receipt.key(),
        times::instant(receipt.at()),
        printable(subject)
    );
    let mut line = |name: &str, value: &str| {
        let _ = write!(text, "\n{name:12} {}", printable(value));
    };
    if !receipt.tenant().is_empty() {
        line("tenant", receipt.tenant());
    }
    match receipt.subject_erased_at() {
        Some(at) => line("erased", &format!("the whole subject, {}", times::instant(at))),
        None => line("erased", "classes"),
    }
    for one in receipt.generations() {
        let at = times::instant(one.erased_at);
        let earlier = if one.earlier { "; earlier: of old copies nothing is known" } else { "" };
        line("", &format!("{}, generation {}, {at}{earlier}", one.class, one.generation));
    }
    for column in receipt.columns() {
        line("to clear", &format!("{}.{}", column.record, column.column));
    }
    for key in receipt.keys() {
        let role = key.role.as_deref().map_or_else(String::new, |role| format!(" of {role}"));
        line("old copies", &format!("still open by ring key {}{role}", key.id));
    }
    if let Some(actor) = receipt.actor() {
        line("actor", actor);
    }
    if let Some(purpose) = receipt.purpose() {
        line("purpose", purpose);
    }
    text
}

/// The keys that were given, or else those of the ring.
pub(super) fn verifying_keys(
    by: &VerifiedBy,
    session: &Session<'_>,
) -> Result<Vec<VerifyingKey>, Failure> {
    if !by.keys.is_empty() {
        return Ok(by.keys.clone());
    }
    if session.common.ring.is_none() && !session.path().exists() {
        return Err(Failure::new(
            Exit::Usage,
            "nothing was given to verify by",
            "give the key that signatures are verified by, --verifying-key fsv1.…, or the ring: --ring PATH",
        ));
    }
    Ok(session.open(&by.unlocking)?.ring().verifying_keys())
}

/// Of a ledger that is not what it was.
pub(super) const HIDES: &str = "look for the ledger as it was when its head was kept; who cut this one, or put an \
                                older one in its place, hides what was erased or withdrawn";

/// What was signed was altered, or by another key.
pub(super) fn not_verified(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::Tampered => Failure::new(
            Exit::NotOpened,
            "the signature does not verify: it was altered, or is not of this key",
            "take the copy that was handed out first; and the key from where nobody can alter it",
        ),
        ErrorKind::MissingKey => Failure::from(error).or_next(
            "give that key by --verifying-key fsv1.…: fieldseal ring verifying-key --all prints those of a ring, \
             compromised ones too",
        ),
        ErrorKind::RolledBack => Failure::from(error).or_next(HIDES),
        _ => error.into(),
    }
}

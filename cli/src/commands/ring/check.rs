//! `fieldseal ring check`: what should be changed, as of a day.

use std::path::Path;

use fieldseal::keyring::{Floor, KeyState, KeyUse, LockedRing, SlotKind};
use serde_json::{Value, json};

use super::view::RingView;
use crate::args::ring::Check;
use crate::exit::{Exit, Failure};
use crate::output::{alarming, printable};
use crate::secrets::unlock::unlock;
use crate::session::Session;
use crate::times;

/// One thing that should be changed.
struct Finding {
    /// A stable name of the kind.
    kind: &'static str,
    /// The id of the key or slot, where it is about one.
    about: Option<String>,
    text: String,
    next: String,
}

pub(super) fn run(asked: &Check, session: &Session<'_>) -> Result<Exit, Failure> {
    let as_of = asked.date.unwrap_or_else(times::now);
    let path = session.path();
    let mut findings = Vec::new();
    check_permissions(&path, &mut findings)?;
    // What else is to be found is not hidden behind the permissions.
    let locked = read(session, asked.look.unlocking.floor)?;
    // What nothing protects need not be loaded to be found so.
    let verified = !asked.look.locked && locked.is_protected();
    if verified {
        let document = unlock(&locked, &asked.look.unlocking, session.common, session.output)?;
        check_ring(&RingView::unlocked(&document), as_of, &mut findings);
    } else {
        check_ring(&RingView::locked(&locked), as_of, &mut findings);
    }
    report(session, &findings, as_of, verified)?;
    Ok(if findings.is_empty() { Exit::Done } else { Exit::Found })
}

fn read(session: &Session<'_>, floor: Option<Floor>) -> Result<LockedRing, Failure> {
    session.check_present()?;
    Ok(session.file().any_permissions().floor(floor.unwrap_or_default()).read()?)
}

fn check_ring(ring: &RingView<'_>, as_of: u64, findings: &mut Vec<Finding>) {
    if ring.is_protected() {
        check_slots(ring, findings);
    } else {
        findings.push(Finding {
            kind: "unprotected",
            about: None,
            text: "nothing protects the ring: its secrets stand in the clear".into(),
            next: "fieldseal ring slot add --allow-unprotected; then rotate every key".into(),
        });
    }
    for key in &ring.keys {
        let (id, name) = (key.id.to_string(), key.name);
        if let Some(at) = key.rotate_at().filter(|at| *at <= as_of) {
            findings.push(Finding {
                kind: "key-due",
                about: Some(id),
                text: format!(
                    "the {} key `{name}` ({}) was to be rotated by {}",
                    key.key_use,
                    key.id,
                    times::day(at)
                ),
                next: format!("fieldseal ring rotate {name} --use {}", key.key_use),
            });
        } else if key.state == KeyState::Compromised {
            findings.push(Finding {
                kind: "compromised-key",
                about: Some(id),
                text: format!(
                    "the compromised {} key `{name}` ({}) is held still",
                    key.key_use, key.id
                ),
                next: format!(
                    "rewrap what names it, then, with the databases that hold envelopes: \
                     fieldseal retire {}",
                    key.id
                ),
            });
        } else if key.key_use == KeyUse::Envelope && key.state == KeyState::OpenOnly {
            // Whoever has it makes envelopes that this ring accepts: a rotation alone ends nothing.
            findings.push(Finding {
                kind: "open-only-envelope-key",
                about: Some(id),
                text: format!(
                    "the open-only envelope key {} still verifies: who holds it can forge readers and erasures",
                    key.id
                ),
                next: format!(
                    "after a rotation, rewrap every envelope (fieldseal rewrap), then: fieldseal retire {0}; if it is being \
                     introduced: fieldseal ring state {0} primary",
                    key.id
                ),
            });
        }
    }
}

fn check_slots(ring: &RingView<'_>, findings: &mut Vec<Finding>) {
    for slot in ring.slots {
        let (id, label) = (slot.id(), printable(slot.label()));
        if let SlotKind::Passphrase { cost, .. } = slot.kind()
            && cost.is_weak()
        {
            findings.push(Finding {
                kind: "weak-slot",
                about: Some(id.to_string()),
                text: format!("slot {id}, `{label}`, is cheaper to guess at than today's: {cost}"),
                next: format!("fieldseal ring slot add, then fieldseal ring slot remove {id}"),
            });
        }
    }
    if ring.slots.len() == 1 {
        findings.push(Finding {
            kind: "one-slot",
            about: None,
            text: "one slot opens the ring: if what opens it is lost, so is the data".into(),
            next: "fieldseal ring slot add".into(),
        });
    }
    let recovery = |kind: SlotKind<'_>| matches!(kind, SlotKind::Recovery { .. });
    if !ring.slots.iter().any(|slot| recovery(slot.kind())) {
        findings.push(Finding {
            kind: "no-recovery-slot",
            about: None,
            text: "no custodians can recover the ring".into(),
            next: "fieldseal ring split --threshold 2 --shares 3".into(),
        });
    }
}

#[cfg(unix)]
fn check_permissions(path: &Path, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;

    let mode = match path.metadata() {
        Ok(data) => data.mode() & 0o777,
        // Whoever reads it says so.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::file(path, &error)),
    };
    if mode & 0o077 != 0 {
        findings.push(Finding {
            kind: "permissions",
            about: None,
            text: format!("others than its owner can use {} (mode {mode:04o})", path.display()),
            next: format!("chmod 600 {}", path.display()),
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_permissions(_: &Path, _: &mut Vec<Finding>) -> Result<(), Failure> {
    Ok(())
}

fn report(
    session: &Session<'_>,
    findings: &[Finding],
    as_of: u64,
    verified: bool,
) -> Result<(), Failure> {
    let json: Vec<Value> = findings
        .iter()
        .map(|found| {
            json!({ "kind": found.kind, "about": found.about, "text": found.text, "next": found.next })
        })
        .collect();
    let json = json!({
        "ring": session.path().display().to_string(),
        "as_of": as_of,
        "verified": verified,
        "findings": json,
    });
    let mut text = match findings.len() {
        0 => format!("nothing found as of {}", times::day(as_of)),
        1 => alarming(&format!("1 finding as of {}", times::day(as_of))),
        count => alarming(&format!("{count} findings as of {}", times::day(as_of))),
    };
    for found in findings {
        text.push_str(&format!("\n{}\n  next: {}", found.text, found.next));
    }
    if !verified {
        session.output.talk("unverified: this is what the file says of itself");
    }
    session.output.result(&json, &text)
}

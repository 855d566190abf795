//! `fieldseal inspect`: what something is, without a key.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use fieldseal::ErrorKind;
use fieldseal::envelope::{
    EntryInfo, EntryState, EnvelopeInfo, FieldInfo, RecipientInfo, SealedInfo,
};
use fieldseal::keyring::{KeyUse, LockedRing, Share, SlotKey, VerifyingKey};
use serde_json::{Value, json};

use super::ring::view;
use crate::args::Inspect;
use crate::exit::{Exit, Failure, is_secret};
use crate::files::{self, Content};
use crate::output::{alarming, heading};
use crate::secrets::share_texts;
use crate::session::Session;
use crate::times;

/// What is known of the keys that are named by their ids: of the ring at hand, if there is one.
struct Names(BTreeMap<u32, String>);

pub(super) fn run(asked: &Inspect, session: &Session<'_>) -> Result<(), Failure> {
    let bytes = match asked.what.as_str() {
        "-" => session.input(Content::Value)?,
        text if text.starts_with("fs1.") || text.starts_with("fsv1.") => {
            text.as_bytes().to_vec().into()
        }
        text if is_secret(text) => {
            return Err(Failure::new(
                Exit::Usage,
                "a secret was given as an argument, where others can see it",
                "make a new one in its place; to inspect one, give the file that it is in",
            ));
        }
        path => files::read(Path::new(path), Content::Value)?,
    };
    if files::is_utf16(&bytes) {
        return Err(Failure::new(
            Exit::Malformed,
            "this is a text in UTF-16",
            "save it as UTF-8; PowerShell's `>` writes UTF-16, and `| Out-File -Encoding utf8` does not",
        ));
    }
    let text = str::from_utf8(files::without_mark(&bytes)).ok().map(str::trim_ascii);
    let (json, text) = match text {
        Some(text) if text.starts_with('{') => {
            check_is_ring(text)?;
            ring(text.as_bytes())?
        }
        Some(text) if text.starts_with("fsk1.") => slot_key(text)?,
        Some(text) if text.starts_with("fsv1.") => verifying_key(text)?,
        Some(text) if share_texts(text).first().is_some_and(|first| is_secret(first)) => {
            shares(text)?
        }
        Some(text) if text.starts_with("fs1.") => {
            sealed(&SealedInfo::from_text(text)?, &Names::of(session)?)
        }
        _ => {
            let info = SealedInfo::from_bytes(&bytes).map_err(|error| match error.kind() {
                ErrorKind::NotSealed => Failure::new(
                    Exit::Malformed,
                    "this is nothing that fieldseal made: not sealed, no envelope, no ring",
                    "give a sealed value as bytes or as its text form `fs1.…`, or a ring file",
                ),
                _ => error.into(),
            })?;
            sealed(&info, &Names::of(session)?)
        }
    };
    session.output.result(&json, &text)
}

impl Names {
    fn of(session: &Session<'_>) -> Result<Self, Failure> {
        let Some(locked) = session.names()? else { return Ok(Self(BTreeMap::new())) };
        let name = |key: &fieldseal::keyring::KeySummary| match key.key_use() {
            KeyUse::Wrap => format!("role {}", key.name()),
            other => format!("{other} key"),
        };
        Ok(Self(locked.keys().map(|key| (key.id().get(), name(key))).collect()))
    }

    fn json(&self, id: u32) -> Value {
        self.0.get(&id).map_or(Value::Null, |name| json!(name))
    }

    fn text(&self, id: u32) -> String {
        match self.0.get(&id) {
            Some(name) => format!("{id:08x} ({name})"),
            None => format!("{id:08x}"),
        }
    }
}

/// Sends who has a receipt or a ledger to the commands that read it.
fn check_is_ring(text: &str) -> Result<(), Failure> {
    // A ledger begins with a line of JSON.
    let first = serde_json::Deserializer::from_str(text).into_iter::<Value>().next();
    let first = first.and_then(Result::ok).unwrap_or_default();
    let (what, next) = match first.get("fieldseal").and_then(Value::as_str) {
        Some(kind) if kind.starts_with("receipt/") => {
            ("this is a receipt of an erasure", "verify it: fieldseal receipt verify FILE")
        }
        Some(kind) if kind.starts_with("ledger/") => {
            ("this is a ledger", "verify it, and see what is in it: fieldseal ledger show FILE")
        }
        _ => return Ok(()),
    };
    Err(Failure::new(Exit::Usage, what, next))
}

fn ring(bytes: &[u8]) -> Result<(Value, String), Failure> {
    let locked = LockedRing::from_json(bytes)?;
    let ring = view::RingView::locked(&locked);
    let mut json = ring.json();
    if let Some(members) = json.as_object_mut() {
        members.insert("kind".into(), json!("ring"));
    }
    Ok((json, format!("{}\n{}", heading("a ring file, unverified"), ring.text())))
}

fn slot_key(text: &str) -> Result<(Value, String), Failure> {
    SlotKey::from_text(text)?;
    let text = "a raw slot key, whole: it unlocks a ring; keep it secret";
    Ok((json!({ "kind": "slot-key" }), alarming(text)))
}

fn verifying_key(text: &str) -> Result<(Value, String), Failure> {
    let key: VerifyingKey = text.parse()?;
    let json = json!({ "kind": "verifying-key", "id": key.id().to_string() });
    Ok((json, format!("a verifying key, whole: of the sign key {}", key.id())))
}

fn shares(text: &str) -> Result<(Value, String), Failure> {
    let (mut json, mut lines) = (Vec::new(), Vec::new());
    for text in share_texts(text) {
        let share = Share::from_text(&text)?;
        let (index, of, threshold) = (share.index(), share.shares(), share.threshold());
        json.push(json!({ "index": index, "shares": of, "threshold": threshold }));
        lines.push(alarming(&format!(
            "share {index} of {of}, whole: {threshold} of them unlock a ring; keep it secret"
        )));
    }
    Ok((json!({ "kind": "shares", "shares": json }), lines.join("\n")))
}

fn sealed(info: &SealedInfo, names: &Names) -> (Value, String) {
    let (kind, mut json, text) = match info {
        SealedInfo::Field(field) => ("sealed-field", field_json(field), field_text(field)),
        SealedInfo::Envelope(envelope) => {
            ("key-envelope", envelope_json(envelope, names), envelope_text(envelope, names))
        }
        SealedInfo::Standalone(standalone) => (
            "standalone-envelope",
            json!({
                "field": field_json(&standalone.field),
                "envelope": envelope_json(&standalone.envelope, names),
            }),
            format!(
                "{}\n{}",
                field_text(&standalone.field),
                envelope_text(&standalone.envelope, names)
            ),
        ),
        _ => ("unknown", json!({}), String::new()),
    };
    if let Some(members) = json.as_object_mut() {
        members.insert("kind".into(), json!(kind));
        members.insert("format".into(), json!(1));
    }
    let title = heading(&format!("{}, format 1, unverified", kind.replace('-', " ")));
    (json, format!("{title}\n{text}"))
}

fn field_json(field: &FieldInfo) -> Value {
    json!({ "key_tag": hex(field.key_tag), "padded_bytes": field.padded_len })
}

fn field_text(field: &FieldInfo) -> String {
    format!(
        "value         {} bytes with its padding\nkey tag       {}",
        field.padded_len,
        hex(field.key_tag)
    )
}

fn envelope_json(envelope: &EnvelopeInfo, names: &Names) -> Value {
    json!({
        "version": envelope.version,
        "subject_erased_at": envelope.subject_erased_at,
        "envelope_key": key_json(envelope.envelope_key, names),
        "entries": envelope.entries.iter().map(|entry| entry_json(entry, names)).collect::<Vec<_>>(),
    })
}

fn key_json(id: u32, names: &Names) -> Value {
    json!({ "id": format!("{id:08x}"), "name": names.json(id) })
}

fn entry_json(entry: &EntryInfo, names: &Names) -> Value {
    let mut json = json!({
        "class": entry.class,
        "generation": entry.generation,
        "key_tag": hex(entry.key_tag),
    });
    let state = match &entry.state {
        EntryState::Live { suite, created_at, expires_at, recipients, .. } => json!({
            "state": "live",
            "suite": suite,
            "created_at": created_at,
            "expires_at": expires_at,
            "recipients": recipients.iter().map(|of| {
                let mut json = key_json(of.key_id, names);
                if let Some(members) = json.as_object_mut() {
                    members.insert("kind".into(), json!(kind(of)));
                }
                json
            }).collect::<Vec<_>>(),
        }),
        EntryState::Erased { erased_at, .. } => {
            json!({ "state": "erased", "erased_at": erased_at })
        }
        _ => json!({ "state": "unknown" }),
    };
    if let (Some(members), Value::Object(state)) = (json.as_object_mut(), state) {
        members.extend(state);
    }
    json
}

fn kind(recipient: &RecipientInfo) -> String {
    match recipient.kind {
        1 => "symmetric".to_owned(),
        2 => "key-pair".to_owned(),
        other => format!("kind-{other}"),
    }
}

fn envelope_text(envelope: &EnvelopeInfo, names: &Names) -> String {
    let mut text = format!(
        "version       {}\nenvelope key  {}",
        envelope.version,
        names.text(envelope.envelope_key)
    );
    for entry in &envelope.entries {
        let (class, generation, tag) = (&entry.class, entry.generation, hex(entry.key_tag));
        let _ = write!(text, "\nclass {class}, generation {generation}, key tag {tag}: ");
        text.push_str(&state_text(&entry.state, names));
    }
    if let Some(at) = envelope.subject_erased_at {
        let erased = format!("the subject was erased on {}", times::instant(at));
        let _ = write!(text, "\n{}", alarming(&erased));
    }
    text
}

fn state_text(state: &EntryState, names: &Names) -> String {
    match state {
        EntryState::Live { suite, created_at, expires_at, recipients, .. } => {
            let suite = match suite {
                1 => "suite 1 (XChaCha20-Poly1305)".to_owned(),
                other => format!("suite {other}"),
            };
            let expires = match expires_at {
                None => "never".to_owned(),
                Some(at) if *at <= times::now() => {
                    alarming(&format!("{}, past", times::instant(*at)))
                }
                Some(at) => times::instant(*at),
            };
            let mut text = format!(
                "live, {suite}\n  made        {}\n  expires     {expires}",
                times::instant(*created_at)
            );
            for recipient in recipients {
                let (key, kind) = (names.text(recipient.key_id), kind(recipient));
                let _ = write!(text, "\n  wrapped for {key}, {kind}");
            }
            text
        }
        EntryState::Erased { erased_at, .. } => {
            alarming(&format!("erased on {}", times::instant(*erased_at)))
        }
        _ => "in a state that this version does not know".to_owned(),
    }
}

fn hex(tag: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(tag))
}

//! The second implementation as a process, and what is compared with it.

#[cfg(feature = "file")]
mod ledgers;
mod pseudonyms;
pub(crate) mod random;
#[cfg(feature = "file")]
mod rings;
mod terms;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use fieldseal::audit::{LedgerAct, LedgerChange, LedgerSink};
use fieldseal::envelope::{EntryState, EnvelopeInfo, History};
use fieldseal::{Error, ErrorKind, KeyEnvelope, KeyRing};
use serde_json::{Value, json};

use super::forge;
use super::forms::{access, class, hex, id, kind, list, ring, text, unhex, word};
use super::positives::fixed;

/// What one side answers: a result, or a kind of error in the words of the format.
pub(crate) type Answer = Result<Value, String>;

/// The reference implementation, asked line by line.
pub(crate) struct Reference {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    pub(crate) asked: usize,
}

impl Reference {
    /// Starts it.
    ///
    /// # Errors
    /// Why it cannot be started, and what to do.
    pub(crate) fn start() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = std::env::var_os("FIELDSEAL_REFERENCE_PYTHON")
            .map_or_else(|| root.join(".venv/bin/python"), PathBuf::from);
        let directory = root.join("tests/reference");
        let usable = Command::new(&python)
            .args(["-c", "import fieldseal_ref.serve"])
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !usable.is_ok_and(|status| status.success()) {
            return Err(format!(
                "{} does not run tests/reference: run scripts/reference, which installs what it needs, or \
                 name an interpreter by FIELDSEAL_REFERENCE_PYTHON",
                python.display()
            ));
        }
        let mut child = Command::new(&python)
            .args(["-m", "fieldseal_ref"])
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Ok(Self { child, stdin, stdout, asked: 0 })
    }

    pub(crate) fn ask(&mut self, op: &str, request: &Value) -> Answer {
        let mut request = request.clone();
        request["op"] = op.into();
        writeln!(self.stdin, "{request}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        self.asked += 1;
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        if let Some(bug) = answer["bug"].as_str() {
            panic!("the reference is wrong, or was asked wrongly: {bug}\n{request}");
        }
        match answer["error"].as_str() {
            Some(kind) => Err(kind.to_owned()),
            None => Ok(answer["ok"].take()),
        }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn named<T>(result: Result<T, ErrorKind>) -> Result<T, String> {
    result.map_err(|kind| word(kind).to_owned())
}

/// What an envelope says of itself, as the crate reads it.
pub(crate) fn info(envelope: &[u8]) -> EnvelopeInfo {
    KeyEnvelope::from_bytes(envelope).inspect().unwrap()
}

/// The same as the reference shows it.
pub(crate) fn shown(info: &EnvelopeInfo) -> Value {
    let mut entries: Vec<Value> = info
        .entries
        .iter()
        .map(|entry| {
            let mut shown = json!({
                "class": entry.class, "generation": entry.generation, "tag": hex(&entry.key_tag),
            });
            match &entry.state {
                EntryState::Live { suite, created_at, expires_at, .. } => {
                    shown["kind"] = "live".into();
                    shown["suite"] = (*suite).into();
                    shown["created_at"] = (*created_at).into();
                    shown["expires_at"] = expires_at.unwrap_or(0).into();
                    shown["roles"] = json!([]);
                }
                EntryState::Erased { erased_at, .. } => {
                    shown["kind"] = "erased".into();
                    shown["erased_at"] = (*erased_at).into();
                }
                _ => panic!("a state that is new"),
            }
            shown
        })
        .collect();
    if let Some(at) = info.subject_erased_at {
        entries.push(json!({"kind": "subject", "erased_at": at}));
    }
    json!({"version": info.version, "entries": entries})
}

/// The same without what is drawn: the tags of generations that `before` does not have.
pub(crate) fn without_drawn(mut info: EnvelopeInfo, before: Option<&EnvelopeInfo>) -> EnvelopeInfo {
    for entry in &mut info.entries {
        let known = before
            .is_some_and(|before| before.entries.iter().any(|old| old.key_tag == entry.key_tag));
        if !known {
            entry.key_tag = [0; 4];
        }
    }
    info
}

/// The acts that a ledger is told, as the reference tells them.
#[derive(Default)]
struct Acts(Mutex<Vec<Value>>);

impl LedgerSink for Acts {
    fn append(&self, _: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
        self.0.lock().unwrap().extend(changes.iter().map(|change| act(change.act)));
        Ok(())
    }
}

fn act(act: &LedgerAct) -> Value {
    match act {
        LedgerAct::EraseSubject => json!({"act": "erase-subject"}),
        LedgerAct::EraseClass { class, generation, .. } => {
            json!({"act": "erase-class", "class": class, "generation": generation})
        }
        LedgerAct::Withdraw { class, role, generation, .. } => {
            json!({"act": "withdraw", "class": class, "role": role, "generation": generation})
        }
        LedgerAct::Grant { class, role, generation, with_history, .. } => json!({
            "act": "grant", "class": class, "role": role, "generation": generation, "history": with_history,
        }),
        _ => panic!("an act that is new"),
    }
}

/// Makes changes by the crate: the envelope in hex, what rewrap reported, and what a ledger is told.
pub(crate) fn edit(request: &Value) -> Answer {
    let (keys, told) = (ring(&request["ring"]), Acts::default());
    let mut access = access(&keys, request).ledger(&told);
    if request["evidence"] == true {
        access = access.source("form").notice("1");
    }
    let subject = id(&request["subject"]).unwrap();
    let envelope = KeyEnvelope::from_bytes(unhex(&request["envelope"]));
    let mut edit = named(kind(envelope.edit(access, subject)))?;
    let (mut unproven, mut not_lifted) = (Vec::new(), Vec::new());
    for change in list(&request["changes"]) {
        let of = || class(&change["class"]);
        let consented: Option<Vec<&str>> =
            change["class"]["consented"].as_array().map(|roles| roles.iter().map(text).collect());
        let role = change["role"].as_str().unwrap_or_default();
        let result = match (text(&change["do"]), &consented) {
            ("ensure", None) => edit.ensure(of()),
            ("ensure", Some(roles)) => edit.ensure(of().consented_to(roles)),
            ("renew", None) => edit.renew(of()),
            ("renew", Some(roles)) => edit.renew(of().consented_to(roles)),
            ("rewrap", _) => {
                let declared: Vec<_> = list(&change["declared"]).iter().map(class).collect();
                edit.rewrap(&declared).map(|report| {
                    (unproven, not_lifted) = (report.unproven, report.not_lifted);
                })
            }
            ("grant", None) => {
                let history =
                    if change["history"] == true { History::Included } else { History::Excluded };
                edit.grant(of(), role, history)
            }
            ("withdraw", None) => edit.withdraw(of(), role),
            ("withdraw", Some(roles)) => edit.withdraw(of().consented_to(roles), role),
            ("erase-class", _) => edit.erase_class(text(&change["class"])),
            ("erase-subject", _) => edit.erase_subject(),
            (other, _) => panic!("no change {other}"),
        };
        named(kind(result))?;
    }
    let envelope = named(kind(edit.finish()))?;
    let unproven: Vec<Value> = unproven
        .iter()
        .map(|(class, generation, id)| json!([class, generation, id.get()]))
        .collect();
    let envelope = hex(envelope.as_bytes());
    let acts = told.0.into_inner().unwrap();
    Ok(json!({"envelope": envelope, "unproven": unproven, "not_lifted": not_lifted, "acts": acts}))
}

/// Gives an envelope a right MAC again, under the envelope key that it names.
pub(crate) fn authentic(request: &Value, envelope: &[u8]) -> Vec<u8> {
    let Some(body_len) = envelope.len().checked_sub(16).filter(|len| *len >= 4) else {
        return envelope.to_vec();
    };
    let body = &envelope[..body_len];
    let key = u32::from_be_bytes(body[body_len - 4..].try_into().unwrap());
    let subject = id(&request["subject"]).map_or_else(Vec::new, |id| id.as_bytes().to_vec());
    forge::authenticated(&fixed(&format!("secret {key}")), text(&request["tenant"]), &subject, body)
}

/// The same envelope with one more recipient in a live entry, unless its id is there already: what a
/// holder of the envelope key can add.
pub(crate) fn with_recipient(
    request: &Value,
    envelope: &[u8],
    class: &str,
    generation: u16,
    (kind, key_id, wrapped): (u8, u32, &[u8]),
) -> Vec<u8> {
    let mut start = class.as_bytes().to_vec();
    start.insert(0, u8::try_from(class.len()).unwrap());
    start.insert(0, 1);
    start.extend(generation.to_be_bytes());
    let entry = envelope.windows(start.len()).position(|window| window == start).unwrap();
    let count = entry + start.len() + 49;
    let mut at = count + 1;
    for _ in 0..envelope[count] {
        let id = u32::from_be_bytes(envelope[at + 1..at + 5].try_into().unwrap());
        if id == key_id {
            return envelope.to_vec();
        }
        if id > key_id {
            break;
        }
        at += 7 + usize::from(u16::from_be_bytes([envelope[at + 5], envelope[at + 6]]));
    }
    let mut changed = envelope.to_vec();
    changed[count] += 1;
    changed.splice(at..at, forge::recipient(kind, key_id, wrapped));
    authentic(request, &changed)
}

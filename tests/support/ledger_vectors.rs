//! The vectors of `tests/vectors/ledgers` and `tests/vectors/receipts`. They are made by `tests/reference`;
//! here what is hashed and signed is made again, and the crate reads, writes, replays or refuses each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use fieldseal::audit::{LedgerAct, LedgerChange, LedgerSink};
use fieldseal::envelope::{EnvelopeEdit, EnvelopeInfo, History};
use fieldseal::keyring::VerifyingKey;
use fieldseal::ledger::{Ledger, LedgerEntry, LedgerHead, Receipt, Replay};
use fieldseal::store::LedgerFile;
use fieldseal::{Access, Class, DataKeys, Error, KeyEnvelope, KeyRing, SubjectId};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::forms::{access, class, hex, id, int, list, ring, text, unhex, word};

fn vectors(directory: &str) -> BTreeMap<String, Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(directory);
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let content = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_str(&content).unwrap())
        })
        .collect()
}

/// The positive files of one kind; there are some.
fn positive(directory: &str, kind: &str) -> BTreeMap<String, Value> {
    let mut files = vectors(directory);
    files.retain(|_, file| file["error"].is_null() && file["kind"] == kind);
    assert!(!files.is_empty(), "{kind}");
    files
}

fn lines(ledger: &Value) -> String {
    list(ledger).iter().map(|line| format!("{}\n", text(line))).collect()
}

/// A ledger: its lines, each with a line feed, and what is behind them; or bytes.
fn stored(file: &Value) -> Vec<u8> {
    match &file["ledger"]["bytes"] {
        Value::Null => [lines(&file["ledger"]).into_bytes(), unhex(&file["behind"])].concat(),
        bytes => unhex(bytes),
    }
}

/// A receipt: its lines, with a line feed between each two; or bytes; and the spaces behind it.
fn receipt(file: &Value) -> Vec<u8> {
    let lines: Vec<&str> = list(&file["receipt"]).iter().map(text).collect();
    let mut receipt = match &file["receipt"]["bytes"] {
        Value::Null => lines.join("\n").into_bytes(),
        bytes => unhex(bytes),
    };
    let spaces = file["spaces_behind"].as_u64().unwrap_or_default();
    receipt.resize(receipt.len() + usize::try_from(spaces).unwrap(), b' ');
    receipt
}

/// Those that are named, or those of the ring.
fn keys(file: &Value) -> Vec<VerifyingKey> {
    match &file["keys"] {
        Value::Null => ring(&file["ring"]).verifying_keys(),
        keys => list(keys).iter().map(|key| text(key).parse().unwrap()).collect(),
    }
}

/// Read from a file, as not all of them are UTF-8.
fn read(name: &str, file: &Value) -> Result<Ledger, Error> {
    let path = scratch(name);
    std::fs::write(&path, stored(file)).unwrap();
    let ledger = LedgerFile::at(&path).any_permissions();
    let result = match file["known"].as_str() {
        Some(head) => ledger.read_known(&keys(file), &head.parse().unwrap()),
        None => ledger.read(&keys(file)),
    };
    std::fs::remove_file(&path).unwrap();
    result
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("fieldseal-vector-{}-{name}", std::process::id()))
}

/// What is signed: the label, and the JCS of what is told but for the signature. The members of a
/// [`Value`] are in order, and all numbers are integers.
fn message(label: &str, told: &str) -> String {
    let mut members: Value = serde_json::from_str(told).unwrap();
    members.as_object_mut().unwrap().remove("signature");
    hex(format!("{label}{members}").as_bytes())
}

pub(crate) fn act_form(act: &LedgerAct) -> Value {
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

fn entry_form(entry: &LedgerEntry) -> Value {
    let mut form = act_form(&entry.act);
    form["number"] = entry.number.into();
    form["tenant"] = entry.tenant.as_str().into();
    form["subject"] = entry.subject.to_string().into();
    form["at"] = entry.at.into();
    form["key"] = entry.key.get().into();
    let said = [
        ("actor", &entry.actor),
        ("purpose", &entry.purpose),
        ("source", &entry.source),
        ("notice", &entry.notice),
    ];
    for (name, said) in said {
        if let Some(said) = said {
            form[name] = said.as_str().into();
        }
    }
    form
}

#[test]
fn every_ledger_is_read_as_it_says() {
    for (name, file) in positive("ledgers", "ledger") {
        let ledger = read(&name, &file).unwrap();
        assert_eq!(hex(ledger.id()), file["id"], "{name}");
        assert_eq!(ledger.head().to_string(), file["head"], "{name}");
        assert_eq!(ledger.is_torn(), file["torn"], "{name}");
        let entries: Vec<Value> = ledger.entries().iter().map(entry_form).collect();
        assert_eq!(Value::from(entries), file["entries"], "{name}");

        let told = list(&file["ledger"]).iter().map(text);
        for (line, parts) in told.zip(list(&file["lines"])) {
            let hash = [b"fieldseal/v1 ledger line", line.as_bytes()].concat();
            assert_eq!(hex(&Sha256::digest(hash)), parts["hash"], "{name}");
            assert_eq!(message("fieldseal/v1 ledger", line), parts["message"], "{name}");
            let head = LedgerHead::of_last_line(line).unwrap();
            assert_eq!(head.to_string().parse::<LedgerHead>().unwrap(), head, "{name}");
        }
        let ring = ring(&file["ring"]);
        for of in list(&file["of"]) {
            let (tenant, subject) = (text(&of["tenant"]), id(&of["subject"]).unwrap());
            let entries = ledger.of(Access::new(&ring).tenant(tenant), &subject).unwrap();
            let numbers: Vec<u64> = entries.iter().map(|entry| entry.number).collect();
            assert_eq!(json!(numbers), of["numbers"], "{name}");
            let consents = ledger.consents(Access::new(&ring).tenant(tenant), &subject).unwrap();
            let number = |entry: &Option<LedgerEntry>| entry.as_ref().map(|entry| entry.number);
            let consents: Vec<Value> = consents
                .iter()
                .map(|one| json!([one.class, one.role, number(&one.given), number(&one.withdrawn)]))
                .collect();
            assert_eq!(Value::from(consents), of["consents"], "{name}");
        }
    }
}

/// What follows a first line.
struct Lines(Mutex<(String, LedgerHead)>);

impl LedgerSink for Lines {
    fn append(&self, ring: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
        let mut lines = self.0.lock().unwrap();
        for change in changes {
            let (line, head) = lines.1.next(ring, change)?;
            lines.0.push_str(&line);
            lines.1 = head;
        }
        Ok(())
    }
}

/// `[LG-7]`: and so which acts are told. Nothing in a line but the first is drawn.
#[test]
fn calls_write_the_same_ledger_byte_by_byte() {
    let mut made = 0;
    for (name, file) in positive("ledgers", "ledger") {
        if file["calls"].is_null() {
            continue;
        }
        let begun_by = Some(&file["begun_by"]).filter(|ring| !ring.is_null());
        let mut keys = ring(begun_by.unwrap_or(&file["ring"]));
        let first = text(&file["ledger"][0]);
        let head = LedgerHead::of_last_line(first).unwrap();
        let book = Lines(Mutex::new((format!("{first}\n"), head)));
        let mut left: Vec<KeyEnvelope> = Vec::new();
        let mut newest: BTreeMap<String, KeyEnvelope> = BTreeMap::new();
        for call in list(&file["calls"]) {
            if !call["ring"].is_null() {
                keys = ring(&call["ring"]);
            }
            let whose = format!("{} {}", call["tenant"], call["subject"]);
            let before = match call["from"].as_u64() {
                Some(from) => Some(left[usize::try_from(from).unwrap()].clone()),
                None => newest.get(&whose).cloned(),
            };
            let after = called(call, said(&keys, call).ledger(&book), before.as_ref());
            left.push(after.clone());
            newest.insert(whose, after);
        }
        assert_eq!(book.0.into_inner().unwrap().0, lines(&file["ledger"]), "{name}");
        made += 1;
    }
    assert!(made > 15, "only {made} ledgers are written");
}

fn said<'a>(ring: &'a KeyRing, call: &'a Value) -> Access<'a> {
    let mut access = Access::new(ring).tenant(text(&call["tenant"])).at(int(&call["at"]));
    if let Some(actor) = call["actor"].as_str() {
        access = access.actor(actor);
    }
    if let Some(purpose) = call["purpose"].as_str() {
        access = access.purpose(purpose);
    }
    if let Some(source) = call["source"].as_str() {
        access = access.source(source);
    }
    match call["notice"].as_str() {
        Some(notice) => access.notice(notice),
        None => access,
    }
}

/// A call that makes an envelope, or changes one.
fn called(call: &Value, access: Access<'_>, before: Option<&KeyEnvelope>) -> KeyEnvelope {
    let subject = id(&call["subject"]).unwrap();
    if let Some(before) = before {
        let mut edit = before.edit(access, &subject).unwrap();
        list(&call["changes"]).iter().for_each(|change| apply(&mut edit, change));
        return edit.finish().unwrap();
    }
    if call["changes"][0]["do"] == "erase-subject" {
        return KeyEnvelope::erased(access, &subject).unwrap();
    }
    let consented: Vec<(Class, Vec<&str>)> = list(&call["changes"])
        .iter()
        .map(|change| (class(&change["class"]), roles(change).unwrap()))
        .collect();
    let classes: Vec<_> =
        consented.iter().map(|(class, roles)| class.consented_to(roles)).collect();
    DataKeys::create(access, &subject, &classes).unwrap().envelope().clone()
}

/// Those named to have consented, if they are.
fn roles(change: &Value) -> Option<Vec<&str>> {
    change["class"]["consented"].as_array().map(|roles| roles.iter().map(text).collect())
}

fn apply(edit: &mut EnvelopeEdit<'_>, change: &Value) {
    let of = || class(&change["class"]);
    let role = change["role"].as_str().unwrap_or_default();
    let history = || match change["history"] == true {
        true => History::Included,
        false => History::Excluded,
    };
    let result = match (text(&change["do"]), roles(change)) {
        ("ensure", Some(roles)) => edit.ensure(of().consented_to(&roles)),
        ("renew", None) => edit.renew(of()),
        ("renew", Some(roles)) => edit.renew(of().consented_to(&roles)),
        ("grant", None) => edit.grant(of(), role, history()),
        ("withdraw", None) => edit.withdraw(of(), role),
        ("withdraw", Some(roles)) => edit.withdraw(of().consented_to(&roles), role),
        ("erase-class", _) => edit.erase_class(text(&change["class"])),
        ("erase-subject", _) => edit.erase_subject(),
        ("sweep", _) => edit.sweep().map(drop),
        ("rewrap", _) => {
            let declared: Vec<_> = list(&change["declared"]).iter().map(class).collect();
            edit.rewrap(&declared).map(drop)
        }
        (other, _) => panic!("no change {other}"),
    };
    result.unwrap();
}

/// What inspecting shows, but for what is drawn.
fn after(info: &EnvelopeInfo) -> Value {
    use fieldseal::envelope::EntryState::{Erased, Live};

    let entries = info.entries.iter().map(|entry| {
        let mut shown = match &entry.state {
            Live { suite, created_at, expires_at, recipients, .. } => {
                let recipients: Vec<u32> = recipients.iter().map(|one| one.key_id).collect();
                json!({
                    "state": "live", "suite": suite, "created_at": created_at,
                    "expires_at": expires_at.unwrap_or_default(), "recipients": recipients,
                })
            }
            Erased { erased_at, .. } => json!({"state": "erased", "erased_at": erased_at}),
            _ => panic!("a state that is new"),
        };
        shown["class"] = entry.class.as_str().into();
        shown["generation"] = entry.generation.into();
        shown
    });
    let entries: Vec<Value> = entries.collect();
    json!({
        "version": info.version, "entries": entries, "subject_erased_at": info.subject_erased_at,
    })
}

/// The envelope made good, and what was reported of it.
fn replayed(
    file: &Value,
    envelope: &KeyEnvelope,
) -> Result<(KeyEnvelope, Result<(), Error>), Error> {
    let (ring, keys) = (ring(&file["ring"]), keys(file));
    let ledgers: Vec<Ledger> = list(&file["ledgers"])
        .iter()
        .map(|ledger| Ledger::read(&lines(ledger), &keys).unwrap())
        .collect();
    let classes: Vec<Class> = list(&file["classes"]).iter().map(class).collect();
    let replay = Replay::new(&ring, &ledgers.iter().collect::<Vec<_>>(), &classes)?;
    let subject = SubjectId::new(id(&file["subject"]).unwrap()).unwrap();
    let mut edit = envelope.edit(access(&ring, file), &subject)?;
    let reported = replay.apply(&mut edit).map(drop);
    Ok((edit.finish()?, reported))
}

#[test]
fn every_replay_leaves_what_it_says() {
    for (name, file) in positive("ledgers", "replay") {
        let before = KeyEnvelope::from_bytes(unhex(&file["envelope"]));
        let (made_good, reported) = replayed(&file, &before).unwrap();
        let kind = reported.err().map(|error| word(error.kind()));
        assert_eq!(kind, file["reported"].as_str(), "{name}");
        assert_eq!(made_good == before, file["unchanged"] == true, "{name}");
        assert_eq!(after(&made_good.inspect().unwrap()), file["after"], "{name}");
        let (again, reported) = replayed(&file, &made_good).unwrap();
        assert!(again == made_good, "{name}, again");
        let is_settled = kind.is_none() || file["settles"] == true;
        assert_eq!(reported.is_ok(), is_settled, "{name}, again");
    }
}

fn told(receipt: &Receipt) -> Value {
    let generations: Vec<Value> = receipt
        .generations()
        .iter()
        .map(|one| json!([one.class, one.generation, one.erased_at, one.earlier]))
        .collect();
    let columns: Vec<Value> =
        receipt.columns().iter().map(|one| json!([one.record, one.column])).collect();
    let keys: Vec<Value> =
        receipt.keys().iter().map(|one| json!([one.id.get(), one.role])).collect();
    json!({
        "at": receipt.at(), "tenant": receipt.tenant(), "subject_id": hex(receipt.subject().as_bytes()),
        "subject_erased_at": receipt.subject_erased_at(), "generations": generations,
        "columns": columns, "keys": keys, "actor": receipt.actor(), "purpose": receipt.purpose(),
        "key": receipt.key().get(),
    })
}

#[test]
fn every_receipt_is_read_as_it_says_and_printed_so_that_it_is_read() {
    for (name, file) in positive("receipts", "receipt") {
        let (json, keys) = (receipt(&file), keys(&file));
        let read = Receipt::from_json(&json, &keys).unwrap();
        assert_eq!(told(&read), file["told"], "{name}");
        let document = std::str::from_utf8(&json).unwrap();
        assert_eq!(message("fieldseal/v1 receipt", document), file["message"], "{name}");
        let printed = read.to_string();
        let again = Receipt::from_json(printed.as_bytes(), &keys).unwrap();
        assert_eq!(told(&again), file["told"], "{name}");
        assert_eq!(again.to_string(), printed, "{name}");
    }
}

/// `[RE-4]` Nothing in a receipt is drawn.
#[test]
fn erasures_give_the_same_receipt() {
    let mut made = 0;
    for (name, file) in positive("receipts", "receipt") {
        let of = &file["made"];
        if of.is_null() {
            continue;
        }
        let (ring, subject) = (ring(&of["ring"]), id(&of["subject"]).unwrap());
        let stored = KeyEnvelope::from_bytes(unhex(&of["envelope"]));
        let mut edit = stored.edit(access(&ring, of), &subject).unwrap();
        list(&of["changes"]).iter().for_each(|change| apply(&mut edit, change));
        let erasure = edit.finish_erasure().unwrap();
        let written: Value =
            serde_json::from_str(&erasure.receipt(said(&ring, of), None).unwrap().to_string())
                .unwrap();
        let expected: Value = serde_json::from_slice(&receipt(&file)).unwrap();
        assert_eq!(written, expected, "{name}");
        made += 1;
    }
    assert!(made > 4, "only {made} receipts are made");
}

#[test]
fn every_faulty_ledger_replay_and_receipt_is_answered_with_its_kind() {
    let all = vectors("ledgers").into_iter().chain(vectors("receipts"));
    let (mut kinds, mut wrong) = (BTreeMap::new(), Vec::new());
    for (name, file) in all.filter(|(_, file)| !file["error"].is_null()) {
        let answered = refused(&name, &file).err().map_or("ok", |error| word(error.kind()));
        if answered != text(&file["error"]) {
            wrong.push(format!(
                "{name}: {answered} in place of {}: {}",
                file["error"], file["about"]
            ));
        }
        *kinds.entry(answered).or_insert(0) += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(kinds.len() >= 7, "{kinds:?}");
}

fn refused(name: &str, file: &Value) -> Result<(), Error> {
    match text(&file["operation"]) {
        "head" => text(&file["text"]).parse::<LedgerHead>().map(drop),
        "ledger-read" => read(name, file).map(drop),
        "ledger-of" => {
            let (ledger, ring) = (read(name, file).unwrap(), ring(&file["ring"]));
            let subject = id(&file["subject"]).unwrap();
            ledger.of(Access::new(&ring).tenant(text(&file["tenant"])), subject).map(drop)
        }
        "replay" => {
            let envelope = KeyEnvelope::from_bytes(unhex(&file["envelope"]));
            let (made_good, reported) = replayed(file, &envelope)?;
            assert!(made_good == envelope, "{name}");
            reported
        }
        "receipt-read" => Receipt::from_json(&receipt(file), &keys(file)).map(drop),
        other => panic!("no operation {other}"),
    }
}

//! The vectors of `tests/vectors`: every file of the directory is reproduced from primitives alone,
//! reproduced by the crate where it draws the same, and opened or refused as it says.

#![cfg(feature = "std")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first claim that does not hold"
)]
#![allow(dead_code, reason = "the helpers serve several tests")]

#[path = "support"]
mod support {
    pub(crate) mod complete;
    pub(crate) mod faults;
    pub(crate) mod forge;
    pub(crate) mod forms;
    pub(crate) mod hpke;
    pub(crate) mod positives;
    pub(crate) mod pseudonym_forms;
    #[cfg(feature = "file")]
    pub(crate) mod ring_forms;
    pub(crate) mod term_forms;
}

#[cfg(feature = "file")]
#[path = "support/change_vectors.rs"]
mod change_vectors;
#[path = "support/clauses.rs"]
mod clauses;
#[cfg(feature = "file")]
#[path = "support/ledger_vectors.rs"]
mod ledger_vectors;
#[path = "support/pseudonym_vectors.rs"]
mod pseudonym_vectors;
#[cfg(feature = "file")]
#[path = "support/ring_vectors.rs"]
mod ring_vectors;
#[path = "support/term_vectors.rs"]
mod term_vectors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fieldseal::{DataKeys, ErrorKind, KeyEnvelope, Sealed};
use serde_json::Value;

use support::complete::complete;
use support::forge::Seed;
use support::forms::{FieldAt, access, array, class, id, kind, list, ring, text, unhex, word};
use support::{faults, positives};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// All files by name.
fn vectors() -> BTreeMap<String, Value> {
    let json = |path: &Path| path.extension().is_some_and(|extension| extension == "json");
    std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| json(path))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let content = std::fs::read_to_string(&path).unwrap();
            (name, serde_json::from_str(&content).unwrap())
        })
        .collect()
}

fn is_positive(file: &Value) -> bool {
    file["error"].is_null()
}

fn generated() -> BTreeMap<String, Value> {
    let all = positives::all().into_iter().chain(faults::all());
    let mut files = BTreeMap::new();
    for (name, file) in all {
        assert!(files.insert(name.clone(), file).is_none(), "{name} twice");
    }
    files
}

fn rendered(file: &Value) -> String {
    let mut rendered = serde_json::to_string_pretty(file).unwrap();
    rendered.push('\n');
    rendered
}

/// Writes the directory anew. Vectors are promises: run it knowingly, by name, with `--ignored`, and
/// read the difference.
#[test]
#[ignore = "writes tests/vectors"]
fn regenerate() {
    for name in vectors().keys() {
        std::fs::remove_file(directory().join(format!("{name}.json"))).unwrap();
    }
    for (name, file) in generated() {
        std::fs::write(directory().join(format!("{name}.json")), rendered(&file)).unwrap();
    }
}

#[test]
fn the_directory_is_what_its_generator_makes() {
    let (files, generated) = (vectors(), generated());
    assert_eq!(files.keys().collect::<Vec<_>>(), generated.keys().collect::<Vec<_>>());
    for (name, file) in &files {
        assert!(*file == generated[name], "{name} differs from what is generated");
    }
}

#[test]
fn every_intermediate_value_follows_from_primitives() {
    for (name, file) in vectors().iter().filter(|(_, file)| is_positive(file)) {
        let again = complete(file);
        for (key, value) in file.as_object().unwrap() {
            assert_eq!(*value, again[key], "{name}: {key}");
        }
    }
}

#[test]
fn every_envelope_unwraps_and_every_field_opens() {
    for (name, file) in vectors() {
        if is_positive(&file) && file["kind"] == "envelope" {
            envelope_opens(&name, &file);
        }
    }
}

fn envelope_opens(name: &str, file: &Value) {
    let ring = ring(&file["ring"]);
    let bytes = unhex(&file["envelope"]);
    let envelope = KeyEnvelope::from_text(text(&file["text"])).unwrap();
    assert_eq!(envelope.as_bytes(), bytes, "{name}");
    assert_eq!(envelope.to_text(), text(&file["text"]), "{name}");
    let subject = id(&file["subject"]).unwrap();
    assert_eq!(subject.as_bytes(), unhex(&file["subject_id"]), "{name}");
    let keys = envelope.unwrap(access(&ring, file), &subject).unwrap();
    assert_eq!(Value::from(keys.version()), file["version"], "{name}");
    let info = envelope.inspect().unwrap();
    let erased = info.subject_erased_at.is_some();
    assert_eq!(info.entries.len() + usize::from(erased), list(&file["entries"]).len(), "{name}");
    for field in list(&file["fields"]) {
        let at = FieldAt::new(field, class(&field["class"]));
        let sealed = unhex(&field["sealed"]);
        let Some(opened) = at.open(&keys, &sealed) else {
            continue; // This build has not the type.
        };
        assert_eq!(opened.as_ref(), Ok(&field["value"]), "{name}: {field}");
        let decoded = Sealed::<()>::from_text(text(&field["text"])).unwrap();
        assert_eq!(decoded.as_bytes(), sealed, "{name}");
        if !field["seed"].is_null() {
            let again = at.seal(&keys, array(&field["seed"])).unwrap();
            assert_eq!(again, Ok(sealed), "{name}: {field}");
        }
    }
}

#[test]
fn what_the_crate_makes_from_the_same_seed_is_the_same_bytes() {
    let mut made = 0;
    for (name, file) in vectors() {
        let ring = ring(&file["ring"]);
        let create = &file["create"];
        if is_positive(&file) && !create.is_null() {
            let classes: Vec<_> = list(&create["classes"]).iter().map(class).collect();
            let (subject, mut seed) = (id(&file["subject"]).unwrap(), Seed(array(&create["seed"])));
            let keys =
                DataKeys::create_with_rng(access(&ring, &file), &subject, &classes, &mut seed)
                    .unwrap();
            assert_eq!(keys.envelope().as_bytes(), unhex(&file["envelope"]), "{name}");
            made += 1;
        }
        if is_positive(&file) && file["kind"] == "standalone" && !file["seed"].is_null() {
            let readers: Vec<_> = list(&file["readers"]).iter().map(text).collect();
            let (context, bytes) = (unhex(&file["context"]), unhex(&file["field"]["value"]["v"]));
            let mut seed = Seed(array(&file["seed"]));
            let sealed =
                access(&ring, &file).seal_for_with_rng(&readers, &context, &bytes, &mut seed);
            assert_eq!(sealed.unwrap(), unhex(&file["standalone"]), "{name}");
            made += 1;
        }
    }
    assert!(made > 10, "only {made} files are made by the crate");
}

#[test]
fn every_standalone_envelope_opens() {
    for (name, file) in vectors() {
        if is_positive(&file) && file["kind"] == "standalone" {
            let ring = ring(&file["ring"]);
            let context = unhex(&file["context"]);
            let readers: Vec<_> = list(&file["readers"]).iter().map(text).collect();
            let sealed = unhex(&file["standalone"]);
            let opened = access(&ring, &file).open_for(&readers, &context, &sealed).unwrap();
            assert_eq!(opened.expose(), unhex(&file["field"]["value"]["v"]), "{name}");
        }
    }
}

#[test]
fn every_text_form_decodes_to_its_bytes() {
    for (name, file) in vectors() {
        if is_positive(&file) && file["kind"] == "text" {
            let sealed = Sealed::<()>::from_bytes(unhex(&file["bytes"]));
            assert_eq!(sealed.to_text(), text(&file["text"]), "{name}");
            assert_eq!(Sealed::from_text(text(&file["text"])).unwrap(), sealed, "{name}");
        }
    }
}

#[test]
fn every_negative_file_is_answered_with_its_kind() {
    let mut kinds = BTreeMap::new();
    for (name, file) in vectors().into_iter().filter(|(_, file)| !is_positive(file)) {
        let Some(result) = refused(&file) else {
            continue; // This build has not the type.
        };
        let answered = result.err().map_or("ok", word);
        assert_eq!(answered, text(&file["error"]), "{name}: {}", file["about"]);
        *kinds.entry(answered).or_insert(0) += 1;
    }
    assert!(kinds.len() >= 14, "{kinds:?}");
}

fn refused(file: &Value) -> Option<Result<(), ErrorKind>> {
    if file["operation"] == "from-text" {
        let encoded = text(&file["text"]);
        let field = kind(Sealed::<()>::from_text(encoded)).map(drop);
        assert_eq!(field, kind(KeyEnvelope::from_text(encoded)).map(drop));
        return Some(field);
    }
    let ring = ring(&file["ring"]);
    if file["operation"] == "open-standalone" {
        let (context, sealed) = (unhex(&file["context"]), unhex(&file["standalone"]));
        let readers: Vec<_> = list(&file["readers"]).iter().map(text).collect();
        let opened = match readers.as_slice() {
            [] => access(&ring, file).open(&context, &sealed),
            readers => access(&ring, file).open_for(readers, &context, &sealed),
        };
        return Some(kind(opened).map(drop));
    }
    let envelope = KeyEnvelope::from_bytes(unhex(&file["envelope"]));
    let inspected = kind(envelope.inspect()).map(drop);
    if file["operation"] == "inspect" {
        return Some(inspected);
    }
    let subject = id(&file["subject"]).unwrap();
    let keys = match kind(envelope.unwrap(access(&ring, file), &subject)) {
        Ok(keys) => keys,
        Err(refused) => {
            assert!(file["operation"] == "unwrap", "{refused}");
            if file["inspects_alike"] == true {
                assert_eq!(inspected, Err(refused));
            }
            return Some(Err(refused));
        }
    };
    let field = &file["field"];
    let at = FieldAt::new(field, class(&field["class"]));
    match text(&file["operation"]) {
        "open" => Some(at.open(&keys, &unhex(&field["sealed"]))?.map(drop)),
        "seal" => {
            // As a sealing call would, and the next generation begun where it can be.
            let keys = envelope.prepare(access(&ring, file), &subject, [at.class]);
            Some(
                kind(keys)
                    .and_then(|keys| at.seal(&keys, array(&field["seed"])).unwrap())
                    .map(drop),
            )
        }
        _ => Some(Ok(())),
    }
}

/// The first column of the fenced blocks of a part of FORMAT.md.
fn hex_columns(part: &str) -> Vec<Vec<u8>> {
    let hex = |line: &str| line.split("   ").next().unwrap().replace(' ', "");
    part.split("\n```\n")
        .skip(1)
        .step_by(2)
        .map(|block| unhex(&Value::from(block.lines().map(hex).collect::<String>())))
        .collect()
}

#[test]
fn the_envelope_and_the_field_that_the_format_spells_out_are_those_of_the_vector() {
    let format = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/FORMAT.md");
    let format = std::fs::read_to_string(format).unwrap();
    let part = format.split("\n### 0.3 ").nth(1).unwrap().split("\n### ").next().unwrap();
    let file = &vectors()["field"];
    let (field, entry) = (&file["fields"][0], &file["entries"][0]);
    let recipient = &entry["recipients"][0];

    let spelled = hex_columns(part);
    assert_eq!(spelled, [unhex(&file["envelope"]), unhex(&field["sealed"])]);
    for derived in [
        ("mac key", &file["mac_key"]),
        ("wrap key", &recipient["wrap_key"]),
        ("DK", &entry["data_key"]),
        ("AEAD key", &entry["aead_key"]),
        ("AAD", &field["aad"]),
        ("plaintext", &field["padded"]),
    ] {
        let row = format!("| {} | `{}` |", derived.0, text(derived.1));
        assert!(part.contains(&row), "{}", derived.0);
    }
    for key in list(&file["ring"]["keys"]) {
        assert!(part.contains(text(&key["secret"])), "{}", key["id"]);
    }
}

//! The vectors of `tests/vectors/changes`: each change is made by the crate, from the same randomness, and
//! gives the same bytes, or is refused as the file says.

use std::path::Path;
use std::sync::Mutex;

use fieldseal::envelope::{EnvelopeEdit, History, Rewrapped};
use fieldseal::field::ManyRows;
use fieldseal::{Access, Error, ErrorKind, Field, KeyEnvelope, KeyRing, Sealed};
use serde_json::{Value, json};

use crate::support::forge::Seed;
use crate::support::forms::{
    access, array, class, hex, id, int, kind, leak, list, ring, text, unhex, word,
};

fn vectors() -> Vec<(String, Value)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/changes");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let content = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_str(&content).unwrap())
    });
    files.collect()
}

fn of_kind(kind: &str) -> Vec<(String, Value)> {
    let files: Vec<_> = vectors().into_iter().filter(|(_, file)| file["kind"] == kind).collect();
    assert!(!files.is_empty(), "{kind}");
    files
}

fn rewrapped(report: &Rewrapped) -> (Value, Value) {
    let unproven =
        report.unproven.iter().map(|(class, generation, id)| json!([class, generation, id.get()]));
    let not_lifted = report.not_lifted.iter().map(|(class, generation)| json!([class, generation]));
    (unproven.collect(), not_lifted.collect())
}

fn change(edit: &mut EnvelopeEdit<'_>, change: &Value) -> Result<Option<Rewrapped>, Error> {
    let declared = || class(&change["class"]);
    let named: Option<Vec<&str>> =
        change["class"]["consented"].as_array().map(|roles| roles.iter().map(text).collect());
    let role = || text(&change["role"]);
    match (text(&change["do"]), named) {
        ("ensure", None) => edit.ensure(declared()),
        ("ensure", Some(named)) => edit.ensure(declared().consented_to(&named)),
        ("renew", None) => edit.renew(declared()),
        ("renew", Some(named)) => edit.renew(declared().consented_to(&named)),
        ("grant", named) => {
            let history =
                if change["history"] == true { History::Included } else { History::Excluded };
            match named {
                None => edit.grant(declared(), role(), history),
                Some(named) => edit.grant(declared().consented_to(&named), role(), history),
            }
        }
        ("withdraw", None) => edit.withdraw(declared(), role()),
        ("withdraw", Some(named)) => edit.withdraw(declared().consented_to(&named), role()),
        ("erase-class", _) => edit.erase_class(text(&change["class"])),
        ("erase-subject", _) => edit.erase_subject(),
        ("erase-older", _) => {
            let class = json!({"name": change["class"]});
            edit.erase_older(&self::class(&class)).map(drop)
        }
        ("erase-resealed", _) => {
            let generation = u16::try_from(int(&change["generation"])).unwrap();
            edit.erase_resealed(text(&change["class"]), generation).map(drop)
        }
        ("sweep", _) => edit.sweep().map(drop),
        ("prune", _) => edit.prune(u64::MAX).map(drop),
        ("rewrap", _) => {
            let classes: Vec<_> = list(&change["declared"]).iter().map(class).collect();
            return edit.rewrap(&classes).map(Some);
        }
        other => panic!("{other:?}"),
    }
    .map(|()| None)
}

/// The envelope after the changes of a file, the classes that are to be renewed, and what rewrap reports.
fn changed(
    ring: &KeyRing,
    file: &Value,
    told: &dyn fieldseal::audit::LedgerSink,
) -> Result<Changed, Error> {
    let access = access(ring, file).ledger(told).source("form").notice("1");
    changed_by(access, file)
}

type Changed = (KeyEnvelope, Vec<String>, Rewrapped);

fn changed_by(access: Access<'_>, file: &Value) -> Result<Changed, Error> {
    let envelope = KeyEnvelope::from_bytes(unhex(&file["envelope"]));
    let subject = id(&file["subject"]).unwrap();
    let mut edit = envelope.edit_with_rng(access, &subject, &mut Seed(array(&file["seed"])))?;
    let mut report = Rewrapped::default();
    for one in list(&file["changes"]) {
        report = change(&mut edit, one)?.unwrap_or(report);
    }
    let to_renew = edit.to_renew().to_vec();
    Ok((edit.finish()?, to_renew, report))
}

/// A ledger that keeps the acts alone.
struct Acts(Mutex<Vec<Value>>);

impl fieldseal::audit::LedgerSink for Acts {
    fn append(
        &self,
        _: &KeyRing,
        changes: &[fieldseal::audit::LedgerChange<'_>],
    ) -> Result<(), Error> {
        let acts = changes.iter().map(|change| crate::ledger_vectors::act_form(change.act));
        self.0.lock().unwrap().extend(acts);
        Ok(())
    }
}

#[test]
fn every_change_is_made_byte_for_byte() {
    for (name, file) in of_kind("change") {
        let ring = ring(&file["ring"]);
        let acts = Acts(Mutex::default());
        let (after, to_renew, report) =
            changed(&ring, &file, &acts).unwrap_or_else(|error| panic!("{name}: {error}"));
        let before = unhex(&file["envelope"]);
        assert_eq!(hex(after.as_bytes()), hex(&unhex(&file["after"])), "{name}");
        assert_eq!(file["unchanged"], after.as_bytes() == before, "{name}");
        assert_eq!(json!(to_renew), file["to_renew"], "{name}");
        let (unproven, not_lifted) = rewrapped(&report);
        assert_eq!((&unproven, &not_lifted), (&file["unproven"], &file["not_lifted"]), "{name}");
        assert_eq!(Value::from(acts.0.into_inner().unwrap()), file["acts"], "{name}");
        after.unwrap(access(&ring, &file), id(&file["subject"]).unwrap()).unwrap();
    }
}

#[test]
fn every_change_that_is_no_good_is_refused_with_its_kind() {
    for (name, file) in of_kind("refusal") {
        let ring = ring(&file["ring"]);
        let answered = changed_by(access(&ring, &file), &file);
        let kind = answered.err().map_or("ok", |error| word(error.kind()));
        assert_eq!(kind, text(&file["error"]), "{name}: {}", file["about"]);
    }
}

#[test]
fn every_standalone_envelope_is_rewrapped_byte_for_byte() {
    for (name, file) in of_kind("standalone-change") {
        let ring = ring(&file["ring"]);
        let readers: Vec<_> = list(&file["readers"]).iter().map(text).collect();
        let readers = if readers.is_empty() { vec!["app"] } else { readers };
        let again = access(&ring, &file)
            .rewrap_standalone_for_with_rng(
                &readers,
                &unhex(&file["envelope"]),
                &mut Seed(array(&file["seed"])),
            )
            .unwrap();
        assert_eq!(hex(&again.envelope), text(&file["after"]), "{name}");
        let (unproven, not_lifted) = rewrapped(&again.rewrapped);
        assert_eq!((&unproven, &not_lifted), (&file["unproven"], &file["not_lifted"]), "{name}");
    }
}

#[test]
fn every_value_is_resealed_byte_for_byte() {
    for (name, file) in of_kind("reseal") {
        let ring = ring(&file["ring"]);
        let envelope = KeyEnvelope::from_bytes(unhex(&file["envelope"]));
        let keys = envelope.unwrap(access(&ring, &file), id(&file["subject"]).unwrap()).unwrap();
        let spec = &file["field"];
        let mut field = Field::<String, ManyRows>::new(
            leak(text(&spec["record"])),
            leak(text(&spec["field"])),
            class(&spec["class"]),
        );
        if !spec["was"].is_null() {
            field = field.was(class(&spec["was"]));
        }
        let field = field.row(id(&spec["row"]).unwrap()).unwrap();
        let before = Sealed::from_bytes(unhex(&spec["sealed"]));
        let mut seed = Seed(array(&file["seed"]));
        let after = kind(field.reseal_with_rng(&keys, &before, &mut seed));
        let after =
            after.map(|sealed| sealed.map_or(Value::Null, |sealed| hex(sealed.as_bytes()).into()));
        assert_eq!(after, Ok::<_, ErrorKind>(file["after"].clone()), "{name}");
    }
}

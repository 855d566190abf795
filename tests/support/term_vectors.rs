//! The vectors of `tests/vectors/terms`: index terms, and the questions for values. They are made by
//! `tests/reference`; here every term is made again from primitives, and the crate makes, asks for or
//! refuses each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fieldseal::index::Term;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::forge::{expand, s8};
use crate::support::forms::{hex, int, list, text, unhex, word};
use crate::support::term_forms::{asked, is_built, matches, written};

fn vectors() -> BTreeMap<String, Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/terms");
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

fn positive() -> BTreeMap<String, Value> {
    let mut files = vectors();
    files.retain(|_, file| file["error"].is_null());
    assert!(files.len() > 20, "{}", files.len());
    files
}

/// The whole MAC of an input.
fn mac(key: &Value, input: &Value) -> Vec<u8> {
    let byte = |name: &str| u8::try_from(int(&input[name])).unwrap();
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&unhex(&key["key"])).unwrap();
    mac.update(&[byte("kind"), byte("level")]);
    mac.update(&unhex(&input["item"]));
    mac.finalize().into_bytes().to_vec()
}

/// `[IX-1]`, bit by bit.
fn term(key: &Value, input: &Value, bits: u64) -> String {
    let bits = usize::try_from(bits).unwrap();
    let mut term = mac(key, input);
    for bit in bits..256 {
        term[bit / 8] &= !(0x80 >> (bit % 8));
    }
    term.truncate(bits.div_ceil(8));
    let id = u32::try_from(int(&key["id"])).unwrap();
    hex(&[id.to_be_bytes().as_slice(), &term].concat())
}

/// What a vector asks, as a request of its own.
fn request(file: &Value, of: &Value) -> Value {
    let mut request = json!({});
    for name in ["ring", "tenant", "index"] {
        request[name] = file[name].clone();
    }
    for name in ["values", "between"] {
        if !of[name].is_null() {
            request[name] = of[name].clone();
        }
    }
    request
}

#[test]
fn every_term_follows_from_primitives() {
    for (name, file) in positive() {
        let bits = file["index"]["bits"].as_u64().unwrap_or(128);
        let scope = ["record", "index"].map(|part| s8(text(&file["index"][part]).as_bytes()));
        let info = [
            b"fieldseal/v1 index".as_slice(),
            &s8(text(&file["tenant"]).as_bytes()),
            &scope.concat(),
        ]
        .concat();
        let masters: BTreeMap<u64, &Value> =
            list(&file["ring"]["keys"]).iter().map(|key| (int(&key["id"]), key)).collect();
        for key in list(&file["keys"]) {
            assert_eq!(hex(&info), key["info"], "{name}");
            if let Some(secret) = masters[&int(&key["id"])].get("secret") {
                assert_eq!(hex(&expand(&unhex(secret), &info, 32)), key["key"], "{name}");
            }
        }
        let held = |states: &[&str]| -> Vec<&Value> {
            let of = list(&file["keys"]).iter();
            of.filter(|key| !key["key"].is_null() && states.contains(&text(&key["state"])))
                .collect()
        };
        for row in list(&file["written"]) {
            let mut terms = BTreeSet::new();
            for input in list(&row["inputs"]) {
                let [key] = held(&["primary"])[..] else { panic!("{name}") };
                assert_eq!(hex(&mac(key, input)), input["mac"], "{name}");
                terms.insert(term(key, input, bits));
            }
            assert_eq!(json!(terms), row["terms"], "{name}");
        }
        let asking = held(&["primary", "open-only", "compromised"]);
        for question in list(&file["asked"]) {
            let group = |inputs: &Value| -> BTreeSet<String> {
                let under = |key: &&Value| {
                    let inputs = list(inputs).iter();
                    inputs.map(|input| term(key, input, bits)).collect::<Vec<_>>()
                };
                asking.iter().flat_map(under).collect()
            };
            let groups: BTreeSet<_> = list(&question["asked"]).iter().map(group).collect();
            assert_eq!(json!(groups), question["groups"], "{name}");
        }
    }
}

#[test]
fn the_crate_makes_every_term_and_asks_every_question() {
    let (mut made, mut questions) = (0, 0);
    for (name, file) in positive() {
        for row in list(&file["written"]) {
            let request = request(&file, row);
            if is_built(&request) {
                let terms = written(&request).map(|terms| json!(terms));
                assert_eq!(terms, Ok(row["terms"].clone()), "{name}: {}", row["values"]);
                made += 1;
            }
        }
        for question in list(&file["asked"]) {
            let request = request(&file, question);
            if !is_built(&request) {
                continue;
            }
            let groups = asked(&request).map(|groups| json!(groups));
            let shown = &request["between"];
            assert_eq!(groups, Ok(question["groups"].clone()), "{name}: {shown}");
            for (number, row) in list(&file["written"]).iter().enumerate() {
                if is_built(&self::request(&file, row)) {
                    let matching = list(&question["matching"]).contains(&json!(number));
                    assert_eq!(matches(&request, list(&row["values"])), Ok(matching), "{name}");
                }
            }
            questions += 1;
        }
    }
    assert!(made > 60 && questions > 60, "{made} values, {questions} questions");
}

#[test]
fn what_is_found_has_a_term_of_each_group() {
    for (name, file) in positive() {
        for question in list(&file["asked"]) {
            let mut found = Vec::new();
            for (number, row) in list(&file["written"]).iter().enumerate() {
                let has = |term: &Value| list(&row["terms"]).contains(term);
                if list(&question["groups"]).iter().all(|group| list(group).iter().any(has)) {
                    found.push(number);
                }
            }
            assert_eq!(json!(found), question["found"], "{name}");
        }
    }
}

#[test]
fn every_term_is_read_as_it_was_written() {
    for (name, file) in positive() {
        for term in list(&file["written"]).iter().flat_map(|row| list(&row["terms"])) {
            let read = Term::from_text(text(term)).unwrap();
            assert_eq!(read.as_bytes(), unhex(term), "{name}");
            assert_eq!(read.to_text(), text(term), "{name}");
        }
    }
}

#[test]
fn every_value_and_question_that_is_no_good_is_answered_with_its_kind() {
    let mut kinds = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, file) in vectors() {
        if file["error"].is_null() || !is_built(&file) {
            continue;
        }
        let answered = match text(&file["operation"]) {
            "terms" => written(&file).map(drop),
            _ => asked(&file).map(drop),
        };
        let kind = answered.err().map_or("ok", word);
        if kind != text(&file["error"]) {
            wrong.push(format!("{name}: {kind} in place of {}: {}", file["error"], file["about"]));
        }
        *kinds.entry(kind).or_insert(0) += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(kinds.len(), 2, "{kinds:?}");
}

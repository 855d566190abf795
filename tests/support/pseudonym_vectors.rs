//! The vectors of `tests/vectors/pseudonyms`. They are made by `tests/reference`; here every intermediate
//! value is made again from primitives, and the crate makes or refuses each.

use std::collections::BTreeMap;
use std::path::Path;

use fieldseal::ErrorKind;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::forge::{expand, s8};
use crate::support::forms::{hex, list, text, unhex, word};
use crate::support::pseudonym_forms::pseudonyms;

fn vectors() -> BTreeMap<String, Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/pseudonyms");
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

/// The positive files; there are some.
fn positive() -> BTreeMap<String, Value> {
    let mut files = vectors();
    files.retain(|_, file| file["error"].is_null());
    assert!(files.len() > 5);
    files
}

/// What one key makes of one subject, in each form.
fn each(mut check: impl FnMut(&str, &Value, &Value)) {
    for (name, file) in positive() {
        for of in list(&file["of"]) {
            list(&of["under"]).iter().for_each(|under| check(&name, &file, under));
        }
    }
}

fn secret(file: &Value, under: &Value) -> Option<Vec<u8>> {
    let key = list(&file["ring"]["keys"]).iter().find(|key| key["id"] == under["key"]).unwrap();
    (key["form"] == "symmetric").then(|| unhex(&key["secret"]))
}

#[test]
fn every_key_of_a_purpose_follows_from_its_master() {
    each(|name, file, under| {
        let Some(secret) = secret(file, under) else { return };
        let parts = ["tenant", "purpose"].map(|part| s8(text(&file[part]).as_bytes())).concat();
        let info = [b"fieldseal/v1 pseudonym".as_slice(), &parts].concat();
        assert_eq!(under["info"], hex(&info), "{name}");
        assert_eq!(under["purpose_key"], hex(&expand(&secret, &info, 32)), "{name}");
    });
}

#[test]
fn every_pseudonym_follows_from_the_key_of_its_purpose() {
    each(|name, _, under| {
        for (number, form) in [(1, "token"), (2, "uuid"), (3, "text")] {
            let mut mac = Hmac::<Sha256>::new_from_slice(&unhex(&under["purpose_key"])).unwrap();
            mac.update(&[number]);
            mac.update(&s8(&unhex(&under["subject_id"])));
            let mac = mac.finalize().into_bytes();
            assert_eq!(under[form]["mac"], hex(&mac[..16]), "{name}");
            let made = match form {
                "token" => hex(&mac[..16]),
                "uuid" => uuid_of(&mac),
                _ => base32_of(&mac),
            };
            assert_eq!(under[form]["made"], made, "{name}");
        }
    });
}

fn uuid_of(mac: &[u8]) -> String {
    let mut digits = hex(&mac[..16]);
    digits.replace_range(12..13, "8");
    // 10 and the two bits that were there.
    digits.replace_range(16..17, &format!("{:x}", 8 + (mac[8] >> 4) % 4));
    [20, 16, 12, 8].into_iter().for_each(|at| digits.insert(at, '-'));
    digits
}

fn base32_of(mac: &[u8]) -> String {
    let bit = |at: usize| mac[..16].get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let five = |at: usize| (5 * at..5 * at + 5).fold(0, |five, at| five * 2 + bit(at));
    (0..26)
        .map(|at| char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[usize::from(five(at))]))
        .collect()
}

#[test]
fn the_crate_makes_every_pseudonym() {
    for (name, file) in positive() {
        for of in list(&file["of"]) {
            let mut request = file.clone();
            request["subject"] = of["subject"].clone();
            let expected = |form: &str| -> Vec<&str> {
                list(&of["under"]).iter().map(|under| text(&under[form]["made"])).collect()
            };
            let all = pseudonyms(&request, true).unwrap();
            for form in ["token", "uuid", "text"] {
                let (mut made, mut expected): (Vec<&str>, _) =
                    (list(&all[form]).iter().map(text).collect(), expected(form));
                if of["primary"] == true {
                    assert_eq!(made[0], expected[0], "{name}");
                }
                // Of those behind it the order is left open.
                made.sort_unstable();
                expected.sort_unstable();
                assert_eq!(made, expected, "{name}");
            }
            let one = pseudonyms(&request, false);
            if of["primary"] == true {
                let first = |form| expected(form)[0];
                let expected =
                    json!({"token": first("token"), "uuid": first("uuid"), "text": first("text")});
                assert_eq!(one, Ok(expected), "{name}");
            } else {
                assert_eq!(one, Err(ErrorKind::MissingKey), "{name}");
            }
        }
    }
}

#[test]
fn every_question_that_is_refused_is_answered_with_its_kind() {
    let mut refused = 0;
    for (name, file) in vectors().into_iter().filter(|(_, file)| !file["error"].is_null()) {
        let answered = pseudonyms(&file, file["operation"] == "pseudonyms");
        let kind = answered.err().map_or("ok", word);
        assert_eq!(kind, text(&file["error"]), "{name}: {}", file["about"]);
        refused += 1;
    }
    assert!(refused > 30, "{refused}");
}

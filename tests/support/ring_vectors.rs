//! The vectors of `tests/vectors/rings`: ring documents, shares, slot keys, derived keys and keys that sign. They are
//! made by `tests/reference`; here every intermediate value is made again from primitives, and the
//! crate opens or refuses each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fieldseal::keyring::{
    Fingerprint, Floor, LockedRing, RingDocument, RingKey, Share, SlotKey, VerifyingKey,
};
use fieldseal::{Error, ErrorKind, KeyRing};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::forge::{aead_seal, expand, s8};
use crate::support::forms::{
    array, hex, int, key_id, kind, list, ring, ring_form, scope, text, unhex, word,
};
use crate::support::ring_forms::{Answering, opened};

fn vectors() -> BTreeMap<String, Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/rings");
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
fn positive(kind: &str) -> BTreeMap<String, Value> {
    let mut files = vectors();
    files.retain(|_, file| file["error"].is_null() && file["kind"] == kind);
    assert!(!files.is_empty(), "{kind}");
    files
}

/// A document: its lines, or bytes; and the spaces behind it.
fn stored(file: &Value) -> Vec<u8> {
    let lines: Vec<&str> = list(&file["document"]).iter().map(text).collect();
    let mut document = match file["document"]["bytes"] {
        Value::Null => lines.join("\n").into_bytes(),
        ref bytes => unhex(bytes),
    };
    let spaces = file["spaces_behind"].as_u64().unwrap_or_default();
    document.resize(document.len() + usize::try_from(spaces).unwrap(), b' ');
    document
}

/// Canonical JSON: the members of a [`Value`] are in order, and all numbers are integers.
fn canonical(mut members: Value, without: &str) -> Vec<u8> {
    members.as_object_mut().unwrap().remove(without);
    members.to_string().into_bytes()
}

#[test]
fn every_intermediate_value_of_a_ring_document_follows_from_primitives() {
    for (name, file) in positive("ring document") {
        let document: Value = serde_json::from_slice(&stored(&file)).unwrap();
        let (id, master) = (unhex(&file["id"]), unhex(&file["master_key"]));
        assert_eq!(document["id"], file["id"], "{name}");
        assert_eq!(document["master"], file["master"], "{name}");
        let number = u32::try_from(int(&file["master"])).unwrap().to_be_bytes();
        let bound = [id.as_slice(), &number].concat();
        for (slot, shown) in list(&document["slots"]).iter().zip(list(&file["slots"])) {
            slot_follows(&name, &bound, &master, slot, shown);
        }
        // RF-4 to RF-6
        let keys = expand(&master, &[b"fieldseal/v1 ring", id.as_slice()].concat(), 64);
        assert_eq!(hex(&keys[..32]), file["aead_key"], "{name}");
        assert_eq!(hex(&keys[32..]), file["commitment"], "{name}");
        let told = canonical(document.clone(), "secrets");
        let aad = [b"fieldseal/v1 ring".as_slice(), &told].concat();
        assert_eq!(hex(&aad), file["aad"], "{name}");
        let secrets = secret_bytes(&file["ring"]);
        assert_eq!(hex(&secrets), file["secret_bytes"], "{name}");
        let nonce = unhex(&file["nonce"]);
        let sealed = aead_seal(&keys[..32], &nonce, &aad, &secrets);
        let whole = [&keys[32..], nonce.as_slice(), &sealed].concat();
        assert_eq!(base64url(&whole), document["secrets"], "{name}");
    }
}

/// `[RF-7]`, and how the slot's key is come by. `bound`: the document's id, and the number of its master
/// key.
fn slot_follows(name: &str, bound: &[u8], master: &[u8], slot: &Value, shown: &Value) {
    let info = [b"fieldseal/v1 ring slot", bound, &canonical(slot.clone(), "wrapped")].concat();
    assert_eq!(hex(&info), shown["info"], "{name}");
    let slot_key = unhex(&shown["slot_key"]);
    let keys = expand(&slot_key, &info, 64);
    let nonce = unhex(&shown["nonce"]);
    let body = aead_seal(&keys[..32], &nonce, &[], master);
    let wrapped = [&keys[32..], nonce.as_slice(), &body].concat();
    assert_eq!(hex(&keys[..32]), shown["wrap_key"], "{name}");
    assert_eq!(hex(&keys[32..]), shown["commitment"], "{name}");
    assert_eq!(hex(&wrapped), shown["wrapped"], "{name}");
    assert_eq!(base64url(&wrapped), slot["wrapped"], "{name}");
    let passphrase = shown["form"].as_str().or(shown["credential"]["passphrase"].as_str());
    if let Some(passphrase) = passphrase {
        assert_eq!(argon2id(passphrase, slot), slot_key, "{name}");
    }
    if slot["kind"] == "service" {
        let number = u16::try_from(int(&slot["id"])).unwrap().to_be_bytes();
        let context = [b"fieldseal/v1 ring service", &bound[..16], &number].concat();
        assert_eq!(hex(&context), shown["context"], "{name}");
    }
}

/// `[RF-8]`
fn argon2id(passphrase: &str, slot: &Value) -> Vec<u8> {
    use argon2::{Algorithm, Argon2, Params, Version};

    let number = |name: &str| int(&slot[name]).try_into().unwrap();
    let params =
        Params::new(number("memory_kib"), number("passes"), number("lanes"), Some(32)).unwrap();
    let mut memory = vec![argon2::Block::new(); params.block_count()];
    let mut key = vec![0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(
            passphrase.as_bytes(),
            &unhex(&slot["salt"]),
            &mut key,
            memory.as_mut_slice(),
        )
        .unwrap();
    key
}

/// 12.3: the secrets of all keys, one behind the other.
fn secret_bytes(ring: &Value) -> Vec<u8> {
    let of_key = |key: &Value| match text(&key["form"]) {
        "symmetric" => unhex(&key["secret"]),
        "pair" => [unhex(&key["private"]), unhex(&key["writer"])].concat(),
        "writer" => unhex(&key["writer"]),
        "derived" => list(&key["derived"]).iter().flat_map(|of| unhex(&of["key"])).collect(),
        _ => Vec::new(),
    };
    list(&ring["keys"]).iter().flat_map(of_key).collect()
}

#[test]
fn every_slot_opens_its_ring_document() {
    for (name, file) in positive("ring document") {
        let locked = LockedRing::from_json(&stored(&file)).unwrap();
        told(&name, &file, &locked);
        assert!(locked.is_protected(), "{name}");
        let stands = format!("{}.{}", file["master"], file["generation"]);
        let locked = locked.floor(stands.parse::<Floor>().unwrap());
        for slot in list(&file["slots"]).iter().filter(|slot| !slot["credential"].is_null()) {
            let document = opened(&locked, &slot["credential"]).unwrap();
            assert_eq!(ring_form(document.ring()), file["ring"], "{name}");
            assert_eq!(document.floor().to_string(), stands, "{name}");
            let by = document.opened_by().map(|id| u64::from(id.get()));
            assert_eq!(by, slot["id"].as_u64(), "{name}");
            saved_again(&name, document, slot);
        }
    }
}

/// What the crate writes of it says the same, and the same slot opens it.
fn saved_again(name: &str, mut document: RingDocument, slot: &Value) {
    let before = ring_form(document.ring());
    match kind(document.to_json()) {
        Ok(json) => {
            let locked = LockedRing::from_json(json.as_bytes()).unwrap();
            let again = opened(&locked, &slot["credential"]).unwrap();
            assert_eq!(ring_form(again.ring()), before, "{name}");
        }
        Err(refused) => {
            assert_eq!((name, refused), ("generation-last", ErrorKind::Exhausted));
        }
    }
}

fn told(name: &str, file: &Value, locked: &LockedRing) {
    assert_eq!(locked.id().to_string(), text(&file["id"]), "{name}");
    assert_eq!(locked.generation(), int(&file["generation"]), "{name}");
    assert_eq!(locked.written_at(), int(&file["written_at"]), "{name}");
    let ids: Vec<_> = locked.keys().map(|line| line.id()).collect();
    let expected: Vec<_> =
        list(&file["ring"]["keys"]).iter().map(|key| key_id(&key["id"])).collect();
    assert_eq!(ids, expected, "{name}");
    let slots: Vec<_> = locked.slots().iter().map(|slot| u64::from(slot.id().get())).collect();
    let expected: Vec<_> = list(&file["slots"]).iter().map(|slot| int(&slot["id"])).collect();
    assert_eq!(slots, expected, "{name}");
}

#[test]
fn services_are_asked_with_the_slots_context() {
    for (name, file) in positive("ring document") {
        let locked = LockedRing::from_json(&stored(&file)).unwrap();
        for slot in list(&file["slots"]).iter().filter(|slot| slot["kind"] == "service") {
            let asked = locked.unlock_request(&Answering(&slot["credential"])).unwrap();
            assert_eq!(hex(&asked), slot["context"], "{name}");
        }
    }
}

#[test]
fn every_unprotected_document_opens_by_its_fingerprint() {
    for (name, file) in positive("unprotected ring document") {
        let json = stored(&file);
        let document: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(document["unprotected"], base64url(&secret_bytes(&file["ring"])), "{name}");
        let told_of_it = canonical(document, "");
        assert_eq!(hex(&told_of_it), file["canonical"], "{name}");
        let mut hash = Sha256::new();
        hash.update(b"fieldseal/v1 ring fingerprint");
        hash.update(&told_of_it);
        assert_eq!(hex(&hash.finalize()), file["fingerprint"], "{name}");

        let locked = LockedRing::from_json(&json).unwrap();
        told(&name, &file, &locked);
        assert!(!locked.is_protected(), "{name}");
        let fingerprint: Fingerprint = text(&file["fingerprint"]).parse().unwrap();
        let pinned = locked.open_pinned(&fingerprint).unwrap();
        assert_eq!(ring_form(pinned.ring()), file["ring"], "{name}");
        assert_eq!(ring_form(locked.open_unprotected().unwrap().ring()), file["ring"], "{name}");
        assert_eq!(ring_form(&ring(&file["ring"])), file["ring"], "{name}");
    }
}

#[test]
fn every_share_is_read_as_it_was_typed() {
    for (name, file) in positive("share") {
        let value = unhex(&file["value"]);
        let number = |name: &str| u8::try_from(int(&file[name])).unwrap();
        let numbers = [number("threshold"), number("count"), number("index")];
        let header = [unhex(&file["set"]).as_slice(), &numbers].concat();
        let labelled = |label: &[u8], len| expand(&value, &[label, &header].concat(), len);
        let checksum = labelled(b"fieldseal/v1 share", 4);
        assert_eq!(hex(&checksum), file["checksum"], "{name}");
        assert_eq!(hex(&labelled(b"fieldseal/v1 share tag", 8)), file["tag"], "{name}");
        let written = share_text(&[header.as_slice(), &value, &checksum].concat());
        assert_eq!(file["text"], written, "{name}");
        for typed in list(&file["typed"]).iter().chain([&file["text"]]) {
            let share = Share::from_text(text(typed)).unwrap();
            assert_eq!(*share.to_text(), written, "{name}: {typed}");
            assert_eq!([share.threshold(), share.shares(), share.index()], numbers, "{name}");
        }
    }
}

/// `[RF-19]`
fn share_text(bytes: &[u8]) -> String {
    const SYMBOLS: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let mut written = String::from("FSSHARE1");
    for symbol in 0..76 {
        if symbol % 4 == 0 {
            written.push('-');
        }
        let place = (0..5).fold(0, |place, at| place << 1 | bit(symbol * 5 + at));
        written.push(SYMBOLS[usize::from(place)].into());
    }
    written
}

#[test]
fn every_slot_key_is_read_as_it_was_copied() {
    for (name, file) in positive("slot key") {
        let key: [u8; 32] = array(&file["key"]);
        let checksum = expand(&key, b"fieldseal/v1 slot key text", 4);
        let written = format!("fsk1.{}", base64url(&[key.as_slice(), &checksum].concat()));
        assert_eq!(file["text"], written, "{name}");
        assert_eq!(*SlotKey::from_bytes(&key).to_text(), written, "{name}");
        for typed in list(&file["typed"]).iter().chain([&file["text"]]) {
            assert_eq!(*SlotKey::from_text(text(typed)).unwrap().to_text(), written, "{name}");
        }
    }
}

#[test]
fn every_derived_key_follows_from_its_master() {
    for (name, file) in positive("derived key") {
        let of = &file["scope"];
        let parts: &[&str] = if file["use"] == "index" {
            &["tenant", "record", "index"]
        } else {
            &["tenant", "purpose"]
        };
        let parts: Vec<u8> =
            parts.iter().flat_map(|part| s8(text(&of[*part]).as_bytes())).collect();
        let info = [b"fieldseal/v1 ", text(&file["use"]).as_bytes(), &parts].concat();
        assert_eq!(hex(&info), file["info"], "{name}");
        assert_eq!(hex(&expand(&unhex(&file["master"]), &info, 32)), file["key"], "{name}");

        let key_use = text(&file["use"]).parse().unwrap();
        let (id, state) = (key_id(&7.into()), "primary".parse().unwrap());
        let master = array(&file["master"]);
        let key = RingKey::symmetric(id, key_use, text(&file["use"]), state, &master).unwrap();
        let derived = key.expose_derived(&scope(of)).unwrap();
        assert_eq!(hex(derived.expose()), file["key"], "{name}");
    }
}

/// Signatures and tokens of these files are made and verified by `src/sign`, in its own tests.
#[test]
fn every_verifying_key_is_that_of_its_secret() {
    for (name, file) in positive("signing key") {
        let (id, secret) = (key_id(&file["id"]), array(&file["secret"]));
        let private = expand(&secret, b"fieldseal/v1 sign", 32);
        assert_eq!(hex(&private), file["private"], "{name}");
        let (sign, primary) = ("sign".parse().unwrap(), "primary".parse().unwrap());
        let mut ring = KeyRing::empty();
        ring.insert(RingKey::symmetric(id, sign, "sign", primary, &secret).unwrap()).unwrap();
        let [key] = ring.verifying_keys()[..] else { panic!("{name}") };
        assert_eq!(hex(&key.to_bytes()), file["public"], "{name}");

        let told = [id.get().to_be_bytes().as_slice(), &key.to_bytes()].concat();
        let sum = Sha256::digest([b"fieldseal/v1 verifying key text".as_slice(), &told].concat());
        let written = format!("fsv1.{}", base64url(&[told.as_slice(), &sum[..4]].concat()));
        assert_eq!(file["text"], written, "{name}");
        assert_eq!(key.to_string(), written, "{name}");
        for typed in list(&file["typed"]).iter().chain([&file["text"]]) {
            assert_eq!(text(typed).parse::<VerifyingKey>().unwrap(), key, "{name}");
        }
        for of in list(&file["tokens"]) {
            let tenant = s8(text(&of["tenant"]).as_bytes());
            let info = [b"fieldseal/v1 ledger subject".as_slice(), &tenant].concat();
            assert_eq!(hex(&expand(&secret, &info, 32)), of["token_key"], "{name}");
        }
    }
}

#[test]
fn every_faulty_document_share_and_slot_key_is_answered_with_its_kind() {
    let (mut kinds, mut texts) = (BTreeMap::new(), BTreeSet::new());
    let mut wrong = Vec::new();
    for (name, file) in vectors().into_iter().filter(|(_, file)| !file["error"].is_null()) {
        let answered = refused(&file);
        let kind = answered.as_ref().err().map_or("ok", |error| word(error.kind()));
        if kind != text(&file["error"]) {
            wrong.push(format!("{name}: {kind} in place of {}: {}", file["error"], file["about"]));
        }
        if let Err(error) = answered {
            *kinds.entry(word(error.kind())).or_insert(0) += 1;
            texts.extend((error.kind() == ErrorKind::Unlock).then(|| error.to_string()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(kinds.len() >= 6, "{kinds:?}");
    // RF-24: beside which slots there are, and that a document is not the pinned one, there is one text.
    texts.retain(|text| !text.contains("; the ring has") && !text.contains("not the pinned one"));
    assert_eq!(texts.len(), 1, "{texts:?}");
}

fn refused(file: &Value) -> Result<(), Error> {
    match text(&file["operation"]) {
        "from-share" => Share::from_text(text(&file["text"])).map(drop),
        "from-verifying-key" => text(&file["text"]).parse::<VerifyingKey>().map(drop),
        "from-slot-key" => SlotKey::from_text(text(&file["text"])).map(drop),
        "ring-read" => LockedRing::from_json(&stored(file)).map(drop),
        operation => {
            let locked = LockedRing::from_json(&stored(file)).unwrap();
            let floor = match file["floor"].as_str() {
                Some(floor) => floor.parse().unwrap(),
                None => Floor::from(file["floor"].as_u64().unwrap_or_default()),
            };
            let locked = locked.floor(floor);
            match (operation, file["fingerprint"].as_str()) {
                ("ring-unlock", _) => opened(&locked, &file["credential"]).map(drop),
                (_, None) => locked.open_unprotected().map(drop),
                (_, Some(pin)) => locked.open_pinned(&pin.parse().unwrap()).map(drop),
            }
        }
    }
}

/// Base64url without padding.
fn base64url(bytes: &[u8]) -> String {
    const SYMBOLS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    (0..(bytes.len() * 8).div_ceil(6))
        .map(|symbol| {
            let place = (0..6).fold(0, |place, at| place << 1 | bit(symbol * 6 + at));
            char::from(SYMBOLS[usize::from(place)])
        })
        .collect()
}

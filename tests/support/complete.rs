//! Every intermediate value of a positive vector, from its inputs, by FORMAT.md and primitives.

use chacha20::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use super::forge::{self, DataKey, Place, SUITE, Terms};
use super::forms::{array, hex, id, int, list, text, unhex};

/// The first bytes of the generator that `[RN-2]` lays down.
pub(crate) fn keystream(seed: [u8; 32], len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    ChaCha20Rng::from_seed(seed).fill_bytes(&mut out);
    out
}

/// The ring key of an id, in its JSON form.
pub(crate) fn ring_key(ring: &Value, id: u64) -> Option<&Value> {
    list(&ring["keys"]).iter().find(|key| key["id"] == id)
}

/// The same file with every intermediate value made from its inputs.
pub(crate) fn complete(file: &Value) -> Value {
    let mut file = file.clone();
    match text(&file["kind"]) {
        "text" => file["text"] = base64url(&unhex(&file["bytes"])).into(),
        "id" => file["bytes"] = hex(id(&file["id"]).unwrap().as_bytes()).into(),
        "envelope" => {
            let subject = id(&file["subject"]).unwrap();
            envelope(&mut file, subject.as_bytes());
            let fields: Vec<Value> = list(&file["fields"])
                .iter()
                .map(|field| {
                    let mut field = field.clone();
                    sealed_field(&mut field, &file["entries"]);
                    field
                })
                .collect();
            file["fields"] = fields.into();
        }
        "standalone" => standalone(&mut file),
        other => panic!("kind {other}"),
    }
    file
}

fn envelope(file: &mut Value, subject: &[u8]) {
    let tenant = text(&file["tenant"]).to_owned();
    let ring = file["ring"].clone();
    let mut bytes = Vec::new();
    for entry in file["entries"].as_array_mut().unwrap() {
        bytes.push(entry_bytes(entry, &tenant, subject, &ring));
    }
    let key = int(&file["envelope_key"]);
    let secret = unhex(&ring_key(&ring, key).unwrap()["secret"]);
    let count = u16::try_from(bytes.len()).unwrap();
    let body = forge::envelope_body(int(&file["version"]), count, &bytes, key.try_into().unwrap());
    let input = forge::mac_input(&tenant, subject, &body);
    file["subject_id"] = hex(subject).into();
    file["mac_key"] = hex(&forge::expand(&secret, b"fieldseal/v1 envelope key", 32)).into();
    file["mac_input"] = hex(&input).into();
    file["mac"] = hex(&forge::mac(&secret, &input)).into();
    let envelope = forge::authenticated(&secret, &tenant, subject, &body);
    file["envelope"] = hex(&envelope).into();
    file["text"] = base64url(&envelope).into();
}

fn entry_bytes(entry: &mut Value, tenant: &str, subject: &[u8], ring: &Value) -> Vec<u8> {
    let state = text(&entry["state"]).to_owned();
    if state == "erased subject" {
        return forge::erased_subject(int(&entry["erased_at"]));
    }
    let class = text(&entry["class"]).to_owned();
    let generation = u16::try_from(int(&entry["generation"])).unwrap();
    if state == "erased" {
        let tag = array(&entry["tag"]);
        return forge::erased_entry(class.as_bytes(), generation, tag, int(&entry["erased_at"]));
    }
    let place = Place { tenant, subject, class: &class, generation };
    let terms = Terms {
        suite: int(&entry["suite"]).try_into().unwrap(),
        created_at: int(&entry["created_at"]),
        expires_at: int(&entry["expires_at"]),
    };
    if terms.suite == SUITE {
        let key = DataKey::derive(array(&entry["data_key"]), place);
        entry["expand_info"] = hex(&forge::data_key_info(place, SUITE)).into();
        entry["expanded"] = hex(&[key.aead, key.commitment].concat()).into();
        entry["aead_key"] = hex(&key.aead).into();
        entry["commitment"] = hex(&key.commitment).into();
    }
    let commitment = unhex(&entry["commitment"]);
    entry["tag"] = hex(&commitment[..4]).into();
    let data_key = entry["data_key"].clone();
    let mut recipients = Vec::new();
    for recipient in entry["recipients"].as_array_mut().unwrap() {
        let kind = u8::try_from(int(&recipient["kind"])).unwrap();
        let key_id = u32::try_from(int(&recipient["key_id"])).unwrap();
        if matches!(kind, 1 | 2) && terms.suite == SUITE {
            let aad = forge::wrap_aad(place, terms, &commitment, kind, key_id);
            recipient["wrap_aad"] = hex(&aad).into();
            let key = ring_key(ring, key_id.into()).unwrap();
            if kind == 1 {
                let (secret, nonce) = (unhex(&key["secret"]), unhex(&recipient["nonce"]));
                let wrapped = forge::wrap_symmetric(&secret, &nonce, &aad, &unhex(&data_key));
                let wrap_key = forge::expand(&secret, b"fieldseal/v1 wrap key", 32);
                recipient["wrap_key"] = hex(&wrap_key).into();
                recipient["wrapped"] = hex(&wrapped).into();
            } else {
                super::hpke::complete(recipient, key, &aad, &unhex(&data_key));
            }
        }
        recipients.push(forge::recipient(kind, key_id, &unhex(&recipient["wrapped"])));
    }
    forge::live_entry(class.as_bytes(), generation, terms, &commitment, &recipients)
}

fn data_key(entry: &Value) -> DataKey {
    DataKey {
        key: array(&entry["data_key"]),
        aead: array(&entry["aead_key"]),
        commitment: array(&entry["commitment"]),
    }
}

fn sealed_field(field: &mut Value, entries: &Value) {
    let class = field["sealed_class"].as_str().or(field["class"]["name"].as_str()).unwrap();
    let entry = list(entries)
        .iter()
        .find(|entry| entry["class"] == class && entry["generation"] == field["generation"])
        .unwrap();
    let key = data_key(entry);
    let row = id(&field["row"]).map_or_else(Vec::new, |row| row.as_bytes().to_vec());
    field["row_id"] = hex(&row).into();
    let (record, name) = (text(&field["record"]), text(&field["field"]));
    let head = forge::head(&key);
    let aad = if field["mask"] == true {
        forge::mask_aad(&head, record, name, &row)
    } else {
        forge::field_aad(&head, record, name, &row)
    };
    seal(field, &key, &aad);
}

/// Item, padding, nonce, ciphertext, and the sealed bytes.
fn seal(field: &mut Value, key: &DataKey, aad: &[u8]) {
    if !field["seed"].is_null() {
        let prefix = keystream(array(&field["seed"]), 16);
        field["nonce"] = hex(&[prefix.as_slice(), &[0; 8]].concat()).into();
    }
    let item = item(&field["value"]);
    let mut padded = item.clone();
    padded.resize(item.len().next_multiple_of(int(&field["pad"]).try_into().unwrap()), 0);
    let sealed = forge::sealed(key, &unhex(&field["nonce"]), aad, &padded);
    field["aad"] = hex(aad).into();
    field["item"] = hex(&item).into();
    field["padded"] = hex(&padded).into();
    field["ciphertext"] = hex(&sealed[29..]).into();
    field["text"] = base64url(&sealed).into();
    field["sealed"] = hex(&sealed).into();
}

fn standalone(file: &mut Value) {
    envelope(file, b"");
    let key = data_key(&file["entries"][0]);
    let aad = forge::standalone_aad(&forge::head(&key), &unhex(&file["context"]));
    let mut field = file["field"].clone();
    seal(&mut field, &key, &aad);
    let all = forge::standalone(&unhex(&file["envelope"]), &unhex(&field["sealed"]));
    file["field"] = field;
    file["standalone"] = hex(&all).into();
    file["standalone_text"] = base64url(&all).into();
}

/// `[TX-1]`
pub(crate) fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::from("fs1.");
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (24 - 8 * chunk.len());
        for at in 0..=chunk.len() {
            let index = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap();
            text.push(char::from(ALPHABET[index]));
        }
    }
    text
}

fn head(major: u8, argument: u64) -> Vec<u8> {
    let wide = argument.to_be_bytes();
    let top = major << 5;
    match argument {
        0..24 => vec![top | wide[7]],
        24..0x100 => vec![top | 24, wide[7]],
        0x100..0x1_0000 => [&[top | 25], &wide[6..]].concat(),
        0x1_0000..0x1_0000_0000 => [&[top | 26], &wide[4..]].concat(),
        _ => [&[top | 27], &wide[..]].concat(),
    }
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len().try_into().unwrap()
}

fn string(major: u8, bytes: &[u8]) -> Vec<u8> {
    [head(major, length(bytes)).as_slice(), bytes].concat()
}

fn integer(number: i128) -> Vec<u8> {
    match u64::try_from(number) {
        Ok(number) => head(0, number),
        Err(_) => head(1, u64::try_from(-1 - number).unwrap()),
    }
}

/// `[PT-3]` to `[PT-8]` The item of a value in its JSON form.
pub(crate) fn item(value: &Value) -> Vec<u8> {
    let v = &value["v"];
    let number = |value: &Value| text(value).parse::<i128>().unwrap();
    let count = || u64::try_from(list(v).len()).unwrap();
    match text(&value["t"]) {
        "null" => vec![0xF6],
        "bool" => vec![if *v == true { 0xF5 } else { 0xF4 }],
        "int" => integer(number(v)),
        "bytes" => string(2, &unhex(v)),
        "text" => string(3, text(v).as_bytes()),
        "array" => [head(4, count()), list(v).iter().flat_map(item).collect()].concat(),
        "map" => {
            let pairs = list(v).iter().flat_map(|pair| [item(&pair[0]), item(&pair[1])].concat());
            [head(5, count()), pairs.collect()].concat()
        }
        "json" => [vec![0x81], json_item(&serde_json::from_str(text(v)).unwrap())].concat(),
        "f32" => [vec![0xFA], unhex(v)].concat(),
        "f64" => [vec![0xFB], unhex(v)].concat(),
        "uuid" => [vec![0xD8, 37], string(2, &unhex(v))].concat(),
        "date" => [head(6, 1004), string(3, text(v).as_bytes())].concat(),
        "instant" => {
            let seconds = integer(number(&value["s"]));
            [head(6, 1001), vec![0xA2, 0x01], seconds, vec![0x28], head(0, int(&value["n"]))]
                .concat()
        }
        "decimal" => {
            let exponent = integer(value["e"].as_i64().unwrap().into());
            [vec![0xC4, 0x82], exponent, mantissa(number(&value["m"]))].concat()
        }
        other => panic!("value {other}"),
    }
}

/// `[PT-19]`
fn json_item(value: &Value) -> Vec<u8> {
    let count = |len: usize| u64::try_from(len).unwrap();
    match value {
        Value::Null => vec![0xF6],
        Value::Bool(value) => vec![if *value { 0xF5 } else { 0xF4 }],
        Value::String(text) => string(3, text.as_bytes()),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => integer(number.into()),
            (_, Some(number)) => integer(number.into()),
            _ => [vec![0xFB], number.as_f64().unwrap().to_be_bytes().to_vec()].concat(),
        },
        Value::Array(items) => {
            [head(4, count(items.len())), items.iter().flat_map(json_item).collect()].concat()
        }
        Value::Object(map) => {
            let pairs = map
                .iter()
                .flat_map(|(key, value)| [string(3, key.as_bytes()), json_item(value)].concat());
            [head(5, count(map.len())), pairs.collect()].concat()
        }
    }
}

fn mantissa(number: i128) -> Vec<u8> {
    if (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number) {
        return integer(number);
    }
    let (tag, bytes) = match number {
        0.. => (0xC2, number.to_be_bytes()),
        _ => (0xC3, (-1 - number).to_be_bytes()),
    };
    let significant: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    [vec![tag], string(2, &significant)].concat()
}

/// An empty file of a kind.
pub(crate) fn positive(kind: &str, about: &str, covers: &[&str]) -> Value {
    json!({"kind": kind, "about": about, "covers": covers, "error": null})
}

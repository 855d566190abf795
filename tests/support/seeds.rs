//! The inputs that the fuzzers begin with.

use fieldseal::{Field, KeyEnvelope};

use super::forge::{self, Seed};
use super::targets::{
    CONTACT, ENVELOPE_KEY, ENVELOPE_SECRET, SUBJECT, SUBJECT_ID, TENANT, access, keys,
};

type Seeds = Vec<(&'static str, &'static str, Vec<u8>)>;

pub(crate) fn all() -> Seeds {
    let mut seeds = envelopes();
    seeds.extend(fields());
    seeds.extend(plaintexts());
    #[cfg(feature = "file")]
    seeds.extend(rings());
    #[cfg(feature = "file")]
    seeds.extend(ledgers());
    seeds.extend(schemas());
    seeds.extend([
        ("text", "canonical", b"fs1.9QECAwQ".to_vec()),
        ("text", "spare_bits", b"fs1.9QECAwR".to_vec()),
        ("text", "reserved", b"fs1.-AAA".to_vec()),
        ("text", "plain", b"Ada".to_vec()),
    ]);
    for (name, chooser) in [("number", 0), ("text", 2), ("bytes", 3), ("array", 5)] {
        let mut input = vec![7; 32];
        input.extend(b"\x04acme\x00\x00\0\0\0\0\0\0\0\x2A\x01\x01\x01r\x01");
        input.extend([chooser, 5, b'h', b'e', b'l', b'l', b'o', 0, 0, 0, 0, 32, 1, 90, 2, 77]);
        seeds.push(("seal_open", name, input));
    }
    let values: [(&str, &[u8]); 12] = [
        ("plain", b"\x00\x03Ada\x03Ada"),
        ("cut", b"\x01\x03Ada\x04Adam"),
        ("email", b"\x02\x0FAda@Example.com \x0Fada@example.com "),
        ("lenient", b"\x03\x0A2024-02-29\x0820240229"),
        ("digits", b"\x04\x094242 4242\x084242-424"),
        ("text", b"\x05\x07Stra\xC3\x9Fe\x07STRASSE"),
        ("phone", b"\x06\x0F+49 30 23125146\x0B03023125146"),
        ("prefix", b"\x07\x08Lovelace\x02Lo"),
        ("words", b"\x08\x0Cfirst of all\x09all first"),
        ("numbers", b"\x09\x00\x00\0\0\0\0\0\0\x03\xE8\0\0\0\0\0\0\x07\xD0\0\0\0\0\0\0\x04\xD2"),
        (
            "all",
            b"\x0A\x00\x00\x80\0\0\0\0\0\0\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0\0\0\0\x01",
        ),
        ("pair", b"\x0B\x01a\x01a\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01"),
    ];
    seeds.extend(values.map(|(name, bytes)| ("terms", name, bytes.to_vec())));
    let mut input = vec![7; 32];
    input.extend(b"\x00\x02\x00\0\0\0\0\0\0\0\x2A\x01\x01\x01r\x01\x08\x02ab\x03abc\x02\x01\x10");
    seeds.push(("seal_open", "standalone", input));
    seeds
}

fn schemas() -> Seeds {
    let small = r#"{"version":1,"record":"r","rows":"many","keys":"external","columns":["a","m"],"fields":[{"id":"a","column":"a","kind":"text","optional":true,"class":{"name":"contact","readers_with_consent":["support"]},"companions":[{"column":null,"what":{"index":{"id":"a","shape":{"prefix":3},"normalizer":"digits","cardinality":{"declared":1000000}}}},{"column":"m","what":{"mask":{"shows":"last4","class":{"name":"mask.contact","readers":["app","support"]}}}}]}]}"#;
    let numbers = r#"{"version":1,"record":"r","rows":"single","keys":"inline","columns":["n","b","c"],"fields":[{"id":"n","column":"n","kind":"integer","limit":{"integers":[-128,127]},"class":{"name":"medical","readers":["doctor"],"retain_days":30,"generation_days":3},"was":{"name":"contact"},"pad":1,"companions":[{"column":null,"what":{"index":{"id":"n","shape":{"range":[{"unit":"one","least":"-9","greatest":"99","step":2},3]},"allow_leakage":"a seed"}}}]},{"id":"b","column":"b","kind":"bool","optional":true,"hide_null":true,"class":{"name":"contact"}},{"id":"t","column":"c","class":{"name":"contact"}}],"compounds":[{"companion":{"column":"d","what":{"index":{"id":"both","kind":"unknown","shape":{"compound":["custom:upper","none"]},"bits":20,"cardinality":"measured"}}},"parts":["t","n"]}]}"#;
    [("text", small), ("numbers", numbers)]
        .map(|(name, json)| ("schema", name, json.as_bytes().to_vec()))
        .into()
}

fn envelopes() -> Seeds {
    let created = keys().envelope();
    let mut edit = created.edit(access(), SUBJECT).unwrap();
    edit.renew(CONTACT).unwrap();
    edit.erase_class("medical").unwrap();
    let renewed = edit.finish().unwrap();
    let mut edit = created.edit(access(), SUBJECT).unwrap();
    edit.erase_subject().unwrap();
    let erased = edit.finish().unwrap();
    let own = |envelope: &KeyEnvelope| envelope.as_bytes().to_vec();
    let unknown = {
        let terms = forge::Terms { suite: 2, created_at: 1, expires_at: 2 };
        let entry =
            forge::live_entry(b"contact", 3, terms, &[5; 32], &[forge::recipient(3, 9, b"later")]);
        let body = forge::envelope_body(9, 1, &[entry], ENVELOPE_KEY);
        forge::authenticated(&ENVELOPE_SECRET, TENANT, SUBJECT_ID, &body)
    };
    vec![
        ("envelope", "created", own(created)),
        ("envelope", "renewed", own(&renewed)),
        ("envelope", "erased", own(&erased)),
        ("envelope", "of_later_suite_and_kind", unknown),
    ]
}

fn fields() -> Seeds {
    let field: Field<String> = Field::new("record", "field", CONTACT);
    let sealed = field.seal_with_rng(keys(), &"Ada".into(), &mut Seed([8; 32])).unwrap();
    let standalone =
        access().seal_for_with_rng(&["app"], b"context", b"Ada", &mut Seed([8; 32])).unwrap();
    vec![
        ("sealed_field", "text", sealed.into_bytes()),
        ("sealed_field", "short", vec![0xF5; 45]),
        ("sealed_field", "reserved", vec![0xF8; 46]),
        ("standalone", "bytes", standalone),
        ("standalone", "short", vec![0xF7, 0, 40]),
    ]
}

#[cfg(feature = "file")]
fn rings() -> Seeds {
    use fieldseal::KeyRing;
    use fieldseal::keyring::{Capabilities, KeyUse, RingDocument, SlotKey};

    let mut ring = KeyRing::generate().unwrap();
    ring.add_key_pair_role("billing").unwrap();
    ring.add_index_key().unwrap();
    ring.add_signing_key().unwrap();
    let verifying = ring.verifying_keys().remove(0).to_string();
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    ring.set_rotate_after(KeyUse::Wrap, "app", Some(90)).unwrap();
    let reach = Capabilities::new().writer("billing").index("acme", "customer", "email");
    let service = ring.subset_with(&reach).unwrap().into_ring();

    let mut service = RingDocument::new(service).unwrap();
    let (unprotected, _) = service.to_unprotected_json().unwrap();
    let mut document = RingDocument::new(ring).unwrap();
    let (whole, _) = document.to_unprotected_json().unwrap();
    document.add_slot("server", &super::targets::rings::credential()).unwrap();
    let share = document.add_recovery_slot("custodians", 2, 3).unwrap().remove(0).to_text();
    vec![
        ("ring", "service", unprotected.as_bytes().to_vec()),
        ("ring", "whole", whole.as_bytes().to_vec()),
        ("ring", "protected", document.to_json().unwrap().into_bytes()),
        ("typed", "share", share.as_bytes().to_vec()),
        ("typed", "verifying_key", verifying.into_bytes()),
        ("typed", "slot_key", SlotKey::generate().unwrap().to_text().as_bytes().to_vec()),
    ]
}

#[cfg(feature = "file")]
fn ledgers() -> Seeds {
    use std::sync::Mutex;

    use fieldseal::envelope::History;
    use fieldseal::ledger::LedgerHead;
    use fieldseal::{Access, DataKeys};

    use super::targets::ledgers::{Lines, signing};
    use super::targets::{MEDICAL, NOW};

    let first = LedgerHead::begin(signing(), NOW).unwrap();
    let book = Lines(Mutex::new(first.clone()));
    let access = Access::new(signing()).tenant(TENANT).at(NOW).ledger(&book);
    let access = access.actor("alice").source("form").notice("2026-11");
    let mut edit = DataKeys::create(
        access,
        SUBJECT,
        ([CONTACT, MEDICAL], [CONTACT.consented_to(&["support"]), MEDICAL.consented_to(&[])]),
    )
    .unwrap()
    .envelope()
    .edit(access, SUBJECT)
    .unwrap();
    edit.withdraw(CONTACT, "support").unwrap();
    edit.grant(CONTACT, "support", History::Included).unwrap();
    edit.erase_class("medical").unwrap();
    let stored = edit.finish().unwrap();
    let (life, head) = book.0.lock().unwrap().clone();
    let mut edit = stored.edit(access, SUBJECT).unwrap();
    edit.erase_subject().unwrap();
    let receipt = edit.finish_erasure().unwrap().receipt(access, None).unwrap();
    let erased = book.0.lock().unwrap().0.clone();
    let torn = life.trim_end().to_owned();
    vec![
        ("ledger", "begun", first.0.into_bytes()),
        ("ledger", "life", life.into_bytes()),
        ("ledger", "torn", torn.into_bytes()),
        ("ledger", "erased", erased.into_bytes()),
        ("ledger", "head", head.to_string().into_bytes()),
        ("ledger", "receipt", receipt.to_string().into_bytes()),
    ]
}

fn plaintexts() -> Seeds {
    let items: [(&str, &[u8]); 18] = [
        ("text", b"\x63Ada\0\0\0\0"),
        ("bytes", b"\x44\x01\x02\x03\x04"),
        ("integer", b"\x1B\0\0\0\x01\0\0\0\0"),
        ("negative", b"\x3B\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
        ("bool", b"\xF5\0"),
        ("null", b"\xF6"),
        ("f32", b"\xFA\x7F\xA0\0\x01"),
        ("f64", b"\xFB\x7F\xF0\0\0\0\0\0\x01"),
        ("array", b"\x82\x61a\x61b"),
        ("nested", b"\x82\x81\x01\x80"),
        ("options", b"\x82\xF6\x82\xF4\xF5"),
        ("uuid", b"\xD8\x25\x50\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C\x0D\x0E\x0F"),
        ("date", b"\xD9\x03\xEC\x6A2026-11-21"),
        ("instant", b"\xD9\x03\xE9\xA2\x01\x1A\x6B\x49\xD2\0\x28\x18\x2A"),
        ("decimal", b"\xC4\x82\x21\x18\x6E"),
        ("decimal_above", b"\xC4\x82\0\xC2\x49\x01\0\0\0\0\0\0\0\0"),
        ("decimal_below", b"\xC4\x82\0\xC3\x48\x80\0\0\0\0\0\0\0"),
        (
            "tree",
            b"\xA6\x62id\x01\x64note\xF6\x66letter\x18\x61\x67nothing\x80\x66shapes\x81\x64Unit\x67by_name\xA0",
        ),
    ];
    items.into_iter().map(|(name, item)| ("value", name, item.to_vec())).collect()
}

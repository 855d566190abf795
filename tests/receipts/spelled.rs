//! How receipts are spelled: layout is free, members are not, and every id has one spelling.

use fieldseal::{Id, SubjectId, ToId};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::believed::{base64, canonical, document, signed};
use super::*;

fn read(text: &str) -> Result<Receipt, fieldseal::Error> {
    Receipt::from_json(text.as_bytes(), &keys())
}

#[test]
fn layout_and_order_are_free() {
    let document = document();
    let compact = canonical(&document);
    // Every character of every string escaped, members in the other order.
    fn wide(value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(name, _)| *name);
                let spelled = members
                    .into_iter()
                    .rev()
                    .map(|(name, member)| format!("{}\t:\r\n{}", escaped(name), wide(member)));
                format!("{{ {} }}", spelled.collect::<Vec<_>>().join(" ,\n"))
            }
            Value::Array(items) => {
                format!("[ {}\n]", items.iter().map(wide).collect::<Vec<_>>().join(" , "))
            }
            Value::String(text) => escaped(text),
            other => other.to_string(),
        }
    }
    fn escaped(text: &str) -> String {
        let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        format!("\"{units}\"")
    }
    let printed = read(&compact).unwrap().to_string();
    for spelling in [wide(&document), format!(" \n{compact}\t\r\n"), printed.clone()] {
        assert_eq!(read(&spelling).unwrap().to_string(), printed);
    }
    for other in [
        format!("\u{FEFF}{compact}"),
        format!("{compact}{compact}"),
        format!("{compact}x"),
        format!("{compact}\0"),
        format!("{compact} // by the support desk"),
        compact.replace(',', ",,"),
        compact[..compact.len() - 1].into(),
    ] {
        assert_eq!(kind(read(&other)), ErrorKind::Malformed, "{other:.30}");
    }
}

#[test]
fn a_member_that_stands_twice_is_refused() {
    let document = document();
    let compact = canonical(&document);
    for (name, member) in document.as_object().unwrap() {
        let twice = format!("{{{name:?}:{},{}", canonical(member), &compact[1..]);
        assert_eq!(kind(read(&twice)), ErrorKind::Malformed, "{name}");
    }
    for (once, twice) in [
        ("\"column\":", "\"column\":\"x\",\"column\":"),
        ("\"erased_at\":", "\"erased_at\":\"2026-11-22T00:33:40Z\",\"erased_at\":"),
        ("\"integer\":", "\"integer\":\"42\",\"integer\":"),
        ("\"role\":", "\"role\":\"app\",\"role\":"),
    ] {
        assert!(compact.contains(once));
        let twice = compact.replacen(once, twice, 1);
        assert_eq!(kind(read(&twice)), ErrorKind::Malformed, "{once}");
    }
}

/// Signed by the right key, and still none.
#[test]
fn a_signature_makes_no_receipt_of_what_is_spelled_otherwise() {
    let set = |place: &str, value: Value| {
        let mut document = document();
        *document.pointer_mut(place).unwrap() = value;
        signed(document)
    };
    let times = [
        "",
        "now",
        "2026-11-22",
        "2026-11-22T00:33:40",
        "2026-11-22t00:33:40z",
        "2026-11-22T00:33:40.0Z",
        "2026-11-22T00:33:40+00:00",
        "2026-11-31T00:33:40Z",
        "2026-11-22T24:00:00Z",
        "2026-12-31T23:59:60Z",
        "1969-12-31T23:59:59Z",
        "+12026-11-22T00:33:40Z",
    ];
    let places = ["/at", "/subject_erased_at", "/generations/0/erased_at"];
    let names = ["", "Contact", "1contact", "con tact", "cöntact", &"c".repeat(65)];
    let ids = ["", "0000001", "000000010", "0000001G", "0000001A ", "00000000"];
    let mut all = Vec::new();
    for place in places {
        all.extend(times.map(|time| set(place, time.into())));
    }
    all.extend(names.map(|name| set("/generations/0/class", name.into())));
    all.extend(names.map(|name| set("/keys/0/role", name.into())));
    all.extend(ids.map(|id| set("/keys/0/id", id.into())));
    all.extend(["0000006G", "6", "00000000"].map(|id| set("/key", id.into())));
    all.extend(
        [json!(0), json!(-1), json!(65_536), json!(1.0), json!("1"), json!(true)]
            .map(|generation| set("/generations/0/generation", generation)),
    );
    all.push(set("/tenant", "t".repeat(65).into()));
    let subjects = [
        json!({}),
        json!([]),
        json!("42"),
        json!({ "integer": 42 }),
        json!({ "integer": "42", "text": "42" }),
        json!({ "number": "42" }),
        json!({ "Integer": "42" }),
        json!({ "integer": "" }),
        json!({ "integer": "042" }),
        json!({ "integer": "+42" }),
        json!({ "integer": "-0" }),
        json!({ "integer": " 42" }),
        json!({ "integer": "4e1" }),
        json!({ "integer": "18446744073709551616" }),
        json!({ "integer": "-9223372036854775809" }),
        json!({ "text": "" }),
        json!({ "text": "t".repeat(255) }),
        json!({ "uuid": "00112233-4455-6677-8899-aabbccddeeff" }),
        json!({ "uuid": "00112233445566778899AABBCCDDEEFF" }),
        json!({ "uuid": "001122" }),
        json!({ "bytes": "" }),
        json!({ "bytes": "AQI=" }),
        json!({ "bytes": "AQJ" }),
        json!({ "bytes": "+/+/" }),
        json!({ "bytes": [1, 2] }),
        json!({ "parts": [] }),
        json!({ "parts": [{ "text": "shop" }] }),
        json!({ "parts": [{ "text": "shop" }, { "parts": [{ "text": "a" }, { "text": "b" }] }] }),
        json!({ "parts": [{ "text": "shop" }, { "text": "" }] }),
        json!({ "parts": [{ "text": "t".repeat(200) }, { "text": "t".repeat(200) }] }),
        json!({ "parts": { "text": "shop", "integer": "7" } }),
    ];
    all.extend(subjects.map(|subject| set("/subject", subject)));
    for document in all {
        assert_eq!(kind(read(&document.to_string())), ErrorKind::Malformed, "{document}");
    }
    // And what is well.
    for (place, value) in [
        ("/at", "9999-12-30T22:00:00Z".into()),
        ("/generations/0/generation", json!(65_535)),
        ("/tenant", "t".repeat(64).into()),
        ("/keys", json!([])),
        ("/columns", json!([{ "column": "", "record": "" }])),
        ("/subject", json!({ "text": "t".repeat(254) })),
        ("/subject", json!({ "parts": [{ "text": "shop" }, { "integer": "-7" }] })),
    ] {
        read(&set(place, value).to_string()).unwrap();
    }
}

#[test]
fn deep_nesting_is_refused_and_harms_nothing() {
    for depth in [2, 100, 127, 10_000, 200_000] {
        let subject =
            format!("{}{{\"text\":\"x\"}}{}", "{\"parts\":[".repeat(depth), "]}".repeat(depth));
        let text = canonical(&document()).replace("{\"integer\":\"42\"}", &subject);
        assert_eq!(kind(read(&text)), ErrorKind::Malformed, "{depth}");
    }
}

/// The receipt of the erasure of a subject that was never stored.
fn receipt_of(access: Access<'_>, subject: impl ToId) -> Receipt {
    let erasure = MemoryKeyStore::new().erase_absent(&(), access, subject).unwrap();
    erasure.receipt(access, None).unwrap()
}

#[test]
fn every_kind_of_subject_is_named_as_the_application_does() {
    let ring = signing();
    let uuid: [u8; 16] = std::array::from_fn(|place| u8::try_from(place * 17).unwrap());
    let cases: [(Box<dyn ToId>, Value); 12] = [
        (Box::new(42), json!({ "integer": "42" })),
        (Box::new(0), json!({ "integer": "0" })),
        (Box::new(u64::MAX), json!({ "integer": "18446744073709551615" })),
        (Box::new(-1), json!({ "integer": "-1" })),
        (Box::new(i64::MIN), json!({ "integer": "-9223372036854775808" })),
        (Box::new("42"), json!({ "text": "42" })),
        (Box::new("Ada \"L\" \u{7} \u{1F511}"), json!({ "text": "Ada \"L\" \u{7} \u{1F511}" })),
        (Box::new([0_u8, 0xFF].as_slice()), json!({ "bytes": "AP8" })),
        (Box::new([7_u8; 254].as_slice()), json!({ "bytes": base64(&[7; 254]) })),
        (
            Box::new(Id::from_uuid_bytes(uuid)),
            json!({ "uuid": "00112233445566778899aabbccddeeff" }),
        ),
        (Box::new(("shop", 7)), json!({ "parts": [{ "text": "shop" }, { "integer": "7" }] })),
        (
            Box::new((Id::from_uuid_bytes(uuid), -7, [1_u8].as_slice())),
            json!({ "parts": [
                { "uuid": "00112233445566778899aabbccddeeff" }, { "integer": "-7" }, { "bytes": "AQ" }
            ] }),
        ),
    ];
    for (subject, spelled) in cases {
        let id = subject.to_id().unwrap();
        let receipt = receipt_of(at(&ring, NOW), &id);
        let text = receipt.to_string();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["subject"], spelled);
        assert_eq!(read(&text).unwrap().subject(), &SubjectId::new(&id).unwrap());
    }
}

/// `[RE-2]`
#[test]
fn what_is_made_can_be_read_up_to_the_largest() {
    const MOST: usize = 1 << 20;
    let (ring, store) = (signing(), store());
    let erasure = store.erase(&(), at(&ring, NOW), 42).unwrap();
    let without = erasure.receipt(at(&ring, NOW).actor(""), None).unwrap();
    let len = canonical(&serde_json::from_str(&without.to_string()).unwrap()).len();
    // What is printed is laid out for people while that can be read again.
    for (room, fits) in [(MOST - 2_000, true), (MOST - 1, true), (MOST, true), (MOST + 1, false)] {
        let actor = "a".repeat(room - len);
        let made = erasure.receipt(at(&ring, NOW).actor(&actor), None);
        match made {
            Ok(receipt) => {
                assert!(fits, "{room}");
                let text = receipt.to_string();
                assert!(text.len() <= MOST);
                assert_eq!(read(&text).unwrap().actor(), Some(actor.as_str()));
            }
            Err(error) => assert!(!fits && error.kind() == ErrorKind::InvalidInput, "{error}"),
        }
    }
    // White space counts, too.
    let text = canonical(&document());
    let padded = format!("{text}{}", " ".repeat(MOST - text.len()));
    assert!(read(&padded).is_ok());
    assert_eq!(kind(read(&format!("{padded} "))), ErrorKind::Malformed);
    assert_eq!(kind(Receipt::from_json(&vec![b'['; 4 * MOST], &keys())), ErrorKind::Malformed);
}

fn id() -> impl Strategy<Value = Id> {
    let simple = || {
        prop_oneof![
            any::<u64>().prop_map(|id| id.to_id().unwrap()),
            any::<i64>().prop_map(|id| id.to_id().unwrap()),
            any::<String>().prop_filter_map("not empty", |id| id.to_id().ok()),
            proptest::collection::vec(any::<u8>(), 1..64)
                .prop_map(|id| id.as_slice().to_id().unwrap()),
            any::<[u8; 16]>().prop_map(Id::from_uuid_bytes),
        ]
    };
    let composite =
        (simple(), simple()).prop_filter_map("not too long", |(one, two)| (one, two).to_id().ok());
    prop_oneof![4 => simple(), 1 => composite]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_subject_tenant_actor_and_purpose_comes_back(
        subject in id(),
        tenant in any::<String>().prop_filter("at most 64 bytes", |tenant| tenant.len() <= 64),
        actor in any::<Option<String>>(),
        purpose in any::<Option<String>>(),
        now in 0..253_402_200_000_u64,
    ) {
        let ring = signing();
        let mut access = at(&ring, now).tenant(&tenant);
        access = actor.as_deref().map_or(access, |actor| access.actor(actor));
        access = purpose.as_deref().map_or(access, |purpose| access.purpose(purpose));
        let made = receipt_of(access, &subject);
        let read = read(&made.to_string()).unwrap();
        prop_assert_eq!(read.subject(), &SubjectId::new(&subject).unwrap());
        prop_assert_eq!(read.tenant(), &tenant);
        prop_assert_eq!(read.actor(), actor.as_deref());
        prop_assert_eq!(read.purpose(), purpose.as_deref());
        prop_assert_eq!((read.at(), read.subject_erased_at()), (now, Some(now)));
        prop_assert_eq!(read.to_string(), made.to_string());
    }

    #[test]
    fn no_bytes_make_a_receipt_by_chance(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Receipt::from_json(&bytes, &keys()).is_err());
    }
}

//! The positive vectors of sealed fields: rows, values, paddings.

use serde_json::{Value, json};

use super::super::forms::hex;
use super::{Files, a_text, fixed, merged, one_class};

pub(super) fn all() -> Files {
    let rows = [
        json!({"int": "0"}),
        json!({"int": "18446744073709551615"}),
        json!({"int": "-1"}),
        json!({"text": "row"}),
        json!({"uuid": "00112233445566778899aabbccddeeff"}),
        json!({"bytes": "00"}),
        json!({"composite": [{"int": "1"}, {"bytes": "ff"}]}),
    ];
    let rows = rows.into_iter().fold(
        one_class("one text in rows of each form of id", &["ID-1", "AAD-1"]),
        |maker, row| maker.field(merged(a_text("Ada"), json!({"row": row}))),
    );
    let values = values().into_iter().fold(
        one_class("one value of each type", &["PT-1", "PT-2", "PT-3", "PT-6", "PT-7", "PT-8"]),
        |maker, (kind, value)| {
            maker.field(json!({"type": kind, "value": value, "row": {"text": kind}}))
        },
    );
    let structures = one_class("structures, each form of an enum among them", &["PT-14", "PT-16"])
        .field(json!({"type": "structure", "value": structure()}));
    let json = json_values().into_iter().fold(
        one_class("JSON of no declared type, null among it", &["PT-11", "PT-19"]),
        |maker, text| maker.field(json!({"type": "json", "value": {"t": "json", "v": text}})),
    );
    let json = ["null", "[]"].into_iter().fold(json, |maker, text| {
        let hidden = json!({"hide_absence": true, "pad": 24, "type": "json"});
        maker.field(merged(hidden, json!({"value": {"t": "json", "v": text}})))
    });
    let hidden = json!({"hide_absence": true, "pad": 24});
    let padding = [(1, "Ada"), (2, "Ada"), (16, ""), (16, "fifteen letters"), (300, "Ada")]
        .into_iter()
        .fold(
            one_class("paddings, and absence that is hidden", &["PAD-1", "PAD-3"]),
            |maker, (pad, text)| maker.field(merged(a_text(text), json!({"pad": pad}))),
        )
        .field(merged(hidden.clone(), json!({"type": "text", "value": {"t": "null"}})))
        .field(merged(a_text("exactly 23 bytes are it"), hidden));
    let nonce =
        |counter: u8| json!({"nonce": hex(&[&fixed("R")[..16], &[0; 7], &[counter]].concat())});
    let together = ["name", "street", "city"].into_iter().zip(0..).fold(
        one_class("three fields sealed in one call", &["RN-3"]),
        |maker, (name, counter)| {
            maker.field(merged(merged(a_text(name), nonce(counter)), json!({"field": name})))
        },
    );
    vec![
        ("rows".into(), rows.done()),
        ("values".into(), values.done()),
        ("values-json".into(), json.done()),
        ("values-structured".into(), structures.done()),
        ("padding".into(), padding.done()),
        ("one-call".into(), together.done()),
    ]
}

fn values() -> Vec<(&'static str, Value)> {
    let int = |v: &str| json!({"t": "int", "v": v});
    let decimal = |e: i8, m: &str| ("decimal", json!({"t": "decimal", "e": e, "m": m}));
    let instant = |s: &str, n: u32| ("instant", json!({"t": "instant", "s": s, "n": n}));
    vec![
        ("bool", json!({"t": "bool", "v": false})),
        ("bool", json!({"t": "bool", "v": true})),
        ("u8", int("0")),
        ("u8", int("23")),
        ("u8", int("24")),
        ("u16", int("256")),
        ("u32", int("65536")),
        ("u64", int("4294967296")),
        ("u64", int("18446744073709551615")),
        ("i8", int("-24")),
        ("i16", int("-25")),
        ("i64", int("-9223372036854775808")),
        ("f32", json!({"t": "f32", "v": "3fc00000"})),
        ("f32", json!({"t": "f32", "v": "80000000"})),
        ("f64", json!({"t": "f64", "v": "3ff8000000000000"})),
        ("f64", json!({"t": "f64", "v": "7ff8000000000123"})),
        ("text", json!({"t": "text", "v": ""})),
        ("text", json!({"t": "text", "v": "fs1.hello, Łódź"})),
        ("bytes", json!({"t": "bytes", "v": ""})),
        ("bytes", json!({"t": "bytes", "v": "00ff".repeat(20)})),
        (
            "array of text",
            json!({"t": "array", "v": [{"t": "text", "v": "a"}, {"t": "text", "v": ""}]}),
        ),
        ("array of i64", json!({"t": "array", "v": []})),
        ("array of i64", json!({"t": "array", "v": [int("1"), int("-500")]})),
        (
            "map of text to i64",
            json!({"t": "map", "v": [[{"t": "text", "v": "a"}, int("1")], [{"t": "text", "v": "b"}, int("-1")]]}),
        ),
        ("uuid", json!({"t": "uuid", "v": "00112233445566778899aabbccddeeff"})),
        ("date", json!({"t": "date", "v": "0000-02-29"})),
        ("date", json!({"t": "date", "v": "9999-12-31"})),
        instant("0", 0),
        instant("-1", 999_999_999),
        instant("1800000000", 500),
        decimal(-2, "110"),
        decimal(-28, "0"),
        decimal(0, "18446744073709551615"),
        decimal(0, "18446744073709551616"),
        decimal(-9, "79228162514264337593543950335"),
        decimal(0, "-9223372036854775808"),
        decimal(0, "-9223372036854775809"),
        decimal(0, "-79228162514264337593543950335"),
    ]
}

fn structure() -> Value {
    let text = |v: &str| json!({"t": "text", "v": v});
    let int = |v: &str| json!({"t": "int", "v": v});
    let array = |v: &[Value]| json!({"t": "array", "v": v});
    let map = |pairs: &[(&str, Value)]| {
        let pairs = pairs.iter().map(|(key, value)| json!([text(key), value]));
        json!({"t": "map", "v": pairs.collect::<Vec<_>>()})
    };
    let forms = [
        text("Plain"),
        map(&[("Wrapped", int("-7"))]),
        map(&[("Two", array(&[int("1"), text("b")]))]),
        map(&[("Named", map(&[("z", int("2")), ("a", text(""))]))]),
    ];
    map(&[
        ("title", text("Łódź")),
        ("size", json!({"t": "null"})),
        ("forms", array(&forms)),
        ("pair", array(&[int("-9223372036854775808"), json!({"t": "bool", "v": true})])),
        ("mark", text("ß")),
        ("unit", json!({"t": "null"})),
        ("address", text("2001:db8::1")),
        ("small", array(&[int("0"), int("255")])),
    ])
}

/// Texts of JSON, keys in the order of their bytes.
fn json_values() -> [&'static str; 16] {
    [
        "null",
        "false",
        "true",
        "[]",
        "{}",
        "[null]",
        "{\"\":null}",
        "\"null\"",
        "0",
        "18446744073709551615",
        "-9223372036854775808",
        "1.0",
        "-0.0",
        "0.1",
        "1.7976931348623157e+308",
        "{\"a\":[1,-1.5,{\"b\":[true,\"Łódź\"]}],\"b\":{}}",
    ]
}

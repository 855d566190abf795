//! Classes that are declared at run time: the rules are those of the constants.
#![cfg(feature = "schema")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use fieldseal::class::OwnedClass;
use fieldseal::{Class, ErrorKind};

fn refused(name: &str, readers: &[&str], consent: &[&str], retain: u32, period: u32) {
    let error = OwnedClass::new(name, readers, consent, retain, period).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Declaration, "{name}");
}

#[test]
fn declaration_means_what_the_constant_means() {
    const ORDERS: Class = Class::new("orders")
        .readers(&["app", "billing"])
        .readers_with_consent(&["marketing"])
        .retain_days(365)
        .generation_days(30);
    let read = OwnedClass::new("orders", &["app", "billing"], &["marketing"], 365, 30).unwrap();
    let read = read.class();
    assert_eq!(read, ORDERS);
    assert_eq!(read.retention_seconds(), ORDERS.retention_seconds());
    assert_eq!(read.generation_seconds(), ORDERS.generation_seconds());
    assert!(OwnedClass::new("closed", &[], &[], 0, 0).unwrap().class().reader_roles().is_empty());
}

#[test]
fn what_would_not_compile_is_an_error() {
    let long = "a".repeat(60);
    for name in
        ["", "Orders", "9lives", "a b", "mask.", "mask.mask.orders", "standalone", "ö", &long]
    {
        refused(name, &["app"], &[], 0, 0);
    }
    refused("orders", &["App"], &[], 0, 0);
    refused("orders", &["app"], &[""], 0, 0);
    refused("orders", &["app", "app"], &[], 0, 0);
    refused("orders", &["app"], &["app"], 0, 0);
    refused("orders", &["app"], &[], 0, 30);
    let many: Vec<String> = (0..300).map(|number| format!("r{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    refused("orders", &many, &[], 0, 0);
}

#[test]
fn class_deserializes_from_what_it_serializes_to() {
    let class =
        Class::new("contact").readers(&["app"]).readers_with_consent(&["marketing"]).retain_days(9);
    let json = serde_json::to_string(&class).unwrap();
    assert_eq!(serde_json::from_str::<OwnedClass>(&json).unwrap().class(), class);
    let short: OwnedClass = serde_json::from_str(r#"{"name": "short"}"#).unwrap();
    assert_eq!(short.class().reader_roles(), ["app"]);
    for bad in [
        r#"{}"#,
        r#"{"name": "mask.mask.x"}"#,
        r#"{"name": "x", "readers": null}"#,
        r#"{"name": "x", "readers": ["a", "a"]}"#,
        r#"{"name": "x", "name": "x"}"#,
        r#"{"name": "x", "consent": []}"#,
        r#"{"name": "x", "retain_days": -1}"#,
        r#"{"name": "x", "generation_days": 3}"#,
        r#"{"name": "x", "retain_days": 4294967296}"#,
    ] {
        assert!(serde_json::from_str::<OwnedClass>(bad).is_err(), "{bad}");
    }
}

//! Masks and values in each other's place (`[MA-1]`), and items that are no masks.

use serde_json::{Value, json};

use super::fields::{ada, envelope, open, sealed};
use super::{Files, data_key, fixed, forge};
use crate::support::forms::id;
use crate::support::positives::merged;

pub(super) fn all() -> Files {
    let key = data_key("personal", 1);
    let mask = |plaintext: &[u8]| {
        let row = id(&json!({"int": "7"})).unwrap();
        let aad = forge::mask_aad(&forge::head(&key), "customer", "name", row.as_bytes());
        forge::sealed(&key, &fixed("field nonce")[..24], &aad, plaintext)
    };
    let of_ada = || mask(&ada());
    let masked = |of: Value| merged(json!({"mask": true}), of);
    let cases: Vec<(&str, &str, &str, Vec<u8>, Value)> = vec![
        ("ma1-value", "tampered", "a value as a mask", sealed(&key, &ada()), masked(json!({}))),
        ("ma1-mask", "tampered", "a mask as a value", of_ada(), json!({})),
        ("ma1-field", "tampered", "of another field", of_ada(), masked(json!({"field": "email"}))),
        (
            "ma1-record",
            "tampered",
            "of another record",
            of_ada(),
            masked(json!({"record": "order"})),
        ),
        ("ma1-row", "tampered", "of another row", of_ada(), masked(json!({"row": {"int": "8"}}))),
        ("ma1-integer", "type-mismatch", "an integer", mask(&[7]), masked(json!({}))),
        ("ma1-bytes", "type-mismatch", "a byte string", mask(b"\x43Ada"), masked(json!({}))),
        (
            "ma4-null",
            "type-mismatch",
            "absence that is not hidden",
            mask(&[0xF6]),
            masked(json!({})),
        ),
        (
            "ma8-class",
            "wrong-key",
            "of a class that is neither the mask's nor its former one",
            of_ada(),
            masked(json!({
                "class": {"name": "mask.personal", "readers": ["app"]},
                "was": {"name": "mask.contact", "readers": ["app"]},
            })),
        ),
    ];
    cases
        .into_iter()
        .map(|(name, error, about, sealed, change)| {
            let about = format!("a mask: {about}");
            open(name, error, &about, &["MA-1", "OP-1"], envelope(), &sealed, &change)
        })
        .collect()
}

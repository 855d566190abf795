//! What sealing refuses.

use serde_json::json;

use super::fields::{Case, ada, at, envelope, of_terms, sealed, wrapped};
use super::{
    APP, BILLING, ENVELOPE, Files, NOW, SUITE, Terms, app, authentic, body, data_key, erased,
    fixed, forge, generation, hex, id32, of_role, refusal, right, ring_of, small_ring, symmetric,
    with_envelope,
};
use crate::support::complete::item;

pub(super) fn all() -> Files {
    let key = data_key("personal", 1);
    let terms = |expires_at: u64| Terms { suite: SUITE, created_at: NOW, expires_at };
    let bytes = |bytes: &[u8]| json!({"type": "bytes", "value": {"t": "bytes", "v": hex(bytes)}});
    let whole = sealed(&key, &ada());
    let encoded = crate::support::complete::base64url(&whole);
    let as_text = json!({"type": "text", "value": {"t": "text", "v": encoded}});
    let own = forge::standalone(
        &authentic(&body(&[generation("standalone", 1, &[app("standalone", 1)])])),
        &{
            let key = data_key("standalone", 1);
            sealed(&key, &ada())
        },
    );
    let kept = json!({"class": {"name": "personal", "retain_days": 1}});
    let soon = terms(NOW + 86_399);
    let past = terms(NOW);
    let far = terms(NOW + 86_400);
    let hidden = json!({"hide_absence": true, "pad": 3});
    let health = json!({"class": {"name": "personal", "readers": ["app", "billing"]}});
    let strange = of_terms(terms(0), &[forge::recipient(1, id32(BILLING), &[0; 72])]);
    let none = json!({});
    let erased_subject = authentic(&body(&[erased("personal", 1), forge::erased_subject(NOW)]));
    let cases: Vec<Case> = vec![
        (
            "field-as-bytes",
            "already-sealed",
            "AS-1",
            "the bytes of a field under a known tag",
            envelope(),
            bytes(&whole),
        ),
        (
            "field-as-text",
            "already-sealed",
            "AS-1",
            "the text form of such a field",
            envelope(),
            as_text,
        ),
        (
            "envelope-as-bytes",
            "already-sealed",
            "AS-1",
            "the bytes of a key envelope",
            envelope(),
            bytes(&envelope()),
        ),
        (
            "standalone-as-bytes",
            "already-sealed",
            "AS-1",
            "the bytes of a standalone envelope",
            envelope(),
            bytes(&own),
        ),
        (
            "too-long-for-hidden-absence",
            "invalid-input",
            "PAD-3",
            "a value longer than the length declared",
            envelope(),
            hidden,
        ),
        ("subject-erased", "erased", "GN-2", "the subject is erased", erased_subject, none.clone()),
        (
            "class-missing",
            "missing-class",
            "GN-2",
            "the class has no entry",
            authentic(&body(&[right("contact", 1)])),
            none.clone(),
        ),
        (
            "generation-erased",
            "erased",
            "GN-2",
            "the highest generation is erased, a lower one live",
            authentic(&body(&[right("personal", 1), erased("personal", 2)])),
            none.clone(),
        ),
        (
            "later-suite",
            "unsupported",
            "GN-2",
            "the highest generation is of a later suite",
            of_terms(Terms { suite: 2, ..terms(0) }, &[app("personal", 1)]),
            none.clone(),
        ),
        (
            "expired",
            "expired",
            "GN-2",
            "the highest generation has expired",
            of_terms(past, &[wrapped(past, &key.key)]),
            none.clone(),
        ),
        (
            "role-no-reader",
            "not-permitted",
            "GN-13",
            "the recipient of ours is no reader, and a reader's key is missing",
            envelope(),
            json!({"class": {"name": "personal", "readers": ["billing"]}}),
        ),
        (
            "recipient-fails",
            "tampered",
            "GN-2",
            "the recipient of ours fails",
            of_terms(terms(0), &[forge::recipient(1, id32(APP), &[0; 72])]),
            none,
        ),
        (
            "next-generation-impossible",
            "not-permitted",
            "GN-3",
            "no recipient is ours, and a reader's key is missing",
            strange,
            health,
        ),
        (
            "retention-ends-too-early",
            "retention",
            "GN-2",
            "the term would end a second too early",
            of_terms(soon, &[wrapped(soon, &key.key)]),
            kept.clone(),
        ),
        (
            "retention-declared-later",
            "retention",
            "RT-4",
            "the generation has no expiry, the class has retention",
            envelope(),
            kept.clone(),
        ),
    ];
    let consented =
        generation("personal", 1, &[app("personal", 1), of_role(BILLING, "personal", 1)]);
    let mut cases = cases;
    cases.extend([
        (
            "last-generation",
            "exhausted",
            "GN-2",
            "generation 65,535, which no withdrawal could close",
            authentic(&body(&[right("personal", 65_535)])),
            json!({}),
        ),
        (
            "compromised-reader-beside-a-consented-one",
            "missing-key",
            "GN-13",
            "the ring's key of the declared reader is compromised, and its role with consent does not count for that",
            authentic(&body(&[consented])),
            json!({
                "class": {"name": "personal", "readers": ["app"], "consent": ["billing"]},
                "ring": ring_of(&[
                    symmetric(APP, "wrap", "app", "compromised"),
                    symmetric(BILLING, "wrap", "billing", "primary"),
                    symmetric(ENVELOPE, "envelope", "envelope", "primary"),
                ]),
            }),
        ),
    ]);
    // The same with one second more is taken.
    let taken = of_terms(far, &[wrapped(far, &key.key)]);
    assert!(!taken.is_empty());
    cases
        .into_iter()
        .map(|(name, error, rule, about, envelope, change)| {
            let mut file = with_envelope(refusal("seal", error, about, &["SF-3", rule]), envelope);
            let mut field = at();
            field["value"] = json!({"t": "text", "v": "Ada"});
            field["seed"] = hex(&fixed("refused")).into();
            field.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            assert!(!item(&field["value"]).is_empty());
            let ring = field.as_object_mut().unwrap().remove("ring");
            file["field"] = field;
            file["ring"] = ring.unwrap_or_else(small_ring);
            (format!("seal-{name}"), file)
        })
        .collect()
}

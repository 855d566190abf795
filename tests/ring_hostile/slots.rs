//! What a document says of its slots: parameters that would cost an opener too much, or make no sense.

use std::time::{Duration, Instant};

use fieldseal::ErrorKind;
use fieldseal::keyring::LockedRing;
use serde_json::{Value, json};

use super::common::ring::{error, key};
use super::{
    MARK, cheap, discreet, malformed, member, open, refused_as, refused_within, sample_json,
    unopened, with,
};

const COSTS: &str = "slot 2 of the document: it asks for more or less than Argon2id may";
const KIND: &str = "its parameters are not those of its kind";

/// Slots of a document, as many as are asked for, with ascending numbers.
fn many(json: &str, count: usize, of: usize) -> String {
    let slot = member(json, &format!("/slots/{of}"));
    let slots = (1..=count).map(|id| {
        let mut slot = slot.clone();
        slot["id"] = json!(id);
        slot
    });
    with(json, "/slots", json!(slots.collect::<Vec<_>>()))
}

fn costing(json: &str, memory: u64, passes: u64, lanes: u64) -> String {
    let json = with(json, "/slots/1/memory_kib", json!(memory));
    with(&with(&json, "/slots/1/passes", json!(passes)), "/slots/1/lanes", json!(lanes))
}

/// Each cost that a document must not ask for.
pub(super) fn refuse_hostile_costs() {
    let json = sample_json();
    let begun = Instant::now();
    let hostile = [
        // 4 TiB, and somewhat more than 1 GiB.
        (u64::from(u32::MAX), 1, 1),
        (1_048_577, 1, 1),
        (8, u64::from(u32::MAX), 1),
        (8, 65, 1),
        (8, 1, u64::from(u32::MAX)),
        (1_048_576, 1, 17),
        (0, 1, 1),
        (8, 0, 1),
        (8, 1, 0),
        (0, 0, 0),
        // Under 8 KiB a lane.
        (7, 1, 1),
        (15, 1, 2),
        (127, 1, 16),
        (8, 1, 536_870_912),
    ];
    for (memory, passes, lanes) in hostile {
        let hostile = costing(&json, memory, passes, lanes);
        let refused = error(open(&hostile, &cheap("four words")));
        assert_eq!(refused.kind(), ErrorKind::Malformed, "{memory} {passes} {lanes}: {refused}");
        assert!(refused.to_string().contains(COSTS), "{refused}");
        discreet(&refused, hostile.as_bytes());
    }
    // Beyond 32 bits the place is told.
    for (memory, passes, lanes) in
        [(1 << 32, 1, 1), (8, 1 << 32, 1), (8, 1, 1 << 32), (1 << 63, 1, 1)]
    {
        let refused = error(open(costing(&json, memory, passes, lanes), &cheap("four words")));
        assert!(refused.to_string().contains("a damaged one: line"), "{refused}");
    }
    // Each alone as dear as may be, but together more than 16 GiB times passes.
    for (count, memory, passes) in
        [(1, 1_048_576, 17), (2, 1_048_576, 9), (16, 1_048_576, 2), (16, 16_385, 64)]
    {
        let dear = many(&with(&costing(&json, memory, passes, 1), "/keys", json!([])), count, 1);
        let refused = error(open(dear, &cheap("four words")));
        assert_eq!(refused.kind(), ErrorKind::Malformed);
        assert!(refused.to_string().contains("more than 16 GiB times passes"), "{refused}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn hostile_costs_are_refused_before_they_cost() {
    refused_within(64, "costs");
}

#[test]
fn what_costs_most_may_be_asked_for() {
    let json = sample_json();
    for (memory, passes, lanes) in [(1_048_576, 16, 16), (8, 64, 1), (128, 1, 16)] {
        let json = costing(&json, memory, passes, lanes);
        assert!(LockedRing::from_json(json.as_bytes()).is_ok());
        // Who opens by another slot pays nothing, and sees that it was altered.
        unopened(json);
    }
}

#[test]
fn there_are_1_to_16() {
    let json = sample_json();
    let words = "the slots of a ring document are at most 16, each id once, in ascending order";
    unopened(many(&json, 16, 0));
    for count in [17, 18, 100] {
        malformed(many(&json, count, 0), words);
    }
    malformed(many(&json, 0, 0), "`secrets` and slots");
}

#[test]
fn each_has_a_number_of_its_own_in_order() {
    let json = sample_json();
    let words = "each id once, in ascending order";
    for (at, id) in [(1, 1), (2, 2), (0, 3), (0, 2), (1, 3), (2, 1)] {
        malformed(with(&json, &format!("/slots/{at}/id"), json!(id)), words);
    }
    let slots = member(&json, "/slots").as_array().unwrap().clone();
    for (one, other) in [(0, 1), (1, 2), (0, 2)] {
        let mut swapped = slots.clone();
        swapped.swap(one, other);
        malformed(with(&json, "/slots", json!(swapped)), words);
    }
    malformed(with(&json, "/slots/0/id", json!(0)), "0 is no number of a slot");
    malformed(with(&json, "/slots/2/id", json!(65_536)), "a damaged one: line");
    unopened(with(&json, "/slots/2/id", json!(65_535)));
}

#[test]
fn a_kind_that_is_unknown_is_for_another_build() {
    let json = sample_json();
    for kind in ["", "Key", "tpm2", "key ", MARK] {
        let later = with(&json, "/slots/0/kind", json!(kind));
        refused_as(
            later,
            ErrorKind::Unsupported,
            "slot 1 is of a kind that this version does not know",
        );
    }
}

/// What each kind has, all of it and nothing else.
#[test]
fn parameters_are_those_of_the_kind() {
    let json = sample_json();
    let service = json!({
        "created_at": "2026-11-22T00:33:40Z", "id": 4, "kind": "service", "label": "production",
        "service": "vault", "service_key": "keys/production", "service_wrapped": "AAAA",
        "wrapped": member(&json, "/slots/0/wrapped"),
    });
    let mut slots = member(&json, "/slots").as_array().unwrap().clone();
    slots.push(service);
    let json = with(&json, "/slots", json!(slots));
    unopened(&json);

    let of: [&[(&str, Value)]; 4] = [
        &[],
        &[
            ("lanes", json!(1)),
            ("memory_kib", json!(8)),
            ("passes", json!(1)),
            ("salt", json!("0".repeat(32))),
        ],
        &[
            ("share_set", json!("0".repeat(16))),
            ("share_tags", json!(["0".repeat(16), "1".repeat(16)])),
            ("threshold", json!(2)),
        ],
        &[
            ("service", json!("vault")),
            ("service_key", json!("a")),
            ("service_wrapped", json!("AAAA")),
        ],
    ];
    for at in 0..4 {
        for (kind, parameters) in of.iter().enumerate() {
            for (name, value) in *parameters {
                let pointer = format!("/slots/{at}/{name}");
                if kind == at {
                    malformed(with(&json, &pointer, None), KIND);
                } else {
                    malformed(
                        with(&json, &pointer, value.clone()),
                        "it has parameters of another kind",
                    );
                }
            }
        }
        // Another kind than its parameters say.
        for (other, kind) in ["key", "passphrase", "recovery", "service"].into_iter().enumerate() {
            if other != at {
                let words = if kind == "key" { "parameters of another kind" } else { KIND };
                malformed(with(&json, &format!("/slots/{at}/kind"), json!(kind)), words);
            }
        }
    }
    for (pointer, bad) in [
        ("/slots/1/salt", json!("")),
        ("/slots/1/salt", json!("0".repeat(30))),
        ("/slots/1/salt", json!("0".repeat(34))),
        ("/slots/1/salt", json!("A".repeat(32))),
        ("/slots/2/share_set", json!("0".repeat(14))),
        ("/slots/2/share_tags", json!([])),
        ("/slots/2/share_tags", json!(["0".repeat(16)])),
        ("/slots/2/share_tags", json!(["0".repeat(16), "0"])),
        ("/slots/2/share_tags", json!(vec!["0".repeat(16); 256])),
        ("/slots/2/threshold", json!(0)),
        ("/slots/2/threshold", json!(1)),
        ("/slots/2/threshold", json!(4)),
        ("/slots/3/service", json!("")),
        ("/slots/3/service", json!("Vault")),
        ("/slots/3/service_key", json!("")),
        ("/slots/3/service_key", json!("x".repeat(513))),
        ("/slots/3/service_key", json!("a\nb")),
        ("/slots/3/service_wrapped", json!("")),
        ("/slots/3/service_wrapped", json!("AAA=")),
        ("/slots/3/service_wrapped", json!("AB")),
        ("/slots/3/service_wrapped", json!("A".repeat(5_463))),
    ] {
        malformed(with(&json, pointer, bad), KIND);
    }
    // Good ones, and others than were authenticated.
    for (pointer, other) in [
        ("/slots/1/salt", json!("0".repeat(32))),
        ("/slots/2/share_set", json!("0".repeat(16))),
        ("/slots/2/threshold", json!(3)),
        ("/slots/3/service", json!("other")),
        ("/slots/3/service_wrapped", json!("A".repeat(5_462))),
    ] {
        unopened(with(&json, pointer, other));
    }
}

#[test]
fn a_label_is_what_can_be_printed() {
    let json = sample_json();
    let long = "x".repeat(65);
    for bad in [&long, "a\nb", "\u{1b}]0;", "\0", "\u{7f}", "\u{9b}31m", "\r"] {
        malformed(
            with(&json, "/slots/0/label", json!(bad)),
            "slot 1 of the document: its label is none",
        );
    }
    unopened(with(&json, "/slots/0/label", json!(MARK)));
}

#[test]
fn a_wrapped_key_is_104_bytes_in_their_one_spelling() {
    let json = sample_json();
    let wrapped = member(&json, "/slots/0/wrapped").as_str().unwrap().to_owned();
    let longer = format!("{wrapped}A");
    let (_, last) = wrapped.split_at(wrapped.len() - 1);
    // The last character carries 4 of its 6 bits; the next one differs in those that are spare.
    let spare = match last {
        "A" => "B",
        "Q" => "R",
        "g" => "h",
        _ => "x",
    };
    let spare = format!("{}{spare}", &wrapped[..wrapped.len() - 1]);
    for bad in [
        "",
        "AAAA",
        &wrapped[1..],
        &wrapped[4..],
        &longer,
        &format!("{wrapped}="),
        &spare,
        &" ".repeat(139),
    ] {
        malformed(
            with(&json, "/slots/0/wrapped", json!(bad)),
            "slot 1 of the document: its wrapped key is not 104 bytes",
        );
    }
    for (at, other) in [(0, "/slots/1/wrapped"), (1, "/slots/0/wrapped"), (0, "/slots/2/wrapped")] {
        unopened(with(&json, &format!("/slots/{at}/wrapped"), member(&json, other)));
    }
    assert!(open(&json, &key(1)).is_ok());
}

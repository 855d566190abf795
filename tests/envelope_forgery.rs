//! What an insider who holds the envelope key, or a stranger who knows a public key, cannot forge.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{self, Ent, Env, Live, SUBJECT};
use common::*;
use fieldseal::keyring::{KeyState, RingKey};
use fieldseal::{Access, DataKeys, ErrorKind, KeyEnvelope, KeyRing};
use hpke::kem::X25519HkdfSha256;
use hpke::{OpModeS, PskBundle};

type Change = fn(&mut Live);

const DATA_KEY: [u8; 32] = [3; 32];

/// One class `notes` of role `app`, by hand.
fn by_hand() -> Env {
    Env::of([Ent::Live(Live::of("notes", 1, &DATA_KEY).readable(&DATA_KEY, &[APP]))])
}

fn at(ring: &KeyRing, now: u64) -> Access<'_> {
    Access::new(ring).at(now)
}

/// Neither the wrapped key nor the data key fits elsewhere, even when an insider signs for it.
#[test]
fn a_generation_moved_to_another_subject_tenant_class_or_number_is_tampered() {
    let live = by_hand().entries[0].live().clone();
    let moved: [(&str, &str, u16, &str); 4] = [
        ("acme", "notes", 1, "another tenant"),
        ("", "letters", 1, "another class"),
        ("", "notes", 2, "another generation"),
        ("", "notes", 1, "another subject"),
    ];
    let ring = admin();
    for (tenant, class, generation, what) in moved {
        let mut live = live.clone();
        live.class = class.into();
        live.generation = generation;
        let subject: &[u8] =
            if what == "another subject" { b"\x01\0\0\0\0\0\0\0\x2B" } else { SUBJECT };
        let bytes = Env::of([Ent::Live(live)]).write_for(tenant, subject);
        let asserted = if subject == SUBJECT { 42 } else { 43 };
        let keys =
            KeyEnvelope::from_bytes(bytes).unwrap(at(&ring, NOW).tenant(tenant), asserted).unwrap();
        let generation = format!("{class}/{generation}");
        assert_eq!(reach_of(&keys, &generation), "tampered", "{what}");
    }
}

/// 15: nobody extends an expiry without a key, not even with the envelope key.
#[test]
fn an_insider_with_only_the_envelope_key_cannot_change_times_or_suite() {
    let original = by_hand().entries[0].live().clone();
    let changes: [(&str, Change); 4] = [
        ("created_at", |live| live.created_at += 1),
        ("expires_at", |live| live.expires_at = u64::MAX),
        ("commitment", |live| live.commitment[31] ^= 1),
        ("key tag", |live| live.commitment[0] ^= 1),
    ];
    for (what, change) in changes {
        let mut live = original.clone();
        change(&mut live);
        let stored = Env::of([Ent::Live(live)]).envelope();
        assert_eq!(reached(&admin(), &stored, "notes/1"), "tampered", "{what}");
    }
}

/// Whoever holds the envelope key, and no role, cannot make a generation that readers accept.
#[test]
fn an_insider_with_only_the_envelope_key_cannot_make_a_generation_that_readers_accept() {
    let own = [0x66; 32];
    let live = Live::of("notes", 2, &own);
    let recipients = [
        ("a guess", live.kind_1_under(&[0; 32], APP, &own, "", SUBJECT)),
        (
            "the envelope key as the role's",
            live.kind_1_under(&secret(ENVELOPE), APP, &own, "", SUBJECT),
        ),
        (
            "the role's wrapped key of generation 1",
            by_hand().entries[0].live().recipients[0].clone(),
        ),
        ("a role of his own", live.kind_1(SUPPORT, &own, "", SUBJECT)),
    ];
    for (what, recipient) in recipients {
        let mut env = by_hand();
        let expected = if recipient.key_id == APP { "tampered" } else { "not permitted" };
        env.entries.push(Ent::Live(live.clone().with([recipient])));
        let ring = service(&["app"]);
        assert_eq!(reached(&ring, &env.envelope(), "notes/2"), expected, "{what}");
        // `[WR-8]` The others stay usable.
        assert_eq!(reached(&ring, &env.envelope(), "notes/1"), "open", "{what}");
    }
}

fn bundle<'a>(psk: &'a [u8; 32], psk_id: &'a [u8]) -> OpModeS<'a, X25519HkdfSha256> {
    OpModeS::Psk(PskBundle::new(psk, psk_id).unwrap())
}

/// `[WR-2]`, `[WR-3]`: whoever knows only a public key makes no key that readers accept.
#[test]
fn public_key_without_writer_secret_makes_no_key_that_readers_accept() {
    let own = [0x66; 32];
    let live = Live::of("health", 1, &own);
    let psk_id = MEDICAL.to_be_bytes();
    let right = bytes::psk(MEDICAL);
    let mut zero = live.kind_2(MEDICAL, &own, &bundle(&right, &psk_id));
    zero.wrapped[..32].fill(0);
    let forged = [
        ("base mode", live.kind_2(MEDICAL, &own, &OpModeS::Base)),
        ("a guessed psk", live.kind_2(MEDICAL, &own, &bundle(&[0; 32], &psk_id))),
        (
            "the public key as the psk",
            live.kind_2(MEDICAL, &own, &bundle(&bytes::public(MEDICAL), &psk_id)),
        ),
        (
            "the writer secret itself as the psk",
            live.kind_2(MEDICAL, &own, &bundle(&writer(MEDICAL), &psk_id)),
        ),
        ("another psk id", live.kind_2(MEDICAL, &own, &bundle(&right, b"\0\0\0\x51"))),
        ("an all-zero point", zero),
    ];
    for (what, recipient) in forged {
        let stored = Env::of([Ent::Live(live.clone().with([recipient]))]).envelope();
        assert_eq!(reached(&admin(), &stored, "health/1"), "tampered", "{what}");
    }
    // With the writer secret it is accepted: that is what the secret is for.
    let recipient = live.kind_2(MEDICAL, &own, &bundle(&right, &psk_id));
    let stored = Env::of([Ent::Live(live.with([recipient]))]).envelope();
    assert_eq!(reached(&admin(), &stored, "health/1"), "open");
}

/// `[WR-3]` A writer half whose public key is the zero point wraps nothing.
#[test]
fn a_zero_public_key_wraps_nothing() {
    let half =
        RingKey::writer_half(id(MEDICAL), "medical", KeyState::Primary, &[0; 32], &writer(MEDICAL));
    let half = half.unwrap();
    let ring = ring_of([envelope_key(ENVELOPE, KeyState::Primary), half]);
    let made = DataKeys::create(at(&ring, NOW), 42, [HEALTH]);
    assert_eq!(kind(made), ErrorKind::InvalidInput);
}

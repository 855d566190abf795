//! The key envelope as stored: its bytes, what unwrapping refuses and in which order, who reaches
//! what, states, expiry, and what the audit is told.

// Without `std` there is no clock but one that the caller gives.
#![cfg(feature = "std")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{Ent, Env, Live, Rec, SUBJECT, erased};
use common::*;
use fieldseal::audit::Action;
use fieldseal::envelope::EntryState;
use fieldseal::keyring::{KeyState, KeyUse, RingKey};
use fieldseal::{Access, Class, DataKeys, ErrorKind, KeyEnvelope, KeyRing, SubjectId, ToId};
use rand_core::SeedableRng as _;

const DATA_KEY: [u8; 32] = [3; 32];

/// One class `notes` of role `app`, by hand.
fn by_hand() -> Env {
    Env::of([Ent::Live(Live::of("notes", 1, &DATA_KEY).readable(&DATA_KEY, &[APP]))])
}

fn at(ring: &KeyRing, now: u64) -> Access<'_> {
    Access::new(ring).at(now)
}

/// Section 7.1.
#[test]
fn one_class_of_seven_letters_and_one_role_make_171_bytes() {
    const PERSON: Class = Class::new("persons");
    assert_eq!(envelope(&[PERSON]).as_bytes().len(), 171);
    // Sizes: a live entry 54 + class, kind 1 79, kind 2 87, frame 31.
    let both = envelope(&[CONTACT, HEALTH]);
    assert_eq!(both.as_bytes().len(), 31 + (54 + 7 + 2 * 79) + (54 + 6 + 87));
}

/// Sections 4 to 7, `[KE-1]`, `[DK-3]`, `[WR-1]`, `[WR-2]`, `[MAC-1]`, `[GN-6]`, `[RT-3]`.
#[test]
fn what_is_written_is_what_the_format_says() {
    let ring = admin();
    let tenant = "acme";
    for subject in [
        "ada".to_id().unwrap(),
        7_u8.to_id().unwrap(),
        (-7).to_id().unwrap(),
        ("acme", 7).to_id().unwrap(),
    ] {
        let access = at(&ring, NOW).tenant(tenant);
        let classes = [HEALTH, CONTACT, FINANCIAL, NOTES];
        let keys = DataKeys::create(access, &subject, classes).unwrap();
        let env = Env::parse_for(keys.envelope().as_bytes(), tenant, subject.as_bytes());
        assert_eq!((env.version, env.key_id), (1, ENVELOPE));
        let expected: [(&str, &[u32], u64); 4] = [
            ("contact", &[APP, SUPPORT], 0),
            // P + R, P being a twelfth of R.
            ("financial", &[BILLING], NOW + 365 * DAY + 365 * DAY / 12),
            ("health", &[MEDICAL], 0),
            ("notes", &[APP], 0),
        ];
        assert_eq!(env.entries.len(), expected.len());
        for (entry, (class, readers, expires_at)) in env.entries.iter().zip(expected) {
            let live = entry.live();
            assert_eq!(live.class, class.as_bytes(), "ascending by class");
            assert_eq!((live.generation, live.suite), (1, 1));
            assert_eq!((live.created_at, live.expires_at), (NOW, expires_at));
            let ids: Vec<u32> = live.recipients.iter().map(|one| one.key_id).collect();
            assert_eq!(ids, readers);
            let mut data_keys: Vec<[u8; 32]> = live
                .recipients
                .iter()
                .map(|one| live.unwrap(one, tenant, subject.as_bytes()).unwrap())
                .collect();
            data_keys.dedup();
            assert_eq!(data_keys.len(), 1, "every role has the same data key");
        }
        // `[KE-4]` And this writer gives the same bytes again.
        let again = env.write_for(tenant, subject.as_bytes());
        assert_eq!(again, keys.envelope().as_bytes());
    }
}

/// `[DK-2]`, `[RN-1]`
#[test]
fn nothing_random_is_used_twice() {
    let stored: Vec<Env> =
        (0..20).map(|_| Env::parse(envelope(&[CONTACT, NOTES]).as_bytes())).collect();
    let lives = || stored.iter().flat_map(|env| &env.entries).map(Ent::live);
    let mut commitments: Vec<_> = lives().map(|live| live.commitment).collect();
    let mut nonces: Vec<_> = lives()
        .flat_map(|live| &live.recipients)
        .map(|recipient| recipient.wrapped[..24].to_vec())
        .collect();
    let counts = (commitments.len(), nonces.len());
    assert_eq!(counts, (40, 60));
    commitments.sort_unstable();
    commitments.dedup();
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!((commitments.len(), nonces.len()), counts);
}

#[test]
fn the_same_randomness_makes_the_same_envelope() {
    let ring = admin();
    let made = |seed| {
        let mut rng = chacha20::ChaCha20Rng::from_seed([seed; 32]);
        let access = at(&ring, NOW);
        let keys = DataKeys::create_with_rng(access, 42, [CONTACT, HEALTH], &mut rng).unwrap();
        keys.envelope().as_bytes().to_vec()
    };
    assert_eq!(made(1), made(1));
    assert_ne!(made(1), made(2));
}

#[test]
fn a_hand_made_envelope_unwraps() {
    let live = Live::of("health", 1, &[4; 32]);
    let medical = live.kind_2_psk(MEDICAL, &[4; 32], &bytes::psk(MEDICAL));
    let mut env = by_hand();
    env.entries.insert(0, Ent::Live(live.with([medical])));
    let ring = admin();
    let keys = env.envelope().unwrap(at(&ring, NOW), 42).unwrap();
    assert_eq!(
        reach(&keys),
        [("health/1".into(), "open".into()), ("notes/1".into(), "open".into())]
    );
    assert_eq!(keys.reached(), ["health", "notes"]);
    assert_eq!(keys.version(), 1);
    assert_eq!(keys.subject(), &SubjectId::new(42).unwrap());
    assert!(!keys.is_erased());
}

#[test]
fn inspection_shows_the_entries_without_a_key() {
    let mut env = by_hand();
    env.version = 9;
    env.entries.push(erased("old", 3, [1, 2, 3, 4]));
    let info = info(&env.envelope());
    assert_eq!((info.version, info.envelope_key), (9, ENVELOPE));
    assert_eq!(info.subject_erased_at, None);
    assert_eq!(info.entries[0].class, "notes");
    assert_eq!(info.entries[0].key_tag, env.entries[0].live().commitment[..4]);
    assert!(matches!(
        &info.entries[0].state,
        EntryState::Live { suite: 1, created_at: NOW, expires_at: None, recipients, .. }
            if recipients.len() == 1 && recipients[0].kind == 1 && recipients[0].key_id == APP
    ));
    assert_eq!(info.entries[1].generation, 3);
    assert!(matches!(info.entries[1].state, EntryState::Erased { erased_at: NOW, .. }));
}

/// `[KE-6]`, a row a step: each input breaks all the later steps too, so the order is seen.
#[test]
fn unwrapping_refuses_in_the_order_of_ke_6() {
    let ring = admin();
    let access = at(&ring, NOW).version_floor(u64::MAX);
    let refused = |bytes: Vec<u8>| kind(KeyEnvelope::from_bytes(bytes).unwrap(access, 42));

    // a1
    assert_eq!(refused(Vec::new()), ErrorKind::NotSealed);
    for first in (0..=0xF5).chain([0xF7]) {
        assert_eq!(refused(vec![first; 40]), ErrorKind::NotSealed, "{first}");
        assert_eq!(refused(vec![first]), ErrorKind::NotSealed, "{first}");
    }
    // a2
    for first in 0xF8..=0xFF {
        assert_eq!(refused(vec![first]), ErrorKind::Unsupported, "{first}");
        assert_eq!(refused(vec![first; 70_000]), ErrorKind::Unsupported);
    }
    // a3
    for len in [1, 2, 20, 39, 65_536, 70_000] {
        assert_eq!(refused(vec![0xF6; len]), ErrorKind::Malformed, "{len}");
    }
    // b1: unknown, 0, of another use
    for len in [40, 171, 65_535] {
        assert_eq!(refused(vec![0xF6; len]), ErrorKind::WrongKey, "{len}");
    }
    let trailer = |key_id: u32| {
        let mut bytes = vec![0xF6; 24];
        bytes.extend(key_id.to_be_bytes());
        bytes.extend([0; 16]);
        bytes
    };
    for key_id in [0, 1, APP, MEDICAL] {
        assert_eq!(refused(trailer(key_id)), ErrorKind::WrongKey, "{key_id}");
    }
    // c
    assert_eq!(refused(trailer(ENVELOPE)), ErrorKind::Tampered);
    // d
    let mut env = by_hand();
    env.entries.push(Ent::Raw(vec![9; 30]));
    assert_eq!(refused(env.write()), ErrorKind::Unsupported);
    env.entries.pop();
    env.version = 0;
    assert_eq!(refused(env.write()), ErrorKind::Malformed);
    // e
    env.version = 1;
    assert_eq!(refused(env.write()), ErrorKind::RolledBack);
    env.version = u64::MAX;
    assert!(env.envelope().unwrap(access, 42).is_ok());
}

/// `[KE-6]` b: the state of the envelope key, before the MAC is looked at.
#[test]
fn the_state_of_the_envelope_key_decides_before_the_mac() {
    for broken in [false, true] {
        let mut bytes = by_hand().write();
        if broken {
            *bytes.last_mut().unwrap() ^= 1;
        }
        let stored = KeyEnvelope::from_bytes(bytes);
        for (state, outcome, rescued) in [
            (KeyState::Primary, None, None),
            (KeyState::OpenOnly, None, None),
            (KeyState::Disabled, Some(ErrorKind::WrongKey), Some(ErrorKind::WrongKey)),
            (KeyState::Compromised, Some(ErrorKind::NotPermitted), None),
            (KeyState::Destroyed, Some(ErrorKind::WrongKey), Some(ErrorKind::WrongKey)),
        ] {
            let mut ring = admin();
            put(&mut ring, ENVELOPE, state);
            let mac = broken.then_some(ErrorKind::Tampered);
            for (access, expected) in
                [(at(&ring, NOW), outcome), (at(&ring, NOW).rescue(), rescued)]
            {
                let opened = stored.unwrap(access, 42).map_err(|error| error.kind());
                assert_eq!(opened.err(), expected.or(mac), "{state}, broken: {broken}");
                let edited = stored.edit(access, 42).map_err(|error| error.kind());
                assert_eq!(edited.err(), expected.or(mac), "{state}, broken: {broken}");
            }
        }
    }
}

/// `[KE-6]` b1, `[RK-6]`
#[test]
fn an_envelope_key_without_its_secret_is_unknown() {
    for state in [
        KeyState::Primary,
        KeyState::OpenOnly,
        KeyState::Disabled,
        KeyState::Compromised,
        KeyState::Destroyed,
    ] {
        let key = RingKey::name_only(id(ENVELOPE), KeyUse::Envelope, "envelope", state).unwrap();
        let ring = ring_of([key, symmetric(APP, "app", KeyState::Primary)]);
        for access in [at(&ring, NOW), at(&ring, NOW).rescue()] {
            let opened = by_hand().envelope().unwrap(access, 42);
            assert_eq!(kind(opened), ErrorKind::WrongKey, "{state}");
        }
    }
}

/// `[KE-6]` b1 before b2: a key of another use is no envelope key, whatever its state.
#[test]
fn a_compromised_role_key_is_no_envelope_key() {
    let mut env = by_hand();
    env.key_id = APP;
    let mut ring = admin();
    put(&mut ring, APP, KeyState::Compromised);
    for access in [at(&ring, NOW), at(&ring, NOW).rescue()] {
        let opened = env.envelope().unwrap(access, 42);
        assert_eq!(kind(opened), ErrorKind::WrongKey);
    }
}

#[test]
fn another_ring_of_the_same_ids_cannot_open() {
    let mut ring = KeyRing::empty();
    for (number, use_, name) in
        [(ENVELOPE, KeyUse::Envelope, "envelope"), (APP, KeyUse::Wrap, "app")]
    {
        let key = RingKey::symmetric(id(number), use_, name, KeyState::Primary, &[9; 32]);
        ring.insert(key.unwrap()).unwrap();
    }
    let opened = by_hand().envelope().unwrap(&ring, 42);
    assert_eq!(kind(opened), ErrorKind::Tampered);
}

/// `[MAC-1]`, `[DK-3]`: `s8` keeps what is joined apart, and ids are typed.
#[test]
fn tenants_and_subjects_are_not_confused() {
    let ring = admin();
    let made = |tenant, subject: &dyn ToId| {
        let subject = subject.to_id().unwrap();
        DataKeys::create(at(&ring, NOW).tenant(tenant), subject, [NOTES])
            .unwrap()
            .envelope()
            .clone()
    };
    let uuid = fieldseal::Id::from_uuid_bytes([0x61; 16]);
    let cases: [(&str, &dyn ToId); 14] = [
        ("a", &"bc"),
        ("ab", &"c"),
        ("", &"abc"),
        ("", &42),
        ("", &"42"),
        ("", &b"42"),
        ("", &-42),
        ("", &(4, 2)),
        ("", &("4", 2)),
        ("", &("42", "")),
        ("42", &42),
        ("", &uuid),
        ("", &[0x61_u8; 16]),
        ("A", &"bc"),
    ];
    let cases: Vec<_> = cases.into_iter().filter(|(_, id)| id.to_id().is_ok()).collect();
    assert_eq!(cases.len(), 13);
    for (sealed, (tenant, subject)) in cases.iter().enumerate() {
        let stored = made(tenant, *subject);
        for (opened, (tenant, subject)) in cases.iter().enumerate() {
            let result = stored.unwrap(at(&ring, NOW).tenant(tenant), subject.to_id().unwrap());
            if sealed == opened {
                assert!(result.is_ok());
            } else {
                assert_eq!(kind(result), ErrorKind::Tampered, "{sealed} as {opened}");
            }
        }
    }
}

/// `[WR-6]` to `[WR-8]`.
#[test]
fn our_recipients_are_tried_in_order_and_a_failed_one_is_passed_over() {
    let live = Live::of("notes", 1, &DATA_KEY);
    let good = live.kind_1(SUPPORT, &DATA_KEY, "", SUBJECT);
    let bad = live.kind_1_under(&[0; 32], APP, &DATA_KEY, "", SUBJECT);
    let other_key = live.kind_1(APP, &[9; 32], "", SUBJECT);
    // Of the right form, under a ring key of the other sort.
    let kind_2_for_secret = Rec { kind: 2, key_id: APP, wrapped: vec![0; 80] };
    let kind_1_for_pair = live.kind_1(MEDICAL, &DATA_KEY, "", SUBJECT);
    for failed in [bad, other_key, kind_2_for_secret, kind_1_for_pair] {
        let alone = Env::of([Ent::Live(live.clone().with([failed.clone()]))]).envelope();
        assert_eq!(reached(&admin(), &alone, "notes/1"), "tampered", "{failed:?}");
        let both = live.clone().with([failed.clone(), good.clone()]);
        let both = Env::of([Ent::Live(both)]).envelope();
        assert_eq!(reached(&admin(), &both, "notes/1"), "open", "{failed:?}");
        assert_eq!(reached(&service(&["marketing"]), &both, "notes/1"), "not permitted");
    }
}

/// `[WR-6]`, section 12: the states of a role's key.
#[test]
fn a_role_key_opens_as_its_state_says() {
    let stored = by_hand().envelope();
    for (state, plain, rescued) in [
        (KeyState::Primary, "open", "open"),
        (KeyState::OpenOnly, "open", "open"),
        (KeyState::Disabled, "not permitted", "not permitted"),
        // `[GN-2]` It opens, and does not seal.
        (KeyState::Compromised, "not permitted", "open in rescue"),
        (KeyState::Destroyed, "not permitted", "not permitted"),
    ] {
        let mut ring = admin();
        put(&mut ring, APP, state);
        let keys = stored.unwrap(at(&ring, NOW), 42).unwrap();
        assert_eq!(reach_of(&keys, "notes/1"), plain, "{state}");
        let keys = stored.unwrap(at(&ring, NOW).rescue(), 42).unwrap();
        assert_eq!(reach_of(&keys, "notes/1"), rescued, "{state} in rescue");
    }
}

/// `[LE-2]`, `[DK-4]`
#[test]
fn an_unknown_suite_refuses_its_generation_only() {
    for suite in [0, 2, 3, 255] {
        let mut env = by_hand();
        let mut other = Live::of("notes", 2, &[5; 32]);
        other.suite = suite;
        env.entries.push(Ent::Live(other.readable(&[5; 32], &[APP])));
        let stored = env.envelope();
        assert_eq!(reached(&admin(), &stored, "notes/2"), "unsupported");
        assert_eq!(reached(&admin(), &stored, "notes/1"), "open");
    }
}

/// `[EE-3]`
#[test]
fn an_unknown_entry_kind_refuses_the_envelope() {
    for kind_byte in [0, 4, 5, 0xFF] {
        let mut env = by_hand();
        env.entries.push(Ent::Raw([&[kind_byte][..], &[0; 20]].concat()));
        let stored = env.envelope();
        assert_eq!(kind(stored.inspect()), ErrorKind::Unsupported);
        assert_eq!(kind(stored.unwrap(&admin(), 42)), ErrorKind::Unsupported);
    }
}

#[test]
fn an_envelope_below_the_version_floor_is_rolled_back() {
    let ring = admin();
    let mut env = by_hand();
    env.version = 7;
    for (floor, accepted) in [(0, true), (6, true), (7, true), (8, false), (u64::MAX, false)] {
        let access = at(&ring, NOW).version_floor(floor);
        let opened = env.envelope().unwrap(access, 42).map(drop);
        let edited = env.envelope().edit(access, 42).map(drop);
        let prepared = env.envelope().prepare(access, 42, [NOTES]).map(drop);
        for result in [opened, edited, prepared] {
            let kind = result.map_err(|error| error.kind());
            assert_eq!(kind.is_ok(), accepted, "floor {floor}");
            assert!(accepted || kind == Err(ErrorKind::RolledBack));
        }
    }
}

/// `[NM-3]`, `[NM-4]`, `[ID-5]`
#[test]
fn a_tenant_or_subject_that_is_none_is_invalid_input() {
    let ring = admin();
    let stored = by_hand().envelope();
    let long = "t".repeat(65);
    let access = at(&ring, NOW).tenant(&long);
    let results = [
        DataKeys::create(access, 42, [NOTES]).map(drop),
        stored.unwrap(access, 42).map(drop),
        stored.edit(access, 42).map(drop),
        access.seal(b"", b"").map(drop),
        DataKeys::create(&ring, "", [NOTES]).map(drop),
        DataKeys::create(&ring, u128::MAX, [NOTES]).map(drop),
        stored.unwrap(&ring, "a".repeat(255)).map(drop),
        stored.edit(&ring, [0_u8; 0]).map(drop),
    ];
    for (position, result) in results.into_iter().enumerate() {
        assert_eq!(kind(result), ErrorKind::InvalidInput, "{position}");
    }
    let longest = "t".repeat(64);
    let access = at(&ring, NOW).tenant(&longest);
    DataKeys::create(access, "a".repeat(254), [NOTES]).unwrap();
}

/// `[TX-1]` to `[TX-3]`
#[test]
fn the_text_form_is_canonical() {
    let stored = by_hand().envelope();
    let text = stored.to_text();
    assert_eq!(KeyEnvelope::from_text(&text).unwrap(), stored);
    for (bad, expected) in [
        (text[4..].to_owned(), ErrorKind::NotSealed),
        (text.replace("fs1.", "FS1."), ErrorKind::NotSealed),
        (text.replace("fs1.", "fs2."), ErrorKind::NotSealed),
        (format!(" {text}"), ErrorKind::NotSealed),
        (String::new(), ErrorKind::NotSealed),
        ("fs1.".into(), ErrorKind::Malformed),
        (format!("{text}="), ErrorKind::Malformed),
        (format!("{text}\n"), ErrorKind::Malformed),
        (format!("{text}AAA"), ErrorKind::Malformed),
        ("fs1.9Q+_".into(), ErrorKind::Malformed),
        ("fs1.9QE=".into(), ErrorKind::Malformed),
        ("fs1.9QF".into(), ErrorKind::Malformed),
        ("fs1.AAAA".into(), ErrorKind::Malformed),
        ("fs1.9AAA".into(), ErrorKind::Malformed),
        ("fs1.-AAA".into(), ErrorKind::Unsupported),
        ("fs1._wEB".into(), ErrorKind::Unsupported),
    ] {
        assert_eq!(kind(KeyEnvelope::from_text(&bad)), expected, "{bad}");
    }
}

#[test]
fn the_audit_is_told_of_an_unwrap_and_of_its_failure() {
    let ring = admin();
    let log = Log::default();
    let access = at(&ring, NOW).actor("alice").purpose("ticket").audit(&log);
    let stored = envelope(&[CONTACT, HEALTH]);
    stored.unwrap(access, 42).unwrap();
    let line = log.take().remove(0);
    assert_eq!(line.action, Action::Unwrap);
    assert_eq!(line.classes, ["contact", "health"]);
    assert_eq!((line.tenant.as_str(), line.subject.as_slice()), ("", SUBJECT));
    assert_eq!(line.actor.as_deref(), Some("alice"));
    assert_eq!(line.purpose.as_deref(), Some("ticket"));
    assert_eq!((line.at, line.rescue, line.outcome), (Some(NOW), false, Ok(())));

    stored.unwrap(access.rescue(), 42).unwrap();
    assert!(log.take()[0].rescue, "rescue is told");

    assert!(stored.unwrap(access, 43).is_err());
    let unwrap = |outcome| (Action::Unwrap, Vec::new(), outcome);
    assert_eq!(log.told(), [unwrap(Err(ErrorKind::Tampered))]);
    assert!(stored.unwrap(access.version_floor(2), 42).is_err());
    assert_eq!(log.told(), [unwrap(Err(ErrorKind::RolledBack))]);

    let keys = DataKeys::create(access, 42, [CONTACT, NOTES]).unwrap();
    let classes = vec!["contact".to_owned(), "notes".into()];
    assert_eq!(log.told(), [(Action::Create, classes, Ok(()))]);
    drop(keys);

    let support = service(&["support"]);
    stored.unwrap(at(&support, NOW).audit(&log), 42).unwrap();
    assert_eq!(log.take()[0].classes, ["contact"], "only what it reached");
}

#[test]
fn a_refusing_audit_lets_nothing_out() {
    let ring = admin();
    let log = Log::refusing();
    let access = at(&ring, NOW).audit(&log);
    let stored = envelope(&[CONTACT]);
    let results = [
        stored.unwrap(access, 42).map(drop),
        stored.unwrap(access, 43).map(drop),
        stored.prepare(access, 42, [CONTACT]).map(drop),
        DataKeys::create(access, 42, [CONTACT]).map(drop),
        access.seal(b"", b"").map(drop),
        access.open(b"", &ring.seal(b"", b"").unwrap()).map(drop),
    ];
    for (position, result) in results.into_iter().enumerate() {
        assert_eq!(kind(result), ErrorKind::Audit, "{position}");
    }
    assert_eq!(log.take().len(), 6);
}

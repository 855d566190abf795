//! The key ring: states, primaries, rotation, subsets, and that nothing printed shows a secret.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use base64ct::{Base64, Base64Url, Encoding as _};
use common::bytes::{self, Ent, Env, Live, SUBJECT};
use common::*;
use fieldseal::envelope::History;
use fieldseal::keyring::{KeyMaterial, KeyState, KeyUse, RingKey};
use fieldseal::secret::Secret;
use fieldseal::{Access, Class, DataKeys, ErrorKind, KeyRing};
use rand_core::SeedableRng as _;

const STATES: [KeyState; 5] = [
    KeyState::Primary,
    KeyState::OpenOnly,
    KeyState::Disabled,
    KeyState::Compromised,
    KeyState::Destroyed,
];

/// The moves that are allowed; every other is refused.
const MOVES: &[(KeyState, &[KeyState])] = &[
    (KeyState::Primary, &[KeyState::OpenOnly, KeyState::Disabled, KeyState::Compromised]),
    (
        KeyState::OpenOnly,
        &[KeyState::Primary, KeyState::Disabled, KeyState::Compromised, KeyState::Destroyed],
    ),
    (KeyState::Disabled, &[KeyState::OpenOnly, KeyState::Compromised, KeyState::Destroyed]),
    (KeyState::Compromised, &[KeyState::Destroyed]),
    (KeyState::Destroyed, &[]),
];

fn in_state(number: u32, state: KeyState) -> RingKey {
    if state == KeyState::Destroyed {
        RingKey::name_only(id(number), KeyUse::Wrap, "app", state).unwrap()
    } else {
        symmetric(number, "app", state)
    }
}

#[test]
fn every_move_between_states_is_as_the_table_says() {
    for (from, allowed) in MOVES {
        for to in STATES {
            let mut ring = ring_of([in_state(7, *from)]);
            let moved = match to {
                KeyState::Destroyed => ring.force_destroy(id(7)),
                _ => ring.set_state(id(7), to),
            };
            assert_eq!(from.may_become(to), allowed.contains(&to), "{from} to {to}");
            let key = ring.key(id(7)).unwrap();
            if allowed.contains(&to) {
                moved.unwrap();
                assert_eq!(key.state(), to);
            } else {
                assert_eq!(kind(moved), ErrorKind::FailedPrecondition, "{from} to {to}");
                assert_eq!(key.state(), *from, "a refused move changes nothing");
            }
            let is_primary = key.state() == KeyState::Primary;
            assert_eq!(ring.primary(KeyUse::Wrap, "app").is_some(), is_primary);
        }
    }
}

#[test]
fn destroying_is_never_done_in_passing() {
    for from in STATES {
        let mut ring = ring_of([in_state(7, from)]);
        let moved = ring.set_state(id(7), KeyState::Destroyed);
        assert_eq!(kind(moved), ErrorKind::FailedPrecondition);
        assert_eq!(ring.key(id(7)).unwrap().state(), from);
    }
}

#[test]
fn a_destroyed_key_leaves_its_name_and_id_only() {
    for key in [symmetric(7, "app", KeyState::OpenOnly), key_pair(7, "app", KeyState::OpenOnly)] {
        let mut ring = ring_of([key]);
        ring.force_destroy(id(7)).unwrap();
        let key = ring.key(id(7)).unwrap();
        assert_eq!(key.holds(), KeyMaterial::NameOnly);
        assert_eq!((key.name(), key.key_use()), ("app", KeyUse::Wrap));
        assert!(key.expose_secret().is_none() && key.expose_writer_half().is_none());
    }
}

/// `[ST-1]` A secret given with a destroyed key is left out.
#[test]
fn a_destroyed_key_is_made_without_its_secret() {
    let (state, bytes) = (KeyState::Destroyed, [1; 32]);
    let made = [
        RingKey::symmetric(id(7), KeyUse::Wrap, "app", state, &bytes),
        RingKey::key_pair(id(7), "app", state, &bytes, &bytes),
        RingKey::writer_half(id(7), "app", state, &bytes::public(7), &bytes),
    ];
    for key in made {
        let key = key.unwrap();
        assert_eq!((key.state(), key.holds()), (state, KeyMaterial::NameOnly));
        assert!(key.expose_secret().is_none() && key.expose_writer_half().is_none());
    }
}

#[test]
fn a_move_of_a_key_that_is_not_there_says_so() {
    let mut ring = admin();
    assert_eq!(kind(ring.set_state(id(999), KeyState::Disabled)), ErrorKind::MissingKey);
    assert_eq!(kind(ring.force_destroy(id(999))), ErrorKind::MissingKey);
}

#[test]
fn there_is_one_primary_per_use_and_name() {
    let mut ring = ring_of([symmetric(1, "app", KeyState::Primary)]);
    let second = ring.insert(symmetric(2, "app", KeyState::Primary));
    assert_eq!(kind(second), ErrorKind::FailedPrecondition);
    assert!(ring.key(id(2)).is_none(), "a refused key is not in the ring");

    ring.insert(symmetric(2, "app", KeyState::OpenOnly)).unwrap();
    ring.set_state(id(2), KeyState::Primary).unwrap();
    assert_eq!(ring.key(id(1)).unwrap().state(), KeyState::OpenOnly);
    assert_eq!(ring.primary(KeyUse::Wrap, "app").unwrap().id(), id(2));

    // Another name, and another use of the name `envelope`, have primaries of their own.
    ring.insert(symmetric(3, "support", KeyState::Primary)).unwrap();
    ring.insert(symmetric(4, "envelope", KeyState::Primary)).unwrap();
    ring.insert(envelope_key(5, KeyState::Primary)).unwrap();
    assert_eq!(ring.primary(KeyUse::Wrap, "envelope").unwrap().id(), id(4));
    assert_eq!(ring.primary(KeyUse::Envelope, "envelope").unwrap().id(), id(5));
    assert!(ring.primary(KeyUse::Envelope, "app").is_none());
}

#[test]
fn a_key_taken_out_of_primary_leaves_none() {
    for to in [KeyState::OpenOnly, KeyState::Disabled, KeyState::Compromised] {
        let mut ring = admin();
        ring.set_state(id(APP), to).unwrap();
        assert!(ring.primary(KeyUse::Wrap, "app").is_none());
        let access = Access::new(&ring).at(NOW);
        assert_eq!(kind(DataKeys::create(access, 42, [NOTES])), ErrorKind::MissingKey);
    }
}

#[test]
fn an_id_is_taken_once_whatever_the_use() {
    let mut ring = ring_of([symmetric(1, "app", KeyState::Primary)]);
    for key in [
        symmetric(1, "other", KeyState::Primary),
        symmetric(1, "app", KeyState::OpenOnly),
        envelope_key(1, KeyState::Primary),
        RingKey::name_only(id(1), KeyUse::Wrap, "app", KeyState::Destroyed).unwrap(),
    ] {
        assert_eq!(kind(ring.insert(key)), ErrorKind::FailedPrecondition);
    }
    assert_eq!(ring.keys().count(), 1);
    assert!(ring.primary(KeyUse::Envelope, "envelope").is_none());
}

#[test]
fn drawn_ids_are_distinct_and_not_zero() {
    let mut ring = KeyRing::generate().unwrap();
    for number in 0..200 {
        ring.add_role(&format!("role-{number}")).unwrap();
    }
    let ids: Vec<u32> = ring.keys().map(|key| key.id().get()).collect();
    assert_eq!(ids.len(), 202);
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]) && ids[0] > 0);
    assert!(fieldseal::keyring::KeyId::new(0).is_none());
}

/// `[RK-1]` A wrap key makes no MAC, and the envelope key unwraps nothing.
#[test]
fn one_key_never_serves_two_uses() {
    let data_key = [3; 32];
    let live = Live::of("notes", 1, &data_key);

    // Signed with the role's secret, in place of the envelope key's.
    let mut env = Env::of([Ent::Live(live.clone().readable(&data_key, &[APP]))]);
    env.key_id = APP;
    let opened = env.envelope().unwrap(&admin(), 42);
    assert_eq!(kind(opened), ErrorKind::WrongKey);

    // Wrapped under the envelope key's secret, in place of a role's.
    let env = Env::of([Ent::Live(live.readable(&data_key, &[ENVELOPE]))]);
    assert_eq!(reached(&admin(), &env.envelope(), "notes/1"), "not permitted");
}

#[test]
fn an_envelope_key_is_named_envelope() {
    let (use_, state) = (KeyUse::Envelope, KeyState::Primary);
    for name in ["app", "Envelope", "envelope.2", ""] {
        let key = RingKey::symmetric(id(1), use_, name, state, &[1; 32]);
        assert_eq!(kind(key), ErrorKind::InvalidInput, "{name}");
        assert_eq!(kind(RingKey::name_only(id(1), use_, name, state)), ErrorKind::InvalidInput);
    }
}

/// `[NM-1]`, `[NM-4]`
#[test]
fn a_name_that_is_none_is_refused() {
    let long = "a".repeat(65);
    let mut ring = admin();
    let before = format!("{ring:?}");
    for name in ["", "App", "9a", "-a", "a b", "a/b", "ä", "a\0", long.as_str()] {
        assert_eq!(kind(ring.add_role(name)), ErrorKind::InvalidInput, "{name}");
        assert_eq!(kind(ring.add_key_pair_role(name)), ErrorKind::InvalidInput);
    }
    assert_eq!(format!("{ring:?}"), before);
    ring.add_role(&"a".repeat(64)).unwrap();
}

#[test]
fn a_role_is_added_once() {
    let mut ring = admin();
    assert_eq!(kind(ring.add_role("app")), ErrorKind::FailedPrecondition);
    assert_eq!(kind(ring.add_key_pair_role("app")), ErrorKind::FailedPrecondition);
    // In any state: what is there is rotated, not replaced.
    ring.set_state(id(APP), KeyState::Disabled).unwrap();
    assert_eq!(kind(ring.add_role("app")), ErrorKind::FailedPrecondition);
}

#[test]
fn rotation_keeps_the_old_key_readable_and_seals_under_the_new() {
    let mut ring = admin();
    let old = envelope(&[CONTACT, HEALTH]);
    let (app, medical) =
        (ring.rotate(KeyUse::Wrap, "app").unwrap(), ring.rotate(KeyUse::Wrap, "medical").unwrap());
    let mac = ring.rotate(KeyUse::Envelope, "envelope").unwrap();
    for (former, new) in [(APP, app), (MEDICAL, medical), (ENVELOPE, mac)] {
        assert_eq!(ring.key(id(former)).unwrap().state(), KeyState::OpenOnly);
        let (former, new) = (ring.key(id(former)).unwrap(), ring.key(new).unwrap());
        assert_eq!(new.state(), KeyState::Primary);
        assert_eq!(new.holds(), former.holds(), "of the same sort");
        assert_eq!(new.name(), former.name());
        assert_ne!(new.expose_secret().unwrap().expose(), former.expose_secret().unwrap().expose());
    }
    assert_eq!(reached(&ring, &old, "contact/1"), "open");
    assert_eq!(reached(&ring, &old, "health/1"), "open");

    let access = Access::new(&ring).at(NOW);
    let new = DataKeys::create(access, 42, [NOTES]).unwrap();
    let info = info(new.envelope());
    assert_eq!(info.envelope_key, mac.get());
    let fieldseal::envelope::EntryState::Live { recipients, .. } = &info.entries[0].state else {
        panic!("it is live");
    };
    assert_eq!(recipients.len(), 1);
    assert_eq!(recipients[0].key_id, app.get());
    // The ring from before the rotation has neither key.
    assert_eq!(kind(new.envelope().unwrap(&admin(), 42)), ErrorKind::WrongKey);
}

#[test]
fn what_is_not_held_in_full_cannot_be_rotated() {
    let mut ring = service(&["app"]);
    for (use_, name) in [
        (KeyUse::Wrap, "support"),
        (KeyUse::Wrap, "medical"),
        (KeyUse::Wrap, "nobody"),
        (KeyUse::Envelope, "app"),
    ] {
        assert_eq!(kind(ring.rotate(use_, name)), ErrorKind::MissingKey, "{name}");
    }
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    ring.rotate(KeyUse::Envelope, "envelope").unwrap();
}

/// The new key is of the sort of the primary; without one, of another whose secret is held.
#[test]
fn rotation_keeps_the_sort_of_the_primary_key() {
    // The former key has the lower id, and the higher.
    for (former, primary) in [(0x60, 0x70), (0x70, 0x60)] {
        let sorts = [
            (
                symmetric(former, "lab", KeyState::OpenOnly),
                key_pair(primary, "lab", KeyState::Primary),
                KeyMaterial::KeyPair,
            ),
            (
                key_pair(former, "lab", KeyState::OpenOnly),
                symmetric(primary, "lab", KeyState::Primary),
                KeyMaterial::Secret,
            ),
        ];
        for (former, primary, sort) in sorts {
            let mut ring = ring_of([former, primary]);
            let new = ring.rotate(KeyUse::Wrap, "lab").unwrap();
            assert_eq!(ring.key(new).unwrap().holds(), sort);
        }
    }
    let half = || {
        let (state, public) = (KeyState::Primary, bytes::public(0x70));
        RingKey::writer_half(id(0x70), "lab", state, &public, &writer(0x70)).unwrap()
    };
    for (former, sort) in [
        (symmetric(0x60, "lab", KeyState::OpenOnly), KeyMaterial::Secret),
        (key_pair(0x60, "lab", KeyState::Disabled), KeyMaterial::KeyPair),
    ] {
        let mut ring = ring_of([half(), former]);
        let new = ring.rotate(KeyUse::Wrap, "lab").unwrap();
        assert_eq!(ring.key(new).unwrap().holds(), sort);
    }
    assert_eq!(kind(ring_of([half()]).rotate(KeyUse::Wrap, "lab")), ErrorKind::MissingKey);
}

/// A compromised key can still be followed by a new one, and does not come back.
#[test]
fn a_compromised_role_is_rotated_without_reviving_the_old_key() {
    let mut ring = admin();
    ring.set_state(id(APP), KeyState::Compromised).unwrap();
    let new = ring.rotate(KeyUse::Wrap, "app").unwrap();
    assert_eq!(ring.key(id(APP)).unwrap().state(), KeyState::Compromised);
    assert_eq!(ring.primary(KeyUse::Wrap, "app").unwrap().id(), new);
    assert_eq!(reached(&ring, &envelope(&[NOTES]), "notes/1"), "not permitted");
}

#[test]
fn a_subset_keeps_what_it_says_and_no_more() {
    let mut ring = admin();
    let new_app = ring.rotate(KeyUse::Wrap, "app").unwrap();
    let new_medical = ring.rotate(KeyUse::Wrap, "medical").unwrap();
    let subset = ring.subset(&["app"]).unwrap();
    let holds = |number: u32| {
        let key = subset.kept().find(|key| key.id() == id(number)).unwrap();
        assert_eq!(key.state(), ring.key(id(number)).unwrap().state());
        assert_eq!(key.name(), ring.key(id(number)).unwrap().name());
        key.holds()
    };
    assert_eq!(holds(ENVELOPE), KeyMaterial::Secret);
    assert_eq!(holds(APP), KeyMaterial::Secret, "older keys of the role too");
    assert_eq!(holds(new_app.get()), KeyMaterial::Secret);
    for other in [SUPPORT, MARKETING, BILLING] {
        assert_eq!(holds(other), KeyMaterial::NameOnly, "a symmetric role of others");
    }
    assert_eq!(holds(new_medical.get()), KeyMaterial::WriterHalf);
    assert_eq!(holds(MEDICAL), KeyMaterial::NameOnly, "only a primary key wraps");
    assert_eq!(subset.kept().count(), ring.keys().count());

    let lines = subset.to_string();
    assert_eq!(lines.lines().count(), ring.keys().count());
    assert!(lines.contains("wrap key `medical`") && lines.contains("seals only"));
    assert!(lines.contains("known by name only"));

    let ring = subset.into_ring();
    for key in ring.keys() {
        let exposed = key.expose_secret().is_some();
        assert_eq!(exposed, key.holds() == KeyMaterial::Secret, "{key}");
    }
}

#[test]
fn a_subset_keeps_the_named_writer_halves_and_no_others() {
    let mut ring = admin();
    ring.insert(key_pair(0x60, "lab", KeyState::Primary)).unwrap();
    let medical = ring.rotate(KeyUse::Wrap, "medical").unwrap().get();
    for (writers, kept) in [
        (&[][..], &[][..]),
        (&["medical"], &[medical]),
        (&["lab"], &[0x60]),
        (&["lab", "medical", "lab"], &[medical, 0x60]),
    ] {
        let subset = ring.subset_with(&reaching(&["app"], writers)).unwrap();
        for key in subset.kept() {
            let expected = match key.id().get() {
                ENVELOPE | APP => KeyMaterial::Secret,
                number if kept.contains(&number) => KeyMaterial::WriterHalf,
                _ => KeyMaterial::NameOnly,
            };
            assert_eq!(key.holds(), expected, "{writers:?}: {key}");
        }
        assert_eq!(subset.kept().count(), ring.keys().count(), "each is known by name");
    }
    // A role of its own stays whole, and a subset of a subset passes its halves on.
    let own = ring.subset_with(&reaching(&["medical"], &["medical"])).unwrap().into_ring();
    assert_eq!(own.key(id(medical)).unwrap().holds(), KeyMaterial::KeyPair);
    let own = ring.subset(&["app"]).unwrap().into_ring();
    let own = own.subset_with(&reaching(&["app"], &["lab"])).unwrap().into_ring();
    assert_eq!(own.key(id(0x60)).unwrap().holds(), KeyMaterial::WriterHalf);
    assert_eq!(own.key(id(medical)).unwrap().holds(), KeyMaterial::NameOnly);

    for writers in [&["support"][..], &["nobody"], &["medical", "app"], &["envelope"]] {
        let error = ring.subset_with(&reaching(&["app"], writers)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingKey, "{writers:?}");
        assert!(error.to_string().contains(writers[writers.len() - 1]), "{error}");
    }
    assert_eq!(kind(ring.subset_with(&reaching(&["nobody"], &["lab"]))), ErrorKind::MissingKey);
    ring.set_state(id(0x60), KeyState::OpenOnly).unwrap();
    assert_eq!(
        kind(ring.subset_with(&reaching(&[], &["lab"]))),
        ErrorKind::MissingKey,
        "no primary"
    );
}

#[test]
fn removed_role_cannot_open() {
    let stored = envelope(&[CONTACT, FINANCIAL, HEALTH, NOTES]);
    for (roles, open) in [
        (&["app"][..], &["contact/1", "notes/1"][..]),
        (&["support"], &["contact/1"]),
        (&["billing"], &["financial/1"]),
        (&["medical"], &["health/1"]),
        (&["marketing"], &[]),
        (&[], &[]),
        (&["billing", "medical"], &["financial/1", "health/1"]),
    ] {
        let ring = service(roles);
        let keys = stored.unwrap(Access::new(&ring).at(NOW), 42).unwrap();
        for (generation, reach) in reach(&keys) {
            let expected =
                if open.contains(&generation.as_str()) { "open" } else { "not permitted" };
            assert_eq!(reach, expected, "{generation} with {roles:?}");
        }
    }
}

#[test]
fn a_subset_of_a_subset_wins_nothing_back() {
    let ring = service(&["app"]);
    for role in ["support", "medical", "nobody"] {
        assert_eq!(kind(ring.subset(&[role])), ErrorKind::MissingKey, "{role}");
        assert_eq!(kind(ring.subset(&["app", role])), ErrorKind::MissingKey, "{role}");
    }
    let again = ring.subset(&["app"]).unwrap().into_ring();
    assert_eq!(format!("{again:?}"), format!("{ring:?}"));
    let none = ring.subset(&[]).unwrap().into_ring();
    assert_eq!(none.key(id(MEDICAL)).unwrap().holds(), KeyMaterial::WriterHalf);
    assert_eq!(none.key(id(APP)).unwrap().holds(), KeyMaterial::NameOnly);
    assert_eq!(none.key(id(ENVELOPE)).unwrap().holds(), KeyMaterial::Secret);
}

#[test]
fn a_role_of_which_no_key_opens_cannot_be_given_away() {
    let mut ring = admin();
    ring.set_state(id(APP), KeyState::Disabled).unwrap();
    assert_eq!(kind(ring.subset(&["app"])), ErrorKind::MissingKey);
    ring.force_destroy(id(APP)).unwrap();
    let error = ring.subset(&["app"]).unwrap_err();
    assert!(error.to_string().contains("`app`"), "{error}");
}

#[test]
fn the_same_randomness_makes_the_same_ring() {
    let ring = |seed: u8| {
        let mut rng = chacha20::ChaCha20Rng::from_seed([seed; 32]);
        let mut ring = KeyRing::generate_with_rng(&mut rng).unwrap();
        ring.add_role_with_rng("support", &mut rng).unwrap();
        ring.add_key_pair_role_with_rng("medical", &mut rng).unwrap();
        ring.rotate_with_rng(KeyUse::Wrap, "app", &mut rng).unwrap();
        ring
    };
    let secrets = |ring: &KeyRing| -> Vec<[u8; 32]> {
        let all = ring.keys().map(|key| *key.expose_secret().unwrap().expose());
        all.collect()
    };
    let (a, b) = (ring(1), ring(1));
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
    assert_eq!(secrets(&a), secrets(&b));
    assert_ne!(secrets(&a), secrets(&ring(2)));
    let mut all = secrets(&a);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 5, "no secret is drawn twice");
}

#[test]
fn an_exposed_key_makes_the_same_key_again() {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_key_pair_role("medical").unwrap();
    const HEALTH_AND_APP: Class = Class::new("health").readers(&["app", "medical"]);
    let stored = DataKeys::create(Access::new(&ring).at(NOW), 42, [HEALTH_AND_APP]).unwrap();

    for only in ["app", "medical"] {
        let mut copy = KeyRing::empty();
        for key in ring.keys() {
            let (id, state, secret) = (key.id(), key.state(), key.expose_secret().unwrap());
            let made = match key.expose_writer_half() {
                Some((_, writer)) => {
                    RingKey::key_pair(id, key.name(), state, secret.expose(), writer.expose())
                }
                None => RingKey::symmetric(id, key.key_use(), key.name(), state, secret.expose()),
            };
            if key.key_use() == KeyUse::Envelope || key.name() == only {
                copy.insert(made.unwrap()).unwrap();
            }
        }
        assert_eq!(reached(&copy, stored.envelope(), "health/1"), "open");
    }
}

/// Every spelling of any few bytes of the secret that a careless `Debug` could give.
fn assert_absent(text: &str, secret: &[u8], what: &str) {
    let packed: String = text.split_whitespace().collect();
    let digits = packed.to_lowercase().replace("0x", "").replace(',', "");
    for window in secret.windows(4) {
        let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!digits.contains(&hex), "{what} in hex: {text}");
        let list: Vec<String> = window.iter().map(u8::to_string).collect();
        assert!(!packed.contains(&list.join(",")), "{what} as a list: {text}");
    }
    for window in secret.windows(6) {
        for encoded in [Base64::encode_string(window), Base64Url::encode_string(window)] {
            assert!(!packed.contains(&encoded), "{what} in base64: {text}");
        }
    }
}

#[test]
fn the_search_for_leaks_finds_each_spelling() {
    let secret = secret(APP);
    let found = |text: String| {
        std::panic::catch_unwind(|| assert_absent(&text, &secret, "the secret")).is_err()
    };
    let results = [
        found(format!("{secret:?}")),
        found(format!("{secret:#?}")),
        found(format!("{secret:02x?}")),
        found(secret.iter().map(|byte| format!("{byte:02x}")).collect()),
        found(secret.iter().map(|byte| format!("{byte:02X}")).collect()),
        found(Base64::encode_string(&secret)),
        found(Base64Url::encode_string(&secret[1..])),
        found("nothing".into()),
    ];
    assert_eq!(results, [true, true, true, true, true, true, true, false]);
}

#[test]
fn nothing_printed_shows_a_byte_of_a_secret() {
    let mut secrets: Vec<(String, Vec<u8>)> = Vec::new();
    let ring = admin();
    for key in ring.keys() {
        let (name, number) = (key.name(), key.id().get());
        secrets.push((format!("secret of {name}"), secret(number).to_vec()));
        for label in ["fieldseal/v1 wrap key", "fieldseal/v1 envelope key"] {
            let derived: [u8; 32] = bytes::expand(&secret(number), label.as_bytes());
            secrets.push((format!("{label} of {name}"), derived.to_vec()));
        }
    }
    secrets.push(("writer secret".into(), writer(MEDICAL).to_vec()));
    secrets.push(("psk".into(), bytes::psk(MEDICAL).to_vec()));

    let mut texts = Vec::new();
    macro_rules! print {
        ($($value:expr),*) => {$(
            texts.push(format!("{:?}", $value));
            texts.push(format!("{:#?}", $value));
        )*};
    }
    let access = Access::new(&ring).tenant("").actor("alice").purpose("test").at(NOW);
    let keys = DataKeys::create(access, 42, [CONTACT, HEALTH]).unwrap();
    let mut edit = keys.envelope().edit(access, 42).unwrap();
    edit.renew(CONTACT).unwrap();
    edit.grant(CONTACT, "marketing", History::Included).unwrap();
    print!(edit);
    let keys = edit.finish_keys().unwrap();
    for entry in Env::parse(keys.envelope().as_bytes()).entries {
        let live = entry.live();
        let data_key = live.unwrap(&live.recipients[0], "", SUBJECT).unwrap();
        let (aead, _) = bytes::derive(&data_key, "", SUBJECT, &live.class, live.generation);
        secrets.push(("data key".into(), data_key.to_vec()));
        secrets.push(("AEAD key".into(), aead.to_vec()));
    }
    let subset = ring.subset(&["app", "medical"]).unwrap();
    texts.push(subset.to_string());
    let log = Log::default();
    print!(ring, subset, access, access.audit(&log), keys, keys.envelope());
    print!(Secret::from_bytes(&secret(APP)), info(keys.envelope()));
    for key in ring.keys() {
        print!(key);
        texts.push(key.to_string());
        print!(key.expose_secret(), key.expose_writer_half().map(|(_, writer)| writer));
    }
    let failed = [
        keys.envelope().unwrap(access, 43).map(drop),
        DataKeys::create(&KeyRing::empty(), 42, [CONTACT]).map(drop),
        access.seal_for(&["nobody"], b"c", &secret(APP)).map(drop),
    ];
    for error in failed {
        print!(error.as_ref().unwrap_err());
        texts.push(error.unwrap_err().to_string());
    }

    assert!(texts.len() > 40);
    for text in &texts {
        for (what, secret) in &secrets {
            assert_absent(text, secret, what);
        }
    }
}

//! The life of a ring key: its states, its moves between them, hints when to rotate, and the census
//! without which none is retired.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{self, Ent, Env, erased};
use common::*;
use fieldseal::envelope::SealedInfo;
use fieldseal::keyring::{Census, KeyMaterial, KeyState, KeyUse, RingKey, Scope};
use fieldseal::secret::Secret;
use fieldseal::{Access, Class, DataKeys, ErrorKind, Field, KeyRing};

const STATES: [KeyState; 5] = [
    KeyState::Primary,
    KeyState::OpenOnly,
    KeyState::Disabled,
    KeyState::Compromised,
    KeyState::Destroyed,
];
const USES: [KeyUse; 5] =
    [KeyUse::Wrap, KeyUse::Envelope, KeyUse::Index, KeyUse::Pseudonym, KeyUse::Sign];

/// What each document says of the moves: (from, to, whether it may be).
fn told(text: &str) -> Vec<(KeyState, KeyState, bool)> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim().trim_start_matches("///").trim().replace("**", "");
        let inner = line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
        inner.unwrap_or_default().split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let lines = text.lines().skip_while(|line| !line.contains(r"| from \"));
    let rows = lines.skip(2).map(cells).take_while(|row| row.len() == 6);
    let told = rows.flat_map(|row| {
        let from: KeyState = row[0].split(':').next().unwrap().parse().unwrap();
        let moves = STATES.into_iter().zip(row[1..].to_vec());
        moves.filter(move |(to, _)| *to != from).map(move |(to, cell)| {
            let may = match cell.as_str() {
                "yes" | "with a census" => true,
                "no" | "rotate first" => false,
                other => panic!("{from} to {to}: {other:?}"),
            };
            (from, to, may)
        })
    });
    told.collect()
}

#[test]
fn every_document_tells_the_moves_that_are_allowed() {
    for (place, text) in [
        ("the guide", include_str!("../docs/guide/rotation.md")),
        ("KeyState::may_become", include_str!("../src/keyring/key.rs")),
    ] {
        let told = told(text);
        assert_eq!(told.len(), 20, "{place}");
        for (from, to, may) in told {
            assert_eq!(from.may_become(to), may, "{place}: {from} to {to}");
        }
    }
    assert!(STATES.iter().all(|state| !state.may_become(*state)), "staying is no move");
}

fn scope() -> Scope {
    Scope::index("", "customer", "email").unwrap()
}

/// A key of every use, as much of it as can be held.
fn every_sort(state: KeyState) -> Vec<RingKey> {
    let (seven, secret) = (id(7), secret(7));
    let of = |key_use: KeyUse| {
        let name = key_use.fixed_name().unwrap_or("app");
        RingKey::symmetric(seven, key_use, name, state, &secret).unwrap()
    };
    let named = |key_use: KeyUse| {
        let name = key_use.fixed_name().unwrap_or("app");
        RingKey::name_only(seven, key_use, name, state).unwrap()
    };
    let derived = vec![(scope(), Secret::from_bytes(&secret))];
    let mut keys = vec![
        key_pair(7, "app", state),
        RingKey::writer_half(seven, "app", state, &bytes::public(7), &writer(7)).unwrap(),
        RingKey::derived(seven, KeyUse::Index, state, derived).unwrap(),
    ];
    let made = USES.into_iter().filter(|used| cfg!(feature = "file") || *used != KeyUse::Sign);
    keys.extend(made.map(of));
    #[cfg(feature = "file")]
    keys.push(RingKey::public_half(verifying_key(7), state).unwrap());
    keys.extend(USES.map(named));
    keys
}

#[cfg(feature = "file")]
fn verifying_key(number: u32) -> fieldseal::keyring::VerifyingKey {
    let mut ring = KeyRing::empty();
    let (sign, primary) = (KeyUse::Sign, KeyState::Primary);
    ring.insert(RingKey::symmetric(id(number), sign, "sign", primary, &secret(number)).unwrap())
        .unwrap();
    ring.verifying_keys()[0]
}

/// A ring file is what keeps such keys, and a build without has no signatures.
#[cfg(not(feature = "file"))]
#[test]
fn build_without_signatures_has_the_names_of_signing_keys_only() {
    for state in STATES {
        let made = RingKey::symmetric(id(7), KeyUse::Sign, "sign", state, &secret(7));
        assert_eq!(kind(made), ErrorKind::Unsupported, "{state}");
    }
    let mut ring = admin();
    let known = RingKey::name_only(id(7), KeyUse::Sign, "sign", KeyState::Primary).unwrap();
    ring.insert(known).unwrap();
    assert_eq!(kind(ring.rotate(KeyUse::Sign, "sign")), ErrorKind::MissingKey);
    let reach = fieldseal::keyring::Capabilities::new().signs();
    assert_eq!(kind(ring.subset_with(&reach)), ErrorKind::MissingKey);
}

/// A census that counted an envelope, of which the key in question is no part.
fn census() -> Census {
    let mut census = Census::new();
    info(&envelope(&[NOTES])).count_into(&mut census);
    census
}

#[test]
fn every_sort_of_key_moves_alike() {
    for (from, to) in STATES.into_iter().flat_map(|from| STATES.map(|to| (from, to))) {
        for key in every_sort(from) {
            let (what, key_use, name) = (key.to_string(), key.key_use(), key.name().to_owned());
            let mut ring = ring_of([key]);
            let (before, described) = (format!("{ring:?}"), ring.describe().to_string());
            let moved = match to {
                KeyState::Destroyed => ring.force_destroy(id(7)),
                _ => ring.set_state(id(7), to),
            };
            if from.may_become(to) {
                moved.unwrap();
                assert_eq!(ring.key(id(7)).unwrap().state(), to, "{what} to {to}");
            } else {
                assert_eq!(kind(moved), ErrorKind::FailedPrecondition, "{what} to {to}");
                assert_eq!(format!("{ring:?}"), before, "a refused move changes nothing");
                assert_eq!(ring.describe().to_string(), described);
            }
            let key = ring.key(id(7)).unwrap();
            let primary = ring.primary(key_use, &name).map(RingKey::id);
            assert_eq!(primary, (key.state() == KeyState::Primary).then_some(id(7)), "{what}");
            if key.state() == KeyState::Destroyed {
                assert_eq!(key.holds(), KeyMaterial::NameOnly);
                assert!(key.expose_secret().is_none() && key.expose_derived(&scope()).is_none());
            }
        }
    }
}

/// `[ST-1]`, `[ST-2]`, `[ST-3]` What each state does for a role, symmetric and a pair, and for the
/// envelope key.
#[test]
fn each_state_seals_and_opens_as_the_format_says() {
    const LAB: Class = Class::new("lab").readers(&["lab"]);
    let stored = |number: u32, key: fn(u32, &str, KeyState) -> RingKey| {
        let (primary, envelope) = (KeyState::Primary, envelope_key(ENVELOPE, KeyState::Primary));
        let ring = ring_of([key(number, "lab", primary), envelope]);
        let keys = DataKeys::create(Access::new(&ring).at(NOW), 42, [LAB]).unwrap();
        keys.envelope().clone()
    };
    let sorts: [fn(u32, &str, KeyState) -> RingKey; 2] = [symmetric, key_pair];
    for (sort, state) in sorts.into_iter().flat_map(|sort| STATES.map(|state| (sort, state))) {
        let mut ring = ring_of([envelope_key(ENVELOPE, KeyState::Primary)]);
        ring.insert(sort(7, "lab", state)).unwrap();
        let access = Access::new(&ring).at(NOW);
        let (opens, rescues) = match state {
            KeyState::Primary | KeyState::OpenOnly => ("open", "open"),
            KeyState::Compromised => ("not permitted", "open in rescue"),
            _ => ("not permitted", "not permitted"),
        };
        let stored = stored(7, sort);
        assert_eq!(reach_of(&stored.unwrap(access, 42).unwrap(), "lab/1"), opens, "{state}");
        let rescued = stored.unwrap(access.rescue(), 42).unwrap();
        assert_eq!(reach_of(&rescued, "lab/1"), rescues, "{state}");
        let created = DataKeys::create(access, 43, [LAB]).map(drop);
        if state == KeyState::Primary {
            created.unwrap();
        } else {
            assert_eq!(kind(created), ErrorKind::MissingKey, "{state}");
        }
    }
    for state in STATES {
        let mut ring = ring_of([symmetric(7, "lab", KeyState::Primary)]);
        ring.insert(envelope_key(ENVELOPE, state)).unwrap();
        let access = Access::new(&ring).at(NOW);
        let (verified, rescued) = match state {
            KeyState::Primary | KeyState::OpenOnly => (None, None),
            KeyState::Compromised => (Some(ErrorKind::NotPermitted), None),
            _ => (Some(ErrorKind::WrongKey), Some(ErrorKind::WrongKey)),
        };
        let stored = stored(7, symmetric);
        let outcome = |access: Access<'_>| stored.unwrap(access, 42).err().map(|it| it.kind());
        assert_eq!((outcome(access), outcome(access.rescue())), (verified, rescued), "{state}");
        let created = DataKeys::create(access, 43, [LAB]).err().map(|error| error.kind());
        let expected = (state != KeyState::Primary).then_some(ErrorKind::MissingKey);
        assert_eq!(created, expected, "{state}");
    }
}

#[test]
fn rotation_keeps_the_hint() {
    let mut ring = admin();
    for (key_use, name) in
        [(KeyUse::Wrap, "app"), (KeyUse::Wrap, "medical"), (KeyUse::Envelope, "envelope")]
    {
        ring.set_rotate_after(key_use, name, Some(90)).unwrap();
        let former = ring.primary(key_use, name).unwrap().id();
        let new = ring.rotate(key_use, name).unwrap();
        assert_eq!(ring.key(new).unwrap().rotate_after_days(), Some(90), "{name}");
        assert_eq!(ring.key(former).unwrap().rotate_after_days(), Some(90), "{name}");
        ring.set_rotate_after(key_use, name, None).unwrap();
        let without = ring.rotate(key_use, name).unwrap();
        assert_eq!(ring.key(without).unwrap().rotate_after_days(), None, "{name}");
        assert_eq!(ring.key(new).unwrap().rotate_after_days(), None);
        assert_eq!(ring.key(former).unwrap().rotate_after_days(), Some(90), "an older key's own");
    }
    let support = ring.rotate(KeyUse::Wrap, "support").unwrap();
    assert_eq!(ring.key(support).unwrap().rotate_after_days(), None, "no hint, none kept");
}

/// Without a primary key, the newest one's hint is the name's.
#[test]
fn rotation_after_a_compromise_keeps_the_hint_of_the_newest_key() {
    let aged = |number, made: u64, days| {
        symmetric(number, "app", KeyState::OpenOnly)
            .with_created_at(made)
            .with_rotate_after_days(days)
    };
    let undated = symmetric(4, "app", KeyState::OpenOnly).with_rotate_after_days(1);
    let mut ring = ring_of([aged(1, 10, 30), aged(2, 30, 60), aged(3, 20, 90), undated]);
    ring.set_state(id(2), KeyState::Compromised).unwrap();
    let new = ring.rotate(KeyUse::Wrap, "app").unwrap();
    assert_eq!(ring.key(new).unwrap().rotate_after_days(), Some(60));
}

#[test]
fn hint_is_for_a_primary_key_that_is_there() {
    let mut ring = admin();
    ring.set_state(id(SUPPORT), KeyState::Disabled).unwrap();
    let before = format!("{:?}", ring.keys().map(RingKey::rotate_after_days).collect::<Vec<_>>());
    for (key_use, name) in [
        (KeyUse::Wrap, "nobody"),
        (KeyUse::Wrap, "support"),
        (KeyUse::Wrap, "envelope"),
        (KeyUse::Envelope, "app"),
        (KeyUse::Index, "index"),
    ] {
        let refused = ring.set_rotate_after(key_use, name, Some(1));
        assert_eq!(kind(refused), ErrorKind::MissingKey, "{key_use} {name}");
    }
    let after = format!("{:?}", ring.keys().map(RingKey::rotate_after_days).collect::<Vec<_>>());
    assert_eq!(before, after);
}

#[test]
fn due_are_the_primary_keys_as_old_as_their_hint() {
    let key = |number: u32, name: &str, state, made: Option<u64>, days: Option<u32>| {
        let key = symmetric(number, name, state);
        let key = match made {
            Some(made) => key.with_created_at(made),
            None => key,
        };
        match days {
            Some(days) => key.with_rotate_after_days(days),
            None => key,
        }
    };
    let primary = KeyState::Primary;
    let mut ring = ring_of([
        key(1, "a", primary, Some(NOW), Some(90)),
        key(2, "b", primary, Some(NOW - 90 * DAY), None),
        key(3, "c", primary, None, Some(90)),
        key(4, "d", primary, Some(NOW + 1), Some(0)),
        key(5, "e", primary, Some(NOW), Some(u32::MAX)),
        key(6, "f", primary, Some(u64::MAX), Some(1)),
    ]);
    let older =
        [KeyState::OpenOnly, KeyState::Disabled, KeyState::Compromised, KeyState::Destroyed];
    for (number, state) in (10..).zip(older) {
        ring.insert(key(number, "a", state, Some(0), Some(1))).unwrap();
    }
    let due = |now: u64| -> Vec<u32> { ring.due(now).map(|key| key.id().get()).collect() };
    // A key from the future is due when its hint says at once, and else not before its time.
    assert_eq!(due(0), [4]);
    assert_eq!(due(NOW + 90 * DAY - 1), [4]);
    assert_eq!(due(NOW + 90 * DAY), [1, 4]);
    assert_eq!(due(NOW + u64::from(u32::MAX) * DAY - 1), [1, 4]);
    assert_eq!(due(u64::MAX), [1, 4, 5]);
}

#[test]
fn rotated_key_is_not_due() {
    let mut ring = admin();
    ring.insert(symmetric(9, "old", KeyState::Primary).with_created_at(1)).unwrap();
    ring.set_rotate_after(KeyUse::Wrap, "old", Some(1)).unwrap();
    assert_eq!(ring.due(NOW).count(), 1);
    ring.rotate(KeyUse::Wrap, "old").unwrap();
    assert_eq!(ring.due(NOW - 365 * DAY).count(), 0);
}

#[test]
fn retiring_needs_a_census_that_counts_zero() {
    let mut ring = admin();
    let stored = envelope(&[CONTACT]);
    for name in ["app", "medical"] {
        ring.rotate(KeyUse::Wrap, name).unwrap();
    }
    ring.rotate(KeyUse::Envelope, "envelope").unwrap();
    let before = format!("{ring:?}");
    let mut census = Census::new();
    for key in [APP, MEDICAL, ENVELOPE] {
        let error = ring.retire(id(key), &census).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FailedPrecondition, "nothing was counted");
        assert!(error.to_string().contains("no envelope"), "{error}");
    }
    for _ in 0..3 {
        info(&stored).count_into(&mut census);
    }
    for key in [APP, ENVELOPE] {
        let error = ring.retire(id(key), &census).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FailedPrecondition);
        let text = error.to_string();
        assert!(text.contains("3 of 3") && text.contains(&id(key).to_string()), "{text}");
    }
    assert_eq!(format!("{ring:?}"), before, "a refusal changes nothing");
    // Health is of no envelope that was counted.
    ring.retire(id(MEDICAL), &census).unwrap();
    assert_eq!(ring.key(id(MEDICAL)).unwrap().state(), KeyState::Destroyed);
    assert_eq!(kind(ring.retire(id(MEDICAL), &census)), ErrorKind::FailedPrecondition, "once");
    assert_eq!(kind(ring.retire(id(999), &census)), ErrorKind::MissingKey);
}

#[test]
fn a_census_of_another_installation_retires_nothing() {
    let mut ring = admin();
    let old = ring.primary(KeyUse::Wrap, "billing").unwrap().id();
    ring.rotate(KeyUse::Wrap, "billing").unwrap();
    let other = KeyRing::generate().unwrap();
    let theirs = DataKeys::create(Access::new(&other).at(NOW), 42, [Class::PERSONAL]).unwrap();
    let mut census = census();
    census.at("elsewhere.keys");
    info(theirs.envelope()).count_into(&mut census);
    let error = ring.retire(old, &census).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedPrecondition);
    assert!(error.to_string().contains("elsewhere.keys"), "{error}");
    assert!(ring.key(old).unwrap().state() != KeyState::Destroyed);
}

#[test]
fn primary_key_is_rotated_before_it_is_retired() {
    let mut ring = ring_of([
        envelope_key(ENVELOPE, KeyState::Primary),
        symmetric(7, "app", KeyState::Primary),
    ]);
    assert_eq!(kind(ring.retire(id(7), &census())), ErrorKind::FailedPrecondition);
    assert_eq!(kind(ring.force_destroy(id(7))), ErrorKind::FailedPrecondition);
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    ring.retire(id(7), &census()).unwrap();
}

#[test]
fn what_was_compromised_or_disabled_is_counted_like_any_other() {
    for state in [KeyState::Disabled, KeyState::Compromised] {
        let mut ring = admin();
        ring.set_state(id(APP), state).unwrap();
        let mut counted = census();
        assert_eq!(counted.count(id(APP)), 1);
        assert_eq!(kind(ring.retire(id(APP), &counted)), ErrorKind::FailedPrecondition, "{state}");
        counted = Census::new();
        info(&envelope(&[HEALTH])).count_into(&mut counted);
        ring.retire(id(APP), &counted).unwrap();
    }
}

/// A census counts envelopes, which do not name these: it knows nothing of what they made.
#[test]
fn index_and_pseudonym_keys_are_not_retired_by_a_census_of_envelopes() {
    let mut ring = admin();
    for key in [ring.add_index_key().unwrap(), ring.add_pseudonym_key().unwrap()] {
        ring.set_state(key, KeyState::OpenOnly).unwrap();
        let error = ring.retire(key, &census()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FailedPrecondition);
        assert!(error.to_string().contains("force_destroy"), "{error}");
        assert!(ring.key(key).unwrap().expose_secret().is_some());
        ring.force_destroy(key).unwrap();
        assert!(ring.key(key).unwrap().expose_secret().is_none());
    }
}

/// `[GN-13]` Whose keys a ring holds decides whom it believes: a destroyed key is held by nobody, and
/// one that comes later counts again.
#[test]
fn role_ends_with_its_last_key_and_begins_with_the_next() {
    const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);
    // By marketing alone, which the readers of the class do not believe.
    let stored = stored(&[live("contact", 1, &[MARKETING])]);
    let marketing = || symmetric(MARKETING, "marketing", KeyState::Primary);
    let mut ring = ring_of([envelope_key(ENVELOPE, KeyState::Primary), marketing()]);
    let keys = |ring: &KeyRing| stored.unwrap(Access::new(ring).at(NOW), 42).unwrap();
    let sealed = EMAIL.seal(&keys(&ring), &"ada@example.com".into()).unwrap();
    let opens = |ring: &KeyRing| {
        let opened = EMAIL.open(&keys(ring), &sealed);
        assert!(opened.is_ok() || kind(opened) == ErrorKind::NotPermitted);
        EMAIL.open(&keys(ring), &sealed).is_ok()
    };
    assert!(opens(&ring));
    for number in [APP, APP + 1] {
        ring.insert(symmetric(number, "app", KeyState::OpenOnly)).unwrap();
        assert!(!opens(&ring));
    }
    ring.set_state(id(APP), KeyState::Disabled).unwrap();
    ring.force_destroy(id(APP + 1)).unwrap();
    assert!(!opens(&ring), "a key that is disabled is held");
    ring.force_destroy(id(APP)).unwrap();
    assert!(opens(&ring));
    ring.insert(key_pair(APP + 2, "app", KeyState::OpenOnly)).unwrap();
    assert!(!opens(&ring));
    ring.force_destroy(id(APP + 2)).unwrap();
    let half = RingKey::writer_half(
        id(APP + 3),
        "app",
        KeyState::Primary,
        &bytes::public(APP + 3),
        &writer(APP + 3),
    );
    ring.insert(half.unwrap()).unwrap();
    assert!(opens(&ring), "a writer's half reads nothing");
}

/// `[RK-5]` Every key that an envelope names is counted, once an envelope.
#[test]
fn census_counts_recipients_and_envelope_keys() {
    let ring = admin();
    let access = Access::new(&ring).at(NOW);
    let mut census = Census::new();
    assert_eq!((census.envelopes(), census.count(id(APP))), (0, 0));

    // Two generations and two classes for one role are one envelope that needs it.
    let twice = edited(access, &envelope(&[CONTACT, NOTES]), |edit| edit.renew(CONTACT));
    info(&twice).count_into(&mut census);
    info(&envelope(&[HEALTH])).count_into(&mut census);
    assert_eq!(census.envelopes(), 2);
    let counts =
        [ENVELOPE, APP, SUPPORT, MARKETING, BILLING, MEDICAL].map(|key| census.count(id(key)));
    assert_eq!(counts, [2, 1, 1, 0, 0, 1]);

    // What is erased needs nobody but who verifies it. Recipients of later kinds count too.
    let gone = Env::of([erased("contact", 1, [1, 2, 3, 4]), Ent::Subject(NOW)]);
    info(&gone.envelope()).count_into(&mut census);
    assert_eq!((census.envelopes(), census.count(id(ENVELOPE)), census.count(id(APP))), (3, 3, 1));
    let mut later = live("notes", 1, &[APP]);
    later.live_mut().recipients.push(unknown(0x9000));
    info(&stored(&[later])).count_into(&mut census);
    assert_eq!((census.count(id(0x9000)), census.count(id(APP))), (1, 2));
}

#[test]
fn standalone_envelopes_are_counted_too() {
    let mut ring = admin();
    let access = Access::new(&ring).at(NOW);
    let sealed = access.seal_for(&["billing", "medical"], b"invoice 7", b"paid").unwrap();
    let mut census = Census::new();
    let SealedInfo::Standalone(info) = SealedInfo::from_bytes(&sealed).unwrap() else {
        panic!("it is one");
    };
    info.envelope.count_into(&mut census);
    assert_eq!(census.envelopes(), 1);
    let counts = [ENVELOPE, BILLING, MEDICAL, APP].map(|key| census.count(id(key)));
    assert_eq!(counts, [1, 1, 1, 0]);
    ring.rotate(KeyUse::Wrap, "billing").unwrap();
    assert_eq!(kind(ring.retire(id(BILLING), &census)), ErrorKind::FailedPrecondition);
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    ring.retire(id(APP), &census).unwrap();
    let opened = Access::new(&ring).open_for(&["billing"], b"invoice 7", &sealed).unwrap();
    assert_eq!(opened.expose(), b"paid");
}

#[test]
fn uses_and_states_have_one_spelling() {
    for key_use in USES {
        assert_eq!(key_use.as_str().parse::<KeyUse>().unwrap(), key_use);
        assert_eq!(key_use.to_string(), key_use.as_str());
        let fixed = (key_use != KeyUse::Wrap).then_some(key_use.as_str());
        assert_eq!(key_use.fixed_name(), fixed);
    }
    for state in STATES {
        assert_eq!(state.as_str().parse::<KeyState>().unwrap(), state);
        assert_eq!(state.to_string(), state.as_str());
    }
    for text in ["", "Wrap", "wrap ", " index", "Sign", "signs", "primary", "pseudonyms", "wrap\0"]
    {
        assert_eq!(kind(text.parse::<KeyUse>()), ErrorKind::InvalidInput, "{text:?}");
    }
    for text in ["", "Primary", "open only", "openonly", "open_only", "wrap", "destroyed "] {
        assert_eq!(kind(text.parse::<KeyState>()), ErrorKind::InvalidInput, "{text:?}");
    }
}

#[test]
fn index_and_pseudonym_keys_are_added_once_and_then_rotated() {
    let add = |ring: &mut KeyRing, key_use| match key_use {
        KeyUse::Index => ring.add_index_key(),
        _ => ring.add_pseudonym_key(),
    };
    for key_use in [KeyUse::Index, KeyUse::Pseudonym] {
        let (name, mut ring) = (key_use.as_str(), admin());
        assert_eq!(kind(ring.rotate(key_use, name)), ErrorKind::MissingKey, "{name}");
        let first = add(&mut ring, key_use).unwrap();
        let key = ring.key(first).unwrap();
        assert_eq!((key.name(), key.key_use(), key.holds()), (name, key_use, KeyMaterial::Secret));
        assert_eq!(ring.primary(key_use, name).unwrap().id(), first);
        // What is there is rotated, not replaced.
        for state in [KeyState::Primary, KeyState::Disabled] {
            put(&mut ring, first.get(), state);
            let error = add(&mut ring, key_use).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::FailedPrecondition, "{state}");
            assert!(error.to_string().contains("rotate"), "{error}");
        }
        // Where all are destroyed there is nothing to rotate, and a new one is added.
        put(&mut ring, first.get(), KeyState::Destroyed);
        assert_eq!(kind(ring.rotate(key_use, name)), ErrorKind::MissingKey);
        let again = add(&mut ring, key_use).unwrap();
        assert_eq!(ring.primary(key_use, name).unwrap().id(), again);

        let mut ring = admin();
        let first = add(&mut ring, key_use).unwrap();
        let second = ring.rotate(key_use, name).unwrap();
        assert_eq!(ring.key(first).unwrap().state(), KeyState::OpenOnly);
        assert_eq!(ring.primary(key_use, name).unwrap().id(), second);
        let secret = |id| *ring.key(id).unwrap().expose_secret().unwrap().expose();
        assert_ne!(secret(first), secret(second));
    }
}

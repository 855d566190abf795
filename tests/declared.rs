//! `[GN-13]` Whose data keys count: judged by the class as it is declared, when it is used.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{Ent, Env, Live, Rec};
use common::*;
use fieldseal::envelope::History;
use fieldseal::keyring::KeyState;
use fieldseal::{Access, Class, DataKeys, ErrorKind, Field, KeyEnvelope, KeyRing, Sealed};

const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);
const DATA_KEY: [u8; 32] = [3; 32];

fn at(ring: &KeyRing) -> Access<'_> {
    Access::new(ring).at(NOW)
}

/// A recipient that nothing unwraps.
fn garbage(key_id: u32) -> Rec {
    Rec { kind: 1, key_id, wrapped: vec![0x55; 72] }
}

/// `contact/1`, which these ring keys open, and for which these others have noise.
fn contact(opened_by: &[u32], noise_for: &[u32]) -> KeyEnvelope {
    let live = Live::of("contact", 1, &DATA_KEY).readable(&DATA_KEY, opened_by);
    let noise: Vec<Rec> = noise_for.iter().map(|key_id| garbage(*key_id)).collect();
    Env::of([Ent::Live(live.with(noise))]).envelope()
}

/// A value under `contact/1`.
fn sealed() -> Sealed<String> {
    let ring = admin();
    let keys = contact(&[APP], &[]).unwrap(at(&ring), 42).unwrap();
    EMAIL.seal(&keys, &"ada@example.com".to_owned()).unwrap()
}

fn kind_of<T>(result: Result<T, fieldseal::Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// What opening and sealing answer.
fn used(access: Access<'_>, stored: &KeyEnvelope) -> [Option<ErrorKind>; 2] {
    let keys = stored.unwrap(access, 42).unwrap();
    let opened = EMAIL.open(&keys, &sealed());
    if let Ok(value) = &opened {
        assert_eq!(value, "ada@example.com");
    }
    [kind_of(opened), kind_of(EMAIL.seal(&keys, &"new".to_owned()))]
}

#[test]
fn a_declared_reader_counts_and_one_with_consent_in_its_absence() {
    use ErrorKind::{NotPermitted, Tampered};
    let own = service;
    for (ring, opened_by, noise_for, expected) in [
        (admin(), &[APP][..], &[][..], None),
        (admin(), &[SUPPORT], &[], None),
        (admin(), &[MARKETING], &[], Some(NotPermitted)),
        (admin(), &[BILLING], &[], Some(NotPermitted)),
        (admin(), &[MARKETING, BILLING], &[], Some(NotPermitted)),
        (own(&["app", "marketing"]), &[MARKETING], &[], Some(NotPermitted)),
        (own(&["support", "marketing"]), &[MARKETING], &[APP], Some(NotPermitted)),
        (own(&["marketing"]), &[MARKETING], &[], None),
        (own(&["marketing", "billing"]), &[APP, MARKETING], &[], None),
        (own(&["marketing"]), &[APP], &[], Some(NotPermitted)),
        (own(&["billing"]), &[BILLING], &[], Some(NotPermitted)),
        (own(&["marketing", "billing"]), &[BILLING], &[], Some(NotPermitted)),
        // Noise is `tampered` where it would count, and nothing where it would not.
        (admin(), &[], &[APP], Some(Tampered)),
        (admin(), &[], &[APP, SUPPORT], Some(Tampered)),
        (admin(), &[MARKETING, BILLING], &[APP], Some(Tampered)),
        (admin(), &[APP], &[SUPPORT], None),
        (admin(), &[SUPPORT], &[APP], None),
        (admin(), &[SUPPORT], &[MARKETING, BILLING], None),
        (admin(), &[], &[MARKETING], Some(NotPermitted)),
        (admin(), &[], &[BILLING], Some(NotPermitted)),
        (own(&["marketing"]), &[], &[MARKETING], Some(Tampered)),
        (own(&["marketing"]), &[BILLING], &[APP], Some(NotPermitted)),
        // A key for another use, and one that nobody has.
        (admin(), &[ENVELOPE], &[], Some(NotPermitted)),
        (admin(), &[], &[ENVELOPE], Some(NotPermitted)),
        (admin(), &[0x7000], &[], Some(NotPermitted)),
    ] {
        let used = used(at(&ring), &contact(opened_by, noise_for));
        assert_eq!(used, [expected; 2], "{opened_by:x?} {noise_for:x?} {ring:?}");
    }
}

/// While a ring holds a declared reader's secret, in whatever state, no consented role's recipient
/// counts: disabling a key must not make the ring believe others.
#[test]
fn a_reader_whose_secret_is_held_keeps_consent_from_counting_in_every_state() {
    let stored = contact(&[MARKETING], &[]);
    for (state, expected) in [
        (KeyState::Primary, Some(ErrorKind::NotPermitted)),
        (KeyState::OpenOnly, Some(ErrorKind::NotPermitted)),
        (KeyState::Disabled, Some(ErrorKind::NotPermitted)),
        (KeyState::Compromised, Some(ErrorKind::NotPermitted)),
        (KeyState::Destroyed, None),
    ] {
        let mut ring = service(&["app", "marketing"]);
        put(&mut ring, APP, state);
        assert_eq!(used(at(&ring), &stored), [expected; 2], "{state}");
        // And back: what was unwrapped before stays judged by the ring of then.
        let keys = stored.unwrap(at(&ring), 42).unwrap();
        ring.rotate(fieldseal::keyring::KeyUse::Wrap, "marketing").unwrap();
        assert_eq!(kind_of(EMAIL.open(&keys, &sealed())), expected, "{state}");
    }
    // A writer half opens nothing.
    const TRIAL: Class =
        Class::new("trial").readers(&["medical"]).readers_with_consent(&["marketing"]);
    const NOTE: Field<String> = Field::new("customer", "note", TRIAL);
    let live = Live::of("trial", 1, &DATA_KEY).readable(&DATA_KEY, &[MARKETING]);
    let stored = Env::of([Ent::Live(live)]).envelope();
    for (roles, expected) in
        [(&["marketing"][..], None), (&["marketing", "medical"], Some(ErrorKind::NotPermitted))]
    {
        let keys = stored.unwrap(at(&service(roles)), 42).unwrap();
        assert_eq!(kind_of(NOTE.seal(&keys, &"x".to_owned())), expected, "{roles:?}");
    }
}

/// In rescue too a compromised key opens and does not seal, and no other role takes its place.
#[test]
fn a_compromised_reader_opens_in_rescue_and_seals_never() {
    let mut ring = admin();
    for number in [APP, SUPPORT] {
        advance(
            &mut ring,
            symmetric(
                number + 1,
                ["app", "support"][usize::from(number == SUPPORT)],
                KeyState::OpenOnly,
            ),
        );
        put(&mut ring, number, KeyState::Compromised);
    }
    let refused = Some(ErrorKind::NotPermitted);
    for others in [&[][..], &[MARKETING, BILLING]] {
        let stored = contact(&[&[APP][..], others].concat(), &[]);
        assert_eq!(used(at(&ring), &stored), [refused; 2]);
        assert_eq!(used(at(&ring).rescue(), &stored), [None, refused]);
    }
    // With one that is not compromised beside it, all is as ever.
    let stored = contact(&[APP, APP + 1], &[]);
    assert_eq!(used(at(&ring), &stored), [None; 2]);
    assert_eq!(used(at(&ring).rescue(), &stored), [None; 2]);
}

/// The keys hold what each role opened; each use is judged by the declaration it is made with.
#[test]
fn one_set_of_keys_is_judged_by_each_declaration() {
    const OTHER: [(Class, Option<ErrorKind>); 5] = [
        (Class::new("contact").readers(&["billing"]), None),
        (Class::new("contact").readers(&["support"]), Some(ErrorKind::Tampered)),
        (Class::new("contact").readers(&["medical"]), Some(ErrorKind::NotPermitted)),
        (Class::new("contact").readers(&[]), Some(ErrorKind::NotPermitted)),
        (Class::new("contact").readers(&[]).readers_with_consent(&["marketing"]), None),
    ];
    let ring = admin();
    let keys = contact(&[MARKETING, BILLING], &[SUPPORT]).unwrap(at(&ring), 42).unwrap();
    assert_eq!(kind_of(EMAIL.open(&keys, &sealed())), Some(ErrorKind::Tampered));
    for (class, expected) in OTHER {
        let field: Field<String> = Field::new("customer", "email", class);
        assert_eq!(kind_of(field.open(&keys, &sealed())), expected, "{class:?}");
        assert_eq!(kind_of(field.seal(&keys, &"x".to_owned())), expected, "{class:?}");
    }
    assert_eq!(keys.reached(), ["contact"]);
}

/// Keys that a call has just made are judged the same: they seal for the roles they were made for.
#[test]
fn keys_just_made_are_judged_by_each_declaration() {
    const BY_BILLING: Class = Class::new("contact").readers(&["billing"]);
    const ITS_EMAIL: Field<String> = Field::new("customer", "email", BY_BILLING);
    let ring = admin();
    let keys = DataKeys::create(at(&ring), 42, [CONTACT]).unwrap();
    assert_eq!(kind(ITS_EMAIL.seal(&keys, &"x".to_owned())), ErrorKind::NotPermitted);
    let sealed = EMAIL.seal(&keys, &"x".to_owned()).unwrap();
    assert_eq!(kind(ITS_EMAIL.open(&keys, &sealed)), ErrorKind::NotPermitted);
    assert_eq!(EMAIL.open(&keys, &sealed).unwrap(), "x");
    let keys = keys.envelope().unwrap(at(&ring), 42).unwrap();
    assert_eq!(kind(ITS_EMAIL.seal(&keys, &"x".to_owned())), ErrorKind::NotPermitted);
}

/// A former class is judged by its own declaration.
#[test]
fn a_former_class_is_judged_as_it_is_declared() {
    const FORMER: Class = Class::new("former").readers(&["support"]);
    const OLD: Field<String> = Field::new("customer", "email", FORMER);
    const MOVED: Field<String> = Field::new("customer", "email", CONTACT).was(FORMER);
    const MISDECLARED: Field<String> =
        Field::new("customer", "email", CONTACT).was(Class::new("former"));
    let ring = admin();
    let stored = envelope(&[CONTACT, FORMER]);
    let keys = stored.unwrap(at(&ring), 42).unwrap();
    let sealed = OLD.seal(&keys, &"ada@example.com".to_owned()).unwrap();
    assert_eq!(kind(EMAIL.open(&keys, &sealed)), ErrorKind::WrongKey);
    for (roles, opened, misdeclared) in [
        (&["support"][..], None, Some(ErrorKind::NotPermitted)),
        (&["app", "support"], None, Some(ErrorKind::NotPermitted)),
        (&["app"], Some(ErrorKind::NotPermitted), Some(ErrorKind::NotPermitted)),
        (&["billing"], Some(ErrorKind::NotPermitted), Some(ErrorKind::NotPermitted)),
    ] {
        let keys = stored.unwrap(at(&service(roles)), 42).unwrap();
        assert_eq!(kind_of(MOVED.open(&keys, &sealed)), opened, "{roles:?}");
        assert_eq!(kind_of(MISDECLARED.open(&keys, &sealed)), misdeclared, "{roles:?}");
    }
    // What is sealed anew is of the present class.
    let sealed = MOVED.seal(&keys, &"new".to_owned()).unwrap();
    assert_eq!(EMAIL.open(&keys, &sealed).unwrap(), "new");
}

/// Who is refused is told who could: those whom the class declares, whoever may have it in fact.
#[test]
fn a_refusal_names_the_readers_that_the_class_declares() {
    let ring = admin();
    let stored = contact(&[BILLING], &[]);
    let keys = stored.unwrap(at(&ring), 42).unwrap();
    let mut edit = stored.edit(at(&ring), 42).unwrap();
    for error in [
        EMAIL.open(&keys, &sealed()).unwrap_err(),
        EMAIL.seal(&keys, &"x".to_owned()).unwrap_err(),
        edit.grant(CONTACT, "marketing", History::Included).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotPermitted);
        let text = error.to_string();
        assert!(text.contains("class `contact`"), "{text}");
        for role in ["`app`", "`support`"] {
            assert!(text.contains(role), "{text}");
        }
        assert!(!text.contains("billing") && !text.contains("medical"), "{text}");
    }
}

/// `[ED-10]` The data key for a grant with history comes by a recipient that counts, and not by a
/// compromised key alone.
#[test]
fn a_grant_with_history_takes_only_a_data_key_that_counts() {
    let grant = |access: Access<'_>, stored: &KeyEnvelope| {
        let mut edit = stored.edit(access, 42).unwrap();
        kind_of(edit.grant(CONTACT, "support", History::Included))
    };
    let ring = admin();
    for (opened_by, noise_for, expected) in [
        (&[APP][..], &[][..], None),
        (&[APP], &[SUPPORT, MARKETING], None),
        (&[MARKETING], &[], Some(ErrorKind::NotPermitted)),
        (&[BILLING], &[], Some(ErrorKind::NotPermitted)),
        (&[MARKETING], &[APP], Some(ErrorKind::Tampered)),
    ] {
        let granted = grant(at(&ring), &contact(opened_by, noise_for));
        assert_eq!(granted, expected, "{opened_by:x?} {noise_for:x?}");
    }
    let mut ring = admin();
    put(&mut ring, APP, KeyState::Compromised);
    for (opened_by, expected) in [
        (&[APP][..], Some(ErrorKind::NotPermitted)),
        (&[APP, MARKETING, BILLING], Some(ErrorKind::NotPermitted)),
        (&[APP, SUPPORT], None),
    ] {
        for access in [at(&ring), at(&ring).rescue()] {
            assert_eq!(grant(access, &contact(opened_by, &[])), expected, "{opened_by:x?}");
        }
    }
}

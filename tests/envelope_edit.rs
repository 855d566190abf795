//! Changes to a key envelope, clause by clause: create, ensure, renew, rewrap, versions and the audit.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{Ent, Env, Live, Rec, erased};
use common::*;
use fieldseal::audit::Action;
use fieldseal::envelope::{EnvelopeEdit, History};
use fieldseal::keyring::KeyState;
use fieldseal::{Access, Class, DataKeys, Error, ErrorKind, KeyEnvelope, KeyRing};

const DATA_KEY: [u8; 32] = [3; 32];

fn at(ring: &KeyRing) -> Access<'_> {
    Access::new(ring).at(NOW)
}

/// A recipient of a kind that this version does not know.
fn unknown(key_id: u32) -> Rec {
    Rec { kind: 3, key_id, wrapped: vec![0xAA; 33] }
}

/// A live generation of class `contact` that these ring keys read.
fn contact(generation: u16, ids: &[u32]) -> Live {
    let data_key = [u8::try_from(generation % 200).unwrap(); 32];
    Live::of("contact", generation, &data_key).readable(&data_key, ids)
}

/// `[GN-7]`
#[test]
fn a_new_generation_1_has_no_consented_reader() {
    assert_eq!(recipients(&envelope(&[CONTACT]), "contact/1"), [APP, SUPPORT]);
}

/// `[GN-6]`
#[test]
fn a_class_without_readers_is_a_mistake_of_the_declaration() {
    const NOBODY: Class = Class::new("nobody").readers(&[]);
    const CONSENT_ONLY: Class =
        Class::new("nobody").readers(&[]).readers_with_consent(&["marketing"]);
    let ring = admin();
    for class in [NOBODY, CONSENT_ONLY] {
        let made = DataKeys::create(at(&ring), 42, [class]);
        assert_eq!(kind(made), ErrorKind::Declaration);
        let stored = envelope(&[NOTES]);
        let refused = refused(at(&ring), &stored, |edit| edit.ensure(class));
        assert_eq!(refused, ErrorKind::Declaration);
    }
}

/// `[KE-2]`
#[test]
fn an_envelope_without_an_entry_is_never_made() {
    let ring = admin();
    let made = DataKeys::create(at(&ring), 42, ());
    assert_eq!(kind(made), ErrorKind::Declaration);
}

/// `[GN-6]` whole: one reader that is missing refuses all, and is named.
#[test]
fn a_missing_reader_key_is_named() {
    for (ring, class, role) in [
        (service(&["app"]), CONTACT, "support"),
        (service(&["support"]), CONTACT, "app"),
        (ring_of([envelope_key(ENVELOPE, KeyState::Primary)]), HEALTH, "medical"),
    ] {
        let error = DataKeys::create(at(&ring), 42, [class]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingKey);
        assert!(error.to_string().contains(&format!("`{role}`")), "{error}");
    }
}

/// `[MAC-2]`
#[test]
fn without_a_primary_envelope_key_nothing_is_made() {
    for state in [KeyState::OpenOnly, KeyState::Disabled, KeyState::Compromised] {
        let mut ring = admin();
        let stored = envelope(&[NOTES]);
        ring.set_state(id(ENVELOPE), state).unwrap();
        let made = DataKeys::create(at(&ring), 42, [NOTES]);
        assert_eq!(kind(made), ErrorKind::MissingKey);
        if state == KeyState::OpenOnly {
            let mut edit = stored.edit(at(&ring), 42).unwrap();
            edit.ensure(HEALTH).unwrap();
            assert_eq!(kind(edit.finish()), ErrorKind::MissingKey);
        }
    }
}

/// `[RT-1]` to `[RT-3]`
#[test]
fn an_expiry_is_created_at_plus_p_plus_r() {
    const SHORT: Class = Class::new("a").retain_days(1);
    const TWELVE: Class = Class::new("b").retain_days(12);
    const LONG: Class = Class::new("c").retain_days(365);
    const SET: Class = Class::new("d").retain_days(365).generation_days(7);
    let stored = envelope(&[SHORT, TWELVE, LONG, SET, NOTES]);
    for (generation, days) in [("a/1", 1 + 1), ("b/1", 12 + 1), ("d/1", 365 + 7)] {
        let expires_at = entry(&stored, generation).live().expires_at;
        assert_eq!(expires_at, NOW + days * DAY, "{generation}");
    }
    let year = 365 * DAY;
    assert_eq!(entry(&stored, "c/1").live().expires_at, NOW + year + year / 12);
    assert_eq!(entry(&stored, "notes/1").live().expires_at, 0);
}

/// `[RT-3]`, section 2: exact arithmetic.
#[test]
fn an_expiry_beyond_all_time_is_exhausted() {
    const SHORT: Class = Class::new("a").retain_days(1);
    let ring = admin();
    for (now, fits) in [
        (u64::MAX - 2 * DAY, true),
        (u64::MAX - 2 * DAY + 1, false),
        (u64::MAX - DAY, false),
        (u64::MAX, false),
    ] {
        let made = DataKeys::create(Access::new(&ring).at(now), 42, [SHORT]);
        let made = made.map(drop).map_err(|error| error.kind());
        let expected = if fits { Ok(()) } else { Err(ErrorKind::Exhausted) };
        assert_eq!(made, expected, "{now}");
    }
}

/// `[ED-2]`, `[ED-15]`
#[test]
fn many_changes_are_one_version_and_touch_nothing_else() {
    let ring = admin();
    let stored = envelope(&[CONTACT, NOTES]);
    let changed = edited(at(&ring), &stored, |edit| {
        edit.ensure(HEALTH)?;
        edit.ensure(FINANCIAL)?;
        edit.renew(CONTACT)?;
        edit.grant(CONTACT, "marketing", History::Excluded)?;
        edit.erase_class("financial")
    });
    assert_eq!(info(&stored).version, 1);
    assert_eq!(info(&changed).version, 2);
    for generation in ["contact/1", "notes/1"] {
        assert_eq!(entry(&changed, generation), entry(&stored, generation));
    }
    let names: Vec<(String, u16)> =
        info(&changed).entries.into_iter().map(|entry| (entry.class, entry.generation)).collect();
    let expected = [
        ("contact", 1),
        ("contact", 2),
        ("contact", 3),
        ("financial", 1),
        ("health", 1),
        ("notes", 1),
    ];
    assert!(names.iter().map(|(class, n)| (class.as_str(), *n)).eq(expected));
    let again = edited(at(&ring), &changed, |edit| edit.renew(NOTES));
    assert_eq!(info(&again).version, 3);
}

#[test]
fn an_edit_without_a_change_gives_the_same_bytes() {
    let ring = admin();
    let stored = envelope(&[CONTACT, NOTES]);
    let same = edited(at(&ring), &stored, |edit| {
        edit.ensure(CONTACT)?;
        edit.sweep()?;
        assert!(!edit.is_changed());
        Ok(())
    });
    assert_eq!(same, stored);
    drop(stored.edit(at(&ring), 42).unwrap());
}

/// `[ED-2]`
#[test]
fn the_last_version_cannot_be_changed() {
    let mut env = Env::of([Ent::Live(contact(1, &[APP]))]);
    let ring = admin();
    for (version, fits) in [(u64::MAX - 1, true), (u64::MAX, false)] {
        env.version = version;
        for rewrap in [false, true] {
            let mut edit = env.envelope().edit(at(&ring), 42).unwrap();
            if rewrap {
                edit.rewrap(()).unwrap();
            } else {
                edit.ensure(NOTES).unwrap();
            }
            match edit.finish() {
                Ok(stored) => assert_eq!((fits, info(&stored).version), (true, u64::MAX)),
                Err(error) => assert_eq!((fits, error.kind()), (false, ErrorKind::Exhausted)),
            }
        }
        assert!(env.envelope().unwrap(at(&ring), 42).is_ok(), "it still opens");
    }
}

/// `[KE-1]`
#[test]
fn an_envelope_that_would_be_too_long_is_exhausted() {
    let mut live = contact(1, &[APP]);
    let mut filler = unknown(0xF000_0000);
    filler.wrapped = vec![0; 61_000];
    live.recipients.push(filler);
    let stored = Env::of([Ent::Live(live)]).envelope();
    let ring = admin();
    let mut edit = stored.edit(at(&ring), 42).unwrap();
    edit.ensure(NOTES).unwrap();
    assert!(edit.finish().is_ok());
    let mut edit = stored.edit(at(&ring), 42).unwrap();
    edit.ensure(NOTES).unwrap();
    // `[ED-19]` It is refused at once, and what was made before it stays.
    assert_eq!(kind(edit.ensure(HEALTH)), ErrorKind::Exhausted);
    assert_eq!(info(&edit.finish().unwrap()).entries.len(), 2);
}

/// `[RC-4]`
#[test]
fn more_than_255_recipients_are_exhausted() {
    let mut ring = admin();
    let names: Vec<&'static str> = (0..256_u32)
        .map(|number| {
            let name: &'static str = format!("role-{number}").leak();
            ring.insert(symmetric(1000 + number, name, KeyState::Primary)).unwrap();
            name
        })
        .collect();
    let names: &'static [&'static str] = names.leak();
    let all = DataKeys::create(at(&ring), 42, [Class::new("many").readers(names)]);
    assert_eq!(kind(all), ErrorKind::Exhausted);
    let most = Class::new("many").readers(&names[1..]);
    let keys = DataKeys::create(at(&ring), 42, [most]).unwrap();
    assert_eq!(recipients(keys.envelope(), "many/1").len(), 255);
}

/// `[ED-17]`: version, envelope key, length, in this order.
#[test]
fn what_is_checked_last_is_checked_in_order() {
    let mut live = contact(1, &[APP]);
    let mut filler = unknown(0xF000_0000);
    filler.wrapped = vec![0; 65_535 - 31 - (54 + 7) - 79 - 7];
    live.recipients.push(filler);
    let mut env = Env::of([Ent::Live(live)]);
    assert_eq!(env.envelope().as_bytes().len(), 65_535);
    // A key pair takes 8 bytes more.
    let mut full = admin();
    advance(&mut full, key_pair(0x60, "app", KeyState::OpenOnly));
    let mut without = admin();
    advance(&mut without, key_pair(0x60, "app", KeyState::OpenOnly));
    put(&mut without, ENVELOPE, KeyState::OpenOnly);
    for (version, ring, expected) in [
        (u64::MAX, &without, ErrorKind::Exhausted),
        (1, &without, ErrorKind::MissingKey),
        (1, &full, ErrorKind::Exhausted),
    ] {
        env.version = version;
        let mut edit = env.envelope().edit(at(ring), 42).unwrap();
        assert_eq!(edit.rewrap([CONTACT]).unwrap().wrapped, 1);
        assert_eq!(kind(edit.finish()), expected);
    }
}

/// `[GN-12]`
#[test]
fn a_class_declared_in_two_ways_is_a_mistake_of_the_declaration() {
    const OTHER_READERS: Class = Class::new("notes").readers(&["support"]);
    const OTHER_CONSENT: Class = Class::new("notes").readers_with_consent(&["support"]);
    const OTHER_TERM: Class = Class::new("notes").retain_days(7);
    let ring = admin();
    for other in [OTHER_READERS, OTHER_CONSENT, OTHER_TERM] {
        for classes in [[NOTES, other], [other, NOTES]] {
            let made = DataKeys::create(at(&ring), 42, classes);
            assert_eq!(kind(made), ErrorKind::Declaration, "{other:?}");
            let prepared = envelope(&[NOTES]).prepare(at(&ring), 42, classes);
            assert_eq!(kind(prepared), ErrorKind::Declaration, "{other:?}");
            // Before a key that is missing is missed.
            let made = DataKeys::create(at(&KeyRing::empty()), 42, classes);
            assert_eq!(kind(made), ErrorKind::Declaration, "{other:?}");
        }
    }
    let made = DataKeys::create(at(&ring), 42, [NOTES, NOTES]).unwrap();
    assert_eq!(info(made.envelope()).entries.len(), 1);
}

/// `[GN-12]` In one edit, whichever change it was given with; refused or not, the first stands.
#[test]
fn changes_of_one_edit_agree_on_a_class() {
    type Change = fn(&mut EnvelopeEdit<'_>, &Class) -> Result<(), Error>;
    const CHANGES: [Change; 8] = [
        |edit, class| edit.ensure(class),
        |edit, class| edit.ensure(class.consented_to(&["marketing"])),
        |edit, class| edit.renew(class),
        |edit, class| edit.renew(class.consented_to(&["marketing"])),
        |edit, class| edit.rewrap([NOTES, *class]).map(drop),
        |edit, class| edit.grant(class, "marketing", History::Included),
        |edit, class| edit.withdraw(class, "marketing"),
        |edit, class| edit.withdraw(class.consented_to(&[]), "marketing"),
    ];
    const SHUFFLED: Class =
        Class::new("contact").readers(&["support", "app"]).readers_with_consent(&["marketing"]);
    let others = [
        Class::new("contact").readers(&["app"]).readers_with_consent(&["marketing"]),
        Class::new("contact").readers(&["app", "support", "billing"]),
        Class::new("contact").readers(&["app", "support"]),
        CONTACT.retain_days(30),
    ];
    let (ring, stored) = (admin(), envelope(&[CONTACT]));
    for (first, begin) in CHANGES.into_iter().enumerate() {
        for (second, change) in CHANGES.into_iter().enumerate() {
            let mut edit = stored.edit(at(&ring), 42).unwrap();
            begin(&mut edit, &CONTACT).unwrap();
            for other in &others {
                let refused = kind(change(&mut edit, other));
                assert_eq!(refused, ErrorKind::Declaration, "{first} {second} {other:?}");
            }
            change(&mut edit, &CONTACT).unwrap();
            change(&mut edit, &SHUFFLED).unwrap();
            edit.finish().unwrap();
        }
    }
}

/// `[ED-6]`
#[test]
fn ensure_begins_only_what_has_no_entry() {
    let ring = admin();
    let tag = [1, 2, 3, 4];
    let stored = Env::of([Ent::Live(contact(4, &[APP])), erased("health", 2, tag)]).envelope();
    let changed = edited(at(&ring), &stored, |edit| {
        edit.ensure(CONTACT)?;
        edit.ensure(HEALTH)?;
        assert!(!edit.is_changed(), "live or erased, it has an entry");
        edit.ensure(NOTES)?;
        edit.ensure(NOTES)
    });
    let env = Env::parse(changed.as_bytes());
    assert_eq!(env.entries.len(), 3);
    assert_eq!(recipients(&changed, "notes/1"), [APP]);
    assert_eq!(env.entries[..2], Env::parse(stored.as_bytes()).entries);
}

/// `[ED-7]`, `[GN-4]`, `[RT-1]`
#[test]
fn renew_begins_the_next_generation_for_declared_and_consented_readers() {
    let ring = admin();
    let later = Access::new(&ring).at(NOW + 5);
    let stored = Env::of([
        Ent::Live(contact(1, &[APP, SUPPORT, BILLING])),
        Ent::Live(contact(7, &[APP, MARKETING, BILLING])),
    ])
    .envelope();
    let renewed = edited(later, &stored, |edit| edit.renew(CONTACT));
    // Billing is no reader any more; support is one again; marketing has consent.
    assert_eq!(recipients(&renewed, "contact/8"), [APP, SUPPORT, MARKETING]);
    assert_eq!(entry(&renewed, "contact/8").live().created_at, NOW + 5);
    for generation in ["contact/1", "contact/7"] {
        assert_eq!(entry(&renewed, generation), entry(&stored, generation));
    }
}

/// `[ED-7]`, `[GN-4]`, `[GN-6]`
#[test]
fn renew_is_refused_as_the_clause_says() {
    let ring = admin();
    let mut other_suite = contact(2, &[APP, SUPPORT]);
    other_suite.suite = 2;
    let stored = |entries: &[Ent]| Env::of(entries.iter().cloned()).envelope();
    let one = Ent::Live(contact(1, &[APP]));
    for (entries, expected) in [
        (
            vec![Ent::Live(Live::of("notes", 1, &DATA_KEY).readable(&DATA_KEY, &[APP]))],
            ErrorKind::MissingClass,
        ),
        (vec![one.clone(), Ent::Live(other_suite)], ErrorKind::Unsupported),
        (vec![one.clone(), Ent::Live(contact(65_534, &[APP]))], ErrorKind::Exhausted),
        (vec![one.clone(), Ent::Live(contact(65_535, &[APP]))], ErrorKind::Exhausted),
        (vec![one.clone(), erased("contact", 65_534, [0; 4])], ErrorKind::Exhausted),
        (vec![one.clone(), erased("contact", 65_535, [0; 4])], ErrorKind::Exhausted),
        (vec![erased("contact", 1, [0; 4]), Ent::Subject(NOW)], ErrorKind::Erased),
    ] {
        let kind = refused(at(&ring), &stored(&entries), |edit| edit.renew(CONTACT));
        assert_eq!(kind, expected);
    }
    let kind = refused(at(&service(&["app"])), &stored(&[one]), |edit| edit.renew(CONTACT));
    assert_eq!(kind, ErrorKind::MissingKey);
    // `[GN-4]` The last number is left to a withdrawal.
    let last = stored(&[Ent::Live(contact(65_533, &[APP]))]);
    let renewed = edited(at(&ring), &last, |edit| edit.renew(CONTACT));
    assert_eq!(recipients(&renewed, "contact/65534"), [APP, SUPPORT]);
}

/// `[ED-7]`, 2 to 7: each input breaks the later ones too.
#[test]
fn renew_refuses_in_the_order_of_ed_7() {
    const NOBODY: Class = Class::new("contact").readers(&[]).retain_days(1);
    const ABSENT: Class = Class::new("contact").readers(&["nobody"]).retain_days(1);
    let ring = admin();
    let last = |generation| Env::of([Ent::Live(contact(generation, &[APP]))]).envelope();
    let mut other_suite = contact(65_535, &[APP]);
    other_suite.suite = 2;
    let other_suite = Env::of([Ent::Live(other_suite)]).envelope();
    let beyond = Access::new(&ring).at(u64::MAX);
    for class in [NOBODY, ABSENT] {
        let kind = refused(beyond, &other_suite, |edit| edit.renew(class.consented_to(&["x"])));
        assert_eq!(kind, ErrorKind::Unsupported);
        let kind = refused(beyond, &last(65_535), |edit| edit.renew(class.consented_to(&["x"])));
        assert_eq!(kind, ErrorKind::InvalidInput);
        for (access, generation) in [(at(&ring), 65_535), (beyond, 1)] {
            let kind = refused(access, &last(generation), |edit| edit.renew(class));
            assert_eq!(kind, ErrorKind::Exhausted);
        }
    }
    let kind = refused(at(&ring), &last(1), |edit| edit.renew(NOBODY));
    assert_eq!(kind, ErrorKind::Declaration);
    let kind = refused(at(&ring), &last(1), |edit| edit.renew(ABSENT));
    assert_eq!(kind, ErrorKind::MissingKey);
}

/// `[ED-7]` No old key is needed: who can wrap can renew.
#[test]
fn renew_needs_no_key_that_opens() {
    let ring = service(&[]);
    let stored = envelope(&[HEALTH]);
    let renewed = edited(at(&ring), &stored, |edit| edit.renew(HEALTH));
    assert_eq!(reached(&ring, &renewed, "health/2"), "not permitted");
    assert_eq!(reached(&admin(), &renewed, "health/2"), "open");
    assert_eq!(reached(&admin(), &renewed, "health/1"), "open");
}

/// `[GN-5]`
#[test]
fn over_an_erased_generation_only_renew_begins_the_next() {
    let ring = admin();
    let stored = edited(at(&ring), &envelope(&[NOTES]), |edit| edit.erase_class("notes"));
    let same = edited(at(&ring), &stored, |edit| edit.ensure(NOTES));
    assert_eq!(same, stored);
    let prepared = stored.prepare(at(&ring), 42, [NOTES]).unwrap();
    assert_eq!(prepared.envelope(), &stored);
    let renewed = edited(at(&ring), &stored, |edit| edit.renew(NOTES));
    // Between them is the mark that nothing was live. [ED-21]
    assert_eq!(reached(&ring, &renewed, "notes/3"), "open");
    assert_eq!(reached(&ring, &renewed, "notes/2"), "erased");
    assert_eq!(reached(&ring, &renewed, "notes/1"), "erased");
}

#[test]
fn keys_made_by_an_edit_are_at_hand_at_once() {
    let ring = admin();
    let mut edit = envelope(&[NOTES]).edit(at(&ring), 42).unwrap();
    edit.ensure(HEALTH).unwrap();
    edit.renew(NOTES).unwrap();
    edit.ensure(FINANCIAL).unwrap();
    edit.erase_class("financial").unwrap();
    let keys = edit.finish_keys().unwrap();
    let stored = keys.envelope().unwrap(at(&ring), 42).unwrap();
    assert_eq!(reach(&keys), reach(&stored));
    assert_eq!(reach_of(&keys, "financial/1"), "erased");
    assert_eq!(keys.version(), 2);
}

#[test]
fn a_refused_change_keeps_the_changes_before_it() {
    let ring = admin();
    let stored = envelope(&[NOTES]);
    let mut edit = stored.edit(at(&ring), 42).unwrap();
    edit.ensure(HEALTH).unwrap();
    assert!(edit.renew(CONTACT).is_err());
    assert!(edit.grant(NOTES, "nobody", History::Included).is_err());
    let changed = edit.finish().unwrap();
    assert_eq!(entry(&changed, "notes/1"), entry(&stored, "notes/1"));
    assert_eq!(reached(&ring, &changed, "health/1"), "open");
    assert_eq!(info(&changed).entries.len(), 2);
}

#[test]
fn the_audit_is_told_of_each_change_and_of_each_refusal() {
    let ring = admin();
    let log = Log::default();
    let access = at(&ring).audit(&log);
    let stored = envelope(&[CONTACT, NOTES]);
    let mut edit = stored.edit(access, 42).unwrap();
    edit.ensure(HEALTH).unwrap();
    edit.renew(NOTES).unwrap();
    edit.rewrap(()).unwrap();
    edit.grant(CONTACT, "marketing", History::Included).unwrap();
    edit.withdraw(CONTACT, "marketing").unwrap();
    edit.erase_class("notes").unwrap();
    edit.erase_subject().unwrap();
    assert!(log.take().is_empty(), "told when it becomes a version");
    edit.finish().unwrap();
    let classes = |class: &str| match class {
        "" => Vec::new(),
        class => vec![class.to_owned()],
    };
    let expected = [
        (Action::Ensure, "health"),
        (Action::Renew, "notes"),
        (Action::Rewrap, ""),
        (Action::Grant, "contact"),
        (Action::Withdraw, "contact"),
        (Action::EraseClass, "notes"),
        (Action::EraseSubject, ""),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(action, class)| (action, classes(class), Ok(()))).collect();
    assert_eq!(log.told(), expected);

    let mut edit = stored.edit(access, 42).unwrap();
    assert!(edit.withdraw(CONTACT, "app").is_err());
    assert!(edit.erase_class("none").is_err());
    let expected = [
        (Action::Withdraw, classes("contact"), Err(ErrorKind::InvalidInput)),
        (Action::EraseClass, classes("none"), Err(ErrorKind::MissingClass)),
    ];
    assert_eq!(log.told(), expected);
}

#[test]
fn the_audit_is_told_of_keys_that_an_edit_gives_out() {
    let ring = admin();
    let log = Log::default();
    let stored = envelope(&[CONTACT, HEALTH]);
    let begin = || stored.edit(at(&ring).audit(&log), 42).unwrap();
    let classes = vec!["contact".to_owned(), "health".into()];
    let unwrap = (Action::Unwrap, classes, Ok(()));
    begin().finish_keys().unwrap();
    assert_eq!(log.told(), std::slice::from_ref(&unwrap), "without a change");
    let mut edit = begin();
    edit.renew(CONTACT).unwrap();
    edit.finish_keys().unwrap();
    let renew = (Action::Renew, vec!["contact".to_owned()], Ok(()));
    assert_eq!(log.told(), [renew, unwrap]);
    let refusing = Log::refusing();
    let edit = stored.edit(at(&ring).audit(&refusing), 42).unwrap();
    assert_eq!(kind(edit.finish_keys()), ErrorKind::Audit);
}

/// A change that was told is told again when its version cannot be made.
#[test]
fn the_audit_is_told_of_a_finish_that_is_refused() {
    let mut ring = admin();
    put(&mut ring, ENVELOPE, KeyState::OpenOnly);
    let log = Log::default();
    let stored = envelope(&[CONTACT, NOTES]);
    for keys in [false, true] {
        let mut edit = stored.edit(at(&ring).audit(&log), 42).unwrap();
        edit.ensure(HEALTH).unwrap();
        edit.rewrap([NOTES]).unwrap();
        let finished = if keys { edit.finish_keys().map(drop) } else { edit.finish().map(drop) };
        assert_eq!(kind(finished), ErrorKind::MissingKey);
        let refused = Err(ErrorKind::MissingKey);
        let expected = [
            (Action::Ensure, vec!["health".to_owned()], refused),
            (Action::Rewrap, Vec::new(), refused),
        ];
        assert_eq!(log.told(), expected);
    }
    let made = DataKeys::create(at(&ring).audit(&log), 42, [NOTES]);
    assert_eq!(kind(made), ErrorKind::MissingKey);
    let expected = (Action::Create, vec!["notes".to_owned()], Err(ErrorKind::MissingKey));
    assert_eq!(log.told(), [expected]);
}

#[test]
fn a_refusing_audit_lets_no_change_out() {
    let ring = admin();
    let log = Log::refusing();
    let stored = envelope(&[CONTACT]);
    let begun = || {
        let mut edit = stored.edit(at(&ring).audit(&log), 42).unwrap();
        edit.renew(CONTACT).unwrap();
        edit
    };
    assert_eq!(kind(begun().finish()), ErrorKind::Audit);
    assert_eq!(kind(begun().finish_keys()), ErrorKind::Audit);
    let mut edit = begun();
    assert_eq!(kind(edit.renew(NOTES)), ErrorKind::Audit);
    // The envelope that was read is untouched.
    assert_eq!(info(&KeyEnvelope::from_bytes(stored.as_bytes())).version, 1);
}

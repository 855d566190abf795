//! Rewrap: the same data keys under newer ring keys, and what it is allowed in rescue mode.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{self, Ent, Env, Live, Rec, SUBJECT, erased};
use common::*;
use fieldseal::audit::Action;
use fieldseal::envelope::{History, Rewrapped};
use fieldseal::keyring::KeyState;
use fieldseal::{Access, Class, ErrorKind, KeyEnvelope, KeyRing};

const DATA_KEY: [u8; 32] = [3; 32];
const NEW: u32 = 0x100;

fn at(ring: &KeyRing) -> Access<'_> {
    Access::new(ring).at(NOW)
}

fn unknown(key_id: u32) -> Rec {
    Rec { kind: 9, key_id, wrapped: vec![0xAA; 33] }
}

#[track_caller]
fn rewrapped(access: Access<'_>, stored: &KeyEnvelope) -> (KeyEnvelope, Rewrapped) {
    let mut edit = stored.edit(access, 42).unwrap();
    let report = edit.rewrap([CONTACT, FINANCIAL, HEALTH, NOTES]).unwrap();
    (edit.finish().unwrap(), report)
}

/// The admin's ring after every key was rotated, with secrets that the tests know.
fn rotated() -> KeyRing {
    let mut ring = admin();
    for (name, number) in ROLES {
        advance(&mut ring, symmetric(NEW + number, name, KeyState::OpenOnly));
    }
    advance(&mut ring, key_pair(NEW + MEDICAL, "medical", KeyState::OpenOnly));
    advance(&mut ring, envelope_key(NEW + ENVELOPE, KeyState::OpenOnly));
    ring
}

/// `[ED-8]`, `[ED-15]`
#[test]
fn rewrap_wraps_the_same_data_keys_under_the_primaries() {
    let stored = envelope(&[CONTACT, FINANCIAL, HEALTH]);
    let ring = rotated();
    let (new, report) = rewrapped(at(&ring), &stored);
    let (before, after) = (Env::parse(stored.as_bytes()), Env::parse(new.as_bytes()));
    assert_eq!((after.version, after.key_id), (2, NEW + ENVELOPE));
    assert_eq!((report.wrapped, report.not_lifted.len()), (4, 0));
    assert!(report.unproven.is_empty());
    for (old, new) in before.entries.iter().zip(&after.entries) {
        let (old, new) = (old.live(), new.live());
        let mut same = new.clone();
        same.recipients.clone_from(&old.recipients);
        assert_eq!(&same, old, "nothing but recipients changes");
        let ids =
            |live: &Live| -> Vec<u32> { live.recipients.iter().map(|one| one.key_id).collect() };
        let moved: Vec<u32> = ids(old).iter().map(|id| id + NEW).collect();
        assert_eq!(ids(new), moved);
        let data_key = |live: &Live| live.unwrap(&live.recipients[0], "", SUBJECT).unwrap();
        assert_eq!(data_key(old), data_key(new));
    }
    // A ring with the new keys alone opens all of it, one with the old alone nothing.
    let mut only_new = rotated();
    for number in [APP, SUPPORT, MARKETING, BILLING, MEDICAL, ENVELOPE] {
        put(&mut only_new, number, KeyState::Destroyed);
    }
    let keys = new.unwrap(at(&only_new), 42).unwrap();
    assert!(reach(&keys).iter().all(|(_, reach)| reach == "open"));
    assert_eq!(kind(new.unwrap(&admin(), 42)), ErrorKind::WrongKey);
    assert_eq!(kind(stored.unwrap(&only_new, 42)), ErrorKind::WrongKey);
}

/// `[ED-8]` The MAC is made anew, and the version grows, whatever else is there to do.
#[test]
fn rewrap_always_makes_the_mac_anew() {
    let ring = service(&[]);
    let stored = envelope(&[CONTACT]);
    let (new, report) = rewrapped(at(&ring), &stored);
    assert_eq!((report.wrapped, report.not_lifted.len()), (0, 1));
    assert_eq!(info(&new).version, 2);
    assert_eq!(entry(&new, "contact/1"), entry(&stored, "contact/1"));
}

/// `[ED-8]` One wrap a role, whatever the state of the keys that it replaces.
#[test]
fn rewrap_leaves_one_recipient_a_role() {
    let live = Live::of("contact", 1, &DATA_KEY)
        .readable(&DATA_KEY, &[APP, APP + 1, APP + 2, SUPPORT, SUPPORT + 1]);
    let stored = Env::of([Ent::Live(live)]).envelope();
    for state in
        [KeyState::OpenOnly, KeyState::Disabled, KeyState::Compromised, KeyState::Destroyed]
    {
        let mut ring = rotated();
        for (number, name) in [(APP + 1, "app"), (APP + 2, "app"), (SUPPORT + 1, "support")] {
            ring.insert(symmetric(number, name, KeyState::OpenOnly)).unwrap();
            put(&mut ring, number, state);
        }
        let (new, report) = rewrapped(at(&ring), &stored);
        assert_eq!(report.wrapped, 2, "{state}");
        assert!(report.unproven.is_empty() && report.not_lifted.is_empty(), "{state}");
        assert_eq!(recipients(&new, "contact/1"), [NEW + APP, NEW + SUPPORT]);
        assert_eq!(reached(&ring, &new, "contact/1"), "open", "{state}");
    }
}

/// `[ED-8]`, `[RC-3]`, `[KE-4]`
#[test]
fn rewrap_keeps_unknown_kinds_unknown_roles_and_roles_without_a_primary() {
    let mut ring = rotated();
    ring.set_state(id(NEW + SUPPORT), KeyState::Disabled).unwrap();
    let kinds = [0, 3, 4, 255].map(|kind| Rec {
        kind,
        key_id: 0x9000 + u32::from(kind),
        wrapped: vec![kind; usize::from(kind)],
    });
    let stranger = Live::of("contact", 1, &DATA_KEY).kind_1(0x8000, &DATA_KEY, "", SUBJECT);
    // An unknown kind under a key of a role that is rewrapped stays too.
    let of_app = unknown(APP + 5);
    ring.insert(symmetric(APP + 5, "app", KeyState::OpenOnly)).unwrap();
    let live = Live::of("contact", 1, &DATA_KEY)
        .readable(&DATA_KEY, &[APP, SUPPORT])
        .with(kinds.iter().cloned().chain([stranger.clone(), of_app.clone()]));
    let support = live.recipients.iter().find(|one| one.key_id == SUPPORT).unwrap().clone();
    let stored = Env::of([Ent::Live(live)]).envelope();
    let (new, report) = rewrapped(at(&ring), &stored);
    assert_eq!(report.wrapped, 1);
    let entry = entry(&new, "contact/1");
    for kept in kinds.iter().chain([&stranger, &of_app, &support]) {
        assert!(entry.live().recipients.contains(kept), "{kept:?} is kept");
    }
    assert_eq!(entry.live().recipients.len(), 8);
    assert!(!recipients(&new, "contact/1").contains(&APP));
}

/// `[ED-8]` What the ring does not unwrap stays whole; erased entries and unknown suites too.
#[test]
fn rewrap_leaves_whole_what_it_does_not_unwrap() {
    let mut other_suite = Live::of("notes", 2, &[5; 32]).readable(&[5; 32], &[APP]);
    other_suite.suite = 2;
    let mut forged = Live::of("notes", 3, &[6; 32]).readable(&[6; 32], &[APP]);
    forged.recipients[0].wrapped[30] ^= 1;
    let stored = Env::of([
        erased("health", 1, [1, 2, 3, 4]),
        Ent::Live(Live::of("notes", 1, &DATA_KEY).readable(&DATA_KEY, &[APP])),
        Ent::Live(other_suite),
        Ent::Live(forged),
        Ent::Live(Live::of("notes", 4, &[7; 32]).readable(&[7; 32], &[BILLING])),
    ])
    .envelope();
    let mut ring = rotated();
    put(&mut ring, BILLING, KeyState::Disabled);
    let (new, report) = rewrapped(at(&ring), &stored);
    assert_eq!(report.wrapped, 1);
    let notes = |generation| ("notes".to_owned(), generation);
    assert_eq!(report.not_lifted, [notes(2), notes(3), notes(4)]);
    assert!(report.unproven.is_empty(), "a generation that is not lifted is not reported on");
    let (before, after) = (Env::parse(stored.as_bytes()), Env::parse(new.as_bytes()));
    for position in [0, 2, 3, 4] {
        assert_eq!(before.entries[position], after.entries[position]);
    }
    assert_eq!(recipients(&new, "notes/1"), [NEW + APP]);
}

/// `[ED-8]`
#[test]
fn an_unknown_kind_under_the_primarys_id_is_not_overwritten() {
    let live =
        Live::of("notes", 1, &DATA_KEY).readable(&DATA_KEY, &[APP]).with([unknown(NEW + APP)]);
    let stored = Env::of([Ent::Live(live)]).envelope();
    let ring = rotated();
    let kind = refused(at(&ring), &stored, |edit| edit.rewrap([NOTES]).map(drop));
    assert_eq!(kind, ErrorKind::Unsupported);
    // Where its class is not given, nothing is written.
    let same = edited(at(&ring), &stored, |edit| edit.rewrap(()).map(drop));
    assert_eq!(entry(&same, "notes/1"), entry(&stored, "notes/1"));
}

/// `[ED-4]`
#[test]
fn a_refused_rewrap_leaves_no_trace_in_the_changes_after_it() {
    let live = |class: &str| Live::of(class, 1, &DATA_KEY).readable(&DATA_KEY, &[APP]);
    let stored =
        Env::of([Ent::Live(live("contact")), Ent::Live(live("notes").with([unknown(NEW + APP)]))])
            .envelope();
    let (ring, log) = (rotated(), Log::default());
    let mut edit = stored.edit(at(&ring).audit(&log), 42).unwrap();
    assert_eq!(kind(edit.rewrap([CONTACT, NOTES])), ErrorKind::Unsupported);
    let outcome = Err(ErrorKind::Unsupported);
    assert_eq!(log.told(), [(Action::Rewrap, Vec::new(), outcome)]);
    edit.ensure(HEALTH).unwrap();
    let new = edit.finish().unwrap();
    assert_eq!(entry(&new, "contact/1"), entry(&stored, "contact/1"));
}

/// `[ED-8]`, `[GN-9]` A role that is not proven is not wrapped for again, declared or not.
#[test]
fn rewrap_gives_no_new_wrap_to_a_reader_that_nothing_proves() {
    let forged = Live::of("contact", 1, &DATA_KEY).readable(&DATA_KEY, &[APP]).with([Rec {
        kind: 1,
        key_id: MARKETING,
        wrapped: vec![0x55; 72],
    }]);
    let stored = Env::of([Ent::Live(forged.clone())]).envelope();
    let ring = rotated();
    let (new, report) = rewrapped(at(&ring), &stored);
    assert_eq!(report.unproven, [("contact".to_owned(), 1, id(MARKETING))]);
    assert_eq!(recipients(&new, "contact/1"), [MARKETING, NEW + APP]);
    assert!(entry(&new, "contact/1").live().recipients.contains(&forged.recipients[1]));
    let marketing = ring.subset(&["marketing"]).unwrap().into_ring();
    assert_eq!(reached(&marketing, &new, "contact/1"), "tampered");
    // Neither does a declared reader get one: a grant with history is what gives it.
    let mut broken = Live::of("contact", 1, &DATA_KEY).readable(&DATA_KEY, &[APP, SUPPORT]);
    broken.recipients[1].wrapped.fill(0);
    let stored = Env::of([Ent::Live(broken.clone())]).envelope();
    let (new, report) = rewrapped(at(&ring), &stored);
    assert_eq!(report.unproven, [("contact".to_owned(), 1, id(SUPPORT))]);
    assert_eq!(recipients(&new, "contact/1"), [SUPPORT, NEW + APP]);
    assert!(entry(&new, "contact/1").live().recipients.contains(&broken.recipients[1]));
    let support = ring.subset(&["support"]).unwrap().into_ring();
    assert_eq!(reached(&support, &new, "contact/1"), "tampered");
    let granted = edited(at(&ring), &new, |edit| edit.grant(CONTACT, "support", History::Included));
    assert_eq!(recipients(&granted, "contact/1"), [NEW + APP, NEW + SUPPORT]);
    assert_eq!(reached(&support, &granted, "contact/1"), "open");
}

/// `[ED-9]`
#[test]
fn rewrap_reports_the_readers_that_no_declaration_accounts_for() {
    let live = Live::of("contact", 1, &DATA_KEY)
        .readable(&DATA_KEY, &[APP, MARKETING, BILLING])
        .with([unknown(0x9000)]);
    let other = Live::of("undeclared", 3, &[5; 32]).readable(&[5; 32], &[APP]);
    let stored = Env::of([Ent::Live(live), Ent::Live(other)]).envelope();
    let ring = admin();
    let contact = |number| ("contact".to_owned(), 1, id(number));
    let undeclared = ("undeclared".to_owned(), 3);
    // The admin proves marketing, which may have consented, and billing, which is no reader.
    let (new, report) = rewrapped(at(&ring), &stored);
    assert_eq!(report.unproven, [contact(BILLING), contact(0x9000)]);
    assert_eq!(report.not_lifted, std::slice::from_ref(&undeclared));
    assert_eq!(entry(&new, "undeclared/3"), entry(&stored, "undeclared/3"));
    // A service proves its own role only.
    let (_, report) = rewrapped(at(&service(&["app"])), &stored);
    let expected = [contact(MARKETING), contact(BILLING), contact(0x9000)];
    assert_eq!(report.unproven, expected);
    assert_eq!(report.not_lifted, std::slice::from_ref(&undeclared));
    // A generation that is not lifted is not reported on.
    let (_, report) = rewrapped(at(&service(&["medical"])), &stored);
    assert!(report.unproven.is_empty());
    assert_eq!(report.not_lifted, [("contact".to_owned(), 1), undeclared]);
}

/// `[ED-8]` Only what a declared reader opens is lifted: not what a reader with consent opens, nor a
/// role that reads nothing of the class.
#[test]
fn rewrap_lifts_only_what_a_declared_reader_opens() {
    let live = Live::of("contact", 1, &DATA_KEY).readable(&DATA_KEY, &[APP, MARKETING, BILLING]);
    let stored = Env::of([Ent::Live(live)]).envelope();
    let ring = rotated();
    for (roles, lifted) in [
        (&["app"][..], true),
        (&["app", "marketing"], true),
        (&["support"], false),
        (&["marketing"], false),
        (&["billing"], false),
        (&["marketing", "billing", "support"], false),
    ] {
        let own = ring.subset(roles).unwrap().into_ring();
        let (new, report) = rewrapped(at(&own), &stored);
        assert_eq!(report.not_lifted.is_empty(), lifted, "{roles:?}");
        assert_eq!(entry(&new, "contact/1") != entry(&stored, "contact/1"), lifted, "{roles:?}");
        assert_eq!(report.wrapped, if lifted { roles.len() } else { 0 }, "{roles:?}");
    }
    // No declared reader: nothing of the class is ever lifted.
    const ASKED: Class = Class::new("contact").readers(&[]).readers_with_consent(&["marketing"]);
    let mut edit = stored.edit(at(&ring), 42).unwrap();
    let report = edit.rewrap([ASKED]).unwrap();
    assert_eq!((report.wrapped, report.not_lifted), (0, vec![("contact".to_owned(), 1)]));
}

/// `[GN-12]` Rewrap takes the classes as declared once, as every other change of the edit does.
#[test]
fn rewrap_refuses_a_class_declared_in_two_ways() {
    const OTHER: Class = Class::new("contact").readers(&["billing"]);
    let (ring, stored) = (admin(), envelope(&[CONTACT]));
    for classes in [[CONTACT, OTHER], [OTHER, CONTACT]] {
        let kind = refused(at(&ring), &stored, |edit| edit.rewrap(classes).map(drop));
        assert_eq!(kind, ErrorKind::Declaration);
    }
    let mut edit = stored.edit(at(&ring), 42).unwrap();
    edit.renew(CONTACT).unwrap();
    assert_eq!(kind(edit.rewrap([OTHER])), ErrorKind::Declaration);
    assert_eq!(edit.rewrap([CONTACT, CONTACT]).unwrap().wrapped, 4);
}

/// `[ED-5]`
#[test]
fn an_erased_subject_can_only_be_rewrapped() {
    let ring = rotated();
    let stored = edited(Access::new(&admin()).at(NOW), &envelope(&[CONTACT, NOTES]), |edit| {
        edit.erase_subject()
    });
    for change in 0..4 {
        let kind = refused(at(&ring), &stored, |edit| match change {
            0 => edit.ensure(HEALTH),
            1 => edit.renew(CONTACT),
            2 => edit.grant(CONTACT, "marketing", History::Included),
            _ => edit.withdraw(CONTACT, "marketing"),
        });
        assert_eq!(kind, ErrorKind::Erased, "{change}");
    }
    let same = edited(at(&ring), &stored, |edit| {
        edit.erase_subject()?;
        edit.erase_class("contact")
    });
    assert_eq!(same, stored, "what is erased stays as it is");

    let (new, _) = rewrapped(at(&ring), &stored);
    let (before, after) = (Env::parse(stored.as_bytes()), Env::parse(new.as_bytes()));
    assert_eq!(before.entries, after.entries);
    assert_eq!((after.version, after.key_id), (3, NEW + ENVELOPE));
    let keys = new.unwrap(at(&ring), 42).unwrap();
    assert!(keys.is_erased() && keys.reached().is_empty());
}

/// `[ED-4]`, `[ST-3]`, `[KE-6]` b2
#[test]
fn under_a_compromised_envelope_key_only_rescue_opens_and_rewraps() {
    let mut ring = rotated();
    put(&mut ring, ENVELOPE, KeyState::Compromised);
    let stored = envelope(&[CONTACT, HEALTH]);
    assert_eq!(kind(stored.unwrap(at(&ring), 42)), ErrorKind::NotPermitted);
    assert_eq!(kind(stored.edit(at(&ring), 42)), ErrorKind::NotPermitted);

    let rescue = at(&ring).rescue();
    let keys = stored.unwrap(rescue, 42).unwrap();
    assert_eq!(reach_of(&keys, "contact/1"), "open");
    for change in 0..6 {
        let kind = refused(rescue, &stored, |edit| match change {
            0 => edit.ensure(NOTES),
            1 => edit.renew(CONTACT),
            2 => edit.grant(CONTACT, "marketing", History::Included),
            3 => edit.withdraw(CONTACT, "marketing"),
            4 => edit.erase_class("contact"),
            _ => edit.erase_subject(),
        });
        assert_eq!(kind, ErrorKind::NotPermitted, "{change}");
    }
    let (new, _) = rewrapped(rescue, &stored);
    assert_eq!(info(&new).envelope_key, NEW + ENVELOPE);
    assert_eq!(reached(&ring, &new, "contact/1"), "open", "without rescue");
}

/// `[ST-3]` A compromised key never seals, rescue or not.
#[test]
fn a_compromised_key_never_seals() {
    let mut ring = admin();
    put(&mut ring, ENVELOPE, KeyState::Compromised);
    let stored = envelope(&[CONTACT]);
    let mut edit = stored.edit(at(&ring).rescue(), 42).unwrap();
    edit.rewrap(()).unwrap();
    assert_eq!(kind(edit.finish()), ErrorKind::MissingKey);

    let mut ring = admin();
    put(&mut ring, APP, KeyState::Compromised);
    let rescue = at(&ring).rescue();
    let renewed = refused(rescue, &stored, |edit| edit.renew(CONTACT));
    assert_eq!(renewed, ErrorKind::MissingKey);
    // Support's primary is used, app's recipient stays: it has no primary.
    let (new, report) = rewrapped(rescue, &stored);
    assert_eq!(report.wrapped, 1);
    let kept = &entry(&stored, "contact/1").live().recipients[0].clone();
    assert_eq!(&entry(&new, "contact/1").live().recipients[0], kept);
}

/// `[ED-8]`, `[ST-3]` What only a compromised key opens is not lifted, in rescue either: whoever has
/// the key knows these data keys, and could have invented them.
#[test]
fn rescue_lifts_nothing_by_a_compromised_key() {
    let stored = envelope(&[NOTES]);
    let mut ring = rotated();
    put(&mut ring, APP, KeyState::Compromised);
    for access in [at(&ring), at(&ring).rescue()] {
        let (same, report) = rewrapped(access, &stored);
        assert_eq!((report.wrapped, report.not_lifted), (0, vec![("notes".to_owned(), 1)]));
        assert!(report.unproven.is_empty());
        assert_eq!(entry(&same, "notes/1"), entry(&stored, "notes/1"));
    }
    // Where another declared reader opens it, the compromised role is still not moved.
    let stored = envelope(&[CONTACT]);
    for access in [at(&ring), at(&ring).rescue()] {
        let (new, report) = rewrapped(access, &stored);
        assert_eq!((report.wrapped, report.not_lifted.len()), (1, 0));
        assert_eq!(report.unproven, [("contact".to_owned(), 1, id(APP))]);
        assert_eq!(recipients(&new, "contact/1"), [APP, NEW + SUPPORT]);
    }
}

/// Kind 1 becomes kind 2 where the role's new key is a pair.
#[test]
fn a_role_can_move_from_a_secret_to_a_key_pair() {
    let mut ring = admin();
    advance(&mut ring, key_pair(NEW + APP, "app", KeyState::OpenOnly));
    let stored = envelope(&[NOTES]);
    let (new, _) = rewrapped(at(&ring), &stored);
    let entry = entry(&new, "notes/1");
    let live = entry.live();
    assert_eq!((live.recipients.len(), live.recipients[0].kind), (1, 2));
    assert!(live.unwrap(&live.recipients[0], "", SUBJECT).is_some());
    assert_eq!(bytes::public(NEW + APP).len(), 32);
    let seal_only = ring.subset(&["support"]).unwrap().into_ring();
    assert_eq!(reached(&seal_only, &new, "notes/1"), "not permitted");
}

//! Sealing without reading, and consent that must be proven or named, clause by clause.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{Ent, Live, Rec, erased};
use common::*;
use fieldseal::envelope::History;
use fieldseal::keyring::KeyState;
use fieldseal::{Access, Class, DataKeys, ErrorKind, KeyEnvelope, KeyRing};

/// Read by a key pair, so that others can seal for it; kept 30 days.
const RESULTS: Class = Class::new("results").readers(&["medical"]).retain_days(30);
/// The same with consent.
const TRIAL: Class = Class::new("trial").readers(&["medical"]).readers_with_consent(&["marketing"]);

fn at(ring: &KeyRing) -> Access<'_> {
    Access::new(ring).at(NOW)
}

/// `[GN-3]`
#[test]
fn seal_only_ring_begins_the_next_generation_and_cannot_open_it() {
    let ring = service(&["app"]);
    let old = envelope(&[HEALTH]);
    let keys = old.prepare(at(&ring), 42, [HEALTH]).unwrap();
    assert_eq!(keys.version(), 2);
    assert_eq!(reach_of(&keys, "health/1"), "not permitted");
    assert_eq!(reach_of(&keys, "health/2"), "seal only");

    let new = keys.envelope();
    assert_eq!(recipients(new, "health/2"), [MEDICAL]);
    assert_eq!(entry(new, "health/1"), entry(&old, "health/1"));
    // Read back, the ring that made it has no way into it; the reader has.
    assert_eq!(reached(&ring, new, "health/2"), "not permitted");
    assert_eq!(reached(&service(&["medical"]), new, "health/2"), "open");
    assert_eq!(reached(&service(&["medical"]), new, "health/1"), "open");
    // Nor can it grant, or rewrap, what it made.
    let kind = refused(at(&ring), new, |edit| edit.grant(HEALTH, "medical", History::Included));
    assert_eq!(kind, ErrorKind::NotPermitted);
}

/// `[GN-3]`
#[test]
fn a_class_named_twice_begins_one_generation() {
    let ring = service(&["app"]);
    let old = envelope(&[HEALTH]);
    let keys = old.prepare(at(&ring), 42, [HEALTH, HEALTH]).unwrap();
    assert_eq!(info(keys.envelope()).entries.len(), 2);
}

/// `[GN-3]` In one edit, too: what was just made is not unwrapped through the back door.
#[test]
fn keys_created_for_others_are_not_opened_with() {
    let ring = service(&["app"]);
    let keys = DataKeys::create(at(&ring), 42, [HEALTH, NOTES]).unwrap();
    assert_eq!(reach_of(&keys, "health/1"), "seal only");
    assert_eq!(reach_of(&keys, "notes/1"), "open");
    assert_eq!(reached(&ring, keys.envelope(), "health/1"), "not permitted");
}

/// `[GN-3]` Who can open uses what is there; who cannot wrap for all readers is refused.
#[test]
fn only_a_ring_that_reads_nothing_and_wraps_for_all_begins_the_next() {
    let health = envelope(&[HEALTH]);
    for ring in [admin(), service(&["medical"])] {
        let keys = health.prepare(at(&ring), 42, [HEALTH]).unwrap();
        assert_eq!(keys.envelope(), &health);
        assert_eq!(reach_of(&keys, "health/1"), "open");
    }
    for (ring, class, generation) in [
        (service(&["billing"]), CONTACT, "contact/1"),
        (service(&["app"]), FINANCIAL, "financial/1"),
        (
            ring_of([
                envelope_key(ENVELOPE, KeyState::Primary),
                key_pair(MEDICAL, "medical", KeyState::Disabled),
            ]),
            HEALTH,
            "health/1",
        ),
    ] {
        let old = envelope(&[class]);
        let keys = old.prepare(at(&ring), 42, [class]).unwrap();
        assert_eq!(keys.envelope(), &old, "{generation}");
        assert_eq!(reach_of(&keys, generation), "not permitted");
    }
    // A class that was not asked for is left alone.
    let keys = health.prepare(at(&service(&["app"])), 42, [NOTES]).unwrap();
    assert_eq!(keys.envelope(), &health);
}

/// `[GN-2]` steps 1 to 6 come first.
#[test]
fn sealing_never_begins_a_generation_over_what_refuses_it() {
    let pair = |generation: u16| {
        let live = Live::of("health", generation, &data_key(generation));
        let key = data_key(generation);
        let recipient = live.kind_2_psk(MEDICAL, &key, &bytes::psk(MEDICAL));
        live.with([recipient])
    };
    let mut forged = pair(2);
    forged.recipients[0].wrapped[40] ^= 1;
    let first = Ent::Live(pair(1));
    let (app, medical) = (service(&["app"]), service(&["medical"]));
    for (ring, second, what) in [
        (&app, erased("health", 2, [1, 2, 3, 4]), "erased"),
        (&app, of_suite(live("health", 2, &[SUPPORT]), 2), "unsupported"),
        (&medical, Ent::Live(forged), "tampered"),
    ] {
        let old = stored(&[first.clone(), second]);
        let keys = old.prepare(at(ring), 42, [HEALTH]).unwrap();
        assert_eq!(keys.envelope(), &old, "{what}");
        assert_eq!(reach_of(&keys, "health/2"), what);
    }
    // `[GN-13]` A recipient that does not count stands in no way: forged, or a key that opens.
    let mut forged = live("health", 2, &[APP]);
    forged.live_mut().recipients[0].wrapped[30] ^= 1;
    for second in [forged, live("health", 2, &[APP])] {
        let old = stored(&[first.clone(), second]);
        let keys = old.prepare(at(&app), 42, [HEALTH]).unwrap();
        assert_eq!(recipients(keys.envelope(), "health/3"), [MEDICAL]);
    }
    let ring = app;
    let gone = stored(&[erased("health", 1, [1, 2, 3, 4]), Ent::Subject(NOW)]);
    let keys = gone.prepare(at(&ring), 42, [HEALTH]).unwrap();
    assert!(keys.is_erased());
    assert_eq!(keys.envelope(), &gone);
}

/// `[GN-2]` step 5, `[RT-5]`: now == expires_at is expired, a second before is not.
#[test]
fn a_seal_only_ring_stops_exactly_at_the_expiry() {
    let ring = service(&["app"]);
    let old = envelope(&[RESULTS]);
    let expires_at = entry(&old, "results/1").live().expires_at;
    assert_eq!(expires_at, NOW + 30 * DAY + 30 * DAY / 12);
    for (now, begins) in [
        (NOW, true),
        (expires_at - 1, true),
        (expires_at, false),
        (expires_at + 1, false),
        (u64::MAX, false),
    ] {
        let access = Access::new(&ring).at(now);
        let keys = old.prepare(access, 42, [RESULTS]).unwrap();
        assert_eq!(keys.version(), if begins { 2 } else { 1 }, "{now}");
        if begins {
            let made = entry(keys.envelope(), "results/2");
            assert_eq!(made.live().created_at, now);
            assert_eq!(made.live().expires_at, now + 30 * DAY + 30 * DAY / 12);
        }
    }
}

/// The `trial` class of medical (a pair) and marketing (a pair too), with and without consent.
fn trial() -> (KeyRing, KeyEnvelope, KeyEnvelope) {
    let mut full = admin();
    advance(&mut full, key_pair(0x60, "marketing", KeyState::OpenOnly));
    let base = edited(at(&full), &envelope(&[NOTES]), |edit| edit.ensure(TRIAL));
    let with = edited(at(&full), &base, |edit| edit.grant(TRIAL, "marketing", History::Included));
    (full, base, with)
}

/// `[GN-3]`, `[GN-10]`: a ring that reads nothing proves no consent; named, it seals for them.
#[test]
fn a_seal_only_ring_never_guesses_consent() {
    let (full, base, with) = trial();
    let ring = full.subset(&["app"]).unwrap().into_ring();
    let keys = base.prepare(at(&ring), 42, [TRIAL]).unwrap();
    assert_eq!(recipients(keys.envelope(), "trial/2"), [MEDICAL]);
    let refused = with.prepare(at(&ring), 42, [TRIAL]);
    assert_eq!(kind(refused), ErrorKind::MissingKey);
    let keys = with.prepare(at(&ring), 42, TRIAL.consented_to(&["marketing"])).unwrap();
    assert_eq!(recipients(keys.envelope(), "trial/2"), [MEDICAL, 0x60]);
    let keys = with.prepare(at(&ring), 42, TRIAL.consented_to(&[])).unwrap();
    assert_eq!(recipients(keys.envelope(), "trial/2"), [MEDICAL]);
}

/// `[GN-9]`: the key id of a recipient proves nothing.
#[test]
fn a_forged_recipient_wins_no_consent() {
    let ring = admin();
    let data_key = data_key(1);
    let own = Live::of("contact", 1, &data_key).readable(&data_key, &[APP, SUPPORT]);
    let other = Live::of("contact", 1, &[0x66; 32]).kind_1(MARKETING, &[0x66; 32], "", b"");
    for (what, forged) in [
        ("noise", Rec { kind: 1, key_id: MARKETING, wrapped: vec![0x55; 72] }),
        ("of another key", other),
        ("of an unknown kind", unknown(MARKETING)),
        ("of an unknown kind, of a role without consent", unknown(BILLING)),
        ("of an unknown key", Rec { kind: 1, key_id: 0x7000, wrapped: vec![0x55; 72] }),
        ("of the envelope key", Rec { kind: 1, key_id: ENVELOPE, wrapped: vec![0x55; 72] }),
    ] {
        let old = stored(&[Ent::Live(own.clone().with([forged]))]);
        let renewed = refused(at(&ring), &old, |edit| edit.renew(CONTACT));
        assert_eq!(renewed, ErrorKind::MissingKey, "{what}");
        let granted =
            refused(at(&ring), &old, |edit| edit.grant(CONTACT, "app", History::Excluded));
        assert_eq!(granted, ErrorKind::MissingKey, "{what}");
        // The way out is to name them; nobody else comes along.
        let new = edited(at(&ring), &old, |edit| edit.renew(CONTACT.consented_to(&[])));
        assert_eq!(recipients(&new, "contact/2"), [APP, SUPPORT], "{what}");
        let new =
            edited(at(&ring), &old, |edit| edit.withdraw(CONTACT.consented_to(&[]), "marketing"));
        assert_eq!(recipients(&new, "contact/1"), [APP, SUPPORT], "{what}");
        assert_eq!(recipients(&new, "contact/2"), [APP, SUPPORT], "{what}");
    }
    // A class that asks nobody's consent has nothing to prove.
    let notes = Live::of("notes", 1, &data_key).with([unknown(0x7000)]);
    let new = edited(at(&ring), &stored(&[Ent::Live(notes)]), |edit| edit.renew(NOTES));
    assert_eq!(recipients(&new, "notes/2"), [APP]);
}

/// `[GN-10]` Only who can unwrap for the consented role tells its consent.
#[test]
fn consent_is_proven_by_unwrapping() {
    let old = consented();
    let renew = |ring: &KeyRing| {
        let mut edit = old.edit(at(ring), 42).unwrap();
        let result = edit.renew(CONTACT).map_err(|error| error.kind());
        result.map(|()| recipients(&edit.finish().unwrap(), "contact/3"))
    };
    assert_eq!(renew(&admin()), Ok(vec![APP, SUPPORT, MARKETING]));
    for (state, expected) in [
        (KeyState::OpenOnly, Ok(vec![APP, SUPPORT, MARKETING + 1])),
        (KeyState::Disabled, Err(ErrorKind::MissingKey)),
        (KeyState::Compromised, Err(ErrorKind::MissingKey)),
        (KeyState::Destroyed, Err(ErrorKind::MissingKey)),
    ] {
        let mut ring = admin();
        advance(&mut ring, symmetric(MARKETING + 1, "marketing", KeyState::OpenOnly));
        put(&mut ring, MARKETING, state);
        assert_eq!(renew(&ring), expected, "{state}");
        let named =
            edited(at(&ring), &old, |edit| edit.renew(CONTACT.consented_to(&["marketing"])));
        assert_eq!(recipients(&named, "contact/3"), [APP, SUPPORT, MARKETING + 1]);
    }
    let (app, mut names) = (service(&["app", "support"]), admin());
    assert_eq!(renew(&app), Err(ErrorKind::MissingKey));
    put(&mut names, MARKETING, KeyState::OpenOnly);
    put(&mut names, MARKETING, KeyState::Destroyed);
    assert_eq!(renew(&names), Err(ErrorKind::MissingKey));
}

/// `[GN-10]` Of the highest generation alone; an erased one tells of none.
#[test]
fn consent_is_read_from_the_highest_generation() {
    let ring = admin();
    let asked = live("contact", 1, &[APP, MARKETING]);
    for second in [live("contact", 2, &[APP]), erased("contact", 2, [7; 4])] {
        let old = stored(&[asked.clone(), second]);
        let new = edited(at(&ring), &old, |edit| edit.renew(CONTACT));
        assert_eq!(recipients(&new, "contact/3"), [APP, SUPPORT]);
    }
}

/// `[GN-9]` What a call wrapped itself counts as unwrapped in it.
#[test]
fn a_grant_is_proven_in_the_call_that_made_it() {
    let (full, base, _) = trial();
    let ring = full.subset(&["medical"]).unwrap().into_ring();
    let new = edited(at(&ring), &base, |edit| {
        edit.grant(TRIAL, "marketing", History::Included)?;
        edit.renew(TRIAL)
    });
    assert_eq!(recipients(&new, "trial/2"), [MEDICAL, 0x60]);
    // In the next call it is not, for this ring cannot unwrap it.
    let kind = refused(at(&ring), &new, |edit| edit.renew(TRIAL));
    assert_eq!(kind, ErrorKind::MissingKey);
    // Nor when the grant was refused.
    let forged = Live::of("trial", 1, &data_key(1));
    let pair = forged.kind_2_psk(MEDICAL, &data_key(1), &bytes::psk(MEDICAL));
    let noise = Rec { kind: 2, key_id: 0x60, wrapped: vec![0x55; 80] };
    let old =
        stored(&[Ent::Live(forged.with([pair, noise])), of_suite(live("trial", 2, &[APP]), 9)]);
    let mut edit = old.edit(at(&ring), 42).unwrap();
    assert!(edit.grant(TRIAL, "marketing", History::Included).is_err());
    assert!(!edit.is_changed());
}

/// `[GN-10]`, `[GN-7]` Named: among the readers with consent, once, and not the one withdrawn.
#[test]
fn who_is_named_must_be_declared_and_named_once() {
    let (ring, old) = (admin(), consented());
    for named in [&["app"][..], &["billing"], &["nobody"], &["marketing", "marketing"]] {
        // Named for a generation that is not begun, they are not looked at.
        let same = edited(at(&ring), &old, |edit| edit.ensure(CONTACT.consented_to(named)));
        assert_eq!(same, old);
        for change in 0..3 {
            let old = if change == 0 { &envelope(&[NOTES]) } else { &old };
            let kind = refused(at(&ring), old, |edit| match change {
                0 => edit.ensure(CONTACT.consented_to(named)),
                1 => edit.renew(CONTACT.consented_to(named)),
                _ => edit.withdraw(CONTACT.consented_to(named), "billing"),
            });
            assert_eq!(kind, ErrorKind::InvalidInput, "{named:?} {change}");
        }
    }
    let refusal = refused(at(&ring), &old, |edit| {
        edit.withdraw(CONTACT.consented_to(&["marketing"]), "marketing")
    });
    assert_eq!(refusal, ErrorKind::InvalidInput);
    for named in [&["app"][..], &["billing"], &["marketing", "marketing"]] {
        let made = DataKeys::create(
            at(&ring),
            42,
            ([CONTACT, NOTES], [CONTACT.consented_to(named), NOTES.consented_to(&[])]),
        );
        assert_eq!(kind(made), ErrorKind::InvalidInput, "{named:?}");
    }
    let made = DataKeys::create(
        at(&ring),
        42,
        ([CONTACT, NOTES], [CONTACT.consented_to(&["marketing"]), NOTES.consented_to(&[])]),
    )
    .unwrap();
    assert_eq!(recipients(made.envelope(), "contact/1"), [APP, SUPPORT, MARKETING]);
    assert_eq!(recipients(made.envelope(), "notes/1"), [APP]);
    let new = edited(at(&ring), &envelope(&[NOTES]), |edit| {
        edit.ensure(CONTACT.consented_to(&["marketing"]))
    });
    assert_eq!(recipients(&new, "contact/1"), [APP, SUPPORT, MARKETING]);
}

/// `[ED-11]` step 2, named: who is neither declared nor named goes, unknown ids included.
#[test]
fn withdrawing_with_names_leaves_the_declared_and_the_named() {
    const TWO: Class =
        Class::new("contact").readers(&["app"]).readers_with_consent(&["marketing", "support"]);
    let ring = admin();
    let strange = live("contact", 1, &[APP, SUPPORT, MARKETING, BILLING]).live().clone();
    let old = stored(&[Ent::Live(strange.with([unknown(0x7000)]))]);
    let new =
        edited(at(&ring), &old, |edit| edit.withdraw(TWO.consented_to(&["support"]), "marketing"));
    assert_eq!(recipients(&new, "contact/1"), [APP, SUPPORT]);
    assert_eq!(recipients(&new, "contact/2"), [APP, SUPPORT]);
    let same =
        edited(at(&ring), &new, |edit| edit.withdraw(TWO.consented_to(&["support"]), "marketing"));
    assert_eq!(info(&same).entries, info(&new).entries, "there is none to remove");
    assert_eq!(info(&same).version, 3, "and nothing that was read before is stored after it");
}

/// `[ED-11]` step 1: recipients of the withdrawn role need no proof, whatever their kind.
#[test]
fn the_withdrawn_role_need_not_be_proven() {
    let ring = admin();
    let noise = Rec { kind: 1, key_id: MARKETING, wrapped: vec![0x55; 72] };
    for own in [noise, unknown(MARKETING)] {
        let entry = live("contact", 1, &[APP, SUPPORT]).live().clone().with([own]);
        let old = stored(&[Ent::Live(entry)]);
        let new = edited(at(&ring), &old, |edit| edit.withdraw(CONTACT, "marketing"));
        assert_eq!(recipients(&new, "contact/1"), [APP, SUPPORT]);
        assert_eq!(recipients(&new, "contact/2"), [APP, SUPPORT]);
    }
}

/// `[GN-3]`
#[test]
fn a_seal_only_ring_is_refused_where_none_can_follow() {
    const NOBODY: Class = Class::new("health").readers(&[]);
    let last = Live::of("health", 65_534, &data_key(7));
    let pair = last.kind_2_psk(MEDICAL, &data_key(7), &bytes::psk(MEDICAL));
    let old = stored(&[Ent::Live(last.with([pair]))]);
    let ring = service(&["app"]);
    assert_eq!(kind(old.prepare(at(&ring), 42, [HEALTH])), ErrorKind::Exhausted);
    // Nor is one begun for nobody.
    let keys = old.prepare(at(&ring), 42, [NOBODY]).unwrap();
    assert_eq!(keys.envelope(), &old);
}

/// `[GN-2]`, `[ST-3]` What only a compromised key unwrapped opens, and does not seal: the ring goes on
/// as one that reads nothing.
#[test]
fn what_a_compromised_key_unwrapped_does_not_seal() {
    let mut ring = admin();
    put(&mut ring, MEDICAL, KeyState::Compromised);
    let old = envelope(&[HEALTH]);
    let rescue = at(&ring).rescue();
    let keys = old.prepare(rescue, 42, [HEALTH]).unwrap();
    assert_eq!(keys.envelope(), &old, "it has no primary of the reader");
    assert_eq!(reach_of(&keys, "health/1"), "open in rescue");
    advance(&mut ring, key_pair(0x60, "medical", KeyState::OpenOnly));
    let keys = old.prepare(at(&ring).rescue(), 42, [HEALTH]).unwrap();
    assert_eq!(recipients(keys.envelope(), "health/2"), [0x60]);
    assert_ne!(reach_of(&keys, "health/1"), "open");
    assert_eq!(reach_of(&keys, "health/2"), "open");
}

/// Subject 42's envelope with marketing's consent to `contact`, over two generations.
fn consented() -> KeyEnvelope {
    let ring = admin();
    edited(at(&ring), &envelope(&[CONTACT, NOTES]), |edit| {
        edit.renew(CONTACT)?;
        edit.grant(CONTACT, "marketing", History::Included)
    })
}

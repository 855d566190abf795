//! Which generation seals and which opens, and when no more: the tables of GN-2 and OP-1 by one field.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{Ent, Env, Live, erased};
use common::*;
use fieldseal::envelope::History;
use fieldseal::keyring::KeyState;
use fieldseal::{Access, Class, DataKeys, ErrorKind, Field, KeyRing, Sealed};

/// R is 24 days, P two.
const KEPT: Class = Class::new("kept").retain_days(24);
const NOTE: Field<String> = Field::new("customer", "note", KEPT);
const CONTACT_NOTE: Field<String> = Field::new("customer", "note", CONTACT);
const HEALTH_NOTE: Field<String> = Field::new("customer", "note", HEALTH);

const R: u64 = 24 * DAY;
const P: u64 = 2 * DAY;

fn at(ring: &KeyRing) -> Access<'_> {
    Access::new(ring).at(NOW)
}

fn value() -> String {
    "four score".into()
}

/// `[GN-2]` step 8, `[RT-3]`, `[RT-4]`: now + R == expires_at still seals, a second later not.
#[test]
fn sealing_stops_exactly_when_a_value_could_not_live_its_term() {
    let ring = admin();
    let stored = envelope(&[KEPT]);
    let expires_at = NOW + P + R;
    for (now, expected) in [
        (NOW, None),
        (NOW + P, None),
        (NOW + P + 1, Some(ErrorKind::Retention)),
        (expires_at - 1, Some(ErrorKind::Retention)),
        (expires_at, Some(ErrorKind::Expired)),
        (u64::MAX, Some(ErrorKind::Expired)),
    ] {
        let keys = stored.unwrap(Access::new(&ring).at(now), 42).unwrap();
        let sealed = NOTE.seal(&keys, &value()).map_err(|error| error.kind());
        assert_eq!(sealed.err(), expected, "{now}");
    }
}

/// `[RT-5]`, `[OP-1]` c6: refused from expires_at on, whether or not the class still has a term.
#[test]
fn opening_stops_exactly_at_the_expiry() {
    const UNKEPT: Field<String> = Field::new("customer", "note", Class::new("kept"));
    let ring = admin();
    let stored = envelope(&[KEPT]);
    let sealed = NOTE.seal(&stored.unwrap(at(&ring), 42).unwrap(), &value()).unwrap();
    for (now, open) in
        [(NOW, true), (NOW + P + R - 1, true), (NOW + P + R, false), (u64::MAX, false)]
    {
        let keys = stored.unwrap(Access::new(&ring).at(now), 42).unwrap();
        for field in [NOTE, UNKEPT] {
            let opened = field.open(&keys, &sealed).map_err(|error| error.kind());
            let expected = if open { Ok(value()) } else { Err(ErrorKind::Expired) };
            assert_eq!(opened, expected, "{now}");
        }
        let sealed = UNKEPT.seal(&keys, &value()).map(drop).map_err(|error| error.kind());
        assert_eq!(sealed, if open { Ok(()) } else { Err(ErrorKind::Expired) }, "{now}");
    }
}

/// `[RT-4]` A generation without an expiry takes nothing once its class has a term, until renewed.
#[test]
fn a_class_that_got_a_term_is_renewed_first() {
    let ring = admin();
    let old = envelope(&[Class::new("kept")]);
    let keys = old.unwrap(at(&ring), 42).unwrap();
    assert_eq!(kind(NOTE.seal(&keys, &value())), ErrorKind::Retention);
    let new = edited(at(&ring), &old, |edit| edit.renew(KEPT));
    let keys = new.unwrap(at(&ring), 42).unwrap();
    let sealed = NOTE.seal(&keys, &value()).unwrap();
    assert_eq!(NOTE.open(&keys, &sealed).unwrap(), value());
}

/// `[GN-2]` The highest generation, live or erased, never a lower one; in the order of the table.
#[test]
fn sealing_takes_the_highest_generation_or_none() {
    let data_key = [3; 32];
    let first = Live::of("kept", 1, &[2; 32]).readable(&[2; 32], &[APP]);
    let first = Ent::Live(Live { expires_at: 0, ..first });
    let second = |expires_at: u64, suite: u8, ids: &[u32]| {
        let mut live = Live::of("kept", 2, &data_key);
        (live.expires_at, live.suite) = (expires_at, suite);
        Ent::Live(live.readable(&data_key, ids))
    };
    let mut forged = second(NOW + R, 1, &[APP]);
    if let Some(one) = forged.live_mut().recipients.first_mut() {
        one.wrapped.fill(0);
    }
    let ring = admin();
    let seal = |entries: &[Ent]| {
        let stored = Env::of(entries.iter().cloned()).envelope();
        let keys = stored.unwrap(at(&ring), 42).unwrap();
        NOTE.seal(&keys, &value()).map_err(|error| error.kind())
    };
    for (entry, expected) in [
        (erased("kept", 2, [7; 4]), ErrorKind::Erased),
        // Of another suite, expired, and not ours.
        (second(NOW, 2, &[0x7000]), ErrorKind::Unsupported),
        (second(NOW, 1, &[0x7000]), ErrorKind::Expired),
        (forged, ErrorKind::Tampered),
        (second(NOW + R - 1, 1, &[0x7000]), ErrorKind::NotPermitted),
        (second(NOW + R - 1, 1, &[APP]), ErrorKind::Retention),
        (second(0, 1, &[APP]), ErrorKind::Retention),
    ] {
        let kind = seal(&[first.clone(), entry.clone()]);
        assert_eq!(kind.err(), Some(expected), "{entry:?}");
    }
    let sealed = seal(&[first.clone(), second(NOW + R, 1, &[APP])]).unwrap();
    let highest = second(0, 1, &[]);
    let tag = &highest.live().commitment[..4];
    assert_eq!(&sealed.as_bytes()[1..5], tag, "under generation 2");
    assert_eq!(seal(&[Ent::Subject(NOW)]).err(), Some(ErrorKind::Erased));
    let other = Live::of("other", 1, &data_key).readable(&data_key, &[APP]);
    assert_eq!(seal(&[Ent::Live(other)]).err(), Some(ErrorKind::MissingClass));
}

/// `[OP-1]` b to c5
#[test]
fn opening_says_why_it_refuses() {
    let ring = admin();
    let stored = envelope(&[CONTACT, HEALTH]);
    let sealed = CONTACT_NOTE.seal(&stored.unwrap(at(&ring), 42).unwrap(), &value()).unwrap();
    let open = |ring: &KeyRing, stored: &fieldseal::KeyEnvelope| {
        let keys = stored.unwrap(at(ring), 42).unwrap();
        CONTACT_NOTE.open(&keys, &sealed).map_err(|error| error.kind())
    };
    assert_eq!(open(&ring, &stored), Ok(value()));
    assert_eq!(open(&service(&["medical"]), &stored), Err(ErrorKind::NotPermitted));
    assert_eq!(open(&ring, &envelope(&[CONTACT])), Err(ErrorKind::WrongKey));
    let class = edited(at(&ring), &stored, |edit| edit.erase_class("contact"));
    assert_eq!(open(&ring, &class), Err(ErrorKind::Erased));
    let subject = edited(at(&ring), &stored, |edit| edit.erase_subject());
    assert_eq!(open(&ring, &subject), Err(ErrorKind::Erased));
    // c1: the tag of another class is no tag of this field's.
    let keys = stored.unwrap(at(&ring), 42).unwrap();
    let column = Sealed::from_bytes(sealed.as_bytes());
    assert_eq!(kind(HEALTH_NOTE.open(&keys, &column)), ErrorKind::WrongKey);
    // c4
    let mut forged = Env::parse(stored.as_bytes());
    for one in &mut forged.entries.first_mut().unwrap().live_mut().recipients {
        one.wrapped.fill(0);
    }
    assert_eq!(open(&ring, &forged.envelope()), Err(ErrorKind::Tampered));
}

/// `[ED-11]` by values: what is sealed after a withdrawal is out of the role's reach.
#[test]
fn withdrawn_role_cannot_open_what_is_sealed_later() {
    let ring = admin();
    let marketing = service(&["marketing"]);
    let old = edited(at(&ring), &envelope(&[CONTACT]), |edit| {
        edit.grant(CONTACT, "marketing", History::Included)
    });
    let seal = |stored: &fieldseal::KeyEnvelope| {
        CONTACT_NOTE.seal(&stored.unwrap(at(&ring), 42).unwrap(), &value()).unwrap()
    };
    let before = seal(&old);
    let new = edited(at(&ring), &old, |edit| edit.withdraw(CONTACT, "marketing"));
    let after = seal(&new);
    let (old_keys, new_keys) =
        (old.unwrap(&marketing, 42).unwrap(), new.unwrap(&marketing, 42).unwrap());
    assert_eq!(CONTACT_NOTE.open(&old_keys, &before).unwrap(), value());
    assert_eq!(kind(CONTACT_NOTE.open(&new_keys, &before)), ErrorKind::NotPermitted);
    assert_eq!(kind(CONTACT_NOTE.open(&new_keys, &after)), ErrorKind::NotPermitted);
    assert_eq!(kind(CONTACT_NOTE.open(&old_keys, &after)), ErrorKind::WrongKey);
    let support = new.unwrap(&service(&["support"]), 42).unwrap();
    for sealed in [&before, &after] {
        assert_eq!(CONTACT_NOTE.open(&support, sealed).unwrap(), value());
    }
}

/// `[GN-3]` by values.
#[test]
fn seal_only_ring_seals_what_it_cannot_open() {
    let ring = service(&["app"]);
    let old = envelope(&[HEALTH]);
    let unprepared = old.unwrap(at(&ring), 42).unwrap();
    assert_eq!(kind(HEALTH_NOTE.seal(&unprepared, &value())), ErrorKind::NotPermitted);
    for keys in [
        old.prepare(at(&ring), 42, [HEALTH]).unwrap(),
        DataKeys::create(at(&ring), 42, [HEALTH]).unwrap(),
    ] {
        let sealed = HEALTH_NOTE.seal(&keys, &value()).unwrap();
        assert_eq!(kind(HEALTH_NOTE.open(&keys, &sealed)), ErrorKind::NotPermitted);
        let medical = service(&["medical"]);
        let keys = keys.envelope().unwrap(at(&medical), 42).unwrap();
        assert_eq!(HEALTH_NOTE.open(&keys, &sealed).unwrap(), value());
    }
}

/// `[ST-3]`, `[GN-2]`: rescue opens, and never seals.
#[test]
fn rescue_opens_and_does_not_seal() {
    let stored = envelope(&[HEALTH]);
    let sealed = {
        let ring = admin();
        HEALTH_NOTE.seal(&stored.unwrap(at(&ring), 42).unwrap(), &value()).unwrap()
    };
    for compromised in [MEDICAL, ENVELOPE] {
        let mut ring = admin();
        put(&mut ring, compromised, KeyState::Compromised);
        let keys = stored.unwrap(at(&ring).rescue(), 42).unwrap();
        assert_eq!(HEALTH_NOTE.open(&keys, &sealed).unwrap(), value());
        let resealed = HEALTH_NOTE.seal(&keys, &value());
        assert_eq!(kind(resealed), ErrorKind::NotPermitted, "{compromised:x}");
    }
}

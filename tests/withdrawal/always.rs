//! A withdrawal and an erasure always go through, whatever stands in the way of a renewal.

use fieldseal::envelope::History;
use fieldseal::{Access, Class, DataKeys, ErrorKind, KeyEnvelope, KeyStore, MemoryKeyStore};

use crate::common::bytes::{Ent, Env, Live};
use crate::common::*;
use crate::{EMAIL, opened_by, sealed_by};

const LIMIT: usize = 65_535;
/// `[ED-19]` What is kept for withdrawals.
const KEPT: usize = 4_096;

/// The class is closed: the role is out, nothing is sealed, and what was sealed opens.
#[track_caller]
fn assert_closed(old: &KeyEnvelope, ring: &fieldseal::KeyRing) -> KeyEnvelope {
    let before = sealed_by("app", old, 0, "before");
    let mut edit = old.edit(Access::new(ring).at(NOW), 42).unwrap();
    edit.withdraw(CONTACT, "marketing").unwrap();
    assert_eq!(edit.to_renew(), ["contact"]);
    assert_eq!(edit.to_reseal(), []);
    let new = edit.finish().unwrap();
    for entry in Env::parse(new.as_bytes()).entries {
        if let Ent::Live(live) = entry {
            assert!(live.recipients.iter().all(|recipient| recipient.key_id != MARKETING));
        }
    }
    assert_eq!(sealed_by("app", &new, 0, "after"), Err(ErrorKind::Erased));
    if let Ok(before) = before {
        assert_eq!(opened_by("app", &new, &before).unwrap(), "before");
        assert_eq!(opened_by("marketing", &new, &before), Err(ErrorKind::NotPermitted));
    }
    new
}

/// An envelope of this length, of which `contact` takes what is left by a filler.
fn of_len(len: usize, entries: &[Ent]) -> KeyEnvelope {
    let mut filler = unknown(0xF000_0000);
    filler.wrapped = Vec::new();
    let filled = |wrapped: Vec<u8>| {
        let mut filler = filler.clone();
        filler.wrapped = wrapped;
        let filler = Live::of("zz", 1, &data_key(99)).with([filler]);
        stored(&[entries, &[Ent::Live(filler)]].concat())
    };
    let empty = filled(Vec::new()).as_bytes().len();
    let full = filled(vec![0; len - empty]);
    assert_eq!(full.as_bytes().len(), len);
    full
}

#[test]
fn consent_that_comes_and_goes_is_always_withdrawn() {
    let ring = admin();
    let mut stored = envelope(&[CONTACT]);
    let mut refused = 0;
    for round in 0..400 {
        let access = Access::new(&ring).at(NOW + round);
        let mut edit = stored.edit(access, 42).unwrap();
        if let Err(error) = edit.grant(CONTACT, "marketing", History::Excluded) {
            assert_eq!(error.kind(), ErrorKind::Exhausted);
            refused += 1;
            continue;
        }
        stored = edit.finish().unwrap();
        assert!(stored.as_bytes().len() <= LIMIT - KEPT);
        let mut edit = stored.edit(access, 42).unwrap();
        edit.withdraw(CONTACT, "marketing").unwrap();
        assert!(edit.to_renew().is_empty(), "the room that is kept is enough for one");
        stored = edit.finish().unwrap();
    }
    assert!(refused > 100);
    assert_eq!(sealed_by("app", &stored, 0, "it still takes values").err(), None);
    // Also a renewal leaves the room.
    let mut edit = stored.edit(Access::new(&ring).at(NOW), 42).unwrap();
    assert_eq!(edit.renew(CONTACT).unwrap_err().kind(), ErrorKind::Exhausted);
    let ensured = edit.ensure(Class::new("another-one").readers(&["app"]));
    assert!(ensured.is_err() || edit.finish().unwrap().as_bytes().len() <= LIMIT - KEPT);
}

#[test]
fn a_full_envelope_lets_a_role_out_and_is_renewed_once_there_is_room() {
    let old = of_len(LIMIT, &[live("contact", 1, &[APP, SUPPORT, MARKETING])]);
    let ring = admin();
    let closed = assert_closed(&old, &ring);
    let mut edit = closed.edit(Access::new(&ring).at(NOW), 42).unwrap();
    assert_eq!(edit.renew(CONTACT).unwrap_err().kind(), ErrorKind::Exhausted);
    edit.erase_class("zz").unwrap();
    edit.renew(CONTACT).unwrap();
    let renewed = edit.finish().unwrap();
    assert_eq!(recipients(&renewed, "contact/3"), [APP, SUPPORT]);
    let after = sealed_by("app", &renewed, 0, "after").unwrap();
    assert_eq!(opened_by("app", &renewed, &after).unwrap(), "after");
    assert_eq!(opened_by("marketing", &renewed, &after), Err(ErrorKind::NotPermitted));
}

#[test]
fn a_grant_leaves_the_room_that_a_withdrawal_needs() {
    let ring = admin();
    for (len, history) in [
        (LIMIT, History::Included),
        (LIMIT - KEPT + 1 - 79, History::Included),
        (LIMIT - KEPT, History::Excluded),
    ] {
        let old = of_len(len, &[live("contact", 1, &[APP, SUPPORT])]);
        let kind = refused(Access::new(&ring).at(NOW), &old, |edit| {
            edit.grant(CONTACT, "marketing", history)
        });
        assert_eq!(kind, ErrorKind::Exhausted);
    }
    let old = of_len(LIMIT - KEPT - 79, &[live("contact", 1, &[APP, SUPPORT])]);
    let new = edited(Access::new(&ring).at(NOW), &old, |edit| {
        edit.grant(CONTACT, "marketing", History::Included)
    });
    assert_eq!(new.as_bytes().len(), LIMIT - KEPT);
}

#[test]
fn a_role_is_let_out_where_the_ring_lacks_the_key_of_a_remaining_reader() {
    let old = stored(&[live("contact", 1, &[APP, SUPPORT, MARKETING])]);
    let closed = assert_closed(&old, &service(&["app", "marketing"]));
    let ring = admin();
    let renewed = edited(Access::new(&ring).at(NOW), &closed, |edit| edit.renew(CONTACT));
    assert_eq!(recipients(&renewed, "contact/3"), [APP, SUPPORT]);
}

#[test]
fn a_role_is_let_out_over_a_suite_of_a_later_version() {
    let old = stored(&[of_suite(live("contact", 1, &[APP, SUPPORT, MARKETING]), 2)]);
    assert_closed(&old, &admin());
}

#[test]
fn a_role_is_let_out_where_no_expiry_can_be_told() {
    const KEPT_LONG: Class =
        Class::new("contact").readers_with_consent(&["marketing"]).retain_days(36_500);
    let old = stored(&[live("contact", 1, &[APP, MARKETING])]);
    let ring = admin();
    let mut edit = old.edit(Access::new(&ring).at(u64::MAX - 1), 42).unwrap();
    edit.withdraw(KEPT_LONG, "marketing").unwrap();
    assert_eq!(edit.to_renew(), ["contact"]);
    let new = edit.finish().unwrap();
    assert_eq!(recipients(&new, "contact/1"), [APP]);
    assert_eq!(reached(&ring, &new, "contact/2"), "erased");
}

#[test]
fn a_role_is_let_out_of_the_last_generations() {
    let ring = admin();
    let old = stored(&[live("contact", 65_534, &[APP, SUPPORT, MARKETING])]);
    let closed = assert_closed(&old, &ring);
    let access = Access::new(&ring).at(NOW);
    assert_eq!(refused(access, &closed, |edit| edit.renew(CONTACT)), ErrorKind::Exhausted);
    // `[GN-2]` One that an insider made of the last number takes no values: none could close it.
    let last = stored(&[live("contact", 65_535, &[APP, SUPPORT, MARKETING])]);
    assert_eq!(sealed_by("app", &last, 0, "a value"), Err(ErrorKind::Exhausted));
    let new = edited(access, &last, |edit| edit.withdraw(CONTACT, "marketing"));
    assert_eq!(recipients(&new, "contact/65535"), [APP, SUPPORT]);
    assert_eq!(sealed_by("app", &new, 0, "a value"), Err(ErrorKind::Exhausted));
}

#[test]
fn an_envelope_of_the_last_version_is_deleted_and_its_subject_erased() {
    let ring = admin();
    let mut env = Env::parse(envelope(&[CONTACT]).as_bytes());
    env.version = u64::MAX;
    let forged = env.envelope();
    let access = Access::new(&ring).at(NOW);
    let mut edit = forged.edit(access, 42).unwrap();
    edit.erase_subject().unwrap();
    let error = edit.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exhausted);
    assert!(error.to_string().contains("erase_absent"), "{error}");
    let store = MemoryKeyStore::new();
    let _ = store.erase_absent(&(), access, 42).unwrap();
    let marked = store.load(&(), "", 42).unwrap().unwrap();
    assert!(info(&marked).subject_erased_at.is_some());
}

#[test]
fn values_sealed_in_one_call_are_not_sealed_in_a_closed_class() {
    let old = of_len(LIMIT, &[live("contact", 1, &[APP, SUPPORT, MARKETING])]);
    let closed = assert_closed(&old, &admin());
    // Nor by a ring that would begin the next generation for itself (GN-3).
    let ring = service(&[]);
    let keys = closed.prepare(Access::new(&ring).at(NOW), 42, [CONTACT]);
    let sealed = keys.and_then(|keys: DataKeys| EMAIL.seal(&keys, &"x".to_owned()).map(drop));
    assert_eq!(kind(sealed), ErrorKind::Erased);
}

#[cfg(feature = "file")]
#[test]
fn a_ledger_is_told_of_no_grant_that_a_closed_class_did_not_make() {
    use crate::common::ledger::{Lines, signing};
    const TWO: Class =
        Class::new("contact").readers(&["app"]).readers_with_consent(&["marketing", "billing"]);
    let (ring, lines) = (signing(), Lines::begin(&signing()));
    let old = of_len(LIMIT, &[live("contact", 1, &[APP, MARKETING])]);
    let access = Access::new(&ring).at(NOW).ledger(&lines).source("form").notice("1");
    let mut edit = old.edit(access, 42).unwrap();
    edit.withdraw(TWO.consented_to(&["billing"]), "marketing").unwrap();
    assert_eq!(edit.to_renew(), ["contact"]);
    let closed = edit.finish().unwrap();
    let told: Vec<_> =
        lines.read(&ring).entries().iter().map(|entry| format!("{:?}", entry.act)).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("Withdraw") && told[0].contains("marketing"), "{told:?}");
    // The grant is told when it is made.
    let mut edit = closed.edit(access, 42).unwrap();
    edit.erase_class("zz").unwrap();
    edit.renew(TWO.consented_to(&["billing"])).unwrap();
    edit.finish().unwrap();
    let told = lines.read(&ring);
    let acts: Vec<_> = told.entries().iter().map(|entry| format!("{:?}", entry.act)).collect();
    assert!(acts.iter().any(|act| act.starts_with("Grant") && act.contains("billing")), "{acts:?}");
}

/// A person who turns consent on and off every 20 minutes, whose values are resealed each time: the envelope never fills
/// up.
#[test]
fn resealing_makes_the_room_that_consent_takes() {
    let (ring, store) = (admin(), MemoryKeyStore::new());
    let access = |round: u64| Access::new(&ring).at(NOW + 1_200 * round);
    let keys = DataKeys::create(access(0), 42, [CONTACT]).unwrap();
    store.save(&(), &keys).unwrap();
    let mut value = EMAIL.seal(&keys, &"ada@example.com".to_owned()).unwrap();
    let mut largest = 0;
    for round in 1..350 {
        let access = access(round);
        store
            .change(&(), access, 42, |edit| {
                edit.grant(CONTACT, "marketing", History::Excluded)?;
                edit.withdraw(CONTACT, "marketing")
            })
            .unwrap();
        for queued in store.reseal_queue(&(), None, 10).unwrap() {
            let envelope = store.load(&(), "", 42).unwrap().unwrap();
            let keys = envelope.unwrap(access, 42).unwrap();
            value = EMAIL.reseal(&keys, &value).unwrap().unwrap();
            store.finish_reseal(&(), access, &queued).unwrap();
        }
        assert!(store.reseal_queue(&(), None, 10).unwrap().is_empty());
        let envelope = store.load(&(), "", 42).unwrap().unwrap();
        largest = largest.max(envelope.as_bytes().len());
        let keys = envelope.unwrap(access, 42).unwrap();
        assert_eq!(EMAIL.open(&keys, &value).unwrap(), "ada@example.com");
    }
    assert!(largest < 50_000, "{largest}");
}

/// `[ED-20]` Nothing that a writer in flight may still seal under is erased, and nothing above the entry.
#[test]
fn finishing_a_resealing_erases_only_what_nothing_needs() {
    let (ring, store) = (admin(), MemoryKeyStore::new());
    let at = |now: u64| Access::new(&ring).at(now);
    let keys = DataKeys::create(at(NOW), 42, [CONTACT, NOTES]).unwrap();
    store.save(&(), &keys).unwrap();
    store.change(&(), at(NOW), 42, |edit| edit.renew(CONTACT)).unwrap();
    let queued = store.reseal_queue(&(), None, 10).unwrap();
    // A grant without history queues nothing, and what is resealed lies under generation 2 or 3.
    let grant = |edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| {
        edit.grant(CONTACT, "marketing", History::Excluded)
    };
    store.change(&(), at(NOW + 10), 42, grant).unwrap();
    let states = || -> Vec<bool> {
        let envelope = store.load(&(), "", 42).unwrap().unwrap();
        let live = |entry: &fieldseal::envelope::EntryInfo| {
            matches!(entry.state, fieldseal::envelope::EntryState::Live { .. })
        };
        info(&envelope).entries.iter().map(live).collect()
    };
    store.finish_reseal(&(), at(NOW + 89_999), &queued[0]).unwrap();
    assert_eq!(states(), [true, true, true, true], "it is not 25 hours old");
    assert!(store.reseal_queue(&(), None, 10).unwrap().is_empty());
    store.finish_reseal(&(), at(NOW + 90 * DAY), &queued[0]).unwrap();
    assert_eq!(states(), [false, true, true, true], "only what is below the entry's");
    let before = store.load(&(), "", 42).unwrap();
    store.finish_reseal(&(), at(NOW + 90 * DAY), &queued[0]).unwrap();
    assert_eq!(store.load(&(), "", 42).unwrap(), before, "and twice is once");
    // Of an erased subject there is nothing to do.
    let _ = store.erase(&(), at(NOW + 91 * DAY), 42).unwrap();
    store.finish_reseal(&(), at(NOW + 91 * DAY), &queued[0]).unwrap();
}

/// A writer has the envelope in its hand, and another server, whose clock is behind, renews it.
#[test]
fn a_value_that_is_stored_within_the_hour_opens_whatever_the_clock_of_who_renewed() {
    let (store, ring) = (MemoryKeyStore::new(), admin());
    let at = |now: u64| Access::new(&ring).at(now);
    let keys = DataKeys::create(at(NOW), 42, [CONTACT]).unwrap();
    store.save(&(), &keys).unwrap();
    let now = NOW + 10 * DAY;
    for behind in [0, 3_600, DAY] {
        let writer = store.load(&(), "", 42).unwrap().unwrap().unwrap(at(now), 42).unwrap();
        store.change(&(), at(now + 1 - behind), 42, |edit| edit.renew(CONTACT)).unwrap();
        for one in store.reseal_queue(&(), None, 10).unwrap() {
            store.finish_reseal(&(), at(now + 3_600), &one).unwrap();
        }
        let value = EMAIL.seal(&writer, &"ada@example.com".to_owned()).unwrap();
        let keys = store.load(&(), "", 42).unwrap().unwrap().unwrap(at(now + 3_601), 42).unwrap();
        assert_eq!(EMAIL.open(&keys, &value).unwrap(), "ada@example.com", "{behind}");
    }
}

#[test]
fn a_census_counts_the_envelopes_that_are_nearly_full() {
    let mut census = fieldseal::keyring::Census::new_at(NOW);
    let small = envelope(&[CONTACT]);
    census.at("customers.keys").add(small.as_bytes());
    assert!(!census.to_string().contains("nearly full"));
    for len in [49_151, 49_152, 60_000] {
        census.at("customers.keys").add(of_len(len, &[]).as_bytes());
    }
    let place = census.places().next().unwrap();
    assert_eq!((place.nearly_full, place.largest), (2, 60_000));
    let text = census.to_string();
    assert!(text.contains("nearly full: 2, the largest has 60000 of 65,535 bytes"), "{text}");
}

//! Keeping nothing longer than declared: touch, sweep, prune, and the mark of a subject that was never
//! stored.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{Ent, Env, Live};
use common::*;
use fieldseal::audit::Action;
use fieldseal::envelope::EntryState;
use fieldseal::keyring::KeyState;
use fieldseal::{Access, Class, DataKeys, ErrorKind, Field, KeyEnvelope, KeyRing};

/// R is 24 days, P two.
const KEPT: Class = Class::new("kept").retain_days(24).readers_with_consent(&["marketing"]);
const NOTE: Field<String> = Field::new("customer", "note", KEPT);
const OTHER: Class = Class::new("other");

const R: u64 = 24 * DAY;
const P: u64 = 2 * DAY;

fn at(ring: &KeyRing, now: u64) -> Access<'_> {
    Access::new(ring).at(now)
}

/// The generations of an envelope: `kept/1` live or `kept/1 erased`.
fn generations(envelope: &KeyEnvelope) -> Vec<String> {
    let entries = info(envelope).entries;
    let shown = entries.iter().map(|entry| {
        let erased = matches!(entry.state, EntryState::Erased { .. });
        format!("{}/{}{}", entry.class, entry.generation, if erased { " erased" } else { "" })
    });
    shown.collect()
}

fn touched(ring: &KeyRing, stored: &KeyEnvelope, now: u64) -> (bool, KeyEnvelope) {
    let mut edit = stored.edit(at(ring, now), 42).unwrap();
    let renewed = edit.touch(KEPT).unwrap();
    assert_eq!(edit.is_changed(), renewed);
    (renewed, edit.finish().unwrap())
}

/// The days on which a subject was active: each value that is resealed when `touch` says so lives at
/// least R from the last of them, and is resealed once in P at most.
#[test]
fn a_term_from_the_last_activity_costs_one_resealing_a_period() {
    let ring = admin();
    let mut stored = envelope(&[KEPT]);
    let mut sealed = NOTE.seal(&stored.unwrap(at(&ring, NOW), 42).unwrap(), &"a".into()).unwrap();
    let mut resealed = Vec::new();
    let mut last = NOW;
    for hours in (0..24 * 60).step_by(7) {
        let now = NOW + hours * 3_600;
        let (renewed, next) = touched(&ring, &stored, now);
        if renewed {
            let keys = next.unwrap(at(&ring, now), 42).unwrap();
            let value = NOTE.open(&keys, &sealed).unwrap();
            sealed = NOTE.seal(&keys, &value).unwrap();
            resealed.push(now);
        }
        stored = next;
        last = now;
    }
    assert!(u64::try_from(resealed.len()).unwrap() <= 60 * DAY / P, "{resealed:?}");
    assert!(resealed.windows(2).all(|pair| pair[1] - pair[0] >= P));
    for (now, opens) in [(last + R, true), (last + R + P, false)] {
        let keys = stored.unwrap(at(&ring, now), 42).unwrap();
        assert_eq!(NOTE.open(&keys, &sealed).is_ok(), opens);
    }
}

#[test]
fn touch_changes_nothing_while_values_live_a_full_term() {
    let ring = admin();
    let stored = envelope(&[KEPT, OTHER]);
    for now in [NOW, NOW + 1, NOW + P] {
        assert_eq!(touched(&ring, &stored, now), (false, stored.clone()));
    }
    let (renewed, next) = touched(&ring, &stored, NOW + P + 1);
    assert!(renewed);
    assert_eq!(generations(&next), ["kept/1", "kept/2", "other/1"]);

    let mut edit = stored.edit(at(&ring, u64::MAX), 42).unwrap();
    assert!(!edit.touch(OTHER).unwrap(), "a class without retention");
    let unknown = edit.touch(Class::new("unknown").retain_days(1));
    assert_eq!(kind(unknown), ErrorKind::MissingClass);
}

/// A class that got its retention later has generations without an expiry, which take no values.
#[test]
fn touch_begins_the_term_of_a_class_that_had_none() {
    let ring = admin();
    let without = Class::new("kept").readers_with_consent(&["marketing"]);
    let stored = envelope(&[without]);
    let (renewed, next) = touched(&ring, &stored, NOW);
    assert!(renewed);
    assert!(!touched(&ring, &next, NOW).0);
}

#[test]
fn touch_keeps_consent_that_is_proven_or_named() {
    let ring = admin();
    let access = at(&ring, NOW);
    let keys = DataKeys::create(access, 42, KEPT.consented_to(&["marketing"])).unwrap();
    let later = NOW + P + 1;
    let (_, next) = touched(&ring, keys.envelope(), later);
    assert_eq!(recipients(&next, "kept/2"), recipients(&next, "kept/1"));

    // A ring without marketing's key cannot prove it, and names it.
    let app = reaching(&["app"], &[]);
    let app = ring.subset_with(&app).unwrap().into_ring();
    let access = at(&app, later);
    assert_eq!(
        refused(access, keys.envelope(), |edit| edit.touch(KEPT).map(drop)),
        ErrorKind::MissingKey
    );
    let next = edited(access, keys.envelope(), |edit| edit.touch(KEPT.consented_to(&[])).map(drop));
    assert_eq!(recipients(&next, "kept/2"), [APP]);
}

#[test]
fn sweep_erases_what_has_expired_and_nothing_else() {
    let ring = admin();
    let (_, stored) = touched(&ring, &envelope(&[KEPT, OTHER]), NOW + P + 1);
    let sealed =
        NOTE.seal(&stored.unwrap(at(&ring, NOW + P + 1), 42).unwrap(), &"a".into()).unwrap();
    // A ring without any role can sweep: it is the envelope key that it takes.
    let janitor = ring_of([envelope_key(ENVELOPE, KeyState::Primary)]);
    let first = NOW + P + R;
    for (now, swept, left) in [
        (NOW, vec![], ["kept/1", "kept/2", "other/1"]),
        (first - 1, vec![], ["kept/1", "kept/2", "other/1"]),
        (first, vec![1], ["kept/1 erased", "kept/2", "other/1"]),
        (first + P, vec![1], ["kept/1 erased", "kept/2", "other/1"]),
        (first + P + 1, vec![1, 2], ["kept/1 erased", "kept/2 erased", "other/1"]),
    ] {
        let mut edit = stored.edit(at(&janitor, now), 42).unwrap();
        let expected: Vec<_> = swept.iter().map(|number| ("kept".to_owned(), *number)).collect();
        assert_eq!(edit.sweep().unwrap(), expected);
        let after = edit.finish().unwrap();
        assert_eq!(generations(&after), left, "{now}");
        assert_eq!(after == stored, swept.is_empty(), "nothing expired, nothing stored");
        let keys = after.unwrap(at(&ring, NOW + P + 1), 42).unwrap();
        let opened = NOTE.open(&keys, &sealed).map_err(|error| error.kind());
        let gone = swept.contains(&2);
        assert_eq!(opened, if gone { Err(ErrorKind::Erased) } else { Ok("a".into()) });
    }
}

#[test]
fn sweep_leaves_an_erased_subject_as_it_is() {
    let ring = admin();
    let stored = edited(at(&ring, NOW), &envelope(&[KEPT]), |edit| edit.erase_subject());
    let after = edited(at(&ring, u64::MAX), &stored, |edit| {
        assert_eq!(edit.sweep()?, []);
        assert_eq!(edit.prune(u64::MAX)?, 0);
        Ok(())
    });
    assert_eq!(after, stored);
}

#[test]
fn prune_forgets_old_erasures_but_the_highest_and_the_last_mark_of_a_class() {
    let ring = admin();
    let mut stored = envelope(&[KEPT, OTHER]);
    for round in 0..3 {
        let now = NOW + round * 1_000;
        stored = edited(at(&ring, now), &stored, |edit| {
            edit.erase_class("kept")?;
            if round < 2 { edit.renew(KEPT) } else { edit.erase_class("other") }
        });
    }
    // 2 and 4 are the marks that nothing was live.
    let all = ["kept/1", "kept/2", "kept/3", "kept/4", "kept/5", "other/1"];
    let all = all.map(|one| format!("{one} erased"));
    assert_eq!(generations(&stored), all);
    for (before, left) in [
        (NOW, &all[..]),
        (NOW + 1, &all[2..]),
        (NOW + 1_000, &all[2..]),
        (NOW + 1_001, &all[3..]),
        (u64::MAX, &all[3..]),
    ] {
        let after = edited(at(&ring, NOW + 9_000), &stored, |edit| {
            assert_eq!(edit.prune(before)?, 6 - left.len());
            Ok(())
        });
        assert_eq!(generations(&after), left, "{before}");
        assert_eq!(info(&after).version, info(&stored).version + u64::from(left.len() < 6));
    }
}

/// `[RT-7]` A replay compares the times of what was erased below the lowest live generation.
#[test]
fn prune_keeps_what_was_erased_later_than_all_that_follows_below_a_live_generation() {
    let erased = |number: u16, at: u64| {
        let [a, b] = number.to_be_bytes();
        Ent::Erased { class: b"b".to_vec(), generation: number, tag: [a, b, 1, 1], at }
    };
    let live = Ent::Live(Live::of("b", 4, &data_key(1)).with([unknown(0xF000_0000)]));
    let (e, ring) = (erased, admin());
    let beside = [e(1, 9), e(2, 3), e(3, 5), live.clone(), e(5, 7), e(6, 8), e(7, 6)];
    for (entries, left) in [
        (beside.to_vec(), vec![e(1, 9), e(3, 5), live, e(7, 6)]),
        (vec![e(1, 5), e(2, 5), e(3, 4)], vec![e(2, 5), e(3, 4)]),
        (vec![e(1, 2), e(2, 3), e(3, 3)], vec![e(3, 3)]),
    ] {
        let after = edited(at(&ring, NOW), &stored(&entries), |edit| {
            assert_eq!(edit.prune(u64::MAX)?, entries.len() - left.len());
            Ok(())
        });
        assert_eq!(Env::parse(after.as_bytes()).entries, left);
    }
}

#[test]
fn live_generations_are_never_pruned() {
    let ring = admin();
    let (_, stored) = touched(&ring, &envelope(&[KEPT]), NOW + P + 1);
    let after = edited(at(&ring, u64::MAX - 1), &stored, |edit| {
        assert_eq!(edit.prune(u64::MAX)?, 0);
        Ok(())
    });
    assert_eq!(after, stored);
}

/// `[ED-14]` Where no envelope is stored, the mark alone keeps the subject from being begun.
#[test]
fn a_subject_can_be_erased_before_anything_is_stored() {
    let ring = admin();
    let log = Log::default();
    let mark = KeyEnvelope::erased(at(&ring, NOW).audit(&log), 42).unwrap();
    assert_eq!(log.told(), [(Action::EraseSubject, vec![], Ok(()))]);
    let shown = info(&mark);
    assert_eq!((shown.version, shown.subject_erased_at), (1, Some(NOW)));
    assert!(shown.entries.is_empty());

    let keys = mark.unwrap(at(&ring, NOW), 42).unwrap();
    assert_eq!(kind(NOTE.seal(&keys, &"a".into())), ErrorKind::Erased);
    assert_eq!(refused(at(&ring, NOW), &mark, |edit| edit.ensure(KEPT)), ErrorKind::Erased);
    assert_eq!(kind(mark.unwrap(at(&ring, NOW), 43)), ErrorKind::Tampered, "another's mark");
    let keyless = ring_of([symmetric(APP, "app", KeyState::Primary)]);
    assert_eq!(kind(KeyEnvelope::erased(at(&keyless, NOW), 42)), ErrorKind::MissingKey);
}

#[test]
fn sweep_and_prune_are_told_to_the_audit() {
    let ring = admin();
    let log = Log::default();
    let access = at(&ring, NOW + P + R).audit(&log);
    let stored = edited(access, &envelope(&[KEPT]), |edit| edit.sweep().map(drop));
    assert_eq!(log.told(), [(Action::Sweep, vec![], Ok(()))]);
    let renewed = edited(at(&ring, NOW + P + R), &stored, |edit| edit.renew(KEPT));
    edited(access, &renewed, |edit| edit.prune(u64::MAX).map(drop));
    assert_eq!(log.told().last(), Some(&(Action::Prune, vec![], Ok(()))));
}

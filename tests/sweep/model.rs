//! Sweeps of random stores against a model of what the clock and the numbers say.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::common::bytes::{Ent, Env};
use fieldseal::ToId as _;

/// With terms of 1, 24 and 60 days, and without one.
const CLASSES: [Class; 4] = [
    Class::new("a").retain_days(1),
    KEPT,
    Class::new("orders").retain_days(60),
    Class::new("plain"),
];

/// One day of one subject: what was done.
#[derive(Clone, Copy, Debug)]
enum Act {
    Begin(usize),
    Renew(usize),
    EraseClass(usize),
    EraseSubject,
}

fn act() -> impl Strategy<Value = Act> {
    let class = || 0..CLASSES.len();
    prop_oneof![
        6 => class().prop_map(Act::Begin),
        4 => class().prop_map(Act::Renew),
        2 => class().prop_map(Act::EraseClass),
        1 => Just(Act::EraseSubject),
    ]
}

/// A generation as the model has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generation {
    Live { expires_at: Option<u64> },
    Erased { at: u64 },
}

#[derive(Default)]
struct Model {
    /// By subject, class and number.
    generations: BTreeMap<(u64, usize, u16), Generation>,
    erased: BTreeMap<u64, u64>,
    /// The entries that were added while nothing of the class was live.
    marks: BTreeSet<(u64, usize, u16)>,
    /// By subject, the latest moment that the envelope tells of.
    latest: BTreeMap<u64, u64>,
}

impl Model {
    fn highest(&self, subject: u64, class: usize) -> Option<u16> {
        let of = (subject, class, 0)..=(subject, class, u16::MAX);
        self.generations.range(of).next_back().map(|((_, _, number), _)| *number)
    }

    fn stored(&self, subject: u64) -> bool {
        self.erased.contains_key(&subject)
            || self.generations.keys().any(|(of, _, _)| *of == subject)
    }

    fn begin(&mut self, subject: u64, class: usize, number: u16, now: u64) {
        // `[GN-2]` It takes values for P, and each lives R.
        let declared = CLASSES[class];
        let term = declared.retention_seconds();
        let expires_at = term.map(|term| now + declared.generation_seconds() + term);
        self.generations.insert((subject, class, number), Generation::Live { expires_at });
        self.tell(subject, now);
    }

    fn mark(&mut self, (subject, class, number): (u64, usize, u16), now: u64) {
        self.generations.insert((subject, class, number), Generation::Erased { at: now });
        self.marks.insert((subject, class, number));
        self.tell(subject, now);
    }

    fn has_live(&self, subject: u64, class: usize) -> bool {
        let mut of = self.generations.range((subject, class, 0)..=(subject, class, u16::MAX));
        of.any(|(_, generation)| matches!(generation, Generation::Live { .. }))
    }

    fn tell(&mut self, subject: u64, now: u64) {
        let latest = self.latest.entry(subject).or_default();
        *latest = now.max(*latest);
    }

    /// One envelope of three or more, and one in ten, may be ahead of the clock.
    fn newest(&self, now: u64) -> u64 {
        let is_ahead = |told: &&u64| **told > now + DAY;
        let ahead = self.latest.values().filter(is_ahead).count();
        let doubted = ahead > 1 || (ahead == 1 && self.latest.len() < 3);
        let told = self.latest.values().filter(|told| doubted || !is_ahead(told));
        told.max().copied().unwrap_or_default()
    }

    fn erase(&mut self, now: u64, which: impl Fn(u64, usize, Option<u64>) -> bool) -> u64 {
        let mut count = 0;
        let mut told = Vec::new();
        for ((subject, class, _), generation) in &mut self.generations {
            if let Generation::Live { expires_at } = *generation
                && which(*subject, *class, expires_at)
            {
                *generation = Generation::Erased { at: now };
                told.push(*subject);
                count += 1;
            }
        }
        told.into_iter().for_each(|subject| self.tell(subject, now));
        count
    }

    fn with_term(&self) -> impl Iterator<Item = u64> {
        self.generations.values().filter_map(|generation| match generation {
            Generation::Live { expires_at } => *expires_at,
            Generation::Erased { .. } => None,
        })
    }
}

/// Does it in the store and in the model, where it can be done.
fn done(store: &MemoryKeyStore, model: &mut Model, subject: u64, act: Act, now: u64) {
    let ring = admin();
    let access = at(&ring, now);
    if model.erased.contains_key(&subject) {
        return;
    }
    match act {
        Act::Begin(class) if !model.stored(subject) => {
            begin(store, &(), subject, &[CLASSES[class]], now);
            model.begin(subject, class, 1, now);
        }
        Act::Begin(class) => {
            store.change(&(), access, subject, |edit| edit.ensure(CLASSES[class])).unwrap();
            if model.highest(subject, class).is_none() {
                model.begin(subject, class, 1, now);
            }
        }
        Act::Renew(class) => {
            let Some(mut highest) = model.highest(subject, class) else { return };
            store.change(&(), access, subject, |edit| edit.renew(CLASSES[class])).unwrap();
            let is_marked = model.marks.contains(&(subject, class, highest));
            if !model.has_live(subject, class) && !is_marked {
                // `[ED-7]`
                highest += 1;
                model.mark((subject, class, highest), now);
            }
            model.begin(subject, class, highest + 1, now);
        }
        Act::EraseClass(class) => {
            let Some(highest) = model.highest(subject, class) else { return };
            let name = CLASSES[class].name();
            let _ = store.erase_class(&(), access, subject, name).unwrap();
            if model.erase(now, |of, other, _| of == subject && other == class) == 0 {
                // `[ED-13]` The envelope shows this erasure too.
                model.mark((subject, class, highest + 1), now);
            }
        }
        Act::EraseSubject => {
            let _ = store.erase_absent(&(), access, subject).unwrap();
            model.erase(now, |of, _, _| of == subject);
            model.erased.insert(subject, now);
            model.tell(subject, now);
        }
    }
}

/// The entries of all envelopes, by the tests' own reader.
fn entries(store: &MemoryKeyStore) -> BTreeMap<(u64, usize, u16), Ent> {
    let mut all = BTreeMap::new();
    for (_, subject, envelope) in stored(store, &()) {
        let number = u64::from_be_bytes(subject.as_bytes()[1..].try_into().unwrap());
        assert_eq!(SubjectId::new(number.to_id().unwrap()).unwrap(), subject);
        for entry in Env::parse_for(envelope.as_bytes(), "", subject.as_bytes()).entries {
            let (class, generation) = match &entry {
                Ent::Live(live) => (live.class.clone(), live.generation),
                Ent::Erased { class, generation, .. } => (class.clone(), *generation),
                _ => continue,
            };
            let class = CLASSES.iter().position(|one| one.name().as_bytes() == class).unwrap();
            all.insert((number, class, generation), entry);
        }
    }
    all
}

#[track_caller]
fn agree(store: &MemoryKeyStore, model: &Model) {
    let entries = entries(store);
    assert!(entries.keys().eq(model.generations.keys()), "the same generations");
    for (place, generation) in &model.generations {
        let stored = match &entries[place] {
            Ent::Live(live) => Generation::Live {
                expires_at: Some(live.expires_at).filter(|expires_at| *expires_at != 0),
            },
            Ent::Erased { at, .. } => Generation::Erased { at: *at },
            other => panic!("{other:?}"),
        };
        assert_eq!(stored, *generation, "{place:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_sweep_erases_what_has_expired_or_nothing(
        acts in proptest::collection::vec((0_u64..6, 0_u64..90, act()), 1..40),
        // Hours, so that days are met on the second and beside it.
        later in -60_i64 * 24..120 * 24,
        percent in 0_u8..=100,
        gap in prop_oneof![Just(31), 0_u32..90],
        last_run in proptest::option::of(0_u64..150),
        confirmed in any::<bool>(),
    ) {
        let (store, mut model) = (MemoryKeyStore::new(), Model::default());
        let mut acts = acts;
        acts.sort_by_key(|(_, day, _)| *day);
        for (subject, day, act) in acts {
            done(&store, &mut model, subject, act, NOW + day * DAY);
        }
        agree(&store, &model);

        let now = (NOW + 45 * DAY).checked_add_signed(later * 3_600).unwrap();
        let (with_term, expired) =
            (model.with_term().count(), model.with_term().filter(|end| now >= *end).count());
        let counted = plan(&store, now);
        prop_assert_eq!(
            (counted.with_term, counted.expired, counted.now, counted.newest()),
            (with_term.try_into().unwrap(), expired.try_into().unwrap(), now, model.newest(now))
        );

        // What speaks against it.
        let mut sweep = Sweep::at_most_percent(percent).clock_gap_days(gap);
        let mut known = model.newest(now);
        if let Some(day) = last_run {
            sweep = sweep.last_run(NOW + day * DAY);
            let last = NOW + day * DAY;
            known = if known > now + DAY { last } else { known.max(last) };
        }
        let share = expired * 100 > with_term * usize::from(percent);
        let ahead = now > known + u64::from(gap) * DAY;
        let behind = known > now + DAY;
        let may = expired == 0 || !(share || ahead || behind);
        if confirmed {
            sweep = sweep.confirmed();
        }

        let (ring, log, before) = (admin(), Log::default(), entries(&store));
        match sweep.run(&store, &(), at(&ring, now).audit(&log)) {
            Ok(pass) => {
                prop_assert!(may || confirmed);
                prop_assert!(pass.failed.is_empty());
                let gone = model.erase(now, |_, _, end| end.is_some_and(|end| now >= end));
                prop_assert_eq!(gone, u64::try_from(expired).unwrap());
                let told = log.take();
                prop_assert_eq!(u64::try_from(told.len()).unwrap(), pass.changed);
                prop_assert!(told.iter().all(|line| line.action == Action::Sweep));
            }
            Err(error) => {
                prop_assert!(!may && !confirmed, "{error}");
                prop_assert_eq!(error.kind(), ErrorKind::Unconfirmed);
                prop_assert_eq!(&entries(&store), &before);
            }
        }
        agree(&store, &model);
        // What stays is what it was, byte for byte.
        for (place, entry) in entries(&store) {
            if matches!(model.generations[&place], Generation::Live { .. }) {
                prop_assert_eq!(&entry, &before[&place]);
            }
        }
        // Once more changes nothing more.
        if confirmed {
            prop_assert_eq!(swept(sweep, &store, now), 0);
        }
    }
}

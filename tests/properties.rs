//! Properties over random edits, random envelopes and random bytes.

// Without `std` there is no clock but one that the caller gives.
#![cfg(feature = "std")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::bytes::{Ent, Env, Live, Rec, erased, remade};
use common::*;
use fieldseal::envelope::{EnvelopeEdit, History};
use fieldseal::{Access, Class, DataKeys, Error, ErrorKind, KeyEnvelope, KeyRing};
use proptest::prelude::*;

const TWO_CONSENTS: Class = Class::new("contact")
    .readers(&["app", "support"])
    .readers_with_consent(&["marketing", "billing"]);
const ASKED: Class =
    Class::new("asked").readers(&[]).readers_with_consent(&["support", "marketing"]);
const CLASSES: [Class; 4] = [TWO_CONSENTS, ASKED, HEALTH, NOTES];
const NAMES: [&str; 5] = ["app", "support", "marketing", "billing", "medical"];

#[derive(Clone, Debug)]
enum Op {
    Ensure(usize),
    Renew(usize),
    Grant(usize, usize, bool),
    Withdraw(usize, usize),
    Rewrap,
    EraseClass(usize),
    EraseSubject,
}

fn op() -> impl Strategy<Value = Op> {
    let (class, role) = (0..CLASSES.len(), 0..NAMES.len());
    prop_oneof![
        4 => class.clone().prop_map(Op::Ensure),
        4 => class.clone().prop_map(Op::Renew),
        8 => (class.clone(), role.clone(), any::<bool>())
            .prop_map(|(class, role, history)| Op::Grant(class, role, history)),
        6 => (class.clone(), role).prop_map(|(class, role)| Op::Withdraw(class, role)),
        2 => Just(Op::Rewrap),
        1 => class.prop_map(Op::EraseClass),
        1 => Just(Op::EraseSubject),
    ]
}

/// Who reads a generation; `None` when it is erased.
type Readers = Option<BTreeSet<&'static str>>;

/// What FORMAT.md, sections 8 and 9, makes of the changes, in terms of who reads what.
#[derive(Clone, Default)]
struct Model {
    classes: BTreeMap<usize, Vec<Readers>>,
    /// By class and place: what was added while nothing of the class was live.
    marks: BTreeSet<(usize, usize)>,
    erased: bool,
}

impl Model {
    /// `[ED-21]`
    fn mark(&mut self, class: usize) {
        let generations = self.classes.get_mut(&class).unwrap();
        if generations.iter().all(Option::is_none) {
            self.marks.insert((class, generations.len()));
        }
        generations.push(None);
    }

    /// `[GN-10]`
    fn readers(&self, class: usize) -> BTreeSet<&'static str> {
        let all = self.classes.get(&class);
        let highest = all.and_then(|all| all.last()).and_then(Option::as_ref);
        let consented = CLASSES[class].consent_roles().iter().copied();
        let consented = consented.filter(|role| highest.is_some_and(|live| live.contains(role)));
        let declared = CLASSES[class].reader_roles().iter().copied();
        declared.chain(consented).collect()
    }

    fn begin(&mut self, class: usize, readers: BTreeSet<&'static str>) -> Result<(), ErrorKind> {
        if readers.is_empty() {
            return Err(ErrorKind::Declaration);
        }
        self.classes.entry(class).or_default().push(Some(readers));
        Ok(())
    }

    fn apply(&mut self, op: &Op) -> Result<(), ErrorKind> {
        let missing = |class: &usize| match self.classes.get(class) {
            Some(_) => Ok(()),
            None => Err(ErrorKind::MissingClass),
        };
        let gone = match op {
            Op::Ensure(_) | Op::Renew(_) | Op::Grant(..) | Op::Withdraw(..) => self.erased,
            _ => false,
        };
        if gone {
            return Err(ErrorKind::Erased);
        }
        match op {
            Op::Ensure(class) => match missing(class) {
                Ok(()) => Ok(()),
                Err(_) => self.begin(*class, self.readers(*class)),
            },
            Op::Renew(class) => {
                missing(class)?;
                let (readers, generations) = (self.readers(*class), &self.classes[class]);
                // `[ED-7]`
                let is_marked = self.marks.contains(&(*class, generations.len() - 1));
                if generations.iter().all(Option::is_none) && !is_marked {
                    self.mark(*class);
                }
                self.begin(*class, readers)
            }
            Op::Grant(class, role, history) => {
                let (declared, role) = (CLASSES[*class], NAMES[*role]);
                if ![declared.reader_roles(), declared.consent_roles()].concat().contains(&role) {
                    return Err(ErrorKind::InvalidInput);
                }
                missing(class)?;
                let mut readers = self.readers(*class);
                let generations = self.classes.get_mut(class).unwrap();
                let live = if *history {
                    let mut live = false;
                    for readers in generations.iter_mut().flatten() {
                        readers.insert(role);
                        live = true;
                    }
                    live
                } else {
                    generations.last().unwrap().is_some()
                };
                if !live {
                    return Err(ErrorKind::Erased);
                }
                if *history {
                    return Ok(());
                }
                readers.insert(role);
                self.begin(*class, readers)
            }
            Op::Withdraw(class, role) => {
                let role = NAMES[*role];
                let mut live = self.classes.get(class).into_iter().flatten().flatten();
                let is_known = CLASSES[*class].consent_roles().contains(&role)
                    || live.any(|readers| readers.contains(role));
                if CLASSES[*class].reader_roles().contains(&role) || !is_known {
                    return Err(ErrorKind::InvalidInput);
                }
                missing(class)?;
                let mut readers = self.readers(*class);
                readers.remove(role);
                let generations = self.classes.get_mut(class).unwrap();
                let was_live = generations.last().unwrap().is_some();
                let mut removed = false;
                for generation in generations.iter_mut() {
                    removed |= generation.as_mut().is_some_and(|live| live.remove(role));
                    if removed && generation.as_ref().is_some_and(BTreeSet::is_empty) {
                        *generation = None;
                    }
                }
                if !removed {
                    return Ok(());
                }
                if !readers.is_empty() && was_live {
                    return self.begin(*class, readers);
                }
                if readers.is_empty() {
                    generations.fill(None);
                }
                // `[ED-21]`
                if generations.last().unwrap().is_none() {
                    self.mark(*class);
                }
                Ok(())
            }
            Op::Rewrap => Ok(()),
            Op::EraseClass(class) => {
                missing(class)?;
                let generations = self.classes.get_mut(class).unwrap();
                // `[ED-13]`
                if generations.iter().all(Option::is_none) && !self.erased {
                    self.mark(*class);
                } else {
                    generations.fill(None);
                }
                Ok(())
            }
            Op::EraseSubject => {
                self.classes.values_mut().for_each(|all| all.fill(None));
                self.erased = true;
                Ok(())
            }
        }
    }

    /// The reach of a role into each generation, in the order of the envelope.
    fn reach(&self, role: &str) -> Vec<(String, String)> {
        let mut all: Vec<(&str, usize, &str)> = Vec::new();
        for (class, generations) in &self.classes {
            for (number, readers) in generations.iter().enumerate() {
                let reach = match readers {
                    None => "erased",
                    Some(readers) if readers.contains(role) => "open",
                    Some(_) => "not permitted",
                };
                all.push((CLASSES[*class].name(), number + 1, reach));
            }
        }
        all.sort_unstable();
        all.into_iter()
            .map(|(class, number, reach)| (format!("{class}/{number}"), reach.into()))
            .collect()
    }
}

fn change(edit: &mut EnvelopeEdit<'_>, op: &Op) -> Result<(), Error> {
    match op {
        Op::Ensure(class) => edit.ensure(CLASSES[*class]),
        Op::Renew(class) => edit.renew(CLASSES[*class]),
        Op::Grant(class, role, history) => {
            let history = if *history { History::Included } else { History::Excluded };
            edit.grant(CLASSES[*class], NAMES[*role], history)
        }
        Op::Withdraw(class, role) => edit.withdraw(CLASSES[*class], NAMES[*role]),
        Op::Rewrap => edit.rewrap(CLASSES).map(drop),
        Op::EraseClass(class) => edit.erase_class(CLASSES[*class].name()),
        Op::EraseSubject => edit.erase_subject(),
    }
}

#[test]
fn after_any_edits_each_role_reads_what_the_format_says() {
    let ring = admin();
    let services = NAMES.map(|role| (role, service(&[role])));
    let access = Access::new(&ring).at(NOW);
    let start = DataKeys::create(access, 42, [TWO_CONSENTS, NOTES]).unwrap();
    let batches = prop::collection::vec(prop::collection::vec(op(), 1..4), 1..7);
    proptest!(ProptestConfig::with_cases(40), |(batches in batches)| {
        let mut stored = start.envelope().clone();
        let mut model = Model::default();
        model.apply(&Op::Ensure(0)).unwrap();
        model.apply(&Op::Ensure(3)).unwrap();
        for batch in &batches {
            let mut edit = stored.edit(access, 42).unwrap();
            for op in batch {
                let mut next = model.clone();
                let expected = next.apply(op);
                let done = change(&mut edit, op).map_err(|error| error.kind());
                prop_assert_eq!(done, expected, "{:?}", op);
                if done.is_ok() {
                    model = next;
                }
            }
            let (version, changed) = (info(&stored).version, edit.is_changed());
            let new = edit.finish().unwrap();
            prop_assert_eq!(info(&new).version, version + u64::from(changed));
            prop_assert_eq!(changed, new != stored);
            stored = new;
            // `[KE-4]` The tests' own reader and writer give the same bytes.
            prop_assert_eq!(&Env::parse(stored.as_bytes()).write()[..], stored.as_bytes());
        }
        for (role, ring) in &services {
            let keys = stored.unwrap(Access::new(ring).at(NOW), 42).unwrap();
            prop_assert_eq!(reach(&keys), model.reach(role), "{}", role);
            prop_assert_eq!(keys.is_erased(), model.erased);
        }
    });
}

/// An entry of any content that the layout allows, but for its place and tag.
fn entry_of() -> impl Strategy<Value = Ent> {
    let recipient = (any::<u8>(), 1..u32::MAX, 0_usize..90).prop_map(|(kind, key_id, len)| {
        let len = match kind {
            1 => 72,
            2 => 80,
            _ => len,
        };
        Rec { kind, key_id, wrapped: vec![kind; len] }
    });
    let times = (any::<u8>(), any::<u64>(), any::<u64>(), any::<[u8; 32]>());
    let recipients = prop::collection::btree_map(1..u32::MAX, recipient, 1..5);
    let live =
        (times, recipients).prop_map(|((suite, created_at, expires_at, commitment), all)| {
            let recipients = all.into_iter().map(|(key_id, one)| Rec { key_id, ..one });
            Ent::Live(Live {
                class: Vec::new(),
                generation: 0,
                suite,
                created_at,
                expires_at,
                commitment,
                count: None,
                recipients: recipients.collect(),
            })
        });
    let gone = any::<[u8; 4]>().prop_map(|tag| erased("", 0, tag));
    prop_oneof![3 => live, 1 => gone]
}

/// Any envelope that the layout allows.
fn valid() -> impl Strategy<Value = Env> {
    let place = ("[a-y][a-z0-9_.-]{0,12}", 1..=u16::MAX);
    let entries = prop::collection::btree_map(place, entry_of(), 1..8);
    (1..u64::MAX, entries).prop_map(|(version, entries)| {
        let mut tags = BTreeSet::new();
        let mut env = Env::of([]);
        env.version = version;
        for ((name, number), mut entry) in entries {
            let own = match &mut entry {
                Ent::Live(live) => {
                    live.class = name.into_bytes();
                    live.generation = number;
                    live.commitment[..4].try_into().unwrap()
                }
                Ent::Erased { class, generation, tag, .. } => {
                    *class = name.into_bytes();
                    *generation = number;
                    *tag
                }
                _ => [0; 4],
            };
            if tags.insert(own) {
                env.entries.push(entry);
            }
        }
        env
    })
}

#[test]
fn any_valid_envelope_is_written_again_as_it_was() {
    const LAST: Class = Class::new("zz");
    let ring = admin();
    let access = Access::new(&ring).at(NOW);
    proptest!(ProptestConfig::with_cases(150), |(env in valid())| {
        let stored = env.envelope();
        prop_assert_eq!(info(&stored).entries.len(), env.entries.len());
        prop_assert_eq!(&Env::parse(stored.as_bytes()), &env);
        prop_assert!(stored.unwrap(access, 42).is_ok());
        let same = stored.edit(access, 42).unwrap().finish().unwrap();
        prop_assert_eq!(&same, &stored);
        // A change beside it: what it does not name stays byte for byte.
        let mut edit = stored.edit(access, 42).unwrap();
        edit.ensure(LAST).unwrap();
        edit.rewrap(()).unwrap();
        let mut changed = Env::parse(edit.finish().unwrap().as_bytes());
        prop_assert!(changed.entries.pop().is_some());
        prop_assert_eq!(changed.version, env.version + 1);
        prop_assert_eq!(changed.entries, env.entries);
    });
}

fn never_panics(ring: &KeyRing, bytes: &[u8]) {
    let access = Access::new(ring).at(NOW).rescue();
    let stored = KeyEnvelope::from_bytes(bytes);
    let _ = stored.inspect();
    let _ = stored.unwrap(access, 42);
    let _ = stored.prepare(access, 42, CLASSES);
    let _ = access.open(b"", bytes);
    let _ = access.seal(b"", bytes);
    let _ = KeyEnvelope::from_text(&stored.to_text());
    if let Ok(mut edit) = stored.edit(access, 42) {
        for class in &CLASSES {
            let _ = edit.ensure(class);
            let _ = edit.renew(class);
            let _ = edit.withdraw(class, "marketing");
        }
        let _ = edit.rewrap(CLASSES);
        let _ = edit.erase_class("contact");
        let _ = edit.erase_subject();
        let _ = edit.finish_keys();
    }
}

#[test]
fn arbitrary_bytes_never_panic() {
    let ring = ring_of([envelope_key(ENVELOPE, fieldseal::keyring::KeyState::Primary)]);
    let first = prop_oneof![Just(0xF5), Just(0xF6), Just(0xF7), any::<u8>()];
    let bytes = prop::collection::vec(any::<u8>(), 0..400);
    proptest!(ProptestConfig::with_cases(400), |(first in first, bytes in bytes)| {
        let bytes = [&[first][..], &bytes].concat();
        never_panics(&ring, &bytes);
        if bytes.len() >= 40 {
            // Under a right MAC, so that the parser sees them.
            let mut bytes = bytes;
            let id = bytes.len() - 20;
            bytes[0] = 0xF6;
            bytes[id..id + 4].copy_from_slice(&ENVELOPE.to_be_bytes());
            never_panics(&ring, &remade(bytes, &secret(ENVELOPE)));
        }
    });
}

#[test]
fn altered_envelopes_under_a_right_mac_never_panic() {
    let ring = admin();
    let bytes = envelope(&CLASSES[2..]).as_bytes().to_vec();
    let cuts = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    proptest!(ProptestConfig::with_cases(120), |(cuts in cuts, edits in edits, cut in any::<bool>())| {
        let mut bytes = bytes.clone();
        let body = bytes.len() - 20;
        if cut {
            let (a, b) = (cuts.0.index(body), cuts.1.index(body));
            bytes.drain(a.min(b).max(1)..a.max(b).max(1));
        }
        let body = bytes.len() - 20;
        for (at, byte) in edits {
            bytes[at.index(body)] = byte;
        }
        never_panics(&ring, &remade(bytes, &secret(ENVELOPE)));
    });
}

#[test]
fn arbitrary_text_never_panics_and_has_one_spelling() {
    let text = prop_oneof!["fs1\\.[A-Za-z0-9_-]{0,80}", "fs1\\..{0,40}", ".{0,40}"];
    proptest!(ProptestConfig::with_cases(400), |(text in text)| {
        if let Ok(stored) = KeyEnvelope::from_text(&text) {
            prop_assert_eq!(stored.to_text(), text);
            prop_assert!(matches!(stored.as_bytes()[0], 0xF5..=0xF7));
        }
    });
    let bytes = prop::collection::vec(any::<u8>(), 0..100);
    proptest!(ProptestConfig::with_cases(200), |(first in 0xF5..=0xF7_u8, bytes in bytes)| {
        let stored = KeyEnvelope::from_bytes([&[first][..], &bytes].concat());
        prop_assert_eq!(KeyEnvelope::from_text(&stored.to_text()).unwrap(), stored);
    });
}

#[test]
fn any_bytes_come_back_from_a_standalone_envelope() {
    let ring = admin();
    let bytes = prop::collection::vec(any::<u8>(), 0..2000);
    let context = prop::collection::vec(any::<u8>(), 0..300);
    proptest!(ProptestConfig::with_cases(60), |(value in bytes, context in context)| {
        let sealed = ring.seal(&context, &value).unwrap();
        let opened = ring.open(&context, &sealed).unwrap();
        prop_assert_eq!(opened.expose(), value);
        prop_assert_eq!((sealed.len() - 222) % 16, 0);
    });
}

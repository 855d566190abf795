//! Rotation never makes anything unreadable: random lives of a ring and of the rings of services, with
//! envelopes rewrapped and renewed and values resealed, against a model that knows who must be able to
//! open what, and who must not.

#![cfg(feature = "file")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;
#[path = "ring_life/model.rs"]
mod model;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use common::*;
use fieldseal::envelope::SealedInfo;
use fieldseal::field::Update;
use fieldseal::keyring::{
    Capabilities, Census, Credential, KeyState, KeyUse, LockedRing, RingDocument, RingKey, SlotKey,
};
use fieldseal::{Access, DataKeys, Error, ErrorKind, Field, KeyEnvelope, KeyRing, RingFile};
use model::{CLASSES, Has, Model, NAMES, READERS};
use proptest::prelude::*;
use rand_core::SeedableRng as _;

const FIELDS: [Field<String>; 4] = [
    Field::new("customer", "contact", CLASSES[0]),
    Field::new("customer", "health", CLASSES[1]),
    Field::new("customer", "notes", CLASSES[2]),
    Field::new("customer", "later", CLASSES[3]),
];
const SUBJECTS: usize = 3;
/// The rings of services that are kept beside the administrator's; a later one takes the place of an
/// earlier one.
const SERVICES: usize = 3;

/// Who does something: the administrator, or one of the services there are.
type Who = Option<usize>;

#[derive(Clone, Debug)]
enum Op {
    Rotate(usize),
    SetState(usize, KeyState),
    /// With a census of all that is stored.
    Destroy(usize),
    ForceDestroy(usize),
    /// One of the names, whether it is there or not, and whether it is to be a key pair.
    AddRole(usize, bool),
    /// After how many days to rotate.
    Hint(usize, Option<u32>),
    /// Who gives it, the roles, the writers; by roles alone when it is true.
    Subset(Who, u8, u8, bool),
    Reload(Who, How),
    Ensure(usize, usize),
    Renew(Who, usize, usize),
    Rewrap(Who, usize, bool),
    Seal(Who, usize, usize),
    Reseal(Who, usize),
    Standalone(Who, usize),
    Check(Who),
}

/// By what way a ring leaves the process and comes back.
#[derive(Clone, Copy, Debug)]
enum How {
    Json,
    Unprotected,
    File,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let who = || prop_oneof![3 => Just(None), 2 => (0..SERVICES).prop_map(Some)];
    let (subject, class, any) = (0..SUBJECTS, 0..CLASSES.len(), 0..1_000_usize);
    let state = prop_oneof![
        4 => Just(KeyState::OpenOnly),
        4 => Just(KeyState::Primary),
        2 => Just(KeyState::Disabled),
        2 => Just(KeyState::Compromised),
        1 => Just(KeyState::Destroyed),
    ];
    let how = prop_oneof![8 => Just(How::Json), 3 => Just(How::Unprotected), 1 => Just(How::File)];
    let (subject, class) = (|| subject.clone(), || class.clone());
    // A quarter of them each.
    let roles = || (0..=u8::MAX, 0..=u8::MAX).prop_map(|(a, b)| a & b);
    let any = || any.clone();
    let op = prop_oneof![
        10 => (0..NAMES.len()).prop_map(Op::Rotate),
        8 => (any(), state).prop_map(|(key, state)| Op::SetState(key, state)),
        4 => any().prop_map(Op::Destroy),
        1 => any().prop_map(Op::ForceDestroy),
        1 => (0..NAMES.len(), prop::option::of(0..=u32::MAX))
            .prop_map(|(name, days)| Op::Hint(name, days)),
        2 => (1..NAMES.len(), prop::bool::ANY).prop_map(|(name, pair)| Op::AddRole(name, pair)),
        7 => (who(), roles(), roles(), prop::bool::ANY)
            .prop_map(|(who, roles, writers, plain)| Op::Subset(who, roles, writers, plain)),
        4 => (who(), how).prop_map(|(who, how)| Op::Reload(who, how)),
        3 => (subject(), class()).prop_map(|(subject, class)| Op::Ensure(subject, class)),
        5 => (who(), subject(), class())
            .prop_map(|(who, subject, class)| Op::Renew(who, subject, class)),
        8 => (who(), subject(), prop::bool::weighted(0.2))
            .prop_map(|(who, subject, rescue)| Op::Rewrap(who, subject, rescue)),
        8 => (who(), subject(), class())
            .prop_map(|(who, subject, class)| Op::Seal(who, subject, class)),
        5 => (who(), any()).prop_map(|(who, value)| Op::Reseal(who, value)),
        2 => (who(), 0..READERS.len()).prop_map(|(who, readers)| Op::Standalone(who, readers)),
        2 => who().prop_map(Op::Check),
    ];
    // What an operator does to be rid of a key.
    let retire = (0..NAMES.len(), any(), any()).prop_map(|(name, one, other)| {
        let rewraps = (0..SUBJECTS).map(|subject| Op::Rewrap(None, subject, false));
        let destroys = [Op::Destroy(one), Op::Destroy(other)];
        [Op::Rotate(name)].into_iter().chain(rewraps).chain(destroys).collect()
    });
    let steps = prop_oneof![30 => op.prop_map(|op| vec![op]), 1 => retire];
    prop::collection::vec(steps, 5..38).prop_map(|steps| steps.concat())
}

/// What is really there.
struct World {
    document: RingDocument,
    services: Vec<KeyRing>,
    envelopes: Vec<KeyEnvelope>,
    values: Vec<Value>,
    rng: chacha20::ChaCha20Rng,
    place: Option<PathBuf>,
}

/// A stored value, and what must come out of it.
enum Value {
    Field { subject: usize, class: usize, sealed: fieldseal::Sealed<String>, text: String },
    Standalone { readers: usize, bytes: Vec<u8>, text: String },
}

impl World {
    fn ring(&self, who: Who) -> &KeyRing {
        who.and_then(|number| self.services.get(number)).unwrap_or(self.document.ring())
    }

    fn census(&self) -> Census {
        let mut census = Census::new();
        self.envelopes.iter().for_each(|envelope| info(envelope).count_into(&mut census));
        for value in &self.values {
            if let Value::Standalone { bytes, .. } = value {
                let SealedInfo::Standalone(info) = SealedInfo::from_bytes(bytes).unwrap() else {
                    panic!("it is standalone");
                };
                info.envelope.count_into(&mut census);
            }
        }
        census
    }

    /// Through JSON or a file and back, with what the ring is at that moment.
    fn reload(&mut self, who: Who, how: How) {
        let Some(number) = who.filter(|number| *number < self.services.len()) else {
            let place = self.place.get_or_insert_with(place).join("ring.json");
            reload(&mut self.document, how, &place);
            return;
        };
        let ring = std::mem::take(&mut self.services[number]);
        let mut document = RingDocument::new(ring).unwrap();
        document.add_slot("service", &credential()).unwrap();
        let place = self.place.get_or_insert_with(place).join("service.json");
        reload(&mut document, how, &place);
        self.services[number] = document.into_ring();
        let _ = std::fs::remove_file(place);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            let _ = std::fs::remove_dir_all(place);
        }
    }
}

fn place() -> PathBuf {
    let name = format!("ring-life-{}-{:?}", std::process::id(), std::thread::current().id());
    let place = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&place).unwrap();
    place
}

fn credential() -> Credential {
    SlotKey::from_bytes(&[7; 32]).into()
}

fn reload(document: &mut RingDocument, how: How, place: &Path) {
    let before = whole(document.ring());
    let again = match how {
        How::Json => {
            let json = document.to_json().unwrap();
            LockedRing::from_json(json.as_bytes()).unwrap().unlock(&credential()).unwrap()
        }
        How::Unprotected => {
            let (json, fingerprint) = document.to_unprotected_json().unwrap();
            let locked = LockedRing::from_json(json.as_bytes()).unwrap();
            let mut opened = locked.open_pinned(&fingerprint).unwrap();
            opened.add_slot("again", &credential()).unwrap();
            opened
        }
        How::File => {
            let file = RingFile::at(place);
            // Saved where it was saved last, unless it went another way since: then that is told.
            match file.save(document) {
                Ok(()) => {}
                Err(error) => {
                    assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::Conflict), "{error}");
                    let _ = std::fs::remove_file(place);
                    file.create(document).unwrap();
                }
            }
            file.open(&credential()).unwrap()
        }
    };
    assert_eq!(whole(again.ring()), before);
    assert_eq!(again.generation(), document.generation());
    *document = again;
}

/// Every byte of a ring.
fn whole(ring: &KeyRing) -> Vec<String> {
    let key = |key: &RingKey| {
        let secret = key.expose_secret().map(|secret| *secret.expose());
        let half = key.expose_writer_half().map(|(public, writer)| (public, *writer.expose()));
        format!("{key:?} {secret:?} {half:?} {:?} {:?}", key.created_at(), key.rotate_after_days())
    };
    ring.keys().map(key).collect()
}

fn use_of(name: usize) -> KeyUse {
    if name == 0 { KeyUse::Envelope } else { KeyUse::Wrap }
}

/// Does one thing, and says how it went and, where it makes a key, which.
fn perform(
    world: &mut World,
    model: &Model,
    op: &Op,
) -> Result<Option<fieldseal::keyring::KeyId>, Error> {
    let key = |number: &usize| model.key(*number);
    match op {
        Op::Rotate(name) => {
            let (ring, rng) = (world.document.ring_mut(), &mut world.rng);
            return ring.rotate_with_rng(use_of(*name), NAMES[*name], rng).map(Some);
        }
        Op::Hint(name, days) => {
            world.document.ring_mut().set_rotate_after(use_of(*name), NAMES[*name], *days)?;
        }
        Op::AddRole(name, pair) => {
            let (ring, rng) = (world.document.ring_mut(), &mut world.rng);
            let added = if *pair {
                ring.add_key_pair_role_with_rng(NAMES[*name], rng)
            } else {
                ring.add_role_with_rng(NAMES[*name], rng)
            };
            return added.map(Some);
        }
        Op::SetState(number, state) => {
            world.document.ring_mut().set_state(key(number), *state)?;
        }
        Op::Destroy(number) => {
            let census = world.census();
            world.document.ring_mut().retire(model.older(*number), &census)?;
        }
        Op::ForceDestroy(number) => {
            world.document.ring_mut().force_destroy(model.older(*number))?;
        }
        Op::Subset(who, roles, writers, plain) => {
            let (roles, writers) = (model::named(*roles), model::named(*writers));
            let ring = world.ring(*who);
            let subset = if *plain {
                ring.subset(&roles)?
            } else {
                let reach = roles.iter().fold(Capabilities::new(), |reach, role| reach.role(role));
                let reach = writers.iter().fold(reach, |reach, role| reach.writer(role));
                ring.subset_with(&reach)?
            };
            let subset = subset.into_ring();
            if world.services.len() == SERVICES {
                world.services.remove(0);
            }
            world.services.push(subset);
        }
        Op::Reload(who, how) => world.reload(*who, *how),
        Op::Ensure(subject, class) => {
            let access = Access::new(world.document.ring()).at(NOW);
            let mut edit = world.envelopes[*subject].edit(access, *subject)?;
            edit.ensure(CLASSES[*class])?;
            world.envelopes[*subject] = edit.finish()?;
        }
        Op::Renew(who, subject, class) => {
            let access = Access::new(world.ring(*who)).at(NOW);
            let mut edit = world.envelopes[*subject].edit(access, *subject)?;
            edit.renew(CLASSES[*class])?;
            world.envelopes[*subject] = edit.finish()?;
        }
        Op::Rewrap(who, subject, rescue) => {
            let access = Access::new(world.ring(*who)).at(NOW);
            let access = if *rescue { access.rescue() } else { access };
            let mut edit = world.envelopes[*subject].edit(access, *subject)?;
            let report = edit.rewrap(CLASSES)?;
            let envelope = edit.finish()?;
            let expected = model.rewrapping(*who, *subject);
            assert_eq!((report.wrapped, report.not_lifted.len()), expected);
            world.envelopes[*subject] = envelope;
        }
        Op::Seal(who, subject, class) => {
            let access = Access::new(world.ring(*who)).at(NOW);
            let keys = world.envelopes[*subject].prepare(access, *subject, [CLASSES[*class]])?;
            let text = format!("value {}", world.values.len());
            let sealed = FIELDS[*class].seal(&keys, &text);
            // What was begun is stored with the values, or not at all.
            let sealed = sealed?;
            world.envelopes[*subject] = keys.envelope().clone();
            let (subject, class) = (*subject, *class);
            world.values.push(Value::Field { subject, class, sealed, text });
        }
        Op::Reseal(who, number) => {
            let number = number % world.values.len();
            let Value::Field { subject, class, sealed, .. } = &world.values[number] else {
                return Ok(None);
            };
            let (subject, class) = (*subject, *class);
            let access = Access::new(world.ring(*who)).at(NOW);
            let keys = world.envelopes[subject].unwrap(access, subject)?;
            let text = FIELDS[class].open(&keys, sealed)?;
            let Update { value: sealed, .. } = FIELDS[class].update(&keys, &text)?;
            world.values[number] = Value::Field { subject, class, sealed, text };
        }
        Op::Standalone(who, readers) => {
            let access = Access::new(world.ring(*who)).at(NOW);
            let text = format!("value {}", world.values.len());
            let bytes = access.seal_for(READERS[*readers], b"standalone", text.as_bytes())?;
            world.values.push(Value::Standalone { readers: *readers, bytes, text });
        }
        Op::Check(_) => {}
    }
    Ok(None)
}

/// How often what came about: a property that never meets a case proves nothing.
#[derive(Default)]
struct Tally(Mutex<BTreeMap<(String, String), u32>>);

impl Tally {
    fn count<T>(&self, what: &str, outcome: &Result<T, ErrorKind>) {
        let outcome = outcome.as_ref().map_or_else(ToString::to_string, |_| "done".into());
        *self.0.lock().unwrap().entry((what.into(), outcome)).or_default() += 1;
    }

    #[track_caller]
    fn assert_all(&self, expected: &[(&str, &[&str])]) {
        let counts = self.0.lock().unwrap();
        for (what, outcome) in
            expected.iter().flat_map(|(what, all)| all.iter().map(move |one| (what, one)))
        {
            let key = ((*what).to_owned(), (*outcome).to_owned());
            assert!(counts.contains_key(&key), "{what}: {outcome} among {counts:?}");
        }
    }
}

/// That this ring opens what it must, to the same text, and nothing else, with the right refusal.
fn check(world: &World, model: &Model, who: Who, tally: &Tally) {
    for rescue in [false, true] {
        let access = Access::new(world.ring(who)).at(NOW);
        let access = if rescue { access.rescue() } else { access };
        let unwrapped = world.envelopes.iter().enumerate();
        let keys: Vec<Result<DataKeys, ErrorKind>> = unwrapped
            .map(|(subject, envelope)| envelope.unwrap(access, subject).map_err(|it| it.kind()))
            .collect();
        for (number, value) in world.values.iter().enumerate() {
            let (opened, text) = match value {
                Value::Field { subject, class, sealed, text } => {
                    let open = |keys| FIELDS[*class].open(keys, sealed).map_err(|it| it.kind());
                    (keys[*subject].as_ref().map_err(|kind| *kind).and_then(open), text)
                }
                Value::Standalone { readers, bytes, text } => {
                    let opened = access.open_for(READERS[*readers], b"standalone", bytes);
                    let opened = opened.map(|bytes| String::from_utf8(bytes.into_bytes()).unwrap());
                    (opened.map_err(|it| it.kind()), text)
                }
            };
            let expected = model.opens(who, number, rescue).map(|()| text.clone());
            tally.count(if rescue { "rescue" } else { "open" }, &expected);
            assert_eq!(opened, expected, "value {number} by {who:?}, rescue {rescue}");
        }
    }
}

/// The rings hold what the model says, key by key.
fn check_rings(world: &World, model: &Model) {
    for who in (0..world.services.len()).map(Some).chain([None]) {
        let held: Vec<_> =
            world.ring(who).keys().map(|key| (key.id(), key.state(), Has::of(key))).collect();
        assert_eq!(held, model.held(who), "{who:?}");
    }
}

fn begin(seed: u64) -> (World, Model) {
    let mut rng = chacha20::ChaCha20Rng::seed_from_u64(seed);
    let mut ring = KeyRing::generate_with_rng(&mut rng).unwrap();
    for (name, pair) in model::AT_FIRST {
        match pair {
            false => ring.add_role_with_rng(name, &mut rng).unwrap(),
            true => ring.add_key_pair_role_with_rng(name, &mut rng).unwrap(),
        };
    }
    let mut model = Model::of(&ring, SUBJECTS);
    let access = Access::new(&ring).at(NOW);
    let (mut envelopes, mut values) = (Vec::new(), Vec::new());
    for subject in 0..SUBJECTS {
        let keys = DataKeys::create(access, subject, &CLASSES[..3]).unwrap();
        for (class, field) in FIELDS.iter().enumerate().take(3) {
            let text = format!("value {}", values.len());
            let sealed = field.seal(&keys, &text).unwrap();
            values.push(Value::Field { subject, class, sealed, text });
            model.apply(&Op::Seal(None, subject, class), None).unwrap();
        }
        envelopes.push(keys.envelope().clone());
    }
    let mut document = RingDocument::new(ring).unwrap();
    document.add_slot("administrator", &credential()).unwrap();
    (World { document, services: Vec::new(), envelopes, values, rng, place: None }, model)
}

#[test]
fn rotation_never_makes_anything_unreadable() {
    let cases = ProptestConfig::with_cases(256);
    let tally = Tally::default();
    proptest!(cases, |(seed in any::<u64>(), ops in ops())| {
        let (mut world, mut model) = begin(seed);
        for op in &ops {
            let readable = model.readable();
            let result = perform(&mut world, &model, op);
            let made = result.as_ref().ok().copied().flatten();
            let outcome = result.map(drop).map_err(|error| error.kind());
            let mut next = model.clone();
            let expected = next.apply(op, made);
            prop_assert_eq!(outcome, expected, "{:?}", op);
            if expected.is_ok() {
                model = next;
            }
            check_rings(&world, &model);
            if let Op::Check(who) = op {
                check(&world, &model, *who, &tally);
            }
            // What the title says; the model is held to the truth below.
            if model::keeps_everything_readable(op) {
                let lost = readable.difference(&model.readable()).count();
                prop_assert_eq!(lost, 0, "{:?}", op);
            }
            tally.count(format!("{op:?}").split('(').next().unwrap(), &outcome);
        }
        for who in (0..world.services.len()).map(Some).chain([None]) {
            check(&world, &model, who, &tally);
        }
    });
    const STATE: &[&str] = &["done", "failed-precondition"];
    const KEY: &[&str] = &["done", "missing-key"];
    const OPEN: &[&str] = &["done", "wrong-key", "not-permitted"];
    tally.assert_all(&[
        ("Rotate", KEY),
        ("SetState", STATE),
        ("Destroy", STATE),
        ("ForceDestroy", STATE),
        ("AddRole", STATE),
        ("Hint", KEY),
        ("Subset", KEY),
        ("Reload", &["done"]),
        ("Ensure", KEY),
        ("Renew", KEY),
        ("Rewrap", KEY),
        ("Rewrap", OPEN),
        ("Seal", OPEN),
        ("Reseal", OPEN),
        ("Standalone", KEY),
        ("open", OPEN),
        ("rescue", OPEN),
    ]);
}

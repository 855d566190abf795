//! What the tests share: rings whose secrets are known, and envelopes read and written by hand, from
//! FORMAT.md alone, as a check on the crate's own reader and writer.

#![allow(dead_code, reason = "each test binary uses some of it")]
#![allow(unreachable_pub, reason = "shared by the test binaries")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test stops at the first surprise"
)]

pub mod bytes;
#[cfg(feature = "file")]
pub mod ledger;
#[cfg(feature = "sqlx-postgres")]
pub mod postgres;
#[cfg(feature = "file")]
pub mod ring;

use std::sync::Mutex;

use bytes::{Ent, Env, Live, Rec};

use fieldseal::audit::{Action, AuditRefused, AuditSink, Event};
use fieldseal::envelope::{EnvelopeEdit, EnvelopeInfo};
use fieldseal::keyring::{Capabilities, KeyId, KeyState, KeyUse, RingKey};
use fieldseal::{Access, Class, DataKeys, Error, ErrorKind, KeyEnvelope, KeyRing};
use sha2::{Digest as _, Sha256};

/// Now, in the tests that set the clock.
pub const NOW: u64 = 1_800_000_000;
pub const DAY: u64 = 86_400;

pub const ENVELOPE: u32 = 0xE000_0001;
pub const APP: u32 = 0x0000_0010;
pub const SUPPORT: u32 = 0x0000_0020;
pub const MARKETING: u32 = 0x0000_0030;
pub const BILLING: u32 = 0x0000_0040;
/// The key pair.
pub const MEDICAL: u32 = 0x0000_0050;

/// The symmetric roles of [`admin`], with their ring key ids.
pub const ROLES: &[(&str, u32)] =
    &[("app", APP), ("support", SUPPORT), ("marketing", MARKETING), ("billing", BILLING)];

pub const CONTACT: Class =
    Class::new("contact").readers(&["app", "support"]).readers_with_consent(&["marketing"]);
pub const FINANCIAL: Class = Class::new("financial").readers(&["billing"]).retain_days(365);
pub const HEALTH: Class = Class::new("health").readers(&["medical"]);
pub const NOTES: Class = Class::new("notes");

/// The secret of the ring key of this id; any other number gives a secret of its own.
pub fn secret(id: u32) -> [u8; 32] {
    Sha256::digest(format!("secret of ring key {id}")).into()
}

/// The writer secret of a key pair of this id.
pub fn writer(id: u32) -> [u8; 32] {
    Sha256::digest(format!("writer secret of ring key {id}")).into()
}

pub fn id(id: u32) -> KeyId {
    KeyId::new(id).unwrap()
}

pub fn symmetric(number: u32, name: &str, state: KeyState) -> RingKey {
    RingKey::symmetric(id(number), KeyUse::Wrap, name, state, &secret(number)).unwrap()
}

pub fn key_pair(number: u32, name: &str, state: KeyState) -> RingKey {
    RingKey::key_pair(id(number), name, state, &secret(number), &writer(number)).unwrap()
}

pub fn envelope_key(number: u32, state: KeyState) -> RingKey {
    RingKey::symmetric(id(number), KeyUse::Envelope, "envelope", state, &secret(number)).unwrap()
}

pub fn ring_of(keys: impl IntoIterator<Item = RingKey>) -> KeyRing {
    let mut ring = KeyRing::empty();
    for key in keys {
        ring.insert(key).unwrap();
    }
    ring
}

/// The ring that holds everything.
pub fn admin() -> KeyRing {
    let roles = ROLES.iter().map(|(name, id)| symmetric(*id, name, KeyState::Primary));
    ring_of(
        [
            envelope_key(ENVELOPE, KeyState::Primary),
            key_pair(MEDICAL, "medical", KeyState::Primary),
        ]
        .into_iter()
        .chain(roles),
    )
}

/// The ring of a service that has these roles.
pub fn service(roles: &[&str]) -> KeyRing {
    admin().subset(roles).unwrap().into_ring()
}

/// What a service of these roles reaches, which also writes for those.
pub fn reaching<'a>(roles: &[&'a str], writers: &[&'a str]) -> Capabilities<'a> {
    let roles = roles.iter().fold(Capabilities::new(), |reach, role| reach.role(role));
    writers.iter().fold(roles, |reach, role| reach.writer(role))
}

/// Subject 42's envelope of these classes, made by the admin at [`NOW`].
pub fn envelope(classes: &[Class]) -> KeyEnvelope {
    let ring = admin();
    let access = Access::new(&ring).at(NOW);
    DataKeys::create(access, 42, classes).unwrap().envelope().clone()
}

#[track_caller]
pub fn kind<T>(result: Result<T, Error>) -> ErrorKind {
    match result {
        Ok(_) => panic!("it succeeds"),
        Err(error) => error.kind(),
    }
}

#[track_caller]
pub fn info(envelope: &KeyEnvelope) -> EnvelopeInfo {
    envelope.inspect().unwrap()
}

/// What each generation's keys can do: (`class/generation`, reach), as `Debug` of the keys says.
pub fn reach(keys: &DataKeys) -> Vec<(String, String)> {
    let text = format!("{keys:?}");
    let (_, list) = text.split_once("generations: [").unwrap();
    list.split_once(']')
        .unwrap()
        .0
        .split(", ")
        .filter_map(|one| one.split_once(": "))
        .map(|(generation, reach)| (generation.into(), reach.into()))
        .collect()
}

/// The reach into one generation (`class/generation`).
#[track_caller]
pub fn reach_of(keys: &DataKeys, generation: &str) -> String {
    let all = reach(keys);
    let found = all.iter().find(|(of, _)| of == generation);
    found.unwrap_or_else(|| panic!("no {generation} in {all:?}")).1.clone()
}

/// What `ring` reaches of a generation of subject 42, now.
#[track_caller]
pub fn reached(ring: &KeyRing, envelope: &KeyEnvelope, generation: &str) -> String {
    reach_of(&envelope.unwrap(Access::new(ring).at(NOW), 42).unwrap(), generation)
}

/// Begins an edit of subject 42's envelope, lets `change` do its work, and gives what is stored.
#[track_caller]
pub fn edited(
    access: Access<'_>,
    stored: &KeyEnvelope,
    change: impl FnOnce(&mut EnvelopeEdit<'_>) -> Result<(), Error>,
) -> KeyEnvelope {
    let mut edit = stored.edit(access, 42).unwrap();
    change(&mut edit).unwrap();
    edit.finish().unwrap()
}

/// The kind a change is refused with; and that it leaves the edit, and so the envelope, as it was.
#[track_caller]
pub fn refused(
    access: Access<'_>,
    stored: &KeyEnvelope,
    change: impl FnOnce(&mut EnvelopeEdit<'_>) -> Result<(), Error>,
) -> ErrorKind {
    let mut edit = stored.edit(access, 42).unwrap();
    let kind = kind(change(&mut edit));
    assert!(!edit.is_changed(), "a refused change is none");
    let finished = edit.finish().unwrap();
    assert_eq!(&finished, stored, "a refused change leaves no trace");
    kind
}

/// The entry of this class and generation, by the tests' own reader.
#[track_caller]
pub fn entry(envelope: &KeyEnvelope, generation: &str) -> Ent {
    let (class, number) = generation.split_once('/').unwrap();
    let of = |entry: &Ent| match entry {
        Ent::Live(live) => Some((live.class.clone(), live.generation)),
        Ent::Erased { class, generation, .. } => Some((class.clone(), *generation)),
        _ => None,
    };
    let wanted = Some((class.as_bytes().to_vec(), number.parse().unwrap()));
    let env = Env::parse(envelope.as_bytes());
    let found = env.entries.into_iter().find(|entry| of(entry) == wanted);
    found.unwrap_or_else(|| panic!("no entry {generation}"))
}

/// The ring key ids that a live generation is wrapped for.
#[track_caller]
pub fn recipients(envelope: &KeyEnvelope, generation: &str) -> Vec<u32> {
    let entry = entry(envelope, generation);
    let recipients = entry.live().recipients.iter();
    recipients.map(|recipient| recipient.key_id).collect()
}

/// Takes a key into the ring as the primary of its use and name.
pub fn advance(ring: &mut KeyRing, key: RingKey) {
    let number = key.id();
    assert_eq!(key.state(), KeyState::OpenOnly);
    ring.insert(key).unwrap();
    ring.set_state(number, KeyState::Primary).unwrap();
}

/// Moves a key to a state, destroyed included.
pub fn put(ring: &mut KeyRing, number: u32, state: KeyState) {
    if state == KeyState::Destroyed {
        if ring.key(id(number)).unwrap().state() == KeyState::Primary {
            ring.set_state(id(number), KeyState::OpenOnly).unwrap();
        }
        ring.force_destroy(id(number)).unwrap();
    } else if ring.key(id(number)).unwrap().state() != state {
        ring.set_state(id(number), state).unwrap();
    }
}

/// One event as a line, kept by a [`Log`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub action: Action,
    pub classes: Vec<String>,
    pub tenant: String,
    pub subject: Vec<u8>,
    pub actor: Option<String>,
    pub purpose: Option<String>,
    pub rescue: bool,
    pub at: Option<u64>,
    pub outcome: Result<(), ErrorKind>,
}

/// An audit sink that keeps what it is told, and refuses it when told to.
#[derive(Default)]
pub struct Log {
    pub lines: Mutex<Vec<Line>>,
    pub refuses: bool,
}

impl Log {
    pub fn refusing() -> Self {
        Self { refuses: true, ..Self::default() }
    }

    /// Takes what was told since the last time.
    pub fn take(&self) -> Vec<Line> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }

    /// As [`take`](Self::take): action, classes and outcome alone.
    pub fn told(&self) -> Vec<(Action, Vec<String>, Result<(), ErrorKind>)> {
        self.take().into_iter().map(|line| (line.action, line.classes, line.outcome)).collect()
    }
}

impl AuditSink for Log {
    fn record(&self, event: &Event<'_>) -> Result<(), AuditRefused> {
        self.lines.lock().unwrap().push(Line {
            action: event.action,
            classes: event.classes.iter().map(|class| (*class).into()).collect(),
            tenant: event.tenant.into(),
            subject: event.subject.as_bytes().to_vec(),
            actor: event.actor.map(Into::into),
            purpose: event.purpose.map(Into::into),
            rescue: event.rescue,
            at: event.at,
            outcome: event.outcome,
        });
        if self.refuses { Err(AuditRefused) } else { Ok(()) }
    }
}

pub fn data_key(generation: u16) -> [u8; 32] {
    [u8::try_from(generation % 200).unwrap() + 1; 32]
}

/// A live generation that these symmetric ring keys read.
pub fn live(class: &str, generation: u16, ids: &[u32]) -> Ent {
    let data_key = data_key(generation);
    Ent::Live(Live::of(class, generation, &data_key).readable(&data_key, ids))
}

pub fn unknown(key_id: u32) -> Rec {
    Rec { kind: 3, key_id, wrapped: vec![0xAA; 33] }
}

pub fn of_suite(mut entry: Ent, suite: u8) -> Ent {
    entry.live_mut().suite = suite;
    entry
}

pub fn stored(entries: &[Ent]) -> KeyEnvelope {
    Env::of(entries.iter().cloned()).envelope()
}

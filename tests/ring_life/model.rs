//! Who must be able to open what, in a few lines of its own: rings as lists of keys and states,
//! envelopes as lists of whom each generation is wrapped for.

#![allow(unreachable_pub, reason = "shared with the test")]

use std::collections::{BTreeMap, BTreeSet};

use fieldseal::keyring::{KeyId, KeyMaterial, KeyState, RingKey};
use fieldseal::{Class, ErrorKind, KeyRing};

use super::{Op, SERVICES, Who};

/// The envelope key, which stands first, and the roles.
pub const NAMES: [&str; 6] = ["envelope", "app", "support", "medical", "lab", "late"];
/// The roles beside `app` that are there from the beginning, and whether they are key pairs.
pub const AT_FIRST: [(&str, bool); 3] = [("support", false), ("medical", true), ("lab", false)];
/// The last one is of no envelope until its role is there.
pub const CLASSES: [Class; 4] = [
    Class::new("contact").readers(&["app", "support"]),
    Class::new("health").readers(&["medical", "lab"]),
    Class::new("notes"),
    Class::new("later").readers(&["app", "late"]),
];
/// Whom standalone envelopes are sealed for.
pub const READERS: [&[&str]; 3] = [&["app"], &["support", "medical"], &["lab"]];

/// The roles of a set of bits.
pub fn named(bits: u8) -> Vec<&'static str> {
    let roles = NAMES.into_iter().skip(1).enumerate();
    roles.filter(|(position, _)| bits >> position & 1 == 1).map(|(_, name)| name).collect()
}

/// How much of a key a ring has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    All,
    Half,
    Name,
}

impl Has {
    pub fn of(key: &RingKey) -> Self {
        match key.holds() {
            KeyMaterial::Secret | KeyMaterial::KeyPair => Self::All,
            KeyMaterial::WriterHalf => Self::Half,
            _ => Self::Name,
        }
    }
}

type Ring = BTreeMap<KeyId, (KeyState, Has)>;
/// The key that each reader's copy of a data key is wrapped under.
type Wraps = BTreeMap<&'static str, KeyId>;

#[derive(Clone, Debug)]
struct Envelope {
    by: KeyId,
    classes: Vec<Vec<Wraps>>,
}

#[derive(Clone, Debug)]
enum Value {
    Field { subject: usize, class: usize, generation: usize },
    Standalone { by: KeyId, wraps: Wraps },
}

#[derive(Clone, Copy, Debug)]
struct Key {
    id: KeyId,
    name: &'static str,
    pair: bool,
}

#[derive(Clone, Debug)]
pub struct Model {
    /// All that were ever made, in that order.
    keys: Vec<Key>,
    admin: Ring,
    services: Vec<Ring>,
    envelopes: Vec<Envelope>,
    values: Vec<Value>,
}

/// FORMAT.md, section 12.
fn unwraps((state, has): (KeyState, Has), rescue: bool) -> bool {
    let opens = match state {
        KeyState::Primary | KeyState::OpenOnly => true,
        KeyState::Compromised => rescue,
        _ => false,
    };
    opens && has == Has::All
}

fn may_move(from: KeyState, to: KeyState) -> bool {
    match from {
        KeyState::Primary => {
            [KeyState::OpenOnly, KeyState::Disabled, KeyState::Compromised].contains(&to)
        }
        KeyState::OpenOnly => to != KeyState::OpenOnly,
        KeyState::Disabled => {
            [KeyState::OpenOnly, KeyState::Compromised, KeyState::Destroyed].contains(&to)
        }
        KeyState::Compromised => to == KeyState::Destroyed,
        _ => false,
    }
}

/// Whether the administrator must be able to open all that could be opened before. Services with rings
/// of yesterday, and whoever takes a key out of use, may leave less.
pub fn keeps_everything_readable(op: &Op) -> bool {
    match op {
        Op::ForceDestroy(_) => false,
        Op::SetState(_, state) => matches!(state, KeyState::Primary | KeyState::OpenOnly),
        Op::Renew(who, ..) | Op::Rewrap(who, ..) | Op::Seal(who, ..) | Op::Reseal(who, _) => {
            who.is_none()
        }
        _ => true,
    }
}

impl Model {
    pub fn of(ring: &KeyRing, subjects: usize) -> Self {
        let key = |key: &RingKey| {
            let name = NAMES.into_iter().find(|name| *name == key.name()).unwrap();
            Key { id: key.id(), name, pair: key.holds() == KeyMaterial::KeyPair }
        };
        let mut model = Self {
            keys: ring.keys().map(key).collect(),
            admin: ring.keys().map(|key| (key.id(), (KeyState::Primary, Has::All))).collect(),
            services: Vec::new(),
            envelopes: Vec::new(),
            values: Vec::new(),
        };
        let wraps =
            |class: usize| model.wraps(&model.admin, CLASSES[class].reader_roles()).unwrap();
        let classes = vec![vec![wraps(0)], vec![wraps(1)], vec![wraps(2)], Vec::new()];
        let by = model.envelope_key(&model.admin).unwrap();
        model.envelopes = vec![Envelope { by, classes }; subjects];
        model
    }

    /// One of all, the present envelope key more often than others.
    pub fn key(&self, number: usize) -> KeyId {
        let number = number % (self.keys.len() + 3);
        let envelope = || self.primary(&self.admin, "envelope").unwrap_or(self.keys[0]).id;
        self.keys.get(number).map_or_else(envelope, |key| key.id)
    }

    /// One that is not primary, where there is such a one.
    pub fn older(&self, number: usize) -> KeyId {
        let is_older =
            |key: &&Key| !matches!(self.admin[&key.id].0, KeyState::Primary | KeyState::Destroyed);
        let older: Vec<_> = self.keys.iter().filter(is_older).collect();
        older.get(number % older.len().max(1)).map_or_else(|| self.key(number), |key| key.id)
    }

    pub fn held(&self, who: Who) -> Vec<(KeyId, KeyState, Has)> {
        self.ring(who).iter().map(|(id, (state, has))| (*id, *state, *has)).collect()
    }

    fn ring(&self, who: Who) -> &Ring {
        who.and_then(|number| self.services.get(number)).unwrap_or(&self.admin)
    }

    /// The primary key of a name, if the ring can seal by it.
    fn primary(&self, ring: &Ring, name: &str) -> Option<Key> {
        let is_primary = |key: &&Key| {
            let held = ring.get(&key.id);
            key.name == name
                && held.is_some_and(|(state, has)| *state == KeyState::Primary && *has != Has::Name)
        };
        self.keys.iter().find(is_primary).copied()
    }

    fn envelope_key(&self, ring: &Ring) -> Result<KeyId, ErrorKind> {
        self.primary(ring, "envelope").map(|key| key.id).ok_or(ErrorKind::MissingKey)
    }

    fn wraps(&self, ring: &Ring, readers: &[&'static str]) -> Result<Wraps, ErrorKind> {
        let wrap = |role: &&'static str| Some((*role, self.primary(ring, role)?.id));
        readers.iter().map(wrap).collect::<Option<_>>().ok_or(ErrorKind::MissingKey)
    }

    fn verifies(ring: &Ring, by: KeyId, rescue: bool) -> Result<(), ErrorKind> {
        match ring.get(&by) {
            Some(held) if unwraps(*held, rescue) => Ok(()),
            Some(held) if unwraps(*held, true) => Err(ErrorKind::NotPermitted),
            _ => Err(ErrorKind::WrongKey),
        }
    }

    fn reads(ring: &Ring, wraps: &Wraps, rescue: bool) -> Result<(), ErrorKind> {
        let reads = wraps.values().any(|id| ring.get(id).is_some_and(|it| unwraps(*it, rescue)));
        if reads { Ok(()) } else { Err(ErrorKind::NotPermitted) }
    }

    pub fn opens(&self, who: Who, value: usize, rescue: bool) -> Result<(), ErrorKind> {
        let ring = self.ring(who);
        let (by, wraps) = match &self.values[value] {
            Value::Field { subject, class, generation } => {
                let envelope = &self.envelopes[*subject];
                (envelope.by, &envelope.classes[*class][*generation])
            }
            Value::Standalone { by, wraps } => (*by, wraps),
        };
        Self::verifies(ring, by, rescue)?;
        Self::reads(ring, wraps, rescue)
    }

    /// What the administrator can open, without rescue.
    pub fn readable(&self) -> BTreeSet<usize> {
        (0..self.values.len()).filter(|value| self.opens(None, *value, false).is_ok()).collect()
    }

    /// How many copies a rewrap makes anew, and how many generations it leaves as they are.
    pub fn rewrapping(&self, who: Who, subject: usize) -> (usize, usize) {
        let (_, wrapped, left) = self.rewrapped(who, subject);
        (wrapped, left)
    }

    fn rewrapped(&self, who: Who, subject: usize) -> (Envelope, usize, usize) {
        let (ring, mut envelope) = (self.ring(who), self.envelopes[subject].clone());
        let (mut wrapped, mut left) = (0, 0);
        for wraps in envelope.classes.iter_mut().flatten() {
            if Self::reads(ring, wraps, false).is_err() {
                left += 1;
                continue;
            }
            for (role, id) in wraps.iter_mut() {
                let proven = ring.get(id).is_some_and(|held| unwraps(*held, false));
                if let (true, Some(primary)) = (proven, self.primary(ring, role)) {
                    *id = primary.id;
                    wrapped += 1;
                }
            }
        }
        (envelope, wrapped, left)
    }

    /// What the ring of a service holds of another.
    fn subset(
        &self,
        ring: &Ring,
        roles: &[&str],
        writers: &[&str],
        plain: bool,
    ) -> Result<Ring, ErrorKind> {
        for role in roles {
            let opens = |key: &&Key| ring.get(&key.id).is_some_and(|held| unwraps(*held, true));
            let mut keys = self.keys.iter().filter(|key| key.name == *role);
            keys.find(opens).ok_or(ErrorKind::MissingKey)?;
        }
        let writes = |name: &str| self.primary(ring, name).filter(|key| key.pair);
        for role in writers.iter().filter(|_| !plain) {
            writes(role).ok_or(ErrorKind::MissingKey)?;
        }
        let has_envelopes = plain || !roles.is_empty() || !writers.is_empty();
        let held = |key: &Key| {
            let (state, has) = *ring.get(&key.id)?;
            let is_writer = plain || writers.contains(&key.name);
            let has = match key.name {
                "envelope" if has_envelopes => has,
                role if roles.contains(&role) => has,
                role if is_writer && writes(role).is_some_and(|it| it.id == key.id) => Has::Half,
                _ => Has::Name,
            };
            Some((key.id, (state, has)))
        };
        Ok(self.keys.iter().filter_map(held).collect())
    }

    fn is_counted(&self, id: KeyId) -> bool {
        let envelopes = self.envelopes.iter().flat_map(|envelope| {
            let wraps = envelope.classes.iter().flatten().flat_map(BTreeMap::values);
            wraps.chain([&envelope.by])
        });
        let standalone = self.values.iter().filter_map(|value| match value {
            Value::Standalone { by, wraps } => Some(wraps.values().chain([by])),
            Value::Field { .. } => None,
        });
        envelopes.chain(standalone.flatten()).any(|counted| *counted == id)
    }

    fn move_key(&mut self, id: KeyId, to: KeyState) -> Result<(), ErrorKind> {
        let (from, has) = self.admin[&id];
        if !may_move(from, to) {
            return Err(ErrorKind::FailedPrecondition);
        }
        let name = self.keys.iter().find(|key| key.id == id).unwrap().name;
        if to == KeyState::Primary {
            self.demote(name);
        }
        let has = if to == KeyState::Destroyed { Has::Name } else { has };
        self.admin.insert(id, (to, has));
        Ok(())
    }

    fn demote(&mut self, name: &str) {
        if let Some(former) = self.primary(&self.admin, name) {
            self.admin.insert(former.id, (KeyState::OpenOnly, Has::All));
        }
    }

    fn take(&mut self, id: KeyId, name: &'static str, pair: bool) {
        self.keys.push(Key { id, name, pair });
        self.admin.insert(id, (KeyState::Primary, Has::All));
    }

    /// A change to an envelope, stored under a primary envelope key.
    fn store(
        &mut self,
        who: Who,
        subject: usize,
        change: impl FnOnce(&mut Envelope),
    ) -> Result<(), ErrorKind> {
        let by = self.envelope_key(self.ring(who))?;
        let envelope = &mut self.envelopes[subject];
        change(envelope);
        envelope.by = by;
        Ok(())
    }

    /// What comes of it. After an error the model is not used any more. `made` is the id that was drawn
    /// for a new key.
    pub fn apply(&mut self, op: &Op, made: Option<KeyId>) -> Result<(), ErrorKind> {
        match *op {
            Op::Rotate(name) => {
                let name = NAMES[name];
                let secret = |key: &&Key| key.name == name && self.admin[&key.id].1 == Has::All;
                let pair = self.keys.iter().find(secret).ok_or(ErrorKind::MissingKey)?.pair;
                self.demote(name);
                self.take(made.unwrap(), name, pair);
            }
            Op::Hint(name, _) => {
                self.primary(&self.admin, NAMES[name]).ok_or(ErrorKind::MissingKey)?;
            }
            Op::AddRole(name, pair) => {
                let is_left = |key: &Key| self.admin[&key.id].0 != KeyState::Destroyed;
                if self.keys.iter().any(|key| key.name == NAMES[name] && is_left(key)) {
                    return Err(ErrorKind::FailedPrecondition);
                }
                self.take(made.unwrap(), NAMES[name], pair);
            }
            Op::SetState(number, state) => {
                if state == KeyState::Destroyed {
                    return Err(ErrorKind::FailedPrecondition);
                }
                self.move_key(self.key(number), state)?;
            }
            Op::Destroy(number) => {
                let id = self.older(number);
                if self.is_counted(id) {
                    return Err(ErrorKind::FailedPrecondition);
                }
                self.move_key(id, KeyState::Destroyed)?;
            }
            Op::ForceDestroy(number) => self.move_key(self.older(number), KeyState::Destroyed)?,
            Op::Subset(who, roles, writers, plain) => {
                let (roles, writers) = (named(roles), named(writers));
                let ring = self.subset(self.ring(who), &roles, &writers, plain)?;
                if self.services.len() == SERVICES {
                    self.services.remove(0);
                }
                self.services.push(ring);
            }
            Op::Reload(..) | Op::Check(_) => {}
            Op::Ensure(subject, class) => {
                Self::verifies(&self.admin, self.envelopes[subject].by, false)?;
                if self.envelopes[subject].classes[class].is_empty() {
                    let wraps = self.wraps(&self.admin, CLASSES[class].reader_roles())?;
                    self.store(None, subject, |envelope| envelope.classes[class].push(wraps))?;
                }
            }
            Op::Renew(who, subject, class) => {
                let ring = self.ring(who);
                Self::verifies(ring, self.envelopes[subject].by, false)?;
                if self.envelopes[subject].classes[class].is_empty() {
                    return Err(ErrorKind::MissingClass);
                }
                let wraps = self.wraps(ring, CLASSES[class].reader_roles())?;
                self.store(who, subject, |envelope| envelope.classes[class].push(wraps))?;
            }
            Op::Rewrap(who, subject, rescue) => {
                Self::verifies(self.ring(who), self.envelopes[subject].by, rescue)?;
                let (rewrapped, ..) = self.rewrapped(who, subject);
                self.store(who, subject, |envelope| *envelope = rewrapped)?;
            }
            Op::Seal(who, subject, class) => {
                let ring = self.ring(who);
                Self::verifies(ring, self.envelopes[subject].by, false)?;
                let generations = &self.envelopes[subject].classes[class];
                let highest = generations.last().ok_or(ErrorKind::MissingClass)?;
                // GN-3: who cannot open it, and can wrap for all readers, begins the next.
                if let Err(refused) = Self::reads(ring, highest, false) {
                    let wraps = self.wraps(ring, CLASSES[class].reader_roles());
                    let wraps = wraps.map_err(|_| refused)?;
                    self.store(who, subject, |envelope| envelope.classes[class].push(wraps))?;
                }
                let generation = self.envelopes[subject].classes[class].len() - 1;
                self.values.push(Value::Field { subject, class, generation });
            }
            Op::Reseal(who, number) => {
                let number = number % self.values.len();
                let Value::Field { subject, class, .. } = self.values[number] else {
                    return Ok(());
                };
                self.opens(who, number, false)?;
                let generations = &self.envelopes[subject].classes[class];
                Self::reads(self.ring(who), generations.last().unwrap(), false)?;
                let generation = generations.len() - 1;
                self.values[number] = Value::Field { subject, class, generation };
            }
            Op::Standalone(who, readers) => {
                let ring = self.ring(who);
                let (by, wraps) = (self.envelope_key(ring)?, self.wraps(ring, READERS[readers])?);
                self.values.push(Value::Standalone { by, wraps });
            }
        }
        Ok(())
    }
}

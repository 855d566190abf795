//! Random lives of one person: classes renewed, resealed, swept, erased; consent given and withdrawn; writes
//! that were told to a ledger and lost; races; backups restored, with the replay at once or forgotten; two
//! servers with a ledger each, whose clocks differ. After every replay a model that knows the true order of
//! things says what must be closed, and what must have been kept. Some replays are run by a ring that has no
//! primary key of a role, and some read a ledger of which a line is damaged.
//!
//! `FIELDSEAL_REPLAY_LIVES` is how many, `FIELDSEAL_REPLAY_FIRST` the first of them.

#[path = "world.rs"]
mod world;

use fieldseal::audit::LedgerAct;
use fieldseal::envelope::{EnvelopeEdit, History};
use fieldseal::keyring::KeyState;
use fieldseal::ledger::{Ledger, Replay};
use fieldseal::{Access, Class, DataKeys, Error, ErrorKind, Field, KeyEnvelope, KeyRing};

use self::world::*;
use super::common::ledger::signing;
use super::common::{BILLING, DAY, NOW, SUPPORT, id, service};

type Change = dyn Fn(&mut EnvelopeEdit<'_>) -> Result<(), Error>;

/// What the lives came to.
#[derive(Debug, Default)]
struct Counts {
    lives: u64,
    replays: u64,
    changed: u64,
    reported: u64,
    lost: u64,
    restored: u64,
    clean: u64,
    /// Replays after which a class took no values until it was renewed.
    shut: u64,
    damaged: u64,
    closed: u64,
    out: u64,
}

struct Life<'a> {
    number: u64,
    random: Random,
    ring: &'a KeyRing,
    /// The same, each without a primary key of one role.
    limited: &'a [KeyRing],
    services: &'a [KeyRing],
    books: Vec<Book>,
    /// By server, in seconds.
    ahead: [u64; 2],
    now: u64,
    order: u64,
    month: bool,
    stored: Stored,
    backups: Vec<Stored>,
    /// The backups of what is stored now.
    ancestors: Vec<usize>,
    asked: Asked,
    /// Something was told and not stored, a replay was forgotten, or what was told is in doubt.
    is_dirty: bool,
    /// Withdrawals: class, role, ledger, when, and until when a grant in the other ledger is in doubt.
    ends: Vec<(String, String, usize, u64, u64)>,
    /// Restored, or something told and stored by a second try: a replay may move a class's number on.
    may_move_on: bool,
    counts: &'a mut Counts,
    log: Vec<String>,
}

impl Life<'_> {
    fn class(&self, class: usize) -> Class<'static> {
        match (class, self.month) {
            (0, true) => NEWS_FOR_A_MONTH,
            (0, false) => NEWS,
            (1, _) => OFFERS,
            _ => PLAIN,
        }
    }

    fn field(&self, class: usize) -> Field<String> {
        match (class, self.month) {
            (0, true) => const { Field::new("customer", "news", NEWS_FOR_A_MONTH) },
            (0, false) => const { Field::new("customer", "news", NEWS) },
            (1, _) => const { Field::new("customer", "offers", OFFERS) },
            _ => const { Field::new("customer", "plain", PLAIN) },
        }
    }

    fn note(&mut self, what: String) {
        self.log.push(format!("{:>3} +{:>8}s {what}", self.order, self.now - NOW));
    }

    /// An edit of this envelope by one of the servers: the envelope that it would store.
    fn edit(
        &mut self,
        from: &KeyEnvelope,
        what: &str,
        change: impl Fn(&mut EnvelopeEdit<'_>) -> Result<(), Error>,
    ) -> Option<KeyEnvelope> {
        self.order += 1;
        let server = self.random.below(2);
        let book = &self.books[server % self.books.len()];
        let access = Access::new(self.ring).at(self.now + self.ahead[server]);
        let access = access.ledger(book).source("form").notice("1");
        let mut edit = from.edit(access, 42).unwrap();
        let result = change(&mut edit).and_then(|()| edit.finish());
        let told = book.take();
        for act in &told {
            self.asked.count(act, self.order);
            self.doubt(act, server);
        }
        let (version, result) = (from.version().unwrap(), result.map_err(|error| error.kind()));
        let kind = result.as_ref().err();
        self.note(format!("server {server}: {what} of version {version}: {told:?} {kind:?}"));
        result.ok()
    }

    /// `[LG-8]` Consent does not stand that is given by a clock behind that of the withdrawal, or in one
    /// ledger within a day after a withdrawal in the other that found nothing.
    fn doubt(&mut self, act: &LedgerAct, server: usize) {
        let (ledger, at) = (server % self.books.len(), self.now + self.ahead[server]);
        match act {
            LedgerAct::Withdraw { class, role, generation, .. } => {
                let margin = if *generation == 0 { DAY } else { 0 };
                self.ends.push((class.clone(), role.clone(), ledger, at, at + margin));
            }
            LedgerAct::Grant { class, role, .. } => {
                self.is_dirty |= self.ends.iter().any(|(of, whose, other, end, margin)| {
                    (of, whose) == (class, role) && (at < *end || *other != ledger && at <= *margin)
                });
            }
            _ => {}
        }
    }

    /// What a person or the application asks for next.
    fn act(&mut self) -> (String, Box<Change>) {
        let class = self.random.below(3);
        let declared = self.class(class);
        let role = ROLES[1 + self.random.below(if class == 0 { 2 } else { 1 })];
        let name = NAMES[class];
        match self.random.below(10) {
            0..=2 if class < 2 => {
                let named = self.random.once_in(4).then(|| {
                    let mut others = self.asked.consented(class);
                    others.retain(|other| *other != role);
                    others
                });
                (
                    format!("withdraw {name}/{role} {named:?}"),
                    Box::new(move |edit| match &named {
                        Some(others) => edit.withdraw(declared.consented_to(others), role),
                        None => edit.withdraw(declared, role),
                    }),
                )
            }
            3..=5 if class < 2 => {
                let history =
                    if self.random.once_in(2) { History::Included } else { History::Excluded };
                (
                    format!("grant {name}/{role} {history:?}"),
                    Box::new(move |edit| edit.grant(declared, role, history)),
                )
            }
            6 => (format!("erase {name}"), Box::new(move |edit| edit.erase_class(name))),
            7 if self.random.once_in(6) => {
                ("erase all".into(), Box::new(|edit| edit.erase_subject()))
            }
            8 if class < 2 => {
                // From the application's own record; in a class read by consent alone, with a new one.
                let mut named = self.asked.consented(class);
                if class == 1 {
                    named = vec!["marketing"];
                }
                (
                    format!("renew {name} for {named:?}"),
                    Box::new(move |edit| edit.renew(declared.consented_to(&named))),
                )
            }
            _ => (format!("renew {name}"), Box::new(move |edit| edit.renew(declared))),
        }
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=9 => self.change(),
            10..=12 => self.write(),
            13 if self.number.is_multiple_of(3) => self.job(),
            13..=14 => {
                let (class, is_tidy) = (self.random.below(3), self.random.once_in(2));
                self.reseal(class, is_tidy);
            }
            15 => self.sweep(),
            16 => {
                self.ancestors.push(self.backups.len());
                self.backups.push(self.stored.clone());
            }
            17 if !self.backups.is_empty() => self.restore(),
            18 => self.race(),
            _ => self.replay(),
        }
        let gaps = [1, 1, 2, 60, 3_600, 20_000, DAY, 3 * DAY, 20 * DAY];
        let gap = gaps[self.random.below(gaps.len())];
        // A job does many things in one second.
        self.now += self.random.next() % gap;
    }

    fn change(&mut self) {
        let (what, act) = self.act();
        let from = self.stored.envelope.clone();
        let Some(after) = self.edit(&from, &what, act) else { return };
        if self.is_losing() {
            self.note("lost".into());
            self.counts.lost += 1;
            self.is_dirty = true;
        } else {
            self.stored.envelope = after;
        }
    }

    /// In two lives of three nothing is lost.
    fn is_losing(&mut self) -> bool {
        self.number.is_multiple_of(3) && self.random.once_in(4)
    }

    /// Two changes of one version: both are told, one is stored.
    fn race(&mut self) {
        let from = self.stored.envelope.clone();
        let (a, b) = (self.act(), self.act());
        let first = self.edit(&from, &a.0, &a.1);
        self.now += self.random.next() % 3;
        let second = self.edit(&from, &b.0, &b.1);
        let (Some(first), Some(second)) = (first, second) else {
            // The other was refused: it is no race.
            self.is_dirty = true;
            return;
        };
        if first == from || second == from {
            self.is_dirty = true;
            return;
        }
        self.may_move_on = true;
        let (winner, loser) = if self.random.once_in(2) { (first, b) } else { (second, a) };
        self.stored.envelope = winner;
        if self.number.is_multiple_of(3) && self.random.once_in(2) {
            self.note("the loser gives up".into());
            self.is_dirty = true;
            return;
        }
        // The loser reads again.
        let from = self.stored.envelope.clone();
        match self.edit(&from, &loser.0, &loser.1) {
            Some(after) => self.stored.envelope = after,
            None => self.is_dirty = true,
        }
    }

    fn write(&mut self) {
        let class = self.random.below(3);
        if self.try_write(class) {
            return;
        }
        let declared = self.class(class);
        let named = self.asked.consented(class);
        if class == 1 && named.is_empty() {
            return;
        }
        let from = self.stored.envelope.clone();
        let renewed = self.edit(&from, "renew to write", |edit| match class {
            1 => edit.renew(declared.consented_to(&named)),
            _ => edit.renew(declared),
        });
        if let Some(renewed) = renewed {
            self.stored.envelope = renewed;
            self.try_write(class);
        }
    }

    fn try_write(&mut self, class: usize) -> bool {
        let keys = self.stored.envelope.unwrap(Access::new(self.ring).at(self.now), 42).unwrap();
        self.order += 1;
        let Ok(sealed) = self.field(class).seal(&keys, &format!("value {}", self.order)) else {
            return false;
        };
        self.note(format!("write {}", NAMES[class]));
        self.stored.rows.push(Row { class, written: self.order, sealed_at: self.order, sealed });
        true
    }

    /// An erasure that is lost, and what a job does in the same second: the class goes on, and what it named is
    /// erased.
    fn job(&mut self) {
        let class = self.random.below(2) * 2;
        let (name, declared) = (NAMES[class], self.class(class));
        let from = self.stored.envelope.clone();
        self.edit(&from, "erase, and lose it", |edit| edit.erase_class(name));
        self.counts.lost += 1;
        self.is_dirty = true;
        let renewed = self.edit(&from, "renew", |edit| edit.renew(declared));
        self.stored.envelope = renewed.unwrap_or(from);
        self.reseal(class, true);
    }

    /// Every value of a class goes under its highest generation, and the older ones may go.
    fn reseal(&mut self, class: usize, is_tidy: bool) {
        let keys = self.stored.envelope.unwrap(Access::new(self.ring).at(self.now), 42).unwrap();
        self.order += 1;
        self.note(format!("reseal {}", NAMES[class]));
        let (field, order) = (self.field(class), self.order);
        let mut all = true;
        for row in self.stored.rows.iter_mut().filter(|row| row.class == class) {
            match field.reseal(&keys, &row.sealed) {
                Ok(Some(sealed)) => (row.sealed, row.sealed_at) = (sealed, order),
                Ok(None) => {}
                Err(_) => all = false,
            }
        }
        if all && is_tidy {
            let declared = self.class(class);
            let from = self.stored.envelope.clone();
            let older =
                self.edit(&from, "erase older", |edit| edit.erase_older(&declared).map(drop));
            self.stored.envelope = older.unwrap_or(from);
            if self.random.once_in(2) {
                let age = [0, DAY][self.random.below(2)];
                let (before, from) = (self.now - age, self.stored.envelope.clone());
                let pruned = self.edit(&from, "prune", |edit| edit.prune(before).map(drop));
                self.stored.envelope = pruned.unwrap_or(from);
            }
        }
    }

    fn sweep(&mut self) {
        let from = self.stored.envelope.clone();
        let swept = self.edit(&from, "sweep", |edit| edit.sweep().map(drop));
        self.stored.envelope = swept.unwrap_or(from);
    }

    fn restore(&mut self) {
        let backup = self.random.below(self.backups.len());
        self.note(format!("restore backup {backup}"));
        self.put_back(backup);
        if self.number.is_multiple_of(3) && self.random.once_in(5) {
            self.note("and forget the replay".into());
            self.is_dirty = true;
        } else {
            self.replay();
        }
    }

    fn put_back(&mut self, backup: usize) {
        self.counts.restored += 1;
        self.stored = self.backups[backup].clone();
        self.may_move_on = true;
        // A backup of what an earlier restore did away with: numbers and clocks say little there.
        self.is_dirty |= !self.ancestors.contains(&backup);
        self.ancestors.retain(|other| *other <= backup);
    }

    fn replay(&mut self) {
        let by = match self.random.below(12) {
            limit @ 0..=2 => &self.limited[limit],
            _ => self.ring,
        };
        let (made_good, failed) = self.replayed(by, &self.stored.envelope);
        let whose = if std::ptr::eq(by, self.ring) { "" } else { " by another ring" };
        self.note(format!("replay{whose}: {failed:?}"));
        let (again, still) = self.replayed(by, &made_good);
        // A class that was closed once is reported once.
        let is_closed = failed == Some(ErrorKind::MissingKey);
        let is_same = again == made_good && (is_closed || still == failed);
        self.claim(is_same, "a second replay changes nothing, and reports the same");
        self.counts.replays += 1;
        self.counts.changed += u64::from(made_good != self.stored.envelope);
        self.counts.reported += u64::from(failed.is_some());
        self.may_move_on |= is_closed;
        self.counts.shut += u64::from(is_closed && made_good != self.stored.envelope);
        if !self.is_dirty && !is_closed {
            self.counts.clean += 1;
            self.claim(failed.is_none(), "nothing is reported where nothing was lost");
            let is_same = made_good == self.stored.envelope;
            self.claim(is_same || self.may_move_on, "what was never restored is left as it is");
        }
        self.stored.envelope = made_good;
        self.look(failed);
    }

    /// One byte of the one ledger is damaged. Of a role that a line tells to be out, no grant counts that may have
    /// come before what is missing.
    fn replay_damaged(&mut self) {
        let [a, b] = self.books.as_slice() else { return };
        let (one, other) = if self.random.once_in(2) { (a, b) } else { (b, a) };
        let (text, other) = (one.text(), other.read());
        let lines: Vec<_> = text.split_inclusive('\n').map(str::len).collect();
        // Most often it is the last withdrawal.
        let ends = text
            .lines()
            .collect::<Vec<_>>()
            .iter()
            .rposition(|line| line.contains("\"act\":\"withdraw\""));
        let any = self.random.below(lines.len());
        let line = ends.filter(|_| !any.is_multiple_of(4)).unwrap_or(any);
        let mut bytes = text.into_bytes();
        bytes[lines[..line].iter().sum::<usize>() + 20] ^= 1;
        let read = Ledger::read_damaged(&bytes, &self.ring.verifying_keys(), None);
        let Ok(damaged) = read else { return };
        let classes = [self.class(0), self.class(1), self.class(2)];
        let replay = Replay::new(self.ring, &[&damaged, &other], classes).unwrap();
        let access = Access::new(self.ring).at(self.now);
        let mut edit = self.stored.envelope.edit(access, 42).unwrap();
        if replay.apply(&mut edit).is_err() {
            return;
        }
        let envelope = edit.finish().unwrap();
        self.note(format!("replay with a ledger whose line {} is damaged", line + 1));
        self.counts.damaged += 1;
        let told = damaged.entries().iter().chain(other.entries());
        let told: Vec<_> = told
            .filter_map(|entry| match &entry.act {
                LedgerAct::Withdraw { class, role, .. } => Some((class.as_str(), role.as_str())),
                _ => None,
            })
            .collect();
        for (role, service) in ROLES.into_iter().zip(self.services) {
            let keys = envelope.unwrap(Access::new(service).at(self.now), 42).unwrap();
            for row in &self.stored.rows {
                let is_out = told.contains(&(NAMES[row.class], role));
                let opened = self.field(row.class).open(&keys, &row.sealed);
                let holds = opened.is_err() || !is_out || self.asked.may_read(row, role);
                self.claim(holds, &format!("in doubt: {role} and the row of {}", row.written));
            }
        }
    }

    fn replayed(&self, by: &KeyRing, envelope: &KeyEnvelope) -> (KeyEnvelope, Option<ErrorKind>) {
        let ledgers: Vec<_> = self.books.iter().map(Book::read).collect();
        let ledgers: Vec<_> = ledgers.iter().collect();
        let classes = [self.class(0), self.class(1), self.class(2)];
        let replay = Replay::new(by, &ledgers, classes).unwrap();
        let mut edit = envelope.edit(Access::new(by).at(self.now), 42).unwrap();
        let failed = replay.apply(&mut edit).err().map(|error| error.kind());
        (edit.finish().unwrap(), failed)
    }

    fn look(&mut self, failed: Option<ErrorKind>) {
        let rows = std::mem::take(&mut self.stored.rows);
        for (role, service) in ROLES.into_iter().zip(self.services) {
            let access = Access::new(service).at(self.now);
            let keys = self.stored.envelope.unwrap(access, 42).unwrap();
            for row in &rows {
                let opened = self.field(row.class).open(&keys, &row.sealed);
                let (is_closed, may_read) =
                    (self.asked.is_closed(row), self.asked.may_read(row, role));
                self.counts.closed += u64::from(is_closed && opened.is_err());
                self.counts.out += u64::from(!may_read && opened.is_err());
                // Of the first class, a key that is missing leaves nothing in doubt.
                let is_out = failed == Some(ErrorKind::MissingKey) && row.class == 0;
                let which = format!("{role} and the {} of {}", NAMES[row.class], row.written);
                if failed.is_none() {
                    self.claim(opened.is_err() || !is_closed, &format!("erased: {which}"));
                }
                if failed.is_none() || is_out {
                    self.claim(opened.is_err() || may_read, &format!("withdrawn: {which}"));
                }
                let keeps = role == "app" && row.class != 1 && !is_closed && !self.month;
                if keeps && !self.is_dirty {
                    self.claim(opened.is_ok(), &format!("kept: {which}"));
                }
            }
        }
        self.stored.rows = rows;
    }

    #[track_caller]
    fn claim(&self, holds: bool, what: &str) {
        if !holds {
            let info = self.stored.envelope.inspect().unwrap();
            let entries: Vec<_> = info.entries.iter().map(shown).collect();
            let (log, entries) = (self.log.join("\n"), entries.join("\n"));
            panic!("life {}: {what}\nclocks {:?}\n{log}\n{entries}", self.number, self.ahead);
        }
    }
}

fn live(number: u64, rings: [&[KeyRing]; 3], counts: &mut Counts) {
    let [[ring], limited, services] = rings else { unreachable!() };
    let mut random = Random(number);
    let books = (0..=random.below(2)).map(|_| Book::begin(ring)).collect();
    let skew = [1, 1, 120, 4 * 3_600][random.below(4)];
    let ahead = [random.next() % skew, random.next() % skew];
    let consents = [NEWS, OFFERS].map(|class| class.consented_to(&["marketing"]));
    let keys = DataKeys::create(Access::new(ring).at(NOW), 42, (consents, PLAIN)).unwrap();
    let stored = Stored { envelope: keys.envelope().clone(), rows: Vec::new() };
    let mut life = Life {
        number,
        random,
        ring,
        limited,
        services,
        books,
        ahead,
        now: NOW + DAY,
        order: 0,
        month: false,
        backups: Vec::new(),
        ancestors: vec![0],
        stored,
        asked: Asked::default(),
        is_dirty: false,
        ends: Vec::new(),
        may_move_on: false,
        counts,
        log: Vec::new(),
    };
    life.counts.lives += 1;
    for class in 0..NAMES.len() {
        life.try_write(class);
    }
    life.backups = vec![life.stored.clone()];
    let steps = 10 + life.random.below(25);
    for step in 0..steps {
        life.month |= number.is_multiple_of(2) && step == steps / 2;
        life.step();
    }
    life.replay();
    life.replay_damaged();
    for backup in (0..life.backups.len()).rev() {
        life.note(format!("at the end: restore backup {backup}"));
        life.put_back(backup);
        life.replay_damaged();
        life.replay();
    }
}

fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn no_value_comes_back_and_no_role_reads_again_in_random_lives() {
    let services = ROLES.map(|role| service(&[role]));
    let limits = [
        (BILLING, KeyState::OpenOnly),
        (BILLING, KeyState::Disabled),
        (SUPPORT, KeyState::Disabled),
    ];
    let limited = limits.map(|(key, state)| {
        let mut ring = signing();
        ring.set_state(id(key), state).unwrap();
        ring
    });
    let first = asked("FIELDSEAL_REPLAY_FIRST", 0);
    let mut counts = Counts::default();
    for number in first..first + asked("FIELDSEAL_REPLAY_LIVES", 200) {
        live(number, [&[signing()], &limited, &services], &mut counts);
    }
    println!("{counts:?}");
    assert!(
        counts.lives < 200
            || counts.clean > 0
                && counts.reported > 0
                && counts.closed > 0
                && counts.shut > 0
                && counts.damaged > 0
    );
}

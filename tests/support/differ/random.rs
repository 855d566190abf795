//! Random rings, classes, ids, values and changes, in their JSON forms, from a seed.

use chacha20::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::support::forms::{hex, list, text};
use crate::support::positives::{NOW, pair, ring_of, symmetric};

pub(crate) const ROLES: [&str; 5] = ["app", "billing", "doctor", "support", "auditor"];
const CLASSES: [&str; 5] = ["personal", "contact", "contact.more", "health", "x"];
const DAY: u64 = 86_400;

pub(crate) struct Random(ChaCha20Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    pub(crate) fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 0 to `below`, which is left out.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.u64() % below
    }

    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(u64::try_from(len).unwrap())).unwrap()
    }

    /// Once in `n`.
    pub(crate) fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn seed(&mut self) -> [u8; 32] {
        self.bytes(32).try_into().unwrap()
    }

    /// A number with many or few digits.
    fn wide(&mut self) -> u64 {
        let shift = self.below(64);
        self.u64() >> shift
    }

    pub(crate) fn text(&mut self, most: usize) -> String {
        const LETTERS: [char; 12] =
            ['a', 'Z', '0', ' ', '"', '\\', '\n', '\0', 'é', 'Ł', '漢', '\u{1F980}'];
        let len = self.index(most + 1);
        let mut text = String::new();
        while text.len() < len {
            text.push(*self.pick(&LETTERS));
        }
        while text.len() > most {
            text.pop();
        }
        text
    }

    pub(crate) fn tenant(&mut self) -> String {
        if self.once_in(3) { String::new() } else { self.text(64) }
    }

    pub(crate) fn id(&mut self) -> Value {
        if self.once_in(6) {
            let parts = self.below(2) + 2;
            let parts: Vec<Value> = (0..parts).map(|_| self.simple_id(20)).collect();
            return json!({"composite": parts});
        }
        let most = if self.once_in(4) { 254 } else { 12 };
        self.simple_id(most)
    }

    fn simple_id(&mut self, most: usize) -> Value {
        match self.below(5) {
            0 => json!({"int": self.wide().to_string()}),
            1 => json!({"int": (-1 - i128::from(self.wide() >> 1)).to_string()}),
            2 => json!({"uuid": hex(&self.bytes(16))}),
            3 => {
                let len = 1 + self.index(most);
                json!({"bytes": hex(&self.bytes(len))})
            }
            _ => json!({"text": format!("x{}", self.text(most - 1))}),
        }
    }

    /// A ring with every role, each symmetric or a pair, some with older keys; and two envelope keys.
    pub(crate) fn ring(&mut self) -> Value {
        let mut keys = Vec::new();
        let mut ids = Vec::new();
        for role in ROLES {
            let is_pair = self.once_in(3);
            let older = self.below(3);
            for position in 0..=older {
                let state = if position == 0 { "primary" } else { self.older_state() };
                let id = self.key_id(&mut ids);
                keys.push(self.role_key(id, role, state, is_pair));
            }
        }
        for state in ["primary", "open-only"] {
            keys.push(symmetric(self.key_id(&mut ids), "envelope", "envelope", state));
        }
        ring_of(&keys)
    }

    fn key_id(&mut self, taken: &mut Vec<u64>) -> u64 {
        loop {
            let id = self.below(0xFFFF_FFFF) + 1;
            if !taken.contains(&id) {
                taken.push(id);
                return id;
            }
        }
    }

    fn role_key(&mut self, id: u64, role: &str, state: &str, is_pair: bool) -> Value {
        // A role may have had another sort of key before.
        let is_pair = if state == "primary" { is_pair } else { is_pair ^ self.once_in(5) };
        let mut key =
            if is_pair { pair(id, role, state) } else { symmetric(id, "wrap", role, state) };
        if state == "destroyed" {
            key = reduced(&key, "name-only");
        }
        key
    }

    fn older_state(&mut self) -> &'static str {
        const STATES: [&str; 6] =
            ["open-only", "open-only", "open-only", "disabled", "compromised", "destroyed"];
        STATES[self.index(STATES.len())]
    }

    /// The same ring at an earlier time: an older key that opens was primary then.
    pub(crate) fn earlier(&mut self, ring: &Value) -> Value {
        let mut keys = list(&ring["keys"]).to_vec();
        for role in ROLES.into_iter().chain(["envelope"]) {
            let older: Vec<usize> = (0..keys.len())
                .filter(|at| {
                    keys[*at]["name"] == role
                        && keys[*at]["state"] != "primary"
                        && keys[*at]["form"] != "name-only"
                })
                .collect();
            if older.is_empty() || self.once_in(3) {
                continue;
            }
            let chosen = *self.pick(&older);
            keys.iter_mut()
                .filter(|key| key["name"] == role && key["state"] == "primary")
                .for_each(|key| key["state"] = "open-only".into());
            keys[chosen]["state"] = "primary".into();
        }
        ring_of(&keys)
    }

    /// A ring that holds less: some roles in full, of others a writer half, the name, or nothing; now
    /// and then a key in another state.
    pub(crate) fn subset(&mut self, ring: &Value) -> Value {
        let mut keys = Vec::new();
        for key in list(&ring["keys"]) {
            let mut key = match (self.below(8), text(&key["form"])) {
                (0, _) if key["use"] == "wrap" => continue,
                (1, _) if key["use"] == "wrap" => reduced(key, "name-only"),
                (2 | 3, "pair") => reduced(key, "writer"),
                (4, _) if key["use"] == "envelope" && self.once_in(6) => continue,
                _ => key.clone(),
            };
            if self.once_in(12) && key["form"] != "name-only" {
                key["state"] = (*self.pick(&["open-only", "disabled", "compromised"])).into();
            }
            keys.push(key);
        }
        ring_of(&keys)
    }

    /// Some of the roles that are not among `others`.
    fn roles(&mut self, once_in: u64, others: &[&str]) -> Vec<&'static str> {
        let mut roles: Vec<_> = ROLES
            .into_iter()
            .filter(|role| !others.contains(role) && self.once_in(once_in))
            .collect();
        if self.once_in(2) {
            roles.reverse();
        }
        roles
    }

    /// One to three classes with different names.
    pub(crate) fn classes(&mut self) -> Vec<Value> {
        let mut names: Vec<&str> = CLASSES.into_iter().filter(|_| self.once_in(2)).collect();
        names.truncate(3);
        if names.is_empty() {
            names.push("personal");
        }
        if self.once_in(2) {
            names.reverse();
        }
        names.into_iter().map(|name| self.class(name)).collect()
    }

    pub(crate) fn class(&mut self, name: &str) -> Value {
        let readers = if self.once_in(3) { None } else { Some(self.roles(2, &[])) };
        let taken = readers.clone().unwrap_or_else(|| vec!["app"]);
        let consent = if self.once_in(2) { self.roles(2, &taken) } else { Vec::new() };
        let mut class = json!({"name": name, "consent": consent});
        if let Some(readers) = readers {
            class["readers"] = json!(readers);
        }
        if self.once_in(3) {
            class["retain_days"] = (*self.pick(&[1, 30, 365])).into();
            if self.once_in(2) {
                class["period"] = (DAY * (1 + self.below(40))).into();
            }
        }
        class
    }

    /// The class with the readers who consented named, or not; once in so many named wrongly.
    fn consenting(&mut self, class: &Value) -> Value {
        let mut class = class.clone();
        if self.once_in(2) {
            let mut named: Vec<&str> =
                list(&class["consent"]).iter().map(text).filter(|_| self.once_in(2)).collect();
            if self.once_in(12) {
                named.push(*self.pick(&ROLES));
            }
            class["consented"] = json!(named);
        }
        class
    }

    pub(crate) fn time(&mut self) -> u64 {
        match self.below(6) {
            0 => NOW + DAY * self.below(500),
            1 => NOW + DAY,
            _ => NOW + self.below(100),
        }
    }

    pub(crate) fn change(&mut self, classes: &[Value]) -> Value {
        let class = self.pick(classes).clone();
        let class = if self.once_in(10) { self.class("another") } else { class };
        let role = *self.pick(&ROLES);
        match self.below(16) {
            0 => json!({"do": "ensure", "class": self.consenting(&class)}),
            1..=4 => json!({"do": "renew", "class": self.consenting(&class)}),
            5..=7 => {
                let declared: Vec<&Value> = classes.iter().filter(|_| self.once_in(2)).collect();
                json!({"do": "rewrap", "declared": declared})
            }
            8..=10 => {
                let history = self.once_in(2);
                json!({"do": "grant", "class": class, "role": role, "history": history})
            }
            11..=13 => json!({"do": "withdraw", "class": self.consenting(&class), "role": role}),
            14 => json!({"do": "erase-class", "class": class["name"]}),
            _ if self.once_in(3) => json!({"do": "erase-subject"}),
            _ => json!({"do": "renew", "class": class}),
        }
    }

    /// A field of one of the classes, with a value.
    pub(crate) fn field(&mut self, classes: &[Value]) -> Value {
        let class = self.pick(classes).clone();
        let row = if self.once_in(3) { Value::Null } else { self.id() };
        let pad = *self.pick(&[1_u64, 2, 16, 16, 64, 300]);
        let (kind, value) = self.value();
        let mut field = json!({
            "record": self.pick(&["customer", "order"]), "field": self.pick(&["name", "e.mail-2"]),
            "row": row, "class": self.consenting(&class), "was": null, "pad": pad,
            "hide_absence": false, "type": kind, "value": value,
        });
        if self.once_in(6) {
            field["hide_absence"] = true.into();
            if self.once_in(3) {
                field["value"] = json!({"t": "null"});
            }
        }
        field
    }

    pub(crate) fn value(&mut self) -> (&'static str, Value) {
        const FLOATS: [u64; 6] = [0, 1 << 63, 0x7FF0_0000_0000_0000, 0x7FF0_0000_0000_0001, 1, !0];
        let int = |value: i128| json!({"t": "int", "v": value.to_string()});
        let wide = self.wide();
        match self.below(20) {
            0 => ("bool", json!({"t": "bool", "v": self.once_in(2)})),
            1 => ("u8", int((wide & 0xFF).into())),
            2 => ("u16", int((wide & 0xFFFF).into())),
            3 => ("u32", int((wide & 0xFFFF_FFFF).into())),
            4 => ("u64", int(wide.into())),
            5 => ("i8", int(i128::from(wide & 0xFF) - 128)),
            6 => ("i16", int(i128::from(wide & 0xFFFF) - 0x8000)),
            7 => ("i32", int(i128::from(wide & 0xFFFF_FFFF) - 0x8000_0000)),
            8 => ("i64", int(-1 - i128::from(wide >> 1))),
            9 => ("f32", json!({"t": "f32", "v": hex(&self.bytes(4))})),
            10 => {
                let bits = if self.once_in(2) { *self.pick(&FLOATS) } else { wide };
                ("f64", json!({"t": "f64", "v": hex(&bits.to_be_bytes())}))
            }
            11 | 12 => ("text", self.a_text()),
            13 => {
                let len = self.index(300);
                ("bytes", json!({"t": "bytes", "v": hex(&self.bytes(len))}))
            }
            14 => {
                let texts: Vec<Value> = (0..self.below(30)).map(|_| self.a_text()).collect();
                ("array of text", json!({"t": "array", "v": texts}))
            }
            15 => {
                let pairs: Vec<Value> = (0..self.below(4))
                    .map(|at| json!([{"t": "text", "v": format!("k{at}")}, int(at.into())]))
                    .collect();
                ("map of text to i64", json!({"t": "map", "v": pairs}))
            }
            16 => ("uuid", json!({"t": "uuid", "v": hex(&self.bytes(16))})),
            17 => {
                let (year, month, day) =
                    (self.below(10_000), self.below(12) + 1, self.below(28) + 1);
                ("date", json!({"t": "date", "v": format!("{year:04}-{month:02}-{day:02}")}))
            }
            18 => {
                let seconds = i128::from(self.below(500_000_000_000)) - 250_000_000_000;
                let nanos = self.below(1_000_000_000);
                ("instant", json!({"t": "instant", "s": seconds.to_string(), "n": nanos}))
            }
            _ => {
                let bits = self.below(97);
                let low = u128::from(self.u64()) << 64 | u128::from(self.u64());
                let magnitude = i128::try_from(low & ((1 << bits) - 1)).unwrap();
                let mantissa = if self.once_in(2) { -magnitude } else { magnitude };
                let exponent = -i64::try_from(self.below(29)).unwrap();
                ("decimal", json!({"t": "decimal", "e": exponent, "m": mantissa.to_string()}))
            }
        }
    }

    fn a_text(&mut self) -> Value {
        json!({"t": "text", "v": self.text(60)})
    }
}

/// A key of which less is held.
fn reduced(key: &Value, form: &str) -> Value {
    let mut key = key.clone();
    let object = key.as_object_mut().unwrap();
    object.remove("private");
    if form == "name-only" {
        for part in ["secret", "public", "writer"] {
            object.remove(part);
        }
    }
    key["form"] = form.into();
    key
}

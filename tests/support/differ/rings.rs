//! Ring documents, shares and slot keys: what one writes the other opens, and what is damaged both
//! answer alike.

use fieldseal::keyring::{
    Argon2Cost, Floor, LockedRing, Passphrase, RingDocument, Share, SlotKey, VerifyingKey,
};
use serde_json::{Value, json};

use super::random::Random;
use super::{Answer, named};
use crate::Differ;
use crate::support::forms::{hex, kind, list, ring, ring_form, text};
use crate::support::positives::{NOW, ring_of, symmetric};
use crate::support::ring_forms::{Answering, opened};

impl Differ {
    /// A random ring by both, its documents opened by both, whole and damaged.
    pub(crate) fn rings(&mut self, whole: &Value) {
        let form = with_derived_keys(&mut self.random, whole);
        let (ours, credentials) = self.written_by_the_crate(&form);
        self.compare(&ours, &credentials);
        let (theirs, credentials) = self.written_by_the_reference(&form);
        self.compare(&theirs, &credentials);
        self.unprotected(&form);
        for key in ring(&form).verifying_keys() {
            self.typed(&key.to_string());
        }
        for credential in &credentials {
            for typed in list(&credential["shares"]).iter().chain([&credential["key"]]) {
                if let Some(typed) = typed.as_str() {
                    self.typed(typed);
                }
            }
        }
    }

    /// A new slot takes no control characters within. `[RF-8]`
    fn passphrase(&mut self, number: u64) -> String {
        let text = self.random.text(40).replace(char::is_control, "\u{3000}");
        let around = *self.random.pick(&["", "", "\u{feff}", "\u{a0}e\u{301}"]);
        format!("{around}{number} {text}{}", self.random.pick(&["", "\n", "\r\n"]))
    }

    fn written_by_the_crate(&mut self, form: &Value) -> (Vec<u8>, Vec<Value>) {
        let mut document = RingDocument::new(ring(form)).unwrap();
        let mut credentials = Vec::new();
        for number in 0..=self.random.below(3) {
            let label = self.random.text(64).replace(char::is_control, "\u{2028}");
            let label = if label.len() > 64 { "" } else { label.as_str() };
            match self.random.below(4) {
                0 => {
                    let passphrase = self.passphrase(number);
                    let cost = self.cost();
                    let cost = Argon2Cost::new(cost.0, cost.1, cost.2).unwrap();
                    let slot = Passphrase::new(&passphrase).unwrap().cost(cost).into();
                    document.add_slot(label, &slot).unwrap();
                    credentials.push(json!({"passphrase": passphrase}));
                }
                1 => {
                    let key = SlotKey::from_bytes(&self.random.seed());
                    credentials.push(json!({"key": *key.to_text()}));
                    document.add_slot(label, &key.into()).unwrap();
                }
                2 => {
                    let (threshold, count) = self.numbers();
                    let shares = document.add_recovery_slot(label, threshold, count).unwrap();
                    let texts = shares.iter().map(|share| share.to_text().to_string()).collect();
                    credentials.push(json!({"shares": self.chosen(texts, threshold)}));
                }
                _ => {
                    let mut answer =
                        json!({"service": "kms", "service_key": format!("{number} {label}")});
                    let service = Answering(&answer);
                    let (pending, asked) = document.begin_service_slot(label, &service).unwrap();
                    document.finish_service_slot(pending, &service, ()).unwrap();
                    answer["slot_key"] = hex(&asked[asked.len() - 32..]).into();
                    credentials.push(answer);
                }
            }
        }
        (document.to_json().unwrap().into_bytes(), credentials)
    }

    fn written_by_the_reference(&mut self, form: &Value) -> (Vec<u8>, Vec<Value>) {
        let (mut slots, mut credentials) = (Vec::new(), Vec::new());
        for number in 0..=self.random.below(4) {
            let (key, label) = (self.random.seed(), format!("slot {number}"));
            let mut slot = json!({"id": 1 + number * 7, "label": label, "created_at": NOW});
            let members = match self.random.below(4) {
                0 => {
                    let (memory_kib, passes, lanes) = self.cost();
                    let passphrase = self.passphrase(number);
                    credentials.push(json!({"passphrase": passphrase}));
                    json!({
                        "kind": "passphrase", "passphrase": passphrase, "memory_kib": memory_kib,
                        "passes": passes, "lanes": lanes,
                    })
                }
                1 => {
                    credentials.push(json!({"key": *SlotKey::from_bytes(&key).to_text()}));
                    json!({"kind": "key", "slot_key": hex(&key)})
                }
                2 => {
                    let (threshold, count) = self.numbers();
                    credentials.push(json!({"shares": [], "threshold": threshold}));
                    json!({"kind": "recovery", "threshold": threshold, "count": count})
                }
                _ => {
                    let names =
                        json!({"service": "kms", "service_key": label, "slot_key": hex(&key)});
                    credentials.push(names.clone());
                    let mut members = names;
                    members["kind"] = "service".into();
                    members["service_wrapped"] = hex(&self.random.bytes(20)).into();
                    members
                }
            };
            slot.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            slots.push(slot);
        }
        let master =
            if self.random.once_in(4) { u32::MAX.into() } else { 1 + self.random.below(3) };
        let written = self.reference.ask(
            "ring-write",
            &json!({
                "master": master,
                "ring": form, "id": hex(&self.random.bytes(16)), "slots": slots,
                "generation": 1 + self.random.below((1 << 53) - 1),
                "written_at": self.random.below(NOW),
            }),
        );
        let written = written.unwrap();
        for (credential, slot) in credentials.iter_mut().zip(list(&written["slots"])) {
            if let Some(threshold) = credential["threshold"].as_u64() {
                let texts = list(&slot["shares"]).iter().map(|share| text(share).into()).collect();
                *credential = json!({"shares": self.chosen(texts, threshold.try_into().unwrap())});
            }
        }
        (text(&written["document"]).as_bytes().to_vec(), credentials)
    }

    /// As it is and damaged, by each credential, right or not.
    fn compare(&mut self, document: &[u8], credentials: &[Value]) {
        self.read(document);
        for credential in credentials {
            self.unlock(document, credential, "0");
        }
        for _ in 0..8 {
            let damaged = if self.random.once_in(2) {
                self.damaged(document)
            } else {
                self.altered(document)
            };
            self.read(&damaged);
            let credential = self.random.pick(credentials).clone();
            let floor = format!("{}.{}", self.random.below(3), self.random.below(3));
            self.unlock(&damaged, &credential, &floor);
        }
    }

    fn read(&mut self, document: &[u8]) {
        let ours = named(kind(LockedRing::from_json(document))).map(|locked| {
            let keys: Vec<u32> = locked.keys().map(|line| line.id().get()).collect();
            json!([locked.id().to_string(), locked.generation(), locked.written_at(), keys])
        });
        let asked = json!({"document": hex(document)});
        let theirs = self.reference.ask("ring-read", &asked).map(|told| {
            let keys: Vec<&Value> = list(&told["keys"]).iter().map(|key| &key["id"]).collect();
            json!([told["id"], told["generation"], told["written_at"], keys])
        });
        if let Some((ours, theirs)) = self.alike("ring-read", &asked, ours, theirs) {
            assert_eq!(ours, theirs, "{asked}");
        }
    }

    fn unlock(&mut self, document: &[u8], credential: &Value, floor: &str) {
        let Ok(locked) = LockedRing::from_json(document) else { return };
        let locked = locked.floor(floor.parse::<Floor>().unwrap());
        let ours = named(kind(opened(&locked, credential)));
        let asked = json!({"document": hex(document), "credential": credential, "floor": floor});
        let theirs = self.reference.ask("ring-unlock", &asked);
        let ours: Answer = ours.map(|document| {
            let slot = document.opened_by().unwrap().get();
            json!({"ring": ring_form(document.ring()), "slot": slot})
        });
        if let Some((ours, theirs)) = self.alike("ring-unlock", &asked, ours, theirs) {
            assert_eq!(ours["slot"], theirs["slot"], "{asked}");
            // By way of the crate, in whose form private keys are clamped.
            assert_eq!(ours["ring"], ring_form(&ring(&theirs["ring"])), "{asked}");
        }
    }

    fn unprotected(&mut self, form: &Value) {
        let mut document = RingDocument::new(ring(form)).unwrap();
        let (json, fingerprint) = document.to_unprotected_json().unwrap();
        let theirs = self.reference.ask(
            "ring-open-unprotected",
            &json!({"document": hex(json.as_bytes()), "fingerprint": fingerprint.to_string()}),
        );
        let theirs = ring_form(&ring(&theirs.unwrap()["ring"]));
        assert_eq!(theirs, ring_form(document.ring()));
        for _ in 0..3 {
            let damaged = self.altered(json.as_bytes());
            self.read(&damaged);
            let Ok(locked) = LockedRing::from_json(&damaged) else { continue };
            let pin = self.random.once_in(2);
            let opened =
                if pin { locked.open_pinned(&fingerprint) } else { locked.open_unprotected() };
            let mut asked = json!({"document": hex(&damaged)});
            if pin {
                asked["fingerprint"] = fingerprint.to_string().into();
            }
            let ours = named(kind(opened)).map(|document| ring_form(document.ring()));
            let theirs = self.reference.ask("ring-open-unprotected", &asked);
            if let Some((ours, theirs)) = self.alike("ring-unprotected", &asked, ours, theirs) {
                assert_eq!(ours, ring_form(&ring(&theirs["ring"])), "{asked}");
            }
        }
    }

    /// Other characters that JSON, and documents, are made of.
    fn altered(&mut self, document: &[u8]) -> Vec<u8> {
        const PARTS: [&str; 22] = [
            "0", "1", "9", "-", ".", "e", "a", "F", "_", "=", "\"", "\\", ",", ":", "{", "]", " ",
            "null", "\\u0061", "\\ud800", "key", "\u{e9}",
        ];
        let mut altered = document.to_vec();
        let at = self.random.index(altered.len());
        let until = (at + self.random.index(3)).min(altered.len());
        altered.splice(at..until, self.random.pick(&PARTS).bytes());
        altered
    }

    /// What someone copied, whole and mistyped.
    fn typed(&mut self, written: &str) {
        let mut typed: Vec<char> = written.chars().collect();
        if !self.random.once_in(3) {
            let at = self.random.index(typed.len());
            match self.random.below(6) {
                0 => typed.truncate(at),
                1 => typed[at] = *self.random.pick(&['O', 'i', 'L', 'U', 'é', '-', '=', '1']),
                2 => typed.insert(at, *self.random.pick(&[' ', '\u{a0}', '\u{1c}', '-', '0'])),
                3 => typed.swap(at, 0),
                4 => typed.iter_mut().for_each(|typed| *typed = typed.to_ascii_lowercase()),
                _ => drop(typed.remove(at)),
            }
        }
        let typed: String = typed.into_iter().collect();
        let asked = json!({"text": typed});
        let (op, ours) = if written.starts_with("fsk1.") {
            let key = kind(SlotKey::from_text(&typed));
            ("from-slot-key", named(key).map(|key| json!(*key.to_text())))
        } else if written.starts_with("fsv1.") {
            let key = kind(typed.parse::<VerifyingKey>());
            ("from-verifying-key", named(key).map(|key| json!(key.to_string())))
        } else {
            let share = kind(Share::from_text(&typed));
            ("from-share", named(share).map(|share| json!(*share.to_text())))
        };
        let theirs = self.reference.ask(op, &asked);
        if let Some((ours, theirs)) = self.alike(op, &asked, ours, theirs) {
            let theirs = match theirs["key"].as_str() {
                Some(_) => self.reference.ask("slot-key", &theirs).unwrap()["text"].clone(),
                None => theirs["text"].clone(),
            };
            assert_eq!(ours, theirs, "{asked}");
        }
    }

    /// KiB, passes and lanes, as few as may be.
    fn cost(&mut self) -> (u32, u32, u32) {
        let lanes = 1 + u32::from(self.random.once_in(3));
        let more = u32::try_from(self.random.below(9)).unwrap();
        (lanes * 8 + more, 1 + u32::from(self.random.once_in(4)), lanes)
    }

    /// A threshold and a number of shares.
    fn numbers(&mut self) -> (u8, u8) {
        let threshold = 2 + u8::try_from(self.random.below(3)).unwrap();
        (threshold, threshold + u8::try_from(self.random.below(4)).unwrap())
    }

    /// Enough of the shares, in any order; once in a while one fewer.
    fn chosen(&mut self, mut shares: Vec<String>, threshold: u8) -> Vec<String> {
        let wanted = usize::from(threshold) - usize::from(self.random.once_in(6));
        let mut chosen = Vec::new();
        while chosen.len() < wanted {
            chosen.push(shares.remove(self.random.index(shares.len())));
        }
        chosen
    }
}

/// The same ring, with keys of the other uses, and some as a service would hold them.
fn with_derived_keys(random: &mut Random, whole: &Value) -> Value {
    let form = if random.once_in(2) { random.subset(whole) } else { whole.clone() };
    let mut keys = list(&form["keys"]).to_vec();
    let taken: Vec<u64> = keys.iter().map(|key| key["id"].as_u64().unwrap()).collect();
    for (id, key_use) in [(3, "index"), (4, "pseudonym")] {
        let id = (id..).find(|id| !taken.contains(id)).unwrap();
        let mut key = symmetric(id, key_use, key_use, "primary");
        if random.once_in(2) {
            key["rotate_after_days"] = random.below(1 << 32).into();
            key["created_at"] = random.below(NOW).into();
        }
        match random.below(3) {
            0 => keys.push(key),
            1 => {
                let mut tenants: Vec<String> =
                    (0..=random.below(3)).map(|_| random.tenant()).collect();
                tenants.sort();
                tenants.dedup();
                let scope = |tenant: &String| {
                    if key_use == "index" {
                        json!({"tenant": tenant, "record": "customer", "index": "email"})
                    } else {
                        json!({"tenant": tenant, "purpose": "analytics"})
                    }
                };
                let derived = tenants.iter().map(|tenant| {
                    let mut scope = scope(tenant);
                    scope["key"] = hex(&random.seed()).into();
                    scope
                });
                key["derived"] = derived.collect();
                key["form"] = "derived".into();
                key.as_object_mut().unwrap().remove("secret");
                keys.push(key);
            }
            _ => {}
        }
    }
    let id = (5..).find(|id| !taken.contains(id)).unwrap();
    let key = symmetric(id, "sign", "sign", "primary");
    match random.below(3) {
        0 => keys.push(key),
        1 => keys.push(public_half(&key, ["primary", "compromised"][random.index(2)])),
        _ => {}
    }
    keys.sort_by_key(|key| key["id"].as_u64());
    ring_of(&keys)
}

/// What a ring that verifies holds of a key that signs.
fn public_half(key: &Value, state: &str) -> Value {
    let of = ring(&ring_of(std::slice::from_ref(key)));
    let public = of.verifying_keys()[0].to_bytes();
    let (id, hex) = (&key["id"], hex(&public));
    json!({"id": id, "use": "sign", "name": "sign", "state": state, "form": "public", "public": hex})
}

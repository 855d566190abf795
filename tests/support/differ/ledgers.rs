//! Replays: of what was told, and of what might have been, over every version of an envelope.

use fieldseal::keyring::VerifyingKey;
use fieldseal::ledger::{Ledger, Replay};
use fieldseal::{Class, KeyEnvelope, SubjectId};
use serde_json::{Value, json};

use super::random::{ROLES, Random};
use super::{Answer, info, named, without_drawn};
use crate::Differ;
use crate::support::forms::{access, class, hex, id, kind, list, ring, unhex};
use crate::support::positives::{NOW, ring_of, symmetric};

const SIGN: u64 = 0x5151_5151;

impl Differ {
    /// Both make the same of an envelope, and nothing more of it again.
    pub(crate) fn replay(&mut self, request: &Value, stored: &[u8], classes: &[Value]) {
        let signer = symmetric(SIGN, "sign", "sign", "primary");
        let key = ring(&ring_of(std::slice::from_ref(&signer))).verifying_keys()[0];
        let mut request = request.clone();
        let mut ledgers = Vec::new();
        for _ in 0..=self.random.below(2) {
            let acts = self.played(classes);
            let made = json!({
                "ring": ring_of(std::slice::from_ref(&signer)), "at": NOW, "id": hex(&self.random.seed()[..16]),
                "tenant": request["tenant"], "subject": request["subject"], "acts": acts,
            });
            let mut ledger = self.reference.ask("ledger-make", &made).unwrap();
            // The crate verifies each line; the reference, which is slow at it, knows the last.
            ledger["head"] = read(&ledger, &key).head().to_string().into();
            ledgers.push(ledger);
        }
        let mut declared = classes.to_vec();
        if self.random.once_in(12) {
            declared.pop();
        }
        let mut keys = list(&request["ring"]["keys"]).to_vec();
        if !self.random.once_in(20) {
            let states = ["primary", "primary", "primary", "open-only", "compromised", "disabled"];
            keys.push(symmetric(SIGN, "sign", "sign", self.random.pick::<&str>(&states)));
        }
        request["ring"] = ring_of(&keys);
        request["keys"] = json!([key.to_string()]);
        request["ledgers"] = json!(ledgers);
        request["classes"] = json!(declared);
        request["envelope"] = hex(stored).into();

        let ours = replayed(&request, &key, stored);
        let theirs = self.reference.ask("replay", &request);
        let Some((ours, theirs)) = self.alike("replay", &request, ours, theirs) else { return };
        assert_eq!(ours["reported"], theirs["reported"], "crate, reference\n{request}");
        let (ours, theirs) = (unhex(&ours["envelope"]), unhex(&theirs["envelope"]));
        let before = info(stored);
        assert_eq!(
            without_drawn(info(&ours), Some(&before)),
            without_drawn(info(&theirs), Some(&before)),
            "crate, reference\n{request}"
        );
        for made_good in [&ours, &theirs] {
            let again = replayed(&request, &key, made_good).unwrap();
            assert_eq!(again["envelope"], hex(made_good), "again\n{request}");
        }
    }

    /// Some of what was told, and some of what might have been.
    fn played(&mut self, classes: &[Value]) -> Vec<Value> {
        let told = self.acts.clone();
        let mut acts: Vec<Value> = told.into_iter().filter(|_| !self.random.once_in(4)).collect();
        for _ in 0..self.random.below(4) {
            let at = self.random.index(acts.len() + 1);
            acts.insert(at, invented(&mut self.random, classes));
        }
        if !self.random.once_in(8) {
            acts.retain(|act| act["act"] != "erase-subject");
        }
        acts
    }
}

fn invented(random: &mut Random, classes: &[Value]) -> Value {
    let class = random.pick(classes).clone();
    let highest = if random.once_in(20) { 65_535 } else { 5 };
    let generation = 1 + random.below(highest);
    let at = random.time();
    let mut act = json!({"at": at, "class": class["name"], "generation": generation});
    match random.below(5) {
        0 => act["act"] = "erase-class".into(),
        1 | 2 => {
            act["act"] = "withdraw".into();
            act["role"] = (*random.pick(&ROLES)).into();
            if random.once_in(5) {
                act["generation"] = 0.into();
            }
        }
        _ => {
            act["act"] = "grant".into();
            act["role"] = (*random.pick(&ROLES)).into();
            act["history"] = random.once_in(2).into();
        }
    }
    act
}

fn read(ledger: &Value, key: &VerifyingKey) -> Ledger {
    let text = String::from_utf8(unhex(&ledger["ledger"])).unwrap();
    Ledger::read(&text, &[*key]).unwrap()
}

fn replayed(request: &Value, key: &VerifyingKey, stored: &[u8]) -> Answer {
    let keys = ring(&request["ring"]);
    let ledgers: Vec<Ledger> =
        list(&request["ledgers"]).iter().map(|ledger| read(ledger, key)).collect();
    let classes: Vec<Class> = list(&request["classes"]).iter().map(class).collect();
    let replay = Replay::new(&keys, &ledgers.iter().collect::<Vec<_>>(), &classes);
    let replay = named(kind(replay))?;
    let subject = SubjectId::new(id(&request["subject"]).unwrap()).unwrap();
    let edit = KeyEnvelope::from_bytes(stored).edit(access(&keys, request), &subject);
    let mut edit = named(kind(edit))?;
    let reported = named(kind(replay.apply(&mut edit))).err();
    let envelope = named(kind(edit.finish()))?;
    Ok(json!({"envelope": hex(envelope.as_bytes()), "reported": reported}))
}

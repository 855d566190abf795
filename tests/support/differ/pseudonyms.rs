//! Pseudonyms: of rings that hold their keys whole, in part or by name, in every state.

use serde_json::{Value, json};

use super::named;
use super::random::Random;
use crate::Differ;
use crate::support::forms::{hex, list, text};
use crate::support::positives::{ring_of, symmetric};
use crate::support::pseudonym_forms::pseudonyms;

const PURPOSES: [&str; 2] = ["analytics", "a"];

impl Differ {
    /// Both make the same pseudonyms of a subject, or refuse for the same reason.
    pub(crate) fn pseudonyms(&mut self) {
        let tenants = [String::new(), self.random.tenant()];
        let ring = pseudonym_ring(&mut self.random, &tenants);
        let subject = if self.random.once_in(20) { json!({"text": ""}) } else { self.random.id() };
        let purpose =
            if self.random.once_in(12) { "Analytics" } else { self.random.pick(&PURPOSES) };
        let request = json!({
            "ring": ring, "tenant": self.random.pick(&tenants),
            "purpose": purpose, "subject": subject,
            "rescue": self.random.once_in(3),
        });
        let ours = named(pseudonyms(&request, false));
        let theirs = self.reference.ask("pseudonym", &request);
        if let Some((ours, theirs)) = self.alike("pseudonym", &request, ours, theirs) {
            assert_eq!(ours, theirs, "crate, reference\n{request}");
        }
        let ours = named(pseudonyms(&request, true));
        let theirs = self.reference.ask("pseudonyms", &request);
        if let Some((ours, theirs)) = self.alike("pseudonyms", &request, ours, theirs) {
            for form in ["token", "uuid", "text"] {
                assert_eq!(sorted(&ours[form]), sorted(&theirs[form]), "{request}");
                let is_primary = |key: &Value| key["state"] == "primary";
                if list(&request["ring"]["keys"]).iter().any(is_primary) {
                    assert_eq!(ours[form][0], theirs[form][0], "{request}");
                }
            }
        }
    }
}

fn sorted(made: &Value) -> Vec<&str> {
    let mut made: Vec<&str> = list(made).iter().map(text).collect();
    made.sort_unstable();
    made
}

fn pseudonym_ring(random: &mut Random, tenants: &[String]) -> Value {
    let mut has_primary = false;
    let keys: Vec<Value> = (1..=1 + random.below(3))
        .map(|id| {
            let states = [
                "primary",
                "primary",
                "primary",
                "open-only",
                "compromised",
                "disabled",
                "destroyed",
            ];
            let mut state = *random.pick(&states);
            if state == "primary" && std::mem::replace(&mut has_primary, true) {
                state = "open-only";
            }
            let key_use = if random.once_in(8) { "index" } else { "pseudonym" };
            // Of the other use there is one primary key too.
            let state = if key_use == "index" { "open-only" } else { state };
            let mut key = symmetric(id, key_use, key_use, state);
            if key_use == "pseudonym" && random.once_in(2) {
                key.as_object_mut().unwrap().remove("secret");
                key["form"] = "name-only".into();
                if !random.once_in(6) {
                    key["form"] = "derived".into();
                    key["derived"] = derived(random, tenants);
                }
            }
            key
        })
        .collect();
    ring_of(&keys)
}

fn derived(random: &mut Random, tenants: &[String]) -> Value {
    let mut derived = Vec::new();
    for (at, tenant) in tenants.iter().enumerate() {
        for purpose in PURPOSES {
            if (at == 0 || !tenant.is_empty()) && !random.once_in(5) {
                let key = hex(&random.seed());
                derived.push(json!({"tenant": tenant, "purpose": purpose, "key": key}));
            }
        }
    }
    if derived.is_empty() {
        derived.push(json!({"tenant": "", "purpose": "other", "key": hex(&random.seed())}));
    }
    derived.into()
}

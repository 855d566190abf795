//! A ring as it is reported: the same for one that is unlocked and one that is not.

use std::cmp::Reverse;
use std::path::Path;

use fieldseal::KeyRing;
use fieldseal::keyring::{
    Fingerprint, KeyId, KeyMaterial, KeyState, KeySummary, KeyUse, LockedRing, RingDocument,
    RingKey, Scope, Slot, SlotKind,
};
use serde_json::{Value, json};

use crate::output::{alarming, heading, printable, table};
use crate::times;

/// A ring: unlocked, or as its file says.
pub(crate) struct RingView<'a> {
    id: String,
    generation: u64,
    /// What to demand of it from now on; of one that is unlocked.
    floor: Option<String>,
    verified: bool,
    protected: bool,
    pub(crate) slots: &'a [Slot],
    pub(crate) keys: Vec<KeyView<'a>>,
}

/// A key of it.
pub(crate) struct KeyView<'a> {
    pub(crate) id: KeyId,
    pub(crate) key_use: KeyUse,
    pub(crate) name: &'a str,
    pub(crate) state: KeyState,
    pub(crate) holds: KeyMaterial,
    pub(crate) created_at: Option<u64>,
    pub(crate) rotate_after_days: Option<u32>,
    scopes: Vec<&'a Scope>,
}

impl<'a> RingView<'a> {
    pub(crate) fn unlocked(document: &'a RingDocument) -> Self {
        Self {
            id: document.id().to_string(),
            generation: document.generation(),
            floor: Some(document.floor().to_string()),
            verified: !document.slots().is_empty(),
            protected: !document.slots().is_empty(),
            slots: document.slots(),
            keys: sorted(document.ring().keys().map(KeyView::of).collect()),
        }
    }

    /// The same, where its content is known by its fingerprint.
    pub(crate) fn pinned(self, pinned: bool) -> Self {
        Self { verified: self.verified || pinned, ..self }
    }

    pub(crate) fn locked(locked: &'a LockedRing) -> Self {
        Self {
            id: locked.id().to_string(),
            generation: locked.generation(),
            floor: None,
            verified: false,
            protected: locked.is_protected(),
            slots: locked.slots(),
            keys: sorted(locked.keys().map(KeyView::of_line).collect()),
        }
    }

    pub(crate) fn is_protected(&self) -> bool {
        self.protected
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "generation": self.generation,
            "floor": self.floor,
            "verified": self.verified,
            "protected": self.protected,
            "slots": slots_json(self.slots),
            "keys": self.keys.iter().map(KeyView::json).collect::<Vec<_>>(),
        })
    }

    /// The same with its path, and more members.
    pub(crate) fn report(&self, path: &Path, more: Value) -> Value {
        let mut json = self.json();
        if let (Some(members), Value::Object(more)) = (json.as_object_mut(), more) {
            members.insert("ring".into(), json!(path.display().to_string()));
            members.extend(more);
        }
        json
    }

    /// Everything, for people.
    pub(crate) fn text(&self) -> String {
        let protected = match self.slots.len() {
            _ if !self.protected => alarming("no: its secrets stand in the clear"),
            1 => "yes, by 1 slot".to_owned(),
            count => format!("yes, by {count} slots"),
        };
        let floor = self.floor.as_ref().map_or_else(String::new, |floor| {
            format!("\nfloor       {floor}, to demand by --floor where older copies matter")
        });
        format!(
            "ring        {}\ngeneration  {}{floor}\nprotected   {protected}\n\n{}\n\n{}",
            self.id,
            self.generation,
            self.keys_text(),
            slots_text(self.slots)
        )
    }

    /// The short table of keys.
    pub(crate) fn names_text(&self) -> String {
        let rows: Vec<_> = self.keys.iter().map(KeyView::name_row).collect();
        table(["KEY", "USE", "NAME", "STATE"], &rows)
    }

    /// The table of keys.
    pub(crate) fn keys_text(&self) -> String {
        let now = times::now();
        let rows: Vec<_> = self.keys.iter().map(|key| key.row(now)).collect();
        table(["KEY", "USE", "NAME", "STATE", "HOLDS", "AGE", "ROTATE"], &rows)
    }
}

impl<'a> KeyView<'a> {
    pub(crate) fn of(key: &'a RingKey) -> Self {
        Self {
            id: key.id(),
            key_use: key.key_use(),
            name: key.name(),
            state: key.state(),
            holds: key.holds(),
            created_at: key.created_at(),
            rotate_after_days: key.rotate_after_days(),
            scopes: key.scopes().collect(),
        }
    }

    fn of_line(key: &'a KeySummary) -> Self {
        Self {
            id: key.id(),
            key_use: key.key_use(),
            name: key.name(),
            state: key.state(),
            holds: key.holds(),
            created_at: key.created_at(),
            rotate_after_days: key.rotate_after_days(),
            scopes: key.scopes().collect(),
        }
    }

    /// When its hint says to rotate it: only a primary key is rotated.
    pub(crate) fn rotate_at(&self) -> Option<u64> {
        let due = self.created_at.zip(self.rotate_after_days);
        due.filter(|_| self.state == KeyState::Primary)
            .map(|(made, days)| times::days_after(made, days))
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "use": self.key_use.as_str(),
            "name": self.name,
            "state": self.state.as_str(),
            "holds": holds(self.holds),
            "created_at": self.created_at,
            "rotate_after_days": self.rotate_after_days,
            "rotate_at": self.rotate_at(),
            "scopes": self.scopes.iter().map(|scope| scope_json(scope)).collect::<Vec<_>>(),
        })
    }

    fn name_row(&self) -> [String; 4] {
        [
            self.id.to_string(),
            self.key_use.to_string(),
            self.name.to_owned(),
            self.state.to_string(),
        ]
    }

    fn row(&self, now: u64) -> [String; 7] {
        let unknown = || "-".to_owned();
        let [id, key_use, name, state] = self.name_row();
        [
            id,
            key_use,
            name,
            state,
            match (self.key_use, self.holds) {
                (KeyUse::Sign, KeyMaterial::Secret) => "signs and verifies".to_owned(),
                (_, holds) => holds.to_string(),
            },
            self.created_at.map_or_else(unknown, |made| times::age(now, made)),
            match self.rotate_at() {
                Some(at) if at <= now => "now".to_owned(),
                Some(at) => times::day(at),
                None => unknown(),
            },
        ]
    }
}

/// A ring that was just made, as JSON.
pub(crate) fn made_json(
    document: &RingDocument,
    path: &Path,
    key_file: Option<&Path>,
    fingerprint: Option<Fingerprint>,
) -> Value {
    let more = json!({
        "can": can(document.ring()),
        "key_file": key_file.map(|path| path.display().to_string()),
        "fingerprint": fingerprint.map(|fingerprint| fingerprint.to_string()),
    });
    RingView::unlocked(document).pinned(fingerprint.is_some()).report(path, more)
}

/// What a ring can do, a line a power.
pub(crate) fn can(ring: &KeyRing) -> Value {
    ring.describe().to_string().lines().collect()
}

/// By use and name, the newest first.
fn sorted(mut keys: Vec<KeyView<'_>>) -> Vec<KeyView<'_>> {
    keys.sort_by_key(|key| {
        let later = key.state != KeyState::Primary;
        (key.key_use, key.name, later, Reverse(key.created_at), key.id)
    });
    keys
}

/// What is held of a key, as JSON spells it.
fn holds(holds: KeyMaterial) -> &'static str {
    match holds {
        KeyMaterial::Secret => "secret",
        KeyMaterial::KeyPair => "key-pair",
        KeyMaterial::WriterHalf => "writer-half",
        KeyMaterial::Derived => "derived",
        KeyMaterial::Public => "public",
        KeyMaterial::NameOnly => "name-only",
        _ => "unknown",
    }
}

fn scope_json(scope: &Scope) -> Value {
    match scope {
        Scope::Index { tenant, record, index, .. } => {
            json!({ "tenant": **tenant, "record": **record, "index": **index })
        }
        Scope::Pseudonym { tenant, purpose, .. } => {
            json!({ "tenant": **tenant, "purpose": **purpose })
        }
        _ => Value::Null,
    }
}

pub(crate) fn slots_json(slots: &[Slot]) -> Value {
    slots.iter().map(slot_json).collect()
}

pub(crate) fn slot_json(slot: &Slot) -> Value {
    let mut json = json!({
        "id": slot.id().get(),
        "label": slot.label(),
        "created_at": slot.created_at(),
    });
    let kind = match slot.kind() {
        SlotKind::Passphrase { cost, .. } => json!({
            "kind": "passphrase",
            "memory_kib": cost.memory_kib(),
            "passes": cost.passes(),
            "lanes": cost.lanes(),
        }),
        SlotKind::Key => json!({ "kind": "key" }),
        SlotKind::Service { service, key, .. } => {
            json!({ "kind": "service", "service": service, "key": key })
        }
        SlotKind::Recovery { threshold, shares, .. } => {
            json!({ "kind": "recovery", "threshold": threshold, "shares": shares })
        }
        _ => json!({ "kind": "unknown" }),
    };
    if let (Some(members), Value::Object(kind)) = (json.as_object_mut(), kind) {
        members.extend(kind);
    }
    json
}

/// The table of slots.
pub(crate) fn slots_text(slots: &[Slot]) -> String {
    if slots.is_empty() {
        return heading("no slots: nothing protects this ring");
    }
    let rows: Vec<_> = slots
        .iter()
        .map(|slot| {
            [
                slot.id().to_string(),
                printable(slot.label()),
                printable(&slot.kind().to_string()),
                times::day(slot.created_at()),
            ]
        })
        .collect();
    table(["SLOT", "LABEL", "OPENED BY", "MADE"], &rows)
}

//! The positive vectors: their inputs, from fixed seeds.

mod fields;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::complete::{complete, keystream, positive, ring_key};
use super::forge::{self, DataKey, Place, SUITE, Terms};
use super::forms::{hex, id, int, list, text};
use super::hpke;

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ENVELOPE: u64 = 0x0E00_0001;
pub(crate) const APP: u64 = 0x0A00_0001;
pub(crate) const BILLING: u64 = 0x0B00_0001;
pub(crate) const DOCTOR: u64 = 0x0D00_0001;

/// 32 fixed bytes of a name.
pub(crate) fn fixed(name: &str) -> [u8; 32] {
    Sha256::digest(name.as_bytes()).into()
}

pub(crate) fn symmetric(id: u64, key_use: &str, name: &str, state: &str) -> Value {
    let secret = hex(&fixed(&format!("secret {id}")));
    json!({"id": id, "use": key_use, "name": name, "state": state, "form": "symmetric", "secret": secret})
}

pub(crate) fn pair(id: u64, name: &str, state: &str) -> Value {
    let private = fixed(&format!("private {id}"));
    json!({
        "id": id, "use": "wrap", "name": name, "state": state, "form": "pair",
        "private": hex(&private), "public": hex(&hpke::public(&private)),
        "writer": hex(&fixed(&format!("writer {id}"))),
    })
}

pub(crate) fn ring_of(keys: &[Value]) -> Value {
    json!({"keys": keys})
}

/// The envelope key and role `app`.
pub(crate) fn small_ring() -> Value {
    ring_of(&[
        symmetric(APP, "wrap", "app", "primary"),
        symmetric(ENVELOPE, "envelope", "envelope", "primary"),
    ])
}

/// The same, the symmetric role `billing`, and the key pair role `doctor`.
pub(crate) fn large_ring() -> Value {
    ring_of(&[
        symmetric(APP, "wrap", "app", "primary"),
        symmetric(BILLING, "wrap", "billing", "primary"),
        pair(DOCTOR, "doctor", "primary"),
        symmetric(ENVELOPE, "envelope", "envelope", "primary"),
    ])
}

/// A class read by role `app`.
pub(crate) fn plain_class(name: &str) -> Value {
    json!({"name": name})
}

/// An envelope in the making, its randomness drawn in the order of a creating call.
pub(crate) struct Maker {
    pub(crate) file: Value,
    drawn: Vec<u8>,
}

impl Maker {
    pub(crate) fn new(about: &str, covers: &[&str], ring: Value) -> Self {
        let mut file = positive("envelope", about, covers);
        file["ring"] = ring;
        file["tenant"] = "acme".into();
        file["subject"] = json!({"int": "42"});
        file["now"] = NOW.into();
        file["version"] = 1.into();
        file["envelope_key"] = ENVELOPE.into();
        file["entries"] = json!([]);
        file["fields"] = json!([]);
        Self { file, drawn: keystream(fixed(about), 4096) }
    }

    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.file[key] = value.into();
        self
    }

    fn draw(&mut self, len: usize) -> Vec<u8> {
        self.drawn.drain(..len).collect()
    }

    fn subject(&self) -> Vec<u8> {
        id(&self.file["subject"]).map_or_else(Vec::new, |id| id.as_bytes().to_vec())
    }

    /// A generation for ring keys, given in the order of the readers.
    pub(crate) fn live(
        mut self,
        class: &str,
        generation: u16,
        expires_at: u64,
        keys: &[u64],
    ) -> Self {
        let data_key: [u8; 32] = self.draw(32).try_into().unwrap();
        let (tenant, subject) = (text(&self.file["tenant"]).to_owned(), self.subject());
        let place = Place { tenant: &tenant, subject: &subject, class, generation };
        let terms = Terms { suite: SUITE, created_at: NOW, expires_at };
        let commitment = DataKey::derive(data_key, place).commitment;
        let mut recipients: Vec<Value> = keys
            .iter()
            .map(|key_id| {
                let key = ring_key(&self.file["ring"], *key_id).unwrap().clone();
                if key["form"] == "symmetric" {
                    return json!({"kind": 1, "key_id": key_id, "nonce": hex(&self.draw(24))});
                }
                let drawn = self.draw(32).try_into().unwrap();
                let id = u32::try_from(*key_id).unwrap();
                let aad = forge::wrap_aad(place, terms, &commitment, 2, id);
                let wrapped = hex(&hpke::wrap(&key, &aad, &data_key, drawn));
                let ephemeral = hex(&hpke::ephemeral(&drawn));
                json!({"kind": 2, "key_id": key_id, "ephemeral": ephemeral, "wrapped": wrapped})
            })
            .collect();
        recipients.sort_by_key(|recipient| int(&recipient["key_id"]));
        self.entry(json!({
            "state": "live", "class": class, "generation": generation, "suite": SUITE,
            "created_at": NOW, "expires_at": expires_at, "data_key": hex(&data_key),
            "recipients": recipients,
        }))
    }

    pub(crate) fn erased(self, class: &str, generation: u16) -> Self {
        let tag = hex(&fixed(&format!("tag {class} {generation}"))[..4]);
        self.entry(json!({
            "state": "erased", "class": class, "generation": generation, "tag": tag,
            "erased_at": NOW - 1,
        }))
    }

    pub(crate) fn erased_subject(self) -> Self {
        self.entry(json!({"state": "erased subject", "erased_at": NOW - 1}))
    }

    pub(crate) fn entry(mut self, entry: Value) -> Self {
        self.file["entries"].as_array_mut().unwrap().push(entry);
        self
    }

    /// The envelope is what creating these classes makes.
    fn created(self, classes: &[Value]) -> Self {
        let seed = hex(&fixed(text(&self.file["about"])));
        self.with("create", json!({"seed": seed, "classes": classes}))
    }

    /// A field of generation 1, with 16 bytes of padding unless said otherwise.
    pub(crate) fn field(mut self, of: Value) -> Self {
        let number = list(&self.file["fields"]).len();
        let mut field = json!({
            "record": "customer", "field": "name", "row": null, "class": plain_class("personal"),
            "was": null, "generation": 1, "pad": 16, "hide_absence": false,
        });
        if of["nonce"].is_null() {
            field["seed"] = hex(&fixed(&format!("{} {number}", self.file["about"]))).into();
        }
        field.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
        self.file["fields"].as_array_mut().unwrap().push(field);
        self
    }

    pub(crate) fn done(self) -> Value {
        complete(&self.file)
    }
}

pub(crate) fn a_text(value: &str) -> Value {
    json!({"type": "text", "value": {"t": "text", "v": value}})
}

pub(crate) fn merged(a: Value, b: Value) -> Value {
    let mut merged = a;
    merged.as_object_mut().unwrap().extend(b.as_object().unwrap().clone());
    merged
}

/// One class, one reader, one text.
pub(crate) fn base() -> Maker {
    Maker::new("one class, one reader, one text", &["SF-4", "DK-3", "WR-1", "MAC-1"], small_ring())
        .live("personal", 1, 0, &[APP])
        .created(&[plain_class("personal")])
        .field(a_text("Ada"))
}

type Files = Vec<(String, Value)>;

pub(crate) fn all() -> Files {
    let mut files: Files = vec![("field".into(), base().done())];
    files.extend(subjects());
    files.extend(fields::all());
    files.extend(envelopes());
    files.extend(masks());
    files.extend(standalones());
    for (name, bytes) in [("text-0", "f50102"), ("text-1", "f5010203"), ("text-2", "f501020304")] {
        let mut file = positive("text", "a text form of each length modulo 3", &["TX-1"]);
        file["bytes"] = bytes.into();
        files.push((name.into(), complete(&file)));
    }
    files
}

fn subjects() -> Files {
    let ids = [
        ("int", "18446744073709551615".into(), "acme"),
        ("text", "Ada Łovelace".into(), ""),
        ("uuid", "00112233445566778899aabbccddeeff".into(), "Zürich"),
        ("bytes", "00ff".into(), "a"),
        ("negative", "-9223372036854775808".into(), "acme"),
        ("composite", json!([{"text": "acme"}, {"int": "7"}, {"int": "-1"}]), "acme"),
    ];
    let tenant_64 = "t".repeat(64);
    ids.into_iter()
        .map(|(form, of, tenant)| {
            let about = format!("a subject of form {form}");
            let tenant = if form == "composite" { tenant_64.as_str() } else { tenant };
            let form = if form == "negative" { "int" } else { form };
            let file = Maker::new(&about, &["ID-1", "NM-3"], small_ring())
                .with("tenant", tenant)
                .with("subject", json!({form: of}))
                .live("personal", 1, 0, &[APP])
                .created(&[plain_class("personal")])
                .field(a_text("Ada"));
            (about.replace("a subject of form ", "subject-"), file.done())
        })
        .collect()
}

fn one_class(about: &str, covers: &[&str]) -> Maker {
    Maker::new(about, covers, small_ring())
        .live("personal", 1, 0, &[APP])
        .created(&[plain_class("personal")])
}

fn envelopes() -> Files {
    let health = json!({"name": "health", "readers": ["app", "doctor", "billing"]});
    let of_health = json!({"class": health});
    let kept = json!({"name": "kept", "readers": ["billing"], "retain_days": 365});
    let expiry = NOW + 365 * 86_400 / 12 + 365 * 86_400;
    let of = |class: &str| json!({"class": plain_class(class)});
    let under = |generation: u16, nonce: &str| json!({"generation": generation, "nonce": hex(&fixed(nonce)[..24])});
    let text = |value: &str, more: Value| merged(a_text(value), more);
    let rescue_ring = ring_of(&[
        symmetric(APP, "wrap", "app", "compromised"),
        symmetric(ENVELOPE, "envelope", "envelope", "compromised"),
    ]);
    let consent = json!({"name": "personal", "readers": ["app"], "consent": ["billing"]});
    let consent_ring = ring_of(&[
        symmetric(BILLING, "wrap", "billing", "primary"),
        symmetric(ENVELOPE, "envelope", "envelope", "primary"),
    ]);
    let two = |about: &str, covers: &[&str]| Maker::new(about, covers, small_ring());
    vec![
        (
            "readers",
            Maker::new("readers of kinds 1 and 2", &["WR-1", "WR-2", "RC-1"], large_ring())
                .live("health", 1, 0, &[APP, DOCTOR, BILLING])
                .created(std::slice::from_ref(&health))
                .field(text("Ada", of_health.clone())),
        ),
        (
            "key-pair",
            Maker::new("one reader, of kind 2", &["WR-2", "WR-4"], large_ring())
                .live("medical", 1, 0, &[DOCTOR])
                .created(&[json!({"name": "medical", "readers": ["doctor"]})])
                .field(text("Ada", json!({"class": {"name": "medical", "readers": ["doctor"]}}))),
        ),
        (
            "two-classes",
            two("two classes in the order of their names, a prefix first", &["KE-3"])
                .live("contact", 1, 0, &[APP])
                .live("contact.more", 1, 0, &[APP])
                .created(&[plain_class("contact"), plain_class("contact.more")])
                .field(text("Ada", of("contact")))
                .field(text("Ada", of("contact.more"))),
        ),
        (
            "two-generations",
            two("two generations, each opening its own", &["OP-1", "GN-2"])
                .with("version", 2)
                .live("personal", 1, 0, &[APP])
                .live("personal", 2, 0, &[APP])
                .field(text("old", under(1, "old")))
                .field(text("new", json!({"generation": 2}))),
        ),
        (
            "generation-erased",
            two("a live generation behind an erased one, with a gap", &["EE-1", "KE-3", "ED-12"])
                .with("version", 3)
                .erased("personal", 2)
                .live("personal", 65_534, 0, &[APP])
                .field(text("Ada", json!({"generation": 65_534}))),
        ),
        (
            "class-erased",
            two("one class erased, another live", &["ED-13"])
                .with("version", (1_u64 << 53) - 1)
                .erased("contact", 1)
                .live("personal", 1, 0, &[APP])
                .field(a_text("Ada")),
        ),
        (
            "subject-erased",
            two("an erased subject, whose erased classes stay", &["EE-2", "ED-14"])
                .with("version", 7)
                .erased("contact", 1)
                .erased("personal", 3)
                .erased_subject(),
        ),
        (
            "subject-erased-alone",
            two("the smallest envelope", &["KE-1", "ED-14"]).erased_subject(),
        ),
        (
            "expiry",
            Maker::new("a class with retention, before its expiry", &["RT-2", "RT-3"], large_ring())
                .live("kept", 1, expiry, &[BILLING])
                .created(std::slice::from_ref(&kept))
                .field(text("Ada", json!({"class": kept}))),
        ),
        (
            "later-kinds",
            two("recipients of later kinds, kept and unused", &["RC-3", "WR-5"])
                .live("personal", 1, 0, &[APP])
                .field(a_text("Ada")),
        ),
        (
            "later-suite",
            two("a generation of a later suite beside one of this", &["LE-2"])
                .live("personal", 1, 0, &[APP])
                .entry(json!({
                    "state": "live", "class": "personal", "generation": 2, "suite": 2,
                    "created_at": NOW, "expires_at": 1, "commitment": hex(&fixed("suite 2")),
                    "recipients": [{"kind": 1, "key_id": APP, "wrapped": hex(&[7; 72])}],
                }))
                .field(text("Ada", under(1, "later"))),
        ),
        (
            "former-class",
            two("a value of the class that the field was of", &["OP-2"])
                .live("contact", 1, 0, &[APP])
                .live("personal", 1, 0, &[APP])
                .field(text(
                    "Ada",
                    json!({
                        "class": plain_class("contact"), "was": plain_class("personal"), "sealed_class": "personal",
                        "nonce": hex(&fixed("former")[..24]),
                    }),
                )),
        ),
        (
            "former-class-of-other-readers",
            Maker::new("a value of a former class that others read", &["OP-2", "GN-13"], large_ring())
                .live("contact", 1, 0, &[APP])
                .live("kept", 1, 0, &[BILLING])
                .field(text(
                    "Ada",
                    json!({
                        "class": plain_class("contact"), "sealed_class": "kept",
                        "was": {"name": "kept", "readers": ["billing"]},
                        "nonce": hex(&fixed("former")[..24]),
                    }),
                )),
        ),
        (
            "consent",
            Maker::new("a ring of a reader with consent alone", &["GN-13"], consent_ring)
                .live("personal", 1, 0, &[BILLING])
                .field(text("Ada", merged(under(1, "consent"), json!({"class": consent})))),
        ),
        (
            "rescue",
            Maker::new("compromised keys in rescue mode", &["ST-3", "KE-6"], rescue_ring)
                .with("rescue", true)
                .live("personal", 1, 0, &[APP])
                .field(text("Ada", under(1, "rescue"))),
        ),
    ]
    .into_iter()
    .map(|(name, mut maker)| {
        if name == "later-kinds" {
            let recipients = maker.file["entries"][0]["recipients"].as_array_mut().unwrap();
            recipients.insert(0, json!({"kind": 3, "key_id": 1, "wrapped": "00"}));
            recipients.push(json!({"kind": 0, "key_id": 0xFFFF_FFFE_u32, "wrapped": ""}));
            recipients.push(json!({"kind": 255, "key_id": 0xFFFF_FFFF_u32, "wrapped": "0102"}));
        }
        (name.to_owned(), maker.done())
    })
    .collect()
}

/// Masks of `customer.name`, by what is otherwise of it.
fn masks() -> Files {
    let class = |name: &str, readers: &[&str]| json!({"name": name, "readers": readers});
    let shown = class("mask.personal", &["app", "billing"]);
    let mask = |value: Value, of: Value| {
        let nonce = hex(&fixed(&format!("mask {value} {of}"))[..24]);
        let mask = json!({
            "mask": true, "type": "text", "value": value, "pad": 32, "nonce": nonce,
        });
        merged(mask, of)
    };
    let text_of = |text: &str| json!({"t": "text", "v": text});
    let made =
        |about: &str, covers: &[&str]| {
            Maker::new(about, covers, large_ring())
                .live("mask.personal", 1, 0, &[APP, BILLING])
                .live("personal", 1, 0, &[APP])
        };
    vec![
        (
            "mask".into(),
            made(
                "a value and its mask, which another role reads",
                &["MA-1", "MA-2", "MA-4", "AAD-1"],
            )
            .created(&[shown.clone(), plain_class("personal")])
            .field(a_text("Ada Lovelace"))
            .field(mask(text_of("A••••"), json!({"class": shown})))
            .field(mask(text_of("••••"), json!({"class": shown, "row": {"int": "7"}})))
            .done(),
        ),
        (
            "mask-hidden".into(),
            made("masks of a field that hides absence", &["MA-4", "MA-5", "PAD-3"])
                .field(mask(json!({"t": "null"}), json!({"class": shown, "hide_absence": true})))
                .field(mask(text_of("•••• 4242"), json!({"class": shown, "hide_absence": true})))
                .done(),
        ),
        (
            "mask-former-class".into(),
            made("a mask of the class that its field was of", &["MA-8", "OP-2"])
                .field(mask(
                    text_of("A••••"),
                    json!({
                        "class": class("mask.contact", &["app"]), "was": shown,
                        "sealed_class": "mask.personal",
                    }),
                ))
                .done(),
        ),
        (
            "mask-of-a-class-of-its-own".into(),
            Maker::new("a mask of another class that can be declared", &["MA-2"], large_ring())
                .live("personal", 1, 0, &[APP])
                .live("shown", 1, 0, &[BILLING])
                .field(a_text("Ada Lovelace"))
                .field(mask(text_of("A••••"), json!({"class": class("shown", &["billing"])})))
                .done(),
        ),
    ]
}

/// A standalone envelope of bytes.
pub(crate) fn standalone(about: &str, readers: &[u64], expires_at: u64, bytes: &[u8]) -> Maker {
    let mut maker = Maker::new(about, &["SA-1", "SA-2", "SA-3"], large_ring())
        .with("kind", "standalone")
        .with("subject", Value::Null)
        .with("context", hex(b"avatar of 42"));
    let seed = fixed(about);
    maker = maker.live("standalone", 1, expires_at, readers);
    let prefix = maker.draw(16);
    let ring = maker.file["ring"].clone();
    let names: Vec<&str> =
        readers.iter().map(|id| text(&ring_key(&ring, *id).unwrap()["name"])).collect();
    // Only what the crate makes has a seed: it knows no retention here.
    if expires_at == 0 {
        maker.file["seed"] = hex(&seed).into();
    }
    maker.file["readers"] = json!(names);
    maker.file["field"] = json!({
        "pad": 16, "nonce": hex(&[prefix.as_slice(), &[0; 8]].concat()),
        "value": {"t": "bytes", "v": hex(bytes)},
    });
    maker
}

fn standalones() -> Files {
    vec![
        ("standalone".into(), standalone("bytes on their own", &[APP], 0, b"\x89PNG").done()),
        (
            "standalone-readers".into(),
            standalone("bytes on their own, for two roles", &[DOCTOR, BILLING], 0, &[0; 40]).done(),
        ),
        (
            "standalone-empty".into(),
            standalone("no bytes, under an empty context", &[APP], 0, b"")
                .with("context", "")
                .done(),
        ),
        (
            "standalone-expiry".into(),
            standalone("bytes on their own, for a while", &[APP], NOW + 2 * 86_400, b"\x00").done(),
        ),
    ]
}

//! The JSON forms of rings, ids, classes and values, those of `tests/reference`, as the crate's types.

use fieldseal::class::MaskName;
use fieldseal::field::{ManyRows, Masking, NotNull, SingleRow};
use fieldseal::keyring::{KeyId, KeyMaterial, KeyState, KeyUse, RingKey, Scope};
use fieldseal::secret::Secret;
use fieldseal::{
    Access, Class, DataKeys, Error, ErrorKind, Field, Id, KeyRing, Mask, SealValue, Sealed, ToId,
};
use serde_json::{Value, json};

use super::forge::Seed;

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lower-case hex; for long bytes a list of parts, each hex or `{"byte": …, "times": …}`.
pub(crate) fn unhex(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect(),
        Value::Array(parts) => parts.iter().flat_map(unhex).collect(),
        _ => vec![unhex(&value["byte"])[0]; usize::try_from(int(&value["times"])).unwrap()],
    }
}

pub(crate) fn array<const N: usize>(value: &Value) -> [u8; N] {
    unhex(value).try_into().unwrap()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

pub(crate) fn int(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no integer: {value}"))
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn key_id(value: &Value) -> KeyId {
    KeyId::new(int(value).try_into().unwrap()).unwrap()
}

/// A text that lives as long as the test: declarations are constants.
pub(crate) fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn names(value: &Value) -> &'static [&'static str] {
    Box::leak(list(value).iter().map(|name| leak(text(name))).collect())
}

fn state(value: &Value) -> KeyState {
    match text(value) {
        "primary" => KeyState::Primary,
        "open-only" => KeyState::OpenOnly,
        "disabled" => KeyState::Disabled,
        "compromised" => KeyState::Compromised,
        "destroyed" => KeyState::Destroyed,
        other => panic!("state {other}"),
    }
}

pub(crate) fn ring(value: &Value) -> KeyRing {
    let mut ring = KeyRing::empty();
    for (position, key) in list(&value["keys"]).iter().enumerate() {
        let (id, name, state) = (key_id(&key["id"]), text(&key["name"]), state(&key["state"]));
        let key_use: KeyUse = text(&key["use"]).parse().unwrap();
        let writer = || array(&key["writer"]);
        let key = match text(&key["form"]) {
            "symmetric" => RingKey::symmetric(id, key_use, name, state, &array(&key["secret"])),
            "pair" => RingKey::key_pair(id, name, state, &array(&key["private"]), &writer()),
            "writer" => RingKey::writer_half(id, name, state, &array(&key["public"]), &writer()),
            "derived" => {
                let of = list(&key["derived"]).iter();
                let keys = of.map(|of| (scope(of), Secret::from_bytes(&array(&of["key"]))));
                RingKey::derived(id, key_use, state, keys.collect())
            }
            #[cfg(feature = "file")]
            "public" => {
                let public =
                    fieldseal::keyring::VerifyingKey::new(id, &array(&key["public"])).unwrap();
                RingKey::public_half(public, state)
            }
            "name-only" => RingKey::name_only(id, key_use, name, state),
            other => panic!("form {other}"),
        };
        ring.insert(hinted(key.unwrap(), &value["keys"][position])).unwrap();
    }
    ring
}

/// The same key with what its JSON form says of its age.
fn hinted(mut key: RingKey, form: &Value) -> RingKey {
    if let Some(seconds) = form["created_at"].as_u64() {
        key = key.with_created_at(seconds);
    }
    if let Some(days) = form["rotate_after_days"].as_u64() {
        key = key.with_rotate_after_days(days.try_into().unwrap());
    }
    key
}

/// What a derived key serves.
pub(crate) fn scope(value: &Value) -> Scope {
    let tenant = text(&value["tenant"]);
    match value["purpose"].as_str() {
        Some(purpose) => Scope::pseudonym(tenant, purpose).unwrap(),
        None => Scope::index(tenant, text(&value["record"]), text(&value["index"])).unwrap(),
    }
}

/// The JSON form of a ring, its secrets too.
pub(crate) fn ring_form(ring: &KeyRing) -> Value {
    json!({"keys": ring.keys().map(key_form).collect::<Vec<_>>()})
}

fn key_form(key: &RingKey) -> Value {
    let mut form = json!({
        "id": key.id().get(), "use": key.key_use().as_str(), "name": key.name(),
        "state": key.state().as_str(),
    });
    if let Some(seconds) = key.created_at() {
        form["created_at"] = seconds.into();
    }
    if let Some(days) = key.rotate_after_days() {
        form["rotate_after_days"] = days.into();
    }
    let secret = key.expose_secret().map(|secret| hex(secret.expose()));
    if let Some((public, writer)) = key.expose_writer_half() {
        form["form"] = if secret.is_some() { "pair" } else { "writer" }.into();
        form["public"] = hex(&public).into();
        form["writer"] = hex(writer.expose()).into();
        if let Some(private) = secret {
            form["private"] = private.into();
        }
    } else if let Some(secret) = secret {
        form["form"] = "symmetric".into();
        form["secret"] = secret.into();
    } else if key.scopes().next().is_some() {
        form["form"] = "derived".into();
        let of = key.scopes().map(|scope| derived_form(key, scope));
        form["derived"] = of.collect();
    } else if key.holds() == KeyMaterial::Public {
        form["form"] = "public".into();
        #[cfg(feature = "file")]
        if let Some(public) = key.public_key() {
            form["public"] = hex(&public).into();
        }
    } else {
        form["form"] = "name-only".into();
    }
    form
}

fn derived_form(key: &RingKey, scope: &Scope) -> Value {
    let secret = hex(key.expose_derived(scope).unwrap().expose());
    match scope {
        Scope::Index { tenant, record, index, .. } => json!({
            "tenant": &**tenant, "record": &**record, "index": &**index, "key": secret,
        }),
        Scope::Pseudonym { tenant, purpose, .. } => {
            json!({"tenant": &**tenant, "purpose": &**purpose, "key": secret})
        }
        _ => panic!("a scope that is new"),
    }
}

/// An id; none for the row of a record of which a subject has one.
pub(crate) fn id(value: &Value) -> Option<Id> {
    let (form, of) = value.as_object()?.iter().next().unwrap();
    let part = |at: usize| id(&of[at]).unwrap();
    let id = match form.as_str() {
        "int" => text(of).parse::<i128>().unwrap().to_id(),
        "text" => text(of).to_id(),
        "uuid" => Ok(Id::from_uuid_bytes(array(of))),
        "bytes" => unhex(of).to_id(),
        "composite" if list(of).len() == 2 => (part(0), part(1)).to_id(),
        "composite" if list(of).len() == 3 => (part(0), part(1), part(2)).to_id(),
        other => panic!("id form {other}"),
    };
    Some(id.unwrap())
}

pub(crate) fn class(value: &Value) -> Class<'static> {
    if text(&value["name"]).starts_with("mask.") {
        let days = |days: &Value| days.as_u64().unwrap_or_default().try_into().unwrap();
        let (retained, period) = (days(&value["retain_days"]), value["period"].as_u64());
        let period = period.unwrap_or_default() / 86_400;
        let (name, readers) = (text(&value["name"]), names(&value["readers"]));
        let mut source = Class::new(leak(name.trim_start_matches("mask.")));
        if retained > 0 {
            source = source.retain_days(retained);
        }
        if period > 0 {
            source = source.generation_days(period.try_into().unwrap());
        }
        return Class::mask_of(&source, Box::leak(Box::new(MaskName::of(&source))), readers);
    }
    let mut class = Class::new(leak(text(&value["name"])));
    if !value["readers"].is_null() {
        class = class.readers(names(&value["readers"]));
    }
    if !list(&value["consent"]).is_empty() {
        class = class.readers_with_consent(names(&value["consent"]));
    }
    if let Some(days @ 1..) = value["retain_days"].as_u64() {
        class = class.retain_days(days.try_into().unwrap());
        if let Some(period) = value["period"].as_u64() {
            class = class.generation_days((period / 86_400).try_into().unwrap());
        }
    }
    class
}

/// Access to a ring under the tenant, time, floor and mode that a file names.
pub(crate) fn access<'a>(ring: &'a KeyRing, file: &'a Value) -> Access<'a> {
    let mut access = Access::new(ring).tenant(text(&file["tenant"])).at(int(&file["now"]));
    if let Some(floor) = file["floor"].as_u64() {
        access = access.version_floor(floor);
    }
    if file["rescue"] == true { access.rescue() } else { access }
}

/// The word of FORMAT.md, section 18, which leaves undivided what the crate divides.
pub(crate) fn word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Declaration | ErrorKind::FailedPrecondition => "invalid-input",
        kind => kind.as_str(),
    }
}

pub(crate) fn kind<T>(result: Result<T, Error>) -> Result<T, ErrorKind> {
    result.map_err(|error| error.kind())
}

/// A type of values with its JSON form.
trait Form: NotNull + SealValue<Column = Sealed<Self>> {
    fn from_json(value: &Value) -> Self;
    fn to_json(&self) -> Value;
}

macro_rules! forms {
    ($($type:ty: |$json:ident| $from:expr, |$value:ident| $to:expr;)*) => {$(
        impl Form for $type {
            fn from_json($json: &Value) -> Self { $from }
            fn to_json(&self) -> Value { let $value = self; $to }
        }
    )*};
}

macro_rules! integer_forms {
    ($($type:ty)*) => { forms! {$(
        $type: |json| text(&json["v"]).parse().unwrap(),
            |value| json!({"t": "int", "v": value.to_string()});
    )*} };
}

integer_forms!(u8 u16 u32 u64 i8 i16 i32 i64);

forms! {
    String: |json| text(&json["v"]).into(), |value| json!({"t": "text", "v": value});
    Vec<u8>: |json| unhex(&json["v"]), |value| json!({"t": "bytes", "v": hex(value)});
    bool: |json| json["v"] == true, |value| json!({"t": "bool", "v": value});
    f32: |json| Self::from_bits(u32::from_be_bytes(array(&json["v"]))),
        |value| json!({"t": "f32", "v": hex(&value.to_bits().to_be_bytes())});
    f64: |json| Self::from_bits(u64::from_be_bytes(array(&json["v"]))),
        |value| json!({"t": "f64", "v": hex(&value.to_bits().to_be_bytes())});
    Vec<String>: |json| list(&json["v"]).iter().map(String::from_json).collect(),
        |value| json!({"t": "array", "v": value.iter().map(Form::to_json).collect::<Vec<_>>()});
    Vec<i64>: |json| list(&json["v"]).iter().map(i64::from_json).collect(),
        |value| json!({"t": "array", "v": value.iter().map(Form::to_json).collect::<Vec<_>>()});
}

#[cfg(feature = "uuid")]
forms! {
    uuid::Uuid: |json| Self::from_bytes(array(&json["v"])),
        |value| json!({"t": "uuid", "v": hex(value.as_bytes())});
}

#[cfg(feature = "jiff")]
forms! {
    jiff::civil::Date: |json| text(&json["v"]).parse().unwrap(),
        |value| json!({"t": "date", "v": value.to_string()});
    jiff::Timestamp:
        |json| Self::from_nanosecond(
            text(&json["s"]).parse::<i128>().unwrap() * 1_000_000_000 + i128::from(int(&json["n"])),
        ).unwrap(),
        |value| {
            let total = value.as_nanosecond();
            let (seconds, nanos) = (total.div_euclid(1_000_000_000), total.rem_euclid(1_000_000_000));
            json!({"t": "instant", "s": seconds.to_string(), "n": u64::try_from(nanos).unwrap()})
        };
}

#[cfg(feature = "rust_decimal")]
forms! {
    rust_decimal::Decimal:
        |json| Self::from_i128_with_scale(
            text(&json["m"]).parse().unwrap(),
            u32::try_from(-json["e"].as_i64().unwrap()).unwrap(),
        ),
        |value| json!({"t": "decimal", "e": -i64::from(value.scale()), "m": value.mantissa().to_string()});
}

#[cfg(feature = "serde")]
type TextMap = fieldseal::field::Structured<std::collections::BTreeMap<String, i64>>;

#[cfg(feature = "serde")]
forms! {
    TextMap:
        |json| fieldseal::field::Structured(
            list(&json["v"])
                .iter()
                .map(|pair| (String::from_json(&pair[0]), i64::from_json(&pair[1])))
                .collect(),
        ),
        |value| {
            let pairs = value.0.iter().map(|(key, value)| json!([key.to_json(), value.to_json()]));
            json!({"t": "map", "v": pairs.collect::<Vec<_>>()})
        };
}

#[cfg(feature = "serde_json")]
forms! {
    Value: |json| serde_json::from_str(text(&json["v"])).unwrap(),
        |value| json!({"t": "json", "v": value.to_string()});
}

/// A structure with each form of PT-14, its fields out of the order of their names.
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
struct Shape {
    title: String,
    size: Option<u32>,
    forms: Vec<Variant>,
    pair: (i64, bool),
    mark: char,
    unit: (),
    address: std::net::IpAddr,
    small: Vec<u8>,
}

#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
enum Variant {
    Plain,
    Wrapped(i64),
    Two(i64, String),
    Named { z: i64, a: String },
}

#[cfg(feature = "serde")]
type Structure = fieldseal::field::Structured<Shape>;

#[cfg(feature = "serde")]
forms! {
    Structure: |json| fieldseal::field::Structured(serde_json::from_value(without_forms(json)).unwrap()),
        |value| with_forms(&serde_json::to_value(&value.0).unwrap());
}

/// The JSON of a structure, of the form of its item.
#[cfg(feature = "serde")]
fn without_forms(form: &Value) -> Value {
    let v = &form["v"];
    match text(&form["t"]) {
        "null" => Value::Null,
        "int" => text(v).parse::<i64>().unwrap().into(),
        "array" => list(v).iter().map(without_forms).collect(),
        "map" => {
            let pairs = list(v).iter();
            pairs.map(|pair| (String::from_json(&pair[0]), without_forms(&pair[1]))).collect()
        }
        _ => v.clone(),
    }
}

/// The form of an item, of the JSON of a structure.
#[cfg(feature = "serde")]
fn with_forms(json: &Value) -> Value {
    // A map of `serde_json` has no order of its own; the item has that of the declaration.
    const ORDER: [&str; 10] =
        ["title", "size", "forms", "pair", "mark", "unit", "address", "small", "z", "a"];
    match json {
        Value::Null => json!({"t": "null"}),
        Value::Bool(value) => value.to_json(),
        Value::Number(number) => number.as_i64().unwrap().to_json(),
        Value::String(text) => text.to_json(),
        Value::Array(items) => {
            json!({"t": "array", "v": items.iter().map(with_forms).collect::<Vec<_>>()})
        }
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by_key(|(key, _)| ORDER.iter().position(|name| name == key));
            let pairs = pairs.iter().map(|(key, value)| json!([key.to_json(), with_forms(value)]));
            json!({"t": "map", "v": pairs.collect::<Vec<_>>()})
        }
    }
}

/// Does something with the type of a name; nothing if this build lacks it.
macro_rules! by_type {
    ($name:expr, $type:ident => $body:expr) => {{
        macro_rules! is {
            ($of:ty) => {{
                type $type = $of;
                Some($body)
            }};
        }
        match $name {
            "text" => is!(String),
            "bytes" => is!(Vec<u8>),
            "bool" => is!(bool),
            "u8" => is!(u8),
            "u16" => is!(u16),
            "u32" => is!(u32),
            "u64" => is!(u64),
            "i8" => is!(i8),
            "i16" => is!(i16),
            "i32" => is!(i32),
            "i64" => is!(i64),
            "f32" => is!(f32),
            "f64" => is!(f64),
            "array of text" => is!(Vec<String>),
            "array of i64" => is!(Vec<i64>),
            #[cfg(feature = "serde")]
            "map of text to i64" => is!(TextMap),
            #[cfg(feature = "serde")]
            "structure" => is!(Structure),
            #[cfg(feature = "serde_json")]
            "json" => is!(Value),
            #[cfg(feature = "uuid")]
            "uuid" => is!(uuid::Uuid),
            #[cfg(feature = "jiff")]
            "date" => is!(jiff::civil::Date),
            #[cfg(feature = "jiff")]
            "instant" => is!(jiff::Timestamp),
            #[cfg(feature = "rust_decimal")]
            "decimal" => is!(rust_decimal::Decimal),
            _ => None,
        }
    }};
}

/// A field of one row, from its JSON form.
pub(crate) struct FieldAt<'a> {
    pub(crate) json: &'a Value,
    pub(crate) class: Class<'static>,
}

impl<'a> FieldAt<'a> {
    pub(crate) fn new(json: &'a Value, class: Class<'static>) -> Self {
        Self { json, class }
    }

    fn declared<T, R>(&self) -> Field<T, R> {
        let json = self.json;
        let mut field =
            Field::new(leak(text(&json["record"])), leak(text(&json["field"])), self.class);
        let pad = json["pad"].as_u64().unwrap_or(16).try_into().unwrap();
        field = if json["hide_absence"] == true { field.hide_null(pad) } else { field.pad(pad) };
        if json["was"].is_null() { field } else { field.was(class(&json["was"])) }
    }

    /// Seals the value of the JSON form; none if this build lacks its type.
    pub(crate) fn seal(
        &self,
        keys: &DataKeys,
        seed: [u8; 32],
    ) -> Option<Result<Vec<u8>, ErrorKind>> {
        by_type!(text(&self.json["type"]), T => self.seal_as::<T>(keys, &mut Seed(seed)))
    }

    fn seal_as<T: Form>(&self, keys: &DataKeys, seed: &mut Seed) -> Result<Vec<u8>, ErrorKind> {
        let value = &self.json["value"];
        let value = (value["t"] != "null").then(|| T::from_json(value));
        let row = id(&self.json["row"]);
        if self.json["hide_absence"] == true {
            let sealed = match row {
                None => self.declared::<Option<T>, _>().seal_with_rng(keys, &value, seed),
                Some(row) => self
                    .declared::<Option<T>, ManyRows>()
                    .row(row)
                    .and_then(|field| field.seal_with_rng(keys, &value, seed)),
            };
            return kind(sealed).map(|column| column.unwrap().into_bytes());
        }
        let value = value.unwrap();
        let sealed = match row {
            None => self.declared::<T, _>().seal_with_rng(keys, &value, seed),
            Some(row) => self
                .declared::<T, ManyRows>()
                .row(row)
                .and_then(|field| field.seal_with_rng(keys, &value, seed)),
        };
        kind(sealed).map(Sealed::into_bytes)
    }

    /// Opens sealed bytes to the JSON form of their value; none if this build lacks the type.
    pub(crate) fn open(&self, keys: &DataKeys, sealed: &[u8]) -> Option<Result<Value, ErrorKind>> {
        if self.json["mask"] == true {
            return Some(self.open_mask(keys, sealed));
        }
        by_type!(text(&self.json["type"]), T => self.open_as::<T>(keys, sealed))
    }

    fn open_mask(&self, keys: &DataKeys, sealed: &[u8]) -> Result<Value, ErrorKind> {
        let column = Some(Sealed::from_bytes(sealed));
        let opened = match id(&self.json["row"]) {
            None => self.declared_mask::<SingleRow>().open(keys, &column),
            Some(row) => {
                self.declared_mask::<ManyRows>().row(row).and_then(|mask| mask.open(keys, &column))
            }
        };
        kind(opened).map(|text| text.map_or_else(|| json!({"t": "null"}), |text| text.to_json()))
    }

    fn declared_mask<R>(&self) -> Mask<String, R> {
        let json = self.json;
        let (record, field) = (leak(text(&json["record"])), leak(text(&json["field"])));
        // What is sealed is not shown by it, and its padding is not looked at.
        let mut mask = Mask::new(record, field, self.class, Masking::YEAR);
        let pad = json["pad"].as_u64().unwrap_or(32).max(13).try_into().unwrap();
        mask = if json["hide_absence"] == true { mask.hide_null(pad) } else { mask.pad(pad) };
        if json["was"].is_null() { mask } else { mask.was(class(&json["was"])) }
    }

    fn open_as<T: Form>(&self, keys: &DataKeys, sealed: &[u8]) -> Result<Value, ErrorKind> {
        let (row, column) = (id(&self.json["row"]), Sealed::from_bytes(sealed));
        if self.json["hide_absence"] == true && self.json["optional"] != false {
            let column = Some(column);
            let opened = match row {
                None => self.declared::<Option<T>, _>().open(keys, &column),
                Some(row) => self
                    .declared::<Option<T>, ManyRows>()
                    .row(row)
                    .and_then(|field| field.open(keys, &column)),
            };
            return kind(opened)
                .map(|value| value.map_or_else(|| json!({"t": "null"}), |value| value.to_json()));
        }
        let opened = match row {
            None => self.declared::<T, _>().open(keys, &column),
            Some(row) => {
                self.declared::<T, ManyRows>().row(row).and_then(|field| field.open(keys, &column))
            }
        };
        kind(opened).map(|value| value.to_json())
    }
}

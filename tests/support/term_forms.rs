//! Indexes, values and questions in their JSON forms, those of `tests/reference`, as the crate's types.

use std::collections::BTreeSet;
use std::ops::Bound;

use fieldseal::field::{Companion, Decoder, Encoder, IndexedField, ManyTerms, NotNull, Query};
use fieldseal::index::{Domain, Normalizer, Term};
use fieldseal::{
    Access, Class, DataKeys, Error, ErrorKind, Field, Index, KeyRing, SealValue, Sealed,
};
use serde_json::{Value, json};

use super::forms::{array, hex, int, kind, leak, list, ring, text, unhex};
use super::positives::{ring_of, symmetric};

/// A value of any sort.
pub(crate) struct Any(Value);

/// What all indexes are of here.
type Maybe = Option<Any>;

impl NotNull for Any {}

impl SealValue for Any {
    type Column = Sealed<Self>;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
        encode(&self.0, to)
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self(json!({"t": "text", "v": from.text()?})))
    }
}

fn encode(value: &Value, to: &mut Encoder<'_>) -> Result<(), Error> {
    let v = &value["v"];
    match text(&value["t"]) {
        "text" => to.text(text(v)),
        "bytes" => to.bytes(&unhex(v)),
        "bool" => to.bool(*v == true),
        "int" => match text(v).parse() {
            Ok(signed) => to.signed(signed),
            Err(_) => to.unsigned(text(v).parse().unwrap()),
        },
        "f32" => to.f32(f32::from_bits(u32::from_be_bytes(array(v)))),
        "f64" => to.f64(f64::from_bits(u64::from_be_bytes(array(v)))),
        "array" => {
            to.array(list(v).len())?;
            list(v).iter().try_for_each(|item| encode(item, to))
        }
        "map" => {
            to.map(list(v).len())?;
            list(v).iter().flat_map(list).try_for_each(|item| encode(item, to))
        }
        #[cfg(feature = "uuid")]
        "uuid" => uuid::Uuid::from_bytes(array(v)).encode(to),
        #[cfg(feature = "jiff")]
        "date" => text(v).parse::<jiff::civil::Date>().unwrap().encode(to),
        #[cfg(feature = "jiff")]
        "instant" => {
            let seconds = text(&value["s"]).parse::<i128>().unwrap() * 1_000_000_000;
            let of = jiff::Timestamp::from_nanosecond(seconds + i128::from(int(&value["n"])));
            of.unwrap().encode(to)
        }
        #[cfg(feature = "rust_decimal")]
        "decimal" => {
            let places = u32::try_from(-value["e"].as_i64().unwrap()).unwrap();
            let mantissa = text(&value["m"]).parse().unwrap();
            rust_decimal::Decimal::from_i128_with_scale(mantissa, places).encode(to)
        }
        other => panic!("no value {other}"),
    }
}

fn maybe(value: &Value) -> Maybe {
    (value["t"] != "null").then(|| Any(value.clone()))
}

/// Whether this build has the types and normalizers that a request names.
pub(crate) fn is_built(request: &Value) -> bool {
    let shown = request.to_string();
    let names = |what: &str, name: &str| shown.contains(&format!("\"{what}\":\"{name}\""));
    (cfg!(feature = "uuid") || !names("t", "uuid"))
        && (cfg!(feature = "jiff") || !(names("t", "date") || names("t", "instant")))
        && (cfg!(feature = "rust_decimal") || !names("t", "decimal"))
        && list(&request["index"]["normalizers"]).iter().all(|name| normalizer(name).is_some())
        // [NO-3]
        && (cfg!(feature = "unicode")
            || !shown.contains("\"email\"")
            || (shown.is_ascii() && !shown.to_ascii_lowercase().contains("xn--")))
}

/// A normalizer by its name; none if this build lacks it.
fn normalizer(name: &Value) -> Option<Normalizer> {
    match text(name) {
        "none" => Some(Normalizer::NONE),
        "email" => Some(Normalizer::EMAIL),
        #[cfg(feature = "unicode")]
        "text" => Some(Normalizer::TEXT),
        #[cfg(feature = "unicode")]
        "text without accents" => Some(Normalizer::TEXT.without_accents()),
        "digits" => Some(Normalizer::DIGITS),
        "date" => Some(Normalizer::DATE),
        _ => None,
    }
}

enum Of {
    One(Index<Maybe>),
    Two(Index<(Maybe, Maybe)>),
    Three(Index<(Maybe, Maybe, Maybe)>),
    Many(Index<Maybe, ManyTerms>),
}

fn domain(json: &Value) -> Domain {
    let (least, greatest) = (leak(text(&json["least"])), leak(text(&json["greatest"])));
    let domain = match text(&json["unit"]) {
        "day" => Domain::dates(least, greatest),
        "decimal" => Domain::decimals(least, greatest),
        _ => Domain::integers(least.parse().unwrap(), greatest.parse().unwrap()),
    };
    domain.step(json["step"].as_u64().unwrap_or(1))
}

fn index(json: &Value) -> Of {
    let (record, id) = (leak(text(&json["record"])), leak(text(&json["index"])));
    let length = || u8::try_from(int(&json["length"])).unwrap();
    let normalizers: Vec<Normalizer> =
        list(&json["normalizers"]).iter().map(|name| normalizer(name).unwrap()).collect();
    let of = match (text(&json["shape"]), normalizers.len()) {
        ("exact", _) => Of::One(Index::exact(record, id)),
        ("compound", 2) => {
            Of::Two(Index::<(Maybe, Maybe)>::compound(record, id, normalizers.leak()))
        }
        ("compound", 3) => {
            Of::Three(Index::<(Maybe, Maybe, Maybe)>::compound(record, id, normalizers.leak()))
        }
        ("prefix", _) => Of::Many(Index::prefix(record, id, length())),
        ("words", _) => Of::Many(Index::words(record, id)),
        ("range", _) => {
            let of = Index::range(record, id, domain(&json["domain"]));
            let levels = json["levels"].as_u64();
            Of::Many(levels.map_or(of, |levels| of.levels(levels.try_into().unwrap())))
        }
        (other, parts) => panic!("no index {other} of {parts}"),
    };
    let of = match (of, list(&json["normalizers"])) {
        (Of::One(index), [name]) => Of::One(index.normalized(normalizer(name).unwrap())),
        (Of::Many(index), [name]) => Of::Many(index.normalized(normalizer(name).unwrap())),
        (of, _) => of,
    };
    let of = match (of, json["lenient"] == true) {
        (Of::One(index), true) => Of::One(index.lenient()),
        (Of::Many(index), true) => Of::Many(index.lenient()),
        (of, _) => of,
    };
    // What it tells is no matter here.
    match of {
        Of::One(index) => Of::One(cut(index, json).allow_leakage("a test")),
        Of::Two(index) => Of::Two(cut(index, json).allow_leakage("a test")),
        Of::Three(index) => Of::Three(cut(index, json).allow_leakage("a test")),
        Of::Many(index) => Of::Many(cut(index, json).allow_leakage("a test")),
    }
}

fn cut<T, K>(index: Index<T, K>, json: &Value) -> Index<T, K> {
    json["bits"].as_u64().map_or(index, |bits| index.bits(bits.try_into().unwrap()))
}

/// The ring of a request, with what it takes to seal a value.
fn sealing(request: &Value) -> KeyRing {
    let mut keys = list(&request["ring"]["keys"]).to_vec();
    keys.retain(|key| key["use"] == "index" || key["use"] == "pseudonym");
    let mut free = (1..).filter(|id| keys.iter().all(|key| key["id"] != *id));
    let (wrap, envelope) = (free.next().unwrap(), free.next().unwrap());
    drop(free);
    keys.push(symmetric(wrap, "wrap", "app", "primary"));
    keys.push(symmetric(envelope, "envelope", "envelope", "primary"));
    ring(&ring_of(&keys))
}

/// The terms that are written with a value, in hex and in order.
pub(crate) fn written(request: &Value) -> Result<Vec<String>, ErrorKind> {
    let shown = |term: &Term| hex(term.as_bytes());
    let keys = sealing(request);
    let access = Access::new(&keys).tenant(text(&request["tenant"]));
    let values = list(&request["values"]);
    let sealed = |index: &'static str, companion: Companion<'static>| {
        let keys = DataKeys::create(access, 42, [Class::PERSONAL])?;
        let companions = Box::leak(Box::new([companion]));
        let field: IndexedField<Maybe> =
            Field::new(index, "any", Class::PERSONAL).with("any", companions);
        field.update(&keys, &maybe(&values[0]))
    };
    let made = match index(&request["index"]) {
        Of::One(index) => sealed(index.record(), Companion::index(&index, "any_index"))
            .map(|update| update.term(&index).map(shown).into_iter().collect()),
        Of::Many(index) => sealed(index.record(), Companion::in_table(&index)).map(|update| {
            update.terms(&index).unwrap().as_slice().unwrap().iter().map(shown).collect()
        }),
        // A compound one is written with a whole record: asked for is the same term.
        _ if values.iter().any(|value| value["t"] == "null") => Ok(Vec::new()),
        _ => {
            let mut request = request.clone();
            let keys = request["ring"]["keys"].as_array_mut().unwrap();
            keys.retain(|key| key["state"] == "primary");
            return asked(&request).map(|groups| groups.into_iter().flatten().collect());
        }
    };
    kind(made)
}

/// The groups of terms that ask, each in order.
pub(crate) fn asked(request: &Value) -> Result<BTreeSet<Vec<String>>, ErrorKind> {
    let keys = ring(&request["ring"]);
    let groups = match index(&request["index"]) {
        Of::One(index) => one(&index, &keys, request).map(|query| shown(&query)),
        Of::Two(index) => two(&index, &keys, request).map(|query| shown(&query)),
        Of::Three(index) => three(&index, &keys, request).map(|query| shown(&query)),
        Of::Many(index) => many(&index, &keys, request).map(|query| shown(&query)),
    };
    kind(groups)
}

fn shown<T>(query: &Query<T>) -> BTreeSet<Vec<String>> {
    let group = |terms: &Vec<Term>| {
        let mut terms: Vec<_> = terms.iter().map(|term| hex(term.as_bytes())).collect();
        terms.sort_unstable();
        terms
    };
    query.groups().iter().map(group).collect()
}

/// Whether a value is what is asked for.
pub(crate) fn matches(request: &Value, found: &[Value]) -> Result<bool, ErrorKind> {
    let keys = ring(&request["ring"]);
    let found: Vec<Maybe> = found.iter().map(maybe).collect();
    let matches = match (index(&request["index"]), found.as_slice()) {
        (Of::One(index), [a]) => one(&index, &keys, request).and_then(|query| query.matches(a)),
        (Of::Two(index), [a, b]) => {
            two(&index, &keys, request).and_then(|query| query.matches(&(a, b)))
        }
        (Of::Three(index), [a, b, c]) => {
            three(&index, &keys, request).and_then(|query| query.matches(&(a, b, c)))
        }
        (Of::Many(index), [a]) => many(&index, &keys, request).and_then(|query| query.matches(a)),
        _ => panic!("another number of parts"),
    };
    kind(matches)
}

fn access<'a>(keys: &'a KeyRing, request: &'a Value) -> Access<'a> {
    Access::new(keys).tenant(text(&request["tenant"]))
}

fn values(request: &Value) -> Vec<Maybe> {
    list(&request["values"]).iter().map(maybe).collect()
}

fn one(
    index: &Index<Maybe>,
    keys: &KeyRing,
    request: &Value,
) -> Result<Query<'static, Maybe>, Error> {
    index.query(access(keys, request), &values(request)[0])
}

fn two(
    index: &Index<(Maybe, Maybe)>,
    keys: &KeyRing,
    request: &Value,
) -> Result<Query<'static, (Maybe, Maybe)>, Error> {
    let of = values(request);
    index.query(access(keys, request), &(&of[0], &of[1]))
}

fn three(
    index: &Index<(Maybe, Maybe, Maybe)>,
    keys: &KeyRing,
    request: &Value,
) -> Result<Query<'static, (Maybe, Maybe, Maybe)>, Error> {
    let of = values(request);
    index.query(access(keys, request), &(&of[0], &of[1], &of[2]))
}

fn many(
    index: &Index<Maybe, ManyTerms>,
    keys: &KeyRing,
    request: &Value,
) -> Result<Query<'static, Maybe>, Error> {
    let access = access(keys, request);
    let [least, greatest] = list(&request["between"]) else {
        return index.query(access, &values(request)[0]);
    };
    let end = |end: &Value| match (end.is_null(), end["left_out"] == true) {
        (true, _) => Bound::Unbounded,
        (false, false) => Bound::Included(maybe(&end["value"])),
        (false, true) => Bound::Excluded(maybe(&end["value"])),
    };
    index.between(access, (end(least), end(greatest)))
}

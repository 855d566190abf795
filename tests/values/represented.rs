//! Every representation of serde with every kind of value: it opens as it was, or is refused when it is sealed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use fieldseal::field::Structured;
use serde::de::DeserializeOwned;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::*;

#[derive(Serialize, Deserialize, Debug, Clone)]
enum External<T> {
    New(T),
    Pair(T, u8),
    Named { value: T },
}

#[derive(Serialize, Deserialize, Debug, Clone)]
#[serde(tag = "kind")]
enum Internal<T> {
    Other,
    Named { value: T },
}

#[derive(Serialize, Deserialize, Debug, Clone)]
#[serde(tag = "kind", content = "of")]
enum Adjacent<T> {
    Other,
    New(T),
    Pair(T, u8),
    Named { value: T },
}

#[derive(Serialize, Deserialize, Debug, Clone)]
#[serde(untagged)]
enum Untagged<T> {
    Named { value: T, really: bool },
    New(T),
}

#[derive(Serialize, Deserialize, Debug, Clone)]
struct Inner<T> {
    value: T,
}

#[derive(Serialize, Deserialize, Debug, Clone)]
struct Flat<T> {
    id: u8,
    #[serde(flatten)]
    inner: Inner<T>,
}

#[derive(Serialize, Deserialize, Debug, Clone)]
struct Rest<T> {
    id: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, T>,
}

#[derive(Serialize, Deserialize, Debug, Clone)]
struct Unit;

#[derive(Serialize, Deserialize, Debug, Clone)]
struct New<T>(T);

/// Whether it came back; the only other way is a refusal that says why. Debug tells NaN and -0.0 apart too.
fn survives<T: Serialize + DeserializeOwned + Debug>(value: T) -> bool {
    let (keys, field) = (keys(), field::<Structured<T>>());
    let value = Structured(value);
    match field.seal(&keys, &value) {
        Ok(sealed) => {
            let opened = field.open(&keys, &sealed).unwrap();
            assert_eq!(format!("{:?}", opened.0), format!("{:?}", value.0));
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            let why = error.to_string();
            assert!(
                why.contains("null") || why.contains("read back") || why.contains("integer"),
                "{why}"
            );
            false
        }
    }
}

/// The representations in which a value did not come back.
fn refused_in<T: Serialize + DeserializeOwned + Debug + Clone>(value: T) -> Vec<&'static str> {
    let v = || value.clone();
    let by_name = || BTreeMap::from([("a".to_owned(), v())]);
    let all = [
        ("newtype", survives((New(v()),))),
        ("field", survives(Inner { value: v() })),
        ("list", survives(vec![v(), v()])),
        ("map", survives(by_name())),
        ("external newtype", survives(External::New(v()))),
        ("external tuple", survives(External::Pair(v(), 1))),
        ("external struct", survives(External::Named { value: v() })),
        ("internal", survives(vec![Internal::Named { value: v() }, Internal::Other])),
        ("adjacent newtype", survives(vec![Adjacent::New(v()), Adjacent::Other])),
        ("adjacent tuple", survives(Adjacent::Pair(v(), 1))),
        ("adjacent struct", survives(Adjacent::Named { value: v() })),
        ("untagged newtype", survives((Untagged::New(v()),))),
        ("untagged struct", survives(Untagged::Named { value: v(), really: true })),
        ("untagged in internal", survives(Internal::Named { value: Untagged::New(v()) })),
        ("external in untagged", survives(Untagged::New(External::Pair(v(), 1)))),
        ("flattened", survives(Flat { id: 1, inner: Inner { value: v() } })),
        ("flattened map", survives(Rest { id: 1, rest: by_name() })),
    ];
    all.iter().filter(|(_, survived)| !survived).map(|(name, _)| *name).collect()
}

macro_rules! all_survive {
    ($($value:expr),* $(,)?) => {
        $(assert_eq!(refused_in($value), Vec::<&str>::new(), "{}", stringify!($value));)*
    };
}

#[test]
fn numbers_and_texts_come_back_in_every_representation() {
    all_survive!(
        true,
        u8::MAX,
        u16::MAX,
        u32::MAX,
        u64::MAX,
        i8::MIN,
        i16::MIN,
        i32::MIN,
        i64::MIN,
        1.5_f32,
        f32::NAN,
        f32::INFINITY,
        f64::MIN_POSITIVE,
        f64::NAN,
        f64::NEG_INFINITY,
        -0.0_f64,
        5e-324_f64,
        'ß',
        '\u{10FFFF}',
        "text".to_owned(),
        String::new(),
        "ß".to_owned().into_boxed_str(),
        Box::new(7_u8),
        New(7_u8),
    );
}

#[test]
fn composed_values_come_back_in_every_representation() {
    all_survive!(
        (),
        Unit,
        None::<u8>,
        Some(7_u8),
        vec![1_u8, 2],
        Vec::<u8>::new(),
        [1_u16, 2, 3],
        (1_u8, "a".to_owned(), 'c'),
        HashMap::from([("a".to_owned(), 1_i64)]),
        (0..40).map(|n| (n.to_string(), n)).collect::<BTreeMap<_, _>>(),
        External::Named { value: Some('x') },
        vec![Adjacent::New(1_u8), Adjacent::Other],
        serde_json::json!([null, {"a": null, "b": [], "c": {}, "d": -1.5, "e": "x", "f": u64::MAX}]),
    );
}

#[test]
fn values_of_the_standard_library_come_back_in_every_representation() {
    all_survive!(
        "192.0.2.1".parse::<IpAddr>().unwrap(),
        "2001:db8::1".parse::<IpAddr>().unwrap(),
        "[2001:db8::1]:443".parse::<SocketAddr>().unwrap(),
        Duration::new(u64::MAX, 999_999_999),
        SystemTime::UNIX_EPOCH + Duration::from_nanos(1),
        std::num::NonZeroU32::MIN,
        core::cmp::Reverse(3_u8),
        std::path::PathBuf::from("/tmp/x"),
        1..5_u8,
        Ok::<u8, String>(1),
    );
}

#[test]
fn keys_of_maps_that_are_no_texts_come_back_or_are_refused() {
    assert!(survives(BTreeMap::from([(1_u64, 2_u8), (u64::MAX, 3)])));
    assert!(survives(BTreeMap::from([((1_u8, -1_i8), 2_u8)])));
    assert!(survives(BTreeMap::from([('c', 2_u8)])));
    assert!(survives(BTreeMap::from([(true, 2_u8)])));
    for _ in 0..20 {
        let numbers = 0..50_u32;
        assert!(survives(numbers.clone().collect::<HashSet<_>>().len()));
        let keys = keys();
        let set: HashSet<u32> = numbers.clone().collect();
        let map: HashMap<u32, u32> = numbers.map(|n| (n, n)).collect();
        let both = Structured((set, map));
        let field = field::<Structured<(HashSet<u32>, HashMap<u32, u32>)>>();
        let sealed = field.seal(&keys, &both).unwrap();
        assert!(field.open(&keys, &sealed).unwrap().0 == both.0, "their order is not theirs");
    }
    refused_in(BTreeMap::from([(1_u64, 2_u8)]));
    refused_in(BTreeMap::from([(-5_i64, 2_u8)]));
}

#[test]
fn integers_of_128_bits_come_back_or_are_refused_with_the_reason() {
    let plain = [
        "newtype",
        "field",
        "list",
        "map",
        "external newtype",
        "external tuple",
        "external struct",
    ];
    for value in [0, 7, i128::from(u64::MAX), i128::from(i64::MIN)] {
        let refused = refused_in(value);
        assert!(plain.iter().all(|name| !refused.contains(name)), "{refused:?}");
        assert!(refused.contains(&"untagged newtype"), "{refused:?}");
    }
    for value in [i128::MIN, i128::MAX, i128::from(u64::MAX) + 1, i128::from(i64::MIN) - 1] {
        assert_eq!(refused_in(value).len(), 17);
    }
    assert_eq!(refused_in(u128::MAX).len(), 17);
}

#[test]
fn an_option_whose_value_is_null_is_refused() {
    assert!(!survives((Some(None::<u8>),)));
    assert!(!survives((Some(()),)));
    assert!(!survives((Some(Unit),)));
    assert!(!survives((Some(New(())),)));
    assert!(!survives((Some(serde_json::Value::Null),)));
    assert!(survives((None::<Option<u8>>, Some(Some(1)))));
    assert!(survives((Some(vec![()]), Some(serde_json::json!([null])))));
}

#[test]
fn a_structured_value_that_is_null_as_a_whole_is_refused() {
    #[derive(Serialize, Deserialize, Debug)]
    #[serde(untagged)]
    enum Perhaps {
        Nothing,
        Number(u8),
    }
    assert!(!survives(()));
    assert!(!survives(Unit));
    assert!(!survives(None::<u8>));
    assert!(!survives(serde_json::Value::Null));
    assert!(!survives(Perhaps::Nothing));
    assert!(survives(Perhaps::Number(1)));
    assert!(survives(vec![Perhaps::Nothing, Perhaps::Number(1)]));
}

#[test]
fn what_would_open_as_another_value_is_refused() {
    #[derive(Serialize, Deserialize, Debug)]
    #[serde(untagged)]
    enum Hidden {
        Short { a: u8 },
        Long { a: u8, b: u8 },
    }
    #[derive(Serialize, Deserialize, Debug)]
    struct Renamed {
        #[serde(rename(serialize = "out", deserialize = "in"))]
        a: u8,
    }
    #[derive(Serialize, Deserialize, Debug)]
    struct Defaulted {
        #[serde(rename(serialize = "out"), default)]
        a: u8,
    }
    fn lower<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        String::deserialize(from).map(|text| text.to_lowercase())
    }
    #[derive(Serialize, Deserialize, Debug)]
    struct Lowered(#[serde(deserialize_with = "lower")] String);
    assert!(survives(Hidden::Short { a: 1 }));
    assert!(!survives(Hidden::Long { a: 1, b: 2 }));
    assert!(!survives(Renamed { a: 1 }));
    assert!(!survives(Defaulted { a: 1 }));
    assert!(survives(Lowered("ada".into())));
    assert!(!survives(Lowered("Ada".into())));
}

#[test]
fn a_value_that_is_nested_too_deeply_is_refused_before_the_stack_ends() {
    let nested = |levels: usize| {
        (1..levels).fold(serde_json::json!([]), |inner, _| serde_json::Value::Array(vec![inner]))
    };
    assert!(survives(nested(64)));
    let (keys, field) = (keys(), field::<Structured<serde_json::Value>>());
    let deep = std::thread::Builder::new().stack_size(64 << 20);
    let sealed = deep.spawn(move || {
        let value = Structured(nested(10_000));
        let refused = field.seal(&keys, &value).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(refused.to_string().contains("64 levels"), "{refused}");
    });
    sealed.unwrap().join().unwrap();
}

/// A number as `serde_json` gives it where `arbitrary_precision` is on.
#[derive(Debug, PartialEq)]
struct Arbitrary(&'static str);

impl Serialize for Arbitrary {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut number = to.serialize_struct("$serde_json::private::Number", 1)?;
        number.serialize_field("$serde_json::private::Number", self.0)?;
        number.end()
    }
}

impl<'de> Deserialize<'de> for Arbitrary {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = serde_json::Number::deserialize(from)?.to_string();
        Ok(Self(text.leak()))
    }
}

#[test]
fn a_json_number_is_sealed_alike_with_and_without_arbitrary_precision() {
    let (keys, with, without) = (
        keys(),
        field::<Structured<Vec<Arbitrary>>>(),
        field::<Structured<Vec<serde_json::Number>>>(),
    );
    let texts = [
        "0",
        "-1",
        "18446744073709551615",
        "-9223372036854775808",
        "1.5",
        "-0.0",
        "1e16",
        "1e-7",
        "0.00001",
        "123456.789",
        "1.7976931348623157e308",
        "5e-324",
        "1e300",
        "100000.0",
        "999999999999999.9",
    ];
    for text in texts {
        let number: serde_json::Number = text.parse().unwrap();
        let text: &'static str = number.to_string().leak();
        let sealed = with.seal(&keys, &Structured(vec![Arbitrary(text)])).expect(text);
        assert_eq!(with.open(&keys, &sealed).unwrap().0, [Arbitrary(text)]);
        let opened = without.open(&keys, &Sealed::from_bytes(sealed.into_bytes())).unwrap();
        assert_eq!(opened.0, [number]);
    }
    for text in
        ["12.50", "1E5", "1e400", "18446744073709551616", "-0", "0.1000000000000000055", "1e5"]
    {
        let refused = with.seal(&keys, &Structured(vec![Arbitrary(text)])).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(refused.to_string().contains("JSON number"), "{refused}");
    }
}

#[cfg(feature = "serde_json")]
#[test]
fn json_is_a_value_and_null_stays_null() {
    use serde_json::{Value, json};
    let keys = keys();
    for value in [
        json!(null),
        json!([]),
        json!({}),
        json!([null]),
        json!({"a": [null, {"b": null}], "c": -0.0, "d": 1e300, "e": i64::MIN, "f": "1"}),
        json!("null"),
        json!(false),
    ] {
        comes_back(&keys, &value);
        let optional: Field<Option<Value>> = field();
        let sealed = optional.seal(&keys, &Some(value.clone())).unwrap();
        assert_eq!(optional.open(&keys, &sealed).unwrap(), Some(value.clone()));
        let hidden: Field<Option<Value>> = field().hide_null(128);
        for value in [None, Some(value)] {
            let sealed = hidden.seal(&keys, &value).unwrap();
            assert_eq!(hidden.open(&keys, &sealed).unwrap(), value);
        }
    }
    assert_eq!(reopened::<String, Value>(&keys, &"null".to_owned()), Err(ErrorKind::TypeMismatch));
    assert_eq!(reopened::<Vec<u64>, Value>(&keys, &vec![1, 2]), Err(ErrorKind::TypeMismatch));
}

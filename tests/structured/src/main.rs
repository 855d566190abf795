//! `seal FOLDER` writes what this build makes of each case, `open FOLDER` opens what every build wrote there.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use fieldseal::field::Structured;
use fieldseal::keyring::{KeyId, KeyState, KeyUse, RingKey};
use fieldseal::{Class, DataKeys, Field, KeyEnvelope, KeyRing, Sealed};
use serde::{Deserialize, Serialize};
use serde_json::Value;

type Anyhow<T> = Result<T, Box<dyn Error>>;

const JSON: Field<Value> = Field::new("customer", "json", Class::PERSONAL);
const SHAPE: Field<Structured<Shape>> = Field::new("customer", "shape", Class::PERSONAL);
const OTHERS: Field<Structured<Buffered>> = Field::new("customer", "others", Class::PERSONAL);
const BUILD: &str = if cfg!(feature = "all") { "all" } else { "none" };

/// Numbers and objects wherever serde buffers them.
#[derive(Serialize, Deserialize)]
struct Shape {
    value: Value,
    number: serde_json::Number,
    tagged: Tagged,
    either: Either,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Amount { of: f64, count: u64, note: Option<String> },
}

/// Values of other crates, in the text that they give for people.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Others {
    uuid: uuid::Uuid,
    jiff_date: jiff::civil::Date,
    jiff_instant: jiff::Timestamp,
    jiff_duration: jiff::SignedDuration,
    chrono_date: chrono::NaiveDate,
    chrono_instant: chrono::DateTime<chrono::Utc>,
    time_date: time::Date,
    time_instant: time::OffsetDateTime,
    decimal: rust_decimal::Decimal,
    maybe: Option<uuid::Uuid>,
}

/// The same wherever serde buffers them.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Buffered {
    plain: Others,
    tagged: Tag,
    either: Untagged,
    #[serde(flatten)]
    flat: Others,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(tag = "kind")]
enum Tag {
    Of(Others),
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(untagged)]
enum Untagged {
    Nothing { nothing: bool },
    Of(Others),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Count(i64),
    Share(f64),
    Text(String),
}

/// JSON that both builds read and seal.
const TEXTS: [&str; 12] = [
    "null",
    "[null, {}]",
    "0",
    "18446744073709551615",
    "-9223372036854775808",
    "1.5",
    "-0.0",
    "0.1",
    "5e-324",
    "1e300",
    r#"{"b": 1, "a": {"d": 2.5, "c": [true, "x"]}}"#,
    r#"{"": null, "z": [], "A": -1}"#,
];

/// Texts of numbers that no item holds: the build that keeps the text refuses them.
const REFUSED: [&str; 5] = ["1.10", "1e400", "18446744073709551616", "-0", "0.1000000000000000055"];

fn ring() -> Anyhow<KeyRing> {
    let mut ring = KeyRing::empty();
    for (number, key_use, name) in [(1, KeyUse::Wrap, "app"), (2, KeyUse::Envelope, "envelope")] {
        let id = KeyId::new(number).ok_or("no id")?;
        let secret = [number as u8; 32];
        ring.insert(RingKey::symmetric(id, key_use, name, KeyState::Primary, &secret)?)?;
    }
    Ok(ring)
}

fn shape(text: &str) -> Anyhow<Structured<Shape>> {
    let value: Value = serde_json::from_str(text)?;
    let number = match &value {
        Value::Number(number) => number.clone(),
        _ => 7.into(),
    };
    let either = match number.as_i64() {
        Some(count) => Either::Count(count),
        None => number
            .as_f64()
            .filter(|of| of.fract() != 0.0)
            .map_or_else(|| Either::Text(text.into()), Either::Share),
    };
    let tagged = Tagged::Amount { of: 2.5, count: u64::MAX, note: None };
    let rest = [("one".to_owned(), value.clone()), ("two".to_owned(), value.clone())].into();
    Ok(Structured(Shape { value, number, tagged, either, rest }))
}

/// Equal as values, however a build keeps their numbers and orders their keys.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            (a.as_u64(), a.as_i64()) == (b.as_u64(), b.as_i64())
                && a.as_f64().map(f64::to_bits) == b.as_f64().map(f64::to_bits)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b)))
        }
        _ => a == b,
    }
}

fn others() -> Anyhow<[Structured<Buffered>; 2]> {
    let second = Others {
        uuid: "00112233-4455-6677-8899-aabbccddeeff".parse()?,
        jiff_date: "2024-02-29".parse()?,
        jiff_instant: "2024-02-29T23:59:59.123456789Z".parse()?,
        jiff_duration: "-PT4H5.000000001S".parse()?,
        chrono_date: "2024-02-29".parse()?,
        chrono_instant: "2024-02-29T23:59:59.123456789Z".parse()?,
        time_date: time::Date::from_ordinal_date(2024, 60)?,
        time_instant: time::OffsetDateTime::from_unix_timestamp_nanos(1_709_251_199_123_456_789)?,
        decimal: "1.10".parse()?,
        maybe: Some(uuid::Uuid::nil()),
    };
    let first = Others {
        jiff_instant: jiff::Timestamp::UNIX_EPOCH,
        chrono_instant: chrono::DateTime::UNIX_EPOCH,
        time_instant: time::OffsetDateTime::UNIX_EPOCH,
        maybe: None,
        ..second.clone()
    };
    Ok([first, second].map(|of| {
        let (tagged, either) = (Tag::Of(of.clone()), Untagged::Of(of.clone()));
        Structured(Buffered { plain: of.clone(), tagged, either, flat: of })
    }))
}

fn seal(folder: &Path) -> Anyhow<()> {
    let (ring, folder) = (ring()?, folder.join(BUILD));
    std::fs::create_dir_all(&folder)?;
    let keys = DataKeys::create(&ring, 42, JSON)?;
    std::fs::write(folder.join("envelope"), keys.envelope().as_bytes())?;
    for (number, text) in TEXTS.iter().enumerate() {
        let value: Value = serde_json::from_str(text)?;
        std::fs::write(
            folder.join(format!("{number}.json")),
            JSON.seal(&keys, &value)?.as_bytes(),
        )?;
        let sealed = SHAPE.seal(&keys, &shape(text)?)?;
        std::fs::write(folder.join(format!("{number}.shape")), sealed.as_bytes())?;
    }
    for (number, value) in others()?.iter().enumerate() {
        let sealed = OTHERS.seal(&keys, value)?;
        std::fs::write(folder.join(format!("{number}.others")), sealed.as_bytes())?;
    }
    for text in REFUSED {
        // Without the feature, `serde_json` itself refuses the text or keeps the nearest float.
        let Ok(value) = serde_json::from_str::<Value>(text) else { continue };
        assert_eq!(JSON.seal(&keys, &value).is_err(), cfg!(feature = "all"), "{text}");
    }
    #[cfg(feature = "all")]
    {
        use serde_json::value::RawValue;
        const RAW: Field<Structured<Box<RawValue>>> =
            Field::new("customer", "raw", Class::PERSONAL);
        let raw = Structured(RawValue::from_string("[1, 2]".into())?);
        assert!(
            RAW.seal(&keys, &raw).is_err(),
            "a text that stands for a value of its own is refused"
        );
    }
    Ok(())
}

fn open(folder: &Path) -> Anyhow<()> {
    let ring = ring()?;
    for build in ["all", "none"] {
        let folder = folder.join(build);
        let envelope = KeyEnvelope::from_bytes(std::fs::read(folder.join("envelope"))?);
        let keys = envelope.unwrap(&ring, 42)?;
        for (number, text) in TEXTS.iter().enumerate() {
            let stored = |kind| std::fs::read(folder.join(format!("{number}.{kind}")));
            let opened = JSON.open(&keys, &Sealed::from_bytes(stored("json")?))?;
            assert!(is_same(&opened, &serde_json::from_str(text)?), "{text}: {opened}");
            let opened = SHAPE.open(&keys, &Sealed::from_bytes(stored("shape")?))?;
            let (opened, sealed) =
                (serde_json::to_value(&opened.0)?, serde_json::to_value(&shape(text)?.0)?);
            assert!(is_same(&opened, &sealed), "{sealed}: {opened}");
        }
        for (number, value) in others()?.iter().enumerate() {
            let stored = std::fs::read(folder.join(format!("{number}.others")))?;
            assert_eq!(OTHERS.open(&keys, &Sealed::from_bytes(stored))?.0, value.0);
        }
        println!("{} values of the build `{build}` opened by `{BUILD}`", 2 * TEXTS.len() + 2);
    }
    Ok(())
}

fn main() -> Anyhow<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["seal", folder] => seal(Path::new(folder)),
        ["open", folder] => open(Path::new(folder)),
        _ => Err("structured: seal FOLDER, or open FOLDER".into()),
    }
}

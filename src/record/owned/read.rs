//! The document of docs/SCHEMA.md, read into plain values.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Custom;
use super::node::{At, Members, Node};
use crate::cbor::{Limit, ValueKind};
use crate::class::Class;
use crate::class::check_class;
use crate::error::{Error, ErrorKind};
use crate::field::Masking;
use crate::index::{Cardinality, Domain, Normalizer};
use crate::record::schema::VERSION;
use crate::record::{KeysPlace, Rows};

/// `[SC-2]` The limits of a document.
const LONGEST: usize = 1 << 20;
const MOST_COLUMNS: usize = 1_024;
const MOST_FIELDS: usize = 256;
const MOST_COMPANIONS: usize = 32;
const MOST_COMPOUNDS: usize = 64;
const MOST_ROLES: usize = 256;
const LONGEST_COLUMN: usize = 255;
const LONGEST_TEXT: usize = 4_096;

/// A list of names, by its position in [`Parsed::lists`].
pub(super) type ListAt = usize;

/// A document that was read. Lists of names are in one place, so that declarations can refer to them.
pub(super) struct Parsed {
    pub(super) record: String,
    pub(super) rows: Rows,
    pub(super) keys: KeysPlace,
    pub(super) columns: ListAt,
    pub(super) field_ids: ListAt,
    pub(super) fields: Vec<ParsedField>,
    pub(super) compounds: Vec<(ParsedCompanion, ListAt)>,
    pub(super) lists: Vec<Vec<String>>,
}

pub(super) struct ParsedField {
    pub(super) id: String,
    pub(super) column: String,
    pub(super) rust_type: String,
    pub(super) kind: ValueKind,
    pub(super) limit: Option<Limit>,
    pub(super) optional: bool,
    pub(super) class: ParsedClass,
    pub(super) was: Option<ParsedClass>,
    pub(super) pad: u16,
    pub(super) hide_null: bool,
    pub(super) none_on_erased: bool,
    pub(super) companions: Vec<ParsedCompanion>,
}

pub(super) struct ParsedClass {
    pub(super) name: String,
    pub(super) readers: ListAt,
    pub(super) with_consent: ListAt,
    pub(super) retain_days: u32,
    pub(super) period_days: u32,
}

pub(super) struct ParsedCompanion {
    pub(super) column: Option<String>,
    pub(super) what: ParsedWhat,
}

pub(super) enum ParsedWhat {
    Index(Box<ParsedIndex>),
    Mask(Box<ParsedMask>),
}

pub(super) struct ParsedIndex {
    pub(super) id: String,
    pub(super) kind: ValueKind,
    pub(super) shape: ParsedShape,
    pub(super) normalizer: Normalizer,
    pub(super) bits: Option<u16>,
    pub(super) cardinality: Cardinality,
    pub(super) allow_leakage: Option<String>,
    pub(super) lenient: bool,
}

pub(super) enum ParsedShape {
    Exact,
    Compound(Vec<Normalizer>),
    Prefix(u8),
    Words,
    Range(Domain, u8),
}

pub(super) struct ParsedMask {
    pub(super) shows: Masking,
    pub(super) class: ParsedClass,
    pub(super) was: Option<ParsedClass>,
    pub(super) pad: u16,
    pub(super) hide_null: bool,
}

/// Reads the parts of a document.
struct Reader<'c> {
    custom: Custom<'c>,
    lists: Vec<Vec<String>>,
    record: String,
}

pub(super) fn read(json: &str, custom: Custom<'_>) -> Result<Parsed, Error> {
    if json.len() > LONGEST {
        return Err(Error::declaration("invalid schema: the document is longer than 1 MiB"));
    }
    // The parser's own text has a line and a column, and none of the document's words.
    let node: Node = serde_json::from_str(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Error::declaration(format!("invalid schema: not JSON at line {line}, column {column}"))
    })?;
    let root = At::root(&node);
    let schema =
        root.object(&["version", "record", "rows", "keys", "columns", "fields", "compounds"])?;
    // `[SC-1]`
    let version = schema.need("version")?.unsigned::<u32>()?;
    if version != VERSION {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the schema has version {version}, and this build reads version {VERSION}"),
        ));
    }
    let record = schema.need("record")?.name()?;
    let mut reader = Reader { custom, lists: Vec::new(), record: record.into() };
    let rows = schema.need("rows")?.word(&[("single", Rows::Single), ("many", Rows::Many)])?;
    let keys = schema
        .need("keys")?
        .word(&[("inline", KeysPlace::Inline), ("external", KeysPlace::External)])?;
    let mut columns: Vec<String> = Vec::new();
    for at in schema.need("columns")?.list(MOST_COLUMNS)? {
        let column = at.text(LONGEST_COLUMN)?;
        // `[SC-5]`
        if columns.iter().any(|earlier| earlier == column) {
            return Err(at.wrong("is listed twice"));
        }
        columns.push(column.into());
    }
    let columns = reader.keep(columns);
    let mut fields = Vec::new();
    for at in schema.need("fields")?.list(MOST_FIELDS)? {
        fields.push(reader.field(&at)?);
    }
    let mut compounds = Vec::new();
    if let Some(list) = schema.get("compounds") {
        for at in list.list(MOST_COMPOUNDS)? {
            let compound = at.object(&["companion", "parts"])?;
            let companion = reader.companion(&compound.need("companion")?, ValueKind::Unknown)?;
            let parts = names(&compound.need("parts")?, 3)?;
            compounds.push((companion, reader.keep(parts)));
        }
    }
    let field_ids = reader.keep(fields.iter().map(|field| field.id.clone()).collect());
    let Reader { lists, record, .. } = reader;
    Ok(Parsed { record, rows, keys, columns, field_ids, fields, compounds, lists })
}

fn names(at: &At<'_>, most: usize) -> Result<Vec<String>, Error> {
    at.list(most)?.iter().map(|at| at.name().map(String::from)).collect()
}

fn kind(members: &Members<'_>, default: ValueKind) -> Result<ValueKind, Error> {
    members.or("kind", default, |at| at.word(&ValueKind::NAMES))
}

impl Reader<'_> {
    fn keep(&mut self, list: Vec<String>) -> ListAt {
        let at = self.lists.len();
        self.lists.push(list);
        at
    }

    fn field(&mut self, at: &At<'_>) -> Result<ParsedField, Error> {
        let field = at.object(&[
            "id",
            "column",
            "rust_type",
            "kind",
            "limit",
            "optional",
            "class",
            "was",
            "pad",
            "hide_null",
            "none_on_erased",
            "companions",
        ])?;
        let kind = kind(&field, ValueKind::Unknown)?;
        let mut companions = Vec::new();
        if let Some(list) = field.get("companions") {
            for at in list.list(MOST_COMPANIONS)? {
                companions.push(self.companion(&at, kind)?);
            }
        }
        let pad = field.or("pad", 16, At::unsigned::<u16>)?;
        if pad == 0 {
            return Err(at.wrong("`pad` is at least 1, which is no padding"));
        }
        Ok(ParsedField {
            id: field.need("id")?.name()?.into(),
            column: field.need("column")?.text(LONGEST_COLUMN)?.into(),
            rust_type: field.or("rust_type", "", |at| at.text(LONGEST_TEXT))?.into(),
            kind,
            limit: field.get("limit").map(|at| limit(&at)).transpose()?,
            optional: field.or("optional", false, At::bool)?,
            class: self.class(&field.need("class")?)?,
            was: field.get("was").map(|at| self.class(&at)).transpose()?,
            pad,
            hide_null: field.or("hide_null", false, At::bool)?,
            none_on_erased: field.or("none_on_erased", false, At::bool)?,
            companions,
        })
    }

    fn class(&mut self, at: &At<'_>) -> Result<ParsedClass, Error> {
        let class = at.object(&[
            "name",
            "readers",
            "readers_with_consent",
            "retain_days",
            "generation_days",
        ])?;
        let name = class.need("name")?.name()?;
        let roles = |member| class.or(member, Vec::new(), |at| names(at, MOST_ROLES));
        let readers = match class.get("readers") {
            Some(at) => names(&at, MOST_ROLES)?,
            None => alloc::vec!["app".into()],
        };
        let with_consent = roles("readers_with_consent")?;
        let retain_days = class.or("retain_days", 0, At::unsigned::<u32>)?;
        let period_days = class.or("generation_days", 0, At::unsigned::<u32>)?;
        fn lent(list: &[String]) -> Vec<&str> {
            list.iter().map(String::as_str).collect()
        }
        // `[SC-6]`
        let (lent_readers, lent_consent) = (lent(&readers), lent(&with_consent));
        let declared =
            Class::of_parts(name, &lent_readers, &lent_consent, retain_days, period_days);
        check_class(&declared).map_err(|why| at.wrong(why))?;
        let (readers, with_consent) = (self.keep(readers), self.keep(with_consent));
        Ok(ParsedClass { name: name.into(), readers, with_consent, retain_days, period_days })
    }

    fn companion(&mut self, at: &At<'_>, of: ValueKind) -> Result<ParsedCompanion, Error> {
        let companion = at.object(&["column", "what"])?;
        let column = companion.get("column").map(|at| at.text(LONGEST_COLUMN)).transpose()?;
        let what = match companion.need("what")?.variant(&["index", "mask"])? {
            ("index", at) => ParsedWhat::Index(Box::new(self.index(&at, of)?)),
            (_, at) => ParsedWhat::Mask(Box::new(self.mask(&at)?)),
        };
        Ok(ParsedCompanion { column: column.map(Into::into), what })
    }

    fn index(&self, at: &At<'_>, of: ValueKind) -> Result<ParsedIndex, Error> {
        let index = at.object(&[
            "record",
            "id",
            "kind",
            "shape",
            "normalizer",
            "bits",
            "cardinality",
            "allow_leakage",
            "lenient",
        ])?;
        if let Some(at) = index.get("record")
            && at.name()? != self.record
        {
            return Err(at.wrong("is another record than that of the schema"));
        }
        let shape = self.shape(&index.need("shape")?)?;
        let bits = index.get("bits").map(|at| match at.unsigned::<u16>()? {
            bits @ 1..=128 => Ok(bits),
            _ => Err(at.wrong("is not from 1 to 128")),
        });
        let counted = match &shape {
            ParsedShape::Range(domain, _) => Cardinality::Declared(domain.buckets()),
            _ => Cardinality::Unsaid,
        };
        let cardinality = match index.get("cardinality") {
            Some(at) => match (cardinality(&at)?, counted) {
                (said, Cardinality::Declared(counted))
                    if said != Cardinality::Declared(counted) =>
                {
                    return Err(at.wrong("differs from the number of buckets of the domain"));
                }
                (said, _) => said,
            },
            None => counted,
        };
        let normalizer = index.or("normalizer", Normalizer::NONE, |at| self.normalizer(at))?;
        let lenient = index.or("lenient", false, At::bool)?;
        let takes_none = matches!(shape, ParsedShape::Range(..) | ParsedShape::Compound(_));
        if takes_none && (!normalizer.is_none() || lenient) {
            return Err(
                at.wrong("a range or compound index has no normalizer here, and is not lenient")
            );
        }
        Ok(ParsedIndex {
            id: index.need("id")?.name()?.into(),
            kind: kind(&index, of)?,
            shape,
            normalizer,
            bits: bits.transpose()?,
            cardinality,
            allow_leakage: index
                .get("allow_leakage")
                .map(|at| at.text(LONGEST_TEXT).map(Into::into))
                .transpose()?,
            lenient,
        })
    }

    fn shape(&self, at: &At<'_>) -> Result<ParsedShape, Error> {
        if at.as_text().is_some() {
            return Ok(match at.word(&[("exact", true), ("words", false)])? {
                true => ParsedShape::Exact,
                false => ParsedShape::Words,
            });
        }
        match at.variant(&["compound", "prefix", "range"])? {
            ("compound", at) => {
                let parts = at.list(3)?;
                if parts.len() < 2 {
                    return Err(at.wrong("has fewer than 2 parts"));
                }
                let parts = parts.iter().map(|at| self.normalizer(at)).collect::<Result<_, _>>()?;
                Ok(ParsedShape::Compound(parts))
            }
            ("prefix", at) => match at.unsigned::<u8>()? {
                most @ 1..=64 => Ok(ParsedShape::Prefix(most)),
                _ => Err(at.wrong("is not from 1 to 64")),
            },
            (_, at) => {
                let parts = at.list(2)?;
                let [first, second] = parts.as_slice() else {
                    return Err(at.wrong("is not a domain and a number of levels"));
                };
                let domain = domain(first)?;
                match second.unsigned::<u8>()? {
                    levels if levels > 0 && levels <= domain.levels() => {
                        Ok(ParsedShape::Range(domain, levels))
                    }
                    _ => Err(second.wrong("keep at least one level, and no more than there are")),
                }
            }
        }
    }

    fn normalizer(&self, at: &At<'_>) -> Result<Normalizer, Error> {
        let name = at.text(80)?;
        if let Some(known) = Normalizer::named(name) {
            return Ok(known);
        }
        let mut custom = self.custom.normalizers.iter();
        let custom = custom.find(|custom| custom.custom_name() == name.strip_prefix("custom:"));
        custom.copied().ok_or_else(|| {
            at.wrong(
                "is not a normalizer of this build: enable its feature, or give the custom normalizer to the reader",
            )
        })
    }

    fn mask(&mut self, at: &At<'_>) -> Result<ParsedMask, Error> {
        let mask = at.object(&["shows", "class", "was", "pad", "hide_null"])?;
        let shows = mask.need("shows")?;
        let name = shows.name()?;
        let mut known = Masking::BUILT_IN.iter().chain(self.custom.maskings);
        let how = *known.find(|known| known.name() == name).ok_or_else(|| {
            shows.wrong("is not a mask of this build: give the custom mask to the reader")
        })?;
        let pad = mask.or("pad", how.usual_length(), At::unsigned::<u16>)?;
        if pad < how.least_length() {
            return Err(at.wrong("`pad` has no room for masks of this kind"));
        }
        Ok(ParsedMask {
            shows: how,
            class: self.class(&mask.need("class")?)?,
            was: mask.get("was").map(|at| self.class(&at)).transpose()?,
            pad,
            hide_null: mask.or("hide_null", false, At::bool)?,
        })
    }
}

fn limit(at: &At<'_>) -> Result<Limit, Error> {
    if at.as_text().is_some() {
        return at.word(&[("float32", Limit::Float32)]);
    }
    match at.variant(&["integers", "length"])? {
        ("integers", at) => {
            let ends = at.list(2)?;
            let [least, greatest] = ends.as_slice() else {
                return Err(at.wrong("is not the least and the greatest integer"));
            };
            Ok(Limit::Integers(least.signed()?, greatest.unsigned()?))
        }
        (_, at) => at.unsigned().map(Limit::Length),
    }
}

fn cardinality(at: &At<'_>) -> Result<Cardinality, Error> {
    if at.as_text().is_some() {
        let words = [("unsaid", Cardinality::Unsaid), ("measured", Cardinality::Measured)];
        return at.word(&words);
    }
    let (_, at) = at.variant(&["declared"])?;
    match at.unsigned::<u64>()? {
        0 => Err(at.wrong("is at least 1")),
        values => Ok(Cardinality::Declared(values)),
    }
}

fn domain(at: &At<'_>) -> Result<Domain, Error> {
    let domain = at.object(&["unit", "least", "greatest", "step"])?;
    let unit = domain.need("unit")?;
    let places = match unit.as_text() {
        Some(_) => unit.word(&[("one", None), ("day", Some(None))])?,
        None => Some(Some(unit.variant(&["decimal"])?.1.unsigned::<u8>()?)),
    };
    let end = |name| {
        let at = domain.need(name)?;
        let text = at.text(40)?;
        let number = text.parse::<i128>().ok().filter(|number| format!("{number}") == text);
        number.ok_or_else(|| at.wrong("is not a whole number as text"))
    };
    let (least, greatest) = (end("least")?, end("greatest")?);
    let step = domain.or("step", 1, At::unsigned::<u64>)?;
    Domain::read(places, least, greatest, step).map_err(|why| at.wrong(why))
}

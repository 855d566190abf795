//! What a record seals, how, and who reads it: for accounts, checks and other tools.

use alloc::vec::Vec;

use crate::cbor::{Limit, ValueKind};
use crate::class::{Class, ToClasses};
#[cfg(feature = "schema")]
use crate::field::Spec;
use crate::field::{Companion, Field, SealValue};

/// What a struct declares of a record. `#[derive(Record)]` makes it; with the feature `serde` it
/// serializes, for instance to JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema<'a> {
    record: &'a str,
    rows: Rows,
    keys: KeysPlace,
    columns: &'a [&'a str],
    fields: &'a [FieldSchema<'a>],
    compounds: &'a [Compound<'a>],
    field_ids: &'a [&'a str],
}

/// An index of several fields together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Compound<'a> {
    /// The index, and the column of its terms.
    pub companion: Companion<'a>,
    /// The stable ids of the fields, in the order of the parts.
    pub parts: &'a [&'a str],
}

impl<'a> Compound<'a> {
    /// The schema of a compound index; what `#[derive(Record)]` writes.
    ///
    /// # Panics
    /// Where the index tells too much. In a constant that is a compile error.
    #[doc(hidden)]
    #[allow(clippy::panic, reason = "stops compilation of a bad constant")]
    pub const fn of(companion: Companion<'a>, parts: &'a [&'a str]) -> Self {
        if let Err(why) = companion.lint_compound() {
            panic!("{}", why);
        }
        Self { companion, parts }
    }
}

/// How many rows of the record a subject has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[allow(clippy::exhaustive_enums, reason = "one or many")]
pub enum Rows {
    /// One: values are bound to the subject alone.
    Single,
    /// Many: values are bound to a row id as well.
    Many,
}

/// Where the key envelope of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[allow(clippy::exhaustive_enums, reason = "in the row or not")]
pub enum KeysPlace {
    /// In the row.
    Inline,
    /// Elsewhere, shared by the subject's rows.
    External,
}

/// What a struct declares of one sealed field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FieldSchema<'a> {
    /// The stable id.
    pub id: &'a str,
    /// The column's name.
    pub column: &'a str,
    /// The Rust type, as written.
    pub rust_type: &'a str,
    /// The kind of its values.
    pub kind: ValueKind,
    /// What its type takes of that kind; `None` where it sets no limit.
    pub limit: Option<Limit>,
    /// Whether a value can be absent, because the type is an `Option`.
    pub optional: bool,
    /// The class: who reads it and for how long it is kept.
    pub class: Class<'a>,
    /// The class it was of before.
    pub was: Option<Class<'a>>,
    /// The multiple of bytes that values are padded to.
    pub pad: u16,
    /// Whether absence is sealed like a value.
    pub hide_null: bool,
    /// Whether what was erased or has expired opens as `None`.
    pub none_on_erased: bool,
    /// What is written with it: terms and masks, and where they are.
    pub companions: &'a [Companion<'a>],
}

impl FieldSchema<'static> {
    /// The schema of a field constant.
    pub const fn of<T: SealValue, R, C>(
        field: &Field<T, R, C>,
        column: &'static str,
        rust_type: &'static str,
    ) -> Self {
        let spec = field.spec();
        Self {
            id: spec.id,
            column,
            rust_type,
            kind: T::KIND,
            limit: T::LIMIT,
            optional: T::OPTIONAL,
            class: spec.class,
            was: spec.was,
            pad: spec.multiple,
            hide_null: spec.hide_null,
            none_on_erased: spec.none_on_erased,
            companions: spec.companions,
        }
    }
}

impl<'a> FieldSchema<'a> {
    /// The declaration that values are sealed and opened by.
    #[cfg(feature = "schema")]
    pub(super) const fn spec(&self, record: &'a str) -> Spec<'a> {
        let absence = (self.hide_null, self.none_on_erased);
        Spec::of_parts((record, self.id), (self.class, self.was), self.pad).in_column(
            self.column,
            self.companions,
            absence,
        )
    }

    /// The class name, present or former, of values or of masks, by which the two mean different things.
    pub(super) const fn contradiction(&self, other: &FieldSchema<'a>) -> Option<&'a str> {
        if let Some(name) = other.contradicts([Some(self.class), self.was]) {
            return Some(name);
        }
        let mut rest = self.companions;
        while let [mask, later @ ..] = rest {
            if let Some(name) = other.contradicts([mask.mask_class(), mask.mask_was()]) {
                return Some(name);
            }
            rest = later;
        }
        None
    }

    /// The first of these classes that means something else here.
    const fn contradicts(&self, classes: [Option<Class<'_>>; 2]) -> Option<&'a str> {
        if let Some(name) = contradicted([Some(self.class), self.was], classes) {
            return Some(name);
        }
        let mut rest = self.companions;
        while let [mask, later @ ..] = rest {
            if let Some(name) = contradicted([mask.mask_class(), mask.mask_was()], classes) {
                return Some(name);
            }
            rest = later;
        }
        None
    }
}

const fn contradicted<'a>(
    own: [Option<Class<'a>>; 2],
    others: [Option<Class<'_>>; 2],
) -> Option<&'a str> {
    let mut own = own.as_slice();
    while let [mine, later @ ..] = own {
        let mut rest = others.as_slice();
        while let [its, tail @ ..] = rest {
            if let (Some(mine), Some(its)) = (mine, its)
                && mine.contradicts(its)
            {
                return Some(mine.name());
            }
            rest = tail;
        }
        own = later;
    }
    None
}

impl<'a> Schema<'a> {
    /// A schema; what `#[derive(Record)]` writes.
    ///
    /// # Panics
    /// When two fields have one id, or one class name has two meanings. In a constant that is a
    /// compile error.
    #[doc(hidden)]
    #[allow(clippy::panic, reason = "stops compilation of a bad constant")]
    pub const fn new(
        record: &'a str,
        rows: Rows,
        keys: KeysPlace,
        columns: &'a [&'a str],
        fields: &'a [FieldSchema<'a>],
        compounds: &'a [Compound<'a>],
        field_ids: &'a [&'a str],
    ) -> Self {
        let schema = Self { record, rows, keys, columns, fields, compounds, field_ids };
        if let Err(why) = schema.lint() {
            panic!("{}", why);
        }
        schema
    }

    /// A schema of parts that are checked elsewhere.
    #[cfg(feature = "schema")]
    pub(super) const fn of_parts(
        record: &'a str,
        (rows, keys): (Rows, KeysPlace),
        (columns, fields, compounds, field_ids): (
            &'a [&'a str],
            &'a [FieldSchema<'a>],
            &'a [Compound<'a>],
            &'a [&'a str],
        ),
    ) -> Self {
        Self { record, rows, keys, columns, fields, compounds, field_ids }
    }

    /// Writes the schema as the JSON of `docs/SCHEMA.md`, which
    /// [`OwnedSchema::from_json`](super::OwnedSchema::from_json) reads.
    ///
    /// Custom normalizers and masks are written by their names.
    #[cfg(feature = "schema")]
    pub fn to_json(&self) -> alloc::string::String {
        // safe: texts, numbers and lists are written to memory, which does not fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The sealed field of this id.
    pub fn field(&self, id: &str) -> Option<&'a FieldSchema<'a>> {
        self.fields.iter().find(|field| field.id == id)
    }

    /// What is wrong with the fields beside each other, and with the place of the keys.
    pub(super) const fn lint(&self) -> Result<(), &'static str> {
        if !matches!((self.rows, self.keys), (Rows::Single, _) | (_, KeysPlace::External)) {
            return Err("a subject's rows share one key envelope: declare keys = \"external\"");
        }
        let mut rest = self.fields;
        while let [field, later @ ..] = rest {
            let mut others = later;
            while let [other, tail @ ..] = others {
                if crate::context::equal(field.id, other.id) {
                    return Err("two fields of the record have one id");
                }
                if field.contradiction(other).is_some() {
                    return Err("one class name is declared with two meanings");
                }
                others = tail;
            }
            rest = later;
        }
        Ok(())
    }

    /// The stable id of the record.
    pub const fn record(&self) -> &'a str {
        self.record
    }

    /// How many rows of it a subject has.
    pub const fn rows(&self) -> Rows {
        self.rows
    }

    /// Where the key envelope of a row is.
    pub const fn keys(&self) -> KeysPlace {
        self.keys
    }

    /// The names of all columns, sealed or not, in the order of the row.
    pub const fn columns(&self) -> &'a [&'a str] {
        self.columns
    }

    /// The sealed fields.
    pub const fn fields(&self) -> &'a [FieldSchema<'a>] {
        self.fields
    }

    /// The indexes of several fields together.
    pub const fn compounds(&self) -> &'a [Compound<'a>] {
        self.compounds
    }

    pub(crate) const fn field_ids(&self) -> &'a [&'a str] {
        self.field_ids
    }

    /// The columns that hold what was sealed under such classes, and those that it is found by. Terms that are
    /// in a table of their own go by the table's name.
    #[cfg(feature = "file")]
    pub(crate) fn columns_of(&self, holds: impl Fn(&Class<'_>) -> bool) -> Vec<&'a str> {
        let held = |class: Option<Class<'a>>| class.is_some_and(|class| holds(&class));
        let mut columns = Vec::new();
        for field in self.fields {
            if held(Some(field.class)) || held(field.was) {
                columns.push(field.column);
                columns.extend(field.companions.iter().map(Companion::place));
                let compounds = self.compounds.iter();
                let compounds = compounds.filter(|index| index.parts.contains(&field.id));
                columns.extend(compounds.map(|index| index.companion.place()));
            } else {
                let masks = field.companions.iter();
                let masks = masks.filter(|mask| held(mask.mask_class()) || held(mask.mask_was()));
                columns.extend(masks.map(Companion::place));
            }
        }
        columns
    }

    /// The ids of the indexes, each with those of its fields.
    pub(super) fn indexes(&self) -> impl Iterator<Item = (&'a str, Vec<&'a str>)> {
        let of_fields = self.fields.iter().flat_map(|field| {
            let ids = field.companions.iter().filter_map(Companion::index_id);
            ids.map(move |id| (id, alloc::vec![field.id]))
        });
        let of_several = self
            .compounds
            .iter()
            .filter_map(|index| Some((index.companion.index_id()?, index.parts.to_vec())));
        of_fields.chain(of_several)
    }

    /// The columns of terms and masks.
    pub(crate) fn companion_columns(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let of_fields = self.fields.iter().flat_map(|field| field.companions);
        let of_several = self.compounds.iter().map(|index| &index.companion);
        of_fields.chain(of_several).filter_map(Companion::column)
    }

    /// The classes of the sealed fields and of their masks, each once.
    pub fn classes(&self) -> impl Iterator<Item = Class<'a>> + Clone + use<'a> {
        let all = self.all_classes();
        all.clone().enumerate().filter_map(move |(position, class)| {
            let earlier = |other: Class<'a>| other.name() == class.name();
            (!all.clone().take(position).any(earlier)).then_some(class)
        })
    }

    /// The present classes, as often as fields and masks are of them.
    fn all_classes(&self) -> impl Iterator<Item = Class<'a>> + Clone + use<'a> {
        let masks =
            |field: &'a FieldSchema<'a>| field.companions.iter().filter_map(Companion::mask_class);
        self.fields.iter().flat_map(move |field| [field.class].into_iter().chain(masks(field)))
    }

    /// The present and former classes, as often as fields and masks are or were of them.
    pub(crate) fn declared_classes(&self) -> impl Iterator<Item = Class<'a>> + use<'a> {
        let masks = |field: &'a FieldSchema<'a>| {
            field.companions.iter().flat_map(|mask| [mask.mask_class(), mask.mask_was()])
        };
        let of_field = move |field: &'a FieldSchema<'a>| {
            let FieldSchema { class, was, .. } = *field;
            [Some(class), was].into_iter().chain(masks(field))
        };
        self.fields.iter().flat_map(of_field).flatten()
    }
}

/// The version of docs/SCHEMA.md.
#[cfg(feature = "serde")]
pub(super) const VERSION: u32 = 1;

/// `[SC-1]` The document of docs/SCHEMA.md.
#[cfg(feature = "serde")]
impl serde::Serialize for Schema<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut schema = serializer.serialize_struct("Schema", 7)?;
        schema.serialize_field("version", &VERSION)?;
        schema.serialize_field("record", self.record)?;
        schema.serialize_field("rows", &self.rows)?;
        schema.serialize_field("keys", &self.keys)?;
        schema.serialize_field("columns", self.columns)?;
        schema.serialize_field("fields", self.fields)?;
        schema.serialize_field("compounds", self.compounds)?;
        schema.end()
    }
}

impl ToClasses for Schema<'_> {
    fn to_classes(&self) -> Vec<Class<'_>> {
        self.classes().collect()
    }

    fn to_declared(&self) -> Vec<Class<'_>> {
        each_once(self.declared_classes())
    }
}

pub(super) fn each_once<'a>(classes: impl Iterator<Item = Class<'a>>) -> Vec<Class<'a>> {
    let mut once: Vec<Class<'a>> = Vec::new();
    for class in classes {
        if !once.iter().any(|other| other.name() == class.name()) {
            once.push(class);
        }
    }
    once
}

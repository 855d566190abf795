//! Fields and indexes of a schema, for values whose types are known at run time only.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Bound, RangeBounds};

use super::companion::{Update, What};
use super::index::{Findable, Query, ask, between, current, items};
use super::value::Value;
use super::{Masked, Sealed, Spec};
use crate::access::Access;
use crate::cbor::{Item, Limit, ValueKind};
use crate::context::{RowId, ToId};
use crate::envelope::DataKeys;
use crate::envelope::sealed::{Opening, Sealing};
use crate::error::Error;
use crate::index::{IndexSpec, Items, Stale};
use crate::random::CallRng;

/// A field of a schema, which seals and opens [`Value`]s. [`Schema::dynamic_field`](crate::record::Schema::dynamic_field)
/// returns it.
///
/// What it seals opens by the constant [`Field`](crate::Field) that the schema was written from, and the other way
/// round.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use fieldseal::field::Value;
/// use fieldseal::record::OwnedSchema;
/// use fieldseal::{DataKeys, KeyRing, Record, Sealed};
///
/// #[derive(Record)]
/// #[record(name = "customer", single_row)]
/// struct Customer {
///     #[record(subject)]
///     id: i64,
///     #[record(seal)]
///     email: String,
/// }
///
/// let schema = OwnedSchema::from_json(&Customer::SCHEMA.to_json())?;
/// let email = schema.schema().dynamic_field("email")?;
///
/// let keys = DataKeys::create(&KeyRing::generate()?, 42, &schema)?;
/// let update = email.update(&keys, &"ada@example.com".into())?;
/// let column = update.value.unwrap();
/// assert_eq!(email.open(&keys, Some(column.as_bytes()))?.as_text(), Some("ada@example.com"));
/// assert_eq!(customer::EMAIL.open(&keys, &Sealed::from_bytes(column.into_bytes()))?, "ada@example.com");
/// assert!(email.update(&keys, &Value::from(7)).is_err(), "the field is a text");
/// # }
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone)]
pub struct DynamicField<'a> {
    spec: Spec<'a>,
    kind: ValueKind,
    limit: Option<Limit>,
    optional: bool,
    /// The row; `None` where the record has many and none is named yet.
    row: Option<RowId>,
    /// Whether the subject has many rows.
    many: bool,
    /// Whether it is part of a compound index.
    in_compound: bool,
}

impl<'a> DynamicField<'a> {
    pub(crate) fn new(
        spec: Spec<'a>,
        (kind, limit, optional): (ValueKind, Option<Limit>, bool),
        many: bool,
        in_compound: bool,
    ) -> Self {
        let row = (!many).then_some(RowId::SINGLE);
        Self { spec, kind, limit, optional, row, many, in_compound }
    }

    /// The field in one row of its record.
    ///
    /// # Errors
    /// Those of [`ToId`]; [`Declaration`](crate::ErrorKind::Declaration) for a record of which a subject has one row.
    pub fn row(&self, id: impl ToId) -> Result<Self, Error> {
        if !self.many {
            return Err(self.spec.locate(Error::declaration(
                "a subject has a single row of the record, which has no id: leave it out",
            )));
        }
        let row = RowId::new(id).map_err(|error| self.spec.locate(error))?;
        Ok(Self { row: Some(row), ..self.clone() })
    }

    /// Seals a new value with its terms and its mask, to be written in one statement.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a value of another kind than the field declares, or beyond
    /// its limit; [`Declaration`](crate::ErrorKind::Declaration) without the [`row`](Self::row) that the record
    /// needs, and for a field that is part of a compound index, which is written with its whole
    /// [row](crate::record::Schema::update_row); those of [`IndexedField::update`](crate::field::IndexedField::update).
    pub fn update(&self, keys: &DataKeys, value: &Value) -> Result<Update<'a, Value>, Error> {
        if self.in_compound {
            return Err(self.spec.locate(Error::declaration(
                "the field is part of a compound index: write its whole row, by Schema::update_row",
            )));
        }
        let mut rng = CallRng::from_os().map_err(|error| self.spec.locate(error))?;
        self.update_among(&mut Sealing::begin(keys, &mut rng), value)
    }

    /// [`update`](Self::update) among others of one call.
    pub(crate) fn update_among(
        &self,
        sealing: &mut Sealing<'_>,
        value: &Value,
    ) -> Result<Update<'a, Value>, Error> {
        let located = |error| self.spec.locate(error);
        let row = self.in_row().map_err(located)?;
        self.check(value).map_err(|why| located(Error::invalid(why)))?;
        Update::make(&self.spec, row, sealing, value)
    }

    /// Opens the bytes of the column; `None` is NULL.
    ///
    /// # Errors
    /// Those of [`Field::open`](crate::Field::open): [`TypeMismatch`](crate::ErrorKind::TypeMismatch) for a value of
    /// another kind than the field declares, or beyond its limit. [`Declaration`](crate::ErrorKind::Declaration) without
    /// the [`row`](Self::row) that the record needs.
    pub fn open(&self, keys: &DataKeys, column: Option<&[u8]>) -> Result<Value, Error> {
        let open = || {
            let row = self.in_row()?;
            let value: Value = self.spec.open_bytes(row, &mut Opening::begin(keys), column)?;
            match self.check(&value) {
                Ok(()) => Ok(value),
                Err(_) if value.is_null() => Err(Error::type_mismatch("NULL")),
                Err(_) => Err(Error::type_mismatch("a value of the type declared")),
            }
        };
        open().map_err(|error| self.spec.locate(error))
    }

    /// Seals the value again under the latest generation of the field's class, as
    /// [`Field::reseal`](crate::Field::reseal) does; `None` where there is nothing to store.
    ///
    /// # Errors
    /// Those of [`Field::reseal`](crate::Field::reseal); [`Declaration`](crate::ErrorKind::Declaration) without the
    /// [`row`](Self::row) that the record needs.
    pub fn reseal(&self, keys: &DataKeys, column: Option<&[u8]>) -> Result<Option<Vec<u8>>, Error> {
        let row = self.in_row();
        row.and_then(|row| self.spec.reseal_bytes(row, keys, column, CallRng::from_os))
            .map_err(|error| self.spec.locate(error))
    }

    /// Opens the field's mask, as [`Mask::open`](crate::Mask::open) does.
    ///
    /// # Errors
    /// Those of [`Mask::open`](crate::Mask::open); [`Declaration`](crate::ErrorKind::Declaration) for a field without a
    /// mask, and without the [`row`](Self::row) that the record needs.
    pub fn open_mask(
        &self,
        keys: &DataKeys,
        column: Option<&[u8]>,
    ) -> Result<Option<String>, Error> {
        let open = || {
            let row = self.in_row()?;
            let mut masks =
                self.spec.companions.iter().filter_map(|companion| match &companion.what {
                    What::Mask(mask) => Some(mask),
                    What::Index(_) => None,
                });
            let mask = masks.next().ok_or_else(|| Error::declaration("the field has no mask"))?;
            let column: Option<Sealed<Masked>> = column.map(Sealed::from_bytes);
            mask.open(row, &mut Opening::begin(keys), &column)
        };
        open().map_err(|error| self.spec.locate(error))
    }

    fn in_row(&self) -> Result<&RowId, Error> {
        self.row.as_ref().ok_or_else(|| {
            Error::declaration(
                "a subject has many rows of the record: name one, by DynamicField::row",
            )
        })
    }

    fn check(&self, value: &Value) -> Result<(), &'static str> {
        match value {
            Value::Null if !self.optional => {
                Err("the value is absent, and its type has no absence")
            }
            value if value.fits(self.kind, self.limit) => Ok(()),
            _ => Err("the value is of another kind than the field declares, or beyond its limit"),
        }
    }
}

impl fmt::Debug for DynamicField<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DynamicField({}.{}: {:?})", self.spec.record, self.spec.id, self.kind)
    }
}

/// An index of a schema, which is asked for [`Value`]s.
/// [`Schema::dynamic_index`](crate::record::Schema::dynamic_index) returns it.
///
/// An index of several fields is asked for a slice of values, one a part.
#[derive(Clone)]
pub struct DynamicIndex<'a> {
    spec: IndexSpec<'a>,
    /// The kinds of the fields.
    kinds: Vec<ValueKind>,
}

impl<'a> DynamicIndex<'a> {
    pub(crate) fn new(spec: IndexSpec<'a>, kinds: Vec<ValueKind>) -> Self {
        Self { spec, kinds }
    }

    /// What to ask the table for, as [`Index::query`](crate::Index::query) says.
    ///
    /// # Errors
    /// Those of [`Index::query`](crate::Index::query), and [`InvalidInput`](crate::ErrorKind::InvalidInput) for values of
    /// another kind or number than the fields of the index.
    pub fn query<'r, Q: Findable<Value> + ?Sized>(
        &self,
        access: impl Into<Access<'r>>,
        value: &Q,
    ) -> Result<Query<'a, Value>, Error> {
        let access = access.into();
        ask(&self.spec, &access, || {
            let items = self.items(value)?;
            self.spec.ask(&items, access.ring().indexes(), access.checked_tenant()?)
        })
    }

    /// What to ask the table for to find the values between two, as [`Index::between`](crate::Index::between) says.
    ///
    /// # Errors
    /// Those of [`query`](Self::query).
    pub fn between<'r>(
        &self,
        access: impl Into<Access<'r>>,
        values: impl RangeBounds<Value>,
    ) -> Result<Query<'a, Value>, Error> {
        let end = |bound: Bound<&Value>| match bound {
            Bound::Unbounded => Ok((None, false)),
            Bound::Included(value) => self.items(value).map(|items| (Some(items), false)),
            Bound::Excluded(value) => self.items(value).map(|items| (Some(items), true)),
        };
        between(&self.spec, &access.into(), || {
            Ok((end(values.start_bound())?, end(values.end_bound())?))
        })
    }

    /// Which stored terms are not under the ring's primary index key.
    ///
    /// # Errors
    /// [`MissingKey`](crate::ErrorKind::MissingKey) for a ring that has none.
    pub fn stale<'r>(&self, access: impl Into<Access<'r>>) -> Result<Stale, Error> {
        current(&self.spec, &access.into())
    }

    fn items<Q: Findable<Value> + ?Sized>(&self, value: &Q) -> Result<Items, Error> {
        let located = |error| self.spec.locate(error);
        let items = items::<Value, Q>(value).map_err(located)?;
        let fits = |(item, kind): (&zeroize::Zeroizing<Vec<u8>>, &ValueKind)| {
            Item::of(item).is_ok_and(|item| item.kind().is_none_or(|own| kind.may_be(own)))
        };
        if items.len() != self.kinds.len() || !items.iter().zip(&self.kinds).all(fits) {
            return Err(located(Error::invalid(
                "the index is asked for values of another kind or number than its fields",
            )));
        }
        Ok(items)
    }
}

impl fmt::Debug for DynamicIndex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DynamicIndex({}.{})", self.spec.record, self.spec.id)
    }
}

impl Findable<Value> for str {
    fn write(
        &self,
        write: &mut dyn FnMut(&super::Encoding<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        write(&|to| to.text(self))
    }
}

impl Findable<Value> for [Value] {
    fn write(
        &self,
        write: &mut dyn FnMut(&super::Encoding<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.iter().try_for_each(|part| Findable::<Value>::write(part, write))
    }
}

impl Findable<Value> for [&Value] {
    fn write(
        &self,
        write: &mut dyn FnMut(&super::Encoding<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.iter().try_for_each(|part| Findable::<Value>::write(*part, write))
    }
}

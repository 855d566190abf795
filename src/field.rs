//! Sealed columns without the derive, and the traits of the values they hold.
//!
//! A [`Field`] declares one sealed column. It seals a value, opens a [`Sealed`] one, and
//! [updates](IndexedField::update) a column together with its indexes and masks. Custom types implement
//! [`SealValue`], most easily by `#[derive(SealValue)]` on a newtype.
//!
//! ```
//! use fieldseal::{Class, DataKeys, Field, KeyRing};
//!
//! const EMAIL: Field<String> = Field::new("customer", "email", Class::PERSONAL);
//!
//! let keys = DataKeys::create(&KeyRing::generate()?, 42, EMAIL)?;
//! let sealed = EMAIL.seal(&keys, &"ada@example.com".into())?;
//! assert_eq!(EMAIL.open(&keys, &sealed)?, "ada@example.com");
//! # Ok::<(), fieldseal::Error>(())
//! ```
//!
//! The other types here describe how fields, indexes and masks belong together. Derived code names them;
//! you rarely have to.

mod column;
mod companion;
#[cfg(feature = "schema")]
mod dynamic;
mod index;
mod mask;
mod masking;
mod reseal;
mod spec;
mod value;

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

pub use self::column::{Column, Sealed};
#[cfg(feature = "schema")]
pub(crate) use self::companion::What;
pub use self::companion::{ColumnValue, Companion, InCompound, Update, ValueOnly, WithCompanions};
#[cfg(feature = "schema")]
pub use self::dynamic::{DynamicField, DynamicIndex};
#[doc(hidden)]
pub use self::index::Encoding;
pub(crate) use self::index::terms;
pub use self::index::{Findable, Index, ManyTerms, OneTerm, Query};
#[cfg(feature = "schema")]
pub(crate) use self::mask::MaskSpec;
pub use self::mask::{Mask, MaskInRow, Masked};
pub use self::masking::Masking;
pub(crate) use self::masking::text_of;
pub(crate) use self::reseal::Found;
pub(crate) use self::spec::Spec;
#[cfg(feature = "serde")]
pub use self::value::Structured;
#[cfg(feature = "schema")]
pub use self::value::Value;
pub(crate) use self::value::encoded;
pub use self::value::{Decoder, Encoder, NotNull, Optional, SealValue};

pub use crate::cbor::{Limit, ValueKind};
use crate::class::{Class, ToClasses};
use crate::context::{RowId, ToId, assert_name, equal};
use crate::envelope::DataKeys;
use crate::envelope::sealed::{Opening, PURPOSE_VALUE};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::random::CallRng;

/// A subject has one row of the record.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a marker")]
pub struct SingleRow;

/// A subject can have many rows of the record, told apart by a row id.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a marker")]
pub struct ManyRows;

/// One sealed field of a record: its stable ids, class and padding.
///
/// `#[derive(Record)]` declares them as constants; by hand it is
///
/// ```
/// use fieldseal::field::ManyRows;
/// use fieldseal::{Class, DataKeys, Field, KeyRing};
///
/// const CONTACT: Class = Class::new("contact");
/// const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);
/// const STREET: Field<String, ManyRows> = Field::new("address", "street", CONTACT).pad(64);
///
/// let ring = KeyRing::generate()?;
/// let keys = DataKeys::create(&ring, 42, EMAIL)?;
///
/// let email = EMAIL.seal(&keys, &"ada@example.com".into())?;
/// assert_eq!(EMAIL.open(&keys, &email)?, "ada@example.com");
///
/// let street = STREET.row(7)?.seal(&keys, &"1 Main St".into())?;
/// assert!(STREET.row(8)?.open(&keys, &street).is_err(), "another row");
/// # Ok::<(), fieldseal::Error>(())
/// ```
///
/// Reading or writing a field through [`DataKeys`] is covered in the audit by the event of their
/// unwrapping.
///
/// What a field is found by and shown as is declared [with](Self::with) it, and written with it: then it has
/// no `seal`, only `update`.
pub struct Field<T, R = SingleRow, C = ValueOnly> {
    spec: Spec<'static>,
    marker: PhantomData<fn(T, R, C) -> T>,
}

/// A field with terms or a mask, which are written with its value.
pub type IndexedField<T, R = SingleRow> = Field<T, R, WithCompanions>;

impl<T, R, C> Clone for Field<T, R, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, R, C> Copy for Field<T, R, C> {}

impl<T, R, C> fmt::Debug for Field<T, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({}.{}: {})", self.spec.record, self.spec.id, self.spec.class.name())
    }
}

/// `[PAD-1]`
const DEFAULT_MULTIPLE: u16 = 16;

impl<T, R> Field<T, R> {
    /// A field by the stable ids of its record and of itself. Renaming a struct, a struct's field or a
    /// column never breaks data; changing these ids does.
    ///
    /// # Panics
    /// On an id that is no name, and for a [mask class](Class::mask_of). In a constant that is a compile
    /// error.
    pub const fn new(record: &'static str, id: &'static str, class: Class<'static>) -> Self {
        assert!(!class.is_mask(), "{}", OF_MASKS);
        Self {
            spec: Spec {
                record: assert_name(record),
                id: assert_name(id),
                class,
                was: None,
                multiple: DEFAULT_MULTIPLE,
                hide_null: false,
                none_on_erased: false,
                padding_set: false,
                purpose: PURPOSE_VALUE,
                column: None,
                companions: &[],
            },
            marker: PhantomData,
        }
    }
}

impl<T: SealValue, R> Field<T, R> {
    /// What is written with the field: its terms, its mask. `column` is the field's own.
    ///
    /// ```compile_fail,E0080
    /// use fieldseal::field::{Companion, IndexedField, ManyTerms};
    /// use fieldseal::index::Domain;
    /// use fieldseal::{Class, Field, Index};
    ///
    /// const AGE: Index<String, ManyTerms> = Index::range("customer", "age", Domain::integers(0, 150));
    /// const FIELD: IndexedField<String> = Field::new("customer", "age", Class::PERSONAL)
    ///     .with("age", &[Companion::index(&AGE, "age_index")]); // texts have no order that a range could ask for
    /// # let _ = FIELD;
    /// ```
    ///
    /// # Panics
    /// For an index or a mask that values of this type cannot have; for a field that hides absence, whose terms
    /// would show it; where an index tells too much; for a mask
    /// of another field or of another class's masks, and for a second mask.
    #[allow(clippy::panic, reason = "stops compilation of a bad constant")]
    pub const fn with(
        self,
        column: &'static str,
        companions: &'static [Companion<'static>],
    ) -> Field<T, R, WithCompanions> {
        let mut rest = companions;
        while let [companion, later @ ..] = rest {
            if let Err(why) = companion.lint(&self.spec) {
                panic!("{}", why);
            }
            if let Err(why) = companion.lint_kind(T::KIND) {
                panic!("{}", why);
            }
            // `[MA-7]`
            let mut others = later;
            while let [other, tail @ ..] = others {
                assert!(
                    companion.mask_class().is_none() || other.mask_class().is_none(),
                    "a field has one mask: two could be put in each other's place"
                );
                others = tail;
            }
            rest = later;
        }
        let spec = Spec { column: Some(column), companions, ..self.spec };
        Field { spec, marker: PhantomData }
    }
}

impl<T, R, C> Field<T, R, C> {
    /// A field that is part of a compound index: it is written with its whole record only.
    pub const fn in_compound(self) -> Field<T, R, InCompound> {
        Field { spec: self.spec, marker: PhantomData }
    }

    /// Pads values to the next multiple of this many bytes, from 1 (none) to 65,535. The default is
    /// 16. The length of a value shows up to its padding.
    ///
    /// # Panics
    /// On 0, or when set twice.
    pub const fn pad(mut self, multiple: u16) -> Self {
        assert!(multiple > 0, "the least padding multiple is 1, which is no padding");
        assert!(!self.spec.padding_set, "the padding of this field is set twice");
        self.spec.multiple = multiple;
        self.spec.padding_set = true;
        self
    }

    /// Seals absence like a value, all padded to this one length, instead of leaving NULL in the
    /// column. A value that is longer is refused.
    ///
    /// # Panics
    /// On 0, when the padding is set already, with [`none_on_erased`](Self::none_on_erased), or after
    /// [`with`](Self::with).
    pub const fn hide_null(self, length: u16) -> Self {
        assert!(!self.spec.none_on_erased, "{}", EITHER_ABSENCE);
        assert!(
            self.spec.companions.is_empty(),
            "say that the field hides absence before what is written with it"
        );
        let mut field = self.pad(length);
        field.spec.hide_null = true;
        field
    }

    /// Opens as `None`, instead of answering [`Erased`](ErrorKind::Erased) or
    /// [`Expired`](ErrorKind::Expired), what was sealed under a key that is gone or past its term: for
    /// pages that show nothing then. Every other error stays. Sealing is refused as ever, and whether a
    /// subject is erased, [`DataKeys::is_erased`] says.
    ///
    /// An absence that opens so is not authenticated, as that of NULL is not: whoever writes to the
    /// database can put an erased value in the place of another. So it goes not with
    /// [`hide_null`](Self::hide_null).
    ///
    /// ```
    /// use fieldseal::{Class, DataKeys, ErrorKind, Field, KeyRing};
    ///
    /// const EMAIL: Field<Option<String>> = Field::new("customer", "email", Class::PERSONAL);
    ///
    /// let ring = KeyRing::generate()?;
    /// let keys = DataKeys::create(&ring, 42, EMAIL)?;
    /// let sealed = EMAIL.seal(&keys, &Some("ada@example.com".into()))?;
    ///
    /// let mut edit = keys.envelope().edit(&ring, 42)?;
    /// edit.erase_subject()?;
    /// let keys = edit.finish()?.unwrap(&ring, 42)?;
    /// assert_eq!(EMAIL.open(&keys, &sealed).unwrap_err().kind(), ErrorKind::Erased);
    /// assert_eq!(EMAIL.none_on_erased().open(&keys, &sealed)?, None);
    /// # Ok::<(), fieldseal::Error>(())
    /// ```
    ///
    /// # Panics
    /// When set twice, or with [`hide_null`](Self::hide_null).
    pub const fn none_on_erased(mut self) -> Self
    where
        T: Optional,
    {
        assert!(!self.spec.none_on_erased, "what an erased value opens as is set twice");
        assert!(!self.spec.hide_null, "{}", EITHER_ABSENCE);
        self.spec.none_on_erased = true;
        self
    }

    /// Opens values of this former class too, sealed before the field moved to its present one. Its
    /// readers can go on forging the field as long as this stands: reseal, then take it out.
    ///
    /// # Panics
    /// When set twice, to a class of the present one's name, or to a mask class.
    pub const fn was(mut self, class: Class<'static>) -> Self {
        assert!(!class.is_mask(), "{}", OF_MASKS);
        assert!(self.spec.was.is_none(), "the former class of this field is set twice");
        assert!(
            !equal(self.spec.class.name(), class.name()),
            "the former class has the name of the present one: to change its readers, change its declaration"
        );
        self.spec.was = Some(class);
        self
    }

    /// The stable id of the record.
    pub const fn record(&self) -> &'static str {
        self.spec.record
    }

    /// The stable id of the field.
    pub const fn id(&self) -> &'static str {
        self.spec.id
    }

    /// The class.
    pub const fn class(&self) -> Class<'static> {
        self.spec.class
    }

    pub(crate) const fn spec(&self) -> Spec<'static> {
        self.spec
    }
}

impl<T, R, C> ToClasses for Field<T, R, C> {
    fn to_classes(&self) -> Vec<Class<'_>> {
        let masks = self.spec.companions.iter().filter_map(Companion::mask_class);
        core::iter::once(self.spec.class).chain(masks).collect()
    }

    fn to_declared(&self) -> Vec<Class<'_>> {
        let masks = self.spec.companions.iter().filter_map(Companion::mask_was);
        self.to_classes().into_iter().chain(self.spec.was).chain(masks).collect()
    }
}

impl<T, C> Field<T, ManyRows, C> {
    /// The field in one row.
    ///
    /// # Errors
    /// As [`ToId`] says.
    pub fn row(&self, id: impl ToId) -> Result<FieldInRow<T, C>, Error> {
        Ok(FieldInRow {
            field: *self,
            row: RowId::new(id).map_err(|error| error.at(self.spec.record, self.spec.id))?,
        })
    }
}

/// A field in one row of its record: what [`Field::row`] gives.
pub struct FieldInRow<T, C = ValueOnly> {
    field: Field<T, ManyRows, C>,
    row: RowId,
}

impl<T, C> fmt::Debug for FieldInRow<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {:?}", self.field, self.row)
    }
}

/// What is written alone is sealed by itself.
macro_rules! seal_methods {
    () => {
        /// Seals a value under the latest generation of the field's class.
        ///
        /// # Errors
        /// [`InvalidInput`](ErrorKind::InvalidInput) for a value that cannot be encoded or padded;
        /// [`AlreadySealed`](ErrorKind::AlreadySealed);
        /// [`MissingClass`](ErrorKind::MissingClass), [`Erased`](ErrorKind::Erased),
        /// [`Expired`](ErrorKind::Expired), [`Retention`](ErrorKind::Retention),
        /// [`NotPermitted`](ErrorKind::NotPermitted), [`Tampered`](ErrorKind::Tampered) or
        /// [`Unsupported`](ErrorKind::Unsupported) when that generation takes no values of this ring;
        /// [`Randomness`](ErrorKind::Randomness).
        #[doc(alias = "encrypt")]
        pub fn seal(&self, keys: &DataKeys, value: &T) -> Result<T::Column, Error> {
            let (spec, row) = self.place();
            spec.seal_one(row, keys, value, CallRng::from_os).map_err(|error| spec.locate(error))
        }

        /// [`seal`](Self::seal) with randomness of the caller's: 32 bytes are drawn. For tests and
        /// vectors: a generator that ever repeats reuses nonces, which gives values away.
        ///
        /// # Errors
        /// As [`seal`](Self::seal), without `Randomness`.
        #[cfg(feature = "hazmat-rng")]
        pub fn seal_with_rng(
            &self,
            keys: &DataKeys,
            value: &T,
            rng: &mut (impl rand_core::CryptoRng + ?Sized),
        ) -> Result<T::Column, Error> {
            let (spec, row) = self.place();
            spec.seal_one(row, keys, value, || Ok(CallRng::from_rng(rng)))
                .map_err(|error| spec.locate(error))
        }
    };
}

macro_rules! update_methods {
    () => {
        /// Seals a new value with all that goes with it, to be written in one statement.
        ///
        /// # Errors
        /// As sealing has them: [`InvalidInput`](ErrorKind::InvalidInput) for a value that cannot be encoded
        /// or padded, and of a field with an index for one that cannot be normalized or lies outside of the
        /// index's domain; [`MissingKey`](ErrorKind::MissingKey) for an index of which the ring that unwrapped
        /// the data keys holds no primary key; [`AlreadySealed`](ErrorKind::AlreadySealed);
        /// [`MissingClass`](ErrorKind::MissingClass), [`Erased`](ErrorKind::Erased),
        /// [`Expired`](ErrorKind::Expired), [`Retention`](ErrorKind::Retention),
        /// [`NotPermitted`](ErrorKind::NotPermitted), [`Tampered`](ErrorKind::Tampered) or
        /// [`Unsupported`](ErrorKind::Unsupported) when the latest generation takes no values of this ring;
        /// [`Randomness`](ErrorKind::Randomness).
        pub fn update(&self, keys: &DataKeys, value: &T) -> Result<Update<'static, T>, Error> {
            let (spec, row) = self.place();
            spec.update_one(row, keys, value, CallRng::from_os)
        }

        /// [`update`](Self::update) with randomness of the caller's: 32 bytes are drawn. For tests and
        /// vectors: a generator that ever repeats reuses nonces, which gives values away.
        ///
        /// # Errors
        /// As [`update`](Self::update), without `Randomness`.
        #[cfg(feature = "hazmat-rng")]
        pub fn update_with_rng(
            &self,
            keys: &DataKeys,
            value: &T,
            rng: &mut (impl rand_core::CryptoRng + ?Sized),
        ) -> Result<Update<'static, T>, Error> {
            let (spec, row) = self.place();
            spec.update_one(row, keys, value, || Ok(CallRng::from_rng(rng)))
        }
    };
}

macro_rules! open_methods {
    () => {
        /// Opens the column's value.
        ///
        /// # Errors
        /// [`NotSealed`](ErrorKind::NotSealed), [`Unsupported`](ErrorKind::Unsupported) or
        /// [`Malformed`](ErrorKind::Malformed) for bytes that are no sealed field;
        /// [`Erased`](ErrorKind::Erased), [`WrongKey`](ErrorKind::WrongKey),
        /// [`NotPermitted`](ErrorKind::NotPermitted) (naming the class and the roles that could) or
        /// [`Expired`](ErrorKind::Expired) for a key that does not open;
        /// [`Tampered`](ErrorKind::Tampered) for every failure of authentication;
        /// [`TypeMismatch`](ErrorKind::TypeMismatch) for a value of another type, or NULL where the
        /// type has no absent value.
        #[doc(alias = "decrypt")]
        pub fn open(&self, keys: &DataKeys, column: &T::Column) -> Result<T, Error> {
            let (spec, row) = self.place();
            spec.open_one(row, &mut Opening::begin(keys), column)
                .map_err(|error| spec.locate(error))
        }

        /// Opens the column's value and seals it again under the latest generation of the field's class;
        /// `None` where there is nothing to store: it is under that generation already, is NULL, or is
        /// erased or expired, and stays as it is. A value of the [former class](Field::was) moves to the
        /// present one.
        ///
        /// Store it only while the column still holds what was read, or an update that came in between is
        /// lost. Who reads the latest generation reads what is resealed under it: after a grant without
        /// history, older values too.
        ///
        /// # Errors
        /// As [`open`](Self::open), but for what is gone, and as [`seal`](Self::seal).
        pub fn reseal(
            &self,
            keys: &DataKeys,
            column: &T::Column,
        ) -> Result<Option<T::Column>, Error> {
            let (spec, row) = self.place();
            spec.reseal_one::<T>(row, keys, column, CallRng::from_os)
                .map_err(|error| spec.locate(error))
        }

        /// [`reseal`](Self::reseal) with randomness of the caller's: at most 32 bytes are drawn. For tests and
        /// vectors: a generator that ever repeats reuses nonces, which gives values away.
        ///
        /// # Errors
        /// As [`reseal`](Self::reseal), without `Randomness`.
        #[cfg(feature = "hazmat-rng")]
        pub fn reseal_with_rng(
            &self,
            keys: &DataKeys,
            column: &T::Column,
            rng: &mut (impl rand_core::CryptoRng + ?Sized),
        ) -> Result<Option<T::Column>, Error> {
            let (spec, row) = self.place();
            spec.reseal_one::<T>(row, keys, column, || Ok(CallRng::from_rng(rng)))
                .map_err(|error| spec.locate(error))
        }
    };
}

impl<T: SealValue> Field<T, SingleRow, ValueOnly> {
    seal_methods!();
    update_methods!();
}

impl<T: SealValue> Field<T, SingleRow, WithCompanions> {
    update_methods!();
}

impl<T: SealValue, C> Field<T, SingleRow, C> {
    open_methods!();

    fn place(&self) -> (&Spec<'static>, &RowId) {
        (&self.spec, &RowId::SINGLE)
    }
}

impl<T: SealValue> FieldInRow<T, ValueOnly> {
    seal_methods!();
    update_methods!();
}

impl<T: SealValue> FieldInRow<T, WithCompanions> {
    update_methods!();
}

impl<T: SealValue, C> FieldInRow<T, C> {
    open_methods!();

    fn place(&self) -> (&Spec<'static>, &RowId) {
        (&self.field.spec, &self.row)
    }
}

const EITHER_ABSENCE: &str = "absence that is hidden is authenticated, and that of an erased value is not: \
     a field has one of them";

const OF_MASKS: &str = "a mask class holds masks only: name the class of the value";

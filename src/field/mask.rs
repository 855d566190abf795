//! What is shown of a value to roles that do not open it: sealed at writing, in a class of its own.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use zeroize::Zeroizing;

use super::masking::{HIDDEN, Masking};
use super::value::encoded;
use super::{Encoder, ManyRows, SealValue, Sealed, SingleRow, Spec, equal};
use crate::cbor::{self, Item, ValueKind};
use crate::class::Class;
use crate::context::{RowId, ToId};
use crate::envelope::DataKeys;
use crate::envelope::sealed::{Opening, PURPOSE_MASK, Sealing};
use crate::error::Error;
use crate::random::CallRng;

/// What is sealed in the column of a [`Mask`]: `Sealed<Masked>`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Masked;

/// What roles are shown of a field whose values they do not open.
///
/// It is sealed with the value, and written with it, under a class of its own: the
/// [mask class](Class::mask_of) of the field's class, which is erased with it, or another.
///
/// ```
/// use fieldseal::class::MaskName;
/// use fieldseal::field::{Companion, IndexedField, Masking};
/// use fieldseal::{Class, DataKeys, ErrorKind, Field, KeyRing, Mask};
///
/// const FINANCIAL: Class = Class::new("financial").readers(&["billing"]);
/// const SHOWN: Class =
///     Class::mask_of(&FINANCIAL, const { &MaskName::of(&FINANCIAL) }, &["billing", "support"]);
/// const CARD_MASK: Mask<String> = Mask::new("customer", "card", SHOWN, Masking::LAST4);
/// const CARD: IndexedField<String> = Field::new("customer", "card", FINANCIAL)
///     .with("card", &[Companion::mask(&CARD_MASK, "card_mask")]);
///
/// let mut ring = KeyRing::generate()?;
/// ring.add_role("billing")?;
/// ring.add_role("support")?;
/// let keys = DataKeys::create(&ring, 42, CARD)?;
/// let row = CARD.update(&keys, &"4242 4242 4242 4242".into())?;
///
/// let support = ring.subset(&["support"])?.into_ring();
/// let keys = keys.envelope().unwrap(&support, 42)?;
/// assert_eq!(CARD_MASK.open(&keys, &row.mask)?.as_deref(), Some("•••• 4242"));
/// assert_eq!(CARD.open(&keys, &row.value).unwrap_err().kind(), ErrorKind::NotPermitted);
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub struct Mask<T, R = SingleRow> {
    spec: MaskSpec<'static>,
    marker: PhantomData<fn(T, R) -> T>,
}

/// A mask's declaration without its types.
#[derive(Clone, Copy)]
pub(crate) struct MaskSpec<'a> {
    spec: Spec<'a>,
    how: Masking,
}

impl<T, R> Clone for Mask<T, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, R> Copy for Mask<T, R> {}

impl<T, R> fmt::Debug for Mask<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spec.fmt(f)
    }
}

impl<T, R> Mask<T, R> {
    /// The mask of a field, by the ids of that, and of a class: the [mask class](Class::mask_of) of the
    /// field's class, or one of its own, which is then not erased with that of the field.
    ///
    /// # Panics
    /// On an id that is no name. In a constant that is a compile error.
    pub const fn new(
        record: &'static str,
        field: &'static str,
        class: Class<'static>,
        how: Masking,
    ) -> Self {
        let spec = Spec {
            record: super::assert_name(record),
            id: super::assert_name(field),
            class,
            was: None,
            multiple: how.usual_length(),
            hide_null: false,
            none_on_erased: false,
            padding_set: false,
            purpose: PURPOSE_MASK,
            column: None,
            companions: &[],
        };
        Self { spec: MaskSpec { spec, how }, marker: PhantomData }
    }

    /// Pads all masks to this one length, up to 65,535 bytes. The default, which has room for every mask of
    /// the kind, is what [`Masking`] says. A mask that is longer is `••••`.
    ///
    /// # Panics
    /// On a length in which most masks of the kind would be `••••`: less than 36 of
    /// [`EMAIL`](Masking::EMAIL), 18 of [`LAST4`](Masking::LAST4), 17 of [`PHONE`](Masking::PHONE), 14 of
    /// [`FIRST_LETTER`](Masking::FIRST_LETTER), and 13 of [`YEAR`](Masking::YEAR) and of a custom one. Also when
    /// set twice. In a constant that is a compile error.
    pub const fn pad(mut self, length: u16) -> Self {
        assert!(
            length >= self.spec.how.least_length(),
            "masks have one length, and these would not fit: pad those of `email` to 36 bytes or more, of \
             `last4` to 18, of `phone` to 17, of `first_letter` to 14, of `year` and custom ones to 13"
        );
        assert!(!self.spec.spec.padding_set, "the padding of this mask is set twice");
        self.spec.spec.multiple = length;
        self.spec.spec.padding_set = true;
        self
    }

    /// Seals the mask of an absent value like any other, all padded to this one length: the mask of a field
    /// that hides absence does. A mask that is longer is `••••`.
    ///
    /// # Panics
    /// As [`pad`](Self::pad), or when the padding is set already.
    pub const fn hide_null(self, length: u16) -> Self {
        let mut mask = self.pad(length);
        mask.spec.spec.hide_null = true;
        mask
    }

    /// Opens masks of this former class too: the mask class of what the field's class was before.
    ///
    /// # Panics
    /// When set twice, or to a class of the present one's name.
    pub const fn was(mut self, class: Class<'static>) -> Self {
        assert!(self.spec.spec.was.is_none(), "the former class of this mask is set twice");
        assert!(
            !equal(self.spec.spec.class.name(), class.name()),
            "the former class has the name of the present one: to change its readers, change its declaration"
        );
        self.spec.spec.was = Some(class);
        self
    }

    /// The stable id of the record.
    pub const fn record(&self) -> &'static str {
        self.spec.spec.record
    }

    /// The stable id of the field.
    pub const fn id(&self) -> &'static str {
        self.spec.spec.id
    }

    /// The class of the masks.
    pub const fn class(&self) -> Class<'static> {
        self.spec.spec.class
    }

    /// What is shown.
    pub const fn masking(&self) -> Masking {
        self.spec.how
    }

    pub(crate) const fn spec(&self) -> MaskSpec<'static> {
        self.spec
    }
}

impl<T> Mask<T, ManyRows> {
    /// The mask in one row.
    ///
    /// # Errors
    /// As [`ToId`] says.
    pub fn row(&self, id: impl ToId) -> Result<MaskInRow<T>, Error> {
        let row = RowId::new(id).map_err(|error| self.spec.locate(error))?;
        Ok(MaskInRow { mask: *self, row })
    }
}

/// A mask in one row of its record: what [`Mask::row`] gives.
pub struct MaskInRow<T> {
    mask: Mask<T, ManyRows>,
    row: RowId,
}

impl<T> fmt::Debug for MaskInRow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {:?}", self.mask, self.row)
    }
}

macro_rules! mask_methods {
    () => {
        /// Opens what is shown of the value; `None` where that is absent, and where it has no mask, as it
        /// was written before there was one.
        ///
        /// # Errors
        /// As [`Field::open`](crate::Field::open), by the class of the mask.
        pub fn open(
            &self,
            keys: &DataKeys,
            column: &Option<Sealed<Masked>>,
        ) -> Result<Option<String>, Error> {
            let (spec, row) = self.place();
            spec.open(row, &mut Opening::begin(keys), column).map_err(|error| spec.locate(error))
        }

        /// Opens the mask and seals it again under the latest generation of its class, as
        /// [`Field::reseal`](crate::Field::reseal) does; `None` where there is nothing to store, or where the
        /// mask would then be kept longer than the value: reseal that first.
        ///
        /// # Errors
        /// As [`Field::reseal`](crate::Field::reseal), by the class of the mask.
        pub fn reseal(
            &self,
            keys: &DataKeys,
            column: &Option<Sealed<Masked>>,
        ) -> Result<Option<Sealed<Masked>>, Error> {
            let (spec, row) = self.place();
            // `[MA-10]`
            if keys.outlives(&spec.spec.class, None) {
                return Ok(None);
            }
            spec.spec
                .reseal_bytes(row, keys, column.as_ref().map(Sealed::as_bytes), CallRng::from_os)
                .map(|bytes| bytes.map(Sealed::from_bytes))
                .map_err(|error| spec.locate(error))
        }
    };
}

impl<T> Mask<T, SingleRow> {
    mask_methods!();

    fn place(&self) -> (&MaskSpec<'static>, &RowId) {
        (&self.spec, &RowId::SINGLE)
    }
}

impl<T> MaskInRow<T> {
    mask_methods!();

    fn place(&self) -> (&MaskSpec<'static>, &RowId) {
        (&self.mask.spec, &self.row)
    }
}

/// The text of a mask, as it is sealed.
type Text = Option<Zeroizing<String>>;

impl<'a> MaskSpec<'a> {
    /// A mask of parts that are checked elsewhere.
    #[cfg(feature = "schema")]
    pub(crate) const fn of_parts(
        (record, id): (&'a str, &'a str),
        (class, was): (Class<'a>, Option<Class<'a>>),
        multiple: u16,
        hide_null: bool,
        how: Masking,
    ) -> Self {
        let field = Spec::of_parts((record, id), (class, was), multiple);
        Self { spec: Spec { hide_null, purpose: PURPOSE_MASK, ..field }, how }
    }

    pub(crate) const fn spec(&self) -> &Spec<'a> {
        &self.spec
    }

    #[cold]
    pub(crate) fn locate(&self, error: Error) -> Error {
        self.spec.locate(error)
    }

    /// What is wrong with it as the mask of this field.
    pub(crate) const fn lint(&self, field: &Spec<'_>) -> Result<(), &'static str> {
        if !(equal(self.spec.record, field.record) && equal(self.spec.id, field.id)) {
            return Err("the mask is of another field");
        }
        if equal(self.spec.class.name(), field.class.name()) {
            return Err(
                "the mask is of the field's class, whose readers open the value: name its mask class",
            );
        }
        if self.spec.class.is_mask() && !self.spec.class.is_mask_of(&field.class) {
            return Err(
                "the mask is of another class's masks, or is kept longer or shorter than the value",
            );
        }
        if field.hide_null && !self.spec.hide_null {
            return Err(
                "the field hides absence, and its mask would show it: declare its hide_null",
            );
        }
        Ok(())
    }

    /// What is wrong with its former class.
    #[cfg(feature = "schema")]
    pub(super) const fn lint_was(&self) -> Result<(), &'static str> {
        match &self.spec.was {
            Some(was) if equal(was.name(), self.spec.class.name()) => {
                Err("the former class of the mask has the name of the present one")
            }
            _ => Ok(()),
        }
    }

    /// What is wrong with it as the mask of such values: it would be `••••` whatever they are.
    pub(super) const fn lint_kind(&self, kind: ValueKind) -> Result<(), &'static str> {
        self.how.lint(kind)
    }

    /// Seals the mask of a value among others of one call.
    pub(crate) fn seal_among<T: SealValue>(
        &self,
        row: &RowId,
        sealing: &mut Sealing<'_>,
        value: &T,
    ) -> Result<Option<Vec<u8>>, Error> {
        let text = self.text_of(value)?;
        self.spec.seal_among(row, sealing, &text).map(|column| column.map(Sealed::into_bytes))
    }

    pub(crate) fn open(
        &self,
        row: &RowId,
        opening: &mut Opening<'_>,
        column: &Option<Sealed<Masked>>,
    ) -> Result<Option<String>, Error> {
        let bytes = column.as_ref().map(Sealed::as_bytes);
        let text: Text = self.spec.open_bytes(row, opening, bytes)?;
        Ok(text.map(|mut text| core::mem::take(&mut *text)))
    }

    /// Whether a mask opens to what would be made of the value now.
    pub(crate) fn says<T: SealValue>(
        &self,
        row: &RowId,
        opening: &mut Opening<'_>,
        column: &Option<Sealed<Masked>>,
        value: &T,
    ) -> Result<bool, Error> {
        let text = self.text_of(value)?;
        let bytes = column.as_ref().map(Sealed::as_bytes);
        Ok(self.spec.open_bytes::<Text>(row, opening, bytes).is_ok_and(|said| said == text))
    }

    fn text_of<T: SealValue>(&self, value: &T) -> Result<Text, Error> {
        if value.is_absent() {
            return Ok(None);
        }
        let item = encoded(|to| value.encode(to))?;
        let text = self.how.mask(&Item::of(&item)?);
        // `[MA-5]`
        Ok(Some(if self.fits(&text)? { text } else { Zeroizing::new(HIDDEN.into()) }))
    }

    fn fits(&self, text: &str) -> Result<bool, Error> {
        let mut len = 0;
        Encoder::new(cbor::Out::Count(&mut len)).text(text)?;
        Ok(len <= usize::from(self.spec.multiple))
    }
}

impl fmt::Debug for MaskSpec<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spec { record, id, class, .. } = self.spec;
        write!(f, "Mask({record}.{id}: {}, {})", class.name(), self.how.name())
    }
}

impl PartialEq for MaskSpec<'_> {
    fn eq(&self, other: &Self) -> bool {
        let parts = |mask: &Self| {
            let Spec { record, id, class, was, multiple, hide_null, .. } = mask.spec;
            (record, id, class, was, multiple, hide_null, mask.how)
        };
        parts(self) == parts(other)
    }
}

impl Eq for MaskSpec<'_> {}

#[cfg(feature = "serde")]
impl serde::Serialize for MaskSpec<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut mask = serializer.serialize_struct("Mask", 5)?;
        mask.serialize_field("shows", &self.how)?;
        mask.serialize_field("class", &self.spec.class)?;
        mask.serialize_field("was", &self.spec.was)?;
        mask.serialize_field("pad", &self.spec.multiple)?;
        mask.serialize_field("hide_null", &self.spec.hide_null)?;
        mask.end()
    }
}

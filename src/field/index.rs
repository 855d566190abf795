//! What a sealed field is found by: the typed face of an index.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Bound, RangeBounds};

use zeroize::Zeroizing;

use super::value::{Encoder, NotNull, SealValue, encoded};
use crate::access::Access;
use crate::cbor::ValueKind;
use crate::context::assert_name;
use crate::envelope::DataKeys;
use crate::error::{Error, ErrorKind};
use crate::index::{
    Cardinality, Domain, IndexSpec, Items, Leakage, Normalizer, Shape, Stale, Term, Wanted,
};
use crate::secret::Sensitive;

/// An index with one term a value, kept in a column.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a marker")]
pub struct OneTerm;

/// An index with several terms a value, kept in an array or in a table of terms.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a marker")]
pub struct ManyTerms;

/// What a sealed field is found by, without opening it.
///
/// `#[derive(Record)]` declares indexes as constants; by hand it is
///
/// ```
/// use fieldseal::field::{Companion, ManyTerms, SingleRow};
/// use fieldseal::index::Domain;
/// use fieldseal::{Class, DataKeys, Field, Index, KeyRing};
///
/// const EMAIL_INDEX: Index<String> = Index::exact("customer", "email").cardinality(1_000_000);
/// const POINTS: Index<i64, ManyTerms> =
///     Index::range("customer", "points", Domain::integers(0, 99_999));
///
/// let mut ring = KeyRing::generate()?;
/// ring.add_index_key()?;
///
/// const EMAIL: fieldseal::field::IndexedField<String> = Field::new("customer", "email", Class::PERSONAL)
///     .with("email", &[Companion::index(&EMAIL_INDEX, "email_index")]);
/// let keys = DataKeys::create(&ring, 42, EMAIL)?;
/// let written = EMAIL.update(&keys, &"ada@example.com".into())?;
/// let stored = written.term(&EMAIL_INDEX).unwrap();
///
/// // WHERE email_index IN (…)
/// let query = EMAIL_INDEX.query(&ring, "ada@example.com")?;
/// assert_eq!(query.terms(), [stored.clone()]);
/// assert!(POINTS.between(&ring, 1_000..=1_999)?.terms().len() <= 2 * 17);
/// # Ok::<(), fieldseal::Error>(())
/// ```
///
/// What it tells whoever reads the table, [`leakage`](Self::leakage) says in numbers; a declaration that
/// tells too much is refused.
#[doc(alias = "blind index")]
#[doc(alias = "searchable encryption")]
pub struct Index<T, K = OneTerm> {
    pub(super) spec: IndexSpec<'static>,
    marker: PhantomData<fn(T, K) -> T>,
}

impl<T, K> Clone for Index<T, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, K> Copy for Index<T, K> {}

impl<T, K> fmt::Debug for Index<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({}.{})", self.spec.record, self.spec.id)
    }
}

impl<T: SealValue> Index<T, OneTerm> {
    /// Values that are equal, once they are normalized. The id is the index's own, stable as that of a
    /// field is.
    ///
    /// # Panics
    /// On an id that is no name, and for floats, lists and structures, which have no exact index. In a constant that
    /// is a compile error.
    pub const fn exact(record: &'static str, id: &'static str) -> Self {
        Self::of(record, id, T::KIND, Shape::Exact)
    }
}

#[allow(clippy::panic, reason = "stops compilation of a bad constant")]
impl<A: SealValue, B: SealValue> Index<(A, B), OneTerm> {
    /// Two values together, each normalized in its way. A row where one of them is absent is not found.
    ///
    /// # Panics
    /// As [`exact`](Index::exact), and unless there are two normalizers.
    pub const fn compound(
        record: &'static str,
        id: &'static str,
        parts: &'static [Normalizer],
    ) -> Self {
        let [a, b] = parts else {
            panic!("give each part its normalizer, Normalizer::NONE for none");
        };
        assert_part(a, A::KIND);
        assert_part(b, B::KIND);
        Self::of(record, id, ValueKind::Unknown, Shape::Compound(parts))
    }
}

#[allow(clippy::panic, reason = "stops compilation of a bad constant")]
impl<A: SealValue, B: SealValue, C: SealValue> Index<(A, B, C), OneTerm> {
    /// Three values together, each normalized in its way.
    ///
    /// # Panics
    /// As [`exact`](Index::exact), and unless there are three normalizers.
    pub const fn compound(
        record: &'static str,
        id: &'static str,
        parts: &'static [Normalizer],
    ) -> Self {
        let [a, b, c] = parts else {
            panic!("give each part its normalizer, Normalizer::NONE for none");
        };
        assert_part(a, A::KIND);
        assert_part(b, B::KIND);
        assert_part(c, C::KIND);
        Self::of(record, id, ValueKind::Unknown, Shape::Compound(parts))
    }
}

const fn assert_part(normalizer: &Normalizer, kind: ValueKind) {
    assert!(
        !matches!(kind, ValueKind::Float | ValueKind::Parts),
        "a float, list or structure cannot be part of a compound index"
    );
    assert!(
        normalizer.is_none() || matches!(kind, ValueKind::Text | ValueKind::Unknown),
        "only a text part has a normalizer: give this one Normalizer::NONE"
    );
}

#[allow(clippy::panic, reason = "these stop compilation of a bad constant")]
impl<T: SealValue> Index<T, ManyTerms> {
    /// What texts begin with: their first 1 to `most` characters, once they are normalized.
    ///
    /// # Panics
    /// On an id that is no name, on lengths that are not 1 to 64, and for values that are no texts.
    pub const fn prefix(record: &'static str, id: &'static str, most: u8) -> Self {
        assert!(most > 0 && most <= 64, "prefixes are of 1 to 64 characters");
        Self::of(record, id, T::KIND, Shape::Prefix(most))
    }

    /// The words of a text: runs of letters, digits and marks, once it is normalized; at most 65,535 different
    /// ones a value, and 255 a question. More are refused, in a [lenient](Self::lenient) index too.
    ///
    /// | text | found by |
    /// |---|---|
    /// | `to be, or not` | `to`, `be`, `or`, `not`, in any order and number |
    /// | `O'Brien-Smith`, with any apostrophe and hyphen | `O'Brien`, `brien`, `smith`; not by `OBrien` |
    /// | `2024-02-29`, `3.14` | `2024`, `3.14`; not by `20240229` |
    /// | `東京都`, and other Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese | every part of it: `東`, `京都`; not by `東都` |
    /// | `iPhone15東京` | `iphone15` (with `Normalizer::TEXT`), `東京` |
    /// | `हिन्दी`, `العربية` and other scripts with spaces | whole words |
    /// | emoji, punctuation | nothing: to ask for them alone is an error |
    ///
    /// Scripts without spaces are found by their characters and pairs of them, so a value has about twice as many
    /// terms as characters, and each tells which rows share it. A question finds some rows that have the pairs
    /// elsewhere; [`Query::matches`](crate::field::Query::matches) leaves them out. There is no stemming: `house` does
    /// not find `houses`.
    ///
    /// # Panics
    /// On an id that is no name, and for values that are no texts.
    pub const fn words(record: &'static str, id: &'static str) -> Self {
        Self::of(record, id, T::KIND, Shape::Words)
    }

    /// Integers, dates or decimals between two of them.
    ///
    /// # Panics
    /// On an id that is no name, for values that the domain does not count, and for a domain of more than 2^48
    /// buckets.
    pub const fn range(record: &'static str, id: &'static str, domain: Domain) -> Self {
        Self::of(record, id, T::KIND, Shape::Range(domain, domain.levels()))
    }

    /// Keeps of a range index the lowest so many levels only: fewer terms a value, which tell less of the
    /// order, and more terms a query.
    ///
    /// # Panics
    /// On 0, on more levels than there are, and for an index of no range.
    pub const fn levels(mut self, lowest: u8) -> Self {
        let Shape::Range(domain, all) = self.spec.shape else {
            panic!("only a range index has levels");
        };
        assert!(lowest > 0 && lowest <= all, "keep at least one level, and no more than there are");
        self.spec.shape = Shape::Range(domain, lowest);
        self
    }
}

#[allow(clippy::panic, reason = "these stop compilation of a bad constant")]
impl<T, K> Index<T, K> {
    const fn of(
        record: &'static str,
        id: &'static str,
        kind: ValueKind,
        shape: Shape<'static>,
    ) -> Self {
        if let Err(why) = shape.lint(kind) {
            panic!("{}", why);
        }
        let spec = IndexSpec::new(assert_name(record), assert_name(id), kind, shape);
        Self { spec, marker: PhantomData }
    }

    /// Makes spellings of one value equal before terms are made of it.
    ///
    /// # Panics
    /// For a range or compound index, which take none here, and for values that are no texts.
    pub const fn normalized(mut self, normalizer: Normalizer) -> Self {
        assert!(
            !matches!(self.spec.shape, Shape::Range(..) | Shape::Compound(_)),
            "a range index takes no normalizer, and a compound one takes one for each part"
        );
        self.spec.normalizer = normalizer;
        self.of_texts()
    }

    /// Cuts terms to so many bits, from 1 to 128, so that different values have the same: each row then
    /// hides among others, and queries find some that [`open_matching`](crate::SealedRecord::open_matching)
    /// takes out.
    ///
    /// # Panics
    /// On other numbers, and when set twice.
    pub const fn bits(mut self, bits: u16) -> Self {
        assert!(bits > 0 && bits <= 128, "a term has 1 to 128 bits");
        assert!(self.spec.bits.is_none(), "the bits of this index are set twice");
        self.spec.bits = Some(bits);
        self
    }

    /// How many different values there will be, roughly.
    ///
    /// # Panics
    /// On 0, and when it is known already.
    pub const fn cardinality(mut self, values: u64) -> Self {
        assert!(values > 0, "the cardinality of an index is at least 1");
        assert!(
            matches!(self.spec.cardinality, Cardinality::Unsaid),
            "the cardinality of this index is set twice, or that of its domain"
        );
        self.spec.cardinality = Cardinality::Declared(values);
        self
    }

    /// How many different values there are is measured where they are stored:
    /// [`Leakage::measured`](crate::index::Leakage::measured), whose check belongs into a test or a job.
    ///
    /// # Panics
    /// When it is known already.
    pub const fn measured(mut self) -> Self {
        assert!(
            matches!(self.spec.cardinality, Cardinality::Unsaid),
            "the cardinality of this index is set twice, or that of its domain"
        );
        self.spec.cardinality = Cardinality::Measured;
        self
    }

    /// Takes a declaration that tells more than the rule allows, for this reason, which accounts of the
    /// application show.
    ///
    /// # Panics
    /// On an empty reason, and when set twice.
    pub const fn allow_leakage(mut self, why: &'static str) -> Self {
        assert!(!why.is_empty(), "say why the index may tell that much");
        assert!(self.spec.allow_leakage.is_none(), "the reason is given twice");
        self.spec.allow_leakage = Some(why);
        self
    }

    /// Keeps a text that cannot be normalized: it is found by the same text only, as it was given. Without
    /// this it is refused when it is sealed.
    ///
    /// # Panics
    /// For a range or compound index, and for values that are no texts.
    pub const fn lenient(mut self) -> Self {
        assert!(
            !matches!(self.spec.shape, Shape::Range(..) | Shape::Compound(_)),
            "only texts can be kept as they were given"
        );
        self.spec.lenient = true;
        self.of_texts()
    }

    const fn of_texts(self) -> Self {
        if let Err(why) = self.spec.lint_text(self.spec.kind) {
            panic!("{}", why);
        }
        self
    }

    /// The stable id of the record.
    pub const fn record(&self) -> &'static str {
        self.spec.record
    }

    /// The stable id of the index.
    pub const fn id(&self) -> &'static str {
        self.spec.id
    }

    /// What it tells whoever reads the table.
    pub fn leakage(&self) -> Leakage<'static> {
        Leakage::of(&self.spec)
    }

    pub(crate) const fn spec(&self) -> IndexSpec<'static> {
        self.spec
    }

    /// What to ask the table for: terms under each index key of the ring, so that a rotation of the key
    /// loses nothing.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput), naming the index, for a value that cannot be normalized,
    /// an absent one, an empty prefix, and an index that is declared to tell too much;
    /// [`MissingKey`](ErrorKind::MissingKey) for a ring without a key for this index and tenant.
    pub fn query<'a, Q: Findable<T> + ?Sized>(
        &self,
        access: impl Into<Access<'a>>,
        value: &Q,
    ) -> Result<Query<'static, T>, Error> {
        let access = access.into();
        ask(&self.spec, &access, || {
            let items = items(value).map_err(|error| self.spec.locate(error))?;
            self.spec.ask(&items, access.ring().indexes(), access.checked_tenant()?)
        })
    }

    /// Which stored terms are not under the ring's primary index key.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) for a ring that has none.
    pub fn stale<'a>(&self, access: impl Into<Access<'a>>) -> Result<Stale, Error> {
        current(&self.spec, &access.into())
    }
}

impl<T> Index<T, ManyTerms> {
    /// What to ask the table for to find the values between two, of a range index: at most twice as many
    /// terms as there are levels, for each index key of the ring: `BIRTH_RANGE.between(&ring, from..=to)`. What lies
    /// outside of the domain is left out of the question, and a range that ends before it begins has no terms.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn between<'a, Q: Findable<T>>(
        &self,
        access: impl Into<Access<'a>>,
        values: impl RangeBounds<Q>,
    ) -> Result<Query<'static, T>, Error> {
        let end = |bound: Bound<&Q>| match bound {
            Bound::Unbounded => Ok((None, false)),
            Bound::Included(value) => items(value).map(|items| (Some(items), false)),
            Bound::Excluded(value) => items(value).map(|items| (Some(items), true)),
        };
        let located = |error| self.spec.locate(error);
        between(&self.spec, &access.into(), || {
            let least = end(values.start_bound()).map_err(located)?;
            Ok((least, end(values.end_bound()).map_err(located)?))
        })
    }
}

/// Terms are a guess at a value: no guess is answered that the audit was not told of.
pub(super) fn ask<'i, T>(
    spec: &IndexSpec<'i>,
    access: &Access<'_>,
    ask: impl FnOnce() -> Result<(Wanted, Vec<Vec<Term>>), Error>,
) -> Result<Query<'i, T>, Error> {
    let asked = ask();
    let outcome = asked.as_ref().map(drop).map_err(Error::kind);
    access.tell_search(spec.record, spec.id, outcome)?;
    let (wanted, groups) = asked?;
    Ok(Query { spec: *spec, wanted, groups, marker: PhantomData })
}

/// One end of a range: its items, none for an open end, and whether it is left out itself.
type End = (Option<Items>, bool);

pub(super) fn between<'i, T>(
    spec: &IndexSpec<'i>,
    access: &Access<'_>,
    ends: impl FnOnce() -> Result<(End, End), Error>,
) -> Result<Query<'i, T>, Error> {
    ask(spec, access, || {
        let ((least, above), (greatest, below)) = ends()?;
        spec.ask_between(
            (least.as_ref(), greatest.as_ref()),
            (above, below),
            access.ring().indexes(),
            access.checked_tenant()?,
        )
    })
}

/// Which terms are out of date by the ring's primary index key.
pub(super) fn current(spec: &IndexSpec<'_>, access: &Access<'_>) -> Result<Stale, Error> {
    let current = access.ring().indexes().primary();
    current.map(|current| Stale { current }).ok_or_else(|| {
        spec.locate(Error::new(
            ErrorKind::MissingKey,
            "this ring has no primary index key: KeyRing::add_index_key adds one",
        ))
    })
}

/// What is asked of the table, and of what it gives back.
///
/// `Debug` shows how many terms there are, and nothing of the value. A text is wiped on drop.
pub struct Query<'i, T> {
    spec: IndexSpec<'i>,
    wanted: Wanted,
    groups: Vec<Vec<Term>>,
    marker: PhantomData<fn(T)>,
}

impl<'i, T> Query<'i, T> {
    /// The groups of terms: a row is found that has at least one term of each. There is one group, but for
    /// several words, and it is empty where nothing can be found.
    pub fn groups(&self) -> &[Vec<Term>] {
        &self.groups
    }

    /// The terms of the only group; of several, none.
    pub fn terms(&self) -> &[Term] {
        match self.groups.as_slice() {
            [terms] => terms,
            _ => &[],
        }
    }

    /// The stable id of the record.
    pub fn record(&self) -> &'i str {
        self.spec.record
    }

    /// The stable id of the index.
    pub fn index(&self) -> &'i str {
        self.spec.id
    }

    /// Whether an opened value is what was asked for, and not only found by the same terms.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a value that the index would not take.
    pub fn matches<Q: Findable<T> + ?Sized>(&self, value: &Q) -> Result<bool, Error> {
        let items = items(value).map_err(|error| self.spec.locate(error))?;
        self.spec.matches(&self.wanted, &items)
    }

    /// [`matches`](Self::matches) for a field of a row that was opened [in part](crate::SealedRecord::open_partial). A
    /// value that is erased or expired matches nothing. Every other failure is this call's, so that a row that
    /// somebody tampered with, or that this ring does not open, is never taken for one that does not match.
    ///
    /// # Errors
    /// As [`matches`](Self::matches), and the error of the field, unless it is [`Erased`](ErrorKind::Erased) or
    /// [`Expired`](ErrorKind::Expired).
    pub fn matches_opened<Q: Findable<T>>(&self, opened: &Result<Q, Error>) -> Result<bool, Error> {
        match opened {
            Ok(value) => self.matches(value),
            Err(error) if matches!(error.kind(), ErrorKind::Erased | ErrorKind::Expired) => {
                Ok(false)
            }
            Err(error) => Err(error.again()),
        }
    }
}

impl<T> fmt::Debug for Query<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms: usize = self.groups.iter().map(Vec::len).sum();
        write!(f, "Query({}.{}: {terms} terms)", self.spec.record, self.spec.id)
    }
}

/// A value that an index of `T` is asked for: a `T`; what is in it if it is an `Option`; for texts a
/// `str`; for a compound index a tuple of references to its parts.
#[diagnostic::on_unimplemented(
    message = "an index of `{T}` is not asked for a `{Self}`",
    label = "not a value of this index",
    note = "a compound index is asked for a tuple of references, as in `&(\"Lovelace\", &date)`"
)]
pub trait Findable<T> {
    #[doc(hidden)]
    fn write(&self, write: &mut dyn FnMut(&Encoding<'_>) -> Result<(), Error>)
    -> Result<(), Error>;
}

/// What writes one value.
#[doc(hidden)]
pub type Encoding<'v> = dyn Fn(&mut Encoder<'_>) -> Result<(), Error> + 'v;

impl<T: SealValue> Findable<T> for T {
    fn write(
        &self,
        write: &mut dyn FnMut(&Encoding<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        write(&|to| self.encode(to))
    }
}

impl<T: NotNull> Findable<Option<T>> for T {
    fn write(
        &self,
        write: &mut dyn FnMut(&Encoding<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        write(&|to| self.encode(to))
    }
}

macro_rules! text {
    ($($of:ty),*) => {$(
        impl Findable<$of> for str {
            fn write(
                &self,
                write: &mut dyn FnMut(&Encoding<'_>) -> Result<(), Error>,
            ) -> Result<(), Error> {
                write(&|to| to.text(self))
            }
        }
    )*};
}

text!(
    String,
    Option<String>,
    Sensitive<String>,
    Option<Sensitive<String>>,
    Zeroizing<String>,
    Option<Zeroizing<String>>
);

impl<A, B, P: Findable<A> + ?Sized, Q: Findable<B> + ?Sized> Findable<(A, B)> for (&P, &Q) {
    fn write(
        &self,
        write: &mut dyn FnMut(&Encoding<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.0.write(write)?;
        self.1.write(write)
    }
}

impl<A, B, C, P, Q, R> Findable<(A, B, C)> for (&P, &Q, &R)
where
    P: Findable<A> + ?Sized,
    Q: Findable<B> + ?Sized,
    R: Findable<C> + ?Sized,
{
    fn write(
        &self,
        write: &mut dyn FnMut(&Encoding<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.0.write(write)?;
        self.1.write(write)?;
        self.2.write(write)
    }
}

/// The items of a value, one a part.
pub(crate) fn items<T, Q: Findable<T> + ?Sized>(value: &Q) -> Result<Items, Error> {
    let mut items = Items::new();
    value.write(&mut |encode| {
        items.push(encoded(encode)?);
        Ok(())
    })?;
    Ok(items)
}

/// The terms of a value, by the ring that unwrapped the data keys.
pub(crate) fn terms<T, Q: Findable<T> + ?Sized>(
    spec: &IndexSpec<'_>,
    keys: &DataKeys,
    value: &Q,
) -> Result<Vec<Term>, Error> {
    let items = items(value).map_err(|error| spec.locate(error))?;
    spec.terms(&items, keys.indexes(), keys.tenant())
}

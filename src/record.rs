//! Records: structs whose personal fields are sealed and opened together.
//!
//! `#[derive(Record)]` implements [`Record`] for a struct and [`SealedRecord`] for its row. Their provided
//! methods seal, open, update, reseal and reindex a whole row. A [`Schema`] describes a record, and a
//! [`Catalog`] checks all records of an application against each other at startup.
//! The example is on the [first page](crate).

mod catalog;
mod inline;
#[cfg(feature = "schema")]
mod owned;
mod parts;
mod reseal;
#[cfg(feature = "schema")]
mod run_time;
mod schema;

use alloc::vec::Vec;

pub use self::catalog::Catalog;
pub use self::inline::InlineKeys;
use self::inline::no_envelope;
#[cfg(feature = "schema")]
pub use self::owned::{Custom, OwnedSchema};
pub use self::parts::{Opener, Resealer, Sealer};
pub use self::reseal::{Reindexed, Resealed};
#[cfg(feature = "schema")]
pub use self::run_time::RowUpdate;
pub use self::schema::{Compound, FieldSchema, KeysPlace, Rows, Schema};

use crate::access::Access;
use crate::audit::Action;
use crate::class::Declared;
use crate::context::{RowId, SubjectId, ToId};
use crate::envelope::{DataKeys, KeyEnvelope, Wanted};
use crate::error::{Error, ErrorKind};
use crate::index::Terms;
use crate::random::CallRng;

/// A struct whose personal fields are sealed before the row is written.
///
/// Implemented by `#[derive(Record)]`, which is where the attributes are described. Import
/// [`SealedRecord`] beside it to open rows.
pub trait Record: Sized {
    /// The row: the same fields, the personal ones sealed.
    type Sealed: SealedRecord<Record = Self>;

    /// What is sealed, how, and who reads it.
    const SCHEMA: &'static Schema<'static>;

    #[doc(hidden)]
    fn subject_id(&self) -> Result<SubjectId, Error>;
    #[doc(hidden)]
    fn row_id(&self) -> Result<RowId, Error>;
    #[doc(hidden)]
    fn seal_fields(&self, sealer: &mut Sealer<'_>) -> Result<Self::Sealed, Error>;

    /// Seals the record of a new subject with fresh data keys. The row carries their envelope.
    ///
    /// This is for an `INSERT` of a subject who has no envelope yet. Never write the result over a row that
    /// exists (`UPDATE`, `INSERT OR REPLACE`, `ON CONFLICT DO UPDATE`): the new envelope is version 1 and knows
    /// nothing of the consents, withdrawals and erasures of the one that it replaces. An update of a whole row
    /// is [`seal_under`](Record::seal_under); an update of one field is [`Field::update`](crate::Field::update). The
    /// The guide, `docs/guide/databases.md`, has triggers for SQLite and PostgreSQL that refuse such a write.
    ///
    /// # Errors
    /// Those of [`DataKeys::create`] and of [`Field::seal`](crate::Field::seal).
    #[doc(alias = "seal")]
    #[doc(alias = "encrypt")]
    fn seal_new<'a>(&self, access: impl Into<Access<'a>>) -> Result<Self::Sealed, Error>
    where
        Self: InlineKeys,
    {
        seal_new(self, &access.into(), &mut CallRng::from_os()?)
    }

    #[doc(hidden)]
    fn seal<'a>(&self, access: impl Into<Access<'a>>) -> Result<Self::Sealed, Error>
    where
        Self: inline::InsertOrUpdate,
    {
        self.seal_new(access)
    }

    /// [`seal_new`](Record::seal_new) with randomness of the caller's: 32 bytes are drawn. For tests and
    /// vectors: a generator that ever repeats reuses keys and nonces, which gives values away.
    ///
    /// # Errors
    /// As [`seal_new`](Record::seal_new), without `Randomness`.
    #[cfg(feature = "hazmat-rng")]
    fn seal_new_with_rng<'a>(
        &self,
        access: impl Into<Access<'a>>,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<Self::Sealed, Error>
    where
        Self: InlineKeys,
    {
        seal_new(self, &access.into(), &mut CallRng::from_rng(rng))
    }

    /// Seals many new records in one call, by one draw of randomness. All or nothing.
    ///
    /// # Errors
    /// As [`seal_new`](Record::seal_new), naming the [row](Error::row).
    #[doc(alias = "seal_all")]
    fn seal_new_all<'a>(
        records: &[Self],
        access: impl Into<Access<'a>>,
    ) -> Result<Vec<Self::Sealed>, Error>
    where
        Self: InlineKeys,
    {
        let (access, mut rng) = (access.into(), CallRng::from_os()?);
        let numbered = records.iter().enumerate();
        numbered
            .map(|(n, record)| seal_new(record, &access, &mut rng).map_err(|error| error.in_row(n)))
            .collect()
    }

    /// Seals all fields anew under the data keys of an envelope that the subject has: for an update of
    /// the whole row. Where this ring may not read a class but can write it, the envelope in the
    /// result is a later version: store it with the row, while the version that was read is stored.
    ///
    /// # Errors
    /// Those of [`KeyEnvelope::prepare`] and of [`Field::seal`](crate::Field::seal).
    fn seal_under<'a>(
        &self,
        access: impl Into<Access<'a>>,
        envelope: &KeyEnvelope,
    ) -> Result<Self::Sealed, Error>
    where
        Self: InlineKeys,
    {
        let access = access.into();
        let subject = self.subject_id()?;
        told::<Self, _>(&access, Action::Seal, &subject, || {
            let keys = envelope.prepare(access, &subject, Self::SCHEMA)?;
            self.seal_fields(&mut Sealer::begin(&keys, self.row_id()?, &mut CallRng::from_os()?))
        })
    }

    /// Seals all fields under data keys at hand.
    ///
    /// # Errors
    /// [`WrongSubject`](ErrorKind::WrongSubject) when the keys are another subject's; those of
    /// [`Field::seal`](crate::Field::seal).
    fn seal_with(&self, keys: &DataKeys) -> Result<Self::Sealed, Error> {
        check_declarations::<Self>();
        check_subject(&self.subject_id()?, keys.subject())?;
        self.seal_fields(&mut Sealer::begin(keys, self.row_id()?, &mut CallRng::from_os()?))
    }

    /// Seals many rows of one subject under data keys at hand, in one call. All or nothing.
    ///
    /// # Errors
    /// As [`seal_with`](Record::seal_with), naming the [row](Error::row).
    fn seal_all_with(records: &[Self], keys: &DataKeys) -> Result<Vec<Self::Sealed>, Error> {
        check_declarations::<Self>();
        let mut rng = CallRng::from_os()?;
        let mut sealer = Sealer::begin(keys, RowId::SINGLE, &mut rng);
        let mut seal = |record: &Self| {
            check_subject(&record.subject_id()?, keys.subject())?;
            sealer.next_row(record.row_id()?);
            record.seal_fields(&mut sealer)
        };
        records
            .iter()
            .enumerate()
            .map(|(n, record)| seal(record).map_err(|error| error.in_row(n)))
            .collect()
    }
}

/// The row of a [`Record`]: what is stored.
///
/// Implemented by `#[derive(Record)]`.
pub trait SealedRecord: Sized {
    /// What it opens to.
    type Record: Record<Sealed = Self>;
    /// What it opens to field by field, each sealed one with its own result.
    type Partial;

    #[doc(hidden)]
    fn key_envelope(&self) -> Option<&KeyEnvelope>;
    #[doc(hidden)]
    fn subject_id(&self) -> Result<SubjectId, Error>;
    #[doc(hidden)]
    fn row_id(&self) -> Result<RowId, Error>;
    #[doc(hidden)]
    fn key_tags(&self) -> Vec<[u8; 4]>;
    #[doc(hidden)]
    fn open_fields(&self, opener: &mut Opener<'_>) -> Result<Self::Record, Error>;
    #[doc(hidden)]
    fn open_fields_partial(&self, opener: &mut Opener<'_>) -> Self::Partial;
    #[doc(hidden)]
    fn reseal_fields(&self, resealer: &mut Resealer<'_>) -> Result<Self, Error>;
    /// The row with the same values, and with terms and masks made anew of those it opened to.
    #[doc(hidden)]
    fn accompany_fields(
        &self,
        opened: Self::Partial,
        sealer: &mut Sealer<'_>,
    ) -> Result<Self, Error>;
    /// The terms that are kept in a table, by the ids of their indexes.
    #[doc(hidden)]
    fn table_terms(&self) -> Vec<(&'static str, &Terms)>;

    /// Opens the row as that of the subject the caller asked for; never a part of it.
    ///
    /// # Errors
    /// [`WrongSubject`](ErrorKind::WrongSubject) when the row is another's; those of
    /// [`KeyEnvelope::unwrap`] and, naming the field, of [`Field::open`](crate::Field::open).
    #[doc(alias = "decrypt")]
    fn open<'a>(
        &self,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<Self::Record, Error>
    where
        Self::Record: InlineKeys,
    {
        open_one(self, &access.into(), &SubjectId::new(subject)?)
    }

    /// Opens the row under data keys at hand.
    ///
    /// # Errors
    /// As [`open`](SealedRecord::open), without those of unwrapping.
    fn open_with(&self, keys: &DataKeys) -> Result<Self::Record, Error> {
        check_declarations::<Self::Record>();
        check_subject(&self.subject_id()?, keys.subject())?;
        self.open_fields(&mut Opener::begin(keys, self.row_id()?))
    }

    /// Opens the row field by field, for pages that must render: each sealed field is its value or its
    /// own error. An audit is told the first of those.
    ///
    /// # Errors
    /// Those of [`open`](SealedRecord::open) that are of the row as a whole.
    fn open_partial<'a>(
        &self,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<Self::Partial, Error>
    where
        Self::Record: InlineKeys,
    {
        let (access, subject) = (access.into(), SubjectId::new(subject)?);
        let mut first = None;
        let result = unwrapped(self, &access, &subject).and_then(|keys| {
            let mut opener = Opener::begin(&keys, self.row_id()?);
            let partial = self.open_fields_partial(&mut opener);
            first = opener.first_failure();
            Ok(partial)
        });
        let outcome = match (&result, first) {
            (Err(error), _) => Err(error.kind()),
            (Ok(_), Some(kind)) => Err(kind),
            (Ok(_), None) => Ok(()),
        };
        tell::<Self::Record>(&access, Action::Open, &subject, outcome)?;
        result
    }

    /// [`open_partial`](SealedRecord::open_partial) under data keys at hand.
    ///
    /// # Errors
    /// [`WrongSubject`](ErrorKind::WrongSubject) when the keys are another subject's.
    fn open_partial_with(&self, keys: &DataKeys) -> Result<Self::Partial, Error> {
        check_declarations::<Self::Record>();
        check_subject(&self.subject_id()?, keys.subject())?;
        Ok(self.open_fields_partial(&mut Opener::begin(keys, self.row_id()?)))
    }

    /// Opens many rows, each as that of the subject named with it. All or nothing: where people may be
    /// erased, open each row by [`open_partial`](SealedRecord::open_partial).
    ///
    /// # Errors
    /// As [`open`](SealedRecord::open), naming the [row](Error::row).
    fn open_all<'a, 'r, Id: ToId>(
        rows: impl IntoIterator<Item = (&'r Self, Id)>,
        access: impl Into<Access<'a>>,
    ) -> Result<Vec<Self::Record>, Error>
    where
        Self: 'r,
        Self::Record: InlineKeys,
    {
        let access = access.into();
        let open = |row: &Self, subject: Id| open_one(row, &access, &SubjectId::new(subject)?);
        let numbered = rows.into_iter().enumerate();
        numbered
            .map(|(n, (row, subject))| open(row, subject).map_err(|error| error.in_row(n)))
            .collect()
    }

    /// Opens the rows that a [query](crate::Index::query) found, and keeps those that are what it asked for:
    /// of a truncated index, or of a range of steps, it finds some that are not. A ring that cannot open all
    /// fields opens a view of those it can, or asks [`open_matching_partial`](Self::open_matching_partial).
    ///
    /// Rows of subjects who are erased match nothing. A row of which one class is erased or expired, and the
    /// rest is there, is an error and not left out: ask `open_matching_partial` where classes end one by one.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use fieldseal::{KeyRing, Record, SealedRecord as _};
    ///
    /// #[derive(Record)]
    /// #[record(name = "customer", single_row)]
    /// struct Customer {
    ///     #[record(subject)]
    ///     id: i64,
    ///     #[record(seal, index(exact, cardinality = 1_000_000, bits = 12))]
    ///     email: String,
    /// }
    ///
    /// let mut ring = KeyRing::generate()?;
    /// ring.add_index_key()?;
    /// let row = Customer { id: 42, email: "ada@example.com".into() }.seal_new(&ring)?;
    ///
    /// let query = customer::EMAIL_INDEX.query(&ring, "ada@example.com")?;
    /// // SELECT … WHERE email_index IN (…)
    /// assert!(query.terms().contains(row.email_index.as_ref().unwrap()));
    /// let found = SealedCustomer::open_matching([(&row, 42)], &ring, |customer| {
    ///     query.matches(&customer.email)
    /// })?;
    /// assert_eq!(found.len(), 1);
    /// # }
    /// # Ok::<(), fieldseal::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](SealedRecord::open), but for subjects who are erased, and those of `matches`, naming the
    /// [row](Error::row).
    fn open_matching<'a, 'r, Id: ToId>(
        rows: impl IntoIterator<Item = (&'r Self, Id)>,
        access: impl Into<Access<'a>>,
        mut matches: impl FnMut(&Self::Record) -> Result<bool, Error>,
    ) -> Result<Vec<Self::Record>, Error>
    where
        Self: 'r,
        Self::Record: InlineKeys,
    {
        let access = access.into();
        let mut open = |row: &Self, subject: Id| -> Result<_, Error> {
            let (subject, mut is_erased) = (SubjectId::new(subject)?, false);
            let opened = told::<Self::Record, _>(&access, Action::Open, &subject, || {
                let keys = unwrapped(row, &access, &subject)?;
                is_erased = keys.is_erased();
                row.open_fields(&mut Opener::begin(&keys, row.row_id()?))
            });
            match opened {
                Err(error) if is_erased && error.kind() == ErrorKind::Erased => Ok(None),
                opened => opened.and_then(|opened| Ok(matches(&opened)?.then_some(opened))),
            }
        };
        let numbered = rows.into_iter().enumerate();
        numbered
            .filter_map(|(n, (row, subject))| {
                open(row, subject).map_err(|error| error.in_row(n)).transpose()
            })
            .collect()
    }

    /// [`open_matching`](SealedRecord::open_matching) field by field: for rings that open some fields of a row
    /// only, and where classes are erased or expire one by one. `matches` is given each row as
    /// [`open_partial`](SealedRecord::open_partial) opens it, and says what a field that does not open means.
    /// [`Query::matches_opened`](crate::field::Query::matches_opened) never takes tampering for a row that does not match:
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// # use fieldseal::{KeyRing, Record, SealedRecord as _};
    /// # #[derive(Record)]
    /// # #[record(name = "customer", single_row)]
    /// # struct Customer {
    /// #     #[record(subject)]
    /// #     id: i64,
    /// #     #[record(seal, index(exact, cardinality = 1_000_000))]
    /// #     email: String,
    /// # }
    /// # let mut ring = KeyRing::generate()?;
    /// # ring.add_index_key()?;
    /// # let row = Customer { id: 42, email: "ada@example.com".into() }.seal_new(&ring)?;
    /// let query = customer::EMAIL_INDEX.query(&ring, "ada@example.com")?;
    /// let found = SealedCustomer::open_matching_partial([(&row, 42)], &ring, |partial| {
    ///     query.matches_opened(&partial.email)
    /// })?;
    /// assert_eq!(found.len(), 1);
    /// # }
    /// # Ok::<(), fieldseal::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`open_partial`](SealedRecord::open_partial), and those of `matches`, naming the [row](Error::row).
    fn open_matching_partial<'a, 'r, Id: ToId>(
        rows: impl IntoIterator<Item = (&'r Self, Id)>,
        access: impl Into<Access<'a>>,
        mut matches: impl FnMut(&Self::Partial) -> Result<bool, Error>,
    ) -> Result<Vec<Self::Partial>, Error>
    where
        Self: 'r,
        Self::Record: InlineKeys,
    {
        let access = access.into();
        let mut open = |row: &Self, subject: Id| -> Result<_, Error> {
            let partial = row.open_partial(access, subject)?;
            Ok(matches(&partial)?.then_some(partial))
        };
        let numbered = rows.into_iter().enumerate();
        numbered
            .filter_map(|(n, (row, subject))| {
                open(row, subject).map_err(|error| error.in_row(n)).transpose()
            })
            .collect()
    }

    /// Seals again, under the newest generations of their classes, the fields that lie under older ones
    /// or are of a [former class](crate::Field::was): after a withdrawal or a renewal, and before `was`
    /// is taken out. The others stay byte for byte, and so do the envelope and what is erased or expired.
    /// All or nothing.
    ///
    /// Store only the [columns](Resealed::columns) that changed, and only while they still hold what was
    /// read, or in the transaction that read and locked the row: an update that comes in between must not
    /// be lost.
    ///
    /// Who had unwrapped the envelope before the newest generation was begun can store one more value
    /// under the older one: reseal once more when such calls have ended.
    ///
    /// Who reads the newest generation reads what is resealed under it. A role that was
    /// [granted](crate::envelope::EnvelopeEdit::grant) a class without history reads its history from then on.
    ///
    /// # Errors
    /// As [`open`](SealedRecord::open), but for what is gone; and, naming the field, as
    /// [`Field::update`](crate::Field::update): [`Retention`](ErrorKind::Retention),
    /// [`Erased`](ErrorKind::Erased) or [`Expired`](ErrorKind::Expired) when its newest generation takes
    /// no values, and is to be renewed first. A value whose erased generation was
    /// [pruned](crate::envelope::EnvelopeEdit::prune) is refused as of an unknown key: set such columns to NULL when
    /// you prune.
    fn reseal<'a>(
        &self,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<Resealed<Self>, Error>
    where
        Self::Record: InlineKeys,
    {
        let (access, subject) = (access.into(), SubjectId::new(subject)?);
        told::<Self::Record, _>(&access, Action::Reseal, &subject, || {
            reseal::resealed(self, &reseal::unwrapped(self, &access, &subject)?)
        })
    }

    /// [`reseal`](SealedRecord::reseal) under data keys at hand: those of the envelope as it is stored
    /// now.
    ///
    /// # Errors
    /// As [`reseal`](SealedRecord::reseal), without those of unwrapping.
    fn reseal_with(&self, keys: &DataKeys) -> Result<Resealed<Self>, Error> {
        check_declarations::<Self::Record>();
        check_subject(&self.subject_id()?, keys.subject())?;
        reseal::resealed(self, keys)
    }

    /// Makes the terms of the row's indexes and its masks anew, of the values it opens to: under the ring's
    /// primary index key once that was rotated (the rows that an index finds [stale](crate::Index::stale)), and
    /// for an index or a mask that was declared later. The values stay byte for byte. The terms of a value that is
    /// erased or expired are taken away. All fields that have terms or masks need to be within the ring's
    /// reach: a ring that opens some of them only reindexes a view of those.
    ///
    /// A mask that says what it should stays byte for byte. None is made that would be kept longer than the value,
    /// which lies under an older generation: [reseal](Self::reseal) the row first.
    ///
    /// Store only the [columns](Reindexed::columns), and only while the columns of the values hold what was read,
    /// or in the transaction that read and locked the row: terms of a former value must not be stored beside a new
    /// one.
    ///
    /// # Errors
    /// As [`open`](SealedRecord::open), naming the field, but for what is gone; and as
    /// [`Field::update`](crate::Field::update).
    fn reindex<'a>(
        &self,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<Reindexed<Self>, Error>
    where
        Self::Record: InlineKeys,
    {
        let (access, subject) = (access.into(), SubjectId::new(subject)?);
        told::<Self::Record, _>(&access, Action::Reseal, &subject, || {
            reseal::reindexed(self, &reseal::unwrapped(self, &access, &subject)?)
        })
    }

    /// [`reindex`](SealedRecord::reindex) under data keys at hand: those of the envelope as it is stored now,
    /// unwrapped by a ring with the index keys.
    ///
    /// # Errors
    /// As [`reindex`](SealedRecord::reindex), without those of unwrapping.
    fn reindex_with(&self, keys: &DataKeys) -> Result<Reindexed<Self>, Error> {
        check_declarations::<Self::Record>();
        check_subject(&self.subject_id()?, keys.subject())?;
        reseal::reindexed(self, keys)
    }

    /// Unwraps the row's key envelope, to open or update single fields.
    ///
    /// # Errors
    /// [`WrongSubject`](ErrorKind::WrongSubject) when the row is another's; those of
    /// [`KeyEnvelope::unwrap`].
    fn unwrap_keys<'a>(
        &self,
        access: impl Into<Access<'a>>,
        subject: impl ToId,
    ) -> Result<DataKeys, Error>
    where
        Self::Record: InlineKeys,
    {
        let subject = SubjectId::new(subject)?;
        check_subject(&self.subject_id()?, &subject)?;
        self.key_envelope().ok_or_else(no_envelope)?.unwrap(access, &subject)
    }
}

fn seal_new<R: Record>(
    record: &R,
    access: &Access<'_>,
    rng: &mut CallRng,
) -> Result<R::Sealed, Error> {
    let subject = record.subject_id()?;
    told::<R, _>(access, Action::Seal, &subject, || {
        let keys = DataKeys::created(&access.without_audit(), subject.clone(), R::SCHEMA, rng)?;
        record.seal_fields(&mut Sealer::begin(&keys, record.row_id()?, rng))
    })
}

fn open_one<S: SealedRecord>(
    row: &S,
    access: &Access<'_>,
    subject: &SubjectId,
) -> Result<S::Record, Error> {
    told::<S::Record, _>(access, Action::Open, subject, || {
        let keys = unwrapped(row, access, subject)?;
        row.open_fields(&mut Opener::begin(&keys, row.row_id()?))
    })
}

/// The data keys that the row's fields were sealed under, and no others.
fn unwrapped<S: SealedRecord>(
    row: &S,
    access: &Access<'_>,
    subject: &SubjectId,
) -> Result<DataKeys, Error> {
    check_subject(&row.subject_id()?, subject)?;
    let tags = row.key_tags();
    let wanted = |class: &str, tag| {
        if !tags.contains(&tag) {
            return Wanted::Nobody;
        }
        match declared::<S::Record>(class) {
            Some(declared) => Wanted::Class(declared),
            None => Wanted::Nobody,
        }
    };
    row.key_envelope().ok_or_else(no_envelope)?.unwrap_wanted(access, subject, &wanted)
}

/// The one declaration of a class, present or former, wherever a field of the record has it.
fn declared<R: Record>(class: &str) -> Option<Declared<'static>> {
    let mut declared = R::SCHEMA.declared_classes();
    declared.find(|declared| declared.name() == class).map(|declared| declared.declared())
}

/// Has the compiler evaluate the schema, which contradictory declarations do not survive; of generic
/// records nothing else does.
fn check_declarations<R: Record>() {
    const { assert!(!R::SCHEMA.fields().is_empty()) };
}

fn check_subject(of_row: &SubjectId, asserted: &SubjectId) -> Result<(), Error> {
    if of_row == asserted {
        return Ok(());
    }
    Err(Error::new(ErrorKind::WrongSubject, "the row is another subject's than the one asked for"))
}

fn told<R: Record, T>(
    access: &Access<'_>,
    action: Action,
    subject: &SubjectId,
    call: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    let result = call();
    tell::<R>(access, action, subject, result.as_ref().map(drop).map_err(Error::kind))?;
    result
}

fn tell<R: Record>(
    access: &Access<'_>,
    action: Action,
    subject: &SubjectId,
    outcome: Result<(), ErrorKind>,
) -> Result<(), Error> {
    if !access.is_audited() {
        return Ok(());
    }
    let classes: Vec<&str> = R::SCHEMA.classes().map(|class| class.name()).collect();
    access.tell(
        action,
        subject,
        &classes,
        Some((R::SCHEMA.record(), R::SCHEMA.field_ids())),
        outcome,
    )
}

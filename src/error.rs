//! Errors, and the HTTP status that fits each kind.
//!
//! All calls return one opaque [`Error`]. Branch on [`Error::kind`], never on its text:
//!
//! ```
//! use fieldseal::{ErrorKind, KeyRing};
//!
//! let ring = KeyRing::generate()?;
//! let error = ring.open(b"invoice 7", b"not an envelope").unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::NotSealed);
//! assert_eq!(error.kind().http_status(), 500);
//! # Ok::<(), fieldseal::Error>(())
//! ```
//!
//! [`ErrorKind`] has a table of situations, their kinds, the remedy and the status.

mod fault;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

pub use self::fault::Fault;

/// What went wrong, where, and what to do about it.
///
/// The error is opaque; [`kind`](Error::kind) says what happened. Its text names the record, the
/// field, the class and the roles concerned, and never a value or a byte of a key. Every failure of
/// authentication is [`ErrorKind::Tampered`] with one and the same text. Where a file or a database failed,
/// [`source`](core::error::Error::source) is the error of its driver.
///
/// ```
/// use fieldseal::{ErrorKind, KeyRing};
///
/// let ring = KeyRing::generate()?;
/// let error = ring.open(b"invoice 7", b"not an envelope").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotSealed);
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    detail: Cow<'static, str>,
    about: About,
}

/// What an error is about, where it is known.
#[derive(Clone, Default)]
struct About {
    record: Option<Box<str>>,
    field: Option<Box<str>>,
    row: Option<usize>,
    class: Option<Box<str>>,
    roles: Vec<Box<str>>,
    key: Option<u32>,
    fault: Option<Fault>,
    source: Option<Arc<dyn core::error::Error + Send + Sync>>,
}

impl Error {
    /// The same error once more, for a caller that has only lent it.
    pub(crate) fn again(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The kinds of [`Error`]. Each says what a web handler would answer, which
/// [`http_status`](Self::http_status) returns.
///
/// | situation | kind | what to do | status |
/// |---|---|---|---|
/// | a sealed value was cut | `malformed` | restore it from a backup | 500 |
/// | there is plaintext in the place of a sealed value | `not-sealed` | seal it, or find out who wrote it | 500 |
/// | the value to be sealed is sealed already | `already-sealed` | seal the value that it was made of | 500 |
/// | a value was sealed by a later version | `unsupported` | update | 500 |
/// | the ring does not hold the envelope key that the key envelope names | `wrong-key` | use the ring that it was made with | 500 |
/// | a key envelope was cut | `wrong-key`, or `malformed` below 40 bytes | restore it from a backup | 500 |
/// | no role of the ring reads the class | `not-permitted` | ask a service that may | 403 |
/// | the retention term of the value has passed | `expired` | answer that it is gone | 410 |
/// | the person was erased | `erased` | answer that they are gone | 410 |
/// | a new envelope is stored under the id of an erased person | `erased` | give ids that were never used | 410 |
/// | the generation takes no more values under the retention term | `retention` | `renew` the class | 500 |
/// | the ring file has no slot for this key | `unlock` | use a passphrase or key that has a slot | 500 |
/// | the ring file is not protected | `unprotected` | protect it, or ask for `open_unprotected` | 500 |
/// | others can read the ring file | `permissions` | make it readable by its owner alone | 500 |
/// | a value was altered, or moved to another row | `tampered` | restore it, and find out who wrote it | 500 |
/// | the field has another type than when the value was sealed | `type-mismatch` | declare the former type | 500 |
/// | the row is another person's | `wrong-subject` | answer that there is no such row | 404 |
/// | the key envelope is below the version floor | `rolled-back` | find out who put the older one back | 500 |
/// | a class was added after the key envelope was made | `missing-class` | `ensure` it | 500 |
/// | no key envelope is stored for the person | `unknown-subject` | check tenant and type of id | 404 |
/// | the application's table has no row for the person | `unknown-subject` | insert the row first | 404 |
/// | the ring holds no key that signs | `missing-key` | use the ring that has it | 500 |
/// | an id is empty or too long | `invalid-input` | change what was given | 400 |
/// | bytes are not an encoded id | `invalid-input` | change what was given | 400 |
/// | two declarations of a program contradict each other | `declaration` | mend the one that is wrong | 500 |
/// | a key is to be retired that is still needed | `failed-precondition` | do first what the text says | 409 |
/// | an envelope has no room for another class | `exhausted` | put fewer classes into it | 500 |
/// | a sweep would erase more than it may | `unconfirmed` | look at the plan, then confirm it | 409 |
/// | the operating system gives no randomness | `randomness` | try again later | 503 |
/// | the audit sink refused the event | `audit` | repair the sink, then try again | 503 |
/// | somebody else stored a change first | `conflict` | read again, and make the change to that | 409 |
/// | another process holds the lock of the ring file | `locked` | try again when it is done | 503 |
/// | a pass sees only a part of a table of envelopes | `incomplete` | take a role and a table that show every row | 500 |
/// | another connection has the database locked | `retry` | run the whole transaction again | 503 |
/// | another transaction changed what this one has read | `retry` | run the whole transaction again | 503 |
/// | the database has no such table | `io` | see [`Error::fault`] | 503 |
/// | the database takes no writes | `io` | see [`Error::fault`] | 503 |
/// | the user of the database lacks a privilege | `io` | see [`Error::fault`] | 503 |
/// | the server stopped during the call | `io` | see [`Error::fault`], and read what is stored | 503 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes break the format: truncated, extended, out of order, or not canonical. (500)
    Malformed,
    /// The bytes are no sealed field or envelope at all: plaintext was never accepted. (500)
    NotSealed,
    /// The value to be sealed is a sealed field or envelope already. (500)
    AlreadySealed,
    /// A version, suite or kind that this build does not know. Update, then try again. (500)
    Unsupported,
    /// No key of this subject and class, or no such key in the ring. (500)
    WrongKey,
    /// The ring holds no role that may open the class. (403)
    NotPermitted,
    /// The retention term of the value has passed. (410)
    Expired,
    /// The key was destroyed: the person or the class was erased. (410)
    Erased,
    /// Authentication failed: altered, moved, forged, or under another context. (500)
    Tampered,
    /// The value opened, but is of another type than the field declares. (500)
    TypeMismatch,
    /// The row is another subject's than the one the caller asserts. (404)
    WrongSubject,
    /// The envelope is older than the version the caller demands. (500)
    RolledBack,
    /// The envelope has no entry for the class; `ensure` begins it. (500)
    MissingClass,
    /// The generation takes no more values under the class's retention; `renew` begins the next. (500)
    Retention,
    /// A ring key that the operation needs is not in the ring. (500)
    MissingKey,
    /// What the caller gave cannot be used: a value, an id, a name, a size. (400)
    InvalidInput,
    /// The program contradicts itself, whatever the client sent: declarations that differ, a class without a
    /// reader, a column that cannot tell its subjects apart, an index that is asked for what it does not have. Where
    /// FORMAT.md says `invalid-input` of a declaration, this crate answers with this. (500)
    Declaration,
    /// The ring, its document or the store is not in the state that the call requires: a key that is still needed, the
    /// last slot, a second primary key. The text says what to do first. (409)
    FailedPrecondition,
    /// A counter or size limit of the format is reached. (500)
    Exhausted,
    /// The operating system gave no randomness. (503)
    Randomness,
    /// The audit sink refused the event, so nothing was returned. (503)
    Audit,
    /// No slot of the ring document opened: a wrong passphrase or key, or an altered document. (500)
    Unlock,
    /// The ring document is not protected, and that was not asked for. (500)
    Unprotected,
    /// Others can read a file that keeps secrets. (500)
    Permissions,
    /// The stored ring is not the one that was read: someone stored another. Read it again. (409)
    Conflict,
    /// Another process holds the lock of the ring file. (503)
    Locked,
    /// The call would destroy more than it was told it may, or by a clock that cannot be right: look, and
    /// confirm. (409)
    Unconfirmed,
    /// The connection may see only a part of what is stored, so a pass over a whole store concludes nothing:
    /// row-level security, a view, a partition, a hidden table of the same name, or a replica. (500)
    Incomplete,
    /// A file, a database or an outside key service could not be used: it is not there, refuses, is full,
    /// or gave no answer. Somebody has to see to it. (503)
    Io,
    /// The store has no key envelope, or no row, of this subject: another tenant or type of id, or a person
    /// who was never stored. (404)
    UnknownSubject,
    /// The database could not run this transaction beside others: busy, a deadlock, or a transaction that
    /// cannot be serialized. Nothing of it is stored. Roll back, then run the whole transaction again. (503)
    Retry,
}

impl ErrorKind {
    /// The kind in the words of FORMAT.md, section 18, lower case with hyphens, stable;
    /// `declaration`, `failed-precondition`, `wrong-subject`, `randomness`, `audit`, `unconfirmed`, and the kinds of the place where something is
    /// stored (`permissions`, `conflict`, `locked`, `incomplete`, `io`, `unknown-subject`, `retry`) are of this crate, not
    /// of the format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotSealed => "not-sealed",
            Self::AlreadySealed => "already-sealed",
            Self::Unsupported => "unsupported",
            Self::WrongKey => "wrong-key",
            Self::NotPermitted => "not-permitted",
            Self::Expired => "expired",
            Self::Erased => "erased",
            Self::Tampered => "tampered",
            Self::TypeMismatch => "type-mismatch",
            Self::WrongSubject => "wrong-subject",
            Self::RolledBack => "rolled-back",
            Self::MissingClass => "missing-class",
            Self::Retention => "retention",
            Self::MissingKey => "missing-key",
            Self::InvalidInput => "invalid-input",
            Self::Declaration => "declaration",
            Self::FailedPrecondition => "failed-precondition",
            Self::Exhausted => "exhausted",
            Self::Randomness => "randomness",
            Self::Audit => "audit",
            Self::Unlock => "unlock",
            Self::Unprotected => "unprotected",
            Self::Permissions => "permissions",
            Self::Conflict => "conflict",
            Self::Locked => "locked",
            Self::Unconfirmed => "unconfirmed",
            Self::Incomplete => "incomplete",
            Self::Io => "io",
            Self::UnknownSubject => "unknown-subject",
            Self::Retry => "retry",
        }
    }

    /// The HTTP status with which a web handler answers this kind, unless it knows better. `503` means that
    /// the same request may succeed later, `409` that the caller has to read again, and `500` that somebody
    /// other than the client has to act.
    ///
    /// ```
    /// use fieldseal::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::Erased.http_status(), 410);
    /// assert_eq!(ErrorKind::UnknownSubject.http_status(), 404);
    /// ```
    pub const fn http_status(self) -> u16 {
        match self {
            Self::InvalidInput => 400,
            Self::NotPermitted => 403,
            Self::WrongSubject | Self::UnknownSubject => 404,
            Self::Conflict | Self::FailedPrecondition | Self::Unconfirmed => 409,
            Self::Expired | Self::Erased => 410,
            Self::Randomness | Self::Audit | Self::Locked | Self::Io | Self::Retry => 503,
            Self::Malformed
            | Self::NotSealed
            | Self::AlreadySealed
            | Self::Unsupported
            | Self::WrongKey
            | Self::Tampered
            | Self::TypeMismatch
            | Self::RolledBack
            | Self::MissingClass
            | Self::Retention
            | Self::MissingKey
            | Self::Declaration
            | Self::Exhausted
            | Self::Incomplete
            | Self::Unlock
            | Self::Unprotected
            | Self::Permissions => 500,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, detail: detail.into(), about: About::default() }))
    }

    /// One text for every failure of authentication, whatever the reason.
    #[cold]
    pub(crate) fn tampered() -> Self {
        Self::new(
            ErrorKind::Tampered,
            "authentication failed: the bytes were altered or moved, or belong to another tenant, \
             subject, record, field or row",
        )
    }

    #[cold]
    pub(crate) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Malformed, detail)
    }

    /// A mistake of the program and not of its client.
    #[cold]
    pub(crate) fn declaration(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Declaration, detail)
    }

    /// Something else has to be done first.
    #[cold]
    pub(crate) fn precondition(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::FailedPrecondition, detail)
    }

    #[cold]
    pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidInput, detail)
    }

    /// `[RF-24]` One text for a wrong credential and for an altered document, so that neither can be told from
    /// the other.
    #[cfg(feature = "file")]
    #[cold]
    pub(crate) fn unlock() -> Self {
        Self::new(
            ErrorKind::Unlock,
            "no slot opened: the passphrase, key or shares are others, or the document was altered; \
             try again, or restore the file from a backup",
        )
    }

    #[cfg(feature = "file")]
    #[cold]
    pub(crate) fn io(doing: &str, path: &std::path::Path, error: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, alloc::format!("cannot {doing} {}: {error}", path.display()))
            .because_of(Fault::of_io(&error), error)
    }

    #[cold]
    pub(crate) fn type_mismatch(expected: &'static str) -> Self {
        Self::new(
            ErrorKind::TypeMismatch,
            alloc::format!(
                "the stored value is not {expected}: the field was declared with another type when it was sealed"
            ),
        )
    }

    #[cold]
    pub(crate) fn at(mut self, record: &str, field: &str) -> Self {
        self.0.about.record = Some(record.into());
        self.0.about.field = Some(field.into());
        self
    }

    #[cold]
    pub(crate) fn of_class(mut self, class: &str) -> Self {
        self.0.about.class = Some(class.into());
        self
    }

    #[cold]
    pub(crate) fn of_roles<'r>(mut self, roles: impl IntoIterator<Item = &'r str>) -> Self {
        self.0.about.roles = roles.into_iter().map(Box::from).collect();
        self
    }

    /// `key` is the number of a `KeyId`, which is made above.
    #[cold]
    pub(crate) fn of_key(mut self, key: u32) -> Self {
        self.0.about.key = Some(key);
        self
    }

    /// The number of the ring key concerned.
    pub(crate) fn key_number(&self) -> Option<u32> {
        self.0.about.key
    }

    #[cold]
    pub(crate) fn in_row(mut self, row: usize) -> Self {
        self.0.about.row = Some(row);
        self
    }

    #[cfg(any(
        feature = "file",
        feature = "rusqlite",
        feature = "sqlx-sqlite",
        feature = "sqlx-postgres"
    ))]
    #[cold]
    pub(crate) fn because_of(
        mut self,
        fault: Option<Fault>,
        source: impl core::error::Error + Send + Sync + 'static,
    ) -> Self {
        self.0.about.fault = fault;
        self.0.about.source = Some(Arc::new(source));
        self
    }

    /// Adds what else to do to the text, of which the kind stays where it is.
    #[cold]
    #[cfg(feature = "std")]
    pub(crate) fn and_also(mut self, more: &str) -> Self {
        self.0.detail = alloc::format!("{}; {more}", self.0.detail).into();
        self
    }

    /// The text without the kind and the place.
    #[cfg(feature = "std")]
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// An error of a value's own encoding or decoding, for implementors of
    /// [`SealValue`](crate::SealValue). `what` must name no value.
    pub fn value(what: &'static str) -> Self {
        Self::new(ErrorKind::InvalidInput, what)
    }

    /// What happened.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The record that was being sealed or opened, if it was one.
    pub fn record(&self) -> Option<&str> {
        self.0.about.record.as_deref()
    }

    /// The id of the field that was being sealed or opened, if it was one.
    pub fn field(&self) -> Option<&str> {
        self.0.about.field.as_deref()
    }

    /// The class of data concerned, where the error is about one.
    pub fn class(&self) -> Option<&str> {
        self.0.about.class.as_deref()
    }

    /// The roles concerned: under [`NotPermitted`](ErrorKind::NotPermitted) those that may read the class, the ones with
    /// consent last, and under [`MissingKey`](ErrorKind::MissingKey) the role whose key is missing.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.about.roles.iter().map(|role| &**role)
    }

    /// What is wrong with the file or the database, where the error is about one and that is known.
    pub fn fault(&self) -> Option<Fault> {
        self.0.about.fault
    }

    /// The text of this error without the remedy of its [`fault`](Self::fault), for a program that gives its own
    /// advice. Without a fault, it is the whole text.
    pub fn without_remedy(&self) -> impl fmt::Display + '_ {
        Problem(self)
    }

    fn write_problem(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(row) = self.0.about.row {
            write!(f, "row {row}: ")?;
        }
        if let (Some(record), Some(field)) = (&self.0.about.record, &self.0.about.field) {
            write!(f, "{record}.{field}: ")?;
        }
        write!(f, "{}: {}", self.0.kind, self.0.detail)
    }

    /// The position, from 0, of the row in a call that takes many.
    pub fn row(&self) -> Option<usize> {
        self.0.about.row
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_problem(f)?;
        match self.0.about.fault {
            Some(fault) => write!(f, ": {}", fault.remedy()),
            None => Ok(()),
        }
    }
}

/// An error whose remedy is left to another.
struct Problem<'a>(&'a Error);

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_problem(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl core::error::Error for Error {
    /// The error of the file system, of rusqlite or of sqlx that this one comes from, as the driver made it. Log its
    /// `Display`: the `Debug` of a server's error can quote the row that was refused.
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        let source = self.0.about.source.as_deref()?;
        Some(source)
    }
}

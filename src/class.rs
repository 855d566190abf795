//! Data classes: fields that are protected alike and erased together.
//!
//! A [`Class`] has a name, the roles that may read it, the roles that may read it with the subject's
//! consent, and optionally a retention term. Each class of a subject has a data key of its own.
//!
//! ```
//! use fieldseal::Class;
//!
//! const CONTACT: Class = Class::new("contact").readers(&["app", "support"]).readers_with_consent(&["marketing"]);
//! const ORDERS: Class = Class::new("orders").readers(&["app", "billing"]).retain_days(10 * 365);
//! ```
//!
//! Calls that take [`ToClasses`] accept a class, a slice of classes, a field, or the schema of a record,
//! so that no list of classes has to be kept by hand.

mod consent;
mod kept;
mod list;
mod mask;
#[cfg(feature = "schema")]
mod owned;

pub use self::consent::ClassConsent;
pub(crate) use self::kept::Kept;
pub use self::list::ToClasses;
pub use self::mask::MaskName;
#[cfg(feature = "schema")]
pub use self::owned::OwnedClass;
#[cfg(feature = "schema")]
pub(crate) use self::owned::check as check_class;

use core::hash::{Hash, Hasher};

use crate::context::{NO_NAME, equal, is_declarable, is_name};
use crate::error::Error;

const DAY: u64 = 86_400;
const NO_ROLES: &[&str] = &[];
const DEFAULT_READERS: &[&str] = &["app"];

/// A class of data: who may read it and how long it is kept.
///
/// Declare classes as constants; a wrong declaration does not compile. A class without
/// [`readers`](Class::readers) is read by the role `app`. With the feature `schema` an
/// `OwnedClass` is declared at run time, or read from what a class serializes to.
///
/// ```
/// use fieldseal::Class;
///
/// const CONTACT: Class = Class::new("contact")
///     .readers(&["app", "support"])
///     .readers_with_consent(&["marketing"]);
/// const FINANCIAL: Class = Class::new("financial").readers(&["billing"]).retain_days(3 * 365);
/// assert_eq!(Class::PERSONAL.reader_roles(), ["app"]);
/// # let _ = (CONTACT, FINANCIAL);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Class<'a> {
    name: &'a str,
    #[cfg_attr(feature = "serde", serde(serialize_with = "declared_or_default"))]
    readers: Option<&'a [&'a str]>,
    #[cfg_attr(feature = "serde", serde(rename = "readers_with_consent"))]
    with_consent: &'a [&'a str],
    retain_days: u32,
    #[cfg_attr(feature = "serde", serde(rename = "generation_days"))]
    period_days: u32,
}

#[cfg(feature = "serde")]
fn declared_or_default<S: serde::Serializer>(
    readers: &Option<&[&str]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(readers.unwrap_or(DEFAULT_READERS), serializer)
}

#[allow(clippy::panic, reason = "these stop compilation of a bad constant")]
impl<'a> Class<'a> {
    /// The class of fields that name none; read by the role `app`.
    pub const PERSONAL: Self = Self::new("personal");

    /// The class of standalone envelopes. Reserved: no field can be of it.
    pub(crate) const STANDALONE: &'static str = "standalone";

    /// A class by its stable name: at most 59 bytes of `[a-z0-9_.-]`, starting with a letter.
    ///
    /// # Panics
    /// On a bad or reserved name (`mask.…`, `standalone`). In a constant that is a compile error.
    pub const fn new(name: &'a str) -> Self {
        assert!(
            is_declarable(name),
            "a class name is 1 to 59 bytes of a-z 0-9 _ . -, starts with a letter, and is not reserved"
        );
        Self { name, readers: None, with_consent: NO_ROLES, retain_days: 0, period_days: 0 }
    }

    /// The roles that may always read the class.
    ///
    /// # Panics
    /// On a bad, repeated or already consented role name, or when set twice.
    pub const fn readers(mut self, roles: &'a [&'a str]) -> Self {
        assert!(self.readers.is_none(), "the readers of this class are set twice");
        assert_roles(roles, self.with_consent);
        self.readers = Some(roles);
        self
    }

    /// The roles that may read the class of a subject who has consented; they start without a key.
    ///
    /// # Panics
    /// On a bad or repeated role name, one that is already a reader, or when set twice.
    pub const fn readers_with_consent(mut self, roles: &'a [&'a str]) -> Self {
        assert!(self.with_consent.is_empty(), "the readers with consent are set twice");
        assert_roles(roles, self.reader_roles());
        self.with_consent = roles;
        self
    }

    /// Keep each value at least this many days, and at most this plus the period in which one
    /// generation takes values (a twelfth of it, at least a day; see
    /// [`generation_days`](Class::generation_days)).
    ///
    /// # Panics
    /// On 0 days, or when set twice.
    pub const fn retain_days(mut self, days: u32) -> Self {
        assert!(self.retain_days == 0, "the retention of this class is set twice");
        assert!(days > 0, "a retention is at least one day");
        self.retain_days = days;
        self
    }

    /// How many days one generation of a class with retention takes values, in place of the
    /// default of a twelfth of the retention.
    ///
    /// # Panics
    /// On 0 days, without a retention, or when set twice.
    pub const fn generation_days(mut self, days: u32) -> Self {
        assert!(self.retain_days > 0, "set the retention before the period of a generation");
        assert!(self.period_days == 0, "the period of a generation is set twice");
        assert!(days > 0, "a generation takes values for at least one day");
        self.period_days = days;
        self
    }

    /// The name.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The roles that may always read the class.
    pub const fn reader_roles(&self) -> &'a [&'a str] {
        match self.readers {
            Some(roles) => roles,
            None => DEFAULT_READERS,
        }
    }

    /// The roles that may read the class of a subject who has consented.
    pub const fn consent_roles(&self) -> &'a [&'a str] {
        self.with_consent
    }

    /// The retention R in seconds, or `None` if values are kept until erased.
    pub const fn retention_seconds(&self) -> Option<u64> {
        match self.retain_days {
            0 => None,
            days => Some(widen(days).saturating_mul(DAY)),
        }
    }

    /// For how many seconds P a generation takes values: `max(86,400, R/12)`, unless set.
    pub const fn generation_seconds(&self) -> u64 {
        if self.period_days > 0 {
            return widen(self.period_days).saturating_mul(DAY);
        }
        let twelfth = match self.retention_seconds() {
            Some(seconds) => seconds / 12,
            None => 0,
        };
        if twelfth > DAY { twelfth } else { DAY }
    }

    /// Whether the two are one name with two meanings, or a class and masks of it that are not kept as long.
    pub(crate) const fn contradicts(&self, other: &Class<'_>) -> bool {
        // `[MA-2]`
        if self.is_named_for(other) {
            return !self.is_mask_of(other);
        }
        if other.is_named_for(self) {
            return !other.is_mask_of(self);
        }
        equal(self.name, other.name)
            && !(same_roles(self.reader_roles(), other.reader_roles())
                && same_roles(self.with_consent, other.with_consent)
                && self.retain_days == other.retain_days
                && self.generation_seconds() == other.generation_seconds())
    }

    /// A class of parts that are checked elsewhere.
    #[cfg(feature = "schema")]
    pub(crate) const fn of_parts(
        name: &'a str,
        readers: &'a [&'a str],
        with_consent: &'a [&'a str],
        retain_days: u32,
        period_days: u32,
    ) -> Self {
        Self { name, readers: Some(readers), with_consent, retain_days, period_days }
    }

    /// The declaration by which recipients are judged.
    pub(crate) const fn declared(&self) -> Declared<'a> {
        Declared { name: self.name, readers: self.reader_roles(), consent: self.with_consent }
    }

    /// `[GN-12]` Refuses declarations of one name that differ, in one call.
    pub(crate) fn check_all<'c>(
        classes: impl Iterator<Item = &'c Class<'c>> + Clone,
    ) -> Result<(), Error> {
        let mut rest = classes;
        while let Some(class) = rest.next() {
            rest.clone().try_for_each(|other| class.check_beside(other))?;
        }
        Ok(())
    }

    /// `[GN-12]` Refuses another declaration of the name that differs.
    pub(crate) fn check_beside(&self, other: &Class<'_>) -> Result<(), Error> {
        if !other.contradicts(self) {
            return Ok(());
        }
        let what = match self.name == other.name {
            true => "is declared in two ways: declare it once and share the constant",
            false => "and its masks are kept for different times: declare these by Class::mask_of",
        };
        let name = self.masked().unwrap_or(self.name);
        Err(Error::declaration(alloc::format!("class `{name}` {what}")))
    }

    pub(crate) fn is_declared_reader(&self, role: &str) -> bool {
        self.reader_roles().contains(&role)
    }
}

/// Without declared readers the role `app` reads, and a class that names it alone is the same.
impl PartialEq for Class<'_> {
    fn eq(&self, other: &Self) -> bool {
        let parts = |class: &Self| (class.name, class.retain_days, class.period_days);
        parts(self) == parts(other)
            && self.reader_roles() == other.reader_roles()
            && self.with_consent == other.with_consent
    }
}

impl Eq for Class<'_> {}

impl Hash for Class<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

#[allow(clippy::as_conversions, reason = "widening; `From` is not const")]
const fn widen(days: u32) -> u64 {
    days as u64
}

const fn contains(roles: &[&str], role: &str) -> bool {
    let mut rest = roles;
    while let [first, tail @ ..] = rest {
        if equal(first, role) {
            return true;
        }
        rest = tail;
    }
    false
}

/// A class as the caller declares it, for judging whose keys count.
#[derive(Clone, Copy)]
pub(crate) struct Declared<'a> {
    pub(crate) name: &'a str,
    pub(crate) readers: &'a [&'a str],
    pub(crate) consent: &'a [&'a str],
}

impl Declared<'_> {
    /// Whether the role may read the class, always or with consent.
    pub(crate) fn names(&self, role: &str) -> bool {
        self.readers.contains(&role) || self.consent.contains(&role)
    }

    /// `[GN-13]` Whether a recipient of this role counts: that of a declared reader does; that of a
    /// reader with consent only for who holds the key of no declared reader. A data key that comes by
    /// another role may have been invented by any service that holds the envelope key.
    pub(crate) fn counts(&self, role: &str, holds: impl Fn(&str) -> bool) -> bool {
        self.readers.contains(&role)
            || (self.consent.contains(&role) && !self.readers.iter().any(|reader| holds(reader)))
    }
}

/// Whether two lists, in each of which a role stands once, name the same roles.
const fn same_roles(a: &[&str], b: &[&str]) -> bool {
    let mut rest = a;
    while let [role, tail @ ..] = rest {
        if !contains(b, role) {
            return false;
        }
        rest = tail;
    }
    a.len() == b.len()
}

const fn assert_roles(roles: &[&str], others: &[&str]) {
    let mut rest = roles;
    while let [role, tail @ ..] = rest {
        assert!(is_name(role), "{}", NO_NAME);
        assert!(!contains(tail, role), "a role is named twice");
        assert!(
            !contains(others, role),
            "a role is a reader either always or with consent, not both"
        );
        rest = tail;
    }
}

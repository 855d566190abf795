//! Classes that are known at run time only: declarations that are read from a file.
#![allow(clippy::mem_forget, reason = "the macro of `self_cell`, which frees all on drop")]

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use self_cell::self_cell;

use super::{Class, Kept, ToClasses};
use crate::context::{MASK_PREFIX, NO_NAME, is_declarable, is_name};
use crate::error::Error;

/// The largest number of roles in one list.
const MOST_ROLES: usize = 256;

/// The two lists of roles, which a [`Class`] refers to.
struct Roles<'a> {
    readers: Box<[&'a str]>,
    with_consent: Box<[&'a str]>,
}

self_cell!(
    struct WithRoles {
        owner: Kept,
        #[covariant]
        dependent: Roles,
    }
);

/// A class that is declared at run time and owns its names, for tools that read the declarations of an
/// application. Applications declare constants.
///
/// [`class`](Self::class) returns the [`Class`] that all calls take. The memory is freed with this value.
///
/// ```
/// use fieldseal::Class;
/// use fieldseal::class::OwnedClass;
///
/// const CONTACT: Class = Class::new("contact").readers_with_consent(&["marketing"]);
/// let read = OwnedClass::new("contact", &["app"], &["marketing"], 0, 0)?;
/// assert_eq!(read.class(), CONTACT);
/// assert!(OwnedClass::new("standalone", &["app"], &[], 0, 0).is_err(), "reserved");
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub struct OwnedClass(WithRoles);

impl OwnedClass {
    /// Declares a class. The rules are those of the constants, [mask classes](Class::mask_of) included, which
    /// have no readers with consent. `0` days mean that no retention, or no period of a generation, is declared.
    ///
    /// # Errors
    /// [`Declaration`](crate::ErrorKind::Declaration) for a declaration that would not compile as a constant, and
    /// for more than 256 roles in a list.
    pub fn new(
        name: &str,
        readers: &[&str],
        readers_with_consent: &[&str],
        retain_days: u32,
        generation_days: u32,
    ) -> Result<Self, Error> {
        let class = Class {
            name,
            readers: Some(readers),
            with_consent: readers_with_consent,
            retain_days,
            period_days: generation_days,
        };
        check(&class).map_err(|why| Error::declaration(format!("class `{name}`: {why}")))?;
        Ok(Self::copy_of(&class))
    }

    /// An owned copy of a class.
    pub fn copy_of(class: &Class<'_>) -> Self {
        Self(WithRoles::new(Kept::of(class), |kept| Roles {
            readers: kept.readers().into(),
            with_consent: kept.consents().into(),
        }))
    }

    /// The class, which borrows from this value.
    pub fn class(&self) -> Class<'_> {
        let Roles { readers, with_consent } = self.0.borrow_dependent();
        self.0.borrow_owner().class(readers, with_consent)
    }
}

impl Clone for OwnedClass {
    fn clone(&self) -> Self {
        Self::copy_of(&self.class())
    }
}

impl PartialEq for OwnedClass {
    fn eq(&self, other: &Self) -> bool {
        self.class() == other.class()
    }
}

impl Eq for OwnedClass {}

impl fmt::Debug for OwnedClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.class().fmt(f)
    }
}

impl ToClasses for OwnedClass {
    fn to_classes(&self) -> Vec<Class<'_>> {
        alloc::vec![self.class()]
    }
}

/// What a constant refuses when it is compiled.
pub(crate) fn check(class: &Class<'_>) -> Result<(), &'static str> {
    let masked = class.name.strip_prefix(MASK_PREFIX);
    if !is_declarable(masked.unwrap_or(class.name)) {
        return Err(
            "a class name is 1 to 59 bytes of a-z 0-9 _ . -, starts with a letter, and is not reserved",
        );
    }
    let (readers, consent) = (class.reader_roles(), class.with_consent);
    let roles = || readers.iter().chain(consent);
    if roles().any(|role| !is_name(role)) {
        return Err(NO_NAME);
    }
    if readers.len().max(consent.len()) > MOST_ROLES {
        return Err("a list names more than 256 roles");
    }
    let different: BTreeSet<_> = roles().collect();
    if different.len() != roles().count() {
        return Err("a role is named once, as a reader always or with consent");
    }
    if masked.is_some() && (readers.is_empty() || !consent.is_empty()) {
        return Err("a mask class has at least one reader, and no readers with consent");
    }
    if class.period_days > 0 && class.retain_days == 0 {
        return Err("the period of a generation is declared without a retention");
    }
    Ok(())
}

/// Deserializes from the JSON that a [`Class`] serializes to. Without `readers` the role `app` reads, as in a constant.
impl<'de> serde::Deserialize<'de> for OwnedClass {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Declaration::deserialize(deserializer)?;
        let readers: Vec<&str> = read.readers.iter().map(String::as_str).collect();
        let consent: Vec<&str> = read.readers_with_consent.iter().map(String::as_str).collect();
        Self::new(&read.name, &readers, &consent, read.retain_days, read.generation_days)
            .map_err(serde::de::Error::custom)
    }
}

/// Serializes as the [`Class`] does.
impl serde::Serialize for OwnedClass {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.class().serialize(serializer)
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    name: String,
    #[serde(default = "default_readers")]
    readers: Vec<String>,
    #[serde(default)]
    readers_with_consent: Vec<String>,
    #[serde(default)]
    retain_days: u32,
    #[serde(default)]
    generation_days: u32,
}

fn default_readers() -> Vec<String> {
    super::DEFAULT_READERS.iter().map(|role| (*role).into()).collect()
}

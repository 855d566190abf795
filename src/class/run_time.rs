//! Classes that are known at run time only: what a tool reads from a file of declarations.

use std::sync::{Mutex, PoisonError};

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
#[cfg(feature = "serde")]
use alloc::string::String;
use alloc::vec::Vec;

use super::{Class, NO_ROLES};
use crate::context::{MASK_PREFIX, is_declarable, is_name};
use crate::error::{Error, ErrorKind};

/// How many names, and how many lists of them, a process keeps.
const MOST: usize = 4_096;
/// How many roles are in a list.
const MOST_ROLES: usize = 256;

/// What was read so far. A declaration lives as long as the process, like the constants that it stands
/// in for; the same one is kept once, and there is an end to different ones.
static KEPT: Mutex<Kept> = Mutex::new(Kept { names: BTreeSet::new(), lists: BTreeSet::new() });

struct Kept {
    names: BTreeSet<&'static str>,
    lists: BTreeSet<&'static [&'static str]>,
}

impl Kept {
    fn name(&mut self, name: &str) -> Result<&'static str, Error> {
        if let Some(kept) = self.names.get(name) {
            return Ok(kept);
        }
        check_room(self.names.len())?;
        let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
        self.names.insert(kept);
        Ok(kept)
    }

    fn list(&mut self, names: &[&str]) -> Result<&'static [&'static str], Error> {
        let names: Vec<&'static str> =
            names.iter().map(|name| self.name(name)).collect::<Result<_, Error>>()?;
        if let Some(kept) = self.lists.get(names.as_slice()) {
            return Ok(kept);
        }
        check_room(self.lists.len())?;
        let kept: &'static [&'static str] = Box::leak(names.into_boxed_slice());
        self.lists.insert(kept);
        Ok(kept)
    }
}

fn check_room(kept: usize) -> Result<(), Error> {
    if kept < MOST {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Exhausted,
        format!("a process keeps {MOST} names of classes and roles, and as many lists of roles"),
    ))
}

impl Class {
    /// A class that is declared at run time, for tools that read the declarations of an application.
    /// Applications declare constants.
    ///
    /// The rules are those of the constants, [mask classes](Class::mask_of) included, which have no readers
    /// with consent. `0` days are none said. What is declared is kept as long as
    /// the process lives, once however often it is read: at most 4,096 names and 4,096 lists of roles.
    ///
    /// ```
    /// use fieldseal::Class;
    ///
    /// const CONTACT: Class = Class::new("contact").readers_with_consent(&["marketing"]);
    /// assert_eq!(Class::declared_as("contact", &["app"], &["marketing"], 0, 0)?, CONTACT.readers(&["app"]));
    /// assert!(Class::declared_as("standalone", &["app"], &[], 0, 0).is_err(), "reserved");
    /// # Ok::<(), fieldseal::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for what would not compile as a constant;
    /// [`Exhausted`](ErrorKind::Exhausted) when the process keeps too many.
    pub fn declared_as(
        name: &str,
        readers: &[&str],
        readers_with_consent: &[&str],
        retain_days: u32,
        generation_days: u32,
    ) -> Result<Self, Error> {
        let masked = name.strip_prefix(MASK_PREFIX);
        if !is_declarable(masked.unwrap_or(name)) {
            return Err(Error::invalid(
                "a class name is 1 to 59 bytes of a-z 0-9 _ . -, starts with a letter, and is not reserved",
            ));
        }
        let wrong = |what: &str| Err(Error::invalid(format!("class `{name}`: {what}")));
        let roles = || readers.iter().chain(readers_with_consent);
        if roles().any(|role| !is_name(role)) {
            return wrong("a role is 1 to 64 bytes of a-z 0-9 _ . - and starts with a letter");
        }
        let different: BTreeSet<_> = roles().collect();
        if different.len() != roles().count() {
            return wrong("a role is named once, as a reader always or with consent");
        }
        if masked.is_some() && (readers.is_empty() || !readers_with_consent.is_empty()) {
            return wrong("masks have readers, and none with consent");
        }
        if readers.len().max(readers_with_consent.len()) > MOST_ROLES {
            return wrong("more than 256 roles");
        }
        if generation_days > 0 && retain_days == 0 {
            return wrong("the period of a generation is said without a retention");
        }
        // Whoever panicked had not begun to insert.
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let with_consent = match readers_with_consent {
            [] => NO_ROLES,
            roles => kept.list(roles)?,
        };
        let (name, readers) = (kept.name(name)?, Some(kept.list(readers)?));
        Ok(Self { name, readers, with_consent, retain_days, period_days: generation_days })
    }
}

/// As it serializes. Without `readers` the role `app` reads, as in a constant.
#[cfg(feature = "serde")]
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

#[cfg(feature = "serde")]
fn default_readers() -> Vec<String> {
    super::DEFAULT_READERS.iter().map(|role| (*role).into()).collect()
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Class {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Declaration::deserialize(deserializer)?;
        let readers: Vec<&str> = read.readers.iter().map(String::as_str).collect();
        let consent: Vec<&str> = read.readers_with_consent.iter().map(String::as_str).collect();
        Self::declared_as(&read.name, &readers, &consent, read.retain_days, read.generation_days)
            .map_err(serde::de::Error::custom)
    }
}

//! Unwrapped data keys: which generation opens a value, and which one seals it.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use super::KeyEnvelope;
use super::format::{KeyTag, Layout, State};
use super::generation::{Bound, GenerationKey, Reach, Unwrapped, roles_of, unwrap_live};
use crate::access::Clock;
use crate::class::Class;
use crate::context::SubjectId;
use crate::error::{Error, ErrorKind};

/// A subject's data keys, as far as a ring reached when it unwrapped them.
///
/// They open and seal fields of that subject without the ring: keep them as long as one request
/// lasts. Expiry is checked at each use. The keys are wiped on drop; `Debug` shows classes,
/// generations and reach.
pub struct DataKeys {
    envelope: KeyEnvelope,
    subject: SubjectId,
    version: u64,
    erased: bool,
    /// The envelope was verified by a compromised key: nothing may be sealed under it.
    rescued: bool,
    clock: Clock,
    generations: Vec<Generation>,
}

/// One generation of one class.
pub(crate) struct Generation {
    pub(crate) class: Box<str>,
    pub(crate) number: u16,
    pub(crate) tag: KeyTag,
    expires_at: u64,
    keys: Keys,
}

enum Keys {
    /// Unwrapped through a role of the ring.
    Open(GenerationKey),
    /// Unwrapped through a compromised key only: opens what it must not seal.
    RescueOnly(GenerationKey, Box<str>),
    /// Made by this ring for readers it is not one of: seals what it cannot open.
    SealOnly(GenerationKey, Box<str>),
    Erased,
    /// No recipient is ours; the roles that could.
    NotPermitted(Box<str>),
    Tampered,
    Unsupported,
    /// Not asked for when the envelope was unwrapped.
    Unwanted,
}

/// Unwraps the live generations that `wanted` says.
pub(super) fn unwrap_all(
    bound: &Bound<'_>,
    layout: &Layout<'_>,
    wanted: &dyn Fn(&str, KeyTag) -> bool,
) -> Vec<Generation> {
    let generation = |entry: &super::format::Entry<'_>| {
        let tag = entry.tag();
        let (expires_at, keys) = match &entry.state {
            State::Erased { .. } => (0, Keys::Erased),
            State::Live(live) if !wanted(&entry.class, tag) => (live.expires_at, Keys::Unwanted),
            State::Live(live) => {
                let keys = match unwrap_live(bound, &entry.class, entry.generation, live) {
                    Reach::Opened(Unwrapped { key, compromised: true, .. }) => {
                        Keys::RescueOnly(key, roles_of(bound, live).into())
                    }
                    Reach::Opened(unwrapped) => Keys::Open(unwrapped.key),
                    Reach::NotPermitted => Keys::NotPermitted(roles_of(bound, live).into()),
                    Reach::Tampered => Keys::Tampered,
                    Reach::Unsupported => Keys::Unsupported,
                };
                (live.expires_at, keys)
            }
        };
        Generation {
            class: (&*entry.class).into(),
            number: entry.generation,
            tag,
            expires_at,
            keys,
        }
    };
    layout.entries.iter().map(generation).collect()
}

impl DataKeys {
    pub(super) fn of(
        envelope: KeyEnvelope,
        bound: &Bound<'_>,
        layout: &Layout<'_>,
        generations: Vec<Generation>,
    ) -> Self {
        Self {
            envelope,
            subject: bound.subject.clone(),
            version: layout.version,
            erased: layout.erased_at.is_some(),
            rescued: bound.verified_by_compromised(layout.key_id),
            clock: bound.access.time(),
            generations,
        }
    }

    /// The envelope these keys are of: to be stored when they were just made.
    pub fn envelope(&self) -> &KeyEnvelope {
        &self.envelope
    }

    /// The subject, as the caller asserted it.
    pub fn subject(&self) -> &SubjectId {
        &self.subject
    }

    /// The version of the envelope.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether the whole subject is erased.
    pub fn is_erased(&self) -> bool {
        self.erased
    }

    /// The classes of which a generation came within reach.
    pub fn reached(&self) -> Vec<&str> {
        let mut classes: Vec<&str> = self
            .generations
            .iter()
            .filter(|generation| {
                matches!(generation.keys, Keys::Open(_) | Keys::RescueOnly(..) | Keys::SealOnly(..))
            })
            .map(|generation| &*generation.class)
            .collect();
        classes.dedup();
        classes
    }

    /// `[OP-1]` b and c: the generation of the class, or else of the former class, that has the tag.
    pub(crate) fn opening(
        &self,
        class: &str,
        was: Option<&str>,
        tag: KeyTag,
    ) -> Result<&Generation, Error> {
        if self.erased {
            return Err(erased("the subject was erased"));
        }
        let of = |class: &str| {
            self.generations
                .iter()
                .find(|generation| generation.tag == tag && &*generation.class == class)
        };
        of(class).or_else(|| was.and_then(of)).ok_or_else(|| {
            Error::new(
                ErrorKind::WrongKey,
                format!("no generation of class `{class}` in this key envelope sealed these bytes"),
            )
        })
    }

    /// `[GN-2]` The highest generation of the class, live or erased, and never a lower one.
    pub(crate) fn sealing(&self, class: &Class) -> Result<&Generation, Error> {
        let highest = self.highest(class)?;
        let now = highest.check_before_sealing(self.clock)?;
        highest.key_to_seal()?;
        // `[GN-2]` step 8, `[RT-4]`.
        if let Some(retention) = class.retention_seconds() {
            let takes_more = highest.expires_at != 0
                && now.checked_add(retention).is_some_and(|latest| latest <= highest.expires_at);
            if !takes_more {
                return Err(Error::new(
                    ErrorKind::Retention,
                    format!(
                        "generation {} of class `{}` takes no more values under its retention: renew the class",
                        highest.number, highest.class
                    ),
                ));
            }
        }
        Ok(highest)
    }

    /// `[GN-3]` Whether sealing the class passes all checks but that no recipient is ours.
    pub(super) fn wants_next_generation(&self, class: &Class) -> bool {
        self.highest(class).is_ok_and(|highest| {
            highest.check_before_sealing(self.clock).is_ok()
                && matches!(highest.keys, Keys::NotPermitted(_) | Keys::RescueOnly(..))
        })
    }

    fn highest(&self, class: &Class) -> Result<&Generation, Error> {
        if self.rescued {
            return Err(Error::new(
                ErrorKind::NotPermitted,
                "the envelope key of this key envelope is marked compromised: rewrap the envelope before sealing",
            ));
        }
        if self.erased {
            return Err(erased("the subject was erased"));
        }
        self.generations.iter().rfind(|generation| &*generation.class == class.name()).ok_or_else(
            || {
                Error::new(
                    ErrorKind::MissingClass,
                    format!(
                        "the key envelope has no key of class `{}`: begin the class with ensure",
                        class.name()
                    ),
                )
            },
        )
    }

    /// Whether any entry, live or erased, has this tag: `[AS-1]`.
    pub(crate) fn knows_tag(&self, tag: KeyTag) -> bool {
        self.generations.iter().any(|generation| generation.tag == tag)
    }

    /// The generation of a standalone envelope.
    pub(super) fn only_generation(&self) -> Result<&Generation, Error> {
        self.generations.first().ok_or_else(|| Error::malformed("the key envelope has no entry"))
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Puts keys just made in the place of what was not unwrapped for that. `readers` names the
    /// roles that could open, where the ring has none of them.
    pub(super) fn set_fresh(&mut self, tag: KeyTag, key: GenerationKey, readers: Option<Box<str>>) {
        let generation = self
            .generations
            .iter_mut()
            .find(|generation| generation.tag == tag && matches!(generation.keys, Keys::Unwanted));
        if let Some(generation) = generation {
            generation.keys = match readers {
                Some(roles) => Keys::SealOnly(key, roles),
                None => Keys::Open(key),
            };
        }
    }
}

impl Generation {
    /// `[OP-1]` c2 to c6: the key to open with.
    pub(crate) fn key_to_open(&self, clock: Clock) -> Result<&GenerationKey, Error> {
        let key = match &self.keys {
            Keys::Open(key) | Keys::RescueOnly(key, _) => key,
            Keys::Erased => return Err(self.erased()),
            Keys::Unsupported => return Err(self.unsupported()),
            Keys::Tampered => return Err(Error::tampered()),
            Keys::NotPermitted(roles) | Keys::SealOnly(_, roles) => {
                return Err(self.not_permitted(roles));
            }
            Keys::Unwanted => {
                return Err(Error::new(ErrorKind::WrongKey, "this key was not unwrapped"));
            }
        };
        self.check_expiry(clock)?;
        Ok(key)
    }

    /// The key to seal with, of a generation that may take values.
    pub(crate) fn key_to_seal(&self) -> Result<&GenerationKey, Error> {
        match &self.keys {
            Keys::Open(key) | Keys::SealOnly(key, _) => Ok(key),
            Keys::Tampered => Err(Error::tampered()),
            Keys::NotPermitted(roles) | Keys::RescueOnly(_, roles) => {
                Err(self.not_permitted(roles))
            }
            Keys::Erased => Err(self.erased()),
            Keys::Unsupported => Err(self.unsupported()),
            Keys::Unwanted => Err(Error::new(ErrorKind::WrongKey, "this key was not unwrapped")),
        }
    }

    /// `[GN-2]` steps 3 to 5. Gives the time.
    fn check_before_sealing(&self, clock: Clock) -> Result<u64, Error> {
        match self.keys {
            Keys::Erased => Err(self.erased()),
            Keys::Unsupported => Err(self.unsupported()),
            _ => self.check_expiry(clock),
        }
    }

    /// `[RT-5]` Refused from expires_at on. The clock is read only where there is an expiry.
    fn check_expiry(&self, clock: Clock) -> Result<u64, Error> {
        if self.expires_at == 0 {
            return Ok(0);
        }
        let now = clock.now()?;
        if now >= self.expires_at {
            return Err(Error::new(
                ErrorKind::Expired,
                format!(
                    "the retention term of class `{}`, generation {}, has passed",
                    self.class, self.number
                ),
            ));
        }
        Ok(now)
    }

    #[cold]
    fn erased(&self) -> Error {
        erased(format!("generation {} of class `{}` was erased", self.number, self.class))
    }

    #[cold]
    fn unsupported(&self) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "generation {} of class `{}` is of a suite that a later version added: update fieldseal",
                self.number, self.class
            ),
        )
    }

    #[cold]
    fn not_permitted(&self, roles: &str) -> Error {
        let readers = if roles.is_empty() {
            format!("class `{}` is read by no role that this ring knows", self.class)
        } else {
            format!(
                "class `{}` is read by `{roles}`, of which this ring holds no key that opens",
                self.class
            )
        };
        Error::new(ErrorKind::NotPermitted, readers)
    }
}

#[cold]
fn erased(what: impl Into<alloc::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Erased, what)
}

impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKeys")
            .field("subject", &self.subject)
            .field("version", &self.version)
            .field("erased", &self.erased)
            .field("generations", &self.generations)
            .finish()
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reach = match self.keys {
            Keys::Open(_) => "open",
            Keys::SealOnly(..) => "seal only",
            Keys::RescueOnly(..) => "open in rescue",
            Keys::Erased => "erased",
            Keys::NotPermitted(_) => "not permitted",
            Keys::Tampered => "tampered",
            Keys::Unsupported => "unsupported",
            Keys::Unwanted => "not unwrapped",
        };
        write!(f, "{}/{}: {reach}", self.class, self.number)
    }
}

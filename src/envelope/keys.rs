//! Unwrapped data keys: which generation opens a value, and which one seals it.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::KeyEnvelope;
use super::format::{Entry, KeyTag, Layout, State};
use super::generation::{
    Attempt, Bound, GenerationKey, LAST_GENERATION, Tried, Wanted, not_permitted, our_key,
    unsupported, unwrap_live, used_up,
};
use crate::class::{Class, Declared};
use crate::clock::Clock;
use crate::context::SubjectId;
use crate::error::{Error, ErrorKind};
use crate::keyring::{IndexKeys, RingKey};

/// A subject's data keys, as far as a ring reached when it unwrapped them.
///
/// They open and seal fields of that subject without the ring: keep them as long as one request
/// lasts. Expiry is checked at each use, by the clock of the access that unwrapped them (keys
/// unwrapped [at](crate::Access::at) a moment stay at it). The keys are wiped on drop; `Debug` shows
/// classes, generations and reach.
#[doc(alias = "DEK")]
#[doc(alias = "data encryption key")]
pub struct DataKeys {
    envelope: KeyEnvelope,
    tenant: String,
    subject: SubjectId,
    version: u64,
    erased: bool,
    /// The envelope was verified by a compromised key: nothing may be sealed under it.
    rescued: bool,
    clock: Clock,
    /// The roles whose secrets the ring holds.
    roles: Arc<BTreeSet<Arc<str>>>,
    /// The keys that the ring makes index terms with.
    indexes: Arc<IndexKeys>,
    generations: Vec<Generation>,
}

/// One generation of one class.
pub(super) struct Generation {
    class: Box<str>,
    number: u16,
    tag: KeyTag,
    expires_at: u64,
    keys: Keys,
}

enum Keys {
    /// The key, if a recipient of ours opened it or this ring has just made it for some roles, and how each of ours
    /// fared. Whether that is enough is judged for a class as it is declared.
    Live {
        key: Option<GenerationKey>,
        made_for: Vec<Arc<str>>,
        tried: Vec<Tried>,
    },
    Erased,
    Unsupported,
}

/// What a generation is good for, to a class as declared.
enum Judged<'k> {
    Open(&'k GenerationKey),
    /// Reached by a compromised key only: opens what it must not seal. And whether another key of ours
    /// failed.
    RescueOnly(&'k GenerationKey, bool),
    /// Made by this ring for readers it is not one of: seals what it cannot open.
    SealOnly(&'k GenerationKey),
    Tampered,
    NotPermitted,
}

/// Unwraps the live generations as `wanted` says.
pub(super) fn unwrap_all<'w>(
    bound: &Bound<'_>,
    layout: &Layout<'_>,
    wanted: &dyn Fn(&str, KeyTag) -> Wanted<'w>,
) -> Vec<Generation> {
    let generation = |entry: &Entry<'_>| {
        let tag = entry.tag();
        let (expires_at, keys) = match &entry.state {
            State::Erased { .. } => (0, Keys::Erased),
            State::Live(live) => {
                let wanted = wanted(&entry.class, tag);
                let keys = match unwrap_live(bound, &entry.class, entry.generation, live, wanted) {
                    Attempt::Unsupported => Keys::Unsupported,
                    Attempt::Tried(unwrapped, tried) => {
                        Keys::Live { key: unwrapped.map(|it| it.key), made_for: Vec::new(), tried }
                    }
                };
                (live.expires_at, keys)
            }
        };
        let class = (&*entry.class).into();
        Generation { class, number: entry.generation, tag, expires_at, keys }
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
            tenant: bound.tenant.into(),
            subject: bound.subject.clone(),
            version: layout.version,
            erased: layout.erased_at.is_some(),
            rescued: bound.verified_by_compromised(layout.key_id),
            clock: bound.access.time(),
            roles: bound.access.ring().roles().clone(),
            indexes: bound.access.ring().indexes().clone(),
            generations,
        }
    }

    /// The envelope these keys are of: to be stored when they were just made.
    pub fn envelope(&self) -> &KeyEnvelope {
        &self.envelope
    }

    /// The tenant, as the caller asserted it.
    pub fn tenant(&self) -> &str {
        &self.tenant
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

    /// The classes of which a data key came within reach, by any role. Whether that role reads the
    /// class is judged when a field is used, by the class's declaration.
    pub fn reached(&self) -> Vec<&str> {
        let is_reached =
            |generation: &&Generation| matches!(generation.keys, Keys::Live { key: Some(_), .. });
        let mut classes: Vec<&str> = self
            .generations
            .iter()
            .filter(is_reached)
            .map(|generation| &*generation.class)
            .collect();
        classes.dedup();
        classes
    }

    /// `[OP-1]` b and c: the key of the generation of the class, or else of the former class, that has
    /// the tag.
    pub(crate) fn opening(
        &self,
        class: Declared<'_>,
        was: Option<Declared<'_>>,
        tag: KeyTag,
    ) -> Result<&GenerationKey, Error> {
        if self.erased {
            return Err(erased("the subject was erased"));
        }
        let of = |class: Declared<'_>| {
            self.generations
                .iter()
                .find(|generation| generation.tag == tag && &*generation.class == class.name)
        };
        let found = of(class).map(|generation| (generation, class));
        let found =
            found.or_else(|| was.and_then(|was| of(was).map(|generation| (generation, was))));
        let Some((generation, declared)) = found else {
            return Err(Error::new(
                ErrorKind::WrongKey,
                format!(
                    "no generation of class `{}` in this key envelope sealed these bytes",
                    class.name
                ),
            )
            .of_class(class.name));
        };
        let key = match generation.judge(&declared, &self.roles)? {
            Judged::Open(key) | Judged::RescueOnly(key, _) => key,
            Judged::Tampered => return Err(Error::tampered()),
            Judged::SealOnly(_) | Judged::NotPermitted => return Err(not_permitted(&declared)),
        };
        generation.check_expiry(self.clock)?;
        Ok(key)
    }

    /// Whether the tag is that of the highest generation of the class, live or erased.
    pub(crate) fn is_newest(&self, class: &Class, tag: KeyTag) -> bool {
        let of_class = |generation: &&Generation| &*generation.class == class.name();
        self.generations.iter().rfind(of_class).is_some_and(|newest| newest.tag == tag)
    }

    /// The generations of a class of this name.
    fn named<'g>(&'g self, name: &'g str) -> impl DoubleEndedIterator<Item = &'g Generation> {
        self.generations.iter().filter(move |of| *of.class == *name)
    }

    /// `[MA-10]` Whether a mask that is sealed now would outlive the value: one with this tag, or else one that
    /// is sealed now too.
    pub(crate) fn outlives(&self, mask: &Class, value: Option<KeyTag>) -> bool {
        let Some(source) = mask.masked() else { return false };
        let value = match value {
            None => self.named(source).next_back(),
            // Of a former class it is erased with that, and the mask would not be.
            Some(tag) => match self.named(source).find(|of| of.tag == tag) {
                None => return true,
                found => found,
            },
        };
        let expiry = |generation: &Generation| match generation.expires_at {
            0 => u64::MAX,
            expires_at => expires_at,
        };
        let masks = self.named(mask.name()).next_back().map(expiry);
        // Generations that were begun apart take values at one time, for as long as they take any.
        let apart = mask.generation_seconds();
        masks.zip(value.map(expiry)).is_some_and(|(mask, value)| mask > value.saturating_add(apart))
    }

    /// `[GN-2]` The key of the highest generation of the class, live or erased, and never of a lower
    /// one.
    pub(crate) fn sealing(&self, class: &Class) -> Result<&GenerationKey, Error> {
        let highest = self.highest(class)?;
        let declared = class.declared();
        if matches!(highest.keys, Keys::Erased) {
            return Err(erased(format!(
                "class `{}` takes no values: its generation {} was erased, or a withdrawal closed the class; EnvelopeEdit::renew begins the next",
                class.name(),
                highest.number
            )));
        }
        let judged = highest.judge(&declared, &self.roles)?;
        if highest.number == LAST_GENERATION {
            return Err(used_up(class.name()));
        }
        let now = highest.check_expiry(self.clock)?;
        let key = match judged {
            Judged::Open(key) | Judged::SealOnly(key) => key,
            Judged::Tampered | Judged::RescueOnly(_, true) => return Err(Error::tampered()),
            Judged::RescueOnly(..) | Judged::NotPermitted => {
                return Err(not_permitted(&declared));
            }
        };
        // `[GN-2]` step 8, `[RT-4]`.
        if let Some(retention) = class.retention_seconds() {
            let takes_more = highest.expires_at != 0
                && now.checked_add(retention).is_some_and(|latest| latest <= highest.expires_at);
            if !takes_more {
                return Err(Error::new(
                    ErrorKind::Retention,
                    format!(
                        "generation {} of class `{}` takes no more values under its retention term; EnvelopeEdit::renew begins the next",
                        highest.number, highest.class
                    ),
                )
                .of_class(&highest.class));
            }
        }
        Ok(key)
    }

    /// `[GN-3]` Whether sealing the class passes all checks but that no recipient is ours.
    pub(super) fn wants_next_generation(&self, class: &Class) -> bool {
        self.highest(class).is_ok_and(|highest| {
            highest.number != LAST_GENERATION
                && highest.check_expiry(self.clock).is_ok()
                && highest.judge(&class.declared(), &self.roles).is_ok_and(|judged| {
                    matches!(judged, Judged::NotPermitted | Judged::RescueOnly(_, false))
                })
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
        let of_class = |generation: &&Generation| &*generation.class == class.name();
        self.generations.iter().rfind(of_class).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingClass,
                format!(
                    "the key envelope has no key of class `{}`: begin the class with EnvelopeEdit::ensure",
                    class.name()
                ),
            )
            .of_class(class.name())
        })
    }

    /// The keys that index terms are made with.
    pub(crate) fn indexes(&self) -> &IndexKeys {
        &self.indexes
    }

    /// Whether any entry, live or erased, has this tag: `[AS-1]`.
    pub(crate) fn knows_tag(&self, tag: KeyTag) -> bool {
        self.generations.iter().any(|generation| generation.tag == tag)
    }

    /// Puts a key just made in its place, with how the ring can open it again.
    pub(super) fn set_made(&mut self, bound: &Bound<'_>, layout: &Layout<'_>, made: GenerationKey) {
        let tag = made.tag();
        let entry = layout.entries.iter().find(|entry| entry.tag() == tag).and_then(Entry::live);
        let generation = self.generations.iter_mut().find(|generation| generation.tag == tag);
        if let (Some(live), Some(generation)) = (entry, generation) {
            let ours = live.recipients.iter().filter_map(|recipient| our_key(bound, recipient));
            let opened =
                |key: &RingKey| Tried { role: key.shared_name(), opened: true, compromised: false };
            let ring = bound.access.ring();
            let ids = live.recipients.iter().map(|recipient| recipient.key_id);
            let made_for = ids.filter_map(|id| ring.role_of(id)).map(Arc::from).collect();
            let tried = ours.map(opened).collect();
            generation.keys = Keys::Live { key: Some(made), made_for, tried };
        }
    }
}

impl Generation {
    /// `[GN-2]` steps 3 and 4, `[OP-1]` c2 and c3; then what the recipients that count make of it.
    fn judge(
        &self,
        declared: &Declared<'_>,
        roles: &BTreeSet<Arc<str>>,
    ) -> Result<Judged<'_>, Error> {
        let (key, made_for, tried) = match &self.keys {
            Keys::Erased => {
                return Err(erased(format!(
                    "generation {} of class `{}` was erased",
                    self.number, self.class
                ))
                .of_class(&self.class));
            }
            Keys::Unsupported => return Err(unsupported(&self.class, self.number)),
            Keys::Live { key, made_for, tried } => (key, made_for, tried),
        };
        let counting =
            || tried.iter().filter(|by| declared.counts(&by.role, |role| roles.contains(role)));
        Ok(match key {
            Some(key) if counting().any(|by| by.opened && !by.compromised) => Judged::Open(key),
            Some(key) if made_for.iter().any(|role| declared.names(role)) => Judged::SealOnly(key),
            Some(key) if counting().any(|by| by.opened) => {
                Judged::RescueOnly(key, counting().any(|by| !by.opened && !by.compromised))
            }
            _ if counting().next().is_some() => Judged::Tampered,
            _ => Judged::NotPermitted,
        })
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
            )
            .of_class(&self.class));
        }
        Ok(now)
    }
}

#[cold]
fn erased(what: impl Into<alloc::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Erased, what)
}

impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKeys")
            .field("tenant", &self.tenant)
            .field("subject", &self.subject)
            .field("version", &self.version)
            .field("erased", &self.erased)
            .field("generations", &self.generations)
            .finish()
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reach = match &self.keys {
            Keys::Erased => "erased",
            Keys::Unsupported => "unsupported",
            Keys::Live { key: Some(_), tried, .. }
                if tried.iter().any(|by| !by.compromised && by.opened) =>
            {
                "open"
            }
            Keys::Live { key: Some(_), made_for, .. } if !made_for.is_empty() => "seal only",
            Keys::Live { key: Some(_), .. } => "open in rescue",
            Keys::Live { tried, .. } if tried.is_empty() => "not permitted",
            Keys::Live { .. } => "tampered",
        };
        write!(f, "{}/{}: {reach}", self.class, self.number)
    }
}

//! One generation of a class's data key: made, wrapped for its readers, unwrapped.

use alloc::borrow::Cow;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::format::{Entry, KeyTag, Live, Recipient, State, tag_of};
use crate::access::Access;
use crate::class::{Class, Declared};
use crate::context::SubjectId;
use crate::encoding::{Put as _, SmallBuf};
use crate::error::{Error, ErrorKind};
use crate::kdf::expand;
use crate::keyring::{KeyId, KeyState, KeyUse, RingKey};
use crate::random::CallRng;
use crate::secret::{Secret, ct_eq};

/// The suite that is written: XChaCha20-Poly1305 with HKDF-SHA256.
pub(crate) const SUITE: u8 = 1;

/// Access to one subject's keys, its tenant checked.
pub(crate) struct Bound<'a> {
    pub(crate) access: &'a Access<'a>,
    pub(crate) tenant: &'a str,
    pub(crate) subject: &'a SubjectId,
}

impl<'a> Bound<'a> {
    pub(crate) fn new(access: &'a Access<'a>, subject: &'a SubjectId) -> Result<Self, Error> {
        Ok(Self { access, tenant: access.checked_tenant()?, subject })
    }

    /// Whether an envelope under this envelope key is readable in rescue only.
    pub(crate) fn verified_by_compromised(&self, envelope_key: u32) -> bool {
        KeyId::new(envelope_key)
            .and_then(|id| self.access.ring().key(id))
            .is_some_and(|key| key.state() == KeyState::Compromised)
    }
}

/// A generation's keys: AEAD key (32) ‖ commitment (32).
pub(crate) struct GenerationKey(Secret<64>);

impl GenerationKey {
    /// `[DK-3]` `Expand(DK, "fieldseal/v1 data key" ‖ u8 suite ‖ s8(tenant) ‖ s8(subject) ‖
    /// s8(class) ‖ u16 generation, 64)`.
    pub(crate) fn derive(
        data_key: &Secret<32>,
        bound: &Bound<'_>,
        class: &str,
        generation: u16,
    ) -> Self {
        let mut info = SmallBuf::new();
        info.put(b"fieldseal/v1 data key");
        info.put_u8(SUITE);
        info.put_s8(bound.tenant.as_bytes());
        info.put_s8(bound.subject.as_bytes());
        info.put_s8(class.as_bytes());
        info.put_u16(generation);
        Self(expand(data_key, info.as_slice()))
    }

    pub(crate) fn aead_key(&self) -> &[u8; 32] {
        let (key, _) = self.0.halves();
        key
    }

    pub(crate) fn commitment(&self) -> &[u8; 32] {
        let (_, commitment) = self.0.halves();
        commitment
    }

    pub(crate) fn tag(&self) -> KeyTag {
        tag_of(self.commitment())
    }
}

/// Whom to unwrap a generation for.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// Not at all.
    Nobody,
    /// By every recipient of ours: which of them count is judged when the class is used.
    Anybody,
    /// For a class as declared, by the first recipient that counts.
    Class(Declared<'a>),
}

/// How a recipient of ours fared.
pub(crate) struct Tried {
    pub(crate) role: Arc<str>,
    pub(crate) opened: bool,
    pub(crate) compromised: bool,
}

/// A data key that was unwrapped, and what follows from it.
pub(crate) struct Unwrapped {
    pub(crate) data_key: Secret<32>,
    pub(crate) key: GenerationKey,
}

/// How far the ring reaches into a live generation.
pub(crate) enum Attempt {
    Tried(Option<Unwrapped>, Vec<Tried>),
    Unsupported,
}

/// `[WR-6]` to `[WR-8]`: tries our recipients in order, those under compromised keys last. All that
/// open give one data key, as all are checked against one commitment.
pub(crate) fn unwrap_live(
    bound: &Bound<'_>,
    class: &str,
    generation: u16,
    live: &Live<'_>,
    wanted: Wanted<'_>,
) -> Attempt {
    if live.suite != SUITE {
        return Attempt::Unsupported;
    }
    let roles = bound.access.ring().roles();
    let (mut unwrapped, mut tried) = (None, Vec::new());
    for compromised in [false, true] {
        for recipient in &live.recipients {
            let Some(key) = our_key(bound, recipient) else { continue };
            let is_wanted = match wanted {
                Wanted::Nobody => false,
                Wanted::Anybody => true,
                Wanted::Class(declared) => {
                    unwrapped.is_none() && declared.counts(key.name(), |role| roles.contains(role))
                }
            };
            if !is_wanted || (key.state() == KeyState::Compromised) != compromised {
                continue;
            }
            let result = unwrap_by(bound, class, generation, live, recipient, key);
            tried.push(Tried { role: key.shared_name(), opened: result.is_some(), compromised });
            if unwrapped.is_none() {
                unwrapped = result;
            }
        }
    }
    Attempt::Tried(unwrapped, tried)
}

/// The data key of a generation, to be wrapped for others: it must come by a recipient that counts
/// for the class, and not by a compromised key alone.
pub(crate) fn data_key_for(
    bound: &Bound<'_>,
    declared: Declared<'_>,
    generation: u16,
    live: &Live<'_>,
) -> Result<Secret<32>, Error> {
    match unwrap_live(bound, declared.name, generation, live, Wanted::Class(declared)) {
        Attempt::Unsupported => Err(unsupported(declared.name, generation)),
        Attempt::Tried(Some(unwrapped), tried)
            if tried.iter().any(|by| by.opened && !by.compromised) =>
        {
            Ok(unwrapped.data_key)
        }
        Attempt::Tried(None, tried) if !tried.is_empty() => Err(Error::tampered()),
        Attempt::Tried(..) => Err(not_permitted(&declared)),
    }
}

/// `[GN-2]`, `[GN-4]` The number that no generation which takes values has.
pub(crate) const LAST_GENERATION: u16 = u16::MAX;

#[cold]
pub(crate) fn used_up(class: &str) -> Error {
    Error::new(
        ErrorKind::Exhausted,
        format!(
            "class `{class}` has used up its generations: move its fields to a class of another name, with this one as `was`"
        ),
    )
    .of_class(class)
}

#[cold]
pub(crate) fn unsupported(class: &str, generation: u16) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "generation {generation} of class `{class}` is of a suite that a later version added: update fieldseal"
        ),
    )
    .of_class(class)
}

/// Names the roles that could.
#[cold]
pub(crate) fn not_permitted(declared: &Declared<'_>) -> Error {
    let readers = declared.readers.join("`, `");
    let readers = if readers.is_empty() { "nobody".into() } else { format!("`{readers}`") };
    let consent = if declared.consent.is_empty() {
        "".into()
    } else {
        format!(", and with the subject's consent by `{}`", declared.consent.join("`, `"))
    };
    Error::new(
        ErrorKind::NotPermitted,
        format!(
            "class `{}` is read by {readers}{consent}: this ring opens what was sealed as none of those to whom \
             the key envelope gives it, under the keys that it has of them (after a rotation: fieldseal ring subset \
             --update; a compromised one: Access::rescue; to write without reading, prepare the envelope)",
            declared.name
        ),
    )
    .of_class(declared.name)
    .of_roles(declared.readers.iter().chain(declared.consent).copied())
}

/// The ring key of a recipient that is ours.
pub(crate) fn our_key<'a>(bound: &Bound<'a>, recipient: &Recipient<'_>) -> Option<&'a RingKey> {
    KeyId::new(recipient.key_id).and_then(|id| bound.access.ring().key(id)).filter(|key| {
        recipient.is_known()
            && key.key_use() == KeyUse::Wrap
            && key.is_ours(bound.access.is_rescue())
    })
}

fn unwrap_by(
    bound: &Bound<'_>,
    class: &str,
    generation: u16,
    live: &Live<'_>,
    recipient: &Recipient<'_>,
    key: &RingKey,
) -> Option<Unwrapped> {
    let context = live.context(bound.tenant, bound.subject.as_bytes(), class, generation);
    let data_key = key.unwrap(recipient.kind, &recipient.wrapped, &context).ok()?;
    let key = GenerationKey::derive(&data_key, bound, class, generation);
    // `[DK-6]`
    ct_eq(key.commitment(), &live.commitment).then_some(Unwrapped { data_key, key })
}

/// `[GN-9]` Whether a role can really read a generation: one of its recipients unwraps, or was
/// wrapped in this very call. A recipient proves nothing by its key id, as every holder of the
/// envelope key can add one.
pub(crate) fn is_proven(
    bound: &Bound<'_>,
    class: &str,
    generation: u16,
    live: &Live<'_>,
    role: &str,
    wrapped: &[(KeyTag, u32)],
) -> bool {
    let tag = tag_of(&live.commitment);
    let ring = bound.access.ring();
    live.suite == SUITE
        && live.recipients.iter().any(|recipient| {
            ring.role_of(recipient.key_id) == Some(role)
                && (wrapped.contains(&(tag, recipient.key_id))
                    || our_key(bound, recipient).is_some_and(|key| {
                        // A compromised key proves nothing, in rescue either.
                        key.state() != KeyState::Compromised
                            && unwrap_by(bound, class, generation, live, recipient, key).is_some()
                    }))
        })
}

/// What a new generation is to be.
pub(crate) struct NewGeneration<'a> {
    pub(crate) class: &'a str,
    pub(crate) number: u16,
    pub(crate) readers: &'a [&'a str],
    /// `(P, R)` of a class with retention, in seconds.
    pub(crate) retention: Option<(u64, u64)>,
    pub(crate) now: u64,
}

/// The retention `(P, R)` of a class.
pub(crate) fn retention(class: &Class) -> Option<(u64, u64)> {
    class.retention_seconds().map(|seconds| (class.generation_seconds(), seconds))
}

impl NewGeneration<'_> {
    /// Draws a data key and wraps it for every reader. `[DK-5]`: redraws while its tag is taken.
    pub(crate) fn make(
        &self,
        bound: &Bound<'_>,
        taken: impl Fn(KeyTag) -> bool,
        rng: &mut CallRng,
    ) -> Result<(Entry<'static>, GenerationKey), Error> {
        let expires_at = match self.retention {
            None => 0,
            // `[RT-3]` created_at + P + R.
            Some((period, keep)) => {
                self.now.checked_add(period).and_then(|time| time.checked_add(keep)).ok_or_else(
                    || Error::new(ErrorKind::Exhausted, "the expiry lies beyond all time"),
                )?
            }
        };
        if self.readers.is_empty() {
            return Err(Error::declaration(format!(
                "class `{}` has no reader: declare one, or name those who have consented",
                self.class
            )));
        }
        for role in self.readers {
            if bound.access.ring().wrapping(role).is_none() {
                return Err(no_wrapping_key(self.class, role));
            }
        }
        let (data_key, key) = loop {
            let data_key = rng.secret();
            let key = GenerationKey::derive(&data_key, bound, self.class, self.number);
            if !taken(key.tag()) {
                break (data_key, key);
            }
        };
        let mut live = Live {
            suite: SUITE,
            created_at: self.now,
            expires_at,
            commitment: *key.commitment(),
            recipients: Vec::with_capacity(self.readers.len()),
        };
        for role in self.readers {
            let recipient = wrap_for(bound, self.class, self.number, &live, &data_key, role, rng)?;
            live.recipients.push(recipient);
        }
        live.sort();
        let entry = Entry {
            class: Cow::Owned(self.class.into()),
            generation: self.number,
            state: State::Live(live),
        };
        Ok((entry, key))
    }
}

#[cold]
pub(crate) fn no_wrapping_key(class: &str, role: &str) -> Error {
    Error::new(
        ErrorKind::MissingKey,
        format!(
            "class `{class}` is read by role `{role}`, and this ring holds no primary key or writer half \
             of it: take a subset of a ring that has the role; who should write without reading needs a key-pair role"
        ),
    )
    .of_class(class)
    .of_roles([role])
}

/// Wraps a data key for a role under its primary key. `[GN-6]`: refused, naming the role, without it.
pub(crate) fn wrap_for(
    bound: &Bound<'_>,
    class: &str,
    generation: u16,
    live: &Live<'_>,
    data_key: &Secret<32>,
    role: &str,
    rng: &mut CallRng,
) -> Result<Recipient<'static>, Error> {
    let key = bound.access.ring().wrapping(role).ok_or_else(|| no_wrapping_key(class, role))?;
    let context = live.context(bound.tenant, bound.subject.as_bytes(), class, generation);
    let (kind, wrapped) = key.wrap(data_key, &context, rng).ok_or_else(|| {
        Error::invalid(format!(
            "the public key of role `{role}` cannot be used: take in the right one"
        ))
    })?;
    Ok(Recipient { kind, key_id: key.id().get(), wrapped: Cow::Owned(wrapped.into_vec()) })
}

impl Live<'_> {
    /// `[RC-1]` Ascending by key id, each once.
    pub(crate) fn sort(&mut self) {
        self.recipients.sort_unstable_by_key(|recipient| recipient.key_id);
    }
}

impl<'a> Live<'a> {
    /// Puts one recipient in the place of all those that `replaced` says by key id.
    pub(crate) fn replace(
        &mut self,
        by: Recipient<'a>,
        replaced: impl Fn(u32) -> bool,
    ) -> Result<(), Error> {
        // `[ED-8]` An unknown kind is kept, so its id cannot be used for another.
        if self
            .recipients
            .iter()
            .any(|recipient| !recipient.is_known() && recipient.key_id == by.key_id)
        {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a recipient of a kind that a later version added has the id of the primary key: update fieldseal",
            ));
        }
        self.recipients.retain(|recipient| !(recipient.is_known() && replaced(recipient.key_id)));
        self.recipients.push(by);
        self.sort();
        Ok(())
    }
}

impl Recipient<'_> {
    /// Whether this version knows the recipient's kind.
    pub(crate) fn is_known(&self) -> bool {
        matches!(self.kind, crate::wrap::KIND_SYMMETRIC | crate::wrap::KIND_HPKE)
    }
}

//! Standalone envelopes: bytes sealed without a record, their data key with them.

use alloc::vec::Vec;

use super::edit::{Rewrapped, Room};
use super::format::Layout;
use super::generation::{Bound, Wanted};
use super::sealed::{
    Nonces, Opening, PURPOSE_STANDALONE, Parts, check_standalone, refuse_sealed_bytes,
    split_standalone,
};
use super::{DataKeys, EnvelopeEdit, KeyEnvelope, keys};
use crate::access::Access;
use crate::audit::Action;
use crate::cbor;
use crate::class::{Class, Declared};
use crate::context::{SubjectId, is_name};
use crate::encoding::{Put as _, STANDALONE, SmallBuf};
use crate::error::Error;
use crate::keyring::KeyRing;
use crate::random::CallRng;
use crate::secret::Plaintext;

const MULTIPLE: u16 = 16;
const DEFAULT_READERS: &[&str] = &["app"];

impl KeyRing {
    /// [`Access::seal`] with nothing filled in.
    ///
    /// ```
    /// let ring = fieldseal::KeyRing::generate()?;
    /// let sealed = ring.seal(b"avatar of 42", b"\x89PNG")?;
    /// assert_eq!(ring.open(b"avatar of 42", &sealed)?.expose(), b"\x89PNG");
    /// assert!(ring.open(b"avatar of 43", &sealed).is_err());
    /// # Ok::<(), fieldseal::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Access::seal`].
    pub fn seal(&self, context: &[u8], bytes: &[u8]) -> Result<Vec<u8>, Error> {
        Access::new(self).seal(context, bytes)
    }

    /// [`Access::open`] with nothing filled in.
    ///
    /// # Errors
    /// As [`Access::open`].
    pub fn open(&self, context: &[u8], envelope: &[u8]) -> Result<Plaintext, Error> {
        Access::new(self).open(context, envelope)
    }

    /// [`Access::rewrap_standalone`] with nothing filled in.
    ///
    /// # Errors
    /// As [`Access::rewrap_standalone`].
    pub fn rewrap_standalone(&self, envelope: &[u8]) -> Result<RewrappedStandalone, Error> {
        Access::new(self).rewrap_standalone(envelope)
    }
}

/// A standalone envelope after [`Access::rewrap_standalone`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RewrappedStandalone {
    /// The bytes to store in the place of those that were given, while those are still stored.
    pub envelope: Vec<u8>,
    /// What was wrapped again. The data key is [not lifted](Rewrapped::not_lifted) where this ring does not
    /// open it as one of the readers named: it still needs the ring keys it needed before.
    pub rewrapped: Rewrapped,
}

impl Access<'_> {
    /// Seals bytes into a standalone envelope that role `app` can open: bytes without a record, with
    /// a data key of their own. 222 bytes of overhead before padding to 16.
    ///
    /// `context` says what the bytes are; it is not stored, and opening takes the same.
    ///
    /// # Errors
    /// As [`seal_for`](Self::seal_for).
    pub fn seal(&self, context: &[u8], bytes: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal_for(DEFAULT_READERS, context, bytes)
    }

    /// [`seal`](Self::seal) for the roles named.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a context above 65,535 bytes;
    /// [`Declaration`](crate::ErrorKind::Declaration) for no reader, or one named twice; [`MissingKey`](crate::ErrorKind::MissingKey), naming a role whose key the
    /// ring lacks; [`AlreadySealed`](crate::ErrorKind::AlreadySealed);
    /// [`Randomness`](crate::ErrorKind::Randomness).
    pub fn seal_for(
        &self,
        readers: &[&str],
        context: &[u8],
        bytes: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.seal_in(readers, context, bytes, CallRng::from_os()?)
    }

    /// [`seal_for`](Self::seal_for) with randomness of the caller's: 32 bytes are drawn. For tests and
    /// vectors: a generator that ever repeats reuses keys and nonces, which gives values away.
    ///
    /// # Errors
    /// As [`seal_for`](Self::seal_for), without `Randomness`.
    #[cfg(feature = "hazmat-rng")]
    pub fn seal_for_with_rng(
        &self,
        readers: &[&str],
        context: &[u8],
        bytes: &[u8],
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, Error> {
        self.seal_in(readers, context, bytes, CallRng::from_rng(rng))
    }

    fn seal_in(
        &self,
        readers: &[&str],
        context: &[u8],
        bytes: &[u8],
        mut rng: CallRng,
    ) -> Result<Vec<u8>, Error> {
        self.audited(Action::SealStandalone, &SubjectId::NONE, &[Class::STANDALONE], None, || {
            let context_len = context_len(context)?;
            check_readers(readers)?;
            // `[AS-1]` There is no envelope in use, whose tags would count.
            refuse_sealed_bytes(bytes)?;
            let quiet = self.without_audit();
            let mut edit = EnvelopeEdit::new(quiet, SubjectId::NONE)?;
            edit.add(Class::STANDALONE, 1, readers, None, Room::Full, &mut rng)?;
            let (envelope, key) = edit.finish_with_key()?;
            let mut item_len = 0;
            cbor::write_bytes(bytes, cbor::Out::Count(&mut item_len))?;
            let field = Nonces::begin(&key, &mut rng).seal(
                item_len,
                MULTIPLE,
                |out| cbor::write_bytes(bytes, cbor::Out::Bytes(out)),
                |_| Ok(()),
                |aad| standalone_aad(aad, context_len, context),
            )?;
            Ok(joined(&envelope, &field))
        })
    }

    /// Wraps the data key of a standalone envelope that was sealed for role `app` under the ring's present
    /// primary key, and authenticates the envelope by the present envelope key. What it holds stays byte for
    /// byte, and no context is needed. It is how a rotation reaches standalone envelopes: store the result in
    /// their place, then count again.
    ///
    /// ```
    /// use fieldseal::keyring::{Census, KeyUse};
    /// use fieldseal::KeyRing;
    ///
    /// let mut ring = KeyRing::generate()?;
    /// let sealed = ring.seal(b"avatar of 42", b"\x89PNG")?;
    /// let old = ring.primary(KeyUse::Wrap, "app").map(|key| key.id()).unwrap();
    /// ring.rotate(KeyUse::Wrap, "app")?;
    ///
    /// let again = ring.rewrap_standalone(&sealed)?;
    /// assert!(again.rewrapped.not_lifted.is_empty());
    /// let mut census = Census::new();
    /// census.at("avatars.image").add(&again.envelope);
    /// ring.retire(old, &census)?;
    /// assert_eq!(ring.open(b"avatar of 42", &again.envelope)?.expose(), b"\x89PNG");
    /// # Ok::<(), fieldseal::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`rewrap_standalone_for`](Self::rewrap_standalone_for).
    pub fn rewrap_standalone(&self, envelope: &[u8]) -> Result<RewrappedStandalone, Error> {
        self.rewrap_standalone_for(DEFAULT_READERS, envelope)
    }

    /// [`rewrap_standalone`](Self::rewrap_standalone) of an envelope that was sealed for these roles.
    ///
    /// # Errors
    /// Those of [`KeyEnvelope::unwrap`] but `RolledBack`; [`Declaration`](crate::ErrorKind::Declaration) for
    /// a reader named twice; [`MissingKey`](crate::ErrorKind::MissingKey) without a primary envelope key;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) when a recipient of a later version bears the id of a
    /// primary key; [`Randomness`](crate::ErrorKind::Randomness).
    pub fn rewrap_standalone_for(
        &self,
        readers: &[&str],
        envelope: &[u8],
    ) -> Result<RewrappedStandalone, Error> {
        self.rewrap_standalone_in(readers, envelope, CallRng::from_os()?)
    }

    /// [`rewrap_standalone_for`](Self::rewrap_standalone_for) with randomness of the caller's: 32 bytes are
    /// drawn. For tests and vectors: a generator that ever repeats reuses nonces, which gives keys away.
    ///
    /// # Errors
    /// As [`rewrap_standalone_for`](Self::rewrap_standalone_for), without `Randomness`.
    #[cfg(feature = "hazmat-rng")]
    pub fn rewrap_standalone_for_with_rng(
        &self,
        readers: &[&str],
        envelope: &[u8],
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<RewrappedStandalone, Error> {
        self.rewrap_standalone_in(readers, envelope, CallRng::from_rng(rng))
    }

    /// `[SA-7]`
    fn rewrap_standalone_in(
        &self,
        readers: &[&str],
        envelope: &[u8],
        mut rng: CallRng,
    ) -> Result<RewrappedStandalone, Error> {
        self.audited(Action::Rewrap, &SubjectId::NONE, &[Class::STANDALONE], None, || {
            self.checked_tenant()?;
            check_readers(readers)?;
            let (inner, field) = split_standalone(envelope)?;
            // No version floor applies.
            let quiet = self.without_audit().version_floor(0);
            let inner = KeyEnvelope::from_bytes(inner);
            let mut edit = EnvelopeEdit::begin(&inner, quiet, SubjectId::NONE)?;
            let declared = Declared { name: Class::STANDALONE, readers, consent: &[] };
            let rewrapped = edit.rewrap_standalone(Parts::parse(field)?.tag, declared, &mut rng)?;
            Ok(RewrappedStandalone { envelope: joined(&edit.finish()?, field), rewrapped })
        })
    }

    /// Opens a standalone envelope that was sealed for role `app`, under the context it was sealed
    /// under. The bytes are wiped when dropped.
    ///
    /// # Errors
    /// As [`open_for`](Self::open_for).
    pub fn open(&self, context: &[u8], envelope: &[u8]) -> Result<Plaintext, Error> {
        self.open_for(DEFAULT_READERS, context, envelope)
    }

    /// [`open`](Self::open) of an envelope that was sealed for these roles, or some of them. Wrapped
    /// keys of other roles do not count: any service could have made one for itself.
    ///
    /// # Errors
    /// Those of [`KeyEnvelope::unwrap`] but `RolledBack`;
    /// [`NotPermitted`](crate::ErrorKind::NotPermitted) when it opens as none of the roles;
    /// [`Expired`](crate::ErrorKind::Expired); [`Tampered`](crate::ErrorKind::Tampered), which another
    /// context or tenant is too; [`TypeMismatch`](crate::ErrorKind::TypeMismatch) when what was sealed
    /// is no byte string.
    pub fn open_for(
        &self,
        readers: &[&str],
        context: &[u8],
        envelope: &[u8],
    ) -> Result<Plaintext, Error> {
        self.audited(Action::OpenStandalone, &SubjectId::NONE, &[Class::STANDALONE], None, || {
            let context_len = context_len(context)?;
            // `[SA-5]` 0, before the bytes are looked at.
            self.checked_tenant()?;
            check_readers(readers)?;
            let (envelope, field) = split_standalone(envelope)?;
            let envelope = KeyEnvelope::from_bytes(envelope);
            // `[SA-7]` No version floor applies.
            let access = self.version_floor(0);
            let bound = Bound::new(&access, &SubjectId::NONE)?;
            let layout: Layout<'_> = envelope.verify(&bound)?;
            check_standalone(&layout, Parts::parse(field)?.tag)?;
            let declared = Declared { name: Class::STANDALONE, readers, consent: &[] };
            let generations = keys::unwrap_all(&bound, &layout, &|_, _| Wanted::Class(declared));
            let keys = DataKeys::of(envelope.clone(), &bound, &layout, generations);
            Opening::begin(&keys).open(
                field,
                declared,
                None,
                |aad| standalone_aad(aad, context_len, context),
                |item| cbor::read_bytes(item).map(Plaintext::copy_of),
            )
        })
    }
}

/// `[SA-1]`
fn joined(envelope: &KeyEnvelope, field: &[u8]) -> Vec<u8> {
    let envelope = envelope.as_bytes();
    let mut out = Vec::with_capacity(envelope.len().saturating_add(field.len()).saturating_add(3));
    out.put_u8(STANDALONE);
    // safe: an envelope is at most 65,535 bytes.
    out.put_u16(u16::try_from(envelope.len()).unwrap_or(u16::MAX));
    out.put(envelope);
    out.put(field);
    out
}

/// Each reader is a name, and named once.
fn check_readers(readers: &[&str]) -> Result<(), Error> {
    let mut rest = readers;
    while let [role, others @ ..] = rest {
        if !is_name(role) || others.contains(role) {
            return Err(Error::declaration("a reader is no name, or named twice"));
        }
        rest = others;
    }
    Ok(())
}

fn context_len(context: &[u8]) -> Result<u16, Error> {
    u16::try_from(context.len()).map_err(|_| Error::invalid("a context is at most 65,535 bytes"))
}

/// `[SA-3]` Behind bytes 0..5 of the sealed field: u8 purpose ‖ s16(context).
fn standalone_aad(aad: &mut SmallBuf, len: u16, context: &[u8]) {
    aad.put_u8(PURPOSE_STANDALONE);
    aad.put_u16(len);
    aad.put(context);
}

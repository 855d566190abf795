//! Consent as the caller's own record has it.

use super::{Class, ToClasses};
use alloc::vec::Vec;

/// A class together with the roles that its subject has consented to.
///
/// Calls that begin a generation of a class, such as [`EnvelopeEdit::renew`](crate::envelope::EnvelopeEdit::renew), need
/// to know who has consented. Given a bare `&Class`, they read it from the key envelope, which the ring must be
/// able to prove. Given a `ClassConsent`, they take it from your own record of consents.
///
/// ```
/// use fieldseal::{Class, DataKeys, KeyRing};
///
/// const CONTACT: Class = Class::new("contact").readers_with_consent(&["marketing", "partners"]);
///
/// let mut ring = KeyRing::generate()?;
/// ring.add_role("marketing")?;
/// let keys = DataKeys::create(&ring, 42, CONTACT.consented_to(&["marketing"]))?;
///
/// let mut edit = keys.envelope().edit(&ring, 42)?;
/// edit.renew(CONTACT)?; // for those whom the envelope proves to have consent
/// edit.renew(CONTACT.consented_to(&[]))?; // for the declared readers alone
/// # edit.finish()?;
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClassConsent<'a> {
    class: Class<'a>,
    named: Option<&'a [&'a str]>,
}

impl<'a> Class<'a> {
    /// The class, with the roles that one subject has consented to, from your own record. See [`ClassConsent`].
    ///
    /// The call that takes it answers [`InvalidInput`](crate::ErrorKind::InvalidInput) for a role that is not among
    /// [`consent_roles`](Self::consent_roles), or is named twice.
    pub const fn consented_to<'c>(self, roles: &'c [&'c str]) -> ClassConsent<'c>
    where
        'a: 'c,
    {
        ClassConsent { class: self, named: Some(roles) }
    }
}

impl<'a> ClassConsent<'a> {
    /// The class.
    pub const fn class(&self) -> &Class<'a> {
        &self.class
    }

    /// The roles that the caller named; `None` where consent is read from the envelope.
    pub const fn roles(&self) -> Option<&'a [&'a str]> {
        self.named
    }
}

impl<'a> From<&Class<'a>> for ClassConsent<'a> {
    fn from(class: &Class<'a>) -> Self {
        Self { class: *class, named: None }
    }
}

impl<'a> From<Class<'a>> for ClassConsent<'a> {
    fn from(class: Class<'a>) -> Self {
        Self { class, named: None }
    }
}

impl ToClasses for ClassConsent<'_> {
    fn to_classes(&self) -> Vec<Class<'_>> {
        alloc::vec![self.class]
    }

    fn to_consents(&self) -> Vec<ClassConsent<'_>> {
        alloc::vec![*self]
    }
}

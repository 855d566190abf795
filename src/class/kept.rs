//! A declaration of a class that outlives the one that it was copied from.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Class;

/// An owned copy of a declaration, for what holds classes longer than the call that named them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    name: Box<str>,
    readers: Box<[Box<str>]>,
    with_consent: Box<[Box<str>]>,
    retain_days: u32,
    period_days: u32,
}

impl Kept {
    pub(crate) fn of(class: &Class<'_>) -> Self {
        let owned = |roles: &[&str]| roles.iter().map(|role| Box::from(*role)).collect();
        Self {
            name: class.name.into(),
            readers: owned(class.reader_roles()),
            with_consent: owned(class.with_consent),
            retain_days: class.retain_days,
            period_days: class.period_days,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Calls with the declaration, which borrows from this copy.
    pub(crate) fn with<T>(&self, call: impl FnOnce(&Class<'_>) -> T) -> T {
        let (readers, with_consent) = (self.readers(), self.consents());
        call(&self.class(&readers, &with_consent))
    }

    /// The lists of roles, for [`class`](Self::class) to refer to.
    pub(crate) fn readers(&self) -> Vec<&str> {
        self.readers.iter().map(|role| &**role).collect()
    }

    pub(crate) fn consents(&self) -> Vec<&str> {
        self.with_consent.iter().map(|role| &**role).collect()
    }

    pub(crate) fn class<'a>(
        &'a self,
        readers: &'a [&'a str],
        with_consent: &'a [&'a str],
    ) -> Class<'a> {
        Class {
            name: &self.name,
            readers: Some(readers),
            with_consent,
            retain_days: self.retain_days,
            period_days: self.period_days,
        }
    }
}

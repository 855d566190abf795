//! A declaration of a class that outlives the one that it was copied from.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::Class;

/// An owned copy of a declaration, for what holds classes longer than the call that named them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    /// The name, the readers and the readers with consent, each after a line feed, which no name has: one
    /// allocation.
    names: Box<str>,
    readers: usize,
    retain_days: u32,
    period_days: u32,
}

impl Kept {
    pub(crate) fn of(class: &Class<'_>) -> Self {
        let roles = || class.reader_roles().iter().chain(class.with_consent);
        let len = roles()
            .fold(class.name.len(), |len, role| len.saturating_add(role.len()).saturating_add(1));
        let mut names = String::with_capacity(len);
        names.push_str(class.name);
        for role in roles() {
            names.push('\n');
            names.push_str(role);
        }
        Self {
            names: names.into_boxed_str(),
            readers: class.reader_roles().len(),
            retain_days: class.retain_days,
            period_days: class.period_days,
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.names.split('\n').next().unwrap_or_default()
    }

    /// Calls with the declaration, which borrows from this copy.
    pub(crate) fn with<T>(&self, call: impl FnOnce(&Class<'_>) -> T) -> T {
        let (readers, with_consent) = (self.readers(), self.consents());
        call(&self.class(&readers, &with_consent))
    }

    /// The lists of roles, for [`class`](Self::class) to refer to.
    pub(crate) fn readers(&self) -> Vec<&str> {
        self.names.split('\n').skip(1).take(self.readers).collect()
    }

    pub(crate) fn consents(&self) -> Vec<&str> {
        self.names.split('\n').skip(1).skip(self.readers).collect()
    }

    pub(crate) fn class<'a>(
        &'a self,
        readers: &'a [&'a str],
        with_consent: &'a [&'a str],
    ) -> Class<'a> {
        Class {
            name: self.name(),
            readers: Some(readers),
            with_consent,
            retain_days: self.retain_days,
            period_days: self.period_days,
        }
    }
}

//! The classes of masks.

use core::fmt;

use super::{Class, NO_ROLES, assert_roles};
use crate::context::{MASK_PREFIX, equal, is_declarable, is_mask_name};

/// The longest name.
const LONGEST: usize = 64;

/// The name of a mask class: `mask.` and the name of the class that is masked. See
/// [`Class::mask_of`].
#[derive(Clone, Copy)]
pub struct MaskName {
    bytes: [u8; LONGEST],
    len: usize,
}

#[allow(clippy::panic, reason = "these stop compilation of a bad constant")]
impl MaskName {
    /// The name of the masks of a class.
    ///
    /// # Panics
    /// For a class of masks, which has no masks itself. In a constant that is a compile error.
    pub const fn of(source: &Class<'_>) -> Self {
        assert!(is_declarable(source.name), "a mask has no mask: name the class of the value");
        let (prefix, name) = (MASK_PREFIX.as_bytes(), source.name.as_bytes());
        let mut bytes = [0; LONGEST];
        // safe: a name that can be declared has at most 59 bytes.
        let (head, rest) = bytes.split_at_mut(prefix.len());
        head.copy_from_slice(prefix);
        rest.split_at_mut(name.len()).0.copy_from_slice(name);
        Self { bytes, len: prefix.len() + name.len() }
    }

    const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(name) => name,
            // safe: it was put together from two texts.
            Err(_) => panic!("a name is ASCII"),
        }
    }
}

impl fmt::Debug for MaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MaskName({})", self.as_str())
    }
}

#[allow(clippy::panic, reason = "these stop compilation of a bad constant")]
impl<'a> Class<'a> {
    /// `[MA-2]` The class of the masks of a class: kept as long, erased with it, and read by these roles
    /// alone. There is one for each class.
    ///
    /// Name the roles that write the values too: what writes a value writes its mask, and a ring that
    /// cannot read the mask class begins a new generation of it each time, or is refused.
    ///
    /// ```
    /// use fieldseal::class::MaskName;
    /// use fieldseal::Class;
    ///
    /// const FINANCIAL: Class = Class::new("financial").readers(&["billing"]).retain_days(3 * 365);
    /// const SHOWN: Class =
    ///     Class::mask_of(&FINANCIAL, const { &MaskName::of(&FINANCIAL) }, &["billing", "support"]);
    /// assert_eq!(SHOWN.name(), "mask.financial");
    /// assert_eq!(SHOWN.retention_seconds(), FINANCIAL.retention_seconds());
    /// ```
    ///
    /// # Panics
    /// For a name of another class's masks, a class that is one of masks, no readers, and a bad or repeated
    /// role name. In a constant that is a compile error.
    pub const fn mask_of(source: &Class<'_>, name: &'a MaskName, readers: &'a [&'a str]) -> Self {
        assert!(
            equal(name.as_str(), MaskName::of(source).as_str()),
            "this is the name of another class's masks"
        );
        assert!(!readers.is_empty(), "name who reads the masks");
        assert_roles(readers, NO_ROLES);
        Self {
            name: name.as_str(),
            readers: Some(readers),
            with_consent: NO_ROLES,
            retain_days: source.retain_days,
            period_days: source.period_days,
        }
    }

    /// Whether it is a class of masks, by its name.
    pub(crate) const fn is_mask(&self) -> bool {
        is_mask_name(self.name)
    }

    /// The name of the class whose masks these are.
    pub(crate) fn masked(&self) -> Option<&'a str> {
        self.name.strip_prefix(MASK_PREFIX)
    }

    /// Whether this is the class of the masks of another, by its name.
    pub(crate) const fn is_named_for(&self, source: &Class<'_>) -> bool {
        is_declarable(source.name) && equal(self.name, MaskName::of(source).as_str())
    }

    /// Whether this is the class of the masks of another, and kept as long.
    pub(crate) const fn is_mask_of(&self, source: &Class<'_>) -> bool {
        self.is_named_for(source)
            && self.retain_days == source.retain_days
            && self.generation_seconds() == source.generation_seconds()
    }
}

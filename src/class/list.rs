//! Lists of classes, wherever they come from.

use alloc::vec::Vec;

use super::{Class, ClassConsent};

/// The classes of a call: those of a [`Schema`](crate::record::Schema), of a [`Catalog`](crate::Catalog), of a
/// [`Field`](crate::Field) with its mask, a class with the consent to it ([`ClassConsent`]), a list of these, or two of
/// them in a tuple: `(Customer::SCHEMA, CONTACT.consented_to(&["marketing"]))`.
///
/// Take them from the schema: `DataKeys::create(&ring, 42, Customer::SCHEMA)`. A list by hand misses the class that
/// only a mask brings, and then a customer with a value is refused where one without is stored.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use fieldseal::{Class, DataKeys, KeyRing, Record};
///
/// const FINANCIAL: Class = Class::new("financial").readers(&["app"]);
///
/// #[derive(Record)]
/// #[record(name = "customer", single_row, keys = "external")]
/// struct Customer {
///     #[record(subject)]
///     id: i64,
///     #[record(seal(class = FINANCIAL), mask(last4, readers = ["app", "support"]))]
///     card: Option<String>,
/// }
///
/// let mut ring = KeyRing::generate()?;
/// ring.add_role("support")?;
/// let keys = DataKeys::create(&ring, 42, Customer::SCHEMA)?;
/// assert_eq!(keys.reached(), ["financial", "mask.financial"]);
/// # }
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say classes",
    label = "not a schema, a catalog, a field or a list of classes",
    note = "take the classes from the declarations: `Customer::SCHEMA`, or a `Catalog` of several records"
)]
pub trait ToClasses {
    /// The classes that values and masks are sealed under.
    #[doc(hidden)]
    fn to_classes(&self) -> Vec<Class<'_>>;

    /// Those, and the former ones that values can still be under.
    #[doc(hidden)]
    fn to_declared(&self) -> Vec<Class<'_>> {
        self.to_classes()
    }

    /// What the caller says of consent to some of them.
    #[doc(hidden)]
    fn to_consents(&self) -> Vec<ClassConsent<'_>> {
        Vec::new()
    }
}

impl<T: ToClasses + ?Sized> ToClasses for &T {
    fn to_classes(&self) -> Vec<Class<'_>> {
        (**self).to_classes()
    }

    fn to_declared(&self) -> Vec<Class<'_>> {
        (**self).to_declared()
    }

    fn to_consents(&self) -> Vec<ClassConsent<'_>> {
        (**self).to_consents()
    }
}

impl ToClasses for Class<'_> {
    fn to_classes(&self) -> Vec<Class<'_>> {
        alloc::vec![*self]
    }
}

impl<T: ToClasses> ToClasses for [T] {
    fn to_classes(&self) -> Vec<Class<'_>> {
        self.iter().flat_map(T::to_classes).collect()
    }

    fn to_declared(&self) -> Vec<Class<'_>> {
        self.iter().flat_map(T::to_declared).collect()
    }

    fn to_consents(&self) -> Vec<ClassConsent<'_>> {
        self.iter().flat_map(T::to_consents).collect()
    }
}

impl<T: ToClasses, const N: usize> ToClasses for [T; N] {
    fn to_classes(&self) -> Vec<Class<'_>> {
        self.as_slice().to_classes()
    }

    fn to_declared(&self) -> Vec<Class<'_>> {
        self.as_slice().to_declared()
    }

    fn to_consents(&self) -> Vec<ClassConsent<'_>> {
        self.as_slice().to_consents()
    }
}

impl<T: ToClasses> ToClasses for Vec<T> {
    fn to_classes(&self) -> Vec<Class<'_>> {
        self.as_slice().to_classes()
    }

    fn to_declared(&self) -> Vec<Class<'_>> {
        self.as_slice().to_declared()
    }

    fn to_consents(&self) -> Vec<ClassConsent<'_>> {
        self.as_slice().to_consents()
    }
}

/// No class.
impl ToClasses for () {
    fn to_classes(&self) -> Vec<Class<'_>> {
        Vec::new()
    }
}

/// The classes of both.
impl<A: ToClasses, B: ToClasses> ToClasses for (A, B) {
    fn to_classes(&self) -> Vec<Class<'_>> {
        [self.0.to_classes(), self.1.to_classes()].concat()
    }

    fn to_declared(&self) -> Vec<Class<'_>> {
        [self.0.to_declared(), self.1.to_declared()].concat()
    }

    fn to_consents(&self) -> Vec<ClassConsent<'_>> {
        [self.0.to_consents(), self.1.to_consents()].concat()
    }
}

//! Lists of classes, wherever they come from.

use alloc::vec::Vec;

use super::Class;

/// The classes of a call: those of a [`Schema`](crate::record::Schema), of a [`Catalog`](crate::Catalog), of a
/// [`Field`](crate::Field) with its mask, or a list.
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
    fn to_classes(&self) -> Vec<Class>;

    /// Those, and the former ones that values can still be under.
    #[doc(hidden)]
    fn to_declared(&self) -> Vec<Class> {
        self.to_classes()
    }
}

impl<T: ToClasses + ?Sized> ToClasses for &T {
    fn to_classes(&self) -> Vec<Class> {
        (**self).to_classes()
    }

    fn to_declared(&self) -> Vec<Class> {
        (**self).to_declared()
    }
}

impl ToClasses for Class {
    fn to_classes(&self) -> Vec<Class> {
        alloc::vec![*self]
    }
}

impl ToClasses for [Class] {
    fn to_classes(&self) -> Vec<Class> {
        self.to_vec()
    }
}

impl<const N: usize> ToClasses for [Class; N] {
    fn to_classes(&self) -> Vec<Class> {
        self.to_vec()
    }
}

impl ToClasses for Vec<Class> {
    fn to_classes(&self) -> Vec<Class> {
        self.clone()
    }
}

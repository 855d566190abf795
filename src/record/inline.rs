//! Records whose rows carry their key envelopes.

use crate::error::{Error, ErrorKind};

/// A record whose rows carry the subject's key envelope themselves.
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps its key envelopes outside its rows",
    label = "declared with `keys = \"external\"`",
    note = "unwrap the subject's key envelope, then use `seal_with`, `open_with` and `open_partial_with`"
)]
pub trait InlineKeys {}

/// No record has this, so that a call of `Record::seal`, a name that does not say whether the row is new, is a
/// compile error that names the two calls that do.
#[allow(unnameable_types, reason = "so that no other crate implements it")]
#[diagnostic::on_unimplemented(
    message = "`seal` does not say whether the row of this `{Self}` is new",
    label = "use `seal_new` to insert, `seal_under` to update",
    note = "`seal_new` makes fresh data keys and an envelope of version 1, for an INSERT",
    note = "`seal_under` keeps the envelope of the row that exists, with its consents and erasures, for an UPDATE"
)]
pub trait InsertOrUpdate: InlineKeys {}

#[cold]
pub(super) fn no_envelope() -> Error {
    Error::new(ErrorKind::UnknownSubject, "the row carries no key envelope")
}

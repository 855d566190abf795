//! Consent that is withdrawn: what the role opened before it cannot open after, whatever it has kept and
//! whatever is put back.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

#[cfg(feature = "std")]
#[path = "withdrawal/always.rs"]
#[cfg(feature = "std")]
mod always;
mod common;

use common::*;
use fieldseal::envelope::History;
use fieldseal::{Access, Class, DataKeys, ErrorKind, Field, KeyEnvelope, Sealed};

const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);
/// Several levels of preference are several roles.
const PREFERENCES: Class = Class::new("preferences").readers(&["app"]).readers_with_consent(&[
    "marketing",
    "support",
    "billing",
]);

fn sealed_by(
    role: &str,
    envelope: &KeyEnvelope,
    floor: u64,
    value: &str,
) -> Result<Sealed<String>, ErrorKind> {
    let ring = service(&[role]);
    let access = Access::new(&ring).at(NOW).version_floor(floor);
    let keys = envelope.unwrap(access, 42).map_err(|error| error.kind())?;
    EMAIL.seal(&keys, &value.to_owned()).map_err(|error| error.kind())
}

fn opened_by(
    role: &str,
    envelope: &KeyEnvelope,
    sealed: &Sealed<String>,
) -> Result<String, ErrorKind> {
    let ring = service(&[role]);
    let keys = envelope.unwrap(Access::new(&ring).at(NOW), 42).map_err(|error| error.kind())?;
    EMAIL.open(&keys, sealed).map_err(|error| error.kind())
}

fn changed(
    envelope: &KeyEnvelope,
    change: impl FnOnce(&mut fieldseal::envelope::EnvelopeEdit<'_>) -> Result<(), fieldseal::Error>,
) -> KeyEnvelope {
    let ring = admin();
    let mut edit = envelope.edit(Access::new(&ring).at(NOW), 42).unwrap();
    change(&mut edit).unwrap();
    edit.finish().unwrap()
}

#[test]
fn a_withdrawn_role_opens_nothing_that_is_sealed_after() {
    let first = envelope(&[CONTACT]);
    let consented = changed(&first, |edit| edit.grant(CONTACT, "marketing", History::Included));
    let before = sealed_by("app", &consented, 0, "before").unwrap();
    assert_eq!(opened_by("marketing", &consented, &before).unwrap(), "before");
    let ring = service(&["marketing"]);
    let kept = consented.unwrap(Access::new(&ring).at(NOW), 42).unwrap();

    let withdrawn = changed(&consented, |edit| edit.withdraw(CONTACT, "marketing"));
    let after = sealed_by("app", &withdrawn, 0, "after").unwrap();
    assert_eq!(opened_by("app", &withdrawn, &after).unwrap(), "after");
    // With the present envelope, with the old one put back, and with the keys it kept.
    assert_eq!(opened_by("marketing", &withdrawn, &after), Err(ErrorKind::NotPermitted));
    assert_eq!(opened_by("marketing", &consented, &after), Err(ErrorKind::WrongKey));
    assert_eq!(EMAIL.open(&kept, &after).unwrap_err().kind(), ErrorKind::WrongKey);
    // What was sealed before it opens by what it kept, until that is resealed.
    assert_eq!(opened_by("marketing", &withdrawn, &before), Err(ErrorKind::NotPermitted));
    assert_eq!(EMAIL.open(&kept, &before).unwrap(), "before");
    let ring = service(&["app"]);
    let keys = withdrawn.unwrap(Access::new(&ring).at(NOW), 42).unwrap();
    let resealed = EMAIL.reseal(&keys, &before).unwrap().unwrap();
    assert_eq!(EMAIL.open(&keys, &resealed).unwrap(), "before");
    assert_eq!(EMAIL.open(&kept, &resealed).unwrap_err().kind(), ErrorKind::WrongKey);
    assert_eq!(opened_by("marketing", &consented, &resealed), Err(ErrorKind::WrongKey));
}

#[test]
fn an_envelope_put_back_wins_no_new_values_above_a_version_floor() {
    let first = envelope(&[CONTACT]);
    let consented = changed(&first, |edit| edit.grant(CONTACT, "marketing", History::Included));
    let withdrawn = changed(&consented, |edit| edit.withdraw(CONTACT, "marketing"));
    let floor = withdrawn.version().unwrap();
    assert!(sealed_by("app", &withdrawn, floor, "after").is_ok());

    // The database gives the old envelope again, and the writer has noted the version elsewhere.
    assert_eq!(sealed_by("app", &consented, floor, "after"), Err(ErrorKind::RolledBack));
    assert_eq!(sealed_by("app", &first, floor, "after"), Err(ErrorKind::RolledBack));
    // Without a floor nothing in the bytes tells, as SECURITY.md says, and marketing reads it.
    let lured = sealed_by("app", &consented, 0, "after").unwrap();
    assert_eq!(opened_by("marketing", &consented, &lured).unwrap(), "after");
}

#[test]
fn levels_of_preference_come_and_go_one_by_one() {
    let ring = admin();
    let access = Access::new(&ring).at(NOW);
    let keys =
        DataKeys::create(access, 42, PREFERENCES.consented_to(&["marketing", "support"])).unwrap();
    let field: Field<String> = Field::new("customer", "wishes", PREFERENCES);
    let opens = |envelope: &KeyEnvelope, sealed: &Sealed<String>| -> Vec<&str> {
        let roles = ["app", "marketing", "support", "billing"].into_iter();
        roles
            .filter(|role| {
                let ring = service(&[role]);
                let keys = envelope.unwrap(Access::new(&ring).at(NOW), 42).unwrap();
                field.open(&keys, sealed).is_ok()
            })
            .collect()
    };
    let sealed = field.seal(&keys, &"tea".to_owned()).unwrap();
    let one = keys.envelope().clone();
    assert_eq!(opens(&one, &sealed), ["app", "marketing", "support"]);
    let two = changed(&one, |edit| edit.withdraw(PREFERENCES, "marketing"));
    assert_eq!(opens(&two, &sealed), ["app", "support"]);
    let three = changed(&two, |edit| edit.grant(PREFERENCES, "billing", History::Included));
    assert_eq!(opens(&three, &sealed), ["app", "support", "billing"]);
    let four = changed(&three, |edit| edit.grant(PREFERENCES, "marketing", History::Excluded));
    assert_eq!(opens(&four, &sealed), ["app", "support", "billing"], "only what comes from now on");
    let keys = four.unwrap(access, 42).unwrap();
    let sealed = field.seal(&keys, &"coffee".to_owned()).unwrap();
    assert_eq!(opens(&four, &sealed), ["app", "marketing", "support", "billing"]);
}

#[test]
fn a_withdrawal_asks_for_resealing_and_a_grant_does_not() {
    let ring = admin();
    let first = envelope(&[CONTACT]);
    let mut edit = first.edit(Access::new(&ring).at(NOW), 42).unwrap();
    edit.grant(CONTACT, "marketing", History::Included).unwrap();
    edit.grant(CONTACT, "marketing", History::Excluded).unwrap();
    assert!(edit.to_reseal().is_empty());
    edit.withdraw(CONTACT, "marketing").unwrap();
    assert_eq!(edit.to_reseal(), [("contact".to_owned(), 3)]);
    edit.renew(CONTACT).unwrap();
    assert_eq!(edit.to_reseal(), [("contact".to_owned(), 4)], "under the latest");
    // A change that is refused asks for nothing.
    edit.withdraw(CONTACT, "app").unwrap_err();
    assert_eq!(edit.to_reseal(), [("contact".to_owned(), 4)]);
}

/// `marketing` would go on reading, while the ledger said otherwise.
#[test]
fn a_withdrawal_of_a_role_that_does_not_exist_is_refused() {
    let ring = admin();
    let log = Log::default();
    let first =
        changed(&envelope(&[CONTACT]), |edit| edit.grant(CONTACT, "marketing", History::Included));
    let access = Access::new(&ring).at(NOW).audit(&log);
    let mut edit = first.edit(access, 42).unwrap();
    for typo in ["marketting", "Marketing", "", "billing"] {
        let one = edit.withdraw(CONTACT, typo).unwrap_err();
        assert_eq!(one.kind(), ErrorKind::InvalidInput, "{typo}");
        assert!(one.to_string().contains("its readers with consent are marketing"), "{one}");
        assert_eq!(kind(edit.withdraw(CONTACT.consented_to(&[]), typo)), ErrorKind::InvalidInput);
    }
    assert!(!edit.is_changed());
}

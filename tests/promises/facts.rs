//! What an error is about is read from it, and not from its text.

use fieldseal::keyring::{KeyId, KeyUse};
use fieldseal::{Class, DataKeys, Error, ErrorKind, Field, KeyRing, Sealed};

const HEALTH: Class = Class::new("health").readers(&["doctor"]).readers_with_consent(&["insurer"]);
const ILL: Field<String> = Field::new("patient", "ill", HEALTH);

fn hospital() -> KeyRing {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_role("doctor").unwrap();
    ring
}

fn roles(error: &Error) -> Vec<&str> {
    error.roles().collect()
}

#[test]
fn a_refused_open_names_the_class_and_the_roles_that_may_read_it() {
    let ring = hospital();
    let keys = DataKeys::create(&ring, 42, ILL).unwrap();
    let ill = ILL.seal(&keys, &"flu".into()).unwrap();
    let reception = ring.subset(&["app"]).unwrap().into_ring();
    let error = ILL.open(&keys.envelope().unwrap(&reception, 42).unwrap(), &ill).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPermitted);
    assert_eq!((error.class(), roles(&error)), (Some("health"), vec!["doctor", "insurer"]));
    assert_eq!((error.record(), error.field()), (Some("patient"), Some("ill")));
}

#[test]
fn a_role_whose_key_is_missing_is_named() {
    let error = DataKeys::create(&KeyRing::generate().unwrap(), 42, HEALTH).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingKey);
    assert_eq!((error.class(), roles(&error)), (Some("health"), vec!["doctor"]));
}

#[test]
fn a_key_that_is_not_there_is_named() {
    let id = KeyId::new(7).unwrap();
    let error = hospital().force_destroy(id).unwrap_err();
    assert_eq!((error.kind(), error.key_id()), (ErrorKind::MissingKey, Some(id)));

    let other = KeyRing::generate().unwrap();
    let keys = DataKeys::create(&other, 42, Class::PERSONAL).unwrap();
    let error = keys.envelope().unwrap(&hospital(), 42).map(drop).unwrap_err();
    let envelope_key = other.primary(KeyUse::Envelope, "envelope").unwrap().id();
    assert_eq!((error.kind(), error.key_id()), (ErrorKind::WrongKey, Some(envelope_key)));
}

/// One error for every reason, so that nobody learns which it was.
#[test]
fn a_failed_authentication_names_no_class_no_role_and_no_key() {
    let ring = hospital();
    let keys = DataKeys::create(&ring, 42, ILL).unwrap();
    let mut bytes = ILL.seal(&keys, &"flu".into()).unwrap().as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let error = ILL.open(&keys, &Sealed::from_bytes(bytes)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tampered);
    assert_eq!((error.class(), roles(&error), error.key_id()), (None, vec![], None));
}

//! Rings unlocked by a key in a token of SoftHSM: what opens them, and what does not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

#[path = "pkcs11/rings.rs"]
mod rings;
#[path = "pkcs11/softhsm.rs"]
mod softhsm;

use cryptoki::error::{Error as RawError, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use fieldseal::keyring::Unlock as _;
use fieldseal::pkcs11::{Pkcs11Key, Pkcs11Pin, Pkcs11Session};
use fieldseal::secret::Secret;
use fieldseal::{Error, ErrorKind};

use softhsm::{SoftHsm, each, pin};

const CONTEXT: &[u8] = b"ring 7, slot 1";

fn wrap(session: &Pkcs11Session, secret: u8, context: &[u8]) -> Result<Vec<u8>, Error> {
    let key = session.key();
    let request = key.wrap_request(&Secret::from_bytes(&[secret; 32]), context)?;
    key.wrapped(session.perform(&request)?)
}

fn unwrap(session: &Pkcs11Session, wrapped: &[u8], context: &[u8]) -> Result<Secret<32>, Error> {
    let key = session.key();
    key.slot_key(session.perform(&key.unwrap_request(wrapped, context)?)?)
}

#[track_caller]
fn refused<T>(kind: ErrorKind, result: Result<T, Error>) -> String {
    let Err(error) = result else { panic!("nothing was refused") };
    assert_eq!(error.kind(), kind, "{error}");
    error.to_string()
}

/// A key made past this crate.
fn made_elsewhere(hsm: &SoftHsm, token: &str, label: &str, change: &[Attribute]) {
    let mut template = vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(32.into()),
        Attribute::Label(label.into()),
        Attribute::Token(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
    ];
    for attribute in change {
        template.retain(|known| known.attribute_type() != attribute.attribute_type());
        template.push(attribute.clone());
    }
    hsm.raw_session(token).generate_key(&Mechanism::AesKeyGen, &template).unwrap();
}

#[test]
fn what_the_token_wrapped_it_unwraps() {
    each(|hsm| {
        let key = hsm.key("prod", "fieldseal");
        let session = hsm.open().session(&key, &pin()).unwrap();
        let wrapped = wrap(&session, 7, CONTEXT).unwrap();
        assert_eq!(wrapped.len(), 60);
        assert_ne!(wrapped, wrap(&session, 7, CONTEXT).unwrap(), "an IV was used twice");
        drop(session);

        let session = hsm.open().session(&key, &pin()).unwrap();
        assert_eq!(unwrap(&session, &wrapped, CONTEXT).unwrap().expose(), &[7; 32]);
    });
}

#[test]
fn no_altered_byte_unwraps() {
    each(|hsm| {
        let key = hsm.key("prod", "fieldseal");
        let session = hsm.open().session(&key, &pin()).unwrap();
        let wrapped = wrap(&session, 7, CONTEXT).unwrap();
        for at in 0..wrapped.len() {
            let mut altered = wrapped.clone();
            altered[at] ^= 1;
            refused(ErrorKind::Unlock, unwrap(&session, &altered, CONTEXT));
        }
        for context in [b"".as_slice(), b"ring 7, slot 2", b"ring 8, slot 1", b"ring 7, slot 1 "] {
            refused(ErrorKind::Unlock, unwrap(&session, &wrapped, context));
        }
        // A refusal leaves the session as it was.
        assert_eq!(unwrap(&session, &wrapped, CONTEXT).unwrap().expose(), &[7; 32]);
    });
}

#[test]
fn a_wrong_pin_opens_no_session() {
    each(|hsm| {
        let key = hsm.key("prod", "fieldseal");
        for wrong in ["user-5679", "officer-1234", "user-5678 ", "u", &"9".repeat(300)] {
            let pin = Pkcs11Pin::new(wrong).unwrap();
            let message = refused(ErrorKind::Unlock, hsm.open().session(&key, &pin));
            assert!(message.contains("pkcs11:token=prod;object=fieldseal"), "{message}");
            assert!(!message.contains(wrong) || wrong == "u", "{message}");
            refused(ErrorKind::Unlock, hsm.open().generate_key(&key, &pin));
        }
        hsm.open().session(&key, &pin()).unwrap();
    });
}

#[test]
fn a_login_ends_with_its_session() {
    each(|hsm| {
        let key = hsm.key("prod", "fieldseal");
        let wrong = Pkcs11Pin::new("user-5679").unwrap();
        drop(hsm.open().session(&key, &pin()).unwrap());
        refused(ErrorKind::Unlock, hsm.open().session(&key, &wrong));

        // As documented: a token asks the process once.
        let _first = hsm.open().session(&key, &pin()).unwrap();
        hsm.open().session(&key, &wrong).unwrap();
    });
}

#[test]
fn another_token_and_another_key_do_not_unwrap() {
    each(|hsm| {
        let key = hsm.key("prod", "fieldseal");
        let wrapped = wrap(&hsm.open().session(&key, &pin()).unwrap(), 7, CONTEXT).unwrap();

        for other in [hsm.key("test", "fieldseal"), hsm.another_key("prod", "billing")] {
            let session = hsm.open().session(&other, &pin()).unwrap();
            refused(ErrorKind::Unlock, unwrap(&session, &wrapped, CONTEXT));

            // The request says whose it is.
            let request = key.unwrap_request(&wrapped, CONTEXT).unwrap();
            refused(ErrorKind::Declaration, session.perform(&request));
        }
    });
}

#[test]
fn what_is_not_there_is_named() {
    each(|hsm| {
        hsm.key("prod", "fieldseal");
        for (uri, missing) in [
            ("pkcs11:token=test;object=fieldseal", "token"),
            ("pkcs11:token=pro;object=fieldseal", "token"),
            ("pkcs11:token=prod;serial=0;object=fieldseal", "token"),
            ("pkcs11:token=prod;model=other;object=fieldseal", "token"),
            ("pkcs11:token=prod;manufacturer=other;object=fieldseal", "token"),
            ("pkcs11:token=prod;object=billing", "key"),
            ("pkcs11:token=prod;object=fieldsea", "key"),
            ("pkcs11:token=prod;object=fieldseal;id=%01", "key"),
        ] {
            let key = Pkcs11Key::from_uri(uri).unwrap();
            let message = refused(ErrorKind::Io, hsm.open().session(&key, &pin()));
            assert!(message.contains(uri) && message.contains(missing), "{message}");
        }
    });
}

#[test]
fn an_ambiguous_name_is_refused() {
    each(|hsm| {
        let key = hsm.key("prod", "fieldseal");
        made_elsewhere(hsm, "prod", "fieldseal", &[Attribute::Id(vec![1])]);
        let message = refused(ErrorKind::InvalidInput, hsm.open().session(&key, &pin()));
        assert!(message.contains("add `id=`"), "{message}");
        let by_id = Pkcs11Key::from_uri("pkcs11:token=prod;id=%01").unwrap();
        hsm.open().session(&by_id, &pin()).unwrap();

        hsm.token("prod");
        let message = refused(ErrorKind::InvalidInput, hsm.open().session(&by_id, &pin()));
        assert!(message.contains("add `serial=`"), "{message}");
        let module = hsm.raw();
        let slots = module.get_slots_with_initialized_token().unwrap();
        let found = slots.into_iter().filter(|slot| {
            let token = module.get_token_info(*slot).unwrap();
            let uri = format!("pkcs11:serial={};id=%01", token.serial_number());
            hsm.open().session(&Pkcs11Key::from_uri(&uri).unwrap(), &pin()).is_ok()
        });
        assert_eq!(found.count(), 1);
    });
}

#[test]
fn the_key_does_not_leave_the_token() {
    each(|hsm| {
        hsm.key("prod", "fieldseal");
        let session = hsm.raw_session("prod");
        let keys = session.find_objects(&[Attribute::Label(b"fieldseal".to_vec())]).unwrap();
        let [key] = keys[..] else { panic!("{} keys", keys.len()) };

        for attribute in [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(32.into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::AlwaysSensitive(true),
            Attribute::Extractable(false),
            Attribute::NeverExtractable(true),
            Attribute::Modifiable(false),
            Attribute::Copyable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
            Attribute::Sign(false),
            Attribute::Verify(false),
            Attribute::Derive(false),
        ] {
            let is = session.get_attributes(key, &[attribute.attribute_type()]).unwrap();
            assert_eq!(is, [attribute]);
        }
        assert_eq!(session.get_attributes(key, &[AttributeType::Value]).unwrap(), []);

        let wrapping = session
            .generate_key(
                &Mechanism::AesKeyGen,
                &[Attribute::ValueLen(32.into()), Attribute::Wrap(true)],
            )
            .unwrap();
        let error = session.wrap_key(&Mechanism::AesKeyWrapPad, wrapping, key).unwrap_err();
        assert!(matches!(error, RawError::Pkcs11(RvError::KeyUnextractable, _)), "{error}");
        for change in [
            Attribute::Extractable(true),
            Attribute::Sensitive(false),
            Attribute::Wrap(true),
            Attribute::Label(b"other".to_vec()),
        ] {
            session.update_attributes(key, std::slice::from_ref(&change)).unwrap_err();
            session.copy_object(key, &[change]).unwrap_err();
        }
    });
}

#[test]
fn a_private_key_is_not_found_without_a_login() {
    each(|hsm| {
        hsm.key("prod", "fieldseal");
        let session = hsm.raw().open_ro_session(hsm.slot("prod")).unwrap();
        let keys = session.find_objects(&[Attribute::Label(b"fieldseal".to_vec())]).unwrap();
        assert_eq!(keys, []);
    });
}

#[test]
fn a_key_is_made_once_and_with_a_label() {
    each(|hsm| {
        let key = hsm.key("prod", "fieldseal");
        let session = hsm.open().session(&key, &pin()).unwrap();
        let wrapped = wrap(&session, 7, CONTEXT).unwrap();
        refused(ErrorKind::InvalidInput, hsm.open().generate_key(&key, &pin()));
        assert_eq!(unwrap(&session, &wrapped, CONTEXT).unwrap().expose(), &[7; 32]);

        let unlabelled = Pkcs11Key::from_uri("pkcs11:token=prod;id=%01").unwrap();
        refused(ErrorKind::InvalidInput, hsm.open().generate_key(&unlabelled, &pin()));
        let both = Pkcs11Key::from_uri("pkcs11:token=prod;object=two;id=%01%FF").unwrap();
        hsm.open().generate_key(&both, &pin()).unwrap();
        let by_id = Pkcs11Key::from_uri("pkcs11:token=prod;id=%01%FF").unwrap();
        hsm.open().session(&by_id, &pin()).unwrap();
        let absent = Pkcs11Key::new("absent", "fieldseal").unwrap();
        refused(ErrorKind::Io, hsm.open().generate_key(&absent, &pin()));
    });
}

#[test]
fn no_slot_is_made_by_a_key_that_could_leave_its_token() {
    each(|hsm| {
        hsm.token("prod");
        for (label, change) in [
            ("extractable", Attribute::Extractable(true)),
            ("readable", Attribute::Sensitive(false)),
            ("public", Attribute::Private(false)),
            ("short", Attribute::ValueLen(16.into())),
        ] {
            made_elsewhere(hsm, "prod", label, &[change]);
            let key = Pkcs11Key::new("prod", label).unwrap();
            let session = hsm.open().session(&key, &pin()).unwrap();
            let message = refused(ErrorKind::InvalidInput, wrap(&session, 7, CONTEXT));
            assert!(message.contains(key.as_str()), "{message}");
        }
        for (label, change) in
            [("wrapping", Attribute::Encrypt(false)), ("sealing", Attribute::Decrypt(false))]
        {
            made_elsewhere(hsm, "prod", label, &[change]);
            let key = Pkcs11Key::new("prod", label).unwrap();
            let session = hsm.open().session(&key, &pin()).unwrap();
            refused(ErrorKind::Io, wrap(&session, 7, CONTEXT));
        }
        // Whoever put it in may have kept it.
        let known = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Value(vec![7; 32]),
            Attribute::Label("known".into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
        ];
        hsm.raw_session("prod").create_object(&known).unwrap();
        let key = Pkcs11Key::new("prod", "known").unwrap();
        let wrapped = wrap(&hsm.open().session(&key, &pin()).unwrap(), 7, CONTEXT);
        refused(ErrorKind::InvalidInput, wrapped);
        made_elsewhere(hsm, "prod", "kept", &[]);
        let key = Pkcs11Key::new("prod", "kept").unwrap();
        wrap(&hsm.open().session(&key, &pin()).unwrap(), 7, CONTEXT).unwrap();
    });
}

#[test]
fn a_reply_answers_its_own_request_only() {
    each(|hsm| {
        let (key, other) = (hsm.key("prod", "fieldseal"), hsm.another_key("prod", "billing"));
        let (session, theirs) = (
            hsm.open().session(&key, &pin()).unwrap(),
            hsm.open().session(&other, &pin()).unwrap(),
        );
        let secret = Secret::from_bytes(&[7; 32]);
        let wrapped = wrap(&session, 7, CONTEXT).unwrap();
        let wrap_request = key.wrap_request(&secret, CONTEXT).unwrap();
        let unwrap_request = key.unwrap_request(&wrapped, CONTEXT).unwrap();

        // What a token decrypted must never be stored as what it encrypted.
        let reply = session.perform(&unwrap_request).unwrap();
        assert_eq!(
            format!("{reply:?}"),
            "Pkcs11Reply(Decrypt by pkcs11:token=prod;object=fieldseal)"
        );
        refused(ErrorKind::Declaration, key.wrapped(reply));
        let reply = session.perform(&wrap_request).unwrap();
        refused(ErrorKind::Declaration, key.slot_key(reply));

        let foreign = other.wrap_request(&secret, CONTEXT).unwrap();
        let reply = theirs.perform(&foreign).unwrap();
        refused(ErrorKind::Declaration, key.wrapped(reply));
        let reply = session.perform(&unwrap_request).unwrap();
        refused(ErrorKind::Declaration, other.slot_key(reply));
    });
}

#[test]
fn a_token_that_is_gone_is_an_outage_and_no_refusal() {
    each(|hsm| {
        let key = hsm.key("prod", "fieldseal");
        let session = hsm.open().session(&key, &pin()).unwrap();
        let wrapped = wrap(&session, 7, CONTEXT).unwrap();

        // Another user of the module in the process ends it for all.
        let module = hsm.open();
        hsm.raw().finalize().unwrap();
        refused(ErrorKind::Io, unwrap(&session, &wrapped, CONTEXT));
        refused(ErrorKind::Io, wrap(&session, 7, CONTEXT));

        let again = module.session(&key, &pin()).unwrap();
        assert_eq!(unwrap(&again, &wrapped, CONTEXT).unwrap().expose(), &[7; 32]);
    });
}

#[test]
fn threads_share_a_module() {
    each(|hsm| {
        let key = hsm.key("prod", "fieldseal");
        std::thread::scope(|threads| {
            for number in 0..8 {
                let key = &key;
                threads.spawn(move || {
                    for _ in 0..20 {
                        let session = hsm.open().session(key, &pin()).unwrap();
                        let wrapped = wrap(&session, number, CONTEXT).unwrap();
                        let secret = unwrap(&session, &wrapped, CONTEXT).unwrap();
                        assert_eq!(secret.expose(), &[number; 32]);
                    }
                });
            }
        });
    });
}

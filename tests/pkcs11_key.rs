//! Which key of which token: the URIs of RFC 7512 that are taken, and those that are refused; and what
//! goes to a token, before there is one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use fieldseal::ErrorKind;
use fieldseal::keyring::Unlock as _;
use fieldseal::pkcs11::{Pkcs11, Pkcs11Key, Pkcs11Pin};
use fieldseal::secret::Secret;
use proptest::prelude::*;

fn uri(text: &str) -> String {
    Pkcs11Key::from_uri(text).unwrap_or_else(|error| panic!("{text}: {error}")).as_str().to_owned()
}

fn refused(text: &str) -> String {
    let Err(error) = Pkcs11Key::from_uri(text) else { panic!("{text} was taken") };
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
    error.to_string()
}

#[test]
fn one_key_has_one_uri() {
    let one = "pkcs11:token=prod;object=fieldseal";
    for same in [
        one,
        "pkcs11:object=fieldseal;token=prod",
        "pkcs11:token=%70rod;object=field%73eal",
        "pkcs11:type=secret-key;token=prod;object=fieldseal",
    ] {
        assert_eq!(uri(same), one);
        assert_eq!(same.parse::<Pkcs11Key>().unwrap(), Pkcs11Key::from_uri(one).unwrap());
    }
    assert_eq!(Pkcs11Key::new("prod", "fieldseal").unwrap().as_str(), one);
    assert_eq!(Pkcs11Key::new("prod", "fieldseal").unwrap().to_string(), one);
    assert_ne!(Pkcs11Key::new("prod", "Fieldseal").unwrap().as_str(), one);
}

#[test]
fn every_attribute_is_taken_in_its_place() {
    assert_eq!(
        uri("pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=1f2e;token=a%2Fb;\
             id=%01%ff;object=k%C3%A9y;type=secret-key"),
        "pkcs11:token=a%2Fb;manufacturer=SoftHSM%20project;model=SoftHSM%20v2;serial=1f2e;\
         object=k%C3%A9y;id=%01%FF"
    );
    assert_eq!(uri("pkcs11:serial=1;id=A"), "pkcs11:serial=1;id=%41");
    // RFC 7512, 2.3: these need no encoding, and get it.
    assert_eq!(
        uri("pkcs11:token=:[]@!$'()*+,=&;object=x"),
        "pkcs11:token=%3A%5B%5D%40%21%24%27%28%29%2A%2B%2C%3D%26;object=x"
    );
}

#[test]
fn a_uri_that_says_too_little_is_refused() {
    for text in [
        "",
        "pkcs11:",
        "pkcs11:token=prod",
        "pkcs11:object=fieldseal",
        "pkcs11:manufacturer=x;model=y;object=fieldseal",
        "pkcs11:token=;object=fieldseal",
        "pkcs11:token=prod;object=",
        "pkcs11:token=prod;id=",
        "pkcs11:token=prod;type=secret-key",
    ] {
        refused(text);
    }
}

#[test]
fn a_uri_that_is_none_is_refused() {
    for text in [
        "prod",
        "token=prod;object=fieldseal",
        "PKCS11:token=prod;object=fieldseal",
        " pkcs11:token=prod;object=fieldseal",
        "pkcs11:token=prod;object=fieldseal ",
        "pkcs11:token=prod;object=fieldseal;",
        "pkcs11:;token=prod;object=fieldseal",
        "pkcs11:token=prod;;object=fieldseal",
        "pkcs11:token;object=fieldseal",
        "pkcs11://token=prod;object=fieldseal",
        "pkcs11:token=prod/object=fieldseal",
        "pkcs11:token=prod;object=fieldseal#1",
        "pkcs11:token=prod;object=field seal",
        "pkcs11:token=prod;object=field\nseal",
        "pkcs11:token=prod;object=schlüssel",
        "pkcs11:token=prod;object=%",
        "pkcs11:token=prod;object=%4",
        "pkcs11:token=prod;object=%4g",
        "pkcs11:token=prod;object=%+4",
        "pkcs11:token=prod;object=%ff",
    ] {
        refused(text);
    }
}

#[test]
fn an_attribute_stands_once() {
    for name in ["token", "manufacturer", "model", "serial", "object", "id", "type"] {
        let text = format!(
            "pkcs11:token=t;manufacturer=m;model=o;serial=s;object=b;id=i;type=secret-key;{name}={}",
            if name == "type" { "secret-key" } else { "x" }
        );
        assert!(refused(&text).contains(&format!("`{name}` stands twice")), "{name}");
    }
}

#[test]
fn what_is_not_compared_is_refused_by_name() {
    for name in ["slot-id", "slot-description", "library-version", "x-vendor", "tokens", "objects"]
    {
        let text = format!("pkcs11:token=prod;object=fieldseal;{name}=1");
        assert!(refused(&text).contains(&format!("`{name}`")), "{name}");
    }
    for kind in ["private", "public", "cert", "data", "secret", "Secret-Key", ""] {
        refused(&format!("pkcs11:token=prod;object=fieldseal;type={kind}"));
    }
}

#[test]
fn no_refusal_repeats_what_may_be_a_pin() {
    for text in [
        "pkcs11:token=prod;object=fieldseal?pin-value=hunter2",
        "pkcs11:token=prod;object=fieldseal?hunter2",
        "pkcs11:token=prod;object=fieldseal;pin-value=hunter2",
        "pkcs11:token=prod;object=fieldseal;hunter2",
        "pkcs11:token=prod;object=fieldseal;HUNTER2 hunter2=1",
        "pkcs11:token=prod;object=hunter2%",
        "hunter2",
    ] {
        assert!(!refused(text).to_lowercase().contains("hunter2"), "{text}");
    }
    for text in ["?pin-value=1", "?module-name=m", "?", ";pin-value=1", ";pin-source=file"] {
        let text = format!("pkcs11:token=prod;object=fieldseal{text}");
        assert!(refused(&text).contains("recorded in ring documents"), "{text}");
    }
}

#[test]
fn what_no_token_could_hold_is_refused() {
    let of = |token: usize, serial: usize| {
        Pkcs11Key::from_uri(&format!(
            "pkcs11:token={};serial={};object=x",
            "t".repeat(token),
            "s".repeat(serial)
        ))
    };
    of(32, 16).unwrap();
    assert_eq!(of(33, 16).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(of(32, 17).unwrap_err().kind(), ErrorKind::InvalidInput);

    // `pkcs11:token=t;object=` has 22 bytes of the 512 that a slot records.
    assert_eq!(Pkcs11Key::new("t", &"x".repeat(490)).unwrap().as_str().len(), 512);
    assert_eq!(Pkcs11Key::new("t", &"x".repeat(491)).unwrap_err().kind(), ErrorKind::InvalidInput);
    // Encoded it is longer.
    assert_eq!(Pkcs11Key::new("t", &" ".repeat(164)).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(Pkcs11Key::new("", "x").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(Pkcs11Key::new("t", "").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_request_and_a_pin_show_no_secret() {
    let key = Pkcs11Key::new("prod", "fieldseal").unwrap();
    let request = key.wrap_request(&Secret::from_bytes(&[b'Q'; 32]), b"context").unwrap();
    assert_eq!(
        format!("{request:?}"),
        "Pkcs11Request(Encrypt by pkcs11:token=prod;object=fieldseal)"
    );
    assert_eq!(format!("{:?}", Pkcs11Pin::new("hunter2").unwrap()), "Pkcs11Pin");
}

#[test]
fn a_pin_that_cannot_be_one_is_not_tried() {
    for pin in ["", "1234\n", "12\t34", "1234\r\n", "\0"] {
        let error = Pkcs11Pin::new(pin).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!error.to_string().contains("1234"));
    }
    Pkcs11Pin::new("with a space and an é").unwrap();
}

#[test]
fn what_a_slot_keeps_has_one_length() {
    let key = Pkcs11Key::new("prod", "fieldseal").unwrap();
    assert_eq!(key.service(), "pkcs11");
    key.unwrap_request(&[7; 60], b"context").unwrap();
    for length in (0..200).filter(|length| *length != 60) {
        let error = key.unwrap_request(&vec![7; length], b"context").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unlock, "{length}");
    }
}

#[test]
fn a_module_is_given_by_its_whole_path_and_must_be_one() {
    for path in ["", "libsofthsm2.so", "./libsofthsm2.so", "../libsofthsm2.so"] {
        assert_eq!(Pkcs11::open(path).unwrap_err().kind(), ErrorKind::InvalidInput, "{path}");
    }
    let here = std::env::current_dir().unwrap();
    for path in ["no-such-module.so", "Cargo.toml", "src", ""] {
        let path = here.join(path);
        let error = Pkcs11::open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains(&*path.display().to_string()), "{error}");
    }
}

proptest! {
    #[test]
    fn any_labels_come_back(token in ".{1,8}", object in ".{1,30}") {
        let key = Pkcs11Key::new(&token, &object);
        prop_assume!(key.is_ok());
        let key = key.unwrap();
        prop_assert!(key.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert_eq!(&Pkcs11Key::from_uri(key.as_str()).unwrap(), &key);
    }

    #[test]
    fn keys_are_equal_as_their_uris_are(a in "pkcs11:(token=[ab%41]{1,5}|serial=[ab%42]{1,5}|;){1,3};id=x",
                                        b in "pkcs11:(token=[ab%41]{1,5}|serial=[ab%42]{1,5}|;){1,3};id=x") {
        if let (Ok(a), Ok(b)) = (Pkcs11Key::from_uri(&a), Pkcs11Key::from_uri(&b)) {
            prop_assert_eq!(a == b, a.as_str() == b.as_str());
        }
    }

    #[test]
    fn no_text_is_a_panic(text in "(pkcs11:)?[a-z0-9=;%?:./ é-]{0,60}") {
        if let Ok(key) = Pkcs11Key::from_uri(&text) {
            prop_assert_eq!(&Pkcs11Key::from_uri(key.as_str()).unwrap(), &key);
            prop_assert!((1..=512).contains(&key.as_str().len()));
        }
    }
}

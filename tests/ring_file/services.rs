//! Slots of an outside key service; here one in this process, which knows whom it wrapped what for.

use fieldseal::keyring::{LockedRing, RingDocument, SlotKind, Unlock};
use fieldseal::secret::Secret;
use fieldseal::{Error, ErrorKind, SharedRing};

use super::common::ring::{Folder, document, error, key, whole};

/// A service's key. It binds what it encrypts to the context, as AEADs do; here by keeping it.
struct Vault {
    key: String,
    /// How many bytes it has the slot keep; 0: as they are.
    pads_to: usize,
}

enum Ask {
    Encrypt(Vec<u8>, Vec<u8>),
    Decrypt(Vec<u8>, Vec<u8>),
}

impl Vault {
    fn new(key: &str) -> Self {
        Self { key: key.into(), pads_to: 0 }
    }

    /// What the service does elsewhere.
    fn answer(&self, ask: Ask) -> Vec<u8> {
        let mask = self.key.bytes().fold(0x5A_u8, u8::wrapping_add);
        let masked = |bytes: &[u8]| bytes.iter().map(|byte| byte ^ mask).collect::<Vec<_>>();
        match ask {
            Ask::Encrypt(plaintext, context) => {
                [&[u8::try_from(context.len()).unwrap()], &*context, &masked(&plaintext)].concat()
            }
            Ask::Decrypt(wrapped, context) => {
                let (bound, rest) = wrapped[1..].split_at(usize::from(wrapped[0]));
                if bound == context { masked(&rest[..32]) } else { Vec::new() }
            }
        }
    }
}

impl Unlock for Vault {
    type Request = Ask;
    type Reply = Vec<u8>;

    fn service(&self) -> &str {
        "vault"
    }
    fn key(&self) -> &str {
        &self.key
    }
    fn wrap_request(&self, slot_key: &Secret<32>, context: &[u8]) -> Result<Ask, Error> {
        Ok(Ask::Encrypt(slot_key.expose().to_vec(), context.to_vec()))
    }
    fn wrapped(&self, mut reply: Vec<u8>) -> Result<Vec<u8>, Error> {
        if self.pads_to > 0 {
            reply.resize(self.pads_to, 0);
        }
        Ok(reply)
    }
    fn unwrap_request(&self, wrapped: &[u8], context: &[u8]) -> Result<Ask, Error> {
        Ok(Ask::Decrypt(wrapped.to_vec(), context.to_vec()))
    }
    fn slot_key(&self, reply: Vec<u8>) -> Result<Secret<32>, Error> {
        let bytes = reply.as_slice().try_into();
        Ok(Secret::from_bytes(bytes.map_err(|_| Error::value("the vault decrypted nothing"))?))
    }
}

fn add(document: &mut RingDocument, vault: &Vault) -> Result<u16, Error> {
    let (pending, ask) = document.begin_service_slot("production", vault)?;
    document
        .finish_service_slot(pending, vault, vault.answer(ask))
        .map(fieldseal::keyring::SlotId::get)
}

fn with(vaults: &[&Vault]) -> (RingDocument, LockedRing) {
    let mut document = document();
    for vault in vaults {
        add(&mut document, vault).unwrap();
    }
    let json = document.to_json().unwrap();
    (document, LockedRing::from_json(json.as_bytes()).unwrap())
}

fn open(locked: &LockedRing, vault: &Vault) -> Result<RingDocument, Error> {
    locked.unlock_service(vault, vault.answer(locked.unlock_request(vault)?))
}

#[test]
fn a_service_opens_its_slot() {
    let vault = Vault::new("keys/production");
    let (document, locked) = with(&[&vault]);
    let opened = open(&locked, &vault).unwrap();
    assert_eq!(whole(opened.ring()), whole(document.ring()));
    assert_eq!(opened.opened_by().unwrap().get(), 2);
    assert!(matches!(
        locked.slots()[1].kind(),
        SlotKind::Service { service: "vault", key: "keys/production", .. }
    ));
    // And keeps it through a new master key.
    let mut opened = opened;
    assert_eq!(opened.rekey().unwrap().len(), 1);
    let json = opened.to_json().unwrap();
    let locked = LockedRing::from_json(json.as_bytes()).unwrap();
    assert!(open(&locked, &vault).is_ok() && locked.unlock(&key(1)).is_err());
}

#[test]
fn another_key_of_the_service_has_no_slot() {
    let (_, locked) = with(&[&Vault::new("a")]);
    let refused = error(open(&locked, &Vault::new("b")));
    assert_eq!(refused.kind(), ErrorKind::Unlock);
    let text = refused.to_string();
    assert!(text.contains("no slot is of the vault key `b`"), "{text}");
    assert!(text.contains("slot 2 `production`: vault key `a`"), "{text}");
}

/// A service of the same name and key that is another one: it decrypts to something else.
#[test]
fn a_wrong_reply_is_like_a_wrong_passphrase() {
    let vault = Vault::new("a");
    let (_, locked) = with(&[&vault, &Vault::new("b")]);
    let usual = error(locked.unlock(&key(9))).to_string();
    let reply = vault.answer(locked.unlock_request(&vault).unwrap());
    for at in 0..32 {
        let mut altered = reply.clone();
        altered[at] ^= 1;
        let refused = error(locked.unlock_service(&vault, altered));
        assert_eq!((refused.kind(), refused.to_string()), (ErrorKind::Unlock, usual.clone()));
    }
    // The reply for another slot, and for another document.
    let other = Vault::new("b");
    let of_other_slot = other.answer(locked.unlock_request(&other).unwrap());
    let (_, elsewhere) = with(&[&vault]);
    let of_elsewhere = vault.answer(elsewhere.unlock_request(&vault).unwrap());
    for reply in [of_other_slot, of_elsewhere] {
        let refused = error(locked.unlock_service(&vault, reply));
        assert_eq!((refused.kind(), refused.to_string()), (ErrorKind::Unlock, usual.clone()));
    }
    // One that is no answer at all is the service's own error.
    let none = error(locked.unlock_service(&vault, Vec::new()));
    assert_eq!(none.kind(), ErrorKind::InvalidInput);
    assert!(none.to_string().contains("the vault decrypted nothing"));
}

/// The context differs by document and slot, so a service that binds to it decrypts nothing that was
/// moved.
#[test]
fn the_context_is_of_one_document_and_slot() {
    let context = |document: &RingDocument| match document.begin_service_slot("", &Vault::new("a"))
    {
        Ok((_, Ask::Encrypt(_, context))) => context,
        _ => panic!("it asks to encrypt"),
    };
    let mut document = document();
    let first = context(&document);
    assert_eq!(first, context(&document), "the same, however often it is begun");
    document.add_slot("second", &key(2)).unwrap();
    assert_ne!(first, context(&document));
    assert_ne!(first, context(&super::document()));
}

#[test]
fn a_key_of_a_service_has_one_slot() {
    let vault = Vault::new("a");
    let mut document = document();
    // Begun twice, with an answer for each: the second is late.
    let (pending, ask) = document.begin_service_slot("one", &vault).unwrap();
    let (late, late_ask) = document.begin_service_slot("two", &vault).unwrap();
    document.finish_service_slot(pending, &vault, vault.answer(ask)).unwrap();
    let refused = error(document.finish_service_slot(late, &vault, vault.answer(late_ask)));
    assert_eq!(refused.kind(), ErrorKind::FailedPrecondition);
    assert!(refused.to_string().contains("begin again"), "{refused}");
    let refused = error(document.begin_service_slot("two", &vault));
    assert!(refused.to_string().contains("has a slot already"), "{refused}");
    assert_eq!(add(&mut document, &Vault::new("b")).unwrap(), 3);
}

#[test]
fn a_slot_that_was_begun_elsewhere_or_before_others_is_not_finished() {
    let vault = Vault::new("a");
    let (mut document, mut other) = (document(), document());
    let (pending, ask) = document.begin_service_slot("one", &vault).unwrap();
    let refused = error(other.finish_service_slot(pending, &vault, vault.answer(ask)));
    assert_eq!(refused.kind(), ErrorKind::FailedPrecondition);

    let (pending, ask) = document.begin_service_slot("one", &vault).unwrap();
    document.add_slot("in between", &key(2)).unwrap();
    let refused = error(document.finish_service_slot(pending, &vault, vault.answer(ask)));
    assert_eq!(refused.kind(), ErrorKind::FailedPrecondition);
    assert_eq!(document.slots().len(), 2);

    // A rekey in between does no harm: the slot wraps the master key that is then.
    let (pending, ask) = document.begin_service_slot("one", &vault).unwrap();
    document.rekey().unwrap();
    document.finish_service_slot(pending, &vault, vault.answer(ask)).unwrap();
    let json = document.to_json().unwrap();
    assert!(open(&LockedRing::from_json(json.as_bytes()).unwrap(), &vault).is_ok());
}

#[test]
fn a_service_keeps_1_to_4096_bytes() {
    let long = Vault { key: "long".into(), pads_to: 4_097 };
    let refused = error(add(&mut document(), &long));
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("4,096"), "{refused}");
    let mut document = document();
    let (pending, _) = document.begin_service_slot("", &Vault::new("none")).unwrap();
    let none = document.finish_service_slot(pending, &Vault::new("none"), Vec::new());
    assert_eq!(error(none).kind(), ErrorKind::InvalidInput);

    let most = Vault { key: "most".into(), pads_to: 4_096 };
    let (_, locked) = with(&[&most]);
    assert!(open(&locked, &most).is_ok());
}

#[test]
fn a_service_and_its_key_have_names() {
    let document = document();
    let long = "x".repeat(513);
    for bad in ["", &long, "a\nb", "\x1b[0m"] {
        let refused = error(document.begin_service_slot("", &Vault::new(bad)));
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{bad:?}");
    }
    assert!(document.begin_service_slot("", &Vault::new(&long[1..])).is_ok());
    assert!(
        error(document.begin_service_slot("a\nb", &Vault::new("a"))).to_string().contains("label")
    );
}

#[test]
fn a_server_follows_a_file_that_a_service_opens() {
    let (folder, vault) = (Folder::new(), Vault::new("a"));
    let mut document = document();
    add(&mut document, &vault).unwrap();
    let file = folder.ring_of(&mut document);
    let shared = SharedRing::open_with(file.clone(), |locked| open(locked, &vault)).unwrap();
    file.update(&key(1), |_| Ok(())).unwrap();
    // The service is not asked again, nor after a new master key.
    assert!(shared.refresh().unwrap());
    file.update_with(|locked| open(locked, &vault), RingDocument::rekey).unwrap();
    assert!(shared.refresh().unwrap());
    assert_eq!(shared.generation(), 3);
}

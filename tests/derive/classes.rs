//! Who reads a record is what its classes declare, whatever a service put into the envelope.

use fieldseal::{Class, DataKeys, ErrorKind, KeyRing, Record, SealedRecord as _};

use super::{CONTACT, FINANCIAL, ring};

const MAIL: Class = Class::new("mail").readers(&["app"]);

#[derive(Record, Debug, PartialEq)]
#[record(name = "customer", single_row, sealed(derive(Clone)))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = MAIL))]
    email: String,
    #[record(seal(class = FINANCIAL))]
    card: Option<String>,
}

fn ada() -> Customer {
    Customer { id: 42, email: "ada@example.com".into(), card: Some("4111111111111111".into()) }
}

/// The same record in the code of the billing service, which declares another reader of the class.
mod billing {
    use super::*;

    pub(super) const OWN_MAIL: Class = Class::new("mail").readers(&["billing"]);

    #[derive(Record, Debug, PartialEq)]
    #[record(name = "customer", single_row)]
    pub(super) struct Customer {
        #[record(subject)]
        pub(super) id: i64,
        #[record(seal(class = OWN_MAIL))]
        pub(super) email: String,
        #[record(seal(class = FINANCIAL))]
        pub(super) card: Option<String>,
    }
}

/// The row with what the billing service seals under keys of its own making.
fn forged(row: SealedCustomer, service: &KeyRing) -> SealedCustomer {
    let mut edit = row.keys.edit(service, 42).unwrap();
    edit.renew(billing::OWN_MAIL).unwrap();
    let keys = edit.finish().unwrap();
    let own = billing::Customer { id: 42, email: "eve@example.com".into(), card: None };
    let own = own.seal_under(service, &keys).unwrap();
    assert_eq!(own.keys, keys);
    assert_eq!(own.open(service, 42).unwrap().email, "eve@example.com");
    SealedCustomer { id: 42, email: own.email, card: row.card, keys }
}

#[test]
fn a_service_cannot_make_keys_for_a_class_that_is_not_its_own() {
    let ring = ring();
    let service = ring.subset(&["billing"]).unwrap().into_ring();
    let row = ada().seal_new(&ring).unwrap();
    let kept = row.email.clone();
    let forged = forged(row, &service);

    // Both roles are in this ring, and it opens the forged keys by one that does not count.
    let both = ring.subset(&["app", "billing"]).unwrap().into_ring();
    for ring in [&both, &ring, &ring.subset(&["app"]).unwrap().into_ring()] {
        let error = forged.open(ring, 42).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::NotPermitted, Some("email")));
        let partial = forged.open_partial(ring, 42).unwrap();
        assert_eq!(partial.email.unwrap_err().kind(), ErrorKind::NotPermitted);
        let keys = forged.unwrap_keys(ring, 42).unwrap();
        let error = forged.open_with(&keys).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotPermitted);
        let error = customer::EMAIL.open(&keys, &forged.email).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotPermitted);
        // What was sealed before still opens.
        assert_eq!(customer::EMAIL.open(&keys, &kept).unwrap(), "ada@example.com");

        // It seals nothing under them.
        let error = customer::EMAIL.seal(&keys, &"secret".into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotPermitted);
        assert_eq!(ada().seal_with(&keys).map(drop).unwrap_err().kind(), ErrorKind::NotPermitted);
    }

    let open = |row: &SealedCustomer| row.open(&both, 42).unwrap();
    let reached_by_service = |row: &SealedCustomer| {
        let own = billing::SealedCustomer {
            id: 42,
            email: row.email.clone(),
            card: row.card.clone(),
            keys: row.keys.clone(),
        };
        (own.open_partial(&service, 42).unwrap().email, row.unwrap_keys(&service, 42).unwrap())
    };

    // A whole row is sealed under the next keys, which the service does not reach.
    let under = ada().seal_under(&both, &forged.keys).unwrap();
    assert_ne!(under.keys, forged.keys);
    assert_eq!(open(&under), ada());
    let (email, keys) = reached_by_service(&under);
    assert_eq!(email.unwrap_err().kind(), ErrorKind::NotPermitted);
    for field in [customer::EMAIL, billing::customer::EMAIL] {
        let error = field.open(&keys, &under.email).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotPermitted);
    }

    // So is a single field under keys that were prepared.
    let keys = forged.keys.prepare(&both, 42, [MAIL]).unwrap();
    let email = customer::EMAIL.seal(&keys, &"ada@example.org".into()).unwrap();
    let updated = SealedCustomer { email, keys: keys.envelope().clone(), ..forged };
    assert_ne!(updated.keys, under.keys);
    assert_eq!(open(&updated).email, "ada@example.org");
    let (email, _) = reached_by_service(&updated);
    assert_eq!(email.unwrap_err().kind(), ErrorKind::NotPermitted);
}

#[test]
fn a_former_class_is_judged_by_its_own_declaration() {
    const OWN_FORMER: Class = Class::new("former").readers(&["billing"]);
    const FORMER: Class = Class::new("former");

    #[derive(Record)]
    #[record(name = "customer", single_row)]
    struct Moved {
        #[record(subject)]
        id: i64,
        #[record(seal(class = CONTACT, was = FORMER))]
        email: String,
    }

    #[derive(Record)]
    #[record(name = "customer", single_row)]
    struct Before {
        #[record(subject)]
        id: i64,
        #[record(seal(class = FORMER))]
        email: String,
    }

    #[derive(Record)]
    #[record(name = "customer", single_row)]
    struct Forged {
        #[record(subject)]
        id: i64,
        #[record(seal(class = OWN_FORMER))]
        email: String,
    }

    let ring = ring();
    let service = ring.subset(&["billing"]).unwrap().into_ring();
    let row = Before { id: 42, email: "ada@example.com".into() }.seal_new(&ring).unwrap();
    let row = SealedMoved { id: row.id, email: row.email, keys: row.keys };
    let opened = row.open(&ring, 42).unwrap();
    assert_eq!((opened.id, opened.email.as_str()), (42, "ada@example.com"));

    let forged = Forged { id: 42, email: "eve@example.com".into() }.seal_new(&service).unwrap();
    let row = SealedMoved { id: forged.id, email: forged.email, keys: forged.keys };
    let error = row.open(&ring, 42).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPermitted);
    let keys = row.unwrap_keys(&ring, 42).unwrap();
    let error = row.open_with(&keys).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPermitted);
}

const NEWS: Class =
    Class::new("news").readers(&["app"]).readers_with_consent(&["marketing", "partner"]);

#[test]
fn keys_can_be_made_for_roles_that_have_consented() {
    #[derive(Record, Debug, PartialEq)]
    #[record(name = "reader", single_row, keys = "external")]
    struct Reader {
        #[record(subject)]
        id: i64,
        #[record(seal(class = NEWS))]
        email: String,
        #[record(seal(class = CONTACT))]
        phone: Option<String>,
    }

    let mut ring = ring();
    ring.add_role("marketing").unwrap();
    ring.add_role("partner").unwrap();
    let of = |role| ring.subset(&[role]).unwrap().into_ring();
    let reader = Reader { id: 42, email: "ada@example.com".into(), phone: Some("1".into()) };

    let classes = [NEWS.consented_to(&["marketing"]), CONTACT.consented_to(&[])];
    let keys = DataKeys::create(&ring, 42, classes).unwrap();
    let row = reader.seal_with(&keys).unwrap();
    let envelope = keys.envelope();
    let opened = |role| {
        let keys = envelope.unwrap(&of(role), 42).unwrap();
        let partial = row.open_partial_with(&keys).unwrap();
        let kind = |result: Result<(), fieldseal::Error>| result.map_err(|error| error.kind());
        [kind(partial.email.map(drop)), kind(partial.phone.map(drop))]
    };
    let refused = Err(ErrorKind::NotPermitted);
    assert_eq!(opened("app"), [Ok(()), Ok(())]);
    assert_eq!(opened("marketing"), [Ok(()), refused]);
    assert_eq!(opened("partner"), [refused, refused]);
    assert_eq!(opened("support"), [refused, Ok(())]);
    let keys = envelope.unwrap(&of("marketing"), 42).unwrap();
    assert_eq!(reader::EMAIL.open(&keys, &row.email).unwrap(), reader.email);

    // Without a name nobody has consented, and only who is declared can be named.
    let keys = DataKeys::create(&ring, 42, [NEWS, CONTACT]).unwrap();
    let row = reader.seal_with(&keys).unwrap();
    let keys = keys.envelope().unwrap(&of("marketing"), 42).unwrap();
    assert_eq!(row.open_with(&keys).unwrap_err().kind(), ErrorKind::NotPermitted);
    let undeclared = DataKeys::create(&ring, 42, NEWS.consented_to(&["support"]));
    assert_eq!(undeclared.map(drop).unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// A card whose mask brings a class of its own.
#[derive(Record)]
#[record(name = "payer", single_row, keys = "external")]
struct Payer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = NEWS))]
    email: String,
    #[record(seal(class = FINANCIAL), mask(last4, readers = ["billing", "app"]))]
    card: Option<String>,
}

#[test]
fn a_consent_that_is_named_leaves_out_no_class_of_the_schema() {
    let mut ring = ring();
    for role in ["marketing", "partner"] {
        ring.add_role(role).unwrap();
    }
    let payer = |card: Option<&str>| Payer {
        id: 42,
        email: "ada@example.com".into(),
        card: card.map(Into::into),
    };
    let consented = NEWS.consented_to(&["marketing"]);
    let keys = DataKeys::create(&ring, 42, (Payer::SCHEMA, consented)).unwrap();
    for card in [None, Some("4111111111111111")] {
        payer(card).seal_with(&keys).unwrap();
    }
    let marketing = ring.subset(&["marketing"]).unwrap().into_ring();
    let theirs = keys.envelope().unwrap(&marketing, 42).unwrap();
    assert_eq!(theirs.reached(), ["news"], "it consented to nothing else");

    // The classes that are not named are prepared too, as `prepare` does it.
    let prepared = keys.envelope().prepare(&ring, 42, (Payer::SCHEMA, consented)).unwrap();
    payer(Some("4111111111111111")).seal_with(&prepared).unwrap();

    // A class named twice with different consents, or declared in another way than the schema does.
    let declared_otherwise = Class::new("news").readers_with_consent(&["marketing"]);
    let others = [
        vec![NEWS.consented_to(&["marketing"]), NEWS.consented_to(&[])],
        vec![declared_otherwise.consented_to(&["marketing"])],
    ];
    for consented in others {
        let made = DataKeys::create(&ring, 42, (Payer::SCHEMA, consented));
        assert_eq!(made.map(drop).unwrap_err().kind(), ErrorKind::Declaration);
    }
}

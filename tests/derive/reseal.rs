//! Rows resealed: after a withdrawal, a renewal, a change of class.

use std::sync::Mutex;

use fieldseal::audit::{Action, AuditRefused, AuditSink, Event};
use fieldseal::envelope::{EnvelopeEdit, History};
use fieldseal::field::NotNull;
use fieldseal::record::FieldSchema;
use fieldseal::{
    Access, Class, DataKeys, Error, ErrorKind, KeyEnvelope, KeyRing, KeyStore as _, MemoryKeyStore,
    Record, Sealed, SealedRecord as _,
};

use super::FINANCIAL;

const CONTACT: Class = Class::new("contact").readers(&["app"]).readers_with_consent(&["marketing"]);
const NOW: u64 = 1_800_000_000;

#[derive(Record, Debug, PartialEq)]
#[record(name = "customer", single_row, sealed(derive(Clone, Debug, PartialEq)))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    email: String,
    #[record(seal(class = CONTACT, id = "tel", on_erased = none))]
    phone: Option<String>,
    #[record(seal(class = FINANCIAL))]
    card: Option<String>,
    #[record(seal(class = CONTACT, default))]
    language: String,
    plan: String,
}

fn ring() -> KeyRing {
    let mut ring = super::ring();
    ring.add_role("marketing").unwrap();
    ring
}

fn at(ring: &KeyRing) -> Access<'_> {
    Access::new(ring).at(NOW)
}

fn ada() -> Customer {
    Customer {
        id: 1,
        email: "ada@example.com".into(),
        phone: Some("+49 30 901820".into()),
        card: Some("4242".into()),
        language: "eo".into(),
        plan: "plus".into(),
    }
}

fn changed(
    ring: &KeyRing,
    keys: &KeyEnvelope,
    change: impl FnOnce(&mut EnvelopeEdit<'_>) -> Result<(), Error>,
) -> KeyEnvelope {
    let mut edit = keys.edit(at(ring), 1).unwrap();
    change(&mut edit).unwrap();
    edit.finish().unwrap()
}

fn ids(fields: &[&'static FieldSchema<'static>]) -> Vec<&'static str> {
    fields.iter().map(|field| field.id).collect()
}

#[test]
fn fields_under_older_generations_move_and_the_others_stay_byte_for_byte() {
    let ring = ring();
    let row = ada().seal_new(at(&ring)).unwrap();
    let same = row.reseal(at(&ring), 1).unwrap();
    assert!(!same.is_changed());
    assert_eq!((same.row, same.fields.len(), same.gone.len()), (row.clone(), 0, 0));

    let mut read = row.clone();
    read.keys = changed(&ring, &row.keys, |edit| edit.renew(CONTACT));
    let resealed = read.reseal(at(&ring), 1).unwrap();
    assert!(resealed.is_changed());
    assert_eq!(ids(&resealed.fields), ["email", "tel", "language"]);
    assert_eq!(resealed.columns().collect::<Vec<_>>(), ["email", "phone", "language"]);
    assert_eq!(ids(&resealed.gone), [""; 0]);
    let new = resealed.row;
    assert_eq!(new.open(at(&ring), 1).unwrap(), ada());
    assert!(new.email != read.email && new.phone != read.phone && new.language != read.language);
    assert_eq!((&new.card, &new.keys, &new.plan), (&read.card, &read.keys, &read.plan));
    assert_eq!(new.reseal(at(&ring), 1).unwrap().row, new, "once");

    // One column was updated meanwhile: it is under the newest generation, and stays.
    let keys = read.unwrap_keys(at(&ring), 1).unwrap();
    let mut updated = read.clone();
    updated.email = customer::EMAIL.update(&keys, &"ada@example.org".into()).unwrap().value;
    let resealed = updated.reseal_with(&keys).unwrap();
    assert_eq!(ids(&resealed.fields), ["tel", "language"]);
    assert_eq!(resealed.row.email, updated.email);
}

/// The whole of a withdrawal: out of the envelope, and out of what it opened before.
#[test]
fn withdrawn_role_opens_no_column_of_a_resealed_row() {
    let ring = ring();
    let marketing = ring.subset(&["marketing"]).unwrap().into_ring();
    let mut row = ada().seal_new(at(&ring)).unwrap();
    row.keys =
        changed(&ring, &row.keys, |edit| edit.grant(CONTACT, "marketing", History::Included));
    let kept = row.keys.clone();
    assert_eq!(row.open_partial(at(&marketing), 1).unwrap().email.unwrap(), "ada@example.com");

    row.keys = changed(&ring, &row.keys, |edit| edit.withdraw(CONTACT, "marketing"));
    let mut row = row.reseal(at(&ring), 1).unwrap().row;
    for (keys, expected) in
        [(row.keys.clone(), ErrorKind::NotPermitted), (kept, ErrorKind::WrongKey)]
    {
        row.keys = keys;
        let partial = row.open_partial(at(&marketing), 1).unwrap();
        assert_eq!(partial.email.unwrap_err().kind(), expected);
        assert_eq!(partial.phone.unwrap_err().kind(), expected, "not taken for erased");
        assert_eq!(partial.language.unwrap_err().kind(), expected);
    }
}

#[test]
fn erased_fields_stay_and_are_named() {
    let ring = ring();
    let mut row = ada().seal_new(at(&ring)).unwrap();
    row.keys = changed(&ring, &row.keys, |edit| {
        edit.erase_class("financial")?;
        edit.renew(FINANCIAL)?;
        edit.renew(CONTACT)
    });
    let resealed = row.reseal(at(&ring), 1).unwrap();
    assert_eq!(ids(&resealed.fields), ["email", "tel", "language"]);
    assert_eq!(ids(&resealed.gone), ["card"]);
    assert_eq!(resealed.row.card, row.card);

    row.keys = changed(&ring, &row.keys, |edit| edit.erase_subject());
    let resealed = row.reseal(at(&ring), 1).unwrap();
    assert!(!resealed.is_changed());
    assert_eq!(ids(&resealed.gone), ["email", "tel", "card", "language"]);
    assert_eq!(resealed.row, row);
}

#[test]
fn null_columns_stay_null() {
    let ring = ring();
    let mut row = Customer { phone: None, card: None, ..ada() }.seal_new(at(&ring)).unwrap();
    row.language = None;
    row.keys = changed(&ring, &row.keys, |edit| {
        edit.renew(FINANCIAL)?;
        edit.renew(CONTACT)
    });
    let resealed = row.reseal(at(&ring), 1).unwrap();
    assert_eq!(ids(&resealed.fields), ["email"]);
    assert_eq!((resealed.row.phone, resealed.row.card, resealed.row.language), (None, None, None));
}

#[test]
fn field_that_cannot_be_opened_is_named_and_the_row_refused() {
    let ring = ring();
    let mut row = ada().seal_new(at(&ring)).unwrap();
    row.keys = changed(&ring, &row.keys, |edit| {
        edit.renew(FINANCIAL)?;
        edit.renew(CONTACT)
    });
    let app = ring.subset(&["app"]).unwrap().into_ring();
    let error = row.reseal(at(&app), 1).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotPermitted, Some("card")));

    let mut forged = row.email.clone().into_bytes();
    *forged.last_mut().unwrap() ^= 1;
    let mut altered = row.clone();
    altered.email = Sealed::from_bytes(forged);
    let error = altered.reseal(at(&ring), 1).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Tampered, Some("email")));

    assert_eq!(row.reseal(at(&ring), 2).unwrap_err().kind(), ErrorKind::WrongSubject);
    let floor = at(&ring).version_floor(9);
    assert_eq!(row.reseal(floor, 1).unwrap_err().kind(), ErrorKind::RolledBack);
    let other = DataKeys::create(at(&ring), 2, [CONTACT, FINANCIAL]).unwrap();
    assert_eq!(row.reseal_with(&other).unwrap_err().kind(), ErrorKind::WrongSubject);
}

/// A field moves to another class, and `was` can be taken out.
#[test]
fn row_of_a_former_class_moves() {
    #[derive(Record)]
    #[record(name = "note", single_row, sealed(name = OldRow), partial(name = OldPart))]
    struct Old {
        #[record(subject)]
        id: i64,
        #[record(seal)]
        text: String,
        #[record(seal(class = CONTACT))]
        reply_to: String,
    }
    #[derive(Record)]
    #[record(name = "note", single_row, sealed(name = MovedRow), partial(name = MovedPart), module = moved)]
    struct Moved {
        #[record(subject)]
        id: i64,
        #[record(seal(class = CONTACT, was = Class::PERSONAL))]
        text: String,
        #[record(seal(class = CONTACT))]
        reply_to: String,
    }
    let ring = ring();
    let old = Old { id: 1, text: "call back".into(), reply_to: "ada".into() }.seal_new(at(&ring));
    let OldRow { id, text, reply_to, keys } = old.unwrap();
    let row = MovedRow { id, text, reply_to, keys };
    let resealed = row.reseal(at(&ring), 1).unwrap();
    assert_eq!(ids(&resealed.fields), ["text"]);
    let mut moved = resealed.row;
    moved.keys = changed(&ring, &moved.keys, |edit| edit.erase_class("personal"));
    let opened = moved.open(at(&ring), 1).unwrap();
    assert_eq!((&*opened.text, &*opened.reply_to), ("call back", "ada"));
    assert!(moved::TEXT.class() == CONTACT && old::TEXT.class() == Class::PERSONAL);
}

#[derive(Record, Debug, PartialEq)]
#[record(name = "address", keys = "external", sealed(derive(Clone, Debug, PartialEq)))]
struct Address<T: NotNull> {
    #[record(row)]
    id: i64,
    #[record(subject)]
    customer: i64,
    #[record(seal(class = CONTACT))]
    street: T,
}

#[test]
fn rows_with_keys_elsewhere_are_resealed_one_by_one() {
    let ring = ring();
    let keys = DataKeys::create(at(&ring), 1, [CONTACT]).unwrap();
    let of = |id| Address { id, customer: 1, street: "1 Main St".to_owned() };
    let row = of(7).seal_with(&keys).unwrap();
    let renewed = changed(&ring, keys.envelope(), |edit| edit.renew(CONTACT));
    let keys = renewed.unwrap(at(&ring), 1).unwrap();
    let resealed = row.reseal_with(&keys).unwrap();
    assert!(resealed.is_changed());
    assert_eq!(resealed.row.open_with(&keys).unwrap(), of(7));

    let mut moved = row.clone();
    moved.id = 8;
    let error = moved.reseal_with(&keys).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Tampered, Some("street")));
}

/// A withdrawal queues what is to be resealed, and a worker goes over the subject's rows.
#[test]
fn queue_of_a_store_is_worked_off_by_resealing() {
    let (ring, store) = (ring(), MemoryKeyStore::new());
    let marketing = ring.subset(&["marketing"]).unwrap().into_ring();
    let keys = DataKeys::create(at(&ring), 1, CONTACT.consented_to(&["marketing"])).unwrap();
    store.save_unchecked(&(), "", 1, keys.envelope()).unwrap();
    let of = |id| Address { id, customer: 1, street: format!("{id} Main St") };
    let mut rows: Vec<_> = (1..4).map(|id| of(id).seal_with(&keys).unwrap()).collect();
    let theirs = keys.envelope().unwrap(at(&marketing), 1).unwrap();
    assert_eq!(rows[0].open_with(&theirs).unwrap(), of(1));

    store.change(&(), at(&ring), 1, |edit| edit.withdraw(CONTACT, "marketing")).unwrap();
    let queue = store.reseal_queue(&(), None, 10).unwrap();
    assert_eq!(queue.len(), 1);
    assert_eq!((&*queue[0].class, queue[0].generation), ("contact", 2));
    for entry in &queue {
        let envelope = store.load(&(), &entry.tenant, &entry.subject).unwrap().unwrap();
        let keys = envelope.unwrap(at(&ring), &entry.subject).unwrap();
        for row in &mut rows {
            *row = row.reseal_with(&keys).unwrap().row;
        }
        store.resealed(&(), entry).unwrap();
    }
    assert_eq!(store.reseal_queue(&(), None, 10).unwrap(), []);

    let stored = store.load(&(), "", 1).unwrap().unwrap();
    for (row, id) in rows.iter().zip(1..) {
        assert_eq!(row.open_with(&stored.unwrap(at(&ring), 1).unwrap()).unwrap(), of(id));
        for (envelope, expected) in
            [(&stored, ErrorKind::NotPermitted), (keys.envelope(), ErrorKind::WrongKey)]
        {
            let theirs = envelope.unwrap(at(&marketing), 1).unwrap();
            assert_eq!(row.open_with(&theirs).unwrap_err().kind(), expected);
        }
    }
}

#[derive(Default)]
struct Log {
    told: Mutex<Vec<(Action, Result<(), ErrorKind>)>>,
    refuses: bool,
}

impl AuditSink for Log {
    fn record(&self, event: &Event<'_>) -> Result<(), AuditRefused> {
        assert_eq!(event.record, Some("customer"));
        assert_eq!(event.fields, ["email", "tel", "card", "language"]);
        self.told.lock().unwrap().push((event.action, event.outcome));
        if self.refuses { Err(AuditRefused) } else { Ok(()) }
    }
}

#[test]
fn audit_is_told_of_each_resealing_before_it_is_returned() {
    let ring = ring();
    let mut row = ada().seal_new(at(&ring)).unwrap();
    row.keys = changed(&ring, &row.keys, |edit| edit.renew(CONTACT));
    let log = Log::default();
    row.reseal(at(&ring).audit(&log), 1).unwrap();
    let other = row.reseal(at(&ring).audit(&log), 2);
    assert_eq!(other.unwrap_err().kind(), ErrorKind::WrongSubject);
    assert_eq!(
        *log.told.lock().unwrap(),
        [(Action::Reseal, Ok(())), (Action::Reseal, Err(ErrorKind::WrongSubject))]
    );
    let refusing = Log { refuses: true, ..Log::default() };
    let error = row.reseal(at(&ring).audit(&refusing), 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Audit);
}

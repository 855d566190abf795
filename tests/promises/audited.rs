//! The table of `AuditSink`: each call that uses a secret of the ring for a person, and what is told of it.

use std::sync::Mutex;

use fieldseal::audit::{Action, AuditRefused, AuditSink, Event, LedgerChange, LedgerSink};
use fieldseal::envelope::History;
use fieldseal::index::Domain;
use fieldseal::ledger::{Ledger, LedgerHead};
use fieldseal::store::LedgerFile;
use fieldseal::{
    Access, Class, DataKeys, Error, ErrorKind, KeyRing, KeyStore as _, MemoryKeyStore, Record,
    SealedRecord as _,
};

const CONTACT: Class = Class::new("contact").readers_with_consent(&["marketing"]);

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT), index(exact, cardinality = 1_000_000), mask(last4, readers = ["app"]))]
    phone: String,
    #[record(seal(class = CONTACT), index(range(Domain::integers(0, 65_535)), table))]
    born: i64,
}

/// What was done, to whom, and by which index.
type Told = (Action, Vec<u8>, Option<String>);

#[derive(Default)]
struct Log {
    told: Mutex<Vec<Told>>,
    refuses: bool,
}

impl AuditSink for Log {
    fn record(&self, event: &Event<'_>) -> Result<(), AuditRefused> {
        let told = (event.action, event.subject.as_bytes().to_vec(), event.index.map(String::from));
        self.told.lock().unwrap().push(told);
        if self.refuses { Err(AuditRefused) } else { Ok(()) }
    }
}

struct Lines(Mutex<(String, LedgerHead)>);

impl LedgerSink for Lines {
    fn append(&self, ring: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
        let mut lines = self.0.lock().unwrap();
        for change in changes {
            let (line, head) = lines.1.next(ring, change)?;
            lines.0.push_str(&line);
            lines.1 = head;
        }
        Ok(())
    }
}

fn ring() -> KeyRing {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_role("marketing").unwrap();
    ring.add_index_key().unwrap();
    ring.add_pseudonym_key().unwrap();
    ring.add_signing_key().unwrap();
    ring
}

type Call<'c> = Box<dyn Fn(Access<'_>) -> Result<(), Error> + 'c>;

fn call<'c>(call: impl Fn(Access<'_>) -> Result<(), Error> + 'c) -> Call<'c> {
    Box::new(call)
}

#[test]
fn each_use_of_a_ring_secret_for_a_person_is_told_and_a_refusal_withholds_its_result() {
    let ring = ring();
    let (line, head) = LedgerHead::begin(&ring, 1_700_000_000).unwrap();
    let begun = Ledger::read(&line, &ring.verifying_keys()).unwrap();
    let replay = fieldseal::ledger::Replay::new(&ring, &[&begun], [CONTACT]).unwrap();
    let lines = Lines(Mutex::new((line, head)));
    let customer = || Customer { id: 42, phone: "+49 30 1234567".into(), born: 7 };
    let row = customer().seal_new(&ring).unwrap();
    let envelope = row.keys.clone();
    let standalone = ring.seal(b"note", b"text").unwrap();
    let stored = || {
        let store = MemoryKeyStore::new();
        store.save(&(), &DataKeys::create(&ring, 42, [CONTACT]).unwrap()).unwrap();
        store
    };
    let erasure = stored().erase(&(), &ring, 42).unwrap();
    let place = std::env::temp_dir().join(format!("fieldseal-audited-{}", std::process::id()));
    let in_file = || {
        std::fs::write(&place, &lines.0.lock().unwrap().0).unwrap();
        LedgerFile::at(&place).any_permissions()
    };
    let ledger = || Ledger::read(&lines.0.lock().unwrap().0, &ring.verifying_keys()).unwrap();
    let granted = Access::new(&ring).ledger(&lines).source("form").notice("1");
    DataKeys::create(granted, 42, CONTACT.consented_to(&["marketing"])).unwrap();

    use Action::*;
    let table: Vec<(&str, &[Action], Call<'_>)> = vec![
        ("create", &[Create], call(|a| DataKeys::create(a, 42, [CONTACT]).map(drop))),
        ("unwrap", &[Unwrap], call(|a| envelope.unwrap(a, 42).map(drop))),
        ("prepare", &[Unwrap], call(|a| envelope.prepare(a, 42, [CONTACT]).map(drop))),
        (
            "finish_keys",
            &[Renew, Unwrap],
            call(|a| {
                let mut edit = envelope.edit(a, 42)?;
                edit.renew(CONTACT)?;
                edit.finish_keys().map(drop)
            }),
        ),
        (
            "grant",
            &[Grant],
            call(|a| {
                let grant = |edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| {
                    edit.grant(CONTACT, "marketing", History::Included)
                };
                stored().change(&(), a, 42, grant).map(drop)
            }),
        ),
        (
            "withdraw what was not granted",
            &[Withdraw],
            call(|a| {
                let a = a.ledger(&lines);
                let withdraw = |edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| {
                    edit.withdraw(CONTACT, "marketing")
                };
                stored().change(&(), a, 42, withdraw).map(drop)
            }),
        ),
        ("erase", &[EraseSubject], call(|a| stored().erase(&(), a, 42).map(drop))),
        (
            "erase_class",
            &[EraseClass],
            call(|a| stored().erase_class(&(), a, 42, "contact").map(drop)),
        ),
        ("seal_new", &[Seal], call(|a| customer().seal_new(a).map(drop))),
        ("seal_under", &[Unwrap, Seal], call(|a| customer().seal_under(a, &envelope).map(drop))),
        ("open, masks too", &[Open], call(|a| row.open(a, 42).map(drop))),
        ("open_partial", &[Open], call(|a| row.open_partial(a, 42).map(drop))),
        (
            "open_all",
            &[Open, Open],
            call(|a| SealedCustomer::open_all([(&row, 42), (&row, 42)], a).map(drop)),
        ),
        (
            "open_matching",
            &[Open],
            call(|a| SealedCustomer::open_matching([(&row, 42)], a, |_| Ok(true)).map(drop)),
        ),
        ("reseal", &[Reseal], call(|a| row.reseal(a, 42).map(drop))),
        ("reindex", &[Reseal], call(|a| row.reindex(a, 42).map(drop))),
        ("query", &[Find], call(|a| customer::PHONE_INDEX.query(a, "+49 30 1234567").map(drop))),
        ("between", &[Find], call(|a| customer::BORN_RANGE.between(a, 3..9).map(drop))),
        ("seal", &[SealStandalone], call(|a| a.seal(b"note", b"text").map(drop))),
        ("open", &[OpenStandalone], call(|a| a.open(b"note", &standalone).map(drop))),
        ("pseudonym", &[Pseudonym], call(|a| a.pseudonyms("statistics")?.token(42).map(drop))),
        ("receipt", &[Sign], call(|a| erasure.receipt(a, None).map(drop))),
        ("ledger", &[ReadLedger], call(|a| ledger().of(a, 42).map(drop))),
        ("consents", &[ReadLedger], call(|a| ledger().consents(a, 42).map(drop))),
        ("in a file", &[ReadLedger], call(|a| in_file().consents(a, 42, None).map(drop))),
        ("apply", &[ReadLedger], call(|a| replay.apply(&mut envelope.edit(a, 42)?).map(drop))),
        ("replay", &[ReadLedger], call(|a| replay.run(&stored(), &(), a).map(drop))),
    ];
    for (name, actions, call) in table {
        let log = Log::default();
        call(Access::new(&ring).audit(&log)).unwrap();
        let told: Vec<_> = log.told.into_inner().unwrap();
        let said: Vec<_> = told.iter().map(|(action, ..)| *action).collect();
        assert_eq!(said, *actions, "{name}");
        let is_search = said == [Find];
        assert!(told.iter().all(|(_, _, index)| index.is_some() == is_search), "{name}");
        let is_of_nobody =
            is_search || name == "replay" || matches!(said[..], [SealStandalone | OpenStandalone]);
        assert!(told.iter().all(|(_, subject, _)| subject.is_empty() == is_of_nobody), "{name}");

        let deaf = Log { refuses: true, ..Log::default() };
        let refused = call(Access::new(&ring).audit(&deaf)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Audit, "{name}");
    }
    std::fs::remove_file(&place).unwrap();
}

/// A search-only service holds one derived key. Its guesses are all told of, the wrong ones too.
#[test]
fn guesses_of_a_service_that_only_searches_are_told() {
    let ring = ring();
    let reach = fieldseal::keyring::Capabilities::new().index("", "customer", "phone");
    let service = ring.subset_with(&reach).unwrap().into_ring();
    let deaf = Log { refuses: true, ..Log::default() };
    let access = Access::new(&service).audit(&deaf);
    for guess in 0..100 {
        let asked = customer::PHONE_INDEX.query(access, format!("+49 30 {guess:07}").as_str());
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::Audit);
    }
    assert_eq!(deaf.told.lock().unwrap().len(), 100);

    // What cannot be asked is told of as well, with why.
    let log = Log::default();
    let other = Access::new(&service).tenant("acme").audit(&log);
    let refused = customer::PHONE_INDEX.query(other, "+49 30 1234567").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::MissingKey);
    assert_eq!(log.told.lock().unwrap().len(), 1);
}

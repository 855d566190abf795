//! Ledgers: what is told, when, in what form, and what of it is believed.
#![cfg(feature = "file")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::ledger::*;
use common::*;
use fieldseal::audit::{LedgerAct, LedgerChange, LedgerSink};
use fieldseal::envelope::History;
use fieldseal::keyring::{KeyState, KeyUse, RingKey};
use fieldseal::ledger::{Ledger, LedgerHead};
use fieldseal::{
    Access, DataKeys, Error, ErrorKind, KeyEnvelope, KeyRing, KeyStore as _, MemoryKeyStore,
};

fn at<'a>(ring: &'a KeyRing, ledger: &'a dyn LedgerSink) -> Access<'a> {
    let access = Access::new(ring).at(NOW + 60).actor("the customer");
    access.ledger(ledger).source("form /preferences").notice("2026-03")
}

fn acts(ledger: &Ledger) -> Vec<String> {
    let spelled = |act: &LedgerAct| match act {
        LedgerAct::EraseSubject => "erase subject".to_owned(),
        LedgerAct::EraseClass { class, generation, .. } => format!("erase {class} {generation}"),
        LedgerAct::Withdraw { class, role, generation, .. } => {
            format!("withdraw {class} {role} {generation}")
        }
        LedgerAct::Grant { class, role, generation, with_history, .. } => {
            format!("grant {class} {role} {generation} {with_history}")
        }
        _ => unreachable!(),
    };
    ledger.entries().iter().map(|entry| spelled(&entry.act)).collect()
}

/// Subject 42's envelope after `change`, told to the ledger.
fn changed(
    ring: &KeyRing,
    ledger: &Lines,
    envelope: &KeyEnvelope,
    change: impl FnOnce(&mut fieldseal::envelope::EnvelopeEdit<'_>) -> Result<(), Error>,
) -> KeyEnvelope {
    let mut edit = envelope.edit(at(ring, ledger), 42).unwrap();
    change(&mut edit).unwrap();
    edit.finish().unwrap()
}

#[test]
fn erasures_withdrawals_and_grants_are_told_with_their_generation() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let keys = DataKeys::create(
        at(&ring, &ledger),
        42,
        ([CONTACT, FINANCIAL], [CONTACT.consented_to(&["marketing"]), FINANCIAL.consented_to(&[])]),
    );
    let one = keys.unwrap().envelope().clone();
    let two = changed(&ring, &ledger, &one, |edit| edit.withdraw(CONTACT, "marketing"));
    let three =
        changed(&ring, &ledger, &two, |edit| edit.grant(CONTACT, "marketing", History::Included));
    let four = changed(&ring, &ledger, &three, |edit| edit.erase_class("financial"));
    let five = changed(&ring, &ledger, &four, |edit| edit.renew(FINANCIAL));
    changed(&ring, &ledger, &five, |edit| {
        edit.withdraw(CONTACT, "marketing")?;
        edit.grant(CONTACT, "marketing", History::Excluded)?;
        edit.erase_subject()
    });
    assert_eq!(
        acts(&ledger.read(&ring)),
        [
            "grant contact marketing 1 false",
            "withdraw contact marketing 1",
            "grant contact marketing 2 true",
            "erase financial 1",
            "withdraw contact marketing 2",
            "grant contact marketing 3 false",
            "erase subject",
        ]
    );
}

#[test]
fn what_keeps_everybodys_rights_is_not_told() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let keys = DataKeys::create(at(&ring, &ledger), 42, [CONTACT, NOTES]).unwrap();
    changed(&ring, &ledger, keys.envelope(), |edit| {
        edit.ensure(FINANCIAL)?;
        edit.renew(CONTACT)?;
        edit.touch(FINANCIAL)?;
        edit.sweep()?;
        edit.prune(NOW)?;
        edit.rewrap([CONTACT, FINANCIAL, NOTES]).map(drop)
    });
    assert_eq!(acts(&ledger.read(&ring)), [""; 0]);
}

#[test]
fn a_withdrawal_is_told_also_where_the_role_had_nothing() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let envelope = envelope(&[CONTACT]);
    let same = changed(&ring, &ledger, &envelope, |edit| edit.withdraw(CONTACT, "marketing"));
    assert_eq!(info(&same).entries, info(&envelope).entries);
    assert_eq!(acts(&ledger.read(&ring)), ["withdraw contact marketing 0"]);
}

#[test]
fn refused_and_unfinished_changes_are_not_told() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let envelope = envelope(&[CONTACT]);
    let mut edit = envelope.edit(at(&ring, &ledger), 42).unwrap();
    assert_eq!(kind(edit.grant(CONTACT, "billing", History::Included)), ErrorKind::InvalidInput);
    assert_eq!(kind(edit.erase_class("absent")), ErrorKind::MissingClass);
    edit.erase_subject().unwrap();
    drop(edit);
    assert_eq!(acts(&ledger.read(&ring)), [""; 0]);
}

#[test]
fn a_change_that_the_ledger_refuses_is_not_made() {
    struct Full;
    impl LedgerSink for Full {
        fn append(&self, _: &KeyRing, _: &[LedgerChange<'_>]) -> Result<(), Error> {
            Err(Error::value("the ledger is full"))
        }
    }
    let (ring, store) = (signing(), MemoryKeyStore::new());
    let envelope = envelope(&[CONTACT]);
    store.save_unchecked(&(), "", 42, &envelope).unwrap();
    let access = at(&ring, &Full);
    assert!(store.erase(&(), access, 42).is_err());
    assert!(store.change(&(), access, 42, |edit| edit.erase_class("contact")).is_err());
    assert_eq!(store.load(&(), "", 42).unwrap().unwrap(), envelope);
}

#[test]
fn a_ring_that_cannot_sign_erases_nothing_under_a_ledger() {
    let (full, ledger) = (signing(), Lines::begin(&signing()));
    let store = MemoryKeyStore::new();
    store.save_unchecked(&(), "", 42, &envelope(&[CONTACT])).unwrap();
    // A subset has the public half only.
    let service = full.subset(&["app"]).unwrap().into_ring();
    let error = store.erase(&(), at(&service, &ledger), 42).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingKey);
    assert!(
        store.load(&(), "", 42).unwrap().unwrap().inspect().unwrap().subject_erased_at.is_none()
    );
}

#[test]
fn consent_is_refused_without_its_evidence() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let envelope = envelope(&[CONTACT]);
    let bare = Access::new(&ring).at(NOW).ledger(&ledger);
    let empty = bare.source("").notice("2026-03");
    for access in [bare, bare.source("form"), bare.notice("2026-03"), empty] {
        let mut edit = envelope.edit(access, 42).unwrap();
        for history in [History::Included, History::Excluded] {
            let refused = kind(edit.grant(CONTACT, "marketing", history));
            assert_eq!(refused, ErrorKind::InvalidInput);
        }
        assert_eq!(kind(edit.renew(CONTACT.consented_to(&["marketing"]))), ErrorKind::InvalidInput);
        // Who is a reader anyway consents to nothing, and to withdraw takes no evidence.
        edit.grant(CONTACT, "support", History::Included).unwrap();
        edit.withdraw(CONTACT.consented_to(&[]), "marketing").unwrap();
        let made = DataKeys::create(access, 7, CONTACT.consented_to(&["marketing"]));
        assert_eq!(kind(made), ErrorKind::InvalidInput);
    }
    assert_eq!(acts(&ledger.read(&ring)), [""; 0]);
}

#[test]
fn consent_that_comes_with_a_renewal_is_told_once() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let one = changed(&ring, &ledger, &envelope(&[CONTACT]), |edit| {
        edit.renew(CONTACT.consented_to(&["marketing"]))
    });
    changed(&ring, &ledger, &one, |edit| edit.renew(CONTACT.consented_to(&["marketing"])));
    assert_eq!(acts(&ledger.read(&ring)), ["grant contact marketing 1 false"]);
}

#[test]
fn evidence_of_consent_is_listed_for_one_person() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let envelope = envelope(&[CONTACT]);
    let granted = changed(&ring, &ledger, &envelope, |edit| {
        edit.grant(CONTACT, "marketing", History::Included)
    });
    DataKeys::create(at(&ring, &ledger), 7, CONTACT.consented_to(&["marketing"])).unwrap();
    DataKeys::create(at(&ring, &ledger).tenant("acme"), 42, CONTACT.consented_to(&["marketing"]))
        .unwrap();

    let read = ledger.read(&ring);
    let consents = read.consents(&ring, 42).unwrap();
    assert_eq!(consents.len(), 1);
    let given = consents[0].given.clone().unwrap();
    assert_eq!((consents[0].class.as_str(), consents[0].role.as_str()), ("contact", "marketing"));
    assert_eq!(given.at, NOW + 60);
    assert_eq!(given.actor.as_deref(), Some("the customer"));
    assert_eq!(given.source.as_deref(), Some("form /preferences"));
    assert_eq!(given.notice.as_deref(), Some("2026-03"));
    assert!(read.consents(&ring, 43).unwrap().is_empty());
    assert_eq!(read.of(Access::new(&ring).tenant("acme"), 42).unwrap().len(), 1);

    changed(&ring, &ledger, &granted, |edit| edit.withdraw(CONTACT, "marketing"));
    let consents = ledger.read(&ring).consents(&ring, 42).unwrap();
    assert_eq!(
        (consents[0].given.as_ref(), consents[0].withdrawn.as_ref().unwrap().at),
        (None, NOW + 60)
    );
}

#[test]
fn a_ledger_names_nobody_to_whoever_lacks_the_secret() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let access = at(&ring, &ledger).actor("support desk");
    DataKeys::create(access, "ada@example.com", CONTACT.consented_to(&["marketing"])).unwrap();
    let text = ledger.text();
    assert!(!text.contains("ada") && !text.contains("example"));
    let auditor = {
        let mut auditor = KeyRing::empty();
        let half = RingKey::public_half(ring.verifying_keys()[0], KeyState::OpenOnly).unwrap();
        auditor.insert(half).unwrap();
        auditor
    };
    let read = Ledger::read(&text, &auditor.verifying_keys()).unwrap();
    assert_eq!(read.entries().len(), 1);
    assert_eq!(kind(read.of(&auditor, "ada@example.com")), ErrorKind::MissingKey);
    assert_eq!(read.of(&ring, "ada@example.com").unwrap().len(), 1);
}

#[test]
fn tokens_of_one_person_differ_by_tenant_and_by_key() {
    let (mut ring, ledger) = (signing(), Lines::begin(&signing()));
    let consent = |ring: &KeyRing, tenant: &str| {
        DataKeys::create(
            at(ring, &ledger).tenant(tenant),
            42,
            CONTACT.consented_to(&["marketing"]),
        )
        .unwrap();
    };
    consent(&ring, "a");
    consent(&ring, "b");
    ring.rotate(KeyUse::Sign, "sign").unwrap();
    consent(&ring, "a");
    let read = ledger.read(&ring);
    let tokens: Vec<_> = read.entries().iter().map(|entry| entry.subject).collect();
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2] && tokens[0] != tokens[2]);
    assert_eq!(
        read.of(Access::new(&ring).tenant("a"), 42).unwrap().len(),
        2,
        "rotation loses nobody"
    );
}

/// A ledger of four lines.
fn four_lines() -> (KeyRing, String) {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    for subject in [7, 8, 9] {
        DataKeys::create(at(&ring, &ledger), subject, CONTACT.consented_to(&["marketing"]))
            .unwrap();
    }
    (ring, ledger.text())
}

#[test]
fn no_line_can_be_changed_moved_repeated_or_left_out() {
    let (ring, text) = four_lines();
    let keys = ring.verifying_keys();
    assert_eq!(Ledger::read(&text, &keys).unwrap().entries().len(), 3);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let orders: &[&[usize]] =
        &[&[0, 2, 3], &[0, 1, 3], &[1, 2, 3], &[0, 2, 1, 3], &[0, 1, 1, 2, 3], &[0, 0, 1], &[]];
    for order in orders {
        let other: String = order.iter().map(|line| lines[*line]).collect();
        assert_eq!(kind(Ledger::read(&other, &keys)), ErrorKind::Malformed, "{order:?}");
    }
    for (from, to) in [
        ("marketing", "marketinG"),
        ("\"2026-03\"", "\"2026-04\""),
        ("the customer", "the customes"),
        ("\"history\":false", "\"history\":true"),
        ("\"generation\":1", "\"generation\":2"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text);
        assert!(Ledger::read(&other, &keys).is_err(), "{to}");
    }
    // In the last line nothing follows that would tell: the signature does.
    let (whole, last) = text.trim_end().rsplit_once('\n').unwrap();
    let other = format!("{whole}\n{}\n", last.replace("2026-03", "2026-04"));
    assert_eq!(kind(Ledger::read(&other, &keys)), ErrorKind::Tampered);
    for spelling in
        [last.replace(":", ": "), format!(" {last}"), last.replace("form", "f\\u006frm")]
    {
        let other = format!("{whole}\n{spelling}\n");
        assert_eq!(kind(Ledger::read(&other, &keys)), ErrorKind::Malformed);
    }
}

#[test]
fn lines_of_another_ledger_do_not_follow() {
    let (ring, text) = four_lines();
    let (_, other) = four_lines();
    let (first, _) = text.split_once('\n').unwrap();
    let (_, rest) = other.split_once('\n').unwrap();
    let mixed = format!("{first}\n{rest}");
    assert_eq!(kind(Ledger::read(&mixed, &ring.verifying_keys())), ErrorKind::Malformed);
}

#[test]
fn an_end_that_was_cut_off_is_told_by_the_head_kept_elsewhere() {
    let (ring, text) = four_lines();
    let keys = ring.verifying_keys();
    let head = Ledger::read(&text, &keys).unwrap().head();
    assert_eq!(head.number(), 4);
    let cut: String = text.split_inclusive('\n').take(3).collect();
    assert!(Ledger::read(&cut, &keys).is_ok(), "nothing in the lines themselves tells");
    assert_eq!(kind(Ledger::read_known(&cut, &keys, &head)), ErrorKind::RolledBack);
    assert!(Ledger::read_known(&text, &keys, &head).is_ok());
    let (_, another) = four_lines();
    assert_eq!(kind(Ledger::read_known(&another, &keys, &head)), ErrorKind::RolledBack);
}

#[test]
fn lines_by_an_unknown_or_compromised_key_are_not_believed() {
    let (mut ring, text) = four_lines();
    assert_eq!(kind(Ledger::read(&text, &[])), ErrorKind::MissingKey);
    let head = Ledger::read(&text, &ring.verifying_keys()).unwrap().head();
    let stolen = signing();
    ring.rotate(KeyUse::Sign, "sign").unwrap();
    ring.set_state(id(SIGN), KeyState::Compromised).unwrap();
    let keys = ring.verifying_keys();
    assert_eq!(kind(Ledger::read(&text, &keys)), ErrorKind::MissingKey);

    // What was known before it leaked stays good; what the thief adds does not become so.
    assert_eq!(Ledger::read_known(&text, &keys, &head).unwrap().entries().len(), 3);
    let subject = fieldseal::SubjectId::new(99).unwrap();
    struct Copy(std::sync::Mutex<(String, LedgerHead)>);
    impl LedgerSink for Copy {
        fn append(&self, ring: &KeyRing, changes: &[LedgerChange<'_>]) -> Result<(), Error> {
            let mut all = self.0.lock().unwrap();
            let (line, head) = all.1.next(ring, &changes[0])?;
            *all = (format!("{}{line}", all.0), head);
            Ok(())
        }
    }
    let forged = Copy(std::sync::Mutex::new((text, head)));
    let _ = KeyEnvelope::erased(at(&stolen, &forged), &subject).unwrap();
    let forged = forged.0.into_inner().unwrap().0;
    assert_eq!(kind(Ledger::read_known(&forged, &keys, &head)), ErrorKind::MissingKey);
}

#[test]
fn a_consent_in_doubt_or_before_doubt_does_not_stand_and_a_withdrawal_does() {
    let (mut ring, ledger) = (signing(), Lines::begin(&signing()));
    let granted = changed(&ring, &ledger, &envelope(&[CONTACT]), |edit| {
        edit.grant(CONTACT, "marketing", History::Included)
    });
    let head = ledger.read(&ring).head();
    let withdrawn = changed(&ring, &ledger, &granted, |edit| edit.withdraw(CONTACT, "marketing"));
    changed(&ring, &ledger, &withdrawn, |edit| edit.grant(CONTACT, "marketing", History::Included));
    let mut read = ledger.read(&ring);
    let last = read.head();
    ring.rotate(KeyUse::Sign, "sign").unwrap();
    ring.set_state(id(SIGN), KeyState::Compromised).unwrap();
    let given = |read: &Ledger| read.consents(&ring, 42).unwrap()[0].given.clone();
    assert!(given(&read).is_some());
    // A head that was kept vouches for what it covers.
    assert_eq!(read.doubt_lines_by(&[id(SIGN)], Some(&last)), []);
    assert!(given(&read).is_some() && read.doubtful().is_empty());
    assert_eq!(read.clone().doubt_lines_by(&[id(SIGN)], Some(&head)), [3..=4]);
    assert_eq!(read.doubt_lines_by(&[id(SIGN)], None), [2..=4]);
    assert_eq!((given(&read), read.doubtful()), (None, &[2..=4][..]));
    assert!(read.consents(&ring, 42).unwrap()[0].withdrawn.is_some());
    assert_eq!(read.entries().len(), 3, "what was said stays in the history");
}

#[test]
fn a_line_that_was_never_finished_is_left_out() {
    let (ring, text) = four_lines();
    let keys = ring.verifying_keys();
    for len in text.len() - 40..text.len() - 1 {
        let read = Ledger::read(&text[..len], &keys).unwrap();
        assert!(read.is_torn() && read.entries().len() == 2, "{len}");
    }
    let read = Ledger::read(text.trim_end(), &keys).unwrap();
    assert!(!read.is_torn() && read.entries().len() == 3, "it lacks its line feed alone");
    assert_eq!(kind(Ledger::read(&text[..20], &keys)), ErrorKind::Malformed);
}

#[test]
fn texts_beyond_the_limit_are_refused_before_anything_is_written() {
    let (ring, ledger) = (signing(), Lines::begin(&signing()));
    let long = "x".repeat(1_025);
    let envelope = envelope(&[CONTACT]);
    for access in [
        at(&ring, &ledger).actor(&long),
        at(&ring, &ledger).purpose(&long),
        at(&ring, &ledger).source(&long),
        at(&ring, &ledger).notice(&long),
    ] {
        let mut edit = envelope.edit(access, 42).unwrap();
        edit.erase_subject().unwrap();
        assert_eq!(kind(edit.finish()), ErrorKind::InvalidInput);
    }
    let widest = "\u{1}".repeat(1_024);
    let access = at(&ring, &ledger).actor(&widest).purpose(&widest).source(&widest).notice(&widest);
    let mut edit = envelope.edit(access, 42).unwrap();
    edit.erase_subject().unwrap();
    edit.finish().unwrap();
    assert_eq!(ledger.read(&ring).entries().len(), 1, "what was taken can be read");
}

#[test]
fn heads_have_one_spelling() {
    let (_, head) = LedgerHead::begin(&signing(), NOW).unwrap();
    let text = head.to_string();
    assert_eq!(text.parse::<LedgerHead>().unwrap(), head);
    for bad in
        ["", "1", "1.", ".x", &format!("0{text}"), &format!("{text}="), &text[..text.len() - 1]]
    {
        assert_eq!(kind(bad.parse::<LedgerHead>()), ErrorKind::InvalidInput, "{bad}");
    }
}

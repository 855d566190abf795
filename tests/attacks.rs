//! What a service that was taken over cannot do to the others. It holds the envelope key, its own
//! role's key, the ids of all others, and writes to the database: every envelope here could be its
//! work. Each test says which rule stands against it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{self, Ent, Env, Rec};
use common::{writer as writer_secret, *};
use fieldseal::audit::Action;
use fieldseal::envelope::History;
use fieldseal::keyring::{KeyState, KeyUse, RingKey};
use fieldseal::{Access, Class, DataKeys, Error, ErrorKind, Field, KeyEnvelope, KeyRing, Sealed};

const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);
/// Read by a key pair, and by one with consent.
const TRIAL: Class = Class::new("trial").readers(&["medical"]).readers_with_consent(&["marketing"]);
const RESULT: Field<String> = Field::new("customer", "result", TRIAL);

fn at(ring: &KeyRing) -> Access<'_> {
    Access::new(ring).at(NOW)
}

/// The intruder's ring: one role's key, the envelope key, and for the ids of these other roles keys
/// of its own making.
fn intruder(own: &str, others: &[&str]) -> KeyRing {
    let number = |role: &str| ROLES.iter().find(|(name, _)| *name == role).unwrap().1;
    let invented = |role: &&str| {
        let id = id(number(role));
        RingKey::symmetric(id, KeyUse::Wrap, role, KeyState::Primary, &[9; 32]).unwrap()
    };
    let own =
        [envelope_key(ENVELOPE, KeyState::Primary), symmetric(number(own), own, KeyState::Primary)];
    ring_of(own.into_iter().chain(others.iter().map(invented)))
}

fn keys(ring: &KeyRing, stored: &KeyEnvelope) -> DataKeys {
    stored.unwrap(at(ring), 42).unwrap()
}

fn open(ring: &KeyRing, stored: &KeyEnvelope, value: &Sealed<String>) -> Result<String, ErrorKind> {
    EMAIL.open(&keys(ring, stored), value).map_err(|error| error.kind())
}

fn seal(ring: &KeyRing, stored: &KeyEnvelope) -> Result<Sealed<String>, ErrorKind> {
    EMAIL.seal(&keys(ring, stored), &"ada@example.com".to_owned()).map_err(|error| error.kind())
}

#[track_caller]
fn made(edit: Result<(), Error>, expected: ErrorKind) {
    assert_eq!(edit.map_err(|error| error.kind()), Err(expected));
}

/// Guards GN-13: without it, whoever holds `billing` too opens and seals by billing's data key.
#[test]
fn a_service_chooses_no_data_key_by_a_declaration_of_its_own() {
    const MINE: Class = Class::new("contact").readers(&["billing"]);
    const MY_EMAIL: Field<String> = Field::new("customer", "email", MINE);
    let billing = intruder("billing", &[]);
    let mut edit = envelope(&[CONTACT]).edit(at(&billing), 42).unwrap();
    edit.renew(MINE).unwrap();
    let own = edit.finish_keys().unwrap();
    let planted = own.envelope().clone();
    let forged = MY_EMAIL.seal(&own, &"mallory@example.com".to_owned()).unwrap();

    let monolith = service(&["app", "support", "billing"]);
    for ring in [&monolith, &admin(), &service(&["app", "billing"]), &service(&["app"])] {
        assert_eq!(open(ring, &planted, &forged), Err(ErrorKind::NotPermitted));
        assert_eq!(seal(ring, &planted), Err(ErrorKind::NotPermitted));
        let mut edit = planted.edit(at(ring), 42).unwrap();
        made(edit.grant(CONTACT, "app", History::Included), ErrorKind::NotPermitted);
        let report = edit.rewrap([CONTACT]).unwrap();
        assert_eq!(report.not_lifted, [("contact".to_owned(), 2)]);
    }
    // Who can wrap for all readers goes on under a data key of its own.
    for ring in [&monolith, &admin()] {
        let keys = planted.prepare(at(ring), 42, [CONTACT]).unwrap();
        assert_eq!(recipients(keys.envelope(), "contact/3"), [APP, SUPPORT]);
        let sealed = EMAIL.seal(&keys, &"ada@example.com".to_owned()).unwrap();
        assert_eq!(open(&service(&["app"]), keys.envelope(), &sealed).unwrap(), "ada@example.com");
        assert_eq!(kind(MY_EMAIL.open(&own, &sealed)), ErrorKind::WrongKey);
        let its = keys.envelope().unwrap(at(&billing), 42).unwrap();
        assert_eq!(kind(MY_EMAIL.open(&its, &sealed)), ErrorKind::NotPermitted);
    }
}

/// Guards ED-8: without it, rewrap wraps the intruder's data key for the readers it has noise for.
#[test]
fn a_fabricated_generation_is_not_made_real_by_rewrap_or_grant() {
    const MINE: Class = Class::new("contact").readers(&["app", "support", "billing"]);
    let intruder = intruder("billing", &["app", "support"]);
    let mut edit = envelope(&[CONTACT]).edit(at(&intruder), 42).unwrap();
    edit.renew(MINE).unwrap();
    let planted = edit.finish().unwrap();
    assert_eq!(recipients(&planted, "contact/2"), [APP, SUPPORT, BILLING]);

    let rings = [admin(), service(&["app", "billing"])];
    for ring in &rings {
        let mut edit = planted.edit(at(ring), 42).unwrap();
        let report = edit.rewrap([CONTACT]).unwrap();
        assert_eq!(report.not_lifted, [("contact".to_owned(), 2)]);
        for role in ["app", "support"] {
            let granted = edit.grant(CONTACT, role, History::Included);
            if ring.primary(KeyUse::Wrap, role).unwrap().expose_secret().is_some() {
                made(granted, ErrorKind::Tampered);
            } else {
                made(granted, ErrorKind::MissingKey);
            }
        }
        let new = edit.finish().unwrap();
        assert_eq!(entry(&new, "contact/2"), entry(&planted, "contact/2"));
        for reader in [ring, &service(&["app"]), &service(&["support"])] {
            assert_eq!(seal(reader, &new), Err(ErrorKind::Tampered));
        }
    }
    // Renewing is the way on, and leaves the intruder behind.
    let admin = &rings[0];
    let renewed = edited(at(admin), &planted, |edit| edit.renew(CONTACT.consented_to(&[])));
    let sealed = seal(&service(&["app"]), &renewed).unwrap();
    let my_email: Field<String> = Field::new("customer", "email", MINE);
    let its = renewed.unwrap(at(&intruder), 42).unwrap();
    assert!(my_email.open(&its, &sealed).is_err());
}

/// Guards GN-10 and GN-13: without them, the role proves its own consent by a data key of its own.
#[test]
fn a_withdrawn_role_does_not_restore_itself() {
    const ALONE: Class =
        Class::new("contact").readers(&[]).readers_with_consent(&["marketing", "billing"]);
    let admin = admin();
    let keys = DataKeys::create(at(&admin), 42, CONTACT.consented_to(&["marketing"])).unwrap();
    let withdrawn = edited(at(&admin), keys.envelope(), |edit| edit.withdraw(CONTACT, "marketing"));
    let marketing = intruder("marketing", &["app", "support"]);
    for (declared, answer) in [(CONTACT, ErrorKind::Tampered), (ALONE, ErrorKind::NotPermitted)] {
        let planted = edited(at(&marketing), &withdrawn, |edit| {
            edit.renew(declared.consented_to(&["marketing"]))
        });
        assert!(recipients(&planted, "contact/3").contains(&MARKETING));
        // Nobody else seals under it, whoever holds the role too.
        for ring in [&admin, &service(&["app", "marketing"]), &service(&["app"])] {
            assert_eq!(seal(ring, &planted), Err(answer));
        }
        // Nor is the consent believed.
        let refusal = refused(at(&admin), &planted, |edit| edit.renew(CONTACT));
        assert_eq!(refusal, ErrorKind::MissingKey);
        let refusal =
            refused(at(&admin), &planted, |edit| edit.grant(CONTACT, "app", History::Excluded));
        assert_eq!(refusal, ErrorKind::MissingKey);
        if answer == ErrorKind::NotPermitted {
            let prepared = planted.prepare(at(&admin), 42, [CONTACT]);
            assert_eq!(kind(prepared), ErrorKind::MissingKey);
            let named = planted.prepare(at(&admin), 42, CONTACT.consented_to(&[])).unwrap();
            assert_eq!(recipients(named.envelope(), "contact/4"), [APP, SUPPORT]);
        }
        let mut edit = planted.edit(at(&admin), 42).unwrap();
        let report = edit.rewrap([CONTACT]).unwrap();
        assert_eq!(report.not_lifted, [("contact".to_owned(), 3)]);
        // Withdrawn again, it is out.
        edit.withdraw(CONTACT, "marketing").unwrap();
        let healed = edit.finish().unwrap();
        let sealed = seal(&service(&["app"]), &healed).unwrap();
        let refusal = open(&service(&["marketing"]), &healed, &sealed);
        assert_eq!(refusal, Err(ErrorKind::NotPermitted));
    }
}

/// Guards GN-10: a writer half wraps what its role opens, so that alone must not prove a consent.
#[test]
fn a_consent_planted_by_a_writer_half_is_not_proven() {
    let mut admin = admin();
    advance(&mut admin, key_pair(0x60, "marketing", KeyState::OpenOnly));
    let stored = DataKeys::create(at(&admin), 42, [TRIAL, CONTACT]).unwrap().envelope().clone();
    let support = admin.subset_with(&reaching(&["support"], &["marketing"])).unwrap().into_ring();
    const MINE: Class = Class::new("trial").readers(&[]).readers_with_consent(&["marketing"]);
    let planted =
        edited(at(&support), &stored, |edit| edit.renew(MINE.consented_to(&["marketing"])));
    assert_eq!(recipients(&planted, "trial/2"), [0x60]);
    for change in 0..2 {
        let kind = refused(at(&admin), &planted, |edit| match change {
            0 => edit.renew(TRIAL),
            _ => edit.grant(TRIAL, "medical", History::Excluded),
        });
        assert_eq!(kind, ErrorKind::MissingKey);
    }
    assert_eq!(kind(planted.prepare(at(&admin), 42, [TRIAL])), ErrorKind::MissingKey);
    let keys = keys(&admin, &planted);
    assert_eq!(kind(RESULT.seal(&keys, &"x".to_owned())), ErrorKind::NotPermitted);
}

/// Guards `subset_with`: without it, a service that reads nothing of a class writes into it.
#[test]
fn a_service_writes_for_none_but_the_named_roles() {
    let mut admin = admin();
    advance(&mut admin, key_pair(0x60, "marketing", KeyState::OpenOnly));
    let stored = DataKeys::create(at(&admin), 42, [TRIAL]).unwrap().envelope().clone();
    for writers in [&[][..], &["marketing"]] {
        let support = admin.subset_with(&reaching(&["support"], writers)).unwrap().into_ring();
        let kind_of_create = kind(DataKeys::create(at(&support), 42, [TRIAL]));
        assert_eq!(kind_of_create, ErrorKind::MissingKey);
        for change in 0..3 {
            let kind = refused(at(&support), &stored, |edit| match change {
                0 => edit.renew(TRIAL),
                1 => edit.renew(TRIAL.consented_to(&["marketing"])),
                _ => edit.grant(TRIAL, "medical", History::Excluded),
            });
            assert_eq!(kind, ErrorKind::MissingKey, "{writers:?} {change}");
        }
        let keys = stored.prepare(at(&support), 42, [TRIAL]).unwrap();
        assert_eq!(keys.envelope(), &stored);
        assert_eq!(kind(RESULT.seal(&keys, &"x".to_owned())), ErrorKind::NotPermitted);
        let sealed = at(&support).seal_for(&["medical"], b"result", b"x");
        assert_eq!(kind(sealed), ErrorKind::MissingKey);
    }
    let writer = admin.subset_with(&reaching(&[], &["medical"])).unwrap().into_ring();
    let keys = stored.prepare(at(&writer), 42, [TRIAL]).unwrap();
    let sealed = RESULT.seal(&keys, &"x".to_owned()).unwrap();
    let medical = keys.envelope().unwrap(at(&admin), 42).unwrap();
    assert_eq!(RESULT.open(&medical, &sealed).unwrap(), "x", "who is named can");
}

/// Guards ED-8: without it, noise under a reader's id becomes a real key of the history.
#[test]
fn rewrap_grants_no_history_to_a_planted_recipient() {
    const BEFORE: Class = Class::new("contact").readers(&["app"]);
    let admin = admin();
    let keys = DataKeys::create(at(&admin), 42, [BEFORE]).unwrap();
    let old = EMAIL.seal(&keys, &"history".to_owned()).unwrap();
    // Support becomes a reader later, without history; marketing consents to what comes.
    let stored = edited(at(&admin), keys.envelope(), |edit| {
        edit.grant(CONTACT, "support", History::Excluded)
    });
    let stored =
        edited(at(&admin), &stored, |edit| edit.grant(CONTACT, "marketing", History::Excluded));
    for (role, number) in [("support", SUPPORT), ("marketing", MARKETING)] {
        let own = service(&[role]);
        let mut env = Env::parse(stored.as_bytes());
        let live = env.entries[0].live().clone();
        let mut copied = env.entries[2].live().recipients.iter();
        let copied = copied.find(|one| one.key_id == number).unwrap().wrapped.clone();
        for wrapped in [vec![0; 72], copied] {
            let noise = Rec { kind: 1, key_id: number, wrapped };
            env.entries[0] = Ent::Live(live.clone().with([noise]));
            let planted = env.envelope();
            assert_eq!(open(&own, &planted, &old), Err(ErrorKind::Tampered));
            let mut edit = planted.edit(at(&admin), 42).unwrap();
            let report = edit.rewrap([CONTACT]).unwrap();
            let unproven = ("contact".to_owned(), 1, id(number));
            assert_eq!((report.unproven, report.not_lifted), (vec![unproven], vec![]));
            let new = edit.finish().unwrap();
            assert_eq!(open(&own, &new, &old), Err(ErrorKind::Tampered));
            assert_eq!(open(&service(&["app"]), &new, &old).unwrap(), "history");
        }
    }
}

/// Marketing's key has leaked; whoever has it granted itself the class, history and all.
fn leaked_marketing() -> (KeyRing, KeyEnvelope) {
    let mut ring = admin();
    let planted = edited(at(&ring), &envelope(&[CONTACT]), |edit| {
        edit.grant(CONTACT, "marketing", History::Included)
    });
    advance(&mut ring, symmetric(MARKETING + 1, "marketing", KeyState::OpenOnly));
    put(&mut ring, MARKETING, KeyState::Compromised);
    (ring, planted)
}

/// Guards GN-9: without it, rescue takes a compromised key's consent for proven.
#[test]
fn rescue_launders_no_proof() {
    let (admin, planted) = leaked_marketing();
    for access in [at(&admin), at(&admin).rescue()] {
        let refusal = refused(access, &planted, |edit| edit.renew(CONTACT));
        assert_eq!(refusal, ErrorKind::MissingKey);
        let refusal =
            refused(access, &planted, |edit| edit.grant(CONTACT, "support", History::Excluded));
        assert_eq!(refusal, ErrorKind::MissingKey);
        // Nor after a rewrap in the same edit.
        let mut edit = planted.edit(access, 42).unwrap();
        edit.rewrap([CONTACT]).unwrap();
        made(edit.renew(CONTACT), ErrorKind::MissingKey);
    }
}

/// Guards ED-8: without it, rescue gives the new key of a role what its leaked key claimed.
#[test]
fn rescue_launders_no_recipient_by_rewrap() {
    let (admin, planted) = leaked_marketing();
    let marketing = admin.subset(&["marketing"]).unwrap().into_ring();
    for access in [at(&admin), at(&admin).rescue()] {
        let mut edit = planted.edit(access, 42).unwrap();
        let report = edit.rewrap([CONTACT]).unwrap();
        assert_eq!(report.unproven, [("contact".to_owned(), 1, id(MARKETING))]);
        let new = edit.finish().unwrap();
        assert_eq!(recipients(&new, "contact/1"), [APP, SUPPORT, MARKETING]);
        assert_ne!(reached(&marketing, &new, "contact/1"), "open");
    }
}

/// Guards ED-8, ED-10 and GN-2: without them, values are sealed under a data key that a leaked key
/// and an old envelope give away.
#[test]
fn rescue_launders_no_data_key_by_rewrap_or_grant() {
    const BEFORE: Class = Class::new("contact").readers(&["app"]);
    let stored = envelope(&[BEFORE]);
    let mut admin = admin();
    advance(&mut admin, symmetric(APP + 1, "app", KeyState::OpenOnly));
    put(&mut admin, APP, KeyState::Compromised);
    let leaked = intruder("app", &[]);
    let email: Field<String> = Field::new("customer", "email", BEFORE);
    for access in [at(&admin), at(&admin).rescue()] {
        let mut edit = stored.edit(access, 42).unwrap();
        for role in ["app", "support", "marketing"] {
            made(edit.grant(CONTACT, role, History::Included), ErrorKind::NotPermitted);
        }
        let report = edit.rewrap([CONTACT]).unwrap();
        assert_eq!((report.wrapped, report.not_lifted), (0, vec![("contact".to_owned(), 1)]));
        let new = edit.finish().unwrap();
        assert_eq!(recipients(&new, "contact/1"), [APP]);
        let keys = new.unwrap(access, 42).unwrap();
        assert_eq!(kind(EMAIL.seal(&keys, &"x".to_owned())), ErrorKind::NotPermitted);
        // What is sealed goes under a generation that the leaked key never saw.
        let keys = new.prepare(access, 42, [CONTACT]).unwrap();
        let sealed = EMAIL.seal(&keys, &"x".to_owned()).unwrap();
        for old in [&stored, &new, keys.envelope()] {
            let its = old.unwrap(at(&leaked), 42).unwrap();
            assert!(email.open(&its, &sealed).is_err());
        }
    }
}

/// Guards the signature of `create_for` and `prepare_for`: a consent is named with its class.
#[test]
fn a_consent_named_for_one_class_stays_with_it() {
    let mut admin = admin();
    advance(&mut admin, key_pair(0x60, "marketing", KeyState::OpenOnly));
    let classes = [CONTACT.consented_to(&["marketing"]), TRIAL.consented_to(&[])];
    let keys = DataKeys::create(at(&admin), 42, classes).unwrap();
    assert_eq!(recipients(keys.envelope(), "contact/1"), [APP, SUPPORT, 0x60]);
    assert_eq!(recipients(keys.envelope(), "trial/1"), [MEDICAL]);
    // A writer of all the readers of both begins the next of each.
    let mut writer = ring_of([envelope_key(ENVELOPE, KeyState::Primary)]);
    for (number, name) in
        [(APP + 1, "app"), (SUPPORT + 1, "support"), (MEDICAL, "medical"), (0x60, "marketing")]
    {
        let public = bytes::public(number);
        let half = RingKey::writer_half(
            id(number),
            name,
            KeyState::Primary,
            &public,
            &writer_secret(number),
        );
        writer.insert(half.unwrap()).unwrap();
    }
    let keys = DataKeys::create(at(&admin), 42, [CONTACT, TRIAL]).unwrap();
    let prepared = keys.envelope().prepare(at(&writer), 42, classes).unwrap();
    assert_eq!(recipients(prepared.envelope(), "contact/2"), [APP + 1, SUPPORT + 1, 0x60]);
    assert_eq!(recipients(prepared.envelope(), "trial/2"), [MEDICAL]);
    for named in [&["marketting"][..], &["app"], &["marketing", "marketing"]] {
        let classes = [CONTACT.consented_to(&[]), TRIAL.consented_to(named)];
        let made = DataKeys::create(at(&admin), 42, classes);
        assert_eq!(kind(made), ErrorKind::InvalidInput);
        let prepared = keys.envelope().prepare(at(&writer), 42, classes);
        assert_eq!(kind(prepared), ErrorKind::InvalidInput);
    }
}

/// Guards `rotate`: without it, a role of others' writer halves could become a symmetric one, or the
/// secret of one role come to every writer, by the order of random ids.
#[test]
fn a_role_rotated_keeps_its_sort() {
    for former in [1, MEDICAL + 1, u32::MAX] {
        let mut ring = admin();
        ring.insert(symmetric(former, "medical", KeyState::OpenOnly)).unwrap();
        let new = ring.rotate(KeyUse::Wrap, "medical").unwrap();
        let service = ring.subset(&["app"]).unwrap().into_ring();
        assert!(ring.key(new).unwrap().expose_writer_half().is_some(), "{former:x}");
        assert!(service.key(new).unwrap().expose_secret().is_none());
        assert!(DataKeys::create(at(&service), 42, [HEALTH]).is_ok(), "it still writes for it");
    }
}

/// Guards the tenant in the keys: data keys of one tenant's subject 42 open nothing of another's, and
/// say whose they are.
#[test]
fn data_keys_are_of_one_tenant() {
    let ring = admin();
    let [a, b] = ["tenant-a", "tenant-b"]
        .map(|tenant| DataKeys::create(at(&ring).tenant(tenant), 42, [CONTACT]).unwrap());
    assert_eq!((a.tenant(), b.tenant()), ("tenant-a", "tenant-b"));
    assert_eq!(a.subject(), b.subject());
    assert!(format!("{b:?}").contains("tenant-b"));
    let sealed = EMAIL.seal(&a, &"x".to_owned()).unwrap();
    assert_eq!(EMAIL.open(&a, &sealed).unwrap(), "x");
    assert_eq!(kind(EMAIL.open(&b, &sealed)), ErrorKind::WrongKey);
    for tenant in ["", "tenant-a", "tenant-ab"] {
        let access = at(&ring).tenant(tenant);
        assert_eq!(kind(b.envelope().unwrap(access, 42)), ErrorKind::Tampered);
        assert_eq!(kind(b.envelope().edit(access, 42)), ErrorKind::Tampered);
        assert_eq!(kind(b.envelope().prepare(access, 42, [CONTACT])), ErrorKind::Tampered);
    }
    // Its tag put on: still another key.
    let tag = info(b.envelope()).entries[0].key_tag;
    let moved = [&sealed.as_bytes()[..1], &tag, &sealed.as_bytes()[5..]].concat();
    assert_eq!(kind(EMAIL.open(&b, &Sealed::from_bytes(moved))), ErrorKind::Tampered);
}

/// Guards the audit: no way to keys that it is not told of, and no failure that it does not hear of.
#[test]
fn no_use_of_keys_goes_untold() {
    let ring = admin();
    let stored = envelope(&[CONTACT, HEALTH]);
    let log = Log::default();
    let access = at(&ring).audit(&log);
    let classes =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let mut altered = stored.as_bytes().to_vec();
    *altered.last_mut().unwrap() ^= 1;
    let altered = KeyEnvelope::from_bytes(altered);
    let tampered = (Action::Unwrap, classes(&[]), Err(ErrorKind::Tampered));
    assert!(altered.unwrap(access, 42).is_err());
    assert_eq!(log.told(), std::slice::from_ref(&tampered));
    assert!(altered.edit(access, 42).is_err());
    assert_eq!(log.told(), std::slice::from_ref(&tampered));
    assert!(altered.prepare(access, 42, [CONTACT]).is_err());
    assert_eq!(log.told(), [tampered]);

    // Beginning a generation of one class hands out the keys of the others.
    let app = service(&["app"]);
    let prepared = stored.prepare(at(&app).audit(&log), 42, [HEALTH]).unwrap();
    assert_eq!(prepared.version(), 2);
    let expected = [
        (Action::Renew, classes(&["health"]), Ok(())),
        (Action::Unwrap, classes(&["contact", "health"]), Ok(())),
    ];
    assert_eq!(log.told(), expected);
}

/// Guards KE-6 b: a wrap key, compromised or not, is never an envelope key, in rescue either.
#[test]
fn a_wrap_key_verifies_no_envelope() {
    let mut ring = admin();
    put(&mut ring, BILLING, KeyState::Compromised);
    let mut env = Env::parse(envelope(&[NOTES]).as_bytes());
    for number in [APP, BILLING, MEDICAL] {
        env.key_id = number;
        for access in [at(&ring), at(&ring).rescue()] {
            assert_eq!(kind(env.envelope().unwrap(access, 42)), ErrorKind::WrongKey);
            assert_eq!(kind(env.envelope().edit(access, 42)), ErrorKind::WrongKey);
        }
    }
}

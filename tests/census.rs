//! The census: what is counted from headers alone, and that no key is retired on less.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{Ent, Env, erased};
use common::*;
use fieldseal::keyring::{Census, GenerationCount, GenerationState, KeyState, KeyUsage, KeyUse};
use fieldseal::{Access, ErrorKind, Field, KeyEnvelope, KeyRing};

/// Place, class (none as envelope key), envelopes.
type Line = (String, Option<String>, u64);

fn needs(census: &Census, key: u32) -> Vec<Line> {
    let line = |need: KeyUsage| (need.place, need.class, need.envelopes);
    census.needs(id(key)).into_iter().map(line).collect()
}

fn line(place: &str, class: Option<&str>, envelopes: u64) -> Line {
    (place.into(), class.map(Into::into), envelopes)
}

fn count(envelopes: &[&KeyEnvelope]) -> Census {
    let mut census = Census::new_at(NOW);
    for envelope in envelopes {
        census.add(envelope.as_bytes());
    }
    census
}

/// `place class/generation state: envelopes`
fn generations(census: &Census) -> Vec<String> {
    let line = |of: GenerationCount| {
        format!("{} {}/{} {}: {}", of.place, of.class, of.generation, of.state, of.envelopes)
    };
    census.generations().map(line).collect()
}

#[track_caller]
fn refused_to_retire(ring: &mut KeyRing, key: u32, census: &Census) -> String {
    let before = format!("{ring:?}");
    let error = ring.retire(id(key), census).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedPrecondition, "{error}");
    assert_eq!(format!("{ring:?}"), before, "a refusal changes nothing");
    assert!(ring.key(id(key)).unwrap().state() != KeyState::Destroyed);
    error.to_string()
}

#[test]
fn census_says_where_each_key_is_needed() {
    let (both, contact) = (envelope(&[CONTACT, NOTES]), envelope(&[CONTACT]));
    let mut census = Census::new_at(NOW);
    census.at("customers.keys").add(both.as_bytes()).add(contact.as_bytes());
    census.at("keys").add_text(&contact.to_text());
    census.at("customers.keys").add(contact.as_bytes());

    assert_eq!(
        needs(&census, APP),
        [
            line("customers.keys", Some("contact"), 3),
            line("customers.keys", Some("notes"), 1),
            line("keys", Some("contact"), 1),
        ]
    );
    assert_eq!(census.count(id(APP)), 4, "an envelope that names it in two classes is one");
    assert_eq!(needs(&census, ENVELOPE), [line("customers.keys", None, 3), line("keys", None, 1)]);
    assert_eq!(needs(&census, BILLING), []);
    assert_eq!(needs(&census, 999), []);
}

#[test]
fn census_counts_generations_by_state() {
    let ring = admin();
    let access = Access::new(&ring).at(NOW);
    let renewed = edited(access, &envelope(&[CONTACT, FINANCIAL]), |edit| edit.renew(CONTACT));
    let gone = edited(access, &renewed, |edit| edit.erase_class("contact"));
    let nobody = edited(access, &envelope(&[CONTACT]), |edit| edit.erase_subject());
    let count = |now: u64| {
        let mut census = Census::new_at(now);
        for envelope in [&renewed, &gone, &nobody] {
            census.at("t").add(envelope.as_bytes());
        }
        census
    };
    assert_eq!(
        generations(&count(NOW)),
        [
            "t contact/1 live: 1",
            "t contact/1 erased: 2",
            "t contact/2 live: 1",
            "t contact/2 erased: 1",
            "t financial/1 live: 2",
        ]
    );
    let expiry = |envelope: &KeyEnvelope| entry(envelope, "financial/1").live().expires_at;
    let at = expiry(&renewed);
    assert_eq!(generations(&count(at - 1)).last().unwrap(), "t financial/1 live: 2");
    let census = count(at);
    assert_eq!(generations(&census).last().unwrap(), "t financial/1 expired: 2");
    assert_eq!(census.places().next().unwrap().erased_subjects, 1);

    // What has expired is there still, and needs its key until it is swept.
    assert_eq!(census.count(id(BILLING)), 2);
    let mut ring = admin();
    ring.rotate(KeyUse::Wrap, "billing").unwrap();
    let text = refused_to_retire(&mut ring, BILLING, &census);
    assert!(text.contains("class financial (2)"), "{text}");
}

#[test]
fn generation_is_counted_by_suite_and_recipients() {
    let mut later = live("notes", 1, &[APP]);
    later.live_mut().suite = 2;
    later.live_mut().recipients.push(unknown(0x9000));
    let mut census = count(&[&stored(&[later]), &stored(&[live("notes", 1, &[APP, SUPPORT])])]);
    census.name_keys(&admin());
    let told: Vec<_> = census
        .generations()
        .map(|of| {
            let recipients = of.recipients.iter().map(ToString::to_string);
            (of.suite, of.state, recipients.collect::<Vec<_>>().join(", "))
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some(1), GenerationState::Live, "app 00000010, support 00000020".into()),
            (Some(2), GenerationState::Live, "app 00000010, 00009000".into()),
        ]
    );
}

#[test]
fn key_is_not_retired_while_an_envelope_names_it_and_is_told_where() {
    let mut ring = admin();
    for (key_use, name) in [(KeyUse::Wrap, "app"), (KeyUse::Envelope, "envelope")] {
        ring.rotate(key_use, name).unwrap();
    }
    let mut census = Census::new_at(NOW);
    census.at("customers.keys").add(envelope(&[CONTACT, NOTES]).as_bytes());
    census.at("accounts.keys").add(envelope(&[HEALTH]).as_bytes());

    let text = refused_to_retire(&mut ring, APP, &census);
    assert!(text.contains("1 of 2") && text.contains("`app`"), "{text}");
    assert!(text.contains("customers.keys, class contact (1), customers.keys, class notes (1)"));
    assert!(!text.contains("accounts"), "{text}");
    let text = refused_to_retire(&mut ring, ENVELOPE, &census);
    assert!(text.contains("accounts.keys, as envelope key (1)"), "{text}");
    assert!(text.contains("customers.keys, as envelope key (1)"), "{text}");
}

#[test]
fn long_list_of_needs_is_cut_in_the_message_only() {
    let mut ring = admin();
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    let mut census = Census::new_at(NOW);
    for place in 0..9 {
        census.at(&format!("table {place}")).add(envelope(&[NOTES]).as_bytes());
    }
    let text = refused_to_retire(&mut ring, APP, &census);
    assert!(text.contains("table 3") && text.contains("and 5 more"), "{text}");
    assert!(!text.contains("table 4"), "{text}");
    assert_eq!(census.needs(id(APP)).len(), 9);
}

/// One recipient in one old generation is enough, of a class that nobody reads any more too.
#[test]
fn single_recipient_in_an_older_generation_keeps_its_key() {
    const OLD: u32 = 0x77;
    let mut ring = admin();
    ring.insert(symmetric(OLD, "app", KeyState::OpenOnly)).unwrap();
    let one = stored(&[live("notes", 1, &[OLD]), live("notes", 2, &[APP])]);
    let text = refused_to_retire(&mut ring, OLD, &count(&[&one]));
    assert!(text.contains("1 of 1"), "{text}");

    let access = Access::new(&ring).at(NOW);
    let mut edit = one.edit(access, 42).unwrap();
    edit.rewrap(()).unwrap();
    let untouched = edit.finish().unwrap();
    refused_to_retire(&mut ring, OLD, &count(&[&untouched]));

    let access = Access::new(&ring).at(NOW);
    let rewrapped = edited(access, &one, |edit| edit.rewrap([NOTES]).map(drop));
    ring.retire(id(OLD), &count(&[&rewrapped])).unwrap();
    assert!(ring.key(id(OLD)).unwrap().expose_secret().is_none());
}

/// The recipient whose role the ring does not know is counted like any other, and so is one of a kind
/// that a later version added.
#[test]
fn recipient_of_a_later_kind_keeps_its_key() {
    let mut ring = admin();
    ring.insert(symmetric(0x9000, "app", KeyState::OpenOnly)).unwrap();
    let mut later = live("notes", 1, &[APP]);
    later.live_mut().recipients.push(unknown(0x9000));
    refused_to_retire(&mut ring, 0x9000, &count(&[&stored(&[later])]));
}

#[test]
fn what_cannot_be_read_lets_no_key_go() {
    let good = envelope(&[NOTES]);
    let cut = &good.as_bytes()[..good.as_bytes().len() - 1];
    const NOTE: Field<String> = Field::new("customer", "note", NOTES);
    let ring = admin();
    let keys = good.unwrap(Access::new(&ring).at(NOW), 42).unwrap();
    let field = NOTE.seal(&keys, &"call back".into()).unwrap();
    let mut version = good.as_bytes().to_vec();
    version[0] = 0xF8;
    for bytes in [&[][..], b"plain", cut, &version, field.as_bytes()] {
        let mut ring = admin();
        ring.rotate(KeyUse::Wrap, "medical").unwrap();
        let mut census = count(&[&good]);
        census.at("customers.keys").add(bytes);
        assert_eq!((census.envelopes(), census.unreadable()), (1, 1), "{bytes:?}");
        let text = refused_to_retire(&mut ring, MEDICAL, &census);
        assert!(text.contains("1 stored") && text.contains("customers.keys"), "{text}");
        ring.force_destroy(id(MEDICAL)).unwrap();
    }
    let mut census = Census::new_at(NOW);
    for text in ["", "fs1.", "fs1.AAAA", "ada@example.com", &format!("{}=", good.to_text())] {
        census.add_text(text);
    }
    assert_eq!((census.envelopes(), census.unreadable()), (0, 5));
}

#[test]
fn census_of_nothing_lets_no_key_go() {
    let mut ring = admin();
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    let mut census = Census::new_at(NOW);
    census.at("customers.keys").name_keys(&admin());
    let text = refused_to_retire(&mut ring, APP, &census);
    assert!(text.contains("counted no envelope"), "{text}");
}

#[test]
fn standalone_envelopes_count_as_they_are_stored() {
    let ring = admin();
    let access = Access::new(&ring).at(NOW);
    let sealed = access.seal_for(&["billing"], b"invoice 7", b"paid").unwrap();
    let mut census = Census::new_at(NOW);
    census.at("invoices.file").add(&sealed);
    assert_eq!(needs(&census, BILLING), [line("invoices.file", Some("standalone"), 1)]);
    assert_eq!(needs(&census, ENVELOPE), [line("invoices.file", None, 1)]);
}

/// A destroyed data key needs nobody, and its mark only who verifies it.
#[test]
fn erased_subject_needs_its_envelope_key_alone() {
    let gone = Env::of([erased("contact", 1, [1, 2, 3, 4]), Ent::Subject(NOW)]).envelope();
    let census = count(&[&gone]);
    assert_eq!(census.keys().map(|key| key.id.get()).collect::<Vec<_>>(), [ENVELOPE]);
    let mut ring = admin();
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    ring.retire(id(APP), &census).unwrap();
}

#[test]
fn census_prints_what_is_where() {
    let mut ring = admin();
    ring.add_index_key().unwrap();
    let access = Access::new(&ring).at(NOW);
    let nobody = edited(access, &envelope(&[NOTES]), |edit| edit.erase_subject());
    let mut census = Census::new_at(NOW);
    assert_eq!(census.to_string(), "counted envelopes: 0");
    census.at("customers.keys").add(envelope(&[CONTACT]).as_bytes()).add(nobody.as_bytes());
    census.at("").add(b"?");
    let nameless = census.to_string();
    assert!(nameless.contains("contact/1 live: 1, for 00000010 (1), 00000020 (1)"), "{nameless}");
    assert!(nameless.contains("\n  00000010: 1"), "{nameless}");
    census.name_keys(&ring);
    assert_eq!(
        census.to_string(),
        "counted envelopes: 2\n\
         a place without a name: 0, and not readable 1\n\
         customers.keys: 2, of erased subjects 1\n  \
         verified by envelope e0000001 (2)\n  \
         contact/1 live: 1, for app 00000010 (1), support 00000020 (1)\n  \
         notes/1 erased: 1\n\
         ring keys:\n  \
         00000010 wrap app, primary: 1\n  \
         00000020 wrap support, primary: 1\n  \
         00000030 wrap marketing, primary: 0\n  \
         00000040 wrap billing, primary: 0\n  \
         00000050 wrap medical, primary: 0\n  \
         e0000001 envelope envelope, primary: 2"
    );
}

#[cfg(feature = "serde")]
#[test]
fn census_serializes_without_a_secret() {
    let mut census = Census::new_at(NOW);
    census.at("customers.keys").add(envelope(&[NOTES]).as_bytes()).name_keys(&service(&["app"]));
    let json = serde_json::to_value(&census).unwrap();
    assert_eq!(json["counted_at"], NOW);
    assert_eq!(json["generations"][0]["class"], "notes");
    assert_eq!(json["generations"][0]["state"], "live");
    let app = &json["generations"][0]["recipients"][0];
    assert_eq!(
        app,
        &serde_json::json!({
            "id": "00000010", "use": "wrap", "name": "app", "state": "primary", "envelopes": 1
        })
    );
    assert_eq!(json["places"][0]["envelope_keys"][0]["id"], "e0000001");
    assert_eq!(json["keys"].as_array().unwrap().len(), 6);
}

/// Without a clock of its own a census takes the system's.
#[cfg(feature = "std")]
#[test]
fn census_is_of_the_present_unless_told() {
    let ring = admin();
    let long_ago = Access::new(&ring).at(1);
    let old = fieldseal::DataKeys::create(long_ago, 42, [FINANCIAL]).unwrap();
    let mut census = Census::new();
    census.add(old.envelope().as_bytes());
    assert_eq!(census.generations().next().unwrap().state, GenerationState::Expired);
}

/// What a ring signs and finds by is in no envelope.
#[cfg(feature = "file")]
#[test]
fn key_that_signs_is_never_retired() {
    let mut ring = admin();
    let key = ring.add_signing_key().unwrap();
    ring.rotate(KeyUse::Sign, "sign").unwrap();
    let text = refused_to_retire(&mut ring, key.get(), &count(&[&envelope(&[NOTES])]));
    assert!(text.contains("force_destroy"), "{text}");
    assert!(count(&[]).name_keys(&ring).keys().all(|line| line.key_use != Some(KeyUse::Sign)));
}

#[cfg(feature = "std")]
#[test]
fn store_is_counted_under_the_name_of_its_place() {
    use fieldseal::{DataKeys, KeyStore as _, MemoryKeyStore};

    let (mut ring, store) = (admin(), MemoryKeyStore::new());
    ring.rotate(KeyUse::Wrap, "app").unwrap();
    ring.rotate(KeyUse::Wrap, "medical").unwrap();
    for subject in 0..3 {
        let keys = DataKeys::create(&admin(), subject, [NOTES]).unwrap();
        store.save_unchecked(&(), "", subject, keys.envelope()).unwrap();
    }
    let mut census = Census::new();
    store.census(&(), "customers.keys", &mut census).unwrap();
    assert_eq!(needs(&census, APP), [line("customers.keys", Some("notes"), 3)]);
    let text = refused_to_retire(&mut ring, APP, &census);
    assert!(text.contains("customers.keys, class notes (3)"), "{text}");
    ring.retire(id(MEDICAL), &census).unwrap();
}

//! Who reads what: grant, withdraw, erase, clause by clause.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{Ent, Env, Live, Rec, erased};
use common::*;
use fieldseal::envelope::History;
use fieldseal::keyring::KeyState;
use fieldseal::{Access, Class, ErrorKind, KeyEnvelope, KeyRing};

/// Read by a key pair, and with consent.
const TRIAL: Class = Class::new("trial").readers(&["medical"]).readers_with_consent(&["marketing"]);

fn at(ring: &KeyRing) -> Access<'_> {
    Access::new(ring).at(NOW)
}

/// Subject 42's envelope with marketing's consent to `contact`, over two generations.
fn consented() -> KeyEnvelope {
    let ring = admin();
    edited(at(&ring), &envelope(&[CONTACT, NOTES]), |edit| {
        edit.renew(CONTACT)?;
        edit.grant(CONTACT, "marketing", History::Included)
    })
}

/// `[ED-10]`
#[test]
fn a_grant_with_history_opens_every_live_generation() {
    let ring = admin();
    let old = stored(&[
        live("contact", 1, &[APP]),
        erased("contact", 2, [9, 9, 9, 9]),
        live("contact", 3, &[APP, SUPPORT]),
        live("notes", 1, &[APP]),
    ]);
    let granted =
        edited(at(&ring), &old, |edit| edit.grant(CONTACT, "marketing", History::Included));
    let marketing = service(&["marketing"]);
    for (generation, reach) in [
        ("contact/1", "open"),
        ("contact/2", "erased"),
        ("contact/3", "open"),
        ("notes/1", "not permitted"),
    ] {
        assert_ne!(reached(&marketing, &old, generation), "open");
        assert_eq!(reached(&marketing, &granted, generation), reach, "{generation}");
        // Whoever read before reads on, by the same bytes.
        if let (Ent::Live(before), Ent::Live(after)) =
            (entry(&old, generation), entry(&granted, generation))
        {
            let kept = |one: &&Rec| before.recipients.contains(one);
            assert_eq!(after.recipients.iter().filter(kept).count(), before.recipients.len());
        }
    }
    assert_eq!(info(&granted).entries.len(), 4, "no generation is begun");
}

/// `[ED-10]` Granted again, the role has one recipient, under its primary.
#[test]
fn a_grant_replaces_the_recipients_of_the_role_by_one() {
    let mut ring = admin();
    advance(&mut ring, symmetric(MARKETING + 1, "marketing", KeyState::OpenOnly));
    advance(&mut ring, symmetric(MARKETING + 2, "marketing", KeyState::OpenOnly));
    let old = stored(&[live("contact", 1, &[APP, MARKETING, MARKETING + 1])]);
    let granted =
        edited(at(&ring), &old, |edit| edit.grant(CONTACT, "marketing", History::Included));
    assert_eq!(recipients(&granted, "contact/1"), [APP, MARKETING + 2]);
}

/// `[ED-10]`
#[test]
fn a_grant_without_history_opens_only_what_comes() {
    let ring = admin();
    let old = envelope(&[CONTACT]);
    let granted =
        edited(at(&ring), &old, |edit| edit.grant(CONTACT, "marketing", History::Excluded));
    let marketing = service(&["marketing"]);
    assert_eq!(reached(&marketing, &granted, "contact/1"), "not permitted");
    assert_eq!(reached(&marketing, &granted, "contact/2"), "open");
    assert_eq!(entry(&granted, "contact/1"), entry(&old, "contact/1"));
    // It needs no key that opens.
    let seal_only = service(&[]);
    let old = envelope(&[HEALTH]);
    let granted =
        edited(at(&seal_only), &old, |edit| edit.grant(HEALTH, "medical", History::Excluded));
    assert_eq!(recipients(&granted, "health/2"), [MEDICAL]);
}

/// `[ED-10]` Whole or not at all.
#[test]
fn a_grant_that_cannot_be_whole_grants_nothing() {
    use ErrorKind::{Erased, InvalidInput, MissingClass, MissingKey, NotPermitted};
    let first = live("contact", 1, &[APP, SUPPORT]);
    let mut forged = live("contact", 2, &[APP]);
    forged.live_mut().recipients[0].wrapped[40] ^= 1;
    let strange = Ent::Live(
        Live::of("contact", 2, &data_key(2)).readable(&data_key(2), &[APP]).with([unknown(0x7000)]),
    );
    let gone = erased("contact", 2, [7; 4]);
    let both = [Some(NotPermitted), None];
    for (second, role, expected) in [
        (live("contact", 2, &[APP]), "billing", [Some(InvalidInput); 2]),
        (live("contact", 2, &[APP]), "nobody", [Some(InvalidInput); 2]),
        (live("contact", 2, &[BILLING]), "marketing", both),
        (forged, "marketing", [Some(ErrorKind::Tampered), None]),
        (of_suite(live("contact", 2, &[APP]), 2), "marketing", [Some(ErrorKind::Unsupported); 2]),
        (gone.clone(), "marketing", [None, Some(Erased)]),
        (strange, "marketing", [None, Some(MissingKey)]),
    ] {
        let old = stored(&[first.clone(), second.clone()]);
        let mut ring = admin();
        put(&mut ring, BILLING, KeyState::Disabled);
        for (history, expected) in [History::Included, History::Excluded].into_iter().zip(expected)
        {
            let mut edit = old.edit(at(&ring), 42).unwrap();
            let granted = edit.grant(CONTACT, role, history);
            let kind = granted.map_err(|error| error.kind()).err();
            assert_eq!(kind, expected, "{second:?} {history:?}");
            if expected.is_some() {
                assert_eq!(edit.finish().unwrap(), old);
            }
        }
    }
    for history in [History::Included, History::Excluded] {
        let grant = |ring: &KeyRing, old: &KeyEnvelope, class: &Class| {
            refused(at(ring), old, |edit| edit.grant(class, "marketing", history))
        };
        let ring = admin();
        let erased = stored(&[erased("contact", 1, [8; 4]), gone.clone()]);
        assert_eq!(grant(&ring, &erased, &CONTACT), Erased);
        assert_eq!(grant(&ring, &envelope(&[CONTACT]), &TRIAL), MissingClass);
        let mut without = admin();
        put(&mut without, MARKETING, KeyState::OpenOnly);
        assert_eq!(grant(&without, &envelope(&[CONTACT]), &CONTACT), MissingKey);
        // The role's key is asked for before anything of the class is looked at.
        assert_eq!(grant(&without, &erased, &CONTACT), MissingKey);
        let closed = stored(&[live("contact", 1, &[0x7000])]);
        assert_eq!(grant(&without, &closed, &CONTACT), MissingKey);
    }
}

/// `[ED-11]`, at the level of keys: no generation begun from now on is within the role's reach.
#[test]
fn withdrawn_role_cannot_open_what_is_sealed_later() {
    let old = consented();
    let marketing = service(&["marketing"]);
    assert_eq!(reached(&marketing, &old, "contact/1"), "open");
    assert_eq!(reached(&marketing, &old, "contact/2"), "open");
    let ring = admin();
    let mut new = edited(at(&ring), &old, |edit| edit.withdraw(CONTACT, "marketing"));
    // Step 2: out of every generation. Step 4: a new one is begun.
    assert_eq!(recipients(&new, "contact/3"), [APP, SUPPORT]);
    for _ in 0..2 {
        for generation in info(&new).entries {
            let name = format!("{}/{}", generation.class, generation.generation);
            assert_eq!(reached(&marketing, &new, &name), "not permitted");
            let still = reached(&ring, &new, &name);
            assert_eq!(still, "open", "the others keep it");
        }
        // And it is in no later one.
        new = edited(at(&ring), &new, |edit| edit.renew(CONTACT));
        let prepared = new.prepare(at(&marketing), 42, [CONTACT]).unwrap();
        assert_eq!(prepared.envelope(), &new);
    }
    // What a withdrawn role kept of the old envelope opens what was sealed before, and no more.
    let keys = old.unwrap(at(&marketing), 42).unwrap();
    assert!(reach(&keys).iter().all(|(name, _)| name != "contact/3"));
    let tags = |stored: &KeyEnvelope| -> Vec<[u8; 4]> {
        info(stored).entries.iter().map(|entry| entry.key_tag).collect()
    };
    let third = info(&new).entries[2].key_tag;
    assert!(!tags(&old).contains(&third));
}

/// `[ED-11]` step 2: of any kind, under any key of the role.
#[test]
fn withdrawing_removes_every_recipient_of_the_role() {
    let mut ring = admin();
    advance(&mut ring, key_pair(0x60, "marketing", KeyState::OpenOnly));
    ring.insert(symmetric(0x61, "marketing", KeyState::Disabled)).unwrap();
    ring.insert(symmetric(0x62, "marketing", KeyState::OpenOnly)).unwrap();
    put(&mut ring, 0x62, KeyState::Destroyed);
    let first = Live::of("contact", 1, &data_key(1));
    let pair = first.kind_2_psk(0x60, &data_key(1), &bytes::psk(0x60));
    let first = first.readable(&data_key(1), &[APP, MARKETING, 0x61]).with([pair, unknown(0x62)]);
    let old = stored(&[
        Ent::Live(first),
        of_suite(live("contact", 2, &[APP, MARKETING]), 1),
        live("notes", 1, &[APP, MARKETING]),
    ]);
    let new = edited(at(&ring), &old, |edit| edit.withdraw(CONTACT, "marketing"));
    assert_eq!(recipients(&new, "contact/1"), [APP]);
    assert_eq!(recipients(&new, "contact/2"), [APP]);
    assert_eq!(recipients(&new, "contact/3"), [APP, SUPPORT]);
    assert_eq!(entry(&new, "notes/1"), entry(&old, "notes/1"), "another class");
}

/// `[ED-11]` step 3.
#[test]
fn a_generation_left_without_recipients_becomes_erased() {
    let old = stored(&[live("contact", 1, &[MARKETING]), live("contact", 2, &[APP, MARKETING])]);
    let tag = info(&old).entries[0].key_tag;
    let ring = admin();
    let later = Access::new(&ring).at(NOW + 9);
    let new = edited(later, &old, |edit| edit.withdraw(CONTACT, "marketing"));
    let expected = Ent::Erased { class: b"contact".to_vec(), generation: 1, tag, at: NOW + 9 };
    assert_eq!(entry(&new, "contact/1"), expected);
    assert_eq!(recipients(&new, "contact/2"), [APP]);
}

/// `[ED-11]` Over an erased generation a withdrawal begins none, and moves the number on.
#[test]
fn withdrawing_under_an_erased_highest_generation_begins_none() {
    let old = stored(&[live("contact", 1, &[APP, MARKETING]), erased("contact", 2, [7; 4])]);
    let ring = admin();
    let new = edited(at(&ring), &old, |edit| edit.withdraw(CONTACT, "marketing"));
    assert_eq!(recipients(&new, "contact/1"), [APP]);
    assert_eq!(reached(&ring, &new, "contact/3"), "erased");
    assert_eq!(info(&new).entries.len(), 3);
}

/// `[ED-11]` step 4: the other consented readers keep their consent, as it was before.
#[test]
fn withdrawing_one_consent_keeps_the_others() {
    const TWO: Class =
        Class::new("contact").readers(&["app"]).readers_with_consent(&["marketing", "support"]);
    let old = stored(&[live("contact", 1, &[APP, SUPPORT, MARKETING])]);
    let ring = admin();
    let new = edited(at(&ring), &old, |edit| edit.withdraw(TWO, "marketing"));
    assert_eq!(recipients(&new, "contact/2"), [APP, SUPPORT]);
    let none = edited(at(&ring), &new, |edit| edit.withdraw(TWO, "support"));
    assert_eq!(recipients(&none, "contact/3"), [APP]);
}

/// `[ED-11]` step 5.
#[test]
fn withdrawing_the_last_reader_erases_the_highest_generation() {
    const ASKED: Class = Class::new("contact").readers(&[]).readers_with_consent(&["marketing"]);
    // Generation 1 has a reader of an older declaration, which is no reader now.
    let old =
        stored(&[live("contact", 1, &[BILLING, MARKETING]), live("contact", 2, &[MARKETING])]);
    let ring = admin();
    let new = edited(at(&ring), &old, |edit| edit.withdraw(ASKED, "marketing"));
    assert_eq!(info(&new).entries.len(), 3, "none is begun, and the number moves on");
    assert_eq!(reached(&ring, &new, "contact/2"), "erased");
    assert_eq!(reached(&ring, &new, "contact/3"), "erased");
    assert_eq!(recipients(&new, "contact/1"), [BILLING], "what others read is not lost");
    // A reader of an older declaration can be withdrawn too. Without a declared reader nothing
    // vouches for a consent, so those who remain are named.
    let kind = refused(at(&ring), &old, |edit| edit.withdraw(ASKED, "billing"));
    assert_eq!(kind, ErrorKind::MissingKey);
    let new = edited(at(&ring), &old, |edit| {
        edit.withdraw(ASKED.consented_to(&["marketing"]), "billing")
    });
    assert_eq!(recipients(&new, "contact/1"), [MARKETING]);
    assert_eq!(recipients(&new, "contact/3"), [MARKETING]);
}

/// `[ED-11]`, and its preconditions.
#[test]
fn a_withdrawal_that_cannot_be_whole_withdraws_nothing() {
    let withdraw = |ring: &KeyRing, old: &KeyEnvelope, role: &str| {
        refused(at(ring), old, |edit| edit.withdraw(CONTACT, role))
    };
    let (ring, old) = (admin(), consented());
    assert_eq!(withdraw(&ring, &old, "app"), ErrorKind::InvalidInput);
    let notes = envelope(&[NOTES]);
    assert_eq!(withdraw(&ring, &notes, "marketing"), ErrorKind::MissingClass);
    assert_eq!(withdraw(&ring, &notes, "app"), ErrorKind::InvalidInput);
    // Step 1, in whichever live generation, though no consent of the role is at stake.
    let strange =
        Live::of("contact", 1, &data_key(1)).readable(&data_key(1), &[APP]).with([unknown(0x7000)]);
    let old_stranger = stored(&[Ent::Live(strange), live("contact", 2, &[APP, MARKETING])]);
    assert_eq!(withdraw(&ring, &old_stranger, "marketing"), ErrorKind::MissingKey);
}

#[test]
fn withdrawing_from_a_role_without_the_class_takes_a_version_and_no_entry() {
    let ring = admin();
    let old = envelope(&[CONTACT]);
    let same = edited(at(&ring), &old, |edit| edit.withdraw(CONTACT, "marketing"));
    assert_eq!(info(&same).entries, info(&old).entries);
    assert_eq!(info(&same).version, 2, "so that a grant which is under way loses the race");
    for role in ["billing", "nobody"] {
        let kind = refused(at(&ring), &old, |edit| edit.withdraw(CONTACT, role));
        assert_eq!(kind, ErrorKind::InvalidInput, "{role}");
    }
}

/// `[ED-12]`, `[ED-13]`
#[test]
fn erasing_a_class_erases_its_generations_and_masks_in_place() {
    let old = stored(&[
        erased("contact", 1, [1; 4]),
        live("contact", 2, &[APP]),
        of_suite(live("contact", 3, &[APP]), 9),
        live("contact.old", 1, &[APP]),
        live("mask.contact", 1, &[SUPPORT]),
        live("mask.contact.old", 2, &[SUPPORT]),
        live("notes", 4, &[APP]),
    ]);
    let ring = admin();
    let later = Access::new(&ring).at(NOW + 9);
    let new = edited(later, &old, |edit| edit.erase_class("contact"));
    let (before, after) = (Env::parse(old.as_bytes()), Env::parse(new.as_bytes()));
    for (position, (old, new)) in before.entries.iter().zip(&after.entries).enumerate() {
        if [1, 2, 4].contains(&position) {
            let live = old.live();
            let expected = Ent::Erased {
                class: live.class.clone(),
                generation: live.generation,
                tag: live.commitment[..4].try_into().unwrap(),
                at: NOW + 9,
            };
            assert_eq!(new, &expected);
        } else {
            assert_eq!(new, old, "{position}");
        }
    }
    // Nothing of the data key is left in the bytes.
    let live = before.entries[1].live();
    let left = |part: &[u8]| new.as_bytes().windows(part.len()).any(|window| window == part);
    assert!(!left(&live.commitment[4..12]) && !left(&live.recipients[0].wrapped[24..40]));

    let again = edited(at(&ring), &new, |edit| edit.erase_class("contact"));
    assert_eq!(info(&again).entries.len(), info(&new).entries.len() + 2, "the numbers move on");
    let kind = refused(at(&ring), &new, |edit| edit.erase_class("contac"));
    assert_eq!(kind, ErrorKind::MissingClass);
}

/// `[ED-14]`, `[KE-6]`
#[test]
fn erasing_the_subject_erases_everything_for_good() {
    let ring = admin();
    let old = stored(&[
        erased("contact", 1, [1; 4]),
        of_suite(live("contact", 3, &[APP]), 9),
        live("notes", 4, &[APP]),
    ]);
    let later = Access::new(&ring).at(NOW + 9);
    let new = edited(later, &old, |edit| edit.erase_subject());
    let env = Env::parse(new.as_bytes());
    assert_eq!(env.entries.len(), 4);
    assert_eq!(env.entries[3], Ent::Subject(NOW + 9));
    assert_eq!(env.entries[0], Env::parse(old.as_bytes()).entries[0]);
    assert_eq!(info(&new).subject_erased_at, Some(NOW + 9));
    let keys = new.unwrap(at(&ring), 42).unwrap();
    assert!(keys.is_erased() && keys.reached().is_empty());
    let same = edited(at(&ring), &new, |edit| edit.erase_subject());
    assert_eq!(same, new, "it stands there already");
}

/// `[ED-13]` By a declarable name; the masks alone are found by it too.
#[test]
fn a_class_is_erased_by_a_name_that_can_be_declared() {
    let old = stored(&[live("mask.contact", 1, &[APP]), live("standalone", 1, &[SUPPORT])]);
    let ring = admin();
    for name in ["mask.contact", "standalone", "Contact", "", &"a".repeat(60)] {
        let kind = refused(at(&ring), &old, |edit| edit.erase_class(name));
        assert_eq!(kind, ErrorKind::InvalidInput, "{name}");
    }
    let new = edited(at(&ring), &old, |edit| edit.erase_class("contact"));
    assert_eq!(reached(&ring, &new, "mask.contact/1"), "erased");
    assert_eq!(reached(&ring, &new, "standalone/1"), "open");
}

/// `[ED-14]` From the front, as few as needed, never the highest of a class.
#[test]
fn erasing_the_subject_prunes_what_does_not_fit() {
    let tag = |number: u16, class: u8| {
        let [a, b] = number.to_be_bytes();
        [a, b, class, 1]
    };
    let mut entries = vec![erased("a", 1, tag(1, 0))];
    entries.extend((1..=3852).map(|number| erased("b", number, tag(number, 1))));
    let full = stored(&entries);
    assert_eq!(full.as_bytes().len(), 31 + 3853 * 17);
    let ring = admin();
    let new = edited(at(&ring), &full, |edit| edit.erase_subject());
    let env = Env::parse(new.as_bytes());
    assert_eq!(env.entries.len(), 3853);
    assert_eq!(env.entries[0], entries[0], "the highest of its class");
    assert_eq!(env.entries[1..3852], entries[2..], "one is enough");
    assert_eq!(env.entries[3852], Ent::Subject(NOW));

    // Where each is the highest of its class, those go too: no class of an erased subject is begun again.
    let name = |number: u16| format!("c{number:04}");
    let all: Vec<Ent> = (0..3120).map(|number| erased(&name(number), 1, tag(number, 2))).collect();
    let full = stored(&all[..(65_535 - 31) / 21]);
    assert!(65_535 - full.as_bytes().len() < 9);
    let new = edited(at(&ring), &full, |edit| edit.erase_subject());
    assert!(info(&new).subject_erased_at.is_some());
    assert_eq!(info(&new).entries.len(), (65_535 - 31) / 21 - 1);
}

/// `[ED-14]` A live entry is longer than an erased one, so no erasure of one can be too long.
#[test]
fn a_full_envelope_can_be_erased() {
    let mut filler = unknown(0xF000_0000);
    filler.wrapped = vec![0; 65_535 - 31 - (54 + 5) - 7];
    let full = stored(&[Ent::Live(Live::of("notes", 1, &data_key(1)).with([filler]))]);
    assert_eq!(full.as_bytes().len(), 65_535);
    let ring = admin();
    let new = edited(at(&ring), &full, |edit| edit.erase_subject());
    assert_eq!(new.as_bytes().len(), 31 + 21 + 9);
}

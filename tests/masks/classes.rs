//! The classes of masks: declared, renewed, granted, erased and expired like any other.

use fieldseal::class::MaskName;
#[cfg(feature = "schema")]
use fieldseal::class::OwnedClass;
use fieldseal::envelope::{EntryState, History};
use fieldseal::field::Masking;
use fieldseal::{Class, DataKeys, ErrorKind, Field, Mask};

#[cfg(feature = "file")]
use super::common::bytes::Ent;
use super::common::*;
use super::{CARD, CARD_MASK, SHOWN, at, open, written};

#[test]
fn mask_class_is_kept_as_long_as_the_class_it_masks() {
    assert_eq!(SHOWN.name(), "mask.financial");
    assert_eq!(SHOWN.retention_seconds(), FINANCIAL.retention_seconds());
    assert_eq!(SHOWN.generation_seconds(), FINANCIAL.generation_seconds());
    assert_eq!(SHOWN.reader_roles(), ["billing", "support"]);
    assert_eq!(SHOWN.consent_roles(), [""; 0]);

    const LONG: Class =
        Class::new("a.class.whose.name.is.as.long.as.one.can.be.and.no.longer.x").retain_days(10);
    const OF_LONG: Class = Class::mask_of(&LONG, const { &MaskName::of(&LONG) }, &["app"]);
    assert_eq!((LONG.name().len(), OF_LONG.name().len()), (59, 64));
    const PERIOD: Class = Class::new("period").retain_days(10).generation_days(3);
    const OF_PERIOD: Class = Class::mask_of(&PERIOD, const { &MaskName::of(&PERIOD) }, &["app"]);
    assert_eq!(OF_PERIOD.generation_seconds(), 3 * DAY);
}

/// As it is read from declarations, it is the same.
#[cfg(feature = "schema")]
#[test]
fn mask_class_is_declared_at_run_time_too() {
    let declared = OwnedClass::new("mask.financial", &["billing", "support"], &[], 365, 0);
    assert_eq!(declared.unwrap().class(), SHOWN);
    let long = format!("mask.{}", "a".repeat(59));
    assert!(OwnedClass::new(&long, &["app"], &[], 0, 0).is_ok());
    for (name, readers, consent) in [
        ("mask.", &["app"][..], &[][..]),
        ("mask.standalone", &["app"], &[]),
        ("mask.mask.financial", &["app"], &[]),
        ("mask.9", &["app"], &[]),
        ("mask.financial", &[], &[]),
        ("mask.financial", &["app"], &["marketing"]),
    ] {
        let refused = kind(OwnedClass::new(name, readers, consent, 0, 0));
        assert_eq!(refused, ErrorKind::Declaration, "{name}");
    }
    assert!(OwnedClass::new(&format!("{long}a"), &["app"], &[], 0, 0).is_err());
}

/// The name of one class's masks, kept where a test can name it.
fn name_of(class: &Class) -> &'static MaskName {
    Box::leak(Box::new(MaskName::of(class)))
}

#[test]
#[should_panic(expected = "another class's masks")]
fn mask_class_has_the_name_of_its_source() {
    let _ = Class::mask_of(&CONTACT, name_of(&NOTES), &["app"]);
}

#[test]
#[should_panic(expected = "a mask has no mask")]
fn mask_class_has_no_masks_itself() {
    let _ = MaskName::of(&SHOWN);
}

#[test]
#[should_panic(expected = "name who reads the masks")]
fn mask_class_has_readers() {
    let _ = Class::mask_of(&CONTACT, name_of(&CONTACT), &[]);
}

#[test]
#[should_panic(expected = "a role is named twice")]
fn mask_class_names_a_reader_once() {
    let _ = Class::mask_of(&CONTACT, name_of(&CONTACT), &["app", "app"]);
}

/// `[NM-2]`
#[test]
#[should_panic(expected = "a mask class holds masks only")]
fn no_value_is_of_a_mask_class() {
    let _ = Field::<String>::new("customer", "card", SHOWN);
}

#[test]
#[should_panic(expected = "a mask class holds masks only")]
fn no_value_was_of_a_mask_class() {
    let _ = Field::<String>::new("customer", "card", FINANCIAL).was(SHOWN);
}

mod beside_a_field {
    //! What is refused where a field is declared; in a constant it does not compile.

    use fieldseal::field::{Companion, Masking, SingleRow};
    use fieldseal::{Field, Mask};

    use super::*;

    fn with(field: Field<String>, masks: &[Mask<String>]) {
        let companions: Vec<Companion> =
            masks.iter().map(|mask| Companion::mask(mask, "card_mask")).collect();
        let _ = field.with("card", companions.leak());
    }

    const FIELD: Field<String> = Field::new("customer", "card", FINANCIAL);

    fn mask(
        record: &'static str,
        field: &'static str,
        class: Class<'static>,
    ) -> Mask<String, SingleRow> {
        Mask::new(record, field, class, Masking::LAST4)
    }

    #[test]
    #[should_panic(expected = "the mask is of another field")]
    fn mask_of_another_field() {
        with(FIELD, &[mask("customer", "iban", SHOWN)]);
    }

    #[test]
    #[should_panic(expected = "the mask is of another field")]
    fn mask_of_another_record() {
        with(FIELD, &[mask("supplier", "card", SHOWN)]);
    }

    #[test]
    #[should_panic(expected = "whose readers open the value")]
    fn mask_of_the_class_of_its_field() {
        with(FIELD, &[mask("customer", "card", FINANCIAL)]);
    }

    #[test]
    #[should_panic(expected = "another class's masks")]
    fn mask_of_another_classs_masks() {
        let other = Class::mask_of(&CONTACT, name_of(&CONTACT), &["support"]);
        with(FIELD, &[mask("customer", "card", other)]);
    }

    #[test]
    #[should_panic(expected = "kept longer or shorter")]
    fn mask_that_outlives_its_value() {
        let longer = Class::new("financial").retain_days(3_650);
        let kept = Class::mask_of(&longer, name_of(&longer), &["support"]);
        with(FIELD, &[mask("customer", "card", kept)]);
    }

    #[test]
    #[should_panic(expected = "a field has one mask")]
    fn second_mask() {
        let another = mask("customer", "card", NOTES);
        with(FIELD, &[mask("customer", "card", SHOWN), another]);
    }

    #[test]
    #[should_panic(expected = "its mask would show it")]
    fn mask_that_shows_the_absence_that_its_field_hides() {
        with(FIELD.hide_null(32), &[mask("customer", "card", SHOWN)]);
    }

    #[test]
    #[should_panic(expected = "before what is written with it")]
    fn absence_that_is_hidden_afterwards() {
        let one = Companion::mask(&mask("customer", "card", SHOWN), "card_mask");
        let _ = FIELD.with("card", vec![one].leak()).hide_null(32);
    }

    #[test]
    #[should_panic(expected = "of `last4` to 18")]
    fn absence_hidden_in_less_than_the_longest_mask() {
        let _ = mask("customer", "card", SHOWN).hide_null(17);
    }

    #[test]
    #[should_panic(expected = "masks have one length")]
    fn masks_in_which_no_domain_fits() {
        let _ = Mask::<String>::new("customer", "email", SHOWN, Masking::EMAIL).pad(35);
    }

    #[test]
    #[should_panic(expected = "masks have one length")]
    fn masks_that_are_not_padded() {
        let _ = Mask::<String>::new("customer", "born", SHOWN, Masking::YEAR).pad(1);
    }
}

/// `[GN-12]`
#[test]
fn two_reader_sets_for_one_mask_class_are_refused() {
    let other = Class::mask_of(&FINANCIAL, name_of(&FINANCIAL), &["support"]);
    let ring = admin();
    let made = DataKeys::create(at(&ring), 42, [FINANCIAL, SHOWN, other]);
    assert_eq!(kind(made), ErrorKind::Declaration);
    let stored = envelope(&[FINANCIAL]);
    let mut edit = stored.edit(at(&ring), 42).unwrap();
    edit.ensure(SHOWN).unwrap();
    assert_eq!(kind(edit.renew(other)), ErrorKind::Declaration);
    // The order of roles makes no difference.
    let same = Class::mask_of(&FINANCIAL, name_of(&FINANCIAL), &["support", "billing"]);
    edit.renew(same).unwrap();
}

/// `[ED-13]`
#[test]
fn erasing_a_class_erases_its_masks() {
    let ring = admin();
    let old = envelope(&[FINANCIAL, SHOWN, CONTACT]);
    let row = written(&ring, &old);
    let new = edited(at(&ring), &old, |edit| edit.erase_class("financial"));
    for role in ["billing", "support"] {
        let keys = open(&service(&[role]), &new);
        assert_eq!(kind(CARD_MASK.open(&keys, &row.mask)), ErrorKind::Erased, "{role}");
        assert_eq!(kind(CARD.open(&keys, &row.value)), ErrorKind::Erased, "{role}");
    }
    // And no new ones are made until the classes are begun again.
    assert_eq!(kind(CARD.update(&open(&ring, &new), &"1".into())), ErrorKind::Erased);
    let begun = edited(at(&ring), &new, |edit| edit.renew(FINANCIAL));
    assert_eq!(kind(CARD.update(&open(&ring, &begun), &"1".into())), ErrorKind::Erased);
    let begun = edited(at(&ring), &begun, |edit| edit.renew(SHOWN));
    let again = written(&ring, &begun);
    assert!(CARD_MASK.open(&open(&ring, &begun), &again.mask).is_ok());
    assert_eq!(kind(CARD_MASK.open(&open(&ring, &begun), &row.mask)), ErrorKind::Erased);
}

#[test]
fn erasing_a_subject_erases_its_masks() {
    let ring = admin();
    let old = envelope(&[FINANCIAL, SHOWN]);
    let row = written(&ring, &old);
    let new = edited(at(&ring), &old, |edit| edit.erase_subject());
    assert_eq!(kind(CARD_MASK.open(&open(&ring, &new), &row.mask)), ErrorKind::Erased);
}

/// A mask class is erased with its class, and not for itself.
#[test]
fn masks_are_not_erased_alone() {
    let ring = admin();
    let stored = envelope(&[FINANCIAL, SHOWN]);
    let alone = refused(at(&ring), &stored, |edit| edit.erase_class("mask.financial"));
    assert_eq!(alone, ErrorKind::InvalidInput);
}

/// A mask of a class of its own stays when the class of its field is erased: it is that class's.
#[test]
fn mask_of_its_own_class_is_erased_with_that() {
    const OWN: Class = Class::new("shown").readers(&["support", "billing"]);
    const MASK: Mask<String> = Mask::new("customer", "card", OWN, Masking::LAST4);
    const FIELD: fieldseal::field::IndexedField<String> = Field::new("customer", "card", FINANCIAL)
        .with("card", &[fieldseal::field::Companion::mask(&MASK, "card_mask")]);
    let ring = admin();
    let stored = envelope(&[FINANCIAL, OWN]);
    let row = FIELD.update(&open(&ring, &stored), &"4242424242424242".into()).unwrap();
    let stored = edited(at(&ring), &stored, |edit| edit.erase_class("financial"));
    assert!(MASK.open(&open(&ring, &stored), &row.mask).unwrap().is_some());
    let stored = edited(at(&ring), &stored, |edit| edit.erase_class("shown"));
    assert_eq!(kind(MASK.open(&open(&ring, &stored), &row.mask)), ErrorKind::Erased);
}

/// `[RT-5]` `[RT-6]`
#[test]
fn masks_expire_with_their_values() {
    let ring = admin();
    let stored = envelope(&[FINANCIAL, SHOWN]);
    let row = written(&ring, &stored);
    let expiry = NOW + 365 * DAY + 365 * DAY / 12;
    for entry in info(&stored).entries {
        let EntryState::Live { expires_at, .. } = entry.state else { panic!("it is live") };
        assert_eq!(expires_at, Some(expiry), "{}", entry.class);
    }
    let at = |now| fieldseal::Access::new(&ring).at(now);
    let keys = stored.unwrap(at(expiry - 1), 42).unwrap();
    assert!(CARD_MASK.open(&keys, &row.mask).is_ok());
    let keys = stored.unwrap(at(expiry), 42).unwrap();
    assert_eq!(kind(CARD_MASK.open(&keys, &row.mask)), ErrorKind::Expired);
    assert_eq!(kind(CARD.open(&keys, &row.value)), ErrorKind::Expired);
}

/// `[RT-6]`
#[cfg(feature = "std")]
#[test]
fn a_sweep_takes_masks_with_their_values() {
    use fieldseal::jobs::Sweep;
    use fieldseal::{KeyStore as _, MemoryKeyStore};

    let (ring, store) = (admin(), MemoryKeyStore::new());
    let stored = envelope(&[FINANCIAL, SHOWN, CONTACT]);
    let row = written(&ring, &stored);
    store.save_unchecked(&(), "", 42, &stored).unwrap();
    let late = fieldseal::Access::new(&ring).at(NOW + 500 * DAY);
    // Somebody came since, by whom the clock is right.
    let another = DataKeys::create(late, 43, [FINANCIAL, SHOWN]).unwrap();
    store.save_unchecked(&(), "", 43, another.envelope()).unwrap();
    let pass = Sweep::at_most_percent(100).run(&store, &(), late).unwrap();
    assert!(pass.failed.is_empty(), "{:?}", pass.failed);
    let keys = store.load(&(), "", 42).unwrap().unwrap().unwrap(late, 42).unwrap();
    assert_eq!(kind(CARD_MASK.open(&keys, &row.mask)), ErrorKind::Erased);
}

#[test]
fn mask_class_is_renewed_and_rewrapped_like_any_other() {
    let mut ring = admin();
    let first = envelope(&[FINANCIAL, SHOWN]);
    let row = written(&ring, &first);
    let second = edited(at(&ring), &first, |edit| edit.renew(SHOWN));
    assert_eq!(reached(&service(&["support"]), &second, "mask.financial/2"), "open");
    assert_eq!(reached(&service(&["app"]), &second, "mask.financial/2"), "not permitted");
    assert!(CARD_MASK.open(&open(&ring, &second), &row.mask).is_ok(), "the older ones open");

    advance(&mut ring, symmetric(SUPPORT + 1, "support", fieldseal::keyring::KeyState::OpenOnly));
    let third = edited(at(&ring), &second, |edit| edit.rewrap([FINANCIAL, SHOWN]).map(drop));
    assert_eq!(recipients(&third, "mask.financial/1"), [SUPPORT + 1, BILLING]);
    assert_eq!(recipients(&third, "mask.financial/2"), [SUPPORT + 1, BILLING]);
    assert!(CARD_MASK.open(&open(&ring, &third), &row.mask).is_ok());
}

/// Masks are read by those that the class names, and there is nothing to consent to.
#[test]
fn mask_class_is_neither_granted_nor_withdrawn() {
    let ring = admin();
    let stored = envelope(&[FINANCIAL, SHOWN]);
    let granted =
        refused(at(&ring), &stored, |edit| edit.grant(SHOWN, "marketing", History::Included));
    assert_eq!(granted, ErrorKind::InvalidInput);
    let withdrawn = refused(at(&ring), &stored, |edit| edit.withdraw(SHOWN, "support"));
    assert_eq!(withdrawn, ErrorKind::InvalidInput);
}

/// A class of its own can have readers with consent.
#[test]
fn consent_to_masks_is_given_and_taken_by_a_class_of_their_own() {
    const OWN: Class = Class::new("shown").readers(&["billing"]).readers_with_consent(&["support"]);
    const MASK: Mask<String> = Mask::new("customer", "card", OWN, Masking::LAST4);
    const FIELD: fieldseal::field::IndexedField<String> = Field::new("customer", "card", FINANCIAL)
        .with("card", &[fieldseal::field::Companion::mask(&MASK, "card_mask")]);
    let (ring, support) = (admin(), service(&["support"]));
    let first = envelope(&[FINANCIAL, OWN]);
    let row = FIELD.update(&open(&ring, &first), &"4242424242424242".into()).unwrap();
    assert_eq!(kind(MASK.open(&open(&support, &first), &row.mask)), ErrorKind::NotPermitted);
    let granted = edited(at(&ring), &first, |edit| edit.grant(OWN, "support", History::Included));
    assert!(MASK.open(&open(&support, &granted), &row.mask).is_ok());
    let taken = edited(at(&ring), &granted, |edit| edit.withdraw(OWN, "support"));
    let again = MASK.reseal(&open(&ring, &taken), &row.mask).unwrap();
    assert!(again.is_some());
    assert_eq!(kind(MASK.open(&open(&support, &taken), &again)), ErrorKind::NotPermitted);
}

/// `[LG-9]` and a replay over a restored envelope.
#[cfg(feature = "file")]
#[test]
fn erasure_of_a_class_is_played_back_over_its_masks() {
    use super::common::ledger::{Lines, signing};
    use fieldseal::KeyStore as _;
    use fieldseal::audit::LedgerAct;
    use fieldseal::ledger::Replay;

    let ring = signing();
    let lines = Lines::begin(&ring);
    let store = fieldseal::MemoryKeyStore::new();
    let made = DataKeys::create(at(&ring), 42, [FINANCIAL, SHOWN]).unwrap();
    let row = CARD.update(&made, &"4242424242424242".into()).unwrap();
    let backup = made.envelope().clone();
    store.save_unchecked(&(), "", 42, &backup).unwrap();
    let erased = edited(at(&ring).ledger(&lines), &backup, |edit| edit.erase_class("financial"));
    assert!(matches!(entry(&erased, "mask.financial/1"), Ent::Erased { .. }));
    let told = lines.read(&ring);
    let classes: Vec<&str> = told
        .entries()
        .iter()
        .filter_map(|entry| match &entry.act {
            LedgerAct::EraseClass { class, .. } => Some(class.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(classes, ["financial", "mask.financial"]);

    // The backup is back, and with it what was erased.
    let restored = store.load(&(), "", 42).unwrap().unwrap();
    assert!(CARD_MASK.open(&open(&ring, &restored), &row.mask).is_ok());
    let replay = Replay::new(&ring, &[&told], [FINANCIAL, SHOWN]).unwrap();
    assert!(replay.run(&store, &(), at(&ring)).unwrap().failed.is_empty());
    let stored = store.load(&(), "", 42).unwrap().unwrap();
    assert_eq!(kind(CARD_MASK.open(&open(&ring, &stored), &row.mask)), ErrorKind::Erased);
}

/// `[MA-2]` Where both are before one call, in whichever order.
#[cfg(all(feature = "std", feature = "schema"))]
#[test]
fn masks_that_are_kept_longer_or_shorter_than_their_class_are_refused() {
    let ring = admin();
    let of_days = |days| OwnedClass::new("mask.financial", &["billing"], &[], days, 0).unwrap();
    for mask in [of_days(0), of_days(364), of_days(366), of_days(3650)] {
        let mask = mask.class();
        for both in [[FINANCIAL, mask], [mask, FINANCIAL]] {
            let refused = DataKeys::create(at(&ring), 42, both);
            assert_eq!(kind(refused), ErrorKind::Declaration, "{mask:?}");
            let keys = DataKeys::create(at(&ring), 42, [CONTACT]).unwrap();
            let refused = keys.envelope().prepare(at(&ring), 42, both);
            assert_eq!(kind(refused), ErrorKind::Declaration, "{mask:?}");
            let mut edit = keys.envelope().edit(at(&ring), 42).unwrap();
            assert_eq!(kind(edit.rewrap(both)), ErrorKind::Declaration);
            // In one edit, however many calls it takes.
            edit.ensure(both[0]).unwrap();
            assert_eq!(kind(edit.ensure(both[1])), ErrorKind::Declaration);
            assert_eq!(kind(edit.renew(both[1])), ErrorKind::Declaration);
        }
    }
    DataKeys::create(at(&ring), 42, [of_days(365).class(), FINANCIAL]).unwrap();
}

/// Nobody needs to know that a mask brings a class.
#[test]
fn the_classes_of_a_field_are_its_own_and_that_of_its_mask() {
    let ring = admin();
    let keys = DataKeys::create(at(&ring), 42, CARD).unwrap();
    CARD.update(&keys, &"4242 4242 4242 4242".into()).unwrap();
    let old = DataKeys::create(at(&ring), 42, [CONTACT]).unwrap();
    let mut edit = old.envelope().edit(at(&ring), 42).unwrap();
    edit.ensure(CARD).unwrap();
    let keys = edit.finish().unwrap().unwrap(at(&ring), 42).unwrap();
    CARD.update(&keys, &"4242 4242 4242 4242".into()).unwrap();
}

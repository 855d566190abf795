//! Masks of derived records: no way of writing leaves them out of step with their values.

use fieldseal::{DataKeys, ErrorKind, KeyRing, Record, SealedRecord as _};

use super::common::*;
use super::{LAST, NUMBER, at, open};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "customer", single_row, sealed(derive(Clone, Debug, PartialEq)))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = NOTES), mask(email, readers = ["app", "support"]))]
    email: String,
    #[record(
        seal(class = FINANCIAL),
        mask(last4, readers = ["billing", "support"], column = "card_shown")
    )]
    card: Option<String>,
    #[record(seal(class = NOTES, hide_null, pad = 16), mask(year, pad = 16, readers = ["app", "support"]))]
    born: Option<String>,
    plan: String,
}

fn ada() -> Customer {
    Customer {
        id: 42,
        email: "ada@example.com".into(),
        card: Some(NUMBER.into()),
        born: Some("1815-12-10".into()),
        plan: "free".into(),
    }
}

/// What each mask of the row shows.
fn shown(ring: &KeyRing, row: &SealedCustomer) -> [Option<String>; 3] {
    let masks = row.open_partial(at(ring), 42).unwrap();
    [masks.email_mask, masks.card_shown, masks.born_mask].map(Result::unwrap)
}

/// That the masks are those of these values.
#[track_caller]
fn in_step(row: &SealedCustomer, values: &Customer) {
    let ring = admin();
    assert_eq!(&row.open(at(&ring), 42).unwrap(), values);
    let year = values.born.as_ref().map(|born| born[..4].to_owned());
    let last = values.card.as_ref().map(|card| format!("•••• {}", &card[card.len() - 4..]));
    let letter = &values.email[..1];
    let email = Some(format!("{letter}••••@e••••.com"));
    assert_eq!(shown(&ring, row), [email, last, year]);
}

fn grace() -> Customer {
    Customer { email: "grace@example.com".into(), card: None, ..ada() }
}

#[test]
fn masks_are_sealed_with_the_record() {
    let ring = admin();
    let row = ada().seal_new(at(&ring)).unwrap();
    in_step(&row, &ada());
    let names: Vec<&str> = Customer::SCHEMA.classes().map(|class| class.name()).collect();
    assert_eq!(names, ["notes", "mask.notes", "financial", "mask.financial"]);
    assert_eq!(
        customer::COLUMNS,
        ["id", "email", "email_mask", "card", "card_shown", "born", "born_mask", "plan", "keys"]
    );
}

#[test]
fn masks_are_sealed_by_every_way_of_writing() {
    let ring = admin();
    let rows = Customer::seal_new_all(&[ada(), grace()], at(&ring)).unwrap();
    in_step(&rows[0], &ada());
    in_step(&rows[1], &grace());

    let envelope = rows[0].keys.clone();
    let under = grace().seal_under(at(&ring), &envelope).unwrap();
    in_step(&under, &grace());
    let keys = open(&ring, &envelope);
    in_step(&ada().seal_with(&keys).unwrap(), &ada());
    for row in Customer::seal_all_with(&[grace(), grace()], &keys).unwrap() {
        in_step(&row, &grace());
    }

    // One field, and its mask with it.
    let mut row = ada().seal_with(&keys).unwrap();
    let update = customer::CARD.update(&keys, &Some("5555 4444 3333 1111".into())).unwrap();
    (row.card, row.card_shown) = (update.value, update.mask);
    in_step(&row, &Customer { card: Some("5555 4444 3333 1111".into()), ..ada() });
    let update = customer::BORN.update(&keys, &None).unwrap();
    (row.born, row.born_mask) = (update.value, update.mask);
    let update = customer::CARD.update(&keys, &None).unwrap();
    (row.card, row.card_shown) = (update.value, update.mask);
    assert_eq!(row.card_shown, None);
    in_step(&row, &Customer { card: None, born: None, ..ada() });
}

/// The page of a support agent, who cannot open what is masked.
#[test]
fn support_sees_masks_where_it_sees_no_value() {
    let row = ada().seal_new(at(&admin())).unwrap();
    let support = service(&["support"]);
    let page = row.open_partial(at(&support), 42).unwrap();
    assert_eq!(page.email_mask.unwrap().as_deref(), Some("a••••@e••••.com"));
    assert_eq!(page.card_shown.unwrap().as_deref(), Some(LAST));
    assert_eq!(page.born_mask.unwrap().as_deref(), Some("1815"));
    assert_eq!(kind(page.email), ErrorKind::NotPermitted);
    assert_eq!(kind(page.card), ErrorKind::NotPermitted);
    assert_eq!(kind(row.open(at(&support), 42)), ErrorKind::NotPermitted);

    // And who reads a value is not thereby shown its mask.
    let marketing = row.open_partial(at(&service(&["marketing"])), 42).unwrap();
    assert_eq!(kind(marketing.card_shown), ErrorKind::NotPermitted);
}

/// A mask that was put in another's place, or that of another row's field.
#[test]
fn masks_are_bound_to_their_places() {
    let ring = admin();
    let mut row = ada().seal_new(at(&ring)).unwrap();
    std::mem::swap(&mut row.email_mask, &mut row.born_mask);
    let page = row.open_partial(at(&ring), 42).unwrap();
    assert_eq!(kind(page.email_mask), ErrorKind::Tampered);
    assert_eq!(kind(page.born_mask), ErrorKind::Tampered);
    assert_eq!(page.email.unwrap(), "ada@example.com", "the values stand for themselves");

    // Deleted, where absence is hidden.
    row.born_mask = None;
    let page = row.open_partial(at(&ring), 42).unwrap();
    assert_eq!(kind(page.born_mask), ErrorKind::Malformed);
}

/// `[GN-14]`
#[test]
fn row_is_resealed_with_its_masks() {
    let ring = admin();
    let mut row = ada().seal_new(at(&ring)).unwrap();
    let shown = customer::CARD_SHOWN.class();
    row.keys = edited(at(&ring), &row.keys, |edit| edit.renew(shown));
    let again = row.reseal(at(&ring), 42).unwrap();
    assert!(again.is_changed() && again.fields.is_empty());
    assert_eq!(again.columns().collect::<Vec<_>>(), ["card_shown"]);
    assert_eq!(again.row.card, row.card, "byte for byte");
    assert_ne!(again.row.card_shown, row.card_shown);
    assert_eq!(again.row.email_mask, row.email_mask);
    in_step(&again.row, &ada());
    assert!(!again.row.reseal(at(&ring), 42).unwrap().is_changed());

    // What is gone stays.
    let mut gone = row.clone();
    gone.keys = edited(at(&ring), &gone.keys, |edit| edit.erase_class("financial"));
    let kept = gone.reseal(at(&ring), 42).unwrap();
    assert!(!kept.is_changed());
    assert_eq!((&kept.row.card, &kept.row.card_shown), (&gone.card, &gone.card_shown));
}

#[test]
fn erased_masks_are_erased_in_the_row() {
    let ring = admin();
    let mut row = ada().seal_new(at(&ring)).unwrap();
    row.keys = edited(at(&ring), &row.keys, |edit| edit.erase_class("financial"));
    let page = row.open_partial(at(&service(&["billing", "support"])), 42).unwrap();
    assert_eq!(kind(page.card), ErrorKind::Erased);
    assert_eq!(kind(page.card_shown), ErrorKind::Erased);
    assert!(page.email_mask.is_ok());
}

/// A record whose rows share an envelope: bound to the row.
#[test]
fn mask_of_one_row_is_none_of_another() {
    #[derive(Record)]
    #[record(name = "payment", keys = "external")]
    struct Payment {
        #[record(row)]
        id: i64,
        #[record(subject)]
        customer: i64,
        #[record(seal(class = FINANCIAL), mask(last4, readers = ["billing", "support"]))]
        iban: String,
    }
    let ring = admin();
    let classes: Vec<_> = Payment::SCHEMA.classes().collect();
    let keys = DataKeys::create(at(&ring), 42, &classes).unwrap();
    let seal = |id| {
        let payment = Payment { id, customer: 42, iban: "DE89370400440532013000".into() };
        payment.seal_with(&keys).unwrap()
    };
    let (first, second) = (seal(1), seal(2));
    let opened = payment::IBAN_MASK.row(1).unwrap().open(&keys, &first.iban_mask).unwrap();
    assert_eq!(opened.as_deref(), Some("•••• 3000"));
    let swapped = SealedPayment { iban_mask: second.iban_mask, ..first };
    let page = swapped.open_partial_with(&keys).unwrap();
    assert_eq!(kind(page.iban_mask), ErrorKind::Tampered);
    assert!(page.iban.is_ok());
}

/// A row that was written before there were masks is shown as having none.
#[test]
fn row_from_before_its_masks_shows_none() {
    let ring = admin();
    let mut row = ada().seal_new(at(&ring)).unwrap();
    row.card_shown = None;
    let page = row.open_partial(at(&ring), 42).unwrap();
    assert_eq!(page.card_shown.unwrap(), None);
    assert_eq!(page.card.unwrap().as_deref(), Some(NUMBER));
}

/// `[RE-4]` The columns to clear are those of the masks too.
#[cfg(feature = "file")]
#[test]
fn receipt_names_the_columns_of_masks() {
    use super::common::ledger::signing;
    use fieldseal::{Access, Catalog, KeyEnvelope};

    let ring = signing();
    let catalog = Catalog::new(&[Customer::SCHEMA]).unwrap();
    let row = ada().seal_new(at(&ring)).unwrap();
    let of = |envelope: &KeyEnvelope, class: &str| {
        let mut edit = envelope.edit(Access::new(&ring).at(NOW), 42).unwrap();
        edit.erase_class(class).unwrap();
        let receipt = edit.finish_erasure().unwrap().receipt(&ring, Some(&catalog)).unwrap();
        let columns: Vec<String> =
            receipt.columns().iter().map(|column| column.column.clone()).collect();
        let classes: Vec<String> =
            receipt.generations().iter().map(|one| one.class.clone()).collect();
        (columns, classes)
    };
    let (columns, classes) = of(&row.keys, "financial");
    assert_eq!(columns, ["card", "card_shown"]);
    assert_eq!(classes, ["financial", "mask.financial"]);
    let (columns, _) = of(&row.keys, "notes");
    assert_eq!(columns, ["born", "born_mask", "email", "email_mask"]);
}

/// As JSON, a schema says who is shown what.
#[cfg(feature = "serde")]
#[test]
fn schema_says_who_is_shown_what() {
    let schema = serde_json::to_value(Customer::SCHEMA).unwrap();
    let mask = &schema["fields"][1]["companions"][0]["what"]["mask"];
    assert_eq!(mask["shows"], "last4");
    assert_eq!(mask["class"]["name"], "mask.financial");
    assert_eq!(mask["class"]["readers"][1], "support");
    // And a tool reads the class as it was declared.
    let class: fieldseal::class::OwnedClass =
        serde_json::from_value(mask["class"].clone()).unwrap();
    assert_eq!(class.class(), customer::CARD_SHOWN.class());
}

/// Masks are made anew of what the row opens to: a rule that changed, or masks that a row lacks.
#[test]
fn row_is_reindexed_with_its_masks() {
    let ring = admin();
    let mut row = ada().seal_new(at(&ring)).unwrap();
    row.card_shown = None;
    std::mem::swap(&mut row.email_mask, &mut row.born_mask);
    let again = row.reindex(at(&ring), 42).unwrap();
    in_step(&again.row, &ada());
    assert_eq!((&again.row.card, &again.row.email), (&row.card, &row.email), "byte for byte");
}

/// What outlived its value would show half of what nobody may keep any more.
#[test]
fn mask_that_is_reindexed_expires_with_its_value() {
    const DAY: u64 = 86_400;
    let ring = admin();
    let mut row = ada().seal_new(at(&ring)).unwrap();
    // The person is active, and the next generations have begun.
    let later = |day| at(&ring).at(NOW + day * DAY);
    let mut edit = row.keys.edit(later(300), 42).unwrap();
    for class in Customer::SCHEMA.classes() {
        edit.touch(class).unwrap();
    }
    row.keys = edit.finish().unwrap();
    let again = row.reindex(later(300), 42).unwrap().row;
    assert_eq!(again.card_shown, row.card_shown, "byte for byte");
    let late = again.open_partial(later(500), 42).unwrap();
    assert_eq!(late.card.unwrap_err().kind(), ErrorKind::Expired);
    assert_eq!(late.card_shown.unwrap_err().kind(), ErrorKind::Expired);
}

/// A generation of masks that was begun alone is for the values that follow.
#[test]
fn masks_that_are_renewed_alone_expire_with_their_values() {
    let ring = admin();
    let mut row = ada().seal_new(at(&ring)).unwrap();
    let later = |day: u64| at(&ring).at(NOW + day * 86_400);
    let mut edit = row.keys.edit(later(300), 42).unwrap();
    assert!(edit.touch(customer::CARD_SHOWN.class()).unwrap());
    row.keys = edit.finish().unwrap();
    let keys = row.unwrap_keys(later(300), 42).unwrap();
    assert_eq!(customer::CARD_SHOWN.reseal(&keys, &row.card_shown).unwrap(), None);
    let again = row.reseal(later(300), 42).unwrap();
    assert_eq!((again.row.card_shown.clone(), again.is_changed()), (row.card_shown.clone(), false));

    // Nor is one made that was not there, or says something else.
    row.card_shown = None;
    assert_eq!(row.reindex(later(300), 42).unwrap().row.card_shown, None);
    row.card_shown = Customer { card: Some("1111222233334444".into()), ..ada() }
        .seal_with(&row.unwrap_keys(at(&ring), 42).unwrap())
        .unwrap()
        .card_shown;
    assert_eq!(row.reindex(later(300), 42).unwrap().row.card_shown, None);

    // With the value it goes on.
    let mut edit = row.keys.edit(later(300), 42).unwrap();
    assert!(edit.touch(FINANCIAL).unwrap());
    row.keys = edit.finish().unwrap();
    let again = row.reseal(later(300), 42).unwrap().row.reindex(later(300), 42).unwrap().row;
    assert_eq!(shown(&ring, &again)[1].as_deref(), Some(LAST));
    let late = again.open_partial(later(500), 42).unwrap();
    assert!(late.card.is_ok() && late.card_shown.is_ok());
}

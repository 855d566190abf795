//! The queue of what is to be resealed.

use fieldseal::ErrorKind;
use fieldseal::envelope::History;
use fieldseal::store::ResealEntry;

use crate::common::*;
use crate::contract::*;

fn lines(queue: &[ResealEntry]) -> Vec<(&str, &str, u16)> {
    queue.iter().map(|one| (one.tenant.as_str(), one.class.as_str(), one.generation)).collect()
}

#[test]
fn a_renewal_and_a_withdrawal_are_queued_with_their_envelope() {
    on_every_store(|store| {
        let id = store.id(7);
        store.save("", &id, &fresh("", &id)).unwrap();
        store.change("", &id, &mut |edit| edit.renew(CONTACT)).unwrap();
        assert_eq!(lines(&store.queued(9)), [("", "contact", 2)]);
        let grant = |history| {
            move |edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| {
                edit.grant(CONTACT, "marketing", history)
            }
        };
        store.change("", &id, &mut grant(History::Included)).unwrap();
        store.change("", &id, &mut grant(History::Excluded)).unwrap();
        assert_eq!(lines(&store.queued(9)), [("", "contact", 2)], "a grant queues nothing");
        store.change("", &id, &mut |edit| edit.withdraw(CONTACT, "marketing")).unwrap();
        assert_eq!(lines(&store.queued(9)), [("", "contact", 4)], "one entry, of the last");
        assert_eq!(store.queued(9)[0].subject, id);
    });
}

#[test]
fn what_begins_a_class_anew_after_an_erasure_is_not_queued() {
    on_every_store(|store| {
        let id = store.id(7);
        store.save("", &id, &fresh("", &id)).unwrap();
        let mut erase_and_renew = |edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| {
            edit.erase_class("contact")?;
            edit.renew(CONTACT)
        };
        store.change("", &id, &mut erase_and_renew).unwrap();
        assert_eq!(store.queued(9), [], "nothing is left to reseal");
    });
}

#[test]
fn a_change_that_is_not_stored_queues_nothing() {
    on_every_store(|store| {
        let id = store.id(7);
        let first = fresh("", &id);
        store.save("", &id, &first).unwrap();
        let reseal = [("contact".to_owned(), 2)];
        let late = store.save_unchecked_and_queue("", &id, &first, &reseal);
        assert_eq!(late, Err(ErrorKind::Conflict));
        assert_eq!(store.queued(9), []);
        let unnamed = [("contact".to_owned(), 2), ("No Name".to_owned(), 2)];
        let second = renewed("", &id, &first);
        assert_eq!(
            store.save_unchecked_and_queue("", &id, &second, &unnamed),
            Err(ErrorKind::InvalidInput)
        );
        assert_eq!((store.queued(9), store.load("", &id)), (vec![], Some(first)));
        store.save_unchecked_and_queue("", &id, &second, &reseal).unwrap();
        assert_eq!(lines(&store.queued(9)), [("", "contact", 2)]);
        assert_eq!(store.load("", &id), Some(second));
    });
}

#[test]
fn an_entry_keeps_the_largest_generation() {
    on_every_store(|store| {
        for generation in [3, 7, 5, 7] {
            store.queue("", &store.id(7), "contact", generation).unwrap();
        }
        assert_eq!(lines(&store.queued(9)), [("", "contact", 7)]);
        assert_eq!(store.queue("", &store.id(7), "Contact", 8), Err(ErrorKind::InvalidInput));
        let tenant = "t".repeat(65);
        assert_eq!(store.queue(&tenant, &store.id(7), "contact", 8), Err(ErrorKind::InvalidInput));
    });
}

#[test]
fn an_entry_is_not_taken_off_when_a_later_generation_came() {
    on_every_store(|store| {
        store.queue("", &store.id(7), "contact", 2).unwrap();
        store.queue("", &store.id(7), "notes", 2).unwrap();
        let read = store.queued(9);
        store.queue("", &store.id(7), "contact", 3).unwrap();
        read.iter().for_each(|entry| store.resealed(entry));
        assert_eq!(lines(&store.queued(9)), [("", "contact", 3)]);
        store.resealed(&store.queued(9)[0]);
        store.resealed(&read[0]);
        assert_eq!(store.queued(9), [], "and twice is once");
    });
}

#[test]
fn the_queue_gives_each_entry_once_in_pages() {
    on_every_store(|store| {
        let mut all = 0;
        for tenant in store.tenants() {
            for number in 0..11 {
                for class in ["contact", "notes"] {
                    store.queue(tenant, &store.id(number), class, 2).unwrap();
                    all += 1;
                }
            }
        }
        let queue = store.queued(1_000);
        assert_eq!(queue.len(), all);
        for limit in [1, 3, 4] {
            assert_eq!(store.queued(limit), queue, "in pages of {limit}");
        }
        let mut places: Vec<_> = queue
            .iter()
            .map(|one| (one.tenant.clone(), one.subject.clone(), one.class.clone()))
            .collect();
        places.dedup();
        assert_eq!(places.len(), all);
    });
}

//! No way of writing leaves a value, its terms and its mask out of step.

use chacha20::ChaCha20Rng;
use proptest::prelude::*;
use rand_core::SeedableRng as _;

use fieldseal::field::{Findable, Masking};
use fieldseal::index::{Domain, Term, Terms};
use fieldseal::keyring::KeyUse;
use fieldseal::{Index, KeyRing, Record, SealedRecord as _};

use super::indexes::indexing;
use super::{CONTACT, FINANCIAL};

#[derive(Record, Debug, PartialEq, Clone)]
#[record(
    name = "client",
    single_row,
    sealed(derive(Clone, Debug, PartialEq)),
    index(compound(email, note), id = "email_note", measured)
)]
struct Client {
    #[record(subject)]
    id: i64,
    #[record(
        seal(class = CONTACT),
        index(exact, measured),
        mask(email, readers = ["app", "billing"])
    )]
    email: String,
    #[record(seal(class = CONTACT))]
    note: Option<String>,
    #[record(
        seal(class = CONTACT),
        index(exact, measured, bits = 64),
        index(prefix(max = 5), measured),
        index(words, measured, table),
        mask(first_letter, readers = ["app", "billing"])
    )]
    name: Option<String>,
    #[record(
        seal(class = FINANCIAL),
        index(range(Domain::integers(0, 99_999_999)), table),
        mask(last4, readers = ["billing", "support"])
    )]
    account: i64,
    #[record(
        seal(class = CONTACT, default),
        index(exact, measured),
        mask(first_letter, readers = ["app", "billing"])
    )]
    language: String,
    plan: u8,
}

/// The record of a few texts, each other than those of another number.
fn client(number: i64) -> Client {
    Client {
        id: 1,
        email: format!("ada{number}@example.com"),
        note: (number % 3 != 0).then(|| format!("note {number}")),
        name: (number % 4 != 0).then(|| format!("{number}th Countess {number}")),
        account: 10_000_000 + number,
        language: format!("{number}eo"),
        plan: 0,
    }
}

/// What each index of the row is asked for a record, of which the row has a term if it is in step.
fn asked(ring: &KeyRing, of: &Client) -> Vec<(&'static str, Option<Vec<Term>>)> {
    fn ask<T, K>(
        ring: &KeyRing,
        index: &Index<T, K>,
        value: Option<&impl Findable<T>>,
    ) -> Option<Vec<Term>> {
        Some(index.query(ring, value?).unwrap().groups().concat())
    }
    let name = of.name.as_ref();
    let both = of.note.as_ref().map(|note| (&of.email, note));
    vec![
        ("email_index", ask(ring, &client::EMAIL_INDEX, Some(&of.email))),
        ("name_index", ask(ring, &client::NAME_INDEX, name)),
        ("name_prefix", ask(ring, &client::NAME_PREFIX, name)),
        ("name_words", ask(ring, &client::NAME_WORDS, name)),
        ("account_range", ask(ring, &client::ACCOUNT_RANGE, Some(&of.account))),
        ("language_index", ask(ring, &client::LANGUAGE_INDEX, Some(&of.language))),
        ("email_note_index", ask(ring, &client::EMAIL_NOTE_INDEX, both.as_ref())),
    ]
}

/// The terms of the row, by their columns.
fn stored(row: &SealedClient) -> Vec<(&'static str, Vec<Term>)> {
    let one = |term: &Option<Term>| term.iter().cloned().collect();
    let many = |terms: &Terms| terms.as_slice().unwrap().to_vec();
    vec![
        ("email_index", one(&row.email_index)),
        ("name_index", one(&row.name_index)),
        ("name_prefix", many(&row.name_prefix)),
        ("name_words", many(&row.name_words)),
        ("account_range", many(&row.account_range)),
        ("language_index", one(&row.language_index)),
        ("email_note_index", one(&row.email_note_index)),
    ]
}

/// The row opens to the record, is found by it alone, and is shown as it.
fn check(ring: &KeyRing, row: &SealedClient, expected: &Client) {
    let opened = row.open_partial(ring, 1).unwrap();
    let values = Client {
        id: opened.id,
        email: opened.email.unwrap(),
        note: opened.note.unwrap(),
        name: opened.name.unwrap(),
        account: opened.account.unwrap(),
        language: opened.language.unwrap(),
        plan: opened.plan,
    };
    assert_eq!(values, *expected);

    let masks = [
        opened.email_mask.unwrap(),
        opened.name_mask.unwrap(),
        opened.account_mask.unwrap(),
        opened.language_mask.unwrap(),
    ];
    let shown = [
        Some(Masking::EMAIL.shown(&expected.email)),
        expected.name.as_ref().map(|name| Masking::FIRST_LETTER.shown(name)),
        Some(Masking::LAST4.shown(&expected.account.to_string())),
        Some(Masking::FIRST_LETTER.shown(&expected.language)),
    ];
    assert_eq!(masks, shown);

    let primary = ring.primary(KeyUse::Index, "index").unwrap().id();
    for ((column, asked), (_, stored)) in asked(ring, expected).into_iter().zip(stored(row)) {
        assert!(stored.iter().all(|term| term.key_id() == Some(primary)), "{column}");
        match asked {
            None => assert_eq!(stored, [], "{column} of no value"),
            Some(asked) => {
                let found = asked.iter().filter(|term| stored.contains(term)).count();
                let under_primary = asked.iter().filter(|term| term.key_id() == Some(primary));
                assert_eq!(found, under_primary.count(), "{column}");
            }
        }
    }
    // All of its terms are those of a row of these values, and of no other.
    let fresh = stored(&expected.seal_new(ring).unwrap());
    assert_eq!(stored(row), fresh);
}

/// A way of writing what a row holds.
#[derive(Clone, Copy, Debug)]
enum Way {
    Seal,
    SealAll,
    SealUnder,
    SealWith,
    SealAllWith,
    SealWithRng,
    UpdateName,
    UpdateAccount,
    UpdateLanguage,
    Reseal,
    ResealWith,
    Reindex,
    ReindexWith,
}

const WAYS: [Way; 13] = [
    Way::Seal,
    Way::SealAll,
    Way::SealUnder,
    Way::SealWith,
    Way::SealAllWith,
    Way::SealWithRng,
    Way::UpdateName,
    Way::UpdateAccount,
    Way::UpdateLanguage,
    Way::Reseal,
    Way::ResealWith,
    Way::Reindex,
    Way::ReindexWith,
];

/// What is stored of the record, written in this way.
fn write(ring: &mut KeyRing, row: &SealedClient, new: &Client, way: Way) -> SealedClient {
    let keys = row.unwrap_keys(&*ring, 1).unwrap();
    let mut row = row.clone();
    match way {
        Way::Seal => new.seal_new(&*ring).unwrap(),
        Way::SealAll => Client::seal_new_all(&[client(0), new.clone()], &*ring).unwrap().remove(1),
        Way::SealUnder => new.seal_under(&*ring, &row.keys).unwrap(),
        Way::SealWith => new.seal_with(&keys).unwrap(),
        Way::SealAllWith => {
            Client::seal_all_with(&[client(0), new.clone()], &keys).unwrap().remove(1)
        }
        Way::SealWithRng => {
            let mut rng = ChaCha20Rng::seed_from_u64(new.account.unsigned_abs());
            new.seal_new_with_rng(&*ring, &mut rng).unwrap()
        }
        Way::UpdateName => {
            let update = client::NAME.update(&keys, &new.name).unwrap();
            let columns = update.columns();
            let names: Vec<_> = columns.iter().map(|(column, _)| *column).collect();
            assert_eq!(names, ["name", "name_mask", "name_index", "name_prefix"], "and a table");
            row.name_index = update.term(&client::NAME_INDEX).cloned();
            row.name_prefix = update.terms(&client::NAME_PREFIX).unwrap().clone();
            row.name_words = update.terms(&client::NAME_WORDS).unwrap().clone();
            (row.name, row.name_mask) = (update.value, update.mask);
            row
        }
        Way::UpdateAccount => {
            let update = client::ACCOUNT.update(&keys, &new.account).unwrap();
            row.account_range = update.terms(&client::ACCOUNT_RANGE).unwrap().clone();
            (row.account, row.account_mask) = (update.value, update.mask);
            row
        }
        Way::UpdateLanguage => {
            let update = client::LANGUAGE.update(&keys, &new.language).unwrap();
            row.language_index = update.term(&client::LANGUAGE_INDEX).cloned();
            (row.language, row.language_mask) = (Some(update.value), update.mask);
            row
        }
        Way::Reseal | Way::ResealWith => {
            let mut edit = row.keys.edit(&*ring, 1).unwrap();
            for class in Client::SCHEMA.classes() {
                edit.renew(class).unwrap();
            }
            row.keys = edit.finish().unwrap();
            let resealed = match way {
                Way::Reseal => row.reseal(&*ring, 1).unwrap().row,
                _ => row.reseal_with(&row.unwrap_keys(&*ring, 1).unwrap()).unwrap().row,
            };
            assert_ne!(resealed.email, row.email);
            assert_ne!(resealed.email_mask, row.email_mask);
            assert_ne!(resealed.account_mask, row.account_mask);
            assert_ne!(resealed.language_mask, row.language_mask);
            resealed
        }
        Way::Reindex | Way::ReindexWith => {
            ring.rotate(KeyUse::Index, "index").unwrap();
            let reindexed = match way {
                Way::Reindex => row.reindex(&*ring, 1).unwrap().row,
                // The data keys bring the index keys of the ring that unwrapped them.
                _ => row.reindex_with(&row.unwrap_keys(&*ring, 1).unwrap()).unwrap().row,
            };
            assert_eq!((&reindexed.email, &reindexed.note), (&row.email, &row.note));
            assert_eq!((&reindexed.name, &reindexed.account), (&row.name, &row.account));
            assert_eq!((&reindexed.language, &reindexed.keys), (&row.language, &row.keys));
            assert_ne!(reindexed.email_index, row.email_index);
            reindexed
        }
    }
}

/// What the row holds after that.
fn written(former: &Client, new: &Client, way: Way) -> Client {
    let mut now = former.clone();
    match way {
        Way::UpdateName => now.name.clone_from(&new.name),
        Way::UpdateAccount => now.account = new.account,
        Way::UpdateLanguage => now.language.clone_from(&new.language),
        Way::Reseal | Way::ResealWith | Way::Reindex | Way::ReindexWith => {}
        _ => now = new.clone(),
    }
    now
}

#[test]
fn every_way_of_writing_keeps_value_terms_and_mask_in_step() {
    for way in WAYS {
        let mut ring = indexing();
        // With and without values, before and after.
        for (former, new) in [(1, 2), (1, 12), (12, 1), (12, 24), (3, 4)] {
            let (former, new) = (client(former), client(new));
            let row = former.seal_new(&ring).unwrap();
            let row = write(&mut ring, &row, &new, way);
            check(&ring, &row, &written(&former, &new, way));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn ways_of_writing_after_each_other_keep_them_in_step(
        steps in proptest::collection::vec((0..WAYS.len(), 0..100_i64), 1..12),
    ) {
        let mut ring = indexing();
        let mut record = client(0);
        let mut row = record.seal_new(&ring).unwrap();
        for (way, number) in steps {
            let (way, new) = (WAYS[way], client(number));
            row = write(&mut ring, &row, &new, way);
            record = written(&record, &new, way);
            check(&ring, &row, &record);
        }
    }
}

/// An update that fails has written nothing of the value, and a row that cannot have a term is not
/// sealed.
#[test]
fn value_that_has_no_term_is_not_written_in_any_way() {
    let ring = indexing();
    let row = client(1).seal_new(&ring).unwrap();
    let keys = row.unwrap_keys(&ring, 1).unwrap();
    let outside = Client { account: 100_000_000, ..client(1) };
    client::ACCOUNT.update(&keys, &outside.account).map(drop).unwrap_err();
    outside.seal_new(&ring).map(drop).unwrap_err();
    outside.seal_under(&ring, &row.keys).map(drop).unwrap_err();
    outside.seal_with(&keys).map(drop).unwrap_err();
    Client::seal_new_all(std::slice::from_ref(&outside), &ring).map(drop).unwrap_err();
    Client::seal_all_with(&[client(1), outside], &keys).map(drop).unwrap_err();
}

/// A column that was added later has no value, and so no terms: not those of the default.
#[test]
fn reindexing_makes_no_terms_of_a_default() {
    let ring = indexing();
    let mut row = client(1).seal_new(&ring).unwrap();
    (row.language, row.language_index, row.language_mask) = (None, None, None);
    let reindexed = row.reindex(&ring, 1).unwrap().row;
    assert_eq!((&reindexed.language_index, &reindexed.language_mask), (&None, &None));
    let expected = Client { language: String::new(), ..client(1) };
    assert_eq!(reindexed.open(&ring, 1).unwrap(), expected);
    assert_eq!(reindexed.email_index, row.email_index);
}

/// A row that was read without its table has its terms again.
#[test]
fn reindexing_makes_terms_of_a_row_that_was_read_without_them() {
    let ring = indexing();
    let row = client(1).seal_new(&ring).unwrap();
    let mut read = row.clone();
    (read.name_words, read.account_range) = (Terms::unread(), Terms::unread());
    (read.email_index, read.name_mask) = (None, None);
    let again = read.reindex(&ring, 1).unwrap().row;
    check(&ring, &again, &client(1));
    assert_eq!((again.name_words, again.account_range), (row.name_words, row.account_range));
}

#[test]
fn reindexing_takes_away_the_terms_of_what_is_erased() {
    let ring = indexing();
    let mut row = client(1).seal_new(&ring).unwrap();
    let mut edit = row.keys.edit(&ring, 1).unwrap();
    edit.erase_class("contact").unwrap();
    row.keys = edit.finish().unwrap();
    let reindexed = row.reindex(&ring, 1).unwrap().row;
    assert_eq!((&reindexed.email_index, &reindexed.email_note_index), (&None, &None));
    assert_eq!(reindexed.name_prefix.as_slice(), Some(&[][..]));
    assert_eq!(reindexed.name_words.as_slice(), Some(&[][..]));
    assert_eq!(reindexed.account_range, row.account_range);
}

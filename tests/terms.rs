//! What terms are equal, and what a query finds.
#![cfg(feature = "std")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use std::collections::BTreeSet;

use fieldseal::field::{Companion, Decoder, Encoder, Findable, IndexedField, ManyTerms};
use fieldseal::index::{Domain, Normalizer, Term};
use fieldseal::keyring::{Capabilities, KeyState, KeyUse, RingKey};
use fieldseal::{
    Access, Class, DataKeys, Error, ErrorKind, Field, Index, KeyRing, SealValue, Sealed,
};
use proptest::prelude::*;

const EMAIL: Index<String> = Index::exact("customer", "email").cardinality(1_000_000);
const BACKUP: Index<String> = Index::exact("customer", "backup_email").cardinality(1_000_000);
const OF_ORDER: Index<String> = Index::exact("order", "email").cardinality(1_000_000);
const SURNAME: Index<String, ManyTerms> =
    Index::prefix("customer", "surname.prefix", 6).cardinality(100_000);
const NOTES: Index<String, ManyTerms> =
    Index::words("customer", "notes.words").cardinality(100_000);
const POINTS: Index<i64, ManyTerms> =
    Index::range("customer", "points.range", Domain::integers(-50_000, 50_000));
const NAME_AND_POINTS: Index<(String, i64)> = Index::<(String, i64)>::compound(
    "customer",
    "name_points",
    &[Normalizer::NONE, Normalizer::NONE],
)
.cardinality(1_000_000);

fn ring() -> KeyRing {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_index_key().unwrap();
    ring
}

/// The one term of a value, as a query of a ring with one index key asks for it.
fn term<T>(
    index: &Index<T>,
    ring: &KeyRing,
    tenant: &str,
    value: &(impl Findable<T> + ?Sized),
) -> Term {
    let query = index.query(Access::new(ring).tenant(tenant), value).unwrap();
    let [term] = query.terms() else { panic!("one term") };
    term.clone()
}

/// The terms that are written with a value.
fn written<T: SealValue>(
    index: &'static Index<T, ManyTerms>,
    ring: &KeyRing,
    value: &T,
) -> BTreeSet<Term> {
    let companions = Box::leak(Box::new([Companion::in_table(index)]));
    let field: IndexedField<T> =
        Field::new("customer", "any", Class::PERSONAL).with("any", companions);
    let keys = DataKeys::create(ring, 42, [Class::PERSONAL]).unwrap();
    let update = field.update(&keys, value).unwrap();
    update.terms(index).unwrap().as_slice().unwrap().iter().cloned().collect()
}

/// Whether a row with these terms is found.
fn finds(groups: &[Vec<Term>], terms: &BTreeSet<Term>) -> bool {
    groups.iter().all(|group| group.iter().any(|term| terms.contains(term)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn terms_are_equal_exactly_when_all_that_they_are_made_of_is(
        a in (0..2_usize, 0..3_usize, 0..2_usize, "[ab]{0,2}"),
        b in (0..2_usize, 0..3_usize, 0..2_usize, "[ab]{0,2}"),
    ) {
        let rings = [ring(), ring()];
        let indexes = [EMAIL, BACKUP, OF_ORDER];
        let tenants = ["", "acme"];
        let of = |(key, index, tenant, value): &(usize, usize, usize, String)| {
            term(&indexes[*index], &rings[*key], tenants[*tenant], value.as_str())
        };
        prop_assert_eq!(of(&a) == of(&b), a == b);
    }

    #[test]
    fn the_parts_of_a_compound_do_not_run_into_each_other(
        a in ("[ab]{0,3}", -2..2_i64), b in ("[ab]{0,3}", -2..2_i64),
    ) {
        let ring = ring();
        let of = |(name, points): &(String, i64)| term(&NAME_AND_POINTS, &ring, "", &(name, points));
        prop_assert_eq!(of(&a) == of(&b), a == b);
    }

    #[test]
    fn a_prefix_finds_what_begins_with_it_and_nothing_shorter(
        value in "[abcé]{0,9}", prefix in "[abcé]{1,9}",
    ) {
        let ring = ring();
        let query = SURNAME.query(&ring, prefix.as_str()).unwrap();
        let terms = written(&SURNAME, &ring, &value);
        let kept: String = prefix.chars().take(6).collect();
        prop_assert_eq!(finds(query.groups(), &terms), value.starts_with(&kept));
        prop_assert_eq!(query.matches(value.as_str()).unwrap(), value.starts_with(&prefix));
    }

    #[test]
    fn words_are_found_together_in_any_order(
        value in "[ab]{1,2}( [ab]{1,2}){0,4}", asked in "[ab]{1,2}(, [ab]{1,2}){0,2}",
    ) {
        let ring = ring();
        let query = NOTES.query(&ring, asked.as_str()).unwrap();
        let words: BTreeSet<&str> = value.split(' ').collect();
        let all = asked.split(", ").all(|word| words.contains(word));
        prop_assert_eq!(finds(query.groups(), &written(&NOTES, &ring, &value)), all);
        prop_assert_eq!(query.matches(value.as_str()).unwrap(), all);
    }

    #[test]
    fn a_range_finds_what_lies_in_it(
        value in -50_000..=50_000_i64,
        ends in (-60_000..=60_000_i64, -60_000..=60_000_i64),
    ) {
        let ring = ring();
        let (least, greatest) = (ends.0.min(ends.1), ends.0.max(ends.1));
        let query = POINTS.between(&ring, least..=greatest).unwrap();
        let inside = (least..=greatest).contains(&value);
        prop_assert_eq!(finds(query.groups(), &written(&POINTS, &ring, &value)), inside);
        prop_assert_eq!(query.matches(&value).unwrap(), inside);
        prop_assert!(query.terms().len() <= 2 * 17);
    }

    #[test]
    fn fewer_levels_find_the_same(value in 0..2_000_i64, ends in (0..2_000_i64, 0..2_000_i64)) {
        const LOW: Index<i64, ManyTerms> = Index::range("customer", "low", Domain::integers(0, 1_999))
            .levels(3)
            .allow_leakage("a test");
        let ring = ring();
        let query = LOW.between(&ring, ends.0.min(ends.1)..=ends.0.max(ends.1)).unwrap();
        let terms = written(&LOW, &ring, &value);
        prop_assert_eq!(terms.len(), 3);
        let inside = (ends.0.min(ends.1)..=ends.0.max(ends.1)).contains(&value);
        prop_assert_eq!(finds(query.groups(), &terms), inside);
    }

    #[test]
    fn a_truncated_index_finds_too_much_and_never_too_little(value in "[a-z]{1,4}", asked in "[a-z]{1,4}") {
        const CUT: Index<String> = Index::exact("customer", "cut").cardinality(1_000_000).bits(3);
        let ring = ring();
        let (one, other) = (term(&CUT, &ring, "", value.as_str()), term(&CUT, &ring, "", asked.as_str()));
        prop_assert_eq!(one.as_bytes().len(), 5);
        prop_assert_eq!(one.as_bytes()[4] & 0b0001_1111, 0);
        prop_assert!(one == other || value != asked);
        let query = CUT.query(&ring, asked.as_str()).unwrap();
        prop_assert_eq!(query.matches(value.as_str()).unwrap(), value == asked);
    }
}

#[test]
fn half_open_ranges_leave_their_ends_out() {
    let ring = ring();
    let found = |query: fieldseal::field::Query<i64>, value: i64| {
        let by_terms = finds(query.groups(), &written(&POINTS, &ring, &value));
        assert_eq!(by_terms, query.matches(&value).unwrap());
        by_terms
    };
    assert!(found(POINTS.between(&ring, 10..20).unwrap(), 10));
    assert!(!found(POINTS.between(&ring, 10..20).unwrap(), 20));
    assert!(found(POINTS.between(&ring, ..=20_i64).unwrap(), -50_000));
    assert!(found(POINTS.between(&ring, 20_i64..).unwrap(), 50_000));
    assert!(POINTS.between(&ring, 60_000..70_000).unwrap().terms().is_empty());
    #[allow(clippy::reversed_empty_ranges, reason = "what a caller may pass")]
    let reversed = POINTS.between(&ring, 20..=10).unwrap();
    assert!(reversed.terms().is_empty());
}

#[test]
fn a_value_outside_of_the_domain_is_refused_when_it_is_sealed() {
    const FIELD: IndexedField<i64> = Field::new("customer", "points", Class::PERSONAL)
        .with("points", &[Companion::in_table(&POINTS)]);
    let ring = ring();
    let keys = DataKeys::create(&ring, 42, [Class::PERSONAL]).unwrap();
    for outside in [50_001, -50_001, i64::MAX, i64::MIN] {
        let error = FIELD.update(&keys, &outside).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("points"), "{error}");
        assert!(!error.to_string().contains(&outside.to_string()), "{error}");
    }
    assert!(FIELD.update(&keys, &50_000).is_ok());
}

#[test]
fn an_absent_value_has_no_term_and_is_not_asked_for() {
    const MAYBE: Index<Option<String>> = Index::exact("customer", "nick").cardinality(1_000_000);
    const NICK: IndexedField<Option<String>> = Field::new("customer", "nick", Class::PERSONAL)
        .with("nick", &[Companion::index(&MAYBE, "nick_index")]);
    let ring = ring();
    let keys = DataKeys::create(&ring, 42, [Class::PERSONAL]).unwrap();
    assert_eq!(NICK.update(&keys, &None).unwrap().term(&MAYBE), None);
    let error = MAYBE.query(&ring, &None::<String>).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let update = NICK.update(&keys, &Some("ada".into())).unwrap();
    assert_eq!(update.term(&MAYBE), MAYBE.query(&ring, "ada").unwrap().terms().first());
}

#[test]
fn a_ring_without_an_index_key_neither_writes_nor_finds() {
    const FIELD: IndexedField<String> = Field::new("customer", "email", Class::PERSONAL)
        .with("email", &[Companion::index(&EMAIL, "email_index")]);
    let ring = KeyRing::generate().unwrap();
    let keys = DataKeys::create(&ring, 42, [Class::PERSONAL]).unwrap();
    let error = FIELD.update(&keys, &"ada@example.com".into()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingKey);
    assert!(error.to_string().contains("customer.email"), "{error}");
    assert_eq!(EMAIL.query(&ring, "ada@example.com").unwrap_err().kind(), ErrorKind::MissingKey);
    assert_eq!(EMAIL.stale(&ring).unwrap_err().kind(), ErrorKind::MissingKey);
}

#[test]
fn a_ring_that_only_searches_finds_and_cannot_open_nor_search_elsewhere() {
    const FIELD: IndexedField<String> = Field::new("customer", "email", Class::PERSONAL)
        .with("email", &[Companion::index(&EMAIL, "email_index")]);
    let ring = ring();
    let keys = DataKeys::create(&ring, 42, [Class::PERSONAL]).unwrap();
    let update = FIELD.update(&keys, &"ada@example.com".into()).unwrap();
    let search =
        ring.subset_with(&Capabilities::new().index("", "customer", "email")).unwrap().into_ring();

    let query = EMAIL.query(&search, "ada@example.com").unwrap();
    assert_eq!(query.terms(), [update.term(&EMAIL).unwrap().clone()]);
    assert!(keys.envelope().unwrap(&search, 42).is_err());
    assert_eq!(BACKUP.query(&search, "ada").unwrap_err().kind(), ErrorKind::MissingKey);
    assert_eq!(OF_ORDER.query(&search, "ada").unwrap_err().kind(), ErrorKind::MissingKey);
    let acme = Access::new(&search).tenant("acme");
    assert_eq!(EMAIL.query(acme, "ada").unwrap_err().kind(), ErrorKind::MissingKey);
}

#[test]
fn a_rotated_key_asks_under_all_that_rows_may_carry() {
    let mut ring = ring();
    let before = term(&EMAIL, &ring, "", "ada");
    let former = ring.primary(KeyUse::Index, "index").unwrap().id();
    let newer = ring.introduce(KeyUse::Index, "index").unwrap();
    assert_eq!(ring.primary(KeyUse::Index, "index").unwrap().id(), former);
    assert_eq!(ring.key(newer).unwrap().state(), KeyState::OpenOnly);

    // Introduced: still made under the former key, and asked for under both.
    let asked = EMAIL.query(&ring, "ada").unwrap();
    assert_eq!(asked.terms().len(), 2);
    assert_eq!(asked.terms()[0], before);
    assert_eq!(EMAIL.stale(&ring).unwrap().current(), former);

    ring.set_state(newer, KeyState::Primary).unwrap();
    let asked = EMAIL.query(&ring, "ada").unwrap();
    assert_eq!(asked.terms()[0].key_id(), Some(newer));
    assert_eq!(asked.terms()[1], before);
    let stale = EMAIL.stale(&ring).unwrap();
    assert_eq!(stale.current(), newer);
    assert!(
        before.as_bytes() < &stale.least()[..] || before.as_bytes() >= &stale.above().unwrap()[..]
    );
    assert!(asked.terms()[0].as_bytes() >= &stale.least()[..]);

    // A compromised key is asked under, lest its rows be lost, and makes none.
    ring.set_state(former, KeyState::Compromised).unwrap();
    assert_eq!(EMAIL.query(&ring, "ada").unwrap().terms().len(), 2);
    assert_eq!(EMAIL.stale(&ring).unwrap().current(), newer);
    ring.force_destroy(former).unwrap();
    assert_eq!(EMAIL.query(&ring, "ada").unwrap().terms().len(), 1);
}

#[test]
fn a_ring_that_lacks_one_of_the_keys_in_use_does_not_search_half() {
    let mut ring = ring();
    let reach = Capabilities::new().index("", "customer", "email");
    let mut search = ring.subset_with(&reach).unwrap().into_ring();
    let newer = ring.introduce(KeyUse::Index, "index").unwrap();
    assert_eq!(EMAIL.query(&search, "ada").unwrap().terms().len(), 1);
    search
        .insert(RingKey::name_only(newer, KeyUse::Index, "index", KeyState::OpenOnly).unwrap())
        .unwrap();
    let error = EMAIL.query(&search, "ada").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingKey);
    assert!(error.to_string().contains(&newer.to_string()), "{error}");
    search.set_state(newer, KeyState::Disabled).unwrap();
    assert_eq!(EMAIL.query(&search, "ada").unwrap().terms().len(), 1);
}

#[test]
fn a_boolean_is_not_indexed_unless_somebody_says_why() {
    const BOOL: Index<bool> = Index::exact("customer", "active").cardinality(1_000_000);
    const ALLOWED: Index<bool> = Index::exact("customer", "active").allow_leakage("a test");
    let ring = ring();
    assert_eq!(BOOL.query(&ring, &true).unwrap_err().kind(), ErrorKind::Declaration);
    assert!(ALLOWED.query(&ring, &true).is_ok());
}

#[test]
fn floats_and_structures_have_no_terms() {
    /// A type of the application's own, of which the compiler does not know what it writes.
    struct Own<T>(T);
    impl<T: SealValue> SealValue for Own<T> {
        type Column = Sealed<Self>;

        fn encode(&self, to: &mut Encoder<'_>) -> Result<(), Error> {
            self.0.encode(to)
        }

        fn decode(from: &mut Decoder<'_>) -> Result<Self, Error> {
            T::decode(from).map(Self)
        }
    }
    const FLOAT: Index<Own<f64>> = Index::exact("customer", "score").cardinality(1_000_000);
    const LIST: Index<Own<Vec<String>>> = Index::exact("customer", "tags").cardinality(1_000_000);
    let ring = ring();
    assert_eq!(FLOAT.query(&ring, &Own(1.0)).unwrap_err().kind(), ErrorKind::Declaration);
    let list = LIST.query(&ring, &Own(vec!["a".to_owned()]));
    assert_eq!(list.unwrap_err().kind(), ErrorKind::Declaration);
}

#[test]
fn values_of_different_types_never_meet() {
    const TEXT: Index<String> = Index::exact("customer", "any").cardinality(1_000_000);
    const NUMBER: Index<i64> = Index::exact("customer", "any").cardinality(1_000_000);
    const BYTES: Index<Vec<u8>> = Index::exact("customer", "any").cardinality(1_000_000);
    let ring = ring();
    let terms = [
        term(&TEXT, &ring, "", "42"),
        term(&NUMBER, &ring, "", &42),
        term(&BYTES, &ring, "", &b"42".to_vec()),
    ];
    assert_eq!(terms.iter().collect::<BTreeSet<_>>().len(), 3);
}

#[test]
fn an_empty_prefix_and_no_word_are_refused_and_not_everything() {
    let ring = ring();
    assert_eq!(SURNAME.query(&ring, "").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(NOTES.query(&ring, " ,.- ").unwrap_err().kind(), ErrorKind::InvalidInput);
    // A value without any is kept, and found by none.
    assert!(written(&SURNAME, &ring, &String::new()).is_empty());
    assert!(written(&NOTES, &ring, &"-".into()).is_empty());
}

#[test]
fn a_long_text_is_found_by_each_of_its_words() {
    const LENIENT: Index<String, ManyTerms> =
        Index::words("customer", "lenient.words").cardinality(100_000).lenient();
    let ring = ring();
    let text: String = (0..2_000).map(|n| format!("w{n} ")).collect();
    for index in [&NOTES, &LENIENT] {
        let found_by = written(index, &ring, &text);
        assert_eq!(found_by.len(), 2_000);
        for word in ["w0", "w255 w256", "w1999"] {
            let query = index.query(&ring, word).unwrap();
            let terms: Vec<_> = query.groups().iter().flatten().collect();
            assert!(terms.iter().all(|term| found_by.contains(term)), "{word}");
            assert!(query.matches(&text).unwrap(), "{word}");
        }
    }
}

/// `[IX-8]`
#[test]
fn a_text_without_spaces_is_found_by_every_part_of_it() {
    let ring = ring();
    let text = "彼は東京都の李小龍です".to_owned();
    let found_by = written(&NOTES, &ring, &text);
    for (part, matches) in [
        ("東京", true),
        ("東京都", true),
        ("李", true),
        ("京東", false),
        ("東都", false),
        ("彼です", false),
    ] {
        let query = NOTES.query(&ring, part).unwrap();
        let is_found = query.groups().iter().flatten().all(|term| found_by.contains(term));
        assert_eq!((is_found, query.matches(&text).unwrap()), (matches, matches), "{part}");
    }
}

#[test]
fn a_question_of_too_many_words_is_refused() {
    let ring = ring();
    let many: Vec<String> = (0..256).map(|n| format!("w{n}")).collect();
    assert_eq!(
        NOTES.query(&ring, many.join(" ").as_str()).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(NOTES.query(&ring, many[1..].join(" ").as_str()).unwrap().groups().len(), 255);
}

#[test]
fn a_range_that_takes_too_many_terms_is_refused() {
    const FLAT: Index<i64, ManyTerms> =
        Index::range("customer", "flat", Domain::integers(0, 1_000_000)).levels(1);
    let ring = ring();
    assert_eq!(FLAT.between(&ring, 0..=1_023).unwrap().terms().len(), 1_024);
    assert_eq!(FLAT.between(&ring, 0..=1_024).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_term_has_one_text_form() {
    let ring = ring();
    let term = term(&EMAIL, &ring, "", "ada");
    assert_eq!(Term::from_text(&term.to_text()).unwrap(), term);
    assert_eq!(term.as_bytes().len(), 20);
    for bad in ["0", "0G", "0A", " 00", "00 ", "é0"] {
        assert_eq!(Term::from_text(bad).unwrap_err().kind(), ErrorKind::Malformed, "{bad}");
    }
    assert_eq!(Term::from_bytes(*b"ab").key_id(), None);
}

#[test]
fn nothing_that_is_printed_shows_a_value() {
    let ring = ring();
    let query = EMAIL.query(&ring, "ada-lovelace").unwrap();
    let term = &query.terms()[0];
    let shown = format!("{query:?} {term:?} {EMAIL:?}");
    assert!(!shown.contains("lovelace"), "{shown}");
}

/// The figures of SECURITY.md, section 19: whoever reads the table and writes values of their own into a row of
/// their own, as a customer who edits a profile, finds what stands in other rows.
#[test]
fn values_that_an_attacker_writes_undo_a_range_index() {
    // The days of two centuries.
    const DAYS: i64 = 73_049;
    static BORN: Index<i64, ManyTerms> =
        Index::range("customer", "born.range", Domain::integers(0, 73_048));
    let ring = ring();
    let terms_of = |day: i64| written(&BORN, &ring, &day);
    let shared = |of: &BTreeSet<Term>, with: &BTreeSet<Term>| of.intersection(with).count();

    // One person, exactly: each edit of the own row tells at least one more bit.
    let victims: Vec<i64> = (0..24).map(|n| (n * 31_337 + 11_111) % DAYS).collect();
    let mut most = 0;
    for victim in &victims {
        let sealed = terms_of(*victim);
        let (mut guess, mut edits) = (0_i64, 1);
        loop {
            let unknown = sealed.len() - shared(&sealed, &terms_of(guess));
            if unknown == 0 {
                break;
            }
            let bit = 1_i64 << (unknown - 1);
            guess = ((guess ^ bit) / bit) * bit;
            edits += 1;
        }
        assert_eq!(guess, *victim);
        most = most.max(edits);
    }
    assert!((10..=18).contains(&most), "{most} edits");

    // Everybody within 256 days: one edit for every 512 days.
    let known: Vec<(i64, BTreeSet<Term>)> =
        (0..DAYS).step_by(512).map(|day| (day, terms_of(day))).collect();
    assert_eq!(known.len(), 143);
    for victim in &victims {
        let sealed = terms_of(*victim);
        let nearest = known.iter().max_by_key(|(_, terms)| shared(&sealed, terms)).unwrap();
        let unknown = sealed.len() - shared(&sealed, &nearest.1);
        assert!(unknown <= 9, "of 512 days");
        let low = if unknown == 9 { nearest.0 + 256 } else { nearest.0 };
        assert!((low..low + 256).contains(victim));
    }
}

/// What a type cannot have is refused where it is declared: in a constant, by the compiler.
#[test]
fn indexes_and_masks_that_a_type_cannot_have_are_refused_where_they_are_declared() {
    use std::panic::UnwindSafe;

    use fieldseal::Mask;
    use fieldseal::field::Masking;

    fn declared<T: SealValue>(
        companion: impl FnOnce() -> Companion<'static> + UnwindSafe,
    ) -> Option<String> {
        let declare = || -> IndexedField<T> {
            let companions: &'static [Companion] = Box::leak(Box::new([companion()]));
            Field::new("customer", "value", Class::PERSONAL).with("value", companions)
        };
        let panic = std::panic::catch_unwind(declare).err()?;
        Some(match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(other) => (*other.downcast::<&str>().unwrap()).to_owned(),
        })
    }
    fn exact<T: SealValue>(
        normalizer: Normalizer,
    ) -> impl FnOnce() -> Companion<'static> + UnwindSafe {
        move || {
            let index: Index<T> = Index::exact("customer", "value").normalized(normalizer);
            Companion::index(&index.cardinality(1_000_000), "value_index")
        }
    }
    fn many<T>(
        index: fn() -> Index<T, ManyTerms>,
    ) -> impl FnOnce() -> Companion<'static> + UnwindSafe {
        move || Companion::in_table(&index().allow_leakage("a test"))
    }
    fn mask<T>(how: Masking) -> impl FnOnce() -> Companion<'static> + UnwindSafe {
        const SHOWN: Class = Class::new("shown");
        move || Companion::mask(&Mask::<T>::new("customer", "value", SHOWN, how), "value_mask")
    }
    const NONE: Normalizer = Normalizer::NONE;
    const NUMBERS: Domain = Domain::integers(0, 9);
    const DAYS: Domain = Domain::dates("1900-01-01", "2099-12-31");

    assert_eq!(declared::<String>(exact::<String>(Normalizer::EMAIL)), None);
    assert_eq!(declared::<Option<i64>>(exact::<Option<i64>>(NONE)), None);
    assert_eq!(declared::<Vec<u8>>(exact::<Vec<u8>>(NONE)), None);
    assert_eq!(declared::<u8>(many::<u8>(|| Index::range("customer", "value", NUMBERS))), None);
    assert_eq!(declared::<i32>(mask::<i32>(Masking::LAST4)), None);
    for (refused, why) in [
        (declared::<f64>(exact::<f64>(NONE)), "a float field"),
        (declared::<Vec<String>>(exact::<Vec<String>>(NONE)), "a list or structure"),
        (declared::<Option<Vec<i64>>>(exact::<Option<Vec<i64>>>(NONE)), "a list or structure"),
        (declared::<bool>(exact::<bool>(NONE)), "a boolean"),
        (declared::<i64>(exact::<i64>(Normalizer::EMAIL)), "has a normalizer"),
        (declared::<Vec<u8>>(exact::<Vec<u8>>(Normalizer::DIGITS)), "has a normalizer"),
        (
            declared::<i64>(many::<i64>(|| Index::prefix("customer", "value", 3))),
            "need a text field",
        ),
        (
            declared::<Vec<u8>>(many::<Vec<u8>>(|| Index::words("customer", "value"))),
            "need a text field",
        ),
        (
            declared::<String>(many::<String>(|| Index::range("customer", "value", NUMBERS))),
            "needs an integer, date",
        ),
        (
            declared::<Option<f32>>(many::<Option<f32>>(|| {
                Index::range("customer", "value", NUMBERS)
            })),
            "needs an integer, date",
        ),
        (
            declared::<u16>(many::<u16>(|| Index::range("customer", "value", DAYS))),
            "needs Domain::integers",
        ),
        // An index of another type, beside a field that could have it and never be found by it.
        (declared::<String>(exact::<i64>(NONE)), "of another type"),
        (declared::<Option<u32>>(exact::<String>(NONE)), "of another type"),
        (
            declared::<String>(many::<i64>(|| Index::range("customer", "value", NUMBERS))),
            "needs an integer, date",
        ),
        (declared::<i64>(mask::<i64>(Masking::EMAIL)), "texts"),
        (declared::<bool>(mask::<bool>(Masking::LAST4)), "only texts, integers"),
        (declared::<Vec<u8>>(mask::<Vec<u8>>(Masking::LAST4)), "only texts, integers"),
        (declared::<u32>(mask::<u32>(Masking::YEAR)), "dates"),
    ] {
        let refused = refused.expect(why);
        assert!(refused.contains(why), "{refused}: {why}");
    }
    for lenient in [true, false] {
        let refused = std::panic::catch_unwind(|| {
            let index: Index<i64> = Index::exact("customer", "value");
            if lenient { index.lenient() } else { index.normalized(Normalizer::DIGITS) }
        });
        assert!(
            refused.is_err(),
            "an index that is only asked, and that no field is declared with"
        );
    }
    let compound = std::panic::catch_unwind(|| {
        Index::<(i64, String)>::compound("customer", "both", &[Normalizer::EMAIL, NONE])
    });
    assert!(compound.is_err());
    let compound = std::panic::catch_unwind(|| {
        Index::<(f64, String)>::compound("customer", "both", &[NONE, NONE])
    });
    assert!(compound.is_err());
}

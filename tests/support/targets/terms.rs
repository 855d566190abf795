//! Values and questions of every index: what was written is found by itself, what is found and matches is
//! what was asked for, and nothing panics.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use fieldseal::field::{Companion, IndexedField, ManyTerms, Masking, Query};
use fieldseal::index::{Domain, Normalizer, Term};
use fieldseal::keyring::{KeyState, KeyUse, RingKey};
use fieldseal::{Access, Class, DataKeys, Error, ErrorKind, Field, Index, KeyRing, SealValue};

use super::input::Input;
use super::{NOW, key_id, kind};

const MANY: u64 = 1_000_000;
const PLAIN: Index<String> = Index::exact("c", "plain").cardinality(MANY);
const CUT: Index<String> = Index::exact("c", "cut").cardinality(MANY).bits(5);
const EMAIL: Index<String> =
    Index::exact("c", "email").normalized(Normalizer::EMAIL).cardinality(MANY);
const LENIENT: Index<String> =
    Index::exact("c", "lenient").normalized(Normalizer::DATE).cardinality(MANY).lenient();
const DIGITS: Index<String> =
    Index::exact("c", "digits").normalized(Normalizer::DIGITS).cardinality(MANY);
#[cfg(feature = "unicode")]
const TEXT: Index<String> =
    Index::exact("c", "text").normalized(Normalizer::TEXT.without_accents()).cardinality(MANY);
#[cfg(feature = "phone")]
const PHONE: Index<String> =
    Index::exact("c", "phone").normalized(Normalizer::phone("DE")).cardinality(MANY);
const PREFIX: Index<String, ManyTerms> = Index::prefix("c", "prefix", 5).cardinality(MANY);
const WORDS: Index<String, ManyTerms> = Index::words("c", "words").cardinality(MANY);
const NUMBERS: Index<i64, ManyTerms> =
    Index::range("c", "numbers", Domain::integers(-70_000, 70_000)).levels(9);
const ALL: Index<i64, ManyTerms> =
    Index::range("c", "all", Domain::integers(-(1 << 63), (1 << 63) - 1).step(1 << 20));
const PAIR: Index<(String, i64)> =
    Index::<(String, i64)>::compound("c", "pair", &[Normalizer::NONE, Normalizer::NONE])
        .cardinality(MANY);

const TEXTS: IndexedField<String> = Field::new("c", "text", Class::PERSONAL).with(
    "text",
    &[Companion::index(&PLAIN, "a"), Companion::index(&CUT, "b"), Companion::in_table(&PREFIX)],
);

fn ring() -> &'static KeyRing {
    static RING: OnceLock<KeyRing> = OnceLock::new();
    RING.get_or_init(|| {
        let mut ring = KeyRing::empty();
        let keys = [
            (1, KeyUse::Envelope, "envelope", KeyState::Primary),
            (2, KeyUse::Wrap, "app", KeyState::Primary),
            (3, KeyUse::Index, "index", KeyState::OpenOnly),
            (4, KeyUse::Index, "index", KeyState::Primary),
        ];
        for (id, key_use, name, state) in keys {
            let secret = [u8::try_from(id).unwrap(); 32];
            ring.insert(RingKey::symmetric(key_id(id), key_use, name, state, &secret).unwrap())
                .unwrap();
        }
        ring
    })
}

fn keys() -> &'static DataKeys {
    static KEYS: OnceLock<DataKeys> = OnceLock::new();
    KEYS.get_or_init(|| {
        DataKeys::create(Access::new(ring()).at(NOW), 42, [Class::PERSONAL]).unwrap()
    })
}

fn terms_of<T>(query: &Query<T>) -> BTreeSet<Term> {
    let terms: BTreeSet<_> = query.groups().iter().flatten().cloned().collect();
    let one_by_one: usize = query.groups().iter().map(Vec::len).sum();
    assert!(terms.len() <= one_by_one && one_by_one.is_multiple_of(2), "under each of two keys");
    assert!(!format!("{query:?}").is_empty());
    terms
}

/// Two values and one index: equal terms exactly if the one matches what is asked for the other.
fn exact<T: SealValue>(index: &Index<T>, cut: bool, one: &T, other: &T) {
    let (Ok(asked), Ok(same)) = (kind(index.query(ring(), one)), kind(index.query(ring(), other)))
    else {
        return;
    };
    assert!(asked.matches(one).unwrap());
    let matches = asked.matches(other).unwrap();
    let equal = terms_of(&asked) == terms_of(&same);
    assert!(equal == matches || (cut && equal), "{index:?}");
}

/// What is written of a value, and whether a question for another finds it.
fn many<T: SealValue + Clone>(
    index: &Index<T, ManyTerms>,
    companions: &'static [Companion],
    value: &T,
    query: Result<Query<T>, Error>,
) {
    let field: IndexedField<T> = Field::new("c", "many", Class::PERSONAL).with("many", companions);
    let written = match kind(field.update(keys(), value)) {
        Ok(written) => written,
        Err(kind) => return assert_eq!(kind, ErrorKind::InvalidInput),
    };
    let Ok(query) = kind(query) else { return };
    let terms = written.terms(index).unwrap().as_slice().unwrap();
    let found = query.groups().iter().all(|group| group.iter().any(|term| terms.contains(term)));
    let matches = query.matches(value).unwrap();
    assert!(found || !matches, "{index:?} misses what it was asked for");
    let _ = terms_of(&query);
}

pub(crate) fn terms(data: &[u8]) {
    let mut input = Input(data);
    let which = input.u8();
    let (one, other) = (input.text(200), input.text(200));
    let ends = (input.u64().cast_signed(), input.u64().cast_signed());
    let small = (ends.0 % 90_000, ends.1 % 90_000);
    match which % 12 {
        0 => exact(&PLAIN, false, &one, &other),
        1 => exact(&CUT, true, &one, &other),
        2 => exact(&EMAIL, false, &one, &other),
        3 => exact(&LENIENT, false, &one, &other),
        4 => exact(&DIGITS, false, &one, &other),
        #[cfg(feature = "unicode")]
        5 => exact(&TEXT, false, &one, &other),
        #[cfg(feature = "phone")]
        6 => exact(&PHONE, false, &one, &other),
        7 => many(
            &PREFIX,
            const { &[Companion::in_table(&PREFIX)] },
            &one,
            PREFIX.query(ring(), &other),
        ),
        8 => many(
            &WORDS,
            const { &[Companion::in_table(&WORDS)] },
            &one,
            WORDS.query(ring(), &other),
        ),
        9 => many(
            &NUMBERS,
            const { &[Companion::in_table(&NUMBERS)] },
            &(input.u64().cast_signed() % 90_000),
            NUMBERS.between(ring(), small.0..=small.1),
        ),
        10 => many(
            &ALL,
            const { &[Companion::in_table(&ALL)] },
            &(input.u64().cast_signed()),
            ALL.between(ring(), ends.0..ends.1),
        ),
        11 => {
            let pair = |text: &String, number: i64| {
                let query = kind(PAIR.query(ring(), &(text.as_str(), &number))).unwrap();
                (query.matches(&(&other, &ends.1)).unwrap(), terms_of(&query))
            };
            let (asked, same) = (pair(&one, ends.0), pair(&other, ends.1));
            assert_eq!(asked.1 == same.1, asked.0);
            assert_eq!(asked.0, (&one, ends.0) == (&other, ends.1));
        }
        _ => {}
    }
    for how in
        [Masking::LAST4, Masking::FIRST_LETTER, Masking::EMAIL, Masking::PHONE, Masking::YEAR]
    {
        let shown = how.shown(&one);
        assert!(!shown.is_empty() && (shown.contains('•') || how == Masking::YEAR));
    }
    if let Ok(written) = kind(TEXTS.update(keys(), &one)) {
        assert_eq!(TEXTS.open(keys(), &written.value).unwrap(), one);
        assert_eq!(written.columns().len(), 3);
    }
    let term = Term::from_bytes(data);
    assert_eq!(Term::from_text(&term.to_text()).unwrap(), term);
}

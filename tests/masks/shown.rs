//! What masks show, and that it is never more than half.

use std::collections::BTreeMap;

use fieldseal::field::Masking;
use proptest::prelude::*;

const OWN: [Masking; 5] =
    [Masking::LAST4, Masking::FIRST_LETTER, Masking::EMAIL, Masking::PHONE, Masking::YEAR];

const HIDDEN: &str = "••••";

#[test]
fn masks_show_what_they_say() {
    for (masking, value, shown) in [
        (Masking::LAST4, "4242 4242 4242 4242", "•••• 4242"),
        (Masking::LAST4, "4242-4242-4242-42-43", "•••• 4243"),
        (Masking::LAST4, "DE89 3704 0044 0532 0130 00", "•••• 3000"),
        (Masking::LAST4, "12345678", "•••• 5678"),
        (Masking::LAST4, "1234567", HIDDEN),
        (Masking::LAST4, "1234 ---- ----", HIDDEN),
        (Masking::LAST4, "", HIDDEN),
        (Masking::LAST4, "４２４２４２４２", "•••• ４２４２"),
        (Masking::FIRST_LETTER, "Ada Lovelace", "A••••"),
        (Masking::FIRST_LETTER, "  (ada)", "a••••"),
        (Masking::FIRST_LETTER, "Ng", "N••••"),
        (Masking::FIRST_LETTER, "X", HIDDEN),
        (Masking::FIRST_LETTER, "\u{1F600}\u{1F601}\u{1F602}", HIDDEN),
        (Masking::EMAIL, "ada@example.com", "a••••@e••••.com"),
        (Masking::EMAIL, "ada.lovelace@mail.example.co.uk", "a••••@m••••.uk"),
        (Masking::EMAIL, "ada@gmail.com", "a••••@••••.com"),
        (Masking::EMAIL, "x@example.com", "••••@e••••.com"),
        (Masking::EMAIL, "a@b.c", HIDDEN),
        (Masking::EMAIL, "\"a@b\"@example.com", "a••••@e••••.com"),
        (Masking::EMAIL, "grace.hopper@localhost", "g••••@l••••"),
        (Masking::EMAIL, "ada", HIDDEN),
        (Masking::EMAIL, "@", HIDDEN),
        (Masking::PHONE, "+49 30 1234 567", "•••• 567"),
        (Masking::PHONE, "(030) 123-45", "•••• 345"),
        (Masking::PHONE, "110", HIDDEN),
        (Masking::PHONE, "+49 30 1234 567 ext. 89", "•••• 567"),
        (Masking::PHONE, "+49 30 1234 567x89", "•••• 567"),
        (Masking::PHONE, "+49 30 1234 567 #89", "•••• 567"),
        (Masking::PHONE, "+49 30 1234 567 (89)", "•••• 567"),
        (Masking::PHONE, "+49 30 1234 567;ext=89", "•••• 567"),
        (Masking::PHONE, "+49 30 1234 567, 89", "•••• 567"),
        (Masking::PHONE, "+49 30 1234 567p89", "•••• 567"),
        (Masking::PHONE, "8 (912) 345-67-89 доб. 12", "•••• 789"),
        (Masking::PHONE, "03-1234-5678 内線12", "•••• 678"),
        (Masking::PHONE, "tel:+49-30-1234-567;ext=89", "•••• 567"),
        (Masking::PHONE, "Phone: (030) 1234 567 ext 8", "•••• 567"),
        (Masking::PHONE, "110 ext. 4711", HIDDEN),
        (Masking::PHONE, "0800 FLOWERS 12345", HIDDEN),
        (Masking::PHONE, "ext. 89, +49 30 1234 567", HIDDEN),
        (Masking::EMAIL, "ada@example.xn--vermgensberatung-pwb-x", "a••••@e••••"),
        (Masking::EMAIL, "ada@example.com.", "a••••@e••••"),
        (Masking::PHONE, "call me, please, at home", HIDDEN),
        (Masking::YEAR, "1815-12-10", "1815"),
        (Masking::YEAR, "1815-13-10", HIDDEN),
        (Masking::YEAR, "1815", HIDDEN),
        (Masking::YEAR, "10.12.1815", HIDDEN),
    ] {
        assert_eq!(masking.shown(value), shown, "{} of {value}", masking.name());
    }
}

/// The dots are as many for long values as for short ones.
#[test]
fn no_mask_tells_the_length() {
    for (masking, value) in [
        (Masking::LAST4, "12345678"),
        (Masking::FIRST_LETTER, "1234"),
        (Masking::PHONE, "12345678"),
        (Masking::EMAIL, "12345678@12345678.com"),
    ] {
        let longer = value.replacen('2', "22222222222222222", 1);
        assert_eq!(masking.shown(value), masking.shown(&longer));
    }
}

#[test]
fn a_mask_of_the_applications_own_is_hidden_where_it_shows_too_much() {
    const AS_IT_IS: Masking = Masking::custom("as_it_is", |value| Some(value.into()));
    const NOTHING: Masking = Masking::custom("nothing", |_| None);
    const EMPTY: Masking = Masking::custom("empty", |_| Some(String::new()));
    const UPPER: Masking = Masking::custom("upper", |value| Some(value.to_uppercase()));
    const BACKWARDS: Masking =
        Masking::custom("backwards", |value| Some(value.chars().rev().collect()));
    const SPACED: Masking =
        Masking::custom("spaced", |value| Some(value.chars().flat_map(|c| [c, ' ']).collect()));
    const PAIR: Masking =
        Masking::custom("pair", |value| Some(value.chars().take(2).collect::<String>() + "…"));
    for masking in [AS_IT_IS, NOTHING, EMPTY, UPPER, BACKWARDS, SPACED] {
        for value in ["ada", "Straße 5", "\u{1F600}\u{1F601}", "--", ""] {
            assert_eq!(masking.shown(value), HIDDEN, "{} of {value}", masking.name());
        }
    }
    assert_eq!(PAIR.shown("abcd"), "ab…");
    assert_eq!(PAIR.shown("abc"), HIDDEN);
    assert_eq!(format!("{PAIR:?}"), "Masking(pair)");
}

#[test]
#[should_panic(expected = "there is a mask of this name")]
fn mask_of_the_applications_own_takes_no_name_that_is_taken() {
    let _ = Masking::custom("last4", |_| None);
}

#[test]
#[should_panic(expected = "a name is 1 to 64 bytes")]
fn mask_of_the_applications_own_has_a_name() {
    let _ = Masking::custom("Last 4", |_| None);
}

/// How often each character that counts is there, cases being one.
fn count(text: &str, counts: impl Fn(char) -> bool) -> BTreeMap<char, usize> {
    let mut count = BTreeMap::new();
    for c in text.chars().flat_map(char::to_lowercase).filter(|c| counts(*c)) {
        *count.entry(c).or_default() += 1;
    }
    count
}

fn shows_at_most_half(value: &str, shown: &str) {
    let measures: [fn(char) -> bool; 2] = [char::is_alphanumeric, |c| !c.is_whitespace()];
    for counts in measures {
        let (value, shown) = (count(value, counts), count(shown, counts));
        let all: usize = value.values().sum();
        let told: usize = shown
            .iter()
            .map(|(c, times)| (*times).min(value.get(c).copied().unwrap_or_default()))
            .sum();
        assert!(told * 2 <= all, "{told} of {all}");
    }
}

fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "\\PC{0,40}",
        "[a-z0-9]{0,12}",
        "[0-9 -]{0,24}",
        "\\+?[0-9() -]{0,20}",
        "[a-zA-Z0-9.\"@-]{0,10}@[a-z.-]{0,12}",
        "\\PC{0,6}@\\PC{0,6}\\.\\PC{0,6}",
        "[0-9]{4}-[01][0-9]-[0-3][0-9]",
        "[Iıİiſßẞǆŉᾳ\u{301}\u{308}]{0,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_mask_shows_more_than_half(value in values()) {
        for masking in OWN {
            let shown = masking.shown(&value);
            shows_at_most_half(&value, &shown);
            // What it shows is there, and nothing else but the dots.
            for c in shown.chars().filter(|c| c.is_alphanumeric()) {
                prop_assert!(value.contains(c));
            }
            prop_assert!(shown.contains(HIDDEN) || masking == Masking::YEAR);
        }
    }

    #[test]
    fn no_mask_of_the_applications_own_shows_more_than_half(value in values()) {
        const HALVES: [Masking; 4] = [
            Masking::custom("as_it_is", |value| Some(value.into())),
            Masking::custom("doubled", |value| Some(format!("{value}{value}"))),
            Masking::custom("first_third", |value| {
                Some(value.chars().take(value.chars().count() / 3).collect())
            }),
            Masking::custom("every_other", |value| Some(value.chars().step_by(2).collect())),
        ];
        for masking in HALVES {
            shows_at_most_half(&value, &masking.shown(&value));
        }
    }
}

//! Spellings that are found as one, and what an index says that it tells.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use fieldseal::field::ManyTerms;
use fieldseal::index::{Domain, Leakage, MeasuredLeakage, Normalizer, Term};
use fieldseal::{ErrorKind, Index, KeyRing};

const EMAIL: Index<String> =
    Index::exact("customer", "email").normalized(Normalizer::EMAIL).cardinality(1_000_000);
const LENIENT: Index<String> =
    Index::exact("customer", "email").normalized(Normalizer::EMAIL).measured().lenient();
const ACCOUNT: Index<String> =
    Index::exact("customer", "account").normalized(Normalizer::DIGITS).measured();
const BORN: Index<String> =
    Index::exact("customer", "born").normalized(Normalizer::DATE).cardinality(30_000);
const CITY: Index<String> = Index::exact("customer", "city").measured();
const TRUNCATED: Index<String> = Index::exact("customer", "city").bits(4).measured();

fn ring() -> KeyRing {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_index_key().unwrap();
    ring
}

fn term(index: &Index<String>, ring: &KeyRing, text: &str) -> Term {
    index.query(ring, text).unwrap().terms()[0].clone()
}

fn equal(index: &Index<String>, ring: &KeyRing, texts: &[&str]) {
    for text in texts {
        assert_eq!(term(index, ring, text), term(index, ring, texts[0]), "{text} {}", texts[0]);
    }
}

#[test]
fn spellings_of_one_value_have_one_term() {
    let ring = ring();
    equal(&EMAIL, &ring, &["ada@example.com", "ADA@Example.Com", " ada@example.com "]);
    equal(&ACCOUNT, &ring, &["4242 4242", "4242-4242", "４２４２４２４２", "DE42424242"]);
    equal(&BORN, &ring, &["2024-02-29", "20240229"]);
    assert_ne!(term(&EMAIL, &ring, "ada@example.com"), term(&EMAIL, &ring, "a.da@example.com"));
    assert_ne!(term(&ACCOUNT, &ring, "42"), term(&ACCOUNT, &ring, "042"));
    assert_ne!(term(&CITY, &ring, "Bern"), term(&CITY, &ring, "bern"));
}

#[test]
fn a_refusal_names_the_index_and_never_the_value() {
    let ring = ring();
    for (index, field, text) in [
        (&EMAIL, "email", "ada lovelace"),
        (&ACCOUNT, "account", "unknown"),
        (&BORN, "born", "1815-12-32"),
    ] {
        let error = index.query(&ring, text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!((error.record(), error.field()), (Some("customer"), Some(field)));
        assert!(!std::format!("{error} {error:?}").contains(text), "{error}");
    }
}

#[test]
fn a_lenient_index_finds_what_is_no_address_by_the_letter() {
    let ring = ring();
    equal(&LENIENT, &ring, &["ada@example.com", "ADA@example.com"]);
    assert_ne!(term(&LENIENT, &ring, "ada lovelace"), term(&LENIENT, &ring, "Ada Lovelace"));
    assert_ne!(term(&LENIENT, &ring, "ada lovelace"), term(&LENIENT, &ring, "ada lovelace "));
    assert_eq!(term(&LENIENT, &ring, "ada lovelace"), term(&LENIENT, &ring, "ada lovelace"));
}

#[cfg(feature = "unicode")]
#[test]
fn names_are_found_in_any_case_form_and_spacing() {
    const NAME: Index<String> =
        Index::exact("customer", "name").normalized(Normalizer::TEXT).measured();
    const PLAIN: Index<String> =
        Index::exact("customer", "name").normalized(Normalizer::TEXT.without_accents()).measured();
    const START: Index<String, ManyTerms> =
        Index::prefix("customer", "name.prefix", 8).normalized(Normalizer::TEXT).measured();
    let ring = ring();
    equal(&NAME, &ring, &["Weiß Müller", "WEISS MU\u{308}LLER", " weiß\u{A0} müller\u{200B}"]);
    equal(&PLAIN, &ring, &["IŞIK", "ışık", "Işık", "isik", "İŞİK"]);
    for different in ["ışık", "isik", "İŞIK"] {
        assert_ne!(term(&NAME, &ring, "IŞIK"), term(&NAME, &ring, different));
    }
    let prefix = |text: &str| START.query(&ring, text).unwrap().terms().to_vec();
    assert_eq!(prefix("MÜ"), prefix("mu\u{308}"));
    assert_ne!(prefix("mü"), prefix("mu"));
}

#[cfg(feature = "phone")]
#[test]
fn numbers_are_found_in_any_spelling() {
    const PHONE: Index<String> = Index::exact("customer", "phone")
        .normalized(Normalizer::phone("DE"))
        .cardinality(1_000_000);
    let ring = ring();
    let spelled = ["+493012345678", "030 / 123 456 78", "0049 (0)30 12345678", "tel:030-12345678"];
    equal(&PHONE, &ring, &spelled);
    assert_ne!(term(&PHONE, &ring, "030 12345678"), term(&PHONE, &ring, "+43 30 12345678"));
    let error = PHONE.query(&ring, "030 12345678 ext. 9").unwrap_err().to_string();
    assert!(error.contains("customer.phone") && !error.contains("12345678"), "{error}");
}

fn measured(
    index: &Index<String>,
    values: impl IntoIterator<Item = usize>,
) -> MeasuredLeakage<'static> {
    let ring = ring();
    let terms: Vec<_> = values.into_iter().map(|n| term(index, &ring, &n.to_string())).collect();
    index.leakage().measured(&terms)
}

#[test]
fn a_declaration_says_what_it_tells() {
    const BIRTH: Index<i64, ManyTerms> =
        Index::range("customer", "birth", Domain::integers(0, 99_999)).levels(8);
    const SURNAME: Index<String, ManyTerms> =
        Index::prefix("customer", "surname", 5).cardinality(200_000).bits(16);
    let email = EMAIL.leakage();
    assert_eq!((email.bits, email.cardinality), (128, Some(1_000_000)));
    assert_eq!((email.values_per_term, email.terms_per_value), (Some(1), 1));
    assert!(!email.order && !email.tree && email.allowed_because.is_none());
    let surname = SURNAME.leakage();
    assert_eq!((surname.values_per_term, surname.terms_per_value), (Some(3), 5));
    assert!(surname.tree && !surname.order);
    let birth = BIRTH.leakage();
    assert_eq!((birth.levels, birth.terms_per_value), (Some((8, 17)), 8));
    assert!(birth.order && birth.tree);
    assert_eq!(birth.cardinality, Some(100_000));
    let text = birth.to_string();
    assert!(text.contains("customer.birth") && text.contains("8 of 17 levels"), "{text}");
    assert!(text.contains("order"), "{text}");
}

#[test]
fn a_reason_is_shown() {
    const COUNTRY: Index<String> = Index::exact("customer", "country")
        .cardinality(200)
        .allow_leakage("support sorts by country");
    let told = COUNTRY.leakage();
    assert_eq!(told.allowed_because, Some("support sorts by country"));
    assert!(told.to_string().ends_with("allowed because: support sorts by country"), "{told}");
    assert!(told.measured(&[]).check().is_ok());
}

#[test]
fn what_is_stored_is_counted() {
    // One value four times, two twice, eight once.
    let values = [0; 4].into_iter().chain([1, 1, 2, 2]).chain(3..11);
    let told = measured(&CITY, values);
    assert_eq!((told.terms, told.distinct), (16, 11));
    assert_eq!((told.largest_group, told.smallest_group), (4, 1));
    assert!((told.largest_share() - 0.25).abs() < 1e-9);
    // 1/4 × 2 bits + 2 × 1/8 × 3 bits + 8 × 1/16 × 4 bits.
    assert!((told.entropy_bits - 3.25).abs() < 1e-9, "{}", told.entropy_bits);
    assert!(told.to_string().contains("16 terms, 11 different"), "{told}");
    let nothing = measured(&CITY, []);
    assert_eq!((nothing.terms, nothing.distinct), (0, 0));
    assert!(nothing.entropy_bits.abs() < 1e-9 && nothing.largest_share().abs() < 1e-9);
}

#[test]
fn few_values_do_not_pass_when_they_are_counted() {
    let told: Leakage = CITY.leakage();
    let terms = |count: u32| {
        let term = |n: u32| Term::from_bytes([&[0, 0, 0, 1], &n.to_be_bytes()[..]].concat());
        (0..count).map(term).collect::<Vec<_>>()
    };
    let error = told.measured(&terms(9_999)).check().unwrap_err();
    assert_eq!((error.record(), error.field()), (Some("customer"), Some("city")));
    assert!(told.measured(&terms(10_000)).check().is_ok());
    // How often they occur is no cardinality.
    let often: Vec<_> = terms(5_000).into_iter().chain(terms(5_000)).collect();
    assert!(told.measured(&often).check().is_err());
}

#[test]
fn a_truncated_index_passes_when_its_terms_are_shared() {
    // 16 terms: 14 of them occur once there are about 32 values.
    assert!(measured(&TRUNCATED, 0..8).check().is_err());
    assert!(measured(&TRUNCATED, 0..500).check().is_ok());
}

#[test]
fn terms_of_an_old_key_are_not_counted_twice() {
    let term = |key: u8, value: u8| Term::from_bytes([0, 0, 0, key, value]);
    let terms: Vec<_> =
        (0..20).map(|value| term(1, value)).chain((0..5).map(|value| term(2, value))).collect();
    let told = CITY.leakage().measured(&terms);
    assert_eq!((told.terms, told.distinct), (20, 20));
}

#[cfg(feature = "serde")]
#[test]
fn figures_are_data() {
    let told = serde_json::to_value(EMAIL.leakage()).unwrap();
    assert_eq!((&told["record"], &told["bits"]), (&"customer".into(), &128.into()));
    let measured = serde_json::to_value(EMAIL.leakage().measured(&[])).unwrap();
    assert_eq!(measured["declared"], told);
}

use std::string::ToString as _;
use std::vec::Vec;

use super::*;

fn found_by(text: &str) -> Vec<String> {
    of_a_value(&runs(text)).unwrap().into_iter().map(String::from).collect()
}

fn asked(text: &str) -> Vec<String> {
    of_a_question(&runs(text)).unwrap().into_iter().map(String::from).collect()
}

fn matches(value: &str, question: &str) -> bool {
    let (value, question) = (runs(value), runs(question));
    question.iter().all(|run| have(&value, run))
}

#[test]
fn words_are_runs_of_letters_digits_and_marks() {
    for (text, words) in [
        ("to be, or not_to be", &["be", "not", "or", "to"][..]),
        ("o'brien-smith", &["brien", "o", "smith"]),
        ("cafe\u{301}s", &["cafe\u{301}s"]),
        (
            "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}",
            &["\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}"],
        ),
        ("3.14 1,000", &["000", "1", "14", "3"]),
        ("\u{2167}\u{b2}", &["\u{2167}\u{b2}"]),
        ("\u{1F600} - !", &[]),
        ("\u{16EA0}a\u{378}b", &["a", "b"]),
        ("", &[]),
    ] {
        assert_eq!(found_by(text), words, "{text}");
        assert_eq!(asked(text), words, "{text}");
    }
}

#[test]
fn scripts_without_spaces_are_found_by_every_part() {
    let mut all = ["東", "京", "都", "東京", "京都"];
    all.sort_unstable();
    assert_eq!(found_by("東京都"), all);
    let mut pairs = ["東京", "京都"];
    pairs.sort_unstable();
    assert_eq!(asked("東京都"), pairs);
    assert_eq!(asked("東"), ["東"]);
    assert_eq!(asked("iphone15東"), ["iphone15", "東"]);
    for (value, question) in [
        ("私は東京都に住む", "東京"),
        ("私は東京都に住む", "都"),
        ("李小龍", "李"),
        ("김철수에게", "철수"),
        ("สวัสดีครับ", "สวัสดี"),
        ("カタカナ と iPhone15", "タカ iPhone15"),
        ("3月のライオン", "ライオン 3"),
    ] {
        assert!(matches(value, question), "{question}");
        let found = found_by(value);
        assert!(asked(question).iter().all(|word| found.contains(word)), "{question}");
    }
}

#[test]
fn what_has_the_pairs_alone_is_found_and_does_not_match() {
    let (value, question) = ("京都 東京", "東京都");
    let found = found_by(value);
    assert!(asked(question).iter().all(|word| found.contains(word)));
    assert!(!matches(value, question));
    for (value, question) in [("word", "wor"), ("東京", "京東"), ("東 京", "東京"), ("", "a")]
    {
        assert!(!matches(value, question), "{question}");
    }
}

#[test]
fn a_long_text_is_found_by_each_of_its_words() {
    let text: String = (0..10_000).map(|n| std::format!("w{n} ")).collect();
    assert_eq!(found_by(&text).len(), 10_000);
    assert!(matches(&text, "w9999 w256 w0"));
}

#[test]
fn too_many_words_are_refused() {
    let text: String = (0..=u32::from(MOST_WORDS)).map(|n| std::format!("{n} ")).collect();
    assert!(of_a_value(&runs(&text)).unwrap_err().to_string().contains("65,535"));
    let (_, fewer) = text.split_once(' ').unwrap();
    assert_eq!(found_by(fewer).len(), usize::from(MOST_WORDS));
    let question: String = (0..256).map(|n| std::format!("{n} ")).collect();
    assert!(of_a_question(&runs(&question)).unwrap_err().to_string().contains("255"));
}

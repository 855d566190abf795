//! Text in one case and one form.

use alloc::string::String;

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use zeroize::Zeroizing;

use crate::index::unicode::{is_ignorable, is_unassigned};

/// `[NO-2]` Compatibility caseless matching (Unicode, D146), composed, without what is invisible, with one
/// spelling of each sign and letter, and with one space where there is white space. `[NO-4]` Without accents.
pub(super) fn normalize(text: &str, accents: bool) -> Zeroizing<String> {
    let whole = by_runs(text, is_kept, |run| {
        run.chars()
            .filter(|char| !is_ignorable(*char))
            .nfd()
            .flat_map(fold)
            .nfkd()
            .flat_map(fold)
            .nfkd()
            .filter_map(move |char| spelled(char, accents))
            .nfc()
            .map(move |char| if accents { char } else { dotted(char) })
    });
    let mut spaced = Zeroizing::new(String::with_capacity(whole.len()));
    for word in whole.split_whitespace() {
        if !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push_str(word);
    }
    spaced
}

/// `[NO-9]` What is made of each run between such characters, and these as they are.
pub(super) fn by_runs<'a, C: Iterator<Item = char>>(
    text: &'a str,
    is_kept: fn(char) -> bool,
    made: impl Fn(&'a str) -> C,
) -> Zeroizing<String> {
    let parts = || {
        text.split_inclusive(is_kept).flat_map(|part| {
            let kept = part.chars().next_back().filter(|char| is_kept(*char));
            made(part.strip_suffix(is_kept).unwrap_or(part)).chain(kept)
        })
    };
    // Counted first: a buffer that grew would leave copies that nothing wipes.
    let mut whole = Zeroizing::new(String::with_capacity(parts().map(char::len_utf8).sum()));
    whole.extend(parts());
    whole
}

/// `[NO-9]` What is invisible is known of characters that are not assigned yet.
fn is_kept(char: char) -> bool {
    is_unassigned(char) && !is_ignorable(char)
}

/// `[NO-2]` The one spelling of what keyboards spell in several ways: `None` where it is left out.
fn spelled(char: char, accents: bool) -> Option<char> {
    Some(match char {
        // Apostrophes, which telephones set in place of the one on the keyboard; the okina among them.
        '\u{2BB}' | '\u{2BC}' | '\u{2018}' | '\u{2019}' | '\u{201B}' | '\u{2032}' => '\'',
        // Hyphens, dashes up to that between numbers, the minus sign.
        '\u{2010}'..='\u{2013}' | '\u{2212}' => '-',
        // Tatweel stretches a word, and is no letter.
        '\u{640}' => return None,
        // Kaf and yeh of Persian keyboards, and of Arabic ones.
        '\u{6A9}' => '\u{643}',
        '\u{6CC}' => '\u{64A}',
        // Alef maksura, alef wasla, and the heh of Urdu keyboards.
        '\u{649}' if !accents => '\u{64A}',
        '\u{671}' if !accents => '\u{627}',
        '\u{6C1}' if !accents => '\u{647}',
        accent if !accents && is_accent(accent) => return None,
        other => other,
    })
}

/// Full case folding, by no language (CaseFolding.txt, C and F).
fn fold(char: char) -> impl Iterator<Item = char> {
    let (mut place, mut next) = ([0; 4], 0);
    let ascii = char.is_ascii().then(|| char.to_ascii_lowercase());
    let folded = match ascii {
        Some(_) => Zeroizing::default(),
        None => Zeroizing::new(UniCase::unicode(&*char.encode_utf8(&mut place)).to_folded_case()),
    };
    ascii.into_iter().chain(core::iter::from_fn(move || {
        let char = folded.get(next..)?.chars().next()?;
        next = next.saturating_add(char.len_utf8());
        Some(char)
    }))
}

/// Marks around a letter: 202 to 240 are those of Latin, Greek and Cyrillic, 10 to 36 the points of
/// Hebrew, Arabic and Syriac. What is below 10 (strokes, nuktas, the voicing of kana, viramas) and between
/// them (vowels and tones of scripts of South and South East Asia), or has no class, is no accent. Unicode
/// never changes these classes.
fn is_accent(char: char) -> bool {
    matches!(canonical_combining_class(char), 10..=36 | 202..=240)
}

/// The dot of an i is an accent like others: only so do upper and lower case of Turkish meet.
fn dotted(char: char) -> char {
    match char {
        'ı' => 'i',
        'ȷ' => 'j',
        other => other,
    }
}

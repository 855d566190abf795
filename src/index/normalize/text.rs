//! Text in one case and one form.

use alloc::string::String;

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use zeroize::Zeroizing;

/// `[NO-2]` Compatibility caseless matching (Unicode, D146), composed, without what is invisible, and with
/// one space where there is white space. `[NO-4]` Without accents.
pub(super) fn normalize(text: &str, accents: bool) -> Zeroizing<String> {
    let folded = || {
        text.chars()
            .filter(|char| !is_ignorable(*char))
            .nfd()
            .flat_map(fold)
            .nfkd()
            .flat_map(fold)
            .nfkd()
            .filter(move |char| accents || !is_accent(*char))
            .nfc()
            .map(move |char| if accents { char } else { dotted(char) })
    };
    // Counted first: a buffer that grew would leave copies that nothing wipes.
    let mut whole = Zeroizing::new(String::with_capacity(folded().map(char::len_utf8).sum()));
    whole.extend(folded());
    let mut spaced = Zeroizing::new(String::with_capacity(whole.len()));
    for word in whole.split_whitespace() {
        if !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push_str(word);
    }
    spaced
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

/// Default_Ignorable_Code_Point: soft hyphens, joiners, marks of direction, variation selectors. The
/// property holds for what is not assigned yet, too.
fn is_ignorable(char: char) -> bool {
    matches!(
        u32::from(char),
        0x00AD
            | 0x034F
            | 0x061C
            | 0x115F..=0x1160
            | 0x17B4..=0x17B5
            | 0x180B..=0x180F
            | 0x200B..=0x200F
            | 0x202A..=0x202E
            | 0x2060..=0x206F
            | 0x3164
            | 0xFE00..=0xFE0F
            | 0xFEFF
            | 0xFFA0
            | 0xFFF0..=0xFFF8
            | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF
    )
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

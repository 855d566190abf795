//! What of a value a mask shows.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use zeroize::Zeroizing;

use crate::cbor::{Item, ValueKind, days};
use crate::context::{assert_name, equal};

/// How a mask is made of a value.
///
/// It never shows more than half of the value: neither of its letters and digits, nor of all its
/// characters that are no white space. What would, and what cannot be masked in this way, is `••••`. So is
/// every value that is no text, integer, decimal or date. The dots are always four, and say nothing of the
/// length.
///
/// | | of | shows | sealed length |
/// |---|---|---|---|
/// | [`LAST4`](Self::LAST4) | `4242 4242 4242 4242` | `•••• 4242` | 32 |
/// | [`FIRST_LETTER`](Self::FIRST_LETTER) | `Ada Lovelace` | `A••••` | 32 |
/// | [`EMAIL`](Self::EMAIL) | `ada@example.com` | `a••••@e••••.com` | 64 |
/// | [`PHONE`](Self::PHONE) | `+49 30 1234 567` | `•••• 567` | 32 |
/// | [`YEAR`](Self::YEAR) | `1815-12-10` | `1815` | 32 |
/// | [`custom`](Self::custom) | | what its function gives | 64 |
///
/// All masks of a column have one length, so the column says nothing of the values to who cannot open it but
/// which are absent. A mask that does not fit is `••••`. Who can open it sees more than the characters: `••••`
/// in place of a mask says that the value is short (fewer than eight letters and digits, seven digits) or is
/// not of that kind, and `a••••@••••.com` that the domain is.
///
/// ```
/// use fieldseal::field::Masking;
///
/// assert_eq!(Masking::LAST4.shown("4242 4242 4242 4242"), "•••• 4242");
/// assert_eq!(Masking::LAST4.shown("424242"), "••••");
///
/// const DISTRICT: Masking = Masking::custom("district", |code| {
///     Some(format!("{}••••", code.get(..2)?))
/// });
/// assert_eq!(DISTRICT.shown("10115"), "10••••");
/// assert_eq!(DISTRICT.shown("101"), "••••", "that would be more than half");
/// ```
///
/// Who knows more of the person can often tell the value from its mask: of three customers born in 1815,
/// or ten with the first letter X, a mask tells them apart. It is for people who have the person on the
/// telephone, and no anonymous data.
#[derive(Clone, Copy)]
pub struct Masking {
    name: &'static str,
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    Last4,
    FirstLetter,
    Email,
    Phone,
    Year,
    Custom(fn(&str) -> Option<String>),
}

/// In place of what is not shown.
pub(super) const HIDDEN: &str = "••••";

/// Of so many letters and digits, four are half.
const LEAST_OF_LAST4: usize = 8;
/// And of so many digits, three are less.
const LEAST_OF_PHONE: usize = 7;
/// The longest top-level domain that is shown, in bytes; there is none that is longer.
const LONGEST_TOP: usize = 24;

impl Masking {
    /// The last four letters and digits; of fewer than eight, none.
    pub const LAST4: Self = Self { name: "last4", how: How::Last4 };
    /// The first letter or digit; of a single one, none.
    pub const FIRST_LETTER: Self = Self { name: "first_letter", how: How::FirstLetter };
    /// The first letter of the name and of the domain, and the top-level domain, as far as that is not
    /// too much.
    pub const EMAIL: Self = Self { name: "email", how: How::Email };
    /// The last three digits of the number; of fewer than seven, none. What follows it is not shown: the
    /// number ends at a letter or sign that is not written within one, so before `ext. 12`, `x12`, `;ext=12`
    /// and a second number. Digits after a space or a hyphen belong to the number, as they do in `1234-567`.
    pub const PHONE: Self = Self { name: "phone", how: How::Phone };
    /// The year of a date, or of a text that is a date, `YYYY-MM-DD`.
    pub const YEAR: Self = Self { name: "year", how: How::Year };

    /// All of these.
    pub(crate) const BUILT_IN: &'static [Self] =
        &[Self::LAST4, Self::FIRST_LETTER, Self::EMAIL, Self::PHONE, Self::YEAR];

    /// A mask of the application's own, by a name for the schema. The function is given the text, or of a
    /// number or date its digits; where it gives `None`, or more than half of what it was given, the mask
    /// is `••••`.
    ///
    /// # Panics
    /// On a name that is none, or of a mask that is here already. In a constant that is a compile error.
    pub const fn custom(name: &'static str, mask: fn(&str) -> Option<String>) -> Self {
        let mut rest: &[Self] = Self::BUILT_IN;
        while let [own, tail @ ..] = rest {
            assert!(!equal(own.name, name), "there is a mask of this name: give yours another");
            rest = tail;
        }
        Self { name: assert_name(name), how: How::Custom(mask) }
    }

    /// `[MA-5]` The least length to pad masks of this kind to, in bytes: that of one of ASCII letters and digits
    /// as an item, with a top-level domain of six; of one of the application's own, that of the dots.
    pub(crate) const fn least_length(&self) -> u16 {
        match self.how {
            How::Last4 => 18,
            How::FirstLetter => 14,
            How::Email => 36,
            How::Phone => 17,
            How::Year | How::Custom(_) => 13,
        }
    }

    /// `[MA-4]` The length that masks of this kind are padded to, unless declared: with room
    /// for the longest of them.
    pub(crate) const fn usual_length(&self) -> u16 {
        match self.how {
            How::Last4 | How::FirstLetter | How::Phone | How::Year => 32,
            How::Email | How::Custom(_) => 64,
        }
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What stands against it as a mask of such values.
    pub(super) const fn lint(&self, kind: ValueKind) -> Result<(), &'static str> {
        match (self.how, kind) {
            (_, ValueKind::Unknown | ValueKind::Text)
            | (How::Year, ValueKind::Date)
            | (
                How::Last4 | How::FirstLetter | How::Phone | How::Custom(_),
                ValueKind::Integer | ValueKind::Decimal | ValueKind::Date,
            ) => Ok(()),
            (How::Email, _) => Err("the mask `email` is of texts, and the field's type is another"),
            (How::Year, _) => {
                Err("the mask `year` is of dates and texts, and the field's type is another")
            }
            _ => Err(
                "only texts, integers, decimals and dates have masks, and the field's type is another",
            ),
        }
    }

    /// What a mask shows of a text: for who can open the value, and has no need to show it.
    pub fn shown(&self, value: &str) -> String {
        core::mem::take(&mut *self.mask(&Item::Text(value)))
    }

    /// `[MA-6]` The mask's text. It never fails.
    pub(crate) fn mask(&self, item: &Item<'_>) -> Zeroizing<String> {
        text_of(item)
            .and_then(|text| match text {
                Cow::Borrowed(text) => self.of_text(text),
                Cow::Owned(text) => self.of_text(&Zeroizing::new(text)),
            })
            .unwrap_or_else(|| Zeroizing::new(HIDDEN.into()))
    }

    fn of_text(&self, text: &str) -> Option<Zeroizing<String>> {
        let shown = match self.how {
            How::Last4 => last(text, 4, LEAST_OF_LAST4, char::is_alphanumeric),
            How::FirstLetter => first_letter(text).map(|first| mask([Some(first), None])),
            How::Email => return email(text),
            How::Phone => last(number(text), 3, LEAST_OF_PHONE, char::is_numeric),
            How::Year => year(text).map(|year| Zeroizing::new(year.into())),
            How::Custom(mask) => mask(text).map(Zeroizing::new),
        };
        shown.filter(|shown| !shown.is_empty() && !shows_too_much(text, shown))
    }
}

impl fmt::Debug for Masking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masking({})", self.name)
    }
}

/// By their names: a function has none.
impl PartialEq for Masking {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Masking {}

#[cfg(feature = "serde")]
impl serde::Serialize for Masking {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

/// The text of a plain value, as people write it.
pub(crate) fn text_of<'a>(item: &Item<'a>) -> Option<Cow<'a, str>> {
    // Longer than any number, so that it is never moved.
    let mut digits = String::with_capacity(64);
    match *item {
        Item::Text(text) | Item::Date(text) => return Some(Cow::Borrowed(text)),
        Item::Integer(value) => write!(digits, "{value}").ok()?,
        Item::Decimal { mantissa, exponent } => {
            let scale = usize::try_from(exponent.checked_neg()?).ok()?;
            let magnitude = mantissa.unsigned_abs();
            let unit = 10_u128.checked_pow(u32::try_from(scale).ok()?)?;
            let (whole, part) = (magnitude.checked_div(unit)?, magnitude.checked_rem(unit)?);
            let sign = if mantissa < 0 { "-" } else { "" };
            write!(digits, "{sign}{whole}").ok()?;
            if scale > 0 {
                write!(digits, ".{part:0scale$}").ok()?;
            }
        }
        _ => return None,
    }
    Some(Cow::Owned(digits))
}

/// The dots and the last few of the characters that count, of at least so many.
fn last(
    text: &str,
    shown: usize,
    least: usize,
    counts: impl Fn(char) -> bool,
) -> Option<Zeroizing<String>> {
    let counted = text.chars().filter(|c| counts(*c)).count();
    let skipped = counted.checked_sub(shown).filter(|_| counted >= least)?;
    let mut mask = Zeroizing::new(String::with_capacity(HIDDEN.len() + 1 + 4 * shown));
    mask.push_str(HIDDEN);
    mask.push(' ');
    mask.extend(text.chars().filter(|c| counts(*c)).skip(skipped));
    Some(mask)
}

/// The text up to the end of the first number in it: an extension would be short enough to be shown whole.
fn number(text: &str) -> &str {
    let mut digits = 0;
    let end = text.find(|char: char| match char {
        _ if char.is_numeric() => {
            digits += 1;
            false
        }
        // Around an area code, or what is dialled at home; behind a whole number, an extension.
        '(' | '[' | '\u{FF08}' => digits >= LEAST_OF_PHONE,
        _ => digits > 0 && !is_within_numbers(char),
    });
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// What people write within a number, between its digits.
fn is_within_numbers(char: char) -> bool {
    char.is_whitespace()
        || matches!(
            char,
            '-' | '.' | '/' | ')' | ']' | '~'
                | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FF09}' | '\u{FF0D}'..='\u{FF0F}'
                | '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}'
        )
}

/// The first letter or digit of several.
fn first_letter(text: &str) -> Option<char> {
    let mut letters = text.chars().filter(|c| c.is_alphanumeric());
    let first = letters.next()?;
    letters.next().map(|_| first)
}

/// A letter and the dots, `@`, and the same.
fn mask(letters: [Option<char>; 2]) -> Zeroizing<String> {
    let mut mask = Zeroizing::new(String::with_capacity(HIDDEN.len() + 4));
    mask.extend(letters.into_iter().flatten());
    mask.push_str(HIDDEN);
    mask
}

fn email(text: &str) -> Option<Zeroizing<String>> {
    let (name, domain) = text.rsplit_once('@')?;
    let (domain, top) = match domain.rsplit_once('.') {
        Some((domain, top)) if is_label(top) => (domain, Some(top)),
        _ => (domain, None),
    };
    let (name, domain) = (first_letter(name), first_letter(domain));
    let shown = |name: Option<char>, domain: Option<char>, top: Option<&str>| {
        let top_len = top.map_or(0, |top| top.len().saturating_add(1));
        let len = (2 * HIDDEN.len() + 9).saturating_add(top_len);
        let mut mask = Zeroizing::new(String::with_capacity(len));
        mask.extend(name);
        mask.push_str(HIDDEN);
        mask.push('@');
        mask.extend(domain);
        mask.push_str(HIDDEN);
        if let Some(top) = top {
            mask.push('.');
            mask.push_str(top);
        }
        mask
    };
    // From the one that shows most.
    let parts = [(name, domain, top), (name, None, top), (name, None, None), (None, None, top)];
    let some = parts.into_iter().filter(|parts| *parts != (None, None, None));
    let mut masks = some.map(|(name, domain, top)| shown(name, domain, top));
    masks.find(|mask| !shows_too_much(text, mask))
}

fn is_label(top: &str) -> bool {
    (1..=LONGEST_TOP).contains(&top.len()) && top.chars().all(|c| c.is_alphanumeric() || c == '-')
}

fn year(text: &str) -> Option<&str> {
    days(text.as_bytes().try_into().ok()?)?;
    text.get(..4)
}

/// Whether more than half of a value stands in its mask, in whatever order: of its letters and digits, or
/// of all but white space.
fn shows_too_much(value: &str, mask: &str) -> bool {
    let measures: [fn(char) -> bool; 2] = [char::is_alphanumeric, |c| !c.is_whitespace()];
    measures.into_iter().any(|counts| {
        let (value, mask) = (sorted(value, counts), sorted(mask, counts));
        common(&value, &mask) > value.len() / 2
    })
}

/// The characters that count, in lower case and sorted.
fn sorted(text: &str, counts: fn(char) -> bool) -> Zeroizing<Vec<char>> {
    let counted = || text.chars().flat_map(char::to_lowercase).filter(|c| counts(*c));
    let mut sorted = Zeroizing::new(Vec::with_capacity(counted().count()));
    sorted.extend(counted());
    sorted.sort_unstable();
    sorted
}

/// How many the two have in common.
fn common(mut a: &[char], mut b: &[char]) -> usize {
    let mut common = 0_usize;
    while let ([first, a_rest @ ..], [second, b_rest @ ..]) = (a, b) {
        match first.cmp(second) {
            core::cmp::Ordering::Less => a = a_rest,
            core::cmp::Ordering::Greater => b = b_rest,
            core::cmp::Ordering::Equal => {
                (a, b) = (a_rest, b_rest);
                common = common.saturating_add(1);
            }
        }
    }
    common
}

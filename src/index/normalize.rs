//! Spellings of one value made one.

mod digits;
mod email;
#[cfg(feature = "phone")]
mod phone;
#[cfg(feature = "unicode")]
mod text;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::cbor::{Item, days};
use crate::context::assert_name;
use crate::error::Error;

/// How spellings of one value are made one, before terms are made of it. Terms are equal where the
/// normalized values are: what is asked for is normalized as what was sealed.
///
/// | normalizer | takes | gives |
/// |---|---|---|
/// | [`NONE`](Self::NONE) | any plain value but floats | the value; text to the letter |
/// | [`EMAIL`](Self::EMAIL) | one address | the mailbox: local part in lower case, domain as the name service knows it |
/// | [`phone`](Self::phone) | a number as people write it | E.164, such as `+493012345` |
/// | [`TEXT`](Self::TEXT) | any text | one case, one form of each letter, one space between words |
/// | `TEXT`[`.without_accents()`](Self::without_accents) | any text | the same without accents |
/// | [`DIGITS`](Self::DIGITS) | text with a digit in it | its digits as ASCII, and nothing else |
/// | [`DATE`](Self::DATE) | `2024-02-29` or `20240229` | `2024-02-29` |
/// | [`custom`](Self::custom) | what its function takes | what its function gives |
///
/// All but `NONE` take text only. What they cannot normalize is an error that names the field, and
/// never the value.
///
/// # What `TEXT` makes equal
///
/// | | `TEXT` | `.without_accents()` |
/// |---|---|---|
/// | composed and decomposed letters (NFC, NFD): `é`, `e` and U+0301 | equal | equal |
/// | upper and lower case: `MÜLLER`, `Müller` | equal | equal |
/// | `ß`, `ẞ`, `ss`: `Straße`, `STRASSE` | equal | equal |
/// | umlauts spelled out: `Müller`, `Mueller` | different | different |
/// | the final sigma: `ΟΔΟΣ`, `οδος`, `οδοσ` | equal | equal |
/// | full-width and half-width forms: `ＡＢＣ１２`, `abc12`; `ｶﾞ`, `ガ` | equal | equal |
/// | ligatures, superscripts, fractions: `ﬁ`, `fi`; `²`, `2` | equal | equal |
/// | other digits: `٣`, `3` | different | different |
/// | Turkish: `I`, `i` | equal | equal |
/// | `İ` and `i` | different; `İ` is `i` and U+0307 | equal |
/// | `ı` and `i`, so `ısparta` and `ISPARTA` | different | equal |
/// | accents: `é`, `e`; `å`, `a`; `ё`, `е`; points of Hebrew and Arabic | different | equal |
/// | strokes: `ł`, `l`; `ø`, `o`; `đ`, `d` | different | different |
/// | marks that make another syllable: `か`, `が`; vowel signs and viramas of Indic scripts | different | different |
/// | apostrophes: `O'Brien`, `O’Brien`, U+02BC; `Hawaiʻi`, `Hawai'i` | equal | equal |
/// | hyphens: `a-b`, U+2010, U+2011, `a–b`, the minus sign | equal | equal |
/// | the dash between sentences: `a—b`, `a-b` | different | different |
/// | tatweel: `محـــمد`, `محمد` | equal | equal |
/// | kaf and yeh of Persian and Arabic keyboards: `کریم`, `كريم` | equal | equal |
/// | alef maksura, alef wasla, heh of Urdu: `على`, `علي`; `ٱ`, `ا`; `ہ`, `ه` | different | equal |
/// | teh marbuta: `فاطمة`, `فاطمه` | different | different |
/// | Chinese characters: traditional, simplified; kana: `か`, `カ` | different | different |
/// | white space: a tab, a line break, U+00A0, U+3000, two spaces; a space | equal | equal |
/// | invisible characters: U+00AD, U+200B, U+200D, U+FEFF, U+FE0F; nothing | equal | equal |
/// | white space around the text; none | equal | equal |
///
/// No language is assumed: a Turkish `I` is an `i`, as it is everywhere else. Where that loses names, use
/// `.without_accents()`, to which a dot is an accent too.
///
/// Characters are those of Unicode 16.0, whatever version the compiler and other crates have: what that does
/// not assign is left as it is. So an update changes no term.
///
/// ```
/// use fieldseal::index::Normalizer;
/// use fieldseal::Index;
///
/// const EMAIL_INDEX: Index<String> =
///     Index::exact("customer", "email").normalized(Normalizer::EMAIL).cardinality(1_000_000);
/// const IBAN: Normalizer = Normalizer::custom("iban", |text| {
///     Some(text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect())
/// });
/// assert_eq!(IBAN.to_string(), "custom:iban");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Normalizer(How);

#[derive(Clone, Copy)]
enum How {
    None,
    Email,
    #[cfg(feature = "phone")]
    Phone(&'static str),
    #[cfg(feature = "unicode")]
    Text {
        accents: bool,
    },
    Digits,
    Date,
    Custom(&'static str, fn(&str) -> Option<String>),
}

#[allow(clippy::panic, reason = "these stop compilation of a bad constant")]
impl Normalizer {
    /// Values as they are: only what is the same to the letter is equal.
    pub const NONE: Self = Self(How::None);

    /// E-mail addresses. Two are equal only where mail servers take them for one mailbox; the case of the local
    /// part is equal too, as it is for every mail provider of note.
    ///
    /// | | |
    /// |---|---|
    /// | case: `Ada@Example.COM`, `ada@example.com` | equal |
    /// | white space and invisible characters around it | equal |
    /// | a domain in Unicode and its `xn--` form: `münchen.example`, `xn--mnchen-3ya.example` (UTS 46) | equal |
    /// | dots of a domain: `。`, `．`, `｡`, `.`; the one of the root at its end | equal |
    /// | full-width and invisible characters in a domain | equal |
    /// | quotes that need not be: `"ada"@example.com`; spellings of an IPv6 address in brackets | equal |
    /// | composed and decomposed letters (NFC, NFD) | equal |
    /// | dots and `+tags` before the `@` | different |
    /// | `straße.example`, `strasse.example`; `ß` and `ss`, `ς` and `σ` anywhere | different |
    /// | `ſ` and `s`, `²` and `2`, the Kelvin sign and `k`, full-width letters, before the `@` | different |
    /// | `ı`, `i`, `i` with a dot above | different |
    /// | lists, `Ada <ada@example.com>`, `mailto:`, comments, white space, invisible characters before the `@` | refused |
    /// | domains that cannot be registered: empty and long labels, `_`, mixed directions | refused |
    ///
    /// Without the feature `unicode` only ASCII addresses without `xn--` are taken, and become the same.
    pub const EMAIL: Self = Self(How::Email);

    /// Any text; see [above](Self#what-text-makes-equal).
    #[cfg(feature = "unicode")]
    pub const TEXT: Self = Self(How::Text { accents: true });

    /// The decimal digits of a text in the order in which they stand, of any script as ASCII digits:
    /// card and account numbers, tax numbers, postal codes. Everything else is left out, letters and signs
    /// too. A text without any digit is refused.
    pub const DIGITS: Self = Self(How::Digits);

    /// Texts that are a day of the calendar by ISO 8601, as `2024-02-29` or `20240229`, with white space
    /// around it or not; a day there is. Values of date types need no normalizer.
    pub const DATE: Self = Self(How::Date);

    /// Phone numbers, in E.164. Those without a country code are of this region: two capital letters by
    /// ISO 3166-1. Spaces, brackets, slashes, dots and dashes are left out, and so is `tel:`; digits may
    /// be of any script. A trunk prefix goes where the country has one, also from `+49 (0)30 …`; so do the
    /// region's international prefix and, where people write them, carrier codes.
    ///
    /// Refused are extensions, letters, and numbers of a length that the country does not have. Where numbers
    /// have many lengths, as in DE, one that leaves out its area code is taken for another number. Whether a number is in service is not asked. The plans of
    /// countries change: after an update of the library a number may become another, and is found again
    /// once it is reindexed.
    ///
    /// # Panics
    /// When the region is not two capital letters, or its numbers are not known. In a constant that is a compile
    /// error.
    #[cfg(feature = "phone")]
    pub const fn phone(region: &'static str) -> Self {
        assert!(
            matches!(region.as_bytes(), [b'A'..=b'Z', b'A'..=b'Z']),
            "a region is two capital letters by ISO 3166-1, such as DE"
        );
        assert!(
            phone::is_known(region),
            "nothing is known of the phone numbers of this region: give one of ISO 3166-1, such as GB and not UK"
        );
        Self(How::Phone(region))
    }

    /// Of [`TEXT`](Self::TEXT): without accents and other marks above and below letters. `é` is `e`, and
    /// `ñ` is `n`; see [above](Self#what-text-makes-equal) for what stays.
    ///
    /// # Panics
    /// For another normalizer. In a constant that is a compile error.
    #[cfg(feature = "unicode")]
    pub const fn without_accents(self) -> Self {
        assert!(
            matches!(self.0, How::Text { accents: true }),
            "only Normalizer::TEXT leaves accents out, and once"
        );
        Self(How::Text { accents: false })
    }

    /// What this function makes of a text; `None` where it cannot. The name stands in errors and in the
    /// schema.
    ///
    /// The function must give the same for the same text for as long as the index is used: what it makes
    /// otherwise is found again only once it is reindexed. Change its name with it.
    ///
    /// # Panics
    /// When the name is not 1 to 64 bytes of `[a-z0-9_.-]` that start with a letter. In a constant that is a
    /// compile error.
    pub const fn custom(name: &'static str, normalize: fn(&str) -> Option<String>) -> Self {
        Self(How::Custom(assert_name(name), normalize))
    }

    /// The normalizer of this crate that the schema calls so.
    #[cfg(feature = "schema")]
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(Self(match name {
            "none" => How::None,
            "email" => How::Email,
            #[cfg(feature = "unicode")]
            "text" => How::Text { accents: true },
            #[cfg(feature = "unicode")]
            "text-without-accents" => How::Text { accents: false },
            "digits" => How::Digits,
            "date" => How::Date,
            #[cfg(feature = "phone")]
            _ => How::Phone(phone::region(name.strip_prefix("phone:")?)?),
            #[cfg(not(feature = "phone"))]
            _ => return None,
        }))
    }

    /// The name of a normalizer of the application's own.
    #[cfg(feature = "schema")]
    pub(crate) fn custom_name(&self) -> Option<&'static str> {
        match self.0 {
            How::Custom(name, _) => Some(name),
            _ => None,
        }
    }

    pub(crate) const fn is_none(&self) -> bool {
        matches!(self.0, How::None)
    }

    /// `[NO-1]` The normalized value as the one item there is for it.
    pub(crate) fn apply(&self, item: &Item<'_>) -> Result<Zeroizing<Vec<u8>>, Error> {
        if matches!(self.0, How::None) {
            return item
                .deterministic()
                .ok_or_else(|| Error::declaration("floats, lists and structures have no terms"));
        }
        let Item::Text(text) = item else {
            return Err(Error::declaration(alloc::format!(
                "the normalizer `{self}` takes text: an index of other values takes them as they are, by Normalizer::NONE"
            )));
        };
        Item::Text(&self.apply_text(text)?)
            .deterministic()
            .ok_or_else(|| Error::invalid("the value is too long"))
    }

    /// The normalized text.
    pub(crate) fn apply_text(&self, text: &str) -> Result<Zeroizing<String>, Error> {
        match self.0 {
            How::None => Ok(wiped(text)),
            How::Email => email::normalize(text),
            #[cfg(feature = "phone")]
            How::Phone(region) => phone::normalize(text, region),
            #[cfg(feature = "unicode")]
            How::Text { accents } => Ok(text::normalize(text, accents)),
            How::Digits => digits::normalize(text),
            How::Date => date(text),
            How::Custom(name, normalize) => normalize(text)
                .map(Zeroizing::new)
                .ok_or_else(|| Error::invalid(alloc::format!("cannot be normalized by `{name}`"))),
        }
    }
}

/// `[NO-6]`
fn date(text: &str) -> Result<Zeroizing<String>, Error> {
    let refused = || {
        Error::invalid(
            "cannot be normalized as a date: it takes a day there is, such as 2024-02-29 or 20240229",
        )
    };
    let day = text.trim();
    let mut date = Zeroizing::new(String::with_capacity(10));
    match day.as_bytes() {
        [_, _, _, _, b'-', _, _, b'-', _, _] => date.push_str(day),
        [_, _, _, _, _, _, _, _] if day.is_ascii() => {
            for (at, digit) in day.chars().enumerate() {
                if matches!(at, 4 | 6) {
                    date.push('-');
                }
                date.push(digit);
            }
        }
        _ => return Err(refused()),
    }
    match date.as_bytes().try_into().ok().and_then(days) {
        Some(_) => Ok(date),
        None => Err(refused()),
    }
}

fn wiped(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.into())
}

/// By what the schema shows: two custom ones of one name are equal.
impl PartialEq for How {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None)
            | (Self::Email, Self::Email)
            | (Self::Digits, Self::Digits)
            | (Self::Date, Self::Date) => true,
            #[cfg(feature = "phone")]
            (Self::Phone(region), Self::Phone(other)) => region == other,
            #[cfg(feature = "unicode")]
            (Self::Text { accents }, Self::Text { accents: other }) => accents == other,
            (Self::Custom(name, _), Self::Custom(other, _)) => name == other,
            _ => false,
        }
    }
}

impl Eq for How {}

/// The name that the schema shows: `email`, `phone:DE`, `custom:iban`.
impl fmt::Display for Normalizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            How::None => f.write_str("none"),
            How::Email => f.write_str("email"),
            #[cfg(feature = "phone")]
            How::Phone(region) => write!(f, "phone:{region}"),
            #[cfg(feature = "unicode")]
            How::Text { accents: true } => f.write_str("text"),
            #[cfg(feature = "unicode")]
            How::Text { accents: false } => f.write_str("text-without-accents"),
            How::Digits => f.write_str("digits"),
            How::Date => f.write_str("date"),
            How::Custom(name, _) => write!(f, "custom:{name}"),
        }
    }
}

impl fmt::Debug for Normalizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Normalizer({self})")
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Normalizer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;

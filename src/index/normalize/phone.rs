//! Phone numbers in E.164: what libphonenumber makes of digits, by its tables.
//!
//! The tables are those of a port to Rust. Its parser is not used: it takes some numbers for others, where
//! countries have other trunk prefixes than a zero.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use std::sync::{Mutex, PoisonError};

use phonenumber::metadata::DATABASE;
use phonenumber::{Metadata, Type};
use regex::Regex;
use zeroize::Zeroizing;

use super::digits::ascii_digit;
use crate::error::Error;

/// More digits than this has no number, with a trunk prefix, an international prefix and a carrier's code.
const MOST_DIGITS: usize = 32;

/// The kinds of numbers that a plan has.
const KINDS: [Type; 10] = [
    Type::FixedLine,
    Type::Mobile,
    Type::TollFree,
    Type::PremiumRate,
    Type::SharedCost,
    Type::PersonalNumber,
    Type::Voip,
    Type::Pager,
    Type::Uan,
    Type::Voicemail,
];

/// `[NO-7]`
pub(super) fn normalize(text: &str, region: &'static str) -> Result<Zeroizing<String>, Error> {
    let home = DATABASE.by_id(region).ok_or_else(|| {
        Error::declaration(format!("nothing is known of phone numbers of the region {region}"))
    })?;
    dialled(text)
        .and_then(|dialled| e164(&international(dialled, home), home))
        // What is made of it once more is the same, or it could be read in two ways.
        .filter(|number| e164(number, home).as_ref() == Some(number))
        .ok_or_else(|| {
            Error::invalid(format!(
                "cannot be normalized as a phone number of the region {region}, or with a country code: it takes one \
                 whole number with its area code, without letters and extensions"
            ))
        })
}

/// The digits of what was written, behind a `+` if there is one: the library below sees nothing else.
fn dialled(text: &str) -> Option<Zeroizing<String>> {
    let text = text.trim();
    let text = match text.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("tel:") => text.get(4..)?,
        _ => text,
    };
    let mut dialled = Zeroizing::new(String::with_capacity(MOST_DIGITS));
    for char in text.chars() {
        match (ascii_digit(char), char) {
            (Some(_), _) if dialled.len() >= MOST_DIGITS => return None,
            (Some(digit), _) => dialled.push(digit),
            (None, '+' | '＋') if dialled.is_empty() => dialled.push('+'),
            (None, _) if is_between_digits(char) => {}
            (None, _) => return None,
        }
    }
    Some(dialled)
}

/// What people write between digits: spaces, dashes, dots, slashes and brackets, and what is invisible.
fn is_between_digits(char: char) -> bool {
    char.is_whitespace()
        || matches!(
            char,
            '-' | '.' | '/' | '(' | ')' | '[' | ']' | '~'
                | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FF0D}' | '\u{FF0E}' | '\u{FF0F}'
                | '\u{FF08}' | '\u{FF09}' | '\u{AD}' | '\u{200B}'..='\u{200F}'
                | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
        )
}

/// A number dialled with the international prefix of the region as one with a `+`.
fn international(dialled: Zeroizing<String>, home: &Metadata) -> Zeroizing<String> {
    let rest = home
        .international_prefix()
        .filter(|_| !dialled.starts_with('+'))
        .and_then(|prefix| prefix.find(&dialled).filter(|found| found.start() == 0))
        .and_then(|found| dialled.get(found.end()..))
        // No country code begins so: it is no such prefix.
        .filter(|rest| !rest.starts_with('0'));
    let Some(rest) = rest else { return dialled };
    let mut number = Zeroizing::new(String::with_capacity(MOST_DIGITS));
    number.push('+');
    number.push_str(rest);
    number
}

fn e164(number: &str, home: &'static Metadata) -> Option<Zeroizing<String>> {
    let (plan, national) = match number.strip_prefix('+') {
        // By the plan of the number's own country: another one's trunk prefixes are digits of it.
        Some(digits) => {
            country(digits).map(|(plan, national)| (plan, Zeroizing::new(national.into())))?
        }
        None => of_country(number, home)?,
    };
    let stripped = without_trunk(&national, plan);
    let national = match length(plan, &stripped) {
        Length::Whole | Length::Long => stripped,
        Length::Local | Length::Other => national,
    };
    let code = plan.country_code();
    // Countries that share a code have numbers of different lengths.
    let mut sharing = DATABASE.by_code(&code)?.into_iter();
    let is_whole = match length(plan, &national) {
        Length::Whole => true,
        Length::Local => false,
        Length::Long | Length::Other => {
            sharing.any(|plan| length(plan, &national) == Length::Whole)
        }
    };
    is_whole.then(|| Zeroizing::new(format!("+{code}{}", *national)))
}

/// The plan of the country code that an international number begins with, and what follows. Where countries
/// share a code it is the plan of the first among them.
fn country(digits: &str) -> Option<(&'static Metadata, &str)> {
    (1..=3).filter(|_| !digits.starts_with('0')).find_map(|len| {
        let (code, national) = digits.split_at_checked(len)?;
        let plans = DATABASE.by_code::<u16>(&code.parse().ok()?)?;
        let main = plans.iter().find(|plan| plan.is_main_country_for_code()).or(plans.first())?;
        Some((*main, national))
    })
}

/// A number of the region; without its country code if only so it is one.
fn of_country(
    number: &str,
    home: &'static Metadata,
) -> Option<(&'static Metadata, Zeroizing<String>)> {
    if let Some(rest) = number.strip_prefix(format!("{}", home.country_code()).as_str()) {
        let rest = without_trunk(rest, home);
        if length(home, number) == Length::Long
            || (!is_general(home, number) && is_general(home, &rest))
        {
            return country(number).map(|(plan, _)| (plan, rest));
        }
    }
    Some((home, Zeroizing::new(number.into())))
}

/// A national number without what is dialled before it inside of the country only: a trunk prefix, the code
/// of a carrier.
fn without_trunk(national: &str, plan: &Metadata) -> Zeroizing<String> {
    let stripped = match (plan.national_prefix_for_parsing(), plan.national_prefix()) {
        (Some(prefix), _) => prefix.captures(national).and_then(|found| {
            let whole = found.get(0).filter(|whole| whole.start() == 0)?;
            let last = found.get(2).or(found.get(1)).is_some_and(|group| !group.is_empty());
            match plan.national_prefix_transform_rule().filter(|_| last) {
                Some(rule) => Some(prefix.replace(national, rule).into_owned()),
                None => national.get(whole.end()..).map(String::from),
            }
        }),
        (None, Some(prefix)) => national.strip_prefix(prefix).map(String::from),
        (None, None) => None,
    };
    stripped
        .map(Zeroizing::new)
        // A number that is one as it stands stays one.
        .filter(|stripped| !is_general(plan, national) || is_general(plan, stripped))
        .unwrap_or_else(|| Zeroizing::new(national.into()))
}

/// Whether the whole number has the general form of its country's.
fn is_general(plan: &Metadata, national: &str) -> bool {
    /// The patterns of the tables find numbers inside of texts, these are for all of it.
    static WHOLE: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());

    let general = plan.descriptors().general().national_number();
    let mut patterns = WHOLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pattern) = patterns.get(general.as_str()) {
        return pattern.is_match(national);
    }
    let Ok(pattern) = Regex::new(&format!("(?x)^(?:{})$", general.as_str())) else { return false };
    let is_match = pattern.is_match(national);
    patterns.insert(general.as_str().into(), pattern);
    is_match
}

#[derive(PartialEq)]
enum Length {
    Whole,
    /// Of numbers that are dialled without their area code.
    Local,
    Long,
    Other,
}

fn length(plan: &Metadata, national: &str) -> Length {
    let len = u16::try_from(national.len()).unwrap_or(u16::MAX);
    let kinds = || KINDS.iter().filter_map(|kind| plan.descriptors().get(*kind));
    if kinds().any(|kind| kind.possible_length().contains(&len)) {
        Length::Whole
    } else if kinds().any(|kind| kind.possible_local_length().contains(&len)) {
        Length::Local
    } else if kinds().flat_map(|kind| kind.possible_length()).all(|possible| *possible < len) {
        Length::Long
    } else {
        Length::Other
    }
}

/// The regions whose plans are in the tables, for the compiler to refuse another; a test compares them.
pub(super) const REGIONS: &str = "ACADAEAFAGAIALAMAOARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBWBYBZCACCCDCFCGCHCICKCL\
     CMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGTGU\
     GWGYHKHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMC\
     MDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPRPSPT\
     PWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTATCTDTGTHTJTKTLTMTNTOTRTTTVTWTZ\
     UAUGUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW";

/// The region of this name, if numbers of it are known.
#[cfg(feature = "schema")]
pub(super) fn region(name: &str) -> Option<&'static str> {
    let starts = (0..REGIONS.len()).step_by(2);
    let mut regions = starts.filter_map(|at| REGIONS.get(at..at.checked_add(2)?));
    regions.find(|known| *known == name)
}

/// Whether the plan of a region is known.
pub(super) const fn is_known(region: &str) -> bool {
    let [a, b] = region.as_bytes() else { return false };
    let mut rest = REGIONS.as_bytes();
    while let [first, second, tail @ ..] = rest {
        if *first == *a && *second == *b {
            return true;
        }
        rest = tail;
    }
    false
}

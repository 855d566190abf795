//! Phone numbers in E.164.

use alloc::string::String;

use phonenumber::metadata::DATABASE;
use phonenumber::{Metadata, Mode, country};
use zeroize::Zeroizing;

use super::digits::ascii_digit;
use crate::error::Error;

/// More digits than this has no number, with a trunk prefix, an international prefix and a carrier's code.
const MOST_DIGITS: usize = 32;

/// `[NO-7]`
pub(super) fn normalize(text: &str, region: &'static str) -> Result<Zeroizing<String>, Error> {
    let id: country::Id = region.parse().map_err(|_| {
        Error::invalid(alloc::format!("nothing is known of phone numbers of the region `{region}`"))
    })?;
    let home = DATABASE.by_id(region);
    dialled(text)
        .and_then(|dialled| international(dialled, home))
        .and_then(|number| e164(&number, id))
        // What is made of it once more is the same, or it could be read in two ways.
        .filter(|number| e164(number, id).as_ref() == Some(number))
        .ok_or_else(|| {
            Error::invalid(alloc::format!(
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
fn international(dialled: Zeroizing<String>, home: Option<&Metadata>) -> Option<Zeroizing<String>> {
    let rest = home
        .and_then(Metadata::international_prefix)
        .filter(|_| !dialled.starts_with('+'))
        .and_then(|prefix| prefix.find(&dialled).filter(|found| found.start() == 0))
        .and_then(|found| dialled.get(found.end()..))
        // No country code begins so: it is no such prefix.
        .filter(|rest| !rest.starts_with('0'));
    let Some(rest) = rest else { return Some(dialled) };
    let mut number = Zeroizing::new(String::with_capacity(MOST_DIGITS));
    number.push('+');
    number.push_str(rest);
    Some(number)
}

/// By the plan of the number's own country: another one's trunk prefixes are digits of it.
fn e164(number: &str, home: country::Id) -> Option<Zeroizing<String>> {
    let region = match number.strip_prefix('+') {
        None => Some(home),
        Some(rest) if rest.starts_with('0') => return None,
        // Numbers of no country have no region: nothing is to be stripped from them.
        Some(rest) => main_plan(rest)?.id().parse().ok(),
    };
    let parsed = phonenumber::parse(region, number).ok()?;
    let code = parsed.code().value();
    let plan = plan_of(code)?;
    let written = Zeroizing::new(alloc::format!("{}", parsed.format().mode(Mode::E164)));
    let national = written.strip_prefix('+')?.strip_prefix(alloc::format!("{code}").as_str())?;
    let len = u16::try_from(national.len()).ok()?;
    has_length(plan, len).then_some(written)
}

/// Whether a number of some sort has so many digits in this plan, which does not say it of all together.
fn has_length(plan: &Metadata, len: u16) -> bool {
    let sorts = plan.descriptors();
    let others = [
        sorts.fixed_line(),
        sorts.mobile(),
        sorts.toll_free(),
        sorts.premium_rate(),
        sorts.shared_cost(),
        sorts.personal_number(),
        sorts.voip(),
        sorts.pager(),
        sorts.uan(),
        sorts.voicemail(),
    ];
    let mut all = others.into_iter().flatten().chain([sorts.general()]);
    all.any(|sort| sort.possible_length().contains(&len))
}

/// The plan of the country code that an international number begins with.
fn main_plan(digits: &str) -> Option<&'static Metadata> {
    (1..=3).find_map(|len| plan_of(digits.get(..len)?.parse().ok()?))
}

/// The plan of a country code: where countries share one, that of the first of them.
fn plan_of(code: u16) -> Option<&'static Metadata> {
    let plans = DATABASE.by_code(&code)?;
    plans.iter().find(|plan| plan.is_main_country_for_code()).or(plans.first()).copied()
}

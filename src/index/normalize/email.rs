//! E-mail addresses. `[NO-3]`
//!
//! Two addresses are one only where every mail server takes them for one. So the domain is what the name
//! service is asked for (UTS 46), and of the local part only its case is folded, and its form composed.

use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;
use core::net::{Ipv4Addr, Ipv6Addr};

use zeroize::Zeroizing;

use crate::error::Error;
use crate::index::unicode::is_ignorable;

/// `[NO-3]`
pub(super) fn normalize(text: &str) -> Result<Zeroizing<String>, Error> {
    let text = text.trim_matches(|char: char| char.is_whitespace() || is_ignorable(char));
    let (local, domain) = text
        .rsplit_once('@')
        .filter(|(local, domain)| !local.is_empty() && !domain.is_empty())
        .ok_or_else(|| refused("it takes one address alone, such as name@example.com"))?;
    let local = local_part(local)?;
    let domain = match domain.strip_prefix('[') {
        Some(literal) => address_literal(literal)?,
        None => host(domain)?,
    };
    let len = local.len().saturating_add(1).saturating_add(domain.len());
    let mut address = Zeroizing::new(String::with_capacity(len));
    address.push_str(&local);
    address.push('@');
    address.push_str(&domain);
    Ok(address)
}

#[cold]
fn refused(why: &str) -> Error {
    Error::invalid(format!("cannot be normalized as an e-mail address: {why}"))
}

fn local_part(text: &str) -> Result<Zeroizing<String>, Error> {
    if text.chars().any(|char| char.is_whitespace() || char.is_control() || is_invisible(char)) {
        return Err(refused(
            "there is white space, a control character or an invisible one before the @",
        ));
    }
    let local = lower(text)?;
    let Some(quoted) = local.strip_prefix('"') else {
        return match local.chars().all(is_unquoted) {
            true => Ok(local),
            false => Err(refused(
                "it takes one address alone, such as name@example.com; (, ), <, >, [, ], :, ;, @, \\, \" and , \
                 are only allowed between quotation marks",
            )),
        };
    };
    let content = unquoted(quoted)
        .ok_or_else(|| refused("what is quoted before the @ does not end there"))?;
    // Quoted where it has to be: `"ada"@` is the mailbox of `ada@`.
    if content.chars().all(is_unquoted) {
        return Ok(content);
    }
    let mut requoted = Zeroizing::new(String::with_capacity(2 + 2 * content.len()));
    requoted.push('"');
    for char in content.chars() {
        if matches!(char, '"' | '\\') {
            requoted.push('\\');
        }
        requoted.push(char);
    }
    requoted.push('"');
    Ok(requoted)
}

/// What no sign of is seen, and no spelling needs: joiners and the selector of emoji are kept.
fn is_invisible(char: char) -> bool {
    is_ignorable(char) && !matches!(char, '\u{200C}' | '\u{200D}' | '\u{FE0F}')
}

/// What is no atom of RFC 5322, nor a dot. Where dots stand is not looked at, as there are mailboxes with
/// two in a row.
fn is_unquoted(char: char) -> bool {
    !matches!(char, '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | '@' | '\\' | ',' | '"')
}

/// The content of a quoted string, from behind its first quotation mark; `None` unless it ends with the text,
/// and is not empty.
fn unquoted(quoted: &str) -> Option<Zeroizing<String>> {
    let mut content = Zeroizing::new(String::with_capacity(quoted.len()));
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => content.push(chars.next()?),
            char => content.push(char),
        }
    }
    (chars.next().is_none() && !content.is_empty()).then_some(content)
}

/// Composed and in lower case, each character by itself and by no language.
#[cfg(feature = "unicode")]
fn lower(text: &str) -> Result<Zeroizing<String>, Error> {
    use unicode_normalization::UnicodeNormalization;

    // The Kelvin sign and the Greek varia are composed as ASCII: somebody else's mailbox.
    let is_kept = |char| {
        matches!(char, '\u{212A}' | '\u{1FEF}') || crate::index::unicode::is_unassigned(char)
    };
    Ok(super::text::by_runs(text, is_kept, |run| {
        run.chars().nfc().flat_map(char::to_lowercase).nfc()
    }))
}

/// What the feature would make of ASCII: an index made without it is found with it.
#[cfg(not(feature = "unicode"))]
fn lower(text: &str) -> Result<Zeroizing<String>, Error> {
    if !text.is_ascii() {
        return Err(refused("it is not ASCII, which takes the feature `unicode`"));
    }
    Ok(Zeroizing::new(text.to_ascii_lowercase()))
}

/// An IP address in brackets, from behind the first: RFC 5321, 4.1.3.
fn address_literal(literal: &str) -> Result<Zeroizing<String>, Error> {
    let wrong = || {
        refused(
            "an address in brackets is that of a host, such as [192.0.2.1] or [IPv6:2001:db8::1]",
        )
    };
    let literal = literal.strip_suffix(']').ok_or_else(wrong)?;
    let mut written = Zeroizing::new(String::with_capacity(48));
    match literal.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("ipv6:") => {
            let address: Ipv6Addr =
                literal.get(5..).and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
            written.push_str("[ipv6");
            for segment in address.segments() {
                write!(written, ":{segment:x}").map_err(|_| wrong())?;
            }
        }
        _ => {
            let address: Ipv4Addr = literal.parse().map_err(|_| wrong())?;
            write!(written, "[{address}").map_err(|_| wrong())?;
        }
    }
    written.push(']');
    Ok(written)
}

/// The name of a host as the name service is asked for it, without the dot of the root.
fn host(text: &str) -> Result<Zeroizing<String>, Error> {
    let is_plain = text.is_ascii() && !text.split('.').any(is_encoded);
    let mut name =
        if is_plain { Zeroizing::new(text.to_ascii_lowercase()) } else { to_ascii(text)? };
    if name.ends_with('.') {
        name.pop();
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(refused(
            "what follows the @ is not a domain: letters, digits and hyphens, in labels of 1 to 63 characters \
             with dots between them",
        ));
    }
    Ok(name)
}

/// Returns `true` for a label in the `xn--` form.
fn is_encoded(label: &str) -> bool {
    label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"))
}

/// UTS 46, ToASCII, not transitional: what browsers make of a name. Hyphens may stand anywhere, as they do in
/// names that exist. The buffers inside are not wiped; they hold a domain, and no mailbox.
#[cfg(feature = "unicode")]
fn to_ascii(text: &str) -> Result<Zeroizing<String>, Error> {
    use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

    let wrong = || refused("what follows the @ is not a domain that can be registered (UTS 46)");
    let (uts46, hyphens) = (Uts46::new(), Hyphens::Allow);
    let name = uts46
        .to_ascii(text.as_bytes(), AsciiDenyList::STD3, hyphens, DnsLength::Ignore)
        .map_err(|_| wrong())?;
    // [NO-9] What later tables allow is not allowed before the format says so.
    let (shown, valid) = uts46.to_unicode(name.as_bytes(), AsciiDenyList::STD3, hyphens);
    if valid.is_err() || shown.chars().any(crate::index::unicode::is_unassigned) {
        return Err(wrong());
    }
    Ok(Zeroizing::new(name.into_owned()))
}

/// Without its tables it is not known whether a label is valid.
#[cfg(not(feature = "unicode"))]
fn to_ascii(_: &str) -> Result<Zeroizing<String>, Error> {
    Err(refused(
        "its domain is not ASCII, or in the `xn--` form, which takes the feature `unicode`",
    ))
}

//! E-mail addresses.

use alloc::string::String;

use zeroize::Zeroizing;

use crate::error::Error;

/// `[NO-3]`
pub(super) fn normalize(text: &str) -> Result<Zeroizing<String>, Error> {
    let address = folded(text)?;
    let is_address = address.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !address.chars().any(is_foreign)
    });
    if !is_address {
        return Err(Error::invalid(
            "cannot be normalized as an e-mail address: it takes one address alone, such as name@example.com",
        ));
    }
    Ok(address)
}

/// What stands in no address, but in lists of them and beside names.
fn is_foreign(char: char) -> bool {
    char.is_whitespace() || char.is_control() || matches!(char, '<' | '>' | ',' | ';')
}

#[cfg(feature = "unicode")]
fn folded(text: &str) -> Result<Zeroizing<String>, Error> {
    Ok(super::text::normalize(text, true))
}

/// What the feature would make of ASCII: an index made without it is found with it.
#[cfg(not(feature = "unicode"))]
fn folded(text: &str) -> Result<Zeroizing<String>, Error> {
    let text = text.trim();
    if !text.is_ascii() {
        return Err(Error::invalid(
            "cannot be normalized as an e-mail address: it is not ASCII, which takes the feature `unicode`",
        ));
    }
    Ok(Zeroizing::new(text.to_ascii_lowercase()))
}

//! Names: the stable ids of records and fields, and those of generated items.

use proc_macro2::Span;
use syn::Ident;
use syn::ext::IdentExt as _;

pub(crate) const WHAT_A_NAME_IS: &str = "1 to 64 bytes of a-z 0-9 _ . - that start with a letter";

/// FORMAT.md, "Names".
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'))
}

/// `HttpLog` and `HTTPLog` are `http_log`.
pub(crate) fn snake_case(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    let mut snake = String::with_capacity(name.len().saturating_add(4));
    let mut before = '_';
    let mut chars = name.chars().peekable();
    while let Some(char) = chars.next() {
        let begins_word = char.is_uppercase()
            && before != '_'
            && (!before.is_uppercase() || chars.peek().is_some_and(|next| next.is_lowercase()));
        if begins_word {
            snake.push('_');
        }
        snake.extend(char.to_lowercase());
        before = char;
    }
    snake
}

/// Without a first letter that has an upper case it can still be a keyword.
pub(crate) fn constant_name(ident: &Ident) -> String {
    snake_case(ident).to_uppercase()
}

/// An identifier of this name, raw if it is a keyword; `None` if there can be none.
pub(crate) fn identifier(name: &str, span: Span) -> Option<Ident> {
    let parsed = syn::parse_str::<Ident>(name).or_else(|_| syn::parse_str(&format!("r#{name}")));
    parsed.ok().map(|mut ident| {
        ident.set_span(span);
        ident
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ident(name: &str) -> Ident {
        Ident::new(name, Span::call_site())
    }

    #[test]
    fn words_are_told_apart() {
        for (name, snake) in [
            ("Customer", "customer"),
            ("CustomerAddress", "customer_address"),
            ("HTTPLog", "http_log"),
            ("LogHTTP", "log_http"),
            ("V2Row", "v2_row"),
            ("already_snake", "already_snake"),
            ("Ünder", "ünder"),
        ] {
            assert_eq!(snake_case(&ident(name)), snake);
        }
    }

    #[test]
    fn keywords_become_raw() {
        let name = |name| identifier(name, Span::call_site()).map(|ident| ident.to_string());
        assert_eq!(name("customer").unwrap(), "customer");
        assert_eq!(name("type").unwrap(), "r#type");
        for none in ["self", "crate", "", "a b", "a-b", "1a"] {
            assert_eq!(name(none), None, "{none}");
        }
    }
}

//! Types as text, spaced as they are usually written.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::Type;

pub(crate) fn type_text(ty: &Type) -> String {
    let mut text = String::new();
    print(ty.to_token_stream(), &mut text);
    text
}

fn print(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                if group.delimiter() == Delimiter::Bracket {
                    separate(text);
                }
                text.push_str(open);
                print(group.stream(), text);
                unspace(text);
                text.push_str(close);
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                separate(text);
                text.push_str(&token.to_string());
            }
            TokenTree::Punct(punct) => match punct.as_char() {
                '\'' => {
                    separate(text);
                    text.push('\'');
                }
                ',' => text.push_str(", "),
                ';' => text.push_str("; "),
                '+' => text.push_str(" + "),
                '=' => text.push_str(" = "),
                '-' => text.push_str(" -"),
                '>' if text.ends_with('-') => text.push_str("> "),
                '>' => {
                    unspace(text);
                    text.push('>');
                }
                char => text.push(char),
            },
        }
    }
}

/// Keeps a word from what stands before it.
fn separate(text: &mut String) {
    if text.ends_with(|last: char| last.is_alphanumeric() || matches!(last, '_' | '>')) {
        text.push(' ');
    }
}

fn unspace(text: &mut String) {
    text.truncate(text.trim_end().len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_spaced_as_they_are_written() {
        for text in [
            "String",
            "Option<Vec<u8>>",
            "[u8; 32]",
            "std::collections::HashMap<String, Box<dyn Fn(&'static str) -> u8 + Send>>",
            "&'a mut [u8]",
            "(u8, &'a T)",
            "(T,)",
            "<T as Iterator<Item = u8>>::Item",
            "for<'a> fn(&'a str) -> &'a str",
            "*const u8",
            "[(); { N }]",
            "r#type::r#fn",
        ] {
            assert_eq!(type_text(&syn::parse_str(text).unwrap()), text.replace("{ N }", "{N}"));
        }
    }
}

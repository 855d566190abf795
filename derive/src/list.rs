//! Lists of words, as they stand in the parentheses of an attribute.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::{Attribute, Error, Ident, LitStr, Meta, Path, Result, Token, parenthesized};

use crate::errors::Errors;

/// Reads the list of each of these attributes that has this name.
pub(crate) fn read_attributes(
    attributes: &[Attribute],
    name: &str,
    errors: &mut Errors,
    mut read: impl FnMut(&Ident, ParseStream<'_>, &mut Errors) -> Result<()>,
) {
    for attribute in attributes {
        if !attribute.path().is_ident(name) {
            continue;
        }
        match &attribute.meta {
            Meta::List(list) => {
                let words = |input: ParseStream<'_>| read_words(input, errors, &mut read);
                if let Err(error) = words.parse2(list.tokens.clone()) {
                    errors.push(error);
                }
            }
            _ => errors.on(attribute, format_args!("write `#[{name}(…)]`")),
        }
    }
}

/// Reads words and what follows each, with commas between. After a mistake it goes on behind the next
/// comma.
pub(crate) fn read_words(
    input: ParseStream<'_>,
    errors: &mut Errors,
    mut read: impl FnMut(&Ident, ParseStream<'_>, &mut Errors) -> Result<()>,
) -> Result<()> {
    while !input.is_empty() {
        let word = input.call(Ident::parse_any);
        let outcome = word.and_then(|word| {
            read(&word, input, errors)?;
            if input.is_empty() || input.peek(Token![,]) {
                return Ok(());
            }
            Err(input.error(format_args!("expected `,` after `{word}`")))
        });
        if let Err(error) = outcome {
            errors.push(error);
            while !input.is_empty() && !input.peek(Token![,]) {
                input.parse::<TokenTree>()?;
            }
        }
        input.parse::<Option<Token![,]>>()?;
    }
    Ok(())
}

/// Reads `(word…)`.
pub(crate) fn read_nested(
    input: ParseStream<'_>,
    errors: &mut Errors,
    read: impl FnMut(&Ident, ParseStream<'_>, &mut Errors) -> Result<()>,
) -> Result<()> {
    let content;
    parenthesized!(content in input);
    read_words(&content, errors, read)
}

/// Fills what may be given once.
pub(crate) fn once<T>(slot: &mut Option<T>, word: &Ident, value: T) -> Result<()> {
    if slot.is_some() {
        return Err(Error::new(word.span(), format_args!("`{word}` is given twice")));
    }
    *slot = Some(value);
    Ok(())
}

pub(crate) fn unknown(word: &Ident, known: &[&str]) -> Error {
    let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    let message = format!("unknown `{word}`: expected one of {}", known.join(", "));
    Error::new(word.span(), message)
}

/// `= "text"`
pub(crate) fn text(word: &Ident, input: ParseStream<'_>) -> Result<LitStr> {
    assigned(input, format_args!("write `{word} = \"…\"`, with a string literal"))
}

/// `= "path"`
pub(crate) fn path(word: &Ident, input: ParseStream<'_>) -> Result<Path> {
    let mut text = text(word, input)?;
    text.set_span(generated_at(text.span()));
    text.parse()
}

/// Of generated code that stands for what is here: errors show this place, and lints leave it alone.
pub(crate) fn generated_at(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// `= name`
pub(crate) fn ident(word: &Ident, input: ParseStream<'_>) -> Result<Ident> {
    assigned(input, format_args!("write `{word} = …`, with an identifier"))
}

pub(crate) fn assigned<T: Parse>(
    input: ParseStream<'_>,
    instead: std::fmt::Arguments<'_>,
) -> Result<T> {
    let assign: Result<Token![=]> = input.parse();
    assign.and_then(|_| input.parse()).map_err(|error| Error::new(here(input, &error), instead))
}

/// Where something else was expected: the token, or the parentheses that end too early.
fn here(input: ParseStream<'_>, error: &Error) -> Span {
    if input.is_empty() { error.span() } else { input.span() }
}

/// `(attribute, …)`, to be passed on.
pub(crate) fn attributes(input: ParseStream<'_>) -> Result<Vec<Meta>> {
    let content;
    parenthesized!(content in input);
    let metas = content.parse_terminated(Meta::parse, Token![,])?;
    Ok(metas.into_iter().collect())
}

/// `(anything)`, to be passed on.
pub(crate) fn verbatim(input: ParseStream<'_>) -> Result<TokenStream> {
    let content;
    parenthesized!(content in input);
    content.parse()
}

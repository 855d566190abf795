//! The attributes, as they are written.

mod companion;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::parse::discouraged::Speculative as _;
use syn::parse::{Parse, ParseStream, Result};
use syn::{Attribute, Error, Ident, Lit, LitStr, Meta, Path, Token, token};

pub(crate) use self::companion::{How, IndexAttrs, Kind, MaskAttrs, On, Part, PlaceAttrs};

use self::companion::{IN_INDEX, IN_MASK};
use crate::errors::Errors;
use crate::list::{
    assigned, attributes, ident, once, path, read_attributes, read_nested, text, unknown, verbatim,
};

/// `#[record(…)]` on the struct.
#[derive(Default)]
pub(crate) struct StructAttrs {
    pub(crate) name: Option<LitStr>,
    /// Also where its value was refused.
    pub(crate) name_given: bool,
    pub(crate) single_row: Option<Ident>,
    pub(crate) keys: Option<LitStr>,
    pub(crate) keys_column: Option<LitStr>,
    pub(crate) sealed: Option<SealedAttrs>,
    pub(crate) partial: Option<PartialAttrs>,
    pub(crate) module: Option<Ident>,
    pub(crate) rusqlite: Option<Ident>,
    pub(crate) krate: Option<Path>,
    pub(crate) indexes: Vec<IndexAttrs>,
}

/// `sealed(…)`
#[derive(Default)]
pub(crate) struct SealedAttrs {
    pub(crate) name: Option<Ident>,
    pub(crate) derive: Option<TokenStream>,
    pub(crate) attr: Option<Vec<Meta>>,
}

/// `partial(…)`
#[derive(Default)]
pub(crate) struct PartialAttrs {
    pub(crate) name: Option<Ident>,
}

/// `#[record(…)]` on a field.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    pub(crate) subject: Option<Ident>,
    pub(crate) row: Option<Ident>,
    pub(crate) seal: Option<SealAttrs>,
    pub(crate) indexes: Vec<IndexAttrs>,
    pub(crate) mask: Option<MaskAttrs>,
    pub(crate) attr: Option<Vec<Meta>>,
}

/// `seal`, `seal(…)`
pub(crate) struct SealAttrs {
    pub(crate) word: Ident,
    pub(crate) class: Option<TokenStream>,
    pub(crate) id: Option<LitStr>,
    pub(crate) pad: Option<u16>,
    /// Also where its value was refused.
    pub(crate) pad_given: bool,
    pub(crate) was: Option<TokenStream>,
    pub(crate) default: Option<Span>,
    pub(crate) hide_null: Option<Span>,
    /// Where it says `none`.
    pub(crate) on_erased: Option<Span>,
}

const ON_STRUCT: &[&str] = &[
    "name",
    "single_row",
    "keys",
    "keys_column",
    "sealed",
    "partial",
    "module",
    "index",
    "rusqlite",
    "crate",
];
const ON_FIELD: &[&str] = &["subject", "row", "seal", "index", "mask", "attr"];
const IN_SEAL: &[&str] = &["class", "id", "pad", "was", "default", "hide_null", "on_erased"];

impl StructAttrs {
    pub(crate) fn read(from: &[Attribute], errors: &mut Errors) -> Self {
        let mut to = Self::default();
        read_attributes(from, "record", errors, |word, input, errors| {
            match word.to_string().as_str() {
                "name" => {
                    to.name_given = true;
                    once(&mut to.name, word, text(word, input)?)
                }
                "single_row" => once(&mut to.single_row, word, word.clone()),
                "keys" => once(&mut to.keys, word, text(word, input)?),
                "keys_column" => once(&mut to.keys_column, word, text(word, input)?),
                "sealed" => once(&mut to.sealed, word, SealedAttrs::read(input, errors)?),
                "partial" => once(&mut to.partial, word, PartialAttrs::read(input, errors)?),
                "module" => once(&mut to.module, word, ident(word, input)?),
                "index" => {
                    to.indexes.push(IndexAttrs::read(word, On::Struct, input, errors)?);
                    Ok(())
                }
                "rusqlite" => once(&mut to.rusqlite, word, word.clone()),
                "crate" => once(&mut to.krate, word, path(word, input)?),
                _ if ON_FIELD.contains(&word.to_string().as_str()) => {
                    Err(Error::new(word.span(), format_args!("`{word}` stands on a field")))
                }
                _ => Err(unknown(word, ON_STRUCT)),
            }
        });
        to
    }
}

impl SealedAttrs {
    fn read(input: ParseStream<'_>, errors: &mut Errors) -> Result<Self> {
        let mut to = Self::default();
        read_nested(input, errors, |word, input, _| match word.to_string().as_str() {
            "name" => once(&mut to.name, word, ident(word, input)?),
            "derive" => once(&mut to.derive, word, verbatim(input)?),
            "attr" => once(&mut to.attr, word, attributes(input)?),
            _ => Err(unknown(word, &["name", "derive", "attr"])),
        })?;
        Ok(to)
    }
}

impl PartialAttrs {
    fn read(input: ParseStream<'_>, errors: &mut Errors) -> Result<Self> {
        let mut to = Self::default();
        read_nested(input, errors, |word, input, _| match word.to_string().as_str() {
            "name" => once(&mut to.name, word, ident(word, input)?),
            _ => Err(unknown(word, &["name"])),
        })?;
        Ok(to)
    }
}

impl FieldAttrs {
    pub(crate) fn read(from: &[Attribute], errors: &mut Errors) -> Self {
        let mut to = Self::default();
        read_attributes(from, "record", errors, |word, input, errors| {
            match word.to_string().as_str() {
                "subject" => once(&mut to.subject, word, word.clone()),
                "row" => once(&mut to.row, word, word.clone()),
                "seal" => once(&mut to.seal, word, SealAttrs::read(word, input, errors)?),
                "index" => {
                    to.indexes.push(IndexAttrs::read(word, On::Field, input, errors)?);
                    Ok(())
                }
                "mask" => once(&mut to.mask, word, MaskAttrs::read(word, input, errors)?),
                "attr" => once(&mut to.attr, word, attributes(input)?),
                known if ON_STRUCT.contains(&known) => {
                    Err(Error::new(word.span(), format_args!("`{word}` stands on the struct")))
                }
                known => Err(inside(word, known).unwrap_or_else(|| unknown(word, ON_FIELD))),
            }
        });
        to
    }
}

/// What stands in the parentheses of another word.
fn inside(word: &Ident, known: &str) -> Option<Error> {
    let lists = [("seal", IN_SEAL), ("index", IN_INDEX), ("mask", IN_MASK)];
    let (list, _) = lists.into_iter().find(|(_, words)| words.contains(&known))?;
    Some(Error::new(word.span(), format_args!("`{word}` stands inside `{list}(…)`")))
}

impl SealAttrs {
    fn read(seal: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> Result<Self> {
        let mut to = Self {
            word: seal.clone(),
            class: None,
            id: None,
            pad: None,
            pad_given: false,
            was: None,
            default: None,
            hide_null: None,
            on_erased: None,
        };
        if !input.peek(token::Paren) {
            return Ok(to);
        }
        read_nested(input, errors, |word, input, _| match word.to_string().as_str() {
            "class" => once(&mut to.class, word, class(word, input)?),
            "id" => once(&mut to.id, word, text(word, input)?),
            "pad" => {
                to.pad_given = true;
                once(&mut to.pad, word, multiple(input)?)
            }
            "was" => once(&mut to.was, word, class(word, input)?),
            "default" => once(&mut to.default, word, word.span()),
            "hide_null" => once(&mut to.hide_null, word, word.span()),
            "on_erased" => once(&mut to.on_erased, word, none(input)?),
            "index" | "mask" => Err(Error::new(
                word.span(),
                format_args!("`{word}` stands beside `seal(…)`, as in `seal(…), {word}(…)`"),
            )),
            _ => Err(unknown(word, IN_SEAL)),
        })?;
        Ok(to)
    }
}

/// `= CONTACT`
fn class(word: &Ident, input: ParseStream<'_>) -> Result<TokenStream> {
    assigned(input, format_args!("write `{word} = …`, with a constant of type `Class`"))
        .map(|Constant(class)| class)
}

/// A path, or another expression up to the comma; no literal, as no class is one.
struct Constant(TokenStream);

impl Parse for Constant {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let ends = |input: ParseStream<'_>| input.is_empty() || input.peek(Token![,]);
        let fork = input.fork();
        if ends(input) || (fork.parse::<Lit>().is_ok() && ends(&fork)) {
            return Err(input.error("expected a constant"));
        }
        // A path may have commas between `<` and `>`.
        let fork = input.fork();
        if let Ok(path) = fork.parse::<Path>()
            && ends(&fork)
        {
            input.advance_to(&fork);
            return Ok(Self(path.into_token_stream()));
        }
        let mut constant = TokenStream::new();
        while !ends(input) {
            constant.extend([input.parse::<TokenTree>()?]);
        }
        Ok(Self(constant))
    }
}

/// `= none`
fn none(input: ParseStream<'_>) -> Result<Span> {
    const WHAT: &str =
        "write `on_erased = none`: what was erased opens as `None`; without it, it is an error";
    let word: Ident = assigned(input, format_args!("{WHAT}"))?;
    if word == "none" { Ok(word.span()) } else { Err(Error::new(word.span(), WHAT)) }
}

/// `= 32`
fn multiple(input: ParseStream<'_>) -> Result<u16> {
    const WHAT: &str = "a padding is a whole number of bytes from 1 to 65535, as in `pad = 32`";
    match assigned(input, format_args!("{WHAT}"))? {
        Lit::Int(bytes) => match bytes.base10_parse() {
            Ok(multiple) if multiple > 0 => Ok(multiple),
            _ => Err(Error::new(bytes.span(), WHAT)),
        },
        other => Err(Error::new(other.span(), WHAT)),
    }
}

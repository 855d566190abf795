//! What stands beside a sealed field, as it is written: `index(…)` and `mask(…)`.

use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream, Result};
use syn::{Error, Ident, Lit, LitInt, LitStr, Meta, Token, bracketed, parenthesized, token};

use super::{Constant, class, multiple};
use crate::errors::Errors;
use crate::list::{assigned, attributes, once, read_nested, text, unknown};

/// `index(…)`, on a field or on the struct.
pub(crate) struct IndexAttrs {
    pub(crate) word: Ident,
    pub(crate) kind: Option<(Ident, Kind)>,
    /// Also where it was refused.
    pub(crate) kind_given: bool,
    pub(crate) normalize: Option<(Ident, TokenStream)>,
    pub(crate) bits: Option<u16>,
    pub(crate) cardinality: Option<(Ident, u64)>,
    /// Also where its value was refused.
    pub(crate) cardinality_given: bool,
    pub(crate) measured: Option<Ident>,
    pub(crate) allow_leakage: Option<LitStr>,
    /// Also where its value was refused.
    pub(crate) leakage_allowed: bool,
    pub(crate) lenient: Option<Ident>,
    pub(crate) levels: Option<(Ident, u8)>,
    pub(crate) place: PlaceAttrs,
    pub(crate) id: Option<LitStr>,
    pub(crate) table: Option<Ident>,
}

/// What a query finds.
pub(crate) enum Kind {
    Exact,
    Prefix(LitInt),
    Words,
    Range(TokenStream),
    Compound(Vec<Part>),
}

/// `surname = Normalizer::TEXT`, or the name alone.
pub(crate) struct Part {
    pub(crate) field: Ident,
    pub(crate) normalizer: Option<TokenStream>,
}

/// `mask(…)`
pub(crate) struct MaskAttrs {
    pub(crate) word: Ident,
    pub(crate) how: Option<(Ident, How)>,
    /// Also where it was refused.
    pub(crate) how_given: bool,
    pub(crate) readers: Option<(Ident, Vec<LitStr>)>,
    pub(crate) class: Option<(Ident, TokenStream)>,
    /// Also where their value was refused.
    pub(crate) readers_given: bool,
    pub(crate) was: Option<TokenStream>,
    pub(crate) pad: Option<(Ident, u16)>,
    pub(crate) place: PlaceAttrs,
}

/// What remains visible.
pub(crate) enum How {
    /// A constant of this name.
    Named(&'static str),
    Custom(LitStr, TokenStream),
}

/// The field of the row's struct.
#[derive(Default)]
pub(crate) struct PlaceAttrs {
    pub(crate) column: Option<LitStr>,
    pub(crate) attr: Option<Vec<Meta>>,
}

/// Where an attribute stands.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum On {
    Struct,
    Field,
}

pub(super) const IN_INDEX: &[&str] = &[
    "exact",
    "prefix",
    "words",
    "range",
    "compound",
    "normalize",
    "bits",
    "cardinality",
    "measured",
    "allow_leakage",
    "lenient",
    "levels",
    "id",
    "column",
    "table",
    "attr",
];
pub(super) const IN_MASK: &[&str] = &[
    "last4",
    "first_letter",
    "email",
    "phone",
    "year",
    "custom",
    "readers",
    "class",
    "was",
    "pad",
    "column",
    "attr",
];

impl IndexAttrs {
    pub(super) fn read(
        index: &Ident,
        on: On,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> Result<Self> {
        let mut to = Self {
            word: index.clone(),
            kind: None,
            kind_given: false,
            normalize: None,
            bits: None,
            cardinality: None,
            cardinality_given: false,
            measured: None,
            allow_leakage: None,
            leakage_allowed: false,
            lenient: None,
            levels: None,
            place: PlaceAttrs::default(),
            id: None,
            table: None,
        };
        if !input.peek(token::Paren) {
            return Err(Error::new(index.span(), on.index_instead()));
        }
        read_nested(input, errors, |word, input, errors| to.read_word(on, word, input, errors))?;
        if !to.kind_given {
            errors.on(index, on.index_instead());
        }
        Ok(to)
    }

    fn read_word(
        &mut self,
        on: On,
        word: &Ident,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> Result<()> {
        let name = word.to_string();
        match name.as_str() {
            "exact" | "prefix" | "words" | "range" | "compound" => {
                self.kind_given = true;
                let kind = kind(word, on, input, errors)?;
                if let Some((other, _)) = &self.kind {
                    return Err(Error::new(
                        word.span(),
                        format_args!(
                            "this index is `{other}` already: write another `index({word}, …)`"
                        ),
                    ));
                }
                once(&mut self.kind, word, (word.clone(), kind))
            }
            "normalize" => {
                once(&mut self.normalize, word, (word.clone(), normalizer(word, input)?))
            }
            "bits" => once(&mut self.bits, word, bits(input)?),
            "cardinality" => {
                self.cardinality_given = true;
                let cardinality = number(word, "1_000_000", input)?;
                once(&mut self.cardinality, word, (word.clone(), cardinality))
            }
            "measured" => once(&mut self.measured, word, word.clone()),
            "allow_leakage" => {
                self.leakage_allowed = true;
                let why = text(word, input)?;
                if why.value().trim().is_empty() {
                    return Err(Error::new(why.span(), "say why what it gives away may be known"));
                }
                once(&mut self.allow_leakage, word, why)
            }
            "lenient" => once(&mut self.lenient, word, word.clone()),
            "levels" => once(&mut self.levels, word, (word.clone(), number(word, "8", input)?)),
            "id" => once(&mut self.id, word, text(word, input)?),
            "table" => once(&mut self.table, word, word.clone()),
            "column" | "attr" => self.place.read(word, input),
            _ => {
                self.kind_given = true;
                Err(unknown(word, IN_INDEX))
            }
        }
    }
}

impl On {
    const fn index_instead(self) -> &'static str {
        match self {
            Self::Field => {
                "say what the index finds: `index(exact)`, `index(prefix(max = 8))`, `index(words)` \
                 or `index(range(DOMAIN))`"
            }
            Self::Struct => {
                "say which fields are found together, as in `index(compound(name, birth_date), id = \
                 \"name_birth\")`; an index of one field stands on it"
            }
        }
    }
}

fn kind(word: &Ident, on: On, input: ParseStream<'_>, errors: &mut Errors) -> Result<Kind> {
    let kind = match word.to_string().as_str() {
        "exact" => Kind::Exact,
        "words" => Kind::Words,
        "prefix" => Kind::Prefix(max(word, input, errors)?),
        "range" => Kind::Range(domain(word, input)?),
        _ => Kind::Compound(parts(word, input, errors)?),
    };
    match (on, &kind) {
        (On::Struct, Kind::Compound(_)) => Ok(kind),
        (On::Struct, _) => Err(Error::new(
            word.span(),
            format_args!(
                "`index({word}, …)` stands on a field: on the struct stands one of several fields, `index(compound(…))`"
            ),
        )),
        (On::Field, Kind::Compound(_)) => Err(Error::new(
            word.span(),
            "`index(compound(…))` stands on the struct, and names its fields",
        )),
        (On::Field, _) => Ok(kind),
    }
}

/// `(max = 8)`
fn max(prefix: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> Result<LitInt> {
    const WHAT: &str =
        "give the length of the longest prefix that is found, as in `prefix(max = 8)`";
    if !input.peek(token::Paren) {
        return Err(Error::new(prefix.span(), WHAT));
    }
    let mut max = None;
    let mut given = false;
    read_nested(input, errors, |word, input, _| match word.to_string().as_str() {
        "max" => {
            given = true;
            let length: LitInt = assigned(input, format_args!("{WHAT}"))?;
            match length.base10_parse::<u8>() {
                Ok(1..=64) => once(&mut max, word, length),
                _ => Err(Error::new(
                    length.span(),
                    "a prefix has 1 to 64 characters, as in `prefix(max = 8)`",
                )),
            }
        }
        _ => Err(unknown(word, &["max"])),
    })?;
    match max {
        Some(max) => Ok(max),
        // What was refused has been said.
        None if given => Ok(LitInt::new("1", prefix.span())),
        None => Err(Error::new(prefix.span(), WHAT)),
    }
}

/// `(DOMAIN)`
fn domain(range: &Ident, input: ParseStream<'_>) -> Result<TokenStream> {
    const WHAT: &str = "give the values there can be, as in `range(Domain::dates(\"1900-01-01\", \
                        \"2099-12-31\"))`";
    if !input.peek(token::Paren) {
        return Err(Error::new(range.span(), WHAT));
    }
    let content;
    let paren = parenthesized!(content in input);
    if content.is_empty() {
        return Err(Error::new(paren.span.join(), WHAT));
    }
    content.parse()
}

/// `(surname = Normalizer::TEXT, birth_date)`
fn parts(compound: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> Result<Vec<Part>> {
    const WHAT: &str =
        "name the fields that are found together, as in `compound(name, birth_date)`";
    if !input.peek(token::Paren) {
        return Err(Error::new(compound.span(), WHAT));
    }
    let mut parts: Vec<Part> = Vec::new();
    read_nested(input, errors, |field, input, _| {
        let normalizer = if input.peek(Token![=]) { Some(normalizer(field, input)?) } else { None };
        if parts.iter().any(|part| part.field == *field) {
            return Err(Error::new(field.span(), format_args!("`{field}` is named twice")));
        }
        parts.push(Part { field: field.clone(), normalizer });
        Ok(())
    })?;
    Ok(parts)
}

impl MaskAttrs {
    pub(super) fn read(mask: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> Result<Self> {
        const WHAT: &str = "say what remains visible, and to whom, as in `mask(last4, readers = \
                            [\"support\"])`: `last4`, `first_letter`, `email`, `phone`, `year` or \
                            `custom(\"name\", function)`";
        let mut to = Self {
            word: mask.clone(),
            how: None,
            how_given: false,
            readers: None,
            class: None,
            readers_given: false,
            was: None,
            pad: None,
            place: PlaceAttrs::default(),
        };
        if !input.peek(token::Paren) {
            return Err(Error::new(mask.span(), WHAT));
        }
        read_nested(input, errors, |word, input, _| to.read_word(word, input))?;
        if !to.how_given {
            errors.on(mask, WHAT);
        }
        Ok(to)
    }

    fn read_word(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<()> {
        let name = word.to_string();
        let how = match name.as_str() {
            "last4" => How::Named("LAST4"),
            "first_letter" => How::Named("FIRST_LETTER"),
            "email" => How::Named("EMAIL"),
            "phone" => How::Named("PHONE"),
            "year" => How::Named("YEAR"),
            "custom" => {
                self.how_given = true;
                custom(word, input)?
            }
            "readers" => {
                self.readers_given = true;
                return once(&mut self.readers, word, (word.clone(), readers(word, input)?));
            }
            "class" => {
                self.readers_given = true;
                return once(&mut self.class, word, (word.clone(), class(word, input)?));
            }
            "was" => return once(&mut self.was, word, class(word, input)?),
            "pad" => return once(&mut self.pad, word, (word.clone(), multiple(input)?)),
            "column" | "attr" => return self.place.read(word, input),
            _ => {
                self.how_given = true;
                return Err(unknown(word, IN_MASK));
            }
        };
        self.how_given = true;
        if let Some((other, _)) = &self.how {
            return Err(Error::new(
                word.span(),
                format_args!(
                    "this mask is `{other}` already, and a field has one: remove one of them"
                ),
            ));
        }
        once(&mut self.how, word, (word.clone(), how))
    }
}

/// `("name", function)`
fn custom(word: &Ident, input: ParseStream<'_>) -> Result<How> {
    const WHAT: &str = "write `custom(\"name\", function)`, with a `fn(&str) -> Option<String>`";
    if !input.peek(token::Paren) {
        return Err(Error::new(word.span(), WHAT));
    }
    let content;
    let paren = parenthesized!(content in input);
    let name = content.parse::<LitStr>().and_then(|name| {
        content.parse::<Token![,]>()?;
        Ok(name)
    });
    match name {
        Ok(name) if !content.is_empty() => Ok(How::Custom(name, content.parse()?)),
        _ => {
            // Nothing may be left over.
            content.parse::<TokenStream>()?;
            Err(Error::new(paren.span.join(), WHAT))
        }
    }
}

/// `= ["support", …]`
fn readers(word: &Ident, input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    const WHAT: &str = "write `readers = [\"support\"]`, with the names of roles";
    struct Names(Vec<LitStr>, Span);
    impl Parse for Names {
        fn parse(input: ParseStream<'_>) -> Result<Self> {
            let content;
            let brackets = bracketed!(content in input);
            let names = content.parse_terminated(<LitStr as Parse>::parse, Token![,]);
            let names = names.map_err(|_| {
                // Nothing may be left over.
                let _rest = content.parse::<TokenStream>();
                Error::new(brackets.span.join(), WHAT)
            })?;
            Ok(Self(names.into_iter().collect(), brackets.span.join()))
        }
    }
    let Names(names, span): Names = assigned(input, format_args!("{WHAT}"))?;
    if names.is_empty() {
        return Err(Error::new(span, format_args!("nobody could open the mask: {WHAT}")));
    }
    for (position, name) in names.iter().enumerate() {
        if names.iter().take(position).any(|other| other.value() == name.value()) {
            return Err(Error::new(
                name.span(),
                format_args!("this role stands in `{word}` twice"),
            ));
        }
    }
    Ok(names)
}

impl PlaceAttrs {
    fn read(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<()> {
        if word == "attr" {
            return once(&mut self.attr, word, attributes(input)?);
        }
        once(&mut self.column, word, text(word, input)?)
    }
}

/// `= Normalizer::EMAIL`
fn normalizer(word: &Ident, input: ParseStream<'_>) -> Result<TokenStream> {
    assigned(
        input,
        format_args!(
            "write `{word} = …`, with a constant of type `Normalizer`, as `Normalizer::DIGITS`"
        ),
    )
    .map(|Constant(normalizer)| normalizer)
}

/// `= 16`
fn bits(input: ParseStream<'_>) -> Result<u16> {
    const WHAT: &str = "a term has 1 to 128 bits, as in `bits = 16`";
    let bits: LitInt = assigned(input, format_args!("{WHAT}"))?;
    match bits.base10_parse() {
        Ok(number @ 1..=128) => Ok(number),
        _ => Err(Error::new(bits.span(), WHAT)),
    }
}

/// `= 16`
fn number<T: std::str::FromStr<Err: std::fmt::Display>>(
    word: &Ident,
    such_as: &str,
    input: ParseStream<'_>,
) -> Result<T> {
    let what = format!("write `{word} = …`, with a whole number, as in `{word} = {such_as}`");
    match assigned(input, format_args!("{what}"))? {
        Lit::Int(number) => number.base10_parse().map_err(|_| Error::new(number.span(), &what)),
        other => Err(Error::new(other.span(), &what)),
    }
}

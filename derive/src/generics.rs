//! Bounds that generated implementations need beyond those of the struct.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Generics, Type, parse_quote};

/// Adds the bounds of types that depend on type parameters. The others hold or do not, which the code
/// that uses them shows.
pub(crate) fn with_bounds<'a>(
    generics: &Generics,
    bounds: impl IntoIterator<Item = (&'a Type, TokenStream)>,
) -> Generics {
    let parameters: Vec<String> =
        generics.type_params().map(|parameter| parameter.ident.to_string()).collect();
    let mut generics = generics.clone();
    for (ty, bound) in bounds {
        if mentions(ty.to_token_stream(), &parameters) {
            let predicates = &mut generics.make_where_clause().predicates;
            predicates.push(parse_quote!(#bound));
        }
    }
    generics
}

fn mentions(tokens: TokenStream, names: &[String]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.contains(&ident.to_string()),
        TokenTree::Group(group) => mentions(group.stream(), names),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

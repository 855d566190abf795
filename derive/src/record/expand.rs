//! What is generated.

mod constants;
mod impls;
mod rows;
mod rusqlite;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{GenericParam, Ident};

use crate::list::generated_at;

use super::valid::{Field, Record, SealedField};

pub(crate) fn expand(record: &Record) -> TokenStream {
    let rows = rows::expand(record);
    let constants = constants::expand(record);
    let impls = impls::expand(record);
    let rusqlite = record.rusqlite.then(|| rusqlite::expand(record));
    quote! {
        #rows
        #constants
        #impls
        #rusqlite
    }
}

impl Record {
    /// One of the constants. Its tokens are all of one place, so that an error shows just that.
    fn constant(&self, name: &Ident, span: Span) -> TokenStream {
        let (module, name) = (placed(&self.module, span), placed(name, span));
        let (_, arguments, _) = self.generics.split_for_impl();
        quote_spanned!(span=> <#module #arguments>::#name)
    }

    /// The names of the columns, in the order of the row.
    fn columns(&self) -> Vec<String> {
        let fields = self.fields.iter().map(|field| field.column.clone());
        fields.chain(self.keys_column()).collect()
    }

    fn keys_column(&self) -> Option<String> {
        self.keys.as_ref().map(|keys| keys.unraw().to_string())
    }

    fn sealed_fields(&self) -> impl Iterator<Item = (&Field, &SealedField)> {
        let with_seal = |field| Some((field, Field::seal(field)?));
        self.fields.iter().filter_map(with_seal)
    }

    /// Its lifetimes and types, so that a type without values has them too.
    fn phantom(&self) -> Option<TokenStream> {
        let used: Vec<TokenStream> = self
            .generics
            .params
            .iter()
            .filter_map(|parameter| match parameter {
                GenericParam::Lifetime(parameter) => {
                    let lifetime = &parameter.lifetime;
                    Some(quote!(&#lifetime ()))
                }
                GenericParam::Type(parameter) => {
                    let ident = &parameter.ident;
                    Some(quote!(::core::marker::PhantomData<#ident>))
                }
                _ => None,
            })
            .collect();
        (!used.is_empty()).then(|| quote!(::core::marker::PhantomData<(#(#used,)*)>))
    }
}

impl Field {
    fn seal(&self) -> Option<&SealedField> {
        self.seal.as_ref()
    }

    /// Where generated code that needs something of the field's type stands.
    fn span(&self) -> Span {
        generated_at(self.ty.span())
    }

    /// The type of the column by itself, without what `default` adds.
    fn value_column(&self, krate: &syn::Path) -> TokenStream {
        let ty = &self.ty;
        quote_spanned!(self.span()=> <#ty as #krate::SealValue>::Column)
    }

    /// The type of the field in the row.
    fn column_type(&self, krate: &syn::Path) -> TokenStream {
        let ty = &self.ty;
        match &self.seal {
            None => quote!(#ty),
            Some(seal) => {
                let column = self.value_column(krate);
                match seal.default {
                    None => column,
                    Some(_) => quote!(::core::option::Option<#column>),
                }
            }
        }
    }
}

/// The tokens of a path as if they stood there.
fn all_at(path: TokenStream, span: Span) -> TokenStream {
    let at = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    path.into_iter().map(at).collect()
}

/// The name as if it stood there.
fn placed(name: &Ident, span: Span) -> Ident {
    let mut name = name.clone();
    name.set_span(span);
    name
}

/// A local name that no constant in scope is likely to have, and that no pattern takes for one.
fn local(name: &str, at: Span) -> Ident {
    format_ident!("__{name}", span = Span::mixed_site().located_at(at))
}

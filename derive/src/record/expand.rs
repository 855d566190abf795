//! What is generated.

mod companions;
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

use super::valid::{Field, Index, Mask, Record, SealedField};

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

    /// The fields of the row's struct, in its order.
    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let with_companions = |field| {
            let seal = Field::seal(field);
            let indexes = seal.into_iter().flat_map(|seal| &seal.indexes);
            let mask = seal.and_then(|seal| seal.mask.as_ref());
            let indexes = indexes.map(move |index| Part::Index(index, Some(field)));
            let mask = mask.map(|mask| Part::Mask(mask, field));
            std::iter::once(Part::Field(field)).chain(indexes).chain(mask)
        };
        let compounds = self.compounds.iter().map(|index| Part::Index(index, None));
        let keys = self.keys.iter().map(Part::Keys);
        self.fields.iter().flat_map(with_companions).chain(compounds).chain(keys)
    }

    /// The names of the columns, in the order of the row.
    fn columns(&self) -> Vec<String> {
        self.parts().filter_map(Part::column).collect()
    }

    /// The indexes, each with its field if it has one.
    fn indexes(&self) -> impl Iterator<Item = (&Index, Option<&Field>)> {
        self.parts().filter_map(|part| match part {
            Part::Index(index, field) => Some((index, field)),
            _ => None,
        })
    }

    /// The marker of how many rows a subject has.
    fn rows(&self) -> TokenStream {
        if self.row.is_some() { quote!(field::ManyRows) } else { quote!(field::SingleRow) }
    }

    fn class(&self, seal: &SealedField) -> TokenStream {
        let krate = &self.krate;
        seal.class.clone().unwrap_or_else(|| quote!(#krate::Class::PERSONAL))
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

/// A field of the row's struct.
#[derive(Clone, Copy)]
enum Part<'a> {
    Field(&'a Field),
    /// An index of a field, or of several.
    Index(&'a Index, Option<&'a Field>),
    Mask(&'a Mask, &'a Field),
    Keys(&'a Ident),
}

impl<'a> Part<'a> {
    fn ident(self) -> &'a Ident {
        match self {
            Self::Field(field) => &field.ident,
            Self::Index(index, _) => &index.place.ident,
            Self::Mask(mask, _) => &mask.place.ident,
            Self::Keys(keys) => keys,
        }
    }

    /// Where generated code that needs something of its type stands.
    fn span(self) -> Span {
        match self {
            Self::Field(field) => field.span(),
            Self::Index(index, _) => index.place.span(),
            Self::Mask(mask, _) => mask.place.span(),
            Self::Keys(_) => Span::call_site(),
        }
    }

    /// `None` for terms that are kept in a table of their own.
    fn column(self) -> Option<String> {
        match self {
            Self::Field(field) => Some(field.column.clone()),
            Self::Index(index, _) => (!index.table).then(|| index.place.column.clone()),
            Self::Mask(mask, _) => Some(mask.place.column.clone()),
            Self::Keys(keys) => Some(keys.unraw().to_string()),
        }
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

//! The row's struct, and the one of single results.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::Part;
use crate::record::valid::{Field, Record};

pub(crate) fn expand(record: &Record) -> TokenStream {
    let (sealed, partial) = (sealed(record), partial(record));
    quote!(#sealed #partial)
}

fn sealed(record: &Record) -> TokenStream {
    let Record { vis, generics, sealed, .. } = record;
    let where_clause = &generics.where_clause;
    let derive = record.sealed_derive.as_ref().map(|derive| quote!(#[derive(#derive)]));
    let attr = &record.sealed_attr;
    let doc = format!("The row of [`{}`]: its personal fields are sealed.", record.ident);
    let fields = record.parts().map(|part| field_of_row(part, record));
    quote! {
        #derive
        #[doc = #doc]
        #[allow(
            clippy::exhaustive_structs,
            reason = "it has the columns of the row, no more and no less"
        )]
        #(#[#attr])*
        #vis struct #sealed #generics #where_clause {
            #(#fields,)*
        }
    }
}

fn field_of_row(part: Part<'_>, record: &Record) -> TokenStream {
    let krate = &record.krate;
    let ident = part.ident();
    match part {
        Part::Field(field) => {
            let Field { vis, attr, .. } = field;
            let (docs, column) = (field_docs(field, record), field.column_type(krate));
            quote!(#docs #(#[#attr])* #vis #ident: #column)
        }
        Part::Index(index, field) => {
            let vis = field.map_or(&record.vis, |field| &field.vis);
            let attr = &index.place.attr;
            let (what, ty) = if index.shape.is_many() {
                ("terms", quote!(#krate::index::Terms))
            } else {
                ("term", quote!(::core::option::Option<#krate::index::Term>))
            };
            let of = field.map_or_else(
                || "its fields are found by together".to_owned(),
                |field| format!("`{}` is found by", field.column),
            );
            let place = if index.table { ", in a table of their own" } else { "" };
            let doc = format!("The {what} that {of}{place}.");
            quote!(#[doc = #doc] #(#[#attr])* #vis #ident: #ty)
        }
        Part::Mask(mask, field) => {
            let (vis, attr) = (&field.vis, &mask.place.attr);
            let doc = format!("What the readers of its mask see of `{}`, sealed.", field.column);
            quote! {
                #[doc = #doc]
                #(#[#attr])*
                #vis #ident: ::core::option::Option<#krate::Sealed<#krate::field::Masked>>
            }
        }
        Part::Keys(_) => {
            let vis = &record.vis;
            quote! {
                /// The subject's key envelope.
                #vis #ident: #krate::KeyEnvelope
            }
        }
    }
}

fn partial(record: &Record) -> TokenStream {
    let Record { krate, vis, generics, partial, .. } = record;
    let where_clause = &generics.where_clause;
    let doc = format!(
        "[`{}`] field by field: each sealed one is its value or its own error.",
        record.ident
    );
    let fields = record.parts().filter_map(|part| match part {
        Part::Field(field) => {
            let Field { ident, vis, ty, .. } = field;
            let docs = field_docs(field, record);
            let ty = match field.seal {
                None => quote!(#ty),
                Some(_) => quote!(::core::result::Result<#ty, #krate::Error>),
            };
            Some(quote!(#docs #vis #ident: #ty))
        }
        Part::Mask(mask, field) => {
            let (vis, ident) = (&field.vis, &mask.place.ident);
            let doc = format!("The mask of `{}`.", field.column);
            let text = quote!(::core::option::Option<#krate::__private::String>);
            let ty = quote!(::core::result::Result<#text, #krate::Error>);
            Some(quote!(#[doc = #doc] #vis #ident: #ty))
        }
        Part::Index(..) | Part::Keys(_) => None,
    });
    quote! {
        #[doc = #doc]
        #[allow(dead_code, reason = "not every record is opened field by field")]
        #[allow(
            clippy::exhaustive_structs,
            reason = "it has the fields of the record, no more and no less"
        )]
        #vis struct #partial #generics #where_clause {
            #(#fields,)*
        }
    }
}

/// Those of the struct's field, or that it is the same.
fn field_docs(field: &Field, record: &Record) -> TokenStream {
    let docs = &field.docs;
    if docs.is_empty() {
        let doc = format!("`{}` of [`{}`].", field.column, record.ident);
        return quote!(#[doc = #doc]);
    }
    quote!(#(#docs)*)
}

/// What keeps the parameters of a type without values.
pub(crate) fn never(record: &Record) -> Option<TokenStream> {
    let phantom = record.phantom()?;
    let never = format_ident!("__Never");
    Some(quote! {
        #[doc(hidden)]
        #never(::core::convert::Infallible, #phantom)
    })
}

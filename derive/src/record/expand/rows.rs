//! The row's struct, and the one of single results.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::record::valid::{Field, Record};

pub(crate) fn expand(record: &Record) -> TokenStream {
    let (sealed, partial) = (sealed(record), partial(record));
    quote!(#sealed #partial)
}

fn sealed(record: &Record) -> TokenStream {
    let Record { krate, vis, generics, sealed, .. } = record;
    let where_clause = &generics.where_clause;
    let derive = record.sealed_derive.as_ref().map(|derive| quote!(#[derive(#derive)]));
    let attr = &record.sealed_attr;
    let doc = format!("The row of [`{}`]: its personal fields are sealed.", record.ident);
    let fields = record.fields.iter().map(|field| {
        let Field { ident, vis, attr, .. } = field;
        let (docs, column) = (field_docs(field, record), field.column_type(krate));
        quote!(#docs #(#[#attr])* #vis #ident: #column)
    });
    let keys = record.keys.as_ref().map(|keys| {
        quote! {
            /// The subject's key envelope.
            #vis #keys: #krate::KeyEnvelope
        }
    });
    let fields = fields.chain(keys);
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

fn partial(record: &Record) -> TokenStream {
    let Record { krate, vis, generics, partial, .. } = record;
    let where_clause = &generics.where_clause;
    let doc = format!(
        "[`{}`] field by field: each sealed one is its value or its own error.",
        record.ident
    );
    let fields = record.fields.iter().map(|field| {
        let Field { ident, vis, ty, .. } = field;
        let docs = field_docs(field, record);
        let ty = match field.seal {
            None => quote!(#ty),
            Some(_) => quote!(::core::result::Result<#ty, #krate::Error>),
        };
        quote!(#docs #vis #ident: #ty)
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

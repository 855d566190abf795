//! The type without values that holds the constants. It is a type and no module, so that a struct
//! inside a function can be a record and names resolve as they do beside the struct.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::rows::never;
use crate::list::generated_at;
use crate::print::type_text;
use crate::record::valid::{Field, Record, SealedField};

pub(crate) fn expand(record: &Record) -> TokenStream {
    let Record { krate, vis, ident, generics, module, .. } = record;
    let (parameters, arguments, where_clause) = generics.split_for_impl();
    let doc = format!("The sealed fields, the columns and the schema of [`{ident}`].");
    let never = never(record);
    let fields = record.sealed_fields().map(|(field, seal)| constant(record, field, seal));
    let companions = record.companion_constants();
    let columns = record.columns();
    let schema = schema(record);
    quote! {
        #[doc = #doc]
        #[allow(non_camel_case_types, reason = "it is used as a module is")]
        #[allow(clippy::exhaustive_enums, reason = "it has no values")]
        #vis enum #module #generics #where_clause { #never }

        #[allow(
            dead_code,
            private_interfaces,
            unreachable_pub,
            reason = "a constant is as visible as the struct, be its field private or not"
        )]
        impl #parameters #module #arguments #where_clause {
            #(#fields)*

            #(#companions)*

            /// The columns of the row, in its order.
            #vis const COLUMNS: &'static [&'static str] = &[#(#columns),*];

            /// What is sealed, how, and who reads it.
            #vis const SCHEMA: &'static #krate::record::Schema<'static> = #schema;
        }
    }
}

fn constant(record: &Record, field: &Field, seal: &SealedField) -> TokenStream {
    let Record { krate, vis, name, .. } = record;
    let Field { ty, .. } = field;
    let SealedField { constant, id, .. } = seal;
    let (rows, class) = (record.rows(), record.class(seal));
    let pad = seal
        .pad
        .map(|pad| if seal.hide_null { quote!(.hide_null(#pad)) } else { quote!(.pad(#pad)) });
    let was = seal.was.as_ref().map(|was| quote!(.was(#was)));
    let on_erased = seal.on_erased.map(|none| {
        let span = generated_at(none);
        quote_spanned!(span=> .none_on_erased())
    });
    let alone = quote!(#krate::Field::new(#name, #id, #class) #pad #was #on_erased);
    let (value, kind) = record.accompanied(&alone, field, seal);
    let doc = format!("The sealed field `{}`.", field.column);
    quote! {
        #[doc = #doc]
        #vis const #constant: #krate::Field<#ty, #krate::#rows, #krate::#kind> = #value;
    }
}

fn schema(record: &Record) -> TokenStream {
    let Record { krate, name, .. } = record;
    let rows = if record.row.is_some() { quote!(Many) } else { quote!(Single) };
    let keys = if record.keys.is_some() { quote!(Inline) } else { quote!(External) };
    let fields = record.sealed_fields().map(|(field, seal)| {
        let (constant, column, ty) = (&seal.constant, &field.column, type_text(&field.ty));
        quote!(#krate::record::FieldSchema::of(&Self::#constant, #column, #ty))
    });
    let compounds = record.compound_schemas();
    let ids = record.sealed_fields().map(|(_, seal)| &seal.id);
    quote! {
        &#krate::record::Schema::new(
            #name,
            #krate::record::Rows::#rows,
            #krate::record::KeysPlace::#keys,
            Self::COLUMNS,
            &[#(#fields),*],
            &[#(#compounds),*],
            &[#(#ids),*],
        )
    }
}

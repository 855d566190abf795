//! Reading and writing the row by rusqlite.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::LitStr;

use super::{all_at, local, placed};
use crate::generics::with_bounds;
use crate::record::valid::Record;

pub(crate) fn expand(record: &Record) -> TokenStream {
    let Record { krate, vis, sealed, .. } = record;
    let rusqlite = quote!(#krate::__private::rusqlite);
    let bounds = record.fields.iter().map(|field| {
        let column = field.column_type(krate);
        (&field.ty, quote!(#column: #rusqlite::types::FromSql + #rusqlite::ToSql))
    });
    let generics = with_bounds(&record.generics, bounds);
    let (parameters, _, where_clause) = generics.split_for_impl();
    let (_, arguments, _) = record.generics.split_for_impl();
    let row = local("row", Span::call_site());
    let columns = record.columns();
    let count = columns.len();
    let names = || {
        let keys = record.keys.iter().map(|keys| (keys, Span::call_site()));
        let fields = record.fields.iter();
        fields.map(|field| (&field.ident, field.span())).chain(keys)
    };
    let read = names().zip(&columns).map(|((name, span), column)| {
        let (column, row) = (LitStr::new(column, span), local("row", span));
        let get = all_at(quote!(#rusqlite::Row::get), span);
        quote_spanned!(span=> #name: #get(#row, #column)?)
    });
    let write = names().map(|(name, span)| {
        let name = placed(name, span);
        quote_spanned!(span=> &self.#name)
    });
    quote! {
        #[allow(dead_code, reason = "not every row is both read and written")]
        impl #parameters #sealed #arguments #where_clause {
            /// Reads the row from columns of these names.
            ///
            /// # Errors
            /// Those of rusqlite, for a column that is missing or holds another type.
            #vis fn from_row(#row: &#rusqlite::Row<'_>) -> #rusqlite::Result<Self> {
                ::core::result::Result::Ok(Self {
                    #(#read,)*
                })
            }

            /// The columns in the order of the row, as the parameters of a statement.
            #vis fn params(&self) -> [&dyn #rusqlite::ToSql; #count] {
                [#(#write),*]
            }
        }
    }
}

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
    let count = record.columns().len();
    let read = record.parts().map(|part| {
        let (name, span) = (part.ident(), part.span());
        let Some(column) = part.column() else {
            return quote!(#name: #krate::index::Terms::unread());
        };
        let (column, row) = (LitStr::new(&column, span), local("row", span));
        let get = all_at(quote!(#rusqlite::Row::get), span);
        quote_spanned!(span=> #name: #get(#row, #column)?)
    });
    let write = record.parts().filter(|part| part.column().is_some()).map(|part| {
        let span = part.span();
        let name = placed(part.ident(), span);
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

//! The implementations of the traits.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::companions::Of;
use super::{Part, all_at, local, placed};
use crate::list::generated_at;
use crate::record::valid::{Field, Mask, Record};

pub(crate) fn expand(record: &Record) -> TokenStream {
    let (of_record, of_row) = (of_record(record), of_row(record));
    let inline = record.keys.as_ref().map(|_| inline(record));
    let checked = checked(record);
    quote!(#of_record #of_row #inline #checked)
}

fn of_record(record: &Record) -> TokenStream {
    let Record { krate, ident, sealed, .. } = record;
    let (parameters, arguments, where_clause) = record.generics.split_for_impl();
    let (here, ids) = (Span::call_site(), ids(record));
    let sealer = local("sealer", here);
    let schema = record.constant(&Ident::new("SCHEMA", here), here);
    let parts = record.parts().map(|part| {
        let name = part.ident();
        let value = match part {
            Part::Field(field) => seal(record, field),
            Part::Index(..) | Part::Mask(..) => {
                record.accompany(part, Of::Record).unwrap_or_default()
            }
            Part::Keys(_) => quote!(#sealer.envelope()),
        };
        quote!(#name: #value)
    });
    quote! {
        #[automatically_derived]
        impl #parameters #krate::Record for #ident #arguments #where_clause {
            type Sealed = #sealed #arguments;

            const SCHEMA: &'static #krate::record::Schema<'static> = #schema;

            #ids

            fn seal_fields(
                &self,
                #sealer: &mut #krate::__private::Sealer<'_>,
            ) -> ::core::result::Result<Self::Sealed, #krate::Error> {
                ::core::result::Result::Ok(#sealed { #(#parts,)* })
            }
        }
    }
}

/// A field of the row: a sealed one's column.
fn seal(record: &Record, field: &Field) -> TokenStream {
    let name = &field.ident;
    let Some(seal) = &field.seal else {
        return clone(field);
    };
    let span = field.span();
    let (sealer, constant) = (local("sealer", span), record.constant(&seal.constant, span));
    let value = quote_spanned!(span=> #sealer.seal(&#constant, &self.#name)?);
    if seal.default.is_some() { quote!(::core::option::Option::Some(#value)) } else { value }
}

fn of_row(record: &Record) -> TokenStream {
    let Record { krate, ident, sealed, partial, .. } = record;
    let (parameters, arguments, where_clause) = record.generics.split_for_impl();
    let (ids, tags) = (ids(record), tags(record));
    let here = Span::call_site();
    let (opener, resealer) = (local("opener", here), local("resealer", here));
    let (opened, sealer) = (local("opened", here), local("sealer", here));
    let whole = record.fields.iter().map(|field| open(record, field, true));
    let single = record.parts().filter_map(|part| match part {
        Part::Field(field) => Some(open(record, field, false)),
        Part::Mask(mask, _) => Some(by_mask(record, mask, "opener")),
        Part::Index(..) | Part::Keys(_) => None,
    });
    let resealed = record.parts().map(|part| match part {
        Part::Field(field) => reseal(record, field),
        Part::Mask(mask, _) => {
            let mask = by_mask(record, mask, "resealer");
            quote!(#mask?)
        }
        Part::Index(..) | Part::Keys(_) => same(part),
    });
    let values = record.opened_values(&opened);
    let accompanied = record.parts().map(|part| {
        let name = part.ident();
        let value = record.accompany(part, Of::Opened);
        value.map_or_else(|| same(part), |value| quote!(#name: #value))
    });
    let table_terms = record.indexes().filter(|(index, _)| index.table).map(|(index, _)| {
        let (id, name) = (&index.id, &index.place.ident);
        quote!((#id, &self.#name))
    });
    let table_terms: Vec<TokenStream> = table_terms.collect();
    let envelope = record.keys.as_ref().map_or_else(
        || quote!(::core::option::Option::None),
        |keys| quote!(::core::option::Option::Some(&self.#keys)),
    );
    quote! {
        #[automatically_derived]
        impl #parameters #krate::SealedRecord for #sealed #arguments #where_clause {
            type Record = #ident #arguments;
            type Partial = #partial #arguments;

            fn key_envelope(&self) -> ::core::option::Option<&#krate::KeyEnvelope> {
                #envelope
            }

            #ids

            #tags

            fn open_fields(
                &self,
                #opener: &mut #krate::__private::Opener<'_>,
            ) -> ::core::result::Result<Self::Record, #krate::Error> {
                ::core::result::Result::Ok(#ident { #(#whole,)* })
            }

            fn open_fields_partial(
                &self,
                #opener: &mut #krate::__private::Opener<'_>,
            ) -> Self::Partial {
                #partial { #(#single,)* }
            }

            fn reseal_fields(
                &self,
                #resealer: &mut #krate::__private::Resealer<'_>,
            ) -> ::core::result::Result<Self, #krate::Error> {
                ::core::result::Result::Ok(#sealed { #(#resealed,)* })
            }

            fn accompany_fields(
                &self,
                #opened: Self::Partial,
                #sealer: &mut #krate::__private::Sealer<'_>,
            ) -> ::core::result::Result<Self, #krate::Error> {
                #(#values)*
                ::core::result::Result::Ok(#sealed { #(#accompanied,)* })
            }

            fn table_terms(&self) -> #krate::__private::Vec<(&'static str, &#krate::index::Terms)> {
                ::core::convert::From::from([#(#table_terms),*])
            }
        }
    }
}

/// A field of what the row opens to: a sealed one's value, or in part its result.
fn open(record: &Record, field: &Field, whole: bool) -> TokenStream {
    let name = &field.ident;
    let Some(seal) = &field.seal else {
        let clone = clone(field);
        return quote!(#name: #clone);
    };
    let span = seal.default.map_or_else(|| field.span(), generated_at);
    let opener = local("opener", span);
    let constant = record.constant(&seal.constant, span);
    let check = whole.then(|| quote_spanned!(span=> ?));
    let result = if seal.default.is_none() {
        quote_spanned!(span=> #opener.open(&#constant, &self.#name))
    } else {
        quote_spanned! {span=>
            #opener.open_or_default(
                &#constant,
                ::core::option::Option::as_ref(&self.#name),
            )
        }
    };
    quote!(#name: #result #check)
}

/// A field of the row, sealed again where that is due.
fn reseal(record: &Record, field: &Field) -> TokenStream {
    let name = &field.ident;
    let Some(seal) = &field.seal else {
        let clone = clone(field);
        return quote!(#name: #clone);
    };
    let span = field.span();
    let resealer = local("resealer", span);
    let constant = record.constant(&seal.constant, span);
    if seal.default.is_none() {
        quote_spanned!(span=> #name: #resealer.reseal(&#constant, &self.#name)?)
    } else {
        quote_spanned! {span=>
            #name: #resealer.reseal_or_default(
                &#constant,
                ::core::option::Option::as_ref(&self.#name),
            )?
        }
    }
}

/// A mask opened, or sealed again where that is due.
fn by_mask(record: &Record, mask: &Mask, by: &str) -> TokenStream {
    let (name, span) = (&mask.place.ident, mask.place.span());
    let (by, constant) = (local(by, span), record.constant(&mask.place.constant, span));
    quote_spanned!(span=> #name: #by.mask(&#constant, &self.#name))
}

/// A field of the row as it is.
fn same(part: Part<'_>) -> TokenStream {
    let span = part.span();
    if let Part::Field(field) = part
        && field.seal.is_none()
    {
        let (name, clone) = (&field.ident, clone(field));
        return quote!(#name: #clone);
    }
    let name = placed(part.ident(), span);
    quote_spanned!(span=> #name: ::core::clone::Clone::clone(&self.#name))
}

fn clone(field: &Field) -> TokenStream {
    let Field { ident, ty, .. } = field;
    quote_spanned!(field.span()=> <#ty as ::core::clone::Clone>::clone(&self.#ident))
}

/// `subject_id` and `row_id`, which both traits have.
fn ids(record: &Record) -> TokenStream {
    let Record { krate, subject, .. } = record;
    let id = |name: &Ident, of: TokenStream| {
        let field = record.fields.iter().find(|field| field.ident == *name);
        let span = field.map_or_else(|| name.span(), Field::span);
        let name = placed(name, span);
        let new = all_at(quote!(#krate::#of::new), span);
        quote_spanned!(span=> #new(&self.#name))
    };
    let subject = id(subject, quote!(SubjectId));
    let row = record.row.as_ref().map_or_else(
        || quote!(::core::result::Result::Ok(#krate::RowId::SINGLE)),
        |row| id(row, quote!(RowId)),
    );
    quote! {
        fn subject_id(&self) -> ::core::result::Result<#krate::SubjectId, #krate::Error> {
            #subject
        }

        fn row_id(&self) -> ::core::result::Result<#krate::RowId, #krate::Error> {
            #row
        }
    }
}

/// `key_tags`
fn tags(record: &Record) -> TokenStream {
    let krate = &record.krate;
    let tags = local("tags", Span::call_site());
    let push = record.parts().filter_map(|part| {
        let (ty, default) = match part {
            Part::Field(field) => {
                let ty = &field.ty;
                (quote!(#ty), field.seal.as_ref()?.default)
            }
            Part::Mask(..) => (quote!(::core::option::Option<#krate::field::Masked>), None),
            Part::Index(..) | Part::Keys(_) => return None,
        };
        let (name, span) = (part.ident(), part.span());
        let (tags, column) = (local("tags", span), local("column", span));
        let columns = if default.is_some() {
            quote_spanned!(span=> &self.#name)
        } else {
            quote_spanned!(span=> ::core::option::Option::Some(&self.#name))
        };
        Some(quote_spanned! {span=>
            if let ::core::option::Option::Some(#column) = #columns {
                ::core::iter::Extend::extend(&mut #tags, #krate::field::Column::<#ty>::key_tag(#column));
            }
        })
    });
    quote! {
        fn key_tags(&self) -> #krate::__private::Vec<[u8; 4]> {
            let mut #tags = #krate::__private::Vec::new();
            #(#push)*
            #tags
        }
    }
}

fn inline(record: &Record) -> TokenStream {
    let Record { krate, ident, .. } = record;
    let (parameters, arguments, where_clause) = record.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters #krate::record::InlineKeys for #ident #arguments #where_clause {}
    }
}

/// A contradictory schema does not compile, used or not.
fn checked(record: &Record) -> Option<TokenStream> {
    let Record { krate, ident, .. } = record;
    record.generics.params.is_empty().then(|| {
        quote! {
            const _: &#krate::record::Schema<'_> = <#ident as #krate::Record>::SCHEMA;
        }
    })
}

//! The constants of indexes and masks, and how they are written with their fields.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::Ident;
use syn::ext::IdentExt as _;

use super::super::attr::How;
use super::super::valid::{Field, Index, Mask, Readers, Record, SealedField, Shape};
use super::{Part, all_at, local, placed};

/// Where the values are that terms and masks are made of.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Of {
    /// In `self`.
    Record,
    /// In `opened`, to which the row `self` opens.
    Opened,
}

impl Record {
    /// The constants of indexes and masks.
    pub(super) fn companion_constants(&self) -> impl Iterator<Item = TokenStream> {
        self.parts().filter_map(|part| match part {
            Part::Index(index, field) => Some(self.index_constant(index, field)),
            Part::Mask(mask, field) => Some(self.mask_constant(mask, field)),
            Part::Field(_) | Part::Keys(_) => None,
        })
    }

    fn index_constant(&self, index: &Index, field: Option<&Field>) -> TokenStream {
        let Self { krate, vis, name, .. } = self;
        let (constant, id) = (&index.place.constant, &index.id);
        let doc = match field {
            Some(field) => format!("What the sealed field `{}` is found by.", field.column),
            None => "What several sealed fields are found by together.".to_owned(),
        };
        let ty = self.indexed_type(index, field);
        let (kind, new) = match &index.shape {
            Shape::Exact => (quote!(field::OneTerm), quote!(exact(#name, #id))),
            Shape::Prefix(max) => (quote!(field::ManyTerms), quote!(prefix(#name, #id, #max))),
            Shape::Words => (quote!(field::ManyTerms), quote!(words(#name, #id))),
            Shape::Range(domain) => (quote!(field::ManyTerms), quote!(range(#name, #id, #domain))),
            Shape::Compound(parts) => {
                let parts = parts.iter().map(|(_, normalizer)| {
                    normalizer.clone().unwrap_or_else(|| quote!(#krate::index::Normalizer::NONE))
                });
                (quote!(field::OneTerm), quote!(compound(#name, #id, &[#(#parts),*])))
            }
        };
        let normalized = index.normalizer.as_ref().map(|by| quote!(.normalized(#by)));
        let levels = index.levels.map(|levels| quote!(.levels(#levels)));
        let bits = index.bits.map(|bits| quote!(.bits(#bits)));
        let cardinality = index.cardinality.map(|values| quote!(.cardinality(#values)));
        let measured = index.measured.then(|| quote!(.measured()));
        let allowed = index.allow_leakage.as_ref().map(|why| quote!(.allow_leakage(#why)));
        let lenient = index.lenient.then(|| quote!(.lenient()));
        let ty = quote!(#krate::Index<#ty, #krate::#kind>);
        quote! {
            #[doc = #doc]
            #vis const #constant: #ty =
                <#ty>::#new #normalized #levels #bits #cardinality #measured #allowed #lenient;
        }
    }

    /// The type of the values that an index is of.
    fn indexed_type(&self, index: &Index, field: Option<&Field>) -> TokenStream {
        let types = match field {
            Some(field) => {
                let ty = &field.ty;
                return quote!(#ty);
            }
            None => self.compound_fields(index).map(|field| &field.ty),
        };
        quote!((#(#types),*))
    }

    /// The fields that a compound index is of, in the order of its parts.
    fn compound_fields(&self, index: &Index) -> impl Iterator<Item = &Field> {
        let parts = match &index.shape {
            Shape::Compound(parts) => parts.as_slice(),
            _ => &[],
        };
        parts
            .iter()
            .filter_map(|(name, _)| self.fields.iter().find(|field| name.unraw() == field.column))
    }

    fn mask_constant(&self, mask: &Mask, field: &Field) -> TokenStream {
        let Self { krate, vis, name, .. } = self;
        let Some(seal) = field.seal() else { return TokenStream::new() };
        let (constant, id) = (&mask.place.constant, &seal.id);
        let doc =
            format!("What the readers of its mask see of the sealed field `{}`.", field.column);
        let rows = self.rows();
        let readers = match &mask.readers {
            Readers::OfClass(_) => None,
            Readers::Named(readers) => Some(quote!(&[#(#readers),*])),
        };
        let of = |source: &TokenStream| {
            quote! {
                #krate::Class::mask_of(
                    &#source,
                    const { &#krate::class::MaskName::of(&#source) },
                    #readers,
                )
            }
        };
        let class = match &mask.readers {
            Readers::OfClass(class) => class.clone(),
            Readers::Named(_) => of(&self.class(seal)),
        };
        let was = match (&mask.was, &seal.was, &readers) {
            (Some(was), _, _) => Some(quote!(.was(#was))),
            // The field moved to another class, and its mask with it.
            (None, Some(was), Some(_)) => {
                let was = of(was);
                Some(quote!(.was(#was)))
            }
            _ => None,
        };
        let how = match &mask.how {
            How::Named(how) => {
                let how = Ident::new(how, Span::call_site());
                quote!(#krate::field::Masking::#how)
            }
            How::Custom(name, by) => quote!(#krate::field::Masking::custom(#name, #by)),
        };
        let pad = match (mask.pad, seal.hide_null) {
            (pad, true) => {
                let pad = pad.unwrap_or(hiding(&mask.how));
                Some(quote!(.hide_null(#pad)))
            }
            (Some(pad), false) => Some(quote!(.pad(#pad))),
            (None, false) => None,
        };
        let ty = &field.ty;
        let ty = quote!(#krate::Mask<#ty, #krate::#rows>);
        quote! {
            #[doc = #doc]
            #vis const #constant: #ty = <#ty>::new(#name, #id, #class, #how) #pad #was;
        }
    }

    /// The field with what is written with it, and the last parameter of its type.
    pub(super) fn accompanied(
        &self,
        alone: &TokenStream,
        field: &Field,
        seal: &SealedField,
    ) -> (TokenStream, TokenStream) {
        let krate = &self.krate;
        let indexes = seal.indexes.iter().map(|index| self.index_companion(index));
        let mask = seal.mask.iter().map(|mask| {
            let (constant, column) = (&mask.place.constant, &mask.place.column);
            quote!(#krate::field::Companion::mask(&Self::#constant, #column))
        });
        let companions: Vec<TokenStream> = indexes.chain(mask).collect();
        let column = &field.column;
        // This is where a declaration that tells too much is refused.
        let mut places = seal.indexes.iter().map(|index| &index.place);
        let places = (places.next(), places.next(), seal.mask.as_ref().map(|mask| &mask.place));
        let span = match places {
            (Some(only), None, None) | (None, None, Some(only)) => only.span(),
            _ => field.span(),
        };
        let (with, kind) = if companions.is_empty() {
            (alone.clone(), quote!(field::ValueOnly))
        } else {
            let with = all_at(quote!(#krate::Field::with), span);
            let with = quote_spanned!(span=> #with(#alone, #column, &[#(#companions),*]));
            (with, quote!(field::WithCompanions))
        };
        let mut parts = self.compounds.iter().flat_map(|index| self.compound_fields(index));
        if parts.any(|part| part.column == field.column) {
            (quote!(#with.in_compound()), quote!(field::InCompound))
        } else {
            (with, kind)
        }
    }

    fn index_companion(&self, index: &Index) -> TokenStream {
        let krate = &self.krate;
        let (constant, column) = (&index.place.constant, &index.place.column);
        if index.table {
            quote!(#krate::field::Companion::in_table(&Self::#constant))
        } else {
            quote!(#krate::field::Companion::index(&Self::#constant, #column))
        }
    }

    /// The schemas of the compound indexes.
    pub(super) fn compound_schemas(&self) -> impl Iterator<Item = TokenStream> {
        let krate = &self.krate;
        self.compounds.iter().map(move |index| {
            let companion = self.index_companion(index);
            let parts = self.compound_fields(index).filter_map(|field| Some(&field.seal()?.id));
            let of = all_at(quote!(#krate::record::Compound::of), index.place.span());
            quote_spanned!(index.place.span()=> #of(#companion, &[#(#parts),*]))
        })
    }

    /// The terms of an index, or a mask, made by `sealer`.
    pub(super) fn accompany(&self, part: Part<'_>, of: Of) -> Option<TokenStream> {
        let krate = &self.krate;
        let (fields, place, method, none): (Vec<&Field>, _, _, _) = match part {
            Part::Field(_) | Part::Keys(_) => return None,
            Part::Mask(mask, field) => {
                (vec![field], &mask.place, "mask", quote!(::core::option::Option::None))
            }
            Part::Index(index, field) => {
                let fields = match field {
                    Some(field) => vec![field],
                    None => self.compound_fields(index).collect(),
                };
                if index.shape.is_many() {
                    let none =
                        quote!(#krate::index::Terms::from_terms(#krate::__private::Vec::new()));
                    (fields, &index.place, "terms", none)
                } else {
                    (fields, &index.place, "term", quote!(::core::option::Option::None))
                }
            }
        };
        let span = match fields.as_slice() {
            [field] => field.span(),
            _ => place.span(),
        };
        let (sealer, constant) = (local("sealer", span), self.constant(&place.constant, span));
        let method = Ident::new(method, span);
        let made = |values: &[TokenStream]| {
            let value = match values {
                [value] => value.clone(),
                _ => quote_spanned!(span=> &(#(#values),*)),
            };
            quote_spanned!(span=> #sealer.#method(&#constant, #value)?)
        };
        let values = |of: &dyn Fn(&Field) -> TokenStream| -> Vec<TokenStream> {
            fields.iter().map(|field| of(field)).collect()
        };
        Some(match of {
            Of::Record => made(&values(&|field| {
                let name = placed(&field.ident, span);
                quote_spanned!(span=> &self.#name)
            })),
            Of::Opened => {
                let opened = values(&|field| opened(field, span).into_token_stream());
                let names = values(&|field| local_value(field, span).into_token_stream());
                let some = quote!(::core::option::Option::Some);
                let (made, none) = match part {
                    // It was erased with its value, or stays what it was.
                    Part::Mask(..) => {
                        let mask = placed(&place.ident, span);
                        (
                            quote_spanned!(span=> #sealer.mask_again(&#constant, #(#names),*, &self.#mask)?),
                            quote_spanned!(span=> ::core::clone::Clone::clone(&self.#mask)),
                        )
                    }
                    _ => (made(&names), none),
                };
                quote_spanned! {span=>
                    match (#(&#opened,)*) {
                        (#(#some(#names),)*) => #made,
                        _ => #none,
                    }
                }
            }
        })
    }

    /// The values that terms and masks are made of, out of what the row opened to; `None` where a value is
    /// gone, or is not in the row.
    pub(super) fn opened_values(&self, partial: &Ident) -> impl Iterator<Item = TokenStream> {
        let in_compound = |field: &Field| {
            let mut parts = self.compounds.iter().flat_map(|index| self.compound_fields(index));
            parts.any(|part| part.column == field.column)
        };
        self.sealed_fields().filter_map(move |(field, seal)| {
            if seal.indexes.is_empty() && seal.mask.is_none() && !in_compound(field) {
                return None;
            }
            let span = field.span();
            let (name, value) = (placed(&field.ident, span), opened(field, span));
            let (sealer, partial) = (local("sealer", span), placed(partial, partial.span()));
            let opened = quote_spanned!(span=> #sealer.opened(#partial.#name)?);
            // A value that is not in the row opens to the default, and has no terms.
            let opened = if seal.default.is_some() {
                quote_spanned! {span=>
                    if ::core::option::Option::is_some(&self.#name) {
                        #opened
                    } else {
                        ::core::option::Option::None
                    }
                }
            } else {
                opened
            };
            Some(quote_spanned!(span=> let #value = #opened;))
        })
    }
}

/// The variable of a value that the row opened to, if it did.
fn opened(field: &Field, span: Span) -> Ident {
    local(&format!("opened_{}", field.column), span)
}

/// The variable of the value itself.
fn local_value(field: &Field, span: Span) -> Ident {
    local(&format!("value_{}", field.column), span)
}

/// The length in which a mask hides absence, unless another is given: the usual one of its kind.
fn hiding(how: &How) -> u16 {
    match how {
        How::Named("EMAIL") | How::Custom(..) => 64,
        How::Named(_) => 32,
    }
}

//! `#[derive(SealValue)]`

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Error, Field, Member, Path, Result, parse_quote};

use crate::errors::Errors;
use crate::generics::with_bounds;
use crate::list::{generated_at, once, path, read_attributes, unknown};

pub(crate) fn derive(input: DeriveInput) -> Result<TokenStream> {
    let mut errors = Errors::default();
    let mut krate = None;
    read_attributes(&input.attrs, "seal_value", &mut errors, |word, from, _| {
        match word.to_string().as_str() {
            "crate" => once(&mut krate, word, path(word, from)?),
            _ => Err(unknown(word, &["crate"])),
        }
    });
    let krate = krate.unwrap_or_else(|| parse_quote!(::fieldseal));
    let inner = only_field(&input).map_err(|error| errors.push(error)).ok();
    let inner = errors.or(inner)?;
    Ok(expand(&input, &krate, inner))
}

/// The field of a newtype.
fn only_field(input: &DeriveInput) -> Result<(Member, &Field)> {
    const WHAT: &str = "a newtype is a struct of one field";
    const INSTEAD: &str =
        "seal a value of several parts or kinds as `Structured<T>` (feature `serde`)";
    match &input.data {
        Data::Struct(data) => {
            let mut fields = data.fields.members().zip(&data.fields);
            match (fields.next(), fields.next()) {
                (Some(field), None) => Ok(field),
                (None, _) => {
                    Err(Error::new_spanned(&input.ident, format_args!("{WHAT}, and this has none")))
                }
                (_, Some((_, second))) => Err(Error::new_spanned(
                    second,
                    format_args!("{WHAT}, and this is another: {INSTEAD}"),
                )),
            }
        }
        Data::Enum(data) => {
            Err(Error::new_spanned(data.enum_token, format_args!("{WHAT}, not an enum: {INSTEAD}")))
        }
        Data::Union(data) => Err(Error::new_spanned(
            data.union_token,
            format_args!("{WHAT}, not a union: {INSTEAD}"),
        )),
    }
}

fn expand(input: &DeriveInput, krate: &Path, (member, inner): (Member, &Field)) -> TokenStream {
    let (ident, ty) = (&input.ident, &inner.ty);
    let bound = (ty, quote!(#ty: #krate::field::NotNull));
    let generics = with_bounds(&input.generics, [bound]);
    let (parameters, arguments, where_clause) = generics.split_for_impl();
    let span = generated_at(ty.span());
    // This is where a type that can be absent is refused.
    let encode = quote_spanned!(span=> #krate::__private::encode_inner::<#ty>);
    let decode = quote_spanned!(span=> <#ty as #krate::SealValue>::decode);
    quote! {
        #[automatically_derived]
        impl #parameters #krate::SealValue for #ident #arguments #where_clause {
            type Column = #krate::Sealed<Self>;

            const KIND: #krate::field::ValueKind = <#ty as #krate::SealValue>::KIND;
            const LIMIT: ::core::option::Option<#krate::field::Limit> = <#ty as #krate::SealValue>::LIMIT;

            fn encode(
                &self,
                __to: &mut #krate::field::Encoder<'_>,
            ) -> ::core::result::Result<(), #krate::Error> {
                #encode(&self.#member, __to)
            }

            fn decode(
                __from: &mut #krate::field::Decoder<'_>,
            ) -> ::core::result::Result<Self, #krate::Error> {
                ::core::result::Result::Ok(Self { #member: #decode(__from)? })
            }
        }

        #[automatically_derived]
        impl #parameters #krate::field::NotNull for #ident #arguments #where_clause {}
    }
}

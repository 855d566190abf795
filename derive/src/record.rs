//! `#[derive(Record)]`: attributes are parsed, checked, and expanded, in this order.

mod attr;
mod expand;
mod valid;

use proc_macro2::TokenStream;
use syn::{DeriveInput, Result};

pub(crate) fn derive(input: DeriveInput) -> Result<TokenStream> {
    valid::check(input).map(|record| expand::expand(&record))
}

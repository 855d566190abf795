//! The derive macros of fieldseal.

//! What an administrator does in the life of a subject, at a place with a shop.

#![allow(unreachable_pub, reason = "shared by the test binaries")]

use super::stores::OWN;
use super::{Place, Ran};

pub const LEDGER: [&str; 2] = ["--ledger", "ledger"];
pub const INTEGER: [&str; 2] = ["--as", "integer"];
pub const EVIDENCE: [&str; 4] = ["--source", "form /signup", "--notice", "2026-03"];
pub const MARKETING: [&str; 6] =
    ["--class", "contact", "--role", "marketing", "--classes", "classes.json"];

/// With where, on whose account, and how ids are typed.
pub fn run(place: &Place, args: &[&str]) -> Ran {
    place.run(&[args, &OWN, &LEDGER, &INTEGER].concat())
}

pub fn ok(place: &Place, args: &[&str]) -> Ran {
    let ran = run(place, args);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

pub fn verifying_key(place: &Place) -> String {
    place.ok(&["ring", "verifying-key"]).trim().to_owned()
}

pub fn grant(place: &Place, subject: &str, history: &str) -> Ran {
    run(place, &[&["grant", subject, "--history", history][..], &MARKETING, &EVIDENCE].concat())
}

pub fn withdraw(place: &Place, subject: &str) -> Ran {
    run(place, &[&["withdraw", subject][..], &MARKETING].concat())
}

/// The ring of a service that has this role alone.
pub fn service(place: &Place, role: &str) -> fieldseal::KeyRing {
    place.ring().subset(&[role]).unwrap().into_ring()
}

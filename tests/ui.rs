//! What must not compile, and what the compiler says of it.

#![cfg(feature = "derive")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is a test, and says why it is skipped"
)]

use std::process::Command;

/// The words of the compiler differ between versions; these files are in those of this one.
const RUSTC: &str = "rustc 1.95.0";

#[test]
fn mistakes_do_not_compile_and_say_what_to_write_instead() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    if !version.starts_with(RUSTC) {
        println!("skipped: tests/ui/*.stderr are those of {RUSTC}, and this is {version}");
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    if cfg!(feature = "serde") {
        cases.compile_fail("tests/ui/serde/*.rs");
    } else {
        println!("skipped: tests/ui/serde, of the feature `serde`");
    }
    if cfg!(feature = "phone") {
        cases.compile_fail("tests/ui/phone/*.rs");
    } else {
        println!("skipped: tests/ui/phone, of the feature `phone`");
    }
    if OTHER_VALUES {
        println!("skipped: tests/ui/values/*.stderr list the values there are without features");
    } else {
        cases.compile_fail("tests/ui/values/*.rs");
    }
}

const OTHER_VALUES: bool = cfg!(any(
    feature = "chrono",
    feature = "jiff",
    feature = "rust_decimal",
    feature = "serde",
    feature = "time",
    feature = "uuid",
));

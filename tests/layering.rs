//! The layering of docs/DESIGN.md: a module imports only from rows below its own, or from its own
//! folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

/// The rows, from the bottom. A row may import from those below it.
const ROWS: &[&[&str]] = &[
    &["secret", "error"],
    &["aead", "cbor", "class", "clock", "context", "encoding", "kdf", "random"],
    &["sign", "wrap"],
    &["keyring"],
    &["access", "envelope"],
    &["index", "pseudonym"],
    &["field"],
    &["record"],
    &["anonymous", "jobs", "ledger"],
    &["integrations", "store"],
];

/// Modules that may import from others of their own row.
const WITHIN_ROW: &[(&str, &str)] = &[
    ("secret", "error"),
    // A class is declared by names.
    ("class", "context"),
    ("context", "encoding"),
    // Data keys are used by someone, who asks for access.
    ("envelope", "access"),
];

/// Crates that only these modules import: primitives, and what draws randomness. All in rows 1 and 2,
/// but for Shamir's scheme, which is used for one thing.
const PRIMITIVES: &[(&str, &[&str])] = &[
    ("argon2", &["kdf"]),
    ("aws_lc_rs", &["aead"]),
    ("base64ct", &["encoding"]),
    ("chacha20", &["aead", "random"]),
    ("chacha20poly1305", &["aead"]),
    ("data_encoding", &["encoding"]),
    ("ed25519_dalek", &["sign"]),
    ("getrandom", &["random"]),
    ("hkdf", &["kdf"]),
    ("hmac", &["kdf"]),
    ("hpke", &["wrap"]),
    ("libcrux_chacha20poly1305", &["aead"]),
    ("sha2", &["kdf"]),
    ("subtle", &["secret"]),
    ("vsss_rs", &["keyring"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// Every source file with its top-level module and its text without tests and comments.
fn modules() -> Vec<(PathBuf, String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    files
        .into_iter()
        .filter(|path| !path.ends_with("lib.rs") && !path.ends_with("tests.rs"))
        .map(|path| {
            let relative = path.strip_prefix(&src).unwrap();
            let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
            let module = first.trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            let code = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect::<Vec<_>>()
                .join("\n");
            (path, module, code)
        })
        .collect()
}

fn row(module: &str) -> usize {
    ROWS.iter().position(|row| row.contains(&module)).unwrap_or_else(|| {
        panic!("module `{module}` stands in no row: place it, and say so in docs/DESIGN.md")
    })
}

#[test]
fn modules_import_from_rows_below_only() {
    let mut broken = Vec::new();
    for (path, module, code) in modules() {
        if module == "fuzzing" {
            continue;
        }
        for part in code.split("crate::").skip(1) {
            let target: String =
                part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if target.is_empty()
                || target == module
                || !target.starts_with(|c: char| c.is_ascii_lowercase())
            {
                continue;
            }
            let allowed = row(&target) < row(&module)
                || WITHIN_ROW.contains(&(module.as_str(), target.as_str()));
            if !allowed {
                broken.push(format!("{} imports {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "imports must point downward:\n{}", broken.join("\n"));
}

#[test]
fn primitives_are_imported_in_their_places_only() {
    let mut broken = Vec::new();
    for (path, module, code) in modules() {
        for (name, places) in PRIMITIVES {
            let used = code.match_indices(&format!("{name}::")).any(|(at, _)| {
                !code
                    .get(..at)
                    .unwrap()
                    .ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
            });
            if used && !places.contains(&module.as_str()) {
                broken.push(format!("{} uses {name}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "primitives belong in their places:\n{}", broken.join("\n"));
}

#[test]
fn files_stay_readable() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "cli/src", "cli/tests", "derive/src", "tests", "examples", "benches"] {
        if root.join(folder).is_dir() {
            sources(&root.join(folder), &mut files);
        }
    }
    assert!(files.len() > 30, "the source files were found");
    let long: Vec<_> = files
        .iter()
        .map(|path| (path, fs::read_to_string(path).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > 620)
        .collect();
    assert!(long.is_empty(), "split these: {long:?}");
}

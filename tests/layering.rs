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
    &["audit"],
    &["access", "envelope"],
    &["index", "pseudonym"],
    &["field"],
    &["record"],
    &["export", "jobs", "ledger"],
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

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

/// The lines of a document that are not code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_fence && !is_code
    })
}

fn anchors(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() < line.len() && heading.starts_with(' ') {
            let first = anchor(heading);
            let again = found.iter().filter(|known| **known == first).count();
            found.push(if again == 0 { first } else { format!("{first}-{again}") });
        }
    }
    found
}

const DOCUMENTS: &[&str] = &[
    "README.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/DESIGN.md",
    "docs/FORMAT.md",
    "docs/SCHEMA.md",
    "cli/README.md",
    "examples/data/README.md",
    "tests/reference/README.md",
    "tests/vectors/README.md",
];

#[test]
fn each_link_of_a_document_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut dead = Vec::new();
    let mut links = 0;
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let text: String = prose(&text).map(|line| format!("{line}\n")).collect();
        let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let named = text.split("]: ").skip(1).filter_map(|rest| rest.split_once('\n'));
        for link in inline.chain(named).map(|(link, _)| link) {
            let is_link = !link.contains(char::is_whitespace) && !link.contains("://");
            if !is_link || !(link.contains('#') || link.contains('.')) {
                continue;
            }
            links += 1;
            let (path, place) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => root.join(document),
                _ => root.join(document).parent().unwrap().join(path),
            };
            let is_there = target.exists()
                && (place.is_empty()
                    || fs::read_to_string(&target)
                        .is_ok_and(|text| anchors(&text).iter().any(|known| known == place)));
            if !is_there {
                dead.push(format!("{document}: {link}"));
            }
        }
    }
    assert!(links > 60, "the links were found: {links}");
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn the_contents_of_the_threat_model_list_each_section() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let sections: Vec<String> = prose(&text)
        .filter_map(|line| line.strip_prefix("## "))
        .filter_map(|heading| heading.split_once(". "))
        .map(|(number, title)| {
            format!("{number}. [{title}](#{})", anchor(&format!("{number}. {title}")))
        })
        .collect();
    let contents = text.split("\nContents:\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let listed: Vec<&str> = contents.lines().filter(|line| !line.is_empty()).collect();
    assert!(sections.len() > 20);
    assert_eq!(listed, sections);
}

/// A list by hand leaves out the class that only a mask brings.
#[test]
fn no_example_lists_classes_by_hand() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md")];
    for page in fs::read_dir(root.join("docs/guide")).unwrap() {
        files.push(page.unwrap().path());
    }
    for folder in ["src", "examples", "derive/src"] {
        sources(&root.join(folder), &mut files);
    }
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for call in ["DataKeys::create(", ".rewrap(", ".ensure(", "Replay::new("] {
            for (_, rest) in
                text.match_indices(call).map(|(at, found)| text.split_at(at + found.len()))
            {
                let arguments = rest.split_once(";").map_or(rest, |(arguments, _)| arguments);
                let listed = arguments
                    .split('[')
                    .skip(1)
                    .any(|list| list.starts_with(|first: char| first.is_ascii_uppercase()));
                assert!(!listed, "{}: {call}{arguments}", file.display());
            }
        }
    }
}

//! The clauses of FORMAT.md and CONDUCT.md: each once, each that is quoted there, and which of them no vector
//! names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

const TEXTS: [&str; 2] = ["docs/FORMAT.md", "docs/CONDUCT.md"];

/// The ids that the two texts define.
fn defined() -> Vec<String> {
    let of = |path: &str| -> Vec<String> {
        read(path)
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("- `[")?.split_once("]`"))
            .map(|(id, _)| id.to_owned())
            .collect()
    };
    TEXTS.into_iter().flat_map(of).collect()
}

/// What looks like an id of these families: letters, `-`, a number, and nothing around it.
fn quoted(text: &str, families: &BTreeSet<String>) -> BTreeSet<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_id = |word: &&str| {
        word.split_once('-').is_some_and(|(family, number)| {
            families.contains(family)
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    text.split(|c| !part(c)).filter(is_id).map(Into::into).collect()
}

fn files_below(folder: PathBuf, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let kept = ["rs", "md", "py", "toml"];
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "__pycache__" {
                files_below(path, out);
            }
        } else if path.extension().is_some_and(|ext| kept.iter().any(|kept| ext == *kept)) {
            out.push(path);
        }
    }
}

#[test]
fn every_clause_stands_once_in_the_format_or_in_the_rules_of_conduct() {
    let mut seen = BTreeSet::new();
    for id in defined() {
        assert!(seen.insert(id.clone()), "{id} stands twice");
    }
    assert!(seen.len() > 200, "{}", seen.len());
}

#[test]
fn every_clause_that_is_quoted_exists() {
    let defined: BTreeSet<String> = defined().into_iter().collect();
    let families = defined.iter().map(|id| id.split_once('-').unwrap().0.to_owned()).collect();
    let mut files = Vec::new();
    for folder in ["src", "cli/src", "cli/tests", "derive", "docs", "tests", "examples", "fuzz"] {
        files_below(root().join(folder), &mut files);
    }
    files.extend(
        ["README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"]
            .map(|name| root().join(name)),
    );
    let mut unknown = BTreeMap::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for id in quoted(&text, &families).difference(&defined) {
            unknown.entry(id.clone()).or_insert_with(Vec::new).push(path.clone());
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn the_contents_of_format_and_conduct_list_every_section() {
    for path in TEXTS {
        let text = read(path);
        let sections = text.lines().filter_map(|line| line.strip_prefix("## "));
        for title in sections.filter(|title| *title != "Contents") {
            let anchor: String = title
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect();
            assert!(text.contains(&format!("- [{title}](#{anchor})")), "{path}: {title}");
        }
    }
}

/// The ids that stand in the first column of the README's table under this heading.
fn listed(heading: &str, families: &BTreeSet<String>) -> BTreeSet<String> {
    let text = read("tests/vectors/README.md");
    let part = text.split(&format!("\n### {heading}\n")).nth(1).unwrap();
    let part = part.split("\n## ").next().unwrap().split("\n### ").next().unwrap();
    let columns = part.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    columns.flat_map(|column| quoted(column, families)).collect()
}

fn covered(folder: PathBuf, out: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            covered(path, out);
        } else if path.extension().is_some_and(|ext| ext == "json") {
            let file: Value =
                serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            let covers = file["covers"].as_array().into_iter().flatten();
            out.extend(covers.map(|id| id.as_str().unwrap().to_owned()));
        }
    }
}

/// So that the number of clauses without a vector is a figure, and each has its reason.
#[test]
fn every_clause_is_named_by_a_vector_or_stands_in_the_readme_with_the_reason() {
    let defined: BTreeSet<String> = defined().into_iter().collect();
    let families = defined.iter().map(|id| id.split_once('-').unwrap().0.to_owned()).collect();
    let mut named = BTreeSet::new();
    covered(root().join("tests/vectors"), &mut named);
    let strange: Vec<_> = named.difference(&defined).collect();
    assert!(strange.is_empty(), "vectors name clauses that do not exist: {strange:?}");
    let shown = listed("Shown by every file, and named by none", &families);
    let without = listed("Covered by none", &families);
    assert!(shown.is_disjoint(&without));
    let listed: BTreeSet<String> = shown.union(&without).cloned().collect();
    let missing: BTreeSet<String> = defined.difference(&named).cloned().collect();
    assert_eq!(listed, missing, "left: in the README, right: named by no vector");
    let count = format!(
        "Vectors name all clauses but {}: {} of these are shown by every file, and {} are covered by none.",
        missing.len(),
        shown.len(),
        without.len()
    );
    assert!(read("tests/vectors/README.md").contains(&count), "the README should say: {count}");
}

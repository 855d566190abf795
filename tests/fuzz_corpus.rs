//! Replays the fuzzers' corpora, and each of their inputs cut and damaged, through the same functions.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first claim that does not hold"
)]
#![allow(dead_code, reason = "the helpers serve several tests")]

#[path = "support"]
mod support {
    pub(crate) mod forge;
    pub(crate) mod seeds;
    pub(crate) mod targets;
}

use std::path::Path;

use support::targets::run;

/// The inputs of each target; none where the crate was packaged without them.
fn corpora() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut inputs = Vec::new();
    for target in std::fs::read_dir(root).into_iter().flatten() {
        let target = target.unwrap();
        for input in std::fs::read_dir(target.path()).unwrap() {
            let name = target.file_name().into_string().unwrap();
            inputs.push((name, std::fs::read(input.unwrap().path()).unwrap()));
        }
    }
    inputs
}

#[test]
fn every_input_of_the_corpora_passes() {
    let inputs = corpora();
    assert!(!inputs.is_empty() || !Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").exists());
    for (target, data) in &inputs {
        run(target, data);
    }
}

#[test]
fn every_input_passes_when_cut_or_damaged() {
    for (target, data) in &corpora() {
        let step = data.len() / 24 + 1;
        for at in (0..data.len()).step_by(step) {
            run(target, &data[..at]);
            let mut damaged = data.clone();
            damaged[at] ^= 1 << (at % 8);
            run(target, &damaged);
        }
    }
}

/// Writes the inputs that the fuzzers begin with. Run it knowingly, by name, with `--ignored`.
#[test]
#[ignore = "writes fuzz/corpus"]
fn write_seeds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (target, name, bytes) in support::seeds::all() {
        let directory = root.join(target);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(name), bytes).unwrap();
    }
}

/// Else the fuzzer would begin with documents that are refused.
#[cfg(feature = "schema")]
#[test]
fn the_schemas_that_the_fuzzer_begins_with_are_read() {
    let seeds = support::seeds::all();
    let schemas: Vec<_> = seeds.iter().filter(|(target, ..)| *target == "schema").collect();
    assert_eq!(schemas.len(), 2);
    for (_, name, json) in schemas {
        support::targets::schemas::read(std::str::from_utf8(json).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

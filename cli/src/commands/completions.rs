//! `fieldseal completions`.

use clap::CommandFactory as _;

use crate::args::{Cli, Completions};
use crate::exit::Failure;
use crate::output::Output;

pub(super) fn run(asked: &Completions, output: &Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Cli::command(), "fieldseal", &mut script);
    output.bytes(&script)
}

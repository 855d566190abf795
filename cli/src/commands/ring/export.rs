//! `fieldseal ring export --unprotected`: the secrets in the clear, and nowhere else.

use serde_json::json;

use crate::args::ring::Export;
use crate::exit::Failure;
use crate::files;
use crate::session::Session;

pub(super) fn run(asked: &Export, session: &Session<'_>) -> Result<(), Failure> {
    // Clap has made sure that it was said.
    debug_assert!(asked.unprotected);
    if let Some(path) = &asked.output {
        files::check_absent(path)?;
    }
    let mut document = session.open(&asked.unlocking)?;
    let fingerprint = if let Some(path) = &asked.output {
        let fingerprint = session.file_at(path).create_unprotected(&mut document)?;
        let json = json!({
            "ring": path.display().to_string(),
            "generation": document.generation(),
            "fingerprint": fingerprint.to_string(),
        });
        let text = format!("made {}\nfingerprint {fingerprint}", path.display());
        session.output.result(&json, &text)?;
        fingerprint
    } else {
        let (text, fingerprint) = document.to_unprotected_json()?;
        session.output.bytes(text.as_bytes())?;
        session.output.talk(format_args!("fingerprint {fingerprint}"));
        fingerprint
    };
    session.output.warning("the secrets stand in the clear: whoever reads them has every key");
    session.output.next(format_args!(
        "put it where secrets are kept, and remove this copy; it is taken by --fingerprint {fingerprint}"
    ));
    Ok(())
}

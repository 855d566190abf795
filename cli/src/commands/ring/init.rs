//! `fieldseal ring init`.

use std::path::PathBuf;

use fieldseal::keyring::{Fingerprint, RingDocument};
use fieldseal::{ErrorKind, KeyRing};

use super::view::made_json;
use crate::args::ring::Init;
use crate::exit::Failure;
use crate::files;
use crate::secrets::making::{KeyFile, Making};
use crate::session::Session;

pub(super) fn run(asked: &Init, session: &Session<'_>) -> Result<(), Failure> {
    let path = session.path();
    files::check_absent(&path).map_err(|failure| {
        failure.or_next("look at it: fieldseal ring show; or give another place by --ring PATH")
    })?;
    let mut document = RingDocument::new(ring(asked)?)?;
    let file = session.file();
    if asked.unprotected {
        let fingerprint = file.create_unprotected(&mut document)?;
        session.output.warning(format_args!(
            "the secrets stand in the clear: whoever reads {} has every key",
            path.display()
        ));
        return report(asked, session, &document, None, Some(fingerprint));
    }
    let made = Making::from(asked).make(session.common, session.output)?;
    made.add_to(&mut document)?;
    file.create(&mut document)?;
    report(asked, session, &document, made.key_file.map(KeyFile::keep), None)
}

fn ring(asked: &Init) -> Result<KeyRing, Failure> {
    let mut ring = KeyRing::generate()?;
    let twice = |error: fieldseal::Error| match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::FailedPrecondition => Failure::from(error).or_next(
            "name each role once, by a-z 0-9 _ . - and a letter first; role app is there already",
        ),
        _ => error.into(),
    };
    for role in &asked.roles {
        ring.add_role(role).map_err(twice)?;
    }
    for role in &asked.key_pair_roles {
        ring.add_key_pair_role(role).map_err(twice)?;
    }
    if let Some(days) = asked.rotate_after {
        let keys: Vec<_> = ring.keys().map(|key| (key.key_use(), key.name().to_owned())).collect();
        for (key_use, name) in keys {
            ring.set_rotate_after(key_use, &name, Some(days))?;
        }
    }
    Ok(ring)
}

fn report(
    asked: &Init,
    session: &Session<'_>,
    document: &RingDocument,
    key_file: Option<PathBuf>,
    fingerprint: Option<Fingerprint>,
) -> Result<(), Failure> {
    let path = session.path();
    let mut text = format!("made {}\n{}", path.display(), document.ring().describe());
    if let Some(file) = &key_file {
        let file = file.display();
        text = format!("made {file}, which unlocks the ring: keep it apart from it\n{text}");
    }
    if let Some(fingerprint) = fingerprint {
        text = format!("{text}\nfingerprint {fingerprint}");
    }
    let json = made_json(document, &path, key_file.as_deref(), fingerprint);
    session.output.done(&json, &text)?;
    let unlock = match &asked.key_file {
        Some(path) => format!(" --key-file {}", path.display()),
        None if asked.unprotected => " --allow-unprotected".to_owned(),
        None => String::new(),
    };
    session.output.next(format_args!(
        "seal a first value: echo hello | fieldseal seal --context note{unlock}"
    ));
    if !asked.unprotected {
        session.output.next(
            "so that a lost passphrase or key loses no data: \
             fieldseal ring split --threshold 2 --shares 3",
        );
    }
    Ok(())
}

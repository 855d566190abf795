//! `fieldseal seal` and `fieldseal open`: standard input, under a context.

use fieldseal::{Access, Error, ErrorKind, KeyEnvelope, KeyRing};

use crate::args::{Open, Seal, Under};
use crate::exit::{Exit, Failure};
use crate::files::{self, Content};
use crate::session::Session;

pub(super) fn seal(asked: &Seal, session: &Session<'_>) -> Result<(), Failure> {
    // The ring first: who cannot open it is told before they type what is to be sealed.
    let ring = session.open(&asked.unlocking)?.into_ring();
    let bytes = session.input(Content::Value)?;
    let sealed =
        access(&ring, &asked.under).seal_for(&roles(&asked.under), context(&asked.under), &bytes);
    let sealed = sealed.map_err(|error| match error.kind() {
        ErrorKind::AlreadySealed => {
            Failure::from(error).or_next("store it as it is, or open it first")
        }
        ErrorKind::MissingKey => Failure::from(error).or_next(
            "add the role, or name one the ring has: fieldseal ring show; \
             a role whose key was disabled is rotated first",
        ),
        _ => error.into(),
    })?;
    if asked.raw {
        session.output.bytes(&sealed)
    } else {
        let mut text = KeyEnvelope::from_bytes(sealed).to_text();
        text.push('\n');
        session.output.bytes(text.as_bytes())
    }
}

pub(super) fn open(asked: &Open, session: &Session<'_>) -> Result<(), Failure> {
    let ring = session.open(&asked.unlocking)?.into_ring();
    let input = session.input(Content::Value)?;
    let sealed = bytes_of(&input)?;
    let mut access = access(&ring, &asked.under);
    if asked.rescue {
        access = access.rescue();
    }
    let opened = access
        .open_for(&roles(&asked.under), context(&asked.under), &sealed)
        .map_err(not_opened)?;
    if asked.rescue {
        session
            .output
            .warning("what a compromised key opens may have been forged by whoever has it");
    }
    session.output.bytes(opened.expose())
}

/// The sealed bytes, from their text form if it is that.
fn bytes_of(input: &[u8]) -> Result<Vec<u8>, Failure> {
    match str::from_utf8(files::without_mark(input)).map(str::trim_ascii) {
        // The text form is one for all that is sealed; which it is, opening tells.
        Ok(text) if text.starts_with("fs1.") => {
            Ok(KeyEnvelope::from_text(text)?.as_bytes().to_vec())
        }
        _ => Ok(input.to_vec()),
    }
}

fn not_opened(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::NotSealed => Failure::from(error).or_next(
            "give what `fieldseal seal` wrote; `fieldseal inspect` tells what a text or file is",
        ),
        ErrorKind::WrongKey | ErrorKind::MissingKey => Failure {
            exit: Exit::NotOpened,
            ..Failure::from(error)
                .or_next("open it by the ring that sealed it: --ring PATH; `fieldseal inspect` names its keys")
        },
        ErrorKind::NotPermitted => Failure::from(error)
            .or_next("name a role it was sealed for by --role, with a ring that holds its key"),
        _ => error.into(),
    }
}

fn access<'a>(ring: &'a KeyRing, under: &'a Under) -> Access<'a> {
    Access::new(ring).tenant(&under.tenant)
}

fn roles(under: &Under) -> Vec<&str> {
    under.roles.iter().map(String::as_str).collect()
}

fn context(under: &Under) -> &[u8] {
    under.context.as_bytes()
}

//! The head of a ledger, kept in a file by the commands that add to the ledger.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use fieldseal::{Error, ErrorKind, KeyRing, LedgerFile, LedgerHead};

use super::receipt::{HIDES, not_verified};
use crate::args::subjects::Account;
use crate::exit::{Exit, Failure};
use crate::files::{self, Content};
use crate::session::Session;

/// A ledger that was checked, and where its head is kept.
pub(super) struct Kept<'a> {
    ledger: &'a LedgerFile,
    file: Option<&'a Path>,
}

impl<'a> Kept<'a> {
    /// Refuses a ledger that is damaged, or is not what the head in the file says: what is told to it could not
    /// be played back.
    pub(super) fn check(
        account: &'a Account,
        ledger: &'a LedgerFile,
        ring: &KeyRing,
        session: &Session<'_>,
    ) -> Result<Self, Failure> {
        let file = account.head_file.as_deref();
        let known = file.map(read).transpose()?.flatten();
        if let (Some(file), None) = (file, &known) {
            session.output.warning(format_args!(
                "{} is not there yet: nothing shows that the ledger was not cut off before; the file is made now",
                file.display()
            ));
        }
        ledger
            .check(&ring.verifying_keys(), known.as_ref())
            .map_err(|error| refused(error, ledger.path()))?;
        Ok(Self { ledger, file })
    }

    /// Keeps where the ledger stands now, whatever became of the change: it is told to the ledger first.
    pub(super) fn keep(&self) -> Result<(), Failure> {
        let Some(path) = self.file else { return Ok(()) };
        let kept = self.ledger.head().map_err(Failure::from).and_then(|head| {
            let newer = read(path)?.is_none_or(|known| known.number() < head.number());
            if newer { write(path, &head) } else { Ok(()) }
        });
        kept.map_err(|failure| {
            failure.or_next(format_args!(
                "what was asked for is done; only the head was not kept: fieldseal ledger verify {} prints it",
                self.ledger.path().display()
            ))
        })
    }
}

fn refused(error: Error, path: &Path) -> Failure {
    let damaged = matches!(error.kind(), ErrorKind::Malformed | ErrorKind::Tampered);
    let failure = if error.kind() == ErrorKind::RolledBack {
        Failure::from(error).or_next(HIDES)
    } else {
        not_verified(error)
    };
    let error = format!("{}: {}", path.display(), failure.error);
    let failure = Failure { error, ..failure };
    if !damaged {
        return failure;
    }
    failure.or_next(format_args!(
        "nothing was changed; put back the ledger from a copy that is whole, or begin the next one (fieldseal ledger \
         begin FILE), which names subjects by the same tokens, and keep this one: fieldseal ledger replay --damaged \
         plays back what verifies of it"
    ))
}

/// `None` where there is no file.
fn read(path: &Path) -> Result<Option<LedgerHead>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = files::read(path, Content::Document)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    text.trim_end().parse().map(Some).map_err(|error: Error| {
        Failure::new(
            Exit::Malformed,
            format!("{}: {error}", path.display()),
            "write the head into it that was kept last; fieldseal ledger verify prints the one of today",
        )
    })
}

/// Replaced whole or not at all.
fn write(path: &Path, head: &LedgerHead) -> Result<(), Failure> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    let written = std::fs::File::create(&fresh).and_then(|mut file| {
        writeln!(file, "{head}")?;
        file.sync_all()
    });
    written
        .and_then(|()| std::fs::rename(&fresh, path))
        .map_err(|error| Failure::file(path, &error))
}

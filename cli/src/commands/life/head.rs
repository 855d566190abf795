//! The head of a ledger, kept in a file by the commands that add to the ledger.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use fieldseal::ledger::LedgerHead;
use fieldseal::store::LedgerFile;
use fieldseal::{Error, KeyRing};

use super::receipt::{HIDES, not_verified};
use crate::args::stores::subjects::Account;
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
    let is_unknown = error.kind() == fieldseal::ErrorKind::MissingKey;
    let damaged =
        matches!(error.kind(), fieldseal::ErrorKind::Malformed | fieldseal::ErrorKind::Tampered);
    let failure = if error.kind() == fieldseal::ErrorKind::RolledBack {
        Failure::from(error).or_next(HIDES)
    } else {
        not_verified(error)
    };
    let error = format!("{}: {}", path.display(), failure.error);
    let failure = Failure { error, ..failure };
    if is_unknown {
        return failure.or_next(
            "nothing was changed; if the key is compromised, begin the next ledger (fieldseal ledger begin FILE) and keep \
             this one: fieldseal ledger replay takes both, this one with --head or --verifying-key",
        );
    }
    if !damaged {
        return failure;
    }
    failure.or_next(format_args!(
        "nothing was changed; put back the ledger from a copy that is whole, or begin the next one (fieldseal ledger \
         begin FILE), which names subjects by the same tokens, and keep this one: fieldseal ledger replay --damaged \
         plays back what verifies of it"
    ))
}

/// `None` where there is no file. A link that leads to nothing is refused: what it led to may only be away.
fn read(path: &Path) -> Result<Option<LedgerHead>, Failure> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::file(path, &error)),
        Ok(link) if link.is_symlink() && matches!(path.try_exists(), Ok(false)) => {
            return Err(Failure::new(
                Exit::File,
                format!("{}: is a link to a file that is not there", path.display()),
                "see where the file went that it leads to; to begin a new head file, remove the link",
            ));
        }
        Ok(_) => {}
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

/// Replaces the file whole or not at all. A link stays, and the file that it leads to is replaced.
fn write(path: &Path, head: &LedgerHead) -> Result<(), Failure> {
    replace(path, head).map_err(|error| Failure::file(path, &error))
}

fn replace(path: &Path, head: &LedgerHead) -> io::Result<()> {
    let path = match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => path.to_owned(),
        found => found?,
    };
    let former = path.metadata().ok();
    // A name of its own: another process may be writing a head as well.
    let number = RandomState::new().build_hasher().finish();
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".{number:016x}.new"));
    let fresh = PathBuf::from(fresh);
    let written = File::create_new(&fresh).and_then(|mut file| {
        if let Some(former) = &former {
            keep_owner(&file, former)?;
        }
        writeln!(file, "{head}")?;
        file.sync_all()?;
        fs::rename(&fresh, &path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written.and_then(|()| sync_folder(&path))
}

/// The file keeps its rights, and its owner where this user can give it away. A head that is kept matters more than
/// the owner of its file.
#[cfg(unix)]
fn keep_owner(file: &File, former: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

    let fresh = file.metadata()?;
    if fresh.uid() != former.uid() || fresh.gid() != former.gid() {
        let _ = fchown(file, None, Some(former.gid()));
        let _ = fchown(file, Some(former.uid()), None);
    }
    file.set_permissions(fs::Permissions::from_mode(former.mode() & 0o777))
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// So that the new name lasts.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()
    })
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

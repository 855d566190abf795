//! A file that is replaced whole or not at all, that others cannot read, and one writer at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alloc::format;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};

/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(10);
/// Nothing kept here is larger (FORMAT.md, RF-3).
const MAX_LEN: u64 = 64 << 20;

/// What is told of each step of a write, so that a test can end the process there.
pub(super) type Observer<'a> = &'a mut dyn FnMut(&'static str);

/// Reads a whole file. One that others can read or write is refused, unless `any_permissions`.
pub(super) fn read(path: &Path, any_permissions: bool) -> Result<Zeroizing<Vec<u8>>, Error> {
    let failed = |error| Error::io("read", path, &error);
    let is_file = |metadata: &fs::Metadata| match metadata.is_file() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Io, format!("{} is no file", path.display()))),
    };
    // Before it is opened, too: opening a pipe waits for somebody to write.
    is_file(&fs::metadata(path).map_err(failed)?)?;
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    is_file(&metadata)?;
    if !any_permissions {
        check_permissions(path, &metadata)?;
    }
    if metadata.len() > MAX_LEN {
        return Err(Error::malformed(format!("{} is larger than 64 MiB", path.display())));
    }
    // Long enough from the start: a vector that grows leaves copies behind.
    let len = usize::try_from(metadata.len()).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(len.saturating_add(1)));
    (&mut file).take(MAX_LEN).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Whether only the owner can read and write the file.
#[cfg(unix)]
fn check_permissions(path: &Path, metadata: &fs::Metadata) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt as _;

    let others = metadata.mode() & 0o077;
    if others != 0 {
        let mode = metadata.mode() & 0o777;
        let place = path.display();
        return Err(Error::new(
            ErrorKind::Permissions,
            format!("others than its owner can use {place} (mode {mode:04o}): chmod 600 {place}"),
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_permissions(_: &Path, _: &fs::Metadata) -> Result<(), Error> {
    Ok(())
}

/// What a file is replaced under: held until dropped, by one process at a time, and given back by the
/// operating system when the process ends, however it ends.
pub(super) struct Lock {
    _file: File,
    /// The file itself, behind links.
    pub(super) path: PathBuf,
}

impl Lock {
    /// Waits for it up to ten seconds. What is locked is a file beside the one to be written, as that
    /// one is replaced.
    pub(super) fn take(path: &Path, observe: Observer<'_>) -> Result<Self, Error> {
        let path = followed(path)?;
        let place = beside(&path, "lock");
        let failed = |error| Error::io("lock", &place, &error);
        let file = open_lock(&place, &path).map_err(failed)?;
        let until = Instant::now().checked_add(PATIENCE);
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock)
                    if until.is_some_and(|until| Instant::now() < until) =>
                {
                    std::thread::sleep(BETWEEN_TRIES);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::new(
                        ErrorKind::Locked,
                        format!(
                            "another process is changing {}: try again when it is done",
                            path.display()
                        ),
                    ));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        observe("locked");
        Ok(Self { _file: file, path })
    }

    /// Puts `bytes` in the place of the file: written beside it, synced, then renamed over it, so that
    /// it is the old one or the new one at every moment. The directory is synced too, so that the new
    /// one lasts.
    pub(super) fn replace(&self, bytes: &[u8], observe: Observer<'_>) -> Result<(), Error> {
        let fresh = beside(&self.path, "new");
        // Left by one that ended half way: only the holder of the lock writes here.
        match fs::remove_file(&fresh) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("remove", &fresh, &error)),
        }
        let written = self.write_beside(&fresh, bytes, observe);
        if written.is_err() {
            // It holds nothing that the file itself does not; the error that matters is the other one.
            let _ = fs::remove_file(&fresh);
        }
        written
    }

    fn write_beside(&self, fresh: &Path, bytes: &[u8], observe: Observer<'_>) -> Result<(), Error> {
        let failed = |error| Error::io("write", fresh, &error);
        let mut file = create_private(fresh).map_err(failed)?;
        observe("created");
        self.keep_owner(&file)?;
        let (first, second) = bytes.split_at(bytes.len().wrapping_div(2));
        file.write_all(first).map_err(failed)?;
        observe("half written");
        file.write_all(second).map_err(failed)?;
        observe("written");
        file.sync_all().map_err(failed)?;
        observe("synced");
        drop(file);
        fs::rename(fresh, &self.path).map_err(|error| Error::io("replace", &self.path, &error))?;
        observe("renamed");
        sync_directory(&self.path)?;
        observe("directory synced");
        Ok(())
    }

    /// A file that is replaced stays its owner's and group's, with the rights that they had: a service
    /// that reads it through its group still can.
    #[cfg(unix)]
    fn keep_owner(&self, file: &File) -> Result<(), Error> {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

        let failed = |error| Error::io("keep the owner and rights of", &self.path, &error);
        let former = match fs::metadata(&self.path) {
            Ok(former) => former,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        let fresh = file.metadata().map_err(failed)?;
        if (former.uid(), former.gid()) != (fresh.uid(), fresh.gid()) {
            fchown(file, Some(former.uid()), Some(former.gid())).map_err(failed)?;
        }
        let rights = fs::Permissions::from_mode(former.mode() & 0o777);
        file.set_permissions(rights).map_err(failed)
    }

    #[cfg(not(unix))]
    fn keep_owner(&self, _: &File) -> Result<(), Error> {
        Ok(())
    }
}

/// Makes a file that nobody else can read. One that is there is refused, and so is a link.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The lock's file: made for the owner of the file at `path`, who is to write as well when root comes
/// first. Only a new one is given away: what lies there could be a link to anything.
fn open_lock(place: &Path, path: &Path) -> io::Result<File> {
    match create_private(place) {
        Ok(lock) => {
            #[cfg(unix)]
            if let Ok(owned) = fs::metadata(path) {
                use std::os::unix::fs::{MetadataExt as _, fchown};
                // Whoever may not is the owner, or locks for itself.
                let _ = fchown(&lock, Some(owned.uid()), Some(owned.gid()));
            }
            Ok(lock)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().write(true).open(place)
        }
        Err(error) => Err(error),
    }
}

/// Writes a new file that only its owner can read. One that is there is refused.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |error| Error::io("make", path, &error);
    let mut file = create_private(path).map_err(failed)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half of it is of no use, and would be in the way of the next try.
        let _ = fs::remove_file(path);
    }
    written.map_err(failed)?;
    sync_directory(path)
}

/// The file that a link leads to: it is what must be replaced, and not the link.
fn followed(path: &Path) -> Result<PathBuf, Error> {
    match fs::canonicalize(path) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.into()),
        Err(error) => Err(Error::io("find", path, &error)),
    }
}

/// `ring.json` → `ring.json.lock`
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(path);
    name.push(".");
    name.push(end);
    name.into()
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> Result<(), Error> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| Error::io("sync", directory, &error))
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> Result<(), Error> {
    Ok(())
}

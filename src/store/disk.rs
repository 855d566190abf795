//! A file that is replaced whole or not at all, that others cannot read, and one writer at a time.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use alloc::format;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};

/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(10);
/// Short, for the lock is free for a moment only where others take it again at once.
const BETWEEN_TRIES: Duration = Duration::from_millis(1);
/// The largest ring document (FORMAT.md, RF-3).
pub(super) const RING: u64 = 64 << 20;
/// The largest file of a slot key.
pub(super) const SECRET: u64 = 64 << 10;

/// What is told of each step of a write, so that a test can end the process there.
pub(super) type Observer<'a> = &'a mut dyn FnMut(&'static str);

/// A file that was read whole.
pub(super) struct Content {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Of what was read, whatever stands at the path by now.
    pub(super) metadata: Metadata,
}

/// Reads a whole file. One that others can read or write is refused, unless `any_permissions`.
pub(super) fn read(path: &Path, any_permissions: bool, largest: u64) -> Result<Content, Error> {
    let failed = |error| Error::io("read", path, error);
    // Before it is opened, too: opening a pipe waits for somebody to write.
    check_kind(path, &fs::metadata(path).map_err(failed)?)?;
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    check_kind(path, &metadata)?;
    if !any_permissions {
        check_permissions(path, &metadata)?;
    }
    if metadata.len() > largest {
        let most = match largest {
            SECRET => "64 KiB",
            _ => "64 MiB",
        };
        return Err(Error::malformed(format!("{} is larger than {most}", path.display())));
    }
    // Long enough from the start: a vector that grows leaves copies behind.
    let len = usize::try_from(metadata.len()).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(len.saturating_add(1)));
    (&mut file).take(largest).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Content { bytes, metadata })
}

fn check_kind(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Io, format!("{} is no file", path.display())))
}

/// Whether only the owner can read and write the file.
#[cfg(unix)]
fn check_permissions(path: &Path, metadata: &Metadata) -> Result<(), Error> {
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
fn check_permissions(_: &Path, _: &Metadata) -> Result<(), Error> {
    Ok(())
}

/// What a file is replaced under: held until dropped, by one process at a time, and given back by the
/// operating system when the process ends, however it ends.
pub(super) struct Lock {
    file: File,
    place: PathBuf,
    /// The file itself, behind links.
    pub(super) path: PathBuf,
}

impl Lock {
    /// Waits for it up to ten seconds. What is locked is a file beside the one to be written, as that
    /// one is replaced.
    pub(super) fn take(path: &Path, observe: Observer<'_>) -> Result<Self, Error> {
        let path = followed(path)?;
        let place = beside(&path, "lock");
        let until = Instant::now().checked_add(PATIENCE);
        loop {
            let file = open_lock(&place, &path)?;
            let lock = Self { file, place: place.clone(), path: path.clone() };
            wait(&lock.file, until, &lock.path)?;
            if lock.is_there() {
                observe("locked");
                return Ok(lock);
            }
        }
    }

    /// Whether what is locked still stands where others look for it. Someone may have tidied it away,
    /// and then it keeps nobody out.
    #[cfg(unix)]
    fn is_there(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;

        let here = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let there = fs::symlink_metadata(&self.place).map(here).ok();
        there.is_some() && there == self.file.metadata().map(here).ok()
    }

    #[cfg(not(unix))]
    fn is_there(&self) -> bool {
        self.place.exists()
    }

    /// Puts `bytes` in the place of the file: written beside it, synced, then renamed over it, so that
    /// it is the old one or the new one at every moment. The directory is synced too, so that the new
    /// one lasts. `former` is of the file that is replaced; `replaced` is called once the new one is in
    /// its place, also where syncing the directory fails after that.
    pub(super) fn replace(
        &self,
        bytes: &[u8],
        former: Option<&Metadata>,
        observe: Observer<'_>,
        replaced: impl FnOnce(),
    ) -> Result<(), Error> {
        let fresh = beside(&self.path, "new");
        // Left by one that ended half way: only the holder of the lock writes here.
        match fs::remove_file(&fresh) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("remove", &fresh, error)),
        }
        let directory = Directory::of(&self.path)?;
        if let Err(error) = self.put_beside(&fresh, bytes, former, observe) {
            // It holds nothing that the file itself does not; the error that matters is the other one.
            let _ = fs::remove_file(&fresh);
            return Err(error);
        }
        replaced();
        observe("renamed");
        directory.sync()?;
        observe("directory synced");
        Ok(())
    }

    fn put_beside(
        &self,
        fresh: &Path,
        bytes: &[u8],
        former: Option<&Metadata>,
        observe: Observer<'_>,
    ) -> Result<(), Error> {
        let failed = |error| Error::io("write", fresh, error);
        let mut file = create_private(fresh).map_err(failed)?;
        observe("created");
        if let Some(former) = former {
            self.keep_owner(&file, former)?;
        }
        let (first, second) = bytes.split_at(bytes.len().wrapping_div(2));
        file.write_all(first).map_err(failed)?;
        observe("half written");
        file.write_all(second).map_err(failed)?;
        observe("written");
        file.sync_all().map_err(failed)?;
        observe("synced");
        drop(file);
        if !self.is_there() {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "{} was removed while it was held, so another process may be writing: try again, and leave that file where it is",
                    self.place.display()
                ),
            ));
        }
        fs::rename(fresh, &self.path).map_err(|error| match error.kind() {
            // A file that is mounted by itself, as into a container, cannot be renamed over.
            io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => Error::new(
                ErrorKind::Io,
                format!(
                    "{} is a mount of its own, and a mounted file cannot be replaced: mount the folder that it \
                     is in",
                    self.path.display()
                ),
            ),
            _ => Error::io("replace", &self.path, error),
        })
    }

    /// A file that is replaced stays its owner's and group's, with the rights that they had: a service
    /// that reads it through its group still can.
    #[cfg(unix)]
    fn keep_owner(&self, file: &File, former: &Metadata) -> Result<(), Error> {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

        let failed = |error| Error::io("keep the owner and rights of", &self.path, error);
        let fresh = file.metadata().map_err(failed)?;
        if (former.uid(), former.gid()) != (fresh.uid(), fresh.gid()) {
            fchown(file, Some(former.uid()), Some(former.gid())).map_err(failed)?;
        }
        let rights = fs::Permissions::from_mode(former.mode() & 0o777);
        file.set_permissions(rights).map_err(failed)
    }

    #[cfg(not(unix))]
    fn keep_owner(&self, _: &File, _: &Metadata) -> Result<(), Error> {
        Ok(())
    }
}

fn wait(file: &File, until: Option<Instant>, path: &Path) -> Result<(), Error> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if until.is_some_and(|until| Instant::now() < until) => {
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
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", path, error)),
        }
    }
}

/// A file that lines are added to, locked until it is dropped. It is never replaced, so the lock is on
/// itself.
pub(super) struct Appending {
    file: File,
    path: PathBuf,
}

impl Appending {
    /// Waits for it up to ten seconds.
    pub(super) fn open(path: &Path, any_permissions: bool) -> Result<Self, Error> {
        let failed = |error| Error::io("open", path, error);
        let until = Instant::now().checked_add(PATIENCE);
        loop {
            check_kind(path, &fs::metadata(path).map_err(failed)?)?;
            let file = OpenOptions::new().read(true).append(true).open(path).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            check_kind(path, &metadata)?;
            if !any_permissions {
                check_permissions(path, &metadata)?;
            }
            wait(&file, until, path)?;
            // Somebody may have put another file there meanwhile, and nobody would read this one.
            if is_at(&file, path) {
                return Ok(Self { file, path: path.into() });
            }
        }
    }

    /// The last line that ends in a line feed, without it, where it ends, and what is behind it. Nothing is cut off
    /// yet, as this may be another's file. Where there is no such line, it is empty, and ends at 0.
    pub(super) fn last_line(&mut self, longest: usize) -> Result<(Vec<u8>, u64, Vec<u8>), Error> {
        let len = self.file.metadata().map_err(|error| self.unread(error))?.len();
        let start = len.saturating_sub(length(longest).saturating_add(1));
        let mut tail = self.part(start, len)?;
        let Some(last) = tail.iter().rposition(|byte| *byte == b'\n') else {
            if start == 0 {
                return Ok((Vec::new(), 0, tail));
            }
            let place = self.path.display();
            return Err(Error::malformed(format!(
                "{place} does not end in a line, nor in a part of one: was it changed?"
            )));
        };
        let end = start.saturating_add(length(last)).saturating_add(1);
        tail.drain(..=last);
        let line = self.line_to(end, longest)?;
        Ok((line.unwrap_or_default(), end, tail))
    }

    /// The first line, without its line feed, which it may lack; `None` where it is too long.
    pub(super) fn first_line(&mut self, longest: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut line = self.part(0, length(longest).saturating_add(1))?;
        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            line.truncate(end);
        }
        Ok(Some(line).filter(|line| line.len() <= longest))
    }

    /// The line that ends here, without its line feed; `None` where none does that is not too long.
    pub(super) fn line_to(&mut self, end: u64, longest: usize) -> Result<Option<Vec<u8>>, Error> {
        // A line feed before it, and its own.
        let start = end.saturating_sub(length(longest).saturating_add(2));
        let mut line = self.part(start, end)?;
        if line.pop() != Some(b'\n') {
            return Ok(None);
        }
        if let Some(before) = line.iter().rposition(|byte| *byte == b'\n') {
            line.drain(..=before);
        }
        Ok(Some(line).filter(|line| line.len() <= longest))
    }

    fn part(&mut self, start: u64, end: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(start))
            .and_then(|_| (&mut self.file).take(end.saturating_sub(start)).read_to_end(&mut bytes));
        read.map(|_| bytes).map_err(|error| self.unread(error))
    }

    fn unread(&self, error: io::Error) -> Error {
        Error::io("read", &self.path, error)
    }

    /// Adds lines behind the last whole one, which ends here, and returns when they will last. What was
    /// not finished is cut off. When that fails, nothing of them stays.
    pub(super) fn add(&mut self, end: u64, lines: &[u8]) -> Result<(), Error> {
        let failed = |error| Error::io("write", &self.path, error);
        if self.file.metadata().map_err(failed)?.len() > end {
            self.file
                .set_len(end)
                .map_err(|error| Error::io("cut an unfinished line off", &self.path, error))?;
        }
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        if written.is_err() {
            // The error that matters is the other one; what stays is cut off by the next writer.
            let _ = self.file.set_len(end);
        }
        written.map_err(failed)
    }
}

/// Whether this is the file that stands at the path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let here = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let there = fs::metadata(path).map(here).ok();
    there.is_some() && there == file.metadata().map(here).ok()
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
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
/// first. Only a new one is given away, and what is there is taken only if it is a file itself: a link
/// leads to what someone else chose, and a pipe waits for them.
fn open_lock(place: &Path, path: &Path) -> Result<File, Error> {
    let failed = |error| Error::io("lock", place, error);
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
            check_kind(place, &fs::symlink_metadata(place).map_err(failed)?)?;
            OpenOptions::new().write(true).open(place).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Writes a new file that only its owner can read: whole or not at all, also when the process is killed
/// meanwhile. One that is there is refused.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let failed = |error| Error::io("make", path, error);
    let directory = Directory::of(path)?;
    // Whatever is there, a link too, before anything is written beside it.
    if fs::symlink_metadata(path).is_ok() {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    // A name of its own: another may be making the same file.
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    let fresh = beside(path, &format!("{}-{number}.new", std::process::id()));
    let made = put(&fresh, bytes).and_then(|()| match fs::hard_link(&fresh, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // A file system without hard links.
            put(path, bytes)
        }
        linked => linked,
    });
    let _ = fs::remove_file(&fresh);
    made.map_err(failed)?;
    directory.sync()
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create_private(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half of it is of no use, and would be in the way of the next try.
        let _ = fs::remove_file(path);
    }
    written
}

/// A file that is read line by line, with the checks of [`read`].
pub(super) struct Lines {
    reader: BufReader<File>,
    path: PathBuf,
    longest: usize,
    /// Whether the last line was too long, and its rest is still to be gone over.
    is_cut: bool,
}

impl Lines {
    pub(super) fn open(path: &Path, any_permissions: bool, longest: usize) -> Result<Self, Error> {
        let failed = |error| Error::io("read", path, error);
        // Before it is opened, too: opening a pipe waits for somebody to write.
        check_kind(path, &fs::metadata(path).map_err(failed)?)?;
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        check_kind(path, &metadata)?;
        if !any_permissions {
            check_permissions(path, &metadata)?;
        }
        Ok(Self { reader: BufReader::new(file), path: path.into(), longest, is_cut: false })
    }

    /// The next line, in place of what `line` held, without its line feed. Whether there is a whole one; an
    /// unfinished end is in `line`. One that is too long is cut there, so that nobody goes over the rest of it in vain.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> Result<bool, Error> {
        line.clear();
        if core::mem::take(&mut self.is_cut) && !self.skip()? {
            return Ok(false);
        }
        // Longer than any line, so that an unfinished end is told from a line that is too long.
        let most = length(self.longest).saturating_mul(128);
        let mut part = (&mut self.reader).take(most);
        part.read_until(b'\n', line).map_err(|error| Error::io("read", &self.path, error))?;
        if line.last() == Some(&b'\n') {
            line.pop();
            return Ok(true);
        }
        self.is_cut = length(line.len()) >= most;
        Ok(self.is_cut)
    }

    /// Goes on behind the line feed, if there is one.
    fn skip(&mut self) -> Result<bool, Error> {
        loop {
            let held =
                self.reader.fill_buf().map_err(|error| Error::io("read", &self.path, error))?;
            if held.is_empty() {
                return Ok(false);
            }
            let end = held.iter().position(|byte| *byte == b'\n');
            let len = end.map_or(held.len(), |end| end.saturating_add(1));
            self.reader.consume(len);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

/// The file that a link leads to: it is what must be replaced, and not the link.
fn followed(path: &Path) -> Result<PathBuf, Error> {
    match fs::canonicalize(path) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.into()),
        Err(error) => Err(Error::io("find", path, error)),
    }
}

/// `ring.json` → `ring.json.lock`
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(path);
    name.push(".");
    name.push(end);
    name.into()
}

/// The directory of a file. It is opened before anything is changed, so that only the syncing itself can
/// fail afterwards.
#[cfg(unix)]
struct Directory {
    file: File,
    path: PathBuf,
}

#[cfg(unix)]
impl Directory {
    fn of(path: &Path) -> Result<Self, Error> {
        let path = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
        Ok(Self { file, path: path.into() })
    }

    fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(|error| Error::io("sync", &self.path, error))
    }
}

#[cfg(not(unix))]
struct Directory;

#[cfg(not(unix))]
impl Directory {
    fn of(_: &Path) -> Result<Self, Error> {
        Ok(Self)
    }

    fn sync(&self) -> Result<(), Error> {
        Ok(())
    }
}

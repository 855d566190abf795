//! Files beside the ring: read with a bound, checked for who else can read them, never overwritten.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::exit::{Exit, Failure, shown};

/// What a file is read for, which says how long it can be.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "a build without the commands over databases reads no documents")]
pub(crate) enum Content {
    /// Keys, shares and URLs: 64 KiB.
    Secret,
    /// Receipts, heads and declared classes: 1 MiB.
    Document,
    /// What is sealed, opened or inspected: 1 GiB.
    Value,
}

impl Content {
    const fn most(self) -> u64 {
        match self {
            Self::Secret => 64 << 10,
            Self::Document => 1 << 20,
            Self::Value => 1 << 30,
        }
    }

    fn too_long(self, name: &str) -> Failure {
        let (most, next) = match self {
            Self::Secret => ("64 KiB", "give the file that holds the secret and nothing else"),
            Self::Document => ("1 MiB", "see that this is the file that was meant"),
            Self::Value => ("1 GiB", "seal and open such values in the application"),
        };
        Failure::new(Exit::Malformed, format!("{name}: is larger than {most}"), next)
    }
}

/// Reads a file whole.
pub(crate) fn read(path: &Path, content: Content) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let name = shown(path);
    read_open(open(path, &name)?, &name, content)
}

/// Reads a file that holds a secret whole, and refuses it where others can read it too.
pub(crate) fn read_secret(
    path: &Path,
    any_permissions: bool,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let name = shown(path);
    let file = open_secret(path, &name, any_permissions)?;
    read_open(file, &name, Content::Secret)
}

/// Opens a file that holds a secret, and refuses it where others can read it too.
pub(crate) fn open_secret(path: &Path, name: &str, any_permissions: bool) -> Result<File, Failure> {
    let file = open(path, name)?;
    if !any_permissions {
        check_private(path, &file)?;
    }
    Ok(file)
}

/// Opens a regular file, or a pipe that the caller handed over as a descriptor.
fn open(path: &Path, name: &str) -> Result<File, Failure> {
    let failed = |error| Failure::named_file(name, &error);
    // Before it is opened, too: opening some devices does something.
    check_kind(path, name, &fs::metadata(path).map_err(failed)?)?;
    let file = open_at_once(path).map_err(failed)?;
    check_kind(path, name, &file.metadata().map_err(failed)?)?;
    Ok(file)
}

/// Opens a file, and does not wait until somebody opens a pipe to write. Reading it waits.
#[cfg(unix)]
pub(crate) fn open_at_once(path: &Path) -> io::Result<File> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    use std::os::unix::fs::OpenOptionsExt as _;

    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    fcntl_setfl(&file, fcntl_getfl(&file)?.difference(OFlags::NONBLOCK))?;
    Ok(file)
}

#[cfg(not(unix))]
pub(crate) fn open_at_once(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Refuses what is there and is not a regular file.
#[cfg(any(feature = "stores", feature = "pkcs11"))]
pub(crate) fn check_regular(path: &Path) -> Result<(), Failure> {
    path.metadata().map_or(Ok(()), |metadata| check_kind(path, &shown(path), &metadata))
}

/// A pipe or a device at a path can have no end, and a pipe that nobody writes to is waited for without one. A pipe that
/// a descriptor of this process names, as the shell's `<(…)` does, has its writer already.
fn check_kind(path: &Path, name: &str, metadata: &Metadata) -> Result<(), Failure> {
    if metadata.is_file() || is_descriptor(path) {
        return Ok(());
    }
    if metadata.is_dir() {
        return Err(Failure::named_file(name, &io::ErrorKind::IsADirectory.into()));
    }
    Err(Failure::new(
        Exit::File,
        format!("{name}: is not a regular file"),
        "give the path of a file; a secret in a pipe is given by its descriptor: `<(COMMAND)`, or `/dev/fd/3 3< PIPE`",
    ))
}

/// Whether the path names an open descriptor of this process.
fn is_descriptor(path: &Path) -> bool {
    let is_number = |name: &OsStr| name.to_str().is_some_and(|name| name.parse::<u32>().is_ok());
    let is_folder =
        |folder: &Path| folder == Path::new("/dev/fd") || folder == Path::new("/proc/self/fd");
    path == Path::new("/dev/stdin")
        || path.file_name().is_some_and(is_number) && path.parent().is_some_and(is_folder)
}

fn read_open(mut file: File, name: &str, content: Content) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let len = file.metadata().map(|data| data.len()).unwrap_or_default();
    if len > content.most() {
        return Err(content.too_long(name));
    }
    let room = usize::try_from(len).unwrap_or_default().saturating_add(1);
    read_from(&mut file, room, content.most())
        .map_err(|error| Failure::named_file(name, &error))?
        .ok_or_else(|| content.too_long(name))
}

/// The text in a file: UTF-8, without the byte-order mark that some editors begin it with.
pub(crate) fn text<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, Failure> {
    let refused = |what: &str, next: &str| {
        Err(Failure::new(Exit::Malformed, format!("{}: {what}", path.display()), next))
    };
    if is_utf16(bytes) {
        return refused("is a text in UTF-16", "save the file as UTF-8");
    }
    match str::from_utf8(without_mark(bytes)) {
        Ok(text) => Ok(text),
        Err(_) => refused("is not a text in UTF-8", "give a file of text, saved as UTF-8"),
    }
}

/// Whether these bytes begin with the byte-order mark of UTF-16.
pub(crate) fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF")
}

/// The bytes of a text without its byte-order mark.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// Reads standard input to its end.
pub(crate) fn read_stdin(content: Content) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let name = "standard input";
    read_from(&mut io::stdin().lock(), 1 << 16, content.most())
        .map_err(|error| Failure::stream(name, &error))?
        .ok_or_else(|| content.too_long(name))
}

/// Everything that is there, or `None` where it is longer than `most` bytes.
fn read_from(
    from: &mut impl Read,
    room: usize,
    most: u64,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    const CHUNK: usize = 1 << 12;
    // With room for a chunk, twice the room has room for the next one.
    let mut bytes = Zeroizing::new(Vec::with_capacity(room.max(CHUNK)));
    let mut chunk = Zeroizing::new([0; CHUNK]);
    loop {
        let len = match from.read(&mut *chunk) {
            Ok(0) => return Ok(Some(bytes)),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.capacity().saturating_sub(bytes.len()) < len {
            let mut larger = Zeroizing::new(Vec::with_capacity(bytes.capacity().saturating_mul(2)));
            larger.extend_from_slice(&bytes);
            bytes = larger;
        }
        bytes.extend_from_slice(chunk.get(..len).unwrap_or_default());
        if u64::try_from(bytes.len()).is_ok_and(|len| len > most) {
            return Ok(None);
        }
    }
}

/// Makes a file that its owner alone can read, and refuses one that is there.
pub(crate) fn create_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::file(path, &error).or_next("make its folder first"),
            _ => Failure::file(path, &error),
        })
}

/// Refuses a path where something is, before anyone types a passphrase for it.
pub(crate) fn check_absent(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::file(path, &error)),
        Ok(_) => Err(Failure::file(path, &io::ErrorKind::AlreadyExists.into())),
    }
}

/// Refuses a file that holds a secret where others than its owner can read it too.
#[cfg(unix)]
fn check_private(path: &Path, file: &File) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;

    let data = file.metadata().map_err(|error| Failure::file(path, &error))?;
    // A pipe, as a shell makes for `<(…)`, is nobody else's.
    if data.is_file() && data.mode() & 0o077 != 0 {
        return Err(Failure::new(
            Exit::File,
            format!("{}: holds a secret, and others than its owner can read it", path.display()),
            format!("chmod 600 {}", path.display()),
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(_: &Path, _: &File) -> Result<(), Failure> {
    Ok(())
}

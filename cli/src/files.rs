//! Files beside the ring: read with a bound, checked for who else can read them, never overwritten.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};

/// The longest input that is looked into: 1 GiB.
const LARGEST: u64 = 1 << 30;

/// Reads a file whole.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    read_open(path, File::open(path).map_err(|error| Failure::file(path, &error))?)
}

/// Reads a file that holds a secret whole, and refuses it where others can read it too.
pub(crate) fn read_secret(
    path: &Path,
    any_permissions: bool,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    if !any_permissions {
        check_private(path, &file)?;
    }
    read_open(path, file)
}

fn read_open(path: &Path, mut file: File) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let len = file.metadata().map(|data| data.len().min(LARGEST)).unwrap_or_default();
    let room = usize::try_from(len).unwrap_or_default().saturating_add(1);
    read_from(&mut file, room)
        .and_then(|bytes| bytes.ok_or_else(|| io::ErrorKind::FileTooLarge.into()))
        .map_err(|error| Failure::file(path, &error))
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
pub(crate) fn read_stdin() -> Result<Zeroizing<Vec<u8>>, Failure> {
    read_from(&mut io::stdin().lock(), 1 << 16)
        .and_then(|bytes| bytes.ok_or_else(|| io::ErrorKind::FileTooLarge.into()))
        .map_err(|error| Failure::stream("standard input", &error))
}

/// Everything that is there, or `None` where it is too long.
fn read_from(from: &mut impl Read, room: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let mut chunk = Zeroizing::new([0; 1 << 12]);
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
        if u64::try_from(bytes.len()).is_ok_and(|len| len > LARGEST) {
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
pub(crate) fn check_private(path: &Path, file: &File) -> Result<(), Failure> {
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
pub(crate) fn check_private(_: &Path, _: &File) -> Result<(), Failure> {
    Ok(())
}

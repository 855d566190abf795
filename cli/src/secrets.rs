//! Where secrets come from: a terminal without echo, a file, a descriptor. Never from an argument.

pub(crate) mod confirm;
pub(crate) mod making;
pub(crate) mod terminal;
#[cfg(feature = "pkcs11")]
mod token;
pub(crate) mod unlock;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::files;

/// The longest line that is taken for a secret.
const LONGEST: usize = 4096;

/// The path in a variable. One that is empty is as if it were not set.
pub(crate) fn path_in(variable: &str) -> Option<OsString> {
    env::var_os(variable).filter(|path| !path.is_empty())
}

/// The first line of the file that a variable names. Its owner alone can read it.
pub(crate) fn line_of_variable(
    variable: &str,
    path: &OsStr,
    any_permissions: bool,
) -> Result<Zeroizing<String>, Failure> {
    let name = format!("the file that {variable} names");
    let path = Path::new(path);
    // Its value is not shown before it is known to be a path.
    first_line(&mut files::open_secret(path, &name, any_permissions)?, &name)
}

/// The first line behind an open descriptor. What follows it on standard input stays to be read.
pub(crate) fn line_of_descriptor(number: u32) -> Result<Zeroizing<String>, Failure> {
    let name = format!("descriptor {number}");
    if number == 0 {
        return first_line(&mut io::stdin().lock(), &name);
    }
    let path = format!("/dev/fd/{number}");
    let mut file = files::open_at_once(Path::new(&path)).map_err(|_| {
        Failure::new(
            Exit::File,
            format!("{name} is not open for reading"),
            format!("let the caller open it: fieldseal … {number}< FILE"),
        )
    })?;
    first_line(&mut file, &name)
}

fn first_line(from: &mut impl Read, name: &str) -> Result<Zeroizing<String>, Failure> {
    let refused = |why: &str| {
        Failure::new(Exit::File, format!("{name}: {why}"), "put the secret on its first line")
    };
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = Zeroizing::new([0; 1]);
    loop {
        match from.read(&mut *byte) {
            Ok(0) => break,
            Ok(_) if *byte == *b"\n" => break,
            Ok(_) if line.len() == LONGEST => {
                return Err(refused("its first line is longer than 4096 bytes"));
            }
            Ok(_) => line.extend_from_slice(&*byte),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::stream(name, &error)),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let text = str::from_utf8(files::without_mark(&line))
        .map_err(|_| refused("its first line is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The shares in a text: each begins a line, and may go on over the next ones, as it does on paper.
/// Lines that begin with `#` are for people.
pub(crate) fn share_texts(text: &str) -> Vec<Zeroizing<String>> {
    let mut found: Vec<Zeroizing<String>> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let begins = line.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("FSSHARE"));
        match found.last_mut() {
            Some(share) if !begins => share.push_str(line),
            _ => {
                // Room for the whole, so that no copy is left behind.
                let mut share = Zeroizing::new(String::with_capacity(LONGEST.max(line.len())));
                share.push_str(line);
                found.push(share);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_may_be_broken_into_lines_and_explained() {
        let text = "# for Ada\nFSSHARE1-AAAA-\n  BBBB\n\nfsshare1 cccc\n# end\n";
        let found: Vec<_> = share_texts(text).iter().map(|share| share.to_string()).collect();
        assert_eq!(found, ["FSSHARE1-AAAA-BBBB", "fsshare1 cccc"]);
        assert!(share_texts("# nothing\n\n").is_empty());
    }

    #[test]
    fn only_the_first_line_is_the_secret() {
        let line = |bytes: &[u8]| {
            first_line(&mut &*bytes, "here")
                .map(|text| text.to_string())
                .map_err(|failure| failure.exit)
        };
        assert_eq!(line(b"four words\nmore\n").as_deref(), Ok("four words"));
        assert_eq!(line(b"four words\r\n").as_deref(), Ok("four words"));
        assert_eq!(line(b"\xEF\xBB\xBFfour words\r\n").as_deref(), Ok("four words"));
        assert_eq!(line(b"\xFF\xFEf\0o\0u\0r\0\n\0"), Err(Exit::File));
        assert_eq!(line(b" spaces stay ").as_deref(), Ok(" spaces stay "));
        assert_eq!(line(b"").as_deref(), Ok(""));
        assert_eq!(line(b"\xFF\n"), Err(Exit::File));
        assert_eq!(line(&[b'x'; 5000]), Err(Exit::File));
    }
}

//! Opening the ring: which credential, and from where.

use std::env;
use std::path::Path;

use fieldseal::keyring::{
    Credential, Fingerprint, LockedRing, Passphrase, RingDocument, Share, SlotKey, SlotKind,
};
use fieldseal::{Error, ErrorKind};
use zeroize::Zeroizing;

use super::terminal::Terminal;
use super::{line_of_descriptor, line_of_variable, path_in, share_texts};
use crate::args::{Common, Unlocking};
use crate::exit::{Exit, Failure};
use crate::files;
use crate::output::Output;

/// The variable that holds a raw slot key.
const KEY_VARIABLE: &str = "FIELDSEAL_RING_KEY";
/// The variable that names a file with the passphrase.
pub(crate) const PASSPHRASE_FILE_VARIABLE: &str = "FIELDSEAL_PASSPHRASE_FILE";

/// How often a passphrase is asked for.
const TRIES: u32 = 3;

/// Opens a ring as the command line says.
pub(crate) fn unlock(
    locked: &LockedRing,
    unlocking: &Unlocking,
    common: &Common,
    output: &Output,
) -> Result<RingDocument, Failure> {
    let by = &unlocking.by;
    if let Some(text) = &by.fingerprint {
        let fingerprint: Fingerprint = text.parse()?;
        return locked.open_pinned(&fingerprint).map_err(not_unlocked);
    }
    if by.allow_unprotected {
        return locked.open_unprotected().map_err(not_unlocked);
    }
    if !locked.is_protected() {
        return Err(Failure::new(
            Exit::Locked,
            "nothing protects this ring: its secrets stand in the clear",
            "give --fingerprint HEX to take it as it was made, or --allow-unprotected; \
             to protect it: fieldseal ring slot add --allow-unprotected",
        ));
    }
    let any = common.any_permissions;
    if let Some(number) = by.passphrase_fd {
        return open(locked, passphrase(&line_of_descriptor(number)?)?);
    }
    if let Some(path) = &by.key_file {
        return open(locked, key_of_file(path, any)?.into());
    }
    if let Some(path) = &by.shares_file {
        return by_shares(locked, shares_of_file(path, any)?);
    }
    #[cfg(feature = "pkcs11")]
    if let Some(uri) = &by.pkcs11_key {
        let key = super::token::TokenKey::opening(locked, uri, common)?;
        return key.unlock(locked).map_err(not_unlocked);
    }
    // A variable that a deployment declares and does not fill is empty, as if it were not set.
    let key = match env::var(KEY_VARIABLE) {
        Ok(text) if text.is_empty() => Err(env::VarError::NotPresent),
        key => key,
    };
    match (key, path_in(PASSPHRASE_FILE_VARIABLE)) {
        (Ok(_), Some(_)) => Err(Failure::new(
            Exit::Usage,
            format!("{KEY_VARIABLE} and {PASSPHRASE_FILE_VARIABLE} are both set"),
            "unset one of them, or say --key-file or --passphrase-fd",
        )),
        (Ok(text), None) => {
            let text = Zeroizing::new(text);
            let key = SlotKey::from_text(&text).map_err(|error| {
                Failure::from(error).or_next(format!("set {KEY_VARIABLE} to a slot key, `fsk1.…`"))
            })?;
            open(locked, key.into())
        }
        (Err(env::VarError::NotUnicode(_)), _) => Err(Failure::new(
            Exit::Malformed,
            format!("{KEY_VARIABLE} is no text"),
            format!("set {KEY_VARIABLE} to a slot key, `fsk1.…`"),
        )),
        (Err(env::VarError::NotPresent), Some(path)) => {
            let text = line_of_variable(PASSPHRASE_FILE_VARIABLE, &path, any)?;
            open(locked, passphrase(&text)?)
        }
        (Err(env::VarError::NotPresent), None) => ask(locked, common, output),
    }
}

/// Opens a ring by custodians' shares: those of a file, or asked for one by one.
pub(crate) fn unlock_by_shares(
    locked: &LockedRing,
    file: Option<&Path>,
    common: &Common,
    output: &Output,
) -> Result<RingDocument, Failure> {
    let threshold = locked.slots().iter().find_map(|slot| match slot.kind() {
        SlotKind::Recovery { threshold, .. } => Some(threshold),
        _ => None,
    });
    let threshold = threshold.ok_or_else(|| {
        Failure::new(
            Exit::Locked,
            "this ring has no recovery slot, so no shares open it",
            "see what opens it: fieldseal ring slot list",
        )
    })?;
    let shares = match file {
        Some(path) => shares_of_file(path, common.any_permissions)?,
        None => {
            let mut terminal = terminal(common).ok_or_else(|| {
                Failure::new(
                    Exit::Locked,
                    "the shares are asked for on a terminal, and there is none",
                    "put them into a file, one a line, and give it by --shares-file",
                )
            })?;
            ask_for_shares(&mut terminal, threshold, output)?
        }
    };
    by_shares(locked, shares)
}

/// The terminal, unless it is not to be asked.
pub(crate) fn terminal(common: &Common) -> Option<Terminal> {
    if common.no_input { None } else { Terminal::open() }
}

fn open(locked: &LockedRing, credential: Credential) -> Result<RingDocument, Failure> {
    locked.unlock(&credential).map_err(not_unlocked)
}

fn by_shares(locked: &LockedRing, shares: Vec<Share>) -> Result<RingDocument, Failure> {
    locked.unlock(&shares.into()).map_err(|error| match error.kind() {
        // Which share is wrong, and why.
        ErrorKind::InvalidInput => Failure::new(
            Exit::Locked,
            error.to_string(),
            "bring the shares of one split, each once, as they were handed out",
        ),
        _ => not_unlocked(error),
    })
}

fn not_unlocked(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::Unlock => Failure::from(error)
            .or_next("try again; what opens this ring: fieldseal ring slot list"),
        _ => error.into(),
    }
}

fn ask(locked: &LockedRing, common: &Common, output: &Output) -> Result<RingDocument, Failure> {
    let takes_passphrase =
        locked.slots().iter().any(|slot| matches!(slot.kind(), SlotKind::Passphrase { .. }));
    let terminal = if takes_passphrase { terminal(common) } else { None };
    let Some(mut terminal) = terminal else {
        return Err(Failure::new(
            Exit::Locked,
            "the ring is locked, and nothing was given that unlocks it",
            format!(
                "give a passphrase by {PASSPHRASE_FILE_VARIABLE} or --passphrase-fd, a raw key by \
                 {KEY_VARIABLE} or --key-file, --shares-file{}; \
                 what opens this ring: fieldseal ring slot list",
                if cfg!(feature = "pkcs11") { ", or --pkcs11-key" } else { "" }
            ),
        ));
    };
    let mut tries = TRIES;
    loop {
        tries = tries.saturating_sub(1);
        let text = terminal.ask_secret("Passphrase: ")?;
        match locked.unlock(&passphrase(&text)?) {
            Err(error) if error.kind() == ErrorKind::Unlock && tries > 0 => {
                output.warning("that did not unlock the ring; try again");
            }
            result => return result.map_err(not_unlocked),
        }
    }
}

fn passphrase(text: &str) -> Result<Credential, Failure> {
    let refused =
        |error| Failure { exit: Exit::Locked, ..Failure::from(error).or_next("give a passphrase") };
    Ok(Passphrase::new(text).map_err(refused)?.into())
}

/// The raw slot key in a file: as text, or 32 bytes as they are.
pub(super) fn key_of_file(path: &Path, any_permissions: bool) -> Result<SlotKey, Failure> {
    let bytes = files::read_secret(path, any_permissions)?;
    SlotKey::from_content(&bytes).map_err(|error| {
        let next = format!("give a file that holds a slot key, `fsk1.…`, not {}", path.display());
        Failure::from(error).or_next(next)
    })
}

fn shares_of_file(path: &Path, any_permissions: bool) -> Result<Vec<Share>, Failure> {
    let bytes = files::read_secret(path, any_permissions)?;
    let text = files::text(path, &bytes)?;
    let mut shares = Vec::new();
    for text in share_texts(text) {
        shares.push(Share::from_text(&text).map_err(|error| {
            let place =
                format!("correct share {} in {}", shares.len().saturating_add(1), path.display());
            Failure::from(error).or_next(place)
        })?);
    }
    Ok(shares)
}

fn ask_for_shares(
    terminal: &mut Terminal,
    threshold: u8,
    output: &Output,
) -> Result<Vec<Share>, Failure> {
    let mut shares: Vec<Share> = Vec::new();
    while shares.len() < threshold.into() {
        let number = shares.len().saturating_add(1);
        let text = terminal.ask_secret(&format!("Share {number} of the {threshold} needed: "))?;
        match Share::from_text(&text) {
            Ok(share) if shares.iter().any(|held| held.index() == share.index()) => {
                output.warning(format_args!("share {} was given already", share.index()));
            }
            Ok(share) => shares.push(share),
            Err(error) => output.warning(error),
        }
    }
    Ok(shares)
}

//! `fieldseal ring split` and `fieldseal ring combine`: recovery by custodians.

use std::path::{Path, PathBuf};

use fieldseal::keyring::{RingId, Share};
use serde_json::json;
use zeroize::Zeroizing;

use super::slots::add_slot;
use super::view::slot_json;
use crate::args::ring::{Combine, Split};
use crate::exit::{Exit, Failure};
use crate::files;
use crate::secrets::confirm::wants;
use crate::secrets::making::Making;
use crate::secrets::terminal::Terminal;
use crate::secrets::unlock::{terminal, unlock_by_shares};
use crate::session::Session;

/// Clears the screen, and what scrolled off it.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

pub(super) fn split(asked: &Split, session: &Session<'_>) -> Result<(), Failure> {
    let mut shown_on = match &asked.out_dir {
        Some(_) => None,
        None => Some(terminal(session.common).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "each custodian is shown a share on the terminal, and there is none",
                "write the shares into files, one each: --out-dir FOLDER",
            )
        })?),
    };
    if asked.threshold > asked.shares {
        return Err(Failure::new(
            Exit::Usage,
            format!("{} of {} shares can never be brought together", asked.threshold, asked.shares),
            "ask for a --threshold that is not above the number of --shares",
        ));
    }
    let opened = session.open(&asked.unlocking)?;
    if let Some(folder) = &asked.out_dir {
        make_folder(folder)?;
        for index in 1..=asked.shares {
            files::check_absent(&place(folder, index, asked.shares))?;
        }
    }
    let fingerprint = asked.unlocking.by.fingerprint.as_deref();
    let (document, shares) = session.change_opened(&opened, fingerprint, |document| {
        document.add_recovery_slot(&asked.label, asked.threshold, asked.shares)
    })?;
    let slot = document.slots().last();
    let handed = match (&asked.out_dir, &mut shown_on) {
        (Some(folder), _) => write(&shares, document.id(), folder),
        (None, Some(terminal)) => show(&shares, terminal).map(|()| Vec::new()),
        (None, None) => Ok(Vec::new()),
    };
    let files = handed.map_err(|failure| match slot {
        Some(slot) => failure.or_next(format_args!(
            "not all shares were handed out, so remove their slot and split again: \
             fieldseal ring slot remove {}",
            slot.id()
        )),
        None => failure,
    })?;

    let mut text =
        format!("any {} of {} custodians open the ring together", asked.threshold, asked.shares);
    for file in &files {
        text.push_str(&format!("\nmade {}", file.display()));
    }
    let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let json = json!({ "slot": slot.map(slot_json), "files": files });
    session.changed(&document, json, &text)?;
    session.output.next("see that they do: fieldseal ring combine");
    Ok(())
}

fn place(folder: &Path, index: u8, shares: u8) -> PathBuf {
    folder.join(format!("share-{index}-of-{shares}.txt"))
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| Failure::file(folder, &error))
}

fn write(shares: &[Share], ring: RingId, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for share in shares {
        let path = place(folder, share.index(), share.shares());
        let share_text = share.to_text();
        let mut text = Zeroizing::new(String::with_capacity(512));
        text.push_str(&format!(
            "# Share {} of {}. Any {} of them open the fieldseal ring {ring}.\n",
            share.index(),
            share.shares(),
            share.threshold(),
        ));
        text.push_str(&share_text);
        text.push('\n');
        files::create_private(&path, text.as_bytes())?;
        files.push(path);
    }
    Ok(files)
}

/// Shows each custodian a share, and takes it off the screen before the next one looks.
fn show(shares: &[Share], terminal: &mut Terminal) -> Result<(), Failure> {
    for share in shares {
        let (index, of) = (share.index(), share.shares());
        terminal.ask(&format!("Custodian {index} of {of} alone at the screen? Press Enter. "))?;
        terminal.say("\n")?;
        terminal.say(&share.to_text())?;
        terminal.ask("\n\nWrite it down, and press Enter: it is shown once. ")?;
        terminal.say(CLEAR)?;
    }
    Ok(())
}

pub(super) fn combine(asked: &Combine, session: &Session<'_>) -> Result<(), Failure> {
    let locked = session.read(asked.floor)?;
    let file = asked.shares_file.as_deref();
    let opened = unlock_by_shares(&locked, file, session.common, session.output)?;
    session.output.talk("the shares open the ring");
    let add = Making::from(&asked.new).is_given()
        || wants("Add a new passphrase, for who lost theirs?", session.common)?;
    if add {
        let (document, json, text) = add_slot(&opened, None, &asked.new, session)?;
        return session.changed(&document, json, &text);
    }
    let json = json!({ "slot": null, "key_file": null });
    session.changed(&opened, json, "nothing was changed")?;
    session.output.next(
        "to add a slot with the shares: fieldseal ring combine --new-key-file PATH --generate",
    );
    Ok(())
}

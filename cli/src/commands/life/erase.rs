//! `fieldseal erase`.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use fieldseal::envelope::{EntryState, EnvelopeInfo, Erasure};
use fieldseal::keyring::KeyState;
use fieldseal::store::LedgerFile;
use fieldseal::{AsyncKeyStore as _, ErrorKind, KeyEnvelope, KeyRing};
use serde_json::{Value, json};

use super::head::Kept;
use super::subject::{Named, access, check_signs, ledger_at};
use crate::args::stores::subjects::Erase;
use crate::exit::{Exit, Failure};
use crate::output::{Output, printable};
use crate::secrets::confirm::confirm;
use crate::session::Session;
use crate::stores::{Committed, Database, OfOne, Place, answered, commit, on_store, wait};

pub(in crate::commands) fn run(asked: &Erase, session: &Session<'_>) -> Result<(), Failure> {
    let subject = Named::of(&asked.subject, asked.store.inline.as_ref())?;
    match &asked.receipt {
        Some(path) => crate::files::check_absent(path)?,
        // Later nothing else knows which ring keys open old copies.
        None if Output::is_unheard() => {
            return Err(Failure::new(
                Exit::Usage,
                "the receipt would be lost: standard output and standard error are closed or /dev/null",
                "nothing was erased; give a file for the receipt: --receipt FILE",
            ));
        }
        None => {}
    }
    let ledger = ledger_at(&asked.account.ledger, session)?;
    let ring = session.open(&asked.unlocking)?.into_ring();
    check_signs(&ring)?;
    let access = access(&ring, &asked.subject.tenant, &asked.account, &ledger);
    let head = Kept::check(&asked.account, &ledger, &ring, session)?;

    let done = wait(async {
        let (mut database, place) =
            Database::open_one(&asked.store, &asked.subject.tenant, session).await?;
        let stored = on_store!(database.connection, place, |store, on| {
            store.load(on, &asked.subject.tenant, &subject.id).await
        });
        let stored = stored.map_err(|error| answered(&database.name, error))?;
        let is_replaced = asked.replace_damaged
            && stored.as_ref().is_some_and(|stored| stored.edit(access, &subject.id).is_err());
        let was_erased = if is_replaced {
            let what =
                "its key envelope does not verify: it is damaged, or of another tenant or ring";
            ask(asked, session, &subject, what)?;
            false
        } else {
            check(asked, session, &subject, stored.as_ref(), &database, &place)?
        };
        // Before anything is gone: what is asked for can be written.
        let mut file = asked.receipt.as_deref().map(Reserved::make).transpose()?;
        let name = database.name.clone();
        let committed = on_store!(database.connection, place, |store, on| {
            let erase = async |on: &mut _| {
                let erased = match &asked.class {
                    Some(class) => store.erase_class(on, access, &subject.id, class).await,
                    None if asked.mark_absent => store.erase_absent(on, access, &subject.id).await,
                    None if asked.replace_damaged => {
                        store.erase_damaged(on, access, &subject.id).await
                    }
                    None => store.erase(on, access, &subject.id).await,
                };
                let erasure = erased.map_err(|error| not_erased(asked, &name, error))?;
                let receipt = erasure.receipt(access, None)?.to_string();
                // The ring keys that open old copies are named here only: once the envelope is changed,
                // nothing else knows them.
                if let Some(file) = &mut file {
                    file.fill(&receipt)?;
                }
                Ok((erasure, receipt))
            };
            commit(&name, on, erase).await
        });
        let committed = match committed {
            Ok(committed) => committed,
            Err(failure) => {
                file.iter().for_each(Reserved::release);
                return Err(failure);
            }
        };
        let (erasure, receipt) = &committed.made;
        let of = OfOne {
            store: &asked.store,
            tenant: &asked.subject.tenant,
            subject: &subject.id,
            session,
        };
        let looked = committed.look(database, &of, erasure.envelope(), "the erasure").await;
        if let Err(not_stored) = looked {
            match &file {
                Some(file) if not_stored.unknown => session.output.talk(format_args!(
                    "if the erasure turns out to be stored, its receipt is {}",
                    file.part.display()
                )),
                Some(file) => file.release(),
                None if not_stored.unknown => session.output.talk(format_args!(
                    "if the erasure turns out to be stored, this is its receipt: {receipt}"
                )),
                None => {}
            }
            return Err(not_stored.failure);
        }
        Ok(Done { name, was_erased, is_replaced, file, committed })
    });
    let head = head.keep();
    let done = done?;

    // It is stored. What fails from here on does not undo it, and says so.
    let (erasure, receipt) = &done.committed.made;
    let kept = done.file.as_ref().map_or(Ok(()), Reserved::keep);
    let said = report(asked, session, &done.name, receipt);
    if done.is_replaced {
        session.output.warning(format_args!(
            "old copies of the envelope, in backups, still open, by keys that are not known; after one is restored: \
             fieldseal ledger replay {}",
            ledger.path().display()
        ));
    }
    tell(session, &subject, done.was_erased, &still_open(erasure, &ring), &ledger);
    kept.and(said).and(head)
}

/// An erasure that is stored.
struct Done {
    name: String,
    was_erased: bool,
    is_replaced: bool,
    file: Option<Reserved>,
    committed: Committed<(Erasure, String)>,
}

/// Sees that something is there to be erased, and that it is meant. Whether it is gone already.
fn check(
    asked: &Erase,
    session: &Session<'_>,
    subject: &Named,
    stored: Option<&KeyEnvelope>,
    database: &Database,
    place: &Place,
) -> Result<bool, Failure> {
    let Some(stored) = stored else {
        if !asked.mark_absent {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "no key envelope is stored in {}, {}, for {}{}",
                    database.name,
                    place.name,
                    subject.shown(),
                    of_tenant(&asked.subject.tenant)
                ),
                "see how the application types its ids (--as), and its --tenant; to keep the subject from ever being \
                 begun there: --mark-absent",
            ));
        }
        return ask(asked, session, subject, "nothing is stored of it yet").map(|()| false);
    };
    let info = stored.inspect().map_err(|error| not_erased(asked, &database.name, error))?;
    if let Some(class) = &asked.class {
        check_class(class, &info)?;
    }
    if info.subject_erased_at.is_some() {
        return Ok(true);
    }
    let mut live: Vec<&str> = info
        .entries
        .iter()
        .filter(|entry| matches!(entry.state, EntryState::Live { .. }))
        .map(|entry| entry.class.as_str())
        .collect();
    live.dedup();
    if let Some(class) = &asked.class {
        let mask = format!("mask.{class}");
        live.retain(|one| *one == class || *one == mask);
    }
    let what = match live.as_slice() {
        [] => "it has no live data keys".to_owned(),
        classes => format!("classes: {}", classes.join(", ")),
    };
    ask(asked, session, subject, &what).map(|()| false)
}

/// Refuses a class that the subject never had.
fn check_class(class: &str, info: &EnvelopeInfo) -> Result<(), Failure> {
    let mask = format!("mask.{class}");
    if info.entries.iter().any(|entry| entry.class == class || entry.class == mask) {
        return Ok(());
    }
    let mut has: Vec<_> = info.entries.iter().map(|entry| printable(&entry.class)).collect();
    has.retain(|name| !name.starts_with("mask."));
    has.dedup();
    let has = if has.is_empty() { "no class at all".to_owned() } else { has.join(", ") };
    Err(Failure::new(
        Exit::Usage,
        format!("the subject has no class `{}`; it has {has}", printable(class)),
        "name the class as the application declares it; without --class the whole subject is erased",
    ))
}

fn ask(asked: &Erase, session: &Session<'_>, subject: &Named, what: &str) -> Result<(), Failure> {
    let scope = match &asked.class {
        Some(class) => format!("class `{}` of {}", printable(class), subject.shown()),
        None => subject.shown(),
    };
    let warning = format!(
        "All that is sealed of {scope}{} will be unreadable for ever ({what}).",
        of_tenant(&asked.subject.tenant)
    );
    confirm(&warning, subject.word(), &asked.confirmed, session.common)
}

fn of_tenant(tenant: &str) -> String {
    if tenant.is_empty() { String::new() } else { format!(" of tenant {}", printable(tenant)) }
}

/// The ledger is told first, so it may know of what was not stored.
fn not_erased(asked: &Erase, name: &str, error: fieldseal::Error) -> Failure {
    match error.kind() {
        ErrorKind::Io | ErrorKind::Conflict => {
            let failure = answered(name, error);
            let next = format!(
                "{}; the database was left as it was; where the ledger tells of the erasure already, running this \
                 again, or a replay, makes it good",
                failure.next
            );
            failure.or_next(next)
        }
        // Whoever restores a copy that no ledger tells of has the person back.
        ErrorKind::Tampered | ErrorKind::Malformed | ErrorKind::NotSealed | ErrorKind::WrongKey
            if asked.class.is_none() && !asked.replace_damaged =>
        {
            let failure = answered(name, error);
            let next = "give the --tenant and the ring that the envelope was made under; if it is damaged, restore no copy of \
                        it, but erase by --replace-damaged: the ledger records it, so that a replay erases whatever copy is \
                        restored";
            failure.or_next(next)
        }
        _ => answered(name, error),
    }
}

/// The receipt alone goes to standard output.
fn report(asked: &Erase, session: &Session<'_>, name: &str, text: &str) -> Result<(), Failure> {
    let receipt: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let file = asked.receipt.as_ref().map(|path| path.display().to_string());
    let ledger = asked.account.ledger.display().to_string();
    let json = json!({ "store": name, "receipt": receipt, "receipt_file": file, "ledger": ledger });
    match &asked.receipt {
        Some(_) => session.output.done(&json, text),
        None => session.output.done_once(&json, text),
    }
}

/// The keys by which an old copy of the envelope opens: as in the receipt, not those that this ring
/// destroyed.
fn still_open(erasure: &Erasure, ring: &KeyRing) -> Vec<String> {
    let keys = erasure.keys();
    let there =
        keys.filter(|id| ring.key(*id).is_none_or(|key| key.state() != KeyState::Destroyed));
    there.map(|id| id.to_string()).collect()
}

fn tell(
    session: &Session<'_>,
    subject: &Named,
    was_erased: bool,
    still_open: &[String],
    ledger: &LedgerFile,
) {
    let output = session.output;
    if was_erased {
        output.talk("it had been erased before, and the ledger tells of it again");
    }
    if !still_open.is_empty() {
        output.warning(format_args!(
            "old copies of the envelope, in backups, still open by the ring keys {}; after one is restored: \
             fieldseal ledger replay {}",
            still_open.join(", "),
            ledger.path().display()
        ));
    }
    output.next(format_args!(
        "keep the receipt; clear the columns that hold what was sealed of {}, and terms that it is found by: the \
         receipt names none, as the columns are known to the application alone (Erasure::receipt takes its Catalog)",
        subject.shown()
    ));
}

/// The file of a receipt. It is reserved before anything is erased. The receipt is written beside it before
/// the erasure is committed, when a full disk can still prevent the erasure, and takes its name afterwards: a
/// receipt of what was not stored would be believed.
struct Reserved {
    path: PathBuf,
    part: PathBuf,
    file: File,
}

impl Reserved {
    fn make(path: &Path) -> Result<Self, Failure> {
        let mut part = path.as_os_str().to_owned();
        part.push(".unconfirmed");
        let part = PathBuf::from(part);
        let file = created(&part)?;
        if let Err(failure) = created(path) {
            let _ = std::fs::remove_file(&part);
            return Err(failure);
        }
        Ok(Self { path: path.to_owned(), part, file })
    }

    fn fill(&mut self, text: &str) -> Result<(), Failure> {
        let written =
            self.file.write_all(text.as_bytes()).and_then(|()| self.file.write_all(b"\n"));
        let written = written.and_then(|()| self.file.sync_all());
        written.map_err(|error| {
            Failure::file(&self.part, &error).or_next(
                "nothing was erased in the database, but the ledger contains the erasure: run this again with a \
                 receipt that can be written",
            )
        })
    }

    /// The erasure is stored.
    fn keep(&self) -> Result<(), Failure> {
        std::fs::rename(&self.part, &self.path).map_err(|error| {
            Failure::file(&self.path, &error).or_next(format_args!(
                "the erasure is done and in the ledger, and its receipt is whole: keep {}",
                self.part.display()
            ))
        })
    }

    /// Nothing was erased, and there is no receipt.
    fn release(&self) {
        let _ = std::fs::remove_file(&self.path);
        let _ = std::fs::remove_file(&self.part);
    }
}

fn created(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::file(path, &error).or_next("nothing was erased; make its folder first")
        }
        _ => {
            let failure = Failure::file(path, &error);
            let next = format!("nothing was erased; {}", failure.next);
            failure.or_next(next)
        }
    })
}

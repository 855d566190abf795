//! Whom a command is about, and on whose account it is done.

use std::collections::BTreeMap;
use std::path::Path;

use fieldseal::keyring::{Census, KeyUse};
use fieldseal::store::{LedgerFile, PassReport, SubjectColumn};
use fieldseal::{Access, AsyncKeyStore as _, Error, Id, KeyRing, SubjectId, ToId as _};
use serde_json::{Value, json};

use crate::args::stores::InlineColumn;
use crate::args::stores::subjects::{Account, IdType, Subject};
use crate::exit::{Exit, Failure};
use crate::output::printable;
use crate::session::Session;
use crate::stores::counted;
use crate::stores::{Database, Place, answered, on_store};

/// A subject by its typed id.
pub(super) struct Named {
    pub(super) id: Id,
    typed: IdType,
    text: String,
}

impl Named {
    /// Takes the type from the command line, or from the column that holds the id. It is not guessed: the
    /// integer 42 and the text 42 are two subjects.
    pub(super) fn of(subject: &Subject, inline: Option<&InlineColumn>) -> Result<Self, Failure> {
        let of_column = inline.and_then(|column| match column.of {
            SubjectColumn::Integer => Some(IdType::Integer),
            SubjectColumn::Text => Some(IdType::Text),
            SubjectColumn::Uuid => Some(IdType::Uuid),
            _ => None,
        });
        let typed = match (subject.typed, of_column) {
            (Some(said), Some(of_column)) if said != of_column => {
                return Err(Failure::new(
                    Exit::Usage,
                    "--as says another type than the column of the subject holds",
                    "leave --as out, or correct --inline",
                ));
            }
            (Some(typed), _) | (None, Some(typed)) => typed,
            (None, None) => {
                return Err(Failure::new(
                    Exit::Usage,
                    "the type of the subject's id was not said: the integer 42 and the text 42 are two subjects",
                    "say how the application types it: --as integer, --as text, --as uuid or --as bytes",
                ));
            }
        };
        let id = parse(typed, &subject.id)?;
        Ok(Self { id, typed, text: subject.id.clone() })
    }

    /// For people: `the integer 42`.
    pub(super) fn shown(&self) -> String {
        let text = printable(&self.text);
        match self.typed {
            IdType::Integer => format!("the integer {text}"),
            IdType::Text => format!("the text `{text}`"),
            IdType::Uuid => format!("the UUID {text}"),
            IdType::Bytes => format!("the bytes {text}"),
        }
    }

    /// What is typed to confirm.
    pub(super) fn word(&self) -> &str {
        &self.text
    }
}

fn parse(typed: IdType, text: &str) -> Result<Id, Failure> {
    let wrong = |what: &str| {
        Failure::new(Exit::Usage, what, "give the subject's id as the application has it")
    };
    match typed {
        IdType::Integer => {
            let whole = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
            let negative = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
            match (whole, negative) {
                (Some(number), _) => Ok(number.to_id()?),
                (None, Some(number)) => Ok(number.to_id()?),
                (None, None) => Err(wrong(
                    "an integer id is a number from -2^63 to 2^64-1, without leading zeros or a plus sign",
                )),
            }
        }
        IdType::Text => Ok(text.to_id()?),
        IdType::Uuid => {
            let groups: Vec<usize> = text.split('-').map(str::len).collect();
            let digits = text.replace('-', "");
            let bytes = hex(&digits).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
            match bytes.filter(|_| matches!(groups.as_slice(), [32] | [8, 4, 4, 4, 12])) {
                Some(bytes) => Ok(Id::from_uuid_bytes(bytes)),
                None => Err(wrong("a UUID is 32 hexadecimal digits, with hyphens or without")),
            }
        }
        IdType::Bytes => match hex(text) {
            Some(bytes) => Ok(bytes.to_id()?),
            None => Err(wrong("bytes are an even number of hexadecimal digits")),
        },
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(
        digits
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte: u8, digit| (byte << 4) | digit))
            .collect(),
    )
}

/// The ledger in a file that is there.
pub(super) fn ledger_at(path: &Path, session: &Session<'_>) -> Result<LedgerFile, Failure> {
    if !path.exists() {
        return Err(Failure::new(
            Exit::File,
            format!("there is no ledger at {}", path.display()),
            "give the path of the one that the application keeps, or begin one: fieldseal ledger begin FILE",
        ));
    }
    let file = LedgerFile::at(path);
    Ok(if session.common.any_permissions { file.any_permissions() } else { file })
}

/// Refuses a ring that cannot sign, before anything is done.
pub(super) fn check_signs(ring: &KeyRing) -> Result<(), Failure> {
    let key = ring.primary(KeyUse::Sign, "sign");
    if key.is_some_and(|key| key.holds() == fieldseal::keyring::KeyMaterial::Secret) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        "the ring holds no primary key that signs, and what is done is signed for",
        "add one: fieldseal ring add-key sign; a service gets it by fieldseal ring subset --sign",
    ))
}

/// The ring, used on this account.
pub(super) fn access<'a>(
    ring: &'a KeyRing,
    tenant: &'a str,
    account: &'a Account,
    ledger: &'a LedgerFile,
) -> Access<'a> {
    let mut access = Access::new(ring).tenant(tenant).ledger(ledger);
    if let Some(actor) = &account.actor {
        access = access.actor(actor);
    }
    if let Some(purpose) = &account.purpose {
        access = access.purpose(purpose);
    }
    access
}

/// `1 of 2 envelopes was`, `0 of 2 envelopes were`.
pub(super) fn of_seen(pass: &PassReport) -> String {
    let seen = counted(pass.seen, "envelope", "envelopes");
    format!("{} of {seen} {}", pass.changed, if pass.changed == 1 { "was" } else { "were" })
}

/// What a pass over a place came to.
pub(super) struct Passed {
    pub(super) place: String,
    pub(super) pass: PassReport,
}

impl Passed {
    pub(super) fn json(&self) -> Value {
        let failed: Vec<_> = self
            .pass
            .failed
            .iter()
            .map(|(tenant, subject, error)| {
                json!({ "tenant": tenant, "subject": shown(subject), "error": error.to_string() })
            })
            .collect();
        let PassReport { seen, changed, unnamed, .. } = self.pass;
        json!({ "place": self.place, "seen": seen, "changed": changed, "unnamed": unnamed, "failed": failed })
    }

    /// Says what was left as it was, and how the run ends, which saw so many envelopes elsewhere.
    pub(super) fn end(all: &[Self], elsewhere: u64, session: &Session<'_>) -> Exit {
        let mut exit = Exit::Done;
        for Self { place, pass } in all {
            if !pass.failed.is_empty() {
                exit = Exit::Partly;
                warn_grouped(place, &pass.failed, session);
            }
            if pass.unnamed > 0 {
                exit = Exit::Partly;
                session.output.warning(printable(&format!(
                    "{place}: {} and no subject: NULL, or another type than the column's; left as they are",
                    counted(pass.unnamed, "row holds an envelope", "rows hold an envelope")
                )));
            }
            if pass.seen == 0 && pass.unnamed == 0 {
                session.output.warning(printable(&format!("{place}: no envelope is there")));
            }
        }
        if exit == Exit::Partly {
            session.output.next(
                "these envelopes stayed as they were: see why, and run this again; what is done is not done twice",
            );
        } else if elsewhere == 0 && all.iter().all(|one| one.pass.seen == 0) && !all.is_empty() {
            exit = Exit::Partly;
            session.output.next("name the databases, columns and tenants that hold envelopes");
        }
        exit
    }
}

/// The tables beside those that a pass went over, which may hold envelopes too.
pub(super) struct Beside(Census);

impl Beside {
    pub(super) fn new() -> Self {
        Self(Census::new())
    }

    /// Notes the tables of a database, and those that its places are.
    pub(super) async fn note(&mut self, database: &mut Database) -> Result<(), Failure> {
        // The table of one's own may be there, and off the search path.
        let columns = database.standalone.iter().map(|one| Place::of_column(&one.column));
        let others: Vec<_> = columns.chain([Place::own()]).collect();
        for place in database.places.iter().chain(&others) {
            let noted = on_store!(database.connection, place, |store, on| {
                store.note_tables(on, &mut self.0).await
            });
            noted.map_err(|error| answered(&place.name, error))?;
        }
        Ok(())
    }

    /// Says which of them no database and search path of the run has, and how the run ends.
    pub(super) fn end(&self, exit: Exit, session: &Session<'_>) -> Exit {
        let missed = self.0.missed();
        for missed in &missed {
            session.output.warning(printable(missed));
        }
        match exit {
            Exit::Done if !missed.is_empty() => Exit::Partly,
            exit => exit,
        }
    }
}

/// One line a reason, with how many it is about and a few of them.
fn warn_grouped(place: &str, failed: &[(String, SubjectId, Error)], session: &Session<'_>) {
    let mut groups: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
    for (tenant, subject, error) in failed {
        let (count, examples) = groups.entry(error.to_string()).or_default();
        *count = count.saturating_add(1);
        if examples.len() < EXAMPLES {
            let of = if tenant.is_empty() { String::new() } else { format!(" of {tenant}") };
            examples.push(format!("{}{of}", shown(subject)));
        }
    }
    for (why, (count, examples)) in groups.iter().take(REASONS) {
        let named = examples.join(", ");
        let more = match count.saturating_sub(examples.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        session.output.warning(printable(&format!("{place}: {named}{more}: {why}")));
    }
    if let Some(more) = groups.len().checked_sub(REASONS).filter(|more| *more > 0) {
        session.output.warning(printable(&format!(
            "{place}: {}; --json lists every envelope",
            counted(u64::try_from(more).unwrap_or(u64::MAX), "more reason", "more reasons")
        )));
    }
}

/// How many envelopes a warning names.
const EXAMPLES: usize = 3;

/// How many reasons are listed.
const REASONS: usize = 20;

/// `42`, `"ada"`.
pub(super) fn shown(subject: &SubjectId) -> String {
    let text = format!("{subject:?}");
    let inner = text.strip_prefix("SubjectId(").and_then(|text| text.strip_suffix(')'));
    inner.unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_typed_and_have_one_spelling() {
        let id = |typed, text| parse(typed, text).map_err(|failure| failure.exit);
        assert_eq!(
            id(IdType::Integer, "42"),
            Ok(42_u64.to_id().unwrap_or_else(|_| Id::from_uuid_bytes([0; 16])))
        );
        assert_ne!(id(IdType::Integer, "42"), id(IdType::Text, "42"));
        assert!(id(IdType::Integer, "-9223372036854775808").is_ok());
        assert!(id(IdType::Integer, "18446744073709551615").is_ok());
        let plain = id(IdType::Uuid, "00112233445566778899aabbccddeeff");
        assert_eq!(plain, id(IdType::Uuid, "00112233-4455-6677-8899-AABBCCDDEEFF"));
        assert_eq!(
            plain,
            Ok(Id::from_uuid_bytes([
                0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD,
                0xEE, 0xFF,
            ]))
        );
        for (typed, bad) in [
            (IdType::Integer, ""),
            (IdType::Integer, "+1"),
            (IdType::Integer, "007"),
            (IdType::Integer, "-0"),
            (IdType::Integer, "1.5"),
            (IdType::Integer, "ada"),
            (IdType::Integer, "18446744073709551616"),
            (IdType::Text, ""),
            (IdType::Uuid, "0011"),
            (IdType::Uuid, "001122334455-66778899aabbccddeeff"),
            (IdType::Uuid, "0011223344556677889900aabbccddeeff"),
            (IdType::Uuid, "+0112233445566778899aabbccddeeff"),
            (IdType::Bytes, ""),
            (IdType::Bytes, "0"),
            (IdType::Bytes, "zz"),
        ] {
            assert_eq!(id(typed, bad), Err(Exit::Usage), "{bad}");
        }
    }
}

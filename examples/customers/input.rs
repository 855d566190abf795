//! Customers from a CSV file, each line checked.

use std::path::Path;

use clap::ValueEnum;
use serde::Deserialize;

use crate::{Anyhow, Customer};

/// What the header has, in any order.
const COLUMNS: [&str; 14] = [
    "id",
    "name",
    "email",
    "phone",
    "birth_date",
    "street",
    "city",
    "postcode",
    "country",
    "iban",
    "card",
    "notes",
    "plan",
    "created_at",
];

/// One line, as the file has it.
#[derive(Deserialize)]
struct Line {
    id: i64,
    name: String,
    email: String,
    phone: Option<String>,
    birth_date: Option<String>,
    street: Option<String>,
    city: String,
    postcode: Option<String>,
    country: String,
    iban: Option<String>,
    card: Option<String>,
    notes: Option<String>,
    plan: String,
    created_at: String,
}

/// A customer, and the line of the file that names them.
pub(crate) struct Read {
    pub(crate) line: u64,
    pub(crate) customer: Customer,
}

/// What to do with a line that is not a customer.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum BadLine {
    /// Name it, and store nothing.
    Refuse,
    /// Name it, and go on without it.
    Skip,
}

impl BadLine {
    /// Reports a line of this file that is not a customer: an error, or a line on standard error.
    pub(crate) fn report(self, path: &Path, line: Option<u64>, reason: &str) -> Anyhow<()> {
        let place = line.map_or(String::new(), |line| format!(" line {line}:"));
        let message = format!("{}:{place} {reason}", path.display());
        if self == Self::Refuse {
            return Err(format!(
                "{message}\nnothing was stored; --bad-line skip goes on without such lines"
            )
            .into());
        }
        eprintln!("skipped: {message}");
        Ok(())
    }
}

/// Reads the customers. Lines that are not customers are reported.
pub(crate) fn read(path: &Path, limit: Option<usize>, bad_line: BadLine) -> Anyhow<Vec<Read>> {
    let file = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut lines = Lines { file: &file, at: 0, line: 1 };
    let mut reader = csv::Reader::from_reader(&file[..]);
    let header = reader.headers()?.clone();
    if let Some(missing) = COLUMNS.iter().find(|column| !header.iter().any(|name| name == **column))
    {
        return Err(format!("{}: the header has no column `{missing}`", path.display()).into());
    }
    let times = |column: &str| header.iter().filter(|name| *name == column).count();
    if let Some(twice) = COLUMNS.iter().find(|column| times(column) > 1) {
        return Err(format!(
            "{}: the header has column `{twice}` {} times: which of them is it?",
            path.display(),
            times(twice)
        )
        .into());
    }
    let mut customers: Vec<Read> = Vec::new();
    let mut ids = std::collections::HashSet::new();
    for record in reader.records() {
        if limit.is_some_and(|limit| customers.len() >= limit) {
            break;
        }
        let checked = match record {
            Ok(record) => {
                let line = lines.of(record.position());
                let parsed = if record == header {
                    Err("the header again: were two files joined?".to_owned())
                } else {
                    record
                        .deserialize::<Line>(Some(&header))
                        .map_err(|error| reason(&error, &header))
                };
                parsed
                    .and_then(customer)
                    .map(|customer| (line, customer))
                    .map_err(|why| (Some(line), why))
            }
            Err(error) => {
                Err((error.position().map(|at| lines.of(Some(at))), reason(&error, &header)))
            }
        };
        let checked = checked.and_then(|(line, customer)| {
            if ids.insert(customer.id) {
                Ok(Read { line, customer })
            } else {
                Err((Some(line), format!("id {} occurs twice", customer.id)))
            }
        });
        match checked {
            Ok(read) => customers.push(read),
            Err((line, reason)) => bad_line.report(path, line, &reason)?,
        }
    }
    Ok(customers)
}

/// Numbers of lines. The reader's own is one too low behind a line that ends with CR LF.
struct Lines<'a> {
    file: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line in which a record begins. Records come in the order of the file.
    fn of(&mut self, record: Option<&csv::Position>) -> u64 {
        let begin = record.map_or(0, csv::Position::byte);
        while let Some(byte) = self.file.get(self.at) {
            let is_before = u64::try_from(self.at).is_ok_and(|at| at < begin);
            if !is_before && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            self.line += u64::from(*byte == b'\n');
            self.at += 1;
        }
        self.line
    }
}

/// Why a line does not deserialize: by the name of the column, without its content.
fn reason(error: &csv::Error, header: &csv::StringRecord) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let field = err.field().and_then(|field| header.get(usize::try_from(field).ok()?));
            field.map_or_else(|| err.to_string(), |name| format!("column {name}: {}", err.kind()))
        }
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns, and the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

/// The customer of a line. The reason of a refusal names the column, never its content.
fn customer(line: Line) -> Result<Customer, String> {
    let birth_date = match line.birth_date.as_deref() {
        None => None,
        Some(text) => Some(
            text.parse().map_err(|_| "column birth_date is no date like 1987-05-23".to_owned())?,
        ),
    };
    if !line.email.contains('@') {
        return Err("column email is no address".to_owned());
    }
    Ok(Customer {
        id: line.id,
        surname: surname(&line.name).to_owned(),
        name: line.name,
        email: line.email,
        phone: line.phone,
        birth_date,
        street: line.street,
        city: line.city,
        postcode: line.postcode,
        iban: line.iban,
        card: line.card,
        notes: line.notes,
        country: line.country,
        plan: line.plan,
        created_at: line.created_at,
    })
}

/// The last word of a name: not everybody's surname, and enough for an example.
fn surname(name: &str) -> &str {
    name.split_whitespace().next_back().unwrap_or(name)
}

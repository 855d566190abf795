//! Customers from a CSV file, each line checked.

use std::path::Path;

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

/// Reads the customers. A line that is none is named on standard error, and skipped or refused.
pub(crate) fn read(path: &Path, limit: Option<usize>, skip: bool) -> Anyhow<Vec<Customer>> {
    let mut reader =
        csv::Reader::from_path(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let header = reader.headers()?.clone();
    if let Some(missing) = COLUMNS.iter().find(|column| !header.iter().any(|name| name == **column))
    {
        return Err(format!("{}: the header has no column `{missing}`", path.display()).into());
    }
    let mut customers: Vec<Customer> = Vec::new();
    let mut ids = std::collections::HashSet::new();
    for record in reader.records() {
        if limit.is_some_and(|limit| customers.len() >= limit) {
            break;
        }
        let number = |record: &csv::StringRecord| record.position().map_or(0, csv::Position::line);
        let checked = record.map_err(|error| (None, error.to_string())).and_then(|record| {
            let line = number(&record);
            let parsed =
                record.deserialize::<Line>(Some(&header)).map_err(|error| reason(&error, &header));
            parsed
                .and_then(customer)
                .map_err(|reason| (Some(line), reason))
                .map(|customer| (line, customer))
        });
        let checked = checked.and_then(|(line, customer)| {
            if ids.insert(customer.id) {
                Ok(customer)
            } else {
                Err((Some(line), format!("id {} occurs twice", customer.id)))
            }
        });
        match checked {
            Ok(customer) => customers.push(customer),
            Err((line, reason)) => {
                let place = line.map_or(String::new(), |line| format!(" line {line}:"));
                let message = format!("{}:{place} {reason}", path.display());
                if !skip {
                    return Err(format!(
                        "{message}\nnothing was stored; --bad-line skip goes on without such lines"
                    )
                    .into());
                }
                eprintln!("skipped: {message}");
            }
        }
    }
    Ok(customers)
}

/// Why a line does not deserialize: by the name of the column, without its content.
fn reason(error: &csv::Error, header: &csv::StringRecord) -> String {
    let csv::ErrorKind::Deserialize { err, .. } = error.kind() else { return error.to_string() };
    let field = err.field().and_then(|field| header.get(usize::try_from(field).ok()?));
    field.map_or_else(|| err.to_string(), |name| format!("column {name}: {}", err.kind()))
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

//! Customers from a CSV file, each line checked.

use std::path::Path;

use serde::Deserialize;

use crate::{Anyhow, Customer};

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
                record.deserialize::<Line>(Some(&header)).map_err(|error| error.to_string());
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

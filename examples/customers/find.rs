//! Customers found by what is sealed.

use fieldseal::field::Query;
use fieldseal::store::SqlDialect;
use fieldseal::{KeyRing, SealedRecord as _};
use jiff::civil::date;

use crate::store::Store;
use crate::{Anyhow, Customer, SealedCustomer, customer};

pub(crate) fn show(
    store: &Store,
    back_office: &KeyRing,
    switchboard: &KeyRing,
    customers: &[Customer],
) -> Anyhow<()> {
    println!("\nThe back office finds customers by what is sealed:");
    let Some(someone) = customers.iter().find(|customer| customer.phone.is_some()) else {
        return Ok(());
    };

    let asked = someone.email.to_uppercase();
    let query = customer::EMAIL_INDEX.query(back_office, asked.as_str())?;
    let rows = store.found(&query.in_column(SqlDialect::Sqlite, "email_index")?)?;
    let found = opened(&rows, back_office, &query, |customer| &customer.email)?;
    println!("  by {asked}: {}", names(&found));
    assert!(found.iter().any(|customer| customer.id == someone.id), "found in any case");

    let phone = someone.phone.as_deref().unwrap_or_default();
    let spelled = phone.replacen('+', "00", 1).replace(' ', "-");
    // The switchboard finds who calls, and opens nothing.
    let query = customer::PHONE_INDEX.query(switchboard, spelled.as_str())?;
    let rows = store.found(&query.in_column(SqlDialect::Sqlite, "phone_index")?)?;
    println!(
        "  by {spelled}: the switchboard finds {} customer, of number {}",
        rows.len(),
        ids(&rows)
    );
    assert!(rows.iter().all(|row| row.open(switchboard, row.id).is_err()), "and opens nobody");
    let found = opened(&rows, back_office, &query, |customer| &customer.phone)?;
    assert!(found.iter().any(|customer| customer.id == someone.id), "found in any spelling");

    let start: String = someone.surname.chars().take(3).collect::<String>().to_lowercase();
    let query = customer::SURNAME_PREFIX.query(back_office, start.as_str())?;
    let rows = store.found(&query.in_table("customer.id")?)?;
    let found = opened(&rows, back_office, &query, |customer| &customer.surname)?;
    println!("  by a surname that begins with {start}: {}", names(&found));
    assert!(found.iter().any(|customer| customer.id == someone.id), "found by how it begins");

    let born = date(1970, 1, 1)..=date(1974, 12, 31);
    let query = customer::BIRTH_DATE_RANGE.between(back_office, born.clone())?;
    let rows = store.found(&query.in_table("customer.id")?)?;
    let found = opened(&rows, back_office, &query, |customer| &customer.birth_date)?;
    let in_the_clear = customers
        .iter()
        .filter(|customer| customer.birth_date.is_some_and(|day| born.contains(&day)));
    println!(
        "  born from 1970 to 1974: {} customers, by {} terms",
        found.len(),
        query.terms().len()
    );
    assert_eq!(
        found.len(),
        in_the_clear.count(),
        "nobody is missed, and nobody is found by mistake"
    );
    println!("  what such an index tells: {}", customer::BIRTH_DATE_RANGE.leakage());
    Ok(())
}

/// What was found, opened; of those, what was asked for.
fn opened<T: fieldseal::SealValue>(
    rows: &[SealedCustomer],
    ring: &KeyRing,
    query: &Query<T>,
    field: impl Fn(&Customer) -> &T,
) -> Anyhow<Vec<Customer>> {
    let rows = rows.iter().map(|row| (row, row.id));
    Ok(SealedCustomer::open_matching(rows, ring, |customer| query.matches(field(customer)))?)
}

fn names(found: &[Customer]) -> String {
    let names: Vec<&str> = found.iter().take(3).map(|customer| customer.name.as_str()).collect();
    let more = found.len().saturating_sub(names.len());
    if more > 0 { format!("{}, and {more} more", names.join(", ")) } else { names.join(", ") }
}

fn ids(rows: &[SealedCustomer]) -> String {
    rows.iter().map(|row| row.id.to_string()).collect::<Vec<_>>().join(", ")
}

//! What analysts get: pseudonyms that lead to nobody, and a table in which nobody stands alone.

use fieldseal::export::{AnonymousExport, Generalize};
use fieldseal::keyring::Capabilities;
use fieldseal::{KeyRing, SealedRecord as _};

use crate::store::Store;
use crate::{Anyhow, Customer, SealedCustomer};

/// Nobody is told of in a group of fewer.
const FEWEST: u64 = 5;

pub(crate) fn show(
    store: &Store,
    ring: &KeyRing,
    back_office: &KeyRing,
    customers: &[Customer],
) -> Anyhow<()> {
    println!("\nAnalysts get pseudonyms, one for each purpose:");
    let of = |purpose: &'static str| ring.subset_with(&Capabilities::new().pseudonyms("", purpose));
    let (churn, study) = (of("churn")?.into_ring(), of("study-2026")?.into_ring());
    for customer in customers.iter().take(2) {
        println!(
            "  customer {}: {} to one, {} to the other",
            customer.id,
            churn.pseudonyms("churn")?.text(customer.id)?,
            study.pseudonyms("study-2026")?.uuid(customer.id)?
        );
    }
    assert!(churn.pseudonyms("study-2026").is_err(), "a key of one purpose makes no other names");

    println!("and a table without names, of spans of birth years and of countries, with the plan:");
    let mut export = AnonymousExport::new()
        .column("born", Generalize::years(20), |customer: &Customer| &customer.birth_date)
        .column("country", Generalize::kept(), |customer| &customer.country)
        .column("plan", Generalize::measure(), |customer| &customer.plan);
    for customer in customers {
        let row: SealedCustomer = store.by_id(customer.id)?;
        export.add(customer.id, &row.open(back_office, customer.id)?)?;
    }
    let mut rows = export.finish();
    print!("  {} people, the smallest group {}", customers.len(), rows.smallest_group());
    let left_out = rows.suppress(FEWEST.try_into()?);
    println!(
        "; without groups below {FEWEST}: {left_out} rows left out, the smallest {}",
        rows.smallest_group()
    );
    for row in rows.rows().take(3) {
        let cells = row.iter().map(|cell| cell.as_deref().unwrap_or("—")).collect::<Vec<_>>();
        println!("  {}", cells.join(", "));
    }
    Ok(())
}

//! A customer's life: consent given and withdrawn, a customer erased, a backup made right, and what still
//! needs which key.

use std::path::Path;

use fieldseal::envelope::History;
use fieldseal::keyring::Census;
use fieldseal::ledger::{Receipt, Replay};
use fieldseal::store::{LedgerFile, SqliteKeyStore, SubjectColumn};
use fieldseal::{
    Access, Catalog, ErrorKind, KeyRing, KeyStore as _, Record as _, SealedRecord as _,
};

use rusqlite::{Transaction, TransactionBehavior};

use crate::store::Store;
use crate::{Anyhow, CONTACT, Customer};

/// The key envelopes stand in the rows.
fn envelopes() -> Anyhow<SqliteKeyStore> {
    Ok(SqliteKeyStore::inline("customer", ("id", SubjectColumn::Integer), "keys")?)
}

pub(crate) fn show(
    path: &Path,
    ring: &mut KeyRing,
    one: &Customer,
    other: &Customer,
) -> Anyhow<()> {
    let (backup, ledger_path) = (path.with_extension("backup.db"), path.with_extension("ledger"));
    ring.add_role("marketing")?;
    ring.add_signing_key()?;
    let (ring, store) = (&*ring, envelopes()?);
    let ledger = LedgerFile::create(&ledger_path, ring)?;
    let privacy = Access::new(ring).actor("privacy desk").ledger(&ledger);
    let rows = Store::open(path)?;
    let db = rows.connection();
    store.migrate(db)?;

    println!("\n{} consents to marketing, and withdraws:", one.name);
    let marketing = ring.subset(&["marketing"])?.into_ring();
    let read = |when: &str| -> Anyhow<()> {
        let partial = rows.by_id(one.id)?.open_partial(&marketing, one.id)?;
        let email = partial.email.unwrap_or_else(|error| format!("nothing ({})", error.kind()));
        println!("  {when:<14} marketing reads {email}");
        Ok(())
    };
    read("before:")?;
    let by_form = privacy.actor("the customer").source("form /newsletter").notice("2026-03");
    store
        .change(db, by_form, one.id, |edit| edit.grant(CONTACT, "marketing", History::Included))?;
    read("with consent:")?;
    std::fs::copy(path, &backup)?;
    store
        .change(db, by_form.source("letter"), one.id, |edit| edit.withdraw(CONTACT, "marketing"))?;
    // The values are still under the key that marketing had: what was queued is resealed.
    for queued in store.reseal_queue(db, None, 100)? {
        // What is read cannot change before it is stored. Dropped on an error, the transaction is rolled back.
        let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
        let id = queued.subject.as_i64().ok_or("a customer's id is a number")?;
        let resealed = rows.by_id(id)?.reseal(ring, id)?;
        rows.store_columns(&resealed.row, resealed.columns())?;
        store.finish_reseal(db, ring, &queued)?;
        transaction.commit()?;
    }
    read("withdrawn:")?;
    for consent in ledger.consents(ring, one.id, None)? {
        let stands = if consent.given.is_some() { "stands" } else { "is withdrawn" };
        println!("  the ledger: consent of `{}` to `{}` {stands}", consent.role, consent.class);
    }

    // To be kept where the ledger is not.
    let known = ledger.check(&ring.verifying_keys(), None)?;

    println!("\n{} asks to be forgotten:", other.name);
    let asked = privacy.purpose("request 2026-118");
    let erasure = store.erase(db, asked, other.id)?;
    let catalog = Catalog::new(&[Customer::SCHEMA])?;
    let receipt = erasure.receipt(asked, Some(&catalog))?.to_string();
    for line in receipt.lines() {
        println!("  {line}");
    }
    let public = ring.verifying_keys();
    let verified = Receipt::from_json(receipt.as_bytes(), &public)?;
    let keys = public.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    println!("  verified with {keys}: {} data keys are gone", verified.generations().len());
    let altered = receipt.replace("\"contact\"", "\"notes\"");
    assert!(Receipt::from_json(altered.as_bytes(), &public).is_err(), "an altered receipt");
    let is_erased = |rows: &Store| -> Anyhow<bool> {
        let opened = rows.by_id(other.id)?.open(ring, other.id);
        Ok(opened.is_err_and(|error| error.kind() == ErrorKind::Erased))
    };
    assert!(is_erased(&rows)?, "nobody opens the row any more");

    println!("\nThe backup of before is restored:");
    let restored = Store::open(&backup)?;
    println!("  {} is back: {}", other.name, !is_erased(&restored)?);
    let told = ledger.read_known(&public, &known)?;
    let replay = Replay::new(ring, &[&told], &catalog)?;
    let pass = replay.run(&store, &rusqlite::Connection::open(&backup)?, ring)?;
    println!("  the ledger is played back: {} of {} envelopes made right", pass.changed, pass.seen);
    println!("  {} is back: {}", other.name, !is_erased(&restored)?);
    assert!(is_erased(&restored)? && pass.failed.is_empty(), "the replay did not do its work");
    drop(restored);

    println!("\nThe census, from headers alone:");
    let mut census = Census::new();
    store.census(db, "customer.keys", &mut census)?;
    census.name_keys(ring);
    for line in census.to_string().lines() {
        println!("  {line}");
    }
    for file in [&backup, &ledger_path] {
        std::fs::remove_file(file)?;
    }
    Ok(())
}

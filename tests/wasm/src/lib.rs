//! Seals, opens and erases in WebAssembly, by the clock and the randomness of the page.

use fieldseal::envelope::EntryState;
use fieldseal::{Class, DataKeys, ErrorKind, Field, KeyRing};

const CONTACT: Class = Class::new("contact");
const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);

/// Seals, opens and erases this many values. Returns how many of them opened before and did not after.
#[unsafe(no_mangle)]
pub extern "C" fn fieldseal_round_trips(count: u32) -> u32 {
    let Ok(ring) = KeyRing::generate() else { return 0 };
    let is_right = |number: u32| -> Result<bool, fieldseal::Error> {
        let (id, text) = (u64::from(number), format!("{number}@example.com"));
        let keys = DataKeys::create(&ring, id, EMAIL)?;
        let sealed = EMAIL.seal(&keys, &text)?;
        let opened = EMAIL.open(&keys.envelope().unwrap(&ring, id)?, &sealed)? == text;
        let mut edit = keys.envelope().edit(&ring, id)?;
        edit.erase_subject()?;
        let after = edit.finish()?.unwrap(&ring, id).and_then(|keys| EMAIL.open(&keys, &sealed));
        Ok(opened && after.is_err_and(|error| error.kind() == ErrorKind::Erased))
    };
    (0..count).map(|number| u32::from(is_right(number).unwrap_or(false))).sum()
}

/// When an envelope that is made now was made, in Unix seconds; -1 where there is no clock, -2 for another
/// error.
#[unsafe(no_mangle)]
pub extern "C" fn fieldseal_created_at() -> f64 {
    let created_at = || -> Result<u64, fieldseal::Error> {
        let keys = DataKeys::create(&KeyRing::generate()?, 42, EMAIL)?;
        let entries = keys.envelope().inspect()?.entries;
        Ok(entries.first().map_or(0, |entry| match entry.state {
            EntryState::Live { created_at, .. } => created_at,
            _ => 0,
        }))
    };
    match created_at() {
        Ok(seconds) => seconds as f64,
        Err(error) if error.to_string().contains("no clock") => -1.0,
        Err(_) => -2.0,
    }
}

//! People whose key envelope is damaged.

use std::fs;

use sqlx::Row as _;

use crate::common::Place;
use crate::common::life::{ok, run};
use crate::common::stores::wait;

/// One byte of the envelope is not what it was.
fn with_damage() -> Place {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(42);
    fs::copy(place.path("shop.db"), place.path("backup.db")).unwrap();
    wait(async {
        let on = &mut shop.connect().await;
        let stored = sqlx::query("SELECT envelope FROM fieldseal_keys").fetch_one(&mut *on).await;
        let mut bytes: Vec<u8> = stored.unwrap().get(0);
        *bytes.last_mut().unwrap() ^= 1;
        let update = sqlx::query("UPDATE fieldseal_keys SET envelope = $1").bind(bytes);
        update.execute(on).await.unwrap();
    });
    place
}

#[test]
fn a_damaged_envelope_keeps_nobody_from_being_erased() {
    let place = with_damage();
    let ledger = place.read("ledger");
    let refused = run(&place, &["erase", "42", "--yes"]);
    refused.failed(9, "tampered", "restore no copy of it, but erase by --replace-damaged");
    let of_class = run(&place, &["erase", "42", "--yes", "--class", "contact"]);
    assert!(of_class.code == 9 && !of_class.err.contains("--replace-damaged"), "{of_class:?}");
    let asked = run(&place, &["erase", "42", "--replace-damaged"]);
    asked.failed(8, "to be confirmed", "--yes");
    assert_eq!(place.read("ledger"), ledger, "nothing is told of what was not done");
    let erased = ok(&place, &["erase", "42", "--yes", "--replace-damaged"]);
    assert!(erased.out.contains("\"integer\": \"42\"") || erased.out.contains("42"), "{erased:?}");
    assert!(erased.err.contains("by keys that are not known"), "{erased:?}");
    assert_ne!(place.read("ledger"), ledger);

    // The backup is put back, and the replay erases them there too.
    fs::copy(place.path("backup.db"), place.path("shop.db")).unwrap();
    let replay = ["ledger", "replay", "ledger", "--classes", "classes.json"];
    let replayed = place.run(&[&replay[..], &["--store", "sqlite:shop.db"]].concat());
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert!(replayed.out.contains("1 of 1 envelope"), "{replayed:?}");
    let shop = place.shop();
    let census = place.json(&["census", "--store", "sqlite:shop.db"]);
    assert_eq!(census["places"][0]["erased_subjects"], 1, "{census}");
    drop(shop);
}

//! Passes over a whole store: changes of all, and the census.

use std::sync::Mutex;

use fieldseal::store::{SqliteKeyStore, SqliteTermsTable};
use fieldseal::{ErrorKind, KeyStore, MemoryKeyStore};
use rusqlite::Connection;

use crate::common::*;
use crate::contract::*;

/// More than one page of a pass, in a store that can hold them.
const MANY: u64 = 300;

#[test]
fn a_pass_changes_each_envelope_once() {
    on_every_store(|store| {
        let count = if store.tenants().len() > 1 { MANY } else { 40 };
        for tenant in store.tenants() {
            for number in 0..count {
                store.save(tenant, &store.id(number), &fresh(tenant, &store.id(number))).unwrap();
            }
        }
        let met = Mutex::new(Vec::new());
        let ring = admin();
        let pass = store
            .change_all(at(&ring), &mut |one, edit| {
                met.lock().unwrap().push((one.tenant.clone(), one.subject.clone()));
                // Every other one stays as it is.
                if met.lock().unwrap().len() % 2 == 0 { edit.renew(CONTACT) } else { Ok(()) }
            })
            .unwrap();
        let (seen, tenants) = (met.into_inner().unwrap(), store.tenants());
        let all = count * u64::try_from(tenants.len()).unwrap();
        assert_eq!((pass.seen, pass.changed, pass.failed.len()), (all, all / 2, 0));
        for (position, (tenant, subject)) in seen.iter().enumerate() {
            let version = info(&store.load(tenant, subject).unwrap()).version;
            assert_eq!(version, if position % 2 == 1 { 2 } else { 1 });
        }
        assert_eq!(store.queued(1_000).len(), seen.len() / 2, "what was renewed is to be resealed");
    });
}

#[test]
fn an_envelope_that_cannot_be_changed_stops_no_other() {
    on_every_store(|store| {
        for number in 0..10 {
            // Another subject's, put in this one's place.
            let of = if number == 4 { store.id(3) } else { store.id(number) };
            store.save("", &store.id(number), &fresh("", &of)).unwrap();
        }
        let (ring, unknown) = (admin(), store.id(6));
        let pass = store.change_all(at(&ring), &mut |one, edit| {
            if one.subject == unknown { edit.erase_class("billing") } else { edit.renew(CONTACT) }
        });
        let pass = pass.unwrap();
        assert_eq!((pass.seen, pass.changed), (10, 8));
        let failed: Vec<_> = pass
            .failed
            .iter()
            .map(|(tenant, subject, error)| (tenant.as_str(), subject.clone(), error.kind()))
            .collect();
        assert_eq!(
            failed,
            [("", store.id(4), ErrorKind::Tampered), ("", store.id(6), ErrorKind::MissingClass)]
        );
    });
}

/// What would fail for each again: an audit that takes nothing.
#[test]
fn a_pass_stops_where_every_envelope_would_fail() {
    on_every_store(|store| {
        for number in 0..3 {
            store.save("", &store.id(number), &fresh("", &store.id(number))).unwrap();
        }
        let (ring, audit) = (admin(), Log::refusing());
        let pass = store.change_all(at(&ring).audit(&audit), &mut |_, edit| edit.renew(CONTACT));
        assert_eq!(pass.unwrap_err(), ErrorKind::Audit);
        assert!(
            (0..3).all(|number| info(&store.load("", &store.id(number)).unwrap()).version == 1)
        );
    });
}

/// The change is made to the envelope that is stored, not to the one that was read.
#[test]
fn a_pass_begins_an_envelope_anew_when_another_stored_it() {
    let (store, ring) = (MemoryKeyStore::new(), admin());
    let first = fresh("", &number(7));
    store.save_unchecked(&(), "", 7, &first).unwrap();
    let mut calls = 0;
    let pass = store
        .change_all(&(), at(&ring), |one, edit| {
            calls += 1;
            if calls == 1 {
                store.save_unchecked(&(), "", 7, &renewed("", &number(7), &first)).unwrap();
            }
            assert_eq!(info(&one.envelope).version, calls);
            edit.renew(CONTACT)
        })
        .unwrap();
    assert_eq!((pass.seen, pass.changed, calls), (1, 1, 2));
    let stored = info(&store.load(&(), "", 7).unwrap().unwrap());
    assert_eq!((stored.version, stored.entries.len()), (3, 3), "neither is lost");
}

#[test]
fn the_census_counts_every_envelope_of_every_tenant() {
    on_every_store(|store| {
        assert_eq!(store.census().unwrap().envelopes(), 0);
        for tenant in store.tenants() {
            for number in 0..40 {
                store.save(tenant, &store.id(number), &fresh(tenant, &store.id(number))).unwrap();
            }
        }
        store.erase("", &store.id(7)).unwrap();
        let (census, all) =
            (store.census().unwrap(), 40 * u64::try_from(store.tenants().len()).unwrap());
        assert_eq!(census.envelopes(), all);
        assert_eq!(census.count(id(ENVELOPE)), all);
        assert_eq!(census.count(id(APP)), all - 1);
        assert_eq!(census.count(id(MARKETING)), 0);
    });
}

/// It may name any key, so none could be let go.
#[test]
fn a_census_with_an_unreadable_envelope_is_none() {
    let of = inline("INTEGER", fieldseal::store::SubjectColumn::Integer, number);
    of.store.save_unchecked(&of.on, "", 7, &fresh("", &number(7))).unwrap();
    // Columns of SQLite hold anything.
    let cells: [&dyn rusqlite::ToSql; 7] =
        [b"no envelope", b"\x02", b"\x02\xFF", b"", &"fs1.AgAA", &"no envelope", &42];
    for cell in cells {
        of.on
            .execute("UPDATE \"customers \"\"1\"\"\" SET keys = ? WHERE \"the id\" = 8", [cell])
            .unwrap();
        assert!(of.census().is_err());
    }
    let ring = admin();
    let pass = of.change_all(at(&ring), &mut |_, _| Ok(())).unwrap();
    assert_eq!((pass.seen, pass.failed.len()), (2, 1));
    assert_eq!(pass.failed[0].1, number(8), "a pass tells which");
}

/// One STRICT table makes an application's whole file unreadable to SQLite before 3.37.
#[test]
fn tables_in_sqlite_refuse_other_types_without_being_strict() {
    let db = Connection::open_in_memory().unwrap();
    SqliteKeyStore::new().migrate(&db).unwrap();
    db.execute_batch(SqliteTermsTable::SCHEMA).unwrap();
    let sql = "SELECT group_concat(sql) FROM sqlite_master";
    let sql: String = db.query_row(sql, [], |row| row.get(0)).unwrap();
    assert!(sql.contains("fieldseal_terms") && !sql.to_uppercase().contains("STRICT"), "{sql}");
    for refused in [
        "INSERT INTO fieldseal_keys VALUES (x'00', x'01', 1, x'02')",
        "INSERT INTO fieldseal_keys VALUES ('', 'text', 1, x'02')",
        "INSERT INTO fieldseal_keys VALUES ('', x'01', 1.5, x'02')",
        "INSERT INTO fieldseal_keys VALUES ('', x'01', 1, 'fs1.')",
        "INSERT INTO fieldseal_keys VALUES ('', x'01', 1, NULL)",
        "INSERT INTO fieldseal_reseal VALUES ('', 7, 'contact', 2)",
        "INSERT INTO fieldseal_reseal VALUES ('', x'01', 'contact', 'two')",
        "INSERT INTO fieldseal_terms VALUES (1, 'text', 7)",
        "INSERT INTO fieldseal_terms VALUES (1, x'01', NULL)",
        "INSERT INTO fieldseal_terms VALUES ('email', x'01', 7)",
        "INSERT INTO fieldseal_indexes VALUES (1, x'63', 'email')",
    ] {
        assert!(db.execute(refused, []).is_err(), "{refused}");
    }
    let both = "INSERT INTO fieldseal_terms VALUES (1, x'01', 7), (1, x'01', '7')";
    assert_eq!(db.execute(both, []).unwrap(), 2, "a number and its text are two rows");
}

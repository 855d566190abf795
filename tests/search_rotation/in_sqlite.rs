//! A file, with a connection for each thread; the surnames' terms are in the table of terms.

use std::path::PathBuf;

use fieldseal::store::{SqlCondition, SqlDialect, SqliteTermsTable};
use rusqlite::{Connection, TransactionBehavior, params, params_from_iter};

use super::*;

struct Sqlite(PathBuf);

impl Sqlite {
    fn new(test: &str) -> Self {
        let name = format!("fieldseal-rotation-{}-{test}", std::process::id());
        let this = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&this.0).unwrap();
        let db = this.connect();
        db.execute_batch("PRAGMA journal_mode = WAL").unwrap();
        sqlite::create(&db);
        db.execute_batch(sqlite::INDEX).unwrap();
        this
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn found(on: &Connection, condition: &SqlCondition) -> Vec<i64> {
    let sql = format!("SELECT id FROM customer WHERE {}", condition.sql());
    let mut statement = on.prepare_cached(&sql).unwrap();
    let ids = statement.query_map(params_from_iter(condition.terms()), |row| row.get(0)).unwrap();
    ids.map(Result::unwrap).collect()
}

impl Database for Sqlite {
    type Connection = Connection;

    fn connect(&self) -> Connection {
        let db = Connection::open(self.0.join("customers.db")).unwrap();
        db.busy_timeout(Duration::from_secs(60)).unwrap();
        db.execute_batch("PRAGMA synchronous = OFF").unwrap();
        db
    }

    fn insert(&self, on: &mut Connection, row: &Row) {
        let transaction = on.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        sqlite::insert(&transaction, row);
        transaction.commit().unwrap();
    }

    fn read(&self, on: &mut Connection, id: i64) -> Stored {
        on.query_row("SELECT email, surname, keys FROM customer WHERE id = ?", [id], |row| {
            Ok(Stored { email: row.get(0)?, surname: row.get(1)?, keys: row.get(2)? })
        })
        .unwrap()
    }

    fn update(&self, on: &mut Connection, id: i64, to: &Written) {
        let transaction = on.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        transaction
            .execute(
                "UPDATE customer SET email = ?, email_index = ?, surname = ? WHERE id = ?",
                params![to.email.value, to.email.term(&EMAIL_INDEX), to.surname.value, id],
            )
            .unwrap();
        let terms = to.surname.terms(&SURNAME_PREFIX).unwrap();
        SqliteTermsTable::new().write(&transaction, id, &(&SURNAME_PREFIX, terms)).unwrap();
        transaction.commit().unwrap();
    }

    fn reindex(&self, on: &mut Connection, id: i64, read: &Stored, to: &Written) -> bool {
        let transaction = on.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        let changed = transaction
            .execute(
                "UPDATE customer SET email_index = ? WHERE id = ? AND email = ? AND surname = ?",
                params![to.email.term(&EMAIL_INDEX), id, read.email, read.surname],
            )
            .unwrap();
        if changed == 0 {
            return false;
        }
        let terms = to.surname.terms(&SURNAME_PREFIX).unwrap();
        SqliteTermsTable::new().write(&transaction, id, &(&SURNAME_PREFIX, terms)).unwrap();
        transaction.commit().unwrap();
        true
    }

    fn by_email(&self, on: &mut Connection, query: &Query<String>) -> Vec<i64> {
        found(on, &query.in_column(SqlDialect::Sqlite, "customer.email_index").unwrap())
    }

    fn by_surname(&self, on: &mut Connection, query: &Query<String>) -> Vec<i64> {
        found(on, &query.in_table("customer.id").unwrap())
    }

    fn stale(&self, on: &mut Connection, stale: &Stale) -> Vec<i64> {
        let sql = format!(
            "SELECT id FROM customer WHERE {} OR {}",
            stale.in_column(SqlDialect::Sqlite, "email_index").unwrap(),
            stale.in_table(&SURNAME_PREFIX, "customer.id").unwrap()
        );
        let mut statement = on.prepare(&sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

#[test]
fn nothing_is_lost_while_the_index_key_is_rotated() {
    nothing_is_lost(&Sqlite::new("all"));
}

#[test]
fn a_key_that_is_primary_at_once_hides_rows_from_others() {
    a_key_that_is_primary_at_once_hides_rows(&Sqlite::new("once"));
}

#[test]
fn a_key_that_goes_before_nothing_is_stale_takes_rows_with_it() {
    a_key_that_goes_too_early_takes_rows_with_it(&Sqlite::new("early"));
}

#[test]
fn reindexing_does_not_undo_a_change() {
    terms_of_a_value_that_has_changed_are_not_written(&Sqlite::new("changed"));
}

#[test]
fn one_value_is_there_once_while_the_index_key_is_rotated() {
    let folder = Sqlite::new("unique");
    folder.connect().execute_batch(ACCOUNTS).unwrap();
    // What UNIQUE alone does: the same value twice, by two services of which one has rotated.
    let [former, latter] = halfway();
    for ring in [&former, &latter] {
        let term = EMAIL_INDEX.query(ring, TWICE).unwrap().terms()[0].clone();
        folder.connect().execute("INSERT INTO account (email_index) VALUES (?)", [term]).unwrap();
    }
    folder.connect().execute("DELETE FROM account", []).unwrap();

    // The recipe: look under every key, in a transaction that has the only writer's place before it looks.
    let taken = |ring: &KeyRing, email: &str| {
        let mut db = folder.connect();
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        let query = EMAIL_INDEX.query(ring, email).unwrap();
        let condition = query.in_column(SqlDialect::Sqlite, "email_index").unwrap();
        let sql = format!("SELECT count(*) FROM account WHERE {}", condition.sql());
        let terms = params_from_iter(condition.terms());
        let there: i64 = transaction.query_row(&sql, terms, |row| row.get(0)).unwrap();
        if there == 0 {
            let insert = "INSERT INTO account (email_index) VALUES (?)";
            transaction.execute(insert, [&query.terms()[0]]).unwrap();
        }
        transaction.commit().unwrap();
        there > 0
    };
    each_is_there_once(&taken);
}

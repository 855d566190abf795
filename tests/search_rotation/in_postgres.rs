//! A server, with a connection for each thread; the surnames' terms are an array in the row.

use fieldseal::store::{SqlCondition, SqlDialect};
use sqlx::postgres::PgArguments;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tokio::runtime::{Builder, Runtime};

use super::*;

pub struct Waiting(Runtime, PgConnection);

impl Waiting {
    fn found(&mut self, condition: &SqlCondition) -> Vec<i64> {
        let mut terms = PgArguments::default();
        condition.add_to::<sqlx::Postgres>(&mut terms).unwrap();
        let sql = format!("SELECT id FROM customer WHERE {}", condition.sql());
        let ids = sqlx::query_scalar_with(AssertSqlSafe(sql), terms);
        self.0.block_on(ids.fetch_all(&mut self.1)).unwrap()
    }
}

impl Database for schema::Schema {
    type Connection = Waiting;

    fn connect(&self) -> Waiting {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(PgConnection::connect(self.url())).unwrap();
        Waiting(runtime, connection)
    }

    fn insert(&self, on: &mut Waiting, row: &Row) {
        on.0.block_on(postgres::insert(&mut on.1, std::slice::from_ref(row)));
    }

    fn read(&self, on: &mut Waiting, id: i64) -> Stored {
        let row = sqlx::query("SELECT email, surname, keys FROM customer WHERE id = $1").bind(id);
        let row = on.0.block_on(row.fetch_one(&mut on.1)).unwrap();
        Stored { email: row.get(0), surname: row.get(1), keys: row.get(2) }
    }

    fn update(&self, on: &mut Waiting, id: i64, to: &Written) {
        let set = sqlx::query(
            "UPDATE customer SET email = $1, email_index = $2, surname = $3, surname_prefix = $4
             WHERE id = $5",
        )
        .bind(&to.email.value)
        .bind(to.email.term(&EMAIL_INDEX))
        .bind(&to.surname.value)
        .bind(to.surname.terms(&SURNAME_PREFIX))
        .bind(id);
        on.0.block_on(set.execute(&mut on.1)).unwrap();
    }

    fn reindex(&self, on: &mut Waiting, id: i64, read: &Stored, to: &Written) -> bool {
        let set = sqlx::query(
            "UPDATE customer SET email_index = $1, surname_prefix = $2
             WHERE id = $3 AND email = $4 AND surname = $5",
        )
        .bind(to.email.term(&EMAIL_INDEX))
        .bind(to.surname.terms(&SURNAME_PREFIX))
        .bind(id)
        .bind(&read.email)
        .bind(&read.surname);
        on.0.block_on(set.execute(&mut on.1)).unwrap().rows_affected() == 1
    }

    fn by_email(&self, on: &mut Waiting, query: &Query<String>) -> Vec<i64> {
        on.found(&query.in_column(SqlDialect::Postgres, "customer.email_index").unwrap())
    }

    fn by_surname(&self, on: &mut Waiting, query: &Query<String>) -> Vec<i64> {
        on.found(&query.in_array("customer.surname_prefix").unwrap())
    }

    fn stale(&self, on: &mut Waiting, stale: &Stale) -> Vec<i64> {
        let sql = format!(
            "SELECT id FROM customer WHERE {} OR {}",
            stale.in_column(SqlDialect::Postgres, "email_index").unwrap(),
            stale.in_array("surname_prefix").unwrap()
        );
        on.0.block_on(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut on.1)).unwrap()
    }
}

/// With the table and its indexes.
fn with_schema(test: impl FnOnce(&schema::Schema)) {
    let Some(schema) = schema::Schema::new() else { return };
    let mut on = schema.connect();
    on.0.block_on(postgres::fill(&mut on.1, &[]));
    test(&schema);
}

#[test]
fn nothing_is_lost_while_the_index_key_is_rotated() {
    with_schema(nothing_is_lost);
}

#[test]
fn a_key_that_is_primary_at_once_hides_rows_from_others() {
    with_schema(a_key_that_is_primary_at_once_hides_rows);
}

#[test]
fn a_key_that_goes_before_nothing_is_stale_takes_rows_with_it() {
    with_schema(a_key_that_goes_too_early_takes_rows_with_it);
}

#[test]
fn reindexing_does_not_undo_a_change() {
    with_schema(terms_of_a_value_that_has_changed_are_not_written);
}

#[test]
fn one_value_is_there_once_while_the_index_key_is_rotated() {
    let Some(schema) = schema::Schema::new() else { return };
    let mut on = schema.connect();
    on.0.block_on(sqlx::raw_sql(ACCOUNTS).execute(&mut on.1)).unwrap();
    // What UNIQUE alone does: the same value twice, by two services of which one has rotated.
    let [former, latter] = halfway();
    for ring in [&former, &latter] {
        let term = EMAIL_INDEX.query(ring, TWICE).unwrap().terms()[0].clone();
        let insert = sqlx::query("INSERT INTO account (email_index) VALUES ($1)").bind(term);
        on.0.block_on(insert.execute(&mut on.1)).unwrap();
    }
    on.0.block_on(sqlx::raw_sql("DELETE FROM account").execute(&mut on.1)).unwrap();

    // The recipe: lock the terms under every key, in one order, then look under every key.
    let taken = |ring: &KeyRing, email: &str| {
        let Waiting(runtime, mut on) = schema.connect();
        runtime.block_on(async {
            let mut transaction = on.begin().await.unwrap();
            let query = EMAIL_INDEX.query(ring, email).unwrap();
            let mut terms = query.terms().to_vec();
            terms.sort();
            for term in terms {
                let lock = "SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))";
                sqlx::query(lock).bind(term).execute(&mut *transaction).await.unwrap();
            }
            let condition = query.in_column(SqlDialect::Postgres, "email_index").unwrap();
            let mut arguments = PgArguments::default();
            condition.add_to::<sqlx::Postgres>(&mut arguments).unwrap();
            let sql = format!("SELECT count(*) FROM account WHERE {}", condition.sql());
            let there: i64 = sqlx::query_scalar_with(AssertSqlSafe(sql), arguments)
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
            if there == 0 {
                sqlx::query("INSERT INTO account (email_index) VALUES ($1)")
                    .bind(query.terms()[0].clone())
                    .execute(&mut *transaction)
                    .await
                    .unwrap();
            }
            transaction.commit().await.unwrap();
            there > 0
        })
    };
    each_is_there_once(&taken);
}

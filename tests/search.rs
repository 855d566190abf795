//! Searching 100,000 sealed rows, in SQLite and in PostgreSQL: what is found is what a look at every
//! value would find, and the plans search an index.
#![cfg(all(feature = "jiff", any(feature = "rusqlite", feature = "sqlx-postgres")))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unnameable_types,
    unreachable_pub,
    reason = "a test stops at the first surprise, and shares modules"
)]

#[path = "search/customers.rs"]
mod customers;
#[cfg(feature = "sqlx-postgres")]
#[path = "common/postgres.rs"]
mod schema;

use customers::*;
use fieldseal::store::{SqlCondition, SqlDialect};
use jiff::civil::{Date, date};

/// What a look at every value finds.
fn expected(matches: impl Fn(&Customer) -> bool) -> Vec<i64> {
    (0..MANY).map(customer).filter(matches).map(|customer| customer.id).collect()
}

fn by_email() -> String {
    customer(4_711).email
}

/// Both of them among the births.
const BIRTHS: [Date; 2] = [date(1970, 3, 1), date(1970, 5, 31)];

fn born(customer: &Customer) -> bool {
    (BIRTHS[0]..=BIRTHS[1]).contains(&customer.birth)
}

/// Those whose terms are of the former key.
fn outdated() -> Vec<i64> {
    (0..OLD).collect()
}

#[cfg(feature = "rusqlite")]
mod in_sqlite {
    use super::*;
    use rusqlite::{Connection, params_from_iter};

    fn database() -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        sqlite::fill(&mut db, &many().rows);
        db
    }

    fn plan(db: &Connection, condition: &str, terms: usize) -> String {
        let sql = format!("EXPLAIN QUERY PLAN SELECT id, email FROM customer WHERE {condition}");
        let mut statement = db.prepare(&sql).unwrap();
        let lines = statement
            .query_map(params_from_iter((0..terms).map(|_| b"")), |row| row.get::<_, String>(3))
            .unwrap();
        lines.collect::<Result<Vec<_>, _>>().unwrap().join("\n")
    }

    fn ids(db: &Connection, condition: &str, found: Option<&SqlCondition>) -> Vec<i64> {
        let sql = format!("SELECT id FROM customer WHERE {condition} ORDER BY id");
        let mut statement = db.prepare(&sql).unwrap();
        let terms = found.into_iter().flat_map(SqlCondition::terms);
        let ids = statement.query_map(params_from_iter(terms), |row| row.get(0)).unwrap();
        ids.collect::<Result<_, _>>().unwrap()
    }

    fn searches(db: &Connection, condition: &str, terms: usize, by: &[&str]) {
        let plan = plan(db, condition, terms);
        assert!(!plan.contains("SCAN"), "{plan}");
        for by in by {
            assert!(plan.contains(by), "no `{by}` in: {plan}");
        }
    }

    const BY_COLUMN: &str = "SEARCH customer USING INDEX customer_email_index (email_index";
    const BY_TERM: &str = "SEARCH fieldseal_terms USING PRIMARY KEY (index=? AND term";
    const BY_KEY: &str = "SEARCH customer USING INTEGER PRIMARY KEY (rowid=?)";

    #[test]
    fn every_question_is_answered_by_an_index_of_a_hundred_thousand_rows() {
        let Many { ring, old, .. } = many();
        let mut db = database();

        let found = EMAIL_INDEX.query(ring, by_email().as_str()).unwrap();
        let found = found.in_column(SqlDialect::Sqlite, "customer.email_index").unwrap();
        searches(&db, &found.sql(), found.terms().count(), &[BY_COLUMN]);
        assert_eq!(ids(&db, &found.sql(), Some(&found)), [4_711]);

        let found = SURNAME_PREFIX.query(ring, "gorm").unwrap().in_table("customer.id").unwrap();
        searches(&db, &found.sql(), found.terms().count(), &[BY_TERM, BY_KEY]);
        let gorm = expected(|customer| customer.surname.starts_with("gorm"));
        assert!(gorm.len() > 10);
        assert_eq!(ids(&db, &found.sql(), Some(&found)), gorm);

        let found = BIRTH_RANGE.between(ring, BIRTHS[0]..=BIRTHS[1]).unwrap();
        let found = found.in_table("id").unwrap();
        searches(&db, &found.sql(), found.terms().count(), &[BY_TERM, BY_KEY]);
        assert_eq!(ids(&db, &found.sql(), Some(&found)), expected(born));

        // What stands under a former key, after a rotation that all rows but a few have followed.
        let stale = EMAIL_INDEX.stale(ring).unwrap();
        let transaction = db.transaction().unwrap();
        for row in old {
            transaction.execute("DELETE FROM customer WHERE id = ?", [row.id]).unwrap();
            sqlite::insert(&transaction, row);
        }
        transaction.commit().unwrap();
        let in_column = stale.in_column(SqlDialect::Sqlite, "email_index").unwrap();
        searches(&db, &in_column, 0, &[BY_COLUMN]);
        assert_eq!(ids(&db, &in_column, None), outdated());
        let in_table = stale.in_table(&BIRTH_RANGE, "customer.id").unwrap();
        searches(&db, &in_table, 0, &[BY_TERM, BY_KEY]);
        assert_eq!(ids(&db, &in_table, None), outdated());
        // Nothing is lost to queries: they ask under both keys.
        let found = BIRTH_RANGE.between(ring, BIRTHS[0]..=BIRTHS[1]).unwrap();
        let found = found.in_table("id").unwrap();
        searches(&db, &found.sql(), found.terms().count(), &[BY_TERM, BY_KEY]);
        assert_eq!(ids(&db, &found.sql(), Some(&found)), expected(born));
    }
}

#[cfg(feature = "sqlx-postgres")]
mod in_postgres {
    use super::*;
    use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres};

    async fn ask<T>(db: &mut PgConnection, sql: String, found: Option<&SqlCondition>) -> Vec<T>
    where
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres> + Send + Unpin,
    {
        let mut terms = sqlx::postgres::PgArguments::default();
        if let Some(found) = found {
            found.add_to::<Postgres>(&mut terms).unwrap();
        }
        sqlx::query_scalar_with(AssertSqlSafe(sql), terms).fetch_all(db).await.unwrap()
    }

    async fn ids(db: &mut PgConnection, condition: &str, found: Option<&SqlCondition>) -> Vec<i64> {
        let sql = format!("SELECT id FROM customer WHERE {condition} ORDER BY id");
        ask(db, sql, found).await
    }

    async fn searches(
        db: &mut PgConnection,
        condition: &str,
        found: Option<&SqlCondition>,
        by: &[&str],
    ) {
        let sql = format!("EXPLAIN SELECT id, email FROM customer WHERE {condition}");
        let plan = ask::<String>(db, sql, found).await.join("\n");
        assert!(!plan.contains("Seq Scan"), "{plan}");
        for by in by {
            assert!(plan.contains(by), "no `{by}` in: {plan}");
        }
    }

    #[test]
    fn every_question_is_answered_by_an_index_of_a_hundred_thousand_rows() {
        let Some(schema) = schema::Schema::new() else { return };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let Many { ring, rows, old } = many();
            let db = &mut PgConnection::connect(schema.url()).await.unwrap();
            postgres::fill(db, rows).await;

            let found = EMAIL_INDEX.query(ring, by_email().as_str()).unwrap();
            let found = found.in_column(SqlDialect::Postgres, "customer.email_index").unwrap();
            searches(db, &found.sql(), Some(&found), &["customer_email_index_idx"]).await;
            assert_eq!(ids(db, &found.sql(), Some(&found)).await, [4_711]);

            let found = SURNAME_PREFIX.query(ring, "gorm").unwrap();
            let found = found.in_array("customer.surname_prefix").unwrap();
            searches(db, &found.sql(), Some(&found), &["on customer_surname_prefix_idx"]).await;
            let gorm = expected(|customer| customer.surname.starts_with("gorm"));
            assert!(gorm.len() > 10);
            assert_eq!(ids(db, &found.sql(), Some(&found)).await, gorm);

            let found = BIRTH_RANGE.between(ring, BIRTHS[0]..=BIRTHS[1]).unwrap();
            let found = found.in_array("birth_range").unwrap();
            searches(db, &found.sql(), Some(&found), &["on customer_birth_range_idx"]).await;
            assert_eq!(ids(db, &found.sql(), Some(&found)).await, expected(born));

            let stale = EMAIL_INDEX.stale(ring).unwrap();
            let mut transaction = db.begin().await.unwrap();
            sqlx::query("DELETE FROM customer WHERE id < $1")
                .bind(OLD)
                .execute(&mut *transaction)
                .await
                .unwrap();
            postgres::insert(&mut transaction, old).await;
            transaction.commit().await.unwrap();
            sqlx::raw_sql("ANALYZE customer").execute(&mut *db).await.unwrap();
            let in_column = stale.in_column(SqlDialect::Postgres, "email_index").unwrap();
            searches(db, &in_column, None, &["customer_email_index_idx"]).await;
            assert_eq!(ids(db, &in_column, None).await, outdated());
            let in_array = stale.in_array("customer.birth_range").unwrap();
            searches(db, &in_array, None, &["customer_birth_range_idx1"]).await;
            assert_eq!(ids(db, &in_array, None).await, outdated());
            let found = BIRTH_RANGE.between(ring, BIRTHS[0]..=BIRTHS[1]).unwrap();
            let found = found.in_array("birth_range").unwrap();
            searches(db, &found.sql(), Some(&found), &["on customer_birth_range_idx"]).await;
            assert_eq!(ids(db, &found.sql(), Some(&found)).await, expected(born));
        });
    }
}

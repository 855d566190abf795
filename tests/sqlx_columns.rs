//! Sealed columns and key envelopes through sqlx: what is written is read back, in SQLite and in
//! PostgreSQL, as bytes or as text, present or absent.
#![cfg(all(feature = "derive", any(feature = "sqlx-sqlite", feature = "sqlx-postgres")))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::*;
use fieldseal::{KeyEnvelope, KeyRing, Record, Sealed, SealedRecord as _};
use sqlx::{Connection as _, FromRow as _, Row as _};

#[derive(Record, Debug, PartialEq)]
#[record(name = "customer", single_row, sealed(derive(sqlx::FromRow)))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    email: String,
    #[record(seal)]
    birth_name: Option<String>,
    plan: String,
    note: Option<String>,
}

#[derive(Record, Debug, PartialEq)]
#[record(
    name = "guest",
    single_row,
    sealed(derive(Debug, PartialEq, sqlx::FromRow)),
    index(compound(name, city), id = "both", measured)
)]
struct Guest {
    #[record(subject)]
    id: i64,
    #[record(
        seal,
        index(exact, measured),
        index(words, measured, table, attr(sqlx(skip))),
        mask(first_letter, readers = ["app"])
    )]
    name: String,
    #[record(seal, index(exact, measured), mask(first_letter, readers = ["app"]))]
    city: Option<String>,
}

fn ada() -> Customer {
    Customer {
        id: 42,
        email: "ada@example.com".into(),
        birth_name: None,
        plan: "plus".into(),
        note: None,
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The same tests for each database, whose connections and types of columns these are.
macro_rules! on {
    ($name:ident, $db:ty, $connect:expr, $bytes:literal, $named:literal) => {
        mod $name {
            use super::*;

            async fn customers(
                column: &str,
                on: &mut <$db as sqlx::Database>::Connection,
            ) {
                let table = format!(
                    "CREATE TABLE customer (id BIGINT PRIMARY KEY, email {column}, birth_name {column}, \
                     plan TEXT, note TEXT, keys {column})"
                );
                sqlx::raw_sql(sqlx::AssertSqlSafe(table)).execute(on).await.unwrap();
            }

            #[test]
            fn a_row_is_read_back_by_from_row() {
                on(async |on| {
                    customers($bytes, on).await;
                    let ring = KeyRing::generate().unwrap();
                    let named = Customer { birth_name: Some("Byron".into()), id: 43, ..ada() };
                    for customer in [ada(), named] {
                        let row = customer.seal_new(&ring).unwrap();
                        sqlx::query("INSERT INTO customer VALUES ($1, $2, $3, $4, $5, $6)")
                            .bind(row.id)
                            .bind(&row.email)
                            .bind(&row.birth_name)
                            .bind(&row.plan)
                            .bind(&row.note)
                            .bind(&row.keys)
                            .execute(&mut *on)
                            .await
                            .unwrap();
                        let read: SealedCustomer =
                            sqlx::query_as("SELECT * FROM customer WHERE id = $1")
                                .bind(row.id)
                                .fetch_one(&mut *on)
                                .await
                                .unwrap();
                        assert_eq!(read.email.as_bytes(), row.email.as_bytes());
                        assert_eq!(read.open(&ring, customer.id).unwrap(), customer);
                    }
                    let absent: i64 = sqlx::query_scalar(
                        "SELECT count(*) FROM customer WHERE birth_name IS NULL AND note IS NULL",
                    )
                    .fetch_one(on)
                    .await
                    .unwrap();
                    assert_eq!(absent, 1, "absence is NULL");
                });
            }

            #[test]
            fn text_columns_hold_the_text_form() {
                on(async |on| {
                    customers("TEXT", on).await;
                    let ring = KeyRing::generate().unwrap();
                    let row = ada().seal_new(&ring).unwrap();
                    sqlx::query("INSERT INTO customer VALUES ($1, $2, NULL, $3, NULL, $4)")
                        .bind(row.id)
                        .bind(row.email.to_text())
                        .bind(&row.plan)
                        .bind(row.keys.to_text())
                        .execute(&mut *on)
                        .await
                        .unwrap();
                    let read = sqlx::query("SELECT * FROM customer").fetch_one(on).await.unwrap();
                    let read = SealedCustomer::from_row(&read).unwrap();
                    assert_eq!(read.open(&ring, 42).unwrap(), ada());
                });
            }

            #[test]
            fn a_row_with_terms_and_masks_is_found_and_read_back() {
                on(async |on| {
                    let columns = guest::COLUMNS.join(concat!(" ", $bytes, ", "));
                    let columns = columns.replacen($bytes, "BIGINT", 1);
                    let table = format!(concat!("CREATE TABLE guest ({} ", $bytes, ")"), columns);
                    sqlx::raw_sql(sqlx::AssertSqlSafe(table)).execute(&mut *on).await.unwrap();
                    let mut ring = KeyRing::generate().unwrap();
                    ring.add_index_key().unwrap();
                    let bath = Guest { id: 1, name: "Ada King".into(), city: Some("Bath".into()) };
                    let nowhere = Guest { id: 2, name: "Bob".into(), city: None };
                    for guest in [&bath, &nowhere] {
                        let row = guest.seal_new(&ring).unwrap();
                        let insert = "INSERT INTO guest VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
                        sqlx::query(insert)
                            .bind(row.id)
                            .bind(&row.name)
                            .bind(&row.name_index)
                            .bind(&row.name_mask)
                            .bind(&row.city)
                            .bind(&row.city_index)
                            .bind(&row.city_mask)
                            .bind(&row.both_index)
                            .bind(&row.keys)
                            .execute(&mut *on)
                            .await
                            .unwrap();
                        let both = guest.city.as_ref().map(|city| (&guest.name, city));
                        let (column, asked) = match both {
                            Some(both) => {
                                let query = guest::BOTH_INDEX.query(&ring, &both).unwrap();
                                ("both_index", query.terms().to_vec())
                            }
                            None => {
                                let query = guest::NAME_INDEX.query(&ring, "Bob").unwrap();
                                ("name_index", query.terms().to_vec())
                            }
                        };
                        let select = format!("SELECT * FROM guest WHERE {column} = $1");
                        let found: Vec<SealedGuest> = sqlx::query_as(sqlx::AssertSqlSafe(select))
                            .bind(&asked[0])
                            .fetch_all(&mut *on)
                            .await
                            .unwrap();
                        let [read] = found.as_slice() else { panic!("one row") };
                        assert_eq!(read.name_words.as_slice(), None, "they are in their table");
                        assert_eq!(*read, SealedGuest { name_words: read.name_words.clone(), ..row });
                        assert_eq!(read.open(&ring, guest.id).unwrap(), *guest);
                    }
                });
            }

            /// The error names the column, and nothing of what stands in it.
            #[test]
            fn other_texts_and_types_are_refused_without_being_shown() {
                on(async |on| {
                    for value in ["'fs1.secret!'", "'secret'", "''", "'42'"] {
                        let sql = format!("SELECT CAST({value} AS TEXT) AS email");
                        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *on).await.unwrap();
                        let error = row.try_get::<Sealed<String>, _>("email").unwrap_err().to_string();
                        assert!(error.contains("email") && !error.contains("secret"), "{error}");
                        assert!(row.try_get::<KeyEnvelope, _>("email").is_err());
                        assert!(row.try_get::<Option<KeyEnvelope>, _>("email").is_err());
                    }
                    let number = sqlx::query("SELECT CAST(42 AS BIGINT) AS email");
                    let number = number.fetch_one(on).await.unwrap();
                    assert!(number.try_get::<Sealed<String>, _>("email").is_err());
                    assert!(number.try_get::<KeyEnvelope, _>("email").is_err());
                });
            }

            #[test]
            fn absence_is_refused_where_something_must_stand() {
                on(async |on| {
                    let sql = concat!("SELECT CAST(NULL AS ", $bytes, ") AS email");
                    let row = sqlx::query(sql).fetch_one(on).await.unwrap();
                    assert!(row.try_get::<Sealed<String>, _>("email").is_err());
                    assert!(row.try_get::<KeyEnvelope, _>("email").is_err());
                    assert_eq!(row.try_get::<Option<KeyEnvelope>, _>("email").unwrap(), None);
                    assert!(row.try_get::<Option<Sealed<String>>, _>("email").unwrap().is_none());
                });
            }

            /// The triggers are those of the guide.
            #[test]
            fn an_update_cannot_begin_a_person_again_where_triggers_compare_versions() {
                on(async |on| {
                    customers($bytes, on).await;
                    let start = concat!("```sql\n-- ", $named);
                    let (_, triggers) = include_str!("../docs/guide/databases.md").split_once(start).unwrap();
                    let (_, triggers) = triggers.split_once('\n').unwrap();
                    let (triggers, _) = triggers.split_once("```").unwrap();
                    sqlx::raw_sql(triggers).execute(&mut *on).await.unwrap();

                    let ring = KeyRing::generate().unwrap();
                    let first = ada().seal_new(&ring).unwrap();
                    let insert = "INSERT INTO customer (id, email, plan, keys) VALUES ($1, $2, 'plus', $3)";
                    let update = "UPDATE customer SET email = $2, keys = $3 WHERE id = $1";
                    let upsert = format!(
                        "{insert} ON CONFLICT (id) DO UPDATE SET email = excluded.email, keys = excluded.keys"
                    );
                    let mut store = async |sql: &str, row: &SealedCustomer| {
                        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(row.id);
                        query.bind(&row.email).bind(&row.keys).execute(&mut *on).await.is_ok()
                    };
                    assert!(store(insert, &first).await);

                    let again = ada().seal_new(&ring).unwrap();
                    for sql in [update, insert, &upsert, "INSERT OR REPLACE INTO customer (id, email, keys) VALUES ($1, $2, $3)"] {
                        assert!(!store(sql, &again).await, "{sql}");
                    }
                    let without = "UPDATE customer SET email = $2, keys = CASE WHEN $3 IS NULL THEN keys END WHERE id = $1";
                    assert!(!store(without, &first).await, "an envelope that is cleared");

                    // What is meant to be stored is: a row under its envelope, and a later envelope.
                    let moved = Customer { email: "ada@example.org".into(), ..ada() };
                    assert!(store(update, &moved.seal_under(&ring, &first.keys).unwrap()).await);
                    let mut edit = first.keys.edit(&ring, 42).unwrap();
                    edit.renew(fieldseal::Class::PERSONAL).unwrap();
                    let renewed = moved.seal_under(&ring, &edit.finish().unwrap()).unwrap();
                    assert!(store(update, &renewed).await);
                    assert!(!store(update, &first).await, "an earlier envelope");
                });
            }

            /// Bytes are taken as they are: what they are shows when they are opened.
            #[test]
            fn altered_bytes_are_read_and_do_not_open() {
                on(async |on| {
                    let keys = envelope(&[CONTACT]);
                    let mut altered = keys.as_bytes().to_vec();
                    *altered.last_mut().unwrap() ^= 1;
                    for (bytes, opens) in [(keys.as_bytes(), true), (&altered, false), (b"", false)] {
                        let row = sqlx::query(concat!("SELECT CAST($1 AS ", $bytes, ") AS keys"))
                            .bind(bytes)
                            .fetch_one(&mut *on)
                            .await
                            .unwrap();
                        let read: KeyEnvelope = row.try_get("keys").unwrap();
                        assert_eq!(read.as_bytes(), bytes);
                        let ring = admin();
                        let access = fieldseal::Access::new(&ring).at(NOW);
                        assert_eq!(read.unwrap(access, 42).is_ok(), opens);
                    }
                });
            }

            fn on(test: impl AsyncFnOnce(&mut <$db as sqlx::Database>::Connection)) {
                $connect(async |url: &str| {
                    let mut connection =
                        <$db as sqlx::Database>::Connection::connect(url).await.unwrap();
                    test(&mut connection).await;
                });
            }
        }
    };
}

#[cfg(feature = "sqlx-sqlite")]
fn in_sqlite(test: impl AsyncFnOnce(&str)) {
    runtime().block_on(test("sqlite::memory:"));
}

#[cfg(feature = "sqlx-postgres")]
fn in_postgres(test: impl AsyncFnOnce(&str)) {
    if let Some(schema) = postgres::Schema::new() {
        runtime().block_on(test(schema.url()));
    }
}

#[cfg(feature = "sqlx-sqlite")]
on!(sqlite, sqlx::Sqlite, in_sqlite, "BLOB", "SQLite");
#[cfg(feature = "sqlx-postgres")]
on!(postgresql, sqlx::Postgres, in_postgres, "BYTEA", "PostgreSQL");

/// Many rows in one statement.
#[cfg(feature = "sqlx-postgres")]
#[test]
fn many_are_bound_as_one_array() {
    in_postgres(async |url| {
        let mut on = sqlx::PgConnection::connect(url).await.unwrap();
        let ring = KeyRing::generate().unwrap();
        let rows: Vec<_> =
            (0..10).map(|id| Customer { id, ..ada() }.seal_new(&ring).unwrap()).collect();
        let keys: Vec<&KeyEnvelope> = rows.iter().map(|row| &row.keys).collect();
        let emails: Vec<&Sealed<String>> = rows.iter().map(|row| &row.email).collect();
        let read = sqlx::query("SELECT * FROM UNNEST($1, $2) AS t (keys, email)")
            .bind(keys)
            .bind(emails)
            .fetch_all(&mut on)
            .await
            .unwrap();
        for (row, read) in rows.iter().zip(&read) {
            assert_eq!(read.get::<KeyEnvelope, _>("keys"), row.keys);
            assert_eq!(read.get::<Sealed<String>, _>("email").as_bytes(), row.email.as_bytes());
        }
        assert_eq!(read.len(), rows.len());
    });
}

/// PostgreSQL pads the texts of such a column, and gives them back so.
#[cfg(feature = "sqlx-postgres")]
#[test]
fn what_a_column_of_char_n_holds_is_opened() {
    in_postgres(async |url| {
        let mut on = sqlx::PgConnection::connect(url).await.unwrap();
        let table =
            "CREATE TABLE customer (id BIGINT, email CHAR(400), birth_name CHAR(400), plan TEXT,
                     note TEXT, keys CHAR(4000))";
        sqlx::raw_sql(table).execute(&mut on).await.unwrap();
        let ring = KeyRing::generate().unwrap();
        let named = Customer { birth_name: Some("Byron".into()), ..ada() };
        let row = named.seal_new(&ring).unwrap();
        sqlx::query("INSERT INTO customer VALUES ($1, $2, $3, $4, NULL, $5)")
            .bind(row.id)
            .bind(row.email.to_text())
            .bind(row.birth_name.as_ref().map(Sealed::to_text))
            .bind(&row.plan)
            .bind(row.keys.to_text())
            .execute(&mut on)
            .await
            .unwrap();
        let read: SealedCustomer =
            sqlx::query_as("SELECT * FROM customer").fetch_one(&mut on).await.unwrap();
        assert_eq!(read.open(&ring, 42).unwrap(), named);
        // Only the column's own blanks are taken off.
        let sql = "SELECT 'fs1.9QECAwQ '::TEXT AS spaced, 'fs1.9QECAwQ\n'::CHAR(20) AS broken";
        let row = sqlx::query(sql).fetch_one(&mut on).await.unwrap();
        assert!(row.try_get::<Sealed<String>, _>("spaced").is_err());
        assert!(row.try_get::<Sealed<String>, _>("broken").is_err());
    });
}

/// A text that is longer than 63 bytes is cut there, without a word.
#[cfg(feature = "sqlx-postgres")]
#[test]
fn a_column_that_cuts_texts_is_not_read_as_sealed() {
    in_postgres(async |url| {
        let mut on = sqlx::PgConnection::connect(url).await.unwrap();
        let row =
            sqlx::query("SELECT 'fs1.9QECAwQ'::NAME AS email").fetch_one(&mut on).await.unwrap();
        assert!(row.try_get::<Sealed<String>, _>("email").is_err());
        assert!(row.try_get::<KeyEnvelope, _>("email").is_err());
    });
}

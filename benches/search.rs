//! Lookups among 100,000 sealed customers by an exact value, a prefix and ten years of births, each beside
//! the same question to a table of plain columns with ordinary indexes. What is read is the id and the
//! e-mail address of each row, sealed or plain, and making the terms is part of it; opening what was found, and taking out false positives, is
//! measured by itself.
//!
//! `cargo bench --features rusqlite,sqlx-postgres,jiff --bench search`. Without a PostgreSQL that part is
//! SKIPPED.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unnameable_types,
    unreachable_pub,
    reason = "a bench"
)]

#[path = "../tests/search/customers.rs"]
mod customers;
#[path = "../tests/common/postgres.rs"]
mod schema;

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use customers::*;
use fieldseal::store::{SqlCondition, SqlDialect};
use fieldseal::{Record, SealedRecord};
use jiff::civil::{Date, date};

/// The customer as a record, to open rows.
#[derive(Record)]
#[record(name = "customer", single_row, rusqlite)]
struct Person {
    #[record(subject)]
    id: i64,
    #[record(seal(class = PERSONAL))]
    email: String,
    #[record(seal(class = PERSONAL))]
    surname: String,
    #[record(seal(class = PERSONAL))]
    birth: Date,
}

const BEGIN: &str = "gorm";
const BEHIND: &str = "gorn";

fn years() -> [Date; 2] {
    [date(1970, 1, 1), date(1979, 12, 31)]
}

#[derive(Clone, Copy)]
enum Question {
    Exact,
    Prefix,
    TenYears,
}

const QUESTIONS: [(Question, &str); 3] =
    [(Question::Exact, "exact"), (Question::Prefix, "prefix"), (Question::TenYears, "ten_years")];

fn ids<T>(rows: Vec<(i64, T)>) -> Vec<i64> {
    let mut ids: Vec<i64> = rows.into_iter().map(|(id, _)| id).collect();
    ids.sort_unstable();
    ids
}

fn group<'c>(c: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = c.benchmark_group(name);
    group
        .sample_size(30)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4));
    group
}

fn in_sqlite(c: &mut Criterion) {
    use rusqlite::{Connection, params, params_from_iter};

    let folder = std::env::temp_dir().join(format!("fieldseal-search-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut db = Connection::open(folder.join("search.db")).unwrap();
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;").unwrap();
    let Many { ring, rows, .. } = many();
    sqlite::fill(&mut db, rows);
    db.execute_batch(
        "CREATE TABLE plain (id INTEGER PRIMARY KEY, email TEXT, surname TEXT, birth TEXT)",
    )
    .unwrap();
    let transaction = db.transaction().unwrap();
    for id in 0..MANY {
        let Customer { id, email, surname, birth } = customer(id);
        transaction
            .execute(
                "INSERT INTO plain VALUES (?, ?, ?, ?)",
                params![id, email, surname, birth.to_string()],
            )
            .unwrap();
    }
    transaction.commit().unwrap();
    db.execute_batch(
        "CREATE INDEX plain_email ON plain (email);
         CREATE INDEX plain_surname ON plain (surname);
         CREATE INDEX plain_birth ON plain (birth);
         ANALYZE;",
    )
    .unwrap();

    let email = customer(4_711).email;
    let [first, last] = years();
    let ask = |question| -> SqlCondition {
        match question {
            Question::Exact => EMAIL_INDEX
                .query(ring, email.as_str())
                .unwrap()
                .in_column(SqlDialect::Sqlite, "email_index"),
            Question::Prefix => SURNAME_PREFIX.query(ring, BEGIN).unwrap().in_table("id"),
            Question::TenYears => BIRTH_RANGE.between(ring, first..=last).unwrap().in_table("id"),
        }
        .unwrap()
    };
    let sealed = |question| -> Vec<(i64, Vec<u8>)> {
        let found = ask(question);
        let sql = format!("SELECT id, email FROM customer WHERE {}", found.sql());
        let mut statement = db.prepare_cached(&sql).unwrap();
        let rows = statement
            .query_map(params_from_iter(found.terms()), |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let plain = |question| -> Vec<(i64, String)> {
        let (condition, values) = match question {
            Question::Exact => ("email = ?", vec![email.clone()]),
            Question::Prefix => {
                ("surname >= ? AND surname < ?", vec![BEGIN.to_owned(), BEHIND.to_owned()])
            }
            Question::TenYears => {
                ("birth BETWEEN ? AND ?", vec![first.to_string(), last.to_string()])
            }
        };
        let sql = format!("SELECT id, email FROM plain WHERE {condition}");
        let mut statement = db.prepare_cached(&sql).unwrap();
        let rows = statement
            .query_map(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    for (question, name) in QUESTIONS {
        let (found, there) = (ids(sealed(question)), ids(plain(question)));
        assert_eq!(found, there);
        let mut group = group(c, &format!("sqlite_{name}_{}_rows", found.len()));
        group.bench_function("sealed", |b| b.iter(|| black_box(sealed(question))));
        group.bench_function("plain", |b| b.iter(|| black_box(plain(question))));
        group.finish();
    }

    // The rows of one surname, opened and compared.
    let query = SURNAME_PREFIX.query(ring, BEGIN).unwrap();
    let found = query.in_table("id").unwrap();
    let sql = format!("SELECT id, email, surname, birth, keys FROM customer WHERE {}", found.sql());
    let rows = |limit: usize| -> Vec<SealedPerson> {
        let mut statement = db.prepare_cached(&sql).unwrap();
        let rows = statement.query_map(params_from_iter(found.terms()), SealedPerson::from_row);
        rows.unwrap().take(limit).collect::<Result<_, _>>().unwrap()
    };
    let mut group = group(c, "sqlite_page_of_50");
    group.bench_function("read", |b| b.iter(|| black_box(rows(50))));
    group.bench_function("read_and_open_matching", |b| {
        b.iter(|| {
            let page = rows(50);
            let pairs = page.iter().map(|row| (row, row.id));
            let open =
                SealedPerson::open_matching(pairs, ring, |opened| query.matches(&opened.surname));
            assert_eq!(black_box(open.unwrap()).len(), 50);
        });
    });
    group.finish();
    drop(db);
    std::fs::remove_dir_all(&folder).unwrap();
}

fn in_postgres(c: &mut Criterion) {
    use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres};

    let Some(schema) = schema::Schema::new() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Many { ring, rows, .. } = many();
    let mut db = runtime.block_on(async {
        let mut db = PgConnection::connect(schema.url()).await.unwrap();
        postgres::fill(&mut db, rows).await;
        sqlx::raw_sql(
            "CREATE TABLE plain (id BIGINT PRIMARY KEY, email TEXT, surname TEXT, birth TEXT)",
        )
        .execute(&mut db)
        .await
        .unwrap();
        for ids in (0..MANY).collect::<Vec<_>>().chunks(1_000) {
            let mut insert = sqlx::QueryBuilder::<Postgres>::new("INSERT INTO plain ");
            insert.push_values(ids.iter().map(|id| customer(*id)), |mut values, one| {
                values
                    .push_bind(one.id)
                    .push_bind(one.email)
                    .push_bind(one.surname)
                    .push_bind(one.birth.to_string());
            });
            insert.build().execute(&mut db).await.unwrap();
        }
        sqlx::raw_sql(
            "ALTER TABLE plain ALTER birth TYPE DATE USING birth::date;
             CREATE INDEX ON plain (email);
             CREATE INDEX ON plain (surname COLLATE \"C\");
             CREATE INDEX ON plain (birth);",
        )
        .execute(&mut db)
        .await
        .unwrap();
        sqlx::raw_sql("VACUUM ANALYZE plain").execute(&mut db).await.unwrap();
        db
    });

    let email = customer(4_711).email;
    let [first, last] = years();
    let ask = |question| -> SqlCondition {
        match question {
            Question::Exact => EMAIL_INDEX
                .query(ring, email.as_str())
                .unwrap()
                .in_column(SqlDialect::Postgres, "email_index"),
            Question::Prefix => {
                SURNAME_PREFIX.query(ring, BEGIN).unwrap().in_array("surname_prefix")
            }
            Question::TenYears => {
                BIRTH_RANGE.between(ring, first..=last).unwrap().in_array("birth_range")
            }
        }
        .unwrap()
    };
    let sealed = async |db: &mut PgConnection, question| -> Vec<(i64, Vec<u8>)> {
        let found = ask(question);
        let sql = format!("SELECT id, email FROM customer WHERE {}", found.sql());
        let mut terms = sqlx::postgres::PgArguments::default();
        found.add_to::<Postgres>(&mut terms).unwrap();
        sqlx::query_as_with(AssertSqlSafe(sql), terms).fetch_all(db).await.unwrap()
    };
    let plain = async |db: &mut PgConnection, question| -> Vec<(i64, String)> {
        let query = match question {
            Question::Exact => {
                sqlx::query_as("SELECT id, email FROM plain WHERE email = $1").bind(email.clone())
            }
            Question::Prefix => sqlx::query_as(
                "SELECT id, email FROM plain WHERE surname COLLATE \"C\" >= $1 AND surname COLLATE \"C\" < $2",
            )
            .bind(BEGIN.to_owned())
            .bind(BEHIND.to_owned()),
            Question::TenYears => sqlx::query_as(
                "SELECT id, email FROM plain WHERE birth BETWEEN $1::text::date AND $2::text::date",
            )
            .bind(first.to_string())
            .bind(last.to_string()),
        };
        query.fetch_all(db).await.unwrap()
    };
    for (question, name) in QUESTIONS {
        let found = ids(runtime.block_on(sealed(&mut db, question)));
        let there = ids(runtime.block_on(plain(&mut db, question)));
        assert_eq!(found, there);
        let mut group = group(c, &format!("postgres_{name}_{}_rows", found.len()));
        group.bench_function("sealed", |b| {
            b.iter(|| black_box(runtime.block_on(sealed(&mut db, question))));
        });
        group.bench_function("plain", |b| {
            b.iter(|| black_box(runtime.block_on(plain(&mut db, question))));
        });
        group.finish();
    }
}

criterion_group!(benches, in_sqlite, in_postgres);
criterion_main!(benches);

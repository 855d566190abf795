//! A service on PostgreSQL, with handlers as axum would call them.
//!
//! ```sh
//! cargo run --release --example postgres --features sqlx-postgres,file
//! DATABASE_URL=postgres://localhost/test cargo run --release --example postgres --features sqlx-postgres,file
//! ```
//!
//! Without `DATABASE_URL` it starts a server of its own, if PostgreSQL is installed. It works in the schema
//! `fieldseal_example`, which it makes anew.
//!
//! Customers sign up, a page of a hundred is shown, one moves, one consents and takes it back, one is
//! erased. What each handler does is in `handlers.rs`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example talks")]

mod handlers;
mod server;

use std::env;
use std::process::ExitCode;
use std::str::FromStr as _;
use std::sync::Arc;

use fieldseal::ledger::Receipt;
use fieldseal::store::{LedgerFile, SqlxKeyStore};
use fieldseal::{Catalog, Class, KeyRing, Record};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool, Postgres};
use tokio::task::JoinSet;

use handlers::SignUp;
use server::Server;

type Anyhow<T> = Result<T, Box<dyn std::error::Error>>;

const SIGN_UPS: usize = 250;

/// How to reach someone. Marketing reads it too, where the person agreed.
const CONTACT: Class = Class::new("contact").readers(&["app"]).readers_with_consent(&["marketing"]);
/// Who someone is.
const IDENTITY: Class = Class::new("identity").readers(&["app"]);

/// A customer. The keys are in the store's table, as other tables share them.
#[derive(Record, Clone, Debug)]
#[record(name = "customer", single_row, keys = "external", sealed(derive(sqlx::FromRow)))]
pub(crate) struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT, pad = 32))]
    email: String,
    #[record(seal(class = IDENTITY, pad = 32))]
    name: String,
    #[record(seal(class = CONTACT))]
    phone: Option<String>,
    plan: String,
}

const TABLES: &str = "
    CREATE SEQUENCE customer_id;
    CREATE TABLE customer (
        id BIGINT PRIMARY KEY,
        email BYTEA NOT NULL,
        name BYTEA NOT NULL,
        phone BYTEA,
        plan TEXT NOT NULL
    )";

/// What a service holds: axum's state.
pub(crate) struct App {
    pool: PgPool,
    /// A service would have a `SharedRing` here.
    ring: KeyRing,
    keys: SqlxKeyStore<Postgres>,
    ledger: LedgerFile,
    catalog: Catalog<'static>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let (url, _server) = match (env::var("DATABASE_URL"), Server::start) {
        (Ok(url), _) => (url, None),
        (Err(_), start) => match start() {
            Some(server) => (server.url().to_owned(), Some(server)),
            None => {
                println!(
                    "SKIPPED: no PostgreSQL: install it (Debian: postgresql), or set DATABASE_URL"
                );
                return ExitCode::SUCCESS;
            }
        },
    };
    match run(&url).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("postgres: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(url: &str) -> Anyhow<()> {
    let folder = env::temp_dir().join(format!("fieldseal-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let app = Arc::new(begin(url, &folder.join("ledger")).await?);

    // As requests would come: all at once. Each in a task of its own, so that a client that goes away
    // drops no transaction in the middle (docs/guide/databases.md, "PostgreSQL").
    let mut requests = JoinSet::new();
    for number in 1..=SIGN_UPS {
        let form = SignUp {
            email: format!("customer{number}@example.com"),
            name: format!("Customer {number}"),
            phone: (number % 3 == 0).then(|| format!("+49 30 {number:06}")),
            plan: "plus".into(),
        };
        requests.spawn(handlers::sign_up(app.clone(), form));
    }
    let mut ids = Vec::new();
    while let Some(answer) = requests.join_next().await {
        ids.push(answer??);
    }
    ids.sort_unstable();
    let [ada, bob, ..] = ids.as_slice() else { return Err("nobody signed up".into()) };
    println!("signed up: {}", ids.len());

    let page = handlers::page(app.clone(), 0).await?;
    println!(
        "first page: {} customers, from {} to {}",
        page.len(),
        line(page.first()),
        line(page.last())
    );

    tokio::spawn(handlers::change_email(app.clone(), *ada, "ada@example.org".into())).await??;
    println!("moved: customer {}", line(handlers::page(app.clone(), ada - 1).await?.first()));

    // Marketing has a ring of its own, and the same database.
    let ring = app.ring.subset(&["marketing"])?.into_ring();
    println!("no consent: marketing reaches {:?}", handlers::newsletter(&app, &ring).await?);
    for (given, what) in [(true, "given"), (false, "taken back")] {
        tokio::spawn(handlers::consent(app.clone(), *ada, given)).await??;
        println!("{what}: marketing reaches {:?}", handlers::newsletter(&app, &ring).await?);
    }
    let resealed = tokio::spawn(handlers::reseal(app.clone())).await??;
    println!("resealed: {resealed} row");

    let receipt = tokio::spawn(handlers::erase(app.clone(), *bob)).await??;
    let keys = app.ring.verifying_keys();
    let columns = Receipt::from_json(receipt.as_bytes(), &keys)?.columns().len();
    println!("erased: a receipt that names {columns} columns, and verifies");
    println!(
        "what is left: customer {}",
        line(handlers::page(app.clone(), bob - 1).await?.first())
    );
    let entries = app.ledger.read(&keys)?.entries().len();

    std::fs::remove_dir_all(&folder)?;
    println!(
        "postgres: {} signed up, {} on a page, {resealed} resealed, 1 erased, {entries} in the ledger",
        ids.len(),
        page.len()
    );
    Ok(())
}

async fn begin(url: &str, ledger: &std::path::Path) -> Anyhow<App> {
    let options = PgConnectOptions::from_str(url)?;
    let mut once = PgConnection::connect_with(&options).await?;
    once.execute("DROP SCHEMA IF EXISTS fieldseal_example CASCADE").await?;
    once.execute("CREATE SCHEMA fieldseal_example").await?;
    let options = options.options([("search_path", "fieldseal_example")]);
    let pool = PgPoolOptions::new().max_connections(8).connect_with(options).await?;
    sqlx::raw_sql(TABLES).execute(&pool).await?;

    let mut ring = KeyRing::generate()?;
    ring.add_role("marketing")?;
    ring.add_signing_key()?;
    let keys = SqlxKeyStore::new();
    keys.migrate(&mut *pool.acquire().await?).await?;
    let ledger = LedgerFile::create(ledger, &ring)?;
    Ok(App { pool, ring, keys, ledger, catalog: Catalog::new(&[Customer::SCHEMA])? })
}

fn line(customer: Option<&handlers::Line>) -> String {
    customer.map_or("nobody".into(), |one| format!("{} ({}, {})", one.id, one.name, one.email))
}

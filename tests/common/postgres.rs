//! A PostgreSQL server for the tests of a binary: the one of `DATABASE_URL`, or one of their own.

use std::env;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

#[path = "../../examples/postgres/server.rs"]
mod server;

#[allow(unused_imports, reason = "shared by test binaries")]
pub(crate) use self::server::{Server, programs};

/// A schema of its own, which goes with this.
pub struct Schema {
    url: String,
    /// What removes it.
    drop: String,
}

impl Schema {
    /// None when there is no PostgreSQL, which is said loudly.
    #[allow(dead_code, reason = "shared by test binaries")]
    pub fn new() -> Option<Self> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let name = format!("fieldseal_{}_{number}", std::process::id());
        let url = server_url()?;
        run(url, format!("CREATE SCHEMA {name}"));
        let joined = if url.contains('?') { '&' } else { '?' };
        let drop = format!("DROP SCHEMA {name} CASCADE");
        Some(Self { url: format!("{url}{joined}options[search_path]={name}"), drop })
    }

    /// The public schema of a database of its own: for what looks at every schema.
    #[allow(dead_code, reason = "shared by test binaries")]
    pub fn alone() -> Option<Self> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let name = format!("fieldseal_alone_{}_{number}", std::process::id());
        let url = server_url()?;
        run(url, format!("CREATE DATABASE {name}"));
        let joined = if url.contains('?') { '&' } else { '?' };
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        Some(Self { url: format!("{url}{joined}dbname={name}"), drop })
    }

    /// Connections made by this work in the schema.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if let Some(url) = server_url() {
            run(url, self.drop.clone());
        }
    }
}

fn server_url() -> Option<&'static str> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    static GIVEN: OnceLock<Option<String>> = OnceLock::new();
    if let Some(url) = GIVEN.get_or_init(|| env::var("DATABASE_URL").ok()) {
        return Some(url);
    }
    let server = SERVER.get_or_init(|| {
        let server = Server::start();
        if server.is_none() {
            println!(
                "SKIPPED: no PostgreSQL: install it (Debian: postgresql), or set DATABASE_URL"
            );
        }
        server
    });
    server.as_ref().map(Server::url)
}

/// Runs this outside of the test's own runtime, if it has one.
fn run(url: &str, sql: String) {
    let call = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = PgConnection::connect(url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        });
    };
    std::thread::scope(|scope| scope.spawn(call).join().unwrap());
}

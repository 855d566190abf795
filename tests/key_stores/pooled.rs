//! Behind PgBouncer, where each transaction may have another connection to the server.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fieldseal::{AsyncKeyStore as _, SqlxKeyStore};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Postgres};

use crate::common::*;
use crate::contract::*;
use crate::waiting::runtime;

const CLIENTS: i64 = 6;
const ROUNDS: i64 = 6;

/// PgBouncer in front of the tests' server, in transaction mode, with a database of its own.
struct Bouncer {
    process: Child,
    folder: PathBuf,
    database: String,
    server: postgres::Schema,
}

impl Bouncer {
    /// `None`, which is said, where there is no PgBouncer or no PostgreSQL.
    fn start(connections: u32) -> Option<Self> {
        let server = postgres::Schema::new()?;
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
        let Some(program) = program.into_iter().find(|path| std::fs::exists(path).unwrap()) else {
            println!("SKIPPED: no PgBouncer (Debian: apt-get install pgbouncer)");
            return None;
        };
        let options: PgConnectOptions = server.url().parse().unwrap();
        let Some(socket) = options.get_socket().cloned() else {
            println!("SKIPPED: PgBouncer is tried before a PostgreSQL of the tests' own");
            return None;
        };
        let name = format!("fieldseal-bouncer-{}-{connections}", std::process::id());
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder).unwrap();
        let database = name.replace('-', "_");
        let mut users = std::fs::File::create(folder.join("users")).unwrap();
        writeln!(users, "\"{}\" \"\"", options.get_username()).unwrap();
        let settings = format!(
            "[databases]\n* = host={}\n[pgbouncer]\npool_mode = transaction\ndefault_pool_size = {connections}\n\
             listen_addr =\nunix_socket_dir = {folder}\nauth_type = trust\nauth_file = {folder}/users\n",
            socket.display(),
            folder = folder.display()
        );
        std::fs::write(folder.join("pgbouncer.ini"), settings).unwrap();
        run(&server, format!("CREATE DATABASE {database}"));
        // It refuses to run as root.
        let script = "as=; [ \"$(id -u)\" != 0 ] || { chown -R nobody \"$1\"; as='runuser -u nobody --'; }; \
                      exec $as \"$0\" \"$1/pgbouncer.ini\"";
        let process = Command::new("sh")
            .args(["-c", script, program])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let bouncer = Self { process, folder, database, server };
        let until = Instant::now() + Duration::from_secs(10);
        while !bouncer.folder.join(".s.PGSQL.6432").exists() {
            assert!(Instant::now() < until, "PgBouncer does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(bouncer)
    }

    fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.folder)
            .port(6432)
            .username("postgres")
            .database(&self.database)
            .extra_float_digits(None)
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options()).await.unwrap()
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        // `exec`, and runuser passes it on.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
        run(&self.server, format!("DROP DATABASE {} WITH (FORCE)", self.database));
    }
}

/// On the server itself.
fn run(server: &postgres::Schema, sql: String) {
    let url = server.url().to_owned();
    let call = move || {
        runtime().block_on(async {
            let mut on = PgConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut on).await.unwrap();
        });
    };
    std::thread::spawn(call).join().unwrap();
}

/// What one client does to a subject of its own, outside of a transaction and inside of one. How many of
/// its calls failed.
async fn life(
    store: &SqlxKeyStore<Postgres>,
    on: &mut PgConnection,
    subject: i64,
) -> Result<(), fieldseal::Error> {
    let ring = admin();
    let keys = fieldseal::DataKeys::create(at(&ring), subject, &[CONTACT])?;
    store.save(on, "", subject, keys.envelope()).await?;
    let renewed = store.change(on, at(&ring), subject, |edit| edit.renew(&CONTACT)).await?;
    assert_eq!(store.load(on, "", subject).await?, Some(renewed));
    let mut transaction = on.begin().await.unwrap();
    store.change(&mut transaction, at(&ring), subject, |edit| edit.renew(&CONTACT)).await?;
    assert!(store.load(&mut transaction, "", subject).await?.is_some());
    transaction.commit().await.unwrap();
    let loaded = store.load(on, "", subject).await?.unwrap();
    assert_eq!(info(&loaded).version, 3);
    Ok(())
}

#[test]
fn every_call_succeeds_behind_pgbouncer_in_transaction_mode() {
    let Some(bouncer) = Bouncer::start(2) else { return };
    let store = SqlxKeyStore::<Postgres>::new().transaction_pooling();
    runtime().block_on(async {
        let mut on = bouncer.connect().await;
        store.migrate(&mut on).await.unwrap();
        // Each connected before any goes on, and by turns.
        let clients = (0..CLIENTS).map(|client| {
            let (store, bouncer) = (&store, &bouncer);
            async move {
                let mut on = bouncer.connect().await;
                for round in 0..ROUNDS {
                    life(store, &mut on, client * 1_000 + round).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        all(clients.collect()).await;
        let mut census = fieldseal::Census::default();
        store.census(&mut on, "keys", &mut census).await.unwrap();
        assert_eq!(store.scan(&mut on, None, 999).await.unwrap().len(), 36);
    });
}

/// Why it has to be said: two clients, of which each takes the first name of a prepared statement.
#[test]
fn prepared_statements_fail_behind_pgbouncer_in_transaction_mode() {
    let Some(bouncer) = Bouncer::start(1) else { return };
    let store = SqlxKeyStore::<Postgres>::new();
    runtime().block_on(async {
        let (mut one, mut other) = (bouncer.connect().await, bouncer.connect().await);
        store.migrate(&mut one).await.unwrap();
        let first = life(&store, &mut one, 1).await;
        let second = life(&store, &mut other, 2).await;
        assert!(first.is_err() || second.is_err());
    });
}

/// Runs these by turns until all are done.
async fn all<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut open: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        open.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if open.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

//! PgBouncer, in front of the tests' PostgreSQL.

#![allow(dead_code, unreachable_pub, reason = "shared by test binaries")]
#![allow(clippy::print_stdout, reason = "what is skipped has to be seen")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::postgres::Schema;

/// PgBouncer in front of the tests' server, in transaction mode, with a database of its own.
pub struct Bouncer {
    process: Child,
    folder: PathBuf,
    database: String,
    server: Schema,
}

impl Bouncer {
    /// `None`, which is said, where there is no PgBouncer or no PostgreSQL.
    pub fn start(connections: u32) -> Option<Self> {
        let server = Schema::new()?;
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
        // The socket is there before anybody listens at it.
        while std::os::unix::net::UnixStream::connect(bouncer.folder.join(".s.PGSQL.6432")).is_err()
        {
            assert!(Instant::now() < until, "PgBouncer does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(bouncer)
    }

    /// Connections made by this go through it.
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost:6432/{}?host={}",
            self.database,
            self.folder.display()
        )
    }

    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.folder)
            .port(6432)
            .username("postgres")
            .database(&self.database)
            .extra_float_digits(None)
    }

    pub async fn connect(&self) -> PgConnection {
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
fn run(server: &Schema, sql: String) {
    let url = server.url().to_owned();
    let call = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut on = PgConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut on).await.unwrap();
        });
    };
    std::thread::spawn(call).join().unwrap();
}

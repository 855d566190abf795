//! A standby that streams from the tests' PostgreSQL.

#![allow(dead_code, unreachable_pub, reason = "shared by test binaries")]
#![allow(clippy::print_stdout, reason = "what is skipped has to be seen")]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};

use sqlx::postgres::PgConnectOptions;

use crate::postgres::{Schema, programs};

pub struct Standby {
    url: String,
    folder: PathBuf,
    /// When this is closed, also because the process died, the standby stops.
    lifeline: Option<ChildStdin>,
    shell: std::process::Child,
}

impl Standby {
    /// Copies the server of this database as it is now, and streams from it what comes after. `None`, which is
    /// said, where pg_basebackup is missing, or the server is not the tests' own.
    pub fn of(primary: &Schema) -> Option<Self> {
        let options: PgConnectOptions = primary.url().parse().unwrap();
        let socket = options.get_socket().cloned();
        // What is on the path may be a link to one of them.
        let bin = programs().and_then(|bin| std::fs::canonicalize(bin.join("initdb")).ok());
        let bin = bin
            .map(|initdb| initdb.with_file_name(""))
            .filter(|bin| bin.join("pg_basebackup").is_file());
        let (Some(bin), Some(socket), Err(_)) = (bin, socket, std::env::var("DATABASE_URL")) else {
            println!(
                "SKIPPED: no pg_basebackup (Debian: postgresql-client), or DATABASE_URL is set"
            );
            return None;
        };
        let folder = std::env::temp_dir().join(format!("fieldseal-standby-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .env("BIN", bin)
            .env("PRIMARY", &socket)
            .env("FOLDER", &folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready", "no standby: see {}/log", folder.display());
        let url = primary.url().replace(socket.to_str().unwrap(), folder.to_str().unwrap());
        let lifeline = shell.stdin.take();
        Some(Self { url, folder, lifeline, shell })
    }

    /// The same database.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.shell.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// PostgreSQL refuses to run as root.
const SCRIPT: &str = r#"
cd /
trap '' INT TERM HUP
as=
if [ "$(id -u)" = 0 ]; then
    chown nobody "$FOLDER"
    as="runuser -u nobody --"
fi
$as "$BIN/pg_basebackup" -h "$PRIMARY" -U postgres -D "$FOLDER/data" -c fast -R --no-sync >>"$FOLDER/log" 2>&1 &&
$as "$BIN/pg_ctl" -w -D "$FOLDER/data" -l "$FOLDER/data/log" \
    -o "-F -c listen_addresses='' -c unix_socket_directories='$FOLDER'" start >>"$FOLDER/log" 2>&1 ||
exit 1
echo ready
cat >/dev/null
$as "$BIN/pg_ctl" -D "$FOLDER/data" -m immediate stop >/dev/null 2>&1
rm -rf "$FOLDER"
"#;

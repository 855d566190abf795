//! A PostgreSQL server of one's own, for as long as this process lives: for the example, and for tests.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

/// A server without TCP, whose data is lost with it.
pub(crate) struct Server {
    url: String,
    /// When this is closed, also because the process died, the server stops and its files go.
    _lifeline: ChildStdin,
}

impl Server {
    /// Starts one, in a second or two. `None` when PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let bin = programs()?;
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let name = format!("fieldseal-postgres-{}-{number}", std::process::id());
        let folder = env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).ok()?;
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .env("BIN", bin)
            .env("FOLDER", &folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(shell.stdout.take()?).read_line(&mut line).ok()?;
        assert_eq!(line.trim(), "ready", "PostgreSQL did not start: see {}/log", folder.display());
        let url = format!("postgres://postgres@localhost/postgres?host={}", folder.display());
        Some(Self { url, _lifeline: shell.stdin.take()? })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
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
$as "$BIN/initdb" -D "$FOLDER/data" -U postgres -A trust -E UTF8 --no-sync >>"$FOLDER/log" 2>&1 &&
$as "$BIN/pg_ctl" -w -D "$FOLDER/data" -l "$FOLDER/data/log" \
    -o "-F -c listen_addresses='' -c unix_socket_directories='$FOLDER'" start >>"$FOLDER/log" 2>&1 ||
exit 1
echo ready
cat >/dev/null
$as "$BIN/pg_ctl" -D "$FOLDER/data" -m immediate stop >/dev/null 2>&1
rm -rf "$FOLDER"
"#;

/// The folder of `initdb`: one on the path, or the newest of Debian's, which are not.
pub(crate) fn programs() -> Option<PathBuf> {
    let has_initdb = |folder: &Path| folder.join("initdb").is_file();
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).find(|folder| has_initdb(folder)).or_else(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
        let number = |entry: &fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
        versions
            .filter(|entry| has_initdb(&entry.path().join("bin")))
            .max_by_key(number)
            .map(|entry| entry.path().join("bin"))
    })
}

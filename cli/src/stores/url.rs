//! URLs of databases: read from where secrets may come, checked, and shown without their secrets.

use std::env;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::sqlite::SqliteConnectOptions;
use zeroize::Zeroizing;

use crate::args::stores::UrlFrom;
use crate::exit::{Exit, Failure};
use crate::files;
use crate::session::Session;

/// The variable that holds the URL of a database.
const VARIABLE: &str = "FIELDSEAL_STORE";

/// A database that is not opened yet.
pub(super) struct Address {
    /// As people know it. No secret.
    pub(super) name: String,
    pub(super) options: Options,
}

pub(super) enum Options {
    /// And whether the URL says that nothing is to be written.
    Sqlite(Box<SqliteConnectOptions>, bool),
    Postgres(Box<PgConnectOptions>),
}

impl Address {
    pub(super) fn of(from: &UrlFrom, session: &Session<'_>) -> Result<Self, Failure> {
        match from {
            UrlFrom::Argument(url) if has_password(url) => Err(Failure::new(
                Exit::Usage,
                "a URL with a password was given as an argument, where others can see it",
                format!(
                    "change that password; give the URL by {VARIABLE} or --store-file, or leave the password out and \
                     have it in PGPASSWORD or a ~/.pgpass"
                ),
            )),
            UrlFrom::Argument(url) => Self::parse(url),
            UrlFrom::File(path) => Self::parse(&first_line(path, session)?),
            UrlFrom::Variable => match env::var(VARIABLE).map(Zeroizing::new) {
                Ok(url) if !url.trim().is_empty() => Self::parse(url.trim()),
                Err(env::VarError::NotUnicode(_)) => Err(Failure::new(
                    Exit::Malformed,
                    format!("{VARIABLE} is no text"),
                    format!("set {VARIABLE} to the URL of a database"),
                )),
                // A variable that a deployment declares and does not fill is empty.
                Ok(_) | Err(env::VarError::NotPresent) => Err(Failure::new(
                    Exit::Usage,
                    "no database was named",
                    format!(
                        "name it by --store sqlite:PATH, --store postgres://…, --store-file or {VARIABLE}"
                    ),
                )),
            },
        }
    }

    /// What is wrong is said without the URL.
    fn parse(url: &str) -> Result<Self, Failure> {
        let wrong = |what: &str| {
            Failure::new(
                Exit::Usage,
                what,
                "a database is sqlite:PATH or postgres://USER@HOST/DATABASE?sslrootcert=PATH",
            )
        };
        if url.starts_with("sqlite:") {
            let options = sqlite(url)?;
            let path = options.get_filename().to_path_buf();
            if url.contains(":memory:")
                || url.contains("mode=memory")
                || path.as_os_str().is_empty()
            {
                return Err(wrong("the URL names no file of a SQLite database"));
            }
            files::check_regular(&path)?;
            if query(url)
                .any(|(name, value)| name == "immutable" && value != "false" && value != "0")
            {
                check_all_in_one_file(&path)?;
            }
            let name = path.display().to_string();
            // sqlx tells nobody what it read, and an option that is set later wins.
            let is_read_only = query(url).any(|said| said == ("mode", "ro"));
            return Ok(Self { name, options: Options::Sqlite(Box::new(options), is_read_only) });
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url)
                .map_err(|_| wrong("the URL of the PostgreSQL database cannot be read"))?;
            let host = match options.get_socket() {
                Some(socket) => socket.display().to_string(),
                None => options.get_host().to_owned(),
            };
            let database = options.get_database().unwrap_or_else(|| options.get_username());
            let name = format!("{database} at {host}");
            // PgBouncer refuses a connection that asks for these digits, of which no envelope has any.
            let options = with_verified_tls(options, url)
                .application_name("fieldseal")
                .extra_float_digits(None);
            return Ok(Self { name, options: Options::Postgres(Box::new(options)) });
        }
        Err(wrong("this is not the URL of a database that fieldseal knows"))
    }
}

/// A SQLite database by its URL, or by its path where that is a file: `%2F` in a URL is `/`, and a `?` begins
/// its parameters, and either can be in the name of a file.
fn sqlite(url: &str) -> Result<SqliteConnectOptions, Failure> {
    let literal = Path::new(url.trim_start_matches("sqlite:").trim_start_matches("//"));
    let by_url = SqliteConnectOptions::from_str(url);
    if !url.contains(['%', '?']) || !literal.is_file() {
        return by_url.map_err(|_| {
            Failure::new(
                Exit::Usage,
                "the URL of the SQLite database cannot be read",
                "a database is sqlite:PATH; in a path write `?` as %3F and `%` as %25, and of parameters there \
                 are mode=ro and immutable=true",
            )
        });
    }
    match by_url {
        Ok(options) if options.get_filename() != literal && options.get_filename().exists() => {
            Err(Failure::new(
                Exit::Usage,
                "the URL of the SQLite database names two files: as a path one, and as a URL another",
                "in a path write `?` as %3F and `%` as %25; or give the other file another name",
            ))
        }
        _ => Ok(SqliteConnectOptions::new().filename(literal)),
    }
}

/// What is read as `immutable` is read without its -wal file, and newer changes would be missed in silence.
fn check_all_in_one_file(path: &Path) -> Result<(), Failure> {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    if Path::new(&wal).metadata().is_ok_and(|wal| wal.len() > 0) {
        return Err(Failure::new(
            Exit::File,
            format!(
                "{}: changes are in its -wal file, which `immutable` leaves out",
                path.display()
            ),
            "copy the database and its -wal file into a folder that can be written, and give that copy",
        ));
    }
    Ok(())
}

/// Whether a SQLite database keeps changes in a -wal file. Its header says so.
pub(super) fn is_in_wal_mode(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header.starts_with(b"SQLite format 3\0") && header.ends_with(&[2, 2])
}

/// Over a network the server is verified, unless the URL says what else is meant: sqlx would go on
/// without TLS where the server, or who poses as it, offers none.
fn with_verified_tls(options: PgConnectOptions, url: &str) -> PgConnectOptions {
    let is_local = options.get_socket().is_some()
        || options.get_host().starts_with('/')
        || matches!(options.get_host(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
    let is_said = query(url).any(|(name, _)| matches!(name, "sslmode" | "ssl-mode"))
        || env::var_os("PGSSLMODE").is_some_and(|mode| !mode.is_empty());
    if is_local || is_said { options } else { options.ssl_mode(PgSslMode::VerifyFull) }
}

fn query(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Whether a URL bears a password.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    // A password may hold what ends an authority, unescaped: then it is no URL, and a secret still.
    let loose = rest.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    user.is_some_and(|user| user.contains(':'))
        || loose
        || query(url).any(|(name, _)| name.eq_ignore_ascii_case("password"))
}

fn first_line(path: &Path, session: &Session<'_>) -> Result<Zeroizing<String>, Failure> {
    let bytes = files::read_secret(path, session.common.any_permissions)?;
    let line = files::text(path, &bytes)?.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return Err(Failure::new(
            Exit::Malformed,
            format!("{}: its first line is empty", path.display()),
            "put the URL of the database on its first line",
        ));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_its_path_where_its_url_would_be_another() {
        let folder = env::temp_dir().join(format!("fieldseal-url-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("a")).unwrap();
        for (file, url) in
            [("a%2Fb.db", "a%2Fb.db"), ("what?.db", "what?.db"), ("50%25.db", "50%2525.db")]
        {
            let path = folder.join(file);
            std::fs::write(&path, b"").unwrap();
            let options = sqlite(&format!("sqlite:{}", folder.join(url).display())).unwrap();
            assert_eq!(options.get_filename(), path, "{url}");
        }
        let by_url = sqlite(&format!("sqlite:{}/what%3F.db?mode=ro", folder.display())).unwrap();
        assert_eq!(by_url.get_filename(), folder.join("what?.db"));
        std::fs::write(folder.join("a/b.db"), b"").unwrap();
        let both = sqlite(&format!("sqlite:{}/a%2Fb.db", folder.display())).unwrap_err();
        assert!(both.error.contains("two files"), "{both:?}");
        let unread = sqlite(&format!("sqlite:{}/other?.db", folder.display())).unwrap_err();
        assert!(unread.next.contains("%3F"), "{unread:?}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_in_a_wal_file_is_not_left_out() {
        let folder = env::temp_dir().join(format!("fieldseal-wal-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let url = |query: &str| format!("sqlite:{}/shop.db{query}", folder.display());
        std::fs::write(folder.join("shop.db-wal"), b"").unwrap();
        assert!(Address::parse(&url("?immutable=true")).is_ok());
        std::fs::write(folder.join("shop.db-wal"), b"changes").unwrap();
        for immutable in ["?immutable=true", "?mode=ro&immutable=1"] {
            assert!(Address::parse(&url(immutable)).is_err(), "{immutable}");
        }
        for other in ["", "?immutable=false", "?mode=ro"] {
            assert!(Address::parse(&url(other)).is_ok(), "{other}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn passwords_are_found_in_urls() {
        for url in [
            "postgres://ada:secret@db/shop",
            "postgres://ada:se/cret@db/shop",
            "postgres://ada@db/shop?password=secret",
            "postgres://db/shop?sslmode=require&PASSWORD=secret",
            "other://ada:secret@db",
        ] {
            assert!(has_password(url), "{url}");
        }
        for url in [
            "postgres://ada@db:5432/shop",
            "postgres://db/shop?sslrootcert=/etc/ca.pem",
            "postgres:///shop?host=/run/postgresql",
            "sqlite:shop.db",
            "sqlite:///srv/a:b/shop.db",
        ] {
            assert!(!has_password(url), "{url}");
        }
    }

    #[test]
    fn servers_on_a_network_are_verified_unless_it_is_said() {
        let mode = |url: &str| match Address::parse(url).map(|address| address.options) {
            Ok(Options::Postgres(options)) => Some(format!("{:?}", options.get_ssl_mode())),
            _ => None,
        };
        assert_eq!(mode("postgres://ada@db.example/shop").as_deref(), Some("VerifyFull"));
        assert_eq!(mode("postgres://ada@db/shop?sslmode=require").as_deref(), Some("Require"));
        assert_eq!(mode("postgres://ada@localhost/shop").as_deref(), Some("Prefer"));
        assert_eq!(mode("postgres:///shop?host=/run/postgresql").as_deref(), Some("Prefer"));
        assert_eq!(mode("mysql://ada@db/shop"), None);
    }
}

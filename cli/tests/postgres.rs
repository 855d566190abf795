//! The commands over databases on PostgreSQL.
#![cfg(all(unix, feature = "stores"))]
#![allow(unreachable_pub, clippy::print_stdout, reason = "shared by test binaries")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

#[path = "../../tests/common/bouncer.rs"]
mod bouncer;
mod common;
#[path = "postgres/lost.rs"]
mod lost;
#[path = "../../tests/common/postgres.rs"]
mod postgres;
#[path = "postgres/standalone.rs"]
mod standalone;
#[path = "postgres/standby.rs"]
mod standby;

use assert_cmd::Command;
use common::stores::{CONTACT, EMAIL, counted, wait};
use common::{Place, Ran, ran};
use fieldseal::store::SqlxKeyStore;
use fieldseal::{AsyncKeyStore as _, DataKeys, Error, ErrorKind, KeyRing, Sealed, ToId};
use postgres::Schema;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, Postgres};

/// A place whose database is a schema of the server.
struct Shop {
    place: Place,
    schema: Schema,
}

impl Shop {
    fn new() -> Option<Self> {
        let shop = Self { schema: Schema::alone()?, place: Place::with_shop() };
        shop.ok(&["store", "migrate"]);
        Some(shop)
    }

    /// A URL with a password would be no argument.
    fn command(&self) -> Command {
        let mut command = self.place.command();
        command.env("FIELDSEAL_STORE", self.schema.url());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        ran(self.command().args(args))
    }

    fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.out
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[&["--json"], args].concat())).unwrap()
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(self.schema.url()).await.unwrap()
    }

    fn sql(&self, sql: &'static str) {
        wait(async { sqlx::raw_sql(sql).execute(&mut self.connect().await).await.unwrap() });
    }

    fn sign_up(&self, subject: impl ToId + Copy) -> Sealed<String> {
        let keys = DataKeys::create(&self.place.ring(), subject, [CONTACT]).unwrap();
        let store = SqlxKeyStore::<Postgres>::new();
        wait(async {
            store.save_unchecked(&mut self.connect().await, "", subject, keys.envelope()).await
        })
        .unwrap();
        EMAIL.seal(&keys, &"ada@example.com".to_owned()).unwrap()
    }

    fn open(
        &self,
        ring: &KeyRing,
        subject: impl ToId + Copy,
        email: &Sealed<String>,
    ) -> Result<String, Error> {
        let store = SqlxKeyStore::<Postgres>::new();
        let loaded = wait(async { store.load(&mut self.connect().await, "", subject).await });
        let keys = loaded?.unwrap().unwrap(ring, subject)?;
        EMAIL.open(&keys, email)
    }
}

const LEDGER: [&str; 4] = ["--ledger", "ledger", "--as", "integer"];
const MARKETING: [&str; 6] =
    ["--class", "contact", "--role", "marketing", "--classes", "classes.json"];

#[test]
fn whole_life_on_postgresql() {
    let Some(shop) = Shop::new() else { return };
    let (ada, bob) = (shop.sign_up(1), shop.sign_up(2));
    let old = shop.place.primary("wrap", "app");
    assert_eq!(counted(&shop.json(&["census"]), &old), 2);

    // A key is rotated, and retired once the application has rewrapped.
    shop.ok(&["ring", "rotate", "app"]);
    shop.run(&["retire", &old, "--yes"]).failed(
        10,
        "fieldseal_keys.envelope, class contact (2)",
        "rewrap",
    );
    let ring = shop.place.ring();
    let pass = wait(async {
        let store = SqlxKeyStore::<Postgres>::new();
        let on = &mut shop.connect().await;
        store.change_all(on, &ring, |_, edit| edit.rewrap([CONTACT]).map(drop)).await
    });
    assert_eq!(pass.unwrap().changed, 2);
    shop.ok(&["retire", &old, "--yes"]);
    assert_eq!(shop.open(&shop.place.ring(), 1, &ada).unwrap(), "ada@example.com");

    // Consent is given; a backup is made; consent is withdrawn, and a subject erased.
    let grant = ["grant", "2", "--history", "included", "--source", "form", "--notice", "3"];
    shop.ok(&[&grant[..], &MARKETING, &LEDGER].concat());
    let marketing = ring.subset(&["marketing"]).unwrap().into_ring();
    assert_eq!(shop.open(&marketing, 2, &bob).unwrap(), "ada@example.com");
    shop.sql("CREATE TABLE backup AS SELECT * FROM fieldseal_keys");
    shop.ok(&[&["withdraw", "2"][..], &MARKETING, &LEDGER].concat());
    let receipt = shop.ok(&[&["erase", "1", "--yes"][..], &LEDGER].concat());
    let key = shop.place.ok(&["ring", "verifying-key"]);
    let verified = Place::new().pipe(&["receipt", "verify", "--key", key.trim()], receipt);
    assert!(verified.out.starts_with("verified"), "{verified:?}");

    // The backup is restored, and made good.
    shop.sql("DELETE FROM fieldseal_keys; INSERT INTO fieldseal_keys SELECT * FROM backup");
    assert_eq!(shop.open(&shop.place.ring(), 1, &ada).unwrap(), "ada@example.com");
    let head = shop.json(&["ledger", "verify", "ledger"])["head"].as_str().unwrap().to_owned();
    let replay = ["ledger", "replay", "ledger", "--classes", "classes.json", "--head", &head];
    let told = shop.json(&[&replay[..], &["--dry-run"]].concat());
    assert_eq!((&told["places"][0]["changed"], &told["subjects"]), (&2.into(), &2.into()));
    assert_eq!(shop.open(&shop.place.ring(), 1, &ada).unwrap(), "ada@example.com");
    assert_eq!(shop.json(&replay)["places"][0]["changed"], 2);
    assert_eq!(shop.open(&shop.place.ring(), 1, &ada).unwrap_err().kind(), ErrorKind::Erased);
    assert!(shop.open(&marketing, 2, &bob).is_err());
    assert_eq!(shop.open(&shop.place.ring(), 2, &bob).unwrap(), "ada@example.com");
    assert_eq!(shop.json(&replay)["places"][0]["changed"], 0);
    assert_eq!(shop.json(&["sweep", "--at-most-percent", "5"])["places"][0]["seen"], 2);
}

/// A role whom a policy shows one tenant of two, and everything that concludes.
#[test]
fn a_role_that_sees_a_part_rewraps_retires_sweeps_and_replays_nothing() {
    let Some(shop) = Shop::new() else { return };
    let ada = shop.sign_up(1);
    let ring = shop.place.ring();
    let bob = DataKeys::create(fieldseal::Access::new(&ring).tenant("globex"), 2, [CONTACT]);
    let bob = bob.unwrap();
    wait(async {
        let store = SqlxKeyStore::<Postgres>::new();
        store.save(&mut shop.connect().await, &bob).await.unwrap();
    });
    let old = shop.place.primary("wrap", "app");
    shop.ok(&["ring", "rotate", "app"]);
    let role = format!("clerk_{}", std::process::id());
    wait(async {
        let sql = format!(
            "CREATE ROLE {role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
             ALTER TABLE fieldseal_keys ENABLE ROW LEVEL SECURITY;
             CREATE POLICY one ON fieldseal_keys USING (tenant = '')"
        );
        let sql = sqlx::AssertSqlSafe(sql);
        sqlx::raw_sql(sql).execute(&mut shop.connect().await).await.unwrap();
    });
    let url = format!("{}&options[role]={role}", shop.schema.url());
    let by_clerk =
        |args: &[&str]| ran(shop.place.command().env("FIELDSEAL_STORE", &url).args(args));
    for args in [
        &["rewrap", "--classes", "classes.json"][..],
        &["retire", &old, "--yes"],
        &["sweep", "--plan"],
        &["sweep", "--at-most-percent", "100", "--yes"],
        &["ledger", "replay", "ledger", "--classes", "classes.json"],
        &["ledger", "replay", "ledger", "--classes", "classes.json", "--dry-run"],
    ] {
        by_clerk(args).failed(2, "row-level security is active", "sees every row");
    }
    let census = by_clerk(&["census"]);
    assert!(census.code == 11 && census.err.contains("row-level security"), "{census:?}");
    assert!(census.out.contains("not whole"), "{census:?}");
    // By who sees all, it is done, and both still open.
    shop.run(&["retire", &old, "--yes"]).failed(10, "class contact (2)", "rewrap");
    shop.ok(&["rewrap", "--classes", "classes.json"]);
    shop.ok(&["retire", &old, "--yes"]);
    assert_eq!(shop.open(&shop.place.ring(), 1, &ada).unwrap(), "ada@example.com");
    wait(async {
        let sql = sqlx::AssertSqlSafe(format!("DROP OWNED BY {role}; DROP ROLE {role}"));
        sqlx::raw_sql(sql).execute(&mut shop.connect().await).await.unwrap();
    });
}

/// A tenant in a schema of its own is not seen by another's search path.
#[test]
fn schemas_that_were_not_counted_keep_a_key_from_being_retired() {
    let Some(shop) = Shop::new() else { return };
    shop.sign_up(1);
    let old = shop.place.primary("wrap", "app");
    shop.sql(
        "CREATE SCHEMA globex; CREATE TABLE globex.fieldseal_keys AS SELECT * FROM fieldseal_keys",
    );
    shop.ok(&["ring", "rotate", "app"]);
    for pass in [
        &["rewrap", "--classes", "classes.json"][..],
        &["sweep", "--plan"],
        &["sweep", "--yes", "--at-most-percent", "5"],
        &["ledger", "replay", "ledger", "--dry-run"],
        &["ledger", "replay", "ledger"],
    ] {
        let ran = shop.run(pass);
        assert_eq!(ran.code, 11, "{pass:?}: {ran:?}");
        assert!(ran.err.contains("globex.fieldseal_keys may hold envelopes"), "{ran:?}");
    }
    shop.run(&["retire", &old, "--yes"]).failed(2, "globex.fieldseal_keys", "search path");
    let globex = format!("{}&options[search_path]=globex", shop.schema.url());
    let both = |args: &[&str]| {
        shop.run(&[args, &["--store", shop.schema.url(), "--store", &globex]].concat())
    };
    both(&["retire", &old, "--yes"]).failed(10, "class contact (1)", "rewrap");
    both(&["rewrap", "--classes", "classes.json"]).code_is(0);
    both(&["retire", &old, "--yes"]).code_is(0);
}

#[test]
fn columns_of_postgresql_are_counted_and_erased_from() {
    let Some(shop) = Shop::new() else { return };
    shop.sql(
        "CREATE TABLE numbered (id BIGINT PRIMARY KEY, keys BYTEA);
         CREATE TABLE lettered (id TEXT PRIMARY KEY, keys TEXT);
         CREATE TABLE marked (id UUID PRIMARY KEY, keys BYTEA);
         CREATE TABLE notes (bytes BYTEA, words TEXT)",
    );
    let ring = shop.place.ring();
    let uuid = fieldseal::Id::from_uuid_bytes([7; 16]);
    let numbered = DataKeys::create(&ring, -4, [CONTACT]).unwrap();
    let lettered = DataKeys::create(&ring, "ada", [CONTACT]).unwrap();
    let marked = DataKeys::create(&ring, &uuid, [CONTACT]).unwrap();
    let note = ring.seal(b"note", b"hello").unwrap();
    wait(async {
        let on = &mut shop.connect().await;
        let insert = sqlx::query("INSERT INTO numbered VALUES (-4, $1)");
        insert.bind(numbered.envelope().as_bytes()).execute(&mut *on).await.unwrap();
        let insert = sqlx::query("INSERT INTO lettered VALUES ('ada', $1)");
        insert.bind(lettered.envelope().to_text()).execute(&mut *on).await.unwrap();
        let insert =
            sqlx::query("INSERT INTO marked VALUES ('07070707-0707-0707-0707-070707070707', $1)");
        insert.bind(marked.envelope().as_bytes()).execute(&mut *on).await.unwrap();
        let text = fieldseal::KeyEnvelope::from_bytes(note.clone()).to_text();
        let insert = sqlx::query("INSERT INTO notes VALUES ($1, $2), (NULL, NULL)");
        insert.bind(note).bind(text).execute(&mut *on).await.unwrap();
    });
    let census = shop.json(&[
        "census",
        "--inline",
        "numbered,id:integer,keys",
        "--inline",
        "lettered,id:text,keys",
        "--inline",
        "marked,id:uuid,keys",
        "--standalone",
        "notes,bytes",
        "--standalone",
        "notes,words",
    ]);
    assert_eq!((&census["envelopes"], &census["unreadable"]), (&5.into(), &0.into()));
    assert_eq!(census["places"].as_array().unwrap().len(), 5, "{census}");
    assert_eq!(census["looked_at"][3], "fieldseal_keys.envelope", "it is empty: {census}");

    let erase = |subject: &str, inline: &str| {
        shop.run(&["erase", subject, "--yes", "--ledger", "ledger", "--inline", inline])
    };
    let receipt = |ran: &Ran| -> Value { serde_json::from_str(&ran.out).unwrap() };
    let erased = erase("-4", "numbered,id:integer,keys");
    assert_eq!(receipt(&erased)["subject"]["integer"], "-4", "{erased:?}");
    let erased = erase("07070707-0707-0707-0707-070707070707", "marked,id:uuid,keys");
    assert_eq!(receipt(&erased)["subject"]["uuid"], "07".repeat(16), "{erased:?}");
    let census = shop.json(&["census", "--inline", "numbered,id:integer,keys"]);
    assert_eq!(census["places"][0]["erased_subjects"], 1, "{census}");
    shop.run(&["census", "--inline", "none,id:integer,keys"]).failed(5, "none", "name the table");
    shop.run(&["census", "--inline", "marked,id:integer,keys"]).failed(
        5,
        "cannot cast type uuid to bigint",
        "named",
    );
}

#[test]
fn database_without_tables_is_told_what_to_do() {
    let Some(schema) = Schema::alone() else { return };
    let place = Place::with_shop();
    let run = |args: &[&str]| ran(place.command().env("FIELDSEAL_STORE", schema.url()).args(args));
    run(&["census"]).failed(2, "no table fieldseal_keys", "store migrate");
    run(&["erase", "1", "--as", "integer", "--ledger", "ledger", "--yes"]).failed(
        2,
        "no table",
        "store migrate",
    );
    run(&["store", "migrate"]).code_is(0);
    run(&["store", "migrate"]).code_is(0);
    run(&["census"]).code_is(0);
}

#[test]
fn role_or_database_that_is_not_there_is_said_so() {
    let Some(schema) = Schema::alone() else { return };
    let place = Place::with_shop();
    let census = |more: &str| {
        let url = format!("{}&{more}", schema.url());
        ran(place.command().env("FIELDSEAL_STORE", url).arg("census"))
    };
    let no_database = census("dbname=fieldseal_not_there");
    no_database.failed(5, "fieldseal_not_there", "names a database that is on this server");
    let no_role = census("user=fieldseal_not_there");
    no_role.failed(5, "fieldseal_not_there", "names the role that is meant");
    for ran in [no_database, no_role] {
        assert!(!ran.err.contains("at line"), "{ran:?}");
    }
}

/// In transaction mode each statement may meet another connection of the server.
#[test]
fn commands_work_behind_pgbouncer() {
    let Some(bouncer) = bouncer::Bouncer::start(2) else { return };
    let place = Place::with_shop();
    let command = |args: &[&str]| {
        let ran = ran(place.command().env("FIELDSEAL_STORE", bouncer.url()).args(args));
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.out
    };
    command(&["store", "migrate"]);
    let store = SqlxKeyStore::<Postgres>::new().transaction_pooling();
    wait(async {
        let mut on = bouncer.connect().await;
        sqlx::raw_sql("CREATE TABLE notes (note BYTEA)").execute(&mut on).await.unwrap();
        let note = place.ring().seal(b"note", b"hello").unwrap();
        let insert = sqlx::query("INSERT INTO notes VALUES ($1), (NULL)").persistent(false);
        insert.bind(note).execute(&mut on).await.unwrap();
        for subject in 0..20 {
            let keys = DataKeys::create(&place.ring(), subject, [CONTACT]).unwrap();
            store.save_unchecked(&mut on, "", subject, keys.envelope()).await.unwrap();
        }
    });
    place.ok(&["ring", "rotate", "app"]);
    // Others take connections of the server meanwhile, and their statements with them.
    wait(async {
        let mut others = Vec::new();
        for _ in 0..3 {
            others.push(bouncer.connect().await);
        }
        for other in &mut others {
            let asked = sqlx::query("SELECT $1::BIGINT").bind(7_i64).execute(&mut *other).await;
            drop(asked);
        }
    });
    command(&["census", "--standalone", "notes,note"]);
    command(&["rewrap", "--classes", "classes.json", "--standalone", "notes,note"]);
    command(&["erase", "7", "--as", "integer", "--yes", "--ledger", "ledger"]);
    command(&["sweep", "--plan"]);
}

/// Each fault has its own next step: another's lock, a limit on time, a server that takes no writes, a table that is
/// not there, a user who may not.
#[test]
fn what_to_do_fits_the_fault() {
    let Some(shop) = Shop::new() else { return };
    shop.sign_up(42);
    let erase = ["erase", "42", "--as", "integer", "--ledger", "ledger", "--yes"];
    let with = |setting: &str, value: &str| {
        let mut command = shop.place.command();
        let url = format!("{}&options[{setting}]={value}", shop.schema.url());
        ran(command.env("FIELDSEAL_STORE", url).args(erase))
    };
    with("default_transaction_read_only", "on").failed(5, "read-only", "takes writes");
    wait(async {
        let mut other = shop.connect().await;
        sqlx::raw_sql("BEGIN; LOCK TABLE fieldseal_keys").execute(&mut other).await.unwrap();
        let another = "another connection holds a lock";
        with("lock_timeout", "50").failed(7, "lock timeout", another);
        with("statement_timeout", "50").failed(5, "statement timeout", "time limit");
    });
    let inline = ["census", "--inline", "custmers,id:integer,keys"];
    shop.run(&inline).failed(5, "custmers", "name the table");
}

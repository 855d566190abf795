//! Each fault of a database or a file has its own next step. The faults are real ones; those of PostgreSQL are
//! in `postgres.rs`.

use crate::common::stores::OWN;
use crate::common::{Place, Ran, program, ran};

/// Runs the program with a limit on the size of files, of which the signal is ignored.
fn limited(place: &Place, kib: u32, args: &[&str]) -> Ran {
    let mut command = assert_cmd::Command::new("bash");
    let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(program()).arg("--no-input").args(args);
    command.current_dir(place.folder()).env("FIELDSEAL_PASSPHRASE_FILE", "passphrase");
    ran(&mut command)
}

const ERASE: [&str; 6] = ["erase", "42", "--as", "integer", "--ledger", "ledger"];

#[test]
fn a_full_disk_is_said_to_be_full() {
    let place = Place::with_shop();
    place.shop().sign_up(42);
    let migrate = ["store", "migrate", "--store", "sqlite:new.db", "--create"];
    limited(&place, 4, &migrate).failed(5, "", "make room where the database is");
    let erase = [&ERASE[..], &["--yes", "--receipt", "receipt.json"], &OWN].concat();
    limited(&place, 0, &erase).failed(5, "", "make room");
}

#[test]
fn a_misspelt_table_is_said_to_be_misspelt() {
    let place = Place::with_shop();
    let inline = ["census", "--store", "sqlite:shop.db", "--inline", "custmers,id:integer,keys"];
    place.run(&inline).failed(5, "no such table: custmers", "name the table");
}

#[test]
fn a_database_that_takes_no_writes_is_said_to_be_read_only() {
    let place = Place::with_shop();
    place.shop().sign_up(42);
    let erase = [&ERASE[..], &["--yes", "--store", "sqlite:shop.db?mode=ro"]].concat();
    place.run(&erase).failed(5, "readonly", "takes writes");
}

#[test]
fn a_server_that_is_not_there_is_said_to_be_so() {
    let place = Place::with_shop();
    let census = ["census", "--store", "postgres://ada@127.0.0.1:1/shop?sslmode=disable"];
    place.run(&census).failed(5, "", "see that the server is there");
}

/// The program waits ten seconds for a lock, so the library's tests show the short waits.
#[test]
fn a_lock_of_another_connection_is_said_to_be_one() {
    if std::env::var_os("FIELDSEAL_ASSURE").is_none() {
        return;
    }
    let place = Place::with_shop();
    place.shop().sign_up(42);
    crate::common::stores::wait(async {
        let mut other = place.shop().connect().await;
        sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
        let erase = [&ERASE[..], &["--yes"], &OWN].concat();
        place.run(&erase).failed(7, "locked", "another connection holds a lock");
    });
}

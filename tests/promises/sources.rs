//! `Error::source` keeps what a driver answered.

use std::error::Error as _;

use fieldseal::error::Fault;
use fieldseal::store::SqliteKeyStore;
use fieldseal::{Error, ErrorKind, KeyRing, KeyStore as _, RingFile};
use rusqlite::Connection;

fn source<E: std::error::Error + 'static>(error: &Error) -> Option<&E> {
    error.source()?.downcast_ref()
}

#[test]
fn an_error_of_a_file_keeps_that_of_the_file_system() {
    let error = RingFile::at("/nowhere/ring.json").read().map(drop).unwrap_err();
    let of_the_system = source::<std::io::Error>(&error).unwrap();
    assert_eq!(of_the_system.raw_os_error(), Some(2), "ENOENT");
    assert_eq!(Fault::of(&error), Some(Fault::Missing));
}

#[test]
fn an_error_of_sqlite_keeps_that_of_its_driver() {
    let error = SqliteKeyStore::new().load(&Connection::open_in_memory().unwrap(), "", 42);
    let error = error.unwrap_err();
    let of_the_driver = source::<rusqlite::Error>(&error).unwrap();
    assert_eq!(of_the_driver.sqlite_error().unwrap().extended_code, 1);
}

#[test]
fn an_error_of_sqlx_keeps_that_of_its_driver() {
    use fieldseal::AsyncKeyStore as _;
    use fieldseal::store::SqlxKeyStore;
    use sqlx::Connection as _;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(async {
        let mut on = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        SqlxKeyStore::<sqlx::Sqlite>::new().load(&mut on, "", 42).await.unwrap_err()
    });
    let of_the_driver = source::<sqlx::Error>(&error).unwrap();
    assert!(of_the_driver.as_database_error().is_some());
}

#[test]
fn a_refusal_of_the_library_has_no_source() {
    let error = KeyRing::generate().unwrap().open(b"note", b"not sealed").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSealed);
    assert!(error.source().is_none());
}

//! A connection that is lost at COMMIT.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use super::*;

/// Passes connections on to the server, and ends the one that changes something and sends COMMIT, before the
/// answer comes: what is read is in transactions of its own. `passed`:
/// whether the server gets the COMMIT. `again`: whether it takes connections afterwards.
fn proxied(url: &str, passed: bool, again: bool) -> Option<(tempfile::TempDir, String)> {
    let (_, host) = url.split_once("host=")?;
    let host = host.split('&').next()?.to_owned();
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
    let through = url.replace(&host, &folder.path().display().to_string());
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let server = UnixStream::connect(format!("{host}/.s.PGSQL.5432")).unwrap();
            if ended_at_commit(&client, &server, passed) && !again {
                return;
            }
        }
    });
    Some((folder, through))
}

fn ended_at_commit(mut client: &UnixStream, mut server: &UnixStream, passed: bool) -> bool {
    let (mut back_from, mut back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let back = thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(len @ 1..) = back_from.read(&mut buffer) {
            if back_to.write_all(&buffer[..len]).is_err() {
                return;
            }
        }
    });
    let (mut buffer, mut changes) = ([0; 8192], false);
    while let Ok(len @ 1..) = client.read(&mut buffer) {
        let has = |word: &[u8; 6]| buffer[..len].windows(6).any(|part| part == word);
        changes |= has(b"UPDATE");
        if changes && has(b"COMMIT") {
            client.shutdown(Shutdown::Both).unwrap();
            if passed {
                server.write_all(&buffer[..len]).unwrap();
            }
            let _ = server.shutdown(Shutdown::Write);
            let _ = back.join();
            return true;
        }
        if server.write_all(&buffer[..len]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    false
}

const ERASE: [&str; 9] =
    ["erase", "42", "--as", "integer", "--ledger", "ledger", "--yes", "--receipt", "r.json"];

fn through(shop: &Shop, url: &str, args: &[&str]) -> Ran {
    ran(shop.place.command().env("FIELDSEAL_STORE", url).args(args))
}

#[test]
fn an_erasure_whose_answer_is_lost_is_looked_for_and_has_its_receipt() {
    let Some(shop) = Shop::new() else { return };
    let email = shop.sign_up(42);
    let Some((_folder, url)) = proxied(shop.schema.url(), true, true) else { return };
    let erased = through(&shop, &url, &ERASE);
    assert_eq!(erased.code, 0, "{erased:?}");
    assert!(erased.err.contains("the erasure is stored"), "{erased:?}");
    assert_eq!(erased.out, shop.place.read("r.json"));
    let app = shop.place.primary("wrap", "app");
    assert!(erased.out.contains(&app), "the keys that open old copies are named: {erased:?}");
    assert!(shop.open(&shop.place.ring(), 42, &email).is_err());
}

#[test]
fn an_erasure_whose_commit_never_came_is_said_not_to_be_stored() {
    let Some(shop) = Shop::new() else { return };
    let email = shop.sign_up(42);
    let Some((_folder, url)) = proxied(shop.schema.url(), false, true) else { return };
    through(&shop, &url, &ERASE).failed(5, "the erasure is not stored", "run this again");
    assert!(shop.open(&shop.place.ring(), 42, &email).is_ok());
    assert!(!shop.place.path("r.json").exists() && !shop.place.path("r.json.unconfirmed").exists());
    shop.ok(&ERASE);
    assert!(shop.open(&shop.place.ring(), 42, &email).is_err());
}

#[test]
fn an_outcome_that_nobody_can_tell_is_called_unknown() {
    let Some(shop) = Shop::new() else { return };
    shop.sign_up(42);
    let Some((_folder, url)) = proxied(shop.schema.url(), true, false) else { return };
    let erased = through(&shop, &url, &ERASE);
    erased.failed(5, "whether the erasure is stored is unknown", "run the same again");
    assert!(erased.err.contains("its receipt is r.json.unconfirmed"), "{erased:?}");
    assert!(!erased.err.contains("left as it was"), "{erased:?}");
    shop.place.ok(&["receipt", "verify", "r.json.unconfirmed"]);
}

#[test]
fn a_consent_whose_answer_is_lost_is_looked_for() {
    let Some(shop) = Shop::new() else { return };
    shop.sign_up(42);
    let grant = [
        "grant",
        "42",
        "--as",
        "integer",
        "--ledger",
        "ledger",
        "--history",
        "included",
        "--class",
        "contact",
        "--role",
        "marketing",
        "--classes",
        "classes.json",
        "--source",
        "form",
        "--notice",
        "2026-03",
    ];
    let Some((_folder, url)) = proxied(shop.schema.url(), true, true) else { return };
    let granted = through(&shop, &url, &grant);
    assert_eq!(granted.code, 0, "{granted:?}");
    assert!(granted.err.contains("the change is stored"), "{granted:?}");
}

//! Files, variables and paths as editors, shells, containers and deployments leave them.

#![allow(clippy::print_stdout, reason = "what is skipped has to be seen")]

use std::fs;
use std::process::Command;

use crate::common::stores::OWN;
use crate::common::{Place, program, ran};

const MARK: &[u8] = b"\xEF\xBB\xBF";

/// As an editor of Windows saves it.
fn saved_elsewhere(place: &Place, name: &str) {
    let text = place.read(name).replace('\n', "\r\n");
    let (path, mode) = (place.path(name), place.mode_of(name));
    fs::write(&path, [MARK, text.as_bytes()].concat()).unwrap();
    place.mode(name, mode);
}

/// As PowerShell's `>` writes it.
fn utf16(text: &str) -> Vec<u8> {
    [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn files_with_a_byte_order_mark_and_carriage_returns_are_read() {
    let place = Place::with_shop();
    saved_elsewhere(&place, "fieldseal-ring.json");
    saved_elsewhere(&place, "passphrase");
    saved_elsewhere(&place, "classes.json");
    place.secret("url", "sqlite:shop.db");
    saved_elsewhere(&place, "url");
    place.ok(&["ring", "show"]);
    place.shop().sign_up(1);
    place.ok(&["census", "--store-file", "url"]);
    place.ok(&["sweep", "--store-file", "url", "--plan"]);
    let sealed = place.pipe(&["seal", "--context", "note"], "call back").out;
    let piped = [MARK, sealed.replace('\n', "\r\n").as_bytes()].concat();
    let opened = place.pipe(&["open", "--context", "note"], piped.clone());
    assert_eq!((opened.code, opened.out.as_str()), (0, "call back"), "{}", opened.err);
    assert_eq!(place.pipe(&["inspect"], piped).code, 0);
}

#[test]
fn a_file_in_utf_16_is_called_that() {
    let place = Place::with_shop();
    let ring = place.read("fieldseal-ring.json");
    fs::write(place.path("fieldseal-ring.json"), utf16(&ring)).unwrap();
    place.run(&["ring", "show"]).failed(6, "UTF-16", "copy");
    place.run(&["inspect", "fieldseal-ring.json"]).failed(6, "UTF-16", "UTF-8");
    fs::write(place.path("url"), utf16("sqlite:shop.db\n")).unwrap();
    place.mode("url", 0o600);
    place.run(&["store", "migrate", "--store-file", "url"]).failed(6, "UTF-16", "UTF-8");
    fs::write(place.path("url"), "\n").unwrap();
    place.run(&["store", "migrate", "--store-file", "url"]).failed(6, "is empty", "first line");
}

/// What a deployment declares and does not fill.
#[test]
fn empty_variables_are_as_if_they_were_not_set() {
    let place = Place::with_shop();
    let empty = |variables: &[&str], args: &[&str]| {
        let mut command = place.command();
        command.envs(variables.iter().map(|variable| (variable, "")));
        ran(command.args(args))
    };
    let all =
        ["FIELDSEAL_RING_KEY", "FIELDSEAL_RING", "FIELDSEAL_PKCS11_MODULE", "FIELDSEAL_STORE"];
    assert_eq!(empty(&all, &["ring", "show"]).code, 0);
    assert_eq!(empty(&all, &[&["census"][..], &OWN].concat()).code, 0);
    empty(&["FIELDSEAL_STORE"], &["census"]).failed(2, "no database was named", "FIELDSEAL_STORE");
    empty(&["FIELDSEAL_PASSPHRASE_FILE"], &["ring", "list"]).failed(4, "locked", "passphrase");
}

#[test]
fn names_with_the_signs_of_urls_are_found() {
    let place = Place::with_shop();
    for name in ["a%2Fb.db", "what?.db", "100%.db"] {
        fs::copy(place.path("shop.db"), place.path(name)).unwrap();
        place.ok(&["census", "--store", &format!("sqlite:{name}")]);
    }
    place.ok(&["census", "--store", "sqlite:what%3F.db"]);
    let missing = place.run(&["census", "--store", "sqlite:no?.db"]);
    missing.failed(2, "cannot be read", "%3F");
}

/// The ring is there for the names of keys alone.
#[test]
fn what_needs_no_ring_works_without_one() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(1);
    let sealed = place.pipe(&["seal", "--context", "note"], "call back").out;
    fs::write(place.path("fieldseal-ring.json"), "{}").unwrap();
    let mut elsewhere = place.bare();
    elsewhere.env("FIELDSEAL_RING", "nowhere.json");
    let census = ran(elsewhere.args(["census"]).args(OWN));
    assert_eq!(census.code, 0, "{}", census.err);
    assert!(census.err.contains("by their ids"), "{}", census.err);
    let broken = ran(place.bare().args(["census"]).args(OWN));
    assert_eq!(broken.code, 0, "{}", broken.err);
    assert_eq!(ran(place.bare().args(["inspect", sealed.trim()])).code, 0);
    let said = ran(place.bare().args(["--ring", "nowhere.json", "census"]).args(OWN));
    said.failed(5, "no ring", "--ring");
}

/// Runs a script with mounts of its own. `None` where this user may not.
fn mounted(place: &Place, script: &str) -> Option<String> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &format!("{script} 2>&1; echo \" code $?\"")]);
    command.current_dir(place.folder()).env("FIELDSEAL_PASSPHRASE_FILE", "passphrase");
    command.env("FIELDSEAL", program());
    let output = command.output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() || said.contains("mount:") || said.is_empty() {
        println!("SKIPPED: this user may not mount: {said}");
        return None;
    }
    Some(said)
}

/// As a container is given a single file.
#[test]
fn a_ring_file_that_is_a_mount_is_read_and_its_folder_is_asked_for_to_change_it() {
    let place = Place::with_shop();
    fs::create_dir(place.path("mounted")).unwrap();
    fs::write(place.path("mounted/ring.json"), "").unwrap();
    let before = place.read("fieldseal-ring.json");
    let run = "mount --bind fieldseal-ring.json mounted/ring.json && \
               $FIELDSEAL --no-input --ring mounted/ring.json";
    let Some(read) = mounted(&place, &format!("{run} ring show")) else { return };
    assert!(read.ends_with("code 0\n"), "{read}");
    let changed = mounted(&place, &format!("{run} ring add-role support")).unwrap();
    assert!(changed.ends_with("code 5\n"), "{changed}");
    assert!(changed.contains("mount the folder"), "{changed}");
    assert_eq!(place.read("fieldseal-ring.json"), before);
    assert!(!place.path("mounted/ring.json.new").exists());
}

#[test]
fn a_database_in_wal_mode_that_cannot_be_written_beside_says_so() {
    let place = Place::with_shop();
    place.shop().run("PRAGMA journal_mode = WAL");
    let census = "$FIELDSEAL --no-input census --store sqlite:only/shop.db";
    fs::create_dir(place.path("only")).unwrap();
    fs::rename(place.path("shop.db"), place.path("only/shop.db")).unwrap();
    let script = format!("mount --bind only only && mount -o remount,bind,ro only && {census}");
    let Some(said) = mounted(&place, &script) else { return };
    if said.ends_with("code 0\n") {
        return;
    }
    assert!(said.contains("WAL mode") && said.contains("-wal file"), "{said}");
    let immutable = script.replace("shop.db", "shop.db?immutable=true");
    let said = mounted(&place, &immutable).unwrap();
    assert!(said.ends_with("code 0\n"), "{said}");
}

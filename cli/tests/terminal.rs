//! The prompts, through a pseudo-terminal that echoes what is typed, as a terminal does.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod common;

use std::fs;
use std::process::Command;

use common::{CHEAP, PASSPHRASE, Place, program, ran};
use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

const INTERRUPT: char = 'c';

/// A program at a terminal, and all that was seen there.
struct Screen {
    session: PtySession,
    seen: String,
}

impl Screen {
    /// Starts the program in the folder, at a terminal with its echo on.
    fn start(place: &Place, args: &[&str]) -> Self {
        Self::script(place, "stty echo; exec \"$0\" \"$@\"", args)
    }

    fn script(place: &Place, script: &str, args: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(program()).args(args).current_dir(place.folder());
        command.env_remove("FIELDSEAL_PASSPHRASE_FILE").env_remove("FIELDSEAL_RING_KEY");
        command.env_remove("FIELDSEAL_RING").env("NO_COLOR", "1").env("TERM", "dumb");
        Self { session: spawn_command(command, Some(20_000)).unwrap(), seen: String::new() }
    }

    /// Waits until this is on the screen.
    #[track_caller]
    fn expect(&mut self, text: &str) -> &mut Self {
        match self.session.exp_string(text) {
            Ok(before) => {
                self.seen.push_str(&before);
                self.seen.push_str(text);
            }
            Err(error) => panic!("no `{text}` after {:?}: {error}", self.seen),
        }
        self
    }

    fn type_line(&mut self, text: &str) -> &mut Self {
        self.session.send_line(text).unwrap();
        self
    }

    fn interrupt(&mut self) -> &mut Self {
        self.session.send_control(INTERRUPT).unwrap();
        self
    }

    /// The exit code, and all that was on the screen.
    #[track_caller]
    fn end(mut self) -> (i32, String) {
        self.seen.push_str(&self.session.exp_eof().unwrap());
        match self.session.process().wait().unwrap() {
            WaitStatus::Exited(_, code) => (code, self.seen),
            status => panic!("{status:?} after {:?}", self.seen),
        }
    }
}

fn init() -> Vec<&'static str> {
    [&["ring", "init"], &CHEAP[..]].concat()
}

#[test]
fn new_passphrase_is_asked_for_twice_and_not_shown() {
    let place = Place::new();
    let mut screen = Screen::start(&place, &init());
    screen.expect("New passphrase: ").type_line(PASSPHRASE);
    screen.expect("The same again: ").type_line(PASSPHRASE);
    let (code, seen) = screen.end();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("made fieldseal-ring.json"), "{seen}");
    assert!(!seen.contains(PASSPHRASE) && !seen.contains("correct"), "{seen}");
    place.ok(&["ring", "list"]);
}

#[test]
fn mismatch_is_asked_again_and_an_empty_one_is_not_taken() {
    let place = Place::new();
    let mut screen = Screen::start(&place, &init());
    screen.expect("New passphrase: ").type_line("");
    screen.expect("an empty passphrase protects nothing");
    screen.expect("New passphrase: ").type_line(PASSPHRASE);
    screen.expect("The same again: ").type_line("correct horse battery stapel");
    screen.expect("the two were not the same");
    // A slip is corrected while typing.
    screen.expect("New passphrase: ").type_line("wrong\u{15}correct horse battery stapleX\u{7F}");
    screen.expect("The same again: ").type_line(PASSPHRASE);
    assert_eq!(screen.end().0, 0);
    place.ok(&["ring", "list"]);
}

#[test]
fn wrong_passphrase_is_asked_for_three_times() {
    let place = Place::with_ring();
    let mut screen = Screen::start(&place, &["ring", "list"]);
    screen.expect("Passphrase: ").type_line("wrong one");
    screen.expect("did not unlock the ring; try again");
    screen.expect("Passphrase: ").type_line(PASSPHRASE);
    let (code, seen) = screen.end();
    assert!(code == 0 && seen.contains("primary") && !seen.contains("wrong one"), "{seen}");

    let mut screen = Screen::start(&place, &["ring", "rotate", "app"]);
    for _ in 0..3 {
        screen.expect("Passphrase: ").type_line("wrong one");
    }
    let (code, seen) = screen.end();
    assert!(code == 4 && seen.contains("error: unlock"), "{seen}");
    assert_eq!(place.generation(), 1);
}

#[test]
fn prompt_reads_the_terminal_while_the_input_is_sealed() {
    let place = Place::with_ring();
    let script =
        "stty echo; echo hello | \"$0\" \"$@\" > sealed; exec \"$0\" open --context c < sealed";
    let mut screen = Screen::script(&place, script, &["seal", "--context", "c"]);
    screen.expect("Passphrase: ").type_line(PASSPHRASE);
    screen.expect("Passphrase: ").type_line(PASSPHRASE);
    screen.expect("hello");
    assert_eq!(screen.end().0, 0);
    assert!(place.read("sealed").starts_with("fs1."), "no prompt among the data");
}

#[test]
fn interrupted_prompt_gives_the_echo_back_and_changes_nothing() {
    let place = Place::with_ring();
    let script = "stty echo; \"$0\" \"$@\"; echo code $?; stty -a";
    let mut screen = Screen::script(&place, script, &["ring", "rotate", "app"]);
    screen.expect("Passphrase: ").interrupt();
    screen.expect("error: interrupted").expect("code 8");
    let (_, seen) = screen.end();
    let modes: Vec<_> = seen.split_whitespace().collect();
    for mode in ["echo", "icanon", "isig"] {
        assert!(modes.contains(&mode), "{mode}: {seen}");
    }
    assert_eq!(place.generation(), 1);
}

#[test]
fn destroying_is_confirmed_by_the_name_of_the_key() {
    let place = Place::with_ring();
    let former = place.primary("wrap", "app");
    place.ok(&["ring", "rotate", "app"]);
    let destroy = ["ring", "state", &former, "destroyed", "--force-destroy", "--key-file", "key"];
    place.ok(&["ring", "slot", "add", "--new-key-file", "key", "--generate"]);
    for answer in ["", "yes", "apq", &former] {
        let mut screen = Screen::start(&place, &destroy);
        screen.expect("will be gone for ever").expect("Type `app` to go on: ").type_line(answer);
        let (code, seen) = screen.end();
        assert!(code == 8 && seen.contains("this was not confirmed"), "{answer}: {seen}");
        // What is no secret is shown as it is typed: so the terminal does echo here.
        assert!(seen.contains(answer));
    }
    assert_eq!(place.generation(), 3);
    let mut screen = Screen::start(&place, &destroy);
    screen.expect("Type `app` to go on: ").type_line("app");
    let (code, seen) = screen.end();
    assert!(code == 0 && seen.contains("is destroyed now"), "{seen}");
}

#[cfg(feature = "stores")]
#[test]
fn erasing_is_confirmed_by_the_id_of_the_subject() {
    let place = Place::with_shop();
    let shop = place.shop();
    shop.sign_up(42);
    let before = (shop.envelope(42), place.read("ledger"));
    place.ok(&["ring", "slot", "add", "--new-key-file", "key", "--generate"]);
    let erase = [
        "erase",
        "42",
        "--as",
        "integer",
        "--ledger",
        "ledger",
        "--store",
        "sqlite:shop.db",
        "--receipt",
        "receipt.json",
        "--key-file",
        "key",
    ];
    for answer in ["", "y", "43"] {
        let mut screen = Screen::start(&place, &erase);
        screen.expect("of the integer 42 will be unreadable for ever (classes: contact)");
        screen.expect("Type `42` to go on: ").type_line(answer);
        let (code, seen) = screen.end();
        assert!(code == 8 && seen.contains("this was not confirmed"), "{answer}: {seen}");
    }
    assert_eq!((shop.envelope(42), place.read("ledger")), before);
    assert!(!place.path("receipt.json").exists());
    let mut screen = Screen::start(&place, &erase);
    screen.expect("Type `42` to go on: ").type_line("42");
    let (code, seen) = screen.end();
    assert!(code == 0 && seen.contains("subject_erased_at"), "{seen}");
    assert_ne!(shop.envelope(42), before.0);
}

#[test]
fn shares_are_shown_one_by_one_and_typed_back_unseen() {
    let place = Place::with_ring();
    place.ok(&["ring", "slot", "add", "--new-key-file", "key", "--generate"]);
    let split =
        ["ring", "split", "--threshold", "2", "--shares", "2", "--key-file", "key", "--json"];
    let mut screen = Screen::start(&place, &split);
    let mut shares = Vec::new();
    for custodian in ["Custodian 1 of 2", "Custodian 2 of 2"] {
        screen.expect(custodian).type_line("");
        // All of it, however few bytes at a time it comes.
        let (_, share) = screen.session.exp_regex("FSSHARE1(-[0-9A-Z]{4}){19}").unwrap();
        shares.push(share);
        screen.expect("it is shown once").type_line("").expect("\x1b[2J");
    }
    let (code, seen) = screen.end();
    assert_eq!(code, 0, "{seen}");
    assert!(!seen.contains("FSSHARE"), "none stands in the report: {seen}");

    let mut screen = Screen::start(&place, &[&["ring", "combine"], &CHEAP[..]].concat());
    screen.expect("Share 1 of the 2 needed: ").type_line(&shares[1].to_lowercase());
    screen.expect("Share 2 of the 2 needed: ").type_line(&shares[1]);
    screen.expect("share 2 was given already");
    screen
        .expect("Share 2 of the 2 needed: ")
        .type_line(&shares[0].replace('-', "").replace("FSSHARE1", "FSSHARE1X"));
    screen.expect("warning: malformed");
    screen.expect("Share 2 of the 2 needed: ").type_line(&shares[0]);
    screen.expect("the shares open the ring").expect("[y/N] ").type_line("y");
    screen.expect("New passphrase: ").type_line("a new few random words");
    screen.expect("The same again: ").type_line("a new few random words");
    let (code, seen) = screen.end();
    assert!(code == 0 && seen.contains("added slot 4"), "{seen}");
    assert!(!seen.contains(&shares[0][9..]) && !seen.contains("random words"), "{seen}");
    place.secret("passphrase", "a new few random words");
    place.ok(&["ring", "list"]);
}

#[test]
fn combine_adds_nothing_that_was_not_wanted() {
    let place = Place::with_ring();
    place.ok(&["ring", "split", "--threshold", "2", "--shares", "2", "--out-dir", "."]);
    let both = place.read("share-1-of-2.txt") + &place.read("share-2-of-2.txt");
    place.secret("both", &both);
    let mut screen = Screen::start(&place, &["ring", "combine", "--shares-file", "both"]);
    screen.expect("[y/N] ").type_line("");
    let (code, seen) = screen.end();
    assert!(code == 0 && seen.contains("nothing was changed"), "{seen}");
    assert_eq!(place.generation(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn arguments_and_environment_hold_no_secret_during_a_prompt() {
    let place = Place::new();
    let script = "stty echo; echo process $$.; exec \"$0\" \"$@\"";
    let mut screen = Screen::script(&place, script, &init());
    let (_, said) = screen.session.exp_regex("process [0-9]+\\.").unwrap();
    let process = said.trim_matches(|c: char| !c.is_ascii_digit());
    screen.expect("New passphrase: ").type_line(PASSPHRASE);
    screen.expect("The same again: ");
    let of = |what: &str| fs::read(format!("/proc/{process}/{what}"));
    let cmdline = String::from_utf8_lossy(&of("cmdline").unwrap()).into_owned();
    assert!(cmdline.contains("fieldseal") && !cmdline.contains("horse"), "{cmdline:?}");
    // Whoever is not root is refused, and the test with them.
    if let Ok(environ) = of("environ") {
        assert!(!String::from_utf8_lossy(&environ).contains("horse"));
    }
    let children = of(&format!("task/{process}/children")).unwrap_or_default();
    assert!(children.is_empty(), "it has no children to give one to");
    screen.interrupt();
    assert_eq!(screen.end().0, 8);
    assert!(!place.path("fieldseal-ring.json").exists());
}

#[test]
fn nothing_is_asked_where_that_was_said() {
    let place = Place::with_ring();
    let screen = Screen::start(&place, &["--no-input", "ring", "list"]);
    let (code, seen) = screen.end();
    assert!(code == 4 && seen.contains("nothing was given that unlocks it"), "{seen}");
    let key = fieldseal::keyring::SlotKey::generate().unwrap().to_text();
    place.secret("key", &key);
    let init = ["ring", "init", "--ring", "by-key.json", "--key-file", "key"];
    assert_eq!(ran(place.bare().args(init)).code, 0);
    // No slot takes a passphrase, so none is asked for.
    let screen = Screen::start(&place, &["ring", "list", "--ring", "by-key.json"]);
    assert_eq!(screen.end().0, 4);
}

//! Ledgers that are damaged or cut: noticed before anything more is told to them.

use super::*;

const ERASE: [&str; 3] = ["--yes", "--head-file", "head"];

fn erase(place: &Place, subject: &str) -> common::Ran {
    run(place, &[&["erase", subject][..], &ERASE].concat())
}

#[test]
fn a_ledger_that_was_cut_is_noticed_by_the_head_that_the_commands_keep() {
    let place = Place::with_shop();
    let shop = place.shop();
    for subject in 1..=4 {
        shop.sign_up(subject);
    }
    let first = erase(&place, "1");
    assert!(first.code == 0 && first.err.contains("head is not there yet"), "{first:?}");
    assert_eq!(erase(&place, "2").code, 0);
    let head = place.read("head");
    let verified = place.json(&["ledger", "verify", "ledger"]);
    assert_eq!(head.trim_end(), verified["head"].as_str().unwrap());

    let whole = place.read("ledger");
    let cut: String = whole.lines().take(2).map(|line| format!("{line}\n")).collect();
    fs::write(place.path("ledger"), &cut).unwrap();
    erase(&place, "3").failed(7, "cut off or replaced", "hides what was erased");
    let granted = run(
        &place,
        &[
            &["grant", "3", "--history", "included", "--head-file", "head"][..],
            &common::life::MARKETING,
            &common::life::EVIDENCE,
        ]
        .concat(),
    );
    granted.failed(7, "cut off or replaced", "");
    assert_eq!((shop.version(3), place.read("ledger")), (1, cut), "nothing was changed");
    fs::write(place.path("ledger"), whole).unwrap();
    assert_eq!(erase(&place, "3").code, 0);
    assert_ne!(place.read("head"), head);
}

#[test]
fn a_damaged_ledger_takes_nothing_more_and_what_verifies_of_it_is_replayed() {
    let place = Place::with_shop();
    let shop = place.shop();
    let people: Vec<_> = (1..=3_u64).map(|subject| (subject, shop.sign_up(subject))).collect();
    fs::copy(place.path("shop.db"), place.path("backup.db")).unwrap();
    for subject in ["1", "2", "3"] {
        ok(&place, &["erase", subject, "--yes"]);
    }
    let damaged = place.read("ledger").replacen("\"number\":3", "\"number\":8", 1);
    fs::write(place.path("ledger"), &damaged).unwrap();
    shop.sign_up(4);
    run(&place, &["erase", "4", "--yes"]).failed(6, "damaged at line 2 or 3", "ledger begin FILE");
    assert_eq!((shop.version(4), place.read("ledger")), (1, damaged));

    let verified = place.run(&["ledger", "verify", "ledger"]);
    verified.failed(6, "line 3", "--damaged");
    let verified = place.run(&["ledger", "verify", "ledger", "--damaged"]);
    assert_eq!(verified.code, 11, "{verified:?}");
    assert!(verified.out.starts_with("damaged, and verified in part: 2 entries"), "{verified:?}");
    assert!(verified.err.contains("nothing is known of its lines 3"), "{verified:?}");

    // The next ledger takes over, and both are played back.
    place.ok(&["ledger", "begin", "next"]);
    let next = ["--ledger", "next", "--as", "integer"];
    let erased = place.run(&[&["erase", "4", "--yes"], &OWN[..], &next].concat());
    assert_eq!(erased.code, 0, "{erased:?}");
    fs::copy(place.path("backup.db"), place.path("shop.db")).unwrap();
    let replay = ["ledger", "replay", "ledger", "next"];
    place.run(&[&replay[..], &OWN].concat()).failed(6, "line 3", "--damaged");
    let replayed = place.run(&[&replay[..], &["--damaged"], &OWN].concat());
    assert_eq!(replayed.code, 11, "{replayed:?}");
    assert!(replayed.err.contains("ledger is damaged: what its lines 3 said"), "{replayed:?}");
    let opens: Vec<_> = people
        .iter()
        .map(|(subject, email)| shop.open(&place.ring(), *subject, email).is_ok())
        .collect();
    assert_eq!(opens, [false, true, false], "the one whose line is lost is the one that was named");
}

/// Rescue takes what verifies, and switches no check off in silence.
#[test]
fn a_head_that_a_damaged_ledger_does_not_meet_is_told() {
    let place = Place::with_shop();
    let shop = place.shop();
    (1..=5_u64).for_each(|subject| drop(shop.sign_up(subject)));
    for subject in ["1", "2"] {
        assert_eq!(erase(&place, subject).code, 0);
    }
    let older = place.read("ledger");
    assert_eq!(erase(&place, "3").code, 0);
    let head = place.read("head").trim_end().to_owned();
    let whole = place.read("ledger");
    // The older copy is put back, and written on past the head.
    fs::write(place.path("ledger"), older).unwrap();
    for subject in ["4", "5"] {
        ok(&place, &["erase", subject, "--yes"]);
    }
    let verify = ["ledger", "verify", "ledger", "--damaged", "--head", &head];
    let verified = place.run(&verify);
    assert_eq!(verified.code, 11, "{verified:?}");
    assert!(verified.err.contains("cut off or replaced"), "{verified:?}");
    place.ok(&["ledger", "begin", "next"]);
    let replay = ["ledger", "replay", "ledger", "next", "--damaged", "--head", &head];
    let replayed = place.run(&[&replay[..], &OWN].concat());
    assert_eq!(replayed.code, 11, "{replayed:?}");
    assert!(replayed.err.contains("no ledger has line 4 as it was known"), "{replayed:?}");

    fs::write(place.path("ledger"), whole).unwrap();
    let replayed = place.run(&[&replay[..], &OWN].concat());
    assert_eq!(replayed.code, 0, "it is met, and the other ledger is not in doubt: {replayed:?}");
}

/// Several acts joined behind the last line feed.
#[test]
fn acts_whose_line_feed_was_lost_are_not_written_over() {
    let place = Place::with_shop();
    let shop = place.shop();
    (1..=3_u64).for_each(|subject| drop(shop.sign_up(subject)));
    for subject in ["1", "2"] {
        ok(&place, &["erase", subject, "--yes"]);
    }
    let whole = place.read("ledger");
    fs::write(place.path("ledger"), whole.trim_end()).unwrap();
    let verified = place.run(&["ledger", "verify", "ledger"]);
    assert!(verified.code == 0 && verified.out.contains("2 entries"), "{verified:?}");
    ok(&place, &["erase", "3", "--yes"]);
    assert!(place.read("ledger").starts_with(&whole), "nothing was cut off");

    fs::write(place.path("ledger"), whole.trim_end().replace('\n', " ")).unwrap();
    for command in [&["ledger", "verify", "ledger"][..], &["ledger", "replay", "ledger"]] {
        let ran =
            place.run(&[command, if command[1] == "replay" { &OWN[..] } else { &[] }].concat());
        assert_eq!(ran.code, 6, "{ran:?}");
    }
    let verified = place.run(&["ledger", "verify", "ledger", "--damaged"]);
    assert!(verified.out.contains("2 entries"), "{verified:?}");
}

#[test]
fn a_head_file_that_is_a_link_stays_one_and_keeps_its_rights() {
    use std::os::unix::fs::symlink;

    let place = Place::with_shop();
    let shop = place.shop();
    for subject in 1..=3 {
        shop.sign_up(subject);
    }
    assert_eq!(erase(&place, "1").code, 0);
    fs::create_dir(place.path("kept")).unwrap();
    fs::rename(place.path("head"), place.path("kept/head")).unwrap();
    place.mode("kept/head", 0o640);
    symlink("kept/head", place.path("link")).unwrap();
    symlink("link", place.path("head")).unwrap();
    assert_eq!(erase(&place, "2").code, 0);
    assert!(place.path("head").is_symlink() && place.path("link").is_symlink());
    let verified = place.json(&["ledger", "verify", "ledger"]);
    assert_eq!(place.read("kept/head").trim_end(), verified["head"].as_str().unwrap());
    assert_eq!(place.mode_of("kept/head"), 0o640);
    let beside: Vec<_> = fs::read_dir(place.path("kept")).unwrap().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");

    // What the link leads to may be on a disk that is not mounted: that is no new head file.
    fs::rename(place.path("kept"), place.path("away")).unwrap();
    let before = (shop.version(3), place.read("ledger"));
    erase(&place, "3").failed(5, "is a link to a file that is not there", "remove the link");
    assert_eq!((shop.version(3), place.read("ledger")), before);
}

//! Ledgers that are damaged or cut, and what is left of them.

use fieldseal::audit::LedgerAct;
use fieldseal::envelope::History;

use super::*;

/// A ledger of five erasures, and its lines.
fn of_five(folder: &Folder) -> (LedgerFile, Vec<String>) {
    let file = begun(folder);
    for actor in ["a", "b", "c", "d", "e"] {
        erase(&file, actor).unwrap();
    }
    let lines = fs::read_to_string(file.path()).unwrap();
    (file, lines.lines().map(str::to_owned).collect())
}

fn write(file: &LedgerFile, lines: &[String]) {
    fs::write(file.path(), lines.iter().fold(String::new(), |all, line| all + line + "\n"))
        .unwrap();
}

#[test]
fn one_damaged_byte_anywhere_is_found_by_a_check_without_the_signatures() {
    let folder = Folder::new();
    let (file, _) = of_five(&folder);
    let head = file.read(&keys()).unwrap().head();
    assert_eq!(file.check(&keys(), None).unwrap(), head);
    assert_eq!(file.check(&keys(), Some(&head)).unwrap(), head);
    assert_eq!(file.head().unwrap(), head);
    let whole = fs::read(file.path()).unwrap();
    let end = whole.len() - 9..whole.len();
    let last_bits = (0..8).map(|bit| (whole.len() - 1, 1 << bit));
    let places = (0..whole.len()).step_by(7).chain(end).map(|place| (place, 1));
    for (place, bits) in places.chain(last_bits) {
        let mut bytes = whole.clone();
        bytes[place] ^= bits;
        fs::write(file.path(), &bytes).unwrap();
        let kind = file.check(&keys(), None).unwrap_err().kind();
        assert!(
            matches!(kind, ErrorKind::Malformed | ErrorKind::Tampered | ErrorKind::MissingKey),
            "{place}: {kind}"
        );
        assert!(file.check(&keys(), Some(&head)).is_err(), "{place}");
        assert!(file.read(&keys()).is_err(), "{place}");
    }
}

#[test]
fn what_verifies_before_and_after_the_damage_is_read_and_the_rest_is_named() {
    let folder = Folder::new();
    let (file, lines) = of_five(&folder);
    let mut damaged = lines.clone();
    damaged[2] = damaged[2].replace("\"b\"", "\"x\"");
    write(&file, &damaged);
    let error = file.check(&keys(), None).unwrap_err();
    assert!(error.to_string().contains("line 3"), "{error}");
    assert_eq!(file.read(&keys()).unwrap_err().kind(), ErrorKind::Malformed);
    let ledger = file.read_damaged(&keys(), None).unwrap();
    assert_eq!(actors(&ledger), ["a", "c", "d", "e"]);
    assert_eq!(ledger.doubtful(), [3..=3]);

    // The first line: the ledger's id is lost.
    let mut first = lines.clone();
    first[0] = "no line".to_owned();
    write(&file, &first);
    let ledger = file.read_damaged(&keys(), None).unwrap();
    assert_eq!((actors(&ledger).len(), ledger.id()), (5, &[0; 16]));
    assert_eq!(ledger.doubtful(), [1..=1]);

    // Lines that are gone, and such as are cut off at the end.
    let head = LedgerHead::of_last_line(&lines[5]).unwrap();
    write(&file, &[lines[0].clone(), lines[1].clone(), lines[4].clone()]);
    let ledger = file.read_damaged(&keys(), Some(&head)).unwrap();
    assert_eq!(actors(&ledger), ["a", "d"]);
    assert_eq!(ledger.doubtful(), [3..=4, 6..=6]);

    // An act that is told twice is done once, and no other's line counts.
    let mut twice = lines.clone();
    twice.insert(3, lines[1].clone());
    write(&file, &twice);
    let ledger = file.read_damaged(&keys(), None).unwrap();
    assert_eq!(actors(&ledger), ["a", "b", "a", "c", "d", "e"]);
    assert_eq!(ledger.doubtful(), [2..=2]);
    let mut other = admin();
    other.insert(signing_key(9, fieldseal::keyring::KeyState::Primary)).unwrap();
    let stranger = other.verifying_keys();
    assert_eq!(file.read_damaged(&stranger, None).unwrap_err().kind(), ErrorKind::Malformed);

    // A whole one is doubtful nowhere.
    write(&file, &lines);
    let ledger = file.read_damaged(&keys(), Some(&head)).unwrap();
    assert!(ledger.doubtful().is_empty());
    assert_eq!(ledger.entries(), file.read(&keys()).unwrap().entries());
    assert!(file.read(&keys()).unwrap().doubtful().is_empty());
}

/// Whoever took them for an unfinished end would cut off what was acknowledged.
#[test]
fn acts_whose_line_feeds_are_damaged_are_neither_lost_nor_written_over() {
    let folder = Folder::new();
    let (file, lines) = of_five(&folder);
    for damaged in 1..=6 {
        let (kept, joined) = lines.split_at(6 - damaged);
        for between in [" ", "\u{b}", "x"] {
            let ends = joined.iter().fold(String::new(), |all, line| all + line + between);
            let text = kept.iter().fold(String::new(), |all, line| all + line + "\n") + &ends;
            fs::write(file.path(), &text).unwrap();
            let again = LedgerFile::at(file.path());
            assert_eq!(again.check(&keys(), None).unwrap_err().kind(), ErrorKind::Malformed);
            assert_eq!(again.read(&keys()).unwrap_err().kind(), ErrorKind::Malformed);
            assert_eq!(erase(&again, "f").unwrap_err().kind(), ErrorKind::Malformed);
            assert_eq!(fs::read_to_string(file.path()).unwrap(), text);
            let ledger = again.read_damaged(&keys(), None).unwrap();
            assert_eq!(actors(&ledger), ["a", "b", "c", "d", "e"]);
        }
    }
}

/// An editor takes the last line feed away, and nothing else.
#[test]
fn a_ledger_without_its_last_line_feed_is_whole_and_is_gone_on_with() {
    let folder = Folder::new();
    let (file, lines) = of_five(&folder);
    let head = file.head().unwrap();
    for count in [1, 2, 6] {
        fs::write(file.path(), lines[..count].join("\n")).unwrap();
        let again = LedgerFile::at(file.path());
        let stands = LedgerHead::of_last_line(&lines[count - 1]).unwrap();
        assert_eq!(again.head().unwrap(), stands);
        assert_eq!(again.check(&keys(), Some(&stands)).unwrap(), stands);
        assert!(again.check(&keys(), Some(&head)).is_ok() == (count == 6));
        erase(&again, "f").unwrap();
        erase(&again, "g").unwrap();
        let ledger = whole(again.path());
        assert_eq!(actors(&ledger)[count - 1..], ["f", "g"]);
    }
}

#[test]
fn acts_that_verify_are_taken_whatever_line_was_put_between() {
    let folder = Folder::new();
    let (file, lines) = of_five(&folder);
    let mut spliced = lines.clone();
    spliced.insert(1, lines[5].clone());
    write(&file, &spliced);
    let ledger = file.read_damaged(&keys(), None).unwrap();
    let mut taken = actors(&ledger);
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken, ["a", "b", "c", "d", "e"]);
    assert!(ledger.doubtful().iter().any(|lines| lines.contains(&3)), "{:?}", ledger.doubtful());
}

/// An older copy that was put back, and written on.
#[test]
fn a_damaged_ledger_that_does_not_meet_the_head_that_was_kept_is_in_doubt_as_a_whole() {
    let folder = Folder::new();
    let (file, lines) = of_five(&folder);
    let head = file.head().unwrap();
    write(&file, &lines[..4]);
    let again = LedgerFile::at(file.path());
    for actor in ["x", "y", "z"] {
        erase(&again, actor).unwrap();
    }
    let ledger = again.read_damaged(&keys(), Some(&head)).unwrap();
    assert_eq!(ledger.doubtful(), [1..=7]);
    assert_eq!(actors(&ledger).len(), 6, "what verifies is taken all the same");

    // Where the very line is damaged, the next one vouches for it.
    let mut damaged = lines.clone();
    damaged[3] = "no line".to_owned();
    write(&file, &damaged);
    let fourth = LedgerHead::of_last_line(&lines[3]).unwrap();
    let ledger = file.read_damaged(&keys(), Some(&fourth)).unwrap();
    assert_eq!(ledger.doubtful(), [4..=4]);
}

#[test]
fn a_ledger_cut_at_its_end_is_found_by_the_head_that_was_kept() {
    let folder = Folder::new();
    let (file, lines) = of_five(&folder);
    let head = file.head().unwrap();
    write(&file, &lines[..5]);
    assert!(file.check(&keys(), None).is_ok(), "by itself it is whole");
    assert_eq!(file.check(&keys(), Some(&head)).unwrap_err().kind(), ErrorKind::RolledBack);
    // Written on, it is longer than the head and another one.
    for actor in ["f", "g"] {
        erase(&LedgerFile::at(file.path()), actor).unwrap();
    }
    assert_eq!(file.check(&keys(), Some(&head)).unwrap_err().kind(), ErrorKind::RolledBack);
}

/// The withdrawal may be in the line that is missing.
#[test]
fn a_consent_before_missing_lines_does_not_stand() {
    const CONTACT: Class =
        Class::new("contact").readers(&["app"]).readers_with_consent(&["marketing"]);
    let folder = Folder::new();
    let (file, ring) = (begun(&folder), signing());
    let access = Access::new(&ring).at(NOW).ledger(&file).source("form").notice("1");
    let keys_of_one = DataKeys::create(access, 42, [CONTACT]).unwrap();
    let mut edit = keys_of_one.envelope().edit(access, 42).unwrap();
    edit.grant(CONTACT, "marketing", History::Included).unwrap();
    let granted = edit.finish().unwrap();
    let mut edit = granted.edit(access, 42).unwrap();
    edit.withdraw(CONTACT, "marketing").unwrap();
    edit.finish().unwrap();
    let stands = |ledger: &Ledger| ledger.consents(&ring, 42).unwrap()[0].given.is_some();

    let lines = fs::read_to_string(file.path()).unwrap();
    let lines: Vec<_> = lines.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3);
    write(&file, &lines[..2]);
    assert!(stands(&file.read(&keys()).unwrap()));
    write(&file, &[lines[0].clone(), lines[1].clone(), "damaged".to_owned()]);
    let ledger = file.read_damaged(&keys(), None).unwrap();
    assert!(matches!(ledger.entries()[0].act, LedgerAct::Grant { .. }));
    assert!(!stands(&ledger), "in doubt the role is out");
}

#[test]
fn a_beginning_that_was_killed_leaves_no_half_ledger() {
    let folder = Folder::new();
    for turn in 0..12 {
        let place = folder.join(&format!("ledger-{turn}"));
        let child = Child::start(&["begin", place.to_str().unwrap()]);
        thread::sleep(Duration::from_millis(turn));
        child.kill();
        if place.exists() {
            assert!(whole(&place).entries().is_empty());
        } else {
            LedgerFile::create(&place, &signing()).unwrap();
        }
    }
    // What one that was killed left beside it is in nobody's way.
    let place = folder.join("last");
    fs::write(folder.join("last.1-0.new"), "{\"act\":").unwrap();
    LedgerFile::create(&place, &signing()).unwrap();
    assert_eq!(fs::metadata(&place).unwrap().nlink(), 1);
}

/// It reads line by line and holds one person's entries, and believes no less than who reads the whole.
#[test]
fn consents_from_the_file_are_those_of_the_ledger_read_whole() {
    const NEWS: Class = Class::new("news").readers_with_consent(&["marketing", "support"]);
    let folder = Folder::new();
    let (file, mut ring) = (begun(&folder), signing());
    let tell = |ring: &KeyRing, subject: u64| {
        let access = Access::new(ring).at(NOW).ledger(&file).source("form").notice("1");
        let kept = DataKeys::create(access, subject, [NEWS]).unwrap();
        let mut edit = kept.envelope().edit(access, subject).unwrap();
        edit.grant(NEWS, "marketing", History::Included).unwrap();
        edit.grant(NEWS, "support", History::Included).unwrap();
        edit.withdraw(NEWS, "support").unwrap();
        edit.finish().unwrap();
    };
    (41..44).for_each(|subject| tell(&ring, subject));
    ring.rotate(KeyUse::Sign, "sign").unwrap();
    tell(&ring, 42);
    let head = file.head().unwrap();
    let whole = file.read(&ring.verifying_keys()).unwrap();
    for subject in [41_u64, 42, 43, 44] {
        let told = whole.consents(&ring, subject).unwrap();
        assert_eq!(told.len(), if subject == 44 { 0 } else { 2 });
        assert_eq!(file.consents(&ring, subject, None).unwrap(), told);
        assert_eq!(file.consents(&ring, subject, Some(&head)).unwrap(), told);
    }
    assert_eq!(file.consents(&ring, 42, None).unwrap()[0].history.len(), 2);
    let other = Access::new(&ring).tenant("acme");
    assert!(file.consents(other, 42, None).unwrap().is_empty());

    // By a ring that does not know the second key, nor by one that has it to verify alone.
    assert_eq!(kind(file.consents(&signing(), 42, None)), ErrorKind::MissingKey);
    let verifies = ring.subset(&["app"]).unwrap().into_ring();
    assert!(file.read(&verifies.verifying_keys()).is_ok());
    assert_eq!(kind(file.consents(&verifies, 42, None)), ErrorKind::MissingKey);

    // Nothing is said by a ledger that is damaged or cut, also where that is nobody's line who was asked for.
    let text = fs::read_to_string(file.path()).unwrap();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    for number in 0..lines.len() {
        let mut damaged = lines.clone();
        damaged[number] = damaged[number].replace("\"at\":\"2", "\"at\":\"3");
        write(&file, &damaged);
        for known in [None, Some(&head)] {
            assert!(file.consents(&ring, 42, known).is_err(), "{number}");
        }
        write(&file, &lines[..number]);
        assert!(file.consents(&ring, 42, Some(&head)).is_err(), "{number}");
    }
}

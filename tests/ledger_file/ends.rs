//! How ledger files end: unfinished, in garbage, cut off or replaced.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// The longest line, without its line feed (FORMAT.md, LG-2).
const MAX_LINE: usize = 32_768;

#[test]
fn an_unfinished_end_of_any_length_is_cut_off_by_the_next_writer() {
    let folder = Folder::new();
    let file = begun(&folder);
    erase(&file, "ada").unwrap();
    let first = fs::read(file.path()).unwrap();
    // Characters of several bytes: an end may stop inside one.
    erase(&file, "Ågnes № 7").unwrap();
    let second = fs::read(file.path()).unwrap();
    for len in first.len()..second.len() {
        fs::write(file.path(), &second[..len]).unwrap();
        let file = LedgerFile::at(file.path());
        let torn = file.read(&keys()).unwrap();
        if len + 1 == second.len() {
            // The line feed alone is missing: whoever was told that it is stored is not wrong.
            assert_eq!((torn.is_torn(), torn.entries().len()), (false, 2));
            erase(&file, "bob").unwrap();
            assert_eq!(actors(&whole(file.path())), ["ada", "Ågnes № 7", "bob"]);
            continue;
        }
        assert_eq!((torn.is_torn(), torn.entries().len()), (len > first.len(), 1), "{len}");
        // Some of them, as each waits for the disk.
        if len % 9 != 0 && (first.len() + 3..second.len() - 3).contains(&len) {
            continue;
        }
        erase(&file, "bob").unwrap();
        assert_eq!(actors(&whole(file.path())), ["ada", "bob"], "{len}");
        assert!(fs::read(file.path()).unwrap().starts_with(&first), "no whole line is touched");
    }
}

#[test]
fn of_changes_that_were_written_in_part_the_whole_lines_stay() {
    let folder = Folder::new();
    let (file, ring) = (begun(&folder), signing());
    let begin = fs::read(file.path()).unwrap();
    let mut edit = envelope(&[CONTACT, NOTES, FINANCIAL])
        .edit(Access::new(&ring).at(NOW).actor("ada").ledger(&file), 42)
        .unwrap();
    for class in ["contact", "notes", "financial"] {
        edit.erase_class(class).unwrap();
    }
    edit.finish().unwrap();
    let three = fs::read(file.path()).unwrap();
    for len in (begin.len()..three.len()).step_by(37) {
        fs::write(file.path(), &three[..len]).unwrap();
        let lines = three[begin.len()..len].split(|byte| *byte == b'\n');
        let lines = lines.filter(|line| line.ends_with(b"}")).count();
        erase(&LedgerFile::at(file.path()), "bob").unwrap();
        assert_eq!(whole(file.path()).entries().len(), lines + 1, "{len}");
    }
}

#[test]
fn what_is_behind_the_last_line_is_cut_off_only_if_it_begins_a_line() {
    let folder = Folder::new();
    let file = begun(&folder);
    erase(&file, "ada").unwrap();
    let ledger = fs::read(file.path()).unwrap();
    let begun = |byte: u8, len: usize| [b"{", &*vec![byte; len - 1]].concat();
    for (end, taken) in [
        (begun(b'x', 1), true),
        (begun(0xFF, 17), true),
        (begun(b'x', MAX_LINE), true),
        (begun(b'x', MAX_LINE + 1), false),
        (begun(b'x', 2 * MAX_LINE + 2), false),
        (begun(0, 2), false),
        (vec![0], false),
        (vec![0; 4_096], false),
        (vec![0; 1 << 20], false),
        (vec![0xFF; 17], false),
        (b"}".to_vec(), false),
    ] {
        let stored = [ledger.as_slice(), &end].concat();
        fs::write(file.path(), &stored).unwrap();
        let again = LedgerFile::at(file.path());
        let (read, told) = (again.read(&keys()), erase(&again, "bob"));
        if taken {
            assert!(read.unwrap().is_torn());
            told.unwrap();
            assert_eq!(actors(&whole(file.path())), ["ada", "bob"]);
        } else {
            assert_eq!((kind(read), kind(told)), (ErrorKind::Malformed, ErrorKind::Malformed));
            assert_eq!(kind(again.check(&keys(), None)), ErrorKind::Malformed);
            assert_eq!(fs::read(file.path()).unwrap(), stored, "nothing is destroyed");
        }
    }
}

#[test]
fn an_end_that_is_no_line_of_a_ledger_is_refused_and_left() {
    let folder = Folder::new();
    let file = begun(&folder);
    erase(&file, "ada").unwrap();
    let ledger = fs::read(file.path()).unwrap();
    let again = LedgerFile::at(file.path());
    let garbage = vec![b'x'; MAX_LINE + 1];
    // As a line is spelled, and a byte too long.
    let line = String::from_utf8(ledger.clone()).unwrap();
    let (act, rest) = line.lines().next().unwrap().split_once(",\"at\"").unwrap();
    let of = |actor: &str| format!("{act},\"actor\":\"{actor}\",\"at\"{rest}");
    let long = of(&"x".repeat(MAX_LINE + 1 - of("").len()));
    let ends: [&[u8]; 8] = [
        b"",
        b"{}",
        b"\0\0\0\0",
        b"\xFF\xFE",
        b"{\"act\":\"grant\"}",
        &line.lines().last().unwrap().as_bytes()[1..],
        &garbage,
        long.as_bytes(),
    ];
    for end in ends {
        let mut stored = [ledger.as_slice(), end].concat();
        stored.extend(b"\n");
        fs::write(file.path(), &stored).unwrap();
        assert_eq!(kind(again.read(&keys())), ErrorKind::Malformed);
        assert_eq!(kind(erase(&again, "bob")), ErrorKind::Malformed);
        assert_eq!(fs::read(file.path()).unwrap(), stored);
    }
}

/// The path may be wrong, and the file somebody's.
#[test]
fn a_file_that_is_no_ledger_is_not_touched() {
    let folder = Folder::new();
    let path = path(&folder);
    File::create(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let list = "id,email\n1,ada@example.com\n2,bob@exam";
    for text in ["", "\n", "{", list, &list.replace('\n', "\r\n"), &"x".repeat(100_000)] {
        fs::write(&path, text).unwrap();
        let file = LedgerFile::at(&path);
        assert_eq!(kind(erase(&file, "ada")), ErrorKind::Malformed, "{text:.20}");
        assert_eq!(kind(file.read(&keys())), ErrorKind::Malformed, "{text:.20}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_change_that_is_refused_writes_nothing() {
    let folder = Folder::new();
    let file = begun(&folder);
    let unfinished = [fs::read(file.path()).unwrap().as_slice(), b"{\"act\":"].concat();
    fs::write(file.path(), &unfinished).unwrap();
    let (admin, long) = (admin(), "x".repeat(1_025));
    let without = Access::new(&admin).at(NOW).ledger(&file);
    assert_eq!(kind(KeyEnvelope::erased(without, 42)), ErrorKind::MissingKey);
    assert_eq!(kind(erase(&file, &long)), ErrorKind::InvalidInput);
    let ring = signing();
    let late = Access::new(&ring).at(u64::MAX).ledger(&file);
    assert_eq!(kind(KeyEnvelope::erased(late, 42)), ErrorKind::InvalidInput);
    assert_eq!(fs::read(file.path()).unwrap(), unfinished, "not even its end is cut off");

    // Of several lines of which one cannot be, none is.
    let mut edit = envelope(&[CONTACT, NOTES]).edit(without, 42).unwrap();
    edit.erase_class("contact").unwrap();
    edit.erase_class("notes").unwrap();
    assert_eq!(kind(edit.finish()), ErrorKind::MissingKey);
    assert_eq!(fs::read(file.path()).unwrap(), unfinished);
}

/// Refused, with the file as it is; and a reader who knew where it stood is told as well.
#[track_caller]
fn rolled_back(file: &LedgerFile, known: &LedgerHead) {
    let stored = fs::read(file.path()).unwrap();
    for _ in 0..2 {
        let refused = error(erase(file, "bob"));
        assert_eq!(refused.kind(), ErrorKind::RolledBack, "{refused}");
        assert!(refused.to_string().contains(file.path().to_str().unwrap()), "{refused}");
    }
    assert_eq!(fs::read(file.path()).unwrap(), stored);
    assert_eq!(kind(file.read_known(&keys(), known)), ErrorKind::RolledBack);
}

#[test]
fn a_ledger_cut_off_or_replaced_while_it_is_used_is_refused() {
    let folder = Folder::new();
    let file = begun(&folder);
    let mut states = vec![fs::read(file.path()).unwrap()];
    for actor in ["ada", "agnes", "alan"] {
        erase(&file, actor).unwrap();
        states.push(fs::read(file.path()).unwrap());
    }
    let known = file.read(&keys()).unwrap().head();
    let whole = states.pop().unwrap();
    // Cut in place: to whole lines, inside of one, and to one of the same length that is another.
    for state in &states {
        fs::write(file.path(), state).unwrap();
        rolled_back(&file, &known);
    }
    fs::write(file.path(), &whole[..whole.len() - 2]).unwrap();
    rolled_back(&file, &known);
    let last = states.last().unwrap();
    fs::write(file.path(), last).unwrap();
    erase(&LedgerFile::at(file.path()), "adam").unwrap();
    assert_eq!(fs::read(file.path()).unwrap().len(), whole.len());
    rolled_back(&file, &known);
    // An older copy, or another ledger, that has grown beyond since.
    fs::write(file.path(), last).unwrap();
    for _ in 0..4 {
        erase(&LedgerFile::at(file.path()), "carol").unwrap();
    }
    rolled_back(&file, &known);
    let other = LedgerFile::create(folder.join("other"), &signing()).unwrap();
    for _ in 0..6 {
        erase(&other, "dave").unwrap();
    }
    fs::rename(other.path(), file.path()).unwrap();
    rolled_back(&file, &known);
    // It was right all the time.
    fs::write(file.path(), &whole).unwrap();
    erase(&file, "bob").unwrap();
}

#[test]
fn a_ledger_begun_here_and_replaced_before_its_first_entry_is_refused() {
    let folder = Folder::new();
    let file = begun(&folder);
    let known = file.read(&keys()).unwrap().head();
    fs::remove_file(file.path()).unwrap();
    assert_eq!(kind(erase(&file, "ada")), ErrorKind::Io, "it is not begun anew");
    begun(&folder);
    rolled_back(&file, &known);
}

/// The lines of a ledger of three erasures.
fn of_three(folder: &Folder) -> (LedgerFile, Vec<String>) {
    let file = begun(folder);
    for actor in ["ada", "agnes", "alan"] {
        erase(&file, actor).unwrap();
    }
    let lines = fs::read_to_string(file.path()).unwrap();
    (file, lines.lines().map(|line| format!("{line}\n")).collect())
}

/// Neither a service that starts nor one that is at work.
#[track_caller]
fn nothing_is_added(file: &LedgerFile, stored: &[u8], expected: ErrorKind) -> String {
    fs::write(file.path(), stored).unwrap();
    let opened = error(LedgerFile::open(file.path(), &signing()));
    let first_use = error(erase(&LedgerFile::at(file.path()), "bob"));
    assert_eq!((opened.kind(), first_use.kind()), (expected, expected), "{opened}, {first_use}");
    assert_eq!(opened.to_string(), first_use.to_string());
    assert!(erase(file, "bob").is_err());
    assert_eq!(fs::read(file.path()).unwrap(), stored);
    opened.to_string()
}

#[test]
fn nothing_is_added_behind_an_end_that_does_not_verify() {
    let folder = Folder::new();
    let (file, lines) = of_three(&folder);
    let of = |lines: &[&str]| lines.concat().into_bytes();
    let [begin, ada, agnes, alan] = lines.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        panic!("four lines");
    };
    // Not the first erasure after that finds it, but the one that would be told behind it.
    let forged = alan.replace("\"alan\"", "\"mary\"");
    nothing_is_added(&file, &of(&[begin, ada, agnes, &forged]), ErrorKind::Tampered);
    // As it was signed, and behind another line than the one that it names.
    let changed = agnes.replace("\"agnes\"", "\"mary\"");
    let follows = ErrorKind::Malformed;
    for lines in [
        of(&[begin, ada, &changed, alan]),
        of(&[begin, ada, alan]),
        of(&[begin, ada, agnes, alan, alan]),
        of(&[begin, ada, agnes, ada]),
        of(&[begin, ada, agnes, alan, begin]),
        of(&[alan]),
        of(&[begin, ada, "\n", alan]),
    ] {
        nothing_is_added(&file, &lines, follows);
    }
    // What a key signs is a line, and what no line says is none.
    let what = alan.replace("\"erase-subject\"", "\"begin\"");
    nothing_is_added(&file, &of(&[begin, ada, agnes, &what]), follows);

    fs::write(file.path(), of(&[begin, ada, agnes, alan])).unwrap();
    erase(&LedgerFile::open(file.path(), &signing()).unwrap(), "bob").unwrap();
    assert_eq!(actors(&whole(file.path())), ["ada", "agnes", "alan", "bob"]);
}

/// At work, the first line was seen before; it need not be read each time.
#[test]
fn a_ledger_whose_first_line_does_not_verify_is_not_opened() {
    let folder = Folder::new();
    let (file, lines) = of_three(&folder);
    let rest = lines[1..].concat();
    let other = KeyRing::generate().unwrap();
    let forged = {
        let mut ring = other;
        ring.add_signing_key().unwrap();
        let other = folder.join("other");
        LedgerFile::create(&other, &ring).unwrap();
        fs::read_to_string(other).unwrap()
    };
    for (first, expected) in [
        ("", ErrorKind::Malformed),
        ("\n", ErrorKind::Malformed),
        ("{}\n", ErrorKind::Malformed),
        (&*lines[0].replace("ledger/1", "ledger/2"), ErrorKind::Unsupported),
        (&*lines[0].replace("\"at\":\"2", "\"at\":\"3"), ErrorKind::Tampered),
    ] {
        let stored = [first, &rest].concat();
        fs::write(file.path(), &stored).unwrap();
        assert_eq!(kind(LedgerFile::open(file.path(), &signing())), expected, "{first}");
        assert_eq!(kind(erase(&LedgerFile::at(file.path()), "bob")), expected, "{first}");
        assert_eq!(fs::read_to_string(file.path()).unwrap(), stored);
    }
    // Of a key that this ring does not know, the last line by one that it knows is enough: keys go, and ledgers stay.
    fs::write(file.path(), [&*forged, &rest].concat()).unwrap();
    assert!(LedgerFile::open(file.path(), &signing()).is_ok());
    fs::write(file.path(), &forged).unwrap();
    assert_eq!(kind(LedgerFile::open(file.path(), &signing())), ErrorKind::MissingKey);
}

#[test]
fn a_ledger_that_was_opened_and_then_cut_off_is_refused() {
    let folder = Folder::new();
    let (file, lines) = of_three(&folder);
    let known = file.head().unwrap();
    let opened = LedgerFile::open(file.path(), &signing()).unwrap();
    fs::write(file.path(), lines[..3].concat()).unwrap();
    rolled_back(&opened, &known);
    assert_eq!(kind(LedgerFile::open(folder.join("absent"), &signing())), ErrorKind::Io);
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(kind(LedgerFile::open(file.path(), &signing())), ErrorKind::Permissions);
}

/// An editor, or a transfer as text. A reader is told what to do.
#[test]
fn a_byte_order_mark_carriage_returns_and_utf_16_are_refused_and_named() {
    let folder = Folder::new();
    let (file, lines) = of_three(&folder);
    let text = lines.concat();
    let utf_16 = |bytes: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
        [mark, &text].concat().encode_utf16().flat_map(bytes).collect()
    };
    let mark = "\u{FEFF}";
    for (stored, named) in [
        ([mark, &text].concat().into_bytes(), "byte order mark"),
        ([mark, &text.replace('\n', "\r\n")].concat().into_bytes(), "byte order mark"),
        (text.replace('\n', "\r\n").into_bytes(), "carriage return"),
        (text.replacen('\n', "\r\n", 1).into_bytes(), "carriage return"),
        ([&text[..text.len() - 1], "\r\n"].concat().into_bytes(), "carriage return"),
        (utf_16(u16::to_le_bytes, mark), "UTF-16"),
        (utf_16(u16::to_be_bytes, mark), "UTF-16"),
        (utf_16(u16::to_le_bytes, ""), "UTF-16"),
    ] {
        fs::write(file.path(), &stored).unwrap();
        let mut refused = vec![
            error(file.read(&keys())),
            error(file.check(&keys(), None)),
            error(LedgerFile::open(file.path(), &signing())),
            error(erase(&LedgerFile::at(file.path()), "bob")),
        ];
        refused.extend(str::from_utf8(&stored).ok().map(|text| error(Ledger::read(text, &keys()))));
        for refused in refused {
            assert_eq!(refused.kind(), ErrorKind::Malformed);
            let said = refused.to_string();
            assert!(
                said.contains(named) || named == "byte order mark" && said.contains("carriage"),
                "{said}"
            );
        }
        assert_eq!(fs::read(file.path()).unwrap(), stored);
    }
}

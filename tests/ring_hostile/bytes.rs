//! Bytes altered, lost and added; and credentials that are wrong.

use std::fs;

use fieldseal::ErrorKind;
use fieldseal::keyring::{Credential, LockedRing, RingDocument};

use super::common::ring::{Folder, error, key, whole};
use super::{cheap, discreet, document, malformed, open, refused, sample, usual};

/// A small document that `key(1)` opens.
fn small() -> (String, Vec<String>) {
    let mut document = document();
    (document.to_json().unwrap(), whole(document.ring()))
}

/// All that a document tells once it is open.
fn all(document: &RingDocument) -> String {
    let ring = whole(document.ring());
    let (id, generation) = (document.id(), document.generation());
    format!("{id} {generation} {:?} {ring:?}", document.slots())
}

/// That bytes are refused as they may be.
#[track_caller]
fn told_as_altered(json: &[u8], credential: &Credential, usual: &str) -> ErrorKind {
    let error = error(open(json, credential));
    match error.kind() {
        ErrorKind::Unlock => assert_eq!(error.to_string(), usual),
        ErrorKind::Malformed | ErrorKind::Unsupported => discreet(&error, json),
        _ => panic!("{error}"),
    }
    error.kind()
}

#[test]
fn a_wrong_credential_is_told_as_an_altered_document_is() {
    let (mut document, shares) = sample();
    let json = document.to_json().unwrap();
    let usual = usual();
    let locked = LockedRing::from_json(json.as_bytes()).unwrap();
    for wrong in [key(2), cheap("four word"), cheap("Four words"), cheap("server")] {
        let refused = error(locked.unlock(&wrong));
        assert_eq!((refused.kind(), refused.to_string()), (ErrorKind::Unlock, usual.clone()));
    }
    let altered = json.replace("\"open-only\"", "\"disabled\"");
    assert_ne!(json, altered);
    for right in [key(1), cheap("four words"), Credential::Shares(shares)] {
        assert!(locked.unlock(&right).is_ok());
        let refused = error(open(&altered, &right));
        assert_eq!((refused.kind(), refused.to_string()), (ErrorKind::Unlock, usual.clone()));
    }
    assert!(usual.contains("try again") && usual.contains("backup"), "{usual}");
}

#[test]
fn a_document_that_was_cut_anywhere_is_refused() {
    let (json, _) = small();
    let body = json.trim_end().len();
    for len in 0..body {
        assert_eq!(error(open(&json[..len], &key(1))).kind(), ErrorKind::Malformed, "{len}");
    }
    for len in (0..body).step_by(97) {
        malformed(&json[..len], "this is no ring document, or a damaged one: line");
    }
    assert!(open(&json[..body], &key(1)).is_ok(), "the end of the last line is none of it");
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let (json, _) = small();
    let usual = usual();
    let mut bytes = json.into_bytes();
    let mut unlock = 0;
    for at in 0..bytes.trim_ascii_end().len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            let kind = told_as_altered(&bytes, &key(1), &usual);
            unlock += usize::from(kind == ErrorKind::Unlock);
            bytes[at] ^= 1 << bit;
        }
    }
    assert!(unlock > 500, "many are authenticated only: {unlock}");
    assert!(open(&bytes, &key(1)).is_ok());
}

#[test]
fn a_flipped_bit_is_refused_by_any_slot() {
    let (mut document, shares) = sample();
    let json = document.to_json().unwrap();
    let usual = usual();
    let mut bytes = json.into_bytes();
    let credentials = [cheap("four words"), Credential::Shares(shares)];
    for (turn, at) in (0..bytes.len() - 1).step_by(5).enumerate() {
        let flipped = 1 << (turn % 8);
        bytes[at] ^= flipped;
        for credential in &credentials {
            let error = error(open(&bytes, credential));
            match error.kind() {
                // Shares that are of no slot any more, or that the tags say to be wrong.
                ErrorKind::Unlock if error.to_string() != usual => {
                    assert!(error.to_string().contains("of no slot"), "{error}");
                }
                ErrorKind::InvalidInput => assert!(error.to_string().contains("share"), "{error}"),
                _ => drop(told_as_altered(&bytes, credential, &usual)),
            }
        }
        bytes[at] ^= flipped;
    }
    assert!(credentials.iter().all(|credential| open(&bytes, credential).is_ok()));
}

#[test]
fn a_flipped_bit_in_a_file_leaves_the_file_as_it_is() {
    let (json, _) = small();
    for (turn, at) in (0..json.len() - 1).step_by(29).enumerate() {
        let mut bytes = json.clone().into_bytes();
        bytes[at] ^= 1 << (turn % 8);
        let _refused = refused(&bytes);
    }
}

/// What is left of a document that lost a byte or got one more is refused; or it is the same, spelled
/// with another white space or an escape.
#[test]
fn bytes_that_were_added_or_lost_change_nothing_or_are_refused() {
    let (json, _) = small();
    let usual = usual();
    let same = all(&open(&json, &key(1)).unwrap());
    let mut spelled = 0;
    let mut check = |bytes: &[u8], white: bool| match open(bytes, &key(1)) {
        Ok(document) => {
            assert!(white, "a byte that counts was changed");
            assert_eq!(all(&document), same);
            spelled += 1;
        }
        Err(_) => drop(told_as_altered(bytes, &key(1), &usual)),
    };
    for at in 0..=json.len() {
        for added in b" \n0\"\\,}a\0\xFF" {
            let bytes = [&json.as_bytes()[..at], &[*added], &json.as_bytes()[at..]].concat();
            check(&bytes, added.is_ascii_whitespace() || *added == b'\\');
        }
        if let Some(lost) = json.as_bytes().get(at) {
            let bytes = [&json.as_bytes()[..at], &json.as_bytes()[at + 1..]].concat();
            check(&bytes, lost.is_ascii_whitespace());
        }
    }
    assert!(spelled > 500, "{spelled}");
}

#[test]
fn lines_that_were_lost_repeated_or_moved_change_nothing_or_are_refused() {
    let json = super::sample_json();
    let usual = usual();
    let same = all(&open(&json, &key(1)).unwrap());
    let lines: Vec<&str> = json.lines().collect();
    for at in 0..lines.len() {
        let mut lost = lines.clone();
        lost.remove(at);
        let mut repeated = lines.clone();
        repeated.insert(at, lines[at]);
        for lines in [lost, repeated] {
            let bytes = lines.join("\n");
            told_as_altered(bytes.as_bytes(), &key(1), &usual);
        }
        for other in at + 1..lines.len() {
            let mut moved = lines.clone();
            moved.swap(at, other);
            // Commas stand before the line's end; some move well, within one object.
            let bytes = moved.join("\n");
            match open(&bytes, &key(1)) {
                Ok(document) => assert_eq!(all(&document), same),
                Err(_) => drop(told_as_altered(bytes.as_bytes(), &key(1), &usual)),
            }
        }
    }
}

/// An editor puts the mark before a file. It is the file's, and the document has none.
#[test]
fn a_byte_order_mark_is_of_a_file_and_never_of_a_document() {
    let (json, _) = small();
    let marked = [b"\xEF\xBB\xBF", json.as_bytes()].concat();
    assert_eq!(error(open(&marked, &key(1))).kind(), ErrorKind::Malformed);
    let folder = Folder::new();
    let file = folder.ring();
    fs::write(file.path(), &marked).unwrap();
    file.open(&key(1)).unwrap();
}

#[test]
fn what_is_no_document_is_refused() {
    let (json, _) = small();
    let utf16: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let words = "this is no ring document, or a damaged one: line";
    let none: [&[u8]; 15] = [
        b"",
        b" \n",
        b"null",
        b"[]",
        b"{}",
        b"17",
        b"\"ring/1\"",
        b"\0",
        b"-----BEGIN AGE ENCRYPTED FILE-----",
        &[0; 1_000],
        &utf16,
        &[b"x", json.as_bytes()].concat(),
        &[b"[", json.as_bytes(), b"]"].concat(),
        &[json.as_bytes(), json.as_bytes()].concat(),
        &[b"// a comment\n", json.as_bytes()].concat(),
    ];
    for none in none {
        malformed(none, words);
    }
    for behind in ["}", "x", "\0", ",", "{}", "null", "\u{feff}", "// "] {
        malformed(format!("{json}{behind}"), words);
    }
    malformed(json.replace(",\n", "\n"), words);
    malformed(json.replace('"', "'"), words);
    malformed(json.replace("\n}", ",\n}"), words);
    let mut not_text = json.into_bytes();
    let label = not_text.windows(6).position(|bytes| bytes == b"server").unwrap();
    not_text[label] = 0xFF;
    malformed(not_text, words);
}

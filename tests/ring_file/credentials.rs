//! Passphrases and slot keys, as people and secret stores bring them.

use std::fs;

use fieldseal::keyring::{Argon2Cost, Credential, LockedRing, Passphrase, RingDocument, SlotKey};
use fieldseal::{Error, ErrorKind};

use super::common::ring::{Folder, document, error};
use super::{mode, set_mode, this, told};

fn cheap(text: &str) -> Credential {
    Passphrase::new(text).unwrap().cost(Argon2Cost::new(8, 1, 1).unwrap()).into()
}

/// What a document that this credential opens says to others.
fn tried(with: &Credential, others: &[Credential]) -> Vec<Result<RingDocument, Error>> {
    let mut document = document();
    document.add_slot("another", with).unwrap();
    let json = document.to_json().unwrap();
    let locked = LockedRing::from_json(json.as_bytes()).unwrap();
    assert!(locked.unlock(with).is_ok());
    others.iter().map(|other| locked.unlock(other)).collect()
}

#[test]
fn a_passphrase_has_1_to_1024_bytes() {
    for bad in [String::new(), "x".repeat(1_025), "ü".repeat(513)] {
        assert_eq!(error(Passphrase::new(&bad)).kind(), ErrorKind::InvalidInput);
    }
    for good in [" ", "x", &"x".repeat(1_024), &"ü".repeat(512)] {
        assert!(tried(&cheap(good), &[]).is_empty());
    }
}

/// `[RF-8]` Nothing is folded, and nothing is trimmed but the end of a line.
#[test]
fn a_passphrase_that_looks_alike_is_another() {
    let alike = [
        "pässword ",
        " pässword",
        "Pässword",
        "passwörd",
        "pässwor",
        "pa\u{308}sswo\u{200B}rd",
        "pässword\u{FEFF}",
        "pässword\t",
        "pässword\n ",
        "ｐässword",
    ];
    for refused in tried(&cheap("pässword"), &alike.map(cheap)) {
        assert_eq!(error(refused).kind(), ErrorKind::Unlock);
    }
}

/// `[RF-8]` However a keyboard, an editor or a system spells it.
#[test]
fn one_passphrase_opens_in_every_spelling() {
    let spelled = [
        "zwölf grüne Äpfel",
        "zwo\u{308}lf gru\u{308}ne A\u{308}pfel",
        "zwölf\u{A0}grüne\u{3000}Äpfel",
        "\u{FEFF}zwölf grüne Äpfel",
        "zwölf grüne Äpfel\n",
        "zwölf grüne Äpfel\r\n",
        "\u{FEFF}zwo\u{308}lf grüne\u{2009}Äpfel\r\n\n",
    ];
    for with in spelled {
        for (text, opened) in spelled.iter().zip(tried(&cheap(with), &spelled.map(cheap))) {
            assert!(opened.is_ok(), "{} by {}", with.escape_unicode(), text.escape_unicode());
        }
    }
}

#[test]
fn a_new_slot_takes_no_control_characters() {
    for text in ["a\tb", "a\nb", "\0", "a\u{1b}[A", "a\u{85}"] {
        let refused = document().add_slot("another", &cheap(text));
        let refused = error(refused);
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(refused.to_string().contains("control character"), "{refused}");
    }
    for text in ["\n", "\r\n", "\u{FEFF}", "\u{FEFF}\n"] {
        assert_eq!(error(Passphrase::new(text)).kind(), ErrorKind::InvalidInput);
    }
}

/// Beyond 64 bytes, as well as below: no two passphrases are one.
#[test]
fn a_long_passphrase_counts_to_its_last_byte() {
    for len in [64, 65, 128, 1_024] {
        let text = "x".repeat(len);
        let others = [cheap(&text[1..]), cheap(&(text[1..].to_owned() + "y"))];
        for refused in tried(&cheap(&text), &others) {
            assert_eq!(error(refused).kind(), ErrorKind::Unlock, "{len}");
        }
    }
}

/// The slot says what a try costs, and not who tries.
#[test]
fn a_slot_is_opened_at_the_cost_it_was_made_with() {
    let dearer = Passphrase::new("a").unwrap().cost(Argon2Cost::new(64, 2, 2).unwrap()).into();
    assert!(tried(&cheap("a"), &[dearer]).remove(0).is_ok());
}

#[test]
fn a_cost_is_within_bounds() {
    let bad = [
        (0, 1, 1),
        (7, 1, 1),
        (8, 0, 1),
        (8, 1, 0),
        (15, 1, 2),
        (127, 1, 16),
        (136, 1, 17),
        (8, 65, 1),
        (1_048_577, 1, 1),
        (u32::MAX, 1, 1),
        (8, u32::MAX, 1),
        (u32::MAX, 1, u32::MAX),
    ];
    for (memory, passes, lanes) in bad {
        let refused = error(Argon2Cost::new(memory, passes, lanes));
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{memory} {passes} {lanes}");
    }
    for (memory, passes, lanes) in [(8, 1, 1), (128, 64, 16), (1_048_576, 64, 16)] {
        let cost = Argon2Cost::new(memory, passes, lanes).unwrap();
        assert_eq!((cost.memory_kib(), cost.passes(), cost.lanes()), (memory, passes, lanes));
    }
    let default = Argon2Cost::default();
    assert!(default.memory_kib() >= 65_536 && default.passes() >= 3 && !default.is_weak());
    assert!(Argon2Cost::new(65_535, 3, 1).unwrap().is_weak());
    assert!(Argon2Cost::new(65_536, 2, 1).unwrap().is_weak());
}

#[test]
fn nothing_printed_of_a_credential_tells_it() {
    let key = SlotKey::from_bytes(b"a slot key's thirty-two bytes...");
    let text = key.to_text();
    let shown = [
        format!("{key:?}"),
        format!("{:?}", Passphrase::new("a slot key").unwrap()),
        format!("{:?}", Credential::from(key)),
        format!("{:?}", cheap("a slot key")),
        format!("{:?}", document()),
    ];
    for shown in shown {
        assert!(!shown.contains("a slot key") && !shown.contains(&text[5..20]), "{shown}");
    }
}

#[test]
fn a_slot_key_is_read_from_the_environment() {
    let key = SlotKey::generate().unwrap();
    let text = key.to_text();
    for value in [text.to_string(), format!(" {}\n", *text)] {
        let said = told(this().env("RING_KEY", value), &["from env", "RING_KEY"]);
        assert_eq!(said, format!("{}\ndone", *text));
    }
    let mut without = this();
    let mut empty = this();
    for unset in [without.env_remove("RING_KEY"), empty.env("RING_KEY", "")] {
        let said = told(unset, &["from env", "RING_KEY"]);
        assert!(said.starts_with("missing-key:") && said.contains("RING_KEY"), "{said}");
    }
    let longer = format!("{}A", *text);
    for wrong in ["hunter2", &text[..52], &longer, &"A".repeat(32)] {
        let said = told(this().env("RING_KEY", wrong), &["from env", "RING_KEY"]);
        assert!(said.starts_with("malformed: this is no slot key"), "{said}");
        assert!(!said.contains(wrong), "the value is not shown");
    }
}

#[test]
fn a_slot_key_is_read_from_a_file() {
    let folder = Folder::new();
    let path = folder.join("slot.key");
    let read = |content: &[u8]| {
        fs::write(&path, content).unwrap();
        set_mode(&path, 0o600);
        SlotKey::from_file(&path).map(|key| key.to_text().to_string())
    };
    let key = SlotKey::from_bytes(&core::array::from_fn(|at| u8::try_from(at * 8).unwrap()));
    let text = key.to_text().to_string();
    let bytes: [u8; 32] = core::array::from_fn(|at| u8::try_from(at * 8).unwrap());
    for good in [
        &bytes,
        text.as_bytes(),
        format!("{text}\n").as_bytes(),
        format!("\r\n {text}\r\n").as_bytes(),
        format!("\u{FEFF}{text}\r\n").as_bytes(),
    ] {
        assert_eq!(read(good).unwrap(), text);
    }
    let upper = text.to_uppercase();
    let wrong: [&[u8]; 10] = [
        b"",
        &bytes[..31],
        &[bytes.as_slice(), b"\n"].concat(),
        &[bytes.as_slice(), &bytes].concat(),
        &text.as_bytes()[..52],
        &text.as_bytes()[5..],
        &[text.as_bytes(), text.as_bytes()].concat(),
        &[text.as_bytes(), b"\xEF\xBB\xBF"].concat(),
        &[0xFF; 33],
        upper.as_bytes(),
    ];
    for wrong in wrong {
        let refused = error(read(wrong));
        assert_eq!(refused.kind(), ErrorKind::Malformed, "{wrong:?}");
        assert!(refused.to_string().contains("no slot key"));
    }
}

/// 32 characters are no 32 random bytes, but a password, hexadecimal digits of 16 bytes, or the
/// beginning of a text that was cut; and a file that was never written is full of zeros.
#[test]
fn thirty_two_bytes_of_text_are_no_slot_key() {
    let folder = Folder::new();
    let path = folder.join("slot.key");
    let text = SlotKey::generate().unwrap().to_text();
    let wrong: [&[u8]; 5] = [
        b"0123456789abcdef0123456789abcdef",
        b"a passphrase of 31 characters..\n",
        &text.as_bytes()[..32],
        &[b' '; 32],
        &[0; 32],
    ];
    for wrong in wrong {
        fs::write(&path, wrong).unwrap();
        set_mode(&path, 0o600);
        let refused = error(SlotKey::from_file(&path));
        assert_eq!(refused.kind(), ErrorKind::Malformed, "{wrong:?}");
    }
}

#[test]
fn a_file_that_is_too_long_for_a_slot_key_is_not_read() {
    let folder = Folder::new();
    let path = folder.join("slot.key");
    fs::write(&path, vec![b' '; (64 << 10) + 1]).unwrap();
    set_mode(&path, 0o600);
    let refused = error(SlotKey::from_file(&path));
    assert_eq!(refused.kind(), ErrorKind::Malformed);
    assert!(refused.to_string().contains("larger than 64 KiB"), "{refused}");
}

#[test]
fn a_slot_key_that_is_mistyped_is_none() {
    let text = SlotKey::generate().unwrap().to_text().to_string();
    for at in 0..text.len() {
        for other in ["A", "-", "0", "z"] {
            let mut typed = text.clone();
            typed.replace_range(at..=at, other);
            assert_eq!(SlotKey::from_text(&typed).is_ok(), typed == text, "{at} {other}");
        }
        let swapped = text
            .get(at + 1..at + 2)
            .map(|next| format!("{}{next}{}{}", &text[..at], &text[at..=at], &text[at + 2..]));
        if let Some(swapped) = swapped.filter(|swapped| *swapped != text) {
            assert_eq!(error(SlotKey::from_text(&swapped)).kind(), ErrorKind::Malformed);
        }
    }
}

#[test]
fn a_slot_keys_file_is_new_private_and_read_again() {
    let folder = Folder::new();
    let path = folder.join("slot.key");
    let key = SlotKey::generate().unwrap();
    key.create_file(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(*SlotKey::from_file(&path).unwrap().to_text(), *key.to_text());

    let kept = fs::read(&path).unwrap();
    let refused = error(SlotKey::generate().unwrap().create_file(&path));
    assert_eq!(refused.kind(), ErrorKind::Io);
    assert!(refused.to_string().contains(path.to_str().unwrap()), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), kept, "a key that is there is not lost");
    std::os::unix::fs::symlink(folder.join("elsewhere"), folder.join("link")).unwrap();
    assert_eq!(error(key.create_file(folder.join("link"))).kind(), ErrorKind::Io);
    assert!(!folder.join("elsewhere").exists(), "nor is it written elsewhere");
}

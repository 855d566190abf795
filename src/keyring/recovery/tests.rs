use std::collections::BTreeSet;
use std::string::{String, ToString as _};
use std::vec;

use chacha20::ChaCha20Rng;
use proptest::prelude::*;
use rand_core::SeedableRng as _;

use super::*;

const SET: [u8; 8] = [0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE, 0xF0];
const SYMBOLS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Three of five shares of the bytes 0 to 31, with their tags: made by a program of its own, in
/// Python, from this description. GF(2^8) modulo x^8 + x^4 + x^3 + x + 1, by tables of logarithms to
/// the base 3; byte b of share x is secret[b] + c1[b]·x + c2[b]·x², where c1 and c2 are the SHA-256
/// of `coefficient 1` and `coefficient 2`; `Expand` as HMAC-SHA256(value, info ‖ 0x01), cut.
const KNOWN: [(&str, [u8; 8]); 5] = [
    (
        "FSSHARE1-28T5-CY4T-QKFF-00R5-062Z-BEDY-DWFX-RJXF-462S-EVM9-DS28-BFXS-7ZQ5-BQ0M-D85K-M6S0-23T8-HTSK-WCSG",
        [0x10, 0x3F, 0xD8, 0x9C, 0xDC, 0x84, 0xB8, 0x3A],
    ),
    (
        "FSSHARE1-28T5-CY4T-QKFF-00R5-0B3G-RNN0-1410-6N69-VF2N-HPS6-GDRE-39YF-J65J-AH4H-45H1-AZQJ-67ZH-GV5Y-ZT9G",
        [0x35, 0xD2, 0x52, 0x0C, 0x48, 0xA2, 0x45, 0xB4],
    ),
    (
        "FSSHARE1-28T5-CY4T-QKFF-00R5-0D1F-HV8X-C8CD-J63E-YD5C-9ED2-WCXQ-82B4-QNRP-B3MJ-ADR3-AZPE-7GAR-Z2MS-EA1G",
        [0xE9, 0xE0, 0x3B, 0xCF, 0xA7, 0xB3, 0x9A, 0x80],
    ),
    (
        "FSSHARE1-28T5-CY4T-QKFF-00R5-0KGC-WKKV-BZ3S-587Q-H257-DXDV-41WC-93Y5-97N8-7TSP-6E42-6QNN-KNZX-KE3B-9CW0",
        [0x6A, 0xC2, 0xAB, 0x8B, 0x54, 0xA8, 0xDC, 0x3C],
    ),
    (
        "FSSHARE1-28T5-CY4T-QKFF-00R5-0NJK-NXE6-6KEM-HV2G-M02Y-N5SZ-80SN-28BE-CM8C-689N-86D0-6QM9-J2AM-XJSS-GARG",
        [0xBA, 0x99, 0xE3, 0x3D, 0x48, 0x59, 0x21, 0x0E],
    ),
];

fn rng(seed: u64) -> CallRng {
    CallRng::from_rng(&mut ChaCha20Rng::seed_from_u64(seed))
}

fn key(seed: u64) -> Secret<32> {
    rng(seed).secret()
}

fn made(threshold: u8, shares: u8) -> Vec<Share> {
    split(&key(1), SET, threshold, shares, &mut rng(2)).unwrap()
}

fn tags(shares: &[Share]) -> Vec<[u8; 8]> {
    shares.iter().map(tag).collect()
}

/// The shares with these numbers; one that stands twice comes twice.
fn taken(shares: &[Share], numbers: &[u8]) -> Vec<Share> {
    let copy = |number: &u8| {
        let share = &shares[usize::from(*number) - 1];
        Share { value: share.value.duplicate(), ..numbers_of(share) }
    };
    numbers.iter().map(copy).collect()
}

fn numbers_of(share: &Share) -> Share {
    let Share { set, threshold, shares, index, .. } = *share;
    Share { set, threshold, shares, index, value: Secret::from_bytes(&[0; 32]) }
}

fn refusal(shares: &[Share], tags: &[[u8; 8]]) -> String {
    let error = combine(shares, SET, tags).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    error.to_string()
}

fn misread(text: &str) -> (ErrorKind, String) {
    let error = Share::from_text(text).unwrap_err();
    (error.kind(), error.to_string())
}

#[test]
fn shares_made_elsewhere_combine() {
    let shares: Vec<_> = KNOWN.iter().map(|(text, _)| Share::from_text(text).unwrap()).collect();
    let stored = KNOWN.map(|(_, tag)| tag);
    assert_eq!(tags(&shares), stored);
    let secret: [u8; 32] = array::from_fn(|at| u8::try_from(at).unwrap());
    for numbers in [&[1, 2, 3][..], &[5, 1, 4], &[4, 2, 5], &[5, 4, 3, 2, 1]] {
        let key = combine(&taken(&shares, numbers), SET, &stored).unwrap();
        assert_eq!(key.expose(), &secret);
    }
    for (share, (text, _)) in shares.iter().zip(KNOWN) {
        assert_eq!(*share.to_text(), text);
        assert_eq!((share.set(), share.threshold(), share.shares()), (SET, 3, 5));
    }
}

/// A split with the numbers of some of its shares, each once, in any order.
fn some_of_a_split(least: u8) -> impl Strategy<Value = (u64, u8, u8, Vec<u8>)> {
    (2..=MAX_THRESHOLD)
        .prop_flat_map(|threshold| (any::<u64>(), Just(threshold), threshold..=MAX_SHARES))
        .prop_flat_map(move |(seed, threshold, shares)| {
            let numbers = Just((1..=shares).collect::<Vec<_>>()).prop_shuffle();
            let count = if least == 0 { 1..=threshold - 1 } else { threshold..=shares };
            (Just(seed), Just(threshold), Just(shares), numbers, count)
        })
        .prop_map(|(seed, threshold, shares, mut numbers, count)| {
            numbers.truncate(count.into());
            (seed, threshold, shares, numbers)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_threshold_of_the_shares_is_enough(
        (seed, threshold, count, numbers) in some_of_a_split(1)
    ) {
        let secret = key(seed);
        let shares = split(&secret, SET, threshold, count, &mut rng(!seed)).unwrap();
        let given = taken(&shares, &numbers);
        prop_assert!(combine(&given, SET, &tags(&shares)).unwrap().ct_eq(&secret));
    }

    #[test]
    fn fewer_than_the_threshold_are_not_enough(
        (seed, threshold, count, numbers) in some_of_a_split(0)
    ) {
        let secret = key(seed);
        let shares = split(&secret, SET, threshold, count, &mut rng(!seed)).unwrap();
        let given = taken(&shares, &numbers);
        let missing = usize::from(threshold) - numbers.len();
        prop_assert_eq!(
            refusal(&given, &tags(&shares)),
            format!("invalid-input: {} of {threshold} shares given: {missing} more needed", numbers.len())
        );
        // Nor does it help to leave out the count.
        if given.len() > 1 {
            prop_assert!(!interpolate(&given).unwrap().ct_eq(&secret));
        }
        prop_assert!(!given[0].value.ct_eq(&secret));
    }

    #[test]
    fn no_text_is_too_strange_to_be_refused(text in ".{0,200}", tail in "[-0-9a-zA-Z \u{a0}é]{60,90}") {
        prop_assert!(Share::from_text(&text).is_err());
        let text = ["FSSHARE1", &tail].concat();
        prop_assert!(Share::from_text(&text).is_err());
    }
}

/// With a threshold of 2, byte b of share x is secret[b] + c·x. If no c were ever 0 (as in a crate
/// that this is not), the share could not be the secret's byte, and shares would add up to a proof of
/// what it is.
#[test]
fn one_share_of_two_takes_every_value_alike() {
    const SPLITS: u32 = 16_384;
    let secret = key(7);
    let mut rng = rng(8);
    let mut seen = vec![[[0_u32; 256]; 32]; 2];
    for _ in 0..SPLITS {
        for (share, seen) in split(&secret, SET, 2, 2, &mut rng).unwrap().iter().zip(&mut seen) {
            for (byte, seen) in share.value.expose().iter().zip(seen) {
                seen[usize::from(*byte)] += 1;
            }
        }
    }
    for (at, seen) in seen.iter().flatten().enumerate() {
        assert!(seen.iter().all(|count| *count > 0), "a value never comes at {at}");
        let own = seen[usize::from(secret.expose()[at % 32])];
        assert!((24..128).contains(&own), "the secret's own byte came {own} times at {at}");
        // Chi-squared of 255 degrees of freedom: 255 ± 22.6. Six of these either way.
        let expected = f64::from(SPLITS) / 256.0;
        let chi: f64 =
            seen.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        assert!((120.0..391.0).contains(&chi), "{chi} at {at}");
    }
}

/// The highest coefficient is 0 as often as any other value: then two of three shares lead to the
/// secret's byte, and if that never happened, they would exclude a value each time.
#[test]
fn one_share_too_few_hits_a_byte_as_often_as_a_guess() {
    for (threshold, splits) in [(2, 1024), (3, 1024), (5, 512)] {
        let secret = key(9);
        let mut rng = rng(10);
        let mut hits = 0;
        for _ in 0..splits {
            let mut shares = split(&secret, SET, threshold, threshold, &mut rng).unwrap();
            shares.pop();
            let guess = match &shares[..] {
                [one] => one.value.duplicate(),
                fewer => interpolate(fewer).unwrap(),
            };
            hits += guess.expose().iter().zip(secret.expose()).filter(|(a, b)| a == b).count();
        }
        let expected = splits * 32 / 256;
        assert!((expected / 2..expected * 2).contains(&hits), "{hits} of {expected}");
    }
}

#[test]
fn the_same_key_is_never_split_alike() {
    let mut rng = rng(3);
    let mut values = BTreeSet::new();
    for _ in 0..64 {
        for share in split(&key(1), SET, 3, 4, &mut rng).unwrap() {
            values.insert(*share.value.expose());
        }
    }
    assert_eq!(values.len(), 64 * 4);
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    for (threshold, shares, why) in [
        (0, 5, "a threshold of 0 would make each share the key itself"),
        (1, 5, "a threshold of 1 would make each share the key itself"),
        (1, 0, "a threshold of 1 would"),
        (3, 2, "3 of 2 shares: make at least 3"),
        (2, 0, "2 of 0 shares: make at least 2"),
        (17, 32, "a threshold of 17: ask for at most 16"),
        (255, 255, "a threshold of 255: ask for at most 16"),
        (2, 33, "33 shares: make at most 32"),
        (16, 255, "255 shares: make at most 32"),
    ] {
        let error = split(&key(1), SET, threshold, shares, &mut rng(2)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(why), "{error}");
    }
    for (threshold, shares) in [(2, 2), (2, 32), (16, 16), (16, 32)] {
        assert_eq!(made(threshold, shares).len(), usize::from(shares));
    }
}

#[test]
fn a_share_given_twice_is_named() {
    let shares = made(3, 5);
    let stored = tags(&shares);
    assert!(refusal(&taken(&shares, &[1, 3, 3]), &stored).contains("share 3 was given twice"));
    assert!(
        refusal(&taken(&shares, &[1, 2, 4, 5, 1]), &stored).contains("share 1 was given twice")
    );
    // Two texts of one share are one share.
    let again = Share::from_text(&shares[1].to_text().to_lowercase()).unwrap();
    let mut given = taken(&shares, &[4, 2]);
    given.push(again);
    assert!(refusal(&given, &stored).contains("share 2 was given twice"));
}

#[test]
fn a_share_of_another_split_is_named() {
    let shares = made(2, 3);
    let stored = tags(&shares);
    let other = split(&key(1), [9; 8], 2, 3, &mut rng(4)).unwrap();
    let mut given = taken(&shares, &[1]);
    given.extend(taken(&other, &[2]));
    assert!(refusal(&given, &stored).contains("share 2 is of another split"));
    assert!(refusal(&other, &stored).contains("share 1 is of another split"));
    // Whole splits that claim the same id, with other numbers.
    for (threshold, count) in [(2, 4), (3, 3)] {
        let mut given = taken(&shares, &[1, 2]);
        given.extend(taken(&made(threshold, count), &[3]));
        assert!(refusal(&given, &stored).contains("share 3 is of another split"));
    }
    assert!(refusal(&made(2, 4), &stored).contains("share 1 is of another split"));
    assert!(refusal(&shares, &stored[..2]).contains("share 1 is of another split"));
    assert!(refusal(&shares, &[]).contains("share 1 is of another split"));
}

#[test]
fn a_share_that_was_not_made_is_named() {
    let shares = made(2, 3);
    let stored = tags(&shares);
    // The same numbers, from another split under the same id.
    let other = split(&key(1), SET, 2, 3, &mut rng(5)).unwrap();
    let mut given = taken(&shares, &[1]);
    given.extend(taken(&other, &[3]));
    assert!(refusal(&given, &stored).contains("share 3 is not the one that was made"));
    // Each bit of a value, and each number, counts.
    for bit in 0..256 {
        let mut value = *shares[1].value.expose();
        value[bit / 8] ^= 1 << (bit % 8);
        let wrong = Share { value: Secret::from_bytes(&value), ..numbers_of(&shares[1]) };
        let mut given = taken(&shares, &[3]);
        given.push(wrong);
        assert!(refusal(&given, &stored).contains("share 2 is not the one that was made"));
    }
    let mut renumbered = taken(&shares, &[1, 2]);
    renumbered[1].index = 3;
    assert!(refusal(&renumbered, &stored).contains("share 3 is not the one that was made"));
    let mut eased = taken(&made(3, 3), &[1, 2]);
    for share in &mut eased {
        share.threshold = 2;
    }
    assert!(refusal(&eased, &tags(&made(3, 3))).contains("share 1 is not the one that was made"));
}

#[test]
fn what_is_wrong_with_a_share_comes_before_how_many_there_are() {
    let shares = made(3, 5);
    let stored = tags(&shares);
    assert!(refusal(&[], &stored).contains("no share was given"));
    // Foreign, repeated, not made, too few: all four at once, then one fewer each time.
    let mut given = taken(&shares, &[2, 2]);
    given[0].value = Secret::from_bytes(&[0; 32]);
    given[1].value = Secret::from_bytes(&[1; 32]);
    given.push(Share { set: [0; 8], ..numbers_of(&shares[3]) });
    assert!(refusal(&given, &stored).contains("share 4 is of another split"));
    given.pop();
    assert!(refusal(&given, &stored).contains("share 2 was given twice"));
    given.pop();
    assert!(refusal(&given, &stored).contains("share 2 is not the one that was made"));
    assert!(refusal(&taken(&shares, &[2]), &stored).contains("1 of 3 shares given: 2 more needed"));
}

#[test]
fn a_share_has_one_text() {
    for share in made(5, 32).iter().chain(&made(16, 16)).chain(&made(2, 2)) {
        let text = share.to_text();
        assert_eq!((text.len(), text.capacity()), (TEXT, TEXT));
        assert_eq!(text.split('-').count(), 20);
        assert!(text.split('-').skip(1).all(|group| group.len() == 4));
        let read = Share::from_text(&text).unwrap();
        assert_eq!(read.to_text(), text);
        assert_eq!((read.index, read.set), (share.index, share.set));
        assert!(read.value.ct_eq(&share.value));
    }
}

#[test]
fn case_spaces_hyphens_and_lookalikes_are_forgiven() {
    let text = KNOWN[1].0;
    let bare = text.replace('-', "");
    let spread: String = bare.chars().flat_map(|symbol| [symbol, '\n', '\u{a0}', '-']).collect();
    for typed in [
        text.to_lowercase(),
        text.replace('-', " "),
        text.replace('-', "--\r\n\t"),
        format!("  {text}\n"),
        format!("-{bare}-"),
        text.replace('0', "O"),
        text.replace('0', "o"),
        text.replace('1', "I"),
        text.replace('1', "l").to_lowercase(),
        text.replace('1', "L"),
        spread,
        bare,
    ] {
        assert_eq!(*Share::from_text(&typed).unwrap().to_text(), text, "{typed}");
    }
}

/// Every place, every symbol and some that are none: the same share again, or an error.
#[test]
fn every_wrong_character_is_found() {
    for (text, _) in KNOWN {
        let original = Share::from_text(text).unwrap();
        let places = text.char_indices().filter(|(_, symbol)| *symbol != '-');
        for (at, right) in places {
            for typed in SYMBOLS.chars().chain("oOiIlLuU!?=éЯ😀".chars()) {
                let alias = match typed {
                    'o' | 'O' => '0',
                    'i' | 'I' | 'l' | 'L' => '1',
                    _ => typed,
                };
                let (head, tail) = (&text[..at], &text[at + 1..]);
                let changed = format!("{head}{typed}{tail}");
                match Share::from_text(&changed) {
                    Ok(share) => {
                        assert_eq!(alias, right, "{changed}");
                        assert!(share.value.ct_eq(&original.value));
                    }
                    Err(error) => {
                        assert_ne!(alias, right, "{changed}");
                        let later = at == 7 && ('2'..='9').contains(&typed);
                        let kind =
                            if later { ErrorKind::Unsupported } else { ErrorKind::Malformed };
                        assert_eq!(error.kind(), kind, "{changed}");
                        assert!(!error.to_string().contains(&text[9..]));
                    }
                }
            }
        }
    }
}

#[test]
fn lost_doubled_and_exchanged_characters_are_found() {
    let text = KNOWN[2].0.replace('-', "");
    for at in 0..text.len() {
        let (head, tail) = text.split_at(at);
        assert!(Share::from_text(&format!("{head}{}", &tail[1..])).is_err());
        assert!(Share::from_text(&format!("{head}{}{tail}", &tail[..1])).is_err());
        let mut exchanged: Vec<_> = text.chars().collect();
        if let Some(next) = exchanged.get(at + 1).copied().filter(|next| *next != exchanged[at]) {
            exchanged[at + 1] = exchanged[at];
            exchanged[at] = next;
            assert!(Share::from_text(&exchanged.iter().collect::<String>()).is_err());
        }
    }
}

#[test]
fn errors_say_what_is_wrong_with_a_text() {
    let text = KNOWN[0].0;
    for (bad, kind, why) in [
        ("", ErrorKind::Malformed, "begins with FSSHARE1"),
        ("FSSHARE", ErrorKind::Malformed, "begins with FSSHARE1"),
        ("fsk1.AAAA", ErrorKind::Malformed, "begins with FSSHARE1"),
        (&text[9..], ErrorKind::Malformed, "begins with FSSHARE1"),
        (&text.replace("FSSHARE1", "FSSHARE0"), ErrorKind::Malformed, "begins with FSSHARE1"),
        (&text.replace("FSSHARE1", "FSSHARE2"), ErrorKind::Unsupported, "update fieldseal"),
        ("FSSHARE2", ErrorKind::Unsupported, "version 2"),
        ("FSSHARE1", ErrorKind::Malformed, "76 characters behind FSSHARE1, in groups of 4"),
        (&text[..98], ErrorKind::Malformed, "this one has 72"),
        (&format!("{text}-0000"), ErrorKind::Malformed, "this one has 80"),
        (&text.replace("-BEDY-", "-BEUY-"), ErrorKind::Malformed, "group 6 behind FSSHARE1"),
        // Spare bits: the last symbol is 0 or G.
        (&text.replace("WCSG", "WCSH"), ErrorKind::Malformed, "group 19 behind FSSHARE1"),
        (&text.replace("WCSG", "WCS0"), ErrorKind::Malformed, "typing error"),
        (&text.replace("DWFX", "DWFY"), ErrorKind::Malformed, "typing error"),
        (&"-".repeat(MAX_TEXT + 1), ErrorKind::Malformed, "more than 1024 bytes"),
        (&format!("{text}{}", "\u{a0}".repeat(500)), ErrorKind::Malformed, "more than 1024 bytes"),
    ] {
        let (found, said) = misread(bad);
        assert!(found == kind && said.contains(why), "{bad}: {said}");
    }
}

#[test]
fn a_text_with_impossible_numbers_is_refused() {
    // As made by someone who can compute checksums.
    for (threshold, shares, index) in [
        (0, 5, 1),
        (1, 5, 1),
        (17, 20, 1),
        (3, 2, 1),
        (2, 33, 1),
        (2, 3, 0),
        (2, 3, 4),
        (255, 255, 255),
    ] {
        let share = Share { set: SET, threshold, shares, index, value: key(1) };
        let (kind, said) = misread(&share.to_text());
        assert_eq!(kind, ErrorKind::Malformed);
        assert!(said.contains("no such share is made"), "{said}");
    }
}

#[test]
fn tags_and_checksums_are_of_one_share_only() {
    let shares = made(2, 32);
    let all: BTreeSet<_> = tags(&shares).into_iter().collect();
    assert_eq!(all.len(), 32);
    for share in &shares {
        let value = share.value.expose();
        assert!(!value.windows(8).any(|window| window == tag(share)));
        assert_ne!(share.checksum().expose(), &tag(share)[..4]);
    }
}

#[test]
fn nothing_of_a_share_is_printed() {
    let share = Share::from_text(KNOWN[3].0).unwrap();
    assert_eq!(format!("{share:?}"), "Share { index: 4, threshold: 3, shares: 5, .. }");
    const { assert!(core::mem::needs_drop::<Share>()) };
}

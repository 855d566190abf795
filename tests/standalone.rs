//! Standalone envelopes: bytes sealed without a record, under a context.

// Without `std` there is no clock but one that the caller gives.
#![cfg(feature = "std")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;
#[path = "standalone/rewrap.rs"]
mod rewrap;

use common::bytes::{self, Ent, Env, Live, derive, encrypt, erased};
use common::*;
use fieldseal::audit::Action;
use fieldseal::keyring::{KeyState, KeyUse};
use fieldseal::{Access, DataKeys, ErrorKind, KeyRing};

const CONTEXT: &[u8] = b"invoice 7";
const DATA_KEY: [u8; 32] = [3; 32];

fn at(ring: &KeyRing) -> Access<'_> {
    Access::new(ring).at(NOW)
}

/// `[SA-1]` The key envelope and the sealed field.
fn parts(sealed: &[u8]) -> (&[u8], &[u8]) {
    assert_eq!(sealed[0], 0xF7);
    let len = usize::from(u16::from_be_bytes([sealed[1], sealed[2]]));
    sealed[3..].split_at(len)
}

fn joined(envelope: &[u8], field: &[u8]) -> Vec<u8> {
    let len = u16::try_from(envelope.len()).unwrap();
    [&[0xF7][..], &len.to_be_bytes(), envelope, field].concat()
}

/// The head of a byte string, in its shortest form.
fn byte_string(bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).unwrap();
    let mut item = match len {
        0..24 => vec![0x40 | u8::try_from(len).unwrap()],
        24..256 => vec![0x58, u8::try_from(len).unwrap()],
        256..65_536 => {
            let [_, _, a, b] = len.to_be_bytes();
            vec![0x59, a, b]
        }
        _ => [&[0x5A][..], &len.to_be_bytes()].concat(),
    };
    item.extend(bytes);
    item
}

/// `[SA-3]`
fn aad(head: &[u8], context: &[u8]) -> Vec<u8> {
    let len = u16::try_from(context.len()).unwrap();
    [head, &[2], &len.to_be_bytes(), context].concat()
}

/// A sealed field under the tests' data key, of this plaintext: item and padding.
fn field(live: &Live, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let (key, commitment) = derive(&DATA_KEY, "", b"", &live.class, live.generation);
    let head = [&[0xF5][..], &commitment[..4]].concat();
    let body = encrypt(&key, &[5; 24], &aad(&head, context), plaintext);
    [head, body].concat()
}

/// A generation of the tests' data key for role `app`, of this class and number.
fn generation(class: &str, number: u16) -> Live {
    let live = Live::bound(class, number, &DATA_KEY, "", b"");
    let recipient = live.kind_1(APP, &DATA_KEY, "", b"");
    live.with([recipient])
}

/// A standalone envelope by hand.
fn by_hand(entries: &[Ent], field: &[u8]) -> Vec<u8> {
    let envelope = Env::of(entries.iter().cloned()).write_for("", b"");
    joined(&envelope, field)
}

fn padded(item: &[u8]) -> Vec<u8> {
    let mut out = item.to_vec();
    out.resize(item.len().next_multiple_of(16), 0);
    out
}

#[test]
fn what_was_sealed_opens() {
    let ring = KeyRing::generate().unwrap();
    for len in [0, 1, 14, 15, 16, 22, 23, 24, 255, 256, 511, 1023, 1025, 65_535, 65_536, 102_400] {
        let value: Vec<u8> = (0..=255).cycle().take(len).collect();
        let sealed = ring.seal(CONTEXT, &value).unwrap();
        assert_eq!(ring.open(CONTEXT, &sealed).unwrap().expose(), value, "{len}");
        let item = byte_string(&value).len();
        assert_eq!(sealed.len(), 222 + item.next_multiple_of(16), "{len}");
    }
}

/// `[SA-1]` to `[SA-3]`, `[SA-6]`, `[SF-1]`, `[PAD-1]`, by the tests' own reader.
#[test]
fn what_is_written_is_what_the_format_says() {
    let ring = admin();
    for context in [&b""[..], CONTEXT, &[0xFF; 65_535]] {
        let sealed = at(&ring).tenant("acme").seal(context, b"four score").unwrap();
        let (envelope, field) = parts(&sealed);
        let env = Env::parse_for(envelope, "acme", b"");
        assert_eq!((env.version, env.entries.len()), (1, 1));
        let live = env.entries[0].live();
        assert_eq!((&live.class[..], live.generation), (&b"standalone"[..], 1));
        assert_eq!((live.created_at, live.expires_at), (NOW, 0));
        assert_eq!(live.recipients[0].key_id, APP);
        let data_key = live.unwrap(&live.recipients[0], "acme", b"").unwrap();
        let (key, commitment) = derive(&data_key, "acme", b"", b"standalone", 1);
        assert_eq!(field[..5], [&[0xF5][..], &commitment[..4]].concat());
        assert_eq!(field[21..29], [0; 8], "one value: the counter is 0");
        let plaintext = bytes::decrypt(&key, &aad(&field[..5], context), &field[5..]);
        assert_eq!(plaintext.unwrap(), padded(&byte_string(b"four score")));
    }
}

#[test]
fn a_hand_made_envelope_opens() {
    let live = generation("standalone", 1);
    let sealed =
        |plaintext: &[u8]| by_hand(&[Ent::Live(live.clone())], &field(&live, CONTEXT, plaintext));
    let opened = |plaintext: &[u8]| admin().open(CONTEXT, &sealed(plaintext));
    assert_eq!(opened(&padded(&byte_string(b"abc"))).unwrap().expose(), b"abc");
    // `[PAD-2]` Any number of zeros.
    for zeros in [0, 1, 7, 700] {
        let plaintext = [byte_string(b"abc"), vec![0; zeros]].concat();
        assert_eq!(opened(&plaintext).unwrap().expose(), b"abc");
    }
    // `[OP-1]` e and f, over what is authentic: strict, and of one type.
    for (plaintext, expected) in [
        (&b"\x43abc\x01"[..], ErrorKind::Malformed),
        (b"\x43abc\0\0\x01\0", ErrorKind::Malformed),
        (b"\x43ab", ErrorKind::Malformed),
        (b"\x58\x03abc", ErrorKind::Malformed),
        (b"\x5F\x43abc\xFF", ErrorKind::Malformed),
        (b"\x5B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", ErrorKind::Malformed),
        (b"\xF7", ErrorKind::Malformed),
        (b"\xC0\x43abc", ErrorKind::Malformed),
        (b"\x63abc", ErrorKind::TypeMismatch),
        (b"\x83\x01\x02\x03", ErrorKind::TypeMismatch),
        (b"\0", ErrorKind::TypeMismatch),
        (b"\xF6", ErrorKind::TypeMismatch),
        (b"\xD8\x25\x50aaaaaaaaaaaaaaaa", ErrorKind::TypeMismatch),
    ] {
        assert_eq!(kind(opened(plaintext)), expected, "{plaintext:x?}");
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let ring = admin();
    let sealed = at(&ring).seal_for(&["app", "medical"], CONTEXT, b"four score").unwrap();
    let (envelope, field) = parts(&sealed);
    let (envelope, len) = (envelope.len(), sealed.len());
    assert_eq!(field[0], 0xF5);
    let key_id = 3 + envelope - 20..3 + envelope - 16;
    for bit in 0..len * 8 {
        let mut altered = sealed.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let kind = kind(at(&ring).open(CONTEXT, &altered));
        let expected = match bit / 8 {
            0 if altered[0] >= 0xF8 => ErrorKind::Unsupported,
            0 => ErrorKind::NotSealed,
            // A length that no sealed field follows, unless the byte there happens to be its first.
            1 | 2 => {
                let told = matches!(kind, ErrorKind::Malformed | ErrorKind::WrongKey);
                assert!(told, "bit {bit}: {kind}");
                continue;
            }
            3 => ErrorKind::Malformed,
            at if key_id.contains(&at) => ErrorKind::WrongKey,
            at if at < 3 + envelope => ErrorKind::Tampered,
            // The first byte of the field, then its tag (SA-4).
            at if at < 3 + envelope + 5 => ErrorKind::Malformed,
            _ => ErrorKind::Tampered,
        };
        assert_eq!(kind, expected, "bit {bit}");
    }
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let ring = admin();
    let sealed = at(&ring).seal(CONTEXT, b"four score").unwrap();
    let envelope = parts(&sealed).0.len();
    for len in 0..sealed.len() {
        let expected = match len {
            0 => ErrorKind::NotSealed,
            len if len < 3 + envelope + 46 => ErrorKind::Malformed,
            _ => ErrorKind::Tampered,
        };
        assert_eq!(kind(ring.open(CONTEXT, &sealed[..len])), expected, "{len}");
    }
    for byte in [0, 1, 0xF5, 0xFF] {
        let longer = [&sealed[..], &[byte]].concat();
        assert_eq!(kind(ring.open(CONTEXT, &longer)), ErrorKind::Tampered);
    }
    // `[SA-5]` a, b
    for first in 0..=0xFF {
        let opened = kind(ring.open(CONTEXT, &[first]));
        let expected = match first {
            0xF8.. => ErrorKind::Unsupported,
            0xF7 => ErrorKind::Malformed,
            _ => ErrorKind::NotSealed,
        };
        assert_eq!(opened, expected, "{first}");
    }
    for text in [&b"fs1.9w"[..], b"plain text", &[0; 300]] {
        assert_eq!(kind(ring.open(CONTEXT, text)), ErrorKind::NotSealed);
    }
}

#[test]
fn another_context_or_tenant_is_tampered() {
    let ring = admin();
    let contexts: [&[u8]; 6] = [b"", b"\0", b"a", b"ab", b"b", b"a\0"];
    let tenants = ["", "a", "ab"];
    for sealed_context in contexts {
        for sealed_tenant in tenants {
            let access = at(&ring).tenant(sealed_tenant);
            let sealed = access.seal(sealed_context, b"value").unwrap();
            for context in contexts {
                for tenant in tenants {
                    let opened = at(&ring).tenant(tenant).open(context, &sealed);
                    if (context, tenant) == (sealed_context, sealed_tenant) {
                        assert_eq!(opened.unwrap().expose(), b"value");
                    } else {
                        assert_eq!(kind(opened), ErrorKind::Tampered, "{context:?} {tenant}");
                    }
                }
            }
        }
    }
}

/// `[SA-6]`
#[test]
fn a_context_beyond_65_535_bytes_is_invalid_input() {
    let ring = admin();
    let (longest, longer) = (vec![7; 65_535], vec![7; 65_536]);
    let sealed = ring.seal(&longest, b"value").unwrap();
    assert_eq!(ring.open(&longest, &sealed).unwrap().expose(), b"value");
    assert_eq!(kind(ring.seal(&longer, b"value")), ErrorKind::InvalidInput);
    assert_eq!(kind(ring.open(&longer, &sealed)), ErrorKind::InvalidInput);
}

#[test]
fn only_the_named_readers_open() {
    let ring = admin();
    for (readers, opens, refused) in [
        (&["app"][..], &["app"][..], &["support", "medical"][..]),
        (&["medical"], &["medical"], &["app", "billing"]),
        (&["support", "medical"], &["support", "medical"], &["app"]),
    ] {
        let sealed = at(&ring).seal_for(readers, CONTEXT, b"value").unwrap();
        for role in opens {
            let own = service(&[role]);
            assert_eq!(at(&own).open_for(readers, CONTEXT, &sealed).unwrap().expose(), b"value");
            assert_eq!(at(&own).open_for(&[role], CONTEXT, &sealed).unwrap().expose(), b"value");
        }
        for role in refused {
            let own = service(&[role]);
            for expected in [readers, &[role]] {
                let opened = at(&own).open_for(expected, CONTEXT, &sealed);
                assert_eq!(kind(opened), ErrorKind::NotPermitted, "{role}");
            }
        }
    }
    // A writer half seals what its ring cannot open.
    let app = service(&["app"]);
    let sealed = at(&app).seal_for(&["medical"], CONTEXT, b"value").unwrap();
    let opened = at(&app).open_for(&["medical"], CONTEXT, &sealed);
    assert_eq!(kind(opened), ErrorKind::NotPermitted);
    let medical = service(&["medical"]);
    assert_eq!(at(&medical).open_for(&["medical"], CONTEXT, &sealed).unwrap().expose(), b"value");
}

/// `[SA-5]` The opener says whose envelope it expects; without saying so, it expects `app`'s. A role
/// that is not expected opens nothing, though the ring holds its key.
#[test]
fn only_the_expected_readers_count() {
    let ring = admin();
    let sealed = at(&ring).seal_for(&["support", "medical"], CONTEXT, b"value").unwrap();
    for (expected, opens) in [
        (&["app"][..], false),
        (&["app", "billing"], false),
        (&[], false),
        (&["nobody"], false),
        (&["support"], true),
        (&["app", "medical"], true),
    ] {
        let opened = at(&ring).open_for(expected, CONTEXT, &sealed);
        match opened {
            Ok(opened) => assert!(opens && opened.expose() == b"value", "{expected:?}"),
            Err(error) => {
                assert_eq!((error.kind(), opens), (ErrorKind::NotPermitted, false), "{expected:?}");
            }
        }
    }
    for opened in [ring.open(CONTEXT, &sealed), at(&ring).open(CONTEXT, &sealed)] {
        let error = opened.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotPermitted);
        assert!(error.to_string().contains("`app`"), "{error}");
    }
    // A forged recipient of a role that is not expected is passed over.
    let mut live = generation("standalone", 1);
    let mut forged = live.kind_1(SUPPORT, &DATA_KEY, "", b"");
    forged.wrapped.fill(0);
    live = live.with([forged]);
    let field = field(&live, CONTEXT, &padded(&byte_string(b"value")));
    let sealed = by_hand(&[Ent::Live(live)], &field);
    assert_eq!(ring.open(CONTEXT, &sealed).unwrap().expose(), b"value");
    let opened = at(&ring).open_for(&["support"], CONTEXT, &sealed);
    assert_eq!(kind(opened), ErrorKind::Tampered);
}

#[test]
fn opened_bytes_print_their_length_alone() {
    let ring = KeyRing::generate().unwrap();
    let sealed = ring.seal(CONTEXT, b"four score").unwrap();
    let opened = ring.open(CONTEXT, &sealed).unwrap();
    assert_eq!(format!("{opened:?} {opened:#?}"), "Plaintext(10 bytes) Plaintext(10 bytes)");
    assert_eq!(opened.expose().len(), 10);
    assert_eq!(opened.into_bytes(), b"four score");
}

#[test]
fn readers_that_cannot_be_are_refused() {
    let ring = admin();
    for (readers, expected) in [
        (&[][..], ErrorKind::Declaration),
        (&["app", "app"], ErrorKind::Declaration),
        (&["app", "support", "app"], ErrorKind::Declaration),
        (&["nobody"], ErrorKind::MissingKey),
        (&["app", "App"], ErrorKind::Declaration),
        (&[""], ErrorKind::Declaration),
    ] {
        let sealed = at(&ring).seal_for(readers, CONTEXT, b"value");
        assert_eq!(kind(sealed), expected, "{readers:?}");
    }
    // `[SA-5]` Whom the opener expects is looked at before what is to be opened.
    for readers in [&["app", "app"][..], &["support", "app", "support"], &["App"], &[""]] {
        let opened = at(&ring).open_for(readers, CONTEXT, b"nothing sealed");
        assert_eq!(kind(opened), ErrorKind::Declaration, "{readers:?}");
    }
    assert_eq!(kind(service(&["support"]).seal(CONTEXT, b"")), ErrorKind::MissingKey);
    assert_eq!(kind(KeyRing::empty().seal(CONTEXT, b"")), ErrorKind::MissingKey);
}

/// `[SA-4]`, `[SA-5]` d: the inner structure, under a right MAC.
#[test]
fn another_inner_structure_is_malformed() {
    let right = generation("standalone", 1);
    let plaintext = padded(&byte_string(b"value"));
    let right_field = field(&right, CONTEXT, &plaintext);
    let tag: [u8; 4] = right.commitment[..4].try_into().unwrap();
    let other = Live::bound("standalone", 1, &[9; 32], "", b"");
    let other = other.clone().with([other.kind_1(APP, &[9; 32], "", b"")]);
    let of = |live: &Live| field(live, CONTEXT, &plaintext);
    let (letters, second) = (generation("letters", 1), generation("standalone", 2));
    for (what, entries, field) in [
        ("another class", vec![Ent::Live(letters.clone())], of(&letters)),
        ("another generation", vec![Ent::Live(second.clone())], of(&second)),
        ("another tag", vec![Ent::Live(other)], right_field.clone()),
        ("erased", vec![erased("standalone", 1, tag)], right_field.clone()),
        ("the subject erased", vec![Ent::Subject(NOW)], right_field.clone()),
        (
            "erased and the subject too",
            vec![erased("standalone", 1, tag), Ent::Subject(NOW)],
            right_field.clone(),
        ),
        ("two entries", vec![Ent::Live(right.clone()), Ent::Live(second)], right_field.clone()),
        (
            "an erased class beside it",
            vec![erased("a", 1, [1; 4]), Ent::Live(right.clone())],
            right_field.clone(),
        ),
    ] {
        let opened = admin().open(CONTEXT, &by_hand(&entries, &field));
        assert_eq!(kind(opened), ErrorKind::Malformed, "{what}");
    }
    let opened = admin().open(CONTEXT, &by_hand(&[Ent::Live(right)], &right_field));
    assert_eq!(opened.unwrap().expose(), b"value");
}

/// `[SA-2]`: a record's key envelope is its subject's, and a standalone one nobody's.
#[test]
fn key_envelopes_of_records_and_standalone_ones_do_not_mix() {
    let ring = admin();
    let record = envelope(&[NOTES]);
    let sealed = at(&ring).seal(CONTEXT, b"value").unwrap();
    let (inner, field) = parts(&sealed);
    let glued = joined(record.as_bytes(), field);
    assert_eq!(kind(ring.open(CONTEXT, &glued)), ErrorKind::Tampered);
    let lifted = fieldseal::KeyEnvelope::from_bytes(inner);
    assert_eq!(kind(lifted.unwrap(&ring, 42)), ErrorKind::Tampered);
    assert_eq!(kind(lifted.edit(&ring, 42)), ErrorKind::Tampered);
    // No id that a caller can make is the empty subject.
    assert_eq!(kind(lifted.unwrap(&ring, "")), ErrorKind::InvalidInput);

    // Signed by an insider as nobody's, it is still no standalone envelope, nor does its key open.
    let resigned = Env::parse(record.as_bytes()).write_for("", b"");
    let opened = ring.open(CONTEXT, &joined(&resigned, field));
    assert_eq!(kind(opened), ErrorKind::Malformed);
}

#[test]
fn the_sealed_field_lifted_out_opens_nowhere_else() {
    let ring = admin();
    let a = at(&ring).seal(CONTEXT, b"value a").unwrap();
    let b = at(&ring).seal(CONTEXT, b"value b").unwrap();
    let ((a_keys, a_field), (b_keys, b_field)) = (parts(&a), parts(&b));
    assert_eq!(kind(ring.open(CONTEXT, a_field)), ErrorKind::NotSealed);
    assert_eq!(kind(ring.open(CONTEXT, a_keys)), ErrorKind::NotSealed);
    for (keys, field) in [(a_keys, b_field), (b_keys, a_field)] {
        let opened = ring.open(CONTEXT, &joined(keys, field));
        assert_eq!(kind(opened), ErrorKind::Malformed);
        // With the tag of the envelope that it is put under, too.
        let tag = if keys == a_keys { &a_field[1..5] } else { &b_field[1..5] };
        let field = [&field[..1], tag, &field[5..]].concat();
        let opened = ring.open(CONTEXT, &joined(keys, &field));
        assert_eq!(kind(opened), ErrorKind::Tampered);
    }
}

/// `[RT-5]`, exact: now == expires_at is expired, a second before is not.
#[test]
fn opening_stops_exactly_at_the_expiry() {
    let mut live = Live::bound("standalone", 1, &DATA_KEY, "", b"");
    live.expires_at = NOW + 100;
    let live = live.clone().with([live.kind_1(APP, &DATA_KEY, "", b"")]);
    let field = field(&live, CONTEXT, &padded(&byte_string(b"value")));
    let sealed = by_hand(&[Ent::Live(live)], &field);
    let ring = admin();
    for (now, open) in
        [(0, true), (NOW + 99, true), (NOW + 100, false), (NOW + 101, false), (u64::MAX, false)]
    {
        let opened = Access::new(&ring).at(now).open(CONTEXT, &sealed);
        let opened = opened.map(drop).map_err(|error| error.kind());
        let expected = if open { Ok(()) } else { Err(ErrorKind::Expired) };
        assert_eq!(opened, expected, "{now}");
    }
    // `[OP-1]` c5 comes before c6: who may not read is not told of the expiry.
    let other = service(&["support"]);
    let opened = Access::new(&other).at(NOW + 100).open(CONTEXT, &sealed);
    assert_eq!(kind(opened), ErrorKind::NotPermitted);
}

/// `[OP-1]` c3, c4
#[test]
fn an_unknown_suite_and_a_forged_recipient_are_told_apart() {
    let live = generation("standalone", 1);
    let field = field(&live, CONTEXT, &padded(&byte_string(b"value")));
    let mut other = live.clone();
    other.suite = 2;
    let opened = admin().open(CONTEXT, &by_hand(&[Ent::Live(other)], &field));
    assert_eq!(kind(opened), ErrorKind::Unsupported);
    let mut forged = live;
    forged.recipients[0].wrapped[30] ^= 1;
    let opened = admin().open(CONTEXT, &by_hand(&[Ent::Live(forged)], &field));
    assert_eq!(kind(opened), ErrorKind::Tampered);
}

/// `[AS-1]`
#[test]
fn what_is_sealed_already_is_refused() {
    let ring = admin();
    let standalone = at(&ring).seal(CONTEXT, b"value").unwrap();
    let record = envelope(&[NOTES]);
    let parsed_only = by_hand(
        &[Ent::Live(generation("standalone", 1))],
        &field(&generation("standalone", 1), CONTEXT, &[0; 16]),
    );
    let unsigned = [&record.as_bytes()[..record.as_bytes().len() - 16], &[0; 16]].concat();
    for value in [&standalone, record.as_bytes(), &parsed_only, &unsigned] {
        assert_eq!(kind(at(&ring).seal(CONTEXT, value)), ErrorKind::AlreadySealed);
    }
}

/// `[AS-2]`
#[test]
fn nothing_else_is_taken_for_sealed() {
    let ring = admin();
    let standalone = at(&ring).seal(CONTEXT, b"value").unwrap();
    let record = envelope(&[NOTES]);
    let text = record.to_text();
    let cut = &standalone[..standalone.len() - 46];
    let longer = [record.as_bytes(), &[0]].concat();
    for value in [
        b"fs1.hello",
        text.as_bytes(),
        parts(&standalone).1,
        cut,
        &longer,
        &[0xF5; 100],
        &[0xF6; 100],
        &[0xF7; 100],
        &[0xF8; 100],
    ] {
        let sealed = at(&ring).seal(CONTEXT, value).unwrap();
        assert_eq!(ring.open(CONTEXT, &sealed).unwrap().expose(), value);
    }
}

/// `[SA-7]`
#[test]
fn no_version_floor_applies() {
    let ring = admin();
    let sealed = at(&ring).version_floor(9).seal(CONTEXT, b"value").unwrap();
    let opened = at(&ring).version_floor(u64::MAX).open(CONTEXT, &sealed);
    assert_eq!(opened.unwrap().expose(), b"value");
}

/// `[SA-5]` c: the envelope key's state, as for any key envelope.
#[test]
fn the_state_of_the_envelope_key_counts() {
    let sealed = at(&admin()).seal(CONTEXT, b"value").unwrap();
    for (state, expected) in [
        (KeyState::OpenOnly, None),
        (KeyState::Disabled, Some(ErrorKind::WrongKey)),
        (KeyState::Compromised, Some(ErrorKind::NotPermitted)),
        (KeyState::Destroyed, Some(ErrorKind::WrongKey)),
    ] {
        let mut ring = admin();
        put(&mut ring, ENVELOPE, state);
        let opened = ring.open(CONTEXT, &sealed).map_err(|error| error.kind());
        assert_eq!(opened.err(), expected, "{state}");
        let rescued = at(&ring).rescue().open(CONTEXT, &sealed);
        let opens = matches!(state, KeyState::OpenOnly | KeyState::Compromised);
        assert_eq!(rescued.is_ok(), opens, "{state}");
        assert_eq!(kind(ring.seal(CONTEXT, b"value")), ErrorKind::MissingKey);
        ring.rotate(KeyUse::Wrap, "app").unwrap();
    }
}

#[test]
fn two_seals_of_one_value_share_nothing() {
    let ring = admin();
    let sealed: Vec<Vec<u8>> = (0..50).map(|_| ring.seal(b"", b"").unwrap()).collect();
    let mut fields: Vec<&[u8]> = sealed.iter().map(|one| &parts(one).1[1..21]).collect();
    fields.sort_unstable();
    fields.dedup();
    assert_eq!(fields.len(), 50);
}

#[test]
fn the_audit_is_told_before_anything_is_returned() {
    let ring = admin();
    let log = Log::default();
    let access = at(&ring).audit(&log);
    let sealed = access.seal(CONTEXT, b"value").unwrap();
    access.open(CONTEXT, &sealed).unwrap();
    assert!(access.open(b"other", &sealed).is_err());
    assert!(access.seal_for(&["nobody"], CONTEXT, b"").is_err());
    let line = |action, outcome| (action, vec!["standalone".to_owned()], outcome);
    let expected = [
        line(Action::SealStandalone, Ok(())),
        line(Action::OpenStandalone, Ok(())),
        line(Action::OpenStandalone, Err(ErrorKind::Tampered)),
        line(Action::SealStandalone, Err(ErrorKind::MissingKey)),
    ];
    assert_eq!(log.told(), expected);
    assert!(DataKeys::create(access, 42, [NOTES]).is_ok());
}

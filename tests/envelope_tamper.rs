//! Every small change to the bytes of an envelope: never a panic, never accepted, and refused as
//! FORMAT.md says; without the MAC, and with one remade by an insider who holds the envelope key.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{Ent, Env, remade};
use common::*;
use fieldseal::{Access, Class, DataKeys, ErrorKind, KeyEnvelope, KeyRing};

type Change = fn(&mut Env);

const MIXED: Class = Class::new("mixed").readers(&["app", "medical"]);

/// Three classes, two generations of one, recipients of both kinds, and an erased entry.
fn original() -> Vec<u8> {
    let ring = admin();
    let classes = [CONTACT, MIXED, FINANCIAL];
    let keys = DataKeys::create(Access::new(&ring).at(NOW), 42, classes).unwrap();
    let stored = edited(Access::new(&ring).at(NOW), keys.envelope(), |edit| {
        edit.renew(MIXED)?;
        edit.erase_class("financial")
    });
    // Version 3, of which no single bit makes 0.
    let env = Env { version: 3, ..Env::parse(stored.as_bytes()) };
    env.write()
}

/// What unwrapping answers; that inspecting and editing do not panic; what inspecting answers.
fn answers(ring: &KeyRing, bytes: &[u8]) -> (Result<DataKeys, ErrorKind>, Option<ErrorKind>) {
    let stored = KeyEnvelope::from_bytes(bytes);
    let access = Access::new(ring).at(NOW);
    let keys = stored.unwrap(access, 42).map_err(|error| error.kind());
    let edit = stored.edit(access, 42).map_err(|error| error.kind());
    assert_eq!(keys.as_ref().err(), edit.as_ref().err());
    (keys, stored.inspect().err().map(|error| error.kind()))
}

/// What opens of an envelope.
fn open_count(keys: &DataKeys) -> usize {
    reach(keys).iter().filter(|(_, reach)| reach == "open").count()
}

#[test]
fn every_flipped_bit_is_refused() {
    let (ring, bytes) = (admin(), original());
    let key_id = bytes.len() - 20..bytes.len() - 16;
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let expected = match (bit / 8, altered[0]) {
            (0, 0xF8..) => ErrorKind::Unsupported,
            (0, _) => ErrorKind::NotSealed,
            (at, _) if key_id.contains(&at) => ErrorKind::WrongKey,
            _ => ErrorKind::Tampered,
        };
        let (keys, _) = answers(&ring, &altered);
        assert_eq!(keys.err(), Some(expected), "bit {bit}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let (ring, bytes) = (admin(), original());
    for len in 0..bytes.len() {
        let (keys, inspected) = answers(&ring, &bytes[..len]);
        let expected = match len {
            0 => ErrorKind::NotSealed,
            1..40 => ErrorKind::Malformed,
            // What now stands at L−20 is no key id, but for a chance of 2^-32.
            _ => ErrorKind::WrongKey,
        };
        assert_eq!(keys.err(), Some(expected), "{len}");
        assert!(inspected.is_some(), "{len}");
    }
    for start in 1..bytes.len() {
        let (keys, inspected) = answers(&ring, &bytes[start..]);
        assert!(keys.is_err() && inspected.is_some(), "{start}");
    }
}

#[test]
fn every_byte_behind_the_end_is_refused() {
    let (ring, bytes) = (admin(), original());
    for byte in 0..=255 {
        let mut longer = bytes.clone();
        longer.push(byte);
        let (keys, inspected) = answers(&ring, &longer);
        assert_eq!(keys.err(), Some(ErrorKind::WrongKey), "{byte}");
        assert_eq!(inspected, Some(ErrorKind::Malformed), "{byte}");
    }
    let (keys, _) = answers(&ring, &[&bytes[..], &[0; 70_000]].concat());
    assert_eq!(keys.err(), Some(ErrorKind::Malformed));
}

#[test]
fn every_inserted_or_removed_byte_is_refused() {
    let (ring, bytes) = (admin(), original());
    for at in 1..bytes.len() - 20 {
        let mut altered = bytes.clone();
        altered.insert(at, 0);
        let (keys, _) = answers(&ring, &altered);
        assert_eq!(keys.err(), Some(ErrorKind::Tampered), "{at}");
        let mut altered = bytes.clone();
        altered.remove(at);
        let (keys, _) = answers(&ring, &altered);
        assert_eq!(keys.err(), Some(ErrorKind::Tampered), "{at}");
    }
}

/// Where a bit of the covered bytes stands, by what it means.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Version,
    /// A count, a kind, a length, a class, a generation: the frame of the parser.
    Frame,
    /// Of a live entry: what its wrapped keys are bound to, or the wrapped keys themselves.
    Bound,
    ErasedTag,
    ErasedTime,
}

/// The place of every byte from the version on to the last entry.
fn places(bytes: &[u8]) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut put = |place: fn() -> Place, len: usize| {
        places.extend(std::iter::repeat_with(place).take(len));
    };
    put(|| Place::Version, 8);
    put(|| Place::Frame, 2);
    for entry in Env::parse(bytes).entries {
        match entry {
            Ent::Live(live) => {
                put(|| Place::Frame, 1 + 1 + live.class.len() + 2);
                put(|| Place::Bound, 1 + 8 + 8 + 32);
                put(|| Place::Frame, 1);
                for recipient in live.recipients {
                    put(|| Place::Frame, 1 + 4 + 2);
                    put(|| Place::Bound, recipient.wrapped.len());
                }
            }
            Ent::Erased { class, .. } => {
                put(|| Place::Frame, 1 + 1 + class.len() + 2);
                put(|| Place::ErasedTag, 4);
                put(|| Place::ErasedTime, 8);
            }
            other => panic!("{other:?}"),
        }
    }
    places
}

/// An insider with the envelope key can remake the MAC; he still opens nothing, and forges no key.
#[test]
fn every_flipped_bit_under_a_remade_mac_forges_nothing() {
    let (ring, bytes) = (admin(), original());
    let all = open_count(&answers(&ring, &bytes).0.unwrap());
    assert_eq!(all, 3);
    let places = places(&bytes);
    assert_eq!(places.len(), bytes.len() - 21);
    let alone = service(&["support"]);
    for (at, place) in places.iter().enumerate() {
        // Every bit of the frame; of long random bytes one in each, in turn.
        let bits = match place {
            Place::Frame => 0..8,
            _ => at % 8..at % 8 + 1,
        };
        for bit in bits {
            let mut altered = bytes.clone();
            altered[1 + at] ^= 1 << bit;
            let altered = remade(altered, &secret(ENVELOPE));
            let (keys, inspected) = answers(&ring, &altered);
            assert_eq!(keys.as_ref().err().copied(), inspected, "{place:?} {at}.{bit}");
            let keys = match keys {
                Ok(keys) => keys,
                Err(kind) => {
                    // A tag that is turned into another's, a version or count of 0, a frame broken.
                    let parsed = matches!(kind, ErrorKind::Malformed | ErrorKind::Unsupported);
                    assert!(parsed && *place == Place::Frame, "{place:?} {at}.{bit}: {kind}");
                    continue;
                }
            };
            match place {
                Place::Version | Place::ErasedTag | Place::ErasedTime => {
                    assert_eq!(open_count(&keys), all, "{place:?} {at}.{bit}");
                }
                // A wrapped key altered, or what it is bound to: that recipient opens no more.
                Place::Bound => {
                    let reach = reach(&keys);
                    let told = |reach: &str| {
                        matches!(reach, "open" | "tampered" | "unsupported" | "erased")
                    };
                    assert!(reach.iter().all(|(_, reach)| told(reach)), "{reach:?}");
                }
                // Parsed still: another class, generation, kind or key id. Nothing new opens.
                Place::Frame => assert!(open_count(&keys) <= all, "{at}.{bit}"),
            }
            // The only ring of one role: altering what it is bound to always shows.
            if *place == Place::Bound {
                let stored = KeyEnvelope::from_bytes(altered);
                let reach = reached(&alone, &stored, "contact/1");
                assert_eq!(reach == "open", bound_to_other(&bytes, at), "{at}.{bit}");
            }
        }
    }
}

/// Whether the byte stands outside what support's key of `contact/1` is bound to.
fn bound_to_other(bytes: &[u8], at: usize) -> bool {
    let env = Env::parse(bytes);
    let live = env.entries[0].live();
    assert_eq!(live.class, b"contact");
    let start = 10 + 1 + 1 + live.class.len() + 2;
    let of_entry = start..start + 1 + 8 + 8 + 32;
    let own = of_entry.end + 1 + 7 + 72 + 7;
    !of_entry.contains(&at) && !(own..own + 72).contains(&at)
}

/// Each rearrangement of a list: removed, doubled, swapped; with what is to come of it.
fn rearranged<T: Clone>(list: &[T]) -> Vec<(String, Vec<T>, bool)> {
    let mut all = Vec::new();
    for at in 0..list.len() {
        let mut removed = list.to_vec();
        removed.remove(at);
        all.push((format!("{at} removed"), removed, true));
        let mut doubled = list.to_vec();
        doubled.insert(at, list[at].clone());
        all.push((format!("{at} doubled"), doubled, false));
        for other in at + 1..list.len() {
            let mut swapped = list.to_vec();
            swapped.swap(at, other);
            all.push((format!("{at} and {other} swapped"), swapped, false));
        }
    }
    all
}

#[test]
fn entries_removed_doubled_or_swapped_are_refused() {
    let (ring, bytes) = (admin(), original());
    let env = Env::parse(&bytes);
    assert_eq!(env.entries.len(), 4);
    for (what, entries, in_order) in rearranged(&env.entries) {
        let altered = Env { entries, ..env.clone() };
        // By who holds no envelope key: the MAC stays that of the original.
        let mut unsigned = altered.write();
        let mac = unsigned.len() - 16;
        unsigned[mac..].copy_from_slice(&bytes[bytes.len() - 16..]);
        assert_eq!(answers(&ring, &unsigned).0.err(), Some(ErrorKind::Tampered), "{what}");
        // By who does: only dropping an entry goes through (SECURITY.md, section 4), and it opens nothing.
        let (keys, _) = answers(&ring, &altered.write());
        if in_order {
            assert!(open_count(&keys.unwrap()) <= 3, "{what}");
        } else {
            assert_eq!(keys.err(), Some(ErrorKind::Malformed), "{what}");
        }
    }
}

#[test]
fn recipients_removed_doubled_or_swapped_are_refused() {
    let (ring, bytes) = (admin(), original());
    let env = Env::parse(&bytes);
    for position in [0, 2, 3] {
        let live = env.entries[position].live();
        assert_eq!(live.recipients.len(), 2);
        for (what, recipients, in_order) in rearranged(&live.recipients) {
            let mut altered = env.clone();
            altered.entries[position].live_mut().recipients = recipients;
            let mut unsigned = altered.write();
            let mac = unsigned.len() - 16;
            unsigned[mac..].copy_from_slice(&bytes[bytes.len() - 16..]);
            assert_eq!(answers(&ring, &unsigned).0.err(), Some(ErrorKind::Tampered), "{what}");
            let (keys, _) = answers(&ring, &altered.write());
            if in_order {
                assert_eq!(open_count(&keys.unwrap()), 3, "the other reader's is left");
            } else {
                assert_eq!(keys.err(), Some(ErrorKind::Malformed), "{what}");
            }
        }
        // Each other's wrapped key, in place and order: neither fits.
        let mut altered = env.clone();
        let recipients = &mut altered.entries[position].live_mut().recipients;
        let first = recipients[0].clone();
        recipients[0].key_id = recipients[1].key_id;
        recipients[1].key_id = first.key_id;
        recipients.swap(0, 1);
        let (keys, _) = answers(&ring, &altered.write());
        assert_eq!(open_count(&keys.unwrap()), 2, "{position}");
    }
}

/// `[KE-5]`: what a parser refuses, though the MAC is right.
#[test]
fn what_breaks_the_layout_is_malformed_under_a_right_mac() {
    let env = Env::parse(&original());
    let breaks: Vec<(&str, Change)> = vec![
        ("version 0", |env| env.version = 0),
        ("no entries", |env| env.entries.clear()),
        ("count 0", |env| env.count = Some(0)),
        ("one entry too few", |env| env.count = Some(3)),
        ("one entry too many", |env| env.count = Some(5)),
        ("65,535 entries", |env| env.count = Some(65_535)),
        ("bytes behind the last entry", |env| {
            env.entries.push(Ent::Raw(vec![0]));
            env.count = Some(4);
        }),
        ("no recipients", |env| env.entries[0].live_mut().recipients.clear()),
        ("recipient count 0", |env| env.entries[0].live_mut().count = Some(0)),
        ("a recipient too few", |env| env.entries[0].live_mut().count = Some(1)),
        ("a recipient too many", |env| env.entries[3].live_mut().count = Some(3)),
        ("key id 0", |env| env.entries[0].live_mut().recipients[0].key_id = 0),
        ("equal key ids", |env| env.entries[0].live_mut().recipients[1].key_id = APP),
        ("generation 0", |env| env.entries[0].live_mut().generation = 0),
        ("an empty class", |env| env.entries[0].live_mut().class.clear()),
        ("a class in capitals", |env| env.entries[0].live_mut().class = b"Contact".to_vec()),
        ("a class not in UTF-8", |env| env.entries[0].live_mut().class = vec![b'a', 0xFF]),
        ("a class of 65 bytes", |env| env.entries[0].live_mut().class = vec![b'a'; 65]),
        ("kind 1 of 71 bytes", |env| {
            env.entries[0].live_mut().recipients[0].wrapped.truncate(71);
        }),
        ("kind 1 of 73 bytes", |env| env.entries[0].live_mut().recipients[0].wrapped.push(0)),
        ("kind 2 of 72 bytes", |env| env.entries[0].live_mut().recipients[0].kind = 2),
        ("kind 2 of 79 bytes", |env| {
            env.entries[2].live_mut().recipients[1].wrapped.truncate(79);
        }),
        ("a taken tag", |env| {
            let commitment = env.entries[0].live().commitment;
            env.entries[2].live_mut().commitment[..4].copy_from_slice(&commitment[..4]);
        }),
        ("an erased tag taken", |env| {
            let taken = env.entries[0].live().commitment[..4].try_into().unwrap();
            if let Ent::Erased { tag, .. } = &mut env.entries[1] {
                *tag = taken;
            }
        }),
        ("live and erased at once", |env| {
            env.entries.insert(1, bytes::erased("contact", 1, [9; 4]));
        }),
        ("a subject erased beside live entries", |env| env.entries.push(Ent::Subject(NOW))),
        ("an entry behind the subject's erasure", |env| {
            env.entries = vec![Ent::Subject(NOW), env.entries[1].clone()];
        }),
        ("a subject erased twice", |env| {
            env.entries = vec![Ent::Subject(NOW), Ent::Subject(NOW)];
        }),
        ("a longer class before its prefix", |env| {
            env.entries[0].live_mut().class = b"mixed.a".to_vec();
            env.entries.swap(0, 1);
        }),
    ];
    let ring = admin();
    for (what, change) in breaks {
        let mut altered = env.clone();
        change(&mut altered);
        let (keys, inspected) = answers(&ring, &altered.write());
        assert_eq!(keys.err(), Some(ErrorKind::Malformed), "{what}");
        assert_eq!(inspected, Some(ErrorKind::Malformed), "{what}");
    }
}

/// `[LE-3]`, `[KE-3]`, `[RC-3]`, `[EE-2]`: what looks odd and is allowed.
#[test]
fn what_the_layout_allows_is_accepted() {
    let env = Env::parse(&original());
    let allowed: Vec<(&str, Change)> = vec![
        ("times out of order", |env| {
            let live = env.entries[0].live_mut();
            (live.created_at, live.expires_at) = (u64::MAX, 1);
        }),
        ("generations with gaps", |env| env.entries[3].live_mut().generation = 65_535),
        ("a class of 64 bytes", |env| env.entries[3].live_mut().class = vec![b'z'; 64]),
        ("a reserved class", |env| env.entries[3].live_mut().class = b"standalone".to_vec()),
        ("unknown kinds of any length", |env| {
            for (kind, key_id, len) in
                [(0, 0xFFFF_FFFD, 0), (3, 0xFFFF_FFFE, 1), (9, u32::MAX, 9000)]
            {
                let wrapped = vec![kind; len];
                let recipient = bytes::Rec { kind, key_id, wrapped };
                env.entries[0].live_mut().recipients.push(recipient);
            }
        }),
        ("erased entries beside the subject's erasure", |env| {
            env.entries = vec![env.entries[1].clone(), Ent::Subject(0)];
        }),
        ("the subject's erasure alone", |env| env.entries = vec![Ent::Subject(u64::MAX)]),
        ("the last version", |env| env.version = u64::MAX),
    ];
    let ring = admin();
    for (what, change) in allowed {
        let mut altered = env.clone();
        change(&mut altered);
        let (keys, inspected) = answers(&ring, &altered.write());
        assert!(keys.is_ok() && inspected.is_none(), "{what}: {keys:?} {inspected:?}");
    }
    let alone = Env::of([Ent::Subject(NOW)]).write();
    assert_eq!(alone.len(), 40, "the smallest envelope");
}

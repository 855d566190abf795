//! Every bit of a real row, and every length of each of its columns: refused with the error that the
//! format names, never with a panic, never in part.
#![cfg(feature = "derive")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use fieldseal::{Class, ErrorKind, KeyEnvelope, KeyRing, Record, Sealed, SealedRecord as _};

const CONTACT: Class = Class::new("contact");
const FINANCIAL: Class = Class::new("financial").readers(&["billing"]).retain_days(365);

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "customer", single_row, sealed(derive(Clone)))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    email: String,
    #[record(seal(class = CONTACT))]
    phone: Option<String>,
    #[record(seal(class = FINANCIAL, pad = 32, hide_null))]
    card: Option<String>,
    #[record(seal(class = FINANCIAL))]
    limit: u32,
    plan: String,
}

const COLUMNS: usize = 4;

fn ring() -> KeyRing {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_key_pair_role("billing").unwrap();
    ring
}

fn customer() -> Customer {
    Customer {
        id: 42,
        email: "ada@example.com".into(),
        phone: Some("+44 20 7946 0018".into()),
        card: Some("4242 4242 4242 4242".into()),
        limit: 500,
        plan: "plus".into(),
    }
}

fn column(row: &SealedCustomer, n: usize) -> Vec<u8> {
    match n {
        0 => row.email.as_bytes(),
        1 => row.phone.as_ref().unwrap().as_bytes(),
        2 => row.card.as_ref().unwrap().as_bytes(),
        _ => row.limit.as_bytes(),
    }
    .to_vec()
}

fn with_column(row: &SealedCustomer, n: usize, bytes: Vec<u8>) -> SealedCustomer {
    let mut row = row.clone();
    match n {
        0 => row.email = Sealed::from_bytes(bytes),
        1 => row.phone = Some(Sealed::from_bytes(bytes)),
        2 => row.card = Some(Sealed::from_bytes(bytes)),
        _ => row.limit = Sealed::from_bytes(bytes),
    }
    row
}

/// The kind for a changed first byte.
fn of_first_byte(byte: u8) -> ErrorKind {
    if byte >= 0xF8 { ErrorKind::Unsupported } else { ErrorKind::NotSealed }
}

#[test]
fn every_flipped_bit_of_a_sealed_field_is_refused() {
    let ring = ring();
    let row = customer().seal_new(&ring).unwrap();
    assert_eq!(row.open(&ring, 42).unwrap(), customer());
    for n in 0..COLUMNS {
        let bytes = column(&row, n);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let expected = match bit / 8 {
                0 => of_first_byte(flipped[0]),
                1..5 => ErrorKind::WrongKey,
                _ => ErrorKind::Tampered,
            };
            let error = with_column(&row, n, flipped).open(&ring, 42).unwrap_err();
            assert_eq!(error.kind(), expected, "column {n}, bit {bit}");
            assert_eq!(error.record(), Some("customer"));
            assert!(error.field().is_some(), "the error names the field");
        }
    }
}

#[test]
fn every_other_length_of_a_sealed_field_is_refused() {
    let ring = ring();
    let row = customer().seal_new(&ring).unwrap();
    for n in 0..COLUMNS {
        let bytes = column(&row, n);
        for len in 0..bytes.len() {
            let expected = match len {
                0 => ErrorKind::NotSealed,
                1..46 => ErrorKind::Malformed,
                _ => ErrorKind::Tampered,
            };
            let error = with_column(&row, n, bytes[..len].to_vec()).open(&ring, 42).unwrap_err();
            assert_eq!(error.kind(), expected, "column {n} cut to {len}");
        }
        for extra in 0..=u8::MAX {
            let mut longer = bytes.clone();
            longer.push(extra);
            let error = with_column(&row, n, longer).open(&ring, 42).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Tampered);
        }
    }
}

#[test]
fn every_flipped_bit_of_the_key_envelope_is_refused() {
    let ring = ring();
    let row = customer().seal_new(&ring).unwrap();
    let bytes = row.keys.as_bytes().to_vec();
    let key_id = bytes.len() - 20..bytes.len() - 16;
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let expected = match bit / 8 {
            0 => of_first_byte(flipped[0]),
            at if key_id.contains(&at) => ErrorKind::WrongKey,
            _ => ErrorKind::Tampered,
        };
        // 0xF6 with its first bit flipped is 0xF7, which is sealed, but no key envelope.
        let mut changed = row.clone();
        changed.keys = KeyEnvelope::from_bytes(flipped);
        assert_eq!(changed.open(&ring, 42).unwrap_err().kind(), expected, "bit {bit}");
        assert!(changed.open_partial(&ring, 42).is_err(), "nothing of the row is shown");
    }
    for len in 0..bytes.len() {
        let mut changed = row.clone();
        changed.keys = KeyEnvelope::from_bytes(&bytes[..len]);
        assert!(changed.open(&ring, 42).is_err(), "cut to {len}");
    }
}

#[test]
fn a_changed_row_never_opens_in_part() {
    let ring = ring();
    let row = customer().seal_new(&ring).unwrap();
    let mut bytes = column(&row, 3);
    *bytes.last_mut().unwrap() ^= 1;
    let changed = with_column(&row, 3, bytes);
    assert!(changed.open(&ring, 42).is_err());

    // Asked for field by field, each field stands for itself.
    let partial = changed.open_partial(&ring, 42).unwrap();
    assert_eq!(partial.email.unwrap(), "ada@example.com");
    assert_eq!(partial.limit.unwrap_err().kind(), ErrorKind::Tampered);
}

#[test]
fn a_deleted_value_is_refused_where_there_is_no_absence_or_it_is_hidden() {
    let ring = ring();
    let row = customer().seal_new(&ring).unwrap();
    let mut deleted = row.clone();
    deleted.card = None;
    assert_eq!(deleted.open(&ring, 42).unwrap_err().kind(), ErrorKind::Malformed);

    // Documented: NULL where absence is NULL is not detected.
    let mut deleted = row.clone();
    deleted.phone = None;
    assert_eq!(deleted.open(&ring, 42).unwrap().phone, None);
}

#[test]
fn the_row_of_another_subject_is_refused() {
    let ring = ring();
    let row = customer().seal_new(&ring).unwrap();
    assert_eq!(row.open(&ring, 43).unwrap_err().kind(), ErrorKind::WrongSubject);
    // A row that claims to be the one asked for.
    let mut claimed = row.clone();
    claimed.id = 43;
    assert_eq!(claimed.open(&ring, 43).unwrap_err().kind(), ErrorKind::Tampered);
    assert_eq!(claimed.open(&ring, 42).unwrap_err().kind(), ErrorKind::WrongSubject);
}

#[test]
fn every_failure_of_authentication_is_one_and_the_same_text() {
    let ring = ring();
    let row = customer().seal_new(&ring).unwrap();
    let bytes = column(&row, 0);
    let texts: std::collections::BTreeSet<String> = [5, 20, 29, 40, bytes.len() - 1]
        .into_iter()
        .map(|at| {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x80;
            with_column(&row, 0, flipped).open(&ring, 42).unwrap_err().to_string()
        })
        .collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
}

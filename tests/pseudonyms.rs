//! Pseudonyms: the same for the same subject, purpose, tenant, key and form, and for nothing else; made
//! by who holds the key of the purpose, and by nobody else.
#![cfg(feature = "std")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{self, s8};
use common::{id, secret};
use fieldseal::audit::{Action, AuditRefused, AuditSink, Event};
use fieldseal::keyring::{Capabilities, KeyState, KeyUse, RingKey, Scope};
use fieldseal::pseudonym::Pseudonym;
use fieldseal::secret::Secret;
use fieldseal::{Access, ErrorKind, Id, KeyRing, ToId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use proptest::prelude::*;
use sha2::Sha256;
use std::sync::Mutex;

const KEY: u32 = 0xD1;
const LATER: u32 = 0xD2;

fn key(number: u32, state: KeyState) -> RingKey {
    let name = KeyUse::Pseudonym.as_str();
    RingKey::symmetric(id(number), KeyUse::Pseudonym, name, state, &secret(number)).unwrap()
}

/// A ring of these pseudonym keys.
fn ring_of(keys: impl IntoIterator<Item = RingKey>) -> KeyRing {
    let mut ring = KeyRing::generate().unwrap();
    keys.into_iter().for_each(|key| ring.insert(key).unwrap());
    ring
}

fn ring() -> KeyRing {
    ring_of([key(KEY, KeyState::Primary)])
}

/// What the format says, with the primitives' crates alone.
fn by_the_format(key: u32, tenant: &str, purpose: &str, form: u8, subject: &[u8]) -> [u8; 16] {
    let info = [b"fieldseal/v1 pseudonym".to_vec(), s8(tenant.as_bytes()), s8(purpose.as_bytes())]
        .concat();
    let derived: [u8; 32] = bytes::expand(&secret(key), &info);
    let mut mac = Hmac::<Sha256>::new_from_slice(&derived).unwrap();
    mac.update(&[form]);
    mac.update(&s8(subject));
    mac.finalize().into_bytes()[..16].try_into().unwrap()
}

fn token(ring: &KeyRing, purpose: &str, subject: impl ToId) -> Pseudonym {
    ring.pseudonyms(purpose).unwrap().token(subject).unwrap()
}

/// The answer to asking for a pseudonym.
#[track_caller]
fn refused(access: Access<'_>, purpose: &str) -> (ErrorKind, String) {
    let made = access.pseudonyms(purpose).and_then(|made| made.token(42));
    let error = made.unwrap_err();
    (error.kind(), error.to_string())
}

#[track_caller]
fn has_no_key(ring: &KeyRing, tenant: &str, purpose: &str) {
    let (kind, text) = refused(Access::new(ring).tenant(tenant), purpose);
    assert_eq!(kind, ErrorKind::MissingKey, "{text}");
    assert!(text.contains(purpose), "{text}");
}

#[test]
fn pseudonyms_are_those_that_the_format_says() {
    let ring = ring();
    let subjects: [&dyn ToId; 5] =
        [&42, &-42, &"ada", &[1_u8, 2, 3].as_slice(), &Id::from_uuid_bytes([7; 16])];
    for (tenant, subject) in [("", 0), ("acme", 1), ("", 2), ("acme", 3), ("", 4)] {
        let subject = subjects[subject].to_id().unwrap();
        let made = Access::new(&ring).tenant(tenant).pseudonyms("analytics").unwrap();
        let expected = |form| by_the_format(KEY, tenant, "analytics", form, subject.as_bytes());
        assert_eq!(made.token(&subject).unwrap().as_bytes(), &expected(1));

        let (uuid, mac) = (made.uuid(&subject).unwrap(), expected(2));
        for (position, (byte, of_mac)) in uuid.as_bytes().iter().zip(mac).enumerate() {
            let kept = match position {
                6 => 0x0F,
                8 => 0x3F,
                _ => 0xFF,
            };
            assert_eq!(byte & kept, of_mac & kept);
        }

        let text = made.text(&subject).unwrap();
        let value = text.bytes().fold((0_u128, 0), |(value, carried), symbol| {
            let five = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".find(char::from(symbol)).unwrap();
            let bits = if carried == 125 { 3 } else { 5 };
            // The last symbol carries three bits, and two that are zero.
            assert!(bits == 5 || five % 4 == 0);
            (value << bits | u128::try_from(five >> (5 - bits)).unwrap(), carried + bits)
        });
        assert_eq!(value, (u128::from_be_bytes(expected(3)), 128));
    }
}

#[test]
fn uuid_is_of_version_8_and_prints_as_uuids_do() {
    let ring = ring();
    let analytics = ring.pseudonyms("analytics").unwrap();
    for subject in 0..200 {
        let uuid = analytics.uuid(subject).unwrap();
        let text = uuid.to_string();
        let groups: Vec<usize> = text.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(text.as_bytes()[14], b'8');
        assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
        let digits: String = uuid.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text.replace('-', ""), digits);
    }
}

#[cfg(feature = "uuid")]
#[test]
fn uuid_is_one_of_the_crate_uuid() {
    let ring = ring();
    let made = ring.pseudonyms("analytics").unwrap().uuid(42).unwrap();
    let uuid = uuid::Uuid::from(made);
    assert_eq!((uuid.get_version_num(), uuid.get_variant()), (8, uuid::Variant::RFC4122));
    assert_eq!(uuid.to_string(), made.to_string());
    assert_eq!(uuid.as_bytes(), made.as_bytes());
}

/// Neither is the other cut, or masked, so that who holds two exports in two forms cannot join them.
#[test]
fn forms_of_one_subject_share_nothing() {
    let ring = ring();
    let analytics = ring.pseudonyms("analytics").unwrap();
    for subject in 0..50 {
        let mut masked = *analytics.token(subject).unwrap().as_bytes();
        masked[6] = masked[6] & 0x0F | 0x80;
        masked[8] = masked[8] & 0x3F | 0x80;
        assert_ne!(&masked, analytics.uuid(subject).unwrap().as_bytes());
        let text = analytics.text(subject).unwrap();
        assert_ne!(text, base32(analytics.token(subject).unwrap().as_bytes()));
        assert_ne!(text, base32(analytics.uuid(subject).unwrap().as_bytes()));
    }
}

fn base32(bytes: &[u8; 16]) -> String {
    let (value, symbols) = (u128::from_be_bytes(*bytes), b"0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    let symbol = |at: u32| if at < 25 { value >> (123 - 5 * at) } else { value << 2 };
    (0..26).map(|at| char::from(symbols[usize::try_from(symbol(at) % 32).unwrap()])).collect()
}

/// Ids that differ by their type only, and names that would meet if they were written one behind the other.
fn subjects() -> impl Strategy<Value = Id> {
    prop_oneof![
        (0..3_i64).prop_map(|id| id.to_id().unwrap()),
        (-2..0_i64).prop_map(|id| id.to_id().unwrap()),
        "[01]{1,2}".prop_map(|id| id.to_id().unwrap()),
        "[01]{1,2}".prop_map(|id| id.as_bytes().to_id().unwrap()),
        (0..2_u8).prop_map(|id| Id::from_uuid_bytes([id; 16])),
        (0..2_u8).prop_map(|id| [id; 16].to_id().unwrap()),
        (0..2, 0..2).prop_map(|id| id.to_id().unwrap()),
        ("[01]", 0..2).prop_map(|id| id.to_id().unwrap()),
    ]
}

fn questions() -> impl Strategy<Value = (u32, String, String, u8, Id)> {
    let keys = prop_oneof![Just(KEY), Just(LATER)];
    (keys, "[ab]{0,2}", "[ab]{1,2}", 1..4_u8, subjects())
}

fn asked((key_id, tenant, purpose, form, subject): &(u32, String, String, u8, Id)) -> Vec<u8> {
    let ring = ring_of([key(*key_id, KeyState::Primary)]);
    let made = Access::new(&ring).tenant(tenant).pseudonyms(purpose).unwrap();
    match form {
        1 => made.token(subject).unwrap().as_bytes().to_vec(),
        2 => made.uuid(subject).unwrap().as_bytes().to_vec(),
        _ => made.text(subject).unwrap().into_bytes(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn pseudonyms_are_equal_exactly_when_all_that_makes_them_is(
        one in questions(), other in questions(), differ in 0..6,
    ) {
        // At most one part differs in most cases, so that both answers come up.
        let (mut one, other) = (one, other);
        if differ != 0 { one.0 = other.0; }
        if differ != 1 { one.1.clone_from(&other.1); }
        if differ != 2 { one.2.clone_from(&other.2); }
        if differ != 3 { one.3 = other.3; }
        if differ != 4 { one.4.clone_from(&other.4); }
        prop_assert_eq!(asked(&one) == asked(&other), one == other);
    }

    #[test]
    fn any_two_questions_have_equal_answers_only_if_they_are_equal(
        one in questions(), other in questions(),
    ) {
        prop_assert_eq!(asked(&one) == asked(&other), one == other);
    }
}

#[test]
fn ring_without_a_pseudonym_key_makes_none() {
    let mut ring = KeyRing::generate().unwrap();
    has_no_key(&ring, "", "analytics");
    // One key never serves two uses.
    ring.add_index_key().unwrap();
    has_no_key(&ring, "", "analytics");
    ring.add_pseudonym_key().unwrap();
    assert!(ring.pseudonyms("analytics").unwrap().token(42).is_ok());
}

#[test]
fn key_that_is_known_by_name_only_makes_none() {
    let name = KeyUse::Pseudonym.as_str();
    let key = RingKey::name_only(id(KEY), KeyUse::Pseudonym, name, KeyState::Primary).unwrap();
    has_no_key(&ring_of([key]), "", "analytics");
}

#[test]
fn key_out_of_use_makes_none() {
    for state in [KeyState::Disabled, KeyState::Destroyed, KeyState::Compromised] {
        has_no_key(&ring_of([key(KEY, state)]), "", "analytics");
    }
}

#[test]
fn key_that_is_open_only_makes_no_new_pseudonym_and_finds_the_former() {
    let ring = ring_of([key(KEY, KeyState::OpenOnly)]);
    has_no_key(&ring, "", "analytics");
    let former = ring.pseudonyms("analytics").unwrap().tokens(42).unwrap();
    assert_eq!(former, [token(&self::ring(), "analytics", 42)]);
}

#[test]
fn names_that_are_none_are_refused() {
    let (ring, long) = (ring(), "a".repeat(65));
    for purpose in ["", "Analytics", "1", "a b", "analytics\0", long.as_str()] {
        assert_eq!(refused(Access::new(&ring), purpose).0, ErrorKind::InvalidInput, "{purpose:?}");
    }
    assert_eq!(refused(Access::new(&ring).tenant(&long), "a").0, ErrorKind::InvalidInput);
    assert!(ring.pseudonyms(&long[1..]).is_ok());
}

#[test]
fn subject_that_is_none_is_refused() {
    let (ring, log) = (ring(), Log::default());
    let made = Access::new(&ring).audit(&log).pseudonyms("analytics").unwrap();
    let too_long = "a".repeat(255);
    let none: [&dyn ToId; 4] = [&"", &[0_u8; 0], &u128::MAX, &too_long];
    for subject in none {
        let subject = subject.to_id().and_then(|id| made.token(id));
        assert_eq!(subject.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(made.token("").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(log.lines().is_empty(), "there is nobody to tell of");
    assert!(made.token("a".repeat(254)).is_ok());
}

/// `[RK-7]` The part of a key makes what the whole key makes for that purpose, and nothing else.
#[test]
fn subset_makes_the_same_pseudonyms_for_its_purpose_and_no_others() {
    let ring = ring_of([key(KEY, KeyState::OpenOnly), key(LATER, KeyState::Primary)]);
    let reach = Capabilities::new().pseudonyms("acme", "analytics").pseudonyms("", "billing");
    let job = ring.subset_with(&reach).unwrap().into_ring();
    for (tenant, purpose) in [("acme", "analytics"), ("", "billing")] {
        let of = |ring| Access::new(ring).tenant(tenant).pseudonyms(purpose).unwrap();
        for subject in 0..20 {
            assert_eq!(of(&job).tokens(subject).unwrap(), of(&ring).tokens(subject).unwrap());
            assert_eq!(of(&job).token(subject).unwrap(), of(&ring).token(subject).unwrap());
            assert_eq!(of(&job).uuids(subject).unwrap(), of(&ring).uuids(subject).unwrap());
            assert_eq!(of(&job).texts(subject).unwrap(), of(&ring).texts(subject).unwrap());
        }
    }
    for (tenant, purpose) in
        [("", "analytics"), ("acme", "billing"), ("acme", "analytic"), ("acme2", "analytics")]
    {
        has_no_key(&job, tenant, purpose);
    }
    // It opens and seals nothing, nor does it hold the master.
    assert_eq!(job.seal(b"note", b"text").unwrap_err().kind(), ErrorKind::MissingKey);
    assert!(job.keys().all(|key| key.expose_secret().is_none()));
    let elsewhere = Scope::pseudonym("acme", "advertising").unwrap();
    assert!(job.keys().all(|key| key.expose_derived(&elsewhere).is_none()));
}

#[test]
fn subset_of_a_role_makes_no_pseudonyms() {
    let ring = ring();
    has_no_key(&ring.subset(&["app"]).unwrap().into_ring(), "", "analytics");
    let search = Capabilities::new().role("app");
    has_no_key(&ring.subset_with(&search).unwrap().into_ring(), "", "analytics");
}

#[test]
fn subset_of_a_subset_makes_what_it_was_given_and_no_more() {
    let ring = ring();
    let both = Capabilities::new().pseudonyms("", "analytics").pseudonyms("", "advertising");
    let both = ring.subset_with(&both).unwrap().into_ring();
    let one =
        both.subset_with(&Capabilities::new().pseudonyms("", "analytics")).unwrap().into_ring();
    assert_eq!(token(&one, "analytics", 42), token(&ring, "analytics", 42));
    has_no_key(&one, "", "advertising");
    assert!(one.subset_with(&Capabilities::new().pseudonyms("", "advertising")).is_err());
}

#[test]
fn rotation_gives_new_pseudonyms_and_the_former_are_found() {
    let mut ring = ring();
    let before = token(&ring, "analytics", 42);
    ring.rotate(KeyUse::Pseudonym, "pseudonym").unwrap();
    let between = token(&ring, "analytics", 42);
    ring.rotate(KeyUse::Pseudonym, "pseudonym").unwrap();
    let made = ring.pseudonyms("analytics").unwrap();
    let tokens = made.tokens(42).unwrap();
    assert_eq!(tokens[0], made.token(42).unwrap());
    assert_eq!(tokens.len(), 3);
    assert!(tokens[1..].contains(&before) && tokens[1..].contains(&between));
    assert_eq!(made.uuids(42).unwrap()[0], made.uuid(42).unwrap());
    assert_eq!(made.texts(42).unwrap()[0], made.text(42).unwrap());
}

#[test]
fn pseudonyms_come_newest_first_behind_that_of_the_primary_key() {
    let made = |number, at, state| key(number, state).with_created_at(at);
    let ring = ring_of([
        made(1, 100, KeyState::OpenOnly),
        made(2, 300, KeyState::OpenOnly),
        made(3, 200, KeyState::Primary),
        key(4, KeyState::OpenOnly),
    ]);
    let tokens = ring.pseudonyms("analytics").unwrap().tokens(42).unwrap();
    let expected = [3, 2, 1, 4].map(|key| {
        let subject = 42.to_id().unwrap();
        Pseudonym::from_bytes(by_the_format(key, "", "analytics", 1, subject.as_bytes()))
    });
    assert_eq!(tokens, expected);
}

#[test]
fn key_that_was_introduced_changes_no_pseudonym_until_it_is_primary() {
    let mut ring = ring();
    let before = token(&ring, "analytics", 42);
    let later = ring.introduce(KeyUse::Pseudonym, "pseudonym").unwrap();
    assert_eq!(token(&ring, "analytics", 42), before);
    assert_eq!(ring.pseudonyms("analytics").unwrap().tokens(42).unwrap()[0], before);
    ring.set_state(later, KeyState::Primary).unwrap();
    assert_ne!(token(&ring, "analytics", 42), before);
    assert_eq!(ring.pseudonyms("analytics").unwrap().tokens(42).unwrap()[1], before);
}

#[test]
fn destroyed_key_parts_what_was_made_with_it_for_good() {
    let mut ring = ring();
    let before = token(&ring, "analytics", 42);
    ring.rotate(KeyUse::Pseudonym, "pseudonym").unwrap();
    ring.force_destroy(id(KEY)).unwrap();
    let tokens = ring.pseudonyms("analytics").unwrap().tokens(42).unwrap();
    assert!(tokens.len() == 1 && !tokens.contains(&before));
}

#[test]
fn compromised_key_is_asked_in_rescue_mode_only() {
    let ring = ring_of([key(KEY, KeyState::Compromised), key(LATER, KeyState::Primary)]);
    let made = ring.pseudonyms("analytics").unwrap();
    assert_eq!(made.tokens(42).unwrap().len(), 1);
    let made = Access::new(&ring).rescue().pseudonyms("analytics").unwrap();
    let tokens = made.tokens(42).unwrap();
    assert_eq!(tokens, [token(&ring, "analytics", 42), token(&self::ring(), "analytics", 42)]);

    // What is made new is not made with it, in rescue mode either.
    let ring = ring_of([key(KEY, KeyState::Compromised)]);
    let (kind, _) = refused(Access::new(&ring).rescue(), "analytics");
    assert_eq!(kind, ErrorKind::MissingKey);
}

/// Else rows under the former key would be taken for rows of nobody.
#[test]
fn former_pseudonyms_are_refused_where_a_former_key_is_missing() {
    let whole = ring_of([key(KEY, KeyState::OpenOnly), key(LATER, KeyState::Primary)]);
    let scope = Scope::pseudonym("", "analytics").unwrap();
    let part = whole.key(id(LATER)).unwrap().expose_derived(&scope).unwrap();
    let derived = |number, state, secret: &Secret<32>| {
        let keys = vec![(scope.clone(), Secret::from_bytes(secret.expose()))];
        RingKey::derived(id(number), KeyUse::Pseudonym, state, keys).unwrap()
    };
    let name = KeyUse::Pseudonym.as_str();
    let former = |state| RingKey::name_only(id(KEY), KeyUse::Pseudonym, name, state).unwrap();

    let job = ring_of([former(KeyState::OpenOnly), derived(LATER, KeyState::Primary, &part)]);
    let made = job.pseudonyms("analytics").unwrap();
    assert_eq!(made.token(42).unwrap(), token(&whole, "analytics", 42));
    let error = made.tokens(42).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingKey);
    assert!(error.to_string().contains("analytics"), "{error}");
    assert!(error.to_string().contains(&id(KEY).to_string()), "{error}");

    let job = ring_of([former(KeyState::Disabled), derived(LATER, KeyState::Primary, &part)]);
    assert_eq!(job.pseudonyms("analytics").unwrap().tokens(42).unwrap().len(), 1);
    // The primary key is another one than it holds: nothing is made under the one that it has.
    let job = ring_of([former(KeyState::Primary), derived(LATER, KeyState::OpenOnly, &part)]);
    has_no_key(&job, "", "analytics");
}

#[derive(Default)]
struct Log(Mutex<Vec<String>>, bool);

impl Log {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl AuditSink for Log {
    fn record(&self, event: &Event<'_>) -> Result<(), AuditRefused> {
        assert_eq!(event.action, Action::Pseudonym);
        self.0.lock().unwrap().push(format!(
            "{:?} for {:?} of {:?} by {:?}, {:?}: {:?}",
            event.subject,
            event.pseudonyms,
            event.tenant,
            event.actor,
            event.purpose,
            event.outcome
        ));
        if self.1 { Err(AuditRefused) } else { Ok(()) }
    }
}

#[test]
fn audit_is_told_whose_pseudonyms_were_made_and_for_what() {
    let (ring, log) = (ring(), Log::default());
    let access = Access::new(&ring).tenant("acme").actor("export").purpose("weekly").audit(&log);
    let made = access.pseudonyms("analytics").unwrap();
    assert!(log.lines().is_empty());
    made.token(42).unwrap();
    made.texts("ada").unwrap();
    assert_eq!(
        log.lines(),
        [
            r#"SubjectId(42) for Some("analytics") of "acme" by Some("export"), Some("weekly"): Ok(())"#,
            r#"SubjectId("ada") for Some("analytics") of "acme" by Some("export"), Some("weekly"): Ok(())"#,
        ]
    );
}

#[test]
fn audit_is_told_of_what_was_refused() {
    let (ring, log) = (ring_of([key(KEY, KeyState::OpenOnly)]), Log::default());
    let made = Access::new(&ring).audit(&log).pseudonyms("analytics").unwrap();
    assert!(made.uuid(42).is_err());
    assert!(log.lines()[0].ends_with("Err(MissingKey)"), "{:?}", log.lines());
}

#[test]
fn audit_that_refuses_lets_no_pseudonym_out() {
    let (ring, log) = (ring(), Log(Mutex::default(), true));
    let made = Access::new(&ring).audit(&log).pseudonyms("analytics").unwrap();
    assert_eq!(made.token(42).unwrap_err().kind(), ErrorKind::Audit);
    assert_eq!(made.uuids(42).unwrap_err().kind(), ErrorKind::Audit);
    assert_eq!(made.text(42).unwrap_err().kind(), ErrorKind::Audit);
}

#[test]
fn printing_shows_pseudonyms_and_no_key() {
    let ring = ring();
    let made = ring.pseudonyms("analytics").unwrap();
    let printed = format!("{made:?}");
    let scope = Scope::pseudonym("", "analytics").unwrap();
    let derived = ring.key(id(KEY)).unwrap().expose_derived(&scope).unwrap();
    for key in [secret(KEY), *derived.expose()] {
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!printed.contains(&digits[..8]), "{printed}");
        assert!(!printed.contains(&format!("{:?}", &key[..4])), "{printed}");
    }
    assert!(printed.contains("analytics"), "{printed}");
    let token = made.token(42).unwrap();
    let digits: String = token.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(token.to_string(), digits);
    assert_eq!(Pseudonym::from_bytes(*token.as_bytes()), token);
}

//! Standalone envelopes wrapped again under newer ring keys.

use fieldseal::ErrorKind;
use fieldseal::keyring::{Census, KeyState};

use crate::common::bytes::{Ent, Env};
use crate::common::*;
use crate::{CONTEXT, at, by_hand, field, generation, parts};

/// `[SA-7]` A rotation reaches standalone envelopes: they are wrapped again, and the former keys go.
#[test]
fn a_standalone_envelope_is_rewrapped_and_its_former_keys_are_retired() {
    let mut ring = admin();
    let sealed = at(&ring).tenant("acme").seal(CONTEXT, b"four score").unwrap();
    advance(&mut ring, symmetric(0x0100, "app", KeyState::OpenOnly));
    advance(&mut ring, envelope_key(0xE000_0002, KeyState::OpenOnly));
    let again = at(&ring).tenant("acme").rewrap_standalone(&sealed).unwrap();
    assert_eq!(again.rewrapped.wrapped, 1);
    assert_eq!((again.rewrapped.not_lifted.len(), again.rewrapped.unproven.len()), (0, 0));
    let (inner, field) = parts(&again.envelope);
    assert_eq!(field, parts(&sealed).1, "the sealed field stays byte for byte");
    let env = Env::parse_for(inner, "acme", b"");
    assert_eq!((env.version, env.entries[0].live().recipients[0].key_id), (2, 0x0100));
    let mut census = Census::new_at(NOW);
    census.at("notes.body").add(&sealed);
    assert!(ring.retire(id(APP), &census).is_err());
    let mut census = Census::new_at(NOW);
    census.at("notes.body").add(&again.envelope);
    for former in [APP, ENVELOPE] {
        ring.retire(id(former), &census).unwrap();
    }
    let opened = at(&ring).tenant("acme").open(CONTEXT, &again.envelope).unwrap();
    assert_eq!(opened.expose(), b"four score");
    assert!(at(&ring).tenant("acme").open(CONTEXT, &sealed).is_err());
}

/// `[SA-7]` What a ring does not open as a reader is not lifted, and said so.
#[test]
fn a_standalone_envelope_of_other_readers_is_reported_as_not_lifted() {
    let ring = admin();
    let sealed = at(&ring).seal_for(&["medical", "app"], CONTEXT, b"x").unwrap();
    let other = service(&["support"]);
    let again = at(&other).rewrap_standalone_for(&["medical", "app"], &sealed).unwrap();
    assert_eq!(again.rewrapped.not_lifted, [("standalone".to_owned(), 1)]);
    assert_eq!(at(&ring).open_for(&["medical"], CONTEXT, &again.envelope).unwrap().expose(), b"x");
    // By the readers named: `app` opens it, and `medical` is no reader then.
    let again = at(&ring).rewrap_standalone(&sealed).unwrap();
    assert_eq!(again.rewrapped.wrapped, 1);
    assert_eq!(again.rewrapped.unproven, [("standalone".to_owned(), 1, id(MEDICAL))]);
    assert_eq!(at(&ring).open_for(&["medical"], CONTEXT, &again.envelope).unwrap().expose(), b"x");
}

/// `[SA-5]`, `[SA-7]`
#[test]
fn what_is_no_standalone_envelope_of_this_tenant_is_not_rewrapped() {
    let ring = admin();
    let sealed = at(&ring).tenant("acme").seal(CONTEXT, b"x").unwrap();
    let rewrap = |tenant: &str, readers: &[&str], bytes: &[u8]| {
        at(&ring).tenant(tenant).rewrap_standalone_for(readers, bytes).map(drop)
    };
    assert_eq!(kind(rewrap("other", &["app"], &sealed)), ErrorKind::Tampered);
    assert_eq!(kind(rewrap("acme", &["app", "app"], &sealed)), ErrorKind::Declaration);
    assert_eq!(kind(rewrap("acme", &["app"], b"")), ErrorKind::NotSealed);
    assert_eq!(kind(rewrap("acme", &["app"], parts(&sealed).0)), ErrorKind::NotSealed);
    assert_eq!(kind(rewrap("acme", &["app"], &sealed[..60])), ErrorKind::Malformed);
    let live = generation("standalone", 2);
    let wrong = by_hand(&[Ent::Live(live.clone())], &field(&live, CONTEXT, &[0; 16]));
    assert_eq!(kind(rewrap("", &["app"], &wrong)), ErrorKind::Malformed);
    // A floor is of key envelopes.
    let floored = at(&ring).tenant("acme").version_floor(9).rewrap_standalone(&sealed).unwrap();
    // A rotation with the former envelope key compromised is done in rescue mode.
    let mut rotated = admin();
    advance(&mut rotated, envelope_key(0xE000_0002, KeyState::OpenOnly));
    put(&mut rotated, ENVELOPE, KeyState::Compromised);
    let access = at(&rotated).tenant("acme");
    assert_eq!(kind(access.rewrap_standalone(&sealed).map(drop)), ErrorKind::NotPermitted);
    let saved = access.rescue().rewrap_standalone(&floored.envelope).unwrap();
    assert_eq!(access.open(CONTEXT, &saved.envelope).unwrap().expose(), b"x");
}

//! Rings for services: what each reaches and what not, keys derived for one index or one purpose, and
//! that a ring says in words what it can do.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::bytes::{self, Ent, Env, Live, SUBJECT, s8};
use common::*;
use fieldseal::keyring::{Capabilities, KeyMaterial, KeyState, KeyUse, RingKey, Scope};
use fieldseal::secret::Secret;
use fieldseal::{Access, Class, DataKeys, ErrorKind, KeyRing};

const INDEX: u32 = 0xD0;
const PSEUDONYM: u32 = 0xD1;

fn index_key(number: u32, state: KeyState) -> RingKey {
    RingKey::symmetric(id(number), KeyUse::Index, "index", state, &secret(number)).unwrap()
}

fn pseudonym_key(number: u32, state: KeyState) -> RingKey {
    RingKey::symmetric(id(number), KeyUse::Pseudonym, "pseudonym", state, &secret(number)).unwrap()
}

/// The administrator's ring, with an index and a pseudonym key.
fn whole() -> KeyRing {
    let mut ring = admin();
    ring.insert(index_key(INDEX, KeyState::Primary)).unwrap();
    ring.insert(pseudonym_key(PSEUDONYM, KeyState::Primary)).unwrap();
    ring
}

fn index(tenant: &str, record: &str, index: &str) -> Scope {
    Scope::index(tenant, record, index).unwrap()
}

fn purpose(tenant: &str, purpose: &str) -> Scope {
    Scope::pseudonym(tenant, purpose).unwrap()
}

fn derived(ring: &KeyRing, number: u32, scope: &Scope) -> Option<[u8; 32]> {
    Some(*ring.key(id(number)).unwrap().expose_derived(scope)?.expose())
}

fn reach<'a>() -> Capabilities<'a> {
    Capabilities::new()
}

#[track_caller]
fn subset(ring: &KeyRing, reach: &Capabilities<'_>) -> KeyRing {
    ring.subset_with(reach).unwrap().into_ring()
}

/// The error of a subset that cannot be given.
#[track_caller]
fn withheld(ring: &KeyRing, reach: &Capabilities<'_>) -> (ErrorKind, String) {
    let error = ring.subset_with(reach).unwrap_err();
    (error.kind(), error.to_string())
}

/// `[RK-7]` By the tests' own HKDF.
#[test]
fn derived_keys_are_those_that_the_format_says() {
    let ring = whole();
    let info =
        [b"fieldseal/v1 index".to_vec(), s8(b"acme"), s8(b"customer"), s8(b"email")].concat();
    let expected: [u8; 32] = bytes::expand(&secret(INDEX), &info);
    assert_eq!(derived(&ring, INDEX, &index("acme", "customer", "email")), Some(expected));
    let info = [b"fieldseal/v1 pseudonym".to_vec(), s8(b"acme"), s8(b"analytics")].concat();
    let expected: [u8; 32] = bytes::expand(&secret(PSEUDONYM), &info);
    assert_eq!(derived(&ring, PSEUDONYM, &purpose("acme", "analytics")), Some(expected));
    // One key never serves two uses.
    assert_eq!(derived(&ring, INDEX, &purpose("acme", "analytics")), None);
    assert_eq!(derived(&ring, PSEUDONYM, &index("acme", "customer", "email")), None);
    for number in [APP, MEDICAL, ENVELOPE] {
        assert_eq!(derived(&ring, number, &index("acme", "customer", "email")), None);
    }
}

#[test]
fn no_two_scopes_share_a_key() {
    let ring = whole();
    let scopes = [
        index("", "customer", "email"),
        index("", "customer", "phone"),
        index("", "order", "email"),
        index("acme", "customer", "email"),
        index("acmf", "customer", "email"),
        index("", "customere", "mail"),
        index("c", "ustomer", "email"),
    ];
    let mut keys: Vec<[u8; 32]> =
        scopes.iter().map(|scope| derived(&ring, INDEX, scope).unwrap()).collect();
    let purposes = [purpose("", "ab"), purpose("a", "b"), purpose("ab", "a"), purpose("", "b")];
    keys.extend(purposes.iter().map(|scope| derived(&ring, PSEUDONYM, scope).unwrap()));
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count);
}

#[test]
fn service_gets_the_derived_keys_of_its_scopes_and_no_master() {
    let ring = whole();
    let email = index("", "customer", "email");
    let service = subset(
        &ring,
        &reach().role("app").index("", "customer", "email").pseudonyms("acme", "analytics"),
    );
    for (number, scope) in [(INDEX, &email), (PSEUDONYM, &purpose("acme", "analytics"))] {
        let key = service.key(id(number)).unwrap();
        assert_eq!(key.holds(), KeyMaterial::Derived);
        assert!(key.expose_secret().is_none(), "the master stays");
        assert_eq!(key.scopes().collect::<Vec<_>>(), [scope]);
        assert_eq!(derived(&service, number, scope), derived(&ring, number, scope));
    }
    for other in [
        index("", "customer", "phone"),
        index("acme", "customer", "email"),
        purpose("", "analytics"),
        purpose("acme", "billing"),
    ] {
        assert_eq!(derived(&service, INDEX, &other), None, "{other}");
        assert_eq!(derived(&service, PSEUDONYM, &other), None, "{other}");
    }
    // A subset by roles alone takes no derived key along.
    let by_role = ring.subset(&["app"]).unwrap().into_ring();
    for number in [INDEX, PSEUDONYM] {
        assert_eq!(by_role.key(id(number)).unwrap().holds(), KeyMaterial::NameOnly);
    }
}

#[test]
fn search_only_ring_opens_seals_and_verifies_nothing() {
    let ring = whole();
    let stored = envelope(&[CONTACT, HEALTH, NOTES]);
    for reach in
        [reach().index("", "customer", "email"), reach().pseudonyms("", "analytics"), reach()]
    {
        let search = subset(&ring, &reach);
        for key in search.keys() {
            assert!(matches!(key.holds(), KeyMaterial::Derived | KeyMaterial::NameOnly), "{key}");
            assert!(key.expose_secret().is_none() && key.expose_writer_half().is_none(), "{key}");
        }
        assert_eq!(search.keys().count(), ring.keys().count(), "each is known by name");
        let access = Access::new(&search).at(NOW);
        assert_eq!(kind(stored.unwrap(access, 42)), ErrorKind::WrongKey);
        assert_eq!(kind(stored.unwrap(access.rescue(), 42)), ErrorKind::WrongKey);
        assert_eq!(kind(stored.edit(access, 42)), ErrorKind::WrongKey);
        assert_eq!(kind(DataKeys::create(access, 42, [NOTES])), ErrorKind::MissingKey);
        assert_eq!(kind(access.seal(b"note", b"text")), ErrorKind::MissingKey);
        let sealed = Access::new(&ring).at(NOW).seal(b"note", b"text").unwrap();
        assert_eq!(kind(access.open(b"note", &sealed)), ErrorKind::WrongKey);
    }
}

#[test]
fn scope_of_which_no_key_is_held_is_named() {
    let ring = whole();
    let service =
        subset(&ring, &reach().index("acme", "customer", "email").pseudonyms("", "stats"));
    for (asked, named) in [
        (reach().index("acme", "customer", "phone"), "customer.phone of tenant \"acme\""),
        (reach().index("", "customer", "email"), "customer.email"),
        (reach().index("globex", "customer", "email"), "customer.email of tenant \"globex\""),
        (reach().pseudonyms("", "marketing"), "marketing"),
        (reach().pseudonyms("acme", "stats"), "stats of tenant \"acme\""),
        (
            reach().index("acme", "customer", "email").index("acme", "order", "number"),
            "order.number of tenant \"acme\"",
        ),
    ] {
        let (kind, text) = withheld(&service, &asked);
        assert_eq!(kind, ErrorKind::MissingKey, "{text}");
        assert!(text.ends_with(named), "{text:?} names {named:?}");
        // The ring with the masters has them all.
        subset(&ring, &asked);
    }
    // A ring without such keys at all.
    for asked in [reach().index("", "customer", "email"), reach().pseudonyms("", "stats")] {
        assert_eq!(withheld(&admin(), &asked).0, ErrorKind::MissingKey);
    }
}

#[test]
fn subset_of_a_subset_passes_on_what_it_has() {
    let ring = whole();
    let asked = reach()
        .role("app")
        .writer("medical")
        .index("", "customer", "email")
        .index("", "customer", "phone");
    let first = subset(&ring, &asked);
    let second = subset(&first, &reach().index("", "customer", "email"));
    let email = index("", "customer", "email");
    assert_eq!(second.key(id(INDEX)).unwrap().scopes().collect::<Vec<_>>(), [&email]);
    assert_eq!(derived(&second, INDEX, &email), derived(&ring, INDEX, &email));
    assert_eq!(second.key(id(ENVELOPE)).unwrap().holds(), KeyMaterial::NameOnly);
    assert_eq!(second.key(id(APP)).unwrap().holds(), KeyMaterial::NameOnly);
    for gone in [
        reach().index("", "customer", "phone"),
        reach().role("app"),
        reach().writer("medical"),
        reach().pseudonyms("", "stats"),
    ] {
        assert_eq!(withheld(&second, &gone).0, ErrorKind::MissingKey);
    }
    // Who has no envelope key cannot pass one on.
    let third = subset(&second, &reach());
    assert_eq!(third.key(id(ENVELOPE)).unwrap().holds(), KeyMaterial::NameOnly);
    // A writer's half goes on as a half, never as more.
    let writer = subset(&subset(&first, &reach().writer("medical")), &reach().writer("medical"));
    assert_eq!(writer.key(id(MEDICAL)).unwrap().holds(), KeyMaterial::WriterHalf);
    assert_eq!(withheld(&writer, &reach().role("medical")).0, ErrorKind::MissingKey);
}

/// What was indexed under the former key is found by its derived key, as long as it is there.
#[test]
fn rotated_index_key_leaves_a_derived_key_of_each() {
    let mut ring = whole();
    let new = ring.rotate(KeyUse::Index, "index").unwrap();
    let (asked, email) = (reach().index("", "customer", "email"), index("", "customer", "email"));
    let service = subset(&ring, &asked);
    assert_eq!(service.primary(KeyUse::Index, "index").unwrap().id(), new);
    assert_eq!(derived(&service, INDEX, &email), derived(&ring, INDEX, &email));
    assert_eq!(derived(&service, new.get(), &email), derived(&ring, new.get(), &email));
    assert_ne!(derived(&service, INDEX, &email), derived(&service, new.get(), &email));
    let mut service = service;
    assert_eq!(kind(service.rotate(KeyUse::Index, "index")), ErrorKind::MissingKey);

    ring.force_destroy(id(INDEX)).unwrap();
    let service = subset(&ring, &asked);
    assert_eq!(derived(&service, INDEX, &email), None);
    // Of keys that are out of use nothing is given away, as of roles.
    ring.set_state(new, KeyState::Disabled).unwrap();
    assert_eq!(withheld(&ring, &asked).0, ErrorKind::MissingKey);
}

#[test]
fn what_is_no_name_reaches_nothing() {
    let (ring, long) = (whole(), "a".repeat(65));
    for asked in [
        reach().index("", "", "email"),
        reach().index("", "customer", ""),
        reach().index("", "Customer", "email"),
        reach().index("", "customer", "e mail"),
        reach().index(&long, "customer", "email"),
        reach().index("", &long, "email"),
        reach().pseudonyms("", ""),
        reach().pseudonyms(&long, "stats"),
        reach().pseudonyms("", "9"),
    ] {
        assert_eq!(withheld(&ring, &asked).0, ErrorKind::InvalidInput, "{asked:?}");
    }
    for role in ["", "nobody", "envelope", "index", "pseudonym"] {
        assert_eq!(withheld(&ring, &reach().role(role)).0, ErrorKind::MissingKey, "{role}");
        assert_eq!(withheld(&ring, &reach().writer(role)).0, ErrorKind::MissingKey, "{role}");
    }
    // The same twice is the same.
    let twice = reach().index("", "customer", "email").index("", "customer", "email").role("app");
    let twice = subset(&ring, &twice.role("app"));
    assert_eq!(twice.key(id(INDEX)).unwrap().scopes().count(), 1);
}

/// `[RK-1]` Whatever bears their ids: nothing is wrapped, unwrapped or verified by them.
#[test]
fn index_and_pseudonym_keys_neither_wrap_nor_verify() {
    const BY_INDEX: Class = Class::new("notes").readers(&["index", "pseudonym"]);
    let (whole, data_key) = (whole(), [3; 32]);
    let search =
        subset(&whole, &reach().role("app").index("", "customer", "email").pseudonyms("", "stats"));
    for ring in [&whole, &search] {
        let access = Access::new(ring).at(NOW);
        assert_eq!(kind(DataKeys::create(access, 42, [BY_INDEX])), ErrorKind::MissingKey);
        for number in [INDEX, PSEUDONYM] {
            let live = Live::of("notes", 1, &data_key);
            let mut env = Env::of([Ent::Live(live.clone().readable(&data_key, &[APP]))]);
            env.key_id = number;
            assert_eq!(kind(env.envelope().unwrap(access, 42)), ErrorKind::WrongKey);
            assert_eq!(kind(env.envelope().unwrap(access.rescue(), 42)), ErrorKind::WrongKey);

            let env = Env::of([Ent::Live(live.readable(&data_key, &[number]))]);
            let stored = env.envelope();
            assert_eq!(reached(ring, &stored, "notes/1"), "not permitted", "{number:x}");
            // Nor is anyone's role told by them: they prove nothing, and are not wrapped again.
            let mut edit = stored.edit(access, 42).unwrap();
            let report = edit.rewrap([BY_INDEX]).unwrap();
            assert_eq!((report.wrapped, report.not_lifted.len()), (0, 1));
            let kept = edit.finish().unwrap();
            assert_eq!(entry(&kept, "notes/1"), entry(&stored, "notes/1"));
        }
    }
    // A derived key's bytes open nothing either.
    let scope = index("", "customer", "email");
    let bytes = derived(&whole, INDEX, &scope).unwrap();
    let mut live = Live::of("notes", 1, &data_key);
    let aad = live.wrap_aad("", SUBJECT, 1, INDEX);
    let key: [u8; 32] = bytes::expand(&bytes, b"fieldseal/v1 wrap key");
    let wrapped = bytes::encrypt(&key, &[9; 24], &aad, &data_key);
    live.recipients.push(common::bytes::Rec { kind: 1, key_id: INDEX, wrapped });
    let stored = Env::of([Ent::Live(live)]).envelope();
    assert_eq!(reached(&search, &stored, "notes/1"), "not permitted");
}

#[test]
fn derived_keys_are_of_their_use_each_once() {
    let of = |scopes: &[Scope]| -> Vec<(Scope, Secret<32>)> {
        let keys = (1..).map(|byte| Secret::from_bytes(&[byte; 32]));
        scopes.iter().cloned().zip(keys).collect()
    };
    let (email, phone) = (index("", "customer", "email"), index("", "customer", "phone"));
    let stats = purpose("", "stats");
    let make =
        |key_use, scopes: &[Scope]| RingKey::derived(id(7), key_use, KeyState::Primary, of(scopes));
    for (key_use, scopes) in [
        (KeyUse::Index, &[][..]),
        (KeyUse::Index, &[email.clone(), email.clone()]),
        (KeyUse::Index, &[email.clone(), phone.clone(), email.clone()]),
        (KeyUse::Index, std::slice::from_ref(&stats)),
        (KeyUse::Index, &[email.clone(), stats.clone()]),
        (KeyUse::Pseudonym, std::slice::from_ref(&email)),
        (KeyUse::Wrap, std::slice::from_ref(&email)),
        (KeyUse::Envelope, std::slice::from_ref(&stats)),
    ] {
        assert_eq!(kind(make(key_use, scopes)), ErrorKind::InvalidInput, "{key_use} {scopes:?}");
    }
    let key = make(KeyUse::Index, &[phone.clone(), email.clone()]).unwrap();
    assert_eq!(key.scopes().collect::<Vec<_>>(), [&email, &phone], "in order");
    assert_eq!(key.expose_derived(&phone).unwrap().expose(), &[1; 32]);
    assert_eq!((key.name(), key.holds()), ("index", KeyMaterial::Derived));
    // A destroyed one is a name, as any key.
    let gone = RingKey::derived(id(7), KeyUse::Index, KeyState::Destroyed, of(&[email])).unwrap();
    assert_eq!((gone.holds(), gone.scopes().count()), (KeyMaterial::NameOnly, 0));

    let mut ring = whole();
    assert_eq!(kind(ring.insert(key)), ErrorKind::FailedPrecondition, "a second primary one");
    assert_eq!(
        kind(ring.insert(index_key(INDEX, KeyState::OpenOnly))),
        ErrorKind::FailedPrecondition
    );
    ring.insert(index_key(8, KeyState::OpenOnly)).unwrap();
    for name in ["app", "Index", "index.2", ""] {
        let made = RingKey::symmetric(id(9), KeyUse::Index, name, KeyState::OpenOnly, &[1; 32]);
        assert_eq!(kind(made), ErrorKind::InvalidInput, "{name}");
    }
}

/// What each ring says of itself, a line a power.
#[test]
fn ring_says_in_words_what_it_can_do() {
    let says = |ring: &KeyRing, lines: &[&str]| {
        assert_eq!(ring.describe().to_string().lines().collect::<Vec<_>>(), lines);
    };
    let mut ring = whole();
    const ROLES: &str = "opens and seals as: app, billing, marketing, medical, support";
    const ENVELOPES: &str = "verifies and writes key envelopes";
    let finds = ["finds by every index", "makes pseudonyms for every purpose"];
    says(&ring, &[ROLES, finds[0], finds[1], ENVELOPES]);
    says(&KeyRing::empty(), &["holds no key"]);

    let asked = reach().writer("medical").index("", "customer", "email");
    let asked = asked.index("acme", "order", "number").pseudonyms("", "stats");
    const FOUND: &str = "finds by: customer.email, order.number of tenant \"acme\"";
    const OTHERS: &str = "knows by name only: app, billing, marketing, support";
    const WRITES: &str = "seals, and cannot open, for: medical";
    says(
        &subset(&ring, &asked),
        &[WRITES, FOUND, "makes pseudonyms for: stats", ENVELOPES, OTHERS],
    );
    says(
        &subset(&ring, &reach().writer("medical")),
        &[
            WRITES,
            ENVELOPES,
            "knows by name only: app, billing, index, marketing, pseudonym, support",
        ],
    );
    says(
        &subset(&ring, &reach().index("", "customer", "email")),
        &[
            "finds by: customer.email",
            "knows by name only: app, billing, envelope, marketing, medical, pseudonym, support",
        ],
    );

    // Older keys add nothing to what the primary one does; a lone one is told.
    for (key_use, name) in [
        (KeyUse::Wrap, "app"),
        (KeyUse::Envelope, "envelope"),
        (KeyUse::Index, "index"),
        (KeyUse::Pseudonym, "pseudonym"),
    ] {
        ring.rotate(key_use, name).unwrap();
    }
    says(&ring, &[ROLES, finds[0], finds[1], ENVELOPES]);
    let medical = ring.rotate(KeyUse::Wrap, "medical").unwrap();
    says(
        &ring.subset(&["app"]).unwrap().into_ring(),
        &[
            "opens and seals as: app",
            WRITES,
            ENVELOPES,
            "knows by name only: billing, index, marketing, pseudonym, support",
        ],
    );
    ring.set_state(medical, KeyState::OpenOnly).unwrap();
    put(&mut ring, SUPPORT, KeyState::Disabled);
    put(&mut ring, MARKETING, KeyState::Compromised);
    put(&mut ring, BILLING, KeyState::Destroyed);
    put(&mut ring, INDEX, KeyState::Compromised);
    put(&mut ring, PSEUDONYM, KeyState::Destroyed);
    put(&mut ring, ENVELOPE, KeyState::Compromised);
    says(
        &ring,
        &[
            "opens and seals as: app",
            "opens, and does not seal, as: medical",
            finds[0],
            finds[1],
            ENVELOPES,
            "opens in rescue mode only, as compromised: marketing",
            "verifies key envelopes of a compromised key in rescue mode only",
            "holds compromised: index",
            "holds disabled: support",
            "destroyed: billing, pseudonym",
        ],
    );
    let newest = ring.primary(KeyUse::Envelope, "envelope").unwrap().id();
    ring.set_state(newest, KeyState::OpenOnly).unwrap();
    put(&mut ring, ENVELOPE, KeyState::Destroyed);
    let text = ring.describe().to_string();
    assert!(text.contains("\nverifies key envelopes, and writes none\n"), "{text}");
}

#[test]
fn words_are_no_more_than_what_is_so() {
    // A writer's half opens nothing, in rescue mode either.
    let mut writer = subset(&whole(), &reach().writer("medical"));
    writer.set_state(id(MEDICAL), KeyState::Compromised).unwrap();
    let text = writer.describe().to_string();
    assert!(text.contains("holds compromised: medical") && !text.contains("opens"), "{text}");
    let half =
        RingKey::writer_half(id(7), "lab", KeyState::OpenOnly, &bytes::public(7), &writer_secret());
    assert_eq!(ring_of([half.unwrap()]).describe().to_string(), "knows by name only: lab");

    // A role that is named like an index or a use is told beside it.
    let mut ring = subset(&whole(), &reach().role("app").index("", "customer", "email"));
    for (number, name) in [(7, "customer.email"), (8, "envelope")] {
        let key = RingKey::name_only(id(number), KeyUse::Wrap, name, KeyState::Primary);
        ring.insert(key.unwrap()).unwrap();
    }
    let text = ring.describe().to_string();
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("knows by name only: billing, customer.email, envelope, "), "{text}");
}

fn writer_secret() -> [u8; 32] {
    writer(7)
}

/// Neither the ring nor what it says shows a byte of a derived key.
#[test]
fn nothing_printed_shows_a_derived_key() {
    let ring = whole();
    let service = ring.subset_with(&reach().role("app").index("", "customer", "email")).unwrap();
    let secret = derived(&ring, INDEX, &index("", "customer", "email")).unwrap();
    let exposed = ring.key(id(INDEX)).unwrap().expose_derived(&index("", "customer", "email"));
    let mut texts = vec![format!("{service} {service:?} {exposed:?}")];
    let service = service.into_ring();
    texts.push(format!("{service:?} {service:#?} {}", service.describe()));
    for text in texts {
        let (packed, list) =
            (text.replace([' ', '\n'], ""), format!("{},{}", secret[0], secret[1]));
        let hex: String = secret[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!packed.contains(&hex) && !packed.contains(&format!("[{list},")), "{text}");
        assert!(packed.contains("customer.email") || packed.contains("Derived"), "{text}");
    }
}

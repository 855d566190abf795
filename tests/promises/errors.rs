//! The table of `ErrorKind`: a situation for each row.

use fieldseal::audit::{AuditRefused, AuditSink, Event};
use fieldseal::jobs::Sweep;
use fieldseal::keyring::{Census, Credential, KeyUse, RingDocument, SlotKey};
use fieldseal::store::{SqliteKeyStore, SubjectColumn};
use fieldseal::{
    Access, Class, DataKeys, Error, ErrorKind, Field, Id, KeyEnvelope, KeyRing, KeyStore as _,
    MemoryKeyStore, RingFile, RowId, Sealed,
};
use rusqlite::Connection;

const CONTACT: Class = Class::new("contact");
const HEALTH: Class = Class::new("health").readers(&["doctor"]);
const LATER: Class = Class::new("later");
const BRIEF: Class = Class::new("brief").retain_days(30);
const NOTE: Field<String> = Field::new("customer", "note", CONTACT);
const AGE: Field<i64> = Field::new("customer", "note", CONTACT);
const ILL: Field<String> = Field::new("customer", "ill", HEALTH);
const NEW: Field<String> = Field::new("customer", "new", LATER);
const SHORT: Field<String> = Field::new("customer", "short", BRIEF);
const NOW: u64 = 1_800_000_000;

struct Deaf;

impl AuditSink for Deaf {
    fn record(&self, _: &Event<'_>) -> Result<(), AuditRefused> {
        Err(AuditRefused)
    }
}

fn failed<T>(result: Result<T, Error>) -> Error {
    result.map(drop).unwrap_err()
}

/// A file of two connections that wait for nothing, with the envelope of subject 42.
fn stored(ring: &KeyRing) -> (place::Folder, [Connection; 2], DataKeys) {
    let folder = place::Folder::new();
    let open = || {
        let on = Connection::open(folder.0.join("a.db")).unwrap();
        on.busy_timeout(std::time::Duration::ZERO).unwrap();
        on.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
        on
    };
    let one = open();
    let keys = DataKeys::create(ring, 42, [CONTACT]).unwrap();
    SqliteKeyStore::new().migrate(&one).unwrap();
    SqliteKeyStore::new().save(&one, &keys).unwrap();
    let other = open();
    (folder, [one, other], keys)
}

/// A ring file whose secrets are in the clear.
fn unprotected() -> (place::Folder, RingFile) {
    let folder = place::Folder::new();
    let file = RingFile::at(folder.0.join("ring.json"));
    let mut document = RingDocument::new(KeyRing::generate().unwrap()).unwrap();
    file.create_unprotected(&mut document).unwrap();
    (folder, file)
}

mod place {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    pub(super) struct Folder(pub(super) PathBuf);

    impl Folder {
        pub(super) fn new() -> Self {
            static LAST: AtomicU32 = AtomicU32::new(0);
            let number = LAST.fetch_add(1, Ordering::Relaxed);
            let name = format!("fieldseal-errors-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn situation(name: &str) -> Option<Error> {
    let mut ring = KeyRing::generate().unwrap();
    ring.add_role("doctor").unwrap();
    let ring = &ring;
    let at = Access::new(ring).at(NOW);
    let keys = DataKeys::create(at, 42, [CONTACT, HEALTH, BRIEF]).unwrap();
    let envelope = keys.envelope();
    let sealed = NOTE.seal(&keys, &"note".into()).unwrap();
    let bytes = sealed.as_bytes();
    let other_bytes = |first: u8| {
        let mut bytes = bytes.to_vec();
        bytes[0] = first;
        Sealed::<String>::from_bytes(bytes)
    };
    let store = SqliteKeyStore::new();
    Some(match name {
        "a sealed value was cut" => failed(NOTE.open(&keys, &Sealed::from_bytes(&bytes[..20]))),
        "there is plaintext in the place of a sealed value" => {
            failed(NOTE.open(&keys, &Sealed::from_bytes(b"ada@example.com".as_slice())))
        }
        "the value to be sealed is sealed already" => failed(NOTE.seal(&keys, &sealed.to_text())),
        "a value was sealed by a later version" => failed(NOTE.open(&keys, &other_bytes(0xF9))),
        "the ring does not hold the envelope key that the key envelope names" => {
            failed(envelope.unwrap(&KeyRing::generate().unwrap(), 42))
        }
        "a key envelope was cut" => {
            let whole = envelope.as_bytes();
            let short = KeyEnvelope::from_bytes(&whole[..20]).unwrap(ring, 42);
            assert_eq!(failed(short).kind().as_str(), "malformed");
            let cut = failed(KeyEnvelope::from_bytes(&whole[..whole.len() - 9]).unwrap(ring, 42));
            assert!(cut.to_string().contains("backup"), "{cut}");
            cut
        }
        "no role of the ring reads the class" => {
            let reception = ring.subset(&["app"]).unwrap().into_ring();
            let ill = ILL.seal(&keys, &"flu".into()).unwrap();
            failed(ILL.open(&envelope.unwrap(&reception, 42).unwrap(), &ill))
        }
        "the retention term of the value has passed" => {
            let short = SHORT.seal(&keys, &"soon gone".into()).unwrap();
            let late = Access::new(ring).at(NOW + 400 * 86_400);
            failed(SHORT.open(&envelope.unwrap(late, 42).unwrap(), &short))
        }
        "the person was erased" => {
            let mut edit = envelope.edit(at, 42).unwrap();
            edit.erase_subject().unwrap();
            failed(NOTE.open(&edit.finish().unwrap().unwrap(at, 42).unwrap(), &sealed))
        }
        "a new envelope is stored under the id of an erased person" => {
            let (_folder, [on, _], _) = stored(ring);
            store.erase(&on, ring, 42).map(drop).unwrap();
            failed(store.save(&on, &DataKeys::create(ring, 42, [CONTACT]).unwrap()))
        }
        "the generation takes no more values under the retention term" => {
            let late = Access::new(ring).at(NOW + 10 * 86_400);
            failed(SHORT.seal(&envelope.unwrap(late, 42).unwrap(), &"late".into()))
        }
        "the ring file has no slot for this key" => {
            let folder = place::Folder::new();
            let file = RingFile::at(folder.0.join("ring.json"));
            let mut document = RingDocument::new(KeyRing::generate().unwrap()).unwrap();
            document.add_slot("service", &Credential::Key(SlotKey::generate().unwrap())).unwrap();
            file.create(&mut document).unwrap();
            failed(file.open(&Credential::Key(SlotKey::generate().unwrap())))
        }
        "the ring file is not protected" => {
            let (_folder, file) = unprotected();
            failed(file.open(&Credential::Key(SlotKey::generate().unwrap())))
        }
        "others can read the ring file" => {
            use std::os::unix::fs::PermissionsExt as _;
            let (_folder, file) = unprotected();
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
            failed(file.read())
        }
        "a value was altered, or moved to another row" => {
            const MOVED: Field<String> = Field::new("customer", "moved", CONTACT);
            failed(MOVED.open(&keys, &sealed))
        }
        "the field has another type than when the value was sealed" => {
            failed(AGE.open(&keys, &Sealed::from_bytes(bytes)))
        }
        "the row is another person's" => {
            use fieldseal::{Record as _, SealedRecord as _};
            let ring = super::hospital();
            failed(super::ada().seal_new(&ring).unwrap().open(&ring, 43))
        }
        "the key envelope is below the version floor" => {
            failed(envelope.unwrap(at.version_floor(7), 42))
        }
        "a class was added after the key envelope was made" => {
            failed(NEW.seal(&keys, &"new".into()))
        }
        "no key envelope is stored for the person" => {
            let (_folder, [on, _], _) = stored(ring);
            failed(store.erase(&on, ring, 43))
        }
        "the application's table has no row for the person" => {
            let on = Connection::open_in_memory().unwrap();
            on.execute_batch("CREATE TABLE customers (id INTEGER PRIMARY KEY, keys BLOB)").unwrap();
            let column = ("id", SubjectColumn::Integer);
            let inline = SqliteKeyStore::inline("customers", column, "keys").unwrap();
            failed(inline.save(&on, &keys))
        }
        "the ring holds no key that signs" => {
            let (_folder, [on, _], _) = stored(ring);
            failed(store.erase(&on, ring, 42).unwrap().receipt(ring, None))
        }
        "an id is empty or too long" => {
            assert_eq!(failed(RowId::new("")).kind().as_str(), "invalid-input");
            failed(DataKeys::create(ring, "x".repeat(300), [CONTACT]))
        }
        "bytes are not an encoded id" => failed(Id::from_encoded(b"\x01\x02")),
        "two declarations of a program contradict each other" => {
            const OTHER: Class = Class::new("contact").readers(&["doctor"]);
            failed(DataKeys::create(ring, 42, [CONTACT, OTHER]))
        }
        "a key is to be retired that is still needed" => {
            let mut ring = ring.subset(&["app", "doctor"]).unwrap().into_ring();
            let former = ring.primary(KeyUse::Wrap, "app").unwrap().id();
            ring.rotate(KeyUse::Wrap, "app").unwrap();
            let mut census = Census::new_at(NOW);
            census.add(envelope.as_bytes());
            failed(ring.retire(former, &census))
        }
        "an envelope has no room for another class" => {
            let names: Vec<String> = (0..600).map(|number| format!("class-{number}")).collect();
            let classes: Vec<_> = names.iter().map(|name| Class::new(name)).collect();
            failed(DataKeys::create(ring, 42, classes.as_slice()))
        }
        "a sweep would erase more than it may" => {
            let store = MemoryKeyStore::new();
            store.save(&(), &DataKeys::create(at, 42, [BRIEF]).unwrap()).unwrap();
            let later = Access::new(ring).at(NOW + 40 * 86_400);
            failed(Sweep::at_most_percent(10).clock_gap_days(60).run(&store, &(), later))
        }
        "the audit sink refused the event" => failed(envelope.unwrap(at.audit(&Deaf), 42)),
        "somebody else stored a change first" => {
            let (_folder, [on, _], _) = stored(ring);
            failed(store.save(&on, &DataKeys::create(ring, 42, [CONTACT]).unwrap()))
        }
        "a pass sees only a part of a table of envelopes" => {
            let (_folder, [on, _], _) = stored(ring);
            on.execute_batch(
                "ALTER TABLE fieldseal_keys RENAME TO everybody;
                 CREATE VIEW fieldseal_keys AS SELECT * FROM everybody WHERE tenant = 'acme'",
            )
            .unwrap();
            failed(store.change_all(&on, ring, |_, _| Ok(())))
        }
        "another connection has the database locked" => {
            let (_folder, [one, other], _) = stored(ring);
            one.execute_batch("BEGIN EXCLUSIVE").unwrap();
            failed(store.erase(&other, ring, 42))
        }
        "another transaction changed what this one has read" => {
            let (_folder, [one, mut other], _) = stored(ring);
            let late = other.transaction().unwrap();
            store.load(&late, "", 42).unwrap();
            store.change(&one, ring, 42, |edit| edit.renew(CONTACT)).unwrap();
            failed(store.change(&late, ring, 42, |edit| edit.renew(CONTACT)))
        }
        "the database has no such table" => {
            failed(store.load(&Connection::open_in_memory().unwrap(), "", 42))
        }
        "the database takes no writes" => {
            let (_folder, [on, _], _) = stored(ring);
            on.execute_batch("PRAGMA query_only = 1").unwrap();
            failed(store.erase(&on, ring, 42))
        }
        _ => return None,
    })
}

/// The situations that need a server, another process or ten seconds: their kind, and the test that brings
/// each about.
const ELSEWHERE: [(&str, ErrorKind, &str); 4] = [
    (
        "the operating system gives no randomness",
        ErrorKind::Randomness,
        "without_randomness_nothing_is_sealed_and_no_ring_is_made",
    ),
    (
        "another process holds the lock of the ring file",
        ErrorKind::Locked,
        "who_waits_for_the_lock_gives_up_after_ten_seconds",
    ),
    (
        "the user of the database lacks a privilege",
        ErrorKind::Io,
        "a_role_without_the_privilege_is_denied_by_postgres",
    ),
    (
        "the server stopped during the call",
        ErrorKind::Io,
        "a_server_that_stops_during_a_call_is_lost_and_the_text_says_to_read_back",
    ),
];

#[test]
fn the_tests_of_the_other_rows_exist() {
    fn holds(folder: &std::path::Path, line: &str) -> bool {
        std::fs::read_dir(folder).unwrap().flatten().any(|entry| match entry.path() {
            path if path.is_dir() => holds(&path, line),
            path if path.extension().is_some_and(|ext| ext == "rs") => {
                std::fs::read_to_string(path).unwrap().contains(line)
            }
            _ => false,
        })
    }
    for (situation, _, test) in ELSEWHERE {
        assert!(holds("tests".as_ref(), &format!("fn {test}()")), "{situation}: {test}");
    }
}

/// A process of its own, whose `getrandom` fails for the 32 bytes that a call draws.
#[allow(
    clippy::print_stdout,
    reason = "what is skipped has to be seen, and the parent reads the child"
)]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn without_randomness_nothing_is_sealed_and_no_ring_is_made() {
    use std::process::Command;

    const NAME: &str = "without_randomness_nothing_is_sealed_and_no_ring_is_made";
    const CHILD: &str = "FIELDSEAL_WITHOUT_RANDOMNESS";
    const FAILS: &str = "#define _GNU_SOURCE
        #include <errno.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        ssize_t getrandom(void *to, size_t len, unsigned flags) {
            if (len == 32) { errno = EIO; return -1; }
            return syscall(SYS_getrandom, to, len, flags);
        }";

    if std::env::var_os(CHILD).is_some() {
        let refused = |error: Error| assert_eq!(error.kind(), ErrorKind::Randomness, "{error}");
        let mut rng = <chacha20::ChaCha20Rng as rand_core::SeedableRng>::from_seed([7; 32]);
        let mut ring = KeyRing::generate_with_rng(&mut rng).unwrap();
        let keys = DataKeys::create_with_rng(&ring, 42, [CONTACT], &mut rng).unwrap();
        refused(failed(KeyRing::generate()));
        refused(failed(DataKeys::create(&ring, 42, [CONTACT])));
        refused(failed(NOTE.seal(&keys, &"note".into())));
        refused(failed(ring.add_role("later")));
        assert!(ring.primary(KeyUse::Wrap, "later").is_none(), "a refusal changes nothing");
        println!("refused without randomness");
        return;
    }
    let folder = place::Folder::new();
    let (source, library) = (folder.0.join("fails.c"), folder.0.join("fails.so"));
    std::fs::write(&source, FAILS).unwrap();
    let cc =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    if !cc.is_ok_and(|status| status.success()) {
        println!("SKIPPED: no C compiler");
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--nocapture"])
        .env("LD_PRELOAD", &library)
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("refused without"), "{said}");
}

#[test]
fn each_row_of_the_table_of_errors_is_so() {
    let source = std::fs::read_to_string("src/error.rs").unwrap();
    let rows: Vec<Vec<&str>> = source
        .lines()
        .filter_map(|line| line.strip_prefix("/// | ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").collect())
        .filter(|row: &Vec<&str>| row[0] != "situation")
        .collect();
    assert!(rows.len() >= 25, "{rows:?}");
    for row in rows {
        let [name, kind, _, status] = row[..] else { panic!("four cells: {row:?}") };
        let kind = kind.split('`').nth(1).unwrap();
        if let Some((_, of, _)) = ELSEWHERE.iter().find(|(situation, ..)| *situation == name) {
            assert_eq!((of.as_str(), of.http_status().to_string().as_str()), (kind, status));
            continue;
        }
        let error = situation(name).unwrap_or_else(|| panic!("no such situation: {name}"));
        assert_eq!(error.kind().as_str(), kind, "{name}: {error}");
        assert_eq!(error.kind().http_status().to_string(), status, "{name}");
        let prefix = format!("{kind}: ");
        assert_eq!(error.to_string().matches(&prefix).count(), 1, "{error}");
    }
}

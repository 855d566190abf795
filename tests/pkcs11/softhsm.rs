//! Tokens of SoftHSM, which a test makes and leaves nothing of.
//!
//! A module is configured by the environment and logged in to by the process, so each test runs in a
//! process of its own, with a folder of its own: [`each`] starts it.

#![allow(unreachable_pub, reason = "the test's own module")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "what is skipped has to be seen")]

use std::any::type_name;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cryptoki::context::Pkcs11 as Module;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use fieldseal::pkcs11::{Pkcs11, Pkcs11Key, Pkcs11Pin};

pub const PIN: &str = "user-5678";
const OFFICER: &str = "officer-1234";
const INSIDE: &str = "FIELDSEAL_TEST_SOFTHSM";

/// Where distributions put it.
const MODULES: &[&str] = &[
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

pub struct SoftHsm {
    module: PathBuf,
    folder: PathBuf,
}

/// Runs `test` with SoftHSM and no tokens, in a process of its own.
pub fn each<T: FnOnce(&SoftHsm)>(test: T) {
    let Some(module) = MODULES.iter().map(Path::new).find(|path| path.exists()) else {
        println!("SKIPPED: SoftHSM is not installed (Debian: apt-get install softhsm2)");
        return;
    };
    if let Some(folder) = env::var_os(INSIDE) {
        return test(&SoftHsm { module: module.to_owned(), folder: folder.into() });
    }
    // `pkcs11::name_of_the_test::{{closure}}`: the thread is not always named for the test.
    let (_, name) = type_name::<T>().split_once("::").unwrap();
    let name = name.trim_end_matches("::{{closure}}");
    let short = name.rsplit("::").next().unwrap();
    let folder = env::temp_dir().join(format!("fieldseal-{}-{short}", std::process::id()));
    fs::create_dir_all(folder.join("tokens")).unwrap();
    fs::write(
        folder.join("softhsm2.conf"),
        format!("directories.tokendir = {}/tokens\nlog.level = ERROR\n", folder.display()),
    )
    .unwrap();
    let done = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("SOFTHSM2_CONF", folder.join("softhsm2.conf"))
        .env(INSIDE, &folder)
        .output()
        .unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{name}: {}\n{out}\n{err}", done.status);
    assert!(out.contains("1 passed"), "{name} did not run:\n{out}");
}

impl SoftHsm {
    /// The module, as a user opens it.
    pub fn open(&self) -> Pkcs11 {
        Pkcs11::open(&self.module).unwrap()
    }

    /// A folder of the test's own.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A new token. By the module, since SoftHSM sees none that another process made meanwhile.
    pub fn token(&self, label: &str) {
        let module = self.raw();
        let free = |slot: &Slot| !module.get_token_info(*slot).unwrap().token_initialized();
        let slot = module.get_slots_with_token().unwrap().into_iter().find(free).unwrap();
        let officer = AuthPin::new(OFFICER.into());
        module.init_token(slot, &officer, label).unwrap();
        let session = module.open_rw_session(slot).unwrap();
        session.login(UserType::So, Some(&officer)).unwrap();
        session.init_pin(&AuthPin::new(PIN.into())).unwrap();
    }

    /// A new token, with a new key.
    pub fn key(&self, token: &str, object: &str) -> Pkcs11Key {
        self.token(token);
        self.another_key(token, object)
    }

    /// A new key of a token.
    pub fn another_key(&self, token: &str, object: &str) -> Pkcs11Key {
        let key = Pkcs11Key::new(token, object).unwrap();
        self.open().generate_key(&key, &pin()).unwrap();
        key
    }

    /// The same module, past this crate.
    pub fn raw(&self) -> Module {
        let module = Module::new(&self.module).unwrap();
        // It is not unloaded with this handle: the crate keeps it.
        self.open();
        module
    }

    /// Where the token is.
    pub fn slot(&self, token: &str) -> Slot {
        let module = self.raw();
        let slots = module.get_slots_with_token().unwrap();
        slots
            .into_iter()
            .find(|slot| module.get_token_info(*slot).unwrap().label() == token)
            .unwrap()
    }

    /// The serial number of the token.
    pub fn serial(&self, token: &str) -> String {
        self.raw().get_token_info(self.slot(token)).unwrap().serial_number().to_owned()
    }

    /// A session past this crate, logged in.
    pub fn raw_session(&self, token: &str) -> Session {
        let session = self.raw().open_rw_session(self.slot(token)).unwrap();
        session.login(UserType::User, Some(&AuthPin::new(PIN.into()))).unwrap();
        session
    }
}

pub fn pin() -> Pkcs11Pin {
    Pkcs11Pin::new(PIN).unwrap()
}

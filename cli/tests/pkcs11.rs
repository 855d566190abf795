//! Rings unlocked by the key of a token, through the program. Needs SoftHSM.
#![cfg(all(unix, feature = "pkcs11"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::print_stdout, reason = "what is skipped has to be seen")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Place, Ran, ran};

const PIN: &str = "user-5678";
const KEY: &str = "pkcs11:token=prod;object=fieldseal";

const MODULES: &[&str] = &[
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/// A folder with a ring and a token; `None` where there is no SoftHSM.
struct Hsm {
    place: Place,
    module: &'static str,
}

impl Hsm {
    fn new() -> Option<Self> {
        let module = MODULES.iter().find(|path| Path::new(path).exists());
        let place = Place::with_ring();
        fs::create_dir(place.path("tokens")).unwrap();
        let folder = place.path("tokens").display().to_string();
        fs::write(place.path("softhsm2.conf"), format!("directories.tokendir = {folder}\n"))
            .unwrap();
        let made = Command::new("softhsm2-util")
            .args([
                "--init-token",
                "--free",
                "--label",
                "prod",
                "--so-pin",
                "officer-1234",
                "--pin",
                PIN,
            ])
            .env("SOFTHSM2_CONF", place.path("softhsm2.conf"))
            .stdout(Stdio::null())
            .status();
        let (Some(module), Ok(_)) = (module, made) else {
            println!("SKIPPED: SoftHSM is not installed (Debian: apt-get install softhsm2)");
            return None;
        };
        place.secret("pin", PIN);
        Some(Self { place, module })
    }

    fn run(&self, pin: &str, args: &[&str]) -> Ran {
        let mut command = self.place.bare();
        command.env("SOFTHSM2_CONF", self.place.path("softhsm2.conf"));
        command.env("FIELDSEAL_PKCS11_MODULE", self.module).env("FIELDSEAL_PIN_FILE", pin);
        ran(command.args(args))
    }

    fn add(&self) {
        let mut command = self.place.command();
        command.env("SOFTHSM2_CONF", self.place.path("softhsm2.conf"));
        command.env("FIELDSEAL_PIN_FILE", "pin").args(["--pkcs11-module", self.module]);
        let slot = ["ring", "slot", "add", "--new-pkcs11-key", KEY, "--generate"];
        let added = ran(command.args(slot));
        assert_eq!(added.code, 0, "{}", added.err);
        assert!(added.out.contains("added slot 2") && added.out.contains(KEY), "{}", added.out);
    }
}

#[test]
fn key_of_a_token_unlocks_the_ring() {
    let Some(hsm) = Hsm::new() else { return };
    hsm.add();
    let shown = hsm.run("pin", &["ring", "rotate", "app", "--pkcs11-key", KEY]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert_eq!(hsm.place.generation(), 3);
    let slot = &hsm.place.json(&["ring", "slot", "list"])["slots"][1];
    assert_eq!(
        (&slot["kind"], &slot["service"], &slot["key"]),
        (&"service".into(), &"pkcs11".into(), &KEY.into())
    );
}

#[test]
fn wrong_pin_or_key_does_not_unlock() {
    let Some(hsm) = Hsm::new() else { return };
    let list = |pin: &str, uri: &str| hsm.run(pin, &["ring", "list", "--pkcs11-key", uri]);
    list("pin", KEY).failed(4, "no slot", "slot list");
    hsm.add();
    hsm.place.secret("wrong", "user-0000");
    let refused = list("wrong", KEY);
    refused.failed(4, "PIN", "");
    assert!(!refused.err.contains("user-0000"));
    list("pin", "pkcs11:token=prod;object=other").failed(4, "no slot", "slot list");
    list("pin", "pkcs11:token=prod").failed(2, "object=", "");
    let no_pin = ["ring", "list", "--pkcs11-key", KEY];
    ran(hsm.place.bare().args(no_pin)).failed(2, "module", "--pkcs11-module");
    ran(hsm.place.bare().args(no_pin).args(["--pkcs11-module", hsm.module])).failed(
        4,
        "PIN",
        "FIELDSEAL_PIN_FILE",
    );
}

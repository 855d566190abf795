//! An application, as far as the tests of the commands over databases need one: it stores key envelopes
//! and values by the library, in the ring of the place.

#![allow(unreachable_pub, reason = "shared by the test binaries")]
#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test")]

use fieldseal::envelope::SealedInfo;
use fieldseal::keyring::Passphrase;
use fieldseal::store::SqlxKeyStore;
use fieldseal::{
    Access, AsyncKeyStore as _, Class, DataKeys, Error, Field, KeyRing, RingFile, ToId,
};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use super::{PASSPHRASE, Place};

pub const CONTACT: Class =
    Class::new("contact").readers(&["app"]).readers_with_consent(&["marketing"]);
pub const EMAIL: Field<String> = Field::new("customer", "email", CONTACT);

pub const DAY: u64 = 86_400;
pub const OWN: [&str; 2] = ["--store", "sqlite:shop.db"];

pub fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

impl Place {
    /// A folder with a ring of the roles app and marketing, which signs, with an empty database, and a
    /// ledger.
    pub fn with_shop() -> Self {
        let place = Self::new();
        place.init(&["--role", "marketing"]);
        place.ok(&["ring", "add-key", "sign"]);
        place.ok(&["store", "migrate", "--store", "sqlite:shop.db", "--create"]);
        let classes = serde_json::to_string(&[CONTACT]).unwrap();
        std::fs::write(place.path("classes.json"), classes).unwrap();
        place.ok(&["ledger", "begin", "ledger"]);
        place
    }

    /// The ring, as a service opens it.
    pub fn ring(&self) -> KeyRing {
        let file = RingFile::at(self.path("fieldseal-ring.json"));
        let opened = file.open(&Passphrase::new(PASSPHRASE).unwrap().into()).unwrap();
        opened.into_ring()
    }

    pub fn shop(&self) -> Shop {
        self.shop_in("shop.db")
    }

    pub fn shop_in(&self, file: &str) -> Shop {
        Shop { path: self.path(file), ring: self.ring() }
    }

    /// With the envelope of a subject it tells what the application does with it.
    pub fn ledger(&self) -> fieldseal::store::LedgerFile {
        fieldseal::store::LedgerFile::at(self.path("ledger"))
    }
}

/// The application's database, and its ring.
pub struct Shop {
    path: std::path::PathBuf,
    pub ring: KeyRing,
}

impl Shop {
    pub async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(&self.path).create_if_missing(true);
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    pub fn run(&self, sql: &'static str) {
        wait(async {
            sqlx::raw_sql(sql).execute(&mut self.connect().await).await.unwrap();
        });
    }

    /// Signs a customer up: an envelope, and an e-mail address sealed.
    pub fn sign_up(&self, subject: impl ToId + Copy) -> fieldseal::Sealed<String> {
        let keys = DataKeys::create(&self.ring, subject, [CONTACT]).unwrap();
        self.save(subject, &keys);
        EMAIL.seal(&keys, &"ada@example.com".to_owned()).unwrap()
    }

    pub fn save(&self, subject: impl ToId, keys: &DataKeys) {
        let store = SqlxKeyStore::<sqlx::Sqlite>::new();
        let saved = async {
            store.save_unchecked(&mut self.connect().await, "", subject, keys.envelope()).await
        };
        wait(saved).unwrap();
    }

    pub fn rewrap(&self) {
        let pass = wait(async {
            let store = SqlxKeyStore::<sqlx::Sqlite>::new();
            let rewrap = |_: &_, edit: &mut fieldseal::envelope::EnvelopeEdit<'_>| {
                edit.rewrap([CONTACT]).map(drop)
            };
            store.change_all(&mut self.connect().await, &self.ring, rewrap).await
        });
        assert!(pass.unwrap().failed.is_empty());
    }

    /// What this ring opens of a value.
    pub fn open(
        &self,
        ring: &KeyRing,
        subject: impl ToId + Copy,
        value: &fieldseal::Sealed<String>,
    ) -> Result<String, Error> {
        let store = SqlxKeyStore::<sqlx::Sqlite>::new();
        let loaded = async { store.load(&mut self.connect().await, "", subject).await };
        let envelope = wait(loaded).unwrap().unwrap();
        let keys = envelope.unwrap(Access::new(ring), subject)?;
        EMAIL.open(&keys, value)
    }

    /// How the envelope of a subject is stored.
    pub fn envelope(&self, subject: impl ToId) -> Option<Vec<u8>> {
        let store = SqlxKeyStore::<sqlx::Sqlite>::new();
        let loaded = async { store.load(&mut self.connect().await, "", subject).await };
        wait(loaded).unwrap().map(|envelope| envelope.as_bytes().to_vec())
    }

    pub fn version(&self, subject: impl ToId) -> u64 {
        match SealedInfo::from_bytes(&self.envelope(subject).unwrap()).unwrap() {
            SealedInfo::Envelope(info) => info.version,
            _ => panic!("no envelope"),
        }
    }
}

/// The counts of one key in a census.
pub fn counted(census: &Value, id: &str) -> u64 {
    let keys = census["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["id"] == id).unwrap_or_else(|| panic!("{census}"));
    key["envelopes"].as_u64().unwrap()
}

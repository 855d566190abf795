//! A service's ring: its roles, the writer halves it needs, and what it may find and name by.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use super::{KeyMaterial, KeyRing, KeyState, KeyUse, RingKey, Scope};
use crate::error::{Error, ErrorKind};

/// What a service is to reach, for [`KeyRing::subset_with`]: as little as it needs.
///
/// ```
/// use fieldseal::keyring::Capabilities;
/// use fieldseal::KeyRing;
///
/// let mut ring = KeyRing::generate()?;
/// ring.add_role("support")?;
/// ring.add_key_pair_role("billing")?;
/// ring.add_index_key()?;
///
/// let reach = Capabilities::new().role("support").writer("billing").index("", "customer", "email");
/// let support = ring.subset_with(&reach)?.into_ring();
/// assert_eq!(
///     support.describe().to_string(),
///     "opens and seals as: support\n\
///      seals, and cannot open, for: billing\n\
///      finds by: customer.email\n\
///      verifies and writes key envelopes\n\
///      knows by name only: app"
/// );
///
/// // A service that only searches holds no key that opens anything, and none of envelopes.
/// let search = ring.subset_with(&Capabilities::new().index("", "customer", "email"))?.into_ring();
/// assert!(search.seal(b"note", b"text").is_err());
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Capabilities<'a> {
    roles: Vec<&'a str>,
    writers: Vec<&'a str>,
    indexes: Vec<(&'a str, &'a str, &'a str)>,
    purposes: Vec<(&'a str, &'a str)>,
    signs: bool,
}

impl<'a> Capabilities<'a> {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// This role: its keys in full.
    pub fn role(mut self, role: &'a str) -> Self {
        self.roles.push(role);
        self
    }

    /// The writer half of this key-pair role: seals for it, and cannot open.
    pub fn writer(mut self, role: &'a str) -> Self {
        self.writers.push(role);
        self
    }

    /// The key of this index of a record, for one tenant (empty where there is only one). Record and index go by
    /// their stable ids, which [`Index::record`](crate::Index::record) and [`Index::id`](crate::Index::id) give, and not
    /// by the names of columns.
    pub fn index(mut self, tenant: &'a str, record: &'a str, index: &'a str) -> Self {
        self.indexes.push((tenant, record, index));
        self
    }

    /// The key of the pseudonyms of this purpose, for one tenant (empty where there is only one).
    pub fn pseudonyms(mut self, tenant: &'a str, purpose: &'a str) -> Self {
        self.purposes.push((tenant, purpose));
        self
    }

    /// The key that signs what is said of erasures, withdrawals and grants. Without it a service
    /// verifies such, and makes none.
    pub fn signs(mut self) -> Self {
        self.signs = true;
        self
    }

    fn scopes(&self) -> Result<Vec<Scope>, Error> {
        let indexes =
            self.indexes.iter().map(|(tenant, record, index)| Scope::index(tenant, record, index));
        let purposes =
            self.purposes.iter().map(|(tenant, purpose)| Scope::pseudonym(tenant, purpose));
        let mut scopes = indexes.chain(purposes).collect::<Result<Vec<_>, _>>()?;
        scopes.sort();
        scopes.dedup();
        Ok(scopes)
    }
}

/// A ring for one service, and what it kept of the ring it was made from.
///
/// It prints as a list of what the service holds, a line a key;
/// [`KeyRing::describe`] says what it can do.
#[derive(Debug)]
pub struct Subset {
    ring: KeyRing,
}

impl KeyRing {
    /// The ring of a service that has these roles: their keys in full, the envelope keys, the writer
    /// halves of other key-pair roles, the public halves of keys that sign, and of everything else the
    /// name only.
    ///
    /// Who holds the writer halves of all readers of a class can make values that they accept. A
    /// service that writes for some of them only gets a [`subset_with`](Self::subset_with).
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) naming a role of which this ring holds no key that opens.
    pub fn subset(&self, roles: &[&str]) -> Result<Subset, Error> {
        let writers = self.keys().filter(|key| writes(key)).map(RingKey::name);
        let reach = Capabilities {
            roles: roles.to_vec(),
            writers: writers.collect(),
            ..Capabilities::new()
        };
        self.subset_of(&reach, &[], true)
    }

    /// The ring of a service that reaches this and no more: the keys of its roles in full, the writer
    /// halves and derived keys that are named, the public halves of keys that sign unless it
    /// [signs](Capabilities::signs), and of everything else the name only. The envelope keys go with it where it
    /// has a role or a writer half; who only finds, names or signs needs none.
    ///
    /// # Errors
    /// [`MissingKey`](ErrorKind::MissingKey) naming what this ring cannot give: a role of which it holds
    /// no key that opens, a writer of which it holds no primary key pair or writer half, an index or a
    /// purpose for which it holds no key in use, a key that signs. [`InvalidInput`](ErrorKind::InvalidInput) for what is no name.
    pub fn subset_with(&self, reach: &Capabilities<'_>) -> Result<Subset, Error> {
        for role in &reach.writers {
            if !self.primary(KeyUse::Wrap, role).is_some_and(writes) {
                return Err(Error::new(
                    ErrorKind::MissingKey,
                    format!(
                        "this ring holds no writer half of role `{role}`: is it a key-pair role?"
                    ),
                ));
            }
        }
        let scopes = reach.scopes()?;
        for scope in &scopes {
            let mut keys = self.named(scope.key_use(), scope.key_use().as_str());
            if !keys.any(|key| key.opens(true) && key.expose_derived(scope).is_some()) {
                return Err(Error::new(
                    ErrorKind::MissingKey,
                    format!("this ring holds no {} key for {scope}", scope.key_use()),
                ));
            }
        }
        let signer = self.primary(KeyUse::Sign, KeyUse::Sign.as_str());
        if reach.signs && signer.is_none_or(|key| key.holds() != KeyMaterial::Secret) {
            return Err(Error::new(
                ErrorKind::MissingKey,
                "this ring holds no key that signs: add one, or make the subset where it is",
            ));
        }
        let envelopes = !reach.roles.is_empty() || !reach.writers.is_empty();
        self.subset_of(reach, &scopes, envelopes)
    }

    fn subset_of(
        &self,
        reach: &Capabilities<'_>,
        scopes: &[Scope],
        envelopes: bool,
    ) -> Result<Subset, Error> {
        for role in &reach.roles {
            if !self.named(KeyUse::Wrap, role).any(|key| key.is_ours(true)) {
                return Err(Error::new(
                    ErrorKind::MissingKey,
                    format!("this ring holds no key that opens as role `{role}`"),
                ));
            }
        }
        let mut ring = Self::empty();
        for key in self.keys() {
            let keep = match key.key_use() {
                KeyUse::Envelope if envelopes => KeyMaterial::Secret,
                KeyUse::Wrap if reach.roles.contains(&key.name()) => key.holds(),
                KeyUse::Wrap if writes(key) && reach.writers.contains(&key.name()) => {
                    KeyMaterial::WriterHalf
                }
                KeyUse::Index | KeyUse::Pseudonym => KeyMaterial::Derived,
                // [RK-9] One that signs no more still tells who is meant in what it signed.
                KeyUse::Sign if reach.signs && key.opens(true) => KeyMaterial::Secret,
                KeyUse::Sign => KeyMaterial::Public,
                KeyUse::Wrap | KeyUse::Envelope => KeyMaterial::NameOnly,
            };
            ring.insert(key.reduced(keep, scopes))?;
        }
        Ok(Subset { ring })
    }
}

/// Only a primary key wraps, so of the others a writer needs nothing.
fn writes(key: &RingKey) -> bool {
    key.state() == KeyState::Primary && key.half().is_some()
}

impl Subset {
    /// The service's ring.
    pub fn into_ring(self) -> KeyRing {
        self.ring
    }

    /// What was kept: of each key, its use, name and state, and how much of it is
    /// [held](RingKey::holds).
    pub fn kept(&self) -> impl Iterator<Item = &RingKey> {
        self.ring.keys()
    }
}

impl fmt::Display for Subset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, key) in self.kept().enumerate() {
            write!(f, "{}{key}", if position == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

//! The ring of a running server, exchanged for a newer one while it is used.

use std::fs;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use alloc::sync::Arc;
use core::fmt;

use super::ring_file::RingFile;
use crate::error::Error;
use crate::keyring::{Credential, KeyRing, LockedRing, RingDocument};

/// The ring of a running server. Whoever asks gets the whole ring as it is at that moment and keeps it
/// for the length of a request; a newer one takes its place between two of them, without a pause.
///
/// ```
/// use fieldseal::keyring::{KeyUse, RingDocument, SlotKey};
/// use fieldseal::{KeyRing, RingFile, SharedRing};
///
/// # let folder = std::env::temp_dir().join(format!("fieldseal-shared-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let path = folder.join("ring.json");
/// # let _ = std::fs::remove_file(&path);
/// # let key = SlotKey::generate()?.into();
/// # let mut document = RingDocument::new(KeyRing::generate()?)?;
/// # document.add_slot("server", &key)?;
/// # RingFile::at(&path).create(&mut document)?;
/// let shared = SharedRing::open(RingFile::at(&path), &key)?;
/// let ring = shared.ring(); // for one request
///
/// // The operator rotates; the server looks now and then, or on a signal.
/// RingFile::at(&path).update(&key, |document| document.ring_mut().rotate(KeyUse::Wrap, "app"))?;
/// assert!(shared.refresh()?);
/// assert_ne!(
///     shared.ring().primary(KeyUse::Wrap, "app").map(|key| key.id()),
///     ring.primary(KeyUse::Wrap, "app").map(|key| key.id()),
/// );
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub struct SharedRing {
    ring: RwLock<Arc<KeyRing>>,
    /// Also keeps two refreshes from running at once.
    source: Mutex<Source>,
}

struct Source {
    file: RingFile,
    /// What opens the next generation. Its ring was taken out, and is the shared one.
    document: RingDocument,
    stamp: Option<Stamp>,
}

impl SharedRing {
    /// The ring in this file. What is needed to open its later generations is kept in memory.
    ///
    /// # Errors
    /// Those of [`RingFile::open`].
    pub fn open(file: RingFile, credential: &Credential) -> Result<Self, Error> {
        Self::open_with(file, |locked| locked.unlock(credential))
    }

    /// [`open`](Self::open) by other means: an outside key service.
    ///
    /// # Errors
    /// Those of [`RingFile::read`], and of what opens the document.
    pub fn open_with(
        file: RingFile,
        open: impl FnOnce(&LockedRing) -> Result<RingDocument, Error>,
    ) -> Result<Self, Error> {
        // Before it is read: what is written in between is then seen as newer.
        let stamp = Stamp::of(&file).filter(Stamp::is_settled);
        let mut document = open(&file.read()?)?;
        let ring = Arc::new(core::mem::take(document.ring_mut()));
        Ok(Self { ring: RwLock::new(ring), source: Mutex::new(Source { file, document, stamp }) })
    }

    /// The ring as it is now. Ask again for each request, and for no longer.
    pub fn ring(&self) -> Arc<KeyRing> {
        // What panics elsewhere cannot leave half a ring here: one pointer is exchanged.
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks whether the file is newer, and takes its ring if it is: whether it was. Cheap where it is
    /// not: one look at the file's metadata, from two seconds after it was written. When it fails, the
    /// former ring stays in use.
    ///
    /// # Errors
    /// Those of [`RingFile::read`] and [`RingDocument::reopen`]: another document or one whose slot was
    /// removed with a new master key is [`Unlock`](crate::ErrorKind::Unlock), an earlier generation
    /// [`RolledBack`](crate::ErrorKind::RolledBack), another writing of the same generation
    /// [`Conflict`](crate::ErrorKind::Conflict).
    pub fn refresh(&self) -> Result<bool, Error> {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = Stamp::of(&source.file);
        if stamp.is_some() && stamp == source.stamp {
            return Ok(false);
        }
        let stamp = stamp.filter(Stamp::is_settled);
        let mut document = source.document.reopen(&source.file.read()?)?;
        let newer = document.generation() > source.document.generation();
        if newer {
            let ring = Arc::new(core::mem::take(document.ring_mut()));
            let former = {
                let mut place = self.ring.write().unwrap_or_else(PoisonError::into_inner);
                core::mem::replace(&mut *place, ring)
            };
            // Wiping a large ring takes a moment, which nobody should wait for.
            drop(former);
            source.document = document;
        }
        source.stamp = stamp;
        Ok(newer)
    }

    /// The generation of the document in use.
    pub fn generation(&self) -> u64 {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).document.generation()
    }
}

impl fmt::Debug for SharedRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRing").field("ring", &self.ring()).finish_non_exhaustive()
    }
}

const TICK: Duration = Duration::from_secs(2);

/// What changes when a file is replaced.
#[derive(PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    file: (u64, u64),
}

impl Stamp {
    /// `None` where there is nothing to see: then the file is read, and says why.
    fn of(file: &RingFile) -> Option<Self> {
        let metadata = fs::metadata(file.path()).ok()?;
        #[cfg(unix)]
        let file = {
            use std::os::unix::fs::MetadataExt as _;
            (metadata.dev(), metadata.ino())
        };
        #[cfg(not(unix))]
        let file = (0, 0);
        Some(Self { modified: metadata.modified().ok(), len: metadata.len(), file })
    }

    /// Whether the next writing will be told from this one. Within a tick of the file system's clock,
    /// at most two seconds, a file can be replaced twice, and be given the number it had.
    fn is_settled(&self) -> bool {
        let age = self.modified.and_then(|modified| modified.elapsed().ok());
        age.is_some_and(|age| age > TICK)
    }
}

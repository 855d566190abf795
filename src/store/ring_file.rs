//! A ring document in a file.

use std::path::{Path, PathBuf};

use alloc::format;

use super::disk::{self, Content, Lock, Observer};
use crate::encoding::{is_utf16, without_mark};
use crate::error::{Error, ErrorKind};
use crate::keyring::{Credential, Fingerprint, Floor, LockedRing, RingDocument, RingId};

/// The place of a ring document, and how it is treated there.
///
/// Writing is all or nothing: the file is the old one or the new one at every moment, whatever ends the
/// process. Writers take turns by an advisory lock on a file beside it (`ring.json.lock`), and one that
/// would write over a version which it has not read is refused. A file that others than its owner can
/// use is refused, with the command that mends it.
///
/// ```
/// use fieldseal::keyring::{KeyUse, RingDocument, SlotKey};
/// use fieldseal::{KeyRing, RingFile};
///
/// # let folder = std::env::temp_dir().join(format!("fieldseal-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let path = folder.join("ring.json");
/// # let _ = std::fs::remove_file(&path);
/// let key = SlotKey::generate()?.into(); // keep its text in a secret store
/// let mut document = RingDocument::new(KeyRing::generate()?)?;
/// document.add_slot("server", &key)?;
/// let file = RingFile::at(&path);
/// file.create(&mut document)?;
///
/// // Elsewhere, later: read, change and write, with nobody in between.
/// let (document, id) =
///     file.update(&key, |document| document.ring_mut().rotate(KeyUse::Wrap, "app"))?;
/// assert_eq!(document.generation(), 2);
/// assert!(file.open(&key)?.ring().key(id).is_some());
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RingFile {
    path: PathBuf,
    floor: Floor,
    only: Option<RingId>,
    any_permissions: bool,
}

impl RingFile {
    /// The file at this path. A link is followed, and stays.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), floor: Floor::default(), only: None, any_permissions: false }
    }

    /// Refuses what stands below this as [`RolledBack`](ErrorKind::RolledBack). Keep the floor elsewhere
    /// than the file. See [`LockedRing::floor`].
    pub fn floor(mut self, floor: impl Into<Floor>) -> Self {
        self.floor = floor.into();
        self
    }

    /// Refuses every other document than this one as [`Unlock`](ErrorKind::Unlock). See
    /// [`LockedRing::only`].
    pub fn only(mut self, id: RingId) -> Self {
        self.only = Some(id);
        self
    }

    /// Takes files that others than their owner can use: for places that give a service its files by
    /// way of a group.
    pub fn any_permissions(mut self) -> Self {
        self.any_permissions = true;
        self
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the document, without opening it.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io); [`Permissions`](ErrorKind::Permissions) for a file that others can use;
    /// and those of [`LockedRing::from_json`].
    pub fn read(&self) -> Result<LockedRing, Error> {
        self.parse(&disk::read(&self.path, self.any_permissions, disk::RING)?)
    }

    fn parse(&self, content: &Content) -> Result<LockedRing, Error> {
        if is_utf16(&content.bytes) {
            return Err(Error::malformed(format!(
                "{} is a text in UTF-16: save it as UTF-8",
                self.path.display()
            )));
        }
        let locked = LockedRing::from_json(without_mark(&content.bytes))?.floor(self.floor);
        Ok(match self.only {
            Some(id) => locked.only(id),
            None => locked,
        })
    }

    /// Reads the document and opens it.
    ///
    /// # Errors
    /// Those of [`read`](Self::read) and of [`LockedRing::unlock`].
    pub fn open(&self, credential: &Credential) -> Result<RingDocument, Error> {
        self.read()?.unlock(credential)
    }

    /// Writes a document where no file is yet; readable by its owner only.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) when there is a file; [`Locked`](ErrorKind::Locked),
    /// [`Io`](ErrorKind::Io); [`FailedPrecondition`](ErrorKind::FailedPrecondition) for a document without a slot.
    pub fn create(&self, document: &mut RingDocument) -> Result<(), Error> {
        let (json, mark) = document.next_json()?;
        self.create_text(json.as_bytes(), || document.stored(mark))
    }

    /// Writes a document **with its secrets in the clear** where no file is yet, and gives its
    /// fingerprint to [pin](LockedRing::open_pinned) it by.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_unprotected(&self, document: &mut RingDocument) -> Result<Fingerprint, Error> {
        let (json, fingerprint) = document.next_unprotected_json()?;
        self.create_text(json.as_bytes(), || document.stored(fingerprint.into()))?;
        Ok(fingerprint)
    }

    fn create_text(&self, text: &[u8], stored: impl FnOnce()) -> Result<(), Error> {
        let observe: Observer<'_> = &mut |_| {};
        let lock = Lock::take(&self.path, observe)?;
        // A link that leads nowhere is something, too.
        match lock.path.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("look at", &lock.path, error)),
            Ok(_) => {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("{} is there already, and is not written over", lock.path.display()),
                ));
            }
        }
        lock.replace(text, None, observe, stored)
    }

    /// Writes the next generation of a document that was read from here, or created here. One that was
    /// opened unprotected, and has no slot, is written so.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) when the file is not the version that the document was read
    /// from: nothing is written then; [`Locked`](ErrorKind::Locked), [`Io`](ErrorKind::Io),
    /// [`Permissions`](ErrorKind::Permissions). Where the new file is in its place and only making it
    /// last failed, that is `Io` too, and [`generation`](RingDocument::generation) has grown.
    pub fn save(&self, document: &mut RingDocument) -> Result<(), Error> {
        self.save_observed(document, &mut |_| {})
    }

    /// [`save`](Self::save), telling each step: for tests that end the process there.
    #[doc(hidden)]
    pub fn save_observed(
        &self,
        document: &mut RingDocument,
        observe: &mut dyn FnMut(&'static str),
    ) -> Result<(), Error> {
        let lock = Lock::take(&self.path, observe)?;
        self.save_locked(&lock, document, observe)
    }

    fn save_locked(
        &self,
        lock: &Lock,
        document: &mut RingDocument,
        observe: Observer<'_>,
    ) -> Result<(), Error> {
        let former = disk::read(&lock.path, self.any_permissions, disk::RING)?;
        if !document.is_of(&self.parse(&former)?) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "{} was changed since it was read: read it again, and make the change to that",
                    lock.path.display()
                ),
            ));
        }
        let (json, mark) = document.next_text()?;
        let former = Some(&former.metadata);
        lock.replace(json.as_bytes(), former, observe, || document.stored(mark))
    }

    /// Opens the document, changes it and writes it, with no other writer in between. Nothing is
    /// written when the change fails.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), of the change, and of [`save`](Self::save).
    pub fn update<T>(
        &self,
        credential: &Credential,
        change: impl FnOnce(&mut RingDocument) -> Result<T, Error>,
    ) -> Result<(RingDocument, T), Error> {
        self.update_with(|locked| locked.unlock(credential), change)
    }

    /// [`update`](Self::update) of a document that is opened by other means: an outside key service, a
    /// pinned fingerprint.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn update_with<T>(
        &self,
        open: impl FnOnce(&LockedRing) -> Result<RingDocument, Error>,
        change: impl FnOnce(&mut RingDocument) -> Result<T, Error>,
    ) -> Result<(RingDocument, T), Error> {
        let observe: Observer<'_> = &mut |_| {};
        let lock = Lock::take(&self.path, observe)?;
        let mut document =
            open(&self.parse(&disk::read(&lock.path, self.any_permissions, disk::RING)?)?)?;
        let changed = change(&mut document)?;
        self.save_locked(&lock, &mut document, observe)?;
        Ok((document, changed))
    }
}

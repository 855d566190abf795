//! The bytes of a key envelope: strict parsing, and writing that gives the same bytes.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::context::is_name;
use crate::encoding::{KEY_ENVELOPE, Put, Reader};
use crate::error::{Error, ErrorKind};
use crate::kdf::sha256;
use crate::wrap::{WrapContext, wrapped_len};

/// `[KE-1]` The smallest envelope holds one whole-subject erasure.
pub(crate) const SMALLEST: usize = 40;
const LARGEST: usize = 65_535;
/// Envelope key id (4) and MAC (16), behind the entries.
const TRAILER: usize = 20;
pub(crate) const MAC: usize = 16;

const LIVE: u8 = 0x01;
const ERASED: u8 = 0x02;
const SUBJECT_ERASED: u8 = 0x03;

/// A key tag: the first 4 bytes of a commitment.
pub(crate) type KeyTag = [u8; 4];

/// An envelope's content, in canonical order.
#[derive(Clone)]
pub(crate) struct Layout<'a> {
    pub(crate) version: u64,
    pub(crate) entries: Vec<Entry<'a>>,
    /// When the whole subject was erased.
    pub(crate) erased_at: Option<u64>,
    pub(crate) key_id: u32,
}

/// One generation of one class.
#[derive(Clone)]
pub(crate) struct Entry<'a> {
    pub(crate) class: Cow<'a, str>,
    pub(crate) generation: u16,
    pub(crate) state: State<'a>,
}

#[derive(Clone)]
pub(crate) enum State<'a> {
    Live(Live<'a>),
    Erased { tag: KeyTag, erased_at: u64 },
}

#[derive(Clone)]
pub(crate) struct Live<'a> {
    pub(crate) suite: u8,
    pub(crate) created_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) commitment: [u8; 32],
    pub(crate) recipients: Vec<Recipient<'a>>,
}

#[derive(Clone)]
pub(crate) struct Recipient<'a> {
    pub(crate) kind: u8,
    pub(crate) key_id: u32,
    pub(crate) wrapped: Cow<'a, [u8]>,
}

/// The key tag of a commitment.
pub(crate) fn tag_of(commitment: &[u8; 32]) -> KeyTag {
    let [a, b, c, d, ..] = *commitment;
    [a, b, c, d]
}

/// `[ED-21]` What a mark has in place of a key tag, if no generation of the class was live when it was added.
pub(crate) fn empty_tag(class: &str, generation: u16, erased_at: u64) -> KeyTag {
    let mut of = Vec::new();
    of.put_s8(class.as_bytes());
    of.put_u16(generation);
    of.put_u64(erased_at);
    tag_of(&sha256(&[b"fieldseal/v1 empty class", &of]))
}

impl Entry<'_> {
    /// `[ED-21]` Whether no generation of the class was live when this entry was added.
    pub(crate) fn is_empty_mark(&self) -> bool {
        match self.state {
            State::Erased { tag, erased_at } => {
                tag == empty_tag(&self.class, self.generation, erased_at)
            }
            State::Live(_) => false,
        }
    }

    pub(crate) fn tag(&self) -> KeyTag {
        match &self.state {
            State::Live(live) => tag_of(&live.commitment),
            State::Erased { tag, .. } => *tag,
        }
    }

    pub(crate) fn live(&self) -> Option<&Live<'_>> {
        match &self.state {
            State::Live(live) => Some(live),
            State::Erased { .. } => None,
        }
    }

    /// When the entry was erased, if it was.
    pub(crate) fn erased_at(&self) -> Option<u64> {
        match &self.state {
            State::Erased { erased_at, .. } => Some(*erased_at),
            State::Live(_) => None,
        }
    }

    pub(crate) fn into_owned(self) -> Entry<'static> {
        Entry {
            class: Cow::Owned(self.class.into_owned()),
            generation: self.generation,
            state: match self.state {
                State::Live(live) => State::Live(Live {
                    suite: live.suite,
                    created_at: live.created_at,
                    expires_at: live.expires_at,
                    commitment: live.commitment,
                    recipients: live.recipients.into_iter().map(Recipient::into_owned).collect(),
                }),
                State::Erased { tag, erased_at } => State::Erased { tag, erased_at },
            },
        }
    }

    /// Its bytes. `[RC-4]` More than 255 recipients are not counted.
    pub(crate) fn len(&self) -> Result<usize, Error> {
        self.check_recipients()?;
        let mut out = Vec::new();
        self.write(&mut out);
        Ok(out.len())
    }

    fn check_recipients(&self) -> Result<(), Error> {
        if self.live().is_some_and(|live| live.recipients.len() > 255) {
            return Err(Error::new(
                ErrorKind::Exhausted,
                "a generation has at most 255 recipients",
            ));
        }
        Ok(())
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.put_u8(if self.live().is_some() { LIVE } else { ERASED });
        out.put_s8(self.class.as_bytes());
        out.put_u16(self.generation);
        match &self.state {
            State::Live(live) => live.write(out),
            State::Erased { tag, erased_at } => {
                out.put(tag);
                out.put_u64(*erased_at);
            }
        }
    }
}

impl<'a> Live<'a> {
    /// What the keys of this generation are bound to.
    pub(crate) fn context<'c>(
        &'c self,
        tenant: &'c str,
        subject: &'c [u8],
        class: &'c str,
        generation: u16,
    ) -> WrapContext<'c> {
        WrapContext {
            tenant,
            subject,
            class,
            generation,
            suite: self.suite,
            created_at: self.created_at,
            expires_at: self.expires_at,
            commitment: &self.commitment,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.put_u8(self.suite);
        out.put_u64(self.created_at);
        out.put_u64(self.expires_at);
        out.put(&self.commitment);
        // An entry of more than 255 recipients is refused before it is written (RC-4).
        out.put_u8(u8::try_from(self.recipients.len()).unwrap_or(u8::MAX));
        for recipient in &self.recipients {
            out.put_u8(recipient.kind);
            out.put_u32(recipient.key_id);
            out.put_u16(u16::try_from(recipient.wrapped.len()).unwrap_or(u16::MAX));
            out.put(&recipient.wrapped);
        }
    }

    /// `[LE-1]` Everything of a live entry behind its class and generation.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let suite = reader.u8()?;
        let created_at = reader.u64()?;
        let expires_at = reader.u64()?;
        let commitment = reader.array()?;
        let count = reader.u8()?;
        if count == 0 {
            return Err(Error::malformed("a live generation has no recipient"));
        }
        let mut recipients = Vec::with_capacity(count.into());
        let mut last = 0;
        for _ in 0..count {
            let recipient = Recipient::read(reader)?;
            // `[RC-1]` Strictly ascending by ring key id, which is not 0.
            if recipient.key_id <= last {
                return Err(Error::malformed("the recipients of a generation are out of order"));
            }
            last = recipient.key_id;
            recipients.push(recipient);
        }
        Ok(Self { suite, created_at, expires_at, commitment, recipients })
    }
}

impl<'a> Recipient<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let kind = reader.u8()?;
        let key_id = reader.u32()?;
        let wrapped = reader.s16()?;
        // `[RC-2]`, `[RC-3]` A known kind has its length; an unknown one is kept as it is.
        let fits = wrapped_len(kind).is_none_or(|len| len == wrapped.len());
        if !fits {
            return Err(Error::malformed("a wrapped key has the wrong length for its kind"));
        }
        Ok(Self { kind, key_id, wrapped: Cow::Borrowed(wrapped) })
    }

    fn into_owned(self) -> Recipient<'static> {
        Recipient {
            kind: self.kind,
            key_id: self.key_id,
            wrapped: Cow::Owned(self.wrapped.into_owned()),
        }
    }
}

/// The key id and MAC at the end, and what the MAC covers; read before anything else is believed.
pub(crate) struct Trailer<'a> {
    pub(crate) covered: &'a [u8],
    pub(crate) key_id: u32,
    pub(crate) mac: &'a [u8; MAC],
}

impl<'a> Trailer<'a> {
    /// `[KE-6]` a, and the reading of b1: first byte and length have been seen to be right.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let short = || Error::malformed("the key envelope is too short");
        let (covered, mac) = bytes.split_last_chunk::<MAC>().ok_or_else(short)?;
        let (_, key_id) = covered.split_last_chunk::<4>().ok_or_else(short)?;
        Ok(Self { covered, key_id: u32::from_be_bytes(*key_id), mac })
    }
}

/// Whether a length can be an envelope's.
pub(crate) fn check_len(len: usize) -> Result<(), Error> {
    if (SMALLEST..=LARGEST).contains(&len) {
        Ok(())
    } else {
        Err(Error::malformed("a key envelope is 40 to 65,535 bytes long"))
    }
}

#[cold]
fn too_long() -> Error {
    Error::new(
        ErrorKind::Exhausted,
        "the key envelope would exceed 65,535 bytes, or what is kept of them for withdrawals: reseal the values of its classes, and erase the older generations (EnvelopeEdit::erase_older, then prune)",
    )
}

impl<'a> Layout<'a> {
    /// `[KE-5]` Parses an envelope strictly, without verifying it.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        check_len(bytes.len())?;
        let (body, _) = bytes
            .split_at_checked(bytes.len().saturating_sub(TRAILER))
            .ok_or_else(|| Error::malformed("the key envelope is too short"))?;
        let mut reader = Reader::new(body, "the key envelope");
        if reader.u8()? != KEY_ENVELOPE {
            return Err(Error::malformed("these bytes are not a key envelope"));
        }
        let version = reader.u64()?;
        let count = reader.u16()?;
        if version == 0 || count == 0 {
            return Err(Error::malformed("a key envelope has a version and entries"));
        }
        let mut layout = Self { version, entries: Vec::new(), erased_at: None, key_id: 0 };
        let mut tags = BTreeSet::new();
        for _ in 0..count {
            layout.read_entry(&mut reader, &mut tags)?;
        }
        reader.finish()?;
        layout.key_id = Trailer::read(bytes)?.key_id;
        if layout.key_id == 0 {
            return Err(Error::malformed("the envelope key id is 0"));
        }
        Ok(layout)
    }

    fn read_entry(
        &mut self,
        reader: &mut Reader<'a>,
        tags: &mut BTreeSet<KeyTag>,
    ) -> Result<(), Error> {
        let kind = reader.u8()?;
        // `[EE-2]` The whole-subject erasure stands last, with nothing live beside it.
        if self.erased_at.is_some() {
            return Err(Error::malformed("an entry stands behind the erasure of the subject"));
        }
        match kind {
            LIVE | ERASED => {}
            SUBJECT_ERASED => {
                if self.entries.iter().any(|entry| entry.live().is_some()) {
                    return Err(Error::malformed(
                        "a live entry stands beside the erasure of the subject",
                    ));
                }
                self.erased_at = Some(reader.u64()?);
                return Ok(());
            }
            // `[EE-3]`
            _ => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "the key envelope has an entry of a kind that a later version added: update fieldseal",
                ));
            }
        }
        let class = core::str::from_utf8(reader.s8()?)
            .ok()
            .filter(|class| is_name(class))
            .ok_or_else(|| Error::malformed("the class of an entry is not a name"))?;
        let generation = reader.u16()?;
        if generation == 0 {
            return Err(Error::malformed("generations count from 1"));
        }
        let state = if kind == LIVE {
            State::Live(Live::read(reader)?)
        } else {
            State::Erased { tag: reader.array()?, erased_at: reader.u64()? }
        };
        let entry = Entry { class: Cow::Borrowed(class), generation, state };
        // `[KE-3]` Ascending by class name, then by generation, each once.
        let follows = |last: &Entry<'_>| {
            (last.class.as_bytes(), last.generation) < (class.as_bytes(), generation)
        };
        if !self.entries.last().is_none_or(follows) {
            return Err(Error::malformed("the entries of the key envelope are out of order"));
        }
        // `[DK-5]`
        if !tags.insert(entry.tag()) {
            return Err(Error::malformed("two generations have one key tag"));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// The envelope's bytes up to its MAC.
    pub(crate) fn write(&self) -> Result<Vec<u8>, Error> {
        let count = self.entries.len().saturating_add(usize::from(self.erased_at.is_some()));
        let mut out = Vec::with_capacity(256);
        out.put_u8(KEY_ENVELOPE);
        out.put_u64(self.version);
        // More entries than a u16 counts are longer than an envelope can be.
        out.put_u16(u16::try_from(count).unwrap_or(u16::MAX));
        for entry in &self.entries {
            entry.check_recipients()?;
            entry.write(&mut out);
        }
        if let Some(erased_at) = self.erased_at {
            out.put_u8(SUBJECT_ERASED);
            out.put_u64(erased_at);
        }
        out.put_u32(self.key_id);
        if out.len() > LARGEST.saturating_sub(MAC) {
            return Err(too_long());
        }
        Ok(out)
    }

    /// Whether the envelope would be short enough with `more` bytes.
    pub(crate) fn check_len_with(&self, more: usize) -> Result<(), Error> {
        if self.excess_with(more)? > 0 { Err(too_long()) } else { Ok(()) }
    }

    /// How many bytes must go before `more` bytes fit.
    pub(crate) fn excess_with(&self, more: usize) -> Result<usize, Error> {
        let len = self.write()?.len().saturating_add(MAC).saturating_add(more);
        Ok(len.saturating_sub(LARGEST))
    }

    /// The position of the highest generation of a class, live or erased.
    pub(crate) fn highest(&self, class: &str) -> Option<usize> {
        self.entries.iter().rposition(|entry| entry.class == class)
    }

    pub(crate) fn into_owned(self) -> Layout<'static> {
        Layout {
            version: self.version,
            entries: self.entries.into_iter().map(Entry::into_owned).collect(),
            erased_at: self.erased_at,
            key_id: self.key_id,
        }
    }
}

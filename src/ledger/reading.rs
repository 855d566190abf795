//! Ledgers read line by line: a line is let go when it is verified, and its entry stays.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use serde::Deserialize;

use super::chain::Ledger;
use super::entry::{LedgerEntry, LedgerHead, ReadLine, hash, malformed};
use crate::encoding::from_base64;
use crate::error::{Error, ErrorKind};
use crate::keyring::{KeyRing, VerifyingKey};

/// A ledger that is being read and verified.
pub(crate) struct Reading<'k> {
    keys: &'k [VerifyingKey],
    known: Option<LedgerHead>,
    id: [u8; 16],
    entries: Vec<LedgerEntry>,
    head: Option<LedgerHead>,
    /// `[LG-13]` What is malformed comes first, then a head that is not met, then signatures: these two are
    /// answered when the last line was read.
    missed: bool,
    unsigned: Option<Error>,
}

impl<'k> Reading<'k> {
    pub(crate) fn new(keys: &'k [VerifyingKey], known: Option<&LedgerHead>) -> Self {
        Self {
            keys,
            known: known.copied(),
            id: [0; 16],
            entries: Vec::new(),
            head: None,
            missed: false,
            unsigned: None,
        }
    }

    /// The next line, without its line feed.
    pub(crate) fn line(&mut self, text: &[u8]) -> Result<(), Error> {
        self.line_if(text, |_| true)
    }

    /// [`line`](Self::line), of which the entry is kept only if it is picked.
    pub(crate) fn line_if(
        &mut self,
        text: &[u8],
        picks: impl FnOnce(&LedgerEntry) -> bool,
    ) -> Result<(), Error> {
        let line = ReadLine::parse(utf8(text, self.head.as_ref())?, self.head.as_ref())?;
        match &self.known {
            // What the known head covers needs no key.
            Some(known) if line.head.number < known.number => {}
            Some(known) if line.head.number == known.number => self.missed = line.head != *known,
            _ if self.unsigned.is_some() => {}
            _ => self.unsigned = line.check(self.keys).err(),
        }
        self.id = line.ledger.unwrap_or(self.id);
        self.entries.extend(line.entry.filter(picks));
        self.head = Some(line.head);
        Ok(())
    }

    /// `torn`: whether an unfinished line follows.
    pub(crate) fn finish(self, torn: bool) -> Result<Ledger, Error> {
        if let Some(known) = &self.known
            && (self.missed || self.head.is_none_or(|head| head.number < known.number))
        {
            return Err(rolled_back(known));
        }
        if let Some(error) = self.unsigned {
            return Err(error);
        }
        let head = self.head.ok_or_else(none_whole)?;
        Ok(Ledger { id: self.id, entries: self.entries, head, torn, doubtful: Vec::new() })
    }
}

/// A damaged ledger, of which the lines are read that verify by themselves.
pub(crate) struct Salvage<'k> {
    keys: &'k [VerifyingKey],
    ledger: Option<Ledger>,
    doubtful: Vec<RangeInclusive<u64>>,
    /// How many lines since the last one that verifies.
    unread: u64,
}

impl<'k> Salvage<'k> {
    pub(crate) fn new(keys: &'k [VerifyingKey]) -> Self {
        Self { keys, ledger: None, doubtful: Vec::new(), unread: 0 }
    }

    pub(crate) fn line(&mut self, text: &[u8]) {
        let read = core::str::from_utf8(text).ok().and_then(|text| {
            let read = ReadLine::alone(text, 0, false).or_else(|_| ReadLine::alone(text, 0, true));
            read.ok().filter(|line| line.check(self.keys).is_ok())
        });
        let last = self.ledger.as_ref().map(|ledger| ledger.head);
        let (Some(line), last_number) = (read, last.map_or(0, |last| last.number)) else {
            self.unread = self.unread.saturating_add(1);
            return;
        };
        let number = line.head.number;
        let expected = last_number.saturating_add(1);
        if number < expected {
            // A copy of what was read, or of another ledger: it proves nothing here.
            self.doubtful.push(number..=number);
            return;
        }
        if number > expected {
            self.doubtful.push(expected..=number.saturating_sub(1));
        } else if line.previous != last.map(|last| last.hash) {
            self.doubtful.push(last_number.max(1)..=number);
        }
        self.unread = 0;
        let ledger = self.ledger.get_or_insert_with(|| Ledger {
            id: [0; 16],
            entries: Vec::new(),
            head: line.head,
            torn: false,
            doubtful: Vec::new(),
        });
        ledger.id = line.ledger.unwrap_or(ledger.id);
        ledger.entries.extend(line.entry);
        ledger.head = line.head;
    }

    /// `known`: a head that was kept elsewhere, up to which there were lines.
    pub(crate) fn finish(
        mut self,
        torn: bool,
        known: Option<&LedgerHead>,
    ) -> Result<Ledger, Error> {
        let mut ledger = self.ledger.ok_or_else(none_whole)?;
        let last = ledger.head.number;
        let known = known.map_or(0, |known| known.number);
        let end = last.saturating_add(self.unread).max(known);
        if end > last {
            self.doubtful.push(last.saturating_add(1)..=end);
        }
        (ledger.torn, ledger.doubtful) = (torn, self.doubtful);
        Ok(ledger)
    }
}

/// Where a ledger stands after this line, by its number and hash alone: no signature is checked.
pub(crate) fn follow(before: Option<&LedgerHead>, line: &[u8]) -> Result<LedgerHead, Error> {
    #[derive(Deserialize)]
    struct Place<'a> {
        number: u64,
        #[serde(borrow, default)]
        previous: Option<Cow<'a, str>>,
    }
    let number = before.map_or(1, |before| before.number.saturating_add(1));
    let place: Option<Place<'_>> = serde_json::from_slice(line).ok();
    let follows = place.is_some_and(|place| {
        let previous = place.previous.as_deref().map(from_base64);
        // A line has one spelling, which ends so: white space behind it belongs to no line.
        line.ends_with(b"}")
            && place.number == number
            && match (previous, before) {
                (None, None) => true,
                (Some(Some(previous)), Some(before)) => previous == before.hash,
                _ => false,
            }
    });
    if !follows {
        let damaged = number.saturating_sub(1);
        if damaged == 0 {
            return Err(malformed(line, "this is not a ledger, or its first line is damaged"));
        }
        let what = format!(
            "the ledger is damaged at line {damaged} or {number}: what stands there does not follow what is before it"
        );
        return Err(malformed(line, what));
    }
    Ok(LedgerHead { number, hash: hash(line) })
}

/// Checks the last line whole, and the known head against what was met at its number.
pub(crate) fn check_last(
    before: Option<&LedgerHead>,
    last: &[u8],
    keys: &[VerifyingKey],
) -> Result<(), Error> {
    ReadLine::parse(utf8(last, before)?, before)?.check(keys)
}

/// Checks a line behind which the next one is to be added: that it is whole and follows the one before it. Returns
/// where the ledger stands, and what its signature says by this ring.
pub(crate) fn check_end(
    before: Option<&[u8]>,
    last: &[u8],
    ring: &KeyRing,
) -> Result<(LedgerHead, Result<(), Error>), Error> {
    let before = before.map(|line| LedgerHead::of_last_line(utf8(line, None)?)).transpose()?;
    let line = ReadLine::parse(utf8(last, before.as_ref())?, before.as_ref())?;
    let signed = line.check_by_ring(ring);
    Ok((line.head, signed))
}

fn utf8<'t>(line: &'t [u8], before: Option<&LedgerHead>) -> Result<&'t str, Error> {
    core::str::from_utf8(line).map_err(|_| {
        let number = before.map_or(1, |before| before.number.saturating_add(1));
        malformed(line, format!("line {number} of the ledger is not UTF-8: it is damaged"))
    })
}

#[cold]
pub(crate) fn rolled_back(known: &LedgerHead) -> Error {
    Error::new(
        ErrorKind::RolledBack,
        format!(
            "the ledger has no line {} as it was known: it was cut off or replaced",
            known.number
        ),
    )
}

#[cold]
pub(crate) fn none_whole() -> Error {
    Error::malformed("this is no ledger: it has no whole line")
}

//! Ledgers read line by line: a line is let go when it is verified, and its entry stays.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use serde::Deserialize;

use super::chain::Ledger;
use super::entry::{LedgerEntry, LedgerHead, MAX_LINE, ReadLine, hash, malformed};
use crate::audit::LedgerAct;
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
        Ok(Ledger {
            id: self.id,
            entries: self.entries,
            head,
            torn,
            meets_known: true,
            doubtful: Vec::new(),
        })
    }
}

/// What is behind the last line feed of a ledger.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Nothing,
    /// A line that its writer did not finish. Nothing was stored for it.
    Unfinished,
    /// A line that lacks its line feed alone.
    Line,
}

impl End {
    /// `[LG-1]` Whoever takes damage for what was never finished cuts off what was acknowledged.
    pub(crate) fn of(tail: &[u8]) -> Result<Self, Error> {
        match closing(tail) {
            _ if tail.is_empty() => Ok(Self::Nothing),
            Some(end) if end == tail.len() => Ok(Self::Line),
            None if tail.starts_with(b"{")
                && tail.len() <= MAX_LINE
                && !tail.iter().any(u8::is_ascii_control) =>
            {
                Ok(Self::Unfinished)
            }
            _ => Err(damaged_end(tail)),
        }
    }
}

/// Says what the ledger is where its first line, or what is behind the last one, tells.
#[cold]
pub(crate) fn damaged_end(line: &[u8]) -> Error {
    malformed(
        line,
        "the ledger is damaged at its end: what is behind the last line feed is no line, nor the beginning of one",
    )
}

/// Where the object ends that these bytes begin with: a line has none within another.
fn closing(bytes: &[u8]) -> Option<usize> {
    let (mut in_text, mut is_escaped) = (false, false);
    let end = bytes.iter().position(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b'}' => return !in_text,
            _ => {}
        }
        false
    });
    end.map(|end| end.saturating_add(1))
}

/// A damaged ledger, of which the lines are read that verify by themselves.
pub(crate) struct Salvage<'k> {
    keys: &'k [VerifyingKey],
    known: Option<LedgerHead>,
    /// Whether there is the line of the known head, or one that follows it.
    is_met: bool,
    ledger: Option<Ledger>,
    doubtful: Vec<RangeInclusive<u64>>,
    /// How many lines since the last one that verifies.
    unread: u64,
}

impl<'k> Salvage<'k> {
    /// `known`: a head that was kept elsewhere, up to which there were lines.
    pub(crate) fn new(keys: &'k [VerifyingKey], known: Option<&LedgerHead>) -> Self {
        Self {
            keys,
            known: known.copied(),
            is_met: false,
            ledger: None,
            doubtful: Vec::new(),
            unread: 0,
        }
    }

    /// What is between two line feeds: a line, or several of which a line feed is damaged.
    pub(crate) fn line(&mut self, text: &[u8]) {
        let (mut rest, mut is_read) = (text, false);
        while let Some(begin) = rest.iter().position(|byte| *byte == b'{') {
            rest = rest.get(begin..).unwrap_or_default();
            let Some((line, behind)) = closing(rest).and_then(|end| rest.split_at_checked(end))
            else {
                is_read = false;
                break;
            };
            is_read = self.one(line);
            rest = behind;
        }
        self.unread = if is_read { 0 } else { self.unread.saturating_add(1) };
    }

    /// Takes a line that verifies.
    fn one(&mut self, text: &[u8]) -> bool {
        let read = core::str::from_utf8(text).ok().and_then(|text| {
            let read = ReadLine::alone(text, 0, false).or_else(|_| ReadLine::alone(text, 0, true));
            read.ok().filter(|line| line.check(self.keys).is_ok())
        });
        let Some(line) = read else { return false };
        if let Some(known) = &self.known {
            self.is_met |= line.head == *known
                || (line.head.number == known.number.saturating_add(1)
                    && line.previous == Some(known.hash));
        }
        let last = self.ledger.as_ref().map(|ledger| ledger.head);
        let (number, last_number) = (line.head.number, last.map_or(0, |last| last.number));
        let expected = last_number.saturating_add(1);
        let is_behind = number < expected;
        if is_behind {
            // A copy of what was read, or of another ledger, or what was read too early was one.
            self.doubtful.push(number..=number);
        } else if number > expected {
            self.doubtful.push(expected..=number.saturating_sub(1));
        } else if line.previous != last.map(|last| last.hash) {
            self.doubtful.push(last_number.max(1)..=number);
        }
        let ledger = self.ledger.get_or_insert_with(|| Ledger {
            id: [0; 16],
            entries: Vec::new(),
            head: line.head,
            torn: false,
            meets_known: true,
            doubtful: Vec::new(),
        });
        // An erasure and a withdrawal hold wherever they were told; a grant only in its place.
        let needs_place =
            |entry: &LedgerEntry| matches!(entry.act, LedgerAct::Grant { .. }) && is_behind;
        ledger.entries.extend(line.entry.filter(|entry| !needs_place(entry)));
        if !is_behind {
            ledger.id = line.ledger.unwrap_or(ledger.id);
            ledger.head = line.head;
        }
        true
    }

    /// `tail`: what is behind the last line feed.
    pub(crate) fn finish(mut self, tail: &[u8]) -> Result<Ledger, Error> {
        let torn = matches!(End::of(tail), Ok(End::Unfinished));
        if !tail.is_empty() && !torn {
            self.line(tail);
        }
        let mut ledger = self.ledger.ok_or_else(none_whole)?;
        let last = ledger.head.number;
        let known = self.known.map_or(0, |known| known.number);
        let end = last.saturating_add(self.unread).max(known);
        if end > last {
            self.doubtful.push(last.saturating_add(1)..=end);
        }
        if known > 0 && known <= last && !self.is_met {
            // It was replaced, and gone on with: nothing in it has a proven place.
            self.doubtful = alloc::vec![1..=end];
        }
        (ledger.torn, ledger.doubtful) = (torn, self.doubtful);
        ledger.meets_known = self.known.is_none() || self.is_met;
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

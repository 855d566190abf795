//! Recovery by custodians: a slot's key split so that any few of them, together, bring it back.
//!
//! Each byte is split by Shamir's scheme over GF(2^8); the arithmetic is `vsss-rs`'s. One share is a
//! uniform 32 bytes, and fewer shares than the threshold say nothing about the key.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::array;
use core::fmt;

use vsss_rs::{DefaultShare, Gf256, IdentifierGf256, Polynomial as _, ReadableShareSet as _};
use zeroize::Zeroizing;

use crate::encoding::{Put as _, Reader, SmallBuf, base32};
use crate::error::{Error, ErrorKind};
use crate::kdf::expand;
use crate::random::CallRng;
use crate::secret::{Secret, ct_eq};

/// One custodian's part of a recovery slot's key.
///
/// A share alone opens nothing; [`threshold`](Self::threshold) of them open the ring. Print its text
/// on paper, give it to its custodian, and keep no copy.
///
/// ```
/// use fieldseal::keyring::Share;
///
/// // As typed from paper: case, spaces and hyphens do not matter.
/// let share = Share::from_text(
///     "fsshare1 28t5 cy4t qkff oor5 ob3g rnno i4io 6n69 vf2n
///      hps6 gdre 39yf j65j ah4h 45hl azqj 67zh gv5y zt9g",
/// )?;
/// assert_eq!((share.index(), share.threshold(), share.shares()), (2, 3, 5));
/// # Ok::<(), fieldseal::Error>(())
/// ```
pub struct Share {
    set: [u8; 8],
    threshold: u8,
    shares: u8,
    index: u8,
    value: Secret<32>,
}

impl Share {
    /// The number of this share, from 1.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// How many shares it takes.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// How many shares were made.
    pub fn shares(&self) -> u8 {
        self.shares
    }

    /// The id of the split, the same for all its shares. Not secret.
    pub(crate) fn set(&self) -> [u8; 8] {
        self.set
    }

    /// The share in 103 characters that can be typed: `FSSHARE1` and 19 groups of four digits and
    /// upper-case letters, with hyphens between them. It is as secret as the share.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES));
        bytes.put(&self.header());
        bytes.put(self.value.expose());
        bytes.put(self.checksum().expose());
        let symbols = base32::encode(&bytes);
        // All at once: a text that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(TEXT));
        text.push_str(PREFIX);
        text.push(char::from(VERSION));
        for group in symbols.as_bytes().chunks(GROUP) {
            text.push('-');
            text.extend(group.iter().copied().map(char::from));
        }
        text
    }

    /// Reads what [`to_text`](Self::to_text) wrote and someone typed. Forgiven are case, white space,
    /// hyphens in other places or none, the letter O for 0, and the letters I and L for 1.
    ///
    /// # Errors
    /// [`Malformed`](ErrorKind::Malformed) for a typing error, for a text cut short and for one that
    /// is no share; [`Unsupported`](ErrorKind::Unsupported) for a share of a later version.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_TEXT {
            return Err(Error::malformed(format!(
                "a share has {TEXT} characters: this text has more than {MAX_TEXT} bytes"
            )));
        }
        let mut symbols = Zeroizing::new(Vec::with_capacity(MAX_TEXT));
        let typed = text.chars().filter(|typed| !typed.is_whitespace() && *typed != '-');
        symbols.extend(typed.map(|typed| u8::try_from(typed).unwrap_or(NO_SYMBOL)));

        let (prefix, rest) = symbols.split_at_checked(PREFIX.len()).unwrap_or_default();
        let (version, body) = rest.split_first().unwrap_or((&NO_SYMBOL, &[]));
        match version {
            _ if !prefix.eq_ignore_ascii_case(PREFIX.as_bytes()) => return Err(no_share()),
            &VERSION | b'I' | b'i' | b'L' | b'l' => {}
            b'2'..=b'9' => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("a share of version {}: update fieldseal", char::from(*version)),
                ));
            }
            _ => return Err(no_share()),
        }
        if body.len() != base32::encoded_len(BYTES) {
            return Err(Error::malformed(format!(
                "a share has {} characters behind {PREFIX}1, in groups of {GROUP}: this one has {}",
                base32::encoded_len(BYTES),
                body.len()
            )));
        }
        let bytes: Secret<BYTES> = base32::decode(body).map_err(|position| {
            Error::malformed(format!(
                "group {} behind {PREFIX}1 has a character that cannot be there: compare it with \
                 the share that was handed out",
                position / GROUP + 1
            ))
        })?;
        Self::from_bytes(&bytes)
    }

    fn from_bytes(bytes: &Secret<BYTES>) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes.expose(), "a share");
        let set = reader.array()?;
        let [threshold, shares, index] = reader.array()?;
        let value = reader.take(32)?;
        let value =
            Secret::filled(|to| to.iter_mut().zip(value).for_each(|(to, from)| *to = *from));
        let share = Self { set, threshold, shares, index, value };
        // The checksum first: what it refutes was typed, and the rest says nothing.
        if !ct_eq(share.checksum().expose(), reader.rest()) {
            return Err(Error::malformed(
                "the share has a typing error: compare it with the one that was handed out",
            ));
        }
        if check_numbers(threshold, shares).is_err() || !(1..=shares).contains(&index) {
            return Err(Error::malformed(format!(
                "share {index} of {shares}, {threshold} needed: no such share is made"
            )));
        }
        Ok(share)
    }

    /// `[RF-18]` set ‖ u8 threshold ‖ u8 shares ‖ u8 index.
    fn header(&self) -> [u8; HEADER] {
        let [a, b, c, d, e, f, g, h] = self.set;
        [a, b, c, d, e, f, g, h, self.threshold, self.shares, self.index]
    }

    /// `[RF-18]` Finds typing errors. No proof of anything: who can read a share can make it.
    fn checksum(&self) -> Secret<4> {
        self.expand(b"fieldseal/v1 share")
    }

    /// `Expand(value, label ‖ header, N)`. The value is a PRK: it is uniform, as every single share of
    /// a threshold above 1 is.
    fn expand<const N: usize>(&self, label: &[u8]) -> Secret<N> {
        let mut info = SmallBuf::new();
        info.put(label);
        info.put(&self.header());
        expand(&self.value, info.as_slice())
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share")
            .field("index", &self.index)
            .field("threshold", &self.threshold)
            .field("shares", &self.shares)
            .finish_non_exhaustive()
    }
}

/// `[RF-17]` Splits a key into `shares` shares, any `threshold` of which [`combine`] to it. `set` is new and
/// random for each split.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) for a threshold outside 2 to 16, fewer shares than
/// that, or more than 32.
pub(crate) fn split(
    secret: &Secret<32>,
    set: [u8; 8],
    threshold: u8,
    shares: u8,
    rng: &mut CallRng,
) -> Result<Vec<Share>, Error> {
    check_numbers(threshold, shares)?;
    // A polynomial a byte: the byte, then threshold − 1 coefficients, uniform and zero among them.
    let mut polynomials = Zeroizing::new([[Point::default(); MAX_COEFFICIENTS]; 32]);
    for (polynomial, byte) in polynomials.iter_mut().zip(secret.expose()) {
        polynomial
            .fill(&element(*byte), rng.inner(), threshold.into())
            .map_err(|_| Error::invalid("the key cannot be split by these numbers"))?;
    }
    let share = |index| {
        let value = Secret::filled(|value| {
            for (byte, polynomial) in value.iter_mut().zip(polynomials.iter()) {
                *byte = polynomial.evaluate(&element(index), threshold.into()).0.0;
            }
        });
        Share { set, threshold, shares, index, value }
    };
    Ok((1..=shares).map(share).collect())
}

/// `[RF-21]` The key out of at least the threshold of its shares, in any order. `set` and `tags` are what is
/// stored of the split: its id, and the [`tag`] of each share by its number.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput), naming the share, for one of another split, one given
/// twice and one that was not made so, in this order, and then for too few.
pub(crate) fn combine(
    shares: &[Share],
    set: [u8; 8],
    tags: &[[u8; 8]],
) -> Result<Secret<32>, Error> {
    let first = shares.first().ok_or_else(|| Error::invalid("no share was given"))?;
    for share in shares {
        let like_first = share.threshold == first.threshold;
        if share.set != set || !like_first || usize::from(share.shares) != tags.len() {
            return Err(Error::invalid(format!(
                "share {} is of another split: look for the share that was handed out for this slot",
                share.index
            )));
        }
    }
    for (at, share) in shares.iter().enumerate() {
        if shares.iter().take(at).any(|other| other.index == share.index) {
            return Err(Error::invalid(format!(
                "share {} was given twice: give another in its place",
                share.index
            )));
        }
    }
    for share in shares {
        let stored = usize::from(share.index).checked_sub(1).and_then(|at| tags.get(at));
        if !stored.is_some_and(|stored| ct_eq(stored, &tag(share))) {
            return Err(Error::invalid(format!(
                "share {} is not the one that was made: ask its custodian, or give another",
                share.index
            )));
        }
    }
    let needed = usize::from(first.threshold);
    let enough = shares.get(..needed).ok_or_else(|| {
        let missing = needed.saturating_sub(shares.len());
        Error::invalid(format!("{} of {needed} shares given: {missing} more needed", shares.len()))
    })?;
    interpolate(enough)
}

/// `[RF-18]` What is stored of a share, so that a wrong one can be named: `Expand(value, "fieldseal/v1 share
/// tag" ‖ header, 8)`. It tells nothing of the value, and changes with each number of the share.
pub(crate) fn tag(share: &Share) -> [u8; 8] {
    *share.expand(b"fieldseal/v1 share tag").expose()
}

/// The key that these shares lead to, if they are enough; some other 32 bytes, if they are not.
fn interpolate(shares: &[Share]) -> Result<Secret<32>, Error> {
    let mut columns: Zeroizing<[Vec<Point>; 32]> =
        Zeroizing::new(array::from_fn(|_| Vec::with_capacity(shares.len())));
    for share in shares {
        for (column, byte) in columns.iter_mut().zip(share.value.expose()) {
            column.push(Point { identifier: element(share.index), value: element(*byte) });
        }
    }
    Secret::try_filled(|secret| {
        for (byte, column) in secret.iter_mut().zip(columns.iter()) {
            *byte = column.combine()?.0.0;
        }
        Ok(())
    })
    .map_err(|_: vsss_rs::Error| Error::invalid("the shares do not combine to a key"))
}

/// A point of a polynomial, and, in [`Polynomial`](vsss_rs::Polynomial), a coefficient.
type Point = DefaultShare<IdentifierGf256, IdentifierGf256>;

fn element(byte: u8) -> IdentifierGf256 {
    IdentifierGf256(Gf256(byte))
}

fn check_numbers(threshold: u8, shares: u8) -> Result<(), Error> {
    let detail = match (threshold, shares) {
        (0 | 1, _) => format!(
            "a threshold of {threshold} would make each share the key itself: add a slot with a key, or ask for 2 or more"
        ),
        _ if threshold > MAX_THRESHOLD => {
            format!("a threshold of {threshold}: ask for at most {MAX_THRESHOLD}")
        }
        _ if shares < threshold => {
            format!("{threshold} of {shares} shares: make at least {threshold}, better more")
        }
        _ if shares > MAX_SHARES => format!("{shares} shares: make at most {MAX_SHARES}"),
        _ => return Ok(()),
    };
    Err(Error::invalid(detail))
}

#[cold]
fn no_share() -> Error {
    Error::malformed(format!("a share begins with {PREFIX}1: this text does not"))
}

/// More than 16 people do not come together to open a ring. The field would allow 255.
const MAX_THRESHOLD: u8 = 16;
/// Room in a polynomial: as many coefficients as the threshold.
const MAX_COEFFICIENTS: usize = 16;
/// Each share has a tag in the slot.
const MAX_SHARES: u8 = 32;

const PREFIX: &str = "FSSHARE";
const VERSION: u8 = b'1';
/// Symbols of the text form that stand together.
const GROUP: usize = 4;
/// Stands for a character that is no byte, and is no symbol itself.
const NO_SYMBOL: u8 = b'?';

/// set ‖ threshold ‖ shares ‖ index.
const HEADER: usize = 8 + 3;
/// header ‖ value ‖ checksum.
const BYTES: usize = HEADER + 32 + 4;
/// `FSSHARE1`, and a hyphen before each group.
const TEXT: usize = 8 + base32::encoded_len(BYTES) / GROUP * (GROUP + 1);
/// Room for a text that is spread over lines or pages.
const MAX_TEXT: usize = 1024;

#[cfg(test)]
mod tests;

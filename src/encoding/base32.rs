//! Base32 in Crockford's alphabet, for what people copy by hand.
//!
//! It has no letter that looks like a digit, and reads those that do as the digit: O as 0, I and L
//! as 1. U is no symbol, so that chance spells fewer words.

use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use zeroize::Zeroizing;

use alloc::string::String;

use crate::secret::Secret;

static CROCKFORD: LazyLock<Encoding> = LazyLock::new(|| {
    let mut alphabet = Specification::new();
    alphabet.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    alphabet.translate.from.push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
    alphabet.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    // safe: 32 symbols, each once, and 28 others that stand for one of them.
    #[allow(clippy::expect_used, reason = "the alphabet is fixed")]
    alphabet.encoding().expect("an alphabet")
});

/// The number of symbols that `bytes` bytes take.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5)
}

/// Upper-case symbols, without groups or padding.
pub(crate) fn encode(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(CROCKFORD.encode(bytes))
}

/// Decodes exactly `N` bytes from symbols in either case. Spare bits must be zero, so that the bytes
/// have one spelling but for case and aliases.
///
/// # Errors
/// The position of the first symbol that cannot stand there.
pub(crate) fn decode<const N: usize>(symbols: &[u8]) -> Result<Secret<N>, usize> {
    // The decoder takes a buffer of the right length only.
    if symbols.len() != encoded_len(N) {
        return Err(symbols.len());
    }
    Secret::try_filled(|bytes| {
        CROCKFORD.decode_mut(symbols, bytes).map(|_| ()).map_err(|partial| partial.error.position)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_crockfords() {
        let symbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        assert_eq!(*encode(&[0; 5]), "00000000");
        let all = decode::<20>(symbols.as_bytes()).unwrap();
        assert_eq!(*encode(all.expose()), symbols);
        // The value of a symbol is its place.
        assert_eq!(all.expose()[..5], [0x00, 0x44, 0x32, 0x14, 0xC7]);
        assert_eq!(*encode(&[0xFF; 4]), "ZZZZZZR");
    }

    #[test]
    fn only_case_and_lookalikes_are_forgiven() {
        let typed = decode::<5>(b"0oOiIlL1").unwrap();
        assert_eq!(*encode(typed.expose()), "00011111");
        let lower = decode::<5>(b"azkmnpqx").unwrap();
        assert_eq!(*encode(lower.expose()), "AZKMNPQX");
        for (at, bad) in [(1, b"0u000000"), (7, b"0000000U"), (0, b"=0000000"), (3, b"000 0000")] {
            assert_eq!(decode::<5>(bad).unwrap_err(), at);
        }
    }

    #[test]
    fn spare_bits_and_other_lengths_are_refused() {
        assert_eq!(decode::<4>(b"ZZZZZZR").unwrap().expose(), &[0xFF; 4]);
        assert_eq!(decode::<4>(b"ZZZZZZS").unwrap_err(), 6);
        assert!(decode::<4>(b"ZZZZZZ").is_err() && decode::<4>(b"ZZZZZZR0").is_err());
        assert!(decode::<5>(b"").is_err());
    }
}

//! Base32 in Crockford's alphabet, for what people copy by hand.
//!
//! It has no letter that looks like a digit, and reads those that do as the digit: O as 0, I and L
//! as 1. U is no symbol, so that chance spells fewer words.

use alloc::string::String;
#[cfg(feature = "file")]
use std::sync::LazyLock;

#[cfg(feature = "file")]
use data_encoding::{Encoding, Specification};
use zeroize::Zeroizing;

#[cfg(feature = "file")]
use crate::secret::Secret;

const SYMBOLS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[cfg(feature = "file")]
static CROCKFORD: LazyLock<Encoding> = LazyLock::new(|| {
    let mut alphabet = Specification::new();
    alphabet.symbols.push_str(SYMBOLS);
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

/// Upper-case symbols, five bits each from the first on, without groups or padding. Spare bits are zero.
pub(crate) fn encode(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(encoded_len(bytes.len())));
    let mut put = |five: u16| {
        let symbol = SYMBOLS.as_bytes().get(usize::from(five & 31));
        text.extend(symbol.map(|symbol| char::from(*symbol)));
    };
    // Of the window the last `waiting` bits, fewer than five between bytes, are yet to be written.
    let (mut window, mut waiting) = (0_u16, 0_u32);
    for byte in bytes {
        window = window << 8 | u16::from(*byte);
        waiting += 8;
        while waiting >= 5 {
            waiting -= 5;
            put(window >> waiting);
        }
    }
    if waiting > 0 {
        put(window << (5 - waiting));
    }
    text
}

/// Decodes exactly `N` bytes from symbols in either case. Spare bits must be zero, so that the bytes
/// have one spelling but for case and aliases.
///
/// # Errors
/// The position of the first symbol that cannot stand there.
#[cfg(feature = "file")]
pub(crate) fn decode<const N: usize>(symbols: &[u8]) -> Result<Secret<N>, usize> {
    // The decoder takes a buffer of the right length only.
    if symbols.len() != encoded_len(N) {
        return Err(symbols.len());
    }
    Secret::try_filled(|bytes| {
        CROCKFORD.decode_mut(symbols, bytes).map(|_| ()).map_err(|partial| partial.error.position)
    })
}

#[cfg(all(test, feature = "file"))]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn encoding_is_that_of_the_decoder() {
        let bytes: Vec<u8> = (0..=255).map(|n: u8| n.wrapping_mul(151) ^ 0x5A).collect();
        for len in 0..bytes.len() {
            let text = encode(&bytes[..len]);
            assert_eq!(*text, CROCKFORD.encode(&bytes[..len]));
            assert_eq!(text.len(), encoded_len(len));
        }
    }

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

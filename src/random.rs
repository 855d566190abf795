//! Randomness: one draw a call from the operating system, expanded for this call only.

use chacha20::ChaCha20Rng;
use rand_core::{CryptoRng, Rng as _, SeedableRng as _};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// The generator of one call: ChaCha20 over a seed of 32 bytes.
///
/// It lives on the stack of the call that made it, so nothing of it is repeated by a fork or a
/// restored snapshot as long as the operating system's generator is not. It is wiped on drop.
pub(crate) struct CallRng(ChaCha20Rng);

impl CallRng {
    /// Seeds the generator by one draw from the operating system.
    pub(crate) fn from_os() -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| {
            Error::new(
                ErrorKind::Randomness,
                "the operating system gave no randomness: try again later",
            )
        })?;
        Ok(Self(ChaCha20Rng::from_seed(*seed)))
    }

    /// Seeds the generator by 32 bytes of the caller's generator.
    #[cfg(any(feature = "hazmat-rng", test))]
    pub(crate) fn from_rng(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        Self(ChaCha20Rng::from_seed(*seed))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn secret<const N: usize>(&mut self) -> Secret<N> {
        Secret::filled(|bytes| self.0.fill_bytes(bytes))
    }

    /// A random number that is not 0.
    pub(crate) fn nonzero_u32(&mut self) -> u32 {
        loop {
            let number = u32::from_be_bytes(self.array());
            if number != 0 {
                return number;
            }
        }
    }

    /// The generator itself, for a library that takes one.
    pub(crate) fn inner(&mut self) -> &mut impl CryptoRng {
        &mut self.0
    }
}

"""[WR-2]: HPKE single shot in mode_psk, for the one suite of kind 2.

Written by hand from RFC 9180 rather than taken from a library, for three
reasons: test vectors need a chosen ephemeral key, only a dozen lines of the
RFC are used, and a checker should not share its parts with what it checks.
The self-test holds it against RFC 9180 A.2.2.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from .errors import Refused

MODE_PSK = b"\x01"
_KEM = b"\x00\x20"  # DHKEM(X25519, HKDF-SHA256)
_KEM_SUITE = b"KEM" + _KEM
_HPKE_SUITE = b"HPKE" + _KEM + b"\x00\x01" + b"\x00\x03"  # HKDF-SHA256, ChaCha20Poly1305


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    """LabeledExtract, RFC 9180, 4."""
    message = b"HPKE-v1" + suite + label + ikm
    return hmac.new(salt or bytes(32), message, hashlib.sha256).digest()


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, n: int) -> bytes:
    """LabeledExpand, RFC 9180, 4."""
    labeled = n.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(algorithm=SHA256(), length=n, info=labeled).derive(prk)


def _dh(private: X25519PrivateKey, public: bytes) -> bytes:
    """[WR-3]: `exchange` refuses the all-zero result with ValueError."""
    return private.exchange(X25519PublicKey.from_public_bytes(public))


def _kem_secret(dh: bytes, enc: bytes, public: bytes) -> bytes:
    """ExtractAndExpand, RFC 9180, 4.1."""
    prk = _extract(_KEM_SUITE, b"", b"eae_prk", dh)
    return _expand(_KEM_SUITE, prk, b"shared_secret", enc + public, 32)


def schedule(shared: bytes, info: bytes, psk: bytes, psk_id: bytes) -> tuple[bytes, bytes]:
    """KeySchedule, RFC 9180, 5.1: key and base nonce."""
    context = (
        MODE_PSK
        + _extract(_HPKE_SUITE, b"", b"psk_id_hash", psk_id)
        + _extract(_HPKE_SUITE, b"", b"info_hash", info)
    )
    secret = _extract(_HPKE_SUITE, shared, b"secret", psk)
    key = _expand(_HPKE_SUITE, secret, b"key", context, 32)
    return key, _expand(_HPKE_SUITE, secret, b"base_nonce", context, 12)


def public_of(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def seal(
    public: bytes,
    info: bytes,
    aad: bytes,
    plaintext: bytes,
    psk: bytes,
    psk_id: bytes,
    ephemeral: bytes,
) -> tuple[bytes, bytes]:
    """SealPSK: enc and ciphertext. `ephemeral` is the private key skE itself."""
    enc = public_of(ephemeral)
    try:
        dh = _dh(X25519PrivateKey.from_private_bytes(ephemeral), public)
    except ValueError:
        raise Refused("invalid-input", "unusable public key") from None
    key, nonce = schedule(_kem_secret(dh, enc, public), info, psk, psk_id)
    return enc, ChaCha20Poly1305(key).encrypt(nonce, plaintext, aad)


def open_(
    private: bytes,
    enc: bytes,
    info: bytes,
    aad: bytes,
    ciphertext: bytes,
    psk: bytes,
    psk_id: bytes,
) -> bytes | None:
    """OpenPSK: the plaintext, or None when anything about it fails."""
    key_pair = X25519PrivateKey.from_private_bytes(private)
    try:
        dh = _dh(key_pair, enc)
    except ValueError:
        return None
    public = key_pair.public_key().public_bytes_raw()
    key, nonce = schedule(_kem_secret(dh, enc, public), info, psk, psk_id)
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, ciphertext, aad)
    except InvalidTag:
        return None

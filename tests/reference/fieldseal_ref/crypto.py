"""Sections 2, 4, 5.5, 6, 7.4 and 7.5: derivation, the AEAD, wrapping, the MAC."""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from . import hpke
from .encoding import s8, u8, u16, u32, u64
from .errors import Refused
from .ring import PairForm, RingKey, Scope, SymmetricForm, WriterForm

# [DK-1]
LABEL_DATA_KEY = b"fieldseal/v1 data key"
LABEL_WRAP_KEY = b"fieldseal/v1 wrap key"
LABEL_WRAP = b"fieldseal/v1 wrap"
LABEL_WRITER = b"fieldseal/v1 writer"
LABEL_ENVELOPE_KEY = b"fieldseal/v1 envelope key"
LABEL_ENVELOPE = b"fieldseal/v1 envelope"
LABEL_EMPTY_CLASS = b"fieldseal/v1 empty class"
LABEL_INDEX = b"fieldseal/v1 index"
LABEL_PSEUDONYM = b"fieldseal/v1 pseudonym"

SUITE = 1  # [DK-4]
KIND_SYMMETRIC = 1
KIND_HPKE = 2
WRAPPED_LENGTH = {KIND_SYMMETRIC: 72, KIND_HPKE: 80}  # [RC-2]
MAX_PLAINTEXT = 274_877_906_880


class Generator:
    """[RN-1] [RN-2]: one draw of 32 bytes from the system, then ChaCha20.

    A given seed makes a call repeatable for vectors; no stored byte shows it.
    """

    def __init__(self, seed: bytes | None = None) -> None:
        key = os.urandom(32) if seed is None else seed
        self._stream = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor()

    def take(self, n: int) -> bytes:
        return self._stream.update(bytes(n))


def expand(key: bytes, info: bytes, n: int) -> bytes:
    """HKDF-Expand with SHA-256 (section 2)."""
    return HKDFExpand(algorithm=SHA256(), length=n, info=info).derive(key)


def aead_seal(key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
    if len(plaintext) > MAX_PLAINTEXT:
        raise Refused("invalid-input", "value too long")
    return crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, aad, nonce, key)


def aead_open(key: bytes, nonce: bytes, aad: bytes, sealed: bytes) -> bytes | None:
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, aad, nonce, key)
    except CryptoError:
        return None


@dataclass(frozen=True)
class Keys:
    aead: bytes
    commitment: bytes

    @property
    def tag(self) -> bytes:
        return self.commitment[:4]


def derive(
    data_key: bytes, suite: int, tenant: bytes, subject: bytes, cls: str, generation: int
) -> Keys:
    """[DK-3]"""
    info = (
        LABEL_DATA_KEY
        + u8(suite)
        + s8(tenant)
        + s8(subject)
        + s8(cls.encode("ascii"))
        + u16(generation)
    )
    okm = expand(data_key, info, 64)
    return Keys(okm[:32], okm[32:])


def wrap_aad(
    tenant: bytes,
    subject: bytes,
    cls: str,
    generation: int,
    suite: int,
    created_at: int,
    expires_at: int,
    commitment: bytes,
    kind: int,
    key_id: int,
) -> bytes:
    """The wrap AAD of 7.4."""
    return (
        LABEL_WRAP
        + s8(tenant)
        + s8(subject)
        + s8(cls.encode("ascii"))
        + u16(generation)
        + u8(suite)
        + u64(created_at)
        + u64(expires_at)
        + commitment
        + u8(kind)
        + u32(key_id)
    )


def kind_of(key: RingKey) -> int | None:
    """The recipient kind that this key's form writes, if any [RK-3]."""
    if isinstance(key.form, SymmetricForm):
        return KIND_SYMMETRIC
    if isinstance(key.form, (PairForm, WriterForm)):
        return KIND_HPKE
    return None


def wrap(
    kind: int,
    key: RingKey,
    data_key: bytes,
    aad: bytes,
    *,
    nonce: bytes = b"",
    ephemeral: bytes = b"",
) -> bytes:
    """[WR-1] with `nonce`, [WR-2] with the private key `ephemeral`."""
    form = key.form
    if kind == KIND_SYMMETRIC and isinstance(form, SymmetricForm):
        wrap_key = expand(form.secret, LABEL_WRAP_KEY, 32)
        return nonce + aead_seal(wrap_key, nonce, aad, data_key)
    if kind == KIND_HPKE and isinstance(form, (PairForm, WriterForm)):
        psk = expand(form.writer, LABEL_WRITER, 32)  # [WR-4]
        enc, ciphertext = hpke.seal(
            form.public, LABEL_WRAP, aad, data_key, psk, u32(key.id), ephemeral
        )
        return enc + ciphertext
    raise Refused("invalid-input", "this key does not wrap in this kind")


def wrap_fresh(kind: int, key: RingKey, data_key: bytes, aad: bytes, gen: Generator) -> bytes:
    if kind == KIND_SYMMETRIC:
        return wrap(kind, key, data_key, aad, nonce=gen.take(24))
    return wrap(kind, key, data_key, aad, ephemeral=gen.take(32))


def unwrap(kind: int, key: RingKey, wrapped: bytes, aad: bytes) -> bytes | None:
    """[WR-7] but for the commitment: None when it fails."""
    form = key.form
    if key.use != "wrap" or len(wrapped) != WRAPPED_LENGTH.get(kind):
        return None
    if kind == KIND_SYMMETRIC and isinstance(form, SymmetricForm):
        wrap_key = expand(form.secret, LABEL_WRAP_KEY, 32)
        return aead_open(wrap_key, wrapped[:24], aad, wrapped[24:])
    if kind == KIND_HPKE and isinstance(form, PairForm):
        psk = expand(form.writer, LABEL_WRITER, 32)
        return hpke.open_(
            form.private, wrapped[:32], LABEL_WRAP, aad, wrapped[32:], psk, u32(key.id)
        )
    return None


def scope_info(scope: Scope) -> bytes:
    """[RK-7]: the info of a derived key."""
    label = LABEL_INDEX if scope.use == "index" else LABEL_PSEUDONYM
    return label + b"".join(s8(part) for part in scope.encoded)


def empty_tag(cls: str, generation: int, erased_at: int) -> bytes:
    """[ED-21]"""
    of = s8(cls.encode()) + u16(generation) + u64(erased_at)
    return hashlib.sha256(LABEL_EMPTY_CLASS + of).digest()[:4]


def mac(secret: bytes, tenant: bytes, subject: bytes, body: bytes) -> bytes:
    """[MAC-1]: `body` is bytes 0..L-16 of the envelope."""
    key = expand(secret, LABEL_ENVELOPE_KEY, 32)
    message = LABEL_ENVELOPE + s8(tenant) + s8(subject) + body
    return hmac.new(key, message, hashlib.sha256).digest()[:16]


same = hmac.compare_digest

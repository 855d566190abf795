"""RK-8 to RK-10 of section 12.1: keys that sign, what verifies, and subjects' tokens."""

from __future__ import annotations

import functools
import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .crypto import expand
from .encoding import s8, u32
from .errors import Refused
from .shares import WHITE_SPACE
from .spelling import from_base64, to_base64

LABEL_SIGN = b"fieldseal/v1 sign"
LABEL_SUBJECT = b"fieldseal/v1 ledger subject"
LABEL_TEXT = b"fieldseal/v1 verifying key text"

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # of -1

# Points as x, y: slow, and easy to hold against RFC 8032, 5.1.
Point = tuple[int, int]
NEUTRAL: Point = (0, 1)


def _add(a: Point, b: Point) -> Point:
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P
    return x, y


def _times(n: int, point: Point) -> Point:
    out = NEUTRAL
    while n:
        if n & 1:
            out = _add(out, point)
        point, n = _add(point, point), n >> 1
    return out


def decoded(data: bytes) -> Point | None:
    """The point of an encoding that is canonical."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return (x if x & 1 == sign else P - x, y)


def _good(data: bytes) -> Point | None:
    """[RK-10]: not of an order that divides 8."""
    point = decoded(data)
    return None if point is None or _times(8, point) == NEUTRAL else point


BASE = decoded((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def is_public(data: bytes) -> bool:
    """[RK-10]"""
    return len(data) == 32 and _good(data) is not None


@functools.lru_cache(4_096)
def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """[RK-10]"""
    a, r = _good(public), _good(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or len(signature) != 64 or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    assert BASE is not None
    return _times(s, BASE) == _add(r, _times(k, a))


def private_key(secret: bytes) -> bytes:
    """[RK-8]"""
    return expand(secret, LABEL_SIGN, 32)


def public_key(secret: bytes) -> bytes:
    private = Ed25519PrivateKey.from_private_bytes(private_key(secret))
    return private.public_key().public_bytes_raw()


def sign(secret: bytes, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(private_key(secret)).sign(message)


def token_key(secret: bytes, tenant: bytes) -> bytes:
    """[RK-9]"""
    return expand(secret, LABEL_SUBJECT + s8(tenant), 32)


def token(key: bytes, subject: bytes) -> bytes:
    """[RK-9]"""
    return hmac.new(key, s8(subject), hashlib.sha256).digest()[:16]


# --- text ------------------------------------------------------------------


def _checksum(told: bytes) -> bytes:
    return hashlib.sha256(LABEL_TEXT + told).digest()[:4]


def verifying_key_text(key_id: int, public: bytes) -> str:
    """[RF-30]"""
    told = u32(key_id) + public
    return "fsv1." + to_base64(told + _checksum(told))


def verifying_key_from_text(text: str) -> tuple[int, bytes]:
    """[RF-30]"""
    text = text.strip(WHITE_SPACE)
    data = from_base64(text[5:]) if text.startswith("fsv1.") else None
    if data is None or len(data) != 40 or _checksum(data[:36]) != data[36:]:
        raise Refused("malformed", "no verifying key")
    key_id, public = int.from_bytes(data[:4], "big"), data[4:36]
    if key_id == 0 or not is_public(public):
        raise Refused("malformed", "no key verifies so")
    return key_id, public

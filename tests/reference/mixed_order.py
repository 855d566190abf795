"""[RK-10] Signatures by a public key of mixed order: whether they verify depends on k modulo L."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from fieldseal_ref import ed25519
from fieldseal_ref.ed25519 import BASE, L, NEUTRAL, P, _add, _times, decoded

SECRET = int.from_bytes(hashlib.sha512(b"mixed order").digest(), "little") % L


def _encoded(point: tuple[int, int]) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _torsion() -> tuple[int, int]:
    """A point of order 8."""
    for y in range(2, 100):
        point = decoded(y.to_bytes(32, "little"))
        if point is not None:
            out = _times(L, point)
            if _times(4, out) != NEUTRAL:
                return out
    raise AssertionError


assert BASE is not None and P
PUBLIC = _encoded(_add(_times(SECRET, BASE), _torsion()))


def signatures(message: bytes) -> Iterator[tuple[bytes, int]]:
    """Signatures by the prime-order part of the key, each with the whole k."""
    assert BASE is not None
    for attempt in range(10_000):
        r = int.from_bytes(hashlib.sha512(b"r %d" % attempt + message).digest(), "little") % L
        first = _encoded(_times(r, BASE))
        k = int.from_bytes(hashlib.sha512(first + PUBLIC + message).digest(), "little")
        yield first + ((r + k % L * SECRET) % L).to_bytes(32, "little"), k


def verifies(message: bytes) -> bytes:
    """It verifies with k modulo L, and would not with the whole k."""
    out = next(s for s, k in signatures(message) if k % L % 8 == 0 and k % 8)
    assert ed25519.verify(PUBLIC, message, out)
    return out


def does_not(message: bytes) -> bytes:
    """It would verify with the whole k, or with a cofactor, and does not with k modulo L."""
    out = next(s for s, k in signatures(message) if k % L % 8 and k % 8 == 0)
    assert not ed25519.verify(PUBLIC, message, out)
    return out

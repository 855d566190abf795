"""The outer layout of section 10, apart because [AS-1] needs it too."""

from __future__ import annotations

from .encoding import STANDALONE_CLASS
from .envelope import MIN_LENGTH, Envelope, Live
from .errors import Refused


def split(data: bytes) -> tuple[bytes, bytes]:
    """Step b of [SA-5]: key envelope and sealed field."""
    if len(data) < 3:
        raise Refused("malformed", "too short")
    e = int.from_bytes(data[1:3], "big")
    inner, sealed = data[3 : 3 + e], data[3 + e :]
    if e < MIN_LENGTH or len(inner) != e or inner[0] != 0xF6:
        raise Refused("malformed", "key envelope")
    if len(sealed) < 46 or sealed[0] != 0xF5:
        raise Refused("malformed", "sealed field")
    return inner, sealed


def check(envelope: Envelope, sealed: bytes) -> Live:
    """[SA-4]"""
    entry = envelope.entries[0]
    if (
        len(envelope.entries) != 1
        or not isinstance(entry, Live)
        or (entry.cls, entry.generation) != (STANDALONE_CLASS, 1)
        or entry.tag != sealed[1:5]
    ):
        raise Refused("malformed", "not the one entry of a standalone envelope")
    return entry

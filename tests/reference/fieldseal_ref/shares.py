"""Sections 12.6 and 12.7: custodians' shares, and the texts people copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .crypto import expand, same
from .encoding import u8
from .errors import Refused
from .spelling import from_base64, to_base64

LABEL_SHARE = b"fieldseal/v1 share"
LABEL_SHARE_TAG = b"fieldseal/v1 share tag"
LABEL_SLOT_KEY_TEXT = b"fieldseal/v1 slot key text"

WHITE_SPACE = "".join(
    map(
        chr,
        [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)]
        + [0x2028, 0x2029, 0x202F, 0x205F, 0x3000],
    )
)

# --- GF(2^8) ---------------------------------------------------------------


def multiply(a: int, b: int) -> int:
    """Modulo x^8 + x^4 + x^3 + x + 1 [RF-17]."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def inverse(a: int) -> int:
    assert a
    return next(b for b in range(1, 256) if multiply(a, b) == 1)


def _at_zero(points: Sequence[tuple[int, int]]) -> int:
    """The value at 0 of the polynomial of least degree through these points."""
    total = 0
    for x, y in points:
        basis = 1
        for other, _ in points:
            if other != x:
                basis = multiply(basis, multiply(other, inverse(other ^ x)))
        total ^= multiply(y, basis)
    return total


# --- shares ----------------------------------------------------------------


@dataclass(frozen=True)
class Share:
    set: bytes
    threshold: int
    count: int
    index: int
    value: bytes

    @property
    def header(self) -> bytes:
        return self.set + u8(self.threshold) + u8(self.count) + u8(self.index)

    @property
    def checksum(self) -> bytes:
        """[RF-18]"""
        return expand(self.value, LABEL_SHARE + self.header, 4)

    @property
    def tag(self) -> bytes:
        """[RF-18]"""
        return expand(self.value, LABEL_SHARE_TAG + self.header, 8)


def _possible(threshold: int, count: int) -> bool:
    return 2 <= threshold <= 16 and threshold <= count <= 32


def split(
    key: bytes, set_: bytes, threshold: int, count: int, draw: Callable[[int], bytes]
) -> list[Share]:
    """[RF-17]"""
    if not _possible(threshold, count):
        raise Refused("invalid-input", "no such threshold and number of shares")
    coefficients = [key] + [draw(32) for _ in range(threshold - 1)]
    shares = []
    for index in range(1, count + 1):
        value = bytes(32)
        for coefficient in reversed(coefficients):
            value = bytes(multiply(v, index) ^ c for v, c in zip(value, coefficient))
        shares.append(Share(set_, threshold, count, index, value))
    return shares


def combine(shares: Sequence[Share], set_: bytes, tags: Sequence[bytes]) -> bytes:
    """[RF-21]"""
    for share in shares:
        if (share.set, share.threshold, share.count) != (set_, shares[0].threshold, len(tags)):
            raise Refused("invalid-input", f"share {share.index} is of another split")
    if len({share.index for share in shares}) < len(shares):
        raise Refused("invalid-input", "a share was given twice")
    for share in shares:
        if not same(share.tag, tags[share.index - 1]):
            raise Refused("invalid-input", f"share {share.index} is not the one that was made")
    if not shares or len(shares) < shares[0].threshold:
        raise Refused("invalid-input", "too few shares")
    enough = shares[: shares[0].threshold]
    columns = zip(*(share.value for share in enough))
    indices = [share.index for share in enough]
    return bytes(_at_zero(list(zip(indices, column))) for column in columns)


# --- texts -----------------------------------------------------------------

_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def share_text(share: Share) -> str:
    """[RF-19]"""
    data = share.header + share.value + share.checksum
    number = int.from_bytes(data, "big") << 4
    symbols = "".join(_SYMBOLS[(number >> shift) & 31] for shift in range(375, -1, -5))
    return "FSSHARE1" + "".join("-" + symbols[at : at + 4] for at in range(0, 76, 4))


def _upper(text: str) -> str:
    return "".join(chr(ord(c) - 32) if "a" <= c <= "z" else c for c in text)


def share_from_text(text: str) -> Share:
    """[RF-20]"""
    if len(text.encode("utf-8", "surrogatepass")) > 1024:
        raise Refused("malformed", "too long")
    typed = _upper("".join(c for c in text if c != "-" and c not in WHITE_SPACE))
    if not typed.startswith("FSSHARE"):
        raise Refused("malformed", "no share")
    symbols = typed[7:].replace("O", "0").replace("I", "1").replace("L", "1")
    version, symbols = symbols[:1], symbols[1:]
    if version and version in "23456789":
        raise Refused("unsupported", "a share of a later version")
    if version != "1":
        raise Refused("malformed", "no share")
    if len(symbols) != 76 or any(c not in _SYMBOLS for c in symbols):
        raise Refused("malformed", "no symbols of a share")
    number = 0
    for c in symbols:
        number = number << 5 | _SYMBOLS.index(c)
    if number & 15:
        raise Refused("malformed", "unused bits are not zero")
    data = (number >> 4).to_bytes(47, "big")
    share = Share(data[:8], data[8], data[9], data[10], data[11:43])
    if not same(share.checksum, data[43:]):
        raise Refused("malformed", "a typing error")
    if not _possible(share.threshold, share.count) or not 1 <= share.index <= share.count:
        raise Refused("malformed", "no such share is made")
    return share


def _slot_key_checksum(key: bytes) -> bytes:
    return expand(key, LABEL_SLOT_KEY_TEXT, 4)


def slot_key_text(key: bytes) -> str:
    """[RF-12]"""
    return "fsk1." + to_base64(key + _slot_key_checksum(key))


def slot_key_from_text(text: str) -> bytes:
    """[RF-12]"""
    text = text.strip(WHITE_SPACE)
    data = from_base64(text[5:]) if text.startswith("fsk1.") else None
    if data is None or len(data) != 36 or not same(_slot_key_checksum(data[:32]), data[32:]):
        raise Refused("malformed", "no slot key")
    return data[:32]

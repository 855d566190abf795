"""Section 5.3: the strict CBOR of values, and the types that accept items."""

from __future__ import annotations

import math
import re
import struct
import uuid
from dataclasses import dataclass
from typing import Union

from .encoding import I64_MIN, U64_MAX
from .errors import Refused

MAX_LEVEL = 64  # [PT-9]
MAX_NANOS = 999_999_999
I64_MAX = 2**63 - 1


@dataclass(frozen=True)
class F32:
    bits: bytes


@dataclass(frozen=True)
class F64:
    bits: bytes


@dataclass(frozen=True)
class Map:
    pairs: tuple[tuple[Item, Item], ...]


@dataclass(frozen=True)
class Json:
    """A JSON value of no declared type [PT-19]."""

    item: Item


@dataclass(frozen=True)
class Date:
    text: str


@dataclass(frozen=True)
class Instant:
    seconds: int
    nanos: int


@dataclass(frozen=True)
class Decimal:
    exponent: int
    mantissa: int


Item = Union[
    None,
    bool,
    int,
    bytes,
    str,
    list["Item"],
    Map,
    F32,
    F64,
    Json,
    uuid.UUID,
    Date,
    Instant,
    Decimal,
]

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)


def is_date(text: str) -> bool:
    """[PT-5]: year 0000 is a leap year of the proleptic calendar."""
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = (int(part) for part in match.groups())
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return 1 <= month <= 12 and 1 <= day <= days[month - 1]


# --- encoder ---------------------------------------------------------------


def _head(major: int, argument: int) -> bytes:
    """[PT-2]: the shortest head."""
    top = major << 5
    if argument < 24:
        return bytes([top | argument])
    for code, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * width):
            return bytes([top | code]) + argument.to_bytes(width, "big")
    raise Refused("invalid-input", "argument too large")


def _integer(n: int) -> bytes:
    if not I64_MIN <= n <= U64_MAX:
        raise Refused("invalid-input", "integer out of range")
    return _head(0, n) if n >= 0 else _head(1, -1 - n)


def _bytes(b: bytes) -> bytes:
    return _head(2, len(b)) + b


def _big(n: int) -> bytes:
    return _bytes(n.to_bytes((n.bit_length() + 7) // 8, "big"))


def encode(item: Item, level: int = 0) -> bytes:
    """[PT-1] to [PT-9] on sealing: what cannot be written is `invalid-input`."""
    if level > MAX_LEVEL:
        raise Refused("invalid-input", "nested too deep")
    if item is None:
        return b"\xf6"
    if isinstance(item, bool):
        return b"\xf5" if item else b"\xf4"
    if isinstance(item, int):
        return _integer(item)
    if isinstance(item, bytes):
        return _bytes(item)
    if isinstance(item, str):
        try:
            text = item.encode("utf-8")
        except UnicodeEncodeError:
            raise Refused("invalid-input", "not valid UTF-8") from None
        return _head(3, len(text)) + text
    if isinstance(item, list):
        return _head(4, len(item)) + b"".join(encode(x, level + 1) for x in item)
    if isinstance(item, Map):
        return _head(5, len(item.pairs)) + b"".join(
            encode(k, level + 1) + encode(v, level + 1) for k, v in item.pairs
        )
    if isinstance(item, Json):
        return encode([item.item], level)
    if isinstance(item, F32):
        return b"\xfa" + item.bits
    if isinstance(item, F64):
        return b"\xfb" + item.bits
    if isinstance(item, uuid.UUID):
        return _head(6, 37) + encode(item.bytes, level + 1)
    if isinstance(item, Date):
        if not is_date(item.text):
            raise Refused("invalid-input", "not a date")
        return _head(6, 1004) + encode(item.text, level + 1)
    if isinstance(item, Instant):
        if not I64_MIN <= item.seconds <= I64_MAX or not 0 <= item.nanos <= MAX_NANOS:  # [PT-6]
            raise Refused("invalid-input", "instant out of range")
        entries = Map(((1, item.seconds), (-9, item.nanos)))
        return _head(6, 1001) + encode(entries, level + 1)
    if not -28 <= item.exponent <= 0 or abs(item.mantissa) >= 2**96:  # [PT-7]
        raise Refused("invalid-input", "decimal out of range")
    mantissa = item.mantissa
    if I64_MIN <= mantissa <= U64_MAX:  # [PT-8]
        deepest, coded = level + 2, _integer(mantissa)
    elif mantissa > 0:
        deepest, coded = level + 3, _head(6, 2) + _big(mantissa)
    else:
        deepest, coded = level + 3, _head(6, 3) + _big(-1 - mantissa)
    if deepest > MAX_LEVEL:
        raise Refused("invalid-input", "nested too deep")
    return _head(6, 4) + b"\x82" + _integer(item.exponent) + coded


# --- decoder ---------------------------------------------------------------


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, n: int) -> bytes:
        """[PT-10]: checked against what remains before anything is made."""
        if n > len(self.data) - self.at:
            raise Refused("malformed", "runs past the end")
        out = self.data[self.at : self.at + n]
        self.at += n
        return out

    def head(self) -> tuple[int, int, int]:
        """Major type, additional information, argument [PT-2] [PT-4]."""
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info, info
        if info > 27:
            raise Refused("malformed", "indefinite length or reserved head")
        width = 1 << (info - 24)
        argument = int.from_bytes(self.take(width), "big")
        shortest = argument >= 24 if width == 1 else argument >= 1 << (4 * width)
        if major != 7 and not shortest:
            raise Refused("malformed", "a longer head than needed")
        return major, info, argument

    def count(self, n: int, least: int) -> int:
        """[PT-10]: n members of at least `least` bytes each must still fit."""
        if n * least > len(self.data) - self.at:
            raise Refused("malformed", "count runs past the end")
        return n

    def item(self, level: int) -> Item:
        if level > MAX_LEVEL:
            raise Refused("malformed", "nested too deep")
        major, info, argument = self.head()
        if major == 0:
            return argument
        if major == 1:
            if argument >= 2**63:
                raise Refused("malformed", "integer below -2^63")
            return -1 - argument
        if major == 2:
            return self.take(argument)
        if major == 3:
            try:
                return self.take(argument).decode("utf-8")
            except UnicodeDecodeError:
                raise Refused("malformed", "invalid UTF-8") from None
        if major == 4:
            return [self.item(level + 1) for _ in range(self.count(argument, 1))]
        if major == 5:
            return Map(
                tuple(
                    (self.item(level + 1), self.item(level + 1))
                    for _ in range(self.count(argument, 2))
                )
            )
        if major == 6:
            return self.tagged(argument, level + 1)
        if info == 20 or info == 21:
            return info == 21
        if info == 22:
            return None
        if info == 26:
            return F32(argument.to_bytes(4, "big"))
        if info == 27:
            return F64(argument.to_bytes(8, "big"))
        raise Refused("malformed", "a simple value or float of another kind")

    def tagged(self, tag: int, level: int) -> Item:
        """The four tags of [PT-3]; tags 2 and 3 stand only in a decimal [PT-8]."""
        if tag == 37:
            content = self.item(level)
            if isinstance(content, bytes) and len(content) == 16:
                return uuid.UUID(bytes=content)
        elif tag == 1004:
            content = self.item(level)
            if isinstance(content, str) and is_date(content):
                return Date(content)
        elif tag == 1001:
            content = self.item(level)
            if isinstance(content, Map) and len(content.pairs) == 2:
                (k1, seconds), (k2, nanos) = content.pairs
                if (
                    (_is_int(k1) and k1 == 1)
                    and (_is_int(k2) and k2 == -9)
                    and (isinstance(seconds, int) and _is_int(seconds))
                    and (isinstance(nanos, int) and _is_int(nanos))
                    and I64_MIN <= seconds <= I64_MAX
                    and 0 <= nanos <= MAX_NANOS
                ):
                    return Instant(seconds, nanos)
        elif tag == 4:
            return self.decimal(level)
        raise Refused("malformed", "unknown tag, or content not as laid down")

    def decimal(self, level: int) -> Decimal:
        """[PT-7] [PT-8]"""
        if level > MAX_LEVEL or self.head()[:2] != (4, 2):
            raise Refused("malformed", "decimal is not an array of two")
        exponent = self.item(level + 1)
        if not isinstance(exponent, int) or not _is_int(exponent) or not -28 <= exponent <= 0:
            raise Refused("malformed", "decimal exponent")
        if self.at < len(self.data) and self.data[self.at] in (0xC2, 0xC3):
            negative = self.data[self.at] == 0xC3
            if level + 1 > MAX_LEVEL:
                raise Refused("malformed", "nested too deep")
            self.at += 1
            digits = self.item(level + 2)
            if not isinstance(digits, bytes) or not digits or digits[0] == 0 or len(digits) > 12:
                raise Refused("malformed", "decimal mantissa")
            n = int.from_bytes(digits, "big")
            if negative and not 2**63 <= n <= 2**96 - 2 or not negative and n < 2**64:
                raise Refused("malformed", "decimal mantissa")
            return Decimal(exponent, -1 - n if negative else n)
        mantissa = self.item(level + 1)
        if not isinstance(mantissa, int) or not _is_int(mantissa):
            raise Refused("malformed", "decimal mantissa")
        return Decimal(exponent, mantissa)


def _is_int(x: Item) -> bool:
    return isinstance(x, int) and not isinstance(x, bool)


def decode(data: bytes) -> Item:
    """One item and nothing else."""
    decoder = _Decoder(data)
    item = decoder.item(0)
    if decoder.at != len(data):
        raise Refused("malformed", "bytes behind the item")
    return item


def present(data: bytes) -> Item:
    """[PT-17]: what a type of the caller's encoded, before it is sealed."""
    try:
        item = decode(data)
    except Refused:
        raise Refused("invalid-input", "not exactly one accepted item") from None
    if item is None:
        raise Refused("invalid-input", "a present value that is the bare null")
    return item


def decode_padded(plaintext: bytes) -> Item:
    """One item and zero bytes [PT-1] [PAD-2]."""
    decoder = _Decoder(plaintext)
    item = decoder.item(0)
    if any(plaintext[decoder.at :]):
        raise Refused("malformed", "padding is not zero")
    return item


# --- types -----------------------------------------------------------------

_INTEGERS = {
    f"{sign}{bits}": (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    if sign == "i"
    else (0, (1 << bits) - 1)
    for sign in "iu"
    for bits in (8, 16, 32, 64)
}
_PLAIN: dict[str, type] = {
    "text": str,
    "bytes": bytes,
    "bool": bool,
    "f32": F32,
    "f64": F64,
    "uuid": uuid.UUID,
    "date": Date,
    "instant": Instant,
    "decimal": Decimal,
}


def widen(f: F32) -> F64:
    """A 32-bit float as a 64-bit one.

    Which NaN a NaN gives is not fixed; here it keeps its sign and leading bits and is quiet.
    """
    bits = int.from_bytes(f.bits, "big")
    if bits & 0x7F80_0000 == 0x7F80_0000 and bits & 0x007F_FFFF:
        wide = (bits >> 31) << 63 | 0x7FF8 << 48 | (bits & 0x007F_FFFF) << 29
        return F64(wide.to_bytes(8, "big"))
    return F64(struct.pack(">d", struct.unpack(">f", f.bits)[0]))


def is_json(item: Item) -> bool:
    """[PT-19]"""
    if isinstance(item, list):
        return all(is_json(one) for one in item)
    if isinstance(item, Map):
        keys = [key for key, _ in item.pairs]
        texts = [key for key in keys if isinstance(key, str)]
        return len(set(texts)) == len(keys) and all(is_json(one) for _, one in item.pairs)
    if isinstance(item, F64):
        return math.isfinite(struct.unpack(">d", item.bits)[0])
    return item is None or isinstance(item, (bool, int, str))


def accept(kind: str, item: Item, takes_absence: bool) -> Item:
    """The table of accepted items [PT-11] [PT-13].

    `takes_absence`: the field hides absence, and the type asked for has an absent value.
    """
    if item is None:
        if takes_absence:
            return None
        raise Refused("type-mismatch", "an outermost null")
    if kind == "any":
        return item
    if kind == "json":
        if isinstance(item, list) and len(item) == 1 and is_json(item[0]):
            return Json(item[0])
        raise Refused("type-mismatch", kind)
    if kind == "f64" and isinstance(item, F32):
        return widen(item)
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        if isinstance(item, int) and not isinstance(item, bool) and low <= item <= high:
            return item
    elif isinstance(item, _PLAIN[kind]):
        return item
    raise Refused("type-mismatch", kind)

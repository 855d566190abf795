"""Sections 2, 3 and 11: integers, length prefixes, names, ids, the text form."""

from __future__ import annotations

import base64
import re
import uuid
from typing import Union

from .errors import Refused

U16_MAX = 2**16 - 1
U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1
I64_MIN = -(2**63)


def u8(n: int) -> bytes:
    return n.to_bytes(1, "big")


def u16(n: int) -> bytes:
    return n.to_bytes(2, "big")


def u32(n: int) -> bytes:
    return n.to_bytes(4, "big")


def u64(n: int) -> bytes:
    return n.to_bytes(8, "big")


def s8(x: bytes) -> bytes:
    return u8(len(x)) + x


def s16(x: bytes) -> bytes:
    return u16(len(x)) + x


# --- names -----------------------------------------------------------------

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
STANDALONE_CLASS = "standalone"
MASK_PREFIX = "mask."


def is_name(text: str) -> bool:
    """[NM-1]"""
    return _NAME.fullmatch(text) is not None


def check_name(text: str) -> str:
    """[NM-1] [NM-4]"""
    if not is_name(text):
        raise Refused("invalid-input", "not a name")
    return text


def check_declared_class(text: str) -> str:
    """[NM-2] [NM-4]"""
    check_name(text)
    if len(text) > 59 or text.startswith(MASK_PREFIX) or text == STANDALONE_CLASS:
        raise Refused("invalid-input", "not a class an application may declare")
    return text


def is_mask_class(text: str) -> bool:
    """[MA-2]"""
    return text.startswith(MASK_PREFIX)


def check_class(text: str) -> str:
    """[NM-2] [MA-2]: a declared class, or the mask class of one."""
    check_name(text)
    check_declared_class(text.removeprefix(MASK_PREFIX))
    return text


def utf8(text: str) -> bytes:
    """Text as given, without normalization. What is not Unicode is refused."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused("invalid-input", "not valid UTF-8") from None


def check_tenant(text: str) -> bytes:
    """[NM-3] [NM-4]"""
    out = utf8(text)
    if len(out) > 64:
        raise Refused("invalid-input", "tenant too long")
    return out


# --- ids -------------------------------------------------------------------

Part = Union[int, str, uuid.UUID, bytes]
Id = Union[Part, tuple["Id", ...]]


def encode_id(value: Id) -> bytes:
    """[ID-1] to [ID-5]; the empty id is `empty_or_id`'s."""
    if isinstance(value, tuple):
        if len(value) < 2:
            raise Refused("invalid-input", "a composite has at least two parts")
        out = b"\x06"
        for part in value:
            if isinstance(part, tuple):
                raise Refused("invalid-input", "a composite within a composite")
            out += s8(encode_id(part))
    elif isinstance(value, int):
        if 0 <= value <= U64_MAX:
            out = b"\x01" + u64(value)
        elif I64_MIN <= value < 0:
            out = b"\x05" + value.to_bytes(8, "big", signed=True)
        else:
            raise Refused("invalid-input", "integer id out of range")
    elif isinstance(value, str):
        out = b"\x02" + utf8(value)
    elif isinstance(value, uuid.UUID):
        out = b"\x03" + value.bytes
    else:
        out = b"\x04" + value
    if not 2 <= len(out) <= 255:
        raise Refused("invalid-input", "id empty or too long")
    return out


def subject_id(value: Id | None) -> bytes:
    """[ID-6]: a subject is never empty, but for the standalone envelope's."""
    if value is None:
        raise Refused("invalid-input", "empty subject")
    return encode_id(value)


def row_id(value: Id | None) -> bytes:
    """[ID-6]: `None` says that the record is declared to have a single row."""
    return b"" if value is None else encode_id(value)


# --- text form -------------------------------------------------------------

_PREFIX = "fs1."
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def to_text(data: bytes) -> str:
    """[TX-1]"""
    if not data or data[0] not in (0xF5, 0xF6, 0xF7):
        raise Refused("invalid-input", "no text form for these bytes")
    return _PREFIX + base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_text(text: str) -> bytes:
    """[TX-2] [TX-3]"""
    if not text.startswith(_PREFIX):
        raise Refused("not-sealed", "no fs1. prefix")
    body = text[len(_PREFIX) :]
    if not _BASE64URL.fullmatch(body) or len(body) % 4 == 1:
        raise Refused("malformed", "text form is not canonical")
    data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii") != body:
        raise Refused("malformed", "unused bits of the text form are not zero")
    if not data or data[0] < 0xF5:
        raise Refused("malformed", "text form of what is not ours")
    if data[0] >= 0xF8:
        raise Refused("unsupported", "reserved first byte")
    return data

"""Section 12.2: JSON as ring documents have it, and its canonical form (RFC 8785)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn, Union

from .errors import Refused


@dataclass(frozen=True)
class Number:
    """A number as it is spelled: whether it is an integer is the reader's to ask [RF-2]."""

    spelled: str


@dataclass(frozen=True)
class Object:
    """The members as they stand, some perhaps twice."""

    members: tuple[tuple[str, Json], ...]


Json = Union[Object, "list[Json]", str, Number, bool, None]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def parse(data: bytes) -> Json:
    """One JSON text (RFC 8259) in UTF-8 without a byte order mark [RF-1]."""
    try:
        parsed: Json = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=lambda pairs: Object(tuple(pairs)),
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError):
        raise Refused("malformed", "no JSON") from None
    return parsed


def canonical(value: Any) -> bytes:
    """JCS, for dicts with ASCII names, lists, texts, and integers below 2^53."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

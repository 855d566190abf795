"""[RF-2]: how ring documents spell bytes and times."""

from __future__ import annotations

import base64
import re
from datetime import datetime, timedelta, timezone

from .errors import Refused


def malformed(detail: str) -> Refused:
    return Refused("malformed", detail)


_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
LAST_TIME = 253_402_207_200  # 9999-12-30T22:00:00Z


def seconds(text: str) -> int:
    """[RF-2]"""
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        at = datetime.strptime(text[:-1] + "+0000", "%Y-%m-%dT%H:%M:%S%z") - _EPOCH
    except ValueError:
        raise malformed("no time") from None
    out = at.days * 86_400 + at.seconds
    # 60 is read as a second by strptime.
    if not 0 <= out <= LAST_TIME or time(out) != text:
        raise malformed("no time")
    return out


def time(at: int) -> str:
    return (_EPOCH + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")


def unhex(text: str, n: int) -> bytes:
    if not re.fullmatch(r"[0-9a-f]*", text) or len(text) != 2 * n:
        raise malformed("no lower-case hex of its length")
    return bytes.fromhex(text)


_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def to_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64(text: str) -> bytes | None:
    """Canonical base64url, or nothing [RF-2]."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        return None
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if to_base64(data) == text else None
